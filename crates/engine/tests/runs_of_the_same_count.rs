//! A data directory that was set back counts its runs again: two runs of one count must not be taken for each other.
#![expect(
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "a test that cannot set itself up should stop there, and looks at few messages of many"
)]

use uuid::Uuid;
use watchkeeper_engine::{Config, Engine, EngineInput, Framed, Opening, Output};
use watchkeeper_model::{
    AgentId, AgentKind, AgentTime, BootId, DemandId, Incarnation, Label, MonoTime, Note, OperatorRole,
    PersonId, SessionId,
};
use watchkeeper_protocol::{
    AgentMessage, SessionKind, ToAgent, ToOperator,
    agent::{AgentHello, Heartbeat, RequestIntervention},
    operator::{ConsoleKind, OperatorHello, Resume},
};

const COUNT: Incarnation = Incarnation(3);
const AGENT: SessionId = SessionId(1);
const CONSOLE: SessionId = SessionId(2);
const NOW: MonoTime = MonoTime::from_nanos(1_000_000_000);

/// A run with an agent that has asked for a person, and the demand that came of it.
struct Run {
    engine: Engine,
    demand: DemandId,
}

impl Run {
    fn start(seed: u64) -> Self {
        let config = Config::default();
        let opening = Opening {
            configuration: config.to_toml(),
            seed,
            incarnation: COUNT,
            build: "test".to_owned(),
            inputs_before: 0,
            authority: Vec::new(),
            starting_authority: Vec::new(),
        };
        let mut run = Self { engine: Engine::new(config, &opening, NOW), demand: DemandId(0) };
        run.feed(EngineInput::AgentConnected { session: AGENT, hello: hello() });
        run.hear(AgentMessage::Heartbeat(heartbeat()));
        run.hear(AgentMessage::RequestIntervention(RequestIntervention { reason: Note::cut("lost") }));
        assert_ne!(run.demand, DemandId(0), "a demand came of it");
        run
    }

    fn hear(&mut self, message: AgentMessage) {
        let framed = Framed::new(message);
        self.feed(EngineInput::Agent { session: AGENT, received_at: NOW, framed });
    }

    fn feed(&mut self, input: EngineInput) -> Vec<ToOperator> {
        self.engine.handle(input, NOW);
        let mut told = Vec::new();
        while let Some(output) = self.engine.poll_output() {
            match output {
                Output::ToAgent { message, .. } => {
                    if let ToAgent::Demand(demand) = *message {
                        self.demand = demand.demand_id;
                    }
                }
                Output::ToOperators { message, .. } => told.push((*message).clone()),
                Output::Close { .. } | Output::Derived(_) => {}
            }
        }
        told
    }

    /// Lets a console in that knows something already; returns whether it goes on from there, and its cursor.
    fn let_in(&mut self, resume: Option<Resume>) -> (bool, Option<u64>) {
        let hello = OperatorHello {
            session: SessionKind::Operator,
            token: None,
            person: PersonId::new("ada").unwrap(),
            role: OperatorRole::Operator,
            console: ConsoleKind::Scripted,
            resume,
        };
        let told = self.feed(EngineInput::OperatorConnected { session: CONSOLE, hello, access: None });
        let resumed = told.iter().any(|one| matches!(one, ToOperator::Welcome(welcome) if welcome.resumed));
        let cursor = told.iter().find_map(|one| match one {
            ToOperator::Snapshot(part) => Some(part.cursor),
            _ => None,
        });
        (resumed, cursor)
    }
}

fn hello() -> AgentHello {
    AgentHello {
        highest_incarnation: COUNT,
        ..AgentHello::first(
            AgentId::new("truck-1").unwrap(),
            AgentKind::Vehicle,
            BootId(Uuid::from_u128(7)),
            Label::cut("1"),
        )
    }
}

fn heartbeat() -> Heartbeat {
    Heartbeat::autonomous(BootId(Uuid::from_u128(7)), AgentTime::from_nanos(5))
}

#[test]
fn a_console_that_knows_another_run_of_the_same_count_gets_a_whole_snapshot() {
    let (mut one, mut other) = (Run::start(0x1234_5678_9abc_def0), Run::start(0x0fed_cba9_8765_4321));
    let (_, cursor) = one.let_in(None);
    let resume = Some(Resume { incarnation: COUNT, cursor: cursor.unwrap() });
    assert!(one.let_in(resume).0, "of its own run it misses nothing");
    let (resumed, cursor) = other.let_in(resume);
    assert!(!resumed && cursor.is_some(), "what it knows is of another run");
}

#[test]
fn an_agent_does_not_take_the_demand_of_another_run_of_the_same_count_for_one_that_is_over() {
    let demands = [0x1234_5678_9abc_def0, 0x0fed_cba9_8765_4321].map(|seed| Run::start(seed).demand);
    assert_ne!(demands[0], demands[1]);
}
