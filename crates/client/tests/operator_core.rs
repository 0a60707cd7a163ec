//! The operator's core in virtual time: what intents become, and what is never sent.
#![expect(clippy::unwrap_used, reason = "a test that cannot set itself up should stop there")]

use std::time::Duration;
use watchkeeper_client::{
    ActError, Intent,
    operator::{OperatorConfig, OperatorCore},
};
use watchkeeper_model::{
    AgentId, AgentKind, AgentTime, AlertId, BootId, CommandArgs, CommandId, CommandKind, ControlState, Epoch,
    FallbackLevel, Incarnation, Label, LatchId, MonoTime, Note, OperatorRole, PersonId, SessionId, Setpoint,
    StateVersion,
};
use watchkeeper_protocol::{
    FirstFrame, Hello, OperatorMessage, ToOperator, Wire,
    operator::{
        AgentStatus, AlertUpdate, ConsoleKind, LeaseEvent, LeaseStatus, LeaseUpdate, OperatorHello,
        OperatorWelcome, Probe, Resume, SnapshotPart, StatusUpdate,
    },
};

const MINE: SessionId = SessionId(8);

fn truck() -> AgentId {
    AgentId::new("truck-1").unwrap()
}

fn id(number: u128) -> CommandId {
    CommandId(uuid::Uuid::from_u128(number))
}

