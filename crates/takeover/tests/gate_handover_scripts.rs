//! Row 16 of `takeover.md` 1.2 and rules 5 to 7 of its section 2, as the gate keeps them: no gap, no overlap.

#[path = "support/rig.rs"]
#[allow(dead_code, reason = "each file of scripts uses a part of it")]
mod rig;

use rig::{BOOT, DRIVING, Order, Rig, STANDING, Seat, identity};
use watchkeeper_model::{
    AgentKind, CommandCode, CommandKind, CommandState, ControlState, DemandOrigin, Epoch, LatchId,
};
use watchkeeper_takeover::{Gate, Mode, Timers, World};

/// Somebody drives (the rig's seat), and somebody else is next: his seat.
fn with_next(state: ControlState) -> (Rig, Seat) {
    let mut rig = Rig::in_state(state);
    let next = grant_next(&mut rig);
    (rig, next)
}

fn grant_next(rig: &mut Rig) -> Seat {
    let driver = rig.change_seat(Seat { epoch: Epoch(0), seq: 0, beat_seq: 0 });
    rig.claim();
    let next = rig.change_seat(driver);
    assert_eq!(rig.gate.next_epoch(), Some(next.epoch));
    next
}

/// Lets time pass while both send heartbeats.
fn wait_both(rig: &mut Rig, other: &mut Seat, millis: u64) {
    for _ in 0..millis / 100 {
        rig.beat(true);
        let own = rig.change_seat(*other);
        rig.beat(true);
        *other = rig.change_seat(own);
        rig.wait(100);
    }
}

#[test]
fn row_16_the_driver_drives_until_the_next_one_engages_and_not_an_instant_longer() {
    let (mut rig, mut next) = with_next(ControlState::Human);
    wait_both(&mut rig, &mut next, 3_000);
    let first = rig.epoch;
    rig.send(CommandKind::Hold);
    assert_eq!((rig.gate.epoch(), rig.mode()), (first, Mode::Human { hold: true }));
    let old = rig.change_seat(next);
    let engage = rig.engage();
    assert_eq!((rig.state(), rig.gate.epoch()), (ControlState::Human, rig.epoch));
    assert_eq!(rig.mode(), Mode::Human { hold: true }, "a hold stays a hold");
    rig.world(DRIVING);
    assert_eq!(rig.life(engage), [CommandState::Accepted, CommandState::Completed]);
    let new = rig.change_seat(old);
    for kind in [CommandKind::Resume, CommandKind::HandBack, CommandKind::Release] {
        let late = rig.send(kind);
        assert_eq!(rig.code(late), Some(CommandCode::StaleEpoch), "{kind}");
    }
    rig.change_seat(new);
    let resume = rig.send(CommandKind::Resume);
    assert_eq!((rig.code(resume), rig.mode()), (None, Mode::Human { hold: false }));
}

#[test]
fn row_16_who_is_next_commands_nothing_but_his_engage() {
    let (mut rig, next) = with_next(ControlState::Human);
    let before = (rig.state(), rig.gate.epoch(), rig.gate.directive());
    let driver = rig.change_seat(next);
    for kind in [CommandKind::Resume, CommandKind::HandBack, CommandKind::Dismiss, CommandKind::Assume] {
        let id = rig.send(kind);
        assert_eq!(rig.code(id), Some(CommandCode::NotInControl), "{kind}");
    }
    rig.steer(1.0, 1.0);
    assert_eq!((rig.state(), rig.gate.epoch(), rig.gate.directive()), before);
    rig.change_seat(driver);
    let order = rig.order(CommandKind::Engage);
    let id = rig.give(&order);
    assert_eq!(rig.code(id), Some(CommandCode::Precondition), "who drives cannot engage again");
}

#[test]
fn row_16_the_hold_of_who_is_next_is_a_strangers_hold() {
    let (mut rig, next) = with_next(ControlState::Human);
    rig.change_seat(next);
    rig.send(CommandKind::Hold);
    assert_eq!(rig.state(), ControlState::Fallback, "safer is open to all");
    assert_eq!((rig.gate.epoch(), rig.gate.next_epoch()), (Epoch(0), None));
}

