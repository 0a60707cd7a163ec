//! The scripted operator of the demo: does with the SDK what a person does with the console.
//!
//! It waits as long as a quick person would, then takes over whoever asks, stops it, waits until the fault has
//! healed, and hands it back.

use crate::out::{count, count_of, say};
use anyhow::bail;
use std::{collections::BTreeMap, collections::BTreeSet, time::Duration};
use tokio::time::{Interval, MissedTickBehavior};
use watchkeeper_client::{Operator, OperatorEvent};
use watchkeeper_model::{
    AgentId, AlertId, CommandArgs, CommandId, CommandKind, CommandState, ControlState, DemandId, MonoTime,
    Response,
};
use watchkeeper_picture::{
    Action, Intent,
    view::{countdown, takeover::releases},
};
use watchkeeper_protocol::{ToOperator, session::Head};
use watchkeeper_server::clock::Clock;

/// Heartbeats of a holder, and how often the script looks: 20 Hz.
const LOOK: Duration = Duration::from_millis(50);
/// From the alert to the first input: a quick person.
const REACTION: Duration = Duration::from_millis(1_500);
/// How long a step may take before the script starts over.
const PATIENCE: Duration = Duration::from_secs(5);

/// What the script is at.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Doing {
    Watching,
    Noticed,
    Claiming,
    Engaging,
    Holding(Option<CommandId>),
    WaitingForTheCause,
    HandingBack(Option<CommandId>),
}

/// The script.
pub(super) struct Script {
    operator: Operator,
    look: Interval,
    started_at: MonoTime,
    doing: Doing,
    since: MonoTime,
    agent: Option<AgentId>,
    states: BTreeMap<AgentId, ControlState>,
    story: Story,
}

/// What the script saw.
#[derive(Clone, Debug, Default)]
pub(super) struct Story {
    alerts: BTreeSet<AlertId>,
    takeover_alerts: BTreeSet<AlertId>,
    demands: BTreeSet<DemandId>,
    taken: u64,
    handed_back: u64,
    fallbacks: u64,
    /// The last head of the record that the monitor told.
    pub(super) head: Option<Head>,
}

impl Story {
    /// Returns the story in figures.
    pub(super) fn describe(&self) -> String {
        format!(
            "{}, {} of them for a takeover; {}, {} taken over, {} handed back, {}",
            count_of(self.alerts.len(), "alert"),
            self.takeover_alerts.len(),
            count_of(self.demands.len(), "demand"),
            self.taken,
            self.handed_back,
            count(self.fallbacks, "fallback")
        )
    }
}

impl Script {
    pub(super) fn new(operator: Operator) -> Self {
        let mut look = tokio::time::interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let now = Clock.now();
        Self {
            operator,
            look,
            started_at: now,
            doing: Doing::Watching,
            since: now,
            agent: None,
            states: BTreeMap::new(),
            story: Story::default(),
        }
    }

    /// Plays for ever.
    pub(super) async fn play(&mut self) -> anyhow::Result<()> {
        loop {
            tokio::select! {
                biased;
                _at = self.look.tick() => {
                    self.operator.heartbeat(true);
                    self.act()?;
                }
                event = self.operator.next() => self.hear(event)?,
            }
        }
    }

    /// Ends the session and returns what it saw.
    pub(super) async fn leave(mut self) -> Story {
        self.story.head = self.operator.picture().head().map(|head| head.value);
        self.operator.close().await;
        self.story
    }

    fn hear(&mut self, event: OperatorEvent) -> anyhow::Result<()> {
        match event {
            OperatorEvent::Connected { .. } => self.tell("the scripted operator is connected")?,
            OperatorEvent::Disconnected { reason } => self.tell(&format!("connection lost: {reason}"))?,
            OperatorEvent::Refused(report) => self.tell(&format!("refused: {}", report.message))?,
            OperatorEvent::Message(message) => self.follow(&message)?,
            OperatorEvent::Ended => bail!("the scripted operator's session has ended"),
        }
        // Its line about IN_TRANSITION is out: a script sees by reading.
        self.operator.assume_due();
        Ok(())
    }

    fn follow(&mut self, message: &ToOperator) -> anyhow::Result<()> {
        match message {
            ToOperator::Alert(update) => {
                let alarm = &update.alarm;
                self.operator.presented(&[alarm.alert_id]);
                if alarm.response == Response::Takeover {
                    self.story.takeover_alerts.insert(alarm.alert_id);
                }
                if self.story.alerts.insert(alarm.alert_id) {
                    let what =
                        if alarm.response == Response::Takeover { "ALERT, take over" } else { "alert" };
                    self.tell(&format!("{what}: {}: {}", alarm.agent, alarm.explanation.text))?;
                }
            }
            ToOperator::ControlStatus(update) => {
                let status = &update.status;
                if let Some(demand) = &status.demand
                    && self.story.demands.insert(demand.demand_id)
                {
                    let left = countdown(Duration::from_nanos(demand.left_nanos));
                    let next = format!("if nobody acts in {left}: {} {}", status.agent, demand.then);
                    self.tell(&next)?;
                }
                let before = self.states.insert(status.agent.clone(), status.control_state);
                if before.is_some_and(|before| before != status.control_state) {
                    self.story.fallbacks += u64::from(status.control_state == ControlState::Fallback);
                    self.tell(&format!("{} is {}", status.agent, status.control_state))?;
                }
            }
            ToOperator::CommandStatus(update) => {
                let ended = update.state.is_terminal(update.kind.risk());
                if ended {
                    let why = update.detail.as_ref().map(|detail| format!(" ({detail})")).unwrap_or_default();
                    self.tell(&format!("{} of {}: {}{why}", update.kind, update.agent, update.state))?;
                }
            }
            ToOperator::Welcome(_)
            | ToOperator::Snapshot(_)
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
            | ToOperator::Access(_) => {}
        }
        Ok(())
    }

