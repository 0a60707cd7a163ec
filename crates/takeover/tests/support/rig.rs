//! A gate with a monitor, a holder and a clock that a test moves by hand.

use std::time::Duration;
use uuid::Uuid;
use watchkeeper_model::{
    AgentId, AgentKind, AgentTime, BootId, CommandArgs, CommandCode, CommandId, CommandKind, CommandState,
    ControlState, DemandId, DemandOrigin, Epoch, FallbackLevel, Incarnation, Latch, LatchCause,
    QuestionPolicy, SceneId, Setpoint, StateVersion, TaskVerb,
};
use watchkeeper_takeover::{
    Answer, Directive, Gate, GateAck, GateCommand, GateOutput, HolderBeat, Identity, Mode, NewDemand,
    Question, Task, Timers, Welcome, World,
};

pub(crate) const BOOT: BootId = BootId(Uuid::from_u128(0xb007));
pub(crate) const OTHER_BOOT: BootId = BootId(Uuid::from_u128(0xdead));
pub(crate) const DRIVING: World = World {
    standstill: false,
    stable: true,
    progressing: Some(true),
    condition_reached: false,
    can_resume: true,
    local_override: false,
};
pub(crate) const STANDING: World = World { standstill: true, condition_reached: true, ..DRIVING };

pub(crate) fn identity(kind: AgentKind) -> Identity {
    let agent = AgentId::new("truck-1").expect("the id is well formed");
    let tasks = TaskVerb::ALL.iter().copied().filter(|verb| verb.is_for(kind)).collect();
    Identity { agent, kind, boot_id: BOOT, tasks }
}

pub(crate) struct Rig {
    pub(crate) gate: Gate,
    pub(crate) now: AgentTime,
    pub(crate) acks: Vec<GateAck>,
    pub(crate) answers: Vec<Answer>,
    /// What its own software was told to do, and to leave.
    pub(crate) tasks: Vec<Task>,
    pub(crate) tasks_over: Vec<CommandId>,
    pub(crate) epoch: Epoch,
    pub(crate) seq: u64,
    pub(crate) beat_seq: u64,
    pub(crate) reports: u64,
    /// What the monitor says of the latency with each heartbeat.
    pub(crate) latency: Option<Duration>,
    ids: u128,
}

/// What one console has of its lease.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seat {
    pub(crate) epoch: Epoch,
    pub(crate) seq: u64,
    pub(crate) beat_seq: u64,
}

/// A command as a test writes it; `Rig::order` fills in what a well-behaved holder sends.
#[derive(Clone, Debug)]
pub(crate) struct Order {
    pub(crate) id: CommandId,
    pub(crate) boot_id: BootId,
    pub(crate) kind: CommandKind,
    pub(crate) args: CommandArgs,
    pub(crate) epoch: Epoch,
    pub(crate) seq: u64,
    pub(crate) deadline: AgentTime,
    pub(crate) expect_state: Option<ControlState>,
    pub(crate) evidence_version: Option<StateVersion>,
}

impl Rig {
    pub(crate) fn around(gate: Gate) -> Self {
        let now = AgentTime::from_nanos(1_000_000_000);
        let epoch = gate.highest_epoch();
        Self {
            gate,
            now,
            acks: Vec::new(),
            answers: Vec::new(),
            tasks: Vec::new(),
            tasks_over: Vec::new(),
            epoch,
            seq: 0,
            beat_seq: 0,
            reports: 0,
            latency: None,
            ids: 0,
        }
    }

    /// An autonomous vehicle, reconciled with its monitor.
    pub(crate) fn vehicle() -> Self {
        let timers = Timers::for_kind(AgentKind::Vehicle);
        let mut rig = Self::around(Gate::new(identity(AgentKind::Vehicle), timers, DRIVING));
        rig.world(DRIVING);
        assert!(rig.welcome(1, &[], true));
        rig.wait(200);
        rig
    }

