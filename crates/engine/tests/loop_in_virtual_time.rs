//! The engine with real gates on the other side, in virtual time: no sockets, no disk, no clock.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    reason = "a test fails by panicking, and looks at a few messages of many"
)]

#[path = "rig/rig.rs"]
#[allow(dead_code, reason = "each test uses a part of it")]
mod rig;

use rig::{Rig, VEHICLE, ms, with_demand};
use watchkeeper_model::{
    AlarmState, CauseClass, CommandArgs, CommandCode, CommandKind, CommandState, ControlState, DemandOutcome,
    LatchCause, Note, OperatorRole, Stage,
};
use watchkeeper_protocol::operator::LeaseEvent;

#[test]
fn a_takeover_goes_from_the_decision_to_the_hand_back() {
    let mut rig = with_demand();
    let alarm = rig.alarms().into_iter().find(|alarm| alarm.cause == CauseClass::Confidence).unwrap();
    assert!(alarm.demand_id.is_some(), "the alert carries its demand");
    assert!(!alarm.explanation.text.as_str().is_empty());
    rig.present(1, alarm.alert_id);
    rig.acknowledge(1, alarm.alert_id);

    rig.claim(1);
    rig.run(ms(100));
    assert_eq!(rig.state(), ControlState::Claimed);
    rig.take_over(1);
    assert_eq!(rig.state(), ControlState::Human);

    let hold = rig.command(1, CommandKind::Hold, CommandArgs::default());
    rig.run_until(ms(2_000), |rig| rig.command_state(hold) == Some(CommandState::Accepted));
    rig.standstill = true;
    rig.run_until(ms(2_000), |rig| rig.command_state(hold) == Some(CommandState::Completed));

    // The cause is still there: the agent does not get its control back.
    let early = rig.command(1, CommandKind::HandBack, CommandArgs::default());
    rig.run(ms(100));
    assert_eq!(rig.command_code(early), Some(CommandCode::NeedsSecondApproval));
    rig.confidence = 0.95;
    rig.run(ms(4_000));
    let back = rig.command(1, CommandKind::HandBack, CommandArgs::default());
    rig.run_until(ms(2_000), |rig| rig.state() == ControlState::Autonomous);
    rig.run(ms(300));
    assert_eq!(rig.command_state(back), Some(CommandState::Completed));

    let [takeover] = rig.takeovers.as_slice() else { panic!("{:?}", rig.takeovers) };
    assert_eq!(takeover.outcome, Some(DemandOutcome::Human));
    assert!(takeover.human_at.is_some() && takeover.handed_back_at > takeover.human_at);
    assert!(takeover.moments.iter().all(Option::is_some), "{:?}", takeover.moments);
    let times: Vec<_> = takeover.moments.iter().flatten().map(|moment| moment.at).collect();
    assert!(times.is_sorted(), "{times:?}");
    let stages: Vec<Stage> = rig.health().stages.iter().map(|stage| stage.stage).collect();
    assert_eq!(stages, Stage::ALL);
}

#[test]
fn nobody_answers_and_the_agent_falls_back_by_itself() {
    let mut rig = with_demand();
    rig.run(ms(4_100));
    let loud = rig.alarms().into_iter().find(|alarm| alarm.demand_id.is_some()).unwrap();
    assert_eq!(loud.escalation, 1, "T_esc makes it louder");
    rig.run_until(ms(7_000), |rig| rig.state() == ControlState::Fallback);
    rig.standstill = true;
    rig.run(ms(500));
    assert_eq!(rig.state(), ControlState::SafeHeld);
    assert_eq!(rig.takeovers.last().unwrap().outcome, Some(DemandOutcome::Fallback));
    assert!(rig.alarms().iter().any(|alarm| alarm.cause == CauseClass::Fallback && alarm.state.is_active()));
    // Only a named person releases it.
    rig.confidence = 0.95;
    rig.run(ms(4_000));
    let latch = rig.latch(LatchCause::Fallback);
    let args =
        CommandArgs { latch_id: Some(latch), reason: Some(Note::cut("checked")), ..CommandArgs::default() };
    let clear = rig.command(1, CommandKind::ClearLatch, args);
    rig.run(ms(300));
    assert_eq!(rig.command_state(clear), Some(CommandState::Completed), "{:?}", rig.command_code(clear));
    assert_eq!(rig.state(), ControlState::Autonomous);
}

