//! Every command passes here. What is checked before a verb, and in which order, stands in `fence`.

use super::{Gate, fence::Refusal, running::Goal};
use crate::machine::Event;
use watchkeeper_model::{
    AgentTime, BootId, CommandArgs, CommandCode, CommandId, CommandKind, CommandState, ControlState,
    DemandOutcome, Epoch, FallbackCause, FallbackLevel, RiskClass, StateVersion,
};

/// What of a command concerns the gate.
#[derive(Clone, Debug, PartialEq)]
pub struct GateCommand<'a> {
    /// Names it.
    pub command_id: CommandId,
    /// The run of the agent it is meant for.
    pub boot_id: BootId,
    /// The verb.
    pub kind: CommandKind,
    /// Its arguments.
    pub args: &'a CommandArgs,
    /// The lease; 0 for none.
    pub epoch: Epoch,
    /// Counts up within the epoch.
    pub seq: u64,
    /// Until when it may take effect, on the agent's clock.
    pub deadline: AgentTime,
    /// The state version the person saw.
    pub evidence_version: Option<StateVersion>,
    /// The control state it counts on.
    pub expect_state: Option<ControlState>,
}

impl Gate {
    /// Obeys or refuses a command, and says which through [`Gate::poll_output`].
    pub fn handle_command(&mut self, command: &GateCommand<'_>, now: AgentTime) {
        self.handle_timeout(now);
        if let Some(first) = self.first_result(command.command_id) {
            self.push_ack(command.command_id, first, Some(CommandCode::Duplicate), None, now);
            return;
        }
        let verdict = match command.kind.risk() {
            RiskClass::Stop => {
                self.estop(now);
                Ok(Goal::Stopped)
            }
            RiskClass::Safer => self.obey_safer(command, now),
            RiskClass::Exclusive => self.obey_exclusive(command, now),
        };
        match verdict {
            Ok(goal) => {
                let waits = command.kind == CommandKind::Estop && self.state == ControlState::Local;
                let detail = waits.then_some("somebody at the agent has control: it stops when he lets go");
                self.ack(command.command_id, CommandState::Accepted, None, detail, now);
                self.start_running(command.command_id, goal, command.kind.risk(), now);
                if let CommandKind::Task(verb) = command.kind {
                    self.hand_on(verb, command, now);
                }
                self.settle(now);
            }
            Err((CommandCode::Expired, detail)) => {
                let code = Some(CommandCode::Expired);
                self.ack(command.command_id, CommandState::Expired, code, Some(detail), now);
            }
            Err((code, detail)) => {
                self.ack(command.command_id, CommandState::Rejected, Some(code), Some(detail), now);
            }
        }
    }

    /// HOLD, MINIMAL_RISK, SPEED_CAP, RELEASE and the safer tasks: no stale evidence holds them up.
    fn obey_safer(&mut self, command: &GateCommand<'_>, now: AgentTime) -> Result<Goal, Refusal> {
        self.check_remote()?;
        let late = now >= command.deadline || command.boot_id != self.identity.boot_id;
        match command.kind {
            CommandKind::Hold if late || !self.holds(command.epoch) || self.is_next(command.epoch) => {
                self.fall_back(Event::MinimalRisk, FallbackLevel::COMFORTABLE, FallbackCause::Person, now);
                Ok(Goal::Standing)
            }
            CommandKind::Hold => {
                self.check_holder(command, now)?;
                self.hold_for_holder(now);
                Ok(Goal::Standing)
            }
            CommandKind::MinimalRisk => {
                let level = command.args.level.unwrap_or(FallbackLevel::COMFORTABLE);
                if level == FallbackLevel::HOLD {
                    return Err((CommandCode::Denied, "minimal_risk takes level 1, 2 or 3"));
                }
                let level = if late { FallbackLevel::COMFORTABLE } else { level };
                self.fall_back(Event::MinimalRisk, level, FallbackCause::Person, now);
                Ok(Goal::Standing)
            }
            CommandKind::SpeedCap => self.cap_speed(command, late, now),
            CommandKind::Task(verb) => self.take_safer_task(verb, command, late, now),
            CommandKind::Release => {
                self.check_holder(command, now)?;
                if self.is_next(command.epoch) {
                    self.drop_next();
                } else {
                    self.lose_lease(FallbackCause::Released, now);
                }
                Ok(Goal::InForce)
            }
            CommandKind::Estop
            | CommandKind::Resume
            | CommandKind::Engage
            | CommandKind::Assume
            | CommandKind::HandBack
            | CommandKind::Dismiss
            | CommandKind::ClearLatch
            | CommandKind::Decide
            | CommandKind::Suspend
            | CommandKind::Reinstate => Err((CommandCode::Unsupported, "not a safer command")),
        }
    }

