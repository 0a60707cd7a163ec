//! Who is there.

use super::ConsoleKind;
use serde::{Deserialize, Serialize};
use watchkeeper_model::{AgentId, OperatorRole, PersonId, SessionId, bounded_vec};

/// Who else is there; within 0.2 s of a change, and every 5 s.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Roster {
    /// Everybody connected, by person and session, at most 64.
    #[serde(deserialize_with = "bounded_vec::<_, _, 64>")]
    pub operators: Vec<OperatorStatus>,
    /// How many more there are.
    #[serde(default)]
    pub more: u64,
}

/// One console and who sits there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperatorStatus {
    /// Who.
    pub person: PersonId,
    /// From which session.
    pub session_id: SessionId,
    /// In which role.
    pub role: OperatorRole,
    /// On what kind of console.
    pub console: ConsoleKind,
    /// The agents that he holds, or is about to, of those that this console sees, at most 8.
    #[serde(default, deserialize_with = "bounded_vec::<_, _, 8>")]
    pub holds: Vec<AgentId>,
    /// How long he has been connected, in nanoseconds, when this was sent.
    pub connected_nanos: u64,
    /// How many alerts wait for him, whoever sees their agents.
    #[serde(default)]
    pub waiting: u64,
    /// For how long he has had more alerts than he can look at (ISA-18.2), in nanoseconds, when this was sent; absent
    /// while he has not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flooded_nanos: Option<u64>,
    /// His console did not show the last alert that was brought to him, and he has done nothing since.
    #[serde(default)]
    pub away: bool,
}
