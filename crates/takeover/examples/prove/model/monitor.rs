//! The monitor: the production [`LeaseBook`], and the glue around it.
//!
//! The glue does for one agent what `crates/engine` does in `agents.rs`, `leases.rs`, `handover.rs`, `authority.rs`
//! and `demands.rs`, and leaves out what the agent never hears of (alerts, records, what consoles are shown, load)
//! and all that only delays: a grant is on disk and announced in the step that makes it, because a grant that leaves
//! later is one that arrives later. What a monitor has on disk is its highest epoch, the latches and the stop that
//! waits; nothing else outlives a crash.

mod handover;
pub(crate) mod orders;

use super::{
    bounds::timers,
    state::{Broken, DemandMail, EndMail, GrantMail, Hello, Known, Link, Report, State, WelcomeMail, add},
};
use std::hash::{Hash, Hasher};
use watchkeeper_model::{
    BootId, CommandKind, CommandState, ControlState, DemandId, DemandOrigin, DemandOutcome, Epoch,
    Incarnation, Latch, LatchCause, LatchId, MonoTime, PersonId, StateVersion,
};
use watchkeeper_takeover::{
    Gate, LeaseBook, NextLease,
    machine::{Event, next},
};

/// Ids of latches that monitors mint have this bit.
const MONITORS_LATCHES: u64 = 1 << 63;

#[derive(Clone, Debug)]
pub(crate) struct Monitor {
    pub(crate) incarnation: Incarnation,
    pub(crate) now: MonoTime,
    pub(crate) book: LeaseBook,
    /// The agent of the last hello.
    pub(crate) boot_id: Option<BootId>,
    pub(crate) state: ControlState,
    /// As far as it knows.
    pub(crate) is_connected: bool,
    /// The state version of the last report: what people's evidence is.
    pub(crate) seen: Option<StateVersion>,
    pub(crate) latches: Vec<Latch>,
    pub(crate) lease_seen: bool,
    pub(crate) claim_deadline: Option<MonoTime>,
    pub(crate) next: Option<Next>,
    pub(crate) ended_next: Option<Epoch>,
    pub(crate) demand: Option<Demand>,
    pub(crate) pending_stop: Option<usize>,
}

/// What is kept of the next holder beside his lease in the book.
#[derive(Clone, Copy, Debug, Hash)]
pub(crate) struct Next {
    pub(crate) waits_for_engage: bool,
    /// How many commands had been sent when it was granted.
    pub(crate) after: usize,
}

#[derive(Clone, Copy, Debug, Hash)]
pub(crate) struct Demand {
    id: DemandId,
    pub(crate) origin: DemandOrigin,
    seen: bool,
    ending: Option<DemandOutcome>,
}

impl Monitor {
    /// Starts, with what an earlier run left on disk.
    pub(crate) fn start(
        incarnation: Incarnation,
        highest: Epoch,
        latches: Vec<Latch>,
        pending_stop: Option<usize>,
    ) -> Self {
        Self {
            incarnation,
            now: MonoTime::from_nanos(0),
            book: LeaseBook::new(highest),
            boot_id: None,
            state: ControlState::Autonomous,
            is_connected: false,
            seen: None,
            latches,
            lease_seen: false,
            claim_deadline: None,
            next: None,
            ended_next: None,
            demand: None,
            pending_stop,
        }
    }

    pub(crate) fn holds_latch(&self, latch_id: LatchId) -> Option<Latch> {
        self.latches.iter().find(|latch| latch.latch_id == latch_id).copied()
    }

    pub(crate) fn add_latches(&mut self, latches: &[Latch]) {
        for latch in latches {
            if self.holds_latch(latch.latch_id).is_none() {
                self.latches.push(*latch);
            }
        }
    }

    /// Returns when something runs out.
    pub(crate) fn due(&self) -> Option<MonoTime> {
        let engage = self.book.next().map(|next| match self.next {
            Some(Next { waits_for_engage: true, .. }) => next.lapses_at().after(timers().agent),
            Some(_) | None => next.lapses_at(),
        });
        [self.book.wish().map(|wish| wish.expires_at), engage, self.book.expires_at(), self.claim_deadline]
            .into_iter()
            .flatten()
            .min()
    }

