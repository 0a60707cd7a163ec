//! The project's own commands: `cargo xtask demo`, `test`, `prove`, `screenshots` and `bench`.
//!
//! They work from any directory of the workspace and need a Rust toolchain and a C linker; what draws the window
//! console needs a Vulkan driver too, and a window a display. They only choose arguments, print the command and run
//! it; what a demo, a test, a picture or a figure *is* lives in `watchkeeper-cli`, in the test targets, and in the
//! console.
//!
//! Deliberately not here: set-up of the machine (see `.ci/run`), and any knowledge of the product.

mod bench;
mod canary;
mod console;
mod demo;
mod invocation;
mod micro;
mod prove;
mod screenshots;
mod test;

use std::{ffi::OsString, process::ExitCode};

use anyhow::Result;
use clap::{Parser, Subcommand};

/// The commands a newcomer needs.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Builds everything and plays the whole loop: monitor, simulator and console
    Demo(demo::DemoArguments),
    /// Draws pictures of the console in every situation; needs a Vulkan driver, but no display
    Screenshots(screenshots::ScreenshotArguments),
    /// Model-checks the takeover: every configuration, or those whose name contains NAME
    Prove(prove::ProveArguments),
    /// Measures
    #[command(subcommand)]
    Bench(bench::Bench),
    /// Runs every test of the workspace; arguments are handed on to `cargo test`
    #[command(disable_help_flag = true)]
    Test {
        /// Handed on as they are, for example a test's name, `-p PACKAGE`, or `-- --nocapture`
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARGUMENT")]
        rest: Vec<OsString>,
    },
}

fn main() -> Result<ExitCode> {
    let command_line: Vec<OsString> = std::env::args_os().collect();
    match Arguments::parse_from(&command_line).task {
        Task::Demo(arguments) => demo::run(arguments),
        Task::Screenshots(arguments) => screenshots::run(&arguments),
        Task::Prove(arguments) => prove::run(arguments),
        Task::Bench(bench) => bench::run(bench),
        // Taken from the raw command line: clap would swallow the `--` that cargo must see.
        Task::Test { rest: _ } => test::run(command_line.get(2..).unwrap_or_default()),
    }
}
