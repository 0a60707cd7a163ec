//! The task that owns an agent's connection: persists, sends, listens, and keeps the gate's time.

use super::{AgentCore, GateStore, lock};
use crate::{
    clock,
    connection::LinkLoss,
    discover::Endpoint,
    link::{Link, LinkEvent},
};
use bytes::Bytes;
use std::{
    future::Future,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicU8, Ordering},
    },
    time::Duration,
};
use tokio::sync::{Notify, watch};
use watchkeeper_model::AgentTime;
use watchkeeper_protocol::{ToAgent, Wire, session::ErrorCode};
use watchkeeper_takeover::{Directive, GateRecord, Mode};

/// What holds when nobody guards the agent any more.
pub(super) const AFTER_THE_END: Directive = Directive { mode: Mode::SafePolicy, speed_cap_mps: None };
/// How soon a record that could not be written is tried again.
const RETRY_RECORD: Duration = Duration::from_secs(1);
/// How long a clean end waits for what is still queued to leave.
const DRAIN_WITHIN: Duration = Duration::from_millis(500);

/// How a run ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// In good order.
    Clean = 1,
    /// Every handle is gone.
    Dropped = 2,
}

/// What the application's handles and the task share.
#[derive(Debug)]
pub(super) struct Shared {
    core: Mutex<AgentCore>,
    input: Notify,
    progress: Notify,
    /// 0 while running, else an [`Ending`].
    ending: AtomicU8,
}

impl Shared {
    pub(super) fn new(core: AgentCore) -> Self {
        Self {
            core: Mutex::new(core),
            input: Notify::new(),
            progress: Notify::new(),
            ending: AtomicU8::new(0),
        }
    }

    pub(super) fn core(&self) -> MutexGuard<'_, AgentCore> {
        lock(&self.core)
    }

    pub(super) fn wake(&self) {
        self.input.notify_one();
    }

    /// Ends the run; the first ending counts.
    pub(super) fn end(&self, ending: Ending) {
        let already = self.ending.compare_exchange(0, ending as u8, Ordering::AcqRel, Ordering::Acquire);
        if already.is_ok() {
            self.wake();
        }
    }

    pub(super) fn has_ended(&self) -> bool {
        self.ending.load(Ordering::Acquire) != 0
    }

    /// Returns a future that is ready after the next confirmation. It counts from this call, not from its first poll.
    pub(super) fn progress(&self) -> impl Future<Output = ()> {
        self.progress.notified()
    }
}

struct Task {
    shared: Arc<Shared>,
    link: Link,
    store: Option<Arc<GateStore>>,
    directive: watch::Sender<Directive>,
    /// A record that could not be written, and when to try again.
    unsaved: Option<(GateRecord, AgentTime)>,
    welcomed: bool,
    /// A loss of the link was told; told again only after a welcome.
    loss_told: bool,
    drops_told: u64,
}

/// Runs an agent until it ends.
pub(super) async fn run(
    shared: Arc<Shared>,
    endpoint: Endpoint,
    store: Option<Arc<GateStore>>,
    directive: watch::Sender<Directive>,
) {
    let mut task = Task {
        shared,
        link: Link::new(endpoint),
        store,
        directive,
        unsaved: None,
        welcomed: false,
        loss_told: false,
        drops_told: 0,
    };
    while !task.shared.has_ended() {
        task.settle().await;
        let due = task.shared.core().poll_timeout();
        tokio::select! {
            // The network first, then the application, then time. None of them starves: every turn settles all.
            biased;
            event = task.link.next() => task.take(event),
            () = task.shared.input.notified() => {}
            () = clock::sleep_until_agent(due) => {}
        }
    }
    task.finish().await;
}

impl Task {
    /// Keeps, says and does what follows from the inputs so far, in this order.
    ///
    /// A directive that makes things safer is obeyed before its record is on disk: a slow disk must not hold up
    /// a stop, and an end in between finds the older record, which is not a safe one to start from either.
    async fn settle(&mut self) {
        loop {
            let now = clock::agent_now();
            let shared = Arc::clone(&self.shared);
            let (record, directive) = {
                let mut core = shared.core();
                core.handle_timeout(now);
                if let Some(reason) = core.poll_close() {
                    core.handle_disconnected(now);
                    drop(core);
                    self.link.give_up();
                    self.tell_loss(&LinkLoss::Gate(reason));
                    continue;
                }
                (self.next_record(&mut core), core.directive())
            };
            if is_safer(directive.mode) {
                self.publish(directive);
            }
            if let Some(record) = record {
                self.persist(record).await;
                continue;
            }
            self.publish(directive);
            if !self.transmit() {
                return;
            }
        }
    }

    /// Returns the record to write now: a new one, or an old one whose time to try again has come.
    fn next_record(&mut self, core: &mut AgentCore) -> Option<GateRecord> {
        if let Some(record) = core.poll_record() {
            return Some(record);
        }
        let now = clock::agent_now();
        self.unsaved.take_if(|(_, retry_at)| now >= *retry_at).map(|(record, _)| record)
    }

