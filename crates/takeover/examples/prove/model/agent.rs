//! The agent: the production [`Gate`] in the order in which the SDK calls it, its connection, and its reboots.
//!
//! Each input is handed to the gate as it is, whether timers are due or not. Beside it a copy of the gate evaluates
//! what is due alone, so that what the timers did and what the input did can be told apart.

use super::{
    bounds::{Bounds, TTL, timers},
    flaws::Flaw,
    invariants,
    state::{Broken, DemandMail, EndMail, Fate, GrantMail, Hello, Link, Report, State, WelcomeMail},
};
use uuid::Uuid;
use watchkeeper_model::{
    AgentId, AgentKind, AgentTime, BootId, CommandCode, CommandKind, CommandState, ControlState, DemandId,
    DemandOutcome, Epoch, FallbackLevel, Incarnation, Latch, QuestionPolicy, SceneId, StateVersion, TaskVerb,
};
use watchkeeper_takeover::{
    Directive, Gate, GateAck, GateOutput, GateRecord, HolderBeat, Identity, NewDemand, Question, Welcome,
    World,
};

/// Where the agent's clock starts in each boot.
pub(crate) const ORIGIN: AgentTime = AgentTime::from_nanos(1_000_000_000_000);

/// The one question of the agent.
pub(crate) const SCENE: SceneId = SceneId(1);

/// What was handed to the gate.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Event {
    Time,
    World,
    /// The agent fell back or stopped by itself.
    Own,
    Question,
    LinkLost,
    Welcome {
        restarted: bool,
        lease_live: bool,
        epoch: Epoch,
    },
    Demand(DemandMail),
    DemandEnd,
    Grant(GrantMail),
    Void(Epoch),
    Beat {
        who: usize,
        place: usize,
    },
    Command(usize),
    Reboot {
        forgets: bool,
    },
}

/// What can be seen of an agent from outside.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Seen {
    pub(crate) boot_id: BootId,
    pub(crate) state: ControlState,
    pub(crate) from: Option<ControlState>,
    pub(crate) level: Option<FallbackLevel>,
    pub(crate) latches: Vec<Latch>,
    pub(crate) demand: Option<(DemandId, AgentTime)>,
    pub(crate) outcome: Option<(DemandId, DemandOutcome)>,
    pub(crate) epoch: Epoch,
    pub(crate) next: Option<Epoch>,
    pub(crate) highest_epoch: Epoch,
    pub(crate) incarnation: Incarnation,
    pub(crate) directive: Directive,
    pub(crate) is_unverified: bool,
    pub(crate) local_override: bool,
    pub(crate) shows_effect: bool,
    pub(crate) condition_reached: bool,
}

impl Seen {
    pub(crate) fn of(gate: &Gate, now: AgentTime) -> Self {
        let world = gate.world();
        Self {
            boot_id: gate.identity().boot_id,
            state: gate.state(),
            from: gate.transition_from(),
            level: gate.fallback_level(),
            latches: gate.latches().to_vec(),
            demand: gate.demand(now).map(|(demand_id, left)| (demand_id, now.after(left))),
            outcome: gate.last_demand_outcome(),
            epoch: gate.epoch(),
            next: gate.next_epoch(),
            highest_epoch: gate.highest_epoch(),
            incarnation: gate.highest_incarnation(),
            directive: gate.directive(),
            is_unverified: gate.is_unverified(),
            local_override: world.local_override,
            shows_effect: world.condition_reached || world.progressing == Some(true),
            condition_reached: world.condition_reached,
        }
    }

    /// Returns whether a fallback acts, also under a transition out of it.
    pub(crate) fn is_falling(&self) -> bool {
        self.state == ControlState::Fallback || self.from == Some(ControlState::Fallback)
    }

    /// Returns whether something was commanded that has to show its effect.
    pub(crate) fn owes_effect(&self) -> bool {
        self.is_falling() || (self.state == ControlState::Estopped && !self.condition_reached)
    }
}

pub(crate) fn boot_id(boots: u8) -> BootId {
    BootId(Uuid::from_u128(0xb000 + u128::from(boots)))
}

/// A task of each class that is fenced in a way of its own.
const TASKS: [TaskVerb; 3] = [TaskVerb::Hazards, TaskVerb::SetMode, TaskVerb::Confirm];

