//! Commands that were accepted and whose effect is not confirmed yet: each reaches exactly one terminal state.

use super::{Gate, GateAck, GateOutput, REMEMBERED};
use std::hash::{Hash, Hasher};
use watchkeeper_model::{AgentTime, CommandCode, CommandId, CommandState, ControlState, RiskClass};

/// Most commands of the gate's own that run at once, and most tasks of a class.
const MAX_RUNNING: usize = 8;

/// What a running command waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Goal {
    /// The next report of the sensors: done once the agent's loop has come round.
    InForce,
    /// The same, for a speed cap that nothing overtook.
    Capped,
    /// The same, for a person who goes on driving.
    Driving,
    /// Standing in the minimal-risk condition, under HOLD or fallback.
    Standing,
    /// Stopped, as the sensors confirm; what comes between, such as somebody at the agent, only delays it.
    Stopped,
    /// The person is in control.
    Human,
    /// The agent drives again.
    Returned,
    /// The agent's own software says that its task is done; the task ends with who leads.
    Task,
    /// The same, whoever leads.
    Errand,
}

impl Goal {
    pub(super) const fn is_task(self) -> bool {
        matches!(self, Self::Task | Self::Errand)
    }
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    command_id: CommandId,
    goal: Goal,
    risk: RiskClass,
    /// Until when the agent's own software must have taken a task up.
    due: Option<AgentTime>,
}

/// The running commands, oldest first.
#[derive(Clone, Debug, Default)]
pub(super) struct Running(Vec<Entry>);

impl Running {
    /// Adds a command. Without room the oldest one gives way and is returned; a stop only gives way to stops, and a task
    /// to nothing: [`Self::has_room_for`] was asked before.
    fn start(&mut self, entry: Entry) -> Option<CommandId> {
        let mut own = self.0.iter().enumerate().filter(|(_, entry)| !entry.goal.is_task());
        let is_full = !entry.goal.is_task() && own.clone().count() >= MAX_RUNNING;
        let oldest = own.clone().find(|(_, entry)| entry.risk != RiskClass::Stop).or_else(|| own.next());
        let oldest = oldest.map(|(index, _)| index).filter(|_| is_full);
        let evicted = oldest.map(|index| self.0.remove(index).command_id);
        self.0.push(entry);
        evicted
    }

    /// Returns whether one more task may run: tasks can take long, so each class has room of its own, and nobody's ends
    /// because somebody gives another.
    pub(super) fn has_room_for(&self, goal: Goal, risk: RiskClass) -> bool {
        self.0.iter().filter(|entry| (entry.goal, entry.risk) == (goal, risk)).count() < MAX_RUNNING
    }

    /// Takes out every command that `ends` says yes to.
    fn take(&mut self, ends: impl Fn(&Entry) -> bool) -> Vec<Entry> {
        let taken = self.0.iter().filter(|entry| ends(entry)).copied().collect();
        self.0.retain(|entry| !ends(entry));
        taken
    }

    /// Returns when a task that nobody has taken up yet has waited too long.
    pub(super) fn due_at(&self) -> Option<AgentTime> {
        self.0.iter().filter_map(|entry| entry.due).min()
    }

    /// See [`Gate::hash_from_now`].
    pub(super) fn hash_from_now(&self, now: AgentTime, hasher: &mut impl Hasher) {
        for Entry { command_id, goal, risk, due } in &self.0 {
            (command_id, goal, risk, due.map(|due| now.until(due))).hash(hasher);
        }
    }
}

impl Gate {
    pub(super) fn start_running(
        &mut self,
        command_id: CommandId,
        goal: Goal,
        risk: RiskClass,
        now: AgentTime,
    ) {
        let due = goal.is_task().then(|| now.after(self.timers.verify));
        if let Some(oldest) = self.running.start(Entry { command_id, goal, risk, due }) {
            self.ack(oldest, CommandState::Superseded, None, Some("too many commands at once"), now);
        }
    }

    /// Completes commands whose effect the sensors just confirmed.
    pub(super) fn finish_running(&mut self, now: AgentTime) {
        for goal in [Goal::InForce, Goal::Capped, Goal::Driving] {
            self.complete(goal, now);
        }
    }

    /// Ends what only waits for a standstill: reached, or no longer wanted.
    pub(super) fn settle_running(&mut self, now: AgentTime) {
        if !self.is_stopping() {
            self.supersede(Goal::Standing, "somebody went on", now);
        } else if self.world.condition_reached {
            self.complete(Goal::Standing, now);
        }
        if self.state == ControlState::Estopped && self.world.condition_reached {
            self.complete(Goal::Stopped, now);
        }
    }

