//! Many consoles of the SDK that lose the server in the same moment, and come back together.
//!
//! All of them reach it through one relay. That goes down, an alert is raised that none of them can hear of, and the relay
//! comes up again. What counts is how long after that each console's picture is current and holds the alert. When a
//! console tries again is its own back-off's choice (full jitter below a ceiling that doubles from 100 ms to 5 s with every
//! attempt that fails), so the longer the network was away, the later some of them look.

use crate::{
    child::{Kind, Other},
    fleet::Fleet,
    load::SETTLE,
    observer,
    relay::Relay,
};
use hdrhistogram::Histogram;
use std::{
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};
use tokio::{
    runtime::Runtime,
    sync::{mpsc, watch},
    time::{sleep, timeout},
};
use watchkeeper_client::{
    Agent, AgentOptions, DecisionDraft, Endpoint, Operator, OperatorEvent, OperatorOptions, TokenSource,
    console_now,
};
use watchkeeper_model::{AgentId, AgentKind, AlertId, DecisionSeq, MonoTime, PersonId, nanos};
use watchkeeper_protocol::{ToOperator, session::ErrorCode};

/// What a console may take that can come back at once.
const BOUND: Duration = Duration::from_secs(2);
/// How long the network is away. Only where that is nothing, the bound judges; beyond, it is the back-off that decides.
const AWAY: [Duration; 3] = [Duration::ZERO, Duration::from_secs(1), Duration::from_secs(5)];
/// Nobody takes longer; the highest ceiling of the back-off is 5 s.
const PATIENCE: Duration = Duration::from_secs(30);
/// Agents whose decisions go on all the time, and their rate together. The first of them are in and out of alerts.
const AGENTS: usize = 100;
const RATE: f64 = 1_000.0;
/// Longer than a limit must be kept until its alert is over.
const CLEAR_AFTER: Duration = Duration::from_millis(20);
/// Over which the server's processor time is taken, and what comes before a repetition.
const SECOND: Duration = Duration::from_secs(1);

/// What every console waits for.
#[derive(Clone, Copy, Debug, Default)]
struct Wanted {
    repetition: u32,
    /// The alert, and its decision; `None` in the beginning, when a current picture is enough.
    alert: Option<(AlertId, DecisionSeq)>,
}

/// A console whose picture is current again.
#[derive(Clone, Copy, Debug)]
struct Current {
    at: MonoTime,
    /// It was told what it missed, instead of everything.
    resumed: bool,
    /// How often it was closed as too slow since it was current last.
    too_slow: u32,
}

/// Lets that many consoles drop and return; fails where one that may return at once takes longer than the bound.
pub(crate) fn returners(runtime: &Runtime, consoles: usize, repetitions: u32) -> ExitCode {
    println!(
        "returners: {consoles} consoles of the SDK behind one network, {AGENTS} agents with {RATE:.0} decisions a second\n\
         in ms from when they may come back; before it looks again, a console waits for its own back-off"
    );
    println!(
        "{:>6} {:>8} {:>8} {:>8}   {:>20} {:>9} {:>9} {:>8} {:>7}   {:>16}",
        "away",
        "p50",
        "p99",
        "max",
        "looks again p50/max",
        "attempts",
        "too slow",
        "resumed",
        "alerts",
        "CPU before/after"
    );
    let other = Other::start(Kind::Server);
    let fleet = Fleet::connect(&other.url, &other.token, 0..AGENTS);
    let load = Background::start(fleet);
    let mut longest = Duration::ZERO;
    runtime.block_on(async {
        let mut scene = Scene::start(&other, consoles).await;
        for away in AWAY {
            let mut all = histogram();
            for _ in 0..repetitions {
                all += scene.repeat(away).await;
            }
            println!(
                "{:>5}s {:>8.1} {:>8.1} {:>8.1}   over all {repetitions}",
                away.as_secs(),
                millis(&all, 0.5),
                millis(&all, 0.99),
                millis(&all, 1.0)
            );
            if away.is_zero() {
                longest = Duration::from_nanos(all.max());
            }
        }
    });
    let missing = load.end();
    print!("{}", other.stop());
    let is_late = longest > BOUND;
    println!(
        "decisions lost: {missing}; who could come back at once was current after {:.0} ms at the latest: {} {} s\n",
        longest.as_secs_f64() * 1e3,
        if is_late { "LATER than" } else { "within" },
        BOUND.as_secs()
    );
    if is_late || missing > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// Agents that decide until they are told to end.
struct Background {
    is_over: Arc<AtomicBool>,
    thread: JoinHandle<Fleet>,
}

impl Background {
    fn start(mut fleet: Fleet) -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let asked = Arc::clone(&is_over);
        let thread = thread::spawn(move || {
            while !asked.load(Ordering::Relaxed) {
                fleet.run(RATE, SECOND, 1);
            }
            fleet
        });
        Self { is_over, thread }
    }

    /// Returns how many decisions are not in the record in the end.
    fn end(self) -> u64 {
        self.is_over.store(true, Ordering::Relaxed);
        self.thread.join().unwrap().settle(SETTLE)
    }
}

