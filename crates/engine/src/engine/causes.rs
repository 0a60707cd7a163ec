//! From findings and states to alerts, and from takeover alerts to demands.

use super::Engine;
use crate::timeline::{AlertMoments, exact, span};
use watchkeeper_detect::{Finding, Phase};
use watchkeeper_model::{
    AgentId, Alarm, AlarmState, AlertId, CauseClass, ControlState, DemandOrigin, Explanation, FallbackCause,
    Label, MonoTime, Note, Response, Severity, Stage,
};
use watchkeeper_protocol::{ToOperator, operator::AlertUpdate};

impl Engine {
    /// Turns the findings of one agent into alerts and, where they ask for it, into a demand.
    pub(super) fn handle_findings(
        &mut self,
        agent_id: &AgentId,
        moments: Option<AlertMoments>,
        now: MonoTime,
    ) {
        let mut findings = std::mem::take(&mut self.findings);
        for finding in findings.drain(..) {
            self.handle_finding(agent_id, finding, moments, now);
        }
        self.findings = findings;
    }

    pub(super) fn handle_finding(
        &mut self,
        agent_id: &AgentId,
        finding: Finding,
        moments: Option<AlertMoments>,
        now: MonoTime,
    ) {
        let cleared = finding.phase == Phase::Cleared;
        let origin = match finding.cause {
            CauseClass::Asked => DemandOrigin::Agent,
            CauseClass::Limit
            | CauseClass::Outlier
            | CauseClass::Stuck
            | CauseClass::Envelope
            | CauseClass::Confidence
            | CauseClass::Sequence
            | CauseClass::Late
            | CauseClass::Silence
            | CauseClass::Fallback
            | CauseClass::Stopped => DemandOrigin::Monitor,
        };
        let Some(found) = self.alarms.handle_finding(agent_id, finding, now) else { return };
        if let Some(evicted) = self.alarms.poll_evicted() {
            self.publish_alarm(evicted, now);
        }
        let alarm = found.alarm;
        if found.begins {
            *self.counts.alerts_raised.entry(alarm.severity).or_default() += 1;
            let moments = AlertMoments { t3: Some(exact(now)), ..moments.unwrap_or_default() };
            if alarm.decision.is_some()
                && let Some(agent) = self.agents.get(agent_id)
            {
                self.stages.record(Stage::Detect, agent.kind, span(moments.t0, moments.t3));
            }
            self.alert_book.start(alarm.alert_id, moments);
            self.routing.begin_anew(alarm.alert_id);
        }
        let alert_id = alarm.alert_id;
        let takeover = alarm.response == Response::Takeover;
        let reason = alarm.explanation.text.clone();
        // Those that came before it, first: the card is with whom the first of them was brought to.
        for earlier in found.joined {
            if let Some(alarm) = self.alarms.get(earlier).cloned() {
                self.publish_alarm(alarm, now);
            }
        }
        if found.is_news {
            self.publish_alarm(alarm, now);
        }
        self.obey_rules(agent_id, now);
        if takeover && !cleared {
            self.raise_demand(agent_id, origin, Some(alert_id), reason, now);
        } else if takeover {
            self.check_self_cleared(agent_id);
        }
    }

    /// Brings an alert to whom it is for, and tells it as it now stands.
    pub(super) fn publish_alarm(&mut self, mut alarm: Alarm, now: MonoTime) {
        self.route(&mut alarm, now);
        self.tell_alarm(alarm);
    }

    pub(super) fn tell_alarm(&mut self, alarm: Alarm) {
        if let Some(told) = &mut self.alerts_told {
            told.push_back(alarm.clone());
        }
        let agent_id = alarm.agent.clone();
        self.publish(&agent_id, |cursor| ToOperator::Alert(AlertUpdate { cursor, alarm }));
    }

    /// The agent asked for a person (row 5, origin agent).
    pub(super) fn handle_request(
        &mut self,
        agent_id: &AgentId,
        reason: &Note,
        received_at: MonoTime,
        now: MonoTime,
    ) {
        let text = format!("the agent asks for a person: {}", reason.as_str());
        let finding =
            state_finding(CauseClass::Asked, "intervention", Severity::Warning, &text, Phase::Raised);
        // Where no demand can follow, the wish is told and over: nothing would ever clear it.
        let askable = self.can_be_asked(agent_id);
        let response = if askable { Response::Takeover } else { Response::Advise };
        let finding = Finding { response, ..finding };
        let moments = AlertMoments { t1: Some(exact(received_at)), ..AlertMoments::default() };
        let over = Finding { phase: Phase::Cleared, ..finding.clone() };
        self.handle_finding(agent_id, finding, Some(moments), now);
        if !askable {
            self.handle_finding(agent_id, over, None, now);
        }
    }

    /// The agent drives by itself again while something still asks for a takeover: ask again (row 5).
    pub(super) fn demand_again(&mut self, agent_id: &AgentId, now: MonoTime) {
        let idle = self.agents.get(agent_id).is_some_and(|agent| agent.demand.is_none());
        if !idle || !self.can_be_asked(agent_id) {
            return;
        }
        let causes: Vec<(AlertId, Note)> = self
            .alarms
            .takeover_causes(agent_id)
            .map(|alarm| (alarm.alert_id, alarm.explanation.text.clone()))
            .collect();
        // The first leads the demand, the others join it.
        for (alert_id, reason) in causes {
            self.raise_demand(agent_id, DemandOrigin::Monitor, Some(alert_id), reason, now);
        }
    }