fn identity(boots: u8) -> Identity {
    Identity {
        agent: AgentId::new("truck-1").expect("the id is well formed"),
        kind: AgentKind::Vehicle,
        boot_id: boot_id(boots),
        tasks: TASKS.to_vec(),
    }
}

/// Makes the gate of an agent that starts for the first time.
pub(crate) fn new_gate(world: World) -> Gate {
    let mut gate = Gate::new(identity(0), timers(), world);
    gate.handle_world(world, ORIGIN);
    drain(&mut gate);
    gate.take_record().expect("a new gate has something to write");
    gate
}

/// Takes out what the gate has to say; returns the acknowledgements, and whether it wants to report.
fn drain(gate: &mut Gate) -> (Vec<GateAck>, bool) {
    let (mut acks, mut reports) = (Vec::new(), false);
    while let Some(output) = gate.poll_output() {
        match output {
            GateOutput::Ack(ack) => acks.push(ack),
            GateOutput::Report => reports = true,
            GateOutput::Answer(_) | GateOutput::Task(_) | GateOutput::TaskOver(_) => {}
        }
    }
    (acks, reports)
}

impl State {
    pub(crate) fn is_due(&self) -> bool {
        self.gate.poll_timeout().is_some_and(|at| at <= self.now)
    }

    /// Hands one input to the gate, and checks what the timers and then the input did.
    fn feed(&mut self, event: Event, hand_over: impl FnOnce(&mut Gate, AgentTime)) {
        let now = self.now;
        let mut before = Seen::of(&self.gate, now);
        let record = self.gate.shutdown_record();
        let mut timer_acks = Vec::new();
        if self.is_due() && !matches!(event, Event::Time) {
            let mut base = self.gate.clone();
            base.handle_timeout(now);
            timer_acks = drain(&mut base).0;
            let between = Seen::of(&base, now);
            self.observe(&before, &between, Event::Time, &timer_acks);
            before = between;
        }
        hand_over(&mut self.gate, now);
        let (mut acks, reports) = drain(&mut self.gate);
        if acks.len() < timer_acks.len() || !acks.starts_with(&timer_acks) {
            self.fail(0, "an input was read before what was due was evaluated");
        }
        acks.drain(..timer_acks.len().min(acks.len()));
        let after = Seen::of(&self.gate, now);
        self.check_record(&record);
        self.observe(&before, &after, event, &acks);
        if reports {
            self.report();
        }
    }

    /// What a reboot will find is what is true now: it was written first.
    fn check_record(&mut self, before: &GateRecord) {
        let current = GateRecord { clean_shutdown: false, ..self.gate.shutdown_record() };
        let written = self.gate.take_record();
        let good = match &written {
            Some(record) => *record == current,
            None => GateRecord { clean_shutdown: false, ..before.clone() } == current,
        };
        if !good {
            self.fail(0, "something changed that was not written first");
        }
    }

    pub(crate) fn fail(&mut self, invariant: u8, why: &'static str) {
        self.broken.get_or_insert(Broken { invariant, why });
    }

    /// Writes down what happened, and checks it.
    fn observe(&mut self, before: &Seen, after: &Seen, event: Event, acks: &[GateAck]) {
        let earlier = self.history.clone();
        let accepted = matches!(event, Event::Command(index) if acks.iter().any(|ack| {
            Flaw::index_of(ack.command_id) == index && ack.state == CommandState::Accepted && ack.code.is_none()
        }));
        let verdict = invariants::check_command(self, &earlier, (before, after), event, accepted)
            .and_then(|()| self.take_acks(acks));
        self.write_down(before, after, event, accepted);
        let verdict =
            verdict.and_then(|()| invariants::check(self, &earlier, (before, after), event, accepted));
        if let Err(broken) = verdict {
            self.broken.get_or_insert(broken);
        }
        self.history.close(after, self.now);
        self.note_milestones((before, after), event, accepted, acks);
    }