/// The consoles, the relay before them, and who sees and does what they miss.
struct Scene<'a> {
    other: &'a Other,
    relay: Relay,
    press: (AgentId, Agent),
    /// A console that is never away.
    witness: Operator,
    consoles: usize,
    wanted: watch::Sender<Wanted>,
    current: mpsc::Receiver<Current>,
}

impl<'a> Scene<'a> {
    /// Connects everything; returns when every console is current.
    async fn start(other: &'a Other, consoles: usize) -> Self {
        let token = || TokenSource::Text(other.token.clone());
        let direct = Endpoint::new(other.url.clone(), token());
        let id = AgentId::new("press").unwrap();
        let options = AgentOptions::new(direct.clone(), id.clone(), AgentKind::Generic);
        let press = Agent::connect(options.with_signals(&[("heat", "C")])).await.unwrap();
        let witness = Operator::connect(OperatorOptions::new(direct, PersonId::new("witness").unwrap()));
        let relay = Relay::start(observer::address_of(&other.url)).await;
        let (wanted, _) = watch::channel(Wanted { repetition: 1, alert: None });
        let (told, current) = mpsc::channel(consoles);
        for number in 0..consoles {
            let person = PersonId::new(&format!("person-{number}")).unwrap();
            let endpoint = Endpoint::new(relay.url(), token());
            let operator = Operator::connect(OperatorOptions::new(endpoint, person));
            tokio::spawn(watch_for(operator, wanted.subscribe(), told.clone()));
        }
        let mut scene = Self { other, relay, press: (id, press), witness, consoles, wanted, current };
        scene.all_current().await;
        scene
    }

    /// Lets all consoles drop and return once; returns how long each took, in nanoseconds.
    async fn repeat(&mut self, away: Duration) -> Histogram<u64> {
        let before = self.other.cpu();
        self.pass(SECOND).await;
        let cpu_before = self.other.cpu() - before;

        self.relay.go_down().await;
        self.pass(away).await;
        let alert = self.raise().await;
        let open = self.witness.picture().alerts().filter(|(_, alert)| alert.alarm().state.is_active());
        let open = open.count();
        self.wanted.send_modify(|wanted| {
            *wanted = Wanted { repetition: wanted.repetition + 1, alert: Some(alert) };
        });
        let (before, began) = (self.other.cpu(), console_now());
        self.relay.come_up();
        let other = self.other;
        let a_second_later = async {
            sleep(SECOND).await;
            other.cpu() - before
        };
        let (returned, cpu) = tokio::join!(self.all_current(), a_second_later);

        let arrivals = self.relay.arrivals();
        let spans = |moments: &mut dyn Iterator<Item = MonoTime>| {
            let mut spans = histogram();
            moments.for_each(|at| spans += nanos(at.since(began)).max(1));
            spans
        };
        let all = spans(&mut returned.iter().map(|console| console.at));
        let looked = spans(&mut arrivals.iter().copied());
        let share = |took: Duration| took.as_secs_f64() / SECOND.as_secs_f64() * 100.0;
        println!(
            "{:>5}s {:>8.1} {:>8.1} {:>8.1}   {:>9.1} / {:>8.1} {:>9} {:>9} {:>8} {open:>7}   {:>6.0}% / {:>5.0}%",
            away.as_secs(),
            millis(&all, 0.5),
            millis(&all, 0.99),
            millis(&all, 1.0),
            millis(&looked, 0.5),
            millis(&looked, 1.0),
            arrivals.len(),
            returned.iter().map(|console| console.too_slow).sum::<u32>(),
            returned.iter().filter(|console| console.resumed).count(),
            share(cpu_before),
            share(cpu)
        );
        self.clear().await;
        all
    }

