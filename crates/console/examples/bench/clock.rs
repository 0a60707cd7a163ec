//! The clocks of the benchmark.

use rustix::time::{ClockId, clock_gettime};
use std::time::Duration;

/// Returns what `work` took of this thread's processor time.
pub(crate) fn processor_time(work: impl FnOnce()) -> Duration {
    let before = read(ClockId::ThreadCPUTime);
    work();
    read(ClockId::ThreadCPUTime).saturating_sub(before)
}

/// Returns the time since some fixed point.
pub(crate) fn now() -> Duration {
    read(ClockId::Monotonic)
}

fn read(clock: ClockId) -> Duration {
    let time = clock_gettime(clock);
    Duration::new(time.tv_sec.try_into().unwrap(), time.tv_nsec.try_into().unwrap())
}
