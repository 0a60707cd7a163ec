//! `eval`: detectors on labelled data.

mod alerts;
mod cards;
mod cifar10h;
mod clean;
mod nab;
mod skab;
mod verdicts;

use anyhow::ensure;
use clap::{Args, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};
use std::{path::PathBuf, process::ExitCode};
use watchkeeper_detect::StackSettings;

/// From this score on a row is rarer than the budget.
const BUDGET: f64 = 0.5;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  watchkeeper eval nab
  watchkeeper eval nab --data /srv/labelled
  watchkeeper eval nab --alerts realKnownCause/machine_temperature_system_failure.csv
  watchkeeper eval skab
  watchkeeper eval cifar10h
  watchkeeper eval cards
  watchkeeper eval verdicts
  watchkeeper eval clean made/ --budget 2000

The data is not part of this program: --data, or WATCHKEEPER_DATA, names the folder that holds `nab`, the Numenta
Anomaly Benchmark with its series, labels and results, `skab`, the Skoltech Anomaly Benchmark with its runs,
`cifar10h`, the answers of people and a model, and `cards`, simulated card payments. `verdicts` makes its streams itself, and
crates/eval/clean.py makes those of `clean`.")]
pub(crate) struct EvalArguments {
    #[command(subcommand)]
    what: What,
}

/// Where labelled data is.
#[derive(Debug, Args)]
struct Data {
    /// The folder of labelled data
    #[arg(long, value_name = "DIR", env = "WATCHKEEPER_DATA", default_value = "../shared/data")]
    data: PathBuf,
}

impl Data {
    /// Returns the folder of a benchmark, if there is one.
    fn folder(&self, benchmark: &str) -> anyhow::Result<PathBuf> {
        let folder = self.data.join(benchmark);
        ensure!(
            folder.is_dir(),
            "skipped: no data. {} is no folder; name the one that holds `{benchmark}` with --data or WATCHKEEPER_DATA",
            folder.display()
        );
        Ok(folder)
    }
}

#[derive(Debug, Subcommand)]
enum What {
    /// The Numenta Anomaly Benchmark: 58 series, three profiles
    Nab {
        #[command(flatten)]
        data: Data,
        /// Say what every alert of one series says, in place of the scores
        #[arg(long, value_name = "SERIES")]
        alerts: Option<String>,
    },
    /// The Skoltech Anomaly Benchmark: 34 runs of a valve testbed, 8 sensors
    Skab {
        #[command(flatten)]
        data: Data,
    },
    /// CIFAR-10H: deferral with a guarantee, calibration, a person and a model together, drift
    Cifar10h {
        #[command(flatten)]
        data: Data,
        /// What splits are drawn from
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
    /// Card payments of the Fraud Detection Handbook: a test week, per-customer and per-terminal profiles
    Cards {
        #[command(flatten)]
        data: Data,
    },
    /// Streams that hold nothing odd: how many alerts there are beside the budget
    Clean {
        /// A folder of CSVs; crates/eval/clean.py makes ten million rows of six kinds
        folder: PathBuf,
        /// Rows for one false alert, 100 to 10,000,000
        #[arg(long, value_name = "ROWS", default_value_t = StackSettings::default().rows_per_false_alert)]
        budget: f64,
    },
    /// Made streams: what verdicts on alerts teach, false alarms at equal recall before and after
    Verdicts {
        /// What streams are drawn from
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// Verdicts that are learned from, 1 to 10,000
        #[arg(long, default_value_t = 300, value_parser = clap::value_parser!(u32).range(1..=10_000))]
        verdicts: u32,
    },
}

pub(crate) fn run(arguments: &EvalArguments) -> anyhow::Result<ExitCode> {
    match &arguments.what {
        What::Nab { data, alerts: Some(series) } => alerts::run(&data.folder("nab")?, series)?,
        What::Nab { data, alerts: None } => nab::run(&data.folder("nab")?)?,
        What::Skab { data } => skab::run(&data.folder("skab")?)?,
        What::Cifar10h { data, seed } => cifar10h::run(&data.folder("cifar10h")?, *seed)?,
        What::Cards { data } => cards::run(&data.folder("cards")?)?,
        What::Clean { folder, budget } => clean::run(folder, *budget)?,
        What::Verdicts { seed, verdicts } => verdicts::run(*seed, *verdicts)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Returns the seed of a sample or stream, so that no two seeds of a command share one.
fn nth(seed: u64, number: u64) -> u64 {
    seed.wrapping_mul(1 << 20).wrapping_add(number)
}

/// Returns a bar for `total` of something.
fn progress(total: usize, of: &str) -> ProgressBar {
    let bar = ProgressBar::new(total as u64);
    let style = ProgressStyle::with_template(&format!("{{bar:40}} {{pos}} of {{len}} {of}"));
    if let Ok(style) = style {
        bar.set_style(style);
    }
    bar
}
