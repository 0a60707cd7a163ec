//! The threshold with a guarantee, on decisions whose true risk is known.
#![allow(
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a test fails by panicking, and its numbers are small"
)]

use watchkeeper_detect::{Deferral, DeferralError, LabelledDecision, Promise};

const PROMISE: Promise = Promise { risk: 0.01, delta: 0.05, horizon: None };

/// SplitMix64, as numbers from 0 to below 1.
pub(crate) struct Chance(pub(crate) u64);

impl Chance {
    pub(crate) fn draw(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// So many decisions, the surest first; those at the given places are wrong.
fn decisions(count: u32, wrong: &[u32]) -> Vec<LabelledDecision> {
    let of = |place: u32| LabelledDecision {
        confidence: 1.0 - f64::from(place) / 1e6,
        is_correct: !wrong.contains(&place),
    };
    (0..count).map(of).collect()
}

#[test]
fn one_per_cent_at_95_per_cent_takes_299_decisions_without_an_error() {
    let error = Deferral::learn(&decisions(298, &[]), PROMISE).unwrap_err();
    assert_eq!(error, DeferralError::TooFew { rows: 298, least: 299, more: 1 });
    let error = Deferral::learn(&[], PROMISE).unwrap_err();
    assert!(error.to_string().starts_with("needs 299 more labelled decisions"), "{error}");
    let all = Deferral::learn(&decisions(299, &[]), PROMISE).unwrap();
    assert_eq!((all.above, all.handled, all.errors), (None, 299, 0));
    // ln 0.1 / ln 0.95, rounded up.
    let wide = Promise { risk: 0.05, delta: 0.1, horizon: None };
    let error = Deferral::learn(&decisions(44, &[]), wide).unwrap_err();
    assert_eq!(error, DeferralError::TooFew { rows: 44, least: 45, more: 1 });
}

#[test]
fn the_threshold_is_below_the_last_set_that_keeps_the_promise() {
    // With one error 473 suffice, so that 800 decisions begin at 299, and two are too many until 628.
    let found = Deferral::learn(&decisions(800, &[400, 550]), PROMISE).unwrap();
    // At 401 the first error comes and one is not yet allowed.
    assert_eq!((found.handled, found.errors), (400, 0));
    assert!(
        found.handles(1.0 - 399.0 / 1e6) && !found.handles(1.0 - 400.0 / 1e6) && !found.handles(f64::NAN)
    );
    assert!((found.coverage() - 0.5).abs() < f64::EPSILON);
    let found = Deferral::learn(&decisions(800, &[500, 700]), PROMISE).unwrap();
    assert_eq!((found.handled, found.errors), (800, 2), "two are allowed of 628");
}

#[test]
fn decisions_of_one_confidence_are_handled_or_deferred_together() {
    let mut tied = decisions(400, &[]);
    tied.extend(
        [true, false, true, false].map(|is_correct| LabelledDecision { confidence: 0.5, is_correct }),
    );
    tied.rotate_left(200);
    let found = Deferral::learn(&tied, PROMISE).unwrap();
    assert_eq!((found.above, found.handled, found.errors), (Some(0.5), 400, 0));
}

#[test]
fn a_refusal_says_how_many_labels_are_missing_or_that_none_help() {
    // The surest of 400 is wrong: that may be luck.
    let error = Deferral::learn(&decisions(400, &[0]), PROMISE).unwrap_err();
    let DeferralError::MayBeLuck { handled, errors, more } = error else { panic!("{error}") };
    assert_eq!((handled, errors), (299, 1));
    // As often wrong, three of 773 would be, which is allowed; 773 * 400 / 299 rows hold so many that are as sure.
    assert_eq!(more, 1_035 - 400);

    let wrong: Vec<u32> = (0..2_000).step_by(50).collect();
    let error = Deferral::learn(&decisions(2_000, &wrong), PROMISE).unwrap_err();
    assert_eq!(error, DeferralError::TooManyErrors { handled: 773, errors: 16 });
}

#[test]
fn what_cannot_be_promised_or_read_is_refused_with_its_place() {
    let learn = |promise| Deferral::learn(&decisions(300, &[]), promise).unwrap_err();
    assert_eq!(learn(Promise { risk: 0.0, ..PROMISE }), DeferralError::Risk(0.0));
    assert!(matches!(learn(Promise { risk: f64::NAN, ..PROMISE }), DeferralError::Risk(_)));
    assert_eq!(learn(Promise { delta: 0.5, ..PROMISE }), DeferralError::Delta(0.5));
    assert_eq!(learn(Promise { horizon: Some(0), ..PROMISE }), DeferralError::Horizon(0));
    for horizon in [1_000_000_001, u64::MAX] {
        assert_eq!(
            learn(Promise { horizon: Some(horizon), ..PROMISE }).to_string(),
            format!("the horizon is {horizon} decisions; it must be at least 1 and at most 1000000000")
        );
    }
    // ln 0.05 / ln(1 - 1e-9) is 3e9.
    for risk in [1e-9, f64::MIN_POSITIVE] {
        let error = learn(Promise { risk, ..PROMISE });
        assert_eq!(error, DeferralError::OutOfReach);
        assert!(error.to_string().starts_with("it takes more than 1000000000 labelled decisions"), "{error}");
    }
    let error = learn(Promise { risk: 1e-8, ..PROMISE });
    assert!(matches!(error, DeferralError::TooFew { least: 299_573_226..=299_573_227, .. }), "{error:?}");
    let error = learn(Promise { horizon: Some(1_000_000_000), ..PROMISE });
    assert!(matches!(error, DeferralError::TooFew { least: 368, .. }), "{error:?}");
    let mut decisions = decisions(300, &[]);
    decisions[6].confidence = f64::INFINITY;
    let error = Deferral::learn(&decisions, PROMISE).unwrap_err();
    assert_eq!(error.to_string(), "labelled decision 7 has confidence inf, which is no finite number");
}

/// A risk that grows from the middle on.
fn late(depth: f64) -> f64 {
    (0.3 * (depth - 0.5)).max(0.0)
}

/// How often a threshold that was learnt breaks the promise, of 1,000 samples; `risk` is that of the decision at a depth from
/// 0, the surest, to 1.
fn broken(seed: u64, rows: usize, steps: f64, risk: impl Fn(f64) -> f64) -> (usize, usize) {
    let mut chance = Chance(seed);
    // The risk of all that are no deeper, on a fine grid.
    let fine = 20_000;
    let mut sum = 0.0;
    let above: Vec<f64> = (0..fine)
        .map(|step| {
            let depth = (f64::from(step) + 0.5) / f64::from(fine);
            sum += risk((depth * steps).ceil() / steps);
            sum / f64::from(step + 1)
        })
        .collect();
    let (mut wrong, mut refused) = (0, 0);
    for _ in 0..1_000 {
        let sample: Vec<LabelledDecision> = (0..rows)
            .map(|_| {
                let depth = (chance.draw() * steps).ceil() / steps;
                LabelledDecision { confidence: -depth, is_correct: chance.draw() >= risk(depth) }
            })
            .collect();
        match Deferral::learn(&sample, PROMISE) {
            Ok(found) => {
                // Handled is what is less deep than the next decision.
                let depth = found.above.map_or(1.0, |above| -above - 1.0 / steps);
                let place = (depth * f64::from(fine)).round().max(1.0);
                wrong += usize::from(above[place as usize - 1] > PROMISE.risk + 1e-9);
            }
            Err(_) => refused += 1,
        }
    }
    (wrong, refused)
}

#[test]
fn of_1_000_samples_at_most_5_per_cent_break_the_promise() {
    // None is wrong of the surer half, and the risk of all passes 1 % soon after. 5 % of 1,000 and two standard deviations: 64.
    for (seed, steps) in [(1, 1e6), (2, 50.0)] {
        let (wrong, refused) = broken(seed, 3_000, steps, late);
        println!("growing late, {steps} confidences: {wrong} broken, {refused} refused, seed {seed}");
        assert!(wrong <= 64 && refused == 0, "seed {seed}: {wrong} broken, {refused} refused");
    }
    // The set that is tried first is about as risky as is allowed: it is refused, but for delta.
    let (wrong, refused) = broken(6, 3_000, 1e6, |depth| 0.08 * depth);
    println!("growing early: {wrong} broken, {refused} refused, seed 6");
    assert!(wrong <= 64, "{wrong} broken, {refused} refused");
    // Everything is as risky as is just not allowed: the worst case, which uses all of delta.
    let (wrong, refused) = broken(3, 3_000, 1e6, |_| 0.010_001);
    println!("worst case: {wrong} broken, {refused} refused, seed 3");
    assert!((5..=64).contains(&wrong) && wrong + refused == 1_000, "{wrong} broken, {refused} refused");
    // The risk of all above a threshold rises to 2.1 % and falls to 0.8 % again.
    let (wrong, refused) =
        broken(4, 3_000, 1e6, |depth| if (0.3..0.38).contains(&depth) { 0.1 } else { 0.0 });
    println!("not monotone: {wrong} broken, {refused} refused, seed 4");
    assert!(wrong <= 64, "{wrong} broken, {refused} refused");
}

#[test]
fn with_a_horizon_the_count_of_errors_to_come_keeps_the_promise() {
    let mut chance = Chance(5);
    let promise = Promise { horizon: Some(1_000), ..PROMISE };
    let mut draw = |count: usize| -> Vec<LabelledDecision> {
        (0..count)
            .map(|_| {
                let depth = chance.draw();
                LabelledDecision { confidence: -depth, is_correct: chance.draw() >= late(depth) }
            })
            .collect()
    };
    let broken = |promise: Promise, draw: &mut dyn FnMut(usize) -> Vec<LabelledDecision>| {
        let mut broken = 0;
        for _ in 0..500 {
            let Ok(found) = Deferral::learn(&draw(3_000), promise) else { continue };
            let handled: Vec<_> = draw(9_000)
                .into_iter()
                .filter(|decision| found.handles(decision.confidence))
                .take(1_000)
                .collect();
            broken += usize::from(handled.iter().filter(|decision| !decision.is_correct).count() > 10);
        }
        broken
    };
    let (with, without) = (broken(promise, &mut draw), broken(PROMISE, &mut draw));
    println!("broken of 500 within 1,000 handled: {with} with the horizon, {without} without, seed 5");
    // 5 % of 500 with two standard deviations; without a horizon nothing is promised of a count.
    assert!(with <= 35 && without > 35, "{with} with the horizon, {without} without");
}
