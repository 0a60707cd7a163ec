//! Every command that people sent, until it is finished and a while after.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::Duration,
};
use watchkeeper_model::{
    AgentId, CommandCode, CommandId, CommandKind, CommandState, Epoch, LatchId, MonoTime, Note, OperatorRole,
    PersonId, RiskClass,
};
use watchkeeper_protocol::agent::Command;

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
    /// When the agent must have said more of it; `None` while nothing is awaited.
    pub(crate) answer_due: Option<MonoTime>,
    /// To be sent again, while nothing was said of it.
    pub(crate) again: Option<Again>,
}

/// A command that makes things safer, as it is sent again under the same id where nothing is heard of it.
#[derive(Clone, Debug)]
pub(crate) struct Again {
    command: Box<Command>,
    due: MonoTime,
    left: u8,
    /// Late, a HOLD would be obeyed as a minimal-risk request: then it is not sent any more.
    until: MonoTime,
}

impl Again {
    /// How often it is sent again, and how far apart (`takeover.md` 3.1).
    const TIMES: u8 = 3;
    const APART: Duration = Duration::from_millis(500);

    /// Makes the repetitions of a command that has just been sent, up to its deadline; `None` for one that is not to be
    /// sent again.
    pub(crate) fn of(command: &Command, now: MonoTime, until: MonoTime) -> Option<Self> {
        let sent = || Self { command: Box::new(command.clone()), due: now, left: Self::TIMES + 1, until };
        (command.kind.risk() == RiskClass::Safer).then(sent)?.next()
    }

    /// Returns the repetition after this one.
    fn next(self) -> Option<Self> {
        let (due, left) = (self.due.after(Self::APART), self.left - 1);
        (left > 0 && due < self.until).then_some(Self { due, left, ..self })
    }
}

impl CommandEntry {
    /// Returns whether nothing more can become of it.
    pub(crate) fn is_over(&self) -> bool {
        self.state.is_terminal(self.kind.risk())
    }
}

/// The commands, by id and by age.
#[derive(Debug, Default)]
pub(crate) struct Commands {
    by_id: BTreeMap<CommandId, CommandEntry>,
    by_age: VecDeque<CommandId>,
    /// Those that are not over: few, where thousands are remembered.
    open: BTreeSet<CommandId>,
    not_logged: VecDeque<(u64, CommandId)>,
    /// The commands that an agent must answer, by their time.
    awaited: BTreeSet<(MonoTime, CommandId)>,
    /// The commands to send again, by their time.
    again: BTreeSet<(MonoTime, CommandId)>,
}

impl Commands {
    /// Returns a command.
    pub(crate) fn get(&self, command_id: CommandId) -> Option<&CommandEntry> {
        self.by_id.get(&command_id)
    }

    /// Remembers a new command.
    pub(crate) fn insert(&mut self, entry: CommandEntry) {
        if self.by_age.len() >= REMEMBERED {
            // A task may be under way for longer than thousands of other commands: what is over goes first.
            let is_over = |command_id| self.by_id.get(command_id).is_none_or(CommandEntry::is_over);
            let oldest = self.by_age.iter().position(is_over).unwrap_or(0);
            if let Some(oldest) = self.by_age.remove(oldest) {
                self.await_answer(oldest, None);
                self.send_again(oldest, None);
                self.by_id.remove(&oldest);
                self.open.remove(&oldest);
            }
        }
        if !entry.is_over() {
            self.open.insert(entry.command_id);
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
        if entry.is_over() || (entry.state == state && entry.code == code && entry.detail == detail) {
            return None;
        }
        entry.state = state;
        entry.code = code;
        entry.detail = detail;
        let (is_over, is_heard) = (entry.is_over(), state != CommandState::Forwarded);
        if is_over {
            self.open.remove(&command_id);
            self.await_answer(command_id, None);
        }
        if is_heard {
            self.send_again(command_id, None);
        }
        self.by_id.get(&command_id)
    }

    /// Sets until when the agent must say more of a command that is not over; `None` awaits nothing.
    pub(crate) fn await_answer(&mut self, command_id: CommandId, due: Option<MonoTime>) {
        let Some(entry) = self.by_id.get_mut(&command_id) else { return };
        if let Some(before) = entry.answer_due.take() {
            self.awaited.remove(&(before, command_id));
        }
        if let Some(due) = due.filter(|_| !entry.is_over()) {
            entry.answer_due = Some(due);
            self.awaited.insert((due, command_id));
        }
    }

    /// Sets the repetitions of a command; `None` ends them.
    pub(crate) fn send_again(&mut self, command_id: CommandId, again: Option<Again>) {
        let Some(entry) = self.by_id.get_mut(&command_id) else { return };
        if let Some(before) = entry.again.take() {
            self.again.remove(&(before.due, command_id));
        }
        if let Some(again) = again {
            self.again.insert((again.due, command_id));
            entry.again = Some(again);
        }
    }

    /// Returns the commands that are to be sent again now, with the agents.
    pub(crate) fn take_again(&mut self, now: MonoTime) -> Vec<(AgentId, Command)> {
        let mut due = Vec::new();
        while let Some(first) = self.again.first().copied().filter(|(at, _)| now >= *at) {
            self.again.remove(&first);
            let (_, command_id) = first;
            let Some(entry) = self.by_id.get_mut(&command_id) else { continue };
            let Some(again) = entry.again.take() else { continue };
            // Whoever wakes too late sends nothing that is late.
            if now >= again.until {
                continue;
            }
            due.push((entry.agent.clone(), (*again.command).clone()));
            self.send_again(command_id, again.next());
        }
        due
    }

    /// Returns when the next answer is due, or the next repetition.
    pub(crate) fn poll_timeout(&self) -> Option<MonoTime> {
        let next = |by_time: &BTreeSet<(MonoTime, CommandId)>| by_time.first().map(|(due, _)| *due);
        next(&self.awaited).into_iter().chain(next(&self.again)).min()
    }

    /// Returns the commands of which an agent has not said in time what became of them.
    pub(crate) fn take_unanswered(&mut self, now: MonoTime) -> Vec<CommandId> {
        let mut unanswered = Vec::new();
        while let Some((due, command_id)) = self.awaited.first().copied()
            && now >= due
        {
            self.await_answer(command_id, None);
            unanswered.push(command_id);
        }
        unanswered
    }

    /// Returns what a console that starts from a snapshot may have missed: the newest commands that are not over, and
    /// the newest of this person, newest first.
    pub(crate) fn newest_for(&self, person: &PersonId) -> impl Iterator<Item = &CommandEntry> {
        let newest = self.by_age.iter().rev().filter_map(|command_id| self.by_id.get(command_id));
        newest.filter(|entry| !entry.is_over() || entry.issued_by == *person)
    }

    /// Returns what is not over of an agent.
    fn open_of<'a>(&'a self, agent: &'a AgentId) -> impl Iterator<Item = &'a CommandEntry> {
        let open = self.open.iter().filter_map(|command_id| self.by_id.get(command_id));
        open.filter(move |entry| entry.agent == *agent)
    }

    /// Returns the commands of an agent that are on their way or at work.
    pub(crate) fn under_way(&self, agent: &AgentId) -> Vec<CommandId> {
        self.open_of(agent)
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
        self.open_of(agent)
            .filter(|entry| entry.kind == CommandKind::Estop)
            .map(|entry| entry.command_id)
            .collect()
    }

    /// Returns whether a command is not on disk yet.
    pub(crate) fn awaits_disk(&self) -> bool {
        !self.not_logged.is_empty()
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
