//! Frames of the monitor, or of somebody in its place, into a gate that lives on between them.
//!
//! An input is a row of steps: frames as they came, commands that are set right enough to get far, time, the world
//! and the agent's own wishes. What the gate then does is held to the same invariants as in its own tests.

use crate::{
    invariants::check,
    trace::{Cmd, Input, Run, TASKS, boot},
};
use std::{collections::BTreeSet, time::Duration};
use uuid::Uuid;
use watchkeeper_model::{
    AgentKind, CommandArgs, CommandId, CommandKind, ControlState, DemandId, DemandOrigin, Epoch,
    FallbackLevel, Incarnation, Label, LatchCause, PersonId, QuestionPolicy, SceneId, SessionId, Setpoint,
    StateVersion,
};
use watchkeeper_protocol::{
    OperatorMessage, ToAgent, Wire,
    agent::{Command, Grant, HolderHeartbeat},
};
use watchkeeper_takeover::{Gate, GateCommand, HolderBeat, NewDemand, Question, Welcome, World};

/// Fewer than the commands that a gate remembers, so that a copy is always known as one.
const MAX_STEPS: usize = 100;
/// Plays the steps in `input`, then stops the agent, lets it stand, and looks at all that happened.
pub(crate) fn run(input: &[u8]) {
    let mut bytes = Bytes(input);
    let Some(first) = bytes.byte() else { return };
    let mut scene = Scene::new(first);
    for _ in 0..MAX_STEPS {
        if scene.step(&mut bytes).is_none() {
            break;
        }
    }
    scene.finish();
    if let Err(why) = check(&scene.run.trace) {
        panic!("{why}");
    }
}

/// What of an input is left.
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn short(&mut self) -> Option<u16> {
        Some(u16::from_be_bytes([self.byte()?, self.byte()?]))
    }

    /// As many bytes as the next two say, or all there are.
    fn frame(&mut self) -> Option<&'a [u8]> {
        let length = usize::from(self.short()?).min(self.0.len());
        let (frame, rest) = self.0.split_at(length);
        self.0 = rest;
        Some(frame)
    }
}

struct Scene {
    run: Run,
    ids: u128,
    seq: u64,
    beat_seq: u64,
    incarnation: Incarnation,
    last: Option<Command>,
    /// What this boot, and what earlier ones, have seen: nobody gives a command of an earlier boot a new boot's id.
    seen: BTreeSet<CommandId>,
    seen_before: BTreeSet<CommandId>,
}

impl Scene {
    fn new(first: u8) -> Self {
        let kind = if first & 1 == 0 { AgentKind::Vehicle } else { AgentKind::Generic };
        let mut run = Run::new(kind);
        run.gate.set_top_speed((first & 2 != 0).then_some(14.0));
        let mut scene = Self {
            run,
            ids: 1 << 100,
            seq: 0,
            beat_seq: 0,
            incarnation: Incarnation(1),
            last: None,
            seen: BTreeSet::new(),
            seen_before: BTreeSet::new(),
        };
        if first & 4 == 0 {
            scene.welcome(true);
        }
        scene
    }

