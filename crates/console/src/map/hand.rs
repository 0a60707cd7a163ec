//! What the pointer does: a press that moves drags, one that does not chooses what was under it when it began.
//!
//! Pure: positions and times in, gestures out.

use super::drawing::Picked;
use bevy::math::Vec2;
use std::time::Duration;

/// A press that moves less than this is a click, points.
const STEADY: f32 = 4.0;
/// Two clicks within this time and [`NEAR`] are a double click.
const DOUBLE: Duration = Duration::from_millis(400);
/// How near to each other the two clicks of a double click are, points.
const NEAR: f32 = 8.0;

/// What a person did.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Gesture {
    /// Dragged by so much, from where the press began.
    Drag {
        /// Where the press began, points.
        from: Vec2,
        /// How far since the last time, points.
        by: Vec2,
    },
    /// Chose what was under the pointer when the press began.
    Choose(Picked),
    /// Clicked twice where nothing is.
    Double,
}

/// A hand on the pointer.
#[derive(Clone, Debug, Default)]
pub(crate) struct Hand {
    press: Option<Press>,
    clicked: Option<(Vec2, Duration)>,
}

#[derive(Clone, Debug)]
struct Press {
    from: Vec2,
    last: Vec2,
    picked: Option<Picked>,
    dragging: bool,
}

impl Hand {
    /// Returns whether the button is down.
    pub(crate) const fn is_down(&self) -> bool {
        self.press.is_some()
    }

    /// The button goes down over something, or nothing.
    pub(crate) fn press(&mut self, at: Vec2, picked: Option<Picked>) {
        self.press = Some(Press { from: at, last: at, picked, dragging: false });
    }

    /// The pointer is somewhere.
    pub(crate) fn move_to(&mut self, at: Vec2) -> Option<Gesture> {
        let press = self.press.as_mut()?;
        press.dragging |= press.from.distance(at) > STEADY;
        let by = at - press.last;
        if !press.dragging || by == Vec2::ZERO {
            return None;
        }
        press.last = at;
        Some(Gesture::Drag { from: press.from, by })
    }

    /// The button goes up.
    pub(crate) fn release(&mut self, now: Duration) -> Option<Gesture> {
        let press = self.press.take()?;
        if press.dragging {
            return None;
        }
        if let Some(picked) = press.picked {
            self.clicked = None;
            return Some(Gesture::Choose(picked));
        }
        let before = self.clicked.replace((press.from, now));
        let double = before
            .is_some_and(|(at, then)| now.saturating_sub(then) <= DOUBLE && at.distance(press.from) <= NEAR);
        if double {
            self.clicked = None;
        }
        double.then_some(Gesture::Double)
    }

    /// The press is over without having meant anything.
    pub(crate) fn forget(&mut self) {
        self.press = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use watchkeeper_model::AgentId;

    fn truck() -> Picked {
        Picked::Agent(AgentId::new("truck-17").unwrap())
    }

    const AT: Vec2 = Vec2::new(100.0, 50.0);

    #[test]
    fn a_click_chooses_what_was_there_when_it_began() {
        let mut hand = Hand::default();
        hand.press(AT, Some(truck()));
        assert_eq!(hand.move_to(AT + Vec2::new(2.0, 1.0)), None);
        // Whatever is under the pointer by now does not matter.
        assert_eq!(hand.release(Duration::ZERO), Some(Gesture::Choose(truck())));
        assert_eq!(hand.release(Duration::ZERO), None);
    }

    #[test]
    fn a_press_that_moves_drags_and_chooses_nothing() {
        let mut hand = Hand::default();
        hand.press(AT, Some(truck()));
        let by = Vec2::new(10.0, -3.0);
        assert_eq!(hand.move_to(AT + by), Some(Gesture::Drag { from: AT, by }));
        let on = Vec2::new(1.0, 0.0);
        assert_eq!(hand.move_to(AT + by + on), Some(Gesture::Drag { from: AT, by: on }));
        assert_eq!(hand.release(Duration::ZERO), None);
    }

    #[test]
    fn two_clicks_on_nothing_are_a_double_click_only_when_quick_and_near() {
        let click = |hand: &mut Hand, at, millis| {
            hand.press(at, None);
            hand.release(Duration::from_millis(millis))
        };
        let mut hand = Hand::default();
        assert_eq!(click(&mut hand, AT, 0), None);
        assert_eq!(click(&mut hand, AT, 300), Some(Gesture::Double));
        assert_eq!(click(&mut hand, AT, 500), None, "the third click starts anew");
        assert_eq!(click(&mut hand, AT, 1000), None, "too slow");
        assert_eq!(click(&mut hand, AT + Vec2::new(30.0, 0.0), 1100), None, "too far");
    }

    #[test]
    fn a_forgotten_press_means_nothing() {
        let mut hand = Hand::default();
        hand.press(AT, Some(truck()));
        hand.forget();
        assert!(!hand.is_down());
        assert_eq!(hand.release(Duration::ZERO), None);
    }
}