    /// Does the next thing, if it is time for it.
    fn act(&mut self) -> anyhow::Result<()> {
        if !self.operator.picture().is_current() {
            return Ok(());
        }
        let now = Clock.now();
        let Some(agent) = self.agent.clone() else { return self.notice(now) };
        let mine = self.operator.picture().my_epoch(&agent).is_some();
        let is_impatient = now.since(self.since) > PATIENCE;
        match self.doing.clone() {
            Doing::Watching => self.watch(now),
            Doing::Noticed if !self.is_wanted(&agent) => self.watch(now),
            Doing::Noticed if now.since(self.since) < REACTION => {}
            Doing::Noticed => {
                self.send(Intent::Claim { agent })?;
                self.turn_to(Doing::Claiming, now);
            }
            Doing::Claiming if mine && self.is_ready_to_engage(&agent, now) => {
                let latches = self.operator.picture().agent(&agent).map(releases).unwrap_or_default();
                self.send(Intent::Engage { agent, latches })?;
                self.turn_to(Doing::Engaging, now);
            }
            Doing::Claiming if is_impatient => self.watch(now),
            Doing::Claiming => {}
            Doing::Engaging if self.state(&agent) == Some(ControlState::Human) => {
                self.story.taken += 1;
                let command = self.command(agent, CommandKind::Hold)?;
                self.turn_to(Doing::Holding(command), now);
            }
            Doing::Engaging if is_impatient && !mine => self.watch(now),
            Doing::Engaging => {}
            Doing::Holding(_) | Doing::WaitingForTheCause | Doing::HandingBack(_) => {
                self.lead(&agent, mine, now)?;
            }
        }
        Ok(())
    }

    /// The part in which the script is in control.
    fn lead(&mut self, agent: &AgentId, mine: bool, now: MonoTime) -> anyhow::Result<()> {
        match self.doing.clone() {
            Doing::HandingBack(_) if self.state(agent) == Some(ControlState::Autonomous) => {
                self.story.handed_back += 1;
                self.watch(now);
            }
            Doing::HandingBack(command) => {
                if self.has_failed(agent, command) {
                    self.turn_to(Doing::WaitingForTheCause, now);
                }
            }
            Doing::Holding(_) | Doing::WaitingForTheCause if !mine => self.watch(now),
            Doing::Holding(command) if self.is_completed(agent, command) => {
                self.acknowledge(agent)?;
                self.turn_to(Doing::WaitingForTheCause, now);
            }
            Doing::Holding(command) if self.has_failed(agent, command) => {
                let command = self.command(agent.clone(), CommandKind::Hold)?;
                self.turn_to(Doing::Holding(command), now);
            }
            // A short breath after a refusal.
            Doing::WaitingForTheCause
                if self.may_hand_back(agent, now) && now.since(self.since) > LOOK * 10 =>
            {
                self.acknowledge(agent)?;
                let command = self.send(Intent::HandBack { agent: agent.clone() })?;
                self.turn_to(Doing::HandingBack(command), now);
            }
            Doing::Holding(_)
            | Doing::WaitingForTheCause
            | Doing::Watching
            | Doing::Noticed
            | Doing::Claiming
            | Doing::Engaging => {}
        }
        Ok(())
    }

    fn notice(&mut self, now: MonoTime) -> anyhow::Result<()> {
        let picture = self.operator.picture();
        let wanted = picture.agents().map(|(agent, _)| agent.clone()).find(|agent| self.is_wanted(agent));
        if let Some(agent) = wanted {
            self.tell(&format!("the operator looks at {agent}"))?;
            self.agent = Some(agent);
            self.turn_to(Doing::Noticed, now);
        }
        Ok(())
    }

    /// Says whether somebody is asked to take the agent over, and nobody has.
    fn is_wanted(&self, agent: &AgentId) -> bool {
        self.operator.picture().agent(agent).is_some_and(|entry| {
            let status = entry.status();
            let asks = match status.control_state {
                ControlState::Requested
                | ControlState::Fallback
                | ControlState::FallbackFailed
                | ControlState::SafeHeld => true,
                ControlState::Autonomous
                | ControlState::AssistPending
                | ControlState::Claimed
                | ControlState::InTransition
                | ControlState::Human
                | ControlState::Returning
                | ControlState::Estopped
                | ControlState::Local
                | ControlState::OutOfService => false,
            };
            asks && status.lease.is_none() && status.settled && status.offline_nanos.is_none()
        })
    }

