//! What verdicts on a stream's alerts change, and what they cannot.

use crate::feed::{Feed, names, noise};
use watchkeeper_detect::{
    Channel, DetectSettings, Finding, LEAST_WEIGHT, Learner, MOST_CHANGE, MOST_WEIGHT, PARTS, Part, Phase,
    Scored, Shares, Stack, StackSettings, Weights,
};
use watchkeeper_model::{AgentKind, AlertId, Verdict};

fn stack(weights: Weights) -> Stack {
    let mut stack = Stack::new(2, StackSettings::default()).expect("good settings");
    stack.set_weights(weights);
    stack
}

/// Two signals that belong together; one jumps at row 2,000, and from row 3,000 on they no longer do.
fn rows() -> Vec<[f64; 2]> {
    let row = |at: u64| {
        let one = noise(at) + noise(at + 10_000) + noise(at + 20_000);
        let jump = if (2_000..2_030).contains(&at) { 30.0 } else { 0.0 };
        let apart = if at >= 3_000 { 0.5 } else { 0.0 };
        [20.0 + one + jump, one + apart + 0.05 * noise(at + 30_000)]
    };
    (0..4_000).map(row).collect()
}

fn run(stack: &mut Stack) -> Vec<Scored> {
    rows().iter().map(|row| stack.score(None, row)).collect()
}

fn of(shares: Shares, part: Part) -> f64 {
    let mut all = Part::ALL.into_iter().zip(<[f64; PARTS]>::from(shares));
    all.find_map(|(of, share)| (of == part).then_some(share)).expect("a part")
}

/// Weights after so many verdicts of a kind on alerts with these shares.
fn learned(shares: Shares, verdict: Verdict, other: Shares, count: u64) -> Weights {
    let mut learner = Learner::default();
    for number in 1..=count {
        let is_other = number % 2 == 0;
        let opposite = if verdict == Verdict::Real { Verdict::FalseAlarm } else { Verdict::Real };
        learner.remember(AlertId(number), if is_other { other } else { shares }, 0.5).expect("it is new");
        learner.judge(AlertId(number), if is_other { opposite } else { verdict }).expect("it waits");
    }
    learner.weights()
}

#[test]
fn only_alerts_say_what_led_to_them_and_in_whole() {
    let scored = run(&mut stack(Weights::default()));
    assert!(scored.iter().all(|scored| scored.alert == scored.shares.is_some()));
    let jump = scored[2_000];
    assert_eq!((jump.alert, jump.channel), (true, Some(Channel::Novelty)));
    let shares = jump.shares.expect("an alert");
    assert!((<[f64; PARTS]>::from(shares).iter().sum::<f64>() - 1.0).abs() < 1e-9);
    assert!(of(shares, Part::Step) > 0.0 && of(shares, Part::Joint) < f64::MIN_POSITIVE, "{shares:?}");
    let apart = scored[3_000..].iter().find(|scored| scored.alert).expect("it is found");
    assert_eq!(apart.channel, Some(Channel::Joint));
    assert!((of(apart.shares.expect("an alert"), Part::Joint) - 1.0).abs() < f64::EPSILON);
}

#[test]
fn weights_of_1_change_no_bit_and_a_stream_keeps_its_weights_when_it_is_saved() {
    let mut shares = [0.0; PARTS];
    shares[6] = 1.0;
    let step = Shares::try_from(shares).expect("shares");
    (shares[6], shares[0]) = (0.0, 1.0);
    let level = Shares::try_from(shares).expect("shares");
    let weights = learned(step, Verdict::FalseAlarm, level, 40);
    let ones = Weights::try_from([1.0; PARTS]).expect("weights");
    let plain = run(&mut Stack::new(2, StackSettings::default()).expect("good settings"));
    assert_eq!(run(&mut stack(ones)), plain);
    let mut weighed = stack(weights);
    let saved = rmp_serde::to_vec(&weighed).expect("it can be saved");
    let mut read: Stack = rmp_serde::from_slice(&saved).expect("it can be read");
    assert_eq!(read.weights(), weights);
    let scored = run(&mut weighed);
    assert_eq!(scored, run(&mut read));
    assert_ne!(scored, plain);
}

