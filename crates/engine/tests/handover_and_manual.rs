//! Handover, pre-emption and manual driving through the engine and a real gate, in virtual time.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    reason = "a test fails by panicking, and looks at a few messages of many"
)]

#[path = "rig/rig.rs"]
#[allow(dead_code, reason = "each test uses a part of it")]
mod rig;

use rig::{
    Rig, ms,
    shift::{ADA, BOB, SUE, asked, connected_to, driven, engage, holder, last},
};
use watchkeeper_model::{
    AgentKind, CommandArgs, CommandCode, CommandKind, CommandState, ControlState, DemandOrigin, Epoch,
    LeaseEnd, OperatorRole, Setpoint,
};
use watchkeeper_protocol::operator::{ConsoleKind, LeaseEvent};
use watchkeeper_takeover::Mode;

fn ends(rig: &Rig) -> Vec<(&str, LeaseEnd)> {
    let ended = rig.leases.iter().filter(|lease| lease.event == LeaseEvent::Ended);
    ended.map(|lease| (lease.holder.as_str(), lease.end.unwrap())).collect()
}

fn assert_replays(rig: &Rig) {
    assert_eq!(rig.replay(), rig.digest(), "the same inputs give the same outputs");
}

#[test]
fn who_is_asked_and_says_yes_drives_until_the_other_engages() {
    let mut rig = driven();
    let first = rig.epoch();
    let wish = asked(&mut rig);
    assert_eq!(last(&rig, LeaseEvent::HandoverRequested).holder.as_str(), "bob");
    rig.run(ms(2_000));
    assert_eq!(rig.next_epoch(), None, "a wish is no grant");
    rig.answer_handover(ADA, wish, true);
    rig.run(ms(100));
    let next = rig.status(SUE).lease.unwrap().next.unwrap();
    assert_eq!((next.holder.as_str(), next.preempts), ("bob", false));
    assert!(next.left_nanos > 9_000_000_000, "{}", next.left_nanos);
    assert!(next.ready || next.left_nanos > 9_900_000_000);
    assert_eq!((rig.epoch(), rig.next_epoch()), (first, Some(next.epoch)));
    // Ada still drives, and Bob does not yet.
    let hold = rig.command(ADA, CommandKind::Hold, CommandArgs::default());
    let early = rig.command(BOB, CommandKind::Resume, CommandArgs::default());
    rig.run(ms(100));
    assert_eq!(rig.command_state(hold), Some(CommandState::Accepted));
    assert_eq!(rig.command_code(early), Some(CommandCode::NotInControl));
    let engaged = engage(&mut rig, BOB);
    assert_eq!(rig.command_state(engaged), Some(CommandState::Completed));
    assert_eq!((rig.epoch(), rig.next_epoch()), (next.epoch, None));
    assert_eq!((rig.state(), rig.mode()), (ControlState::Human, Mode::Human { hold: true }));
    assert_eq!(holder(&rig), "bob");
    assert_eq!(ends(&rig), [("ada", LeaseEnd::HandedOver)]);
    let late = rig.command_under(ADA, CommandKind::Resume, CommandArgs::default(), first);
    rig.run(ms(100));
    assert!(matches!(rig.command_code(late), Some(CommandCode::NotInControl | CommandCode::StaleEpoch)));
    assert_replays(&rig);
}

#[test]
fn each_holder_has_a_record_of_his_own() {
    let mut rig = driven();
    let wish = asked(&mut rig);
    rig.answer_handover(ADA, wish, true);
    rig.run(ms(100));
    engage(&mut rig, BOB);
    rig.confidence = 0.95;
    rig.command(BOB, CommandKind::HandBack, CommandArgs::default());
    rig.run_until(ms(2_000), |rig| rig.state() == ControlState::Autonomous);
    rig.run(ms(300));
    let [first, second] = rig.takeovers.as_slice() else { panic!("{:?}", rig.takeovers) };
    assert_eq!(first.holder.as_ref().unwrap().as_str(), "ada");
    assert_eq!((first.handed_back_at, first.over), (None, true));
    assert_eq!(second.holder.as_ref().unwrap().as_str(), "bob");
    assert_eq!(second.reason.as_str(), "ada handed over");
    assert!(second.granted_at < second.human_at && second.human_at < second.handed_back_at);
    let kinds = |record: &watchkeeper_protocol::record::TakeoverRecord| {
        record.commands.iter().map(|command| command.kind).collect::<Vec<_>>()
    };
    assert_eq!(kinds(first), [CommandKind::Engage, CommandKind::Assume]);
    assert_eq!(kinds(second), [CommandKind::Engage, CommandKind::HandBack]);
    assert_eq!(second.commands[0].state, CommandState::Completed);
    assert!(second.moments[7..].iter().all(Option::is_some), "t7 to t11: {:?}", second.moments);
}

