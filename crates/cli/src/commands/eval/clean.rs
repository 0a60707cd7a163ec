//! `eval clean`.

use super::progress;
use crate::out::say;
use anyhow::{Context, ensure};
use std::{
    fs::{self, File},
    path::{Path, PathBuf},
};
use watchkeeper_detect::{Stack, StackSettings};
use watchkeeper_eval::table::{Table, Wishes};

/// Counts the alerts on every CSV of a folder: all of them are false.
pub(super) fn run(folder: &Path, rows_per_false_alert: f64) -> anyhow::Result<()> {
    let reading = || format!("reading {}", folder.display());
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).with_context(reading)? {
        files.push(entry.with_context(reading)?.path());
    }
    files.retain(|file| file.extension().is_some_and(|extension| extension == "csv"));
    files.sort();
    ensure!(!files.is_empty(), "{} holds no .csv: crates/eval/clean.py makes some", folder.display());
    let settings = StackSettings { rows_per_false_alert, ..StackSettings::default() };
    let bar = progress(files.len(), "files");
    let (mut lines, mut all) = (Vec::new(), Found::default());
    for file in &files {
        let found = count(file, settings).with_context(|| format!("scoring {}", file.display()))?;
        let name = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        lines.push(found.line(&name, rows_per_false_alert));
        all.rows += found.rows;
        all.alerts += found.alerts;
        bar.inc(1);
    }
    bar.finish_and_clear();
    say(format_args!("a budget of one false alert in {rows_per_false_alert} rows"))?;
    say("")?;
    say(format_args!(
        "{:<20} {:>10} {:>8} {:>8} {:>18}",
        "", "rows", "alerts", "allowed", "measured/nominal"
    ))?;
    lines.push(all.line("all", rows_per_false_alert));
    lines.into_iter().try_for_each(say)?;
    Ok(())
}

#[derive(Default)]
struct Found {
    rows: u64,
    alerts: u64,
}

impl Found {
    fn line(&self, name: &str, rows_per_false_alert: f64) -> String {
        let allowed = self.rows as f64 / rows_per_false_alert;
        format!(
            "{name:<20} {:>10} {:>8} {allowed:>8.0} {:>18.2}",
            self.rows,
            self.alerts,
            self.alerts as f64 / allowed
        )
    }
}

/// Scores a file; counts what is not calibration.
fn count(file: &PathBuf, settings: StackSettings) -> anyhow::Result<Found> {
    let mut table = Table::open(File::open(file)?, &Wishes::default())?;
    let mut stack = Stack::new(table.signals().count(), settings)?;
    let mut found = Found::default();
    while let Some(row) = table.next_row()? {
        found.alerts += u64::from(stack.score(row.at_secs, row.values).alert);
        found.rows += 1;
    }
    found.rows = found.rows.saturating_sub(settings.calibrate);
    ensure!(found.rows > 0, "it has no row after the {} that calibrate", settings.calibrate);
    Ok(found)
}
