//! A `watchkeeper operate` at which somebody sits.

use crate::{piped::Piped, told::Told};
use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::{Value, json};
use std::{collections::BTreeMap, path::Path, process::Command};
use watchkeeper_ledger::Head;
use watchkeeper_model::{AgentId, Alarm, CommandId, CommandState, Epoch, PersonId};
use watchkeeper_protocol::operator::{AgentStatus, CommandUpdate};
use watchkeeper_tests::process::watchkeeper;

/// The console, and what it said.
pub(crate) struct Desk {
    pub(crate) person: PersonId,
    pub(crate) process: Piped,
    pub(crate) connected: bool,
    status: BTreeMap<AgentId, AgentStatus>,
    /// What became of the commands that this desk sent, by the id that the test gave them.
    sent: BTreeMap<u64, CommandId>,
    fates: BTreeMap<CommandId, Vec<CommandUpdate>>,
    /// What the console itself refused to send, and what the monitor refused without a command.
    pub(crate) refused: Vec<Value>,
    /// Every change of an alert that it heard of.
    pub(crate) alerts: Vec<Alarm>,
    orders: u64,
}

impl Desk {
    pub(crate) fn open(person: &str, role: &str, url: &str, token_file: &Path) -> Result<Self> {
        let mut command = Command::new(watchkeeper()?);
        command
            .args(["operate", "--as", person, "--role", role, "--url", url, "--token-file"])
            .arg(token_file);
        Ok(Self {
            person: PersonId::new(person)?,
            process: Piped::start(person, &mut command)?,
            connected: false,
            status: BTreeMap::new(),
            sent: BTreeMap::new(),
            fates: BTreeMap::new(),
            refused: Vec::new(),
            alerts: Vec::new(),
            orders: 0,
        })
    }

    /// Orders something of an agent; returns the number under which [`Self::fate`] tells what became of it.
    pub(crate) fn order(&mut self, word: &str, agent: &AgentId, arguments: Value) -> Result<u64> {
        self.orders += 1;
        let mut line = json!({"do": word, "agent": agent, "id": self.orders});
        if let (Some(line), Value::Object(arguments)) = (line.as_object_mut(), arguments) {
            line.extend(arguments);
        }
        self.process.say(&line)?;
        Ok(self.orders)
    }

    /// Returns how an agent is, as this console was told.
    pub(crate) fn status(&self, agent: &AgentId) -> Option<&AgentStatus> {
        self.status.get(agent)
    }

    /// Says whether this desk's person holds the lease of an agent.
    pub(crate) fn holds(&self, agent: &AgentId) -> bool {
        let lease = self.status(agent).and_then(|status| status.lease.as_ref());
        lease.is_some_and(|lease| lease.holder == self.person)
    }

    /// Returns what became of an order, in the order of telling.
    pub(crate) fn fate(&self, order: u64) -> &[CommandUpdate] {
        self.sent
            .get(&order)
            .and_then(|command| self.fates.get(command))
            .map(Vec::as_slice)
            .unwrap_or_default()
    }

    /// Returns the end of an order, once it has one.
    pub(crate) fn end(&self, order: u64) -> Option<&CommandUpdate> {
        self.fate(order).iter().find(|update| update.state.is_terminal(update.kind.risk()))
    }

    /// Says whether an agent accepted it.
    pub(crate) fn was_accepted(&self, order: u64) -> bool {
        self.fate(order).iter().any(|update| update.state == CommandState::Accepted)
    }

    /// Takes what was said since the last time.
    pub(crate) fn pump(&mut self, told: &mut Told) -> Result<()> {
        while let Some(line) = self.process.hear::<Value>()? {
            let event = line.get("event").and_then(Value::as_str).unwrap_or_default().to_owned();
            self.take(&event, line, told)?;
        }
        Ok(())
    }

    fn take(&mut self, event: &str, line: Value, told: &mut Told) -> Result<()> {
        match event {
            "welcome" => self.connected = true,
            "disconnected" => self.connected = false,
            "control_status" => {
                let status: AgentStatus = serde_json::from_value(line)?;
                self.status.insert(status.agent.clone(), status);
            }
            "alert" => self.alerts.push(serde_json::from_value(line)?),
            "command_status" => {
                let update: CommandUpdate = serde_json::from_value(line)?;
                if update.logged {
                    told.logged.insert(update.command_id);
                }
                self.fates.entry(update.command_id).or_default().push(update);
            }
            "lease" => {
                let lease: Lease = serde_json::from_value(line)?;
                if lease.change == "granted" {
                    told.grant(&lease.agent, lease.epoch, &lease.holder);
                }
            }
            "head" => told.head(serde_json::from_value::<HexHead>(line)?.read()?),
            "sent" => {
                let id = line.get("id").and_then(Value::as_u64);
                let command = line.get("command_id").filter(|command| !command.is_null()).cloned();
                if let (Some(id), Some(command)) = (id, command) {
                    self.sent.insert(id, serde_json::from_value(command)?);
                }
            }
            "failed" | "error" => self.refused.push(line),
            _ => {}
        }
        Ok(())
    }
}

#[derive(Deserialize)]
struct Lease {
    agent: AgentId,
    holder: PersonId,
    epoch: Epoch,
    change: String,
}

#[derive(Deserialize)]
struct HexHead {
    sequence: u64,
    hash: String,
}

impl HexHead {
    fn read(&self) -> Result<Head> {
        format!("{} {}", self.sequence, self.hash).parse().context("a head as the console writes it")
    }
}