#[test]
fn silence_is_a_no() {
    let mut rig = driven();
    asked(&mut rig);
    rig.run(ms(9_900));
    assert!(rig.leases.iter().all(|lease| lease.event != LeaseEvent::HandoverRefused));
    let left = rig.status(BOB).lease.unwrap().handover.unwrap().left_nanos;
    assert!(left <= 200_000_000, "the countdown goes down: {left}");
    rig.run(ms(150));
    let refused = last(&rig, LeaseEvent::HandoverRefused);
    assert_eq!(refused.holder.as_str(), "bob");
    assert!(refused.detail.unwrap().as_str().contains("did not answer"));
    assert_eq!((holder(&rig), rig.next_epoch()), ("ada".to_owned(), None));
    assert_eq!(rig.status(BOB).lease.unwrap().handover, None);
    let again = asked(&mut rig);
    assert!(again > 1, "he may ask again, under another number");
    assert_replays(&rig);
}

#[test]
fn a_no_is_a_no_and_only_the_holder_may_answer_his_open_question() {
    let mut rig = driven();
    let wish = asked(&mut rig);
    for (session, request_id) in [(BOB, wish), (SUE, wish), (ADA, wish + 1)] {
        let before = rig.errors.len();
        rig.answer_handover(session, request_id, true);
        assert_eq!(rig.errors.len(), before + 1, "session {session}");
    }
    rig.run(ms(100));
    assert_eq!(rig.next_epoch(), None);
    rig.answer_handover(ADA, wish, false);
    assert!(last(&rig, LeaseEvent::HandoverRefused).detail.unwrap().as_str().contains("says no"));
    rig.answer_handover(ADA, wish, true);
    rig.run(ms(100));
    assert_eq!((rig.next_epoch(), holder(&rig).as_str()), (None, "ada"), "and not a yes afterwards");
}

#[test]
fn a_holder_who_lets_others_take_over_is_not_asked() {
    let mut rig = driven();
    let epoch = rig.epoch();
    rig.allow_takeover(BOB, epoch, true);
    assert_eq!(rig.errors.len(), 1, "only the holder allows it");
    rig.allow_takeover(ADA, epoch, true);
    assert!(rig.status(BOB).lease.unwrap().takeover_allowed);
    rig.request_handover(BOB);
    rig.run(ms(100));
    assert!(rig.leases.iter().all(|lease| lease.event != LeaseEvent::HandoverRequested));
    assert!(rig.next_epoch().is_some());
    engage(&mut rig, BOB);
    assert_eq!(holder(&rig), "bob");
    assert!(!rig.status(BOB).lease.unwrap().takeover_allowed, "what ada allowed, bob has not");
}

#[test]
fn who_allows_it_while_asked_has_said_yes() {
    let mut rig = driven();
    asked(&mut rig);
    let epoch = rig.epoch();
    rig.allow_takeover(ADA, epoch, true);
    rig.run(ms(100));
    assert!(rig.next_epoch().is_some());
}

#[test]
fn a_wish_is_refused_with_the_reason() {
    let mut rig = connected_to(AgentKind::Vehicle);
    let refusal = |rig: &Rig| {
        let refused = last(rig, LeaseEvent::Refused);
        (refused.code.unwrap(), refused.detail.unwrap().as_str().to_owned())
    };
    rig.request_handover(BOB);
    let (code, detail) = refusal(&rig);
    assert_eq!(code, CommandCode::Precondition);
    assert!(detail.contains("claim it"), "{detail}");
    rig.claim(ADA);
    rig.run(ms(100));
    rig.request_handover(BOB);
    let (code, detail) = refusal(&rig);
    assert_eq!(code, CommandCode::Precondition);
    assert!(detail.contains("claimed"), "{detail}");
    rig.take_over(ADA);
    rig.request_handover(ADA);
    assert_eq!(refusal(&rig).0, CommandCode::Denied, "he holds it himself");
    asked(&mut rig);
    rig.connect_operator(4, "cyd", OperatorRole::Operator);
    rig.request_handover(4);
    let (code, detail) = refusal(&rig);
    assert_eq!(code, CommandCode::TemporarilyRejected);
    assert!(detail.contains("bob"), "{detail}");
    rig.disk_works = false;
    rig.run(ms(100));
    assert_eq!(rig.state(), ControlState::Human);
}

