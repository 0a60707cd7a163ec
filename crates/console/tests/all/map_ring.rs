//! The committed map of the ring road is the road that the simulator's vehicles drive on.
#![allow(clippy::indexing_slicing, reason = "a test that indexes what is not there should stop there")]

use bevy::math::DVec2;
use std::{f64::consts::TAU, path::Path};
use watchkeeper_console::map::geojson::{self, Road};
use watchkeeper_simulator::{
    Scenario, World,
    world::{LANE_WIDTH_METERS, Lane},
};

/// How far the map may be from the simulator's road, metres.
const CLOSE_METERS: f64 = 0.5;
const CIRCUMFERENCE_METERS: f64 = 1000.0;

fn ring() -> Vec<Road> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../assets/maps/ring.geojson");
    geojson::read(&file).unwrap()
}

fn named(roads: &[Road], name: &str) -> Road {
    roads.iter().find(|road| road.name == name).unwrap_or_else(|| panic!("no road {name:?}")).clone()
}

/// How far a place is from the nearest part of a road, metres.
fn distance(road: &Road, place: DVec2) -> f64 {
    road.points
        .windows(2)
        .map(|pair| {
            let (from, way) = (pair[0], pair[1] - pair[0]);
            let along = ((place - from).dot(way) / way.length_squared()).clamp(0.0, 1.0);
            place.distance(from + way * along)
        })
        .fold(f64::INFINITY, f64::min)
}

#[test]
fn vehicles_of_the_simulator_drive_on_the_lanes_of_the_map() {
    let roads = ring();
    let lanes = [named(&roads, "ring, right lane"), named(&roads, "ring, left lane")];
    let scenario = Scenario::named("ring-calm").unwrap();
    let mut world = World::new(&scenario, 7);
    let mut seen = 0;
    for step in 0..4000 {
        world.step();
        if step % 50 != 0 {
            continue;
        }
        for vehicle in world.vehicles() {
            let (lane, road) = match vehicle.lane() {
                Lane::Right => (Lane::Right, &lanes[0]),
                Lane::Left => (Lane::Left, &lanes[1]),
            };
            let pose = vehicle.pose();
            let off_centre = (vehicle.offset_meters() - lane.centre_meters()).abs();
            let away = distance(road, DVec2::new(pose.x_meters, pose.y_meters));
            assert!((away - off_centre).abs() < CLOSE_METERS, "{pose:?} is {away} m from its lane's centre");
            seen += 1;
        }
    }
    assert!(seen > 100);
}

#[test]
fn lanes_and_edges_lie_where_the_simulator_has_them_all_around() {
    let roads = ring();
    let radius = CIRCUMFERENCE_METERS / TAU;
    for (name, offset, width) in [
        ("ring, right lane", Lane::Right.centre_meters(), LANE_WIDTH_METERS),
        ("ring, left lane", Lane::Left.centre_meters(), LANE_WIDTH_METERS),
        ("ring, outer edge", -LANE_WIDTH_METERS, 0.2),
        ("ring, inner edge", LANE_WIDTH_METERS, 0.2),
    ] {
        let road = named(&roads, name);
        assert!((road.width_meters - width).abs() < 1e-9, "{name}");
        for degree in 0..360 {
            let place = DVec2::from_angle(f64::from(degree).to_radians()) * (radius - offset);
            assert!(distance(&road, place) < CLOSE_METERS, "{name} at {degree} degrees");
        }
    }
}
