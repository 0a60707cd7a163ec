//! What the model is made of at one moment, and what of it tells two moments apart.

use super::{
    bounds::{Bounds, TTL},
    flaws::Flaw,
    history::History,
    milestones::Milestones,
    monitor::Monitor,
};
use std::{
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
    time::Duration,
};
use watchkeeper_model::{
    AgentTime, BootId, CommandArgs, CommandCode, CommandKind, CommandState, ControlState, DemandId,
    DemandOrigin, DemandOutcome, Epoch, Incarnation, Latch, LatchId, SessionId, Setpoint, StateVersion,
};
use watchkeeper_takeover::Gate;

/// Everything: the agent with its gate, the monitors with their books, people, and what is on its way.
#[derive(Clone, Debug)]
pub(crate) struct State {
    pub(crate) gate: Gate,
    /// The agent's clock.
    pub(crate) now: AgentTime,
    /// What its sensors say: an index into [`Bounds::worlds`].
    pub(crate) world: u8,
    pub(crate) boots: u8,
    pub(crate) link: Link,
    /// The last reports to the present monitor, older and newest; either may arrive, and again.
    pub(crate) reports: [Option<Report>; 2],
    pub(crate) monitors: Vec<Monitor>,
    pub(crate) people: Vec<Person>,
    /// Every command that went to the agent; each may arrive at any time, and again.
    pub(crate) sent: Vec<Sent>,
    pub(crate) mail: Mail,
    pub(crate) left: Left,
    /// See [`Bounds`].
    pub(crate) late: Duration,
    pub(crate) overtaking: bool,
    pub(crate) evidence: bool,
    pub(crate) history: History,
    /// What the last step was worth noting.
    pub(crate) milestones: Milestones,
    /// What is wrong; nothing follows it.
    pub(crate) broken: Option<Broken>,
}

/// An invariant that does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Broken {
    /// Its number in `takeover.md` 1.7; 0 for what the model adds.
    pub(crate) invariant: u8,
    pub(crate) why: &'static str,
}

/// The agent's end of its connection.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Link {
    Down,
    /// The hello is on its way.
    Greeting(usize, Hello),
    /// The welcome is on its way.
    Welcoming(usize, WelcomeMail),
    Welcomed(usize),
}

