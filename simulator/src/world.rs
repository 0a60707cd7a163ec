//! The world: vehicles on a ring road, moved in fixed steps.
//!
//! Order within a step: faults begin and end, every vehicle computes its command from the same instant,
//! all move, the judge looks, and on each full tenth of a second every vehicle senses and decides. Sensing
//! does not depend on the length of a step, so a finer step plays the same noise.

mod control;
mod decision;
mod drive;
mod faults;
mod following;
mod motion;
mod outcome;
mod random;
mod road;
mod sensors;
mod status;
mod traffic;
mod trigonometry;
mod vehicle;

pub use decision::{Action, Alternative, DecisionDraft, PlanPoint};
pub use drive::{
    COMFORTABLE_STOP_MPS2, Drive, EMERGENCY_MPS2, HOLD_MPS2, MANUAL_ACCELERATION_MPS2, MANUAL_BRAKING_MPS2,
    MANUAL_TOP_MPS, Manoeuvre, NEUTRAL_MPS2, PULL_OVER_MPS2,
};
pub use faults::FaultTruth;
pub use motion::{BRAKING_MAX_MPS2, LENGTH_METERS, WIDTH_METERS};
pub use outcome::{Event, EventKind, HARD_BRAKING_MPS2, NEAR_MISS_GAP_METERS, NEAR_MISS_TTC_SECS, Outcome};
pub use road::{LANE_WIDTH_METERS, Lane, Pose};
pub use sensors::{SIGNALS, Signal};
pub use status::{STANDSTILL_MPS, VehicleStatus};
pub use traffic::SENSOR_REACH_METERS;
pub use vehicle::Vehicle;

use crate::scenario::Scenario;
use faults::{Effects, FaultLine};
use outcome::Judge;
use random::{Purpose, Random};
use road::Road;
use sensors::Reading;
use std::time::Duration;
use traffic::Body;

/// Time between two decisions of a vehicle.
pub const DECISION_PERIOD: Duration = Duration::from_millis(100);
/// How far a vehicle's start may differ from the regular formation, metres.
const PLACEMENT_METERS: f64 = 2.0;

/// A scenario being played with one seed.
#[derive(Debug, Clone)]
pub struct World {
    road: Road,
    step: Duration,
    now: Duration,
    vehicles: Vec<Vehicle>,
    faults: Vec<FaultLine>,
    judge: Judge,
}

impl World {
    /// Sets the scene; the first decisions are made at time zero.
    pub fn new(scenario: &Scenario, seed: u64) -> Self {
        let road = Road::ring(scenario.circumference_meters);
        let vehicles = (0..scenario.vehicles).map(|index| place(scenario, seed, index, &road)).collect();
        let mut world = Self {
            road,
            step: scenario.step,
            now: Duration::ZERO,
            vehicles,
            faults: scenario.faults.iter().cloned().map(FaultLine::new).collect(),
            judge: Judge::default(),
        };
        world.play_faults();
        world.sense_and_decide();
        world
    }

    /// Plays one step.
    pub fn step(&mut self) {
        self.play_faults();
        let step_secs = self.step.as_secs_f64();
        for vehicle in &mut self.vehicles {
            let command = control::command(vehicle, &self.road, self.now);
            vehicle.motion.advance(command, &self.road, step_secs);
            let motion = vehicle.motion;
            vehicle.pose =
                self.road.pose(motion.station_meters, motion.offset_meters, motion.heading_error_rad);
            vehicle.keep_clocks(self.step);
        }
        self.now += self.step;
        self.see_leaders();
        for (behind, ahead) in self.judge.observe(&self.vehicles, &self.road, self.now) {
            self.crash(behind, ahead);
        }
        if self.decides_now() {
            self.sense_and_decide();
        }
    }

    /// Returns the time since the start of the run.
    pub fn time(&self) -> Duration {
        self.now
    }

    /// Returns the length of a step.
    pub fn step_length(&self) -> Duration {
        self.step
    }

    /// Returns whether every vehicle decided at the present instant.
    pub fn decides_now(&self) -> bool {
        self.now.as_nanos().is_multiple_of(DECISION_PERIOD.as_nanos())
    }

    /// Returns the vehicles, by index.
    pub fn vehicles(&self) -> &[Vehicle] {
        &self.vehicles
    }

    /// Tells a vehicle what to do from now on. Returns whether there is such a vehicle.
    pub fn set_drive(&mut self, index: usize, drive: Drive) -> bool {
        let Some(vehicle) = self.vehicles.get_mut(index) else { return false };
        vehicle.set_drive(drive, self.now);
        true
    }

    /// Limits the speed of a vehicle in m/s while it is driven by [`Drive::SpeedCap`], [`Drive::Human`] or
    /// [`Drive::Manual`], whatever these ask for; `None` lifts the limit. A limit that is no speed stands for 0. Returns
    /// false where there is no such vehicle.
    pub fn limit_speed(&mut self, index: usize, limit_mps: Option<f64>) -> bool {
        let Some(vehicle) = self.vehicles.get_mut(index) else { return false };
        vehicle.limit_mps = limit_mps.map(|limit| if limit.is_finite() { limit.max(0.0) } else { 0.0 });
        true
    }

