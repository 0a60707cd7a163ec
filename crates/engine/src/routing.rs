//! Whom an alert is brought to: one person at a time, and the next one when he does not look or does not answer.
//!
//! What is brought is a card: an alert, or all alerts of one trouble. Whoever sees its agent sees a card; routing says who is asked.
//! A card counts as shown when a console of that person reported a presented frame with it, not when it was sent.
//! Deliberately not here: who may act on which agent ([`crate::engine`] names the candidates), and what an alert is.

mod card;
mod desk;

pub(crate) use card::CardId;

use crate::config::AlarmSettings;
use card::Card;
use desk::Desks;
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};
use watchkeeper_model::{AlertId, MonoTime, PersonId, Routed};

/// Somebody who may be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Candidate {
    pub(crate) person: PersonId,
    /// Asked after those who operate.
    pub(crate) supervises: bool,
    /// Agents that he holds: his eyes are there.
    pub(crate) holds: usize,
}

/// What is asked of a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asks {
    /// To look.
    Look,
    /// To take over: whoever holds nothing goes before whoever has a flood.
    Takeover,
    /// To take over, and nobody answered so far: supervisors go first.
    TakeoverAtLast,
}

/// What became of a card when an alert was put on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Held {
    /// It is with whom it was with, or nothing of it waits.
    AsBefore,
    /// It waits, and nobody has it.
    WithNobody,
    /// It was with nobody, and is now with whoever had the alert.
    WithSomebodyNew,
}

/// Every card, and everybody whom cards may be brought to.
#[derive(Debug)]
pub(crate) struct Routing {
    present_within: Duration,
    desks: Desks,
    cards: BTreeMap<CardId, Card>,
    card_of: BTreeMap<AlertId, CardId>,
    /// When which card must have been shown.
    due: BTreeSet<(MonoTime, CardId)>,
    /// Cards for which somebody may be there now, or no longer.
    to_place: BTreeSet<CardId>,
}

impl Routing {
    pub(crate) fn new(settings: &AlarmSettings) -> Self {
        Self {
            present_within: settings.routing.present_within(),
            desks: Desks::new(settings.flood),
            cards: BTreeMap::new(),
            card_of: BTreeMap::new(),
            due: BTreeSet::new(),
            to_place: BTreeSet::new(),
        }
    }

    /// Returns the card that an alert is on.
    pub(crate) fn card_of(&self, alert_id: AlertId) -> Option<CardId> {
        self.card_of.get(&alert_id).copied()
    }

    /// Returns whom a card is brought to.
    pub(crate) fn person(&self, card_id: CardId) -> Option<&PersonId> {
        self.cards.get(&card_id)?.to.as_ref()
    }

    /// Returns what an alert says of whom its card is brought to: one alert says it for all of a card.
    pub(crate) fn routed(&self, alert_id: AlertId) -> Option<Routed> {
        let card = self.cards.get(self.card_of.get(&alert_id)?)?;
        card.routed().filter(|_| card.speaker() == Some(alert_id))
    }

    /// Returns the alert that says for a card whom it is brought to; `None` while none of it waits.
    pub(crate) fn speaker(&self, card_id: CardId) -> Option<AlertId> {
        self.cards.get(&card_id)?.speaker()
    }

    /// Returns the alerts of a card that wait for a person.
    pub(crate) fn waiting(&self, card_id: CardId) -> impl Iterator<Item = AlertId> {
        self.cards.get(&card_id).into_iter().flat_map(|card| card.waiting.iter().copied())
    }

    /// Takes note that an alert is on a card, and whether it waits for a person; what was known of it goes with it.
    pub(crate) fn hold(&mut self, alert_id: AlertId, card_id: CardId, waits: bool) -> Held {
        let left = self.card_of.insert(alert_id, card_id).filter(|left| *left != card_id);
        let brought = left.and_then(|left| self.take_off(alert_id, left));
        let card = self.cards.entry(card_id).or_default();
        card.put(alert_id, waits);
        let mut follows = false;
        if let Some(brought) = brought {
            follows = card.to.is_none() && brought.to.is_some();
            if follows {
                let due = brought.due;
                card.follow(brought);
                self.set_due(card_id, due);
            } else {
                card.shown.extend(brought.shown);
                self.desks.leave(brought.to.as_ref());
            }
        }
        self.rest(card_id);
        match self.cards.get(&card_id) {
            Some(card) if card.waits() && card.to.is_none() => Held::WithNobody,
            Some(card) if follows && card.to.is_some() => Held::WithSomebodyNew,
            Some(_) | None => Held::AsBefore,
        }
    }

