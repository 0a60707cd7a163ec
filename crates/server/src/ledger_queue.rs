//! The engine's end of the queue to the ledger thread: never waits, never drops, knows how it stands.

use crate::ledger_thread::LedgerItem;
use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};
use thiserror::Error;
use watchkeeper_model::MonoTime;

/// Items of the queue; `security.md` 4.3.
pub(crate) const CAPACITY: usize = 8_192;
/// Bytes that may wait beside a full queue before the server gives up. Only control adds to it then, about
/// 300 bytes a heartbeat: ten minutes of 1,000 heartbeats a second.
const BACKLOG_BYTES: usize = 256 << 20;
/// What an item takes beside its payload, estimated.
const ITEM_BYTES: usize = 256;
/// A record that waits longer than this is said to be stalled (`architecture.md`, queues).
const STALL: Duration = Duration::from_secs(2);

/// What the ledger thread shows of itself, and what it is told.
#[derive(Debug, Default)]
pub(crate) struct Gauge {
    /// When the oldest record of the batch in work was stamped, in nanoseconds; 0 while idle.
    busy_since: AtomicU64,
    ending: AtomicBool,
}

impl Gauge {
    pub(crate) fn busy_since(&self, oldest: MonoTime) {
        self.busy_since.store(oldest.as_nanos().max(1), Ordering::Relaxed);
    }

    pub(crate) fn idle(&self) {
        self.busy_since.store(0, Ordering::Relaxed);
    }

    pub(crate) fn is_ending(&self) -> bool {
        self.ending.load(Ordering::Relaxed)
    }
}

/// How the queue stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Pressure {
    /// Share of the queue in use, 0 to 100.
    pub(crate) percent: u8,
    /// The oldest record has waited over 2 s.
    pub(crate) stalled: bool,
}

impl Pressure {
    /// Says whether `self` is news to somebody who was told `told`: a tenth more or less, or another answer.
    pub(crate) fn is_news(self, told: Self) -> bool {
        self.percent.abs_diff(told.percent) >= 10 || self.stalled != told.stalled
    }
}

/// The backlog has no room left: the disk has not taken anything for too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the record could not be written for so long that {bytes} bytes wait in memory; giving up")]
pub(crate) struct Overflow {
    /// What waits, in bytes.
    pub(crate) bytes: usize,
}

/// The engine's end of the queue.
#[derive(Debug)]
pub(crate) struct LedgerQueue {
    sender: Sender<LedgerItem>,
    /// What was not handed over yet, so that the thread is not woken for each item.
    staged: Vec<LedgerItem>,
    backlog: VecDeque<LedgerItem>,
    backlog_bytes: usize,
    gauge: Arc<Gauge>,
}

impl LedgerQueue {
    /// Makes a queue; the receiver is for the ledger thread.
    pub(crate) fn new(gauge: Arc<Gauge>) -> (Self, Receiver<LedgerItem>) {
        let (sender, receiver) = bounded(CAPACITY);
        (Self { sender, staged: Vec::new(), backlog: VecDeque::new(), backlog_bytes: 0, gauge }, receiver)
    }

    /// Adds an item that is handed over with the next [`Self::flush`].
    pub(crate) fn stage(&mut self, item: LedgerItem) {
        self.staged.push(item);
    }

    /// Returns when the oldest item was staged, and how many are.
    pub(crate) fn staged(&self) -> Option<(MonoTime, usize)> {
        self.staged.first().map(|oldest| (oldest.now, self.staged.len()))
    }

    /// Hands over what is staged, without waiting.
    pub(crate) fn flush(&mut self) -> Result<(), Overflow> {
        let mut staged = std::mem::take(&mut self.staged);
        staged.drain(..).try_for_each(|item| self.push(item))?;
        // Its memory is used again.
        self.staged = staged;
        Ok(())
    }

    /// Hands one item over, without waiting.
    fn push(&mut self, item: LedgerItem) -> Result<(), Overflow> {
        self.drain();
        let item = if self.backlog.is_empty() {
            match self.sender.try_send(item) {
                Ok(()) => return Ok(()),
                Err(TrySendError::Full(item) | TrySendError::Disconnected(item)) => item,
            }
        } else {
            item
        };
        self.backlog_bytes += bytes_of(&item);
        self.backlog.push_back(item);
        if self.backlog_bytes > BACKLOG_BYTES {
            return Err(Overflow { bytes: self.backlog_bytes });
        }
        Ok(())
    }

    /// Moves what waits beside the queue into it, as far as there is room.
    pub(crate) fn drain(&mut self) {
        while let Some(item) = self.backlog.pop_front() {
            let bytes = bytes_of(&item);
            match self.sender.try_send(item) {
                Ok(()) => self.backlog_bytes -= bytes,
                Err(TrySendError::Full(item) | TrySendError::Disconnected(item)) => {
                    self.backlog.push_front(item);
                    break;
                }
            }
        }
    }

    /// Says whether items wait beside the queue; nothing that can wait may be added then.
    pub(crate) fn has_backlog(&self) -> bool {
        !self.backlog.is_empty()
    }

    /// Returns how the queue stands.
    pub(crate) fn pressure(&self, now: MonoTime) -> Pressure {
        let waiting = self.sender.len() + self.backlog.len();
        let percent = u8::try_from((waiting * 100 / CAPACITY).min(100)).expect("at most 100");
        let stalled = match self.gauge.busy_since.load(Ordering::Relaxed) {
            0 => false,
            oldest => now.since(MonoTime::from_nanos(oldest)) > STALL,
        };
        Pressure { percent, stalled }
    }

    /// Tells the ledger thread that the process ends, so that a full disk does not hold it up for ever.
    pub(crate) fn say_ending(&self) {
        self.gauge.ending.store(true, Ordering::Relaxed);
    }
}

impl Drop for LedgerQueue {
    /// An engine that panicked leaves its last inputs on record: they are what a replay needs. What waits before them goes
    /// before them, and what has no room in the queue is lost.
    fn drop(&mut self) {
        self.flush().unwrap_or_default();
    }
}

fn bytes_of(item: &LedgerItem) -> usize {
    ITEM_BYTES * (1 + item.derived.len()) + item.input.as_ref().map_or(0, |input| input.payload.len())
}
