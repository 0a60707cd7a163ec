//! What stands on the disk when a ledger is opened again, and what must be done about it.
//!
//! Only the last segment is read, so that the time is bounded by its size. Nothing is written but the cut of
//! a torn tail; doing that twice is the same as doing it once.

use std::{fmt, io};

use crate::format::{HeaderFault, MAX_SEQUENCE, RecordFault, Salt, to_u64};
use crate::head::{ChainHash, Head};
use crate::scan::{Cursor, Ending, Found, Window, max_sequence};
use crate::storage::{ReadStorage, Storage};

/// The highest number that is gone on from. Readers take twice as many, so that what is written after a recovery can be
/// read whatever a forged header or record claims; that is 146 years of a record each nanosecond, no honest ledger gets here.
const MAX_CONTINUED: u64 = MAX_SEQUENCE / 2;

/// What [`Ledger::open`](crate::Ledger::open) found and did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recovery {
    /// How many segments there are.
    pub segments: u64,
    /// The last record that is whole and in order; sequence 0 when there is none, or when the header of the
    /// last segment is damaged (`open` reads no segment before it).
    pub head: Head,
    /// The sequence number that the next record gets.
    pub next_sequence: u64,
    /// How many bytes of an unfinished record were cut; nothing acknowledged can have been among them.
    pub cut_bytes: u64,
    /// Damage that no crash explains. The segment is left as it is, and the next one will be marked as GAP.
    pub damage: Option<Damage>,
}

/// Something in the last segment that a crash cannot have left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// The segment.
    pub segment: u64,
    /// Where in it, in bytes.
    pub offset: u64,
    /// The record expected there.
    pub sequence: u64,
    /// What is wrong.
    pub fault: DamageFault,
}

/// What part of a segment is damaged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DamageFault {
    /// The header or the opening.
    Header(HeaderFault),
    /// A record.
    Record(RecordFault),
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { segment, offset, sequence, fault } = self;
        match fault {
            DamageFault::Header(fault) => write!(f, "segment {segment}: the header is damaged: {fault}")?,
            DamageFault::Record(fault) => {
                write!(f, "record {sequence} (segment {segment}, byte {offset}) is damaged: {fault}")?;
            }
        }
        f.write_str("; the file is kept as it is: keep a copy, and run `ledger verify` with a kept head")
    }
}

/// Why a ledger cannot be opened for writing.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The medium failed.
    #[error("reading or cutting the last segment of the ledger")]
    Storage(#[from] io::Error),
    /// The directory holds the ledger of somebody else.
    #[error("this ledger belongs to deployment {found}, not {expected}", found = Hex(found), expected = Hex(expected))]
    OtherDeployment {
        /// The deployment the caller named.
        expected: [u8; 16],
        /// The deployment in the header.
        found: [u8; 16],
    },
    /// The last segment was written by a newer program.
    #[error("segment {segment} has format version {version}, which this program cannot continue")]
    UnsupportedVersion {
        /// The segment.
        segment: u64,
        /// Its format version.
        version: u32,
    },
}

