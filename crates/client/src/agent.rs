//! Be an agent: decide, obey the directive, and let the gate inside have the last word.

pub mod core;
mod decision;
mod ring;
mod saver;
mod shell;
pub mod store;

pub use self::core::{
    AgentConfig, AgentCore, AgentStatusView, AskError, Asked, CloseReason, QuestionDraft, TaskEvent,
};
pub use decision::{DecideError, DecisionDraft};
pub use ring::RING;
pub use store::{GateStore, Recovered, StoreError};

use crate::{
    clock,
    discover::{Endpoint, TokenSource},
    tls::TlsFiles,
};
use saver::{Keep, Saver};
use shell::{Ending, Shared};
use std::{
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard},
};
use thiserror::Error;
use tokio::{sync::watch, task::JoinHandle};
use tracing::Instrument as _;
use watchkeeper_model::{
    AgentId, AgentKind, AgentTime, CommandId, DecisionSeq, FallbackLevel, Label, MAX_SIGNALS, Note,
    QuestionOutcome, SceneId, SignalSpec, TaskReport, TaskVerb,
};
use watchkeeper_protocol::agent::DriveLimits;
use watchkeeper_takeover::{Answer, Directive, Timers, TimersError, World};

/// What an agent is, and where its monitor is.
#[derive(Clone, Debug)]
pub struct AgentOptions {
    /// Address of the monitor.
    pub url: String,
    /// The token that lets it in.
    pub token: TokenSource,
    /// The files of TLS, its certificate among them, where the address begins with `wss://`.
    pub tls: Option<TlsFiles>,
    /// Its name, unique within the deployment and stable over reboots.
    pub agent: AgentId,
    /// What it is: chooses timers and fallback.
    pub kind: AgentKind,
    /// Its signals, at most 64; every decision carries as many numbers, in this order.
    pub signals: Vec<SignalSpec>,
    /// Version of its software, for people.
    pub software_version: Label,
    /// Where the gate keeps what it must not forget over a restart. `None` keeps it in memory only: after a
    /// restart the agent then knows of no latch but those that the monitor has on record.
    pub state_dir: Option<PathBuf>,
    /// The timers of the gate.
    pub timers: Timers,
    /// How fast a person may drive it from afar, and how slowly it obeys: with these the limits that follow the latency
    /// are counted. `None` for what nobody drives.
    pub drive: Option<DriveLimits>,
    /// The tasks that its own software does when a person says so, each of its kind: it takes them from
    /// [`Agent::next_task`].
    pub tasks: Vec<TaskVerb>,
    /// What the sensors say until the first [`Agent::report`].
    pub world: World,
}

impl AgentOptions {
    /// Makes the options of an agent with the default timers of its kind, without signals or a state directory.
    ///
    /// A vehicle is taken to move, unsteadily, until it reports, and to be driven as [`DriveLimits`] has it by default;
    /// other kinds are taken to be steady.
    pub fn new(endpoint: Endpoint, agent: AgentId, kind: AgentKind) -> Self {
        let moves = kind == AgentKind::Vehicle;
        Self {
            url: endpoint.url,
            token: endpoint.token,
            tls: endpoint.tls,
            agent,
            kind,
            signals: Vec::new(),
            software_version: Label::default(),
            state_dir: None,
            timers: Timers::for_kind(kind),
            drive: moves.then(DriveLimits::default),
            tasks: Vec::new(),
            world: World {
                standstill: !moves,
                stable: !moves,
                progressing: None,
                condition_reached: false,
                can_resume: !moves,
                local_override: false,
            },
        }
    }

    /// Names the tasks that its own software does when a person says so.
    #[must_use]
    pub fn with_tasks(mut self, tasks: &[TaskVerb]) -> Self {
        self.tasks = tasks.to_vec();
        self
    }

    /// Names the signals, each with its unit.
    #[must_use]
    pub fn with_signals(mut self, signals: &[(&str, &str)]) -> Self {
        self.signals = signals
            .iter()
            .map(|(name, unit)| SignalSpec { name: Label::cut(name), unit: Label::cut(unit) })
            .collect();
        self
    }
}

/// Says why an agent cannot start.
#[derive(Debug, Error)]
pub enum StartError {
    /// The gate's record cannot be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// More than 64 signals.
    #[error("an agent has at most {MAX_SIGNALS} signals, this one has {0}")]
    TooManySignals(usize),
    /// The timers do not fit each other.
    #[error(transparent)]
    Timers(#[from] TimersError),
    /// The limits of driving are none.
    #[error(
        "a vehicle's top speed is finite and above 0 m/s, and it obeys within a minute; this one has {0:?}"
    )]
    Drive(DriveLimits),
    /// A task that is not for agents of this kind.
    #[error("{verb} is no task for an agent of kind {kind}")]
    Task {
        /// Which.
        verb: TaskVerb,
        /// What the agent is.
        kind: AgentKind,
    },
    /// The process is shutting down.
    #[error("the runtime is shutting down")]
    ShuttingDown,
}

/// The agent was closed, or its task ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the agent is closed")]
pub struct Closed;

