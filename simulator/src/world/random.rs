//! Seeded randomness that gives the same numbers on every machine.

/// A SplitMix64 generator (Steele, Lea and Flood, OOPSLA 2014; constants of Vigna's `splitmix64.c`).
///
/// One word of state, passes BigCrush, and needs only integer arithmetic: the sequence cannot differ
/// between machines. Not for secrets.
#[derive(Debug, Clone)]
pub(super) struct Random {
    state: u64,
}

/// What a stream of numbers is for; each vehicle has one stream per purpose, so that a draw more in one
/// place moves no number in another.
#[derive(Debug, Clone, Copy)]
pub(super) enum Purpose {
    Placement,
    Sensors,
    Confidence,
}

impl Random {
    /// Opens the stream of one vehicle for one purpose.
    pub(super) fn stream(seed: u64, vehicle: usize, purpose: Purpose) -> Self {
        let purpose = match purpose {
            Purpose::Placement => 1,
            Purpose::Sensors => 2,
            Purpose::Confidence => 3,
        };
        let mut random = Self { state: seed };
        let mixed = random.next_word();
        let stream = ((vehicle as u64) << 8) | purpose;
        let mut random = Self { state: mixed ^ stream.wrapping_mul(0xD134_2543_DE82_EF95) };
        let state = random.next_word();
        Self { state }
    }

    fn next_word(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Draws from `0 <= x < 1` with 53 random bits.
    pub(super) fn unit(&mut self) -> f64 {
        (self.next_word() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Draws from `-1 <= x < 1`.
    pub(super) fn symmetric(&mut self) -> f64 {
        self.unit() * 2.0 - 1.0
    }

    /// Draws from an approximate standard normal distribution, bounded to ±6.
    ///
    /// The sum of twelve uniform numbers less six (Irwin-Hall): a logarithm, as Box-Muller needs, differs
    /// in the last bit between maths libraries; additions do not.
    pub(super) fn gaussian(&mut self) -> f64 {
        (0..12).map(|_| self.unit()).sum::<f64>() - 6.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_are_those_of_the_published_generator() {
        let mut random = Random { state: 1_234_567 };
        let words: Vec<u64> = (0..3).map(|_| random.next_word()).collect();
        assert_eq!(words, [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]);
    }

    #[test]
    fn gaussian_draws_have_mean_zero_and_variance_one() {
        let mut random = Random::stream(7, 0, Purpose::Sensors);
        let draws: Vec<f64> = (0..20_000).map(|_| random.gaussian()).collect();
        let mean = draws.iter().sum::<f64>() / 20_000.0;
        let variance = draws.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / 20_000.0;
        assert!(mean.abs() < 0.03, "{mean}");
        assert!((variance - 1.0).abs() < 0.05, "{variance}");
    }

    #[test]
    fn streams_of_two_vehicles_differ() {
        let mut first = Random::stream(7, 0, Purpose::Sensors);
        let mut second = Random::stream(7, 1, Purpose::Sensors);
        assert_ne!(first.next_word(), second.next_word());
    }
}
