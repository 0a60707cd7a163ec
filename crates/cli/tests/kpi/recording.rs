//! A record that the real engine and the real ledger make of what people and agents do, at times that the test chooses.

use std::{collections::BTreeMap, path::Path, time::Duration};
use uuid::Uuid;
use watchkeeper_engine::{Config, Engine, EngineInput, Framed, Opening, Output, OutputDigest};
use watchkeeper_ledger::{DirStorage, Ledger, Options};
use watchkeeper_model::{
    AgentId, AgentKind, AgentTime, AlertId, BootId, CauseClass, ControlState, Decision, DecisionSeq,
    Incarnation, Label, MonoTime, Note, OperatorRole, PersonId, SessionId, SignalSpec, StateVersion,
};
use watchkeeper_protocol::{
    AgentMessage, OperatorMessage,
    agent::{AgentHello, Heartbeat},
    operator::{Acknowledge, ConsoleKind, OperatorHello, Presented, TakeOutOfService},
    record::{DigestRecord, record_type},
    session::{Pong, SessionKind},
};

/// 2026-03-01T06:00:00Z.
const SIX_NANOS: i64 = 1_772_344_800_000_000_000;
/// Often enough that no agent is taken for gone.
const BEAT: Duration = Duration::from_secs(5);
const BOOT: BootId = BootId(Uuid::from_u128(7));
const PRESS: SessionId = SessionId(99);
const PEOPLE: [(&str, u64, OperatorRole); 2] =
    [("anna", 1, OperatorRole::Operator), ("ben", 2, OperatorRole::Supervisor)];

struct Unit {
    session: SessionId,
    is_local: bool,
    version: u64,
}

/// A press that decides, units that only stand there, anna and ben, and the record of it all.
pub(crate) struct Recording {
    ledger: Ledger<DirStorage>,
    configuration: String,
    units: BTreeMap<String, Unit>,
    engine: Engine,
    digest: OutputDigest,
    inputs: u64,
    incarnation: u64,
    /// Since six o'clock.
    now: Duration,
    /// When this run began, since six o'clock.
    run_began: Duration,
    decisions: u64,
    signals: [f64; 3],
    told: Option<AlertId>,
}

impl Recording {
    /// Begins a record in the data directory `data` of a directory, and the first run at six o'clock with so many units, `unit-00` and on.
    pub(crate) fn new(directory: &Path, configuration: &str, units: u64) -> Self {
        let storage = DirStorage::open(directory.join("data").join("ledger")).unwrap();
        let (ledger, _) = Ledger::open(storage, Options::new([7; 16])).unwrap();
        let config = Config::parse(configuration).unwrap();
        let unit = |number| {
            let session = SessionId(100 + number);
            (format!("unit-{number:02}"), Unit { session, is_local: false, version: 1 })
        };
        let mut recording = Self {
            ledger,
            engine: Engine::new(config.clone(), &opening(&config, 1), MonoTime::default()),
            configuration: configuration.to_owned(),
            units: (0..units).map(unit).collect(),
            digest: OutputDigest::default(),
            inputs: 0,
            incarnation: 0,
            now: Duration::ZERO,
            run_began: Duration::ZERO,
            decisions: 0,
            signals: [50.0, 5.0, 1.0],
            told: None,
        };
        recording.begin_run(0.0);
        recording
    }

