//! Learns weights from what people say of alerts.
//!
//! A verdict moves the [`Weights`] by one step of online mirror descent, as in feedback-guided anomaly detection (Siddiqui et
//! al. 2018, "Feedback-Guided Anomaly Detection via Online Optimization"): the parts that led to a false alarm count less,
//! those that led to a real one more. Steps are multiplicative (exponentiated gradient, Kivinen and Warmuth 1997). The loss is the
//! logistic one, with the score as the probability that the alert is real: it is the logistic function of how much rarer
//! than the budget the row is, in logarithms. A real alert that was sure teaches next to nothing, one that was nearly
//! missed teaches what others like it need. We deviate in three things:
//!
//! - a step is the smaller the more verdicts of its kind there were beside the other: a hundred false alarms to one real
//!   alert are no reason to distrust what all alerts have in common, and false alarms alone quieten ever less;
//! - it is in shares of the largest part in place of amounts, so that no alert teaches more for being large;
//! - it is bounded: no verdict changes a weight by more than [`MOST_CHANGE`].
//!
//! Weights are only of a [`Stack`](crate::Stack)'s evidence. Limits, rules and physical envelopes are raised elsewhere and never pass
//! through them, so that no verdict can silence one.

use super::weights::{Shares, Weights};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use thiserror::Error;
use watchkeeper_model::{AlertId, Verdict};

/// No verdict changes a weight by more than this share of it.
pub const MOST_CHANGE: f64 = 0.05;
/// Alerts that may wait for a verdict; the oldest are given up first.
pub const MAX_WAITING: usize = 1_024;

/// Says why something cannot be learned from.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum LearnError {
    /// Alerts are told in the order of their numbers, once each.
    #[error("alert {} is not newer than alert {}, which was told before", alert.0, newest.0)]
    NotNew {
        /// Which was told.
        alert: AlertId,
        /// The newest there was.
        newest: AlertId,
    },
    /// It has its verdict, was given up as one of too many, or was never told.
    #[error("alert {} does not wait for a verdict", .0.0)]
    NotWaiting(AlertId),
    /// A score that is none.
    #[error("a score of {0} is not within 0 to 1")]
    Score(f64),
    /// A saved state whose parts do not belong together.
    #[error("a saved state that is not whole: save it anew")]
    Broken,
}

/// What is kept of an alert until there is a verdict.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Waiting {
    shares: Shares,
    score: f64,
}

/// What was said so far, in gradients of the loss; 1 of each is there at first.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Said {
    false_alarm: f64,
    real: f64,
}

impl Default for Said {
    fn default() -> Self {
        Self { false_alarm: 1.0, real: 1.0 }
    }
}

/// What a verdict did: a line of the record, from which it can be computed again.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Update {
    /// Counted from 1; a number is used once, also after a rollback.
    pub number: u64,
    /// Of which alert.
    pub alert: AlertId,
    /// What was said of it.
    pub verdict: Verdict,
    /// What had led to it.
    pub shares: Shares,
    /// Its score, 0 to 1.
    pub score: f64,
    /// The size of the step in nats: below 0 after a false alarm, 0 where nobody can say.
    pub step: f64,
    /// The weights until then.
    pub before: Weights,
    /// The weights from then on.
    pub after: Weights,
}

/// Weights that are learned, and the alerts that wait for a verdict. It keeps the last [`Update`] only; who wants them all keeps
/// what [`judge`](Self::judge) returns.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Learner {
    weights: Weights,
    said: Said,
    updates: u64,
    waiting: BTreeMap<AlertId, Waiting>,
    newest: Option<AlertId>,
    /// The last update, and what had been said until then; `None` where there was none, or it was taken back.
    last: Option<(Update, Said)>,
}

