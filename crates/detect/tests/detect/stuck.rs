use crate::feed::{Feed, decision, names, noise, specs};
use std::time::Duration;
use watchkeeper_detect::{DetectSettings, Finding, Phase};
use watchkeeper_model::{AgentKind, CauseClass, Label};

const SIGNALS: [(&str, &str); 3] = [("speed", "m/s"), ("gap", "m"), ("steering", "rad")];

fn vehicle() -> Feed {
    Feed::new(AgentKind::Vehicle, &SIGNALS, &DetectSettings::default())
}

fn usual(at: u64) -> [f64; 3] {
    [12.0 + noise(3 * at), 40.0 + noise(3 * at + 1), 0.01 * noise(3 * at + 2)]
}

fn confidence(at: u64) -> f64 {
    0.95 + 0.01 * noise(at + 7_000_000)
}

fn drive(feed: &mut Feed, count: u64) -> Vec<Finding> {
    (0..count).flat_map(|at| feed.decide(&usual(at), Some(confidence(at)))).collect()
}

fn act(feed: &mut Feed, action: &str) -> Vec<Finding> {
    feed.now = feed.now.after(feed.period);
    let mut decision = decision(feed.next, feed.now, &usual(feed.next), Some(confidence(feed.next)));
    decision.action = Label::cut(action);
    feed.next += 1;
    let mut found = Vec::new();
    feed.pipeline.handle_decision(&decision, &mut found, feed.now);
    found
}

#[test]
fn a_signal_that_freezes_while_others_move_is_found_within_two_seconds() {
    let mut feed = vehicle();
    assert_eq!(drive(&mut feed, 200), []);
    let mut found = Vec::new();
    let mut needed = 0;
    for at in 200..220 {
        let [speed, _, steering] = usual(at);
        found.extend(feed.decide(&[speed, 40.25, steering], Some(confidence(at))));
        if found.is_empty() {
            needed = at - 198;
        }
    }
    assert_eq!(names(&found), [(Phase::Raised, "gap")]);
    assert!(needed <= 20, "{needed}");
    let finding = &found[0];
    assert_eq!(finding.cause, CauseClass::Stuck);
    let why = &finding.explanation;
    assert_eq!((why.detector.as_str(), why.statistic, why.threshold), ("frozen", 10.0, 10.0));
    assert_eq!(
        why.text.as_str(),
        "gap is frozen: it did not move from 40.2 m in 10 decisions, expected at most 9; since decision 202"
    );
    assert!(feed.pipeline.score() > 0.5);
    let mut over = drive(&mut feed, 5);
    over.extend(feed.wait(Duration::from_secs(1)));
    assert_eq!(names(&over), [(Phase::Cleared, "gap")]);
    assert!(over[0].explanation.text.as_str().ends_with("for 19 decisions, since decision 202"), "{over:?}");
}

#[test]
fn an_hour_of_driving_in_which_nothing_freezes_says_nothing() {
    assert_eq!(drive(&mut vehicle(), 36_000), []);
}

/// A counter moves every eighth decision, and stays for up to 40 at times.
#[test]
fn a_coarse_signal_is_judged_by_how_long_it_usually_stands() {
    let mut settings = DetectSettings::default();
    settings.vehicle.outlier.hours_per_false_alert = 0.0;
    let mut feed = Feed::new(AgentKind::Vehicle, &SIGNALS, &settings);
    let mut counter = 0.0;
    let mut stands = 0;
    let mut found = Vec::new();
    for at in 0..20_000 {
        if stands == 0 {
            counter += 1.0;
            stands = if noise(at + 99) > 0.95 { 40 } else { 8 };
        }
        stands -= 1;
        let [speed, _, steering] = usual(at);
        found.extend(feed.decide(&[speed, counter, steering], Some(confidence(at))));
    }
    assert_eq!(found, []);
    for at in 0..2_000 {
        let [speed, _, steering] = usual(at);
        found.extend(feed.decide(&[speed, counter, steering], Some(confidence(at))));
    }
    found.retain(|finding| finding.cause == CauseClass::Stuck);
    assert_eq!(names(&found), [(Phase::Raised, "gap")]);
    assert!(found[0].explanation.statistic > 80.0, "{found:?}");
}

/// Nothing ahead: the range is that of the sensor, then something is, then nothing again.
#[test]
fn a_sensor_that_reports_its_reach_is_not_frozen() {
    let mut feed = vehicle();
    let mut found = Vec::new();
    for at in 0..3_000 {
        let [speed, gap, steering] = usual(at);
        let approaching = 200.0 - 0.5 * (at % 400) as f64 + noise(at);
        let gap = match at / 400 % 3 {
            0 => gap,
            1 => approaching.min(200.0),
            _ => 200.0,
        };
        let findings = feed.decide(&[speed, gap, steering], Some(confidence(at)));
        found.extend(findings.into_iter().filter(|finding| finding.cause == CauseClass::Stuck));
    }
    assert_eq!(found, []);
}

