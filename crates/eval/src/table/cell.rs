//! What is written in one cell.

/// Cells that say that there is no value, in small letters.
const MISSING: [&[u8]; 8] = [b"", b"na", b"n/a", b"nan", b"null", b"none", b"-", b"?"];

/// Names of columns that hold what a detector is to find, in small letters with `_` between words.
pub const LABELS: [&str; 19] = [
    "label",
    "labels",
    "anomaly",
    "is_anomaly",
    "attack",
    "is_attack",
    "outlier",
    "is_outlier",
    "changepoint",
    "change_point",
    "target",
    "class",
    "ground_truth",
    "groundtruth",
    "y_true",
    "fraud",
    "is_fraud",
    "tx_fraud",
    "tx_fraud_scenario",
];

/// Returns whether a column's name is one of [`LABELS`]; letters may be large, words may be joined by `-`, `.` or a blank.
pub fn is_label(name: &str) -> bool {
    let plain = |c: char| if matches!(c, ' ' | '-' | '.') { '_' } else { c.to_ascii_lowercase() };
    let name: String = name.trim().chars().map(plain).collect();
    LABELS.contains(&name.as_str())
}

/// Returns whether a cell says that there is no value.
pub(super) fn is_missing(cell: &[u8]) -> bool {
    MISSING.iter().any(|missing| missing.eq_ignore_ascii_case(cell))
}

/// Returns the number in a cell, which may be infinite; `None` where it is none, or missing.
///
/// A comma may stand for the decimal point where it does not separate cells.
pub(super) fn number(cell: &[u8], separator: u8) -> Option<f64> {
    let text = str::from_utf8(cell).ok()?;
    let number = text.parse().ok().or_else(|| {
        let has_decimal_comma = separator != b',' && !text.contains('.');
        has_decimal_comma.then(|| text.replacen(',', ".", 1).parse().ok()).flatten()
    });
    number.filter(|number: &f64| !number.is_nan())
}

/// Returns the value in a cell: NaN where it is missing, infinite where it is; `None` where it is no number.
///
/// A comma may stand for the decimal point where it does not separate cells.
pub fn value(cell: &[u8], separator: u8) -> Option<f64> {
    number(cell, separator).or_else(|| is_missing(cell).then_some(f64::NAN))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_a_number_or_missing_or_neither() {
        for (cell, separator, expected) in [
            ("1.5", b',', Some(1.5)),
            ("-1e3", b',', Some(-1_000.0)),
            ("1,5", b';', Some(1.5)),
            ("1,5", b',', None),
            ("1.234,5", b';', None),
            ("1,234,5", b';', None),
            ("inf", b',', Some(f64::INFINITY)),
            ("-Infinity", b',', Some(f64::NEG_INFINITY)),
            ("1e999", b',', Some(f64::INFINITY)),
            ("on", b',', None),
            ("0x10", b',', None),
        ] {
            assert_eq!(value(cell.as_bytes(), separator), expected, "{cell}");
        }
        for cell in ["", "NA", "n/a", "NaN", "-nan", "Null", "NONE", "-", "?"] {
            assert!(value(cell.as_bytes(), b',').is_none_or(f64::is_nan), "{cell}");
            assert_eq!(value(cell.as_bytes(), b',').is_some(), cell != "-nan", "{cell}");
        }
        assert_eq!(value(b"\xff", b','), None);
    }

    #[test]
    fn labels_are_known_however_they_are_written() {
        for name in ["label", "Is Anomaly", "GROUND-TRUTH", " y.true ", "TX_FRAUD"] {
            assert!(is_label(name), "{name}");
        }
        for name in ["labelled", "temperature", "", "targets"] {
            assert!(!is_label(name), "{name}");
        }
    }
}
