//! Numbers and ranges in plain words.

use std::time::Duration;
use watchkeeper_model::Label;

/// Writes a number with about four significant digits and no trailing zeros.
pub(crate) fn plain(value: f64) -> String {
    let size = value.abs();
    if !value.is_finite() || size >= 1e9 || (size < 1e-3 && size > 0.0) {
        return format!("{value:.3e}").replace("NaN", "missing");
    }
    let decimals = match size {
        s if s >= 1_000.0 => 0,
        s if s >= 100.0 => 1,
        s if s >= 1.0 => 2,
        _ => 4,
    };
    let text = format!("{value:.decimals$}");
    if !text.contains('.') {
        return text;
    }
    match text.trim_end_matches('0').trim_end_matches('.') {
        "-0" => "0".to_owned(),
        short => short.to_owned(),
    }
}

/// Writes a number with its unit, where it has one.
pub(crate) fn measure(value: f64, unit: &Label) -> String {
    if unit.as_str().is_empty() { plain(value) } else { format!("{} {unit}", plain(value)) }
}

/// Writes an allowed or expected range.
pub(crate) fn range(low: Option<f64>, high: Option<f64>, unit: &Label) -> String {
    match (low, high) {
        (Some(low), Some(high)) => format!("{} to {}", plain(low), measure(high, unit)),
        (Some(low), None) => format!("at least {}", measure(low, unit)),
        (None, Some(high)) => format!("at most {}", measure(high, unit)),
        (None, None) => "anything".to_owned(),
    }
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
        assert_eq!(range(Some(11.8), Some(13.9), &Label::cut("m/s")), "11.8 to 13.9 m/s");
    }
}