    pub(crate) fn hash_from_now(&self, gate: &Gate, hasher: &mut impl Hasher) {
        let Self {
            incarnation,
            now,
            book,
            boot_id,
            state,
            is_connected,
            seen,
            latches,
            lease_seen,
            claim_deadline,
            next,
            ended_next,
            demand,
            pending_stop,
        } = self;
        (incarnation, boot_id, state, is_connected, latches, lease_seen).hash(hasher);
        (next, ended_next, demand, pending_stop).hash(hasher);
        seen.map(|version| version == gate.state_version()).hash(hasher);
        let left = |at: MonoTime| now.until(at);
        claim_deadline.map(left).hash(hasher);
        book.highest().hash(hasher);
        // Heartbeat numbers are left out: a console's next one is above all that the book has seen.
        let lease = |lease: &watchkeeper_takeover::Lease| {
            (lease.epoch, lease.session, left(lease.expires_at), lease.ready, lease.takeover_allowed)
        };
        book.lease().map(lease).hash(hasher);
        book.wish().map(|wish| (wish.request_id, wish.session, left(wish.expires_at))).hash(hasher);
        book.next()
            .map(|NextLease { lease: its, engage_by, preempts }| (lease(its), left(*engage_by), *preempts))
            .hash(hasher);
    }
}

pub(crate) fn person_id(who: usize) -> PersonId {
    PersonId::new(["ada", "bob", "eve", "joe"].get(who).copied().unwrap_or("ann")).expect("it is a good id")
}

impl State {
    pub(crate) fn monitor(&self, m: usize) -> &Monitor {
        self.monitors.get(m).expect("there is such a monitor")
    }

    pub(crate) fn monitor_mut(&mut self, m: usize) -> &mut Monitor {
        self.monitors.get_mut(m).expect("there is such a monitor")
    }

    /// A hello arrives: `Engine::connect_agent`.
    pub(crate) fn take_hello(&mut self, m: usize, hello: &Hello) {
        if self.monitor(m).is_connected {
            self.lose_commands(m);
        }
        let same_boot = self.monitor(m).boot_id == Some(hello.boot_id);
        if !same_boot {
            self.latch_unsafe_end(m);
            self.end_lease(m, false);
            self.lose_commands(m);
        } else if !self.monitor(m).lease_seen {
            self.end_lease(m, false);
        } else if self.monitor(m).book.next().is_some_and(|next| next.lease.epoch > hello.highest_epoch) {
            self.end_next(m);
        }
        let monitor = self.monitor_mut(m);
        if !same_boot {
            monitor.seen = None;
        }
        monitor.is_connected = true;
        monitor.boot_id = Some(hello.boot_id);
        monitor.state = hello.control_state;
        monitor.book.observe(hello.highest_epoch);
        monitor.add_latches(&hello.latches);
        let welcome = WelcomeMail {
            incarnation: monitor.incarnation,
            epoch: monitor.book.highest(),
            latches: monitor.latches.clone(),
            lease_live: same_boot && monitor.book.lease().is_some(),
        };
        let (stop, ended) = (monitor.pending_stop, monitor.ended_next);
        self.link = Link::Welcoming(m, welcome);
        if let Some(stop) = stop.and_then(|index| self.sent.get_mut(index)) {
            stop.is_posted = true;
        }
        if let Some(epoch) = ended.filter(|_| same_boot) {
            add(&mut self.mail.voids, (m, epoch));
        }
        self.resend_demand(m);
    }

    /// The connection is known to be lost: `Engine::disconnect_agent`.
    pub(crate) fn notice_drop(&mut self, m: usize) {
        self.monitor_mut(m).is_connected = false;
        self.lose_commands(m);
    }

    fn lose_commands(&mut self, m: usize) {
        for sent in self.sent.iter_mut().filter(|sent| sent.from == m) {
            if sent.known == Known::Open {
                sent.known = Known::Unknown;
            }
        }
    }

    /// `Engine::latch_unsafe_end`.
    fn latch_unsafe_end(&mut self, m: usize) {
        let monitor = self.monitor(m);
        let nominal = monitor.state.is_nominal() && monitor.demand.is_none();
        if monitor.boot_id.is_some() && !nominal && monitor.latches.is_empty() {
            let latch_id = LatchId(MONITORS_LATCHES | self.left.next_id());
            self.monitor_mut(m).latches.push(Latch { latch_id, cause: LatchCause::Fallback });
        }
    }

