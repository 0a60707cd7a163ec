//! One engine and many agents of which nothing is played but their heartbeats: they are somewhere, connected or not, under
//! local control or not.

use std::{collections::BTreeMap, time::Duration};
use uuid::Uuid;
use watchkeeper_engine::{Config, Counts, Engine, EngineInput, Framed, Opening, Output, OutputDigest};
use watchkeeper_model::{
    Access, AgentId, AgentKind, AgentTime, Alarm, AlertId, BootId, CauseClass, ControlState, Incarnation,
    Label, MonoTime, Note, OperatorRole, PersonId, SessionId, StateVersion,
};
use watchkeeper_protocol::{
    AgentMessage, OperatorMessage, ToOperator,
    agent::{AgentHello, Heartbeat},
    operator::{Acknowledge, ConsoleKind, OperatorHello, Presented, Roster, TakeOutOfService},
    session::{ErrorReport, SessionKind},
};

/// Often enough that no agent is taken for gone.
const BEAT: Duration = Duration::from_secs(5);

struct Member {
    session: Option<SessionId>,
    is_local: bool,
    version: u64,
}

pub(crate) struct Fleet {
    engine: Engine,
    config: Config,
    inputs: Vec<(EngineInput, MonoTime)>,
    digest: OutputDigest,
    pub(crate) now: MonoTime,
    members: BTreeMap<AgentId, Member>,
    sessions: u64,
    /// Every change of an alert that the consoles were told, oldest first.
    pub(crate) told: Vec<Alarm>,
    pub(crate) errors: Vec<ErrorReport>,
    pub(crate) roster: Option<Roster>,
    /// What each console was told.
    pub(crate) heard: BTreeMap<u64, Vec<ToOperator>>,
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

const START: MonoTime = MonoTime::from_nanos(1_000_000_000);

impl Fleet {
    /// Makes a fleet of so many agents, `agent-0` and on, and an operator (session 1) and a supervisor (session 2).
    pub(crate) fn new(agents: usize, config: &str) -> Self {
        let config = Config::parse(config).unwrap();
        let mut fleet = Self {
            engine: Engine::new(config.clone(), &opening(&config), START),
            config,
            inputs: Vec::new(),
            digest: OutputDigest::default(),
            now: START,
            members: BTreeMap::new(),
            sessions: 100,
            told: Vec::new(),
            errors: Vec::new(),
            roster: None,
            heard: BTreeMap::new(),
        };
        fleet.seat(1, "ada", OperatorRole::Operator);
        fleet.seat(2, "sue", OperatorRole::Supervisor);
        for index in 0..agents {
            fleet.connect(&format!("agent-{index}"));
        }
        fleet.run(BEAT);
        fleet
    }

    /// Somebody sits down at a console.
    pub(crate) fn seat(&mut self, session: u64, person: &str, role: OperatorRole) {
        self.sit(session, person, role, None);
    }

    /// Somebody sits down whose token allows this.
    pub(crate) fn seat_with(&mut self, session: u64, person: &str, access: Access) {
        self.sit(session, person, access.role, Some(access));
    }

    fn sit(&mut self, session: u64, person: &str, role: OperatorRole, access: Option<Access>) {
        let hello = OperatorHello {
            session: SessionKind::Operator,
            token: None,
            person: PersonId::new(person).unwrap(),
            role,
            console: ConsoleKind::Scripted,
            resume: None,
        };
        self.feed(EngineInput::OperatorConnected { session: SessionId(session), hello, access });
    }

    /// Somebody shows another token.
    pub(crate) fn change_access(&mut self, session: u64, access: Access) {
        self.feed(EngineInput::AccessChanged { session: SessionId(session), access });
    }

    /// Somebody leaves his console.
    pub(crate) fn leave(&mut self, session: u64) {
        self.feed(EngineInput::Disconnected { session: SessionId(session) });
    }

    /// A console shows every alert that is brought to its person.
    pub(crate) fn show_mine(&mut self, session: u64, person: &str) {
        let mine = |alarm: &&Alarm| alarm.routed.as_ref().is_some_and(|routed| routed.to.as_str() == person);
        let alerts: Vec<AlertId> = self.told.iter().filter(mine).map(|alarm| alarm.alert_id).collect();
        for part in alerts.chunks(64) {
            let presented = Presented { alerts: part.to_vec(), presented_nanos: self.now.as_nanos() };
            self.say(session, OperatorMessage::Presented(presented));
        }
    }

    fn feed(&mut self, input: EngineInput) {
        self.inputs.push((input.clone(), self.now));
        self.engine.handle(input, self.now);
        while let Some(output) = self.engine.poll_output() {
            self.digest.update(&output, output.encode().as_ref());
            let Output::ToOperators { to, message } = &output else { continue };
            for session in to.iter() {
                self.heard.entry(session.0).or_default().push((**message).clone());
            }
            match &**message {
                ToOperator::Alert(update) => self.told.push(update.alarm.clone()),
                ToOperator::Roster(roster) => self.roster = Some(roster.clone()),
                ToOperator::Error(report) => self.errors.push(report.clone()),
                _ => {}
            }
        }
    }

