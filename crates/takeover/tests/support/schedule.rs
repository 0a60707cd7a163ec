//! Random schedules: a monitor, two operators, a lossy network and a world, all decoded from numbers.
#![expect(
    clippy::indexing_slicing,
    clippy::verbose_bit_mask,
    clippy::decimal_bitwise_operands,
    reason = "two operators, chosen by a bit; every other choice is bits of a number too"
)]

use crate::trace::{Cmd, Entry, Input, Run, START, boot};
use std::time::Duration;
use uuid::Uuid;
use watchkeeper_model::{
    AgentKind, BootId, CommandArgs, CommandId, CommandKind, ControlState, DemandId, DemandOrigin,
    DemandOutcome, Epoch, FallbackLevel, Incarnation, Label, Latch, LatchCause, LatchId, QuestionPolicy,
    RiskClass, SceneId, Setpoint, TaskVerb,
};
use watchkeeper_takeover::{Gate, HolderBeat, NewDemand, Question, Welcome, World};

/// What travels over the network, and may be lost, doubled, late and out of order.
#[derive(Clone, Debug)]
enum Message {
    Grant(Epoch, BootId),
    Void(Epoch),
    Beat(HolderBeat),
    Command(Cmd),
}

/// One operator: the lease last granted to him, dead or alive.
#[derive(Clone, Copy, Debug, Default)]
struct Operator {
    epoch: Epoch,
    seq: u64,
    beat_seq: u64,
}

pub(crate) struct Schedule {
    run: Run,
    ids: u128,
    demands: u64,
    minted: Epoch,
    incarnation: Incarnation,
    operators: [Operator; 2],
    in_flight: Vec<Message>,
    last_command: Option<Cmd>,
}

/// Plays a schedule, one number a step, then stops the agent and lets it stand, so that everything can end.
pub(crate) fn play(numbers: &[u64]) -> Vec<Entry> {
    let kind = match numbers.first() {
        Some(number) if number & 0x80 != 0 => AgentKind::Generic,
        Some(_) | None => AgentKind::Vehicle,
    };
    let mut schedule = Schedule {
        run: Run::new(kind),
        ids: 0,
        demands: 0,
        minted: Epoch(0),
        incarnation: Incarnation(1),
        operators: [Operator::default(); 2],
        in_flight: Vec::new(),
        last_command: None,
    };
    schedule.welcome(&[], true);
    for number in numbers {
        schedule.step(*number);
    }
    let stop = schedule.command(0, CommandKind::Estop);
    schedule.deliver(&Message::Command(stop));
    schedule.run.end();
    schedule.run.trace
}

impl Schedule {
    fn step(&mut self, number: u64) {
        let [_, choice, detail, fate, ..] = number.to_le_bytes();
        let who = usize::from(detail >> 7);
        let millis = number >> 40 & 0x3fff;
        match choice % 80 {
            0..=7 => self.run.advance(millis % 300),
            8 => self.run.advance(millis),
            9..=14 => self.beats(who, detail & 7 != 0, fate),
            15..=17 => self.drive(who, detail, fate),
            18..=20 => self.change_world(detail),
            21..=23 => self.demand(detail),
            24 => self.end_demand(detail),
            25..=28 => self.claim(who, fate),
            29 => self.post(Message::Void(self.operators[who].epoch), fate),
            30..=33 => self.act(who, CommandKind::Engage, detail, fate),
            34..=37 => self.act(who, CommandKind::Assume, detail, fate),
            38 | 39 => self.act(who, CommandKind::HandBack, detail, fate),
            40 if detail & 1 == 0 => self.act(who, CommandKind::Task(TaskVerb::SetMode), detail, fate),
            40 => self.act(who, CommandKind::Resume, detail, fate),
            41 => self.act(who, CommandKind::Hold, detail, fate),
            42 if detail & 4 == 0 => self.act(who, CommandKind::Task(TaskVerb::Hazards), detail, fate),
            42 => self.act(who, CommandKind::SpeedCap, detail, fate),
            43 if detail & 1 == 0 => self.act(who, CommandKind::Release, detail, fate),
            43 => self.act(who, CommandKind::Dismiss, detail, fate),
            44 => self.act(who, CommandKind::MinimalRisk, detail, fate),
            45 if detail & 1 == 0 => self.act(who, CommandKind::Estop, detail, fate),
            46..=49 => self.act(who, CommandKind::ClearLatch, detail, fate),
            50 => self.welcome_somehow(detail),
            51 => self.run.input(Input::Link, Gate::handle_link_lost),
            64 => self.ask(detail),
            65 if detail & 4 == 0 => self.act(who, CommandKind::Task(TaskVerb::Confirm), detail, fate),
            65 => self.act(who, CommandKind::Decide, detail, fate),
            66 if detail & 3 == 0 => self.act(who, CommandKind::Suspend, detail, fate),
            66 => self.act(who, CommandKind::Reinstate, detail, fate),
            52 if detail & 3 == 0 => self.own_request(detail),
            53 if detail & 7 == 0 => {
                self.run.reboot();
                self.welcome(&[], false);
            }
            54..=57 => self.deliver_late(usize::from(fate)),
            58..=62 => self.repeat_wrongly(detail),
            63 => {
                if !self.run.report_task(detail) {
                    self.run.advance(50);
                }
            }
            _ => self.go_on(detail, fate),
        }
    }

