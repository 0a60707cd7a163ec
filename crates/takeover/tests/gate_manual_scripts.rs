//! Rows 15 and 17 of `takeover.md` 1.2: manual driving, its dead-man, and what ends it.

#[path = "support/rig.rs"]
#[allow(dead_code, reason = "each file of scripts uses a part of it")]
mod rig;

use rig::{DRIVING, Rig, STANDING, identity};
use std::time::Duration;
use watchkeeper_model::{
    AgentKind, CommandCode, CommandKind, CommandState, ControlState, Epoch, FallbackLevel, Setpoint,
};
use watchkeeper_takeover::{Gate, HolderBeat, Mode, Timers, World};

const LEFT: Mode = Mode::Manual { steer: 0.5, accelerate: 0.0 };

fn driven() -> Rig {
    let mut rig = Rig::in_state(ControlState::Human);
    rig.steer(0.5, 0.0);
    assert_eq!((rig.mode(), rig.gate.is_manual()), (LEFT, true));
    rig
}

#[test]
fn row_17_a_setpoint_drives_and_the_dead_man_ends_it_exactly_at_its_time() {
    let mut rig = driven();
    rig.wait(499);
    assert_eq!(rig.mode(), LEFT);
    rig.wait(1);
    assert_eq!((rig.mode(), rig.state()), (Mode::Neutral, ControlState::Human));
    assert!(rig.gate.is_manual() && rig.gate.is_neutral(), "manual goes on, neutral");
}

#[test]
fn row_17_a_new_setpoint_resumes_at_once_and_each_starts_the_dead_man_again() {
    let mut rig = driven();
    rig.wait(500);
    rig.steer(0.0, -1.0);
    assert_eq!(rig.mode(), Mode::Manual { steer: 0.0, accelerate: -1.0 });
    for _ in 0..20 {
        rig.wait(400);
        rig.steer(0.0, -1.0);
        assert!(!rig.gate.is_neutral());
    }
}

#[test]
fn row_17_heartbeats_without_a_setpoint_keep_the_lease_and_not_the_hands() {
    let mut rig = driven();
    rig.wait_holding(400);
    assert_eq!(rig.mode(), LEFT);
    rig.wait_holding(100);
    assert_eq!((rig.mode(), rig.state()), (Mode::Neutral, ControlState::Human));
    rig.wait_holding(10_000);
    assert_eq!((rig.mode(), rig.state()), (Mode::Neutral, ControlState::Human), "neutral is no loss");
}

#[test]
fn row_17_a_buffered_setpoint_does_nothing_after_its_deadline() {
    let mut rig = driven();
    let late = HolderBeat {
        epoch: rig.epoch,
        seq: rig.beat_seq + 1,
        ready: true,
        deadline: rig.at(100),
        setpoint: Some(Setpoint { steer: -1.0, accelerate: 1.0 }),
        latency: None,
    };
    rig.wait(100);
    rig.take_beat(late);
    assert_eq!(rig.mode(), LEFT);
    rig.wait(400);
    assert_eq!(rig.mode(), Mode::Neutral, "nor does it renew the dead-man");
}

#[test]
fn row_17_an_old_number_another_epoch_and_a_share_above_one_do_nothing() {
    let mut rig = driven();
    let beat = HolderBeat {
        epoch: rig.epoch,
        seq: rig.beat_seq + 1,
        ready: true,
        deadline: rig.at(400),
        setpoint: Some(Setpoint { steer: -1.0, accelerate: 0.0 }),
        latency: None,
    };
    let wrong = [1.5, f64::NAN, f64::INFINITY].map(|steer| Setpoint { steer, accelerate: 0.0 });
    let mut bad = vec![
        HolderBeat { seq: rig.beat_seq, ..beat },
        HolderBeat { epoch: rig.epoch.next(), ..beat },
        HolderBeat { epoch: Epoch(0), ..beat },
    ];
    bad.extend(wrong.map(|setpoint| HolderBeat { setpoint: Some(setpoint), ..beat }));
    for beat in bad {
        rig.take_beat(beat);
        assert_eq!(rig.mode(), LEFT, "{beat:?}");
    }
}

#[test]
fn row_17_who_is_not_ready_is_neutral_at_once_and_must_steer_again() {
    let mut rig = driven();
    rig.beat(false);
    assert_eq!(rig.mode(), Mode::Neutral);
    rig.beat(true);
    assert_eq!(rig.mode(), Mode::Neutral, "what he wanted before he was gone counts no more");
    rig.steer(0.5, 0.0);
    assert_eq!(rig.mode(), LEFT);
}

