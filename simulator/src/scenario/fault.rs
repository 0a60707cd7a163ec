//! Faults as data: what goes wrong, with whom, and when. The scenario is the ground truth.

use crate::world::Signal;
use std::time::Duration;

/// One fault of one vehicle.
#[derive(Debug, Clone, PartialEq)]
pub struct Fault {
    /// Index of the vehicle, from 0.
    pub vehicle: usize,
    /// What goes wrong.
    pub kind: FaultKind,
    /// When it begins, from the start of the run.
    pub start: Duration,
    /// When it ends by itself; `None` means not by itself.
    pub end: Option<Duration>,
    /// How long the vehicle must stand still, while the fault is active, to heal it ("a sensor reset by
    /// stopping"); `None` means that stopping does not help.
    pub heals_after_standstill: Option<Duration>,
}

/// What can go wrong.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum FaultKind {
    /// A signal stays at its last value, in the report and for the vehicle's own controller.
    FrozenSensor {
        /// The signal that freezes.
        signal: Signal,
    },
    /// The vehicle's confidence falls steadily.
    FallingConfidence {
        /// Fall per second, 0 to 1.
        rate_per_sec: f64,
        /// Where it stops falling, 0 to 1.
        floor: f64,
    },
    /// The vehicle brakes for something that is not there, while it drives by itself.
    PhantomBrake {
        /// How hard, m/s2.
        deceleration_mps2: f64,
    },
    /// The vehicle stops deciding but is otherwise alive: heartbeats go on.
    Silent,
    /// The vehicle decides on, and always the same: every number stays as it was.
    FrozenPolicy,
    /// The vehicle ignores a comfortable stop (fallback levels 0 and 1 while moving).
    ActuatorStuck,
}

impl FaultKind {
    /// Returns the name used in scenario files.
    pub fn name(self) -> &'static str {
        match self {
            FaultKind::FrozenSensor { .. } => "frozen_sensor",
            FaultKind::FallingConfidence { .. } => "falling_confidence",
            FaultKind::PhantomBrake { .. } => "phantom_brake",
            FaultKind::Silent => "silent",
            FaultKind::FrozenPolicy => "frozen_policy",
            FaultKind::ActuatorStuck => "actuator_stuck",
        }
    }
}
