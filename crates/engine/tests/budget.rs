//! A takeover that broke the machine's budget is an alert of its own; a person who took long is none.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    reason = "a test fails by panicking, and looks at a few messages of many"
)]

#[path = "rig/rig.rs"]
#[allow(dead_code, reason = "each test uses a part of it")]
mod rig;

use rig::{Rig, ms, with_demand};
use std::time::Duration;
use watchkeeper_model::{
    Alarm, AlarmState, AlertId, CauseClass, CommandArgs, CommandKind, ControlState, DemandOutcome, Response,
    Severity, Stage,
};
use watchkeeper_protocol::ToOperator;

/// The alert that led to the demand.
fn lead(rig: &mut Rig) -> AlertId {
    rig.alarms().into_iter().find(|alarm| alarm.demand_id.is_some()).unwrap().alert_id
}

/// The alerts of broken budgets that are open.
fn broken(rig: &mut Rig) -> Vec<Alarm> {
    let mut alarms = rig.alarms();
    alarms.retain(|alarm| alarm.subject.as_str() == "takeover budget");
    alarms
}

/// How often console 1 heard that such an alert is active.
fn times_told(rig: &Rig) -> usize {
    let active = |message: &&ToOperator| match message {
        ToOperator::Alert(update) => {
            update.alarm.subject.as_str() == "takeover budget" && update.alarm.state.is_active()
        }
        _ => false,
    };
    rig.told(1).iter().filter(active).count()
}

/// Claims and takes over; the ENGAGE waits for a disk that does not work for so long.
fn take_over(rig: &mut Rig, disk_stands: Duration) {
    rig.claim(1);
    rig.run(ms(100));
    rig.disk_works = disk_stands.is_zero();
    rig.command(1, CommandKind::Engage, CommandArgs::default());
    rig.run(disk_stands);
    rig.disk_works = true;
    rig.run_until(ms(1_000), |rig| rig.state() == ControlState::InTransition);
    rig.command(1, CommandKind::Assume, CommandArgs::default());
    rig.run_until(ms(1_000), |rig| rig.state() == ControlState::Human);
}

fn hand_back(rig: &mut Rig) {
    rig.confidence = 0.95;
    rig.run(ms(4_000));
    rig.command(1, CommandKind::HandBack, CommandArgs::default());
    rig.run_until(ms(2_000), |rig| rig.state() == ControlState::Autonomous);
    rig.run(ms(300));
}

#[test]
fn a_person_who_takes_long_breaks_no_budget() {
    let mut rig = with_demand();
    let alert_id = lead(&mut rig);
    rig.present(1, alert_id);
    rig.run(ms(5_000));
    take_over(&mut rig, ms(0));
    hand_back(&mut rig);
    let takeover = rig.takeovers.last().unwrap();
    let (t5, t7) = (takeover.moments[5].unwrap().at, takeover.moments[7].unwrap().at);
    assert!(t7.since(t5) > ms(5_000), "that was a slow person");
    assert_eq!(broken(&mut rig), []);
    assert_eq!(rig.counts().takeovers_over_budget, 0);
    assert_eq!(rig.replay(), rig.digest());
}

