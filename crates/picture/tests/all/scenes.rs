//! Messages as the monitor sends them, and small scenes folded from them, for tests of one rule each.
//!
//! Whole fleets with their history are in `watchkeeper_picture::examples`.

use std::time::Duration;
use uuid::Uuid;
use watchkeeper_model::*;
use watchkeeper_picture::Picture;
use watchkeeper_protocol::{ToOperator, operator::*};

/// Console clock when a scene begins.
pub(crate) const START: MonoTime = MonoTime::from_nanos(1_000_000_000_000);
/// Monitor clock at that time.
pub(crate) const MONITOR_START: MonoTime = MonoTime::from_nanos(500_000_000_000);
/// The session of this console.
pub(crate) const SESSION: SessionId = SessionId(7);

pub(crate) fn agent(name: &str) -> AgentId {
    AgentId::new(name).unwrap()
}

pub(crate) fn person(name: &str) -> PersonId {
    PersonId::new(name).unwrap()
}

pub(crate) fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

pub(crate) fn label(text: &str) -> Label {
    Label::new(text).unwrap()
}

pub(crate) fn note(text: &str) -> Note {
    Note::new(text).unwrap()
}

pub(crate) fn welcome(role: OperatorRole, resumed: bool) -> ToOperator {
    ToOperator::Welcome(OperatorWelcome {
        session_id: SESSION,
        incarnation: Incarnation(3),
        person: person("anna"),
        role,
        resumed,
        software_version: label("0.1.0"),
        now: MONITOR_START,
    })
}

pub(crate) fn status(name: &str, kind: AgentKind) -> AgentStatus {
    let signals = match kind {
        AgentKind::Vehicle => vec![("speed", "m/s"), ("gap", "m"), ("accel", "m/s2")],
        AgentKind::Transaction | AgentKind::SoftwareAgent | AgentKind::Generic => vec![("amount", "EUR")],
    };
    AgentStatus {
        tasks: Vec::new(),
        agent: agent(name),
        kind,
        signals: signals
            .into_iter()
            .map(|(name, unit)| SignalSpec { name: label(name), unit: label(unit) })
            .collect(),
        boot_id: BootId(Uuid::from_u128(11)),
        software_version: label("drive 4.2"),
        control_state: ControlState::Autonomous,
        state_version: StateVersion(1),
        transition_from: None,
        fallback_level: None,
        fallback_cause: None,
        locked_out: false,
        questions: Vec::new(),
        offline_nanos: None,
        agent_clock: AgentTime::from_nanos(80_000_000_000),
        heartbeat_age_nanos: 50_000_000,
        settled: true,
        latches: vec![],
        demand: None,
        lease: None,
        stable: true,
        condition_reached: false,
        can_resume: true,
        local_override: false,
        unverified: false,
        stop_pending: false,
        manual: false,
        neutral: false,
        score: 0.02,
        decisions: 1_200,
        gaps: 0,
        clock_offset: Some(ClockOffset { offset_nanos: 1_200_000, error_nanos: 100_000 }),
    }
}

pub(crate) fn lease(holder: &str, session_id: SessionId) -> LeaseStatus {
    LeaseStatus {
        holder: person(holder),
        session_id,
        epoch: Epoch(41),
        left_nanos: 1_900_000_000,
        engage_left_nanos: None,
        takeover_allowed: false,
        waived_by: None,
        handover: None,
        next: None,
        ready: true,
    }
}

pub(crate) fn demand(left: Duration) -> DemandStatus {
    DemandStatus {
        demand_id: DemandId(9),
        origin: DemandOrigin::Monitor,
        left_nanos: u64::try_from(left.as_nanos()).unwrap(),
        then: note("it pulls over (fallback 2)"),
        reason: note("speed signal frozen for 2.1 s while others moved"),
    }
}

pub(crate) fn alarm(id: u64, name: &str, severity: Severity) -> Alarm {
    let group = (agent(name), CauseClass::Outlier, label("speed"));
    Alarm {
        severity,
        state: AlarmState::UnackActive,
        changed_at: MONITOR_START.before(millis(800)),
        count: 42,
        decision: Some(DecisionSeq(1_180)),
        explanation: Explanation {
            detector: label("ewma_z"),
            version: 1,
            statistic: 7.4,
            threshold: 4.0,
            score: 0.93,
            signals: vec![SignalEvidence {
                signal: label("speed"),
                unit: label("m/s"),
                value: 12.6,
                expected_low: Some(12.8),
                expected_high: Some(13.9),
                contribution: 0.8,
            }],
            samples: vec![Sample { seq: DecisionSeq(1_180), value: 12.6 }],
            text: note("speed stood at 12.6 m/s, expected 12.8 to 13.9 m/s, 42 times"),
        },
        ..Alarm::never_raised(AlertId(id), group, MONITOR_START.before(millis(2_800)))
    }
}

pub(crate) fn telemetry(name: &str, seq: u64, score: f64) -> Telemetry {
    Telemetry {
        agent: agent(name),
        seq: DecisionSeq(seq),
        received_at: MONITOR_START,
        action: label("follow_lane"),
        confidence: Some(Confidence::new(0.97).unwrap()),
        signals: vec![12.6, 31.25, -0.125],
        score,
        pose: None,
        plan: vec![],
    }
}

