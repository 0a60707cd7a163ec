use crate::feed::{Feed, names, noise, specs};
use std::time::Duration;
use watchkeeper_detect::{DetectSettings, Finding, Phase};
use watchkeeper_model::{AgentKind, CauseClass, Severity};

fn speed_feed() -> Feed {
    Feed::new(AgentKind::Vehicle, &[("speed", "m/s")], &DetectSettings::default())
}

/// Feeds noise of one around twelve.
fn calm(feed: &mut Feed, count: u64) -> Vec<Finding> {
    (0..count).flat_map(|at| feed.signals(&[12.0 + noise(at)])).collect()
}

#[test]
fn noise_says_nothing_for_a_long_time() {
    assert_eq!(calm(&mut speed_feed(), 50_000), []);
}

#[test]
fn a_frozen_or_coarse_signal_says_nothing() {
    let mut rare_flag = [0.0; 100];
    rare_flag[50..53].fill(1.0);
    for levels in [&[13.9][..], &rare_flag, &[13.9, 13.900_01, 13.899_99]] {
        let mut feed = speed_feed();
        for at in 0..5_000 {
            assert_eq!(feed.signals(&[levels[at % levels.len()]]), [], "{levels:?}");
        }
    }
}

#[test]
fn a_slow_drift_is_followed() {
    let mut feed = speed_feed();
    for at in 0..20_000_u64 {
        assert_eq!(feed.signals(&[12.0 + at as f64 * 0.01 + noise(at)]), []);
    }
}

#[test]
fn a_jump_is_raised_at_its_second_sample_and_explained() {
    let mut feed = speed_feed();
    calm(&mut feed, 400);
    let band = feed.pipeline.bands().next().unwrap();
    let (low, high) = band.expected.unwrap();
    assert!(low > 6.0 && low < 11.0 && high > 13.0 && high < 18.0, "{low} {high}");
    assert_eq!(feed.signals(&[3.1]), []);
    let found = feed.signals(&[3.0]);
    assert_eq!(names(&found), [(Phase::Raised, "speed")]);
    let finding = &found[0];
    assert_eq!((finding.cause, finding.severity), (CauseClass::Outlier, Severity::Critical));
    let why = &finding.explanation;
    assert_eq!(why.detector.as_str(), "ewma_z");
    assert!(why.statistic < -10.0 && why.threshold > 0.0 && why.score > 0.7, "{why:?}");
    let evidence = &why.signals[0];
    let (expected_low, expected_high) = (evidence.expected_low.unwrap(), evidence.expected_high.unwrap());
    assert!(evidence.value < expected_low && (expected_low - low).abs() < 1.0 && expected_high > 12.0);
    assert_eq!(why.samples.len(), 20);
    assert_eq!(why.samples.last().map(|s| s.seq.0), Some(402));
    let text = why.text.as_str();
    assert!(text.starts_with("speed is 3 m/s, expected ") && text.ends_with("since decision 401"), "{text}");
    assert!(feed.pipeline.score() > 0.7);
}

#[test]
fn one_wild_sample_says_nothing_and_teaches_little() {
    let mut feed = speed_feed();
    calm(&mut feed, 400);
    let before = feed.pipeline.bands().next().unwrap().expected.unwrap();
    assert_eq!(feed.signals(&[1e6]), []);
    let after = feed.pipeline.bands().next().unwrap().expected.unwrap();
    assert!((before.0 - after.0).abs() < 0.2 && (before.1 - after.1).abs() < 0.2, "{before:?} {after:?}");
}

#[test]
fn wild_samples_during_the_warm_up_do_no_lasting_harm() {
    let mut feed = speed_feed();
    for at in 0..400_u64 {
        feed.signals(&[if at % 10 == 3 && at < 150 { 1e9 } else { 12.0 + noise(at) }]);
    }
    let (low, high) = feed.pipeline.bands().next().unwrap().expected.unwrap();
    assert!(low > 0.0 && high < 25.0, "{low} {high}");
}

#[test]
fn nothing_is_raised_before_the_warm_up_is_over() {
    let mut feed = speed_feed();
    calm(&mut feed, 140);
    assert_eq!(feed.signals(&[500.0]), []);
    assert_eq!(feed.signals(&[500.0]), []);
    assert_eq!(feed.pipeline.bands().next().unwrap().expected, None);
}

#[test]
fn a_value_around_the_threshold_is_one_finding() {
    let mut feed = speed_feed();
    calm(&mut feed, 400);
    let (low, high) = feed.pipeline.bands().next().unwrap().expected.unwrap();
    let mut found = Vec::new();
    found.extend(feed.signals(&[high + 1.0]));
    found.extend(feed.signals(&[high + 1.0]));
    for at in 0..30 {
        let (low_now, high_now) = feed.pipeline.bands().next().unwrap().expected.unwrap();
        let reach = (high_now - low_now) / 2.0;
        found.extend(feed.signals(&[high_now + if at % 2 == 0 { 0.02 } else { -0.05 } * reach]));
    }
    assert_eq!(names(&found), [(Phase::Raised, "speed")], "{low}");
}

