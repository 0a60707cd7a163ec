//! `eval`: detectors on labelled data.

mod cards;

use crate::out::say;
use anyhow::{Context, ensure};
use clap::{Args, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::ExitCode,
};
use watchkeeper_detect::Novelty;
use watchkeeper_eval::nab::{Corpus, PROFILES, Scores, Series, Verdict, best, cross_fit, published, stored};

/// Published row scores that are stored beside the series.
const STORED: [&str; 2] = ["numenta", "randomCutForest"];
const OURS: &str = "watchkeeper novelty";

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  watchkeeper eval nab
  watchkeeper eval nab --data /srv/labelled
  watchkeeper eval cards

The data is not part of this program: --data, or WATCHKEEPER_DATA, names the folder that holds `nab`, the Numenta
Anomaly Benchmark with its series, labels and results, and `cards`, simulated card payments.")]
pub(crate) struct EvalArguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// The Numenta Anomaly Benchmark: 58 series, three profiles
    Nab {
        /// The folder of labelled data
        #[arg(long, value_name = "DIR", env = "WATCHKEEPER_DATA", default_value = "../shared/data")]
        data: PathBuf,
    },
    /// Card payments of the Fraud Detection Handbook: a test week, per-customer and per-terminal profiles
    Cards {
        /// The folder of labelled data
        #[arg(long, value_name = "DIR", env = "WATCHKEEPER_DATA", default_value = "../shared/data")]
        data: PathBuf,
    },
}

pub(crate) fn run(arguments: &EvalArguments) -> anyhow::Result<ExitCode> {
    match &arguments.what {
        What::Nab { data } => nab(&data.join("nab"))?,
        What::Cards { data } => cards::run(&data.join("cards"))?,
    }
    Ok(ExitCode::SUCCESS)
}

fn nab(folder: &Path) -> anyhow::Result<()> {
    ensure!(
        folder.is_dir(),
        "skipped: no data. {} is no folder; name the one that holds `nab` with --data or WATCHKEEPER_DATA",
        folder.display()
    );
    let corpus = Corpus::open(folder).context("reading the benchmark")?;
    say(format_args!(
        "NAB: {} series, {} rows, {} labelled windows",
        corpus.series.len(),
        corpus.rows(),
        corpus.windows()
    ))?;
    say("")?;
    say(format_args!(
        "{:<22} {:>9} {:>9} {:>9} {:>10} {:>8} {:>7}",
        "", "standard", "low FP", "low FN", "cross-fit", "windows", "false"
    ))?;
    let ours = novelty(&corpus);
    say(line(OURS, &corpus, &ours))?;
    for detector in STORED {
        let scores = stored(folder, detector, &corpus).context("reading stored results")?;
        say(line(detector, &corpus, &scores))?;
    }
    say("")?;
    say("published by NAB (threshold tuned on the labels, by each detector's authors):")?;
    let mut all: Vec<_> = published(folder).context("reading published results")?.into_iter().collect();
    let standard = |scores: &BTreeMap<String, f64>| scores.get(PROFILES[0].name).copied().unwrap_or(f64::NAN);
    all.sort_by(|(_, a), (_, b)| standard(b).total_cmp(&standard(a)));
    for (detector, scores) in all {
        let of = |profile: &str| scores.get(profile).copied().unwrap_or(f64::NAN);
        let [a, b, c] = PROFILES.map(|profile| of(profile.name));
        say(format_args!("{detector:<22} {a:>9.2} {b:>9.2} {c:>9.2}"))?;
    }
    say("")?;
    say(
        "Each profile has the threshold that is best on these labels, as NAB has it; `cross-fit` (standard profile) takes each \
         half's\nthreshold from the other half. `windows` and `false`: windows with an alarm and rows of false alarms, standard \
         profile.\nThe constants of watchkeeper novelty were chosen with a look at these labels; it uses none when it runs.",
    )?;
    Ok(())
}

/// Returns a row of the table.
fn line(detector: &str, corpus: &Corpus, scores: &Scores) -> String {
    let [standard, low_fp, low_fn] = PROFILES.map(|profile| best(corpus, scores, profile));
    let Verdict { normalised: crossed, .. } = cross_fit(corpus, scores, PROFILES[0]);
    format!(
        "{detector:<22} {:>9.2} {:>9.2} {:>9.2} {crossed:>10.2} {:>8} {:>7}",
        standard.normalised, low_fp.normalised, low_fn.normalised, standard.found, standard.false_alarms
    )
}

/// Runs the novelty sketch over every series, each from nothing.
fn novelty(corpus: &Corpus) -> Scores {
    let style = ProgressStyle::with_template("{bar:40} {pos} of {len} series");
    let bar = ProgressBar::new(corpus.series.len() as u64);
    if let Ok(style) = style {
        bar.set_style(style);
    }
    let of = |series: &Series| {
        let mut sketch = Novelty::new();
        bar.inc(1);
        series.rows.iter().map(|row| sketch.handle_value(row.value, hour(&row.time))).collect()
    };
    let scores = corpus.series.iter().map(of).collect();
    bar.finish_and_clear();
    scores
}

/// Returns the hour of a time as the benchmark writes it, `2014-01-01 13:05:00`; 0 where it has none.
fn hour(time: &str) -> f64 {
    let clock = time.split_once(' ').map(|(_, clock)| clock);
    let hour = clock.and_then(|clock| clock.split(':').next()?.parse::<u8>().ok());
    f64::from(hour.unwrap_or_default())
}
