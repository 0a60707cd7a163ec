//! How sure an agent says it is.

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// A probability between 0 and 1, never NaN.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Confidence(f64);

/// The number is not a probability.
#[derive(Clone, Copy, Debug, PartialEq, Error)]
#[error("a confidence lies between 0 and 1, got {0}")]
pub struct ConfidenceError(pub f64);

impl Confidence {
    /// Checks that `value` lies between 0 and 1.
    pub fn new(value: f64) -> Result<Self, ConfidenceError> {
        if (0.0..=1.0).contains(&value) { Ok(Self(value)) } else { Err(ConfidenceError(value)) }
    }

    /// Returns the number, 0 to 1.
    pub const fn get(self) -> f64 {
        self.0
    }
}

impl TryFrom<f64> for Confidence {
    type Error = ConfidenceError;
    fn try_from(value: f64) -> Result<Self, ConfidenceError> {
        Self::new(value)
    }
}

impl From<Confidence> for f64 {
    fn from(confidence: Confidence) -> f64 {
        confidence.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_confidence_is_a_probability() {
        assert!(Confidence::new(0.0).is_ok() && Confidence::new(1.0).is_ok());
        for bad in [-0.1, 1.000_1, f64::NAN, f64::INFINITY] {
            assert!(Confidence::new(bad).is_err(), "{bad}");
        }
    }
}
