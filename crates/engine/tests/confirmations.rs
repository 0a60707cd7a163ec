//! How agents hear that their decisions are on record: soon, but not one by one.
#![expect(clippy::unwrap_used, reason = "a test that cannot set itself up should stop there")]

use std::time::Duration;
use uuid::Uuid;
use watchkeeper_engine::{Config, Engine, EngineInput, Framed, Opening, Output};
use watchkeeper_model::{
    AgentId, AgentKind, AgentTime, BootId, Decision, DecisionSeq, Incarnation, Label, MonoTime, SessionId,
};
use watchkeeper_protocol::{AgentMessage, ToAgent, agent::AgentHello, session::Head};

const AGENT: SessionId = SessionId(1);
const START: MonoTime = MonoTime::from_nanos(1_000_000_000);
const MILLI: Duration = Duration::from_millis(1);

struct Rig {
    engine: Engine,
    now: MonoTime,
    inputs: u64,
    /// Up to which decision the agent heard that they are safe, each time.
    heard: Vec<u64>,
}

impl Rig {
    fn new() -> Self {
        let opening = Opening {
            configuration: String::new(),
            seed: 1,
            incarnation: Incarnation(1),
            build: "test".to_owned(),
            inputs_before: 0,
            authority: Vec::new(),
            starting_authority: Vec::new(),
        };
        let engine = Engine::new(Config::default(), &opening, START);
        let mut rig = Self { engine, now: START, inputs: 0, heard: Vec::new() };
        let hello = AgentHello::first(
            AgentId::new("press").unwrap(),
            AgentKind::Generic,
            BootId(Uuid::from_u128(7)),
            Label::cut("test"),
        );
        rig.feed(EngineInput::AgentConnected { session: AGENT, hello });
        rig
    }

    fn feed(&mut self, input: EngineInput) {
        self.inputs += 1;
        self.engine.handle(input, self.now);
        while let Some(output) = self.engine.poll_output() {
            if let Output::ToAgent { message, .. } = output
                && let ToAgent::Durable(upto) = *message
            {
                self.heard.push(upto.seq.0);
            }
        }
    }

    /// A decision, which is on disk at once.
    fn decide(&mut self, seq: u64) {
        let decision = Decision {
            seq: DecisionSeq(seq),
            made_at: AgentTime::from_nanos(seq),
            action: Label::cut("go"),
            confidence: None,
            alternatives: Vec::new(),
            signals: Vec::new(),
            subject: None,
            context: None,
            waiting: None,
        };
        let framed = Framed::new(AgentMessage::Decision(decision));
        self.feed(EngineInput::Agent { session: AGENT, received_at: self.now, framed });
        self.feed(EngineInput::Durable {
            input: self.inputs,
            head: Head { sequence: self.inputs, hash: [0; 32] },
        });
    }

    /// Lets time pass, with every timer at its time.
    fn wait(&mut self, span: Duration) {
        let (until, mut timeouts) = (self.now.after(span), 0);
        while let Some(due) = self.engine.poll_timeout().filter(|due| *due <= until) {
            timeouts += 1;
            assert!(timeouts < 1_000, "a timer that is due stays due");
            self.now = self.now.max(due);
            self.feed(EngineInput::Timeout);
        }
        self.now = until;
    }
}

#[test]
fn an_agent_hears_every_50_ms_that_its_decisions_are_safe_and_of_the_last_one_too() {
    let mut rig = Rig::new();
    for seq in 1..=100 {
        rig.decide(seq);
        rig.wait(MILLI);
    }
    rig.wait(50 * MILLI);
    assert_eq!(rig.heard.last(), Some(&100));
    assert!((3..=4).contains(&rig.heard.len()), "{:?}", rig.heard);
}

#[test]
fn an_agent_that_decides_fast_hears_it_before_its_memory_is_full() {
    let mut rig = Rig::new();
    for seq in 1..=4_000 {
        rig.decide(seq);
    }
    assert!(rig.heard.windows(2).all(|pair| pair[1] - pair[0] <= 1_024), "{:?}", rig.heard);
    assert!(rig.heard.len() <= 5, "{:?}", rig.heard);
}

#[test]
fn nothing_stays_due_for_an_agent_that_has_gone() {
    let mut rig = Rig::new();
    rig.decide(1);
    rig.decide(2);
    rig.feed(EngineInput::Disconnected { session: AGENT });
    let heard = rig.heard.len();
    rig.wait(Duration::from_secs(2));
    assert_eq!(rig.heard.len(), heard);
}
