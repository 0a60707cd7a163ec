//! Probabilities that overstate, and what a person adds to them.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use crate::deferral::Chance;
use watchkeeper_detect::{
    Calibration, CalibrationError, ConfusionMatrix, LabelledProbabilities, announced, calibration_error,
};

/// Two classes: what is announced is right as often as `sharpness` times its log-odds say.
fn draw(chance: &mut Chance, sharpness: [f64; 2]) -> ([f64; 2], usize) {
    let class = usize::from(chance.draw() < 0.5);
    let log_odds = 6.0 * chance.draw();
    let odds = |log_odds: f64| 1.0 / (1.0 + (-log_odds).exp());
    let sure = odds(log_odds);
    let is_right = chance.draw() < odds(log_odds * sharpness[class]);
    let probabilities = if class == 0 { [sure, 1.0 - sure] } else { [1.0 - sure, sure] };
    (probabilities, if is_right { class } else { 1 - class })
}

fn sample(seed: u64, count: usize, sharpness: [f64; 2]) -> Vec<([f64; 2], usize)> {
    let mut chance = Chance(seed);
    (0..count).map(|_| draw(&mut chance, sharpness)).collect()
}

fn learn(sample: &[([f64; 2], usize)]) -> Calibration {
    let decisions: Vec<_> = sample
        .iter()
        .map(|(probabilities, truth)| LabelledProbabilities { probabilities, truth: *truth })
        .collect();
    Calibration::learn(&decisions, 2).unwrap()
}

fn error(sample: &[([f64; 2], usize)], by: impl Fn(&[f64]) -> Vec<f64>) -> f64 {
    let judged = sample.iter().map(|(probabilities, truth)| {
        let found = by(probabilities);
        let class = announced(&found);
        (found[class], class == *truth)
    });
    calibration_error(judged, 15)
}

#[test]
fn each_class_gets_the_temperature_that_it_was_made_with() {
    let learnt = learn(&sample(1, 20_000, [0.4, 0.9]));
    let found = learnt.inverse_temperatures();
    assert!((found[0] - 0.4).abs() < 0.03 && (found[1] - 0.9).abs() < 0.05, "{found:?}");
    let fresh = sample(2, 20_000, [0.4, 0.9]);
    let (before, after) = (error(&fresh, <[f64]>::to_vec), error(&fresh, |found| learnt.apply(found)));
    assert!(before > 0.07 && after < 0.015, "{before} before, {after} after");
}

#[test]
fn a_class_with_few_labels_stays_near_the_others_and_no_label_changes_nothing() {
    let mut few = sample(3, 20_000, [0.5, 0.5]);
    few.retain(|(probabilities, _)| announced(probabilities) == 0);
    // Three labels of class 1, all of them wrong.
    few.extend([([0.4, 0.6], 0); 3]);
    let learnt = learn(&few);
    let found = learnt.inverse_temperatures();
    assert!((found[0] - 0.5).abs() < 0.03 && (found[1] - found[0]).abs() < 0.1, "{found:?}");
    let untouched = learn(&[]).apply(&[0.25, 0.75]);
    assert!((untouched[1] - 0.75).abs() < 1e-4, "{untouched:?}");
}

#[test]
fn calibrated_probabilities_add_up_and_announce_what_was_announced() {
    let learnt = learn(&sample(4, 2_000, [0.3, 2.0]));
    let mut chance = Chance(5);
    for _ in 0..1_000 {
        let (probabilities, _) = draw(&mut chance, [1.0, 1.0]);
        let found = learnt.apply(&probabilities);
        assert!((found.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        assert_eq!(announced(&found), announced(&probabilities));
    }
    let certain = learnt.apply(&[1.0, 0.0]);
    assert!(certain[0] > 0.999 && certain[1] >= 0.0, "{certain:?}");
}

#[test]
fn the_calibration_error_is_the_one_that_is_computed_by_hand() {
    // Two at 0.95 of which one is right, and two at 0.15 of which none is: 0.5 (0.45) + 0.5 (0.15).
    let decisions = [(0.95, true), (0.95, false), (0.15, false), (0.15, false)];
    assert!((calibration_error(decisions, 10) - 0.3).abs() < 1e-12);
    assert!(calibration_error([(1.0, true), (1.0, true)], 10).abs() < 1e-12);
}

#[test]
fn what_cannot_be_used_is_named_with_its_place() {
    let learn = |probabilities: &[f64], truth| {
        let good = LabelledProbabilities { probabilities: &[0.5, 0.5], truth: 0 };
        Calibration::learn(&[good, LabelledProbabilities { probabilities, truth }], 2).unwrap_err()
    };
    assert_eq!(learn(&[1.0], 0), CalibrationError::Classes { row: 2, found: 1, classes: 2 });
    assert_eq!(learn(&[0.5, 1.5], 0), CalibrationError::Probability { row: 2, probability: 1.5 });
    assert!(matches!(learn(&[0.5, f64::NAN], 0), CalibrationError::Probability { row: 2, .. }));
    assert_eq!(learn(&[0.5, 0.5], 2), CalibrationError::Truth { row: 2, truth: 2, classes: 2 });
}

#[test]
fn a_person_is_believed_as_far_as_his_confusion_goes() {
    // Class 0 is answered rightly 99 times of 100; for class 1 half of the answers are 0.
    let person = ConfusionMatrix::learn([(0, 0, 990), (0, 1, 10), (1, 0, 500), (1, 1, 500)], 2);
    assert!((person.rate(0, 0) - 0.99).abs() < 1e-3 && (person.rate(1, 1) - 0.5).abs() < 1e-3);
    // 0.5 * 0.01 against 0.5 * 0.5, and 0.5 * 0.99 against 0.5 * 0.5.
    let (one, zero) = (person.combine(&[0.5, 0.5], 1), person.combine(&[0.5, 0.5], 0));
    assert!((one[1] - 0.5 / 0.51).abs() < 2e-3, "{one:?}");
    assert!((zero[0] - 0.99 / 1.49).abs() < 2e-3, "{zero:?}");
    // Asked: 0.495 + 0.25 right; alone 0.5. Where the model is sure enough, no answer changes anything.
    assert!((person.gain(&[0.5, 0.5]) - 0.245).abs() < 2e-3, "{}", person.gain(&[0.5, 0.5]));
    assert!(person.gain(&[0.999, 0.001]).abs() < 1e-12);
}

#[test]
fn an_answer_that_nobody_gave_before_is_possible_and_unknown_classes_say_nothing() {
    let person = ConfusionMatrix::learn([(0, 0, 10), (1, 1, 10), (7, 0, 5), (0, 9, 5)], 3);
    assert!(person.rate(0, 2) > 0.0 && person.rate(2, 0) > 0.0);
    for truth in 0..3 {
        let sum: f64 = (0..3).map(|answer| person.rate(truth, answer)).sum();
        assert!((sum - 1.0).abs() < 1e-12);
    }
    assert_eq!(person.combine(&[0.5, 0.3, 0.2], 9), [0.5, 0.3, 0.2]);
}
