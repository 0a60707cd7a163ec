//! One test per row of `takeover.md` 1.2 that is built, and one per defect that was found: rows 1 to 20.
//! The rest is in `gate_stop_scripts`.

#[path = "support/rig.rs"]
#[allow(dead_code, reason = "each file of scripts uses a part of it")]
mod rig;

use rig::{BOOT, DRIVING, OTHER_BOOT, Order, Rig, STANDING, identity};
use std::time::Duration;
use watchkeeper_model::{
    AgentKind, CommandCode, CommandKind, CommandState, ControlState, DemandOrigin, DemandOutcome, Epoch,
    FallbackLevel, Latch, LatchCause, LatchId,
};
use watchkeeper_takeover::{Gate, Mode, NewDemand, Timers, World};

const ACCEPTED: CommandState = CommandState::Accepted;
const COMPLETED: CommandState = CommandState::Completed;
const FOREIGN: Latch = Latch { latch_id: LatchId(77), cause: LatchCause::Fallback };

fn level(rig: &Rig) -> u8 {
    rig.gate.fallback_level().expect("a fallback acts").get()
}

#[test]
fn row_1_nothing_starts_before_the_first_reconcile() {
    let timers = Timers::for_kind(AgentKind::Vehicle);
    let mut rig = Rig::around(Gate::new(identity(AgentKind::Vehicle), timers, DRIVING));
    assert_eq!(rig.mode(), Mode::SafePolicy);
    rig.demand(DemandOrigin::Monitor);
    rig.claim();
    assert_eq!((rig.state(), rig.gate.epoch()), (ControlState::Autonomous, Epoch(0)));
    let id = rig.send(CommandKind::Resume);
    assert_eq!(rig.code(id), Some(CommandCode::TemporarilyRejected));
    rig.gate.handle_link_lost(rig.now);
    rig.wait(60_000);
    assert_eq!(rig.state(), ControlState::Autonomous, "what it never had it cannot lose");
    assert!(rig.welcome(1, &[], true));
    assert_eq!(rig.mode(), Mode::Autonomous);
}

#[test]
fn row_1_a_monitor_from_a_restored_backup_does_not_lead() {
    let mut rig = Rig::vehicle();
    assert!(rig.welcome(7, &[], true));
    assert!(!rig.welcome(6, &[FOREIGN], true));
    assert!(rig.gate.latches().is_empty());
}

#[test]
fn row_5_a_demand_starts_t_demand_and_a_second_one_does_not_extend_it() {
    let mut rig = Rig::in_state(ControlState::Requested);
    rig.wait(9_000);
    rig.demand(DemandOrigin::Monitor);
    assert_eq!(rig.gate.demand(rig.now).unwrap().1, Duration::from_secs(1));
}

#[test]
fn row_5_a_copy_of_a_demand_that_ended_opens_none() {
    let mut rig = Rig::in_state(ControlState::Requested);
    let demand_id = rig.open_demand();
    rig.gate.handle_demand_end(demand_id, DemandOutcome::SelfCleared, rig.now);
    let left = Duration::from_secs(9);
    let copy = NewDemand { demand_id, origin: DemandOrigin::Monitor, critical: true, left };
    rig.gate.handle_demand(copy, rig.now);
    assert_eq!(rig.state(), ControlState::Autonomous);
}

#[test]
fn row_6_a_demand_clears_itself_only_while_unclaimed() {
    for (state, after) in
        [(ControlState::Requested, ControlState::Autonomous), (ControlState::Claimed, ControlState::Claimed)]
    {
        let mut rig = Rig::in_state(state);
        let demand_id = rig.open_demand();
        rig.gate.handle_demand_end(demand_id, DemandOutcome::SelfCleared, rig.now);
        assert_eq!(rig.state(), after);
    }
}

