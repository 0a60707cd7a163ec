//! The agent's core in virtual time, through the bytes it would send.
#![expect(clippy::unwrap_used, reason = "a test that cannot set itself up should stop there")]

mod tasks;

use bytes::Bytes;
use std::time::Duration;
use watchkeeper_client::{
    Asked, DecideError, DecisionDraft, Mode,
    agent::{AgentConfig, AgentCore, CloseReason, RING, Recovered},
};
use watchkeeper_model::{
    AgentId, AgentKind, AgentTime, CommandArgs, CommandId, CommandKind, ControlState, DecisionSeq, DemandId,
    DemandOrigin, Epoch, FallbackLevel, Incarnation, Label, Note, PersonId, SessionId, SignalSpec,
    StateVersion, TaskVerb,
};
use watchkeeper_protocol::{
    AgentMessage, FirstFrame, Hello, ToAgent, Wire,
    agent::{
        AgentHello, AgentWelcome, Command, Demand, DriveLimits, DurableUpTo, Grant, Heartbeat,
        HolderHeartbeat, PathProbe,
    },
    session::Ping,
};
use watchkeeper_takeover::{GateRecord, Timers, World};

const STANDING: World = World {
    standstill: true,
    stable: true,
    progressing: None,
    condition_reached: false,
    can_resume: true,
    local_override: false,
};

/// A core, its clock, and a disk that works at once unless the test looks itself.
struct Rig {
    core: AgentCore,
    now: AgentTime,
    records: Vec<GateRecord>,
}

impl Rig {
    fn new(kind: AgentKind) -> Self {
        let config = AgentConfig {
            tasks: vec![TaskVerb::Confirm, TaskVerb::Hazards],
            agent: AgentId::new("truck-1").unwrap(),
            kind,
            signals: vec![SignalSpec { name: Label::cut("speed"), unit: Label::cut("m/s") }],
            software_version: Label::cut("1"),
            timers: Timers::for_kind(kind),
            drive: (kind == AgentKind::Vehicle).then(DriveLimits::default),
        };
        let now = AgentTime::from_nanos(1_000_000_000);
        let core = AgentCore::new(config, &Recovered::Nothing, STANDING, [7; 32], now);
        Self { core, now, records: Vec::new() }
    }

    /// A vehicle that the monitor has welcomed, its first frames taken.
    fn welcomed() -> Self {
        let mut rig = Self::new(AgentKind::Vehicle);
        rig.connect();
        rig.tell(&welcome(1, 0));
        rig.frames();
        rig
    }

    fn connect(&mut self) -> AgentHello {
        self.core.handle_connected(None, self.now);
        self.save();
        let frame = self.core.poll_transmit(self.now).unwrap();
        match FirstFrame::decode(&frame).unwrap() {
            Hello::Agent(hello) => hello,
            Hello::Operator(_) => panic!("an agent says hello as an agent"),
        }
    }

    fn tell(&mut self, message: &ToAgent) {
        self.core.handle_message(message, self.now);
    }

    fn save(&mut self) {
        while let Some(record) = self.core.poll_record() {
            self.records.push(record);
        }
    }

    fn frames(&mut self) -> Vec<AgentMessage> {
        self.save();
        let frames: Vec<Bytes> = std::iter::from_fn(|| self.core.poll_transmit(self.now)).collect();
        frames.iter().map(|frame| AgentMessage::decode(frame).unwrap()).collect()
    }

    fn decisions(&mut self) -> Vec<u64> {
        let of = |message| {
            if let AgentMessage::Decision(decision) = message { Some(decision.seq.0) } else { None }
        };
        self.frames().into_iter().filter_map(of).collect()
    }

    fn heartbeats(&mut self) -> Vec<Heartbeat> {
        let of = |message| if let AgentMessage::Heartbeat(beat) = message { Some(beat) } else { None };
        self.frames().into_iter().filter_map(of).collect()
    }

    fn decide(&mut self) -> Result<DecisionSeq, DecideError> {
        self.core.handle_decision(DecisionDraft::new("keep", None, vec![1.0]), self.now)
    }