    fn step(&mut self, bytes: &mut Bytes<'_>) -> Option<()> {
        match bytes.byte()? % 16 {
            0 => {
                let millis = bytes.short()? & 0x3fff;
                self.run.advance(millis.into());
            }
            1 => self.run.set_world(world(bytes.byte()?)),
            2 => self.take_frame(bytes.frame()?),
            3 => {
                let how = bytes.byte()?;
                if let Ok(OperatorMessage::Command(request)) = OperatorMessage::decode(bytes.frame()?) {
                    let mut command = self.command(request.kind);
                    (command.command_id, command.args) = (request.command_id, request.args);
                    self.set_right(&mut command, how);
                    self.forward(command);
                }
            }
            4..=6 => {
                let (verb, how, detail) = (bytes.byte()?, bytes.byte()?, bytes.byte()?);
                let mut command = self.command(verb_of(verb));
                self.fill_in(&mut command.args, detail);
                self.set_right(&mut command, how);
                self.forward(command);
            }
            7 => self.grant(bytes.byte()?),
            8 | 9 => self.beat(bytes.byte()?),
            10 => self.wish(bytes.byte()?),
            11 => self.run.input(Input::Link, Gate::handle_link_lost),
            12 => {
                let how = bytes.byte()?;
                self.incarnation = Incarnation(self.incarnation.0 + u64::from(how & 7 == 7));
                self.welcome(how & 8 == 0);
            }
            13 => {
                let how = bytes.byte()?;
                self.seen_before.append(&mut self.seen);
                self.run.reboot();
                if how & 1 == 0 {
                    self.welcome(false);
                }
            }
            14 => {
                self.run.report_task(bytes.byte()?);
            }
            _ => self.repeat(bytes.byte()?),
        }
        Some(())
    }

    /// A frame as it came; what it says is done as an agent does it that has been welcomed.
    fn take_frame(&mut self, frame: &[u8]) {
        let Ok(message) = ToAgent::decode(frame) else { return };
        match message {
            ToAgent::Welcome(welcome) => {
                let before = (self.run.gate.state(), self.run.gate.highest_incarnation());
                let mut leads = false;
                self.run.input(Input::Link, |gate, now| {
                    leads = gate.handle_welcome(
                        &Welcome {
                            incarnation: welcome.incarnation,
                            epoch: welcome.epoch,
                            latches: &welcome.latches,
                            lease_live: welcome.lease_live,
                        },
                        now,
                    );
                });
                assert_eq!(
                    leads,
                    welcome.incarnation >= before.1,
                    "an older monitor leads, or a newer does not"
                );
                self.incarnation = self.incarnation.max(welcome.incarnation);
            }
            ToAgent::Demand(demand) => {
                self.demand(NewDemand {
                    demand_id: demand.demand_id,
                    origin: demand.origin,
                    critical: demand.critical,
                    left: Duration::from_nanos(demand.left_nanos),
                });
            }
            ToAgent::DemandEnd(end) => self.run.input(Input::DemandEnd, |gate, now| {
                gate.handle_demand_end(end.demand_id, end.outcome, now);
            }),
            ToAgent::Grant(grant) => self.run.input(Input::Grant(grant.epoch), |gate, now| {
                gate.handle_grant(grant.epoch, grant.boot_id, now);
            }),
            ToAgent::Void(void) => self.run.input(Input::Void, |gate, now| gate.handle_void(void.epoch, now)),
            ToAgent::Holder(beat) => self.hold(&beat),
            ToAgent::Command(command) => self.obey(command),
            ToAgent::Durable(_)
            | ToAgent::Ping(_)
            | ToAgent::Head(_)
            | ToAgent::Error(_)
            | ToAgent::Probe(_) => {}
        }
    }

    fn command(&mut self, kind: CommandKind) -> Command {
        self.ids += 1;
        self.seq += 1;
        Command {
            command_id: CommandId(Uuid::from_u128(self.ids)),
            boot_id: boot(self.run.boots),
            kind,
            args: CommandArgs::default(),
            epoch: self.run.gate.epoch(),
            seq: self.seq,
            deadline: self.run.now.after(Duration::from_millis(400)),
            issued_by: PersonId::new("ada").expect("a name"),
            evidence_version: None,
            expect_state: None,
        }
    }

    /// Gives a command the epoch it needs, or one that is wrong.
    fn set_right(&mut self, command: &mut Command, how: u8) {
        match how & 7 {
            0 => command.epoch = Epoch(0),
            1 => command.epoch = self.run.gate.next_epoch().unwrap_or(command.epoch),
            2 => command.epoch = Epoch(command.epoch.0.saturating_sub(1)),
            _ if command.kind.has_own_epoch() => command.epoch = self.run.gate.highest_epoch().next(),
            _ => {}
        }
        match how >> 3 & 15 {
            0 => command.deadline = self.run.now,
            1 => command.boot_id = boot(self.run.boots + 99),
            2 => command.seq = 1,
            3 => command.evidence_version = Some(self.run.gate.state_version()),
            4 => command.evidence_version = Some(StateVersion(1)),
            5 => command.expect_state = Some(self.run.gate.state()),
            6 => command.expect_state = Some(ControlState::Human),
            _ => {}
        }
    }

