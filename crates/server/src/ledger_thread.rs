//! The one thread that owns the record: group commit, durable marks, segments, the head file.
//!
//! It takes what is queued, commits it with one sync, and says up to which input everything is on disk. A
//! sync that fails ends the process: asking again could report success for data that is lost.

use crate::{
    clock::Clock,
    files,
    ledger_queue::Gauge,
    spans::{Span, Spans},
    startup,
};
use crossbeam_channel::{Receiver, RecvTimeoutError};
use std::{
    collections::{BTreeMap, VecDeque},
    path::PathBuf,
    sync::Arc,
    thread::{self, JoinHandle},
    time::Duration,
};
use tokio::sync::{oneshot, watch};
use watchkeeper_engine::Derived;
use watchkeeper_ledger::{AppendError, CommitError, Ledger, RollError, Storage};
use watchkeeper_model::{AgentId, MonoTime, WallTime};
use watchkeeper_protocol::{
    record::{AgentAuthority, DigestRecord, Opening, record_type},
    session::Head,
};

/// What is committed at once at most, in bytes; a quarter of what the ledger would hold.
const BATCH_BYTES: usize = 4 << 20;
/// How often a commit is tried again on a full disk.
const FULL_RETRY: Duration = Duration::from_millis(250);
/// How often at most at the end of the process: five seconds.
const FULL_RETRIES_AT_THE_END: u32 = 20;
/// How many heads the head file holds: ten minutes of them.
const KEPT_HEADS: usize = 600;
/// How often at most the head file is written, and a new segment tried on a full disk.
const SECOND: Duration = Duration::from_secs(1);
/// How soon a new segment is tried again where its opening was too long: making one takes a while then.
const OPENING_RETRY: Duration = Duration::from_mins(1);

/// One input with everything that came of it; recorded as a whole.
#[derive(Debug)]
pub(crate) struct LedgerItem {
    pub(crate) now: MonoTime,
    pub(crate) wall: WallTime,
    pub(crate) input: Option<InputRecord>,
    pub(crate) derived: Vec<Derived>,
    pub(crate) digest: Option<DigestRecord>,
}

/// An input as the record holds it.
#[derive(Debug)]
pub(crate) struct InputRecord {
    /// Counts from 1 within the incarnation.
    pub(crate) number: u64,
    /// Its encoding.
    pub(crate) payload: Vec<u8>,
    /// Somebody outside may wait until it is on disk.
    pub(crate) awaited: bool,
}

/// Everything up to input `input` is on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DurableMark {
    pub(crate) input: u64,
    pub(crate) head: Head,
}

