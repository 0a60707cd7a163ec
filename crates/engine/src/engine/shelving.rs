//! What people and rules hide: the shelf, suppression by design, alerts out of service (`takeover.md` 1.6, ISA-18.2); and
//! what is held open: alerts that flap or are latched.
//!
//! A hidden alert stays what it is: it is acknowledged, cleared and told as ever, and consoles show it apart.

use super::{Engine, routing::Chore};
use crate::alarm_machine::Refusal;
use std::time::Duration;
use watchkeeper_model::{
    AgentId, Alarm, AlertId, MAX_SHELVED, MonoTime, OutOfService, Permission, PersonId, Response, SessionId,
    Shelved,
};
use watchkeeper_protocol::operator::{Shelve, TakeOutOfService};

impl Engine {
    /// Puts an alert on the shelf, or says why not.
    pub(super) fn handle_shelve(
        &mut self,
        session: SessionId,
        person: &PersonId,
        body: Shelve,
        now: MonoTime,
    ) {
        let span = Duration::from_nanos(body.for_nanos);
        if let Err((field, why)) = self.check_shelve(&body, span) {
            self.refuse_field(session, "shelve", field, why);
            return;
        }
        let shelved = Shelved { by: person.clone(), until: now.after(span), reason: body.reason };
        let others = self.others_of_card(session, Permission::Shelve, body.alert_id, now);
        self.do_soon(others.into_iter().map(|other| Chore::Shelve(other, shelved.clone())));
        let shelved = self.alarms.shelve(body.alert_id, shelved, now);
        self.tell_or_refuse(session, ("shelve", "alert_id"), shelved, now);
        self.route_due(now);
    }

    /// Returns the other alerts that are one card with this one, as far as the person may do this to their agents; what asks
    /// for a takeover stands for itself.
    pub(super) fn others_of_card(
        &self,
        session: SessionId,
        permission: Permission,
        alert_id: AlertId,
        now: MonoTime,
    ) -> Vec<AlertId> {
        let Some(console) = self.consoles.get(&session) else { return Vec::new() };
        let stands_for_itself =
            |alert_id: AlertId| self.alarms.get(alert_id).is_none_or(|alarm| alarm.demand_id.is_some());
        let may = |alert_id: &AlertId| {
            let agent = self.alarms.get(*alert_id).map(|alarm| &alarm.agent);
            console.access.check(permission, agent, now).is_ok()
        };
        if stands_for_itself(alert_id) {
            return Vec::new();
        }
        let mut others = self.alarms.beside(alert_id);
        others.retain(|other| *other != alert_id && !stands_for_itself(*other) && may(other));
        others
    }

    fn check_shelve(&self, body: &Shelve, span: Duration) -> Result<(), (&'static str, &'static str)> {
        let Some(alarm) = self.alarms.get(body.alert_id) else {
            return Err(("alert_id", "no open alert has this id"));
        };
        if span.is_zero() || span > MAX_SHELVED {
            return Err(("for_nanos", "is more than 0 and at most 8 h (rule: shelve for a shift at most)"));
        }
        if body.reason.as_str().trim().is_empty() {
            return Err(("reason", "is empty: say why (rule: shelve with a reason)"));
        }
        if self.asks_for_person(alarm) {
            let why =
                "its demand is open: take over or dismiss (rule: no shelving while a person is asked for)";
            return Err(("alert_id", why));
        }
        Ok(())
    }

    /// Returns whether an alert asks for a takeover, or its agent is asked for one while the alert would ask too.
    fn asks_for_person(&self, alarm: &Alarm) -> bool {
        let asks = alarm.response == Response::Takeover
            && alarm.state.is_active()
            && self.agents.get(&alarm.agent).is_some_and(|agent| agent.demand.is_some());
        asks || alarm.demand_id.is_some()
    }

    /// Takes an alert from the shelf before its time.
    pub(super) fn handle_unshelve(&mut self, session: SessionId, alert_id: AlertId, now: MonoTime) {
        match self.alarms.unshelve(alert_id, now) {
            Ok(alarm) => self.publish_alarm(alarm, now),
            Err(_) => self.refuse_field(session, "unshelve", "alert_id", "no alert of this id is shelved"),
        }
    }

