//! Records of CSV, each within a bound: `csv-core`, which leaves buffers to its caller, around a reader.

use super::{MAX_COLUMNS, MAX_RECORD_BYTES, TableError};
use csv_core::{ReadRecordResult, ReaderBuilder};
use std::io::Read;

/// What is asked of the input at once.
const CHUNK_BYTES: usize = 64 * 1024;
/// Room for the text of a record at first; it grows to [`MAX_RECORD_BYTES`].
const FIRST_TEXT_BYTES: usize = 4 * 1024;

/// Records, one after the other.
pub(super) struct Records<R> {
    input: R,
    core: csv_core::Reader,
    chunk: Vec<u8>,
    /// What of the chunk is still to be read.
    next: usize,
    filled: usize,
    is_at_end: bool,
    text: Vec<u8>,
    ends: Vec<usize>,
    columns: usize,
    /// Line ends that the reader did not see.
    skipped: u64,
    line: u64,
    bytes: u64,
}

/// One record: its cells without quotes and without blanks around them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Record<'a> {
    /// The line that it begins in, from 1.
    pub(super) line: u64,
    text: &'a [u8],
    ends: &'a [usize],
}

impl<'a> Record<'a> {
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// Returns a cell; behind the last one there are empty ones.
    pub(super) fn get(&self, index: usize) -> &'a [u8] {
        let Some(end) = self.ends.get(index) else { return &[] };
        let start = index.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or(0);
        self.text.get(start..*end).unwrap_or_default().trim_ascii()
    }

    pub(super) fn cells(self) -> impl Iterator<Item = &'a [u8]> {
        (0..self.len()).map(move |index| self.get(index))
    }
}

impl<R: Read> Records<R> {
    pub(super) fn new(input: R, separator: u8) -> Self {
        Self {
            input,
            core: ReaderBuilder::new().delimiter(separator).build(),
            chunk: vec![0; CHUNK_BYTES],
            next: 0,
            filled: 0,
            is_at_end: false,
            text: vec![0; FIRST_TEXT_BYTES],
            // One more than is allowed, so that too many can be told from just as many.
            ends: vec![0; MAX_COLUMNS + 1],
            columns: 0,
            skipped: 0,
            line: 0,
            bytes: 0,
        }
    }

    /// Goes to the next record; false at the end.
    pub(super) fn advance(&mut self) -> Result<bool, TableError> {
        self.skip_line_ends()?;
        self.line = self.skipped + self.core.line();
        let (mut text, mut columns) = (0, 0);
        loop {
            self.fill()?;
            let input = self.chunk.get(self.next..self.filled).unwrap_or_default();
            let room = self.text.get_mut(text..).unwrap_or_default();
            let ends = self.ends.get_mut(columns..).unwrap_or_default();
            let (result, read, written, ended) = self.core.read_record(input, room, ends);
            self.next += read;
            self.bytes += read as u64;
            text += written;
            columns += ended;
            match result {
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::OutputFull if self.text.len() < MAX_RECORD_BYTES => {
                    self.text.resize((self.text.len() * 2).min(MAX_RECORD_BYTES), 0);
                }
                ReadRecordResult::OutputFull => return Err(TableError::LongRecord { line: self.line }),
                ReadRecordResult::OutputEndsFull => {
                    return Err(TableError::TooManyColumns { line: self.line });
                }
                ReadRecordResult::Record if columns > MAX_COLUMNS => {
                    return Err(TableError::TooManyColumns { line: self.line });
                }
                ReadRecordResult::Record => {
                    self.columns = columns;
                    return Ok(true);
                }
                ReadRecordResult::End => return Ok(false),
            }
        }
    }

    /// Returns the record that was gone to.
    pub(super) fn record(&self) -> Record<'_> {
        Record { line: self.line, text: &self.text, ends: self.ends.get(..self.columns).unwrap_or_default() }
    }

    /// Returns whether nothing is left, not even in the buffer.
    pub(super) fn is_at_end(&self) -> bool {
        self.is_at_end
    }

    pub(super) fn bytes_read(&self) -> u64 {
        self.bytes
    }

    /// Skips the rest of a line end and empty lines, so that the line of a record is the one it begins in.
    fn skip_line_ends(&mut self) -> Result<(), TableError> {
        loop {
            self.fill()?;
            let rest = self.chunk.get(self.next..self.filled).unwrap_or_default();
            let ends = rest.iter().take_while(|byte| matches!(byte, b'\n' | b'\r'));
            let (count, lines) =
                ends.fold((0, 0), |(count, lines), byte| (count + 1, lines + u64::from(*byte == b'\n')));
            self.next += count;
            self.bytes += count as u64;
            self.skipped += lines;
            if self.is_at_end || self.next < self.filled {
                return Ok(());
            }
        }
    }

    /// Reads on where the chunk is used up.
    fn fill(&mut self) -> Result<(), TableError> {
        if self.next < self.filled || self.is_at_end {
            return Ok(());
        }
        self.next = 0;
        self.filled = loop {
            match self.input.read(&mut self.chunk) {
                Ok(read) => break read,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.filled = 0;
                    return Err(error.into());
                }
            }
        };
        self.is_at_end = self.filled == 0;
        Ok(())
    }
}
