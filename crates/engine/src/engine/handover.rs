//! Handover and pre-emption (row 16; section 2, rules 5 to 7): who may have control next, and when he has it.
//!
//! The agent switches holders, not the monitor: here a wish is asked and answered, the next lease is granted on
//! disk and announced, and ended again if nothing comes of it. The present holder drives until the agent reports
//! the next epoch.

use super::{Engine, durable::Action};
use crate::{agent::Next, timeline::Takeover};
use watchkeeper_model::{
    AgentId, CommandCode, ControlState, DemandOrigin, Epoch, LeaseEnd, MonoTime, Note, PersonId, SessionId,
};
use watchkeeper_protocol::{
    ToAgent, ToOperator,
    agent::{Grant, Void},
    operator::{AllowTakeover, AnswerHandover, LeaseEvent, LeaseUpdate, RequestHandover},
};
use watchkeeper_takeover::Wish;

type Refusal = (CommandCode, String);

/// Who asks, from where.
#[derive(Clone, Copy)]
pub(super) struct Asker<'a> {
    pub(super) person: &'a PersonId,
    pub(super) session: SessionId,
}

impl Engine {
    /// Somebody wants control of an agent that somebody else holds.
    pub(super) fn handle_handover_request(
        &mut self,
        session: SessionId,
        person: &PersonId,
        body: RequestHandover,
        now: MonoTime,
    ) {
        let RequestHandover { agent: agent_id, preempt, reason } = body;
        let reason = reason.filter(|reason| !reason.as_str().trim().is_empty());
        self.expire(&agent_id, now);
        let asker = Asker { person, session };
        let asked = match (preempt, reason) {
            (false, reason) => self.ask(asker, &agent_id, reason, now),
            (true, None) => Err((CommandCode::Denied, "taking control unasked needs a reason".into())),
            (true, Some(reason)) => self.pre_empt(asker, &agent_id, &reason, now),
        };
        if let Err((code, detail)) = asked {
            self.refuse_claim(session, person, &agent_id, code, &detail);
        }
        self.rearm(&agent_id);
    }

    /// The holder answers a wish.
    pub(super) fn handle_handover_answer(&mut self, session: SessionId, body: AnswerHandover, now: MonoTime) {
        let AnswerHandover { agent: agent_id, request_id, accept } = body;
        self.expire(&agent_id, now);
        let Some(agent) = self.agents.get_mut(&agent_id) else {
            self.refuse_field(session, "answer_handover", "agent", "nobody knows this agent");
            return;
        };
        match agent.lease.answer(session, request_id, now) {
            Err(refusal) => {
                self.refuse_field(session, "answer_handover", "request_id", &refusal.to_string());
            }
            Ok(wish) if accept => self.grant_wish(&agent_id, &wish, now),
            Ok(wish) => self.tell_refused(&agent_id, &wish, "the holder says no", now),
        }
        self.rearm(&agent_id);
    }

    /// The holder says whether others may take over without asking. Who has asked already need not ask again.
    pub(super) fn handle_allow_takeover(&mut self, session: SessionId, body: AllowTakeover, now: MonoTime) {
        let AllowTakeover { agent: agent_id, epoch, allowed } = body;
        self.expire(&agent_id, now);
        let Some(agent) = self.agents.get_mut(&agent_id).filter(|agent| agent.lease_announced) else {
            self.refuse_field(session, "allow_takeover", "agent", "nobody holds this agent");
            return;
        };
        if let Err(refusal) = agent.lease.allow_takeover(session, epoch, allowed, now) {
            self.refuse_field(session, "allow_takeover", "epoch", &refusal.to_string());
            return;
        }
        let wish = if allowed { agent.lease.drop_wish() } else { None };
        if let Some(wish) = wish {
            self.grant_wish(&agent_id, &wish, now);
        }
        self.publish_status_change(&agent_id, now);
        self.rearm(&agent_id);
    }

    fn ask(
        &mut self,
        asker: Asker<'_>,
        agent_id: &AgentId,
        reason: Option<Note>,
        now: MonoTime,
    ) -> Result<(), Refusal> {
        self.check_handover(asker, agent_id, now)?;
        self.check_in_control(agent_id)?;
        let Some(agent) = self.agents.get_mut(agent_id) else { return Ok(()) };
        if agent.lease.lease().is_some_and(|lease| lease.takeover_allowed) && agent.lease.next().is_none() {
            let why = format!("{} let others take over", holder_of(agent));
            return self.grant_next(asker, agent_id, None, &why, now);
        }
        let who = (asker.person.clone(), asker.session);
        let detail = reason.clone();
        agent
            .lease
            .ask(who, reason, agent.timers.handover, now)
            .map_err(|refusal| (CommandCode::TemporarilyRejected, refusal.to_string()))?;
        self.tell_lease(agent_id, asker, Epoch(0), LeaseEvent::HandoverRequested, None, detail);
        self.publish_status(agent_id, now);
        Ok(())
    }

