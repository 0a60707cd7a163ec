//! Alerts: raised once a cause, grouped with a count, acknowledged, put aside, cleared (`takeover.md` 1.6).
//!
//! What may happen to an alert is the machine's to say ([`crate::alarm_machine`]); here is what belongs to it: ids,
//! groups, times, who and why.

mod common;
mod flaps;
mod hiding;
#[cfg(test)]
mod tests;

use crate::{
    alarm_machine::{Condition, Flag, Input, Refusal, next},
    config::{AlarmClass, AlarmSettings, SuppressRule},
};
use common::Commons;
use flaps::Flaps;
use std::collections::{BTreeMap, BTreeSet};
use watchkeeper_detect::{Finding, Phase};
use watchkeeper_model::{
    AgentId, Alarm, AlarmState, AlertId, CauseClass, DemandId, Label, MonoTime, PersonId, Response, Routed,
};

/// What names an alert group.
type Group = (AgentId, CauseClass, Label);

/// Returns the group of a condition. Signals that go astray or freeze together, and what is wrong with one motion, are one alert
/// of their agent; everything else stands alone, because it asks for something of its own.
fn group_of(agent: &AgentId, cause: CauseClass, subject: &Label) -> Group {
    let subject = match cause {
        CauseClass::Outlier | CauseClass::Stuck | CauseClass::Envelope | CauseClass::Sequence => {
            Label::default()
        }
        CauseClass::Limit
        | CauseClass::Confidence
        | CauseClass::Late
        | CauseClass::Silence
        | CauseClass::Asked
        | CauseClass::Fallback
        | CauseClass::Stopped => subject.clone(),
    };
    (agent.clone(), cause, subject)
}

/// One alert: as it is told, where the machine has it, and the conditions behind it that hold now.
#[derive(Debug)]
struct Entry {
    alarm: Alarm,
    condition: Condition,
    holding: BTreeSet<Label>,
    /// While it flaps: when it has been quiet for long enough.
    quiet_at: Option<MonoTime>,
}

impl Entry {
    /// Makes the alert of a group that has none, before anything happened to it.
    fn new(alert_id: AlertId, group: &Group, now: MonoTime) -> Self {
        let alarm = Alarm::never_raised(alert_id, group.clone(), now);
        Self { alarm, condition: Condition::default(), holding: BTreeSet::new(), quiet_at: None }
    }

    /// Makes what is told agree with where the machine has it.
    fn follow(&mut self, condition: Condition) {
        self.condition = condition;
        let alarm = &mut self.alarm;
        alarm.state = condition.state;
        alarm.latched = condition.has(Flag::Latched);
        alarm.flapping = condition.has(Flag::Flapping);
        alarm.shelved.take_if(|_| !condition.has(Flag::Shelved));
        alarm.suppressed.take_if(|_| !condition.has(Flag::Suppressed));
        alarm.out_of_service.take_if(|_| !condition.has(Flag::OutOfService));
        alarm.demand_id.take_if(|_| !condition.has(Flag::Demanded));
    }
}

/// What came of a finding.
#[derive(Debug)]
pub(crate) struct Found {
    /// The alert as it stands afterwards.
    pub(crate) alarm: Alarm,
    /// It begins now, or anew.
    pub(crate) begins: bool,
    /// Consoles have something to hear of it.
    pub(crate) is_news: bool,
    /// Earlier alerts that turned out to have the same cause.
    pub(crate) joined: Vec<AlertId>,
}

/// Every alert of which there is something to be kept.
#[derive(Debug)]
pub(crate) struct Alarms {
    /// Of every kind of cause.
    classes: BTreeMap<CauseClass, AlarmClass>,
    rules: Vec<SuppressRule>,
    next: AlertId,
    groups: BTreeMap<Group, AlertId>,
    open: BTreeMap<AlertId, Entry>,
    /// When which alert comes back from the shelf.
    shelf: BTreeSet<(MonoTime, AlertId)>,
    /// When which alert that flaps has been quiet for long enough.
    settling: BTreeSet<(MonoTime, AlertId)>,
    flaps: Flaps,
    commons: Commons,
    /// An alert that gave way to a newer one.
    evicted: Option<Alarm>,
}

