//! Messages of protocol v1 and their bytes: what `docs/protocol.md` says, in types.
//!
//! A frame is one binary WebSocket message: a MessagePack array of two, `[kind, body]`, the kind a short
//! string and the body a named map. [`Wire::decode`] checks a frame's shape (size, depth, lengths,
//! trailing bytes) before anything is allocated for it, then names the field that is missing or mistyped.
//!
//! Deliberately not here: sockets, sessions, and any decision about what a message means.

pub mod agent;
pub mod codec;
mod limits;
pub mod operator;
pub mod record;
pub mod scan;
pub mod session;

pub use agent::{AgentMessage, ToAgent};
pub use codec::{DecodeError, Wire, encode};
pub use operator::{OperatorMessage, ToOperator};
pub use session::{FirstFrame, Hello, SessionKind};

/// The WebSocket subprotocol that both sides must name.
pub const SUBPROTOCOL: &str = "watchkeeper.v1";
/// The path of the endpoint.
pub const PATH: &str = "/v1";
/// Where the monitor listens unless told otherwise.
pub const DEFAULT_URL: &str = "ws://127.0.0.1:7410/v1";
/// Most bytes of one frame, in both directions: 64 KiB.
pub const MAX_FRAME: usize = 64 * 1024;
/// Deepest nesting of arrays and maps in one frame, the frame's own array included.
pub const MAX_DEPTH: u32 = 16;
