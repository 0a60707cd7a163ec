//! Who may be asked, how much waits for him, and whether he is there.

use super::{Asks, Candidate};
use crate::{FloodMeter, config::FloodSettings};
use std::collections::BTreeMap;
use watchkeeper_model::{MonoTime, PersonId};

/// Most people of whom something is kept; beyond it those are forgotten for whom nothing waits and who have no flood.
const MAX_DESKS: usize = 1_000;

/// What is known of one person.
#[derive(Debug)]
struct Desk {
    flood: FloodMeter,
    heard_at: MonoTime,
    /// He did not show the last card that he was brought, and was not heard of since.
    is_away: bool,
    /// Cards that wait for him.
    waiting: usize,
}

/// Everybody whom a card was brought to.
#[derive(Debug)]
pub(super) struct Desks {
    settings: FloodSettings,
    people: BTreeMap<PersonId, Desk>,
    /// How many of them have a flood.
    floods: usize,
    /// A flood began or ended, or somebody went away or came back, since this was last asked.
    changed: bool,
}

impl Desks {
    pub(super) const fn new(settings: FloodSettings) -> Self {
        Self { settings, people: BTreeMap::new(), floods: 0, changed: false }
    }

    /// Chooses who is asked first.
    pub(super) fn choose<'a>(
        &self,
        candidates: impl Iterator<Item = &'a Candidate>,
        asks: Asks,
    ) -> Option<PersonId> {
        let chosen = candidates.min_by_key(|candidate| {
            let desk = self.people.get(&candidate.person);
            let flooded = usize::from(desk.is_some_and(|desk| desk.flood.since().is_some()));
            let holds = candidate.holds;
            let (first, second) = if asks == Asks::Look { (flooded, holds) } else { (holds, flooded) };
            let is_last = candidate.supervises != (asks == Asks::TakeoverAtLast);
            let is_away = desk.is_some_and(|desk| desk.is_away);
            (is_last, is_away, first, second, desk.map_or(0, |desk| desk.waiting), &candidate.person)
        });
        chosen.map(|candidate| candidate.person.clone())
    }

    /// One more card waits for a person, and rings where it is new.
    pub(super) fn take(&mut self, person: &PersonId, rings: bool, now: MonoTime) {
        if self.people.len() >= MAX_DESKS {
            self.people.retain(|_, desk| desk.waiting > 0 || desk.flood.since().is_some());
        }
        let flood = FloodMeter::new(self.settings);
        let fresh = || Desk { flood, heard_at: MonoTime::default(), is_away: false, waiting: 0 };
        self.people.entry(person.clone()).or_insert_with(fresh).waiting += 1;
        if rings {
            self.ring(person, now);
        }
    }

    /// Counts an alarm for a person.
    pub(super) fn ring(&mut self, person: &PersonId, now: MonoTime) {
        if self.people.get_mut(person).is_some_and(|desk| desk.flood.count(now)) {
            self.floods += 1;
            self.changed = true;
        }
    }

    /// A card waits for a person no longer.
    pub(super) fn leave(&mut self, person: Option<&PersonId>) {
        if let Some(desk) = person.and_then(|person| self.people.get_mut(person)) {
            desk.waiting = desk.waiting.saturating_sub(1);
        }
    }

    /// A person showed something or did something.
    pub(super) fn hear(&mut self, person: &PersonId, now: MonoTime) {
        if let Some(desk) = self.people.get_mut(person) {
            desk.heard_at = now;
            self.changed |= std::mem::take(&mut desk.is_away);
        }
    }

    /// A person did not show what he was brought then.
    pub(super) fn miss(&mut self, person: &PersonId, brought_at: MonoTime) {
        if let Some(desk) = self.people.get_mut(person).filter(|desk| desk.heard_at <= brought_at) {
            self.changed |= !std::mem::replace(&mut desk.is_away, true);
        }
    }

    pub(super) fn waiting(&self, person: &PersonId) -> usize {
        self.people.get(person).map_or(0, |desk| desk.waiting)
    }

    pub(super) fn flooded_since(&self, person: &PersonId) -> Option<MonoTime> {
        self.people.get(person)?.flood.since()
    }

    pub(super) fn is_away(&self, person: &PersonId) -> bool {
        self.people.get(person).is_some_and(|desk| desk.is_away)
    }

    /// Returns when the next flood is over.
    pub(super) fn poll_timeout(&self) -> Option<MonoTime> {
        if self.floods == 0 {
            return None;
        }
        self.people.values().filter_map(|desk| desk.flood.poll_timeout()).min()
    }

    /// Ends the floods that are over.
    pub(super) fn handle_timeout(&mut self, now: MonoTime) {
        if self.floods == 0 {
            return;
        }
        for desk in self.people.values_mut() {
            if desk.flood.handle_timeout(now) {
                self.floods -= 1;
                self.changed = true;
            }
        }
    }

    pub(super) fn take_changed(&mut self) -> bool {
        std::mem::take(&mut self.changed)
    }

    #[cfg(test)]
    pub(super) fn is_idle(&self) -> bool {
        self.people.len() <= MAX_DESKS && self.people.values().all(|desk| desk.waiting == 0)
    }
}
