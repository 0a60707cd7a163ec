//! What both kinds of session share: the first frame, clocks, heads, errors.

use crate::{
    agent::AgentHello,
    codec::{DecodeError, split},
    operator::OperatorHello,
};
use serde::{Deserialize, Serialize};
use watchkeeper_model::{Label, Note};

/// Which side of the monitor a session is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SessionKind {
    /// Decides, and is supervised.
    Agent,
    /// Watches, and may act.
    Operator,
}

/// The body of the first frame, `hello`.
#[derive(Clone, Debug, PartialEq)]
pub enum Hello {
    /// `session` was `agent`.
    Agent(AgentHello),
    /// `session` was `operator`.
    Operator(OperatorHello),
}

/// Decodes the first frame of a session, which must be `hello`.
#[derive(Clone, Copy, Debug)]
pub struct FirstFrame;

impl FirstFrame {
    /// Decodes `frame` by its field `session`.
    pub fn decode(frame: &[u8]) -> Result<Hello, DecodeError> {
        #[derive(Deserialize)]
        struct Which {
            session: SessionKind,
        }
        let (kind, body) = split(frame)?;
        if kind != "hello" {
            return Err(DecodeError::NotHello { kind: Note::cut(kind) });
        }
        match crate::codec::decode_body::<Which>(kind, body)?.session {
            SessionKind::Agent => Ok(Hello::Agent(crate::codec::decode_body(kind, body)?)),
            SessionKind::Operator => Ok(Hello::Operator(crate::codec::decode_body(kind, body)?)),
        }
    }
}

/// Asks the peer for its clock; sent by the monitor once a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ping {
    /// When it was sent, on the monitor's clock, in nanoseconds.
    pub sent_nanos: u64,
    /// The monitor's estimate of (peer clock - monitor clock), in nanoseconds; absent until there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offset_nanos: Option<i64>,
    /// Half of the shortest round trip seen: the estimate's error bound, in nanoseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_nanos: Option<u64>,
}

/// Answers a ping at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pong {
    /// `sent_nanos` of the ping.
    pub sent_nanos: u64,
    /// When the ping came, on the peer's clock, in nanoseconds.
    pub received_nanos: u64,
    /// When this answer left, on the peer's clock, in nanoseconds.
    pub answered_nanos: u64,
}

/// The newest durable head of the monitor's record. Keep it: it shows later tampering.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// Sequence of the newest record on disk.
    pub sequence: u64,
    /// Its chain hash (SHA-256), 32 bytes.
    #[serde(with = "hash_bytes")]
    pub hash: [u8; 32],
}

/// (De)serialises a hash as `bin` of 32 bytes.
mod hash_bytes {
    use serde::{Deserializer, Serializer, de};
    use std::fmt;

    pub(super) fn serialize<S: Serializer>(hash: &[u8; 32], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(hash)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<[u8; 32], D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = [u8; 32];
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("32 bytes")
            }
            fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<[u8; 32], E> {
                bytes.try_into().map_err(|_wrong_length| E::invalid_length(bytes.len(), &self))
            }
        }
        deserializer.deserialize_bytes(Visitor)
    }
}

/// Says what was wrong with a frame or why it was not obeyed. The session goes on unless it is closed after.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorReport {
    /// What went wrong.
    pub code: ErrorCode,
    /// What, where and what to do, in words.
    pub message: Note,
    /// The kind of the frame that caused it, where it could be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<Label>,
    /// The field that is missing or wrong, as a path such as `signals[3]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<Label>,
}

/// Why a frame, or a session, was not taken. Extensible: treat one you do not know as `internal`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// The first frame was not a hello, or came too late.
    NoHello,
    /// The token is wrong or absent, or the certificate does not go with the hello.
    Unauthorised,
    /// The frame is not `[kind, body]` in MessagePack within the limits.
    Malformed,
    /// A text frame, where only binary ones are taken.
    NotBinary,
    /// The frame has more than 64 KiB.
    TooLarge,
    /// Nobody knows this kind of message; it was counted.
    UnknownMessage,
    /// A field is missing or has the wrong type or range.
    BadField,
    /// The role does not allow it.
    Forbidden,
    /// Names an agent that nobody knows.
    UnknownAgent,
    /// This agent is connected from somewhere else since; the newer connection counts.
    Replaced,
    /// The session did not keep up, and was closed rather than held up; it may resume from its cursor.
    TooSlow,
    /// The monitor is shutting down.
    ShuttingDown,
    /// The monitor has as many sessions as it takes.
    TooManySessions,
    /// Something that should not happen; please report it. Also read for a word from a later version.
    #[serde(other)]
    Internal,
}