    /// A vehicle that somebody is about to take over, or has.
    pub(crate) fn in_state(state: ControlState) -> Self {
        let mut rig = Self::vehicle();
        match state {
            ControlState::Autonomous => {}
            ControlState::Requested => rig.demand(DemandOrigin::Monitor),
            ControlState::Claimed => {
                rig.demand(DemandOrigin::Monitor);
                rig.claim();
            }
            ControlState::InTransition => {
                rig = Self::in_state(ControlState::Claimed);
                rig.engage();
            }
            ControlState::Human => {
                rig = Self::in_state(ControlState::InTransition);
                rig.send(CommandKind::Assume);
                // His hands are off the controls.
                rig.beat(true);
            }
            ControlState::Returning => {
                rig = Self::in_state(ControlState::Human);
                rig.world(World { stable: false, ..DRIVING });
                rig.send(CommandKind::HandBack);
            }
            ControlState::Fallback => {
                rig.gate.handle_minimal_risk_request(FallbackLevel::COMFORTABLE, rig.now);
            }
            ControlState::SafeHeld => {
                rig = Self::in_state(ControlState::Fallback);
                rig.world(STANDING);
            }
            ControlState::Estopped => {
                rig.send(CommandKind::Estop);
            }
            ControlState::AssistPending => {
                rig.ask(QuestionPolicy::Optional);
            }
            ControlState::FallbackFailed => {
                rig.gate.handle_minimal_risk_request(FallbackLevel::EMERGENCY, rig.now);
                rig.world(World { progressing: Some(false), ..DRIVING });
                rig.wait(800);
            }
            ControlState::Local => rig.world(World { local_override: true, ..DRIVING }),
            ControlState::OutOfService => {
                rig = Self::in_state(ControlState::SafeHeld);
                rig.send_alone(CommandKind::Suspend);
            }
        }
        rig.drain();
        assert_eq!(rig.gate.state(), state);
        rig
    }

    pub(crate) fn state(&self) -> ControlState {
        self.gate.state()
    }

    pub(crate) fn mode(&self) -> Mode {
        let Directive { mode, .. } = self.gate.directive();
        mode
    }

    pub(crate) fn at(&self, millis: u64) -> AgentTime {
        self.now.after(Duration::from_millis(millis))
    }

    /// Lets time pass the way a shell does: each timer is handled when it is due.
    pub(crate) fn wait(&mut self, millis: u64) {
        let until = self.at(millis);
        while let Some(due) = self.gate.poll_timeout().filter(|due| *due <= until) {
            self.now = self.now.max(due);
            self.gate.handle_timeout(self.now);
            let next = self.gate.poll_timeout();
            assert!(next.is_none_or(|next| next > self.now), "a timer that is due stays due");
        }
        self.now = until;
        self.gate.handle_timeout(until);
        self.drain();
    }

    /// Lets time pass while the holder's heartbeats come.
    pub(crate) fn wait_holding(&mut self, millis: u64) {
        for _ in 0..millis / 100 {
            self.beat(true);
            self.wait(100);
        }
    }

    pub(crate) fn world(&mut self, world: World) {
        self.gate.handle_world(world, self.now);
        self.drain();
    }

    pub(crate) fn welcome(&mut self, incarnation: u64, latches: &[Latch], lease_live: bool) -> bool {
        let welcome = Welcome { incarnation: Incarnation(incarnation), epoch: Epoch(0), latches, lease_live };
        let leads = self.gate.handle_welcome(&welcome, self.now);
        self.drain();
        leads
    }

    pub(crate) fn demand(&mut self, origin: DemandOrigin) {
        self.ids += 1;
        let demand_id = DemandId(u64::try_from(self.ids).expect("a test makes few ids"));
        let left = Duration::from_secs(10);
        self.gate.handle_demand(NewDemand { demand_id, origin, critical: false, left }, self.now);
    }

    /// Asks a question with three options; the last one is its default.
    pub(crate) fn ask(&mut self, policy: QuestionPolicy) -> SceneId {
        self.ids += 1;
        let scene_id = SceneId(u64::try_from(self.ids).expect("a test makes few ids"));
        let question = Question { scene_id, options: 3, default: 2, policy };
        self.gate.handle_question(question, self.now).expect("the question is taken");
        self.drain();
        scene_id
    }

    pub(crate) fn decide(&mut self, scene_id: SceneId, option: u8) -> CommandId {
        let mut order = self.alone(CommandKind::Decide);
        (order.args.scene_id, order.args.option) = (Some(scene_id), Some(option));
        self.give(&order)
    }

    /// An order under an epoch of its own, as the monitor mints it.
    pub(crate) fn alone(&mut self, kind: CommandKind) -> Order {
        Order { epoch: self.gate.highest_epoch().next(), ..self.order(kind) }
    }

    pub(crate) fn send_alone(&mut self, kind: CommandKind) -> CommandId {
        let order = self.alone(kind);
        self.give(&order)
    }

    pub(crate) fn open_demand(&self) -> DemandId {
        self.gate.demand(self.now).expect("a demand is open").0
    }

