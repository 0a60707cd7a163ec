//! The three things that are measured.

use crate::{
    Load,
    child::{Kind, Other},
    consoles,
    fleet::{Fleet, Sent},
};
use hdrhistogram::Histogram;
use std::{
    process::ExitCode,
    thread,
    time::{Duration, Instant},
};
use tokio::runtime::Runtime;

/// What an alert may take, 99 times in a hundred (`takeover.md` 3.3).
const ALERT_BUDGET: Duration = Duration::from_millis(10);
/// How long the last decisions may take to be on disk.
pub(crate) const SETTLE: Duration = Duration::from_mins(1);
/// A generator that is later than this measures itself.
pub(crate) const GENERATOR_LAG: Duration = Duration::from_millis(5);
/// More than anything takes.
const FLOOD: f64 = 1e9;

/// Floods the server and the counter in turn.
pub(crate) fn ingest() {
    println!(
        "ingest: decisions a second until all are safe; the counter only counts frames, of the same load"
    );
    println!(
        "{:>7} {:>7} {:>14} {:>14} {:>7}   {:>12}",
        "agents", "a write", "counter", "monitor", "ratio", "CPU each"
    );
    for (agents, together, decisions) in [
        (1, 1, 60_000),
        (1, 32, 200_000),
        (100, 1, 200_000),
        (100, 32, 400_000),
        (1_000, 1, 200_000),
        (1_000, 32, 400_000),
    ] {
        let (counted, _) = flood(Kind::Counter, agents, together, decisions);
        let (scored, cpu) = flood(Kind::Server, agents, together, decisions);
        println!(
            "{agents:>7} {together:>7} {counted:>12.0}/s {scored:>12.0}/s {:>7.3}   {:>9.2} us",
            scored / counted,
            cpu.as_secs_f64() * 1e6 / f64::from(decisions)
        );
    }
    println!();
}

/// Returns how many decisions a second went through, and the processor time that they took.
fn flood(kind: Kind, agents: usize, together: usize, decisions: u32) -> (f64, Duration) {
    let other = Other::start(kind);
    let mut fleet = Fleet::connect(&other.url, &other.token, 0..agents);
    let before = other.cpu();
    let began = Instant::now();
    // Each agent waits for its socket, as an agent does; what is measured ends when everything is safe.
    let sent = fleet.run(FLOOD, Duration::from_secs_f64(f64::from(decisions) / FLOOD), together);
    let missing = fleet.settle(SETTLE);
    assert_eq!(missing, 0, "every decision is safe in the end");
    (sent.decisions as f64 / began.elapsed().as_secs_f64(), other.cpu() - before)
}

/// One rate with consoles, as measured.
struct Held {
    sent: Sent,
    late: Histogram<u64>,
    missing_alerts: usize,
    not_safe: u64,
    told_dropped: u64,
    closed: u64,
    messages: u64,
    cpu: Duration,
    resident: Vec<u64>,
}

fn stretch(runtime: &Runtime, other: &Other, fleet: &mut Fleet, load: Load) -> Held {
    let seen = runtime.block_on(consoles::connect(&other.url, &other.token, load.consoles));
    thread::sleep(Duration::from_secs(1));
    let (before, mut resident) = (other.cpu(), Vec::new());
    let sent = thread::scope(|scope| {
        let sending = scope.spawn(|| fleet.run(load.rate, Duration::from_secs(load.seconds), 1));
        while !sending.is_finished() {
            resident.push(other.resident());
            thread::sleep(Duration::from_millis(500));
        }
        sending.join().unwrap()
    });
    let cpu = other.cpu() - before;
    let not_safe = fleet.settle(SETTLE);
    thread::sleep(Duration::from_millis(500));
    let seen = seen.lock().unwrap();
    let (latencies, missing_alerts) = seen.latencies(&sent.alarms, load.consoles);
    let mut late = Histogram::new_with_bounds(1, 600_000_000_000, 3).unwrap();
    for nanos in latencies {
        late.saturating_record(nanos.max(1));
    }
    Held {
        late,
        missing_alerts,
        not_safe,
        told_dropped: seen.told_dropped,
        closed: seen.closed,
        messages: seen.messages,
        cpu,
        resident,
        sent,
    }
}

impl Held {
    fn millis(&self, quantile: f64) -> f64 {
        self.late.value_at_quantile(quantile) as f64 / 1e6
    }
}

