//! The gate that the agent runs: the authority on its control state, and the last word on every command.
//!
//! Pure: time comes in, outputs are polled. No input makes it panic or grow without bound. Call
//! [`Gate::handle_timeout`] when [`Gate::poll_timeout`] is due; every input evaluates expiry first anyway. After
//! each input: write [`Gate::take_record`] to storage, then send what [`Gate::poll_output`] gives, then obey
//! [`Gate::directive`].

mod commands;
mod fence;
mod handover;
mod hash;
mod latches;
mod latency;
mod local;
mod manual;
mod output;
mod questions;
mod record;
mod running;
mod tasks;
mod timers;
mod transitions;

pub use commands::GateCommand;
pub use output::{GateAck, GateOutput};
pub use questions::{Answer, Question, QuestionRefusal};
pub use record::GateRecord;
pub use tasks::Task;

use crate::machine::{Event, next};
use crate::timers::Timers;
use latency::HolderLatency;
use manual::Hands;
use questions::Questions;
use running::Running;
use std::{collections::VecDeque, time::Duration};
use watchkeeper_model::{
    AgentId, AgentKind, AgentTime, BootId, CommandId, CommandState, ControlState, DemandId, DemandOrigin,
    DemandOutcome, Epoch, FallbackCause, FallbackLevel, Incarnation, Latch, LatchId, Setpoint, StateVersion,
    TaskVerb,
};

/// Most latches that are held at once: as many as one ENGAGE can name.
pub const MAX_LATCHES: usize = 16;
/// Most latches that are adopted from a monitor, so that one of each cause is always left for the agent's own.
const MAX_ADOPTED: usize = MAX_LATCHES - 3;
/// How many commands are remembered to find duplicates.
const REMEMBERED: usize = 128;
/// Most outputs between two drains; an input makes at most a handful.
const MAX_OUTPUTS: usize = 64;

/// Who the gate guards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The agent.
    pub agent: AgentId,
    /// What it is.
    pub kind: AgentKind,
    /// This run of its software.
    pub boot_id: BootId,
    /// The tasks that its own software does when a person says so (3.2).
    pub tasks: Vec<TaskVerb>,
}

/// What the agent's own sensors, authoriser or host say now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct World {
    /// Standing still (|v| < 0.1 m/s for 0.5 s); true for agents that do not move.
    pub standstill: bool,
    /// What it does is steady.
    pub stable: bool,
    /// A commanded fallback or stop shows its effect; `None` when there is no telemetry to say so.
    pub progressing: Option<bool>,
    /// The minimal-risk condition is reached.
    pub condition_reached: bool,
    /// It could drive by itself again.
    pub can_resume: bool,
    /// Somebody at the agent has control.
    pub local_override: bool,
}

/// What the agent has to do now; it holds until the next one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Directive {
    /// Who leads, and how.
    pub mode: Mode,
    /// Drive at most so fast, in metres per second: the lowest of what was ordered and what the latency allows.
    pub speed_cap_mps: Option<f64>,
    /// The part of it that was ordered (SPEED_CAP). Who keeps to an order drives on at it; what the latency allows is
    /// no order to drive.
    pub ordered_cap_mps: Option<f64>,
}

/// Who leads the agent now, and how.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Mode {
    /// Nominal, but not reconciled with a monitor yet: stay safe, do not start.
    SafePolicy,
    /// The agent acts by itself.
    Autonomous,
    /// A person leads. `hold`: stop comfortably and stand.
    Human {
        /// Stop comfortably and stand.
        hold: bool,
    },
    /// A person drives by hand.
    Manual {
        /// -1 (fully right) to 1 (fully left).
        steer: f64,
        /// -1 (full service braking) to 1 (full acceleration).
        accelerate: f64,
    },
    /// A person leads and nobody's hand is on it: follow the lane, decelerate.
    Neutral,
    /// Minimal-risk behaviour.
    Fallback(FallbackLevel),
    /// Stay in the minimal-risk condition.
    Held,
    /// Emergency stop, then stay.
    Estop,
    /// Somebody at the agent leads; nothing from afar moves it.
    Local,
}

