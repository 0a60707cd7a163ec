//! Frames: `[kind, body]` to and from bytes.

mod strict;

use self::strict::Strict;
use crate::{
    scan::{ShapeError, check_shape},
    session::{ErrorCode, ErrorReport},
};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use watchkeeper_model::{Label, Note};

/// Says why a frame could not be read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DecodeError {
    /// Not one MessagePack value within the limits.
    #[error("{0}")]
    Shape(#[from] ShapeError),
    /// Not an array of two whose first item is a short string.
    #[error("a frame is an array of two, [kind, body], with the kind a string of at most 64 bytes")]
    NotAFrame,
    /// No message has this kind; the session goes on.
    #[error("no message is called \"{kind}\"")]
    UnknownMessage {
        /// The kind as it came.
        kind: Note,
    },
    /// The first frame was something else than a hello.
    #[error("the first frame must be hello, got \"{kind}\"")]
    NotHello {
        /// The kind as it came.
        kind: Note,
    },
    /// A field is missing or has the wrong type or range.
    #[error("{kind}: field {field}: {problem}")]
    Field {
        /// The kind of the message.
        kind: Label,
        /// The path of the field, for example `signals[3]`; `.` is the body itself.
        field: Label,
        /// What is wrong with it.
        problem: Note,
    },
}

impl DecodeError {
    /// Returns what to tell the peer.
    pub fn report(&self) -> ErrorReport {
        let (code, kind, field) = match self {
            Self::Shape(ShapeError::TooLarge(_)) => (ErrorCode::TooLarge, None, None),
            Self::Shape(_) | Self::NotAFrame => (ErrorCode::Malformed, None, None),
            Self::UnknownMessage { kind } => {
                (ErrorCode::UnknownMessage, Some(Label::cut(kind.as_str())), None)
            }
            Self::NotHello { kind } => (ErrorCode::NoHello, Some(Label::cut(kind.as_str())), None),
            Self::Field { kind, field, .. } => (ErrorCode::BadField, Some(kind.clone()), Some(field.clone())),
        };
        ErrorReport { code, message: Note::cut(&self.to_string()), kind, field }
    }
}

/// A set of messages that one side may send.
pub trait Wire: Sized {
    /// Returns the kind of this message, as on the wire.
    fn kind(&self) -> &'static str;

    /// Decodes one frame; checks its shape first.
    ///
    /// # Errors
    /// See [`DecodeError`]; nothing of the message is kept.
    fn decode(frame: &[u8]) -> Result<Self, DecodeError>;

    /// Encodes one frame.
    fn encode(&self) -> Bytes;
}

/// An alert with its explanation; most messages are shorter.
const USUAL_FRAME: usize = 1_024;

/// Encodes `[kind, body]`.
///
/// # Panics
/// When the body cannot be written as MessagePack, which no type of this crate is capable of.
pub fn encode<B: Serialize>(kind: &str, body: &B) -> Bytes {
    let mut frame = Vec::with_capacity(USUAL_FRAME);
    rmp::encode::write_array_len(&mut frame, 2).expect("a Vec takes every write");
    rmp::encode::write_str(&mut frame, kind).expect("a Vec takes every write");
    let mut serializer = rmp_serde::Serializer::new(&mut frame).with_struct_map();
    body.serialize(&mut serializer).expect("every message type can be written as MessagePack");
    frame.into()
}

/// Checks the shape of `frame` and splits it into its kind and the bytes of its body.
pub(crate) fn split(frame: &[u8]) -> Result<(&str, &[u8]), DecodeError> {
    check_shape(frame)?;
    let mut rest = frame;
    if rmp::decode::read_array_len(&mut rest).ok() != Some(2) {
        return Err(DecodeError::NotAFrame);
    }
    match rmp::decode::read_str_from_slice(rest) {
        Ok((kind, body)) if kind.len() <= 64 => Ok((kind, body)),
        Ok(_) | Err(_) => Err(DecodeError::NotAFrame),
    }
}

/// Decodes a body and names the field that is wrong.
pub(crate) fn decode_body<'de, B: Deserialize<'de>>(kind: &str, body: &'de [u8]) -> Result<B, DecodeError> {
    // To keep count of where it is costs as much as decoding itself: only what cannot be decoded is gone through again.
    let mut deserializer = rmp_serde::Deserializer::from_read_ref(body);
    B::deserialize(Strict(&mut deserializer)).or_else(|_| decode_slowly(kind, body))
}

fn decode_slowly<'de, B: Deserialize<'de>>(kind: &str, body: &'de [u8]) -> Result<B, DecodeError> {
    let mut deserializer = rmp_serde::Deserializer::from_read_ref(body);
    serde_path_to_error::deserialize(Strict(&mut deserializer)).map_err(|error| {
        let problem = error.inner().to_string();
        let path = error.path().to_string();
        // A missing or doubled field is reported on its parent; name the field itself.
        let named = ["missing field `", "duplicate field `"]
            .iter()
            .find_map(|start| problem.strip_prefix(start)?.strip_suffix('`'));
        let field = match named {
            Some(name) if path == "." => name.to_owned(),
            Some(name) => format!("{path}.{name}"),
            None => path,
        };
        DecodeError::Field { kind: Label::cut(kind), field: Label::cut(&field), problem: Note::cut(&problem) }
    })
}

macro_rules! messages {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident($body:ty) = $kind:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq)]
        #[allow(clippy::large_enum_variant, reason = "messages are moved once, from decode to handler")]
        pub enum $name {
            $($(#[$vdoc])* $variant($body),)+
        }

        impl $name {
            /// Every kind of this set, as on the wire.
            pub const KINDS: &[&str] = &[$($kind),+];
        }

        impl $crate::codec::Wire for $name {
            fn kind(&self) -> &'static str {
                match self { $(Self::$variant(_) => $kind,)+ }
            }

            fn decode(frame: &[u8]) -> Result<Self, $crate::codec::DecodeError> {
                let (kind, body) = $crate::codec::split(frame)?;
                match kind {
                    $($kind => $crate::codec::decode_body(kind, body).map(Self::$variant),)+
                    unknown => Err($crate::codec::DecodeError::UnknownMessage {
                        kind: watchkeeper_model::Note::cut(unknown),
                    }),
                }
            }

            fn encode(&self) -> bytes::Bytes {
                match self { $(Self::$variant(body) => $crate::codec::encode($kind, body),)+ }
            }
        }
    };
}
pub(crate) use messages;
