//! What people send by way of a monitor: claims, heartbeats, commands and stops; the glue of
//! `crates/engine/src/engine/leases.rs` and `authority.rs`.

use crate::model::{
    agent::SCENE,
    bounds::{Bounds, TTL, timers},
    state::{Beat, Fate, Known, Person, Sent, State},
};
use std::sync::Arc;
use watchkeeper_model::{
    AgentTime, CommandArgs, CommandKind, ControlState, DemandOrigin, Epoch, FallbackLevel, Label, LatchCause,
    LatchId, Note, RiskClass, TaskClass,
};
use watchkeeper_takeover::{
    LeaseRefusal,
    machine::{Event, next},
};

/// A command as a person means it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Order {
    pub(crate) who: usize,
    pub(crate) kind: CommandKind,
    /// CLEAR_LATCH: which.
    pub(crate) latch_id: Option<LatchId>,
    /// HOLD: without a lease, as anybody may.
    pub(crate) as_stranger: bool,
}

impl State {
    pub(crate) fn person(&self, who: usize) -> &Person {
        self.people.get(who).expect("there is such a person")
    }

    pub(crate) fn person_mut(&mut self, who: usize) -> &mut Person {
        self.people.get_mut(who).expect("there is such a person")
    }

    /// `Engine::handle_claim`; returns whether anything came of it.
    pub(crate) fn claim(&mut self, m: usize, who: usize) -> bool {
        let monitor = self.monitor(m);
        let state = monitor.state;
        let grants = !state.is_driven() && next(state, state, Event::Granted).is_some();
        let free = monitor.is_connected && monitor.book.lease().is_none();
        if !(free && (state.is_nominal() || grants)) {
            return false;
        }
        if state.is_nominal() && self.can_be_asked(m) {
            self.raise_demand(m, DemandOrigin::Operator);
        }
        self.grant_claim(m, who);
        true
    }

    /// The console of `who` sends a heartbeat: `Engine::handle_holder`. Returns whether it goes on to the agent.
    pub(crate) fn beat(&mut self, who: usize, ready: bool, hands: bool) -> bool {
        let Person { monitor: m, session, epoch, beat_seq, beats, .. } = self.person(who).clone();
        let deadline = self.now.after(TTL);
        let seq = beat_seq + 1;
        let beat = Beat { epoch, seq, ready, hands, deadline, used: false };
        // The same again, before the first one has arrived, changes nothing.
        if beats[1].is_some_and(|last| Beat { seq, ..last } == beat) {
            return false;
        }
        let monitor = self.monitor_mut(m);
        let now = monitor.now;
        let renewed = monitor.book.renew(session, epoch, (seq, ready), timers().lease_ttl(), now);
        let waits = monitor.next.is_some_and(|next| next.waits_for_engage)
            && monitor
                .book
                .next()
                .is_some_and(|next| (next.lease.session, next.lease.epoch) == (session, epoch));
        if (renewed.is_err() && !waits) || !monitor.is_connected {
            return false;
        }
        let overtaking = self.overtaking;
        let person = self.person_mut(who);
        person.beat_seq = seq;
        person.beats = [person.beats[1].filter(|_| overtaking), Some(beat)];
        true
    }

    /// What a console offers its person, as far as the monitor knows the agent: the orders that make sense.
    pub(crate) fn orders(&self, bounds: &Bounds, who: usize) -> Vec<Order> {
        let person = self.person(who);
        let monitor = self.monitor(person.monitor);
        let state = monitor.state;
        let is_next = monitor.book.next().is_some_and(|next| next.lease.session == person.session);
        let drives = state.is_driven();
        let seated = person.epoch > Epoch(0);
        let mut orders = Vec::new();
        for kind in bounds.kinds.iter().copied() {
            let order = Order { who, kind, latch_id: None, as_stranger: false };
            let latched = matches!(
                state,
                ControlState::Fallback | ControlState::FallbackFailed | ControlState::SafeHeld
            );
            let offered = match kind {
                CommandKind::Engage => is_next || latched || state == ControlState::Claimed,
                CommandKind::Assume => state == ControlState::InTransition,
                CommandKind::Resume | CommandKind::HandBack => state == ControlState::Human,
                CommandKind::SpeedCap => drives,
                CommandKind::Hold => drives || state == ControlState::InTransition,
                CommandKind::Dismiss => state == ControlState::Claimed,
                CommandKind::Release => true,
                CommandKind::MinimalRisk => !latched && state != ControlState::Estopped,
                CommandKind::Decide => state == ControlState::AssistPending,
                CommandKind::Suspend => matches!(state, ControlState::SafeHeld | ControlState::Estopped),
                CommandKind::Reinstate => state == ControlState::OutOfService,
                CommandKind::Task(verb) => match verb.class() {
                    TaskClass::Exclusive => state == ControlState::Human,
                    TaskClass::Assist => state.agent_acts(),
                    TaskClass::Safer | TaskClass::Note => true,
                },
                CommandKind::ClearLatch | CommandKind::Estop => false,
            };
            let anybodys = kind == CommandKind::MinimalRisk || kind.has_own_epoch();
            if offered && (seated || anybodys) && !self.waits_for(person, order) {
                orders.push(order);
            }
            if offered && kind == CommandKind::Hold {
                orders.push(Order { as_stranger: true, ..order });
            }
            if kind == CommandKind::ClearLatch {
                orders.extend(monitor.latches.iter().filter_map(|latch| {
                    let state_of_latch = match latch.cause {
                        LatchCause::Estop => ControlState::Estopped,
                        LatchCause::Fallback | LatchCause::Local => ControlState::SafeHeld,
                    };
                    (state == state_of_latch).then_some(Order { latch_id: Some(latch.latch_id), ..order })
                }));
            }
        }
        orders
    }

