use watchkeeper_detect::{DetectSettings, KindSettings, SettingProblem};
use watchkeeper_model::{AgentKind, CauseClass, Label, Response};

#[test]
fn defaults_pass_their_own_check_and_an_empty_file_is_the_defaults() {
    assert_eq!(DetectSettings::default().check(), []);
    assert_eq!(toml::from_str::<DetectSettings>("").unwrap(), DetectSettings::default());
}

#[test]
fn one_field_of_one_kind_leaves_all_other_defaults_of_that_kind() {
    let settings: DetectSettings = toml::from_str(
        "[vehicle.outlier]\nwarning = 7.5\nfloors = { speed = 0.2 }\n[vehicle.responses]\nlate = \"takeover\"",
    )
    .unwrap();
    let mut expected = KindSettings::of(AgentKind::Vehicle);
    expected.outlier.warning = 7.5;
    expected.outlier.floors.insert(Label::cut("speed"), 0.2);
    expected.responses.insert(CauseClass::Late, Response::Takeover);
    assert_eq!(settings.vehicle, expected);
    assert_eq!(settings.vehicle.response_to(CauseClass::Confidence), Response::Takeover);
    assert_eq!(settings.generic, KindSettings::of(AgentKind::Generic));
}

#[test]
fn settings_survive_the_record_unchanged() {
    let settings: DetectSettings = toml::from_str(
        "[generic.silence]\nfactor = 3.0\n[[limits]]\nsignal = \"speed\"\nmin = -1.0\nmax = 2.0\nhysteresis = 0.5",
    )
    .unwrap();
    let json = serde_json::to_string(&settings).unwrap();
    assert_eq!(serde_json::from_str::<DetectSettings>(&json).unwrap(), settings);
    let toml = toml::to_string(&settings).unwrap();
    assert_eq!(toml::from_str::<DetectSettings>(&toml).unwrap(), settings);
}

#[test]
fn an_unknown_field_is_an_error_that_names_it() {
    for file in [
        "[vehicle.outlier]\nwarnign = 7.0",
        "[truck]\n",
        "[[limits]]\nsignal = \"v\"\nmax = 1.0\nmin_value = 3.0",
    ] {
        let error = toml::from_str::<DetectSettings>(file).unwrap_err().to_string();
        assert!(error.contains("unknown field"), "{error}");
    }
}

#[test]
fn what_makes_no_sense_is_named_with_its_path() {
    let mut settings: DetectSettings = toml::from_str(
        r#"
        [vehicle.outlier]
        warning = 0.0
        warm_up_samples = 3
        [generic.confidence]
        low = 1.5
        [transaction.silence]
        min_millis = 10
        max_millis = 5
        [[limits]]
        signal = "speed"
        [[limits]]
        agent = "a*b"
        signal = "speed"
        min = 1.0
        max = 2.0
        hysteresis = 0.6
        "#,
    )
    .unwrap();
    settings.software_agent.outlier.clip = f64::NAN;
    let errors = settings.check();
    let paths: Vec<_> = errors.iter().map(|error| error.path.as_str()).collect();
    assert_eq!(
        paths,
        [
            "vehicle.outlier.warning",
            "vehicle.outlier.warm_up_samples",
            "transaction.silence.max_millis",
            "software_agent.outlier.clip",
            "generic.confidence.low",
            "limits[0].min",
            "limits[1].agent",
            "limits[1].max",
            "limits[1].name",
        ]
    );
    assert_eq!(errors[0].to_string(), "vehicle.outlier.warning: 0 is not between 0.1 and 100000");
    assert_eq!(errors[5].problem, SettingProblem::NoBound);
}

#[test]
fn two_rules_may_share_a_signal_where_no_agent_gets_both_or_each_has_a_name() {
    let rules = |first: &str, second: &str| {
        let file = format!(
            "[[limits]]\nsignal = \"v\"\nmax = 1.0\n{first}\n[[limits]]\nsignal = \"v\"\nmax = 2.0\n{second}"
        );
        toml::from_str::<DetectSettings>(&file).unwrap().check().len()
    };
    assert_eq!(rules("", ""), 1);
    assert_eq!(rules("kind = \"vehicle\"", "kind = \"generic\""), 0);
    assert_eq!(rules("agent = \"bus-*\"", "agent = \"truck-*\""), 0);
    assert_eq!(rules("agent = \"bus-*\"", "agent = \"bus-7\""), 1);
    assert_eq!(rules("name = \"slow\"", "name = \"fast\""), 0);
}
