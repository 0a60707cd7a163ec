use crate::feed::{Feed, names, noise};
use watchkeeper_detect::{DetectSettings, Finding, Phase};
use watchkeeper_model::{AgentKind, CauseClass, Severity};

/// Two signals that move together, ten times a second.
fn together(at: u64) -> [f64; 2] {
    let wave = (at as f64 / 40.0).sin();
    [20.0 + 5.0 * wave + 0.3 * noise(at), 8.0 + 2.0 * wave + 0.1 * noise(at + 900_000)]
}

fn feed(hours: f64) -> Feed {
    let mut settings = DetectSettings::default();
    settings.generic.outlier.hours_per_false_alert = hours;
    Feed::new(AgentKind::Generic, &[("flow", "l/s"), ("power", "kW")], &settings)
}

fn run(feed: &mut Feed, count: u64) -> Vec<Finding> {
    (0..count).flat_map(|_| feed.signals(&together(feed.next))).collect()
}

#[test]
fn a_relation_that_breaks_within_each_signals_range_is_found_and_explained() {
    let mut feed = feed(0.5);
    assert_eq!(run(&mut feed, 20_000), []);
    let mut found = Vec::new();
    for _ in 0..300 {
        let [_, power] = together(feed.next);
        found.extend(feed.signals(&[20.0 - 5.0 * (feed.next as f64 / 40.0).sin(), power]));
        if !found.is_empty() {
            break;
        }
    }
    let [finding] = &found[..] else { panic!("{found:?}") };
    assert_eq!(
        (finding.cause, finding.phase, finding.severity),
        (CauseClass::Outlier, Phase::Raised, Severity::Warning)
    );
    let why = &finding.explanation;
    assert_eq!(why.detector.as_str(), "stack");
    assert!(why.statistic > why.threshold && (why.threshold - 18_000.0).abs() < 1.0, "{why:?}");
    assert!(why.score >= 0.5 && !why.signals.is_empty() && why.samples.len() == 20, "{why:?}");
    let shares: f64 = why.signals.iter().map(|signal| signal.contribution).sum();
    assert!((shares - 1.0).abs() < 1e-9, "{why:?}");
    let text = why.text.as_str();
    assert!(text.contains("; since decision ") && !text.contains("\\n"), "{text}");
    assert!(feed.pipeline.score() >= 0.5);
    let over = run(&mut feed, 400);
    assert_eq!(over.last().map(|finding| finding.phase), Some(Phase::Cleared), "{over:?}");
}

#[test]
fn a_budget_of_no_hours_looks_for_nothing_of_the_kind() {
    let mut feed = feed(0.0);
    run(&mut feed, 20_000);
    for _ in 0..300 {
        let [_, power] = together(feed.next);
        let found = feed.signals(&[20.0 - 5.0 * (feed.next as f64 / 40.0).sin(), power]);
        assert_eq!(found, []);
    }
}

/// The pace is the agent's own: one decision a minute makes 60 an hour.
#[test]
fn the_budget_in_hours_is_one_in_decisions_by_the_agents_pace() {
    let mut settings = DetectSettings::default();
    settings.generic.outlier.hours_per_false_alert = 24.0;
    // Nothing is far for the z-score.
    (settings.generic.outlier.warning, settings.generic.outlier.critical) = (1e5, 1e5);
    let mut feed = Feed::new(AgentKind::Generic, &[("flow", "l/s")], &settings);
    feed.period = std::time::Duration::from_mins(1);
    for _ in 0..3_000 {
        feed.signals(&[together(feed.next)[0]]);
    }
    let mut found = Vec::new();
    for _ in 0..5 {
        found.extend(feed.signals(&[-400.0]));
    }
    assert_eq!(names(&found), [(Phase::Raised, "flow")]);
    assert!((found[0].explanation.threshold - 1_440.0).abs() < 1.0, "{found:?}");
}
