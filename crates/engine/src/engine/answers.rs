//! What became of commands where nobody said so: every command ends, also when its answer is lost or never given.
//!
//! A command that went to an agent, and of which the agent does not say in time what became, is UNKNOWN. It is never
//! sent again: its deadline has passed by then, or its effect must have shown. Stops are another matter, they
//! are sent until their effect is confirmed.

use super::{Engine, authority::update_of};
use std::time::Duration;
use watchkeeper_model::{
    AgentId, AgentTime, CommandId, CommandKind, CommandState, DemandOutcome, MonoTime, Note, PersonId,
    SessionId,
};
use watchkeeper_protocol::ToOperator;

/// How long a stop in comfort may take, and how long a deadline is waited for at most (ours): several times what a
/// lorry needs from its highest speed.
const LONGEST: Duration = Duration::from_mins(1);
/// How many commands a console that starts from a snapshot is told of.
const MOST_RETOLD: usize = 64;

impl Engine {
    /// Returns when a deadline of an agent's clock is, and until when the agent must answer: the command may be on its
    /// way until then, and the answer gets T_agent on top. `None` for an agent that nobody knows.
    pub(super) fn deadline_and_answer(
        &self,
        agent_id: &AgentId,
        deadline: AgentTime,
        now: MonoTime,
    ) -> Option<(MonoTime, MonoTime)> {
        let agent = self.agents.get(agent_id)?;
        let (clock, heard_at) = agent.mirror.agent_clock();
        let left = clock.after(now.since(heard_at)).until(deadline).min(LONGEST);
        Some((now.after(left), now.after(left).after(agent.timers.agent)))
    }

    /// Sets until when an agent that has accepted a command, or is at it, must say how it ended.
    pub(super) fn await_end(&mut self, agent_id: &AgentId, command_id: CommandId, now: MonoTime) {
        let Some(timers) = self.agents.get(agent_id).map(|agent| &agent.timers) else { return };
        let Some(entry) = self.commands.get(command_id) else { return };
        if !matches!(entry.state, CommandState::Accepted | CommandState::InProgress) {
            return;
        }
        let effect = match entry.kind {
            // Sent again, and confirmed by what the sensors say.
            CommandKind::Estop => return,
            CommandKind::Hold | CommandKind::MinimalRisk => LONGEST,
            CommandKind::Engage | CommandKind::Assume | CommandKind::HandBack => timers.transition,
            // What is under way takes as long as it takes: the agent's own software says how it ends.
            CommandKind::Task(_) if entry.state == CommandState::InProgress => {
                self.commands.await_answer(command_id, None);
                return;
            }
            CommandKind::Task(_)
            | CommandKind::SpeedCap
            | CommandKind::Resume
            | CommandKind::Release
            | CommandKind::Dismiss
            | CommandKind::ClearLatch
            | CommandKind::Decide
            | CommandKind::Suspend
            | CommandKind::Reinstate => timers.verify,
        };
        let due = now.after(effect).after(timers.agent);
        self.commands.await_answer(command_id, Some(due));
    }

    /// Ends every command whose answer is overdue.
    pub(super) fn give_up_commands(&mut self, now: MonoTime) {
        for command_id in self.commands.take_unanswered(now) {
            let Some(entry) = self.commands.get(command_id) else { continue };
            let (kind, agent_id) = (entry.kind, entry.agent.clone());
            let why = match entry.state {
                CommandState::Forwarded => "the agent did not answer in time",
                CommandState::Received
                | CommandState::Rejected
                | CommandState::Accepted
                | CommandState::InProgress
                | CommandState::Completed
                | CommandState::Failed
                | CommandState::Cancelled
                | CommandState::Expired
                | CommandState::Superseded
                | CommandState::Unknown => "the agent took it and did not say in time how it ended",
            };
            self.advance_command(command_id, CommandState::Unknown, None, Some(Note::cut(why)));
            let demand = self.agents.get_mut(&agent_id).and_then(|agent| agent.demand.as_mut());
            if let Some(demand) = demand.filter(|_| kind == CommandKind::Dismiss)
                && demand.ending == Some(DemandOutcome::Dismissed)
            {
                // Nobody knows that it is dismissed: it may still clear itself.
                demand.ending = None;
            }
        }
    }

    /// Tells a console that starts from a snapshot what became of commands meanwhile, without new cursors: deltas
    /// that it missed do not come again.
    pub(super) fn send_commands(&mut self, session: SessionId, person: &PersonId) {
        let cursor = self.cursor_of(session);
        let newest = self.commands.newest_for(person).filter(|entry| self.sees(session, &entry.agent));
        let mut updates: Vec<_> = newest.take(MOST_RETOLD).map(|entry| update_of(entry, cursor)).collect();
        updates.reverse();
        for update in updates {
            self.send_operator(session, ToOperator::CommandStatus(update));
        }
    }
}