#[test]
fn row_16_who_is_next_may_lower_a_cap_and_not_raise_it() {
    let (mut rig, next) = with_next(ControlState::Human);
    rig.change_seat(next);
    for (speed, cap) in [(6.0, 6.0), (50.0, 6.0), (2.0, 2.0)] {
        let mut order = rig.order(CommandKind::SpeedCap);
        order.args.speed_mps = Some(speed);
        rig.give(&order);
        assert_eq!(rig.gate.directive().speed_cap_mps, Some(cap));
    }
    assert_eq!(rig.state(), ControlState::Human);
}

#[test]
fn row_16_the_engage_of_who_is_next_passes_the_whole_fence() {
    let (mut rig, next) = with_next(ControlState::Human);
    rig.change_seat(next);
    rig.beat(false);
    let id = rig.send(CommandKind::Engage);
    assert_eq!(rig.code(id), Some(CommandCode::Precondition), "not ready");
    rig.beat(true);
    let late = Order { deadline: rig.now, ..rig.order(CommandKind::Engage) };
    let id = rig.give(&late);
    assert_eq!(rig.code(id), Some(CommandCode::Expired));
    let mut names = rig.order(CommandKind::Engage);
    names.args.latches = vec![LatchId(7)];
    let id = rig.give(&names);
    assert_eq!(rig.code(id), Some(CommandCode::Denied), "a handover releases no latch");
    assert_eq!(rig.state(), ControlState::Human);
    let id = rig.send(CommandKind::Engage);
    assert_eq!((rig.code(id), rig.gate.epoch()), (None, rig.epoch));
}

#[test]
fn row_16_who_does_not_engage_in_time_is_no_longer_next() {
    let (mut rig, mut next) = with_next(ControlState::Human);
    let version = rig.gate.state_version();
    wait_both(&mut rig, &mut next, 9_900);
    assert_eq!(rig.gate.next_epoch(), Some(next.epoch));
    wait_both(&mut rig, &mut next, 100);
    assert_eq!((rig.gate.next_epoch(), rig.state()), (None, ControlState::Human));
    assert_eq!(rig.gate.state_version(), version, "the driver's orders are as fresh as before");
    rig.change_seat(next);
    let id = rig.engage();
    assert_eq!(rig.code(id), Some(CommandCode::StaleEpoch));
}

#[test]
fn row_16_who_is_next_and_falls_silent_is_no_longer_next() {
    let (mut rig, next) = with_next(ControlState::Human);
    rig.wait_holding(1_900);
    assert_eq!(rig.gate.next_epoch(), Some(next.epoch));
    rig.wait_holding(100);
    assert_eq!((rig.gate.next_epoch(), rig.state()), (None, ControlState::Human));
}

#[test]
fn row_16_a_driver_who_lapses_before_the_switch_means_a_fallback_for_both() {
    let (mut rig, next) = with_next(ControlState::Human);
    let driver = rig.change_seat(next);
    rig.wait_holding(2_000);
    assert_eq!(
        (rig.state(), rig.gate.epoch(), rig.gate.next_epoch()),
        (ControlState::Fallback, Epoch(0), None)
    );
    let id = rig.engage();
    assert_eq!(rig.code(id), Some(CommandCode::StaleEpoch));
    rig.change_seat(driver);
    let id = rig.send(CommandKind::Resume);
    assert_eq!(rig.code(id), Some(CommandCode::StaleEpoch));
}

#[test]
fn row_16_handing_back_cancels_who_is_next() {
    let (mut rig, next) = with_next(ControlState::Human);
    rig.world(World { stable: false, ..DRIVING });
    rig.send(CommandKind::HandBack);
    assert_eq!((rig.state(), rig.gate.next_epoch()), (ControlState::Returning, None));
    let driver = rig.change_seat(next);
    let id = rig.engage();
    assert_eq!(rig.code(id), Some(CommandCode::StaleEpoch));
    rig.change_seat(driver);
    rig.world(DRIVING);
    rig.wait(100);
    assert_eq!(rig.state(), ControlState::Autonomous);
}

