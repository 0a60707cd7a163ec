//! An agent's half of the protocol around its gate, without sockets, clock or disk.
//!
//! After each input, in this order: write [`AgentCore::poll_record`] to storage, send what
//! [`AgentCore::poll_transmit`] gives (it gives nothing while a record is due), obey
//! [`AgentCore::directive`]. Call [`AgentCore::handle_timeout`] at [`AgentCore::poll_timeout`].

mod inbound;
mod outbound;
mod questions;
mod tasks;
mod view;

pub use questions::{AskError, QuestionDraft};
pub use tasks::TaskEvent;
pub use view::{AgentStatusView, Asked, CloseReason};

use super::{
    decision::{DecideError, DecisionDraft},
    ring::Ring,
    store::Recovered,
};
use bytes::Bytes;
use questions::Asking;
use rand::{RngExt, SeedableRng, rngs::StdRng};
use std::{collections::VecDeque, time::Duration};
use tasks::Tasking;
use watchkeeper_model::{
    AgentId, AgentKind, AgentTime, BootId, CommandState, ControlState, DecisionSeq, Epoch, FallbackLevel,
    Incarnation, Label, LatchId, Note, SignalSpec, TaskVerb,
};
use watchkeeper_protocol::{
    AgentMessage, Wire,
    agent::{CommandAck, DriveLimits, PathAnswer, RequestIntervention},
    session::{ErrorReport, Head, Pong},
};
use watchkeeper_takeover::{Directive, Gate, GateOutput, GateRecord, Identity, Timers, World};

/// Most acknowledgements and requests that wait to be sent; the oldest makes room, and the loss is counted.
const MAX_WAITING: usize = 128;
/// Most probes that wait for their answer to leave: one of each console that holds the agent or is about to, with room
/// for those who only look. The oldest makes room; its console asks again.
const MAX_PROBES: usize = 8;
/// The first heartbeats after a welcome come this close together: three of them make an agent claimable.
const QUICK: Duration = Duration::from_millis(50);
/// How many they are.
const QUICK_COUNT: u8 = 3;

/// Who the agent is, as its hello says it.
#[derive(Clone, Debug, PartialEq)]
pub struct AgentConfig {
    /// Its name.
    pub agent: AgentId,
    /// What it is.
    pub kind: AgentKind,
    /// Its signals, at most 64.
    pub signals: Vec<SignalSpec>,
    /// Version of its software, for people.
    pub software_version: Label,
    /// The tasks that its own software does when a person says so.
    pub tasks: Vec<TaskVerb>,
    /// The timers of its gate.
    pub timers: Timers,
    /// How a person drives it; `None` for what nobody drives from afar.
    pub drive: Option<DriveLimits>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Session {
    Offline,
    /// The hello is on its way.
    Greeting,
    Welcomed,
    /// To be closed: nothing is heard or said any more.
    Closing,
}

/// The core of an agent: gate, ring of decisions, heartbeats, acknowledgements.
#[derive(Debug)]
pub struct AgentCore {
    config: AgentConfig,
    gate: Gate,
    boot_ids: StdRng,
    previous_run_clean: bool,
    session: Session,
    ring: Ring,
    hello: Option<Bytes>,
    pong: Option<Pong>,
    probes: VecDeque<PathAnswer>,
    waiting: VecDeque<AgentMessage>,
    dropped_messages: u64,
    record: Option<GateRecord>,
    record_safe: bool,
    close: Option<CloseReason>,
    heartbeat_interval: Duration,
    next_heartbeat_at: AgentTime,
    report_due: bool,
    quick_left: u8,
    /// When this agent asked for a person and no demand came yet.
    asked_at: Option<AgentTime>,
    asking: Asking,
    tasking: Tasking,
    last_wake_at: AgentTime,
    head: Option<Head>,
    error: Option<ErrorReport>,
}

impl AgentCore {
    /// Makes the core of a new boot; `seed` makes its boot ids, so it must be random outside tests.
    pub fn new(
        config: AgentConfig,
        recovered: &Recovered,
        world: World,
        seed: [u8; 32],
        now: AgentTime,
    ) -> Self {
        let mut boot_ids = StdRng::from_seed(seed);
        let identity = Identity {
            agent: config.agent.clone(),
            kind: config.kind,
            boot_id: mint_boot_id(&mut boot_ids),
            tasks: config.tasks.clone(),
        };
        let timers = config.timers.clone();
        let (mut gate, previous_run_clean) = match recovered {
            Recovered::Nothing => (Gate::new(identity, timers, world), true),
            Recovered::Record(record) => {
                (Gate::restore(identity, timers, world, record), record.clean_shutdown)
            }
            Recovered::Unreadable { .. } => {
                let record = ended_in_fallback(identity.boot_id);
                (Gate::restore(identity, timers, world, &record), false)
            }
        };
        gate.set_top_speed(config.drive.map(|drive| drive.top_speed_mps));
        let mut core = Self {
            heartbeat_interval: config.timers.heartbeat,
            config,
            gate,
            boot_ids,
            previous_run_clean,
            session: Session::Offline,
            ring: Ring::default(),
            hello: None,
            pong: None,
            probes: VecDeque::with_capacity(MAX_PROBES),
            waiting: VecDeque::with_capacity(MAX_WAITING),
            dropped_messages: 0,
            record: None,
            record_safe: true,
            close: None,
            next_heartbeat_at: now,
            report_due: false,
            quick_left: 0,
            asked_at: None,
            asking: Asking::default(),
            tasking: Tasking::default(),
            last_wake_at: now,
            head: None,
            error: None,
        };
        core.handle_world(world, now);
        core
    }

