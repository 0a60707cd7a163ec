//! What an agent decided, and what it knew.

use crate::{AgentTime, Confidence, DecisionSeq, Label, bounded_vec};
use serde::{Deserialize, Serialize};

/// Most signals of one agent.
pub const MAX_SIGNALS: usize = 64;
/// Most alternatives of one decision.
pub const MAX_ALTERNATIVES: usize = 16;
/// Most points of one plan.
pub const MAX_PLAN: usize = 64;

/// Names one signal of an agent; decisions carry the numbers in the same order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignalSpec {
    /// Name, for example `speed`.
    pub name: Label,
    /// Unit as people write it, for example `m/s`; empty where there is none.
    pub unit: Label,
}

/// Something else the agent might have done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Alternative {
    /// The action.
    pub action: Label,
    /// How sure the agent is of it, 0 to 1.
    pub confidence: Confidence,
}

/// Where an agent is, in metres and radians, in the deployment's map frame (x east, y north).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pose {
    /// Metres east.
    pub x_meters: f64,
    /// Metres north.
    pub y_meters: f64,
    /// Heading in radians, 0 = east, counter-clockwise.
    pub heading_radians: f64,
}

/// One point of where an agent means to go.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlanPoint {
    /// Metres east.
    pub x_meters: f64,
    /// Metres north.
    pub y_meters: f64,
}

/// Optional surroundings of a decision.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Context {
    /// Where the agent is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pose: Option<Pose>,
    /// Where it means to go, at most 64 points.
    #[serde(
        default,
        skip_serializing_if = "Vec::is_empty",
        deserialize_with = "bounded_vec::<_, _, MAX_PLAN>"
    )]
    pub plan: Vec<PlanPoint>,
}

/// What happens when nobody answers in time. Proceeding is not among them when a person is required.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaitDefault {
    /// The action that the agent then takes, for example `hold` or `decline`.
    pub action: Label,
}

/// The decision waits for a person until a deadline, then takes its default.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    /// Until when, on the agent's clock.
    pub until: AgentTime,
    /// What then happens.
    pub then: WaitDefault,
}

/// One decision of an agent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Decision {
    /// Counts up by one from 1 within a boot.
    pub seq: DecisionSeq,
    /// When it was made, on the agent's clock.
    pub made_at: AgentTime,
    /// What the agent does.
    pub action: Label,
    /// How sure it is, 0 to 1; `None` when it does not know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence: Option<Confidence>,
    /// What else it might have done, at most 16.
    #[serde(
        default,
        skip_serializing_if = "Vec::is_empty",
        deserialize_with = "bounded_vec::<_, _, MAX_ALTERNATIVES>"
    )]
    pub alternatives: Vec<Alternative>,
    /// The numbers it knew, in the order of the hello, at most 64; NaN where one is missing.
    #[serde(default, deserialize_with = "bounded_vec::<_, _, MAX_SIGNALS>")]
    pub signals: Vec<f64>,
    /// Whom or what the decision is about: a card, a customer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<Label>,
    /// Surroundings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<Context>,
    /// Set when nothing happens until a person answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting: Option<Waiting>,
}
