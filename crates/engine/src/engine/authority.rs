//! May this person do this to this agent? Every command passes here on its way to the gate.

use super::{Engine, durable::Action, questions::check_decide, tasks::check_task};
use crate::commands::{Again, CommandEntry};
use std::{collections::BTreeSet, time::Duration};
use watchkeeper_model::{
    AgentId, CommandArgs, CommandCode, CommandId, CommandKind, CommandState, ControlState, DemandOutcome,
    Epoch, LatchCause, LatchId, MonoTime, Note, OperatorRole, Permission, PersonId, RiskClass, SessionId,
    Severity,
};
use watchkeeper_protocol::{
    ToAgent, ToOperator,
    agent::Command,
    operator::{Authorised, CommandRequest, CommandUpdate, Stop, Waive},
    record::PendingStop,
    session::ErrorCode,
};
use watchkeeper_takeover::{
    LeaseRefusal,
    machine::{Event, next},
};

/// Within this span, stopping more than a few distinct agents must be meant (`takeover.md` 2, rule 8).
const MANY_STOPS_WITHIN: Duration = Duration::from_secs(10);
/// Stops are sent at 5 Hz until their effect is confirmed.
pub(super) const STOP_RETRY: Duration = Duration::from_millis(200);

pub(super) type Refusal = (CommandCode, String);

impl Engine {
    pub(super) fn handle_engage(
        &mut self,
        session: SessionId,
        body: Authorised,
        received_at: MonoTime,
        now: MonoTime,
    ) {
        self.handle_command(session, body.into_request(CommandKind::Engage), received_at, now);
    }

    pub(super) fn handle_release(
        &mut self,
        session: SessionId,
        body: Authorised,
        received_at: MonoTime,
        now: MonoTime,
    ) {
        self.handle_command(session, body.into_request(CommandKind::Release), received_at, now);
    }

    pub(super) fn handle_hand_back(
        &mut self,
        session: SessionId,
        body: Authorised,
        received_at: MonoTime,
        now: MonoTime,
    ) {
        self.handle_command(session, body.into_request(CommandKind::HandBack), received_at, now);
    }

    /// Takes a command: one terminal state each, one effect at most, refused with a reason.
    pub(super) fn handle_command(
        &mut self,
        session: SessionId,
        request: CommandRequest,
        received_at: MonoTime,
        now: MonoTime,
    ) {
        let Some(console) = self.consoles.get(&session) else { return };
        let (person, role) = (console.person.clone(), console.access.role);
        let issued = console.clock.moment(request.issued_nanos);
        let releases = request.args.latches.iter().copied().chain(request.args.latch_id).collect();
        let new = (&request.agent, request.command_id, request.kind, releases, request.epoch);
        if !self.admit(session, (&person, role), new) {
            return;
        }
        if request.kind == CommandKind::Estop {
            let stop = Stop {
                command_id: request.command_id,
                agent: request.agent,
                reason: request.args.reason,
                confirm_many: false,
                issued_nanos: request.issued_nanos,
            };
            self.stop_agent(&person, &stop, now);
            return;
        }
        self.expire(&request.agent, now);
        let allowed = self
            .check_command(session, role, &request, now)
            .and_then(|()| self.check_drive(session, &request, now));
        if let Err((code, detail)) = allowed {
            self.reject(request.command_id, code, &detail);
            return;
        }
        // Only what goes on to the agent belongs to its takeover.
        let epoch = request.epoch;
        let takeover = self.agents.get_mut(&request.agent).and_then(|agent| agent.takeover_under(epoch));
        if let Some(takeover) = takeover {
            takeover.handle_command(request.command_id, request.kind, issued, received_at);
        }
        let Some(epoch) = self.epoch_for(session, &request, now) else {
            self.reject(request.command_id, CommandCode::Failed, "no epoch is left to mint");
            return;
        };
        let command = Command {
            command_id: request.command_id,
            boot_id: request.boot_id,
            kind: request.kind,
            args: request.args,
            epoch,
            seq: request.seq,
            deadline: request.deadline,
            issued_by: person,
            evidence_version: request.evidence_version,
            expect_state: request.expect_state,
        };
        match request.kind.risk() {
            // What releases something is recorded first; what makes things safer is never held up.
            RiskClass::Exclusive => {
                self.wait_for_disk(Action::Forward { agent: request.agent, command: Box::new(command) });
            }
            RiskClass::Stop | RiskClass::Safer => self.forward(&request.agent, command, now),
        }
    }

