//! What a person wants, before it becomes a message.

use std::time::Duration;
use watchkeeper_model::{
    AgentId, AlertId, CauseClass, CommandArgs, CommandKind, DemandId, Label, LatchId, Note, Verdict,
};

/// What a person wants; both consoles make these, and the client SDK turns them into messages.
///
/// It names agents and alerts, never rows: what moved on the screen in between cannot change whom it meets.
/// Command ids, epochs, sequences, deadlines and evidence versions are the SDK's part.
#[derive(Clone, Debug, PartialEq)]
pub enum Intent {
    /// Have the lease of an agent: the first deliberate input of a takeover.
    Claim {
        /// Which agent.
        agent: AgentId,
    },
    /// Take control: the second deliberate input.
    Engage {
        /// Which agent.
        agent: AgentId,
        /// The latches on the screen that taking control releases; never an ESTOP's.
        latches: Vec<LatchId>,
    },
    /// Give the lease up.
    Release {
        /// Which agent.
        agent: AgentId,
    },
    /// Let the agent drive again.
    HandBack {
        /// Which agent.
        agent: AgentId,
    },
    /// Any other command.
    Command {
        /// Which agent.
        agent: AgentId,
        /// The verb; none of those that have an intent of their own.
        kind: CommandKind,
        /// Its arguments.
        args: CommandArgs,
    },
    /// Take note of an alert.
    Acknowledge {
        /// Which alert.
        alert: AlertId,
    },
    /// Put an alert aside for a while.
    Shelve {
        /// Which alert.
        alert: AlertId,
        /// For how long, at most 8 h.
        span: Duration,
        /// Why; not empty.
        reason: Note,
    },
    /// Take an alert back before its time.
    Unshelve {
        /// Which alert.
        alert: AlertId,
    },
    /// Take what an agent may raise out of service: for supervisors.
    TakeOutOfService {
        /// Which agent.
        agent: AgentId,
        /// What kind of thing.
        cause: CauseClass,
        /// Which of that kind.
        subject: Label,
        /// Why; not empty.
        reason: Note,
    },
    /// Bring an alert back into service: for supervisors.
    ReturnToService {
        /// Which alert.
        alert: AlertId,
    },
    /// Let an alert go that is latched.
    Reset {
        /// Which alert.
        alert: AlertId,
    },
    /// Ask the holder for control; a supervisor may take it without asking.
    RequestHandover {
        /// Which agent.
        agent: AgentId,
        /// Take it without asking: for supervisors, with a reason.
        preempt: bool,
        /// Why.
        reason: Option<Note>,
    },
    /// Answer somebody who asks for control.
    AnswerHandover {
        /// Which agent.
        agent: AgentId,
        /// Which wish.
        request_id: u64,
        /// Let him have it.
        accept: bool,
    },
    /// Say whether others may take over without asking.
    AllowTakeover {
        /// Which agent.
        agent: AgentId,
        /// They may.
        allowed: bool,
    },
    /// Say that the holder may hand back though the cause is still there; for everybody but him.
    Waive {
        /// Which agent.
        agent: AgentId,
        /// Why; not empty.
        reason: Note,
    },
    /// Say what a takeover was worth.
    Label {
        /// Which takeover.
        demand: DemandId,
        /// What it was.
        verdict: Verdict,
    },
    /// Stop an agent at once (ESTOP), lease or not.
    Stop {
        /// Which agent.
        agent: AgentId,
        /// Why, where the person said so.
        reason: Option<Note>,
        /// The person confirmed that more than five agents within 10 s are meant.
        confirm_many: bool,
    },
}
