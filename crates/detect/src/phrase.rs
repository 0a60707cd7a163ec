//! Numbers and ranges in plain words.

use std::time::Duration;
use watchkeeper_model::Label;

/// Writes a number with about four significant digits and no trailing zeros.
pub(crate) fn plain(value: f64) -> String {
    let size = value.abs();
    if value.is_nan() {
        return "missing".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "infinite" } else { "minus infinite" }.to_owned();
    }
    if size >= 1e9 || (size < 1e-3 && size > 0.0) {
        return format!("{value:.3e}");
    }
    let decimals = match size {
        s if s >= 1_000.0 => 0,
        s if s >= 100.0 => 1,
        s if s >= 1.0 => 2,
        _ => 4,
    };
    short(&format!("{value:.decimals$}"))
}

/// Takes the zeros away that say nothing.
fn short(text: &str) -> String {
    if !text.contains('.') {
        return text.to_owned();
    }
    match text.trim_end_matches('0').trim_end_matches('.') {
        "-0" => "0".to_owned(),
        short => short.to_owned(),
    }
}

/// How numbers are written that are told together: what was observed, what was expected.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Figures<'a> {
    /// `None` where they are too large or too small to be written out.
    decimals: Option<usize>,
    unit: &'a Label,
}

impl<'a> Figures<'a> {
    /// Takes three significant digits of the largest, or as many as it takes to tell each from the others.
    pub(crate) fn new(numbers: impl IntoIterator<Item = f64>, unit: &'a Label) -> Self {
        let mut numbers: Vec<f64> = numbers.into_iter().filter(|number| number.is_finite()).collect();
        numbers.sort_by(f64::total_cmp);
        let largest = numbers.iter().fold(0.0, |largest: f64, number| largest.max(number.abs()));
        let pairs = numbers.iter().zip(numbers.iter().skip(1));
        let apart = pairs.map(|(one, next)| next - one).filter(|apart| *apart > 0.0);
        let places = apart.map(|apart| -magnitude(apart)).fold(0, i32::max);
        let decimals = match largest {
            0.0 => Some(0),
            1e-3..1e9 => usize::try_from(places.max(2 - magnitude(largest)))
                .ok()
                .map(|places| places.min(MOST_DECIMALS)),
            _ => None,
        };
        Self { decimals, unit }
    }

    /// Takes what tells a value from the ends of its range.
    pub(crate) fn of(value: f64, low: Option<f64>, high: Option<f64>, unit: &'a Label) -> Self {
        Self::new([Some(value), low, high].into_iter().flatten(), unit)
    }

    /// Writes a number without its unit.
    pub(crate) fn number(&self, value: f64) -> String {
        match self.decimals {
            Some(decimals) if value.abs() < 1e9 => short(&format!("{value:.decimals$}")),
            _ => plain(value),
        }
    }

    /// Writes a number with its unit, where it has one.
    pub(crate) fn measure(&self, value: f64) -> String {
        let number = self.number(value);
        if !value.is_finite() || self.unit.as_str().is_empty() {
            return number;
        }
        format!("{number} {}", self.unit)
    }

    /// Writes an allowed or expected range.
    pub(crate) fn range(&self, low: Option<f64>, high: Option<f64>) -> String {
        match (low, high) {
            (Some(low), Some(high)) if self.number(low) == self.number(high) => self.measure(high),
            (Some(low), Some(high)) => format!("{} to {}", self.number(low), self.measure(high)),
            (Some(low), None) => format!("at least {}", self.measure(low)),
            (None, Some(high)) => format!("at most {}", self.measure(high)),
            (None, None) => "anything".to_owned(),
        }
    }

    /// Rounds a number towards smaller ones, as it is written.
    pub(crate) fn down(&self, value: f64) -> f64 {
        let parts = self.decimals.map_or(1.0, |decimals| libm::pow(10.0, decimals as f64));
        let down = (value * parts).floor() / parts;
        if self.decimals.is_some() && down.is_finite() { down } else { value }
    }
}

/// More than that nobody reads.
const MOST_DECIMALS: usize = 9;

/// Returns the power of ten of a number's first digit.
#[expect(clippy::cast_possible_truncation, reason = "powers of ten of doubles are within 400")]
fn magnitude(number: f64) -> i32 {
    libm::log10(number).floor() as i32
}

/// Writes a count with its noun: `1 decision is`, `3 decisions are`.
pub(crate) fn counted(count: u64, one: &str, several: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { several })
}

/// Writes a span in seconds.
pub(crate) fn span(span: Duration) -> String {
    format!("{} s", plain(span.as_secs_f64()))
}

/// Bounds a number so that an explanation stays finite; NaN becomes zero.
pub(crate) fn finite(value: f64) -> f64 {
    if value.is_nan() { 0.0 } else { value.clamp(f64::MIN, f64::MAX) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_as_people_write_them() {
        for (value, text) in [
            (3.1, "3.1"),
            (-9.204, "-9.2"),
            (1000.4, "1000"),
            (100.0, "100"),
            (0.0, "0"),
            (-0.000_01, "-1.000e-5"),
            (0.25, "0.25"),
        ] {
            assert_eq!(plain(value), text);
        }
        assert_eq!(plain(f64::NAN), "missing");
    }

    #[test]
    fn what_was_observed_is_told_from_what_was_expected() {
        let unit = Label::cut("m/s");
        let written = |value: f64, low: f64, high: f64| {
            let figures = Figures::of(value, Some(low), Some(high), &unit);
            (figures.measure(value), figures.range(Some(low), Some(high)))
        };
        for (value, low, high, shown, range) in [
            (15.5, 11.8, 13.9, "15.5 m/s", "11.8 to 13.9 m/s"),
            (13.900_4, 11.8, 13.9, "13.9004 m/s", "11.8 to 13.9 m/s"),
            (20_123.4, 20_120.0, 20_122.0, "20123 m/s", "20120 to 20122 m/s"),
            (6.0, 5.0, 5.0, "6 m/s", "5 m/s"),
            (f64::NAN, 0.0, 0.0, "missing", "0 m/s"),
            (0.000_05, 0.0, 0.000_01, "5.000e-5 m/s", "0 to 1.000e-5 m/s"),
        ] {
            assert_eq!(written(value, low, high), (shown.to_owned(), range.to_owned()));
        }
        let figures = Figures::of(15.5, None, Some(13.9), &unit);
        assert_eq!(figures.range(None, Some(13.9)), "at most 13.9 m/s");
        assert_eq!(figures.number(figures.down(13.99)), "13.9");
    }
}