#[test]
fn a_frozen_policy_is_one_finding_and_not_one_for_each_signal() {
    let mut feed = vehicle();
    assert_eq!(drive(&mut feed, 200), []);
    let found: Vec<Finding> = (0..60).flat_map(|_| feed.decide(&usual(7), Some(confidence(7)))).collect();
    assert_eq!(names(&found), [(Phase::Raised, "decisions")]);
    let text = found[0].explanation.text.as_str();
    assert!(
        text.starts_with("the decisions are frozen: 10 in a row have the same action and numbers"),
        "{text}"
    );
}

#[test]
fn decisions_that_are_played_again_are_found() {
    let mut feed = vehicle();
    assert_eq!(drive(&mut feed, 200), []);
    let found: Vec<Finding> =
        (0..40).flat_map(|at| feed.decide(&usual(at % 7), Some(confidence(at % 7)))).collect();
    assert_eq!(names(&found), [(Phase::Raised, "decisions")]);
    let text = found[0].explanation.text.as_str();
    assert!(text.starts_with("the decisions are repeated: 14 in a row are those of 7 before"), "{text}");
}

#[test]
fn an_action_that_flips_to_and_fro_is_found_and_one_that_changes_now_and_then_is_not() {
    let mut feed = vehicle();
    let mut found = Vec::new();
    for at in 0..600 {
        found.extend(act(&mut feed, ["keep", "brake", "keep", "accelerate"][at / 9 % 4]));
    }
    assert_eq!(found, []);
    for at in 0..60 {
        found.extend(act(&mut feed, ["keep", "brake"][at % 2]));
    }
    assert_eq!(names(&found), [(Phase::Raised, "action")]);
    let text = found[0].explanation.text.as_str();
    assert!(text.starts_with("the action is ") && text.contains("30 changes in a row"), "{text}");
    found.clear();
    for _ in 0..20 {
        found.extend(act(&mut feed, "keep"));
    }
    assert_eq!(names(&found), [(Phase::Cleared, "action")]);
}

/// It approves or declines, and repeats itself all day.
#[test]
fn an_agent_of_few_words_is_not_stuck() {
    let mut feed = Feed::new(AgentKind::Transaction, &[("amount", "EUR")], &DetectSettings::default());
    let mut found = Vec::new();
    for at in 0..20_000_u64 {
        feed.now = feed.now.after(feed.period);
        let amount = match noise(at) {
            low if low < -0.3 => 5.0,
            high if high > 0.3 => 20.0,
            _ => 10.0,
        };
        let mut decision = decision(feed.next, feed.now, &[amount], Some(0.9));
        decision.action = Label::cut(if noise(at + 50_000) > 0.0 { "approve" } else { "decline" });
        feed.next += 1;
        feed.pipeline.handle_decision(&decision, &mut found, feed.now);
    }
    assert_eq!(found.iter().filter(|finding| finding.cause == CauseClass::Stuck).count(), 0, "{found:?}");
}

#[test]
fn one_that_is_held_may_stand_still() {
    let mut feed = vehicle();
    assert_eq!(drive(&mut feed, 200), []);
    let mut found = Vec::new();
    feed.pipeline.handle_paused(true, &mut found, feed.now);
    for _ in 0..100 {
        found.extend(feed.decide(&usual(1), Some(confidence(1))));
    }
    assert_eq!(found.iter().filter(|finding| finding.cause == CauseClass::Stuck).count(), 0, "{found:?}");
    feed.pipeline.handle_paused(false, &mut found, feed.now);
    for _ in 0..30 {
        found.extend(feed.decide(&usual(1), Some(confidence(1))));
    }
    assert!(names(&found).contains(&(Phase::Raised, "decisions")), "{found:?}");
}

#[test]
fn other_signals_end_what_was_frozen() {
    let mut feed = vehicle();
    assert_eq!(drive(&mut feed, 200), []);
    let mut found = Vec::new();
    for at in 0..20 {
        let [speed, _, steering] = usual(at);
        found.extend(feed.decide(&[speed, 40.25, steering], Some(confidence(at))));
    }
    feed.pipeline.handle_hello(specs(&SIGNALS[..2]), false, &mut found, feed.now);
    assert_eq!(names(&found), [(Phase::Raised, "gap"), (Phase::Cleared, "gap")]);
}
