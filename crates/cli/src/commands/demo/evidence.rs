//! The takeover as the record has it: nothing here comes from the memory of the run.

use crate::record::decode;
use anyhow::Context;
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};
use watchkeeper_ledger::{Entry, ReadStorage, Reader, Record};
use watchkeeper_model::{
    AgentId, CommandId, CommandKind, CommandState, ControlState, DemandId, MonoTime, SessionId,
};
use watchkeeper_protocol::{
    AgentMessage,
    record::{EngineInput, TakeoverCommand, TakeoverRecord, record_type},
};

/// What a takeover must have gone through, in order.
const STEPS: [&str; 5] = [
    "raised: a demand that a person take over",
    "claimed: a person was granted the lease",
    "commanded: HOLD, while that person was in control",
    "obeyed: the HOLD was completed, and the sensors said standstill",
    "handed back: the agent drives by itself again",
];

/// How far the record proves a takeover.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Evidence {
    /// The takeover that went furthest.
    takeover: Option<(DemandId, AgentId)>,
    /// Which of the steps the record holds.
    steps: [bool; 5],
}

impl Evidence {
    /// Returns whether the record holds every step.
    pub(super) fn is_complete(&self) -> bool {
        self.steps.iter().all(|found| *found)
    }
}

impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.takeover {
            Some((demand_id, agent)) => write!(f, "takeover {} of {agent}", demand_id.0)?,
            None => f.write_str("no takeover that is over")?,
        }
        for (step, found) in STEPS.iter().zip(self.steps) {
            write!(f, "\n  {} {step}", if found { "yes    " } else { "MISSING" })?;
        }
        Ok(())
    }
}

/// Reads the record once, and returns the takeover that went furthest.
pub(super) fn read<S: ReadStorage + ?Sized>(storage: &S) -> anyhow::Result<Evidence> {
    let mut witness = Witness::default();
    for entry in Reader::new(storage)? {
        match entry.context("reading the record")? {
            // Sessions count anew in each run.
            Entry::Segment(_) => {}
            Entry::Record(record) => witness.take(&record)?,
        }
    }
    Ok(witness.testify())
}

/// What the inputs say about agents, beside what the monitor made of it.
#[derive(Debug, Default)]
struct Witness {
    sessions: BTreeMap<SessionId, AgentId>,
    /// When an agent reported a reached minimal-risk condition while a person was in control.
    stood: BTreeMap<AgentId, Vec<MonoTime>>,
    completed: BTreeSet<CommandId>,
    takeovers: Vec<TakeoverRecord>,
}

impl Witness {
    fn take(&mut self, record: &Record) -> anyhow::Result<()> {
        match record.record_type {
            record_type::INPUT => self.hear(decode(record)?),
            record_type::TAKEOVER => self.takeovers.push(decode(record)?),
            _ => {}
        }
        Ok(())
    }

    fn hear(&mut self, input: EngineInput) {
        match input {
            EngineInput::AgentConnected { session, hello } => {
                self.sessions.insert(session, hello.agent);
            }
            EngineInput::Agent { session, received_at, framed } => {
                let Some(agent) = self.sessions.get(&session).cloned() else { return };
                match framed.into_message() {
                    AgentMessage::Heartbeat(beat)
                        if beat.control_state == ControlState::Human && beat.condition_reached =>
                    {
                        self.stood.entry(agent).or_default().push(received_at);
                    }
                    AgentMessage::Ack(ack) if ack.state == CommandState::Completed => {
                        self.completed.insert(ack.command_id);
                    }
                    AgentMessage::Heartbeat(_)
                    | AgentMessage::Ack(_)
                    | AgentMessage::Decision(_)
                    | AgentMessage::RequestIntervention(_)
                    | AgentMessage::Question(_)
                    | AgentMessage::Pong(_)
                    | AgentMessage::Probed(_) => {}
                }
            }
            EngineInput::OperatorConnected { .. }
            | EngineInput::AccessChanged { .. }
            | EngineInput::Disconnected { .. }
            | EngineInput::Operator { .. }
            | EngineInput::Delivered { .. }
            | EngineInput::Durable { .. }
            | EngineInput::LedgerPressure { .. }
            | EngineInput::RefusedFrames { .. }
            | EngineInput::RulesChanged { .. }
            | EngineInput::Timeout => {}
        }
    }

    fn testify(&self) -> Evidence {
        let best = self
            .takeovers
            .iter()
            .map(|takeover| (self.steps(takeover), takeover))
            .max_by_key(|(steps, _)| steps.iter().filter(|found| **found).count());
        match best {
            None => Evidence { takeover: None, steps: [false; 5] },
            Some((steps, takeover)) => {
                Evidence { takeover: Some((takeover.demand_id, takeover.agent.clone())), steps }
            }
        }
    }

    fn steps(&self, takeover: &TakeoverRecord) -> [bool; 5] {
        let claimed = takeover.holder.is_some() && takeover.epoch.is_some() && takeover.granted_at.is_some();
        let in_control = takeover.human_at;
        let holds: Vec<&TakeoverCommand> = takeover
            .commands
            .iter()
            .filter(|command| {
                command.kind == CommandKind::Hold
                    && in_control.is_some_and(|since| command.received_at >= since)
            })
            .collect();
        let end = takeover.handed_back_at.unwrap_or(MonoTime::from_nanos(u64::MAX));
        let obeyed = holds.iter().any(|hold| {
            let stood = self.stood.get(&takeover.agent).into_iter().flatten();
            hold.state == CommandState::Completed
                && self.completed.contains(&hold.command_id)
                && stood.into_iter().any(|at| *at >= hold.received_at && *at <= end)
        });
        let handed_back =
            takeover.handed_back_at.is_some() && takeover.final_state == ControlState::Autonomous;
        [true, claimed, !holds.is_empty(), obeyed, handed_back]
    }
}