    /// Alerts that follow from the state itself: offline, fallback, stopped, not confirmed.
    pub(super) fn check_state_causes(&mut self, agent_id: &AgentId, now: MonoTime) {
        let Some(agent) = self.agents.get_mut(agent_id) else { return };
        let state = agent.state();
        // Out of service nothing is amiss when it is switched off (row 28).
        let offline = agent.mirror.offline_since().is_some() && state != ControlState::OutOfService;
        let unverified = agent.last.as_ref().is_some_and(|beat| beat.unverified);
        let fell = state.falls_back();
        let failed = state == ControlState::FallbackFailed;
        let local = state == ControlState::Local;
        let level = agent.last.as_ref().and_then(|beat| beat.fallback_level).unwrap_or_default();
        let stopped = state == ControlState::Estopped;
        let shown = [offline, fell, stopped, unverified, failed, local];
        if std::mem::replace(&mut agent.causes_shown, shown) == shown {
            return;
        }
        let because = agent.last.as_ref().and_then(|beat| beat.fallback_cause).map(why_it_fell);
        let fallback_text = format!(
            "{}: the agent is in its fallback (level {level}) and stays safe until a person releases it",
            because.unwrap_or("it fell back")
        );
        for (holds, cause, subject, severity, text) in [
            (
                offline,
                CauseClass::Silence,
                "link",
                Severity::Warning,
                "the agent is offline: no connection or no heartbeat",
            ),
            (fell, CauseClass::Fallback, "fallback", Severity::Critical, fallback_text.as_str()),
            (
                stopped,
                CauseClass::Stopped,
                "estop",
                Severity::Warning,
                "the agent was stopped by a person (ESTOP)",
            ),
            (
                unverified,
                CauseClass::Fallback,
                "unverified",
                Severity::Critical,
                "a fallback or stop was commanded and its effect is not confirmed in time",
            ),
            (
                failed,
                CauseClass::Fallback,
                "failed",
                Severity::Critical,
                "the hardest fallback does not work and is kept applied: the agent is not safe",
            ),
            (
                local,
                CauseClass::Stopped,
                "local",
                Severity::Advisory,
                "somebody at the agent has control (local override): nothing from here moves it",
            ),
        ] {
            let phase = if holds { Phase::Raised } else { Phase::Cleared };
            self.set_state_cause(agent_id, state_finding(cause, subject, severity, text, phase), now);
        }
    }

    /// Raises or clears an alert of the state; one that stands already is left alone.
    pub(super) fn set_state_cause(&mut self, agent_id: &AgentId, finding: Finding, now: MonoTime) {
        let stands = self.alarms.holds(agent_id, finding.cause, &finding.subject);
        if stands == (finding.phase == Phase::Cleared) {
            self.handle_finding(agent_id, finding, None, now);
        }
    }

    /// An acknowledgement of a person (t6).
    pub(super) fn acknowledge(
        &mut self,
        alert_id: AlertId,
        person: &watchkeeper_model::PersonId,
        now: MonoTime,
    ) -> bool {
        let Ok(alarm) = self.alarms.acknowledge(alert_id, person, now) else { return false };
        if let Some(moments) = self.alert_book.get_mut(alert_id) {
            moments.t6.get_or_insert(exact(now));
        }
        debug_assert!(alarm.state != AlarmState::UnackActive);
        let agent_id = alarm.agent.clone();
        self.publish_alarm(alarm, now);
        self.publish_takeover_change(&agent_id);
        true
    }
}

/// Says why an agent fell back, in words.
const fn why_it_fell(cause: FallbackCause) -> &'static str {
    match cause {
        FallbackCause::Demand => "nobody took over in time",
        FallbackCause::Question => "a question that needed an answer got none in time",
        FallbackCause::HolderLost => "the link to the person in control was lost",
        FallbackCause::NotReady => "the person in control was not ready",
        FallbackCause::Released => "the person in control let go",
        FallbackCause::Person => "a person wanted it",
        FallbackCause::Agent => "the agent wanted it",
        FallbackCause::MonitorLost => "the agent was without its monitor for too long",
        FallbackCause::Latch => "a latch on record was not cleared",
        FallbackCause::Reboot => "the agent restarted and had not been shut down in good order",
        FallbackCause::Local => "somebody at the agent gave control up",
        FallbackCause::ConditionLost => "it did not stay where it was safe",
    }
}

/// Makes a finding of a state, which has no statistic of its own: it holds or it does not.
pub(super) fn state_finding(
    cause: CauseClass,
    subject: &str,
    severity: Severity,
    text: &str,
    phase: Phase,
) -> Finding {
    Finding {
        cause,
        subject: Label::cut(subject),
        phase,
        severity,
        response: Response::Advise,
        decision: None,
        explanation: Explanation {
            detector: Label::cut("state"),
            version: 1,
            statistic: 1.0,
            threshold: 1.0,
            score: 1.0,
            signals: Vec::new(),
            samples: Vec::new(),
            text: Note::cut(text),
        },
    }
}
