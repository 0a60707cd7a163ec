//! The only place of this crate that reads a clock.

use rustix::time::{ClockId, clock_gettime};
use std::time::Duration;
use watchkeeper_model::{AgentTime, MonoTime};

/// Returns nanoseconds since the machine booted, time asleep included (`CLOCK_BOOTTIME`).
fn boottime_nanos() -> u64 {
    nanos_of(ClockId::Boottime)
}

fn nanos_of(clock: ClockId) -> u64 {
    let time = clock_gettime(clock);
    let secs = u64::try_from(time.tv_sec).unwrap_or(0);
    let nanos = u64::try_from(time.tv_nsec).unwrap_or(0);
    secs.saturating_mul(1_000_000_000).saturating_add(nanos)
}

/// Returns an agent's clock now.
pub(crate) fn agent_now() -> AgentTime {
    AgentTime::from_nanos(boottime_nanos())
}

/// Returns a console's clock now: the one on which an operator's picture is folded.
pub fn console_now() -> MonoTime {
    MonoTime::from_nanos(boottime_nanos())
}

/// Returns the wall clock in milliseconds since 1970, for the sort order of new ids only.
pub(crate) fn unix_millis() -> u64 {
    nanos_of(ClockId::Realtime) / 1_000_000
}

/// Sleeps until `at` on the console's clock. A machine that was asleep wakes late, never early.
pub(crate) async fn sleep_until(at: MonoTime) {
    sleep_for(console_now().until(at)).await;
}

/// Sleeps until `at` on the agent's clock.
pub(crate) async fn sleep_until_agent(at: AgentTime) {
    sleep_for(agent_now().until(at)).await;
}

async fn sleep_for(span: Duration) {
    tokio::time::sleep(span).await;
}
