//! Why a table cannot be read: what, where and what to do.

use super::{MAX_COLUMNS, MAX_RECORD_BYTES, MAX_SIGNALS, TimeKind};
use std::io;
use thiserror::Error;

/// Most characters of a cell that an error repeats.
const EXCERPT: usize = 40;

/// Says why a file is no table of numbers over time.
#[derive(Debug, Error)]
pub enum TableError {
    /// The medium failed.
    #[error("reading the file: {0}")]
    Read(#[from] io::Error),
    /// There is nothing in it.
    #[error("the file is empty")]
    Empty,
    /// It is written in UTF-16.
    #[error("the file is in UTF-16: save it as UTF-8")]
    Utf16,
    /// There is only a header.
    #[error("a header and no row below it")]
    NoRows,
    /// There is only one column.
    #[error(
        "only one column, looking for commas, semicolons, tabs and bars between cells: the first column says when (row \
         numbers do), the others are signals"
    )]
    OneColumn,
    /// No column but the first has numbers.
    #[error("no column of numbers behind the first one, which says when{}", left_out(labels, words))]
    NoSignals {
        /// Columns that are called like labels.
        labels: Vec<String>,
        /// Columns of words.
        words: Vec<String>,
    },
    /// There are more signals than can be scored.
    #[error(
        "{found} signals, at most {MAX_SIGNALS} can be scored: leave columns out, or score them in parts"
    )]
    TooManySignals {
        /// How many.
        found: usize,
    },
    /// There are more columns than are read.
    #[error(
        "line {line}: more than {MAX_COLUMNS} columns, and at most {MAX_SIGNALS} signals can be scored: score them in parts"
    )]
    TooManyColumns {
        /// Where, from 1.
        line: u64,
    },
    /// A record is longer than is read.
    #[error(
        "line {line}: a record of more than {MAX_RECORD_BYTES} bytes; is there a quote that is not closed, or no line end?"
    )]
    LongRecord {
        /// Where it begins, from 1.
        line: u64,
    },
    /// A row has other columns than the first.
    #[error("line {line}: {found} cells, the first line has {expected}")]
    FieldCount {
        /// Where, from 1.
        line: u64,
        /// How many there are.
        found: usize,
        /// How many there should be.
        expected: usize,
    },
    /// A row does not say when.
    #[error("line {line}: no time in the first column")]
    NoTime {
        /// Where, from 1.
        line: u64,
    },
    /// A time cannot be read, or is of another kind than the first ones.
    #[error("line {line}: {text} in the first column is no time; expected {}", kind.words())]
    Time {
        /// Where, from 1.
        line: u64,
        /// What is written, cut.
        text: String,
        /// What the first rows have.
        kind: TimeKind,
    },
    /// Something else than a number is in a column of numbers.
    #[error("line {line}, column {column:?}: {text} is no number")]
    Number {
        /// Where, from 1.
        line: u64,
        /// The column's name.
        column: String,
        /// What is written, cut.
        text: String,
    },
    /// A column that was named is not there.
    #[error("no column is called {name:?}; there are {there}")]
    UnknownColumn {
        /// The name.
        name: String,
        /// The names of those behind the first.
        there: String,
    },
}

fn left_out(labels: &[String], words: &[String]) -> String {
    let part = |names: &[String], why: &str| match names {
        [] => String::new(),
        names => format!("; {} left out: {why}", names.join(", ")),
    };
    part(labels, "called like labels") + &part(words, "words")
}

/// Returns what is written in a cell, in quotes, short, and without anything that steers a terminal.
pub(super) fn excerpt(cell: &[u8]) -> String {
    let text = String::from_utf8_lossy(cell.get(..cell.len().min(4 * EXCERPT)).unwrap_or_default());
    let short: String = text.chars().take(EXCERPT).collect();
    let more = if short.len() < text.len() || cell.len() > 4 * EXCERPT { "..." } else { "" };
    format!("{short:?}{more}")
}