#[test]
fn row_17_what_somebody_wants_who_is_not_ready_never_comes_to_count() {
    let mut rig = driven();
    rig.beat_seq += 1;
    let hard_right = Some(Setpoint { steer: -1.0, accelerate: 1.0 });
    rig.take_beat(HolderBeat {
        epoch: rig.epoch,
        seq: rig.beat_seq,
        ready: false,
        deadline: rig.at(400),
        setpoint: hard_right,
        latency: None,
    });
    assert_eq!(rig.mode(), Mode::Neutral);
    rig.beat(true);
    assert_eq!(rig.mode(), Mode::Neutral);
}

#[test]
fn row_17_nobody_drives_by_hand_before_row_10_or_without_a_dead_man_or_under_local_override() {
    for state in [ControlState::Claimed, ControlState::InTransition] {
        let mut rig = Rig::in_state(state);
        rig.steer(1.0, 1.0);
        assert_eq!((rig.mode(), rig.gate.is_manual()), (Mode::Autonomous, false));
    }
    let mut rig = driven();
    rig.world(World { local_override: true, ..DRIVING });
    assert_eq!(rig.mode(), Mode::Local);
    rig.steer(1.0, 1.0);
    assert_eq!(rig.mode(), Mode::Local);

    let timers = Timers { deadman: Duration::ZERO, ..Timers::for_kind(AgentKind::Vehicle) };
    let mut rig = Rig::around(Gate::new(identity(AgentKind::Vehicle), timers, STANDING));
    assert!(rig.welcome(1, &[], true));
    rig.world(DRIVING);
    rig.wait(200);
    rig.demand(watchkeeper_model::DemandOrigin::Monitor);
    rig.claim();
    rig.engage();
    rig.send(CommandKind::Assume);
    rig.steer(1.0, 1.0);
    assert_eq!((rig.mode(), rig.gate.is_manual()), (Mode::Human { hold: false }, false));
}

#[test]
fn row_17_hands_lift_a_hold_and_keep_a_cap() {
    let mut rig = Rig::in_state(ControlState::Human);
    let mut cap = rig.order(CommandKind::SpeedCap);
    cap.args.speed_mps = Some(3.0);
    rig.give(&cap);
    let hold = rig.send(CommandKind::Hold);
    rig.beat(true);
    rig.steer(0.5, 0.0);
    assert_eq!((rig.mode(), rig.gate.directive().speed_cap_mps), (LEFT, Some(3.0)));
    assert_eq!(rig.life(hold), [CommandState::Accepted, CommandState::Superseded]);
    rig.wait_holding(500);
    assert_eq!(rig.mode(), Mode::Neutral, "the hold does not come back by itself");
}

#[test]
fn row_17_hold_and_resume_end_it_and_what_was_on_its_way_does_not_undo_them() {
    for (kind, hold) in [(CommandKind::Hold, true), (CommandKind::Resume, false)] {
        let mut rig = driven();
        rig.send(kind);
        assert_eq!((rig.mode(), rig.gate.is_manual()), (Mode::Human { hold }, false));
        rig.steer(0.5, 0.0);
        rig.steer(1.0, 1.0);
        assert_eq!(rig.mode(), Mode::Human { hold }, "{kind}: hands that never left");
        rig.beat(true);
        rig.steer(0.5, 0.0);
        assert_eq!(rig.mode(), LEFT, "{kind}: they left, and came back");
    }
}

#[test]
fn row_17_a_fallback_a_stop_and_a_lost_holder_end_it() {
    let mut rig = driven();
    rig.gate.handle_minimal_risk_request(FallbackLevel::COMFORTABLE, rig.now);
    rig.steer(1.0, 1.0);
    assert_eq!((rig.mode(), rig.gate.is_manual()), (Mode::Fallback(FallbackLevel::COMFORTABLE), false));
    let mut rig = driven();
    rig.send(CommandKind::Estop);
    rig.steer(1.0, 1.0);
    assert_eq!((rig.mode(), rig.gate.is_manual()), (Mode::Estop, false));
    let mut rig = driven();
    rig.wait(2_000);
    assert_eq!((rig.state(), rig.gate.is_manual()), (ControlState::Fallback, false));
}

#[test]
fn row_17_hands_change_no_evidence_and_their_coming_and_going_is_reported() {
    let mut rig = Rig::in_state(ControlState::Human);
    let (version, reports) = (rig.gate.state_version(), rig.reports);
    rig.steer(0.5, 0.0);
    assert_eq!(rig.reports, reports + 1, "it is driven by hand now");
    rig.steer(0.6, 0.0);
    assert_eq!(rig.reports, reports + 1, "another setpoint is no news");
    rig.wait(500);
    assert_eq!(rig.reports, reports + 2, "neutral");
    rig.steer(0.6, 0.0);
    assert_eq!(rig.reports, reports + 3, "and driven again");
    assert_eq!(rig.gate.state_version(), version, "no order goes stale because of a hand");
    assert!(rig.gate.take_record().is_some());
    rig.steer(0.7, 0.0);
    assert!(rig.gate.take_record().is_none(), "and nothing waits for the disk");
}

