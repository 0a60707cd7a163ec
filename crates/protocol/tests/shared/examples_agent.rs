//! Examples of what an agent and the monitor say to each other.

use super::{Example, Set, agent, boot, command_id, label, note, person};
use watchkeeper_model::{
    AgentKind, AgentTime, Alternative, CommandArgs, CommandCode, CommandKind, CommandState, Confidence,
    Context, ControlState, Decision, DecisionSeq, DemandId, DemandOrigin, DemandOutcome, Epoch,
    FallbackCause, FallbackLevel, Incarnation, Latch, LatchCause, LatchId, LeaseEnd, PlanPoint, Pose,
    QuestionPolicy, SceneId, SessionId, Setpoint, SignalSpec, StateVersion, TaskVerb, WaitDefault, Waiting,
};
use watchkeeper_protocol::{
    AgentMessage, SessionKind, ToAgent,
    agent::{
        AgentHello, AgentWelcome, Command, CommandAck, Demand, DemandEnd, DriveLimits, DurableUpTo, Grant,
        Heartbeat, HolderHeartbeat, PathAnswer, PathProbe, Question, RequestIntervention, Void,
    },
    encode,
    session::{ErrorCode, ErrorReport, Head, Ping, Pong},
};

pub(super) fn examples() -> Vec<Example> {
    [hellos(), from_agent(), session_to_agent(), lease_to_agent()].concat()
}

const fn at(millis: u64) -> AgentTime {
    AgentTime::from_nanos(millis * 1_000_000)
}

fn confidence(value: f64) -> Confidence {
    Confidence::new(value).expect("a probability")
}

fn fallback_latch() -> Latch {
    Latch { latch_id: LatchId(9_223_001), cause: LatchCause::Fallback }
}

fn signals() -> Vec<SignalSpec> {
    let spec = |name, unit| SignalSpec { name: label(name), unit: label(unit) };
    vec![spec("speed", "m/s"), spec("gap", "m")]
}

fn hellos() -> Vec<Example> {
    let full = AgentHello {
        tasks: vec![TaskVerb::Hazards, TaskVerb::Goto],
        session: SessionKind::Agent,
        token: Some(watchkeeper_model::BearerToken::new("6f1c2a").expect("a token")),
        agent: agent(),
        kind: AgentKind::Vehicle,
        signals: signals(),
        boot_id: boot(),
        clean_shutdown: true,
        highest_epoch: Epoch(6),
        highest_incarnation: Incarnation(3),
        latches: vec![fallback_latch()],
        control_state: ControlState::SafeHeld,
        software_version: label("pilot 2.4.1"),
        drive: Some(DriveLimits { top_speed_mps: 12.5, actuation_nanos: 50_000_000 }),
    };
    let first = AgentHello {
        token: None,
        kind: AgentKind::Generic,
        signals: Vec::new(),
        highest_epoch: Epoch(0),
        highest_incarnation: Incarnation(0),
        latches: Vec::new(),
        control_state: ControlState::Autonomous,
        drive: None,
        tasks: Vec::new(),
        ..full.clone()
    };
    let example =
        |name, hello| Example { set: Set::FromAgent, kind: "hello", name, frame: encode("hello", hello) };
    vec![example("full", &full), example("first_start", &first)]
}

fn calm() -> Heartbeat {
    Heartbeat::autonomous(boot(), at(12_500))
}

