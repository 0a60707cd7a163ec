//! Who is asked about a demand, one after the other, and who is called at last.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    reason = "a test fails by panicking, and looks at a few messages of many"
)]

#[path = "rig/rig.rs"]
#[allow(dead_code, reason = "each test uses a part of it")]
mod rig;

use rig::Rig;
use std::time::Duration;
use watchkeeper_model::{Alarm, ControlState, OperatorRole, PageReason, Response};
use watchkeeper_protocol::ToOperator;

const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

const fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn to(alarm: &Alarm) -> Option<&str> {
    alarm.routed.as_ref().map(|routed| routed.to.as_str())
}

/// A vehicle whose confidence drops, which asks for a takeover.
fn troubled(rig: &mut Rig) {
    rig.connect_vehicle();
    rig.run(secs(3));
    rig.confidence = 0.1;
    rig.run_until(secs(10), |rig| rig.state() == ControlState::Requested);
}

fn reasons(rig: &Rig) -> Vec<PageReason> {
    rig.pages.iter().map(|page| page.reason).collect()
}

#[test]
fn with_nobody_online_the_pager_is_told_at_once_and_the_agent_falls_back_at_its_time() {
    let mut rig = Rig::new();
    troubled(&mut rig);
    assert_eq!(reasons(&rig), [PageReason::NobodyOnline]);
    let left = Duration::from_nanos(rig.pages[0].left_nanos);
    assert_eq!(left, secs(10), "T_demand, and all of it is left");
    rig.run(secs(11));
    assert!(rig.state() == ControlState::Fallback || rig.state() == ControlState::SafeHeld);
    assert_eq!(reasons(&rig), [PageReason::NobodyOnline, PageReason::FellBack]);
    assert_eq!(rig.pages[0].demand_id, rig.pages[1].demand_id);
}

/// Returns whom the newest takeover alert was brought to.
fn takeover_alert(rig: &Rig, session: u64) -> Alarm {
    let mut alerts = rig.told(session).iter().filter_map(|message| match message {
        ToOperator::Alert(update) if update.alarm.response == Response::Takeover => Some(&update.alarm),
        _ => None,
    });
    alerts.next_back().unwrap().clone()
}

#[test]
fn a_demand_that_nobody_answers_goes_to_the_next_then_to_a_supervisor_and_then_to_the_pager() {
    let mut rig = Rig::new();
    rig.connect_operator(1, "ada", OperatorRole::Operator);
    rig.connect_operator(2, "ben", OperatorRole::Operator);
    rig.connect_operator(3, "sue", OperatorRole::Supervisor);
    troubled(&mut rig);
    let alarm = takeover_alert(&rig, 1);
    assert_eq!(to(&alarm), Some("ada"));
    for session in 1..=3 {
        rig.present(session, alarm.alert_id);
    }
    rig.run(secs(4));
    assert_eq!(to(&takeover_alert(&rig, 1)), Some("ben"), "T_esc, first");
    assert!(rig.pages.is_empty());
    rig.run(secs(3));
    assert_eq!(to(&takeover_alert(&rig, 1)), Some("sue"), "T_esc, second");
    assert_eq!(reasons(&rig), [PageReason::Unanswered]);
    rig.claim(3);
    rig.run(millis(300));
    rig.take_over(3);
    rig.run(secs(10));
    assert_eq!(reasons(&rig), [PageReason::Unanswered], "somebody came");
}

#[test]
fn a_demand_that_no_console_shows_is_told_to_the_pager_when_everybody_was_asked() {
    let mut rig = Rig::new();
    rig.connect_operator(1, "ada", OperatorRole::Operator);
    rig.connect_operator(2, "ben", OperatorRole::Operator);
    troubled(&mut rig);
    rig.run(millis(450));
    assert_eq!(to(&takeover_alert(&rig, 1)), Some("ben"), "within 500 ms");
    assert!(rig.pages.is_empty());
    rig.run(millis(450));
    assert_eq!(reasons(&rig), [PageReason::NotShown]);
}

#[test]
fn who_only_looks_on_is_brought_nothing() {
    let mut rig = Rig::new();
    rig.connect_operator(1, "olga", OperatorRole::Observer);
    rig.connect_operator(2, "aud", OperatorRole::Auditor);
    troubled(&mut rig);
    assert_eq!(to(&takeover_alert(&rig, 1)), None);
    assert_eq!(reasons(&rig), [PageReason::NobodyOnline]);
}

#[test]
fn a_console_that_may_not_act_proves_nothing_by_showing_a_demand() {
    let mut rig = Rig::new();
    rig.connect_operator(1, "ada", OperatorRole::Operator);
    rig.connect_operator(2, "olga", OperatorRole::Observer);
    troubled(&mut rig);
    let alarm = takeover_alert(&rig, 2);
    rig.present(2, alarm.alert_id);
    rig.run(millis(450));
    assert_eq!(reasons(&rig), [PageReason::NotShown]);
}

#[test]
fn a_demand_that_is_over_and_that_the_agent_does_not_confirm_asks_nobody_any_more() {
    let mut rig = Rig::new();
    rig.connect_operator(1, "ada", OperatorRole::Operator);
    rig.connect_operator(2, "ben", OperatorRole::Operator);
    troubled(&mut rig);
    rig.present(1, takeover_alert(&rig, 1).alert_id);
    rig.present(2, takeover_alert(&rig, 1).alert_id);
    // It does not hear that its cause is gone.
    rig.deaf = true;
    rig.confidence = 0.95;
    rig.run(secs(9));
    assert_eq!(to(&takeover_alert(&rig, 1)), Some("ada"));
    assert!(rig.pages.is_empty(), "{:?}", rig.pages);
}

#[test]
fn what_ended_while_it_was_demanded_waits_for_nobody() {
    let mut rig = Rig::new();
    rig.connect_operator(1, "ada", OperatorRole::Operator);
    troubled(&mut rig);
    let alert_id = takeover_alert(&rig, 1).alert_id;
    rig.present(1, alert_id);
    rig.acknowledge(1, alert_id);
    rig.confidence = 0.95;
    rig.run(secs(20));
    let roster = rig.told(1).iter().rev().find_map(|message| match message {
        ToOperator::Roster(roster) => Some(roster.operators[0].waiting),
        _ => None,
    });
    assert_eq!(roster, Some(0));
}