    fn fill_in(&mut self, args: &mut CommandArgs, detail: u8) {
        if detail & 1 == 0 {
            args.latches = self.run.gate.latches().iter().map(|latch| latch.latch_id).collect();
        }
        let latest = self
            .run
            .gate
            .latches()
            .iter()
            .max_by_key(|latch| (latch.cause == LatchCause::Estop, latch.latch_id));
        args.latch_id = latest.map(|latch| latch.latch_id);
        args.level = FallbackLevel::new(detail >> 1 & 3).ok();
        args.speed_mps = Some(f64::from(detail) / 8.0);
        args.scene_id = self.run.gate.questions(self.run.now).next().map(|(question, _)| question.scene_id);
        args.option = Some(detail >> 3 & 3);
        args.target = (detail & 32 == 0).then(|| Label::cut("x"));
    }

    /// Sends a command as the monitor does: what the agent reads is what was sent.
    fn forward(&mut self, command: Command) {
        let sent = ToAgent::Command(command);
        let read = ToAgent::decode(&sent.encode()).expect("what was written can be read");
        assert_eq!(read, sent, "a command changes on its way");
        if let ToAgent::Command(command) = read {
            self.obey(command);
        }
    }

    fn obey(&mut self, command: Command) {
        if command.boot_id == boot(self.run.boots) && self.seen_before.contains(&command.command_id) {
            return;
        }
        self.seen.insert(command.command_id);
        let seen = Cmd {
            command_id: command.command_id,
            boot_id: command.boot_id,
            kind: command.kind,
            args: command.args.clone(),
            epoch: command.epoch,
            seq: command.seq,
            deadline: command.deadline,
        };
        self.run.input(Input::Command(seen), |gate, now| {
            let command = GateCommand {
                command_id: command.command_id,
                boot_id: command.boot_id,
                kind: command.kind,
                args: &command.args,
                epoch: command.epoch,
                seq: command.seq,
                deadline: command.deadline,
                evidence_version: command.evidence_version,
                expect_state: command.expect_state,
            };
            gate.handle_command(&command, now);
        });
        self.last = Some(command);
    }

    /// The last command once more, under its own id or a new one.
    fn repeat(&mut self, how: u8) {
        let Some(mut command) = self.last.clone() else { return };
        if how & 128 == 0 {
            self.ids += 1;
            command.command_id = CommandId(Uuid::from_u128(self.ids));
        }
        command.deadline = self.run.now.after(Duration::from_millis(400));
        self.set_right(&mut command, how);
        self.forward(command);
    }

    fn grant(&mut self, how: u8) {
        let highest = self.run.gate.highest_epoch();
        let epoch = if how & 7 == 7 { highest } else { highest.next() };
        let boot_id = boot(self.run.boots + u128::from(how & 0x18 == 0x18));
        let holder = PersonId::new("ada").expect("a name");
        (self.seq, self.beat_seq) = (0, 0);
        let grant = Grant { epoch, holder, holder_session: SessionId(1), boot_id };
        self.take_frame(&ToAgent::Grant(grant).encode());
        self.beat(how >> 5 | 8);
    }

