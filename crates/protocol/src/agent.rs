//! Messages between an agent and the monitor.

use crate::{
    codec::messages,
    limits::{MINUTE_NANOS, cap, minute},
    session::{ErrorReport, Head, Ping, Pong, SessionKind},
};
use serde::{Deserialize, Deserializer, Serialize, de::Error};
use watchkeeper_model::{
    AgentId, AgentKind, AgentTime, BearerToken, BootId, CommandArgs, CommandCode, CommandId, CommandKind,
    CommandState, ControlState, Decision, DecisionSeq, DemandId, DemandOrigin, Epoch, FallbackCause,
    FallbackLevel, Incarnation, Label, Latch, LeaseEnd, MAX_QUESTIONS, MAX_SIGNALS, Note, PersonId,
    QuestionPolicy, SceneId, SessionId, Setpoint, SignalSpec, StateVersion, TaskVerb, bounded_vec,
};

messages! {
    /// What an agent sends after its hello.
    AgentMessage {
        /// Alive, and in which control state.
        Heartbeat(Heartbeat) = "heartbeat",
        /// One decision.
        Decision(Decision) = "decision",
        /// The agent wants a person.
        RequestIntervention(RequestIntervention) = "request_intervention",
        /// The agent wants an answer, and goes on with other work.
        Question(Question) = "question",
        /// What became of a command.
        Ack(CommandAck) = "ack",
        /// Answers a ping.
        Pong(Pong) = "pong",
        /// A console's probe came.
        Probed(PathAnswer) = "probed",
    }
}

messages! {
    /// What the monitor sends to an agent.
    ToAgent {
        /// Answers the hello.
        Welcome(AgentWelcome) = "welcome",
        /// A person is asked to take over.
        Demand(Demand) = "demand",
        /// A demand is over.
        DemandEnd(DemandEnd) = "demand_end",
        /// Somebody holds the lease from now on.
        Grant(Grant) = "grant",
        /// A lease is over.
        Void(Void) = "void",
        /// The holder is there.
        Holder(HolderHeartbeat) = "holder",
        /// Do this, if the gate agrees.
        Command(Command) = "command",
        /// Up to which decision the record is safe.
        Durable(DurableUpTo) = "durable",
        /// Asks for the agent's clock.
        Ping(Ping) = "ping",
        /// The newest head of the record.
        Head(Head) = "head",
        /// Something was not taken.
        Error(ErrorReport) = "error",
        /// A console asks how long the way to here is.
        Probe(PathProbe) = "probe",
    }
}

/// The first frame of an agent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AgentHello {
    /// Always `agent`.
    pub session: SessionKind,
    /// The token, unless the upgrade carried `Authorization: Bearer`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<BearerToken>,
    /// Who it is.
    pub agent: AgentId,
    /// What it is.
    pub kind: AgentKind,
    /// Its signals, at most 64; decisions carry their numbers in this order.
    #[serde(deserialize_with = "bounded_vec::<_, _, MAX_SIGNALS>")]
    pub signals: Vec<SignalSpec>,
    /// This run of its software.
    pub boot_id: BootId,
    /// Whether the run before this ended in good order (true where there was none).
    pub clean_shutdown: bool,
    /// The highest epoch it has ever seen; 0 for none.
    pub highest_epoch: Epoch,
    /// The highest incarnation of a monitor it has ever seen; 0 for none.
    #[serde(default)]
    pub highest_incarnation: Incarnation,
    /// The latches it holds, at most 16.
    #[serde(default, deserialize_with = "bounded_vec::<_, _, 16>")]
    pub latches: Vec<Latch>,
    /// Its control state, as its gate has it.
    pub control_state: ControlState,
    /// Version of its software, for people.
    pub software_version: Label,
    /// How it is driven by a person; vehicles only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drive: Option<DriveLimits>,
    /// The tasks that its own software does when a person says so; those of its kind.
    #[serde(
        default,
        skip_serializing_if = "Vec::is_empty",
        deserialize_with = "bounded_vec::<_, _, MAX_TASKS>"
    )]
    pub tasks: Vec<TaskVerb>,
}

