//! What a console does with what the monitor tells it of a hundred vehicles.

use crate::{TIMES, fleet::Fleet, vehicle};
use gungraun::{library_benchmark, library_benchmark_group};
use watchkeeper_model::MonoTime;
use watchkeeper_picture::Picture;
use watchkeeper_protocol::ToOperator;

library_benchmark_group!(name = fold, benchmarks = message);

/// A picture, and messages that are not folded yet or were.
type Told = (Picture, Vec<ToOperator>, MonoTime);

#[library_benchmark]
#[bench::telemetry(setup = telemetry, teardown = whole)]
#[bench::alert(setup = alerts, teardown = whole)]
#[bench::status(setup = statuses, teardown = whole)]
fn message((mut picture, messages, now): Told) -> Told {
    for message in &messages {
        picture.handle(message, now);
    }
    (picture, messages, now)
}

/// A console that was told everything so far.
fn watching() -> (Picture, Fleet) {
    let mut fleet = Fleet::settled();
    let mut picture = Picture::new();
    picture.handle_connected(fleet.now());
    fold_all(&mut picture, &fleet.take_told(), fleet.now());
    (picture, fleet)
}

fn fold_all(picture: &mut Picture, messages: &[ToOperator], now: MonoTime) {
    for message in messages {
        picture.handle(message, now);
    }
}

/// Each vehicle decides once.
fn telemetry() -> Told {
    let (picture, mut fleet) = watching();
    fleet.begin();
    for input in fleet.decisions(|_| {}) {
        fleet.tell(input);
    }
    only(picture, &mut fleet, |message| matches!(message, ToOperator::Telemetry(_)))
}

/// Each vehicle breaks the speed limit.
fn alerts() -> Told {
    let (picture, mut fleet) = watching();
    fleet.begin();
    for input in fleet.decisions(|decision| decision.signals[vehicle::SPEED] = 41.0) {
        fleet.tell(input);
    }
    only(picture, &mut fleet, |message| matches!(message, ToOperator::Alert(_)))
}

/// A second passes, in which the monitor says of each vehicle how it stands.
fn statuses() -> Told {
    let (picture, mut fleet) = watching();
    for _ in 0..10 {
        fleet.live();
    }
    only(picture, &mut fleet, |message| matches!(message, ToOperator::ControlStatus(_)))
}

/// Keeps the messages that are to be folded; the picture has seen whatever came before the first of them.
fn only(mut picture: Picture, fleet: &mut Fleet, is_wanted: fn(&ToOperator) -> bool) -> Told {
    let told = fleet.take_told();
    let before = told.iter().position(is_wanted).unwrap_or(told.len());
    fold_all(&mut picture, &told[..before], fleet.now());
    let messages: Vec<_> = told.into_iter().filter(is_wanted).collect();
    assert_eq!(messages.len(), TIMES, "one message of each vehicle");
    (picture, messages, fleet.now())
}

fn whole((picture, ..): Told) {
    assert!(picture.is_current(), "the console has missed something");
    assert_eq!(picture.agents().count(), TIMES);
}
