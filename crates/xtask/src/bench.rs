//! The benchmarks: which program measures what, and on which cores.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context as _, Result};
use clap::Subcommand;

use crate::{
    console::has_display,
    invocation,
    micro::{self, MicroArguments},
};

/// What can be measured.
#[derive(Debug, Subcommand)]
pub(crate) enum Bench {
    /// Alerts, commands, stops and claims through the whole system, beside a bare WebSocket echo
    Latency {
        /// Handed on to both parts of the benchmark, for example --judge gate
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARGUMENT")]
        rest: Vec<OsString>,
    },
    /// Delays planted in the server: fails where the gate of `latency` does not name each
    Planted {
        /// Handed on to the benchmark
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARGUMENT")]
        rest: Vec<OsString>,
    },
    /// How much the monitor takes: ingest, a ramp to the knee, consoles that come back together, an agent that is too loud,
    /// and 50,000 decisions a second for a minute
    Throughput {
        /// Handed on to the benchmark: ingest, ramp, returners, neighbour or load, and their options
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARGUMENT")]
        rest: Vec<OsString>,
    },
    /// Two reports of `latency` side by side: fails where the second is slower
    Compare {
        /// For example target/bench/latency/way.json of an earlier run
        before: PathBuf,
        /// The same of a later run
        after: PathBuf,
    },
    /// Instructions of codec, score, route, gate and fold, held to those that are written down
    Micro(MicroArguments),
    /// What scoring a row of a stream costs, beside a random cut forest in the same run
    Detect,
    /// The window console: frame cost, message to presented frame, folding; draws to a texture
    Console {
        /// Handed on to the console's benchmark
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARGUMENT")]
        rest: Vec<OsString>,
    },
    /// Fifty consoles, one of them stalled: how much later do the others hear of alerts
    Consoles,
}

/// Runs a benchmark.
pub(crate) fn run(bench: Bench) -> Result<ExitCode> {
    match bench {
        Bench::Latency { rest } => latency(&rest),
        Bench::Compare { before, after } => {
            let mut words = whole_system("latency")?;
            words.extend(["--".into(), "compare".into(), before.into(), after.into()]);
            invocation::run_cargo(&words)
        }
        Bench::Planted { rest } => {
            let built = build("latency")?;
            if built != ExitCode::SUCCESS {
                return Ok(built);
            }
            on_one_core("latency", "planted", &rest)
        }
        Bench::Throughput { rest } => {
            let mut words = whole_system("throughput")?;
            words.push("--".into());
            words.extend(rest);
            invocation::run_cargo(&words)
        }
        Bench::Micro(arguments) => micro::run(&arguments),
        Bench::Detect => invocation::run_cargo(&bench_of("watchkeeper-detect", "cost")?),
        Bench::Console { rest } => console(rest),
        Bench::Consoles => invocation::run_cargo(&whole_system("fifty_consoles")?),
    }
}

/// Returns the arguments that make cargo build and run a benchmark of the whole system.
fn whole_system(name: &str) -> Result<Vec<OsString>> {
    bench_of("watchkeeper-tests", name)
}

/// Returns the arguments that make cargo build and run a benchmark of a package.
fn bench_of(package: &str, name: &str) -> Result<Vec<OsString>> {
    let manifest = invocation::root_manifest()?;
    let words = ["bench", "--locked", "--package", package, "--bench", name, "--manifest-path"];
    let mut words: Vec<OsString> = words.map(OsString::from).to_vec();
    words.push(manifest.into());
    Ok(words)
}

/// Runs both parts, also when the first fails; returns the worse of their codes.
fn latency(rest: &[OsString]) -> Result<ExitCode> {
    let built = build("latency")?;
    if built != ExitCode::SUCCESS {
        return Ok(built);
    }
    let way = on_one_core("latency", "way", rest)?;
    let mut words = whole_system("latency")?;
    words.extend(["--".into(), "crowd".into()]);
    words.extend(rest.iter().cloned());
    let crowd = invocation::run_cargo(&words)?;
    Ok(if way == ExitCode::SUCCESS || crowd == ExitCode::FAILURE { crowd } else { way })
}

/// Builds a benchmark with every core.
fn build(name: &str) -> Result<ExitCode> {
    let mut words = whole_system(name)?;
    words.push("--no-run".into());
    invocation::run_cargo(&words)
}

/// Runs a part of a benchmark on one core: on two, the scheduler decides whether a hand-over costs 17 or 47 microseconds.
fn on_one_core(name: &str, part: &str, rest: &[OsString]) -> Result<ExitCode> {
    let mut words = ["-c", "0", "cargo"].map(OsString::from).to_vec();
    words.extend(whole_system(name)?);
    words.extend(["--".into(), part.into()]);
    words.extend(rest.iter().cloned());
    invocation::run_program(Path::new("taskset"), &words)
        .context("this needs taskset: apt-get install util-linux")
}

fn console(rest: Vec<OsString>) -> Result<ExitCode> {
    let manifest = invocation::root_manifest()?;
    let words = ["run", "--locked", "--package", "watchkeeper-console", "--example", "bench"];
    let mut words: Vec<OsString> = words.map(OsString::from).to_vec();
    words.extend(["--manifest-path".into(), manifest.into(), "--".into()]);
    words.extend(rest);
    // With RUST_BACKTRACE set something walks the stack in every frame: a millisecond that no user pays.
    words.splice(0..0, ["RUST_BACKTRACE=0", "cargo"].map(OsString::from));
    if has_display() {
        return invocation::run_program(Path::new("env"), &words);
    }
    // A display that nobody sees; it ends with the benchmark.
    words.insert(0, "env".into());
    let screen = ["--auto-servernum", "--server-args=-screen 0 1920x1080x24"].map(OsString::from);
    let words: Vec<OsString> = screen.into_iter().chain(words).collect();
    invocation::run_program(Path::new("xvfb-run"), &words)
        .context("without a display this needs xvfb-run: apt-get install xvfb xauth; or set DISPLAY")
}