    /// Registers a new command; answers a duplicate with its first result.
    pub(super) fn admit(
        &mut self,
        session: SessionId,
        (person, role): (&PersonId, OperatorRole),
        (agent, command_id, kind, releases, epoch): (&AgentId, CommandId, CommandKind, Vec<LatchId>, Epoch),
    ) -> bool {
        if let Some(entry) = self.commands.get(command_id) {
            let cursor = self.cursor_of(session);
            let mut update = if self.sees(session, &entry.agent) {
                update_of(entry, cursor)
            } else {
                denied_unseen(cursor, (agent, command_id, kind), person, None)
            };
            update.code = Some(CommandCode::Duplicate);
            self.send_operator(session, ToOperator::CommandStatus(update));
            return false;
        }
        let known = self.agents.contains_key(agent) || self.authority.contains_key(agent);
        if !known {
            let message = format!("nobody knows an agent called {agent}");
            self.refuse(session, ErrorCode::UnknownAgent, kind.word(), &message);
            return false;
        }
        self.counts.commands_received += 1;
        self.commands.insert(CommandEntry {
            command_id,
            agent: agent.clone(),
            kind,
            issued_by: person.clone(),
            role,
            state: CommandState::Received,
            code: None,
            detail: None,
            releases,
            epoch,
            input: self.inputs,
            logged: false,
            answer_due: None,
            again: None,
        });
        self.publish_command(command_id);
        true
    }

    fn check_command(
        &self,
        session: SessionId,
        role: OperatorRole,
        request: &CommandRequest,
        now: MonoTime,
    ) -> Result<(), Refusal> {
        let Some(agent) = self.agents.get(&request.agent).filter(|agent| agent.is_reachable()) else {
            return Err((
                CommandCode::Unreachable,
                "the agent is offline; nothing is queued for it".to_owned(),
            ));
        };
        let exclusive = matches!(request.kind.risk(), RiskClass::Exclusive);
        if exclusive && self.degraded {
            return Err((CommandCode::Degraded, "the record cannot be written in time".to_owned()));
        }
        match request.kind {
            CommandKind::ClearLatch => {
                check_clear_latch(agent, role, request)?;
                // Row 25: out of SAFE_HELD the agent drives again, so its cause must be gone.
                if agent.state() != ControlState::SafeHeld {
                    return Ok(());
                }
                check_lock_out(agent, role)?;
                return self.check_causes_cleared(&request.agent);
            }
            CommandKind::Suspend | CommandKind::Reinstate => {
                return check_maintenance(agent, request);
            }
            CommandKind::Decide => return check_decide(agent, request, now),
            CommandKind::Task(verb) => {
                check_task(agent, role, verb, &request.args)?;
                if verb.has_own_epoch() {
                    return Ok(());
                }
            }
            CommandKind::HandBack => {
                check_lock_out(agent, role)?;
                if agent.waiver_under(request.epoch).is_none() {
                    self.check_causes_cleared(&request.agent).map_err(second_person)?;
                }
            }
            CommandKind::Dismiss => self.check_dismiss(agent, request)?,
            CommandKind::Estop
            | CommandKind::Hold
            | CommandKind::MinimalRisk
            | CommandKind::SpeedCap
            | CommandKind::Resume
            | CommandKind::Engage
            | CommandKind::Assume
            | CommandKind::Release => {}
        }
        let needs_lease = exclusive || request.kind == CommandKind::Release || request.epoch != Epoch(0);
        if !needs_lease {
            return Ok(());
        }
        let is_next = agent.announced_next().is_some();
        if is_next && agent.lease.authorize_next(session, request.epoch, now) {
            // What may be done with it, the gate says: ENGAGE, and nothing that moves.
            return Ok(());
        }
        // What makes things safer is open to all: under an epoch that is not his it goes on as a stranger's.
        if as_stranger(request.kind) {
            return Ok(());
        }
        match agent.lease.authorize(session, request.epoch, now) {
            Ok(_) => Ok(()),
            // Nobody holds a lease: the fence in the agent refuses a closed epoch, and its word is the last.
            Err(LeaseRefusal::StaleEpoch { live: Epoch(0), .. }) => Ok(()),
            Err(refusal @ LeaseRefusal::StaleEpoch { .. }) => {
                Err((CommandCode::StaleEpoch, refusal.to_string()))
            }
            Err(
                refusal @ (LeaseRefusal::Held { .. }
                | LeaseRefusal::NotHeld
                | LeaseRefusal::Asked { .. }
                | LeaseRefusal::NoSuchWish(_)
                | LeaseRefusal::NoEpochLeft),
            ) => Err((CommandCode::NotInControl, refusal.to_string())),
        }
    }