    /// A heartbeat of the agent arrives: `Engine::handle_heartbeat`.
    pub(crate) fn take_report(&mut self, m: usize, report: &Report) {
        let monitor = self.monitor_mut(m);
        if Some(report.boot_id) != monitor.boot_id {
            return;
        }
        // One that comes after its connection is gone tells nothing of the state (`Mirror`).
        if monitor.is_connected {
            monitor.state = report.control_state;
        }
        monitor.add_latches(&report.latches);
        monitor.book.observe(report.epoch);
        monitor.seen = Some(report.version);
        self.check_lease(m, report);
        self.check_demand(m, report);
        let stands = report.control_state == ControlState::Estopped && report.condition_reached;
        let monitor = self.monitor_mut(m);
        if monitor.is_connected && stands {
            monitor.pending_stop = None;
        }
    }

    /// Follows the agent: `Engine::check_lease`.
    fn check_lease(&mut self, m: usize, last: &Report) {
        self.follow_switch(m, last.epoch);
        let monitor = self.monitor_mut(m);
        let Some(lease) = monitor.book.lease() else { return };
        if last.epoch == lease.epoch {
            monitor.lease_seen = true;
            if matches!(last.control_state, ControlState::Human | ControlState::InTransition) {
                monitor.claim_deadline = None;
            }
        } else if monitor.lease_seen {
            self.end_lease(m, false);
        }
    }

    /// `Engine::check_demand`, without alerts.
    fn check_demand(&mut self, m: usize, last: &Report) {
        let monitor = self.monitor_mut(m);
        let Some(demand) = &mut monitor.demand else { return };
        if last.demand_id == Some(demand.id) {
            demand.seen = true;
            return;
        }
        let waits = matches!(
            last.control_state,
            ControlState::Autonomous
                | ControlState::AssistPending
                | ControlState::Requested
                | ControlState::Claimed
        );
        let open = waits && !demand.seen && demand.ending.is_none();
        if !open && last.control_state != ControlState::InTransition {
            monitor.demand = None;
        }
    }

    /// `Engine::raise_demand`.
    pub(crate) fn raise_demand(&mut self, m: usize, origin: DemandOrigin) {
        let demand_id = DemandId(self.left.next_id());
        let demand = Demand { id: demand_id, origin, seen: false, ending: None };
        self.monitor_mut(m).demand = Some(demand);
        // A demand that was on its way when the next one leaves does not arrive after it.
        self.mail.demands.retain(|older| older.from != m);
        self.mail.ends.retain(|older| older.from != m);
        add(&mut self.mail.demands, DemandMail { from: m, demand_id, origin });
    }

    /// Returns whether a demand is possible: `Engine::can_be_asked`.
    pub(crate) fn can_be_asked(&self, m: usize) -> bool {
        let monitor = self.monitor(m);
        let possible = next(monitor.state, monitor.state, Event::Demand).is_some();
        monitor.is_connected && monitor.boot_id.is_some() && possible && monitor.demand.is_none()
    }

    fn resend_demand(&mut self, m: usize) {
        let Some(demand) = self.monitor(m).demand else { return };
        match demand.ending {
            Some(outcome) => self.end_demand(m, outcome),
            None if !demand.seen => {
                let Demand { id: demand_id, origin, .. } = demand;
                add(&mut self.mail.demands, DemandMail { from: m, demand_id, origin });
            }
            None => {}
        }
    }

    /// `Engine::end_demand`: the agent confirms by its state.
    pub(crate) fn end_demand(&mut self, m: usize, outcome: DemandOutcome) {
        let Some(demand) = &mut self.monitor_mut(m).demand else { return };
        demand.ending = Some(outcome);
        let demand_id = demand.id;
        add(&mut self.mail.ends, EndMail { from: m, demand_id, outcome });
    }

    /// Returns whether the last cause of the demand may go away now: `Engine::check_self_cleared`.
    pub(crate) fn can_self_clear(&self, m: usize) -> bool {
        let monitor = self.monitor(m);
        let by_cause = monitor
            .demand
            .is_some_and(|demand| demand.origin == DemandOrigin::Monitor && demand.ending.is_none());
        by_cause && monitor.book.lease().is_none() && monitor.state == ControlState::Requested
    }

    /// Mints an epoch for somebody; invariant 1 is that it is above all that this monitor ever minted.
    fn note_minted(&mut self, m: usize, epoch: Epoch) {
        let minted = self.history.minted.get_mut(m).expect("there is such a monitor");
        if epoch <= *minted {
            self.broken.get_or_insert(Broken { invariant: 1, why: "an epoch was minted twice" });
        }
        *minted = epoch;
    }

