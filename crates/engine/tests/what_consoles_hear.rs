//! Shelving, the roster, takeovers as they go on, labels: what consoles hear beside alerts and control.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    reason = "a test fails by panicking, and looks at a few messages of many"
)]

#[path = "rig/rig.rs"]
#[allow(dead_code, reason = "each test uses a part of it")]
mod rig;

use rig::{Rig, VEHICLE, calm, ms, with_demand};
use std::time::Duration;
use watchkeeper_engine::Config;
use watchkeeper_model::{
    AgentId, AgentKind, Alarm, AlarmState, AlertId, CauseClass, CommandArgs, CommandKind, ControlState,
    DemandId, DemandOutcome, Epoch, MAX_SHELVED, OperatorRole, PersonId, PlanPoint, Response, Stage, Verdict,
};
use watchkeeper_protocol::{
    OperatorMessage, ToOperator, Wire,
    operator::{
        AllowTakeover, AnswerHandover, ConsoleKind, LabelTakeover, RequestHandover, Roster, Shelve,
        SnapshotPart, Telemetry, Unshelve,
    },
    record::TakeoverRecord,
    session::{ErrorCode, ErrorReport},
};

/// A vehicle that is offline, and the alert that says so.
fn with_alert() -> (Rig, AlertId) {
    let mut rig = calm();
    rig.disconnect_vehicle();
    rig.run(ms(2_500));
    let alarm = rig.alarms().into_iter().find(|alarm| alarm.cause == CauseClass::Silence).unwrap();
    assert!(alarm.state.is_active() && alarm.shelved.is_none());
    (rig, alarm.alert_id)
}

fn find(rig: &mut Rig, alert_id: AlertId) -> Option<Alarm> {
    rig.alarms().into_iter().find(|alarm| alarm.alert_id == alert_id)
}

/// The alert as the console was last told, be it over or not.
fn last_told(rig: &Rig, alert_id: AlertId) -> Alarm {
    let told = rig.told(1).iter().rev().find_map(|message| match message {
        ToOperator::Alert(update) if update.alarm.alert_id == alert_id => Some(update.alarm.clone()),
        _ => None,
    });
    told.unwrap()
}

#[track_caller]
fn refused(rig: &Rig, kind: &str, field: &str, rule: &str) {
    let Some(ErrorReport { code, message, kind: of, field: named }) = rig.errors.last() else {
        panic!("nothing was refused")
    };
    assert_eq!(*code, ErrorCode::BadField);
    assert_eq!((of.as_ref().unwrap().as_str(), named.as_ref().unwrap().as_str()), (kind, field));
    assert!(message.as_str().contains(rule), "{message}");
}

#[test]
fn a_shelved_alert_stays_in_the_list_and_comes_back_exactly_at_its_time() {
    let (mut rig, alert_id) = with_alert();
    rig.shelve(1, alert_id, ms(60_000), "the modem is being replaced");
    let shelved = last_told(&rig, alert_id).shelved.unwrap();
    assert_eq!((shelved.by.as_str(), shelved.reason.as_str()), ("ada", "the modem is being replaced"));
    rig.run(ms(59_995));
    assert_eq!(find(&mut rig, alert_id).unwrap().shelved, Some(shelved), "a new console sees it shelved");
    rig.run(ms(5));
    let back = last_told(&rig, alert_id);
    assert_eq!((back.shelved, back.state), (None, AlarmState::UnackActive));
    assert!(rig.errors.is_empty(), "{:?}", rig.errors);
}

#[test]
fn the_shelf_keeps_the_time_that_was_said_last() {
    let (mut rig, alert_id) = with_alert();
    rig.shelve(1, alert_id, ms(1_000), "replaced");
    rig.shelve(1, alert_id, ms(5_000), "takes longer");
    rig.run(ms(4_500));
    assert_eq!(find(&mut rig, alert_id).unwrap().shelved.unwrap().reason.as_str(), "takes longer");
    rig.run(ms(500));
    assert_eq!(find(&mut rig, alert_id).unwrap().shelved, None);
}

