//! Any CSV time series: the first column a time, the others numbers.
//!
//! Cells are read as in a [table](watchkeeper_eval::table). Rows are not: here a row that cannot be used is told and the next one
//! counts, since a replay goes on; the header is required, since its names are an agent's; and no column is left out.

use csv::{Position, ReaderBuilder, StringRecord, Trim};
use std::io::{self, BufRead, Cursor, Read};
use thiserror::Error;
use watchkeeper_eval::table::{seconds, value};
use watchkeeper_model::{Label, MAX_SIGNALS};

/// Separators that a header is searched for; where two occur as often, the earlier one counts.
const SEPARATORS: [u8; 3] = *b",;\t";
/// Most bytes of the first line: a file without line ends is no series.
const MAX_HEADER: u64 = 64 * 1024;

/// Says why a file is no series.
#[derive(Debug, Error)]
pub(crate) enum SeriesError {
    /// The medium failed.
    #[error("reading the file")]
    Io(#[from] io::Error),
    /// Something is wrong with the first line.
    #[error("line 1: {0}")]
    Header(String),
    /// The CSV reader gave up.
    #[error("reading the file")]
    Csv(#[from] csv::Error),
}

/// One moment of the series.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Row {
    /// Its time in seconds, since whatever the file counts from.
    pub(crate) at_secs: f64,
    /// The values, in the order of the signals; NaN where one is missing.
    pub(crate) values: Vec<f64>,
    /// How far in the file the row begins, in bytes.
    pub(crate) offset: u64,
}

/// A row that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BadRow {
    /// Where, from 1.
    pub(crate) line: u64,
    /// Why.
    pub(crate) reason: String,
}

/// A series that is read row by row.
pub(crate) struct Series<R> {
    reader: csv::Reader<R>,
    signals: Vec<String>,
    separator: u8,
    record: StringRecord,
}

/// The rest of an input behind its first line, with that line in front again.
pub(crate) type Rejoined<R> = io::Chain<Cursor<Vec<u8>>, R>;

impl<R: BufRead> Series<Rejoined<R>> {
    /// Reads the header: the separator (`,`, `;` or tab) and the names of the signals.
    pub(crate) fn new(mut input: R) -> Result<Self, SeriesError> {
        let mut first_line = Vec::new();
        input.by_ref().take(MAX_HEADER).read_until(b'\n', &mut first_line)?;
        let separator = separator(&first_line).ok_or_else(|| {
            SeriesError::Header(
                "no comma, semicolon or tab: the header names a time and the signals".to_owned(),
            )
        })?;
        let mut reader = ReaderBuilder::new()
            .delimiter(separator)
            .flexible(true)
            .trim(Trim::All)
            .from_reader(Cursor::new(first_line).chain(input));
        let headers = reader.headers()?.clone();
        let signals: Vec<String> =
            headers.iter().skip(1).map(|name| name.trim_start_matches('\u{feff}').to_owned()).collect();
        check_header(&headers, &signals)?;
        Ok(Self { reader, signals, separator, record: StringRecord::new() })
    }
}

impl<R: Read> Series<R> {
    /// Returns the names of the signals.
    pub(crate) fn signals(&self) -> &[String] {
        &self.signals
    }

    /// Returns the next row, or what is wrong with it; `None` at the end.
    ///
    /// # Errors
    /// When the file cannot be read further.
    pub(crate) fn next_row(&mut self) -> Result<Option<Result<Row, BadRow>>, SeriesError> {
        let more = match self.reader.read_record(&mut self.record) {
            Ok(more) => more,
            Err(error) => match (error.position().map(Position::line), error.is_io_error()) {
                (Some(line), false) => {
                    return Ok(Some(Err(BadRow { line, reason: "not text in UTF-8".to_owned() })));
                }
                (Some(_) | None, _) => return Err(error.into()),
            },
        };
        if !more {
            return Ok(None);
        }
        let line = self.record.position().map_or(0, Position::line);
        let offset = self.record.position().map_or(0, Position::byte);
        Ok(Some(self.parse(offset).map_err(|reason| BadRow { line, reason })))
    }

    fn parse(&self, offset: u64) -> Result<Row, String> {
        let expected = self.signals.len() + 1;
        if self.record.len() != expected {
            return Err(format!("{} fields, the header has {expected}", self.record.len()));
        }
        let mut cells = self.record.iter();
        let time = cells.next().unwrap_or_default();
        let at_secs = seconds(time.as_bytes(), self.separator).ok_or_else(|| {
            format!("{time:?} is no time (RFC 3339, YYYY-MM-DD HH:MM:SS, or a number of seconds)")
        })?;
        let values = cells.zip(&self.signals).map(|(cell, signal)| self.number(cell, signal));
        Ok(Row { at_secs, values: values.collect::<Result<_, _>>()?, offset })
    }

    fn number(&self, cell: &str, signal: &str) -> Result<f64, String> {
        let value = value(cell.as_bytes(), self.separator).filter(|value| !value.is_infinite());
        value.ok_or_else(|| format!("{signal}: {cell:?} is no number"))
    }

    /// Returns the bytes that the input has been read to.
    pub(crate) fn read_to(&self) -> u64 {
        self.reader.position().byte()
    }
}

