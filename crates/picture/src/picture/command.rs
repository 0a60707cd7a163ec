//! The last commands of each agent.

use crate::timers::unanswered_after;
use std::collections::{BTreeMap, VecDeque};
use watchkeeper_model::{
    AgentId, AgentKind, CommandCode, CommandId, CommandKind, CommandState, MonoTime, Note, PersonId,
};
use watchkeeper_protocol::operator::CommandUpdate;

/// Most commands kept for one agent.
const MAX_PER_AGENT: usize = 16;
/// Most agents for which commands are kept.
const MAX_AGENTS: usize = 4_096;

/// One command and what became of it.
#[derive(Clone, Debug, PartialEq)]
pub struct CommandPicture {
    /// Names it.
    pub command_id: CommandId,
    /// Whose.
    pub agent: AgentId,
    /// The verb.
    pub kind: CommandKind,
    /// Who sent it; `None` when this console did, before it knew its own name.
    pub issued_by: Option<PersonId>,
    /// Where it is in its life; `None` while nobody has answered.
    pub state: Option<CommandState>,
    /// Why not.
    pub code: Option<CommandCode>,
    /// More, in words.
    pub detail: Option<Note>,
    /// The record of it is on disk.
    pub logged: bool,
    /// When this console first knew of it, on its own clock.
    pub first_seen_at: MonoTime,
    /// When its state last changed here, on the console's clock.
    pub changed_at: MonoTime,
    /// A connection was lost since, so its state may have changed unseen.
    pub out_of_sight: bool,
    /// This session sent it.
    pub mine: bool,
    cursor: u64,
}

impl CommandPicture {
    /// Returns whether nothing more can become of it.
    pub fn is_terminal(&self) -> bool {
        self.state.is_some_and(|state| state.is_terminal(self.kind.risk()))
    }
}

#[derive(Clone, Debug)]
pub(super) struct Commands {
    by_agent: BTreeMap<AgentId, VecDeque<CommandPicture>>,
}

impl Commands {
    pub(super) const fn new() -> Self {
        Self { by_agent: BTreeMap::new() }
    }

    pub(super) fn of(&self, agent: &AgentId) -> impl Iterator<Item = &CommandPicture> {
        self.by_agent.get(agent).into_iter().flatten()
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &CommandPicture> {
        self.by_agent.values().flatten()
    }

    pub(super) fn issue(
        &mut self,
        command_id: CommandId,
        agent: &AgentId,
        kind: CommandKind,
        issued_by: Option<PersonId>,
        now: MonoTime,
    ) {
        if self.of(agent).any(|command| command.command_id == command_id) {
            return;
        }
        self.push(CommandPicture {
            command_id,
            agent: agent.clone(),
            kind,
            issued_by,
            state: None,
            code: None,
            detail: None,
            logged: false,
            first_seen_at: now,
            changed_at: now,
            out_of_sight: false,
            mine: true,
            cursor: 0,
        });
    }

    /// Folds what became of a command. What is no news and tells of one that is over is for consoles that sent it.
    pub(super) fn fold(&mut self, update: &CommandUpdate, is_news: bool, at: MonoTime) {
        let known = self
            .by_agent
            .get_mut(&update.agent)
            .and_then(|list| list.iter_mut().find(|command| command.command_id == update.command_id));
        let Some(command) = known else {
            if !is_news && update.state.is_terminal(update.kind.risk()) {
                return;
            }
            return self.push(CommandPicture {
                command_id: update.command_id,
                agent: update.agent.clone(),
                kind: update.kind,
                issued_by: Some(update.issued_by.clone()),
                state: Some(update.state),
                code: update.code,
                detail: update.detail.clone(),
                logged: update.logged,
                first_seen_at: at,
                changed_at: at,
                out_of_sight: false,
                mine: false,
                cursor: update.cursor,
            });
        };
        // A lower cursor comes after an outage only: then the monitor counts anew, and is right.
        if update.cursor < command.cursor && !command.out_of_sight {
            return;
        }
        if command.state != Some(update.state) {
            command.changed_at = at;
        }
        command.state = Some(update.state);
        command.kind = update.kind;
        command.issued_by = Some(update.issued_by.clone());
        command.code = update.code;
        command.detail.clone_from(&update.detail);
        command.logged = update.logged;
        command.out_of_sight = false;
        command.cursor = update.cursor;
    }

    /// Marks what is not finished: its end may come, or have come, unseen.
    pub(super) fn lose_track(&mut self) {
        for command in self.by_agent.values_mut().flatten() {
            command.out_of_sight |= !command.is_terminal();
        }
    }

    /// The connection has gone on where it broke off: every change since comes, so nothing is unseen.
    pub(super) fn regain_track(&mut self) {
        for command in self.by_agent.values_mut().flatten() {
            command.out_of_sight = false;
        }
    }

    /// Ends what nobody will tell any more, now that a monitor that is connected has told what it had to: what
    /// stayed out of sight, and what this console sent and was not answered. A later answer is shown all the same.
    pub(super) fn give_up(&mut self, kind_of: impl Fn(&AgentId) -> Option<AgentKind>, now: MonoTime) {
        for (agent, commands) in &mut self.by_agent {
            let patience = unanswered_after(kind_of(agent).unwrap_or(AgentKind::Generic));
            for command in commands.iter_mut().filter(|command| !command.is_terminal()) {
                let unanswered = command.state.is_none() && now >= command.first_seen_at.after(patience);
                let why = match command.state {
                    None if unanswered => "the monitor did not answer",
                    Some(_) if command.out_of_sight => "the monitor does not tell what became of it",
                    None | Some(_) => continue,
                };
                if command.state != Some(CommandState::Unknown) {
                    command.state = Some(CommandState::Unknown);
                    command.detail = Some(Note::cut(why));
                    command.changed_at = now;
                }
            }
        }
    }

    pub(super) fn keep_only(&mut self, known: impl Fn(&AgentId) -> bool) {
        self.by_agent.retain(|agent, _| known(agent));
    }

    fn push(&mut self, command: CommandPicture) {
        if !self.by_agent.contains_key(&command.agent) && self.by_agent.len() >= MAX_AGENTS {
            return;
        }
        let list = self.by_agent.entry(command.agent.clone()).or_default();
        list.push_back(command);
        if list.len() > MAX_PER_AGENT {
            let finished = list.iter().position(CommandPicture::is_terminal).unwrap_or(0);
            list.remove(finished);
        }
    }
}
