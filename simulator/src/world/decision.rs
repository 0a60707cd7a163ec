//! What a vehicle decides, ten times a second: an action, how sure it is, and where it means to go.

use super::drive::Drive;
use super::road::{Lane, Pose, Road};
use super::sensors::Reading;
use super::status::STANDSTILL_MPS;
use super::vehicle::Vehicle;
use std::time::Duration;

/// Confidence of a healthy vehicle before noise; with the noise it lies within 0.93 to 0.98.
const NOMINAL: f64 = 0.955;
const NOMINAL_NOISE: f64 = 0.008;
const NOMINAL_SPREAD: f64 = 0.024;
/// Disagreement that noise explains, and confidence lost per unit beyond it, up to a limit each.
const RANGE_FREE_METERS: f64 = 0.8;
const RANGE_LOSS_PER_METER: f64 = 0.02;
const SPEED_FREE_MPS: f64 = 0.4;
const SPEED_LOSS_PER_MPS: f64 = 0.15;
const LOSS_LIMIT: f64 = 0.3;
/// Acceleration from which driving counts as accelerating or braking, m/s2.
const NOTICEABLE_MPS2: f64 = 0.4;
/// The plan has at most this many points, this far apart in time.
const PLAN_POINTS: u32 = 20;
const PLAN_STEP_SECS: f64 = 0.25;
/// Points closer together than this add nothing, metres.
const PLAN_SPACING_METERS: f64 = 0.2;

/// What a vehicle can decide to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Action {
    /// Go on as before.
    Keep,
    /// Gain speed.
    Accelerate,
    /// Lose speed.
    Brake,
    /// Change to the left lane.
    ChangeLeft,
    /// Change to the right lane.
    ChangeRight,
    /// Brake to a standstill.
    Stop,
    /// Stay at a standstill.
    Hold,
}

impl Action {
    /// Returns the action's name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Action::Keep => "keep",
            Action::Accelerate => "accelerate",
            Action::Brake => "brake",
            Action::ChangeLeft => "change_left",
            Action::ChangeRight => "change_right",
            Action::Stop => "stop",
            Action::Hold => "hold",
        }
    }
}

/// Something else the vehicle thought of.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Alternative {
    /// What.
    pub action: Action,
    /// How likely it is the better choice, 0 to 1.
    pub probability: f64,
}

/// A point of the planned path.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PlanPoint {
    /// East, metres.
    pub x_meters: f64,
    /// North, metres.
    pub y_meters: f64,
}

/// A decision as the vehicle made it, before anybody numbers and sends it.
#[derive(Debug, Clone, PartialEq)]
pub struct DecisionDraft {
    /// When it was made, from the start of the run.
    pub made_at: Duration,
    /// What the vehicle does.
    pub action: Action,
    /// How sure it is, 0 to 1.
    pub confidence: f64,
    /// Two or three other actions; with the confidence their probabilities sum to at most 1.
    pub alternatives: Vec<Alternative>,
    /// The signals in the order of [`super::SIGNALS`].
    pub signals: [f64; 7],
    /// Where the vehicle is.
    pub pose: Pose,
    /// Up to 20 points ahead, a quarter of a second apart; empty at standstill.
    pub plan: Vec<PlanPoint>,
}

impl DecisionDraft {
    /// Stands in until the first real decision, which is made before a world is handed out.
    pub(super) fn first(pose: Pose, signals: [f64; 7]) -> Self {
        Self {
            made_at: Duration::ZERO,
            action: Action::Keep,
            confidence: NOMINAL,
            alternatives: Vec::new(),
            signals,
            pose,
            plan: Vec::new(),
        }
    }

