//! What one run of a gate looked like from outside.

use uuid::Uuid;
use watchkeeper_model::{
    AgentId, AgentKind, AgentTime, BootId, CommandArgs, CommandId, CommandKind, ControlState, DemandId,
    DemandOutcome, Epoch, FallbackLevel, Latch, TaskVerb,
};
use watchkeeper_takeover::{
    Directive, Gate, GateAck, GateCommand, GateRecord, HolderBeat, Identity, Mode, World,
};

pub(crate) fn boot(count: u128) -> BootId {
    BootId(Uuid::from_u128(0x1000 + count))
}

/// A task of each class that is fenced in a way of its own.
pub(crate) const TASKS: [TaskVerb; 3] = [TaskVerb::Hazards, TaskVerb::SetMode, TaskVerb::Confirm];

pub(crate) fn identity(kind: AgentKind, boots: u128) -> Identity {
    let agent = AgentId::new("a").expect("the id is well formed");
    Identity { agent, kind, boot_id: boot(boots), tasks: TASKS.to_vec() }
}

#[derive(Clone, Debug)]
pub(crate) struct Cmd {
    pub(crate) command_id: CommandId,
    pub(crate) boot_id: BootId,
    pub(crate) kind: CommandKind,
    pub(crate) args: CommandArgs,
    pub(crate) epoch: Epoch,
    pub(crate) seq: u64,
    pub(crate) deadline: AgentTime,
}

impl Cmd {
    pub(crate) fn hand_to(&self, gate: &mut Gate, now: AgentTime) {
        let command = GateCommand {
            command_id: self.command_id,
            boot_id: self.boot_id,
            kind: self.kind,
            args: &self.args,
            epoch: self.epoch,
            seq: self.seq,
            deadline: self.deadline,
            evidence_version: None,
            expect_state: None,
        };
        gate.handle_command(&command, now);
    }
}

#[derive(Clone, Debug)]
#[expect(dead_code, reason = "some fields are only shown, when an invariant is broken")]
pub(crate) enum Input {
    Time,
    World(World),
    Demand(std::time::Duration),
    DemandEnd,
    Grant(Epoch),
    Void,
    Beat(HolderBeat),
    Command(Cmd),
    /// A welcome or a loss of the connection.
    Link,
    Own,
    Reboot(GateRecord),
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Snapshot {
    pub(crate) state: ControlState,
    pub(crate) level: Option<FallbackLevel>,
    pub(crate) latches: Vec<Latch>,
    pub(crate) demand: Option<DemandId>,
    pub(crate) demand_end: Option<AgentTime>,
    pub(crate) outcome: Option<(DemandId, DemandOutcome)>,
    pub(crate) epoch: Epoch,
    /// The epoch of the next holder.
    pub(crate) next: Option<Epoch>,
    pub(crate) highest_epoch: Epoch,
    pub(crate) manual: bool,
    pub(crate) directive: Directive,
    pub(crate) local_override: bool,
}

impl Snapshot {
    pub(crate) fn of(gate: &Gate, now: AgentTime) -> Self {
        let demand = gate.demand(now);
        Self {
            state: gate.state(),
            level: gate.fallback_level(),
            latches: gate.latches().to_vec(),
            demand: demand.map(|(demand_id, _)| demand_id),
            demand_end: demand.map(|(_, left)| now.after(left)),
            outcome: gate.last_demand_outcome(),
            epoch: gate.epoch(),
            next: gate.next_epoch(),
            manual: gate.is_manual(),
            highest_epoch: gate.highest_epoch(),
            directive: gate.directive(),
            local_override: gate.world().local_override,
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) now: AgentTime,
    pub(crate) boot_id: BootId,
    pub(crate) input: Input,
    pub(crate) before: Snapshot,
    pub(crate) after: Snapshot,
    pub(crate) acks: Vec<GateAck>,
    pub(crate) next_timeout: Option<AgentTime>,
    /// What was written last is what is true now.
    pub(crate) is_recorded: bool,
}

impl Entry {
    /// What the agent has to do from here on.
    pub(crate) fn directive_after(&self) -> Mode {
        self.after.directive.mode
    }
}
