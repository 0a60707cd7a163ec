//! Manual driving (row 17): what the holder's hands want, and the dead-man that ends it.
//!
//! A setpoint rides on the holder's heartbeat and passes the same fence: its epoch is the active one, its number
//! is new, it is in time, the holder is ready. It never touches the state version: setpoints come and go with
//! every lost packet, and no order of the holder may be refused for that.

use super::{Gate, HolderBeat, Mode, running::Goal};
use crate::machine::Event;
use std::hash::{Hash, Hasher};
use watchkeeper_model::{AgentTime, ControlState, Setpoint};

/// How far a setpoint must be from the one before, or from rest, to be an input of its own (row 15): a tenth of
/// full deflection, more than a hand that rests makes. Ours.
const DELTA: f64 = 0.1;
/// Hands off.
const REST: Setpoint = Setpoint { steer: 0.0, accelerate: 0.0 };

/// The hands of the holder.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hands {
    driving: Option<Driving>,
    /// What they last wanted.
    last: Setpoint,
    /// The holder gave an order instead, or has only just come into control: a setpoint counts again only after a
    /// heartbeat without one, so that what was on its way when he pressed does not undo it.
    must_leave: bool,
    /// The holder before drove by hand, and this one has not said yet what he wants: neutral.
    inherited: bool,
}

/// Somebody drives by hand.
#[derive(Clone, Copy, Debug)]
struct Driving {
    setpoint: Setpoint,
    /// Until when the setpoint holds; `None` once it does not: neutral.
    until: Option<AgentTime>,
}

impl Hands {
    pub(super) const OFF: Self = Self { driving: None, last: REST, must_leave: false, inherited: false };

    /// Returns when the dead-man runs out, while a setpoint holds.
    pub(super) fn until(&self) -> Option<AgentTime> {
        self.driving.and_then(|driving| driving.until)
    }

    /// Returns the mode of manual driving, `None` when nobody drives by hand or did last.
    pub(super) fn mode(&self) -> Option<Mode> {
        let Some(Driving { setpoint, until }) = self.driving else {
            return self.inherited.then_some(Mode::Neutral);
        };
        let Setpoint { steer, accelerate } = setpoint;
        Some(until.map_or(Mode::Neutral, |_| Mode::Manual { steer, accelerate }))
    }

    /// Lets the setpoint lapse; manual driving goes on with the next one.
    pub(super) fn slacken(&mut self) {
        if let Some(driving) = &mut self.driving {
            driving.until = None;
        }
    }

    /// An order of the holder ends manual driving, and so does the beginning of his control.
    pub(super) fn overrule(&mut self) {
        *self = Self { must_leave: true, ..Self::OFF };
    }

    /// Handing back ends manual driving; only a setpoint other than the present one takes it back (row 15). Hands
    /// that had to leave still have to.
    pub(super) fn hand_back(&mut self) {
        (self.driving, self.inherited) = (None, false);
    }

    /// Somebody else is in control now. Where hands drove, nobody's do until he steers, holds or resumes: more
    /// speed than they wanted is nobody's order.
    pub(super) fn switch(&mut self, standstill: bool) {
        let inherited = !standstill && (self.inherited || self.driving.is_some());
        *self = Self { must_leave: true, inherited, ..Self::OFF };
    }

    /// See [`Gate::hash_from_now`].
    pub(super) fn hash_from_now(&self, now: AgentTime, hasher: &mut impl Hasher) {
        let Self { driving, last, must_leave, inherited } = self;
        let bits = |setpoint: Setpoint| (setpoint.steer.to_bits(), setpoint.accelerate.to_bits());
        let driving =
            driving.map(|Driving { setpoint, until }| (bits(setpoint), until.map(|until| now.until(until))));
        (driving, bits(*last), *must_leave, *inherited).hash(hasher);
    }
}

impl Gate {
    /// Returns whether a person drives by hand, neutral or not.
    pub fn is_manual(&self) -> bool {
        self.hands.driving.is_some()
    }

    /// Returns whether a person leads and nobody's hand is on it.
    pub fn is_neutral(&self) -> bool {
        self.directive().mode == Mode::Neutral
    }

    /// Takes what the hands of the active holder want; `beat` has passed the fence.
    pub(super) fn take_hands(&mut self, beat: &HolderBeat, now: AgentTime) {
        if !beat.ready {
            self.hands.slacken();
        }
        if beat.setpoint.is_none() {
            self.hands.must_leave = false;
        }
        let usable = beat.ready && !self.timers.deadman.is_zero();
        let wanted = beat.setpoint.filter(|setpoint| usable && is_in_range(setpoint));
        match (self.state, wanted) {
            (ControlState::Human, Some(setpoint)) if !self.hands.must_leave => {
                self.drive_by_hand(setpoint, now);
            }
            (ControlState::Returning, Some(setpoint)) if !deviates(setpoint, REST) => self.hands.last = REST,
            (ControlState::Returning, Some(setpoint))
                if !self.hands.must_leave && deviates(setpoint, self.hands.last) =>
            {
                if self.step(Event::ReturnFailed) {
                    self.transition_deadline = None;
                    self.supersede(Goal::Returned, "the driver's hands kept it", now);
                    self.drive_by_hand(setpoint, now);
                }
            }
            // Hands that do not count for a moment have not left.
            (ControlState::Returning, None) if beat.setpoint.is_none() => self.hands.last = REST,
            (
                ControlState::Autonomous
                | ControlState::AssistPending
                | ControlState::Requested
                | ControlState::Claimed
                | ControlState::InTransition
                | ControlState::Human
                | ControlState::Returning
                | ControlState::Fallback
                | ControlState::FallbackFailed
                | ControlState::SafeHeld
                | ControlState::Estopped
                | ControlState::Local
                | ControlState::OutOfService,
                _,
            ) => {}
        }
    }

    /// Starts manual driving, or goes on with it; it lifts a hold, as RESUME does, and keeps a speed cap.
    fn drive_by_hand(&mut self, setpoint: Setpoint, now: AgentTime) {
        let until = Some(now.after(self.timers.deadman));
        self.hands = Hands { driving: Some(Driving { setpoint, until }), last: setpoint, ..Hands::OFF };
        self.hold = false;
    }

    /// Evaluates T_deadman.
    pub(super) fn check_dead_man(&mut self, now: AgentTime) {
        if self.hands.until().is_some_and(|until| now >= until) {
            self.hands.slacken();
            self.report();
        }
    }
}

fn is_in_range(setpoint: &Setpoint) -> bool {
    [setpoint.steer, setpoint.accelerate].iter().all(|share| (-1.0..=1.0).contains(share))
}

fn deviates(setpoint: Setpoint, from: Setpoint) -> bool {
    (setpoint.steer - from.steer).abs() > DELTA || (setpoint.accelerate - from.accelerate).abs() > DELTA
}
