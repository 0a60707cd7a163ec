//! The panels as a person meets them: by eye, by pointer, by keyboard, and by a screen reader.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::expect_used,
    clippy::cast_possible_truncation,
    reason = "tests fail by panicking"
)]

#[path = "panels/bounds.rs"]
mod bounds;
#[path = "panels/clicks.rs"]
mod clicks;
#[path = "panels/flash.rs"]
mod flash;
#[path = "panels/keyboard.rs"]
mod keyboard;
#[path = "panels/names.rs"]
mod names;
#[path = "panels/order.rs"]
mod order;
#[path = "panels/places.rs"]
mod places;
#[path = "panels/stage.rs"]
mod stage;
