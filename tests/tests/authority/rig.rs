//! A monitor, trucks and consoles, each peer behind a proxy of its own.

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex},
    time::Duration,
};
use tempfile::TempDir;
use tokio::{task::JoinHandle, time::MissedTickBehavior};
use watchkeeper_client::{
    Agent, AgentOptions, Endpoint, Intent, Mode, Operator, OperatorEvent, OperatorOptions, TokenSource,
    World, console_now,
};
use watchkeeper_engine::Config;
use watchkeeper_model::{
    AgentId, AgentKind, AgentTime, CommandArgs, CommandCode, CommandId, CommandKind, CommandState,
    ControlState, LatchId, MonoTime, OperatorRole, PersonId, Setpoint,
};
use watchkeeper_picture::AgentPicture;
use watchkeeper_protocol::{
    ToOperator,
    operator::{AgentStatus, CommandUpdate, LeaseStatus, LeaseUpdate},
};
use watchkeeper_server::{RunningServer, Server, ServerOptions};
use watchkeeper_takeover::{Directive, Timers};
use watchkeeper_tests::proxy::Proxy;

/// Nothing here takes longer; a test that would wait for ever fails instead.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);
/// How often a console's loop comes round: a lease wants 20 heartbeats a second.
const BEAT: Duration = Duration::from_millis(25);

/// Returns whether the long forms are to be played.
pub(crate) fn is_long() -> bool {
    std::env::var_os("WATCHKEEPER_LONG").is_some_and(|value| value == "1")
}

pub(crate) fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

pub(crate) fn secs(span: Duration) -> f64 {
    span.as_secs_f64()
}

/// A monitor in this process.
pub(crate) struct Site {
    server: RunningServer,
    data: TempDir,
    timers: Timers,
}

impl Site {
    /// Starts one with this configuration.
    pub(crate) async fn open(config: &str) -> Self {
        let data = watchkeeper_canary::tempdir().unwrap();
        let config = Config::parse(config).unwrap();
        let timers = config.timers(AgentKind::Vehicle);
        let options = ServerOptions {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            token_dir: Some(data.path().to_owned()),
            config,
            ..ServerOptions::new(data.path())
        };
        let server = Server::start(options).await.unwrap();
        watchkeeper_canary::register(server.token());
        Self { server, data, timers }
    }

    /// Returns a proxy to it, and the endpoint behind that proxy.
    fn behind_a_proxy(&self, seed: u64) -> (Proxy, Endpoint) {
        let proxy = Proxy::start(&self.server.url(), seed).unwrap();
        let token = TokenSource::File(self.data.path().join("token"));
        let endpoint = Endpoint::new(proxy.url(), token);
        (proxy, endpoint)
    }

    /// Returns the directory of its record.
    pub(crate) fn directory(&self) -> &std::path::Path {
        self.data.path()
    }

    pub(crate) async fn close(self) {
        self.server.stop().await.unwrap();
    }
}

/// What the agent was to do, seen from inside of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Change {
    /// The agent's clock just before this was read.
    pub(crate) before: AgentTime,
    /// And just after.
    pub(crate) after: AgentTime,
    pub(crate) directive: Directive,
}

/// A vehicle that drives steadily, and takes a moment to stand when it is told to.
pub(crate) struct Truck {
    pub(crate) agent: Agent,
    pub(crate) proxy: Proxy,
    name: AgentId,
    changes: Arc<Mutex<Vec<Change>>>,
    living: JoinHandle<()>,
}

impl Truck {
    /// Starts one that stands `stops_within` after it was told to.
    pub(crate) async fn start(site: &Site, name: &str, stops_within: Duration, seed: u64) -> Self {
        let (proxy, endpoint) = site.behind_a_proxy(seed);
        let name = AgentId::new(name).unwrap();
        let mut options = AgentOptions::new(endpoint, name.clone(), AgentKind::Vehicle);
        // As the monitor is configured, so that both sides count alike.
        options.timers = site.timers.clone();
        options.world.standstill = false;
        let world = World { stable: true, can_resume: true, progressing: Some(true), ..options.world };
        let agent = Agent::connect(options).await.unwrap();
        let changes = Arc::new(Mutex::new(Vec::new()));
        let living = tokio::spawn(live(agent.clone(), world, stops_within, Arc::clone(&changes)));
        Self { agent, proxy, name, changes, living }
    }

    pub(crate) fn name(&self) -> &AgentId {
        &self.name
    }

    /// Returns everything that was ordered since the last call, oldest first.
    pub(crate) fn changes(&self) -> Vec<Change> {
        std::mem::take(&mut *self.changes.lock().unwrap())
    }

    pub(crate) fn mode(&self) -> Mode {
        self.agent.directive().mode
    }

    pub(crate) async fn close(self) {
        self.agent.close().await;
        self.living.await.unwrap();
    }
}