    fn is_stopping(&self) -> bool {
        match self.state {
            ControlState::Human | ControlState::Returning => self.hold,
            ControlState::Fallback
            | ControlState::FallbackFailed
            | ControlState::SafeHeld
            | ControlState::Estopped
            | ControlState::OutOfService => true,
            ControlState::InTransition => self.transition_from != ControlState::Claimed,
            ControlState::Autonomous
            | ControlState::AssistPending
            | ControlState::Requested
            | ControlState::Claimed
            | ControlState::Local => false,
        }
    }

    pub(super) fn complete(&mut self, reached: Goal, now: AgentTime) {
        self.end_running(reached, CommandState::Completed, None, now);
    }

    pub(super) fn supersede(&mut self, goal: Goal, why: &'static str, now: AgentTime) {
        self.end_running(goal, CommandState::Superseded, Some(why), now);
    }

    pub(super) fn fail(&mut self, goal: Goal, why: &'static str, now: AgentTime) {
        self.end_running(goal, CommandState::Failed, Some(why), now);
    }

    /// Ends what a fallback or a stop overtakes.
    pub(super) fn abandon_running(&mut self, now: AgentTime) {
        for goal in [Goal::Human, Goal::Returned, Goal::Driving, Goal::Task] {
            self.supersede(goal, "the agent fell back, was stopped, or is in other hands", now);
        }
    }

    fn end_running(&mut self, goal: Goal, state: CommandState, why: Option<&'static str>, now: AgentTime) {
        for entry in self.running.take(|entry| entry.goal == goal) {
            self.end_one(entry, state, why, now);
        }
    }

    fn end_one(&mut self, entry: Entry, state: CommandState, why: Option<&'static str>, now: AgentTime) {
        self.ack(entry.command_id, state, None, why, now);
        if entry.goal.is_task() {
            self.push(GateOutput::TaskOver(entry.command_id));
        }
    }

    /// Ends the tasks that nobody has taken up within T_verify.
    pub(super) fn expire_tasks(&mut self, now: AgentTime) {
        for entry in self.running.take(|entry| entry.due.is_some_and(|due| now >= due)) {
            let why = "the agent's own software did not take it up in time";
            self.end_one(entry, CommandState::Failed, Some(why), now);
        }
    }

    /// Takes a task out that is done, or cannot be; returns whether it ran.
    pub(super) fn finish_task(&mut self, command_id: CommandId) -> bool {
        !self.running.take(|entry| entry.goal.is_task() && entry.command_id == command_id).is_empty()
    }

    /// The agent's own software is at a task; returns whether it runs.
    pub(super) fn take_up_task(&mut self, command_id: CommandId) -> bool {
        let mut tasks = self.running.0.iter_mut().filter(|entry| entry.goal.is_task());
        tasks.find(|entry| entry.command_id == command_id).is_some_and(|entry| {
            entry.due = None;
            true
        })
    }

    /// Returns what became of a command that was seen before.
    pub(super) fn first_result(&self, command_id: CommandId) -> Option<CommandState> {
        self.seen.iter().find(|(id, _)| *id == command_id).map(|(_, state)| *state)
    }

    /// Remembers and tells what became of a command.
    pub(super) fn ack(
        &mut self,
        command_id: CommandId,
        state: CommandState,
        code: Option<CommandCode>,
        detail: Option<&'static str>,
        now: AgentTime,
    ) {
        self.remember(command_id, state);
        self.push_ack(command_id, state, code, detail, now);
    }

    /// Remembers what became of a command.
    pub(super) fn remember(&mut self, command_id: CommandId, state: CommandState) {
        if let Some(entry) = self.seen.iter_mut().find(|(id, _)| *id == command_id) {
            entry.1 = state;
            return;
        }
        if self.seen.len() >= REMEMBERED {
            // What still runs is not forgotten, or a copy of it would count as new.
            let runs = |state| matches!(state, CommandState::Accepted | CommandState::InProgress);
            let finished = self.seen.iter().position(|(_, state)| !runs(*state));
            self.seen.remove(finished.unwrap_or(0));
        }
        self.seen.push_back((command_id, state));
    }

    pub(super) fn push_ack(
        &mut self,
        command_id: CommandId,
        state: CommandState,
        code: Option<CommandCode>,
        detail: Option<&'static str>,
        at: AgentTime,
    ) {
        self.push(GateOutput::Ack(GateAck { command_id, state, code, detail, percent: None, at }));
    }
}
