//! What is brought to a person as one.

use std::collections::{BTreeMap, BTreeSet};
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
    /// Its alerts that are kept, and whether each waits for a person.
    pub(super) alerts: BTreeMap<AlertId, bool>,
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
        let alerts = std::mem::take(&mut self.alerts);
        let shown = std::mem::take(&mut self.shown);
        *self = Self { alerts, due: None, ..other };
        self.shown.extend(shown);
    }

    /// Returns whether any of it waits for a person.
    pub(super) fn waits(&self) -> bool {
        self.speaker().is_some()
    }

    /// Returns the alert that says for all whom it is brought to.
    pub(super) fn speaker(&self) -> Option<AlertId> {
        self.alerts.iter().find(|(_, waits)| **waits).map(|(alert_id, _)| *alert_id)
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
