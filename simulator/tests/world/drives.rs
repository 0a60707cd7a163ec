//! Each drive is obeyed, within its bound and the modelled distance.

use crate::{alone, named, play_for, play_until, scenario, secs, status, vehicle};
use watchkeeper_simulator::world::Manoeuvre;
use watchkeeper_simulator::{Drive, World};

/// Plays until the vehicle stands, at most a minute; returns the hardest braking, seconds and metres.
fn stop_with(world: &mut World, drive: Drive) -> (f64, f64, f64) {
    let (begin, from) = (world.time(), vehicle(world, 0).travelled_meters());
    world.set_drive(0, drive);
    let mut hardest: f64 = 0.0;
    while vehicle(world, 0).speed_mps() > 0.0 {
        world.step();
        hardest = hardest.max(-vehicle(world, 0).acceleration_mps2());
        assert!(world.time() < begin + secs(60.0), "{drive:?} never stopped the vehicle");
    }
    let time = world.time().saturating_sub(begin).as_secs_f64();
    (hardest, time, vehicle(world, 0).travelled_meters() - from)
}

fn driving() -> World {
    let mut world = World::new(&alone(), 1);
    play_until(&mut world, secs(10.0));
    assert!(vehicle(&world, 0).speed_mps() > 13.0);
    world
}

#[test]
fn every_stop_keeps_its_bound_and_uses_it() {
    let bounds = [
        (Drive::Hold, 2.5),
        (Drive::Neutral, 2.0),
        (Drive::Fallback(Manoeuvre::StandStill), 4.0),
        (Drive::Fallback(Manoeuvre::Comfortable), 4.0),
        (Drive::Fallback(Manoeuvre::PullOver), 2.5),
        (Drive::Fallback(Manoeuvre::Emergency), 8.0),
        (Drive::Estop, 8.0),
    ];
    for (drive, bound) in bounds {
        let (hardest, _, _) = stop_with(&mut driving(), drive);
        assert!(hardest <= bound + 1e-9 && hardest > bound * 0.8, "{drive:?}: {hardest} of {bound}");
    }
}

#[test]
fn a_comfortable_stop_takes_the_modelled_time_and_road() {
    for cap in [3.0, 8.0, 14.0] {
        let mut world = driving();
        world.set_drive(0, Drive::SpeedCap(cap));
        play_for(&mut world, secs(20.0));
        let modelled = status(&world, 0);
        let (_, time, distance) = stop_with(&mut world, Drive::Fallback(Manoeuvre::Comfortable));
        assert!(time <= modelled.stopping_time_secs + 0.021, "{time} of {modelled:?}");
        assert!(time > modelled.stopping_time_secs * 0.95, "{time} of {modelled:?}");
        assert!(distance <= modelled.stopping_distance_meters, "{distance} of {modelled:?}");
        assert!(distance > modelled.stopping_distance_meters * 0.9, "{distance} of {modelled:?}");
    }
}

#[test]
fn standstill_is_confirmed_half_a_second_after_it_is_reached() {
    let mut world = driving();
    stop_with(&mut world, Drive::Hold);
    assert!(!status(&world, 0).standstill);
    play_for(&mut world, secs(0.4));
    assert!(!status(&world, 0).condition_reached);
    play_for(&mut world, secs(0.12));
    assert!(status(&world, 0).standstill && status(&world, 0).condition_reached);
    let here = vehicle(&world, 0).travelled_meters();
    play_for(&mut world, secs(30.0));
    assert!((vehicle(&world, 0).travelled_meters() - here).abs() < 1e-9, "it stands");
}

#[test]
fn a_stop_is_seen_to_progress_within_the_time_to_verify_it() {
    for drive in [Drive::Hold, Drive::Fallback(Manoeuvre::Comfortable), Drive::Fallback(Manoeuvre::PullOver)]
    {
        let mut world = driving();
        world.set_drive(0, drive);
        world.step();
        assert!(!status(&world, 0).progressing, "{drive:?}: brakes build up first");
        play_for(&mut world, secs(0.78));
        while vehicle(&world, 0).speed_mps() > 0.0 {
            assert!(status(&world, 0).progressing, "{drive:?} at {:?}", world.time());
            world.step();
        }
    }
}

#[test]
fn a_speed_cap_is_kept_and_nonsense_means_hold() {
    let mut world = driving();
    world.set_drive(0, Drive::SpeedCap(6.0));
    play_for(&mut world, secs(15.0));
    let mut range: (f64, f64) = (f64::MAX, 0.0);
    while world.time() < secs(60.0) {
        world.step();
        let speed = vehicle(&world, 0).speed_mps();
        range = (range.0.min(speed), range.1.max(speed));
    }
    assert!(range.0 > 5.5 && range.1 <= 6.05, "{range:?}");
    for nonsense in [f64::NAN, f64::INFINITY, -3.0, 0.0] {
        let mut world = driving();
        world.set_drive(0, Drive::SpeedCap(nonsense));
        assert_eq!(vehicle(&world, 0).drive(), Drive::Hold);
    }
}

#[test]
fn a_person_without_a_setpoint_keeps_the_last_one() {
    let mut world = driving();
    world.set_drive(0, Drive::SpeedCap(5.0));
    play_for(&mut world, secs(20.0));
    world.set_drive(0, Drive::Human);
    play_for(&mut world, secs(20.0));
    assert!((vehicle(&world, 0).speed_mps() - 5.0).abs() < 0.3);
    world.set_drive(0, Drive::Hold);
    world.set_drive(0, Drive::Human);
    play_for(&mut world, secs(10.0));
    assert!(vehicle(&world, 0).speed_mps() < 0.1);
}

