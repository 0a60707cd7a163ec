//! The scorer of SKAB against cases computed by hand.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use watchkeeper_eval::skab::{CALIBRATION, Pooled, Run, SENSORS, read};

/// One run whose scored rows have these labels.
fn run(labels: &[bool]) -> Run {
    let labels: Vec<bool> = std::iter::repeat_n(true, CALIBRATION).chain(labels.iter().copied()).collect();
    Run { name: "a.csv".to_owned(), rows: vec![[0.0; SENSORS]; labels.len()], labels }
}

fn pooled(rows: &[(f64, bool)]) -> Pooled {
    let labels: Vec<bool> = rows.iter().map(|(_, label)| *label).collect();
    let calibration = std::iter::repeat_n(9.0, CALIBRATION);
    let scores = calibration.chain(rows.iter().map(|(score, _)| *score)).collect();
    Pooled::new(&[run(&labels)], &[scores])
}

fn is_near(found: f64, expected: f64) -> bool {
    (found - expected).abs() < 1e-12
}

#[test]
fn areas_and_harmonic_means_are_those_counted_by_hand() {
    // Of 2 x 3 pairs the anomalous row is above in 2 + 2 and ties in 1.
    let found = pooled(&[(0.9, true), (0.8, false), (0.5, true), (0.5, false), (0.1, false)]);
    assert_eq!(found.rows(), 5);
    assert!(is_near(found.auc(), (3.0 + 1.5) / 6.0), "{}", found.auc());
    let at = found.at(0.5);
    assert!(is_near(at.f1, 4.0 / 6.0) && is_near(at.false_alarm_rate, 2.0 / 3.0), "{at:?}");
    assert!(is_near(found.at(0.85).f1, 2.0 / 3.0));
    assert!(is_near(found.at(2.0).f1, 0.0));
    assert!(is_near(found.best(1.0).f1, 2.0 / 3.0));
    let strict = found.best(0.0);
    assert!(
        is_near(strict.f1, 2.0 / 3.0)
            && is_near(strict.threshold, 0.9)
            && is_near(strict.false_alarm_rate, 0.0)
    );
}

#[test]
fn what_cannot_be_used_is_named_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let error = read(folder.path()).unwrap_err().to_string();
    assert!(error.contains("other"), "{error}");
    for part in ["other", "valve1", "valve2"] {
        std::fs::create_dir(folder.path().join(part)).unwrap();
    }
    let good = "datetime;a;b;c;d;e;f;g;h;anomaly;changepoint\nx;1;2;3;4;5;6;7;8;1.0;0.0\n";
    std::fs::write(folder.path().join("valve1/0.csv"), good).unwrap();
    let runs = read(folder.path()).unwrap();
    assert_eq!((runs.len(), &*runs[0].name, &*runs[0].labels), (1, "valve1/0.csv", &[true][..]));
    for (bad, reason) in
        [("y;1;2;3;4;5;6;7;eight;1;0\n", "\"eight\" is no number"), ("y;1;2;3;4;5;6;7;8;;\n", "is no number")]
    {
        std::fs::write(folder.path().join("valve1/0.csv"), format!("{good}{bad}")).unwrap();
        let error = read(folder.path()).unwrap_err().to_string();
        assert!(error.contains("0.csv, line 3") && error.contains(reason), "{error}");
    }
}
