//! What is brought to a person as one.

use std::collections::BTreeSet;
use watchkeeper_model::{AlertId, MonoTime, PersonId, Routed};

/// Most people of whom is kept that they showed a card; with so many it has been seen.
const MAX_SHOWN: usize = 16;

/// Names a card.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum CardId {
    /// One alert.
    Alone(AlertId),
    /// One trouble of many agents, by the alert that came first.
    Common(AlertId),
}

/// A card: the alerts on it, whom it is brought to, and who had it before.
#[derive(Debug, Default)]
pub(super) struct Card {
    /// Its alerts that wait for a person.
    pub(super) waiting: BTreeSet<AlertId>,
    /// Its alerts that are kept and wait for nobody.
    pub(super) resting: BTreeSet<AlertId>,
    pub(super) to: Option<PersonId>,
    pub(super) brought_at: MonoTime,
    /// For whom it was counted as an alarm last.
    pub(super) rang_for: Option<PersonId>,
    pub(super) asked: BTreeSet<PersonId>,
    pub(super) shown: BTreeSet<PersonId>,
    pub(super) due: Option<MonoTime>,
}

impl Card {
    /// Takes over what was known of another card.
    pub(super) fn follow(&mut self, other: Self) {
        let Self { waiting, resting, shown, .. } = std::mem::take(self);
        *self = Self { waiting, resting, due: None, ..other };
        self.shown.extend(shown);
    }

    /// Puts an alert on it that waits for a person, or does not.
    pub(super) fn put(&mut self, alert_id: AlertId, waits: bool) {
        self.remove(alert_id);
        if waits { &mut self.waiting } else { &mut self.resting }.insert(alert_id);
    }

    pub(super) fn remove(&mut self, alert_id: AlertId) {
        self.waiting.remove(&alert_id);
        self.resting.remove(&alert_id);
    }

    /// Returns whether nothing is on it.
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.resting.is_empty()
    }

    /// Returns whether any of it waits for a person.
    pub(super) fn waits(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Returns the alert that says for all whom it is brought to.
    pub(super) fn speaker(&self) -> Option<AlertId> {
        self.waiting.first().copied()
    }

    /// Returns whom it is brought to, as consoles are told.
    pub(super) fn routed(&self) -> Option<Routed> {
        let passed_over = u32::try_from(self.asked.len().saturating_sub(1)).unwrap_or(u32::MAX);
        let to = self.to.clone()?;
        Some(Routed { to, since: self.brought_at, passed_over })
    }

    pub(super) fn is_shown_by(&self, person: &PersonId) -> bool {
        self.shown.len() >= MAX_SHOWN || self.shown.contains(person)
    }

    pub(super) fn note_shown(&mut self, person: &PersonId) {
        if !self.is_shown_by(person) {
            self.shown.insert(person.clone());
        }
    }
}
