//! The fleet: alerts, roster, leases, routing. The whole server minus its sockets, clock and disk.
//!
//! One owner feeds [`EngineInput`]s with their time into [`Engine::handle`] and drains
//! [`Engine::poll_output`] until it is empty after each. The same inputs give the same outputs, byte for byte:
//! that is what the record replays. An output that must not leave before its cause is on disk is kept inside
//! until [`EngineInput::Durable`] says so. What it counts and measures on the way ([`Engine::counts`],
//! [`Engine::poll_stage_span`], [`Engine::poll_alert`]) is for shells to publish, and no output.
//!
//! Deliberately not here: I/O, threads, clocks, tokens. Whether an agent behaves oddly is `detect`'s to say,
//! who controls it is `takeover`'s.

mod agent;
pub mod alarm_machine;
mod alarms;
mod budget;
mod clocks;
mod commands;
pub mod config;
mod engine;
mod feed;
mod figures;
mod flood;
mod latency;
pub mod output;
mod routing;
mod stages;
mod strikes;
mod timeline;
mod views;

pub use config::{Config, ConfigError};
pub use engine::Engine;
pub use figures::{Counts, Standing};
pub use flood::FloodMeter;
pub use output::{Derived, Output, OutputDigest};
pub use stages::StageSpan;
pub use watchkeeper_protocol::record::{EngineInput, Framed, Opening};
