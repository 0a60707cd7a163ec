//! What agents and other people ask of a person: questions, and a second opinion.

use super::{Desk, desk_of, driven_by_bob, said};
use crate::scenes::{self, agent};
use watchkeeper_model::*;
use watchkeeper_picture::{Action, Intent};
use watchkeeper_protocol::agent::Question;

#[test]
fn a_question_of_the_agent_is_answered_by_the_number_or_the_words_of_an_option() {
    let mut asking = scenes::status("truck-17", AgentKind::Vehicle);
    asking.control_state = ControlState::AssistPending;
    let mut desk = desk_of(OperatorRole::Operator, vec![asking.clone()], vec![]);
    assert!(said(&desk.act(Action::Decide)).contains("it asks nothing"));
    asking.questions = vec![Question {
        scene_id: SceneId(5),
        prompt: scenes::note("pass the lorry on the left?"),
        options: vec![scenes::label("pass"), scenes::label("wait")],
        default: 1,
        policy: QuestionPolicy::Optional,
        left_nanos: 12_000_000_000,
    }];
    desk.hear_status(101, asking.clone());
    let answer = |option| {
        let args = CommandArgs { scene_id: Some(SceneId(5)), option: Some(option), ..CommandArgs::default() };
        vec![Intent::Command { agent: agent("truck-17"), kind: CommandKind::Decide, args }]
    };
    for (text, option) in [("0", 0), (" WAIT ", 1)] {
        assert_eq!(desk.act(Action::Decide).intents, []);
        let question = desk.hands.question().unwrap();
        assert_eq!(question.prompt, "truck-17 asks: pass the lorry on the left?");
        assert_eq!(question.hint, "the number of an answer: 0 pass, 1 wait");
        assert_eq!(desk.typed(text).intents, answer(option), "{text}");
    }
    desk.act(Action::Decide);
    for useless in ["2", "", "left"] {
        assert!(said(&desk.typed(useless)).contains("the number of one of the answers"), "{useless}");
    }
    asking.questions.clear();
    desk.hear_status(102, asking);
    assert_eq!(desk.told(), "nothing sent: the question of truck-17 is gone");
}

#[test]
fn a_cause_is_waived_for_somebody_else_with_a_reason() {
    let mut desk = desk_of(OperatorRole::Operator, vec![driven_by_bob()], vec![]);
    assert_eq!(desk.act(Action::Waive).intents, []);
    assert!(desk.hands.question().unwrap().prompt.contains("may bob hand truck-17 back"));
    assert!(said(&desk.typed(" ")).contains("needs a reason"));
    let intent = Intent::Waive { agent: agent("truck-17"), reason: scenes::note("the camera is dirty") };
    assert_eq!(desk.typed("the camera is dirty").intents, [intent]);
    let mut own = Desk::new(scenes::takeover(), "truck-17");
    assert!(said(&own.act(Action::Waive)).contains("somebody else must do it"));
}

#[test]
fn a_task_is_written_in_one_line_and_checked_for_who_may_give_it() {
    let mut status = scenes::status("truck-17", AgentKind::Vehicle);
    let mut desk = desk_of(OperatorRole::Operator, vec![status.clone()], vec![]);
    assert!(said(&desk.act(Action::Task)).contains("it takes no tasks"));
    status.tasks = vec![TaskVerb::Hazards, TaskVerb::Goto, TaskVerb::Confirm];
    desk.hear_status(101, status.clone());
    let intent = |verb, args| {
        let kind = CommandKind::Task(verb);
        vec![Intent::Command { agent: agent("truck-17"), kind, args }]
    };
    assert_eq!(desk.act(Action::Task).intents, []);
    let question = desk.hands.question().unwrap();
    assert_eq!(question.prompt, "what shall truck-17 do?");
    assert_eq!(question.hint, "a task, and what it needs: hazards, goto, confirm");
    assert_eq!(said(&desk.typed("fly")), "NOT SENT: a task needs one of hazards, goto, confirm");
    assert_eq!(said(&desk.typed("goto")), "NOT SENT: a task needs EAST,NORTH: goto EAST,NORTH");
    assert!(desk.hands.question().is_some(), "it can be written better");
    let sent = desk.typed("hazards");
    assert_eq!(
        (sent.intents.clone(), said(&sent)),
        (intent(TaskVerb::Hazards, CommandArgs::default()), "sent: hazards for truck-17")
    );
    desk.act(Action::Task);
    assert!(said(&desk.typed("goto 12,-3")).contains("claim it first"), "only who drives sends it somewhere");
    desk.act(Action::Task);
    let args = CommandArgs { target: Some(scenes::label("lane-closed")), ..CommandArgs::default() };
    assert_eq!(desk.typed("confirm lane-closed").intents, intent(TaskVerb::Confirm, args));
    desk.act(Action::Task);
    status.control_state = ControlState::Fallback;
    desk.hear_status(102, status.clone());
    assert!(said(&desk.typed("confirm lane-closed")).contains("not while"), "it does not act by itself now");
    status.control_state = ControlState::Local;
    desk.hear_status(103, status);
    assert!(said(&desk.act(Action::Task)).contains("not while"));
}