#[test]
fn row_6b_a_stray_wish_costs_no_fallback() {
    for claimed in [false, true] {
        let mut rig = Rig::vehicle();
        rig.demand(DemandOrigin::Operator);
        let demand_id = rig.open_demand();
        if claimed {
            rig.claim();
        }
        rig.wait_holding(9_900);
        assert_ne!(rig.state(), ControlState::Autonomous);
        rig.wait_holding(100);
        assert_eq!(rig.state(), ControlState::Autonomous);
        assert_eq!(rig.gate.last_demand_outcome(), Some((demand_id, DemandOutcome::Cancelled)));
        assert_eq!(rig.gate.epoch(), Epoch(0));
    }
}

#[test]
fn row_6b_a_wish_that_runs_out_in_transition_costs_no_fallback_and_fails_its_engage() {
    let mut rig = Rig::vehicle();
    rig.demand(DemandOrigin::Operator);
    rig.wait(5_000);
    rig.claim();
    let engage = rig.engage();
    rig.wait_holding(5_000);
    assert_eq!(rig.state(), ControlState::Autonomous);
    assert_eq!(rig.life(engage), [ACCEPTED, CommandState::Failed]);
}

#[test]
fn row_6b_only_an_operators_demand_can_be_cancelled() {
    let mut rig = Rig::in_state(ControlState::Requested);
    let demand_id = rig.open_demand();
    rig.gate.handle_demand_end(demand_id, DemandOutcome::Cancelled, rig.now);
    assert_eq!(rig.state(), ControlState::Requested);
}

#[test]
fn row_6c_the_holder_dismisses_a_false_alarm() {
    let mut rig = Rig::in_state(ControlState::Claimed);
    let demand_id = rig.open_demand();
    let id = rig.send(CommandKind::Dismiss);
    assert_eq!(rig.state(), ControlState::Autonomous);
    assert_eq!(rig.gate.last_demand_outcome(), Some((demand_id, DemandOutcome::Dismissed)));
    rig.world(DRIVING);
    assert_eq!(rig.life(id), [ACCEPTED, COMPLETED]);
}

#[test]
fn row_7_a_grant_claims_and_a_copy_of_it_or_an_older_one_grants_nothing() {
    let mut rig = Rig::in_state(ControlState::Claimed);
    rig.gate.handle_void(rig.epoch, rig.now);
    assert_eq!(rig.state(), ControlState::Requested);
    rig.gate.handle_grant(rig.epoch, BOOT, rig.now);
    assert_eq!(rig.state(), ControlState::Requested);
    rig.gate.handle_grant(rig.epoch.next(), OTHER_BOOT, rig.now);
    assert_eq!(rig.state(), ControlState::Requested);
}

#[test]
fn row_7_a_grant_that_comes_after_its_void_grants_nothing() {
    let mut rig = Rig::in_state(ControlState::Requested);
    let epoch = rig.gate.highest_epoch().next();
    rig.gate.handle_void(epoch, rig.now);
    rig.gate.handle_grant(epoch, BOOT, rig.now);
    assert_eq!(rig.state(), ControlState::Requested);
}

#[test]
fn row_8_a_lost_claim_goes_back_and_t_demand_goes_on() {
    let mut rig = Rig::in_state(ControlState::Claimed);
    rig.wait(1_999);
    assert_eq!(rig.state(), ControlState::Claimed);
    rig.wait(1);
    assert_eq!(rig.state(), ControlState::Requested);
    assert_eq!(rig.gate.demand(rig.now).unwrap().1, Duration::from_secs(8));
}

#[test]
fn row_8_release_and_a_welcome_without_the_lease_end_a_claim() {
    let mut rig = Rig::in_state(ControlState::Claimed);
    rig.send(CommandKind::Release);
    assert_eq!(rig.state(), ControlState::Requested);
    let mut rig = Rig::in_state(ControlState::Claimed);
    assert!(rig.welcome(1, &[], false));
    assert_eq!(rig.state(), ControlState::Requested);
}

