//! The words of the domain: ids, time, units, decisions, findings, control states, commands.
//!
//! Everything else names these types, and the wire carries them as they are: there is no translation
//! layer. Constructors check ranges, so a value that exists is a valid value.
//!
//! Deliberately not here: behaviour. No state machine, no message framing, no clock.

mod access;
mod alarm;
mod command;
mod confidence;
mod control;
mod decision;
mod ids;
mod stage;
mod task;
mod text;
mod time;

pub use access::{Access, AgentPattern, Denial, MAX_SCOPE, Permission, Reach, Role, Scope, ScopeError};
pub use alarm::{
    Alarm, AlarmState, CauseClass, CommonCause, Explanation, MAX_SAMPLES, MAX_SHELVED, MAX_SIGNAL_EVIDENCE,
    OutOfService, PageReason, Priority, Response, Routed, Sample, Severity, Shelved, SignalEvidence,
    Suppressed,
};
pub use command::{CommandArgs, CommandCode, CommandKind, CommandState, RiskClass, Setpoint};
pub use confidence::{Confidence, ConfidenceError};
pub use control::{
    AgentKind, ControlState, DemandOrigin, DemandOutcome, FallbackCause, FallbackLevel, FallbackLevelError,
    Latch, LatchCause, LeaseEnd, MAX_QUESTIONS, OperatorRole, QuestionOutcome, QuestionPolicy, Verdict,
};
pub use decision::{
    Alternative, Context, Decision, MAX_ALTERNATIVES, MAX_PLAN, MAX_SIGNALS, PlanPoint, Pose, SignalSpec,
    WaitDefault, Waiting,
};
pub use ids::{
    AgentId, AlertId, BootId, CommandId, DecisionSeq, DemandId, Epoch, IdError, Incarnation, LatchId,
    PersonId, SceneId, SessionId, StateVersion,
};
pub use stage::{Stage, StageOwner, machine_budget};
pub use task::{TaskArg, TaskClass, TaskReport, TaskVerb};
pub use text::{BearerToken, Label, Note, TextError, bounded_vec};
pub use time::{AgentTime, MonoTime, WallTime, nanos};
