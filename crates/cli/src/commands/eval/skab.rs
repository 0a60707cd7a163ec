//! `eval skab`.

use super::{BUDGET, progress};
use crate::out::say;
use anyhow::Context;
use std::path::Path;
use watchkeeper_detect::{Stack, StackSettings};
use watchkeeper_eval::skab::{AtThreshold, CALIBRATION, Pooled, Run, SENSORS, read};

pub(super) fn run(folder: &Path) -> anyhow::Result<()> {
    let runs = read(folder).context("reading the benchmark")?;
    let scores = ours(&runs)?;
    let pooled = Pooled::new(&runs, &scores);
    say(format_args!(
        "SKAB: {} runs, {} rows scored; the first {CALIBRATION} of each run calibrate",
        runs.len(),
        pooled.rows()
    ))?;
    say("")?;
    say(format_args!("{:<42} {:>6} {:>6} {:>7}  {}", "", "AUC", "F1", "FAR", "threshold"))?;
    let auc = format!("{:.3}", pooled.auc());
    let budget = StackSettings::default().rows_per_false_alert;
    for (auc, at, tuned) in [
        (&*auc, pooled.best(1.0), "tuned on these labels".to_owned()),
        ("", pooled.best(0.135), "tuned on these labels, FAR at most 13.5 %".to_owned()),
        ("", pooled.best(0.10), "tuned on these labels, FAR at most 10 %".to_owned()),
        ("", pooled.at(BUDGET), format!("a budget of one false alert in {budget} rows, no label")),
    ] {
        say(line("watchkeeper", auc, at, &tuned))?;
    }
    say(line("always alarm", "0.500", pooled.at(f64::NEG_INFINITY), "none"))?;
    for (method, auc, f1, far) in [
        ("Conv-AE (published)", "", ".784", "13.6 %"),
        ("MSET (published)", "", ".780", "39.7 %"),
        ("T2 (published)", "", ".660", "19.2 %"),
        ("full-covariance MEWMA (measured)", ".864", "", ""),
        ("random cut forest, krcf 0.4.0 (measured)", ".69", "", ""),
    ] {
        say(format_args!("{method:<42} {auc:>6} {f1:>6} {far:>7}"))?;
    }
    say("")?;
    say(
        "Over the rows of all runs together. FAR: share of the rows that are not anomalous and alarm. Watchkeeper has one\n\
         configuration for every stream; how signals are put together was chosen with a look at these labels.",
    )?;
    Ok(())
}

fn line(method: &str, auc: &str, at: AtThreshold, threshold: &str) -> String {
    let far = format!("{:.1} %", 100.0 * at.false_alarm_rate);
    format!("{method:<42} {auc:>6} {:>6.3} {far:>7}  {threshold}", at.f1)
}

/// Runs the stack over every run, each from nothing.
fn ours(runs: &[Run]) -> anyhow::Result<Vec<Vec<f64>>> {
    let bar = progress(runs.len(), "runs");
    let of = |run: &Run| {
        let mut stack = Stack::new(SENSORS, StackSettings::default())?;
        bar.inc(1);
        let seconds = (0..run.rows.len()).map(|second| second as f64);
        Ok(run.rows.iter().zip(seconds).map(|(row, at)| stack.score(Some(at), row).score).collect())
    };
    let scores = runs.iter().map(of).collect();
    bar.finish_and_clear();
    scores
}