/// Most alerts that are open at once: above it, those that are over are closed for room.
const MAX_OPEN: usize = 20_000;
const EVERY_CAUSE: &str = "every kind of cause has a class since the start";

impl Alarms {
    pub(crate) fn new(settings: AlarmSettings, first: AlertId) -> Self {
        let classes = CauseClass::ALL.iter().map(|cause| (*cause, settings.class(*cause))).collect();
        Self {
            classes,
            commons: Commons::new(&settings),
            rules: settings.suppress,
            next: first,
            groups: BTreeMap::new(),
            open: BTreeMap::new(),
            shelf: BTreeSet::new(),
            settling: BTreeSet::new(),
            flaps: Flaps::new(settings.flap),
            evicted: None,
        }
    }

    /// Returns an open alert.
    pub(crate) fn get(&self, alert_id: AlertId) -> Option<&Alarm> {
        self.open.get(&alert_id).map(|entry| &entry.alarm)
    }

    /// Returns every open alert, oldest first.
    pub(crate) fn open(&self) -> impl Iterator<Item = &Alarm> {
        self.open.values().map(|entry| &entry.alarm)
    }

    /// Returns how many alerts are not over and acknowledged.
    pub(crate) fn count_open(&self) -> usize {
        self.open().filter(|alarm| alarm.state != AlarmState::Normal).count()
    }

    /// Returns whether the cause of a group is there, also while its alert is held open.
    pub(crate) fn holds(&self, agent: &AgentId, cause: CauseClass, subject: &Label) -> bool {
        let alert_id = self.groups.get(&group_of(agent, cause, subject));
        alert_id
            .and_then(|alert_id| self.open.get(alert_id))
            .is_some_and(|entry| entry.condition.has(Flag::CauseHolds))
    }

    /// Returns the alerts of an agent that ask for a takeover because of what the agent does now.
    pub(crate) fn takeover_causes<'a>(&'a self, agent: &'a AgentId) -> impl Iterator<Item = &'a Alarm> {
        self.of(agent)
            .filter_map(|alert_id| self.open.get(&alert_id))
            .filter(|entry| entry.condition.has(Flag::CauseHolds))
            .map(|entry| &entry.alarm)
            .filter(|alarm| alarm.response == Response::Takeover)
    }

    fn of<'a>(&'a self, agent: &'a AgentId) -> impl Iterator<Item = AlertId> + 'a {
        let first = (agent.clone(), CauseClass::Limit, Label::default());
        self.groups
            .range(first..)
            .take_while(move |((owner, _, _), _)| owner == agent)
            .map(|(_, alert_id)| *alert_id)
    }

    /// Takes a finding; `None` when it says nothing new.
    pub(crate) fn handle_finding(
        &mut self,
        agent: &AgentId,
        finding: Finding,
        now: MonoTime,
    ) -> Option<Found> {
        let group = group_of(agent, finding.cause, &finding.subject);
        let known = self.groups.get(&group).copied();
        match (finding.phase, known) {
            (Phase::Cleared, None) => None,
            (Phase::Cleared, Some(alert_id)) => self.clear(alert_id, &finding, now),
            (Phase::Raised | Phase::Worse, Some(alert_id)) => {
                Some(self.raise(alert_id, &group, finding, now))
            }
            (Phase::Raised | Phase::Worse, None) => {
                let alert_id = self.add(&group, now);
                Some(self.raise(alert_id, &group, finding, now))
            }
        }
    }

    /// Returns the alert that gave way to the last one that was added: it is over.
    pub(crate) fn poll_evicted(&mut self) -> Option<Alarm> {
        self.evicted.take()
    }

    fn add(&mut self, group: &Group, now: MonoTime) -> AlertId {
        self.make_room(now);
        let alert_id = self.next;
        self.next = self.next.next();
        self.groups.insert(group.clone(), alert_id);
        self.open.insert(alert_id, Entry::new(alert_id, group, now));
        alert_id
    }