    /// Nothing more is to be kept of an alert.
    pub(crate) fn forget(&mut self, alert_id: AlertId) {
        let Some(card_id) = self.card_of.remove(&alert_id) else { return };
        if let Some(brought) = self.take_off(alert_id, card_id) {
            self.desks.leave(brought.to.as_ref());
        }
    }

    /// Takes an alert off a card; returns what was known of the card where none is left on it.
    fn take_off(&mut self, alert_id: AlertId, card_id: CardId) -> Option<Card> {
        let card = self.cards.get_mut(&card_id)?;
        card.remove(alert_id);
        if !card.is_empty() {
            self.rest(card_id);
            return None;
        }
        let due = card.due;
        self.set_due(card_id, None);
        self.to_place.remove(&card_id);
        let card = self.cards.remove(&card_id)?;
        Some(Card { due, ..card })
    }

    /// A card of which nothing waits is with nobody; who showed it is remembered, for when it comes back.
    fn rest(&mut self, card_id: CardId) {
        if self.cards.get(&card_id).is_some_and(|card| !card.waits()) {
            self.take_away(card_id);
        }
    }

    /// An alert begins anew: unless others of its card still wait, it rings again, everybody must show it again, and may be
    /// asked again.
    pub(crate) fn begin_anew(&mut self, alert_id: AlertId) {
        if let Some(card_id) = self.ask_for_more(alert_id)
            && let Some(card) = self.cards.get_mut(&card_id)
        {
            card.rang_for = None;
        }
    }

    /// An alert asks for more than before: the same, but for whom it rang it rings no second time. Returns its card where
    /// nothing else on it waits.
    pub(crate) fn ask_for_more(&mut self, alert_id: AlertId) -> Option<CardId> {
        let card_id = self.card_of(alert_id)?;
        let card = self.cards.get_mut(&card_id)?;
        if card.waiting.iter().any(|other| *other != alert_id) {
            return None;
        }
        card.shown.clear();
        self.take_away(card_id);
        Some(card_id)
    }

    /// Brings a card to the next of these who was not asked yet; `None` where there is none, and it stays where it is.
    pub(crate) fn bring(
        &mut self,
        card_id: CardId,
        asks: Asks,
        candidates: &[Candidate],
        now: MonoTime,
    ) -> Option<PersonId> {
        let card = self.cards.get_mut(&card_id)?;
        let open = candidates.iter().filter(|candidate| !card.asked.contains(&candidate.person));
        let to = self.desks.choose(open, asks)?;
        let before = card.to.replace(to.clone());
        // What is passed on rings when it is shown.
        let rings = card.asked.is_empty() && card.rang_for.as_ref() != Some(&to);
        card.asked.insert(to.clone());
        card.brought_at = now;
        if rings {
            card.rang_for = Some(to.clone());
        }
        let is_shown = card.is_shown_by(&to);
        self.desks.leave(before.as_ref());
        self.desks.take(&to, rings, now);
        self.set_due(card_id, (!is_shown).then(|| now.after(self.present_within)));
        Some(to)
    }

    /// A console of a person, who may act on it, reported a presented frame with an alert.
    pub(crate) fn handle_shown(&mut self, alert_id: AlertId, person: &PersonId, now: MonoTime) {
        self.desks.hear(person, now);
        let Some(card_id) = self.card_of(alert_id) else { return };
        let Some(card) = self.cards.get_mut(&card_id) else { return };
        card.note_shown(person);
        if card.to.as_ref() != Some(person) {
            return;
        }
        if card.rang_for.as_ref() != Some(person) {
            card.rang_for = Some(person.clone());
            self.desks.ring(person, now);
        }
        self.set_due(card_id, None);
    }

