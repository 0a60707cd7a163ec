//! Tasks for the agent's own software (`takeover.md` 3.2), of payments, software agents and vehicles: through the engine
//! and a real gate, in virtual time.

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
    shift::{ADA, BOB, SUE, connected_to, driven},
};
use std::time::Duration;
use watchkeeper_model::{
    AgentKind, CommandArgs, CommandCode, CommandId, CommandKind, CommandState, ControlState, Epoch, Label,
    Note, TaskReport, TaskVerb, nanos,
};

fn about(target: &str) -> CommandArgs {
    CommandArgs { target: Some(Label::cut(target)), ..CommandArgs::default() }
}

fn for_hours(target: &str, hours: u64) -> CommandArgs {
    CommandArgs { ttl_nanos: Some(nanos(Duration::from_hours(hours))), ..about(target) }
}

fn give(rig: &mut Rig, session: u64, verb: TaskVerb, args: CommandArgs) -> CommandId {
    let id = rig.command_under(session, CommandKind::Task(verb), args, Epoch(0));
    rig.run(ms(50));
    id
}

fn ends(rig: &Rig, id: CommandId) -> (Option<CommandState>, Option<CommandCode>) {
    (rig.command_state(id), rig.command_code(id))
}

#[test]
fn a_card_is_frozen_without_a_lease_and_done_when_the_payment_system_says_so() {
    let mut rig = connected_to(AgentKind::Transaction);
    assert!(rig.status(ADA).tasks.contains(&TaskVerb::FreezeCard), "people see what it can be told");
    let args = for_hours("card-7", 2);
    let id = give(&mut rig, ADA, TaskVerb::FreezeCard, args.clone());
    assert_eq!(rig.command_state(id), Some(CommandState::Accepted), "taken, and not done");
    let given = &rig.tasks[0];
    assert_eq!((given.command_id, given.verb, &given.args), (id, TaskVerb::FreezeCard, &args));
    rig.report_task(id, TaskReport::Underway(Some(40)));
    assert_eq!(rig.command_state(id), Some(CommandState::InProgress));
    assert_eq!(rig.command_detail(id).as_deref(), Some("40 % done"));
    rig.report_task(id, TaskReport::Underway(Some(80)));
    assert_eq!(rig.command_detail(id).as_deref(), Some("80 % done"));
    rig.run(ms(300_000));
    assert_eq!(rig.command_state(id), Some(CommandState::InProgress), "what is under way takes its time");
    rig.report_task(id, TaskReport::Done);
    assert_eq!(ends(&rig, id), (Some(CommandState::Completed), None));
    assert_eq!(rig.state(), ControlState::Autonomous);
    assert_eq!(rig.replay(), rig.digest(), "the same inputs give the same outputs");
}

#[test]
fn a_task_that_nobody_takes_up_has_failed_and_one_of_a_lost_agent_is_unknown() {
    let mut rig = connected_to(AgentKind::SoftwareAgent);
    let id = give(&mut rig, ADA, TaskVerb::RevokeTool, about("shell"));
    rig.run(ms(3_000));
    assert_eq!(rig.command_state(id), Some(CommandState::Failed));
    assert_eq!(rig.tasks.len(), 0, "the software is told that it is over");
    let id = give(&mut rig, ADA, TaskVerb::RevokeTool, about("shell"));
    rig.report_task(id, TaskReport::Underway(None));
    rig.disconnect_vehicle();
    rig.run(ms(200));
    assert_eq!(rig.command_state(id), Some(CommandState::Unknown));
}

#[test]
fn only_who_is_in_control_lets_a_payment_pass() {
    let mut rig = connected_to(AgentKind::Transaction);
    let id = give(&mut rig, ADA, TaskVerb::Approve, about("payment-9"));
    assert_eq!(ends(&rig, id), (Some(CommandState::Rejected), Some(CommandCode::NotInControl)));
    rig.claim(ADA);
    rig.run(ms(2_000));
    rig.take_over(ADA);
    assert_eq!(rig.state(), ControlState::Human);
    let id = rig.command(ADA, CommandKind::Task(TaskVerb::Approve), about("payment-9"));
    rig.run(ms(50));
    rig.report_task(id, TaskReport::Done);
    assert_eq!(ends(&rig, id), (Some(CommandState::Completed), None));
    let id = give(&mut rig, BOB, TaskVerb::Approve, about("payment-10"));
    assert_eq!(ends(&rig, id), (Some(CommandState::Rejected), Some(CommandCode::NotInControl)));
    assert_eq!(rig.replay(), rig.digest());
}

