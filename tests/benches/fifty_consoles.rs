//! One stalled console of fifty: how much later do the other forty-nine hear of an alert?
//!
//! `cargo xtask bench consoles`. One process holds the real server, thirty agents of the SDK and fifty consoles of
//! the SDK over loopback. Ten of the agents break a limit and keep it again, on a schedule that waits for nobody,
//! so that alerts come or go about fifty times a second beside the telemetry. Rounds with and without the
//! stall take turns, and the figure is the median of the ratios of neighbouring rounds, so that what else the
//! machine does cancels out. The stalled console is welcomed and then never reads from its socket again; when the
//! server closes it, it comes back and stalls again. More than 10 % at the median is a failure.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark prints, and fails loudly")]

#[path = "shared/monitor.rs"]
mod monitor;
#[path = "shared/observer.rs"]
mod observer;

use hdrhistogram::Histogram;
use std::{
    process::ExitCode,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{net::TcpSocket, time::MissedTickBehavior};
use watchkeeper_client::{
    Agent, AgentOptions, DecisionDraft, Endpoint, Operator, OperatorEvent, OperatorOptions, TokenSource,
};
use watchkeeper_model::{AgentId, AgentKind, OperatorRole, PersonId};
use watchkeeper_protocol::ToOperator;
use watchkeeper_server::Server;

const CONSOLES: usize = 50;
const AGENTS: usize = 30;
const ALARMED: usize = 10;
const ROUNDS: usize = 12;
const ROUND: Duration = Duration::from_secs(4);
const PERIOD: Duration = Duration::from_millis(100);

/// Latencies of one kind of round, from the alert's change to its arrival at a healthy console.
type Latencies = Arc<Mutex<Histogram<u64>>>;

fn main() -> ExitCode {
    // `cargo test --all-targets` runs benchmarks too, with this flag missing: then there is nothing to prove.
    if !std::env::args().any(|argument| argument == "--bench") {
        println!("skipped: run it with `cargo xtask bench consoles`");
        return ExitCode::SUCCESS;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    if runtime.block_on(bench()) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Returns whether the others were hardly delayed.
async fn bench() -> bool {
    let data = watchkeeper_canary::tempdir().unwrap();
    let server = Server::start(monitor::options(data.path(), 10)).await.unwrap();
    let endpoint = Endpoint::new(server.url(), TokenSource::File(server.token_file().to_owned()));
    let agents: Vec<_> = (0..AGENTS).map(|index| tokio::spawn(decide(endpoint.clone(), index))).collect();

    let now_in = Arc::new(Mutex::new(None::<Latencies>));
    let folded = Arc::new(AtomicU64::new(0));
    let consoles: Vec<_> = (0..CONSOLES - 1)
        .map(|index| tokio::spawn(watch(endpoint.clone(), index, Arc::clone(&now_in), Arc::clone(&folded))))
        .collect();
    // The fiftieth console is healthy or stalled, round by round.
    let stall = Arc::new(AtomicBool::new(false));
    let stalls = Arc::new(AtomicU64::new(0));
    let token = server.token().to_owned();
    let last = tokio::spawn(fiftieth(endpoint.clone(), token, Arc::clone(&stall), Arc::clone(&stalls)));
    tokio::time::sleep(Duration::from_secs(3)).await;

    println!("round   healthy p50 / p99 ms   one stalled p50 / p99 ms   ratio p50   ratio p99");
    let (mut medians, mut tails) = (Vec::new(), Vec::new());
    for round in 1..=ROUNDS {
        let mut figures = Vec::new();
        for stalled in [false, true] {
            stall.store(stalled, Ordering::Relaxed);
            tokio::time::sleep(Duration::from_millis(500)).await;
            let latencies: Latencies = Arc::new(Mutex::new(Histogram::new(3).unwrap()));
            *now_in.lock().unwrap() = Some(Arc::clone(&latencies));
            tokio::time::sleep(ROUND).await;
            *now_in.lock().unwrap() = None;
            let histogram = latencies.lock().unwrap();
            assert!(histogram.len() > 1_000, "only {} alerts arrived in a round", histogram.len());
            figures.push((histogram.value_at_quantile(0.5), histogram.value_at_quantile(0.99)));
        }
        let [(healthy, healthy_tail), (stalled, stalled_tail)] = figures[..] else { unreachable!() };
        let (median, tail) = (ratio(stalled, healthy), ratio(stalled_tail, healthy_tail));
        println!(
            "{round:5}   {:>8.2} / {:>8.2}   {:>12.2} / {:>8.2}   {median:>13.3}   {tail:>9.3}",
            millis(healthy),
            millis(healthy_tail),
            millis(stalled),
            millis(stalled_tail)
        );
        medians.push(median);
        tails.push(tail);
    }
    println!("{} messages were folded by the consoles", folded.load(Ordering::Relaxed));
    let stalled = stalls.load(Ordering::Relaxed);
    println!("a console stalled {stalled} times");
    assert!(stalled >= ROUNDS as u64, "the stall that is measured did not happen");
    let verdict = middle(medians);
    println!("median of the ratios: p50 {verdict:.3}, p99 {:.3}", middle(tails));
    let is_within = verdict < 1.1;
    let judged = if is_within { "within 10 %" } else { "MORE THAN 10 %" };
    println!("the others' alerts are {:+.1} % later: {judged}", (verdict - 1.0) * 100.0);
    for task in agents.into_iter().chain(consoles).chain([last]) {
        task.abort();
    }
    server.stop().await.unwrap();
    is_within
}

/// An agent that decides ten times a second; the first ones are too hot twice, then twice not.
async fn decide(endpoint: Endpoint, index: usize) {
    let name = AgentId::new(&format!("press-{index}")).unwrap();
    let options =
        AgentOptions::new(endpoint, name, AgentKind::Generic).with_signals(&[("heat", "C"), ("load", "%")]);
    let agent = Agent::connect(options).await.unwrap();
    let mut ticks = tokio::time::interval(PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    for step in 0_u32.. {
        ticks.tick().await;
        let heat = if index < ALARMED && step / 2 % 2 == 0 { 120.0 } else { 70.0 };
        let draft = DecisionDraft::new("press", None, vec![heat, f64::from(step % 7)]);
        agent.decide(draft).unwrap();
    }
}

fn options(endpoint: Endpoint, index: usize) -> OperatorOptions {
    let mut options = OperatorOptions::new(endpoint, PersonId::new(&format!("person-{index}")).unwrap());
    options.role = OperatorRole::Observer;
    options
}

/// A console that keeps up. What came when is taken by the SDK as it reads the socket.
async fn watch(
    endpoint: Endpoint,
    index: usize,
    now_in: Arc<Mutex<Option<Latencies>>>,
    folded: Arc<AtomicU64>,
) {
    let mut operator = Operator::connect(options(endpoint, index));
    loop {
        let event = operator.next().await;
        folded.fetch_add(1, Ordering::Relaxed);
        let OperatorEvent::Message(message) = event else { continue };
        let ToOperator::Alert(update) = *message else { continue };
        let Some(latencies) = now_in.lock().unwrap().clone() else { continue };
        let Some(entry) = operator.picture().alert(update.alarm.alert_id) else { continue };
        // One machine, one clock: both ends count CLOCK_BOOTTIME.
        let latency = entry.received_at().since(update.alarm.changed_at);
        latencies.lock().unwrap().record(u64::try_from(latency.as_nanos()).unwrap().max(1)).unwrap();
    }
}

async fn fiftieth(endpoint: Endpoint, token: String, stall: Arc<AtomicBool>, stalls: Arc<AtomicU64>) {
    loop {
        if stall.load(Ordering::Relaxed) {
            stalled(&endpoint.url, &token, &stall, &stalls).await;
        } else {
            let mut operator = Operator::connect(options(endpoint.clone(), CONSOLES));
            while !stall.load(Ordering::Relaxed) {
                drop(tokio::time::timeout(PERIOD, operator.next()).await);
            }
        }
    }
}

/// Says hello and never reads again, until the round is over. Its window is as small as the kernel allows.
async fn stalled(url: &str, token: &str, stall: &AtomicBool, stalls: &AtomicU64) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4_096).unwrap();
    let stream = socket.connect(observer::address_of(url).parse().unwrap()).await.unwrap();
    // Welcomed: it counts as a console from here on.
    let _unread = observer::open(url, token, "stalled", stream).await;
    stalls.fetch_add(1, Ordering::Relaxed);
    // It holds the socket for two seconds, asleep: the server closes it long before, and it comes back.
    for _ in 0..20 {
        if !stall.load(Ordering::Relaxed) {
            return;
        }
        tokio::time::sleep(PERIOD).await;
    }
}

fn ratio(stalled: u64, healthy: u64) -> f64 {
    stalled as f64 / healthy as f64
}

fn millis(nanos: u64) -> f64 {
    nanos as f64 / 1e6
}

fn middle(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap()
}
