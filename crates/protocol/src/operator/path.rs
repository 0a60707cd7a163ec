//! How long the ways between a console and an agent are: asked, and told.

use crate::limits::{cap, minute_or_none};
use serde::{Deserialize, Serialize};
use watchkeeper_model::AgentId;

/// How many agents one console may probe at once: a person drives one, is about to take the next, and looks at others.
pub const MAX_PROBED: usize = 8;

/// Asks how long the way to an agent is, and whether it works: once a second, the way that commands go, from a console
/// that holds the agent or is about to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Probe {
    /// Which agent.
    pub agent: AgentId,
    /// Counts up within the session, from 1.
    pub seq: u64,
    /// When it left, on the console's clock, in nanoseconds.
    pub sent_nanos: u64,
    /// How long news took from their arrival to the presented frame, at worst since the last probe, in nanoseconds, at
    /// most 1 minute; absent where nothing was presented since.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "minute_or_none")]
    pub display_nanos: Option<u64>,
}

/// How long one direction takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OneWay {
    /// In nanoseconds.
    pub nanos: u64,
    /// Its error bound, in nanoseconds: how much of it may belong to the other direction instead.
    pub error_nanos: u64,
}

/// How long the ways between a console and an agent are, as the monitor measured them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LatencyParts {
    /// From the agent to the console.
    pub downlink: OneWay,
    /// From the arrival at the console to the presented frame, in nanoseconds: as the console says, or what is
    /// assumed of its kind.
    pub display_nanos: u64,
    /// From the console to the agent.
    pub uplink: OneWay,
    /// From the arrival of a command at the agent to its effect, in nanoseconds: as the agent says, or what is assumed.
    pub actuate_nanos: u64,
    /// All four together, in nanoseconds. The errors of both directions cancel out in it: it is as exact as the clocks run.
    pub total_nanos: u64,
}

/// The agent answered a probe: the way to it works, and this is how long it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PathLatency {
    /// Which agent.
    pub agent: AgentId,
    /// `seq` of the probe.
    pub seq: u64,
    /// What the total is made of; absent until both directions were measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency: Option<LatencyParts>,
    /// How fast the holder may drive for the latency alone, in metres per second, as the agent has it now; absent
    /// where it sets no limit.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "cap")]
    pub latency_cap_mps: Option<f64>,
}