    /// `Engine::grant_claim` and `announce_grant`.
    pub(crate) fn grant_claim(&mut self, m: usize, who: usize) {
        let session = self.person(who).session;
        let monitor = self.monitor_mut(m);
        let (now, boot_id, incarnation) = (monitor.now, monitor.boot_id, monitor.incarnation);
        let Ok(lease) = monitor.book.grant(person_id(who), session, timers().lease_ttl(), now) else {
            return;
        };
        let epoch = lease.epoch;
        monitor.claim_deadline = Some(now.after(timers().claim));
        monitor.lease_seen = false;
        self.note_minted(m, epoch);
        self.person_mut(who).epoch = epoch;
        if let Some(boot_id) = boot_id {
            let grant = GrantMail { from: m, incarnation, epoch, boot_id, to: who };
            add(&mut self.mail.grants, grant);
        }
    }

    /// `Engine::end_lease_because`.
    pub(crate) fn end_lease(&mut self, m: usize, is_pre_empted: bool) {
        let _ended_wish = self.monitor_mut(m).book.drop_wish();
        self.end_next(m);
        let monitor = self.monitor_mut(m);
        let Some(lease) = monitor.book.end() else { return };
        monitor.claim_deadline = None;
        let wish = monitor.demand.is_some_and(|demand| demand.origin == DemandOrigin::Operator);
        add(&mut self.mail.voids, (m, lease.epoch));
        if wish && !is_pre_empted {
            self.end_demand(m, DemandOutcome::Cancelled);
        }
    }

    /// The monitor's clock moves on to what is due next: `Engine::expire`.
    pub(crate) fn pass_time(&mut self, m: usize) {
        let monitor = self.monitor_mut(m);
        if let Some(due) = monitor.due() {
            monitor.now = monitor.now.max(due);
        }
        self.expire(m);
    }

    /// `Engine::expire`.
    fn expire(&mut self, m: usize) {
        let monitor = self.monitor(m);
        let is_over = |at: Option<MonoTime>| at.is_some_and(|at| monitor.now >= at);
        if is_over(monitor.book.expires_at()) || is_over(monitor.claim_deadline) {
            self.end_lease(m, false);
        }
        self.expire_handover(m);
    }

    /// Crashes and starts again, with a higher incarnation: leases are void, epochs durable.
    pub(crate) fn crash(&mut self, m: usize) {
        let old = self.monitor_mut(m);
        let latches = std::mem::take(&mut old.latches);
        let incarnation = Incarnation(old.incarnation.0 + 1);
        *old = Monitor::start(incarnation, old.book.highest(), latches, old.pending_stop);
        for sent in self.sent.iter_mut().filter(|sent| sent.from == m) {
            sent.known = Known::Forgotten;
        }
        if self.link.monitor() == Some(m) {
            self.lose_link();
        }
        for person in self.people.iter_mut().filter(|person| person.monitor == m) {
            self.left.sessions += 1;
            person.session = watchkeeper_model::SessionId(self.left.sessions);
        }
    }

    /// An acknowledgement arrives: `Engine::handle_ack`.
    pub(crate) fn take_ack(&mut self, index: usize, state: CommandState) {
        let Some(sent) = self.sent.get_mut(index).filter(|sent| sent.known != Known::Forgotten) else {
            return;
        };
        let (m, kind, epoch) = (sent.from, sent.kind, sent.epoch);
        if sent.known == Known::Open && state != CommandState::Accepted {
            sent.known = Known::Ended;
        }
        let sent = sent.clone();
        let took_effect = match kind {
            CommandKind::ClearLatch => matches!(state, CommandState::Accepted | CommandState::Completed),
            CommandKind::Engage => state == CommandState::Completed,
            _ => false,
        };
        if took_effect {
            self.monitor_mut(m).latches.retain(|latch| {
                !sent.names(latch.latch_id)
                    || (kind == CommandKind::Engage && latch.cause == LatchCause::Estop)
            });
        }
        let accepted = state == CommandState::Accepted;
        if kind == CommandKind::Release && accepted {
            let book = &self.monitor(m).book;
            if book.lease().is_some_and(|lease| lease.epoch == epoch) {
                self.end_lease(m, false);
            } else if book.next().is_some_and(|next| next.lease.epoch == epoch) {
                self.end_next(m);
            }
        }
        if kind == CommandKind::HandBack && accepted {
            let _ended_wish = self.monitor_mut(m).book.drop_wish();
            if self.monitor(m).next.is_some_and(|next| next.after <= index) {
                self.end_next(m);
            }
        }
    }
}
