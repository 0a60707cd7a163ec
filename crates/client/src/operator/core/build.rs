//! From an intent to a message: epoch, sequence, deadline, evidence.

use super::{ActError, OperatorCore};
use std::time::Duration;
use watchkeeper_model::{
    AgentId, AgentKind, AgentTime, CommandArgs, CommandId, CommandKind, ControlState, Epoch, FallbackLevel,
    LatchId, MonoTime, Note, TaskClass, nanos,
};
use watchkeeper_picture::{AgentPicture, Intent, deadline};
use watchkeeper_protocol::{
    OperatorMessage,
    operator::{
        Acknowledge, AllowTakeover, AnswerHandover, Authorised, Claim, CommandRequest, LabelTakeover,
        RequestHandover, Reset, ReturnToService, Shelve, Stop, TakeOutOfService, Unshelve, Waive,
    },
};

impl OperatorCore {
    pub(super) fn build(
        &mut self,
        intent: Intent,
        command_id: CommandId,
        now: MonoTime,
    ) -> Result<Option<CommandId>, ActError> {
        match intent {
            Intent::Claim { agent } => {
                self.reachable(&agent)?;
                self.say(OperatorMessage::Claim(Claim { agent }))
            }
            Intent::Acknowledge { alert: alert_id } => {
                self.say(OperatorMessage::Acknowledge(Acknowledge { alert_id }))
            }
            Intent::Shelve { alert, span, reason } => {
                let for_nanos = nanos(span);
                self.say(OperatorMessage::Shelve(Shelve { alert_id: alert, for_nanos, reason }))
            }
            Intent::Unshelve { alert } => self.say(OperatorMessage::Unshelve(Unshelve { alert_id: alert })),
            Intent::TakeOutOfService { agent, cause, subject, reason } => self
                .say(OperatorMessage::TakeOutOfService(TakeOutOfService { agent, cause, subject, reason })),
            Intent::ReturnToService { alert: alert_id } => {
                self.say(OperatorMessage::ReturnToService(ReturnToService { alert_id }))
            }
            Intent::Reset { alert: alert_id } => self.say(OperatorMessage::Reset(Reset { alert_id })),
            Intent::RequestHandover { agent, preempt, reason } => {
                self.reachable(&agent)?;
                self.say(OperatorMessage::RequestHandover(RequestHandover { agent, preempt, reason }))
            }
            Intent::AnswerHandover { agent, request_id, accept } => {
                self.say(OperatorMessage::AnswerHandover(AnswerHandover { agent, request_id, accept }))
            }
            Intent::AllowTakeover { agent, allowed } => {
                let Some(epoch) = self.picture.my_epoch(&agent) else {
                    return Err(ActError::NoLease { agent, kind: CommandKind::Release });
                };
                self.say(OperatorMessage::AllowTakeover(AllowTakeover { agent, epoch, allowed }))
            }
            Intent::Waive { agent, reason } => self.waive(agent, reason),
            Intent::Label { demand: demand_id, verdict } => {
                self.say(OperatorMessage::Label(LabelTakeover { demand_id, verdict }))
            }
            Intent::Stop { agent, reason, confirm_many } => {
                Ok(Some(self.stop(agent, reason, confirm_many, command_id, now)))
            }
            Intent::Engage { agent, latches } => {
                self.authorised(agent, CommandKind::Engage, latches, command_id, now)
            }
            Intent::Release { agent } => {
                self.authorised(agent, CommandKind::Release, Vec::new(), command_id, now)
            }
            Intent::HandBack { agent } => {
                self.authorised(agent, CommandKind::HandBack, Vec::new(), command_id, now)
            }
            Intent::Command { agent, kind, args } => match kind {
                CommandKind::Estop => Ok(Some(self.stop(agent, args.reason, false, command_id, now))),
                CommandKind::Engage | CommandKind::Release | CommandKind::HandBack => {
                    self.authorised(agent, kind, args.latches, command_id, now)
                }
                CommandKind::Hold
                | CommandKind::MinimalRisk
                | CommandKind::SpeedCap
                | CommandKind::Resume
                | CommandKind::Assume
                | CommandKind::Dismiss
                | CommandKind::ClearLatch
                | CommandKind::Decide
                | CommandKind::Suspend
                | CommandKind::Reinstate
                | CommandKind::Task(_) => self.request(agent, kind, args, command_id, now),
            },
        }
    }

