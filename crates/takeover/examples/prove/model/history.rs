//! What people outside of the agent could write down: who may act under which epoch, what was demanded until when,
//! which fallback is owed an effect.
//!
//! It is kept from what was handed to the gate and from the control states that followed, never from what the gate
//! says of its leases: that is what it is compared with.

use super::{
    agent::{Event, Seen},
    bounds::timers,
    state::{Link, Sent, State},
};
use std::hash::{Hash, Hasher};
use watchkeeper_model::{
    AgentTime, CommandKind, ControlState, DemandId, DemandOrigin, Epoch, FallbackLevel, LatchId, RiskClass,
};

/// Returns whether a command rests on no lease and moves no control: it may overtake one that does.
pub(crate) fn helps(kind: CommandKind) -> bool {
    match kind {
        CommandKind::Decide => true,
        CommandKind::Task(verb) => verb.has_own_epoch(),
        _ => false,
    }
}

#[derive(Clone, Debug, Default)]
pub(crate) struct History {
    /// The highest epoch that each monitor minted, in whatever run.
    pub(crate) minted: [Epoch; 2],
    /// The highest epoch that the agent was told.
    pub(crate) told: Epoch,
    /// The highest epoch under which anything exclusive took effect.
    pub(crate) top: Epoch,
    /// Who is in control.
    pub(crate) driver: Option<Seat>,
    /// Who claims, or is next.
    pub(crate) pending: Option<Seat>,
    /// Until when who is next may engage.
    next_until: Option<AgentTime>,
    /// The latches that the last ENGAGE named.
    pub(crate) named: Vec<LatchId>,
    /// An ASSUME took effect since.
    pub(crate) assumed: bool,
    /// The lowest level that this episode may have.
    pub(crate) floor: Option<FallbackLevel>,
    pub(crate) demand: Option<OpenDemand>,
    /// A fallback or stop was commanded then and has not been seen to work.
    pub(crate) owed: Option<AgentTime>,
    /// When the connection was lost.
    pub(crate) lost_at: Option<AgentTime>,
    /// Hands that drove last: under which epoch, and when they were heard.
    pub(crate) hands: Option<(Epoch, AgentTime)>,
}

/// One side of a lease, as the agent has been told of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seat {
    pub(crate) epoch: Epoch,
    /// When its holder was last heard: a heartbeat that was new, in time, and of this epoch.
    pub(crate) heard_at: AgentTime,
    pub(crate) unready_since: Option<AgentTime>,
    /// The highest sequence that took effect under it.
    pub(crate) seq: u64,
}

impl Seat {
    const fn new(epoch: Epoch, now: AgentTime) -> Self {
        Self { epoch, heard_at: now, unready_since: None, seq: 0 }
    }

    /// Returns whether its holder has been silent for T_link.
    pub(crate) fn is_silent(&self, now: AgentTime) -> bool {
        now >= self.heard_at.after(timers().link)
    }