#[test]
fn a_shelved_alert_is_acknowledged_as_ever_and_taken_back_by_anybody() {
    let (mut rig, alert_id) = with_alert();
    rig.shelve(1, alert_id, MAX_SHELVED, "a shift");
    rig.acknowledge(1, alert_id);
    let acked = last_told(&rig, alert_id);
    assert_eq!(acked.state, AlarmState::AckedActive);
    assert!(acked.shelved.is_some());
    rig.connect_operator(2, "bob", OperatorRole::Operator);
    rig.unshelve(2, alert_id);
    assert_eq!(last_told(&rig, alert_id).shelved, None);
    rig.unshelve(2, alert_id);
    refused(&rig, "unshelve", "alert_id", "no alert of this id is shelved");
}

#[test]
fn the_end_of_a_shelved_alert_is_told() {
    let (mut rig, alert_id) = with_alert();
    rig.shelve(1, alert_id, ms(600_000), "replaced");
    rig.acknowledge(1, alert_id);
    rig.connect_vehicle();
    rig.run(ms(500));
    assert_eq!(last_told(&rig, alert_id).state, AlarmState::Normal);
    assert_eq!(find(&mut rig, alert_id), None);
    // Its time is over later, and nothing is left to come back.
    let told = rig.told(1).len();
    rig.run(ms(600_000));
    let later = &rig.told(1)[told..];
    let again = |message: &ToOperator| matches!(message, ToOperator::Alert(update) if update.alarm.alert_id == alert_id);
    assert!(!later.iter().any(again));
}

#[test]
fn shelving_is_refused_with_the_field_and_the_rule() {
    let (mut rig, alert_id) = with_alert();
    rig.shelve(1, AlertId(1), ms(1_000), "replaced");
    refused(&rig, "shelve", "alert_id", "no open alert");
    rig.shelve(1, alert_id, Duration::ZERO, "replaced");
    refused(&rig, "shelve", "for_nanos", "at most 8 h");
    rig.shelve(1, alert_id, MAX_SHELVED + Duration::from_nanos(1), "replaced");
    refused(&rig, "shelve", "for_nanos", "at most 8 h");
    rig.shelve(1, alert_id, ms(1_000), " ");
    refused(&rig, "shelve", "reason", "say why");
    assert_eq!(rig.errors.len(), 4);
    assert_eq!(find(&mut rig, alert_id).unwrap().shelved, None);
}

#[test]
fn an_alert_that_asks_for_a_person_cannot_be_shelved_until_its_demand_is_over() {
    let mut rig = with_demand();
    let asks = rig.alarms().into_iter().find(|alarm| alarm.demand_id.is_some()).unwrap().alert_id;
    rig.shelve(1, asks, ms(1_000), "not now");
    refused(&rig, "shelve", "alert_id", "demand is open");
    rig.run_until(ms(12_000), |rig| rig.state() == ControlState::Fallback);
    rig.run(ms(200));
    assert_eq!(find(&mut rig, asks).unwrap().demand_id, None);
    rig.shelve(1, asks, ms(60_000), "it stands, and is looked at");
    assert!(find(&mut rig, asks).unwrap().shelved.is_some());
}

