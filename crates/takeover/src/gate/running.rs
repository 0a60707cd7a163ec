//! Commands that were accepted and whose effect is not confirmed yet: each reaches exactly one terminal state.

use super::{Gate, GateAck, GateOutput, MAX_OUTPUTS, REMEMBERED};
use watchkeeper_model::{AgentTime, CommandCode, CommandId, CommandState, ControlState, RiskClass};

/// Most commands that run at once.
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
}

#[derive(Clone, Copy, Debug, Hash)]
struct Entry {
    command_id: CommandId,
    goal: Goal,
    risk: RiskClass,
}

/// The running commands, oldest first.
#[derive(Clone, Debug, Default, Hash)]
pub(super) struct Running(Vec<Entry>);

impl Running {
    /// Adds a command. Without room the oldest one gives way and is returned; a stop only gives way to stops.
    fn start(&mut self, entry: Entry) -> Option<CommandId> {
        let evicted = (self.0.len() >= MAX_RUNNING).then(|| {
            let oldest = self.0.iter().position(|entry| entry.risk != RiskClass::Stop).unwrap_or(0);
            self.0.remove(oldest).command_id
        });
        self.0.push(entry);
        evicted
    }

    /// Takes out every command with a goal that `reached` says yes to.
    fn take(&mut self, reached: impl Fn(Goal) -> bool) -> Vec<CommandId> {
        let taken = self.0.iter().filter(|entry| reached(entry.goal)).map(|entry| entry.command_id).collect();
        self.0.retain(|entry| !reached(entry.goal));
        taken
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
        if let Some(oldest) = self.running.start(Entry { command_id, goal, risk }) {
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
        for goal in [Goal::Human, Goal::Returned, Goal::Driving] {
            self.supersede(goal, "the agent fell back, was stopped, or is in other hands", now);
        }
    }

    fn end_running(&mut self, goal: Goal, state: CommandState, why: Option<&'static str>, now: AgentTime) {
        for command_id in self.running.take(|running| running == goal) {
            self.ack(command_id, state, None, why, now);
        }
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
        if let Some(entry) = self.seen.iter_mut().find(|(id, _)| *id == command_id) {
            entry.1 = state;
        } else {
            if self.seen.len() >= REMEMBERED {
                // What still runs is not forgotten, or a copy of it would count as new.
                let finished = self.seen.iter().position(|(_, state)| *state != CommandState::Accepted);
                self.seen.remove(finished.unwrap_or(0));
            }
            self.seen.push_back((command_id, state));
        }
        self.push_ack(command_id, state, code, detail, now);
    }

    pub(super) fn push_ack(
        &mut self,
        command_id: CommandId,
        state: CommandState,
        code: Option<CommandCode>,
        detail: Option<&'static str>,
        at: AgentTime,
    ) {
        if self.outputs.len() < MAX_OUTPUTS {
            self.outputs.push_back(GateOutput::Ack(GateAck { command_id, state, code, detail, at }));
        }
    }
}
