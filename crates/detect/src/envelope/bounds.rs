//! The physics of the envelopes.

use crate::EnvelopeSettings;
use std::collections::VecDeque;
use watchkeeper_model::AgentTime;

/// Jerk is the mean over so long, in seconds.
const JERK_SECS: f64 = 0.5;
/// A longer gap between two decisions says nothing of the way between them, in seconds.
const LONGEST_SECS: f64 = 5.0;
/// So many accelerations are kept; at 100 decisions a second that is more than half a second.
const MOST: usize = 64;
/// What closes more slowly does not close, m/s.
const CLOSING_MPS: f64 = 0.1;

/// What one decision says of the motion; NaN and `None` where it does not say.
#[derive(Clone, Copy, Debug)]
pub(super) struct Motion {
    pub(super) at: AgentTime,
    /// Metres east and north.
    pub(super) place: Option<(f64, f64)>,
    pub(super) speed: f64,
    pub(super) acceleration: f64,
    pub(super) gap: f64,
    pub(super) closing: f64,
}

/// The last motion, and the accelerations of the last half second.
#[derive(Debug, Default)]
pub(super) struct Recent {
    last: Option<Motion>,
    accelerations: VecDeque<(AgentTime, f64)>,
}

impl Recent {
    /// Returns how far it moved since the last decision in metres, and in how many seconds.
    pub(super) fn moved(&self, motion: &Motion) -> Option<(f64, f64)> {
        let last = self.last?;
        let ((x, y), (last_x, last_y)) = (motion.place?, last.place?);
        let elapsed = secs(last.at, motion.at)?;
        let moved = libm::hypot(x - last_x, y - last_y);
        (elapsed <= LONGEST_SECS && !moved.is_nan()).then_some((moved, elapsed))
    }

    /// Returns the speed at the last decision; NaN where it is not known.
    pub(super) fn speed(&self) -> f64 {
        self.last.map_or(f64::NAN, |last| last.speed)
    }

    /// Returns the mean jerk over the last half second, or a little more, m/s3.
    pub(super) fn jerk(&self, motion: &Motion) -> Option<f64> {
        let latest_first = self.accelerations.iter().rev();
        let (elapsed, before) = latest_first
            .filter_map(|(at, before)| Some((secs(*at, motion.at)?, *before)))
            .find(|(elapsed, _)| *elapsed >= JERK_SECS)?;
        let is_due = elapsed <= 2.0 * JERK_SECS && motion.acceleration.is_finite();
        is_due.then(|| (motion.acceleration - before) / elapsed)
    }

    pub(super) fn take(&mut self, motion: &Motion) {
        // Another boot has another clock.
        if self.last.is_some_and(|last| secs(last.at, motion.at).is_none()) {
            self.accelerations.clear();
        }
        if self.accelerations.len() == MOST {
            self.accelerations.pop_front();
        }
        if motion.acceleration.is_finite() {
            self.accelerations.push_back((motion.at, motion.acceleration));
        }
        self.last = Some(*motion);
    }
}

/// Returns how many seconds lie between; `None` where the later is not later.
fn secs(earlier: AgentTime, later: AgentTime) -> Option<f64> {
    let elapsed = later.since(earlier).as_secs_f64();
    (elapsed > 0.0).then_some(elapsed)
}

/// Returns in how many seconds the gap is closed at this pace; `None` where it does not close.
pub(super) fn seconds_to_collision(motion: &Motion) -> Option<f64> {
    (motion.closing > CLOSING_MPS && motion.gap.is_finite()).then(|| motion.gap.max(0.0) / motion.closing)
}

/// Returns the least safe distance to the vehicle ahead, in metres; `None` where gap or speeds are not known.
pub(super) fn safe_distance(motion: &Motion, settings: &EnvelopeSettings) -> Option<f64> {
    let Motion { speed, gap, closing, .. } = *motion;
    if !(speed.is_finite() && gap.is_finite() && closing.is_finite()) {
        return None;
    }
    let EnvelopeSettings { response_secs: r, accelerates_mps2: a, brakes_mps2: b, front_brakes_mps2, .. } =
        settings;
    let (speed, front) = (speed.max(0.0), (speed - closing).max(0.0));
    let faster = speed + r * a;
    let distance =
        speed * r + 0.5 * a * r * r + faster * faster / (2.0 * b) - front * front / (2.0 * front_brakes_mps2);
    Some(distance.max(0.0))
}