    async fn persist(&mut self, record: GateRecord) {
        let Some(store) = self.store.clone() else { return };
        let copy = record.clone();
        let saved = tokio::task::spawn_blocking(move || store.save(&copy)).await;
        let problem = match saved {
            Ok(Ok(())) => {
                self.unsaved = None;
                self.shared.core().handle_persisted();
                return;
            }
            Ok(Err(error)) => error.to_string(),
            Err(error) => error.to_string(),
        };
        tracing::warn!(%problem, "the gate's record cannot be written: falling back");
        let now = clock::agent_now();
        self.unsaved = Some((record, now.after(RETRY_RECORD)));
        self.shared.core().handle_not_persisted(now);
    }

    /// Feeds what is queued, as much as fits; one flush follows. Returns whether something must be settled first.
    fn transmit(&mut self) -> bool {
        let now = clock::agent_now();
        let mut frames: Vec<Bytes> = Vec::new();
        {
            let mut core = self.shared.core();
            let mut bytes = 0;
            while self.link.has_room() && bytes < watchkeeper_protocol::MAX_FRAME / 2 {
                let Some(frame) = core.poll_transmit(now) else { break };
                bytes += frame.len();
                frames.push(frame);
            }
        }
        let fed_something = !frames.is_empty();
        for frame in frames {
            if let Err(loss) = self.link.feed(frame) {
                self.link.give_up();
                self.lose(&loss);
                return true;
            }
        }
        fed_something && self.link.has_room()
    }

    fn take(&mut self, event: LinkEvent) {
        let now = clock::agent_now();
        match event {
            LinkEvent::Opened(token) => self.shared.core().handle_connected(token, now),
            LinkEvent::Room => {}
            LinkEvent::Frame(frame) => match ToAgent::decode(&frame) {
                Ok(message) => self.take_message(&message, now),
                Err(error) => tracing::debug!(%error, "a frame of the monitor was not understood"),
            },
            LinkEvent::Lost(loss) => self.lose(&loss),
        }
    }

    fn take_message(&mut self, message: &ToAgent, now: AgentTime) {
        let welcomed = {
            let mut core = self.shared.core();
            core.handle_message(message, now);
            core.is_welcomed()
        };
        if let ToAgent::Error(report) = message {
            tracing::warn!(code = ?report.code, message = %report.message, "the monitor complains");
            if matches!(report.code, ErrorCode::Replaced | ErrorCode::Unauthorised) {
                self.link.slow_down();
            }
        }
        if matches!(message, ToAgent::Durable(_) | ToAgent::Welcome(_)) {
            self.shared.progress.notify_waiters();
        }
        if welcomed && !self.welcomed {
            self.link.welcomed();
            self.loss_told = false;
            tracing::info!("the monitor has welcomed this agent");
        }
        self.welcomed = welcomed;
    }

    fn lose(&mut self, loss: &LinkLoss) {
        self.shared.core().handle_disconnected(clock::agent_now());
        self.tell_loss(loss);
    }

    fn tell_loss(&mut self, loss: &LinkLoss) {
        self.welcomed = false;
        if std::mem::replace(&mut self.loss_told, true) {
            tracing::debug!(%loss, "no connection to the monitor; trying again");
        } else {
            tracing::warn!(%loss, "no connection to the monitor; trying again until there is one");
        }
    }

    fn publish(&mut self, directive: Directive) {
        let changed = self.directive.send_if_modified(|held| {
            let changes = *held != directive;
            *held = directive;
            changes
        });
        if changed {
            tracing::info!(mode = ?directive.mode, "the directive is another");
        }
        let dropped = self.shared.core().dropped();
        if dropped > self.drops_told.saturating_mul(2) {
            self.drops_told = dropped;
            tracing::warn!(dropped, "decisions were dropped before the monitor's record held them");
        }
    }

    /// Ends the run: keeps and says what follows from the last inputs. Only a clean end leaves a record that says so.
    async fn finish(mut self) {
        self.settle().await;
        if self.shared.ending.load(Ordering::Acquire) == Ending::Clean as u8 {
            let drained = tokio::time::timeout(DRAIN_WITHIN, self.drain()).await;
            if drained.is_err() {
                tracing::debug!("not everything that was queued has left");
            }
            let record = self.shared.core().shutdown_record();
            self.persist(record).await;
        }
        self.publish(AFTER_THE_END);
        self.link.close().await;
        self.shared.progress.notify_waiters();
    }

    async fn drain(&mut self) {
        loop {
            self.settle().await;
            if !self.link.is_open() || self.link.is_idle() {
                return;
            }
            let event = self.link.next().await;
            self.take(event);
        }
    }
}

/// Returns whether a directive makes things safer, whatever held before.
const fn is_safer(mode: Mode) -> bool {
    match mode {
        Mode::SafePolicy
        | Mode::Neutral
        | Mode::Fallback(_)
        | Mode::Held
        | Mode::Estop
        | Mode::Human { hold: true } => true,
        Mode::Autonomous | Mode::Human { hold: false } => false,
    }
}
