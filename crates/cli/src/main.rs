//! The `watchkeeper` command: serve, dev-certs, demo, simulate, replay, watch, operate, stop, takeover, kpi, deferral, rules,
//! score, delay, chart, eval, token, ledger.
//!
//! Each subcommand is one file of [`commands`]; what is long in it has a folder beside it. Everything that
//! talks to a monitor does so through the public SDK, over a socket, like anybody else's program: `demo` too.
//!
//! Deliberately not here: decisions of the monitor or the gate, the format of the record, and what a console
//! shows: those live in the crates this one puts together.

mod arguments;
mod backtest;
mod commands;
mod connection;
mod draft;
mod failure;
mod kpi;
mod logging;
mod out;
mod record;
mod runs;
mod shutdown;
mod stages;
mod watch;

use arguments::Arguments;
use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let done = logging::start(&arguments).and_then(|()| {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        let done = runtime.block_on(commands::run(arguments.command));
        // A read of the terminal that nobody waits for any more must not hold up the exit.
        runtime.shutdown_background();
        done
    });
    done.unwrap_or_else(|error| failure::report(&error))
}
