//! Calls people who are not at their consoles: by a webhook, at least once, also over a restart.
//!
//! The engine loop hands a page over and goes on ([`PagerHandle::page`]). One task owns the rest: it keeps the page on
//! disk ([`spool`]), then brings it to the receiver ([`courier`]), signed, and again with growing waits until the receiver
//! takes it or its time is over ([`schedule`]). What remains when the server stops is sent after its next start, under the
//! same id, so that the receiver can tell a second delivery. `docs/paging.md` is for who writes that receiver.
//!
//! Deliberately not here: whom to call and when. The engine says it, and the receiver knows who is on duty.

mod call;
mod courier;
mod schedule;
mod secret;
mod spool;

use crate::clock::Clock;
use anyhow::Context;
use call::{Call, CallId};
use courier::{Courier, TryFailure};
use futures_util::{StreamExt, future::BoxFuture, stream::FuturesUnordered};
pub use schedule::Retry;
use schedule::{AfterFailure, Schedule};
use spool::Spool;
use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{
    sync::mpsc::{self, error::TrySendError},
    task::JoinHandle,
    time::{Instant, timeout_at},
};
use watchkeeper_engine::config::Webhook;
use watchkeeper_model::{Incarnation, MonoTime, WallTime};
use watchkeeper_protocol::record::Page;

/// Pages between the engine loop and the pager: a page of each of a thousand agents at once. Beyond it the newest is
/// given up, counted and said; the record holds it. The loop never waits.
const HANDED_OVER: usize = 1_024;
/// How long a call waits for the disk before it is tried all the same: people are called within seconds or for nothing.
const DISK_PATIENCE: Duration = Duration::from_secs(2);
/// Pages that are kept on disk together, with one sync of the directory.
const BATCH: usize = 64;
/// How long tries that are under way may still take when the server stops.
const LAST_TRIES: Duration = Duration::from_secs(2);
/// The longest that the pager sleeps: tokio's clock stands still while the host is suspended.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// What became of pages in this run.
#[derive(Debug, Default)]
pub struct PageCounts {
    delivered: AtomicU64,
    failed_tries: AtomicU64,
    given_up: AtomicU64,
    waiting: AtomicU64,
}

impl PageCounts {
    /// Returns how many the receiver took.
    pub fn delivered(&self) -> u64 {
        self.delivered.load(Ordering::Relaxed)
    }

    /// Returns how many tries failed.
    pub fn failed_tries(&self) -> u64 {
        self.failed_tries.load(Ordering::Relaxed)
    }

    /// Returns how many nobody will hear of: their time was over, or there was no room.
    pub fn given_up(&self) -> u64 {
        self.given_up.load(Ordering::Relaxed)
    }

    /// Returns how many wait for the receiver.
    pub fn waiting(&self) -> u64 {
        self.waiting.load(Ordering::Relaxed)
    }
}

/// How a pager runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PagerOptions {
    /// Where calls are kept until they were taken; made where it is not there.
    pub directory: PathBuf,
    /// Which run of the monitor this is.
    pub incarnation: Incarnation,
    /// How long to wait between tries.
    pub retry: Retry,
}

/// A pager that can start: its secret was read.
#[derive(Debug)]
pub struct Pager {
    courier: Courier,
    keep: Duration,
}

/// Where pages are handed to a pager that runs. It stops when the last handle is dropped.
#[derive(Clone, Debug)]
pub struct PagerHandle {
    pages: mpsc::Sender<(Page, WallTime)>,
    counts: Arc<PageCounts>,
}

impl Pager {
    /// Reads the secret, and what the address asks for.
    ///
    /// # Errors
    /// A secret that is missing, that others may read, or that is none; an address that cannot be called. The text says
    /// what to do.
    pub fn open(webhook: &Webhook) -> anyhow::Result<Self> {
        Ok(Self { courier: Courier::open(webhook)?, keep: webhook.keep() })
    }

