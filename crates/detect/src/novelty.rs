//! How new what a stream does is: a sketch of everything that it did before.
//!
//! Causal features of a value (where it is, where it goes, how lively it is, for how long it stands, what time of day it is) are
//! put into cells, in pairs and at several resolutions. A cell that was never seen is a surprise of -ln(how often cells of
//! its kind are new): a stream that always does something new surprises nobody. Surprises of all kinds are added up, and
//! only a new record within a while is told (a surprise is news once). Seen cells are kept as bits of a hash, in two
//! generations, so that what was not seen for long is new again: bounded memory, constant time, no look-ahead, no label.
//!
//! Ours, after sketches with hashed cells as in xStream (Manzoor, Lamba and Akoglu 2018) and half-space trees (Tan, Ting and
//! Liu 2011); from both we differ by the features, by novelty in place of density, and by the rate per kind.

use std::collections::VecDeque;

/// Cells of one kind and resolution are told apart by so many bits: 512 bytes.
const BITS: u64 = 4_096;
const WORDS: usize = 64;
/// Cells per unit of a feature.
const RESOLUTIONS: [f64; 4] = [0.5, 1.0, 2.0, 4.0];
/// Kinds of cells: each is a feature or two.
const KINDS: usize = 8;
/// After so many values the older generation of cells is forgotten.
const GENERATION: u64 = 8_000;
/// Over so many values the scale of a stream follows it.
const SCALE_VALUES: f64 = 1_000.0;
/// Over so many values the rate of new cells is taken.
const RATE_VALUES: f64 = 100.0;
/// No cell is rarer than that.
const RAREST: f64 = 1e-4;
/// Nothing is told of the first values: everything is new.
const WARM_UP: u64 = 50;
/// A surprise is told where it is the greatest of so many values.
const HOLD: usize = 100;

/// Where a value usually is, and how far from there: exponentially weighted mean and mean deviation.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Scale {
    count: f64,
    mean: f64,
    deviation: f64,
}

impl Scale {
    /// Takes a value; returns how many deviations it was from the mean of those before it.
    fn take(&mut self, value: f64) -> f64 {
        let found = if self.count < 2.0 { 0.0 } else { (value - self.mean) / self.unit() };
        self.count += 1.0;
        let weight = (1.0 / self.count).max(1.0 / SCALE_VALUES);
        if self.count < 2.0 {
            self.mean = value;
        }
        let off = (value - self.mean).abs();
        self.mean += weight * (value - self.mean);
        self.deviation += weight * (off - self.deviation);
        found
    }

    fn unit(&self) -> f64 {
        self.deviation.max(1e-9)
    }

    fn of(&self, value: f64) -> f64 {
        (value - self.mean) / self.unit()
    }
}

/// The cells of one kind and resolution that were seen, and how often a cell is new.
#[derive(Clone, Debug, PartialEq)]
struct Cells {
    seen: [u64; WORDS],
    older: [u64; WORDS],
    rate: f64,
}

impl Cells {
    const fn new() -> Self {
        Self { seen: [0; WORDS], older: [0; WORDS], rate: 0.5 }
    }

    /// Takes a cell; returns how surprising it is, in nats.
    fn take(&mut self, cell: u64, count: u64) -> f64 {
        let (word, bit) = place(cell);
        let (Some(seen), Some(older)) = (self.seen.get_mut(word), self.older.get(word)) else { return 0.0 };
        let was_seen = (*seen | older) & bit != 0;
        *seen |= bit;
        let surprise = if was_seen { 0.0 } else { -self.rate.max(RAREST).ln() };
        let weight = (1.0 / (count as f64 + 2.0)).max(1.0 / RATE_VALUES);
        self.rate += weight * (f64::from(u8::from(!was_seen)) - self.rate);
        surprise
    }
}

/// Returns the word and the bit of a cell.
fn place(cell: u64) -> (usize, u64) {
    let place = cell % BITS;
    let word = usize::try_from(place / 64).unwrap_or_default();
    (word, 1 << (place % 64))
}

