//! How much each part of a stream's evidence counts.
//!
//! A row's novelty is a sum over kinds of cells, and of how far out the value is; the joint chart is one more part. Each is
//! multiplied by its weight, so that a score is as linear in the weights as feedback-guided anomaly detection wants it
//! (Siddiqui et al. 2018). With every weight 1 it is what it is without weights, to the bit.

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Parts that are weighed.
pub const PARTS: usize = 12;
/// Those of novelty: the kinds of cells, and the distance.
pub(super) const NOVELTY_PARTS: usize = PARTS - 1;
/// No weight is ever lower or higher: evidence can be quietened, never silenced.
pub const LEAST_WEIGHT: f64 = 0.25;
/// See [`LEAST_WEIGHT`].
pub const MOST_WEIGHT: f64 = 4.0;
/// The joint chart's share of a step: what is a channel by itself would else move as fast as the first of eleven.
const JOINT_STEP: f64 = 0.2;
/// How often the interval of the factor that keeps the sum is halved: to the last bit.
const HALVES: u32 = 60;
/// What a sum may be off by rounding.
const ROUNDING: f64 = 1e-6;

/// A part of the evidence, in the order of [`Weights`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// Where the value is.
    Level,
    /// Where it is at this hour of the day.
    LevelByHour,
    /// How far it went, and how far it is from where it just was.
    StepAndResidual,
    /// Where it just was, and where it was for long.
    FastAndSlow,
    /// How lively it is, and how wide its envelope.
    Activity,
    /// For how long it stands still, and where.
    Standing,
    /// How far it went.
    Step,
    /// How far it is from what is usual at this time of day.
    OfDay,
    /// Where it was for long.
    Slow,
    /// Of which order of magnitude it is.
    Magnitude,
    /// How far out it is, where anything of it is new.
    Distance,
    /// Signals are not together as they usually are.
    Joint,
}

impl Part {
    /// All of them, in the order of [`Weights`].
    pub const ALL: [Self; PARTS] = [
        Self::Level,
        Self::LevelByHour,
        Self::StepAndResidual,
        Self::FastAndSlow,
        Self::Activity,
        Self::Standing,
        Self::Step,
        Self::OfDay,
        Self::Slow,
        Self::Magnitude,
        Self::Distance,
        Self::Joint,
    ];
}

/// Says why numbers are no weights, or no shares.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum WeightsError {
    /// One is out of bounds.
    #[error("the weight {weight} of {part:?} is not within {LEAST_WEIGHT} to {MOST_WEIGHT}")]
    Weight {
        /// Whose.
        part: Part,
        /// What it is.
        weight: f64,
    },
    /// Those of novelty do not keep the scale.
    #[error("the weights of novelty add up to {0}, not to {NOVELTY_PARTS}")]
    Sum(f64),
    /// Shares that are none.
    #[error("the shares of an alert are not 0 to 1 each, or do not add up to 1")]
    Shares,
}

/// A weight for each [`Part`]: each within [`LEAST_WEIGHT`] to [`MOST_WEIGHT`], those of novelty with a mean of 1, so that
/// evidence as a whole keeps its scale. One value may serve all streams of a kind.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "[f64; PARTS]", into = "[f64; PARTS]")]
pub struct Weights([f64; PARTS]);

impl Default for Weights {
    /// All 1.
    fn default() -> Self {
        Self([1.0; PARTS])
    }
}

impl From<Weights> for [f64; PARTS] {
    fn from(weights: Weights) -> Self {
        weights.0
    }
}

impl TryFrom<[f64; PARTS]> for Weights {
    type Error = WeightsError;

    fn try_from(weights: [f64; PARTS]) -> Result<Self, WeightsError> {
        let bad = |(_, weight): &(Part, f64)| !(LEAST_WEIGHT..=MOST_WEIGHT).contains(weight);
        if let Some((part, weight)) = Part::ALL.into_iter().zip(weights).find(bad) {
            return Err(WeightsError::Weight { part, weight });
        }
        let sum: f64 = Self(weights).novelty().iter().sum();
        if (sum - NOVELTY_PARTS as f64).abs() > ROUNDING {
            return Err(WeightsError::Sum(sum));
        }
        Ok(Self(weights))
    }
}

impl Weights {
    /// Those of novelty, in the order of [`Part`].
    pub(super) const fn novelty(&self) -> &[f64; NOVELTY_PARTS] {
        let [novelty @ .., _] = &self.0;
        novelty
    }

    pub(super) const fn joint(&self) -> f64 {
        let [.., joint] = self.0;
        joint
    }