    /// A supervisor takes control unasked: from who drives as soon as he engages, from everybody else at once.
    fn pre_empt(
        &mut self,
        asker: Asker<'_>,
        agent_id: &AgentId,
        reason: &Note,
        now: MonoTime,
    ) -> Result<(), Refusal> {
        self.check_handover(asker, agent_id, now)?;
        let Some(agent) = self.agents.get(agent_id) else { return Ok(()) };
        let why = format!("{} took control from {}: {reason}", asker.person, holder_of(agent));
        if agent.state().is_driven() {
            self.check_not_engaging(agent_id)?;
            self.drop_wish(agent_id, "a supervisor takes control", now);
            self.end_next(agent_id, LeaseEnd::PreEmpted, now);
            return self.grant_next(asker, agent_id, Some(reason), &why, now);
        }
        self.end_lease_because(agent_id, LeaseEnd::PreEmpted, Some(Note::cut(&why)), now);
        self.grant_claim(asker.session, asker.person, agent_id, now);
        Ok(())
    }

    /// What a wish and a pre-emption need alike.
    fn check_handover(&self, asker: Asker<'_>, agent_id: &AgentId, now: MonoTime) -> Result<(), Refusal> {
        let Some(agent) = self.agents.get(agent_id) else {
            return Err((CommandCode::Unreachable, format!("nobody knows an agent called {agent_id}")));
        };
        if !agent.is_reachable() {
            return Err((CommandCode::Unreachable, "the agent is offline".to_owned()));
        }
        if self.degraded {
            return Err((CommandCode::Degraded, "the record cannot be written in time".to_owned()));
        }
        let Some(lease) = agent.announced_lease() else {
            return Err((CommandCode::Precondition, "nobody holds this agent: claim it".to_owned()));
        };
        if lease.session == asker.session {
            return Err((CommandCode::Denied, "you hold this agent already".to_owned()));
        }
        self.check_load(asker.person, agent_id)?;
        self.check_reach(asker.session, agent_id, now)
    }

    /// An ENGAGE of the next holder is on its way or taken already: voiding his epoch now could leave the agent
    /// without a holder. Its answer is a matter of moments.
    fn check_not_engaging(&self, agent_id: &AgentId) -> Result<(), Refusal> {
        let Some(next) = self.agents.get(agent_id).and_then(|agent| agent.lease.next()) else {
            return Ok(());
        };
        if self.commands.is_engaging(agent_id, next.lease.epoch) {
            let detail = format!("{} takes control this very moment; try again", next.lease.holder);
            return Err((CommandCode::TemporarilyRejected, detail));
        }
        Ok(())
    }

    fn check_in_control(&self, agent_id: &AgentId) -> Result<(), Refusal> {
        let Some(agent) = self.agents.get(agent_id) else { return Ok(()) };
        if agent.state() == ControlState::Human {
            return Ok(());
        }
        let detail = format!("the agent is {}: control is handed over only by who drives", agent.state());
        Err((CommandCode::Precondition, detail))
    }

    /// The holder said yes: what allowed the question must still allow the answer.
    fn grant_wish(&mut self, agent_id: &AgentId, wish: &Wish, now: MonoTime) {
        let asker = Asker { person: &wish.by, session: wish.session };
        let why = self.agents.get(agent_id).map(holder_of).unwrap_or_default() + " handed over";
        let granted = self
            .check_handover(asker, agent_id, now)
            .and_then(|()| self.check_in_control(agent_id))
            .and_then(|()| self.grant_next(asker, agent_id, None, &why, now));
        if let Err((_, detail)) = granted {
            self.tell_refused(agent_id, wish, &detail, now);
        }
    }

    /// Grants the lease that follows the present one; it is announced when it is on disk. `pre_empted`: why a
    /// supervisor takes it.
    fn grant_next(
        &mut self,
        asker: Asker<'_>,
        agent_id: &AgentId,
        pre_empted: Option<&Note>,
        why: &str,
        now: MonoTime,
    ) -> Result<(), Refusal> {
        // Each holder has a takeover of his own, so that each record has one person and one ENGAGE.
        let demand_id = self.mint_demand();
        let Some(agent) = self.agents.get_mut(agent_id) else { return Ok(()) };
        let spans = (agent.timers.engage_next(), agent.timers.lease_ttl());
        let who = (asker.person.clone(), asker.session);
        let epoch = agent
            .lease
            .grant_next(who, pre_empted.is_some(), spans, now)
            .map(|next| next.lease.epoch)
            .map_err(|refusal| (CommandCode::TemporarilyRejected, refusal.to_string()))?;
        let origin = if pre_empted.is_some() { DemandOrigin::Supervisor } else { DemandOrigin::Operator };
        let mut takeover = Takeover::new(demand_id, origin, why.to_owned());
        takeover.holder = Some(asker.person.clone());
        takeover.epoch = Some(epoch);
        agent.next = Some(Next { announced: false, waits_for_engage: false, input: self.inputs, takeover });
        self.record_authority(agent_id);
        self.wait_for_disk(Action::Grant { agent: agent_id.clone(), epoch });
        self.publish_status(agent_id, now);
        Ok(())
    }