#[test]
fn a_grant_is_announced_only_when_it_is_on_disk() {
    let mut rig = with_demand();
    rig.disk_works = false;
    rig.claim(1);
    rig.run(ms(400));
    assert_eq!(rig.state(), ControlState::Requested);
    assert!(rig.leases.iter().all(|lease| lease.event != LeaseEvent::Granted));
    rig.disk_works = true;
    rig.run(ms(100));
    assert_eq!(rig.state(), ControlState::Claimed);
}

#[test]
fn a_lease_that_lapsed_while_the_monitor_stood_still_is_not_announced() {
    let mut rig = with_demand();
    rig.disk_works = false;
    rig.claim(1);
    rig.stand_still(ms(3_000));
    assert!(rig.leases.iter().all(|lease| lease.event != LeaseEvent::Granted), "{:?}", rig.leases);
    assert_eq!(rig.state(), ControlState::Requested);
}

#[test]
fn a_stop_does_not_wait_for_the_disk_and_only_a_supervisor_clears_it() {
    let mut rig = Rig::new();
    rig.connect_vehicle();
    rig.connect_operator(1, "ada", OperatorRole::Operator);
    rig.connect_operator(2, "sue", OperatorRole::Supervisor);
    rig.run(ms(500));
    rig.disk_works = false;
    let stop = rig.stop(1, VEHICLE, false);
    rig.run(ms(20));
    assert_eq!(rig.state(), ControlState::Estopped);
    assert_ne!(rig.command_state(stop), Some(CommandState::Completed), "accepted is not done");
    rig.standstill = true;
    rig.run(ms(300));
    assert_eq!(rig.command_state(stop), Some(CommandState::Completed));
    rig.disk_works = true;
    let latch = rig.latch(LatchCause::Estop);
    let args =
        CommandArgs { latch_id: Some(latch), reason: Some(Note::cut("looked")), ..CommandArgs::default() };
    let refused = rig.command(1, CommandKind::ClearLatch, args.clone());
    rig.run(ms(200));
    assert_eq!(rig.command_code(refused), Some(CommandCode::Denied));
    let cleared = rig.command(2, CommandKind::ClearLatch, args);
    rig.run(ms(300));
    assert_eq!(rig.command_state(cleared), Some(CommandState::Completed));
    assert_eq!(rig.state(), ControlState::SafeHeld);
}

#[test]
fn a_stop_given_during_an_outage_is_delivered_first() {
    let mut rig = Rig::new();
    rig.connect_vehicle();
    rig.connect_operator(1, "ada", OperatorRole::Operator);
    rig.run(ms(500));
    rig.disconnect_vehicle();
    rig.run(ms(200));
    let stop = rig.stop(1, VEHICLE, false);
    rig.run(ms(1_000));
    assert_eq!(rig.command_state(stop), Some(CommandState::Received));
    rig.connect_vehicle();
    rig.run(ms(50));
    assert_eq!(rig.state(), ControlState::Estopped);
}

#[test]
fn stopping_many_agents_must_be_meant() {
    let mut rig = Rig::new();
    rig.connect_vehicle();
    rig.connect_operator(1, "ada", OperatorRole::Operator);
    for n in 0..6 {
        rig.connect_bystander(&format!("other-{n}"));
    }
    rig.run(ms(100));
    let stops: Vec<_> = (0..6).map(|n| rig.stop(1, &format!("other-{n}"), false)).collect();
    rig.run(ms(50));
    assert_eq!(rig.command_code(stops[5]), Some(CommandCode::Denied));
    assert!(stops[..5].iter().all(|stop| rig.command_code(*stop).is_none()));
    let again = rig.stop(1, "other-0", false);
    let meant = rig.stop(1, "other-5", true);
    rig.run(ms(50));
    assert_eq!(rig.command_code(again), None, "the same agent again is not one more");
    assert_eq!(rig.command_code(meant), None);
}

#[test]
fn two_operators_never_hold_the_same_lease() {
    let mut rig = with_demand();
    rig.connect_operator(2, "bob", OperatorRole::Operator);
    rig.claim(1);
    rig.claim(2);
    rig.run(ms(100));
    let granted: Vec<_> = rig.leases.iter().filter(|lease| lease.event == LeaseEvent::Granted).collect();
    assert_eq!(granted.len(), 1);
    assert_eq!(granted[0].holder.as_str(), "ada");
    let refused = rig.leases.iter().find(|lease| lease.event == LeaseEvent::Refused).unwrap();
    assert_eq!(refused.code, Some(CommandCode::NotInControl));
}

