//! `ledger`: checks, prints and replays the record.

pub(crate) mod replay;
mod show;

use crate::{
    out::{count, say},
    record::{DataArguments, wall},
};
use anyhow::Context;
use clap::{Args, Subcommand};
use std::{fs, path::PathBuf, process::ExitCode};
use watchkeeper_ledger::{Head, Problem, Report, verify};
use watchkeeper_model::WallTime;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  watchkeeper ledger verify --head kept.head
  watchkeeper ledger show --type takeover --json
  watchkeeper ledger replay --data watchkeeper-data

All of them work beside a running monitor, and none of them changes anything.")]
pub(crate) struct LedgerArguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Checks every byte, and names the first bad or missing record
    Verify {
        #[command(flatten)]
        data: DataArguments,
        /// Heads that somebody else kept: a file with `SEQUENCE HASH` lines, or that text itself. May be repeated
        #[arg(long, value_name = "F")]
        head: Vec<String>,
    },
    /// Prints the records
    Show(show::ShowArguments),
    /// Feeds the inputs to fresh engines and compares every output with the record
    Replay {
        #[command(flatten)]
        data: DataArguments,
    },
}

pub(crate) fn run(arguments: LedgerArguments) -> anyhow::Result<ExitCode> {
    match arguments.what {
        What::Verify { data, head } => {
            let heads = head.iter().map(|text| read_heads(text)).collect::<anyhow::Result<Vec<_>>>()?;
            let report = verify(&data.open()?, &heads.concat())?;
            say(describe(&report))?;
            Ok(if report.is_sound() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
        What::Show(arguments) => show::run(&arguments),
        What::Replay { data } => {
            let report = replay::replay(&data.open()?)?;
            say(&report)?;
            Ok(if report.is_identical() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
    }
}

/// Reads heads from a file, one a line, or takes the text as one.
fn read_heads(text: &str) -> anyhow::Result<Vec<Head>> {
    let path = PathBuf::from(text);
    if !path.exists()
        && let Ok(head) = text.parse()
    {
        return Ok(vec![head]);
    }
    anyhow::ensure!(path.exists(), "--head {text:?} is neither a file nor `SEQUENCE HASH`");
    let found = fs::read_to_string(&path).with_context(|| format!("reading the head in {text}"))?;
    let lines = found.lines().filter(|line| !line.trim().is_empty());
    let heads: Vec<Head> = lines
        .map(str::parse)
        .collect::<Result<_, _>>()
        .with_context(|| format!("{text} holds no head: a line of it is not `SEQUENCE HASH`"))?;
    anyhow::ensure!(!heads.is_empty(), "{text} is empty: no head was kept");
    Ok(heads)
}

/// Returns what a verification found, in words.
pub(crate) fn describe(report: &Report) -> String {
    let mut lines = Vec::new();
    if let Some(point) = &report.starting_point {
        lines.push(point.to_string());
    }
    lines.push(format!("{} in {}", count(report.records, "record"), count(report.segments, "segment")));
    if let Some((first, last)) = report.wall_nanos {
        let [first, last] = [first, last].map(|nanos| wall(WallTime::from_unix_nanos(nanos)));
        lines.push(format!("from {first} to {last}"));
    }
    for segment in &report.gaps {
        lines.push(format!("segment {segment} follows damage that was accepted at a start"));
    }
    if let Some((place, bytes)) = report.unfinished {
        lines.push(format!(
            "a running monitor is writing a record ({place}, {} so far)",
            count(bytes, "byte")
        ));
    }
    if report.heads_matched > 0 {
        lines.push(if report.heads_matched == 1 {
            "1 kept head matches".to_owned()
        } else {
            format!("{} kept heads match", report.heads_matched)
        });
    }
    if report.heads_too_old > 0 {
        let are = if report.heads_too_old == 1 { "is" } else { "are" };
        let heads = count(report.heads_too_old, "kept head");
        lines.push(format!("{heads} {are} older than the record: no proof"));
    }
    lines.extend(report.problems.iter().map(describe_problem));
    if report.problems_left_out > 0 {
        lines.push(format!("... and {}", count(report.problems_left_out, "more problem")));
    }
    match (report.is_sound(), report.head) {
        (true, Some(head)) => lines.push(format!("sound; head {head}")),
        (true, None) => lines.push("sound, and empty".to_owned()),
        (false, _) => lines.push("NOT SOUND".to_owned()),
    }
    lines.join("\n")
}

/// A head that proves nothing wrong on its own may be the wrong one itself: a typing error, or of another record.
fn describe_problem(problem: &Problem) -> String {
    let doubt = match problem {
        Problem::MissingRecords { .. } | Problem::Rewritten { .. } => " Or the kept head is wrong.",
        Problem::Header { .. }
        | Problem::Record { .. }
        | Problem::OutOfOrder { .. }
        | Problem::Trailing { .. }
        | Problem::UnfinishedTail { .. }
        | Problem::MissingSegments { .. } => "",
    };
    format!("PROBLEM: {problem}{doubt}")
}
