//! Tables that somebody brings: read, some twice in different pieces.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    io::{self, Read},
};
use watchkeeper_eval::table::{MAX_COLUMNS, MAX_SIGNALS, Table, TableError, Tally, Wishes};

/// Reads `input` as a table, whole and in pieces.
pub(crate) fn run(input: &[u8]) {
    let words = |read: Result<_, TableError>| read.map_err(|error| error.to_string());
    let whole = words(read(input));
    // A quarter of them, for speed.
    if input.len().is_multiple_of(4) {
        let pieces = words(read(Pieces { rest: input, piece: 1 + input.len() % 7 }));
        assert_eq!(whole, pieces, "it matters in which pieces a file comes");
    }
    if let Err(words) = &whole {
        let steers =
            |c: char| c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        assert!(!words.chars().any(steers), "a file steers a terminal: {words:?}");
    }
}

/// Returns what came of a table, in a form that can be compared: of all rows line, time and values, hashed.
fn read(input: impl Read) -> Result<(Tally, u64), TableError> {
    let mut table = Table::open(input, &Wishes::default())?;
    let signals = table.signals().count();
    assert!((1..=MAX_SIGNALS).contains(&signals) && table.columns().len() <= MAX_COLUMNS);
    assert!(table.interval_secs().is_none_or(|secs| secs > 0.0 && secs.is_finite()));
    let mut rows = DefaultHasher::new();
    while let Some(row) = table.next_row()? {
        assert_eq!(row.values.len(), signals);
        assert!(row.values.iter().all(|value| !value.is_infinite()));
        assert!(
            row.position.is_finite() && row.at_secs.is_none_or(|at| at.to_bits() == row.position.to_bits())
        );
        (row.line, row.time, row.position.to_bits()).hash(&mut rows);
        for value in row.values {
            value.to_bits().hash(&mut rows);
        }
    }
    assert!(table.tally().rows > 0, "a table has a row");
    Ok((table.tally(), rows.finish()))
}

/// Gives a few bytes at a time.
struct Pieces<'a> {
    rest: &'a [u8],
    piece: usize,
}

impl Read for Pieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = buffer.len().min(self.rest.len()).min(self.piece);
        let (now, rest) = self.rest.split_at(count);
        self.rest = rest;
        for (to, from) in buffer.iter_mut().zip(now) {
            *to = *from;
        }
        Ok(count)
    }
}
