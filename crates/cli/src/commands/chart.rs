//! `chart`: scores, alerts and labelled windows over the signals, as a picture.

mod axis;
mod draw;
mod trace;
mod windows;

pub(crate) use draw::{Looks, draw};
pub(crate) use trace::{Alert, Trace};

use crate::{
    commands::score::{HEADER, input::Input, name},
    draft::Draft,
    out::say,
    shutdown::{Stop, interruptible},
};
use anyhow::{Context, ensure};
use clap::Args;
use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};
use watchkeeper_eval::table::{Row, Wishes};

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  watchkeeper chart scores.csv -o scores.svg
  watchkeeper chart scores.csv --series machine.csv --windows windows.json -o scores.svg

SCORES.csv is what `watchkeeper score` wrote, --series the file that it was made of. A file of windows is JSON, a list of
pairs of times, [[\"2024-01-01 10:00:00\", \"2024-01-01 11:00:00\"]], alone or under the name of the series; or a CSV of two
columns. Of many rows at one place the lowest and the highest value are drawn, so that no peak is lost.")]
pub(crate) struct ChartArguments {
    /// Scores, as `watchkeeper score` writes them
    #[arg(value_name = "SCORES.csv")]
    scores: PathBuf,
    /// Draws the signals above: the file that was scored
    #[arg(long, value_name = "FILE.csv")]
    series: Option<PathBuf>,
    /// Shades what was labelled
    #[arg(long, value_name = "FILE")]
    windows: Option<PathBuf>,
    /// Where the picture goes
    #[arg(short, long, value_name = "FILE.svg")]
    output: PathBuf,
}

pub(crate) async fn run(arguments: ChartArguments) -> anyhow::Result<ExitCode> {
    interruptible(move |stop| chart(&arguments, stop)).await?;
    Ok(ExitCode::SUCCESS)
}

fn chart(arguments: &ChartArguments, stop: &Stop) -> anyhow::Result<()> {
    let [_, score, alert, not_drawn @ ..] = HEADER;
    let wishes = Wishes { ignore: not_drawn.map(str::to_owned).to_vec(), keep: Vec::new() };
    let not_scores = || format!("{} is not as `watchkeeper score` writes it", arguments.scores.display());
    let mut scores = Input::open(&arguments.scores, &wishes).with_context(not_scores)?;
    let names: Vec<String> = scores.table.signals().map(str::to_owned).collect();
    ensure!(names == [score, alert], not_scores());
    let mut series = match &arguments.series {
        Some(path) => Some(Input::open(path, &Wishes::default())?),
        None => None,
    };
    let kind = scores.table.time_kind();
    let about = arguments.series.as_ref().unwrap_or(&arguments.scores);
    let windows = match &arguments.windows {
        Some(path) => windows::read(path, &name(about), kind)?,
        None => Vec::new(),
    };
    let inputs: Vec<&Path> = [Some(&arguments.scores), arguments.series.as_ref(), arguments.windows.as_ref()]
        .into_iter()
        .flatten()
        .map(PathBuf::as_path)
        .collect();
    let mut drawing = Draft::new(&arguments.output, &inputs)?;
    let signals: Vec<String> =
        series.iter().flat_map(|series| series.table.signals()).map(str::to_owned).collect();
    let blamed_column = scores.table.columns().iter().position(|column| column.name == "signal_1");
    let mut trace = Trace::new(&signals);
    while let Some(row) = scores.next_row(stop)? {
        let [score, alert] = row.values else { continue };
        let blame = || {
            let cell = String::from_utf8_lossy(row.cell(blamed_column?));
            signals.iter().position(|signal| *signal == cell)
        };
        let alert = (*alert > 0.0).then(|| Alert { blamed: blame() });
        match &mut series {
            Some(series) => {
                let other = series.next_row(stop)?;
                let other = other.filter(|other| other.time == row.time).with_context(|| apart(&row))?;
                trace.handle_row(row.position, other.values, *score, alert);
            }
            None => trace.handle_row(row.position, &[], *score, alert),
        }
    }
    if let Some(series) = &mut series {
        ensure!(series.next_row(stop)?.is_none(), "the series goes on behind the last score");
    }
    draw(&trace, &Looks { title: name(about), kind, windows: &windows }, &mut drawing)?;
    drawing.finish()?;
    say(format_args!("written to {}", arguments.output.display()))?;
    Ok(())
}

fn apart(row: &Row<'_>) -> String {
    format!(
        "scores, line {}: the series has no row of {} there: is it the file that was scored?",
        row.line, row.time
    )
}
