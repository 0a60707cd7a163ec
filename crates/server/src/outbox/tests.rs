//! What leaves, in which order, and what is replaced.

use super::*;
use watchkeeper_model::{
    AgentKind, AgentTime, BootId, ControlState, DemandId, DemandOrigin, Label, StateVersion,
};
use watchkeeper_protocol::{
    operator::{AgentStatus, Roster, SnapshotPart, StatusUpdate, TakeoverUpdate},
    record::TakeoverRecord,
};

fn agent(name: &str) -> AgentId {
    AgentId::new(name).unwrap()
}

const LATE: fn() -> MonoTime = || MonoTime::from_nanos(10_000_000_000);

#[tokio::test]
async fn control_leaves_before_telemetry_and_in_order() {
    let (sender, mut outbox) = outbox(Arc::default());
    sender.latest(Topic::Telemetry(agent("a")), Bytes::from_static(b"t"), MonoTime::default(), false);
    sender.control(Bytes::from_static(b"1"));
    sender.push(Control::Frame {
        frame: Bytes::from_static(b"2"),
        alert: Some((AlertId(7), MonoTime::default())),
        overtakes: Overtakes::Nothing,
    });
    let batch = outbox.next_batch(LATE).await;
    assert_eq!(batch.frames, [b"1".as_slice(), b"2", b"t"]);
    assert_eq!(batch.alerts, [AlertId(7)]);
}

#[tokio::test]
async fn the_latest_telemetry_wins_and_the_console_is_told_how_much_it_missed() {
    let (sender, mut outbox) = outbox(Arc::default());
    // The first two before they were to leave: only what a slow console never sees is a loss.
    for (text, millis) in [(b"0", 0), (b"1", 19), (b"2", 25), (b"3", 26)] {
        let now = MonoTime::from_nanos(millis * 1_000_000);
        sender.latest(Topic::Telemetry(agent("a")), Bytes::from_static(text), now, false);
    }
    let batch = outbox.next_batch(LATE).await;
    assert_eq!(batch.frames[0], b"3".as_slice());
    assert_eq!(ToOperator::decode(&batch.frames[1]).unwrap(), ToOperator::Dropped(Dropped { telemetry: 2 }));
}

#[tokio::test]
async fn a_full_control_lane_closes_the_session_as_too_slow() {
    let (sender, mut outbox) = outbox(Arc::default());
    for _ in 0..=CONTROL_FRAMES {
        sender.control(Bytes::from_static(b"x"));
    }
    let batch = outbox.next_batch(LATE).await;
    assert_eq!(batch.close.unwrap().code, ErrorCode::TooSlow);
    assert!(batch.frames.is_empty());
}

#[tokio::test]
async fn nobodys_second_telemetry_comes_before_anybodys_first() {
    let (sender, mut outbox) = outbox(Arc::default());
    let big = Bytes::from(vec![0; BATCH_BYTES]);
    sender.latest(Topic::Telemetry(agent("a")), big.clone(), MonoTime::default(), false);
    sender.latest(Topic::Telemetry(agent("b")), Bytes::from_static(b"b"), MonoTime::default(), false);
    assert_eq!(outbox.next_batch(LATE).await.frames, std::slice::from_ref(&big));
    sender.latest(Topic::Telemetry(agent("a")), Bytes::from_static(b"again"), MonoTime::default(), false);
    assert_eq!(outbox.next_batch(LATE).await.frames[0], b"b".as_slice());
}

#[tokio::test]
async fn what_was_queued_before_a_close_still_leaves() {
    let (sender, mut outbox) = outbox(Arc::default());
    sender.control(Bytes::from_static(b"last words"));
    sender.close(shutting_down());
    let batch = outbox.next_batch(LATE).await;
    assert_eq!(batch.frames.len(), 1);
    assert_eq!(batch.close.unwrap().code, ErrorCode::ShuttingDown);
}

/// An agent's status with this cursor, and a frame that says which it is.
fn status(name: &str, cursor: u64) -> (ToOperator, Bytes) {
    let status = AgentStatus {
        tasks: Vec::new(),
        agent: agent(name),
        kind: AgentKind::Generic,
        signals: Vec::new(),
        boot_id: BootId(uuid::Uuid::from_u128(7)),
        software_version: Label::cut("test"),
        control_state: ControlState::Autonomous,
        state_version: StateVersion(1),
        transition_from: None,
        fallback_level: None,
        fallback_cause: None,
        locked_out: false,
        questions: Vec::new(),
        offline_nanos: None,
        agent_clock: AgentTime::from_nanos(0),
        heartbeat_age_nanos: 0,
        settled: true,
        latches: Vec::new(),
        demand: None,
        lease: None,
        stable: true,
        condition_reached: false,
        can_resume: false,
        local_override: false,
        unverified: false,
        stop_pending: false,
        manual: false,
        neutral: false,
        score: 0.0,
        decisions: 0,
        gaps: 0,
        clock_offset: None,
    };
    let frame = Bytes::from(format!("{name}{cursor}"));
    (ToOperator::ControlStatus(StatusUpdate { cursor, status }), frame)
}

