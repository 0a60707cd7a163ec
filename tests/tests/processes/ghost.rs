//! Orders under authority that is over: a raw operator session sends them, with a deadline that is far away, so that
//! nothing but boot and epoch can be stale.

use anyhow::{Context, Result, bail, ensure};
use futures_util::{SinkExt, StreamExt};
use std::{collections::BTreeMap, fmt, path::Path, time::Duration};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::{Message, client::IntoClientRequest};
use watchkeeper_model::{
    AgentId, AgentTime, BearerToken, BootId, CommandArgs, CommandCode, CommandId, CommandKind, CommandState,
    Epoch, OperatorRole, PersonId, Setpoint,
};
use watchkeeper_protocol::{
    OperatorMessage, SessionKind, ToOperator, Wire,
    operator::{CommandRequest, ConsoleKind, HolderReport, OperatorHello},
};

/// Authority that somebody had.
#[derive(Clone, Debug)]
pub(crate) struct Old {
    pub(crate) agent: AgentId,
    pub(crate) boot_id: BootId,
    pub(crate) epoch: Epoch,
    /// A moment at the agent's clock; the deadlines are ten minutes later.
    pub(crate) at: AgentTime,
}

/// What became of an order of a ghost.
pub(crate) struct Refusal {
    pub(crate) agent: AgentId,
    pub(crate) kind: CommandKind,
    pub(crate) code: CommandCode,
    /// The agent's own gate said no, not only the monitor.
    pub(crate) by_the_agent: bool,
}

impl Refusal {
    /// Says whether it was refused because the authority is over, by the monitor or the agent.
    pub(crate) fn is_of_authority(&self) -> bool {
        matches!(self.code, CommandCode::StaleEpoch | CommandCode::NotInControl)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { agent, kind, code, by_the_agent } = self;
        let by = if *by_the_agent { "the agent" } else { "the monitor" };
        write!(f, "{by} refused the old {kind} of {agent} with {code}")
    }
}

/// What he would drive with.
pub(crate) const STEER: f64 = 0.777;

/// Sends RESUME, ENGAGE and hands under every old authority, and returns the refusals of the commands.
///
/// # Errors
/// Also when one of them is not refused within 20 s.
pub(crate) async fn haunt(
    url: &str,
    token_file: &Path,
    person: &PersonId,
    olds: &[Old],
) -> Result<Vec<Refusal>> {
    let mut request = url.into_client_request()?;
    request.headers_mut().insert("sec-websocket-protocol", "watchkeeper.v1".parse()?);
    let (mut socket, _) = tokio_tungstenite::connect_async(request).await?;
    let hello = OperatorHello {
        session: SessionKind::Operator,
        token: Some(BearerToken::new(std::fs::read_to_string(token_file)?.trim())?),
        person: person.clone(),
        role: OperatorRole::Operator,
        console: ConsoleKind::Scripted,
        resume: None,
    };
    socket.send(Message::Binary(watchkeeper_protocol::encode("hello", &hello))).await?;
    let mut open = BTreeMap::new();
    for old in olds {
        for kind in [CommandKind::Resume, CommandKind::Engage] {
            let command_id = CommandId(uuid::Uuid::from_u128(rand::random()));
            let command = order(command_id, old, kind);
            socket.send(Message::Binary(command.encode())).await?;
            open.insert(command_id, (old.clone(), kind, false));
        }
        socket.send(Message::Binary(hands(old).encode())).await?;
    }
    let mut refusals = Vec::new();
    let work = async {
        while !open.is_empty() {
            let message = socket.next().await.context("the monitor closed the ghost's connection")??;
            let Message::Binary(frame) = message else { continue };
            let ToOperator::CommandStatus(update) = ToOperator::decode(&frame)? else { continue };
            let Some((old, kind, forwarded)) = open.get_mut(&update.command_id) else { continue };
            *forwarded |= update.state == CommandState::Forwarded;
            if update.state == CommandState::Rejected {
                let code = update.code.context("a refusal has a code")?;
                refusals.push(Refusal {
                    agent: old.agent.clone(),
                    kind: *kind,
                    code,
                    by_the_agent: *forwarded,
                });
                open.remove(&update.command_id);
            } else if matches!(update.state, CommandState::Accepted | CommandState::Completed) {
                bail!("{kind} took effect under old authority: {old:?}");
            }
        }
        Ok(())
    };
    timeout(Duration::from_secs(20), work).await.context("old orders were not refused")??;
    ensure!(refusals.len() == 2 * olds.len(), "{} refusals", refusals.len());
    Ok(refusals)
}

fn order(command_id: CommandId, old: &Old, kind: CommandKind) -> OperatorMessage {
    OperatorMessage::Command(CommandRequest {
        command_id,
        agent: old.agent.clone(),
        boot_id: old.boot_id,
        kind,
        args: CommandArgs::default(),
        epoch: old.epoch,
        seq: 1_000_000,
        deadline: old.at.after(Duration::from_mins(10)),
        evidence_version: None,
        expect_state: None,
        issued_nanos: 0,
    })
}

fn hands(old: &Old) -> OperatorMessage {
    OperatorMessage::Heartbeat(HolderReport {
        agent: old.agent.clone(),
        epoch: old.epoch,
        seq: 1_000_000_000,
        ready: true,
        state_version: watchkeeper_model::StateVersion::default(),
        deadline: old.at.after(Duration::from_mins(10)),
        setpoint: Some(Setpoint { steer: STEER, accelerate: 1.0 }),
    })
}