    fn raise(&mut self, alert_id: AlertId, group: &Group, finding: Finding, now: MonoTime) -> Found {
        let class = self.classes.get(&finding.cause).expect(EVERY_CAUSE);
        let entry = self.open.get_mut(&alert_id).expect("a group names an open alert");
        let alarm = &mut entry.alarm;
        let was_active = alarm.state.is_active();
        let came = entry.holding.is_empty();
        entry.holding.insert(finding.subject.clone());
        // What was kept over its end, latched or out of service, begins anew like what was not.
        let first = alarm.state == AlarmState::Normal;
        let before = (alarm.severity, alarm.response);
        alarm.count += u64::from(finding.phase == Phase::Raised || first);
        if first {
            (alarm.severity, alarm.response, alarm.raised_at) = (finding.severity, finding.response, now);
            alarm.acknowledged_by = None;
        } else {
            alarm.severity = alarm.severity.max(finding.severity);
            alarm.response = alarm.response.max(finding.response);
        }
        let is_worse = alarm.severity > before.0 || alarm.response > before.1;
        alarm.priority = class.priority(alarm.severity);
        alarm.decision = finding.decision.or(alarm.decision);
        // The worst condition leads.
        let leads = first
            || finding.subject == alarm.subject
            || !was_active
            || (finding.severity, finding.explanation.score) > (before.0, alarm.explanation.score);
        if leads {
            alarm.subject = finding.subject;
            alarm.explanation = finding.explanation;
        }
        alarm.changed_at = now;
        self.apply(alert_id, Input::Raise, now).expect("a cause can always come");
        if is_worse {
            self.apply(alert_id, Input::Worsen, now).expect("what was raised can get worse");
        }
        if came {
            if self.flaps.handle_raise(group, now) {
                self.apply(alert_id, Input::Flap, now).expect("what was raised can flap");
            }
            self.wait_for_quiet(alert_id, now);
        }
        self.obey_rules(alert_id, now);
        let joined = if was_active { Vec::new() } else { self.find_common(alert_id, now) };
        Found { alarm: self.told(alert_id), begins: !was_active, is_news: true, joined }
    }

    /// Looks whether an alert that begins is one of many with the same cause; returns earlier ones that turn out to be so
    /// with it. What asks for a takeover stands for itself.
    fn find_common(&mut self, alert_id: AlertId, now: MonoTime) -> Vec<AlertId> {
        let Some(entry) = self.open.get_mut(&alert_id) else { return Vec::new() };
        let alarm = &mut entry.alarm;
        alarm.common = None;
        if alarm.response == Response::Takeover || alarm.is_hidden() {
            return Vec::new();
        }
        let found = (&alarm.agent, alarm.cause, &alarm.subject);
        let Some(joined) = self.commons.handle_raise(alert_id, found, now) else { return Vec::new() };
        alarm.common = Some(joined.common.clone());
        let mut earlier = joined.earlier;
        earlier.retain(|alert_id| {
            let entry = self.open.get_mut(alert_id);
            let looked_at = entry.filter(|entry| entry.alarm.response == Response::Advise);
            looked_at.is_some_and(|entry| {
                entry.alarm.common = Some(joined.common.clone());
                true
            })
        });
        earlier
    }

    /// Returns the alerts of an agent that a demand stands for.
    pub(crate) fn demanded(&self, agent: &AgentId, demand_id: DemandId) -> Vec<AlertId> {
        let demanded =
            |alert_id: &AlertId| self.get(*alert_id).is_some_and(|alarm| alarm.demand_id == Some(demand_id));
        self.of(agent).filter(demanded).collect()
    }

    /// Says whom an alert is brought to.
    pub(crate) fn set_routed(&mut self, alert_id: AlertId, routed: Option<Routed>) {
        if let Some(entry) = self.open.get_mut(&alert_id) {
            entry.alarm.routed = routed;
        }
    }

