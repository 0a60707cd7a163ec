//! What hides alerts, what holds them open, and what they are worth: over the whole engine.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    reason = "a test fails by panicking, and looks at a few messages of many"
)]

#[path = "rig/fleet.rs"]
#[allow(dead_code, reason = "each test uses a part of it")]
mod fleet;

use fleet::Fleet;
use std::time::Duration;
use watchkeeper_model::{AlarmState, CauseClass, Note, Priority};
use watchkeeper_protocol::{
    OperatorMessage,
    operator::{Reset, ReturnToService, Shelve},
    session::ErrorCode,
};

const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

/// Somebody at the agent takes control and gives it back, twenty times within an hour.
fn flap(fleet: &mut Fleet, name: &str, times: usize) {
    for _ in 0..times {
        fleet.set_local(name, true);
        fleet.run(secs(60));
        fleet.set_local(name, false);
        fleet.run(secs(60));
    }
}

#[test]
fn one_agent_of_a_hundred_that_flaps_is_one_card_held_open_and_the_others_are_as_ever() {
    let mut fleet = Fleet::new(100, "");
    for index in 1..100 {
        fleet.set_local(&format!("agent-{index}"), true);
    }
    flap(&mut fleet, "agent-0", 20);
    let open = fleet.open();
    assert_eq!(open.len(), 100, "one card of each agent");
    let (flapping, others): (Vec<_>, Vec<_>) = open.into_iter().partition(|alarm| alarm.flapping);
    assert_eq!(flapping.len(), 1);
    assert_eq!((flapping[0].agent.as_str(), flapping[0].count), ("agent-0", 20));
    assert_eq!(flapping[0].state, AlarmState::UnackActive, "it is held open though its cause is gone");
    assert!(others.iter().all(|alarm| alarm.count == 1 && alarm.state == AlarmState::UnackActive));
    assert_eq!(
        fleet.counts().alerts_raised.values().sum::<u64>(),
        99 + 11,
        "nothing is announced after that"
    );
    assert!(fleet.replays());
}

#[test]
fn an_acknowledged_card_that_flaps_stays_so_until_it_was_quiet_for_its_time() {
    let mut fleet = Fleet::new(2, "");
    flap(&mut fleet, "agent-0", 11);
    let card = fleet.last("agent-0", CauseClass::Stopped);
    assert!(card.flapping);
    fleet.acknowledge(card.alert_id);
    flap(&mut fleet, "agent-0", 3);
    let later = fleet.last("agent-0", CauseClass::Stopped);
    assert_eq!((later.alert_id, later.state, later.count), (card.alert_id, AlarmState::AckedActive, 14));
    // The last minute of flapping was quiet already.
    fleet.run(secs(539));
    assert_eq!(fleet.last("agent-0", CauseClass::Stopped), later);
    fleet.run(secs(1));
    let over = fleet.last("agent-0", CauseClass::Stopped);
    assert_eq!((over.alert_id, over.state, over.flapping), (card.alert_id, AlarmState::Normal, false));
    assert!(fleet.open().is_empty() && fleet.replays());
}

#[test]
fn a_card_that_settles_while_its_cause_holds_stays_active() {
    let mut fleet = Fleet::new(1, "[alarms.flap]\nraises = 2\nwithin_secs = 600\nquiet_secs = 120\n");
    flap(&mut fleet, "agent-0", 2);
    fleet.set_local("agent-0", true);
    assert!(fleet.last("agent-0", CauseClass::Stopped).flapping);
    fleet.run(secs(120));
    let settled = fleet.last("agent-0", CauseClass::Stopped);
    assert_eq!((settled.flapping, settled.state), (false, AlarmState::UnackActive));
    fleet.set_local("agent-0", false);
    assert_eq!(fleet.last("agent-0", CauseClass::Stopped).state, AlarmState::RtnUnack, "its end is told");
}