#[test]
fn an_operator_may_not_pre_empt_and_a_supervisor_must_say_why() {
    let mut rig = driven();
    for (session, reason) in [(BOB, Some("mine")), (SUE, None), (SUE, Some("  "))] {
        rig.pre_empt(session, reason);
        assert_eq!(last(&rig, LeaseEvent::Refused).code, Some(CommandCode::Denied), "{session} {reason:?}");
        rig.leases.clear();
    }
    rig.run(ms(100));
    assert_eq!((rig.next_epoch(), rig.state()), (None, ControlState::Human));
}

#[test]
fn a_supervisor_pre_empts_who_drives_without_a_gap() {
    let mut rig = driven();
    asked(&mut rig);
    rig.pre_empt(SUE, Some("ada is needed elsewhere"));
    assert_eq!(last(&rig, LeaseEvent::HandoverRefused).holder.as_str(), "bob", "who asked hears of it");
    rig.run(ms(100));
    let next = rig.status(ADA).lease.unwrap().next.unwrap();
    assert_eq!((next.holder.as_str(), next.preempts), ("sue", true));
    assert_eq!((rig.state(), holder(&rig).as_str()), (ControlState::Human, "ada"));
    engage(&mut rig, SUE);
    assert_eq!((rig.epoch(), rig.state()), (next.epoch, ControlState::Human));
    assert_eq!(ends(&rig), [("ada", LeaseEnd::PreEmpted)]);
    rig.command(SUE, CommandKind::HandBack, CommandArgs::default());
    rig.run_until(ms(2_000), |rig| rig.state() == ControlState::Autonomous);
    rig.run(ms(300));
    let record = rig.takeovers.last().unwrap();
    assert_eq!(record.origin, DemandOrigin::Supervisor);
    assert_eq!(record.reason.as_str(), "sue took control from ada: ada is needed elsewhere");
    assert_replays(&rig);
}

#[test]
fn a_supervisor_pre_empts_a_claim_and_a_transition_with_a_claim_of_his_own() {
    for in_transition in [false, true] {
        let mut rig = connected_to(AgentKind::Vehicle);
        rig.claim(ADA);
        rig.run(ms(100));
        if in_transition {
            rig.command(ADA, CommandKind::Engage, CommandArgs::default());
            rig.run_until(ms(1_000), |rig| rig.state() == ControlState::InTransition);
        }
        rig.pre_empt(SUE, Some("training"));
        rig.run(ms(200));
        assert_eq!(rig.state(), ControlState::Claimed, "in transition: {in_transition}");
        assert_eq!(ends(&rig), [("ada", LeaseEnd::PreEmpted)]);
        assert_eq!((holder(&rig).as_str(), rig.next_epoch()), ("sue", None));
        let ended = last(&rig, LeaseEvent::Ended).detail.unwrap();
        assert!(ended.as_str().contains("training"), "{ended}");
        rig.take_over(SUE);
        assert_eq!(rig.state(), ControlState::Human);
        assert_replays(&rig);
    }
}

#[test]
fn a_supervisor_pre_empts_a_claim_out_of_a_fallback() {
    let mut rig = connected_to(AgentKind::Vehicle);
    rig.command(ADA, CommandKind::Hold, CommandArgs::default());
    rig.run(ms(200));
    assert_eq!(rig.state(), ControlState::Fallback);
    rig.claim(ADA);
    rig.run(ms(100));
    assert_eq!(holder(&rig), "ada");
    rig.pre_empt(SUE, Some("mine"));
    rig.run(ms(100));
    assert_eq!((holder(&rig).as_str(), rig.state()), ("sue", ControlState::Fallback));
}

