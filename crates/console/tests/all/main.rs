//! The real console: on the real monitor with the real simulator, on pictures that stand still, and on a texture;
//! and its map.
#![allow(clippy::unwrap_used, reason = "a test that cannot set itself up should stop there")]

mod map_pointer;
mod map_ring;
mod on_the_monitor;
mod recorded;
mod rig;
mod standing_still;
mod texture;
