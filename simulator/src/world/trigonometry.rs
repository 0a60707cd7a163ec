//! Sine, cosine and arctangent from the four operations and the square root alone.
//!
//! IEEE 754 fixes those to the last bit, but leaves the transcendental functions to each platform's maths
//! library. With these the world gives the same bytes everywhere. Errors stay below 1e-12 for arguments of
//! a few turns, far below anything a vehicle notices.

use std::f64::consts::{FRAC_2_PI, FRAC_PI_2};

/// Returns sine and cosine of an angle in radians; meant for angles of a few turns.
pub(super) fn sine_cosine(angle_rad: f64) -> (f64, f64) {
    let quarter_turns = (angle_rad * FRAC_2_PI).round();
    let rest = angle_rad - quarter_turns * FRAC_PI_2;
    let square = rest * rest;
    // Taylor series by Horner's rule: on ±pi/4 the first term left out is below 1e-15.
    let sine = rest * tail(square, &[2.0 * 3.0, 4.0 * 5.0, 6.0 * 7.0, 8.0 * 9.0, 10.0 * 11.0, 12.0 * 13.0]);
    let cosine =
        tail(square, &[1.0 * 2.0, 3.0 * 4.0, 5.0 * 6.0, 7.0 * 8.0, 9.0 * 10.0, 11.0 * 12.0, 13.0 * 14.0]);
    let quadrant = quarter_turns.rem_euclid(4.0);
    if quadrant < 0.5 {
        (sine, cosine)
    } else if quadrant < 1.5 {
        (cosine, -sine)
    } else if quadrant < 2.5 {
        (-sine, -cosine)
    } else {
        (-cosine, sine)
    }
}

/// Returns the tangent of an angle well inside ±pi/2, in radians.
pub(super) fn tangent(angle_rad: f64) -> f64 {
    let (sine, cosine) = sine_cosine(angle_rad);
    sine / cosine
}

/// Returns the angle in radians, within ±pi/2, whose tangent is `ratio`.
pub(super) fn arctangent(ratio: f64) -> f64 {
    // atan x = 2 atan(x / (1 + sqrt(1 + x^2))): four halvings leave |x| < 0.1, where seven terms suffice.
    let mut x = ratio;
    for _ in 0..4 {
        x /= 1.0 + (1.0 + x * x).sqrt();
    }
    let square = x * x;
    let series = [13.0, 11.0, 9.0, 7.0, 5.0, 3.0, 1.0].iter().fold(0.0, |sum, odd| 1.0 / odd - square * sum);
    16.0 * x * series
}

/// Evaluates `1 - q/d0 (1 - q/d1 (1 - ...))`.
fn tail(square: f64, divisors: &[f64]) -> f64 {
    divisors.iter().rev().fold(1.0, |inner, divisor| 1.0 - square / divisor * inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sine_and_cosine_agree_with_the_platform_to_1e_12() {
        for step in -2_000..2_000_i32 {
            let angle = f64::from(step) * 0.007;
            let (sine, cosine) = sine_cosine(angle);
            assert!((sine - angle.sin()).abs() < 1e-12, "sin {angle}");
            assert!((cosine - angle.cos()).abs() < 1e-12, "cos {angle}");
        }
    }

    #[test]
    fn tangent_and_arctangent_agree_with_the_platform_to_1e_12() {
        for step in -400..400_i32 {
            let value = f64::from(step) * 0.003;
            assert!((arctangent(value) - value.atan()).abs() < 1e-12, "atan {value}");
            assert!((tangent(value) - value.tan()).abs() < 1e-11, "tan {value}");
        }
        assert!((arctangent(50.0) - 50.0_f64.atan()).abs() < 1e-12);
    }
}
