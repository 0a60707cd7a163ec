//! What the fold promises: idempotence, no lost change, bounds.

use crate::scenes::{
    self, START, agent, alarm, demand, lease, millis, note, snapshot, status, telemetry, welcome,
};
use proptest::prelude::*;
use std::{collections::BTreeMap, time::Duration};
use uuid::Uuid;
use watchkeeper_model::*;
use watchkeeper_picture::{Picture, deadline};
use watchkeeper_protocol::{ToOperator, operator::*, record::TakeoverRecord};

/// One change of the world, as the monitor would tell it.
#[derive(Clone, Debug)]
enum Change {
    State(u8, u8),
    Alert(u8, u8),
    Lease(u8),
    Takeover(u8, bool),
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        (0..4_u8, 0..9_u8).prop_map(|(agent, state)| Change::State(agent, state)),
        (0..6_u8, 0..4_u8).prop_map(|(alert, state)| Change::Alert(alert, state)),
        (0..4_u8).prop_map(Change::Lease),
        (0..6_u8, any::<bool>()).prop_map(|(takeover, over)| Change::Takeover(takeover, over)),
    ]
}

#[derive(Clone, Default)]
struct Monitor {
    cursor: u64,
    agents: BTreeMap<u8, AgentStatus>,
    alerts: BTreeMap<u8, Alarm>,
    takeovers: BTreeMap<u8, TakeoverRecord>,
}

impl Monitor {
    fn apply(&mut self, change: &Change) -> ToOperator {
        self.cursor += 1;
        let cursor = self.cursor;
        match change {
            Change::State(name, state) => {
                let known = self
                    .agents
                    .entry(*name)
                    .or_insert_with(|| status(&format!("agent-{name}"), AgentKind::Vehicle));
                known.control_state = ControlState::ALL[usize::from(*state)];
                known.state_version.0 = cursor;
                ToOperator::ControlStatus(StatusUpdate { cursor, status: known.clone() })
            }
            Change::Alert(id, state) => {
                let known = self.alerts.entry(*id).or_insert_with(|| {
                    alarm(u64::from(*id), &format!("agent-{}", id % 4), Severity::Warning)
                });
                known.state = AlarmState::ALL[usize::from(*state)];
                known.count = cursor;
                ToOperator::Alert(AlertUpdate { cursor, alarm: known.clone() })
            }
            Change::Lease(name) => ToOperator::Lease(LeaseUpdate {
                cursor,
                agent: agent(&format!("agent-{name}")),
                holder: scenes::person("bob"),
                session_id: SessionId(8),
                epoch: Epoch(cursor),
                event: LeaseEvent::Granted,
                code: None,
                end: None,
                detail: None,
            }),
            Change::Takeover(id, over) => {
                let known = self.takeovers.entry(*id).or_insert_with(|| takeover(u64::from(*id), false));
                known.over = *over;
                known.epoch = Some(Epoch(cursor));
                ToOperator::Takeover(TakeoverUpdate { cursor, takeover: known.clone() })
            }
        }
    }

    fn snapshot(&self) -> ToOperator {
        let open = self.alerts.values().filter(|alarm| alarm.state != AlarmState::Normal);
        let mut whole =
            snapshot(self.cursor, self.agents.values().cloned().collect(), open.cloned().collect());
        let ToOperator::Snapshot(part) = &mut whole else { unreachable!() };
        part.takeovers = self.takeovers.values().cloned().collect();
        whole
    }
}

fn takeover(id: u64, over: bool) -> TakeoverRecord {
    TakeoverRecord {
        demand_id: DemandId(id),
        agent: agent("a"),
        kind: AgentKind::Vehicle,
        boot_id: BootId(Uuid::from_u128(11)),
        origin: DemandOrigin::Monitor,
        reason: note("the gap is too small"),
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
        commands: vec![],
        verdict: None,
        labelled_by: None,
        over,
    }
}

fn takeovers(picture: &Picture) -> Vec<TakeoverRecord> {
    picture.takeovers().map(|takeover| takeover.value.clone()).collect()
}

