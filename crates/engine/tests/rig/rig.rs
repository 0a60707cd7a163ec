//! One engine, one vehicle with the real gate, some consoles; time moves in steps of 5 ms.

mod decisions;
mod heard;
mod people;
pub(crate) mod shift;
mod software;

use decisions::Doing;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;
use watchkeeper_engine::{
    Config, Derived, Engine, EngineInput, Framed, Opening, Output, OutputDigest, StageSpan,
};
use watchkeeper_model::{
    AgentId, AgentKind, AgentTime, BootId, CommandId, ControlState, Epoch, Incarnation, Label, MonoTime,
    Note, OperatorRole, PlanPoint, SessionId, Setpoint, SignalSpec, TaskVerb,
};
use watchkeeper_protocol::{
    AgentMessage, OperatorMessage, ToAgent, ToOperator,
    agent::{AgentHello, CommandAck, Heartbeat, PathAnswer},
    operator::{CommandUpdate, ConsoleKind, HolderReport, LeaseEvent, LeaseUpdate},
    record::{Page, TakeoverRecord},
    session::{ErrorReport, Head, Pong, SessionKind},
};
use watchkeeper_takeover::{
    Answer, Gate, GateCommand, GateOutput, HolderBeat, Identity, NewDemand, Task, Timers, Welcome, World,
};

/// Returns so many milliseconds.
pub(crate) fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// A vehicle and one operator, and nothing to tell.
pub(crate) fn calm() -> Rig {
    let mut rig = Rig::new();
    rig.connect_vehicle();
    rig.connect_operator(1, "ada", OperatorRole::Operator);
    rig.run(ms(500));
    rig
}

/// A vehicle whose confidence is gone, an operator, and the demand that follows.
pub(crate) fn with_demand() -> Rig {
    let mut rig = calm();
    rig.confidence = 0.05;
    rig.run_until(ms(10_000), |rig| rig.state() == ControlState::Requested);
    rig
}

pub(crate) const VEHICLE: &str = "vehicle-1";
const STEP: Duration = Duration::from_millis(5);
/// The vehicle's clock is this far ahead of the monitor's.
const SKEW: Duration = Duration::from_secs(1_000);
const VEHICLE_SESSION: u64 = 1_000;

pub(crate) struct Rig {
    engine: Engine,
    config: Config,
    pub(crate) inputs: Vec<(EngineInput, MonoTime)>,
    digest: OutputDigest,
    now: MonoTime,
    kind: AgentKind,
    boot: BootId,
    pub(crate) gate: Gate,
    /// How questions of the vehicle ended.
    pub(crate) answers: Vec<Answer>,
    /// How long people's commands are good for.
    pub(crate) ttl: Duration,
    /// Every command on its way to the vehicle, heard or not.
    pub(crate) sent: Vec<(CommandId, MonoTime)>,
    /// The tasks that its software was given and has not finished.
    pub(crate) tasks: Vec<Task>,
    session: Option<SessionId>,
    sessions: u64,
    heartbeat_at: MonoTime,
    decision_at: MonoTime,
    pub(crate) seq: u64,
    pub(crate) speed: f64,
    /// What its decisions say beside that.
    pub(crate) doing: Doing,
    /// The vehicle's messages take so much longer.
    pub(crate) late_nanos: u64,
    pub(crate) confidence: f64,
    pub(crate) standstill: bool,
    pub(crate) stable: bool,
    pub(crate) can_resume: bool,
    /// It does not slow down, whatever it is told.
    pub(crate) stuck: bool,
    /// Somebody sits in the vehicle.
    pub(crate) local: bool,
    pub(crate) disk_works: bool,
    pub(crate) decides: bool,
    /// The vehicle's messages get lost.
    pub(crate) mute: bool,
    /// What the vehicle is told gets lost.
    pub(crate) deaf: bool,
    pub(crate) closed: Vec<SessionId>,
    pub(crate) holder_beats: bool,
    /// What kind of console connects next.
    pub(crate) console_kind: ConsoleKind,
    /// Where the vehicle means to go.
    pub(crate) plan: Vec<PlanPoint>,
    /// What the holder's hands want.
    pub(crate) hands: Option<Setpoint>,
    pub(crate) next_beats: bool,
    holder: Option<(u64, Epoch)>,
    next: Option<(u64, Epoch)>,
    holder_seq: u64,
    command_seq: u64,
    beat_at: MonoTime,
    consoles: BTreeMap<u64, Vec<ToOperator>>,
    pub(crate) leases: Vec<LeaseUpdate>,
    pub(crate) takeovers: Vec<TakeoverRecord>,
    pub(crate) pages: Vec<Page>,
    pub(crate) errors: Vec<ErrorReport>,
    pub(crate) spans: Vec<StageSpan>,
    commands: BTreeMap<CommandId, CommandUpdate>,
    next_command: u128,
}

