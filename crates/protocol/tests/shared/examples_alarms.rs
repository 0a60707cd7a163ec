//! Examples of alerts.

use super::{agent, label, note, operator::mono, person};
use watchkeeper_model::{
    Alarm, AlarmState, AlertId, CauseClass, CommonCause, DecisionSeq, DemandId, Explanation, OutOfService,
    Priority, Response, Routed, Sample, Severity, Shelved, SignalEvidence, Suppressed,
};

fn explanation() -> Explanation {
    Explanation {
        detector: label("confidence"),
        version: 1,
        statistic: 0.05,
        threshold: 0.3,
        score: 0.93,
        signals: vec![SignalEvidence {
            signal: label("confidence"),
            unit: label(""),
            value: 0.05,
            expected_low: Some(0.3),
            expected_high: Some(1.0),
            contribution: 1.0,
        }],
        samples: vec![
            Sample { seq: DecisionSeq(117), value: 0.9 },
            Sample { seq: DecisionSeq(118), value: 0.05 },
        ],
        text: note("confidence is 0.05, at least 0.3 is expected"),
    }
}

pub(super) fn alarm() -> Alarm {
    Alarm {
        alert_id: AlertId(88),
        agent: agent(),
        cause: CauseClass::Confidence,
        subject: label("confidence"),
        severity: Severity::Critical,
        response: Response::Takeover,
        state: AlarmState::AckedActive,
        raised_at: mono(89_600),
        changed_at: mono(91_000),
        count: 14,
        decision: Some(DecisionSeq(118)),
        demand_id: Some(DemandId(41)),
        escalation: 1,
        acknowledged_by: Some(person()),
        shelved: None,
        priority: Priority::High,
        latched: false,
        flapping: false,
        suppressed: None,
        out_of_service: None,
        routed: None,
        common: None,
        explanation: explanation(),
    }
}

pub(super) fn shelved() -> Alarm {
    Alarm {
        alert_id: AlertId(89),
        cause: CauseClass::Outlier,
        subject: label("gap"),
        severity: Severity::Warning,
        response: Response::Advise,
        demand_id: None,
        escalation: 0,
        shelved: Some(Shelved {
            by: person(),
            until: mono(1_891_000),
            reason: note("the sensor is being replaced"),
        }),
        ..alarm()
    }
}

/// Over and acknowledged, kept because it is latched and out of service.
pub(super) fn out_of_service() -> Alarm {
    Alarm {
        alert_id: AlertId(90),
        state: AlarmState::Normal,
        priority: Priority::Medium,
        latched: true,
        shelved: None,
        out_of_service: Some(OutOfService {
            by: person(),
            since: mono(91_000),
            reason: note("the sensor is broken, a new one is ordered"),
        }),
        ..shelved()
    }
}

/// One of many with the same cause, passed on because whom it was brought to did not look.
pub(super) fn common() -> Alarm {
    Alarm {
        alert_id: AlertId(204),
        cause: CauseClass::Silence,
        subject: label("link"),
        state: AlarmState::UnackActive,
        acknowledged_by: None,
        shelved: None,
        routed: Some(Routed { to: person(), since: mono(91_400), passed_over: 1 }),
        common: Some(CommonCause {
            id: AlertId(197),
            first_out: agent(),
            area: Some(label("depot north")),
            since: mono(91_000),
            members: 8,
        }),
        ..shelved()
    }
}

/// Held open because it flaps, and hidden because it follows from another alert.
pub(super) fn suppressed() -> Alarm {
    Alarm {
        alert_id: AlertId(91),
        priority: Priority::Low,
        flapping: true,
        shelved: None,
        suppressed: Some(Suppressed {
            rule: label("gap behind link"),
            reason: note("without a link there is nothing to measure"),
        }),
        ..shelved()
    }
}
