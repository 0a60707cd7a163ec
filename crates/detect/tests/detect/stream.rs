use crate::feed::{Feed, decision, names};
use std::time::Duration;
use watchkeeper_detect::{DetectSettings, Finding, Phase};
use watchkeeper_model::{AgentKind, CauseClass, MonoTime, Severity};

const MILLIS: fn(u64) -> Duration = Duration::from_millis;

fn vehicle() -> Feed {
    Feed::new(AgentKind::Vehicle, &[], &DetectSettings::default())
}

/// Feeds decisions with these numbers, 10 ms apart.
fn numbers(feed: &mut Feed, numbers: &[u64]) -> Vec<Finding> {
    let mut found = Vec::new();
    for number in numbers {
        feed.now = feed.now.after(MILLIS(10));
        let decision = decision(*number, feed.now, &[], None);
        feed.pipeline.handle_decision(&decision, &mut found, feed.now);
    }
    found
}

#[test]
fn numbers_in_order_say_nothing_wherever_they_begin() {
    let mut feed = vehicle();
    assert_eq!(numbers(&mut feed, &(700..3_000).collect::<Vec<_>>()), []);
    let counters = feed.pipeline.counters();
    assert_eq!(
        (counters.decisions, counters.gaps, counters.duplicates, counters.reordered),
        (2_300, 0, 0, 0)
    );
}

#[test]
fn missing_doubled_and_disordered_numbers_are_counted_exactly() {
    let mut feed = vehicle();
    //                                missing 3,4,5   3 late   doubled     missing 8, 9
    let found = numbers(&mut feed, &[1, 2, 6, 3, 7, 7, 2, 10, 9]);
    let counters = feed.pipeline.counters();
    assert_eq!(counters.decisions, 9);
    assert_eq!(counters.gaps, 3, "4, 5 and 8 are missing still");
    assert_eq!(counters.duplicates, 2, "7 and 2");
    assert_eq!(counters.reordered, 2, "3 and 9");
    assert_eq!(counters.resent, 0);
    assert_eq!(names(&found), [(Phase::Raised, "gap"), (Phase::Raised, "disorder")]);
    assert_eq!(found[0].cause, CauseClass::Sequence);
    assert_eq!(
        found[0].explanation.text.as_str(),
        "3 decisions are missing, expected none; noticed at decision 6"
    );
    let cleared = feed.wait(Duration::from_secs(2));
    assert_eq!(names(&cleared), [(Phase::Cleared, "gap"), (Phase::Cleared, "disorder")]);
}

#[test]
fn a_number_below_the_first_fills_no_gap() {
    let mut feed = vehicle();
    numbers(&mut feed, &[5, 10, 4]);
    let counters = feed.pipeline.counters();
    assert_eq!((counters.gaps, counters.reordered), (4, 1));
}

#[test]
fn a_late_number_is_not_taken_for_one_long_ago() {
    let mut feed = vehicle();
    numbers(&mut feed, &(1..=1_024).collect::<Vec<_>>());
    numbers(&mut feed, &[1_026, 1_025]);
    let counters = feed.pipeline.counters();
    assert_eq!((counters.gaps, counters.reordered, counters.duplicates), (0, 1, 0));
}

#[test]
fn a_wide_gap_is_worse_than_a_narrow_one() {
    for (next, severity) in [(3, Severity::Advisory), (12, Severity::Warning), (102, Severity::Critical)] {
        let mut feed = vehicle();
        let found = numbers(&mut feed, &[1, next]);
        assert_eq!(found[0].severity, severity, "{next}");
    }
    let mut feed = vehicle();
    let found = numbers(&mut feed, &[1, u64::MAX, 5, 0, u64::MAX]);
    assert_eq!(names(&found), [(Phase::Raised, "gap"), (Phase::Raised, "disorder")]);
    assert_eq!(feed.pipeline.counters().gaps, u64::MAX - 2);
}

#[test]
fn what_is_sent_again_after_a_reconnect_is_no_fault_and_fills_the_gap() {
    let mut feed = vehicle();
    let mut found = numbers(&mut feed, &[1, 2, 3, 5]);
    assert_eq!(names(&found), [(Phase::Raised, "gap")]);
    found.clear();
    feed.pipeline.handle_disconnected(&mut found, feed.now);
    feed.pipeline.handle_connected(&mut found, feed.now);
    found.extend(numbers(&mut feed, &[3, 4, 5, 6]));
    assert_eq!(found, []);
    let counters = feed.pipeline.counters();
    assert_eq!((counters.gaps, counters.duplicates, counters.reordered, counters.resent), (0, 0, 0, 3));
}