    /// Sends what is no command of an agent; its effect is seen in the picture.
    #[allow(clippy::unnecessary_wraps, reason = "the arms of build() all return this")]
    fn say(&mut self, message: OperatorMessage) -> Result<Option<CommandId>, ActError> {
        self.waiting.push_back(message);
        Ok(None)
    }

    fn waive(&mut self, agent: AgentId, reason: Note) -> Result<Option<CommandId>, ActError> {
        let lease = self.reachable(&agent)?.status().lease.as_ref();
        let Some(epoch) = lease.map(|lease| lease.epoch) else {
            return Err(ActError::NoLease { agent, kind: CommandKind::HandBack });
        };
        self.say(OperatorMessage::Waive(Waive { agent, epoch, reason }))
    }

    /// A stop needs nothing but a name: no status, no lease, no deadline of this console's making.
    fn stop(
        &mut self,
        agent: AgentId,
        reason: Option<Note>,
        confirm_many: bool,
        command_id: CommandId,
        now: MonoTime,
    ) -> CommandId {
        self.picture.handle_issued(command_id, &agent, CommandKind::Estop, now);
        let stop = Stop { command_id, agent, reason, confirm_many, issued_nanos: now.as_nanos() };
        self.unheard_stops.add(stop.clone(), now);
        // Never behind anything else.
        self.waiting.push_front(OperatorMessage::Stop(stop));
        command_id
    }

    fn authorised(
        &mut self,
        agent: AgentId,
        kind: CommandKind,
        latches: Vec<LatchId>,
        command_id: CommandId,
        now: MonoTime,
    ) -> Result<Option<CommandId>, ActError> {
        let entry = self.reachable(&agent)?;
        let status = entry.status();
        let (boot_id, evidence_version) = (status.boot_id, status.state_version);
        let deadline = expiry(entry, now);
        let Some(epoch) = self.picture.my_epoch(&agent) else {
            return Err(ActError::NoLease { agent, kind });
        };
        let seq = self.leases.next_command(&agent, epoch);
        self.picture.handle_issued(command_id, &agent, kind, now);
        let body = Authorised {
            command_id,
            agent: agent.clone(),
            boot_id,
            epoch,
            seq,
            deadline,
            evidence_version,
            latches,
            issued_nanos: now.as_nanos(),
        };
        self.waiting.push_back(match kind {
            CommandKind::Engage => {
                self.engaged.insert(agent, epoch);
                OperatorMessage::Engage(body)
            }
            CommandKind::HandBack => OperatorMessage::HandBack(body),
            CommandKind::Release
            | CommandKind::Estop
            | CommandKind::Hold
            | CommandKind::MinimalRisk
            | CommandKind::SpeedCap
            | CommandKind::Resume
            | CommandKind::Assume
            | CommandKind::Dismiss
            | CommandKind::ClearLatch
            | CommandKind::Decide
            | CommandKind::Suspend
            | CommandKind::Reinstate
            | CommandKind::Task(_) => {
                debug_assert_eq!(kind, CommandKind::Release, "the caller sends three verbs here");
                OperatorMessage::Release(body)
            }
        });
        Ok(Some(command_id))
    }

    fn request(
        &mut self,
        agent: AgentId,
        kind: CommandKind,
        args: CommandArgs,
        command_id: CommandId,
        now: MonoTime,
    ) -> Result<Option<CommandId>, ActError> {
        check_args(kind, &args)?;
        let entry = self.reachable(&agent)?;
        let status = entry.status();
        let (boot_id, seen) = (status.boot_id, status.state_version);
        let deadline = expiry(entry, now);
        let epoch = match (fencing(kind), self.picture.my_epoch(&agent)) {
            (Fencing::Always, None) => return Err(ActError::NoLease { agent, kind }),
            (Fencing::Always | Fencing::WhereHeld, Some(epoch)) => epoch,
            (Fencing::WhereHeld, None) | (Fencing::Never, _) => Epoch(0),
        };
        let seq = if epoch == Epoch(0) { 0 } else { self.leases.next_command(&agent, epoch) };
        let evidence = match kind {
            CommandKind::Resume
            | CommandKind::Dismiss
            | CommandKind::ClearLatch
            | CommandKind::Suspend
            | CommandKind::Reinstate => true,
            // What makes things safer is right whatever was seen, and a note is about what was.
            CommandKind::Task(verb) => matches!(verb.class(), TaskClass::Exclusive | TaskClass::Assist),
            CommandKind::Estop
            | CommandKind::Hold
            | CommandKind::MinimalRisk
            | CommandKind::SpeedCap
            | CommandKind::Engage
            | CommandKind::Assume
            | CommandKind::Release
            | CommandKind::HandBack
            | CommandKind::Decide => false,
        };
        if kind == CommandKind::Assume {
            self.engaged.remove(&agent);
        }
        self.picture.handle_issued(command_id, &agent, kind, now);
        self.waiting.push_back(OperatorMessage::Command(CommandRequest {
            command_id,
            agent,
            boot_id,
            kind,
            args,
            epoch,
            seq,
            deadline,
            evidence_version: evidence.then_some(seen),
            expect_state: (kind == CommandKind::Assume).then_some(ControlState::InTransition),
            issued_nanos: now.as_nanos(),
        }));
        Ok(Some(command_id))
    }

