//! From a drive to what the actuators are asked for.

use super::drive::{
    COMFORTABLE_STOP_MPS2, Drive, EMERGENCY_MPS2, HOLD_MPS2, MANUAL_ACCELERATION_MPS2, MANUAL_BRAKING_MPS2,
    MANUAL_TOP_MPS, Manoeuvre, NEUTRAL_MPS2, PULL_OVER_MPS2, SLOWEST_MPS,
};
use super::following::{self, Ahead};
use super::motion::{self, Command, LATERAL_COMFORT_MPS2, LateralPath, pursue};
use super::road::{Lane, Road};
use super::sensors::Signal;
use super::status::STANDSTILL_MPS;
use super::traffic::{self, Body, SENSOR_REACH_METERS};
use super::vehicle::{EDGE_METERS, Vehicle};
use std::time::Duration;

/// Change of acceleration that passengers accept, m/s3 (comfort is 2 to 3).
const COMFORT_JERK_MPS3: f64 = 3.0;
/// Change of acceleration in car following and emergencies, m/s3: the R157 competent driver's.
pub(super) const FIRM_JERK_MPS3: f64 = 12.65;
/// A standing vehicle starts only when it is asked for this much, m/s2: else noise makes it creep.
const START_MPS2: f64 = 0.25;
/// Speed at which a vehicle moves to the edge, m/s.
pub(super) const CRAWL_MPS: f64 = 4.0;
/// How long pulling over may take before the vehicle stops wherever it is.
const PULL_OVER_LIMIT: Duration = Duration::from_secs(12);
/// Pause between two lane changes.
const CHANGE_PAUSE: Duration = Duration::from_secs(4);

/// Returns what a vehicle's controllers ask for now.
pub(super) fn command(vehicle: &Vehicle, road: &Road, now: Duration) -> Command {
    let (acceleration_mps2, jerk_mps3) = along(vehicle, road, now);
    let standing = vehicle.motion.speed_mps < STANDSTILL_MPS / 2.0;
    let acceleration_mps2 = if standing && acceleration_mps2 < START_MPS2 {
        acceleration_mps2.min(0.0)
    } else {
        acceleration_mps2
    };
    let steering_rad = match vehicle.effective {
        Drive::Manual { steer, .. } => motion::steer_by_hand(&vehicle.motion, steer, road),
        Drive::Autonomous
        | Drive::Hold
        | Drive::SpeedCap(_)
        | Drive::Fallback(_)
        | Drive::Estop
        | Drive::Neutral
        | Drive::Human => pursue(&vehicle.motion, &vehicle.path, road),
    };
    Command { acceleration_mps2, jerk_mps3, steering_rad }
}

fn along(vehicle: &Vehicle, road: &Road, now: Duration) -> (f64, f64) {
    let by_tracker =
        |wanted| following::acceleration(vehicle.motion.speed_mps, wanted, seen(vehicle, Signal::Gap));
    let wanted = bend_limited(vehicle.wanted_mps, road);
    // A stop brakes as promised, or harder for the vehicle ahead.
    let stop = |deceleration: f64, jerk: f64| {
        let following = by_tracker(wanted);
        if following < -deceleration { (following, FIRM_JERK_MPS3) } else { (-deceleration, jerk) }
    };
    let limit = vehicle.limit_mps.unwrap_or(f64::INFINITY);
    match vehicle.effective {
        Drive::Autonomous => (autonomous_mps2(vehicle, road), FIRM_JERK_MPS3),
        Drive::SpeedCap(_) if limit < SLOWEST_MPS => stop(HOLD_MPS2, COMFORT_JERK_MPS3),
        Drive::SpeedCap(cap) => (by_tracker(wanted.min(cap).min(limit)), FIRM_JERK_MPS3),
        // Human is always resolved to a hold or a cap; standing is the safe reading if it were not.
        Drive::Hold | Drive::Human => stop(HOLD_MPS2, COMFORT_JERK_MPS3),
        Drive::Neutral => stop(NEUTRAL_MPS2, COMFORT_JERK_MPS3),
        Drive::Manual { accelerate, cap_mps, .. } => {
            let cap_mps = Some(cap_mps.unwrap_or(f64::INFINITY).min(limit));
            (by_hand_mps2(vehicle.motion.speed_mps, accelerate, cap_mps), FIRM_JERK_MPS3)
        }
        Drive::Fallback(Manoeuvre::StandStill | Manoeuvre::Comfortable) => {
            if vehicle.effects.ignores_comfortable_stop && vehicle.motion.speed_mps >= STANDSTILL_MPS {
                (by_tracker(wanted), FIRM_JERK_MPS3)
            } else {
                stop(COMFORTABLE_STOP_MPS2, FIRM_JERK_MPS3)
            }
        }
        Drive::Fallback(Manoeuvre::PullOver) => stop(pull_over_mps2(vehicle, now), COMFORT_JERK_MPS3),
        Drive::Fallback(Manoeuvre::Emergency) | Drive::Estop => (-EMERGENCY_MPS2, FIRM_JERK_MPS3),
    }
}

