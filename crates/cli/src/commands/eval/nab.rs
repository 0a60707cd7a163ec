//! `eval nab`.

use super::{BUDGET, progress};
use crate::out::say;
use anyhow::Context;
use std::{collections::BTreeMap, path::Path};
use watchkeeper_detect::{Stack, StackSettings};
use watchkeeper_eval::nab::{
    Corpus, PROFILES, Row, Scores, Series, at, best, cross_fit, false_alarm_rows, published, stored,
};

/// Published row scores that are stored beside the series.
const STORED: [&str; 2] = ["numenta", "randomCutForest"];

pub(super) fn run(folder: &Path) -> anyhow::Result<()> {
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
        "threshold of NAB", "standard", "low FP", "low FN", "cross-fit", "windows", "false"
    ))?;
    let ours = ours(&corpus)?;
    say(line("watchkeeper", &corpus, &ours.scores))?;
    for detector in STORED {
        let scores = stored(folder, detector, &corpus).context("reading stored results")?;
        say(line(detector, &corpus, &scores))?;
    }
    say("")?;
    let rows = StackSettings::default().rows_per_false_alert;
    say(format_args!("threshold of a budget of one false alert in {rows} rows, no label used:"))?;
    say(budget_line("watchkeeper, scores", &corpus, &ours.scores))?;
    say(budget_line("watchkeeper, alerts", &corpus, &ours.alerts))?;
    let judged = false_alarm_rows(&corpus);
    let false_alerts = at(&corpus, &ours.alerts, PROFILES[0], BUDGET).false_alarms;
    say(format_args!(
        "{false_alerts} alerts in {judged} rows outside of windows: one in {}, measured over nominal {:.2}",
        judged / false_alerts.max(1),
        false_alerts as f64 * rows / judged as f64
    ))?;
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
        "In the first table each profile has the threshold that is best on these labels, as NAB has it; `cross-fit` (standard\n\
         profile) takes each half's threshold from the other half. `windows` and `false`: windows with an alarm and rows of\n\
         false alarms, standard profile. `scores`: every row whose score reaches 0.5 and is the highest of 100; `alerts`: one\n\
         for an episode. watchkeeper's constants were chosen with a look at these labels; it uses none when it runs.",
    )?;
    Ok(())
}

/// Returns a row of the first table.
fn line(detector: &str, corpus: &Corpus, scores: &Scores) -> String {
    let [standard, low_fp, low_fn] = PROFILES.map(|profile| best(corpus, scores, profile));
    let crossed = cross_fit(corpus, scores, PROFILES[0]).normalised;
    format!(
        "{detector:<22} {:>9.2} {:>9.2} {:>9.2} {crossed:>10.2} {:>8} {:>7}",
        standard.normalised, low_fp.normalised, low_fn.normalised, standard.found, standard.false_alarms
    )
}

/// Returns a row of the table of the budget.
fn budget_line(what: &str, corpus: &Corpus, scores: &Scores) -> String {
    let [standard, low_fp, low_fn] = PROFILES.map(|profile| at(corpus, scores, profile, BUDGET));
    format!(
        "{what:<22} {:>9.2} {:>9.2} {:>9.2} {:>10} {:>8} {:>7}",
        standard.normalised, low_fp.normalised, low_fn.normalised, "", standard.found, standard.false_alarms
    )
}

/// What the stack says of every row.
struct Ours {
    /// The score of each row that is a record, 0 of every other.
    scores: Scores,
    /// 1 where an alert begins, 0 elsewhere.
    alerts: Scores,
}

/// Runs the stack over every series, each from nothing.
fn ours(corpus: &Corpus) -> anyhow::Result<Ours> {
    let bar = progress(corpus.series.len(), "series");
    let mut ours = Ours { scores: Vec::new(), alerts: Vec::new() };
    for series in &corpus.series {
        let (scores, alerts) = of(series)?;
        ours.scores.push(scores);
        ours.alerts.push(alerts);
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(ours)
}

fn of(series: &Series) -> anyhow::Result<(Vec<f64>, Vec<f64>)> {
    let mut stack = Stack::new(1, StackSettings::default())?;
    let score = |row: &Row| {
        let scored = stack.score(row.at_secs(), &[row.value]);
        let of_record = if scored.is_record { scored.score } else { 0.0 };
        (of_record, f64::from(u8::from(scored.alert)))
    };
    Ok(series.rows.iter().map(score).unzip())
}