fn ids(picture: &Picture) -> Vec<u64> {
    picture.takeovers().map(|takeover| takeover.value.demand_id.0).collect()
}

fn shown(picture: &Picture) -> (Vec<AgentStatus>, Vec<Alarm>, Vec<TakeoverRecord>, Option<Resume>) {
    let agents = picture.agents().map(|(_, entry)| entry.status().clone()).collect();
    let alerts = picture.alerts().map(|(_, entry)| entry.alarm().clone());
    let open = alerts.filter(|alarm| alarm.state != AlarmState::Normal).collect();
    (agents, open, takeovers(picture), picture.resume())
}

pub(crate) fn fresh(first: &ToOperator) -> Picture {
    let mut picture = Picture::new();
    picture.handle_connected(START);
    picture.handle(&welcome(OperatorRole::Operator, false), START);
    picture.handle(first, START);
    picture
}

proptest! {
    #[test]
    fn a_snapshot_and_its_deltas_show_the_same_as_a_later_snapshot(
        changes in prop::collection::vec(change(), 0..60),
        at in 0..60_usize,
        again in prop::collection::vec(0..60_usize, 0..20),
    ) {
        let mut monitor = Monitor::default();
        let at = at.min(changes.len());
        for change in &changes[..at] {
            monitor.apply(change);
        }
        let mut picture = fresh(&monitor.snapshot());
        let mut sent = vec![];
        for (index, change) in changes[at..].iter().enumerate() {
            let message = monitor.apply(change);
            picture.handle(&message, START);
            sent.push(message);
            // Some come twice, as after a resume: that changes nothing.
            if again.contains(&index) {
                let before = shown(&picture);
                for old in &sent {
                    picture.handle(old, START);
                }
                prop_assert_eq!(shown(&picture), before);
            }
        }
        prop_assert!(picture.is_current());
        prop_assert_eq!(shown(&picture), shown(&fresh(&monitor.snapshot())));
    }

    #[test]
    fn a_change_that_never_came_is_noticed_by_the_next(
        changes in prop::collection::vec(change(), 2..20),
        lost in 0..19_usize,
    ) {
        let mut monitor = Monitor::default();
        let mut picture = fresh(&monitor.snapshot());
        let lost = lost.min(changes.len() - 2);
        for (index, change) in changes.iter().enumerate() {
            let message = monitor.apply(change);
            if index != lost {
                picture.handle(&message, START);
            }
            prop_assert_eq!(picture.needs_resync(), index > lost);
        }
        prop_assert_eq!(picture.resume(), None);
        picture.handle(&welcome(OperatorRole::Operator, false), START);
        picture.handle(&monitor.snapshot(), START);
        prop_assert!(!picture.needs_resync() && picture.is_current());
        prop_assert_eq!(shown(&picture), shown(&fresh(&monitor.snapshot())));
    }

    #[test]
    fn a_countdown_is_never_negative_and_never_grows(
        told in prop::collection::vec((0..20_000_u64, 0..12_000_u64), 1..20),
    ) {
        let mut picture = fresh(&snapshot(1, vec![], vec![]));
        let (mut now, mut before) = (START, None::<Duration>);
        for (wait, left) in told {
            now = now.after(millis(wait));
            let mut status = status("truck-17", AgentKind::Vehicle);
            status.demand = Some(demand(millis(left)));
            picture.handle(&ToOperator::ControlStatus(StatusUpdate { cursor: 1, status }), now);
            let left = picture.agent(&agent("truck-17")).unwrap().demand_left(now).unwrap();
            prop_assert!(before.is_none_or(|before| left <= before.saturating_sub(millis(wait))));
            before = Some(left);
        }
    }

    #[test]
    fn a_deadline_is_never_later_than_by_a_slow_agents_clock(
        told_age in 0..2_000_000_000_u64,
        shown_for in 0..60_000_000_000_u64,
    ) {
        let mut status = status("truck-17", AgentKind::Vehicle);
        status.heartbeat_age_nanos = told_age;
        let now = START.after(Duration::from_nanos(shown_for));
        let deadline = deadline(&status, START, now, millis(500)).as_nanos();
        // An agent's clock that runs 0.1 % slow has moved at least this far.
        let passed = (told_age + shown_for) as f64;
        let agent_now = status.agent_clock.as_nanos() as f64 + passed * 0.999;
        prop_assert!(deadline as f64 <= agent_now + 500e6 + 2.0);
        prop_assert!(deadline as f64 >= agent_now + 500e6 - 2.0);
    }
}

