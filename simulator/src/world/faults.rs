//! Faults while they happen, and the record of when they really did.

use super::sensors::{Reading, Signal};
use crate::scenario::{Fault, FaultKind};
use std::time::Duration;

/// A fault of the scenario with the window in which it was really active: the ground truth of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct FaultTruth {
    /// The fault as the scenario states it.
    pub fault: Fault,
    /// When it began; `None` before that.
    pub began: Option<Duration>,
    /// When it ended or healed; `None` before that.
    pub ended: Option<Duration>,
}

impl FaultTruth {
    /// Returns whether the fault is active.
    pub fn is_active(&self) -> bool {
        self.began.is_some() && self.ended.is_none()
    }
}

/// One fault on its way from pending to over, with what it remembers from its beginning.
#[derive(Debug, Clone)]
pub(super) struct FaultLine {
    pub(super) truth: FaultTruth,
    frozen: f64,
    confidence: f64,
}

/// What the active faults do to one vehicle at one instant.
#[derive(Debug, Clone, Default)]
pub(super) struct Effects {
    pub(super) any: bool,
    pub(super) frozen: Vec<(Signal, f64)>,
    pub(super) confidence_ceiling: Option<f64>,
    pub(super) phantom_mps2: Option<f64>,
    pub(super) silent: bool,
    pub(super) frozen_policy: bool,
    pub(super) ignores_comfortable_stop: bool,
}

impl FaultLine {
    pub(super) fn new(fault: Fault) -> Self {
        Self { truth: FaultTruth { fault, began: None, ended: None }, frozen: 0.0, confidence: 1.0 }
    }

    /// Begins or ends the fault. `still_for` is how long the vehicle has stood still.
    pub(super) fn handle_time(
        &mut self,
        reading: &Reading,
        confidence: f64,
        still_for: Duration,
        now: Duration,
    ) {
        if self.truth.began.is_none() && now >= self.truth.fault.start {
            self.truth.began = Some(now);
            self.confidence = confidence;
            if let FaultKind::FrozenSensor { signal } = self.truth.fault.kind {
                self.frozen = reading.of(signal);
            }
        }
        let Some(began) = self.truth.began else { return };
        if self.truth.ended.is_some() {
            return;
        }
        let over = self.truth.fault.end.is_some_and(|end| now >= end);
        let stood = still_for.min(now.saturating_sub(began));
        let healed = self.truth.fault.heals_after_standstill.is_some_and(|needed| stood >= needed);
        if over || healed {
            self.truth.ended = Some(now);
        }
    }

    /// Adds what this fault does now to its vehicle's effects.
    pub(super) fn add_to(&self, effects: &mut Effects, now: Duration) {
        let Some(began) = self.truth.began else { return };
        if self.truth.ended.is_some() {
            return;
        }
        effects.any = true;
        match self.truth.fault.kind {
            FaultKind::FrozenSensor { signal } => effects.frozen.push((signal, self.frozen)),
            FaultKind::FallingConfidence { rate_per_sec, floor } => {
                let fallen = self.confidence - rate_per_sec * now.saturating_sub(began).as_secs_f64();
                let ceiling = fallen.max(floor);
                effects.confidence_ceiling =
                    Some(effects.confidence_ceiling.map_or(ceiling, |other| other.min(ceiling)));
            }
            FaultKind::PhantomBrake { deceleration_mps2 } => {
                let other = effects.phantom_mps2.unwrap_or(0.0);
                effects.phantom_mps2 = Some(other.max(deceleration_mps2));
            }
            FaultKind::Silent => effects.silent = true,
            FaultKind::FrozenPolicy => effects.frozen_policy = true,
            FaultKind::ActuatorStuck => effects.ignores_comfortable_stop = true,
        }
    }
}
