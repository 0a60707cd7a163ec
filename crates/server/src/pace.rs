//! How fast one session may speak on the control lane.

use std::time::Duration;
use watchkeeper_model::MonoTime;

/// A bucket of tokens that fills at a steady rate.
#[derive(Debug)]
pub(crate) struct Pace {
    /// Until a token comes back.
    per_token: Duration,
    /// How long an empty bucket takes to fill.
    to_fill: Duration,
    /// When the bucket is full again.
    full_at: MonoTime,
}

impl Pace {
    /// Makes a full bucket of `burst` tokens that gets `per_second` (not 0) of them back each second.
    pub(crate) fn new(per_second: u32, burst: u32) -> Self {
        let per_token = Duration::from_secs(1) / per_second;
        Self { per_token, to_fill: per_token * burst, full_at: MonoTime::default() }
    }

    /// Takes a token and returns how long the taker must wait for it; nothing while the bucket holds some.
    pub(crate) fn take(&mut self, now: MonoTime) -> Duration {
        self.full_at = self.full_at.max(now).after(self.per_token);
        now.until(self.full_at).saturating_sub(self.to_fill)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> MonoTime {
        MonoTime::from_nanos(millis * 1_000_000)
    }

    #[test]
    fn a_burst_passes_and_then_everyone_waits_for_a_token() {
        let mut pace = Pace::new(100, 3);
        for _ in 0..3 {
            assert_eq!(pace.take(at(1_000)), Duration::ZERO);
        }
        assert_eq!(pace.take(at(1_000)), Duration::from_millis(10));
        assert_eq!(pace.take(at(1_010)), Duration::from_millis(10), "its token was the one waited for");
        assert_eq!(pace.take(at(1_030)), Duration::ZERO, "one came back");
    }

    #[test]
    fn a_long_silence_fills_the_bucket_and_no_more() {
        let mut pace = Pace::new(100, 2);
        assert_eq!(pace.take(at(1_000)), Duration::ZERO);
        for wait in [0, 0, 10] {
            assert_eq!(pace.take(at(100_000)), Duration::from_millis(wait));
        }
    }
}
