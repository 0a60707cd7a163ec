//! Rows 19 to 27 of `takeover.md` 1.2, reconnects, reboots and the life of a command; see `gate_scripts`.

#[path = "support/rig.rs"]
#[allow(dead_code, reason = "each file of scripts uses a part of it")]
mod rig;

use rig::{DRIVING, OTHER_BOOT, Order, Rig, STANDING, identity};
use watchkeeper_model::{
    AgentKind, CommandCode, CommandKind, CommandState, ControlState, DemandId, DemandOutcome, Epoch,
    FallbackLevel, Latch, LatchCause, LatchId,
};
use watchkeeper_takeover::{Gate, Mode, Timers, World};

const ACCEPTED: CommandState = CommandState::Accepted;
const COMPLETED: CommandState = CommandState::Completed;
const FOREIGN: Latch = Latch { latch_id: LatchId(77), cause: LatchCause::Fallback };

fn level(rig: &Rig) -> u8 {
    rig.gate.fallback_level().expect("a fallback acts").get()
}

#[test]
fn row_19_the_holders_hold_is_an_order_and_a_late_one_falls_back() {
    let mut rig = Rig::in_state(ControlState::Human);
    let mut order = rig.order(CommandKind::Hold);
    order.expect_state = Some(ControlState::Autonomous);
    rig.give(&order);
    assert_eq!((rig.state(), rig.mode()), (ControlState::Human, Mode::Human { hold: true }));
    let order = Order { deadline: rig.now, ..rig.order(CommandKind::Hold) };
    rig.give(&order);
    assert_eq!(rig.state(), ControlState::Fallback);
}

#[test]
fn row_19_nobody_raises_a_speed_cap_before_he_drives() {
    let mut rig = Rig::in_state(ControlState::Claimed);
    for (speed, cap) in [(5.0, 5.0), (50.0, 5.0), (2.0, 2.0)] {
        let mut order = rig.order(CommandKind::SpeedCap);
        order.args.speed_mps = Some(speed);
        rig.give(&order);
        assert_eq!(rig.gate.directive().speed_cap_mps, Some(cap));
    }
    rig.engage();
    rig.send(CommandKind::Assume);
    let mut order = rig.order(CommandKind::SpeedCap);
    order.args.speed_mps = Some(9.0);
    rig.give(&order);
    assert_eq!(rig.gate.directive().speed_cap_mps, Some(9.0));
}

#[test]
fn row_20_no_effect_escalates_and_no_telemetry_only_alarms() {
    let mut rig = Rig::in_state(ControlState::Fallback);
    rig.world(World { progressing: Some(false), ..DRIVING });
    rig.wait(799);
    assert_eq!(level(&rig), 1);
    rig.wait(1);
    assert_eq!(level(&rig), 2);
    rig.world(World { progressing: None, ..DRIVING });
    rig.wait(5_000);
    assert_eq!((level(&rig), rig.gate.is_unverified()), (2, true));
}

#[test]
fn row_20_a_claim_outlives_an_escalation() {
    let mut rig = Rig::in_state(ControlState::Fallback);
    rig.claim();
    rig.world(World { progressing: Some(false), ..DRIVING });
    rig.wait(800);
    assert_eq!((level(&rig), rig.gate.epoch()), (2, rig.epoch));
}

#[test]
fn row_21_and_24b_a_condition_is_held_and_its_loss_escalates() {
    let mut rig = Rig::in_state(ControlState::Fallback);
    rig.world(STANDING);
    assert_eq!((rig.state(), rig.mode()), (ControlState::SafeHeld, Mode::Held));
    rig.world(DRIVING);
    assert_eq!((rig.state(), level(&rig)), (ControlState::Fallback, 2));
    assert_eq!(rig.gate.latches().len(), 1);
}

#[test]
fn row_23_from_level_3_only_at_standstill_and_with_every_latch_named() {
    let mut rig = Rig::vehicle();
    rig.gate.handle_minimal_risk_request(FallbackLevel::EMERGENCY, rig.now);
    rig.claim();
    let id = rig.engage();
    assert_eq!(rig.code(id), Some(CommandCode::Precondition));
    rig.world(World { standstill: true, ..DRIVING });
    let id = rig.send(CommandKind::Engage);
    assert_eq!(rig.code(id), Some(CommandCode::Precondition), "names no latch");
    rig.engage();
    assert_eq!(rig.state(), ControlState::InTransition);
}

