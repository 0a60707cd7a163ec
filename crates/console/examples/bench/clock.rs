//! The clocks of the benchmark.

use std::time::{Duration, Instant};

/// Returns what `work` took of this thread's processor time.
pub(crate) fn processor_time(work: impl FnOnce()) -> Duration {
    let before = thread_time();
    work();
    thread_time() - before
}

/// Returns a point in time, to measure from.
pub(crate) fn now() -> Instant {
    Instant::now()
}

fn thread_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.try_into().unwrap(), time.tv_nsec.try_into().unwrap())
}