/// A running agent. Clones are the same agent.
///
/// When the last clone is dropped without [`Agent::close`], the connection ends and the run counts as one that
/// did not end in good order.
#[derive(Clone, Debug)]
pub struct Agent {
    handle: Arc<Handle>,
    directive: watch::Receiver<Directive>,
}

#[derive(Debug)]
struct Handle {
    shared: Arc<Shared>,
    task: Mutex<Option<JoinHandle<()>>>,
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.shared.end(Ending::Dropped);
    }
}

impl Agent {
    /// Starts the agent: reads what its last run left, and connects in the background, for as long as it lives.
    ///
    /// It does not wait for the monitor; until the first welcome the directive is the safe policy. Must be
    /// called inside a tokio runtime.
    pub async fn connect(options: AgentOptions) -> Result<Self, StartError> {
        if options.signals.len() > MAX_SIGNALS {
            return Err(StartError::TooManySignals(options.signals.len()));
        }
        options.timers.check()?;
        if let Some(drive) = options.drive.filter(|drive| !drive.is_valid()) {
            return Err(StartError::Drive(drive));
        }
        if let Some(verb) = options.tasks.iter().copied().find(|verb| !verb.is_for(options.kind)) {
            return Err(StartError::Task { verb, kind: options.kind });
        }
        let (store, recovered) = open_store(&options).await?;
        if let Recovered::Unreadable { reason } = &recovered {
            tracing::warn!(agent = %options.agent, %reason, "the gate's record cannot be trusted: starting in fallback");
        }
        let span = tracing::info_span!("agent", id = %options.agent);
        let config = AgentConfig {
            agent: options.agent,
            kind: options.kind,
            signals: options.signals,
            software_version: options.software_version,
            timers: options.timers,
            drive: options.drive,
            tasks: options.tasks,
        };
        let core = AgentCore::new(config, &recovered, options.world, rand::random(), clock::agent_now());
        let (sender, directive) = watch::channel(core.directive());
        let shared = Arc::new(Shared::new(core));
        let endpoint = Endpoint { url: options.url, token: options.token, tls: options.tls };
        let running = shell::run(Arc::clone(&shared), endpoint, Saver::new(store), sender);
        let task = tokio::spawn(running.instrument(span));
        Ok(Self { handle: Arc::new(Handle { shared, task: Mutex::new(Some(task)) }), directive })
    }

    /// Sends a decision; it is kept until the monitor's record holds it safely, and sent again after a reconnect.
    ///
    /// Never waits. When more than 8,192 decisions are not safe, the oldest is dropped and counted
    /// ([`AgentStatusView::dropped`]); [`Agent::room`] waits for the monitor to catch up.
    pub fn decide(&self, draft: DecisionDraft) -> Result<DecisionSeq, DecideError> {
        if self.shared().has_ended() {
            return Err(DecideError::Closed);
        }
        self.feed(|core, now| core.handle_decision(draft, now))
    }

    /// Says what the sensors, the authoriser or the host see; call it in the agent's own loop.
    pub fn report(&self, world: World) {
        self.feed(|core, now| core.handle_world(world, now));
    }

    /// Asks for a person. Without a monitor to ask, the agent falls back at once: see
    /// [`AgentCore::handle_intervention_request`].
    pub fn request_intervention(&self, reason: &str) -> Asked {
        self.feed(|core, now| core.handle_intervention_request(Note::cut(reason), now))
    }

    /// Asks people a question and waits for the answer: theirs, or the default, at the latest after T_decide.
    ///
    /// No control moves, and the agent goes on with other work meanwhile. A future that is dropped takes the
    /// question back.
    ///
    /// # Errors
    /// See [`AskError`]; then nobody is asked, and the agent acts on its default.
    pub async fn ask(&self, draft: QuestionDraft) -> Result<Answer, AskError> {
        let default = draft.default;
        let scene_id = self.feed(|core, now| core.handle_question(draft, now))?;
        let _withdraw = Withdraw { agent: self, scene_id };
        loop {
            let progress = self.shared().progress();
            if let Some(answer) = self.shared().core().take_answer(scene_id) {
                return Ok(answer);
            }
            if self.shared().has_ended() {
                return Ok(Answer { scene_id, option: default, outcome: QuestionOutcome::Overtaken });
            }
            progress.await;
        }
    }

    /// Waits for the next task that a person gives to the agent's own software, or for one that is none any more.
    ///
    /// The gate has let it pass, and it is on record. Take it up within T_verify with [`Agent::task_underway`],
    /// [`Agent::task_done`] or [`Agent::task_failed`]; nobody waits longer than that for the first word. Clones share
    /// the tasks: let one of them take all. Cancel-safe.
    ///
    /// # Errors
    /// When the agent is closed; then nobody guards it any more, and what was begun is to be left.
    pub async fn next_task(&self) -> Result<TaskEvent, Closed> {
        loop {
            let progress = self.shared().progress();
            if let Some(event) = self.shared().core().poll_task() {
                return Ok(event);
            }
            if self.shared().has_ended() {
                return Err(Closed);
            }
            progress.await;
        }
    }

