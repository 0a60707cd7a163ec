//! Whole-system proof: what must see every crate at once lives here.
//!
//! The tests themselves are under `tests/tests/`; this library holds what they share. [`tidy`] is the
//! layout of the workspace as a table and the rules that hold it, [`proxy`] is a network that loses things,
//! [`wall_clock`] steps the clock of one process. `src/bin/vehicles.rs` is a program: vehicles that tell of every step of
//! their gates ([`trace`]).
//!
//! Deliberately not here: tests of one crate (they live with that crate), and anything a product crate
//! may depend on.

pub mod process;
pub mod proxy;
pub mod tidy;
pub mod trace;
pub mod wall_clock;
