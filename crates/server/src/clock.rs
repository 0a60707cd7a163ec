//! The only file of this crate that reads a clock.

use rustix::time::{ClockId, Timespec, clock_gettime};
use std::time::Duration;
use watchkeeper_model::{MonoTime, WallTime};

/// The host's clocks.
#[derive(Clone, Copy, Debug, Default)]
pub struct Clock;

impl Clock {
    /// Returns the monitor's monotonic time: CLOCK_BOOTTIME, so that a suspended host has not stood still.
    pub fn now(self) -> MonoTime {
        let time = clock_gettime(ClockId::Boottime);
        MonoTime::from_nanos(u64::try_from(nanos(time)).expect("the boot clock starts at zero"))
    }

    /// Returns the wall-clock time, for people and records only.
    pub fn wall(self) -> WallTime {
        WallTime::from_unix_nanos(nanos(clock_gettime(ClockId::Realtime)))
    }

    /// Returns the wall-clock time as tokens are checked against it.
    pub fn timestamp(self) -> jiff::Timestamp {
        let nanos = i128::from(self.wall().as_unix_nanos());
        jiff::Timestamp::from_nanosecond(nanos).expect("the clock stands between the years -9999 and 9999")
    }

    /// Returns when tokio must wake a sleeper that waits for `due`; far ahead where nothing is due.
    ///
    /// Tokio's clock stands still during a suspend, so a sleeper must look at [`Self::now`] again by itself;
    /// the engine loop does once a second.
    pub(crate) fn wake_at(self, due: Option<MonoTime>) -> tokio::time::Instant {
        let span = due.map_or(Duration::from_hours(1), |due| self.now().until(due));
        tokio::time::Instant::now() + span.min(Duration::from_hours(1))
    }
}

/// Nanoseconds since the clock's origin; good until the year 2262.
fn nanos(time: Timespec) -> i64 {
    time.tv_sec.saturating_mul(1_000_000_000).saturating_add(time.tv_nsec)
}
