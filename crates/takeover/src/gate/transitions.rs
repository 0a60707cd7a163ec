//! Steps of the machine as the gate commits them, with what each must do.

use super::{Gate, running::Goal};
use crate::machine::{Event, next};
use watchkeeper_model::{
    AgentTime, ControlState, DemandOutcome, FallbackCause, FallbackLevel, LatchCause, QuestionOutcome,
};

impl Gate {
    /// Commits the step of `event`, where the table has one. Returns whether it did.
    pub(super) fn step(&mut self, event: Event) -> bool {
        let Some(step) = next(self.state, self.transition_from, event) else { return false };
        if step.to == ControlState::InTransition {
            self.transition_from = self.state;
        }
        self.state = step.to;
        if matches!(step.to, ControlState::Autonomous | ControlState::Human) {
            // An episode ends here; within one the level only rises.
            self.level = FallbackLevel::HOLD;
            self.cause = None;
        }
        self.changed();
        // What must hold in every state (1.7); a broken invariant stops the process.
        assert!(
            self.state != ControlState::Human || self.active.is_some() || event == Event::Assumed,
            "HUMAN without an active epoch after {event:?}"
        );
        true
    }

    /// Takes note of a change that a person's evidence may rest on.
    pub(super) fn changed(&mut self) {
        self.version = self.version.next();
        self.record_due = true;
        self.report();
    }

    /// Enters FALLBACK, or a harder level of it: ends demand and lease, latches, starts T_verify (rows 12, 18-20,
    /// 24b). A claim of somebody who is about to take a fallback over outlives the fallback's getting harder.
    pub(super) fn fall_back(
        &mut self,
        event: Event,
        level: FallbackLevel,
        cause: FallbackCause,
        now: AgentTime,
    ) {
        let before = self.state;
        // Level 0 holds a standstill; there must be one.
        let moving = level == FallbackLevel::HOLD && !self.world.standstill;
        let level = if moving { FallbackLevel::COMFORTABLE } else { level };
        if before == ControlState::Fallback && level <= self.level {
            return;
        }
        if !self.step(event) {
            return;
        }
        self.level = self.level.max(level);
        self.cause.get_or_insert(cause);
        if !before.falls_back() {
            self.leave_nominal(DemandOutcome::Fallback, now);
        }
        self.ensure_latch(LatchCause::Fallback);
        self.watch_from(now);
    }

    /// Makes the fallback that acts harder, also under a transition out of it, which goes on (rows 11, 20).
    pub(super) fn escalate(&mut self, level: FallbackLevel, now: AgentTime) {
        if self.state == ControlState::Fallback {
            // The cause stays the one that the fallback began with.
            self.fall_back(Event::MinimalRisk, level, FallbackCause::Agent, now);
        } else if self.transition_from() == Some(ControlState::Fallback) {
            self.level = self.level.max(level);
            self.watch_from(now);
            self.changed();
        }
    }

    /// Level 3 does not work (row 22); it is kept applied, also under a transition out of it.
    pub(super) fn fail_last_level(&mut self) {
        if self.transition_from() == Some(ControlState::Fallback) {
            self.transition_from = ControlState::FallbackFailed;
            self.changed();
        } else {
            self.step(Event::LastLevelFailed);
        }
    }

    /// Stops the agent (row 26). The latch is a supervisor's to release. While somebody at the agent has control only
    /// the latch is set, and it stops the agent when he lets go.
    pub(super) fn estop(&mut self, now: AgentTime) {
        let latched = self.ensure_latch(LatchCause::Estop);
        if self.step(Event::Estop) {
            self.leave_nominal(DemandOutcome::Estopped, now);
            self.watch_from(now);
        } else if latched {
            self.changed();
        }
    }

    /// What ends when neither the agent nor a person from afar leads any more: demand, questions, lease, and the
    /// commands that wait for one of them to.
    pub(super) fn leave_nominal(&mut self, outcome: DemandOutcome, now: AgentTime) {
        self.end_demand(outcome, now);
        self.close_questions(QuestionOutcome::Overtaken);
        self.end_lease();
        self.abandon_running(now);
    }