/// The holder's half of a lease, as the agent keeps it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct HeldLease {
    epoch: Epoch,
    /// The highest command number that took effect under it.
    command_seq: u64,
    heartbeat_seq: u64,
    last_heartbeat_at: AgentTime,
    ready: bool,
    not_ready_since: Option<AgentTime>,
    latency: HolderLatency,
}

/// Somebody wants a person to take over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewDemand {
    /// Names it.
    pub demand_id: DemandId,
    /// Who wants it.
    pub origin: DemandOrigin,
    /// It is so urgent that the cooldown does not hold it up.
    pub critical: bool,
    /// How long people have, at most.
    pub left: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct OpenDemand {
    demand_id: DemandId,
    origin: DemandOrigin,
    deadline: AgentTime,
}

/// The gate of one agent.
#[derive(Clone, Debug)]
pub struct Gate {
    identity: Identity,
    timers: Timers,
    state: ControlState,
    transition_from: ControlState,
    version: StateVersion,
    level: FallbackLevel,
    /// Why the present fallback began.
    cause: Option<FallbackCause>,
    demand: Option<OpenDemand>,
    last_outcome: Option<(DemandId, DemandOutcome)>,
    /// Until when only a critical demand of the monitor counts.
    cooldown_until: Option<AgentTime>,
    questions: Questions,
    active: Option<HeldLease>,
    pending: Option<HeldLease>,
    /// Until when the next holder may engage.
    next_until: Option<AgentTime>,
    highest_epoch: Epoch,
    incarnation: Incarnation,
    latches: Vec<Latch>,
    next_latch: LatchId,
    world: World,
    reconciled: bool,
    link_lost_at: Option<AgentTime>,
    transition_deadline: Option<AgentTime>,
    assumed: bool,
    stable_since: Option<AgentTime>,
    engage_latches: Vec<LatchId>,
    verify_at: Option<AgentTime>,
    grace_until: Option<AgentTime>,
    unverified: bool,
    hold: bool,
    hands: Hands,
    speed_cap_mps: Option<f64>,
    top_speed_mps: Option<f64>,
    seen: VecDeque<(CommandId, CommandState)>,
    running: Running,
    outputs: VecDeque<GateOutput>,
    record_due: bool,
}

impl Gate {
    /// Makes the gate of a first start: nothing on record, waiting for the first reconcile in the safe policy.
    pub fn new(identity: Identity, timers: Timers, world: World) -> Self {
        let mut gate = Self::blank(identity, timers, world);
        gate.start_local();
        gate
    }

    fn blank(identity: Identity, timers: Timers, world: World) -> Self {
        let next_latch = LatchId::first_of(identity.boot_id);
        Self {
            identity,
            timers,
            state: ControlState::Autonomous,
            transition_from: ControlState::Autonomous,
            version: StateVersion(1),
            level: FallbackLevel::HOLD,
            cause: None,
            demand: None,
            last_outcome: None,
            cooldown_until: None,
            questions: Questions::default(),
            active: None,
            pending: None,
            next_until: None,
            highest_epoch: Epoch(0),
            incarnation: Incarnation(0),
            latches: Vec::with_capacity(MAX_LATCHES),
            next_latch,
            world,
            reconciled: false,
            link_lost_at: None,
            transition_deadline: None,
            assumed: false,
            stable_since: None,
            engage_latches: Vec::with_capacity(MAX_LATCHES),
            verify_at: None,
            grace_until: None,
            unverified: false,
            hold: false,
            hands: Hands::OFF,
            speed_cap_mps: None,
            top_speed_mps: None,
            seen: VecDeque::with_capacity(REMEMBERED),
            running: Running::default(),
            outputs: VecDeque::with_capacity(MAX_OUTPUTS),
            record_due: true,
        }
    }

    /// Returns the control state.
    pub fn state(&self) -> ControlState {
        self.state
    }

