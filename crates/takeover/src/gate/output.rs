//! What the gate wants told, until it is fetched.

use super::{Answer, Gate, MAX_OUTPUTS, Task};
use watchkeeper_model::{AgentTime, CommandCode, CommandId, CommandState};

/// Something to tell the monitor.
#[derive(Clone, Debug, PartialEq)]
pub enum GateOutput {
    /// Send a heartbeat now: the control state changed.
    Report,
    /// Send what became of a command.
    Ack(GateAck),
    /// Tell the agent's own software how its question ended.
    Answer(Answer),
    /// Give the agent's own software a task.
    Task(Task),
    /// Tell the agent's own software that a task is none any more: it fell back, somebody else leads, or it took too long.
    TaskOver(CommandId),
}

/// What became of a command.
#[derive(Clone, Debug, PartialEq)]
pub struct GateAck {
    /// Which.
    pub command_id: CommandId,
    /// Where it is.
    pub state: CommandState,
    /// Why not.
    pub code: Option<CommandCode>,
    /// More, in words.
    pub detail: Option<&'static str>,
    /// IN_PROGRESS: the share done, 0 to 100.
    pub percent: Option<u8>,
    /// When, on the agent's clock.
    pub at: AgentTime,
}

impl Gate {
    /// Wants a heartbeat sent.
    pub(super) fn report(&mut self) {
        if self.outputs.back() != Some(&GateOutput::Report) && self.outputs.len() < MAX_OUTPUTS {
            self.outputs.push_back(GateOutput::Report);
        }
    }

    /// Tells something, where there is room; returns whether there was.
    pub(super) fn push(&mut self, output: GateOutput) -> bool {
        let fits = self.outputs.len() < MAX_OUTPUTS;
        if fits {
            self.outputs.push_back(output);
        }
        fits
    }
}