    /// Takes a decision of the application.
    ///
    /// # Errors
    /// See [`DecideError`]; a decision that is refused uses up no number.
    pub fn handle_decision(
        &mut self,
        draft: DecisionDraft,
        now: AgentTime,
    ) -> Result<DecisionSeq, DecideError> {
        self.wake(now);
        self.settle(now);
        if self.gate.state() == ControlState::Estopped {
            return Err(DecideError::Stopped);
        }
        draft.check(self.config.signals.len())?;
        let decision = draft.into_decision(self.ring.next_seq(), now);
        Ok(self.ring.push(AgentMessage::Decision(decision).encode()))
    }

    /// Takes what the sensors, the authoriser or the host say now.
    pub fn handle_world(&mut self, world: World, now: AgentTime) {
        self.wake(now);
        self.gate.handle_world(world, now);
        self.settle(now);
    }

    /// Asks for a person.
    ///
    /// Nobody can be asked without a connection, and a question must not wait for one: the agent then falls
    /// back at once. It also falls back when the link is lost before a demand came of the question, and when
    /// none came within T_demand. While a person leads, or is being waited for, the question is only passed on.
    pub fn handle_intervention_request(&mut self, reason: Note, now: AgentTime) -> Asked {
        self.wake(now);
        let asked = if self.session == Session::Welcomed {
            if self.gate.state().is_nominal() {
                self.asked_at.get_or_insert(now);
            }
            self.enqueue(AgentMessage::RequestIntervention(RequestIntervention { reason }));
            Asked::Sent
        } else {
            self.gate.handle_minimal_risk_request(FallbackLevel::COMFORTABLE, now);
            Asked::FellBack
        };
        self.settle(now);
        asked
    }

    /// Falls back at once, because the agent itself wants the minimal-risk condition.
    pub fn handle_minimal_risk_request(&mut self, level: FallbackLevel, now: AgentTime) {
        self.wake(now);
        self.gate.handle_minimal_risk_request(level, now);
        self.settle(now);
    }

    /// Stops the agent from its own side (ESTOP).
    pub fn handle_own_stop(&mut self, now: AgentTime) {
        self.wake(now);
        self.gate.handle_own_stop(now);
        self.settle(now);
    }

    /// Takes note that a record is on disk.
    pub const fn handle_persisted(&mut self) {
        self.record_safe = true;
    }

