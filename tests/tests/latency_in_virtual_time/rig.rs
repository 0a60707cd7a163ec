//! The real engine between the SDK's real cores of a vehicle and of a console, with four ways of any length between
//! them. Time moves in steps of a millisecond, and each party has a clock of its own.

use bytes::Bytes;
use std::{collections::VecDeque, time::Duration};
use uuid::Uuid;
use watchkeeper_client::{
    DriveLimits, Intent,
    agent::{AgentConfig, AgentCore, Recovered},
    operator::{OperatorConfig, OperatorCore},
};
use watchkeeper_engine::{Config, Engine, EngineInput, Framed, Opening, Output};
use watchkeeper_model::{
    AgentId, AgentKind, AgentTime, CommandArgs, CommandId, CommandKind, ControlState, Incarnation, Label,
    MonoTime, OperatorRole, PersonId, SessionId, SignalSpec,
};
use watchkeeper_picture::AgentPicture;
use watchkeeper_protocol::{
    FirstFrame, Hello, OperatorMessage, ToAgent, ToOperator, Wire,
    operator::{ConsoleKind, LeaseEvent, PathLatency},
    session::{Head, Pong},
};
use watchkeeper_takeover::{Timers, World};

/// 50 km/h.
pub(crate) const TOP_MPS: f64 = 50.0 / 3.6;
const STEP: Duration = Duration::from_millis(1);
/// A console that holds an agent draws and beats at 20 Hz.
const FRAME: Duration = Duration::from_millis(50);
const VEHICLE: SessionId = SessionId(1);
const CONSOLE: SessionId = SessionId(2);
const AGENT_AHEAD: Duration = Duration::from_secs(1_000);
const CONSOLE_AHEAD: Duration = Duration::from_secs(77);

pub(crate) fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// One direction of one connection: what is sent comes in order, so much later; while it is cut, nothing comes.
#[derive(Debug, Default)]
pub(crate) struct Way {
    pub(crate) delay: Duration,
    pub(crate) cut: bool,
    frames: VecDeque<(MonoTime, Bytes)>,
}

impl Way {
    fn send(&mut self, frame: Bytes, now: MonoTime) {
        let due = self.frames.back().map_or(now, |(last, _)| *last).max(now.after(self.delay));
        self.frames.push_back((due, frame));
    }

    fn has_arrived(&self, now: MonoTime) -> bool {
        !self.cut && self.frames.front().is_some_and(|(due, _)| *due <= now)
    }

    fn arrived(&mut self, now: MonoTime) -> Option<Bytes> {
        self.has_arrived(now).then(|| self.frames.pop_front()).flatten().map(|(_, frame)| frame)
    }
}

pub(crate) struct Rig {
    engine: Engine,
    pub(crate) agent: AgentCore,
    pub(crate) console: OperatorCore,
    pub(crate) now: MonoTime,
    inputs: u64,
    /// Console to monitor, monitor to console.
    pub(crate) up: Way,
    pub(crate) down: Way,
    /// Monitor to vehicle, vehicle to monitor.
    pub(crate) to_vehicle: Way,
    pub(crate) from_vehicle: Way,
    frame_at: MonoTime,
    shown_at: MonoTime,
    /// How often a frame that shows what came is presented.
    pub(crate) shows_every: Duration,
    commands: u128,
    /// The vehicle answers no probes: it was made before there were any.
    pub(crate) knows_no_probes: bool,
    /// What the console was told of its path.
    pub(crate) probed: Vec<(MonoTime, PathLatency)>,
}

fn world() -> World {
    World {
        standstill: false,
        stable: true,
        progressing: Some(true),
        condition_reached: false,
        can_resume: true,
        local_override: false,
    }
}

impl Rig {
    /// A vehicle that obeys within `actuation`, and a console, with nothing between them.
    pub(crate) fn new(actuation: Duration, console: ConsoleKind) -> Self {
        let now = MonoTime::from_nanos(50_000_000_000);
        let opening = Opening {
            configuration: Config::default().to_toml(),
            seed: 1,
            incarnation: Incarnation(1),
            build: "test".to_owned(),
            inputs_before: 0,
            authority: Vec::new(),
            starting_authority: Vec::new(),
        };
        let config = AgentConfig {
            tasks: Vec::new(),
            agent: Self::vehicle(),
            kind: AgentKind::Vehicle,
            signals: vec![SignalSpec { name: Label::cut("speed"), unit: Label::cut("m/s") }],
            software_version: Label::default(),
            timers: Timers::for_kind(AgentKind::Vehicle),
            drive: Some(DriveLimits {
                top_speed_mps: TOP_MPS,
                actuation_nanos: actuation.as_nanos().try_into().unwrap(),
            }),
        };
        let agent_now = AgentTime::from_nanos(now.after(AGENT_AHEAD).as_nanos());
        let operator =
            OperatorConfig { person: PersonId::new("ada").unwrap(), role: OperatorRole::Operator, console };
        let mut rig = Self {
            engine: Engine::new(Config::default(), &opening, now),
            agent: AgentCore::new(config, &Recovered::Nothing, world(), [7; 32], agent_now),
            console: OperatorCore::new(operator),
            now,
            inputs: 0,
            up: Way::default(),
            down: Way::default(),
            to_vehicle: Way::default(),
            from_vehicle: Way::default(),
            frame_at: now,
            shown_at: now,
            shows_every: FRAME,
            commands: 0,
            knows_no_probes: false,
            probed: Vec::new(),
        };
        rig.agent.handle_connected(None, agent_now);
        rig.console.handle_connected(None, rig.console_now());
        rig.run(ms(300));
        assert!(rig.entry().status().settled);
        rig
    }

