//! Leases: claim, renewal, expiry, end.

use super::{Engine, durable::Action, handover::Asker};
use crate::{latency::Latency, timeline::Takeover};
use watchkeeper_model::{
    AgentId, CommandCode, ControlState, DemandOrigin, DemandOutcome, Epoch, LeaseEnd, MonoTime, Note,
    PersonId, SessionId, nanos,
};
use watchkeeper_protocol::{
    ToAgent, ToOperator,
    agent::{HolderHeartbeat, Void},
    operator::{ConsoleKind, HolderReport, LeaseEvent, LeaseUpdate},
};
use watchkeeper_takeover::{
    Lease,
    machine::{Event, next},
};

type Refusal = (CommandCode, String);

impl Engine {
    /// An operator wants the lease (row 7; a flag in FALLBACK and SAFE_HELD). The grant leaves when it is durable.
    pub(super) fn handle_claim(
        &mut self,
        session: SessionId,
        person: &PersonId,
        agent_id: &AgentId,
        now: MonoTime,
    ) {
        self.expire(agent_id, now);
        let granted =
            self.check_claim(person, agent_id).and_then(|()| self.check_reach(session, agent_id, now));
        if let Err((code, detail)) = granted {
            self.refuse_claim(session, person, agent_id, code, &detail);
            return;
        }
        if self.agents.get(agent_id).is_some_and(|agent| agent.state().is_nominal()) {
            self.raise_demand(agent_id, DemandOrigin::Operator, None, Self::wish(person), now);
        }
        self.grant_claim(session, person, agent_id, now);
    }

    /// Grants the lease to somebody who may have it.
    pub(super) fn grant_claim(
        &mut self,
        session: SessionId,
        person: &PersonId,
        agent_id: &AgentId,
        now: MonoTime,
    ) {
        let spare_demand = self.mint_demand();
        let Some(agent) = self.agents.get_mut(agent_id) else { return };
        let ttl = agent.timers.lease_ttl();
        let epoch = match agent.lease.grant(person.clone(), session, ttl, now) {
            Ok(lease) => lease.epoch,
            Err(refusal) => {
                self.refuse_claim(session, person, agent_id, CommandCode::Failed, &refusal.to_string());
                return;
            }
        };
        agent.claim_deadline = Some(now.after(agent.timers.claim));
        agent.lease_announced = false;
        agent.lease_seen = false;
        // A claim out of a fallback has no demand, and is a takeover all the same.
        let takeover = agent.takeover.get_or_insert_with(|| {
            Takeover::new(spare_demand, DemandOrigin::Operator, Self::wish(person).as_str().to_owned())
        });
        takeover.holder = Some(person.clone());
        takeover.epoch = Some(epoch);
        self.record_authority(agent_id);
        self.wait_for_disk(Action::Grant { agent: agent_id.clone(), epoch });
        self.publish_status_change(agent_id, now);
        self.rearm(agent_id);
    }

    /// Tells the one who asked; it is no change that anybody else must hear of.
    pub(super) fn refuse_claim(
        &mut self,
        session: SessionId,
        person: &PersonId,
        agent_id: &AgentId,
        code: CommandCode,
        detail: &str,
    ) {
        let update = LeaseUpdate {
            cursor: self.cursor_of(session),
            agent: agent_id.clone(),
            holder: person.clone(),
            session_id: session,
            epoch: Epoch(0),
            event: LeaseEvent::Refused,
            code: Some(code),
            end: None,
            detail: Some(Note::cut(detail)),
        };
        self.send_operator(session, ToOperator::Lease(update));
    }

    /// A console is gone: what it claimed and does not drive yet is free again at once (rows 8 and 11). Who drives
    /// keeps the lease until T_link, because the agent decides that.
    pub(super) fn drop_claims(&mut self, session: SessionId, now: MonoTime) {
        self.drop_handovers(session, now);
        let claims: Vec<AgentId> = self
            .agents
            .values()
            .filter(|agent| agent.lease.lease().is_some_and(|lease| lease.session == session))
            .filter(|agent| !agent.state().is_driven())
            .map(|agent| agent.id.clone())
            .collect();
        for agent_id in claims {
            self.end_lease(&agent_id, LeaseEnd::HolderLost, now);
        }
    }