    /// Invariant 7: a command is accepted at most once and ends at most once, and a copy is told the first result.
    fn take_acks(&mut self, acks: &[GateAck]) -> Result<(), Broken> {
        let broken = |why| Err(Broken { invariant: 7, why });
        for ack in acks {
            let Some(sent) = self.sent.get_mut(Flaw::index_of(ack.command_id)) else {
                return broken("a command was answered that nobody sent");
            };
            let told = sent.fate.state();
            if ack.code == Some(CommandCode::Duplicate) && told.is_some() {
                if told != Some(ack.state) {
                    return broken("a copy was told another result than the first");
                }
                continue;
            }
            sent.fate = match (sent.fate, ack.state, ack.code) {
                (Fate::Unseen, CommandState::Accepted, None) => Fate::Accepted,
                (Fate::Unseen, CommandState::Rejected | CommandState::Expired, Some(code)) => {
                    Fate::Refused(code)
                }
                (
                    Fate::Accepted,
                    CommandState::Completed | CommandState::Failed | CommandState::Superseded,
                    None,
                ) => Fate::Ended(ack.state),
                _ => return broken("a command was accepted or ended twice"),
            };
        }
        Ok(())
    }

    /// Puts what a heartbeat would say now on its way.
    pub(crate) fn report(&mut self) {
        if !matches!(self.link, Link::Welcomed(_)) {
            return;
        }
        let report = Some(self.snapshot());
        let [_, newest] = &mut self.reports;
        if *newest != report {
            let older = std::mem::replace(newest, report);
            self.reports[0] = older.filter(|_| self.overtaking);
        }
    }

    fn snapshot(&self) -> Report {
        Report {
            boot_id: self.gate.identity().boot_id,
            control_state: self.gate.state(),
            version: if self.evidence { self.gate.state_version() } else { StateVersion(0) },
            epoch: self.gate.epoch(),
            demand_id: self.gate.demand(self.now).map(|(demand_id, _)| demand_id),
            latches: self.gate.latches().to_vec(),
            condition_reached: self.gate.world().condition_reached,
        }
    }

    pub(crate) fn evaluate_timers(&mut self) {
        self.feed(Event::Time, Gate::handle_timeout);
        if self.is_due() {
            self.fail(0, "a timer that fired is due again at once");
        }
    }

    pub(crate) fn change_world(&mut self, bounds: &Bounds, world: u8) {
        self.world = world;
        let world = bounds.world(world);
        self.feed(Event::World, |gate, now| gate.handle_world(world, now));
    }

    pub(crate) fn fall_back(&mut self, level: FallbackLevel) {
        self.feed(Event::Own, |gate, now| gate.handle_minimal_risk_request(level, now));
    }

    pub(crate) fn stop_itself(&mut self) {
        self.feed(Event::Own, Gate::handle_own_stop);
    }

    /// The agent asks the one question that it has in this model.
    pub(crate) fn ask_people(&mut self) {
        let question = Question { scene_id: SCENE, options: 2, default: 0, policy: QuestionPolicy::Required };
        self.feed(Event::Question, |gate, now| {
            // Refused, it acts on the default: nothing changes.
            let _refusal = gate.handle_question(question, now);
        });
    }

    /// The agent's end of the connection breaks.
    pub(crate) fn lose_link(&mut self) {
        let was_welcomed = matches!(self.link, Link::Welcomed(_));
        self.link = Link::Down;
        if was_welcomed {
            self.feed(Event::LinkLost, Gate::handle_link_lost);
        }
    }

    pub(crate) fn connect(&mut self, m: usize) {
        let hello = Hello {
            boot_id: self.gate.identity().boot_id,
            highest_epoch: self.gate.highest_epoch(),
            latches: self.gate.latches().to_vec(),
            control_state: self.gate.state(),
        };
        self.reports = [None, None];
        self.link = Link::Greeting(m, hello);
    }