#[test]
fn parts_of_a_snapshot_become_current_with_the_last_one_and_deltas_between_them_count() {
    let mut picture = fresh(&snapshot(5, vec![status("old", AgentKind::Vehicle)], vec![]));
    let part = |part, last, agents| SnapshotPart {
        cursor: 9,
        part,
        last,
        agents,
        alerts: vec![],
        takeovers: vec![],
    };
    let first = part(0, false, vec![status("a", AgentKind::Vehicle)]);
    picture.handle(&ToOperator::Snapshot(first), START);
    assert!(!picture.is_current());
    assert!(picture.agent(&agent("old")).is_some(), "the picture before it stays until the new one is whole");
    let mut newer = status("b", AgentKind::Vehicle);
    newer.state_version = StateVersion(77);
    let delta = ToOperator::ControlStatus(StatusUpdate { cursor: 10, status: newer });
    picture.handle(&delta, START);
    picture.handle(&ToOperator::Snapshot(part(1, true, vec![status("b", AgentKind::Vehicle)])), START);
    assert!(picture.is_current());
    assert!(picture.agent(&agent("old")).is_none());
    assert_eq!(picture.agent(&agent("b")).unwrap().status().state_version, StateVersion(77));
    assert_eq!(picture.resume(), Some(Resume { incarnation: Incarnation(3), cursor: 10 }));
}

#[test]
fn a_missing_first_or_middle_part_or_one_of_another_snapshot_asks_for_a_resync() {
    let part = |cursor, part, last| {
        ToOperator::Snapshot(SnapshotPart {
            cursor,
            part,
            last,
            agents: vec![],
            alerts: vec![],
            takeovers: vec![],
        })
    };
    for parts in [
        vec![part(9, 1, true)],
        vec![part(9, 0, false), part(9, 2, true)],
        vec![part(9, 0, false), part(10, 1, true)],
    ] {
        let mut picture = fresh(&snapshot(5, vec![], vec![]));
        for part in &parts {
            picture.handle(part, START);
        }
        assert!(picture.needs_resync() && !picture.is_current(), "{parts:?}");
        assert_eq!(picture.resume(), None);
    }
}

#[test]
fn a_resumed_session_stays_current_without_a_snapshot() {
    let mut picture = fresh(&snapshot(5, vec![status("a", AgentKind::Vehicle)], vec![]));
    picture.handle_disconnected(START);
    assert!(!picture.is_current());
    picture.handle_connected(START);
    picture.handle(&welcome(OperatorRole::Operator, true), START);
    assert!(picture.is_current());
    assert!(picture.agent(&agent("a")).is_some());
}

#[test]
fn a_reconnect_gives_no_authority_back() {
    let mut held = status("a", AgentKind::Vehicle);
    held.lease = Some(lease("anna", scenes::SESSION));
    let mut picture = fresh(&snapshot(5, vec![held], vec![]));
    assert_eq!(picture.my_epoch(&agent("a")), Some(Epoch(41)));
    picture.handle_disconnected(START);
    let ToOperator::Welcome(mut again) = welcome(OperatorRole::Operator, true) else { unreachable!() };
    again.session_id = SessionId(8);
    picture.handle(&ToOperator::Welcome(again), START);
    assert_eq!(picture.my_epoch(&agent("a")), None);
}

