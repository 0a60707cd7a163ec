//! One agent at many times its rate: how much later are the alerts of others?
//!
//! Slices take turns, in which that agent decides as often as all, a hundred times and a thousand times as often; the
//! others do the same in each of them. Whatever else the machine does, slows all kinds of slice. The loud agent has a
//! thread of its own, so that its generator does not hold up that of the others.

use crate::{
    child::{Kind, Other},
    consoles,
    fleet::{ALARMED, Fleet},
    load::{GENERATOR_LAG, SETTLE},
};
use hdrhistogram::Histogram;
use std::{process::ExitCode, thread, time::Duration};
use tokio::runtime::Runtime;

/// Decisions a second of an agent.
const NORMAL: f64 = 10.0;
/// How often the loud one decides, and how many decisions it writes at once. The second is judged by its ratio, the third
/// tells how far it holds, and the last is a flood.
const LOUD: [(f64, usize); 4] =
    [(NORMAL, 1), (100.0 * NORMAL, 1), (1_000.0 * NORMAL, 1), (10_000.0 * NORMAL, 32)];
/// Beside the flood the p99 of the others' alerts stays within the budget from alert to frame (`takeover.md` 3.2).
const FLOOD_BOUND_MILLIS: f64 = 250.0;
/// The others' median may be so many times what it is beside a neighbour like themselves.
const BOUND: f64 = 2.0;
/// All others are in and out of alerts, each once in two seconds.
const OTHERS: usize = ALARMED;
const CONSOLES: usize = 10;
/// How long the loud one is loud before anything is measured.
const LEAD: Duration = Duration::from_millis(250);
/// A round's slice.
const SLICE: Duration = Duration::from_secs(2);
/// The exit code of a benchmark that says nothing: EX_TEMPFAIL of sysexits.h, try again.
const VOID: u8 = 75;
/// How long the last alerts of a slice may take to the consoles.
const ARRIVAL: Duration = Duration::from_millis(250);

/// What was measured beside one rate of the loud agent.
struct Beside {
    rate: f64,
    at_once: usize,
    late: Histogram<u64>,
    /// Of each round, in nanoseconds.
    medians: Vec<u64>,
    /// How late the generator of the others was, where it was.
    lag: Histogram<u64>,
    /// The slowest of the rounds: decisions a second of the loud agent.
    slowest: f64,
    missing: usize,
    cpu: Duration,
}

impl Beside {
    fn millis(&self, quantile: f64) -> f64 {
        self.late.value_at_quantile(quantile) as f64 / 1e6
    }

    fn lag_millis(&self) -> f64 {
        self.lag.value_at_quantile(0.99) as f64 / 1e6
    }

    /// Returns how many times as long the median is.
    fn ratio(&self, base: &Self) -> f64 {
        self.millis(0.5) / base.millis(0.5)
    }

    /// Returns the quartiles of the same ratio, taken round by round.
    fn quartiles(&self, base: &Self) -> [f64; 2] {
        let pairs = self.medians.iter().zip(&base.medians);
        let mut ratios: Vec<f64> = pairs.map(|(loud, quiet)| *loud as f64 / *quiet as f64).collect();
        ratios.sort_by(f64::total_cmp);
        [1, 3].map(|quarter| ratios[ratios.len() * quarter / 4])
    }
}

