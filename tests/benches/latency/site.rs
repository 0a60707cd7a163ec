//! The real system on one core: a server, agents that raise alerts or obey, and a console.

use crate::{monitor, probe::DiskProbe};
use std::{collections::BTreeSet, time::Duration};
use tempfile::TempDir;
use tokio::{sync::mpsc, time::timeout};
use watchkeeper_client::{
    Agent, AgentOptions, DecisionDraft, Endpoint, Intent, Operator, OperatorEvent, OperatorOptions,
    TokenSource, World, console_now,
};
use watchkeeper_model::{
    AgentId, AgentKind, AlertId, CommandArgs, CommandId, CommandKind, CommandState, ControlState,
    DecisionSeq, MonoTime, PersonId, nanos,
};
use watchkeeper_protocol::{
    ToOperator,
    operator::{CommandUpdate, LeaseEvent},
};
use watchkeeper_server::{RunningServer, Server};

/// Nothing here takes longer; a benchmark that would wait for ever fails instead.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);
/// A holder's console sends twenty heartbeats a second.
const BEAT: Duration = Duration::from_millis(40);
/// Longer than the limit must hold until the alert ends.
pub(crate) const CLEAR_AFTER: Duration = Duration::from_millis(2);
/// How soon a claim that was not heard is asked for again.
const AGAIN: Duration = Duration::from_millis(300);
/// A console may send 400 messages a second for long, an agent 200; four agents share what is sent.
const PACE: Duration = Duration::from_millis(3);
const TRUCKS: usize = 4;

pub(crate) struct Site {
    server: RunningServer,
    /// They raise alerts, one after the other.
    presses: Vec<(AgentId, Agent)>,
    decisions: u32,
    /// The alerts that are not over.
    open: BTreeSet<AlertId>,
    /// They obey. The first is driven by the console.
    trucks: Vec<AgentId>,
    /// When a truck's own software learned of each speed cap.
    obeyed: mpsc::Receiver<(MonoTime, Option<f64>)>,
    /// The speed that was last ordered, in m/s.
    cap: f64,
    /// It is stopped, again and again.
    cart: AgentId,
    /// It is claimed and let go.
    barge: AgentId,
    operator: Operator,
    /// Somebody else, since nobody may lead two vehicles.
    claimer: Operator,
    last_beat: MonoTime,
    disk: DiskProbe,
    _data: TempDir,
}

/// Starts a server on a data directory of its own.
pub(crate) async fn serve() -> (RunningServer, Endpoint, TempDir) {
    let data = watchkeeper_canary::tempdir().unwrap();
    // Alerts end as soon as the limit is kept, so that the next can begin.
    let server = Server::start(monitor::options(data.path(), 1)).await.unwrap();
    let endpoint = Endpoint::new(server.url(), TokenSource::File(server.token_file().to_owned()));
    (server, endpoint, data)
}

/// Connects an agent that raises an alert whenever it says that it is hot.
pub(crate) async fn press(endpoint: &Endpoint, number: usize) -> (AgentId, Agent) {
    let id = AgentId::new(&format!("press-{number}")).unwrap();
    let options =
        AgentOptions::new(endpoint.clone(), id.clone(), AgentKind::Generic).with_signals(&[("heat", "C")]);
    (id, Agent::connect(options).await.unwrap())
}

async fn vehicle(endpoint: &Endpoint, name: &str) -> (AgentId, Agent) {
    let id = AgentId::new(name).unwrap();
    let mut options = AgentOptions::new(endpoint.clone(), id.clone(), AgentKind::Vehicle);
    options.world = World {
        standstill: false,
        stable: true,
        progressing: Some(true),
        condition_reached: false,
        can_resume: true,
        local_override: false,
    };
    (id, Agent::connect(options).await.unwrap())
}

impl Site {
    /// Starts everything; the console is in control of the first truck.
    pub(crate) async fn start(most_alerts: u32) -> Self {
        let (server, endpoint, data) = serve().await;
        let mut presses = Vec::new();
        for number in 0..most_alerts as usize {
            presses.push(press(&endpoint, number).await);
        }
        let (sender, obeyed) = mpsc::channel(16);
        let mut trucks = Vec::new();
        for number in 0..TRUCKS {
            let (id, agent) = vehicle(&endpoint, &format!("truck-{number}")).await;
            tokio::spawn(obey(agent, sender.clone()));
            trucks.push(id);
        }
        let (cart, cart_agent) = vehicle(&endpoint, "cart").await;
        let (barge, barge_agent) = vehicle(&endpoint, "barge").await;
        let (nobody, _) = mpsc::channel(1);
        tokio::spawn(obey(cart_agent, nobody.clone()));
        tokio::spawn(obey(barge_agent, nobody));

        let person =
            |name| Operator::connect(OperatorOptions::new(endpoint.clone(), PersonId::new(name).unwrap()));
        let (operator, claimer) = (person("anna"), person("ben"));
        let disk = DiskProbe::new(data.path());
        let last_beat = console_now();
        let mut site = Self {
            server,
            presses,
            decisions: 0,
            open: BTreeSet::new(),
            trucks,
            obeyed,
            cap: 100.0,
            cart,
            barge,
            operator,
            claimer,
            last_beat,
            disk,
            _data: data,
        };
        timeout(PATIENCE, site.take_control()).await.expect("the truck is taken over");
        let barge_drives = async {
            while !site.claimer.picture().is_current() || !site.barge_is_free() {
                site.claimer.next().await;
            }
        };
        timeout(PATIENCE, barge_drives).await.expect("the barge can be claimed");
        site
    }

