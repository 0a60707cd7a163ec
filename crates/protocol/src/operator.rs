//! Messages between an operator's console and the monitor.

mod order;
mod path;
mod requests;
mod roster;

pub use order::Order;
pub use path::{LatencyParts, MAX_PROBED, OneWay, PathLatency, Probe};
pub use requests::{
    Acknowledge, AllowTakeover, AnswerHandover, Authorised, Claim, CommandRequest, HolderReport,
    LabelTakeover, Presented, Refresh, RequestHandover, Reset, ReturnToService, Shelve, Stop,
    TakeOutOfService, Unshelve, Waive,
};
pub use roster::{OperatorStatus, Roster};

use crate::{
    agent::{MAX_TASKS, Question},
    codec::messages,
    record::TakeoverRecord,
    session::{ErrorReport, Head, Ping, Pong, SessionKind},
};
use serde::{Deserialize, Serialize};
use watchkeeper_model::{
    AgentId, AgentKind, AgentTime, Alarm, BearerToken, BootId, CommandCode, CommandId, CommandKind,
    CommandState, Confidence, ControlState, DecisionSeq, DemandId, DemandOrigin, Epoch, FallbackCause,
    FallbackLevel, Incarnation, Label, Latch, LeaseEnd, MAX_QUESTIONS, MAX_SIGNALS, MonoTime, Note,
    OperatorRole, PersonId, PlanPoint, Pose, Scope, SessionId, SignalSpec, Stage, StateVersion, TaskVerb,
    bounded_vec,
};

messages! {
    /// What an operator sends after the hello.
    OperatorMessage {
        /// Wants the lease of an agent: the first deliberate input.
        Claim(Claim) = "claim",
        /// Takes control: the second deliberate input.
        Engage(Authorised) = "engage",
        /// Gives the lease back.
        Release(Authorised) = "release",
        /// Lets the agent drive again.
        HandBack(Authorised) = "hand_back",
        /// Any other command.
        Command(CommandRequest) = "command",
        /// Has seen an alert and takes note.
        Acknowledge(Acknowledge) = "acknowledge",
        /// Stops agents, lease or not.
        Stop(Stop) = "stop",
        /// The holder is there.
        Heartbeat(HolderReport) = "heartbeat",
        /// The frame that shows these alerts was presented.
        Presented(Presented) = "presented",
        /// Puts an alert aside for a while.
        Shelve(Shelve) = "shelve",
        /// Takes an alert back before its time.
        Unshelve(Unshelve) = "unshelve",
        /// Takes what an agent may raise out of service.
        TakeOutOfService(TakeOutOfService) = "take_out_of_service",
        /// Brings an alert back into service.
        ReturnToService(ReturnToService) = "return_to_service",
        /// Lets an alert go that is latched.
        Reset(Reset) = "reset",
        /// Wants control of an agent that somebody else drives.
        RequestHandover(RequestHandover) = "request_handover",
        /// The holder answers such a wish.
        AnswerHandover(AnswerHandover) = "answer_handover",
        /// The holder says whether others may take over without asking.
        AllowTakeover(AllowTakeover) = "allow_takeover",
        /// Says that the holder may hand back though the cause is still there.
        Waive(Waive) = "waive",
        /// Says what a takeover was worth.
        Label(LabelTakeover) = "label",
        /// Answers a ping.
        Pong(Pong) = "pong",
        /// Asks how long the way to an agent is.
        Probe(Probe) = "probe",
        /// Shows a newer token before the one of the hello expires.
        Refresh(Refresh) = "refresh",
    }
}

messages! {
    /// What the monitor sends to an operator.
    ToOperator {
        /// Answers the hello.
        Welcome(OperatorWelcome) = "welcome",
        /// A part of the whole picture.
        Snapshot(SnapshotPart) = "snapshot",
        /// An alert, or a change of one.
        Alert(AlertUpdate) = "alert",
        /// Who controls an agent, and everything around it.
        ControlStatus(StatusUpdate) = "control_status",
        /// What became of a command.
        CommandStatus(CommandUpdate) = "command_status",
        /// A lease was granted, refused or ended.
        Lease(LeaseUpdate) = "lease",
        /// The newest decision of an agent; older ones may have been dropped.
        Telemetry(Telemetry) = "telemetry",
        /// A takeover as it stands, with its moments so far.
        Takeover(TakeoverUpdate) = "takeover",
        /// Who else is there, and what they hold.
        Roster(Roster) = "roster",
        /// How much telemetry this console missed.
        Dropped(Dropped) = "dropped",
        /// How the monitor itself is.
        Health(Health) = "health",
        /// Asks for the console's clock.
        Ping(Ping) = "ping",
        /// The newest head of the record.
        Head(Head) = "head",
        /// Something was not taken.
        Error(ErrorReport) = "error",
        /// The agent answered this console's probe.
        Probed(PathLatency) = "probed",
        /// What this console may do; follows the welcome, and comes again when it changes.
        Access(AccessUpdate) = "access",
    }
}