    /// Starts T_verify afresh for what was just commanded.
    pub(super) fn watch_from(&mut self, now: AgentTime) {
        self.verify_at = Some(now.after(self.timers.verify));
        self.unverified = false;
        self.grace_until = None;
    }

    /// Nothing that was commanded waits for its effect any more.
    pub(super) fn stop_watching(&mut self) {
        self.verify_at = None;
        self.unverified = false;
        self.grace_until = None;
    }

    /// Takes the lease away: nobody renews it, it was voided, or the monitor restarted.
    pub(super) fn lose_lease(&mut self, cause: FallbackCause, now: AgentTime) {
        match self.state {
            ControlState::Human | ControlState::Returning => {
                let level =
                    if self.world.standstill { FallbackLevel::HOLD } else { FallbackLevel::COMFORTABLE };
                self.fall_back(Event::HolderLost, level, cause, now);
                if self.level == FallbackLevel::HOLD {
                    self.grace_until = Some(now.after(self.timers.grace));
                }
            }
            ControlState::InTransition => self.roll_back(Event::TransitionLost, now),
            ControlState::Claimed
            | ControlState::Fallback
            | ControlState::FallbackFailed
            | ControlState::SafeHeld => {
                if self.pending.take().is_some() {
                    self.step(Event::GrantLost);
                }
            }
            ControlState::Autonomous
            | ControlState::AssistPending
            | ControlState::Requested
            | ControlState::Estopped
            | ControlState::Local
            | ControlState::OutOfService => {
                self.pending = None;
                self.active = None;
            }
        }
    }

    /// Fails the transition (row 11): where it came from goes on.
    pub(super) fn roll_back(&mut self, event: Event, now: AgentTime) {
        if !self.step(event) {
            return;
        }
        if event == Event::TransitionLost {
            self.pending = None;
        }
        self.transition_deadline = None;
        self.assumed = false;
        self.engage_latches.clear();
        self.fail(Goal::Human, "the transition did not complete", now);
    }

    /// Completes whatever only waits for the world or for what was asked: rows 2, 3, 10, 14, 21, 22b, 24b.
    pub(super) fn settle(&mut self, now: AgentTime) {
        let moves_at_level_0 = self.level == FallbackLevel::HOLD && !self.world.standstill;
        match self.state {
            ControlState::InTransition => self.settle_transition(now),
            ControlState::Returning if self.may_return() && self.is_stable(now) => {
                if self.step(Event::ReturnConfirmed) {
                    self.end_lease();
                    self.speed_cap_mps = None;
                    self.complete(Goal::Returned, now);
                    self.supersede(Goal::Task, "the agent acts by itself again", now);
                }
            }
            ControlState::Autonomous if !self.questions.is_empty() => {
                self.step(Event::Question);
            }
            ControlState::AssistPending if self.questions.is_empty() => {
                self.step(Event::QuestionsOver);
            }
            ControlState::Fallback | ControlState::FallbackFailed if self.world.condition_reached => {
                if self.step(Event::ConditionConfirmed) {
                    self.stop_watching();
                }
            }
            ControlState::Fallback if moves_at_level_0 => self.escalate(FallbackLevel::COMFORTABLE, now),
            ControlState::SafeHeld if !self.world.condition_reached => {
                let harder = self.level.harder();
                self.fall_back(Event::ConditionLost, harder, FallbackCause::ConditionLost, now);
            }
            ControlState::Estopped if self.world.condition_reached => {
                self.verify_at = None;
                if std::mem::take(&mut self.unverified) {
                    self.report();
                }
            }
            ControlState::Autonomous
            | ControlState::AssistPending
            | ControlState::Requested
            | ControlState::Claimed
            | ControlState::Human
            | ControlState::Returning
            | ControlState::Fallback
            | ControlState::FallbackFailed
            | ControlState::SafeHeld
            | ControlState::Estopped
            | ControlState::Local
            | ControlState::OutOfService => {}
        }
        self.watch_effect(now);
        self.settle_running(now);
    }