#[test]
fn it_gets_worse_once_and_clears_after_ten_quiet_samples_and_t_clear() {
    let mut feed = speed_feed();
    calm(&mut feed, 400);
    let (low, high) = feed.pipeline.bands().next().unwrap().expected.unwrap();
    let reach = (high - low) / 2.0;
    let mut found = Vec::new();
    for factor in [1.2, 1.2, 3.0, 3.0, 1.3] {
        found.extend(feed.signals(&[12.0 + factor * reach]));
    }
    assert_eq!(names(&found), [(Phase::Raised, "speed"), (Phase::Worse, "speed")]);
    assert_eq!((found[0].severity, found[1].severity), (Severity::Warning, Severity::Critical));
    // Ten samples now take longer than T_clear, so the count decides.
    feed.period = Duration::from_secs(2);
    let mut cleared = Vec::new();
    for at in 0..12_u64 {
        for finding in feed.signals(&[12.5 + 0.1 * noise(at)]) {
            cleared.push((at, finding));
        }
    }
    assert_eq!(cleared.len(), 1);
    let (at, finding) = &cleared[0];
    assert_eq!((*at, finding.phase), (9, Phase::Cleared), "at the tenth quiet sample");
    assert_eq!(finding.severity, Severity::Critical, "as bad as it was at worst");
    let text = finding.explanation.text.as_str();
    let furthest = format!("; furthest was {:.1} m/s at decision 403", 12.0 + 3.0 * reach);
    assert!(text.starts_with("speed is 12.") && text.ends_with(&furthest), "{text}");
}

#[test]
fn missing_values_neither_raise_nor_clear_and_infinite_ones_are_out() {
    let mut feed = speed_feed();
    calm(&mut feed, 400);
    for _ in 0..100 {
        assert_eq!(feed.signals(&[f64::NAN]), []);
    }
    assert_eq!(feed.signals(&[f64::NEG_INFINITY]), []);
    let found = feed.signals(&[f64::NEG_INFINITY]);
    assert_eq!(names(&found), [(Phase::Raised, "speed")]);
    assert!(found[0].explanation.statistic.is_finite() && found[0].explanation.score <= 1.0);
    for _ in 0..100 {
        assert_eq!(feed.signals(&[f64::NAN]), []);
    }
    let (low, high) = feed.pipeline.bands().next().unwrap().expected.unwrap();
    assert!(low > 0.0 && high < 25.0, "an infinite value teaches nothing: {low} {high}");
}

#[test]
fn several_signals_at_once_are_one_finding_each_the_furthest_first_with_three_named() {
    let names_and_units = [("a", "V"), ("b", "V"), ("c", "V"), ("d", "V")];
    let mut settings = DetectSettings::default();
    settings.generic.outlier.hours_per_false_alert = 0.0;
    let mut feed = Feed::new(AgentKind::Generic, &names_and_units, &settings);
    for at in 0..400_u64 {
        let row: Vec<f64> = (0..4).map(|column| noise(at * 4 + column)).collect();
        assert_eq!(feed.signals(&row), []);
    }
    let far = [20.0, 80.0, 40.0, 60.0];
    feed.signals(&far);
    let found = feed.signals(&far);
    assert_eq!(
        names(&found),
        [(Phase::Raised, "b"), (Phase::Raised, "d"), (Phase::Raised, "c"), (Phase::Raised, "a")]
    );
    for finding in &found {
        let evidence = &finding.explanation.signals;
        assert_eq!(evidence.len(), 3);
        assert_eq!(evidence[0].signal, finding.subject);
        let sum: f64 = evidence.iter().map(|e| e.contribution).sum();
        assert!((sum - 1.0).abs() < 1e-9);
    }
    let others: Vec<_> = found[3].explanation.signals.iter().map(|e| e.signal.as_str()).collect();
    assert_eq!(others, ["a", "b", "d"]);
}

#[test]
fn other_signals_start_anew_and_clear_what_was_raised() {
    let mut feed = speed_feed();
    calm(&mut feed, 400);
    feed.signals(&[99.0]);
    assert_eq!(feed.signals(&[99.0]).len(), 1);
    let mut found = Vec::new();
    feed.pipeline.handle_hello(specs(&[("speed", "km/h")]), false, &mut found, feed.now);
    assert_eq!(names(&found), [(Phase::Cleared, "speed")]);
    assert_eq!(feed.pipeline.bands().next().unwrap().expected, None, "it learns anew");
    assert_eq!(calm(&mut feed, 300), []);
}

#[test]
fn an_ignored_signal_and_one_with_a_high_floor_say_nothing() {
    let settings: DetectSettings =
        toml::from_str("[vehicle.outlier]\nignore = [\"x\"]\nfloors = { y = 100.0 }").unwrap();
    let mut feed = Feed::new(AgentKind::Vehicle, &[("x", "m"), ("y", "m"), ("z", "m")], &settings);
    for at in 0..400_u64 {
        feed.signals(&[noise(at); 3]);
    }
    feed.signals(&[99.0; 3]);
    assert_eq!(names(&feed.signals(&[99.0; 3])), [(Phase::Raised, "z")]);
}

#[test]
fn without_the_signal_that_led_the_score_is_lower() {
    let signals = [("speed", "m/s"), ("gap", "m"), ("yaw", "deg/s")];
    let alert = |values: [f64; 3]| {
        let mut feed = Feed::new(AgentKind::Vehicle, &signals, &DetectSettings::default());
        for at in 0..400 {
            feed.signals(&[12.0 + noise(3 * at), 60.0 + noise(3 * at + 1), noise(3 * at + 2)]);
        }
        feed.signals(&values);
        (feed.signals(&values), feed.pipeline.score())
    };
    let (found, score) = alert([3.0, 85.0, 0.0]);
    let why = &found[0].explanation;
    let named: Vec<_> = why.signals.iter().map(|signal| signal.signal.as_str()).collect();
    assert_eq!(named, ["gap", "speed"]);
    assert!(why.signals[0].contribution > why.signals[1].contribution);
    let (rest, without) = alert([3.0, 60.0, 0.0]);
    assert_eq!(names(&rest), [(Phase::Raised, "speed")]);
    assert!(without < score && rest[0].explanation.score < why.score, "{without} {score}");
    let (nothing, usual) = alert([12.0, 60.0, 0.0]);
    assert!(nothing.is_empty() && usual < without, "{usual}");
}
