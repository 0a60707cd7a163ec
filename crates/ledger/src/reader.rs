//! Reading a ledger back in order, in bounded memory, also while it is being written.

use std::io;

use crate::format::{HeaderFault, RecordFault};
use crate::head::{ChainHash, Head};
use crate::scan::{Cursor, Ending, Window};
use crate::storage::ReadStorage;

/// The header and opening of a segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SegmentInfo {
    /// The number of the segment; the first of a ledger is 1.
    pub number: u64,
    /// The deployment id.
    pub deployment: [u8; 16],
    /// The sequence number of its first record.
    pub first_sequence: u64,
    /// The chain value at the end of the segment before; all zero for the first.
    pub previous_hash: ChainHash,
    /// Whether a recovery found damage before this segment.
    pub gap: bool,
    /// What the caller gave to [`Ledger::roll`](crate::Ledger::roll).
    pub opening: Vec<u8>,
}

/// A record, and where it lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Its number in the ledger, from 1 without holes.
    pub sequence: u64,
    /// The monotonic time given by the writer, in nanoseconds.
    pub mono_nanos: u64,
    /// The wall-clock time given by the writer, in nanoseconds since 1970.
    pub wall_nanos: i64,
    /// The kind of record; its meaning is the caller's.
    pub record_type: u16,
    /// Flags; their meaning is the caller's.
    pub flags: u16,
    /// The bytes given by the writer.
    pub payload: Vec<u8>,
    /// The chain value after this record.
    pub hash: ChainHash,
    /// The segment it lies in.
    pub segment: u64,
    /// Where in that segment it begins, in bytes.
    pub offset: u64,
}

impl Record {
    /// What a client keeps to prove that it saw the ledger up to this record.
    pub fn head(&self) -> Head {
        Head { sequence: self.sequence, hash: self.hash }
    }
}

/// What a [`Reader`] yields, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// A segment begins.
    Segment(SegmentInfo),
    /// The next record.
    Record(Record),
}

/// Why a ledger cannot be read further.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The medium failed.
    #[error("reading segment {segment}")]
    Storage {
        /// The segment; 0 while listing them.
        segment: u64,
        /// What the medium says.
        source: io::Error,
    },
    /// A header or its opening is damaged.
    #[error("segment {segment}: the header is damaged: {fault}")]
    Header {
        /// The segment.
        segment: u64,
        /// What is wrong.
        fault: HeaderFault,
    },
    /// A record is damaged.
    #[error("record {sequence} (segment {segment}, byte {offset}) is damaged: {fault}")]
    Record {
        /// The segment.
        segment: u64,
        /// Where the record begins, in bytes.
        offset: u64,
        /// The record expected there.
        sequence: u64,
        /// What is wrong.
        fault: RecordFault,
    },
    /// A segment in the middle is missing.
    #[error("segment {segment} is missing")]
    MissingSegment {
        /// The first segment that is missing.
        segment: u64,
    },
}

/// Streams segments and records in order; ends after the last whole record.
///
/// An unfinished record at the very end (a crash, or a writer at work) ends the iteration without an error;
/// [`Reader::unfinished_bytes`] tells. Damage ends it with one; to read what lies behind damage, start again
/// with [`Reader::starting_at`] the next segment.
pub struct Reader<'s, S: ?Sized> {
    storage: &'s S,
    /// Segments still to come, ascending.
    waiting: std::vec::IntoIter<u64>,
    current: Option<(u64, Cursor<'s, S>)>,
    previous: Option<Previous>,
    unfinished_bytes: u64,
    failed: bool,
}

struct Previous {
    segment: u64,
    next_sequence: u64,
    chain: ChainHash,
}

impl<'s, S: ReadStorage + ?Sized> Reader<'s, S> {
    /// Reads from the oldest segment.
    ///
    /// # Errors
    /// [`ReadError::Storage`] when the segments cannot be listed.
    pub fn new(storage: &'s S) -> Result<Self, ReadError> {
        Self::starting_at(storage, 0)
    }