pub(crate) fn health(degraded: bool) -> ToOperator {
    let stage = |stage, p99_millis: u64, breaches| StageLatency {
        stage,
        count: 12,
        p50_nanos: p99_millis * 400_000,
        p95_nanos: p99_millis * 900_000,
        p99_nanos: p99_millis * 1_000_000,
        max_nanos: p99_millis * 1_500_000,
        breaches,
    };
    ToOperator::Health(Health {
        now: MONITOR_START,
        degraded,
        ledger_queue: 0.04,
        agents: 4,
        consoles: 2,
        refused_frames: 1,
        stages: vec![
            stage(Stage::Detect, 40, 0),
            stage(Stage::Notify, 140, 0),
            stage(Stage::Decide, 3_200, 0),
            stage(Stage::Command, 90, 2),
        ],
    })
}

pub(crate) fn snapshot(cursor: u64, agents: Vec<AgentStatus>, alerts: Vec<Alarm>) -> ToOperator {
    ToOperator::Snapshot(SnapshotPart { cursor, part: 0, last: true, agents, alerts, takeovers: vec![] })
}

fn fleet() -> Vec<AgentStatus> {
    let mut agents: Vec<_> =
        ["truck-03", "truck-17", "truck-21"].iter().map(|name| status(name, AgentKind::Vehicle)).collect();
    agents.push(status("cards-eu", AgentKind::Transaction));
    agents
}

/// A picture of `agents` and `alerts` with ten decisions a second until `START`.
pub(crate) fn picture(role: OperatorRole, agents: Vec<AgentStatus>, alerts: Vec<Alarm>) -> Picture {
    let mut picture = Picture::new();
    picture.handle_connected(START.before(millis(1_200)));
    picture.handle(&welcome(role, false), START.before(millis(1_100)));
    let names: Vec<_> = agents.iter().map(|status| status.agent.to_string()).collect();
    // The same snapshot twice, a second apart: histories outlive a snapshot.
    picture.handle(&snapshot(100, agents.clone(), alerts.clone()), START.before(millis(1_000)));
    for step in 0..10 {
        for name in &names {
            let message = ToOperator::Telemetry(telemetry(name, 1_191 + step, 0.02));
            picture.handle(&message, START.before(millis(900 - 100 * step)));
        }
    }
    picture.handle(&snapshot(100, agents, alerts), START);
    picture.handle(&health(false), START);
    picture
}

/// Nothing wrong anywhere.
pub(crate) fn calm() -> (Picture, MonoTime) {
    (picture(OperatorRole::Operator, fleet(), vec![]), START.after(millis(60)))
}

fn troubled(state: ControlState) -> (Vec<AgentStatus>, Vec<Alarm>) {
    let mut agents = fleet();
    let truck = &mut agents[1];
    truck.control_state = state;
    truck.state_version = StateVersion(2);
    truck.score = 0.93;
    truck.demand = Some(demand(millis(7_300)));
    let mut first = alarm(501, "truck-17", Severity::Critical);
    first.response = Response::Takeover;
    first.demand_id = Some(DemandId(9));
    let mut second = alarm(502, "truck-21", Severity::Advisory);
    second.state = AlarmState::AckedActive;
    second.acknowledged_by = Some(person("bob"));
    (agents, vec![first, second])
}

/// A takeover is demanded.
pub(crate) fn alert() -> (Picture, MonoTime) {
    let (agents, alerts) = troubled(ControlState::Requested);
    (picture(OperatorRole::Operator, agents, alerts), START.after(millis(60)))
}

/// This person has claimed the agent.
pub(crate) fn claimed() -> (Picture, MonoTime) {
    let (mut agents, alerts) = troubled(ControlState::Claimed);
    agents[1].lease = Some(LeaseStatus { engage_left_nanos: Some(4_300_000_000), ..lease("anna", SESSION) });
    (picture(OperatorRole::Operator, agents, alerts), START.after(millis(60)))
}

/// This person drives the agent; one command is done, one on its way.
pub(crate) fn takeover() -> (Picture, MonoTime) {
    let (mut agents, mut alerts) = troubled(ControlState::Human);
    agents[1].demand = None;
    agents[1].lease = Some(lease("anna", SESSION));
    agents[1].can_resume = false;
    alerts[0].state = AlarmState::AckedActive;
    alerts[0].acknowledged_by = Some(person("anna"));
    let mut picture = picture(OperatorRole::Operator, agents, alerts);
    picture.handle_issued(
        CommandId(Uuid::from_u128(2)),
        &agent("truck-17"),
        CommandKind::HandBack,
        START.after(millis(15)),
    );
    let update = |cursor, id, kind, state, code: Option<CommandCode>, logged| {
        ToOperator::CommandStatus(CommandUpdate {
            cursor,
            command_id: CommandId(Uuid::from_u128(id)),
            agent: agent("truck-17"),
            kind,
            issued_by: person("anna"),
            state,
            code,
            detail: code.map(|_code| note("the cause is still there: speed")),
            logged,
        })
    };
    let done = update(101, 1, CommandKind::Engage, CommandState::Completed, None, true);
    picture.handle(&done, START.after(millis(10)));
    let refused =
        update(102, 2, CommandKind::HandBack, CommandState::Rejected, Some(CommandCode::Precondition), true);
    picture.handle(&refused, START.after(millis(20)));
    let going = update(103, 3, CommandKind::Hold, CommandState::Accepted, None, false);
    picture.handle(&going, START.after(millis(30)));
    picture.handle_issued(
        CommandId(Uuid::from_u128(4)),
        &agent("truck-17"),
        CommandKind::SpeedCap,
        START.after(millis(40)),
    );
    (picture, START.after(millis(60)))
}

/// The connection broke in the middle of a demand.
pub(crate) fn disconnected() -> (Picture, MonoTime) {
    let (mut picture, now) = alert();
    picture.handle_disconnected(now);
    (picture, now.after(millis(4_000)))
}
