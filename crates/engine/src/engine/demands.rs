//! Demands: raised, escalated, ended; their records.

use super::Engine;
use crate::{
    agent::Demand,
    budget::broken_budgets,
    timeline::{AlertMoments, Takeover, exact},
};
use std::collections::BTreeSet;
use watchkeeper_detect::Phase;
use watchkeeper_model::{
    AgentId, AlertId, CauseClass, ControlState, DemandId, DemandOrigin, DemandOutcome, FallbackCause,
    MonoTime, Note, PageReason, Severity, Stage, nanos,
};
use watchkeeper_protocol::{
    ToAgent,
    agent::{Demand as DemandMessage, DemandEnd},
};
use watchkeeper_takeover::machine::{Event, next};

impl Engine {
    pub(super) fn mint_demand(&mut self) -> DemandId {
        let demand_id = self.next_demand;
        self.next_demand = demand_id.next();
        demand_id
    }

    /// Asks for a takeover (row 5), where the agent's state allows it and none is asked for already.
    pub(super) fn raise_demand(
        &mut self,
        agent_id: &AgentId,
        origin: DemandOrigin,
        alert_id: Option<AlertId>,
        reason: Note,
        now: MonoTime,
    ) {
        if self.agents.get(agent_id).is_some_and(|agent| agent.demand.is_some()) {
            self.join_demand(agent_id, alert_id, now);
            return;
        }
        if !self.can_be_asked(agent_id) || self.cools_down(agent_id, origin, alert_id, now) {
            return;
        }
        if let Some(moments) = alert_id.and_then(|alert_id| self.alert_book.get_mut(alert_id))
            && moments.t3.is_none_or(|t3| t3.at < now)
        {
            // An alert that stood already asks (again) from now on.
            *moments = AlertMoments {
                t0: Some(exact(now)),
                t1: Some(exact(now)),
                t3: Some(exact(now)),
                ..AlertMoments::default()
            };
        }
        let decision =
            alert_id.and_then(|alert_id| self.alarms.get(alert_id)).and_then(|alarm| alarm.decision);
        let demand_id = self.mint_demand();
        let Some(agent) = self.agents.get_mut(agent_id) else { return };
        let mut takeover = Takeover::new(demand_id, origin, reason.as_str().to_owned());
        takeover.alert_id = alert_id;
        takeover.decision = decision;
        agent.takeover = Some(takeover);
        agent.demand = Some(Demand {
            demand_id,
            origin,
            alert_id,
            reason,
            raised_at: now,
            deadline: now.after(agent.timers.demand),
            escalations: 0,
            seen: false,
            paged: BTreeSet::new(),
            ending: None,
        });
        self.counts.demands_raised += 1;
        self.send_demand(agent_id, now);
        if let Some(alarm) = alert_id.and_then(|alert_id| self.alarms.join_demand(alert_id, demand_id, now)) {
            self.routing.ask_for_more(alarm.alert_id);
            self.publish_alarm(alarm, now);
        }
        self.page_if_nobody_is_there(agent_id, now);
        self.uncover_causes(agent_id, now);
        self.publish_status_change(agent_id, now);
        self.rearm(agent_id);
    }

    /// While somebody is asked for, nothing that asks for him is hidden, whatever raised the demand.
    fn uncover_causes(&mut self, agent_id: &AgentId, now: MonoTime) {
        let hidden = self.alarms.takeover_causes(agent_id).filter(|alarm| alarm.is_hidden());
        let hidden: Vec<AlertId> = hidden.map(|alarm| alarm.alert_id).collect();
        for alert_id in hidden {
            self.join_demand(agent_id, Some(alert_id), now);
        }
    }

    /// Returns whether a demand to the agent is possible: its state allows one (or has one), and it can be reached.
    pub(super) fn can_be_asked(&self, agent_id: &AgentId) -> bool {
        self.agents.get(agent_id).is_some_and(|agent| {
            let possible = next(agent.state(), agent.state(), Event::Demand).is_some();
            agent.is_reachable() && (possible || agent.demand.is_some())
        })
    }

    /// Returns whether the agent's cooldown holds up a demand of the monitor (row 5): asked for again when it is over.
    fn cools_down(
        &self,
        agent_id: &AgentId,
        origin: DemandOrigin,
        alert_id: Option<AlertId>,
        now: MonoTime,
    ) -> bool {
        let until = self.agents.get(agent_id).and_then(|agent| agent.cooldown_until);
        origin == DemandOrigin::Monitor
            && !self.is_critical(alert_id)
            && until.is_some_and(|until| now < until)
    }

    fn is_critical(&self, alert_id: Option<AlertId>) -> bool {
        alert_id.and_then(|id| self.alarms.get(id)).is_some_and(|alarm| alarm.severity == Severity::Critical)
    }