    /// Row 13: the cause must be gone before the agent drives again.
    fn check_causes_cleared(&self, agent_id: &AgentId) -> Result<(), Refusal> {
        match self.alarms.takeover_causes(agent_id).next() {
            None => Ok(()),
            Some(alarm) => {
                let detail = format!("the cause is still there: {} {}", alarm.cause, alarm.subject);
                Err((CommandCode::Precondition, detail))
            }
        }
    }

    /// Row 6c: a false alarm needs a reason, and a critical class is none.
    fn check_dismiss(&self, agent: &crate::agent::Agent, request: &CommandRequest) -> Result<(), Refusal> {
        if request.args.reason.is_none() {
            return Err((CommandCode::Denied, "dismiss needs a reason".to_owned()));
        }
        let critical =
            self.alarms.takeover_causes(&agent.id).any(|alarm| alarm.severity == Severity::Critical);
        if critical {
            return Err((
                CommandCode::Denied,
                "a critical alert cannot be dismissed; take over instead".to_owned(),
            ));
        }
        Ok(())
    }

    /// A second person says that the holder may hand back though the cause is still there (rule 7).
    pub(super) fn handle_waive(&mut self, session: SessionId, person: &PersonId, body: Waive, now: MonoTime) {
        let Waive { agent: agent_id, epoch, reason } = body;
        self.expire(&agent_id, now);
        if reason.as_str().trim().is_empty() {
            self.refuse_field(session, "waive", "reason", "waiving an active cause needs a reason");
            return;
        }
        let Some(agent) = self.agents.get_mut(&agent_id) else {
            self.refuse_field(session, "waive", "agent", "nobody knows this agent");
            return;
        };
        match agent.announced_lease().filter(|lease| lease.epoch == epoch) {
            None => self.refuse_field(session, "waive", "epoch", "nobody holds the agent under this epoch"),
            Some(lease) if lease.holder == *person => {
                self.refuse_field(session, "waive", "agent", "the holder cannot be his own second person");
            }
            Some(_) => {
                agent.waiver = Some((person.clone(), epoch));
                self.publish_status(&agent_id, now);
            }
        }
    }

    /// Returns the epoch that the command goes out with: what rests on no lease has one of its own, and what makes
    /// things safer goes out without one from who does not hold it.
    fn epoch_for(&mut self, session: SessionId, request: &CommandRequest, now: MonoTime) -> Option<Epoch> {
        if !request.kind.has_own_epoch() {
            let holds = self.agents.get(&request.agent).is_some_and(|agent| {
                let is_next = agent.announced_next().is_some();
                (is_next && agent.lease.authorize_next(session, request.epoch, now))
                    || agent.lease.authorize(session, request.epoch, now).is_ok()
            });
            return Some(if as_stranger(request.kind) && !holds { Epoch(0) } else { request.epoch });
        }
        let epoch = self.agents.get_mut(&request.agent)?.lease.mint().ok()?;
        self.record_authority(&request.agent);
        Some(epoch)
    }