/// What kind of console it is; it decides what `ready` may mean (`takeover.md` 1.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConsoleKind {
    /// Draws frames and knows when they were presented.
    Window,
    /// A text console: ready = a key within the last 3 s.
    Text,
    /// A script: ready by configuration, and recorded as such.
    Scripted,
    /// A window console that draws to a texture, for tests and benchmarks: nobody looks at its frames.
    Headless,
}

/// The first frame of an operator.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OperatorHello {
    /// Always `operator`.
    pub session: SessionKind,
    /// The token, unless the upgrade carried `Authorization: Bearer`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<BearerToken>,
    /// Who it is.
    pub person: PersonId,
    /// In which role; the token of a development run allows each, another one those that it names.
    pub role: OperatorRole,
    /// What kind of console.
    pub console: ConsoleKind,
    /// Where to resume: the incarnation and cursor last seen. Absent for a fresh start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resume: Option<Resume>,
}

/// What a console may do, as its token says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessUpdate {
    /// In which role.
    pub role: OperatorRole,
    /// Which agents it sees and may act on: ids, or beginnings of ids with a `*` behind them, at most 16.
    pub scope: Scope,
    /// A development run: whoever knows its secret is who he says he is.
    #[serde(default)]
    pub development: bool,
    /// Others can reach this monitor without TLS, as its operator wanted it: what is sent and shown can be read and changed
    /// on its way.
    #[serde(default)]
    pub in_the_clear: bool,
    /// The token has expired: this console reads on, and nothing that it sends is done until it shows a new token.
    #[serde(default)]
    pub expired: bool,
    /// How long the token lasts, in nanoseconds; absent where it does not expire.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left_nanos: Option<u64>,
}

/// Where a console stopped reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resume {
    /// The monitor's incarnation then.
    pub incarnation: Incarnation,
    /// The last cursor it folded.
    pub cursor: u64,
}

/// Answers an operator's hello. Parts of a snapshot follow, unless the resume point was still there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperatorWelcome {
    /// This connection.
    pub session_id: SessionId,
    /// Counts the starts of this monitor.
    pub incarnation: Incarnation,
    /// Who the monitor takes you for.
    pub person: PersonId,
    /// In which role.
    pub role: OperatorRole,
    /// True when the deltas since your cursor follow; false when a snapshot follows.
    pub resumed: bool,
    /// Monitor build, for people.
    pub software_version: Label,
    /// The monitor's monotonic clock now.
    pub now: MonoTime,
}

/// A part of the whole picture, at most 64 KiB; the picture is current when the last part is folded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SnapshotPart {
    /// Deltas go on after this cursor.
    pub cursor: u64,
    /// Number of this part, from 0.
    pub part: u32,
    /// True for the last one.
    pub last: bool,
    /// Agents, at most 64 in a part.
    #[serde(default, deserialize_with = "bounded_vec::<_, _, 64>")]
    pub agents: Vec<AgentStatus>,
    /// Alerts that are not over and acknowledged, at most 64 in a part.
    #[serde(default, deserialize_with = "bounded_vec::<_, _, 64>")]
    pub alerts: Vec<Alarm>,
    /// Takeovers that are going on, and the last ones that are over, oldest first, at most 8 in a part.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "bounded_vec::<_, _, 8>")]
    pub takeovers: Vec<TakeoverRecord>,
}

/// An alert, or a change of one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AlertUpdate {
    /// Place in the stream of deltas.
    pub cursor: u64,
    /// The alert as it stands now.
    pub alarm: Alarm,
}

/// Who controls an agent: on every change with a new cursor, and at 1 Hz with the cursor as it stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StatusUpdate {
    /// Place in the stream of deltas; repeats have the newest cursor of the stream.
    pub cursor: u64,
    /// The agent as it stands now.
    pub status: AgentStatus,
}

/// A demand as a console shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DemandStatus {
    /// Names it.
    pub demand_id: DemandId,
    /// Who wants it.
    pub origin: DemandOrigin,
    /// Nanoseconds left when this was sent.
    pub left_nanos: u64,
    /// What the agent does at the end if nobody comes, in words.
    pub then: Note,
    /// Why, in words.
    pub reason: Note,
}

