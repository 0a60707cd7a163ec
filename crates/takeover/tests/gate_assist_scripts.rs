//! Rows 2 to 5 of `takeover.md` 1.2: questions without transfer of control, and the cooldown after a demand.

#[path = "support/rig.rs"]
#[allow(dead_code, reason = "each file of scripts uses a part of it")]
mod rig;

use rig::{BOOT, DRIVING, OTHER_BOOT, Order, Rig, STANDING, identity};
use std::time::Duration;
use watchkeeper_model::{
    AgentKind, CommandCode, CommandKind, CommandState, ControlState, DemandId, DemandOrigin, DemandOutcome,
    Epoch, FallbackCause, FallbackLevel, MAX_QUESTIONS, QuestionOutcome, QuestionPolicy, SceneId,
};
use watchkeeper_takeover::{Answer, Gate, Mode, NewDemand, Question, QuestionRefusal, Timers, World};

fn payments() -> Rig {
    let kind = AgentKind::Transaction;
    let mut rig = Rig::around(Gate::new(identity(kind), Timers::for_kind(kind), STANDING));
    assert!(rig.welcome(1, &[], true));
    rig
}

#[test]
fn row_2_a_question_moves_no_control() {
    let mut rig = Rig::vehicle();
    let scene_id = rig.ask(QuestionPolicy::Optional);
    assert_eq!((rig.state(), rig.mode()), (ControlState::AssistPending, Mode::Autonomous));
    let (question, left) = rig.gate.questions(rig.now).next().unwrap();
    assert_eq!((question.scene_id, left), (scene_id, Duration::from_secs(15)));
}

#[test]
fn row_3_the_first_valid_answer_counts_and_no_other() {
    let mut rig = Rig::vehicle();
    let scene_id = rig.ask(QuestionPolicy::Required);
    let first = rig.decide(scene_id, 1);
    assert_eq!(rig.answers, [Answer { scene_id, option: 1, outcome: QuestionOutcome::Answered }]);
    assert_eq!((rig.state(), rig.code(first)), (ControlState::Autonomous, None));
    let second = rig.decide(scene_id, 0);
    assert_eq!(rig.code(second), Some(CommandCode::Precondition));
    rig.wait(20_000);
    assert_eq!((rig.state(), rig.answers.len()), (ControlState::Autonomous, 1));
}

#[test]
fn row_3_an_answer_passes_the_fence_and_names_one_of_the_options() {
    let mut rig = Rig::vehicle();
    let scene_id = rig.ask(QuestionPolicy::Optional);
    let mut order = rig.alone(CommandKind::Decide);
    (order.args.scene_id, order.args.option) = (Some(scene_id), Some(0));
    for (wrong, code) in [
        (Order { boot_id: OTHER_BOOT, ..order.clone() }, CommandCode::StaleEpoch),
        (Order { epoch: Epoch(0), ..order.clone() }, CommandCode::StaleEpoch),
        (Order { deadline: rig.now, ..order.clone() }, CommandCode::Expired),
    ] {
        let id = rig.order(CommandKind::Decide).id;
        rig.give(&Order { id, ..wrong });
        assert_eq!(rig.code(id), Some(code));
    }
    let no_such_option = rig.decide(scene_id, 3);
    assert_eq!(rig.code(no_such_option), Some(CommandCode::Precondition));
    let nothing = rig.send_alone(CommandKind::Decide);
    assert_eq!(rig.code(nothing), Some(CommandCode::Denied));
    assert_eq!((rig.state(), rig.answers.len()), (ControlState::AssistPending, 0));
    assert_eq!(order.boot_id, BOOT);
    let id = rig.give(&order);
    assert_eq!((rig.state(), rig.code(id)), (ControlState::Autonomous, None));
    // The epoch is used up: the same order under another id is stale.
    let again = rig.ask(QuestionPolicy::Optional);
    let mut copy = Order { id: rig.order(CommandKind::Decide).id, ..order };
    copy.args.scene_id = Some(again);
    let id = rig.give(&copy);
    assert_eq!(rig.code(id), Some(CommandCode::StaleEpoch));
}