    /// Whatever leads on from here when nothing goes wrong, so that schedules get everywhere.
    fn go_on(&mut self, detail: u8, fate: u8) {
        let live = self.run.gate.epoch();
        let holder = self.operators.iter().position(|operator| operator.epoch == live).unwrap_or(0);
        match self.run.gate.state() {
            ControlState::Autonomous | ControlState::AssistPending => self.demand(detail | 128),
            ControlState::Requested => self.claim(holder, fate),
            ControlState::Fallback if detail & 7 == 3 => {
                // A vehicle that does not slow down, whatever it is told.
                self.run.set_world(World { progressing: Some(false), ..START });
                self.run.advance(800);
            }
            ControlState::Fallback | ControlState::FallbackFailed | ControlState::SafeHeld
                if live == Epoch(0) =>
            {
                self.claim(holder, fate);
            }
            ControlState::FallbackFailed if detail & 1 == 0 => {
                self.run.set_world(World { standstill: true, condition_reached: true, ..START });
            }
            ControlState::Claimed
            | ControlState::Fallback
            | ControlState::FallbackFailed
            | ControlState::SafeHeld => {
                self.beats(holder, true, fate);
                self.act(holder, CommandKind::Engage, detail, fate);
            }
            ControlState::InTransition => {
                self.act(holder, CommandKind::Assume, detail, fate);
                self.beats(holder, true, fate);
            }
            ControlState::Human | ControlState::Returning if self.run.gate.next_epoch().is_some() => {
                self.beats(1 - holder, true, fate);
                self.act(1 - holder, CommandKind::Engage, 0, fate);
            }
            ControlState::Human if detail & 7 == 0 => self.claim(1 - holder, fate),
            ControlState::Human if detail & 7 == 2 => self.drive(holder, detail | 0x7c, fate),
            ControlState::Human if detail & 1 == 0 => self.beats(holder, true, fate),
            ControlState::Human => {
                self.run.set_world(World { stable: detail & 2 == 0, ..START });
                self.act(holder, CommandKind::HandBack, detail, fate);
            }
            ControlState::Returning => self.run.set_world(World { can_resume: detail & 3 != 0, ..START }),
            ControlState::Estopped => {
                self.run.set_world(World { standstill: true, condition_reached: true, ..START });
                self.act(holder, CommandKind::ClearLatch, detail, fate);
            }
            ControlState::Local => self.run.set_world(World { standstill: detail & 1 == 0, ..START }),
            ControlState::OutOfService => self.act(holder, CommandKind::Reinstate, detail, fate),
        }
    }

    fn ask(&mut self, detail: u8) {
        self.ids += 1;
        let scene_id = SceneId(u64::try_from(self.ids).expect("a schedule makes few ids"));
        let policy = if detail & 1 == 0 { QuestionPolicy::Optional } else { QuestionPolicy::Required };
        let question = Question { scene_id, options: 3, default: 2, policy };
        // Refused where the agent does not act by itself.
        self.run.input(Input::Own, |gate, now| {
            gate.handle_question(question, now).unwrap_or_default();
        });
    }

    /// Several heartbeats in a row, so that schedules get far.
    fn beats(&mut self, who: usize, ready: bool, fate: u8) {
        for _ in 0..=fate % 4 {
            self.run.advance(100);
            self.beat(who, ready, None, fate);
        }
    }