/// A lease as a console shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeaseStatus {
    /// Who.
    pub holder: PersonId,
    /// From which session.
    pub session_id: SessionId,
    /// The fencing number.
    pub epoch: Epoch,
    /// Nanoseconds until the agent lets go of it unless renewed (T_link), when this was sent.
    pub left_nanos: u64,
    /// The last heartbeat said that the person can act.
    pub ready: bool,
    /// Nanoseconds left to engage before the claim lapses (T_claim), when this was sent; absent once engaged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub engage_left_nanos: Option<u64>,
    /// Others may take over without asking.
    #[serde(default)]
    pub takeover_allowed: bool,
    /// Somebody asks the holder for control.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handover: Option<HandoverStatus>,
    /// Who besides the holder said that he may hand back though the cause is still there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waived_by: Option<PersonId>,
    /// Who gets control with his ENGAGE; until then the holder drives.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<NextHolder>,
}

/// Somebody asks the holder for control.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HandoverStatus {
    /// Names the wish.
    pub request_id: u64,
    /// Who asks.
    pub by: PersonId,
    /// From which session.
    pub session_id: SessionId,
    /// Nanoseconds left to answer, when this was sent.
    pub left_nanos: u64,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Note>,
}

/// Holds the pending lease of an agent that somebody else still drives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NextHolder {
    /// Who.
    pub holder: PersonId,
    /// From which session.
    pub session_id: SessionId,
    /// His lease.
    pub epoch: Epoch,
    /// Nanoseconds left to engage, when this was sent.
    pub left_nanos: u64,
    /// His last heartbeat said that he can act.
    pub ready: bool,
    /// A supervisor takes it without having been let.
    pub preempts: bool,
}

/// One agent as it stands now.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AgentStatus {
    /// Who it is.
    pub agent: AgentId,
    /// What it is.
    pub kind: AgentKind,
    /// Its signals.
    #[serde(default, deserialize_with = "bounded_vec::<_, _, MAX_SIGNALS>")]
    pub signals: Vec<SignalSpec>,
    /// The tasks that its own software does when a person says so.
    #[serde(
        default,
        skip_serializing_if = "Vec::is_empty",
        deserialize_with = "bounded_vec::<_, _, MAX_TASKS>"
    )]
    pub tasks: Vec<TaskVerb>,
    /// This run of its software.
    pub boot_id: BootId,
    /// Version of its software.
    pub software_version: Label,
    /// Last reported control state. While `offline_nanos` is set it is the last known one.
    pub control_state: ControlState,
    /// Counts the changes of the control state: the evidence version of commands.
    pub state_version: StateVersion,
    /// IN_TRANSITION: where from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transition_from: Option<ControlState>,
    /// FALLBACK: how hard.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fallback_level: Option<FallbackLevel>,
    /// Why the fallback began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fallback_cause: Option<FallbackCause>,
    /// It fell back so often that only a supervisor lets it go on.
    #[serde(default)]
    pub locked_out: bool,
    /// The questions that wait for an answer, at most 8.
    #[serde(
        default,
        skip_serializing_if = "Vec::is_empty",
        deserialize_with = "bounded_vec::<_, _, MAX_QUESTIONS>"
    )]
    pub questions: Vec<Question>,
    /// Set when the agent is OFFLINE: for how long, in nanoseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offline_nanos: Option<u64>,
    /// The agent's clock at its last heartbeat.
    pub agent_clock: AgentTime,
    /// How old that heartbeat was when this was sent, in nanoseconds.
    pub heartbeat_age_nanos: u64,
    /// Three good heartbeats came since it connected: it may be claimed.
    pub settled: bool,
    /// The latches it holds.
    #[serde(default, deserialize_with = "bounded_vec::<_, _, 16>")]
    pub latches: Vec<Latch>,
    /// The open demand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub demand: Option<DemandStatus>,
    /// The live lease.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease: Option<LeaseStatus>,
    /// What it does is steady.
    pub stable: bool,
    /// The minimal-risk condition is reached.
    pub condition_reached: bool,
    /// It could drive by itself again.
    pub can_resume: bool,
    /// Somebody at the agent has control.
    pub local_override: bool,
    /// A fallback or stop is not confirmed.
    pub unverified: bool,
    /// An ESTOP waits to be delivered or confirmed.
    pub stop_pending: bool,
    /// A person drives it by hand.
    #[serde(default)]
    pub manual: bool,
    /// Nobody's hand is on it though a person leads: it follows its lane and slows down.
    #[serde(default)]
    pub neutral: bool,
    /// How odd it looks now, 0 to 1.
    pub score: f64,
    /// Decisions received in this boot.
    pub decisions: u64,
    /// Decision numbers that never came.
    pub gaps: u64,
    /// Estimated (agent clock - monitor clock), in nanoseconds, with its error bound.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock_offset: Option<ClockOffset>,
}