#[test]
fn row_3_an_optional_question_takes_its_default_exactly_at_its_end() {
    let mut rig = Rig::vehicle();
    let scene_id = rig.ask(QuestionPolicy::Optional);
    assert_eq!(rig.gate.poll_timeout(), Some(rig.at(15_000)), "a shell need not look before");
    rig.wait(14_999);
    assert_eq!(rig.state(), ControlState::AssistPending);
    rig.wait(1);
    assert_eq!(rig.state(), ControlState::Autonomous);
    assert_eq!(rig.answers, [Answer { scene_id, option: 2, outcome: QuestionOutcome::Defaulted }]);
    let late = rig.decide(scene_id, 0);
    assert_eq!(rig.code(late), Some(CommandCode::Precondition));
}

#[test]
fn row_4_a_vehicle_that_needed_an_answer_falls_back_and_others_take_the_default() {
    let mut rig = Rig::vehicle();
    rig.ask(QuestionPolicy::Required);
    rig.wait(15_000);
    assert_eq!(
        (rig.state(), rig.mode()),
        (ControlState::Fallback, Mode::Fallback(FallbackLevel::COMFORTABLE))
    );
    assert_eq!(rig.gate.fallback_cause(), Some(FallbackCause::Question));
    let mut rig = payments();
    let scene_id = rig.ask(QuestionPolicy::Required);
    rig.wait(60_000);
    assert_eq!(rig.state(), ControlState::Autonomous);
    assert_eq!(rig.answers, [Answer { scene_id, option: 2, outcome: QuestionOutcome::Defaulted }]);
}

#[test]
fn row_5_questions_keep_running_under_a_demand_and_come_back_after_it() {
    let mut rig = Rig::vehicle();
    let first = rig.ask(QuestionPolicy::Optional);
    rig.demand(DemandOrigin::Monitor);
    assert_eq!(rig.state(), ControlState::Requested);
    rig.decide(first, 0);
    assert_eq!((rig.state(), rig.answers.len()), (ControlState::Requested, 1), "answered under the demand");
    rig.ask(QuestionPolicy::Optional);
    let demand_id = rig.open_demand();
    rig.gate.handle_demand_end(demand_id, DemandOutcome::SelfCleared, rig.now);
    assert_eq!(rig.state(), ControlState::AssistPending, "the second is still open");
    rig.demand(DemandOrigin::Operator);
    rig.claim();
    assert_eq!(rig.state(), ControlState::Claimed);
    rig.engage();
    rig.send(CommandKind::Assume);
    rig.beat(true);
    assert_eq!(rig.state(), ControlState::Human);
    assert_eq!(rig.answers[1].outcome, QuestionOutcome::Overtaken, "a person drives: the default counts");
}

#[test]
fn row_5_a_question_that_runs_out_under_a_demand_falls_back_all_the_same() {
    let mut rig = Rig::vehicle();
    rig.ask(QuestionPolicy::Required);
    rig.wait(6_000);
    rig.demand(DemandOrigin::Monitor);
    rig.claim();
    for _ in 0..90 {
        rig.wait(100);
        rig.beat(true);
    }
    assert_eq!(
        (rig.state(), rig.gate.fallback_cause()),
        (ControlState::Fallback, Some(FallbackCause::Question))
    );
    assert_eq!(rig.gate.last_demand_outcome().unwrap().1, DemandOutcome::Fallback);
}

#[test]
fn several_questions_end_one_by_one_and_no_more_than_eight_are_open() {
    let mut rig = Rig::vehicle();
    let scenes: Vec<SceneId> = (0..MAX_QUESTIONS).map(|_| rig.ask(QuestionPolicy::Optional)).collect();
    let question =
        Question { scene_id: SceneId(900), options: 1, default: 0, policy: QuestionPolicy::Optional };
    let ask = |rig: &mut Rig, question| rig.gate.handle_question(question, rig.now);
    assert_eq!(ask(&mut rig, question), Err(QuestionRefusal::TooMany));
    let open = Question { scene_id: scenes[0], ..question };
    assert_eq!(ask(&mut rig, open), Err(QuestionRefusal::Open(scenes[0])));
    let no_default = Question { default: 1, ..question };
    assert_eq!(ask(&mut rig, no_default), Err(QuestionRefusal::NoDefault { default: 1, options: 1 }));
    for scene_id in &scenes[1..] {
        rig.decide(*scene_id, 0);
        assert_eq!(rig.state(), ControlState::AssistPending);
    }
    rig.gate.handle_question_withdrawn(scenes[0], rig.now);
    assert_eq!((rig.state(), rig.answers.len()), (ControlState::Autonomous, MAX_QUESTIONS - 1));
}