#[test]
fn a_holder_who_falls_silent_loses_the_lease_and_cannot_resume_it() {
    let mut rig = with_demand();
    rig.claim(1);
    rig.run(ms(100));
    rig.take_over(1);
    let epoch = rig.epoch();
    rig.holder_beats = false;
    rig.run(ms(2_100));
    assert!(matches!(rig.state(), ControlState::Fallback | ControlState::SafeHeld));
    rig.holder_beats = true;
    rig.run(ms(1_500));
    let late = rig.command_under(1, CommandKind::Resume, CommandArgs::default(), epoch);
    rig.run(ms(200));
    assert_eq!(rig.command_state(late), Some(CommandState::Rejected));
    assert_eq!(rig.command_code(late), Some(CommandCode::StaleEpoch));
}

#[test]
fn a_claim_that_is_not_engaged_goes_back() {
    let mut rig = with_demand();
    rig.claim(1);
    rig.run(ms(100));
    assert_eq!(rig.state(), ControlState::Claimed);
    rig.run(ms(5_000));
    assert_eq!(rig.state(), ControlState::Requested, "T_claim");
}

#[test]
fn an_operators_wish_costs_no_fallback() {
    let mut rig = Rig::new();
    rig.connect_vehicle();
    rig.connect_operator(1, "ada", OperatorRole::Operator);
    rig.run(ms(500));
    rig.claim(1);
    rig.run(ms(100));
    assert_eq!(rig.state(), ControlState::Claimed);
    rig.run(ms(11_000));
    assert_eq!(rig.state(), ControlState::Autonomous);
    assert_eq!(rig.takeovers.last().unwrap().outcome, Some(DemandOutcome::Cancelled));
}

#[test]
fn an_observer_may_not_act() {
    let mut rig = with_demand();
    rig.connect_operator(3, "eve", OperatorRole::Observer);
    rig.claim(3);
    let stop = rig.stop(3, VEHICLE, false);
    rig.run(ms(200));
    assert_eq!(rig.state(), ControlState::Requested);
    assert_eq!(rig.command_state(stop), None);
    assert_eq!(rig.errors.len(), 2);
    assert!(rig.errors[0].message.as_str().contains("observer"));
}

#[test]
fn a_console_that_comes_back_misses_nothing() {
    let mut rig = with_demand();
    let before = rig.cursor(1);
    rig.disconnect_operator(1);
    rig.run(ms(4_500));
    rig.resume_operator(4, "ada", before);
    rig.run(ms(50));
    assert!(rig.resumed(4), "the deltas are still there");
    assert_eq!(rig.picture_of(4), rig.fresh_picture(), "resumed and fresh consoles see the same");
}

#[test]
fn an_alert_acknowledged_and_over_is_gone() {
    let mut rig = with_demand();
    let alarm = rig.alarms().into_iter().find(|alarm| alarm.cause == CauseClass::Confidence).unwrap();
    rig.acknowledge(1, alarm.alert_id);
    rig.run(ms(20));
    let acked = rig.alarms().into_iter().find(|other| other.alert_id == alarm.alert_id).unwrap();
    assert_eq!(acked.state, AlarmState::AckedActive);
    assert_eq!(acked.acknowledged_by.unwrap().as_str(), "ada");
    rig.confidence = 0.95;
    rig.run_until(ms(6_000), |rig| rig.state() == ControlState::Autonomous);
    assert!(rig.alarms().iter().all(|other| other.alert_id != alarm.alert_id), "over and acknowledged");
}

#[test]
fn the_same_inputs_give_the_same_outputs() {
    let mut rig = with_demand();
    rig.claim(1);
    rig.run(ms(100));
    rig.take_over(1);
    rig.run(ms(500));
    assert!(rig.inputs.len() > 300);
    assert_eq!(rig.replay(), rig.digest());
    assert_eq!(rig.replay(), rig.digest());
}

#[test]
fn a_large_fleet_comes_in_parts_that_fit_a_frame() {
    let mut rig = Rig::new();
    for n in 0..300 {
        rig.connect_bystander(&format!("agent-{n:03}"));
    }
    rig.connect_operator(1, "ada", OperatorRole::Operator);
    let sizes = rig.snapshot_sizes(1);
    assert!(sizes.len() > 1);
    assert!(sizes.iter().all(|size| *size <= watchkeeper_protocol::MAX_FRAME), "{sizes:?}");
    assert_eq!(rig.picture_of(1).0.len(), 300);
}

