//! Every alert of streams of numbers: made ones of several signals, and three series of the Numenta Anomaly Benchmark.

use crate::lint::{Card, findings};
use std::fmt::Write;
use watchkeeper_canary::labelled_data;
use watchkeeper_detect::{AlertContext, Channel, Scored, Stack, StackSettings};
use watchkeeper_eval::nab::Series;
use watchkeeper_model::{Label, SignalSpec};

/// Real series, for a machine, for people and for a computer.
const SERIES: [(&str, &str); 3] = [
    ("nab_machine_temperature", "realKnownCause/machine_temperature_system_failure.csv"),
    ("nab_nyc_taxi", "realKnownCause/nyc_taxi.csv"),
    ("nab_ec2_cpu_utilization", "realAWSCloudwatch/ec2_cpu_utilization_24ae8d.csv"),
];

fn specs(signals: &[(&str, &str)]) -> Vec<SignalSpec> {
    let spec = |(name, unit): &(&str, &str)| SignalSpec { name: Label::cut(name), unit: Label::cut(unit) };
    signals.iter().map(spec).collect()
}

/// Scores a stream and returns each alert with its row, counted from 0, and its sentence.
fn alerts<R: AsRef<[f64]>>(
    signals: &[SignalSpec],
    rows: &[R],
    since: impl Fn(usize) -> (String, Option<f64>),
) -> Vec<(usize, Scored, String)> {
    let mut stack = Stack::new(signals.len(), StackSettings::default()).unwrap();
    let mut alerts = Vec::new();
    for (row, values) in rows.iter().enumerate() {
        let (since, second) = since(row);
        let scored = stack.score(second, values.as_ref());
        if scored.alert {
            let context = AlertContext { signals, since: &since, rows: &rows[..=row] };
            alerts.push((row, scored, scored.sentence(&context).unwrap()));
        }
    }
    alerts
}

fn check(scored: &Scored, sentence: &str, signals: &[SignalSpec]) {
    let (lead, _) = scored.top[0].unwrap();
    let subject =
        signals.get(lead).map_or_else(|| format!("signal {}", lead + 1), |spec| spec.name.to_string());
    let card = Card {
        text: sentence.to_owned(),
        subjects: vec![subject],
        is_bounded: scored.why.is_some(),
        raised: None,
        next: sentence.lines().nth(1).unwrap_or_default().to_owned(),
    };
    let found = findings(&card);
    assert!(found.is_empty(), "{found:?}\n{sentence}");
}

/// Noise that is the same every time (splitmix64), -1 to 1.
fn noise(at: u64) -> f64 {
    let mut z = at.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
}

/// A pump: what flows through it is as fast as its pressure, and it warms up with neither.
fn pump(rows: u64) -> Vec<[f64; 3]> {
    let row = |at: u64| {
        let (pressure, own) = (4.0 + noise(3 * at), 0.02 * noise(3 * at + 1));
        [pressure, 12.0 * pressure + own, 55.0 + noise(3 * at + 2)]
    };
    (0..rows).map(row).collect()
}

fn pump_signals() -> Vec<SignalSpec> {
    specs(&[("pressure", "bar"), ("flow", "l/min"), ("temperature", "°C")])
}

/// Returns the first alert of a channel from a row on.
fn first(alerts: &[(usize, Scored, String)], from: usize, channel: Channel) -> (Scored, String) {
    let is_it = |(row, scored, _): &&(usize, Scored, String)| *row >= from && scored.channel == Some(channel);
    let (_, scored, sentence) = alerts.iter().find(is_it).unwrap_or_else(|| panic!("none among {alerts:?}"));
    (*scored, sentence.clone())
}

fn row_number(row: usize) -> (String, Option<f64>) {
    (format!("row {}", row + 1), None)
}

#[test]
fn a_signal_that_does_something_new_is_named_with_what_would_have_been_no_alert() {
    let mut rows = pump(3_000);
    rows[2_500..2_520].iter_mut().for_each(|row| row[2] = 78.0);
    let signals = pump_signals();
    let (scored, sentence) = first(&alerts(&signals, &rows, row_number), 2_500, Channel::Novelty);
    check(&scored, &sentence, &signals);
    insta::assert_snapshot!("stream_novelty", sentence);
}

#[test]
fn signals_that_leave_their_usual_place_together_are_named_with_their_shares() {
    let mut rows = pump(3_000);
    for (at, row) in rows[2_500..].iter_mut().enumerate() {
        (row[0], row[1]) = (row[0] + 0.004 * at as f64, row[1] + 0.048 * at as f64);
    }
    let signals = pump_signals();
    let (scored, sentence) = first(&alerts(&signals, &rows, row_number), 2_500, Channel::Joint);
    check(&scored, &sentence, &signals);
    insta::assert_snapshot!("stream_together", sentence);
}

#[test]
fn a_signal_that_drifts_away_by_itself_is_named() {
    let mut rows = pump(3_000);
    for (at, row) in rows[2_500..].iter_mut().enumerate() {
        row[2] += 0.01 * at as f64;
    }
    let signals = pump_signals();
    let (scored, sentence) = first(&alerts(&signals, &rows, row_number), 2_500, Channel::Joint);
    check(&scored, &sentence, &signals);
    insta::assert_snapshot!("stream_drift", sentence);
}

#[test]
fn what_is_not_known_is_left_out() {
    let mut rows = pump(3_000);
    rows[2_500..2_520].iter_mut().for_each(|row| row[2] = 78.0);
    rows[2_498][2] = f64::NAN;
    let alerts = alerts(&pump_signals(), &rows, row_number);
    let (mut scored, _) = first(&alerts, 2_500, Channel::Novelty);
    scored.why = None;
    let context = AlertContext { signals: &[], since: "row 2501", rows: &rows[..2_501] };
    let sentence = scored.sentence(&context).unwrap();
    check(&scored, &sentence, &[]);
    insta::assert_snapshot!("stream_unnamed", sentence);
    let nothing = Scored { channel: None, ..scored };
    assert_eq!(nothing.sentence(&context), None);
}

#[test]
fn every_alert_of_three_real_series_reads_like_a_sentence() {
    let Some(folder) = labelled_data("nab") else { return };
    let signals = specs(&[("value", "")]);
    for (file, name) in SERIES {
        let series = Series::open(&folder, name).unwrap();
        let rows: Vec<[f64; 1]> = series.rows.iter().map(|row| [row.value]).collect();
        let since = |row: usize| (series.rows[row].time.clone(), series.rows[row].at_secs());
        let mut page = String::new();
        for (_, scored, sentence) in alerts(&signals, &rows, since) {
            check(&scored, &sentence, &signals);
            writeln!(page, "{sentence}\n").unwrap();
        }
        insta::assert_snapshot!(file, page);
    }
}