fn send(sender: &mut OutboxSender, (message, frame): (ToOperator, Bytes)) {
    sender.message(&message, frame, MonoTime::default());
}

#[tokio::test]
async fn a_clump_of_repeats_closes_nobody_and_leaves_behind_control() {
    let (mut sender, mut outbox) = outbox(Arc::default());
    let fleet = 2 * u64::try_from(CONTROL_FRAMES).unwrap();
    send(&mut sender, status("first", 1));
    for number in 0..fleet {
        send(&mut sender, status(&format!("agent-{number:04}-"), 1));
    }
    sender.control(Bytes::from_static(b"ping"));
    let batch = outbox.next_batch(LATE).await;
    assert_eq!(batch.close, None);
    assert_eq!(batch.frames[..3], [b"first1".as_slice(), b"ping", b"agent-0000-1"]);
    assert_eq!(batch.frames.len() as u64, 2 + fleet, "nothing was dropped, so nothing is told");
}

#[tokio::test]
async fn only_a_replaced_repeat_counts_as_dropped() {
    let (mut sender, mut outbox) = outbox(Arc::default());
    for (name, millis) in [("b", 0), ("a", 0), ("a", 25)] {
        let (message, frame) = status(name, 1);
        sender.message(&message, frame, MonoTime::from_nanos(millis * 1_000_000));
    }
    let batch = outbox.next_batch(LATE).await;
    assert_eq!(batch.frames[..2], [b"b1".as_slice(), b"a1"]);
    let told = ToOperator::decode(&batch.frames[2]).unwrap();
    assert_eq!(told, ToOperator::Dropped(Dropped { telemetry: 1 }));
}

#[tokio::test]
async fn no_repeat_comes_after_a_newer_status_of_its_agent() {
    let (mut sender, mut outbox) = outbox(Arc::default());
    for (name, cursor) in [("a", 1), ("a", 1), ("b", 1), ("a", 2)] {
        send(&mut sender, status(name, cursor));
    }
    assert_eq!(outbox.next_batch(LATE).await.frames, [b"a1".as_slice(), b"a2", b"b1"]);

    // The same where the repeat was taken out already, and waits for room behind control.
    send(&mut sender, status("a", 2));
    sender.control(Bytes::from(vec![0; BATCH_BYTES]));
    assert_eq!(outbox.next_batch(LATE).await.frames.len(), 1);
    send(&mut sender, status("a", 3));
    assert_eq!(outbox.next_batch(LATE).await.frames, [b"a3".as_slice()]);
}

#[tokio::test]
async fn a_status_with_the_cursor_of_the_snapshot_is_a_repeat() {
    let (mut sender, mut outbox) = outbox(Arc::default());
    let part = SnapshotPart {
        cursor: 9,
        part: 0,
        last: true,
        agents: Vec::new(),
        alerts: Vec::new(),
        takeovers: Vec::new(),
    };
    sender.message(&ToOperator::Snapshot(part), Bytes::from_static(b"snapshot"), MonoTime::default());
    send(&mut sender, status("a", 9));
    sender.control(Bytes::from_static(b"ping"));
    assert_eq!(outbox.next_batch(LATE).await.frames, [b"snapshot".as_slice(), b"ping", b"a9"]);
}

#[tokio::test]
async fn nothing_of_before_a_snapshot_leaves_after_it_and_the_cursors_begin_anew() {
    let (mut sender, mut outbox) = outbox(Arc::default());
    let part = |cursor| {
        let (agents, alerts, takeovers) = (Vec::new(), Vec::new(), Vec::new());
        ToOperator::Snapshot(SnapshotPart { cursor, part: 0, last: true, agents, alerts, takeovers })
    };
    let latest = |sender: &OutboxSender, name: &str, frame: &'static [u8]| {
        let topic = Topic::Telemetry(agent(name));
        sender.latest(topic, Bytes::from_static(frame), MonoTime::default(), false);
    };
    send(&mut sender, (part(900), Bytes::from_static(b"first")));
    let big = Bytes::from(vec![0; BATCH_BYTES]);
    sender.latest(Topic::Telemetry(agent("a")), big.clone(), MonoTime::default(), false);
    latest(&sender, "b", b"taken out");
    assert_eq!(outbox.next_batch(LATE).await.frames, [b"first".as_slice(), &big]);
    latest(&sender, "c", b"still queued");
    // From now on the console sees fewer agents, and follows a stream that counts from elsewhere.
    send(&mut sender, (part(7), Bytes::from_static(b"second")));
    send(&mut sender, status("d", 8));
    latest(&sender, "d", b"of after");
    assert_eq!(outbox.next_batch(LATE).await.frames, [b"second".as_slice(), b"d8"]);
    assert_eq!(outbox.next_batch(LATE).await.frames, [b"of after".as_slice()]);
}

