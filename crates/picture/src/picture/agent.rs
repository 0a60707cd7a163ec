//! One agent of the picture: its status, its lease, its last minute, and how old all that is.

use super::{History, PathPicture, Timed};
use crate::timers::heartbeat_period;
use std::time::Duration;
use watchkeeper_model::{AgentTime, DemandId, Epoch, MonoTime, PlanPoint};
use watchkeeper_protocol::operator::{AgentStatus, LeaseEvent, LeaseUpdate, Telemetry};

/// How often the monitor repeats a status when nothing happens (`takeover.md` 1.4).
const STATUS_PERIOD: Duration = Duration::from_secs(1);
/// How many ends of leases are remembered until the next status.
const MAX_ENDED: usize = 4;

/// How old the newest news of an agent is, and whether that is too old.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Freshness {
    /// Age of the newest sign of life that this console knows of.
    pub age: Duration,
    /// Older than twice the period at which news should come.
    pub stale: bool,
}

/// One agent as it was last told, and when.
#[derive(Clone, Debug, PartialEq)]
pub struct AgentPicture {
    status: AgentStatus,
    received_at: MonoTime,
    cursor: u64,
    demand_end: Option<(DemandId, MonoTime)>,
    lease: Option<(Timed<LeaseUpdate>, u64)>,
    /// Leases that ended after the status was sent, with the places of their ends in the stream of deltas.
    ended: Vec<(Epoch, u64)>,
    refusal: Option<Timed<LeaseUpdate>>,
    handover: Option<Timed<LeaseUpdate>>,
    history: History,
    plan: Vec<PlanPoint>,
    path: PathPicture,
}

impl AgentPicture {
    pub(super) fn new(status: &AgentStatus, cursor: u64, at: MonoTime) -> Self {
        Self {
            status: status.clone(),
            received_at: at,
            cursor,
            demand_end: demand_end(None, status, at),
            lease: None,
            ended: Vec::new(),
            refusal: None,
            handover: None,
            history: History::new(),
            plan: Vec::new(),
            path: PathPicture::default(),
        }
    }

    pub(super) fn fold_status(&mut self, status: &AgentStatus, cursor: u64, at: MonoTime) {
        if cursor < self.cursor {
            return;
        }
        if status.boot_id != self.status.boot_id || status.signals != self.status.signals {
            self.history = History::new();
            self.plan.clear();
        }
        self.demand_end = demand_end(self.demand_end, status, at);
        self.status.clone_from(status);
        self.received_at = at;
        self.cursor = cursor;
        self.ended.retain(|(_, ended_at)| *ended_at > cursor);
    }

    pub(super) fn fold_lease(&mut self, update: &LeaseUpdate, at: MonoTime) {
        let timed = Timed { value: update.clone(), received_at: at };
        match update.event {
            // Somebody's refused claim, or a wish, says nothing about who holds the lease.
            LeaseEvent::Refused => {
                self.refusal = Some(timed);
                return;
            }
            LeaseEvent::HandoverRequested | LeaseEvent::HandoverRefused => {
                self.handover = Some(timed);
                return;
            }
            LeaseEvent::Ended => {
                self.ended.push((update.epoch, update.cursor));
                // One holder and one who is next: more cannot end between two statuses.
                if self.ended.len() > MAX_ENDED {
                    self.ended.remove(0);
                }
            }
            LeaseEvent::Granted => {}
        }
        if self.lease.as_ref().is_none_or(|(_, held)| update.cursor >= *held) {
            self.lease = Some((timed, update.cursor));
        }
    }

    pub(super) fn fold_telemetry(&mut self, telemetry: &Telemetry, at: MonoTime) {
        self.history.push(telemetry, at);
        self.plan.clone_from(&telemetry.plan);
    }

    pub(super) const fn path_mut(&mut self) -> &mut PathPicture {
        &mut self.path
    }

    pub(super) fn inherit(&mut self, old: Self) {
        self.path = old.path;
        if old.status.boot_id == self.status.boot_id && old.status.signals == self.status.signals {
            self.history = old.history;
            self.plan = old.plan;
        }
    }

    /// Returns the status as it was last told.
    pub const fn status(&self) -> &AgentStatus {
        &self.status
    }

    /// Returns when the status came, on the console's clock.
    pub const fn received_at(&self) -> MonoTime {
        self.received_at
    }

    /// Returns the place of the status in the stream of deltas.
    pub const fn cursor(&self) -> u64 {
        self.cursor
    }

    /// Returns the last minute of decisions.
    pub const fn history(&self) -> &History {
        &self.history
    }

    /// Returns how the way to it is, as this console's probes find it.
    pub const fn path(&self) -> &PathPicture {
        &self.path
    }