#[test]
fn a_new_demand_stands_for_every_cause_that_is_still_there() {
    let config = Config::parse("[detect.vehicle.responses]\nsilence = \"takeover\"\n").unwrap();
    let mut rig = Rig::of(AgentKind::Vehicle, config);
    rig.connect_vehicle();
    rig.connect_operator(1, "ada", OperatorRole::Operator);
    rig.run(ms(500));
    rig.claim(1);
    rig.run(ms(100));
    assert_eq!(rig.state(), ControlState::Claimed);
    rig.confidence = 0.05;
    let takeovers = |rig: &mut Rig| {
        let mut alarms = rig.alarms();
        alarms.retain(|alarm| alarm.response == Response::Takeover && alarm.state.is_active());
        alarms
    };
    rig.run_until(ms(4_000), |rig| {
        rig.told(1).iter().any(|message| {
            matches!(message, ToOperator::Alert(update) if update.alarm.cause == CauseClass::Confidence)
        })
    });
    rig.decides = false;
    rig.run(ms(1_000));
    assert_eq!((rig.state(), takeovers(&mut rig).len()), (ControlState::Claimed, 2));
    rig.command(1, CommandKind::Release, CommandArgs::default());
    rig.run(ms(300));
    assert_eq!(rig.state(), ControlState::Requested);
    let asks = takeovers(&mut rig);
    assert_eq!(asks.len(), 2, "{asks:?}");
    for alarm in asks {
        assert!(alarm.demand_id.is_some(), "{alarm:?}");
        rig.shelve(1, alarm.alert_id, ms(1_000), "not now");
        refused(&rig, "shelve", "alert_id", "demand is open");
    }
}

#[test]
fn a_new_demand_takes_its_alert_from_the_shelf() {
    let mut rig = calm();
    rig.claim(1);
    rig.run(ms(100));
    rig.take_over(1);
    rig.run(ms(300));
    // Under a person the cause asks nobody: it may be put aside.
    rig.confidence = 0.05;
    rig.run(ms(5_000));
    assert_eq!(rig.state(), ControlState::Human);
    let cause = rig.alarms().into_iter().find(|alarm| alarm.cause == CauseClass::Confidence).unwrap();
    assert_eq!(cause.demand_id, None);
    rig.shelve(1, cause.alert_id, ms(600_000), "I drive");
    assert!(find(&mut rig, cause.alert_id).unwrap().shelved.is_some());
    rig.confidence = 0.95;
    rig.run(ms(4_000));
    let back = rig.command(1, CommandKind::HandBack, CommandArgs::default());
    rig.run_until(ms(3_000), |rig| rig.state() == ControlState::Autonomous);
    assert!(rig.command_code(back).is_none());
    let over = find(&mut rig, cause.alert_id).unwrap();
    assert!(over.state == AlarmState::RtnUnack && over.shelved.is_some(), "{over:?}");
    rig.confidence = 0.05;
    rig.run_until(ms(10_000), |rig| rig.state() == ControlState::Requested);
    let asks = find(&mut rig, cause.alert_id).unwrap();
    assert!(asks.demand_id.is_some());
    assert_eq!(asks.shelved, None);
}

fn rosters(rig: &Rig) -> Vec<Roster> {
    let told = rig.told(1).iter().filter_map(|message| match message {
        ToOperator::Roster(roster) => Some(roster.clone()),
        _ => None,
    });
    told.collect()
}

#[test]
fn the_roster_says_who_is_there_and_what_they_hold() {
    let mut rig = with_demand();
    rig.console_kind = ConsoleKind::Window;
    rig.connect_operator(3, "bob", OperatorRole::Supervisor);
    rig.connect_operator(2, "ada", OperatorRole::Observer);
    rig.run(ms(300));
    let roster = rosters(&rig).pop().unwrap();
    let rows: Vec<_> = roster
        .operators
        .iter()
        .map(|one| (one.person.as_str(), one.session_id.0, one.role, one.console))
        .collect();
    let expected = [
        ("ada", 1, OperatorRole::Operator, ConsoleKind::Scripted),
        ("ada", 2, OperatorRole::Observer, ConsoleKind::Window),
        ("bob", 3, OperatorRole::Supervisor, ConsoleKind::Window),
    ];
    assert_eq!((rows.as_slice(), roster.more), (expected.as_slice(), 0));
    assert!(roster.operators.iter().all(|one| one.holds.is_empty()));
    assert!(roster.operators[0].connected_nanos > roster.operators[1].connected_nanos);

    rig.claim(1);
    rig.run(ms(300));
    assert_eq!(rosters(&rig).pop().unwrap().operators[0].holds, [AgentId::new(VEHICLE).unwrap()]);
    rig.command(1, CommandKind::Release, CommandArgs::default());
    rig.run(ms(300));
    assert!(rosters(&rig).pop().unwrap().operators[0].holds.is_empty());
    rig.disconnect_operator(3);
    rig.run(ms(300));
    assert_eq!(rosters(&rig).pop().unwrap().operators.len(), 2);
}