#[test]
fn row_24_a_claim_is_a_flag_and_taking_over_releases_the_named_latch() {
    let mut rig = Rig::in_state(ControlState::SafeHeld);
    rig.claim();
    assert_eq!((rig.state(), rig.gate.epoch()), (ControlState::SafeHeld, rig.epoch));
    rig.engage();
    rig.send(CommandKind::Assume);
    assert_eq!((rig.state(), rig.mode()), (ControlState::Human, Mode::Human { hold: true }));
    assert!(rig.gate.latches().is_empty());
}

#[test]
fn row_25_clearing_the_last_latch_lets_the_agent_drive() {
    let mut rig = Rig::in_state(ControlState::SafeHeld);
    rig.world(World { can_resume: false, ..STANDING });
    let id = rig.clear(LatchCause::Fallback);
    assert_eq!(rig.code(id), Some(CommandCode::Precondition));
    rig.world(STANDING);
    rig.clear(LatchCause::Fallback);
    assert_eq!((rig.state(), rig.gate.latches().len()), (ControlState::Autonomous, 0));
}

#[test]
fn row_25_an_epoch_clears_one_latch_once() {
    let mut rig = Rig::in_state(ControlState::SafeHeld);
    let used = rig.gate.highest_epoch().next();
    rig.clear(LatchCause::Fallback);
    rig.gate.handle_minimal_risk_request(FallbackLevel::COMFORTABLE, rig.now);
    let mut order = rig.order(CommandKind::ClearLatch);
    order.epoch = used;
    order.args.latch_id = Some(rig.gate.latches()[0].latch_id);
    let id = rig.give(&order);
    assert_eq!((rig.code(id), rig.state()), (Some(CommandCode::StaleEpoch), ControlState::SafeHeld));
}

#[test]
fn row_25_of_two_latches_each_needs_its_own_clear() {
    let mut rig = Rig::in_state(ControlState::SafeHeld);
    assert!(rig.welcome(1, &[FOREIGN], true));
    rig.clear(LatchCause::Fallback);
    assert_eq!((rig.state(), rig.gate.latches().len()), (ControlState::SafeHeld, 1));
    rig.clear(LatchCause::Fallback);
    assert_eq!(rig.state(), ControlState::Autonomous);
}

#[test]
fn row_26_an_estop_works_in_every_state_but_local_late_and_for_another_boot() {
    for state in ControlState::ALL.iter().filter(|state| **state != ControlState::Local) {
        let mut rig = Rig::in_state(*state);
        let mut order = rig.stranger(CommandKind::Estop);
        (order.boot_id, order.deadline) = (OTHER_BOOT, rig.now);
        rig.give(&order);
        assert_eq!((rig.state(), rig.mode()), (ControlState::Estopped, Mode::Estop), "from {state}");
        assert!(rig.gate.latches().iter().any(|latch| latch.cause == LatchCause::Estop));
    }
}

#[test]
fn row_26_an_estop_works_before_the_first_reconcile() {
    let timers = Timers::for_kind(AgentKind::Vehicle);
    let mut rig = Rig::around(Gate::new(identity(AgentKind::Vehicle), timers, DRIVING));
    rig.send(CommandKind::Estop);
    assert_eq!(rig.mode(), Mode::Estop);
}

#[test]
fn row_26_an_estop_runs_until_its_effect_is_confirmed_and_a_copy_stops_nothing_later() {
    let mut rig = Rig::vehicle();
    let order = rig.stranger(CommandKind::Estop);
    let id = rig.give(&order);
    rig.world(World { progressing: None, ..DRIVING });
    rig.wait(800);
    assert!(rig.gate.is_unverified());
    assert_eq!(rig.life(id), [ACCEPTED]);
    rig.world(STANDING);
    assert_eq!(rig.life(id), [ACCEPTED, COMPLETED]);
    rig.clear(LatchCause::Estop);
    rig.give(&order);
    assert_eq!(rig.code(id), Some(CommandCode::Duplicate));
    assert_eq!(rig.state(), ControlState::SafeHeld);
}

#[test]
fn row_26_many_commands_do_not_push_a_running_stop_out() {
    let mut rig = Rig::vehicle();
    let stop = rig.send(CommandKind::Estop);
    for _ in 0..300 {
        let order = rig.stranger(CommandKind::Hold);
        rig.give(&order);
    }
    assert_eq!(rig.life(stop), [ACCEPTED]);
    rig.world(STANDING);
    assert_eq!(rig.life(stop), [ACCEPTED, COMPLETED]);
}

