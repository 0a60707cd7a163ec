//! An operator's half of the protocol, without sockets or clock: the picture, the leases of this session, and
//! the messages that a person's intents become.
//!
//! Nothing that was asked for is ever sent again, not after a reconnect either: the person is asked instead. Only a
//! stop is, until the monitor has it.

mod build;
mod presented;
mod probe;
mod queue;
mod stops;

use super::lease::Leases;
use bytes::Bytes;
use presented::Told;
use probe::Probing;
use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};
use stops::UnheardStops;
use thiserror::Error;
use watchkeeper_model::{
    AgentId, AgentKind, AlertId, BearerToken, CommandId, CommandKind, ControlState, Epoch, MonoTime,
    OperatorRole, PersonId, Setpoint,
};
use watchkeeper_picture::{Intent, Picture, deadline};
use watchkeeper_protocol::{
    OperatorMessage, SessionKind, ToOperator, Wire,
    operator::{AgentStatus, ConsoleKind, HolderReport, LeaseEvent, OperatorHello},
};
use watchkeeper_takeover::Timers;

/// Most messages that wait to be sent.
const MAX_WAITING: usize = 256;

/// Who the operator is, as the hello says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperatorConfig {
    /// Who.
    pub person: PersonId,
    /// In which role.
    pub role: OperatorRole,
    /// On what kind of console.
    pub console: ConsoleKind,
}

/// Says why an intent cannot even be sent. What the monitor or the agent refuse comes as a message.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ActError {
    /// There is no connection; nothing waits for one.
    #[error("not connected to the monitor: nothing was sent, and nothing will be later")]
    Disconnected,
    /// Nobody knows this agent.
    #[error("nobody knows the agent {0}")]
    UnknownAgent(AgentId),
    /// The agent is offline; only a stop waits for it.
    #[error("{0} is offline: only a stop can be sent")]
    AgentOffline(AgentId),
    /// The verb needs a lease, and this session holds none.
    #[error("{kind} of {agent} needs its lease: claim it first")]
    NoLease {
        /// Which agent.
        agent: AgentId,
        /// The verb.
        kind: CommandKind,
    },
    /// The verb needs an argument that is missing or out of range.
    #[error("{kind} needs {what}")]
    Argument {
        /// The verb.
        kind: CommandKind,
        /// What it needs.
        what: &'static str,
    },
    /// Too many messages wait: the network does not take them.
    #[error("the network does not keep up: {MAX_WAITING} messages wait already")]
    NotKeepingUp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Session {
    Offline,
    Greeting,
    Welcomed,
}

/// The core of an operator: picture, leases, messages.
#[derive(Debug)]
pub struct OperatorCore {
    config: OperatorConfig,
    picture: Picture,
    session: Session,
    leases: Leases,
    /// The leases of which the monitor said that they are granted.
    granted: BTreeMap<AgentId, Epoch>,
    /// Under which epoch this session engaged and has not assumed yet.
    engaged: BTreeMap<AgentId, Epoch>,
    told_presented: BTreeMap<AlertId, Told>,
    probing: Probing,
    hello: Option<Bytes>,
    waiting: VecDeque<OperatorMessage>,
    unheard_stops: UnheardStops,
    close: bool,
}

impl OperatorCore {
    /// Makes the core of an operator who has not heard anything yet.
    pub const fn new(config: OperatorConfig) -> Self {
        Self {
            config,
            picture: Picture::new(),
            session: Session::Offline,
            leases: Leases::new(),
            granted: BTreeMap::new(),
            engaged: BTreeMap::new(),
            told_presented: BTreeMap::new(),
            probing: Probing::new(),
            hello: None,
            waiting: VecDeque::new(),
            unheard_stops: UnheardStops::new(),
            close: false,
        }
    }

    /// Returns what the operator should see now.
    pub const fn picture(&self) -> &Picture {
        &self.picture
    }

    /// Returns whether the monitor has welcomed this session, and is connected.
    pub fn is_welcomed(&self) -> bool {
        self.session == Session::Welcomed
    }

    /// Takes note that the socket is open: says hello, with the place where the picture stands.
    pub fn handle_connected(&mut self, token: Option<BearerToken>, now: MonoTime) {
        self.forget_session();
        self.session = Session::Greeting;
        self.picture.handle_connected(now);
        let hello = OperatorHello {
            session: SessionKind::Operator,
            token,
            person: self.config.person.clone(),
            role: self.config.role,
            console: self.config.console,
            resume: self.picture.resume(),
        };
        self.hello = Some(watchkeeper_protocol::encode("hello", &hello));
    }

