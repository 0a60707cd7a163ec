//! What takes an alert out of the queue and brings it back: the shelf, the rules, being out of service.

use super::{Alarms, Entry, group_of};
use crate::{
    alarm_machine::{Flag, Input, Refusal, next},
    config::SuppressRule,
};
use watchkeeper_model::{
    AgentId, Alarm, AlertId, CauseClass, Label, MonoTime, OutOfService, Response, Shelved, Suppressed,
};

/// Most alerts that are out of service at once; more is a fleet whose detection wants to be set anew.
pub(crate) const MAX_OUT_OF_SERVICE: usize = 1_000;

impl Alarms {
    /// Puts an open alert on the shelf, or moves its end; returns it as it stands afterwards.
    pub(crate) fn shelve(
        &mut self,
        alert_id: AlertId,
        shelved: Shelved,
        now: MonoTime,
    ) -> Result<Alarm, Refusal> {
        let entry = self.open.get_mut(&alert_id).ok_or(Refusal::Unknown)?;
        next(entry.condition, Input::Shelve)?;
        let until = shelved.until;
        if let Some(before) = entry.alarm.shelved.replace(shelved) {
            self.shelf.remove(&(before.until, alert_id));
        }
        self.shelf.insert((until, alert_id));
        entry.alarm.changed_at = now;
        self.step(alert_id, Input::Shelve, now)
    }

    /// Takes an alert from the shelf; returns it as it stands afterwards.
    pub(crate) fn unshelve(&mut self, alert_id: AlertId, now: MonoTime) -> Result<Alarm, Refusal> {
        self.step(alert_id, Input::Unshelve, now)
    }

    /// Takes the next alert whose time is over from the shelf; returns it as it stands afterwards.
    pub(crate) fn unshelve_due(&mut self, now: MonoTime) -> Option<Alarm> {
        while let Some((until, alert_id)) = self.shelf.first().copied().filter(|(until, _)| now >= *until) {
            self.shelf.remove(&(until, alert_id));
            if let Ok(alarm) = self.unshelve(alert_id, now) {
                return Some(alarm);
            }
        }
        None
    }

    /// Returns whether one more alert may be taken out of service.
    pub(crate) fn has_room_out_of_service(&self) -> bool {
        let out = self.open.values().filter(|entry| entry.condition.has(Flag::OutOfService));
        out.count() < MAX_OUT_OF_SERVICE
    }

    /// Returns the alert that stands for what a finding of this kind would be about.
    pub(crate) fn named(&self, agent: &AgentId, cause: CauseClass, subject: &Label) -> Option<&Alarm> {
        let alert_id = self.groups.get(&group_of(agent, cause, subject))?;
        self.open.get(alert_id).map(|entry| &entry.alarm)
    }

    /// Takes what a finding of this kind would raise out of service, raised or not; returns the alert that stands for
    /// it.
    pub(crate) fn take_out(
        &mut self,
        (agent, cause, subject): (&AgentId, CauseClass, &Label),
        out: OutOfService,
        now: MonoTime,
    ) -> Result<Alarm, Refusal> {
        let group = group_of(agent, cause, subject);
        let alert_id = match self.groups.get(&group) {
            Some(alert_id) => *alert_id,
            None => self.add(&group, now),
        };
        let entry = self.open.get_mut(&alert_id).ok_or(Refusal::Unknown)?;
        next(entry.condition, Input::TakeOut)?;
        entry.alarm.out_of_service = Some(out);
        entry.alarm.changed_at = now;
        self.step(alert_id, Input::TakeOut, now)
    }

    /// Brings an alert back into service; returns it as it stands afterwards.
    pub(crate) fn put_back(&mut self, alert_id: AlertId, now: MonoTime) -> Result<Alarm, Refusal> {
        self.step(alert_id, Input::PutBack, now)
    }

    /// Applies the rules to every alert of an agent; returns those that changed, as they stand afterwards.
    pub(crate) fn obey_all_rules(&mut self, agent: &AgentId, now: MonoTime) -> Vec<Alarm> {
        if self.rules.is_empty() {
            return Vec::new();
        }
        let alerts: Vec<AlertId> = self.of(agent).collect();
        alerts.into_iter().filter_map(|alert_id| self.obey_rules(alert_id, now)).collect()
    }

    /// Applies the rules to one alert; returns it where that changed it.
    pub(super) fn obey_rules(&mut self, alert_id: AlertId, now: MonoTime) -> Option<Alarm> {
        let entry = self.open.get(&alert_id)?;
        let rule = self.rule_for(entry);
        let held_by = entry.alarm.suppressed.as_ref().map(|suppressed| &suppressed.rule);
        if rule.map(|rule| &rule.name) == held_by {
            return None;
        }
        let suppressed = rule.map(|rule| Suppressed { rule: rule.name.clone(), reason: rule.reason.clone() });
        let input = if suppressed.is_some() { Input::Suppress } else { Input::Unsuppress };
        next(entry.condition, input).ok()?;
        let entry = self.open.get_mut(&alert_id)?;
        entry.alarm.suppressed = suppressed;
        entry.alarm.changed_at = now;
        self.step(alert_id, input, now).ok()
    }

    /// Returns the first rule that hides an alert now. What asks for a takeover is hidden by none.
    fn rule_for(&self, entry: &Entry) -> Option<&SuppressRule> {
        let alarm = &entry.alarm;
        if alarm.response == Response::Takeover || entry.condition.has(Flag::Demanded) {
            return None;
        }
        let meets = |rule: &SuppressRule| {
            self.of(&alarm.agent).filter_map(|alert_id| self.open.get(&alert_id)).any(|other| {
                // What is out of service is not trusted to be so.
                let counts = other.condition.state.is_active() && !other.condition.has(Flag::OutOfService);
                counts && rule.is_met_by(&other.alarm)
            })
        };
        self.rules.iter().find(|rule| rule.hides(alarm) && meets(rule))
    }
}
