//! Whom alerts are brought to, when that is too many, and what many agents have in common.
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
use std::{collections::BTreeSet, time::Duration};
use watchkeeper_model::{Access, Alarm, AlarmState, CauseClass, Note, OperatorRole, Scope};
use watchkeeper_protocol::{
    OperatorMessage,
    operator::{OperatorStatus, Shelve},
};

const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

const fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn to(alarm: &Alarm) -> Option<&str> {
    alarm.routed.as_ref().map(|routed| routed.to.as_str())
}

fn standing(fleet: &Fleet, person: &str) -> OperatorStatus {
    let operators = &fleet.roster.as_ref().unwrap().operators;
    operators.iter().find(|operator| operator.person.as_str() == person).unwrap().clone()
}

#[test]
fn an_alert_that_a_console_does_not_show_goes_to_the_next_operator_and_then_to_a_supervisor() {
    let mut fleet = Fleet::new(1, "");
    fleet.seat(3, "ben", OperatorRole::Operator);
    fleet.set_local("agent-0", true);
    let first = fleet.last("agent-0", CauseClass::Stopped);
    assert_eq!(to(&first), Some("ada"), "both are free: the order of names decides");
    fleet.run(millis(399));
    assert_eq!(fleet.last("agent-0", CauseClass::Stopped), first);
    fleet.run(millis(1));
    let second = fleet.last("agent-0", CauseClass::Stopped);
    assert_eq!((to(&second), second.routed.as_ref().unwrap().passed_over), (Some("ben"), 1));
    fleet.run(millis(400));
    let third = fleet.last("agent-0", CauseClass::Stopped);
    assert_eq!((to(&third), third.routed.as_ref().unwrap().passed_over), (Some("sue"), 2));
    fleet.run(secs(10));
    assert_eq!(fleet.last("agent-0", CauseClass::Stopped), third, "everybody was asked");
    assert!(["ada", "ben", "sue"].iter().all(|person| standing(&fleet, person).away));
    // Who does something is there again.
    fleet.acknowledge(third.alert_id);
    fleet.run(secs(10));
    assert!(!standing(&fleet, "ada").away && standing(&fleet, "ben").away);
    assert_eq!(to(&fleet.last("agent-0", CauseClass::Stopped)), None, "it waits for nobody now");
    assert!(fleet.replays());
}

#[test]
fn the_first_that_is_told_of_an_alert_says_whom_it_is_brought_to_also_where_it_begins_anew() {
    let mut fleet = Fleet::new(1, "");
    for _ in 0..2 {
        fleet.told.clear();
        fleet.set_local("agent-0", true);
        let told: Vec<_> = fleet.told.iter().map(|alarm| (alarm.state, to(alarm))).collect();
        assert_eq!(told, [(AlarmState::UnackActive, Some("ada"))], "it never was nobody's");
        fleet.set_local("agent-0", false);
    }
}

#[test]
fn an_alert_that_was_shown_stays_with_whom_it_was_brought_to() {
    let mut fleet = Fleet::new(1, "");
    fleet.seat(3, "ben", OperatorRole::Operator);
    fleet.set_local("agent-0", true);
    fleet.run(millis(100));
    fleet.show_mine(1, "ada");
    fleet.run(secs(3_600));
    let alarm = fleet.last("agent-0", CauseClass::Stopped);
    assert_eq!((to(&alarm), alarm.state), (Some("ada"), AlarmState::UnackActive));
    assert_eq!((standing(&fleet, "ada").waiting, standing(&fleet, "ada").away), (1, false));
    // What begins anew must be shown anew.
    fleet.set_local("agent-0", false);
    fleet.set_local("agent-0", true);
    fleet.run(millis(400));
    assert_eq!(to(&fleet.last("agent-0", CauseClass::Stopped)), Some("ben"));
}

#[test]
fn alerts_are_shared_out_and_go_to_others_when_somebody_leaves() {
    let mut fleet = Fleet::new(4, "");
    fleet.seat(3, "ben", OperatorRole::Operator);
    for index in 0..4 {
        fleet.set_local(&format!("agent-{index}"), true);
    }
    fleet.show_mine(1, "ada");
    fleet.show_mine(3, "ben");
    let brought: Vec<_> = fleet.open().iter().map(|alarm| to(alarm).unwrap().to_owned()).collect();
    assert_eq!(brought, ["ada", "ben", "ada", "ben"]);
    fleet.leave(3);
    assert!(fleet.open().iter().all(|alarm| to(alarm) == Some("ada")));
    fleet.leave(1);
    assert!(fleet.open().iter().all(|alarm| to(alarm) == Some("sue")));
    fleet.leave(2);
    assert!(fleet.open().iter().all(|alarm| to(alarm).is_none()), "nobody is there");
    fleet.seat(4, "cleo", OperatorRole::Operator);
    assert!(fleet.open().iter().all(|alarm| to(alarm) == Some("cleo")), "it waited for whoever comes");
    assert!(fleet.replays());
}

