//! `score`: how odd each row of anybody's table is.

pub(crate) mod budget;
pub(crate) mod input;

use crate::{
    commands::chart,
    draft::{Draft, is_same_place},
    out::{count, note, say},
    shutdown::{Stop, interruptible},
};
use anyhow::{Context, ensure};
use budget::Budget;
use clap::Args;
use input::TableArguments;
use std::{
    io::Write,
    path::{Path, PathBuf},
    process::ExitCode,
};
use watchkeeper_detect::{Channel, Scored, Stack, StackSettings};

/// The columns of what is written.
pub(crate) const HEADER: [&str; 10] = [
    "timestamp",
    "score",
    "alert",
    "channel",
    "signal_1",
    "share_1",
    "signal_2",
    "share_2",
    "signal_3",
    "share_3",
];

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  watchkeeper score machine.csv -o scores.csv
  watchkeeper score machine.csv --calibrate 400 --budget 1/day -o scores.csv --chart scores.svg

The first column says when: RFC 3339, YYYY-MM-DD HH:MM:SS, YYYY-MM-DD, seconds to nanoseconds since 1970, seconds, or the
number of the row. Every other column of numbers is a signal, 1024 at most. Commas, semicolons, tabs and bars are told
apart; a header may be missing. Columns of words, and those with a name such as label, anomaly, class or target, are left
out. Nothing, NA, NaN and null are missing values; infinity is taken as one. Rows are scored in the order of the file.

Each row is judged by those above it alone. In the output, `score` is 0 to 1, and from 0.5 on the row is rarer than the budget
allows false alerts to be; `alert` is 1 in the first row of an episode; `channel` is what led to it, and up to three signals
follow with their shares.")]
pub(crate) struct ScoreArguments {
    #[command(flatten)]
    table: TableArguments,
    /// At most so many false alerts, such as 1/day or 2/hour of the file's own time, or 0.5/1000rows
    #[arg(long, value_name = "N/UNIT", default_value = "0.5/1000rows")]
    budget: Budget,
    /// Where the scores go; replaced once all rows are scored
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// Draws scores and signals, too
    #[arg(long, value_name = "FILE.svg")]
    chart: Option<PathBuf>,
}

pub(crate) async fn run(arguments: ScoreArguments) -> anyhow::Result<ExitCode> {
    interruptible(move |stop| score(&arguments, stop)).await?;
    Ok(ExitCode::SUCCESS)
}

fn score(arguments: &ScoreArguments, stop: &Stop) -> anyhow::Result<()> {
    let (file, calibrate) = (arguments.table.file.as_path(), arguments.table.calibrate);
    let mut input = arguments.table.open()?;
    input.note_columns();
    let signals: Vec<String> = input.table.signals().map(str::to_owned).collect();
    let settings = StackSettings {
        calibrate,
        rows_per_false_alert: arguments.budget.rows_per_alert(input.table.interval_secs())?,
    };
    let mut stack = Stack::new(signals.len(), settings)?;
    let mut trace = arguments.chart.as_ref().map(|_| chart::Trace::new(&signals));
    let mut drawing = match &arguments.chart {
        Some(path) => {
            ensure!(
                !is_same_place(path, &arguments.output),
                "{} is named twice: scores and chart are two files",
                path.display()
            );
            Some(Draft::new(path, &[file])?)
        }
        None => None,
    };
    let mut output = csv::Writer::from_writer(Draft::new(&arguments.output, &[file])?);
    let writing = || format!("writing {}", arguments.output.display());
    output.write_record(HEADER).with_context(writing)?;
    let (mut alerts, mut text) = (0_u64, Vec::new());
    while let Some(row) = input.next_row(stop)? {
        let scored = stack.score(row.at_secs, row.values);
        alerts += u64::from(scored.alert);
        write_row(&mut output, row.time, &scored, &signals, &mut text).with_context(writing)?;
        if let Some(trace) = &mut trace {
            let alert =
                chart::Alert { blamed: scored.top.first().copied().flatten().map(|(signal, _)| signal) };
            trace.handle_row(row.position, row.values, scored.score, scored.alert.then_some(alert));
        }
    }
    if let (Some(trace), Some(drawing)) = (&trace, &mut drawing) {
        let looks = chart::Looks { title: name(file), kind: input.table.time_kind(), windows: &[] };
        chart::draw(trace, &looks, drawing)?;
    }
    let draft = output.into_inner().map_err(csv::IntoInnerError::into_error).with_context(writing)?;
    draft.finish()?;
    if let Some(drawing) = drawing {
        drawing.finish()?;
    }
    input.note_oddities();
    let rows = input.table.tally().rows;
    if calibrate >= rows {
        note(format_args!("every row was calibrated on: --calibrate {calibrate} of {}", count(rows, "row")));
    }
    say(format_args!(
        "{} scored, {}; one false alert allowed in {:.0} rows; written to {}",
        count(rows, "row"),
        count(alerts, "alert"),
        settings.rows_per_false_alert,
        arguments.output.display()
    ))?;
    Ok(())
}

/// Returns the name of a file without the folders it is in.
pub(crate) fn name(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

/// Writes a row of the output; `text` is where numbers are written first.
fn write_row(
    output: &mut csv::Writer<impl Write>,
    time: &str,
    scored: &Scored,
    signals: &[String],
    text: &mut Vec<u8>,
) -> csv::Result<()> {
    output.write_field(time)?;
    text.clear();
    write!(text, "{:.6}", scored.score)?;
    output.write_field(&text)?;
    output.write_field(if scored.alert { "1" } else { "0" })?;
    output.write_field(scored.channel.map(Channel::name).unwrap_or_default())?;
    for place in scored.top {
        text.clear();
        if let Some((_, share)) = place {
            write!(text, "{share:.3}")?;
        }
        let signal = place.and_then(|(signal, _)| signals.get(signal));
        output.write_field(signal.map(String::as_str).unwrap_or_default())?;
        output.write_field(&text)?;
    }
    output.write_record(None::<&[u8]>)
}
