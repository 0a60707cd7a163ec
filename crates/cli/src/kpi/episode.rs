//! One alert from its first change to its last, and what its changes mean for people.

use super::{crowd::Whose, keys::Key, report::Stale, tally::Ring};
use std::{sync::Arc, time::Duration};
use watchkeeper_model::{Alarm, AlarmState, MonoTime};

/// An alarm is stale when it is active for longer than this (ISA-18.2).
const STALE_AFTER: Duration = Duration::from_hours(24);
/// An alarm is fleeting when it is over in less than this and nobody acknowledged it.
const FLEETING_WITHIN: Duration = Duration::from_secs(10);

/// What a change means.
#[derive(Clone, Debug)]
pub(super) enum News {
    /// It is annunciated.
    Rings(Whose, Ring),
    /// It was annunciated before, and is now brought to somebody else.
    Rerouted(Whose, Ring),
    /// It begins, and something hides it.
    Hidden(Whose),
    /// It begins behind the card of a common cause.
    Member(Whose),
    /// It was over in no time.
    Fleeting(Whose),
    /// It is gone, and nobody took note.
    Lost(Whose),
    /// Somebody took note after so long.
    Acknowledged(Whose, Duration),
}

/// What is known of an alert.
#[derive(Debug)]
pub(super) struct Episode {
    key: Option<Arc<Key>>,
    is_active: bool,
    active_since: MonoTime,
    /// People see a card of its own.
    is_shown: bool,
    /// When it was annunciated since it is active.
    rung_at: Option<MonoTime>,
    /// Since it is active it was counted as one that people do not hear.
    is_counted_unheard: bool,
    /// Since when nobody has taken note of what was annunciated.
    waits_since: Option<MonoTime>,
    /// To whom it was brought last; `None` before it was annunciated.
    brought_to: Option<Whose>,
    /// Its run is over: nothing is known of it any more.
    known_until: Option<MonoTime>,
}

impl Episode {
    pub(super) fn new(key: Option<Arc<Key>>) -> Self {
        Self {
            key,
            is_active: false,
            active_since: MonoTime::default(),
            is_shown: false,
            rung_at: None,
            is_counted_unheard: false,
            waits_since: None,
            brought_to: None,
            known_until: None,
        }
    }

    /// Takes a change; returns what it means, in order.
    pub(super) fn handle_alarm(&mut self, alarm: &Alarm, at: MonoTime) -> Vec<News> {
        let mut news = Vec::new();
        let whose = Whose::of(alarm);
        if alarm.state.is_active() && !self.is_active {
            (self.active_since, self.rung_at, self.is_counted_unheard) = (at, None, false);
        }
        if self.is_active && !alarm.state.is_active() {
            news.extend(self.fleets(alarm, at).then(|| News::Fleeting(self.last_brought_to())));
        }
        self.is_active = alarm.state.is_active();
        if let Some(person) = &alarm.acknowledged_by
            && let Some(since) = self.waits_since.take()
        {
            news.push(News::Acknowledged(Whose::Person(person.clone()), at.since(since)));
        }
        let is_member = alarm.common.as_ref().is_some_and(|common| common.id != alarm.alert_id);
        self.is_shown = !alarm.is_hidden() && !is_member;
        if alarm.state == AlarmState::UnackActive && self.rung_at.is_none() {
            news.extend(self.ring(alarm, whose, at));
        } else if self.is_shown && alarm.waits_for_person() && self.is_news_for(&whose) {
            self.brought_to = Some(whose.clone());
            news.push(News::Rerouted(whose, self.as_ring(alarm)));
        }
        if alarm.is_over() && self.waits_since.take().is_some() {
            news.push(News::Lost(self.last_brought_to()));
        }
        news
    }

    /// It is active and nobody has taken note: people hear it, once as long as it is active, or it is counted apart.
    fn ring(&mut self, alarm: &Alarm, whose: Whose, at: MonoTime) -> Option<News> {
        if self.is_shown {
            self.rung_at = Some(at);
            self.waits_since.get_or_insert(at);
            self.brought_to = Some(whose.clone());
            return Some(News::Rings(whose, self.as_ring(alarm)));
        }
        let is_counted = std::mem::replace(&mut self.is_counted_unheard, true);
        (!is_counted).then(|| if alarm.is_hidden() { News::Hidden(whose) } else { News::Member(whose) })
    }

    fn as_ring(&self, alarm: &Alarm) -> Ring {
        Ring { key: self.key.clone(), priority: alarm.priority, chatters: false }
    }

    fn fleets(&self, alarm: &Alarm, at: MonoTime) -> bool {
        alarm.acknowledged_by.is_none() && self.rung_at.is_some_and(|rung| at.since(rung) < FLEETING_WITHIN)
    }

    /// Returns whether it was annunciated, and not to this person last.
    fn is_news_for(&self, whose: &Whose) -> bool {
        matches!(whose, Whose::Person(_)) && self.brought_to.as_ref().is_some_and(|last| last != whose)
    }

    /// Returns to whom it was brought last.
    pub(super) fn last_brought_to(&self) -> Whose {
        self.brought_to.clone().unwrap_or(Whose::Nobody)
    }

    /// The run is over; returns whose it was where somebody should still have taken note.
    pub(super) fn lose(&mut self, at: MonoTime) -> Option<Whose> {
        self.known_until.get_or_insert(at);
        self.waits_since.take().map(|_| self.last_brought_to())
    }

    /// Returns whether somebody should still take note of it.
    pub(super) const fn waits(&self) -> bool {
        self.waits_since.is_some()
    }

    /// Returns it where it is stale at `end`.
    pub(super) fn stale(&self, alert_id: u64, end: MonoTime) -> Option<Stale> {
        let active = self.known_until.unwrap_or(end).since(self.active_since);
        if !self.is_active || !self.is_shown || active <= STALE_AFTER {
            return None;
        }
        let (agent, cause, subject) = self.key.as_ref().map_or_else(
            || (String::new(), "", String::new()),
            |key| (key.agent.to_string(), key.cause.word(), key.subject.to_string()),
        );
        Some(Stale { alert_id, agent, cause, subject, active_secs: active.as_secs_f64() })
    }
}
