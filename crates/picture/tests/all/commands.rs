//! A console's commands end for it too, whatever was not told.

use crate::scenes::{self, START, agent, millis, snapshot, status, telemetry, welcome};
use uuid::Uuid;
use watchkeeper_model::*;
use watchkeeper_picture::Picture;
use watchkeeper_protocol::{ToOperator, operator::*};

const SENT: CommandId = CommandId(Uuid::from_u128(1));

fn health() -> ToOperator {
    ToOperator::Health(Health {
        now: START,
        degraded: false,
        ledger_queue: 0.0,
        agents: 1,
        consoles: 1,
        refused_frames: 0,
        stages: Vec::new(),
    })
}

fn update(cursor: u64, command_id: CommandId, state: CommandState) -> ToOperator {
    ToOperator::CommandStatus(CommandUpdate {
        cursor,
        command_id,
        agent: agent("a"),
        kind: CommandKind::Resume,
        issued_by: scenes::person("anna"),
        state,
        code: None,
        detail: None,
        logged: false,
    })
}

/// A console that has sent a command; the vehicle's status is known.
fn sent() -> Picture {
    let mut picture = Picture::new();
    picture.handle_connected(START);
    picture.handle(&welcome(OperatorRole::Operator, false), START);
    picture.handle(&snapshot(5, vec![status("a", AgentKind::Vehicle)], vec![]), START);
    picture.handle_issued(SENT, &agent("a"), CommandKind::Resume, START);
    picture
}

fn state(picture: &Picture) -> Option<CommandState> {
    picture.commands(&agent("a")).next().unwrap().state
}

/// Loses the connection and begins again from a snapshot.
fn start_anew(picture: &mut Picture) {
    picture.handle_disconnected(START);
    picture.handle_connected(START);
    picture.handle(&welcome(OperatorRole::Operator, false), START);
    picture.handle(&snapshot(700, vec![status("a", AgentKind::Vehicle)], vec![]), START);
}

#[test]
fn a_command_that_the_monitor_does_not_answer_is_unknown_after_twice_its_time_to_live() {
    let mut picture = sent();
    picture.handle(&health(), START.after(millis(3_999)));
    assert_eq!(state(&picture), None);
    picture.handle(&ToOperator::Telemetry(telemetry("a", 1, 0.1)), START.after(millis(4_000)));
    assert_eq!(state(&picture), None, "only a monitor that has told everything is silent about it");
    picture.handle(&health(), START.after(millis(4_000)));
    assert_eq!(state(&picture), Some(CommandState::Unknown));
    assert!(picture.commands(&agent("a")).all(watchkeeper_picture::CommandPicture::is_terminal));
    // It had only stood in a socket: the truth is shown.
    picture.handle(&update(6, SENT, CommandState::Expired), START.after(millis(9_000)));
    assert_eq!(state(&picture), Some(CommandState::Expired));
}

#[test]
fn what_ended_unseen_is_told_again_after_a_snapshot_and_unknown_where_it_is_not() {
    for told in [true, false] {
        let mut picture = sent();
        picture.handle(&update(6, SENT, CommandState::Accepted), START);
        start_anew(&mut picture);
        if told {
            picture.handle(&update(700, SENT, CommandState::Completed), START);
        }
        picture.handle(&health(), START);
        let expected = if told { CommandState::Completed } else { CommandState::Unknown };
        assert_eq!(state(&picture), Some(expected));
    }
}

#[test]
fn a_connection_that_goes_on_where_it_broke_off_leaves_nothing_out_of_sight() {
    let mut picture = sent();
    picture.handle(&update(6, SENT, CommandState::Accepted), START);
    picture.handle_disconnected(START);
    picture.handle_connected(START);
    picture.handle(&welcome(OperatorRole::Operator, true), START);
    picture.handle(&health(), START);
    assert_eq!(state(&picture), Some(CommandState::Accepted));
}

#[test]
fn an_old_end_of_a_command_that_a_console_never_knew_is_no_news() {
    let other = CommandId(Uuid::from_u128(2));
    let mut picture = sent();
    start_anew(&mut picture);
    picture.handle(&update(700, other, CommandState::Completed), START);
    assert_eq!(picture.commands(&agent("a")).count(), 1);
    picture.handle(&update(700, other, CommandState::Accepted), START);
    assert_eq!(picture.commands(&agent("a")).count(), 2, "what goes on is shown");
}
