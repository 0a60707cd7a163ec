//! Agents and alerts, each with the cursor of what was folded into it last.

use super::{AgentPicture, AlertPicture, Footprint, Timed};
use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};
use watchkeeper_model::{AgentId, Alarm, AlertId, DemandId, Incarnation, MonoTime};
use watchkeeper_protocol::{
    operator::{AgentStatus, LeaseUpdate, PathLatency, Telemetry},
    record::TakeoverRecord,
};

/// Most agents in a picture: four times what one console is meant to show (1,000).
const MAX_AGENTS: usize = 4_096;
/// Most alerts in a picture: far more than a person can read, so that a flood is counted in full.
const MAX_ALERTS: usize = 4_096;
/// Most alerts that are over and still kept.
const MAX_OVER: usize = 256;
/// Most takeovers in a picture, those going on included.
const MAX_TAKEOVERS: usize = 256;
/// How long an alert that is over stays, so that the screen after a takeover can still name it.
const KEEP_OVER: Duration = Duration::from_mins(1);

#[derive(Clone, Debug)]
pub(super) struct World {
    incarnation: Incarnation,
    agents: BTreeMap<AgentId, AgentPicture>,
    alerts: BTreeMap<AlertId, AlertPicture>,
    /// Alerts that were over at a time, in that order; some may be active again.
    over: VecDeque<(MonoTime, AlertId)>,
    /// With the place in the stream of deltas of what was told last.
    takeovers: BTreeMap<DemandId, (Timed<TakeoverRecord>, u64)>,
    not_shown: u64,
}

impl World {
    pub(super) const fn new() -> Self {
        Self {
            incarnation: Incarnation(0),
            agents: BTreeMap::new(),
            alerts: BTreeMap::new(),
            over: VecDeque::new(),
            takeovers: BTreeMap::new(),
            not_shown: 0,
        }
    }

    pub(super) const fn expect_incarnation(&mut self, incarnation: Incarnation) {
        self.incarnation = incarnation;
    }

    pub(super) const fn expected_incarnation(&self) -> Incarnation {
        self.incarnation
    }

    pub(super) fn agents(&self) -> impl Iterator<Item = (&AgentId, &AgentPicture)> {
        self.agents.iter()
    }

    pub(super) fn agent(&self, agent: &AgentId) -> Option<&AgentPicture> {
        self.agents.get(agent)
    }

    pub(super) fn alerts(&self) -> impl Iterator<Item = (&AlertId, &AlertPicture)> {
        self.alerts.iter()
    }

    pub(super) fn alert(&self, alert: AlertId) -> Option<&AlertPicture> {
        self.alerts.get(&alert)
    }

    pub(super) fn takeovers(&self) -> impl DoubleEndedIterator<Item = &Timed<TakeoverRecord>> {
        self.takeovers.values().map(|(takeover, _)| takeover)
    }

    pub(super) const fn not_shown(&self) -> u64 {
        self.not_shown
    }

    pub(super) fn footprint(&self) -> Footprint {
        let mut footprint = Footprint {
            agents: self.agents.len(),
            alerts: self.alerts.len(),
            takeovers: self.takeovers.len(),
            ..Footprint::default()
        };
        for agent in self.agents.values() {
            footprint.samples += agent.history().len();
            footprint.numbers += agent.history().numbers();
        }
        footprint
    }

    pub(super) fn fold_status(&mut self, status: &AgentStatus, cursor: u64, at: MonoTime) {
        if let Some(entry) = self.agents.get_mut(&status.agent) {
            entry.fold_status(status, cursor, at);
        } else if self.agents.len() < MAX_AGENTS {
            self.agents.insert(status.agent.clone(), AgentPicture::new(status, cursor, at));
        } else {
            self.not_shown = self.not_shown.saturating_add(1);
        }
    }

    pub(super) fn fold_alert(&mut self, alarm: &Alarm, cursor: u64, at: MonoTime) {
        if let Some(entry) = self.alerts.get_mut(&alarm.alert_id) {
            entry.fold(alarm, cursor, at);
        } else if self.alerts.len() < MAX_ALERTS {
            self.alerts.insert(alarm.alert_id, AlertPicture::new(alarm, cursor, at));
        } else {
            self.not_shown = self.not_shown.saturating_add(1);
            return;
        }
        if alarm.is_over() {
            self.over.push_back((at, alarm.alert_id));
        }
        self.forget_over(at);
    }

    pub(super) fn fold_lease(&mut self, update: &LeaseUpdate, at: MonoTime) {
        if let Some(entry) = self.agents.get_mut(&update.agent) {
            entry.fold_lease(update, at);
        }
    }

    /// Keeps the newest takeovers; those that are over give way first.
    pub(super) fn fold_takeover(&mut self, takeover: &TakeoverRecord, cursor: u64, at: MonoTime) {
        let demand_id = takeover.demand_id;
        if self.takeovers.get(&demand_id).is_some_and(|(_, held)| *held > cursor) {
            return;
        }
        self.takeovers.insert(demand_id, (Timed { value: takeover.clone(), received_at: at }, cursor));
        while self.takeovers.len() > MAX_TAKEOVERS {
            let oldest = self.takeovers.iter().find(|(_, (entry, _))| entry.value.over).map(|(id, _)| *id);
            let Some(oldest) = oldest.or_else(|| self.takeovers.keys().next().copied()) else { return };
            self.takeovers.remove(&oldest);
        }
    }

    pub(super) fn handle_probe(&mut self, agent: &AgentId, seq: u64, now: MonoTime) {
        if let Some(entry) = self.agents.get_mut(agent) {
            entry.path_mut().handle_asked(seq, now);
        }
    }

    pub(super) fn fold_path(&mut self, answer: &PathLatency, at: MonoTime) {
        if let Some(entry) = self.agents.get_mut(&answer.agent) {
            entry.path_mut().fold(answer, at);
        }
    }

    pub(super) fn fold_telemetry(&mut self, telemetry: &Telemetry, at: MonoTime) {
        // Of an agent that no snapshot named there is nothing to say yet.
        if let Some(entry) = self.agents.get_mut(&telemetry.agent) {
            entry.fold_telemetry(telemetry, at);
        }
    }

    /// Takes over from the world before it what no snapshot carries.
    pub(super) fn inherit(&mut self, before: &mut Self) {
        self.incarnation = before.incarnation;
        for (agent, entry) in &mut self.agents {
            if let Some(old) = before.agents.remove(agent) {
                entry.inherit(old);
            }
        }
        for (demand_id, (entry, _)) in &mut self.takeovers {
            // What a snapshot only repeats is no news.
            if let Some((old, _)) =
                before.takeovers.get(demand_id).filter(|(old, _)| old.value == entry.value)
            {
                entry.received_at = old.received_at;
            }
        }
    }

    fn forget_over(&mut self, now: MonoTime) {
        while let Some((at, alert)) = self.over.front().copied() {
            if self.over.len() <= MAX_OVER && now.since(at) < KEEP_OVER {
                return;
            }
            self.over.pop_front();
            if self.alerts.get(&alert).is_some_and(|entry| entry.alarm().is_over()) {
                self.alerts.remove(&alert);
            }
        }
    }
}