/// The truck's own loop: obeys, and says what its sensors see.
async fn live(agent: Agent, world: World, stops_within: Duration, changes: Arc<Mutex<Vec<Change>>>) {
    let mut follows = agent.clone();
    let mut ticks = tokio::time::interval(ms(10));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut last = None;
    let mut stops_since = None;
    loop {
        tokio::select! {
            biased;
            changed = follows.directive_changed() => if changed.is_err() { return },
            _ = ticks.tick() => {}
        }
        let before = agent.now();
        let directive = agent.directive();
        let after = agent.now();
        // What the latency allows moves nothing that anybody ordered.
        let ordered = (directive.mode, directive.ordered_cap_mps);
        if last.replace(ordered) != Some(ordered) {
            changes.lock().unwrap().push(Change { before, after, directive });
        }
        let stops = match directive.mode {
            Mode::Autonomous
            | Mode::Local
            | Mode::SafePolicy
            | Mode::Neutral
            | Mode::Manual { .. }
            | Mode::Human { hold: false } => false,
            Mode::Human { hold: true } | Mode::Fallback(_) | Mode::Held | Mode::Estop => true,
        };
        stops_since = if stops { stops_since.or(Some(after)) } else { None };
        let stands = stops_since.is_some_and(|since| after.since(since) >= stops_within);
        agent.report(World { condition_reached: stands, ..world });
    }
}

/// What a console was told of one command, and when.
pub(crate) type Told = Vec<(MonoTime, CommandUpdate)>;

/// A scripted console: renews its leases, assumes at once, and keeps what it was told.
pub(crate) struct Console {
    pub(crate) operator: Operator,
    pub(crate) proxy: Proxy,
    /// What its person's hands want; they leave the controls for every eighth beat.
    pub(crate) hands: Option<Setpoint>,
    beats: u64,
    pub(crate) told: BTreeMap<CommandId, Told>,
    pub(crate) leases: Vec<(MonoTime, LeaseUpdate)>,
    pub(crate) statuses: Vec<(MonoTime, AgentStatus)>,
    /// How often it was welcomed.
    pub(crate) welcomes: u32,
    agent: AgentId,
}

impl Console {
    /// Opens one that looks at `agent`.
    pub(crate) fn open(site: &Site, person: &str, role: OperatorRole, agent: &AgentId, seed: u64) -> Self {
        let (proxy, endpoint) = site.behind_a_proxy(seed);
        let mut options = OperatorOptions::new(endpoint, PersonId::new(person).unwrap());
        options.role = role;
        Self {
            operator: Operator::connect(options),
            proxy,
            hands: None,
            beats: 0,
            told: BTreeMap::new(),
            leases: Vec::new(),
            statuses: Vec::new(),
            welcomes: 0,
            agent: agent.clone(),
        }
    }

    /// Goes round once.
    pub(crate) fn turn(&mut self) {
        while let Some(event) = self.operator.try_next() {
            let now = console_now();
            match event {
                OperatorEvent::Connected { .. } => self.welcomes += 1,
                OperatorEvent::Message(message) => match *message {
                    ToOperator::CommandStatus(update) => {
                        self.told.entry(update.command_id).or_default().push((now, update));
                    }
                    ToOperator::Lease(update) => self.leases.push((now, update)),
                    ToOperator::ControlStatus(update) => self.statuses.push((now, update.status)),
                    _ => {}
                },
                _ => {}
            }
        }
        self.operator.assume_due();
        self.beats += 1;
        match self.hands.filter(|_| !self.beats.is_multiple_of(8)) {
            Some(setpoint) => self.operator.heartbeat_driving(true, &self.agent, setpoint),
            None => self.operator.heartbeat(true),
        };
    }

    pub(crate) fn status(&self) -> Option<&AgentStatus> {
        self.operator.picture().agent(&self.agent).map(AgentPicture::status)
    }

    pub(crate) fn state(&self) -> Option<ControlState> {
        self.status().map(|status| status.control_state)
    }

    pub(crate) fn lease(&self) -> Option<&LeaseStatus> {
        self.status().and_then(|status| status.lease.as_ref())
    }

    /// Returns whether this session has the lease, or will have it with its ENGAGE.
    pub(crate) fn holds(&self) -> bool {
        self.operator.picture().my_epoch(&self.agent).is_some()
    }

    /// Returns whether this session is in control, as it is shown.
    pub(crate) fn drives(&self) -> bool {
        let me = self.operator.picture().me().map(|me| me.session_id);
        let holder = self.lease().map(|lease| lease.session_id);
        self.state() == Some(ControlState::Human) && self.holds() && holder == me
    }

    /// Returns the latches that the agent holds, as it is shown.
    pub(crate) fn latches(&self) -> Vec<LatchId> {
        self.status()
            .map(|status| status.latches.iter().map(|latch| latch.latch_id).collect())
            .unwrap_or_default()
    }

