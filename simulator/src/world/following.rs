//! Car following: the Intelligent Driver Model.
//!
//! Treiber, Hennecke and Helbing, Phys. Rev. E 62 (2000) 1805, equations 3 and 4, with two deviations:
//! above the wanted speed the free term brakes gently and in proportion instead of by the fourth power
//! (a low speed cap would otherwise mean full braking), and the sum is limited to what tyres give.

use super::motion::BRAKING_MAX_MPS2;

/// Acceleration from rest, m/s2: between Treiber's 1.0 and 1.4.
const ACCELERATION_MPS2: f64 = 1.2;
/// Comfortable braking, m/s2: between Treiber's 1.5 and 2.0.
const COMFORT_MPS2: f64 = 1.8;
/// Time headway, seconds.
const HEADWAY_SECS: f64 = 1.5;
/// Distance kept at standstill, metres. The model is string stable at low speed while the acceleration
/// exceeds this over the headway squared (0.89).
const STANDING_GAP_METERS: f64 = 2.0;
/// Hardest braking merely to come down to a wanted speed, m/s2.
const SLOWING_MPS2: f64 = 2.5;
/// Share of the excess speed taken off each second when above the wanted speed.
const SLOWING_PER_SEC: f64 = 1.0;

/// The vehicle ahead, as the follower sees it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ahead {
    /// Bumper to bumper, metres; below 0.1 is read as 0.1.
    pub(super) gap_meters: f64,
    /// Speed at which the gap shrinks, m/s.
    pub(super) closing_mps: f64,
}

/// Returns the acceleration in m/s2 that the model asks for.
pub(super) fn acceleration(speed_mps: f64, wanted_mps: f64, ahead: Option<Ahead>) -> f64 {
    let free = if speed_mps <= wanted_mps {
        let ratio = speed_mps / wanted_mps.max(0.1);
        ACCELERATION_MPS2 * (1.0 - ratio * ratio * ratio * ratio)
    } else {
        ((wanted_mps - speed_mps) * SLOWING_PER_SEC).max(-SLOWING_MPS2)
    };
    let interaction = ahead.map_or(0.0, |ahead| {
        let approach = speed_mps * ahead.closing_mps / (2.0 * (ACCELERATION_MPS2 * COMFORT_MPS2).sqrt());
        let wanted_gap = STANDING_GAP_METERS + (speed_mps * HEADWAY_SECS + approach).max(0.0);
        let ratio = wanted_gap / ahead.gap_meters.max(0.1);
        ACCELERATION_MPS2 * ratio * ratio
    });
    (free - interaction).max(-BRAKING_MAX_MPS2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alone_at_the_wanted_speed_nothing_is_asked() {
        assert!(acceleration(15.0, 15.0, None).abs() < 1e-12);
        assert!(acceleration(0.0, 15.0, None) > 1.19);
    }

    #[test]
    fn at_the_equilibrium_gap_nothing_is_asked() {
        let gap_meters = (2.0 + 10.0 * 1.5) / (1.0 - (10.0_f64 / 15.0).powi(4)).sqrt();
        let asked = acceleration(10.0, 15.0, Some(Ahead { gap_meters, closing_mps: 0.0 }));
        assert!(asked.abs() < 1e-9, "{asked}");
    }

    #[test]
    fn a_wall_ahead_asks_for_everything_the_tyres_give() {
        let asked = acceleration(15.0, 15.0, Some(Ahead { gap_meters: 10.0, closing_mps: 15.0 }));
        assert!((asked + BRAKING_MAX_MPS2).abs() < 1e-12);
    }

    #[test]
    fn far_above_the_wanted_speed_braking_stays_comfortable() {
        assert!((acceleration(15.0, 3.0, None) + SLOWING_MPS2).abs() < 1e-12);
    }
}