#[test]
fn what_is_put_aside_waits_for_nobody_and_is_brought_again_when_it_returns() {
    let mut fleet = Fleet::new(1, "");
    fleet.set_local("agent-0", true);
    fleet.show_mine(1, "ada");
    let alert_id = fleet.last("agent-0", CauseClass::Stopped).alert_id;
    let shelve = Shelve { alert_id, for_nanos: 60_000_000_000, reason: Note::cut("known") };
    fleet.say(1, OperatorMessage::Shelve(shelve));
    assert_eq!(to(&fleet.last("agent-0", CauseClass::Stopped)), None);
    fleet.run(secs(60));
    let back = fleet.last("agent-0", CauseClass::Stopped);
    assert!(back.shelved.is_none() && to(&back) == Some("ada"), "{back:?}");
    // Her console told once that it shows the alert, and tells it no second time.
    fleet.run(secs(60));
    assert_eq!(to(&fleet.last("agent-0", CauseClass::Stopped)), Some("ada"));
    assert!(!standing(&fleet, "ada").away);
}

/// Of somebody whose token names these agents.
fn access(pattern: &str) -> Access {
    Access { scope: Scope::new([pattern]).unwrap(), ..Access::unrestricted(OperatorRole::Operator) }
}

#[test]
fn an_alert_is_brought_to_those_who_may_act_on_its_agent_and_a_card_is_not_shared_beyond_them() {
    let mut fleet = Fleet::new(20, "");
    fleet.leave(1);
    fleet.leave(2);
    fleet.seat_with(3, "ben", access("agent-1*"));
    fleet.seat_with(4, "cleo", access("agent-*"));
    fleet.set_local("agent-2", true);
    assert_eq!(to(&fleet.last("agent-2", CauseClass::Stopped)), Some("cleo"));
    for index in [11, 12, 13, 14, 5, 6] {
        fleet.disconnect(&format!("agent-{index}"));
    }
    fleet.run(millis(100));
    fleet.show_mine(3, "ben");
    fleet.show_mine(4, "cleo");
    fleet.run(secs(1));
    let open = fleet.open();
    let silent = |name: &str| open.iter().find(|alarm| alarm.agent.as_str() == name).unwrap();
    assert_eq!(to(silent("agent-11")), Some("ben"), "nothing waits for him yet");
    assert!(silent("agent-12").common.is_some() && to(silent("agent-12")).is_none(), "on his card");
    assert!(["agent-5", "agent-6"].iter().all(|name| to(silent(name)) == Some("cleo")), "not his agents");
    assert!(fleet.replays());
}

#[test]
fn whose_token_ends_has_nothing_brought_to_him_any_more() {
    let mut fleet = Fleet::new(2, "");
    let until = Some(fleet.now.after(secs(60)));
    fleet.leave(1);
    fleet.seat_with(3, "ben", Access { acts_until: until, ..access("*") });
    fleet.set_local("agent-0", true);
    fleet.show_mine(3, "ben");
    assert_eq!(to(&fleet.last("agent-0", CauseClass::Stopped)), Some("ben"));
    fleet.run(secs(60));
    assert_eq!(to(&fleet.last("agent-0", CauseClass::Stopped)), Some("sue"));
    assert!(fleet.replays());
}

#[test]
fn a_person_at_two_consoles_is_one_person() {
    let mut fleet = Fleet::new(2, "");
    fleet.seat(3, "ada", OperatorRole::Operator);
    fleet.set_local("agent-0", true);
    fleet.show_mine(3, "ada");
    fleet.leave(1);
    fleet.run(secs(60));
    let open = fleet.open();
    assert_eq!(to(&open[0]), Some("ada"), "her other console is there, and showed it");
    fleet.leave(3);
    assert_eq!(to(&fleet.open()[0]), Some("sue"));
}

#[test]
fn a_thousand_alerts_for_a_newcomer_come_in_portions() {
    let mut fleet = Fleet::new(1_000, "");
    fleet.leave(2);
    fleet.leave(1);
    for index in 0..1_000 {
        fleet.set_local(&format!("agent-{index}"), true);
    }
    fleet.told.clear();
    fleet.seat(1, "ada", OperatorRole::Operator);
    assert_eq!(fleet.told.len(), 64, "what one input makes of them");
    for _ in 0..16 {
        let before = fleet.told.len();
        fleet.run(millis(10));
        assert!(fleet.told.len() - before <= 64);
    }
    assert!(fleet.open().iter().all(|alarm| to(alarm) == Some("ada")));
    assert!(fleet.replays());
}

