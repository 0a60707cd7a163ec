//! What people decide without holding an agent, and what keeps them from it: questions, cooldown, lock-out, a second
//! person, maintenance, somebody at the agent; through the engine and a real gate, in virtual time.

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
    shift::{ADA, BOB, SUE, connected_to, driven, fall_back_alone, last},
};
use watchkeeper_model::{
    AgentKind, CommandArgs, CommandCode, CommandId, CommandKind, CommandState, ControlState, DemandOutcome,
    Epoch, FallbackCause, LatchCause, LeaseEnd, Note, QuestionOutcome, QuestionPolicy, SceneId,
};
use watchkeeper_protocol::{
    OperatorMessage,
    operator::{LeaseEvent, Waive},
};

fn assert_replays(rig: &Rig) {
    assert_eq!(rig.replay(), rig.digest(), "the same inputs give the same outputs");
}

fn because(reason: &str) -> CommandArgs {
    CommandArgs { reason: Some(Note::cut(reason)), ..CommandArgs::default() }
}

fn decide(rig: &mut Rig, session: u64, scene_id: SceneId, option: u8) -> CommandId {
    let args = CommandArgs { scene_id: Some(scene_id), option: Some(option), ..CommandArgs::default() };
    let id = rig.command_under(session, CommandKind::Decide, args, Epoch(0));
    rig.run(ms(100));
    id
}

fn clear(rig: &mut Rig, session: u64, cause: LatchCause) -> CommandId {
    let args = CommandArgs { latch_id: Some(rig.latch(cause)), ..because("looked at it") };
    let id = rig.command_under(session, CommandKind::ClearLatch, args, Epoch(0));
    rig.run(ms(200));
    id
}

#[test]
fn a_question_is_told_answered_once_and_moves_no_control() {
    let mut rig = connected_to(AgentKind::Vehicle);
    let scene_id = rig.ask_question(QuestionPolicy::Required);
    rig.run(ms(100));
    let status = rig.status(ADA);
    assert_eq!(status.control_state, ControlState::AssistPending);
    let question = &status.questions[0];
    assert_eq!((question.scene_id, question.options.len()), (scene_id, 2));
    assert!((14_000_000_000..=15_000_000_000).contains(&question.left_nanos), "{}", question.left_nanos);
    let told = rig
        .alarms()
        .into_iter()
        .find(|alarm| alarm.subject.as_str() == format!("question {scene_id}"))
        .unwrap();
    assert!(told.explanation.text.as_str().contains("pass on the left?"), "{:?}", told.explanation.text);
    let answer = decide(&mut rig, ADA, scene_id, 0);
    assert_eq!(rig.command_state(answer), Some(CommandState::Completed));
    assert_eq!((rig.answers[0].option, rig.answers[0].outcome), (0, QuestionOutcome::Answered));
    let late = decide(&mut rig, BOB, scene_id, 1);
    assert_eq!(rig.command_code(late), Some(CommandCode::Precondition));
    rig.run(ms(300));
    assert_eq!((rig.state(), rig.status(ADA).questions.len()), (ControlState::Autonomous, 0));
    assert!(rig.alarms().iter().all(|alarm| !alarm.state.is_active()), "the question is over");
    assert_replays(&rig);
}

#[test]
fn an_answer_names_an_option_and_comes_in_time() {
    let mut rig = connected_to(AgentKind::Vehicle);
    let scene_id = rig.ask_question(QuestionPolicy::Optional);
    rig.run(ms(100));
    let wrong = decide(&mut rig, ADA, scene_id, 2);
    assert_eq!(rig.command_code(wrong), Some(CommandCode::Denied));
    rig.run_until(ms(16_000), |rig| rig.state() == ControlState::Autonomous);
    assert_eq!(rig.answers[0].outcome, QuestionOutcome::Defaulted);
    let late = decide(&mut rig, ADA, scene_id, 0);
    assert_eq!(rig.command_state(late), Some(CommandState::Rejected));
}

#[test]
fn two_answers_on_their_way_at_once_have_one_effect() {
    let mut rig = connected_to(AgentKind::Vehicle);
    let scene_id = rig.ask_question(QuestionPolicy::Optional);
    rig.run(ms(100));
    let args =
        |option| CommandArgs { scene_id: Some(scene_id), option: Some(option), ..CommandArgs::default() };
    let first = rig.command_under(ADA, CommandKind::Decide, args(0), Epoch(0));
    let second = rig.command_under(BOB, CommandKind::Decide, args(1), Epoch(0));
    rig.run(ms(200));
    assert_eq!(rig.command_state(first), Some(CommandState::Completed));
    assert_eq!(rig.command_state(second), Some(CommandState::Rejected));
    assert_eq!(rig.answers.len(), 1);
}