    /// Takes note that the connection is gone. What was to be sent is forgotten, never sent later, but for stops.
    pub fn handle_disconnected(&mut self, now: MonoTime) {
        self.forget_session();
        self.picture.handle_disconnected(now);
    }

    fn forget_session(&mut self) {
        self.session = Session::Offline;
        self.hello = None;
        self.waiting.clear();
        self.engaged.clear();
        self.probing = Probing::new();
        self.close = false;
    }

    /// Folds one message that came at `received_at`. Pings are answered by the shell, at once.
    pub fn handle_message(&mut self, message: &ToOperator, received_at: MonoTime) {
        if self.session == Session::Offline {
            return;
        }
        self.picture.handle(message, received_at);
        self.unheard_stops.handle(message);
        if matches!(message, ToOperator::Welcome(_)) {
            self.session = Session::Welcomed;
        }
        if let ToOperator::Lease(update) = message
            && update.event == LeaseEvent::Granted
        {
            self.granted.insert(update.agent.clone(), update.epoch);
        }
        self.note_alerts(message);
        self.probing.note_arrival(message, received_at);
        if self.picture.needs_resync() {
            self.close = true;
        }
    }

    /// Turns what a person wants into a message; `command_id` names it where it is a command.
    ///
    /// Returns the id under which its fate is told, `None` for claims and acknowledgements.
    ///
    /// # Errors
    /// See [`ActError`]; then nothing is sent. Whether it is wise is not asked here
    /// ([`watchkeeper_picture::Action::check`] is): the monitor and the agent decide. A stop is never refused for
    /// what waits already: it takes the place of something less urgent, and one that would be the second to wait
    /// for the same agent goes with the first, whose id is returned.
    pub fn act(
        &mut self,
        intent: Intent,
        command_id: CommandId,
        now: MonoTime,
    ) -> Result<Option<CommandId>, ActError> {
        if self.session != Session::Welcomed {
            return Err(ActError::Disconnected);
        }
        if self.waiting.len() >= MAX_WAITING {
            let Some((agent, confirm_many)) = stop_of(&intent) else { return Err(ActError::NotKeepingUp) };
            if let Some(waits) = self.join_waiting_stop(agent, confirm_many) {
                return Ok(Some(waits));
            }
            self.make_room();
        }
        self.build(intent, command_id, now)
    }

    /// Returns the agents that wait for this session's ASSUME: it engaged them, and they are IN_TRANSITION
    /// under its epoch (`takeover.md` row 10). A console sends it once it has drawn that.
    pub fn assume_due(&self) -> Vec<AgentId> {
        let is_due = |agent: &AgentId, epoch: Epoch| {
            let state = self.picture.agent(agent).map(|entry| entry.status().control_state);
            state == Some(ControlState::InTransition) && self.picture.my_epoch(agent) == Some(epoch)
        };
        let due = self.engaged.iter().filter(|(agent, epoch)| is_due(agent, **epoch));
        due.map(|(agent, _)| agent.clone()).collect()
    }

    /// Renews every lease of this session: call it from the loop that draws, at least 20 times a second while
    /// one is held. `ready`: the person can act now. Returns how many leases were renewed. Once a second it also asks how
    /// long the way to each of these agents is.
    ///
    /// A newer heartbeat replaces one that still waits: an old one would renew nothing.
    pub fn heartbeat(&mut self, ready: bool, now: MonoTime) -> usize {
        self.renew(ready, None, now)
    }

    /// Renews every lease like [`Self::heartbeat`], with a setpoint of manual driving for `agent`.
    pub fn heartbeat_driving(
        &mut self,
        ready: bool,
        agent: &AgentId,
        setpoint: Setpoint,
        now: MonoTime,
    ) -> usize {
        self.renew(ready, Some((agent, setpoint)), now)
    }