fn opening(config: &Config) -> Opening {
    Opening {
        configuration: config.to_toml(),
        seed: 1,
        incarnation: Incarnation(1),
        build: "test".to_owned(),
        inputs_before: 0,
        authority: Vec::new(),
        starting_authority: Vec::new(),
    }
}

fn head(sequence: u64) -> Head {
    Head { sequence, hash: [7; 32] }
}

/// Everything that agents of this kind can be told.
fn tasks_of(kind: AgentKind) -> Vec<TaskVerb> {
    TaskVerb::ALL.iter().copied().filter(|verb| verb.is_for(kind)).collect()
}

fn first_gate(kind: AgentKind, boot_id: BootId) -> Gate {
    let identity = Identity { agent: AgentId::new(VEHICLE).unwrap(), kind, boot_id, tasks: tasks_of(kind) };
    let world = World {
        standstill: false,
        stable: true,
        progressing: Some(true),
        condition_reached: false,
        can_resume: true,
        local_override: false,
    };
    Gate::new(identity, Timers::for_kind(kind), world)
}

fn start() -> MonoTime {
    MonoTime::from_nanos(50_000_000_000)
}

impl Rig {
    pub(crate) fn new() -> Self {
        Self::of(AgentKind::Vehicle, Config::default())
    }

    /// The same with another kind of agent in the vehicle's place, or another configuration.
    pub(crate) fn of(kind: AgentKind, config: Config) -> Self {
        Self {
            kind,
            engine: Engine::new(config.clone(), &opening(&config), start()),
            config,
            inputs: Vec::new(),
            digest: OutputDigest::default(),
            now: start(),
            boot: BootId(Uuid::from_u128(42)),
            gate: first_gate(kind, BootId(Uuid::from_u128(42))),
            answers: Vec::new(),
            tasks: Vec::new(),
            sent: Vec::new(),
            ttl: Duration::from_secs(2),
            session: None,
            sessions: VEHICLE_SESSION,
            heartbeat_at: start(),
            decision_at: start(),
            seq: 0,
            speed: 13.0,
            doing: Doing::default(),
            late_nanos: 0,
            confidence: 0.95,
            standstill: false,
            stable: true,
            can_resume: true,
            stuck: false,
            local: false,
            disk_works: true,
            decides: true,
            mute: false,
            deaf: false,
            closed: Vec::new(),
            holder_beats: true,
            console_kind: ConsoleKind::Scripted,
            plan: Vec::new(),
            hands: None,
            next_beats: true,
            holder: None,
            next: None,
            holder_seq: 0,
            command_seq: 0,
            beat_at: start(),
            consoles: BTreeMap::new(),
            leases: Vec::new(),
            takeovers: Vec::new(),
            pages: Vec::new(),
            errors: Vec::new(),
            spans: Vec::new(),
            commands: BTreeMap::new(),
            next_command: 1,
        }
    }

    fn agent_now(&self) -> AgentTime {
        AgentTime::from_nanos(self.now.after(SKEW).as_nanos())
    }