#[test]
fn what_is_out_of_service_goes_on_living_and_is_seen_when_it_returns() {
    let mut fleet = Fleet::new(2, "");
    fleet.take_out(2, "agent-0", CauseClass::Stopped, "local");
    let out = fleet.last("agent-0", CauseClass::Stopped);
    assert_eq!((out.state, out.count), (AlarmState::Normal, 0));
    let by = out.out_of_service.unwrap();
    assert_eq!((by.by.as_str(), by.reason.as_str()), ("sue", "the switch is broken"));
    fleet.set_local("agent-0", true);
    fleet.set_local("agent-0", false);
    fleet.acknowledge(out.alert_id);
    let over = fleet.last("agent-0", CauseClass::Stopped);
    assert_eq!((over.alert_id, over.state, over.count), (out.alert_id, AlarmState::Normal, 1));
    assert_eq!(fleet.open(), [over], "it is kept while it is out of service");
    fleet.set_local("agent-0", true);
    let hidden = fleet.last("agent-0", CauseClass::Stopped);
    assert!(hidden.state == AlarmState::UnackActive && hidden.out_of_service.is_some());
    fleet.say(2, OperatorMessage::ReturnToService(ReturnToService { alert_id: out.alert_id }));
    let back = fleet.last("agent-0", CauseClass::Stopped);
    assert_eq!((back.state, back.out_of_service), (AlarmState::UnackActive, None));
    assert!(fleet.errors.is_empty() && fleet.replays());
}

#[test]
fn what_was_quiet_out_of_service_is_over_when_it_returns() {
    let mut fleet = Fleet::new(1, "");
    fleet.take_out(2, "agent-0", CauseClass::Stopped, "local");
    let alert_id = fleet.last("agent-0", CauseClass::Stopped).alert_id;
    fleet.say(2, OperatorMessage::ReturnToService(ReturnToService { alert_id }));
    assert!(fleet.last("agent-0", CauseClass::Stopped).is_over() && fleet.open().is_empty());
}

#[test]
fn only_a_supervisor_takes_out_of_service_and_only_with_a_reason() {
    let mut fleet = Fleet::new(1, "");
    fleet.take_out(1, "agent-0", CauseClass::Stopped, "local");
    assert_eq!(fleet.errors.pop().unwrap().code, ErrorCode::Forbidden);
    fleet.take_out(2, "agent-9", CauseClass::Stopped, "local");
    assert_eq!(fleet.errors.pop().unwrap().field.unwrap().as_str(), "agent");
    let body = watchkeeper_protocol::operator::TakeOutOfService {
        agent: watchkeeper_model::AgentId::new("agent-0").unwrap(),
        cause: CauseClass::Stopped,
        subject: watchkeeper_model::Label::cut("local"),
        reason: Note::cut(" "),
    };
    fleet.say(2, OperatorMessage::TakeOutOfService(body));
    assert_eq!(fleet.errors.pop().unwrap().field.unwrap().as_str(), "reason");
    assert!(fleet.open().is_empty());
    fleet.take_out(2, "agent-0", CauseClass::Stopped, "local");
    let alert_id = fleet.last("agent-0", CauseClass::Stopped).alert_id;
    fleet.say(1, OperatorMessage::ReturnToService(ReturnToService { alert_id }));
    assert_eq!(fleet.errors.pop().unwrap().code, ErrorCode::Forbidden);
}

const LATCHING: &str = "[alarms.classes.stopped]\nconsequence = \"major\"\noperator_action = \"look\"\n\
                        time_to_respond_secs = 120\nlatching = true\n";

#[test]
fn a_latched_alert_stays_until_a_person_resets_it_after_its_cause_went() {
    let mut fleet = Fleet::new(1, LATCHING);
    fleet.set_local("agent-0", true);
    let alert_id = fleet.last("agent-0", CauseClass::Stopped).alert_id;
    let reset = OperatorMessage::Reset(Reset { alert_id });
    fleet.say(1, reset.clone());
    assert!(fleet.errors.pop().unwrap().message.as_str().contains("still there"));
    fleet.acknowledge(alert_id);
    fleet.set_local("agent-0", false);
    let latched = fleet.last("agent-0", CauseClass::Stopped);
    assert_eq!((latched.state, latched.latched), (AlarmState::Normal, true));
    assert_eq!(fleet.open(), [latched]);
    fleet.set_local("agent-0", true);
    let again = fleet.last("agent-0", CauseClass::Stopped);
    assert_eq!((again.alert_id, again.state, again.latched), (alert_id, AlarmState::UnackActive, false));
    fleet.set_local("agent-0", false);
    fleet.say(1, reset);
    let reset = fleet.last("agent-0", CauseClass::Stopped);
    assert_eq!((reset.state, reset.latched), (AlarmState::RtnUnack, false), "nobody has seen it yet");
    fleet.acknowledge(alert_id);
    assert!(fleet.open().is_empty() && fleet.replays());
}