    /// Takes note that a record could not be written: what cannot be remembered must not be dared, so the agent
    /// falls back.
    pub fn handle_not_persisted(&mut self, now: AgentTime) {
        self.record_safe = false;
        self.gate.handle_minimal_risk_request(FallbackLevel::COMFORTABLE, now);
        self.settle(now);
    }

    /// Evaluates everything that is due.
    pub fn handle_timeout(&mut self, now: AgentTime) {
        self.wake(now);
        self.gate.handle_timeout(now);
        if self.asked_at.is_some_and(|asked| now >= asked.after(self.config.timers.demand)) {
            self.fall_back_unanswered(now);
        }
        self.settle(now);
    }

    /// Returns when [`Self::handle_timeout`] is due. It always is within a heartbeat, so that a stall is noticed.
    pub fn poll_timeout(&self) -> AgentTime {
        let due = self.gate_timeout();
        if self.session == Session::Welcomed { due.min(self.next_heartbeat_at) } else { due }
    }

    /// Returns when [`Self::handle_timeout`] is due while nothing can be said.
    pub(crate) fn gate_timeout(&self) -> AgentTime {
        let tick = self.last_wake_at.after(self.config.timers.heartbeat);
        let unanswered = self.asked_at.map(|asked| asked.after(self.config.timers.demand));
        [unanswered, self.gate.poll_timeout()].into_iter().flatten().fold(tick, AgentTime::min)
    }

    /// Returns what must be on disk before anything else is said or riskier is done.
    pub const fn poll_record(&mut self) -> Option<GateRecord> {
        self.record.take()
    }

    /// Returns why the connection must be closed; then call [`Self::handle_disconnected`].
    pub const fn poll_close(&mut self) -> Option<CloseReason> {
        self.close.take()
    }

    /// Returns the record of an end in good order.
    pub fn shutdown_record(&self) -> GateRecord {
        self.gate.shutdown_record()
    }

    /// Returns what the agent has to do now.
    pub fn directive(&self) -> Directive {
        self.gate.directive()
    }

    /// Returns whether the monitor has welcomed this agent, and is connected.
    pub fn is_welcomed(&self) -> bool {
        self.session == Session::Welcomed
    }

    /// Returns how many decisions the record does not hold safely yet.
    pub fn not_durable(&self) -> usize {
        self.ring.len()
    }

    /// Returns how many decisions were dropped so far.
    pub const fn dropped(&self) -> u64 {
        self.ring.dropped()
    }

    /// Returns how the agent is.
    pub fn status(&self, now: AgentTime) -> AgentStatusView {
        AgentStatusView {
            connected: self.is_welcomed(),
            boot_id: self.gate.identity().boot_id,
            control_state: self.gate.state(),
            state_version: self.gate.state_version(),
            fallback_level: self.gate.fallback_level(),
            epoch: self.gate.epoch(),
            latches: self.gate.latches().to_vec(),
            demand: self.gate.demand(now),
            last_seq: self.ring.last(),
            durable_seq: self.ring.durable(),
            not_durable: self.ring.len(),
            dropped: self.ring.dropped(),
            dropped_messages: self.dropped_messages,
            record_safe: self.record_safe,
            head: self.head,
            error: self.error.clone(),
        }
    }

    /// Notices lost time. Every input is a sign of being awake, and one is due within every heartbeat.
    fn wake(&mut self, now: AgentTime) {
        let gap = now.since(self.last_wake_at);
        self.last_wake_at = self.last_wake_at.max(now);
        if gap > tick_gap(self.config.kind) {
            self.start_new_boot(now);
        }
    }

    /// Goes on as a new boot (`takeover.md` 1): nothing sent to the old one takes effect any more.
    fn start_new_boot(&mut self, now: AgentTime) {
        let record = GateRecord { clean_shutdown: false, ..self.gate.shutdown_record() };
        let identity = Identity { boot_id: mint_boot_id(&mut self.boot_ids), ..self.gate.identity().clone() };
        let world = self.gate.world();
        self.gate = Gate::restore(identity, self.config.timers.clone(), world, &record);
        self.gate.set_top_speed(self.config.drive.map(|drive| drive.top_speed_mps));
        self.gate.handle_world(world, now);
        self.previous_run_clean = false;
        self.ring.restart();
        self.waiting.clear();
        self.asked_at = None;
        self.asking.handle_new_boot();
        self.tasking.handle_new_boot();
        if self.session != Session::Offline {
            self.leave(CloseReason::NewBoot);
        }
    }

