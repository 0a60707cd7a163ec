//! Manual driving: the hands are obeyed within what the vehicle can do, and nothing they do breaks the world.

use crate::{alone, play_for, play_until, scenario, secs, vehicle};
use watchkeeper_simulator::world::{LANE_WIDTH_METERS, Lane, MANUAL_BRAKING_MPS2, MANUAL_TOP_MPS};
use watchkeeper_simulator::{Drive, World};

const ROLLING: Drive = hands(0.0, 0.0);

const fn hands(steer: f64, accelerate: f64) -> Drive {
    Drive::Manual { steer, accelerate, cap_mps: None }
}

fn driving() -> World {
    let mut world = World::new(&alone(), 1);
    play_until(&mut world, secs(10.0));
    world
}

#[test]
fn the_wheel_moves_the_vehicle_to_its_side_and_straight_ahead_follows_the_bend() {
    for (steer, side) in [(0.2, 1.0), (-0.2, -1.0)] {
        let mut world = driving();
        world.set_drive(0, ROLLING);
        let before = vehicle(&world, 0).offset_meters();
        play_for(&mut world, secs(3.0));
        let rolled = vehicle(&world, 0).offset_meters() - before;
        assert!(rolled.abs() < 0.3, "straight ahead it left its line by {rolled} m");
        world.set_drive(0, hands(steer, 0.0));
        play_for(&mut world, secs(0.8));
        let moved = vehicle(&world, 0).offset_meters() - before;
        assert!(moved * side > 0.1, "steered {steer}, moved {moved} m");
    }
}

#[test]
fn the_brake_brings_it_to_a_standstill_within_its_bound_and_the_pedal_off_again() {
    let mut world = driving();
    world.set_drive(0, hands(0.0, -1.0));
    let begin = world.time();
    let mut hardest: f64 = 0.0;
    while vehicle(&world, 0).speed_mps() > 0.0 {
        world.step();
        hardest = hardest.max(-vehicle(&world, 0).acceleration_mps2());
        assert!(world.time() < begin + secs(8.0), "it never stood");
    }
    assert!(hardest <= MANUAL_BRAKING_MPS2 + 1e-9 && hardest > 3.9, "{hardest}");
    play_for(&mut world, secs(2.0));
    assert!(vehicle(&world, 0).speed_mps() < 1e-9, "it stands as long as the brake is down");
    world.set_drive(0, hands(0.0, 1.0));
    play_for(&mut world, secs(3.0));
    let speed = vehicle(&world, 0).speed_mps();
    assert!((4.0..=6.0).contains(&speed), "2 m/s2 for 3 s: {speed}");
}

#[test]
fn half_a_brake_brakes_half() {
    let mut world = driving();
    world.set_drive(0, hands(0.0, -0.5));
    play_for(&mut world, secs(1.5));
    let braking = -vehicle(&world, 0).acceleration_mps2();
    assert!((braking - MANUAL_BRAKING_MPS2 / 2.0).abs() < 1e-6, "{braking}");
}

#[test]
fn a_cap_holds_whatever_the_pedal_says() {
    for (cap_mps, limit) in [(Some(5.0), 5.0), (None, MANUAL_TOP_MPS), (Some(0.0), 0.0)] {
        let mut world = driving();
        world.set_drive(0, Drive::Manual { steer: 0.0, accelerate: 1.0, cap_mps });
        play_for(&mut world, secs(40.0));
        let speed = vehicle(&world, 0).speed_mps();
        assert!(speed <= limit + 0.05, "{speed} above {limit}");
        assert!(speed > limit - 0.5, "{speed} far below {limit}");
    }
}

