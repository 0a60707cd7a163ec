//! Everybody, each person, and nobody: to whom alarms are brought, and what is counted of each.

use super::{
    episode::Episode,
    keys::MAX_KEYS,
    load::{Flood, Load},
    report::{Demands, PersonFigures, Scope},
    tally::{Ring, Standing, Tally},
};
use std::{collections::BTreeMap, time::Duration};
use watchkeeper_engine::config::FloodSettings;
use watchkeeper_model::{Alarm, AlertId, MonoTime, PersonId};

/// Most people that are told apart; those above it are counted together.
pub(super) const MAX_PEOPLE: usize = 256;
/// Most alarms of one person that are told apart.
const MAX_KEYS_OF_A_PERSON: usize = 10_000;

/// Whom an alarm is brought to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Whose {
    Nobody,
    Person(PersonId),
}

impl Whose {
    pub(super) fn of(alarm: &Alarm) -> Self {
        alarm.routed.as_ref().map_or(Self::Nobody, |routed| Self::Person(routed.to.clone()))
    }
}

/// What is counted of one of them, in the period and in the shift that goes on.
#[derive(Debug)]
struct One {
    most_keys: usize,
    load: Load,
    period: Tally,
    shift: Tally,
}

impl One {
    fn new(flood: FloodSettings, most_keys: usize) -> Self {
        let [period, shift] = [Tally::new(most_keys), Tally::new(most_keys)];
        Self { most_keys, load: Load::new(flood), period, shift }
    }

    fn ring(&mut self, ring: &Ring, at: MonoTime) {
        self.settle(at);
        let in_ten_minutes = self.load.ring(at);
        self.count(&|tally: &mut Tally| tally.ring(ring, in_ten_minutes));
    }

    fn settle(&mut self, at: MonoTime) {
        let ended = self.load.settle(at);
        self.count_flood(ended);
    }

    fn count(&mut self, count: &impl Fn(&mut Tally)) {
        count(&mut self.period);
        count(&mut self.shift);
    }

    fn count_flood(&mut self, flood: Option<Flood>) {
        if let Some(flood) = flood {
            self.period.count_flood(flood.in_period);
            self.shift.count_flood(flood.in_shift);
        }
    }

    fn handle_run(&mut self, flood: FloodSettings, last: MonoTime) {
        let ended = self.load.handle_run(flood, last);
        self.count_flood(ended);
    }

    fn handle_period(&mut self, at: MonoTime) {
        self.load.handle_period(at);
        self.period = Tally::new(self.most_keys);
        self.shift = Tally::new(self.most_keys);
    }

    /// Returns what there was of the shift.
    fn end_shift(&mut self, end: MonoTime) -> Tally {
        if let Some(part) = self.load.handle_shift(end) {
            self.shift.count_flood(part);
        }
        std::mem::replace(&mut self.shift, Tally::new(self.most_keys))
    }

    /// Returns what there was of the period.
    fn end_period(&mut self, end: MonoTime) -> Tally {
        if let Some(flood) = self.load.standing(end) {
            self.period.count_flood(flood.in_period);
        }
        std::mem::replace(&mut self.period, Tally::new(self.most_keys))
    }
}

/// All of them.
#[derive(Debug)]
pub(super) struct Crowd {
    flood: FloodSettings,
    everybody: One,
    nobody: One,
    people: BTreeMap<PersonId, One>,
    /// People above the bound.
    others: One,
}

impl Crowd {
    pub(super) fn new(flood: FloodSettings) -> Self {
        Self {
            flood,
            everybody: One::new(flood, MAX_KEYS),
            nobody: One::new(flood, MAX_KEYS_OF_A_PERSON),
            people: BTreeMap::new(),
            others: One::new(flood, MAX_KEYS_OF_A_PERSON),
        }
    }

    /// An alarm is annunciated.
    pub(super) fn ring(&mut self, whose: &Whose, ring: &Ring, at: MonoTime) {
        self.everybody.ring(ring, at);
        self.bring(whose, ring, at);
    }

