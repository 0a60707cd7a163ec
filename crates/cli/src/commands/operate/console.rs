//! The loop of the scriptable console: orders in, events out, heartbeats in between.

mod intent;

use super::{
    asked::{Asked, frame_kind},
    event::{Narrator, status_line},
    order::{Condition, Line, Order},
    wait::{Standing, look},
};
use crate::{connection::unauthorised, out::say};
use anyhow::{Context, bail};
use serde_json::{Value, json};
use std::{collections::BTreeMap, pin::Pin, time::Duration};
use tokio::{
    io::{BufReader, Lines, Stdin},
    time::{Interval, MissedTickBehavior, Sleep},
};
use watchkeeper_client::{Operator, OperatorEvent};
use watchkeeper_model::{AgentId, AlertId, CommandId, CommandKind, CommandState};
use watchkeeper_picture::{Action, Intent};
use watchkeeper_protocol::{
    ToOperator,
    operator::{CommandUpdate, LeaseEvent},
    session::ErrorCode,
};
use watchkeeper_server::clock::Clock;

/// Heartbeats of a holder: 20 Hz (`takeover.md` 5).
const BEAT: Duration = Duration::from_millis(50);
/// How long handing back at the end may take before the lease is released instead.
const HAND_BACK_WITHIN: Duration = Duration::from_secs(12);
/// How long a release at the end may take.
const RELEASE_WITHIN: Duration = Duration::from_secs(2);

/// The console.
pub(super) struct Console {
    operator: Operator,
    narrator: Narrator,
    beat: Interval,
    /// The agent of orders that name none.
    selected: Option<AgentId>,
    last_commands: BTreeMap<AgentId, CommandId>,
    sent: BTreeMap<CommandId, &'static str>,
    asked: Asked,
    /// The monitor has let this session in at least once.
    was_let_in: bool,
    waiting: Option<Waiting>,
    failed: bool,
}

struct Waiting {
    id: Option<Value>,
    condition: Condition,
    until: Pin<Box<Sleep>>,
}

