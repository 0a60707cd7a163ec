//! The task that owns an agent's connection: persists, sends, listens, and keeps the gate's time.

use super::{
    AgentCore, lock,
    saver::{Saved, Saver},
};
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
use watchkeeper_model::{AgentTime, FallbackLevel};
use watchkeeper_protocol::{ToAgent, Wire, session::ErrorCode};
use watchkeeper_takeover::{Directive, Mode};

/// What holds when nobody guards the agent any more.
pub(super) const AFTER_THE_END: Directive =
    Directive { mode: Mode::SafePolicy, speed_cap_mps: None, ordered_cap_mps: None };
/// How long a clean end waits for what is still queued to leave.
const DRAIN_WITHIN: Duration = Duration::from_millis(500);
/// How long an end waits for records to be written. A disk that needs longer keeps the older record, which is no
/// clean one.
const KEEP_WITHIN: Duration = Duration::from_secs(2);

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

struct Shell {
    shared: Arc<Shared>,
    link: Link,
    saver: Saver,
    directive: watch::Sender<Directive>,
    welcomed: bool,
    /// A loss of the link was told; told again only after a welcome.
    loss_told: bool,
    /// The same of a link that the gate does not want: there is a monitor, and it does not lead.
    refusal_told: bool,
    drops_told: u64,
}

/// Runs an agent until it ends.
pub(super) async fn run(
    shared: Arc<Shared>,
    endpoint: Endpoint,
    saver: Saver,
    directive: watch::Sender<Directive>,
) {
    let mut shell = Shell {
        shared,
        link: Link::new(endpoint),
        saver,
        directive,
        welcomed: false,
        loss_told: false,
        refusal_told: false,
        drops_told: 0,
    };
    while !shell.shared.has_ended() {
        shell.settle();
        shell.step().await;
    }
    shell.finish().await;
}

impl Shell {
    /// Waits for the next thing that happens, and takes it. Cancel-safe.
    async fn step(&mut self) {
        let due = self.due();
        tokio::select! {
            // The disk first, since it speaks seldom; then the network, the application, and time. None of them
            // starves: every turn settles all.
            biased;
            saved = self.saver.finished() => self.take_saved(saved),
            event = self.link.next() => self.take(event),
            () = self.shared.input.notified() => {}
            () = clock::sleep_until_agent(due) => {}
        }
    }

    /// Returns when to wake for time. What cannot be said now is no reason to.
    fn due(&self) -> AgentTime {
        let can_speak = !self.saver.is_writing() && self.link.has_room();
        let core = self.shared.core();
        let due = if can_speak { core.poll_timeout() } else { core.gate_timeout() };
        self.saver.poll_timeout().map_or(due, |at| at.min(due))
    }

    /// Keeps, says and does what follows from the inputs so far, in this order.
    ///
    /// It never waits: a slow disk must not hold up a stop. While a record is being written, a directive that is
    /// safer than the present one is obeyed at once (an end in between finds the older record, which is not a
    /// safe one to start from either); riskier ones, and everything said, wait for the disk.
    fn settle(&mut self) {
        loop {
            let now = clock::agent_now();
            let directive = {
                let mut core = self.shared.core();
                core.handle_timeout(now);
                if self.saver.poll_late(now) {
                    tracing::warn!("the gate's record takes too long to write: falling back");
                    core.handle_not_persisted(now);
                }
                if let Some(reason) = core.poll_close() {
                    core.handle_disconnected(now);
                    drop(core);
                    self.link.give_up();
                    self.tell_loss(&LinkLoss::Gate(reason));
                    continue;
                }
                match core.poll_record() {
                    Some(record) => self.saver.keep(record, now),
                    None => self.saver.start(now),
                }
                core.directive()
            };
            if self.saver.is_writing() {
                self.publish_safer(directive);
                if !self.answer() {
                    return;
                }
            } else {
                // Not while a record that could not be written waits to be tried again.
                if self.saver.is_idle() {
                    self.shared.core().release_tasks();
                }
                self.publish(directive);
                if !self.transmit() {
                    return;
                }
            }
        }
    }

    fn take_saved(&self, saved: Saved) {
        match saved {
            Saved::All => self.shared.core().handle_persisted(),
            Saved::Outdated => {}
            Saved::Failed(problem) => {
                tracing::warn!(%problem, "the gate's record cannot be written: falling back");
                self.shared.core().handle_not_persisted(clock::agent_now());
            }
        }
    }

    /// Answers pings and probes: that rests on no record. Returns whether something must be settled first.
    fn answer(&mut self) -> bool {
        while self.link.has_room() {
            let answer = self.shared.core().poll_answer(clock::agent_now());
            let Some(frame) = answer else { return false };
            if !self.feed(frame) {
                return true;
            }
        }
        false
    }

