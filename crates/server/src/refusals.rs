//! How many frames a session had refused within a sliding window.

use std::{collections::VecDeque, time::Duration};
use watchkeeper_model::MonoTime;

/// The window.
const WINDOW: Duration = Duration::from_secs(10);

/// Counts events of the last 10 s, up to one above its limit.
#[derive(Debug)]
pub(crate) struct Refusals {
    limit: usize,
    times: VecDeque<MonoTime>,
}

impl Refusals {
    pub(crate) fn new(limit: usize) -> Self {
        Self { limit, times: VecDeque::new() }
    }

    /// Counts one event and says whether there were more than the limit within the window.
    pub(crate) fn count(&mut self, now: MonoTime) -> bool {
        while self.times.front().is_some_and(|oldest| now.since(*oldest) >= WINDOW) {
            self.times.pop_front();
        }
        self.times.push_back(now);
        if self.times.len() > self.limit {
            self.times.pop_front();
            return true;
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_more_than_the_limit_within_ten_seconds_is_too_many() {
        let mut refusals = Refusals::new(2);
        let at = |millis: u64| MonoTime::from_nanos(millis * 1_000_000);
        assert!(!refusals.count(at(0)));
        assert!(!refusals.count(at(1)));
        assert!(!refusals.count(at(10_000)), "the first is out of the window");
        assert!(refusals.count(at(10_000)));
    }
}