#[test]
fn nobody_is_asked_while_the_agent_does_not_act() {
    for state in ControlState::ALL.iter().filter(|state| !state.agent_acts()) {
        let mut rig = Rig::in_state(*state);
        let question =
            Question { scene_id: SceneId(900), options: 1, default: 0, policy: QuestionPolicy::Optional };
        let refused = rig.gate.handle_question(question, rig.now);
        assert_eq!(refused, Err(QuestionRefusal::NotActing(*state)));
    }
}

#[test]
fn a_question_that_needs_an_answer_is_not_forgotten_over_a_reboot() {
    for (policy, after) in [
        (QuestionPolicy::Required, ControlState::Fallback),
        (QuestionPolicy::Optional, ControlState::Autonomous),
    ] {
        let mut rig = Rig::vehicle();
        rig.ask(policy);
        let record = rig.gate.shutdown_record();
        let timers = Timers::for_kind(AgentKind::Vehicle);
        let gate = Gate::restore(identity(AgentKind::Vehicle), timers, DRIVING, &record);
        assert_eq!(gate.state(), after, "{policy}");
    }
}

#[test]
fn a_stop_and_local_control_end_every_question_with_its_default() {
    for stop in [true, false] {
        let mut rig = Rig::vehicle();
        let scene_id = rig.ask(QuestionPolicy::Required);
        if stop {
            rig.send(CommandKind::Estop);
        } else {
            rig.world(World { local_override: true, ..DRIVING });
        }
        assert_eq!(rig.answers, [Answer { scene_id, option: 2, outcome: QuestionOutcome::Overtaken }]);
        assert!(rig.gate.questions(rig.now).next().is_none());
    }
}

#[test]
fn row_5_after_a_demand_that_came_to_nothing_only_a_critical_one_of_the_monitor_counts() {
    let ended = || {
        let mut rig = Rig::in_state(ControlState::Requested);
        let demand_id = rig.open_demand();
        rig.gate.handle_demand_end(demand_id, DemandOutcome::SelfCleared, rig.now);
        rig
    };
    let ask = |rig: &mut Rig, origin, critical| {
        let new = NewDemand { demand_id: DemandId(77), origin, critical, left: Duration::from_secs(10) };
        rig.gate.handle_demand(new, rig.now);
        rig.state()
    };
    assert_eq!(ask(&mut ended(), DemandOrigin::Monitor, false), ControlState::Autonomous);
    assert_eq!(ask(&mut ended(), DemandOrigin::Monitor, true), ControlState::Requested);
    for origin in [DemandOrigin::Agent, DemandOrigin::Operator, DemandOrigin::Supervisor] {
        assert_eq!(ask(&mut ended(), origin, false), ControlState::Requested, "{origin}");
    }
    let mut rig = ended();
    rig.wait(2_999);
    assert_eq!(ask(&mut rig, DemandOrigin::Monitor, false), ControlState::Autonomous);
    rig.wait(1);
    assert_eq!(ask(&mut rig, DemandOrigin::Monitor, false), ControlState::Requested);
}

#[test]
fn a_command_that_answers_is_done_with_the_agents_next_round() {
    let mut rig = Rig::vehicle();
    let scene_id = rig.ask(QuestionPolicy::Optional);
    let id = rig.decide(scene_id, 0);
    rig.world(DRIVING);
    assert_eq!(rig.life(id), [CommandState::Accepted, CommandState::Completed]);
}
