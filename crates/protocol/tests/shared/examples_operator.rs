//! Examples of what an operator's console and the monitor say to each other.

use super::{
    Example, Set, agent,
    agent::question,
    alarms::{alarm, common, out_of_service, shelved, suppressed},
    boot, command_id, label, note,
    people::{access, agreements, begun, other_person, roster, takeover},
    person,
};
use watchkeeper_model::{
    AgentKind, AgentTime, Alarm, AlarmState, AlertId, CommandArgs, CommandCode, CommandKind, CommandState,
    Confidence, ControlState, DecisionSeq, DemandId, DemandOrigin, Epoch, FallbackCause, FallbackLevel,
    Incarnation, Latch, LatchCause, LatchId, LeaseEnd, MonoTime, OperatorRole, PlanPoint, Pose, SceneId,
    SessionId, Setpoint, SignalSpec, Stage, StateVersion, TaskVerb,
};
use watchkeeper_protocol::{
    OperatorMessage, SessionKind, ToOperator, encode,
    operator::{
        Acknowledge, AgentStatus, AlertUpdate, Authorised, Claim, ClockOffset, CommandRequest, CommandUpdate,
        ConsoleKind, DemandStatus, Dropped, HandoverStatus, Health, HolderReport, LatencyParts, LeaseEvent,
        LeaseStatus, LeaseUpdate, NextHolder, OneWay, OperatorHello, OperatorWelcome, PathLatency, Presented,
        Probe, Refresh, Resume, SnapshotPart, StageLatency, StatusUpdate, Stop, TakeoverUpdate, Telemetry,
    },
    session::{ErrorCode, ErrorReport, Head, Ping, Pong},
};

pub(super) fn examples() -> Vec<Example> {
    [hellos(), from_operator(), picture(), progress(), path(), access(), about_the_monitor()].concat()
}

const fn at(millis: u64) -> AgentTime {
    AgentTime::from_nanos(millis * 1_000_000)
}

pub(super) const fn mono(millis: u64) -> MonoTime {
    MonoTime::from_nanos(millis * 1_000_000)
}

fn hellos() -> Vec<Example> {
    let full = OperatorHello {
        session: SessionKind::Operator,
        token: Some(watchkeeper_model::BearerToken::new("6f1c2a").expect("a token")),
        person: person(),
        role: OperatorRole::Operator,
        console: ConsoleKind::Scripted,
        resume: Some(Resume { incarnation: Incarnation(3), cursor: 230 }),
    };
    let fresh = OperatorHello { token: None, resume: None, ..full.clone() };
    let example =
        |name, hello| Example { set: Set::FromOperator, kind: "hello", name, frame: encode("hello", hello) };
    vec![example("full", &full), example("fresh", &fresh)]
}

fn authorised(last: u128, seq: u64, latches: Vec<LatchId>) -> Authorised {
    Authorised {
        command_id: command_id(last),
        agent: agent(),
        boot_id: boot(),
        epoch: Epoch(7),
        seq,
        deadline: at(18_000),
        evidence_version: StateVersion(3),
        latches,
        issued_nanos: 501_000_000_000,
    }
}