    /// One demand stands for every alert that asks for a takeover; it is led by one that is still there.
    fn join_demand(&mut self, agent_id: &AgentId, alert_id: Option<AlertId>, now: MonoTime) {
        let Some(demand) = self.agents.get_mut(agent_id).and_then(|agent| agent.demand.as_mut()) else {
            return;
        };
        let joined = alert_id.and_then(|alert_id| self.alarms.join_demand(alert_id, demand.demand_id, now));
        let Some(alarm) = joined else { return };
        let led =
            demand.alert_id.and_then(|lead| self.alarms.get(lead)).is_some_and(|lead| lead.state.is_active());
        if !led {
            demand.alert_id = alert_id;
        }
        self.routing.ask_for_more(alarm.alert_id);
        self.publish_alarm(alarm, now);
    }

    fn send_demand(&mut self, agent_id: &AgentId, now: MonoTime) {
        let Some(agent) = self.agents.get(agent_id) else { return };
        let (Some(session), Some(demand)) = (agent.session, &agent.demand) else { return };
        let message = DemandMessage {
            demand_id: demand.demand_id,
            origin: demand.origin,
            critical: self.is_critical(demand.alert_id),
            left_nanos: nanos(now.until(demand.deadline)),
            state_version: agent.last.as_ref().map(|beat| beat.state_version).unwrap_or_default(),
            reason: demand.reason.clone(),
        };
        self.send_agent(session, ToAgent::Demand(message));
    }

    /// After a reconnect: a demand that the agent never saw is sent again with what is left of it.
    pub(super) fn resend_demand(&mut self, agent_id: &AgentId, now: MonoTime) {
        let Some(demand) = self.agents.get(agent_id).and_then(|agent| agent.demand.as_ref()) else { return };
        match demand.ending {
            Some(outcome) => self.end_demand(agent_id, outcome),
            None if !demand.seen && now < demand.deadline => self.send_demand(agent_id, now),
            None => {}
        }
    }

    /// Ends a demand from the monitor's side: self-cleared or cancelled. The agent confirms by its state.
    pub(super) fn end_demand(&mut self, agent_id: &AgentId, outcome: DemandOutcome) {
        let Some(agent) = self.agents.get_mut(agent_id) else { return };
        let Some(demand) = &mut agent.demand else { return };
        demand.ending = Some(outcome);
        let message = DemandEnd { demand_id: demand.demand_id, outcome };
        if let Some(session) = agent.session {
            self.send_agent(session, ToAgent::DemandEnd(message));
        }
    }

    /// Row 6: the last cause is gone, and nobody has claimed.
    pub(super) fn check_self_cleared(&mut self, agent_id: &AgentId) {
        let Some(agent) = self.agents.get(agent_id) else { return };
        let by_cause = agent
            .demand
            .as_ref()
            .is_some_and(|demand| demand.origin == DemandOrigin::Monitor && demand.ending.is_none());
        let waits = by_cause && agent.lease.lease().is_none() && agent.state() == ControlState::Requested;
        if waits && self.alarms.takeover_causes(agent_id).next().is_none() {
            self.end_demand(agent_id, DemandOutcome::SelfCleared);
        }
    }

    /// Follows the agent: a demand it reported and no longer reports is over, and its state says how.
    pub(super) fn check_demand(&mut self, agent_id: &AgentId, now: MonoTime) {
        let Some(agent) = self.agents.get_mut(agent_id) else { return };
        let (Some(demand), Some(last)) = (&mut agent.demand, &agent.last) else { return };
        if last.demand_id == Some(demand.demand_id) {
            demand.seen = true;
            return;
        }
        let outcome = match last.control_state {
            ControlState::Human | ControlState::Returning => DemandOutcome::Human,
            ControlState::Fallback | ControlState::FallbackFailed | ControlState::SafeHeld => {
                DemandOutcome::Fallback
            }
            ControlState::Estopped => DemandOutcome::Estopped,
            ControlState::Local => DemandOutcome::Local,
            ControlState::OutOfService => DemandOutcome::OutOfService,
            ControlState::Autonomous
            | ControlState::AssistPending
            | ControlState::Requested
            | ControlState::Claimed => {
                // Not seen yet: the demand is on its way, or the agent refused it until its time is up.
                if !demand.seen && demand.ending.is_none() && now < demand.deadline {
                    return;
                }
                demand.ending.unwrap_or(DemandOutcome::Cancelled)
            }
            ControlState::InTransition => return,
        };
        let demand_id = demand.demand_id;
        let by_person = last.fallback_cause == Some(FallbackCause::Person);
        if outcome == DemandOutcome::Fallback && !by_person {
            self.page(agent_id, PageReason::FellBack, now);
        }
        let Some(agent) = self.agents.get_mut(agent_id) else { return };
        agent.demand = None;
        // The agent began its cooldown when the demand ended there, so it is over there before it is here.
        if outcome.came_to_nothing() {
            agent.cooldown_until = Some(now.after(agent.timers.cooldown));
        }
        if let Some(takeover) = &mut agent.takeover {
            takeover.outcome = Some(outcome);
            takeover.demand_ended_at = Some(now);
        }
        self.leave_demand(agent_id, demand_id, outcome, now);
        let asked = super::causes::state_finding(
            CauseClass::Asked,
            "intervention",
            Severity::Warning,
            "the demand that the agent asked for is over",
            Phase::Cleared,
        );
        self.set_state_cause(agent_id, asked, now);
    }

