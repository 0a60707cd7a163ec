//! One or more examples of every message of v1, with every field in at least one of them.
#![allow(dead_code, reason = "each test uses a part of it")]

#[path = "examples_agent.rs"]
mod agent;
#[path = "examples_alarms.rs"]
mod alarms;
#[path = "examples_operator.rs"]
mod operator;
#[path = "examples_people.rs"]
mod people;

use bytes::Bytes;
use watchkeeper_model::{AgentId, BootId, CommandId, Label, Note, PersonId};
use watchkeeper_protocol::{
    AgentMessage, DecodeError, FirstFrame, Hello, OperatorMessage, ToAgent, ToOperator, Wire, encode,
};

/// Who sends it to whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Set {
    FromAgent,
    ToAgent,
    FromOperator,
    ToOperator,
}

impl Set {
    /// Returns the kinds that the code knows; `hello` opens both sessions.
    pub(crate) fn kinds(self) -> Vec<&'static str> {
        let (first, rest) = match self {
            Self::FromAgent => (Some("hello"), AgentMessage::KINDS),
            Self::ToAgent => (None, ToAgent::KINDS),
            Self::FromOperator => (Some("hello"), OperatorMessage::KINDS),
            Self::ToOperator => (None, ToOperator::KINDS),
        };
        first.into_iter().chain(rest.iter().copied()).collect()
    }

    /// Returns the word for it in the golden file.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::FromAgent => "from_agent",
            Self::ToAgent => "to_agent",
            Self::FromOperator => "from_operator",
            Self::ToOperator => "to_operator",
        }
    }

    /// Decodes a frame of this set and encodes it again.
    pub(crate) fn round_trip(self, frame: &[u8]) -> Result<Bytes, DecodeError> {
        match self {
            Self::FromAgent | Self::FromOperator => match FirstFrame::decode(frame) {
                Ok(Hello::Agent(hello)) => return Ok(encode("hello", &hello)),
                Ok(Hello::Operator(hello)) => return Ok(encode("hello", &hello)),
                Err(DecodeError::NotHello { .. }) => {}
                Err(error) => return Err(error),
            },
            Self::ToAgent | Self::ToOperator => {}
        }
        match self {
            Self::FromAgent => AgentMessage::decode(frame).map(|message| message.encode()),
            Self::ToAgent => ToAgent::decode(frame).map(|message| message.encode()),
            Self::FromOperator => OperatorMessage::decode(frame).map(|message| message.encode()),
            Self::ToOperator => ToOperator::decode(frame).map(|message| message.encode()),
        }
    }
}

/// An example of one message.
#[derive(Clone, Debug)]
pub(crate) struct Example {
    pub(crate) set: Set,
    pub(crate) kind: &'static str,
    /// What it shows: a word without spaces.
    pub(crate) name: &'static str,
    pub(crate) frame: Bytes,
}

impl Example {
    fn of<M: Wire>(set: Set, name: &'static str, message: &M) -> Self {
        Self { set, kind: message.kind(), name, frame: message.encode() }
    }
}

/// Returns every example, set by set and in the order of the kinds.
pub(crate) fn all() -> Vec<Example> {
    let mut examples = agent::examples();
    examples.extend(operator::examples());
    let place = |example: &Example| {
        let kinds = example.set.kinds();
        (example.set, kinds.iter().position(|kind| *kind == example.kind))
    };
    examples.sort_by_key(place);
    examples
}

fn agent() -> AgentId {
    AgentId::new("truck-17").expect("a valid id")
}

fn person() -> PersonId {
    PersonId::new("ada").expect("a valid id")
}

fn boot() -> BootId {
    BootId("0192f3a4-5b6c-4d7e-8f90-a1b2c3d4e5f6".parse().expect("a UUID"))
}

fn command_id(last: u128) -> CommandId {
    let base: uuid::Uuid = "0192f3a4-7000-7000-8000-000000000000".parse().expect("a UUID");
    CommandId(uuid::Uuid::from_u128(base.as_u128() + last))
}

fn label(text: &str) -> Label {
    Label::new(text).expect("a short text")
}

fn note(text: &str) -> Note {
    Note::new(text).expect("a short text")
}