impl Learner {
    /// Returns whether one that was read back can be gone on from: saved in a form that keeps every bit of a number, as
    /// MessagePack does, it goes on as if it had not been.
    ///
    /// # Errors
    /// Numbers that it never has.
    pub fn check(self) -> Result<Self, LearnError> {
        let is_score = |score: f64| (0.0..=1.0).contains(&score);
        let is_said =
            |said: Said| [said.false_alarm, said.real].iter().all(|of| *of >= 1.0 && of.is_finite());
        let newest = self.waiting.last_key_value().map(|(alert, _)| *alert);
        let is_whole = is_said(self.said)
            && self.waiting.len() <= MAX_WAITING
            && newest <= self.newest
            && self.waiting.values().all(|waiting| is_score(waiting.score))
            && self.last.is_none_or(|(update, said)| is_score(update.score) && is_said(said));
        if is_whole { Ok(self) } else { Err(LearnError::Broken) }
    }

    /// The weights as they are now.
    pub const fn weights(&self) -> Weights {
        self.weights
    }

    /// Keeps what led to an alert until there is a verdict: [`Scored::shares`](crate::Scored::shares) and its score. More than
    /// [`MAX_WAITING`] do not wait: the oldest is given up.
    ///
    /// # Errors
    /// An alert whose number is not above all before, or a score that is not 0 to 1.
    pub fn remember(&mut self, alert: AlertId, shares: Shares, score: f64) -> Result<(), LearnError> {
        if let Some(newest) = self.newest.filter(|newest| *newest >= alert) {
            return Err(LearnError::NotNew { alert, newest });
        }
        if !(0.0..=1.0).contains(&score) {
            return Err(LearnError::Score(score));
        }
        self.newest = Some(alert);
        self.wait(alert, Waiting { shares, score });
        Ok(())
    }

    fn wait(&mut self, alert: AlertId, waiting: Waiting) {
        self.waiting.insert(alert, waiting);
        while self.waiting.len() > MAX_WAITING {
            self.waiting.pop_first();
        }
    }

    /// Takes a verdict, in any order and once for each alert, and returns what it did.
    ///
    /// # Errors
    /// An alert that does not wait for one.
    pub fn judge(&mut self, alert: AlertId, verdict: Verdict) -> Result<Update, LearnError> {
        let Waiting { shares, score } = self.waiting.remove(&alert).ok_or(LearnError::NotWaiting(alert))?;
        let said = self.said;
        let step = match verdict {
            Verdict::FalseAlarm => {
                self.said.false_alarm += score;
                -step(score, said.false_alarm, said.real)
            }
            Verdict::Real | Verdict::Late => {
                self.said.real += 1.0 - score;
                step(1.0 - score, said.real, said.false_alarm)
            }
            Verdict::Unclear => 0.0,
        };
        self.updates += 1;
        let (before, after) = (self.weights, self.weights.moved(&shares, step));
        let update = Update { number: self.updates, alert, verdict, shares, score, step, before, after };
        self.weights = after;
        self.last = Some((update, said));
        Ok(update)
    }

    /// Takes the last verdict back and returns what it had done: the weights are what they were, to the bit, and its alert
    /// waits for a verdict again, unless [`MAX_WAITING`] newer ones do. `None` where there was none, or it was taken back before.
    pub fn roll_back(&mut self) -> Option<Update> {
        let (update, said) = self.last.take()?;
        (self.weights, self.said) = (update.before, said);
        self.wait(update.alert, Waiting { shares: update.shares, score: update.score });
        Some(update)
    }
}

