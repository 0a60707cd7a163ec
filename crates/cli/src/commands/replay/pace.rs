//! When each row of a series is due, with pauses left out.

use std::time::Duration;
use watchkeeper_model::MonoTime;

/// The pace of a replay.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    speed: f64,
    /// The first row's time in the file, and when it was due.
    origin: Option<(f64, MonoTime)>,
    paused_at: Option<MonoTime>,
}

impl Pace {
    /// Makes the pace of a replay that is so many times faster than recorded.
    pub(super) const fn new(speed: f64) -> Self {
        Self { speed, origin: None, paused_at: None }
    }

    /// Stops the clock of the series.
    pub(super) fn pause(&mut self, now: MonoTime) {
        self.paused_at.get_or_insert(now);
    }

    /// Lets the clock of the series go on.
    pub(super) fn go_on(&mut self, now: MonoTime) {
        if let (Some(paused_at), Some((_, origin))) = (self.paused_at.take(), &mut self.origin) {
            *origin = origin.after(now.since(paused_at));
        }
    }

    /// Returns how long the row with this time has to wait still; `None` while paused. The first row that is asked
    /// for is due at once, and one with an earlier time than a row before it too.
    pub(super) fn left(&mut self, at_secs: f64, now: MonoTime) -> Option<Duration> {
        if self.paused_at.is_some() {
            return None;
        }
        let (first_secs, origin) = *self.origin.get_or_insert((at_secs, now));
        let after = Duration::try_from_secs_f64(((at_secs - first_secs) / self.speed).max(0.0));
        // Too long for a span: it will not come in anybody's lifetime.
        Some(now.until(origin.after(after.unwrap_or(Duration::MAX))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: u64) -> MonoTime {
        MonoTime::from_nanos(secs * 1_000_000_000)
    }

    #[test]
    fn rows_come_at_their_own_pace_or_faster() {
        let mut pace = Pace::new(2.0);
        assert_eq!(pace.left(100.0, at(5)), Some(Duration::ZERO));
        assert_eq!(pace.left(110.0, at(5)), Some(Duration::from_secs(5)));
        assert_eq!(pace.left(110.0, at(12)), Some(Duration::ZERO));
        assert_eq!(pace.left(90.0, at(12)), Some(Duration::ZERO));
    }

    #[test]
    fn a_pause_does_not_count() {
        let mut pace = Pace::new(1.0);
        pace.left(0.0, at(0));
        pace.pause(at(4));
        pace.pause(at(9));
        assert_eq!(pace.left(10.0, at(30)), None);
        pace.go_on(at(34));
        assert_eq!(pace.left(10.0, at(34)), Some(Duration::from_secs(6)));
    }
}