    /// Returns the alerts that are one card with this one, itself included.
    pub(crate) fn beside(&self, alert_id: AlertId) -> Vec<AlertId> {
        let common = self.get(alert_id).and_then(|alarm| alarm.common.as_ref()).map(|common| common.id);
        let Some(common) = common else { return vec![alert_id] };
        let of_it = |alarm: &&Alarm| alarm.common.as_ref().is_some_and(|other| other.id == common);
        self.open().filter(of_it).map(|alarm| alarm.alert_id).collect()
    }

    fn clear(&mut self, alert_id: AlertId, finding: &Finding, now: MonoTime) -> Option<Found> {
        let latching = self.is_latching(finding.cause);
        let entry = self.open.get_mut(&alert_id).expect("a group names an open alert");
        entry.holding.remove(&finding.subject);
        if !entry.holding.is_empty() {
            return None;
        }
        let alarm = self.step(alert_id, Input::Clear { latching }, now).ok()?;
        // What is held open tells nobody that its cause went: it may be back in a moment.
        let is_news = !alarm.flapping;
        self.wait_for_quiet(alert_id, now);
        Some(Found { alarm, begins: false, is_news, joined: Vec::new() })
    }

    fn is_latching(&self, cause: CauseClass) -> bool {
        self.classes.get(&cause).expect(EVERY_CAUSE).latching
    }

    /// Counts the quiet time of an alert that flaps from now on.
    fn wait_for_quiet(&mut self, alert_id: AlertId, now: MonoTime) {
        let Some(entry) = self.open.get_mut(&alert_id) else { return };
        if let Some(at) = entry.quiet_at.take() {
            self.settling.remove(&(at, alert_id));
        }
        if entry.condition.has(Flag::Flapping) {
            let at = now.after(self.flaps.quiet());
            entry.quiet_at = Some(at);
            self.settling.insert((at, alert_id));
        }
    }

    /// Lets the next alert go that flapped and has been quiet for its time; returns it as it stands afterwards.
    pub(crate) fn settle_due(&mut self, now: MonoTime) -> Option<Alarm> {
        while let Some((at, alert_id)) = self.settling.first().copied().filter(|(at, _)| now >= *at) {
            self.settling.remove(&(at, alert_id));
            let Some(entry) = self.open.get_mut(&alert_id) else { continue };
            entry.quiet_at = None;
            let cause = entry.alarm.cause;
            let latching = self.is_latching(cause);
            if let Ok(alarm) = self.step(alert_id, Input::Settle { latching }, now) {
                return Some(alarm);
            }
        }
        None
    }

    /// Acknowledges an alert; returns it as it stands afterwards.
    pub(crate) fn acknowledge(
        &mut self,
        alert_id: AlertId,
        person: &PersonId,
        now: MonoTime,
    ) -> Result<Alarm, Refusal> {
        let entry = self.open.get_mut(&alert_id).ok_or(Refusal::Unknown)?;
        next(entry.condition, Input::Acknowledge)?;
        entry.alarm.acknowledged_by = Some(person.clone());
        self.step(alert_id, Input::Acknowledge, now)
    }

    /// Resets an alert that is latched; returns it as it stands afterwards.
    pub(crate) fn reset(&mut self, alert_id: AlertId, now: MonoTime) -> Result<Alarm, Refusal> {
        self.step(alert_id, Input::Reset, now)
    }

    /// Marks an alert as led by a demand; one that asks for a person now is hidden by nothing. Returns it as it stands
    /// afterwards, `None` when nothing changed.
    pub(crate) fn join_demand(
        &mut self,
        alert_id: AlertId,
        demand_id: DemandId,
        now: MonoTime,
    ) -> Option<Alarm> {
        let entry = self.open.get_mut(&alert_id).filter(|entry| entry.alarm.demand_id != Some(demand_id))?;
        entry.alarm.demand_id = Some(demand_id);
        let changed_at = entry.alarm.changed_at;
        let was_hidden = entry.condition.is_hidden();
        let alarm = self.step(alert_id, Input::Demand, now).ok()?;
        if was_hidden {
            return Some(alarm);
        }
        self.open.get_mut(&alert_id)?.alarm.changed_at = changed_at;
        Some(self.told(alert_id))
    }

