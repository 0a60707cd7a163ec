//! The operator console: the world and the window in Bevy, the panels in egui.
//!
//! What is shown comes from [`link`]: the monitor through the client SDK, a recording, or a picture that stands
//! still. What it means is said by `watchkeeper-picture`, how it looks by `watchkeeper-panels`; the map is drawn
//! here. Safety keys are read from the keyboard itself ([`app`] has the order of a frame). An alert counts as
//! shown, and a change of hands as seen, only once the frame with it was presented.
//!
//! Deliberately not here: what a press means, words and colours of panels, and any choice on a person's behalf.

#![allow(
    clippy::needless_pass_by_value,
    clippy::too_many_arguments,
    clippy::type_complexity,
    reason = "a system of Bevy takes what it uses by value, one argument each, and names it by its type"
)]

pub mod app;
pub mod capture;
mod clock;
pub mod desk;
mod drive;
mod keys;
pub mod link;
pub mod map;
mod news;
pub mod options;
mod panels;
pub mod presence;
mod presented;
pub mod replay;
mod run;
pub mod settings;
#[cfg(feature = "sound")]
mod sound;
pub mod surface;
mod window;

pub use run::run;
