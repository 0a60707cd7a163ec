//! The real system: a server, an agent that raises alerts, an agent that obeys, and a console.

use std::time::Duration;
use tempfile::TempDir;
use tokio::{sync::mpsc, time::timeout};
use watchkeeper_client::{
    Agent, AgentOptions, DecisionDraft, Endpoint, Intent, Operator, OperatorEvent, OperatorOptions,
    TokenSource, World, console_now,
};
use watchkeeper_engine::Config;
use watchkeeper_model::{
    AgentId, AgentKind, CommandArgs, CommandKind, CommandState, ControlState, MonoTime, PersonId, nanos,
};
use watchkeeper_protocol::ToOperator;
use watchkeeper_server::{RunningServer, Server, ServerOptions};

const CONFIG: &str = "[detect.generic]\nclear_after_millis = 1\n\n[[detect.limits]]\nsignal = \"heat\"\n\
                      max = 100.0\nseverity = \"warning\"\nresponse = \"advise\"\n";
/// Nothing here takes longer; a benchmark that would wait for ever fails instead.
const PATIENCE: Duration = Duration::from_secs(10);
/// A holder's console sends twenty heartbeats a second.
const BEAT: Duration = Duration::from_millis(40);
const TRUCKS: usize = 4;
/// Longer than the limit must hold until the alert ends.
const CLEAR_AFTER: Duration = Duration::from_millis(2);
/// A console may send 400 messages a second for long.
const PACE: Duration = Duration::from_millis(3);
/// How soon a claim that was not heard is asked for again.
const AGAIN: Duration = Duration::from_millis(300);

pub(crate) struct Site {
    server: RunningServer,
    press: Agent,
    decisions: u32,
    /// The first one is driven by the console; commands go to all of them in turn, since no agent may say more than
    /// 200 things a second for long.
    trucks: Vec<AgentId>,
    /// When a truck's own software learned of each speed cap.
    obeyed: mpsc::Receiver<(MonoTime, Option<f64>)>,
    /// The speed that was last ordered, in m/s.
    cap: f64,
    operator: Operator,
    last_beat: MonoTime,
    _data: TempDir,
}

impl Site {
    /// Starts everything; the console is in control of the truck.
    pub(crate) async fn start() -> Self {
        let data = tempfile::tempdir().unwrap();
        let mut options = ServerOptions::new(data.path());
        options.listen.set_port(0);
        options.token_dir = Some(data.path().to_owned());
        options.config = Config::parse(CONFIG).unwrap();
        let server = Server::start(options).await.unwrap();
        let endpoint =
            Endpoint { url: server.url(), token: TokenSource::File(server.token_file().to_owned()) };

        let press = AgentId::new("press-1").unwrap();
        let options =
            AgentOptions::new(endpoint.clone(), press, AgentKind::Generic).with_signals(&[("heat", "C")]);
        let press = Agent::connect(options).await.unwrap();

        let (sender, obeyed) = mpsc::channel(16);
        let mut trucks = Vec::new();
        for number in 0..TRUCKS {
            let truck = AgentId::new(&format!("truck-{number}")).unwrap();
            let mut options = AgentOptions::new(endpoint.clone(), truck.clone(), AgentKind::Vehicle);
            options.world = World {
                standstill: false,
                stable: true,
                progressing: Some(true),
                condition_reached: false,
                can_resume: true,
                local_override: false,
            };
            let agent = Agent::connect(options).await.unwrap();
            tokio::spawn(obey(agent, sender.clone()));
            trucks.push(truck);
        }

        let operator = Operator::connect(OperatorOptions::new(endpoint, PersonId::new("bench").unwrap()));
        let last_beat = console_now();
        let mut site = Self {
            server,
            press,
            decisions: 0,
            trucks,
            obeyed,
            cap: 100.0,
            operator,
            last_beat,
            _data: data,
        };
        timeout(PATIENCE, site.take_control()).await.expect("the truck is taken over");
        site
    }

