//! What was the highest lately.

use super::HOLD;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// The statistics of the last [`HOLD`] rows that are not overtaken by a later one, the highest first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Record {
    standing: VecDeque<(u64, f64)>,
}

impl Record {
    /// Returns whether a statistic is higher than those of the rows before it.
    pub(super) fn is_record(&self, statistic: f64, row: u64) -> bool {
        let before = self.standing.iter().find(|(of, _)| of + HOLD >= row);
        statistic > before.map_or(0.0, |(_, highest)| *highest)
    }

    pub(super) fn learn(&mut self, statistic: f64, row: u64) {
        while self.standing.front().is_some_and(|(of, _)| of + HOLD < row) {
            self.standing.pop_front();
        }
        while self.standing.back().is_some_and(|(_, lower)| *lower <= statistic) {
            self.standing.pop_back();
        }
        self.standing.push_back((row, statistic));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_what_looking_at_all_of_them_gives() {
        let statistic = |row: u64| (row * row % 523) as f64;
        let mut record = Record::default();
        for row in 0..2_000_u64 {
            let highest = (row.saturating_sub(HOLD)..row).map(statistic).fold(0.0, f64::max);
            assert_eq!(record.is_record(statistic(row), row), statistic(row) > highest, "row {row}");
            record.learn(statistic(row), row);
            assert!(record.standing.len() as u64 <= HOLD + 1);
        }
    }
}