/// Why the record cannot go on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LedgerFailure {
    /// A record was not taken.
    #[error("the record did not take an entry")]
    Append(#[from] AppendError),
    /// The disk failed, or stayed full to the end.
    #[error("the record could not be written")]
    Commit(#[from] CommitError),
    /// A new segment could not be made.
    #[error("the record could not go on in a new segment")]
    Roll(#[from] RollError),
}

/// The thread, seen from its owner.
#[derive(Debug)]
pub(crate) struct LedgerThread {
    thread: JoinHandle<()>,
    last_head: oneshot::Receiver<Head>,
}

/// What the thread works on.
pub(crate) struct Writer<S> {
    ledger: Ledger<S>,
    opening: Opening,
    authority: BTreeMap<AgentId, AgentAuthority>,
    inputs: u64,
    clock: Clock,
    gauge: Arc<Gauge>,
    spans: Arc<Spans>,
    marks: watch::Sender<Option<DurableMark>>,
    head_file: Option<PathBuf>,
    head_file_at: MonoTime,
    /// The heads that the file holds, newest last: the more there are, the closer a rewrite can be placed.
    head_lines: VecDeque<String>,
    head_written: Option<u64>,
    /// Before then no new segment is tried.
    roll_from: MonoTime,
    opening_was_refused: bool,
}

impl LedgerThread {
    /// Starts the thread; it ends when every sender of `queue` is gone.
    pub(crate) fn spawn<S: Storage + Send + 'static>(
        mut writer: Writer<S>,
        queue: Receiver<LedgerItem>,
    ) -> anyhow::Result<Self> {
        let (tell, last_head) = oneshot::channel();
        let thread = thread::Builder::new().name("ledger".to_owned()).spawn(move || {
            let _guard = AbortOnPanic;
            match writer.run(&queue) {
                Ok(head) => {
                    if tell.send(head).is_err() {
                        tracing::debug!("nobody waits for the last head of the record");
                    }
                }
                Err(failure) => die(failure),
            }
        })?;
        Ok(Self { thread, last_head })
    }

    /// Waits for the end of the thread and returns the last head.
    pub(crate) async fn finish(self) -> anyhow::Result<Head> {
        let head = self.last_head.await.map_err(|_gone| anyhow::anyhow!("the ledger thread panicked"))?;
        self.thread.join().map_err(|_panic| anyhow::anyhow!("the ledger thread panicked"))?;
        Ok(head)
    }
}

/// A server without its record must not go on.
struct AbortOnPanic;

impl Drop for AbortOnPanic {
    fn drop(&mut self) {
        if thread::panicking() {
            tracing::error!("the ledger thread panicked; the process ends");
            std::process::abort();
        }
    }
}

/// Ends the process (`security.md` 4.4, rule 5): what was promised may be lost, and only a start that reads
/// the disk again knows. Agents fall back by themselves.
fn die(failure: LedgerFailure) -> ! {
    let error = format!("{:#}", anyhow::Error::from(failure));
    tracing::error!(error, "the record failed; the process ends, agents fall back by themselves");
    std::process::abort()
}

impl<S: Storage> Writer<S> {
    /// Makes the writer of an open segment.
    pub(crate) fn new(
        ledger: Ledger<S>,
        mut opening: Opening,
        gauge: Arc<Gauge>,
        spans: Arc<Spans>,
        marks: watch::Sender<Option<DurableMark>>,
        head_file: Option<PathBuf>,
    ) -> Self {
        // Only a replay needs what the engine started from, and it starts in the first segment.
        let starting = std::mem::take(&mut opening.starting_authority);
        let authority = starting.into_iter().map(|one| (one.agent.clone(), one)).collect();
        let (inputs, clock) = (opening.inputs_before, Clock);
        // What an earlier run kept there is still worth keeping; a file that is not there yet is empty.
        let kept = head_file.as_ref().and_then(|path| std::fs::read_to_string(path).ok()).unwrap_or_default();
        let mut head_lines: VecDeque<String> = kept.lines().map(|line| format!("{line}\n")).collect();
        head_lines.drain(..head_lines.len().saturating_sub(KEPT_HEADS));
        Self {
            ledger,
            opening,
            authority,
            inputs,
            clock,
            gauge,
            spans,
            marks,
            head_file,
            head_file_at: MonoTime::default(),
            head_lines,
            head_written: None,
            roll_from: MonoTime::default(),
            opening_was_refused: false,
        }
    }

    /// Writes until every sender is gone.
    pub(crate) fn run(&mut self, queue: &Receiver<LedgerItem>) -> Result<Head, LedgerFailure> {
        loop {
            match queue.recv_timeout(SECOND) {
                Ok(item) => self.batch(item, queue)?,
                Err(RecvTimeoutError::Timeout) => self.gauge.busy_since(self.clock.now()),
                Err(RecvTimeoutError::Disconnected) => break,
            }
            self.write_head_file(false);
            // Last: a new segment and the head file wait for a disk too, and records queue up meanwhile.
            self.gauge.idle();
        }
        self.commit()?;
        self.write_head_file(true);
        Ok(self.head())
    }

    fn batch(&mut self, first: LedgerItem, queue: &Receiver<LedgerItem>) -> Result<(), LedgerFailure> {
        self.gauge.busy_since(first.now);
        let began = self.clock.now();
        let mut awaited = self.take(first)?;
        while self.ledger.pending_bytes() < BATCH_BYTES
            && let Ok(item) = queue.try_recv()
        {
            awaited |= self.take(item)?;
        }
        self.spans.pause(Span::Ledger);
        self.commit()?;
        self.spans.record(Span::Ledger, self.clock.now().since(began));
        if awaited {
            self.marks.send_replace(Some(DurableMark { input: self.inputs, head: self.head() }));
        }
        self.roll_if_due()
    }

    /// Appends an item and says whether somebody may wait for it.
    fn take(&mut self, item: LedgerItem) -> Result<bool, LedgerFailure> {
        let (mono, wall) = (item.now.as_nanos(), item.wall.as_unix_nanos());
        let mut awaited = false;
        if let Some(input) = item.input {
            self.ledger.append(record_type::INPUT, 0, mono, wall, &input.payload)?;
            self.inputs = input.number;
            awaited = input.awaited;
        }
        for derived in item.derived {
            self.ledger.append(derived.record_type(), 0, mono, wall, &derived.encode())?;
            match derived {
                Derived::Authority(authority) => {
                    self.authority.insert(authority.agent.clone(), authority);
                }
                Derived::Takeover(_) | Derived::Page(_) => {}
            }
        }
        if let Some(digest) = item.digest {
            let payload = rmp_serde::to_vec_named(&digest).expect("a digest can be written as MessagePack");
            self.ledger.append(record_type::DIGEST, 0, mono, wall, &payload)?;
        }
        Ok(awaited)
    }

    /// Commits; waits for space on a full disk, which the engine sees as a stalled record.
    fn commit(&mut self) -> Result<(), LedgerFailure> {
        let (mut tries, mut tries_at_the_end) = (0_u32, 0);
        loop {
            match self.ledger.commit() {
                Ok(_) => {
                    if tries > 0 {
                        tracing::info!("there is room on the disk again; the record goes on");
                    }
                    return Ok(());
                }
                Err(CommitError::Full { pending_bytes, source }) => {
                    if tries == 0 {
                        tracing::warn!(pending_bytes, "the disk is full; the record waits for room");
                    }
                    tries = tries.saturating_add(1);
                    tries_at_the_end += u32::from(self.gauge.is_ending());
                    if tries_at_the_end > FULL_RETRIES_AT_THE_END {
                        return Err(CommitError::Full { pending_bytes, source }.into());
                    }
                    thread::sleep(FULL_RETRY);
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn roll_if_due(&mut self) -> Result<(), LedgerFailure> {
        let now = self.clock.now();
        if !self.ledger.should_roll() || now < self.roll_from {
            return Ok(());
        }
        self.opening.inputs_before = self.inputs;
        self.opening.authority = self.authority.values().cloned().collect();
        match self.ledger.roll(&startup::encode(&self.opening)) {
            Ok(_) => {
                self.opening_was_refused = false;
                tracing::debug!(segment = self.ledger.segment(), "the record goes on in a new segment");
                Ok(())
            }
            Err(RollError::Full { segment, .. }) => {
                self.roll_from = now.after(SECOND);
                tracing::warn!(segment, "no room for a new segment; the record goes on in the old one");
                Ok(())
            }
            Err(RollError::OpeningTooLarge { len }) => {
                self.roll_from = now.after(OPENING_RETRY);
                if !self.opening_was_refused {
                    self.opening_was_refused = true;
                    let agents = self.authority.len();
                    tracing::error!(
                        len,
                        agents,
                        "what the record knows of all agents does not fit into a new segment; it goes on in \
                         the old one, but a restart will need a new data directory"
                    );
                }
                Ok(())
            }
            Err(error @ (RollError::Commit(_) | RollError::Create { .. })) => Err(error.into()),
        }
    }

    fn head(&self) -> Head {
        let head = self.ledger.head();
        Head { sequence: head.sequence, hash: head.hash.0 }
    }

    fn write_head_file(&mut self, at_the_end: bool) {
        let Some(path) = &self.head_file else { return };
        let (now, head) = (self.clock.now(), self.ledger.head());
        let due = at_the_end || now.since(self.head_file_at) >= SECOND;
        if !due || self.head_written == Some(head.sequence) {
            return;
        }
        self.head_file_at = now;
        if self.head_lines.len() == KEPT_HEADS {
            self.head_lines.pop_front();
        }
        self.head_lines.push_back(format!("{head}\n"));
        match files::replace(path, &self.head_lines.iter().map(String::as_str).collect::<String>()) {
            Ok(()) => self.head_written = Some(head.sequence),
            Err(error) => tracing::warn!(error = format!("{error:#}"), "the head file is out of date"),
        }
    }
}

#[cfg(test)]
mod tests;