    /// Returns whether the person waits for what becomes of the same order: he is never asked to repeat one that may
    /// still take effect.
    fn waits_for(&self, person: &Person, order: Order) -> bool {
        self.sent.iter().any(|sent| {
            let same_lease = sent.epoch == person.epoch || order.kind.has_own_epoch();
            let same = (sent.by, sent.kind) == (order.who, order.kind) && same_lease;
            same && (sent.fate == Fate::Accepted || (sent.fate == Fate::Unseen && self.now < sent.deadline))
        })
    }

    /// `Engine::handle_command`: returns whether the command goes on to the agent.
    pub(crate) fn order(&mut self, bounds: &Bounds, order: Order) -> bool {
        let Order { who, kind, latch_id, as_stranger } = order;
        let person = self.person(who).clone();
        let m = person.monitor;
        let monitor = self.monitor(m);
        if !monitor.is_connected {
            return false;
        }
        let epoch = if as_stranger || kind == CommandKind::MinimalRisk { Epoch(0) } else { person.epoch };
        let Some(epoch) = self.epoch_for(order, epoch) else { return false };
        let monitor = self.monitor(m);
        let is_next = monitor.book.next().is_some_and(|next| next.lease.epoch == epoch);
        let named = monitor.latches.iter().map(|latch| latch.latch_id);
        let needs_reason = matches!(
            kind,
            CommandKind::ClearLatch | CommandKind::Dismiss | CommandKind::Suspend | CommandKind::Reinstate
        );
        let args = CommandArgs {
            latches: if kind == CommandKind::Engage && !is_next { named.collect() } else { Vec::new() },
            latch_id,
            level: (kind == CommandKind::MinimalRisk).then_some(FallbackLevel::CONTAIN),
            speed_mps: (kind == CommandKind::SpeedCap).then_some(5.0),
            reason: needs_reason.then(|| Note::cut("because")),
            scene_id: (kind == CommandKind::Decide).then_some(SCENE),
            option: (kind == CommandKind::Decide).then_some(1),
            target: matches!(kind, CommandKind::Task(_)).then(|| Label::cut("x")),
            ..CommandArgs::default()
        };
        let Some(boot_id) = monitor.boot_id else { return false };
        let evidence = monitor.seen.filter(|_| bounds.evidence);
        self.sent.push(Sent {
            by: who,
            from: m,
            boot_id,
            kind,
            args: Arc::new(args),
            epoch,
            seq: person.seq + 1,
            deadline: self.now.after(TTL),
            gone_at: self.now.after(TTL + self.late),
            evidence,
            is_posted: true,
            fate: Fate::Unseen,
            took_effect: false,
            known: Known::Open,
        });
        self.person_mut(who).seq += 1;
        true
    }

    /// `Engine::check_command` and `epoch_for`: the epoch that the command goes out with, or none if it is refused.
    fn epoch_for(&mut self, order: Order, epoch: Epoch) -> Option<Epoch> {
        let person = self.person(order.who).clone();
        let monitor = self.monitor_mut(person.monitor);
        if order.kind.has_own_epoch() {
            let may = match order.kind {
                CommandKind::ClearLatch => {
                    let latch = monitor.holds_latch(order.latch_id?)?;
                    latch.cause != LatchCause::Estop || person.is_supervisor
                }
                CommandKind::Suspend | CommandKind::Reinstate => person.is_supervisor,
                _ => true,
            };
            let is_free = order.kind == CommandKind::Decide || monitor.book.lease().is_none();
            if !(may && is_free) {
                return None;
            }
            let minted = monitor.book.mint().ok()?;
            self.note_minted(person.monitor, minted);
            return Some(minted);
        }
        let safer = order.kind.risk() == RiskClass::Safer && order.kind != CommandKind::Release;
        let now = monitor.now;
        if monitor.book.authorize_next(person.session, epoch, now) {
            return Some(epoch);
        }
        match monitor.book.authorize(person.session, epoch, now) {
            Ok(_) => Some(epoch),
            Err(_) if safer => Some(Epoch(0)),
            // Nobody holds a lease: the fence in the agent refuses a closed epoch, and its word is the last.
            Err(LeaseRefusal::StaleEpoch { live: Epoch(0), .. }) => Some(epoch),
            Err(_) => None,
        }
    }

    /// `Engine::stop_agent`: it waits for a connection where there is none.
    pub(crate) fn stop(&mut self, who: usize) {
        let (m, index) = (self.person(who).monitor, self.sent.len());
        let monitor = self.monitor_mut(m);
        monitor.pending_stop = Some(index);
        let (is_posted, boot_id) = (monitor.is_connected, monitor.boot_id);
        self.sent.push(Sent {
            by: who,
            from: m,
            boot_id: boot_id.unwrap_or(self.gate.identity().boot_id),
            kind: CommandKind::Estop,
            args: Arc::new(CommandArgs::default()),
            epoch: Epoch(0),
            seq: 0,
            deadline: self.now.after(TTL),
            gone_at: AgentTime::from_nanos(u64::MAX),
            evidence: None,
            is_posted,
            fate: Fate::Unseen,
            took_effect: false,
            known: Known::Open,
        });
    }
}