    /// The same; then these delays begin: console to monitor, monitor to vehicle, and back.
    pub(crate) fn apart(actuation: Duration, [up, to_vehicle, from_vehicle, down]: [u64; 4]) -> Self {
        let mut rig = Self::new(actuation, ConsoleKind::Scripted);
        rig.up.delay = ms(up);
        rig.to_vehicle.delay = ms(to_vehicle);
        rig.from_vehicle.delay = ms(from_vehicle);
        rig.down.delay = ms(down);
        rig.run(ms(3_000));
        rig
    }

    pub(crate) fn vehicle() -> AgentId {
        AgentId::new("vehicle-1").unwrap()
    }

    pub(crate) fn agent_now(&self) -> AgentTime {
        AgentTime::from_nanos(self.now.after(AGENT_AHEAD).as_nanos())
    }

    pub(crate) fn console_now(&self) -> MonoTime {
        self.now.after(CONSOLE_AHEAD)
    }

    pub(crate) fn entry(&self) -> &AgentPicture {
        self.console.picture().agent(&Self::vehicle()).unwrap()
    }

    pub(crate) fn state(&self) -> ControlState {
        self.agent.status(self.agent_now()).control_state
    }

    /// The cap in km/h.
    pub(crate) fn cap_kmh(&self) -> Option<f64> {
        self.agent.directive().speed_cap_mps.map(|cap| cap * 3.6)
    }

    pub(crate) fn act(&mut self, intent: Intent) -> CommandId {
        self.commands += 1;
        let id = CommandId(Uuid::from_u128(self.commands));
        let now = self.console_now();
        self.console.act(intent, id, now).unwrap();
        id
    }

    /// Claims; returns why not, or nothing.
    pub(crate) fn claim(&mut self) -> Option<String> {
        let before = self.now;
        self.act(Intent::Claim { agent: Self::vehicle() });
        self.run_until(ms(5_000), "an answer to the claim", |rig| {
            rig.refusal_since(before).is_some() || rig.claimed()
        });
        self.refusal_since(before)
    }

    fn claimed(&self) -> bool {
        self.console.picture().my_epoch(&Self::vehicle()).is_some() && self.state() == ControlState::Claimed
    }

    fn refusal_since(&self, before: MonoTime) -> Option<String> {
        let refusal = self.entry().refusal().filter(|told| told.received_at > before.after(CONSOLE_AHEAD))?;
        assert_eq!(refusal.value.event, LeaseEvent::Refused);
        Some(format!("{}: {}", refusal.value.code.unwrap(), refusal.value.detail.as_ref().unwrap()))
    }

    /// Engages; returns why not, or nothing.
    pub(crate) fn engage(&mut self) -> Option<String> {
        self.run(ms(1_500));
        let id = self.act(Intent::Engage { agent: Self::vehicle(), latches: Vec::new() });
        let answer = |rig: &Self| {
            let told =
                rig.console.picture().commands(&Self::vehicle()).find(|entry| entry.command_id == id)?;
            let code = told.code?;
            Some(format!("{code}: {}", told.detail.clone().unwrap_or_default()))
        };
        self.run_until(ms(5_000), "an answer to ENGAGE", |rig| {
            answer(rig).is_some() || rig.state() == ControlState::Human
        });
        answer(self)
    }

    /// Drives.
    pub(crate) fn take_over(&mut self) {
        assert_eq!(self.claim(), None);
        assert_eq!(self.engage(), None);
    }

    pub(crate) fn command(&mut self, kind: CommandKind) -> CommandId {
        self.act(Intent::Command { agent: Self::vehicle(), kind, args: CommandArgs::default() })
    }

    pub(crate) fn run(&mut self, span: Duration) {
        let end = self.now.after(span);
        while self.now < end {
            self.step();
        }
    }