impl AgentHello {
    /// The first hello of an agent: it acts by itself, and no monitor has told it anything yet.
    pub fn first(agent: AgentId, kind: AgentKind, boot_id: BootId, software_version: Label) -> Self {
        Self {
            session: SessionKind::Agent,
            token: None,
            agent,
            kind,
            signals: Vec::new(),
            boot_id,
            clean_shutdown: true,
            highest_epoch: Epoch(0),
            highest_incarnation: Incarnation(0),
            latches: Vec::new(),
            control_state: ControlState::Autonomous,
            software_version,
            drive: None,
            tasks: Vec::new(),
        }
    }
}

/// Most tasks that an agent names: one of each.
pub const MAX_TASKS: usize = 64;

/// How a vehicle is driven by a person from afar: what the limits that follow the latency are counted with
/// (`takeover.md` 2, rule 9).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct DriveLimits {
    /// The fastest that a person may drive it where the latency sets no limit, in metres per second, more than 0.
    #[serde(deserialize_with = "top_speed")]
    pub top_speed_mps: f64,
    /// From the arrival of a command to the beginning of its effect, at worst, in nanoseconds, at most 1 minute.
    #[serde(deserialize_with = "minute")]
    pub actuation_nanos: u64,
}

impl Default for DriveLimits {
    /// Returns what is assumed of a vehicle that does not say: 50 km/h, the limit of a town road, and 50 ms, one
    /// control cycle of 20 ms with a slow bus behind it. Ours.
    fn default() -> Self {
        Self { top_speed_mps: 50.0 / 3.6, actuation_nanos: 50_000_000 }
    }
}

impl DriveLimits {
    /// Returns whether these may be sent: see the fields.
    pub fn is_valid(&self) -> bool {
        is_top_speed(self.top_speed_mps) && self.actuation_nanos <= MINUTE_NANOS
    }
}

fn is_top_speed(speed_mps: f64) -> bool {
    speed_mps.is_finite() && speed_mps > 0.0
}

/// Deserialises a top speed; with a NaN or none at all no cap could be counted.
fn top_speed<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    let speed = f64::deserialize(deserializer)?;
    if is_top_speed(speed) {
        Ok(speed)
    } else {
        Err(D::Error::custom(format_args!("a top speed is finite and above 0 m/s, got {speed}")))
    }
}

/// Alive, and in which control state. Sent at 10 Hz by vehicles, at 1 Hz by others, and on every change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Heartbeat {
    /// This run of its software.
    pub boot_id: BootId,
    /// Its monotonic clock now.
    pub now: AgentTime,
    /// Its control state.
    pub control_state: ControlState,
    /// Counts the changes of its control state.
    pub state_version: StateVersion,
    /// IN_TRANSITION: the state it came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transition_from: Option<ControlState>,
    /// FALLBACK: how hard.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fallback_level: Option<FallbackLevel>,
    /// Why the fallback began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fallback_cause: Option<FallbackCause>,
    /// The questions that are open, at most 8; one that is no longer named is over.
    #[serde(
        default,
        skip_serializing_if = "Vec::is_empty",
        deserialize_with = "bounded_vec::<_, _, MAX_QUESTIONS>"
    )]
    pub scenes: Vec<SceneId>,
    /// The demand that is open, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub demand_id: Option<DemandId>,
    /// Nanoseconds left of T_demand while a demand is open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub demand_left_nanos: Option<u64>,
    /// The active epoch (HUMAN, RETURNING), or the pending one (CLAIMED, IN_TRANSITION); 0 for none.
    #[serde(default)]
    pub epoch: Epoch,
    /// The latches it holds, at most 16.
    #[serde(default, deserialize_with = "bounded_vec::<_, _, 16>")]
    pub latches: Vec<Latch>,
    /// What it does is steady: handing over is smooth.
    pub stable: bool,
    /// The minimal-risk condition is reached, as its sensors confirm.
    pub condition_reached: bool,
    /// It could drive by itself again.
    pub can_resume: bool,
    /// Somebody at the agent has control; remote motion is refused.
    pub local_override: bool,
    /// A fallback or stop was commanded and its effect is not confirmed within T_verify.
    #[serde(default)]
    pub unverified: bool,
    /// A person drives it by hand.
    #[serde(default)]
    pub manual: bool,
    /// Nobody's hand is on it though a person leads: it follows its lane and slows down.
    #[serde(default)]
    pub neutral: bool,
}