    /// An alarm that was annunciated is brought to somebody else.
    pub(super) fn bring(&mut self, whose: &Whose, ring: &Ring, at: MonoTime) {
        self.one(whose).ring(ring, at);
    }

    /// Counts something of one of them, and so of everybody.
    pub(super) fn count(&mut self, whose: &Whose, count: impl Fn(&mut Tally)) {
        self.everybody.count(&count);
        self.one(whose).count(&count);
    }

    /// A run begins; `last` is how far the one before got.
    pub(super) fn handle_run(&mut self, flood: FloodSettings, last: MonoTime) {
        self.flood = flood;
        self.all().for_each(|one| one.handle_run(flood, last));
    }

    /// The period begins: what was before does not count.
    pub(super) fn handle_period(&mut self, at: MonoTime) {
        self.all().for_each(|one| one.handle_period(at));
    }

    /// Ends what has ended by now.
    pub(super) fn settle(&mut self, at: MonoTime) {
        self.all().for_each(|one| one.settle(at));
    }

    /// Returns the figures of the shift that ends.
    pub(super) fn end_shift(
        &mut self,
        demands: &Demands,
        watched: Duration,
        open: &BTreeMap<AlertId, Episode>,
        end: MonoTime,
    ) -> Scope {
        self.scope(demands, watched, standing(open, end), |one| one.end_shift(end))
    }

    /// Returns the figures of the period.
    pub(super) fn period(
        &mut self,
        demands: &Demands,
        watched: Duration,
        open: &BTreeMap<AlertId, Episode>,
        end: MonoTime,
    ) -> Scope {
        self.scope(demands, watched, standing(open, end), |one| one.end_period(end))
    }

    fn scope(
        &mut self,
        demands: &Demands,
        watched: Duration,
        (all, mut each): (Standing, BTreeMap<Whose, Standing>),
        tally: impl Fn(&mut One) -> Tally,
    ) -> Scope {
        let figures = |one: &mut One, standing: Option<Standing>| {
            let tally = tally(one);
            (!tally.is_empty() || standing.is_some())
                .then(|| tally.figures(watched, standing.unwrap_or_default()))
        };
        let nobody = figures(&mut self.nobody, Some(each.remove(&Whose::Nobody).unwrap_or_default()));
        let mut people = Vec::new();
        for (person, one) in &mut self.people {
            if let Some(figures) = figures(one, each.remove(&Whose::Person(person.clone()))) {
                people.push(PersonFigures { person: person.to_string(), figures });
            }
        }
        let rest = each.into_values().reduce(Standing::with);
        let other_people = figures(&mut self.others, rest);
        let everybody = tally(&mut self.everybody).figures(watched, all);
        let empty = || Tally::new(0).figures(watched, Standing::default());
        Scope {
            everybody,
            demands: demands.clone(),
            people,
            nobody: nobody.unwrap_or_else(empty),
            other_people,
        }
    }

    fn one(&mut self, whose: &Whose) -> &mut One {
        let Whose::Person(person) = whose else { return &mut self.nobody };
        if self.people.len() >= MAX_PEOPLE && !self.people.contains_key(person) {
            return &mut self.others;
        }
        let flood = self.flood;
        self.people.entry(person.clone()).or_insert_with(|| One::new(flood, MAX_KEYS_OF_A_PERSON))
    }

    fn all(&mut self) -> impl Iterator<Item = &mut One> {
        [&mut self.everybody, &mut self.nobody, &mut self.others].into_iter().chain(self.people.values_mut())
    }
}

/// Returns what waits and what is stale at the end, of all and of each.
fn standing(open: &BTreeMap<AlertId, Episode>, end: MonoTime) -> (Standing, BTreeMap<Whose, Standing>) {
    let (mut all, mut each) = (Standing::default(), BTreeMap::<Whose, Standing>::new());
    for (alert_id, episode) in open {
        let stale = episode.stale(alert_id.0, end);
        if episode.waits() || stale.is_some() {
            for standing in [&mut all, each.entry(episode.last_brought_to()).or_default()] {
                standing.waiting += u64::from(episode.waits());
                standing.stale.extend(stale.clone());
            }
        }
    }
    (all, each)
}