    /// Turns the hazard lights of a vehicle on or off; a stop shows them whatever was said. Returns whether there is such
    /// a vehicle.
    pub fn set_hazard_lights(&mut self, index: usize, on: bool) -> bool {
        let Some(vehicle) = self.vehicles.get_mut(index) else { return false };
        vehicle.lit_since = on.then(|| vehicle.lit_since.unwrap_or(self.now));
        true
    }

    /// Returns the length of the ring, metres.
    pub fn circumference_meters(&self) -> f64 {
        self.road.circumference_meters
    }

    /// Returns how far ahead of a vehicle a place lies, metres along the line between the lanes: the place on the ring that
    /// is nearest to it. `None` when there is no such vehicle.
    pub fn meters_to(&self, index: usize, x_meters: f64, y_meters: f64) -> Option<f64> {
        let vehicle = self.vehicles.get(index)?;
        let station_meters = y_meters.atan2(x_meters) * self.road.radius_meters;
        Some(self.road.wrap(station_meters - vehicle.motion.station_meters))
    }

    /// Returns the last decision of a vehicle, made within the last tenth of a second. `None` when the
    /// vehicle has fallen silent, or there is no such vehicle.
    pub fn decide(&self, index: usize) -> Option<DecisionDraft> {
        let vehicle = self.vehicles.get(index)?;
        (!vehicle.effects.silent).then(|| vehicle.decision.clone())
    }

    /// Returns the state of a vehicle's control; `None` when there is no such vehicle.
    pub fn status(&self, index: usize) -> Option<VehicleStatus> {
        self.vehicles.get(index).map(|vehicle| VehicleStatus::of(vehicle, self.step, self.now))
    }

    /// Returns what has happened so far.
    pub fn outcome(&self) -> &Outcome {
        &self.judge.outcome
    }

    /// Returns the scenario's faults with the windows in which they were really active.
    pub fn truth(&self) -> impl Iterator<Item = &FaultTruth> {
        self.faults.iter().map(|fault| &fault.truth)
    }

    fn bodies(&self) -> Vec<Body> {
        self.vehicles.iter().map(|vehicle| vehicle.body(self.now)).collect()
    }

    fn see_leaders(&mut self) {
        let bodies = self.bodies();
        for (index, vehicle) in self.vehicles.iter_mut().enumerate() {
            vehicle.leader = traffic::leader(&bodies, index, &self.road);
        }
    }

    fn play_faults(&mut self) {
        for vehicle in &mut self.vehicles {
            vehicle.effects = Effects::default();
        }
        for fault in &mut self.faults {
            let Some(vehicle) = self.vehicles.get_mut(fault.truth.fault.vehicle) else { continue };
            fault.handle_time(&vehicle.reading, vehicle.decision.confidence, vehicle.still_for, self.now);
            fault.add_to(&mut vehicle.effects, self.now);
        }
    }

    fn sense_and_decide(&mut self) {
        self.see_leaders();
        let mut bodies = self.bodies();
        for (index, vehicle) in self.vehicles.iter_mut().enumerate() {
            vehicle.reading = Reading::take(&vehicle.motion, vehicle.leader, &mut vehicle.sensor_noise);
            for (signal, value) in &vehicle.effects.frozen {
                vehicle.reading.replace(*signal, *value);
            }
            control::move_across(vehicle, &mut bodies, index, &self.road, self.now);
            if vehicle.effects.frozen_policy {
                vehicle.decision.made_at = self.now;
            } else {
                vehicle.decision = DecisionDraft::make(vehicle, &self.road, self.now);
            }
        }
    }

    fn crash(&mut self, behind: usize, ahead: usize) {
        let speed = |index: usize| self.vehicles.get(index).map_or(0.0, |vehicle| vehicle.motion.speed_mps);
        let shared_mps = f64::midpoint(speed(behind), speed(ahead));
        for index in [behind, ahead] {
            if let Some(vehicle) = self.vehicles.get_mut(index) {
                vehicle.crash(shared_mps, self.now);
            }
        }
    }
}

/// Places one vehicle: the first drives ahead, every fourth on the left.
fn place(scenario: &Scenario, seed: u64, index: usize, road: &Road) -> Vehicle {
    let start = scenario.starts.get(&index);
    let mut random = Random::stream(seed, index, Purpose::Placement);
    let shift = random.symmetric() * PLACEMENT_METERS;
    let share = 1.0 + random.symmetric() * scenario.desired_speed_spread;
    let wanted_mps =
        start.and_then(|start| start.desired_speed_mps).unwrap_or(scenario.desired_speed_mps * share);
    let usual = if index % 4 == 2 { Lane::Left } else { Lane::Right };
    let lane = start.and_then(|start| start.lane).unwrap_or(usual);
    let station_meters = road.wrap(shift - index as f64 * scenario.headway_meters);
    Vehicle::place(seed, index, station_meters, lane, wanted_mps, road)
}