#[test]
fn a_reboot_without_memory_does_not_release_a_stop() {
    let mut rig = Rig::new();
    rig.connect_vehicle();
    rig.connect_operator(1, "ada", OperatorRole::Operator);
    rig.run(ms(500));
    rig.stop(1, VEHICLE, false);
    rig.standstill = true;
    rig.run(ms(500));
    assert_eq!(rig.state(), ControlState::Estopped);
    rig.disconnect_vehicle();
    rig.reboot_vehicle_without_memory();
    assert_eq!(rig.state(), ControlState::Autonomous, "it remembers nothing");
    rig.connect_vehicle();
    rig.run(ms(300));
    assert_eq!(rig.state(), ControlState::Estopped);
}

#[test]
fn a_cause_that_outlives_a_wish_is_asked_for_again() {
    let mut rig = Rig::new();
    rig.connect_vehicle();
    rig.connect_operator(1, "ada", OperatorRole::Operator);
    rig.run(ms(500));
    rig.claim(1);
    rig.run(ms(100));
    rig.confidence = 0.05;
    rig.run_until(ms(12_000), |rig| !rig.takeovers.is_empty());
    assert_eq!(rig.takeovers[0].outcome, Some(DemandOutcome::Cancelled));
    rig.run(ms(200));
    assert_eq!(rig.state(), ControlState::Requested, "the wish is over, the cause is not");
}

#[test]
fn an_agent_that_asks_for_a_person_gets_a_demand() {
    let mut rig = Rig::new();
    rig.connect_vehicle();
    rig.connect_operator(1, "ada", OperatorRole::Operator);
    rig.run(ms(500));
    rig.ask("the road is blocked");
    rig.run(ms(50));
    assert_eq!(rig.state(), ControlState::Requested);
    let asked = rig.alarms().into_iter().find(|alarm| alarm.cause == CauseClass::Asked).unwrap();
    assert!(asked.explanation.text.as_str().contains("the road is blocked"));
}

#[test]
fn a_dismissed_false_alarm_stays_dismissed() {
    let mut rig = Rig::new();
    rig.connect_vehicle();
    rig.connect_operator(1, "ada", OperatorRole::Operator);
    rig.run(ms(500));
    rig.ask("is this a dog?");
    rig.run(ms(50));
    rig.claim(1);
    rig.run(ms(100));
    let args = CommandArgs { reason: Some(Note::cut("a bag")), ..CommandArgs::default() };
    let dismiss = rig.command(1, CommandKind::Dismiss, args);
    rig.run(ms(2_000));
    assert_eq!(rig.command_state(dismiss), Some(CommandState::Completed));
    assert_eq!(rig.state(), ControlState::Autonomous);
    assert_eq!(rig.takeovers.last().unwrap().outcome, Some(DemandOutcome::Dismissed));
}

#[test]
fn asking_for_a_person_while_held_does_not_bar_the_release() {
    let mut rig = with_demand();
    rig.run_until(ms(12_000), |rig| rig.state() == ControlState::Fallback);
    rig.standstill = true;
    rig.confidence = 0.95;
    rig.run(ms(4_000));
    rig.ask("still here");
    rig.run(ms(100));
    let latch = rig.latch(LatchCause::Fallback);
    let args =
        CommandArgs { latch_id: Some(latch), reason: Some(Note::cut("checked")), ..CommandArgs::default() };
    let clear = rig.command(1, CommandKind::ClearLatch, args);
    rig.run(ms(300));
    assert_eq!(rig.command_state(clear), Some(CommandState::Completed), "{:?}", rig.command_code(clear));
}

#[test]
fn an_agent_that_decides_nothing_while_held_can_be_released() {
    let mut rig = with_demand();
    rig.run_until(ms(12_000), |rig| rig.state() == ControlState::Fallback);
    rig.standstill = true;
    rig.decides = false;
    rig.run(ms(5_000));
    let latch = rig.latch(LatchCause::Fallback);
    let args =
        CommandArgs { latch_id: Some(latch), reason: Some(Note::cut("checked")), ..CommandArgs::default() };
    let clear = rig.command(1, CommandKind::ClearLatch, args);
    rig.run(ms(300));
    assert_eq!(rig.command_state(clear), Some(CommandState::Completed), "{:?}", rig.command_code(clear));
}