    /// Returns whether its holder has not been ready for T_ready.
    pub(crate) fn is_unready(&self, now: AgentTime) -> bool {
        self.unready_since.is_some_and(|since| now >= since.after(timers().ready))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OpenDemand {
    pub(crate) demand_id: DemandId,
    pub(crate) origin: DemandOrigin,
    pub(crate) end: AgentTime,
}

impl History {
    pub(crate) fn hash_from_now(&self, now: AgentTime, hasher: &mut impl Hasher) {
        let Self {
            minted,
            told,
            top,
            driver,
            pending,
            next_until,
            named,
            assumed,
            floor,
            demand,
            owed,
            lost_at,
            hands,
        } = self;
        (minted, told, top, named, assumed, floor).hash(hasher);
        next_until.map(|at| now.until(at)).hash(hasher);
        for seat in [driver, pending] {
            seat.map(|Seat { epoch, heard_at, unready_since, seq }| {
                let unready = unready_since.map(|since| now.since(since).min(timers().ready));
                (epoch, now.since(heard_at).min(timers().link), unready, seq)
            })
            .hash(hasher);
        }
        demand.map(|OpenDemand { demand_id, origin, end }| (demand_id, origin, now.until(end))).hash(hasher);
        owed.map(|since| now.since(since).min(timers().verify)).hash(hasher);
        lost_at.map(|since| now.since(since).min(timers().link_loss)).hash(hasher);
        hands.map(|(epoch, at)| (epoch, now.since(at).min(timers().deadman))).hash(hasher);
    }

    /// Returns whether the monitor has been away for longer than an autonomous agent goes on without it.
    pub(crate) fn is_left_alone(&self, now: AgentTime) -> bool {
        self.lost_at.is_some_and(|since| now >= since.after(timers().link_loss))
    }

    /// Returns the epoch that an agent of this history reports.
    pub(crate) fn epoch(&self) -> Epoch {
        self.driver.or(self.pending).map_or(Epoch(0), |seat| seat.epoch)
    }

    /// Returns whether somebody drives, or claims, under `epoch`.
    pub(crate) fn drives(&self, epoch: Epoch) -> bool {
        self.driver.is_some_and(|seat| seat.epoch == epoch)
    }

    pub(crate) fn is_pending(&self, epoch: Epoch) -> bool {
        self.pending.is_some_and(|seat| seat.epoch == epoch)
    }

    fn end_leases(&mut self) {
        (self.driver, self.pending, self.next_until) = (None, None, None);
        self.assumed = false;
    }

    /// A lease is over that was voided, or given back.
    fn end_lease(&mut self, epoch: Epoch) {
        if self.drives(epoch) {
            self.end_leases();
        } else if self.is_pending(epoch) {
            self.pending = None;
            self.next_until = None;
        }
    }

    /// T_link and the time to engage, for who is not in control yet.
    fn let_lapse(&mut self, now: AgentTime) {
        let silent = self.pending.is_some_and(|seat| seat.is_silent(now));
        let late = self.driver.is_some() && self.next_until.is_some_and(|until| now >= until);
        if silent || late {
            self.pending = None;
            self.next_until = None;
        }
    }

    fn take_grant(&mut self, epoch: Epoch, before: &Seen, now: AgentTime) {
        self.told = epoch;
        let is_claimed = self.pending.is_some() && self.driver.is_none();
        let possible = matches!(
            before.state,
            ControlState::Requested
                | ControlState::Fallback
                | ControlState::FallbackFailed
                | ControlState::SafeHeld
                | ControlState::Human
                | ControlState::Returning
        );
        if possible && !is_claimed && !before.local_override {
            self.pending = Some(Seat::new(epoch, now));
            self.next_until = self.driver.map(|_| now.after(timers().engage_next()));
        }
    }

    /// What an accepted command does to leases.
    fn take_command(&mut self, sent: &Sent) {
        for seat in [&mut self.driver, &mut self.pending].into_iter().flatten() {
            if seat.epoch == sent.epoch {
                seat.seq = seat.seq.max(sent.seq);
            }
        }
        match sent.kind {
            CommandKind::Engage if self.driver.is_some() => {
                self.driver = self.pending.take();
                self.next_until = None;
                self.hands = None;
            }
            CommandKind::Engage => {
                self.named.clone_from(&sent.args.latches);
                self.assumed = false;
            }
            CommandKind::Assume => self.assumed = true,
            CommandKind::Release => self.end_lease(sent.epoch),
            CommandKind::HandBack => {
                self.pending = None;
                self.next_until = None;
            }
            CommandKind::ClearLatch | CommandKind::Decide | CommandKind::Suspend | CommandKind::Reinstate => {
                self.told = self.told.max(sent.epoch);
            }
            CommandKind::Task(verb) if verb.has_own_epoch() => self.told = self.told.max(sent.epoch),
            CommandKind::Estop
            | CommandKind::Hold
            | CommandKind::MinimalRisk
            | CommandKind::SpeedCap
            | CommandKind::Resume
            | CommandKind::Dismiss
            | CommandKind::Task(_) => {}
        }
        if sent.kind.risk() == RiskClass::Exclusive && !helps(sent.kind) {
            self.top = self.top.max(sent.epoch);
        }
    }

    /// What the control state says of leases, whoever ended them.
    fn follow(&mut self, before: ControlState, after: ControlState) {
        use ControlState::{
            AssistPending, Autonomous, Estopped, Fallback, FallbackFailed, Human, InTransition, Local,
            OutOfService, Requested, SafeHeld,
        };
        let falls = |state| matches!(state, Fallback | FallbackFailed | SafeHeld);
        let nobodys =
            matches!(after, Autonomous | AssistPending | Requested | Estopped | Local | OutOfService);
        if nobodys || (falls(after) && !falls(before)) {
            self.end_leases();
        }
        if before == InTransition && after == Human {
            self.driver = self.pending.take();
            self.next_until = None;
            self.hands = None;
        }
        if after != InTransition {
            self.assumed = false;
            self.named.clear();
        }
    }

    /// A fallback or a stop has to show its effect within T_verify from when it was commanded.
    fn follow_effect(&mut self, before: &Seen, after: &Seen, now: AgentTime) {
        let commanded = after.state != before.state
            && matches!(after.state, ControlState::Fallback | ControlState::Estopped);
        if !after.owes_effect() {
            self.owed = None;
        } else if commanded || after.level > before.level || self.owed.is_none() {
            self.owed = Some(now);
        }
    }
}

impl History {
    /// Turns the page, when what an input did has been checked.
    pub(super) fn close(&mut self, after: &Seen, now: AgentTime) {
        if after.demand.is_none() {
            self.demand = None;
        }
        self.floor = match after.state {
            ControlState::Autonomous | ControlState::AssistPending | ControlState::Human => None,
            _ => after.level.or(self.floor),
        };
        // What was verified is verified again, as long as it goes on.
        if self.owed.is_some_and(|owed| now >= owed.after(timers().verify)) {
            self.owed = Some(now);
        }
    }
}

impl State {
    /// Writes down what one input did, before anything is checked against it. Returns whether a heartbeat counted.
    pub(super) fn write_down(&mut self, before: &Seen, after: &Seen, event: Event, accepted: bool) {
        let now = self.now;
        let history = &mut self.history;
        history.let_lapse(now);
        match event {
            Event::Grant(grant) => {
                if grant.boot_id == after.boot_id && grant.epoch > history.told {
                    history.take_grant(grant.epoch, before, now);
                }
            }
            Event::Void(epoch) => {
                history.told = history.told.max(epoch);
                history.end_lease(epoch);
            }
            Event::Welcome { restarted, lease_live, epoch } => {
                history.told = history.told.max(epoch);
                history.lost_at = None;
                if restarted || !lease_live {
                    history.end_leases();
                }
            }
            Event::Beat { who, place } => self.count_beat(who, place),
            Event::Command(index) if accepted => {
                if let Some(sent) = self.sent.get_mut(index) {
                    sent.took_effect = true;
                    history.take_command(sent);
                }
            }
            Event::Reboot { forgets } => {
                history.end_leases();
                (history.demand, history.hands, history.owed, history.lost_at) = (None, None, None, None);
                if forgets {
                    history.told = Epoch(0);
                    history.floor = None;
                }
            }
            Event::Demand(demand) => {
                if before.state.is_nominal() && !after.state.is_nominal() {
                    let end = now.after(timers().demand);
                    history.demand =
                        Some(OpenDemand { demand_id: demand.demand_id, origin: demand.origin, end });
                }
            }
            Event::LinkLost => history.lost_at = history.lost_at.or(Some(now)),
            Event::Command(_)
            | Event::Time
            | Event::World
            | Event::Own
            | Event::Question
            | Event::DemandEnd => {}
        }
        self.history.follow(before.state, after.state);
        self.history.follow_effect(before, after, now);
    }

    /// A heartbeat counts when it is in time, under an epoch that somebody has, and newer than all before it.
    fn count_beat(&mut self, who: usize, place: usize) {
        let now = self.now;
        let Some(beats) = self.people.get_mut(who).map(|person| &mut person.beats) else { return };
        let Some(beat) = beats.get(place).copied().flatten() else { return };
        let history = &mut self.history;
        let live = history.drives(beat.epoch) || history.is_pending(beat.epoch);
        if now >= beat.deadline || beat.used || !live {
            return;
        }
        for known in beats.iter_mut().flatten() {
            known.used |= known.epoch == beat.epoch && known.seq <= beat.seq;
        }
        if history.drives(beat.epoch) {
            if beat.hands && beat.ready {
                history.hands = Some((beat.epoch, now));
            } else if !beat.ready {
                history.hands = None;
            }
        }
        for seat in [&mut history.driver, &mut history.pending].into_iter().flatten() {
            if seat.epoch == beat.epoch {
                seat.heard_at = now;
                seat.unready_since = if beat.ready { None } else { seat.unready_since.or(Some(now)) };
            }
        }
    }

    /// Returns whether the agent hears this monitor.
    pub(crate) fn hears(&self, m: usize) -> bool {
        self.link == Link::Welcomed(m)
    }
}
