//! What the reference of the schedules speaks of: people's seats, demands, and what is so around the agent.

use crate::{
    rig::DRIVING,
    trace::{Cmd, boot},
};
use std::{collections::BTreeSet, time::Duration};
use watchkeeper_model::{
    AgentKind, AgentTime, BootId, CommandId, DemandId, Epoch, Incarnation, Latch, LatchId,
};
use watchkeeper_takeover::{HolderBeat, Timers, World};

/// When nothing is ever due.
const NEVER: AgentTime = AgentTime::from_nanos(u64::MAX);

/// What the reference knows; its rules are in `reference`.
#[derive(Clone, Debug)]
pub(crate) struct Control {
    /// The monitor: the highest epoch it minted, the lease, the one that follows it.
    pub(crate) minted: Epoch,
    pub(crate) lease: Option<Seat>,
    pub(crate) following: Option<Seat>,
    /// The agent: the highest epoch it saw, who is in control, who claims it or is next.
    pub(crate) highest: Epoch,
    pub(crate) active: Option<Seat>,
    pub(crate) pending: Option<Seat>,
    /// Who claims takes over or, with an active seat, who is in control hands back.
    pub(crate) change: Option<Change>,
    pub(crate) demand: Option<Demand>,
    /// How hard the fallback acts; a stop keeps it.
    pub(crate) fallen: Option<u8>,
    pub(crate) latches: Vec<Latch>,
    pub(crate) next_latch: LatchId,
    /// Commands that this boot has seen.
    pub(crate) seen: BTreeSet<CommandId>,
}

impl Control {
    pub(crate) fn new(boot_id: BootId) -> Self {
        Self {
            minted: Epoch(0),
            lease: None,
            following: None,
            highest: Epoch(0),
            active: None,
            pending: None,
            change: None,
            demand: None,
            fallen: None,
            latches: Vec::new(),
            next_latch: LatchId::first_of(boot_id),
            seen: BTreeSet::new(),
        }
    }
}

/// One person's right to drive, as a book or a gate keeps it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seat {
    pub(crate) epoch: Epoch,
    /// The highest command number, and the highest heartbeat number, that counted.
    pub(crate) seq: u64,
    pub(crate) beat_seq: u64,
    /// When its holder has been silent for too long.
    pub(crate) until: AgentTime,
    /// When somebody who is next has not engaged in time.
    pub(crate) engage_by: AgentTime,
    /// When its holder has not been ready for too long; `None` while he is ready.
    pub(crate) unready_at: Option<AgentTime>,
}

impl Seat {
    pub(crate) fn new(epoch: Epoch, span: Duration, scene: &Scene) -> Self {
        let engage_by = scene.now.after(scene.timers.engage_next());
        Self { epoch, seq: 0, beat_seq: 0, until: scene.now.after(span), engage_by, unready_at: Some(NEVER) }
    }

    /// A heartbeat counts once, in time, and for its own epoch only.
    pub(crate) fn hear(&mut self, beat: &HolderBeat, scene: &Scene) {
        if beat.epoch == self.epoch && beat.seq > self.beat_seq && scene.now < beat.deadline {
            self.beat_seq = beat.seq;
            self.until = scene.now.after(scene.timers.link);
            let unready_at = scene.now.after(scene.timers.ready).min(self.unready_at.unwrap_or(NEVER));
            self.unready_at = (!beat.ready).then_some(unready_at);
        }
    }

    /// A command number counts once, and for its own epoch only.
    pub(crate) fn take(&mut self, command: &Cmd) -> bool {
        let counts = command.epoch == self.epoch && command.seq > self.seq;
        if counts {
            self.seq = command.seq;
        }
        counts
    }

    /// Whether another seat is the same lease.
    pub(crate) fn is(&self, other: Option<Self>) -> bool {
        other.is_some_and(|other| other.epoch == self.epoch)
    }

    pub(crate) fn is_ready(&self) -> bool {
        self.unready_at.is_none()
    }

    /// A lease lives on by the heartbeats of its holder.
    pub(crate) fn renew(&mut self, epoch: Epoch, scene: &Scene) -> bool {
        let renews = epoch == self.epoch;
        if renews {
            self.until = scene.now.after(scene.timers.lease_ttl());
        }
        renews
    }
}

/// Somebody is about to take over, or to hand back.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    pub(crate) until: AgentTime,
    /// The latches that ENGAGE named.
    pub(crate) named: Vec<Latch>,
    pub(crate) assumed: bool,
}