    /// Brings back what has been on the shelf for its time.
    pub(super) fn unshelve_due(&mut self, now: MonoTime) {
        while let Some(alarm) = self.alarms.unshelve_due(now) {
            self.publish_alarm(alarm, now);
        }
    }

    /// Takes what an agent may raise out of service, whether it is raised or not: a supervisor's, with a reason.
    pub(super) fn handle_take_out(
        &mut self,
        session: SessionId,
        person: &PersonId,
        body: TakeOutOfService,
        now: MonoTime,
    ) {
        const KIND: &str = "take_out_of_service";
        if let Err((field, why)) = self.check_take_out(&body) {
            self.refuse_field(session, KIND, field, why);
            return;
        }
        let out = OutOfService { by: person.clone(), since: now, reason: body.reason };
        let taken = self.alarms.take_out((&body.agent, body.cause, &body.subject), out, now);
        if let Some(evicted) = self.alarms.poll_evicted() {
            self.publish_alarm(evicted, now);
        }
        self.tell_or_refuse(session, (KIND, "subject"), taken, now);
        self.obey_rules(&body.agent, now);
    }

    fn check_take_out(&self, body: &TakeOutOfService) -> Result<(), (&'static str, &'static str)> {
        if !self.agents.contains_key(&body.agent) {
            return Err(("agent", "nobody knows an agent of this name"));
        }
        if body.reason.as_str().trim().is_empty() {
            return Err(("reason", "is empty: say why (rule: out of service with a reason)"));
        }
        let stands = self.alarms.named(&body.agent, body.cause, &body.subject);
        if stands.is_some_and(|alarm| self.asks_for_person(alarm)) {
            let why =
                "its demand is open: take over or dismiss (rule: what asks for a person stays in service)";
            return Err(("subject", why));
        }
        if stands.is_none_or(|alarm| alarm.out_of_service.is_none()) && !self.alarms.has_room_out_of_service()
        {
            return Err(("agent", "1,000 alerts are out of service already: set the detection anew"));
        }
        Ok(())
    }

    /// Brings an alert back into service: a supervisor's.
    pub(super) fn handle_put_back(&mut self, session: SessionId, alert_id: AlertId, now: MonoTime) {
        const KIND: &str = "return_to_service";
        match self.alarms.put_back(alert_id, now) {
            Ok(alarm) => {
                let agent_id = alarm.agent.clone();
                self.publish_alarm(alarm, now);
                self.obey_rules(&agent_id, now);
            }
            Err(_) => self.refuse_field(session, KIND, "alert_id", "no alert of this id is out of service"),
        }
    }

    /// Lets an alert go that is latched and whose cause is gone.
    pub(super) fn handle_reset(&mut self, session: SessionId, alert_id: AlertId, now: MonoTime) {
        let reset = self.alarms.reset(alert_id, now);
        self.tell_or_refuse(session, ("reset", "alert_id"), reset, now);
    }

    fn tell_or_refuse(
        &mut self,
        session: SessionId,
        (kind, field): (&str, &str),
        outcome: Result<Alarm, Refusal>,
        now: MonoTime,
    ) {
        match outcome {
            Ok(alarm) => self.publish_alarm(alarm, now),
            Err(why) => self.refuse_field(session, kind, field, &why.to_string()),
        }
    }

    /// Lets go of what flapped and has been quiet for its time.
    pub(super) fn settle_due(&mut self, now: MonoTime) {
        while let Some(alarm) = self.alarms.settle_due(now) {
            let agent_id = alarm.agent.clone();
            self.publish_alarm(alarm, now);
            self.obey_rules(&agent_id, now);
        }
    }

    /// Applies the rules that suppress to an agent's alerts, after something changed there.
    pub(super) fn obey_rules(&mut self, agent_id: &AgentId, now: MonoTime) {
        for alarm in self.alarms.obey_all_rules(agent_id, now) {
            self.publish_alarm(alarm, now);
        }
    }
}
