//! Probabilities that mean what they say: of decisions with 0.8, eight of ten are right.
//!
//! Temperature scaling (Guo, Pleiss, Sun and Weinberger 2017, "On Calibration of Modern Neural Networks", section 4.2): the
//! logarithms of the probabilities are multiplied by an inverse temperature that makes labelled decisions most likely. The order
//! of the classes stays, so that what was announced is announced still.
//!
//! We deviate in that each announced class has an inverse temperature of its own, since a model that overstates cats need not
//! overstate ships. Classes with few labels are drawn to that of all: it is the most likely one under a normal prior around it,
//! and that of all is the most likely one under a prior around 1, which changes nothing. Both are posteriors of one
//! number with a convex cost, so that a golden-section search finds them.

use thiserror::Error;

/// Standard deviation of the inverse temperature of all classes around 1.
const SPREAD_OF_ALL: f64 = 1.0;
/// Standard deviation of that of a class around that of all, as a share of it.
const SPREAD_OF_A_CLASS: f64 = 0.25;
/// Where inverse temperatures are searched for.
const RANGE: (f64, f64) = (0.01, 20.0);
/// Each step of the search leaves 0.618 of the range: 36 leave less than a millionth.
const STEPS: usize = 36;
/// No probability counts for less, so that one impossible decision decides nothing.
const LEAST: f64 = 1e-12;

/// Probabilities of a decision and the class that was right.
#[derive(Clone, Copy, Debug)]
pub struct LabelledProbabilities<'a> {
    /// One probability per class.
    pub probabilities: &'a [f64],
    /// Which class was right, from 0.
    pub truth: usize,
}

/// Says why probabilities cannot be calibrated.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum CalibrationError {
    /// The probabilities are not of as many classes as were said.
    #[error("labelled decision {row} has {found} probabilities, expected {classes}")]
    Classes {
        /// Which, from 1.
        row: usize,
        /// How many it has.
        found: usize,
        /// How many there are to be.
        classes: usize,
    },
    /// A probability is none.
    #[error("labelled decision {row} has {probability} as a probability, expected 0 to 1")]
    Probability {
        /// Which, from 1.
        row: usize,
        /// What it has.
        probability: f64,
    },
    /// The class that was right is none of them.
    #[error("labelled decision {row} has class {truth}, expected less than {classes}")]
    Truth {
        /// Which, from 1.
        row: usize,
        /// What it has.
        truth: usize,
        /// How many classes there are.
        classes: usize,
    },
}

/// What makes probabilities of one source mean what they say.
#[derive(Clone, Debug, PartialEq)]
pub struct Calibration {
    /// Inverse temperature by announced class; below 1 where the source overstates.
    inverse_temperatures: Vec<f64>,
}