fn requests() -> [(&'static str, CommandRequest); 7] {
    let assume = CommandRequest {
        command_id: command_id(2),
        agent: agent(),
        boot_id: boot(),
        kind: CommandKind::Assume,
        args: CommandArgs::default(),
        epoch: Epoch(7),
        seq: 2,
        deadline: at(18_300),
        evidence_version: Some(StateVersion(4)),
        expect_state: Some(ControlState::InTransition),
        issued_nanos: 501_300_000_000,
    };
    let speed_cap = CommandRequest {
        command_id: command_id(4),
        kind: CommandKind::SpeedCap,
        args: CommandArgs { speed_mps: Some(8.5), ..CommandArgs::default() },
        epoch: Epoch(0),
        seq: 0,
        evidence_version: None,
        expect_state: None,
        ..assume.clone()
    };
    let clear_latch = CommandRequest {
        command_id: command_id(6),
        kind: CommandKind::ClearLatch,
        args: CommandArgs {
            latch_id: Some(LatchId(9_223_001)),
            reason: Some(note("road is free")),
            ..CommandArgs::default()
        },
        ..speed_cap.clone()
    };
    let decide = CommandRequest {
        command_id: command_id(7),
        kind: CommandKind::Decide,
        args: CommandArgs { scene_id: Some(SceneId(5)), option: Some(1), ..CommandArgs::default() },
        ..speed_cap.clone()
    };
    // Payments and software agents have tasks of their own.
    let task = |last, verb, args| CommandRequest {
        command_id: command_id(last),
        kind: CommandKind::Task(verb),
        args,
        ..speed_cap.clone()
    };
    let freeze = CommandArgs {
        target: Some(label("card-7")),
        ttl_nanos: Some(7_200_000_000_000),
        ..CommandArgs::default()
    };
    let throttle = CommandArgs { amount: Some(30.0), ..CommandArgs::default() };
    let respond = CommandArgs { text: Some(note("use the test account")), ..CommandArgs::default() };
    [
        ("assume", assume),
        ("speed_cap", speed_cap.clone()),
        ("clear_latch", clear_latch),
        ("decide", decide),
        ("freeze_card", task(10, TaskVerb::FreezeCard, freeze)),
        ("throttle", task(11, TaskVerb::Throttle, throttle)),
        ("respond", task(12, TaskVerb::Respond, respond)),
    ]
}

fn holder_report() -> HolderReport {
    HolderReport {
        agent: agent(),
        epoch: Epoch(7),
        seq: 112,
        ready: true,
        state_version: StateVersion(6),
        deadline: at(22_000),
        setpoint: Some(Setpoint { steer: 0.25, accelerate: -0.5 }),
    }
}

fn from_operator() -> Vec<Example> {
    let mut messages = vec![
        ("full", OperatorMessage::Claim(Claim { agent: agent() })),
        ("full", OperatorMessage::Engage(authorised(1, 1, vec![LatchId(9_223_001)]))),
        ("full", OperatorMessage::Release(authorised(7, 4, Vec::new()))),
        ("full", OperatorMessage::HandBack(authorised(8, 5, Vec::new()))),
        ("full", OperatorMessage::Acknowledge(Acknowledge { alert_id: AlertId(88) })),
        (
            "full",
            OperatorMessage::Stop(Stop {
                command_id: command_id(9),
                agent: agent(),
                reason: Some(note("person on the road")),
                confirm_many: true,
                issued_nanos: 502_000_000_000,
            }),
        ),
        ("full", OperatorMessage::Heartbeat(holder_report())),
        (
            "without_hands",
            OperatorMessage::Heartbeat(HolderReport {
                seq: 12,
                state_version: StateVersion(4),
                deadline: at(17_000),
                setpoint: None,
                ..holder_report()
            }),
        ),
        (
            "full",
            OperatorMessage::Presented(Presented {
                alerts: vec![AlertId(88), AlertId(89)],
                presented_nanos: 500_400_000_000,
            }),
        ),
        (
            "full",
            OperatorMessage::Pong(Pong {
                sent_nanos: 88_000_000_000,
                received_nanos: 500_000_000_000,
                answered_nanos: 500_000_040_000,
            }),
        ),
    ];
    let probe =
        Probe { agent: agent(), seq: 41, sent_nanos: 500_200_000_000, display_nanos: Some(34_000_000) };
    messages.push(("full", OperatorMessage::Probe(probe.clone())));
    messages.push(("first", OperatorMessage::Probe(Probe { seq: 1, display_nanos: None, ..probe })));
    let token = watchkeeper_model::BearerToken::new("v4.public.eyJqdGkiOiI2ZjFkIn0").expect("a token");
    messages.push(("full", OperatorMessage::Refresh(Refresh { token })));
    messages.extend(agreements());
    messages.extend(requests().map(|(name, request)| (name, OperatorMessage::Command(request))));
    messages.iter().map(|(name, message)| Example::of(Set::FromOperator, name, message)).collect()
}

fn status() -> AgentStatus {
    AgentStatus {
        tasks: vec![TaskVerb::Hazards, TaskVerb::Goto],
        agent: agent(),
        kind: AgentKind::Vehicle,
        signals: vec![SignalSpec { name: label("speed"), unit: label("m/s") }],
        boot_id: boot(),
        software_version: label("pilot 2.4.1"),
        control_state: ControlState::InTransition,
        state_version: StateVersion(4),
        transition_from: Some(ControlState::Claimed),
        fallback_level: None,
        fallback_cause: None,
        locked_out: false,
        questions: Vec::new(),
        offline_nanos: None,
        agent_clock: at(16_200),
        heartbeat_age_nanos: 35_000_000,
        settled: true,
        latches: Vec::new(),
        demand: Some(DemandStatus {
            demand_id: DemandId(41),
            origin: DemandOrigin::Monitor,
            left_nanos: 6_265_000_000,
            then: note("falls back to a comfortable stop"),
            reason: note("confidence fell from 0.95 to 0.05"),
        }),
        lease: Some(LeaseStatus {
            holder: person(),
            session_id: SessionId(9),
            epoch: Epoch(7),
            left_nanos: 1_900_000_000,
            ready: true,
            engage_left_nanos: Some(4_200_000_000),
            takeover_allowed: false,
            handover: None,
            waived_by: None,
            next: None,
        }),
        stable: true,
        condition_reached: false,
        can_resume: true,
        local_override: false,
        unverified: false,
        stop_pending: false,
        manual: false,
        neutral: false,
        score: 0.93,
        decisions: 118,
        gaps: 0,
        clock_offset: Some(ClockOffset { offset_nanos: -75_300_000_000, error_nanos: 120_000 }),
    }
}

/// Driven by hand, while somebody asks for control and a supervisor is about to take it.
fn driven() -> AgentStatus {
    let lease = LeaseStatus {
        holder: person(),
        session_id: SessionId(9),
        epoch: Epoch(7),
        left_nanos: 1_950_000_000,
        ready: true,
        engage_left_nanos: None,
        takeover_allowed: true,
        handover: Some(HandoverStatus {
            request_id: 3,
            by: other_person(),
            session_id: SessionId(11),
            left_nanos: 8_200_000_000,
            reason: Some(note("my route")),
        }),
        waived_by: Some(other_person()),
        next: Some(NextHolder {
            holder: other_person(),
            session_id: SessionId(11),
            epoch: Epoch(8),
            left_nanos: 9_400_000_000,
            ready: true,
            preempts: true,
        }),
    };
    AgentStatus {
        control_state: ControlState::Human,
        state_version: StateVersion(6),
        transition_from: None,
        demand: None,
        lease: Some(lease),
        questions: vec![question()],
        manual: true,
        neutral: true,
        ..status()
    }
}

fn offline() -> AgentStatus {
    AgentStatus {
        control_state: ControlState::Fallback,
        transition_from: None,
        fallback_level: Some(FallbackLevel::COMFORTABLE),
        fallback_cause: Some(FallbackCause::Demand),
        locked_out: true,
        offline_nanos: Some(2_400_000_000),
        latches: vec![Latch { latch_id: LatchId(9_223_001), cause: LatchCause::Fallback }],
        demand: None,
        lease: None,
        clock_offset: None,
        ..status()
    }
}

fn picture() -> Vec<Example> {
    let quiet = Alarm {
        decision: None,
        demand_id: None,
        acknowledged_by: None,
        state: AlarmState::UnackActive,
        ..alarm()
    };
    let messages = vec![
        (
            "full",
            ToOperator::Welcome(OperatorWelcome {
                session_id: SessionId(9),
                incarnation: Incarnation(3),
                person: person(),
                role: OperatorRole::Operator,
                resumed: false,
                software_version: label("watchkeeper 0.1.0"),
                now: mono(88_500),
            }),
        ),
        (
            "last_part",
            ToOperator::Snapshot(SnapshotPart {
                cursor: 230,
                part: 0,
                last: true,
                agents: vec![offline()],
                alerts: vec![alarm()],
                takeovers: vec![takeover()],
            }),
        ),
        ("full", ToOperator::Alert(AlertUpdate { cursor: 231, alarm: alarm() })),
        ("smallest", ToOperator::Alert(AlertUpdate { cursor: 232, alarm: quiet })),
        ("shelved", ToOperator::Alert(AlertUpdate { cursor: 236, alarm: shelved() })),
        ("out_of_service", ToOperator::Alert(AlertUpdate { cursor: 237, alarm: out_of_service() })),
        ("suppressed", ToOperator::Alert(AlertUpdate { cursor: 238, alarm: suppressed() })),
        ("common", ToOperator::Alert(AlertUpdate { cursor: 239, alarm: common() })),
        ("full", ToOperator::ControlStatus(StatusUpdate { cursor: 233, status: status() })),
        ("driven", ToOperator::ControlStatus(StatusUpdate { cursor: 234, status: driven() })),
        (
            "full",
            ToOperator::Telemetry(Telemetry {
                agent: agent(),
                seq: DecisionSeq(118),
                received_at: mono(89_601),
                action: label("brake"),
                confidence: Some(Confidence::new(0.05).expect("a probability")),
                signals: vec![20.25, 14.0],
                score: 0.93,
                pose: Some(Pose { x_meters: 120.5, y_meters: -3.5, heading_radians: 0.25 }),
                plan: vec![PlanPoint { x_meters: 130.5, y_meters: -1.0 }],
            }),
        ),
        ("over", ToOperator::Takeover(TakeoverUpdate { cursor: 244, takeover: takeover() })),
        ("begun", ToOperator::Takeover(TakeoverUpdate { cursor: 235, takeover: begun() })),
        ("full", ToOperator::Roster(roster())),
        ("full", ToOperator::Dropped(Dropped { telemetry: 12 })),
    ];
    messages.iter().map(|(name, message)| Example::of(Set::ToOperator, name, message)).collect()
}

fn progress() -> Vec<Example> {
    let completed = CommandUpdate {
        cursor: 240,
        command_id: command_id(3),
        agent: agent(),
        kind: CommandKind::Hold,
        issued_by: person(),
        state: CommandState::Completed,
        code: None,
        detail: None,
        logged: true,
    };
    let rejected = CommandUpdate {
        state: CommandState::Rejected,
        code: Some(CommandCode::Expired),
        detail: Some(note("the deadline passed 12 ms ago")),
        logged: false,
        ..completed.clone()
    };
    let granted = LeaseUpdate {
        cursor: 241,
        agent: agent(),
        holder: person(),
        session_id: SessionId(9),
        epoch: Epoch(7),
        event: LeaseEvent::Granted,
        code: None,
        end: None,
        detail: None,
    };
    let refused = LeaseUpdate {
        epoch: Epoch(0),
        event: LeaseEvent::Refused,
        code: Some(CommandCode::NotInControl),
        detail: Some(note("grace holds truck-17 under epoch 6")),
        ..granted.clone()
    };
    let ended = LeaseUpdate { event: LeaseEvent::Ended, end: Some(LeaseEnd::HandedBack), ..granted.clone() };
    let asked = LeaseUpdate {
        holder: other_person(),
        session_id: SessionId(11),
        epoch: Epoch(0),
        event: LeaseEvent::HandoverRequested,
        detail: Some(note("my route")),
        ..granted.clone()
    };
    let declined = LeaseUpdate {
        event: LeaseEvent::HandoverRefused,
        detail: Some(note("the holder did not answer in time")),
        ..asked.clone()
    };
    let messages = [
        ("completed", ToOperator::CommandStatus(completed)),
        ("rejected", ToOperator::CommandStatus(rejected)),
        ("granted", ToOperator::Lease(granted)),
        ("refused", ToOperator::Lease(refused)),
        ("ended", ToOperator::Lease(ended)),
        ("handover_requested", ToOperator::Lease(asked)),
        ("handover_refused", ToOperator::Lease(declined)),
    ];
    messages.iter().map(|(name, message)| Example::of(Set::ToOperator, name, message)).collect()
}

/// A total of 250 ms, with which a vehicle of 12.5 m/s is driven at 10 m/s.
fn path() -> Vec<Example> {
    let one_way = |nanos| OneWay { nanos, error_nanos: 900_000 };
    let limited = PathLatency {
        agent: agent(),
        seq: 41,
        latency: Some(LatencyParts {
            downlink: one_way(64_000_000),
            display_nanos: 34_000_000,
            uplink: one_way(102_000_000),
            actuate_nanos: 50_000_000,
            total_nanos: 250_000_000,
        }),
        latency_cap_mps: Some(10.0),
    };
    let unmeasured = PathLatency { seq: 1, latency: None, latency_cap_mps: None, ..limited.clone() };
    [("limited", limited), ("unmeasured", unmeasured)]
        .map(|(name, report)| Example::of(Set::ToOperator, name, &ToOperator::Probed(report)))
        .to_vec()
}

fn about_the_monitor() -> Vec<Example> {
    let messages = [
        (
            "full",
            ToOperator::Health(Health {
                now: mono(90_000),
                degraded: false,
                ledger_queue: 0.25,
                agents: 8,
                consoles: 2,
                refused_frames: 1,
                stages: vec![StageLatency {
                    stage: Stage::Detect,
                    count: 40,
                    p50_nanos: 900_000,
                    p95_nanos: 2_000_000,
                    p99_nanos: 4_000_000,
                    max_nanos: 9_000_000,
                    breaches: 0,
                }],
            }),
        ),
        (
            "full",
            ToOperator::Ping(Ping {
                sent_nanos: 89_000_000_000,
                offset_nanos: Some(411_000_000_000),
                error_nanos: Some(90_000),
            }),
        ),
        ("full", ToOperator::Head(Head { sequence: 4_711, hash: [0xab; 32] })),
        (
            "unknown_message",
            ToOperator::Error(ErrorReport {
                code: ErrorCode::UnknownMessage,
                message: note("no message is called \"flyby\""),
                kind: Some(label("flyby")),
                field: None,
            }),
        ),
    ];
    messages.iter().map(|(name, message)| Example::of(Set::ToOperator, name, message)).collect()
}
