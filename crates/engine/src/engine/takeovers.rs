//! Takeovers as consoles follow them, the last ones that are over, and what people say of those.
//!
//! How a takeover goes on is decided elsewhere: this only tells it.

use super::{Engine, causes::state_finding};
use crate::{Derived, Output, agent::Agent, timeline::AlertMoments};
use watchkeeper_detect::{Finding, Phase};
use watchkeeper_model::{AgentId, AlertId, CauseClass, MonoTime, PersonId, SessionId, Severity};
use watchkeeper_protocol::{
    ToOperator,
    operator::{LabelTakeover, TakeoverUpdate},
    record::TakeoverRecord,
};

/// How many takeovers that are over stay, to be shown to a console that connects and to be labelled: a shift's
/// worth of one fleet; older ones are in the record.
const KEPT: usize = 32;

impl Engine {
    /// Tells consoles of the agent's takeover when it has begun, or has another moment than they know of.
    pub(super) fn publish_takeover_change(&mut self, agent_id: &AgentId) {
        let Some(agent) = self.agents.get_mut(agent_id) else { return };
        let waits_for_disk = agent.lease.lease().is_some() && !agent.lease_announced;
        let Some(takeover) = &mut agent.takeover else { return };
        let alert = takeover.alert_id.map(|alert_id| self.alert_book.get(alert_id)).unwrap_or_default();
        let mut key = takeover.key(alert);
        if waits_for_disk {
            key.epoch = None;
        }
        if takeover.told.replace(key) == Some(key) {
            return;
        }
        let Some(takeover) = self.agents.get(agent_id).and_then(|agent| as_it_stands(agent, alert)) else {
            return;
        };
        self.publish(agent_id, |cursor| ToOperator::Takeover(TakeoverUpdate { cursor, takeover }));
    }

    /// The alert has another moment: so has the takeover that it led to.
    pub(super) fn publish_takeover_of(&mut self, alert_id: AlertId) {
        let Some(agent_id) = self.alarms.get(alert_id).map(|alarm| alarm.agent.clone()) else { return };
        self.publish_takeover_change(&agent_id);
    }

    /// A takeover is over: it goes to the record, to the consoles, and among those that can be labelled.
    pub(super) fn close_takeover(&mut self, takeover: TakeoverRecord) {
        if self.finished.len() == KEPT {
            self.finished.pop_front();
        }
        self.finished.push_back(takeover.clone());
        *self.counts.takeovers_ended.entry(takeover.outcome).or_default() += 1;
        self.tell_finished(takeover);
    }

    /// A takeover that is over broke budgets of the machine: an alert of its own, told and over at once, because nothing
    /// would ever clear it. It stays until somebody acknowledges it; a further takeover of the agent adds to it.
    pub(super) fn tell_broken_budgets(&mut self, agent_id: &AgentId, broken: &[String], now: MonoTime) {
        self.counts.takeovers_over_budget += 1;
        let text = format!("the takeover of {agent_id} broke its budget: {}", broken.join("; "));
        let finding =
            state_finding(CauseClass::Late, "takeover budget", Severity::Advisory, &text, Phase::Raised);
        let over = Finding { phase: Phase::Cleared, ..finding.clone() };
        self.handle_finding(agent_id, finding, None, now);
        self.handle_finding(agent_id, over, None, now);
    }

    fn tell_finished(&mut self, takeover: TakeoverRecord) {
        self.outputs.push_back(Output::Derived(Derived::Takeover(Box::new(takeover.clone()))));
        let agent_id = takeover.agent.clone();
        self.publish(&agent_id, |cursor| ToOperator::Takeover(TakeoverUpdate { cursor, takeover }));
    }

    /// Returns the takeovers that go on, and the last ones that are over, oldest first.
    pub(super) fn takeovers(&self) -> Vec<TakeoverRecord> {
        let under_way = self.agents.values().filter_map(|agent| {
            let alert_id = agent.takeover.as_ref()?.alert_id;
            let alert = alert_id.map(|alert_id| self.alert_book.get(alert_id)).unwrap_or_default();
            as_it_stands(agent, alert)
        });
        let mut all: Vec<TakeoverRecord> = self.finished.iter().cloned().chain(under_way).collect();
        all.sort_by_key(|takeover| takeover.demand_id);
        all
    }

    /// Somebody says what a takeover was worth. The last word wins; the record keeps each.
    pub(super) fn handle_label(&mut self, session: SessionId, person: &PersonId, body: LabelTakeover) {
        let known = self.finished.iter_mut().find(|takeover| takeover.demand_id == body.demand_id);
        if let Some(takeover) = known {
            takeover.verdict = Some(body.verdict);
            takeover.labelled_by = Some(person.clone());
            let takeover = takeover.clone();
            self.tell_finished(takeover);
            return;
        }
        let goes_on = self
            .agents
            .values()
            .any(|agent| agent.takeover.as_ref().is_some_and(|open| open.demand_id == body.demand_id));
        let why = if goes_on {
            "this takeover is not over yet (rule: label what is over)"
        } else {
            "none of the last 32 takeovers of this run has this id (rule: label what is known)"
        };
        self.refuse_field(session, "label", "demand_id", why);
    }
}

/// Returns the agent's takeover as it stands. Who holds it is told when the grant is on disk, not before.
fn as_it_stands(agent: &Agent, alert: AlertMoments) -> Option<TakeoverRecord> {
    let who = (agent.id.clone(), agent.kind, agent.mirror.boot_id());
    let mut record = agent.takeover.as_ref()?.record(who, agent.state(), alert);
    if agent.lease.lease().is_some() && !agent.lease_announced {
        record.holder = None;
        record.epoch = None;
    }
    Some(record)
}
