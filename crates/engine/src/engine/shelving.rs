//! Shelving: a person puts an alert aside for a while, with a reason (`takeover.md` 1.6, ISA-18.2).
//!
//! A shelved alert stays what it is: it is acknowledged, cleared and told as ever, and consoles show it apart.

use super::Engine;
use std::time::Duration;
use watchkeeper_model::{AlertId, MAX_SHELVED, MonoTime, PersonId, Response, SessionId, Shelved};
use watchkeeper_protocol::operator::Shelve;

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
        if let Some(alarm) = self.alarms.shelve(body.alert_id, shelved, now) {
            self.publish_alarm(alarm);
        }
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
        let asks = alarm.response == Response::Takeover
            && alarm.state.is_active()
            && self.agents.get(&alarm.agent).is_some_and(|agent| agent.demand.is_some());
        if asks || alarm.demand_id.is_some() {
            let why =
                "its demand is open: take over or dismiss (rule: no shelving while a person is asked for)";
            return Err(("alert_id", why));
        }
        Ok(())
    }

    /// Takes an alert from the shelf before its time.
    pub(super) fn handle_unshelve(&mut self, session: SessionId, alert_id: AlertId, now: MonoTime) {
        match self.alarms.unshelve(alert_id, now) {
            Some(alarm) => self.publish_alarm(alarm),
            None => self.refuse_field(session, "unshelve", "alert_id", "no alert of this id is shelved"),
        }
    }

    /// Brings back what has been on the shelf for its time.
    pub(super) fn unshelve_due(&mut self, now: MonoTime) {
        while let Some(alarm) = self.alarms.unshelve_due(now) {
            self.publish_alarm(alarm);
        }
    }
}