    pub(crate) fn run_until(&mut self, limit: Duration, what: &str, done: impl Fn(&Self) -> bool) {
        let end = self.now.after(limit);
        while !done(self) {
            let status = self.entry().status();
            assert!(self.now < end, "{what} did not come within {limit:?}: {status:#?}");
            self.step();
        }
    }

    fn step(&mut self) {
        self.now = self.now.after(STEP);
        if self.engine.poll_timeout().is_some_and(|at| self.now >= at) {
            self.feed(EngineInput::Timeout);
        }
        // Until nothing more comes at this very moment: a way without a delay takes no time.
        while self.pass_frames() {}
    }

    fn pass_frames(&mut self) -> bool {
        let mut passed = false;
        while let Some(frame) = self.from_vehicle.arrived(self.now) {
            self.take_from_agent(frame);
            passed = true;
        }
        while let Some(frame) = self.up.arrived(self.now) {
            self.take_from_operator(frame);
            passed = true;
        }
        let input = self.inputs;
        self.feed(EngineInput::Durable { input, head: Head { sequence: input, hash: [7; 32] } });
        while let Some(frame) = self.to_vehicle.arrived(self.now) {
            let message = ToAgent::decode(&frame).unwrap();
            if !(self.knows_no_probes && matches!(message, ToAgent::Probe(_))) {
                let now = self.agent_now();
                self.agent.handle_message(&message, now);
            }
            passed = true;
        }
        while let Some(frame) = self.down.arrived(self.now) {
            self.tell_console(&frame);
            passed = true;
        }
        self.live();
        self.draw();
        let ways = [&self.up, &self.down, &self.to_vehicle, &self.from_vehicle];
        passed || ways.into_iter().any(|way| way.has_arrived(self.now))
    }

    /// The vehicle's own loop; its disk is at once.
    fn live(&mut self) {
        let now = self.agent_now();
        if self.agent.poll_timeout() <= now {
            self.agent.handle_timeout(now);
        }
        if self.now.as_nanos().is_multiple_of(20_000_000) {
            self.agent.handle_world(world(), now);
        }
        while self.agent.poll_record().is_some() {
            self.agent.handle_persisted();
        }
        while let Some(frame) = self.agent.poll_transmit(now) {
            self.from_vehicle.send(frame, self.now);
        }
    }

    /// The console's own loop.
    fn draw(&mut self) {
        let now = self.console_now();
        if self.now >= self.shown_at.after(self.shows_every) {
            self.shown_at = self.now;
            self.console.presented(&[], now);
        }
        if self.now >= self.frame_at {
            self.frame_at = self.now.after(FRAME);
            self.console.heartbeat(true, now);
            for agent in self.console.assume_due() {
                self.act(Intent::Command { agent, kind: CommandKind::Assume, args: CommandArgs::default() });
            }
        }
        while let Some(frame) = self.console.poll_transmit() {
            self.up.send(frame, self.now);
        }
    }

    fn tell_console(&mut self, frame: &Bytes) {
        let (message, now) = (ToOperator::decode(frame).unwrap(), self.console_now());
        if let ToOperator::Ping(ping) = &message {
            let pong = Pong {
                sent_nanos: ping.sent_nanos,
                received_nanos: now.as_nanos(),
                answered_nanos: now.as_nanos(),
            };
            self.up.send(OperatorMessage::Pong(pong).encode(), self.now);
        }
        if let ToOperator::Probed(answer) = &message {
            self.probed.push((self.now, answer.clone()));
        }
        self.console.handle_message(&message, now);
    }

    fn take_from_agent(&mut self, frame: Bytes) {
        let (session, received_at) = (VEHICLE, self.now);
        if let Ok(Hello::Agent(hello)) = FirstFrame::decode(&frame) {
            self.feed(EngineInput::AgentConnected { session, hello });
        } else {
            let framed = Framed::decode(frame).unwrap();
            self.feed(EngineInput::Agent { session, received_at, framed });
        }
    }

    fn take_from_operator(&mut self, frame: Bytes) {
        let (session, received_at) = (CONSOLE, self.now);
        if let Ok(Hello::Operator(hello)) = FirstFrame::decode(&frame) {
            self.feed(EngineInput::OperatorConnected { session, hello, access: None });
        } else {
            let framed = Framed::decode(frame).unwrap();
            self.feed(EngineInput::Operator { session, received_at, framed });
        }
    }

    fn feed(&mut self, input: EngineInput) {
        self.inputs += 1;
        self.engine.handle(input, self.now);
        while let Some(output) = self.engine.poll_output() {
            let frame = output.encode();
            match output {
                Output::ToAgent { .. } => self.to_vehicle.send(frame.unwrap(), self.now),
                Output::ToOperators { .. } => self.down.send(frame.unwrap(), self.now),
                Output::Close { report, .. } => panic!("closed: {report:?}"),
                Output::Derived(_) => {}
            }
        }
    }
}