fn returning_from(steer: f64, accelerate: f64) -> Rig {
    let mut rig = Rig::in_state(ControlState::Human);
    rig.steer(steer, accelerate);
    rig.world(World { stable: false, ..DRIVING });
    rig.send(CommandKind::HandBack);
    assert_eq!((rig.state(), rig.gate.is_manual()), (ControlState::Returning, false));
    rig
}

#[test]
fn row_15_hands_that_do_something_else_keep_it() {
    let mut rig = returning_from(0.5, 0.2);
    for _ in 0..10 {
        rig.steer(0.55, 0.15);
        rig.wait(100);
    }
    assert_eq!(rig.state(), ControlState::Returning, "hands that stay where they were");
    rig.steer(0.55, -0.8);
    assert_eq!(rig.state(), ControlState::Human);
    assert_eq!(rig.mode(), Mode::Manual { steer: 0.55, accelerate: -0.8 });
    let back = rig.acks.iter().rfind(|ack| ack.state == CommandState::Superseded);
    assert_eq!(back.and_then(|ack| ack.detail), Some("the driver's hands kept it"));
}

#[test]
fn row_15_hands_that_let_go_do_not_keep_it_and_then_any_touch_does() {
    let mut rig = returning_from(0.5, 0.2);
    rig.steer(0.0, 0.0);
    rig.beat(true);
    assert_eq!(rig.state(), ControlState::Returning);
    rig.steer(0.5, 0.2);
    assert_eq!(rig.state(), ControlState::Human);
}

#[test]
fn row_14_an_agent_that_was_driven_by_hand_drives_again_once_stable() {
    let mut rig = returning_from(0.5, 0.2);
    rig.steer(0.5, 0.2);
    rig.world(DRIVING);
    rig.wait(100);
    assert_eq!((rig.state(), rig.mode()), (ControlState::Autonomous, Mode::Autonomous));
    rig.steer(1.0, 1.0);
    assert_eq!(rig.mode(), Mode::Autonomous);
}

#[test]
fn a_resume_after_driving_by_hand_is_not_stale() {
    let mut rig = driven();
    let version = rig.gate.state_version();
    rig.wait_holding(700);
    let order = rig.order(CommandKind::Resume);
    let command = watchkeeper_takeover::GateCommand {
        command_id: order.id,
        boot_id: order.boot_id,
        kind: order.kind,
        args: &order.args,
        epoch: order.epoch,
        seq: order.seq,
        deadline: order.deadline,
        evidence_version: Some(version),
        expect_state: None,
    };
    rig.gate.handle_command(&command, rig.now);
    rig.wait(1);
    assert_eq!(rig.code(order.id), None::<CommandCode>);
    assert_eq!(rig.mode(), Mode::Human { hold: false });
}

#[test]
fn row_10_hands_that_were_on_the_controls_before_drive_only_after_they_have_left() {
    let mut rig = Rig::in_state(ControlState::InTransition);
    rig.steer(1.0, 1.0);
    rig.send(CommandKind::Assume);
    rig.steer(1.0, 1.0);
    assert_eq!((rig.state(), rig.mode()), (ControlState::Human, Mode::Human { hold: false }));
    rig.beat(true);
    rig.steer(1.0, 1.0);
    assert_eq!(rig.mode(), Mode::Manual { steer: 1.0, accelerate: 1.0 });
}

#[test]
fn row_15_hands_that_a_hold_overruled_do_not_keep_it_until_they_have_left() {
    let mut rig = Rig::in_state(ControlState::Human);
    rig.steer(0.5, 0.5);
    rig.send(CommandKind::Hold);
    rig.world(World { stable: false, ..DRIVING });
    rig.send(CommandKind::HandBack);
    rig.steer(0.5, 0.5);
    assert_eq!((rig.state(), rig.mode()), (ControlState::Returning, Mode::Human { hold: true }));
    rig.beat(true);
    rig.steer(0.5, 0.5);
    assert_eq!(rig.state(), ControlState::Human, "they left, and came back");
}

#[test]
fn row_15_hands_that_rest_while_their_person_is_not_ready_have_not_left() {
    let mut rig = returning_from(0.5, 0.2);
    let beat = HolderBeat {
        epoch: rig.epoch,
        seq: rig.beat_seq + 1,
        ready: false,
        deadline: rig.at(400),
        setpoint: Some(Setpoint { steer: 0.5, accelerate: 0.2 }),
        latency: None,
    };
    rig.beat_seq += 1;
    rig.take_beat(beat);
    rig.steer(0.5, 0.2);
    assert_eq!(rig.state(), ControlState::Returning);
}
