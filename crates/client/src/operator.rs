//! Be an operator: see the picture, act on it, hold a lease.

pub mod core;
mod inbox;
mod lease;
mod shell;

pub use self::core::{ActError, OperatorConfig, OperatorCore};

use crate::{
    clock,
    discover::{Endpoint, TokenSource},
    link::Link,
    tls::TlsFiles,
};
use inbox::{Inbox, Item};
use shell::Order;
use std::{collections::VecDeque, fmt, sync::Arc};
use tokio::{sync::mpsc, task::JoinHandle};
use watchkeeper_model::{
    AgentId, AlertId, CommandArgs, CommandId, CommandKind, MonoTime, OperatorRole, PersonId, Setpoint,
};
use watchkeeper_picture::{Intent, Picture};
use watchkeeper_protocol::{ToOperator, operator::ConsoleKind, session::ErrorReport};

/// Most frames on their way to the connection's task; with more, intents are refused and heartbeats wait.
const ORDERS: usize = 256;

/// Called from the connection's task whenever something came that hurries: wakes a loop that draws and calls
/// [`Operator::try_next`]. Alerts, leases, what became of commands, and the connection itself hurry; telemetry and
/// the agents' regular status wait for the loop's own pace. It must not block.
#[derive(Clone)]
pub struct Wake(Arc<dyn Fn() + Send + Sync>);

impl Wake {
    /// Makes it of a function.
    pub fn new(wake: impl Fn() + Send + Sync + 'static) -> Self {
        Self(Arc::new(wake))
    }

    fn call(&self) {
        (self.0)();
    }
}

impl fmt::Debug for Wake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Wake")
    }
}

/// Who the operator is, and where the monitor is.
#[derive(Clone, Debug)]
pub struct OperatorOptions {
    /// Address of the monitor.
    pub url: String,
    /// The token that lets the session in.
    pub token: TokenSource,
    /// The files of TLS where the address begins with `wss://`.
    pub tls: Option<TlsFiles>,
    /// Who.
    pub person: PersonId,
    /// In which role.
    pub role: OperatorRole,
    /// On what kind of console; it decides what `ready` may mean.
    pub console: ConsoleKind,
    /// What to call when something came that hurries.
    pub wake: Option<Wake>,
}

impl OperatorOptions {
    /// Makes the options of an operator at a scripted console.
    pub fn new(endpoint: Endpoint, person: PersonId) -> Self {
        Self {
            url: endpoint.url,
            token: endpoint.token,
            tls: endpoint.tls,
            person,
            role: OperatorRole::Operator,
            console: ConsoleKind::Scripted,
            wake: None,
        }
    }
}

/// What happened; messages are already folded into the picture.
#[derive(Clone, Debug, PartialEq)]
pub enum OperatorEvent {
    /// The monitor has welcomed this session. `resumed`: what was missed follows, instead of a whole snapshot.
    Connected {
        /// The deltas since the last connection follow.
        resumed: bool,
    },
    /// There is no connection; the next attempt is scheduled. What was to be sent is forgotten.
    Disconnected {
        /// From which address, and why, in words.
        reason: String,
    },
    /// The monitor did not take something that this session sent.
    Refused(ErrorReport),
    /// Any other message.
    Message(Box<ToOperator>),
    /// The connection's task has ended; nothing more comes.
    Ended,
}

/// A running operator session. It reconnects for as long as it lives; dropping it ends the session.
#[derive(Debug)]
pub struct Operator {
    core: OperatorCore,
    inbox: Arc<Inbox>,
    orders: mpsc::Sender<Order>,
    /// Frames that the task had no room for yet.
    backlog: VecDeque<Order>,
    connection: u64,
    url: String,
    task: JoinHandle<()>,
}

impl Operator {
    /// Starts the session; it connects in the background. Must be called inside a tokio runtime.
    pub fn connect(options: OperatorOptions) -> Self {
        let inbox = Arc::new(Inbox::new(options.wake));
        let (orders, receiver) = mpsc::channel(ORDERS);
        let url = options.url.clone();
        let source = options.token.clone();
        let link = Link::new(Endpoint { url: options.url, token: options.token, tls: options.tls });
        let task = tokio::spawn(shell::run(link, source, Arc::clone(&inbox), receiver));
        let config = OperatorConfig { person: options.person, role: options.role, console: options.console };
        Self {
            core: OperatorCore::new(config),
            inbox,
            orders,
            backlog: VecDeque::new(),
            connection: 0,
            url,
            task,
        }
    }

    /// Waits for the next event and folds it. Cancel-safe. A session makes progress only while this, or
    /// [`Self::try_next`], is called: what is not taken is, in the end, asked for again.
    pub async fn next(&mut self) -> OperatorEvent {
        loop {
            self.repeat();
            let due = self.core.poll_timeout();
            let item = tokio::select! {
                // What came may make the rest needless.
                biased;
                item = self.inbox.pop() => item,
                () = clock::sleep_until(due.unwrap_or_default()), if due.is_some() => continue,
            };
            if let Some(event) = self.fold(item) {
                return event;
            }
        }
    }

    /// Returns the next event, if there is one, and folds it; for loops that draw.
    pub fn try_next(&mut self) -> Option<OperatorEvent> {
        loop {
            let Some(item) = self.inbox.try_pop() else {
                self.repeat();
                return None;
            };
            if let Some(event) = self.fold(item) {
                return Some(event);
            }
        }
    }

    /// Returns what the operator should see now.
    pub const fn picture(&self) -> &Picture {
        self.core.picture()
    }