    /// Returns where IN_TRANSITION came from, `None` in other states.
    pub fn transition_from(&self) -> Option<ControlState> {
        (self.state == ControlState::InTransition).then_some(self.transition_from)
    }

    /// Returns how many times the control state, level, latches or demand have changed.
    pub fn state_version(&self) -> StateVersion {
        self.version
    }

    /// Returns how hard the fallback acts, `None` when there is none.
    pub fn fallback_level(&self) -> Option<FallbackLevel> {
        self.transition_from().unwrap_or(self.state).falls_back().then_some(self.level)
    }

    /// Returns why the fallback began, `None` when there is none.
    pub fn fallback_cause(&self) -> Option<FallbackCause> {
        self.fallback_level().and(self.cause)
    }

    /// Returns the open demand and how much of T_demand is left.
    pub fn demand(&self, now: AgentTime) -> Option<(DemandId, Duration)> {
        self.demand.map(|demand| (demand.demand_id, now.until(demand.deadline)))
    }

    /// Returns how the last demand that is over ended, as the gate saw it.
    pub fn last_demand_outcome(&self) -> Option<(DemandId, DemandOutcome)> {
        self.last_outcome
    }

    /// Returns the active epoch, else the pending one, else 0.
    pub fn epoch(&self) -> Epoch {
        self.active.or(self.pending).map_or(Epoch(0), |lease| lease.epoch)
    }

    /// Returns the highest epoch ever seen.
    pub fn highest_epoch(&self) -> Epoch {
        self.highest_epoch
    }

    /// Returns the highest incarnation of a monitor ever seen.
    pub fn highest_incarnation(&self) -> Incarnation {
        self.incarnation
    }

    /// Returns the latches held.
    pub fn latches(&self) -> &[Latch] {
        &self.latches
    }

    /// Returns what the sensors last said.
    pub fn world(&self) -> World {
        self.world
    }

    /// Returns whether a commanded effect did not show within T_verify.
    pub fn is_unverified(&self) -> bool {
        self.unverified
    }

    /// Returns who the gate guards.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Returns the timers it runs.
    pub fn timers(&self) -> &Timers {
        &self.timers
    }

    /// Returns the next thing to tell the monitor.
    pub fn poll_output(&mut self) -> Option<GateOutput> {
        self.outputs.pop_front()
    }

    /// Returns what the agent has to do now.
    pub fn directive(&self) -> Directive {
        let acting = if self.state == ControlState::InTransition { self.transition_from } else { self.state };
        let mode = match acting {
            ControlState::Autonomous
            | ControlState::AssistPending
            | ControlState::Requested
            | ControlState::Claimed
            | ControlState::InTransition => {
                if self.reconciled {
                    Mode::Autonomous
                } else {
                    Mode::SafePolicy
                }
            }
            ControlState::Human | ControlState::Returning => match self.active {
                Some(lease) if lease.ready => self.hands.mode().unwrap_or(Mode::Human { hold: self.hold }),
                Some(_) if self.hold => Mode::Human { hold: true },
                Some(_) | None => Mode::Neutral,
            },
            ControlState::Fallback | ControlState::FallbackFailed => Mode::Fallback(self.level),
            ControlState::SafeHeld | ControlState::OutOfService => Mode::Held,
            ControlState::Estopped => Mode::Estop,
            ControlState::Local => Mode::Local,
        };
        let caps = [self.speed_cap_mps, self.latency_cap_mps()].into_iter().flatten();
        Directive { mode, speed_cap_mps: caps.min_by(f64::total_cmp), ordered_cap_mps: self.speed_cap_mps }
    }

