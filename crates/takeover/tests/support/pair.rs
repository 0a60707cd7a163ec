//! The real lease book and the real gate, side by side, compared with the reference after every choice; and what a
//! faulty one would do.
#![expect(clippy::indexing_slicing, reason = "there are two consoles")]

use crate::{
    consoles::{Consoles, Step},
    scene::{Control, Input, Scene},
    trace::{Cmd, identity},
};
use std::time::Duration;
use uuid::Uuid;
use watchkeeper_model::{
    AgentTime, CommandId, CommandKind, CommandState, ControlState, DemandOrigin, DemandOutcome, Epoch,
    FallbackLevel, Incarnation, Latch, MonoTime, PersonId, RiskClass, SessionId,
};
use watchkeeper_takeover::{
    Gate, GateOutput, GateRecord, LeaseBook, LeaseRefusal, Mode, NewDemand, Timers, Welcome,
};

/// A check that a faulty book or gate leaves out, or a thing that it forgets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tamper {
    Nothing,
    CommandDeadline,
    CommandBoot,
    CommandEpoch,
    CommandSequence,
    CommandId,
    EngageLatches,
    Stop,
    BeatDeadline,
    BeatSequence,
    Readiness,
    GrantEpoch,
    GrantBoot,
    Void,
    Timers,
    DemandTime,
    VoidedLease,
    MonitorsLatches,
    RecordedLatches,
    SecondHolder,
    EpochUsedTwice,
}

impl Tamper {
    /// Every fault.
    pub(crate) const ALL: [Self; 20] = [
        Self::CommandDeadline,
        Self::CommandBoot,
        Self::CommandEpoch,
        Self::CommandSequence,
        Self::CommandId,
        Self::EngageLatches,
        Self::Stop,
        Self::BeatDeadline,
        Self::BeatSequence,
        Self::Readiness,
        Self::GrantEpoch,
        Self::GrantBoot,
        Self::Void,
        Self::Timers,
        Self::DemandTime,
        Self::VoidedLease,
        Self::MonitorsLatches,
        Self::RecordedLatches,
        Self::SecondHolder,
        Self::EpochUsedTwice,
    ];
}

/// Who is in control, as an agent shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Who {
    Agent,
    Holder(Epoch),
    Nobody,
}

/// What must be the same here and there.
#[derive(Clone, Debug, PartialEq)]
struct View {
    in_control: Who,
    claimed: Epoch,
    next: Option<Epoch>,
    highest: Epoch,
    level: Option<u8>,
    latches: Vec<Latch>,
    demand: Option<(u64, AgentTime)>,
    minted: Epoch,
    lease: Option<(Epoch, u64)>,
    following: Option<Epoch>,
}

impl View {
    fn of_reference(control: &Control) -> Self {
        let epoch = |seat: Option<crate::scene::Seat>| seat.map(|seat| seat.epoch);
        let in_control = match epoch(control.active) {
            Some(epoch) => Who::Holder(epoch),
            None if control.fallen.is_some() => Who::Nobody,
            None => Who::Agent,
        };
        Self {
            in_control,
            claimed: epoch(control.active.or(control.pending)).unwrap_or_default(),
            next: epoch(control.active.and(control.pending)),
            highest: control.highest,
            level: control.fallen.filter(|_| !control.is_stopped()),
            latches: control.latches.clone(),
            demand: control.demand.map(|demand| (demand.id.0, demand.until)),
            minted: control.minted,
            lease: control.lease.map(|lease| (lease.epoch, lease.until.as_nanos())),
            following: epoch(control.following),
        }
    }
}

/// The monitor's clock, which here runs as the agent's.
fn mono(now: AgentTime) -> MonoTime {
    MonoTime::from_nanos(now.as_nanos())
}

fn session(who: usize) -> SessionId {
    SessionId(u64::try_from(who).expect("there are two consoles"))
}

fn person(who: usize) -> PersonId {
    PersonId::new(["ada", "bob"][who]).expect("the name is well formed")
}

pub(crate) struct Pair {
    book: LeaseBook,
    gate: Gate,
    record: GateRecord,
    scene: Scene,
    tamper: Tamper,
    beats: u64,
    forged: u64,
}

impl Pair {
    pub(crate) fn new(consoles: &Consoles, tamper: Tamper) -> Self {
        // What the scene was before the first welcome.
        let scene = Scene::new(consoles.scene.kind);
        let mut gate = Gate::new(identity(scene.kind, 0), scene.timers.clone(), scene.world);
        let record = gate.take_record().expect("a new gate has something to write");
        let mut pair =
            Self { book: LeaseBook::default(), gate, record, scene, tamper, beats: 0, forged: 1 << 40 };
        let first = pair.follow(consoles);
        assert_eq!(first, Ok(()), "the first welcome");
        pair
    }

