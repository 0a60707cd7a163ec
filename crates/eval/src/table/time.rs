//! When a row was.

use super::cell;
use jiff::{Timestamp, civil::DateTime, tz::TimeZone};

/// Numbers from here on are counted from 1970, in the first unit in which they are before the year 5138.
const EPOCH: f64 = 1e8;

/// What an epoch is counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Seconds.
    Seconds,
    /// Thousandths.
    Millis,
    /// Millionths.
    Micros,
    /// Billionths.
    Nanos,
}

impl Unit {
    fn per_second(self) -> f64 {
        match self {
            Self::Seconds => 1.0,
            Self::Millis => 1e3,
            Self::Micros => 1e6,
            Self::Nanos => 1e9,
        }
    }
}

/// How the first column says when. The first rows decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeKind {
    /// RFC 3339, or a date with or without a time of day, which is taken as UTC.
    Calendar,
    /// Since the beginning of 1970, UTC.
    Epoch(Unit),
    /// Seconds since something else: numbers below 100 million.
    Elapsed,
    /// Whole numbers that rise by one: rows are numbered, and no time passes.
    RowNumber,
}

impl TimeKind {
    /// Finds the kind by the cells of the first rows; missing ones say nothing.
    pub(super) fn of(cells: &[&[u8]], separator: u8) -> Self {
        let said: Vec<&[u8]> = cells.iter().copied().filter(|cell| !cell.is_empty()).collect();
        let Some(first) = said.first().and_then(|cell| finite(cell, separator)) else {
            return Self::Calendar;
        };
        if first.abs() >= EPOCH {
            let units = [Unit::Seconds, Unit::Millis, Unit::Micros];
            let unit = units.into_iter().find(|unit| first.abs() < 1e3 * EPOCH * unit.per_second());
            return Self::Epoch(unit.unwrap_or(Unit::Nanos));
        }
        let numbers: Vec<f64> = said.iter().filter_map(|cell| finite(cell, separator)).collect();
        let is_next = |pair: &[f64]| matches!(pair, [a, b] if (b - a).total_cmp(&1.0).is_eq());
        let are_whole = numbers.iter().all(|number| number.fract().abs() <= 0.0);
        if numbers.len() == said.len() && are_whole && numbers.windows(2).all(is_next) {
            Self::RowNumber
        } else {
            Self::Elapsed
        }
    }

    /// Reads a time as seconds, or the number of a row; `None` where it is none of this kind. The separator is that of the
    /// table: a comma may be the decimal point where it is another.
    pub fn read(self, cell: &[u8], separator: u8) -> Option<f64> {
        match self {
            Self::Calendar => calendar(cell),
            Self::Epoch(unit) => finite(cell, separator).map(|number| number / unit.per_second()),
            Self::Elapsed | Self::RowNumber => finite(cell, separator),
        }
    }

    /// Returns what a time of this kind looks like.
    pub fn words(self) -> &'static str {
        match self {
            Self::Calendar => "RFC 3339, `YYYY-MM-DD HH:MM:SS` with or without a fraction, or `YYYY-MM-DD`",
            Self::Epoch(Unit::Seconds) => "seconds since 1970, as in the rows above",
            Self::Epoch(Unit::Millis) => "milliseconds since 1970, as in the rows above",
            Self::Epoch(Unit::Micros) => "microseconds since 1970, as in the rows above",
            Self::Epoch(Unit::Nanos) => "nanoseconds since 1970, as in the rows above",
            Self::Elapsed => "a number of seconds, as in the rows above",
            Self::RowNumber => "the number of a row, as in the rows above",
        }
    }
}

/// Returns a time in seconds where it is a number of them, or as [`TimeKind::Calendar`] has it.
pub fn seconds(cell: &[u8], separator: u8) -> Option<f64> {
    finite(cell, separator).or_else(|| calendar(cell))
}

fn finite(cell: &[u8], separator: u8) -> Option<f64> {
    cell::number(cell, separator).filter(|number| number.is_finite())
}

fn calendar(cell: &[u8]) -> Option<f64> {
    let text = str::from_utf8(cell).ok()?;
    // The other way round an offset would be read and forgotten.
    let timestamp = text.parse::<Timestamp>().ok().or_else(|| {
        let civil = text.parse::<DateTime>().ok()?;
        civil.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
    })?;
    Some(timestamp.as_nanosecond() as f64 / 1e9)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(cells: &[&str]) -> TimeKind {
        TimeKind::of(&cells.iter().map(|cell| cell.as_bytes()).collect::<Vec<_>>(), b',')
    }

    #[test]
    fn the_first_rows_say_what_is_counted() {
        assert_eq!(kind(&["2024-01-01", "2024-01-02"]), TimeKind::Calendar);
        assert_eq!(kind(&["1700000000", "1700000060"]), TimeKind::Epoch(Unit::Seconds));
        assert_eq!(kind(&["1700000000000"]), TimeKind::Epoch(Unit::Millis));
        assert_eq!(kind(&["1700000000000000"]), TimeKind::Epoch(Unit::Micros));
        assert_eq!(kind(&["1700000000000000000"]), TimeKind::Epoch(Unit::Nanos));
        assert_eq!(kind(&["0", "0.5", "1"]), TimeKind::Elapsed);
        assert_eq!(kind(&["0", "60", "120"]), TimeKind::Elapsed);
        assert_eq!(kind(&["7", "8", "9"]), TimeKind::RowNumber);
        assert_eq!(kind(&["7"]), TimeKind::RowNumber);
    }

    #[test]
    fn a_time_is_read_in_seconds() {
        for (kind, text, expected) in [
            (TimeKind::Calendar, "2013-12-02 21:15:00", Some(1_386_018_900.0)),
            (TimeKind::Calendar, "2013-12-02T21:15:00.5", Some(1_386_018_900.5)),
            (TimeKind::Calendar, "2013-12-02T22:15:01+01:00", Some(1_386_018_901.0)),
            (TimeKind::Calendar, "2013-12-02T21:15:01Z", Some(1_386_018_901.0)),
            (TimeKind::Calendar, "1970-01-02", Some(86_400.0)),
            (TimeKind::Calendar, "02/12/2013", None),
            (TimeKind::Calendar, "17", None),
            (TimeKind::Epoch(Unit::Millis), "1700000000500", Some(1_700_000_000.5)),
            (TimeKind::Epoch(Unit::Millis), "2024-01-01", None),
            (TimeKind::Elapsed, "inf", None),
            (TimeKind::Elapsed, "nan", None),
        ] {
            assert_eq!(kind.read(text.as_bytes(), b','), expected, "{text}");
        }
    }
}
