//! What a vehicle says about its own control, as the takeover's gate asks for it.

use super::control::{self, CRAWL_MPS, FIRM_JERK_MPS3};
use super::drive::{COMFORTABLE_STOP_MPS2, Drive, Manoeuvre};
use super::vehicle::Vehicle;
use std::time::Duration;

/// Below this speed a vehicle counts as standing, m/s.
pub const STANDSTILL_MPS: f64 = 0.1;
/// How long it must stand for standstill to be confirmed.
const STANDSTILL_FOR: Duration = Duration::from_millis(500);
/// How long it must drive calmly to be stable.
const STABLE_FOR: Duration = Duration::from_millis(100);
/// Limits of calm driving: acceleration along and across the road, m/s2, and steering, radians.
const CALM_ALONG_MPS2: f64 = 3.0;
const CALM_ACROSS_MPS2: f64 = 3.0;
const CALM_STEERING_RAD: f64 = 0.3;
/// Share of the promised deceleration from which a stop counts as really happening.
const PROGRESS_SHARE: f64 = 0.5;

/// The state of a vehicle's control at one instant, by its own sensors of motion.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct VehicleStatus {
    /// The speed has been below 0.1 m/s for at least 0.5 s.
    pub standstill: bool,
    /// What was asked for is happening: the vehicle stands, or brakes with at least half of what the drive
    /// promises, or rolls to the edge when pulling over. False for the first tenths of a second of a stop,
    /// while the brakes build up. Always true where nothing is promised.
    pub progressing: bool,
    /// The drive is a stop, and the standstill is confirmed.
    pub condition_reached: bool,
    /// Steering and acceleration have been within calm limits for at least 0.1 s.
    pub stable: bool,
    /// No fault is active, sensors of the same thing agree, and there was no collision.
    pub can_resume: bool,
    /// How long a comfortable stop (level 1) from the present speed takes, seconds, to speed zero.
    pub stopping_time_secs: f64,
    /// The road that such a stop takes, metres.
    pub stopping_distance_meters: f64,
}

impl VehicleStatus {
    pub(super) fn of(vehicle: &Vehicle, step: Duration, now: Duration) -> Self {
        let standstill = vehicle.still_for >= STANDSTILL_FOR;
        let (stopping_time_secs, stopping_distance_meters) = stopping(vehicle, step.as_secs_f64());
        Self {
            standstill,
            progressing: is_progressing(vehicle, now),
            condition_reached: vehicle.effective.is_stop() && standstill,
            stable: vehicle.calm_for >= STABLE_FOR,
            can_resume: !vehicle.effects.any && !vehicle.crashed && vehicle.reading.is_consistent(),
            stopping_time_secs,
            stopping_distance_meters,
        }
    }
}

fn is_progressing(vehicle: &Vehicle, now: Duration) -> bool {
    let speed = vehicle.motion.speed_mps;
    let Some(promised) = vehicle.effective.deceleration_mps2() else { return true };
    let rolls_to_edge = vehicle.effective == Drive::Fallback(Manoeuvre::PullOver)
        && speed < CRAWL_MPS + promised * PROGRESS_SHARE
        && control::may_crawl(vehicle, now);
    speed < STANDSTILL_MPS || vehicle.motion.acceleration_mps2 <= -promised * PROGRESS_SHARE || rolls_to_edge
}

pub(super) fn is_calm(vehicle: &Vehicle) -> bool {
    vehicle.motion.acceleration_mps2.abs() <= CALM_ALONG_MPS2
        && vehicle.motion.lateral_mps2().abs() <= CALM_ACROSS_MPS2
        && vehicle.motion.steering_rad.abs() <= CALM_STEERING_RAD
}

/// Models a level 1 stop: the brakes build up at the firm jerk, then hold; one step more for the delay
/// until the first of it acts.
fn stopping(vehicle: &Vehicle, step_secs: f64) -> (f64, f64) {
    let speed = vehicle.motion.speed_mps;
    if speed <= 0.0 {
        return (0.0, 0.0);
    }
    let present = vehicle.motion.acceleration_mps2.max(-COMFORTABLE_STOP_MPS2);
    let build_up = (present + COMFORTABLE_STOP_MPS2) / FIRM_JERK_MPS3;
    let gained = present * build_up - FIRM_JERK_MPS3 * build_up * build_up / 2.0;
    let braked = (speed + gained).max(0.0);
    let rolled = (speed * build_up + present * build_up * build_up / 2.0
        - FIRM_JERK_MPS3 * build_up * build_up * build_up / 6.0)
        .max(0.0);
    let time = step_secs + build_up + braked / COMFORTABLE_STOP_MPS2;
    let distance = speed * step_secs + rolled + braked * braked / (2.0 * COMFORTABLE_STOP_MPS2);
    (time, distance)
}
