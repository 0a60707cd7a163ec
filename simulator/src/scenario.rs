//! Scenarios: what is on the road, and what goes wrong when.
//!
//! A scenario is a TOML text. The fields, with defaults in brackets:
//!
//! ```toml
//! name = "my-ring"                # how it is called
//! title = "One line for people"
//! vehicles = 8                    # 1 to 64 [8]
//! duration_secs = 60              # suggested length of a run, 1 to 86400 [60]
//! step_millis = 20                # must divide 100 [20]
//! circumference_meters = 1000     # 300 to 10000 [1000]
//! desired_speed_mps = 15          # 3 to 30 [15]; bends limit it further
//! desired_speed_spread = 0.03     # each vehicle's share more or less, 0 to 0.3 [0.03]
//! headway_meters = 45             # from vehicle to vehicle at the start, 15 to 1000 [45]
//!
//! [[vehicle]]                     # what differs for one vehicle
//! index = 3
//! desired_speed_mps = 18
//! lane = "right"                  # [every fourth starts on the left]
//!
//! [[fault]]
//! kind = "frozen_sensor"          # or falling_confidence, phantom_brake, silent, frozen_policy, actuator_stuck
//! vehicle = 3
//! signal = "front_range"          # frozen_sensor only
//! start_secs = 8
//! end_secs = 60                   # [never by itself]
//! heals_after_standstill_secs = 3 # [not by stopping]
//! ```
//!
//! `falling_confidence` has `rate_per_sec` and `floor` (default 0); `phantom_brake` has `deceleration_mps2` and
//! `duration_secs` instead of an end. Unknown fields are refused, as is every number out of range, with the
//! field and the line.

mod error;
mod fault;
mod text;

pub use error::ScenarioError;
pub use fault::{Fault, FaultKind};

use crate::world::Lane;
use std::collections::BTreeMap;
use std::time::Duration;

/// The scenarios built in: name and text. Adding one is one file and one line here.
const LIBRARY: [(&str, &str); 5] = [
    ("ring-calm", include_str!("../scenarios/ring-calm.toml")),
    ("ring-frozen-policy", include_str!("../scenarios/ring-frozen-policy.toml")),
    ("ring-frozen-sensor", include_str!("../scenarios/ring-frozen-sensor.toml")),
    ("ring-silent", include_str!("../scenarios/ring-silent.toml")),
    ("ring-stuck-actuator", include_str!("../scenarios/ring-stuck-actuator.toml")),
];

/// A scenario that has been read and checked; every number in it lies in its range.
#[derive(Debug, Clone, PartialEq)]
pub struct Scenario {
    pub(crate) name: String,
    pub(crate) title: String,
    pub(crate) vehicles: usize,
    pub(crate) duration: Duration,
    pub(crate) step: Duration,
    pub(crate) circumference_meters: f64,
    pub(crate) desired_speed_mps: f64,
    pub(crate) desired_speed_spread: f64,
    pub(crate) headway_meters: f64,
    pub(crate) starts: BTreeMap<usize, Start>,
    pub(crate) faults: Vec<Fault>,
}

/// What differs for one vehicle.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Start {
    pub(crate) desired_speed_mps: Option<f64>,
    pub(crate) lane: Option<Lane>,
}

impl Scenario {
    /// The scenario that a run without further words plays.
    pub const DEFAULT_NAME: &'static str = "ring-frozen-sensor";

    /// Lists the names of the scenarios built in, in order.
    pub fn names() -> impl Iterator<Item = &'static str> {
        LIBRARY.iter().map(|(name, _)| *name)
    }

    /// Returns a scenario that is built in.
    ///
    /// # Errors
    /// [`ScenarioError::UnknownName`], which lists the names there are.
    pub fn named(name: &str) -> Result<Self, ScenarioError> {
        let Some((_, text)) = LIBRARY.iter().find(|(known, _)| *known == name) else {
            let known = Self::names().collect::<Vec<_>>().join(", ");
            return Err(ScenarioError::UnknownName { name: name.to_owned(), known });
        };
        Self::parse(text)
    }

    /// Reads a scenario from TOML text.
    ///
    /// # Errors
    /// The first thing wrong with it, with its field and line.
    pub fn parse(text: &str) -> Result<Self, ScenarioError> {
        text::parse(text)
    }

    /// Returns the name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the line for people.
    pub fn title(&self) -> &str {
        &self.title
    }

    /// Returns how many vehicles there are.
    pub fn vehicles(&self) -> usize {
        self.vehicles
    }

    /// Returns how long a run should be.
    pub fn duration(&self) -> Duration {
        self.duration
    }

    /// Returns the length of a step.
    pub fn step(&self) -> Duration {
        self.step
    }

    /// Returns the faults, in the order of the text.
    pub fn faults(&self) -> &[Fault] {
        &self.faults
    }
}