    /// Returns how much telemetry was dropped on this side, because it was not taken in time.
    pub fn dropped_telemetry(&self) -> u64 {
        self.inbox.dropped_telemetry()
    }

    /// Sends what a person wants. Returns the id under which its fate is told, `None` for claims and
    /// acknowledgements.
    pub fn act(&mut self, intent: Intent) -> Result<Option<CommandId>, ActError> {
        if self.backlog.len() >= ORDERS && core::stop_of(&intent).is_none() {
            return Err(ActError::NotKeepingUp);
        }
        let result = self.core.act(intent, mint_command_id(), clock::console_now());
        self.pump();
        result
    }

    /// Sends ASSUME to every agent that waits for it, and returns these agents: call it once the frame that
    /// shows IN_TRANSITION is drawn; a scripted console calls it at once.
    pub fn assume_due(&mut self) -> Vec<AgentId> {
        let mut due = self.core.assume_due();
        due.retain(|agent| {
            let intent = Intent::Command {
                agent: agent.clone(),
                kind: CommandKind::Assume,
                args: CommandArgs::default(),
            };
            self.act(intent).is_ok()
        });
        due
    }

    /// Renews the leases of this session: call it from the loop that draws, at least 20 times a second while
    /// one is held. `ready`: the person can act now. Returns how many leases there are.
    pub fn heartbeat(&mut self, ready: bool) -> usize {
        let count = self.core.heartbeat(ready, clock::console_now());
        self.pump();
        count
    }

    /// Renews the leases of this session like [`Self::heartbeat`], with what the hands want `agent` to do now
    /// (manual driving). Call it for as long as they are on the controls: the agent goes neutral T_deadman after
    /// the last setpoint. Nothing of it reaches an agent that this session does not hold.
    pub fn heartbeat_driving(&mut self, ready: bool, agent: &AgentId, setpoint: Setpoint) -> usize {
        let count = self.core.heartbeat_driving(ready, agent, setpoint, clock::console_now());
        self.pump();
        count
    }

    /// Asks how long the way to an agent is, that this session does not hold yet: see [`OperatorCore::probe`]. What comes
    /// of it is in the picture ([`PathPicture`](watchkeeper_picture::PathPicture)).
    pub fn probe(&mut self, agent: &AgentId) {
        self.core.probe(agent, clock::console_now());
        self.pump();
    }

    /// Says that the frame that shows these alerts was just presented; each alert is told once, and again when its
    /// cause came back or a demand came of it.
    pub fn presented(&mut self, alerts: &[AlertId]) {
        self.presented_at(alerts, clock::console_now());
    }

    /// Says the same of a frame that was presented at `at`, a little while ago, on the clock of
    /// [`console_now`](crate::console_now).
    pub fn presented_at(&mut self, alerts: &[AlertId], at: MonoTime) {
        self.core.presented(alerts, at);
        self.pump();
    }

    /// Ends the session: what was sent leaves, then good-bye.
    pub async fn close(self) {
        let Self { orders, task, .. } = self;
        drop(orders);
        if let Err(error) = task.await {
            tracing::error!(%error, "the session's task did not end in good order");
        }
    }

    fn fold(&mut self, item: Item) -> Option<OperatorEvent> {
        let event = match item {
            Item::Opened { connection, token, at } => {
                self.connection = connection;
                self.backlog.clear();
                self.core.handle_connected(token, at);
                None
            }
            Item::Message { message, at } => {
                self.core.handle_message(&message, at);
                Some(match *message {
                    ToOperator::Welcome(welcome) => OperatorEvent::Connected { resumed: welcome.resumed },
                    ToOperator::Error(report) => OperatorEvent::Refused(report),
                    ToOperator::Ping(_) => return None,
                    ToOperator::Snapshot(_)
                    | ToOperator::Alert(_)
                    | ToOperator::ControlStatus(_)
                    | ToOperator::CommandStatus(_)
                    | ToOperator::Lease(_)
                    | ToOperator::Telemetry(_)
                    | ToOperator::Takeover(_)
                    | ToOperator::Roster(_)
                    | ToOperator::Dropped(_)
                    | ToOperator::Health(_)
                    | ToOperator::Head(_)
                    | ToOperator::Probed(_)
                    | ToOperator::Access(_) => OperatorEvent::Message(message),
                })
            }
            Item::Lost { reason, at } => {
                self.backlog.clear();
                self.core.handle_disconnected(at);
                Some(OperatorEvent::Disconnected { reason: format!("{}: {reason}", self.url) })
            }
            Item::End => Some(OperatorEvent::Ended),
        };
        if self.core.poll_close() {
            self.backlog.push_back(Order::Resync { connection: self.connection });
        }
        self.pump();
        event
    }

    /// Sends again what must be sent until it is answered.
    fn repeat(&mut self) {
        self.core.handle_timeout(clock::console_now());
        self.pump();
    }

    /// Hands over what the core has to say, as much as the task has room for.
    fn pump(&mut self) {
        loop {
            let order = match self.backlog.pop_front() {
                Some(order) => order,
                None => match self.core.poll_transmit() {
                    Some(frame) => Order::Send { connection: self.connection, frame },
                    None => return,
                },
            };
            match self.orders.try_send(order) {
                Ok(()) => {}
                Err(mpsc::error::TrySendError::Full(order)) => {
                    self.backlog.push_front(order);
                    return;
                }
                Err(mpsc::error::TrySendError::Closed(_)) => return,
            }
        }
    }
}

/// Makes an id that sorts by time (UUID version 7).
fn mint_command_id() -> CommandId {
    let builder = uuid::Builder::from_unix_timestamp_millis(clock::unix_millis(), &rand::random());
    CommandId(builder.into_uuid())
}
