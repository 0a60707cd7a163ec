//! Authority, with real processes: `watchkeeper serve` is killed, stopped and given old data, while `watchkeeper
//! operate` and vehicles over the SDK go through takeovers.
//!
//! `kills` is the long one: `WATCHKEEPER_KILLS=200` kills the monitor so often (10 times without it), and
//! `WATCHKEEPER_KILLS_SEED` repeats a run's choices. What is checked after each kill stands in `kills/checks.rs` (the
//! agents) and `record.rs` (the record).
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::wildcard_enum_match_arm,
    clippy::indexing_slicing,
    reason = "a test fails by panicking, shows its figures, looks at few messages of many, and numbers its desks"
)]

mod desk;
mod fleet;
mod ghost;
mod hands;
mod kills;
mod latches;
mod lead;
mod paging;
mod pauses;
mod piped;
mod record;
mod rig;
mod routing;
mod second_server;
mod told;
