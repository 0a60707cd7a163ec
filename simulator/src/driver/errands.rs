//! What people tell a vehicle to do beyond driving: its hazard lights, and places to go to.

use crate::world::{Drive, HOLD_MPS2, World};
use watchkeeper_client::{Directive, Mode, Task, TaskEvent};
use watchkeeper_model::{CommandId, PlanPoint, TaskReport, TaskVerb};

/// What a simulated vehicle does when a person says so.
pub const TASKS: [TaskVerb; 2] = [TaskVerb::Hazards, TaskVerb::Goto];

/// Added to the way that braking takes: what passes until the brakes have built up, metres.
const BRAKE_EARLIER_METERS: f64 = 3.0;
/// It has arrived when it stands no farther than this from the place, metres: two lengths of a car. Ours.
const ARRIVED_METERS: f64 = 10.0;

/// What becomes of a task: which, how it goes, and why it cannot be done.
pub type Told = (CommandId, TaskReport, Option<&'static str>);

/// The tasks of one vehicle.
#[derive(Clone, Debug, Default)]
pub struct Errands {
    going: Option<Going>,
    lit: bool,
    mode: Option<Mode>,
}

#[derive(Clone, Debug)]
struct Going {
    /// `None` once it has arrived: it stands there.
    command_id: Option<CommandId>,
    place: PlanPoint,
    /// How far it was when it began, metres along the road.
    began_meters: f64,
    brakes: bool,
    /// What was last said, per cent.
    told: Option<u8>,
}

impl Errands {
    /// Takes a task of the vehicle `index`, or the end of one.
    pub fn handle(&mut self, event: TaskEvent, world: &mut World, index: usize) -> Option<Told> {
        match event {
            TaskEvent::Over(command_id) => {
                self.going.take_if(|going| going.command_id == Some(command_id));
                None
            }
            TaskEvent::New(task) => {
                let Task { command_id, verb, args } = *task;
                match (verb, args.path.first().copied()) {
                    (TaskVerb::Hazards, _) => {
                        self.lit = world.set_hazard_lights(index, true);
                        Some((command_id, TaskReport::Done, None))
                    }
                    (TaskVerb::Goto, Some(place)) => {
                        let before = self.going.take().and_then(|going| going.command_id);
                        let began_meters = world.meters_to(index, place.x_meters, place.y_meters)?;
                        let command_id = Some(command_id);
                        self.going =
                            Some(Going { command_id, place, began_meters, brakes: false, told: None });
                        before.map(|id| (id, TaskReport::Failed, Some("sent to another place meanwhile")))
                    }
                    _ => {
                        Some((command_id, TaskReport::Failed, Some("a simulated vehicle does no such thing")))
                    }
                }
            }
        }
    }

    /// Returns what the vehicle `index` is to do instead of `drive`, which its directive means, and what to say of its
    /// task. It goes to a place only while a person lets it drive on.
    pub fn drive(
        &mut self,
        directive: Directive,
        drive: Drive,
        world: &mut World,
        index: usize,
    ) -> (Drive, Option<Told>) {
        let goes_on = directive.mode == (Mode::Human { hold: false });
        let changed = self.mode.replace(directive.mode) != Some(directive.mode);
        if self.lit && changed && (goes_on || directive.mode == Mode::Autonomous) {
            self.lit = !world.set_hazard_lights(index, false);
        }
        // Where it has arrived it stands until somebody or something else leads.
        self.going.take_if(|going| going.command_id.is_none() && !goes_on);
        // It is taken up at once, also where it waits for a person to let it drive on.
        if let Some(Going { command_id: Some(command_id), told: told @ None, .. }) = &mut self.going {
            *told = Some(0);
            return (drive, Some((*command_id, TaskReport::Underway(Some(0)), None)));
        }
        let Some(going) = self.going.as_mut().filter(|_| goes_on) else { return (drive, None) };
        let (x, y) = (going.place.x_meters, going.place.y_meters);
        let (Some(vehicle), Some(left)) = (world.vehicles().get(index), world.meters_to(index, x, y)) else {
            return (drive, None);
        };
        let speed = vehicle.speed_mps();
        going.brakes |= left <= speed * speed / (2.0 * HOLD_MPS2) + BRAKE_EARLIER_METERS;
        let Some(command_id) = going.command_id else { return (Drive::Hold, None) };
        if !going.brakes {
            let done = percent(1.0 - left / going.began_meters.max(1.0));
            // Every tenth of the way is said.
            let news = going.told.is_none_or(|told| done >= told.saturating_add(10));
            going.told = if news { Some(done) } else { going.told };
            return (drive, news.then_some((command_id, TaskReport::Underway(Some(done)), None)));
        }
        if !world.status(index).is_some_and(|status| status.standstill) {
            return (Drive::Hold, None);
        }
        going.command_id = None;
        let missed = left.min(world.circumference_meters() - left);
        let report = if missed <= ARRIVED_METERS {
            (command_id, TaskReport::Done, None)
        } else {
            (command_id, TaskReport::Failed, Some("it stopped elsewhere: something stood in the way"))
        };
        (Drive::Hold, Some(report))
    }
}

/// Returns a share in per cent, 0 to 99: what is not done yet is never 100.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to what fits")]
fn percent(share: f64) -> u8 {
    (share * 100.0).clamp(0.0, 99.0) as u8
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Scenario;
    use uuid::Uuid;
    use watchkeeper_model::CommandArgs;

    const PERSON: Directive =
        Directive { mode: Mode::Human { hold: false }, speed_cap_mps: None, ordered_cap_mps: None };
    const ID: CommandId = CommandId(Uuid::from_u128(7));

    fn alone() -> World {
        let text = include_str!("../../scenarios/ring-calm.toml");
        let mut scenario = Scenario::parse(text).unwrap();
        scenario.vehicles = 1;
        World::new(&scenario, 1)
    }

    fn task(verb: TaskVerb, path: Vec<PlanPoint>) -> TaskEvent {
        let args = CommandArgs { path, ..CommandArgs::default() };
        TaskEvent::New(Box::new(Task { command_id: ID, verb, args }))
    }

    /// A quarter of the ring further on than the start.
    fn quarter(world: &World) -> PlanPoint {
        let reach = world.circumference_meters() / std::f64::consts::TAU;
        PlanPoint { x_meters: 0.0, y_meters: reach }
    }

    /// Plays until the vehicle has driven a whole round; returns what was said.
    fn play(errands: &mut Errands, world: &mut World, directive: Directive) -> Vec<Told> {
        let mut told = Vec::new();
        for _ in 0..12_000 {
            let (drive, said) = errands.drive(directive, Drive::SpeedCap(12.0), world, 0);
            world.set_drive(0, drive);
            world.step();
            told.extend(said);
        }
        told
    }

    #[test]
    fn a_vehicle_goes_to_the_place_says_how_far_it_is_and_stands_there() {
        let (mut errands, mut world) = (Errands::default(), alone());
        let place = quarter(&world);
        assert_eq!(errands.handle(task(TaskVerb::Goto, vec![place]), &mut world, 0), None);
        let told = play(&mut errands, &mut world, PERSON);
        let (last, before) = told.split_last().unwrap();
        assert_eq!(*last, (ID, TaskReport::Done, None));
        assert!(before.len() >= 8, "{before:?}");
        assert!(before.iter().all(|(_, report, _)| matches!(report, TaskReport::Underway(Some(0..=99)))));
        let pose = world.vehicles()[0].pose();
        let away = (pose.x_meters - place.x_meters).hypot(pose.y_meters - place.y_meters);
        assert!(away < ARRIVED_METERS && world.vehicles()[0].speed_mps() < 0.1, "{away} m away");
        // Another leader, and back: it is free again.
        errands.drive(Directive { mode: Mode::Human { hold: true }, ..PERSON }, Drive::Hold, &mut world, 0);
        assert_eq!(errands.drive(PERSON, Drive::Human, &mut world, 0), (Drive::Human, None));
    }

    #[test]
    fn it_goes_nowhere_while_it_is_held_or_nobody_lets_it_drive_and_not_once_it_is_over() {
        let (mut errands, mut world) = (Errands::default(), alone());
        let place = quarter(&world);
        errands.handle(task(TaskVerb::Goto, vec![place]), &mut world, 0);
        let held = Directive { mode: Mode::Human { hold: true }, ..PERSON };
        let taken_up = Some((ID, TaskReport::Underway(Some(0)), None));
        assert_eq!(errands.drive(held, Drive::Hold, &mut world, 0), (Drive::Hold, taken_up));
        for mode in [Mode::Human { hold: true }, Mode::Autonomous, Mode::Estop] {
            let directive = Directive { mode, ..PERSON };
            assert_eq!(errands.drive(directive, Drive::Hold, &mut world, 0), (Drive::Hold, None));
        }
        errands.handle(TaskEvent::Over(ID), &mut world, 0);
        let told = play(&mut errands, &mut world, PERSON);
        assert_eq!(told, []);
        assert!(world.vehicles()[0].speed_mps() > 1.0, "nobody stops it");
    }

    #[test]
    fn a_second_place_takes_the_place_of_the_first() {
        let (mut errands, mut world) = (Errands::default(), alone());
        let place = quarter(&world);
        errands.handle(task(TaskVerb::Goto, vec![place]), &mut world, 0);
        let told = errands.handle(task(TaskVerb::Goto, vec![place]), &mut world, 0).unwrap();
        assert_eq!((told.0, told.1), (ID, TaskReport::Failed));
    }

    #[test]
    fn hazard_lights_ask_for_room_until_it_is_let_drive_on() {
        let (mut errands, mut world) = (Errands::default(), alone());
        errands.drive(Directive { mode: Mode::Autonomous, ..PERSON }, Drive::Autonomous, &mut world, 0);
        let told = errands.handle(task(TaskVerb::Hazards, vec![]), &mut world, 0);
        assert_eq!(told, Some((ID, TaskReport::Done, None)));
        assert!(world.vehicles()[0].shows_hazard_lights());
        errands.drive(Directive { mode: Mode::Autonomous, ..PERSON }, Drive::Autonomous, &mut world, 0);
        assert!(world.vehicles()[0].shows_hazard_lights(), "nothing has changed");
        errands.drive(Directive { mode: Mode::Human { hold: true }, ..PERSON }, Drive::Hold, &mut world, 0);
        assert!(world.vehicles()[0].shows_hazard_lights());
        errands.drive(PERSON, Drive::Human, &mut world, 0);
        world.set_drive(0, Drive::Human);
        assert!(!world.vehicles()[0].shows_hazard_lights());
    }
}
