//! Where the gate's checks, bounds and reports begin and end: each test is one that a small change of the code would
//! pass otherwise. The rows themselves are in the other scripts.

#[path = "support/rig.rs"]
#[allow(dead_code, reason = "each file of scripts uses a part of it")]
mod rig;

use rig::{BOOT, DRIVING, OTHER_BOOT, Order, Rig, STANDING, identity};
use std::time::Duration;
use watchkeeper_model::{
    AgentKind, CommandCode, CommandKind, CommandState, ControlState, DemandOrigin, DemandOutcome, Epoch,
    FallbackCause, FallbackLevel, Incarnation, Latch, LatchCause, LatchId,
};
use watchkeeper_takeover::{Gate, GateOutput, GateRecord, Mode, Timers, World};

const ACCEPTED: CommandState = CommandState::Accepted;
const SUPERSEDED: CommandState = CommandState::Superseded;

fn level(rig: &Rig) -> u8 {
    rig.gate.fallback_level().expect("a fallback acts").get()
}

fn latches(cause: LatchCause, ids: impl Iterator<Item = u64>) -> Vec<Latch> {
    ids.map(|id| Latch { latch_id: LatchId(id), cause }).collect()
}

fn cap(rig: &mut Rig, speed_mps: f64) -> Order {
    let mut order = rig.order(CommandKind::SpeedCap);
    order.args.speed_mps = Some(speed_mps);
    order
}

fn unreconciled(kind: AgentKind) -> Rig {
    Rig::around(Gate::new(identity(kind), Timers::for_kind(kind), DRIVING))
}

// Records and reboots.

fn record() -> GateRecord {
    unreconciled(AgentKind::Generic).gate.shutdown_record()
}

fn restored(record: &GateRecord) -> Gate {
    let kind = AgentKind::Generic;
    Gate::restore(identity(kind), Timers::for_kind(kind), DRIVING, record)
}

#[test]
fn a_reboot_falls_back_for_a_latch_alone_a_demand_alone_or_a_state_alone() {
    assert_eq!(restored(&record()).state(), ControlState::Autonomous);
    let latches = latches(LatchCause::Fallback, 7..8);
    for unsafe_end in [
        GateRecord { latches, ..record() },
        GateRecord { demand_open: true, ..record() },
        GateRecord { control_state: ControlState::Requested, ..record() },
    ] {
        assert_eq!(restored(&unsafe_end).state(), ControlState::Fallback, "{unsafe_end:?}");
    }
    let hard = GateRecord { fallback_level: FallbackLevel::CONTAIN, demand_open: true, ..record() };
    assert_eq!(restored(&hard).fallback_level(), Some(FallbackLevel::CONTAIN));
}

#[test]
fn a_reboot_stays_stopped_for_the_latch_alone_or_the_state_alone() {
    let latches = latches(LatchCause::Estop, 7..8);
    for stopped in
        [GateRecord { latches, ..record() }, GateRecord { control_state: ControlState::Estopped, ..record() }]
    {
        let gate = restored(&stopped);
        assert_eq!(gate.state(), ControlState::Estopped, "{stopped:?}");
        let causes: Vec<_> = gate.latches().iter().map(|latch| latch.cause).collect();
        assert_eq!(causes, [LatchCause::Estop]);
    }
}

#[test]
fn a_restored_stop_is_verified_too() {
    let stopped = GateRecord { control_state: ControlState::Estopped, ..record() };
    let mut rig = Rig::around(restored(&stopped));
    rig.world(World { progressing: None, ..DRIVING });
    rig.wait(2_499);
    assert!(!rig.gate.is_unverified());
    rig.wait(1);
    assert!(rig.gate.is_unverified());
}

#[test]
fn the_highest_incarnation_is_remembered_and_a_void_that_is_no_news_is_not_written() {
    let mut rig = Rig::in_state(ControlState::Claimed);
    assert!(rig.welcome(7, &[], true));
    assert_eq!(rig.gate.highest_incarnation(), Incarnation(7));
    let epoch = rig.gate.highest_epoch();
    rig.gate.handle_void(epoch, rig.now);
    assert!(rig.gate.take_record().is_some());
    rig.gate.handle_void(epoch, rig.now);
    assert_eq!(rig.gate.take_record(), None);
}

