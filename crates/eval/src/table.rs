//! Anybody's table of numbers over time: CSV as it comes out of other programs, read row by row.
//!
//! The first column says when, every other column of numbers is a signal. Separator, header and kind of time are found from
//! the first rows; what cannot be read is an error with its line, or has one meaning that is written here. A record and the
//! number of columns are bounded, so that memory is too, however long the file or a line of it is.
//!
//! | in the file | what it means |
//! |---|---|
//! | nothing, `NA`, `NaN`, `null`, `none`, `-`, `?` in a signal | missing: NaN |
//! | `inf`, or a number too large for a float | missing, counted apart |
//! | words all the way through the first rows | the column is left out |
//! | words in a column of numbers | an error |
//! | a column with one of the [names of labels](is_label) | left out |
//! | times that go back, or repeat | rows stay in the order of the file; counted |
//! | an empty line | skipped |

mod cell;
mod error;
mod records;
mod sniff;
mod time;

pub use cell::{LABELS, is_label, value};
pub use error::TableError;
pub use time::{TimeKind, Unit, seconds};

use records::{Record, Records};
use std::io::{self, BufReader, Cursor, Read};

/// Most signals of a table.
pub const MAX_SIGNALS: usize = 1_024;
/// Most columns of a table: the time, signals, labels and words.
pub const MAX_COLUMNS: usize = 4_096;
/// Most bytes of a record. Columns of 256 bytes each, all of them, have room.
pub const MAX_RECORD_BYTES: usize = 1 << 20;

/// What is asked of the input at once.
const CHUNK_BYTES: usize = 64 * 1024;

/// What a column is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// When: the first column.
    Time,
    /// A signal.
    Signal,
    /// Left out: it has the name of a label.
    Label,
    /// Left out: it has words and no number in the first rows.
    Words,
    /// Left out, as the caller wished.
    Ignored,
}

/// A column of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name in the header, or `column 2`; no two have the same.
    pub name: String,
    /// What it is for.
    pub role: Role,
}

/// What the caller knows of the columns.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wishes {
    /// Names of columns to leave out.
    pub ignore: Vec<String>,
    /// Names of columns that are signals though they are called like labels.
    pub keep: Vec<String>,
}

/// One row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Row<'a> {
    /// The line that it begins in, from 1.
    pub line: u64,
    /// Its time as it is written, without blanks around it.
    pub time: &'a str,
    /// Its time in seconds, since 1970 or since whatever the file counts from; `None` where rows are only numbered.
    pub at_secs: Option<f64>,
    /// What the first column says: the time in seconds, or the number of the row.
    pub position: f64,
    /// The signals, in the order of the file; NaN where one is missing, never infinite.
    pub values: &'a [f64],
    record: Record<'a>,
}

impl<'a> Row<'a> {
    /// Returns what is written in a column, without quotes and without blanks around it.
    pub fn cell(&self, column: usize) -> &'a [u8] {
        self.record.get(column)
    }
}

/// What was met so far that does not stop a reading.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Rows.
    pub rows: u64,
    /// Cells of signals that were missing.
    pub missing: u64,
    /// Cells of signals that were infinite, and taken as missing.
    pub infinite: u64,
    /// Rows before the row above them.
    pub backwards: u64,
    /// The line of the first of these.
    pub first_backwards: Option<u64>,
    /// Rows at the time of the row above them.
    pub repeated: u64,
}

impl Tally {
    fn count(&mut self, position: f64, last: Option<f64>, line: u64) {
        self.rows += 1;
        if last.is_some_and(|last| position < last) {
            self.backwards += 1;
            self.first_backwards.get_or_insert(line);
        }
        self.repeated += u64::from(last.is_some_and(|last| position.total_cmp(&last).is_eq()));
    }
}

/// A table that is read row by row.
pub struct Table<R> {
    records: Records<io::Chain<Cursor<Vec<u8>>, BufReader<R>>>,
    columns: Vec<Column>,
    separator: u8,
    time: TimeKind,
    interval_secs: Option<f64>,
    signals: Vec<usize>,
    values: Vec<f64>,
    last: Option<f64>,
    tally: Tally,
}

