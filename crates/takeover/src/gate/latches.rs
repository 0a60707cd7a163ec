//! Latches: set by a fallback or a stop, adopted from a monitor that remembers more, released by a person.

use super::{Gate, GateCommand, MAX_ADOPTED, fence::Refusal, running::Goal};
use crate::machine::Event;
use watchkeeper_model::{
    AgentTime, CommandCode, ControlState, Epoch, FallbackCause, FallbackLevel, Latch, LatchCause, LatchId,
};

/// Ids from here on are never minted by an agent ([`LatchId::first_of`]).
const FOREIGN_IDS: LatchId = LatchId(1 << 63);

impl Gate {
    pub(super) fn has_estop_latch(&self) -> bool {
        self.latches.iter().any(|latch| latch.cause == LatchCause::Estop)
    }

    /// Rows 25 and 27: under an epoch of its own, minted for it. Of several latches of one cause each is released
    /// by a command of its own, and only the last one lets go.
    pub(super) fn clear_latch(&mut self, command: &GateCommand<'_>) -> Result<Goal, Refusal> {
        let Some(latch_id) = command.args.latch_id else {
            return Err((CommandCode::Denied, "clear_latch needs latch_id"));
        };
        let Some(latch) = self.latches.iter().find(|latch| latch.latch_id == latch_id).copied() else {
            return Err((CommandCode::Precondition, "no such latch is held"));
        };
        match (self.state, latch.cause) {
            (ControlState::Estopped, LatchCause::Estop) => {
                if !self.world.condition_reached {
                    return Err((CommandCode::Precondition, "the stop is not confirmed yet"));
                }
                self.consume_latch(latch_id, command.epoch);
                if !self.has_estop_latch() {
                    // A stop always leaves a fallback latch behind, so that going on is a second decision.
                    self.step(Event::EstopCleared);
                    self.ensure_latch(LatchCause::Fallback);
                }
                Ok(Goal::InForce)
            }
            (ControlState::SafeHeld, LatchCause::Fallback | LatchCause::Local) => {
                if !self.world.can_resume {
                    return Err((CommandCode::Precondition, "the agent cannot drive by itself yet"));
                }
                self.consume_latch(latch_id, command.epoch);
                if self.latches.is_empty() && self.step(Event::LatchesCleared) {
                    self.end_lease();
                    self.speed_cap_mps = None;
                }
                Ok(Goal::InForce)
            }
            (
                ControlState::Autonomous
                | ControlState::AssistPending
                | ControlState::Requested
                | ControlState::Claimed
                | ControlState::InTransition
                | ControlState::Human
                | ControlState::Returning
                | ControlState::Fallback
                | ControlState::FallbackFailed
                | ControlState::SafeHeld
                | ControlState::Estopped
                | ControlState::Local
                | ControlState::OutOfService,
                LatchCause::Fallback | LatchCause::Estop | LatchCause::Local,
            ) => Err((CommandCode::Precondition, "this latch cannot be cleared in this state")),
        }
    }

    fn consume_latch(&mut self, latch_id: LatchId, epoch: Epoch) {
        self.use_epoch(epoch);
        self.latches.retain(|latch| latch.latch_id != latch_id);
        self.changed();
    }

    /// Holds a latch of this cause, minting one when there is none; at most one per cause is ever minted at a time.
    /// Returns whether it did.
    pub(super) fn ensure_latch(&mut self, cause: LatchCause) -> bool {
        if self.latches.iter().any(|latch| latch.cause == cause) {
            return false;
        }
        self.latches.push(Latch { latch_id: self.next_latch, cause });
        self.next_latch = self.next_latch.next();
        self.record_due = true;
        true
    }

    /// Adds latches that the monitor has on record and that this agent does not hold, and obeys them. What does
    /// not fit is held as one latch of the same cause.
    pub(super) fn adopt_latches(&mut self, latches: &[Latch], now: AgentTime) {
        let mut stops = false;
        for latch in latches {
            if self.latches.iter().any(|held| held.latch_id == latch.latch_id) {
                continue;
            }
            let is_new = if self.latches.len() < MAX_ADOPTED {
                self.latches.push(*latch);
                if latch.latch_id < FOREIGN_IDS {
                    self.next_latch = self.next_latch.max(latch.latch_id.next());
                }
                true
            } else {
                self.ensure_latch(latch.cause)
            };
            if is_new {
                stops |= latch.cause == LatchCause::Estop;
                self.changed();
            }
        }
        let agent_acts = self.state.agent_acts() || self.transition_from() == Some(ControlState::Claimed);
        // A stop that this agent has latched already waits for local control or maintenance to end.
        if stops {
            self.estop(now);
        } else if !self.latches.is_empty() && agent_acts {
            self.fall_back(Event::MinimalRisk, FallbackLevel::COMFORTABLE, FallbackCause::Latch, now);
        }
    }
}
