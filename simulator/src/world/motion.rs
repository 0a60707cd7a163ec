//! How a vehicle moves: kinematic bicycle, pure pursuit, and the limits of its actuators.
//!
//! The reference point is the middle of the rear axle, for which pure pursuit is exact (Coulter,
//! CMU-RI-TR-92-01; Snider, CMU-RI-TR-09-08, section 2.2). Motion is integrated in road coordinates
//! (station, offset, heading error), an exact change of variables on a circle that needs no arctangent
//! of a position. All vehicles have the same shape, so gaps do not depend on the reference point.

use super::road::{LANE_WIDTH_METERS, Road};
use super::trigonometry::{arctangent, sine_cosine, tangent};
use std::f64::consts::{FRAC_PI_2, PI, TAU};

/// Length of every vehicle, metres.
pub const LENGTH_METERS: f64 = 4.5;
/// Width of every vehicle, metres.
pub const WIDTH_METERS: f64 = 1.8;
/// Distance between the axles, metres: a middle-class car.
pub(super) const WHEELBASE_METERS: f64 = 2.7;
/// Largest steering angle, radians.
pub(super) const STEERING_MAX_RAD: f64 = 0.6;
/// Fastest change of the steering angle, radians per second.
const STEERING_RATE_RAD_PER_SEC: f64 = 0.8;
/// Largest sideways acceleration that steering may ask for, m/s2: half of what a dry road carries.
pub(super) const LATERAL_MAX_MPS2: f64 = 4.0;
/// Sideways acceleration at which a vehicle takes a bend of its own accord, m/s2.
pub(super) const LATERAL_COMFORT_MPS2: f64 = 2.5;
/// Hardest braking the tyres give, m/s2: RSS `b_max` (Shalev-Shwartz et al. 2017).
pub const BRAKING_MAX_MPS2: f64 = 8.0;
/// Offset at which the rail beside the road holds a vehicle, metres: half a metre of shoulder. Only a person can
/// drive so far out.
pub(super) const RAIL_METERS: f64 = LANE_WIDTH_METERS + 0.5 - WIDTH_METERS / 2.0;
/// What scraping along the rail costs, m/s2.
const SCRAPE_MPS2: f64 = 3.0;
/// Pure pursuit looks this many seconds ahead, and never less than the metres below.
const LOOK_AHEAD_SECS: f64 = 0.8;
const LOOK_AHEAD_MIN_METERS: f64 = 4.0;

/// Where a vehicle is in road coordinates and how it moves.
#[derive(Debug, Clone, Copy)]
pub(super) struct Motion {
    pub(super) station_meters: f64,
    pub(super) offset_meters: f64,
    pub(super) heading_error_rad: f64,
    pub(super) speed_mps: f64,
    pub(super) acceleration_mps2: f64,
    pub(super) steering_rad: f64,
    /// Metres driven since the start of the run.
    pub(super) travelled_meters: f64,
}

/// What the controllers ask of the actuators for one step.
#[derive(Debug, Clone, Copy)]
pub(super) struct Command {
    pub(super) acceleration_mps2: f64,
    pub(super) jerk_mps3: f64,
    pub(super) steering_rad: f64,
}

impl Motion {
    /// Moves the vehicle by one step under a command, within the actuators' limits.
    pub(super) fn advance(&mut self, command: Command, road: &Road, step_secs: f64) {
        let change = command.jerk_mps3 * step_secs;
        let wanted = command.acceleration_mps2.max(-BRAKING_MAX_MPS2);
        self.acceleration_mps2 =
            wanted.clamp(self.acceleration_mps2 - change, self.acceleration_mps2 + change);
        let distance = self.change_speed(step_secs);

        let turn = STEERING_RATE_RAD_PER_SEC * step_secs;
        let limit = steering_limit(self.speed_mps);
        let wanted = command.steering_rad.clamp(-limit, limit);
        self.steering_rad = wanted.clamp(self.steering_rad - turn, self.steering_rad + turn);

        let yaw = distance * tangent(self.steering_rad) / WHEELBASE_METERS;
        let narrowing = 1.0 - road.curvature * self.offset_meters;
        let middle = self.heading_error_rad + (yaw - road.curvature * distance / narrowing) / 2.0;
        let (sine, cosine) = sine_cosine(middle);
        let along = distance * cosine / narrowing;
        self.station_meters = road.wrap(self.station_meters + along);
        self.offset_meters += distance * sine;
        self.heading_error_rad += yaw - road.curvature * along;
        self.travelled_meters += distance;
        if self.heading_error_rad.abs() > PI {
            self.heading_error_rad -= TAU.copysign(self.heading_error_rad);
        }
        if self.offset_meters.abs() > RAIL_METERS {
            self.scrape(step_secs);
        }
    }

    /// The rail turns a vehicle along the road, whichever way it went, and slows it down.
    fn scrape(&mut self, step_secs: f64) {
        self.offset_meters = self.offset_meters.clamp(-RAIL_METERS, RAIL_METERS);
        let faces_along = self.heading_error_rad.abs() < FRAC_PI_2;
        self.heading_error_rad = if faces_along { 0.0 } else { PI.copysign(self.heading_error_rad) };
        self.speed_mps = (self.speed_mps - SCRAPE_MPS2 * step_secs).max(0.0);
    }

