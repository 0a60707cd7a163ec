//! Hundreds of random handovers over a network that loses messages: never two owners, and never none.
//!
//! "Without an owner" is looked at from two sides, for every lease that ended by a handover or a pre-emption. At
//! the gate: the time in which no epoch was active between its last moment and the first of the next one, by looking
//! into the agent a thousand times a second. At the monitor: the time in which it named no holder in between, by
//! what an observer is told. In both the switch is one step, so both should be nothing at all. What does take
//! time is that the monitor hears of it: that is measured too.

mod evidence;

use crate::rig::{Console, Site, Truck, is_long, ms, secs, take_control, within, work};
use evidence::{Obeyed, Runs, Story};
use futures_util::future::join_all;
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use watchkeeper_client::{Intent, Mode, console_now};
use watchkeeper_model::{
    AgentId, AgentTime, CommandArgs, CommandKind, Epoch, LeaseEnd, Note, OperatorRole, PersonId, Setpoint,
};
use watchkeeper_protocol::{
    ToOperator,
    operator::{LeaseEvent, LeaseStatus},
};
use watchkeeper_tests::proxy::{Fate, Leg, Rule};

/// Ada and bob are operators, sue is a supervisor; eve only looks, over a network that loses nothing.
const PEOPLE: [(&str, OperatorRole); 4] = [
    ("ada", OperatorRole::Operator),
    ("bob", OperatorRole::Operator),
    ("sue", OperatorRole::Supervisor),
    ("eve", OperatorRole::Observer),
];
const SUE: usize = 2;
const EVE: usize = 3;
/// Of everything that agent and consoles say and the agent is told.
const LOSS: f64 = 0.1;
/// Of the deltas that consoles are told: each costs a new session, and with it the lease.
const LOSS_OF_DELTAS: f64 = 0.002;
/// How long the monitor typically may take to hear of a switch, losses aside.
const HEARS_WITHIN: Duration = Duration::from_millis(500);

type People = [Console; 4];

/// Returns who is in control, as his own console shows it.
fn in_control(people: &People) -> Option<usize> {
    people.iter().position(Console::drives)
}

/// Plays handovers until so many came about; returns how many were tried and how often control had to be taken anew.
async fn play(people: &mut People, agent: &AgentId, wanted: u32, random: &mut StdRng) -> (u32, u32) {
    let (mut done, mut tried, mut taken) = (0, 0, 0);
    let last = console_now().after(Duration::from_secs(20) + Duration::from_secs(10) * wanted);
    while done < wanted {
        assert!(console_now() < last, "{done} of {wanted} handovers came about in {tried} attempts");
        let Some(holder) = in_control(people) else {
            let who = random.random_range(0..3);
            // Somebody may be about to have control already: then he goes on.
            let who = (0..3).find(|other| people[*other].holds()).unwrap_or(who);
            taken += 1;
            take_control(people, who, Duration::from_secs(12)).await;
            continue;
        };
        work(people, ms(random.random_range(0..120))).await;
        let next = (holder + random.random_range(1..3)) % 3;
        tried += 1;
        if hand_over(people, agent, (holder, next), random).await {
            done += 1;
        } else {
            work(people, ms(200)).await;
        }
    }
    (tried, taken)
}