    fn is_ready_to_engage(&self, agent: &AgentId, now: MonoTime) -> bool {
        let picture = self.operator.picture();
        let ready = picture
            .agent(agent)
            .and_then(|entry| entry.status().lease.as_ref())
            .is_some_and(|lease| lease.ready);
        ready && Action::Engage.check(picture, agent, now).is_ok()
    }

    fn may_hand_back(&self, agent: &AgentId, now: MonoTime) -> bool {
        let picture = self.operator.picture();
        let caused = picture.alerts().any(|(_, alert)| {
            let alarm = alert.alarm();
            alarm.agent == *agent && alarm.response == Response::Takeover && alarm.state.is_active()
        });
        !caused && Action::HandBack.check(picture, agent, now).is_ok()
    }

    /// Takes note of every alert of the agent that waits for it.
    fn acknowledge(&mut self, agent: &AgentId) -> anyhow::Result<()> {
        let waiting: Vec<AlertId> = self
            .operator
            .picture()
            .alerts()
            .map(|(_, alert)| alert.alarm())
            .filter(|alarm| alarm.agent == *agent && alarm.state.is_unacknowledged())
            .map(|alarm| alarm.alert_id)
            .collect();
        for alert in waiting {
            self.send(Intent::Acknowledge { alert })?;
        }
        Ok(())
    }

    fn state(&self, agent: &AgentId) -> Option<ControlState> {
        self.operator.picture().agent(agent).map(|entry| entry.status().control_state)
    }

    fn command_state(&self, agent: &AgentId, command: Option<CommandId>) -> Option<CommandState> {
        let known =
            self.operator.picture().commands(agent).find(|known| Some(known.command_id) == command)?;
        known.state
    }

    fn is_completed(&self, agent: &AgentId, command: Option<CommandId>) -> bool {
        self.command_state(agent, command) == Some(CommandState::Completed)
    }

    /// Says whether a command came to nothing; one that could not even be sent did.
    fn has_failed(&self, agent: &AgentId, command: Option<CommandId>) -> bool {
        let state = self.command_state(agent, command);
        command.is_none()
            || state.is_some_and(|state| {
                state != CommandState::Completed && state.is_terminal(CommandKind::Resume.risk())
            })
    }

    fn command(&mut self, agent: AgentId, kind: CommandKind) -> anyhow::Result<Option<CommandId>> {
        self.send(Intent::Command { agent, kind, args: CommandArgs::default() })
    }

    fn send(&mut self, intent: Intent) -> anyhow::Result<Option<CommandId>> {
        let what = describe(&intent);
        match self.operator.act(intent) {
            Ok(command_id) => {
                self.tell(&format!("the operator: {what}"))?;
                Ok(command_id)
            }
            Err(error) => {
                self.tell(&format!("the operator cannot {what}: {error}"))?;
                Ok(None)
            }
        }
    }

    fn turn_to(&mut self, doing: Doing, now: MonoTime) {
        self.doing = doing;
        self.since = now;
    }

    fn watch(&mut self, now: MonoTime) {
        self.agent = None;
        self.turn_to(Doing::Watching, now);
    }

    fn tell(&self, text: &str) -> anyhow::Result<()> {
        let at = Clock.now().since(self.started_at);
        Ok(say(format_args!("{:>6.1} s  {text}", at.as_secs_f64()))?)
    }
}

fn describe(intent: &Intent) -> String {
    match intent {
        Intent::Claim { agent } => format!("claim {agent}"),
        Intent::Engage { agent, .. } => format!("engage {agent}"),
        Intent::Release { agent } => format!("release {agent}"),
        Intent::HandBack { agent } => format!("hand back {agent}"),
        Intent::Command { agent, kind, .. } => format!("{kind} {agent}"),
        Intent::Acknowledge { alert } => format!("acknowledge alert {alert}"),
        Intent::Shelve { alert, .. } => format!("shelve alert {alert}"),
        Intent::Unshelve { alert } => format!("unshelve alert {alert}"),
        Intent::TakeOutOfService { agent, cause, subject, .. } => {
            format!("take {cause} {subject} of {agent} out of service")
        }
        Intent::ReturnToService { alert } => format!("bring alert {alert} back into service"),
        Intent::Reset { alert } => format!("reset alert {alert}"),
        Intent::RequestHandover { agent, .. } => format!("ask for control of {agent}"),
        Intent::AnswerHandover { agent, accept: true, .. } => format!("let {agent} go to who asks"),
        Intent::AnswerHandover { agent, accept: false, .. } => format!("keep {agent}"),
        Intent::AllowTakeover { agent, allowed: true } => format!("let others take {agent} over"),
        Intent::AllowTakeover { agent, allowed: false } => format!("let nobody take {agent} over unasked"),
        Intent::Waive { agent, .. } => format!("waive the cause at {agent}"),
        Intent::Label { demand, verdict } => format!("call demand {} {verdict}", demand.0),
        Intent::Stop { agent, .. } => format!("stop {agent}"),
    }
}
