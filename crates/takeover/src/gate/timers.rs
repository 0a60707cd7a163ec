//! The timers the agent owns: T_demand, T_decide, T_transition, T_stable, T_deadman, T_ready, T_link, T_verify (of
//! effects and of tasks), grace, link loss.

use super::{Gate, running::Goal};
use crate::machine::Event;
use watchkeeper_model::{AgentTime, ControlState, DemandOrigin, DemandOutcome, FallbackCause, FallbackLevel};

impl Gate {
    /// Returns when [`Self::handle_timeout`] is due; `None` when nothing runs.
    pub fn poll_timeout(&self) -> Option<AgentTime> {
        let stable_at = self.stable_since.map(|since| since.after(self.timers.stable));
        // Only where being stable is all that is missing, or the time would be in the past and stay there.
        let waits_for_stable = match self.state {
            ControlState::InTransition => self.may_assume(),
            ControlState::Returning => self.may_return(),
            ControlState::Autonomous
            | ControlState::AssistPending
            | ControlState::Requested
            | ControlState::Claimed
            | ControlState::Human
            | ControlState::Fallback
            | ControlState::FallbackFailed
            | ControlState::SafeHeld
            | ControlState::Estopped
            | ControlState::Local
            | ControlState::OutOfService => false,
        };
        [
            self.demand.map(|demand| demand.deadline),
            self.questions.due_at(),
            self.transition_deadline,
            self.lease_lapses().map(|(at, _)| at),
            self.next_lapses_at(),
            self.hands.until(),
            self.latency_unknown_at(),
            self.verify_at,
            self.grace_until,
            self.link_loss_at(),
            self.running.due_at(),
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
        if let Some((at, cause)) = self.lease_lapses()
            && now >= at
        {
            self.lose_lease(cause, now);
        }
        if self.next_lapses_at().is_some_and(|at| now >= at) {
            self.drop_next();
        }
        self.check_dead_man(now);
        self.check_latency(now);
        if self.link_loss_at().is_some_and(|at| now >= at) {
            self.fall_back(Event::MinimalRisk, FallbackLevel::COMFORTABLE, FallbackCause::MonitorLost, now);
        }
        self.expire_questions(now);
        self.expire_tasks(now);
        if let Some(demand) = self.open_demand()
            && now >= demand.deadline
        {
            if demand.origin == DemandOrigin::Operator {
                // A stray wish costs no fallback (row 6b); a transition under way is rolled back first.
                self.roll_back(Event::TransitionCancelled, now);
                if self.step(Event::DemandCancelled) {
                    self.end_demand(DemandOutcome::Cancelled, now);
                    self.end_lease();
                }
            } else {
                self.fall_back(Event::DemandExpired, FallbackLevel::COMFORTABLE, FallbackCause::Demand, now);
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

    /// T_verify (rows 20, 22): no effect escalates, no telemetry only alarms, and level 3 is kept applied.
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
        let fails = falling && self.world.progressing == Some(false);
        if fails && self.level < FallbackLevel::EMERGENCY {
            self.escalate(self.level.harder(), now);
            return;
        }
        if fails {
            self.fail_last_level();
        }
        if !self.unverified {
            self.unverified = true;
            self.report();
        }
    }

    /// Returns when the holder has been silent (T_link), or not ready (T_ready), for too long, whichever is first.
    fn lease_lapses(&self) -> Option<(AgentTime, FallbackCause)> {
        let lease = self.active.or(self.pending)?;
        let silent = (lease.last_heartbeat_at.after(self.timers.link), FallbackCause::HolderLost);
        // Who only claims may look away for a while.
        let unready = lease.not_ready_since.filter(|_| self.active.is_some());
        match unready.map(|since| since.after(self.timers.ready)) {
            Some(at) if at < silent.0 => Some((at, FallbackCause::NotReady)),
            Some(_) | None => Some(silent),
        }
    }

    /// Returns when an autonomous agent has been without its monitor for too long. One that never had a monitor is
    /// in the safe policy and has nothing to fall back from.
    fn link_loss_at(&self) -> Option<AgentTime> {
        let counts = self.reconciled && self.state.agent_acts();
        self.link_lost_at.filter(|_| counts).map(|since| since.after(self.timers.link_loss))
    }
}
