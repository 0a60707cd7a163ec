//! `delay`: what a budget of false alerts costs in delay, on anybody's own table.

use crate::{
    commands::score::{budget::Budget, input::TableArguments},
    out::{count, count_of, say},
    shutdown::{Stop, interruptible},
};
use anyhow::{Context, ensure};
use clap::Args;
use std::{fs, process::ExitCode};
use watchkeeper_detect::delay::{Cost, DRIFT_ROWS, Delays, FAULTS, Fault, Found, HORIZON, SPREADS, Survey};

/// Rows for one false alert where no budget is given.
const LADDER: [f64; 5] = [500.0, 2_000.0, 10_000.0, 50_000.0, 250_000.0];

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  watchkeeper delay machine.csv
  watchkeeper delay machine.csv --budget 1/day --budget 1/hour

FILE.csv is what `watchkeeper score` reads; it is read twice. At 40 places at most, in each signal in turn, a copy of the file
goes wrong: the signal jumps by three standard deviations, stays where it was, or drifts as far in 100 rows. A fault is found
if an alert comes within 200 rows. Where the file alerts by itself in these rows, or an episode goes on, nothing is planted.")]
pub(crate) struct DelayArguments {
    #[command(flatten)]
    table: TableArguments,
    /// At most so many false alerts, such as 1/day or 2/hour of the file's own time, or 0.5/1000rows; may be given again
    #[arg(long, value_name = "N/UNIT")]
    budget: Vec<Budget>,
}

pub(crate) async fn run(arguments: DelayArguments) -> anyhow::Result<ExitCode> {
    interruptible(move |stop| delay(&arguments, stop)).await?;
    Ok(ExitCode::SUCCESS)
}

fn delay(arguments: &DelayArguments, stop: &Stop) -> anyhow::Result<()> {
    let (file, calibrate) = (arguments.table.file.as_path(), arguments.table.calibrate);
    let about = fs::metadata(file).with_context(|| file.display().to_string())?;
    ensure!(about.is_file(), "{} is read twice: a pipe or a folder cannot be", file.display());
    let mut input = arguments.table.open()?;
    input.note_columns();
    let interval_secs = input.table.interval_secs();
    let mut budgets = arguments
        .budget
        .iter()
        .map(|budget| budget.rows_per_alert(interval_secs))
        .collect::<anyhow::Result<Vec<f64>>>()?;
    if budgets.is_empty() {
        budgets.extend(LADDER);
    }
    let mut survey = Survey::new(input.table.signals().count(), &budgets, calibrate)?;
    while let Some(row) = input.next_row(stop)? {
        survey.handle_row(row.values);
    }
    let mut delays = Delays::new(survey)?;
    let mut again = arguments.table.open()?;
    while let Some(row) = again.next_row(stop)? {
        delays.handle_row(row.at_secs, row.values);
        // A wide row is slow where faults begin.
        stop.check()?;
    }
    ensure!(
        again.table.tally() == input.table.tally() && again.table.columns() == input.table.columns(),
        "{} had other rows when it was read a second time: it must not change meanwhile",
        file.display()
    );
    again.note_oddities();
    let rows = again.table.tally().rows;
    say(format_args!(
        "{}, the first {calibrate} to calibrate; faults at {}, to be found within {HORIZON} rows",
        count(rows, "row"),
        count_of(delays.begun(), "place")
    ))?;
    print(&delays.finish(), rows.saturating_sub(calibrate))
}

fn print(costs: &[Cost], rows: u64) -> anyhow::Result<()> {
    say("")?;
    let [jump, frozen, drift] = FAULTS.map(Fault::name);
    say(format_args!("one false alert   alerts on this file   {jump:<21}   {frozen:<21}   {drift}"))?;
    let found = "found    rows    90 %";
    say(format_args!("in rows           found      allowed    {found}   {found}   {found}"))?;
    for cost in costs {
        let allowed = rows as f64 / cost.rows_per_false_alert;
        let [jump, frozen, drift] = cost.faults.each_ref().map(cells);
        say(format_args!(
            "{:>15.0}   {:>5}    {allowed:>9.1}    {jump}   {frozen}   {drift}",
            cost.rows_per_false_alert, cost.alerts
        ))?;
    }
    say("")?;
    say(format_args!(
        "A fault is {SPREADS} standard deviations of its signal, at once or in {DRIFT_ROWS} rows, or a value that stays. `rows`: half of\n\
         the faults that were found were found so many rows after the first wrong one or earlier; `90 %`: nine of ten.\n\
         Nothing is planted where the file alerts by itself: a line of few faults says little."
    ))?;
    Ok(())
}

fn cells(found: &Found) -> String {
    let of = |share: f64| found.quantile(share).map_or_else(|| "-".to_owned(), |rows| rows.to_string());
    format!("{:>5} {:>7} {:>7}", format!("{}/{}", found.after.len(), found.planted), of(0.5), of(0.9))
}