    /// Stops listening and talking; the shell closes the connection.
    fn leave(&mut self, reason: CloseReason) {
        self.session = Session::Closing;
        self.close = Some(reason);
        self.hello = None;
        self.pong = None;
        self.probes.clear();
    }

    fn fall_back_unanswered(&mut self, now: AgentTime) {
        if self.asked_at.take().is_some() && self.gate.state().agent_acts() {
            self.gate.handle_minimal_risk_request(FallbackLevel::COMFORTABLE, now);
        }
    }

    /// Takes over what the gate wants said and kept.
    fn settle(&mut self, now: AgentTime) {
        self.settle_saying(None, now);
    }

    /// The same; `reason` goes with an acknowledgement that gives none of its own.
    fn settle_saying(&mut self, mut reason: Option<Note>, now: AgentTime) {
        while let Some(output) = self.gate.poll_output() {
            match output {
                GateOutput::Report => self.report_due = true,
                GateOutput::Answer(answer) => self.asking.handle_answer(answer),
                GateOutput::Task(task) => self.tasking.handle_task(task),
                GateOutput::TaskOver(command_id) => self.tasking.handle_over(command_id),
                GateOutput::Ack(ack) => self.enqueue(AgentMessage::Ack(CommandAck {
                    command_id: ack.command_id,
                    state: ack.state,
                    code: ack.code,
                    percent: ack.percent,
                    at: ack.at,
                    detail: ack.detail.map(Note::cut).or_else(|| reason.take()),
                })),
            }
        }
        if self.gate.demand(now).is_some() || !self.gate.state().agent_acts() {
            self.asked_at = None;
        }
        if let Some(record) = self.gate.take_record() {
            self.record = Some(record);
        }
    }

    fn enqueue(&mut self, message: AgentMessage) {
        // How far a task is takes the place of how far it was: however often its software says so, nothing is pushed out.
        let is_progress_of = |waiting: &&mut AgentMessage| match (&**waiting, &message) {
            (AgentMessage::Ack(waiting), AgentMessage::Ack(ack)) => {
                (waiting.command_id, waiting.state) == (ack.command_id, CommandState::InProgress)
                    && ack.state == CommandState::InProgress
            }
            _ => false,
        };
        if let Some(waiting) = self.waiting.iter_mut().find(is_progress_of) {
            *waiting = message;
            return;
        }
        if self.waiting.len() >= MAX_WAITING {
            self.waiting.pop_front();
            self.dropped_messages = self.dropped_messages.saturating_add(1);
        }
        self.waiting.push_back(message);
    }
}

/// Returns the tick gap that makes a new boot (`takeover.md` 1).
const fn tick_gap(kind: AgentKind) -> Duration {
    match kind {
        AgentKind::Vehicle => Duration::from_secs(1),
        AgentKind::Transaction | AgentKind::SoftwareAgent | AgentKind::Generic => Duration::from_secs(30),
    }
}

fn mint_boot_id(boot_ids: &mut StdRng) -> BootId {
    BootId(uuid::Builder::from_random_bytes(boot_ids.random()).into_uuid())
}

/// Returns what to assume of a run whose record cannot be read: it ended in a fallback.
fn ended_in_fallback(boot_id: BootId) -> GateRecord {
    GateRecord {
        boot_id,
        clean_shutdown: false,
        control_state: ControlState::Fallback,
        fallback_level: FallbackLevel::COMFORTABLE,
        fallback_cause: None,
        demand_open: false,
        question_open: false,
        highest_epoch: Epoch(0),
        incarnation: Incarnation(0),
        latches: Vec::new(),
        next_latch: LatchId(0),
    }
}