fn status(state: ControlState, lease: Option<(SessionId, u64)>) -> AgentStatus {
    AgentStatus {
        tasks: Vec::new(),
        agent: truck(),
        kind: AgentKind::Vehicle,
        signals: Vec::new(),
        boot_id: BootId(uuid::Uuid::from_u128(1)),
        software_version: Label::default(),
        control_state: state,
        state_version: StateVersion(6),
        transition_from: None,
        fallback_level: None,
        fallback_cause: None,
        locked_out: false,
        questions: Vec::new(),
        offline_nanos: None,
        agent_clock: AgentTime::from_nanos(50_000_000_000),
        heartbeat_age_nanos: 0,
        settled: true,
        latches: Vec::new(),
        demand: None,
        lease: lease.map(|(session_id, epoch)| LeaseStatus {
            holder: PersonId::new("ada").unwrap(),
            session_id,
            epoch: Epoch(epoch),
            left_nanos: 3_000_000_000,
            engage_left_nanos: None,
            ready: true,
            takeover_allowed: false,
            waived_by: None,
            handover: None,
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
        score: 0.0,
        decisions: 1,
        gaps: 0,
        clock_offset: None,
    }
}

struct Rig {
    core: OperatorCore,
    now: MonoTime,
    cursor: u64,
    commands: u128,
}

impl Rig {
    fn new() -> Self {
        let core = OperatorCore::new(OperatorConfig {
            person: PersonId::new("ada").unwrap(),
            role: OperatorRole::Operator,
            console: ConsoleKind::Scripted,
        });
        Self { core, now: MonoTime::from_nanos(9_000_000_000), cursor: 100, commands: 0 }
    }

    /// Connected, with a whole picture of one agent.
    fn with(status: AgentStatus) -> Self {
        let mut rig = Self::new();
        rig.hello();
        rig.welcome(1, false);
        rig.tell(&whole(status));
        rig
    }

    fn hello(&mut self) -> OperatorHello {
        self.core.handle_connected(None, self.now);
        match FirstFrame::decode(&self.core.poll_transmit().unwrap()).unwrap() {
            Hello::Operator(hello) => hello,
            Hello::Agent(_) => panic!("an operator says hello as an operator"),
        }
    }

    fn welcome(&mut self, incarnation: u64, resumed: bool) {
        self.tell(&ToOperator::Welcome(OperatorWelcome {
            session_id: MINE,
            incarnation: Incarnation(incarnation),
            person: PersonId::new("ada").unwrap(),
            role: OperatorRole::Operator,
            resumed,
            software_version: Label::default(),
            now: MonoTime::from_nanos(1),
        }));
    }

    fn tell(&mut self, message: &ToOperator) {
        self.core.handle_message(message, self.now);
    }

    fn update(&mut self, status: AgentStatus) {
        self.cursor += 1;
        self.tell(&ToOperator::ControlStatus(StatusUpdate { cursor: self.cursor, status }));
    }

    fn act(&mut self, intent: Intent) -> Result<Option<CommandId>, ActError> {
        self.commands += 1;
        self.core.act(intent, id(self.commands), self.now)
    }

    fn command(&mut self, kind: CommandKind, args: CommandArgs) -> Result<Option<CommandId>, ActError> {
        self.act(Intent::Command { agent: truck(), kind, args })
    }

    fn sent(&mut self) -> Vec<OperatorMessage> {
        std::iter::from_fn(|| self.core.poll_transmit())
            .map(|frame| OperatorMessage::decode(&frame).unwrap())
            .collect()
    }
}

fn whole(status: AgentStatus) -> ToOperator {
    ToOperator::Snapshot(SnapshotPart {
        cursor: 100,
        part: 0,
        last: true,
        agents: vec![status],
        alerts: Vec::new(),
        takeovers: Vec::new(),
    })
}

fn stop() -> Intent {
    Intent::Stop { agent: truck(), reason: None, confirm_many: false }
}

#[test]
fn engage_carries_epoch_number_evidence_latches_and_a_deadline_in_the_agents_clock() {
    let mut rig = Rig::with(status(ControlState::Claimed, Some((MINE, 3))));
    rig.now = rig.now.after(Duration::from_secs(1));
    rig.act(Intent::Engage { agent: truck(), latches: vec![LatchId(4)] }).unwrap();
    let sent = rig.sent();
    let [OperatorMessage::Engage(engage)] = sent.as_slice() else { panic!("{sent:?}") };
    assert_eq!((engage.epoch, engage.seq, engage.evidence_version), (Epoch(3), 1, StateVersion(6)));
    assert_eq!((engage.latches.as_slice(), engage.command_id), ([LatchId(4)].as_slice(), id(1)));
    assert_eq!(engage.boot_id, BootId(uuid::Uuid::from_u128(1)));
    // The status is 1 s old: 50 s + 0.999 s + 2 s.
    assert_eq!(engage.deadline, AgentTime::from_nanos(52_999_000_000));
    assert_eq!(rig.core.picture().commands(&truck()).count(), 1, "it shows before anybody answers");
}

#[test]
fn numbers_count_up_within_an_epoch_and_start_again_with_the_next() {
    let mut rig = Rig::with(status(ControlState::Human, Some((MINE, 3))));
    rig.command(CommandKind::Hold, CommandArgs::default()).unwrap();
    rig.command(CommandKind::Resume, CommandArgs::default()).unwrap();
    rig.update(status(ControlState::Human, Some((MINE, 9))));
    rig.command(CommandKind::Hold, CommandArgs::default()).unwrap();
    let numbers: Vec<_> = rig
        .sent()
        .into_iter()
        .map(|message| {
            let OperatorMessage::Command(request) = message else { panic!("{message:?}") };
            (request.epoch.0, request.seq)
        })
        .collect();
    assert_eq!(numbers, [(3, 1), (3, 2), (9, 1)]);
}

#[test]
fn without_a_lease_safer_verbs_are_open_and_exclusive_ones_say_what_to_do() {
    let mut rig = Rig::with(status(ControlState::Human, Some((SessionId(99), 3))));
    rig.command(CommandKind::Hold, CommandArgs::default()).unwrap();
    let level = CommandArgs { level: Some(FallbackLevel::CONTAIN), ..CommandArgs::default() };
    rig.command(CommandKind::MinimalRisk, level).unwrap();
    let refused = rig.act(Intent::HandBack { agent: truck() }).unwrap_err();
    assert_eq!(refused, ActError::NoLease { agent: truck(), kind: CommandKind::HandBack });
    assert!(refused.to_string().contains("claim it first"));
    let sent = rig.sent();
    assert_eq!(sent.len(), 2);
    for message in sent {
        let OperatorMessage::Command(request) = message else { panic!("{message:?}") };
        assert_eq!((request.epoch, request.seq), (Epoch(0), 0));
    }
}

#[test]
fn an_offline_agent_can_only_be_stopped() {
    let mut offline = status(ControlState::Autonomous, None);
    offline.offline_nanos = Some(5);
    let mut rig = Rig::with(offline);
    assert_eq!(rig.act(Intent::Claim { agent: truck() }), Err(ActError::AgentOffline(truck())));
    let hold = rig.command(CommandKind::Hold, CommandArgs::default());
    assert_eq!(hold, Err(ActError::AgentOffline(truck())));
    rig.act(stop()).unwrap();
    let unknown = AgentId::new("nobody").unwrap();
    assert_eq!(rig.act(Intent::Claim { agent: unknown.clone() }), Err(ActError::UnknownAgent(unknown)));
    assert_eq!(rig.sent().len(), 1);
}

#[test]
fn a_stop_leaves_before_everything_that_waits() {
    let mut rig = Rig::with(status(ControlState::Autonomous, None));
    rig.act(Intent::Claim { agent: truck() }).unwrap();
    rig.act(Intent::Acknowledge { alert: AlertId(1) }).unwrap();
    rig.act(stop()).unwrap();
    assert!(matches!(rig.sent().first(), Some(OperatorMessage::Stop(_))));
}

#[test]
fn what_waits_when_the_connection_is_lost_is_never_sent_and_the_place_is_remembered() {
    let mut rig = Rig::with(status(ControlState::Human, Some((MINE, 3))));
    rig.command(CommandKind::Resume, CommandArgs::default()).unwrap();
    rig.update(status(ControlState::Human, Some((MINE, 3))));
    rig.core.handle_disconnected(rig.now);
    assert_eq!(rig.act(stop()), Err(ActError::Disconnected));
    let hello = rig.hello();
    assert_eq!(hello.resume, Some(Resume { incarnation: Incarnation(1), cursor: 101 }));
    rig.welcome(1, true);
    assert!(rig.sent().is_empty());
    assert!(rig.core.is_welcomed());
}

/// Lets a second pass, and returns how many stops left and how many other messages.
fn sent_within_a_second(rig: &mut Rig) -> (usize, usize) {
    let mut sent = Vec::new();
    for _ in 0..50 {
        rig.now = rig.now.after(Duration::from_millis(20));
        rig.core.handle_timeout(rig.now);
        sent.extend(rig.sent());
    }
    let stops = sent.iter().filter(|message| matches!(message, OperatorMessage::Stop(_))).count();
    (stops, sent.len() - stops)
}

#[test]
fn a_stop_is_sent_at_five_hertz_until_it_is_answered_also_over_new_connections_and_nothing_else_is() {
    let mut rig = Rig::with(status(ControlState::Human, Some((MINE, 3))));
    rig.command(CommandKind::Resume, CommandArgs::default()).unwrap();
    rig.act(stop()).unwrap();
    assert_eq!(rig.sent().len(), 2);
    assert_eq!(sent_within_a_second(&mut rig), (5, 0));
    rig.core.handle_disconnected(rig.now);
    assert_eq!(sent_within_a_second(&mut rig), (0, 0));
    rig.hello();
    rig.welcome(1, true);
    assert!(rig.core.poll_timeout().is_some_and(|due| due <= rig.now), "at once");
    assert_eq!(sent_within_a_second(&mut rig), (5, 0));
}

#[test]
fn a_gap_in_the_deltas_asks_for_a_new_connection_with_a_snapshot() {
    let mut rig = Rig::with(status(ControlState::Autonomous, None));
    assert!(!rig.core.poll_close());
    rig.cursor += 1;
    rig.update(status(ControlState::Requested, None));
    assert!(rig.core.poll_close());
    rig.core.handle_disconnected(rig.now);
    assert_eq!(rig.hello().resume, None);
}

#[test]
fn assume_is_due_once_after_this_sessions_engage_in_transition_under_its_epoch() {
    let mut rig = Rig::with(status(ControlState::InTransition, Some((MINE, 3))));
    assert!(rig.core.assume_due().is_empty(), "this session has not engaged");
    rig.update(status(ControlState::Claimed, Some((MINE, 3))));
    rig.act(Intent::Engage { agent: truck(), latches: Vec::new() }).unwrap();
    assert!(rig.core.assume_due().is_empty(), "not in transition yet");
    rig.update(status(ControlState::InTransition, Some((MINE, 3))));
    assert_eq!(rig.core.assume_due(), [truck()]);
    rig.sent();
    rig.command(CommandKind::Assume, CommandArgs::default()).unwrap();
    assert!(rig.core.assume_due().is_empty(), "once");
    let sent = rig.sent();
    let [OperatorMessage::Command(assume)] = sent.as_slice() else { panic!("{sent:?}") };
    assert_eq!((assume.epoch, assume.seq), (Epoch(3), 2));
    assert_eq!((assume.evidence_version, assume.expect_state), (None, Some(ControlState::InTransition)));
}

#[test]
fn a_heartbeat_renews_only_my_leases_and_the_newest_replaces_one_that_waits() {
    let mut rig = Rig::with(status(ControlState::Human, Some((SessionId(99), 3))));
    assert_eq!(rig.core.heartbeat(true, rig.now), 0);
    rig.update(status(ControlState::Human, Some((MINE, 4))));
    assert_eq!(rig.core.heartbeat(true, rig.now), 1);
    rig.act(Intent::Acknowledge { alert: AlertId(1) }).unwrap();
    assert_eq!(rig.core.heartbeat(false, rig.now), 1);
    let sent = rig.sent();
    let [OperatorMessage::Heartbeat(beat), OperatorMessage::Probe(_), OperatorMessage::Acknowledge(_)] =
        sent.as_slice()
    else {
        panic!("{sent:?}")
    };
    assert_eq!((beat.epoch, beat.seq, beat.ready), (Epoch(4), 2, false));
    assert_eq!(beat.deadline, AgentTime::from_nanos(50_500_000_000), "half a second for a vehicle");
}

#[test]
fn hands_go_with_the_heartbeat_of_the_agent_they_drive_and_with_no_other() {
    let hands = Setpoint { steer: -0.5, accelerate: 1.0 };
    let mut rig = Rig::with(status(ControlState::Human, Some((MINE, 4))));
    let setpoint = |rig: &mut Rig| match rig.sent().as_slice() {
        [OperatorMessage::Heartbeat(beat)]
        | [OperatorMessage::Heartbeat(beat), OperatorMessage::Probe(_)] => beat.setpoint,
        sent => panic!("{sent:?}"),
    };
    assert_eq!(rig.core.heartbeat_driving(true, &truck(), hands, rig.now), 1);
    assert_eq!(setpoint(&mut rig), Some(hands));
    let other = AgentId::new("truck-2").unwrap();
    assert_eq!(rig.core.heartbeat_driving(true, &other, hands, rig.now), 1);
    assert_eq!(setpoint(&mut rig), None);
    // Hands that left take back what still waits.
    rig.core.heartbeat_driving(true, &truck(), hands, rig.now);
    rig.core.heartbeat(true, rig.now);
    assert_eq!(setpoint(&mut rig), None);
    rig.update(status(ControlState::Human, Some((SessionId(99), 5))));
    assert_eq!(rig.core.heartbeat_driving(true, &truck(), hands, rig.now), 0, "not mine any more");
    assert!(rig.sent().is_empty());
}

#[test]
fn a_heartbeat_never_overtakes_the_grant() {
    let mut rig = Rig::with(status(ControlState::SafeHeld, Some((MINE, 4))));
    assert_eq!(rig.core.heartbeat(true, rig.now), 0, "the grant may still wait for the disk");
    rig.cursor += 1;
    rig.tell(&ToOperator::Lease(LeaseUpdate {
        cursor: rig.cursor,
        agent: truck(),
        holder: PersonId::new("ada").unwrap(),
        session_id: MINE,
        epoch: Epoch(4),
        event: LeaseEvent::Granted,
        code: None,
        end: None,
        detail: None,
    }));
    assert_eq!(rig.core.heartbeat(true, rig.now), 1);
}

#[test]
fn an_alert_is_told_presented_once_and_only_while_connected() {
    let mut rig = Rig::with(status(ControlState::Autonomous, None));
    rig.tell(&ToOperator::Snapshot(SnapshotPart {
        cursor: 100,
        part: 0,
        last: true,
        agents: Vec::new(),
        alerts: vec![shared_alarm(AlertId(1)), shared_alarm(AlertId(2))],
        takeovers: Vec::new(),
    }));
    rig.core.presented(&[AlertId(1)], rig.now);
    rig.core.presented(&[AlertId(1), AlertId(2)], rig.now);
    let told: Vec<_> = rig
        .sent()
        .into_iter()
        .map(|message| {
            let OperatorMessage::Presented(presented) = message else { panic!("{message:?}") };
            presented.alerts
        })
        .collect();
    assert_eq!(told, [vec![AlertId(1)], vec![AlertId(2)]]);
}

#[test]
fn an_alert_is_told_presented_again_when_its_cause_came_back_or_a_demand_came_of_it() {
    use watchkeeper_model::{Alarm, AlarmState, DemandId};
    let mut rig = Rig::with(status(ControlState::Autonomous, None));
    let mut shown = |state, demand_id| {
        rig.cursor += 1;
        let alarm = Alarm { state, demand_id, ..shared_alarm(AlertId(1)) };
        rig.tell(&ToOperator::Alert(AlertUpdate { cursor: rig.cursor, alarm }));
        rig.core.presented(&[AlertId(1)], rig.now);
        rig.sent().len()
    };
    assert_eq!(shown(AlarmState::UnackActive, None), 1);
    assert_eq!(shown(AlarmState::UnackActive, None), 0);
    assert_eq!(shown(AlarmState::UnackActive, Some(DemandId(4))), 1, "a demand came of it");
    assert_eq!(shown(AlarmState::AckedActive, Some(DemandId(4))), 0);
    assert_eq!(shown(AlarmState::Normal, None), 0);
    assert_eq!(shown(AlarmState::UnackActive, None), 1, "it came back");
    assert_eq!(shown(AlarmState::RtnUnack, None), 0);
    assert_eq!(shown(AlarmState::UnackActive, None), 1, "it came back unacknowledged");
}

#[test]
fn a_stop_is_never_refused_because_the_network_does_not_keep_up() {
    let mut rig = Rig::with(status(ControlState::Human, Some((MINE, 4))));
    rig.tell(&ToOperator::Snapshot(SnapshotPart {
        cursor: 100,
        part: 0,
        last: true,
        agents: vec![status(ControlState::Human, Some((MINE, 4)))],
        alerts: vec![shared_alarm(AlertId(1))],
        takeovers: Vec::new(),
    }));
    rig.core.presented(&[AlertId(1)], rig.now);
    assert_eq!(rig.core.heartbeat(true, rig.now), 1);
    let other = || Intent::Acknowledge { alert: AlertId(7) };
    while rig.act(other()).is_ok() {}
    assert_eq!(rig.act(other()), Err(ActError::NotKeepingUp));
    let first = rig.act(stop()).unwrap();
    assert!(rig.command(CommandKind::Estop, CommandArgs::default()).is_ok());
    let confirmed = Intent::Stop { agent: truck(), reason: None, confirm_many: true };
    assert_eq!(rig.act(confirmed), Ok(first), "it goes with the one that waits");
    let more = ["truck-2", "truck-3"].map(|name| AgentId::new(name).unwrap());
    for agent in more {
        rig.act(Intent::Stop { agent, reason: None, confirm_many: false }).unwrap();
    }
    let sent = rig.sent();
    let stops: Vec<_> = sent
        .iter()
        .filter_map(|message| {
            let OperatorMessage::Stop(stop) = message else { return None };
            Some((stop.agent.to_string(), stop.confirm_many))
        })
        .collect();
    let expected = [("truck-3", false), ("truck-2", false), ("truck-1", true)];
    assert_eq!(stops, expected.map(|(name, confirmed)| (name.to_owned(), confirmed)));
    assert!(sent.iter().take(3).all(|message| matches!(message, OperatorMessage::Stop(_))));
    assert!(!sent.iter().any(|message| matches!(message, OperatorMessage::Presented(_))));
    rig.core.presented(&[AlertId(1)], rig.now);
    assert_eq!(rig.sent().len(), 1, "what made room is told with the next frame");
}

#[test]
fn a_missing_argument_is_named() {
    let mut rig = Rig::with(status(ControlState::SafeHeld, None));
    let args = CommandArgs { latch_id: Some(LatchId(1)), ..CommandArgs::default() };
    let refused = rig.command(CommandKind::ClearLatch, args.clone()).unwrap_err();
    assert_eq!(refused.to_string(), "clear_latch needs a reason");
    rig.command(CommandKind::ClearLatch, CommandArgs { reason: Some(Note::cut("checked")), ..args }).unwrap();
    let nan = CommandArgs { speed_mps: Some(f64::NAN), ..CommandArgs::default() };
    assert!(rig.command(CommandKind::SpeedCap, nan).is_err());
    assert_eq!(rig.sent().len(), 1);
}

fn shared_alarm(alert_id: AlertId) -> watchkeeper_model::Alarm {
    use watchkeeper_model::{Alarm, AlarmState, CauseClass, Severity};
    let group = (truck(), CauseClass::Outlier, Label::cut("speed"));
    Alarm {
        severity: Severity::Warning,
        state: AlarmState::UnackActive,
        count: 1,
        ..Alarm::never_raised(alert_id, group, MonoTime::from_nanos(1))
    }
}

fn probes(sent: &[OperatorMessage]) -> Vec<&Probe> {
    let mut found = Vec::new();
    for message in sent {
        if let OperatorMessage::Probe(probe) = message {
            found.push(probe);
        }
    }
    found
}

#[test]
fn the_way_to_what_is_held_is_probed_once_a_second_with_the_heartbeats() {
    let mut rig = Rig::with(status(ControlState::Human, Some((MINE, 3))));
    let began = rig.now;
    let mut sent = Vec::new();
    for _ in 0..60 {
        rig.core.heartbeat(true, rig.now);
        sent.extend(rig.sent());
        rig.now = rig.now.after(Duration::from_millis(50));
    }
    let told: Vec<_> = probes(&sent).iter().map(|probe| (probe.seq, probe.sent_nanos)).collect();
    let at = |secs| began.after(Duration::from_secs(secs)).as_nanos();
    assert_eq!(told, [(1, at(0)), (2, at(1)), (3, at(2))]);
}

#[test]
fn what_is_only_looked_at_is_probed_where_that_is_asked_for_and_never_by_an_observer() {
    let mut rig = Rig::with(status(ControlState::Autonomous, None));
    rig.core.heartbeat(true, rig.now);
    assert_eq!(rig.sent(), []);
    rig.core.probe(&truck(), rig.now);
    rig.core.probe(&truck(), rig.now);
    rig.core.probe(&AgentId::new("nobody").unwrap(), rig.now);
    assert_eq!(probes(&rig.sent()).len(), 1);
    // A new session counts anew.
    rig.core.handle_disconnected(rig.now);
    rig.core.probe(&truck(), rig.now);
    assert_eq!(rig.sent(), [], "nothing waits for a connection");

    let mut observer = OperatorCore::new(OperatorConfig {
        person: PersonId::new("eve").unwrap(),
        role: OperatorRole::Observer,
        console: ConsoleKind::Window,
    });
    observer.handle_connected(None, rig.now);
    while observer.poll_transmit().is_some() {}
    let mut seen = Rig { core: observer, now: rig.now, cursor: 100, commands: 0 };
    seen.welcome(1, false);
    seen.tell(&whole(status(ControlState::Autonomous, None)));
    seen.core.probe(&truck(), seen.now);
    assert_eq!(seen.sent(), []);
}

#[test]
fn a_probe_tells_the_longest_wait_for_a_frame_since_the_last_one() {
    for (console, expected) in [
        (ConsoleKind::Window, [None, Some(70_000_000), None]),
        // A script looks at nothing.
        (ConsoleKind::Scripted, [None, None, None]),
    ] {
        let mut rig = Rig::with(status(ControlState::Human, Some((MINE, 3))));
        rig.core = {
            let person = PersonId::new("ada").unwrap();
            OperatorCore::new(OperatorConfig { person, role: OperatorRole::Operator, console })
        };
        rig.hello();
        rig.welcome(1, false);
        rig.tell(&whole(status(ControlState::Human, Some((MINE, 3)))));
        let millis = |rig: &mut Rig, span| rig.now = rig.now.after(Duration::from_millis(span));
        // What waited before anybody asked says nothing.
        rig.update(status(ControlState::Human, Some((MINE, 3))));
        millis(&mut rig, 5_000);
        rig.core.presented(&[], rig.now);
        rig.core.heartbeat(true, rig.now);
        for wait in [20, 70, 30] {
            rig.update(status(ControlState::Human, Some((MINE, 3))));
            millis(&mut rig, wait);
            // This frame was made before the update came.
            rig.core.presented(&[], rig.now.before(Duration::from_millis(wait + 1)));
            rig.core.presented(&[], rig.now);
        }
        for _ in 0..2 {
            millis(&mut rig, 1_000);
            rig.core.heartbeat(true, rig.now);
        }
        let sent = rig.sent();
        let displays: Vec<_> = probes(&sent).iter().map(|probe| probe.display_nanos).collect();
        assert_eq!(displays, expected, "{console:?}");
    }
}