#[test]
fn a_hundred_alerts_a_minute_are_a_flood_that_is_entered_and_left_and_relieved_by_others() {
    let mut fleet = Fleet::new(200, "");
    for index in 0..100 {
        fleet.set_local(&format!("agent-{index}"), true);
        fleet.show_mine(1, "ada");
        fleet.show_mine(2, "sue");
        fleet.run(millis(600));
        let flooded = standing(&fleet, "ada").flooded_nanos.is_some();
        assert_eq!(flooded, index >= 10, "after {} alerts", index + 1);
    }
    assert_eq!(standing(&fleet, "sue").flooded_nanos, None, "she is asked after those who operate");
    // Somebody who has no flood is asked first.
    fleet.seat(3, "zoe", OperatorRole::Operator);
    fleet.set_local("agent-100", true);
    assert_eq!(to(&fleet.last("agent-100", CauseClass::Stopped)), Some("zoe"));
    let mut shown = fleet.now;
    while standing(&fleet, "ada").flooded_nanos.is_some() {
        fleet.run(secs(5));
        assert!(fleet.now < shown.after(secs(660)), "it never ends");
    }
    shown = shown.after(secs(590));
    assert!(fleet.now > shown, "it ends when fewer than five are left of ten minutes, not before");
    assert!(fleet.replays());
}

#[test]
fn two_hundred_agents_that_lose_one_link_are_one_card_with_the_first_out_named() {
    let areas = "[[alarms.areas]]\nname = \"depot north\"\nagents = [\"agent-*\"]\n";
    let mut fleet = Fleet::new(200, areas);
    fleet.seat(3, "ben", OperatorRole::Operator);
    fleet.disconnect("agent-17");
    fleet.run(millis(1));
    for index in (0..200).filter(|index| *index != 17) {
        fleet.disconnect(&format!("agent-{index}"));
    }
    for _ in 0..100 {
        fleet.run(millis(100));
        fleet.show_mine(1, "ada");
        fleet.show_mine(3, "ben");
    }
    let open = fleet.open();
    let silent: Vec<&Alarm> = open.iter().filter(|alarm| alarm.subject.as_str() == "link").collect();
    assert_eq!(silent.len(), 200);
    let cards: BTreeSet<_> = silent.iter().map(|alarm| alarm.common.as_ref().unwrap().id).collect();
    assert_eq!(cards.len(), 1, "one card");
    let members = silent.iter().map(|alarm| alarm.common.as_ref().unwrap().members).max();
    assert_eq!(members, Some(200));
    let common = silent[0].common.as_ref().unwrap();
    assert_eq!(common.first_out.as_str(), "agent-17");
    assert_eq!(common.area.as_ref().unwrap().as_str(), "depot north");
    let people: Vec<_> = silent.iter().filter_map(|alarm| to(alarm)).collect();
    assert_eq!(people, ["ada"], "one of them says whom all of it is brought to");
    fleet.run(secs(5));
    assert!(fleet.roster.as_ref().unwrap().operators.iter().all(|one| one.flooded_nanos.is_none()));
    // One press takes note of all of it, and one puts all of it aside.
    fleet.acknowledge(common.id);
    (0..5).for_each(|_| fleet.run(millis(10)));
    let acked = |alarm: &Alarm| alarm.subject.as_str() != "link" || alarm.state == AlarmState::AckedActive;
    assert!(fleet.open().iter().all(acked));
    let shelve = Shelve { alert_id: common.id, for_nanos: 60_000_000_000, reason: Note::cut("dug up") };
    fleet.say(1, OperatorMessage::Shelve(shelve));
    (0..5).for_each(|_| fleet.run(millis(10)));
    let shelved = fleet.open().iter().filter(|alarm| alarm.shelved.is_some()).count();
    assert_eq!(shelved, 200);
    assert!(fleet.replays());
}

#[test]
fn agents_of_other_areas_do_not_join_a_card() {
    let areas = "[[alarms.areas]]\nname = \"tens\"\nagents = [\"agent-1*\"]\n";
    let mut fleet = Fleet::new(20, areas);
    for index in 0..20 {
        fleet.disconnect(&format!("agent-{index}"));
    }
    fleet.run(secs(10));
    let open = fleet.open();
    let areas: BTreeSet<_> = open
        .iter()
        .filter_map(|alarm| alarm.common.as_ref())
        .map(|common| (common.id, common.area.as_ref().map(|area| area.as_str().to_owned())))
        .collect();
    assert_eq!(areas.len(), 2, "{areas:?}");
    assert_eq!(areas.iter().filter(|(_, area)| area.as_deref() == Some("tens")).count(), 1);
}