/// Measures; fails where an agent at a hundred times its rate makes the alerts of others too late.
pub(crate) fn neighbour(runtime: &Runtime, rounds: u32) -> ExitCode {
    println!(
        "neighbour: {OTHERS} agents at {NORMAL:.0} decisions a second raise alerts, {CONSOLES} consoles; beside them one agent that\n\
         raises none, at several rates in turn; {rounds} rounds of {} s each, open loop",
        SLICE.as_secs()
    );
    let other = Other::start(Kind::Server);
    let mut others = Fleet::connect(&other.url, &other.token, 0..OTHERS);
    let mut loud = Fleet::connect(&other.url, &other.token, OTHERS..OTHERS + 1);
    let seen = runtime.block_on(consoles::connect(&other.url, &other.token, CONSOLES));
    let mut all = LOUD.map(|(rate, at_once)| Beside {
        rate,
        at_once,
        late: Histogram::new_with_bounds(1, 600_000_000_000, 3).unwrap(),
        medians: Vec::new(),
        lag: Histogram::new_with_bounds(1, 60_000_000_000, 3).unwrap(),
        slowest: f64::INFINITY,
        missing: 0,
        cpu: Duration::ZERO,
    });
    let mut not_safe = 0;
    for round in 0..=rounds as usize {
        for turn in 0..all.len() {
            let at = (turn + round) % all.len();
            let beside = &mut all[at];
            let before = other.cpu();
            let (shouted, sent) = thread::scope(|scope| {
                let shouting = scope.spawn(|| loud.run(beside.rate, LEAD + SLICE, beside.at_once));
                thread::sleep(LEAD);
                let sent = others.run(OTHERS as f64 * NORMAL, SLICE, 1);
                (shouting.join().unwrap(), sent)
            });
            let cpu = other.cpu() - before;
            // What waits in the sockets of the loud one is not the next slice's burden.
            not_safe += loud.settle(SETTLE) + others.settle(SETTLE);
            thread::sleep(ARRIVAL);
            let (mut late, missing) = seen.lock().unwrap().latencies(&sent.alarms, CONSOLES);
            // The first round warms up.
            if round > 0 {
                late.sort_unstable();
                beside.medians.push(*late.get(late.len() / 2).expect("every slice has alerts"));
                for nanos in late {
                    beside.late.saturating_record(nanos.max(1));
                }
                beside.lag += &sent.lag;
                beside.slowest = beside.slowest.min(shouted.rate());
                beside.missing += missing;
                beside.cpu += cpu;
            }
        }
    }
    // The end of the server closes them all.
    let closed = seen.lock().unwrap().closed;
    print!("{}", other.stop());
    judge(&all, not_safe, closed)
}

/// Prints the table, and what it comes to.
fn judge(all: &[Beside], not_safe: u64, closed: u64) -> ExitCode {
    println!(
        "{:>9} {:>10} {:>8} {:>9} {:>9} {:>9} {:>9}   {:>7} {:>14} {:>8} {:>7}",
        "loud/s",
        "slowest/s",
        "alerts",
        "p50 ms",
        "p99 ms",
        "max ms",
        "lag ms",
        "ratio",
        "quartiles",
        "missing",
        "CPU"
    );
    let [base, judged, _, flood] = all else { unreachable!("as many as there are rates") };
    for beside in all {
        let [low, high] = beside.quartiles(base);
        println!(
            "{:>9.0} {:>10.0} {:>8} {:>9.3} {:>9.3} {:>9.2} {:>9.2}   {:>7.2} {:>14} {:>8} {:>6.0}%",
            beside.rate,
            beside.slowest,
            beside.late.len(),
            beside.millis(0.5),
            beside.millis(0.99),
            beside.millis(1.0),
            beside.lag_millis(),
            beside.ratio(base),
            format!("{low:.2} to {high:.2}"),
            beside.missing,
            beside.cpu.as_secs_f64() / ((LEAD + SLICE).as_secs_f64() * beside.medians.len() as f64) * 100.0
        );
    }
    let missing: usize = all.iter().map(|beside| beside.missing).sum();
    let is_lost = not_safe > 0 || missing > 0 || closed > 0;
    println!(
        "decisions lost: {not_safe}; alerts that did not come: {missing}; consoles closed: {closed}: {}",
        if is_lost { "something was LOST" } else { "nothing was lost" }
    );
    let is_late = judged.ratio(base) > BOUND;
    println!(
        "beside an agent at {:.0} times its rate the median of the others' alerts is {:.2} times as long: {} {BOUND}",
        judged.rate / base.rate,
        judged.ratio(base),
        if is_late { "MORE THAN" } else { "within" }
    );
    let is_drowned = flood.millis(0.99) > FLOOD_BOUND_MILLIS;
    println!(
        "beside a flood of {:.0} decisions a second (asked for: {:.0}) the p99 of the others' alerts is {:.1} ms: {} {FLOOD_BOUND_MILLIS:.0} ms",
        flood.slowest,
        flood.rate,
        flood.millis(0.99),
        if is_drowned { "MORE THAN" } else { "within" }
    );
    let says_nothing = [base, judged, flood].iter().any(|beside| {
        beside.lag_millis() > GENERATOR_LAG.as_secs_f64() * 1e3 || beside.slowest < 0.9 * beside.rate
    });
    if is_lost {
        ExitCode::FAILURE
    } else if says_nothing {
        println!("VOID: a generator was late, or not as loud as it should be; try again\n");
        ExitCode::from(VOID)
    } else if is_late || is_drowned {
        ExitCode::FAILURE
    } else {
        println!();
        ExitCode::SUCCESS
    }
}
