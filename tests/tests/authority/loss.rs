//! Thousands of commands over a network that loses every fifth message: each ends once, none acts twice or late.

use crate::rig::{Console, PATIENCE, Site, Truck, is_long, ms, secs, take_control, until, work};
use futures_util::future::join_all;
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use std::{collections::BTreeMap, fmt, time::Duration};
use watchkeeper_client::console_now;
use watchkeeper_model::{
    AgentTime, CommandArgs, CommandCode, CommandId, CommandKind, CommandState, OperatorRole,
};
use watchkeeper_protocol::{AgentMessage, ToAgent};
use watchkeeper_tests::proxy::{Fate, Leg, Rule};

const LOSS: f64 = 0.2;
/// Commands of one console that are under way at once; the gate lets eight run.
const WINDOW: usize = 8;
/// Pairs of a truck and a console at one monitor: every console hears of every truck.
const PAIRS: u64 = 4;
/// Nothing is under way for longer.
const LONGEST: Duration = Duration::from_secs(75);

/// That the last delta was lost shows with the next one only. In a fleet there always is one; here a cap that changes
/// nothing brings it about.
const NUDGE: f64 = 2_000.0;
const NUDGE_EVERY: Duration = Duration::from_secs(1);

/// One kind of storm.
#[derive(Clone, Copy)]
struct Storm {
    monitors: u64,
    commands_each: usize,
    /// The consoles hold the leases: their commands raise a cap and let go on. Without one they only lower it.
    under_lease: bool,
    /// What consoles are told of commands is lost too.
    deaf: bool,
}

/// A command that was sent, and what it was to do.
struct Sent {
    command_id: CommandId,
    kind: CommandKind,
    cap: Option<f64>,
}

/// What became of commands, added up.
#[derive(Default)]
struct Tally {
    ends: BTreeMap<&'static str, usize>,
    refusals: BTreeMap<&'static str, usize>,
    commands: usize,
    accepted: usize,
    /// Command frames that reached an agent after their deadline, or for a second time.
    late: usize,
    doubled: usize,
    lost: BTreeMap<&'static str, usize>,
    welcomes: u32,
}