#[test]
fn row_16_a_refused_hand_back_cancels_nothing() {
    let (mut rig, next) = with_next(ControlState::Human);
    rig.world(World { can_resume: false, ..DRIVING });
    rig.send(CommandKind::HandBack);
    assert_eq!(rig.gate.next_epoch(), Some(next.epoch));
}

#[test]
fn row_16_a_supervisor_takes_over_from_somebody_who_hands_back() {
    let (mut rig, next) = with_next(ControlState::Returning);
    let back = rig.acks.last().expect("the hand back was accepted").command_id;
    rig.change_seat(next);
    rig.engage();
    assert_eq!((rig.state(), rig.gate.epoch()), (ControlState::Human, rig.epoch));
    assert_eq!(rig.life(back).last(), Some(&CommandState::Superseded));
    rig.world(DRIVING);
    rig.wait_holding(15_000);
    assert_eq!(rig.state(), ControlState::Human, "no timer of the hand back is left");
}

#[test]
fn row_14_an_agent_that_drives_again_has_no_next_holder() {
    let (mut rig, next) = with_next(ControlState::Returning);
    rig.world(DRIVING);
    rig.wait(100);
    assert_eq!((rig.state(), rig.gate.next_epoch()), (ControlState::Autonomous, None));
    rig.change_seat(next);
    let id = rig.engage();
    assert_eq!(rig.code(id), Some(CommandCode::StaleEpoch));
}

#[test]
fn row_16_voids_and_releases_of_the_next_lease_do_not_touch_the_driver() {
    let (mut rig, next) = with_next(ControlState::Human);
    rig.gate.handle_void(next.epoch, rig.now);
    assert_eq!((rig.state(), rig.gate.next_epoch()), (ControlState::Human, None));
    let next = grant_next(&mut rig);
    let driver = rig.change_seat(next);
    rig.send(CommandKind::Release);
    assert_eq!((rig.state(), rig.gate.next_epoch()), (ControlState::Human, None));
    rig.change_seat(driver);
    let next = grant_next(&mut rig);
    rig.gate.handle_void(rig.epoch, rig.now);
    assert_eq!((rig.state(), rig.gate.next_epoch()), (ControlState::Fallback, None), "void of the driver's");
    rig.gate.handle_grant(next.epoch, BOOT, rig.now);
    assert_eq!(rig.gate.epoch(), Epoch(0), "a copy of the grant grants nothing");
}

#[test]
fn row_16_a_newer_grant_takes_the_place_of_a_next_holder_whose_void_was_lost_and_an_older_one_does_not() {
    let (mut rig, next) = with_next(ControlState::Human);
    let driver = rig.gate.epoch();
    rig.gate.handle_grant(next.epoch.next(), BOOT, rig.now);
    assert_eq!((rig.gate.epoch(), rig.gate.next_epoch()), (driver, Some(next.epoch.next())));
    rig.gate.handle_grant(next.epoch, BOOT, rig.now);
    assert_eq!(rig.gate.next_epoch(), Some(next.epoch.next()));
    let mut claimed = Rig::in_state(ControlState::Claimed);
    claimed.gate.handle_grant(claimed.epoch.next(), BOOT, claimed.now);
    assert_eq!(claimed.gate.epoch(), claimed.epoch, "who claimed is not next");
}

#[test]
fn row_16_a_new_monitor_voids_both() {
    let (mut rig, _) = with_next(ControlState::Human);
    assert!(rig.welcome(2, &[], true));
    assert_eq!(
        (rig.state(), rig.gate.epoch(), rig.gate.next_epoch()),
        (ControlState::Fallback, Epoch(0), None)
    );
}

#[test]
fn row_16_a_short_break_of_the_link_changes_nothing() {
    let (mut rig, next) = with_next(ControlState::Human);
    rig.gate.handle_link_lost(rig.now);
    rig.wait(300);
    assert!(rig.welcome(1, &[], true));
    assert_eq!((rig.state(), rig.gate.next_epoch()), (ControlState::Human, Some(next.epoch)));
}