fn check_header(headers: &StringRecord, signals: &[String]) -> Result<(), SeriesError> {
    if signals.len() > MAX_SIGNALS {
        let found = signals.len();
        return Err(SeriesError::Header(format!("{found} signals, an agent has at most {MAX_SIGNALS}")));
    }
    if headers.iter().skip(1).all(|name| name.parse::<f64>().is_ok()) {
        let reason = "numbers where the names of the signals belong: a header is required";
        return Err(SeriesError::Header(reason.to_owned()));
    }
    for name in signals {
        if name.is_empty() {
            return Err(SeriesError::Header("a signal without a name".to_owned()));
        }
        if name.len() > Label::LIMIT {
            return Err(SeriesError::Header(format!("{name:?} has more than {} bytes", Label::LIMIT)));
        }
        if signals.iter().filter(|other| *other == name).count() > 1 {
            return Err(SeriesError::Header(format!("two signals are called {name:?}")));
        }
    }
    Ok(())
}

/// Finds the separator that occurs most often outside of quotes.
fn separator(header: &[u8]) -> Option<u8> {
    let mut quoted = false;
    let mut counts = [0_u32; SEPARATORS.len()];
    for byte in header {
        quoted ^= *byte == b'"';
        for (count, separator) in counts.iter_mut().zip(SEPARATORS) {
            *count += u32::from(!quoted && *byte == separator);
        }
    }
    // The last maximum counts in `max_by_key`: search from behind, so that the earlier separator wins.
    let best = counts.into_iter().zip(SEPARATORS).rev().max_by_key(|(count, _)| *count);
    best.filter(|(count, _)| *count > 0).map(|(_, separator)| separator)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Vec<String>, Vec<Result<Row, BadRow>>) {
        let mut series = Series::new(text.as_bytes()).unwrap();
        let mut rows = Vec::new();
        while let Some(row) = series.next_row().unwrap() {
            rows.push(row);
        }
        (series.signals().to_vec(), rows)
    }

    fn refused(text: &str) -> String {
        match Series::new(text.as_bytes()) {
            Ok(_) => panic!("{text:?} was taken"),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn the_separator_is_found_also_beside_others_in_quotes() {
        assert_eq!(read("t,a,b\n0,1,2\n").0, ["a", "b"]);
        assert_eq!(read("t;\"a,x,y,z\";b\n0;1;2\n").0, ["a,x,y,z", "b"]);
        assert_eq!(read("t\ta\n0\t1\n").0, ["a"]);
    }

    #[test]
    fn times_are_numbers_or_dates() {
        let (_, rows) = read(
            "timestamp,value\n2013-12-02 21:15:00,1\n2013-12-02T21:15:00.5,1\n2013-12-02T22:15:01+01:00,1\n12.25,1\n",
        );
        let times: Vec<_> = rows.into_iter().map(|row| row.unwrap().at_secs).collect();
        assert_eq!(times, [1_386_018_900.0, 1_386_018_900.5, 1_386_018_901.0, 12.25]);
    }

    #[test]
    fn a_bad_row_names_its_line_and_the_next_one_counts() {
        let (_, rows) = read("t,a,b\n0,1,2\nlater,1,2\n2,x,2\n3,1\n4,inf,1\n5,1,2\n");
        let bad: Vec<_> = rows.iter().filter_map(|row| row.as_ref().err()).collect();
        assert_eq!(bad.iter().map(|bad| bad.line).collect::<Vec<_>>(), [3, 4, 5, 6]);
        assert!(bad[0].reason.contains("\"later\" is no time"), "{}", bad[0].reason);
        assert_eq!(bad[1].reason, "a: \"x\" is no number");
        assert_eq!(bad[2].reason, "2 fields, the header has 3");
        assert_eq!(rows.iter().filter(|row| row.is_ok()).count(), 2);
    }

    #[test]
    fn a_missing_value_is_not_a_number_and_not_a_bad_row() {
        let (_, rows) = read("t,a,b\n0,,NaN\n1,null,3\n");
        let first = rows[0].as_ref().unwrap();
        assert!(first.values.iter().all(|value| value.is_nan()));
        let second = rows[1].as_ref().unwrap();
        assert!(second.values[0].is_nan());
        assert_eq!(second.values[1..], [3.0]);
    }

    #[test]
    fn where_a_comma_does_not_separate_it_is_the_decimal_point() {
        for separator in [";", "\t"] {
            let (_, rows) = read(&"t;a\n0,5;1,5\n1;2.5\n".replace(';', separator));
            let rows: Vec<_> = rows.into_iter().map(|row| row.unwrap()).collect();
            let read: Vec<_> = rows.iter().map(|row| (row.at_secs, row.values[0])).collect();
            assert_eq!(read, [(0.5, 1.5), (1.0, 2.5)]);
        }
    }

    #[test]
    fn a_file_without_a_useful_header_is_refused_with_the_reason() {
        assert!(refused("just words\n1\n").contains("no comma, semicolon or tab"));
        assert!(refused("0,1,2\n1,2,3\n").contains("a header is required"));
        assert!(refused("t,a,a\n").contains("two signals are called \"a\""));
        let many: Vec<_> = (0..65).map(|index| format!("s{index}")).collect();
        assert!(refused(&format!("t,{}\n", many.join(","))).contains("65 signals, an agent has at most 64"));
    }
}
