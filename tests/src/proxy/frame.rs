//! What a frame is: which way it goes, of which kind it is, which command it carries.

use super::Fate;
use bytes::Bytes;
use watchkeeper_model::{CommandId, CommandKind, MonoTime};
use watchkeeper_protocol::{
    AgentMessage, DecodeError, FirstFrame, Hello, OperatorMessage, ToAgent, ToOperator, Wire,
};

/// One way between the monitor and a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leg {
    /// What an agent says.
    AgentToMonitor,
    /// What an agent is told.
    MonitorToAgent,
    /// What an operator says.
    OperatorToMonitor,
    /// What an operator is told.
    MonitorToOperator,
}

impl Leg {
    /// Returns this leg's item of four.
    pub(super) const fn of<T>(self, four: &mut [T; 4]) -> &mut T {
        let [agent_to_monitor, monitor_to_agent, operator_to_monitor, monitor_to_operator] = four;
        match self {
            Self::AgentToMonitor => agent_to_monitor,
            Self::MonitorToAgent => monitor_to_agent,
            Self::OperatorToMonitor => operator_to_monitor,
            Self::MonitorToOperator => monitor_to_operator,
        }
    }
}

/// Who is at the other end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Peer {
    Agent,
    Operator,
}

impl Peer {
    /// Reads it from a first frame; what is no hello is the monitor's to refuse, whoever sent it.
    pub(super) fn of_first(frame: &[u8]) -> Self {
        match FirstFrame::decode(frame) {
            Ok(Hello::Agent(_)) => Self::Agent,
            Ok(Hello::Operator(_)) | Err(_) => Self::Operator,
        }
    }

    pub(super) const fn leg(self, up: bool) -> Leg {
        match (self, up) {
            (Self::Agent, true) => Leg::AgentToMonitor,
            (Self::Agent, false) => Leg::MonitorToAgent,
            (Self::Operator, true) => Leg::OperatorToMonitor,
            (Self::Operator, false) => Leg::MonitorToOperator,
        }
    }
}

/// A frame that came by.
#[derive(Clone, Debug)]
pub struct Seen {
    /// When, on the clock of the machine (CLOCK_BOOTTIME), which is also every agent's here.
    pub at: MonoTime,
    /// Which way it went.
    pub leg: Leg,
    /// Its kind, as on the wire; `hello` for a first frame.
    pub kind: &'static str,
    /// The verb of the command that it carries or tells of, where it says which.
    pub verb: Option<CommandKind>,
    /// The command that it carries or tells of.
    pub command_id: Option<CommandId>,
    /// It is a delta for an operator: its cursor is above every one before on this connection.
    pub is_delta: bool,
    /// What became of it.
    pub fate: Fate,
    frame: Bytes,
}

impl Seen {
    /// Reads a frame that goes this way. `cursor` is the highest so far on its connection, and moves on.
    pub(super) fn read(leg: Leg, frame: Bytes, cursor: &mut u64, at: MonoTime) -> Self {
        let (kind, command) = match leg {
            Leg::AgentToMonitor => read(&frame, command_of_agent),
            Leg::MonitorToAgent => read(&frame, command_to_agent),
            Leg::OperatorToMonitor => read(&frame, command_of_operator),
            Leg::MonitorToOperator => read(&frame, command_to_operator),
        };
        let (verb, command_id) = command.unwrap_or_default();
        let newest = if leg == Leg::MonitorToOperator { cursor_of(&frame) } else { None };
        let is_delta = kind != "snapshot" && newest.is_some_and(|newest| newest > *cursor);
        *cursor = newest.unwrap_or_default().max(*cursor);
        Self { at, leg, kind, verb, command_id, is_delta, fate: Fate::Pass, frame }
    }

    /// Returns the message.
    ///
    /// # Errors
    /// When this way knows no such message.
    pub fn message<M: Wire>(&self) -> Result<M, DecodeError> {
        M::decode(&self.frame)
    }

    /// Returns whether it orders something, and does not only tell what became of an order.
    pub fn is_command(&self) -> bool {
        self.command_id.is_some() && matches!(self.leg, Leg::MonitorToAgent | Leg::OperatorToMonitor)
    }

    /// Returns whether it reached the other side, sooner or later.
    pub fn arrived(&self) -> bool {
        !matches!(self.fate, Fate::Drop | Fate::Hold)
    }
}

/// The verb and id of the command in a message.
type Named = (Option<CommandKind>, Option<CommandId>);

fn read<M: Wire>(frame: &[u8], named: impl Fn(&M) -> Option<Named>) -> (&'static str, Option<Named>) {
    match M::decode(frame) {
        Ok(message) => (message.kind(), named(&message)),
        Err(_hello) => ("hello", None),
    }
}

fn command_of_agent(message: &AgentMessage) -> Option<Named> {
    let AgentMessage::Ack(ack) = message else { return None };
    Some((None, Some(ack.command_id)))
}

fn command_to_agent(message: &ToAgent) -> Option<Named> {
    let ToAgent::Command(command) = message else { return None };
    Some((Some(command.kind), Some(command.command_id)))
}

fn command_of_operator(message: &OperatorMessage) -> Option<Named> {
    let order = message.order()?;
    Some((Some(order.kind), Some(order.command_id)))
}

fn command_to_operator(message: &ToOperator) -> Option<Named> {
    let ToOperator::CommandStatus(update) = message else { return None };
    Some((Some(update.kind), Some(update.command_id)))
}

/// Returns the place in the stream of deltas, where a frame has one.
fn cursor_of(frame: &[u8]) -> Option<u64> {
    match ToOperator::decode(frame).ok()? {
        ToOperator::Snapshot(part) => Some(part.cursor),
        ToOperator::Alert(update) => Some(update.cursor),
        ToOperator::ControlStatus(update) => Some(update.cursor),
        ToOperator::CommandStatus(update) => Some(update.cursor),
        ToOperator::Lease(update) => Some(update.cursor),
        ToOperator::Takeover(update) => Some(update.cursor),
        ToOperator::Welcome(_)
        | ToOperator::Telemetry(_)
        | ToOperator::Roster(_)
        | ToOperator::Probed(_)
        | ToOperator::Dropped(_)
        | ToOperator::Health(_)
        | ToOperator::Ping(_)
        | ToOperator::Head(_)
        | ToOperator::Error(_)
        | ToOperator::Access(_) => None,
    }
}