#[test]
fn row_27_clearing_an_estop_leaves_a_second_decision() {
    let mut rig = Rig::in_state(ControlState::Estopped);
    let id = rig.clear(LatchCause::Estop);
    assert_eq!(rig.code(id), Some(CommandCode::Precondition), "not confirmed yet");
    rig.world(STANDING);
    rig.clear(LatchCause::Estop);
    assert_eq!(rig.state(), ControlState::SafeHeld);
    let causes: Vec<_> = rig.gate.latches().iter().map(|latch| latch.cause).collect();
    assert_eq!(causes, [LatchCause::Fallback]);
}

#[test]
fn row_27_of_two_estop_latches_both_must_be_cleared() {
    let mut rig = Rig::in_state(ControlState::Estopped);
    rig.world(STANDING);
    assert!(rig.welcome(1, &[Latch { latch_id: LatchId(78), cause: LatchCause::Estop }], true));
    rig.clear(LatchCause::Estop);
    assert_eq!(rig.state(), ControlState::Estopped);
    rig.clear(LatchCause::Estop);
    assert_eq!(rig.state(), ControlState::SafeHeld);
}

#[test]
fn a_flood_of_latches_leaves_room_for_the_estop() {
    let mut rig = Rig::vehicle();
    let many: Vec<_> =
        (1..100).map(|id| Latch { latch_id: LatchId(id), cause: LatchCause::Fallback }).collect();
    assert!(rig.welcome(1, &many, true));
    rig.send(CommandKind::Estop);
    assert!(rig.gate.latches().len() <= 16);
    assert!(rig.gate.latches().iter().any(|latch| latch.cause == LatchCause::Estop));
}

#[test]
fn a_monitor_that_remembers_a_latch_stops_a_transition() {
    let mut rig = Rig::in_state(ControlState::InTransition);
    assert!(rig.welcome(1, &[FOREIGN], true));
    assert_eq!(rig.state(), ControlState::Fallback);
}

#[test]
fn a_restarted_monitor_voids_every_lease() {
    for (state, after) in [
        (ControlState::Claimed, ControlState::Requested),
        (ControlState::InTransition, ControlState::Requested),
        (ControlState::Human, ControlState::Fallback),
        (ControlState::Returning, ControlState::Fallback),
    ] {
        let mut rig = Rig::in_state(state);
        assert!(rig.welcome(2, &[], true));
        assert_eq!((rig.state(), rig.gate.epoch()), (after, Epoch(0)));
    }
}

#[test]
fn a_blip_keeps_the_lease() {
    let mut rig = Rig::in_state(ControlState::Human);
    rig.gate.handle_link_lost(rig.now);
    rig.wait(1_000);
    assert!(rig.welcome(1, &[], true));
    assert_eq!(rig.state(), ControlState::Human);
}

#[test]
fn a_monitor_lost_for_too_long_means_level_1() {
    let mut rig = Rig::vehicle();
    rig.gate.handle_link_lost(rig.now);
    rig.wait(29_999);
    assert_eq!(rig.state(), ControlState::Autonomous);
    rig.wait(1);
    assert_eq!((rig.state(), level(&rig)), (ControlState::Fallback, 1));
}

#[test]
fn a_command_is_refused_late_repeated_for_another_boot_or_under_another_epoch() {
    let mut rig = Rig::in_state(ControlState::Human);
    let good = rig.order(CommandKind::Resume);
    let late = Order { deadline: rig.now, ..rig.order(CommandKind::Resume) };
    let other_boot = Order { boot_id: OTHER_BOOT, ..rig.order(CommandKind::Resume) };
    let stale = Order { epoch: Epoch(rig.epoch.0 - 1), ..rig.order(CommandKind::Resume) };
    let ahead = Order { epoch: rig.epoch.next(), ..rig.order(CommandKind::Resume) };
    let no_lease = Order { epoch: Epoch(0), ..rig.order(CommandKind::Resume) };
    let again = Order { seq: good.seq, ..rig.order(CommandKind::Resume) };
    for (order, code) in [
        (&late, Some(CommandCode::Expired)),
        (&other_boot, Some(CommandCode::StaleEpoch)),
        (&stale, Some(CommandCode::NotInControl)),
        (&ahead, Some(CommandCode::StaleEpoch)),
        (&no_lease, Some(CommandCode::NotInControl)),
        (&good, None),
        (&again, Some(CommandCode::Duplicate)),
        (&late, Some(CommandCode::Duplicate)),
    ] {
        let id = rig.give(order);
        assert_eq!(rig.code(id), code, "{order:?}");
    }
    assert_eq!(rig.life(late.id), [CommandState::Expired; 2]);
}