    pub(crate) const fn server(&self) -> &RunningServer {
        &self.server
    }

    async fn take_control(&mut self) {
        let truck = self.trucks.first().unwrap().clone();
        // Early on a claim or an ENGAGE may be refused: asked again.
        let mut asked = (None, MonoTime::from_nanos(0));
        loop {
            let now = console_now();
            let state = self.operator.picture().agent(&truck).map(|agent| agent.status().control_state);
            let agent = truck.clone();
            let intent = match state {
                Some(ControlState::Human) => return,
                Some(ControlState::Autonomous) => Some(Intent::Claim { agent }),
                Some(ControlState::Claimed) => Some(Intent::Engage { agent, latches: Vec::new() }),
                _ => None,
            };
            if let Some(intent) = intent
                && (asked.0 != state || now.since(asked.1) > AGAIN)
                && self.operator.act(intent).is_ok()
            {
                asked = (state, now);
            }
            self.beat();
            self.operator.assume_due();
            drop(timeout(BEAT / 4, self.operator.next()).await);
        }
    }

    /// Sends a heartbeat where one is due.
    fn beat(&mut self) {
        let now = console_now();
        if now.since(self.last_beat) >= BEAT {
            self.last_beat = now;
            self.operator.heartbeat(true);
        }
    }

    async fn busy_for(&mut self, span: Duration) {
        busy_for(span).await;
        self.beat();
    }

    fn decide(&mut self, press: usize, heat: f64) -> DecisionSeq {
        self.decisions += 1;
        let noise = f64::from(self.decisions * 7 % 11) / 10.0;
        self.presses[press].1.decide(DecisionDraft::new("press", None, vec![heat + noise])).unwrap()
    }

    /// Returns how long each of `samples` alerts took, from the decision handed to the SDK to the alert folded at the
    /// console, in nanoseconds. Each comes from another agent, at once after the one before.
    pub(crate) async fn alerts(&mut self, samples: u32) -> Vec<u64> {
        let mut spans = Vec::new();
        for press in 0..samples as usize {
            let began = console_now();
            let seq = self.decide(press, 120.0);
            let agent = self.presses[press].0.clone();
            let alert = message(&mut self.operator, "an alert", |message| {
                let ToOperator::Alert(update) = message else { return None };
                let is_it = update.alarm.agent == agent && update.alarm.decision == Some(seq);
                is_it.then_some(update.alarm.alert_id)
            })
            .await;
            spans.push(nanos(console_now().since(began)));
            self.open.insert(alert);
        }
        spans
    }

    /// Ends every alert.
    pub(crate) async fn clear(&mut self) {
        for _ in 0..2 {
            for press in 0..self.presses.len() {
                self.decide(press, 70.0);
            }
            self.busy_for(CLEAR_AFTER).await;
        }
        while !self.open.is_empty() {
            let over = message(&mut self.operator, "the end of an alert", |message| {
                let ToOperator::Alert(update) = message else { return None };
                (!update.alarm.state.is_active()).then_some(update.alarm.alert_id)
            })
            .await;
            self.open.remove(&over);
        }
    }

    /// Returns how long each of `samples` commands took to the agent's own software, and how long until the agent's
    /// acknowledgement was folded at the console, in nanoseconds.
    pub(crate) async fn commands(&mut self, samples: u32) -> (Vec<u64>, Vec<u64>) {
        let (mut there, mut back) = (Vec::new(), Vec::new());
        for sample in 0..samples {
            let agent = self.trucks[sample as usize % TRUCKS].clone();
            // Nobody has to lead an agent to slow it down, and each order must be another one.
            self.cap -= 0.001;
            let cap = self.cap;
            let args = CommandArgs { speed_mps: Some(cap), ..CommandArgs::default() };
            let began = console_now();
            let intent = Intent::Command { agent, kind: CommandKind::SpeedCap, args };
            let command_id = self.operator.act(intent).unwrap().unwrap();
            self.answer(command_id).await;
            back.push(nanos(console_now().since(began)));
            let heard = loop {
                let (at, obeyed) = timeout(PATIENCE, self.obeyed.recv()).await.expect("it obeys").unwrap();
                if obeyed == Some(cap) {
                    break at;
                }
            };
            there.push(nanos(heard.since(began)));
        }
        self.busy_for(PACE * samples).await;
        (there, back)
    }

