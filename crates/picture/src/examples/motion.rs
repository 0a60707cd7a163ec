//! How the examples' vehicles move: rings as the simulator has them, and straight streets.

use std::f64::consts::{FRAC_PI_2, PI, TAU};
use watchkeeper_model::{PlanPoint, Pose};

/// Half of a lane: traffic keeps right, 1.75 m outside the line between the lanes.
const RIGHT_OFFSET_METERS: f64 = -1.75;
/// The simulator's wheelbase.
const WHEELBASE_METERS: f64 = 2.7;

/// A road in the plane, x east and y north, metres.
#[derive(Clone, Copy, Debug)]
pub(super) enum Road {
    /// Driven anticlockwise, as the simulator's; its stations begin in the east.
    Ring {
        /// Middle.
        centre: (f64, f64),
        /// Length of the line between the lanes.
        circumference_meters: f64,
    },
    /// Driven one way, from its start, and again from there.
    Street {
        /// Where it begins.
        start: (f64, f64),
        /// Where it leads, radians.
        heading_radians: f64,
        /// How long it is.
        length_meters: f64,
    },
}

impl Road {
    /// The simulator's road: 1,000 m around the origin.
    pub(super) const SIMULATOR: Self = Self::Ring { centre: (0.0, 0.0), circumference_meters: 1_000.0 };

    pub(super) const fn length_meters(self) -> f64 {
        match self {
            Self::Ring { circumference_meters, .. } => circumference_meters,
            Self::Street { length_meters, .. } => length_meters,
        }
    }

    fn curvature(self) -> f64 {
        match self {
            Self::Ring { circumference_meters, .. } => TAU / circumference_meters,
            Self::Street { .. } => 0.0,
        }
    }

    /// Returns the steering angle that follows the road, radians.
    pub(super) fn steering_radians(self) -> f64 {
        (WHEELBASE_METERS * self.curvature()).atan()
    }

    /// Returns the place `aside` metres to the left of the right lane's middle.
    pub(super) fn pose(self, station_meters: f64, aside: f64) -> Pose {
        let offset = RIGHT_OFFSET_METERS + aside;
        match self {
            Self::Ring { centre: (x, y), circumference_meters } => {
                let radius = circumference_meters / TAU;
                let angle = station_meters / radius;
                Pose {
                    x_meters: x + (radius - offset) * angle.cos(),
                    y_meters: y + (radius - offset) * angle.sin(),
                    heading_radians: (angle + FRAC_PI_2 + PI).rem_euclid(TAU) - PI,
                }
            }
            Self::Street { start: (x, y), heading_radians, length_meters } => {
                let along = station_meters.rem_euclid(length_meters);
                let (sine, cosine) = heading_radians.sin_cos();
                Pose {
                    x_meters: x + along * cosine - offset * sine,
                    y_meters: y + along * sine + offset * cosine,
                    heading_radians,
                }
            }
        }
    }
}

/// How fast a vehicle is: it cruises, and may at some time begin to brake to another speed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Motion {
    pub(super) road: Road,
    /// Where it is when it is looked at, if it only cruises.
    pub(super) station_meters: f64,
    /// Its speed on average.
    pub(super) cruise_mps: f64,
    /// Where it is in its slow rise and fall of speed, radians.
    pub(super) phase: f64,
    /// (how long before it is looked at it begins to brake, how hard, down to which speed).
    pub(super) braking: Option<(f64, f64, f64)>,
}

/// How far and how fast the speed of a cruising vehicle rises and falls.
const SWAY_MPS: f64 = 0.5;
const SWAY_RADIANS_PER_SEC: f64 = 0.3;

impl Motion {
    /// Returns (station, speed, acceleration) at `time` seconds, 0 or less, before it is looked at.
    pub(super) fn at(&self, time: f64) -> (f64, f64, f64) {
        match self.braking {
            Some((since, brake_mps2, floor_mps)) if time > -since => {
                let (station, speed, _) = self.cruise(-since);
                let passed = time + since;
                let floor_mps = floor_mps.min(speed);
                let braked_for = ((speed - floor_mps) / brake_mps2).min(passed);
                let now_mps = speed - brake_mps2 * braked_for;
                let way = braked_for * (speed + now_mps) / 2.0 + (passed - braked_for) * now_mps;
                let braking = if passed > braked_for { 0.0 } else { -brake_mps2 };
                (station + way, now_mps, braking)
            }
            Some(_) | None => self.cruise(time),
        }
    }

    /// Moves its rise and fall of speed so that it passes this speed at `time`, if it ever does.
    pub(super) fn pass(&mut self, speed_mps: f64, time: f64) {
        let share = ((speed_mps - self.cruise_mps) / SWAY_MPS).clamp(-1.0, 1.0);
        self.phase = share.asin() - SWAY_RADIANS_PER_SEC * time;
    }

    fn cruise(&self, time: f64) -> (f64, f64, f64) {
        let angle = SWAY_RADIANS_PER_SEC * time + self.phase;
        let sway = SWAY_MPS / SWAY_RADIANS_PER_SEC * (self.phase.cos() - angle.cos());
        (
            self.station_meters + self.cruise_mps * time + sway,
            self.cruise_mps + SWAY_MPS * angle.sin(),
            SWAY_MPS * SWAY_RADIANS_PER_SEC * angle.cos(),
        )
    }

    /// Returns where it means to go within 4 s, at most 16 points.
    pub(super) fn plan(&self, time: f64, aside: f64) -> Vec<PlanPoint> {
        let (station, speed, acceleration) = self.at(time);
        let step = 0.25;
        let points = (1..=16_u32).map_while(|index| {
            let ahead = f64::from(index) * step;
            let until_stop = if acceleration < 0.0 { speed / -acceleration } else { f64::INFINITY };
            let ahead = ahead.min(until_stop);
            let way = speed * ahead + acceleration * ahead * ahead / 2.0;
            (way > 0.2).then(|| {
                let pose = self.road.pose(station + way, aside);
                PlanPoint { x_meters: pose.x_meters, y_meters: pose.y_meters }
            })
        });
        points.collect()
    }
}

/// Returns noise of about this standard deviation; the same seed and number give the same noise.
pub(super) fn noise(seed: u64, number: u64, deviation: f64) -> f64 {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ number.wrapping_mul(0xd1b5_4a32_d192_ed03);
    let mut sum = 0.0;
    for _ in 0..4 {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        sum += ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1_u64 << 53) as f64 - 0.5;
    }
    // Four evenly spread numbers of width 1 have a deviation of sqrt(4 / 12).
    sum * deviation * 3.0_f64.sqrt()
}
