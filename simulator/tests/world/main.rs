//! The world through its public API: determinism, traffic, drives, faults, scenario files.

mod determinism;
mod drives;
mod faults;
mod manual;
mod scenarios;
mod traffic;

use std::time::Duration;
use watchkeeper_simulator::world::{Vehicle, World};
use watchkeeper_simulator::{Scenario, VehicleStatus};

/// A scenario of our own; `rest` is TOML that follows the head.
fn scenario(rest: &str) -> Scenario {
    let text = format!("name = \"test\"\ntitle = \"A test\"\n{rest}");
    Scenario::parse(&text).expect("a test's scenario is sound")
}

/// One vehicle alone on the ring.
fn alone() -> Scenario {
    scenario("vehicles = 1\ndesired_speed_spread = 0")
}

fn named(name: &str) -> Scenario {
    Scenario::named(name).expect("built in")
}

fn secs(secs: f64) -> Duration {
    Duration::from_secs_f64(secs)
}

fn play_until(world: &mut World, time: Duration) {
    while world.time() < time {
        world.step();
    }
}

fn play_for(world: &mut World, span: Duration) {
    let end = world.time() + span;
    play_until(world, end);
}

fn vehicle(world: &World, index: usize) -> &Vehicle {
    world.vehicles().get(index).expect("the vehicle exists")
}

fn status(world: &World, index: usize) -> VehicleStatus {
    world.status(index).expect("the vehicle exists")
}