impl Console {
    pub(super) fn new(operator: Operator) -> Self {
        let mut beat = tokio::time::interval(BEAT);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            operator,
            narrator: Narrator::default(),
            beat,
            selected: None,
            last_commands: BTreeMap::new(),
            sent: BTreeMap::new(),
            asked: Asked::default(),
            was_let_in: false,
            waiting: None,
            failed: false,
        }
    }

    /// Returns whether anything that was asked for failed.
    pub(super) const fn has_failed(&self) -> bool {
        self.failed
    }

    /// Ends the session.
    pub(super) async fn close(self) {
        self.operator.close().await;
    }

    /// Runs until the input ends or says quit.
    pub(super) async fn run(
        &mut self,
        mut lines: Lines<BufReader<Stdin>>,
        connect_within: Duration,
    ) -> anyhow::Result<()> {
        let connected = self.until(connect_within, |console| console.operator.picture().is_current()).await?;
        if !connected {
            bail!(
                "the monitor did not let us in within {} s: is `watchkeeper serve` running?",
                connect_within.as_secs()
            );
        }
        loop {
            let is_waiting = self.waiting.is_some();
            tokio::select! {
                // Heartbeats first: the person behind the script must not lose the lease to a flood of events.
                biased;
                _at = self.beat.tick() => self.beat(),
                () = elapsed(&mut self.waiting) => self.give_up_waiting()?,
                event = self.operator.next() => self.take(event)?,
                line = lines.next_line(), if !is_waiting => match line.context("reading the orders")? {
                    Some(line) if line.trim().is_empty() => {}
                    Some(line) => {
                        if !self.obey(&line)? {
                            return Ok(());
                        }
                    }
                    None => return Ok(()),
                },
            }
            self.check_wait()?;
        }
    }

    /// Leaves nothing behind: hands back where that is possible, else releases (the agent falls back).
    pub(super) async fn leave(&mut self) -> anyhow::Result<()> {
        self.waiting = None;
        let held = self.held();
        for agent in &held {
            if Action::HandBack.check(self.operator.picture(), agent, Clock.now()).is_ok() {
                self.send(None, "hand_back", Intent::HandBack { agent: agent.clone() })?;
            }
        }
        if !held.is_empty() {
            let refused = |console: &Self| {
                let agents = console.held();
                agents.iter().all(|agent| !console.is_handing_back(agent))
            };
            self.until(HAND_BACK_WITHIN, refused).await?;
        }
        for agent in self.held() {
            self.send(None, "release", Intent::Release { agent })?;
        }
        self.until(RELEASE_WITHIN, |console| console.held().is_empty()).await?;
        Ok(())
    }

    /// Goes on with events and heartbeats until something is so; returns whether it came in time.
    async fn until(&mut self, within: Duration, is_so: impl Fn(&Self) -> bool) -> anyhow::Result<bool> {
        let mut limit = std::pin::pin!(tokio::time::sleep(within));
        while !is_so(self) {
            tokio::select! {
                biased;
                () = &mut limit => return Ok(false),
                _at = self.beat.tick() => self.beat(),
                event = self.operator.next() => self.take(event)?,
            }
        }
        Ok(true)
    }

    fn held(&self) -> Vec<AgentId> {
        let picture = self.operator.picture();
        picture
            .agents()
            .filter(|(agent, _)| picture.my_epoch(agent).is_some())
            .map(|(agent, _)| agent.clone())
            .collect()
    }

    /// Says whether a hand back of this session is on its way.
    fn is_handing_back(&self, agent: &AgentId) -> bool {
        let last = self.last_commands.get(agent);
        self.operator.picture().commands(agent).any(|command| {
            Some(&command.command_id) == last
                && command.kind == CommandKind::HandBack
                && (!command.is_terminal() || command.state == Some(CommandState::Completed))
        })
    }

    fn beat(&mut self) {
        self.operator.heartbeat(true);
    }

    fn take(&mut self, event: OperatorEvent) -> anyhow::Result<()> {
        match event {
            OperatorEvent::Connected { resumed } => {
                self.was_let_in = true;
                let me = self.operator.picture().me();
                say(json!({
                    "event": "welcome",
                    "resumed": resumed,
                    "person": me.map(|me| me.person.clone()),
                    "role": me.map(|me| me.role),
                    "session_id": me.map(|me| me.session_id),
                }))?;
            }
            OperatorEvent::Disconnected { reason } => {
                self.asked.forget();
                say(json!({"event": "disconnected", "reason": reason}))?;
            }
            OperatorEvent::Refused(report) => {
                self.failed = true;
                if report.code == ErrorCode::Unauthorised && !self.was_let_in {
                    return Err(unauthorised(&report));
                }
                let id = report.kind.as_ref().and_then(|kind| self.asked.refused(kind.as_str()));
                self.tell(&ToOperator::Error(report), id.as_ref())?;
            }
            OperatorEvent::Message(message) => {
                self.note_failure(&message);
                let me = self.operator.picture().me().map(|me| me.session_id);
                let id = self.asked.hear(&message, me);
                self.tell(&message, id.as_ref())?;
            }
            OperatorEvent::Ended => bail!("the session has ended"),
        }
        // A script has drawn IN_TRANSITION once its line is out.
        for agent in self.operator.assume_due() {
            say(json!({"event": "sent", "do": "assume", "agent": agent}))?;
        }
        Ok(())
    }

    /// Says what a message says; `id` is that of the order which it refuses.
    fn tell(&mut self, message: &ToOperator, id: Option<&Value>) -> anyhow::Result<()> {
        for mut line in self.narrator.lines(message, self.operator.picture()) {
            attach(&mut line, id.cloned());
            say(line)?;
        }
        let shown: Vec<AlertId> = match message {
            ToOperator::Alert(update) => vec![update.alarm.alert_id],
            ToOperator::Snapshot(part) if part.last => {
                self.operator.picture().alerts().map(|(alert, _)| *alert).collect()
            }
            ToOperator::Welcome(_)
            | ToOperator::Snapshot(_)
            | ToOperator::ControlStatus(_)
            | ToOperator::CommandStatus(_)
            | ToOperator::Lease(_)
            | ToOperator::Telemetry(_)
            | ToOperator::Takeover(_)
            | ToOperator::Roster(_)
            | ToOperator::Dropped(_)
            | ToOperator::Health(_)
            | ToOperator::Ping(_)
            | ToOperator::Head(_)
            | ToOperator::Error(_)
            | ToOperator::Probed(_)
            | ToOperator::Access(_) => Vec::new(),
        };
        if !shown.is_empty() {
            self.operator.presented(&shown);
        }
        Ok(())
    }

    /// Takes note of what this session asked for and did not get.
    fn note_failure(&mut self, message: &ToOperator) {
        let failed = match message {
            ToOperator::CommandStatus(update) => {
                self.sent.contains_key(&update.command_id) && is_failure(update)
            }
            ToOperator::Lease(update) => {
                matches!(update.event, LeaseEvent::Refused | LeaseEvent::HandoverRefused)
                    && self.operator.picture().me().is_some_and(|me| me.session_id == update.session_id)
            }
            ToOperator::Welcome(_)
            | ToOperator::Snapshot(_)
            | ToOperator::Alert(_)
            | ToOperator::ControlStatus(_)
            | ToOperator::Telemetry(_)
            | ToOperator::Takeover(_)
            | ToOperator::Roster(_)
            | ToOperator::Dropped(_)
            | ToOperator::Health(_)
            | ToOperator::Ping(_)
            | ToOperator::Head(_)
            | ToOperator::Error(_)
            | ToOperator::Probed(_)
            | ToOperator::Access(_) => false,
        };
        self.failed |= failed;
    }

    /// Does what a line says; returns false when it says quit.
    fn obey(&mut self, text: &str) -> anyhow::Result<bool> {
        let Line { id, order } = match Line::parse(text) {
            Ok(line) => line,
            Err(reason) => {
                self.fail(None, "", &reason)?;
                return Ok(true);
            }
        };
        let word = order.word();
        match order {
            Order::Quit => return Ok(false),
            Order::Status { agent } => self.print_status(agent.as_ref())?,
            Order::Wait { mut condition, timeout_secs } => {
                if condition.agent.is_none() && !condition.any {
                    condition.agent.clone_from(&self.selected);
                }
                let until = Box::pin(tokio::time::sleep(Duration::from_secs_f64(timeout_secs)));
                self.waiting = Some(Waiting { id, condition, until });
            }
            order @ (Order::Claim { .. }
            | Order::Engage { .. }
            | Order::Hold { .. }
            | Order::SpeedCap { .. }
            | Order::Resume { .. }
            | Order::HandBack { .. }
            | Order::Release { .. }
            | Order::Dismiss { .. }
            | Order::ClearLatch { .. }
            | Order::Decide { .. }
            | Order::Waive { .. }
            | Order::Suspend { .. }
            | Order::Reinstate { .. }
            | Order::MinimalRisk { .. }
            | Order::Task { .. }
            | Order::Acknowledge { .. }
            | Order::Shelve { .. }
            | Order::Unshelve { .. }
            | Order::RequestHandover { .. }
            | Order::AnswerHandover { .. }
            | Order::AllowTakeover { .. }
            | Order::Label { .. }
            | Order::Stop { .. }) => match self.intent(order) {
                Ok(intent) => self.send(id, word, intent)?,
                Err(reason) => self.fail(id, word, &reason)?,
            },
        }
        Ok(true)
    }

    fn send(&mut self, id: Option<Value>, word: &'static str, intent: Intent) -> anyhow::Result<()> {
        let agent = agent_of(&intent).cloned();
        let kind = frame_kind(&intent);
        match self.operator.act(intent) {
            Ok(command_id) => {
                self.asked.sent(kind, id.clone(), agent.clone(), command_id);
                if let (Some(agent), Some(command_id)) = (&agent, command_id) {
                    self.last_commands.insert(agent.clone(), command_id);
                    self.sent.insert(command_id, word);
                }
                let mut line = json!({"event": "sent", "do": word, "agent": agent, "command_id": command_id.map(|id| id.0.to_string())});
                attach(&mut line, id);
                Ok(say(line)?)
            }
            Err(error) => self.fail(id, word, &error.to_string()),
        }
    }

    fn fail(&mut self, id: Option<Value>, word: &str, reason: &str) -> anyhow::Result<()> {
        self.failed = true;
        let mut line = json!({"event": "failed", "do": word, "reason": reason});
        attach(&mut line, id);
        Ok(say(line)?)
    }

    fn print_status(&self, agent: Option<&AgentId>) -> anyhow::Result<()> {
        for (name, entry) in self.operator.picture().agents() {
            if agent.is_none_or(|wanted| wanted == name) {
                say(status_line(entry.status()))?;
            }
        }
        Ok(())
    }

    fn check_wait(&mut self) -> anyhow::Result<()> {
        let Some(waiting) = &self.waiting else { return Ok(()) };
        let last = |agent: &AgentId| self.last_commands.get(agent).copied();
        // Without a whole picture nothing can be said to be so, and least of all that something is absent.
        if !self.operator.picture().is_current() {
            return Ok(());
        }
        match look(&waiting.condition, self.operator.picture(), last) {
            Standing::NotYet => Ok(()),
            Standing::Met(agent) => {
                let mut line = json!({"event": "waited", "met": true, "agent": agent});
                self.selected = Some(agent);
                attach(&mut line, self.waiting.take().and_then(|waiting| waiting.id));
                Ok(say(line)?)
            }
            Standing::Hopeless(reason) => {
                let id = self.waiting.take().and_then(|waiting| waiting.id);
                self.fail(id, "wait", &reason)
            }
        }
    }

    fn give_up_waiting(&mut self) -> anyhow::Result<()> {
        let id = self.waiting.take().and_then(|waiting| waiting.id);
        self.fail(id, "wait", "the time is up")
    }
}

