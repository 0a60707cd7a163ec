//! What the record holds: every input of the engine in order, and what was derived from them.
//!
//! Feeding the inputs to a fresh engine that starts from the [`Opening`] gives identical outputs.

use crate::{
    agent::{AgentHello, AgentMessage},
    codec::{DecodeError, Wire},
    operator::{OperatorHello, OperatorMessage},
    session::Head,
};
use bytes::Bytes;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::fmt;
use watchkeeper_model::{
    Access, AgentId, AgentKind, AlertId, BootId, CommandId, CommandKind, CommandState, ControlState,
    DecisionSeq, DemandId, DemandOrigin, DemandOutcome, Epoch, Incarnation, Latch, MonoTime, Note,
    PageReason, PersonId, SessionId, Verdict, bounded_vec,
};

/// Types of ledger records.
pub mod record_type {
    /// An [`EngineInput`](super::EngineInput).
    pub const INPUT: u16 = 1;
    /// An [`AgentAuthority`](super::AgentAuthority), derived.
    pub const AUTHORITY: u16 = 2;
    /// A [`TakeoverRecord`](super::TakeoverRecord), derived.
    pub const TAKEOVER: u16 = 3;
    /// A [`DigestRecord`](super::DigestRecord), derived.
    pub const DIGEST: u16 = 4;
    /// A [`Page`](super::Page), derived.
    pub const PAGE: u16 = 5;
}

/// A message together with the bytes it came in: the record keeps the exact bytes.
#[derive(Clone, Debug, PartialEq)]
pub struct Framed<M> {
    message: M,
    frame: Bytes,
}

impl<M: Wire> Framed<M> {
    /// Decodes `frame` and keeps it.
    pub fn decode(frame: Bytes) -> Result<Self, DecodeError> {
        Ok(Self { message: M::decode(&frame)?, frame })
    }

    /// Encodes `message` and keeps both; for drivers without sockets.
    pub fn new(message: M) -> Self {
        Self { frame: message.encode(), message }
    }

    /// Returns the message.
    pub fn message(&self) -> &M {
        &self.message
    }

    /// Takes the message out.
    pub fn into_message(self) -> M {
        self.message
    }
}

impl<M> Serialize for Framed<M> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.frame)
    }
}

impl<'de, M: Wire> Deserialize<'de> for Framed<M> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor<M>(std::marker::PhantomData<M>);
        impl<M: Wire> de::Visitor<'_> for Visitor<M> {
            type Value = Framed<M>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the bytes of a frame")
            }
            fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Framed<M>, E> {
                Framed::decode(Bytes::copy_from_slice(bytes)).map_err(E::custom)
            }
        }
        deserializer.deserialize_bytes(Visitor(std::marker::PhantomData))
    }
}

/// Everything that can happen to the engine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[allow(clippy::large_enum_variant, reason = "inputs are moved once, from the session to the engine")]
pub enum EngineInput {
    /// An agent's hello was taken (its token checked and removed).
    AgentConnected {
        /// The new session.
        session: SessionId,
        /// What it said.
        hello: AgentHello,
    },
    /// An operator's hello was taken (its token checked and removed).
    OperatorConnected {
        /// The new session.
        session: SessionId,
        /// What it said.
        hello: OperatorHello,
        /// What its token allows; `None` for the token of a development run: every agent, in the role of the hello.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        access: Option<Access>,
    },
    /// An operator showed a newer token, or his token was revoked.
    AccessChanged {
        /// Whose session.
        session: SessionId,
        /// What he may do from now on.
        access: Access,
    },
    /// A session is gone.
    Disconnected {
        /// Which.
        session: SessionId,
    },
    /// A message of an agent.
    Agent {
        /// From which session.
        session: SessionId,
        /// When its socket gave it.
        received_at: MonoTime,
        /// What came.
        framed: Framed<AgentMessage>,
    },
    /// A message of an operator.
    Operator {
        /// From which session.
        session: SessionId,
        /// When its socket gave it.
        received_at: MonoTime,
        /// What came.
        framed: Framed<OperatorMessage>,
    },
    /// Alerts were written to a console's socket (t4).
    Delivered {
        /// Whose socket.
        session: SessionId,
        /// Which alerts.
        alerts: Vec<AlertId>,
        /// When; records of earlier versions leave it out, and mean the time of the input.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        at: Option<MonoTime>,
    },
    /// All inputs up to number `input` (counted from 1 within this incarnation) are on disk.
    Durable {
        /// Number of the newest durable input.
        input: u64,
        /// The record's head there.
        head: Head,
    },
    /// How the record's queue stands; sent when it changes by a tenth, and when it stalls or recovers.
    LedgerPressure {
        /// Share of the queue in use, in percent, 0 to 100.
        queue_percent: u8,
        /// The oldest record that somebody waits for has waited over 2 s.
        stalled: bool,
    },
    /// Frames that sessions refused since the last such input.
    RefusedFrames {
        /// How many.
        count: u64,
    },
    /// Other rules are in force from here on.
    RulesChanged {
        /// The whole file; the server has read it and found it good.
        text: String,
        /// Who put it in force.
        by: PersonId,
        /// Why.
        reason: Note,
    },
    /// A time that [`poll_timeout`] asked for has come.
    ///
    /// [`poll_timeout`]: https://docs.rs/watchkeeper-engine
    Timeout,
}

