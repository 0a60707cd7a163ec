//! What stands before every command but a stop. In this order: who may order it from afar, boot, epoch, deadline,
//! expected state, evidence, lease, sequence. Only a command that passes all of them uses up its sequence.

use super::{Gate, GateCommand, HeldLease};
use watchkeeper_model::{AgentTime, CommandCode, CommandKind, ControlState, Epoch};

pub(super) type Refusal = (CommandCode, &'static str);

impl Gate {
    /// Returns whether the active or the pending lease has this epoch.
    pub(super) fn holds(&self, epoch: Epoch) -> bool {
        self.active.iter().chain(&self.pending).any(|lease| lease.epoch == epoch)
    }

    /// Somebody at the agent has the last word over everybody else (row 29).
    pub(super) fn check_remote(&self) -> Result<(), Refusal> {
        if self.state == ControlState::Local {
            return Err((CommandCode::Precondition, "somebody at the agent has control (local override)"));
        }
        Ok(())
    }

    /// The fence of what rests on no drive lease: an epoch minted for this one command.
    pub(super) fn check_own_epoch(&self, command: &GateCommand<'_>, now: AgentTime) -> Result<(), Refusal> {
        self.check_address(command, now)?;
        self.check_evidence(command)?;
        if command.epoch <= self.highest_epoch {
            return Err((CommandCode::StaleEpoch, "this command needs an epoch of its own, newly minted"));
        }
        Ok(())
    }

    /// Uses the epoch up, so that no copy of the command counts again.
    pub(super) fn use_epoch(&mut self, epoch: Epoch) {
        self.highest_epoch = self.highest_epoch.max(epoch);
        self.record_due = true;
    }

    /// The whole fence, for what may make things riskier.
    pub(super) fn check_fence(&mut self, command: &GateCommand<'_>, now: AgentTime) -> Result<(), Refusal> {
        self.check_address(command, now)?;
        self.check_evidence(command)?;
        self.take_sequence(command)
    }

    /// The fence without the evidence, for the holder's safer commands: they are right whatever he saw.
    pub(super) fn check_holder(&mut self, command: &GateCommand<'_>, now: AgentTime) -> Result<(), Refusal> {
        self.check_address(command, now)?;
        self.take_sequence(command)
    }

    /// Boot, epoch, deadline.
    pub(super) fn check_address(&self, command: &GateCommand<'_>, now: AgentTime) -> Result<(), Refusal> {
        if command.boot_id != self.identity.boot_id {
            return Err((CommandCode::StaleEpoch, "meant for another boot of this agent"));
        }
        let is_old = command.epoch != Epoch(0) && command.epoch <= self.highest_epoch;
        if is_old && !self.holds(command.epoch) {
            return Err((CommandCode::StaleEpoch, "the epoch is not the active one"));
        }
        if now >= command.deadline {
            return Err((CommandCode::Expired, "the deadline has passed"));
        }
        Ok(())
    }

    /// What the person saw.
    pub(super) fn check_evidence(&self, command: &GateCommand<'_>) -> Result<(), Refusal> {
        if command.expect_state.is_some_and(|expected| expected != self.state) {
            return Err((CommandCode::Precondition, "the control state is not the expected one"));
        }
        if command.evidence_version.is_some_and(|seen| seen != self.version) {
            return Err((CommandCode::StaleEvidence, "the control state changed since the person looked"));
        }
        Ok(())
    }

    /// Uses up a command number of a live lease: at or below the last of its epoch it is a repetition.
    fn take_sequence(&mut self, command: &GateCommand<'_>) -> Result<(), Refusal> {
        let is_for_next = matches!(command.kind, CommandKind::Engage | CommandKind::Release);
        if self.is_next(command.epoch) && !is_for_next {
            return Err((CommandCode::NotInControl, "somebody else is in control; engage first"));
        }
        let is = |lease: &&mut HeldLease| lease.epoch == command.epoch;
        let Some(lease) = [&mut self.active, &mut self.pending].into_iter().flatten().find(is) else {
            return Err(if command.epoch == Epoch(0) {
                (CommandCode::NotInControl, "this command needs a lease; claim it first")
            } else {
                (CommandCode::StaleEpoch, "the epoch is not the active one")
            });
        };
        if command.seq <= lease.command_seq {
            return Err((CommandCode::Duplicate, "the sequence is not above the last of this epoch"));
        }
        lease.command_seq = command.seq;
        Ok(())
    }
}