#[test]
fn row_16_the_hands_of_one_driver_do_not_steer_for_the_next() {
    let (mut rig, next) = with_next(ControlState::Human);
    rig.steer(1.0, 1.0);
    let driver = rig.change_seat(next);
    rig.engage();
    assert_eq!((rig.mode(), rig.gate.is_manual()), (Mode::Neutral, false));
    let next = rig.change_seat(driver);
    rig.steer(1.0, 1.0);
    assert!(!rig.gate.is_manual(), "he is not in control any more");
    rig.change_seat(next);
    rig.steer(-0.5, 0.0);
    assert_eq!(rig.mode(), Mode::Neutral, "hands that were there before he was in control");
    rig.beat(true);
    rig.steer(-0.5, 0.0);
    assert_eq!(rig.mode(), Mode::Manual { steer: -0.5, accelerate: 0.0 });
}

#[test]
fn row_16_at_a_standstill_the_hold_is_handed_over_too() {
    let mut rig = Rig::in_state(ControlState::SafeHeld);
    rig.claim();
    rig.engage();
    rig.send(CommandKind::Assume);
    rig.world(STANDING);
    rig.wait(200);
    assert_eq!(rig.mode(), Mode::Human { hold: true });
    let next = grant_next(&mut rig);
    rig.change_seat(next);
    rig.engage();
    assert_eq!((rig.mode(), rig.gate.epoch()), (Mode::Human { hold: true }, rig.epoch));
}

#[test]
fn row_16_what_was_driven_by_hand_is_neutral_until_the_new_holder_says_what_he_wants() {
    for lapsed in [false, true] {
        for (order, mode) in [
            (Some(CommandKind::Hold), Mode::Human { hold: true }),
            (Some(CommandKind::Resume), Mode::Human { hold: false }),
            (Some(CommandKind::HandBack), Mode::Human { hold: false }),
            (None, Mode::Manual { steer: 0.0, accelerate: -0.5 }),
        ] {
            let (mut rig, mut next) = with_next(ControlState::Human);
            rig.steer(0.0, -1.0);
            if lapsed {
                wait_both(&mut rig, &mut next, 500);
            }
            rig.change_seat(next);
            rig.engage();
            assert_eq!((rig.mode(), rig.gate.is_manual()), (Mode::Neutral, false), "lapsed: {lapsed}");
            rig.wait_holding(3_000);
            assert_eq!(rig.mode(), Mode::Neutral, "and it stays so");
            let after = grant_next(&mut rig);
            rig.change_seat(after);
            rig.engage();
            assert_eq!(rig.mode(), Mode::Neutral, "also for the one after him");
            rig.world(World { stable: false, ..DRIVING });
            if let Some(kind) = order {
                rig.send(kind);
            } else {
                rig.beat(true);
                rig.steer(0.0, -0.5);
            }
            assert_eq!(rig.mode(), mode, "{order:?}");
        }
    }
}

#[test]
fn row_16_a_standstill_that_the_brake_holds_stays_one() {
    let (mut rig, next) = with_next(ControlState::Human);
    rig.steer(0.0, -1.0);
    rig.world(World { stable: false, ..STANDING });
    rig.change_seat(next);
    rig.engage();
    assert_eq!(rig.mode(), Mode::Human { hold: true });
    rig.world(DRIVING);
    rig.wait_holding(1_000);
    assert_eq!(rig.mode(), Mode::Human { hold: true });
}

#[test]
fn row_16_a_next_holder_of_a_software_agent_has_time_for_disk_and_eyes() {
    let timers = Timers::for_kind(AgentKind::SoftwareAgent);
    let mut rig = Rig::around(Gate::new(identity(AgentKind::SoftwareAgent), timers, DRIVING));
    assert!(rig.welcome(1, &[], true));
    rig.world(DRIVING);
    rig.wait(200);
    rig.demand(DemandOrigin::Monitor);
    rig.claim();
    rig.engage();
    rig.send(CommandKind::Assume);
    assert_eq!(rig.state(), ControlState::Human);
    let mut next = grant_next(&mut rig);
    wait_both(&mut rig, &mut next, 29_900);
    assert_eq!(rig.gate.next_epoch(), Some(next.epoch));
    wait_both(&mut rig, &mut next, 100);
    assert_eq!((rig.gate.next_epoch(), rig.state()), (None, ControlState::Human));
}