    /// Lets time go by; the witness goes on watching.
    async fn pass(&mut self, span: Duration) {
        let watching = async {
            loop {
                self.witness.next().await;
            }
        };
        let Err(_over) = timeout(span, watching).await;
    }

    /// Raises an alert; returns once the witness has it.
    async fn raise(&mut self) -> (AlertId, DecisionSeq) {
        let decision = self.decide(120.0);
        let press = &self.press.0;
        let seen = async {
            loop {
                if let OperatorEvent::Message(message) = self.witness.next().await
                    && let ToOperator::Alert(update) = *message
                    && update.alarm.agent == *press
                    && update.alarm.decision == Some(decision)
                {
                    return update.alarm.alert_id;
                }
            }
        };
        (timeout(PATIENCE, seen).await.expect("the witness sees the alert"), decision)
    }

    /// Ends the alert, so that the next one is another.
    async fn clear(&mut self) {
        for _ in 0..3 {
            self.decide(70.0);
            self.pass(CLEAR_AFTER).await;
        }
    }

    fn decide(&self, heat: f64) -> DecisionSeq {
        self.press.1.decide(DecisionDraft::new("press", None, vec![heat])).unwrap()
    }

    /// Waits until every console has what is wanted.
    async fn all_current(&mut self) -> Vec<Current> {
        let mut all = Vec::new();
        let everybody = async {
            while all.len() < self.consoles {
                tokio::select! {
                    biased;
                    console = self.current.recv() => all.push(console.expect("the consoles go on")),
                    _ = self.witness.next() => {}
                }
            }
        };
        let in_time = timeout(PATIENCE, everybody).await;
        assert!(in_time.is_ok(), "{} of {} consoles are current", all.len(), self.consoles);
        all
    }
}

/// A console: it says once in each repetition that it has what is wanted, over a connection of its own.
async fn watch_for(mut operator: Operator, wanted: watch::Receiver<Wanted>, told: mpsc::Sender<Current>) {
    let mut welcome = None;
    let (mut last, mut too_slow) = (0, 0);
    loop {
        match operator.next().await {
            OperatorEvent::Connected { resumed } => welcome = Some(resumed),
            OperatorEvent::Disconnected { .. } => welcome = None,
            // It did not read for a quarter of a second, and comes back by itself; that counts.
            OperatorEvent::Refused(report) if report.code == ErrorCode::TooSlow => too_slow += 1,
            OperatorEvent::Refused(report) => panic!("the monitor refuses a console: {report:?}"),
            OperatorEvent::Message(_) => {}
            OperatorEvent::Ended => return,
        }
        let Wanted { repetition, alert } = *wanted.borrow();
        let picture = operator.picture();
        let holds = |(alert, decision)| {
            picture.alert(alert).is_some_and(|alert| alert.alarm().decision == Some(decision))
        };
        if let Some(resumed) = welcome
            && last < repetition
            && picture.is_current()
            && alert.is_none_or(holds)
        {
            last = repetition;
            let current = Current { at: console_now(), resumed, too_slow: std::mem::take(&mut too_slow) };
            if told.send(current).await.is_err() {
                return;
            }
        }
    }
}

fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, 60_000_000_000, 3).unwrap()
}

fn millis(histogram: &Histogram<u64>, quantile: f64) -> f64 {
    histogram.value_at_quantile(quantile) as f64 / 1e6
}
