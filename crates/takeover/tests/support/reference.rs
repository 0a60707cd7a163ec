//! What a lease book and a gate do together, in fewer than 100 lines: who is in control, what is accepted, which
//! latches are held, which demand is open. One rule a line, in the words of `docs/takeover.md`.
//!
//! Left to other tests, so that this stays short: hands on the controls, speed caps, local override, and what makes a
//! fallback act harder, but for a standstill that is lost.
#![expect(clippy::wildcard_enum_match_arm, reason = "what no rule speaks of is refused")]

use crate::scene::{Change, Control, Input, Scene, Seat};
use crate::trace::Cmd;
use std::collections::BTreeSet;
use watchkeeper_model::LatchCause::{self, Estop, Fallback};
use watchkeeper_model::{CommandKind as Verb, Epoch, Latch, LatchId};

#[rustfmt::skip] // A table: one rule, one line.
impl Control {
    pub(crate) fn is_stopped(&self) -> bool { self.latches.iter().any(|latch| latch.cause == Estop) }
    pub(crate) fn acts(&self) -> bool { self.active.is_none() && self.fallen.is_none() && self.change.is_none() }
    fn claims(&self) -> bool { self.active.is_none() && self.change.is_none() }
    fn drives(&self) -> bool { self.active.is_some() && self.change.is_none() }
    fn waits(&self) -> bool { self.pending.is_none() && (self.demand.is_some() || self.fallen.is_some() && !self.is_stopped()) }
    fn seats(&mut self) -> impl Iterator<Item = &mut Seat> { self.active.iter_mut().chain(&mut self.pending) }
    fn lapse(&mut self, epoch: Epoch, s: &Scene) { self.seats().filter(|seat| seat.epoch == epoch).for_each(|seat| seat.until = s.now) }
    fn close(&mut self) { (self.active, self.pending, self.change, self.demand) = (None, None, None, None) }
    fn mint(&mut self, s: &Scene) -> Seat { self.minted = self.minted.next(); Seat::new(self.minted, s.timers.lease_ttl(), s) }

    /// A fallback or a stop latches, and ends demand and seats; a claim outlives a fallback that acts already.
    fn fall(&mut self, cause: LatchCause, level: u8) {
        if cause == Fallback && self.fallen.is_some() && self.change.is_none() { return }
        self.close();
        self.fallen = self.fallen.max(Some(level));
        if self.latches.iter().any(|latch| latch.cause == cause) { return }
        self.latches.push(Latch { latch_id: self.next_latch, cause });
        self.next_latch = self.next_latch.next();
    }

    /// Does one thing that time or the world brings about by itself; says whether there was one.
    pub(crate) fn settle(&mut self, s: &Scene) -> bool {
        let due = |at| s.now >= at;
        let until = self.change.as_ref().map(|change| change.until);
        let assumed = self.change.as_ref().is_some_and(|change| change.assumed && change.named == self.latches);
        match (self.active, self.pending, self.demand) {
            (Some(seat), ..) if due(seat.until) || seat.unready_at.is_some_and(due) => self.fall(Fallback, s.lost_level()),
            (Some(_), Some(next), _) if due(next.until) || due(next.engage_by) => self.pending = None,
            (Some(_), ..) if until.is_some_and(due) => self.change = None,
            (None, Some(seat), _) if due(seat.until) || until.is_some_and(due) => (self.pending, self.change) = (None, None),
            _ if s.cut_off_at.is_some_and(due) && self.acts() => self.fall(Fallback, 1),
            (.., Some(demand)) if due(demand.until) => if demand.is_wish { self.close() } else { self.fall(Fallback, 1) },
            (None, Some(seat), _) if assumed && seat.is_ready() && s.is_steady() => {
                self.close();
                (self.active, self.fallen, self.latches) = (Some(seat), None, Vec::new());
            }
            (Some(_), ..) if until.is_some() && s.world.can_resume && s.is_steady() && self.latches.is_empty() => self.close(),
            _ => return false,
        }
        true
    }