/// Plays one handover, in one of the ways there are; says whether `next` is in control afterwards.
async fn hand_over(
    people: &mut People,
    agent: &AgentId,
    (holder, next): (usize, usize),
    random: &mut StdRng,
) -> bool {
    let act = |console: &mut Console, intent: Intent| console.operator.act(intent).is_ok();
    let preempt = next == SUE && random.random();
    let allows = !preempt && random.random_bool(0.2);
    if allows && !act(&mut people[holder], Intent::AllowTakeover { agent: agent.clone(), allowed: true }) {
        return false;
    }
    let reason = preempt.then(|| Note::cut("a drill"));
    if !act(&mut people[next], Intent::RequestHandover { agent: agent.clone(), preempt, reason }) {
        return false;
    }
    if !preempt {
        let asked = |people: &People| {
            people[next].holds() || people[holder].lease().is_some_and(|lease| lease.handover.is_some())
        };
        if !within(people, ms(1_000), asked).await {
            return false;
        }
        let wish = people[holder].lease().and_then(|lease| lease.handover.as_ref());
        if let Some(request_id) = wish.map(|wish| wish.request_id) {
            let accept = random.random_bool(0.9);
            act(&mut people[holder], Intent::AnswerHandover { agent: agent.clone(), request_id, accept });
        }
    }
    let is_next = |people: &People| {
        let next_ready = |lease: &LeaseStatus| lease.next.as_ref().is_some_and(|next| next.ready);
        people[next].holds() && people[next].lease().is_some_and(next_ready)
    };
    if !within(people, ms(1_000), is_next).await {
        return false;
    }
    work(people, ms(random.random_range(0..150))).await;
    // A person who sees that nothing happens presses again.
    for _ in 0..3 {
        people[next].try_order(CommandKind::Engage, CommandArgs::default());
        if within(people, ms(500), |people| in_control(people) == Some(next)).await {
            return true;
        }
    }
    false
}

/// Checks that every epoch has one holder, whoever tells of it.
fn holders(people: &People) -> BTreeMap<Epoch, PersonId> {
    let mut holders = BTreeMap::new();
    let mut add = |epoch: Epoch, holder: &PersonId| {
        let known = holders.entry(epoch).or_insert_with(|| holder.clone());
        assert_eq!(known, holder, "two holders of {epoch}");
    };
    for console in people {
        for (_, status) in &console.statuses {
            let Some(lease) = &status.lease else { continue };
            add(lease.epoch, &lease.holder);
            if let Some(next) = &lease.next {
                assert!(next.epoch > lease.epoch);
                add(next.epoch, &next.holder);
            }
        }
        for (_, update) in &console.leases {
            if update.event == LeaseEvent::Granted {
                add(update.epoch, &update.holder);
            }
        }
    }
    holders
}

/// Checks that what hands moved was always moved by the hands of the one owner.
fn check_hands(truck: &Truck, story: &Story, seed: u64) -> usize {
    let engaged: Vec<&Obeyed> =
        story.obeyed.iter().filter(|obeyed| obeyed.kind == CommandKind::Engage).collect();
    let mut moved = 0;
    for change in truck.changes() {
        let Mode::Manual { steer, .. } = change.directive.mode else { continue };
        let (person, _) = PEOPLE
            .iter()
            .enumerate()
            .find(|(nth, _)| hands_of(*nth).steer.total_cmp(&steer).is_eq())
            .map(|(_, person)| *person)
            .unwrap();
        let owns = engaged.iter().enumerate().any(|(nth, obeyed)| {
            let ends = engaged.get(nth + 1).map_or(AgentTime::from_nanos(u64::MAX), |next| next.at);
            obeyed.by.as_str() == person && obeyed.at <= change.after && change.before <= ends
        });
        assert!(
            owns,
            "seed {seed}: the hands of {person} moved it, and who has them did not own it: {change:?}"
        );
        moved += 1;
    }
    moved
}

fn hands_of(person: usize) -> Setpoint {
    Setpoint { steer: 0.1 + person as f64 / 10.0, accelerate: 0.25 }
}

/// What a run measured.
#[derive(Default)]
struct Measured {
    handovers: usize,
    tried: u32,
    taken: u32,
    moved: usize,
    at_the_gate: Vec<Duration>,
    at_the_monitor: Vec<Duration>,
    hears: Vec<Duration>,
    hears_in_all: Vec<Duration>,
    agents_trips: Vec<Duration>,
    consoles_trips: Vec<Duration>,
    recorded: Vec<Duration>,
    fsyncs: Vec<Duration>,
    lost: BTreeMap<&'static str, usize>,
}

