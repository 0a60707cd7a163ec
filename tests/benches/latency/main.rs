//! How far the whole system is from the limit of this machine: `cargo xtask bench latency`.
//!
//! One process holds the real server with everything on (record, leases, explanations, spans), agents and consoles of the
//! SDK over loopback sockets, and beside them a bare tokio-tungstenite echo: a WebSocket round trip that does nothing
//! is what every figure is divided by. Rounds are made of short slices of the paths in turn, and the figure of a path
//! is the median over the rounds of its p50 over the p50 of its base. The echo is measured twice a round: where it
//! differs from itself by more than 3 %, the run is void and says nothing.
//!
//! `way` is one console and is meant for one core (`taskset -c 0`): alerts, commands, stops, claims, and the spans
//! inside the server. `crowd` is many consoles and is meant for all cores. `compare` sets two reports side by side.
//!
//! A sample begins when the last one has ended: what is measured is the way, not a load (`performance.md`, "How to
//! measure here"). Not here: throughput (`bench throughput`), and what a frame of the console costs (`bench console`).
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    reason = "a benchmark prints, and fails loudly"
)]

mod compare;
mod crowd;
mod echo;
mod figures;
#[path = "../shared/monitor.rs"]
mod monitor;
mod probe;
mod report;
mod site;
mod suites;

use clap::{Args, Parser, Subcommand};
use figures::{Judge, Suite, Verdict};
use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};
use watchkeeper_server::Span;

#[derive(Debug, Parser)]
#[command(name = "cargo xtask bench latency")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
    /// Given by cargo
    #[arg(long, hide = true, global = true)]
    bench: bool,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// One console: alerts, commands, stops, claims; on one core
    Way(Measuring),
    /// Ten and a hundred consoles; on all cores
    Crowd(Measuring),
    /// Makes spans of the server a millisecond longer, one after the other: fails where the gate does not name each
    Planted(Measuring),
    /// Sets two reports side by side; fails where the second is slower
    Compare {
        /// A report of an earlier run
        before: PathBuf,
        /// A report of a later run
        after: PathBuf,
    },
}

/// How long is measured, and against what.
#[derive(Clone, Debug, Args)]
struct Measuring {
    /// Rounds of a run
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(3..))]
    rounds: u32,
    /// Samples of each path in a round; of slow ones fewer
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(20..))]
    samples: u32,
    /// Runs; most of them must agree. Void ones are repeated, as often again
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    repeats: u32,
    /// Which limits decide
    #[arg(long, default_value = "bar")]
    judge: Judge,
    /// Directory for the report (.json), the histograms (.hlog) and the picture (.svg)
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/bench/latency"))]
    out: PathBuf,
}

/// What is measured together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Way,
    Crowd,
}

impl Part {
    const fn name(self) -> &'static str {
        match self {
            Self::Way => "way",
            Self::Crowd => "crowd",
        }
    }
}

/// Where a delay is planted to see that it is noticed.
const PLANTED: [Span; 3] = [Span::Detect, Span::Outbox, Span::Ledger];

/// The exit code of a benchmark that says nothing: EX_TEMPFAIL of sysexits.h, try again.
const VOID: u8 = 75;

fn main() -> ExitCode {
    // `cargo test --all-targets` runs benchmarks too, with this flag missing: then there is nothing to prove.
    if !std::env::args().any(|argument| argument == "--bench") {
        println!("skipped: run it with `cargo xtask bench latency`");
        return ExitCode::SUCCESS;
    }
    match Arguments::parse().task {
        Task::Way(measuring) => measure(Part::Way, &measuring),
        Task::Crowd(measuring) => measure(Part::Crowd, &measuring),
        Task::Planted(measuring) => planted(&measuring),
        Task::Compare { before, after } => match compare::compare(&before, &after) {
            Ok(comparison) => {
                print!("{comparison}");
                comparison.code()
            }
            Err(problem) => {
                eprintln!("{problem:#}");
                ExitCode::from(2)
            }
        },
    }
}

fn measure(part: Part, measuring: &Measuring) -> ExitCode {
    let name = part.name();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let Measuring { rounds, samples, repeats, judge, .. } = *measuring;
    let (mut within, mut over, mut runs) = (0, 0, Vec::new());
    println!("{name}: {}\n", machine());
    for run in 1..=2 * repeats {
        // As a task: the thread that waits for the end must not take part.
        let of_this_run = measuring.clone();
        let suite = runtime.block_on(async {
            let task = match part {
                Part::Way => tokio::spawn(suites::way(of_this_run, None)),
                Part::Crowd => tokio::spawn(suites::crowd(of_this_run)),
            };
            task.await.unwrap()
        });
        let verdict = suite.judge(judge);
        println!("{name}, run {run}: {rounds} rounds of {samples} samples");
        report::print(&suite);
        println!("{verdict}\n");
        runs.push(report::run_json(&suite, &verdict.to_string()));
        write(name, &measuring.out, &suite, &runs).unwrap();
        match verdict {
            Verdict::Within => within += 1,
            Verdict::Over(_) => over += 1,
            Verdict::Void(_) => {}
        }
        let is_decided = judge == Judge::Gate && within.max(over) * 2 > repeats;
        if is_decided || within + over == repeats {
            break;
        }
    }
    println!("{name}: {within} of {} runs that say something are within their limits", within + over);
    if within > over {
        ExitCode::SUCCESS
    } else if over > 0 {
        ExitCode::FAILURE
    } else {
        println!("every run is void: this machine does too much else now; try again");
        ExitCode::from(VOID)
    }
}

/// Plants a delay in each span in turn. The gate has to turn red, and to name the span.
fn planted(measuring: &Measuring) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let mut missed = 0;
    for planted in PLANTED {
        let name = planted.word();
        let found = (0..2 * measuring.repeats).find_map(|_| {
            let run = suites::way(measuring.clone(), Some(planted));
            let suite = runtime.block_on(async { tokio::spawn(run).await.unwrap() });
            let verdict = suite.judge(Judge::Gate);
            println!("a millisecond planted in {name}: {verdict}");
            match verdict {
                Verdict::Over(paths) => Some(paths.contains(&name)),
                Verdict::Within => Some(false),
                Verdict::Void(_) => None,
            }
        });
        missed += u32::from(found == Some(false));
        if found.is_none() {
            println!("every run is void: this machine does too much else now; try again");
            return ExitCode::from(VOID);
        }
    }
    if missed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Writes what is known after a run.
fn write(name: &str, out: &Path, suite: &Suite, runs: &[serde_json::Value]) -> std::io::Result<()> {
    fs::create_dir_all(out)?;
    let run = runs.len();
    report::write_log(suite, &out.join(format!("{name}-{run}.hlog")))?;
    fs::write(out.join(format!("{name}-{run}.svg")), report::draw(suite, &format!("{name}, run {run}")))?;
    let report = report::json(name, &machine(), runs);
    fs::write(out.join(format!("{name}.json")), format!("{report:#}\n"))
}

/// Returns what was measured on, and what.
fn machine() -> String {
    let first = |file: &str, start: &str| {
        let text = fs::read_to_string(file).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix(start)).unwrap_or_default();
        line.trim_start_matches([' ', '\t', ':']).to_owned()
    };
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    format!(
        "{}, {cores} of its cores, Linux {}, build {}",
        first("/proc/cpuinfo", "model name"),
        first("/proc/sys/kernel/osrelease", ""),
        watchkeeper_server::BUILD
    )
}
