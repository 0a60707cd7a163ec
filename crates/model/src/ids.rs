//! Names and numbers that identify things; each its own type, so that none can stand for another.

use serde::{Deserialize, Serialize};
use std::{fmt, sync::Arc};
use thiserror::Error;
use uuid::Uuid;

/// Says why a text cannot be an id.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum IdError {
    /// The text is empty.
    #[error("an id must not be empty")]
    Empty,
    /// The text is longer than 64 bytes.
    #[error("an id has at most 64 bytes, this one has {0}")]
    TooLong(usize),
    /// The text holds something else than `A-Z a-z 0-9 . _ : - @`.
    #[error("an id is made of A-Z a-z 0-9 . _ : - @ only, found {0:?}")]
    BadCharacter(char),
}

fn check(text: &str) -> Result<(), IdError> {
    if text.is_empty() {
        return Err(IdError::Empty);
    }
    if text.len() > 64 {
        return Err(IdError::TooLong(text.len()));
    }
    match text.chars().find(|c| !(c.is_ascii_alphanumeric() || "._:-@".contains(*c))) {
        Some(bad) => Err(IdError::BadCharacter(bad)),
        None => Ok(()),
    }
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Checks and makes the id: 1 to 64 bytes of `A-Z a-z 0-9 . _ : - @`.
            pub fn new(text: &str) -> Result<Self, IdError> {
                check(text)?;
                Ok(Self(text.into()))
            }

            /// Returns the text of the id.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        $crate::text::serialize_as_text!($name);

        impl std::str::FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                Self::new(text)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }
    };
}

text_id! {
    /// The name of an agent, unique within a deployment and stable over reboots.
    AgentId
}
text_id! {
    /// The name of a person, as the record will hold it.
    PersonId
}

macro_rules! number_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub u64);

        impl $name {
            /// Returns the one after this; stays at the end instead of wrapping.
            #[must_use]
            pub const fn next(self) -> Self {
                Self(self.0.saturating_add(1))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}", self.0)
            }
        }
    };
}

number_id! {
    /// One connection to the monitor; never used again, also not after a restart of the monitor.
    SessionId
}
number_id! {
    /// One alert (alarm instance) of the monitor; unique over restarts.
    AlertId
}
number_id! {
    /// One demand that a person take over; 0 is never used.
    DemandId
}
number_id! {
    /// The fencing number of a lease: strictly increasing for one agent, also over restarts; 0 means none yet.
    Epoch
}
number_id! {
    /// One latch of one agent, minted by the agent.
    LatchId
}
number_id! {
    /// One question of one agent, minted by the agent; unique within a boot.
    SceneId
}
number_id! {
    /// Counts the starts of the monitor on one data directory; an agent refuses a lower one than it has seen.
    Incarnation
}
number_id! {
    /// The number of a decision: an agent counts up by one from 1 within a boot.
    DecisionSeq
}
number_id! {
    /// Counts the changes of an agent's control state within a boot: the evidence a person acted on.
    StateVersion
}

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }
    };
}

uuid_id! {
    /// One run of an agent's software; a new one after every reboot or resume from suspend (16 bytes on the wire).
    BootId
}
uuid_id! {
    /// One command; a UUID, version 7 where we make it. The same id never takes effect twice (16 bytes on the wire).
    CommandId
}

impl LatchId {
    /// Returns the first latch id of a boot: 40 bits of the boot id above a 24-bit count, so that an agent
    /// without storage does not give an old latch's id to a new one.
    pub fn first_of(boot_id: BootId) -> Self {
        let (high, _) = boot_id.0.as_u64_pair();
        let (_, low) = boot_id.0.as_u64_pair();
        Self(((high ^ low.rotate_left(17)) & 0x7f_ffff_ffff) << 24 | 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_refuse_what_could_break_a_terminal_or_a_path() {
        assert_eq!(AgentId::new(""), Err(IdError::Empty));
        assert_eq!(AgentId::new(&"x".repeat(65)), Err(IdError::TooLong(65)));
        assert_eq!(AgentId::new("a/b"), Err(IdError::BadCharacter('/')));
        assert_eq!(AgentId::new("a\u{1b}[31m"), Err(IdError::BadCharacter('\u{1b}')));
        assert!(AgentId::new("truck-17").is_ok());
    }

    #[test]
    fn uuids_are_sixteen_bytes_on_the_wire() {
        let id = CommandId(Uuid::from_u128(7));
        let bytes = rmp_serde::to_vec(&id).unwrap();
        assert_eq!(bytes.len(), 18);
        assert_eq!(rmp_serde::from_slice::<CommandId>(&bytes).unwrap(), id);
    }
}
