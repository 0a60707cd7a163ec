//! `eval nab --alerts`: every alert of one series, as an operator would read it.

use crate::out::{count_of, say};
use anyhow::Context;
use std::{collections::BTreeSet, path::Path};
use watchkeeper_detect::{AlertContext, Stack, StackSettings};
use watchkeeper_eval::nab::Series;
use watchkeeper_model::{Label, SignalSpec};

/// An alert tells of so many rows.
const TOLD: usize = 5;

pub(super) fn run(folder: &Path, name: &str) -> anyhow::Result<()> {
    let series = Series::open(folder, name).context("reading the series")?;
    let signals = [SignalSpec { name: Label::cut("value"), unit: Label::default() }];
    let windows = series.windows.len();
    say(format_args!("{name}: {} rows, {}", series.rows.len(), count_of(windows, "labelled window")))?;
    let values: Vec<[f64; 1]> = series.rows.iter().map(|row| [row.value]).collect();
    let mut stack = Stack::new(1, StackSettings::default())?;
    let (mut alerts, mut found) = (0, BTreeSet::new());
    for (index, (row, value)) in series.rows.iter().zip(&values).enumerate() {
        let scored = stack.score(row.at_secs(), value);
        if !scored.alert {
            continue;
        }
        let window = series.windows.iter().position(|(first, last)| (first..=last).contains(&&index));
        let place = match window {
            Some(window) => format!("in labelled window {}", window + 1),
            None => "in no labelled window".to_owned(),
        };
        alerts += 1;
        found.extend(window);
        let rows = values.get((index + 1).saturating_sub(TOLD)..=index).unwrap_or_default();
        let context = AlertContext { signals: &signals, since: &row.time, rows };
        let sentence = scored.sentence(&context).unwrap_or_default();
        say(format_args!("\nrow {}, {place}:\n{sentence}", index + 1))?;
    }
    let found = found.len();
    say(format_args!("\n{}; {found} of {windows} labelled windows have one", count_of(alerts, "alert")))?;
    Ok(())
}
