//! Reading one segment in bounded memory: windows, records, and what stands where records stop.

use std::io;

use crate::format::{
    Frame, HASH_BYTES, HEADER_BYTES, Header, HeaderFault, MAX_PAYLOAD_BYTES, MIN_RECORD_BYTES, RecordFault,
    Salt, body_bytes, sha256, to_u64, to_usize, u32_at, u64_at,
};
use crate::head::ChainHash;
use crate::storage::ReadStorage;

const CHUNK_BYTES: usize = 256 << 10;

/// A part of a segment file, read in chunks.
pub(crate) struct Window<'s, S: ?Sized> {
    storage: &'s S,
    segment: u64,
    start: u64,
    bytes: Vec<u8>,
}

impl<'s, S: ReadStorage + ?Sized> Window<'s, S> {
    pub(crate) fn new(storage: &'s S, segment: u64) -> Self {
        Self { storage, segment, start: 0, bytes: Vec::new() }
    }

    /// Forgets what was read: a live writer may have written since.
    pub(crate) fn refresh(&mut self) {
        self.bytes.clear();
    }

    /// The bytes from `offset` on: `len` of them, fewer only where the file ends.
    pub(crate) fn get(&mut self, offset: u64, len: usize) -> io::Result<&[u8]> {
        let inside = |start: u64, held: usize| {
            let at = usize::try_from(offset.checked_sub(start)?).ok()?;
            (at.checked_add(len)? <= held).then_some(at)
        };
        let at = if let Some(at) = inside(self.start, self.bytes.len()) {
            at
        } else {
            self.fill(offset, len.max(CHUNK_BYTES))?;
            0
        };
        let end = (at + len).min(self.bytes.len());
        Ok(self.bytes.get(at..end).unwrap_or_default())
    }

    fn fill(&mut self, offset: u64, len: usize) -> io::Result<()> {
        self.start = offset;
        self.bytes = vec![0; len];
        let mut filled = 0;
        while let Some(rest) = self.bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match self.storage.read_at(self.segment, offset + to_u64(filled), rest) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.bytes.clear();
                    return Err(error);
                }
            }
        }
        self.bytes.truncate(filled);
        Ok(())
    }

    /// Reads the fixed header; the outer error is of the medium, the inner one of the bytes.
    pub(crate) fn header(&mut self) -> io::Result<Result<Header, HeaderFault>> {
        let segment = self.segment;
        Ok(Header::decode(self.get(0, HEADER_BYTES)?, segment))
    }

    /// Reads the opening and checks it and its padding against the header.
    pub(crate) fn opening(&mut self, header: &Header) -> io::Result<Result<Vec<u8>, HeaderFault>> {
        let len = to_usize(header.opening_len);
        let padded = len.next_multiple_of(8);
        let bytes = self.get(to_u64(HEADER_BYTES), padded)?;
        if bytes.len() < padded {
            return Ok(Err(HeaderFault::CutShort));
        }
        let (opening, padding) = bytes.split_at(len);
        if sha256(opening) != header.opening_hash || padding.iter().any(|byte| *byte != 0) {
            return Ok(Err(HeaderFault::Opening));
        }
        Ok(Ok(opening.to_vec()))
    }

    /// Where the last byte other than zero at or after `offset` ends; `None` when only zeros follow.
    pub(crate) fn written_end(&mut self, offset: u64) -> io::Result<Option<u64>> {
        let (mut at, mut end) = (offset, None);
        loop {
            let bytes = self.get(at, CHUNK_BYTES)?;
            if bytes.is_empty() {
                return Ok(end);
            }
            if let Some(last) = bytes.iter().rposition(|byte| *byte != 0) {
                end = Some(at + to_u64(last) + 1);
            }
            at += to_u64(bytes.len());
        }
    }

    /// Finds the first place at or after `from` (a multiple of 8) with a record whose checksum is right and
    /// whose sequence number is at most `max_sequence`.
    pub(crate) fn find_record(
        &mut self,
        from: u64,
        salt: Salt,
        max_sequence: u64,
    ) -> io::Result<Option<u64>> {
        let mut at = from;
        loop {
            let head = self.get(at, MIN_RECORD_BYTES)?;
            if head.len() < MIN_RECORD_BYTES {
                return Ok(None);
            }
            let plausible = to_usize(u32_at(head, 0)) <= MAX_PAYLOAD_BYTES
                && (1..=max_sequence).contains(&u64_at(head, 8));
            if plausible && matches!(self.examine(at, salt)?, Found::Record(_)) {
                return Ok(Some(at));
            }
            at += 8;
        }
    }

    /// Looks at the bytes at `offset`, where a record should begin.
    pub(crate) fn examine(&mut self, offset: u64, salt: Salt) -> io::Result<Found<'_>> {
        let len = match self.get(offset, 4)? {
            [] => return Ok(Found::End),
            &[a, b, c, d] => u32::from_le_bytes([a, b, c, d]),
            _ => return Ok(Found::Bad(RecordFault::CutShort, None)),
        };
        if to_usize(len) > MAX_PAYLOAD_BYTES {
            return Ok(Found::Bad(RecordFault::TooLong { len }, None));
        }
        let total = body_bytes(to_usize(len)) + HASH_BYTES;
        let bytes = self.get(offset, total)?;
        if bytes.len() < total {
            return Ok(Found::Bad(RecordFault::CutShort, None));
        }
        let frame = Frame::new(bytes);
        if frame.has_checksum(salt) {
            Ok(Found::Record(frame))
        } else {
            Ok(Found::Bad(RecordFault::Checksum, Some(frame)))
        }
    }
}