const RULE: &str = "[[alarms.suppress]]\nname = \"behind the link\"\ncause = \"stopped\"\n\
                    while_active = \"silence\"\nwhile_subject = \"link\"\nagents = [\"agent-0\"]\n\
                    reason = \"without a link its state is not known\"\n";

#[test]
fn a_rule_hides_what_follows_from_another_alert_while_that_is_active() {
    let mut fleet = Fleet::new(2, RULE);
    for name in ["agent-0", "agent-1"] {
        fleet.set_local(name, true);
        assert_eq!(fleet.last(name, CauseClass::Stopped).suppressed, None);
        fleet.disconnect(name);
    }
    fleet.run(secs(120));
    let hidden = fleet.last("agent-0", CauseClass::Stopped).suppressed.unwrap();
    assert_eq!(hidden.rule.as_str(), "behind the link");
    assert_eq!(fleet.last("agent-1", CauseClass::Stopped).suppressed, None, "the rule speaks of one agent");
    assert_eq!(fleet.last("agent-0", CauseClass::Silence).suppressed, None);
    // Its end is told while it is hidden; nobody saw it, so it comes back to be seen.
    fleet.connect("agent-0");
    let back = fleet.last("agent-0", CauseClass::Stopped);
    fleet.run(secs(5));
    assert_eq!(fleet.last("agent-0", CauseClass::Stopped).suppressed, None, "{back:?}");
    assert!(fleet.replays());
}

#[test]
fn what_is_raised_behind_a_rule_is_hidden_from_its_first_moment() {
    let rule = "[[alarms.suppress]]\nname = \"under local control\"\ncause = \"silence\"\n\
                while_active = \"stopped\"\nreason = \"whoever is there switches it off\"\n";
    let mut fleet = Fleet::new(1, rule);
    fleet.set_local("agent-0", true);
    fleet.disconnect("agent-0");
    fleet.run(secs(120));
    let told: Vec<_> = fleet.told.iter().filter(|alarm| alarm.cause == CauseClass::Silence).collect();
    assert!(!told.is_empty() && told.iter().all(|alarm| alarm.suppressed.is_some()), "{told:?}");
}

#[test]
fn the_priority_follows_from_the_class_and_from_what_the_severity_supports() {
    let mut fleet = Fleet::new(1, "");
    fleet.set_local("agent-0", true);
    assert_eq!(fleet.last("agent-0", CauseClass::Stopped).priority, Priority::Low);
    fleet.disconnect("agent-0");
    fleet.run(secs(120));
    assert_eq!(fleet.last("agent-0", CauseClass::Silence).priority, Priority::High);
    let mut fleet = Fleet::new(1, LATCHING);
    fleet.set_local("agent-0", true);
    let told = fleet.last("agent-0", CauseClass::Stopped);
    assert_eq!(told.priority, Priority::Medium, "an advisory is minor however grave its class");
}

#[test]
fn a_shelved_alert_is_over_the_same_way_as_any_other() {
    let mut fleet = Fleet::new(1, "");
    fleet.set_local("agent-0", true);
    let alert_id = fleet.last("agent-0", CauseClass::Stopped).alert_id;
    let shelve = Shelve { alert_id, for_nanos: 1_000_000_000_000, reason: Note::cut("known") };
    fleet.say(1, OperatorMessage::Shelve(shelve));
    fleet.set_local("agent-0", false);
    let over = fleet.last("agent-0", CauseClass::Stopped);
    assert!(over.state == AlarmState::RtnUnack && over.shelved.is_some());
    fleet.run(secs(1_000));
    let back = fleet.last("agent-0", CauseClass::Stopped);
    assert_eq!((back.state, back.shelved), (AlarmState::RtnUnack, None));
}