    /// The holder's HOLD: an order while he drives, his "no" while he hands back (row 15), else a minimal-risk
    /// request (row 19): before row 10 he drives nothing, and waiting for it would be less safe.
    fn hold_for_holder(&mut self, now: AgentTime) {
        self.hands.overrule();
        match self.state {
            ControlState::Human if self.hold => {}
            ControlState::Human => {
                self.supersede(Goal::Driving, "overtaken by a hold", now);
                self.hold = true;
                self.changed();
            }
            ControlState::Returning => {
                self.transition_deadline = None;
                self.hold = true;
                if self.step(Event::ReturnFailed) {
                    self.supersede(Goal::Returned, "overtaken by a hold", now);
                }
            }
            ControlState::Autonomous
            | ControlState::AssistPending
            | ControlState::Requested
            | ControlState::Claimed
            | ControlState::InTransition
            | ControlState::Fallback
            | ControlState::FallbackFailed
            | ControlState::SafeHeld
            | ControlState::Estopped
            | ControlState::Local
            | ControlState::OutOfService => {
                self.fall_back(Event::MinimalRisk, FallbackLevel::COMFORTABLE, FallbackCause::Person, now);
            }
        }
    }

    /// A lower cap is open to all; only who drives may raise one.
    fn cap_speed(&mut self, command: &GateCommand<'_>, late: bool, now: AgentTime) -> Result<Goal, Refusal> {
        let Some(cap) = command.args.speed_mps.filter(|cap| cap.is_finite() && *cap >= 0.0) else {
            return Err((CommandCode::Denied, "speed_cap needs speed_mps, 0 or more"));
        };
        if late {
            return Err((CommandCode::Expired, "the deadline has passed, or it was meant for another boot"));
        }
        let raises = self.speed_cap_mps.is_some_and(|present| cap > present);
        let drives = self.active.is_some_and(|lease| lease.epoch == command.epoch);
        if drives && raises {
            self.check_fence(command, now)?;
        } else if command.epoch != Epoch(0) && !self.is_next(command.epoch) {
            self.check_holder(command, now)?;
        }
        self.speed_cap_mps = match self.speed_cap_mps {
            Some(present) if !drives => Some(present.min(cap)),
            Some(_) | None => Some(cap),
        };
        self.supersede(Goal::Capped, "overtaken by another speed cap", now);
        Ok(Goal::Capped)
    }