impl<R: Read> Table<R> {
    /// Reads as much as it takes to know the columns: at most [`MAX_RECORD_BYTES`].
    ///
    /// # Errors
    /// Where this is no table of numbers over time, or has more than [`MAX_SIGNALS`] signals.
    pub fn open(input: R, wishes: &Wishes) -> Result<Self, TableError> {
        let mut input = BufReader::with_capacity(CHUNK_BYTES, input);
        let mut sample = Vec::new();
        input.by_ref().take(MAX_RECORD_BYTES as u64).read_to_end(&mut sample)?;
        let is_whole = sample.len() < MAX_RECORD_BYTES;
        let sniffed = sniff::sniff(&sample, is_whole, wishes)?;
        let signals: Vec<usize> = sniffed
            .columns
            .iter()
            .enumerate()
            .filter(|(_, column)| column.role == Role::Signal)
            .map(|(index, _)| index)
            .collect();
        let mut records = Records::new(Cursor::new(sample).chain(input), sniffed.separator);
        if sniffed.has_header {
            records.advance()?;
        }
        Ok(Self {
            records,
            columns: sniffed.columns,
            separator: sniffed.separator,
            time: sniffed.time,
            interval_secs: sniffed.interval_secs,
            values: Vec::with_capacity(signals.len()),
            signals,
            last: None,
            tally: Tally::default(),
        })
    }

    /// Returns the next row; `None` at the end.
    ///
    /// # Errors
    /// The first row that cannot be read, with its line. What comes after one is not defined.
    pub fn next_row(&mut self) -> Result<Option<Row<'_>>, TableError> {
        if !self.records.advance()? {
            return Ok(None);
        }
        let record = self.records.record();
        let line = record.line;
        if record.len() != self.columns.len() {
            return Err(TableError::FieldCount { line, found: record.len(), expected: self.columns.len() });
        }
        let cell = record.get(0);
        let position = self.time.read(cell, self.separator).ok_or_else(|| match cell {
            [] => TableError::NoTime { line },
            _ => TableError::Time { line, text: error::excerpt(cell), kind: self.time },
        })?;
        // What is a time is UTF-8.
        let time = str::from_utf8(cell).unwrap_or_default();
        self.values.clear();
        for index in &self.signals {
            let cell = record.get(*index);
            let value = cell::value(cell, self.separator).ok_or_else(|| TableError::Number {
                line,
                column: self.columns.get(*index).map(|column| column.name.clone()).unwrap_or_default(),
                text: error::excerpt(cell),
            })?;
            self.tally.missing += u64::from(value.is_nan());
            self.tally.infinite += u64::from(value.is_infinite());
            self.values.push(if value.is_finite() { value } else { f64::NAN });
        }
        let last = self.last.replace(position);
        self.tally.count(position, last, line);
        let at_secs = (self.time != TimeKind::RowNumber).then_some(position);
        Ok(Some(Row { line, time, at_secs, position, values: &self.values, record }))
    }

    /// Returns every column, in the order of the file.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// Returns the names of the signals, in the order of a row's values.
    pub fn signals(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().filter(|column| column.role == Role::Signal).map(|column| column.name.as_str())
    }

    /// Returns the byte between two cells.
    pub fn separator(&self) -> u8 {
        self.separator
    }

    /// Returns how the first column says when.
    pub fn time_kind(&self) -> TimeKind {
        self.time
    }

    /// Returns the usual time between two rows, the median of the first ones, above 0; `None` where rows are only numbered,
    /// or time does not pass.
    pub fn interval_secs(&self) -> Option<f64> {
        self.interval_secs
    }

    /// Returns what was met so far.
    pub fn tally(&self) -> Tally {
        self.tally
    }

    /// Returns how many bytes of the input were read, without those that wait in a buffer.
    pub fn bytes_read(&self) -> u64 {
        self.records.bytes_read()
    }
}
