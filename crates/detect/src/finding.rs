//! What a pipeline says: something became odd, odder, or normal again.

use serde::{Deserialize, Serialize};
use watchkeeper_model::{CauseClass, DecisionSeq, Explanation, Label, Response, Severity};

/// Where a finding is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// The condition holds and did not before.
    Raised,
    /// The condition holds still and its severity rose.
    Worse,
    /// The condition has been false for the whole time that the settings ask for.
    Cleared,
}

/// One change of one condition; cause and subject together name the condition within an agent.
///
/// Between `Raised` and `Cleared` of a cause and subject there is no second `Raised`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// What kind of thing is wrong.
    pub cause: CauseClass,
    /// Which of that kind: a signal, a rule's name, `decisions`, `heartbeats`.
    pub subject: Label,
    /// What happened to it.
    pub phase: Phase,
    /// How bad it is; on `Cleared` how bad it was at worst.
    pub severity: Severity,
    /// What it asks of people.
    pub response: Response,
    /// The decision that showed it; `None` when time did (silence, or a condition that ran out).
    pub decision: Option<DecisionSeq>,
    /// Why, complete enough to be checked by hand; never a NaN in statistic, threshold or score.
    pub explanation: Explanation,
}
