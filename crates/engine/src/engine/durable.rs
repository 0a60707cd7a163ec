//! What must be on disk before it leaves (`takeover.md` 3.1, Record), and what the disk has.

use super::{Engine, handover::Asker};
use crate::agent::CONFIRM_EVERY;
use std::collections::BTreeMap;
use watchkeeper_model::{AgentId, CommandCode, DecisionSeq, Epoch, MonoTime, SessionId};
use watchkeeper_protocol::{
    ToAgent,
    agent::{Command, DurableUpTo, Grant},
    operator::LeaseEvent,
    session::Head,
};

/// After so many decisions an agent hears at once that they are safe: it keeps at most 8,192 that are not.
const CONFIRM_AT: u64 = 1_024;

/// Something that leaves when the input that caused it is on disk.
#[derive(Debug)]
pub(super) struct Waiting {
    input: u64,
    action: Action,
}

/// What leaves then. It is decided again at that moment: what has ended meanwhile does not leave.
#[derive(Debug)]
pub(super) enum Action {
    /// Announce a lease.
    Grant {
        /// Whose.
        agent: AgentId,
        /// Under which epoch.
        epoch: Epoch,
    },
    /// Send a command that may make things riskier.
    Forward {
        /// To whom.
        agent: AgentId,
        /// What.
        command: Box<Command>,
    },
}

impl Engine {
    /// Returns whether somebody waits until an input is on disk: a person for a grant, or for a command to leave or to be
    /// on record. Agents wait for their decisions too, but not by the millisecond.
    pub fn awaits_disk(&self) -> bool {
        !self.waiting.is_empty() || self.commands.awaits_disk()
    }

    /// Keeps `action` until the input at work is on disk.
    pub(super) fn wait_for_disk(&mut self, action: Action) {
        self.waiting.push_back(Waiting { input: self.inputs, action });
    }

    /// The disk has every input up to number `input`.
    pub(super) fn handle_durable(&mut self, input: u64, head: Head, now: MonoTime) {
        self.head = Some(head);
        while self.waiting.front().is_some_and(|waiting| waiting.input <= input) {
            match self.waiting.pop_front().map(|waiting| waiting.action) {
                Some(Action::Grant { agent, epoch }) => self.announce_grant(&agent, epoch, now),
                Some(Action::Forward { agent, command }) => self.forward_durable(&agent, *command, now),
                None => {}
            }
        }
        for command_id in self.commands.mark_logged(input) {
            self.publish_command(command_id);
        }
        self.confirm_decisions(input, now);
    }

    fn announce_grant(&mut self, agent_id: &AgentId, epoch: Epoch, now: MonoTime) {
        // The disk may have taken longer than the lease lasts, or this process may have stood still.
        self.expire(agent_id, now);
        let Some(agent) = self.agents.get_mut(agent_id) else { return };
        let Some(lease) = agent.lease.lease().filter(|lease| lease.epoch == epoch).cloned() else {
            self.announce_next(agent_id, epoch, now);
            return;
        };
        let boot_id = agent.mirror.boot_id();
        agent.lease_announced = true;
        if let Some(takeover) = &mut agent.takeover {
            takeover.granted_at = Some(now);
        }
        if let Some(session) = agent.session {
            let grant = Grant { epoch, holder: lease.holder.clone(), holder_session: lease.session, boot_id };
            self.send_agent(session, ToAgent::Grant(grant));
        }
        let who = Asker { person: &lease.holder, session: lease.session };
        self.tell_lease(agent_id, who, epoch, LeaseEvent::Granted, None, None);
        self.publish_status_change(agent_id, now);
        self.publish_takeover_change(agent_id);
    }

    fn forward_durable(&mut self, agent_id: &AgentId, command: Command, now: MonoTime) {
        if self.degraded {
            let detail = "the record cannot be written in time";
            self.reject(command.command_id, CommandCode::Degraded, detail);
        } else {
            self.forward(agent_id, command, now);
        }
    }

    /// Tells agents up to which decision the record is safe.
    fn confirm_decisions(&mut self, input: u64, now: MonoTime) {
        let mut safe: BTreeMap<SessionId, DecisionSeq> = BTreeMap::new();
        while self.decisions_not_durable.front().is_some_and(|(at, _, _)| *at <= input) {
            if let Some((_, session, seq)) = self.decisions_not_durable.pop_front() {
                let highest = safe.entry(session).or_default();
                *highest = (*highest).max(seq);
            }
        }
        for (session, seq) in safe {
            let agent = self.agent_sessions.get(&session).and_then(|agent_id| self.agents.get_mut(agent_id));
            let Some(agent) = agent else { continue };
            let is_waiting = agent.is_confirmation_due();
            agent.durable_seq = agent.durable_seq.max(seq);
            let many = agent.durable_seq.0.saturating_sub(agent.durable_told.0) >= CONFIRM_AT;
            let agent_id = agent.id.clone();
            if many || now >= agent.durable_told_at.after(CONFIRM_EVERY) {
                self.confirm_durable(&agent_id, now);
            } else if !is_waiting {
                self.rearm(&agent_id);
            }
        }
    }

    /// Tells an agent up to which decision the record is safe, where it does not know.
    pub(super) fn confirm_durable(&mut self, agent_id: &AgentId, now: MonoTime) {
        let Some(agent) = self.agents.get_mut(agent_id) else { return };
        let seq = agent.durable_seq;
        if let Some(session) = agent.session.filter(|_| agent.is_confirmation_due()) {
            (agent.durable_told, agent.durable_told_at) = (seq, now);
            self.send_agent(session, ToAgent::Durable(DurableUpTo { seq }));
        }
    }
}
