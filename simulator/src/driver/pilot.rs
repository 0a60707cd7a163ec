//! From what the gate says to what a vehicle does.

use crate::world::{Drive, Manoeuvre};
use watchkeeper_client::{Directive, Mode};

/// Turns the gate's directive of one vehicle into drives.
///
/// It remembers what the world cannot know: that a person let the vehicle go on after holding or capping it,
/// and that a vehicle left an emergency stop, which only [`Drive::Autonomous`] ends.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pilot {
    before: Option<Directive>,
    /// The person in control has lifted a hold or a cap, and asked for no other since.
    set_free: bool,
}

impl Pilot {
    /// Returns the drive to set now, and one to set before it.
    ///
    /// `wanted_mps` is the speed at which the vehicle likes to drive: what a person's RESUME lets it do. What the latency
    /// allows is none of these: it orders nothing, and [`World::limit_speed`](crate::world::World::limit_speed) keeps to
    /// it whatever was ordered.
    pub fn obey(&mut self, directive: Directive, wanted_mps: f64) -> (Option<Drive>, Drive) {
        let before = self.before.replace(directive);
        let led = before
            .filter(|before| matches!(before.mode, Mode::Human { .. } | Mode::Manual { .. } | Mode::Neutral));
        let was_by_hand =
            |led: Directive| matches!(led.mode, Mode::Human { hold: true } | Mode::Manual { .. });
        let was_limited = led.is_some_and(|led| was_by_hand(led) || led.ordered_cap_mps.is_some());
        self.set_free = match directive.mode {
            Mode::Human { hold: false } if directive.ordered_cap_mps.is_none() => {
                was_limited || (self.set_free && led.is_some())
            }
            // Who drove by hand and then lets go of it with RESUME or HAND_BACK wants to drive on, also after a neutral
            // moment. Nothing else leads from hands to freedom: who takes over from them stays neutral until he orders.
            Mode::Manual { .. } => true,
            // A moment without a ready person changes nothing of what he had decided.
            Mode::Neutral => self.set_free,
            Mode::Human { .. }
            | Mode::SafePolicy
            | Mode::Autonomous
            | Mode::Fallback(_)
            | Mode::Held
            | Mode::Estop
            | Mode::Local => false,
        };
        let drive = self.drive(directive, wanted_mps);
        // Before the world moves again, so that the vehicle never drives by itself in between.
        let left_stop =
            before.is_some_and(|before| before.mode == Mode::Estop) && directive.mode != Mode::Estop;
        (left_stop.then_some(Drive::Autonomous), drive)
    }

