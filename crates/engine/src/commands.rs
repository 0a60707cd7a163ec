//! Every command that people sent, until it is finished and a while after.

use std::collections::{BTreeMap, VecDeque};
use watchkeeper_model::{
    AgentId, CommandCode, CommandId, CommandKind, CommandState, Epoch, LatchId, Note, OperatorRole, PersonId,
};

/// How many commands are remembered, to answer duplicates.
const REMEMBERED: usize = 4_096;

/// One command.
#[derive(Clone, Debug)]
pub(crate) struct CommandEntry {
    pub(crate) command_id: CommandId,
    pub(crate) agent: AgentId,
    pub(crate) kind: CommandKind,
    pub(crate) issued_by: PersonId,
    pub(crate) role: OperatorRole,
    pub(crate) state: CommandState,
    pub(crate) code: Option<CommandCode>,
    pub(crate) detail: Option<Note>,
    /// The latches that it releases when it takes effect.
    pub(crate) releases: Vec<LatchId>,
    /// The lease it was sent under.
    pub(crate) epoch: Epoch,
    /// Number of the engine input that brought it: on disk once that is.
    pub(crate) input: u64,
    pub(crate) logged: bool,
}

/// The commands, by id and by age.
#[derive(Debug, Default)]
pub(crate) struct Commands {
    by_id: BTreeMap<CommandId, CommandEntry>,
    by_age: VecDeque<CommandId>,
    not_logged: VecDeque<(u64, CommandId)>,
}

impl Commands {
    /// Returns a command.
    pub(crate) fn get(&self, command_id: CommandId) -> Option<&CommandEntry> {
        self.by_id.get(&command_id)
    }

    /// Remembers a new command.
    pub(crate) fn insert(&mut self, entry: CommandEntry) {
        if self.by_age.len() >= REMEMBERED
            && let Some(oldest) = self.by_age.pop_front()
        {
            self.by_id.remove(&oldest);
        }
        self.by_age.push_back(entry.command_id);
        self.not_logged.push_back((entry.input, entry.command_id));
        self.by_id.insert(entry.command_id, entry);
    }

    /// Moves a command on; returns it as it stands afterwards. A terminal state is final.
    pub(crate) fn advance(
        &mut self,
        command_id: CommandId,
        state: CommandState,
        code: Option<CommandCode>,
        detail: Option<Note>,
    ) -> Option<&CommandEntry> {
        let entry = self.by_id.get_mut(&command_id)?;
        if entry.state.is_terminal(entry.kind.risk()) || (entry.state == state && entry.code == code) {
            return None;
        }
        entry.state = state;
        entry.code = code;
        entry.detail = detail;
        Some(entry)
    }

    /// Returns the commands of an agent that are on their way or at work.
    pub(crate) fn under_way(&self, agent: &AgentId) -> Vec<CommandId> {
        self.by_id
            .values()
            .filter(|entry| entry.agent == *agent)
            .filter(|entry| match entry.state {
                CommandState::Forwarded | CommandState::Accepted | CommandState::InProgress => true,
                CommandState::Received
                | CommandState::Rejected
                | CommandState::Completed
                | CommandState::Failed
                | CommandState::Cancelled
                | CommandState::Expired
                | CommandState::Superseded
                | CommandState::Unknown => false,
            })
            .map(|entry| entry.command_id)
            .collect()
    }

    /// Returns whether an ENGAGE under `epoch` is on its way to an agent, or at work there.
    pub(crate) fn is_engaging(&self, agent: &AgentId, epoch: Epoch) -> bool {
        self.under_way(agent)
            .into_iter()
            .filter_map(|command_id| self.by_id.get(&command_id))
            .any(|entry| entry.kind == CommandKind::Engage && entry.epoch == epoch)
    }

    /// Returns the stops of an agent that are not finished.
    pub(crate) fn open_stops(&self, agent: &AgentId) -> Vec<CommandId> {
        self.by_id
            .values()
            .filter(|entry| entry.agent == *agent && entry.kind == CommandKind::Estop)
            .filter(|entry| !entry.state.is_terminal(entry.kind.risk()))
            .map(|entry| entry.command_id)
            .collect()
    }

    /// Marks commands as on disk up to an input; returns those.
    pub(crate) fn mark_logged(&mut self, input: u64) -> Vec<CommandId> {
        let mut logged = Vec::new();
        while let Some((at, command_id)) = self.not_logged.front().copied()
            && at <= input
        {
            self.not_logged.pop_front();
            if let Some(entry) = self.by_id.get_mut(&command_id) {
                entry.logged = true;
                logged.push(command_id);
            }
        }
        logged
    }
}
