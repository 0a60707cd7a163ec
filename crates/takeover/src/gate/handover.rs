//! Handover and pre-emption (row 16): the next holder's epoch is pending beside the active one, until his first
//! valid command, his ENGAGE, switches them in one step. No gap, no overlap.

use super::{Gate, HeldLease, fence::Refusal, running::Goal};
use crate::machine::Event;
use watchkeeper_model::{AgentTime, CommandCode, Epoch};

impl Gate {
    /// Returns the epoch of the next holder, while somebody else is in control.
    pub fn next_epoch(&self) -> Option<Epoch> {
        self.next_holder().map(|lease| lease.epoch)
    }

    /// Returns the pending lease beside an active one.
    pub(super) fn next_holder(&self) -> Option<HeldLease> {
        self.pending.filter(|_| self.active.is_some())
    }

    /// Returns whether `epoch` is the one of the next holder: it may ENGAGE or be given back, nothing else.
    pub(super) fn is_next(&self, epoch: Epoch) -> bool {
        self.next_epoch() == Some(epoch)
    }

    /// Takes note of who is next. The state version stays: what the holder sees and does is as valid as before.
    pub(super) fn set_next(&mut self, lease: HeldLease, now: AgentTime) {
        self.pending = Some(lease);
        self.next_until = Some(now.after(self.timers.engage_next()));
        self.report();
    }

    /// The next holder is none any more; the active one notices nothing.
    pub(super) fn drop_next(&mut self) {
        if self.next_holder().is_some() {
            self.pending = None;
            self.next_until = None;
            self.report();
        }
    }

    /// Returns when the next holder has taken too long to engage, or been silent (T_link).
    pub(super) fn next_lapses_at(&self) -> Option<AgentTime> {
        let silent = self.next_holder()?.last_heartbeat_at.after(self.timers.link);
        Some(self.next_until.map_or(silent, |until| until.min(silent)))
    }

    /// Row 16: the ENGAGE of the next holder. It releases no latch, and sets nothing in motion: a hold and a
    /// standstill stay, and what was driven by hand is neutral until he says what he wants.
    pub(super) fn switch_holder(&mut self, names_latches: bool, now: AgentTime) -> Result<Goal, Refusal> {
        let Some(next) = self.next_holder().filter(|lease| lease.ready) else {
            return Err((CommandCode::Precondition, "the next holder is not ready"));
        };
        if names_latches {
            return Err((CommandCode::Denied, "a handover releases no latch: name none"));
        }
        if !self.step(Event::HandedOver) {
            return Err((CommandCode::Precondition, "nobody is in control"));
        }
        self.active = Some(next);
        self.pending = None;
        self.next_until = None;
        self.transition_deadline = None;
        self.hold |= self.world.standstill;
        self.hands.switch(self.world.standstill);
        self.supersede(Goal::Returned, "somebody else took control", now);
        Ok(Goal::InForce)
    }
}