    /// Lets `span` pass as the shell would: waking whenever the core asks for it.
    fn pass(&mut self, span: Duration) -> Vec<(AgentTime, AgentMessage)> {
        let end = self.now.after(span);
        let mut sent = Vec::new();
        while self.core.poll_timeout() <= end {
            self.now = self.now.max(self.core.poll_timeout());
            self.core.handle_timeout(self.now);
            let now = self.now;
            sent.extend(self.frames().into_iter().map(|message| (now, message)));
        }
        self.now = end;
        sent
    }
}

fn welcome(incarnation: u64, durable: u64) -> ToAgent {
    ToAgent::Welcome(AgentWelcome {
        session_id: SessionId(1),
        incarnation: Incarnation(incarnation),
        epoch: Epoch(0),
        latches: Vec::new(),
        lease_live: false,
        durable_seq: DecisionSeq(durable),
        heartbeat_nanos: 1_000_000_000,
    })
}

fn demand() -> ToAgent {
    ToAgent::Demand(Demand {
        demand_id: DemandId(5),
        origin: DemandOrigin::Monitor,
        critical: false,
        left_nanos: 10_000_000_000,
        state_version: StateVersion(1),
        reason: Note::cut("odd"),
    })
}

fn estop(id: u128) -> ToAgent {
    ToAgent::Command(Command {
        command_id: CommandId(uuid::Uuid::from_u128(id)),
        boot_id: watchkeeper_model::BootId(uuid::Uuid::nil()),
        kind: CommandKind::Estop,
        args: CommandArgs::default(),
        epoch: Epoch(0),
        seq: 0,
        deadline: AgentTime::from_nanos(0),
        issued_by: PersonId::new("ada").unwrap(),
        evidence_version: None,
        expect_state: None,
    })
}

