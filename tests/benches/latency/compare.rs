//! Two reports side by side: what got slower, and by how much.

use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;
use std::{fmt, fs, path::Path, process::ExitCode};

/// Less than this is noise: runs of the same build differ by so much on a shared machine.
const NOISE: f64 = 0.10;
const SLOWER: &str = "slower";

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

/// What changed from one report to the other.
#[derive(Debug)]
pub(crate) struct Comparison {
    /// How the machine or the build differs; `None` where both are the same.
    pub(crate) differs: Option<String>,
    /// Each path with what became of it, in the order of the later report.
    paths: Vec<(String, Change)>,
}

#[derive(Clone, Copy, Debug)]
enum Change {
    New(Quartiles),
    Gone(Quartiles),
    Both { before: Quartiles, after: Quartiles },
}

impl Change {
    /// Returns by how much it got longer, as a share.
    fn by(before: Quartiles, after: Quartiles) -> f64 {
        after.middle / before.middle - 1.0
    }

    /// Returns the word for it. Where the quartiles overlap, chance may have done it.
    fn word(self) -> &'static str {
        let Self::Both { before, after } = self else { return "" };
        let by = Self::by(before, after);
        if by > NOISE && after.low > before.high {
            SLOWER
        } else if by < -NOISE && after.high < before.low {
            "faster"
        } else {
            ""
        }
    }
}

/// Sets two reports side by side.
pub(crate) fn compare(before: &Path, after: &Path) -> Result<Comparison> {
    let (before, after) = (read(before)?, read(after)?);
    ensure!(
        before.suite == after.suite,
        "one report is of {}, the other of {}: they measure different things",
        before.suite,
        after.suite
    );
    let differs = (before.machine != after.machine).then(|| {
        format!("not the same machine or build:\n  before {}\n  after  {}", before.machine, after.machine)
    });
    let (was, is) = (ratios(&before)?, ratios(&after)?);
    let known = is.iter().map(|(path, after)| {
        let before = was.iter().find(|(other, _)| other == path);
        let change = before.map_or(Change::New(*after), |(_, before)| {
            let before = *before;
            Change::Both { before, after: *after }
        });
        (path.clone(), change)
    });
    let gone = was.iter().filter(|(path, _)| !is.iter().any(|(other, _)| other == path));
    let gone = gone.map(|(path, before)| (path.clone(), Change::Gone(*before)));
    Ok(Comparison { differs, paths: known.chain(gone).collect() })
}

impl Comparison {
    /// Returns the paths that are slower than they were.
    pub(crate) fn slower(&self) -> Vec<&str> {
        let slower = self.paths.iter().filter(|(_, change)| change.word() == SLOWER);
        slower.map(|(path, _)| path.as_str()).collect()
    }

    /// Returns what the command ends with: failure where a path is slower.
    pub(crate) fn code(&self) -> ExitCode {
        if self.slower().is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(differs) = &self.differs {
            writeln!(f, "{differs}")?;
        }
        writeln!(f, "{:<20} {:>20} {:>20} {:>8}", "path (times its base)", "before", "after", "change")?;
        for (path, change) in &self.paths {
            match *change {
                Change::New(after) => {
                    writeln!(f, "{path:<20} {:>20} {:>20} {:>8}", "-", shown(after), "new")?;
                }
                Change::Gone(before) => {
                    writeln!(f, "{path:<20} {:>20} {:>20} {:>8}", shown(before), "-", "gone")?;
                }
                Change::Both { before, after } => {
                    let percent = Change::by(before, after) * 100.0;
                    let word = change.word();
                    let [before, after] = [before, after].map(shown);
                    writeln!(f, "{path:<20} {before:>20} {after:>20} {percent:>+7.1}% {word}")?;
                }
            }
        }
        let slower = self.slower();
        if !slower.is_empty() {
            let noise = NOISE * 100.0;
            writeln!(f, "slower by more than {noise:.0} %, quartiles apart: {}", slower.join(", "))?;
        }
        Ok(())
    }
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
