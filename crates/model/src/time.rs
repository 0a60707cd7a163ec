//! Points in time on three clocks that must never be mixed.

use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Returns a span in nanoseconds, as the wire has it; one that does not fit is the longest that does.
pub fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}

macro_rules! monotonic {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(u64);

        impl $name {
            /// Makes a point from nanoseconds since that clock's own origin.
            pub const fn from_nanos(nanos: u64) -> Self {
                Self(nanos)
            }

            /// Returns nanoseconds since that clock's own origin.
            pub const fn as_nanos(self) -> u64 {
                self.0
            }

            /// Returns the point `span` later; stays at the clock's end instead of wrapping.
            #[must_use]
            pub fn after(self, span: Duration) -> Self {
                Self(self.0.saturating_add(nanos(span)))
            }

            /// Returns the point `span` earlier; stays at the origin instead of wrapping.
            #[must_use]
            pub fn before(self, span: Duration) -> Self {
                Self(self.0.saturating_sub(nanos(span)))
            }

            /// Returns the span since `earlier`, zero when `earlier` is later.
            pub fn since(self, earlier: Self) -> Duration {
                Duration::from_nanos(self.0.saturating_sub(earlier.0))
            }

            /// Returns the span until `later`, zero when it has passed.
            pub fn until(self, later: Self) -> Duration {
                later.since(self)
            }
        }
    };
}

monotonic! {
    /// A point on the monitor's monotonic clock (CLOCK_BOOTTIME, so suspend counts), in nanoseconds.
    ///
    /// All of the monitor's deadlines use it. Also used by a console for its own clock.
    MonoTime
}

monotonic! {
    /// A point on one agent's monotonic clock, in nanoseconds, meaningful only within one boot id.
    ///
    /// Deadlines that an agent checks are stated in it, so that no queue and no clock step can make an
    /// old command look young (`takeover.md` 3.1).
    AgentTime
}

/// A wall-clock time in nanoseconds since 1970-01-01 UTC, for people and records only, never for deadlines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct WallTime(i64);

impl WallTime {
    /// Makes a wall time from nanoseconds since 1970-01-01 UTC.
    pub const fn from_unix_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// Returns nanoseconds since 1970-01-01 UTC.
    pub const fn as_unix_nanos(self) -> i64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_saturate_instead_of_wrapping() {
        let late = MonoTime::from_nanos(u64::MAX - 1);
        assert_eq!(late.after(Duration::from_secs(1)).as_nanos(), u64::MAX);
        assert_eq!(MonoTime::from_nanos(5).since(MonoTime::from_nanos(9)), Duration::ZERO);
        assert_eq!(MonoTime::from_nanos(5).before(Duration::from_nanos(9)).as_nanos(), 0);
    }
}
