//! What the person at the panels wants, and what the console must know of the drawn frame.

use crate::{Level, Settings};
use std::time::Duration;
use watchkeeper_model::{AgentId, AlertId};
use watchkeeper_picture::Press;

/// Something the person wants. Requests of one frame are done in their order: a button of an agent that is not
/// selected asks for [`Request::Select`] first and for its [`Request::Press`] then.
#[derive(Clone, Debug, PartialEq)]
pub enum Request {
    /// Press what [`Hands`](watchkeeper_picture::Hands) understands.
    Press(Press),
    /// Look at this agent.
    Select(AgentId),
    /// Look at this alert, and at its agent.
    SelectAlert(AlertId),
    /// Show this level.
    Level(Level),
    /// Let the map follow the selected agent, or not.
    Follow(bool),
    /// Use these settings from now on, and keep them.
    Settings(Settings),
    /// Open or close the sheet of settings.
    SettingsSheet(bool),
    /// Do something to the replay.
    Replay(ReplayRequest),
    /// Open or close the sheet of keys.
    Help(bool),
    /// End the console.
    Quit,
}

/// Something to do to a replay.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ReplayRequest {
    /// Run.
    Play,
    /// Stand.
    Pause,
    /// Run this fast; 1 is as it happened.
    Speed(f64),
    /// Go to this place, from the start of the record.
    Seek(Duration),
    /// Go to the next alert.
    NextAlert,
    /// Go to the alert before.
    PreviousAlert,
}

/// What came of one frame.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Output {
    /// What the person wants, in order.
    pub requests: Vec<Request>,
    /// Where the world is to be shown, in points; `None` where this level shows none.
    pub world: Option<egui::Rect>,
    /// The alerts that this frame really shows, on the lane or in the queue: none of what is scrolled away or
    /// covered. The console tells the monitor when they were on the screen.
    pub shown: Vec<AlertId>,
    /// A field takes text: no key means anything else now, but stops.
    pub wants_keyboard: bool,
    /// A control has the keyboard: Enter and Space press it, and mean nothing else now.
    pub control_focused: bool,
}