// What is told.

#[test]
fn a_change_of_what_the_agent_can_do_is_reported_and_nothing_else_of_the_world() {
    let mut rig = Rig::vehicle();
    for (world, news) in [
        (DRIVING, 0),
        (World { stable: false, ..DRIVING }, 0),
        (World { can_resume: false, ..DRIVING }, 1),
        (World { condition_reached: true, ..DRIVING }, 1),
    ] {
        rig.world(DRIVING);
        let before = rig.reports;
        rig.world(world);
        assert_eq!(rig.reports, before + news, "{world:?}");
    }
}

#[test]
fn a_step_raises_the_version_is_reported_and_is_to_be_written() {
    let mut rig = Rig::vehicle();
    let (version, reports) = (rig.gate.state_version(), rig.reports);
    assert!(rig.gate.take_record().is_some());
    rig.demand(DemandOrigin::Monitor);
    rig.wait(0);
    assert_eq!((rig.gate.state_version(), rig.reports), (version.next(), reports + 1));
    assert!(rig.gate.take_record().is_some_and(|record| record.demand_open));
}

#[test]
fn two_reports_in_a_row_are_one() {
    let mut rig = Rig::vehicle();
    rig.gate.handle_world(World { can_resume: false, ..DRIVING }, rig.now);
    rig.gate.handle_world(DRIVING, rig.now);
    assert_eq!(rig.gate.poll_output(), Some(GateOutput::Report));
    assert_eq!(rig.gate.poll_output(), None);
}

#[test]
fn what_nobody_fetches_does_not_grow_without_bound() {
    let mut rig = Rig::vehicle();
    for _ in 0..100 {
        let order = rig.order(CommandKind::Resume);
        rig.give_untold(&order);
    }
    rig.gate.handle_world(World { can_resume: false, ..DRIVING }, rig.now);
    let told = std::iter::from_fn(|| rig.gate.poll_output()).count();
    assert_eq!(told, 64);
}

#[test]
fn nothing_is_due_and_nothing_unverified_in_an_agent_that_drives_by_itself() {
    let rig = Rig::vehicle();
    assert_eq!((rig.gate.poll_timeout(), rig.gate.is_unverified()), (None, false));
}

// Demands and grants.

#[test]
fn row_5_a_demand_opens_nothing_before_the_first_reconcile_or_outside_of_autonomous() {
    let mut rig = unreconciled(AgentKind::Vehicle);
    rig.demand(DemandOrigin::Monitor);
    assert_eq!(rig.gate.demand(rig.now), None);
    for state in [ControlState::Human, ControlState::Fallback, ControlState::Estopped] {
        let mut rig = Rig::in_state(state);
        rig.demand(DemandOrigin::Monitor);
        assert_eq!((rig.gate.demand(rig.now), rig.state()), (None, state));
    }
}

#[test]
fn row_6b_an_operators_own_wish_can_be_cancelled_claimed_or_not() {
    for is_claimed in [false, true] {
        let mut rig = Rig::vehicle();
        rig.demand(DemandOrigin::Operator);
        let demand_id = rig.open_demand();
        if is_claimed {
            rig.claim();
        }
        rig.gate.handle_demand_end(demand_id, DemandOutcome::Cancelled, rig.now);
        assert_eq!((rig.state(), rig.gate.epoch()), (ControlState::Autonomous, Epoch(0)));
        assert_eq!(rig.gate.last_demand_outcome(), Some((demand_id, DemandOutcome::Cancelled)));
    }
}

#[test]
fn row_7_a_grant_while_somebody_at_the_agent_has_control_grants_nothing_also_later() {
    let mut rig = Rig::in_state(ControlState::Requested);
    let epoch = rig.gate.highest_epoch().next();
    rig.world(World { local_override: true, ..DRIVING });
    rig.gate.handle_grant(epoch, BOOT, rig.now);
    assert_eq!((rig.gate.epoch(), rig.gate.highest_epoch()), (Epoch(0), epoch));
    rig.world(DRIVING);
    rig.gate.handle_grant(epoch, BOOT, rig.now);
    assert_eq!(rig.gate.epoch(), Epoch(0));
}