struct Hex<'b>(&'b [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// The deployment id of the ledger in `storage`, from its newest readable header; `None` when there is none.
///
/// # Errors
/// Whatever the medium says.
pub fn deployment_of<S: ReadStorage + ?Sized>(storage: &S) -> io::Result<Option<[u8; 16]>> {
    for segment in storage.segments()?.into_iter().rev() {
        if let Ok(header) = Window::new(storage, segment).header()? {
            return Ok(Some(header.deployment));
        }
    }
    Ok(None)
}

/// Where the writer goes on.
#[derive(Debug)]
pub(crate) struct Resume {
    /// Number and end of the last segment; `None` when a new one must be made first.
    pub(crate) open: Option<Resumed>,
    pub(crate) next_segment: u64,
    pub(crate) chain: ChainHash,
    pub(crate) head: Head,
    pub(crate) gap: bool,
}

/// The last segment, when records can be added to it.
#[derive(Debug)]
pub(crate) struct Resumed {
    pub(crate) segment: u64,
    pub(crate) records_start: u64,
    pub(crate) end: u64,
}

/// Reads the last segment and cuts a torn tail.
pub(crate) fn recover<S: Storage>(
    storage: &mut S,
    deployment: [u8; 16],
) -> Result<(Resume, Recovery), OpenError> {
    let segments = storage.segments()?;
    let Some(last) = segments.last().copied() else {
        let head = Head::default();
        let resume = Resume { open: None, next_segment: 1, chain: head.hash, head, gap: false };
        return Ok((resume, Recovery { segments: 0, head, next_sequence: 1, cut_bytes: 0, damage: None }));
    };
    let state = inspect(storage, last, deployment)?;
    let (head, count) = (state.head, to_u64(segments.len()));
    if let Some(damage) = state.damage {
        let (top, chain) = last_readable(storage, &segments, deployment)?;
        let resume = Resume { open: None, next_segment: last + 1, chain, head: top, gap: true };
        let next_sequence = top.sequence + 1;
        let recovery = Recovery { segments: count, head, next_sequence, cut_bytes: 0, damage: Some(damage) };
        return Ok((resume, recovery));
    }
    if state.cut_bytes > 0 {
        storage.truncate(last, state.end)?;
    }
    // Records that only the page cache holds after a kill become durable before anybody counts on them.
    storage.sync_data(last)?;
    let resume = Resume {
        open: Some(Resumed { segment: last, records_start: state.records_start, end: state.end }),
        next_segment: last + 1,
        chain: state.chain,
        head,
        gap: false,
    };
    let recovery = Recovery {
        segments: count,
        head,
        next_sequence: state.next_sequence,
        cut_bytes: state.cut_bytes,
        damage: None,
    };
    Ok((resume, recovery))
}

struct State {
    head: Head,
    records_start: u64,
    end: u64,
    next_sequence: u64,
    chain: ChainHash,
    cut_bytes: u64,
    damage: Option<Damage>,
}

fn inspect<S: ReadStorage + ?Sized>(
    storage: &S,
    segment: u64,
    deployment: [u8; 16],
) -> Result<State, OpenError> {
    let mut window = Window::new(storage, segment);
    let header = match window.header()? {
        Ok(header) if header.deployment == deployment && header.first_sequence > MAX_CONTINUED => {
            return Ok(headless(segment, HeaderFault::Range));
        }
        Ok(header) if header.deployment == deployment => header,
        Ok(header) => {
            return Err(OpenError::OtherDeployment { expected: deployment, found: header.deployment });
        }
        Err(HeaderFault::Version { version }) => {
            return Err(OpenError::UnsupportedVersion { segment, version });
        }
        Err(fault) => return Ok(headless(segment, fault)),
    };
    let opening_fault = window.opening(&header)?.err();
    let records_start = header.records_start();
    let mut cursor = Cursor::new(window, &header);
    let mut head = header.head();
    while let Some(frame) = cursor.step()? {
        head = Head { sequence: frame.sequence(), hash: frame.hash };
    }
    let mut state = State {
        head,
        records_start,
        end: cursor.offset,
        next_sequence: cursor.expected,
        chain: cursor.chain,
        cut_bytes: 0,
        damage: None,
    };
    let damage = |offset, fault| Some(Damage { segment, offset, sequence: state.next_sequence, fault });
    if let Some(fault) = opening_fault {
        state.damage = damage(0, DamageFault::Header(fault));
        return Ok(state);
    }
    match cursor.ending()? {
        Ending::Clean => {}
        Ending::Torn { bytes, .. } => state.cut_bytes = bytes,
        Ending::Damaged(fault) => state.damage = damage(state.end, DamageFault::Record(fault)),
    }
    Ok(state)
}

fn headless(segment: u64, fault: HeaderFault) -> State {
    State {
        head: Head::default(),
        records_start: 0,
        end: 0,
        next_sequence: 1,
        chain: ChainHash::default(),
        cut_bytes: 0,
        damage: Some(Damage { segment, offset: 0, sequence: 1, fault: DamageFault::Header(fault) }),
    }
}

/// The record with the highest sequence number among those with a right checksum, and the chain value to go on
/// from, both from the newest segment that tells: after damage, numbers must not be used twice.
fn last_readable<S: ReadStorage + ?Sized>(
    storage: &S,
    segments: &[u64],
    deployment: [u8; 16],
) -> io::Result<(Head, ChainHash)> {
    for segment in segments.iter().rev().copied() {
        let mut window = Window::new(storage, segment);
        let header = window.header()?.ok().filter(|header| header.first_sequence <= MAX_CONTINUED);
        let (limit, mut at) = match &header {
            Some(header) => (max_sequence(storage, segment, header.first_sequence)?, header.records_start()),
            None => (MAX_CONTINUED, 0),
        };
        let salt = Salt::new(deployment, segment);
        let mut top = Head::default();
        while let Some(found) = window.find_record(at, salt, limit)? {
            let Found::Record(frame) = window.examine(found, salt)? else { break };
            top = top.max(Head { sequence: frame.sequence(), hash: frame.hash });
            at = found + frame.total_bytes();
        }
        if top.sequence > 0 {
            return Ok((top, top.hash));
        }
        if let Some(header) = header {
            return Ok((header.head(), header.hash()));
        }
    }
    Ok((Head::default(), ChainHash::default()))
}
