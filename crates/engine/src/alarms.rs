//! Alerts: raised once a cause, grouped with a count, acknowledged, shelved, cleared (`takeover.md` 1.6).
//! Suppression by design and out of service are not built yet.

use std::collections::{BTreeMap, BTreeSet};
use watchkeeper_detect::{Finding, Phase};
use watchkeeper_model::{
    AgentId, Alarm, AlarmState, AlertId, CauseClass, DemandId, Label, MonoTime, PersonId, Response, Shelved,
};

/// What names an alert group.
type Group = (AgentId, CauseClass, Label);

/// One alert and the conditions behind it that hold now.
#[derive(Debug)]
struct Member {
    alert_id: AlertId,
    holding: BTreeSet<Label>,
}

/// Returns the group of a condition. Signals that go astray together are one alert of their agent; everything
/// else stands alone, because it asks for something of its own.
fn group_of(agent: &AgentId, cause: CauseClass, subject: &Label) -> Group {
    let subject = match cause {
        CauseClass::Outlier | CauseClass::Sequence => Label::default(),
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

/// Every alert that is not over and acknowledged.
#[derive(Debug)]
pub(crate) struct Alarms {
    next: AlertId,
    groups: BTreeMap<Group, Member>,
    open: BTreeMap<AlertId, Alarm>,
    /// When which alert comes back from the shelf.
    shelf: BTreeSet<(MonoTime, AlertId)>,
}

/// Most alerts that are open at once: above it, those that are over are closed for room.
const MAX_OPEN: usize = 20_000;

impl Alarms {
    pub(crate) fn new(first: AlertId) -> Self {
        Self { next: first, groups: BTreeMap::new(), open: BTreeMap::new(), shelf: BTreeSet::new() }
    }

    /// Returns an open alert.
    pub(crate) fn get(&self, alert_id: AlertId) -> Option<&Alarm> {
        self.open.get(&alert_id)
    }

    /// Returns an open alert to change it.
    pub(crate) fn get_mut(&mut self, alert_id: AlertId) -> Option<&mut Alarm> {
        self.open.get_mut(&alert_id)
    }

    /// Returns every open alert, oldest first.
    pub(crate) fn open(&self) -> impl Iterator<Item = &Alarm> {
        self.open.values()
    }

    /// Returns how many alerts are open.
    pub(crate) fn count_open(&self) -> usize {
        self.open.len()
    }

    /// Returns the open alert of a group.
    pub(crate) fn active(&self, agent: &AgentId, cause: CauseClass, subject: &Label) -> Option<&Alarm> {
        let member = self.groups.get(&group_of(agent, cause, subject))?;
        self.open.get(&member.alert_id)
    }

    /// Returns the active alerts of an agent that ask for a takeover because of what the agent does.
    pub(crate) fn takeover_causes<'a>(&'a self, agent: &'a AgentId) -> impl Iterator<Item = &'a Alarm> {
        let first = (agent.clone(), CauseClass::Limit, Label::default());
        self.groups
            .range(first..)
            .take_while(move |((owner, _, _), _)| owner == agent)
            .filter_map(|(_, member)| self.open.get(&member.alert_id))
            .filter(|alarm| alarm.response == Response::Takeover && alarm.state.is_active())
    }

    /// Takes a finding; returns the alert as it stands afterwards and whether it begins now (anew), `None` when
    /// nothing changed.
    pub(crate) fn handle_finding(
        &mut self,
        agent: &AgentId,
        finding: Finding,
        now: MonoTime,
    ) -> Option<(Alarm, bool)> {
        let group = group_of(agent, finding.cause, &finding.subject);
        let known = self.groups.get_mut(&group);
        match (finding.phase, known) {
            (Phase::Cleared, None) => None,
            (Phase::Cleared, Some(member)) => {
                member.holding.remove(&finding.subject);
                let alert_id = member.alert_id;
                if !member.holding.is_empty() {
                    return None;
                }
                self.clear(alert_id, now).map(|alarm| (alarm, false))
            }
            (Phase::Raised | Phase::Worse, Some(member)) => {
                member.holding.insert(finding.subject.clone());
                let alert_id = member.alert_id;
                let alarm = self.open.get_mut(&alert_id).expect("a group names an open alert");
                let (was_active, severity) = (alarm.state.is_active(), alarm.severity);
                alarm.count += u64::from(finding.phase == Phase::Raised);
                alarm.severity = alarm.severity.max(finding.severity);
                alarm.response = alarm.response.max(finding.response);
                // An acknowledgement re-arms when the cause comes back.
                if alarm.state == AlarmState::RtnUnack {
                    alarm.state = AlarmState::UnackActive;
                }
                alarm.decision = finding.decision.or(alarm.decision);
                // The worst condition leads.
                let leads = finding.subject == alarm.subject
                    || !was_active
                    || (finding.severity, finding.explanation.score) > (severity, alarm.explanation.score);
                if leads {
                    alarm.subject = finding.subject;
                    alarm.explanation = finding.explanation;
                }
                alarm.changed_at = now;
                Some((alarm.clone(), !was_active))
            }
            (Phase::Raised | Phase::Worse, None) => {
                self.make_room();
                let alert_id = self.next;
                self.next = self.next.next();
                let alarm = Alarm {
                    alert_id,
                    agent: agent.clone(),
                    cause: finding.cause,
                    subject: finding.subject,
                    severity: finding.severity,
                    response: finding.response,
                    state: AlarmState::UnackActive,
                    raised_at: now,
                    changed_at: now,
                    count: 1,
                    decision: finding.decision,
                    demand_id: None,
                    escalation: 0,
                    acknowledged_by: None,
                    shelved: None,
                    explanation: finding.explanation,
                };
                let holding = BTreeSet::from([alarm.subject.clone()]);
                self.groups.insert(group, Member { alert_id, holding });
                self.open.insert(alert_id, alarm.clone());
                Some((alarm, true))
            }
        }
    }

    /// Acknowledges an alert; returns it as it stands afterwards, `None` when there is nothing to acknowledge.
    pub(crate) fn acknowledge(
        &mut self,
        alert_id: AlertId,
        person: &PersonId,
        now: MonoTime,
    ) -> Option<Alarm> {
        let alarm = self.open.get_mut(&alert_id)?;
        alarm.state = match alarm.state {
            AlarmState::UnackActive => AlarmState::AckedActive,
            AlarmState::RtnUnack => AlarmState::Normal,
            AlarmState::AckedActive | AlarmState::Normal => return None,
        };
        alarm.acknowledged_by = Some(person.clone());
        alarm.changed_at = now;
        Some(self.close_if_normal(alert_id))
    }

    /// Marks an alert as led by a demand; one that asks for a person now is on no shelf. Returns it as it stands
    /// afterwards, `None` when nothing changed.
    pub(crate) fn join_demand(
        &mut self,
        alert_id: AlertId,
        demand_id: DemandId,
        now: MonoTime,
    ) -> Option<Alarm> {
        let alarm = self.open.get_mut(&alert_id).filter(|alarm| alarm.demand_id != Some(demand_id))?;
        alarm.demand_id = Some(demand_id);
        if let Some(shelved) = alarm.shelved.take() {
            alarm.changed_at = now;
            self.shelf.remove(&(shelved.until, alert_id));
        }
        Some(alarm.clone())
    }

    /// Puts an open alert on the shelf, or moves its end; returns it as it stands afterwards.
    pub(crate) fn shelve(&mut self, alert_id: AlertId, shelved: Shelved, now: MonoTime) -> Option<Alarm> {
        let alarm = self.open.get_mut(&alert_id)?;
        self.shelf.insert((shelved.until, alert_id));
        if let Some(before) = alarm.shelved.replace(shelved)
            && alarm.shelved.as_ref().is_none_or(|shelved| shelved.until != before.until)
        {
            self.shelf.remove(&(before.until, alert_id));
        }
        alarm.changed_at = now;
        Some(alarm.clone())
    }

    /// Takes an alert from the shelf; returns it as it stands afterwards, `None` when it is on none.
    pub(crate) fn unshelve(&mut self, alert_id: AlertId, now: MonoTime) -> Option<Alarm> {
        let alarm = self.open.get_mut(&alert_id)?;
        let shelved = alarm.shelved.take()?;
        self.shelf.remove(&(shelved.until, alert_id));
        alarm.changed_at = now;
        Some(alarm.clone())
    }

    /// Takes the next alert whose time is over from the shelf; returns it as it stands afterwards.
    pub(crate) fn unshelve_due(&mut self, now: MonoTime) -> Option<Alarm> {
        while let Some((until, alert_id)) = self.shelf.first().copied().filter(|(until, _)| now >= *until) {
            self.shelf.remove(&(until, alert_id));
            if let Some(alarm) = self.unshelve(alert_id, now) {
                return Some(alarm);
            }
        }
        None
    }

    /// Returns when the next alert comes back from the shelf.
    pub(crate) fn poll_timeout(&self) -> Option<MonoTime> {
        self.shelf.first().map(|(until, _)| *until)
    }

    fn clear(&mut self, alert_id: AlertId, now: MonoTime) -> Option<Alarm> {
        let alarm = self.open.get_mut(&alert_id)?;
        alarm.state = match alarm.state {
            AlarmState::UnackActive => AlarmState::RtnUnack,
            AlarmState::AckedActive => AlarmState::Normal,
            AlarmState::RtnUnack | AlarmState::Normal => return None,
        };
        alarm.changed_at = now;
        Some(self.close_if_normal(alert_id))
    }

    fn close_if_normal(&mut self, alert_id: AlertId) -> Alarm {
        let alarm = self.open.get(&alert_id).expect("the caller just changed it").clone();
        if alarm.state == AlarmState::Normal {
            self.close(&alarm);
        }
        alarm
    }

    fn close(&mut self, alarm: &Alarm) {
        self.open.remove(&alarm.alert_id);
        self.groups.remove(&group_of(&alarm.agent, alarm.cause, &alarm.subject));
        if let Some(shelved) = &alarm.shelved {
            self.shelf.remove(&(shelved.until, alarm.alert_id));
        }
    }

    fn make_room(&mut self) {
        if self.open.len() < MAX_OPEN {
            return;
        }
        if let Some(alarm) = self.open.values().find(|alarm| !alarm.state.is_active()).cloned() {
            self.close(&alarm);
        }
    }
}