/// A call to people who are not at their consoles, about one demand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page {
    /// Why they are called; with the demand it names the call, which is made once.
    pub reason: PageReason,
    /// Which demand.
    pub demand_id: DemandId,
    /// Whose.
    pub agent: AgentId,
    /// What it is.
    pub kind: AgentKind,
    /// The alert that leads the demand, where one does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alert_id: Option<AlertId>,
    /// When, on the monitor's clock.
    pub at: MonoTime,
    /// Nanoseconds left to take over at that moment; 0 when the time is over.
    pub left_nanos: u64,
    /// Why a person is asked for, in words.
    pub text: Note,
}

/// What a segment opens with: enough to start a fresh engine from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Opening {
    /// The effective configuration, as TOML.
    pub configuration: String,
    /// Seeds whatever is random in the engine.
    pub seed: u64,
    /// Counts the starts of the monitor on this data directory.
    pub incarnation: Incarnation,
    /// Version of the monitor.
    pub build: String,
    /// Inputs of this incarnation that earlier segments hold. 0: replay can start here.
    pub inputs_before: u64,
    /// Authority as it stands at the start of this segment; empty in the first segment of an incarnation.
    pub authority: Vec<AgentAuthority>,
    /// Authority as it stood when this incarnation started: what its engine was made from. Only in the first segment
    /// of an incarnation (`inputs_before` 0).
    pub starting_authority: Vec<AgentAuthority>,
}

/// What the monitor must never forget about one agent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentAuthority {
    /// Which agent.
    pub agent: AgentId,
    /// The highest epoch ever minted or seen.
    pub epoch: Epoch,
    /// Latches on record.
    pub latches: Vec<Latch>,
    /// An ESTOP whose effect is not confirmed.
    pub pending_stop: Option<PendingStop>,
    /// How often it fell back by itself lately.
    #[serde(default)]
    pub strikes: u8,
}

/// An ESTOP whose effect is not confirmed: it is delivered first after an outage, also of the monitor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingStop {
    /// Names the command.
    pub command_id: CommandId,
    /// Who stopped the agent.
    pub issued_by: PersonId,
}

/// A digest over all outputs so far, so that a replay can be compared with what really happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DigestRecord {
    /// After how many inputs of this incarnation.
    pub inputs: u64,
    /// SHA-256 over all outputs until then.
    pub sha256: [u8; 32],
}

/// One takeover from its first moment to its end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TakeoverRecord {
    /// Names it.
    pub demand_id: DemandId,
    /// Whose.
    pub agent: AgentId,
    /// What the agent is; it chooses the budgets.
    pub kind: AgentKind,
    /// This run of the agent.
    pub boot_id: BootId,
    /// Who wanted it.
    pub origin: DemandOrigin,
    /// Why, in words.
    pub reason: Note,
    /// The alert that led to it.
    pub alert_id: Option<AlertId>,
    /// Who took it.
    pub holder: Option<PersonId>,
    /// The lease.
    pub epoch: Option<Epoch>,
    /// How the demand ended.
    pub outcome: Option<DemandOutcome>,
    /// When the demand ended.
    pub demand_ended_at: Option<MonoTime>,
    /// When the lease was granted (durable).
    pub granted_at: Option<MonoTime>,
    /// When the person was in control.
    pub human_at: Option<MonoTime>,
    /// When the agent drove again.
    pub handed_back_at: Option<MonoTime>,
    /// Control state when this record was written.
    pub final_state: ControlState,
    /// The decision that raised the alert.
    pub decision: Option<DecisionSeq>,
    /// The moments t0 to t11 (`takeover.md` 3.3), on the monitor's clock; `None` is unknown.
    pub moments: [Option<Moment>; 12],
    /// The commands of the takeover, oldest first, at most 64.
    #[serde(deserialize_with = "bounded_vec::<_, _, 64>")]
    pub commands: Vec<TakeoverCommand>,
    /// What somebody said of it afterwards.
    #[serde(default)]
    pub verdict: Option<Verdict>,
    /// Who said so.
    #[serde(default)]
    pub labelled_by: Option<PersonId>,
    /// It is over.
    #[serde(default)]
    pub over: bool,
}

/// A moment with its error bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moment {
    /// When, on the monitor's clock.
    pub at: MonoTime,
    /// Half of the shortest round trip to the clock that took it, in nanoseconds; 0 for the monitor's own.
    pub error_nanos: u64,
}

/// One command of a takeover.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TakeoverCommand {
    /// Names it.
    pub command_id: CommandId,
    /// The verb.
    pub kind: CommandKind,
    /// Where it ended.
    pub state: CommandState,
    /// When it reached the monitor.
    pub received_at: MonoTime,
    /// When the agent had accepted it.
    pub accepted_at: Option<MonoTime>,
    /// When its effect was confirmed.
    pub completed_at: Option<MonoTime>,
}