    /// What goes on under a transition (rows 20, 21, 24b), and its end (row 10).
    fn settle_transition(&mut self, now: AgentTime) {
        match self.transition_from {
            ControlState::Fallback | ControlState::FallbackFailed if self.world.condition_reached => {
                self.transition_from = ControlState::SafeHeld;
                self.stop_watching();
                self.changed();
            }
            ControlState::Fallback if self.level == FallbackLevel::HOLD && !self.world.standstill => {
                self.escalate(FallbackLevel::COMFORTABLE, now);
            }
            ControlState::SafeHeld if !self.world.condition_reached => {
                self.transition_from = ControlState::Fallback;
                self.level = self.level.harder();
                self.changed();
            }
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
            | ControlState::OutOfService => {}
        }
        if self.may_assume() && self.is_stable(now) {
            self.take_control(now);
        }
    }

    /// Starts T_verify where an effect is owed and nobody watches it yet: after a reboot, or when it was lost again.
    fn watch_effect(&mut self, now: AgentTime) {
        let acting = self.transition_from().unwrap_or(self.state);
        let owed = match acting {
            ControlState::Fallback | ControlState::FallbackFailed => true,
            ControlState::Estopped => !self.world.condition_reached,
            ControlState::Autonomous
            | ControlState::AssistPending
            | ControlState::Requested
            | ControlState::Claimed
            | ControlState::InTransition
            | ControlState::Human
            | ControlState::Returning
            | ControlState::SafeHeld
            | ControlState::Local
            | ControlState::OutOfService => false,
        };
        if owed && self.verify_at.is_none() {
            self.verify_at = Some(now.after(self.timers.verify));
        }
    }

    fn is_stable(&self, now: AgentTime) -> bool {
        self.stable_since.is_some_and(|since| now.since(since) >= self.timers.stable)
    }

    /// Everything row 10 needs but being stable. A latch that came after ENGAGE was not named, so it bars the way.
    pub(super) fn may_assume(&self) -> bool {
        self.assumed
            && self.pending.is_some_and(|lease| lease.ready)
            && self.latches.iter().all(|latch| self.engage_latches.contains(&latch.latch_id))
    }

    /// Everything row 14 needs but being stable.
    pub(super) fn may_return(&self) -> bool {
        self.world.can_resume && self.latches.is_empty()
    }

    /// Row 10: switches epochs, ends the demand, releases in the holder's name the latches that ENGAGE named.
    fn take_control(&mut self, now: AgentTime) {
        let Some(lease) = self.pending.take() else { return };
        self.active = Some(lease);
        if !self.step(Event::Assumed) {
            self.active = None;
            self.pending = Some(lease);
            return;
        }
        self.end_demand(DemandOutcome::Human, now);
        self.close_questions(QuestionOutcome::Overtaken);
        self.transition_deadline = None;
        self.assumed = false;
        self.engage_latches.clear();
        // Every latch held was named (`may_assume`); an ESTOP's is nobody's to release here.
        self.latches.retain(|latch| latch.cause == LatchCause::Estop);
        // Hands that are on the controls already must leave them once before they drive.
        self.hands.overrule();
        // Standing still goes on until the person says otherwise.
        self.hold = self.world.standstill;
        self.stop_watching();
        self.complete(Goal::Human, now);
        self.supersede(Goal::Task, "a person took control", now);
    }

    /// Ends the demand. One that came to nothing starts the cooldown (row 5).
    pub(super) fn end_demand(&mut self, outcome: DemandOutcome, now: AgentTime) {
        let Some(demand) = self.demand.take() else { return };
        self.last_outcome = Some((demand.demand_id, outcome));
        if outcome.came_to_nothing() {
            self.cooldown_until = Some(now.after(self.timers.cooldown));
        }
    }

    /// Closes both epochs: nothing under them is valid any more. A speed cap outlives its lease: it is the safer side.
    pub(super) fn end_lease(&mut self) {
        self.active = None;
        self.pending = None;
        self.next_until = None;
        self.transition_deadline = None;
        self.assumed = false;
        self.engage_latches.clear();
        self.hold = false;
        self.hands = super::manual::Hands::OFF;
    }
}