#[test]
fn a_command_that_waited_too_long_is_told_once_with_both_figures() {
    let mut rig = with_demand();
    let alert_id = lead(&mut rig);
    rig.present(1, alert_id);
    take_over(&mut rig, ms(300));
    assert_eq!(broken(&mut rig), [], "nothing disturbs who drives");
    hand_back(&mut rig);

    let takeover = rig.takeovers.last().unwrap();
    let span = takeover.moments[10].unwrap().at.since(takeover.moments[7].unwrap().at);
    assert!(span > ms(300), "{span:?}");
    let [alarm] = broken(&mut rig).try_into().unwrap();
    let text = "the takeover of vehicle-1 broke its budget: command took";
    assert_eq!(alarm.explanation.text.as_str(), format!("{text} {} ms, budget 200 ms", span.as_millis()));
    assert_eq!((alarm.cause, alarm.severity), (CauseClass::Late, Severity::Advisory));
    assert_eq!((alarm.response, alarm.demand_id), (Response::Advise, None));
    assert_eq!((alarm.state, alarm.count), (AlarmState::RtnUnack, 1), "over at once, until somebody saw it");

    // It raises itself no more, even when it is shown late.
    rig.run(ms(10_000));
    rig.present(1, alarm.alert_id);
    rig.run(ms(1_000));
    assert_eq!(times_told(&rig), 1);
    assert_eq!(rig.state(), ControlState::Autonomous);
    rig.acknowledge(1, alarm.alert_id);
    assert_eq!(broken(&mut rig), []);
    assert_eq!(rig.counts().takeovers_over_budget, 1);
    let breaches = |rig: &mut Rig, which| {
        rig.health().stages.iter().find(|latency| latency.stage == which).unwrap().breaches
    };
    assert_eq!(breaches(&mut rig, Stage::Command), 1);
    assert_eq!(breaches(&mut rig, Stage::Actuate), 0);
    assert_eq!(rig.replay(), rig.digest());
}

#[test]
fn a_further_takeover_that_breaks_it_adds_to_the_alert_that_nobody_has_seen() {
    let mut rig = with_demand();
    for _ in 0..2 {
        if rig.state() != ControlState::Requested {
            rig.confidence = 0.05;
            rig.run_until(ms(20_000), |rig| rig.state() == ControlState::Requested);
        }
        rig.run(ms(400));
        let alert_id = lead(&mut rig);
        rig.present(1, alert_id);
        take_over(&mut rig, ms(0));
        hand_back(&mut rig);
    }
    let [alarm] = broken(&mut rig).try_into().unwrap();
    assert_eq!((alarm.state, alarm.count), (AlarmState::RtnUnack, 2));
    assert!(alarm.explanation.text.as_str().contains("notify took 4"), "{}", alarm.explanation.text);
    assert_eq!(times_told(&rig), 2);
    assert_eq!(rig.counts().takeovers_over_budget, 2);
    assert_eq!(rig.replay(), rig.digest());
}

#[test]
fn what_nobody_was_shown_is_a_breach_of_an_unknown_length() {
    let mut rig = with_demand();
    rig.run_until(ms(15_000), |rig| rig.state() == ControlState::Fallback);
    rig.standstill = true;
    rig.run(ms(500));
    let [alarm] = broken(&mut rig).try_into().unwrap();
    let text = "the takeover of vehicle-1 broke its budget: notify is unknown, budget 250 ms";
    assert_eq!(alarm.explanation.text.as_str(), text);
    assert_eq!(rig.counts().takeovers_ended[&Some(DemandOutcome::Fallback)], 1);
    assert_eq!(rig.replay(), rig.digest());
}

#[test]
fn the_stages_of_an_input_are_there_until_the_next_one() {
    let mut rig = with_demand();
    assert!(rig.spans.iter().all(|span| span.stage == Stage::Detect && !span.is_breach()), "{:?}", rig.spans);
    assert!(!rig.spans.is_empty());
    rig.run(ms(400));
    let alert_id = lead(&mut rig);
    rig.spans.clear();
    rig.present(1, alert_id);
    let [notify] = rig.spans.as_slice() else { panic!("{:?}", rig.spans) };
    assert!(
        notify.stage == Stage::Notify && notify.is_breach() && notify.span >= Some(ms(400)),
        "{notify:?}"
    );
    assert!(rig.counts().decisions > 0 && rig.counts().demands_raised == 1, "{:?}", rig.counts());
    let standing = rig.standing();
    assert_eq!((standing.agents, standing.demands_open, standing.leases), (1, 1, 0));
    assert_eq!(standing.alerts_open, rig.alarms().len());
}
