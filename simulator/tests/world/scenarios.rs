//! Scenario files: the ones built in, and bad ones refused with line and reason.

use watchkeeper_simulator::{Scenario, ScenarioError};

const HEAD: &str = "name = \"x\"\ntitle = \"y\"\n";

fn refusal(rest: &str) -> String {
    Scenario::parse(&format!("{HEAD}{rest}")).expect_err(rest).to_string()
}

#[test]
fn every_scenario_built_in_reads_and_carries_its_own_name() {
    let names: Vec<_> = Scenario::names().collect();
    for needed in ["ring-calm", "ring-frozen-sensor", "ring-stuck-actuator"] {
        assert!(names.contains(&needed));
    }
    for name in names {
        let scenario = Scenario::named(name).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(scenario.name(), name);
        assert!(scenario.vehicles() >= 8 && !scenario.title().is_empty());
    }
    assert!(Scenario::named(Scenario::DEFAULT_NAME).is_ok());
}

#[test]
fn an_unknown_name_is_refused_with_the_names_there_are() {
    let message = Scenario::named("ring-road").unwrap_err().to_string();
    assert!(message.contains("ring-road") && message.contains("ring-calm"), "{message}");
}

#[test]
fn bad_files_are_refused_with_line_field_and_reason() {
    let fault = "[[fault]]\nvehicle = 3\nstart_secs = 8\nkind = ";
    let cases = [
        ("vehicels = 8".to_owned(), "line 3, field vehicels: unknown field"),
        ("vehicles = \"eight\"".to_owned(), "line 3, field vehicles: invalid type"),
        ("vehicles = 65".to_owned(), "line 3, field vehicles: 65 is not within 1 to 64"),
        ("vehicles = -1".to_owned(), "line 3, field vehicles: invalid value"),
        ("vehicles = 2.5".to_owned(), "line 3, field vehicles: invalid type"),
        ("\nstep_millis = 30".to_owned(), "line 4, field step_millis: 30 does not divide 100"),
        ("step_millis = 0".to_owned(), "line 3, field step_millis: 0 does not divide 100"),
        ("desired_speed_mps = nan".to_owned(), "line 3, field desired_speed_mps: NaN is not within 3 to 30"),
        ("desired_speed_mps = inf".to_owned(), "line 3, field desired_speed_mps: inf is not within"),
        ("headway_meters = 200".to_owned(), "line 3, field headway_meters: 8 vehicles need 1600 m"),
        ("vehicles = ".to_owned(), "line 3, field vehicles: "),
        ("[[vehicle]]\nindex = 8".to_owned(), "line 4, field index: 8 is not within 0 to 7"),
        (
            "[[vehicle]]\nindex = 1\n[[vehicle]]\nindex = 1".to_owned(),
            "line 6, field index: vehicle 1 is described twice",
        ),
        ("[[vehicle]]\nindex = 1\nlane = \"middle\"".to_owned(), "line 5, field lane: unknown variant"),
        (format!("{fault}\"melting\""), "line 6, field kind: unknown variant"),
        (format!("{fault}\"frozen_sensor\""), "line 6, field signal: a fault of kind frozen_sensor needs it"),
        (
            format!("{fault}\"frozen_sensor\"\nsignal = \"taste\""),
            "line 7, field signal: no vehicle reports \"taste\"",
        ),
        (
            format!("{fault}\"silent\"\nfloor = 0.2"),
            "line 7, field floor: a fault of kind silent has no use for it",
        ),
        (format!("{fault}\"silent\"\nend_secs = 7"), "line 7, field end_secs: 7 is not within 8 to 86400"),
        (
            format!("{fault}\"phantom_brake\"\ndeceleration_mps2 = 80\nduration_secs = 1"),
            "line 7, field deceleration_mps2: 80 is not within 0.5 to 8",
        ),
        (
            format!("{fault}\"phantom_brake\"\ndeceleration_mps2 = 5\nduration_secs = 1\nend_secs = 9"),
            "line 9, field end_secs: a fault of kind phantom_brake has no use for it",
        ),
        (format!("{fault}\"silent\"\ncolour = 1"), "line 7, field colour: unknown field"),
        (
            format!("{fault}\"falling_confidence\"\nrate_per_sec = 0"),
            "line 7, field rate_per_sec: 0 is not within",
        ),
    ];
    for (rest, expected) in cases {
        let message = refusal(&rest);
        assert!(message.starts_with(expected), "{rest:?}\n  gave      {message}\n  expected  {expected}");
    }
}

#[test]
fn a_missing_field_is_named() {
    let error = Scenario::parse("name = \"x\"").unwrap_err();
    assert!(matches!(error, ScenarioError::Malformed { .. }));
    assert!(error.to_string().contains("title"), "{error}");
    let message = refusal("[[fault]]\nkind = \"silent\"\nvehicle = 1");
    assert!(message.contains("start_secs") && message.contains("line 3"), "{message}");
}
