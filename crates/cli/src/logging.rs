//! Where log lines go.

use crate::arguments::{Arguments, Command};
use anyhow::Context;
use std::{
    fs::File,
    io::{self, IsTerminal},
    sync::Arc,
};
use tracing_subscriber::EnvFilter;
use watchkeeper_client::NO_FRAMES;

/// What is logged unless `RUST_LOG` says otherwise.
const DEFAULT_FILTER: &str = "watchkeeper=info";

/// Starts logging: to standard error, or to a file where the screen belongs to a console.
pub(crate) fn start(arguments: &Arguments) -> anyhow::Result<()> {
    let filter = EnvFilter::try_from_default_env()
        .unwrap_or_else(|_unset| EnvFilter::new(default_filter(&arguments.command)));
    let filter = NO_FRAMES.into_iter().fold(filter, |filter, directive| {
        filter.add_directive(directive.parse().expect("the directive is well-formed"))
    });
    let builder = tracing_subscriber::fmt().with_env_filter(filter);
    if let Some(path) = &arguments.log_file {
        let file = File::options()
            .create(true)
            .append(true)
            .open(path)
            .with_context(|| format!("opening the log file {}", path.display()))?;
        builder.with_ansi(false).with_writer(Arc::new(file)).init();
    } else if draws(&arguments.command) {
        // The screen is the console's; a log line on it would hide an alert.
        builder.with_writer(io::sink).init();
    } else {
        builder.with_ansi(io::stderr().is_terminal()).with_writer(io::stderr).init();
    }
    Ok(())
}

/// Says whether the command draws on the whole screen.
fn draws(command: &Command) -> bool {
    match command {
        Command::Watch(_) => true,
        Command::Demo(demo) => demo.draws(),
        Command::Serve(_)
        | Command::DevCerts(_)
        | Command::Simulate(_)
        | Command::Replay(_)
        | Command::Operate(_)
        | Command::Stop(_)
        | Command::Takeover(_)
        | Command::Token(_)
        | Command::Kpi(_)
        | Command::Deferral(_)
        | Command::Eval(_)
        | Command::Rules(_)
        | Command::Score(_)
        | Command::Delay(_)
        | Command::Chart(_)
        | Command::Ledger(_) => false,
    }
}

/// The demo tells its story itself, and commands that end at once say what matters on their own.
fn default_filter(command: &Command) -> &'static str {
    match command {
        Command::Demo(_) | Command::Stop(_) => "watchkeeper=warn",
        Command::Serve(_)
        | Command::DevCerts(_)
        | Command::Simulate(_)
        | Command::Replay(_)
        | Command::Watch(_)
        | Command::Operate(_)
        | Command::Takeover(_)
        | Command::Token(_)
        | Command::Kpi(_)
        | Command::Deferral(_)
        | Command::Eval(_)
        | Command::Rules(_)
        | Command::Score(_)
        | Command::Delay(_)
        | Command::Chart(_)
        | Command::Ledger(_) => DEFAULT_FILTER,
    }
}
