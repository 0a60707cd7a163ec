//! Rows 22, 22b, 28 and 29 of `takeover.md` 1.2: a fallback that does not work, maintenance, and somebody at the agent.

#[path = "support/rig.rs"]
#[allow(dead_code, reason = "each file of scripts uses a part of it")]
mod rig;

use rig::{DRIVING, Rig, STANDING, identity};
use watchkeeper_model::{
    AgentKind, CommandCode, CommandKind, CommandState, ControlState, DemandOutcome, Epoch, FallbackCause,
    FallbackLevel, LatchCause,
};
use watchkeeper_takeover::{Gate, Mode, Timers, World};

const LOCAL: World = World { local_override: true, ..DRIVING };
const STUCK: World = World { progressing: Some(false), ..DRIVING };

fn holds(rig: &Rig, cause: LatchCause) -> bool {
    rig.gate.latches().iter().any(|latch| latch.cause == cause)
}

fn reboot(rig: &Rig, world: World) -> Rig {
    let record = rig.gate.shutdown_record();
    let kind = AgentKind::Vehicle;
    let mut rig = Rig::around(Gate::restore(identity(kind), Timers::for_kind(kind), world, &record));
    rig.world(world);
    assert!(rig.welcome(1, &[], false));
    rig
}

#[test]
fn row_22_level_3_that_does_not_work_fails_and_is_kept_applied() {
    let mut rig = Rig::in_state(ControlState::Fallback);
    rig.world(STUCK);
    rig.wait(800);
    assert_eq!(rig.mode(), Mode::Fallback(FallbackLevel::CONTAIN));
    rig.wait(800);
    assert_eq!((rig.state(), rig.mode()), (ControlState::Fallback, Mode::Fallback(FallbackLevel::EMERGENCY)));
    rig.wait(800);
    assert_eq!(rig.state(), ControlState::FallbackFailed);
    assert_eq!((rig.mode(), rig.gate.is_unverified()), (Mode::Fallback(FallbackLevel::EMERGENCY), true));
    rig.wait(60_000);
    assert_eq!(rig.state(), ControlState::FallbackFailed, "nothing is harder");
}

#[test]
fn row_20_a_harder_level_gets_all_of_t_verify() {
    let mut rig = Rig::in_state(ControlState::Fallback);
    rig.world(STUCK);
    rig.wait(700);
    rig.gate.handle_minimal_risk_request(FallbackLevel::CONTAIN, rig.now);
    rig.wait(799);
    assert_eq!(rig.mode(), Mode::Fallback(FallbackLevel::CONTAIN));
    rig.wait(1);
    assert_eq!(rig.mode(), Mode::Fallback(FallbackLevel::EMERGENCY));
}

#[test]
fn row_22_absent_telemetry_is_no_failure() {
    let mut rig = Rig::vehicle();
    rig.gate.handle_minimal_risk_request(FallbackLevel::EMERGENCY, rig.now);
    rig.world(World { progressing: None, ..DRIVING });
    rig.wait(10_000);
    assert_eq!((rig.state(), rig.gate.is_unverified()), (ControlState::Fallback, true));
}

#[test]
fn row_22b_the_condition_confirmed_ends_a_failed_fallback_and_keeps_its_latch() {
    let mut rig = Rig::in_state(ControlState::FallbackFailed);
    rig.world(STANDING);
    assert_eq!((rig.state(), rig.gate.is_unverified()), (ControlState::SafeHeld, false));
    assert!(holds(&rig, LatchCause::Fallback));
}

#[test]
fn row_23_a_failed_fallback_is_taken_over_at_standstill_only() {
    let mut rig = Rig::in_state(ControlState::FallbackFailed);
    rig.claim();
    let id = rig.engage();
    assert_eq!(rig.code(id), Some(CommandCode::Precondition), "it moves");
    rig.world(World { standstill: true, ..STUCK });
    rig.engage();
    assert_eq!(
        (rig.state(), rig.mode()),
        (ControlState::InTransition, Mode::Fallback(FallbackLevel::EMERGENCY))
    );
    rig.send(CommandKind::Assume);
    rig.beat(true);
    assert_eq!(rig.state(), ControlState::Human);
}