/// Plays so many handovers of one truck and checks them from all sides.
async fn run(wanted: u32, seed: u64) -> Measured {
    // Who is next and cannot engage is none after 5 s, so that a lost grant does not hold the run up for long.
    let site = Site::open("[timers.vehicle]\ntransition_secs = 3\n").await;
    let truck = Truck::start(&site, "truck-1", ms(100), seed).await;
    let mut nth = 0;
    let mut people = PEOPLE.map(|(person, role)| {
        nth += 1;
        Console::open(&site, person, role, truck.name(), seed + nth)
    });
    for (person, console) in people.iter_mut().enumerate().take(EVE) {
        console.hands = Some(hands_of(person));
        console.proxy.set_rules([
            Rule::new(Leg::OperatorToMonitor, Fate::Drop).share(LOSS),
            Rule::new(Leg::MonitorToOperator, Fate::Drop).deltas().share(LOSS_OF_DELTAS),
        ]);
        console.proxy.leave_out(&["heartbeat", "control_status", "health", "head", "roster"]);
    }
    truck.proxy.set_rules([
        Rule::new(Leg::AgentToMonitor, Fate::Drop).share(LOSS),
        Rule::new(Leg::MonitorToAgent, Fate::Drop).share(LOSS),
    ]);
    truck.proxy.leave_out(&["holder", "head", "durable"]);
    let over = Arc::new(AtomicBool::new(false));
    let gate = tokio::spawn(evidence::watch_gate(truck.agent.clone(), Arc::clone(&over)));
    let mut random = StdRng::seed_from_u64(seed);
    let (tried, taken) = play(&mut people, truck.name(), wanted, &mut random).await;
    over.store(true, Ordering::Relaxed);
    let gate = gate.await.unwrap();
    let measured = Measured { tried, taken, ..measure(&site, &truck, &people, &gate, seed) };
    truck.close().await;
    site.close().await;
    measured
}

/// Checks a run from all sides and measures it.
fn measure(site: &Site, truck: &Truck, people: &People, gate: &Runs, seed: u64) -> Measured {
    let story = evidence::story(truck);
    for pair in story.epochs.windows(2) {
        assert!(
            pair[1].1 >= pair[0].1,
            "seed {seed}: the agent went back from {:?} to {:?}",
            pair[0],
            pair[1]
        );
    }
    let owned: Vec<Epoch> = gate.iter().filter_map(|(_, _, owner)| *owner).collect();
    assert!(owned.is_sorted(), "seed {seed}: the gate went back: {owned:?}");
    let holders = holders(people);
    for obeyed in &story.obeyed {
        let holder = holders.get(&obeyed.epoch);
        assert_eq!(holder, Some(&obeyed.by), "seed {seed}: {} under {}", obeyed.kind, obeyed.epoch);
    }
    let eve = evidence::told(&people[EVE]);
    let mut monitor = Runs::new();
    for (at, message) in &eve {
        if let ToOperator::ControlStatus(update) = message {
            let lease = update.status.lease.as_ref();
            evidence::extend(&mut monitor, at.as_nanos(), lease.map(|lease| lease.epoch));
        }
    }
    let named: Vec<Epoch> = monitor.iter().filter_map(|(_, _, owner)| *owner).collect();
    assert!(named.is_sorted(), "seed {seed}: the monitor went back: {named:?}");
    let handed: BTreeSet<Epoch> = eve
        .iter()
        .filter_map(|(_, message)| if let ToOperator::Lease(update) = message { Some(update) } else { None })
        .filter(|update| matches!(update.end, Some(LeaseEnd::HandedOver | LeaseEnd::PreEmpted)))
        .map(|update| update.epoch)
        .filter(|epoch| owned.contains(epoch))
        .collect();
    let mut measured = Measured {
        handovers: handed.len(),
        moved: check_hands(truck, &story, seed),
        at_the_gate: evidence::gaps(gate, &handed),
        at_the_monitor: evidence::gaps(&monitor, &handed),
        recorded: evidence::recorded(&eve),
        fsyncs: evidence::fsyncs(site.directory()),
        ..Measured::default()
    };
    for obeyed in story.obeyed.iter().filter(|obeyed| obeyed.kind == CommandKind::Engage) {
        // A switch, not the ENGAGE of a claim: the one before was handed over.
        let before = owned.iter().rev().find(|epoch| **epoch < obeyed.epoch);
        let heard = monitor.iter().find(|(_, _, owner)| *owner == Some(obeyed.epoch)).map(|(at, _, _)| *at);
        let told = story.told.get(&obeyed.epoch);
        let (Some(before), Some(heard), Some((said, Some(arrived)))) = (before, heard, told) else {
            continue;
        };
        if handed.contains(before) {
            let in_all = Duration::from_nanos(heard.saturating_sub(obeyed.at.as_nanos()));
            measured.hears.push(in_all.saturating_sub(arrived.since(*said)));
            measured.hears_in_all.push(in_all);
        }
    }
    for console in &people[..EVE] {
        measured.consoles_trips.extend(evidence::round_trips(console));
    }
    (measured.agents_trips, measured.lost) = (story.round_trips, story.lost);
    measured
}