#[test]
fn row_9_engage_needs_a_ready_holder_and_leaves_the_agent_in_control() {
    let mut rig = Rig::in_state(ControlState::Claimed);
    rig.beat(false);
    let id = rig.engage();
    assert_eq!((rig.code(id), rig.state()), (Some(CommandCode::Precondition), ControlState::Claimed));
    rig.beat(true);
    rig.engage();
    assert_eq!((rig.state(), rig.mode()), (ControlState::InTransition, Mode::Autonomous));
}

#[test]
fn row_10_the_first_command_takes_over_once_stable() {
    let mut rig = Rig::in_state(ControlState::InTransition);
    let demand_id = rig.open_demand();
    rig.world(World { stable: false, ..DRIVING });
    let id = rig.send(CommandKind::Assume);
    rig.wait_holding(200);
    assert_eq!(rig.state(), ControlState::InTransition);
    rig.world(DRIVING);
    rig.wait(99);
    assert_eq!(rig.state(), ControlState::InTransition);
    rig.wait(1);
    assert_eq!((rig.state(), rig.mode()), (ControlState::Human, Mode::Human { hold: false }));
    assert_eq!(rig.life(id), [ACCEPTED, COMPLETED]);
    assert_eq!(rig.gate.last_demand_outcome(), Some((demand_id, DemandOutcome::Human)));
}

#[test]
fn row_10_an_assume_of_a_holder_who_is_not_ready_waits_without_a_busy_loop() {
    let mut rig = Rig::in_state(ControlState::InTransition);
    rig.beat(false);
    rig.send(CommandKind::Assume);
    rig.gate.handle_timeout(rig.now);
    assert!(rig.gate.poll_timeout().unwrap() > rig.now);
    rig.wait(100);
    assert_eq!(rig.state(), ControlState::InTransition);
    rig.beat(true);
    assert_eq!(rig.state(), ControlState::Human);
}

#[test]
fn row_10_no_command_but_assume_takes_over_or_acts_in_transition() {
    for kind in [CommandKind::Resume, CommandKind::HandBack, CommandKind::Dismiss, CommandKind::Engage] {
        let mut rig = Rig::in_state(ControlState::InTransition);
        let id = rig.send(kind);
        assert_eq!((rig.state(), rig.life(id)), (ControlState::InTransition, vec![CommandState::Rejected]));
    }
}

#[test]
fn row_11_a_lost_holder_rolls_back_to_requested_and_fails_the_engage() {
    let mut rig = Rig::in_state(ControlState::Claimed);
    let engage = rig.engage();
    rig.wait(2_000);
    assert_eq!(rig.state(), ControlState::Requested);
    assert_eq!(rig.life(engage), [ACCEPTED, CommandState::Failed]);
    let mut rig = Rig::in_state(ControlState::InTransition);
    assert!(rig.welcome(1, &[], false));
    assert_eq!(rig.state(), ControlState::Requested);
}

#[test]
fn row_11_a_transition_out_of_a_fallback_rolls_back_to_it_and_the_level_stays() {
    let mut rig = Rig::in_state(ControlState::Fallback);
    rig.claim();
    rig.engage();
    assert_eq!(rig.mode(), Mode::Fallback(FallbackLevel::COMFORTABLE), "it keeps acting");
    rig.world(World { progressing: Some(false), ..DRIVING });
    rig.wait(800);
    assert_eq!((rig.state(), level(&rig)), (ControlState::InTransition, 2));
    rig.send(CommandKind::Release);
    assert_eq!((rig.state(), level(&rig)), (ControlState::Fallback, 2));
    rig.wait(800);
    assert_eq!(level(&rig), 3);
}

#[test]
fn row_11_a_standstill_lost_under_a_transition_is_acted_on() {
    let mut rig = Rig::in_state(ControlState::SafeHeld);
    rig.claim();
    rig.engage();
    assert_eq!(rig.mode(), Mode::Held);
    rig.world(DRIVING);
    assert_eq!(
        (rig.state(), rig.mode()),
        (ControlState::InTransition, Mode::Fallback(FallbackLevel::CONTAIN))
    );
}

