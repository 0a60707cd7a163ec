//! Which payments are trained on, and which are judged.

use super::Transaction;
use std::collections::BTreeSet;

/// Days of training.
pub const TRAIN_DAYS: u32 = 7;
/// Days until the verdict on a payment is there.
pub const DELAY_DAYS: u32 = 7;
/// Days that are judged.
pub const TEST_DAYS: u32 = 7;

/// A week of training, a week of delay and a week of test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Split {
    /// The first day of training.
    pub first_day: u32,
}

impl Split {
    /// Returns the split whose test ends with the last day.
    pub fn last(transactions: &[Transaction]) -> Option<Self> {
        let last = transactions.iter().map(|transaction| transaction.day).max()?;
        let first_day = (last + 1).checked_sub(TRAIN_DAYS + DELAY_DAYS + TEST_DAYS)?;
        Some(Self { first_day })
    }

    /// Returns the first day of the test.
    pub fn test_day(self) -> u32 {
        self.first_day + TRAIN_DAYS + DELAY_DAYS
    }

    /// Returns whether a day is trained on.
    pub fn trains(self, day: u32) -> bool {
        (self.first_day..self.first_day + TRAIN_DAYS).contains(&day)
    }

    /// Returns the payments of the test by their place: those of cards of which no fraud is known by the day before.
    ///
    /// Known is what was fraud in the training, and what was [`DELAY_DAYS`] before: the day of the test less one and the
    /// delay, as in the handbook.
    pub fn test(self, transactions: &[Transaction]) -> Vec<usize> {
        let mut known: BTreeSet<u64> = transactions
            .iter()
            .filter(|transaction| transaction.is_fraud() && self.trains(transaction.day))
            .map(|transaction| transaction.customer)
            .collect();
        let mut test = Vec::new();
        for day in self.test_day()..self.test_day() + TEST_DAYS {
            let judged = transactions.iter().filter(|transaction| transaction.day + DELAY_DAYS + 1 == day);
            known.extend(
                judged.filter(|transaction| transaction.is_fraud()).map(|transaction| transaction.customer),
            );
            let of_day = transactions.iter().enumerate().filter(|(_, transaction)| transaction.day == day);
            let unknown = of_day.filter(|(_, transaction)| !known.contains(&transaction.customer));
            test.extend(unknown.map(|(place, _)| place));
        }
        test
    }
}