#[test]
fn row_11_who_is_lost_in_transition_holds_nothing_any_more() {
    let mut rig = Rig::in_state(ControlState::InTransition);
    rig.wait(2_000);
    assert_eq!((rig.state(), rig.gate.epoch()), (ControlState::Requested, Epoch(0)));
}

#[test]
fn row_18_a_driver_who_is_there_needs_no_monitor() {
    let mut rig = Rig::in_state(ControlState::Human);
    rig.gate.handle_link_lost(rig.now);
    rig.wait_holding(31_000);
    assert_eq!(rig.state(), ControlState::Human);
    rig.world(World { stable: false, ..DRIVING });
    rig.send(CommandKind::HandBack);
    rig.world(DRIVING);
    rig.beat(true);
    rig.wait(100);
    assert_eq!((rig.state(), level(&rig)), (ControlState::Fallback, 1), "an agent by itself does");
}

// What a command must pass.

#[test]
fn row_19_what_is_meant_for_another_boot_or_comes_late_is_level_1() {
    let mut rig = Rig::in_state(ControlState::Human);
    let order = Order { boot_id: OTHER_BOOT, ..rig.order(CommandKind::Hold) };
    rig.give(&order);
    assert_eq!((rig.state(), level(&rig)), (ControlState::Fallback, 1));
    for late in [false, true] {
        let mut rig = Rig::vehicle();
        let mut order = rig.stranger(CommandKind::MinimalRisk);
        order.args.level = Some(FallbackLevel::EMERGENCY);
        if late {
            order.deadline = rig.now;
        } else {
            order.boot_id = OTHER_BOOT;
        }
        rig.give(&order);
        assert_eq!((rig.state(), level(&rig)), (ControlState::Fallback, 1), "late: {late}");
    }
}

#[test]
fn row_19_level_0_is_no_minimal_risk() {
    let mut rig = Rig::vehicle();
    let mut order = rig.stranger(CommandKind::MinimalRisk);
    order.args.level = Some(FallbackLevel::HOLD);
    let id = rig.give(&order);
    assert_eq!((rig.code(id), rig.state()), (Some(CommandCode::Denied), ControlState::Autonomous));
}

#[test]
fn a_second_hold_and_a_holder_who_is_not_ready_change_nothing_of_a_hold() {
    let mut rig = Rig::in_state(ControlState::Human);
    let hold = rig.send(CommandKind::Hold);
    let version = rig.gate.state_version();
    let again = rig.send(CommandKind::Hold);
    assert_eq!(rig.gate.state_version(), version);
    assert_eq!((rig.life(hold), rig.life(again)), (vec![ACCEPTED], vec![ACCEPTED]));
    rig.beat(false);
    assert_eq!(rig.mode(), Mode::Human { hold: true });
}

/// Why the lease of somebody ended who said that he is not ready, and then nothing more.
fn why_it_lapses(ready_millis: u64) -> (Option<FallbackCause>, u64) {
    let timers =
        Timers { ready: Duration::from_millis(ready_millis), ..Timers::for_kind(AgentKind::Vehicle) };
    let mut rig = Rig::around(Gate::new(identity(AgentKind::Vehicle), timers, DRIVING));
    rig.world(DRIVING);
    assert!(rig.welcome(1, &[], true));
    rig.wait(200);
    rig.demand(DemandOrigin::Monitor);
    rig.claim();
    rig.engage();
    rig.send(CommandKind::Assume);
    rig.beat(false);
    let mut lasted = 0;
    while rig.state() == ControlState::Human && lasted < 5_000 {
        rig.wait(1);
        lasted += 1;
    }
    (rig.gate.fallback_cause(), lasted)
}

#[test]
fn row_12_who_is_silent_is_lost_unless_he_was_not_ready_for_t_ready_before() {
    assert_eq!(why_it_lapses(1_999), (Some(FallbackCause::NotReady), 1_999));
    assert_eq!(why_it_lapses(2_000), (Some(FallbackCause::HolderLost), 2_000), "both at once");
    assert_eq!(why_it_lapses(2_001), (Some(FallbackCause::HolderLost), 2_000));
}