#[test]
fn a_cause_that_goes_away_during_a_claim_costs_no_fallback() {
    let mut rig = with_demand();
    rig.claim(1);
    rig.run(ms(300));
    rig.confidence = 0.95;
    rig.run(ms(4_500));
    assert_eq!(rig.state(), ControlState::Claimed, "the claim keeps the demand open");
    rig.run(ms(1_000));
    assert_eq!(rig.state(), ControlState::Autonomous, "T_claim is over, and so is the cause");
    assert_eq!(rig.takeovers.last().unwrap().outcome, Some(DemandOutcome::SelfCleared));
}

#[test]
fn a_demand_that_was_missed_in_an_outage_is_asked_for_after_it() {
    let mut rig = Rig::new();
    rig.connect_vehicle();
    rig.connect_operator(1, "ada", OperatorRole::Operator);
    rig.run(ms(500));
    rig.confidence = 0.05;
    // The demand leaves, and the link is gone before the agent has it.
    rig.deaf = true;
    rig.run(ms(3_000));
    rig.disconnect_vehicle();
    rig.deaf = false;
    rig.run(ms(11_000));
    rig.connect_vehicle();
    rig.run(ms(300));
    assert_eq!(rig.state(), ControlState::Requested);
}

#[test]
fn a_claim_ends_with_its_console() {
    let mut rig = with_demand();
    rig.claim(1);
    rig.run(ms(100));
    rig.connect_operator(2, "bob", OperatorRole::Operator);
    rig.disconnect_operator(1);
    rig.run(ms(50));
    assert_eq!(rig.state(), ControlState::Requested);
    rig.claim(2);
    rig.run(ms(100));
    assert_eq!(rig.state(), ControlState::Claimed);
}

#[test]
fn a_stop_that_was_confirmed_during_an_outage_is_completed() {
    let mut rig = Rig::new();
    rig.connect_vehicle();
    rig.connect_operator(1, "ada", OperatorRole::Operator);
    rig.run(ms(500));
    rig.mute = true;
    let stop = rig.stop(1, VEHICLE, false);
    rig.run(ms(50));
    assert_eq!(rig.state(), ControlState::Estopped);
    rig.disconnect_vehicle();
    rig.mute = false;
    rig.standstill = true;
    rig.run(ms(500));
    assert_eq!(rig.command_state(stop), Some(CommandState::Unknown), "not finished: nobody knows");
    rig.connect_vehicle();
    rig.run(ms(500));
    assert_eq!(rig.command_state(stop), Some(CommandState::Completed));
}

#[test]
fn an_agent_that_never_returns_does_not_keep_its_demand_open() {
    let mut rig = with_demand();
    rig.disconnect_vehicle();
    rig.run(ms(13_000));
    let takeover = rig.takeovers.last().expect("the takeover is on record");
    assert_eq!(takeover.outcome, None, "how it ended is unknown");
}

#[test]
fn an_agent_cannot_use_up_the_epochs() {
    let mut rig = Rig::new();
    rig.connect_with_epoch("greedy", u64::MAX);
    assert_eq!(rig.closed.len(), 1);
    rig.connect_with_epoch("greedy", 1_000_000);
    assert_eq!(rig.closed.len(), 1);
}

#[test]
fn an_agent_that_restarts_under_a_person_does_not_drive_off_by_itself() {
    let mut rig = with_demand();
    rig.claim(1);
    rig.run(ms(100));
    rig.take_over(1);
    rig.disconnect_vehicle();
    rig.reboot_vehicle_without_memory();
    rig.connect_vehicle();
    rig.run(ms(300));
    assert_eq!(rig.state(), ControlState::Fallback, "it forgot, the monitor did not");
    rig.standstill = true;
    rig.confidence = 0.95;
    rig.run(ms(4_000));
    let latch = rig.latch(LatchCause::Fallback);
    let args =
        CommandArgs { latch_id: Some(latch), reason: Some(Note::cut("looked")), ..CommandArgs::default() };
    let clear = rig.command(1, CommandKind::ClearLatch, args);
    rig.run(ms(300));
    assert_eq!(rig.command_state(clear), Some(CommandState::Completed), "{:?}", rig.command_code(clear));
}
