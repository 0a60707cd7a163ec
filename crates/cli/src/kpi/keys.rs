//! Which alarms there were, by agent, cause and subject, within bounds.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::Duration,
};
use watchkeeper_model::{AgentId, Alarm, CauseClass, Label, MonoTime};

/// Most alarms that are told apart; of what comes above it only the number is kept.
pub(super) const MAX_KEYS: usize = 100_000;
/// An alarm chatters with so many annunciations ...
const CHATTERS_FROM: usize = 3;
/// ... of which the last comes less than this after the first (ISA-18.2: three or more a minute).
const CHATTERS_WITHIN: Duration = Duration::from_mins(1);

/// What names an alarm however often it comes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) agent: AgentId,
    pub(super) cause: CauseClass,
    pub(super) subject: Label,
}

impl Key {
    pub(super) fn of(alarm: &Alarm) -> Self {
        Self { agent: alarm.agent.clone(), cause: alarm.cause, subject: alarm.subject.clone() }
    }
}

/// Every alarm that came, and when it last did.
#[derive(Debug)]
pub(super) struct Keys {
    most: usize,
    rung: BTreeMap<Arc<Key>, VecDeque<MonoTime>>,
}

impl Default for Keys {
    fn default() -> Self {
        Self { most: MAX_KEYS, rung: BTreeMap::new() }
    }
}

impl Keys {
    /// Returns a key in the one place where it is kept; `None` where there are too many already.
    pub(super) fn find(&mut self, key: Key) -> Option<Arc<Key>> {
        if let Some((known, _)) = self.rung.get_key_value(&key) {
            return Some(Arc::clone(known));
        }
        if self.rung.len() >= self.most {
            return None;
        }
        let key = Arc::new(key);
        self.rung.insert(Arc::clone(&key), VecDeque::new());
        Some(key)
    }

    /// Counts an annunciation; returns whether the alarm chatters with it.
    pub(super) fn ring(&mut self, key: &Key, at: MonoTime) -> bool {
        let Some(rung) = self.rung.get_mut(key) else { return false };
        rung.push_back(at);
        if rung.len() > CHATTERS_FROM {
            rung.pop_front();
        }
        rung.len() == CHATTERS_FROM && rung.front().is_some_and(|first| at.since(*first) < CHATTERS_WITHIN)
    }
}

/// Counts by key, within a bound.
#[derive(Debug)]
pub(super) struct Counted {
    most: usize,
    counts: BTreeMap<Arc<Key>, u64>,
    /// Those of the keys above the bound.
    others: u64,
}

impl Counted {
    pub(super) const fn new(most: usize) -> Self {
        Self { most, counts: BTreeMap::new(), others: 0 }
    }

    pub(super) fn count(&mut self, key: Option<&Arc<Key>>) {
        let known = key.filter(|key| self.counts.len() < self.most || self.counts.contains_key(*key));
        match known {
            Some(key) => *self.counts.entry(Arc::clone(key)).or_default() += 1,
            None => self.others += 1,
        }
    }

    pub(super) const fn others(&self) -> u64 {
        self.others
    }

    /// Returns the most frequent ones, the most frequent first; by name where they are as frequent.
    pub(super) fn most_frequent(&self, how_many: usize) -> Vec<(Arc<Key>, u64)> {
        let mut all: Vec<_> = self.counts.iter().map(|(key, count)| (Arc::clone(key), *count)).collect();
        all.sort_by(|one, other| other.1.cmp(&one.1).then_with(|| one.0.cmp(&other.0)));
        all.truncate(how_many);
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(subject: &str) -> Key {
        let agent = AgentId::new("press-1").unwrap();
        Key { agent, cause: CauseClass::Limit, subject: Label::cut(subject) }
    }

    fn at(secs: u64) -> MonoTime {
        MonoTime::from_nanos(secs * 1_000_000_000)
    }

    #[test]
    fn three_in_less_than_a_minute_chatter_and_the_third_after_exactly_a_minute_does_not() {
        let mut keys = Keys::default();
        let heat = keys.find(key("heat")).unwrap();
        let rung = [0, 30, 60, 89, 200, 260, 300];
        let chatters: Vec<u64> = rung.into_iter().filter(|secs| keys.ring(&heat, at(*secs))).collect();
        // 0, 30, 60: exactly a minute. 30, 60, 89: 59 s. 200, 260, 300: 100 s.
        assert_eq!(chatters, [89]);
    }

    #[test]
    fn above_the_bound_only_the_number_is_kept() {
        let mut keys = Keys { most: 2, ..Keys::default() };
        let found: Vec<_> = ["a", "b", "c", "a"].into_iter().map(|subject| keys.find(key(subject))).collect();
        assert!(found[0].is_some() && found[1].is_some() && found[2].is_none() && found[3].is_some());
        let mut counted = Counted::new(1);
        for key in &found {
            counted.count(key.as_ref());
        }
        assert_eq!(counted.others(), 2, "b is one too many here, c everywhere");
        let most = counted.most_frequent(10);
        assert_eq!((most.len(), most[0].1, most[0].0.subject.as_str()), (1, 2, "a"));
    }

    #[test]
    fn what_is_as_frequent_is_in_the_order_of_its_name() {
        let mut keys = Keys::default();
        let mut counted = Counted::new(MAX_KEYS);
        for subject in ["b", "c", "a", "c"] {
            counted.count(keys.find(key(subject)).as_ref());
        }
        let names: Vec<_> =
            counted.most_frequent(2).into_iter().map(|(key, _)| key.subject.to_string()).collect();
        assert_eq!(names, ["c", "a"]);
    }
}
