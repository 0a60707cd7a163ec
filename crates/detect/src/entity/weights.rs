//! How much each kind of evidence is worth, learnt from verdicts one by one.

use super::EVIDENCE;
use std::ops::Range;

/// The first step of a weight.
const RATE: f64 = 0.6;
/// A weight is at most so large, whatever verdicts say.
const MOST: f64 = 20.0;

/// Logistic regression by stochastic gradient descent with a step of its own for each weight (AdaGrad; Duchi, Hazan and
/// Singer 2011).
#[derive(Clone, Debug)]
pub(super) struct Weights {
    values: [f64; EVIDENCE],
    squares: [f64; EVIDENCE],
    verdicts: u64,
}

impl Weights {
    pub(super) fn new() -> Self {
        Self { values: [0.0; EVIDENCE], squares: [1e-6; EVIDENCE], verdicts: 0 }
    }

    /// Returns how likely fraud is, 0 to 1; `None` before the first verdict.
    pub(super) fn probability(&self, evidence: &[f64; EVIDENCE]) -> Option<f64> {
        let sum: f64 = self.values.iter().zip(evidence).map(|(weight, value)| weight * value).sum();
        (self.verdicts > 0).then(|| 1.0 / (1.0 + (-sum).exp()))
    }

    /// Returns what some kinds of evidence add to the log-odds of fraud.
    pub(super) fn share(&self, evidence: &[f64; EVIDENCE], kinds: Range<usize>) -> f64 {
        let some = self.values.iter().zip(evidence).take(kinds.end).skip(kinds.start);
        some.map(|(weight, value)| weight * value).sum()
    }

    pub(super) fn learn(&mut self, evidence: &[f64; EVIDENCE], is_fraud: bool) {
        let found = self.probability(evidence).unwrap_or(0.5);
        let off = found - f64::from(u8::from(is_fraud));
        for ((weight, squares), value) in self.values.iter_mut().zip(&mut self.squares).zip(evidence) {
            let gradient = off * value;
            *squares += gradient * gradient;
            *weight = (*weight - RATE * gradient / squares.sqrt()).clamp(-MOST, MOST);
        }
        self.verdicts += 1;
    }
}