    /// Returns where it meant to go at its newest decision, at most 16 points; empty where it does not say.
    pub fn plan(&self) -> &[PlanPoint] {
        &self.plan
    }

    /// Returns what last happened to the lease, refused claims and wishes aside, with its place in the stream of
    /// deltas.
    pub fn lease_update(&self) -> Option<(&LeaseUpdate, u64)> {
        self.lease.as_ref().map(|(update, cursor)| (&update.value, *cursor))
    }

    /// Returns what last happened to the lease, refused claims and wishes aside, with when it came.
    pub fn lease_event(&self) -> Option<&Timed<LeaseUpdate>> {
        self.lease.as_ref().map(|(update, _)| update)
    }

    /// Returns the newest claim that was refused, with when the answer came.
    pub const fn refusal(&self) -> Option<&Timed<LeaseUpdate>> {
        self.refusal.as_ref()
    }

    /// Returns the newest wish for control of what somebody holds, or its refusal, with when it came.
    pub const fn handover_event(&self) -> Option<&Timed<LeaseUpdate>> {
        self.handover.as_ref()
    }

    /// Returns whether the monitor said, after the status, that the lease with this epoch is over.
    pub(super) fn has_ended(&self, epoch: Epoch) -> bool {
        self.ended.iter().any(|(ended, at)| *ended == epoch && *at > self.cursor)
    }

    /// Returns how long is left until the open demand ends, zero when its end has passed.
    ///
    /// A demand's end never moves back: of all that was told about it the earliest counts.
    pub fn demand_left(&self, now: MonoTime) -> Option<Duration> {
        self.demand_end.map(|(_, end)| now.until(end))
    }

    /// Returns how long the lease lasts unless it is renewed, zero when it has lapsed.
    pub fn lease_left(&self, now: MonoTime) -> Option<Duration> {
        let lease = self.status.lease.as_ref()?;
        Some(now.until(self.received_at.after(Duration::from_nanos(lease.left_nanos))))
    }

    /// Returns how long is left to engage before the claim lapses, zero when it has; `None` once engaged.
    pub fn engage_left(&self, now: MonoTime) -> Option<Duration> {
        let left = self.status.lease.as_ref()?.engage_left_nanos?;
        Some(now.until(self.received_at.after(Duration::from_nanos(left))))
    }

    /// Returns how long the agent has been offline; `None` while it is online.
    pub fn offline_for(&self, now: MonoTime) -> Option<Duration> {
        let offline = Duration::from_nanos(self.status.offline_nanos?);
        Some(offline.saturating_add(now.since(self.received_at)))
    }

    /// Returns the age of the newest sign of life and whether it is too old.
    ///
    /// Vehicles beat at 10 Hz, others at 1 Hz. The monitor repeats a status only once a second unless a
    /// person drives, so between decisions a picture may be that old and still be on time.
    pub fn freshness(&self, now: MonoTime) -> Freshness {
        let told = Duration::from_nanos(self.status.heartbeat_age_nanos);
        let by_status = told.saturating_add(now.since(self.received_at));
        let by_decision = self.history.newest().map(|sample| now.since(sample.received_at));
        let age = by_decision.map_or(by_status, |decision| decision.min(by_status));
        let beat = heartbeat_period(self.status.kind);
        let late_at_the_monitor = age == by_status && told > beat * 2;
        let stale =
            self.status.offline_nanos.is_some() || late_at_the_monitor || age > self.news_period(now) * 2;
        Freshness { age, stale }
    }

    /// Returns the agent's clock now, at least: as in [`deadline`](crate::deadline) without a ttl.
    pub fn agent_now(&self, now: MonoTime) -> AgentTime {
        crate::deadline(&self.status, self.received_at, now, Duration::ZERO)
    }

    /// Returns how often news of this agent should come just now.
    fn news_period(&self, now: MonoTime) -> Duration {
        let beat = heartbeat_period(self.status.kind);
        let driven = self.status.control_state.has_holder();
        let deciding = self.status.control_state.agent_acts()
            && self.history.last_gap().is_some_and(|gap| gap <= beat * 2)
            && self.history.newest().is_some_and(|sample| now.since(sample.received_at) <= STATUS_PERIOD * 2);
        if driven || deciding { beat } else { STATUS_PERIOD }
    }
}

fn demand_end(
    before: Option<(DemandId, MonoTime)>,
    status: &AgentStatus,
    at: MonoTime,
) -> Option<(DemandId, MonoTime)> {
    let demand = status.demand.as_ref()?;
    let end = at.after(Duration::from_nanos(demand.left_nanos));
    let earlier = before.filter(|(id, _)| *id == demand.demand_id).map_or(end, |(_, known)| known.min(end));
    Some((demand.demand_id, earlier))
}