#[test]
fn a_supervisor_pre_empts_who_hands_back() {
    let mut rig = driven();
    rig.stable = false;
    rig.run(ms(50));
    let back = rig.command(ADA, CommandKind::HandBack, CommandArgs::default());
    rig.run_until(ms(1_000), |rig| rig.state() == ControlState::Returning);
    rig.run(ms(200));
    rig.request_handover(BOB);
    assert_eq!(last(&rig, LeaseEvent::Refused).code, Some(CommandCode::Precondition), "bob may not ask");
    rig.pre_empt(SUE, Some("wait"));
    rig.run(ms(100));
    assert!(rig.next_epoch().is_some(), "the hand back was before");
    engage(&mut rig, SUE);
    assert_eq!((rig.state(), holder(&rig).as_str()), (ControlState::Human, "sue"));
    assert_eq!(rig.command_state(back), Some(CommandState::Superseded));
    rig.stable = true;
    rig.run(ms(1_000));
    assert_eq!(rig.state(), ControlState::Human);
}

#[test]
fn a_hand_back_that_was_sent_before_somebody_was_next_does_not_cancel_him() {
    let mut rig = driven();
    rig.stable = false;
    rig.disk_works = false;
    rig.run(ms(50));
    rig.command(ADA, CommandKind::HandBack, CommandArgs::default());
    rig.pre_empt(SUE, Some("wait"));
    rig.disk_works = true;
    rig.run(ms(100));
    assert_eq!(rig.state(), ControlState::Returning);
    assert!(rig.next_epoch().is_some() && rig.status(ADA).lease.unwrap().next.is_some());
}

#[test]
fn a_pre_emption_that_overtakes_another_one_or_a_handover_counts() {
    let mut rig = driven();
    let wish = asked(&mut rig);
    rig.answer_handover(ADA, wish, true);
    rig.run(ms(100));
    let bobs = rig.next_epoch().unwrap();
    rig.pre_empt(SUE, Some("no"));
    rig.run(ms(100));
    assert_eq!(ends(&rig), [("bob", LeaseEnd::PreEmpted)]);
    assert!(rig.next_epoch().unwrap() > bobs);
    let late = rig.command_under(BOB, CommandKind::Engage, CommandArgs::default(), bobs);
    rig.run(ms(100));
    assert!(matches!(rig.command_code(late), Some(CommandCode::StaleEpoch | CommandCode::NotInControl)));
    engage(&mut rig, SUE);
    assert_eq!(holder(&rig), "sue");
}

#[test]
fn who_asks_and_never_engages_leaves_the_holder_in_control() {
    let mut rig = driven();
    let first = rig.epoch();
    let wish = asked(&mut rig);
    rig.answer_handover(ADA, wish, true);
    rig.run(ms(9_900));
    assert!(rig.next_epoch().is_some());
    rig.run(ms(200));
    assert_eq!((rig.epoch(), rig.next_epoch(), rig.state()), (first, None, ControlState::Human));
    assert_eq!(ends(&rig), [("bob", LeaseEnd::NotEngaged)]);
    assert_eq!((holder(&rig).as_str(), rig.status(ADA).lease.unwrap().next), ("ada", None));
    let late = rig.command(BOB, CommandKind::Engage, CommandArgs::default());
    let hold = rig.command(ADA, CommandKind::Hold, CommandArgs::default());
    rig.run(ms(100));
    assert_eq!(rig.command_state(late), Some(CommandState::Rejected));
    assert_eq!(rig.command_state(hold), Some(CommandState::Accepted), "and ada's orders count");
    assert_replays(&rig);
}

#[test]
fn an_engage_that_left_in_time_is_the_agents_to_decide() {
    let mut rig = driven();
    let wish = asked(&mut rig);
    rig.answer_handover(ADA, wish, true);
    rig.run_until(ms(11_000), |rig| {
        rig.status(ADA).lease.unwrap().next.is_some_and(|next| next.left_nanos < 120_000_000)
    });
    rig.mute = true;
    rig.command(BOB, CommandKind::Engage, CommandArgs::default());
    rig.run(ms(400));
    assert_eq!(rig.next_epoch(), None, "the agent switched, and nobody heard");
    assert_eq!(holder(&rig), "ada");
    rig.mute = false;
    rig.run(ms(200));
    assert_eq!((rig.state(), holder(&rig).as_str()), (ControlState::Human, "bob"));
    assert_eq!(ends(&rig), [("ada", LeaseEnd::HandedOver)]);
}

