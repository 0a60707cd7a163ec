//! What a vehicle is told to do from outside.

/// The control input of one vehicle. It takes effect at once; the vehicle's dynamics obey their limits.
///
/// All but `Autonomous` and `Manual` judge the distance ahead by the tracker (`gap`), not by the range sensor that the
/// vehicle's own autopilot relies on, because that sensor may be what failed; they follow the lane, and
/// brake harder than stated where the vehicle ahead makes it necessary.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Drive {
    /// The vehicle drives by itself. Ends [`Drive::Estop`].
    Autonomous,
    /// Stop comfortably, at most 2.5 m/s2, and stand.
    Hold,
    /// Drive, but no faster than this many m/s. Below 0.5, or not a finite number, it means [`Drive::Hold`].
    SpeedCap(f64),
    /// A minimal-risk manoeuvre.
    Fallback(Manoeuvre),
    /// Emergency stop, then immobile whatever else is asked, until [`Drive::Autonomous`].
    Estop,
    /// Nobody steers for the moment: follow the lane and slow down by 2 m/s2.
    Neutral,
    /// A person is in control but has said nothing yet: keep to the last speed cap or hold of this
    /// takeover, or to the present speed where there was none.
    Human,
    /// A person steers, accelerates and brakes by hand. Nothing keeps the vehicle in its lane or off the one
    /// ahead but that person; a rail at the edge of the road holds it. A share that is not a number counts as 0.
    Manual {
        /// -1 (right) to 1 (left), as a share of what the tyres allow at this speed; 0 follows the bend of the
        /// road.
        steer: f64,
        /// -1 (braking with 4 m/s2) to 1 (accelerating with 2 m/s2); 0 rolls on.
        accelerate: f64,
        /// No faster than this many m/s; `None` means no faster than 80 km/h.
        cap_mps: Option<f64>,
    },
}

/// A minimal-risk manoeuvre, by fallback level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Manoeuvre {
    /// Level 0: stay at standstill. A vehicle that moves stops comfortably instead.
    StandStill,
    /// Level 1: stop in lane with 3.5 m/s2, below the 4 m/s2 that UN R157 5.5.1 allows.
    Comfortable,
    /// Level 2: slow down to walking pace, move to the right edge of the right lane, and stop there. After
    /// 12 s it stops wherever it is.
    PullOver,
    /// Level 3: emergency stop with 8 m/s2.
    Emergency,
}

impl Manoeuvre {
    /// Returns the manoeuvre of a fallback level, 0 to 3; `None` for others.
    pub fn from_level(level: u8) -> Option<Self> {
        match level {
            0 => Some(Manoeuvre::StandStill),
            1 => Some(Manoeuvre::Comfortable),
            2 => Some(Manoeuvre::PullOver),
            3 => Some(Manoeuvre::Emergency),
            4..=u8::MAX => None,
        }
    }

    /// Returns the fallback level, 0 to 3.
    pub fn level(self) -> u8 {
        match self {
            Manoeuvre::StandStill => 0,
            Manoeuvre::Comfortable => 1,
            Manoeuvre::PullOver => 2,
            Manoeuvre::Emergency => 3,
        }
    }
}

/// Deceleration of [`Drive::Hold`], m/s2.
pub const HOLD_MPS2: f64 = 2.5;
/// Deceleration of [`Manoeuvre::Comfortable`], m/s2.
pub const COMFORTABLE_STOP_MPS2: f64 = 3.5;
/// Deceleration while pulling over, m/s2; gentle, because moving sideways takes road.
pub const PULL_OVER_MPS2: f64 = 2.0;
/// Deceleration of [`Manoeuvre::Emergency`] and [`Drive::Estop`], m/s2.
pub const EMERGENCY_MPS2: f64 = 8.0;
/// Deceleration of [`Drive::Neutral`], m/s2.
pub const NEUTRAL_MPS2: f64 = 2.0;
/// Acceleration of [`Drive::Manual`] with the pedal down, m/s2: brisk, and still comfortable.
pub const MANUAL_ACCELERATION_MPS2: f64 = 2.0;
/// Deceleration of [`Drive::Manual`] with the brake down, m/s2: a service braking, not a hard one
/// ([`HARD_BRAKING_MPS2`](super::HARD_BRAKING_MPS2)).
pub const MANUAL_BRAKING_MPS2: f64 = 4.0;
/// Fastest that anybody drives by hand from afar, m/s: 80 km/h. Ours.
pub const MANUAL_TOP_MPS: f64 = 80.0 / 3.6;

/// Slowest speed that a vehicle is driven at, m/s; below it, it stands.
pub(super) const SLOWEST_MPS: f64 = 0.5;

impl Drive {
    /// Returns whether standing still is what this drive is for.
    pub fn is_stop(self) -> bool {
        match self {
            Drive::Hold | Drive::Fallback(_) | Drive::Estop => true,
            Drive::Autonomous | Drive::SpeedCap(_) | Drive::Neutral | Drive::Human | Drive::Manual { .. } => {
                false
            }
        }
    }

    /// Returns the deceleration in m/s2 that this drive promises; `None` where it promises none.
    pub fn deceleration_mps2(self) -> Option<f64> {
        match self {
            Drive::Hold => Some(HOLD_MPS2),
            Drive::Fallback(Manoeuvre::StandStill | Manoeuvre::Comfortable) => Some(COMFORTABLE_STOP_MPS2),
            Drive::Fallback(Manoeuvre::PullOver) => Some(PULL_OVER_MPS2),
            Drive::Fallback(Manoeuvre::Emergency) | Drive::Estop => Some(EMERGENCY_MPS2),
            Drive::Neutral => Some(NEUTRAL_MPS2),
            Drive::Autonomous | Drive::SpeedCap(_) | Drive::Human | Drive::Manual { .. } => None,
        }
    }

    /// Returns whether others see hazard lights: R157 asks for them during a minimal-risk manoeuvre.
    pub(super) fn shows_hazard_lights(self) -> bool {
        self.is_stop()
    }

    /// Reads a meaningless or standing speed cap as a hold, and a meaningless hand as none, so that bad input is
    /// safe.
    pub(super) fn checked(self) -> Self {
        let share = |value: f64| if value.is_finite() { value.clamp(-1.0, 1.0) } else { 0.0 };
        match self {
            Drive::SpeedCap(cap) if !cap.is_finite() || cap < SLOWEST_MPS => Drive::Hold,
            Drive::Manual { steer, accelerate, cap_mps } => Drive::Manual {
                steer: share(steer),
                accelerate: share(accelerate),
                cap_mps: cap_mps.map(|cap| if cap.is_finite() { cap.max(0.0) } else { 0.0 }),
            },
            Drive::Autonomous
            | Drive::Hold
            | Drive::SpeedCap(_)
            | Drive::Fallback(_)
            | Drive::Estop
            | Drive::Neutral
            | Drive::Human => self,
        }
    }
}
