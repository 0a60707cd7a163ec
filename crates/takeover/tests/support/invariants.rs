//! The invariants of `takeover.md` 1.7 that one gate can keep or break, checked on a trace from outside.

use crate::trace::{Cmd, Entry, Input, Snapshot};
use std::collections::{BTreeMap, BTreeSet};
use watchkeeper_model::{
    AgentKind, AgentTime, CommandCode, CommandId, CommandKind, CommandState, ControlState, DemandId, Epoch,
    FallbackLevel, LatchCause, LatchId, RiskClass, Setpoint,
};
use watchkeeper_takeover::{GateRecord, HolderBeat, Mode, Timers};

/// What must be remembered from one entry to the next.
#[derive(Default)]
struct Memory {
    /// Accepted commands of this boot, and whether they have ended.
    ended: BTreeMap<CommandId, bool>,
    refused: BTreeSet<CommandId>,
    took_effect: BTreeMap<CommandId, CommandKind>,
    highest_seq: BTreeMap<Epoch, u64>,
    highest_used: Epoch,
    floor: Option<FallbackLevel>,
    over: BTreeSet<DemandId>,
    named: Vec<LatchId>,
    /// The highest heartbeat of each epoch, as an agent counts them.
    highest_beat: BTreeMap<Epoch, u64>,
    /// The last heartbeat that passed the fence, and when.
    hands: Option<(HolderBeat, AgentTime)>,
}

macro_rules! must {
    ($holds:expr, $($why:tt)+) => { if !$holds { return Err(format!($($why)+)); } };
}

/// Returns the first broken invariant.
pub(crate) fn check(trace: &[Entry]) -> Result<(), String> {
    let mut memory = Memory::default();
    for (index, entry) in trace.iter().enumerate() {
        memory.check(entry).map_err(|why| format!("entry {index}: {why}\n{entry:#?}"))?;
    }
    let open = memory.ended.iter().find(|(_, ended)| !**ended);
    open.map_or(Ok(()), |(id, _)| Err(format!("7: {id} was accepted and never ended")))
}

impl Memory {
    fn check(&mut self, entry: &Entry) -> Result<(), String> {
        let (before, after) = (&entry.before, &entry.after);
        must!(entry.is_recorded, "record: something changed that was not written");
        if matches!(entry.input, Input::Time) {
            must!(entry.next_timeout.is_none_or(|at| at > entry.now), "timer: due again at once");
            must!(after.demand_end.is_none_or(|end| end > entry.now), "4: T_demand was over and did nothing");
        }
        must!(after.highest_epoch >= before.highest_epoch, "1: the highest epoch fell");
        let mut effect = None;
        if let Input::Command(command) = &entry.input {
            let is_accepted = |id| {
                entry
                    .acks
                    .iter()
                    .any(|a| a.command_id == id && a.state == CommandState::Accepted && a.code.is_none())
            };
            if is_accepted(command.command_id) {
                self.check_fence(entry, command)?;
                effect = Some(command);
            } else {
                must!(before == after, "2: a refused command changed something");
            }
        }
        self.check_ends(entry)?;
        check_switch(entry, effect)?;
        self.check_hands(entry)?;
        self.check_latches(entry, effect)?;
        self.check_demand(entry)?;
        if after.level.is_some() {
            must!(after.level >= self.floor, "6: the level fell from {:?}", self.floor);
            self.floor = after.level;
        }
        if after.state.is_nominal() || after.state == ControlState::Human {
            self.floor = None;
        }
        if matches!(entry.input, Input::Link) {
            must!(after.epoch == before.epoch || after.epoch == Epoch(0), "9: a connection gave an epoch");
            must!(
                after.state == before.state
                    || !matches!(
                        after.state,
                        ControlState::Autonomous
                            | ControlState::AssistPending
                            | ControlState::Human
                            | ControlState::Claimed
                    ),
                "9: a connection gave authority"
            );
        }
        if let Input::Reboot(record) = &entry.input {
            must!(is_no_less_safe(record, after), "reboot: less safe");
            must!(after.epoch == Epoch(0), "9: a reboot kept a lease");
            self.took_effect.retain(|_, kind| !may_repeat(*kind));
            *self = Self {
                floor: self.floor,
                took_effect: std::mem::take(&mut self.took_effect),
                highest_used: self.highest_used,
                ..Self::default()
            };
        }
        Ok(())
    }

