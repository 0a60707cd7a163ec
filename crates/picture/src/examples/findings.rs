//! Alerts as the monitor raises them, and the demands they lead to.

use super::{agent, label, monitor::monitor_clock, note, person};
use std::time::Duration;
use watchkeeper_model::{
    Alarm, AlarmState, AlertId, CauseClass, DecisionSeq, DemandId, DemandOrigin, Explanation, Response,
    Routed, Sample, Severity, SignalEvidence, nanos,
};
use watchkeeper_protocol::operator::DemandStatus;

/// What an agent does at the end of a demand, as the monitor words it.
pub(super) const THEN: &str = "falls back at level 1 and stays safe until a person releases it";
/// Why vehicle-4 is wanted in the examples of a takeover.
pub(super) const FROZEN: &str = "speed signal frozen for 2.1 s while others moved";
/// The alert and the demand of those examples.
pub(super) const ALERT: AlertId = AlertId(3_000_017);
pub(super) const DEMAND: DemandId = DemandId(3_000_004);

/// Returns an alert of this kind, new, raised so long before the example is looked at.
pub(super) fn alarm(id: u64, name: &str, cause: CauseClass, subject: &str, raised_ago: Duration) -> Alarm {
    let raised_at = monitor_clock(raised_ago);
    Alarm {
        severity: Severity::Warning,
        state: AlarmState::UnackActive,
        count: 1,
        decision: Some(DecisionSeq(47_960)),
        explanation: Explanation {
            detector: label(detector(cause)),
            version: 1,
            statistic: 4.9,
            threshold: 4.0,
            score: 0.6,
            signals: vec![],
            samples: vec![],
            text: note(""),
        },
        ..Alarm::never_raised(AlertId(id), (agent(name), cause, label(subject)), raised_at)
    }
}

const fn detector(cause: CauseClass) -> &'static str {
    match cause {
        CauseClass::Limit => "limit",
        CauseClass::Outlier => "robust_z",
        CauseClass::Stuck => "frozen",
        CauseClass::Envelope => "envelope",
        CauseClass::Confidence => "confidence",
        CauseClass::Sequence => "sequence",
        CauseClass::Late => "lateness",
        CauseClass::Silence => "silence",
        CauseClass::Asked => "asked",
        CauseClass::Fallback | CauseClass::Stopped => "authority",
    }
}

/// Returns what one signal contributed.
pub(super) fn evidence(name: &str, unit: &str, value: f64, band: (f64, f64), share: f64) -> SignalEvidence {
    SignalEvidence {
        signal: label(name),
        unit: label(unit),
        value,
        expected_low: Some(band.0),
        expected_high: Some(band.1),
        contribution: share,
    }
}

/// Returns the alert of a speed signal that stands still, which demands a takeover.
pub(super) fn frozen_speed(name: &str, raised_ago: Duration) -> Alarm {
    let mut alarm = alarm(ALERT.0, name, CauseClass::Outlier, "speed", raised_ago);
    alarm.severity = Severity::Critical;
    alarm.response = Response::Takeover;
    alarm.demand_id = Some(DEMAND);
    alarm.routed = Some(Routed { to: person("anna"), since: alarm.raised_at, passed_over: 0 });
    alarm.count = 42;
    alarm.explanation.detector = label("frozen");
    alarm.explanation.statistic = 42.0;
    alarm.explanation.threshold = 20.0;
    alarm.explanation.score = 0.94;
    alarm.explanation.text = note(FROZEN);
    alarm.explanation.signals = vec![
        evidence("speed", "m/s", 12.6, (11.8, 13.9), 0.78),
        evidence("odometer_speed", "m/s", 11.4, (12.4, 12.8), 0.17),
        evidence("closing_speed", "m/s", -0.9, (-0.4, 0.4), 0.05),
    ];
    let samples = 0..20;
    alarm.explanation.samples =
        samples.map(|index| Sample { seq: DecisionSeq(47_990 + index), value: 12.6 }).collect();
    alarm
}

/// Returns an alert of an unusual value, in the words of the detector.
pub(super) fn unusual(
    id: u64,
    name: &str,
    lead: SignalEvidence,
    severity: Severity,
    raised_ago: Duration,
) -> Alarm {
    let mut alarm = alarm(id, name, CauseClass::Outlier, lead.signal.as_str(), raised_ago);
    alarm.severity = severity;
    let band = match (lead.expected_low, lead.expected_high) {
        (Some(low), Some(high)) => format!("{low} to {high}"),
        (_, _) => "otherwise".to_owned(),
    };
    let unit = if lead.unit.as_str().is_empty() { String::new() } else { format!(" {}", lead.unit) };
    alarm.explanation.text = note(&format!(
        "{} is {}{unit}, expected {band}{unit}; since decision 47960",
        lead.signal, lead.value
    ));
    alarm.explanation.signals = vec![lead];
    alarm
}

/// Returns an alert whose text says it all.
pub(super) fn said(
    id: u64,
    name: &str,
    (cause, subject): (CauseClass, &str),
    severity: Severity,
    text: &str,
    raised_ago: Duration,
) -> Alarm {
    let mut alarm = alarm(id, name, cause, subject, raised_ago);
    alarm.severity = severity;
    alarm.explanation.text = note(text);
    alarm
}

/// Returns an open demand.
pub(super) fn demand(id: DemandId, origin: DemandOrigin, reason: &str, left: Duration) -> DemandStatus {
    DemandStatus { demand_id: id, origin, left_nanos: nanos(left), then: note(THEN), reason: note(reason) }
}
