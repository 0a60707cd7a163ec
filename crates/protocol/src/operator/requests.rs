//! What an operator's console asks of the monitor.

use serde::{Deserialize, Serialize};
use watchkeeper_model::{
    AgentId, AgentTime, AlertId, BearerToken, BootId, CauseClass, CommandArgs, CommandId, CommandKind,
    ControlState, DemandId, Epoch, Label, LatchId, Note, Setpoint, StateVersion, Verdict, bounded_vec,
};

/// Wants the lease of an agent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// Which agent.
    pub agent: AgentId,
}

/// ENGAGE, RELEASE or HAND_BACK under a lease.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Authorised {
    /// Names the command.
    pub command_id: CommandId,
    /// Which agent.
    pub agent: AgentId,
    /// The run of the agent that the person saw.
    pub boot_id: BootId,
    /// The lease.
    pub epoch: Epoch,
    /// Counts up within the epoch, from 1, over all commands.
    pub seq: u64,
    /// Until when it may take effect, on the agent's clock: agent clock of the status seen + its age here x 0.999 + ttl.
    pub deadline: AgentTime,
    /// The state version the person saw.
    pub evidence_version: StateVersion,
    /// ENGAGE: the latches that taking control releases, at most 16; never an ESTOP's.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "bounded_vec::<_, _, 16>")]
    pub latches: Vec<LatchId>,
    /// When the person pressed, on the console's clock, in nanoseconds.
    pub issued_nanos: u64,
}

impl Authorised {
    /// Returns the same as a command with this verb.
    pub fn into_request(self, kind: CommandKind) -> CommandRequest {
        CommandRequest {
            command_id: self.command_id,
            agent: self.agent,
            boot_id: self.boot_id,
            kind,
            args: CommandArgs { latches: self.latches, ..CommandArgs::default() },
            epoch: self.epoch,
            seq: self.seq,
            deadline: self.deadline,
            evidence_version: Some(self.evidence_version),
            expect_state: None,
            issued_nanos: self.issued_nanos,
        }
    }
}

/// Any other command.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CommandRequest {
    /// Names it.
    pub command_id: CommandId,
    /// Which agent.
    pub agent: AgentId,
    /// The run of the agent that the person saw.
    pub boot_id: BootId,
    /// The verb.
    pub kind: CommandKind,
    /// Its arguments.
    #[serde(default)]
    pub args: CommandArgs,
    /// The lease; 0 where the verb needs none.
    #[serde(default)]
    pub epoch: Epoch,
    /// Counts up within the epoch, from 1, over all commands; 0 without a lease.
    #[serde(default)]
    pub seq: u64,
    /// Until when it may take effect, on the agent's clock.
    pub deadline: AgentTime,
    /// The state version the person saw.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence_version: Option<StateVersion>,
    /// The control state it counts on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expect_state: Option<ControlState>,
    /// When the person pressed, on the console's clock, in nanoseconds.
    pub issued_nanos: u64,
}

/// Shows a newer token, of the same person. The monitor keeps no copy of it, and does not record it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refresh {
    /// The token.
    pub token: BearerToken,
}

/// Has seen an alert and takes note.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acknowledge {
    /// Which alert.
    pub alert_id: AlertId,
}

/// Stops agents (ESTOP), lease or not. Single stops are never refused to an operator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stop {
    /// Names the command.
    pub command_id: CommandId,
    /// Which agent.
    pub agent: AgentId,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Note>,
    /// Says that more than five agents within 10 s are meant to be stopped.
    #[serde(default)]
    pub confirm_many: bool,
    /// When the person pressed, on the console's clock, in nanoseconds.
    pub issued_nanos: u64,
}

/// The holder is there; sent by the loop that draws, at 20 Hz from CLAIMED to RETURNING.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HolderReport {
    /// Whose lease.
    pub agent: AgentId,
    /// Which lease.
    pub epoch: Epoch,
    /// Counts up within the lease.
    pub seq: u64,
    /// The person can act now (`takeover.md` 1.5).
    pub ready: bool,
    /// The state version that the console shows.
    pub state_version: StateVersion,
    /// Until when it counts, on the agent's clock.
    pub deadline: AgentTime,
    /// Manual driving: what the hands want now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub setpoint: Option<Setpoint>,
}

/// Says that the holder may hand back though the cause is still there: the second person of `takeover.md` 2, rule 7.
/// It counts for this lease only, and not from the holder himself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waive {
    /// Which agent.
    pub agent: AgentId,
    /// The lease of the holder who may hand back.
    pub epoch: Epoch,
    /// Why.
    pub reason: Note,
}

/// Puts an alert aside. Refused for one whose takeover demand is open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shelve {
    /// Which alert.
    pub alert_id: AlertId,
    /// For how long, in nanoseconds, more than 0 and at most 8 h.
    pub for_nanos: u64,
    /// Why; not empty.
    pub reason: Note,
}

/// Takes an alert back before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unshelve {
    /// Which alert.
    pub alert_id: AlertId,
}

/// Takes what an agent may raise out of service, raised or not, until it is brought back. Supervisors. Refused for what
/// has an open takeover demand; a demand that comes later brings it back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TakeOutOfService {
    /// Whose.
    pub agent: AgentId,
    /// What kind of thing.
    pub cause: CauseClass,
    /// Which of that kind, as an alert of it says. Not read for `outlier`, `stuck`, `envelope` and
    /// `sequence`, which are one alert of an agent each.
    pub subject: Label,
    /// Why; not empty.
    pub reason: Note,
}

/// Brings an alert back into service. Supervisors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReturnToService {
    /// Which alert.
    pub alert_id: AlertId,
}

/// Lets an alert go that is latched and whose cause is gone. One that nobody acknowledged stays until somebody does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reset {
    /// Which alert.
    pub alert_id: AlertId,
}

/// Wants control of an agent that somebody else holds (`takeover.md` 2, rules 5 to 7).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestHandover {
    /// Which agent.
    pub agent: AgentId,
    /// A supervisor takes it without asking; needs a reason.
    #[serde(default)]
    pub preempt: bool,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Note>,
}

/// The holder answers a wish for control; his silence is a no.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnswerHandover {
    /// Which agent.
    pub agent: AgentId,
    /// Which wish.
    pub request_id: u64,
    /// Let him have it.
    pub accept: bool,
}

/// The holder says whether others may take over without asking.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AllowTakeover {
    /// Which agent.
    pub agent: AgentId,
    /// The lease that says so.
    pub epoch: Epoch,
    /// They may.
    pub allowed: bool,
}

/// Says what a takeover was worth, once it is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LabelTakeover {
    /// Which takeover.
    pub demand_id: DemandId,
    /// What it was.
    pub verdict: Verdict,
}

/// The frame that shows these alerts was presented.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Presented {
    /// Which alerts, at most 64.
    #[serde(deserialize_with = "bounded_vec::<_, _, 64>")]
    pub alerts: Vec<AlertId>,
    /// When the frame was presented, on the console's clock, in nanoseconds.
    pub presented_nanos: u64,
}
