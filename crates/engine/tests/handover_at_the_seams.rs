//! Handing over where messages cross, get lost or come late, through the engine and a real gate, in virtual time.

#![allow(
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "a test fails by panicking, and looks at a few messages of many"
)]

#[path = "rig/rig.rs"]
#[allow(dead_code, clippy::indexing_slicing, reason = "each test uses a part of it")]
mod rig;

use rig::{
    Rig, ms,
    shift::{ADA, BOB, SUE, asked, connected_to, driven, engage, holder, last},
};
use watchkeeper_model::{AgentKind, CommandArgs, CommandCode, CommandKind, ControlState, FallbackLevel};
use watchkeeper_protocol::operator::LeaseEvent;

/// Ada said yes to Bob; he is next.
fn with_next() -> Rig {
    let mut rig = driven();
    let wish = asked(&mut rig);
    rig.answer_handover(ADA, wish, true);
    rig.run(ms(200));
    assert!(rig.next_epoch().is_some());
    rig
}

#[test]
fn who_was_in_control_until_just_now_still_makes_it_safer() {
    let slow = CommandArgs { speed_mps: Some(3.0), ..CommandArgs::default() };
    for (kind, args, state) in [
        (CommandKind::Hold, CommandArgs::default(), ControlState::Fallback),
        (
            CommandKind::MinimalRisk,
            CommandArgs { level: Some(FallbackLevel::CONTAIN), ..CommandArgs::default() },
            ControlState::Fallback,
        ),
        (CommandKind::SpeedCap, slow, ControlState::Human),
    ] {
        let mut rig = with_next();
        let adas = rig.epoch();
        engage(&mut rig, BOB);
        assert_eq!(holder(&rig), "bob");
        let release = rig.command_under(ADA, CommandKind::Release, CommandArgs::default(), adas);
        let safer = rig.command_under(ADA, kind, args, adas);
        rig.run(ms(100));
        assert_eq!(rig.command_code(safer), None, "{kind}");
        assert_eq!(rig.state(), state, "{kind}: a stranger's");
        assert_eq!(rig.command_code(release), Some(CommandCode::NotInControl), "that is the holder's");
    }
}

#[test]
fn nobody_voids_an_engage_that_is_on_its_way() {
    for gone in [false, true] {
        let mut rig = with_next();
        rig.mute = true;
        rig.command(BOB, CommandKind::Engage, CommandArgs::default());
        rig.run(ms(50));
        assert_eq!(rig.next_epoch(), None, "the agent switched, and nobody heard");
        if gone {
            rig.disconnect_operator(BOB);
        } else {
            rig.pre_empt(SUE, Some("mine"));
            assert_eq!(last(&rig, LeaseEvent::Refused).code, Some(CommandCode::TemporarilyRejected));
        }
        rig.run(ms(50));
        rig.mute = false;
        rig.run(ms(200));
        assert_eq!((rig.state(), holder(&rig).as_str()), (ControlState::Human, "bob"), "gone: {gone}");
    }
}

#[test]
fn the_heartbeats_of_who_engaged_in_time_reach_the_agent_while_its_answer_is_awaited() {
    let mut rig = with_next();
    let left = |rig: &Rig, nanos: u64| {
        rig.status(ADA).lease.unwrap().next.is_some_and(|next| next.left_nanos < nanos)
    };
    rig.run_until(ms(11_000), |rig| left(rig, 500_000_000));
    rig.next_beats = false;
    rig.run_until(ms(1_000), |rig| left(rig, 120_000_000));
    rig.mute = true;
    rig.command(BOB, CommandKind::Engage, CommandArgs::default());
    rig.run(ms(200));
    rig.next_beats = true;
    rig.run(ms(1_600));
    rig.mute = false;
    rig.run(ms(200));
    assert_eq!((rig.state(), holder(&rig).as_str()), (ControlState::Human, "bob"));
}

#[test]
fn a_next_holder_of_whom_the_agent_has_not_heard_is_none_once_it_connects_again() {
    for written in [false, true] {
        let mut rig = driven();
        let wish = asked(&mut rig);
        (rig.disk_works, rig.deaf) = (written, true);
        rig.answer_handover(ADA, wish, true);
        rig.run(ms(100));
        rig.disconnect_vehicle();
        rig.deaf = false;
        rig.connect_vehicle();
        rig.run(ms(50));
        rig.disk_works = true;
        rig.run(ms(150));
        assert_eq!(rig.status(ADA).lease.unwrap().next, None, "written: {written}");
        assert_eq!((rig.next_epoch(), rig.state()), (None, ControlState::Human));
        let wish = asked(&mut rig);
        rig.answer_handover(ADA, wish, true);
        rig.run(ms(100));
        engage(&mut rig, BOB);
        assert_eq!(holder(&rig), "bob");
    }
}

#[test]
fn an_end_of_the_next_lease_that_got_lost_is_told_again() {
    let mut rig = with_next();
    rig.deaf = true;
    rig.disconnect_operator(BOB);
    rig.run(ms(50));
    assert!(rig.next_epoch().is_some(), "the void is lost");
    rig.disconnect_vehicle();
    rig.deaf = false;
    rig.connect_vehicle();
    assert_eq!((rig.next_epoch(), rig.state()), (None, ControlState::Human));
}

#[test]
fn who_is_next_at_a_software_agent_has_half_a_minute_to_engage() {
    let mut rig = connected_to(AgentKind::SoftwareAgent);
    rig.run(ms(3_000));
    rig.claim(ADA);
    rig.run(ms(100));
    rig.take_over(ADA);
    let wish = asked(&mut rig);
    rig.answer_handover(ADA, wish, true);
    rig.run(ms(20_000));
    let next = rig.status(ADA).lease.unwrap().next.unwrap();
    assert!((9_000_000_000..10_100_000_000).contains(&next.left_nanos), "{}", next.left_nanos);
    engage(&mut rig, BOB);
    assert_eq!((rig.state(), holder(&rig).as_str()), (ControlState::Human, "bob"));
}

#[test]
fn a_short_break_of_the_link_keeps_the_holder_and_who_is_next() {
    let mut rig = driven();
    let wish = asked(&mut rig);
    rig.answer_handover(ADA, wish, true);
    rig.run(ms(200));
    rig.disconnect_vehicle();
    rig.run(ms(300));
    rig.connect_vehicle();
    rig.run(ms(500));
    assert_eq!((rig.state(), holder(&rig).as_str()), (ControlState::Human, "ada"));
    engage(&mut rig, BOB);
    assert_eq!((rig.state(), holder(&rig).as_str()), (ControlState::Human, "bob"));
}