#[test]
fn a_doubled_decision_is_not_judged_again() {
    let settings: DetectSettings =
        toml::from_str("[[limits]]\nsignal = \"confidence\"\nmin = 0.9\non_delay_millis = 50").unwrap();
    let mut feed = Feed::new(AgentKind::Generic, &[], &settings);
    feed.confidence(Some(0.8));
    let mut found = Vec::new();
    for _ in 0..10 {
        feed.now = feed.now.after(MILLIS(100));
        feed.pipeline.handle_decision(&decision(1, feed.now, &[], Some(0.8)), &mut found, feed.now);
    }
    assert!(found.iter().all(|finding| finding.cause == CauseClass::Sequence), "{found:?}");
}

#[test]
fn another_boot_starts_the_numbers_anew() {
    let mut feed = vehicle();
    let mut found = numbers(&mut feed, &[500, 501, 502]);
    feed.pipeline.handle_hello(Vec::new(), true, &mut found, feed.now);
    found.extend(numbers(&mut feed, &[1, 2, 3]));
    assert_eq!(found, []);
}

/// Feeds `count` decisions that come `late` after they are made, 100 ms apart.
fn late_decisions(feed: &mut Feed, count: u64, late: Duration) -> Vec<Finding> {
    let mut found = Vec::new();
    for _ in 0..count {
        feed.now = feed.now.after(MILLIS(100));
        let decision = decision(feed.next, feed.now.before(late), &[], None);
        feed.next += 1;
        feed.pipeline.handle_decision(&decision, &mut found, feed.now);
    }
    found
}

#[test]
fn lateness_counts_from_the_fastest_decision_of_the_last_minute() {
    let mut feed = vehicle();
    assert_eq!(late_decisions(&mut feed, 50, MILLIS(400)), [], "a constant delay is an offset");
    assert_eq!(late_decisions(&mut feed, 50, MILLIS(600)), [], "200 ms more is within the budget");
    assert_eq!(feed.pipeline.counters().late, 0);
    let found = late_decisions(&mut feed, 5, MILLIS(700));
    assert_eq!(names(&found), [(Phase::Raised, "decisions")]);
    assert_eq!(found[0].cause, CauseClass::Late);
    assert_eq!(
        found[0].explanation.text.as_str(),
        "decisions come 0.3 s late, expected at most 0.25 s; since decision 101"
    );
    let counters = feed.pipeline.counters();
    assert_eq!((counters.late, counters.max_lateness), (5, MILLIS(300)));
    assert_eq!(names(&late_decisions(&mut feed, 20, MILLIS(400))), [(Phase::Cleared, "decisions")]);
    let found = late_decisions(&mut feed, 900, MILLIS(700));
    assert_eq!(
        names(&found),
        [(Phase::Raised, "decisions"), (Phase::Cleared, "decisions")],
        "a delay that stays is the new offset after a minute"
    );
}

/// Connects and feeds decisions and heartbeats at 10 Hz for a while.
fn regular(feed: &mut Feed, count: u64) {
    let mut found = Vec::new();
    for _ in 0..count {
        found.extend(feed.confidence(Some(0.9)));
        feed.pipeline.handle_heartbeat(&mut found, feed.now);
    }
    assert_eq!(found, []);
}

/// Feeds heartbeats at 10 Hz until `end`.
fn heartbeats_until(feed: &mut Feed, end: MonoTime) -> Vec<Finding> {
    let mut found = Vec::new();
    while feed.now.after(feed.period) < end {
        feed.now = feed.now.after(feed.period);
        feed.pipeline.handle_heartbeat(&mut found, feed.now);
    }
    found
}

fn connected() -> Feed {
    let mut feed = vehicle();
    feed.pipeline.handle_connected(&mut Vec::new(), feed.now);
    regular(&mut feed, 50);
    feed
}

#[test]
fn silence_is_raised_and_cleared_exactly_at_its_time() {
    let mut feed = connected();
    let last = feed.now;
    let begins = last.after(Duration::from_secs(1));
    assert_eq!(feed.pipeline.poll_timeout(), Some(begins));
    assert_eq!(heartbeats_until(&mut feed, begins), []);
    feed.now = begins.before(Duration::from_nanos(1));
    assert_eq!(feed.wait(Duration::ZERO), []);
    let found = feed.wait(Duration::from_nanos(1));
    assert_eq!(names(&found), [(Phase::Raised, "decisions")]);
    assert_eq!(found[0].cause, CauseClass::Silence);
    assert_eq!(found[0].explanation.text.as_str(), "no decisions for 1 s, expected one within 1 s");
    assert!((feed.pipeline.score() - 1.0).abs() < f64::EPSILON);
    heartbeats_until(&mut feed, begins.after(Duration::from_secs(3)));
    let back = feed.now.after(feed.period);
    for _ in 0..10 {
        assert_eq!(feed.confidence(Some(0.9)), []);
        feed.pipeline.handle_heartbeat(&mut Vec::new(), feed.now);
    }
    assert_eq!(feed.now.after(feed.period), back.after(Duration::from_secs(1)));
    assert_eq!(names(&feed.wait(feed.period)), [(Phase::Cleared, "decisions")]);
}

