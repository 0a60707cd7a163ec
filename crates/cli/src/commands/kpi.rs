//! `kpi`: alarm performance of a record.

use crate::{
    commands::ledger::replay::Comparison,
    kpi::{Kpi, Period, Report, Shifts, text},
    out::say,
    record::DataArguments,
    runs::{Follower, follow},
};
use anyhow::{Context, ensure};
use clap::Args;
use serde::Serialize;
use std::{collections::BTreeMap, ops::ControlFlow, process::ExitCode};
use watchkeeper_engine::{Config, Counts, Derived, Engine, Opening, Output};
use watchkeeper_ledger::{ReadStorage, Record};
use watchkeeper_model::{DemandOutcome, MonoTime, WallTime};

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  watchkeeper kpi
  watchkeeper kpi --shift 06:00,14:00,22:00 --utc-offset +01:00
  watchkeeper kpi --from 2026-03-01T00:00:00Z --to 2026-03-02T00:00:00Z --json

It works beside a running monitor and changes nothing. The inputs of the record go through fresh engines again: what this
build makes of them is counted, and it is said where that is not what the record holds. docs/kpi.md says what each figure
is.")]
pub(crate) struct KpiArguments {
    #[command(flatten)]
    data: DataArguments,
    /// When shifts begin, for example 06:00,14:00,22:00; may be repeated. Without it there are none
    #[arg(long, value_name = "HH:MM", value_delimiter = ',', value_parser = time_of_day)]
    shift: Vec<jiff::civil::Time>,
    /// How far the clock of the place is ahead of UTC, for example +01:00 or -03:30
    #[arg(long, value_name = "+HH:MM", default_value = "+00:00", allow_hyphen_values = true, value_parser = utc_offset)]
    utc_offset: jiff::tz::Offset,
    /// Counts nothing before this moment, for example 2026-03-01T06:00:00Z
    #[arg(long, value_name = "RFC3339", value_parser = moment)]
    from: Option<jiff::Timestamp>,
    /// Counts nothing from this moment on
    #[arg(long, value_name = "RFC3339", value_parser = moment)]
    to: Option<jiff::Timestamp>,
    /// One JSON object, with everything in it
    #[arg(long)]
    json: bool,
}

fn time_of_day(text: &str) -> anyhow::Result<jiff::civil::Time> {
    jiff::civil::Time::strptime("%H:%M", text)
        .context("write the hour and the minute at which the shift begins, for example 06:00")
}

fn utc_offset(text: &str) -> anyhow::Result<jiff::tz::Offset> {
    let zone = jiff::fmt::temporal::DateTimeParser::new().parse_time_zone(text);
    zone.and_then(|zone| zone.to_fixed_offset()).context("write it as +01:00 or -03:30")
}

fn moment(text: &str) -> anyhow::Result<jiff::Timestamp> {
    text.parse().context("write it as 2026-03-01T06:00:00Z or 2026-03-01T07:00:00+01:00")
}

impl KpiArguments {
    fn period(&self) -> anyhow::Result<Period> {
        let wall = |at: jiff::Timestamp| {
            let nanos = i64::try_from(at.as_nanosecond()).context("no record is of that time")?;
            anyhow::Ok(WallTime::from_unix_nanos(nanos))
        };
        let (from, to) = (self.from.map(wall).transpose()?, self.to.map(wall).transpose()?);
        if let (Some(from), Some(to)) = (from, to) {
            ensure!(from < to, "--from is not before --to");
        }
        let shifts = Shifts::new(self.shift.iter().copied(), self.utc_offset.seconds());
        Ok(Period { from, to, shifts })
    }
}

pub(crate) fn run(arguments: &KpiArguments) -> anyhow::Result<ExitCode> {
    let counted = count(&arguments.data.open()?, arguments.period()?)?;
    if arguments.json {
        say(serde_json::to_string_pretty(&counted)?)?;
    } else {
        say(counted.text())?;
    }
    Ok(ExitCode::SUCCESS)
}

/// What a record gave.
#[derive(Debug, Serialize)]
struct CountedRecord {
    /// The build that counted.
    build: &'static str,
    /// Runs of which this build makes something else than the record holds.
    not_as_recorded: Vec<DifferingRun>,
    /// Segments that were left out because the beginning of their run is not there any more.
    segments_left_out: Vec<u64>,
    #[serde(flatten)]
    report: Report,
}

/// Where what this build makes of a run is not what the record holds.
#[derive(Debug, Serialize)]
struct DifferingRun {
    incarnation: u64,
    /// The build that wrote it.
    build: String,
    /// The first one.
    first_difference: String,
}