/// The sketch of one stream of values.
#[derive(Clone, Debug)]
pub struct Novelty {
    count: u64,
    level: Scale,
    step: Scale,
    residual: Scale,
    fast: f64,
    slow: f64,
    lively: f64,
    usually_lively: f64,
    standing: f64,
    highest: f64,
    lowest: f64,
    last: f64,
    last_level: f64,
    cells: Vec<[Cells; RESOLUTIONS.len()]>,
    /// The last surprises, for the record.
    lately: VecDeque<f64>,
}

impl Default for Novelty {
    fn default() -> Self {
        Self::new()
    }
}

impl Novelty {
    /// Makes the sketch of a stream of which nothing was seen.
    pub fn new() -> Self {
        Self {
            count: 0,
            level: Scale::default(),
            step: Scale::default(),
            residual: Scale::default(),
            fast: 0.0,
            slow: 0.0,
            lively: 0.0,
            usually_lively: 0.0,
            standing: 0.0,
            highest: 0.0,
            lowest: 0.0,
            last: 0.0,
            last_level: 0.0,
            cells: vec![[const { Cells::new() }; RESOLUTIONS.len()]; KINDS],
            lately: VecDeque::with_capacity(HOLD),
        }
    }

    /// Takes a value and the hour of its day, 0 to 24; returns how surprising it is, in nats, 0 where it is no record.
    pub fn handle_value(&mut self, value: f64, hour: f64) -> f64 {
        // What is missing or infinite is as it was before.
        let value = if value.is_finite() { value } else { self.last };
        let features = self.features(value, hour);
        if self.count > 0 && self.count.is_multiple_of(GENERATION) {
            for cells in self.cells.iter_mut().flatten() {
                cells.older = std::mem::replace(&mut cells.seen, [0; WORDS]);
            }
        }
        let mut surprise = 0.0;
        for (cells, (one, other)) in self.cells.iter_mut().zip(features) {
            let taken = cells.iter_mut().zip(RESOLUTIONS).map(|(cells, resolution)| {
                // Adding 0 makes one zero of both.
                let cell = hash((one * resolution).floor() + 0.0, (other * resolution).floor() + 0.0);
                cells.take(cell, self.count)
            });
            // What is new however coarsely it is looked at does not count four times.
            surprise += taken.sum::<f64>().sqrt();
        }
        self.count += 1;
        let surprise = if self.count <= WARM_UP { 0.0 } else { surprise };
        let record = self.lately.iter().copied().fold(0.0, f64::max);
        if self.lately.len() == HOLD {
            self.lately.pop_front();
        }
        self.lately.push_back(surprise);
        if surprise > record { surprise } else { 0.0 }
    }

    fn features(&mut self, value: f64, hour: f64) -> [(f64, f64); KINDS] {
        if self.count == 0 {
            (self.fast, self.slow, self.last, self.highest, self.lowest) =
                (value, value, value, value, value);
        }
        let level = self.level.take(value);
        let change = value - self.last;
        let step = self.step.take(change);
        let residual = self.residual.take(value - self.fast);
        self.fast += 0.5 * (value - self.fast);
        self.slow += 0.02 * (value - self.slow);
        self.lively += 0.1 * (change.abs() - self.lively);
        self.usually_lively +=
            (1.0 / (self.count as f64 + 1.0)).max(0.001) * (change.abs() - self.usually_lively);
        let activity = ((self.lively + 1e-9) / (self.usually_lively + 1e-9)).ln();
        self.standing = if change == 0.0 { self.standing + 1.0 } else { 0.0 };
        self.highest = value.max(self.highest - 0.01 * (self.highest - self.slow));
        self.lowest = value.min(self.lowest + 0.01 * (self.slow - self.lowest));
        let envelope = (self.highest - self.lowest) / self.level.unit();
        let last_level = std::mem::replace(&mut self.last_level, level);
        self.last = value;
        [
            (squash(level), 0.0),
            (squash(level), squash(last_level)),
            (squash(level), hour / 2.0),
            (squash(step), squash(residual)),
            (squash(self.level.of(self.fast)), squash(self.level.of(self.slow))),
            (activity * 1.5, squash(envelope)),
            ((1.0 + self.standing).ln(), squash(level)),
            (squash(step), 0.0),
        ]
    }
}