#[test]
fn an_agent_that_asks_can_be_claimed_and_its_wish_ends_where_it_began() {
    let mut rig = connected_to(AgentKind::Vehicle);
    rig.ask_question(QuestionPolicy::Optional);
    rig.run(ms(100));
    rig.claim(ADA);
    rig.run(ms(200));
    assert_eq!(rig.state(), ControlState::Claimed);
    rig.run(ms(5_500));
    assert_eq!(rig.state(), ControlState::AssistPending, "T_claim: a stray wish costs nothing");
}

#[test]
fn after_a_demand_that_came_to_nothing_the_monitor_waits_out_the_cooldown() {
    let mut rig = connected_to(AgentKind::Vehicle);
    rig.confidence = 0.4;
    rig.run_until(ms(5_000), |rig| rig.state() == ControlState::Requested);
    rig.confidence = 0.95;
    rig.run_until(ms(5_000), |rig| rig.state() == ControlState::Autonomous);
    assert_eq!(rig.takeovers.last().unwrap().outcome, Some(DemandOutcome::SelfCleared));
    rig.confidence = 0.4;
    rig.run(ms(2_500));
    assert_eq!(rig.state(), ControlState::Autonomous, "not again so soon");
    rig.run_until(ms(1_500), |rig| rig.state() == ControlState::Requested);
    assert_replays(&rig);
}

#[test]
fn three_fallbacks_lock_an_agent_out_to_a_supervisor() {
    let mut rig = connected_to(AgentKind::Vehicle);
    for round in 0..3 {
        assert!(!rig.status(ADA).locked_out, "{round}");
        fall_back_alone(&mut rig);
        assert_eq!(rig.status(ADA).fallback_cause, Some(FallbackCause::Demand));
        if round < 2 {
            let cleared = clear(&mut rig, ADA, LatchCause::Fallback);
            assert_eq!(rig.command_state(cleared), Some(CommandState::Completed), "{round}");
            rig.standstill = false;
            rig.run(ms(4_000));
        }
    }
    assert!(rig.status(ADA).locked_out);
    let refused = clear(&mut rig, ADA, LatchCause::Fallback);
    assert_eq!(rig.command_code(refused), Some(CommandCode::LockedOut));
    // A person may drive it, and may not let it go on by itself.
    rig.claim(ADA);
    rig.run(ms(100));
    let named = CommandArgs { latches: vec![rig.latch(LatchCause::Fallback)], ..CommandArgs::default() };
    rig.command(ADA, CommandKind::Engage, named);
    rig.run(ms(200));
    rig.command(ADA, CommandKind::Assume, CommandArgs::default());
    rig.run_until(ms(1_000), |rig| rig.state() == ControlState::Human);
    let refused = rig.command(ADA, CommandKind::HandBack, CommandArgs::default());
    rig.run(ms(200));
    assert_eq!(rig.command_code(refused), Some(CommandCode::LockedOut));
    // A restart of the monitor forgets nothing of it; a supervisor ends it.
    rig.command(ADA, CommandKind::Release, CommandArgs::default());
    rig.run(ms(6_000));
    let cleared = clear(&mut rig, SUE, LatchCause::Fallback);
    assert_eq!(rig.command_state(cleared), Some(CommandState::Completed));
    assert!(!rig.status(ADA).locked_out);
    assert_replays(&rig);
}