#[test]
fn who_is_next_stands_in_the_roster_beside_the_holder() {
    let mut rig = with_demand();
    rig.connect_operator(2, "bob", OperatorRole::Operator);
    rig.claim(1);
    rig.run(ms(100));
    rig.take_over(1);
    let agent = AgentId::new(VEHICLE).unwrap();
    let ask = RequestHandover { agent: agent.clone(), preempt: false, reason: None };
    rig.send_operator(2, OperatorMessage::RequestHandover(ask));
    let wish = rig.told(1).iter().rev().find_map(|message| match message {
        ToOperator::ControlStatus(update) => update.status.lease.as_ref()?.handover.clone(),
        _ => None,
    });
    let request_id = wish.unwrap().request_id;
    let answer = AnswerHandover { agent: agent.clone(), request_id, accept: true };
    rig.send_operator(1, OperatorMessage::AnswerHandover(answer));
    rig.run(ms(300));
    let holds: Vec<_> =
        rosters(&rig).pop().unwrap().operators.into_iter().map(|one| (one.person, one.holds)).collect();
    let both = ["ada", "bob"].map(|name| (PersonId::new(name).unwrap(), vec![agent.clone()]));
    assert_eq!(holds, both);
}

#[test]
fn the_roster_is_repeated_rarely_and_a_crowd_is_told_once() {
    let mut rig = calm();
    rig.run(ms(1_000));
    let before = rosters(&rig).len();
    rig.run(ms(10_000));
    assert_eq!(rosters(&rig).len() - before, 2);
    let before = rosters(&rig).len();
    for session in 10..110 {
        rig.connect_operator(session, &format!("op-{session}"), OperatorRole::Operator);
        rig.run(ms(5));
    }
    rig.run(ms(200));
    let told = rosters(&rig);
    assert!(told.len() - before <= 5, "{} within 0.7 s", told.len() - before);
    let roster = told.last().unwrap();
    assert_eq!((roster.operators.len(), roster.more), (64, 37));
    assert!(roster.operators.is_sorted_by_key(|one| (&one.person, one.session_id)));
}

/// The takeovers as the console was told of them.
fn takeovers(rig: &Rig) -> Vec<TakeoverRecord> {
    let told = rig.told(1).iter().filter_map(|message| match message {
        ToOperator::Takeover(update) => Some(update.takeover.clone()),
        _ => None,
    });
    told.collect()
}

#[test]
fn a_takeover_is_told_with_every_moment_that_it_gets() {
    let mut rig = with_demand();
    let begun = takeovers(&rig);
    let [begun] = begun.as_slice() else { panic!("{begun:?}") };
    assert!(!begun.over && begun.holder.is_none() && begun.moments[3].is_some());
    assert_eq!(begun.moments[4..], [None; 8]);
    let alert_id = begun.alert_id.unwrap();

    rig.present(1, alert_id);
    assert!(takeovers(&rig).last().unwrap().moments[5].is_some(), "presented");
    rig.disk_works = false;
    rig.claim(1);
    rig.run(ms(100));
    rig.acknowledge(1, alert_id);
    let waits = takeovers(&rig).pop().unwrap();
    assert!(waits.moments[6].is_some(), "acknowledged");
    assert_eq!((waits.holder, waits.epoch, waits.granted_at), (None, None, None), "not on disk yet");
    rig.disk_works = true;
    rig.run(ms(100));
    let granted = takeovers(&rig).pop().unwrap();
    assert_eq!(granted.holder.unwrap().as_str(), "ada");
    assert!(granted.epoch > Some(Epoch(0)) && granted.granted_at.is_some());
    rig.take_over(1);
    rig.run(ms(200));
    let human = takeovers(&rig).pop().unwrap();
    assert!(human.human_at.is_some() && human.outcome == Some(DemandOutcome::Human));
    assert!(human.moments[7..].iter().all(Option::is_some), "{:?}", human.moments);
    assert!(!human.over);
    rig.confidence = 0.95;
    rig.run(ms(4_000));
    rig.command(1, CommandKind::HandBack, CommandArgs::default());
    rig.run_until(ms(3_000), |rig| rig.state() == ControlState::Autonomous);
    rig.run(ms(200));
    let told = takeovers(&rig);
    assert_eq!(told.last(), rig.takeovers.last(), "what is told at the end is what the record holds");
    assert!(told.last().unwrap().over && told.last().unwrap().handed_back_at.is_some());
    assert!(told.windows(2).all(|pair| pair[0] != pair[1]), "nothing is told twice");
    assert!(told.len() < 20, "{}", told.len());
}

