//! The one writer of a ledger.

use std::io;

use crate::format::{
    Header, MAX_OPENING_BYTES, MAX_PAYLOAD_BYTES, Salt, Stamp, encode_record, sha256, to_u64,
};
use crate::head::{ChainHash, Head};
use crate::recovery::{OpenError, Recovery, recover};
use crate::storage::Storage;

/// How a ledger is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Names the ledger: 16 random bytes, made once per deployment. Keep it from agents: as long as they
    /// cannot guess it, nothing they send can look like a record to a recovery.
    pub deployment: [u8; 16],
    /// The size at which [`Ledger::should_roll`] asks for a new segment, in bytes.
    pub segment_bytes: u64,
    /// How far ahead space is written with zeros, in bytes; 0 turns it off.
    pub preallocate_bytes: u64,
    /// The most that [`Ledger::append`] holds before a commit, in bytes.
    pub max_pending_bytes: usize,
}

impl Options {
    /// The defaults: segments of 64 MiB, zeroed 256 KiB ahead, at most 16 MiB pending.
    ///
    /// Zeroed space lets a sync do without a journal commit, which made small commits 13 times as fast where
    /// it was measured. 256 KiB at a time keeps the extra write of one commit near 10 ms on a slow disk.
    pub fn new(deployment: [u8; 16]) -> Self {
        Self {
            deployment,
            segment_bytes: 64 << 20,
            preallocate_bytes: 256 << 10,
            max_pending_bytes: 16 << 20,
        }
    }
}

/// Why a record was not taken.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// The payload is too long.
    #[error("a payload of {len} bytes is longer than {MAX_PAYLOAD_BYTES} bytes")]
    PayloadTooLarge {
        /// Its length in bytes.
        len: usize,
    },
    /// No segment is open: [`Ledger::roll`] comes first.
    #[error("no segment is open: roll to a new segment first")]
    NoSegment,
    /// Too much waits for a commit.
    #[error("{pending_bytes} bytes wait for a commit already")]
    PendingFull {
        /// What waits, in bytes.
        pending_bytes: usize,
    },
    /// An earlier error stopped this ledger.
    #[error("the ledger stopped after an error: {cause}")]
    Poisoned {
        /// The earlier error.
        cause: String,
    },
}

/// Why the pending records are not safe.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// The disk is full. The records still wait; committing again after space was made is right.
    #[error("the disk is full; {pending_bytes} bytes wait to be written")]
    Full {
        /// What waits, in bytes.
        pending_bytes: usize,
        /// What the medium says.
        source: io::Error,
    },
    /// Writing failed. The ledger has stopped.
    #[error("writing to segment {segment} failed: the ledger has stopped")]
    Write {
        /// The segment.
        segment: u64,
        /// What the medium says.
        source: io::Error,
    },
    /// Syncing failed. The ledger has stopped: a second sync could report success for data that is lost.
    #[error("syncing segment {segment} failed: the ledger has stopped")]
    Sync {
        /// The segment.
        segment: u64,
        /// What the medium says.
        source: io::Error,
    },
    /// An earlier error stopped this ledger.
    #[error("the ledger stopped after an error: {cause}")]
    Poisoned {
        /// The earlier error.
        cause: String,
    },
}

