//! The pieces that every panel is made of. Each takes its look from [`theme::look`](crate::theme::look), and each
//! that means something has a name for people who cannot see it.
//!
//! Ids: a button's id comes from the id of its `Ui` and its label, so that it stays the same wherever its row
//! stands. Put every row into `ui.push_id(alert_or_agent, ..)`.

mod bar;
mod button;
mod card;
mod mark;
mod sparkline;
mod text;

pub(crate) use bar::{ValueBar, bar, countdown};
pub(crate) use button::{KeyButton, key_words, sentence};
pub(crate) use card::{card, dimmed, heading, panel_frame, row_card};
pub(crate) use mark::{mark, paint_mark, priority_mark};
pub(crate) use sparkline::sparkline;
pub(crate) use text::{line, prose, said, strong};
