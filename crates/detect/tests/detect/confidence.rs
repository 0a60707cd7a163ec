use crate::feed::{Feed, names, noise};
use std::time::Duration;
use watchkeeper_detect::{DetectSettings, Finding, Phase};
use watchkeeper_model::{AgentKind, CauseClass, Response, Severity};

fn vehicle() -> Feed {
    Feed::new(AgentKind::Vehicle, &[], &DetectSettings::default())
}

/// Feeds a confidence of 0.9 with noise of 0.02.
fn sure(feed: &mut Feed, count: u64) -> Vec<Finding> {
    (0..count).flat_map(|at| feed.confidence(Some(0.9 + 0.02 * noise(at)))).collect()
}

#[test]
fn a_sure_agent_says_nothing_for_a_long_time() {
    assert_eq!(sure(&mut vehicle(), 20_000), []);
}

#[test]
fn a_low_confidence_asks_for_a_takeover_of_a_vehicle_only() {
    for (kind, response) in
        [(AgentKind::Vehicle, Response::Takeover), (AgentKind::Transaction, Response::Advise)]
    {
        let mut feed = Feed::new(kind, &[], &DetectSettings::default());
        sure(&mut feed, 10);
        assert_eq!(feed.confidence(Some(0.4)), []);
        assert_eq!(feed.confidence(Some(0.42)), []);
        let found = feed.confidence(Some(0.41));
        assert_eq!(names(&found), [(Phase::Raised, "confidence")], "{kind}");
        assert_eq!((found[0].cause, found[0].response), (CauseClass::Confidence, response));
        assert_eq!(found[0].severity, Severity::Warning);
        let why = &found[0].explanation;
        assert_eq!(why.detector.as_str(), "confidence_low");
        assert_eq!(why.text.as_str(), "confidence is 0.41, expected at least 0.5; since decision 11");
        assert!(why.score > 0.5 && (why.statistic - 0.41).abs() < 1e-12);
        assert_eq!(why.samples.len(), 13);
        let found = feed.confidence(Some(0.2));
        assert_eq!((found[0].phase, found[0].severity), (Phase::Worse, Severity::Critical));
    }
}

#[test]
fn a_confidence_around_the_threshold_is_one_finding_and_clears_exactly_at_t_clear() {
    let mut feed = vehicle();
    let mut found = Vec::new();
    for _ in 0..4 {
        found.extend(feed.confidence(Some(0.45)));
    }
    for _ in 0..20 {
        found.extend(feed.confidence(Some(0.53)));
        found.extend(feed.confidence(Some(0.49)));
    }
    for _ in 0..40 {
        found.extend(feed.confidence(Some(0.53)));
    }
    assert_eq!(names(&found), [(Phase::Raised, "confidence")], "above, but not by the hysteresis");
    feed.confidence(Some(0.56));
    assert_eq!(feed.wait(Duration::from_millis(999)), []);
    assert_eq!(names(&feed.wait(Duration::from_millis(1))), [(Phase::Cleared, "confidence")]);
}

#[test]
fn a_falling_confidence_is_raised_before_it_is_low() {
    let mut feed = vehicle();
    sure(&mut feed, 200);
    let mut raised = None;
    for step in 0..100_u64 {
        let confidence = 0.9 - 0.004 * step as f64 + 0.02 * noise(step);
        for finding in feed.confidence(Some(confidence)) {
            raised.get_or_insert((confidence, finding));
        }
    }
    let (confidence, finding) = raised.expect("it was raised");
    assert_eq!(finding.subject.as_str(), "confidence falling");
    assert!(confidence > 0.55, "raised at {confidence}");
    assert_eq!(finding.response, Response::Advise);
    let why = &finding.explanation;
    assert!(why.statistic >= why.threshold && why.score >= 0.5, "{why:?}");
    assert!(why.text.as_str().starts_with("confidence fell to 0.7"), "{}", why.text);
}

#[test]
fn a_small_fall_of_a_very_steady_confidence_says_nothing() {
    let mut feed = vehicle();
    for _ in 0..300 {
        assert_eq!(feed.confidence(Some(0.99)), []);
    }
    for _ in 0..300 {
        assert_eq!(feed.confidence(Some(0.95)), []);
    }
}

#[test]
fn a_fall_is_cleared_when_the_confidence_is_back() {
    let mut feed = vehicle();
    sure(&mut feed, 200);
    let mut found: Vec<_> = (0..20).flat_map(|_| feed.confidence(Some(0.7))).collect();
    found.extend(sure(&mut feed, 100));
    assert_eq!(
        names(&found),
        [(Phase::Raised, "confidence falling"), (Phase::Cleared, "confidence falling")]
    );
}

#[test]
fn an_unknown_confidence_is_counted_and_says_nothing() {
    let mut feed = vehicle();
    for _ in 0..100 {
        assert_eq!(feed.confidence(None), []);
    }
    assert_eq!(feed.pipeline.counters().unknown_confidence, 100);
    assert!(feed.pipeline.score() < 0.1);
}