#[test]
fn a_command_is_seen_from_the_key_to_its_end_and_a_lost_link_is_said() {
    let mut picture = fresh(&snapshot(5, vec![status("a", AgentKind::Vehicle)], vec![]));
    let id = CommandId(Uuid::from_u128(1));
    picture.handle_issued(id, &agent("a"), CommandKind::Hold, START);
    let state = |picture: &Picture| {
        let command = picture.commands(&agent("a")).next().unwrap();
        (command.state, command.out_of_sight)
    };
    assert_eq!(state(&picture), (None, false));
    picture.handle_disconnected(START);
    assert_eq!(state(&picture), (None, true));
    picture.handle(&welcome(OperatorRole::Operator, true), START);
    let update = CommandUpdate {
        cursor: 6,
        command_id: id,
        agent: agent("a"),
        kind: CommandKind::Hold,
        issued_by: scenes::person("anna"),
        state: CommandState::Completed,
        code: None,
        detail: Some(note("stands")),
        logged: true,
    };
    picture.handle(&ToOperator::CommandStatus(update), START);
    assert_eq!(state(&picture), (Some(CommandState::Completed), false));
}

/// A small generator (SplitMix64), so that the flood needs no clock and no seed file.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % sides
    }
}

#[test]
fn a_hundred_thousand_random_messages_stay_within_the_bounds() {
    let mut dice = Dice(7);
    let mut picture = fresh(&snapshot(0, vec![], vec![]));
    let (mut now, mut cursor) = (START, 0);
    for _ in 0..100_000 {
        now = now.after(millis(dice.roll(20)));
        let name = format!("agent-{}", dice.roll(6_000));
        let streams = format!("agent-{}", dice.roll(20));
        if dice.roll(100) > 0 {
            cursor += 1;
        }
        let message = match dice.roll(8) {
            0 => {
                ToOperator::ControlStatus(StatusUpdate { cursor, status: status(&name, AgentKind::Vehicle) })
            }
            1 => {
                let mut alarm = alarm(dice.roll(20_000), &name, Severity::Warning);
                alarm.state = AlarmState::ALL[usize::try_from(dice.roll(4)).unwrap()];
                ToOperator::Alert(AlertUpdate { cursor, alarm })
            }
            2 => ToOperator::CommandStatus(CommandUpdate {
                cursor,
                command_id: CommandId(Uuid::from_u128(u128::from(dice.roll(1 << 40)))),
                agent: agent(&streams),
                kind: CommandKind::Hold,
                issued_by: scenes::person("anna"),
                state: CommandState::ALL[usize::try_from(dice.roll(11)).unwrap()],
                code: None,
                detail: None,
                logged: false,
            }),
            3 | 4 => {
                let mut telemetry = telemetry(&streams, dice.roll(1 << 40), 0.5);
                telemetry.signals = vec![1.0; usize::try_from(dice.roll(65)).unwrap()];
                ToOperator::Telemetry(telemetry)
            }
            5 => {
                let takeover = takeover(dice.roll(1 << 40), dice.roll(2) == 0);
                ToOperator::Takeover(TakeoverUpdate { cursor, takeover })
            }
            6 => ToOperator::Lease(LeaseUpdate {
                cursor,
                agent: agent(&name),
                holder: scenes::person("bob"),
                session_id: SessionId(8),
                epoch: Epoch(dice.roll(1 << 40)),
                event: LeaseEvent::Ended,
                code: None,
                end: Some(LeaseEnd::Released),
                detail: None,
            }),
            _ => ToOperator::Snapshot(SnapshotPart {
                cursor,
                part: u32::try_from(dice.roll(3)).unwrap(),
                last: dice.roll(400) == 0,
                agents: vec![status(&name, AgentKind::Generic)],
                alerts: vec![],
                takeovers: vec![takeover(dice.roll(1 << 40), true)],
            }),
        };
        picture.handle(&message, now);
    }
    let held = picture.footprint();
    assert!(held.agents <= 2 * 4_096 && held.alerts <= 2 * 4_096, "{held:?}");
    assert!(held.commands <= 4_096 * 16, "{held:?}");
    assert!(held.takeovers > 0 && held.takeovers <= 2 * 256, "{held:?}");
    assert!(held.numbers <= 20 * 6_000 && held.samples <= 20 * 600, "{held:?}");
}