    /// Returns what an exponentiated-gradient step of size `by` makes of them (mirror descent with the entropy as its map):
    /// each is multiplied by exp(`by` times its share of the largest), then those of novelty are brought back to their sum and
    /// their bounds by the one factor that does both: the nearest such weights in relative entropy. None changes by more than
    /// a factor of exp(|`by`|).
    pub(super) fn moved(&self, shares: &Shares, by: f64) -> Self {
        let [of_novelty @ .., of_joint] = shares.0;
        let bounded = |weight: f64| weight.clamp(LEAST_WEIGHT, MOST_WEIGHT);
        let largest = of_novelty.into_iter().fold(f64::MIN_POSITIVE, f64::max);
        let mut weights = self.0;
        let [novelty @ .., joint] = &mut weights;
        for (weight, share) in novelty.iter_mut().zip(of_novelty) {
            *weight *= libm::exp(by * (share / largest));
        }
        let back = libm::exp(-by);
        let (mut low, mut high) = (back.min(1.0), back.max(1.0));
        for _ in 0..HALVES {
            let factor = f64::midpoint(low, high);
            let sum: f64 = novelty.iter().map(|weight| bounded(weight * factor)).sum();
            *(if sum < NOVELTY_PARTS as f64 { &mut low } else { &mut high }) = factor;
        }
        for weight in novelty {
            *weight = bounded(*weight * high);
        }
        *joint = bounded(*joint * libm::exp(by * JOINT_STEP * of_joint));
        Self(weights)
    }
}

/// How much each [`Part`] had to do with an alert, before weights: each 0 to 1, together 1.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "[f64; PARTS]", into = "[f64; PARTS]")]
pub struct Shares([f64; PARTS]);

impl From<Shares> for [f64; PARTS] {
    fn from(shares: Shares) -> Self {
        shares.0
    }
}

impl TryFrom<[f64; PARTS]> for Shares {
    type Error = WeightsError;

    fn try_from(shares: [f64; PARTS]) -> Result<Self, WeightsError> {
        let is_whole = (shares.iter().sum::<f64>() - 1.0).abs() <= ROUNDING;
        let are_shares = shares.iter().all(|share| (0.0..=1.0).contains(share));
        if is_whole && are_shares { Ok(Self(shares)) } else { Err(WeightsError::Shares) }
    }
}

impl Shares {
    /// Those of an alert of novelty, of what its parts came to; `None` where that is nothing.
    pub(super) fn of_novelty(parts: [f64; NOVELTY_PARTS]) -> Option<Self> {
        let sum: f64 = parts.iter().sum();
        let mut shares = [0.0; PARTS];
        shares.iter_mut().zip(parts).for_each(|(share, part)| *share = part / sum);
        Self::try_from(shares).ok()
    }

    /// Those of an alert of the joint chart.
    pub(super) const fn of_joint() -> Self {
        let mut shares = [0.0; PARTS];
        let [.., joint] = &mut shares;
        *joint = 1.0;
        Self(shares)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Shares that are drawn: of novelty, or of the joint chart.
    fn shares() -> impl Strategy<Value = Shares> {
        let novelty = proptest::array::uniform11(0.0..1.0_f64);
        (novelty, 0..8_usize).prop_map(|(mut parts, which)| {
            // Often one of them stands out, so that weights reach their bounds.
            if which > 2 {
                parts[which] += 1e3;
            }
            if which == 0 { Shares::of_joint() } else { Shares::of_novelty(parts).expect("above 0") }
        })
    }

    proptest! {
        #[test]
        fn a_step_keeps_bounds_and_sum_and_changes_no_weight_by_more_than_its_size(
            steps in proptest::collection::vec((shares(), -0.3..0.3_f64), 1..200)
        ) {
            let mut weights = Weights::default();
            for (shares, by) in steps {
                let after = weights.moved(&shares, by);
                let most = libm::exp(by.abs()) * (1.0 + 1e-12);
                let pairs = <[f64; PARTS]>::from(weights).into_iter().zip(<[f64; PARTS]>::from(after));
                for (before, after) in pairs {
                    prop_assert!((LEAST_WEIGHT..=MOST_WEIGHT).contains(&after), "{}", after);
                    prop_assert!(after / before <= most && before / after <= most, "{} {}", before, after);
                }
                let sum: f64 = after.novelty().iter().sum();
                prop_assert!((sum - NOVELTY_PARTS as f64).abs() < 1e-9, "{}", sum);
                weights = after;
            }
        }
    }

    #[test]
    fn a_step_of_no_size_changes_no_bit() {
        let shares =
            Shares::of_novelty([0.5, 0.0, 0.0, 0.2, 0.0, 0.0, 0.3, 0.0, 0.0, 0.0, 0.0]).expect("shares");
        let weights = Weights::default().moved(&shares, 0.04).moved(&shares, -0.01);
        assert_eq!(weights.moved(&shares, 0.0), weights);
    }

    #[test]
    fn numbers_that_are_no_weights_are_refused_by_name() {
        let mut numbers = [1.0; PARTS];
        numbers[5] = 0.0;
        let refused = |numbers: [f64; PARTS]| Weights::try_from(numbers).unwrap_err().to_string();
        assert_eq!(refused(numbers), "the weight 0 of Standing is not within 0.25 to 4");
        numbers[5] = 1.5;
        assert_eq!(refused(numbers), "the weights of novelty add up to 11.5, not to 11");
        numbers[5] = f64::NAN;
        assert!(Weights::try_from(numbers).is_err());
        assert!(Shares::try_from([0.5; PARTS]).is_err());
        let mut shares = [0.0; PARTS];
        (shares[0], shares[1]) = (1.5, -0.5);
        assert!(Shares::try_from(shares).is_err());
    }
}
