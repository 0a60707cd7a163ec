//! What the core tells its shell and the application about itself.

use std::{fmt, time::Duration};
use watchkeeper_model::{
    BootId, ControlState, DecisionSeq, DemandId, Epoch, FallbackLevel, Incarnation, Latch, StateVersion,
};
use watchkeeper_protocol::session::{ErrorReport, Head};

/// Why the core wants the connection closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseReason {
    /// The monitor is an older one than this agent has seen: a restored backup, or a second monitor.
    LowerIncarnation {
        /// Its incarnation.
        found: Incarnation,
        /// The highest ever seen.
        seen: Incarnation,
    },
    /// The machine was asleep, or the process was held up: it is a new boot, and says hello as one.
    NewBoot,
}

impl fmt::Display for CloseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LowerIncarnation { found, seen } => write!(
                f,
                "this monitor (incarnation {found}) is older than one seen before ({seen}): it must not lead"
            ),
            Self::NewBoot => f.write_str("time was lost (suspend, or a stall): this is a new boot"),
        }
    }
}

/// What became of a request for a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// It goes to the monitor. If no demand comes of it within T_demand, or the link is lost before, the
    /// agent falls back.
    Sent,
    /// There is no monitor to ask, so the agent fell back at once (level 1).
    FellBack,
}

/// How an agent is, at one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct AgentStatusView {
    /// The monitor has welcomed this agent, and is connected.
    pub connected: bool,
    /// This run of the software.
    pub boot_id: BootId,
    /// Who controls the agent.
    pub control_state: ControlState,
    /// Counts the changes of it.
    pub state_version: StateVersion,
    /// How hard the fallback acts, where there is one.
    pub fallback_level: Option<FallbackLevel>,
    /// The active epoch, else the pending one, else 0.
    pub epoch: Epoch,
    /// The latches held.
    pub latches: Vec<Latch>,
    /// The open demand, and how much of T_demand is left.
    pub demand: Option<(DemandId, Duration)>,
    /// The number of the last decision; 0 for none.
    pub last_seq: DecisionSeq,
    /// Up to which decision the record is safe.
    pub durable_seq: DecisionSeq,
    /// Decisions kept to be sent again.
    pub not_durable: usize,
    /// Decisions that fell out of the ring, or belonged to a boot before: the record may lack them.
    pub dropped: u64,
    /// Acknowledgements and requests that were dropped because too many waited.
    pub dropped_messages: u64,
    /// The newest gate record is on disk (always true without a state directory).
    pub record_safe: bool,
    /// The newest head of the monitor's record. Keep it: it shows later tampering.
    pub head: Option<Head>,
    /// The monitor's newest complaint.
    pub error: Option<ErrorReport>,
}
