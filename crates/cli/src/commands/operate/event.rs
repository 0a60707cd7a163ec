//! What a script hears: one JSON object a line, each with its `event`.

use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use watchkeeper_model::{AgentId, ControlState, DemandId, Epoch, FallbackLevel, Latch, SceneId, SessionId};
use watchkeeper_picture::Picture;
use watchkeeper_protocol::{
    ToOperator,
    operator::{AgentStatus, LeaseStatus, PathLatency, Roster},
};

/// What of a status makes a line when it changes.
#[derive(Clone, Debug, PartialEq)]
struct StatusKey {
    state: ControlState,
    from: Option<ControlState>,
    level: Option<FallbackLevel>,
    offline: bool,
    settled: bool,
    latches: Vec<Latch>,
    demand: Option<DemandId>,
    lease: Option<LeaseKey>,
    questions: Vec<SceneId>,
    flags: [bool; 9],
}

/// What of a lease makes a line when it changes.
#[derive(Clone, Debug, PartialEq)]
struct LeaseKey {
    epoch: Epoch,
    ready: bool,
    allowed: bool,
    request: Option<u64>,
    waived: bool,
    next: Option<(Epoch, bool)>,
}

impl LeaseKey {
    fn of(lease: &LeaseStatus) -> Self {
        Self {
            epoch: lease.epoch,
            ready: lease.ready,
            allowed: lease.takeover_allowed,
            request: lease.handover.as_ref().map(|handover| handover.request_id),
            waived: lease.waived_by.is_some(),
            next: lease.next.as_ref().map(|next| (next.epoch, next.ready)),
        }
    }
}

impl StatusKey {
    fn of(status: &AgentStatus) -> Self {
        Self {
            state: status.control_state,
            from: status.transition_from,
            level: status.fallback_level,
            offline: status.offline_nanos.is_some(),
            settled: status.settled,
            latches: status.latches.clone(),
            demand: status.demand.as_ref().map(|demand| demand.demand_id),
            questions: status.questions.iter().map(|question| question.scene_id).collect(),
            lease: status.lease.as_ref().map(LeaseKey::of),
            flags: [
                status.stable,
                status.condition_reached,
                status.can_resume,
                status.local_override,
                status.unverified,
                status.stop_pending,
                status.manual,
                status.neutral,
                status.locked_out,
            ],
        }
    }
}

/// One operator of the roster, without what only grows older: what he holds, how much waits for him, whether he has a flood
/// and whether he is away.
type Present = (SessionId, Vec<AgentId>, u64, bool, bool);

/// Turns messages into lines; leaves out what says nothing new.
#[derive(Debug, Default)]
pub(super) struct Narrator {
    told: BTreeMap<AgentId, StatusKey>,
    /// The agents whose speed the latency limits.
    limited: BTreeSet<AgentId>,
    present: Vec<Present>,
}

impl Narrator {
    /// Returns the lines of a message.
    pub(super) fn lines(&mut self, message: &ToOperator, picture: &Picture) -> Vec<Value> {
        match message {
            ToOperator::Alert(update) => vec![tagged("alert", to_value(&update.alarm))],
            ToOperator::ControlStatus(update) => self.status(&update.status).into_iter().collect(),
            ToOperator::Snapshot(part) if part.last => self.snapshot(picture),
            ToOperator::CommandStatus(update) => vec![tagged("command_status", to_value(update))],
            ToOperator::Lease(update) => {
                let mine = picture.me().is_some_and(|me| me.session_id == update.session_id);
                let mut line = to_value(update);
                // `event` names the kind of line; what happened to the lease is its `change`.
                if let Some(object) = line.as_object_mut() {
                    let change = object.remove("event").unwrap_or_default();
                    object.insert("change".to_owned(), change);
                    object.insert("mine".to_owned(), json!(mine));
                }
                vec![tagged("lease", line)]
            }
            ToOperator::Takeover(update) => vec![tagged("takeover", to_value(&update.takeover))],
            ToOperator::Roster(roster) => self.roster(roster).into_iter().collect(),
            ToOperator::Dropped(dropped) => vec![tagged("dropped", to_value(dropped))],
            ToOperator::Error(report) => vec![tagged("error", to_value(report))],
            ToOperator::Head(head) => {
                vec![
                    json!({"event": "head", "sequence": head.sequence, "hash": crate::record::hex(&head.hash)}),
                ]
            }
            ToOperator::Probed(answer) => self.latency(answer).into_iter().collect(),
            ToOperator::Access(access) => vec![tagged("access", to_value(access))],
            ToOperator::Snapshot(_)
            | ToOperator::Telemetry(_)
            | ToOperator::Health(_)
            | ToOperator::Welcome(_)
            | ToOperator::Ping(_) => Vec::new(),
        }
    }

    /// Returns the line of a status, where it says something new.
    fn status(&mut self, status: &AgentStatus) -> Option<Value> {
        let key = StatusKey::of(status);
        let is_news = self.told.get(&status.agent) != Some(&key);
        self.told.insert(status.agent.clone(), key);
        is_news.then(|| status_line(status))
    }

    /// Returns the line of a probe's answer, where the latency begins or ceases to limit the speed.
    fn latency(&mut self, answer: &PathLatency) -> Option<Value> {
        let is_news = if answer.latency_cap_mps.is_some() {
            self.limited.insert(answer.agent.clone())
        } else {
            self.limited.remove(&answer.agent)
        };
        is_news.then(|| tagged("latency", to_value(answer)))
    }

    /// Returns the line of a roster, where somebody came, went, took or gave something, or something waits for him.
    fn roster(&mut self, roster: &Roster) -> Option<Value> {
        let present = roster.operators.iter().map(|who| {
            (who.session_id, who.holds.clone(), who.waiting, who.flooded_nanos.is_some(), who.away)
        });
        let present: Vec<Present> = present.collect();
        let is_news = self.present != present;
        self.present = present;
        is_news.then(|| tagged("roster", to_value(roster)))
    }

    fn snapshot(&mut self, picture: &Picture) -> Vec<Value> {
        let mut lines: Vec<_> =
            picture.agents().filter_map(|(_, entry)| self.status(entry.status())).collect();
        lines.extend(picture.alerts().map(|(_, alert)| tagged("alert", to_value(alert.alarm()))));
        lines
    }
}

/// Returns the line of a status.
pub(super) fn status_line(status: &AgentStatus) -> Value {
    tagged("control_status", to_value(status))
}

/// Puts the kind of line in front of its fields.
fn tagged(event: &str, fields: Value) -> Value {
    let mut line = Map::new();
    line.insert("event".to_owned(), json!(event));
    if let Value::Object(fields) = fields {
        line.extend(fields);
    }
    Value::Object(line)
}

/// Writes a message as JSON; numbers that JSON cannot write become null.
fn to_value(message: &impl serde::Serialize) -> Value {
    serde_json::to_value(message).expect("every message has named fields and text keys")
}
