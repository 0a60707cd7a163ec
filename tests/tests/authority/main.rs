//! Authority over a network that loses, delays, doubles and stalls: a real monitor, agents and operators of the SDK
//! over real sockets, with a proxy between them.
//!
//! The short forms run with every test. `WATCHKEEPER_LONG=1` plays the long ones (some 20 minutes), each in turn and
//! with its figures:
//!
//! ```text
//! WATCHKEEPER_LONG=1 cargo xtask test -p watchkeeper-tests --test authority -- --nocapture --test-threads 1
//! ```
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::wildcard_enum_match_arm,
    reason = "a test fails by panicking, looks at few messages of many, and prints its figures"
)]

mod handovers;
mod late;
mod loss;
mod rig;
mod stops;