    /// The grant of the next lease is on disk: agent and consoles hear of it, and the time to engage runs.
    pub(super) fn announce_next(&mut self, agent_id: &AgentId, epoch: Epoch, now: MonoTime) {
        let Some(agent) = self.agents.get_mut(agent_id) else { return };
        let (engage_within, ttl) = (agent.timers.engage_next(), agent.timers.lease_ttl());
        let boot_id = agent.mirror.boot_id();
        let Some(lease) = agent.lease.next().map(|next| next.lease.clone()) else { return };
        let Some(next) = agent.next.as_mut().filter(|_| lease.epoch == epoch) else { return };
        next.announced = true;
        next.takeover.granted_at = Some(now);
        agent.lease.announce_next(engage_within, ttl, now);
        if let Some(session) = agent.session {
            let grant = Grant { epoch, holder: lease.holder.clone(), holder_session: lease.session, boot_id };
            self.send_agent(session, ToAgent::Grant(grant));
        }
        let asker = Asker { person: &lease.holder, session: lease.session };
        let detail = Some(Note::cut("next: the present holder drives until he engages"));
        self.tell_lease(agent_id, asker, epoch, LeaseEvent::Granted, None, detail);
        self.publish_status(agent_id, now);
        self.rearm(agent_id);
    }

    /// Follows the agent: the next epoch is its active one, so its holder is in control and the one before is not.
    pub(super) fn follow_switch(&mut self, agent_id: &AgentId, now: MonoTime) {
        let Some(agent) = self.agents.get_mut(agent_id) else { return };
        let reported = agent.last.as_ref().map(|last| last.epoch);
        if agent.announced_next().is_none_or(|next| Some(next.lease.epoch) != reported) {
            return;
        }
        let Some((before, pre_empted)) = agent.lease.switch() else { return };
        let next = agent.next.take();
        (agent.lease_announced, agent.lease_seen, agent.claim_deadline) = (true, true, None);
        let over = std::mem::replace(&mut agent.takeover, next.map(|next| next.takeover));
        let detail = Some(Note::cut(&format!("{} is in control", holder_of(agent))));
        if let Some(over) = over {
            self.record_takeover(agent_id, over, now);
        }
        let end = if pre_empted { LeaseEnd::PreEmpted } else { LeaseEnd::HandedOver };
        let who = Asker { person: &before.holder, session: before.session };
        self.tell_lease(agent_id, who, before.epoch, LeaseEvent::Ended, Some(end), detail);
        self.publish_status(agent_id, now);
    }

    /// Ends the pending lease, if there is one: the present holder keeps control.
    pub(super) fn end_next(&mut self, agent_id: &AgentId, reason: LeaseEnd, now: MonoTime) {
        let Some(agent) = self.agents.get_mut(agent_id) else { return };
        let Some(next) = agent.lease.end_next() else { return };
        agent.next = None;
        agent.ended_next = Some(next.lease.epoch);
        if let Some(to) = agent.session {
            self.send_agent(to, ToAgent::Void(Void { epoch: next.lease.epoch, reason }));
        }
        let who = Asker { person: &next.lease.holder, session: next.lease.session };
        self.tell_lease(agent_id, who, next.lease.epoch, LeaseEvent::Ended, Some(reason), None);
        self.publish_status(agent_id, now);
        self.rearm(agent_id);
    }

    /// The same boot connected again: a next holder whose grant it has not seen is none. `seen` is the highest epoch
    /// that it knows.
    pub(super) fn reconcile_next(&mut self, agent_id: &AgentId, seen: Epoch, now: MonoTime) {
        let Some(agent) = self.agents.get(agent_id) else { return };
        let Some(next) = agent.lease.next() else { return };
        if agent.announced_next().is_none() || next.lease.epoch > seen {
            self.end_next(agent_id, LeaseEnd::HolderLost, now);
        }
    }

