//! What the application says of a decision, and why it may not be taken.

use thiserror::Error;
use watchkeeper_model::{
    AgentTime, Alternative, Confidence, Context, Decision, DecisionSeq, Label, MAX_ALTERNATIVES, MAX_PLAN,
    Waiting,
};

/// A decision without its number and time, which the SDK gives it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DecisionDraft {
    /// What the agent does.
    pub action: Label,
    /// How sure it is; `None` when it does not know.
    pub confidence: Option<Confidence>,
    /// What else it might have done, at most 16.
    pub alternatives: Vec<Alternative>,
    /// The numbers it knew, as many as the hello named and in that order; NaN where one is missing.
    pub signals: Vec<f64>,
    /// Whom or what it is about.
    pub subject: Option<Label>,
    /// Surroundings.
    pub context: Option<Context>,
    /// Set when nothing happens until a person answers.
    pub waiting: Option<Waiting>,
}

/// Says why a decision was not taken.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DecideError {
    /// The agent is ESTOPPED: it decides nothing until a supervisor clears the latch.
    #[error("the agent is stopped (ESTOP): it sends no decisions until a supervisor clears the latch")]
    Stopped,
    /// Not as many numbers as signals.
    #[error("the hello named {expected} signals, the decision has {found} numbers")]
    SignalCount {
        /// Signals named.
        expected: usize,
        /// Numbers found.
        found: usize,
    },
    /// A list is too long for the wire.
    #[error("a decision has at most {limit} {what}, this one has {found}")]
    TooMany {
        /// Which list.
        what: &'static str,
        /// Most items allowed.
        limit: usize,
        /// Items found.
        found: usize,
    },
    /// The agent was closed.
    #[error("the agent is closed")]
    Closed,
}

impl DecisionDraft {
    /// Makes a draft with what most agents know.
    pub fn new(action: &str, confidence: Option<Confidence>, signals: Vec<f64>) -> Self {
        Self { action: Label::cut(action), confidence, signals, ..Self::default() }
    }

    pub(super) fn check(&self, signals: usize) -> Result<(), DecideError> {
        if self.signals.len() != signals {
            return Err(DecideError::SignalCount { expected: signals, found: self.signals.len() });
        }
        let plan = self.context.as_ref().map_or(0, |context| context.plan.len());
        for (what, limit, found) in [
            ("alternatives", MAX_ALTERNATIVES, self.alternatives.len()),
            ("points of a plan", MAX_PLAN, plan),
        ] {
            if found > limit {
                return Err(DecideError::TooMany { what, limit, found });
            }
        }
        Ok(())
    }

    pub(super) fn into_decision(self, seq: DecisionSeq, made_at: AgentTime) -> Decision {
        Decision {
            seq,
            made_at,
            action: self.action,
            confidence: self.confidence,
            alternatives: self.alternatives,
            signals: self.signals,
            subject: self.subject,
            context: self.context,
            waiting: self.waiting,
        }
    }
}
