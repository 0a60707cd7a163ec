//! A monitor's engine with a hundred vehicles and ten consoles, all of them well.

use crate::{TIMES, vehicle};
use std::hint::black_box;
use watchkeeper_engine::{Config, Engine, EngineInput, Framed, Opening};
use watchkeeper_model::{Decision, Incarnation, MonoTime, OperatorRole, PersonId, SessionId};
use watchkeeper_protocol::{
    AgentMessage, OperatorMessage, ToAgent, ToOperator,
    operator::{ConsoleKind, OperatorHello},
    session::{Ping, Pong, SessionKind},
};

const VEHICLES: usize = TIMES;
const CONSOLES: u64 = 10;
/// Sessions of vehicles are numbered from here, those of consoles from 1.
const FIRST_VEHICLE: u64 = 1_000;
/// How many decisions each vehicle has made when counting begins.
const SETTLED: u64 = 20;
const CONFIG: &str =
    "[[detect.limits]]\nsignal = \"speed\"\nmax = 30.0\nseverity = \"warning\"\nresponse = \"advise\"\n";

pub(crate) struct Fleet {
    engine: Engine,
    now: MonoTime,
    /// How many decisions each vehicle has made.
    pub(crate) seq: u64,
    /// What the first console was told since somebody asked last.
    told: Vec<ToOperator>,
}

impl Fleet {
    pub(crate) fn settled() -> Self {
        let config = Config::parse(CONFIG).unwrap();
        let opening = Opening {
            configuration: config.to_toml(),
            seed: 1,
            incarnation: Incarnation(1),
            build: "micro".to_owned(),
            inputs_before: 0,
            authority: Vec::new(),
            starting_authority: Vec::new(),
        };
        let now = MonoTime::from_nanos(50_000_000_000);
        let mut fleet = Self { engine: Engine::new(config, &opening, now), now, seq: 0, told: Vec::new() };
        for index in 0..VEHICLES {
            let session = session_of(index);
            fleet.tell(EngineInput::AgentConnected { session, hello: vehicle::hello(index) });
        }
        for session in 1..=CONSOLES {
            let hello = OperatorHello {
                session: SessionKind::Operator,
                token: None,
                person: PersonId::new(&format!("person-{session}")).unwrap(),
                role: OperatorRole::Operator,
                console: ConsoleKind::Scripted,
                resume: None,
            };
            fleet.tell(EngineInput::OperatorConnected { session: SessionId(session), hello, access: None });
        }
        while fleet.seq < SETTLED {
            fleet.live();
        }
        fleet
    }

    /// A tenth of a second of the whole fleet.
    pub(crate) fn live(&mut self) {
        self.begin();
        for index in 0..VEHICLES {
            self.tell(self.heard(index, AgentMessage::Heartbeat(vehicle::heartbeat(index, self.seq))));
            self.tell(self.heard(index, AgentMessage::Decision(vehicle::decision(index, self.seq))));
        }
    }

    /// Lets the next tenth of a second begin.
    pub(crate) fn begin(&mut self) {
        self.seq += 1;
        self.now = MonoTime::from_nanos(self.now.as_nanos() + vehicle::PERIOD_NANOS);
        while self.engine.poll_timeout().is_some_and(|due| due <= self.now) {
            self.tell(EngineInput::Timeout);
        }
    }

    /// Returns the next decision of each vehicle, as `change` leaves it.
    pub(crate) fn decisions(&self, change: impl Fn(&mut Decision)) -> Vec<EngineInput> {
        let decided = (0..VEHICLES).map(|index| {
            let mut decision = vehicle::decision(index, self.seq);
            change(&mut decision);
            self.heard(index, AgentMessage::Decision(decision))
        });
        decided.collect()
    }

    /// Returns what comes in when this vehicle says this.
    pub(crate) fn heard(&self, index: usize, message: AgentMessage) -> EngineInput {
        let framed = Framed::new(message);
        EngineInput::Agent { session: session_of(index), received_at: self.now, framed }
    }

    /// Returns what comes in when the first console says this.
    pub(crate) fn asked(&self, message: OperatorMessage) -> EngineInput {
        let framed = Framed::new(message);
        EngineInput::Operator { session: SessionId(1), received_at: self.now, framed }
    }

    /// Takes one input and keeps what the first console is told of it; pings are answered.
    pub(crate) fn tell(&mut self, input: EngineInput) {
        let mut pongs = Vec::new();
        self.engine.handle(input, self.now);
        while let Some(output) = self.engine.poll_output() {
            match output {
                watchkeeper_engine::Output::ToAgent { session, message } => {
                    if let ToAgent::Ping(ping) = *message {
                        pongs.push((session, self.pong(ping)));
                    }
                }
                watchkeeper_engine::Output::ToOperators { to, message } => {
                    if let ToOperator::Ping(ping) = *message {
                        pongs.extend(to.iter().map(|session| (*session, self.pong(ping))));
                    }
                    if to.contains(&SessionId(1)) {
                        self.told.push(std::sync::Arc::unwrap_or_clone(message));
                    }
                }
                watchkeeper_engine::Output::Close { report, .. } => panic!("closed: {report:?}"),
                watchkeeper_engine::Output::Derived(_) => {}
            }
        }
        for (session, pong) in pongs {
            let received_at = self.now;
            self.tell(if session.0 < FIRST_VEHICLE {
                let framed = Framed::new(OperatorMessage::Pong(pong));
                EngineInput::Operator { session, received_at, framed }
            } else {
                EngineInput::Agent { session, received_at, framed: Framed::new(AgentMessage::Pong(pong)) }
            });
        }
    }

    /// The part that is counted: each input is handled, and whatever is to be sent is encoded.
    pub(crate) fn handle(&mut self, inputs: Vec<EngineInput>) -> usize {
        let mut sent = 0;
        for input in inputs {
            self.engine.handle(input, self.now);
            while let Some(output) = self.engine.poll_output() {
                sent += usize::from(black_box(output.encode()).is_some());
            }
        }
        sent
    }

    /// Returns what the first console was told since the last call.
    pub(crate) fn take_told(&mut self) -> Vec<ToOperator> {
        std::mem::take(&mut self.told)
    }

    pub(crate) fn now(&self) -> MonoTime {
        self.now
    }

    /// Vehicles count from zero when the first decision is made, consoles have the monitor's clock.
    fn pong(&self, ping: Ping) -> Pong {
        let nanos = self.now.as_nanos();
        Pong { sent_nanos: ping.sent_nanos, received_nanos: nanos, answered_nanos: nanos }
    }
}

fn session_of(index: usize) -> SessionId {
    SessionId(FIRST_VEHICLE + index as u64)
}
