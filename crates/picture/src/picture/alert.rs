//! One alert of the picture.

use watchkeeper_model::{Alarm, MonoTime};

/// One alert as it was last told, and when.
#[derive(Clone, Debug, PartialEq)]
pub struct AlertPicture {
    alarm: Alarm,
    first_seen_at: MonoTime,
    received_at: MonoTime,
    cursor: u64,
}

impl AlertPicture {
    pub(super) fn new(alarm: &Alarm, cursor: u64, at: MonoTime) -> Self {
        Self { alarm: alarm.clone(), first_seen_at: at, received_at: at, cursor }
    }

    pub(super) fn fold(&mut self, alarm: &Alarm, cursor: u64, at: MonoTime) {
        if cursor >= self.cursor {
            self.alarm.clone_from(alarm);
            self.received_at = at;
            self.cursor = cursor;
        }
    }

    /// Returns the alert as it was last told.
    pub const fn alarm(&self) -> &Alarm {
        &self.alarm
    }

    /// Returns when this console first heard of it, on its own clock.
    pub const fn first_seen_at(&self) -> MonoTime {
        self.first_seen_at
    }

    /// Returns when this console last heard of it, on its own clock.
    pub const fn received_at(&self) -> MonoTime {
        self.received_at
    }
}
