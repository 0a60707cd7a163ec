//! What was seen of handovers from each side, and the figures of it.

use crate::rig::{Console, Truck, ms};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    io::Write as _,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::time::MissedTickBehavior;
use watchkeeper_client::{Agent, console_now};
use watchkeeper_model::{
    AgentTime, CommandCode, CommandId, CommandKind, CommandState, Epoch, MonoTime, PersonId,
};
use watchkeeper_protocol::{AgentMessage, OperatorMessage, ToAgent, ToOperator};
use watchkeeper_tests::proxy::{Fate, Leg};

/// Who owned the agent, in runs: from when to when, and under which epoch.
pub(super) type Runs = Vec<(u64, u64, Option<Epoch>)>;

pub(super) fn extend(runs: &mut Runs, at: u64, owner: Option<Epoch>) {
    match runs.last_mut() {
        Some((_, until, of)) if *of == owner => *until = at,
        Some(_) | None => runs.push((at, at, owner)),
    }
}

/// Looks into the gate a thousand times a second.
pub(super) async fn watch_gate(agent: Agent, over: Arc<AtomicBool>) -> Runs {
    let mut runs = Runs::new();
    let mut ticks = tokio::time::interval(ms(1));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while !over.load(Ordering::Relaxed) {
        ticks.tick().await;
        let at = agent.now().as_nanos();
        let status = agent.status();
        extend(&mut runs, at, status.control_state.is_driven().then_some(status.epoch));
    }
    runs
}

/// Returns for every owner in `ended` how long nobody was the owner after him; who is not among the owners is left
/// out.
pub(super) fn gaps(runs: &Runs, ended: &BTreeSet<Epoch>) -> Vec<Duration> {
    let mut gaps = Vec::new();
    for (nth, (_, until, owner)) in runs.iter().enumerate() {
        let is_last = |epoch: &Epoch| !runs.iter().skip(nth + 1).any(|(_, _, owner)| *owner == Some(*epoch));
        let Some(epoch) = owner.filter(|epoch| ended.contains(epoch) && is_last(epoch)) else { continue };
        let after: Vec<_> = runs.iter().skip(nth + 1).collect();
        let Some(next) = after.iter().position(|(_, _, owner)| owner.is_some_and(|next| next > epoch)) else {
            continue;
        };
        let free = after.iter().take(next).any(|(_, _, owner)| owner.is_none());
        gaps.push(if free { Duration::from_nanos(after[next].0 - until) } else { Duration::ZERO });
    }
    gaps
}

/// A command that the gate let through.
pub(super) struct Obeyed {
    pub(super) at: AgentTime,
    pub(super) epoch: Epoch,
    pub(super) kind: CommandKind,
    pub(super) by: PersonId,
}

/// What the agent said and was told, in order.
#[derive(Default)]
pub(super) struct Story {
    pub(super) obeyed: Vec<Obeyed>,
    /// Epochs under which the agent acted, in its own order: of heartbeats and of commands it obeyed.
    pub(super) epochs: Vec<(AgentTime, Epoch)>,
    /// When the first heartbeat with an epoch was sent, and when the first that was not lost.
    pub(super) told: BTreeMap<Epoch, (MonoTime, Option<MonoTime>)>,
    pub(super) round_trips: Vec<Duration>,
    pub(super) lost: BTreeMap<&'static str, usize>,
}

pub(super) fn story(truck: &Truck) -> Story {
    let mut story = Story::default();
    let mut commands = BTreeMap::<CommandId, (Epoch, CommandKind, PersonId)>::new();
    let mut asked = BTreeSet::new();
    for seen in truck.proxy.seen() {
        if seen.fate == Fate::Drop {
            *story.lost.entry(seen.kind).or_default() += 1;
        }
        match seen.message::<ToAgent>() {
            Ok(ToAgent::Command(command)) => {
                commands.insert(command.command_id, (command.epoch, command.kind, command.issued_by));
            }
            Ok(ToAgent::Ping(ping)) if seen.leg == Leg::MonitorToAgent => {
                asked.insert(ping.sent_nanos);
            }
            _ => {}
        }
        if seen.leg != Leg::AgentToMonitor {
            continue;
        }
        match seen.message::<AgentMessage>() {
            Ok(AgentMessage::Heartbeat(beat)) if beat.epoch != Epoch(0) => {
                story.epochs.push((beat.now, beat.epoch));
                let arrived = seen.arrived().then_some(seen.at);
                let told = story.told.entry(beat.epoch).or_insert((seen.at, arrived));
                told.1 = told.1.or(arrived);
            }
            Ok(AgentMessage::Ack(ack))
                if ack.state == CommandState::Accepted && ack.code != Some(CommandCode::Duplicate) =>
            {
                let Some((epoch, kind, by)) = commands.get(&ack.command_id).cloned() else { continue };
                if epoch != Epoch(0) {
                    story.epochs.push((ack.at, epoch));
                    story.obeyed.push(Obeyed { at: ack.at, epoch, kind, by });
                }
            }
            Ok(AgentMessage::Pong(pong)) if asked.contains(&pong.sent_nanos) => {
                story.round_trips.push(Duration::from_nanos(seen.at.as_nanos() - pong.sent_nanos));
            }
            _ => {}
        }
    }
    story
}

