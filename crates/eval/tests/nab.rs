//! The scorer against what is published, and against cases computed by hand.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::{fs, path::Path};
use watchkeeper_canary::labelled_data;
use watchkeeper_eval::nab::{
    Corpus, CorpusError, PROFILES, Profile, Row, Scores, Series, at, best, cross_fit, published, stored,
};

const STANDARD: Profile = PROFILES[0];

fn is_near(found: f64, expected: f64, within: f64) -> bool {
    (found - expected).abs() <= within
}

#[test]
fn the_stored_detectors_have_the_scores_that_are_known_of_them() {
    let Some(folder) = labelled_data("nab") else { return };
    let corpus = Corpus::open(&folder).unwrap();
    assert_eq!((corpus.series.len(), corpus.rows(), corpus.windows()), (58, 365_558, 116));
    // The official scorer's; the last is with each half's threshold taken from the other half.
    for (detector, expected, crossed) in
        [("numenta", [70.10, 63.21, 74.32], 66.8), ("randomCutForest", [51.72, 38.36, 59.75], 48.6)]
    {
        let scores = stored(&folder, detector, &corpus).unwrap();
        for (profile, expected) in PROFILES.into_iter().zip(expected) {
            let found = best(&corpus, &scores, profile).normalised;
            assert!(is_near(found, expected, 0.01), "{detector} {}: {found}, not {expected}", profile.name);
        }
        let found = cross_fit(&corpus, &scores, STANDARD).normalised;
        assert!(is_near(found, crossed, 0.06), "{detector}: {found}, not {crossed}");
    }
}

#[test]
fn no_alarm_at_all_is_0_and_an_alarm_every_400_rows_is_what_chance_is_worth() {
    let Some(folder) = labelled_data("nab") else { return };
    let corpus = Corpus::open(&folder).unwrap();
    let of = |score: fn(usize) -> f64| -> Scores {
        corpus.series.iter().map(|series| (0..series.rows.len()).map(score).collect()).collect()
    };
    let never = best(&corpus, &of(|_| f64::NAN), STANDARD);
    assert_eq!((never.normalised, never.found, never.threshold), (0.0, 0, f64::INFINITY));
    let blind = at(&corpus, &of(|row| f64::from(u8::from(row % 400 == 399))), STANDARD, 1.0);
    assert!(is_near(blind.normalised, 21.5, 0.1), "{}", blind.normalised);
    assert!(published(&folder).unwrap()["numenta"]["standard"] > 69.0);
}

/// A series of 1,000 rows, of which 150 are not scored, with windows of eleven rows each.
fn by_hand() -> Corpus {
    let rows = (0..1_000).map(|row| Row { time: format!("{row:04}"), value: 0.0 }).collect();
    let series = Series { name: "a.csv".to_owned(), rows, windows: vec![(300, 310), (600, 610)] };
    Corpus { series: vec![series] }
}

fn alarms(rows: &[usize]) -> Scores {
    vec![(0..1_000).map(|row| f64::from(u8::from(rows.contains(&row)))).collect()]
}

/// Of two windows a perfect detector has 2, none at all -2.
fn points(rows: &[usize], profile: Profile) -> f64 {
    let null = -2.0 * profile.false_negative;
    at(&by_hand(), &alarms(rows), profile, 0.5).normalised / 100.0 * (2.0 - null) + null
}

#[test]
fn alarms_are_worth_what_the_benchmark_says() {
    let sig = |y: f64| 2.0 / (1.0 + (5.0 * y).exp()) - 1.0;
    // The first row of each window: y = -11/11.
    assert!(is_near(points(&[300, 600], STANDARD), 2.0, 1e-12));
    // The last row: y = -1/11. Only the best of a window counts.
    let late = sig(-1.0 / 11.0) / sig(-1.0);
    assert!(is_near(points(&[310, 600], STANDARD), 1.0 + late, 1e-12));
    assert!(is_near(points(&[305, 310, 300, 600], STANDARD), 2.0, 1e-12));
    // Outside: all of it before any window; by the distance behind the last one: y = 5/10; all of it from y > 3 on.
    assert!(is_near(points(&[200, 300, 600], STANDARD), 2.0 - 0.11, 1e-12));
    assert!(is_near(points(&[300, 315, 600], STANDARD), 2.0 + 0.11 * sig(0.5), 1e-12));
    assert!(is_near(points(&[300, 600, 900], STANDARD), 2.0 - 0.11, 1e-12));
    assert!(is_near(points(&[300, 600, 900], PROFILES[1]), 2.0 - 0.22, 1e-12));
    // What is missed costs once, and twice where misses weigh more. Rows on probation count for nothing.
    assert!(is_near(points(&[300, 10, 149], STANDARD), 0.0, 1e-12));
    assert!(is_near(points(&[300], PROFILES[2]), -1.0, 1e-12));
}

#[test]
fn the_best_threshold_lets_rows_of_one_score_alarm_together() {
    let mut scores = alarms(&[]);
    for (row, score) in [(300, 0.9), (600, 0.5), (700, 0.5), (701, 0.4)] {
        scores[0][row] = score;
    }
    let found = best(&by_hand(), &scores, STANDARD);
    assert_eq!((found.threshold, found.found, found.false_alarms), (0.5, 2, 1));
}

fn folder_with(labels: &str, csv: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("labels")).unwrap();
    fs::write(folder.path().join("labels/combined_windows.json"), labels).unwrap();
    fs::write(folder.path().join("a.csv"), csv).unwrap();
    folder
}

fn open(labels: &str, csv: &str) -> Result<Corpus, CorpusError> {
    Corpus::open(folder_with(labels, csv).path())
}

#[test]
fn what_cannot_be_used_is_named_with_its_place() {
    let good = "timestamp,value\n2014-01-01 00:00:00,1\n2014-01-01 00:05:00,\n";
    let corpus = open(r#"{"a.csv": [["2014-01-01 00:00:00.000000", "2014-01-01 00:05:00.000000"]]}"#, good);
    let corpus = corpus.unwrap();
    assert_eq!(corpus.series[0].windows, [(0, 1)]);
    assert!(corpus.series[0].rows[1].value.is_nan(), "missing");
    let error = open("{", good).unwrap_err().to_string();
    assert!(error.contains("combined_windows.json"), "{error}");
    let error = open(r#"{"a.csv": []}"#, "timestamp,value\nx,1\ny,many\n").unwrap_err().to_string();
    assert!(error.contains("a.csv, row 3") && error.contains("\"many\" is no number"), "{error}");
    let error = open(r#"{"a.csv": [["2015", "2016"]]}"#, good).unwrap_err().to_string();
    assert!(error.contains("no row is within 2015 to 2016"), "{error}");
    let error = open(r#"{"b.csv": []}"#, good).unwrap_err().to_string();
    assert!(error.contains("b.csv"), "{error}");
    assert!(Corpus::open(Path::new("nowhere")).unwrap_err().to_string().contains("nowhere"));
}