#[test]
fn a_second_silence_before_the_first_is_cleared_is_the_same_finding() {
    let mut feed = connected();
    let mut found = feed.wait(Duration::from_secs(3));
    found.retain(|finding| finding.subject.as_str() == "decisions");
    found.extend(feed.confidence(Some(0.9)));
    feed.pipeline.handle_heartbeat(&mut Vec::new(), feed.now);
    found.extend(feed.wait(Duration::from_millis(999)));
    assert_eq!(names(&found), [(Phase::Raised, "decisions")]);
}

#[test]
fn heartbeats_that_stop_are_found_also_while_the_agent_is_paused() {
    let mut feed = connected();
    feed.pipeline.handle_paused(true, &mut Vec::new(), feed.now);
    let found = feed.wait(Duration::from_secs(1));
    assert_eq!(names(&found), [(Phase::Raised, "heartbeats")]);
    assert_eq!(found[0].severity, Severity::Critical);
}

#[test]
fn a_paused_agent_need_not_decide_and_its_pause_teaches_nothing() {
    let mut feed = connected();
    let mut found = Vec::new();
    feed.pipeline.handle_paused(true, &mut found, feed.now);
    let end = feed.now.after(Duration::from_mins(10));
    found.extend(heartbeats_until(&mut feed, end));
    feed.pipeline.handle_paused(false, &mut found, feed.now);
    assert_eq!(found, []);
    regular(&mut feed, 1);
    assert_eq!(feed.pipeline.poll_timeout(), Some(feed.now.after(Duration::from_secs(1))));
}

#[test]
fn a_pause_or_a_disconnection_clears_a_silence_at_once() {
    let mut feed = connected();
    feed.wait(Duration::from_secs(5));
    let mut found = Vec::new();
    feed.pipeline.handle_paused(true, &mut found, feed.now);
    assert_eq!(names(&found), [(Phase::Cleared, "decisions")]);
    feed.pipeline.handle_disconnected(&mut found, feed.now);
    assert_eq!(names(&found), [(Phase::Cleared, "decisions"), (Phase::Cleared, "heartbeats")]);
    assert_eq!(feed.pipeline.poll_timeout(), None);
    assert_eq!(feed.wait(Duration::from_secs(10_000)), []);
}

#[test]
fn an_agent_that_never_decided_is_not_silent_but_one_without_heartbeats_is() {
    let mut feed = vehicle();
    assert_eq!(feed.wait(Duration::from_secs(100)), [], "not connected");
    feed.pipeline.handle_connected(&mut Vec::new(), feed.now);
    let found = feed.wait(Duration::from_secs(2));
    assert_eq!(names(&found), [(Phase::Raised, "heartbeats")]);
    assert_eq!(feed.wait(Duration::from_secs(1_000)), []);
}

#[test]
fn the_usual_gap_is_learned_within_its_bounds() {
    let mut feed = Feed::new(AgentKind::Generic, &[], &DetectSettings::default());
    let mut found = Vec::new();
    feed.pipeline.handle_connected(&mut found, feed.now);
    feed.period = Duration::from_secs(3);
    for _ in 0..200 {
        found.extend(feed.confidence(Some(0.9)));
        feed.pipeline.handle_heartbeat(&mut found, feed.now);
    }
    let last = feed.now;
    feed.period = Duration::from_secs(1);
    found.extend(heartbeats_until(&mut feed, last.after(Duration::from_secs(20))));
    assert_eq!(found, [], "six usual gaps are not odd");
    found.extend(heartbeats_until(&mut feed, last.after(Duration::from_secs(30))));
    assert_eq!(names(&found), [(Phase::Raised, "decisions")], "ten are");
}

#[test]
fn wrong_signals_are_counted() {
    let mut feed = Feed::new(AgentKind::Vehicle, &[("speed", "m/s")], &DetectSettings::default());
    feed.signals(&[1.0]);
    feed.signals(&[]);
    feed.signals(&[f64::NAN, 2.0]);
    feed.signals(&[f64::INFINITY]);
    let counters = feed.pipeline.counters();
    assert_eq!((counters.signal_count_mismatches, counters.non_finite), (2, 2));
}
