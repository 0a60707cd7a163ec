//! Two reports side by side: what got slower, and by how much.

use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;
use std::{fs, path::Path, process::ExitCode};

/// Less than this is noise: runs of the same build differ by so much on a shared machine.
const NOISE: f64 = 0.10;

#[derive(Debug, Deserialize)]
struct Report {
    suite: String,
    machine: String,
    runs: Vec<Run>,
}

#[derive(Debug, Deserialize)]
struct Run {
    verdict: String,
    paths: Vec<Measured>,
}

#[derive(Debug, Deserialize)]
struct Measured {
    path: String,
    base: String,
    ratios: Vec<f64>,
}

/// Quartiles of all ratios of a path.
#[derive(Clone, Copy, Debug)]
struct Quartiles {
    low: f64,
    middle: f64,
    high: f64,
}

/// Prints what changed; fails where a path is slower than it was.
pub(crate) fn compare(before: &Path, after: &Path) -> Result<ExitCode> {
    let (before, after) = (read(before)?, read(after)?);
    ensure!(
        before.suite == after.suite,
        "one report is of {}, the other of {}: they measure different things",
        before.suite,
        after.suite
    );
    if before.machine != after.machine {
        println!("not the same machine or build:\n  before {}\n  after  {}", before.machine, after.machine);
    }
    let (was, is) = (ratios(&before)?, ratios(&after)?);
    println!("{:<20} {:>20} {:>20} {:>8}", "path (times its base)", "before", "after", "change");
    let mut slower = Vec::new();
    for (path, after) in &is {
        let Some((_, before)) = was.iter().find(|(known, _)| known == path) else {
            println!("{path:<20} {:>20} {:>20} {:>8}", "-", shown(*after), "new");
            continue;
        };
        let change = after.middle / before.middle - 1.0;
        // Where the quartiles overlap, chance may have done it.
        let verdict = if change > NOISE && after.low > before.high {
            slower.push(path.as_str());
            "slower"
        } else if change < -NOISE && after.high < before.low {
            "faster"
        } else {
            ""
        };
        println!(
            "{path:<20} {:>20} {:>20} {:>+7.1}% {verdict}",
            shown(*before),
            shown(*after),
            change * 100.0
        );
    }
    for (path, before) in was.iter().filter(|(path, _)| !is.iter().any(|(known, _)| known == path)) {
        println!("{path:<20} {:>20} {:>20} {:>8}", shown(*before), "-", "gone");
    }
    if slower.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    println!("slower by more than {:.0} %, quartiles apart: {}", NOISE * 100.0, slower.join(", "));
    Ok(ExitCode::FAILURE)
}

fn shown(quartiles: Quartiles) -> String {
    format!("{:.2} ({:.2}-{:.2})", quartiles.middle, quartiles.low, quartiles.high)
}

fn read(file: &Path) -> Result<Report> {
    let text = fs::read_to_string(file)
        .with_context(|| format!("{} cannot be read; `bench latency` writes reports", file.display()))?;
    serde_json::from_str(&text).with_context(|| format!("{} is no report of `bench latency`", file.display()))
}

/// Returns the ratios of every path that is compared with something, over all runs that say something.
fn ratios(report: &Report) -> Result<Vec<(String, Quartiles)>> {
    let runs: Vec<_> = report.runs.iter().filter(|run| !run.verdict.starts_with("void")).collect();
    let first = runs.first().with_context(|| format!("every run of {} is void", report.suite))?;
    let compared = first.paths.iter().filter(|measured| measured.path != measured.base);
    let pooled = compared.map(|measured| {
        let of =
            |run: &&Run| run.paths.iter().find(|other| other.path == measured.path).map(|m| m.ratios.clone());
        let mut all: Vec<f64> = runs.iter().filter_map(of).flatten().collect();
        all.sort_by(f64::total_cmp);
        let at = |place: usize| {
            all.get(place).copied().with_context(|| format!("{} has no ratios", measured.path))
        };
        let count = all.len();
        let quartiles = Quartiles { low: at(count / 4)?, middle: at(count / 2)?, high: at(count * 3 / 4)? };
        Ok((measured.path.clone(), quartiles))
    });
    pooled.collect()
}