    /// The exclusive verbs: fenced, never late, never twice, never on old evidence.
    fn obey_exclusive(&mut self, command: &GateCommand<'_>, now: AgentTime) -> Result<Goal, Refusal> {
        if !self.reconciled {
            return Err((CommandCode::TemporarilyRejected, "not reconciled with a monitor yet"));
        }
        self.check_remote()?;
        if command.kind.has_own_epoch() {
            self.check_own_epoch(command, now)?;
        } else {
            self.check_fence(command, now)?;
        }
        match command.kind {
            CommandKind::Engage => self.engage(command, now),
            CommandKind::Assume => self.assume(),
            CommandKind::Resume => self.resume(now),
            CommandKind::HandBack => self.hand_back(now),
            CommandKind::Dismiss => self.dismiss(now),
            CommandKind::ClearLatch => self.clear_latch(command),
            CommandKind::Decide => self.decide(command),
            CommandKind::Suspend => self.suspend(command),
            CommandKind::Reinstate => self.reinstate(command, now),
            CommandKind::Task(verb) => self.take_task(verb, command),
            CommandKind::Estop
            | CommandKind::Hold
            | CommandKind::MinimalRisk
            | CommandKind::SpeedCap
            | CommandKind::Release => Err((CommandCode::Unsupported, "not an exclusive command")),
        }
    }

    /// Rows 9, 16, 23, 24.
    fn engage(&mut self, command: &GateCommand<'_>, now: AgentTime) -> Result<Goal, Refusal> {
        if self.is_next(command.epoch) {
            return self.switch_holder(!command.args.latches.is_empty(), now);
        }
        if self.pending.is_none_or(|lease| lease.epoch != command.epoch || !lease.ready) {
            return Err((CommandCode::Precondition, "the holder is not ready"));
        }
        if self.has_estop_latch() {
            return Err((CommandCode::Precondition, "an ESTOP latch is held; only a supervisor clears it"));
        }
        if self.latches.iter().any(|latch| !command.args.latches.contains(&latch.latch_id)) {
            return Err((CommandCode::Precondition, "engage must name every latch that is held"));
        }
        let falls = matches!(self.state, ControlState::Fallback | ControlState::FallbackFailed);
        let emergency = falls && self.level == FallbackLevel::EMERGENCY;
        if emergency && !self.world.standstill {
            return Err((CommandCode::Precondition, "from level 3 only at standstill"));
        }
        if !self.step(Event::Engage) {
            return Err((CommandCode::Precondition, "the control state does not allow engage"));
        }
        self.engage_latches.clear();
        self.engage_latches.extend(self.latches.iter().map(|latch| latch.latch_id));
        self.assumed = false;
        self.transition_deadline = Some(now.after(self.timers.transition));
        Ok(Goal::Human)
    }

    fn assume(&mut self) -> Result<Goal, Refusal> {
        if self.state != ControlState::InTransition {
            return Err((CommandCode::Precondition, "assume is the first command after engage"));
        }
        self.assumed = true;
        Ok(Goal::Human)
    }

    fn resume(&mut self, now: AgentTime) -> Result<Goal, Refusal> {
        if self.state != ControlState::Human {
            return Err((CommandCode::Precondition, "resume needs a person in control"));
        }
        self.hold = false;
        self.hands.overrule();
        self.speed_cap_mps = None;
        self.supersede(Goal::Capped, "overtaken by a resume", now);
        self.changed();
        Ok(Goal::Driving)
    }

    /// Row 13. That the cause is cleared, the monitor has checked.
    fn hand_back(&mut self, now: AgentTime) -> Result<Goal, Refusal> {
        if !self.world.can_resume {
            return Err((CommandCode::Precondition, "the agent cannot drive by itself yet"));
        }
        if !self.latches.is_empty() {
            return Err((CommandCode::Precondition, "a latch is held"));
        }
        if !self.step(Event::HandBack) {
            return Err((CommandCode::Precondition, "the control state does not allow hand_back"));
        }
        self.hands.hand_back();
        self.drop_next();
        self.transition_deadline = Some(now.after(self.timers.transition));
        Ok(Goal::Returned)
    }

    /// Row 6c. That the class is not critical, the monitor has checked.
    fn dismiss(&mut self, now: AgentTime) -> Result<Goal, Refusal> {
        if !self.step(Event::Dismissed) {
            return Err((CommandCode::Precondition, "only a claimed demand can be dismissed"));
        }
        self.end_demand(DemandOutcome::Dismissed, now);
        self.end_lease();
        Ok(Goal::InForce)
    }
}
