use crate::feed::{Feed, names, specs};
use std::time::Duration;
use watchkeeper_detect::{DetectSettings, Phase};
use watchkeeper_model::{AgentKind, CauseClass, Response, Severity};

fn settings(rules: &str) -> DetectSettings {
    let settings: DetectSettings = toml::from_str(rules).expect("rules that can be read");
    assert_eq!(settings.check(), []);
    settings
}

fn speed_rule() -> DetectSettings {
    settings(
        r#"
        [[limits]]
        name = "town"
        agent = "truck-*"
        kind = "vehicle"
        signal = "speed"
        max = 13.9
        on_delay_millis = 250
        hysteresis = 0.5
        severity = "critical"
        response = "takeover"
        "#,
    )
}

#[test]
fn a_value_inside_its_limit_says_nothing() {
    let mut feed = Feed::new(AgentKind::Vehicle, &[("speed", "m/s")], &speed_rule());
    for _ in 0..50 {
        assert_eq!(feed.signals(&[13.9]), []);
    }
    assert!(feed.pipeline.score() < 0.5);
}

#[test]
fn a_value_outside_for_its_delay_is_raised_with_rule_value_and_range() {
    let mut feed = Feed::new(AgentKind::Vehicle, &[("lane", ""), ("speed", "m/s")], &speed_rule());
    assert_eq!(feed.signals(&[1.0, 12.0]), []);
    for _ in 0..3 {
        assert_eq!(feed.signals(&[1.0, 15.5]), [], "outside for less than 250 ms");
    }
    let found = feed.signals(&[1.0, 15.5]);
    assert_eq!(names(&found), [(Phase::Raised, "town")]);
    let finding = &found[0];
    assert_eq!((finding.cause, finding.severity), (CauseClass::Limit, Severity::Critical));
    assert_eq!(finding.response, Response::Takeover);
    assert_eq!(finding.decision.map(|d| d.0), Some(5));
    let why = &finding.explanation;
    assert_eq!(why.detector.as_str(), "limit:speed");
    assert_eq!(
        why.text.as_str(),
        "speed is 15.5 m/s, the rule town allows at most 13.9 m/s; since decision 2"
    );
    assert_eq!((why.signals[0].expected_low, why.signals[0].expected_high), (None, Some(13.9)));
    assert!((why.statistic - 15.5).abs() < 1e-12 && (why.threshold - 13.9).abs() < 1e-12);
    assert_eq!(why.samples.len(), 5);
}

#[test]
fn a_value_around_its_limit_is_one_finding() {
    let mut feed = Feed::new(AgentKind::Vehicle, &[("speed", "m/s")], &speed_rule());
    let mut found = Vec::new();
    for _ in 0..5 {
        found.extend(feed.signals(&[14.0]));
    }
    for _ in 0..50 {
        found.extend(feed.signals(&[13.6]));
        found.extend(feed.signals(&[14.1]));
    }
    for _ in 0..50 {
        found.extend(feed.signals(&[13.6]));
    }
    assert_eq!(names(&found), [(Phase::Raised, "town")], "inside, but not by the hysteresis");
}

#[test]
fn a_value_back_inside_by_the_hysteresis_clears_exactly_after_t_clear() {
    let mut feed = Feed::new(AgentKind::Vehicle, &[("speed", "m/s")], &speed_rule());
    for _ in 0..5 {
        feed.signals(&[15.0]);
    }
    assert_eq!(feed.signals(&[13.3]), []);
    assert_eq!(feed.pipeline.poll_timeout(), Some(feed.now.after(Duration::from_secs(1))));
    assert_eq!(feed.wait(Duration::from_nanos(999_999_999)), []);
    let found = feed.wait(Duration::from_nanos(1));
    assert_eq!(names(&found), [(Phase::Cleared, "town")]);
    assert_eq!(found[0].decision, None);
    assert!(found[0].explanation.text.as_str().contains("furthest was 15 m/s at decision 1"));
    assert_eq!(feed.pipeline.poll_timeout(), None);
}

#[test]
fn a_missing_value_changes_nothing_and_an_infinite_one_is_outside() {
    let mut feed = Feed::new(AgentKind::Vehicle, &[("speed", "m/s")], &speed_rule());
    for _ in 0..4 {
        feed.signals(&[15.0]);
    }
    for _ in 0..50 {
        assert_eq!(feed.signals(&[f64::NAN]), []);
        assert_eq!(feed.signals(&[]), []);
    }
    let mut feed = Feed::new(AgentKind::Vehicle, &[("speed", "m/s")], &speed_rule());
    let found: Vec<_> = (0..4).flat_map(|_| feed.signals(&[f64::INFINITY])).collect();
    assert_eq!(names(&found), [(Phase::Raised, "town")]);
    assert!(found[0].explanation.statistic.is_finite());
}

#[test]
fn a_rule_watches_only_the_agents_it_names() {
    for (agent, kind, watches) in [
        ("truck-17", "vehicle", true),
        ("truck-1*", "vehicle", true),
        ("*", "vehicle", true),
        ("truck-1", "vehicle", false),
        ("bus-*", "vehicle", false),
        ("truck-17", "generic", false),
    ] {
        let rules =
            format!("[[limits]]\nagent = \"{agent}\"\nkind = \"{kind}\"\nsignal = \"confidence\"\nmin = 0.8");
        let mut feed = Feed::new(AgentKind::Vehicle, &[], &settings(&rules));
        let found = feed.confidence(Some(0.7));
        assert_eq!(!found.is_empty(), watches, "{agent} {kind}");
    }
}

#[test]
fn other_signals_at_a_new_hello_clear_what_can_no_longer_be_watched() {
    let mut feed = Feed::new(AgentKind::Vehicle, &[("speed", "m/s")], &speed_rule());
    for _ in 0..4 {
        feed.signals(&[15.0]);
    }
    let mut found = Vec::new();
    feed.pipeline.handle_hello(specs(&[("speed", "m/s")]), false, &mut found, feed.now);
    assert_eq!(found, [], "the same signals change nothing");
    feed.pipeline.handle_hello(specs(&[("heading", "rad"), ("speed", "m/s")]), false, &mut found, feed.now);
    assert_eq!(names(&found), [(Phase::Cleared, "town")]);
    let found: Vec<_> = (0..4).flat_map(|_| feed.signals(&[0.0, 15.0])).collect();
    assert_eq!(names(&found), [(Phase::Raised, "town")], "the rule follows its signal to its new place");
}
