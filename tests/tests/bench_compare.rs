//! `cargo xtask bench compare`: two reports, as the benchmark itself writes them, and what is said of them.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../benches/latency/compare.rs"]
mod compare;
#[path = "../benches/latency/figures.rs"]
#[allow(dead_code, reason = "the benchmark uses all of it")]
mod figures;
#[path = "../benches/latency/report.rs"]
#[allow(dead_code, clippy::print_stdout, reason = "the benchmark uses all of it, and prints")]
mod report;

use compare::compare;
use figures::{AGAIN, ECHO, Judge, Limits, Path, Suite};
use std::{fs, path::PathBuf, process::ExitCode};
use tempfile::TempDir;

/// How long the echo takes, in nanoseconds.
const ECHO_NANOS: u64 = 16_000;

/// How long each path takes in a run, in nanoseconds.
#[derive(Clone, Copy)]
struct Nanos {
    again: u64,
    alert: u64,
    command: u64,
}

const USUAL: Nanos = Nanos { again: ECHO_NANOS, alert: 64_000, command: 48_000 };
/// The echo is not like itself.
const VOID: Nanos = Nanos { again: 19_000, ..USUAL };

/// Writes a report of such runs; returns its file.
fn write(data: &TempDir, name: &str, suite: &str, runs: &[Nanos]) -> PathBuf {
    let runs: Vec<_> = runs.iter().map(|nanos| run(*nanos)).collect();
    let file = data.path().join(name);
    fs::write(&file, format!("{:#}\n", report::json(suite, "a machine", &runs))).unwrap();
    file
}

/// Returns a run of twenty rounds, as the benchmark measures and writes it.
fn run(nanos: Nanos) -> serde_json::Value {
    let path = |name| Path::new(name, ECHO, Limits::default());
    let mut suite = Suite(vec![path(ECHO), path(AGAIN), path("alert"), path("command")]);
    for round in 0..20 {
        // The rounds differ from each other by up to 2 %.
        let samples = |nanos: u64| vec![nanos + nanos * round / 1_000; 5];
        suite.add(&[
            (ECHO, vec![ECHO_NANOS; 5]),
            (AGAIN, samples(nanos.again)),
            ("alert", samples(nanos.alert)),
            ("command", samples(nanos.command)),
        ]);
    }
    let verdict = suite.judge(Judge::Bar).to_string();
    report::run_json(&suite, &verdict)
}

#[test]
fn a_report_is_not_slower_than_itself() {
    let data = watchkeeper_canary::tempdir().unwrap();
    let before = write(&data, "before.json", "way", &[USUAL, USUAL]);
    let same = compare(&before, &before).unwrap();
    assert!(same.slower().is_empty(), "{same}");
    assert_eq!(same.code(), ExitCode::SUCCESS);
    assert_eq!(same.differs, None);
    assert!(same.to_string().contains("+0.0%"), "{same}");
}

#[test]
fn a_slower_path_fails_and_is_named_and_no_other_is() {
    let data = watchkeeper_canary::tempdir().unwrap();
    let before = write(&data, "before.json", "way", &[USUAL]);
    let after = write(&data, "after.json", "way", &[Nanos { alert: 77_000, ..USUAL }]);
    let slower = compare(&before, &after).unwrap();
    assert_eq!(slower.slower(), ["alert"]);
    assert_eq!(slower.code(), ExitCode::FAILURE);
    let last = slower.to_string();
    assert!(last.lines().last().unwrap().ends_with("quartiles apart: alert"), "{last}");
    // The other way round it got faster, and that is no failure.
    let faster = compare(&after, &before).unwrap();
    assert_eq!(faster.code(), ExitCode::SUCCESS);
    assert!(faster.to_string().contains("faster"), "{faster}");
}

#[test]
fn a_path_that_is_slower_by_less_than_noise_passes() {
    let data = watchkeeper_canary::tempdir().unwrap();
    let before = write(&data, "before.json", "way", &[USUAL]);
    let after = write(&data, "after.json", "way", &[Nanos { command: 51_000, ..USUAL }]);
    assert_eq!(compare(&before, &after).unwrap().code(), ExitCode::SUCCESS);
}

#[test]
fn a_report_whose_every_run_is_void_is_refused_and_a_void_run_among_others_is_left_out() {
    let data = watchkeeper_canary::tempdir().unwrap();
    let before = write(&data, "before.json", "way", &[USUAL]);
    let void = write(&data, "void.json", "way", &[VOID, VOID]);
    for (before, after) in [(&before, &void), (&void, &before)] {
        let error = compare(before, after).unwrap_err();
        assert_eq!(error.to_string(), "every run of way is void");
    }
    let slow_but_void = Nanos { alert: 640_000, ..VOID };
    let mixed = write(&data, "mixed.json", "way", &[slow_but_void, USUAL, slow_but_void]);
    assert_eq!(compare(&before, &mixed).unwrap().code(), ExitCode::SUCCESS);
}

#[test]
fn what_is_no_report_is_named_with_what_is_wrong() {
    let data = watchkeeper_canary::tempdir().unwrap();
    let before = write(&data, "before.json", "way", &[USUAL]);
    let text = data.path().join("notes.json");
    fs::write(&text, "the alerts were slow\n").unwrap();
    let other = data.path().join("other.json");
    fs::write(&other, "{ \"suite\": \"way\" }\n").unwrap();
    for file in [&text, &other] {
        let error = format!("{:#}", compare(&before, file).unwrap_err());
        assert!(error.contains(&format!("{} is no report of `bench latency`", file.display())), "{error}");
    }
    let missing = data.path().join("missing.json");
    let error = format!("{:#}", compare(&missing, &before).unwrap_err());
    assert!(error.contains("missing.json cannot be read; `bench latency` writes reports"), "{error}");
}

#[test]
fn reports_of_different_suites_are_not_compared() {
    let data = watchkeeper_canary::tempdir().unwrap();
    let way = write(&data, "way.json", "way", &[USUAL]);
    let crowd = write(&data, "crowd.json", "crowd", &[USUAL]);
    let error = compare(&way, &crowd).unwrap_err().to_string();
    assert!(error.contains("they measure different things"), "{error}");
}