    /// Feeds one input and carries out what comes of it.
    fn feed(&mut self, input: EngineInput) {
        self.inputs.push((input.clone(), self.now));
        self.engine.handle(input, self.now);
        self.spans.extend(std::iter::from_fn(|| self.engine.poll_stage_span()));
        while let Some(output) = self.engine.poll_output() {
            self.digest.update(&output, output.encode().as_ref());
            if let Output::ToAgent { message, .. } = &output
                && let ToAgent::Command(command) = &**message
            {
                self.sent.push((command.command_id, self.now));
            }
            match output {
                Output::ToAgent { session, message } if Some(session) == self.session && !self.deaf => {
                    self.tell_vehicle(*message);
                }
                Output::ToAgent { .. } | Output::Derived(Derived::Authority(_)) => {}
                Output::Close { session, .. } => self.closed.push(session),
                Output::ToOperators { to, message } => {
                    for session in to.iter() {
                        self.consoles.entry(session.0).or_default().push((*message).clone());
                        if matches!(*message, ToOperator::Ping(_)) {
                            self.answer_pings(session.0);
                        }
                    }
                    self.look(Arc::unwrap_or_clone(message));
                }
                Output::Derived(Derived::Takeover(record)) => self.takeovers.push(*record),
                Output::Derived(Derived::Page(page)) => self.pages.push(*page),
            }
        }
    }

    /// Keeps what the tests ask for.
    fn look(&mut self, message: ToOperator) {
        match message {
            ToOperator::Lease(lease) => {
                match lease.event {
                    LeaseEvent::Granted => {
                        let seat = Some((lease.session_id.0, lease.epoch));
                        if self.holder.is_none() { self.holder = seat } else { self.next = seat }
                    }
                    LeaseEvent::Ended if self.next.is_some_and(|(_, epoch)| epoch == lease.epoch) => {
                        self.next = None;
                    }
                    LeaseEvent::Ended => self.holder = self.next.take(),
                    LeaseEvent::Refused | LeaseEvent::HandoverRequested | LeaseEvent::HandoverRefused => {}
                }
                self.leases.push(lease);
            }
            ToOperator::CommandStatus(update) => {
                self.commands.insert(update.command_id, update);
            }
            ToOperator::Error(error) => self.errors.push(error),
            ToOperator::Welcome(_)
            | ToOperator::Snapshot(_)
            | ToOperator::Alert(_)
            | ToOperator::ControlStatus(_)
            | ToOperator::Telemetry(_)
            | ToOperator::Takeover(_)
            | ToOperator::Roster(_)
            | ToOperator::Dropped(_)
            | ToOperator::Health(_)
            | ToOperator::Ping(_)
            | ToOperator::Head(_)
            | ToOperator::Probed(_)
            | ToOperator::Access(_) => {}
        }
    }

    fn tell_vehicle(&mut self, message: ToAgent) {
        let now = self.agent_now();
        match message {
            ToAgent::Welcome(welcome) => {
                let led = self.gate.handle_welcome(
                    &Welcome {
                        incarnation: welcome.incarnation,
                        epoch: welcome.epoch,
                        latches: &welcome.latches,
                        lease_live: welcome.lease_live,
                    },
                    now,
                );
                assert!(led);
            }
            ToAgent::Demand(demand) => self.gate.handle_demand(
                NewDemand {
                    demand_id: demand.demand_id,
                    origin: demand.origin,
                    critical: demand.critical,
                    left: Duration::from_nanos(demand.left_nanos),
                },
                now,
            ),
            ToAgent::DemandEnd(end) => self.gate.handle_demand_end(end.demand_id, end.outcome, now),
            ToAgent::Grant(grant) => self.gate.handle_grant(grant.epoch, grant.boot_id, now),
            ToAgent::Void(void) => self.gate.handle_void(void.epoch, now),
            ToAgent::Holder(beat) => self.gate.handle_holder(
                HolderBeat {
                    epoch: beat.epoch,
                    seq: beat.seq,
                    ready: beat.ready,
                    deadline: beat.deadline,
                    setpoint: beat.setpoint,
                    latency: beat.latency_nanos.map(Duration::from_nanos),
                },
                now,
            ),
            ToAgent::Command(command) => self.gate.handle_command(
                &GateCommand {
                    command_id: command.command_id,
                    boot_id: command.boot_id,
                    kind: command.kind,
                    args: &command.args,
                    epoch: command.epoch,
                    seq: command.seq,
                    deadline: command.deadline,
                    evidence_version: command.evidence_version,
                    expect_state: command.expect_state,
                },
                now,
            ),
            ToAgent::Ping(ping) => {
                let nanos = self.agent_now().as_nanos();
                self.send_agent(AgentMessage::Pong(Pong {
                    sent_nanos: ping.sent_nanos,
                    received_nanos: nanos,
                    answered_nanos: nanos,
                }));
            }
            ToAgent::Probe(probe) => self.send_agent(AgentMessage::Probed(PathAnswer {
                session_id: probe.session_id,
                seq: probe.seq,
                received: now,
                answered: now,
                latency_cap_mps: self.gate.latency_cap_mps(),
            })),
            ToAgent::Durable(_) | ToAgent::Head(_) | ToAgent::Error(_) => {}
        }
        self.drain_gate();
    }