fn heartbeats() -> [(&'static str, Heartbeat); 5] {
    [
        ("autonomous", calm()),
        (
            "asking",
            Heartbeat {
                now: at(13_100),
                control_state: ControlState::AssistPending,
                state_version: StateVersion(2),
                scenes: vec![SceneId(5)],
                ..calm()
            },
        ),
        (
            "in_transition",
            Heartbeat {
                now: at(16_200),
                control_state: ControlState::InTransition,
                state_version: StateVersion(4),
                transition_from: Some(ControlState::Claimed),
                demand_id: Some(DemandId(41)),
                demand_left_nanos: Some(6_300_000_000),
                epoch: Epoch(7),
                ..calm()
            },
        ),
        (
            "fallback",
            Heartbeat {
                now: at(31_000),
                control_state: ControlState::Fallback,
                state_version: StateVersion(7),
                fallback_level: Some(FallbackLevel::COMFORTABLE),
                fallback_cause: Some(FallbackCause::Demand),
                latches: vec![fallback_latch()],
                can_resume: false,
                unverified: true,
                ..calm()
            },
        ),
        (
            "driven_by_hand",
            Heartbeat {
                now: at(21_400),
                control_state: ControlState::Human,
                state_version: StateVersion(6),
                epoch: Epoch(7),
                manual: true,
                neutral: true,
                ..calm()
            },
        ),
    ]
}

fn decisions() -> [(&'static str, Decision); 2] {
    let small = Decision {
        seq: DecisionSeq(1),
        made_at: at(12_500),
        action: label("keep_lane"),
        confidence: None,
        alternatives: Vec::new(),
        signals: vec![21.5, f64::NAN],
        subject: None,
        context: None,
        waiting: None,
    };
    let full = Decision {
        seq: DecisionSeq(118),
        made_at: at(14_300),
        action: label("brake"),
        confidence: Some(confidence(0.05)),
        alternatives: vec![Alternative { action: label("keep_lane"), confidence: confidence(0.04) }],
        signals: vec![20.25, 14.0],
        subject: Some(label("lorry-ahead")),
        context: Some(Context {
            pose: Some(Pose { x_meters: 120.5, y_meters: -3.5, heading_radians: 0.25 }),
            plan: vec![PlanPoint { x_meters: 130.5, y_meters: -1.0 }],
        }),
        waiting: Some(Waiting { until: at(29_300), then: WaitDefault { action: label("hold") } }),
    };
    [("full", full), ("smallest", small)]
}

pub(super) fn question() -> Question {
    Question {
        scene_id: SceneId(5),
        prompt: note("a lorry blocks the lane: pass it on the left?"),
        options: vec![label("pass"), label("wait")],
        default: 1,
        policy: QuestionPolicy::Required,
        left_nanos: 15_000_000_000,
    }
}

fn acks() -> [(&'static str, CommandAck); 3] {
    let ack = |state, at| CommandAck {
        command_id: command_id(3),
        state,
        code: None,
        percent: None,
        at,
        detail: None,
    };
    [
        ("accepted", ack(CommandState::Accepted, at(18_104))),
        ("in_progress", CommandAck { percent: Some(40), ..ack(CommandState::InProgress, at(18_600)) }),
        (
            "rejected",
            CommandAck {
                code: Some(CommandCode::StaleEpoch),
                detail: Some(note("epoch 6 is not the active one, 7 is")),
                ..ack(CommandState::Rejected, at(18_100))
            },
        ),
    ]
}

fn from_agent() -> Vec<Example> {
    let mut examples = Vec::new();
    let mut add = |name, message| examples.push(Example::of(Set::FromAgent, name, &message));
    for (name, heartbeat) in heartbeats() {
        add(name, AgentMessage::Heartbeat(heartbeat));
    }
    for (name, decision) in decisions() {
        add(name, AgentMessage::Decision(decision));
    }
    add(
        "full",
        AgentMessage::RequestIntervention(RequestIntervention { reason: note("road closed, no way round") }),
    );
    add("full", AgentMessage::Question(question()));
    for (name, ack) in acks() {
        add(name, AgentMessage::Ack(ack));
    }
    add(
        "full",
        AgentMessage::Pong(Pong {
            sent_nanos: 88_000_000_000,
            received_nanos: 12_700_000_000,
            answered_nanos: 12_700_050_000,
        }),
    );
    let answer = PathAnswer {
        session_id: SessionId(9),
        seq: 41,
        received: at(20_300),
        answered: AgentTime::from_nanos(20_300_060_000),
        latency_cap_mps: Some(10.0),
    };
    add("limited", AgentMessage::Probed(answer));
    add("free", AgentMessage::Probed(PathAnswer { seq: 42, latency_cap_mps: None, ..answer }));
    examples
}

fn session_to_agent() -> Vec<Example> {
    let messages = [
        (
            "full",
            ToAgent::Welcome(AgentWelcome {
                session_id: SessionId(5),
                incarnation: Incarnation(3),
                epoch: Epoch(6),
                latches: vec![fallback_latch()],
                lease_live: false,
                durable_seq: DecisionSeq(117),
                heartbeat_nanos: 100_000_000,
            }),
        ),
        ("full", ToAgent::Durable(DurableUpTo { seq: DecisionSeq(118) })),
        ("first", ToAgent::Ping(Ping { sent_nanos: 88_000_000_000, offset_nanos: None, error_nanos: None })),
        (
            "later",
            ToAgent::Ping(Ping {
                sent_nanos: 89_000_000_000,
                offset_nanos: Some(-75_300_000_000),
                error_nanos: Some(120_000),
            }),
        ),
        ("full", ToAgent::Probe(PathProbe { session_id: SessionId(9), seq: 41 })),
        ("full", ToAgent::Head(Head { sequence: 4_711, hash: [0xab; 32] })),
        (
            "bad_field",
            ToAgent::Error(ErrorReport {
                code: ErrorCode::BadField,
                message: note("heartbeat: field now: missing field `now`"),
                kind: Some(label("heartbeat")),
                field: Some(label("now")),
            }),
        ),
        (
            "replaced",
            ToAgent::Error(ErrorReport {
                code: ErrorCode::Replaced,
                message: note("truck-17 is connected from somewhere else since"),
                kind: None,
                field: None,
            }),
        ),
    ];
    messages.iter().map(|(name, message)| Example::of(Set::ToAgent, name, message)).collect()
}

fn hold() -> Command {
    Command {
        command_id: command_id(3),
        boot_id: boot(),
        kind: CommandKind::Hold,
        args: CommandArgs::default(),
        epoch: Epoch(7),
        seq: 3,
        deadline: at(20_100),
        issued_by: person(),
        evidence_version: Some(StateVersion(5)),
        expect_state: Some(ControlState::Human),
    }
}

fn commands() -> [(&'static str, Command); 6] {
    let unleased = Command { epoch: Epoch(0), seq: 0, evidence_version: None, expect_state: None, ..hold() };
    let verb = |kind, args, last| Command { command_id: command_id(last), kind, args, ..unleased.clone() };
    let clear =
        CommandArgs { latch_id: Some(LatchId(9_223_001)), reason: Some(note("road is free")), ..no_args() };
    let goto = CommandArgs { path: vec![PlanPoint { x_meters: 12.5, y_meters: -3.0 }], ..no_args() };
    [
        ("hold", hold()),
        (
            "engage",
            Command {
                command_id: command_id(1),
                kind: CommandKind::Engage,
                args: CommandArgs { latches: vec![LatchId(9_223_001)], ..no_args() },
                seq: 1,
                ..hold()
            },
        ),
        ("speed_cap", verb(CommandKind::SpeedCap, CommandArgs { speed_mps: Some(8.5), ..no_args() }, 4)),
        (
            "minimal_risk",
            verb(
                CommandKind::MinimalRisk,
                CommandArgs { level: Some(FallbackLevel::CONTAIN), ..no_args() },
                5,
            ),
        ),
        ("clear_latch", verb(CommandKind::ClearLatch, clear, 6)),
        (
            "goto",
            Command {
                command_id: command_id(9),
                kind: CommandKind::Task(TaskVerb::Goto),
                args: goto,
                ..hold()
            },
        ),
    ]
}

fn no_args() -> CommandArgs {
    CommandArgs::default()
}

fn lease_to_agent() -> Vec<Example> {
    let mut messages = vec![
        (
            "full",
            ToAgent::Demand(Demand {
                demand_id: DemandId(41),
                origin: DemandOrigin::Monitor,
                critical: true,
                left_nanos: 10_000_000_000,
                state_version: StateVersion(1),
                reason: note("confidence fell from 0.95 to 0.05"),
            }),
        ),
        (
            "full",
            ToAgent::DemandEnd(DemandEnd { demand_id: DemandId(41), outcome: DemandOutcome::SelfCleared }),
        ),
        (
            "full",
            ToAgent::Grant(Grant {
                epoch: Epoch(7),
                holder: person(),
                holder_session: SessionId(9),
                boot_id: boot(),
            }),
        ),
        ("full", ToAgent::Void(Void { epoch: Epoch(7), reason: LeaseEnd::HandedBack })),
        (
            "full",
            ToAgent::Holder(HolderHeartbeat {
                epoch: Epoch(7),
                seq: 112,
                ready: true,
                deadline: at(22_000),
                setpoint: Some(Setpoint { steer: 0.25, accelerate: -0.5 }),
                latency_nanos: Some(250_000_000),
            }),
        ),
        (
            "without_hands",
            ToAgent::Holder(HolderHeartbeat {
                epoch: Epoch(7),
                seq: 12,
                ready: true,
                deadline: at(17_000),
                setpoint: None,
                latency_nanos: None,
            }),
        ),
    ];
    messages.extend(commands().map(|(name, command)| (name, ToAgent::Command(command))));
    messages.iter().map(|(name, message)| Example::of(Set::ToAgent, name, message)).collect()
}