pub(super) fn quantile(spans: &[Duration], share: f64) -> Duration {
    let mut sorted = spans.to_vec();
    sorted.sort();
    let place = ((sorted.len() - 1) as f64 * share).round();
    sorted[sorted.iter().enumerate().take_while(|(nth, _)| (*nth as f64) < place).count()]
}

pub(super) fn figures(spans: &[Duration]) -> String {
    let [p50, p99, max] = [0.5, 0.99, 1.0].map(|share| quantile(spans, share).as_secs_f64() * 1e3);
    format!("{p50:.2} ms p50, {p99:.2} ms p99, {max:.2} ms at most ({} samples)", spans.len())
}

/// Writes and syncs as the record does, on the same disk.
pub(super) fn fsyncs(directory: &Path) -> Vec<Duration> {
    let mut file = File::create(directory.join("fsync")).unwrap();
    let one = |file: &mut File| {
        let began = console_now();
        file.write_all(&[7; 4_096]).unwrap();
        file.sync_data().unwrap();
        console_now().since(began)
    };
    (0..50).map(|_| one(&mut file)).collect()
}

/// Returns what came to a console, and when it came by its proxy.
pub(super) fn told(console: &Console) -> Vec<(MonoTime, ToOperator)> {
    let seen = console.proxy.seen_where(|seen| seen.leg == Leg::MonitorToOperator && seen.arrived());
    seen.iter().filter_map(|seen| Some((seen.at, seen.message().ok()?))).collect()
}

/// Returns how long commands that must be on record first waited for it.
pub(super) fn recorded(told: &[(MonoTime, ToOperator)]) -> Vec<Duration> {
    let mut received = BTreeMap::new();
    let mut spans = Vec::new();
    for (at, message) in told {
        let ToOperator::CommandStatus(update) = message else { continue };
        if update.state == CommandState::Received {
            received.entry(update.command_id).or_insert(*at);
        } else if update.state == CommandState::Forwarded
            && let Some(received) = received.remove(&update.command_id)
        {
            spans.push(at.since(received));
        }
    }
    spans
}

/// Returns the round trips between the monitor and a console.
pub(super) fn round_trips(console: &Console) -> Vec<Duration> {
    let seen = console.proxy.seen();
    let pinged: BTreeSet<u64> = seen
        .iter()
        .filter_map(|seen| match seen.message() {
            Ok(ToOperator::Ping(ping)) if seen.leg == Leg::MonitorToOperator => Some(ping.sent_nanos),
            _ => None,
        })
        .collect();
    let ponged = seen.iter().filter_map(|seen| match seen.message() {
        Ok(OperatorMessage::Pong(pong)) if pinged.contains(&pong.sent_nanos) => {
            Some(Duration::from_nanos(seen.at.as_nanos() - pong.sent_nanos))
        }
        _ => None,
    });
    ponged.collect()
}

#[test]
fn a_gap_between_two_owners_is_as_long_as_nobody_owned_it() {
    let at = |millis: u64| millis * 1_000_000;
    let owned = |epochs: &[(u64, u64, u64)]| -> Runs {
        let owner = |epoch: u64| (epoch > 0).then_some(Epoch(epoch));
        epochs.iter().map(|(from, until, epoch)| (at(*from), at(*until), owner(*epoch))).collect()
    };
    let ended = BTreeSet::from([Epoch(1)]);
    assert_eq!(gaps(&owned(&[(0, 9, 1), (10, 20, 2)]), &ended), [Duration::ZERO]);
    assert_eq!(gaps(&owned(&[(0, 9, 1), (10, 58, 0), (59, 70, 2)]), &ended), [ms(50)]);
    // A fallback and a new claim are no handover, and an owner without a successor has no gap.
    assert_eq!(gaps(&owned(&[(0, 9, 3), (10, 58, 0), (59, 70, 4)]), &ended), Vec::<Duration>::new());
    assert_eq!(gaps(&owned(&[(0, 9, 1), (10, 58, 0)]), &ended), Vec::<Duration>::new());
}