    pub(crate) fn connect(&mut self, name: &str) {
        self.sessions += 1;
        let agent = AgentId::new(name).unwrap();
        let hello = AgentHello::first(
            agent.clone(),
            AgentKind::Generic,
            BootId(Uuid::from_u128(7)),
            Label::cut("fleet"),
        );
        let session = SessionId(self.sessions);
        self.feed(EngineInput::AgentConnected { session, hello });
        let member =
            self.members.entry(agent).or_insert(Member { session: None, is_local: false, version: 1 });
        member.session = Some(session);
    }

    pub(crate) fn disconnect(&mut self, name: &str) {
        let session = self.members.get_mut(&AgentId::new(name).unwrap()).unwrap().session.take().unwrap();
        self.feed(EngineInput::Disconnected { session });
    }

    /// Somebody at the agent takes control, or gives it back.
    pub(crate) fn set_local(&mut self, name: &str, is_local: bool) {
        let agent = AgentId::new(name).unwrap();
        let member = self.members.get_mut(&agent).unwrap();
        (member.is_local, member.version) = (is_local, member.version + 1);
        self.beat(&agent);
    }

    fn beat(&mut self, agent: &AgentId) {
        let member = &self.members[agent];
        let Some(session) = member.session else { return };
        let state = if member.is_local { ControlState::Local } else { ControlState::Autonomous };
        let beat = Heartbeat {
            control_state: state,
            state_version: StateVersion(member.version),
            local_override: member.is_local,
            ..Heartbeat::autonomous(BootId(Uuid::from_u128(7)), AgentTime::from_nanos(self.now.as_nanos()))
        };
        let framed = Framed::new(AgentMessage::Heartbeat(beat));
        self.feed(EngineInput::Agent { session, received_at: self.now, framed });
    }

    /// Lets time pass; everybody has a heartbeat at its end.
    pub(crate) fn run(&mut self, span: Duration) {
        let end = self.now.after(span);
        while self.now < end {
            self.now = self.now.after(BEAT).min(end);
            let agents: Vec<AgentId> = self.members.keys().cloned().collect();
            for agent in agents {
                self.beat(&agent);
            }
            self.feed(EngineInput::Timeout);
        }
    }

    pub(crate) fn say(&mut self, session: u64, message: OperatorMessage) {
        let framed = Framed::new(message);
        self.feed(EngineInput::Operator { session: SessionId(session), received_at: self.now, framed });
    }

    pub(crate) fn acknowledge(&mut self, alert_id: AlertId) {
        self.say(1, OperatorMessage::Acknowledge(Acknowledge { alert_id }));
    }

    pub(crate) fn take_out(&mut self, session: u64, name: &str, cause: CauseClass, subject: &str) {
        let body = TakeOutOfService {
            agent: AgentId::new(name).unwrap(),
            cause,
            subject: Label::cut(subject),
            reason: Note::cut("the switch is broken"),
        };
        self.say(session, OperatorMessage::TakeOutOfService(body));
    }

    /// Returns the alerts that are kept, as a console that connects now sees them.
    pub(crate) fn open(&mut self) -> Vec<Alarm> {
        self.sessions += 1;
        let session = SessionId(self.sessions);
        let hello = OperatorHello {
            session: SessionKind::Operator,
            token: None,
            person: PersonId::new("new").unwrap(),
            role: OperatorRole::Observer,
            console: ConsoleKind::Scripted,
            resume: None,
        };
        let input = EngineInput::OperatorConnected { session, hello, access: None };
        self.inputs.push((input.clone(), self.now));
        self.engine.handle(input, self.now);
        let mut alarms = Vec::new();
        while let Some(output) = self.engine.poll_output() {
            self.digest.update(&output, output.encode().as_ref());
            if let Output::ToOperators { message, .. } = &output
                && let ToOperator::Snapshot(part) = &**message
            {
                alarms.extend(part.alerts.iter().cloned());
            }
        }
        self.feed(EngineInput::Disconnected { session });
        alarms
    }

    /// Returns the newest that was told of an agent's alerts of a kind.
    pub(crate) fn last(&self, name: &str, cause: CauseClass) -> Alarm {
        let newest =
            self.told.iter().rev().find(|alarm| alarm.agent.as_str() == name && alarm.cause == cause);
        newest.unwrap().clone()
    }

    pub(crate) fn counts(&self) -> &Counts {
        self.engine.counts()
    }

    /// Returns whether a fresh engine says the same, byte for byte, to the same inputs.
    pub(crate) fn replays(&self) -> bool {
        let mut engine = Engine::new(self.config.clone(), &opening(&self.config), START);
        let mut digest = OutputDigest::default();
        for (input, now) in &self.inputs {
            engine.handle(input.clone(), *now);
            while let Some(output) = engine.poll_output() {
                digest.update(&output, output.encode().as_ref());
            }
        }
        digest.value() == self.digest.value()
    }
}
