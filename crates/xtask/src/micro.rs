//! `cargo xtask bench micro`: counts instructions, and holds the counts to those that are written down.
//!
//! The counting is the benchmark's; here are the arguments, the reading of what it says, and the verdict.
#![expect(clippy::print_stdout, reason = "the table is what the task is for")]

mod baseline;
mod counts;
mod tools;

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Result;
use clap::Args;

use crate::invocation;
use baseline::{Baseline, Row};
use tools::Toolchain;

/// What is done with the counts.
#[derive(Debug, Args)]
pub(crate) struct MicroArguments {
    /// Writes the counts down as what is right from now on, with the reason why they changed
    #[arg(long, value_name = "REASON", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    bless: Option<String>,
}

/// Counts, compares, and writes down or judges.
pub(crate) fn run(arguments: &MicroArguments) -> Result<ExitCode> {
    let manifest = invocation::root_manifest()?;
    let path = baseline_path(&manifest);
    let is_first = arguments.bless.is_some() && !path.exists();
    let baseline = if is_first { Baseline::default() } else { Baseline::read(&path)? };
    let toolchain = Toolchain::here()?;
    let is_other = baseline.toolchain != toolchain;
    if is_other && arguments.bless.is_none() {
        println!("skipped: baseline is of {}, this is {toolchain}; nothing was counted", baseline.toolchain);
        return Ok(ExitCode::SUCCESS);
    }
    tools::check(&manifest)?;
    let now = counts::parse(&invocation::cargo_output(&bench_words(&manifest))?)?;
    let rows = baseline.compare(&now);
    print!("{}", baseline::table(&rows));
    if let Some(reason) = &arguments.bless {
        let today = jiff::Timestamp::now().strftime("%Y-%m-%d").to_string();
        return bless(baseline, toolchain, &now, reason, &today, &path);
    }
    Ok(judge(&rows, &path))
}

fn bench_words(manifest: &Path) -> Vec<OsString> {
    let words =
        ["bench", "--locked", "--package", "watchkeeper-engine", "--bench", "micro", "--manifest-path"];
    let mut words: Vec<OsString> = words.map(OsString::from).to_vec();
    words.push(manifest.into());
    words.extend(["--", "--output-format=json"].map(OsString::from));
    words
}

fn baseline_path(manifest: &Path) -> PathBuf {
    manifest.with_file_name("crates").join("engine/benches/micro/baseline.toml")
}

fn judge(rows: &[Row], path: &Path) -> ExitCode {
    let wrong: Vec<&Row> = rows.iter().filter(|row| row.verdict().is_wrong()).collect();
    if wrong.is_empty() {
        println!("all {} within {} %", rows.len(), baseline::TOLERANCE_PERCENT);
        return ExitCode::SUCCESS;
    }
    for row in &wrong {
        println!("FAILED {}", row.sentence());
    }
    println!(
        "Where that is meant, better counts too, write it down in the same commit:\n  \
         cargo xtask bench micro --bless \"why the counts changed\"\n\
         which changes {}.",
        path.display()
    );
    ExitCode::FAILURE
}

fn bless(
    mut baseline: Baseline,
    toolchain: Toolchain,
    now: &counts::Counts,
    reason: &str,
    today: &str,
    path: &Path,
) -> Result<ExitCode> {
    let changes = baseline.bless(toolchain, now, reason, today);
    if changes == 0 {
        println!("nothing to write down: all within {} %", baseline::TOLERANCE_PERCENT);
        return Ok(ExitCode::SUCCESS);
    }
    baseline.write(path)?;
    println!("{changes} changes written down in {}; commit it with what caused them", path.display());
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(now: Option<u64>) -> String {
        let row = Row { name: "codec::encode::alert".to_owned(), baseline: Some(100_000), now };
        format!("{:?}", judge(&[row], Path::new("baseline.toml")))
    }

    #[test]
    fn three_per_cent_fail_the_gate_and_one_per_cent_passes_it() {
        let [passes, fails] = [ExitCode::SUCCESS, ExitCode::FAILURE].map(|code| format!("{code:?}"));
        for count in [99_000, 100_000, 101_000] {
            assert_eq!(judged(Some(count)), passes, "{count}");
        }
        for count in [None, Some(97_000), Some(103_000)] {
            assert_eq!(judged(count), fails, "{count:?}");
        }
    }

    #[test]
    fn the_baseline_of_the_repository_can_be_read_and_says_why() {
        let path = baseline_path(&invocation::root_manifest().expect("this package lies in its workspace"));
        let baseline = Baseline::read(&path).expect("it is whole");
        assert!(!baseline.instructions.is_empty());
        assert!(baseline.history.iter().all(|entry| !entry.reason.trim().is_empty()));
        assert!(!baseline.history.is_empty());
    }
}