    /// Stops an agent, lease or not (rule 8).
    pub(super) fn handle_stop(
        &mut self,
        session: SessionId,
        stop: &Stop,
        received_at: MonoTime,
        now: MonoTime,
    ) {
        let Some(console) = self.consoles.get(&session) else { return };
        let (person, role) = (console.person.clone(), console.access.role);
        let issued = console.clock.moment(stop.issued_nanos);
        let new = (&stop.agent, stop.command_id, CommandKind::Estop, Vec::new(), Epoch(0));
        if !self.admit(session, (&person, role), new) {
            return;
        }
        if let Some(takeover) = self.agents.get_mut(&stop.agent).and_then(|agent| agent.takeover.as_mut()) {
            takeover.handle_command(stop.command_id, CommandKind::Estop, issued, received_at);
        }
        self.stop_agent(&person, stop, now);
    }

    fn stop_agent(&mut self, person: &PersonId, stop: &Stop, now: MonoTime) {
        while self.recent_stops.front().is_some_and(|(at, _, _)| now.since(*at) >= MANY_STOPS_WITHIN) {
            self.recent_stops.pop_front();
        }
        let others: BTreeSet<&AgentId> = self
            .recent_stops
            .iter()
            .filter(|(_, who, agent)| who == person && *agent != stop.agent)
            .map(|(_, _, agent)| agent)
            .collect();
        if others.len() >= self.config.load.stops_without_confirmation as usize && !stop.confirm_many {
            let detail = "more than five agents within 10 s: say confirm_many if that is meant";
            self.reject(stop.command_id, CommandCode::Denied, detail);
            return;
        }
        if self.recent_stops.len() < 10_000 {
            self.recent_stops.push_back((now, person.clone(), stop.agent.clone()));
        }
        let pending = PendingStop { command_id: stop.command_id, issued_by: person.clone() };
        if let Some(agent) = self.agents.get_mut(&stop.agent) {
            let reachable = agent.is_reachable();
            // The newest stop is the one that is retried; the gate stops at the first and stays stopped.
            agent.pending_stop = Some(pending);
            self.record_authority(&stop.agent);
            self.send_pending_stop(&stop.agent, now);
            if reachable {
                self.advance_command(stop.command_id, CommandState::Forwarded, None, None);
            }
            self.publish_status_change(&stop.agent, now);
            self.rearm(&stop.agent);
        } else if let Some(entry) = self.authority.get_mut(&stop.agent) {
            // Known from an earlier run of the monitor, not connected since: delivered when it comes back.
            entry.pending_stop.get_or_insert(pending);
            let entry = entry.clone();
            self.outputs.push_back(crate::Output::Derived(crate::Derived::Authority(entry)));
        }
    }

    /// Sends the stop whose effect is not confirmed, and again at 5 Hz.
    pub(super) fn send_pending_stop(&mut self, agent_id: &AgentId, now: MonoTime) {
        let Some(agent) = self.agents.get_mut(agent_id) else { return };
        let Some(stop) = agent.pending_stop.clone() else {
            agent.stop_due = None;
            return;
        };
        // While nobody is connected there is nothing to retry; the hello sends it first of all.
        agent.stop_due = agent.session.map(|_| now.after(STOP_RETRY));
        if agent.session.is_some() {
            let command = self.stop_command(agent_id, &stop);
            if let Some((session, command)) = command {
                self.send_agent(session, ToAgent::Command(command));
            }
        }
    }

