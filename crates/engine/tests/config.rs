//! A configuration that cannot work is refused, with the line and the reason.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;
use watchkeeper_engine::{
    Config, ConfigError,
    config::{AlarmClass, Consequence},
};
use watchkeeper_model::{AgentKind, CauseClass, Priority, Severity};

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

const CLASS: &str = "[load]\nleases_per_person = 1\n[alarms.classes.limit]\nconsequence = \"severe\"\n\
                     operator_action = \"stop the press\"\ntime_to_respond_secs = 30\n";

#[test]
fn a_class_of_alarms_can_be_set_and_the_others_keep_the_built_in_ones() {
    let alarms = Config::parse(CLASS).unwrap().alarms;
    let limit = alarms.class(CauseClass::Limit);
    assert_eq!((limit.consequence, limit.operator_action.as_str()), (Consequence::Severe, "stop the press"));
    assert_eq!(alarms.class(CauseClass::Late), AlarmClass::of(CauseClass::Late));
}

#[test]
fn a_class_without_any_of_its_three_keys_does_not_load() {
    for key in ["consequence", "operator_action", "time_to_respond_secs"] {
        let text: String = CLASS
            .lines()
            .filter(|line| !line.starts_with(key))
            .fold(String::new(), |text, line| text + line + "\n");
        let ConfigError::Value { line, field, reason } = Config::parse(&text).unwrap_err() else {
            panic!("a value error")
        };
        assert_eq!((line, field), (3, format!("alarms.classes.limit.{key}")));
        assert!(reason.contains("is missing"), "{reason}");
    }
}

#[test]
fn a_key_of_a_class_that_cannot_work_is_named_with_its_line() {
    for (from, to, line, field) in [
        ("= 30", "= 0", 6, "time_to_respond_secs"),
        ("= 30", "= \"soon\"", 6, "time_to_respond_secs"),
        ("stop the press", " ", 5, "operator_action"),
        ("severe", "dire", 4, "consequence"),
        ("= 30", "= 30\nlatchin = true", 7, "latchin"),
    ] {
        let error = Config::parse(&CLASS.replace(from, to)).unwrap_err();
        let ConfigError::Value { line: found, field: named, .. } = &error else { panic!("{error}") };
        assert_eq!(
            (*found, named.as_str()),
            (line, format!("alarms.classes.limit.{field}").as_str()),
            "{error}"
        );
    }
}

#[test]
fn every_kind_of_cause_has_a_class_and_it_is_written_out() {
    let text = Config::complete().to_toml();
    for cause in CauseClass::ALL {
        assert!(text.contains(&format!("[alarms.classes.{cause}]")), "{text}");
        assert!(AlarmClass::of(*cause).operator_action.as_str().len() > 10);
    }
}

#[test]
fn the_priority_is_consequence_against_time() {
    use Priority::{High, Low, Medium};
    let priorities = |severity| {
        [Consequence::Minor, Consequence::Major, Consequence::Severe].map(|consequence| {
            [60, 179, 180, 599, 600].map(|time_to_respond_secs| {
                AlarmClass { consequence, time_to_respond_secs, ..AlarmClass::of(CauseClass::Limit) }
                    .priority(severity)
            })
        })
    };
    let minor = [Medium, Medium, Low, Low, Low];
    let major = [High, High, Medium, Medium, Low];
    let severe = [High, High, Medium, Medium, Medium];
    assert_eq!(priorities(Severity::Critical), [minor, major, severe]);
    assert_eq!(priorities(Severity::Warning), [minor, major, major]);
    assert_eq!(priorities(Severity::Advisory), [minor; 3]);
}

fn rule(name: &str, cause: &str, while_active: &str, reason: &str) -> String {
    format!(
        "[[alarms.suppress]]\nname = \"{name}\"\ncause = \"{cause}\"\nwhile_active = \"{while_active}\"\n\
         reason = \"{reason}\"\n"
    )
}

#[test]
fn rules_that_could_hide_everything_or_say_nothing_are_refused_with_their_line() {
    let good = rule("a", "late", "silence", "follows");
    assert_eq!(Config::parse(&good).unwrap().alarms.suppress.len(), 1);
    for (second, field) in [
        (rule("b", "silence", "late", "follows"), "alarms.suppress[0].while_active"),
        (rule("b", "outlier", "outlier", "follows"), "alarms.suppress[1].while_active"),
        (rule("a", "outlier", "limit", "follows"), "alarms.suppress[1].name"),
        (rule("b", "outlier", "limit", " "), "alarms.suppress[1].reason"),
    ] {
        let error = Config::parse(&format!("{good}{second}")).unwrap_err();
        let ConfigError::Value { line, field: found, .. } = &error else { panic!("{error}") };
        let expected = if field.contains("[0]") { 1 } else { 6 };
        assert_eq!((*line, found.as_str()), (expected, field), "{error}");
    }
}

#[test]
fn flapping_without_bounds_is_refused() {
    for (text, field) in [
        ("[alarms.flap]\nraises = 0\n", "alarms.flap.raises"),
        ("[alarms.flap]\nraises = 101\n", "alarms.flap.raises"),
        ("[alarms.flap]\nquiet_secs = 0\n", "alarms.flap.quiet_secs"),
        ("[alarms.flap]\nwithin_secs = 100000\n", "alarms.flap.within_secs"),
    ] {
        let error = Config::parse(text).unwrap_err();
        assert!(
            matches!(&error, ConfigError::Value { line: 2, field: found, .. } if found == field),
            "{error}"
        );
    }
}

#[test]
fn floods_routes_and_common_causes_that_cannot_work_are_refused_with_their_line() {
    for (text, line, field) in [
        ("[alarms.flood]\nbegins_above = 0\n", 2, "alarms.flood.begins_above"),
        ("[alarms.flood]\nbegins_above = 1001\n", 2, "alarms.flood.begins_above"),
        ("[alarms.flood]\nbegins_above = 4\n", 1, "alarms.flood.ends_below"),
        ("[alarms.flood]\nwithin_secs = 0\n", 2, "alarms.flood.within_secs"),
        ("[alarms.routing]\npresent_within_ms = 49\n", 2, "alarms.routing.present_within_ms"),
        ("[alarms.routing]\npresent_within_ms = 60001\n", 2, "alarms.routing.present_within_ms"),
        ("[alarms.common]\nagents = 1\n", 2, "alarms.common.agents"),
        ("[alarms.common]\nwithin_secs = 3601\n", 2, "alarms.common.within_secs"),
        ("[[alarms.areas]]\nname = \" \"\nagents = [\"a\"]\n", 1, "alarms.areas[0].name"),
        ("[[alarms.areas]]\nname = \"a\"\nagents = []\n", 1, "alarms.areas[0].agents"),
    ] {
        let error = Config::parse(text).unwrap_err();
        let ConfigError::Value { line: found_line, field: found, .. } = &error else { panic!("{error}") };
        assert_eq!((*found_line, found.as_str()), (line, field), "{error}");
    }
    let twice = "[[alarms.areas]]\nname = \"a\"\nagents = [\"a*\"]\n".repeat(2);
    assert!(Config::parse(&twice).unwrap_err().to_string().contains("alarms.areas[1].name"));
    let one = Config::parse("[alarms.flood]\nbegins_above = 3\nends_below = 3\n").unwrap();
    assert_eq!(Config::parse(&one.to_toml()).unwrap(), one);
}