#[test]
fn a_note_rests_on_no_lease_and_leaves_the_holders_alone() {
    let mut rig = connected_to(AgentKind::Transaction);
    rig.claim(ADA);
    rig.run(ms(2_000));
    rig.take_over(ADA);
    let args = CommandArgs { text: Some(Note::cut("confirmed fraud")), ..about("payment-3") };
    for session in [BOB, SUE, ADA] {
        let id = give(&mut rig, session, TaskVerb::Label, args.clone());
        rig.report_task(id, TaskReport::Done);
        assert_eq!(ends(&rig, id), (Some(CommandState::Completed), None));
    }
    let id = rig.command(ADA, CommandKind::Task(TaskVerb::Decline), about("payment-3"));
    rig.run(ms(50));
    assert_eq!(rig.command_state(id), Some(CommandState::Accepted), "her lease is as good as before");
}

#[test]
fn how_long_a_task_may_last_goes_by_role() {
    let mut rig = connected_to(AgentKind::Transaction);
    for (session, hours, allowed) in
        [(ADA, 24, true), (ADA, 25, false), (SUE, 25, true), (SUE, 7 * 24, true), (SUE, 7 * 24 + 1, false)]
    {
        let id = give(&mut rig, session, TaskVerb::HoldPayment, for_hours("payment-1", hours));
        let expected = if allowed {
            (Some(CommandState::Accepted), None)
        } else {
            (Some(CommandState::Rejected), Some(CommandCode::Denied))
        };
        assert_eq!(ends(&rig, id), expected, "{hours} h");
        if allowed {
            rig.report_task(id, TaskReport::Done);
        } else {
            assert!(rig.command_detail(id).unwrap().contains("rule: longest task"));
        }
    }
}

#[test]
fn what_the_agent_does_not_do_and_what_lacks_an_argument_never_leaves() {
    let mut rig = connected_to(AgentKind::Transaction);
    let id = give(&mut rig, ADA, TaskVerb::Hazards, CommandArgs::default());
    assert_eq!(ends(&rig, id), (Some(CommandState::Rejected), Some(CommandCode::Unsupported)));
    let id = give(&mut rig, ADA, TaskVerb::FreezeCard, about("card-7"));
    assert_eq!(ends(&rig, id), (Some(CommandState::Rejected), Some(CommandCode::Denied)));
    assert_eq!(rig.command_detail(id).as_deref(), Some("freeze_card needs SPAN: freeze_card TARGET SPAN"));
    assert_eq!(rig.tasks, []);
}

#[test]
fn a_vehicle_is_sent_somewhere_by_its_driver_and_a_stop_ends_that() {
    let mut rig = driven();
    let args = CommandArgs {
        path: vec![watchkeeper_model::PlanPoint { x_meters: 12.0, y_meters: -3.0 }],
        ..CommandArgs::default()
    };
    let id = rig.command(ADA, CommandKind::Task(TaskVerb::Goto), args);
    rig.run(ms(50));
    rig.report_task(id, TaskReport::Underway(Some(10)));
    assert_eq!(rig.command_state(id), Some(CommandState::InProgress));
    rig.stop(BOB, rig::VEHICLE, false);
    rig.run(ms(50));
    assert_eq!(
        (rig.state(), rig.command_state(id)),
        (ControlState::Estopped, Some(CommandState::Superseded))
    );
    assert_eq!(rig.tasks, []);
    assert_eq!(rig.replay(), rig.digest());
}

#[test]
fn nothing_but_what_is_safer_while_the_record_cannot_be_written() {
    let mut rig = connected_to(AgentKind::SoftwareAgent);
    rig.disk_works = false;
    let id = give(&mut rig, ADA, TaskVerb::Throttle, CommandArgs { amount: Some(3.0), ..about("x") });
    assert_eq!(rig.command_state(id), Some(CommandState::Accepted));
    let text = CommandArgs { text: Some(Note::cut("go on")), ..CommandArgs::default() };
    let id = give(&mut rig, ADA, TaskVerb::Respond, text);
    assert_eq!(rig.command_state(id), Some(CommandState::Received), "it waits for the disk");
    assert_eq!(rig.tasks.len(), 1);
}