    /// Returns the next task, or the end of one, where one waits: for an agent that has a loop of its own. See
    /// [`Agent::next_task`].
    pub fn try_next_task(&self) -> Option<TaskEvent> {
        self.shared().core().poll_task()
    }

    /// Says that a task is being done, and how much of it is, in per cent, where that can be said.
    pub fn task_underway(&self, command_id: CommandId, percent: Option<u8>) {
        self.report_task(command_id, TaskReport::Underway(percent), None);
    }

    /// Says that a task is done: its effect is there.
    pub fn task_done(&self, command_id: CommandId) {
        self.report_task(command_id, TaskReport::Done, None);
    }

    /// Says that a task cannot be done, and why.
    pub fn task_failed(&self, command_id: CommandId, reason: &str) {
        self.report_task(command_id, TaskReport::Failed, Some(Note::cut(reason)));
    }

    fn report_task(&self, command_id: CommandId, report: TaskReport, reason: Option<Note>) {
        self.feed(|core, now| core.handle_task_report(command_id, report, reason, now));
    }

    /// Falls back at once, because the agent itself wants the minimal-risk condition.
    pub fn request_minimal_risk(&self, level: FallbackLevel) {
        self.feed(|core, now| core.handle_minimal_risk_request(level, now));
    }

    /// Stops the agent (ESTOP), from its own side; only a supervisor lets it go on.
    pub fn stop(&self) {
        self.feed(AgentCore::handle_own_stop);
    }

    /// Returns what the agent has to do now. It changes by itself, also without a connection.
    pub fn directive(&self) -> Directive {
        if self.directive.has_changed().is_err() { shell::AFTER_THE_END } else { *self.directive.borrow() }
    }

    /// Waits until the directive is another than the one this clone saw last, and returns it.
    ///
    /// # Errors
    /// When the agent is closed; then nobody guards it any more, and the safe policy holds.
    pub async fn directive_changed(&mut self) -> Result<Directive, Closed> {
        self.directive.changed().await.map_err(|_sender_gone| Closed)?;
        Ok(*self.directive.borrow_and_update())
    }

    /// Waits until at most half of the ring is taken: an agent that replays faster than the disk writes calls it
    /// before each decision. Returns at once when the agent is closed.
    pub async fn room(&self) {
        self.not_durable_at_most(RING / 2).await;
    }

    /// Waits until every decision so far is safe in the monitor's record. Bound it with a time-out: without a
    /// monitor it waits. Returns at once when the agent is closed.
    pub async fn all_durable(&self) {
        self.not_durable_at_most(0).await;
    }

    /// Returns how the agent is.
    pub fn status(&self) -> AgentStatusView {
        self.shared().core().status(clock::agent_now())
    }

    /// Returns the agent's clock, the one in which deadlines and `Waiting::until` are stated.
    pub fn now(&self) -> AgentTime {
        clock::agent_now()
    }

    /// Ends the run in good order: sends what is queued, writes the clean-shutdown record, says good-bye.
    pub async fn close(self) {
        self.shared().end(Ending::Clean);
        let task = self.handle.task.lock().expect("nobody panics while holding this lock").take();
        if let Some(task) = task
            && let Err(error) = task.await
        {
            tracing::error!(%error, "the agent's task did not end in good order");
        }
    }

    fn shared(&self) -> &Shared {
        &self.handle.shared
    }

    /// Gives the core an input and wakes the task that sends what follows from it.
    fn feed<T>(&self, input: impl FnOnce(&mut AgentCore, AgentTime) -> T) -> T {
        let result = input(&mut self.shared().core(), clock::agent_now());
        self.shared().wake();
        result
    }

    async fn not_durable_at_most(&self, most: usize) {
        let shared = self.shared();
        loop {
            let progress = shared.progress();
            if shared.has_ended() || shared.core().not_durable() <= most {
                return;
            }
            progress.await;
        }
    }
}

/// Takes a question back whose answer nobody waits for any more; one that was answered is none any more.
struct Withdraw<'a> {
    agent: &'a Agent,
    scene_id: SceneId,
}

impl Drop for Withdraw<'_> {
    fn drop(&mut self) {
        self.agent.feed(|core, now| core.handle_question_withdrawn(self.scene_id, now));
    }
}

async fn open_store(options: &AgentOptions) -> Result<(Option<Arc<dyn Keep>>, Recovered), StartError> {
    let Some(directory) = options.state_dir.clone() else { return Ok((None, Recovered::Nothing)) };
    let agent = options.agent.clone();
    let opened = tokio::task::spawn_blocking(move || {
        let store = GateStore::open(&directory, &agent)?;
        let recovered = store.load()?;
        let store: Arc<dyn Keep> = Arc::new(store);
        Ok((Some(store), recovered))
    });
    opened.await.map_err(|_cancelled| StartError::ShuttingDown)?
}

/// Locks the core; it is held for microseconds and never over an await.
fn lock(core: &Mutex<AgentCore>) -> MutexGuard<'_, AgentCore> {
    core.lock().expect("the core does not panic: a broken invariant of the gate ends the process")
}