/// A clock offset with its error bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClockOffset {
    /// Peer clock - monitor clock, in nanoseconds.
    pub offset_nanos: i64,
    /// Half of the shortest round trip, in nanoseconds.
    pub error_nanos: u64,
}

/// What became of a command.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CommandUpdate {
    /// Place in the stream of deltas.
    pub cursor: u64,
    /// Which command.
    pub command_id: CommandId,
    /// Whose.
    pub agent: AgentId,
    /// The verb.
    pub kind: CommandKind,
    /// Who sent it.
    pub issued_by: PersonId,
    /// Where it is in its life.
    pub state: CommandState,
    /// Why not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<CommandCode>,
    /// More, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<Note>,
    /// The record of it is on disk.
    pub logged: bool,
}

/// What happened to a lease; goes to every console that sees the agent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeaseUpdate {
    /// Place in the stream of deltas.
    pub cursor: u64,
    /// Whose.
    pub agent: AgentId,
    /// Who holds, held, or wanted it.
    pub holder: PersonId,
    /// From which session.
    pub session_id: SessionId,
    /// The fencing number; 0 when refused or only asked for.
    pub epoch: Epoch,
    /// What happened.
    pub event: LeaseEvent,
    /// `refused`: why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<CommandCode>,
    /// `ended`: why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<LeaseEnd>,
    /// More, in words: who holds it instead, which rule refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<Note>,
}

/// What happened to a lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LeaseEvent {
    /// Durable, and on its way to the agent.
    Granted,
    /// Not granted.
    Refused,
    /// Over.
    Ended,
    /// Somebody asks the holder for control.
    HandoverRequested,
    /// The holder said no, or nothing.
    HandoverRefused,
}

/// The newest decision of an agent as a console shows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Telemetry {
    /// Whose.
    pub agent: AgentId,
    /// Which decision.
    pub seq: DecisionSeq,
    /// When the monitor received it, on its clock.
    pub received_at: MonoTime,
    /// What the agent does.
    pub action: Label,
    /// How sure it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence: Option<Confidence>,
    /// The numbers, in the order of the agent's signals.
    #[serde(default, deserialize_with = "bounded_vec::<_, _, MAX_SIGNALS>")]
    pub signals: Vec<f64>,
    /// How odd it looks, 0 to 1.
    pub score: f64,
    /// Where it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pose: Option<Pose>,
    /// Where it means to go, at most 16 points.
    #[serde(
        default,
        skip_serializing_if = "Vec::is_empty",
        deserialize_with = "bounded_vec::<_, _, MAX_SHOWN_PLAN>"
    )]
    pub plan: Vec<PlanPoint>,
}

/// Most points of a plan that consoles are shown.
pub const MAX_SHOWN_PLAN: usize = 16;

/// A takeover as it stands, with its moments so far; sent when something about it changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TakeoverUpdate {
    /// Place in the stream of deltas.
    pub cursor: u64,
    /// The takeover.
    pub takeover: TakeoverRecord,
}

/// How much this console missed since the last such message, because it did not keep up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dropped {
    /// Telemetry and repeats of a status that newer ones replaced, or that found no room.
    pub telemetry: u64,
}

/// How the monitor itself is; once a second and on change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Health {
    /// The monitor's monotonic clock.
    pub now: MonoTime,
    /// The record cannot be written in time: riskier actions are refused.
    pub degraded: bool,
    /// Share of the record's queue that is in use, 0 to 1.
    pub ledger_queue: f64,
    /// Agents connected, of those that this console sees.
    pub agents: u64,
    /// Consoles connected.
    pub consoles: u64,
    /// Frames that could not be decoded, and unknown messages, since the start.
    pub refused_frames: u64,
    /// Latency of each stage so far, at most 8.
    #[serde(default, deserialize_with = "bounded_vec::<_, _, 8>")]
    pub stages: Vec<StageLatency>,
}

/// Latency of one stage so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StageLatency {
    /// Which.
    pub stage: Stage,
    /// How many were measured.
    pub count: u64,
    /// Median, in nanoseconds.
    pub p50_nanos: u64,
    /// 95th percentile, in nanoseconds.
    pub p95_nanos: u64,
    /// 99th percentile, in nanoseconds.
    pub p99_nanos: u64,
    /// Longest, in nanoseconds.
    pub max_nanos: u64,
    /// How many went over their hard budget or were unknown.
    pub breaches: u64,
}