    /// Takes note of the monitor's welcome (1.3). Returns false when this monitor must not lead: its incarnation
    /// is lower than one seen before (a restored backup, or a second monitor).
    #[must_use]
    pub fn handle_welcome(&mut self, welcome: &Welcome<'_>, now: AgentTime) -> bool {
        self.handle_timeout(now);
        if welcome.incarnation < self.incarnation {
            return false;
        }
        let restarted = welcome.incarnation > self.incarnation;
        self.incarnation = welcome.incarnation;
        self.highest_epoch = self.highest_epoch.max(welcome.epoch);
        self.link_lost_at = None;
        self.record_due = true;
        if restarted || !welcome.lease_live {
            self.lose_lease(FallbackCause::HolderLost, now);
        }
        self.reconciled = true;
        self.adopt_latches(welcome.latches, now);
        self.report();
        self.settle(now);
        true
    }

    /// Takes note that the connection to the monitor is lost; authority never grows by it.
    pub fn handle_link_lost(&mut self, now: AgentTime) {
        self.handle_timeout(now);
        self.link_lost_at.get_or_insert(now);
    }

    /// Takes a demand (row 5). One demand at a time; an open one keeps its deadline (invariant 4), and a copy of
    /// the one that ended last opens nothing. Shortly after one that came to nothing the monitor's next one must be
    /// critical; what a person or the agent itself wants is never held up.
    pub fn handle_demand(&mut self, new: NewDemand, now: AgentTime) {
        self.handle_timeout(now);
        let NewDemand { demand_id, origin, critical, left } = new;
        let has_ended = self.last_outcome.is_some_and(|(ended, _)| ended == demand_id);
        let cools_down = self.cooldown_until.is_some_and(|until| now < until);
        if origin == DemandOrigin::Monitor && !critical && cools_down {
            return;
        }
        if self.demand.is_none() && !has_ended && self.reconciled && self.step(Event::Demand) {
            let deadline = now.after(left.min(self.timers.demand));
            self.demand = Some(OpenDemand { demand_id, origin, deadline });
        }
    }

    /// Takes note that the monitor saw a demand end: self-cleared or cancelled (rows 6, 6b). Only a demand of an
    /// operator can be cancelled; every other outcome is the gate's own to decide.
    pub fn handle_demand_end(&mut self, demand_id: DemandId, outcome: DemandOutcome, now: AgentTime) {
        self.handle_timeout(now);
        let Some(demand) = self.demand.filter(|demand| demand.demand_id == demand_id) else { return };
        let event = match outcome {
            DemandOutcome::SelfCleared => Event::DemandCleared,
            DemandOutcome::Cancelled if demand.origin == DemandOrigin::Operator => Event::DemandCancelled,
            DemandOutcome::Cancelled
            | DemandOutcome::Dismissed
            | DemandOutcome::Human
            | DemandOutcome::Fallback
            | DemandOutcome::Estopped
            | DemandOutcome::Local
            | DemandOutcome::OutOfService => return,
        };
        if self.step(event) {
            self.end_demand(outcome, now);
            self.end_lease();
            self.settle(now);
        }
    }

    /// Takes a grant (rows 7, 16, 23, 24): its epoch is pending until the first valid command under it.
    pub fn handle_grant(&mut self, epoch: Epoch, boot_id: BootId, now: AgentTime) {
        self.handle_timeout(now);
        if !self.reconciled || boot_id != self.identity.boot_id || epoch <= self.highest_epoch {
            return;
        }
        // Used up also where it grants nothing, so that a copy of it cannot grant later.
        self.highest_epoch = epoch;
        self.record_due = true;
        // Who is next gives way to a newer grant: the monitor has ended him, and its void was lost.
        if self.pending.is_some() && self.active.is_none() {
            return;
        }
        let lease = HeldLease {
            epoch,
            command_seq: 0,
            heartbeat_seq: 0,
            last_heartbeat_at: now,
            ready: false,
            not_ready_since: None,
            latency: HolderLatency::default(),
        };
        if self.active.is_some() {
            if next(self.state, self.transition_from, Event::Granted).is_some() {
                self.set_next(lease, now);
            }
        } else if self.step(Event::Granted) {
            self.pending = Some(lease);
        }
    }

