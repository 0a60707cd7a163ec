//! How far a search goes: who is there, what may go wrong and how often, and the timers.

use super::milestones::Milestone;
use std::time::Duration;
use watchkeeper_model::{AgentKind, CommandKind};
use watchkeeper_takeover::{Timers, World};

/// Both clocks move by this much.
pub(crate) const TICK: Duration = Duration::from_secs(5);
/// How long a command and a heartbeat are good for, on the agent's clock.
pub(crate) const TTL: Duration = TICK;

/// Driving by itself, or by a person's word.
pub(crate) const DRIVING: World = World {
    standstill: false,
    stable: true,
    progressing: Some(true),
    condition_reached: false,
    can_resume: true,
    local_override: false,
};
/// The same, but not steady.
pub(crate) const SHAKY: World = World { stable: false, ..DRIVING };
/// Standing in the minimal-risk condition.
pub(crate) const STANDING: World = World { standstill: true, condition_reached: true, ..DRIVING };
/// Nothing that was commanded shows.
pub(crate) const STUCK: World =
    World { stable: false, progressing: Some(false), can_resume: false, ..DRIVING };
/// No telemetry says what shows.
pub(crate) const BLIND: World = World { progressing: None, ..DRIVING };
/// Somebody at the agent has control.
pub(crate) const OVERRIDDEN: World = World { local_override: true, ..DRIVING };

/// Which monitors there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Monitors {
    /// One.
    One,
    /// A second one that runs on an older copy of the record, with a lower incarnation.
    Backup,
    /// A second one that is newer: its incarnation is higher, and it knows nothing.
    Newer,
    /// A second one that goes on from a copy of the record, as the first one did.
    Twins,
}

impl Monitors {
    /// Returns the incarnation of each.
    pub(crate) const fn incarnations(self) -> &'static [u64] {
        match self {
            Self::One => &[2],
            Self::Backup => &[2, 1],
            Self::Newer => &[2, 9],
            Self::Twins => &[2, 2],
        }
    }
}

/// One configuration of the model. Numbers are how often something may happen in one run; what has no number may
/// happen at any time.
#[derive(Clone, Debug)]
pub(crate) struct Bounds {
    /// Names it.
    pub(crate) name: &'static str,
    /// Operators.
    pub(crate) people: usize,
    /// How many of them, the last ones, are supervisors.
    pub(crate) supervisors: usize,
    /// Who is at which monitor: by the number of the person.
    pub(crate) seats: &'static [usize],
    pub(crate) monitors: Monitors,
    /// What the sensors may say, at any time.
    pub(crate) worlds: &'static [World],
    /// Commands of people but ESTOP, all together, and which.
    pub(crate) orders: u8,
    pub(crate) kinds: &'static [CommandKind],
    /// ESTOPs of people.
    pub(crate) stops: u8,
    /// Leases, next ones included.
    pub(crate) grants: u8,
    /// Wishes for control.
    pub(crate) asks: u8,
    /// Pre-emptions.
    pub(crate) preempts: u8,
    /// Demands of the monitor.
    pub(crate) demands: u8,
    /// The agent falls back or stops by itself.
    pub(crate) own: u8,
    /// Questions of the agent that need an answer.
    pub(crate) questions: u8,
    /// Losses of the connection.
    pub(crate) drops: u8,
    /// Crashes of a monitor, each followed by a restart.
    pub(crate) crashes: u8,
    /// Reboots of the agent that has its record.
    pub(crate) reboots: u8,
    /// Reboots of the agent that has lost its storage.
    pub(crate) forgets: u8,
    /// Heartbeats say that the person is not ready, too.
    pub(crate) unready: bool,
    /// Heartbeats carry hands that drive, too.
    pub(crate) hands: bool,
    /// The agent may read inputs before it evaluates timers that are due at the same instant.
    pub(crate) tardy: bool,
    /// How long after its deadline a command, a heartbeat or a copy of one may still arrive; a stop always may.
    pub(crate) late: Duration,
    /// An older heartbeat of a person, and an older report of the agent, may arrive after the newer one.
    pub(crate) overtaking: bool,
    /// Commands name the state version that the person saw.
    pub(crate) evidence: bool,
    /// What must be possible within these bounds.
    pub(crate) reaches: &'static [Milestone],
}

/// Returns the timers of the model's agent: each a few ticks, and such that every order of two of them can happen.
pub(crate) const fn timers() -> Timers {
    Timers {
        demand: TICK.saturating_mul(3),
        decide: TICK.saturating_mul(2),
        transition: TICK.saturating_mul(2),
        claim: TICK.saturating_mul(2),
        handover: TICK.saturating_mul(2),
        link: TICK.saturating_mul(2),
        link_loss: TICK.saturating_mul(2),
        agent: TICK.saturating_mul(2),
        ready: TICK,
        deadman: TICK,
        grace: TICK,
        verify: TICK,
        stable: TICK,
        ..Timers::for_kind(AgentKind::Vehicle)
    }
}