    /// Takes one input; says whether it was accepted.
    pub(crate) fn handle(&mut self, input: &Input, s: &Scene) -> bool {
        let is_free = self.lease.is_none_or(|lease| s.now >= lease.until);
        match input {
            Input::Claim { .. } if is_free => (self.lease, self.following) = (Some(self.mint(s)), None),
            Input::Claim { is_holder: false, .. } if self.following.is_none() => self.following = Some(self.mint(s)),
            Input::Renew { epoch, .. } if !is_free => return self.lease.iter_mut().any(|lease| lease.renew(*epoch, s)),
            Input::Mint => self.minted = self.minted.next(),
            Input::Switch if self.following.is_some_and(|next| next.is(self.active.or(self.pending))) => self.lease = self.following.take(),
            Input::End => (self.lease, self.following) = (None, None),
            Input::Grant(epoch, boot_id) if *boot_id != s.boot_id || *epoch <= self.highest => return false,
            Input::Grant(epoch, _) => {
                if self.active.is_some() || self.waits() { self.pending = Some(Seat::new(*epoch, s.timers.link, s)) }
                self.highest = *epoch;
            }
            Input::Void(epoch) => (self.highest, ()) = (self.highest.max(*epoch), self.lapse(*epoch, s)),
            Input::Beat(beat) => self.seats().for_each(|seat| seat.hear(beat, s)),
            Input::Demand(demand) if self.acts() && self.demand.is_none() => self.demand = Some(*demand),
            Input::DemandEnd(end) if self.change.is_none() && self.demand.is_some_and(|demand| demand.ends_by(end, self.pending)) => self.close(),
            Input::World { is_lost: true, .. } if !self.is_stopped() => self.fallen = self.fallen.map(|level| 3.min(level + 1)),
            Input::Welcome { voids, latches, .. } => {
                self.highest = self.highest.max(self.minted);
                self.seats().filter(|_| *voids).for_each(|seat| seat.until = s.now);
                while self.settle(s) {}
                for latch in latches { if !self.latches.contains(latch) { self.latches.push(*latch) } }
                let acts = self.active.is_none() && self.fallen.is_none();
                if self.is_stopped() { self.fall(Estop, 0) } else if acts && !self.latches.is_empty() { self.fall(Fallback, 1) }
            }
            Input::Own => self.fall(Fallback, 1),
            Input::Reboot { is_clean } => {
                let falls = !self.is_stopped() && !(self.acts() && self.demand.is_none() && (*is_clean || !s.is_vehicle()));
                (self.seen, self.next_latch) = (BTreeSet::new(), self.next_latch.max(LatchId::first_of(s.boot_id)));
                self.close();
                if falls { let level = self.fallen.take(); self.fall(Fallback, level.unwrap_or(1).max(1)) }
            }
            Input::Command(command) => return self.seen.insert(command.command_id) && self.obey(command, s),
            _ => return false,
        }
        true
    }

    fn obey(&mut self, c: &Cmd, s: &Scene) -> bool {
        let timely = c.boot_id == s.boot_id && s.now < c.deadline;
        let is_next = self.active.is_some() && self.pending.is_some_and(|next| next.epoch == c.epoch);
        let ready = self.pending.is_some_and(|seat| seat.is_ready());
        let named = self.latches.iter().all(|latch| c.args.latches.contains(&latch.latch_id));
        match c.kind {
            Verb::Estop => self.fall(Estop, 0),
            Verb::Hold if !timely || is_next || self.seats().all(|seat| seat.epoch != c.epoch) => self.fall(Fallback, 1),
            Verb::ClearLatch => return timely && c.epoch > self.highest && self.clear(c, s),
            _ if !timely || is_next && !matches!(c.kind, Verb::Engage | Verb::Release) => return false,
            _ if !self.seats().any(|seat| seat.take(c)) => return false,
            Verb::Hold if self.active.is_some() => self.change = None,
            Verb::Hold => self.fall(Fallback, 1),
            Verb::Release => self.lapse(c.epoch, s),
            Verb::Engage if is_next && ready && c.args.latches.is_empty() => (self.active, self.pending, self.change) = (self.pending, None, None),
            Verb::Engage if self.claims() && ready && named && s.may_engage(self.fallen) => self.change = Some(Change::new(&self.latches, s)),
            Verb::Assume if self.active.is_none() => return self.change.as_mut().map(|change| change.assumed = true).is_some(),
            Verb::Resume if self.drives() => {}
            Verb::HandBack if self.drives() && s.world.can_resume && self.latches.is_empty() => (self.pending, self.change) = (None, Some(Change::new(&[], s))),
            Verb::Dismiss if self.demand.is_some() && self.change.is_none() => self.close(),
            _ => return false,
        }
        true
    }

    fn clear(&mut self, c: &Cmd, s: &Scene) -> bool {
        let stopped = self.is_stopped();
        let may = self.fallen.is_some() && self.change.is_none() && s.is_standing() && (stopped || s.world.can_resume);
        let is_it = |latch: &Latch| Some(latch.latch_id) == c.args.latch_id && (latch.cause == Estop) == stopped;
        let Some(index) = self.latches.iter().position(is_it).filter(|_| may) else { return false };
        (self.highest, _) = (c.epoch, self.latches.remove(index));
        if stopped && !self.is_stopped() { let level = self.fallen.take(); self.fall(Fallback, level.unwrap_or(0)) }
        if self.latches.is_empty() { self.close(); self.fallen = None }
        true
    }
}