/// The takeovers in the snapshot of a console that connects now.
fn snapshot(rig: &mut Rig, session: u64) -> Vec<SnapshotPart> {
    rig.connect_operator(session, "new", OperatorRole::Observer);
    let parts = rig.told(session).iter().filter_map(|message| match message {
        ToOperator::Snapshot(part) => Some(part.clone()),
        _ => None,
    });
    parts.collect()
}

#[test]
fn a_snapshot_holds_what_goes_on_and_the_last_that_are_over_in_parts_that_fit() {
    let mut rig = calm();
    for wish in 0..34 {
        rig.claim(1);
        rig.run_until(ms(2_000), |rig| rig.state() == ControlState::Claimed);
        rig.command(1, CommandKind::Release, CommandArgs::default());
        rig.run_until(ms(5_000), |rig| rig.takeovers.len() == wish + 1);
        rig.run_until(ms(5_000), |rig| rig.state() == ControlState::Autonomous);
    }
    rig.claim(1);
    rig.run(ms(200));
    let parts = snapshot(&mut rig, 9);
    assert!(parts.iter().all(|part| part.takeovers.len() <= 8));
    assert!(rig.snapshot_sizes(9).iter().all(|size| *size <= watchkeeper_protocol::MAX_FRAME));
    let all: Vec<&TakeoverRecord> = parts.iter().flat_map(|part| &part.takeovers).collect();
    let over: Vec<DemandId> = all.iter().filter(|one| one.over).map(|one| one.demand_id).collect();
    let expected: Vec<DemandId> = rig.takeovers[2..].iter().map(|one| one.demand_id).collect();
    assert_eq!(over, expected, "the last 32");
    assert_eq!(all.len(), 33);
    assert!(all.is_sorted_by_key(|one| one.demand_id), "oldest first");
}

#[test]
fn a_label_is_published_and_recorded_and_the_last_word_wins() {
    let mut rig = with_demand();
    let demand_id = takeovers(&rig)[0].demand_id;
    rig.label(1, demand_id, Verdict::Real);
    refused(&rig, "label", "demand_id", "not over yet");
    rig.run_until(ms(12_000), |rig| !rig.takeovers.is_empty());
    rig.label(1, DemandId(7), Verdict::Real);
    refused(&rig, "label", "demand_id", "none of the last 32");
    assert_eq!(rig.takeovers[0].verdict, None);

    rig.label(1, demand_id, Verdict::Late);
    rig.connect_operator(2, "bob", OperatorRole::Operator);
    rig.label(2, demand_id, Verdict::FalseAlarm);
    let verdicts: Vec<_> = rig.takeovers.iter().map(|one| (one.demand_id, one.verdict)).collect();
    let expected = [None, Some(Verdict::Late), Some(Verdict::FalseAlarm)].map(|verdict| (demand_id, verdict));
    assert_eq!(verdicts, expected, "the record keeps each word");
    let shown = snapshot(&mut rig, 9)[0].takeovers[0].clone();
    assert_eq!(shown.labelled_by.as_ref().unwrap().as_str(), "bob");
    assert_eq!(takeovers(&rig).pop(), Some(shown));
    assert_eq!(rig.replay(), rig.digest());
}

