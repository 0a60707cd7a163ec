//! What the panels remember from frame to frame: where the person is, and what he was looking at.

use watchkeeper_model::{AgentId, AlertId, MonoTime};
use watchkeeper_picture::{
    Picture,
    view::alerts::{self, AlertRow},
};

/// How close the person looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// The whole fleet on one screen.
    #[default]
    Overview,
    /// The world with the alert queue.
    Task,
    /// One agent.
    Detail,
    /// Latency, links, detectors, record.
    Diagnosis,
}

impl Level {
    /// All levels in their order.
    pub const ALL: [Self; 4] = [Self::Overview, Self::Task, Self::Detail, Self::Diagnosis];

    /// Returns its key.
    pub const fn key(self) -> char {
        match self {
            Self::Overview => '1',
            Self::Task => '2',
            Self::Detail => '3',
            Self::Diagnosis => '4',
        }
    }

    /// Returns its name.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Overview => "Overview",
            Self::Task => "Task",
            Self::Detail => "Detail",
            Self::Diagnosis => "Diagnosis",
        }
    }
}

/// What the panels remember. The console applies the requests of a frame to it; the panels themselves only
/// write what the person types and which order he is looking at.
#[derive(Clone, Debug, Default)]
pub struct State {
    /// How close the person looks.
    pub level: Level,
    /// The agent he looks at.
    pub selected: Option<AgentId>,
    /// The alert he looks at.
    pub alert: Option<AlertId>,
    /// The alert that the queue brings into sight with the next frame that shows it.
    pub reveal: Option<AlertId>,
    /// The map follows the selected agent.
    pub follow: bool,
    /// The sheet of keys is open.
    pub help: bool,
    /// The sheet of settings is open.
    pub settings_open: bool,
    /// What he has typed so far as an answer to the open question.
    pub typed: String,
    /// The list of hidden alerts is open.
    pub(crate) hidden_open: bool,
    /// In a flood the queue shows every alert by itself all the same.
    pub(crate) flood_in_full: bool,
    /// The fleet shows only what is not as it should be.
    pub(crate) only_exceptions: bool,
    /// The queue as it was shown last: it keeps this order while somebody points at it or has the keyboard in it.
    pub(crate) shown_alerts: Vec<AlertId>,
    /// A control of the queue had the keyboard in the last frame.
    pub(crate) queue_focused: bool,
    /// The lane as it was shown last; it keeps this order as the queue does.
    pub(crate) shown_demands: Vec<AgentId>,
    /// Whom the key that takes over means instead of the selected agent, as the lane shows it.
    pub called: Option<AgentId>,
    /// A control of the lane had the keyboard in the last frame.
    pub(crate) lane_focused: bool,
    /// The alerts that this frame shows so far.
    pub(crate) in_sight: Vec<AlertId>,
    /// The question that was open in the last frame, so that a new one takes the keyboard once.
    pub(crate) asked: Option<String>,
}

impl State {
    /// Makes the state of a console that has just started.
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns the cards of the queue as he looks at it: in a flood by kind, unless he wants all of them.
    pub fn queue(&self, picture: &Picture, frozen: Option<&[AlertId]>, now: MonoTime) -> Vec<AlertRow> {
        let list = if self.flood_in_full { alerts::rows } else { alerts::summarised };
        list(picture, frozen, now)
    }
}