    fn drain_gate(&mut self) {
        while let Some(output) = self.gate.poll_output() {
            match output {
                GateOutput::Report => self.heartbeat(),
                GateOutput::Answer(answer) => self.answers.push(answer),
                GateOutput::Task(task) => self.tasks.push(task),
                GateOutput::TaskOver(command_id) => self.tasks.retain(|task| task.command_id != command_id),
                GateOutput::Ack(ack) => self.send_agent(AgentMessage::Ack(CommandAck {
                    command_id: ack.command_id,
                    state: ack.state,
                    code: ack.code,
                    percent: ack.percent,
                    at: ack.at,
                    detail: ack.detail.map(Note::cut),
                })),
            }
        }
    }

    fn send_agent(&mut self, message: AgentMessage) {
        let Some(session) = self.session.filter(|_| !self.mute) else { return };
        let framed = Framed::new(message);
        self.feed(EngineInput::Agent { session, received_at: self.now, framed });
    }

    fn heartbeat(&mut self) {
        let now = self.agent_now();
        let world = self.gate.world();
        self.heartbeat_at = self.now.after(Duration::from_millis(100));
        self.send_agent(AgentMessage::Heartbeat(Heartbeat {
            boot_id: self.boot,
            now,
            control_state: self.gate.state(),
            state_version: self.gate.state_version(),
            transition_from: self.gate.transition_from(),
            fallback_level: self.gate.fallback_level(),
            fallback_cause: self.gate.fallback_cause(),
            scenes: self.gate.questions(now).map(|(question, _)| question.scene_id).collect(),
            demand_id: self.gate.demand(now).map(|(id, _)| id),
            demand_left_nanos: self.gate.demand(now).map(|(_, left)| left.as_nanos().try_into().unwrap()),
            epoch: self.gate.epoch(),
            latches: self.gate.latches().to_vec(),
            stable: world.stable,
            condition_reached: world.condition_reached,
            can_resume: world.can_resume,
            local_override: world.local_override,
            unverified: self.gate.is_unverified(),
            manual: self.gate.is_manual(),
            neutral: self.gate.is_neutral(),
        }));
    }

    pub(crate) fn connect_vehicle(&mut self) {
        self.sessions += 1;
        let session = SessionId(self.sessions);
        self.session = Some(session);
        let hello = AgentHello {
            tasks: self.gate.identity().tasks.clone(),
            session: SessionKind::Agent,
            token: None,
            agent: AgentId::new(VEHICLE).unwrap(),
            kind: self.kind,
            signals: self.doing.specs(),
            boot_id: self.boot,
            clean_shutdown: true,
            highest_epoch: self.gate.highest_epoch(),
            highest_incarnation: self.gate.highest_incarnation(),
            latches: self.gate.latches().to_vec(),
            control_state: self.gate.state(),
            software_version: Label::cut("rig"),
            drive: None,
        };
        self.feed(EngineInput::AgentConnected { session, hello });
    }

    /// The monitor is gone and a new one is there: the vehicle connects again, and consoles may.
    pub(crate) fn restart_monitor(&mut self) {
        let opening = Opening { incarnation: Incarnation(2), ..opening(&self.config) };
        self.engine = Engine::new(self.config.clone(), &opening, self.now);
        self.gate.handle_link_lost(self.agent_now());
        (self.holder, self.next) = (None, None);
        self.consoles.clear();
        self.inputs.clear();
        self.connect_vehicle();
    }

    pub(crate) fn disconnect_vehicle(&mut self) {
        let session = self.session.take().unwrap();
        self.gate.handle_link_lost(self.agent_now());
        self.feed(EngineInput::Disconnected { session });
    }

    pub(crate) fn reboot_vehicle_without_memory(&mut self) {
        self.boot = BootId(Uuid::from_u128(43));
        self.gate = first_gate(self.kind, self.boot);
    }

