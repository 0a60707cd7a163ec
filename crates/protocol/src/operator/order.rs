//! Commands among the messages of an operator: what three of them and two requests have in common.

use super::OperatorMessage;
use watchkeeper_model::{AgentId, CommandId, CommandKind, Epoch};

/// A command among the messages of an operator, whichever form it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Order<'a> {
    /// Names it.
    pub command_id: CommandId,
    /// Which agent.
    pub agent: &'a AgentId,
    /// The verb.
    pub kind: CommandKind,
    /// The lease; 0 where the verb needs none.
    pub epoch: Epoch,
}

impl OperatorMessage {
    /// Returns the command that this is; `None` where it is none.
    pub fn order(&self) -> Option<Order<'_>> {
        let (command_id, agent, kind, epoch) = match self {
            Self::Engage(body) => (body.command_id, &body.agent, CommandKind::Engage, body.epoch),
            Self::Release(body) => (body.command_id, &body.agent, CommandKind::Release, body.epoch),
            Self::HandBack(body) => (body.command_id, &body.agent, CommandKind::HandBack, body.epoch),
            Self::Command(body) => (body.command_id, &body.agent, body.kind, body.epoch),
            Self::Stop(body) => (body.command_id, &body.agent, CommandKind::Estop, Epoch(0)),
            Self::Claim(_)
            | Self::Acknowledge(_)
            | Self::Heartbeat(_)
            | Self::Presented(_)
            | Self::Shelve(_)
            | Self::Unshelve(_)
            | Self::TakeOutOfService(_)
            | Self::ReturnToService(_)
            | Self::Reset(_)
            | Self::RequestHandover(_)
            | Self::AnswerHandover(_)
            | Self::AllowTakeover(_)
            | Self::Waive(_)
            | Self::Label(_)
            | Self::Pong(_)
            | Self::Probe(_)
            | Self::Refresh(_) => return None,
        };
        Some(Order { command_id, agent, kind, epoch })
    }
}
