//! Somebody who drives by hand: an operator of the SDK, since `watchkeeper operate` has no hands.

use crate::told::Told;
use anyhow::Result;
use std::{
    path::Path,
    sync::{Arc, Mutex},
    thread::{self, JoinHandle},
    time::Duration,
};
use tokio::{
    sync::watch,
    time::{MissedTickBehavior, interval},
};
use watchkeeper_client::{
    Endpoint, Intent, Operator, OperatorEvent, OperatorOptions, TokenSource, console_now,
};
use watchkeeper_ledger::{ChainHash, Head};
use watchkeeper_model::{AgentId, ControlState, MonoTime, PersonId, Setpoint};
use watchkeeper_picture::view::takeover::releases;
use watchkeeper_protocol::{ToOperator, operator::LeaseEvent};

/// Beats of a window.
const BEAT: Duration = Duration::from_millis(50);
/// How often an order is tried again.
const AGAIN: Duration = Duration::from_millis(300);
/// What he drives with; accelerating, so that a vehicle that nobody stops would show it.
pub(crate) const ACCELERATE: f64 = 0.4;

/// Whom he drives, and how he steers there; each drive has a steering of its own, by which it is known again.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Drive {
    pub(crate) agent: AgentId,
    pub(crate) steer: f64,
}

/// The person with the hands.
pub(crate) struct Hands {
    wanted: watch::Sender<Option<Drive>>,
    told: Arc<Mutex<Told>>,
    thread: Option<JoinHandle<()>>,
}

impl Hands {
    pub(crate) fn start(person: &str, url: &str, token_file: &Path) -> Result<Self> {
        let endpoint = Endpoint::new(url, TokenSource::File(token_file.to_owned()));
        let options = OperatorOptions::new(endpoint, PersonId::new(person)?);
        let (wanted, receiver) = watch::channel(None);
        let told = Arc::new(Mutex::new(Told::default()));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let shared = Arc::clone(&told);
        let thread = thread::spawn(move || runtime.block_on(sit(options, receiver, &shared)));
        Ok(Self { wanted, told, thread: Some(thread) })
    }

    /// Says what he is to do from now on.
    pub(crate) fn drive(&self, drive: Option<Drive>) {
        self.wanted.send_replace(drive);
    }

    /// Takes what he was told since the last time.
    pub(crate) fn pump(&self, told: &mut Told) {
        told.absorb(std::mem::take(&mut self.told.lock().expect("he does not panic while he writes")));
    }
}

impl Drop for Hands {
    fn drop(&mut self) {
        // His channel closes, and he leaves.
        self.wanted = watch::channel(None).0;
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap_or_default();
        }
    }
}

async fn sit(options: OperatorOptions, wanted: watch::Receiver<Option<Drive>>, told: &Mutex<Told>) {
    let mut seat =
        Seat { operator: Operator::connect(options), ordered_at: MonoTime::default(), beats_in_control: 0 };
    let mut beat = interval(BEAT);
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while wanted.has_changed().is_ok() {
        tokio::select! {
            biased;
            _at = beat.tick() => {
                let drive = wanted.borrow().clone();
                seat.beat(drive);
            }
            event = seat.operator.next() => note(event, told),
        }
        seat.operator.assume_due();
    }
    seat.operator.close().await;
}

struct Seat {
    operator: Operator,
    ordered_at: MonoTime,
    beats_in_control: u32,
}

impl Seat {
    fn beat(&mut self, drive: Option<Drive>) {
        let Some(Drive { agent, steer }) = drive else {
            self.operator.heartbeat(true);
            return;
        };
        let in_control = leads(&self.operator, &agent);
        self.beats_in_control = if in_control { self.beats_in_control + 1 } else { 0 };
        // Hands that were on the controls before must leave them once.
        if self.beats_in_control > 2 {
            self.operator.heartbeat_driving(true, &agent, Setpoint { steer, accelerate: ACCELERATE });
        } else {
            self.operator.heartbeat(true);
        }
        let due = !in_control && console_now().since(self.ordered_at) > AGAIN;
        if due && order(&mut self.operator, &agent) {
            self.ordered_at = console_now();
        }
    }
}

fn leads(operator: &Operator, agent: &AgentId) -> bool {
    let state = operator.picture().agent(agent).map(|entry| entry.status().control_state);
    state == Some(ControlState::Human) && operator.picture().my_epoch(agent).is_some()
}

/// Takes the next step towards control; returns whether there was one.
fn order(operator: &mut Operator, agent: &AgentId) -> bool {
    let Some(entry) = operator.picture().agent(agent) else { return false };
    let (state, latches) = (entry.status().control_state, releases(entry));
    let agent = agent.clone();
    let intent = match (operator.picture().my_epoch(&agent).is_some(), state) {
        (false, _) => Intent::Claim { agent },
        (true, ControlState::Claimed | ControlState::Fallback | ControlState::SafeHeld) => {
            Intent::Engage { agent, latches }
        }
        (true, _) => return false,
    };
    operator.act(intent).is_ok()
}

fn note(event: OperatorEvent, told: &Mutex<Told>) {
    let OperatorEvent::Message(message) = event else { return };
    let mut told = told.lock().expect("the test does not panic while it reads");
    match *message {
        ToOperator::Head(head) => {
            told.head(Head { sequence: head.sequence, hash: ChainHash(head.hash) });
        }
        ToOperator::Lease(lease) if lease.event == LeaseEvent::Granted => {
            told.grant(&lease.agent, lease.epoch, &lease.holder);
        }
        ToOperator::CommandStatus(update) if update.logged => {
            told.logged.insert(update.command_id);
        }
        _ => {}
    }
}
