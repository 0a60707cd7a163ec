//! A snapshot that is still coming, part by part.

use super::{advance, world::World};
use watchkeeper_model::MonoTime;
use watchkeeper_protocol::operator::SnapshotPart;

/// A world in the making. Deltas that come between its parts are folded into it by their cursors.
#[derive(Clone, Debug)]
pub(super) struct Assembly {
    pub(super) world: World,
    base: u64,
    cursor: u64,
    next_part: u32,
    missed_something: bool,
}

impl Assembly {
    /// Starts one whose parts all have the cursor `base`.
    pub(super) const fn new(base: u64) -> Self {
        Self { world: World::new(), base, cursor: base, next_part: 0, missed_something: false }
    }

    /// Folds one part; returns false when it is not the next of this snapshot.
    pub(super) fn fold(&mut self, part: &SnapshotPart, at: MonoTime) -> bool {
        if part.part != self.next_part || part.cursor != self.base {
            return false;
        }
        self.next_part = self.next_part.saturating_add(1);
        for status in &part.agents {
            self.world.fold_status(status, self.base, at);
        }
        for alarm in &part.alerts {
            self.world.fold_alert(alarm, self.base, at);
        }
        for takeover in &part.takeovers {
            self.world.fold_takeover(takeover, self.base, at);
        }
        true
    }

    /// Returns whether a delta is to be folded, and moves the cursor on.
    pub(super) const fn admit(&mut self, cursor: u64) -> bool {
        let (admitted, missed) = advance(&mut self.cursor, cursor);
        if missed {
            self.missed_something = true;
        }
        admitted
    }

    pub(super) const fn cursor(&self) -> u64 {
        self.cursor
    }

    pub(super) const fn missed_something(&self) -> bool {
        self.missed_something
    }
}
