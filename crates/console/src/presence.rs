//! Whether a person sits in front of this console and sees its frames.

use crate::clock;
use bevy::prelude::*;
use std::{collections::VecDeque, time::Duration};
use watchkeeper_model::MonoTime;

/// Older than this the last frame does not count as on the screen (`takeover.md` 5: frames come at 20 Hz).
const FRAME_COUNTS_FOR: Duration = Duration::from_millis(100);
/// Over how long frames are counted.
const RATE_OVER: Duration = Duration::from_secs(1);

/// What is known of the person's side.
#[derive(Debug, Resource)]
pub struct Presence {
    /// The window has the keyboard.
    pub focused: bool,
    /// Something of the window can be seen.
    pub visible: bool,
    /// When the last frame was presented.
    presented_at: Option<MonoTime>,
    /// How long it took to make, from the start of its update.
    took: Option<Duration>,
    frames: VecDeque<MonoTime>,
}

impl Presence {
    /// Makes the presence of a console whose surface tells nothing of focus: `focused` stands for good.
    pub const fn new(focused: bool) -> Self {
        Self { focused, visible: true, presented_at: None, took: None, frames: VecDeque::new() }
    }

    /// Returns whether the person can act: he has the keyboard, and sees a frame that is not old.
    pub fn is_ready(&self) -> bool {
        let now = clock::now();
        let frame = self.presented_at.is_some_and(|at| now.since(at) <= FRAME_COUNTS_FOR);
        self.focused && self.visible && frame
    }

    /// Takes note of a presented frame.
    pub(crate) fn frame(&mut self, started: MonoTime, at: MonoTime) {
        self.presented_at = Some(at);
        self.took = Some(at.since(started));
        self.frames.push_back(at);
        while self.frames.front().is_some_and(|first| at.since(*first) > RATE_OVER) {
            self.frames.pop_front();
        }
    }

    /// Returns how many frames were presented within the last second.
    pub(crate) fn frame_rate_hz(&self) -> f64 {
        self.frames.len() as f64 / RATE_OVER.as_secs_f64()
    }

    /// Returns how long the last frame took to make.
    pub(crate) const fn frame_took(&self) -> Option<Duration> {
        self.took
    }
}
