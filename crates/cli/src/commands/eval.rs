//! `eval`: detectors on labelled data.

use crate::out::say;
use anyhow::{Context, ensure};
use clap::{Args, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::ExitCode,
};
use watchkeeper_detect::{Stack, StackSettings};
use watchkeeper_eval::nab::{
    Corpus, PROFILES, Row, Scores, Series, Verdict, best, cross_fit, published, stored,
};

/// Published row scores that are stored beside the series.
const STORED: [&str; 2] = ["numenta", "randomCutForest"];
const OURS: &str = "watchkeeper";

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  watchkeeper eval nab
  watchkeeper eval nab --data /srv/labelled

The data is not part of this program: --data, or WATCHKEEPER_DATA, names the folder that holds `nab`, the Numenta
Anomaly Benchmark with its series, labels and results.")]
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
}

pub(crate) fn run(arguments: &EvalArguments) -> anyhow::Result<ExitCode> {
    match &arguments.what {
        What::Nab { data } => nab(&data.join("nab"))?,
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
    let ours = ours(&corpus)?;
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

/// Runs the stack over every series, each from nothing: the score of each row that is a record.
fn ours(corpus: &Corpus) -> anyhow::Result<Scores> {
    let style = ProgressStyle::with_template("{bar:40} {pos} of {len} series");
    let bar = ProgressBar::new(corpus.series.len() as u64);
    if let Ok(style) = style {
        bar.set_style(style);
    }
    let of = |series: &Series| {
        let mut stack = Stack::new(1, StackSettings::default())?;
        bar.inc(1);
        let score = |row: &Row| {
            let scored = stack.score(seconds(&row.time), &[row.value]);
            if scored.is_record { scored.score } else { 0.0 }
        };
        Ok(series.rows.iter().map(score).collect())
    };
    let scores = corpus.series.iter().map(of).collect();
    bar.finish_and_clear();
    scores
}

/// Returns the seconds of its day that a time as the benchmark writes it is, `2014-01-01 13:05:00`.
fn seconds(time: &str) -> Option<f64> {
    let (_, clock) = time.split_once(' ')?;
    clock.split(':').map(str::parse::<f64>).try_fold(0.0, |sum, part| Some(sum * 60.0 + part.ok()?))
}