/// Cells grow with the distance: twice as far out they are twice as wide.
fn squash(value: f64) -> f64 {
    value.signum() * value.abs().ln_1p() * 2.0
}

/// Returns the number of a cell of two coordinates.
fn hash(one: f64, other: f64) -> u64 {
    mix(mix(one.to_bits()) ^ other.to_bits())
}

/// The finaliser of SplitMix64 (Steele, Lea and Flood 2014).
fn mix(bits: u64) -> u64 {
    let mixed = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whole cycles of a day with a little noise that repeats.
    fn usual(index: u32) -> f64 {
        let day = f64::from(index % 288) / 288.0 * std::f64::consts::TAU;
        20.0 + 5.0 * day.sin() + f64::from(index % 7) * 0.1
    }

    fn hour(index: u32) -> f64 {
        f64::from(index % 288) / 12.0
    }

    /// Returns the surprises of the last values of a series after days of what is usual.
    fn after_days(values: &[f64]) -> Vec<f64> {
        let mut novelty = Novelty::new();
        let days = 288 * 10;
        for index in 0..days {
            novelty.handle_value(usual(index), hour(index));
        }
        (days..).zip(values).map(|(index, value)| novelty.handle_value(*value, hour(index))).collect()
    }

    #[test]
    fn what_was_seen_before_surprises_nobody() {
        let usual: Vec<f64> = (2_880..3_168).map(usual).collect();
        let surprises = after_days(&usual);
        assert!(surprises.iter().all(|surprise| *surprise < 6.0), "{surprises:?}");
    }

    #[test]
    fn a_jump_is_a_surprise_and_told_once() {
        let surprises = after_days(&[20.0, 60.0, 60.0, 60.0]);
        assert!(surprises[1] > 10.0, "{surprises:?}");
        assert!(surprises[2] < surprises[1] && surprises[3] < surprises[1], "{surprises:?}");
    }

    #[test]
    fn a_value_that_stands_still_is_a_surprise() {
        let frozen = after_days(&[usual(2_879); 150]);
        assert!(frozen.iter().any(|surprise| *surprise > 6.0), "{frozen:?}");
    }

    #[test]
    fn what_is_no_number_and_what_is_huge_break_nothing() {
        let odd = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e308, -1e308, 0.0, f64::MIN_POSITIVE];
        let mut novelty = Novelty::new();
        for index in 0..20_000_u32 {
            let value = odd[index as usize % odd.len()];
            let surprise = novelty.handle_value(value, hour(index));
            assert!(surprise.is_finite() && surprise >= 0.0, "{value}: {surprise}");
        }
    }

    #[test]
    fn the_same_values_give_the_same_surprises_and_a_copy_goes_on_as_the_original() {
        let mut novelty = Novelty::new();
        for index in 0..5_000 {
            novelty.handle_value(usual(index), hour(index));
        }
        let mut copy = novelty.clone();
        for index in 5_000..9_000 {
            let value = usual(index) + if index % 997 == 0 { 9.0 } else { 0.0 };
            let one = novelty.handle_value(value, hour(index));
            assert_eq!(one.to_bits(), copy.handle_value(value, hour(index)).to_bits());
        }
    }

    #[test]
    fn a_sketch_takes_less_than_64_kib() {
        let cells = size_of::<[Cells; RESOLUTIONS.len()]>() * KINDS;
        assert!(cells + size_of::<Novelty>() + HOLD * size_of::<f64>() < 64 << 10, "{cells}");
    }
}
