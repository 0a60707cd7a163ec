//! `watch`: opens the text console.

use crate::{
    connection::{ConnectionArguments, PersonArguments, operator},
    watch,
};
use anyhow::ensure;
use clap::Args;
use std::{
    io::{IsTerminal, stdin, stdout},
    process::ExitCode,
};
use watchkeeper_client::Operator;
use watchkeeper_protocol::operator::ConsoleKind;
use watchkeeper_server::clock::Clock;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  watchkeeper watch
  watchkeeper watch --as anna --role supervisor
  watchkeeper watch --role observer

Press ? for the keys. A takeover is two inputs: t claims, e engages. S stops an agent at once.
Log lines would spoil the screen: they go nowhere, or to --log-file FILE.")]
pub(crate) struct WatchArguments {
    #[command(flatten)]
    who: PersonArguments,
    #[command(flatten)]
    connection: ConnectionArguments,
}

pub(crate) async fn run(arguments: WatchArguments) -> anyhow::Result<ExitCode> {
    ensure!(
        stdin().is_terminal() && stdout().is_terminal(),
        "`watch` needs a terminal; scripts use `watchkeeper operate`"
    );
    let operator = operator(arguments.connection.endpoint()?, &arguments.who, ConsoleKind::Text);
    show(operator).await?;
    Ok(ExitCode::SUCCESS)
}

/// Runs the console until the person quits.
pub(crate) async fn show(mut operator: Operator) -> anyhow::Result<()> {
    let shown = watch::run(&mut operator, || Clock.now()).await;
    operator.close().await;
    shown
}