#[test]
fn row_22_level_3_fails_also_under_a_transition_which_rolls_back_to_it() {
    let mut rig = Rig::in_state(ControlState::Fallback);
    rig.world(World { standstill: true, ..DRIVING });
    rig.claim();
    rig.engage();
    rig.world(World { standstill: true, ..STUCK });
    for _ in 0..30 {
        rig.wait(100);
        rig.beat(true);
    }
    assert_eq!(rig.gate.transition_from(), Some(ControlState::FallbackFailed));
    rig.wait(2_000);
    assert_eq!(rig.state(), ControlState::FallbackFailed);
    assert_eq!(rig.gate.fallback_level(), Some(FallbackLevel::EMERGENCY));
}

#[test]
fn row_22_a_reboot_out_of_a_failed_fallback_is_at_level_3() {
    let rig = reboot(&Rig::in_state(ControlState::FallbackFailed), DRIVING);
    assert_eq!(rig.mode(), Mode::Fallback(FallbackLevel::EMERGENCY));
}

#[test]
fn row_29_somebody_at_the_agent_takes_it_from_everybody() {
    for state in ControlState::ALL.iter().filter(|state| **state != ControlState::Local) {
        let mut rig = Rig::in_state(*state);
        let demand = rig.gate.demand(rig.now).map(|(demand_id, _)| demand_id);
        rig.world(LOCAL);
        assert_eq!((rig.state(), rig.mode(), rig.gate.epoch()), (ControlState::Local, Mode::Local, Epoch(0)));
        assert!(holds(&rig, LatchCause::Local), "from {state}");
        if let Some(demand_id) = demand {
            assert_eq!(rig.gate.last_demand_outcome(), Some((demand_id, DemandOutcome::Local)));
        }
    }
}

#[test]
fn row_29_nothing_from_afar_moves_it_and_no_minimal_risk_is_taken() {
    let mut rig = Rig::in_state(ControlState::Local);
    for kind in [CommandKind::Hold, CommandKind::MinimalRisk, CommandKind::Resume, CommandKind::Engage] {
        let id = rig.send(kind);
        assert_eq!(rig.code(id), Some(CommandCode::Precondition), "{kind}");
    }
    rig.claim();
    assert_eq!((rig.state(), rig.gate.epoch()), (ControlState::Local, Epoch(0)));
    rig.gate.handle_minimal_risk_request(FallbackLevel::EMERGENCY, rig.now);
    rig.gate.handle_link_lost(rig.now);
    rig.wait(60_000);
    assert_eq!(rig.state(), ControlState::Local);
}

#[test]
fn row_29_giving_it_up_always_latches_and_never_drives() {
    let mut rig = Rig::in_state(ControlState::Local);
    rig.world(DRIVING);
    assert_eq!(
        (rig.state(), rig.mode()),
        (ControlState::Fallback, Mode::Fallback(FallbackLevel::COMFORTABLE))
    );
    assert_eq!(rig.gate.fallback_cause(), Some(FallbackCause::Local));
    let mut rig = Rig::in_state(ControlState::Local);
    rig.world(STANDING);
    assert_eq!(rig.state(), ControlState::SafeHeld);
    rig.clear(LatchCause::Local);
    assert_eq!(rig.state(), ControlState::Autonomous, "a named person lets it go on");
}

#[test]
fn row_29_the_level_of_an_episode_outlives_local_control() {
    let mut rig = Rig::vehicle();
    rig.gate.handle_minimal_risk_request(FallbackLevel::CONTAIN, rig.now);
    rig.world(LOCAL);
    rig.world(DRIVING);
    assert_eq!(rig.mode(), Mode::Fallback(FallbackLevel::CONTAIN));
}

#[test]
fn row_26_an_estop_under_local_control_latches_and_stops_when_it_is_given_up() {
    let mut rig = Rig::in_state(ControlState::Local);
    let version = rig.gate.state_version();
    let id = rig.send(CommandKind::Estop);
    assert_eq!((rig.state(), rig.life(id)), (ControlState::Local, vec![CommandState::Accepted]));
    assert!(holds(&rig, LatchCause::Estop) && rig.gate.state_version() > version, "people see it");
    assert!(rig.detail(id).is_some_and(|detail| detail.contains("somebody at the agent")));
    rig.world(World { local_override: true, ..STANDING });
    assert_eq!(rig.life(id), [CommandState::Accepted], "standing is not being stopped");
    rig.world(DRIVING);
    assert_eq!((rig.state(), rig.mode()), (ControlState::Estopped, Mode::Estop));
    rig.world(STANDING);
    assert_eq!(rig.life(id), [CommandState::Accepted, CommandState::Completed]);
}

#[test]
fn row_26_an_estop_that_acts_at_once_waits_for_nobody() {
    let mut rig = Rig::vehicle();
    let id = rig.send(CommandKind::Estop);
    assert_eq!((rig.life(id), rig.detail(id)), (vec![CommandState::Accepted], None));
}