    /// Takes the mark of a demand that is over from an alert; one that a person called a false alarm no longer asks for
    /// a takeover, unless it gets worse. Returns it as it stands afterwards.
    pub(crate) fn leave_demand(&mut self, alert_id: AlertId, dismissed: bool) -> Option<Alarm> {
        let entry = self.open.get_mut(&alert_id)?;
        entry.alarm.escalation = 0;
        if dismissed {
            entry.alarm.response = Response::Advise;
        }
        if let Ok(condition) = next(entry.condition, Input::DemandOver) {
            entry.follow(condition);
        }
        Some(self.told(alert_id))
    }

    /// Makes an alert louder whose demand nobody claims; returns it as it stands afterwards.
    pub(crate) fn escalate(&mut self, alert_id: AlertId, escalation: u8, now: MonoTime) -> Option<Alarm> {
        let alarm = &mut self.open.get_mut(&alert_id)?.alarm;
        alarm.escalation = escalation;
        alarm.changed_at = now;
        Some(alarm.clone())
    }

    /// Returns when the next alert comes back from the shelf or has been quiet for long enough.
    pub(crate) fn poll_timeout(&self) -> Option<MonoTime> {
        let first = |times: &BTreeSet<(MonoTime, AlertId)>| times.first().map(|(at, _)| *at);
        first(&self.shelf).into_iter().chain(first(&self.settling)).min()
    }

    /// Makes one step of the machine; returns the alert as it stands afterwards.
    fn step(&mut self, alert_id: AlertId, input: Input, now: MonoTime) -> Result<Alarm, Refusal> {
        let over = self.apply(alert_id, input, now)?;
        Ok(over.unwrap_or_else(|| self.told(alert_id)))
    }

    /// Makes one step of the machine and keeps the books; returns the alert where nothing more is to be kept of it.
    fn apply(&mut self, alert_id: AlertId, input: Input, now: MonoTime) -> Result<Option<Alarm>, Refusal> {
        let entry = self.open.get_mut(&alert_id).ok_or(Refusal::Unknown)?;
        let condition = next(entry.condition, input)?;
        let shelved_until = entry.alarm.shelved.as_ref().map(|shelved| shelved.until);
        let is_over = condition.is_over();
        if condition != entry.condition {
            entry.alarm.changed_at = now;
        }
        entry.follow(condition);
        if let Some(until) = shelved_until
            && (is_over || entry.alarm.shelved.is_none())
        {
            self.shelf.remove(&(until, alert_id));
        }
        Ok(if is_over { self.forget(alert_id) } else { None })
    }

    fn told(&self, alert_id: AlertId) -> Alarm {
        self.open.get(&alert_id).expect("the caller just changed it").alarm.clone()
    }

    fn forget(&mut self, alert_id: AlertId) -> Option<Alarm> {
        let Entry { alarm, quiet_at, .. } = self.open.remove(&alert_id)?;
        if let Some(at) = quiet_at {
            self.settling.remove(&(at, alert_id));
        }
        self.groups.remove(&group_of(&alarm.agent, alarm.cause, &alarm.subject));
        Some(alarm)
    }

    /// Above the bound, the oldest alert that is over gives way, whoever has not yet taken note of it. What is out of
    /// service stays: nobody else would bring it back.
    fn make_room(&mut self, now: MonoTime) {
        if self.open.len() < MAX_OPEN {
            return;
        }
        let over =
            |entry: &&Entry| !entry.condition.state.is_active() && !entry.condition.has(Flag::OutOfService);
        let oldest = self.open.values().find(over).map(|entry| entry.alarm.alert_id);
        let Some(mut alarm) = oldest.and_then(|alert_id| self.forget(alert_id)) else { return };
        if let Some(shelved) = alarm.shelved.take() {
            self.shelf.remove(&(shelved.until, alarm.alert_id));
        }
        (alarm.state, alarm.latched, alarm.changed_at) = (AlarmState::Normal, false, now);
        self.evicted = Some(alarm);
    }
}
