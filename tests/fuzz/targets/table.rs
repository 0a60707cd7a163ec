//! Tables that somebody brings: read, some twice in different pieces, and scored.

use std::io::{self, Read};
use watchkeeper_detect::{Stack, StackSettings};
use watchkeeper_eval::table::{MAX_COLUMNS, MAX_SIGNALS, Table, TableError, Wishes};

/// More signals or rows than that would test the same again, slower.
const MAX_SCORED_SIGNALS: usize = 8;
const MAX_SCORED: usize = 500;

/// Reads `input` as a table, whole and in pieces, and scores what is read.
pub(crate) fn run(input: &[u8]) {
    let whole = read(input);
    // A quarter of them, for speed.
    if input.len().is_multiple_of(4) {
        let pieces = read(Pieces { rest: input, piece: 1 + input.len() % 7 });
        assert_eq!(whole, pieces, "it matters in which pieces a file comes");
    }
    if let Err(words) = &whole {
        let steers =
            |c: char| c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        assert!(!words.chars().any(steers), "a file steers a terminal: {words:?}");
    }
}

/// What came of a table, in a form that can be compared: of each row its line, time, values and score.
type Said = Result<Vec<(u64, String, Vec<u64>, u64)>, String>;

fn read(input: impl Read) -> Said {
    let read = || -> Result<_, TableError> {
        let mut table = Table::open(input, &Wishes::default())?;
        let signals = table.signals().count();
        assert!((1..=MAX_SIGNALS).contains(&signals) && table.columns().len() <= MAX_COLUMNS);
        assert!(table.interval_secs().is_none_or(|secs| secs > 0.0 && secs.is_finite()));
        let settings = StackSettings { calibrate: 60, rows_per_false_alert: 100.0 };
        let is_scored = signals <= MAX_SCORED_SIGNALS;
        let mut stack =
            Stack::new(if is_scored { signals } else { 1 }, settings).expect("that many are allowed");
        let mut rows = Vec::new();
        let mut scored = 0;
        while let Some(row) = table.next_row()? {
            assert_eq!(row.values.len(), signals);
            assert!(row.values.iter().all(|value| !value.is_infinite()));
            assert!(row.at_secs.is_none_or(f64::is_finite));
            let bits = row.values.iter().map(|value| value.to_bits()).collect();
            scored += signals;
            if !is_scored || scored > MAX_SCORED {
                continue;
            }
            let score = stack.score(row.at_secs, row.values);
            assert!((0.0..=1.0).contains(&score.score), "{score:?}");
            assert!(
                score
                    .top
                    .iter()
                    .flatten()
                    .all(|(signal, share)| *signal < signals && (0.0..=1.0).contains(share)),
                "{score:?}"
            );
            rows.push((row.line, row.time.to_owned(), bits, score.score.to_bits()));
        }
        assert!(table.tally().rows > 0, "a table has a row");
        Ok(rows)
    };
    read().map_err(|error| error.to_string())
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
