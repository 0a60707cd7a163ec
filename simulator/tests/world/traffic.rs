//! Vehicles among each other.

use crate::{named, play_for, play_until, scenario, secs, vehicle};
use std::fmt::Write;
use std::time::Duration;
use watchkeeper_simulator::world::{Lane, Manoeuvre, Vehicle};
use watchkeeper_simulator::{Drive, World};

#[test]
fn ten_calm_minutes_have_no_collision_over_twenty_seeds() {
    let scenario = named("ring-calm");
    let play = |seeds: std::ops::Range<u64>| {
        for seed in seeds {
            let mut world = World::new(&scenario, seed);
            let lanes: Vec<_> = world.vehicles().iter().map(Vehicle::lane).collect();
            play_until(&mut world, Duration::from_mins(1));
            let kept = world.vehicles().iter().zip(&lanes).all(|(vehicle, lane)| vehicle.lane() == *lane);
            assert!(kept, "seed {seed}: calm traffic keeps its lanes");
            play_until(&mut world, Duration::from_mins(10));
            let outcome = world.outcome();
            assert_eq!(
                (outcome.collisions, outcome.near_misses, outcome.hard_brakings),
                (0, 0, 0),
                "seed {seed}: {outcome:?}"
            );
            assert!(
                world.vehicles().iter().all(|vehicle| vehicle.travelled_meters() > 6_000.0),
                "seed {seed}"
            );
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(|| play(0..10));
        scope.spawn(|| play(10..20));
    });
}

#[test]
fn a_dip_in_speed_does_not_grow_along_a_string() {
    let mut text = String::from("vehicles = 12\nheadway_meters = 35\ndesired_speed_spread = 0\n");
    for index in 0..12 {
        writeln!(text, "[[vehicle]]\nindex = {index}\nlane = \"right\"").unwrap();
    }
    let mut undisturbed = World::new(&scenario(&text), 3);
    for index in 0..12 {
        undisturbed.set_drive(index, Drive::SpeedCap(13.0));
    }
    play_until(&mut undisturbed, secs(60.0));
    let mut disturbed = undisturbed.clone();
    disturbed.set_drive(0, Drive::SpeedCap(9.0));
    let mut dips = [0.0_f64; 12];
    while disturbed.time() < secs(240.0) {
        if disturbed.time() == secs(70.0) {
            disturbed.set_drive(0, Drive::SpeedCap(13.0));
        }
        disturbed.step();
        undisturbed.step();
        for (index, dip) in dips.iter_mut().enumerate() {
            *dip = dip.max(vehicle(&undisturbed, index).speed_mps() - vehicle(&disturbed, index).speed_mps());
        }
    }
    assert!(dips[0] > 3.5, "the leader really slowed down: {dips:?}");
    for pair in dips.windows(2) {
        assert!(pair[1] < pair[0], "{dips:?}");
    }
    assert!(disturbed.vehicles().iter().all(|vehicle| vehicle.speed_mps() > 12.0), "all recovered");
    assert_eq!(disturbed.outcome().near_misses, 0);
}

#[test]
fn a_fast_vehicle_overtakes_a_slow_one_on_the_left() {
    let text = "vehicles = 2\n[[vehicle]]\nindex = 0\ndesired_speed_mps = 7\n[[vehicle]]\nindex = 1\ndesired_speed_mps = 16";
    let mut world = World::new(&scenario(text), 1);
    let mut went_left = false;
    while world.time() < secs(60.0) {
        world.step();
        went_left |= vehicle(&world, 1).lane() == Lane::Left;
    }
    assert!(went_left);
    assert!(vehicle(&world, 1).travelled_meters() > vehicle(&world, 0).travelled_meters() + 200.0);
    assert_eq!(world.outcome().near_misses, 0, "{:?}", world.outcome());
}

#[test]
fn nobody_runs_into_a_vehicle_that_stops_at_level_one_and_all_get_past() {
    let scenario = named("ring-calm");
    for stopped in 0..8 {
        for seed in 0..4 {
            let mut world = World::new(&scenario, seed);
            play_until(&mut world, secs(10.0));
            world.set_drive(stopped, Drive::Fallback(Manoeuvre::Comfortable));
            play_for(&mut world, secs(110.0));
            let outcome = world.outcome();
            assert_eq!(
                (outcome.collisions, outcome.near_misses),
                (0, 0),
                "{stopped}, seed {seed}: {outcome:?}"
            );
            for (index, other) in world.vehicles().iter().enumerate().filter(|(index, _)| *index != stopped) {
                let travelled = other.travelled_meters();
                assert!(
                    travelled > 1_000.0,
                    "vehicle {index} got {travelled} m, {stopped} stood, seed {seed}"
                );
            }
        }
    }
}

#[test]
fn nobody_runs_into_a_vehicle_that_stops_with_everything_it_has() {
    let scenario = named("ring-calm");
    for stopped in 0..8 {
        let mut world = World::new(&scenario, 11);
        play_until(&mut world, secs(10.0));
        world.set_drive(stopped, Drive::Estop);
        play_for(&mut world, secs(60.0));
        assert_eq!(world.outcome().collisions, 0, "{stopped}: {:?}", world.outcome());
    }
}

#[test]
fn steering_never_asks_for_more_than_the_road_carries() {
    let mut world = World::new(&scenario("desired_speed_mps = 30\nvehicles = 4"), 2);
    let mut most: f64 = 0.0;
    while world.time() < secs(120.0) {
        world.step();
        for vehicle in world.vehicles() {
            most = most.max(vehicle.lateral_acceleration_mps2().abs());
            assert!(vehicle.offset_meters().abs() < 2.7, "{}", vehicle.offset_meters());
        }
    }
    assert!((2.0..=4.01).contains(&most), "{most}");
}

#[test]
fn decisions_come_ten_times_a_second_with_probabilities_and_a_plan() {
    let mut world = World::new(&named("ring-calm"), 6);
    let mut made = std::collections::BTreeSet::new();
    while world.time() < secs(20.0) {
        world.step();
        for index in 0..8 {
            let decision = world.decide(index).unwrap();
            made.insert((index, decision.made_at));
            assert!((0.93..=0.98).contains(&decision.confidence), "{}", decision.confidence);
            assert!((2..=3).contains(&decision.alternatives.len()));
            let sum: f64 = decision.alternatives.iter().map(|other| other.probability).sum();
            assert!(sum + decision.confidence <= 1.0, "{sum}");
            assert!((10..=20).contains(&decision.plan.len()), "{}", decision.plan.len());
        }
    }
    assert_eq!(made.len(), 8 * 201, "made at 0 s, 0.1 s, 0.2 s, ... 20 s");
    let decision = world.decide(0).unwrap();
    let first = decision.plan[0];
    let (dx, dy) = (first.x_meters - decision.pose.x_meters, first.y_meters - decision.pose.y_meters);
    let along = dx * decision.pose.heading_rad.cos() + dy * decision.pose.heading_rad.sin();
    assert!(along > 2.0 && dx.hypot(dy) - along < 0.3, "the plan leads ahead: {along}");
}
