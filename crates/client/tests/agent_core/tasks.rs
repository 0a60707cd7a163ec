//! Tasks for the agent's own software: told when what they rest on is written, once, and taken back when they are over.

use super::{Rig, seconds};
use uuid::Uuid;
use watchkeeper_client::TaskEvent;
use watchkeeper_model::{
    CommandArgs, CommandId, CommandKind, CommandState, Epoch, Label, Note, PersonId, TaskReport, TaskVerb,
};
use watchkeeper_protocol::{AgentMessage, ToAgent, agent::Command};

fn task(id: u128, verb: TaskVerb, epoch: u64, rig: &Rig) -> ToAgent {
    ToAgent::Command(Command {
        command_id: CommandId(Uuid::from_u128(id)),
        boot_id: rig.core.status(rig.now).boot_id,
        kind: CommandKind::Task(verb),
        args: CommandArgs { target: Some(Label::cut("x")), ..CommandArgs::default() },
        epoch: Epoch(epoch),
        seq: 0,
        deadline: rig.now.after(seconds(1)),
        issued_by: PersonId::new("ada").unwrap(),
        evidence_version: None,
        expect_state: None,
    })
}

/// What was said of commands since the last time: which, what, and why.
fn acks(rig: &mut Rig) -> Vec<(u128, CommandState, Option<String>)> {
    let of = |message| match message {
        AgentMessage::Ack(ack) => {
            let why = ack.detail.as_ref().map(ToString::to_string);
            Some((ack.command_id.0.as_u128(), ack.state, why))
        }
        AgentMessage::Heartbeat(_)
        | AgentMessage::Decision(_)
        | AgentMessage::RequestIntervention(_)
        | AgentMessage::Question(_)
        | AgentMessage::Pong(_)
        | AgentMessage::Probed(_) => None,
    };
    rig.frames().into_iter().filter_map(of).collect()
}

#[test]
fn a_task_is_told_once_what_it_rests_on_is_written_and_its_end_carries_the_softwares_reason() {
    let mut rig = Rig::welcomed();
    let order = task(1, TaskVerb::Confirm, 1, &rig);
    rig.tell(&order);
    rig.core.release_tasks();
    assert_eq!(rig.core.poll_task(), None, "its epoch is not kept yet");
    rig.save();
    assert_eq!(
        (rig.core.has_tasks(), rig.core.poll_task()),
        (false, None),
        "the shell says when it is on disk"
    );
    rig.core.release_tasks();
    assert!(rig.core.has_tasks());
    let Some(TaskEvent::New(given)) = rig.core.poll_task() else { panic!("a task is told") };
    assert_eq!((given.command_id.0.as_u128(), given.verb), (1, TaskVerb::Confirm));
    assert_eq!(rig.core.poll_task(), None, "once");
    assert_eq!(acks(&mut rig), [(1, CommandState::Accepted, None)]);
    let why = Some(Note::cut("the lane is closed"));
    rig.core.handle_task_report(given.command_id, TaskReport::Failed, why, rig.now);
    let failed = (1, CommandState::Failed, Some("the lane is closed".to_owned()));
    assert_eq!(acks(&mut rig), [failed]);
}

#[test]
fn a_task_that_is_over_is_taken_back_and_one_that_was_never_told_is_forgotten() {
    let mut rig = Rig::welcomed();
    for (id, verb) in [(1, TaskVerb::Hazards), (2, TaskVerb::Hazards)] {
        let order = task(id, verb, 0, &rig);
        rig.tell(&order);
    }
    rig.save();
    rig.core.release_tasks();
    assert!(matches!(rig.core.poll_task(), Some(TaskEvent::New(given)) if given.command_id.0.as_u128() == 1));
    // Nobody takes them up.
    rig.pass(seconds(1));
    rig.core.release_tasks();
    assert_eq!(rig.core.poll_task(), Some(TaskEvent::Over(CommandId(Uuid::from_u128(1)))));
    assert_eq!(rig.core.poll_task(), None, "of the other nobody has heard");
}

#[test]
fn a_new_boot_takes_every_task_back() {
    let mut rig = Rig::welcomed();
    for id in [1, 2, 3] {
        let order = task(id, TaskVerb::Hazards, 0, &rig);
        rig.tell(&order);
    }
    rig.save();
    rig.core.release_tasks();
    for id in [1, 2] {
        assert!(
            matches!(rig.core.poll_task(), Some(TaskEvent::New(given)) if given.command_id.0.as_u128() == id)
        );
    }
    // The second one is done, and the agent then sleeps.
    rig.core.handle_task_report(CommandId(Uuid::from_u128(2)), TaskReport::Done, None, rig.now);
    rig.now = rig.now.after(seconds(60));
    rig.core.handle_timeout(rig.now);
    assert_eq!(rig.core.poll_task(), Some(TaskEvent::Over(CommandId(Uuid::from_u128(1)))));
    assert_eq!(rig.core.poll_task(), None);
}

#[test]
fn however_often_a_task_says_how_far_it_is_only_the_last_word_waits() {
    let mut rig = Rig::welcomed();
    let order = task(1, TaskVerb::Hazards, 0, &rig);
    rig.tell(&order);
    rig.save();
    for round in 0..200 {
        let report = TaskReport::Underway(Some(round / 2));
        rig.core.handle_task_report(CommandId(Uuid::from_u128(1)), report, None, rig.now);
    }
    let told = rig.frames();
    let shares: Vec<_> = told
        .iter()
        .filter_map(|message| if let AgentMessage::Ack(ack) = message { Some(ack.percent) } else { None })
        .collect();
    assert_eq!(shares, [None, Some(99)], "accepted, and the newest");
}