#[test]
fn a_speed_cap_is_a_finite_number_of_0_or_more() {
    let mut rig = Rig::vehicle();
    for speed in [-1.0, f64::NAN, f64::INFINITY] {
        let order = Order { epoch: Epoch(0), ..cap(&mut rig, speed) };
        let id = rig.give(&order);
        assert_eq!((rig.code(id), rig.gate.directive().speed_cap_mps), (Some(CommandCode::Denied), None));
    }
    let order = Order { epoch: Epoch(0), ..cap(&mut rig, 0.0) };
    rig.give(&order);
    assert_eq!(rig.gate.directive().speed_cap_mps, Some(0.0));
}

#[test]
fn who_drives_raises_a_cap_only_on_what_he_saw_and_keeps_or_lowers_it_on_anything() {
    let mut rig = Rig::in_state(ControlState::Human);
    let seen = Some(ControlState::Autonomous);
    for (speed, code) in [(5.0, None), (9.0, Some(CommandCode::Precondition)), (5.0, None), (3.0, None)] {
        let order = Order { expect_state: seen, ..cap(&mut rig, speed) };
        let id = rig.give(&order);
        assert_eq!(rig.code(id), code, "{speed}");
    }
    let order = Order { expect_state: Some(ControlState::Human), ..cap(&mut rig, 9.0) };
    rig.give(&order);
    assert_eq!(rig.gate.directive().speed_cap_mps, Some(9.0));
}

#[test]
fn a_cap_is_open_to_all_without_an_epoch_and_to_nobody_under_a_closed_one_or_twice() {
    let mut rig = Rig::in_state(ControlState::Claimed);
    let closed = rig.epoch;
    rig.gate.handle_void(closed, rig.now);
    let order = cap(&mut rig, 5.0);
    let id = rig.give(&order);
    assert_eq!(rig.code(id), Some(CommandCode::StaleEpoch));
    let mut rig = Rig::in_state(ControlState::Human);
    let order = Order { epoch: Epoch(0), seq: 0, ..cap(&mut rig, 5.0) };
    rig.give(&order);
    assert_eq!(rig.gate.directive().speed_cap_mps, Some(5.0));
    let order = Order { epoch: Epoch(0), seq: 0, ..cap(&mut rig, 7.0) };
    let id = rig.give(&order);
    assert_eq!(
        (rig.code(id), rig.gate.directive().speed_cap_mps),
        (None, Some(5.0)),
        "a stranger raises none"
    );
    let order = Order { seq: 0, ..cap(&mut rig, 4.0) };
    let id = rig.give(&order);
    assert_eq!(rig.code(id), Some(CommandCode::Duplicate));
}

#[test]
fn an_old_epoch_is_stale_before_it_is_late() {
    let mut rig = Rig::in_state(ControlState::Claimed);
    let old = rig.epoch;
    rig.gate.handle_void(old, rig.now);
    rig.claim();
    let order = Order { epoch: old, deadline: rig.now, ..rig.order(CommandKind::Engage) };
    let id = rig.give(&order);
    assert_eq!(rig.code(id), Some(CommandCode::StaleEpoch));
}

#[test]
fn an_exclusive_command_rests_on_the_state_and_the_version_that_its_sender_saw() {
    let mut rig = Rig::in_state(ControlState::Human);
    let order = rig.order(CommandKind::Resume);
    let version = rig.gate.state_version();
    let other_state = Order { expect_state: Some(ControlState::Returning), ..rig.order(CommandKind::Resume) };
    let other_version = Order { evidence_version: Some(version.next()), ..rig.order(CommandKind::Resume) };
    for (refused, code) in
        [(other_state, CommandCode::Precondition), (other_version, CommandCode::StaleEvidence)]
    {
        // Under the number of the order that follows: what is refused here uses none up.
        let id = rig.give(&Order { seq: order.seq, ..refused });
        assert_eq!(rig.code(id), Some(code));
    }
    let seen = (Some(ControlState::Human), Some(version));
    let id = rig.give(&Order { expect_state: seen.0, evidence_version: seen.1, ..order });
    assert_eq!(rig.code(id), None);
}