    /// Tells an agent that connected again which next holder came to nothing meanwhile.
    pub(super) fn resend_void(&mut self, agent_id: &AgentId) {
        let Some(agent) = self.agents.get(agent_id) else { return };
        if let (Some(to), Some(epoch)) = (agent.session, agent.ended_next) {
            self.send_agent(to, ToAgent::Void(Void { epoch, reason: LeaseEnd::HolderLost }));
        }
    }

    /// The agent took a HAND_BACK: nobody follows its holder but the agent itself. One that was on its way before
    /// somebody became next does not concern him.
    pub(super) fn cancel_handover(&mut self, agent_id: &AgentId, by_input: u64, now: MonoTime) {
        self.drop_wish(agent_id, "the holder hands back", now);
        let older = self.agents.get(agent_id).and_then(|agent| agent.next.as_ref());
        if older.is_some_and(|next| next.input < by_input) {
            self.end_next(agent_id, LeaseEnd::HandedBack, now);
        }
    }

    /// A console is gone, and with it what its person asked for and was about to get.
    pub(super) fn drop_handovers(&mut self, session: SessionId, now: MonoTime) {
        let asked: Vec<AgentId> = self
            .agents
            .values()
            .filter(|agent| {
                agent.lease.wish().is_some_and(|wish| wish.session == session)
                    || agent.lease.next().is_some_and(|next| next.lease.session == session)
            })
            .map(|agent| agent.id.clone())
            .collect();
        for agent_id in asked {
            let Some(agent) = self.agents.get(&agent_id) else { continue };
            if agent.lease.wish().is_some_and(|wish| wish.session == session) {
                self.drop_wish(&agent_id, "who asked is gone", now);
            }
            let Some(agent) = self.agents.get(&agent_id) else { continue };
            let is_his = agent.lease.next().is_some_and(|next| next.lease.session == session);
            // An ENGAGE that left is the agent's to decide; if it comes to nothing, the lease lapses by itself.
            if is_his && self.check_not_engaging(&agent_id).is_ok() {
                self.end_next(&agent_id, LeaseEnd::HolderLost, now);
            }
            self.rearm(&agent_id);
        }
    }

    /// Ends the wish, if there is one, without a yes.
    pub(super) fn drop_wish(&mut self, agent_id: &AgentId, why: &str, now: MonoTime) {
        let wish = self.agents.get_mut(agent_id).and_then(|agent| agent.lease.drop_wish());
        if let Some(wish) = wish {
            self.tell_refused(agent_id, &wish, why, now);
        }
    }

    /// Evaluates the time to answer (silence is a no) and the time to engage.
    pub(super) fn expire_handover(&mut self, agent_id: &AgentId, now: MonoTime) {
        let Some(agent) = self.agents.get(agent_id) else { return };
        if agent.lease.wish().is_some_and(|wish| now >= wish.expires_at) {
            self.drop_wish(agent_id, "the holder did not answer in time", now);
        }
        let Some(agent) = self.agents.get_mut(agent_id) else { return };
        let Some(next) = agent.lease.next().filter(|next| now >= next.lapses_at()) else { return };
        let reason = if now >= next.engage_by { LeaseEnd::NotEngaged } else { LeaseEnd::HolderLost };
        // An ENGAGE that left in time is the agent's to decide; its answer is awaited, but not for ever.
        let (epoch, last) = (next.lease.epoch, next.lapses_at().after(agent.timers.agent));
        let engages = self.commands.is_engaging(agent_id, epoch) && now < last;
        match &mut agent.next {
            Some(next) if engages => next.waits_for_engage = true,
            Some(_) | None => self.end_next(agent_id, reason, now),
        }
    }

    fn tell_refused(&mut self, agent_id: &AgentId, wish: &Wish, why: &str, now: MonoTime) {
        let who = Asker { person: &wish.by, session: wish.session };
        let detail = Some(Note::cut(why));
        self.tell_lease(agent_id, who, Epoch(0), LeaseEvent::HandoverRefused, None, detail);
        self.publish_status(agent_id, now);
    }

    /// Tells consoles what became of a lease, or of a wish for one.
    pub(super) fn tell_lease(
        &mut self,
        agent_id: &AgentId,
        who: Asker<'_>,
        epoch: Epoch,
        event: LeaseEvent,
        end: Option<LeaseEnd>,
        detail: Option<Note>,
    ) {
        self.publish(agent_id, |cursor| {
            ToOperator::Lease(LeaseUpdate {
                cursor,
                agent: agent_id.clone(),
                holder: who.person.clone(),
                session_id: who.session,
                epoch,
                event,
                code: None,
                end,
                detail,
            })
        });
    }
}

fn holder_of(agent: &crate::agent::Agent) -> String {
    agent.lease.lease().map_or_else(|| "nobody".to_owned(), |lease| lease.holder.to_string())
}