#[test]
fn row_29_a_first_start_under_local_control_is_local_from_its_first_moment() {
    let kind = AgentKind::Vehicle;
    let rig = Rig::around(Gate::new(identity(kind), Timers::for_kind(kind), LOCAL));
    assert_eq!((rig.state(), rig.mode()), (ControlState::Local, Mode::Local));
    assert!(holds(&rig, LatchCause::Local));
}

#[test]
fn row_29_a_reboot_under_local_control_is_local_again_or_latched() {
    let local = Rig::in_state(ControlState::Local);
    assert_eq!(reboot(&local, LOCAL).state(), ControlState::Local);
    assert_eq!(reboot(&local, DRIVING).state(), ControlState::Fallback);
    assert_eq!(reboot(&local, STANDING).state(), ControlState::SafeHeld);
}

#[test]
fn row_28_only_what_stands_safely_is_taken_out_of_service_and_it_comes_back_held() {
    for state in ControlState::ALL.iter().filter(|state| {
        !matches!(state, ControlState::SafeHeld | ControlState::Estopped | ControlState::OutOfService)
    }) {
        let mut rig = Rig::in_state(*state);
        let id = rig.send_alone(CommandKind::Suspend);
        assert_eq!((rig.state(), rig.code(id)), (*state, Some(CommandCode::Precondition)));
    }
    let mut rig = Rig::in_state(ControlState::OutOfService);
    assert_eq!(rig.mode(), Mode::Held);
    rig.world(World { condition_reached: false, ..STANDING });
    rig.wait(60_000);
    assert_eq!(rig.state(), ControlState::OutOfService, "people work on it");
    for kind in [CommandKind::Resume, CommandKind::Suspend] {
        let order = rig.alone(kind);
        let id = rig.give(&order);
        assert_ne!(rig.code(id), None, "{kind}");
    }
    rig.world(STANDING);
    let id = rig.send_alone(CommandKind::Reinstate);
    assert_eq!((rig.state(), rig.life(id)), (ControlState::SafeHeld, vec![CommandState::Accepted]));
    assert!(holds(&rig, LatchCause::Fallback), "it is released by a second decision");
    let again = rig.send_alone(CommandKind::Reinstate);
    assert_eq!(rig.code(again), Some(CommandCode::Precondition), "it is in service");
}

#[test]
fn row_28_only_what_is_out_of_service_is_reinstated() {
    for state in ControlState::ALL.iter().filter(|state| **state != ControlState::OutOfService) {
        let mut rig = Rig::in_state(*state);
        let id = rig.send_alone(CommandKind::Reinstate);
        assert_eq!((rig.state(), rig.code(id)), (*state, Some(CommandCode::Precondition)));
    }
}

#[test]
fn row_28_a_stop_is_confirmed_before_maintenance_and_outlives_it() {
    let mut rig = Rig::in_state(ControlState::Estopped);
    let id = rig.send_alone(CommandKind::Suspend);
    assert_eq!(rig.code(id), Some(CommandCode::Precondition), "the stop is not confirmed");
    rig.world(STANDING);
    rig.send_alone(CommandKind::Suspend);
    assert_eq!(rig.state(), ControlState::OutOfService);
    let id = rig.clear(LatchCause::Estop);
    assert_eq!(rig.code(id), Some(CommandCode::Precondition), "not while out of service");
    let mut rig = reboot(&rig, STANDING);
    assert_eq!(rig.state(), ControlState::OutOfService, "only a supervisor ends it");
    rig.send_alone(CommandKind::Reinstate);
    assert_eq!((rig.state(), rig.mode()), (ControlState::Estopped, Mode::Estop));
}

#[test]
fn row_28_a_claim_ends_when_the_agent_is_taken_out_of_service() {
    let mut rig = Rig::in_state(ControlState::SafeHeld);
    rig.claim();
    rig.send_alone(CommandKind::Suspend);
    assert_eq!((rig.state(), rig.gate.epoch()), (ControlState::OutOfService, Epoch(0)));
    let id = rig.send(CommandKind::Engage);
    assert_eq!(rig.code(id), Some(CommandCode::StaleEpoch));
}

#[test]
fn row_26_a_stop_reaches_what_is_out_of_service() {
    let mut rig = Rig::in_state(ControlState::OutOfService);
    rig.send(CommandKind::Estop);
    assert_eq!((rig.state(), holds(&rig, LatchCause::Estop)), (ControlState::Estopped, true));
}
