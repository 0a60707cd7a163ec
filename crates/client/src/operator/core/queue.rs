//! A place for a stop in a queue that is full.

use super::OperatorCore;
use watchkeeper_model::{AgentId, CommandId};
use watchkeeper_protocol::{OperatorMessage, operator::Presented};

impl OperatorCore {
    /// Returns the stop of this agent that waits already, if one does; a confirmation is added to it.
    pub(super) fn join_waiting_stop(&mut self, agent: &AgentId, confirm_many: bool) -> Option<CommandId> {
        self.waiting.iter_mut().find_map(|message| {
            if let OperatorMessage::Stop(stop) = message
                && stop.agent == *agent
            {
                stop.confirm_many |= confirm_many;
                Some(stop.command_id)
            } else {
                None
            }
        })
    }

    /// Gives up the oldest message that comes again by itself: a `presented`, else a probe, else a heartbeat. Where there
    /// is none, the queue grows: by at most one stop per agent.
    pub(super) fn make_room(&mut self) {
        let is_presented = |message: &OperatorMessage| matches!(message, OperatorMessage::Presented(_));
        let is_probe = |message: &OperatorMessage| matches!(message, OperatorMessage::Probe(_));
        let is_heartbeat = |message: &OperatorMessage| matches!(message, OperatorMessage::Heartbeat(_));
        let place = self
            .waiting
            .iter()
            .position(is_presented)
            .or_else(|| self.waiting.iter().position(is_probe))
            .or_else(|| self.waiting.iter().position(is_heartbeat));
        let given_up = place.and_then(|place| self.waiting.remove(place));
        if let Some(OperatorMessage::Presented(Presented { alerts, .. })) = given_up {
            self.forget_told(&alerts);
        }
    }
}