/// Returns the size of a step: at most what changes a weight by [`MOST_CHANGE`], where the loss has this gradient, 0 to 1, and so
/// much was said like it and of the other kind.
fn step(gradient: f64, same: f64, other: f64) -> f64 {
    libm::log1p(MOST_CHANGE) * gradient * (2.0 * other / (same + other)).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stack::{LEAST_WEIGHT, MOST_WEIGHT, PARTS};

    /// Shares of an alert to which one part of novelty led mostly.
    fn mostly(part: usize) -> Shares {
        let mut parts = [0.01; PARTS - 1];
        parts[part] = 1.0;
        Shares::of_novelty(parts).expect("they are above 0")
    }

    fn numbers(weights: Weights) -> [f64; PARTS] {
        weights.into()
    }

    #[test]
    fn what_led_to_false_alarms_counts_less_and_what_led_to_real_ones_more() {
        let mut learner = Learner::default();
        for number in 1..=100 {
            let (shares, verdict) =
                if number % 2 == 0 { (mostly(6), Verdict::FalseAlarm) } else { (mostly(8), Verdict::Late) };
            learner.remember(AlertId(number), shares, 0.6).expect("it is new");
            let update = learner.judge(AlertId(number), verdict).expect("it waits");
            assert_eq!(update.before.moved(&update.shares, update.step), update.after);
            assert_eq!((update.number, update.after), (number, learner.weights()));
        }
        let weights = numbers(learner.weights());
        assert!(weights[6] < 0.6 && weights[8] > 1.5, "{weights:?}");
        assert!((weights[0] - 1.0).abs() < 0.2 && weights[11].to_bits() == 1.0_f64.to_bits(), "{weights:?}");
    }

    #[test]
    fn verdicts_come_in_any_order_once_each_and_late_ones_are_given_up() {
        let mut learner = Learner::default();
        for number in 1..=MAX_WAITING as u64 + 1 {
            learner.remember(AlertId(number), mostly(2), 0.7).expect("it is new");
        }
        assert_eq!(learner.judge(AlertId(1), Verdict::Real), Err(LearnError::NotWaiting(AlertId(1))));
        for number in [900, 2, 17] {
            learner.judge(AlertId(number), Verdict::Real).expect("it waits");
            let again = learner.judge(AlertId(number), Verdict::Real).unwrap_err();
            assert_eq!(again.to_string(), format!("alert {number} does not wait for a verdict"));
            let told_again = learner.remember(AlertId(number), mostly(2), 0.7).unwrap_err();
            assert_eq!(
                told_again.to_string(),
                format!("alert {number} is not newer than alert 1025, which was told before")
            );
        }
        assert_eq!(learner.remember(AlertId(2_000), mostly(2), 1.5), Err(LearnError::Score(1.5)));
        let before = learner.weights();
        let update = learner.judge(AlertId(3), Verdict::Unclear).expect("it waits");
        assert_eq!((update.before, update.after, learner.weights()), (before, before, before));
    }

    #[test]
    fn rolled_back_it_is_as_before_to_the_bit_and_once_only() {
        let mut learner = Learner::default();
        for number in 1..=60 {
            let verdict = if number % 3 == 0 { Verdict::Real } else { Verdict::FalseAlarm };
            learner.remember(AlertId(number), mostly((number % 11) as usize), 0.8).expect("it is new");
            let before = learner.clone();
            let update = learner.judge(AlertId(number), verdict).expect("it waits");
            assert_ne!(learner.weights(), before.weights());
            let mut back = learner.clone();
            assert_eq!(back.roll_back(), Some(update));
            assert_eq!(
                numbers(back.weights()).map(f64::to_bits),
                numbers(before.weights()).map(f64::to_bits)
            );
            assert_eq!(back.roll_back(), None);
            // Judged again, it does what it did; only its number is another.
            let again = back.judge(AlertId(number), verdict).expect("it waits again");
            assert_eq!(again, Update { number: update.number + 1, ..update });
        }
    }

    #[test]
    fn a_verdict_that_is_taken_back_lets_no_more_alerts_wait_than_may() {
        let mut learner = Learner::default();
        let most = MAX_WAITING as u64;
        for number in 1..=most {
            learner.remember(AlertId(number), mostly(2), 0.7).expect("it is new");
        }
        learner.judge(AlertId(500), Verdict::Real).expect("it waits");
        learner.remember(AlertId(most + 1), mostly(2), 0.7).expect("it is new");
        learner.roll_back().expect("there is one");
        assert_eq!(learner.waiting.len(), MAX_WAITING);
        assert_eq!(learner.judge(AlertId(1), Verdict::Real), Err(LearnError::NotWaiting(AlertId(1))));
        assert!(learner.judge(AlertId(500), Verdict::Real).is_ok(), "it waits again");
    }

    #[test]
    fn false_alarms_alone_quieten_ever_less() {
        let mut learner = Learner::default();
        let mut steps = Vec::new();
        for number in 1..=10_000 {
            learner.remember(AlertId(number), mostly(4), 0.9).expect("it is new");
            steps.push(-learner.judge(AlertId(number), Verdict::FalseAlarm).expect("it waits").step);
        }
        assert!(steps.windows(2).all(|pair| pair[1] <= pair[0]) && steps[9_999] < steps[0] / 1_000.0);
        assert!(numbers(learner.weights())[4] > 0.4, "{:?}", learner.weights());
    }

    #[test]
    fn after_any_ten_thousand_verdicts_weights_are_within_bounds_and_each_step_was_bounded() {
        let mut learner = Learner::default();
        let mut state = 7_u64;
        for number in 1..=10_000 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            // For long stretches always the same is said of the same parts.
            let part = (((state >> 40) % 3 + number / 1_000) % 12) as usize;
            let shares = if part == 11 { Shares::of_joint() } else { mostly(part) };
            let verdict = if (number / 500 + part as u64).is_multiple_of(2) {
                Verdict::Real
            } else {
                Verdict::FalseAlarm
            };
            learner.remember(AlertId(number), shares, (state >> 60) as f64 / 15.0).expect("it is new");
            let update = learner.judge(AlertId(number), verdict).expect("it waits");
            for (before, after) in numbers(update.before).into_iter().zip(numbers(update.after)) {
                assert!((LEAST_WEIGHT..=MOST_WEIGHT).contains(&after), "{number}: {after}");
                let change = (after / before).max(before / after) - 1.0;
                assert!(change <= MOST_CHANGE + 1e-12, "{number}: {change}");
            }
        }
    }

    #[test]
    fn saved_and_read_back_it_goes_on_to_the_bit() {
        let mut learner = Learner::default();
        for number in 1..=50 {
            learner.remember(AlertId(number), mostly((number % 11) as usize), 0.7).expect("it is new");
            if number % 3 == 0 {
                learner.judge(AlertId(number - 1), Verdict::FalseAlarm).expect("it waits");
            }
        }
        let saved = rmp_serde::to_vec(&learner).expect("it can be saved");
        let read: Learner = rmp_serde::from_slice(&saved).expect("it can be read");
        let mut read = read.check().expect("it is whole");
        assert_eq!(read, learner);
        let broken = |break_it: fn(&mut Learner)| {
            let mut broken = learner.clone();
            break_it(&mut broken);
            broken.check()
        };
        assert_eq!(broken(|learner| learner.said.real = f64::NAN), Err(LearnError::Broken));
        assert_eq!(
            broken(|learner| learner.newest = None),
            Err(LearnError::Broken),
            "alerts wait that never were"
        );
        let wait = |learner: &mut Learner, count: u64| {
            let waiting = Waiting { shares: mostly(3), score: 0.7 };
            learner.waiting = (1..=count).map(|number| (AlertId(number), waiting)).collect();
            learner.newest = Some(AlertId(count));
        };
        let mut full = learner.clone();
        wait(&mut full, MAX_WAITING as u64);
        assert!(full.check().is_ok());
        let mut too_full = learner.clone();
        wait(&mut too_full, MAX_WAITING as u64 + 1);
        assert_eq!(too_full.check(), Err(LearnError::Broken), "more wait than may");
        let updates = [&mut read, &mut learner].map(|of| of.judge(AlertId(1), Verdict::Real));
        assert_eq!(updates[0], updates[1]);
        let line = serde_json::to_value(updates[0].as_ref().expect("it waits")).expect("a record");
        assert_eq!((&line["number"], &line["verdict"]), (&17.into(), &"real".into()));
        assert_eq!(line["after"].as_array().map(Vec::len), Some(PARTS));
    }
}
