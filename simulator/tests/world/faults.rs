//! Each fault does what the scenario says, when it says.

use crate::{named, play_for, play_until, scenario, secs, status, vehicle};
use watchkeeper_simulator::headless::{Person, run, run_attended};
use watchkeeper_simulator::world::{Manoeuvre, Signal};
use watchkeeper_simulator::{Drive, World};

fn signal(world: &World, index: usize, signal: Signal) -> f64 {
    *world.decide(index).expect("not silent").signals.get(signal.index()).expect("one of seven")
}

#[test]
fn a_frozen_sensor_repeats_its_last_value_until_it_ends() {
    let fault = "vehicles = 2\n[[fault]]\nkind = \"frozen_sensor\"\nvehicle = 1\nsignal = \"front_range\"\nstart_secs = 5\nend_secs = 8";
    let mut world = World::new(&scenario(fault), 1);
    play_until(&mut world, secs(5.0));
    let last = signal(&world, 1, Signal::FrontRange);
    let mut others = std::collections::BTreeSet::new();
    while world.time() < secs(7.9) {
        world.step();
        assert_eq!(signal(&world, 1, Signal::FrontRange).to_bits(), last.to_bits());
        others.insert(signal(&world, 1, Signal::Gap).to_bits());
    }
    assert!(others.len() > 25, "the other signals live on");
    assert!(!status(&world, 1).can_resume);
    play_until(&mut world, secs(8.2));
    assert_ne!(signal(&world, 1, Signal::FrontRange).to_bits(), last.to_bits());
    assert!(status(&world, 1).can_resume);
    let truth = world.truth().next().unwrap();
    assert_eq!((truth.began, truth.ended), (Some(secs(5.0)), Some(secs(8.0))));
}

#[test]
fn a_falling_confidence_falls_at_its_rate_down_to_its_floor() {
    let fault = "vehicles = 1\n[[fault]]\nkind = \"falling_confidence\"\nvehicle = 0\nstart_secs = 2\nrate_per_sec = 0.2\nfloor = 0.3";
    let mut world = World::new(&scenario(fault), 1);
    let confidence = |world: &World| world.decide(0).unwrap().confidence;
    play_until(&mut world, secs(2.0));
    let before = confidence(&world);
    assert!(before > 0.9);
    play_until(&mut world, secs(4.0));
    assert!((confidence(&world) - (before - 0.4)).abs() < 0.03, "{}", confidence(&world));
    play_until(&mut world, secs(9.0));
    assert!((confidence(&world) - 0.3).abs() < 1e-9);
}

#[test]
fn a_phantom_brake_brakes_for_its_time_and_only_an_autonomous_vehicle() {
    let fault = "vehicles = 1\n[[fault]]\nkind = \"phantom_brake\"\nvehicle = 0\nstart_secs = 5\ndeceleration_mps2 = 5\nduration_secs = 1";
    for drive in [Drive::Autonomous, Drive::SpeedCap(20.0)] {
        let mut world = World::new(&scenario(fault), 1);
        world.set_drive(0, drive);
        play_until(&mut world, secs(5.0));
        let before = vehicle(&world, 0).speed_mps();
        play_until(&mut world, secs(5.8));
        let braking = -vehicle(&world, 0).acceleration_mps2();
        play_until(&mut world, secs(6.5));
        let lost = before - vehicle(&world, 0).speed_mps();
        if drive == Drive::Autonomous {
            assert!((braking - 5.0).abs() < 1e-9, "{braking}");
            assert!((4.0..5.5).contains(&lost), "{lost}");
            assert_eq!(world.outcome().hard_brakings, 1);
        } else {
            assert!(lost < 0.5 && world.outcome().hard_brakings == 0, "{lost}");
        }
        let truth = world.truth().next().unwrap();
        assert_eq!((truth.began, truth.ended), (Some(secs(5.0)), Some(secs(6.0))));
    }
}

#[test]
fn a_silent_vehicle_does_not_decide_but_still_drives() {
    let mut world = World::new(&named("ring-silent"), 1);
    play_until(&mut world, secs(9.9));
    assert!(world.decide(5).is_some());
    play_until(&mut world, secs(10.2));
    let before = vehicle(&world, 5).travelled_meters();
    while world.time() < secs(24.9) {
        world.step();
        assert!(world.decide(5).is_none() && world.decide(4).is_some());
    }
    assert!(vehicle(&world, 5).travelled_meters() > before + 100.0);
    assert!(!status(&world, 5).can_resume);
    play_until(&mut world, secs(25.2));
    assert!(world.decide(5).is_some());
}