    /// Returns the agent where anything but a stop can be sent to it.
    fn reachable(&self, agent: &AgentId) -> Result<&AgentPicture, ActError> {
        let entry = self.picture.agent(agent).ok_or_else(|| ActError::UnknownAgent(agent.clone()))?;
        if entry.status().offline_nanos.is_some() {
            return Err(ActError::AgentOffline(agent.clone()));
        }
        Ok(entry)
    }
}

/// Under which epoch a verb is sent.
enum Fencing {
    /// The lease's; without one it cannot be sent.
    Always,
    /// The lease's where this session holds it: then it is an ordinary command of the holder.
    WhereHeld,
    /// None: it is open to everybody, or the monitor mints an epoch of its own for it.
    Never,
}

const fn fencing(kind: CommandKind) -> Fencing {
    match kind {
        CommandKind::Task(verb) => match verb.class() {
            TaskClass::Safer => Fencing::WhereHeld,
            TaskClass::Exclusive => Fencing::Always,
            TaskClass::Assist | TaskClass::Note => Fencing::Never,
        },
        CommandKind::Resume
        | CommandKind::Engage
        | CommandKind::Assume
        | CommandKind::Release
        | CommandKind::HandBack
        | CommandKind::Dismiss => Fencing::Always,
        CommandKind::Hold | CommandKind::SpeedCap => Fencing::WhereHeld,
        CommandKind::Estop
        | CommandKind::MinimalRisk
        | CommandKind::ClearLatch
        | CommandKind::Decide
        | CommandKind::Suspend
        | CommandKind::Reinstate => Fencing::Never,
    }
}

fn check_args(kind: CommandKind, args: &CommandArgs) -> Result<(), ActError> {
    let needs = |what| Err(ActError::Argument { kind, what });
    match kind {
        CommandKind::SpeedCap if args.speed_mps.is_none_or(|speed| !(speed.is_finite() && speed >= 0.0)) => {
            needs("speed_mps, 0 or more")
        }
        CommandKind::MinimalRisk if args.level.is_none_or(|level| level == FallbackLevel::HOLD) => {
            needs("level, 1 to 3")
        }
        CommandKind::ClearLatch if args.latch_id.is_none() => needs("latch_id"),
        CommandKind::Decide if args.scene_id.is_none() || args.option.is_none() => {
            needs("scene_id and option")
        }
        CommandKind::ClearLatch | CommandKind::Dismiss | CommandKind::Suspend | CommandKind::Reinstate
            if args.reason.is_none() =>
        {
            needs("a reason")
        }
        CommandKind::Task(verb) => {
            verb.check(args).map_err(|need| ActError::Argument { kind, what: need.word() })
        }
        CommandKind::Estop
        | CommandKind::Hold
        | CommandKind::MinimalRisk
        | CommandKind::SpeedCap
        | CommandKind::Resume
        | CommandKind::Engage
        | CommandKind::Assume
        | CommandKind::Release
        | CommandKind::HandBack
        | CommandKind::Dismiss
        | CommandKind::ClearLatch
        | CommandKind::Decide
        | CommandKind::Suspend
        | CommandKind::Reinstate => Ok(()),
    }
}

/// Returns until when a command may take effect: 2 s for vehicles, where a late one surprises; 10 s for the
/// others (ours). Stops have no deadline of the console's making.
fn expiry(entry: &AgentPicture, now: MonoTime) -> AgentTime {
    let ttl = match entry.status().kind {
        AgentKind::Vehicle => Duration::from_secs(2),
        AgentKind::Transaction | AgentKind::SoftwareAgent | AgentKind::Generic => Duration::from_secs(10),
    };
    deadline(entry.status(), entry.received_at(), now, ttl)
}