    /// Sends a command; `None` when this console cannot now.
    pub(crate) fn try_order(&mut self, kind: CommandKind, args: CommandArgs) -> Option<CommandId> {
        let intent = match kind {
            CommandKind::Engage => Intent::Engage { agent: self.agent.clone(), latches: args.latches },
            CommandKind::HandBack => Intent::HandBack { agent: self.agent.clone() },
            CommandKind::Estop => {
                Intent::Stop { agent: self.agent.clone(), reason: args.reason, confirm_many: false }
            }
            _ => Intent::Command { agent: self.agent.clone(), kind, args },
        };
        self.operator.act(intent).ok().flatten()
    }

    /// Sends a command.
    pub(crate) fn order(&mut self, kind: CommandKind) -> CommandId {
        self.try_order(kind, CommandArgs::default()).expect("this console can send it")
    }

    /// Returns where a command is, as an application sees it.
    pub(crate) fn fate(&self, command: CommandId) -> (Option<CommandState>, Option<CommandCode>) {
        let entry = self.operator.picture().commands(&self.agent).find(|entry| entry.command_id == command);
        entry.map(|entry| (entry.state, entry.code)).unwrap_or_default()
    }

    /// Returns whether nothing more can become of a command.
    pub(crate) fn is_over(&self, command: CommandId) -> bool {
        let mut all = self.operator.picture().commands(&self.agent);
        all.any(|entry| entry.command_id == command && entry.is_terminal())
    }

    /// Returns the terminal states that this console was told of for a command; repeats of one count once.
    pub(crate) fn ends(&self, command: CommandId) -> Vec<CommandState> {
        let mut ends: Vec<CommandState> = Vec::new();
        for (_, update) in self.told.get(&command).into_iter().flatten() {
            if update.state.is_terminal(update.kind.risk()) && ends.last() != Some(&update.state) {
                ends.push(update.state);
            }
        }
        ends
    }
}

/// Lets consoles work until something is so.
pub(crate) async fn until<const N: usize>(
    consoles: &mut [Console; N],
    what: &str,
    wished: impl FnMut(&[Console; N]) -> bool,
) {
    assert!(within(consoles, PATIENCE, wished).await, "{what} never came: {:#?}", consoles[0].status());
}

/// Lets consoles work until something is so; returns false when it was not within `limit`.
pub(crate) async fn within<const N: usize>(
    consoles: &mut [Console; N],
    limit: Duration,
    mut wished: impl FnMut(&[Console; N]) -> bool,
) -> bool {
    let last = console_now().after(limit);
    loop {
        for console in consoles.iter_mut() {
            console.turn();
        }
        if wished(consoles) {
            return true;
        }
        if console_now() >= last {
            return false;
        }
        tokio::time::sleep(BEAT).await;
    }
}

/// Lets consoles work for a while.
pub(crate) async fn work<const N: usize>(consoles: &mut [Console; N], span: Duration) {
    within(consoles, span, |_| false).await;
}

/// Lets console `who` take control, out of whatever state the agent is in; says whether it came to that within
/// `limit`.
pub(crate) async fn take_control<const N: usize>(
    consoles: &mut [Console; N],
    who: usize,
    limit: Duration,
) -> bool {
    let last = console_now().after(limit);
    let agent = consoles[who].agent.clone();
    while console_now() < last {
        if consoles[who].drives() {
            return true;
        }
        let settled = |consoles: &[Console; N]| consoles[who].status().is_some_and(|status| status.settled);
        within(consoles, console_now().until(last), settled).await;
        if !consoles[who].holds()
            && consoles[who].operator.act(Intent::Claim { agent: agent.clone() }).is_err()
        {
            work(consoles, ms(50)).await;
            continue;
        }
        // The claim, or the demand that it raises, may be lost: then it lapses, and is tried again.
        let claimed = |consoles: &[Console; N]| {
            let console = &consoles[who];
            let waits = matches!(
                console.state(),
                Some(ControlState::Claimed | ControlState::Fallback | ControlState::SafeHeld)
            );
            waits && console.holds() && console.lease().is_some_and(|lease| lease.ready)
        };
        if !within(consoles, ms(1_500), claimed).await {
            if consoles[who].holds() && consoles[who].state() == Some(ControlState::InTransition) {
                // An ASSUME was lost: a person who sees that nothing happens presses again.
                consoles[who].try_order(CommandKind::Assume, CommandArgs::default());
            }
            continue;
        }
        work(consoles, ms(50)).await;
        let latches = consoles[who].latches();
        consoles[who].try_order(CommandKind::Engage, CommandArgs { latches, ..CommandArgs::default() });
        if within(consoles, ms(2_500), |consoles| consoles[who].drives()).await {
            return true;
        }
    }
    false
}