    /// Sits down at the other console, and returns the seat left.
    pub(crate) fn change_seat(&mut self, seat: Seat) -> Seat {
        let left = Seat { epoch: self.epoch, seq: self.seq, beat_seq: self.beat_seq };
        (self.epoch, self.seq, self.beat_seq) = (seat.epoch, seat.seq, seat.beat_seq);
        left
    }

    /// Grants the next epoch and sends the new holder's first heartbeat.
    pub(crate) fn claim(&mut self) {
        self.epoch = self.gate.highest_epoch().next();
        self.gate.handle_grant(self.epoch, BOOT, self.now);
        (self.seq, self.beat_seq) = (0, 0);
        self.beat(true);
    }

    pub(crate) fn beat(&mut self, ready: bool) {
        self.send_beat(ready, None);
    }

    /// A heartbeat with what the hands want.
    pub(crate) fn steer(&mut self, steer: f64, accelerate: f64) {
        self.send_beat(true, Some(Setpoint { steer, accelerate }));
    }

    fn send_beat(&mut self, ready: bool, setpoint: Option<Setpoint>) {
        self.beat_seq += 1;
        let (epoch, seq, deadline) = (self.epoch, self.beat_seq, self.at(500));
        self.take_beat(HolderBeat { epoch, seq, ready, deadline, setpoint, latency: self.latency });
    }

    pub(crate) fn take_beat(&mut self, beat: HolderBeat) {
        self.gate.handle_holder(beat, self.now);
        self.drain();
    }

    pub(crate) fn engage(&mut self) -> CommandId {
        let mut order = self.order(CommandKind::Engage);
        order.args.latches = self.gate.latches().iter().map(|latch| latch.latch_id).collect();
        self.give(&order)
    }

    pub(crate) fn clear(&mut self, cause: LatchCause) -> CommandId {
        let latch = self.gate.latches().iter().find(|latch| latch.cause == cause).copied();
        let mut order = self.alone(CommandKind::ClearLatch);
        order.args.latch_id = latch.map(|latch| latch.latch_id);
        self.give(&order)
    }

    pub(crate) fn order(&mut self, kind: CommandKind) -> Order {
        self.ids += 1;
        self.seq += 1;
        Order {
            id: CommandId(Uuid::from_u128(self.ids)),
            boot_id: BOOT,
            kind,
            args: CommandArgs::default(),
            epoch: self.epoch,
            seq: self.seq,
            deadline: self.at(400),
            expect_state: None,
            evidence_version: None,
        }
    }

    /// An order of somebody who holds no lease.
    pub(crate) fn stranger(&mut self, kind: CommandKind) -> Order {
        Order { epoch: Epoch(0), seq: 0, ..self.order(kind) }
    }

    pub(crate) fn give(&mut self, order: &Order) -> CommandId {
        self.give_untold(order);
        self.drain();
        order.id
    }

    /// Gives an order, and does not ask yet what became of it.
    pub(crate) fn give_untold(&mut self, order: &Order) {
        let command = GateCommand {
            command_id: order.id,
            boot_id: order.boot_id,
            kind: order.kind,
            args: &order.args,
            epoch: order.epoch,
            seq: order.seq,
            deadline: order.deadline,
            evidence_version: order.evidence_version,
            expect_state: order.expect_state,
        };
        self.gate.handle_command(&command, self.now);
    }

    pub(crate) fn send(&mut self, kind: CommandKind) -> CommandId {
        let order = self.order(kind);
        self.give(&order)
    }

    /// What became of a command, all of it.
    pub(crate) fn life(&self, id: CommandId) -> Vec<CommandState> {
        self.acks.iter().filter(|ack| ack.command_id == id).map(|ack| ack.state).collect()
    }

    pub(crate) fn code(&self, id: CommandId) -> Option<CommandCode> {
        self.acks.iter().rev().find(|ack| ack.command_id == id).and_then(|ack| ack.code)
    }

    /// What was last said of a command, in words.
    pub(crate) fn detail(&self, id: CommandId) -> Option<&'static str> {
        self.acks.iter().rev().find(|ack| ack.command_id == id).and_then(|ack| ack.detail)
    }

    fn drain(&mut self) {
        while let Some(output) = self.gate.poll_output() {
            match output {
                GateOutput::Ack(ack) => self.acks.push(ack),
                GateOutput::Report => self.reports += 1,
                GateOutput::Answer(answer) => self.answers.push(answer),
                GateOutput::Task(task) => self.tasks.push(task),
                GateOutput::TaskOver(command_id) => self.tasks_over.push(command_id),
            }
        }
    }
}
