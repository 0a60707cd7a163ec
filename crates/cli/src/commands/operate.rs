//! `operate`: the console for scripts.

mod asked;
mod console;
mod event;
mod order;
mod wait;

use crate::{
    connection::{CONNECT_WITHIN, ConnectionArguments, PersonArguments, operator},
    shutdown::Shutdown,
};
use clap::Args;
use console::Console;
use std::process::ExitCode;
use tokio::io::{AsyncBufReadExt, BufReader};
use watchkeeper_protocol::operator::ConsoleKind;

#[derive(Debug, Args)]
#[command(
    after_help = r#"One JSON object a line in, one a line out (each with its "event"). Orders, `agent` being optional where it
is the one that was claimed or waited for last:
  {"do":"claim","agent":"vehicle-4"}   {"do":"engage"}   {"do":"hold"}   {"do":"speed_cap","mps":5}
  {"do":"resume"}   {"do":"hand_back"}   {"do":"release"}   {"do":"dismiss","reason":"..."}
  {"do":"clear_latch","latch_id":7,"reason":"..."}   {"do":"minimal_risk","level":2}
  {"do":"decide","option":0}   {"do":"waive","reason":"..."}   {"do":"suspend","reason":"..."} and reinstate
  {"do":"task","agent":"cards-1","task":"freeze_card card-7 2h"}   (its "tasks" stand in its status; a wrong line is
  answered with what the task needs)
  {"do":"acknowledge","alert_id":1}   {"do":"unshelve","alert_id":1}
  {"do":"shelve","alert_id":1,"reason":"...","for_secs":1800}   (1 h without for_secs, at most 8 h)
  {"do":"request_handover","agent":"vehicle-4"}   ("preempt":true,"reason":"..." for supervisors; then engage)
  {"do":"answer_handover","accept":true}   {"do":"allow_takeover","allowed":true}
  {"do":"label","demand_id":1,"verdict":"real"}   (or false_alarm, late, unclear; once it is over)
  {"do":"stop","agent":"vehicle-4","reason":"..."}
  {"do":"status"}   {"do":"quit"}
  {"do":"wait","for":{"agent":"vehicle-4","state":"human"},"timeout_secs":10}
  wait for: agent (or any:true), state, lease (mine, next, none), alert (takeover, any, none), command (terminal,
  completed), can_resume, condition_reached, handover, offline; all that is given must hold at once.
  Without timeout_secs a wait fails after 30 s.
An "id" in a line comes back with its answer ("sent", "waited" or "failed"), and with the monitor's refusal of it
("error", or "lease" with "change":"refused"; the newest order of that kind which nothing has answered yet).

While this session holds a lease it sends the heartbeats (20 a second, ready: a script is ready by definition) and
ASSUME by itself. At the end of the input, on quit and on Ctrl-C nothing is left behind: what it drives is handed
back if the agent can go on and the cause is gone; otherwise the lease is released and the agent falls back, which
is the safe side.

Example: take over the first agent that asks, stop it, hand it back.
  { echo '{"do":"wait","for":{"alert":"takeover"},"timeout_secs":60}'
    echo '{"do":"claim"}'
    echo '{"do":"wait","for":{"state":"claimed","lease":"mine"}}'
    echo '{"do":"engage"}'
    echo '{"do":"wait","for":{"state":"human"}}'
    echo '{"do":"hold"}'
    echo '{"do":"wait","for":{"command":"completed"}}'
    echo '{"do":"wait","for":{"can_resume":true,"alert":"none"},"timeout_secs":60}'
    echo '{"do":"hand_back"}'
    echo '{"do":"wait","for":{"state":"autonomous"}}'
  } | watchkeeper operate --as anna --strict"#
)]
pub(crate) struct OperateArguments {
    #[command(flatten)]
    who: PersonArguments,
    /// Exits with 1 if anything that was asked for failed, was refused or timed out; the rest is still done
    #[arg(long)]
    strict: bool,
    #[command(flatten)]
    connection: ConnectionArguments,
}

pub(crate) async fn run(arguments: OperateArguments) -> anyhow::Result<ExitCode> {
    let operator = operator(arguments.connection.endpoint()?, &arguments.who, ConsoleKind::Scripted);
    let mut shutdown = Shutdown::listen()?;
    let mut console = Console::new(operator);
    let lines = BufReader::new(tokio::io::stdin()).lines();
    let told = tokio::select! {
        biased;
        () = shutdown.wanted() => Ok(()),
        told = console.run(lines, CONNECT_WITHIN) => told,
    };
    // Also after a failure: a lease must not be left to lapse.
    let ended = console.leave().await;
    told.and(ended)?;
    let failed = arguments.strict && console.has_failed();
    console.close().await;
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
