//! Tasks that people gave to the agent's own software, on their way there.

use super::AgentCore;
use std::collections::VecDeque;
use watchkeeper_model::{AgentTime, CommandId, Note, TaskReport};
use watchkeeper_takeover::Task;

/// What the agent's own software is told.
#[derive(Clone, Debug, PartialEq)]
pub enum TaskEvent {
    /// Do this, and say how it goes. What the software does not take up within T_verify has failed.
    New(Box<Task>),
    /// This one is none any more; what was begun of it is to be left. Nothing need be said of it.
    Over(CommandId),
}

/// The tasks of one boot. The gate bounds them: so many run at once, and each is told of twice at most.
#[derive(Debug, Default)]
pub(super) struct Tasking {
    /// Accepted, and to be told once the gate's record is safe.
    accepted: VecDeque<TaskEvent>,
    /// To be told.
    ready: VecDeque<TaskEvent>,
    /// Told, and not over.
    told: Vec<CommandId>,
}

impl Tasking {
    pub(super) fn handle_task(&mut self, task: Task) {
        self.accepted.push_back(TaskEvent::New(Box::new(task)));
    }

    /// A task that was not told of yet is forgotten.
    pub(super) fn handle_over(&mut self, command_id: CommandId) {
        let is_it =
            |event: &TaskEvent| matches!(event, TaskEvent::New(task) if task.command_id == command_id);
        self.accepted.retain(|event| !is_it(event));
        self.ready.retain(|event| !is_it(event));
        if self.forget(command_id) {
            self.ready.push_back(TaskEvent::Over(command_id));
        }
    }

    /// Nothing given to the boot before this counts any more.
    pub(super) fn handle_new_boot(&mut self) {
        self.accepted.clear();
        self.ready.retain(|event| matches!(event, TaskEvent::Over(_)));
        let told = std::mem::take(&mut self.told);
        self.ready.extend(told.into_iter().map(TaskEvent::Over));
    }

    fn forget(&mut self, command_id: CommandId) -> bool {
        let before = self.told.len();
        self.told.retain(|told| *told != command_id);
        self.told.len() < before
    }
}

impl AgentCore {
    /// Lets what was accepted be told: what it rests on is on disk.
    pub fn release_tasks(&mut self) {
        if self.record.is_none() {
            let accepted = std::mem::take(&mut self.tasking.accepted);
            self.tasking.ready.extend(accepted);
        }
    }

    /// Returns the next thing to tell the agent's own software.
    pub fn poll_task(&mut self) -> Option<TaskEvent> {
        let event = self.tasking.ready.pop_front()?;
        if let TaskEvent::New(task) = &event {
            self.tasking.told.push(task.command_id);
        }
        Some(event)
    }

    /// Returns whether there is something to tell the agent's own software.
    pub fn has_tasks(&self) -> bool {
        !self.tasking.ready.is_empty()
    }

    /// Takes what the agent's own software says of a task, with the reason where it failed.
    pub fn handle_task_report(
        &mut self,
        command_id: CommandId,
        report: TaskReport,
        reason: Option<Note>,
        now: AgentTime,
    ) {
        self.wake(now);
        // What else is due is said first, in its own words.
        self.gate.handle_timeout(now);
        self.settle(now);
        if !matches!(report, TaskReport::Underway(_)) {
            self.tasking.forget(command_id);
        }
        self.gate.handle_task_report(command_id, report, now);
        self.settle_saying(reason, now);
    }
}
