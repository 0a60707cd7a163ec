//! What alerts say to an operator: every template of the monitor and of the stack, from real findings, as committed
//! snapshots, and a lint over them: subject, observed, expected, since when, what happens next.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

#[path = "../rig/rig.rs"]
#[allow(dead_code, clippy::wildcard_enum_match_arm, reason = "each test uses a part of it")]
mod rig;

mod agents;
mod lint;
mod streams;
