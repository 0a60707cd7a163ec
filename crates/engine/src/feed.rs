//! A stream of deltas that consoles follow, with a cursor so that a reconnect misses nothing.

use std::{collections::VecDeque, sync::Arc};
use watchkeeper_protocol::ToOperator;

/// How many deltas are kept for consoles that come back: what a console missed beyond that is cheaper as a
/// snapshot, and must not fill its outbox.
const KEPT: usize = 512;

/// Numbers deltas and keeps the newest.
#[derive(Debug)]
pub(crate) struct Feed {
    cursor: u64,
    kept: VecDeque<Arc<ToOperator>>,
}

impl Feed {
    /// Starts after `cursor`.
    pub(crate) fn starting_at(cursor: u64) -> Self {
        Self { cursor, kept: VecDeque::new() }
    }

    /// Returns the cursor of the newest delta; where it starts before the first.
    pub(crate) fn cursor(&self) -> u64 {
        self.cursor
    }

    /// Numbers the delta that `make` makes, and keeps it.
    pub(crate) fn push(&mut self, make: impl FnOnce(u64) -> ToOperator) -> Arc<ToOperator> {
        self.cursor += 1;
        let delta = Arc::new(make(self.cursor));
        if self.kept.len() == KEPT {
            self.kept.pop_front();
        }
        self.kept.push_back(Arc::clone(&delta));
        delta
    }

    /// Returns every delta after `cursor`; `None` when they are too many or the cursor is not from here.
    pub(crate) fn since(&self, cursor: u64) -> Option<impl Iterator<Item = &Arc<ToOperator>>> {
        let missing = usize::try_from(self.cursor.checked_sub(cursor)?).ok()?;
        let skip = self.kept.len().checked_sub(missing)?;
        Some(self.kept.iter().skip(skip))
    }
}
