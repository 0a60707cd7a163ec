//! What surrounds a lease book and a gate: two consoles, a monitor's hands, a network that loses, doubles and delays,
//! and a world. It turns a random choice into inputs, and asks the reference what must come of each.
#![expect(clippy::indexing_slicing, reason = "there are two consoles")]

use crate::{
    rig::{DRIVING, STANDING},
    scene::{Control, Demand, End, Input, Scene},
    trace::{Cmd, boot},
};
use uuid::Uuid;
use watchkeeper_model::{
    AgentKind, AgentTime, CommandArgs, CommandId, CommandKind, DemandId, Epoch, Incarnation, Latch,
    LatchCause, LatchId,
};
use watchkeeper_takeover::{HolderBeat, World};

/// Most messages that are on their way late; the oldest one is lost.
const MAX_LATE: usize = 8;
/// The monitor's own latches have ids from here on.
const MONITORS_LATCHES: u64 = 1 << 63;

/// One random choice.
#[derive(Clone, Debug)]
pub(crate) struct Choice {
    /// How long nothing happened before, not even a timer of the agent.
    pub(crate) delay_ticks: u32,
    pub(crate) act: Act,
    pub(crate) fate: Fate,
}

/// What becomes of a message.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fate {
    Arrives,
    ComesLate,
    ComesTwice,
    IsLost,
}

/// What is wrong with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    Nothing,
    OldEpoch,
    NewEpoch,
    NoEpoch,
    OtherBoot,
    PastDeadline,
    OldSequence,
    UsedId,
    WrongLatches,
}

#[derive(Clone, Debug)]
pub(crate) enum Act {
    /// Only time passes.
    Wait,
    /// Both consoles send heartbeats, everybody is ready.
    Keep {
        beats: u8,
    },
    Beat {
        who: usize,
        is_ready: bool,
        fault: Fault,
    },
    Claim {
        who: usize,
        fault: Fault,
    },
    EndLease,
    Switch,
    Order {
        who: usize,
        kind: CommandKind,
        fault: Fault,
    },
    /// A late message arrives.
    Late {
        index: usize,
    },
    Demand {
        is_wish: bool,
        left_ticks: u32,
        is_copy: bool,
    },
    EndDemand {
        is_cancelled: bool,
    },
    World(World),
    LoseLink,
    Welcome {
        restarts: bool,
        keeps_lease: bool,
        latch: Option<LatchCause>,
    },
    Own,
    Reboot {
        is_clean: bool,
    },
    /// Whatever leads on from here when nothing goes wrong, so that schedules get everywhere.
    GoOn {
        dice: u8,
    },
}

/// What one choice led to, and what the reference says must come of it.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub(crate) now: AgentTime,
    pub(crate) input: Input,
    pub(crate) is_accepted: bool,
}

/// What one console believes of its seat.
#[derive(Clone, Copy, Debug, Default)]
struct Belief {
    epoch: Epoch,
    seq: u64,
    beat_seq: u64,
}

#[derive(Clone, Debug)]
pub(crate) struct Consoles {
    pub(crate) control: Control,
    pub(crate) scene: Scene,
    /// What the last choice led to.
    pub(crate) steps: Vec<Step>,
    beliefs: [Belief; 2],
    late: Vec<Input>,
    ids: u128,
    demands: u64,
    latches: u64,
    incarnation: u64,
}

impl Consoles {
    pub(crate) fn new(kind: AgentKind) -> Self {
        let scene = Scene::new(kind);
        let mut consoles = Self {
            control: Control::new(scene.boot_id),
            scene,
            steps: Vec::new(),
            beliefs: [Belief::default(); 2],
            late: Vec::new(),
            ids: 0,
            demands: 0,
            latches: MONITORS_LATCHES,
            incarnation: 1,
        };
        consoles.welcome(false, Vec::new());
        consoles
    }

