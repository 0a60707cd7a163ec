//! How long each wait lasts by default, per kind of agent (`takeover.md` 1.4): the full length of a bar, and what
//! this console holds back by itself.
//!
//! A deployment may set them otherwise, and the monitor and the agent decide by their own; what runs is told with
//! its own time left. A test of the client holds these to the defaults that those two begin with.

use std::time::Duration;
use watchkeeper_model::AgentKind;

/// How often a console asks how long the way to an agent is, where that matters to it.
pub const PROBE_EVERY: Duration = Duration::from_secs(1);
/// How long no answer may come; then the way to the agent counts as lost. Monitor and agents no longer know the latency
/// then.
pub const UNANSWERED_AFTER: Duration = Duration::from_millis(1_500);
/// Above this latency the speed is capped.
pub const CAPPED_ABOVE: Duration = Duration::from_millis(200);
/// Above this latency nobody begins to drive.
pub const NOT_GRANTED_ABOVE: Duration = Duration::from_millis(500);

/// Returns `T_demand`: how long people have to take over.
pub const fn demand_within(kind: AgentKind) -> Duration {
    match kind {
        AgentKind::Vehicle => Duration::from_secs(10),
        AgentKind::Transaction => Duration::from_mins(1),
        AgentKind::SoftwareAgent | AgentKind::Generic => Duration::from_mins(5),
    }
}

/// Returns `T_claim`: how long a claim may wait for its engage.
pub const fn claim_within(kind: AgentKind) -> Duration {
    match kind {
        AgentKind::Vehicle => Duration::from_secs(5),
        AgentKind::Transaction | AgentKind::SoftwareAgent | AgentKind::Generic => Duration::from_mins(2),
    }
}

/// Returns how long who comes next in a handover may take to engage.
pub const fn engage_next_within(kind: AgentKind) -> Duration {
    match kind {
        AgentKind::Vehicle => Duration::from_secs(10),
        AgentKind::Transaction | AgentKind::SoftwareAgent | AgentKind::Generic => Duration::from_secs(30),
    }
}

/// Returns how long a holder has to answer somebody who asks for control (`takeover.md` 2, rule 5).
pub const fn answer_within(kind: AgentKind) -> Duration {
    match kind {
        AgentKind::Vehicle | AgentKind::Transaction | AgentKind::SoftwareAgent | AgentKind::Generic => {
            Duration::from_secs(10)
        }
    }
}

/// Returns `T_link`: how long the holder may be silent.
pub const fn link_within(kind: AgentKind) -> Duration {
    match kind {
        AgentKind::Vehicle => Duration::from_secs(2),
        AgentKind::Transaction | AgentKind::SoftwareAgent | AgentKind::Generic => Duration::from_secs(30),
    }
}

/// Returns `T_fresh`: how old the data may be on which somebody takes control.
pub const fn fresh_within(kind: AgentKind) -> Duration {
    match kind {
        AgentKind::Vehicle => Duration::from_millis(500),
        AgentKind::Transaction | AgentKind::SoftwareAgent | AgentKind::Generic => Duration::from_secs(10),
    }
}

/// Returns how long a command may go without a word of the monitor before nobody knows what became of it: twice
/// the time that this console gives it to act.
pub const fn unanswered_after(kind: AgentKind) -> Duration {
    match kind {
        AgentKind::Vehicle => Duration::from_secs(4),
        AgentKind::Transaction | AgentKind::SoftwareAgent | AgentKind::Generic => Duration::from_secs(20),
    }
}

/// Returns how often an agent sends a heartbeat.
pub const fn heartbeat_period(kind: AgentKind) -> Duration {
    match kind {
        AgentKind::Vehicle => Duration::from_millis(100),
        AgentKind::Transaction | AgentKind::SoftwareAgent | AgentKind::Generic => Duration::from_secs(1),
    }
}