fn seconds(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

#[test]
fn after_a_reconnect_exactly_what_is_not_durable_is_sent_again_in_order() {
    let mut rig = Rig::welcomed();
    for _ in 0..5 {
        rig.decide().unwrap();
    }
    assert_eq!(rig.decisions(), [1, 2, 3, 4, 5]);
    rig.tell(&ToAgent::Durable(DurableUpTo { seq: DecisionSeq(2) }));
    rig.core.handle_disconnected(rig.now);
    rig.decide().unwrap();
    assert!(rig.frames().is_empty(), "nothing is said without a connection");
    rig.connect();
    assert!(rig.frames().is_empty(), "nothing but the hello is said before the welcome");
    rig.tell(&welcome(1, 3));
    assert_eq!(rig.decisions(), [4, 5, 6]);
    // A monitor that knows less than it once confirmed does not make the agent send what it no longer has.
    rig.core.handle_disconnected(rig.now);
    rig.connect();
    rig.tell(&welcome(1, 0));
    assert_eq!(rig.decisions(), [4, 5, 6]);
    assert_eq!(rig.core.status(rig.now).dropped, 0);
}

#[test]
fn the_ring_drops_the_oldest_and_counts_it() {
    let mut rig = Rig::new(AgentKind::Generic);
    for _ in 0..RING + 3 {
        rig.decide().unwrap();
    }
    let status = rig.core.status(rig.now);
    assert_eq!((status.not_durable, status.dropped), (RING, 3));
    rig.connect();
    rig.tell(&welcome(1, 0));
    let sent = rig.decisions();
    assert_eq!((sent.len(), sent[0], sent[RING - 1]), (RING, 4, RING as u64 + 3));
}

#[test]
fn three_heartbeats_50_ms_apart_follow_a_welcome_then_ten_a_second() {
    let mut rig = Rig::new(AgentKind::Vehicle);
    rig.connect();
    rig.tell(&welcome(1, 0));
    let start = rig.now;
    assert_eq!(rig.heartbeats().len(), 1, "the first at once");
    let at: Vec<u64> = rig
        .pass(Duration::from_millis(400))
        .iter()
        .filter(|(_, message)| matches!(message, AgentMessage::Heartbeat(_)))
        .map(|(at, _)| u64::try_from(at.since(start).as_millis()).unwrap())
        .collect();
    assert_eq!(at, [50, 100, 200, 300, 400]);
}

#[test]
fn a_change_of_state_is_reported_at_once() {
    let mut rig = Rig::welcomed();
    rig.pass(Duration::from_millis(310));
    rig.tell(&demand());
    let beats = rig.heartbeats();
    assert_eq!(beats.len(), 1);
    assert_eq!((beats[0].control_state, beats[0].demand_id), (ControlState::Requested, Some(DemandId(5))));
    assert_eq!(beats[0].demand_left_nanos, Some(10_000_000_000));
    assert!(rig.heartbeats().is_empty(), "once");
}

#[test]
fn an_unanswered_demand_leads_to_fallback_also_without_a_monitor() {
    let mut rig = Rig::welcomed();
    rig.tell(&demand());
    rig.core.handle_disconnected(rig.now);
    rig.pass(Duration::from_millis(9_999));
    assert_eq!(rig.core.directive().mode, Mode::Autonomous);
    rig.pass(Duration::from_millis(1));
    assert_eq!(rig.core.directive().mode, Mode::Fallback(FallbackLevel::COMFORTABLE));
    assert_eq!(rig.records.last().unwrap().control_state, ControlState::Fallback);
}

#[test]
fn a_stopped_agent_decides_nothing_and_keeps_its_heartbeats() {
    let mut rig = Rig::welcomed();
    rig.decide().unwrap();
    rig.tell(&estop(1));
    assert_eq!(rig.decide(), Err(DecideError::Stopped));
    assert_eq!(rig.core.directive().mode, Mode::Estop);
    rig.frames();
    let later = rig.pass(seconds(2));
    let beats = later.iter().filter(|(_, message)| {
        matches!(message, AgentMessage::Heartbeat(beat) if beat.control_state == ControlState::Estopped)
    });
    assert!(beats.count() >= 19, "ten a second");
    assert!(!later.iter().any(|(_, message)| matches!(message, AgentMessage::Decision(_))));
}

#[test]
fn a_stop_is_obeyed_before_the_welcome_and_answered_after_it() {
    let mut rig = Rig::new(AgentKind::Vehicle);
    rig.connect();
    rig.tell(&demand());
    rig.tell(&estop(9));
    assert_eq!(rig.core.directive().mode, Mode::Estop);
    assert!(rig.frames().is_empty());
    rig.tell(&welcome(1, 0));
    let frames = rig.frames();
    assert!(frames.iter().any(|message| matches!(message, AgentMessage::Ack(_))), "{frames:?}");
    assert_eq!(rig.core.status(rig.now).demand, None, "a demand before the welcome is not taken");
}

#[test]
fn no_grant_or_order_that_comes_late_lets_go_of_a_stop() {
    let mut rig = Rig::welcomed();
    rig.tell(&demand());
    rig.tell(&estop(9));
    let latches = rig.core.status(rig.now).latches;
    let boot_id = rig.core.status(rig.now).boot_id;
    // Minted before the stop, and one minted after it.
    for (n, epoch) in [(20, Epoch(1)), (30, Epoch(7))] {
        rig.tell(&ToAgent::Grant(Grant {
            epoch,
            holder: PersonId::new("ada").unwrap(),
            holder_session: SessionId(3),
            boot_id,
        }));
        let deadline = rig.now.after(Duration::from_mins(1));
        let beat =
            HolderHeartbeat { epoch, seq: 1, ready: true, deadline, setpoint: None, latency_nanos: None };
        rig.tell(&ToAgent::Holder(beat));
        for (seq, kind) in [
            (1, CommandKind::Engage),
            (2, CommandKind::Assume),
            (3, CommandKind::Resume),
            (4, CommandKind::HandBack),
            (5, CommandKind::Dismiss),
        ] {
            let latches = latches.iter().map(|latch| latch.latch_id).collect();
            rig.tell(&ToAgent::Command(Command {
                command_id: CommandId(uuid::Uuid::from_u128(n + u128::from(seq))),
                boot_id,
                kind,
                args: CommandArgs { latches, ..CommandArgs::default() },
                epoch,
                seq,
                deadline,
                issued_by: PersonId::new("ada").unwrap(),
                evidence_version: None,
                expect_state: None,
            }));
        }
        let status = rig.core.status(rig.now);
        assert_eq!((status.control_state, status.epoch), (ControlState::Estopped, Epoch(0)));
        assert_eq!(status.latches, latches);
        assert_eq!(rig.core.directive().mode, Mode::Estop);
    }
}

#[test]
fn a_monitor_of_a_lower_incarnation_does_not_lead() {
    let mut rig = Rig::new(AgentKind::Vehicle);
    rig.connect();
    rig.tell(&welcome(4, 0));
    rig.frames();
    rig.core.handle_disconnected(rig.now);
    let hello = rig.connect();
    assert_eq!(hello.highest_incarnation, Incarnation(4));
    rig.tell(&welcome(3, 0));
    assert_eq!(
        rig.core.poll_close(),
        Some(CloseReason::LowerIncarnation { found: Incarnation(3), seen: Incarnation(4) })
    );
    rig.tell(&demand());
    rig.tell(&estop(2));
    assert!(rig.frames().is_empty());
    assert_eq!(rig.core.status(rig.now).control_state, ControlState::Autonomous, "it is not even heard");
    rig.core.handle_disconnected(rig.now);
    rig.connect();
    rig.tell(&welcome(4, 0));
    assert!(rig.core.is_welcomed(), "the right one still may");
}

#[test]
fn nothing_is_said_before_what_it_rests_on_is_taken_to_be_written() {
    let mut rig = Rig::welcomed();
    rig.tell(&estop(3));
    assert_eq!(rig.core.poll_transmit(rig.now), None, "neither the acknowledgement nor the report");
    let record = rig.core.poll_record().unwrap();
    assert_eq!((record.control_state, record.latches.len()), (ControlState::Estopped, 1));
    assert!(rig.core.poll_transmit(rig.now).is_some());
}

#[test]
fn a_record_that_cannot_be_written_leads_to_fallback() {
    let mut rig = Rig::welcomed();
    rig.core.handle_not_persisted(rig.now);
    assert_eq!(rig.core.directive().mode, Mode::Fallback(FallbackLevel::COMFORTABLE));
    assert!(!rig.core.status(rig.now).record_safe);
}

#[test]
fn a_tick_gap_makes_a_new_boot_that_reconciles_anew() {
    let mut rig = Rig::new(AgentKind::Generic);
    rig.connect();
    rig.tell(&welcome(1, 0));
    rig.decide().unwrap();
    let before = rig.core.status(rig.now);
    // Busy and late, but awake: no new boot.
    rig.now = rig.now.after(seconds(30));
    rig.core.handle_timeout(rig.now);
    assert_eq!(rig.core.status(rig.now).boot_id, before.boot_id);
    // Asleep.
    rig.now = rig.now.after(Duration::from_millis(30_001));
    rig.core.handle_timeout(rig.now);
    let after = rig.core.status(rig.now);
    assert_ne!(after.boot_id, before.boot_id);
    assert_eq!((after.dropped, after.not_durable), (1, 0), "old numbers mean nothing now, and it shows");
    assert_eq!(rig.core.poll_close(), Some(CloseReason::NewBoot));
    assert_eq!(rig.core.directive().mode, Mode::SafePolicy, "no start without a monitor");
    rig.core.handle_disconnected(rig.now);
    let hello = rig.connect();
    assert_eq!((hello.boot_id, hello.clean_shutdown), (after.boot_id, false));
    rig.tell(&welcome(1, 0));
    assert_eq!(rig.core.directive().mode, Mode::Autonomous);
    assert_eq!(rig.decide().unwrap(), DecisionSeq(1));
}

#[test]
fn a_vehicle_that_lost_a_second_falls_back_since_it_may_have_moved() {
    let mut rig = Rig::welcomed();
    rig.now = rig.now.after(Duration::from_millis(1_001));
    rig.core.handle_timeout(rig.now);
    assert_eq!(rig.core.directive().mode, Mode::Fallback(FallbackLevel::COMFORTABLE));
    assert_eq!(rig.core.poll_close(), Some(CloseReason::NewBoot));
}

#[test]
fn an_open_demand_does_not_survive_a_tick_gap_as_autonomy() {
    let mut rig = Rig::welcomed();
    rig.tell(&demand());
    rig.now = rig.now.after(seconds(3));
    rig.core.handle_timeout(rig.now);
    assert_eq!(rig.core.status(rig.now).control_state, ControlState::Fallback);
}

#[test]
fn who_cannot_ask_for_a_person_falls_back() {
    let mut rig = Rig::welcomed();
    rig.core.handle_disconnected(rig.now);
    assert_eq!(rig.core.handle_intervention_request(Note::cut("lost"), rig.now), Asked::FellBack);
    assert_eq!(rig.core.directive().mode, Mode::Fallback(FallbackLevel::COMFORTABLE));
}

#[test]
fn a_question_that_is_lost_with_the_link_or_never_answered_leads_to_fallback() {
    let ask = |rig: &mut Rig| {
        assert_eq!(rig.core.handle_intervention_request(Note::cut("lost"), rig.now), Asked::Sent);
        let sent = rig.frames();
        assert!(sent.iter().any(|message| matches!(message, AgentMessage::RequestIntervention(_))));
    };
    let mut rig = Rig::welcomed();
    ask(&mut rig);
    rig.core.handle_disconnected(rig.now);
    assert_eq!(rig.core.directive().mode, Mode::Fallback(FallbackLevel::COMFORTABLE));

    let mut rig = Rig::welcomed();
    ask(&mut rig);
    rig.pass(seconds(10));
    assert_eq!(rig.core.directive().mode, Mode::Fallback(FallbackLevel::COMFORTABLE));

    let mut rig = Rig::welcomed();
    ask(&mut rig);
    rig.pass(seconds(1));
    rig.tell(&demand());
    rig.core.handle_disconnected(rig.now);
    assert_eq!(rig.core.directive().mode, Mode::Autonomous, "the demand's own deadline runs");
}

#[test]
fn a_ping_is_answered_with_the_agents_clock_also_before_the_welcome() {
    let mut rig = Rig::new(AgentKind::Vehicle);
    rig.connect();
    rig.tell(&ToAgent::Ping(Ping { sent_nanos: 77, offset_nanos: None, error_nanos: None }));
    let frames = rig.frames();
    let [AgentMessage::Pong(pong)] = frames.as_slice() else { panic!("{frames:?}") };
    assert_eq!((pong.sent_nanos, pong.received_nanos), (77, rig.now.as_nanos()));
}

#[test]
fn a_decision_must_carry_as_many_numbers_as_the_hello_named_signals() {
    let mut rig = Rig::welcomed();
    let draft = DecisionDraft::new("keep", None, vec![1.0, 2.0]);
    let refused = rig.core.handle_decision(draft, rig.now);
    assert_eq!(refused, Err(DecideError::SignalCount { expected: 1, found: 2 }));
    assert_eq!(rig.decide().unwrap(), DecisionSeq(1), "a refused decision uses up no number");
}

#[test]
fn a_monitor_that_never_was_there_is_no_lost_link() {
    let mut rig = Rig::new(AgentKind::Vehicle);
    for _ in 0..5 {
        rig.connect();
        rig.core.handle_disconnected(rig.now);
        rig.pass(seconds(20));
    }
    assert_eq!(rig.core.directive().mode, Mode::SafePolicy);
    assert!(rig.core.status(rig.now).latches.is_empty());
}

fn probe(seq: u64) -> ToAgent {
    ToAgent::Probe(PathProbe { session_id: SessionId(9), seq })
}

#[test]
fn a_probe_is_answered_at_once_with_when_it_came_and_ahead_of_what_waits() {
    let mut rig = Rig::new(AgentKind::Vehicle);
    let drive = rig.connect().drive.unwrap();
    assert_eq!((drive.top_speed_mps * 3.6, drive.actuation_nanos), (50.0, 50_000_000), "what is assumed");
    rig.tell(&probe(1));
    assert!(rig.frames().is_empty(), "not before the welcome");
    rig.tell(&welcome(1, 0));
    rig.decide().unwrap();
    rig.frames();
    let came = rig.now;
    rig.tell(&probe(2));
    rig.decide().unwrap();
    rig.now = rig.now.after(Duration::from_millis(7));
    let frames = rig.frames();
    let [AgentMessage::Probed(answer), ..] = frames.as_slice() else { panic!("{frames:?}") };
    assert_eq!((answer.session_id, answer.seq), (SessionId(9), 2));
    assert_eq!((answer.received, answer.answered, answer.latency_cap_mps), (came, rig.now, None));
}

#[test]
fn of_more_probes_than_consoles_the_newest_are_answered() {
    let mut rig = Rig::welcomed();
    for seq in 1..=20 {
        rig.tell(&probe(seq));
    }
    let of = |message| if let AgentMessage::Probed(answer) = message { Some(answer.seq) } else { None };
    assert_eq!(rig.frames().into_iter().filter_map(of).collect::<Vec<_>>(), (13..=20).collect::<Vec<_>>());
}