impl Heartbeat {
    /// What an agent says that acts by itself, steadily, and has not changed its state since it started.
    pub fn autonomous(boot_id: BootId, now: AgentTime) -> Self {
        Self {
            boot_id,
            now,
            control_state: ControlState::Autonomous,
            state_version: StateVersion(1),
            transition_from: None,
            fallback_level: None,
            fallback_cause: None,
            scenes: Vec::new(),
            demand_id: None,
            demand_left_nanos: None,
            epoch: Epoch(0),
            latches: Vec::new(),
            stable: true,
            condition_reached: false,
            can_resume: true,
            local_override: false,
            unverified: false,
            manual: false,
            neutral: false,
        }
    }
}

/// The agent wants a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestIntervention {
    /// Why, in words.
    pub reason: Note,
}

/// Most options of one question.
pub const MAX_OPTIONS: usize = 8;

/// The agent wants an answer to one question (`takeover.md` 1.2, row 2). It is sent again after a reconnect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// Names it, once per boot.
    pub scene_id: SceneId,
    /// What it wants to know, in words.
    pub prompt: Note,
    /// What may be answered, 1 to 8.
    #[serde(deserialize_with = "bounded_vec::<_, _, MAX_OPTIONS>")]
    pub options: Vec<Label>,
    /// Which option counts when nobody answers in time, from 0.
    pub default: u8,
    /// What happens then.
    pub policy: QuestionPolicy,
    /// Nanoseconds left of T_decide.
    pub left_nanos: u64,
}

/// What became of a command, as the agent has it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CommandAck {
    /// Which command.
    pub command_id: CommandId,
    /// `received`, `accepted`, `in_progress`, `completed`, `failed`, `expired`, `superseded` or `rejected`.
    pub state: CommandState,
    /// Why not, when rejected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<CommandCode>,
    /// Share done of `in_progress`, 0 to 100.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "percent")]
    pub percent: Option<u8>,
    /// When it came to this, on the agent's clock.
    pub at: AgentTime,
    /// More, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<Note>,
}

/// Deserialises a percentage.
fn percent<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u8>, D::Error> {
    match Option::<u8>::deserialize(deserializer)? {
        Some(share) if share > 100 => {
            Err(D::Error::custom(format_args!("a percentage lies between 0 and 100, got {share}")))
        }
        share => Ok(share),
    }
}

/// Answers an agent's hello.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentWelcome {
    /// This connection.
    pub session_id: SessionId,
    /// Counts the starts of this monitor; refuse to be led by a lower one than you have seen.
    pub incarnation: Incarnation,
    /// The highest epoch that either side has ever seen; the next grant is above it.
    pub epoch: Epoch,
    /// Latches that the monitor has on record for this agent; hold the union of both.
    #[serde(default, deserialize_with = "bounded_vec::<_, _, 16>")]
    pub latches: Vec<Latch>,
    /// The lease that was live before the connection was lost still is (same boot, same incarnation).
    pub lease_live: bool,
    /// Up to which decision of this boot the record is safe; send again what lies above.
    pub durable_seq: DecisionSeq,
    /// How often to send a heartbeat, in nanoseconds.
    pub heartbeat_nanos: u64,
}

