//! The panels of the operator console, drawn in egui: rows in, requests out.
//!
//! [`draw`] takes a [`Picture`](watchkeeper_picture::Picture) with everything else that is on the screen
//! ([`Inputs`]), lays the rows of [`watchkeeper_picture::view`] out at one of four [`Level`]s, and returns what
//! the person wants ([`Request`]) and where the world is to be shown ([`Output`]). What a press means is decided
//! by [`watchkeeper_picture::Hands`], not here; colours, sizes and the font are those of [`theme`].
//!
//! Calm is nearly greyscale: saturated colours belong to what needs a person, and each stands with a shape, a
//! number and a word. Things do not move by themselves, and whatever is done is done to the agent or alert that
//! was under the press.
//!
//! Deliberately not here: Bevy, sockets, clocks, sound, the safety keys (the console reads those itself, so that
//! no widget can swallow them), and any choice on a person's behalf.

mod agent_panel;
mod alert_queue;
mod bottom_bar;
mod diagnosis;
mod draw;
mod fleet_panel;
mod help;
mod inputs;
mod lane;
mod latency_panel;
mod question;
mod replay_bar;
mod request;
mod roster_panel;
pub mod settings;
mod settings_panel;
mod state;
mod takeover_panel;
pub mod theme;
mod top_bar;
mod widgets;

pub use draw::draw;
pub(crate) use draw::in_sight;
pub(crate) use inputs::in_recording;
pub use inputs::{Inputs, Local, Percentiles, ReplayRow};
pub use request::{Output, ReplayRequest, Request};
pub use settings::Settings;
pub use state::{Level, State};