#[test]
fn what_does_not_fit_is_counted_and_one_agent_keeps_at_most_a_minute_and_sixteen_commands() {
    let mut picture = fresh(&snapshot(0, vec![], vec![]));
    for cursor in 1..=5_000 {
        let status = status(&format!("agent-{cursor}"), AgentKind::Vehicle);
        picture.handle(&ToOperator::ControlStatus(StatusUpdate { cursor, status }), START);
    }
    assert_eq!((picture.footprint().agents, picture.not_shown()), (4_096, 5_000 - 4_096));
    for step in 0..2_000 {
        let at = START.after(millis(50 * step));
        picture.handle(&ToOperator::Telemetry(telemetry("agent-1", step, 0.1)), at);
        picture.handle_issued(
            CommandId(Uuid::from_u128(u128::from(step))),
            &agent("agent-1"),
            CommandKind::Hold,
            at,
        );
    }
    let held = picture.footprint();
    assert_eq!((held.samples, held.commands), (600, 16));
}

fn told(picture: &mut Picture, cursor: u64, takeover: TakeoverRecord) {
    picture.handle(&ToOperator::Takeover(TakeoverUpdate { cursor, takeover }), START);
}

#[test]
fn of_too_many_takeovers_the_oldest_that_are_over_give_way_first() {
    let mut picture = fresh(&snapshot(0, vec![], vec![]));
    told(&mut picture, 1, takeover(1, false));
    for id in 2..=300 {
        told(&mut picture, id, takeover(id, id < 250));
    }
    assert_eq!(picture.footprint().takeovers, 256);
    let kept: Vec<u64> = std::iter::once(1).chain(46..=300).collect();
    assert_eq!(ids(&picture), kept, "the one that still goes on stays, though it is the oldest");
    for id in 301..=600 {
        told(&mut picture, id, takeover(id, false));
    }
    assert_eq!(ids(&picture), (345..=600).collect::<Vec<_>>(), "where none is over, the oldest give way");
}

#[test]
fn a_snapshot_replaces_the_takeovers_and_makes_no_news_of_old_ones() {
    let mut picture = fresh(&snapshot(0, vec![], vec![]));
    told(&mut picture, 1, takeover(1, true));
    told(&mut picture, 2, takeover(2, true));
    told(&mut picture, 3, takeover(3, false));
    let later = START.after(millis(90_000));
    picture.handle(&welcome(OperatorRole::Operator, false), later);
    let ToOperator::Snapshot(mut part) = snapshot(9, vec![], vec![]) else { unreachable!() };
    part.takeovers = vec![takeover(2, true), takeover(3, true)];
    picture.handle(&ToOperator::Snapshot(part), later);
    let seen: Vec<_> =
        picture.takeovers().map(|entry| (entry.value.demand_id.0, entry.received_at)).collect();
    assert_eq!(seen, [(2, START), (3, later)]);
}

#[test]
fn a_takeover_that_changed_between_the_parts_of_a_snapshot_stays_as_it_was_told_last() {
    let mut picture = fresh(&snapshot(5, vec![], vec![]));
    let part = |part, last, takeovers| {
        ToOperator::Snapshot(SnapshotPart {
            cursor: 9,
            part,
            last,
            agents: vec![],
            alerts: vec![],
            takeovers,
        })
    };
    picture.handle(&part(0, false, vec![]), START);
    told(&mut picture, 10, takeover(4, true));
    picture.handle(&part(1, true, vec![takeover(4, false)]), START);
    assert!(picture.is_current());
    assert_eq!(takeovers(&picture), [takeover(4, true)]);
}

#[test]
fn the_newest_roster_is_shown_and_outlives_a_reconnect_until_the_next() {
    let mut picture = fresh(&snapshot(5, vec![], vec![]));
    assert_eq!(picture.roster(), None);
    for more in [3, 4] {
        picture.handle(&ToOperator::Roster(Roster { operators: vec![], more }), START.after(millis(more)));
    }
    picture.handle(&welcome(OperatorRole::Operator, false), START);
    picture.handle(&snapshot(7, vec![], vec![]), START);
    let roster = picture.roster().unwrap();
    assert_eq!((roster.value.more, roster.received_at), (4, START.after(millis(4))));
}