    pub(crate) fn take_welcome(&mut self, m: usize, welcome: &WelcomeMail, flaw: Flaw) {
        let seen = self.gate.highest_incarnation();
        let incarnation = flaw.incarnation(welcome.incarnation, seen);
        let event = Event::Welcome {
            restarted: welcome.incarnation > seen,
            lease_live: welcome.lease_live,
            epoch: if welcome.incarnation < seen { Epoch(0) } else { welcome.epoch },
        };
        let old = welcome.incarnation < seen;
        let event = if old { Event::Time } else { event };
        let mut taken = false;
        self.link = Link::Welcomed(m);
        self.feed(event, |gate, now| {
            let WelcomeMail { epoch, latches, lease_live, .. } = welcome;
            let (epoch, lease_live) = (*epoch, *lease_live);
            taken = gate.handle_welcome(&Welcome { incarnation, epoch, latches, lease_live }, now);
        });
        if taken {
            self.report();
            if old {
                self.fail(1, "a monitor with a lower incarnation leads");
            }
            if welcome.latches.iter().any(|latch| !self.gate.latches().contains(latch)) {
                self.fail(5, "a latch that the monitor has on record was not adopted");
            }
        } else {
            self.link = Link::Down;
            self.note_refused_monitor();
        }
    }

    pub(crate) fn take_demand(&mut self, demand: DemandMail) {
        self.feed(Event::Demand(demand), |gate, now| {
            let new = NewDemand {
                demand_id: demand.demand_id,
                origin: demand.origin,
                critical: true,
                left: timers().demand,
            };
            gate.handle_demand(new, now);
        });
    }

    pub(crate) fn take_demand_end(&mut self, end: EndMail) {
        self.feed(Event::DemandEnd, |gate, now| gate.handle_demand_end(end.demand_id, end.outcome, now));
    }

    pub(crate) fn take_grant(&mut self, grant: GrantMail, flaw: Flaw) {
        let (epoch, boot_id) = flaw.grant(&self.gate, &grant);
        self.feed(Event::Grant(grant), |gate, now| gate.handle_grant(epoch, boot_id, now));
    }

    pub(crate) fn take_void(&mut self, epoch: Epoch) {
        self.feed(Event::Void(epoch), |gate, now| gate.handle_void(epoch, now));
    }

    pub(crate) fn take_beat(&mut self, who: usize, place: usize, flaw: Flaw) {
        let Some(beat) = self.person(who).beats.get(place).copied().flatten() else { return };
        let (seq, deadline) = flaw.heartbeat(&beat, self.person(who).beat_seq);
        let beat = HolderBeat {
            epoch: beat.epoch,
            seq,
            ready: beat.ready,
            deadline,
            setpoint: beat.setpoint(),
            latency: None,
        };
        self.feed(Event::Beat { who, place }, |gate, now| gate.handle_holder(beat, now));
    }

    pub(crate) fn take_command(&mut self, index: usize, flaw: Flaw) {
        let Some(sent) = self.sent.get(index).cloned() else { return };
        let command = flaw.command(&self.gate, index, &sent);
        self.feed(Event::Command(index), |gate, now| gate.handle_command(&command, now));
    }

    /// Power off, power on. What was written is left, or not even that; and the clock starts over, so that
    /// whatever was sent before looks as if it had all the time in the world.
    pub(crate) fn reboot(&mut self, bounds: &Bounds, forgets: bool) {
        let now = self.now;
        let before = Seen::of(&self.gate, now);
        let record = GateRecord { clean_shutdown: false, ..self.gate.shutdown_record() };
        self.boots += 1;
        (self.now, self.link, self.reports) = (ORIGIN, Link::Down, [None, None]);
        let far = AgentTime::from_nanos(u64::MAX);
        let gone_at = ORIGIN.after(TTL + self.late);
        for sent in &mut self.sent {
            if sent.kind != CommandKind::Estop {
                sent.gone_at = if now >= sent.gone_at { ORIGIN } else { gone_at };
            }
            (sent.fate, sent.deadline) = (Fate::Unseen, far);
        }
        self.people.iter_mut().for_each(|person| person.beats = [None, None]);
        let world = bounds.world(self.world);
        self.gate = if forgets {
            Gate::new(identity(self.boots), timers(), world)
        } else {
            Gate::restore(identity(self.boots), timers(), world, &record)
        };
        self.gate.handle_world(world, self.now);
        let (acks, _) = drain(&mut self.gate);
        let written = self.gate.take_record();
        if written != Some(GateRecord { clean_shutdown: false, ..self.gate.shutdown_record() }) {
            self.fail(0, "something changed that was not written first");
        }
        let after = Seen::of(&self.gate, self.now);
        self.observe(&before, &after, Event::Reboot { forgets }, &acks);
    }
}
