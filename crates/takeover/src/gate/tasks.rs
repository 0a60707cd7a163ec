//! Tasks for the agent's own software (3.2): the gate says whether, the software does them and says how they end.
//!
//! A task changes neither who leads nor the directive. What a person in control ordered, and what helped an agent that
//! acted by itself, is over when that ends; what makes things safer, or only says something, is not.

use super::{Gate, GateAck, GateCommand, GateOutput, fence::Refusal, running::Goal};
use watchkeeper_model::{
    AgentTime, CommandArgs, CommandCode, CommandId, CommandState, ControlState, Epoch, TaskClass, TaskReport,
    TaskVerb,
};

/// A task that passed the gate.
#[derive(Clone, Debug, PartialEq)]
pub struct Task {
    /// Names it, in what the software says of it.
    pub command_id: CommandId,
    /// What to do.
    pub verb: TaskVerb,
    /// With what; what the verb needs is there and in range.
    pub args: CommandArgs,
}

impl Gate {
    /// Takes what the agent's own software says of a task. Of one that is over, or never was, it says nothing.
    pub fn handle_task_report(&mut self, command_id: CommandId, report: TaskReport, now: AgentTime) {
        self.handle_timeout(now);
        match report {
            TaskReport::Underway(percent) if self.take_up_task(command_id) => {
                let state = CommandState::InProgress;
                self.remember(command_id, state);
                let percent = percent.map(|share| share.min(100));
                let ack = GateAck { command_id, state, code: None, detail: None, percent, at: now };
                self.push(GateOutput::Ack(ack));
            }
            TaskReport::Done if self.finish_task(command_id) => {
                self.ack(command_id, CommandState::Completed, None, None, now);
            }
            TaskReport::Failed if self.finish_task(command_id) => {
                self.ack(command_id, CommandState::Failed, None, None, now);
            }
            TaskReport::Underway(_) | TaskReport::Done | TaskReport::Failed => {}
        }
    }

    /// Open to all, as a speed cap is: whoever holds the agent sends it under his lease.
    pub(super) fn take_safer_task(
        &mut self,
        verb: TaskVerb,
        command: &GateCommand<'_>,
        late: bool,
        now: AgentTime,
    ) -> Result<Goal, Refusal> {
        self.check_task(verb, Goal::Errand, command)?;
        if late {
            return Err((CommandCode::Expired, "the deadline has passed, or it was meant for another boot"));
        }
        if command.epoch != Epoch(0) && !self.is_next(command.epoch) {
            self.check_holder(command, now)?;
        }
        Ok(Goal::Errand)
    }

    /// What may make things riskier, or needs an epoch of its own; it has passed the fence.
    pub(super) fn take_task(&mut self, verb: TaskVerb, command: &GateCommand<'_>) -> Result<Goal, Refusal> {
        let goal = if verb.class() == TaskClass::Note { Goal::Errand } else { Goal::Task };
        self.check_task(verb, goal, command)?;
        match verb.class() {
            TaskClass::Exclusive if self.state != ControlState::Human => {
                Err((CommandCode::Precondition, "this needs a person in control"))
            }
            TaskClass::Assist if !self.state.agent_acts() => {
                Err((CommandCode::Precondition, "the agent does not act by itself now"))
            }
            TaskClass::Exclusive => Ok(goal),
            TaskClass::Assist | TaskClass::Note => {
                self.use_epoch(command.epoch);
                Ok(goal)
            }
            TaskClass::Safer => Err((CommandCode::Unsupported, "not an exclusive command")),
        }
    }

    fn check_task(&self, verb: TaskVerb, goal: Goal, command: &GateCommand<'_>) -> Result<(), Refusal> {
        if !self.identity.tasks.contains(&verb) {
            return Err((CommandCode::Unsupported, "this agent does no such task"));
        }
        verb.check(command.args)
            .map_err(|_missing| (CommandCode::Denied, "an argument is missing or wrong"))?;
        if !self.running.has_room_for(goal, verb.risk()) {
            return Err((CommandCode::TemporarilyRejected, "as many tasks of this class run as may"));
        }
        Ok(())
    }

    /// Gives an accepted task to the agent's own software.
    pub(super) fn hand_on(&mut self, verb: TaskVerb, command: &GateCommand<'_>, now: AgentTime) {
        let command_id = command.command_id;
        let task = Task { command_id, verb, args: command.args.clone() };
        if !self.push(GateOutput::Task(task)) && self.finish_task(command_id) {
            self.ack(command_id, CommandState::Failed, None, Some("the agent is too busy"), now);
        }
    }
}
