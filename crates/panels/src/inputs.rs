//! What the panels show: the picture, and what only this console knows.

use crate::Settings;
use std::time::Duration;
use watchkeeper_model::{MonoTime, Setpoint};
use watchkeeper_picture::{Hands, Picture, Said};

/// Everything that is drawn in one frame.
#[derive(Clone, Copy, Debug)]
pub struct Inputs<'a> {
    /// What the monitor told this console.
    pub picture: &'a Picture,
    /// What a press means just now: what is armed, and the open question.
    pub hands: &'a Hands,
    /// The console's clock; in a replay, the clock of what is replayed.
    pub now: MonoTime,
    /// How this console is.
    pub local: &'a Local,
    /// What this person has set.
    pub settings: &'a Settings,
    /// Where a replay stands; `None` while live.
    pub replay: Option<&'a ReplayRow>,
}

/// Returns why nothing can be done to what is shown: it is the past. `None` while live.
pub(crate) fn in_recording(inputs: &Inputs<'_>) -> Option<String> {
    inputs.replay.map(|_| "this is a recording".to_owned())
}

/// How this console itself is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Local {
    /// This person can act: what the holder's heartbeats say.
    pub ready: bool,
    /// The window has the keyboard.
    pub focused: bool,
    /// The dead-man input is held.
    pub deadman_held: bool,
    /// This person steers by hand.
    pub manual: bool,
    /// What he steers; `None` while he does not.
    pub setpoint: Option<Setpoint>,
    /// Frames a second over the last second.
    pub frame_rate_hz: f64,
    /// How long the last frame took to make; `None` before the first.
    pub frame_millis: Option<f64>,
    /// From a message's arrival to its frame on the screen; `None` before the first.
    pub presented: Option<Percentiles>,
    /// The newest word to this person.
    pub news: Option<Said>,
}

/// Three percentiles in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Percentiles {
    /// Median.
    pub p50_millis: f64,
    /// 95th percentile.
    pub p95_millis: f64,
    /// 99th percentile.
    pub p99_millis: f64,
}

/// Where a replay stands.
#[derive(Clone, Debug, PartialEq)]
pub struct ReplayRow {
    /// It runs.
    pub playing: bool,
    /// How fast, 1 is as it happened.
    pub speed: f64,
    /// Where, from the start of the record.
    pub at: Duration,
    /// How long the record is.
    pub length: Duration,
    /// When alerts were raised, from the start, oldest first.
    pub alerts: Vec<Duration>,
    /// It is on its way to another place.
    pub seeking: bool,
    /// It is still being read for its alerts and its length: both are only those known so far.
    pub indexing: bool,
    /// Why it does not go on, in words; `None` while nothing is wrong.
    pub failure: Option<String>,
    /// Which record.
    pub name: String,
}