#[test]
fn a_cause_that_is_still_there_is_waived_by_somebody_else_only() {
    let mut rig = connected_to(AgentKind::Vehicle);
    rig.confidence = 0.05;
    rig.run_until(ms(5_000), |rig| rig.state() == ControlState::Requested);
    rig.claim(ADA);
    rig.run(ms(100));
    rig.take_over(ADA);
    let refused = rig.command(ADA, CommandKind::HandBack, CommandArgs::default());
    rig.run(ms(100));
    assert_eq!(rig.command_code(refused), Some(CommandCode::NeedsSecondApproval));
    let waive = |rig: &mut Rig, session, epoch, reason: &str| {
        let body = Waive { agent: rig.status(ADA).agent, epoch, reason: Note::cut(reason) };
        rig.send_operator(session, OperatorMessage::Waive(body));
        rig.run(ms(100));
        rig.status(ADA).lease.unwrap().waived_by
    };
    let epoch = rig.epoch();
    assert_eq!(waive(&mut rig, ADA, epoch, "it is fine"), None, "not by the holder");
    assert_eq!(waive(&mut rig, BOB, Epoch(epoch.0 + 1), "it is fine"), None, "not for another lease");
    assert_eq!(waive(&mut rig, BOB, epoch, " "), None, "not without a reason");
    assert_eq!(rig.errors.len(), 3, "{:?}", rig.errors);
    assert_eq!(waive(&mut rig, BOB, epoch, "the camera is dirty").unwrap().as_str(), "bob");
    let allowed = rig.command(ADA, CommandKind::HandBack, CommandArgs::default());
    rig.run_until(ms(1_000), |rig| {
        rig.state() != ControlState::Human && rig.state() != ControlState::Returning
    });
    assert_eq!(rig.command_state(allowed), Some(CommandState::Completed));
    assert_replays(&rig);
}

#[test]
fn only_a_supervisor_takes_an_agent_out_of_service_and_back() {
    let mut rig = connected_to(AgentKind::Vehicle);
    let send = |rig: &mut Rig, session, kind, args| {
        let id = rig.command_under(session, kind, args, Epoch(0));
        rig.run(ms(200));
        id
    };
    let refused = send(&mut rig, SUE, CommandKind::Suspend, because("new tyres"));
    assert_eq!(rig.command_code(refused), Some(CommandCode::Precondition), "it drives");
    fall_back_alone(&mut rig);
    for (session, args, code) in
        [(ADA, because("new tyres"), CommandCode::Denied), (SUE, CommandArgs::default(), CommandCode::Denied)]
    {
        let refused = send(&mut rig, session, CommandKind::Suspend, args);
        assert_eq!(rig.command_code(refused), Some(code));
    }
    send(&mut rig, SUE, CommandKind::Suspend, because("new tyres"));
    assert_eq!((rig.state(), rig.status(ADA).control_state), (ControlState::OutOfService, rig.state()));
    rig.claim(ADA);
    rig.run(ms(100));
    assert_eq!(rig.leases.last().unwrap().code, Some(CommandCode::Precondition));
    assert!(rig.alarms().iter().all(|alarm| !alarm.state.is_active()), "{:?}", rig.alarms());
    let refused = send(&mut rig, ADA, CommandKind::Reinstate, because("done"));
    assert_eq!(rig.command_code(refused), Some(CommandCode::Denied));
    send(&mut rig, SUE, CommandKind::Reinstate, because("done"));
    assert_eq!(rig.state(), ControlState::SafeHeld);
    assert_replays(&rig);
}

#[test]
fn somebody_at_the_agent_ends_the_lease_and_a_stop_waits_for_him() {
    let mut rig = driven();
    rig.local = true;
    rig.run(ms(200));
    assert_eq!(
        (rig.state(), last(&rig, LeaseEvent::Ended).end),
        (ControlState::Local, Some(LeaseEnd::LocalOverride))
    );
    assert!(rig.status(ADA).local_override);
    let stop = rig.stop(BOB, "vehicle-1", false);
    rig.run(ms(1_000));
    assert_eq!((rig.state(), rig.command_state(stop)), (ControlState::Local, Some(CommandState::Accepted)));
    assert!(rig.status(ADA).stop_pending);
    rig.local = false;
    rig.run(ms(100));
    assert_eq!(rig.state(), ControlState::Estopped);
    rig.standstill = true;
    rig.run(ms(300));
    assert_eq!(rig.command_state(stop), Some(CommandState::Completed));
    assert_replays(&rig);
}

#[test]
fn a_fallback_that_does_not_work_is_the_highest_alarm_until_it_stands() {
    let mut rig = connected_to(AgentKind::Vehicle);
    rig.stuck = true;
    rig.confidence = 0.05;
    rig.run_until(ms(20_000), |rig| rig.state() == ControlState::FallbackFailed);
    rig.run(ms(100));
    let failed = |rig: &mut Rig| {
        let active =
            |alarm: &watchkeeper_model::Alarm| alarm.subject.as_str() == "failed" && alarm.state.is_active();
        rig.alarms().iter().any(active)
    };
    assert!(failed(&mut rig));
    rig.stuck = false;
    rig.standstill = true;
    rig.run(ms(200));
    assert_eq!((rig.state(), failed(&mut rig)), (ControlState::SafeHeld, false));
}
