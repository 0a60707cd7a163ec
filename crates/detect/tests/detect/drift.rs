//! The conformal test martingale: silent on what is exchangeable, loud on drift, the same after a restart.
#![allow(
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a test fails by panicking, and its numbers are small"
)]

use crate::deferral::Chance;
use watchkeeper_detect::ConfidenceDrift;

/// A confidence that is often near 1; higher `unsure` makes it lower.
fn confidence(chance: &mut Chance, unsure: f64) -> f64 {
    1.0 / (1.0 + (8.0 * chance.draw().ln() + unsure).exp())
}

#[test]
fn without_drift_the_capital_hardly_ever_reaches_one_over_alpha() {
    let alpha = 0.05;
    // Class 0 is unsure, class 2 says only three things; the mix of classes is free to change.
    let alarms = (0..1_000_u64).filter(|seed| {
        let mut chance = Chance(seed.wrapping_mul(7_919));
        let mut drift = ConfidenceDrift::new(3, *seed);
        for place in 0..2_000 {
            let class = (chance.draw() * if place < 1_000 { 2.0 } else { 3.0 }) as usize;
            let found = confidence(&mut chance, if class == 0 { 2.0 } else { 0.0 });
            drift.handle_confidence(class, if class == 2 { (found * 2.0).round() / 2.0 } else { found });
        }
        drift.has_drifted(alpha)
    });
    let alarms = alarms.count();
    println!("{alarms} of 1,000 streams alarm at alpha {alpha}");
    // 50 and two standard deviations.
    assert!(alarms <= 64, "{alarms}");
}

/// Returns how many decisions after 3,000 without drift it takes; `None`: 3,000 do not suffice.
fn delay(seed: u64, alpha: f64, after: impl Fn(&mut Chance) -> (usize, f64)) -> Option<u32> {
    let mut chance = Chance(seed);
    let mut drift = ConfidenceDrift::new(2, seed);
    for _ in 0..3_000 {
        let class = usize::from(chance.draw() < 0.5);
        let found = confidence(&mut chance, if class == 0 { 0.0 } else { 3.0 });
        drift.handle_confidence(class, found);
    }
    if drift.has_drifted(alpha) {
        return None;
    }
    (1..=3_000).find(|_| {
        let (class, confidence) = after(&mut chance);
        drift.handle_confidence(class, confidence);
        drift.has_drifted(alpha)
    })
}

fn median(mut delays: Vec<u32>) -> u32 {
    delays.sort_unstable();
    delays[delays.len() / 2]
}

#[test]
fn a_drift_is_found_and_the_delay_is_known() {
    let less_sure = |chance: &mut Chance| (0_usize, confidence(chance, 2.0));
    let swapped = |chance: &mut Chance| {
        let class = usize::from(chance.draw() < 0.5);
        (class, confidence(chance, if class == 1 { 0.0 } else { 3.0 }))
    };
    for (name, after, most) in [
        ("less sure", &less_sure as &dyn Fn(&mut Chance) -> (usize, f64), 400),
        ("classes swapped", &swapped, 400),
    ] {
        let delays: Vec<u32> = (0..50).filter_map(|seed| delay(seed, 0.01, after)).collect();
        assert!(delays.len() >= 47, "{name}: found in {} of 50", delays.len());
        let median = median(delays);
        println!("{name}: found after {median} decisions (median of 50)");
        assert!(median < most, "{name}: {median}");
    }
}

#[test]
fn a_long_quiet_past_does_not_delay_the_alarm_for_ever() {
    let mut chance = Chance(9);
    let mut drift = ConfidenceDrift::new(1, 9);
    let mut last = 0.0;
    for _ in 0..200_000 {
        let found = confidence(&mut chance, 0.0);
        last = drift.handle_confidence(0, found).unwrap().log_capital;
    }
    assert!(!drift.has_drifted(0.01) && last > -4.0, "what is in reserve is not lost: {last}");
    let found = (1..1_000).find(|_| {
        let found = confidence(&mut chance, 3.0);
        drift.handle_confidence(0, found);
        drift.has_drifted(0.01)
    });
    assert!(found.is_some_and(|delay| delay < 300), "{found:?}");
}

