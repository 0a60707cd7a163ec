//! One run of a gate, and what it looked like from outside.

use std::time::Duration;
use uuid::Uuid;
use watchkeeper_model::{
    AgentId, AgentKind, AgentTime, BootId, CommandArgs, CommandId, CommandKind, ControlState, DemandId,
    DemandOutcome, Epoch, FallbackLevel, Latch, TaskReport, TaskVerb,
};
use watchkeeper_takeover::{
    Directive, Gate, GateAck, GateCommand, GateOutput, GateRecord, HolderBeat, Identity, Mode, Timers, World,
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
    Demand(Duration),
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

pub(crate) const START: World = World {
    standstill: false,
    stable: true,
    progressing: Some(true),
    condition_reached: false,
    can_resume: true,
    local_override: false,
};

/// A gate that is being played with, and all that it lives on.
pub(crate) struct Run {
    pub(crate) gate: Gate,
    pub(crate) now: AgentTime,
    pub(crate) boots: u128,
    /// What is still to be done, the oldest first.
    pub(crate) tasks: Vec<CommandId>,
    pub(crate) trace: Vec<Entry>,
    kind: AgentKind,
    world: World,
    /// What was written last.
    record: GateRecord,
}

impl Run {
    pub(crate) fn new(kind: AgentKind) -> Self {
        let mut gate = Gate::new(identity(kind, 0), Timers::for_kind(kind), START);
        let record = gate.take_record().expect("a new gate has something to write");
        Self {
            gate,
            now: AgentTime::from_nanos(1),
            boots: 0,
            tasks: Vec::new(),
            trace: Vec::new(),
            kind,
            world: START,
            record,
        }
    }

    /// Hands one input over, after the timers, and writes down what came of both.
    pub(crate) fn input(&mut self, input: Input, hand_over: impl FnOnce(&mut Gate, AgentTime)) {
        self.one(Input::Time, Gate::handle_timeout);
        self.one(input, hand_over);
    }

    fn one(&mut self, input: Input, hand_over: impl FnOnce(&mut Gate, AgentTime)) {
        let before = Snapshot::of(&self.gate, self.now);
        hand_over(&mut self.gate, self.now);
        let mut acks = Vec::new();
        while let Some(output) = self.gate.poll_output() {
            match output {
                GateOutput::Ack(ack) => acks.push(ack),
                GateOutput::Task(task) => self.tasks.push(task.command_id),
                GateOutput::TaskOver(over) => self.tasks.retain(|task| *task != over),
                GateOutput::Report | GateOutput::Answer(_) => {}
            }
        }
        if let Some(record) = self.gate.take_record() {
            self.record = record;
        }
        let current = GateRecord { clean_shutdown: false, ..self.gate.shutdown_record() };
        self.trace.push(Entry {
            now: self.now,
            boot_id: boot(self.boots),
            input,
            before,
            after: Snapshot::of(&self.gate, self.now),
            acks,
            next_timeout: self.gate.poll_timeout(),
            is_recorded: self.record == current,
        });
    }

    pub(crate) fn advance(&mut self, millis: u64) {
        self.now = self.now.after(Duration::from_millis(millis));
        self.one(Input::Time, Gate::handle_timeout);
    }

    pub(crate) fn set_world(&mut self, world: World) {
        self.world = world;
        self.input(Input::World(world), |gate, now| gate.handle_world(world, now));
    }

    /// The agent's own software says how its oldest task goes; `false` where it has none.
    pub(crate) fn report_task(&mut self, how: u8) -> bool {
        let Some(task) = self.tasks.first().copied() else { return false };
        let report = match how & 3 {
            0 => TaskReport::Underway(Some(how)),
            1 => TaskReport::Failed,
            _ => TaskReport::Done,
        };
        if !matches!(report, TaskReport::Underway(_)) {
            self.tasks.remove(0);
        }
        self.input(Input::Own, |gate, now| gate.handle_task_report(task, report, now));
        true
    }

    /// Power off, power on: only what was written is left.
    pub(crate) fn reboot(&mut self) {
        self.boots += 1;
        let record = self.record.clone();
        let (kind, boots, world) = (self.kind, self.boots, self.world);
        self.one(Input::Reboot(record.clone()), |gate, _| {
            *gate = Gate::restore(identity(kind, boots), Timers::for_kind(kind), world, &record);
        });
    }

    /// Stands still, and is done with every task.
    pub(crate) fn end(&mut self) {
        self.set_world(World { standstill: true, condition_reached: true, ..START });
        while self.report_task(2) {}
    }
}