    fn check_claim(&self, person: &PersonId, agent_id: &AgentId) -> Result<(), Refusal> {
        let Some(agent) = self.agents.get(agent_id) else {
            return Err((CommandCode::Unreachable, format!("nobody knows an agent called {agent_id}")));
        };
        if !agent.is_reachable() {
            return Err((CommandCode::Unreachable, "the agent is offline".to_owned()));
        }
        if !agent.mirror.is_settled() {
            return Err((
                CommandCode::TemporarilyRejected,
                "the agent has just connected; try again".to_owned(),
            ));
        }
        if self.degraded {
            return Err((CommandCode::Degraded, "the record cannot be written in time".to_owned()));
        }
        if let Some(lease) = agent.lease.lease() {
            let detail = format!("{} holds the lease (epoch {})", lease.holder, lease.epoch);
            return Err((CommandCode::NotInControl, detail));
        }
        self.check_load(person, agent_id)?;
        let state = agent.state();
        // Who drives without a lease here is about to fall back: nobody follows him.
        let grants = !state.is_driven() && next(state, state, Event::Granted).is_some();
        if state.is_nominal() || grants {
            Ok(())
        } else {
            Err((CommandCode::Precondition, format!("an agent that is {state} cannot be claimed")))
        }
    }

    /// Rule 10: how many agents one person holds or is about to, this one aside.
    pub(super) fn check_load(&self, person: &PersonId, agent_id: &AgentId) -> Result<(), Refusal> {
        let holds = |lease: &Lease| lease.holder == *person;
        let held = self
            .agents
            .values()
            .filter(|other| other.id != *agent_id)
            .filter(|other| {
                other.lease.lease().is_some_and(holds)
                    || other.lease.next().is_some_and(|next| holds(&next.lease))
            })
            .count();
        if held >= self.config.load.leases_per_person as usize {
            let detail = format!("{person} holds {held} already (rule: leases_per_person)");
            return Err((CommandCode::LoadLimit, detail));
        }
        Ok(())
    }

    /// The holder's heartbeat, or the next one's: renews the lease here and goes on to the agent.
    pub(super) fn handle_holder(&mut self, session: SessionId, report: &HolderReport, now: MonoTime) {
        self.expire(&report.agent, now);
        let Some(agent) = self.agents.get_mut(&report.agent).filter(|agent| agent.lease_announced) else {
            return;
        };
        let unannounced = agent.next.as_ref().is_some_and(|next| !next.announced);
        if unannounced && agent.lease.next().is_some_and(|next| next.lease.epoch == report.epoch) {
            return;
        }
        let ttl = agent.timers.lease_ttl();
        let renewed = agent.lease.renew(session, report.epoch, (report.seq, report.ready), ttl, now);
        // Who is next and has engaged in time keeps the agent's half alive until its answer is here.
        let waits = agent.next.as_ref().is_some_and(|next| next.waits_for_engage)
            && agent
                .lease
                .next()
                .is_some_and(|next| (next.lease.session, next.lease.epoch) == (session, report.epoch));
        // A heartbeat that renews nothing is no secret: the console sees its lease end by itself.
        if renewed.is_err() && !waits {
            return;
        }
        let to = agent.session;
        let by_hand = self.consoles.get(&session).is_some_and(|console| drives_by_hand(console.kind));
        let latency = self.limited(session, &report.agent, now).and_then(Latency::total);
        if let Some(to) = to {
            let heartbeat = HolderHeartbeat {
                epoch: report.epoch,
                seq: report.seq,
                ready: report.ready,
                deadline: report.deadline,
                setpoint: report.setpoint.filter(|_| by_hand),
                latency_nanos: latency.map(nanos),
            };
            self.send_agent(to, ToAgent::Holder(heartbeat));
        }
        self.publish_status_change(&report.agent, now);
        self.rearm(&report.agent);
    }

    /// Ends the lease, if there is one: the agent hears of it, and every console that sees the agent.
    pub(super) fn end_lease(&mut self, agent_id: &AgentId, reason: LeaseEnd, now: MonoTime) {
        self.end_lease_because(agent_id, reason, None, now);
    }