#[test]
fn who_is_next_and_disconnects_or_falls_silent_leaves_the_holder_in_control() {
    for silent in [false, true] {
        let mut rig = driven();
        let wish = asked(&mut rig);
        rig.answer_handover(ADA, wish, true);
        rig.run(ms(200));
        if silent {
            rig.next_beats = false;
            rig.run(ms(3_300));
        } else {
            rig.disconnect_operator(BOB);
            rig.run(ms(100));
        }
        assert_eq!(ends(&rig), [("bob", LeaseEnd::HolderLost)], "silent: {silent}");
        assert_eq!((rig.next_epoch(), rig.state()), (None, ControlState::Human));
    }
}

#[test]
fn who_asked_and_is_gone_asks_no_more() {
    let mut rig = driven();
    let wish = asked(&mut rig);
    rig.disconnect_operator(BOB);
    rig.run(ms(50));
    assert_eq!(rig.status(ADA).lease.unwrap().handover, None);
    rig.answer_handover(ADA, wish, true);
    rig.run(ms(100));
    assert_eq!(rig.next_epoch(), None);
}

#[test]
fn a_holder_who_lapses_before_the_switch_means_a_fallback_and_nobody_is_next() {
    let mut rig = driven();
    let wish = asked(&mut rig);
    rig.answer_handover(ADA, wish, true);
    rig.run(ms(200));
    rig.holder_beats = false;
    rig.run(ms(2_200));
    assert_eq!((rig.state(), rig.epoch(), rig.next_epoch()), (ControlState::Fallback, Epoch(0), None));
    assert_eq!(ends(&rig), [("bob", LeaseEnd::Fallback), ("ada", LeaseEnd::Fallback)]);
    assert_eq!(rig.status(BOB).lease, None);
    assert_replays(&rig);
}

#[test]
fn handing_back_cancels_who_is_next_and_a_refused_hand_back_does_not() {
    let mut rig = driven();
    let wish = asked(&mut rig);
    rig.answer_handover(ADA, wish, true);
    rig.run(ms(200));
    rig.can_resume = false;
    rig.run(ms(50));
    rig.command(ADA, CommandKind::HandBack, CommandArgs::default());
    rig.run(ms(200));
    assert!(rig.next_epoch().is_some() && rig.status(ADA).lease.unwrap().next.is_some());
    (rig.can_resume, rig.stable) = (true, false);
    rig.run(ms(50));
    rig.command(ADA, CommandKind::HandBack, CommandArgs::default());
    rig.run(ms(200));
    assert_eq!((rig.state(), rig.next_epoch()), (ControlState::Returning, None));
    assert_eq!(ends(&rig), [("bob", LeaseEnd::HandedBack)]);
    rig.stable = true;
    rig.run(ms(500));
    assert_eq!(rig.state(), ControlState::Autonomous);
}

#[test]
fn a_stop_ends_both_and_the_next_lease_waits_for_the_disk_like_every_other() {
    let mut rig = driven();
    let wish = asked(&mut rig);
    rig.disk_works = false;
    rig.answer_handover(ADA, wish, true);
    rig.run(ms(300));
    assert_eq!(
        (rig.next_epoch(), rig.status(ADA).lease.unwrap().next),
        (None, None),
        "not before it is durable"
    );
    rig.disk_works = true;
    rig.run(ms(100));
    assert!(rig.next_epoch().is_some() && rig.status(ADA).lease.unwrap().next.is_some());
    rig.stop(ADA, rig::VEHICLE, false);
    rig.run(ms(300));
    assert_eq!(rig.state(), ControlState::Estopped);
    assert_eq!(ends(&rig), [("bob", LeaseEnd::Estopped), ("ada", LeaseEnd::Estopped)]);
}

#[test]
fn a_monitor_that_restarts_voids_both() {
    let mut rig = driven();
    let wish = asked(&mut rig);
    rig.answer_handover(ADA, wish, true);
    rig.run(ms(200));
    assert!(rig.next_epoch().is_some());
    rig.restart_monitor();
    rig.connect_operator(ADA, "ada", OperatorRole::Operator);
    rig.run(ms(500));
    assert_eq!((rig.state(), rig.epoch(), rig.next_epoch()), (ControlState::Fallback, Epoch(0), None));
    assert_eq!(rig.status(ADA).lease, None);
}

