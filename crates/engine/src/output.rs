//! What the engine wants done, as values.

use bytes::Bytes;
use sha2::{Digest, Sha256};
use std::sync::Arc;
use watchkeeper_model::SessionId;
use watchkeeper_protocol::{
    ToAgent, ToOperator, Wire,
    record::{AgentAuthority, Page, TakeoverRecord, record_type},
    session::ErrorReport,
};

/// Something that the engine derived and that the record must hold beside the inputs.
#[derive(Clone, Debug, PartialEq)]
pub enum Derived {
    /// Authority over an agent changed.
    Authority(AgentAuthority),
    /// A takeover is over.
    Takeover(Box<TakeoverRecord>),
    /// People away from their consoles are to be called.
    Page(Box<Page>),
}

/// One thing to do. The order of outputs is the order in which they must be done.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// Send this to one agent; control lane.
    ToAgent {
        /// Its session.
        session: SessionId,
        /// What.
        message: Box<ToAgent>,
    },
    /// Send this to consoles; telemetry lane for `telemetry`, control lane for everything else.
    ToOperators {
        /// Their sessions; the first one's socket is written first.
        to: Arc<[SessionId]>,
        /// What; the feed keeps it too.
        message: Arc<ToOperator>,
    },
    /// Close a session and say why.
    Close {
        /// Which.
        session: SessionId,
        /// Why.
        report: ErrorReport,
    },
    /// Write this to the record.
    Derived(Derived),
}

impl Output {
    /// Encodes the message of a send, once for all its recipients; `None` for outputs that send nothing.
    pub fn encode(&self) -> Option<Bytes> {
        match self {
            Self::ToAgent { message, .. } => Some(message.encode()),
            Self::ToOperators { message, .. } => Some(message.encode()),
            Self::Close { .. } | Self::Derived(_) => None,
        }
    }
}

/// A running SHA-256 over all outputs, to compare a replay with what really happened.
#[derive(Clone, Debug, Default)]
pub struct OutputDigest(Sha256);

impl OutputDigest {
    /// Adds one output; `frame` is what [`Output::encode`] gave for it.
    pub fn update(&mut self, output: &Output, frame: Option<&Bytes>) {
        let (tag, sessions): (u8, &[SessionId]) = match output {
            Output::ToAgent { session, .. } => (1, std::slice::from_ref(session)),
            Output::ToOperators { to, .. } => (2, to),
            Output::Close { session, .. } => (3, std::slice::from_ref(session)),
            Output::Derived(_) => (4, &[]),
        };
        self.0.update([tag]);
        for session in sessions {
            self.0.update(session.0.to_le_bytes());
        }
        if let Some(frame) = frame {
            self.0.update(frame);
        }
        if let Output::Derived(derived) = output {
            self.0.update(derived.encode());
        }
    }

    /// Returns the digest over everything so far.
    pub fn value(&self) -> [u8; 32] {
        self.0.clone().finalize().into()
    }
}

impl Derived {
    /// Returns the record type of `watchkeeper_protocol::record::record_type`.
    pub const fn record_type(&self) -> u16 {
        match self {
            Self::Authority(_) => record_type::AUTHORITY,
            Self::Takeover(_) => record_type::TAKEOVER,
            Self::Page(_) => record_type::PAGE,
        }
    }

    /// Encodes the payload of the record.
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Self::Authority(authority) => rmp_serde::to_vec_named(authority),
            Self::Takeover(takeover) => rmp_serde::to_vec_named(takeover),
            Self::Page(page) => rmp_serde::to_vec_named(page),
        }
        .expect("record types can be written as MessagePack")
    }
}