    /// A heartbeat of the holder or of who is next, with hands on the controls or without.
    fn beat(&mut self, how: u8) {
        self.beat_seq += 1;
        let next = self.run.gate.next_epoch().filter(|_| how & 1 != 0);
        let hands = Setpoint { steer: f64::from(how) / 256.0, accelerate: -0.5 };
        let beat = HolderHeartbeat {
            epoch: next.unwrap_or(self.run.gate.epoch()),
            seq: self.beat_seq,
            ready: how & 6 != 6,
            deadline: self.run.now.after(Duration::from_millis(if how & 16 == 0 { 300 } else { 0 })),
            setpoint: (how & 32 != 0).then_some(hands),
            latency_nanos: (how & 64 != 0).then_some(u64::from(how >> 1) * 8_000_000),
        };
        self.take_frame(&ToAgent::Holder(beat).encode());
    }

    fn hold(&mut self, beat: &HolderHeartbeat) {
        let beat = HolderBeat {
            epoch: beat.epoch,
            seq: beat.seq,
            ready: beat.ready,
            deadline: beat.deadline,
            setpoint: beat.setpoint,
            latency: beat.latency_nanos.map(Duration::from_nanos),
        };
        self.run.input(Input::Beat(beat), |gate, now| gate.handle_holder(beat, now));
    }

    /// A monitor gives no number twice: no demand that is over comes again.
    fn demand(&mut self, new: NewDemand) {
        let mut outcomes = self.run.trace.iter().filter_map(|entry| entry.after.outcome);
        if outcomes.all(|(over, _)| over != new.demand_id) {
            self.run.input(Input::Demand(new.left), |gate, now| gate.handle_demand(new, now));
        }
    }

    /// What the agent itself, or a monitor that does it no harm, comes up with.
    fn wish(&mut self, how: u8) {
        match how % 8 {
            0 => self.run.input(Input::Own, Gate::handle_own_stop),
            1 | 2 => {
                let level = FallbackLevel::new(how >> 3 & 3).expect("two bits are 0 to 3");
                self.run.input(Input::Own, |gate, now| gate.handle_minimal_risk_request(level, now));
            }
            3 | 4 => {
                self.ids += 1;
                let policy = if how & 8 == 0 { QuestionPolicy::Optional } else { QuestionPolicy::Required };
                let scene_id = SceneId(u64::from(how >> 4));
                let question = Question { scene_id, options: how >> 5, default: 1, policy };
                // Refused where the agent does not act by itself.
                self.run
                    .input(Input::Own, |gate, now| gate.handle_question(question, now).unwrap_or_default());
            }
            _ => {
                self.ids += 1;
                let left = Duration::from_millis(700 * u64::from(how >> 4));
                let origin = if how & 8 == 0 { DemandOrigin::Operator } else { DemandOrigin::Monitor };
                let demand_id = DemandId(u64::try_from(self.ids & 0xffff_ffff).expect("32 bits"));
                self.demand(NewDemand { demand_id, origin, critical: how % 8 == 7, left });
            }
        }
    }

    fn welcome(&mut self, lease_live: bool) {
        let welcome = Welcome { incarnation: self.incarnation, epoch: Epoch(0), latches: &[], lease_live };
        self.run.input(Input::Link, |gate, now| {
            assert!(gate.handle_welcome(&welcome, now), "the incarnation never falls");
        });
    }

    /// Stops the agent and lets it stand, so that everything ends.
    fn finish(&mut self) {
        let stop = self.command(CommandKind::Estop);
        self.forward(stop);
        self.run.end();
    }
}

fn world(bits: u8) -> World {
    let is = |bit: u8| bits >> bit & 1 == 1;
    World {
        standstill: is(0),
        stable: !is(1),
        progressing: [Some(true), Some(true), Some(false), None]
            .get(usize::from(bits >> 2 & 3))
            .copied()
            .flatten(),
        condition_reached: is(4),
        can_resume: !is(5),
        local_override: bits >> 6 == 3,
    }
}

fn verb_of(byte: u8) -> CommandKind {
    let tasks = TASKS.map(CommandKind::Task);
    let verbs = CommandKind::ALL.iter().chain(&tasks);
    let count = CommandKind::ALL.len() + tasks.len();
    verbs.copied().nth(usize::from(byte) % count).expect("the count is theirs")
}