    /// A person did something: he is there.
    pub(crate) fn handle_presence(&mut self, person: &PersonId, now: MonoTime) {
        self.desks.hear(person, now);
    }

    /// Returns the next card that was not shown in time by whom it was brought to. He counts as away from now on, unless
    /// he was heard of meanwhile: then he is there, and has more than he can look at.
    pub(crate) fn poll_unseen(&mut self, now: MonoTime) -> Option<CardId> {
        let (_, card_id) = self.due.first().copied().filter(|(at, _)| now >= *at)?;
        self.set_due(card_id, None);
        if let Some(card) = self.cards.get(&card_id)
            && let Some(person) = &card.to
        {
            self.desks.miss(person, card.brought_at);
        }
        Some(card_id)
    }

    /// Returns whether somebody who may act on it showed a card since it began to wait.
    pub(crate) fn is_shown(&self, card_id: CardId) -> bool {
        self.cards.get(&card_id).is_some_and(|card| !card.shown.is_empty())
    }

    /// Takes a card away from whom it was brought to: it may be brought to anybody.
    fn take_away(&mut self, card_id: CardId) {
        self.set_due(card_id, None);
        self.to_place.remove(&card_id);
        let Some(card) = self.cards.get_mut(&card_id) else { return };
        card.asked.clear();
        let to = card.to.take();
        self.desks.leave(to.as_ref());
    }

    /// Somebody may be asked from now on: what is with nobody, or with somebody who is away and has not shown it, is to be
    /// placed.
    pub(crate) fn handle_newcomer(&mut self) {
        let is_left_lying = |card: &Card| match &card.to {
            None => card.waits(),
            Some(person) => card.due.is_none() && self.desks.is_away(person) && !card.is_shown_by(person),
        };
        let lying = self.cards.iter().filter(|(_, card)| is_left_lying(card)).map(|(card_id, _)| *card_id);
        self.to_place.extend(lying);
    }

    /// Returns the cards that were brought to a person.
    pub(crate) fn brought_to(&self, person: &PersonId) -> Vec<CardId> {
        if self.desks.waiting(person) == 0 {
            return Vec::new();
        }
        let mine = self.cards.iter().filter(|(_, card)| card.to.as_ref() == Some(person));
        mine.map(|(card_id, _)| *card_id).collect()
    }

    /// Whom a card was brought to may be asked about it no longer: it is to be placed.
    pub(crate) fn give_up(&mut self, card_id: CardId) {
        self.take_away(card_id);
        self.to_place.insert(card_id);
    }

    /// Returns the next card that is to be placed.
    pub(crate) fn poll_place(&mut self) -> Option<CardId> {
        self.to_place.pop_first()
    }

    /// Returns whether cards are to be placed.
    pub(crate) fn has_to_place(&self) -> bool {
        !self.to_place.is_empty()
    }

    /// Returns when the next card must have been shown, or a flood is over.
    pub(crate) fn poll_timeout(&self) -> Option<MonoTime> {
        let due = self.due.first().map(|(at, _)| *at);
        due.into_iter().chain(self.desks.poll_timeout()).min()
    }

    /// Ends the floods that are over.
    pub(crate) fn handle_timeout(&mut self, now: MonoTime) {
        self.desks.handle_timeout(now);
    }

    /// Returns whether somebody stands differently than when this was last asked.
    pub(crate) fn take_changed(&mut self) -> bool {
        self.desks.take_changed()
    }

    /// Returns how many cards wait for a person, since when he has a flood, and whether he is away.
    pub(crate) fn standing(&self, person: &PersonId) -> (usize, Option<MonoTime>, bool) {
        (self.desks.waiting(person), self.desks.flooded_since(person), self.desks.is_away(person))
    }

    fn set_due(&mut self, card_id: CardId, due: Option<MonoTime>) {
        let Some(card) = self.cards.get_mut(&card_id) else { return };
        if let Some(at) = std::mem::replace(&mut card.due, due) {
            self.due.remove(&(at, card_id));
        }
        if let Some(at) = due {
            self.due.insert((at, card_id));
        }
    }
}

#[cfg(test)]
mod tests;
