//! What a client keeps to prove later that the records up to some point are unchanged.

use std::fmt;
use std::str::FromStr;

use serde::de::{Error as _, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A value of the SHA-256 chain.
///
/// Serialised as 64 hexadecimal digits in formats for people (JSON, TOML) and as 32 bytes in binary ones.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct ChainHash(pub [u8; 32]);

impl fmt::Display for ChainHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for ChainHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ChainHash({self})")
    }
}

impl FromStr for ChainHash {
    type Err = ParseHeadError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || ParseHeadError::Hash { text: text.to_owned() };
        let digits = text.as_bytes();
        if digits.len() != 64 {
            return Err(wrong());
        }
        let mut hash = [0_u8; 32];
        for (byte, pair) in hash.iter_mut().zip(digits.chunks_exact(2)) {
            for digit in pair {
                let value = char::from(*digit).to_digit(16).and_then(|value| u8::try_from(value).ok());
                *byte = *byte << 4 | value.ok_or_else(wrong)?;
            }
        }
        Ok(Self(hash))
    }
}

/// The last safe record of a ledger: its sequence number and the chain value after it.
///
/// `sequence` 0 means that the ledger holds no record yet. The text form is `SEQUENCE HEXHASH`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub struct Head {
    /// The sequence number of the record; the first record of a ledger has 1.
    pub sequence: u64,
    /// The chain value stored with that record; all zero when there is none.
    pub hash: ChainHash,
}

impl fmt::Display for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.sequence, self.hash)
    }
}

impl FromStr for Head {
    type Err = ParseHeadError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut words = text.split_whitespace();
        let (Some(sequence), Some(hash), None) = (words.next(), words.next(), words.next()) else {
            return Err(ParseHeadError::Shape { text: text.to_owned() });
        };
        let sequence = sequence
            .parse()
            .map_err(|source| ParseHeadError::Sequence { text: sequence.to_owned(), source })?;
        Ok(Self { sequence, hash: hash.parse()? })
    }
}

/// Why a text is not a head.
#[derive(Debug, thiserror::Error)]
pub enum ParseHeadError {
    /// The text does not consist of two words.
    #[error("a head is written `SEQUENCE HEXHASH`, not `{text}`")]
    Shape {
        /// The text as given.
        text: String,
    },
    /// The first word is not a number.
    #[error("`{text}` is not a sequence number")]
    Sequence {
        /// The first word.
        text: String,
        /// What the number parser says.
        source: std::num::ParseIntError,
    },
    /// The second word is not 64 hexadecimal digits.
    #[error("`{text}` is not a chain value of 64 hexadecimal digits")]
    Hash {
        /// The second word.
        text: String,
    },
}

impl Serialize for ChainHash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(self)
        } else {
            serializer.serialize_bytes(&self.0)
        }
    }
}

impl<'de> Deserialize<'de> for ChainHash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            deserializer.deserialize_str(HashVisitor)
        } else {
            deserializer.deserialize_bytes(HashVisitor)
        }
    }
}

struct HashVisitor;

impl<'de> Visitor<'de> for HashVisitor {
    type Value = ChainHash;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a chain value: 32 bytes or 64 hexadecimal digits")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<ChainHash, E> {
        text.parse().map_err(E::custom)
    }

    fn visit_bytes<E: serde::de::Error>(self, bytes: &[u8]) -> Result<ChainHash, E> {
        bytes.try_into().map(ChainHash).map_err(|_not_32| E::invalid_length(bytes.len(), &self))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut bytes: A) -> Result<ChainHash, A::Error> {
        let mut hash = [0_u8; 32];
        for (index, byte) in hash.iter_mut().enumerate() {
            *byte = bytes.next_element()?.ok_or_else(|| A::Error::invalid_length(index, &self))?;
        }
        Ok(ChainHash(hash))
    }
}
