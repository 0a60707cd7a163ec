//! Gates with a hole, made of the production gate: an adapter changes an input just before the gate reads it, so that
//! the check in question lets everything pass. The history knows the input as it was sent.

use super::{
    bounds::Bounds,
    configurations::{BACKUP_COMES, SEVERAL_ORDERS, TWO_CLAIMS},
    state::{Beat, Fate, GrantMail, Sent},
};
use uuid::Uuid;
use watchkeeper_model::{AgentTime, BootId, CommandId, Epoch, Incarnation};
use watchkeeper_takeover::{Gate, GateCommand};

/// What the gate does not check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flaw {
    /// The gate as it is.
    None,
    /// The epoch of a command: any is the live one.
    Epoch,
    /// The deadline of a command.
    Deadline,
    /// Whether a command was seen before.
    Duplicate,
    /// The sequence of a command within its epoch.
    Sequence,
    /// The epoch and the boot of a grant.
    Grant,
    /// The sequence and the deadline of a heartbeat.
    Heartbeat,
    /// The incarnation of a monitor.
    Incarnation,
}

/// Far beyond every sequence that people use.
const FRESH: u64 = 1_000;
/// Set in the id of a copy that is to look like a new command.
const COPY: u128 = 1 << 64;
const FAR: AgentTime = AgentTime::from_nanos(u64::MAX);

/// Each gate with a hole, and a configuration that finds it out.
pub(crate) const HOLES: [(Flaw, &Bounds); 7] = [
    (Flaw::Epoch, &TWO_CLAIMS),
    (Flaw::Deadline, &TWO_CLAIMS),
    (Flaw::Duplicate, &TWO_CLAIMS),
    (Flaw::Sequence, &SEVERAL_ORDERS),
    (Flaw::Grant, &TWO_CLAIMS),
    (Flaw::Heartbeat, &TWO_CLAIMS),
    (Flaw::Incarnation, &BACKUP_COMES),
];

impl Flaw {
    /// Returns which command an id stands for.
    pub(crate) fn index_of(command_id: CommandId) -> usize {
        let number = (command_id.0.as_u128() % COPY).saturating_sub(1);
        usize::try_from(number).unwrap_or(usize::MAX)
    }

    /// Returns the command as the gate gets it.
    pub(super) fn command<'a>(self, gate: &Gate, index: usize, sent: &'a Sent) -> GateCommand<'a> {
        let id = index as u128 + 1;
        let mut command = GateCommand {
            command_id: CommandId(Uuid::from_u128(id)),
            boot_id: sent.boot_id,
            kind: sent.kind,
            args: &sent.args,
            epoch: sent.epoch,
            seq: sent.seq,
            deadline: sent.deadline,
            evidence_version: sent.evidence,
            expect_state: None,
        };
        let live = if sent.kind.has_own_epoch() { gate.highest_epoch().next() } else { gate.epoch() };
        match self {
            Self::None | Self::Grant | Self::Heartbeat | Self::Incarnation => {}
            Self::Epoch if sent.epoch > Epoch(0) && live != sent.epoch => {
                (command.epoch, command.seq) = (live, FRESH + sent.seq);
            }
            Self::Epoch => {}
            Self::Deadline => command.deadline = FAR,
            Self::Duplicate if sent.fate != Fate::Unseen => {
                command.command_id = CommandId(Uuid::from_u128(id | COPY));
                command.seq += FRESH;
            }
            Self::Duplicate => {}
            Self::Sequence => command.seq += FRESH * gate.state_version().0,
        }
        command
    }

    pub(super) fn grant(self, gate: &Gate, grant: &GrantMail) -> (Epoch, BootId) {
        match self {
            Self::Grant => (gate.highest_epoch().next(), gate.identity().boot_id),
            _ => (grant.epoch, grant.boot_id),
        }
    }

    pub(super) fn heartbeat(self, beat: &Beat, newest: u64) -> (u64, AgentTime) {
        match self {
            Self::Heartbeat => (FRESH + newest, FAR),
            _ => (beat.seq, beat.deadline),
        }
    }

    pub(super) fn incarnation(self, found: Incarnation, seen: Incarnation) -> Incarnation {
        match self {
            Self::Incarnation => found.max(seen),
            _ => found,
        }
    }
}