    /// Reads from segment `number` on, or from the first one after it.
    ///
    /// # Errors
    /// [`ReadError::Storage`] when the segments cannot be listed.
    pub fn starting_at(storage: &'s S, number: u64) -> Result<Self, ReadError> {
        let mut segments = storage.segments().map_err(|source| ReadError::Storage { segment: 0, source })?;
        segments.retain(|segment| *segment >= number);
        Ok(Self {
            storage,
            waiting: segments.into_iter(),
            current: None,
            previous: None,
            unfinished_bytes: 0,
            failed: false,
        })
    }

    /// The length of the unfinished record that ended the iteration, in bytes; 0 when there was none.
    pub fn unfinished_bytes(&self) -> u64 {
        self.unfinished_bytes
    }

    fn advance(&mut self) -> Result<Option<Entry>, ReadError> {
        loop {
            let Some((segment, mut cursor)) = self.current.take() else {
                return self.waiting.next().map(|number| self.begin(number)).transpose();
            };
            if let Some(record) = take_record(segment, &mut cursor).map_err(at(segment))? {
                self.current = Some((segment, cursor));
                return Ok(Some(Entry::Record(record)));
            }
            let sealed = !self.waiting.as_slice().is_empty();
            // A live writer may have finished the record between two reads of this reader.
            cursor.window.refresh();
            let fault = match cursor.ending().map_err(at(segment))? {
                Ending::Clean => {
                    self.previous =
                        Some(Previous { segment, next_sequence: cursor.expected, chain: cursor.chain });
                    continue;
                }
                Ending::Torn { bytes, .. } if !sealed => {
                    self.unfinished_bytes = bytes;
                    return Ok(None);
                }
                Ending::Torn { fault, .. } | Ending::Damaged(fault) => fault,
            };
            cursor.window.refresh();
            if let Some(record) = take_record(segment, &mut cursor).map_err(at(segment))? {
                self.current = Some((segment, cursor));
                return Ok(Some(Entry::Record(record)));
            }
            let (offset, sequence) = (cursor.offset, cursor.expected);
            return Err(ReadError::Record { segment, offset, sequence, fault });
        }
    }

    fn begin(&mut self, number: u64) -> Result<Entry, ReadError> {
        let header_fault = |fault| ReadError::Header { segment: number, fault };
        let mut window = Window::new(self.storage, number);
        let header = window.header().map_err(at(number))?.map_err(header_fault)?;
        let opening = window.opening(&header).map_err(at(number))?.map_err(header_fault)?;
        if let Some(previous) = self.previous.take() {
            if number != previous.segment + 1 {
                return Err(ReadError::MissingSegment { segment: previous.segment + 1 });
            }
            if header.first_sequence != previous.next_sequence {
                let (expected, found) = (previous.next_sequence, header.first_sequence);
                return Err(header_fault(HeaderFault::FirstSequence { expected, found }));
            }
            if header.previous_hash != previous.chain {
                return Err(header_fault(HeaderFault::PreviousHash));
            }
        }
        self.current = Some((number, Cursor::new(window, &header)));
        Ok(Entry::Segment(SegmentInfo {
            number,
            deployment: header.deployment,
            first_sequence: header.first_sequence,
            previous_hash: header.previous_hash,
            gap: header.gap,
            opening,
        }))
    }
}

fn at(segment: u64) -> impl Fn(io::Error) -> ReadError {
    move |source| ReadError::Storage { segment, source }
}

fn take_record<S: ReadStorage + ?Sized>(
    segment: u64,
    cursor: &mut Cursor<'_, S>,
) -> io::Result<Option<Record>> {
    let offset = cursor.offset;
    Ok(cursor.step()?.map(|frame| {
        let stamp = frame.stamp();
        Record {
            sequence: stamp.sequence,
            mono_nanos: stamp.mono_nanos,
            wall_nanos: stamp.wall_nanos,
            record_type: stamp.record_type,
            flags: stamp.flags,
            payload: frame.payload().to_vec(),
            hash: frame.hash,
            segment,
            offset,
        }
    }))
}

impl<S: ReadStorage + ?Sized> Iterator for Reader<'_, S> {
    type Item = Result<Entry, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let next = self.advance().transpose();
        self.failed = !matches!(next, Some(Ok(_)));
        next
    }
}