    /// An agent that says hello and nothing more.
    pub(crate) fn connect_bystander(&mut self, name: &str) {
        self.connect_with_epoch(name, 0);
    }

    pub(crate) fn connect_with_epoch(&mut self, name: &str, epoch: u64) {
        self.sessions += 1;
        let signals = (0..16)
            .map(|n| SignalSpec { name: Label::cut(&format!("signal-{n}")), unit: Label::cut("m") })
            .collect();
        let hello = AgentHello {
            signals,
            highest_epoch: Epoch(epoch),
            ..AgentHello::first(
                AgentId::new(name).unwrap(),
                AgentKind::Generic,
                BootId(Uuid::from_u128(self.sessions.into())),
                Label::cut("rig"),
            )
        };
        self.feed(EngineInput::AgentConnected { session: SessionId(self.sessions), hello });
    }

    /// Lets time pass in steps.
    pub(crate) fn run(&mut self, span: Duration) {
        let end = self.now.after(span);
        while self.now < end {
            self.step();
        }
    }

    pub(crate) fn run_until(&mut self, limit: Duration, done: impl Fn(&Self) -> bool) {
        let end = self.now.after(limit);
        while !done(self) {
            assert!(self.now < end, "did not happen within {limit:?}; state {}", self.state());
            self.step();
        }
    }

    fn step(&mut self) {
        self.now = self.now.after(STEP);
        let now = self.agent_now();
        let world = World {
            standstill: self.standstill,
            condition_reached: self.standstill,
            stable: self.stable,
            can_resume: self.can_resume,
            progressing: Some(!self.stuck),
            local_override: self.local,
        };
        self.gate.handle_world(world, now);
        self.drain_gate();
        if self.now >= self.heartbeat_at {
            self.heartbeat();
        }
        if self.decides && self.now >= self.decision_at && self.gate.state() != ControlState::Estopped {
            self.decide();
        }
        if self.now >= self.beat_at {
            self.beat_at = self.now.after(Duration::from_millis(50));
            if let Some((session, epoch)) = self.holder.filter(|_| self.holder_beats) {
                self.beat(session, epoch, self.hands);
            }
            if let Some((session, epoch)) = self.next.filter(|_| self.next_beats) {
                self.beat(session, epoch, None);
            }
        }
        if self.engine.poll_timeout().is_some_and(|at| self.now >= at) {
            self.feed(EngineInput::Timeout);
        }
        if self.disk_works {
            let input = self.inputs.len() as u64;
            self.feed(EngineInput::Durable { input, head: head(input) });
        }
    }

    /// The monitor's process stands still; the first that it hears of afterwards is what the disk has written.
    pub(crate) fn stand_still(&mut self, span: Duration) {
        self.now = self.now.after(span);
        let input = self.inputs.len() as u64;
        self.feed(EngineInput::Durable { input, head: head(input) });
    }

    fn beat(&mut self, session: u64, epoch: Epoch, setpoint: Option<Setpoint>) {
        self.holder_seq += 1;
        let report = HolderReport {
            agent: AgentId::new(VEHICLE).unwrap(),
            epoch,
            seq: self.holder_seq,
            ready: true,
            state_version: self.gate.state_version(),
            deadline: self.agent_now().after(Duration::from_millis(500)),
            setpoint,
        };
        self.send_operator(session, OperatorMessage::Heartbeat(report));
    }

    /// The clock of the monitor, which the consoles share.
    pub(crate) fn nanos(&self) -> u64 {
        self.now.as_nanos()
    }

    pub(crate) fn digest(&self) -> [u8; 32] {
        self.digest.value()
    }

    /// Feeds the same inputs, as the record would hold them, to a fresh engine.
    pub(crate) fn replay(&self) -> [u8; 32] {
        let opening = opening(&self.config);
        let mut engine = Engine::new(Config::parse(&opening.configuration).unwrap(), &opening, start());
        let mut digest = OutputDigest::default();
        for (input, now) in &self.inputs {
            let payload = rmp_serde::to_vec_named(input).unwrap();
            engine.handle(rmp_serde::from_slice(&payload).unwrap(), *now);
            while let Some(output) = engine.poll_output() {
                digest.update(&output, output.encode().as_ref());
            }
        }
        digest.value()
    }
}