/// Waits until the time of a wait is up; for ever where there is none.
async fn elapsed(waiting: &mut Option<Waiting>) {
    match waiting {
        Some(waiting) => waiting.until.as_mut().await,
        None => std::future::pending().await,
    }
}

fn attach(line: &mut Value, id: Option<Value>) {
    if let (Some(object), Some(id)) = (line.as_object_mut(), id) {
        object.insert("id".to_owned(), id);
    }
}

const fn agent_of(intent: &Intent) -> Option<&AgentId> {
    match intent {
        Intent::Claim { agent }
        | Intent::Engage { agent, .. }
        | Intent::Release { agent }
        | Intent::HandBack { agent }
        | Intent::Command { agent, .. }
        | Intent::RequestHandover { agent, .. }
        | Intent::AnswerHandover { agent, .. }
        | Intent::AllowTakeover { agent, .. }
        | Intent::Waive { agent, .. }
        | Intent::Stop { agent, .. } => Some(agent),
        Intent::Acknowledge { .. }
        | Intent::Shelve { .. }
        | Intent::Unshelve { .. }
        | Intent::TakeOutOfService { .. }
        | Intent::ReturnToService { .. }
        | Intent::Reset { .. }
        | Intent::Label { .. } => None,
    }
}

/// Says whether a command came to nothing. One that another of ours overtook did what it could.
const fn is_failure(update: &CommandUpdate) -> bool {
    match update.state {
        CommandState::Rejected | CommandState::Failed | CommandState::Expired | CommandState::Unknown => true,
        CommandState::Received
        | CommandState::Forwarded
        | CommandState::Accepted
        | CommandState::InProgress
        | CommandState::Completed
        | CommandState::Cancelled
        | CommandState::Superseded => false,
    }
}
