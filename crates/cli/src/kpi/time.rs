//! One line of time for a whole record, and the shifts on it.

use std::time::Duration;
use watchkeeper_model::{MonoTime, WallTime};

const DAY_NANOS: i64 = 86_400 * 1_000_000_000;

/// Puts the times of all runs on one line, counted from 1970: a run begins where the wall clock was at its first input,
/// or where the run before ended when the wall clock was set back; from there on only the monitor's own clock counts. So
/// spans are exact within a run whatever was done to the wall clock, and the line never goes back.
#[derive(Clone, Debug, Default)]
pub(super) struct Line {
    /// The monitor's clock where the run began, and where on the line that is.
    anchor: Option<(MonoTime, MonoTime)>,
    last: MonoTime,
}

impl Line {
    /// Says that what comes next is of another run.
    pub(super) const fn handle_run(&mut self) {
        self.anchor = None;
    }

    /// Returns where on the line a moment is.
    pub(super) fn place(&mut self, now: MonoTime, wall: WallTime) -> MonoTime {
        let last = self.last;
        let (began, place) = *self.anchor.get_or_insert_with(|| {
            let wall = u64::try_from(wall.as_unix_nanos()).unwrap_or(0);
            (now, MonoTime::from_nanos(wall).max(last))
        });
        self.last = place.after(now.since(began)).max(last);
        self.last
    }
}

/// When shifts begin.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shifts {
    /// Nanoseconds into the day of the place, ascending and each once.
    starts: Vec<i64>,
    /// How far the clock of the place is ahead of UTC, in nanoseconds.
    ahead_nanos: i64,
}

impl Shifts {
    /// Makes the shifts of a place from the times of day at which they begin.
    pub(crate) fn new(starts: impl IntoIterator<Item = jiff::civil::Time>, utc_offset_secs: i32) -> Self {
        let nanos = |start: jiff::civil::Time| {
            let secs = (i64::from(start.hour()) * 60 + i64::from(start.minute())) * 60;
            (secs + i64::from(start.second())) * 1_000_000_000
        };
        let mut starts: Vec<i64> = starts.into_iter().map(nanos).collect();
        starts.sort_unstable();
        starts.dedup();
        Self { starts, ahead_nanos: i64::from(utc_offset_secs) * 1_000_000_000 }
    }

    /// Returns when the shift began in which `at` lies; `None` where there are no shifts.
    pub(super) fn start_of(&self, at: MonoTime) -> Option<MonoTime> {
        let (midnight, into_day) = self.day_of(at);
        let today = self.starts.iter().rev().find(|start| **start <= into_day).copied();
        let start = today.or_else(|| self.starts.last().map(|start| start - DAY_NANOS))?;
        Some(self.to_line(midnight + start))
    }

    /// Returns when the next shift begins after `at`.
    pub(super) fn next_after(&self, at: MonoTime) -> Option<MonoTime> {
        let (midnight, into_day) = self.day_of(at);
        let today = self.starts.iter().find(|start| **start > into_day).copied();
        let start = today.or_else(|| self.starts.first().map(|start| start + DAY_NANOS))?;
        Some(self.to_line(midnight + start))
    }

    /// Returns a moment as people of the place write it.
    pub(super) fn local(&self, at: MonoTime) -> String {
        let offset = i32::try_from(self.ahead_nanos / 1_000_000_000).unwrap_or(0);
        let offset = jiff::tz::Offset::from_seconds(offset).unwrap_or(jiff::tz::Offset::UTC);
        jiff::Timestamp::from_nanosecond(i128::from(at.as_nanos())).map_or_else(
            |_| "an impossible time".to_owned(),
            |at| if offset.is_zero() { at.to_string() } else { at.display_with_offset(offset).to_string() },
        )
    }

    /// Returns midnight before `at` and how far into the day it is, both in nanoseconds on the clock of the place.
    fn day_of(&self, at: MonoTime) -> (i64, i64) {
        let local = i64::try_from(at.as_nanos()).unwrap_or(i64::MAX).saturating_add(self.ahead_nanos);
        let into_day = local.rem_euclid(DAY_NANOS);
        (local - into_day, into_day)
    }

    fn to_line(&self, local: i64) -> MonoTime {
        MonoTime::from_nanos(u64::try_from(local.saturating_sub(self.ahead_nanos)).unwrap_or(0))
    }
}

/// Returns a share of the whole, 0 to 1; `None` of nothing.
pub(super) fn share(part: Duration, whole: Duration) -> Option<f64> {
    (!whole.is_zero()).then(|| part.as_secs_f64() / whole.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> MonoTime {
        let at: jiff::Timestamp = text.parse().unwrap();
        MonoTime::from_nanos(at.as_nanosecond().try_into().unwrap())
    }

    fn wall(nanos: i64) -> WallTime {
        WallTime::from_unix_nanos(nanos)
    }

    #[test]
    fn a_run_goes_by_the_monitors_clock_from_where_the_wall_clock_was_at_its_beginning() {
        let mut line = Line::default();
        let mono = MonoTime::from_nanos;
        assert_eq!(line.place(mono(5), wall(1_000)), mono(1_000));
        assert_eq!(line.place(mono(7), wall(900)), mono(1_002), "the wall clock was set back meanwhile");
        line.handle_run();
        assert_eq!(line.place(mono(1), wall(2_000)), mono(2_000), "the machine restarted");
        line.handle_run();
        assert_eq!(line.place(mono(1), wall(1_500)), mono(2_000), "never back");
        assert_eq!(line.place(mono(4), wall(0)), mono(2_003));
    }

    #[test]
    fn a_shift_begins_at_its_minute_and_the_night_shift_on_the_day_before() {
        let time = |hour| jiff::civil::time(hour, 0, 0, 0);
        let shifts = Shifts::new([time(22), time(6), time(14), time(6)], 3_600);
        // On the clock of the place, an hour ahead: 05:59:59, 06:00:00, 23:00:00.
        let night = at("2026-03-02T04:59:59Z");
        assert_eq!(shifts.start_of(night), Some(at("2026-03-01T21:00:00Z")));
        assert_eq!(shifts.next_after(night), Some(at("2026-03-02T05:00:00Z")));
        let early = at("2026-03-02T05:00:00Z");
        assert_eq!(shifts.start_of(early), Some(early));
        assert_eq!(shifts.next_after(early), Some(at("2026-03-02T13:00:00Z")));
        assert_eq!(shifts.next_after(at("2026-03-02T22:00:00Z")), Some(at("2026-03-03T05:00:00Z")));
        assert_eq!(shifts.local(early), "2026-03-02T06:00:00+01:00");
        assert_eq!(Shifts::default().next_after(early), None);
    }
}
