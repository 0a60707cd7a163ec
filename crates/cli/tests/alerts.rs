//! `eval nab --alerts`, as a person meets it.
#![expect(clippy::unwrap_used, reason = "a test that cannot set itself up should stop there")]

use std::{
    path::Path,
    process::{Command, Output},
};
use watchkeeper_canary::labelled_data;

fn alerts(folder: &Path, series: &str) -> (Output, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_watchkeeper"));
    command.args(["eval", "nab", "--alerts", series, "--data"]).arg(folder.parent().unwrap());
    let output = command.output().unwrap();
    let said = String::from_utf8([&output.stdout[..], &output.stderr[..]].concat()).unwrap();
    (output, said)
}

#[test]
fn every_alert_of_a_series_is_told_with_its_time_and_window() {
    let Some(folder) = labelled_data("nab") else { return };
    let (output, said) = alerts(&folder, "realKnownCause/nyc_taxi.csv");
    assert!(output.status.success(), "{said}");
    assert!(said.starts_with("realKnownCause/nyc_taxi.csv: 10320 rows, 5 labelled windows\n"), "{said}");
    let told: Vec<&str> = said.split("\n\n").filter(|part| part.starts_with("row ")).collect();
    assert!(
        told.iter().all(|part| part.contains("; since 201") && part.contains(" labelled window")),
        "{said}"
    );
    let inside: std::collections::BTreeSet<&str> = told
        .iter()
        .filter_map(|part| part.lines().next()?.split_once(", in labelled window ").map(|(_, window)| window))
        .collect();
    let sum = format!("{} alerts; {} of 5 labelled windows have one\n", told.len(), inside.len());
    assert!(told.len() > 1 && said.ends_with(&sum), "{said}");
}

#[test]
fn a_series_that_is_not_there_is_refused_with_one_that_is() {
    let Some(folder) = labelled_data("nab") else { return };
    let (output, said) = alerts(&folder, "nyc_taxi.csv");
    assert!(!output.status.success());
    assert!(said.contains("there is no series \"nyc_taxi.csv\"; one is called artificial"), "{said}");
}
