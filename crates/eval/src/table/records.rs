//! Records of CSV, each within a bound: `csv-core`, which leaves buffers to its caller, around a reader.

use super::{MAX_COLUMNS, MAX_RECORD_BYTES, TableError};
use csv_core::{ReadRecordResult, Reader, ReaderBuilder};
use std::io::{self, BufRead};

/// Room for the text of a record at first; it grows to [`MAX_RECORD_BYTES`].
const FIRST_TEXT_BYTES: usize = 4 * 1024;
/// Room for cells at first; it grows to one more than [`MAX_COLUMNS`], so that too many can be told from just as many.
const FIRST_CELLS: usize = 64;

/// Records, one after the other.
pub(super) struct Records<R> {
    input: R,
    core: Reader,
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

impl<R: BufRead> Records<R> {
    pub(super) fn new(input: R, separator: u8) -> Self {
        Self {
            input,
            core: ReaderBuilder::new().delimiter(separator).build(),
            is_at_end: false,
            text: vec![0; FIRST_TEXT_BYTES],
            ends: vec![0; FIRST_CELLS],
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
            let input = fill(&mut self.input)?;
            self.is_at_end = input.is_empty();
            let room = self.text.get_mut(text..).unwrap_or_default();
            let ends = self.ends.get_mut(columns..).unwrap_or_default();
            let (result, read, written, ended) = self.core.read_record(input, room, ends);
            self.input.consume(read);
            self.bytes += read as u64;
            text += written;
            columns += ended;
            match result {
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::OutputFull if self.text.len() < MAX_RECORD_BYTES => {
                    self.text.resize((self.text.len() * 2).min(MAX_RECORD_BYTES), 0);
                }
                ReadRecordResult::OutputFull => return Err(TableError::LongRecord { line: self.line }),
                ReadRecordResult::OutputEndsFull if self.ends.len() <= MAX_COLUMNS => {
                    self.ends.resize((self.ends.len() * 2).min(MAX_COLUMNS + 1), 0);
                }
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

    /// Returns whether the record ended because the input did.
    pub(super) fn is_at_end(&self) -> bool {
        self.is_at_end
    }

    pub(super) fn bytes_read(&self) -> u64 {
        self.bytes
    }

    /// Skips the rest of a line end and empty lines, so that the line of a record is the one it begins in.
    fn skip_line_ends(&mut self) -> Result<(), TableError> {
        loop {
            let input = fill(&mut self.input)?;
            let ends = input.iter().take_while(|byte| matches!(byte, b'\n' | b'\r'));
            let (count, lines) =
                ends.fold((0, 0), |(count, lines), byte| (count + 1, lines + u64::from(*byte == b'\n')));
            let is_done = count < input.len() || input.is_empty();
            self.input.consume(count);
            self.bytes += count as u64;
            self.skipped += lines;
            if is_done {
                return Ok(());
            }
        }
    }
}

/// Returns what is in the buffer, filled again where it was used up; nothing at the end.
fn fill(input: &mut impl BufRead) -> io::Result<&[u8]> {
    while let Err(error) = input.fill_buf() {
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
    input.fill_buf()
}
