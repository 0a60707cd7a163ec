//! Demands: raised, escalated, ended; their records.

use super::Engine;
use crate::{Derived, Output, agent::Demand, timeline::Takeover};
use watchkeeper_detect::Phase;
use watchkeeper_model::{
    AgentId, AlertId, CauseClass, ControlState, DemandId, DemandOrigin, DemandOutcome, MonoTime, Note,
    Severity,
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
        let Some(agent) = self.agents.get(agent_id) else { return };
        let possible = next(agent.state(), agent.state(), Event::Demand).is_some();
        if !possible || agent.demand.is_some() || !agent.is_reachable() {
            return;
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
            ending: None,
        });
        self.send_demand(agent_id, now);
        if let Some(alarm) = alert_id.and_then(|alert_id| self.alarms.get_mut(alert_id)) {
            alarm.demand_id = Some(demand_id);
            let alarm = alarm.clone();
            self.publish_alarm(alarm);
        }
        self.publish_status_change(agent_id, now);
        self.rearm(agent_id);
    }

    fn send_demand(&mut self, agent_id: &AgentId, now: MonoTime) {
        let Some(agent) = self.agents.get(agent_id) else { return };
        let (Some(session), Some(demand)) = (agent.session, &agent.demand) else { return };
        let message = DemandMessage {
            demand_id: demand.demand_id,
            origin: demand.origin,
            left_nanos: u64::try_from(now.until(demand.deadline).as_nanos()).unwrap_or(u64::MAX),
            state_version: agent.last.as_ref().map(|beat| beat.state_version).unwrap_or_default(),
            reason: demand.reason.clone(),
        };
        self.send_agent(session, ToAgent::Demand(message));
    }

    /// After a reconnect: a demand that the agent never saw is sent again with what is left of it.
    pub(super) fn resend_demand(&mut self, agent_id: &AgentId, now: MonoTime) {
        let due = self.agents.get(agent_id).is_some_and(|agent| {
            agent.demand.as_ref().is_some_and(|demand| !demand.seen && now < demand.deadline)
        });
        if due {
            self.send_demand(agent_id, now);
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
        let caused = self.alarms.takeover_causes(agent_id).next().is_some();
        let Some(agent) = self.agents.get(agent_id) else { return };
        let by_cause = agent.demand.as_ref().is_some_and(|demand| demand.origin == DemandOrigin::Monitor);
        if by_cause && !caused && agent.lease.lease().is_none() && agent.state() == ControlState::Requested {
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
            ControlState::Fallback | ControlState::SafeHeld => DemandOutcome::Fallback,
            ControlState::Estopped => DemandOutcome::Estopped,
            ControlState::Autonomous | ControlState::Requested | ControlState::Claimed => {
                // Not seen yet: the demand is on its way, or the agent refused it until its time is up.
                if !demand.seen && demand.ending.is_none() && now < demand.deadline {
                    return;
                }
                demand.ending.unwrap_or(DemandOutcome::Cancelled)
            }
            ControlState::InTransition => return,
        };
        let alert_id = demand.alert_id;
        agent.demand = None;
        if let Some(takeover) = &mut agent.takeover {
            takeover.outcome = Some(outcome);
            takeover.demand_ended_at = Some(now);
        }
        if let Some(alarm) = alert_id.and_then(|alert_id| self.alarms.get_mut(alert_id)) {
            alarm.escalation = 0;
            alarm.demand_id = None;
            if outcome == DemandOutcome::Dismissed {
                // A person called it a false alarm: it no longer asks for a takeover, unless it gets worse.
                alarm.response = watchkeeper_model::Response::Advise;
            }
            let alarm = alarm.clone();
            self.publish_alarm(alarm);
        }
        let asked = super::causes::state_finding(
            CauseClass::Asked,
            "intervention",
            Severity::Warning,
            "the demand that the agent asked for is over",
            Phase::Cleared,
        );
        self.set_state_cause(agent_id, asked, now);
    }

    /// T_esc: an unclaimed demand gets louder.
    pub(super) fn check_escalation(&mut self, agent_id: &AgentId, now: MonoTime) {
        let Some(agent) = self.agents.get_mut(agent_id) else { return };
        let claimed = agent.lease.lease().is_some();
        let Some(demand) = &mut agent.demand else { return };
        let mut changed = false;
        while let Some(span) = agent.timers.escalate.get(usize::from(demand.escalations))
            && now >= demand.raised_at.after(*span)
        {
            demand.escalations += 1;
            changed = true;
        }
        let (escalations, alert_id) = (demand.escalations, demand.alert_id);
        if !changed || claimed {
            return;
        }
        if let Some(alarm) = alert_id.and_then(|alert_id| self.alarms.get_mut(alert_id)) {
            alarm.escalation = escalations;
            alarm.changed_at = now;
            let alarm = alarm.clone();
            self.publish_alarm(alarm);
        }
    }

    /// Writes the record of a takeover whose demand and lease are both over.
    pub(super) fn finish_takeover(&mut self, agent_id: &AgentId) {
        let Some(agent) = self.agents.get_mut(agent_id) else { return };
        if agent.demand.is_some() || agent.lease.lease().is_some() {
            return;
        }
        let Some(takeover) = agent.takeover.take() else { return };
        let alert = takeover.alert_id.map(|alert_id| self.alert_book.get(alert_id)).unwrap_or_default();
        let who = (agent.id.clone(), agent.kind, agent.mirror.boot_id());
        let record = takeover.finish(who, agent.state(), alert, &mut self.stages);
        self.outputs.push_back(Output::Derived(Derived::Takeover(Box::new(record))));
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