    fn beat(&mut self, who: usize, ready: bool, setpoint: Option<Setpoint>, fate: u8) {
        let operator = &mut self.operators[who];
        operator.beat_seq += 1;
        let deadline = self.run.now.after(Duration::from_millis(300));
        let (epoch, seq) = (operator.epoch, operator.beat_seq);
        let beat = HolderBeat { epoch, seq, ready, deadline, setpoint, latency: None };
        self.post(Message::Beat(beat), fate);
    }

    /// Hands on the controls for a while; now and then hands that make no sense, or nobody behind them.
    fn drive(&mut self, who: usize, detail: u8, fate: u8) {
        for step in 0..=fate % 4 {
            self.run.advance(50 + 30 * u64::from(detail & 3));
            let accelerate = f64::from(detail) / 128.0 - 1.0;
            let steer = if detail & 0x7c == 0 { f64::NAN } else { f64::from(step) / 4.0 };
            self.beat(who, detail & 0x1c != 4, Some(Setpoint { steer, accelerate }), fate);
        }
    }

    fn change_world(&mut self, detail: u8) {
        let world = match detail & 7 {
            0..=2 => START,
            3 | 4 => World { standstill: true, condition_reached: true, ..START },
            5 => World { standstill: true, progressing: None, stable: false, ..START },
            6 => World { progressing: Some(false), can_resume: detail & 8 == 0, ..START },
            _ => World { local_override: detail & 24 != 24, standstill: true, ..START },
        };
        self.run.set_world(world);
    }

    fn demand(&mut self, detail: u8) {
        // Now and then the same demand comes twice.
        self.demands += u64::from(detail & 3 != 0 || self.demands == 0);
        let origin = if detail & 4 == 0 { DemandOrigin::Operator } else { DemandOrigin::Monitor };
        let left = Duration::from_millis(500 * u64::from(detail >> 3));
        let demand_id = DemandId(self.demands);
        let new = NewDemand { demand_id, origin, critical: detail & 2 == 0, left };
        self.run.input(Input::Demand(left), |gate, now| gate.handle_demand(new, now));
    }

    fn end_demand(&mut self, detail: u8) {
        let demand_id = DemandId(self.demands);
        let outcome = if detail & 1 == 0 { DemandOutcome::SelfCleared } else { DemandOutcome::Cancelled };
        self.run.input(Input::DemandEnd, |gate, now| gate.handle_demand_end(demand_id, outcome, now));
    }

    /// The monitor grants to either operator, sometimes while the other still believes in his lease.
    fn claim(&mut self, who: usize, fate: u8) {
        self.operators[who] = Operator { epoch: self.mint(), ..Operator::default() };
        self.post(Message::Grant(self.operators[who].epoch, boot(self.run.boots)), fate);
        self.beats(who, true, fate | 7);
    }

    fn mint(&mut self) -> Epoch {
        self.minted = self.minted.max(self.run.gate.highest_epoch()).next();
        self.minted
    }

    fn command(&mut self, who: usize, kind: CommandKind) -> Cmd {
        self.ids += 1;
        self.operators[who].seq += 1;
        Cmd {
            command_id: CommandId(Uuid::from_u128(self.ids)),
            boot_id: boot(self.run.boots),
            kind,
            args: CommandArgs::default(),
            epoch: self.operators[who].epoch,
            seq: self.operators[who].seq,
            deadline: self.run.now.after(Duration::from_millis(400)),
        }
    }

    fn act(&mut self, who: usize, kind: CommandKind, detail: u8, fate: u8) {
        let mut command = self.command(who, kind);
        match kind {
            CommandKind::Engage if detail & 7 != 0 => {
                command.args.latches = self.run.gate.latches().iter().map(|latch| latch.latch_id).collect();
            }
            CommandKind::MinimalRisk => command.args.level = FallbackLevel::new(detail & 3).ok(),
            CommandKind::SpeedCap => command.args.speed_mps = Some(f64::from(detail)),
            CommandKind::Hold if detail & 3 == 0 => command.epoch = Epoch(0),
            CommandKind::Decide => {
                let open = self.run.gate.questions(self.run.now).next();
                command.args.scene_id = open.map(|(question, _)| question.scene_id);
                command.args.option = Some(detail & 3);
                command.epoch = self.mint();
            }
            CommandKind::Suspend | CommandKind::Reinstate => command.epoch = self.mint(),
            CommandKind::Task(verb) => {
                command.args.target = (detail & 24 != 24).then(|| Label::cut("x"));
                if verb.has_own_epoch() {
                    command.epoch = self.mint();
                } else if verb.risk() == RiskClass::Safer && detail & 3 == 0 {
                    command.epoch = Epoch(0);
                }
            }
            CommandKind::ClearLatch => {
                let latches = self.run.gate.latches();
                let weight = |latch: &&Latch| (latch.cause == LatchCause::Estop, latch.latch_id);
                let latch = latches.iter().max_by_key(weight).map(|latch| latch.latch_id);
                command.args.latch_id = if detail & 7 == 0 { Some(LatchId(4)) } else { latch };
                command.epoch = self.mint();
            }
            CommandKind::Estop
            | CommandKind::Hold
            | CommandKind::Resume
            | CommandKind::Engage
            | CommandKind::Assume
            | CommandKind::Release
            | CommandKind::HandBack
            | CommandKind::Dismiss => {}
        }
        self.last_command = Some(command.clone());
        self.post(Message::Command(command), fate);
    }