    /// Waits for the first word of the agent about a command.
    async fn answer(&mut self, command_id: CommandId) {
        let of_it = |update: &CommandUpdate| update.command_id == command_id;
        message(&mut self.operator, "an answer", |message| {
            let ToOperator::CommandStatus(update) = message else { return None };
            let (state, code) = (update.state, update.code);
            assert!(!of_it(update) || state != CommandState::Rejected, "it was rejected: {code:?}");
            let is_answer = !matches!(state, CommandState::Received | CommandState::Forwarded);
            (of_it(update) && is_answer).then_some(())
        })
        .await;
    }

    /// Returns how long each of `samples` emergency stops took until the agent's word about it was folded at the
    /// console, in nanoseconds.
    pub(crate) async fn stops(&mut self, samples: u32) -> Vec<u64> {
        let mut spans = Vec::new();
        for _ in 0..samples {
            let agent = self.cart.clone();
            let began = console_now();
            let intent = Intent::Stop { agent, reason: None, confirm_many: false };
            let command_id = self.operator.act(intent).unwrap().unwrap();
            self.answer(command_id).await;
            spans.push(nanos(console_now().since(began)));
            self.busy_for(PACE * 2).await;
        }
        spans
    }

    /// Returns how long each of `samples` claims took until the console heard that they were granted, which they are
    /// once they are on disk; and how long a write of the same size took to the same disk, in nanoseconds.
    pub(crate) async fn claims(&mut self, samples: u32) -> (Vec<u64>, Vec<u64>) {
        let (mut grants, mut writes) = (Vec::new(), Vec::new());
        while self.claimer.try_next().is_some() {}
        for _ in 0..samples {
            writes.push(self.disk.write().await);
            let began = console_now();
            self.claimer.act(Intent::Claim { agent: self.barge.clone() }).unwrap();
            self.lease("a grant", LeaseEvent::Granted).await;
            grants.push(nanos(console_now().since(began)));
            self.claimer.act(Intent::Release { agent: self.barge.clone() }).unwrap();
            self.lease("the end of the lease", LeaseEvent::Ended).await;
            // A claim is refused until the agent has said that nobody leads it.
            let settled = async {
                while !self.barge_is_free() {
                    self.claimer.next().await;
                }
            };
            timeout(PATIENCE, settled).await.expect("the barge drives by itself again");
        }
        (grants, writes)
    }

    fn barge_is_free(&self) -> bool {
        let barge = self.claimer.picture().agent(&self.barge);
        barge.is_some_and(|barge| {
            barge.status().settled && barge.status().control_state == ControlState::Autonomous
        })
    }

    async fn lease(&mut self, what: &str, event: LeaseEvent) {
        let barge = self.barge.clone();
        message(&mut self.claimer, what, |message| {
            let ToOperator::Lease(update) = message else { return None };
            (update.agent == barge && update.event == event).then_some(())
        })
        .await;
    }

    pub(crate) async fn stop(self) {
        drop((self.operator, self.claimer, self.presses));
        self.server.stop().await.unwrap();
    }
}

/// Lets everything else go on for `span`, without letting the core fall asleep: the echo has no pauses either.
pub(crate) async fn busy_for(span: Duration) {
    let until = console_now().after(span);
    while console_now() < until {
        tokio::task::yield_now().await;
    }
}

/// Waits for a message that `wanted` makes something of.
async fn message<T>(
    operator: &mut Operator,
    what: &str,
    mut wanted: impl FnMut(&ToOperator) -> Option<T>,
) -> T {
    let waiting = async {
        loop {
            if let OperatorEvent::Message(message) = operator.next().await
                && let Some(found) = wanted(&message)
            {
                return found;
            }
        }
    };
    timeout(PATIENCE, waiting).await.unwrap_or_else(|_| panic!("{what} did not come"))
}

/// An agent's own loop: it obeys, and says so.
async fn obey(mut agent: Agent, obeyed: mpsc::Sender<(MonoTime, Option<f64>)>) {
    let mut last = None;
    while let Ok(directive) = agent.directive_changed().await {
        let heard = console_now();
        if directive.ordered_cap_mps != last {
            last = directive.ordered_cap_mps;
            // Only of the trucks somebody wants to know.
            obeyed.send((heard, last)).await.unwrap_or_default();
        }
    }
}