#[test]
fn row_12_t_demand_fires_exactly_at_its_end_from_every_state_that_waits() {
    for state in [ControlState::Requested, ControlState::Claimed, ControlState::InTransition] {
        let mut rig = Rig::in_state(state);
        let demand_id = rig.open_demand();
        rig.wait_holding(9_900);
        rig.beat(true);
        rig.wait(99);
        assert_eq!(rig.state(), state);
        rig.wait(1);
        assert_eq!((rig.state(), level(&rig)), (ControlState::Fallback, 1));
        assert_eq!(rig.gate.last_demand_outcome(), Some((demand_id, DemandOutcome::Fallback)));
        assert_eq!(rig.gate.epoch(), Epoch(0));
    }
}

#[test]
fn row_13_hand_back_needs_an_agent_that_can_drive() {
    let mut rig = Rig::in_state(ControlState::Human);
    rig.world(World { can_resume: false, ..DRIVING });
    let id = rig.send(CommandKind::HandBack);
    assert_eq!((rig.code(id), rig.state()), (Some(CommandCode::Precondition), ControlState::Human));
}

#[test]
fn row_14_the_agent_drives_again_once_stable_and_the_epoch_is_closed() {
    let mut rig = Rig::in_state(ControlState::Returning);
    rig.world(DRIVING);
    rig.wait(100);
    assert_eq!((rig.state(), rig.gate.epoch()), (ControlState::Autonomous, Epoch(0)));
    let id = rig.send(CommandKind::Resume);
    assert_eq!(rig.code(id), Some(CommandCode::StaleEpoch));
}

#[test]
fn row_14_the_agent_does_not_drive_again_with_a_latch_held() {
    let mut rig = Rig::in_state(ControlState::Returning);
    assert!(rig.welcome(1, &[FOREIGN], true));
    rig.world(DRIVING);
    rig.wait(200);
    assert_eq!(rig.state(), ControlState::Returning);
}

#[test]
fn row_14_an_agent_that_cannot_resume_waits_without_a_busy_loop() {
    let mut rig = Rig::in_state(ControlState::Returning);
    rig.world(World { can_resume: false, ..DRIVING });
    rig.wait(200);
    assert!(rig.gate.poll_timeout().unwrap() > rig.now);
}

#[test]
fn row_15_a_hand_back_that_takes_too_long_leaves_the_person_in_control() {
    let mut rig = Rig::in_state(ControlState::Human);
    rig.world(World { stable: false, ..DRIVING });
    let id = rig.send(CommandKind::HandBack);
    rig.wait_holding(10_000);
    assert_eq!(rig.state(), ControlState::Human);
    assert_eq!(rig.life(id), [ACCEPTED, CommandState::Failed]);
}

#[test]
fn row_15_a_hold_while_handing_back_keeps_the_person_in_control() {
    let mut rig = Rig::in_state(ControlState::Returning);
    rig.send(CommandKind::Hold);
    assert_eq!((rig.state(), rig.mode()), (ControlState::Human, Mode::Human { hold: true }));
}

#[test]
fn row_18_a_silent_holder_means_level_1_exactly_after_t_link() {
    for state in [ControlState::Human, ControlState::Returning] {
        let mut rig = Rig::in_state(state);
        rig.wait(1_999);
        assert_eq!(rig.state(), state);
        rig.wait(1);
        assert_eq!((rig.state(), level(&rig)), (ControlState::Fallback, 1));
    }
}

#[test]
fn row_18_not_ready_is_neutral_at_once_and_a_fallback_after_t_ready() {
    let mut rig = Rig::in_state(ControlState::Human);
    rig.beat(false);
    assert_eq!((rig.state(), rig.mode()), (ControlState::Human, Mode::Neutral));
    for _ in 0..9 {
        rig.wait(100);
        rig.beat(false);
    }
    rig.wait(99);
    assert_eq!(rig.state(), ControlState::Human);
    rig.wait(1);
    assert_eq!(rig.state(), ControlState::Fallback);
}

