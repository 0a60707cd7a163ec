//! Brings alerts to people, passes them on when nobody looks, and calls those who are away.

use super::{Engine, operators::has_eyes};
use crate::{
    Derived, Output,
    routing::{Asks, Candidate},
};
use std::collections::BTreeMap;
use watchkeeper_model::{
    AgentId, Alarm, AlertId, DemandOrigin, MonoTime, OperatorRole, PageReason, Permission, PersonId,
    Response, SessionId, nanos,
};
use watchkeeper_protocol::record::Page;

impl Engine {
    /// Keeps whom an alert is brought to in step with what it is: who waits is brought to somebody, and what waits for
    /// nobody is taken from him.
    pub(super) fn route(&mut self, alarm: &mut Alarm, now: MonoTime) {
        let alert_id = alarm.alert_id;
        let waits = self.routing.waits(alert_id);
        match (alarm.waits_for_person(), waits) {
            (true, true) | (false, false) => return,
            (true, false) => {
                let beside = alarm.common.as_ref().map(|common| common.id).filter(|id| *id != alert_id);
                let asks = asks_of(alarm);
                let candidates = self.candidates(&alarm.agent, asks, now);
                alarm.routed = self.routing.begin(alert_id, beside, (asks, &candidates), now);
            }
            (false, true) => {
                self.routing.finish(alert_id);
                alarm.routed = None;
            }
        }
        self.alarms.route(alert_id, alarm.routed.clone());
    }

    /// Returns everybody who may be asked about an agent now.
    fn candidates(&self, agent_id: &AgentId, asks: Asks, now: MonoTime) -> Vec<Candidate> {
        let needed = if asks == Asks::Look { Permission::Acknowledge } else { Permission::Drive };
        let mut found: BTreeMap<&PersonId, bool> = BTreeMap::new();
        for console in self.consoles.values().filter(|console| has_eyes(console.kind)) {
            if console.access.check(needed, Some(agent_id), now).is_ok() {
                let supervises = console.access.role >= OperatorRole::Supervisor;
                *found.entry(&console.person).or_default() |= supervises;
            }
        }
        // Where there is only one, nothing is to be weighed.
        let weigh = found.len() > 1;
        let candidate = |(person, supervises): (&PersonId, bool)| {
            let holds = if weigh { self.count_held(person) } else { 0 };
            Candidate { person: person.clone(), supervises, holds }
        };
        found.into_iter().map(candidate).collect()
    }

    fn count_held(&self, person: &PersonId) -> usize {
        let leases = self.agents.values().filter_map(|agent| agent.lease.lease());
        leases.filter(|lease| lease.holder == *person).count()
    }

    /// Passes on what was not shown in time.
    pub(super) fn pass_on_unseen(&mut self, now: MonoTime) {
        while let Some(alert_id) = self.routing.poll_unseen(now) {
            let Some(alarm) = self.alarms.get(alert_id) else { continue };
            let (agent_id, asks, demanded) = (alarm.agent.clone(), asks_of(alarm), alarm.demand_id.is_some());
            let is_passed_on = self.pass_on(alert_id, asks, now);
            if !is_passed_on && demanded && !self.routing.is_shown(alert_id) {
                self.page(&agent_id, PageReason::NotShown, now);
            }
        }
        self.routing.handle_timeout(now);
        self.roster_changed |= self.routing.take_changed();
    }

    /// Brings an alert to the next person; false where everybody was asked.
    fn pass_on(&mut self, alert_id: AlertId, asks: Asks, now: MonoTime) -> bool {
        let Some(alarm) = self.alarms.get(alert_id) else { return false };
        let candidates = self.candidates(&alarm.agent, asks, now);
        let Some(routed) = self.routing.pass_on(alert_id, asks, &candidates, now) else { return false };
        if let Some(alarm) = self.alarms.route(alert_id, Some(routed)) {
            self.publish_alarm(alarm, now);
        }
        true
    }

    /// An alert turned out to be one of many with the same cause: it goes where the first of them is.
    pub(super) fn join_common(&mut self, alert_id: AlertId, now: MonoTime) {
        let Some(alarm) = self.alarms.get(alert_id) else { return };
        let first = alarm.common.as_ref().map(|common| common.id);
        let mut alarm = alarm.clone();
        if let Some(routed) = first.and_then(|first| self.routing.join(alert_id, first, now)) {
            alarm.routed = Some(routed);
            self.alarms.route(alert_id, alarm.routed.clone());
        }
        self.publish_alarm(alarm, now);
    }