#[test]
fn a_stuck_actuator_ignores_level_one_and_obeys_level_two() {
    let mut world = World::new(&named("ring-stuck-actuator"), 1);
    play_until(&mut world, secs(10.0));
    world.set_drive(2, Drive::Fallback(Manoeuvre::Comfortable));
    play_for(&mut world, secs(0.8));
    assert!(!status(&world, 2).progressing);
    play_for(&mut world, secs(5.0));
    assert!(!status(&world, 2).progressing);
    assert!(vehicle(&world, 2).speed_mps() > 10.0);
    world.set_drive(2, Drive::Fallback(Manoeuvre::PullOver));
    play_for(&mut world, secs(0.8));
    assert!(status(&world, 2).progressing);
    play_for(&mut world, secs(25.0));
    assert!(status(&world, 2).condition_reached);
    play_for(&mut world, secs(3.0));
    assert!(world.truth().all(|truth| truth.ended.is_some()), "stopping reset the actuator");
}

#[test]
fn the_main_scenario_is_calm_until_eight_seconds_and_doubts_itself_by_thirteen() {
    for seed in 0..30 {
        let mut world = World::new(&named("ring-frozen-sensor"), seed);
        while world.time() < secs(8.0) {
            world.step();
            assert!((0..8).all(|index| world.decide(index).unwrap().confidence > 0.9));
            assert!((0..8).all(|index| status(&world, index).can_resume), "seed {seed}, {:?}", world.time());
        }
        assert!(vehicle(&world, 3).gap_meters().is_some(), "there is a distance to misjudge");
        play_until(&mut world, secs(13.2));
        assert!(world.decide(3).unwrap().confidence < 0.4);
        let braked = world.outcome().events.iter().any(|event| event.vehicle == 3);
        assert!(braked, "the phantom brake is a hard braking");
    }
}

#[test]
fn stopping_resets_the_sensor_and_the_vehicle_can_be_handed_back() {
    let mut world = World::new(&named("ring-frozen-sensor"), 2);
    play_until(&mut world, secs(14.0));
    world.set_drive(3, Drive::Hold);
    while !status(&world, 3).standstill {
        world.step();
    }
    let stood = world.time();
    assert!(!status(&world, 3).can_resume);
    while !status(&world, 3).can_resume {
        world.step();
        assert!(world.time() < stood + secs(3.0), "the sensor never came back");
    }
    assert!(world.time() > stood + secs(2.3), "three seconds of standing, half a second of them to confirm");
    let ended = world.truth().filter(|truth| truth.ended.is_some()).count();
    assert_eq!(ended, 3);
    world.set_drive(3, Drive::Autonomous);
    play_for(&mut world, secs(20.0));
    assert!(vehicle(&world, 3).speed_mps() > 10.0);
    assert!(world.decide(3).unwrap().confidence > 0.9);
    assert_eq!(world.outcome().collisions, 0);
}

#[test]
fn a_person_prevents_the_collision_that_happens_without_one() {
    let scenario = named("ring-frozen-sensor");
    for seed in 0..30 {
        let (without, _) = run(&scenario, seed, scenario.duration());
        let (with, _) = run_attended(&scenario, seed, scenario.duration(), Person::default());
        assert!(without.collisions >= 1, "seed {seed}: {without:?}");
        assert_eq!((with.collisions, with.near_misses), (0, 0), "seed {seed}: {with:?}");
    }
}

#[test]
fn a_crashed_vehicle_stays_where_it_is() {
    let scenario = named("ring-frozen-sensor");
    let mut world = World::new(&scenario, 1);
    while world.outcome().collisions == 0 {
        world.step();
        assert!(world.time() < scenario.duration(), "no collision to look at");
    }
    play_for(&mut world, secs(5.0));
    assert!(vehicle(&world, 3).has_crashed() && vehicle(&world, 3).speed_mps() < 0.1);
    world.set_drive(3, Drive::Autonomous);
    play_for(&mut world, secs(5.0));
    assert!(vehicle(&world, 3).speed_mps() < 0.1);
    assert!(!status(&world, 3).can_resume);
}