impl CountedRecord {
    fn text(&self) -> String {
        let mut lines: Vec<String> = Vec::new();
        for difference in &self.not_as_recorded {
            lines.push(format!(
                "NOT AS RECORDED: run {} of build {}\n  {}\n  its figures are what this build, {}, makes of the same inputs",
                difference.incarnation, difference.build, difference.first_difference, self.build
            ));
        }
        for segment in &self.segments_left_out {
            lines.push(format!("segment {segment} left out: the beginning of its run is not there any more"));
        }
        if !lines.is_empty() {
            lines.push(String::new());
        }
        lines.push(text(&self.report));
        lines.join("\n")
    }
}

fn count<S: ReadStorage + ?Sized>(storage: &S, period: Period) -> anyhow::Result<CountedRecord> {
    let mut counting = Counting {
        kpi: Kpi::new(period),
        counts: Counts::default(),
        comparison: None,
        opening: None,
        not_as_recorded: Vec::new(),
        segments_left_out: Vec::new(),
    };
    follow(storage, &mut counting)?;
    Ok(CountedRecord {
        build: watchkeeper_server::BUILD,
        not_as_recorded: counting.not_as_recorded,
        segments_left_out: counting.segments_left_out,
        report: counting.kpi.finish(),
    })
}

/// Counts what the engines make of a record.
struct Counting {
    kpi: Kpi,
    /// The engine's own counts as they were after the last input.
    counts: Counts,
    /// Compares the run with the record, up to the first difference.
    comparison: Option<Comparison>,
    /// Which run it is: its number and the build that wrote it.
    opening: Option<(u64, String)>,
    not_as_recorded: Vec<DifferingRun>,
    segments_left_out: Vec<u64>,
}

impl Counting {
    fn count_demands(&mut self, counts: &Counts) {
        let raised = counts.demands_raised - self.counts.demands_raised;
        if raised > 0 {
            self.kpi.handle_demands(raised);
        }
        let before: &BTreeMap<Option<DemandOutcome>, u64> = &self.counts.takeovers_ended;
        for (outcome, ended) in &counts.takeovers_ended {
            let more = ended - before.get(outcome).copied().unwrap_or(0);
            if more > 0 {
                self.kpi.handle_demands_over(*outcome, more);
            }
        }
        self.counts.demands_raised = counts.demands_raised;
        self.counts.takeovers_ended.clone_from(&counts.takeovers_ended);
    }
}

impl Follower for Counting {
    fn handle_run(&mut self, opening: &Opening, config: &Config) {
        self.kpi.handle_run(config.alarms.flood);
        self.counts = Counts::default();
        self.comparison = Some(Comparison::new(opening));
        self.opening = Some((opening.incarnation.0, opening.build.clone()));
    }

    fn handle_engine(&mut self, engine: &mut Engine) {
        engine.follow_alerts();
    }

    fn handle_record(&mut self, record: &Record) -> anyhow::Result<ControlFlow<()>> {
        if let Some(comparison) = &mut self.comparison
            && let Err(first_difference) = comparison.handle_record(record)?
        {
            let (incarnation, build) = self.opening.clone().unwrap_or_default();
            self.not_as_recorded.push(DifferingRun { incarnation, build, first_difference });
            self.comparison = None;
        }
        Ok(ControlFlow::Continue(()))
    }

    fn handle_taken(&mut self, record: &Record, engine: &mut Engine) -> anyhow::Result<ControlFlow<()>> {
        let (now, wall) =
            (MonoTime::from_nanos(record.mono_nanos), WallTime::from_unix_nanos(record.wall_nanos));
        if !self.kpi.handle_time(now, wall) {
            return Ok(ControlFlow::Break(()));
        }
        if let Some(comparison) = &mut self.comparison {
            comparison.handle_input(record);
        }
        while let Some(output) = engine.poll_output() {
            if let Output::Derived(Derived::Page(page)) = &output {
                self.kpi.handle_call(page.reason);
            }
            if let Some(comparison) = &mut self.comparison {
                comparison.handle_output(output);
            }
        }
        while let Some(alarm) = engine.poll_alert() {
            self.kpi.handle_alarm(&alarm, now, wall);
        }
        self.count_demands(engine.counts());
        Ok(ControlFlow::Continue(()))
    }

    fn handle_left_out(&mut self, segment: u64) {
        self.comparison = None;
        self.segments_left_out.push(segment);
    }
}
