//! Decisions of one agent that wait while the engine does not take any.
//!
//! Without them, an agent's heartbeats would stop behind its first held-up decision, and a slow disk would
//! look like a fleet that went silent.

use std::collections::VecDeque;
use watchkeeper_engine::EngineInput;

/// Decisions that may wait: 25 s of a vehicle at 10 Hz.
const DECISIONS: usize = 256;
/// Bytes of frames that may wait; with 1,024 sessions 256 MiB.
const BYTES: usize = 256 << 10;

/// The decisions, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Held {
    inputs: VecDeque<(EngineInput, usize)>,
    bytes: usize,
}

impl Held {
    /// Says whether another frame may be read. A frame may be up to 64 KiB, so the bound is exceeded by one.
    pub(crate) fn has_room(&self) -> bool {
        self.inputs.len() < DECISIONS && self.bytes < BYTES
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.inputs.is_empty()
    }

    pub(crate) fn push(&mut self, input: EngineInput, bytes: usize) {
        self.bytes += bytes;
        self.inputs.push_back((input, bytes));
    }

    pub(crate) fn pop(&mut self) -> Option<EngineInput> {
        let (input, bytes) = self.inputs.pop_front()?;
        self.bytes -= bytes;
        Some(input)
    }
}
