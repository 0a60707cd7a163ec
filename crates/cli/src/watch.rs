//! The text console: rows of the picture drawn in a terminal, keys turned into intents.
//!
//! `ui` is what the screen remembers, `news` what the person must be told unasked, `keys` turns a key into intents, `draw` paints and says what it
//! painted, and `run` is the loop around them. All but the loop are pure: they get the picture and `now`.

mod draw;
mod keys;
mod news;
mod run;
mod ui;

pub(crate) use run::run;

#[cfg(test)]
mod crowds;
#[cfg(test)]
#[path = "../../picture/tests/all/scenes.rs"]
pub(crate) mod scenes;