    /// Invariants 1 and 2: what took effect was meant for this boot, in time, in order, once, under the one epoch.
    fn check_fence(&mut self, entry: &Entry, command: &Cmd) -> Result<(), String> {
        must!(
            self.took_effect.insert(command.command_id, command.kind).is_none(),
            "2: a command took effect twice"
        );
        if command.kind == CommandKind::Estop {
            let waits = entry.before.state == ControlState::Local && entry.after.state == ControlState::Local;
            must!(waits || entry.after.state == ControlState::Estopped, "26: an ESTOP did not stop");
        }
        if may_repeat(command.kind) {
            return Ok(());
        }
        must!(command.boot_id == entry.boot_id, "2: a command of another boot took effect");
        must!(entry.now < command.deadline, "2: a command took effect after its deadline");
        must!(entry.before.state != ControlState::Local, "29: a command took effect under local control");
        if command.kind.risk() != RiskClass::Exclusive {
            return Ok(());
        }
        if command.kind.has_own_epoch() {
            must!(command.epoch > entry.before.highest_epoch, "2: an old epoch was used again");
            return Ok(());
        }
        let takes_over = command.kind == CommandKind::Engage && entry.before.next == Some(command.epoch);
        must!(
            (command.epoch == entry.before.epoch || takes_over) && command.epoch > Epoch(0),
            "2: a command of another epoch took effect"
        );
        must!(command.epoch >= self.highest_used, "1: commands of an older epoch took effect");
        self.highest_used = command.epoch;
        let last = self.highest_seq.entry(command.epoch).or_default();
        must!(command.seq > *last, "2: a sequence took effect again");
        *last = command.seq;
        if command.kind == CommandKind::Engage {
            self.named.clone_from(&command.args.latches);
        }
        Ok(())
    }

    /// Row 17: what moves by hand was wanted by the active holder, in time, within T_deadman.
    fn check_hands(&mut self, entry: &Entry) -> Result<(), String> {
        if let Input::Beat(beat) = &entry.input {
            let known = [Some(entry.before.epoch), entry.before.next].contains(&Some(beat.epoch));
            let highest = self.highest_beat.entry(beat.epoch).or_default();
            if known && beat.epoch > Epoch(0) && entry.now < beat.deadline && beat.seq > *highest {
                *highest = beat.seq;
                let counts = beat.epoch == entry.before.epoch;
                let makes_sense = beat.setpoint.is_some_and(|hands| !hands.steer.is_nan());
                if counts && (makes_sense || !beat.ready) {
                    self.hands = Some((*beat, entry.now));
                }
            }
        }
        must!(!entry.after.manual || entry.after.state == ControlState::Human, "17: manual and not HUMAN");
        let Mode::Manual { steer, accelerate } = entry.after.directive.mode else { return Ok(()) };
        let Some((beat, at)) = self.hands else { return Err("17: nobody's hands".to_owned()) };
        must!(beat.epoch == entry.after.epoch, "17: hands of another epoch drive");
        must!(beat.ready, "17: hands of somebody who is not ready drive");
        must!(beat.setpoint == Some(Setpoint { steer, accelerate }), "17: not what the hands want");
        must!(
            entry.now.since(at) < Timers::for_kind(AgentKind::Vehicle).deadman,
            "17: a setpoint older than T_deadman drives"
        );
        Ok(())
    }

    /// Invariant 7. A copy is answered with the first result and counts as nothing new.
    fn check_ends(&mut self, entry: &Entry) -> Result<(), String> {
        for ack in entry.acks.iter().filter(|ack| ack.code != Some(CommandCode::Duplicate)) {
            if ack.state == CommandState::Accepted {
                must!(self.ended.insert(ack.command_id, false).is_none(), "7: accepted twice");
            } else if ack.state == CommandState::InProgress {
                must!(self.ended.get(&ack.command_id) == Some(&false), "7: in progress, and not at work");
            } else if let Some(ended) = self.ended.get_mut(&ack.command_id) {
                must!(!std::mem::replace(ended, true), "7: {} ended twice", ack.command_id);
            } else {
                must!(self.refused.insert(ack.command_id), "7: {} was refused twice", ack.command_id);
            }
        }
        Ok(())
    }