    /// Ends the lease, and with it who asks for it and who gets it next.
    pub(super) fn end_lease_because(
        &mut self,
        agent_id: &AgentId,
        reason: LeaseEnd,
        detail: Option<Note>,
        now: MonoTime,
    ) {
        self.drop_wish(agent_id, "the holder is no longer in control", now);
        self.end_next(agent_id, end_of_next(reason), now);
        let Some(agent) = self.agents.get_mut(agent_id) else { return };
        let Some(lease) = agent.lease.end() else { return };
        agent.claim_deadline = None;
        agent.waiver = None;
        if let Some(takeover) = &mut agent.takeover
            && reason == LeaseEnd::HandedBack
        {
            takeover.handed_back_at = Some(now);
        }
        let wish = agent.demand.as_ref().is_some_and(|demand| demand.origin == DemandOrigin::Operator);
        if let Some(to) = agent.session {
            self.send_agent(to, ToAgent::Void(Void { epoch: lease.epoch, reason }));
        }
        let who = Asker { person: &lease.holder, session: lease.session };
        self.tell_lease(agent_id, who, lease.epoch, LeaseEvent::Ended, Some(reason), detail);
        if wish && reason != LeaseEnd::PreEmpted {
            // A stray wish ends with the lease that it was for (row 6b), unless a supervisor makes it his.
            self.end_demand(agent_id, DemandOutcome::Cancelled);
        }
        self.finish_takeover(agent_id, now);
        self.publish_status_change(agent_id, now);
        self.rearm(agent_id);
    }

    /// Follows the agent: when it no longer holds the lease's epoch, the lease is over here too.
    pub(super) fn check_lease(&mut self, agent_id: &AgentId, now: MonoTime) {
        self.follow_switch(agent_id, now);
        let Some(agent) = self.agents.get_mut(agent_id) else { return };
        let (Some(lease), Some(last)) = (agent.lease.lease(), &agent.last) else { return };
        if last.epoch == lease.epoch {
            agent.lease_seen = true;
            if last.control_state == ControlState::Human {
                agent.claim_deadline = None;
                if let Some(takeover) = &mut agent.takeover {
                    takeover.human_at.get_or_insert(now);
                }
            } else if last.control_state == ControlState::InTransition {
                agent.claim_deadline = None;
            }
            return;
        }
        if !agent.lease_seen {
            return;
        }
        let was_human = agent.takeover.as_ref().is_some_and(|takeover| takeover.human_at.is_some());
        let reason = match last.control_state {
            ControlState::Estopped => LeaseEnd::Estopped,
            ControlState::Fallback | ControlState::FallbackFailed | ControlState::SafeHeld => {
                LeaseEnd::Fallback
            }
            ControlState::Local => LeaseEnd::LocalOverride,
            ControlState::OutOfService => LeaseEnd::OutOfService,
            ControlState::Autonomous | ControlState::AssistPending if was_human => LeaseEnd::HandedBack,
            ControlState::Autonomous | ControlState::AssistPending => LeaseEnd::DemandEnded,
            ControlState::Requested
            | ControlState::Claimed
            | ControlState::InTransition
            | ControlState::Human
            | ControlState::Returning => LeaseEnd::HolderLost,
        };
        self.end_lease(agent_id, reason, now);
    }

    /// Evaluates what has run out before anything else is decided: a deadline is valid while now < deadline.
    pub(super) fn expire(&mut self, agent_id: &AgentId, now: MonoTime) {
        let Some(agent) = self.agents.get(agent_id) else { return };
        if agent.lease.expires_at().is_some_and(|at| now >= at) {
            self.end_lease(agent_id, LeaseEnd::Expired, now);
        } else if agent.claim_deadline.is_some_and(|at| now >= at) {
            self.end_lease(agent_id, LeaseEnd::NotEngaged, now);
        }
        self.expire_handover(agent_id, now);
    }
}

/// Returns whether such a console knows that a hand is on its controls this very moment: a terminal does not.
const fn drives_by_hand(console: ConsoleKind) -> bool {
    match console {
        ConsoleKind::Window | ConsoleKind::Scripted | ConsoleKind::Headless => true,
        ConsoleKind::Text => false,
    }
}

/// Returns why the next lease is over when the one before it is: the agent fell back without a holder, unless
/// there was another reason.
const fn end_of_next(reason: LeaseEnd) -> LeaseEnd {
    match reason {
        LeaseEnd::Released
        | LeaseEnd::Expired
        | LeaseEnd::NotEngaged
        | LeaseEnd::HolderLost
        | LeaseEnd::AccessEnded => LeaseEnd::Fallback,
        LeaseEnd::HandedBack
        | LeaseEnd::DemandEnded
        | LeaseEnd::Estopped
        | LeaseEnd::Fallback
        | LeaseEnd::MonitorRestarted
        | LeaseEnd::AgentRestarted
        | LeaseEnd::HandedOver
        | LeaseEnd::PreEmpted
        | LeaseEnd::LocalOverride
        | LeaseEnd::OutOfService => reason,
    }
}