const fn hands(steer: f64, accelerate: f64) -> Setpoint {
    Setpoint { steer, accelerate }
}

#[test]
fn hands_reach_the_vehicle_and_consoles_see_who_drives_and_when_nobody_does() {
    let mut rig = driven();
    assert!(!rig.status(BOB).manual);
    rig.hands = Some(hands(0.25, 0.5));
    rig.run(ms(100));
    assert_eq!(rig.mode(), Mode::Manual { steer: 0.25, accelerate: 0.5 });
    let status = rig.status(BOB);
    assert!(status.manual && !status.neutral);
    let version = status.state_version;
    // The console is stuck: heartbeats come, the hands do not.
    rig.hands = None;
    rig.run(ms(400));
    assert_eq!(rig.mode(), Mode::Manual { steer: 0.25, accelerate: 0.5 });
    rig.run(ms(150));
    assert_eq!((rig.mode(), rig.state()), (Mode::Neutral, ControlState::Human));
    rig.run(ms(50));
    let status = rig.status(BOB);
    assert!(status.manual && status.neutral);
    assert_eq!(status.state_version, version, "no order goes stale because of a hand");
    rig.hands = Some(hands(0.0, -1.0));
    rig.run(ms(100));
    assert_eq!(rig.mode(), Mode::Manual { steer: 0.0, accelerate: -1.0 });
    rig.command(ADA, CommandKind::Hold, CommandArgs::default());
    rig.run(ms(300));
    assert_eq!(rig.mode(), Mode::Human { hold: true }, "hands that never left do not undo it");
    assert!(!rig.status(BOB).manual);
    assert_replays(&rig);
}

#[test]
fn a_console_that_dies_while_driving_means_neutral_then_a_fallback() {
    let mut rig = driven();
    rig.hands = Some(hands(0.0, 1.0));
    rig.run(ms(200));
    rig.holder_beats = false;
    rig.disconnect_operator(ADA);
    rig.run(ms(420));
    assert!(matches!(rig.mode(), Mode::Manual { .. }), "the last setpoint holds for T_deadman");
    rig.run(ms(130));
    assert_eq!((rig.mode(), rig.state()), (Mode::Neutral, ControlState::Human));
    rig.run(ms(1_500));
    assert_eq!(rig.state(), ControlState::Fallback);
}

#[test]
fn who_drives_by_hand_is_handed_over_without_his_hands() {
    let mut rig = driven();
    rig.hands = Some(hands(1.0, 1.0));
    rig.run(ms(200));
    let wish = asked(&mut rig);
    rig.answer_handover(ADA, wish, true);
    rig.run(ms(100));
    assert!(matches!(rig.mode(), Mode::Manual { .. }), "ada drives on meanwhile");
    rig.hands = None;
    rig.run(ms(50));
    engage(&mut rig, BOB);
    assert_eq!((rig.mode(), holder(&rig).as_str()), (Mode::Neutral, "bob"), "nobody ordered it to drive");
    rig.command(BOB, CommandKind::Resume, CommandArgs::default());
    rig.run(ms(100));
    assert_eq!(rig.mode(), Mode::Human { hold: false });
}

#[test]
fn nobody_drives_by_hand_from_a_terminal() {
    for (kind, drives) in [
        (ConsoleKind::Text, false),
        (ConsoleKind::Window, true),
        (ConsoleKind::Headless, true),
        (ConsoleKind::Scripted, true),
    ] {
        let mut rig = Rig::new();
        rig.connect_vehicle();
        rig.console_kind = kind;
        rig.connect_operator(ADA, "ada", OperatorRole::Operator);
        rig.run(ms(500));
        rig.claim(ADA);
        rig.run(ms(100));
        rig.take_over(ADA);
        rig.run(ms(60));
        rig.hands = Some(hands(0.5, 0.5));
        rig.run(ms(200));
        assert_eq!(matches!(rig.mode(), Mode::Manual { .. }), drives, "{kind:?}");
        assert_eq!(rig.state(), ControlState::Human, "his heartbeats count all the same");
    }
}