    /// Plays what the last choice led to, and says where book or gate and the reference part.
    pub(crate) fn follow(&mut self, consoles: &Consoles) -> Result<(), String> {
        for (index, step) in consoles.steps.iter().enumerate() {
            let is_accepted = self.hand_over(step);
            if is_accepted != Some(step.is_accepted) && is_accepted.is_some() {
                let verdict = if step.is_accepted { "refused" } else { "accepted" };
                return Err(format!("step {index} was {verdict}: {step:?}\n{:?}", self.gate));
            }
        }
        let (found, expected) = (self.view(), View::of_reference(&consoles.control));
        if found != expected {
            let steps = &consoles.steps;
            return Err(format!(
                "expected {expected:?}\nfound    {found:?}\nafter {steps:?}\n{:?}",
                self.gate
            ));
        }
        let due = self.gate.poll_timeout().filter(|due| *due <= self.scene.now);
        due.map_or(Ok(()), |due| Err(format!("a timer stays due: {due:?}\n{:?}", self.gate)))
    }

    fn view(&self) -> View {
        let gate = &self.gate;
        let mode = gate.directive().mode;
        let in_control = if matches!(mode, Mode::SafePolicy | Mode::Autonomous) {
            Who::Agent
        } else if matches!(mode, Mode::Human { .. } | Mode::Manual { .. } | Mode::Neutral) {
            Who::Holder(gate.epoch())
        } else {
            Who::Nobody
        };
        let demand = gate.demand(self.scene.now);
        View {
            in_control,
            claimed: gate.epoch(),
            next: gate.next_epoch(),
            highest: gate.highest_epoch(),
            level: gate.fallback_level().map(FallbackLevel::get),
            latches: gate.latches().to_vec(),
            demand: demand.map(|(id, left)| (id.0, self.scene.now.after(left))),
            minted: self.book.highest(),
            lease: self.book.lease().map(|lease| (lease.epoch, lease.expires_at.as_nanos())),
            following: self.book.next().map(|next| next.lease.epoch),
        }
    }

    /// Hands one input over; returns whether it was accepted, where that can be seen.
    fn hand_over(&mut self, step: &Step) -> Option<bool> {
        let now = step.now;
        self.scene.now = now;
        self.scene.take(&step.input);
        let mut input = step.input.clone();
        if !self.rewrite(&mut input) {
            return None;
        }
        let is_accepted = self.take(&input, now);
        if self.tamper != Tamper::Timers && self.gate.poll_timeout().is_some_and(|due| due <= now) {
            self.gate.handle_timeout(now);
        }
        if let Some(record) = self.gate.take_record() {
            self.record = record;
        }
        while self.gate.poll_output().is_some() {}
        is_accepted
    }

    fn take(&mut self, input: &Input, now: AgentTime) -> Option<bool> {
        let (gate, book, timers) = (&mut self.gate, &mut self.book, &self.scene.timers);
        match input {
            Input::Claim { who, .. } => return Some(claim(book, *who, timers, mono(now))),
            Input::Renew { who, epoch } => {
                self.beats += 1;
                let heartbeat = (self.beats, true);
                let renewed = book.renew(session(*who), *epoch, heartbeat, timers.lease_ttl(), mono(now));
                return Some(renewed.is_ok());
            }
            Input::Mint => return Some(book.mint().is_ok()),
            Input::Switch => {
                // What an agent reports, it reports after its timers.
                gate.handle_timeout(now);
                let follows = book.next().is_some_and(|next| next.lease.epoch == gate.epoch());
                return Some(follows && book.switch().is_some());
            }
            Input::End => drop(book.end()),
            Input::Time if self.tamper == Tamper::Timers => {}
            Input::Time => gate.handle_timeout(now),
            Input::Grant(epoch, boot_id) => gate.handle_grant(*epoch, *boot_id, now),
            Input::Void(epoch) => gate.handle_void(*epoch, now),
            Input::Beat(beat) => gate.handle_holder(*beat, now),
            Input::Command(command) => {
                command.hand_to(gate, now);
                return Some(self.drain(command.command_id));
            }
            Input::Demand(demand) => {
                let origin = if demand.is_wish { DemandOrigin::Operator } else { DemandOrigin::Monitor };
                // Urgent, so that no cooldown holds it up: that has scripts of its own.
                let new = NewDemand { demand_id: demand.id, origin, critical: true, left: demand.left };
                gate.handle_demand(new, now);
            }
            Input::DemandEnd(end) => {
                let cancelled = DemandOutcome::Cancelled;
                let outcome = if end.is_cancelled { cancelled } else { DemandOutcome::SelfCleared };
                gate.handle_demand_end(end.id, outcome, now);
            }
            Input::World { world, .. } => gate.handle_world(*world, now),
            Input::LinkLost => gate.handle_link_lost(now),
            Input::Welcome { incarnation, voids, latches } => {
                let (incarnation, epoch) = (*incarnation, book.highest());
                let welcome = Welcome { incarnation, epoch, latches, lease_live: !voids };
                assert!(gate.handle_welcome(&welcome, now), "the incarnation never falls");
            }
            Input::Own => gate.handle_minimal_risk_request(FallbackLevel::COMFORTABLE, now),
            Input::Reboot { is_clean } => self.reboot(*is_clean, now),
        }
        None
    }