    /// Plays one choice; [`Self::steps`] then says what it led to.
    pub(crate) fn play(&mut self, choice: &Choice) {
        self.steps.clear();
        self.wait(choice.delay_ticks);
        self.act(&choice.act, choice.fate);
        self.deliver(Input::Time);
    }

    fn act(&mut self, act: &Act, fate: Fate) {
        match *act {
            Act::Wait => {}
            Act::Keep { beats } => self.keep(beats),
            Act::Beat { who, is_ready, fault } => self.beat(who, is_ready, fault, fate),
            Act::Claim { who, fault } => self.claim(who, fault, fate),
            Act::EndLease => self.end_lease(fate),
            Act::Switch => self.deliver(Input::Switch),
            Act::Order { who, kind, fault } => self.order(who, kind, fault, fate),
            Act::Late { index } => self.deliver_late(index),
            Act::Demand { is_wish, left_ticks, is_copy } => self.demand(is_wish, left_ticks, is_copy),
            Act::EndDemand { is_cancelled } => {
                self.deliver(Input::DemandEnd(End { id: DemandId(self.demands), is_cancelled }));
            }
            Act::World(world) => self.set_world(world),
            Act::LoseLink => self.deliver(Input::LinkLost),
            Act::Welcome { restarts, keeps_lease, latch } => {
                if restarts {
                    self.incarnation += 1;
                    self.deliver(Input::End);
                }
                let latch = latch.map(|cause| self.latch(cause));
                self.welcome(restarts || !keeps_lease, latch.into_iter().collect());
            }
            Act::Own => self.deliver(Input::Own),
            Act::Reboot { is_clean } => {
                self.deliver(Input::Reboot { is_clean });
                self.welcome(false, Vec::new());
            }
            Act::GoOn { dice } => self.go_on(dice, fate),
        }
    }

    fn wait(&mut self, ticks: u32) {
        self.scene.now = self.scene.now.after(self.scene.ticks(ticks));
    }

    /// Hands an input to the reference, after everything that was due.
    fn deliver(&mut self, input: Input) {
        while self.control.settle(&self.scene) {}
        self.scene.take(&input);
        let is_accepted = self.control.handle(&input, &self.scene);
        while self.control.settle(&self.scene) {}
        self.steps.push(Step { now: self.scene.now, input, is_accepted });
    }

    fn post(&mut self, message: Input, fate: Fate) {
        if matches!(fate, Fate::Arrives | Fate::ComesTwice) {
            self.deliver(message.clone());
        }
        if matches!(fate, Fate::ComesLate | Fate::ComesTwice) {
            if self.late.len() == MAX_LATE {
                self.late.remove(0);
            }
            self.late.push(message);
        }
    }

    fn deliver_late(&mut self, index: usize) {
        if !self.late.is_empty() {
            let message = self.late.swap_remove(index % self.late.len());
            self.deliver(message);
        }
    }

    fn keep(&mut self, beats: u8) {
        for _ in 0..beats {
            self.wait(2);
            self.beat(0, true, Fault::Nothing, Fate::Arrives);
            self.beat(1, true, Fault::Nothing, Fate::Arrives);
        }
    }

    fn beat(&mut self, who: usize, is_ready: bool, fault: Fault, fate: Fate) {
        let belief = &mut self.beliefs[who];
        belief.beat_seq += u64::from(fault != Fault::OldSequence);
        let mut beat = HolderBeat {
            epoch: belief.epoch,
            seq: belief.beat_seq,
            ready: is_ready,
            deadline: self.scene.now.after(self.scene.ticks(5)),
            setpoint: None,
            latency: None,
        };
        match fault {
            Fault::OldEpoch => beat.epoch = Epoch(beat.epoch.0.saturating_sub(1)),
            Fault::NewEpoch => beat.epoch = self.control.minted.next(),
            Fault::NoEpoch => beat.epoch = Epoch(0),
            Fault::PastDeadline => beat.deadline = self.scene.now,
            Fault::Nothing | Fault::OtherBoot | Fault::OldSequence | Fault::UsedId | Fault::WrongLatches => {}
        }
        if self.holds_lease(who) && beat.epoch == self.beliefs[who].epoch {
            self.deliver(Input::Renew { who, epoch: beat.epoch });
        }
        self.post(Input::Beat(beat), fate);
    }