#[test]
fn an_observer_changes_nothing_by_any_of_it() {
    let (mut rig, alert_id) = with_alert();
    rig.connect_operator(3, "eve", OperatorRole::Observer);
    let agent = AgentId::new(VEHICLE).unwrap();
    let messages = [
        OperatorMessage::Shelve(Shelve {
            alert_id,
            for_nanos: 1_000_000_000,
            reason: watchkeeper_model::Note::cut("quiet"),
        }),
        OperatorMessage::Unshelve(Unshelve { alert_id }),
        OperatorMessage::RequestHandover(RequestHandover {
            agent: agent.clone(),
            preempt: true,
            reason: None,
        }),
        OperatorMessage::AnswerHandover(AnswerHandover { agent: agent.clone(), request_id: 1, accept: true }),
        OperatorMessage::AllowTakeover(AllowTakeover { agent, epoch: Epoch(1), allowed: true }),
        OperatorMessage::Label(LabelTakeover { demand_id: DemandId(1), verdict: Verdict::Real }),
    ];
    let told = rig.told(1).len();
    for message in messages {
        let kind = message.kind();
        rig.send_operator(3, message);
        let report = rig.errors.last().unwrap();
        assert_eq!((report.code, report.kind.as_ref().unwrap().as_str()), (ErrorCode::Forbidden, kind));
    }
    assert_eq!(rig.errors.len(), 6);
    assert_eq!(rig.told(1).len(), told, "nobody else hears of it");
    assert_eq!(find(&mut rig, alert_id).unwrap().shelved, None);
}

#[test]
fn a_console_that_draws_for_nobody_never_presents_an_alert() {
    let mut rig = with_demand();
    rig.console_kind = ConsoleKind::Headless;
    rig.connect_operator(2, "bench", OperatorRole::Operator);
    let alert_id = takeovers(&rig)[0].alert_id.unwrap();
    rig.present(2, alert_id);
    let notify = |rig: &mut Rig| rig.health().stages.iter().any(|stage| stage.stage == Stage::Notify);
    assert_eq!(takeovers(&rig).last().unwrap().moments[5], None);
    assert!(!notify(&mut rig));
    rig.present(1, alert_id);
    assert!(takeovers(&rig).last().unwrap().moments[5].is_some(), "a person's console does");
    assert!(notify(&mut rig));
}

fn newest_telemetry(rig: &Rig) -> Telemetry {
    let told = rig.told(1).iter().rev().find_map(|message| match message {
        ToOperator::Telemetry(telemetry) => Some(telemetry.clone()),
        _ => None,
    });
    told.unwrap()
}

#[test]
fn consoles_see_sixteen_points_of_a_plan_with_its_first_and_last() {
    let mut rig = calm();
    assert!(newest_telemetry(&rig).plan.is_empty());
    for points in [1_u32, 15, 16, 17, 40, 64] {
        rig.plan = (0..points).map(|n| PlanPoint { x_meters: f64::from(n), y_meters: 0.0 }).collect();
        rig.run(ms(200));
        let shown: Vec<f64> = newest_telemetry(&rig).plan.iter().map(|point| point.x_meters).collect();
        assert_eq!(shown.len(), points.min(16) as usize);
        assert_eq!((shown[0], *shown.last().unwrap()), (0.0, f64::from(points - 1)));
        let steps: Vec<f64> = shown.windows(2).map(|pair| pair[1] - pair[0]).collect();
        let even = f64::from(points - 1) / 15.0;
        assert!(steps.iter().all(|step| *step >= 1.0 && (*step - even).abs() <= 1.0), "{shown:?}");
    }
}
