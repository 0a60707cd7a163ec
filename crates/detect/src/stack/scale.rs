//! Where a number usually is and how far it strays, held still once it is known.
//!
//! Cells of what was seen are counted in this scale. One that followed the stream would move under the cells: a value that
//! was seen a hundred times would fall into a new one. So the scale is that of the first [`SETTLED`] values, and is
//! taken anew only when a generation of cells ends and the stream has moved far from it ([`Scale::renew`]).

use serde::{Deserialize, Serialize};

/// The scale is held still after so many values.
const SETTLED: u32 = 200;
/// Over so many values the running mean and deviation follow the stream.
const SPAN: u32 = 1_000;
/// A scale is stale when the stream lies so many units from its centre, or strays so many times more or less.
const STALE: f64 = 4.0;

/// Running mean and mean deviation of a number, and the centre and unit that are held still.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Scale {
    count: u32,
    mean: f64,
    deviation: f64,
    centre: f64,
    unit: f64,
    /// One over the unit: a product takes a third of the time of a quotient.
    inverse: f64,
}

impl Scale {
    /// Takes a value; returns how many units it is from the centre as they were before it.
    pub(super) fn take(&mut self, value: f64) -> f64 {
        let found = if self.count < 2 { 0.0 } else { self.of(value) };
        self.count = self.count.saturating_add(1);
        let weight = 1.0 / f64::from(self.count.min(SPAN));
        if self.count < 2 {
            self.mean = value;
        }
        let off = (value - self.mean).abs();
        self.mean += weight * (value - self.mean);
        self.deviation += weight * (off - self.deviation);
        // A number that never changed has no unit yet.
        if self.count <= SETTLED || self.unit == 0.0 {
            self.settle();
        }
        found
    }

    fn settle(&mut self) {
        (self.centre, self.unit) = (self.mean, self.deviation);
        self.inverse = 1.0 / self.unit();
    }

    /// Returns how many units a value is from the centre.
    pub(super) fn of(&self, value: f64) -> f64 {
        (value - self.centre) * self.inverse
    }

    /// Returns one over the unit.
    pub(super) const fn inverse(&self) -> f64 {
        self.inverse
    }

    /// Returns the unit: the mean deviation, not less than 1e-9.
    pub(super) fn unit(&self) -> f64 {
        self.unit.max(1e-9)
    }

    /// Takes centre and unit anew where the stream has moved far from them; returns whether it had.
    pub(super) fn renew(&mut self) -> bool {
        let ratio = self.deviation.max(1e-9) / self.unit();
        let is_stale = self.of(self.mean).abs() > STALE || !(1.0 / STALE..=STALE).contains(&ratio);
        if is_stale {
            self.settle();
        }
        is_stale
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_held_still_once_it_has_settled_and_renewed_when_it_is_stale() {
        let mut scale = Scale::default();
        for index in 0..SETTLED {
            scale.take(f64::from(index % 3));
        }
        let before = scale.of(10.0);
        for index in 0..5_000 {
            scale.take(100.0 + f64::from(index % 3));
        }
        assert_eq!(scale.of(10.0).to_bits(), before.to_bits());
        assert!(scale.renew());
        assert!(scale.of(101.0).abs() < 1.0);
        assert!(!scale.renew());
    }

    #[test]
    fn a_number_that_never_changed_gets_its_unit_when_it_does() {
        let mut scale = Scale::default();
        for _ in 0..1_000 {
            assert!(scale.take(5.0).abs() < f64::MIN_POSITIVE);
        }
        scale.take(6.0);
        assert!(scale.of(6.0).is_finite() && scale.unit() > 1e-9);
    }
}