    async fn take_control(&mut self) {
        // Early on a claim or an ENGAGE may be refused: asked again.
        let mut asked = (None, MonoTime::from_nanos(0));
        loop {
            let now = console_now();
            let state =
                self.operator.picture().agent(&self.trucks[0]).map(|agent| agent.status().control_state);
            if state == Some(ControlState::Human) {
                return;
            }
            let agent = self.trucks[0].clone();
            let intent = match state {
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

    /// Waits for a message that `wanted` makes something of.
    async fn message<T>(&mut self, mut wanted: impl FnMut(&ToOperator) -> Option<T>) -> T {
        let waiting = async {
            loop {
                if let OperatorEvent::Message(message) = self.operator.next().await
                    && let Some(found) = wanted(&message)
                {
                    return found;
                }
            }
        };
        timeout(PATIENCE, waiting).await.expect("the message comes")
    }

    fn decide(&mut self, heat: f64) -> watchkeeper_model::DecisionSeq {
        self.decisions += 1;
        let noise = f64::from(self.decisions * 7 % 11) / 10.0;
        self.press.decide(DecisionDraft::new("press", None, vec![heat + noise])).unwrap()
    }

    /// Returns how long each of `samples` alerts took, from the decision handed to the SDK to the alert folded at the
    /// console, in nanoseconds.
    pub(crate) async fn alerts(&mut self, samples: u32) -> Vec<u64> {
        let mut spans = Vec::new();
        for _ in 0..samples {
            self.beat();
            let began = console_now();
            let seq = self.decide(120.0);
            let alert_id = self
                .message(|message| {
                    let ToOperator::Alert(update) = message else { return None };
                    (update.alarm.decision == Some(seq)).then_some(update.alarm.alert_id)
                })
                .await;
            spans.push(nanos(console_now().since(began)));
            self.decide(70.0);
            busy_for(CLEAR_AFTER).await;
            self.decide(70.0);
            self.message(|message| {
                let ToOperator::Alert(update) = message else { return None };
                (update.alarm.alert_id == alert_id && !update.alarm.state.is_active()).then_some(())
            })
            .await;
            busy_for(CLEAR_AFTER).await;
        }
        spans
    }

    /// Returns how long each of `samples` commands took to the agent's own software, and how long until the agent's
    /// acknowledgement was folded at the console, in nanoseconds.
    pub(crate) async fn commands(&mut self, samples: u32) -> (Vec<u64>, Vec<u64>) {
        let (mut there, mut back) = (Vec::new(), Vec::new());
        for sample in 0..samples {
            self.beat();
            let truck = self.trucks[sample as usize % TRUCKS].clone();
            // Nobody has to lead an agent to slow it down, and each order must be another one.
            self.cap -= 0.001;
            let cap = self.cap;
            let args = CommandArgs { speed_mps: Some(cap), ..CommandArgs::default() };
            let began = console_now();
            let intent = Intent::Command { agent: truck, kind: CommandKind::SpeedCap, args };
            let command_id = self.operator.act(intent).unwrap().unwrap();
            self.message(|message| {
                let ToOperator::CommandStatus(update) = message else { return None };
                assert!(update.code.is_none(), "a command was {}: {:?}", update.state, update.code);
                let taken = matches!(update.state, CommandState::Accepted | CommandState::Completed);
                (update.command_id == command_id && taken).then_some(())
            })
            .await;
            back.push(nanos(console_now().since(began)));
            let heard = loop {
                let (at, obeyed) = timeout(PATIENCE, self.obeyed.recv()).await.expect("it obeys").unwrap();
                if obeyed == Some(cap) {
                    break at;
                }
            };
            there.push(nanos(heard.since(began)));
            busy_for(PACE).await;
        }
        (there, back)
    }

    pub(crate) async fn stop(self) {
        drop((self.operator, self.press));
        self.server.stop().await.unwrap();
    }
}

/// Lets everything else go on for `span`, without letting the core fall asleep: the echo has no pauses either.
async fn busy_for(span: Duration) {
    let until = console_now().after(span);
    while console_now() < until {
        tokio::task::yield_now().await;
    }
}

/// The truck's own loop: it obeys, and says so.
async fn obey(mut agent: Agent, obeyed: mpsc::Sender<(MonoTime, Option<f64>)>) {
    let mut last = None;
    while let Ok(directive) = agent.directive_changed().await {
        let heard = console_now();
        if directive.ordered_cap_mps != last {
            last = directive.ordered_cap_mps;
            if obeyed.send((heard, last)).await.is_err() {
                return;
            }
        }
    }
}