    /// The monitor starts so many seconds after six, knows nobody, and its clock begins anew; everybody connects.
    pub(crate) fn begin_run(&mut self, secs: f64) {
        (self.now, self.run_began) = (Duration::from_secs_f64(secs), Duration::from_secs_f64(secs));
        (self.inputs, self.digest) = (0, OutputDigest::default());
        self.incarnation += 1;
        let config = Config::parse(&self.configuration).unwrap();
        let opening = opening(&config, self.incarnation);
        self.ledger.roll(&rmp_serde::to_vec_named(&opening).unwrap()).unwrap();
        self.engine = Engine::new(config, &opening, self.mono());
        self.engine.follow_alerts();
        self.feed(EngineInput::Timeout);
        for (person, session, role) in PEOPLE {
            let hello = OperatorHello {
                session: SessionKind::Operator,
                token: None,
                person: PersonId::new(person).unwrap(),
                role,
                console: ConsoleKind::Scripted,
                resume: None,
            };
            self.feed(EngineInput::OperatorConnected { session: SessionId(session), hello, access: None });
        }
        let signals = [("heat", "degC"), ("pressure", "bar"), ("noise", "dB")]
            .map(|(name, unit)| SignalSpec { name: Label::cut(name), unit: Label::cut(unit) });
        self.connect("press", PRESS, signals.into());
        for unit in self.units.values_mut() {
            (unit.is_local, unit.version) = (false, 1);
        }
        let sessions: Vec<_> = self.units.iter().map(|(name, unit)| (name.clone(), unit.session)).collect();
        for (name, session) in sessions {
            self.connect(&name, session, Vec::new());
        }
        self.everybody_beats();
    }

    fn connect(&mut self, name: &str, session: SessionId, signals: Vec<SignalSpec>) {
        let agent = AgentId::new(name).unwrap();
        let first = AgentHello::first(agent, AgentKind::Generic, BOOT, Label::cut("test"));
        self.feed(EngineInput::AgentConnected { session, hello: AgentHello { signals, ..first } });
    }

    /// Lets time pass until so many seconds after six; everybody has a heartbeat every five, the press decides.
    pub(crate) fn at(&mut self, secs: f64) -> &mut Self {
        let end = Duration::from_secs_f64(secs);
        while self.now < end {
            let beats = self.now.as_secs() / BEAT.as_secs() + 1;
            self.now = Duration::from_secs(beats * BEAT.as_secs()).min(end);
            if self.now.as_nanos().is_multiple_of(BEAT.as_nanos()) {
                self.everybody_beats();
            }
            self.feed(EngineInput::Timeout);
        }
        self
    }

    fn everybody_beats(&mut self) {
        let names: Vec<_> = self.units.keys().cloned().collect();
        for name in names {
            self.beat(&name);
        }
        // When a decision was made is known only of an agent whose clock is.
        self.hear(PRESS, AgentMessage::Pong(self.pong()));
        self.beat_of(PRESS, false, 1);
        self.decide(self.signals);
    }

    fn beat(&mut self, name: &str) {
        let unit = &self.units[name];
        self.beat_of(unit.session, unit.is_local, unit.version);
    }

    fn beat_of(&mut self, session: SessionId, is_local: bool, version: u64) {
        let control_state = if is_local { ControlState::Local } else { ControlState::Autonomous };
        let beat = Heartbeat {
            control_state,
            state_version: StateVersion(version),
            local_override: is_local,
            ..Heartbeat::autonomous(BOOT, AgentTime::from_nanos(self.mono().as_nanos()))
        };
        self.hear(session, AgentMessage::Heartbeat(beat));
    }

    /// The press decides with this heat, pressure and noise, from now on.
    pub(crate) fn decide(&mut self, signals: [f64; 3]) {
        self.signals = signals;
        self.decisions += 1;
        let decision = Decision {
            seq: DecisionSeq(self.decisions),
            made_at: AgentTime::from_nanos(self.mono().as_nanos()),
            action: Label::cut("press"),
            confidence: None,
            alternatives: Vec::new(),
            signals: signals.into(),
            subject: None,
            context: None,
            waiting: None,
        };
        self.hear(PRESS, AgentMessage::Decision(decision));
    }

    /// Somebody at the unit takes control, or gives it back.
    pub(crate) fn set_local(&mut self, name: &str, is_local: bool) {
        let unit = self.units.get_mut(name).unwrap();
        (unit.is_local, unit.version) = (is_local, unit.version + 1);
        self.beat(name);
    }

    pub(crate) fn take_out(&mut self, person: &str, name: &str, cause: CauseClass, subject: &str) {
        let body = TakeOutOfService {
            agent: AgentId::new(name).unwrap(),
            cause,
            subject: Label::cut(subject),
            reason: Note::cut("the switch is broken"),
        };
        self.say(person, OperatorMessage::TakeOutOfService(body));
    }