    fn holds_lease(&self, who: usize) -> bool {
        self.control.lease.is_some_and(|lease| lease.epoch == self.beliefs[who].epoch)
    }

    fn claim(&mut self, who: usize, fault: Fault, fate: Fate) {
        self.deliver(Input::Claim { who, is_holder: self.holds_lease(who) });
        if self.steps.last().is_some_and(|step| step.is_accepted) {
            let epoch = self.control.minted;
            self.beliefs[who] = Belief { epoch, ..Belief::default() };
            let boots = if fault == Fault::OtherBoot { 99 } else { self.scene.boots };
            self.post(Input::Grant(epoch, boot(boots)), fate);
        }
    }

    /// The monitor ends the lease, and says so to the agent.
    fn end_lease(&mut self, fate: Fate) {
        for seat in [self.control.following, self.control.lease].into_iter().flatten() {
            self.post(Input::Void(seat.epoch), fate);
        }
        self.deliver(Input::End);
    }

    fn demand(&mut self, is_wish: bool, left_ticks: u32, is_copy: bool) {
        while self.control.settle(&self.scene) {}
        // A copy of one that ended is another test's.
        self.demands += u64::from(!is_copy || self.control.demand.is_none());
        let left = self.scene.ticks(left_ticks).min(self.scene.timers.demand);
        let until = self.scene.now.after(left);
        self.deliver(Input::Demand(Demand { id: DemandId(self.demands), is_wish, left, until }));
    }

    fn set_world(&mut self, world: World) {
        let is_lost = self.scene.is_standing() && !world.standstill;
        self.deliver(Input::World { world, is_lost });
    }

    fn latch(&mut self, cause: LatchCause) -> Latch {
        self.latches += 1;
        Latch { latch_id: LatchId(self.latches), cause }
    }

    /// The monitor tells all latches that it has on record.
    fn welcome(&mut self, voids: bool, mut latches: Vec<Latch>) {
        latches.extend(&self.control.latches);
        self.deliver(Input::Welcome { incarnation: Incarnation(self.incarnation), voids, latches });
    }

    fn order(&mut self, who: usize, kind: CommandKind, fault: Fault, fate: Fate) {
        if kind == CommandKind::ClearLatch {
            self.deliver(Input::Mint);
        }
        let command = self.command(who, kind, fault);
        self.post(Input::Command(command), fate);
    }

    fn command(&mut self, who: usize, kind: CommandKind, fault: Fault) -> Cmd {
        let belief = &mut self.beliefs[who];
        belief.seq += u64::from(fault != Fault::OldSequence);
        self.ids += u128::from(fault != Fault::UsedId || self.ids == 0);
        let mut command = Cmd {
            command_id: CommandId(Uuid::from_u128(self.ids)),
            boot_id: self.scene.boot_id,
            kind,
            args: CommandArgs::default(),
            epoch: belief.epoch,
            seq: belief.seq,
            deadline: self.scene.now.after(self.scene.ticks(4)),
        };
        if kind == CommandKind::Engage {
            command.args.latches = self.named(fault);
        } else if kind == CommandKind::Estop {
            (command.epoch, command.seq) = (Epoch(0), 0);
        } else if kind == CommandKind::ClearLatch {
            command.epoch = self.control.minted;
            let strongest = self.control.latches.iter().max_by_key(|latch| latch.cause);
            command.args.latch_id = strongest.map(|latch| latch.latch_id);
        }
        match fault {
            Fault::OldEpoch => command.epoch = Epoch(command.epoch.0.saturating_sub(1)),
            // A new epoch is what CLEAR_LATCH has to have.
            Fault::NewEpoch if kind != CommandKind::ClearLatch => command.epoch = self.control.minted.next(),
            Fault::NoEpoch => command.epoch = Epoch(0),
            Fault::OtherBoot => command.boot_id = boot(self.scene.boots + 99),
            Fault::PastDeadline => command.deadline = self.scene.now,
            Fault::WrongLatches if kind == CommandKind::ClearLatch => {
                command.args.latch_id = Some(LatchId(4));
            }
            Fault::Nothing | Fault::NewEpoch | Fault::OldSequence | Fault::UsedId | Fault::WrongLatches => {}
        }
        command
    }