    /// A demand that nobody claimed got louder: the next one is asked, and at last a supervisor and those who are away.
    pub(super) fn pass_on_unanswered(
        &mut self,
        agent_id: &AgentId,
        alert_id: Option<AlertId>,
        is_last: bool,
        now: MonoTime,
    ) {
        let asks = if is_last { Asks::TakeoverAtLast } else { Asks::Takeover };
        if let Some(alert_id) = alert_id {
            self.pass_on(alert_id, asks, now);
        }
        let called = self.agents.get(agent_id).and_then(|agent| agent.demand.as_ref());
        if is_last && called.is_some_and(|demand| demand.paged.is_empty()) {
            self.page(agent_id, PageReason::Unanswered, now);
        }
    }

    /// Somebody came, or may act from now on: what waits for anybody is brought to him.
    pub(super) fn bring_what_waits(&mut self, now: MonoTime) {
        for alert_id in self.routing.waiting_for_anybody() {
            let Some(alarm) = self.alarms.get(alert_id) else {
                self.routing.finish(alert_id);
                continue;
            };
            let asks = asks_of(alarm);
            self.pass_on(alert_id, asks, now);
        }
    }

    /// Somebody went, or may act no longer: what was brought to him goes to others, where there are any.
    pub(super) fn take_from(&mut self, person: &PersonId, now: MonoTime) {
        for alert_id in self.routing.waiting_for(person) {
            let Some(alarm) = self.alarms.get(alert_id) else {
                self.routing.finish(alert_id);
                continue;
            };
            let asks = asks_of(alarm);
            if self.candidates(&alarm.agent, asks, now).iter().any(|candidate| candidate.person == *person) {
                // He sits at another console too, or lost what he does not need for this.
                continue;
            }
            self.routing.take_away(alert_id);
            if !self.pass_on(alert_id, asks, now)
                && let Some(alarm) = self.alarms.route(alert_id, None)
            {
                self.publish_alarm(alarm, now);
            }
        }
        let asked: Vec<AgentId> = self
            .agents
            .values()
            .filter(|agent| agent.demand.is_some() && agent.lease.lease().is_none())
            .map(|agent| agent.id.clone())
            .collect();
        for agent_id in asked {
            self.page_if_nobody_is_there(&agent_id, now);
        }
    }

    /// Calls people who are away where nobody who may take over is at a console.
    pub(super) fn page_if_nobody_is_there(&mut self, agent_id: &AgentId, now: MonoTime) {
        if self.candidates(agent_id, Asks::Takeover, now).is_empty() {
            self.page(agent_id, PageReason::NobodyOnline, now);
        }
    }

    /// Calls people who are away about an agent's demand, once for each reason.
    pub(super) fn page(&mut self, agent_id: &AgentId, reason: PageReason, now: MonoTime) {
        let Some(agent) = self.agents.get_mut(agent_id) else { return };
        let Some(demand) = &mut agent.demand else { return };
        // Somebody who wants control himself is there.
        if demand.origin == DemandOrigin::Operator || !demand.paged.insert(reason) {
            return;
        }
        let page = Page {
            reason,
            demand_id: demand.demand_id,
            agent: agent.id.clone(),
            kind: agent.kind,
            alert_id: demand.alert_id,
            at: now,
            left_nanos: nanos(now.until(demand.deadline)),
            text: demand.reason.clone(),
        };
        self.outputs.push_back(Output::Derived(Derived::Page(Box::new(page))));
    }

    /// The person at a console did something by himself: he is there.
    pub(super) fn note_presence(&mut self, session: SessionId) {
        if let Some(console) = self.consoles.get(&session) {
            self.routing.handle_presence(&console.person);
            self.roster_changed |= self.routing.take_changed();
        }
    }
}

fn asks_of(alarm: &Alarm) -> Asks {
    if alarm.response == Response::Takeover || alarm.demand_id.is_some() {
        Asks::Takeover
    } else {
        Asks::Look
    }
}
