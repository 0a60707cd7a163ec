//! What only people near the agent or above the operators do: local control (row 29) and maintenance (row 28).

use super::{Gate, GateCommand, fence::Refusal, running::Goal};
use crate::machine::Event;
use watchkeeper_model::{
    AgentTime, CommandCode, ControlState, DemandOutcome, FallbackCause, FallbackLevel, LatchCause,
};

impl Gate {
    /// Follows the switch at the agent. Taking control there ends every lease, and giving it up always latches: the
    /// agent goes on only when a person says so.
    pub(super) fn follow_local(&mut self, now: AgentTime) {
        let is_local = self.state == ControlState::Local;
        if self.world.local_override && !is_local {
            if self.step(Event::LocalTaken) {
                self.leave_nominal(DemandOutcome::Local, now);
                self.ensure_latch(LatchCause::Local);
                self.stop_watching();
            }
        } else if is_local && !self.world.local_override {
            self.release_local(now);
        }
    }

    /// A run that begins under local control is LOCAL from its first moment.
    pub(super) fn start_local(&mut self) {
        if self.world.local_override {
            self.state = ControlState::Local;
            self.ensure_latch(LatchCause::Local);
        }
    }

    /// The order of 1.3: a stop that came meanwhile acts now, else the agent falls back.
    fn release_local(&mut self, now: AgentTime) {
        let event = if self.has_estop_latch() { Event::LocalReleasedStopped } else { Event::LocalReleased };
        if self.step(event) {
            self.level = self.level.max(FallbackLevel::COMFORTABLE);
            self.cause.get_or_insert(FallbackCause::Local);
            self.watch_from(now);
        }
    }

    /// Row 28: out of a condition that the sensors confirm, and nobody is about to take over.
    pub(super) fn suspend(&mut self, command: &GateCommand<'_>) -> Result<Goal, Refusal> {
        if !self.world.condition_reached {
            return Err((CommandCode::Precondition, "it does not stand safely yet"));
        }
        if !self.step(Event::Suspended) {
            return Err((CommandCode::Precondition, "only a held or stopped agent is taken out of service"));
        }
        self.use_epoch(command.epoch);
        self.end_lease();
        self.stop_watching();
        Ok(Goal::InForce)
    }

    /// Row 28, back: to the stop that is latched, else to SAFE_HELD. It releases nothing.
    pub(super) fn reinstate(&mut self, command: &GateCommand<'_>, now: AgentTime) -> Result<Goal, Refusal> {
        let stopped = self.has_estop_latch();
        let event = if stopped { Event::ReinstatedStopped } else { Event::Reinstated };
        if !self.step(event) {
            return Err((CommandCode::Precondition, "it is not out of service"));
        }
        self.use_epoch(command.epoch);
        if stopped {
            self.watch_from(now);
        }
        Ok(Goal::InForce)
    }
}