/// A person is asked to take over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Demand {
    /// Names it.
    pub demand_id: DemandId,
    /// Who wants it.
    pub origin: DemandOrigin,
    /// It is so urgent that the agent's cooldown does not hold it up.
    #[serde(default)]
    pub critical: bool,
    /// How long people have, at most, in nanoseconds; the agent's own T_demand may be shorter.
    pub left_nanos: u64,
    /// The state version the monitor knew: refuse if the state has moved on to one that has no demand.
    pub state_version: StateVersion,
    /// Why, in words.
    pub reason: Note,
}

/// How the monitor saw a demand end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DemandEnd {
    /// Which demand.
    pub demand_id: DemandId,
    /// `self_cleared`, `cancelled` or `dismissed`; the other ways to end are the agent's own.
    pub outcome: watchkeeper_model::DemandOutcome,
}

/// Somebody holds the lease from now on; its epoch is pending until the first valid command under it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// The fencing number, higher than every one before.
    pub epoch: Epoch,
    /// Who.
    pub holder: PersonId,
    /// From which session.
    pub holder_session: SessionId,
    /// This run of the agent, or the grant is not for it.
    pub boot_id: BootId,
}

/// A lease is over; commands under its epoch are stale.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Void {
    /// Which.
    pub epoch: Epoch,
    /// Why.
    pub reason: LeaseEnd,
}

/// The holder is there. Comes from the loop that draws the console, and counts only before its deadline.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct HolderHeartbeat {
    /// The lease it renews.
    pub epoch: Epoch,
    /// Counts up within the lease.
    pub seq: u64,
    /// The person can act now.
    pub ready: bool,
    /// Until when it counts, on the agent's clock.
    pub deadline: AgentTime,
    /// Manual driving: what the hands want now; it holds for T_deadman.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub setpoint: Option<Setpoint>,
    /// Vehicles: the total latency between the holder and the agent as the monitor last measured it, in nanoseconds:
    /// downlink, display, uplink and actuation. Absent while it is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency_nanos: Option<u64>,
}

/// A command as it reaches the agent's gate (`takeover.md` 3.1).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Command {
    /// Names it; the same id never takes effect twice.
    pub command_id: CommandId,
    /// The run of the agent it is meant for; an ESTOP takes effect also when this is another.
    pub boot_id: BootId,
    /// The verb.
    pub kind: CommandKind,
    /// Its arguments.
    #[serde(default)]
    pub args: CommandArgs,
    /// The lease it is sent under; 0 for stops and safer commands of somebody without a lease.
    #[serde(default)]
    pub epoch: Epoch,
    /// Counts up within the epoch, from 1.
    #[serde(default)]
    pub seq: u64,
    /// Until when it may take effect, on the agent's clock.
    pub deadline: AgentTime,
    /// Who sent it.
    pub issued_by: PersonId,
    /// The state version the person saw, where it matters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence_version: Option<StateVersion>,
    /// The control state it counts on, where it matters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expect_state: Option<ControlState>,
}

/// Up to which decision the record is safe; what lies above, the agent sends again after a reconnect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DurableUpTo {
    /// The highest decision such that it and all received before it are on disk.
    pub seq: DecisionSeq,
}

/// A console asks how long the way to the agent is. Comes the way that commands come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PathProbe {
    /// The console's session.
    pub session_id: SessionId,
    /// Counts up within that session.
    pub seq: u64,
}

/// Answers a probe at once, the way that heartbeats go.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct PathAnswer {
    /// `session_id` of the probe.
    pub session_id: SessionId,
    /// `seq` of the probe.
    pub seq: u64,
    /// When the probe came.
    pub received: AgentTime,
    /// When this answer left.
    pub answered: AgentTime,
    /// How fast the holder may drive for the latency alone, in metres per second; absent where it sets no limit.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "cap")]
    pub latency_cap_mps: Option<f64>,
}
