//! Rules that people write, in the engine: alerts, demands, changes, replay.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    reason = "a test fails by panicking, and looks at a few messages of many"
)]

#[path = "rig/rig.rs"]
#[allow(dead_code, reason = "each test uses a part of it")]
mod rig;

use rig::{Rig, ms};
use watchkeeper_engine::Config;
use watchkeeper_model::{
    AgentKind, Alarm, AlarmState, CauseClass, ControlState, OperatorRole, Priority, Response, Severity,
};

/// Confidence may fall to 0.6; 0.65 is well again.
const UNSURE: &str = r#"
[[rule]]
id = "unsure"
why = "the night shift is alone"
limit = { signal = "confidence", min = 0.6, hysteresis = 0.05 }
"#;

fn rig_with(rules: &str) -> Rig {
    let config = Config::parse(&format!("[rules]\ntext = '''{rules}'''\n")).unwrap();
    let mut rig = Rig::of(AgentKind::Vehicle, config);
    rig.connect_vehicle();
    rig.connect_operator(1, "ada", OperatorRole::Operator);
    rig.run(ms(500));
    rig
}

fn raised(rig: &mut Rig, subject: &str) -> Option<Alarm> {
    rig.alarms().into_iter().find(|alarm| alarm.subject.as_str() == subject)
}

#[test]
fn a_value_that_swings_around_a_limit_is_one_alert_and_replays() {
    let mut rig = rig_with(UNSURE);
    for _ in 0..50 {
        rig.confidence = 0.58;
        rig.run(ms(100));
        rig.confidence = 0.62;
        rig.run(ms(100));
    }
    let alarm = raised(&mut rig, "rule:unsure").unwrap();
    assert_eq!((alarm.cause, alarm.severity, alarm.count), (CauseClass::Limit, Severity::Warning, 1));
    assert_eq!((alarm.state, alarm.priority), (AlarmState::UnackActive, Priority::High));
    let text = alarm.explanation.text.as_str();
    assert!(text.starts_with("rule unsure: confidence is 0.58"), "{text}");
    assert!(text.ends_with("(the night shift is alone)"), "{text}");
    rig.acknowledge(1, alarm.alert_id);
    rig.confidence = 0.95;
    rig.run(ms(300));
    assert_eq!(raised(&mut rig, "rule:unsure"), None);
    assert_eq!(rig.replay(), rig.digest());
}

#[test]
fn other_rules_come_into_force_between_two_decisions_and_replay() {
    let mut rig = rig_with(UNSURE);
    rig.confidence = 0.7;
    rig.run(ms(500));
    assert_eq!(raised(&mut rig, "rule:unsure"), None);
    // Stricter: the next decision is judged by them, and the new rule stands beside.
    let stricter = UNSURE.replace("min = 0.6", "min = 0.8");
    let moving = "[[rule]]\nid = \"moving\"\nwhen = \"signals.speed > 5.0 && agent.kind == 'vehicle'\"\n";
    rig.change_rules(&format!("{stricter}{moving}"));
    rig.run(ms(200));
    assert!(raised(&mut rig, "rule:unsure").is_some() && raised(&mut rig, "rule:moving").is_some());
    // What is no rule leaves them as they were.
    rig.change_rules("[[rule]]\nid = 3\n");
    rig.run(ms(200));
    let moving = raised(&mut rig, "rule:moving").unwrap();
    assert_eq!(moving.state, AlarmState::UnackActive);
    assert_eq!(moving.explanation.signals[0].signal.as_str(), "speed");
    // What is not in force any more is over, at once.
    rig.change_rules(&stricter);
    assert_eq!(raised(&mut rig, "rule:moving").unwrap().state, AlarmState::RtnUnack);
    assert_eq!(raised(&mut rig, "rule:unsure").unwrap().state, AlarmState::UnackActive);
    assert_eq!(rig.replay(), rig.digest());
}

#[test]
fn a_rule_may_ask_for_a_takeover() {
    let rules = format!("{UNSURE}response = \"takeover\"\nseverity = \"critical\"\n");
    let mut rig = rig_with(&rules);
    rig.confidence = 0.59;
    rig.run_until(ms(2_000), |rig| rig.state() == ControlState::Requested);
    assert_eq!(rig.state(), ControlState::Requested);
    let alarm = raised(&mut rig, "rule:unsure").unwrap();
    assert!(alarm.response == Response::Takeover && alarm.demand_id.is_some());
}

#[test]
fn what_detectors_learn_to_be_normal_does_not_silence_a_rule() {
    let mut rig = rig_with(UNSURE);
    rig.confidence = 0.59;
    rig.run(ms(120_000));
    assert_eq!(raised(&mut rig, "rule:unsure").unwrap().state, AlarmState::UnackActive);
}

#[test]
fn a_rule_that_cannot_be_judged_is_counted_and_told() {
    let mut rig = rig_with("[[rule]]\nid = \"heavy\"\nwhen = \"signals.weight > 5.0\"\n");
    rig.run(ms(1_500));
    let alarm = raised(&mut rig, "unjudged:heavy").unwrap();
    assert_eq!(alarm.severity, Severity::Advisory);
    let text = alarm.explanation.text.as_str();
    assert!(text.contains("10 decisions in a row: weight is missing"), "{text}");
    assert!(rig.counts().rules_unjudged >= 10);
    assert_eq!(raised(&mut rig, "rule:heavy"), None);
}

#[test]
fn rules_that_cannot_be_used_are_no_configuration() {
    let text = "[load]\n\n[rules]\ntext = \"[[rule]]\\nid = 3\"\n";
    let error = Config::parse(text).unwrap_err().to_string();
    assert!(error.starts_with("line 4, column 8: the rules: line 2, column 6"), "{error}");
    let config = Config::parse(&format!("[rules]\nfile = \"r.toml\"\ntext = '''{UNSURE}'''\n")).unwrap();
    assert_eq!(Config::parse(&config.to_toml()).unwrap(), config);
    assert_eq!(config.rules.in_force.text(), UNSURE.trim_start_matches('\n'));
}