#[test]
fn a_resume_supersedes_the_hold_it_overtakes_and_the_other_way_round() {
    let mut rig = Rig::in_state(ControlState::Human);
    let hold = rig.send(CommandKind::Hold);
    let resume = rig.send(CommandKind::Resume);
    assert_eq!(rig.life(hold), [ACCEPTED, CommandState::Superseded]);
    rig.send(CommandKind::Hold);
    assert_eq!(rig.life(resume), [ACCEPTED, CommandState::Superseded]);
}

#[test]
fn a_hold_goes_on_under_the_fallback_that_follows() {
    let mut rig = Rig::in_state(ControlState::Human);
    let hold = rig.send(CommandKind::Hold);
    rig.wait(2_000);
    assert_eq!((rig.state(), rig.life(hold)), (ControlState::Fallback, vec![ACCEPTED]));
    rig.world(STANDING);
    assert_eq!(rig.life(hold), [ACCEPTED, COMPLETED]);
}

#[test]
fn a_person_who_takes_a_moving_fallback_over_supersedes_what_waited_for_its_standstill() {
    let mut rig = Rig::vehicle();
    let order = rig.stranger(CommandKind::Hold);
    let hold = rig.give(&order);
    rig.claim();
    rig.engage();
    rig.send(CommandKind::Assume);
    assert_eq!(rig.state(), ControlState::Human);
    assert_eq!(rig.life(hold), [ACCEPTED, CommandState::Superseded]);
}

#[test]
fn a_reboot_in_each_state_comes_back_no_less_safe() {
    for state in ControlState::ALL {
        let mut rig = Rig::in_state(*state);
        let record = rig.gate.take_record().unwrap();
        let timers = Timers::for_kind(AgentKind::Vehicle);
        let gate = Gate::restore(identity(AgentKind::Vehicle), timers, DRIVING, &record);
        let stopped = matches!(state, ControlState::Estopped | ControlState::OutOfService);
        let expected = if stopped { *state } else { ControlState::Fallback };
        assert_eq!(gate.state(), expected, "from {state}");
        assert_eq!(gate.latches().len(), 1);
        assert!(stopped || matches!(gate.directive().mode, Mode::Fallback(_)), "acts before any monitor");
    }
}

#[test]
fn a_restored_fallback_is_verified_too() {
    let mut rig = Rig::in_state(ControlState::Fallback);
    let record = rig.gate.take_record().unwrap();
    let timers = Timers::for_kind(AgentKind::Vehicle);
    let world = World { progressing: Some(false), ..DRIVING };
    let mut rig = Rig::around(Gate::restore(identity(AgentKind::Vehicle), timers, world, &record));
    rig.wait(0);
    rig.wait(800);
    assert_eq!(level(&rig), 2);
}

#[test]
fn only_a_good_shutdown_or_an_agent_that_cannot_move_starts_autonomous_again() {
    for (kind, clean, expected) in [
        (AgentKind::Vehicle, false, ControlState::Fallback),
        (AgentKind::Vehicle, true, ControlState::Autonomous),
        (AgentKind::Generic, false, ControlState::Autonomous),
    ] {
        let mut gate = Gate::new(identity(kind), Timers::for_kind(kind), DRIVING);
        let record = if clean { gate.shutdown_record() } else { gate.take_record().unwrap() };
        let gate = Gate::restore(identity(kind), Timers::for_kind(kind), DRIVING, &record);
        assert_eq!(gate.state(), expected, "{kind} clean={clean}");
    }
}

#[test]
fn a_demand_that_is_not_open_cannot_end() {
    let mut rig = Rig::in_state(ControlState::Requested);
    let open = rig.open_demand();
    rig.gate.handle_demand_end(DemandId(12_345), DemandOutcome::SelfCleared, rig.now);
    assert_eq!((rig.state(), rig.open_demand()), (ControlState::Requested, open));
}

#[test]
fn row_10_a_latch_that_came_after_engage_bars_the_way() {
    let mut rig = Rig::in_state(ControlState::SafeHeld);
    rig.claim();
    rig.engage();
    assert!(rig.welcome(1, &[FOREIGN], true));
    rig.send(CommandKind::Assume);
    assert_eq!(rig.state(), ControlState::InTransition);
    rig.wait_holding(10_000);
    assert_eq!((rig.state(), rig.gate.latches().len()), (ControlState::SafeHeld, 2));
}