#[test]
fn what_waits_for_a_standstill_goes_on_under_a_transition_out_of_a_fallback() {
    let mut rig = Rig::vehicle();
    let order = rig.stranger(CommandKind::Hold);
    let hold = rig.give(&order);
    rig.claim();
    rig.engage();
    assert_eq!((rig.state(), rig.life(hold)), (ControlState::InTransition, vec![ACCEPTED]));
    rig.world(STANDING);
    assert_eq!(rig.life(hold), [ACCEPTED, CommandState::Completed]);
}

#[test]
fn a_fallback_and_a_stop_overtake_what_they_end() {
    for kind in [CommandKind::Engage, CommandKind::Resume, CommandKind::HandBack] {
        for stops in [false, true] {
            let is_engage = kind == CommandKind::Engage;
            let mut rig = Rig::in_state(if is_engage { ControlState::Claimed } else { ControlState::Human });
            rig.world(World { stable: false, ..DRIVING });
            let id = rig.send(kind);
            if stops {
                rig.gate.handle_own_stop(rig.now);
            } else {
                rig.gate.handle_minimal_risk_request(FallbackLevel::COMFORTABLE, rig.now);
            }
            rig.wait(0);
            assert_eq!(rig.life(id), [ACCEPTED, SUPERSEDED], "{kind}, stops: {stops}");
        }
    }
}

#[test]
fn a_ninth_command_pushes_out_the_oldest_and_a_ninth_stop_the_oldest_stop() {
    for kind in [CommandKind::Hold, CommandKind::Estop] {
        let mut rig = Rig::vehicle();
        let mut ids = Vec::new();
        for _ in 0..9 {
            let order = rig.stranger(kind);
            ids.push(rig.give(&order));
        }
        assert_eq!(rig.life(ids[0]), [ACCEPTED, SUPERSEDED], "{kind}");
        assert!(ids[1..].iter().all(|id| rig.life(*id) == [ACCEPTED]), "{kind}");
    }
}

#[test]
fn a_command_that_still_runs_is_not_forgotten_and_one_of_the_last_128_neither() {
    let mut rig = Rig::vehicle();
    let stop = rig.stranger(CommandKind::Estop);
    rig.give(&stop);
    let mut last = Vec::new();
    for _ in 0..300 {
        let order = rig.order(CommandKind::Resume);
        rig.give(&order);
        last.push(order);
    }
    for order in [&stop, &last[299], &last[173]] {
        let id = rig.give(order);
        assert_eq!(rig.code(id), Some(CommandCode::Duplicate));
    }
}

// Latches.

#[test]
fn thirteen_latches_are_adopted_and_one_of_each_cause_finds_room_beside_them() {
    let mut rig = Rig::vehicle();
    let mut many = latches(LatchCause::Fallback, 1..21);
    assert!(rig.welcome(1, &many, true));
    assert_eq!(rig.gate.latches(), &many[..13]);
    many.push(Latch { latch_id: LatchId(99), cause: LatchCause::Estop });
    assert!(rig.welcome(1, &many, true));
    assert_eq!((rig.state(), rig.gate.latches().len()), (ControlState::Estopped, 14));
}

#[test]
fn a_latch_of_the_monitors_stops_an_agent_or_makes_one_that_drives_by_itself_fall_back() {
    for state in [ControlState::Autonomous, ControlState::Requested, ControlState::Claimed] {
        for (cause, after) in
            [(LatchCause::Fallback, ControlState::Fallback), (LatchCause::Estop, ControlState::Estopped)]
        {
            let mut rig = Rig::in_state(state);
            assert!(rig.welcome(1, &latches(cause, 7..8), true));
            assert_eq!(rig.state(), after, "from {state}");
        }
    }
}

#[test]
fn an_adopted_latchs_id_is_never_given_again_and_the_monitors_ids_are_nobody_elses() {
    let first = LatchId::first_of(BOOT).0;
    for (adopted, minted) in [(first + 5, first + 6), (1 << 63, first), ((1 << 63) + 5, first)] {
        let mut rig = Rig::vehicle();
        assert!(rig.welcome(1, &latches(LatchCause::Fallback, adopted..=adopted), true));
        rig.send(CommandKind::Estop);
        let stop = rig.gate.latches().iter().find(|latch| latch.cause == LatchCause::Estop);
        assert_eq!(stop.map(|latch| latch.latch_id), Some(LatchId(minted)));
    }
}

