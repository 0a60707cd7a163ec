//! Every command as a row with its state and age until it is finished, and a minute after.

use super::{Mark, Tone, age, task_words};
use crate::{CommandPicture, Picture};
use std::time::Duration;
use watchkeeper_model::{AgentId, CommandId, CommandKind, CommandState, MonoTime};

/// How long a finished command stays.
const KEEP_FINISHED: Duration = Duration::from_mins(1);

/// One command.
#[derive(Clone, Debug, PartialEq)]
pub struct CommandRow {
    /// Names it.
    pub command_id: CommandId,
    /// Whose.
    pub agent: AgentId,
    /// The verb; an ESTOP is called `STOP`.
    pub verb: String,
    /// Who sent it: `you`, a name, or `unknown`.
    pub by: String,
    /// Where it is, in words; "accepted" is never shown as done.
    pub state: &'static str,
    /// Shape of the state.
    pub mark: Mark,
    /// How it is meant.
    pub tone: Tone,
    /// How long ago this console first knew of it.
    pub age: String,
    /// How long it has been in this state here.
    pub state_age: String,
    /// Why not, in words; empty where there is nothing to say.
    pub why: String,
    /// Whether its record is on disk, in words.
    pub record: &'static str,
    /// This session sent it.
    pub mine: bool,
    /// It ended without being done: rejected, failed, expired, or nobody knows.
    pub went_wrong: bool,
    /// Nothing more can become of it.
    pub finished: bool,
}

/// Returns the commands of one agent, or of all, newest first.
pub fn rows(picture: &Picture, agent: Option<&AgentId>, now: MonoTime) -> Vec<CommandRow> {
    let mut shown: Vec<&CommandPicture> = picture
        .all_commands()
        .filter(|command| agent.is_none_or(|agent| command.agent == *agent))
        .filter(|command| !command.is_terminal() || now.since(command.changed_at) < KEEP_FINISHED)
        .collect();
    shown.sort_by_key(|command| std::cmp::Reverse((command.first_seen_at, command.command_id)));
    shown.into_iter().map(|command| row(picture, command, now)).collect()
}

fn row(picture: &Picture, command: &CommandPicture, now: MonoTime) -> CommandRow {
    let (state, mark, tone) = state_look(command);
    let me = picture.me().map(|me| &me.person);
    let by = match &command.issued_by {
        Some(person) if Some(person) == me => "you".to_owned(),
        Some(person) => person.to_string(),
        None => "unknown".to_owned(),
    };
    let code = command.code.map(|code| code.word().replace('_', " "));
    let detail = command.detail.as_ref().map(ToString::to_string);
    let mut why: Vec<_> = code.into_iter().chain(detail).collect();
    if command.out_of_sight && !command.is_terminal() {
        why.push("connection lost since: its end may have come unseen".to_owned());
    }
    CommandRow {
        command_id: command.command_id,
        agent: command.agent.clone(),
        verb: verb(command.kind),
        by,
        state,
        mark,
        tone,
        age: age(now.since(command.first_seen_at)),
        state_age: age(now.since(command.changed_at)),
        why: why.join(": "),
        record: if command.logged { "on record" } else { "not yet on record" },
        mine: command.mine,
        went_wrong: matches!(
            command.state,
            Some(
                CommandState::Rejected | CommandState::Failed | CommandState::Expired | CommandState::Unknown
            )
        ),
        finished: command.is_terminal(),
    }
}

fn verb(kind: CommandKind) -> String {
    let word = match kind {
        CommandKind::Task(verb) => return task_words(verb),
        CommandKind::Estop => "STOP",
        CommandKind::Hold => "hold",
        CommandKind::MinimalRisk => "minimal risk",
        CommandKind::SpeedCap => "speed cap",
        CommandKind::Resume => "go on",
        CommandKind::Engage => "engage",
        CommandKind::Assume => "assume",
        CommandKind::Release => "release",
        CommandKind::HandBack => "hand back",
        CommandKind::Dismiss => "dismiss",
        CommandKind::ClearLatch => "clear latch",
        CommandKind::Decide => "answer",
        CommandKind::Suspend => "out of service",
        CommandKind::Reinstate => "back into service",
    };
    word.to_owned()
}

fn state_look(command: &CommandPicture) -> (&'static str, Mark, Tone) {
    let waiting = if command.out_of_sight { Tone::Stale } else { Tone::Normal };
    match command.state {
        None => ("sent, no answer", Mark::DiamondOpen, waiting),
        Some(CommandState::Received) => ("received", Mark::DiamondOpen, waiting),
        Some(CommandState::Forwarded) => ("on its way", Mark::DiamondOpen, waiting),
        Some(CommandState::Accepted) => ("accepted, not done", Mark::DiamondOpen, waiting),
        Some(CommandState::InProgress) => ("in progress", Mark::DiamondOpen, waiting),
        Some(CommandState::Completed) => ("done", Mark::Check, Tone::Quiet),
        Some(CommandState::Rejected) => ("rejected", Mark::Cross, Tone::Warning),
        Some(CommandState::Failed) => ("failed", Mark::Cross, Tone::Danger),
        Some(CommandState::Cancelled) => ("cancelled", Mark::Dash, Tone::Quiet),
        Some(CommandState::Expired) => ("expired", Mark::Cross, Tone::Warning),
        Some(CommandState::Superseded) => ("superseded", Mark::Dash, Tone::Quiet),
        Some(CommandState::Unknown) => ("unknown", Mark::TriangleUp, Tone::Danger),
    }
}