    /// Takes what the gate says, and returns whether it accepted the command.
    fn drain(&mut self, command_id: CommandId) -> bool {
        let mut is_accepted = false;
        while let Some(output) = self.gate.poll_output() {
            if let GateOutput::Ack(ack) = output {
                let accepts = ack.state == CommandState::Accepted && ack.code.is_none();
                is_accepted |= accepts && ack.command_id == command_id;
            }
        }
        is_accepted
    }

    /// Power off after whatever was due, power on: only what was written is left.
    fn reboot(&mut self, is_clean: bool, now: AgentTime) {
        self.gate.handle_timeout(now);
        let written = self.gate.take_record().unwrap_or_else(|| self.record.clone());
        let mut record = if is_clean { self.gate.shutdown_record() } else { written };
        if self.tamper == Tamper::RecordedLatches {
            record.latches.clear();
            record.control_state = ControlState::Autonomous;
        }
        let identity = identity(self.scene.kind, self.scene.boots);
        self.gate = Gate::restore(identity, self.scene.timers.clone(), self.scene.world, &record);
    }

    /// Makes of an input what a faulty book or gate would take it for; returns false where it would overlook it.
    fn rewrite(&mut self, input: &mut Input) -> bool {
        self.forged += 1;
        let forever = AgentTime::from_nanos(u64::MAX);
        let boot_id = self.scene.boot_id;
        match (self.tamper, input) {
            (Tamper::CommandDeadline, Input::Command(command)) => command.deadline = forever,
            (Tamper::CommandBoot, Input::Command(command)) => command.boot_id = boot_id,
            (Tamper::CommandEpoch, Input::Command(command)) => self.raise_epoch(command),
            (Tamper::CommandSequence, Input::Command(command)) => command.seq = self.forged,
            (Tamper::CommandId, Input::Command(command)) => {
                command.command_id = CommandId(Uuid::from_u128(u128::from(self.forged)));
            }
            (Tamper::EngageLatches, Input::Command(command)) => {
                let all = self.gate.latches().iter().map(|latch| latch.latch_id);
                command.args.latches = all.collect();
            }
            (Tamper::Stop, Input::Command(command)) => return command.kind != CommandKind::Estop,
            (Tamper::BeatDeadline, Input::Beat(beat)) => beat.deadline = forever,
            (Tamper::BeatSequence, Input::Beat(beat)) => beat.seq = self.forged,
            (Tamper::Readiness, Input::Beat(beat)) => beat.ready = true,
            (Tamper::GrantEpoch, Input::Grant(epoch, _)) => {
                *epoch = (*epoch).max(self.gate.highest_epoch().next());
            }
            (Tamper::GrantBoot, Input::Grant(_, meant_for)) => *meant_for = boot_id,
            (Tamper::Void, Input::Void(_)) => return false,
            (Tamper::DemandTime, Input::Demand(demand)) => demand.left = Duration::MAX,
            (Tamper::VoidedLease, Input::Welcome { incarnation, voids, .. }) => {
                (*incarnation, *voids) = (Incarnation(1), false);
            }
            (Tamper::MonitorsLatches, Input::Welcome { latches, .. }) => latches.clear(),
            (Tamper::SecondHolder, Input::Claim { .. }) => drop(self.book.end()),
            (Tamper::EpochUsedTwice, Input::Claim { .. }) if self.book.lease().is_none() => {
                self.book = LeaseBook::new(Epoch(self.book.highest().0.saturating_sub(1)));
            }
            _ => {}
        }
        true
    }

    fn raise_epoch(&self, command: &mut Cmd) {
        let is_fenced =
            command.kind.risk() == RiskClass::Exclusive && command.kind != CommandKind::ClearLatch;
        if is_fenced && Some(command.epoch) != self.gate.next_epoch() {
            command.epoch = self.gate.epoch();
        }
    }
}

/// Somebody claims; where somebody else holds the lease, he asks, and that one says yes.
fn claim(book: &mut LeaseBook, who: usize, timers: &Timers, now: MonoTime) -> bool {
    let ttl = timers.lease_ttl();
    match book.grant(person(who), session(who), ttl, now) {
        Ok(_) => true,
        Err(LeaseRefusal::Held { .. }) => {
            let asker = (person(who), session(who));
            let Ok(wish) = book.ask(asker.clone(), None, timers.handover, now) else { return false };
            let wish = wish.request_id;
            let holder = book.lease().map(|lease| lease.session).expect("somebody holds it");
            book.answer(holder, wish, now).is_ok()
                && book.grant_next(asker, false, (timers.engage_next(), ttl), now).is_ok()
        }
        Err(_) => false,
    }
}
