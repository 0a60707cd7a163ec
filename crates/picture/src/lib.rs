//! What an operator should see now: a fold of the monitor's messages, and the rows of every panel.
//!
//! [`Picture`] takes each message of [`ToOperator`](watchkeeper_protocol::ToOperator) together with the
//! time it came on the console's own clock, and holds what follows from all of them: agents, alerts,
//! commands, leases, the last minute of decisions, how the monitor is, and how old each of these is. The
//! modules of [`view`] turn a picture and `now` into rows: words, marks and tones that the text console and
//! the window draw alike. [`Action`] says which key does what, whether it can be pressed now and why not.
//! [`Hands`] takes every [`Press`] of a person and remembers what lies between two of them; out comes what he
//! wants, an [`Intent`], which the client SDK turns into messages. [`Unasked`] finds what he must be told
//! without having asked.
//!
//! Everything here is bounded: what does not fit is counted and said, never silently lost.
//!
//! Deliberately not here: clocks, sockets, colours, layout, and any choice on a person's behalf. A row says
//! what is known; what is not known it calls unknown.

mod action;
mod deadline;
pub mod examples;
mod hands;
mod intent;
mod picture;
mod task;
pub mod timers;
mod unasked;
pub mod view;

pub use action::{Action, Unavailable};
pub use deadline::deadline;
pub use hands::{CONFIRM_WITHIN, Hands, MAX_TYPED, Press, Pressed, Question, READ_FIRST, Said, Typed};
pub use intent::Intent;
pub use picture::{
    AgentPicture, AlertPicture, CommandPicture, DecisionSample, Footprint, Freshness, History, Link, Me,
    PathPicture, Picture, Timed,
};
pub use task::read_task;
pub use unasked::Unasked;