    /// Takes note that the monitor ended a lease; a grant of it that comes later grants nothing.
    pub fn handle_void(&mut self, epoch: Epoch, now: AgentTime) {
        self.handle_timeout(now);
        if epoch > self.highest_epoch {
            self.highest_epoch = epoch;
            self.record_due = true;
        }
        if self.is_next(epoch) {
            self.drop_next();
        } else if self.holds(epoch) {
            self.lose_lease(FallbackCause::HolderLost, now);
            self.settle(now);
        }
    }

    /// Takes a heartbeat of the holder, or of the next one. Late, old and foreign ones renew nothing and move
    /// nothing.
    pub fn handle_holder(&mut self, heartbeat: HolderBeat, now: AgentTime) {
        self.handle_timeout(now);
        if now >= heartbeat.deadline {
            return;
        }
        let shown = self.shown_of_holder();
        let mut renewed = false;
        for lease in [&mut self.active, &mut self.pending].into_iter().flatten() {
            if lease.epoch == heartbeat.epoch && heartbeat.seq > lease.heartbeat_seq {
                renewed = true;
                lease.heartbeat_seq = heartbeat.seq;
                lease.last_heartbeat_at = now;
                lease.ready = heartbeat.ready;
                lease.latency.take(heartbeat.latency, now);
                if heartbeat.ready {
                    lease.not_ready_since = None;
                } else {
                    lease.not_ready_since.get_or_insert(now);
                }
            }
        }
        if renewed && self.active.is_some_and(|lease| lease.epoch == heartbeat.epoch) {
            self.take_hands(&heartbeat, now);
        }
        if shown != self.shown_of_holder() {
            self.report();
        }
        self.settle(now);
    }

    /// Returns what consoles must hear of at once though the state stays: ready, manual, neutral.
    fn shown_of_holder(&self) -> [bool; 3] {
        [self.active.is_some_and(|lease| lease.ready), self.is_manual(), self.is_neutral()]
    }

    /// Takes what the sensors say now; call it in the agent's own loop.
    pub fn handle_world(&mut self, world: World, now: AgentTime) {
        self.handle_timeout(now);
        let flags_changed = (world.can_resume, world.local_override, world.condition_reached)
            != (self.world.can_resume, self.world.local_override, self.world.condition_reached);
        self.world = world;
        self.follow_local(now);
        if world.stable {
            self.stable_since.get_or_insert(now);
        } else {
            self.stable_since = None;
        }
        if flags_changed {
            self.report();
        }
        self.settle(now);
        self.finish_running(now);
    }

    /// Falls back at once: the agent itself wants the minimal-risk condition (row 19).
    pub fn handle_minimal_risk_request(&mut self, level: FallbackLevel, now: AgentTime) {
        self.handle_timeout(now);
        self.fall_back(Event::MinimalRisk, level, FallbackCause::Agent, now);
        self.settle(now);
    }

    /// Stops the agent from its own side (agents may stop only themselves).
    pub fn handle_own_stop(&mut self, now: AgentTime) {
        self.handle_timeout(now);
        self.estop(now);
        self.settle(now);
    }
}

/// What of the monitor's welcome concerns the gate.
#[derive(Clone, Copy, Debug)]
pub struct Welcome<'a> {
    /// Counts the starts of the monitor.
    pub incarnation: Incarnation,
    /// The highest epoch the monitor knows.
    pub epoch: Epoch,
    /// The latches the monitor has on record.
    pub latches: &'a [Latch],
    /// The lease that was live before the connection was lost still is.
    pub lease_live: bool,
}

/// What of a holder's heartbeat concerns the gate.
#[derive(Clone, Copy, Debug)]
pub struct HolderBeat {
    /// The lease it renews.
    pub epoch: Epoch,
    /// Counts up within the lease.
    pub seq: u64,
    /// The person can act now.
    pub ready: bool,
    /// Until when it counts, on the agent's clock.
    pub deadline: AgentTime,
    /// Manual driving: what the hands want; it holds for T_deadman.
    pub setpoint: Option<Setpoint>,
    /// The total latency between the holder and the agent, as the monitor measured it; `None` while it is not known.
    pub latency: Option<Duration>,
}