// What shows and what does not.

#[test]
fn row_26_an_agent_that_stops_itself_latches_as_for_anybody_else() {
    for state in [ControlState::Autonomous, ControlState::Human, ControlState::SafeHeld] {
        let mut rig = Rig::in_state(state);
        rig.gate.handle_own_stop(rig.now);
        assert_eq!(
            (rig.state(), rig.mode(), rig.gate.epoch()),
            (ControlState::Estopped, Mode::Estop, Epoch(0))
        );
        assert!(rig.gate.latches().iter().any(|latch| latch.cause == LatchCause::Estop), "from {state}");
    }
}

#[test]
fn row_20_a_fallback_that_shows_its_effect_neither_gets_harder_nor_alarms() {
    let mut rig = Rig::in_state(ControlState::Fallback);
    rig.wait(5_000);
    assert_eq!((level(&rig), rig.gate.is_unverified()), (1, false));
}

#[test]
fn row_20_a_stop_or_a_level_3_without_effect_alarms_and_a_stop_that_is_confirmed_does_no_more() {
    let mut rig = Rig::vehicle();
    rig.gate.handle_minimal_risk_request(FallbackLevel::EMERGENCY, rig.now);
    rig.world(World { progressing: Some(false), ..DRIVING });
    rig.wait(800);
    assert!(rig.gate.is_unverified());
    let mut rig = Rig::in_state(ControlState::Estopped);
    rig.world(World { progressing: Some(false), ..DRIVING });
    rig.wait(800);
    assert!(rig.gate.is_unverified());
    rig.world(STANDING);
    assert_eq!((rig.gate.is_unverified(), rig.gate.poll_timeout()), (false, None));
}

#[test]
fn row_11_level_0_goes_on_under_a_transition_until_the_standstill_is_lost() {
    let mut rig = Rig::in_state(ControlState::Human);
    rig.world(World { standstill: true, ..DRIVING });
    rig.send(CommandKind::Release);
    rig.claim();
    rig.engage();
    rig.wait_holding(1_000);
    assert_eq!((rig.state(), rig.mode()), (ControlState::InTransition, Mode::Fallback(FallbackLevel::HOLD)));
    rig.world(DRIVING);
    assert_eq!(
        (rig.state(), rig.mode()),
        (ControlState::InTransition, Mode::Fallback(FallbackLevel::COMFORTABLE))
    );
}

#[test]
fn row_21_a_standstill_that_is_reached_under_a_transition_is_held_and_found_by_the_roll_back() {
    let mut rig = Rig::in_state(ControlState::Fallback);
    rig.claim();
    rig.engage();
    rig.world(STANDING);
    assert_eq!((rig.state(), rig.mode()), (ControlState::InTransition, Mode::Held));
    rig.send(CommandKind::Release);
    assert_eq!((rig.state(), rig.gate.epoch()), (ControlState::SafeHeld, Epoch(0)));
}

// Hands.

fn returning_from(steer: f64, accelerate: f64) -> Rig {
    let mut rig = Rig::in_state(ControlState::Human);
    rig.steer(steer, accelerate);
    rig.world(World { stable: false, ..DRIVING });
    rig.send(CommandKind::HandBack);
    assert_eq!(rig.state(), ControlState::Returning);
    rig
}

#[test]
fn row_15_a_tenth_of_the_way_is_a_resting_hand_and_more_is_not() {
    for (steer, accelerate) in [(0.1, 0.0), (0.0, 0.1), (-0.1, 0.0), (0.0, -0.1)] {
        let mut rig = returning_from(0.0, 0.0);
        rig.steer(steer, accelerate);
        assert_eq!(rig.state(), ControlState::Returning);
        rig.steer(steer * 1.1, accelerate * 1.1);
        assert_eq!(rig.state(), ControlState::Human);
    }
}

#[test]
fn row_15_hands_that_left_without_a_word_and_come_back_to_the_same_place_keep_it() {
    let mut rig = returning_from(0.5, 0.2);
    rig.beat(true);
    assert_eq!(rig.state(), ControlState::Returning);
    rig.steer(0.5, 0.2);
    assert_eq!(rig.state(), ControlState::Human);
}
