use crate::feed::{decision, specs};
use proptest::prelude::*;
use std::collections::BTreeSet;
use watchkeeper_detect::{DetectSettings, Finding, Phase, Pipeline};
use watchkeeper_model::{AgentId, AgentKind, MonoTime};

#[derive(Clone, Debug)]
enum Event {
    Decision { back: u64, late_nanos: u64, signals: Vec<f64>, confidence: Option<f64> },
    Heartbeat,
    Connected,
    Disconnected,
    Paused(bool),
    Timeout,
    Hello { signal_count: usize, boot_changed: bool },
}

fn value() -> impl Strategy<Value = f64> {
    prop_oneof![
        20 => -1.0..1.0_f64,
        3 => -1e3..1e3_f64,
        2 => Just(0.0),
        1 => any::<f64>(),
        1 => prop_oneof![Just(f64::NAN), Just(f64::INFINITY), Just(f64::MAX), Just(f64::MIN), Just(5e-324)],
    ]
}

fn event() -> impl Strategy<Value = Event> {
    let decision = (
        prop_oneof![20 => Just(0_u64), 1 => 0..5_u64, 1 => 0..3_000_u64],
        prop_oneof![9 => 0..1_000_000_u64, 1 => any::<u64>()],
        prop::collection::vec(value(), 3..5),
        prop_oneof![9 => (0.0..=1.0_f64).prop_map(Some), 1 => Just(None)],
    )
        .prop_map(|(back, late_nanos, signals, confidence)| Event::Decision {
            back,
            late_nanos,
            signals,
            confidence,
        });
    prop_oneof![
        60 => decision,
        4 => Just(Event::Heartbeat),
        1 => Just(Event::Connected),
        1 => Just(Event::Disconnected),
        1 => any::<bool>().prop_map(Event::Paused),
        2 => Just(Event::Timeout),
        1 => (1..5_usize, any::<bool>())
            .prop_map(|(signal_count, boot_changed)| Event::Hello { signal_count, boot_changed }),
    ]
}

fn settings() -> DetectSettings {
    let settings: DetectSettings = toml::from_str(
        r#"
        [generic.outlier]
        warm_up_samples = 32
        on_samples = 1
        clear_samples = 1
        [generic.confidence]
        warm_up_samples = 32
        [[limits]]
        signal = "a"
        max = 0.9
        [[limits]]
        signal = "confidence"
        min = 0.2
        "#,
    )
    .expect("good settings");
    assert_eq!(settings.check(), []);
    settings
}

/// Runs the events and returns what was found, with the score after each.
fn run(events: &[(u64, Event)]) -> Vec<(f64, Vec<Finding>)> {
    let all = specs(&[("a", "m"), ("b", ""), ("c", "\u{1b}[2J"), ("d", "s"), ("e", "s")]);
    let named = |count: usize| all.iter().take(count).cloned().collect::<Vec<_>>();
    let agent = AgentId::new("agent").expect("a good id");
    let mut pipeline = Pipeline::new(&agent, AgentKind::Generic, named(3), &settings());
    let (mut now, mut next) = (MonoTime::from_nanos(0), 3_000_u64);
    let mut output = Vec::new();
    for (passed, event) in events {
        now = MonoTime::from_nanos(now.as_nanos() + passed);
        let mut found = Vec::new();
        match event {
            Event::Decision { back, late_nanos, signals, confidence } => {
                next += 1;
                let mut decision = decision(next.saturating_sub(*back), now, signals, *confidence);
                decision.made_at =
                    watchkeeper_model::AgentTime::from_nanos(now.as_nanos().wrapping_sub(*late_nanos));
                pipeline.handle_decision(&decision, &mut found, now);
            }
            Event::Heartbeat => pipeline.handle_heartbeat(&mut found, now),
            Event::Connected => pipeline.handle_connected(&mut found, now),
            Event::Disconnected => pipeline.handle_disconnected(&mut found, now),
            Event::Paused(is_paused) => pipeline.handle_paused(*is_paused, &mut found, now),
            Event::Timeout => pipeline.handle_timeout(&mut found, now),
            Event::Hello { signal_count, boot_changed } => {
                pipeline.handle_hello(named(*signal_count), *boot_changed, &mut found, now);
            }
        }
        assert!(pipeline.poll_timeout().is_none_or(|at| at > now), "what is due was done");
        output.push((pipeline.score(), found));
    }
    output
}

fn check_explanation(finding: &Finding) {
    let why = &finding.explanation;
    assert!(!why.detector.as_str().is_empty() && why.version > 0 && !why.text.as_str().is_empty());
    assert!(why.statistic.is_finite() && why.threshold.is_finite(), "{why:?}");
    assert!((0.0..=1.0).contains(&why.score), "{why:?}");
    assert!((1..=3).contains(&why.signals.len()) && why.samples.len() <= 20, "{why:?}");
    let sum: f64 = why.signals.iter().map(|evidence| evidence.contribution).sum();
    assert!((sum - 1.0).abs() < 1e-9, "{why:?}");
    for evidence in &why.signals {
        assert!((0.0..=1.0).contains(&evidence.contribution));
        for bound in [evidence.expected_low, evidence.expected_high].into_iter().flatten() {
            assert!(!bound.is_nan());
        }
    }
    assert!(why.samples.iter().all(|sample| sample.value.is_finite()));
    assert!(!why.text.as_str().contains("NaN") && !why.text.as_str().chars().any(char::is_control));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn any_stream_gives_complete_explanations_in_order_and_the_same_twice(
        events in prop::collection::vec((0..500_000_000_u64, event()), 0..400)
    ) {
        let output = run(&events);
        let mut active = BTreeSet::new();
        for (score, found) in &output {
            prop_assert!((0.0..=1.0).contains(score));
            for finding in found {
                check_explanation(finding);
                let key = (finding.cause, finding.subject.clone());
                match finding.phase {
                    Phase::Raised => prop_assert!(active.insert(key), "raised twice: {finding:?}"),
                    Phase::Worse => prop_assert!(active.contains(&key), "worse, not raised: {finding:?}"),
                    Phase::Cleared => prop_assert!(active.remove(&key), "cleared, not raised: {finding:?}"),
                }
            }
        }
        // Compared as text, since a missing value is not equal to itself.
        prop_assert_eq!(format!("{output:?}"), format!("{:?}", run(&events)));
    }
}

#[test]
fn the_streams_above_do_raise_findings_of_every_detector() {
    use proptest::{strategy::ValueTree, test_runner::TestRunner};
    let mut runner = TestRunner::deterministic();
    let mut seen = BTreeSet::new();
    for _ in 0..40 {
        let events = prop::collection::vec((0..500_000_000_u64, event()), 300..400);
        let events = events.new_tree(&mut runner).unwrap().current();
        let found = run(&events).into_iter().flat_map(|(_, found)| found);
        seen.extend(found.map(|finding| finding.explanation.detector.as_str().to_owned()));
    }
    for detector in
        ["ewma_z", "limit:a", "limit:confidence", "confidence_low", "sequence", "lateness", "silence"]
    {
        assert!(seen.contains(detector), "{detector} is not in {seen:?}");
    }
}
