//! Worlds, faults and outcomes, played as agents over the public SDK.
//!
//! A [`scenario`] says what is on the road and which faults happen when. A [`world`] plays it: seeded,
//! in fixed steps, with the same bytes for the same seed and inputs on every machine. Each vehicle senses
//! and decides ten times a second, obeys the [`world::Drive`] it is given from outside, and reports the
//! truth about its own standstill. The world is also the judge: it counts collisions, near misses and
//! hard brakings, so that a run with a person can be compared with a run without one ([`headless`]).
//!
//! The world is pure: no clock, no sockets, no threads; one step is one call. It deliberately knows
//! nothing of takeover states, leases or the monitor: [`driver`] connects it to the monitor, one agent of
//! the public SDK for each vehicle, and turns control states into drives. It is not a physics engine either:
//! bodies are boxes aligned with the road, tyres never slip, and a crash is two vehicles sharing their speed and
//! then stopping for good.

pub mod driver;
pub mod headless;
pub mod scenario;
pub mod world;

pub use scenario::{Scenario, ScenarioError};
pub use world::{DecisionDraft, Drive, Outcome, SIGNALS, VehicleStatus, World};
