//! A person and a model decide together, and the person is asked where that is worth most.
//!
//! Kerrigan, Smyth and Steyvers 2021 ("Combining Human Predictions with Model Probabilities via Confusion Matrices and
//! Calibration", arXiv 2109.14591): given the truth, what a person answers is taken to be independent of the model, so that
//! the probability of a class is the model's calibrated probability times that of the person's answer for this class. The
//! confusion matrix has a Dirichlet prior as theirs has; ours draws a row towards what persons answer on the whole and not
//! towards equal errors.
//!
//! They ask a person always. Whom to ask about is ours: the expected gain of asking is how much more often the more likely class
//! is right once the answer is known, the average over all answers less what the model is sure of alone. It is zero where no
//! answer would change the decision.
//!
//! Answers of several persons are taken one after the other, as if independent given the truth. They are not quite (what is
//! hard for one is hard for the next), so that a second answer is worth a little less than it says.

use crate::calibration::announced;

/// Labels that the prior of a row counts for.
const PRIOR_ANSWERS: f64 = 1.0;

/// How often a person answers what, by what was right.
#[derive(Clone, Debug, PartialEq)]
pub struct ConfusionMatrix {
    /// `[truth][answer]`; rows have the sum 1.
    rates: Vec<Vec<f64>>,
}

impl ConfusionMatrix {
    /// Learns from counted answers: what was right, what was answered, how often. Classes beyond `classes` are passed over.
    pub fn learn(answers: impl IntoIterator<Item = (usize, usize, u32)>, classes: usize) -> Self {
        let mut counts = vec![vec![0.0; classes]; classes];
        let mut totals = vec![1.0; classes];
        for (truth, answer, times) in answers {
            let Some(count) = counts.get_mut(truth).and_then(|row| row.get_mut(answer)) else { continue };
            *count += f64::from(times);
            if let Some(total) = totals.get_mut(answer) {
                *total += f64::from(times);
            }
        }
        let all: f64 = totals.iter().sum();
        for row in &mut counts {
            let answers: f64 = row.iter().sum::<f64>() + PRIOR_ANSWERS;
            for (count, total) in row.iter_mut().zip(&totals) {
                *count = (*count + PRIOR_ANSWERS * total / all) / answers;
            }
        }
        Self { rates: counts }
    }

    /// Returns the probability of an answer where `truth` is right; 0 of classes that there are not.
    pub fn rate(&self, truth: usize, answer: usize) -> f64 {
        self.rates.get(truth).and_then(|row| row.get(answer)).copied().unwrap_or(0.0)
    }

    /// Returns the probability of each class once a person has answered; `probabilities` are calibrated, with the sum 1.
    ///
    /// They stay as they are where the answer is possible for no class that the model holds possible.
    pub fn combine(&self, probabilities: &[f64], answer: usize) -> Vec<f64> {
        let joint = self.joint(probabilities, answer);
        let sum: f64 = joint.iter().sum();
        if sum > 0.0 { joint.iter().map(|weight| weight / sum).collect() } else { probabilities.to_vec() }
    }

    /// Returns how much more often the decision is expected to be right if a person is asked: 0 to 1.
    pub fn gain(&self, probabilities: &[f64]) -> f64 {
        let greatest = |weights: &[f64]| weights.get(announced(weights)).copied().unwrap_or(0.0);
        let asked: f64 =
            (0..self.rates.len()).map(|answer| greatest(&self.joint(probabilities, answer))).sum();
        (asked - greatest(probabilities)).max(0.0)
    }

    fn joint(&self, probabilities: &[f64], answer: usize) -> Vec<f64> {
        probabilities.iter().enumerate().map(|(truth, p)| p * self.rate(truth, answer)).collect()
    }
}