impl Tally {
    fn add(&mut self, other: Self) {
        self.commands += other.commands;
        self.accepted += other.accepted;
        self.late += other.late;
        self.doubled += other.doubled;
        self.welcomes += other.welcomes;
        let sums = [
            (&mut self.ends, other.ends),
            (&mut self.refusals, other.refusals),
            (&mut self.lost, other.lost),
        ];
        for (sum, more) in sums {
            for (word, count) in more {
                *sum.entry(word).or_default() += count;
            }
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { ends, refusals, commands, accepted, late, doubled, lost, welcomes } = self;
        write!(
            f,
            "{commands} commands, {accepted} accepted by a gate; ends {ends:?}, refusals {refusals:?}; "
        )?;
        write!(
            f,
            "lost {lost:?}; {late} frames came late and {doubled} twice; {welcomes} welcomes of consoles"
        )
    }
}

/// Every fifth command, answer and heartbeat is lost; of the rest some come twice, and some orders late.
fn rules(truck: &Truck, console: &Console, deaf: bool) {
    let risky = [CommandKind::SpeedCap, CommandKind::Resume];
    truck.proxy.set_rules([
        Rule::new(Leg::MonitorToAgent, Fate::Drop).kinds(&["command", "holder"]).share(LOSS),
        Rule::new(Leg::MonitorToAgent, Fate::Double).kinds(&["command"]).share(0.1),
        Rule::new(Leg::MonitorToAgent, Fate::Delay(ms(0), ms(3_500))).verbs(&risky).share(0.15),
        Rule::new(Leg::AgentToMonitor, Fate::Drop).kinds(&["ack", "heartbeat"]).share(LOSS),
        Rule::new(Leg::AgentToMonitor, Fate::Double).kinds(&["ack"]).share(0.1),
    ]);
    let mut rules = vec![
        Rule::new(Leg::OperatorToMonitor, Fate::Drop).kinds(&["command", "heartbeat"]).share(LOSS),
        Rule::new(Leg::OperatorToMonitor, Fate::Double).kinds(&["command"]).share(0.1),
    ];
    if deaf {
        // A repeat has the cursor of the newest delta and would pass for it where that was lost.
        rules.push(Rule::new(Leg::MonitorToOperator, Fate::Drop).kinds(&["control_status"]).repeats());
        rules.push(
            Rule::new(Leg::MonitorToOperator, Fate::Drop).kinds(&["command_status"]).deltas().share(LOSS),
        );
    }
    console.proxy.set_rules(rules);
}

/// Chooses the next command. Every cap is another, so that its effect is known from all others.
fn choose(storm: Storm, nth: usize, random: &mut StdRng) -> (CommandKind, Option<f64>) {
    let chance = random.random::<f64>();
    if !storm.under_lease {
        // Lower and lower, or it would not count.
        (CommandKind::SpeedCap, Some(1_000.0 - nth as f64 / 4.0))
    } else if chance < 0.7 {
        (CommandKind::SpeedCap, Some(10.0 + nth as f64 / 4.0 + if random.random() { 100.0 } else { 0.0 }))
    } else if chance < 0.9 || !is_long() {
        (CommandKind::Resume, None)
    } else {
        (CommandKind::Hold, None)
    }
}

/// Plays the storm for one truck and one console.
async fn play(site: &Site, storm: Storm, index: u64, seed: u64) -> Tally {
    let truck = Truck::start(site, &format!("truck-{index}"), ms(150), seed).await;
    let mut one =
        [Console::open(site, &format!("ada-{index}"), OperatorRole::Operator, truck.name(), seed + 1)];
    truck.proxy.leave_out(&["holder", "heartbeat", "ping", "pong", "head", "durable"]);
    let untold = ["control_status", "heartbeat", "ping", "pong", "head", "health", "roster", "takeover"];
    one[0].proxy.leave_out(&untold);
    if storm.under_lease {
        assert!(take_control(&mut one, 0, PATIENCE).await, "seed {seed}");
    } else {
        until(&mut one, "an agent", |one| one[0].status().is_some_and(|status| status.settled)).await;
    }
    rules(&truck, &one[0], storm.deaf);
    let mut random = StdRng::seed_from_u64(seed);
    let (mut sent, mut open) = (Vec::<Sent>::new(), Vec::new());
    let mut shown = BTreeMap::new();
    let (mut moved_at, mut nudged_at) = (console_now(), console_now());
    while sent.len() < storm.commands_each || !open.is_empty() {
        one[0].turn();
        one[0].statuses.clear();
        open.retain(|command: &CommandId| {
            let over = one[0].is_over(*command);
            if over {
                moved_at = console_now();
                shown.insert(*command, one[0].fate(*command));
            }
            !over
        });
        let may_send = one[0].holds() || !storm.under_lease;
        while may_send && open.len() < WINDOW && sent.len() < storm.commands_each {
            let (kind, cap) = choose(storm, sent.len(), &mut random);
            let args = CommandArgs { speed_mps: cap, ..CommandArgs::default() };
            let Some(command_id) = one[0].try_order(kind, args) else { break };
            sent.push(Sent { command_id, kind, cap });
            open.push(command_id);
            moved_at = console_now();
        }
        // A console keeps sixteen commands of an agent: those that are open end first.
        if !may_send && open.is_empty() && sent.len() < storm.commands_each {
            let taken = take_control(&mut one, 0, PATIENCE).await;
            assert!(taken, "seed {seed}: control is lost for good: {:#?}", one[0].status());
        }
        if storm.deaf && sent.len() == storm.commands_each && console_now().since(nudged_at) > NUDGE_EVERY {
            nudged_at = console_now();
            let args = CommandArgs { speed_mps: Some(NUDGE), ..CommandArgs::default() };
            one[0].try_order(CommandKind::SpeedCap, args);
        }
        let waits: Vec<_> =
            open.iter().map(|command| (one[0].fate(*command), one[0].told.get(command))).collect();
        let since = console_now().since(moved_at);
        assert!(since < LONGEST, "seed {seed}: without an end for {since:?}: {waits:#?}");
        tokio::time::sleep(ms(25)).await;
    }
    // What is still delayed arrives now, if ever.
    work(&mut one, Duration::from_secs(4)).await;
    let tally = check(&truck, &one[0], &sent, &shown, seed);
    truck.close().await;
    tally
}

/// What one agent's side of the network saw.
#[derive(Default)]
struct AtTheGate {
    deadlines: BTreeMap<CommandId, AgentTime>,
    accepted: BTreeMap<CommandId, Vec<AgentTime>>,
    late: usize,
    doubled: usize,
}

fn at_the_gate(truck: &Truck) -> AtTheGate {
    let mut gate = AtTheGate::default();
    for seen in truck.proxy.seen() {
        if let Ok(ToAgent::Command(command)) = seen.message() {
            gate.deadlines.insert(command.command_id, command.deadline);
            let delay = if let Fate::Delay(delay, _) = seen.fate { delay } else { Duration::ZERO };
            // One machine, one clock: the agent's is the proxy's.
            gate.late += usize::from(seen.at.after(delay).as_nanos() >= command.deadline.as_nanos());
            gate.doubled += usize::from(seen.fate == Fate::Double);
        }
        if let Ok(AgentMessage::Ack(ack)) = seen.message()
            && ack.state == CommandState::Accepted
            && ack.code != Some(CommandCode::Duplicate)
        {
            gate.accepted.entry(ack.command_id).or_default().push(ack.at);
        }
    }
    gate
}

/// Checks one pair's story from all sides.
fn check(
    truck: &Truck,
    console: &Console,
    sent: &[Sent],
    shown: &BTreeMap<CommandId, (Option<CommandState>, Option<CommandCode>)>,
    seed: u64,
) -> Tally {
    let gate = at_the_gate(truck);
    let mut tally = Tally {
        commands: sent.len(),
        accepted: gate.accepted.len(),
        late: gate.late,
        doubled: gate.doubled,
        welcomes: console.welcomes,
        ..Tally::default()
    };
    for Sent { command_id, kind, .. } in sent {
        let told = console.told.get(command_id);
        let story =
            || format!("seed {seed}: {kind} {command_id:?}: shown {:?}, told {told:#?}", shown[command_id]);
        let (state, code) = shown[command_id];
        let (ends, state) = (console.ends(*command_id), state.expect("it is over"));
        match ends[..] {
            [] => assert_eq!(state, CommandState::Unknown, "{}", story()),
            [end] => assert_eq!(state, end, "{}", story()),
            _ => panic!("more than one end: {}", story()),
        }
        let accepted = gate.accepted.get(command_id).map_or(&[][..], Vec::as_slice);
        assert!(accepted.len() <= 1, "obeyed twice: {}", story());
        // A late HOLD is obeyed as a minimal-risk request: what makes things safer may be late.
        if let (Some(at), true) = (accepted.first(), *kind != CommandKind::Hold) {
            assert!(*at < gate.deadlines[command_id], "obeyed late: {}", story());
        }
        match state {
            CommandState::Completed | CommandState::Superseded | CommandState::Failed => {
                assert_eq!(accepted.len(), 1, "done, and nobody obeyed: {}", story());
            }
            CommandState::Rejected | CommandState::Expired => {
                assert!(accepted.is_empty(), "refused, and obeyed: {}", story());
            }
            _ => assert_eq!(state, CommandState::Unknown, "{}", story()),
        }
        let word = if ends.is_empty() { "unknown (no answer)" } else { state.word() };
        *tally.ends.entry(word).or_default() += 1;
        if let (CommandState::Rejected, Some(code)) = (state, code) {
            *tally.refusals.entry(code.word()).or_default() += 1;
        }
    }
    check_effects(truck, sent, &gate, seed);
    for proxy in [&truck.proxy, &console.proxy] {
        for seen in proxy.seen_where(|seen| seen.fate == Fate::Drop) {
            *tally.lost.entry(seen.kind).or_default() += 1;
        }
    }
    tally
}

/// Checks what the agent did: each cap came into force at most once, and only as its command was obeyed.
fn check_effects(truck: &Truck, sent: &[Sent], gate: &AtTheGate, seed: u64) {
    let mut caps: Vec<(f64, AgentTime)> = Vec::new();
    for change in truck.changes() {
        if let Some(cap) = change.directive.ordered_cap_mps.filter(|cap| *cap < NUDGE)
            && caps.last().is_none_or(|(last, _)| last.total_cmp(&cap).is_ne())
        {
            caps.push((cap, change.after));
        }
    }
    for (nth, (cap, at)) in caps.iter().enumerate() {
        let twice = caps.iter().skip(nth + 1).any(|(later, _)| later.total_cmp(cap).is_eq());
        assert!(!twice, "seed {seed}: the cap {cap} came into force twice");
        let by = sent.iter().find(|sent| sent.cap.is_some_and(|of| of.total_cmp(cap).is_eq()));
        let by = by.unwrap_or_else(|| panic!("seed {seed}: nobody sent the cap {cap}"));
        let obeyed = gate.accepted.get(&by.command_id).and_then(|times| times.first());
        assert!(obeyed.is_some_and(|obeyed| obeyed <= at), "seed {seed}: the cap {cap} without its command");
    }
}

async fn rage(storm: Storm, name: &str) {
    let began = console_now();
    let monitors: Vec<_> = (0..storm.monitors)
        .map(|monitor| {
            tokio::spawn(async move {
                let site = Site::open("").await;
                let seed = |index: u64| 1_000 * monitor + 10 * index;
                let all = (0..PAIRS).map(|index| play(&site, storm, index, seed(index)));
                let tallies = join_all(all).await;
                site.close().await;
                tallies
            })
        })
        .collect();
    let mut total = Tally::default();
    for monitor in monitors {
        for tally in monitor.await.unwrap() {
            total.add(tally);
        }
    }
    println!("{name}: {total}; {:.1} s", secs(console_now().since(began)));
    assert_eq!(total.commands, storm.commands_each * usize::try_from(storm.monitors * PAIRS).unwrap());
    assert_eq!(total.ends.values().sum::<usize>(), total.commands);
    assert!(total.late > 0 && total.doubled > 0 && total.accepted > 0, "the storm was one");
    assert!(["command", "ack"].iter().all(|kind| total.lost.contains_key(kind)), "the storm was one");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_command_of_a_holder_ends_once_and_acts_once_and_in_time_though_every_fifth_message_is_lost() {
    let (monitors, commands_each) = if is_long() { (5, 375) } else { (5, 20) };
    rage(Storm { monitors, commands_each, under_lease: true, deaf: false }, "holders").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_command_ends_once_at_a_console_that_misses_every_fifth_word_of_what_became_of_it() {
    let (monitors, commands_each) = if is_long() { (5, 125) } else { (2, 13) };
    rage(Storm { monitors, commands_each, under_lease: false, deaf: true }, "strangers, deaf").await;
}