impl Link {
    /// Returns the monitor that the agent hears.
    pub(crate) const fn monitor(&self) -> Option<usize> {
        match self {
            Self::Down => None,
            Self::Greeting(monitor, _) | Self::Welcoming(monitor, _) | Self::Welcomed(monitor) => {
                Some(*monitor)
            }
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Hello {
    pub(crate) boot_id: BootId,
    pub(crate) highest_epoch: Epoch,
    pub(crate) latches: Vec<Latch>,
    pub(crate) control_state: ControlState,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct WelcomeMail {
    pub(crate) incarnation: Incarnation,
    pub(crate) epoch: Epoch,
    pub(crate) latches: Vec<Latch>,
    pub(crate) lease_live: bool,
}

/// What of an agent's heartbeat a monitor acts on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Report {
    pub(crate) boot_id: BootId,
    pub(crate) control_state: ControlState,
    pub(crate) version: StateVersion,
    pub(crate) epoch: Epoch,
    pub(crate) demand_id: Option<DemandId>,
    pub(crate) latches: Vec<Latch>,
    pub(crate) condition_reached: bool,
}

impl Report {
    /// Of the version only counts whether it is the present one: evidence.
    pub(crate) fn hash_from_now(&self, gate: &Gate, hasher: &mut impl Hasher) {
        let Self { boot_id, control_state, version, epoch, demand_id, latches, condition_reached } = self;
        (boot_id, control_state, epoch, demand_id, latches, condition_reached).hash(hasher);
        (*version == gate.state_version()).hash(hasher);
    }
}

/// One operator at a console.
#[derive(Clone, Debug)]
pub(crate) struct Person {
    pub(crate) monitor: usize,
    pub(crate) session: SessionId,
    pub(crate) is_supervisor: bool,
    /// The lease last granted to him, dead or alive.
    pub(crate) epoch: Epoch,
    pub(crate) seq: u64,
    pub(crate) beat_seq: u64,
    /// His last heartbeats to the agent, older and newest; either may arrive, and again.
    pub(crate) beats: [Option<Beat>; 2],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Beat {
    pub(crate) epoch: Epoch,
    pub(crate) seq: u64,
    pub(crate) ready: bool,
    pub(crate) hands: bool,
    pub(crate) deadline: AgentTime,
    /// It or a newer one has counted at the agent.
    pub(crate) used: bool,
}

impl Beat {
    pub(crate) fn setpoint(self) -> Option<Setpoint> {
        self.hands.then_some(Setpoint { steer: 0.5, accelerate: 0.25 })
    }
}

/// One command on its way from a monitor to the agent.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) by: usize,
    pub(crate) from: usize,
    pub(crate) boot_id: BootId,
    pub(crate) kind: CommandKind,
    pub(crate) args: Arc<CommandArgs>,
    pub(crate) epoch: Epoch,
    pub(crate) seq: u64,
    pub(crate) deadline: AgentTime,
    pub(crate) evidence: Option<StateVersion>,
    /// It left the monitor; a stop waits for a connection.
    pub(crate) is_posted: bool,
    /// From when on neither it nor a copy arrives any more; see [`Bounds::late`].
    pub(crate) gone_at: AgentTime,
    /// What became of it at the agent, in this boot.
    pub(crate) fate: Fate,
    /// It took effect, in this boot or an earlier one.
    pub(crate) took_effect: bool,
    /// What the monitor knows of it.
    pub(crate) known: Known,
}

/// What became of a command at the agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Fate {
    /// It has not arrived.
    Unseen,
    Refused(CommandCode),
    Accepted,
    Ended(CommandState),
}

impl Fate {
    /// Returns what a copy is told; `None` when it is the first to arrive.
    pub(crate) const fn state(self) -> Option<CommandState> {
        match self {
            Self::Unseen => None,
            Self::Refused(CommandCode::Expired) => Some(CommandState::Expired),
            Self::Refused(_) => Some(CommandState::Rejected),
            Self::Accepted => Some(CommandState::Accepted),
            Self::Ended(state) => Some(state),
        }
    }
}

/// What a monitor knows of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Known {
    /// On its way, or at work.
    Open,
    Ended,
    /// The link was lost after it was forwarded.
    Unknown,
    /// The monitor was started again since.
    Forgotten,
}

/// What else monitors sent to the agent; each may arrive at any time, and again.
#[derive(Clone, Debug, Default)]
pub(crate) struct Mail {
    pub(crate) grants: Vec<GrantMail>,
    pub(crate) voids: Vec<(usize, Epoch)>,
    pub(crate) demands: Vec<DemandMail>,
    pub(crate) ends: Vec<EndMail>,
}

impl Mail {
    /// The void of an epoch that is over ends nothing, so it tells nothing apart.
    fn hash_for(&self, history: &History, hasher: &mut impl Hasher) {
        let Self { grants, voids, demands, ends } = self;
        (grants, demands, ends).hash(hasher);
        let is_over =
            |epoch: Epoch| epoch <= history.told && !history.drives(epoch) && !history.is_pending(epoch);
        voids.iter().filter(|(_, epoch)| !is_over(*epoch)).for_each(|void| void.hash(hasher));
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct GrantMail {
    pub(crate) from: usize,
    pub(crate) incarnation: Incarnation,
    pub(crate) epoch: Epoch,
    pub(crate) boot_id: BootId,
    pub(crate) to: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct DemandMail {
    pub(crate) from: usize,
    pub(crate) demand_id: DemandId,
    pub(crate) origin: DemandOrigin,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct EndMail {
    pub(crate) from: usize,
    pub(crate) demand_id: DemandId,
    pub(crate) outcome: DemandOutcome,
}

/// Adds to a set that is kept as a sorted list, so that it is the same in whatever order it grew.
pub(crate) fn add<T: Ord>(set: &mut Vec<T>, item: T) {
    if let Err(place) = set.binary_search(&item) {
        set.insert(place, item);
    }
}

/// What may still happen; see [`Bounds`].
#[derive(Clone, Debug, Hash)]
pub(crate) struct Left {
    pub(crate) orders: u8,
    pub(crate) stops: u8,
    pub(crate) grants: u8,
    pub(crate) asks: u8,
    pub(crate) preempts: u8,
    pub(crate) demands: u8,
    pub(crate) own: u8,
    pub(crate) questions: u8,
    pub(crate) drops: u8,
    pub(crate) crashes: u8,
    pub(crate) reboots: u8,
    pub(crate) forgets: u8,
    /// The last id of a demand, or of a latch that a monitor minted.
    pub(crate) ids: u64,
    /// The last session of a console.
    pub(crate) sessions: u64,
}

impl Left {
    pub(crate) fn new(bounds: &Bounds) -> Self {
        Self {
            orders: bounds.orders,
            stops: bounds.stops,
            grants: bounds.grants,
            asks: bounds.asks,
            preempts: bounds.preempts,
            demands: bounds.demands,
            own: bounds.own,
            questions: bounds.questions,
            drops: bounds.drops,
            crashes: bounds.crashes,
            reboots: bounds.reboots,
            forgets: bounds.forgets,
            ids: 0,
            sessions: bounds.people as u64,
        }
    }

    pub(crate) const fn next_id(&mut self) -> u64 {
        self.ids += 1;
        self.ids
    }
}

impl Hash for State {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        let now = self.now;
        self.hash_gate(hasher);
        (self.world, self.boots, &self.link, &self.left).hash(hasher);
        self.mail.hash_for(&self.history, hasher);
        (&self.milestones, &self.broken).hash(hasher);
        for report in &self.reports {
            report.is_some().hash(hasher);
            if let Some(report) = report {
                report.hash_from_now(&self.gate, hasher);
            }
        }
        for monitor in &self.monitors {
            monitor.hash_from_now(&self.gate, hasher);
        }
        for person in &self.people {
            person.hash_from_now(now, hasher);
        }
        for sent in &self.sent {
            sent.hash_from_now(&self.gate, now, hasher);
            self.knows_of(sent).hash(hasher);
        }
        self.history.hash_from_now(now, hasher);
    }
}

impl State {
    /// Hashes the gate, as far as what may still arrive tells it apart.
    pub(crate) fn hash_gate(&self, hasher: &mut impl Hasher) {
        let may_come = |id| self.sent.get(Flaw::index_of(id)).is_some_and(|sent| !sent.is_gone(self.now));
        self.gate.hash_from_now(self.now, may_come, hasher);
    }

    /// Returns what a monitor knows of a command, as far as it will ever matter there: whether an ENGAGE of the next
    /// holder is answered, and whether the acknowledgement of what ends a latch or a lease will be understood.
    fn knows_of(&self, sent: &Sent) -> Option<Known> {
        let next = self.monitor(sent.from).book.next();
        match sent.kind {
            CommandKind::Engage if next.is_some_and(|next| next.lease.epoch == sent.epoch) => {
                Some(sent.known)
            }
            CommandKind::Engage | CommandKind::ClearLatch | CommandKind::Release | CommandKind::HandBack => {
                Some(sent.known).filter(|known| *known == Known::Forgotten)
            }
            CommandKind::Estop
            | CommandKind::Hold
            | CommandKind::MinimalRisk
            | CommandKind::SpeedCap
            | CommandKind::Resume
            | CommandKind::Assume
            | CommandKind::Dismiss
            | CommandKind::Decide
            | CommandKind::Suspend
            | CommandKind::Reinstate
            | CommandKind::Task(_) => None,
        }
    }
}

impl PartialEq for State {
    /// Two states are the same when the same can follow from both; as far as their hashes can tell, which is how the
    /// checker tells them apart, too.
    fn eq(&self, other: &Self) -> bool {
        let hash = |state: &Self| {
            let mut hasher = DefaultHasher::new();
            state.hash(&mut hasher);
            hasher.finish()
        };
        hash(self) == hash(other)
    }
}

impl Person {
    pub(crate) fn hash_from_now(&self, now: AgentTime, hasher: &mut impl Hasher) {
        let Self { monitor: _, session, is_supervisor: _, epoch, seq, beat_seq: _, beats } = self;
        (session, epoch, seq).hash(hasher);
        for beat in beats {
            // Of heartbeat numbers only their order counts: against each other, and against what has counted.
            beat.map(|Beat { epoch, seq: _, ready, hands, deadline, used }| {
                (epoch, ready, hands, now.until(deadline), used)
            })
            .hash(hasher);
        }
    }
}

impl Sent {
    fn hash_from_now(&self, gate: &Gate, now: AgentTime, hasher: &mut impl Hasher) {
        let Self {
            by,
            from,
            boot_id,
            kind,
            args,
            epoch,
            seq,
            deadline,
            evidence,
            is_posted,
            gone_at,
            fate,
            took_effect,
            known: _,
        } = self;
        if self.is_gone(now) {
            return;
        }
        (by, from, boot_id, kind, epoch, seq).hash(hasher);
        (&args.latches, args.latch_id, args.level, args.speed_mps.map(f64::to_bits)).hash(hasher);
        (is_posted, fate.state(), took_effect).hash(hasher);
        // Once it has arrived, whatever comes again is a copy; what counts is until when one may come.
        // A stop may always come.
        now.until(*gone_at).min(TTL * 4).hash(hasher);
        if *fate == Fate::Unseen {
            // After a reboot there is always time enough.
            now.until(*deadline).min(TTL * 2).hash(hasher);
            evidence.map(|version| version == gate.state_version()).hash(hasher);
        }
    }

    /// Returns whether it does not arrive any more, and nor does a copy.
    pub(crate) fn is_gone(&self, now: AgentTime) -> bool {
        now >= self.gone_at && self.fate != Fate::Accepted
    }

    /// Returns the latches that the command names.
    pub(crate) fn names(&self, latch: LatchId) -> bool {
        self.args.latches.contains(&latch) || self.args.latch_id == Some(latch)
    }
}