    /// A command as a faulty or hostile sender would send it: one thing is wrong.
    fn repeat_wrongly(&mut self, detail: u8) {
        let Some(mut command) = self.last_command.clone() else { return };
        self.ids += 1;
        let first = std::mem::replace(&mut command.command_id, CommandId(Uuid::from_u128(self.ids)));
        command.deadline = self.run.now.after(Duration::from_millis(400));
        match detail & 7 {
            0 => command.deadline = self.run.now,
            1 => command.boot_id = boot(self.run.boots + 99),
            2 => command.epoch = Epoch(command.epoch.0.saturating_sub(1)),
            3 => command.epoch = self.run.gate.highest_epoch().next(),
            4 => command.command_id = first,
            // The same sequence again, under a new id.
            _ => {}
        }
        self.deliver(&Message::Command(command));
    }

    fn post(&mut self, message: Message, fate: u8) {
        match fate >> 3 & 15 {
            0 => {}
            1 => self.in_flight.push(message),
            2 => {
                self.deliver(&message);
                self.in_flight.push(message);
            }
            _ => self.deliver(&message),
        }
    }

    fn deliver_late(&mut self, index: usize) {
        if self.in_flight.is_empty() {
            return;
        }
        let message = self.in_flight.swap_remove(index % self.in_flight.len());
        self.deliver(&message);
    }

    fn deliver(&mut self, message: &Message) {
        match message {
            Message::Grant(epoch, boot_id) => {
                self.run.input(Input::Grant(*epoch), |gate, now| gate.handle_grant(*epoch, *boot_id, now));
            }
            Message::Void(epoch) => self.run.input(Input::Void, |gate, now| gate.handle_void(*epoch, now)),
            Message::Beat(beat) => {
                self.run.input(Input::Beat(*beat), |gate, now| gate.handle_holder(*beat, now));
            }
            Message::Command(command) => {
                self.run.input(Input::Command(command.clone()), |gate, now| command.hand_to(gate, now));
            }
        }
    }

    fn welcome_somehow(&mut self, detail: u8) {
        self.incarnation = Incarnation(self.incarnation.0 + u64::from(detail & 7 == 0));
        let cause = if detail & 64 == 0 { LatchCause::Fallback } else { LatchCause::Estop };
        let latch = Latch { latch_id: LatchId(u64::from(detail)), cause };
        let latches: &[Latch] = if detail & 24 == 0 { &[latch] } else { &[] };
        self.welcome(latches, detail & 6 != 0);
    }

    fn welcome(&mut self, latches: &[Latch], lease_live: bool) {
        let welcome = Welcome { incarnation: self.incarnation, epoch: self.minted, latches, lease_live };
        self.run.input(Input::Link, |gate, now| {
            assert!(gate.handle_welcome(&welcome, now), "the incarnation never falls");
        });
    }

    fn own_request(&mut self, detail: u8) {
        let level = FallbackLevel::new(detail >> 3 & 3).expect("two bits are 0 to 3");
        if detail & 64 == 0 {
            self.run.input(Input::Own, |gate, now| gate.handle_minimal_risk_request(level, now));
        } else {
            self.run.input(Input::Own, Gate::handle_own_stop);
        }
    }
}

/// Every state that a trace passes through.
pub(crate) fn states(trace: &[Entry]) -> impl Iterator<Item = ControlState> {
    trace.iter().map(|entry| entry.after.state)
}