/// Why there is no new segment.
#[derive(Debug, thiserror::Error)]
pub enum RollError {
    /// The opening is too long.
    #[error("an opening of {len} bytes is longer than {MAX_OPENING_BYTES} bytes")]
    OpeningTooLarge {
        /// Its length in bytes.
        len: usize,
    },
    /// The pending records could not be committed.
    #[error("committing the records of the old segment")]
    Commit(#[from] CommitError),
    /// The disk is full. The old segment can still be written to.
    #[error("the disk is full: there is no room for segment {segment}")]
    Full {
        /// The new segment.
        segment: u64,
        /// What the medium says.
        source: io::Error,
    },
    /// The old segment could not be closed or the new one not be made. The ledger has stopped.
    #[error("making segment {segment} failed: the ledger has stopped")]
    Create {
        /// The new segment.
        segment: u64,
        /// What the medium says.
        source: io::Error,
    },
}

/// Why old segments were not deleted.
#[derive(Debug, thiserror::Error)]
#[error("deleting old segments")]
pub struct RetainError(#[from] io::Error);

#[derive(Debug)]
struct OpenSegment {
    number: u64,
    records_start: u64,
    /// Where the committed records end.
    end: u64,
    /// Up to where space is known to exist.
    allocated: u64,
    salt: Salt,
}

/// The writer: append, commit, roll.
///
/// It is driven by one thread, which may block in every call but [`Ledger::append`].
#[derive(Debug)]
pub struct Ledger<S> {
    storage: S,
    options: Options,
    open: Option<OpenSegment>,
    next_segment: u64,
    next_sequence: u64,
    gap: bool,
    chain: ChainHash,
    head: Head,
    pending: Vec<u8>,
    pending_head: Head,
    poison: Option<String>,
}

impl<S: Storage> Ledger<S> {
    /// Opens the ledger in `storage`, empty or not, and cleans up after a crash.
    ///
    /// Where [`Ledger::needs_opening`] is true afterwards (the ledger is empty, or its last segment is damaged)
    /// the caller must [`Ledger::roll`] before it appends; otherwise it may. Opening reads the last segment
    /// only. Opening again, also after a crash in the middle of it, gives the same bytes.
    ///
    /// # Errors
    /// [`OpenError`]; the ledger is left as it was.
    pub fn open(mut storage: S, options: Options) -> Result<(Self, Recovery), OpenError> {
        let (resume, recovery) = recover(&mut storage, options.deployment)?;
        let open = match resume.open {
            Some(last) => Some(OpenSegment {
                number: last.segment,
                records_start: last.records_start,
                end: last.end,
                allocated: storage.segment_len(last.segment)?,
                salt: Salt::new(options.deployment, last.segment),
            }),
            None => None,
        };
        let ledger = Self {
            storage,
            options,
            open,
            next_segment: resume.next_segment,
            next_sequence: recovery.next_sequence,
            gap: resume.gap,
            chain: resume.chain,
            head: resume.head,
            pending: Vec::new(),
            pending_head: resume.head,
            poison: None,
        };
        Ok((ledger, recovery))
    }

    /// Whether [`Ledger::roll`] must come before the next record.
    pub fn needs_opening(&self) -> bool {
        self.open.is_none()
    }

    /// Takes a record into memory and returns its sequence number; [`Ledger::commit`] makes it durable.
    ///
    /// `record_type`, `flags` and `payload` (at most [`MAX_PAYLOAD_BYTES`]) mean nothing to the ledger;
    /// `mono_nanos` and `wall_nanos` are nanoseconds of the caller's clocks.
    ///
    /// # Errors
    /// [`AppendError`]; nothing was taken.
    pub fn append(
        &mut self,
        record_type: u16,
        flags: u16,
        mono_nanos: u64,
        wall_nanos: i64,
        payload: &[u8],
    ) -> Result<u64, AppendError> {
        if let Some(cause) = self.poison.clone() {
            return Err(AppendError::Poisoned { cause });
        }
        let Some(open) = &self.open else { return Err(AppendError::NoSegment) };
        if payload.len() > MAX_PAYLOAD_BYTES {
            return Err(AppendError::PayloadTooLarge { len: payload.len() });
        }
        if self.pending.len() >= self.options.max_pending_bytes {
            return Err(AppendError::PendingFull { pending_bytes: self.pending.len() });
        }
        let sequence = self.next_sequence;
        let stamp = Stamp { sequence, mono_nanos, wall_nanos, record_type, flags };
        self.chain = encode_record(&mut self.pending, open.salt, self.chain, &stamp, payload);
        self.next_sequence += 1;
        self.pending_head = Head { sequence, hash: self.chain };
        Ok(sequence)
    }

    /// Writes everything pending and syncs it once; the head returned is durable.
    ///
    /// # Errors
    /// After [`CommitError::Full`] the records still wait and a later call may succeed. After any other error
    /// this ledger never writes again: open it anew, in a new process.
    pub fn commit(&mut self) -> Result<Head, CommitError> {
        self.check_poison()?;
        if self.pending.is_empty() {
            return Ok(self.head);
        }
        let open = self.open.as_mut().expect("records are pending only while a segment is open");
        let (segment, end) = (open.number, open.end + to_u64(self.pending.len()));
        let pending_bytes = self.pending.len();
        let written = self
            .storage
            .write_at(segment, open.end, &self.pending)
            .and_then(|()| preallocate(&mut self.storage, open, end, self.options.preallocate_bytes));
        match written {
            Ok(()) => {}
            Err(source) if source.kind() == io::ErrorKind::StorageFull => {
                return Err(CommitError::Full { pending_bytes, source });
            }
            Err(source) => {
                self.poison = Some(format!("writing to segment {segment}: {source}"));
                return Err(CommitError::Write { segment, source });
            }
        }
        if let Err(source) = self.storage.sync_data(segment) {
            self.poison = Some(format!("syncing segment {segment}: {source}"));
            return Err(CommitError::Sync { segment, source });
        }
        open.end = end;
        self.pending.clear();
        self.head = self.pending_head;
        assert_eq!(self.head.sequence + 1, self.next_sequence, "a commit leaves nothing behind");
        Ok(self.head)
    }

    /// The last durable record; sequence 0 when there is none. After damage it is the last readable record,
    /// which may lie behind the damage; [`Recovery::head`] is the one to trust.
    pub fn head(&self) -> Head {
        self.head
    }

    /// How many bytes wait for [`Ledger::commit`].
    pub fn pending_bytes(&self) -> usize {
        self.pending.len()
    }

    /// The number of the segment that records go to now.
    pub fn segment(&self) -> Option<u64> {
        self.open.as_ref().map(|open| open.number)
    }

    /// Whether the segment has reached its size, so that the caller should [`Ledger::roll`] soon.
    pub fn should_roll(&self) -> bool {
        self.open.as_ref().is_some_and(|open| {
            let end = open.end + to_u64(self.pending.len());
            end > open.records_start && end >= self.options.segment_bytes
        })
    }

    /// Commits what is pending, closes the segment for good, and starts a new one with this opening.
    ///
    /// `opening` (at most [`MAX_OPENING_BYTES`]) is whatever a reader needs before the records of the segment.
    ///
    /// # Errors
    /// After [`RollError::OpeningTooLarge`] and [`RollError::Full`] the old segment goes on; after
    /// [`RollError::Commit`] see there; after [`RollError::Create`] this ledger never writes again.
    pub fn roll(&mut self, opening: &[u8]) -> Result<Head, RollError> {
        self.check_poison()?;
        let opening_len = match u32::try_from(opening.len()) {
            Ok(len) if opening.len() <= MAX_OPENING_BYTES => len,
            Ok(_) | Err(_) => return Err(RollError::OpeningTooLarge { len: opening.len() }),
        };
        self.commit()?;
        let number = self.next_segment;
        let header = Header {
            gap: self.gap,
            deployment: self.options.deployment,
            number,
            first_sequence: self.next_sequence,
            previous_hash: self.chain,
            head_hash: self.head.hash,
            opening_hash: sha256(opening),
            opening_len,
        };
        let mut bytes = header.encode();
        bytes.extend_from_slice(opening);
        bytes.resize(bytes.len().next_multiple_of(8), 0);
        let made = self.seal().and_then(|()| self.storage.create(number, &bytes));
        match made {
            Ok(()) => {}
            Err(source) if source.kind() == io::ErrorKind::StorageFull => {
                return Err(RollError::Full { segment: number, source });
            }
            Err(source) => {
                self.poison = Some(format!("making segment {number}: {source}"));
                return Err(RollError::Create { segment: number, source });
            }
        }
        let end = to_u64(bytes.len());
        self.open =
            Some(OpenSegment { number, records_start: end, end, allocated: end, salt: header.salt() });
        self.next_segment += 1;
        self.chain = header.hash();
        self.gap = false;
        Ok(self.head)
    }

    /// Deletes the sealed segments before `segment` and returns how many; the open one always stays.
    ///
    /// What remains still verifies, from a stated starting point; the caller should record that it did this.
    ///
    /// # Errors
    /// Whatever the medium says; segments are deleted oldest first, so that what remains has no hole.
    pub fn retain_from(&mut self, segment: u64) -> Result<u64, RetainError> {
        let keep = self.open.as_ref().map_or(0, |open| open.number).min(segment);
        let mut deleted = 0;
        for number in self.storage.segments()?.into_iter().take_while(|number| *number < keep) {
            self.storage.remove(number)?;
            deleted += 1;
        }
        Ok(deleted)
    }

    /// The storage, for reading beside the writer.
    pub fn storage(&self) -> &S {
        &self.storage
    }

    /// The storage, for tests that inject faults.
    pub fn storage_mut(&mut self) -> &mut S {
        &mut self.storage
    }

    /// Gives the storage back; pending records are lost.
    pub fn into_storage(self) -> S {
        self.storage
    }

    fn check_poison(&self) -> Result<(), CommitError> {
        self.poison.clone().map_or(Ok(()), |cause| Err(CommitError::Poisoned { cause }))
    }

    /// Cuts the zeroed space off, so that a sealed segment ends with its last record.
    fn seal(&mut self) -> io::Result<()> {
        let Some(open) = &mut self.open else { return Ok(()) };
        self.storage.truncate(open.number, open.end)?;
        open.allocated = open.end;
        Ok(())
    }
}

/// Writes zeros after `end` when the known space does not reach that far; the caller syncs.
fn preallocate<S: Storage>(storage: &mut S, open: &mut OpenSegment, end: u64, step: u64) -> io::Result<()> {
    if end <= open.allocated {
        return Ok(());
    }
    open.allocated = end;
    if step == 0 {
        return Ok(());
    }
    let target = (end + 1).next_multiple_of(step);
    let zeros = vec![0; usize::try_from(target - end).expect("the step fits in memory")];
    match storage.write_at(open.number, end, &zeros) {
        Ok(()) => open.allocated = target,
        // Space ahead only makes commits faster; the records themselves are written.
        Err(error) if error.kind() == io::ErrorKind::StorageFull => {}
        Err(error) => return Err(error),
    }
    Ok(())
}