#[tokio::test(flavor = "multi_thread")]
async fn however_control_is_handed_over_there_are_never_two_owners_and_never_none() {
    let (trucks, wanted) = if is_long() { (4, 250) } else { (3, 10) };
    let began = console_now();
    let runs = (0..trucks).map(|truck| tokio::spawn(run(wanted, 7_000 + 10 * truck)));
    let mut all = Measured::default();
    for one in join_all(runs).await {
        let one = one.unwrap();
        all.handovers += one.handovers;
        all.tried += one.tried;
        all.taken += one.taken;
        all.moved += one.moved;
        for (sum, more) in [
            (&mut all.at_the_gate, one.at_the_gate),
            (&mut all.at_the_monitor, one.at_the_monitor),
            (&mut all.hears, one.hears),
            (&mut all.hears_in_all, one.hears_in_all),
            (&mut all.agents_trips, one.agents_trips),
            (&mut all.consoles_trips, one.consoles_trips),
            (&mut all.recorded, one.recorded),
            (&mut all.fsyncs, one.fsyncs),
        ] {
            sum.extend(more);
        }
        for (kind, count) in one.lost {
            *all.lost.entry(kind).or_default() += count;
        }
    }
    println!(
        "{} handovers in {} attempts, control taken anew {} times, {} movements of hands, {:.0} s; lost on the \
         agent's link: {:?}",
        all.handovers,
        all.tried,
        all.taken,
        all.moved,
        secs(console_now().since(began)),
        all.lost
    );
    println!("without an owner, at the gate:    {}", evidence::figures(&all.at_the_gate));
    println!("without an owner, at the monitor: {}", evidence::figures(&all.at_the_monitor));
    println!("the monitor hears of a switch:    {}", evidence::figures(&all.hears));
    println!("  the time of lost reports added: {}", evidence::figures(&all.hears_in_all));
    println!("round trip monitor - agent:       {}", evidence::figures(&all.agents_trips));
    println!("round trip monitor - console:     {}", evidence::figures(&all.consoles_trips));
    println!("from received to forwarded:       {}", evidence::figures(&all.recorded));
    println!("one fsync of 4 KiB, same disk:    {}", evidence::figures(&all.fsyncs));
    let enough = usize::try_from(trucks).unwrap() * wanted as usize;
    assert!(all.handovers >= enough && all.at_the_gate.len() >= enough, "too few handovers were seen");
    // The typical round trip and fsync, not the longest: the bound is to be a hard one.
    let round_trip =
        evidence::quantile(&all.agents_trips, 0.5) + evidence::quantile(&all.consoles_trips, 0.5);
    let bound = round_trip + evidence::quantile(&all.fsyncs, 0.5);
    let longest = evidence::quantile(&all.at_the_gate, 1.0).max(evidence::quantile(&all.at_the_monitor, 1.0));
    println!("the longest time without an owner is {longest:?}; a round trip and an fsync are {bound:?}");
    assert!(longest <= bound);
    assert!(evidence::quantile(&all.hears, 0.5) < HEARS_WITHIN);
    assert!(all.moved > 0 && all.lost.values().sum::<usize>() > 0);
}