/// Raises the rate until the alerts are late.
pub(crate) fn ramp(runtime: &Runtime, agents: usize, seconds: u64) {
    println!("ramp: {agents} agents, 10 consoles, {seconds} s at each rate, open loop");
    println!(
        "{:>10} {:>10} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9}",
        "wanted/s", "sent/s", "p50 ms", "p99 ms", "max ms", "lag ms", "missing", "shed", "CPU"
    );
    let mut knee = None;
    for rate in [5_000.0, 10_000.0, 20_000.0, 30_000.0, 40_000.0, 50_000.0, 60_000.0, 80_000.0, 100_000.0] {
        let other = Other::start(Kind::Server);
        let mut fleet = Fleet::connect(&other.url, &other.token, 0..agents);
        let load = Load { agents, consoles: 10, rate, seconds };
        let held = stretch(runtime, &other, &mut fleet, load);
        println!(
            "{rate:>10.0} {:>10.0} {:>9.2} {:>9.2} {:>9.2} {:>9.2} {:>9} {:>9} {:>8.0}%",
            held.sent.rate(),
            held.millis(0.5),
            held.millis(0.99),
            held.millis(1.0),
            held.sent.lag_millis(),
            held.missing_alerts,
            held.told_dropped,
            held.cpu.as_secs_f64() / held.sent.took.as_secs_f64() * 100.0
        );
        if held.millis(0.99) > ALERT_BUDGET.as_secs_f64() * 1e3 {
            break;
        }
        knee = Some(rate);
    }
    match knee {
        Some(knee) => println!("the knee is above {knee:.0} decisions a second\n"),
        None => println!("the knee is below the lowest rate\n"),
    }
}

/// Holds one rate; fails where something was lost.
pub(crate) fn hold(runtime: &Runtime, load: Load) -> ExitCode {
    let other = Other::start(Kind::Server);
    let bare = other.resident();
    let mut fleet = Fleet::connect(&other.url, &other.token, 0..load.agents);
    let connected = other.resident();
    let idle = {
        let before = other.cpu();
        thread::sleep(Duration::from_secs(3));
        (other.cpu() - before).as_secs_f64() / 3.0
    };
    println!(
        "load: {} agents, {} consoles, {:.0} decisions a second for {} s, open loop",
        load.agents, load.consoles, load.rate, load.seconds
    );
    let held = stretch(runtime, &other, &mut fleet, load);
    let probe = noise();
    println!(
        "  sent {} decisions, {:.0}/s; the generator's own lag p99 {:.2} ms, max {:.2} ms",
        held.sent.decisions,
        held.sent.rate(),
        held.sent.lag_millis(),
        held.sent.lag.max() as f64 / 1e6
    );
    println!(
        "  {} alerts at {} consoles: p50 {:.2}, p99 {:.2}, p99.9 {:.2}, max {:.2} ms; the noise probe's p99 {:.2} ms",
        held.sent.alarms.len(),
        load.consoles,
        held.millis(0.5),
        held.millis(0.99),
        held.millis(0.999),
        held.millis(1.0),
        probe.value_at_quantile(0.99) as f64 / 1e6
    );
    println!(
        "  decisions lost: {}; alerts that did not come: {}; consoles closed: {}; messages read {}, telemetry told as shed {}",
        held.not_safe, held.missing_alerts, held.closed, held.messages, held.told_dropped
    );
    let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    println!(
        "  server: {:.0} % of a core, {:.2} us a decision; at rest {:.1} %; {:.1} KiB a connection",
        held.cpu.as_secs_f64() / held.sent.took.as_secs_f64() * 100.0,
        held.cpu.as_secs_f64() * 1e6 / held.sent.decisions as f64,
        idle * 100.0,
        (connected.saturating_sub(bare)) as f64 / 1_024.0 / load.agents as f64
    );
    let (first, last) =
        (held.resident.first().copied().unwrap_or(0), held.resident.last().copied().unwrap_or(0));
    println!(
        "  resident memory: {:.1} MiB at first, {:.1} at last, {:+.2} MiB a minute over the second half",
        mib(first),
        mib(last),
        slope(&held.resident)
    );
    print!("{}", other.stop());
    let is_late = held.millis(0.99) > ALERT_BUDGET.as_secs_f64() * 1e3;
    if held.sent.lag_millis() > GENERATOR_LAG.as_secs_f64() * 1e3 {
        println!("VOID for latency: the generator itself was late");
    }
    let is_lost = held.not_safe > 0 || held.missing_alerts > 0 || held.closed > 0;
    println!(
        "{}, alerts {} 10 ms\n",
        if is_lost { "something was LOST" } else { "nothing was lost" },
        if is_late { "LATER than" } else { "within" }
    );
    if is_lost || is_late { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// Returns how much the memory grew a minute over the second half, in MiB.
fn slope(resident: &[u64]) -> f64 {
    let half = resident.get(resident.len() / 2..).unwrap_or_default();
    let (Some(first), Some(last)) = (half.first(), half.last()) else { return 0.0 };
    let minutes = half.len() as f64 * 0.5 / 60.0;
    (*last as f64 - *first as f64) / f64::from(1 << 20) / minutes
}

/// Returns how much too long a thread sleeps that wants to sleep a millisecond, in nanoseconds: what this machine adds by
/// itself.
fn noise() -> Histogram<u64> {
    let mut histogram = Histogram::new_with_bounds(1, 60_000_000_000, 3).unwrap();
    let wanted = Duration::from_millis(1);
    for _ in 0..2_000 {
        let began = Instant::now();
        thread::sleep(wanted);
        let over = began.elapsed().saturating_sub(wanted);
        histogram.saturating_record(u64::try_from(over.as_nanos()).unwrap().max(1));
    }
    histogram
}
