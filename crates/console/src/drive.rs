//! Driving by hand: arrows into setpoints, as long as Space is held.

use crate::{desk::Desk, link::Link};
use bevy::prelude::*;
use std::time::Duration;
use watchkeeper_model::{MonoTime, Setpoint};

/// From the middle to full in this time: no step that a vehicle could not follow.
const TO_FULL: Duration = Duration::from_millis(600);
/// Back to the middle in this time: letting go must be quick.
const TO_MIDDLE: Duration = Duration::from_millis(250);
/// Longest step of the ramp, when frames came late.
const LONGEST_STEP: Duration = Duration::from_millis(100);

/// What the driving keys say now.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Wheel {
    /// The dead-man key.
    pub(crate) deadman: bool,
    /// -1, 0 or 1; to the left is positive.
    pub(crate) steer: f64,
    /// -1, 0 or 1.
    pub(crate) accelerate: f64,
}

impl Wheel {
    /// Reads the keys.
    pub(crate) fn of(keys: &ButtonInput<KeyCode>) -> Self {
        let axis = |more, less| f64::from(i8::from(keys.pressed(more)) - i8::from(keys.pressed(less)));
        Self {
            deadman: keys.pressed(KeyCode::Space),
            steer: axis(KeyCode::ArrowLeft, KeyCode::ArrowRight),
            accelerate: axis(KeyCode::ArrowUp, KeyCode::ArrowDown),
        }
    }
}

/// Returns the next setpoint; `None` where the dead-man key is not held.
pub(crate) fn next(before: Option<Setpoint>, wheel: Wheel, step: Duration) -> Option<Setpoint> {
    let before = before.unwrap_or(Setpoint { steer: 0.0, accelerate: 0.0 });
    wheel.deadman.then(|| Setpoint {
        steer: ramp(before.steer, wheel.steer, step),
        accelerate: ramp(before.accelerate, wheel.accelerate, step),
    })
}

fn ramp(from: f64, to: f64, step: Duration) -> f64 {
    let is_return = to.abs() < from.abs() || to * from < 0.0;
    let most = step.as_secs_f64() / if is_return { TO_MIDDLE } else { TO_FULL }.as_secs_f64();
    (from + (to - from).clamp(-most, most)).clamp(-1.0, 1.0)
}

/// Turns the driving keys into the setpoint of this frame.
pub(crate) fn drive(
    keys: Res<ButtonInput<KeyCode>>,
    link: Res<Link>,
    mut desk: ResMut<Desk>,
    mut before: Local<Option<MonoTime>>,
) {
    let now = link.now();
    let passed = before.replace(now).map_or(Duration::ZERO, |before| now.since(before)).min(LONGEST_STEP);
    let wheel = if desk.types { Wheel::default() } else { Wheel::of(&keys) };
    let manual = desk.hands.manual().cloned();
    // The wheel lies in the hands only once the dead-man was held: until then nothing is neutral, and nobody is
    // less ready than before.
    desk.steered = manual.filter(|agent| wheel.deadman || desk.steered.as_ref() == Some(agent));
    desk.local.deadman_held = wheel.deadman;
    let by_hand = desk.steered.is_some();
    desk.local.setpoint = if by_hand { next(desk.local.setpoint, wheel, passed) } else { None };
}

#[cfg(test)]
mod tests {
    use super::{Wheel, next};
    use std::time::Duration;
    use watchkeeper_model::Setpoint;

    const STEP: Duration = Duration::from_millis(50);

    fn steps(mut setpoint: Option<Setpoint>, wheel: Wheel, count: u32) -> Option<Setpoint> {
        for _ in 0..count {
            setpoint = next(setpoint, wheel, STEP);
        }
        setpoint
    }

    #[test]
    fn nothing_is_steered_without_the_dead_mans_key() {
        let wheel = Wheel { deadman: false, steer: 1.0, accelerate: 1.0 };
        assert_eq!(next(None, wheel, STEP), None);
        let held = steps(None, Wheel { deadman: true, ..wheel }, 20);
        assert_eq!(next(held, wheel, STEP), None, "and letting go ends it at once");
    }

    #[test]
    fn a_key_moves_smoothly_to_full_and_back_to_the_middle_quickly() {
        let left = Wheel { deadman: true, steer: 1.0, accelerate: 0.0 };
        let first = next(None, left, STEP).unwrap();
        assert!(first.steer > 0.0 && first.steer < 0.1, "{first:?}");
        let full = steps(None, left, 12);
        assert!((full.unwrap().steer - 1.0).abs() < 1e-9);
        let middle = steps(full, Wheel { steer: 0.0, ..left }, 5).unwrap();
        assert!(middle.steer.abs() < 1e-9, "{middle:?}");
    }

    #[test]
    fn going_over_to_the_other_side_passes_the_middle_and_stays_within_bounds() {
        let left = Wheel { deadman: true, steer: 1.0, accelerate: -1.0 };
        let full = steps(None, left, 40);
        let right = steps(full, Wheel { steer: -1.0, ..left }, 40).unwrap();
        assert_eq!(right, Setpoint { steer: -1.0, accelerate: -1.0 });
    }
}