    /// Takes the mark of a demand that is over from its alerts.
    fn leave_demand(
        &mut self,
        agent_id: &AgentId,
        demand_id: DemandId,
        outcome: DemandOutcome,
        now: MonoTime,
    ) {
        let alerts: Vec<AlertId> =
            self.alarms.takeover_causes(agent_id).map(|alarm| alarm.alert_id).collect();
        let marked = self.alarms.open().filter(|alarm| alarm.demand_id == Some(demand_id));
        let alerts: BTreeSet<AlertId> = marked.map(|alarm| alarm.alert_id).chain(alerts).collect();
        for alert_id in alerts {
            // What a person called a false alarm no longer asks for a takeover.
            let dismissed = outcome == DemandOutcome::Dismissed;
            if let Some(alarm) = self.alarms.leave_demand(alert_id, dismissed) {
                self.publish_alarm(alarm, now);
            }
        }
        self.obey_rules(agent_id, now);
    }

    /// An agent that is gone does not answer any more: its demand is over at its deadline, and how is unknown.
    pub(super) fn give_up_demand(&mut self, agent_id: &AgentId, now: MonoTime) {
        let Some(agent) = self.agents.get_mut(agent_id) else { return };
        let silent = agent.mirror.offline_since().is_some();
        let over =
            agent.demand.as_ref().is_some_and(|demand| now >= demand.deadline.after(agent.timers.agent));
        if !(silent && over) {
            return;
        }
        self.page(agent_id, PageReason::FellBack, now);
        let Some(agent) = self.agents.get_mut(agent_id) else { return };
        let Some(demand) = agent.demand.take() else { return };
        if let Some(takeover) = &mut agent.takeover {
            takeover.demand_ended_at = Some(now);
        }
        self.leave_demand(agent_id, demand.demand_id, DemandOutcome::Fallback, now);
        self.finish_takeover(agent_id, now);
        self.publish_status_change(agent_id, now);
    }

    /// T_esc: an unclaimed demand gets louder.
    pub(super) fn check_escalation(&mut self, agent_id: &AgentId, now: MonoTime) {
        let Some(agent) = self.agents.get_mut(agent_id) else { return };
        let claimed = agent.lease.lease().is_some();
        // What is over and only waits for the agent to say so asks nobody any more.
        let Some(demand) = agent.demand.as_mut().filter(|demand| demand.ending.is_none()) else { return };
        let mut changed = false;
        while let Some(span) = agent.timers.escalate.get(usize::from(demand.escalations))
            && now >= demand.raised_at.after(*span)
        {
            demand.escalations += 1;
            changed = true;
        }
        let (escalations, alert_id, demand_id) = (demand.escalations, demand.alert_id, demand.demand_id);
        let is_last = usize::from(escalations) == agent.timers.escalate.len();
        if !changed || claimed {
            return;
        }
        let escalated = alert_id.and_then(|alert_id| self.alarms.escalate(alert_id, escalations, now));
        if let Some(alarm) = escalated {
            self.publish_alarm(alarm, now);
        }
        self.pass_on_unanswered(agent_id, demand_id, is_last, now);
    }

    /// Writes the record of a takeover whose demand and lease are both over.
    pub(super) fn finish_takeover(&mut self, agent_id: &AgentId, now: MonoTime) {
        let Some(agent) = self.agents.get_mut(agent_id) else { return };
        if agent.demand.is_some() || agent.lease.lease().is_some() {
            return;
        }
        if let Some(takeover) = agent.takeover.take() {
            self.record_takeover(agent_id, takeover, now);
        }
    }

    /// Writes the record of a takeover that is over, and tells where it broke the machine's budget.
    pub(super) fn record_takeover(&mut self, agent_id: &AgentId, takeover: Takeover, now: MonoTime) {
        let Some(agent) = self.agents.get(agent_id) else { return };
        let alert = takeover.alert_id.map(|alert_id| self.alert_book.get(alert_id)).unwrap_or_default();
        if takeover.alert_id.is_some() && alert.t5.is_none() {
            // Nobody was shown what was asked: that is a breach, not a gap in the figures.
            self.stages.record(Stage::Notify, agent.kind, None);
        }
        let who = (agent.id.clone(), agent.kind, agent.mirror.boot_id());
        let broken = broken_budgets(agent.kind, takeover.spans(alert));
        let record = takeover.finish(who, agent.state(), alert, &mut self.stages);
        self.close_takeover(record);
        if !broken.is_empty() {
            self.tell_broken_budgets(agent_id, &broken, now);
        }
    }

    /// Returns the label of an operator's own wish.
    pub(super) fn wish(person: &watchkeeper_model::PersonId) -> Note {
        Note::cut(&format!("{person} wants control"))
    }
}

/// Says what the agent does at the end of the demand if nobody comes.
pub(super) fn default_of(demand: &Demand) -> Note {
    Note::cut(match demand.origin {
        DemandOrigin::Operator => "nothing: the agent goes on by itself",
        DemandOrigin::Monitor | DemandOrigin::Agent | DemandOrigin::Supervisor => {
            "falls back at level 1 and stays safe until a person releases it"
        }
    })
}