    pub(super) fn make(vehicle: &mut Vehicle, road: &Road, now: Duration) -> Self {
        let noise = vehicle.confidence_noise.gaussian() * NOMINAL_NOISE;
        let noise = noise.clamp(-NOMINAL_SPREAD, NOMINAL_SPREAD);
        let sure = (NOMINAL + noise - lost(&vehicle.reading)).clamp(0.0, 1.0);
        let confidence = vehicle.effects.confidence_ceiling.map_or(sure, |ceiling| sure.min(ceiling));
        let action = act(vehicle);
        let alternatives = others(action)
            .iter()
            .map(|(action, weight)| Alternative { action: *action, probability: (1.0 - confidence) * weight })
            .collect();
        Self {
            made_at: now,
            action,
            confidence,
            alternatives,
            signals: vehicle.reading.values,
            pose: vehicle.pose,
            plan: plan(vehicle, road),
        }
    }
}

fn lost(reading: &Reading) -> f64 {
    let range = (reading.range_residual_meters() - RANGE_FREE_METERS).max(0.0) * RANGE_LOSS_PER_METER;
    let speed = (reading.speed_residual_mps() - SPEED_FREE_MPS).max(0.0) * SPEED_LOSS_PER_MPS;
    range.min(LOSS_LIMIT) + speed.min(LOSS_LIMIT)
}

fn act(vehicle: &Vehicle) -> Action {
    let motion = &vehicle.motion;
    if motion.speed_mps < STANDSTILL_MPS && motion.acceleration_mps2 <= 0.0 {
        return Action::Hold;
    }
    if vehicle.effective.is_stop() {
        return Action::Stop;
    }
    if vehicle.is_changing_lane() && vehicle.effective == Drive::Autonomous {
        return match vehicle.lane {
            Lane::Left => Action::ChangeLeft,
            Lane::Right => Action::ChangeRight,
        };
    }
    if motion.acceleration_mps2 > NOTICEABLE_MPS2 {
        Action::Accelerate
    } else if motion.acceleration_mps2 < -NOTICEABLE_MPS2 {
        Action::Brake
    } else {
        Action::Keep
    }
}

/// Lists what else was thinkable, with its share of the doubt; the shares sum to 0.9.
fn others(action: Action) -> &'static [(Action, f64)] {
    match action {
        Action::Keep => &[(Action::Brake, 0.5), (Action::Accelerate, 0.3), (Action::ChangeLeft, 0.1)],
        Action::Accelerate => &[(Action::Keep, 0.6), (Action::Brake, 0.3)],
        Action::Brake => &[(Action::Keep, 0.5), (Action::Stop, 0.3), (Action::ChangeLeft, 0.1)],
        Action::ChangeLeft | Action::ChangeRight => &[(Action::Keep, 0.6), (Action::Brake, 0.3)],
        Action::Stop => &[(Action::Brake, 0.6), (Action::Keep, 0.3)],
        Action::Hold => &[(Action::Accelerate, 0.5), (Action::ChangeLeft, 0.4)],
    }
}

/// Plans ahead with the present acceleration along the present way across the road.
fn plan(vehicle: &Vehicle, road: &Road) -> Vec<PlanPoint> {
    let motion = &vehicle.motion;
    let mut points = Vec::with_capacity(20);
    let (mut speed, mut distance, mut placed) = (motion.speed_mps, 0.0, 0.0);
    for _ in 0..PLAN_POINTS {
        let limit = vehicle.wanted_mps.max(motion.speed_mps);
        let after = (speed + motion.acceleration_mps2 * PLAN_STEP_SECS).clamp(0.0, limit);
        distance += f64::midpoint(speed, after) * PLAN_STEP_SECS;
        speed = after;
        if distance - placed < PLAN_SPACING_METERS {
            continue;
        }
        placed = distance;
        let offset = vehicle.path.offset_at(motion.travelled_meters + distance);
        let along = distance / (1.0 - road.curvature * offset);
        let pose = road.pose(motion.station_meters + along, offset, 0.0);
        points.push(PlanPoint { x_meters: pose.x_meters, y_meters: pose.y_meters });
    }
    points
}