#[test]
fn row_18_late_old_and_foreign_heartbeats_renew_nothing() {
    let mut rig = Rig::in_state(ControlState::Human);
    rig.wait(1_000);
    let beat = |epoch, seq, deadline| watchkeeper_takeover::HolderBeat {
        epoch,
        seq,
        ready: true,
        deadline,
        setpoint: None,
        latency: None,
    };
    rig.gate.handle_holder(beat(rig.epoch, 99, rig.now), rig.now);
    rig.gate.handle_holder(beat(rig.epoch, rig.beat_seq, rig.at(500)), rig.now);
    rig.gate.handle_holder(beat(rig.epoch.next(), 99, rig.at(500)), rig.now);
    rig.wait(1_000);
    assert_eq!(rig.state(), ControlState::Fallback);
}

#[test]
fn row_18_at_standstill_the_level_is_0_for_the_grace_time() {
    let mut rig = Rig::in_state(ControlState::Human);
    rig.world(World { standstill: true, ..DRIVING });
    rig.send(CommandKind::Release);
    assert_eq!((rig.state(), level(&rig)), (ControlState::Fallback, 0));
    rig.wait(4_999);
    assert_eq!(level(&rig), 0);
    rig.wait(1);
    assert_eq!(level(&rig), 1);
}

#[test]
fn row_18_level_0_ends_when_the_standstill_does() {
    let mut rig = Rig::in_state(ControlState::Human);
    rig.world(World { standstill: true, ..DRIVING });
    rig.send(CommandKind::Release);
    rig.world(DRIVING);
    assert_eq!((rig.state(), level(&rig)), (ControlState::Fallback, 1));
}

#[test]
fn row_18_the_end_of_grace_does_not_throw_out_who_is_taking_over() {
    let mut rig = Rig::in_state(ControlState::Human);
    rig.world(World { standstill: true, ..DRIVING });
    rig.send(CommandKind::Release);
    rig.wait(4_900);
    rig.claim();
    rig.engage();
    rig.wait_holding(200);
    assert_eq!((rig.state(), level(&rig)), (ControlState::InTransition, 1));
}

#[test]
fn row_19_a_strangers_hold_is_level_1_and_the_highest_level_wins() {
    for state in ControlState::ALL {
        if matches!(
            state,
            ControlState::SafeHeld
                | ControlState::FallbackFailed
                | ControlState::Estopped
                | ControlState::Local
                | ControlState::OutOfService
        ) {
            continue;
        }
        let mut rig = Rig::in_state(*state);
        let hold = rig.stranger(CommandKind::Hold);
        rig.give(&hold);
        assert_eq!((rig.state(), level(&rig)), (ControlState::Fallback, 1), "from {state}");
        let mut risk = rig.stranger(CommandKind::MinimalRisk);
        risk.args.level = Some(FallbackLevel::EMERGENCY);
        rig.give(&risk);
        let hold = rig.stranger(CommandKind::Hold);
        rig.give(&hold);
        assert_eq!(level(&rig), 3);
    }
}

#[test]
fn row_19_a_hold_under_an_old_epoch_is_a_strangers_hold() {
    let mut rig = Rig::in_state(ControlState::Human);
    let order = Order { epoch: Epoch(999), ..rig.order(CommandKind::Hold) };
    rig.give(&order);
    assert_eq!(rig.state(), ControlState::Fallback);
}

#[test]
fn row_20_a_new_episode_starts_at_its_own_level() {
    let mut rig = Rig::in_state(ControlState::SafeHeld);
    rig.world(DRIVING);
    rig.world(STANDING);
    rig.clear(LatchCause::Fallback);
    assert_eq!(rig.state(), ControlState::Autonomous);
    rig.send(CommandKind::Estop);
    rig.clear(LatchCause::Estop);
    assert_eq!((rig.state(), level(&rig)), (ControlState::SafeHeld, 0));
}