/// Returns what the pedals ask for; near the limit of speed they ask for less, above it for a gentle braking.
fn by_hand_mps2(speed_mps: f64, accelerate: f64, cap_mps: Option<f64>) -> f64 {
    let full = if accelerate < 0.0 { MANUAL_BRAKING_MPS2 } else { MANUAL_ACCELERATION_MPS2 };
    let limit = cap_mps.map_or(MANUAL_TOP_MPS, |cap| cap.min(MANUAL_TOP_MPS));
    (accelerate * full).min((limit - speed_mps).max(-HOLD_MPS2))
}

/// Returns what the autopilot asks for: it brakes for phantoms, too.
fn autonomous_mps2(vehicle: &Vehicle, road: &Road) -> f64 {
    let following = believed_mps2(vehicle, road);
    vehicle.effects.phantom_mps2.map_or(following, |phantom| following.min(-phantom))
}

/// Returns what the autopilot's car following asks for: it believes the range sensor alone, which is the
/// weakness that a frozen sensor finds.
fn believed_mps2(vehicle: &Vehicle, road: &Road) -> f64 {
    let wanted = bend_limited(vehicle.wanted_mps, road);
    following::acceleration(vehicle.motion.speed_mps, wanted, seen(vehicle, Signal::FrontRange))
}

/// Returns the vehicle ahead as one of the two distance sensors shows it; the room that hazard lights ask
/// for is left, except while steering around them.
fn seen(vehicle: &Vehicle, sensor: Signal) -> Option<Ahead> {
    let distance = vehicle.reading.of(sensor);
    if distance >= SENSOR_REACH_METERS {
        return None;
    }
    let clearance = if vehicle.is_changing_lane() {
        0.0
    } else {
        vehicle.leader.map_or(0.0, |leader| leader.clearance_meters)
    };
    Some(Ahead { gap_meters: distance - clearance, closing_mps: vehicle.reading.of(Signal::ClosingSpeed) })
}

fn bend_limited(wanted_mps: f64, road: &Road) -> f64 {
    wanted_mps.min((LATERAL_COMFORT_MPS2 * road.radius_meters).sqrt())
}

fn pull_over_mps2(vehicle: &Vehicle, now: Duration) -> f64 {
    if !may_crawl(vehicle, now) {
        return HOLD_MPS2;
    }
    (vehicle.motion.speed_mps - CRAWL_MPS).clamp(0.0, PULL_OVER_MPS2)
}

/// Returns whether a vehicle that pulls over may still roll: not at the edge yet, and in time.
pub(super) fn may_crawl(vehicle: &Vehicle, now: Duration) -> bool {
    let settled = (vehicle.motion.offset_meters - EDGE_METERS).abs() < 0.15;
    !settled && now.saturating_sub(vehicle.effective_since) < PULL_OVER_LIMIT
}

/// Starts a move across the road where the drive and the traffic call for one. Called at each decision.
pub(super) fn move_across(
    vehicle: &mut Vehicle,
    bodies: &mut [Body],
    index: usize,
    road: &Road,
    now: Duration,
) {
    match vehicle.effective {
        Drive::Autonomous => {
            let paused = vehicle.changed_lane_at.is_some_and(|at| now.saturating_sub(at) < CHANGE_PAUSE);
            if paused || vehicle.is_changing_lane() {
                return;
            }
            let believed = believed_mps2(vehicle, road);
            if traffic::worth_changing(bodies, index, believed, road) {
                let lane = vehicle.lane.other();
                vehicle.go_across(lane, lane.centre_meters());
                vehicle.changed_lane_at = Some(now);
            }
        }
        Drive::Fallback(Manoeuvre::PullOver) => {
            let bound_for_edge = vehicle.path.leads_to(EDGE_METERS);
            let free = vehicle.lane == Lane::Right || traffic::safe_change(bodies, index, road).is_some();
            if !bound_for_edge && free {
                vehicle.go_across(Lane::Right, EDGE_METERS);
            }
        }
        Drive::Manual { .. } => {
            // Where the hands lead it, there it is; it has no way of its own across the road.
            vehicle.lane = vehicle.lane();
            vehicle.path = LateralPath::at(vehicle.motion.offset_meters);
        }
        Drive::Hold
        | Drive::SpeedCap(_)
        | Drive::Fallback(Manoeuvre::StandStill | Manoeuvre::Comfortable | Manoeuvre::Emergency)
        | Drive::Estop
        | Drive::Neutral
        | Drive::Human => {}
    }
    // The next vehicle to decide must see this one's choice, or both could take the same gap.
    if let Some(body) = bodies.get_mut(index) {
        body.lane = vehicle.lane;
    }
}