impl Calibration {
    /// Learns from labelled decisions; without any, or for a class that was never announced, little or nothing changes.
    ///
    /// # Errors
    /// The first decision that cannot be used.
    pub fn learn(decisions: &[LabelledProbabilities<'_>], classes: usize) -> Result<Self, CalibrationError> {
        let mut by_class = vec![Vec::new(); classes];
        let mut all = Vec::with_capacity(decisions.len());
        for (index, decision) in decisions.iter().enumerate() {
            check(decision, index + 1, classes)?;
            let logs: Vec<f64> = decision.probabilities.iter().map(|p| p.max(LEAST).ln()).collect();
            if let Some(of_class) = by_class.get_mut(announced(decision.probabilities)) {
                of_class.push((logs.clone(), decision.truth));
            }
            all.push((logs, decision.truth));
        }
        let common = most_likely(&all, 1.0, SPREAD_OF_ALL);
        let inverse_temperatures = by_class
            .iter()
            .map(|decisions| most_likely(decisions, common, SPREAD_OF_A_CLASS * common))
            .collect();
        Ok(Self { inverse_temperatures })
    }

    /// Returns calibrated probabilities: of as many classes, in the same order, with the sum 1.
    pub fn apply(&self, probabilities: &[f64]) -> Vec<f64> {
        let inverse = self.inverse_temperatures.get(announced(probabilities)).copied().unwrap_or(1.0);
        let mut found: Vec<f64> = probabilities.iter().map(|p| inverse * p.max(LEAST).ln()).collect();
        let greatest = found.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        for log in &mut found {
            *log = (*log - greatest).exp();
        }
        let sum: f64 = found.iter().sum();
        for weight in &mut found {
            *weight /= sum;
        }
        found
    }

    /// Returns the inverse temperature of each announced class.
    pub fn inverse_temperatures(&self) -> &[f64] {
        &self.inverse_temperatures
    }
}

/// Returns the class with the greatest probability, the first of equals; 0 where there is none.
pub fn announced(probabilities: &[f64]) -> usize {
    let mut best = (0, f64::NEG_INFINITY);
    for (class, probability) in probabilities.iter().enumerate() {
        if *probability > best.1 {
            best = (class, *probability);
        }
    }
    best.0
}

/// Returns the expected calibration error (Guo et al. 2017, section 2): how far confidence is from the share that is right, on
/// average over `bins` equal parts of 0 to 1, weighted by how many decisions are in each. 0 is best; NaN of no decision.
pub fn calibration_error(decisions: impl IntoIterator<Item = (f64, bool)>, bins: u16) -> f64 {
    let mut sums = vec![(0.0, 0.0); usize::from(bins.max(1))];
    let mut count = 0.0;
    for (confidence, is_correct) in decisions {
        let bin = sums.len().saturating_sub(1).min(floor(confidence * f64::from(bins)));
        if let Some((sure, right)) = sums.get_mut(bin) {
            *sure += confidence;
            *right += f64::from(u8::from(is_correct));
        }
        count += 1.0;
    }
    sums.into_iter().map(|(sure, right): (f64, f64)| (sure - right).abs()).sum::<f64>() / count
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "below 0 is 0, above is cut off")]
fn floor(value: f64) -> usize {
    value as usize
}

fn check(decision: &LabelledProbabilities<'_>, row: usize, classes: usize) -> Result<(), CalibrationError> {
    let LabelledProbabilities { probabilities, truth } = *decision;
    if probabilities.len() != classes {
        return Err(CalibrationError::Classes { row, found: probabilities.len(), classes });
    }
    if let Some(probability) = probabilities.iter().find(|p| !(0.0..=1.0).contains(*p)) {
        return Err(CalibrationError::Probability { row, probability: *probability });
    }
    if truth >= classes {
        return Err(CalibrationError::Truth { row, truth, classes });
    }
    Ok(())
}

/// Returns the most likely inverse temperature under a normal prior.
fn most_likely(decisions: &[(Vec<f64>, usize)], around: f64, spread: f64) -> f64 {
    let cost = |inverse: f64| {
        let surprise = |(logs, truth): &(Vec<f64>, usize)| {
            // Logarithms of probabilities are not above 0, and the greatest is near 0: nothing overflows.
            let sum: f64 = logs.iter().map(|log| (inverse * log).exp()).sum();
            sum.ln() - inverse * logs.get(*truth).copied().unwrap_or_default()
        };
        let far = (inverse - around) / spread;
        decisions.iter().map(surprise).sum::<f64>() + 0.5 * far * far
    };
    let golden = (5.0_f64.sqrt() - 1.0) / 2.0;
    let (mut low, mut high) = RANGE;
    let (mut left, mut right) = (high - golden * (high - low), low + golden * (high - low));
    let (mut cost_left, mut cost_right) = (cost(left), cost(right));
    for _ in 0..STEPS {
        if cost_left < cost_right {
            (high, right, cost_right) = (right, left, cost_left);
            left = high - golden * (high - low);
            cost_left = cost(left);
        } else {
            (low, left, cost_left) = (left, right, cost_right);
            right = low + golden * (high - low);
            cost_right = cost(right);
        }
    }
    f64::midpoint(low, high)
}