#[test]
fn ten_thousand_wrong_verdicts_do_not_silence_a_jump() {
    let plain = run(&mut stack(Weights::default()));
    let alert = plain[2_000].shares.expect("an alert");
    let joint = plain[3_000..].iter().find_map(|scored| scored.shares).expect("an alert");
    // Against all reason: every jump was a false alarm, and what came apart was none.
    let weights = learned(alert, Verdict::FalseAlarm, joint, 10_000);
    let all = <[f64; PARTS]>::from(weights);
    assert!(all.iter().all(|weight| (LEAST_WEIGHT..=MOST_WEIGHT).contains(weight)), "{all:?}");
    let weighed = run(&mut stack(weights));
    assert!(weighed[2_000].alert, "{:?}", weighed[2_000]);
}

#[test]
fn weights_that_change_while_a_stream_runs_change_what_is_learned_by_no_more_than_they_may() {
    let plain = run(&mut stack(Weights::default()));
    let alert = plain[2_000].shares.expect("an alert");
    let joint = plain[3_000..].iter().find_map(|scored| scored.shares).expect("an alert");
    let weights = learned(alert, Verdict::FalseAlarm, joint, 1);
    for (one, after) in <[f64; PARTS]>::from(Weights::default()).iter().zip(<[f64; PARTS]>::from(weights)) {
        assert!((after / one - 1.0).abs() <= MOST_CHANGE + 1e-12);
    }
    let mut stack = stack(Weights::default());
    let scored: Vec<Scored> = rows()
        .iter()
        .enumerate()
        .map(|(at, row)| {
            if at == 1_500 {
                stack.set_weights(weights);
            }
            stack.score(None, row)
        })
        .collect();
    assert_eq!(scored[..1_500], plain[..1_500]);
    assert!(scored[2_000].alert && scored[2_000].score < plain[2_000].score);
}

/// A limit and the stack watch the same signal while everything the stack alerts of is called a false alarm, and ten
/// thousand verdicts more than it has alerts.
#[test]
fn no_verdicts_silence_a_limit() {
    let settings: DetectSettings = toml::from_str(
        "[[limits]]\nname = \"town\"\nagent = \"truck-*\"\nsignal = \"speed\"\nmax = 40.0\nseverity = \"critical\"",
    )
    .expect("settings that can be read");
    let signals = [("speed", "m/s"), ("other", "")];
    let found = |learner: &mut Learner, verdict: fn(u64) -> Verdict| -> (Vec<Finding>, u64) {
        let mut feed = Feed::new(AgentKind::Vehicle, &signals, &settings);
        let mut stack = stack(learner.weights());
        let mut alerts = 0;
        let mut found = Vec::new();
        for (at, row) in rows().iter().enumerate() {
            let scored = stack.score(None, row);
            if let Some(shares) = scored.shares {
                for _ in 0..5_000 {
                    alerts += 1;
                    learner.remember(AlertId(alerts), shares, scored.score).expect("it is new");
                    learner.judge(AlertId(alerts), verdict(alerts)).expect("it waits");
                }
                stack.set_weights(learner.weights());
            }
            // The decisions after the jump only: the others say the same.
            if (1_900..2_100).contains(&at) {
                found.extend(feed.signals(row));
            }
        }
        (found, alerts)
    };
    let raised = |found: &[Finding]| {
        names(found).contains(&(Phase::Raised, "town")) && names(found).contains(&(Phase::Cleared, "town"))
    };
    let verdicts: [fn(u64) -> Verdict; 4] = [
        |_| Verdict::Unclear,
        |_| Verdict::FalseAlarm,
        |_| Verdict::Real,
        |number| if number % 7 < 3 { Verdict::FalseAlarm } else { Verdict::Late },
    ];
    let mut before = None;
    for verdict in verdicts {
        let mut learner = Learner::default();
        let (found, judged) = found(&mut learner, verdict);
        assert!(judged >= 10_000 && raised(&found), "{judged} {:?}", names(&found));
        let weights = <[f64; PARTS]>::from(learner.weights());
        assert!(weights.iter().all(|weight| (LEAST_WEIGHT..=MOST_WEIGHT).contains(weight)), "{weights:?}");
        assert_eq!(*before.get_or_insert_with(|| found.clone()), found);
    }
}
