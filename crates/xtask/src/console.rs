//! The window console: building it, finding what was built, and the tasks that run it.

use std::{
    env,
    ffi::OsString,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context as _, Result};
use clap::Subcommand;

use crate::{
    invocation,
    micro::{self, MicroArguments},
};

/// What can be measured.
#[derive(Debug, Subcommand)]
pub(crate) enum Bench {
    /// The window console: frame cost, message to presented frame, folding; draws to a texture
    Console {
        /// Handed on to the console's benchmark
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARGUMENT")]
        rest: Vec<OsString>,
    },
    /// Fifty consoles, one of them stalled: how much later do the others hear of alerts
    Consoles,
    /// Alerts and commands through the whole system, beside a bare WebSocket echo; on one core
    Latency {
        /// Handed on to the benchmark
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARGUMENT")]
        rest: Vec<OsString>,
    },
    /// Instructions of codec, score, route, gate and fold, held to those that are written down
    Micro(MicroArguments),
}

/// Runs a benchmark.
pub(crate) fn bench(bench: Bench) -> Result<ExitCode> {
    match bench {
        Bench::Console { rest } => {
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
        Bench::Latency { rest } => {
            let manifest = invocation::root_manifest()?;
            let words = ["bench", "--locked", "--package", "watchkeeper-tests", "--bench", "latency"];
            let mut words: Vec<OsString> = words.map(OsString::from).to_vec();
            words.extend(["--manifest-path".into(), manifest.into()]);
            let mut build = words.clone();
            build.push("--no-run".into());
            if invocation::run_cargo(&build)? != ExitCode::SUCCESS {
                return Ok(ExitCode::FAILURE);
            }
            // On two cores the scheduler decides whether a hand-over costs 17 or 47 microseconds.
            words.splice(0..0, ["-c", "0", "cargo"].map(OsString::from));
            words.push("--".into());
            words.extend(rest);
            invocation::run_program(Path::new("taskset"), &words)
                .context("this needs taskset: apt-get install util-linux")
        }
        Bench::Micro(arguments) => micro::run(&arguments),
        Bench::Consoles => {
            let manifest = invocation::root_manifest()?;
            let words = ["bench", "--locked", "--package", "watchkeeper-tests", "--bench", "fifty_consoles"];
            let mut words: Vec<OsString> = words.map(OsString::from).to_vec();
            words.extend(["--manifest-path".into(), manifest.into()]);
            invocation::run_cargo(&words)
        }
    }
}

/// Returns whether there is a display to open a window on.
pub(crate) fn has_display() -> bool {
    ["DISPLAY", "WAYLAND_DISPLAY"].iter().any(|name| env::var_os(name).is_some_and(|value| !value.is_empty()))
}

/// Builds the console, with the release profile where wished, and returns its program.
pub(crate) fn build(release: bool) -> Result<PathBuf> {
    let manifest = invocation::root_manifest()?;
    let words = ["build", "--locked", "--package", "watchkeeper-console", "--bin", "watchkeeper-console"];
    let mut words: Vec<OsString> = words.map(OsString::from).to_vec();
    words.extend(["--manifest-path".into(), manifest.clone().into()]);
    words.extend(release.then(|| "--release".into()));
    let code = invocation::run_cargo(&words)?;
    anyhow::ensure!(code == ExitCode::SUCCESS, "the console could not be built");
    let profile = if release { "release" } else { "debug" };
    let program = target_directory(&manifest)?.join(profile).join("watchkeeper-console");
    anyhow::ensure!(program.is_file(), "cargo built no {}", program.display());
    Ok(program)
}

fn target_directory(manifest: &Path) -> Result<PathBuf> {
    let metadata = cargo_metadata::MetadataCommand::new()
        .manifest_path(manifest)
        .no_deps()
        .exec()
        .context("asking cargo where it builds")?;
    Ok(metadata.target_directory.into())
}