#[test]
fn a_person_who_has_said_nothing_keeps_the_present_speed_or_the_standstill() {
    let mut world = World::new(&alone(), 1);
    play_until(&mut world, secs(0.5));
    let present = vehicle(&world, 0).speed_mps();
    world.set_drive(0, Drive::Human);
    play_for(&mut world, secs(10.0));
    assert!((vehicle(&world, 0).speed_mps() - present).abs() < 0.5, "it would have gained speed");
    world.set_drive(0, Drive::Fallback(Manoeuvre::Comfortable));
    play_for(&mut world, secs(10.0));
    world.set_drive(0, Drive::Human);
    play_for(&mut world, secs(10.0));
    assert!(vehicle(&world, 0).speed_mps() < 0.1, "it must not start by itself");
}

#[test]
fn after_an_estop_only_autonomous_moves_the_vehicle() {
    let mut world = driving();
    stop_with(&mut world, Drive::Estop);
    let here = vehicle(&world, 0).travelled_meters();
    for drive in [Drive::SpeedCap(10.0), Drive::Human, Drive::Neutral, Drive::Hold] {
        world.set_drive(0, drive);
        play_for(&mut world, secs(5.0));
        assert!((vehicle(&world, 0).travelled_meters() - here).abs() < 1e-9, "{drive:?}");
    }
    world.set_drive(0, Drive::Autonomous);
    play_for(&mut world, secs(10.0));
    assert!(vehicle(&world, 0).speed_mps() > 8.0);
}

#[test]
fn an_estop_with_a_weaker_drive_after_it_still_brakes_fully() {
    let mut world = driving();
    world.set_drive(0, Drive::Estop);
    play_for(&mut world, secs(0.1));
    let (_, time, _) = stop_with(&mut world, Drive::SpeedCap(14.0));
    assert!(time < 2.6, "{time}");
}

#[test]
fn pulling_over_ends_at_the_right_edge_from_either_lane_and_resumes_to_the_lane() {
    for lane in ["right", "left"] {
        let text = format!("vehicles = 1\n[[vehicle]]\nindex = 0\nlane = \"{lane}\"");
        let mut world = World::new(&scenario(&text), 1);
        play_until(&mut world, secs(5.0));
        stop_with(&mut world, Drive::Fallback(Manoeuvre::PullOver));
        let side = vehicle(&world, 0).offset_meters() - 0.9;
        assert!((-3.5..-3.1).contains(&side), "its right side is at {side}, the edge at -3.5");
        world.set_drive(0, Drive::Autonomous);
        play_for(&mut world, secs(20.0));
        assert!((vehicle(&world, 0).offset_meters() + 1.75).abs() < 0.1);
    }
}

#[test]
fn a_standing_vehicle_does_not_start_in_order_to_pull_over() {
    let mut world = driving();
    stop_with(&mut world, Drive::Fallback(Manoeuvre::Comfortable));
    let here = vehicle(&world, 0).travelled_meters();
    world.set_drive(0, Drive::Fallback(Manoeuvre::PullOver));
    play_for(&mut world, secs(20.0));
    assert!((vehicle(&world, 0).travelled_meters() - here).abs() < 1e-9);
    assert!(status(&world, 0).progressing && status(&world, 0).condition_reached);
}

#[test]
fn hard_braking_is_not_stable_driving_and_cruising_is() {
    let mut world = driving();
    assert!(status(&world, 0).stable);
    world.set_drive(0, Drive::Estop);
    play_for(&mut world, secs(0.5));
    assert!(!status(&world, 0).stable);
}

#[test]
fn there_is_no_vehicle_beyond_the_last() {
    let mut world = World::new(&named("ring-calm"), 1);
    assert!(!world.set_drive(8, Drive::Hold));
    assert!(world.status(8).is_none() && world.decide(8).is_none());
}

#[test]
fn a_limit_holds_whatever_a_person_asks_for_and_asks_for_nothing_itself() {
    let limit = 8.0;
    let hands = Drive::Manual { steer: 0.0, accelerate: 1.0, cap_mps: None };
    for drive in [Drive::SpeedCap(12.0), Drive::Human, hands] {
        let mut world = driving();
        world.set_drive(0, drive);
        assert!(world.limit_speed(0, Some(limit)));
        play_for(&mut world, secs(15.0));
        let speed = vehicle(&world, 0).speed_mps();
        assert!((limit - 0.4..=limit + 0.05).contains(&speed), "{drive:?} at {speed}");
        // A slower order stays slower, and a lifted limit lets the order count again.
        world.limit_speed(0, None);
        play_for(&mut world, secs(15.0));
        assert!(vehicle(&world, 0).speed_mps() > 10.0, "{drive:?}");
    }
    let mut world = driving();
    world.set_drive(0, Drive::SpeedCap(5.0));
    world.limit_speed(0, Some(limit));
    play_for(&mut world, secs(15.0));
    assert!((vehicle(&world, 0).speed_mps() - 5.0).abs() < 0.3);
    // Who stands because of a hold stands under a limit, too.
    world.set_drive(0, Drive::Hold);
    play_for(&mut world, secs(10.0));
    assert!(vehicle(&world, 0).speed_mps() < 0.1);
}

#[test]
fn a_limit_that_is_no_speed_stops_what_a_person_drives_and_nothing_else() {
    for limit in [0.0, -1.0, f64::NAN, f64::INFINITY, 0.4] {
        let mut world = driving();
        world.limit_speed(0, Some(limit));
        play_for(&mut world, secs(5.0));
        assert!(vehicle(&world, 0).speed_mps() > 8.0, "it drives by itself");
        world.set_drive(0, Drive::Human);
        play_for(&mut world, secs(15.0));
        assert!(vehicle(&world, 0).speed_mps() < 0.1, "{limit}");
    }
    assert!(!driving().limit_speed(9, None));
}