    /// Runs in a task of the current runtime; sends what an earlier run left first. The task ends when the last handle
    /// was dropped.
    ///
    /// # Errors
    /// A directory that cannot be made or listed.
    pub async fn start(
        self,
        options: PagerOptions,
        counts: Arc<PageCounts>,
    ) -> anyhow::Result<(PagerHandle, JoinHandle<()>)> {
        let PagerOptions { directory, incarnation, retry } = options;
        let (spool, left) = tokio::task::spawn_blocking(move || Spool::open(&directory))
            .await
            .context("reading the calls that wait")??;
        let (pages, handed_over) = mpsc::channel(HANDED_OVER);
        let (left_over, receiver) = (left.len(), self.courier.receiver());
        tracing::info!(receiver, left_over, "people away from their consoles are called by a webhook");
        let mut clerk = Clerk {
            courier: Arc::new(self.courier),
            keep: self.keep,
            incarnation,
            spool,
            schedule: Schedule::new(retry),
            counts: Arc::clone(&counts),
            clock: Clock,
            is_failing: false,
        };
        let task = tokio::spawn(async move {
            clerk.take_left_over(left).await;
            clerk.run(handed_over).await;
        });
        Ok((PagerHandle { pages, counts }, task))
    }
}

impl PagerHandle {
    /// Hands over a page that the engine emitted at `made_at`; never waits.
    pub fn page(&self, page: Page, made_at: WallTime) {
        let (lost, why) = match self.pages.try_send((page, made_at)) {
            Ok(()) => return,
            Err(TrySendError::Full((lost, _))) => (lost, "too many at once"),
            Err(TrySendError::Closed((lost, _))) => (lost, "the pager has ended"),
        };
        self.counts.given_up.fetch_add(1, Ordering::Relaxed);
        let call = CallId::of(lost.demand_id, lost.reason);
        tracing::warn!(%call, agent = %lost.agent, why, "a call is given up: nobody hears of it");
    }
}

/// A call, and what became of a try.
type Tried = (Arc<Call>, Result<(), TryFailure>);
type Tries = FuturesUnordered<BoxFuture<'static, Tried>>;

/// The task's state.
struct Clerk {
    courier: Arc<Courier>,
    keep: Duration,
    incarnation: Incarnation,
    spool: Spool,
    schedule: Schedule,
    counts: Arc<PageCounts>,
    clock: Clock,
    /// The last try failed: said once, not at each try.
    is_failing: bool,
}

impl Clerk {
    async fn run(&mut self, mut handed_over: mpsc::Receiver<(Page, WallTime)>) {
        let mut tries = Tries::new();
        let mut pages = Vec::with_capacity(BATCH);
        loop {
            self.begin_tries(&mut tries);
            let wake_at = self.wake_at();
            tokio::select! {
                biased;
                // First, so that they are on disk before anything can happen to this process.
                count = handed_over.recv_many(&mut pages, BATCH) => {
                    if count == 0 {
                        break;
                    }
                    self.take(std::mem::take(&mut pages)).await;
                }
                Some(tried) = tries.next() => self.settle(tried).await,
                () = tokio::time::sleep_until(wake_at) => {}
            }
        }
        self.finish(tries).await;
    }

    fn wake_at(&self) -> Instant {
        let latest = self.clock.now().after(LOOK_AGAIN);
        let due = self.schedule.poll_timeout().map_or(latest, |due| due.min(latest));
        self.clock.wake_at(Some(due))
    }

    fn begin_tries(&mut self, tries: &mut Tries) {
        while let Some(call) = self.schedule.poll_call(self.clock.now()) {
            let courier = Arc::clone(&self.courier);
            let unix_secs = self.clock.timestamp().as_second();
            tries.push(Box::pin(async move {
                let outcome = courier.deliver(&call, unix_secs).await;
                (call, outcome)
            }));
        }
    }