    /// Hands a frame over; returns false when that lost the link.
    fn feed(&mut self, frame: Bytes) -> bool {
        let Err(loss) = self.link.feed(frame) else { return true };
        self.link.give_up();
        self.lose(&loss);
        false
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
            if !self.feed(frame) {
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
            (self.loss_told, self.refusal_told) = (false, false);
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
        let was_told = std::mem::replace(&mut self.loss_told, true);
        let is_refusal = matches!(loss, LinkLoss::Gate(_));
        if was_told && (!is_refusal || std::mem::replace(&mut self.refusal_told, true)) {
            tracing::debug!(%loss, "no connection to the monitor; trying again");
        } else {
            tracing::warn!(%loss, "no connection to the monitor; trying again until there is one");
        }
    }

    fn publish(&mut self, directive: Directive) {
        let is_steering = is_steering(self.directive.borrow().mode, directive.mode);
        let changed = self.directive.send_if_modified(|held| {
            let changes = *held != directive;
            *held = directive;
            changes
        });
        if changed && !is_steering {
            tracing::info!(mode = ?directive.mode, "the directive is another");
        }
        let (has_news, dropped) = {
            let core = self.shared.core();
            (core.has_answers() || core.has_tasks(), core.dropped())
        };
        if has_news {
            self.shared.progress.notify_waiters();
        }
        if dropped > self.drops_told.saturating_mul(2) {
            self.drops_told = dropped;
            tracing::warn!(dropped, "decisions were dropped before the monitor's record held them");
        }
    }

    /// Publishes what makes `directive` safer than the present one, and nothing else of it.
    fn publish_safer(&mut self, directive: Directive) {
        let held = *self.directive.borrow();
        self.publish(safer_of(held, directive));
    }

    /// Ends the run: keeps and says what follows from the last inputs. Only a clean end leaves a record that says so.
    async fn finish(mut self) {
        self.settle();
        self.keep_all().await;
        if self.shared.ending.load(Ordering::Acquire) == Ending::Clean as u8 {
            let drained = tokio::time::timeout(DRAIN_WITHIN, self.drain()).await;
            if drained.is_err() {
                tracing::debug!("not everything that was queued has left");
            }
            self.keep_all().await;
            if self.saver.is_idle() {
                let record = self.shared.core().shutdown_record();
                self.saver.keep(record, clock::agent_now());
                let problem = match tokio::time::timeout(KEEP_WITHIN, self.saver.finished_if_writing()).await
                {
                    Ok(Some(Saved::All | Saved::Outdated) | None) => None,
                    Ok(Some(Saved::Failed(problem))) => Some(problem),
                    Err(_elapsed) => Some("the disk takes too long".to_owned()),
                };
                if let Some(problem) = problem {
                    tracing::warn!(%problem, "this run's end in good order cannot be written");
                }
            }
        }
        self.publish(AFTER_THE_END);
        self.link.close().await;
        self.shared.progress.notify_waiters();
    }

    /// Goes on until every record is on disk, within a limit.
    async fn keep_all(&mut self) {
        let all = async {
            while !self.saver.is_idle() {
                self.step().await;
                self.settle();
            }
        };
        if tokio::time::timeout(KEEP_WITHIN, all).await.is_err() {
            tracing::warn!("the gate's record could not be written before the end");
        }
    }

    async fn drain(&mut self) {
        loop {
            self.settle();
            if !self.link.is_open() || (self.link.is_idle() && !self.saver.is_writing()) {
                return;
            }
            self.step().await;
        }
    }
}

/// Says whether a person drove by hand before and still does.
const fn is_steering(before: Mode, after: Mode) -> bool {
    matches!((before, after), (Mode::Manual { .. }, Mode::Manual { .. }))
}

/// Returns the safer of what is obeyed now and what is wanted. Who drives by hand goes on steering and braking, his
/// authority is on disk already; hands that have left leave at once, whatever follows them. Somebody at the agent is
/// obeyed before any disk is asked, and so is what follows him.
fn safer_of(held: Directive, wanted: Directive) -> Directive {
    let held_mode = match (held.mode, wanted.mode) {
        (Mode::Manual { .. }, Mode::Manual { .. }) => wanted.mode,
        (Mode::Manual { .. }, _) => Mode::Neutral,
        (mode, _) => mode,
    };
    let wins = wanted.mode == Mode::Local || safety(wanted.mode) > safety(held_mode);
    let mode = if wins { wanted.mode } else { held_mode };
    let lower = |caps: [Option<f64>; 2]| caps.into_iter().flatten().min_by(f64::total_cmp);
    Directive {
        mode,
        speed_cap_mps: lower([held.speed_cap_mps, wanted.speed_cap_mps]),
        ordered_cap_mps: lower([held.ordered_cap_mps, wanted.ordered_cap_mps]),
    }
}

/// Ranks modes by how safe they are, whatever led to them.
const fn safety(mode: Mode) -> (u8, FallbackLevel) {
    match mode {
        Mode::Autonomous | Mode::Human { hold: false } | Mode::Manual { .. } => (0, FallbackLevel::HOLD),
        Mode::SafePolicy => (1, FallbackLevel::HOLD),
        Mode::Neutral => (2, FallbackLevel::HOLD),
        Mode::Human { hold: true } => (3, FallbackLevel::HOLD),
        Mode::Held | Mode::Local => (4, FallbackLevel::HOLD),
        Mode::Fallback(level) => (5, level),
        Mode::Estop => (6, FallbackLevel::HOLD),
    }
}

#[cfg(test)]
mod tests;
