//! The subcommands, one file each.

pub(crate) mod chart;
pub(crate) mod deferral;
pub(crate) mod delay;
pub(crate) mod demo;
pub(crate) mod dev_certs;
pub(crate) mod eval;
pub(crate) mod kpi;
pub(crate) mod ledger;
pub(crate) mod operate;
pub(crate) mod replay;
pub(crate) mod rules;
pub(crate) mod score;
pub(crate) mod serve;
pub(crate) mod simulate;
pub(crate) mod stop;
pub(crate) mod takeover;
pub(crate) mod token;
pub(crate) mod watch;

use crate::arguments::Command;
use std::process::ExitCode;

/// Runs a subcommand to its end.
pub(crate) async fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Serve(arguments) => serve::run(arguments).await,
        Command::DevCerts(arguments) => dev_certs::run(&arguments),
        Command::Demo(arguments) => Box::pin(demo::run(arguments)).await,
        Command::Simulate(arguments) => simulate::run(arguments).await,
        Command::Replay(arguments) => replay::run(arguments).await,
        Command::Watch(arguments) => watch::run(arguments).await,
        Command::Operate(arguments) => Box::pin(operate::run(arguments)).await,
        Command::Stop(arguments) => stop::run(arguments).await,
        Command::Takeover(arguments) => takeover::run(arguments),
        Command::Kpi(arguments) => kpi::run(&arguments),
        Command::Deferral(arguments) => deferral::run(&arguments),
        Command::Rules(arguments) => rules::run(arguments).await,
        Command::Score(arguments) => score::run(arguments).await,
        Command::Delay(arguments) => delay::run(arguments).await,
        Command::Chart(arguments) => chart::run(arguments).await,
        Command::Eval(arguments) => eval::run(&arguments),
        Command::Token(arguments) => token::run(arguments).await,
        Command::Ledger(arguments) => ledger::run(arguments),
    }
}
