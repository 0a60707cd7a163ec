//! Ready-made situations for view tests, screenshots and design work.
//!
//! Each is a real [`Picture`], folded through its public interface from messages as a monitor sends them; the
//! same call gives the same picture every time. The names, roads and faults are those of the simulator's
//! scenarios. Nothing here is used while a console runs.

mod crowds;
mod findings;
mod monitor;
mod motion;
mod others;
mod records;
mod services;
mod takeover;
mod vehicles;

pub use crowds::{flood, mixed, summarised, thousand, tiles};
pub use others::{disconnected, handover, next, stale, supervisor};
pub use takeover::{afterwards, alert, calm, claimed, handing_back, in_control, manual, ready};

use crate::Picture;
use watchkeeper_model::{AgentId, Label, MonoTime, Note, PersonId};

/// A picture, the time at which it is looked at, and the agent that somebody would have selected.
#[derive(Clone, Debug)]
pub struct Situation {
    /// What the console knows.
    pub picture: Picture,
    /// The console's clock.
    pub now: MonoTime,
    /// What an operator would have selected; `None` where nothing calls for it.
    pub agent: Option<AgentId>,
}

/// A situation's name, and how to make it.
pub type Named = (&'static str, fn() -> Situation);

/// Returns every situation with its name, in the order in which a takeover goes through them.
pub fn all() -> Vec<Named> {
    vec![
        ("calm", calm),
        ("alert", alert),
        ("claimed", claimed),
        ("ready", ready),
        ("in_control", in_control),
        ("manual", manual),
        ("handing_back", handing_back),
        ("afterwards", afterwards),
        ("flood", flood),
        ("summarised", summarised),
        ("thousand", thousand),
        ("tiles", tiles),
        ("mixed", mixed),
        ("stale", stale),
        ("disconnected", disconnected),
        ("handover", handover),
        ("supervisor", supervisor),
        ("next", next),
    ]
}

fn agent(name: &str) -> AgentId {
    AgentId::new(name).expect("the examples name agents as agents can be named")
}

fn person(name: &str) -> PersonId {
    PersonId::new(name).expect("the examples name people as people can be named")
}

fn label(text: &str) -> Label {
    Label::cut(text)
}

fn note(text: &str) -> Note {
    Note::cut(text)
}
