//! `stop`: one agent, at once, and then the truth about whether it stands.

use crate::{
    connection::{ConnectionArguments, PersonArguments, operator, welcomed},
    out::say,
};
use clap::Args;
use std::{process::ExitCode, time::Duration};
use watchkeeper_client::{Operator, OperatorEvent};
use watchkeeper_model::{AgentId, CommandId, CommandState, Note};
use watchkeeper_picture::Intent;
use watchkeeper_protocol::{
    ToOperator,
    operator::{CommandUpdate, ConsoleKind},
    session::ErrorCode,
};

/// How long the effect may take before the command says that it is not confirmed.
const CONFIRMED_WITHIN: Duration = Duration::from_secs(10);
/// Exit code for a stop that was sent and is not confirmed.
const NOT_CONFIRMED: u8 = 2;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  watchkeeper stop vehicle-4
  watchkeeper stop press-1 --reason 'hand in the machine' --as anna

Any operator may stop any agent, lease or not. Exit code 0: it stands, as its own sensors confirm. 2: the stop
is with the monitor, which goes on trying, and is not confirmed. 1: it was refused, or never reached a monitor.")]
pub(crate) struct StopArguments {
    /// Which agent
    agent: AgentId,
    /// Why, for the record
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    #[command(flatten)]
    who: PersonArguments,
    #[command(flatten)]
    connection: ConnectionArguments,
}

/// What became of the stop.
enum Verdict {
    Stands,
    NotConfirmed,
    Refused(String),
}

pub(crate) async fn run(arguments: StopArguments) -> anyhow::Result<ExitCode> {
    let agent = arguments.agent;
    let mut operator = operator(arguments.connection.endpoint()?, &arguments.who, ConsoleKind::Scripted);
    welcomed(&mut operator).await?;
    let reason = arguments.reason.map(|reason| Note::cut(&reason));
    let command_id = operator.act(Intent::Stop { agent: agent.clone(), reason, confirm_many: false })?;
    say(format_args!("stop sent to {agent}"))?;
    let verdict = tokio::time::timeout(CONFIRMED_WITHIN, confirmed(&mut operator, command_id)).await;
    operator.close().await;
    match verdict.unwrap_or(Ok(Verdict::NotConfirmed))? {
        Verdict::Stands => {
            say(format_args!("{agent} is stopped: it stands, as its sensors confirm"))?;
            Ok(ExitCode::SUCCESS)
        }
        Verdict::NotConfirmed => {
            say(format_args!(
                "{agent}: NOT CONFIRMED within {} s. The monitor goes on sending the stop; look at the agent itself",
                CONFIRMED_WITHIN.as_secs()
            ))?;
            Ok(ExitCode::from(NOT_CONFIRMED))
        }
        Verdict::Refused(reason) => anyhow::bail!("{agent} was NOT stopped: {reason}"),
    }
}

async fn confirmed(operator: &mut Operator, command_id: Option<CommandId>) -> anyhow::Result<Verdict> {
    loop {
        match operator.next().await {
            OperatorEvent::Message(message) => {
                if let ToOperator::CommandStatus(update) = &*message
                    && Some(update.command_id) == command_id
                {
                    say(describe(update))?;
                    if let Some(verdict) = verdict(update) {
                        return Ok(verdict);
                    }
                }
            }
            OperatorEvent::Refused(report)
                if matches!(report.code, ErrorCode::UnknownAgent | ErrorCode::Forbidden) =>
            {
                return Ok(Verdict::Refused(report.message.to_string()));
            }
            OperatorEvent::Disconnected { reason } => {
                say(format_args!(
                    "the connection is lost ({reason}); the stop is sent again as soon as there is one, until the monitor has it"
                ))?;
            }
            OperatorEvent::Ended => return Ok(Verdict::NotConfirmed),
            OperatorEvent::Connected { .. } | OperatorEvent::Refused(_) => {}
        }
    }
}

fn describe(update: &CommandUpdate) -> String {
    let code = update.code.map(|code| format!(" ({code})")).unwrap_or_default();
    let detail = update.detail.as_ref().map(|detail| format!(": {detail}")).unwrap_or_default();
    format!("  {}{code}{detail}", update.state)
}

fn verdict(update: &CommandUpdate) -> Option<Verdict> {
    match update.state {
        CommandState::Completed => Some(Verdict::Stands),
        CommandState::Rejected | CommandState::Failed | CommandState::Cancelled => {
            let detail = update.detail.as_ref().map(ToString::to_string);
            Some(Verdict::Refused(detail.unwrap_or_else(|| update.state.to_string())))
        }
        CommandState::Received
        | CommandState::Forwarded
        | CommandState::Accepted
        | CommandState::InProgress
        | CommandState::Expired
        | CommandState::Superseded
        | CommandState::Unknown => None,
    }
}