    fn renew(&mut self, ready: bool, driving: Option<(&AgentId, Setpoint)>, now: MonoTime) -> usize {
        if self.session != Session::Welcomed {
            return 0;
        }
        let held: Vec<_> = self
            .picture
            .agents()
            .filter_map(|(agent, entry)| {
                let status = entry.status();
                let epoch = self.picture.my_epoch(agent).filter(|epoch| self.agent_knows(status, *epoch))?;
                let until = deadline(status, entry.received_at(), now, heartbeat_ttl(status.kind));
                Some((agent.clone(), epoch, status.state_version, until))
            })
            .collect();
        let count = held.len();
        let probed: Vec<AgentId> = held.iter().map(|(agent, ..)| agent.clone()).collect();
        for (agent, epoch, state_version, deadline) in held {
            let seq = self.leases.next_heartbeat(&agent, epoch);
            let setpoint = driving.filter(|(driven, _)| **driven == agent).map(|(_, setpoint)| setpoint);
            let report = HolderReport { agent, epoch, seq, ready, state_version, deadline, setpoint };
            let has_room = self.waiting.len() < MAX_WAITING;
            // In its place: what was ordered after it counts on a ready heartbeat having gone before.
            let waits = self.waiting.iter_mut().find_map(|message| {
                let OperatorMessage::Heartbeat(old) = message else { return None };
                (old.agent == report.agent).then_some(old)
            });
            match waits {
                Some(old) => *old = report,
                None if has_room => {
                    self.waiting.push_back(OperatorMessage::Heartbeat(report));
                }
                None => {}
            }
        }
        for agent in probed {
            self.probe(&agent, now);
        }
        count
    }

    /// Returns whether the agent has been sent the grant of this lease: the monitor said so, or the agent acts on it.
    ///
    /// A status may show a lease whose grant still waits for the disk. A heartbeat would overtake it and count
    /// for nothing at the agent, while the monitor already showed the holder as ready.
    fn agent_knows(&self, status: &AgentStatus, epoch: Epoch) -> bool {
        status.control_state.has_holder() || self.granted.get(&status.agent) == Some(&epoch)
    }

    /// Sends again what is due: stops that the monitor has not answered.
    pub fn handle_timeout(&mut self, now: MonoTime) {
        if self.session != Session::Welcomed {
            return;
        }
        for stop in self.unheard_stops.take_due(now) {
            // One that still waits is not sent twice.
            if self.join_waiting_stop(&stop.agent, stop.confirm_many).is_none() {
                self.waiting.push_front(OperatorMessage::Stop(stop));
            }
        }
    }

    /// Returns when [`Self::handle_timeout`] is due; `None` while nothing waits or nothing can be sent.
    pub fn poll_timeout(&self) -> Option<MonoTime> {
        if self.session == Session::Welcomed { self.unheard_stops.poll_timeout() } else { None }
    }

    /// Returns the next frame to send.
    pub fn poll_transmit(&mut self) -> Option<Bytes> {
        if let Some(hello) = self.hello.take() {
            return Some(hello);
        }
        self.waiting.pop_front().map(|message| message.encode())
    }

    /// Returns true when only a new connection with a whole snapshot helps.
    pub const fn poll_close(&mut self) -> bool {
        std::mem::replace(&mut self.close, false)
    }
}

/// Returns which agent an intent stops, and whether the person has confirmed that it is one of many.
pub(super) fn stop_of(intent: &Intent) -> Option<(&AgentId, bool)> {
    match intent {
        Intent::Stop { agent, confirm_many, .. } => Some((agent, *confirm_many)),
        Intent::Command { agent, kind: CommandKind::Estop, .. } => Some((agent, false)),
        Intent::Command { .. }
        | Intent::Claim { .. }
        | Intent::Acknowledge { .. }
        | Intent::Shelve { .. }
        | Intent::Unshelve { .. }
        | Intent::TakeOutOfService { .. }
        | Intent::ReturnToService { .. }
        | Intent::Reset { .. }
        | Intent::RequestHandover { .. }
        | Intent::AnswerHandover { .. }
        | Intent::AllowTakeover { .. }
        | Intent::Waive { .. }
        | Intent::Label { .. }
        | Intent::Engage { .. }
        | Intent::Release { .. }
        | Intent::HandBack { .. } => None,
    }
}

/// Returns how long a holder's heartbeat counts: for vehicles half a second, far below T_link, so that buffered
/// ones renew nothing; 5 s for the others, who send them once a second (`takeover.md` 2, rule 3; ours).
fn heartbeat_ttl(kind: AgentKind) -> Duration {
    let longest = match kind {
        AgentKind::Vehicle => Duration::from_millis(500),
        AgentKind::Transaction | AgentKind::SoftwareAgent | AgentKind::Generic => Duration::from_secs(5),
    };
    longest.min(Timers::for_kind(kind).link / 2)
}