/// What stands where a record should begin.
pub(crate) enum Found<'b> {
    /// A record whose checksum is right.
    Record(Frame<'b>),
    /// The end of the file.
    End,
    /// Anything else; with the frame that the length field suggests, if there is room for one.
    Bad(RecordFault, Option<Frame<'b>>),
}

/// Strict steps over the records of one segment: checksum, sequence and chain must all be right.
pub(crate) struct Cursor<'s, S: ?Sized> {
    pub(crate) window: Window<'s, S>,
    pub(crate) salt: Salt,
    pub(crate) offset: u64,
    pub(crate) expected: u64,
    pub(crate) chain: ChainHash,
}

/// Why a [`Cursor`] stands still.
pub(crate) enum Ending {
    /// Nothing but zeros, or nothing at all, follows.
    Clean,
    /// An unfinished record of this many bytes, with nothing after it: what a crash leaves.
    Torn { bytes: u64, fault: RecordFault },
    /// A crash cannot leave this.
    Damaged(RecordFault),
}

impl<'s, S: ReadStorage + ?Sized> Cursor<'s, S> {
    pub(crate) fn new(window: Window<'s, S>, header: &Header) -> Self {
        Self {
            window,
            salt: header.salt(),
            offset: header.records_start(),
            expected: header.first_sequence,
            chain: header.hash(),
        }
    }

    /// Steps over the next record; `None` where [`Cursor::ending`] says why.
    pub(crate) fn step(&mut self) -> io::Result<Option<Frame<'_>>> {
        let Found::Record(frame) = self.window.examine(self.offset, self.salt)? else { return Ok(None) };
        if frame.sequence() != self.expected || frame.chain(self.chain) != frame.hash {
            return Ok(None);
        }
        self.chain = frame.hash;
        self.expected += 1;
        self.offset += frame.total_bytes();
        Ok(Some(frame))
    }

    /// Says what stands where the last step failed.
    pub(crate) fn ending(&mut self) -> io::Result<Ending> {
        let Some(end) = self.window.written_end(self.offset)? else { return Ok(Ending::Clean) };
        let fault = match self.window.examine(self.offset, self.salt)? {
            Found::Record(frame) if frame.sequence() != self.expected => {
                return Ok(Ending::Damaged(RecordFault::Sequence { found: frame.sequence() }));
            }
            Found::Record(frame) if !is_torn_hash(frame.hash, frame.chain(self.chain)) => {
                return Ok(Ending::Damaged(RecordFault::Chain));
            }
            Found::Record(_) => RecordFault::Chain,
            Found::End => RecordFault::CutShort,
            Found::Bad(fault, _) => fault,
        };
        let limit = self.max_sequence()?;
        match self.window.find_record(self.offset + 8, self.salt, limit)? {
            Some(_) => Ok(Ending::Damaged(fault)),
            None => Ok(Ending::Torn { bytes: end - self.offset, fault }),
        }
    }

    /// The highest sequence number a record in the rest of this segment can have.
    pub(crate) fn max_sequence(&self) -> io::Result<u64> {
        max_sequence(self.window.storage, self.window.segment, self.expected)
    }
}

/// The highest sequence number that fits in a segment when `expected` is the next one.
pub(crate) fn max_sequence<S: ReadStorage + ?Sized>(
    storage: &S,
    segment: u64,
    expected: u64,
) -> io::Result<u64> {
    let records = storage.segment_len(segment)? / to_u64(MIN_RECORD_BYTES);
    Ok(expected.saturating_add(records))
}

/// Whether `stored` is what a torn write leaves of `whole`: its beginning, then zeros.
fn is_torn_hash(stored: ChainHash, whole: ChainHash) -> bool {
    let same = stored.0.iter().zip(&whole.0).take_while(|(left, right)| left == right).count();
    same < HASH_BYTES && stored.0.iter().skip(same).all(|byte| *byte == 0)
}