    /// Returns the alert that changed last.
    pub(crate) fn last(&self) -> AlertId {
        self.told.unwrap()
    }

    pub(crate) fn acknowledge(&mut self, person: &str, alert_id: AlertId) {
        self.say(person, OperatorMessage::Acknowledge(Acknowledge { alert_id }));
    }

    pub(crate) fn acknowledge_last(&mut self, person: &str) {
        self.acknowledge(person, self.last());
    }

    /// Both consoles show the alert that changed last.
    pub(crate) fn present_last(&mut self) {
        let alerts = vec![self.last()];
        for (person, session, _) in PEOPLE {
            let session = SessionId(session);
            self.answer_ping(person);
            self.feed(EngineInput::Delivered { session, alerts: alerts.clone(), at: None });
            let presented = Presented { alerts: alerts.clone(), presented_nanos: self.mono().as_nanos() };
            self.say(person, OperatorMessage::Presented(presented));
        }
    }

    /// A console whose clock the monitor does not know has shown nothing as far as the monitor knows.
    fn answer_ping(&mut self, person: &str) {
        self.say(person, OperatorMessage::Pong(self.pong()));
    }

    /// Everybody's clock is the monitor's.
    fn pong(&self) -> Pong {
        let now = self.mono().as_nanos();
        Pong { sent_nanos: now, received_nanos: now, answered_nanos: now }
    }

    fn say(&mut self, person: &str, message: OperatorMessage) {
        let (_, session, _) = PEOPLE.into_iter().find(|(name, ..)| *name == person).unwrap();
        let (session, received_at) = (SessionId(session), self.mono());
        self.feed(EngineInput::Operator { session, received_at, framed: Framed::new(message) });
    }

    fn hear(&mut self, session: SessionId, message: AgentMessage) {
        self.feed(EngineInput::Agent { session, received_at: self.mono(), framed: Framed::new(message) });
    }

    fn feed(&mut self, input: EngineInput) {
        let now = self.mono();
        self.append(record_type::INPUT, &rmp_serde::to_vec_named(&input).unwrap());
        self.inputs += 1;
        self.engine.handle(input, now);
        while let Some(output) = self.engine.poll_output() {
            self.digest.update(&output, output.encode().as_ref());
            if let Output::Derived(derived) = &output {
                self.append(derived.record_type(), &derived.encode());
            }
        }
        while let Some(alarm) = self.engine.poll_alert() {
            self.told = Some(alarm.alert_id);
        }
    }

    pub(crate) fn end_run(&mut self) {
        self.end_with(self.digest.value());
    }

    /// As if another build had written it.
    pub(crate) fn end_run_with_another_digest(&mut self) {
        self.end_with([0; 32]);
    }

    fn end_with(&mut self, sha256: [u8; 32]) {
        let digest = DigestRecord { inputs: self.inputs, sha256 };
        self.append(record_type::DIGEST, &rmp_serde::to_vec_named(&digest).unwrap());
        self.commit();
    }

    /// What was written is on disk.
    pub(crate) fn commit(&mut self) {
        self.ledger.commit().unwrap();
    }

    fn append(&mut self, record_type: u16, payload: &[u8]) {
        let wall = SIX_NANOS + i64::try_from(self.now.as_nanos()).unwrap();
        self.ledger.append(record_type, 0, self.mono().as_nanos(), wall, payload).unwrap();
    }

    /// The monitor's clock: it is a thousand seconds old when a run begins.
    fn mono(&self) -> MonoTime {
        MonoTime::default().after(Duration::from_secs(1_000) + self.now.saturating_sub(self.run_began))
    }
}

fn opening(config: &Config, incarnation: u64) -> Opening {
    Opening {
        configuration: config.to_toml(),
        seed: 7,
        incarnation: Incarnation(incarnation),
        build: "test".to_owned(),
        inputs_before: 0,
        authority: Vec::new(),
        starting_authority: Vec::new(),
    }
}
