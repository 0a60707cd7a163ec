//! The operator console: thin around the library.

use clap::Parser;
use std::{
    io::{self, IsTerminal, Write},
    process::ExitCode,
};
use tracing_subscriber::EnvFilter;
use watchkeeper_client::NO_FRAMES;
use watchkeeper_console::{options::Options, run};

/// What is logged unless RUST_LOG says otherwise: what would wake somebody. The layers below the console warn of
/// every software renderer and missing desktop setting.
const LOGGED: &str = "error,watchkeeper=warn,watchkeeper_console=warn,watchkeeper_client=warn";

fn main() -> ExitCode {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_unset| EnvFilter::new(LOGGED));
    let filter = NO_FRAMES.into_iter().fold(filter, |filter, directive| {
        filter.add_directive(directive.parse().expect("the directive is well-formed"))
    });
    let colours = io::stderr().is_terminal();
    tracing_subscriber::fmt().with_env_filter(filter).with_ansi(colours).with_writer(io::stderr).init();
    match run(Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Where standard error is closed there is nobody left to tell.
            writeln!(io::stderr().lock(), "watchkeeper-console: {error:#}").unwrap_or_default();
            ExitCode::FAILURE
        }
    }
}
