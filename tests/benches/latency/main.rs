//! How far the whole system is from the limit of this machine: `cargo xtask bench latency`.
//!
//! One process, on one core, holds the real server with everything on (record, leases, explanations, metrics), agents and
//! a console of the SDK over loopback sockets, and beside them a bare tokio-tungstenite echo: a WebSocket round trip that
//! does nothing is what every figure is divided by. Rounds of the paths take turns, each round starts with another path,
//! and the figure of a path is the median over the rounds of its p50 over the echo's p50. The echo is measured twice a
//! round: where it differs from itself by more than 3 %, the run is void and says nothing.
//!
//! A sample begins when the last one has ended: what is measured is the way, not a load (`performance.md`, "How to
//! measure here"). Not here: throughput, many consoles, and what `fsync` costs.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark prints, and fails loudly")]

mod echo;
mod figures;
mod site;

use clap::Parser;
use echo::Echo;
use figures::{Path, Verdict};
use site::Site;
use std::{path::PathBuf, process::ExitCode};

/// What is measured, and how long.
#[derive(Clone, Debug, Parser)]
#[command(name = "cargo xtask bench latency")]
struct Arguments {
    /// Rounds of a run
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(3..))]
    rounds: u32,
    /// Samples of each path in a round; of alerts, a quarter
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(8..))]
    samples: u32,
    /// Runs; most of them must agree, void ones not counted
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    repeats: u32,
    /// Directory for the histograms (.hlog) and the figures (.json)
    #[arg(long, default_value = "target/bench/latency")]
    out: PathBuf,
    /// Given by cargo
    #[arg(long, hide = true)]
    bench: bool,
}

/// The exit code of a run that says nothing: EX_TEMPFAIL of sysexits.h, try again.
const VOID: u8 = 75;

fn main() -> ExitCode {
    // `cargo test --all-targets` runs benchmarks too, with this flag missing: then there is nothing to prove.
    if !std::env::args().any(|argument| argument == "--bench") {
        println!("skipped: run it with `cargo xtask bench latency`");
        return ExitCode::SUCCESS;
    }
    let arguments = Arguments::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let verdicts: Vec<Verdict> = (1..=arguments.repeats)
        // As a task: the thread that waits for the end must not take part.
        .map(|repeat| runtime.block_on(async { tokio::spawn(run(arguments.clone(), repeat)).await.unwrap() }))
        .inspect(|verdict| println!("{verdict}\n"))
        .collect();
    let count = |wanted| verdicts.iter().filter(|verdict| **verdict == wanted).count();
    let (within, over) = (count(Verdict::Within), count(Verdict::Over));
    if within > over {
        println!("{within} of {} runs are within the bar", within + over);
        ExitCode::SUCCESS
    } else if over > 0 {
        println!("{over} of {} runs are OVER the bar", within + over);
        ExitCode::FAILURE
    } else {
        println!("every run is void: this machine does too much else now");
        ExitCode::from(VOID)
    }
}

async fn run(arguments: Arguments, repeat: u32) -> Verdict {
    let samples = arguments.samples;
    let mut echo = Echo::start().await;
    let mut site = Site::start().await;
    let mut paths = Path::all();
    for round in 0..=arguments.rounds {
        let mut figures = [const { Vec::new() }; Path::COUNT];
        // In short slices: whatever slows this machine down for a moment slows all paths down.
        for slice in 0..samples.div_ceil(SLICE) {
            for turn in 0..MEASURED {
                match (turn + round + slice) % MEASURED {
                    0 => figures[Path::ECHO].extend(echo.round(SLICE).await),
                    1 => figures[Path::AGAIN].extend(echo.round(SLICE).await),
                    2 => figures[Path::ALERT].extend(site.alerts(SLICE / 4).await),
                    _ => {
                        let (there, back) = site.commands(SLICE).await;
                        figures[Path::COMMAND].extend(there);
                        figures[Path::ACK].extend(back);
                    }
                }
            }
        }
        // The first round warms up.
        if round > 0 {
            figures::add(&mut paths, &figures);
        }
    }
    site.stop().await;
    println!("run {repeat}: {} rounds, {samples} samples a round and path", arguments.rounds);
    figures::print(&paths);
    figures::write(&paths, &arguments.out, repeat).unwrap();
    figures::judge(&paths)
}

/// Samples of a path in a row.
const SLICE: u32 = 20;
/// What takes turns in a round: the echo, the echo again, alerts, and commands with their acknowledgements.
const MEASURED: u32 = 4;
