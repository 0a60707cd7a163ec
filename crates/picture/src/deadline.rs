//! Until when a command may take effect, in the agent's own clock.

use std::time::Duration;
use watchkeeper_model::{AgentTime, MonoTime};
use watchkeeper_protocol::operator::AgentStatus;

/// Returns the deadline of a command that may wait for `ttl`, on the agent's clock (`takeover.md` 3.1).
///
/// It is the agent's clock in the status that the person saw, plus what has passed since, plus `ttl`. What
/// has passed is `heartbeat_age_nanos` (on the monitor's clock, between the heartbeat coming and the status
/// leaving) and the age of the status on this console's clock, both taken x 0.999 because those clocks may
/// run up to 0.1 % faster than the agent's. The way of the heartbeat to the monitor and of the status to
/// this console is not known and counts as zero. All of it errs to the same side: the command expires early
/// rather than late.
pub fn deadline(status: &AgentStatus, received_at: MonoTime, now: MonoTime, ttl: Duration) -> AgentTime {
    let passed = Duration::from_nanos(status.heartbeat_age_nanos).saturating_add(now.since(received_at));
    let passed_at_least = passed.saturating_sub(passed / 1_000);
    status.agent_clock.after(passed_at_least).after(ttl)
}
