//! A ring road with two lanes, driven anticlockwise.

use super::trigonometry::sine_cosine;
use std::f64::consts::{FRAC_PI_2, PI, TAU};

/// Width of each lane in metres: the usual motorway value.
pub const LANE_WIDTH_METERS: f64 = 3.5;

/// A lane of the ring; traffic keeps right, so `Right` is the outer one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lane {
    /// The outer lane.
    Right,
    /// The inner lane, for overtaking.
    Left,
}

impl Lane {
    /// Returns the offset of the lane's centre from the line between the lanes, metres, left positive.
    pub fn centre_meters(self) -> f64 {
        match self {
            Lane::Right => -LANE_WIDTH_METERS / 2.0,
            Lane::Left => LANE_WIDTH_METERS / 2.0,
        }
    }

    /// Returns the lane beside this one.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Lane::Right => Lane::Left,
            Lane::Left => Lane::Right,
        }
    }

    /// Returns the lane that holds an offset.
    pub(super) fn at(offset_meters: f64) -> Self {
        if offset_meters < 0.0 { Lane::Right } else { Lane::Left }
    }
}

/// A place in the plane and the direction faced: the ring's middle is the origin.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pose {
    /// East, metres.
    pub x_meters: f64,
    /// North, metres.
    pub y_meters: f64,
    /// Direction, radians in `-pi..pi`, 0 is east, anticlockwise positive.
    pub heading_rad: f64,
}

/// The ring: stations are metres along the line between the two lanes, offsets metres to its left.
#[derive(Debug, Clone, Copy)]
pub(super) struct Road {
    pub(super) circumference_meters: f64,
    pub(super) radius_meters: f64,
    /// One over the radius; positive because the road turns left.
    pub(super) curvature: f64,
}

impl Road {
    pub(super) fn ring(circumference_meters: f64) -> Self {
        let radius_meters = circumference_meters / TAU;
        Self { circumference_meters, radius_meters, curvature: 1.0 / radius_meters }
    }

    /// Brings a station into `0..circumference`.
    pub(super) fn wrap(&self, station_meters: f64) -> f64 {
        station_meters.rem_euclid(self.circumference_meters)
    }

    /// Returns how far ahead `to` lies of `from`, metres along the path at `offset_meters`.
    pub(super) fn ahead(&self, from: f64, to: f64, offset_meters: f64) -> f64 {
        self.wrap(to - from) * (1.0 - self.curvature * offset_meters)
    }

    pub(super) fn pose(&self, station_meters: f64, offset_meters: f64, heading_error_rad: f64) -> Pose {
        let angle = station_meters * self.curvature;
        let (sine, cosine) = sine_cosine(angle);
        let reach = self.radius_meters - offset_meters;
        Pose {
            x_meters: reach * cosine,
            y_meters: reach * sine,
            heading_rad: (angle + FRAC_PI_2 + heading_error_rad + PI).rem_euclid(TAU) - PI,
        }
    }
}