#[test]
fn a_restored_watch_goes_on_bit_for_bit() {
    let mut chance = Chance(11);
    let mut drift = ConfidenceDrift::new(4, 11);
    for place in 0..6_000 {
        if chance.draw() < 0.01 {
            let bytes = rmp_serde::to_vec(&drift).unwrap();
            let restored: ConfidenceDrift = rmp_serde::from_slice(&bytes).unwrap();
            assert_eq!(restored, drift);
            drift = restored;
        }
        let class = (chance.draw() * 4.0) as usize;
        let found = confidence(&mut chance, if place < 4_000 { 0.0 } else { 4.0 });
        let twin = drift.clone().handle_confidence(class, found).unwrap();
        let evidence = drift.handle_confidence(class, found).unwrap();
        assert_eq!(evidence.log_capital.to_bits(), twin.log_capital.to_bits());
        assert!(evidence.log_capital.is_finite() && (0.0..=1.0).contains(&evidence.p_value));
    }
    assert!(drift.has_drifted(1e-30), "and the capital may grow as far as it likes");
    assert_eq!(drift.seen(), 6_000);
}

#[test]
fn a_restored_watch_gives_what_the_one_that_was_never_stopped_gives() {
    let run = |stops: bool| {
        let (mut chance, mut stop) = (Chance(12), Chance(13));
        let mut drift = ConfidenceDrift::new(2, 12);
        let mut bits = Vec::new();
        for _ in 0..3_000 {
            if stops && stop.draw() < 0.02 {
                drift = rmp_serde::from_slice(&rmp_serde::to_vec(&drift).unwrap()).unwrap();
            }
            let found = confidence(&mut chance, 0.0);
            bits.push(drift.handle_confidence(1, found).unwrap().log_capital.to_bits());
        }
        bits
    };
    assert_eq!(run(true), run(false));
}

#[test]
fn a_damaged_state_is_refused_with_the_reason() {
    let mut drift = ConfidenceDrift::new(1, 0);
    drift.handle_confidence(0, 0.5);
    let saved = serde_json::to_value(&drift).unwrap();
    let refused = |field: &str, value: serde_json::Value| {
        let mut saved = saved.clone();
        *saved.pointer_mut(field).unwrap() = value;
        serde_json::from_value::<ConfidenceDrift>(saved).unwrap_err().to_string()
    };
    assert!(refused("/version", 2.into()).contains("has version 2, expected 1"));
    assert!(refused("/gambler/seen", 2.into()).contains("do not add up"));
    assert!(refused("/classes/0/counts/3", 2.into()).contains("do not add up"));
    assert!(refused("/classes/0/counts", serde_json::json!([1])).contains("not those of classes and bins"));
    assert!(refused("/classes", serde_json::json!([])).contains("not those of classes and bins"));
    assert!(refused("/classes/0/gambler/stakes/2", (-1).into()).contains("no number"));
}

#[test]
fn odd_confidences_and_classes_break_nothing() {
    let mut drift = ConfidenceDrift::new(0, 0);
    assert_eq!(drift.handle_confidence(0, f64::NAN), None);
    for confidence in [0.0, 1.0, -1.0, 2.0, f64::INFINITY, f64::NEG_INFINITY, f64::MIN_POSITIVE] {
        assert!(
            drift.handle_confidence(usize::MAX, confidence).unwrap().log_capital.is_finite(),
            "{confidence}"
        );
    }
    assert_eq!(drift.seen(), 7);
    assert!(rmp_serde::to_vec(&ConfidenceDrift::new(10, 0)).unwrap().len() < 8 << 10);
}