    /// Keeps pages on disk, and lets them be tried.
    async fn take(&mut self, pages: Vec<(Page, WallTime)>) {
        let make = |(page, made_at)| Arc::new(Call::new(&page, self.incarnation, made_at));
        let calls: Vec<Arc<Call>> = pages.into_iter().map(make).collect();
        let (spool, kept) = (self.spool.clone(), calls.clone());
        let keeping = tokio::task::spawn_blocking(move || spool.keep(&kept));
        let lost = match tokio::time::timeout(DISK_PATIENCE, keeping).await {
            Ok(Ok(lost)) => lost,
            Ok(Err(error)) => {
                tracing::error!(%error, "keeping calls on disk ended early");
                Vec::new()
            }
            Err(_) => {
                tracing::warn!("the disk does not take calls in time: they are tried before they are on it");
                Vec::new()
            }
        };
        for (call, error) in lost {
            // Better called from memory than not at all.
            tracing::warn!(call = %call.id, %error, "a call could not be kept on disk: it is tried until the monitor stops");
        }
        let now = self.clock.now();
        for call in calls {
            let gone = self.schedule.handle_call(call, now.after(self.keep), now);
            self.give_way(gone).await;
        }
        self.show_waiting();
    }

    /// Takes up what an earlier run left. Only the wall clock went on meanwhile; where it was set, a call is tried for
    /// its whole time or at least once.
    async fn take_left_over(&mut self, left: Vec<Call>) {
        let (now, wall) = (self.clock.now(), self.clock.wall());
        for call in left {
            let ends_at = self.end_of(&call, now, wall);
            let gone = self.schedule.handle_left_over(Arc::new(call), ends_at, now);
            self.give_way(gone).await;
        }
        self.show_waiting();
    }

    fn end_of(&self, call: &Call, now: MonoTime, wall: WallTime) -> MonoTime {
        let age = wall.as_unix_nanos().saturating_sub(call.made_at.as_unix_nanos());
        let age = Duration::from_nanos(u64::try_from(age).unwrap_or(0));
        now.after(self.keep.saturating_sub(age))
    }

    async fn give_way(&self, gone: Option<Arc<Call>>) {
        if let Some(gone) = gone {
            self.give_up(gone, "too many wait").await;
        }
    }

    async fn settle(&mut self, (call, outcome): Tried) {
        match outcome {
            Ok(()) => {
                self.counts.delivered.fetch_add(1, Ordering::Relaxed);
                self.is_failing = false;
                tracing::info!(call = %call.id, "a call was delivered");
                self.schedule.handle_taken(&call.id);
                self.forget(call).await;
            }
            Err(failure) => self.settle_failure(&call, &failure).await,
        }
        self.show_waiting();
    }

    async fn settle_failure(&mut self, call: &Call, failure: &TryFailure) {
        self.counts.failed_tries.fetch_add(1, Ordering::Relaxed);
        if !self.is_failing {
            let receiver = self.courier.receiver();
            tracing::warn!(call = %call.id, receiver, %failure, "a call is not taken: it is tried again and again");
        }
        self.is_failing = true;
        match self.schedule.handle_failure(&call.id, rand::random(), self.clock.now()) {
            AfterFailure::Again(at) => {
                let again_after = self.clock.now().until(at);
                tracing::debug!(call = %call.id, %failure, ?again_after, "a try failed");
            }
            AfterFailure::GivenUp(gone) => self.give_up(gone, "its time is over").await,
            AfterFailure::Gone => {}
        }
    }

    async fn give_up(&self, call: Arc<Call>, why: &'static str) {
        self.counts.given_up.fetch_add(1, Ordering::Relaxed);
        tracing::warn!(call = %call.id, why, "a call is given up: nobody hears of it");
        self.forget(call).await;
    }

    async fn forget(&self, call: Arc<Call>) {
        let spool = self.spool.clone();
        if let Err(error) = tokio::task::spawn_blocking(move || spool.remove(&call)).await {
            tracing::error!(%error, "removing a call from disk ended early");
        }
    }

    fn show_waiting(&self) {
        self.counts.waiting.store(self.schedule.len() as u64, Ordering::Relaxed);
    }

    /// Lets what is under way, and what came last, have its try; the rest stays for the next start.
    async fn finish(&mut self, mut tries: Tries) {
        let end = self.clock.wake_at(Some(self.clock.now().after(LAST_TRIES)));
        while let Ok(Some(tried)) = timeout_at(end, tries.next()).await {
            self.settle(tried).await;
        }
        let waiting = self.schedule.len();
        if waiting > 0 {
            tracing::info!(waiting, "calls wait for the next start of the monitor");
        }
    }
}

#[cfg(test)]
mod tests;
