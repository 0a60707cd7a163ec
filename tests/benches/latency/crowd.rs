//! Many consoles of one server: when the last of them has an alert, and how soon one that comes back is current.

use crate::site::{CLEAR_AFTER, PATIENCE, busy_for, press, serve};
use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};
use tempfile::TempDir;
use tokio::{sync::Notify, task::JoinHandle, time::timeout};
use watchkeeper_client::{
    Agent, DecisionDraft, Endpoint, Operator, OperatorEvent, OperatorOptions, console_now,
};
use watchkeeper_model::{DecisionSeq, PersonId, nanos};
use watchkeeper_protocol::{ToOperator, operator::AlertUpdate};
use watchkeeper_server::RunningServer;

/// How long nothing happens between two alerts.
const PAUSE: Duration = Duration::from_millis(8);

/// What the consoles wait for together.
#[derive(Debug, Default)]
struct Wanted {
    /// The decision whose alert it is.
    decision: AtomicU64,
    /// How many consoles do not have it yet.
    missing: AtomicUsize,
    /// When the last one had it.
    last_at: AtomicU64,
    all: Notify,
    /// No console has seen the end of it.
    is_open: AtomicBool,
}

impl Wanted {
    fn take(&self, update: &AlertUpdate) {
        let wanted = DecisionSeq(self.decision.load(Ordering::Acquire));
        if !update.alarm.state.is_active() {
            self.is_open.store(false, Ordering::Release);
        }
        if update.alarm.decision == Some(wanted) && update.alarm.state.is_active() {
            self.last_at.fetch_max(console_now().as_nanos(), Ordering::AcqRel);
            if self.missing.fetch_sub(1, Ordering::AcqRel) == 1 {
                self.all.notify_one();
            }
        }
    }
}

pub(crate) struct Crowd {
    server: RunningServer,
    endpoint: Endpoint,
    press: Agent,
    wanted: Arc<Wanted>,
    consoles: Vec<JoinHandle<()>>,
    _data: TempDir,
}

impl Crowd {
    /// Starts a server with so many consoles; returns when all of them are current.
    pub(crate) async fn start(size: usize) -> Self {
        let (server, endpoint, data) = serve().await;
        let (_, press) = press(&endpoint, 0).await;
        let wanted = Arc::new(Wanted::default());
        let began = console_now();
        let current = Arc::new(Mutex::new(0));
        let console = |number: usize| {
            let person = PersonId::new(&format!("person-{number}")).unwrap();
            let operator = Operator::connect(OperatorOptions::new(endpoint.clone(), person));
            tokio::spawn(watch(operator, Arc::clone(&wanted), Arc::clone(&current)))
        };
        let consoles = (0..size).map(console).collect();
        let all = async {
            while *current.lock().unwrap() < size {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(PATIENCE, all).await.expect("every console gets its picture");
        let together = console_now().since(began);
        println!(
            "{size} consoles that came together were current after {:.0} ms",
            together.as_secs_f64() * 1e3
        );
        Self { server, endpoint, press, wanted, consoles, _data: data }
    }

    /// Returns how long each of `samples` alerts took until the last console had folded it, in nanoseconds.
    pub(crate) async fn alerts(&mut self, samples: u32) -> Vec<u64> {
        let mut spans = Vec::new();
        for _ in 0..samples {
            busy_for(PAUSE).await;
            self.wanted.missing.store(self.consoles.len(), Ordering::Release);
            self.wanted.last_at.store(0, Ordering::Release);
            self.wanted.is_open.store(true, Ordering::Release);
            // The number that the decision will get.
            self.wanted.decision.fetch_add(1, Ordering::AcqRel);
            let began = console_now();
            let seq = self.decide(120.0);
            assert_eq!(seq.0, self.wanted.decision.load(Ordering::Acquire), "decisions are numbered from 1");
            timeout(PATIENCE, self.wanted.all.notified()).await.expect("every console gets the alert");
            spans.push(self.wanted.last_at.load(Ordering::Acquire) - began.as_nanos());
            for _ in 0..2 {
                self.wanted.decision.fetch_add(1, Ordering::AcqRel);
                self.decide(70.0);
                busy_for(CLEAR_AFTER).await;
            }
            // The next one begins only where this one is over, also on a machine that stood still in between.
            let over = async {
                while self.wanted.is_open.load(Ordering::Acquire) {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            };
            timeout(PATIENCE, over).await.expect("an alert ends");
        }
        spans
    }

    fn decide(&self, heat: f64) -> DecisionSeq {
        self.press.decide(DecisionDraft::new("press", None, vec![heat])).unwrap()
    }

    /// Returns how long each of `samples` consoles that knew nothing took from the start to a picture that is current,
    /// in nanoseconds.
    pub(crate) async fn newcomers(&self, samples: u32) -> Vec<u64> {
        let mut spans = Vec::new();
        for _ in 0..samples {
            let began = console_now();
            let options = OperatorOptions::new(self.endpoint.clone(), PersonId::new("newcomer").unwrap());
            let mut operator = Operator::connect(options);
            let current = async {
                while !operator.picture().is_current() {
                    operator.next().await;
                }
            };
            timeout(PATIENCE, current).await.expect("the newcomer gets its picture");
            spans.push(nanos(console_now().since(began)));
            operator.close().await;
        }
        spans
    }

    pub(crate) async fn stop(self) {
        for console in self.consoles {
            console.abort();
        }
        drop(self.press);
        self.server.stop().await.unwrap();
    }
}

async fn watch(mut operator: Operator, wanted: Arc<Wanted>, current: Arc<Mutex<usize>>) {
    let mut counted = false;
    loop {
        if let OperatorEvent::Message(message) = operator.next().await
            && let ToOperator::Alert(update) = &*message
        {
            wanted.take(update);
        }
        if !counted && operator.picture().is_current() {
            counted = true;
            *current.lock().unwrap() += 1;
        }
    }
}