    fn stop_command(&self, agent_id: &AgentId, stop: &PendingStop) -> Option<(SessionId, Command)> {
        let agent = self.agents.get(agent_id)?;
        let command = Command {
            command_id: stop.command_id,
            boot_id: agent.mirror.boot_id(),
            kind: CommandKind::Estop,
            args: CommandArgs::default(),
            epoch: Epoch(0),
            seq: 0,
            // A stop takes effect however late it is.
            deadline: agent.mirror.agent_clock().0.after(Duration::from_secs(10)),
            issued_by: stop.issued_by.clone(),
            evidence_version: None,
            expect_state: None,
        };
        Some((agent.session?, command))
    }

    /// Follows the agent: a stop is over when the agent stands stopped, as its sensors confirm.
    pub(super) fn check_pending_stop(&mut self, agent_id: &AgentId, now: MonoTime) {
        let Some(agent) = self.agents.get_mut(agent_id) else { return };
        let stands = agent
            .last
            .as_ref()
            .is_some_and(|beat| beat.control_state == ControlState::Estopped && beat.condition_reached);
        if agent.mirror.is_connected() && stands && agent.pending_stop.take().is_some() {
            agent.stop_due = None;
            for command_id in self.commands.open_stops(agent_id) {
                self.advance_command(command_id, CommandState::Completed, None, None);
            }
            self.publish_status_change(agent_id, now);
        }
    }

    /// Sends a command to its agent and says so.
    pub(super) fn forward(&mut self, agent_id: &AgentId, command: Command, now: MonoTime) {
        let Some(session) = self.agents.get(agent_id).and_then(|agent| agent.session) else {
            self.reject(command.command_id, CommandCode::Unreachable, "the agent is offline");
            return;
        };
        let command_id = command.command_id;
        // The agent's next heartbeat may come before its acknowledgement: what it then means is known here.
        if command.kind == CommandKind::Dismiss
            && let Some(demand) = self.agents.get_mut(agent_id).and_then(|agent| agent.demand.as_mut())
        {
            demand.ending = Some(DemandOutcome::Dismissed);
        }
        let times = self.deadline_and_answer(agent_id, command.deadline, now);
        // What makes things safer may come twice: its id is known, and one that is lost is not missed by anybody else.
        let again = times.and_then(|(until, _)| Again::of(&command, now, until));
        self.send_agent(session, ToAgent::Command(command));
        self.advance_command(command_id, CommandState::Forwarded, None, None);
        self.commands.await_answer(command_id, times.map(|(_, due)| due));
        self.commands.send_again(command_id, again);
    }

    /// Sends what makes things safer again, where the agent has not said anything of it.
    pub(super) fn send_commands_again(&mut self, now: MonoTime) {
        for (agent_id, command) in self.commands.take_again(now) {
            if let Some(session) = self.agents.get(&agent_id).and_then(|agent| agent.session) {
                self.send_agent(session, ToAgent::Command(command));
            }
        }
    }

    pub(super) fn reject(&mut self, command_id: CommandId, code: CommandCode, detail: &str) {
        self.advance_command(command_id, CommandState::Rejected, Some(code), Some(Note::cut(detail)));
    }

    /// Moves a command on and tells consoles.
    pub(super) fn advance_command(
        &mut self,
        command_id: CommandId,
        state: CommandState,
        code: Option<CommandCode>,
        detail: Option<Note>,
    ) {
        let Some(entry) = self.commands.advance(command_id, state, code, detail) else { return };
        let agent_id = entry.agent.clone();
        if entry.is_over() {
            *self.counts.commands_ended.entry(state).or_default() += 1;
        }
        if let Some(agent) = self.agents.get_mut(&agent_id) {
            for takeover in agent.takeovers_mut() {
                takeover.handle_progress(command_id, state, None);
            }
        }
        self.publish_command(command_id);
    }

    pub(super) fn publish_command(&mut self, command_id: CommandId) {
        let Some(update) = self.commands.get(command_id).map(|entry| update_of(entry, 0)) else { return };
        let agent_id = update.agent.clone();
        self.publish(&agent_id, |cursor| ToOperator::CommandStatus(CommandUpdate { cursor, ..update }));
    }
}

