//! How rare a statistic is: once in how many rows of its own stream, learned without a label.
//!
//! Rows are not independent, so episodes are counted and not rows: of records (what is the highest of the last
//! [`HOLD`](super::HOLD) rows) within so many rows of each other only the highest. The return period of a record of x is
//!
//! ```text
//! rows / (episodes that reached x or more)
//! ```
//!
//! both over the past of this stream, which forgets, and with what streams do of which nothing is known yet counted as if
//! [`PRIOR_ROWS`] rows of it had been seen: an exponential tail. The more a stream has shown, the less that says. For a
//! stream whose records are exchangeable, an alert at a period of N comes once in N rows: the conformal rank of a record
//! among those before it (Vovk, Gammerman and Shafer 2005; for blocks in place of rows as in peaks over threshold, Siffer
//! et al. 2017). We differ from SPOT: no tail is fitted, beyond what was seen the prior's alone goes on.

use super::HOLD;
use serde::{Deserialize, Serialize};

/// Bins of the histogram of records, and how wide each is.
const BINS: usize = 128;
const BIN_WIDTH: f64 = 2.0;
/// What is known beforehand weighs as much as so many rows.
const PRIOR_ROWS: f64 = 4_000.0;
/// The past weighs as half of all rows do, but not less and not more than these.
const LEAST_ROWS: f64 = 2_000.0;
const MOST_ROWS: f64 = 100_000.0;
/// Forgetting is done every so many rows.
const FORGET_EVERY: u64 = 64;

/// The tail of a stream of which nothing is known: `rate` records of `from` or more a row, fewer by a factor of e for each
/// `scale` more.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Prior {
    pub(super) rate: f64,
    pub(super) from: f64,
    pub(super) scale: f64,
}

/// The records of one statistic of one stream.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Rarity {
    prior: Prior,
    /// Records by how high they were, older ones counting less.
    records: Vec<f64>,
    /// Rows they came from, older ones counting less.
    weight: f64,
    most_rows: f64,
    /// The last record: its row and bin.
    last: Option<(u64, usize)>,
}

impl Rarity {
    /// Makes one that can tell apart periods up to `period` rows.
    pub(super) fn new(prior: Prior, period: f64) -> Self {
        Self { prior, records: vec![0.0; BINS], weight: 0.0, most_rows: most_rows(period), last: None }
    }

    /// Tells apart periods up to `period` rows from now on.
    pub(super) fn set_period(&mut self, period: f64) {
        self.most_rows = most_rows(period);
    }

    /// Returns once in how many rows a record of `statistic` or more is seen; above 0, perhaps infinite.
    pub(super) fn period(&self, statistic: f64) -> f64 {
        let (bin, within) = bin(statistic);
        let above = sum(self.records.get(bin + 1..).unwrap_or_default());
        let beside = self.records.get(bin).copied().unwrap_or_default() * (1.0 - within);
        let Prior { rate, from, scale } = self.prior;
        let known = PRIOR_ROWS * rate * libm::exp((from - statistic) / scale);
        (PRIOR_ROWS + self.weight) / (known + above + beside)
    }

    /// Returns whether one that was read back has all its parts.
    pub(super) fn is_whole(&self) -> bool {
        self.records.len() == BINS
    }

    /// Learns a row, counted from 0, and the record that it was.
    pub(super) fn learn(&mut self, record: Option<f64>, row: u64) {
        if let Some(statistic) = record {
            // A higher record of the same episode takes the place of the one before.
            let before = self.last.filter(|(of, _)| of + HOLD >= row);
            if let Some(count) = before.and_then(|(_, bin)| self.records.get_mut(bin)) {
                *count = (*count - 1.0).max(0.0);
            }
            let (bin, _) = bin(statistic);
            if let Some(count) = self.records.get_mut(bin) {
                *count += 1.0;
            }
            self.last = Some((row, bin));
        }
        self.weight += 1.0;
        let rows = row + 1;
        if rows.is_multiple_of(FORGET_EVERY) {
            let span = (rows as f64 / 2.0).clamp(LEAST_ROWS, self.most_rows);
            let kept = 1.0 - FORGET_EVERY as f64 / span;
            self.weight *= kept;
            self.records.iter_mut().for_each(|count| *count *= kept);
        }
    }
}

/// Returns what the past weighs at most where periods up to `period` rows are to be told apart.
const fn most_rows(period: f64) -> f64 {
    MOST_ROWS.max(20.0 * period)
}

/// Returns a sum, in four parts: one addition need not wait for the one before.
fn sum(numbers: &[f64]) -> f64 {
    let (fours, rest) = numbers.as_chunks::<4>();
    let [a, b, c, d] = fours.iter().fold([0.0; 4], |[a, b, c, d], [e, f, g, h]| [a + e, b + f, c + g, d + h]);
    (a + b) + (c + d) + rest.iter().sum::<f64>()
}

/// Returns the bin of a statistic, and how far within it lies, 0 to 1.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "it is not below 0, and the last bin has no end"
)]
fn bin(statistic: f64) -> (usize, f64) {
    let place = statistic.max(0.0) / BIN_WIDTH;
    let bin = (place as usize).min(BINS - 1);
    (bin, (place - bin as f64).clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRIOR: Prior = Prior { rate: 1.0 / 300.0, from: 20.0, scale: 12.0 };

    #[test]
    fn nothing_known_is_the_prior() {
        let rarity = Rarity::new(PRIOR, 2_000.0);
        assert!((rarity.period(20.0) - 300.0).abs() < 1e-9);
        assert!((rarity.period(32.0) - 300.0 * std::f64::consts::E).abs() < 1e-9);
    }

    /// Episodes every 200 rows that reach 0 to 49, one after the other: 45 or more in one of ten.
    #[test]
    fn what_was_seen_often_is_not_rare_whatever_the_prior_says() {
        let mut rarity = Rarity::new(PRIOR, 2_000.0);
        for row in 0..400_000_u32 {
            rarity.learn(row.is_multiple_of(200).then(|| f64::from(row / 200 % 50)), u64::from(row));
        }
        let period = rarity.period(44.0);
        assert!((1_550.0..1_750.0).contains(&period), "one in 1,667 rows: {period}");
        assert!(rarity.period(60.0) > 20_000.0, "{}", rarity.period(60.0));
    }

    #[test]
    fn an_episode_counts_once_by_its_highest() {
        let (mut rising, mut at_once) = (Rarity::new(PRIOR, 2_000.0), Rarity::new(PRIOR, 2_000.0));
        for row in 0..50_000_u32 {
            let since = row % 1_000;
            rising.learn((since < 30).then(|| f64::from(10 + since)), u64::from(row));
            at_once.learn((since == 29).then(|| f64::from(10 + since)), u64::from(row));
        }
        for statistic in [12.0, 20.0, 38.0] {
            let (one, other) = (rising.period(statistic), at_once.period(statistic));
            assert!((one / other - 1.0).abs() < 0.02, "{statistic}: {one} {other}");
        }
    }

    #[test]
    fn it_is_the_rarer_the_higher_it_is() {
        let mut rarity = Rarity::new(PRIOR, 2_000.0);
        for row in 0..10_000_u32 {
            rarity.learn((row % 97 == 0).then(|| f64::from(row % 301)), u64::from(row));
        }
        let periods: Vec<f64> = (0..400).map(|statistic| rarity.period(f64::from(statistic))).collect();
        assert!(periods.windows(2).all(|pair| pair[0] <= pair[1]), "{periods:?}");
        assert!(rarity.period(f64::MAX) > 0.0);
    }
}
