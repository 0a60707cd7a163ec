//! What the engine counts, and how it stands: figures for a shell to publish. Nothing is decided by them.

use std::collections::BTreeMap;
use watchkeeper_model::{CommandState, DemandOutcome, Severity};

/// Counts since the engine was made; every one only grows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Decisions taken in.
    pub decisions: u64,
    /// How often a rule could not judge a decision, because something that it speaks of was missing.
    pub rules_unjudged: u64,
    /// Alerts raised, and raised again after they were over, by the severity they then had.
    pub alerts_raised: BTreeMap<Severity, u64>,
    /// Takeovers asked for.
    pub demands_raised: u64,
    /// Takeovers that are over, by how their demand ended; `None`: that is not known.
    pub takeovers_ended: BTreeMap<Option<DemandOutcome>, u64>,
    /// Those among them that broke a hard budget of the machine.
    pub takeovers_over_budget: u64,
    /// Commands that people sent, each counted once however often it came.
    pub commands_received: u64,
    /// Commands that are over, by their terminal state.
    pub commands_ended: BTreeMap<CommandState, u64>,
}

/// How much there is of what comes and goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Agents that are connected.
    pub agents: usize,
    /// Consoles that are connected.
    pub consoles: usize,
    /// Alerts that are not over and acknowledged.
    pub alerts_open: usize,
    /// Agents for which a takeover is asked.
    pub demands_open: usize,
    /// Agents that a person holds.
    pub leases: usize,
}