#[test]
fn nothing_that_hands_do_takes_it_off_the_map() {
    for steer in [1.0, -1.0] {
        for accelerate in [1.0, 0.2, -1.0] {
            let mut world = driving();
            world.set_drive(0, hands(steer, accelerate));
            for _ in 0..3_000 {
                world.step();
                let vehicle = vehicle(&world, 0);
                assert!(vehicle.offset_meters().abs() < LANE_WIDTH_METERS, "{}", vehicle.offset_meters());
                assert!(vehicle.pose().x_meters.is_finite() && vehicle.speed_mps().is_finite());
                assert!(vehicle.speed_mps() >= 0.0);
            }
        }
    }
}

#[test]
fn scraping_along_the_rail_costs_speed() {
    let mut world = driving();
    let before = vehicle(&world, 0).speed_mps();
    world.set_drive(0, hands(-1.0, 0.0));
    play_for(&mut world, secs(4.0));
    let after = vehicle(&world, 0).speed_mps();
    assert!(after < before - 2.0, "{before} then {after}");
}

#[test]
fn hands_that_make_no_sense_do_nothing() {
    let mut world = driving();
    let before = vehicle(&world, 0).offset_meters();
    world.set_drive(0, hands(f64::NAN, f64::INFINITY));
    play_for(&mut world, secs(2.0));
    assert!((vehicle(&world, 0).offset_meters() - before).abs() < 0.3);
    assert!(vehicle(&world, 0).speed_mps().is_finite());
}

#[test]
fn left_neutral_it_returns_to_its_lane_slows_down_and_stands_there() {
    let mut world = driving();
    world.set_drive(0, hands(0.25, 0.0));
    play_for(&mut world, secs(0.8));
    world.set_drive(0, ROLLING);
    play_for(&mut world, secs(0.4));
    let lane = vehicle(&world, 0).lane();
    world.set_drive(0, Drive::Neutral);
    let mut last = vehicle(&world, 0).speed_mps();
    for _ in 0..600 {
        world.step();
        let speed = vehicle(&world, 0).speed_mps();
        assert!(speed <= last + 0.05, "it speeds up");
        last = speed;
    }
    let off = vehicle(&world, 0).offset_meters() - lane.centre_meters();
    assert!(last < 1e-9 && off.abs() < 0.5, "{off} m beside its lane at {last} m/s");
}

#[test]
fn after_a_change_of_lane_by_hand_the_autopilot_keeps_the_new_lane() {
    let mut world = driving();
    assert_eq!(vehicle(&world, 0).lane(), Lane::Right);
    world.set_drive(0, hands(0.15, 0.0));
    while vehicle(&world, 0).offset_meters() < 1.0 {
        world.step();
    }
    world.set_drive(0, Drive::Autonomous);
    play_for(&mut world, secs(5.0));
    assert_eq!(vehicle(&world, 0).lane(), Lane::Left);
    assert!((vehicle(&world, 0).offset_meters() - Lane::Left.centre_meters()).abs() < 0.5);
}

#[test]
fn the_same_hands_drive_the_same_way() {
    let run = || {
        let mut world = World::new(&scenario("vehicles = 4"), 7);
        for step in 0..1_500_u32 {
            if step % 10 == 0 {
                let phase = f64::from(step % 200) / 100.0 - 1.0;
                world.set_drive(1, hands(phase * 0.3, 1.0 - phase.abs()));
            }
            world.step();
        }
        let place = |index| (vehicle(&world, index).pose(), vehicle(&world, index).speed_mps());
        [place(0), place(1), place(2), place(3)]
    };
    assert_eq!(run(), run());
}

#[test]
fn who_drives_into_the_one_ahead_collides_and_the_judge_saw_it() {
    let mut world = World::new(&scenario("vehicles = 2\nheadway_meters = 60\ndesired_speed_spread = 0"), 3);
    play_until(&mut world, secs(2.0));
    world.set_drive(0, Drive::Hold);
    world.set_drive(1, hands(0.0, 1.0));
    play_for(&mut world, secs(30.0));
    assert_eq!(world.outcome().collisions, 1);
    assert!(vehicle(&world, 1).has_crashed());
}