    /// Invariant 5: a latch ends by CLEAR_LATCH, or by taking control after an ENGAGE that named it.
    fn check_latches(&self, entry: &Entry, effect: Option<&Cmd>) -> Result<(), String> {
        let is_assumed =
            entry.after.state == ControlState::Human && entry.before.state != ControlState::Human;
        for latch in &entry.before.latches {
            let cleared = effect.is_some_and(|command| {
                command.kind == CommandKind::ClearLatch && command.args.latch_id == Some(latch.latch_id)
            });
            let named =
                is_assumed && latch.cause != LatchCause::Estop && self.named.contains(&latch.latch_id);
            must!(
                entry.after.latches.contains(latch) || cleared || named,
                "5: latch {latch:?} ended by itself"
            );
        }
        let stopped = entry.after.latches.iter().any(|latch| latch.cause == LatchCause::Estop);
        let waits = matches!(entry.after.state, ControlState::Local | ControlState::OutOfService);
        must!(
            waits || stopped == (entry.after.state == ControlState::Estopped),
            "5: ESTOPPED and its latch disagree"
        );
        must!(
            !entry.after.state.is_nominal() || entry.after.latches.is_empty(),
            "5: autonomous with a latch held"
        );
        must!(
            entry.after.local_override == (entry.after.state == ControlState::Local),
            "29: LOCAL and the switch at the agent disagree"
        );
        Ok(())
    }

    /// Invariants 4 and 8: a demand keeps its deadline and ends once.
    fn check_demand(&mut self, entry: &Entry) -> Result<(), String> {
        let (before, after) = (&entry.before, &entry.after);
        if before.demand.is_some() && before.demand == after.demand {
            must!(after.demand_end <= before.demand_end, "4: T_demand was extended");
        }
        if let Some(demand_id) = before
            .demand
            .filter(|_| before.demand != after.demand && !matches!(entry.input, Input::Reboot(_)))
        {
            must!(
                after.outcome.is_some_and(|(over, _)| over == demand_id),
                "8: a demand ended without an outcome"
            );
            must!(self.over.insert(demand_id), "8: a demand ended twice");
        }
        must!(after.demand.is_some() == waits(entry), "8: a demand and the state disagree");
        Ok(())
    }
}

/// 1.3: what an agent comes back as, by what it wrote before.
fn is_no_less_safe(record: &GateRecord, after: &Snapshot) -> bool {
    let stopped = record.control_state == ControlState::Estopped
        || record.latches.iter().any(|latch| latch.cause == LatchCause::Estop);
    if after.local_override {
        after.state == ControlState::Local
    } else if record.control_state == ControlState::OutOfService {
        after.state == ControlState::OutOfService
    } else if stopped {
        after.state == ControlState::Estopped
    } else {
        let safe = matches!(after.state, ControlState::Fallback | ControlState::SafeHeld);
        safe || record.control_state.is_nominal()
    }
}

/// Row 16, section 2 rule 6: control passes from one epoch to the next only by the next one's ENGAGE, in one
/// step; and there is a next one only while a person is in control.
fn check_switch(entry: &Entry, effect: Option<&Cmd>) -> Result<(), String> {
    let (before, after) = (&entry.before, &entry.after);
    let drives = ControlState::is_driven;
    must!(after.next.is_none() || drives(after.state), "16: somebody is next and nobody is in control");
    must!(after.next.is_none_or(|next| next > after.epoch), "16: the next epoch is not above the active");
    if drives(before.state) && drives(after.state) && before.epoch != after.epoch {
        must!(
            effect.is_some_and(|command| command.kind == CommandKind::Engage
                && Some(command.epoch) == before.next
                && command.epoch == after.epoch),
            "16: control passed without the next holder's ENGAGE"
        );
        must!(after.state == ControlState::Human && after.next.is_none(), "16: a switch by half");
        must!(!after.manual, "16: one holder's hands drove on for the next");
        let starts = matches!(after.directive.mode, Mode::Human { hold: false });
        must!(!(before.manual && starts), "16: a switch set in motion what was driven by hand");
    }
    Ok(())
}

/// Whether it only makes things safer, so that one for another boot, or from before a reboot, is obeyed again.
fn may_repeat(kind: CommandKind) -> bool {
    matches!(kind, CommandKind::Estop | CommandKind::Hold | CommandKind::MinimalRisk)
}

/// Whether the state is one of those in which a demand is open.
fn waits(entry: &Entry) -> bool {
    matches!(entry.after.state, ControlState::Requested | ControlState::Claimed)
        || (entry.after.state == ControlState::InTransition && entry.after.level.is_none())
}
