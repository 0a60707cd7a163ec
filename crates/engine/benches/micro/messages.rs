//! A hundred messages of each kind, none like the other.

use crate::{TIMES, vehicle};
use uuid::Uuid;
use watchkeeper_model::{
    Alarm, AlarmState, AlertId, CauseClass, CommandArgs, CommandId, CommandKind, CommandState, DecisionSeq,
    Epoch, Explanation, Label, MonoTime, Note, PersonId, Sample, Severity, SignalEvidence,
};
use watchkeeper_protocol::{
    AgentMessage, ToAgent, ToOperator,
    agent::{Command, CommandAck},
    operator::AlertUpdate,
};

fn hundred<M>(make: impl Fn(usize) -> M) -> Vec<M> {
    (0..TIMES).map(make).collect()
}

/// A number that is as long on the wire as those of a monitor that has run for a while.
fn count(index: usize) -> u64 {
    1_000 + index as u64
}

pub(crate) fn command_id(index: usize) -> CommandId {
    CommandId(Uuid::from_u128(0x0190_c0de_0000_0000 + index as u128))
}

pub(crate) fn decisions() -> Vec<AgentMessage> {
    hundred(|index| AgentMessage::Decision(vehicle::decision(index, count(index))))
}

pub(crate) fn heartbeats() -> Vec<AgentMessage> {
    hundred(|index| AgentMessage::Heartbeat(vehicle::heartbeat(index, count(index))))
}

pub(crate) fn acks() -> Vec<AgentMessage> {
    hundred(|index| AgentMessage::Ack(ack(index, CommandState::Accepted, count(index))))
}

pub(crate) fn ack(index: usize, state: CommandState, seq: u64) -> CommandAck {
    CommandAck {
        command_id: command_id(index),
        state,
        code: None,
        percent: None,
        at: vehicle::agent_now(seq),
        detail: None,
    }
}

pub(crate) fn commands() -> Vec<ToAgent> {
    hundred(|index| {
        ToAgent::Command(Command {
            command_id: command_id(index),
            boot_id: vehicle::boot_id(index),
            kind: CommandKind::SpeedCap,
            args: CommandArgs { speed_mps: Some(5.0 + index as f64 / 8.0), ..CommandArgs::default() },
            epoch: Epoch(7),
            seq: count(index),
            deadline: vehicle::agent_now(count(index) + 4),
            issued_by: PersonId::new("ada").unwrap(),
            evidence_version: None,
            expect_state: None,
        })
    })
}

pub(crate) fn alerts() -> Vec<ToOperator> {
    hundred(|index| ToOperator::Alert(AlertUpdate { cursor: count(index), alarm: alarm(index) }))
}

fn alarm(index: usize) -> Alarm {
    let seq = count(index);
    let at = MonoTime::from_nanos(seq * vehicle::PERIOD_NANOS);
    let alert_id = AlertId(100_000_000 + seq);
    let group = (vehicle::agent_id(index), CauseClass::Outlier, Label::cut("gap"));
    Alarm {
        severity: Severity::Warning,
        state: AlarmState::UnackActive,
        count: 3,
        decision: Some(DecisionSeq(seq)),
        explanation: explanation(seq),
        ..Alarm::never_raised(alert_id, group, at)
    }
}

/// Three signals, and the twenty values before.
fn explanation(seq: u64) -> Explanation {
    let signal = |name: &str, unit: &str, contribution| SignalEvidence {
        signal: Label::cut(name),
        unit: Label::cut(unit),
        value: 4.25 + seq as f64 / 64.0,
        expected_low: Some(31.5),
        expected_high: Some(38.5),
        contribution,
    };
    let sample = |back: u64| Sample { seq: DecisionSeq(seq - back), value: 35.0 + back as f64 / 7.0 };
    Explanation {
        detector: Label::cut("outlier"),
        version: 1,
        statistic: 9.25,
        threshold: 6.0,
        score: 0.77,
        signals: vec![signal("gap", "m", 0.7), signal("speed", "m/s", 0.2), signal("steering", "rad", 0.1)],
        samples: (0..20).rev().map(sample).collect(),
        text: Note::cut(
            "gap is 4.25 m, between 31.5 and 38.5 m are expected: 9.25 times its usual scale off",
        ),
    }
}