#[tokio::test]
async fn only_the_newest_roster_leaves_and_none_counts_as_dropped() {
    let (mut sender, mut outbox) = outbox(Arc::default());
    for (more, text) in [(1, b"old".as_slice()), (2, b"new")] {
        let roster = Roster { operators: Vec::new(), more };
        sender.message(&ToOperator::Roster(roster), Bytes::from_static(text), MonoTime::default());
    }
    sender.control(Bytes::from_static(b"ping"));
    assert_eq!(outbox.next_batch(LATE).await.frames, [b"ping".as_slice(), b"new"]);
}

#[tokio::test]
async fn every_update_of_a_takeover_leaves_and_moves_the_cursor_on() {
    let (mut sender, mut outbox) = outbox(Arc::default());
    let takeover = TakeoverRecord {
        demand_id: DemandId(1),
        agent: agent("a"),
        kind: AgentKind::Generic,
        boot_id: BootId(uuid::Uuid::from_u128(7)),
        origin: DemandOrigin::Monitor,
        reason: Note::default(),
        alert_id: None,
        holder: None,
        epoch: None,
        outcome: None,
        demand_ended_at: None,
        granted_at: None,
        human_at: None,
        handed_back_at: None,
        final_state: ControlState::Requested,
        decision: None,
        moments: [None; 12],
        commands: Vec::new(),
        verdict: None,
        labelled_by: None,
        over: false,
    };
    for (cursor, text) in [(1, b"begun".as_slice()), (2, b"granted")] {
        let update = TakeoverUpdate { cursor, takeover: takeover.clone() };
        sender.message(&ToOperator::Takeover(update), Bytes::from_static(text), MonoTime::default());
    }
    send(&mut sender, status("a", 2));
    let batch = outbox.next_batch(LATE).await;
    assert_eq!(
        batch.frames,
        [b"begun".as_slice(), b"granted", b"a2"],
        "a status with its cursor is a repeat"
    );
}

#[tokio::test]
async fn telemetry_waits_a_moment_for_company_and_longer_where_many_send() {
    let (sender, mut outbox) = outbox(Arc::default());
    let now = || crate::clock::Clock.now();
    let began = now();
    sender.latest(Topic::Telemetry(agent("a")), Bytes::from_static(b"a"), now(), false);
    assert_eq!(outbox.next_batch(now).await.frames.len(), 1);
    assert!(now().since(began) >= LINGER);
    sender.latest(Topic::Telemetry(agent("a")), Bytes::from_static(b"a"), now(), false);
    sender.control(Bytes::from_static(b"c"));
    assert_eq!(outbox.next_batch(now).await.frames, [b"c".as_slice()], "control waits for nothing");
    for number in 0..2_000 {
        sender.latest(
            Topic::Telemetry(agent(&format!("agent-{number}"))),
            Bytes::from_static(b"x"),
            now(),
            false,
        );
    }
    let before = now();
    assert_eq!(outbox.next_batch(now).await.frames.len(), 2_001);
    let took = now().since(before);
    assert!(took >= LONGEST_LINGER.mul_f64(0.9), "{took:?}");
}

#[tokio::test]
async fn the_status_of_an_agent_that_somebody_leads_waits_for_nothing() {
    let (mut sender, mut outbox) = outbox(Arc::default());
    let at_once: fn() -> MonoTime = MonoTime::default;
    send(&mut sender, status("a", 1));
    assert_eq!(outbox.next_batch(at_once).await.frames, [b"a1".as_slice()]);
    let (mut message, frame) = status("a", 1);
    if let ToOperator::ControlStatus(update) = &mut message {
        update.status.control_state = ControlState::Human;
    }
    sender.latest(Topic::Telemetry(agent("b")), Bytes::from_static(b"b"), MonoTime::default(), false);
    send(&mut sender, (message, frame));
    // The clock of this console stands still: with any wait this would never end.
    assert_eq!(outbox.next_batch(at_once).await.frames, [b"a1".as_slice(), b"b"]);
}

#[tokio::test]
async fn telemetry_of_before_a_status_leaves_before_it() {
    let (mut sender, mut outbox) = outbox(Arc::default());
    sender.latest(Topic::Telemetry(agent("a")), Bytes::from_static(b"old boot"), MonoTime::default(), false);
    send(&mut sender, status("a", 1));
    assert_eq!(outbox.next_batch(MonoTime::default).await.frames, [b"old boot".as_slice(), b"a1"]);
}