/// Returns whether a command is obeyed from anybody: all that make things safer but RELEASE, which is the holder's.
fn as_stranger(kind: CommandKind) -> bool {
    kind.risk() == RiskClass::Safer && kind != CommandKind::Release
}

/// Who fell back too often goes on only when a supervisor says so (rows 13, 25).
fn check_lock_out(agent: &crate::agent::Agent, role: OperatorRole) -> Result<(), Refusal> {
    if agent.strikes.are_out() && !role.may(Permission::EndLockOut) {
        let detail = format!(
            "it fell back {} times within {} min: only a supervisor lets it go on (rule: lock-out)",
            agent.strikes.count(),
            agent.timers.lock_out.as_secs() / 60
        );
        return Err((CommandCode::LockedOut, detail));
    }
    Ok(())
}

/// A cause that is still there can be waived, by somebody else than the holder.
fn second_person((_, detail): Refusal) -> Refusal {
    let detail = format!("{detail}; somebody else can waive it (rule: second person)");
    (CommandCode::NeedsSecondApproval, detail)
}

/// Row 28: a supervisor, with a reason, and nobody in between.
fn check_maintenance(agent: &crate::agent::Agent, request: &CommandRequest) -> Result<(), Refusal> {
    let verb = request.kind;
    if request.args.reason.is_none() {
        return Err((CommandCode::Denied, format!("{verb} needs a reason")));
    }
    if agent.lease.lease().is_some() {
        return Err((CommandCode::NotInControl, "somebody holds the lease".to_owned()));
    }
    let event = if verb == CommandKind::Suspend { Event::Suspended } else { Event::Reinstated };
    match next(agent.state(), agent.state(), event) {
        Some(_) => Ok(()),
        None => Err((CommandCode::Precondition, format!("{verb} is for no agent that is {}", agent.state()))),
    }
}

/// Rows 25 and 27: a reason always, a supervisor for the latch of an ESTOP.
fn check_clear_latch(
    agent: &crate::agent::Agent,
    role: OperatorRole,
    request: &CommandRequest,
) -> Result<(), Refusal> {
    if request.args.reason.is_none() {
        return Err((CommandCode::Denied, "clear_latch needs a reason".to_owned()));
    }
    let Some(latch_id) = request.args.latch_id else {
        return Err((CommandCode::Denied, "clear_latch needs latch_id".to_owned()));
    };
    let Some(latch) = agent.latches.iter().find(|latch| latch.latch_id == latch_id) else {
        return Err((CommandCode::Precondition, format!("the agent holds no latch {latch_id}")));
    };
    if latch.cause == LatchCause::Estop && !role.may(Permission::ClearEstop) {
        let detail = "only a supervisor clears the latch of an ESTOP (rule: clear_latch estop)";
        return Err((CommandCode::Denied, detail.to_owned()));
    }
    if agent.lease.lease().is_some() {
        return Err((CommandCode::NotInControl, "somebody holds the lease".to_owned()));
    }
    Ok(())
}

/// Returns what becomes of a command about which its sender is told nothing but what he said himself.
pub(super) fn denied_unseen(
    cursor: u64,
    (agent, command_id, kind): (&AgentId, CommandId, CommandKind),
    person: &PersonId,
    detail: Option<Note>,
) -> CommandUpdate {
    CommandUpdate {
        cursor,
        command_id,
        agent: agent.clone(),
        kind,
        issued_by: person.clone(),
        state: CommandState::Rejected,
        code: Some(CommandCode::Denied),
        detail,
        logged: false,
    }
}

pub(super) fn update_of(entry: &CommandEntry, cursor: u64) -> CommandUpdate {
    CommandUpdate {
        cursor,
        command_id: entry.command_id,
        agent: entry.agent.clone(),
        kind: entry.kind,
        issued_by: entry.issued_by.clone(),
        state: entry.state,
        code: entry.code,
        detail: entry.detail.clone(),
        logged: entry.logged,
    }
}
