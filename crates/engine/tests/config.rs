//! A configuration that cannot work is refused, with the line and the reason.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;
use watchkeeper_engine::{Config, ConfigError};
use watchkeeper_model::AgentKind;

fn vehicle_timers(change: &str, to: &str) -> String {
    let text = Config {
        timers: [(AgentKind::Vehicle, watchkeeper_takeover::Timers::for_kind(AgentKind::Vehicle))].into(),
        ..Config::default()
    }
    .to_toml();
    let text = text.split("[detect").next().unwrap().to_owned();
    assert!(text.contains(change), "{text}");
    text.replace(change, to)
}

#[test]
fn an_empty_file_is_the_defaults() {
    assert_eq!(Config::parse("").unwrap(), Config::default());
}

#[test]
fn the_defaults_survive_being_written_to_the_record() {
    let config = Config::default();
    assert_eq!(Config::parse(&config.to_toml()).unwrap(), config);
}

#[test]
fn timers_of_a_kind_can_be_set() {
    let config = Config::parse(&vehicle_timers("demand_secs = 10.0", "demand_secs = 12.5")).unwrap();
    assert_eq!(config.timers(AgentKind::Vehicle).demand, Duration::from_millis(12_500));
    assert_eq!(config.timers(AgentKind::Generic).demand, Duration::from_mins(5));
}

#[test]
fn a_wait_without_an_end_is_refused_with_its_line() {
    let text = vehicle_timers("demand_secs = 10.0", "demand_secs = 0.0");
    let line = text.lines().position(|line| line.starts_with("demand_secs")).unwrap() + 1;
    let ConfigError::Value { line: found, field, reason } = Config::parse(&text).unwrap_err() else {
        panic!("a value error")
    };
    assert_eq!((found, field.as_str()), (line, "timers.vehicle.demand_secs"));
    assert!(reason.contains("more than 0"), "{reason}");
}

#[test]
fn a_typo_is_refused_with_its_line_and_column() {
    let error = Config::parse("[load]\nleases_per_person = 1\nleeses = 2\n").unwrap_err();
    let ConfigError::Syntax { line, reason, .. } = &error else { panic!("{error}") };
    assert_eq!(*line, 3);
    assert!(reason.contains("leeses"), "{reason}");
}

#[test]
fn a_limit_that_cannot_work_is_refused() {
    let text = "[[detect.limits]]\nsignal = \"speed\"\nmin = 5.0\nmax = 1.0\n";
    let error = Config::parse(text).unwrap_err();
    assert!(error.to_string().contains("limits[0]"), "{error}");
}

#[test]
fn nobody_may_be_forbidden_to_take_over() {
    let error = Config::parse("[load]\nleases_per_person = 0\n").unwrap_err();
    assert!(matches!(error, ConfigError::Value { line: 2, .. }), "{error}");
}

#[test]
fn one_timer_of_a_kind_can_be_set_alone_in_whole_seconds() {
    let config = Config::parse("[timers.vehicle]\ndemand_secs = 12\nescalate_secs = [5, 8]\n").unwrap();
    assert_eq!(config.timers(AgentKind::Vehicle).demand, Duration::from_secs(12));
    assert_eq!(config.timers(AgentKind::Vehicle).link, Duration::from_secs(2), "the default stays");
}

#[test]
fn a_timer_that_does_not_exist_or_has_the_wrong_shape_is_named_with_its_line() {
    for (text, field) in [
        ("[timers.vehicle]\nlink_secs = 2.0\ndemnd_secs = 12\n", "timers.vehicle.demnd_secs"),
        ("[timers.vehicle]\nlink_secs = 2.0\nescalate_secs = 5\n", "timers.vehicle.escalate_secs"),
    ] {
        let ConfigError::Value { line, field: found, reason } = Config::parse(text).unwrap_err() else {
            panic!("a value error")
        };
        assert_eq!((line, found.as_str()), (3, field), "{reason}");
    }
}

#[test]
fn the_complete_configuration_shows_every_key_and_can_be_used() {
    let text = Config::complete().to_toml();
    assert!(text.contains("[timers.software_agent]") && text.contains("warm_up_samples"), "{text}");
    assert_eq!(Config::parse(&text).unwrap(), Config::complete());
}

#[test]
fn the_configuration_of_the_readme_is_valid() {
    let readme = include_str!("../../../README.md");
    let shown = readme.split_once("```toml\n").unwrap().1.split_once("```").unwrap().0;
    let config = Config::parse(shown).unwrap();
    assert_eq!(config.timers(AgentKind::Vehicle).demand, Duration::from_secs(12));
    assert_eq!(config.detect.limits.len(), 1);
}

#[test]
fn consent_to_a_site_without_tls_is_off_unless_it_is_written_and_the_record_holds_it() {
    assert!(!Config::default().site.insecure_i_know);
    let config = Config::parse("[site]\ninsecure_i_know = true\n").unwrap();
    assert!(config.site.insecure_i_know);
    assert_eq!(Config::parse(&config.to_toml()).unwrap(), config);
    assert!(matches!(Config::parse("[site]\ninsecure = true\n"), Err(ConfigError::Syntax { line: 2, .. })));
}