    /// Applies the acceleration to the speed and returns the metres driven; braking ends at standstill.
    fn change_speed(&mut self, step_secs: f64) -> f64 {
        let before = self.speed_mps;
        let after = before + self.acceleration_mps2 * step_secs;
        if after > 0.0 {
            self.speed_mps = after;
            return f64::midpoint(before, after) * step_secs;
        }
        let distance = if before > 0.0 { before * before / (-2.0 * self.acceleration_mps2) } else { 0.0 };
        self.speed_mps = 0.0;
        self.acceleration_mps2 = 0.0;
        distance
    }

    /// Returns the sideways acceleration in m/s2, left positive.
    pub(super) fn lateral_mps2(&self) -> f64 {
        self.speed_mps * self.speed_mps * tangent(self.steering_rad) / WHEELBASE_METERS
    }
}

/// Returns the largest steering angle at a speed that keeps within [`LATERAL_MAX_MPS2`].
fn steering_limit(speed_mps: f64) -> f64 {
    let square = (speed_mps * speed_mps).max(1e-6);
    arctangent(LATERAL_MAX_MPS2 * WHEELBASE_METERS / square).min(STEERING_MAX_RAD)
}

/// A smooth way from one offset to another over a length of road.
#[derive(Debug, Clone, Copy)]
pub(super) struct LateralPath {
    /// Offset at the beginning and at the end, metres.
    from: f64,
    to: f64,
    /// Metres driven when it begins, and how much road it takes.
    start: f64,
    length: f64,
}

impl LateralPath {
    /// Stays at an offset for good.
    pub(super) fn at(offset_meters: f64) -> Self {
        Self { from: offset_meters, to: offset_meters, start: 0.0, length: 1e-3 }
    }

    /// Starts a way from where the vehicle is now.
    pub(super) fn from_here(motion: &Motion, to_meters: f64, length_meters: f64) -> Self {
        Self {
            from: motion.offset_meters,
            to: to_meters,
            start: motion.travelled_meters,
            length: length_meters,
        }
    }

    /// Returns the wanted offset once the vehicle has driven this far (cubic smoothstep).
    pub(super) fn offset_at(&self, travelled_meters: f64) -> f64 {
        let share = ((travelled_meters - self.start) / self.length).clamp(0.0, 1.0);
        self.from + (self.to - self.from) * share * share * (3.0 - 2.0 * share)
    }

    pub(super) fn is_driven(&self, travelled_meters: f64) -> bool {
        travelled_meters >= self.start + self.length
    }

    /// Returns whether the way ends at an offset.
    pub(super) fn leads_to(&self, offset_meters: f64) -> bool {
        (self.to - offset_meters).abs() < 1e-9
    }
}

/// Returns the steering angle in radians that a hand asks for: as much of the room that the tyres leave as its
/// share says, beside the angle that follows the bend.
pub(super) fn steer_by_hand(motion: &Motion, share: f64, road: &Road) -> f64 {
    let (_, direction) = sine_cosine(motion.heading_error_rad);
    let bend = road.curvature / (1.0 - road.curvature * motion.offset_meters);
    arctangent(WHEELBASE_METERS * bend * direction) + share * steering_limit(motion.speed_mps)
}

/// Returns the steering angle in radians that leads to the path by pure pursuit.
pub(super) fn pursue(motion: &Motion, path: &LateralPath, road: &Road) -> f64 {
    let look_ahead = (LOOK_AHEAD_SECS * motion.speed_mps).max(LOOK_AHEAD_MIN_METERS);
    let here = road.radius_meters - motion.offset_meters;
    let there = road.radius_meters - path.offset_at(motion.travelled_meters + look_ahead);
    let (sine, cosine) = sine_cosine(look_ahead / here);
    let (right, forward) = (there * cosine - here, there * sine);
    let (error_sine, error_cosine) = sine_cosine(motion.heading_error_rad);
    // Twice the wheelbase times sin(alpha) over the distance: the cross product of heading and target.
    let cross = -error_sine * forward - error_cosine * right;
    arctangent(2.0 * WHEELBASE_METERS * cross / (right * right + forward * forward))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pure_pursuit_settles_on_the_lane_centre_within_a_decimetre() {
        let road = Road::ring(1_000.0);
        let mut motion = Motion {
            station_meters: 0.0,
            offset_meters: -0.5,
            heading_error_rad: 0.05,
            speed_mps: 15.0,
            acceleration_mps2: 0.0,
            steering_rad: 0.0,
            travelled_meters: 0.0,
        };
        let path = LateralPath::at(-1.75);
        for _ in 0..1_000 {
            let steering_rad = pursue(&motion, &path, &road);
            let command = Command { acceleration_mps2: 0.0, jerk_mps3: 10.0, steering_rad };
            motion.advance(command, &road, 0.02);
            assert!(motion.lateral_mps2().abs() <= LATERAL_MAX_MPS2 + 1e-9);
        }
        assert!((motion.offset_meters + 1.75).abs() < 0.1, "{}", motion.offset_meters);
        assert!((motion.travelled_meters - 300.0).abs() < 1e-6);
    }
}
