//! What a vehicle reports: seven signals, each with its own noise.

use super::motion::Motion;
use super::random::Random;
use super::traffic::{Neighbour, SENSOR_REACH_METERS};

/// The signals in the order in which they are reported, with their units.
pub const SIGNALS: [(&str, &str); 7] = [
    ("speed", "m/s"),
    ("acceleration", "m/s2"),
    ("steering", "rad"),
    ("gap", "m"),
    ("closing_speed", "m/s"),
    ("front_range", "m"),
    ("odometer_speed", "m/s"),
];

/// One reported signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Signal {
    /// Speed over ground, m/s.
    Speed,
    /// Acceleration along the road, m/s2.
    Acceleration,
    /// Steering angle, radians, left positive.
    Steering,
    /// Distance to the vehicle ahead by the tracker, metres; 200 when there is none.
    Gap,
    /// Speed at which that distance shrinks, m/s; 0 when there is none.
    ClosingSpeed,
    /// The same distance by the range sensor alone, metres; 200 when there is none. The autopilot's own
    /// car following relies on it.
    FrontRange,
    /// Speed by the wheels alone, m/s.
    OdometerSpeed,
}

impl Signal {
    /// All signals, in the order of [`SIGNALS`].
    pub const ALL: [Signal; 7] = [
        Signal::Speed,
        Signal::Acceleration,
        Signal::Steering,
        Signal::Gap,
        Signal::ClosingSpeed,
        Signal::FrontRange,
        Signal::OdometerSpeed,
    ];

    /// Returns the signal's place in [`SIGNALS`].
    pub fn index(self) -> usize {
        match self {
            Signal::Speed => 0,
            Signal::Acceleration => 1,
            Signal::Steering => 2,
            Signal::Gap => 3,
            Signal::ClosingSpeed => 4,
            Signal::FrontRange => 5,
            Signal::OdometerSpeed => 6,
        }
    }

    /// Finds a signal by its name in [`SIGNALS`].
    pub fn named(name: &str) -> Option<Self> {
        SIGNALS.iter().zip(Self::ALL).find(|((known, _), _)| *known == name).map(|(_, signal)| signal)
    }
}

/// Standard deviation of each signal's noise, in its unit: small against the effects that matter, large
/// enough that no healthy signal ever stands still.
const NOISE: [f64; 7] = [0.02, 0.03, 0.000_5, 0.05, 0.05, 0.15, 0.08];
/// Differences between two sensors of the same thing beyond which one of them is not healthy: over
/// five standard deviations of the difference, and so never reached by noise alone.
const RANGE_DISAGREES_METERS: f64 = 1.5;
const SPEED_DISAGREES_MPS: f64 = 0.6;

/// One sample of all signals.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Reading {
    pub(super) values: [f64; 7],
}

impl Reading {
    /// Samples the truth with noise. It always draws as many numbers, so that what one sample sees does not
    /// change the noise of the next.
    pub(super) fn take(motion: &Motion, leader: Option<Neighbour>, random: &mut Random) -> Self {
        let (gap, closing) =
            leader.map_or((SENSOR_REACH_METERS, 0.0), |leader| (leader.gap_meters, leader.closing_mps));
        let mut values = [
            motion.speed_mps,
            motion.acceleration_mps2,
            motion.steering_rad,
            gap,
            closing,
            gap,
            motion.speed_mps,
        ];
        for ((value, sigma), signal) in values.iter_mut().zip(NOISE).zip(Signal::ALL) {
            let noise = random.gaussian() * sigma;
            match signal {
                Signal::Acceleration | Signal::Steering => *value += noise,
                Signal::Speed | Signal::OdometerSpeed => *value = (*value + noise).max(0.0),
                Signal::ClosingSpeed if leader.is_none() => {}
                Signal::ClosingSpeed => *value += noise,
                Signal::Gap | Signal::FrontRange if leader.is_none() => {}
                Signal::Gap | Signal::FrontRange => *value = (*value + noise).clamp(0.0, SENSOR_REACH_METERS),
            }
        }
        Self { values }
    }

    /// Returns the value of one signal.
    pub(super) fn of(&self, signal: Signal) -> f64 {
        *self.values.get(signal.index()).expect("a reading has every signal")
    }

    /// Puts a value in the place of what was sampled.
    pub(super) fn replace(&mut self, signal: Signal, value: f64) {
        *self.values.get_mut(signal.index()).expect("a reading has every signal") = value;
    }

    /// Returns how far range sensor and tracker are apart, metres.
    pub(super) fn range_residual_meters(&self) -> f64 {
        (self.of(Signal::FrontRange) - self.of(Signal::Gap)).abs()
    }

    /// Returns how far the two speeds are apart, m/s.
    pub(super) fn speed_residual_mps(&self) -> f64 {
        (self.of(Signal::Speed) - self.of(Signal::OdometerSpeed)).abs()
    }

    /// Returns whether the sensors that measure the same thing agree.
    pub(super) fn is_consistent(&self) -> bool {
        self.range_residual_meters() < RANGE_DISAGREES_METERS
            && self.speed_residual_mps() < SPEED_DISAGREES_MPS
    }
}