    /// The latches that an ENGAGE names: all, and none in a handover.
    fn named(&self, fault: Fault) -> Vec<LatchId> {
        let held = self.control.latches.iter().map(|latch| latch.latch_id);
        match (self.control.active.is_some(), fault == Fault::WrongLatches) {
            (true, false) => Vec::new(),
            (true, true) => vec![LatchId(4)],
            (false, false) => held.collect(),
            (false, true) => held.skip(1).collect(),
        }
    }

    fn go_on(&mut self, dice: u8, fate: Fate) {
        let pending = self.control.pending.map(|seat| seat.epoch);
        let claimant = self.beliefs.iter().position(|belief| Some(belief.epoch) == pending).unwrap_or(0);
        let active = self.control.active.map(|seat| seat.epoch);
        let holder = self.beliefs.iter().position(|belief| Some(belief.epoch) == active).unwrap_or(0);
        if self.control.is_stopped() || self.control.fallen.is_some() && dice.is_multiple_of(4) {
            self.set_world(STANDING);
            self.order(claimant, CommandKind::ClearLatch, Fault::Nothing, fate);
        } else if self.control.active.is_some() && self.control.change.is_some() {
            self.hand_back(dice, holder, fate);
        } else if active.is_some() {
            self.drive_on(dice, holder, claimant, fate);
        } else if self.control.acts() && self.control.demand.is_none() {
            self.demand(dice.is_multiple_of(8), 100, false);
        } else if pending.is_none() {
            self.end_lease(fate);
            self.claim(usize::from(dice & 1), Fault::Nothing, fate);
            self.keep(1);
        } else {
            let engages = self.control.change.is_none();
            let kind = if engages { CommandKind::Engage } else { CommandKind::Assume };
            self.keep(1);
            self.order(claimant, kind, Fault::Nothing, fate);
        }
    }

    /// Somebody hands back: the agent drives, or he thinks better of it, or it takes too long.
    fn hand_back(&mut self, dice: u8, holder: usize, fate: Fate) {
        match dice % 8 {
            0 => self.order(holder, CommandKind::Hold, Fault::Nothing, fate),
            1 => {
                self.set_world(World { stable: false, ..DRIVING });
                self.keep(50);
            }
            _ => {
                let world = if self.scene.is_standing() { STANDING } else { DRIVING };
                self.set_world(World { can_resume: dice.is_multiple_of(2), ..world });
                self.wait(2);
            }
        }
    }

    /// Somebody is in control: he hands back, or over, or goes on.
    fn drive_on(&mut self, dice: u8, holder: usize, claimant: usize, fate: Fate) {
        if self.control.pending.is_some() {
            self.keep(1);
            self.order(claimant, CommandKind::Engage, Fault::Nothing, fate);
            self.deliver(Input::Switch);
        } else if dice.is_multiple_of(4) {
            self.claim(1 - holder, Fault::Nothing, fate);
        } else if dice.is_multiple_of(2) {
            self.set_world(World { stable: dice & 4 == 0, ..DRIVING });
            self.order(holder, CommandKind::HandBack, Fault::Nothing, fate);
        } else {
            self.keep(1);
        }
    }
}