impl Change {
    pub(crate) fn new(named: &[Latch], scene: &Scene) -> Self {
        let until = scene.now.after(scene.timers.transition);
        Self { until, named: named.to_vec(), assumed: false }
    }
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Demand {
    pub(crate) id: DemandId,
    /// An operator's own: a stray wish costs no fallback.
    pub(crate) is_wish: bool,
    pub(crate) left: Duration,
    pub(crate) until: AgentTime,
}

impl Demand {
    /// Whether the monitor may end it: an operator's wish by cancelling it, any while unclaimed.
    pub(crate) fn ends_by(&self, end: &End, claimed: Option<Seat>) -> bool {
        self.id == end.id && if end.is_cancelled { self.is_wish } else { claimed.is_none() }
    }
}

/// The monitor saw a demand end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct End {
    pub(crate) id: DemandId,
    pub(crate) is_cancelled: bool,
}

/// What happens to the book or to the gate.
#[derive(Clone, Debug)]
pub(crate) enum Input {
    /// The monitor: somebody claims, or asks the holder, who says yes.
    Claim {
        who: usize,
        is_holder: bool,
    },
    /// A heartbeat of the holder reaches the monitor.
    Renew {
        who: usize,
        epoch: Epoch,
    },
    /// The monitor mints an epoch for a CLEAR_LATCH.
    Mint,
    /// The monitor hears which epoch the agent has.
    Switch,
    /// The monitor ends the lease, and who follows.
    End,
    /// The agent's side from here on.
    Time,
    Grant(Epoch, BootId),
    Void(Epoch),
    Beat(HolderBeat),
    Command(Cmd),
    Demand(Demand),
    DemandEnd(End),
    /// `is_lost`: the standstill is.
    World {
        world: World,
        is_lost: bool,
    },
    LinkLost,
    Welcome {
        incarnation: Incarnation,
        voids: bool,
        latches: Vec<Latch>,
    },
    /// The agent wants the minimal-risk condition by itself.
    Own,
    Reboot {
        is_clean: bool,
    },
}

/// What is so around the agent, whoever is in control.
#[derive(Clone, Debug)]
pub(crate) struct Scene {
    pub(crate) kind: AgentKind,
    pub(crate) timers: Timers,
    pub(crate) boots: u128,
    pub(crate) boot_id: BootId,
    pub(crate) now: AgentTime,
    pub(crate) world: World,
    stable_since: Option<AgentTime>,
    /// When the agent has been without its monitor for too long.
    pub(crate) cut_off_at: Option<AgentTime>,
}

impl Scene {
    pub(crate) fn new(kind: AgentKind) -> Self {
        // Without any grace, what comes first decides on the level: its end, or the confirmed standstill.
        let grace = Timers::for_kind(AgentKind::Vehicle).grace;
        Self {
            kind,
            timers: Timers { grace, ..Timers::for_kind(kind) },
            boots: 0,
            boot_id: boot(0),
            now: AgentTime::from_nanos(1),
            world: DRIVING,
            stable_since: None,
            cut_off_at: None,
        }
    }

    /// Takes note of what an input says about the world, the link and the boot.
    pub(crate) fn take(&mut self, input: &Input) {
        match input {
            Input::World { world, .. } => {
                self.world = *world;
                self.stable_since = self.stable_since.or(Some(self.now)).filter(|_| world.stable);
            }
            Input::LinkLost => {
                self.cut_off_at = self.cut_off_at.or(Some(self.now.after(self.timers.link_loss)));
            }
            Input::Welcome { .. } => self.cut_off_at = None,
            Input::Reboot { .. } => {
                self.boots += 1;
                self.boot_id = boot(self.boots);
                (self.stable_since, self.cut_off_at) = (None, None);
            }
            Input::Claim { .. }
            | Input::Renew { .. }
            | Input::Mint
            | Input::Switch
            | Input::End
            | Input::Time
            | Input::Grant(..)
            | Input::Void(_)
            | Input::Beat(_)
            | Input::Command(_)
            | Input::Demand(_)
            | Input::DemandEnd(_)
            | Input::Own => {}
        }
    }

    pub(crate) fn is_vehicle(&self) -> bool {
        self.kind == AgentKind::Vehicle
    }

    pub(crate) fn is_standing(&self) -> bool {
        self.world.standstill
    }

    /// From level 3 only at standstill.
    pub(crate) fn may_engage(&self, fallen: Option<u8>) -> bool {
        self.world.standstill || fallen < Some(3)
    }

    /// How hard a fallback acts whose holder was lost: level 0 holds a standstill.
    pub(crate) fn lost_level(&self) -> u8 {
        u8::from(!self.world.standstill)
    }

    pub(crate) fn is_steady(&self) -> bool {
        self.stable_since.is_some_and(|since| self.now >= since.after(self.timers.stable))
    }

    /// A twentieth of T_link.
    pub(crate) fn ticks(&self, count: u32) -> Duration {
        self.timers.link / 20 * count
    }
}
