//! What the vehicle and the consoles of the rig say.

use super::{Rig, VEHICLE};
use std::{collections::BTreeMap, time::Duration};
use watchkeeper_engine::{Counts, Standing};
use watchkeeper_model::{
    AgentId, Alarm, AlertId, CommandCode, CommandId, CommandState, ControlState, Epoch, Incarnation,
    LatchCause, LatchId, MonoTime, OperatorRole,
};
use watchkeeper_protocol::{
    ToOperator,
    operator::{AgentStatus, Health, Resume},
};
use watchkeeper_takeover::Mode;

impl Rig {
    pub(crate) fn counts(&self) -> &Counts {
        self.engine.counts()
    }

    pub(crate) fn standing(&self) -> Standing {
        self.engine.standing()
    }

    pub(crate) const fn now(&self) -> MonoTime {
        self.now
    }

    pub(crate) fn state(&self) -> ControlState {
        self.gate.state()
    }

    pub(crate) fn epoch(&self) -> Epoch {
        self.gate.epoch()
    }

    pub(crate) fn next_epoch(&self) -> Option<Epoch> {
        self.gate.next_epoch()
    }

    pub(crate) fn mode(&self) -> Mode {
        self.gate.directive().mode
    }

    pub(crate) fn latch(&self, cause: LatchCause) -> LatchId {
        self.gate.latches().iter().find(|latch| latch.cause == cause).unwrap().latch_id
    }

    pub(crate) fn command_state(&self, command_id: CommandId) -> Option<CommandState> {
        self.commands.get(&command_id).map(|update| update.state)
    }

    pub(crate) fn command_code(&self, command_id: CommandId) -> Option<CommandCode> {
        self.commands.get(&command_id).and_then(|update| update.code)
    }

    pub(crate) fn command_detail(&self, command_id: CommandId) -> Option<String> {
        self.commands.get(&command_id)?.detail.as_ref().map(ToString::to_string)
    }

    /// The vehicle as a console was told last.
    pub(crate) fn status(&self, session: u64) -> AgentStatus {
        let told = self.told(session).iter().rev().find_map(|message| match message {
            ToOperator::ControlStatus(update) if update.status.agent.as_str() == VEHICLE => {
                Some(update.status.clone())
            }
            _ => None,
        });
        told.unwrap()
    }

    pub(crate) fn cursor(&self, session: u64) -> u64 {
        let cursors = self.consoles[&session].iter().filter_map(cursor_of);
        cursors.max().unwrap_or(0)
    }

    /// Where a console stopped reading.
    pub(crate) fn resume_point(&self, session: u64) -> Resume {
        Resume { incarnation: Incarnation(1), cursor: self.cursor(session) }
    }

    /// Everything that a console was told so far.
    pub(crate) fn told(&self, session: u64) -> &[ToOperator] {
        &self.consoles[&session]
    }

    pub(crate) fn resumed(&self, session: u64) -> bool {
        self.consoles[&session]
            .iter()
            .any(|message| matches!(message, ToOperator::Welcome(welcome) if welcome.resumed))
    }

    pub(crate) fn health(&mut self) -> Health {
        self.run(Duration::from_secs(1));
        let all = self.consoles.values().flatten().filter_map(|message| match message {
            ToOperator::Health(health) => Some(health.clone()),
            _ => None,
        });
        all.max_by_key(|health| health.now).unwrap()
    }

    /// Folds what a console got: states by agent, and open alerts.
    pub(crate) fn picture_of(
        &self,
        session: u64,
    ) -> (BTreeMap<AgentId, ControlState>, BTreeMap<AlertId, Alarm>) {
        let mut agents: BTreeMap<AgentId, ControlState> = BTreeMap::new();
        let mut alarms: BTreeMap<AlertId, Alarm> = BTreeMap::new();
        let mut status = |status: &AgentStatus| {
            agents.insert(status.agent.clone(), status.control_state);
        };
        // A console that resumed had folded what its predecessor saw.
        let resumed = self.resumed(session);
        let earlier = self.consoles.iter().filter(|(id, _)| resumed && **id == 1).flat_map(|(_, m)| m);
        for message in earlier.chain(&self.consoles[&session]) {
            match message {
                ToOperator::Snapshot(part) => {
                    part.agents.iter().for_each(&mut status);
                    alarms.extend(part.alerts.iter().map(|alarm| (alarm.alert_id, alarm.clone())));
                }
                ToOperator::ControlStatus(update) => status(&update.status),
                ToOperator::Alert(update) => {
                    alarms.insert(update.alarm.alert_id, update.alarm.clone());
                }
                _ => {}
            }
        }
        alarms.retain(|_, alarm| !alarm.is_over());
        (agents, alarms)
    }

    /// What a console sees that connects now.
    pub(crate) fn fresh_picture(&mut self) -> (BTreeMap<AgentId, ControlState>, BTreeMap<AlertId, Alarm>) {
        self.sessions += 1;
        let session = self.sessions;
        self.hello_operator(session, "new", OperatorRole::Observer, None);
        self.picture_of(session)
    }

    pub(crate) fn alarms(&mut self) -> Vec<Alarm> {
        self.fresh_picture().1.into_values().collect()
    }

    pub(crate) fn snapshot_sizes(&self, session: u64) -> Vec<usize> {
        let parts =
            self.consoles[&session].iter().filter(|message| matches!(message, ToOperator::Snapshot(_)));
        parts.map(|part| watchkeeper_protocol::Wire::encode(part).len()).collect()
    }
}

fn cursor_of(message: &ToOperator) -> Option<u64> {
    match message {
        ToOperator::Snapshot(part) => Some(part.cursor),
        ToOperator::Alert(update) => Some(update.cursor),
        ToOperator::ControlStatus(update) => Some(update.cursor),
        ToOperator::CommandStatus(update) => Some(update.cursor),
        ToOperator::Lease(update) => Some(update.cursor),
        ToOperator::Takeover(update) => Some(update.cursor),
        _ => None,
    }
}