    fn drive(&self, directive: Directive, wanted_mps: f64) -> Drive {
        match (directive.mode, directive.ordered_cap_mps) {
            // Nobody sits in a simulated vehicle: who takes it over locally stands.
            (Mode::SafePolicy | Mode::Held | Mode::Local | Mode::Human { hold: true }, _) => Drive::Hold,
            (Mode::Autonomous, None) => Drive::Autonomous,
            (Mode::Human { hold: false }, None) if self.set_free => Drive::SpeedCap(wanted_mps),
            (Mode::Human { hold: false }, None) => Drive::Human,
            (Mode::Autonomous | Mode::Human { hold: false }, Some(cap_mps)) => Drive::SpeedCap(cap_mps),
            (Mode::Manual { steer, accelerate }, cap_mps) => Drive::Manual { steer, accelerate, cap_mps },
            (Mode::Neutral, _) => Drive::Neutral,
            (Mode::Fallback(level), _) => Drive::Fallback(
                Manoeuvre::from_level(level.get())
                    .expect("a fallback level is 0 to 3, and each has a manoeuvre"),
            ),
            (Mode::Estop, _) => Drive::Estop,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use watchkeeper_model::FallbackLevel;

    const WANTED: f64 = 15.0;

    fn directive(mode: Mode, speed_cap_mps: Option<f64>) -> Directive {
        Directive { mode, speed_cap_mps, ordered_cap_mps: speed_cap_mps }
    }

    fn last(pilot: &mut Pilot, mode: Mode, cap: Option<f64>) -> Drive {
        pilot.obey(directive(mode, cap), WANTED).1
    }

    #[test]
    fn every_mode_that_is_not_led_has_its_drive() {
        for (mode, drive) in [
            (Mode::SafePolicy, Drive::Hold),
            (Mode::Autonomous, Drive::Autonomous),
            (Mode::Neutral, Drive::Neutral),
            (Mode::Fallback(FallbackLevel::HOLD), Drive::Fallback(Manoeuvre::StandStill)),
            (Mode::Fallback(FallbackLevel::CONTAIN), Drive::Fallback(Manoeuvre::PullOver)),
            (Mode::Held, Drive::Hold),
            (Mode::Estop, Drive::Estop),
        ] {
            assert_eq!(last(&mut Pilot::default(), mode, None), drive);
        }
        assert_eq!(last(&mut Pilot::default(), Mode::Autonomous, Some(4.0)), Drive::SpeedCap(4.0));
    }

    #[test]
    fn a_person_who_takes_over_keeps_the_present_speed_until_he_says_otherwise() {
        let mut pilot = Pilot::default();
        assert_eq!(last(&mut pilot, Mode::Human { hold: false }, None), Drive::Human);
        assert_eq!(last(&mut pilot, Mode::Human { hold: false }, None), Drive::Human);
    }

    #[test]
    fn resume_after_a_hold_or_a_cap_drives_on() {
        for limited in [(Mode::Human { hold: true }, None), (Mode::Human { hold: false }, Some(3.0))] {
            let mut pilot = Pilot::default();
            last(&mut pilot, limited.0, limited.1);
            assert_eq!(last(&mut pilot, Mode::Human { hold: false }, None), Drive::SpeedCap(WANTED));
            assert_eq!(last(&mut pilot, Mode::Human { hold: false }, None), Drive::SpeedCap(WANTED));
            assert_eq!(last(&mut pilot, Mode::Neutral, None), Drive::Neutral);
            assert_eq!(last(&mut pilot, Mode::Human { hold: false }, None), Drive::SpeedCap(WANTED));
        }
    }

    #[test]
    fn what_the_latency_allows_is_no_order_to_drive_and_its_end_sets_nobody_free() {
        let mut pilot = Pilot::default();
        let person = Mode::Human { hold: false };
        let limited = Directive { ordered_cap_mps: None, ..directive(person, Some(11.0)) };
        assert_eq!(pilot.obey(limited, WANTED).1, Drive::Human);
        assert_eq!(last(&mut pilot, person, None), Drive::Human, "nobody said that it may drive on");
        let ordered = Directive { speed_cap_mps: Some(11.0), ..directive(person, Some(13.0)) };
        assert_eq!(pilot.obey(ordered, WANTED).1, Drive::SpeedCap(13.0), "the world keeps to 11");
    }

    #[test]
    fn hands_on_the_controls_are_passed_on_with_the_cap_that_is_in_force() {
        let hands = Mode::Manual { steer: 0.25, accelerate: -1.0 };
        let mut pilot = Pilot::default();
        for cap_mps in [None, Some(5.0)] {
            let drive = Drive::Manual { steer: 0.25, accelerate: -1.0, cap_mps };
            assert_eq!(last(&mut pilot, hands, cap_mps), drive);
        }
        assert_eq!(last(&mut pilot, Mode::Neutral, Some(5.0)), Drive::Neutral, "the dead-man");
    }

    #[test]
    fn resume_after_driving_by_hand_drives_on() {
        let mut pilot = Pilot::default();
        last(&mut pilot, Mode::Manual { steer: 0.0, accelerate: -1.0 }, None);
        last(&mut pilot, Mode::Neutral, None);
        assert_eq!(last(&mut pilot, Mode::Human { hold: false }, None), Drive::SpeedCap(WANTED));
    }

    #[test]
    fn what_one_person_lifted_means_nothing_to_the_next() {
        let mut pilot = Pilot::default();
        last(&mut pilot, Mode::Human { hold: true }, None);
        last(&mut pilot, Mode::Human { hold: false }, None);
        last(&mut pilot, Mode::Autonomous, None);
        assert_eq!(last(&mut pilot, Mode::Human { hold: false }, None), Drive::Human);
    }

    #[test]
    fn leaving_an_emergency_stop_unlatches_the_vehicle_and_keeps_it_standing() {
        let mut pilot = Pilot::default();
        assert_eq!(pilot.obey(directive(Mode::Estop, None), WANTED), (None, Drive::Estop));
        assert_eq!(pilot.obey(directive(Mode::Held, None), WANTED), (Some(Drive::Autonomous), Drive::Hold));
        assert_eq!(pilot.obey(directive(Mode::Held, None), WANTED), (None, Drive::Hold));
    }
}
