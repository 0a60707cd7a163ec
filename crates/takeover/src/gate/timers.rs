//! The timers the agent owns: T_demand, T_transition, T_stable, T_deadman, T_ready, T_link, T_verify, grace, link
//! loss.

use super::{Gate, running::Goal};
use crate::machine::Event;
use watchkeeper_model::{AgentTime, ControlState, DemandOrigin, DemandOutcome, FallbackLevel};

impl Gate {
    /// Returns when [`Self::handle_timeout`] is due; `None` when nothing runs.
    pub fn poll_timeout(&self) -> Option<AgentTime> {
        let stable_at = self.stable_since.map(|since| since.after(self.timers.stable));
        // Only where being stable is all that is missing, or the time would be in the past and stay there.
        let waits_for_stable = match self.state {
            ControlState::InTransition => self.may_assume(),
            ControlState::Returning => self.may_return(),
            ControlState::Autonomous
            | ControlState::Requested
            | ControlState::Claimed
            | ControlState::Human
            | ControlState::Fallback
            | ControlState::SafeHeld
            | ControlState::Estopped => false,
        };
        [
            self.demand.map(|demand| demand.deadline),
            self.transition_deadline,
            self.lease_lapses_at(),
            self.next_lapses_at(),
            self.hands.until(),
            self.latency_unknown_at(),
            self.verify_at,
            self.grace_until,
            self.link_loss_at(),
            stable_at.filter(|_| waits_for_stable),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// Evaluates every timer that is due, in the order of `takeover.md` 1: link loss before timers.
    pub fn handle_timeout(&mut self, now: AgentTime) {
        self.fire(now);
        // A step may lead to a state in which another timer has been due all along.
        if self.poll_timeout().is_some_and(|at| at <= now) {
            self.fire(now);
        }
    }

    fn fire(&mut self, now: AgentTime) {
        if self.lease_lapses_at().is_some_and(|at| now >= at) {
            self.lose_lease(now);
        }
        if self.next_lapses_at().is_some_and(|at| now >= at) {
            self.drop_next();
        }
        self.check_dead_man(now);
        self.check_latency(now);
        if self.link_loss_at().is_some_and(|at| now >= at) {
            self.fall_back(Event::MinimalRisk, FallbackLevel::COMFORTABLE, now);
        }
        if let Some(demand) = self.open_demand()
            && now >= demand.deadline
        {
            if demand.origin == DemandOrigin::Operator {
                // A stray wish costs no fallback (row 6b); a transition under way is rolled back first.
                self.roll_back(Event::TransitionCancelled, now);
                if self.step(Event::DemandCancelled) {
                    self.end_demand(DemandOutcome::Cancelled);
                    self.end_lease();
                }
            } else {
                self.fall_back(Event::DemandExpired, FallbackLevel::COMFORTABLE, now);
            }
        }
        if self.transition_deadline.is_some_and(|at| now >= at) {
            self.transition_deadline = None;
            if self.state == ControlState::Returning {
                if self.step(Event::ReturnFailed) {
                    self.fail(Goal::Returned, "the agent was not steady in time", now);
                }
            } else {
                self.roll_back(Event::TransitionLost, now);
            }
        }
        if self.grace_until.is_some_and(|at| now >= at) {
            self.grace_until = None;
            self.escalate(FallbackLevel::COMFORTABLE, now);
        }
        self.verify(now);
        self.settle(now);
    }

    /// T_verify (row 20): no effect escalates, no telemetry only alarms, and level 3 is kept applied.
    fn verify(&mut self, now: AgentTime) {
        if self.verify_at.is_none_or(|at| now < at) {
            return;
        }
        self.verify_at = Some(now.after(self.timers.verify));
        let effect = self.world.condition_reached || self.world.progressing == Some(true);
        let falling =
            self.state == ControlState::Fallback || self.transition_from() == Some(ControlState::Fallback);
        if effect {
            if std::mem::take(&mut self.unverified) {
                self.report();
            }
            return;
        }
        if falling && self.world.progressing == Some(false) && self.level < FallbackLevel::EMERGENCY {
            self.escalate(self.level.harder(), now);
        } else if !self.unverified {
            self.unverified = true;
            self.report();
        }
    }

    /// Returns when the holder has been silent, or not ready, for too long (T_link, T_ready).
    fn lease_lapses_at(&self) -> Option<AgentTime> {
        let lease = self.active.or(self.pending)?;
        let link = lease.last_heartbeat_at.after(self.timers.link);
        let ready = lease.not_ready_since.map(|since| since.after(self.timers.ready));
        match (self.active.is_some(), ready) {
            (true, Some(ready)) => Some(link.min(ready)),
            (true, None) | (false, _) => Some(link),
        }
    }

    /// Returns when an autonomous agent has been without its monitor for too long. One that never had a monitor is
    /// in the safe policy and has nothing to fall back from.
    fn link_loss_at(&self) -> Option<AgentTime> {
        let counts = self.reconciled && self.state.agent_acts();
        self.link_lost_at.filter(|_| counts).map(|since| since.after(self.timers.link_loss))
    }
}
