//! Whom an alert is brought to: one person at a time, and the next one when he does not look or does not answer.
//!
//! Everybody sees every alert; routing says who is asked. An alert counts as brought when a console of that person
//! reported a presented frame with it, not when it was sent. Deliberately not here: who may act on which agent
//! ([`crate::engine`] names the candidates), and what an alert is.

use crate::{FloodMeter, config::AlarmSettings};
use std::collections::{BTreeMap, BTreeSet};
use watchkeeper_model::{AlertId, MonoTime, PersonId, Routed};

/// Most people whose alerts are counted: beyond it, those are forgotten who are not there.
const MAX_DESKS: usize = 1_000;
/// Most people of whom is kept that they showed one alert; with so many it has been seen.
const MAX_SHOWN: usize = 16;

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

/// What is known of one person.
#[derive(Debug)]
struct Desk {
    flood: FloodMeter,
    /// He did not show the last alert that he was brought, and has done nothing since.
    is_away: bool,
    /// Alerts that wait for him.
    waiting: usize,
}

/// One alert that waits for somebody.
#[derive(Debug, Default)]
struct Route {
    to: Option<PersonId>,
    asked: BTreeSet<PersonId>,
    shown: BTreeSet<PersonId>,
    due: Option<MonoTime>,
}

impl Route {
    fn is_shown_by(&self, person: &PersonId) -> bool {
        self.shown.len() >= MAX_SHOWN || self.shown.contains(person)
    }
}

/// Every alert that waits, and everybody whom alerts may be brought to.
#[derive(Debug)]
pub(crate) struct Routing {
    settings: AlarmSettings,
    desks: BTreeMap<PersonId, Desk>,
    routes: BTreeMap<AlertId, Route>,
    due: BTreeSet<(MonoTime, AlertId)>,
    /// How many of them have a flood.
    floods: usize,
    /// A flood began or ended, or somebody went away or came back, since this was last asked.
    changed: bool,
}

impl Routing {
    pub(crate) const fn new(settings: AlarmSettings) -> Self {
        Self {
            settings,
            desks: BTreeMap::new(),
            routes: BTreeMap::new(),
            due: BTreeSet::new(),
            floods: 0,
            changed: false,
        }
    }

    /// Returns whether an alert waits for somebody, whether there is anybody or not.
    pub(crate) fn waits(&self, alert_id: AlertId) -> bool {
        self.routes.contains_key(&alert_id)
    }

    /// Brings an alert to somebody, or, where nobody can be asked, keeps it for whoever comes. With `beside` it goes where
    /// that alert is, and rings no bell: it is one more of the same trouble.
    pub(crate) fn begin(
        &mut self,
        alert_id: AlertId,
        beside: Option<AlertId>,
        (asks, candidates): (Asks, &[Candidate]),
        now: MonoTime,
    ) -> Option<Routed> {
        self.finish(alert_id);
        self.routes.insert(alert_id, Route::default());
        let there = beside.and_then(|beside| self.routes.get(&beside)?.to.clone());
        let there = there.filter(|person| candidates.iter().any(|candidate| candidate.person == *person));
        let rings = there.is_none();
        let to = there.or_else(|| self.choose(alert_id, asks, candidates))?;
        Some(self.bring(alert_id, to, rings, now))
    }

    /// Brings an alert to the next person who was not asked yet; `None` where there is none, and it stays where it is.
    pub(crate) fn pass_on(
        &mut self,
        alert_id: AlertId,
        asks: Asks,
        candidates: &[Candidate],
        now: MonoTime,
    ) -> Option<Routed> {
        let to = self.choose(alert_id, asks, candidates)?;
        Some(self.bring(alert_id, to, true, now))
    }

    /// Brings an alert where another one is that it turned out to belong to; `None` where it is there already.
    pub(crate) fn join(&mut self, alert_id: AlertId, beside: AlertId, now: MonoTime) -> Option<Routed> {
        let to = self.routes.get(&beside)?.to.clone()?;
        let is_elsewhere = self.routes.get(&alert_id)?.to.as_ref() != Some(&to);
        is_elsewhere.then(|| self.bring(alert_id, to, false, now))
    }

    /// It asks for more than before: everybody who is asked must show it again.
    pub(crate) fn ask_again(&mut self, alert_id: AlertId, now: MonoTime) {
        let Some(route) = self.routes.get_mut(&alert_id) else { return };
        route.shown.clear();
        route.asked = route.to.iter().cloned().collect();
        let has_to = route.to.is_some();
        self.set_due(alert_id, has_to.then(|| now.after(self.settings.routing.present_within())));
    }

    /// A console of a person reported a presented frame with an alert.
    pub(crate) fn handle_shown(&mut self, alert_id: AlertId, person: &PersonId) {
        self.handle_presence(person);
        let Some(route) = self.routes.get_mut(&alert_id) else { return };
        if route.shown.len() < MAX_SHOWN && !route.shown.contains(person) {
            route.shown.insert(person.clone());
        }
        if route.to.as_ref() == Some(person) {
            self.set_due(alert_id, None);
        }
    }

    /// A person did something: he is there.
    pub(crate) fn handle_presence(&mut self, person: &PersonId) {
        if let Some(desk) = self.desks.get_mut(person) {
            self.changed |= std::mem::take(&mut desk.is_away);
        }
    }

    /// Returns the next alert that was not shown in time by whom it was brought to; he counts as away from now on.
    pub(crate) fn poll_unseen(&mut self, now: MonoTime) -> Option<AlertId> {
        let (_, alert_id) = self.due.first().copied().filter(|(at, _)| now >= *at)?;
        self.set_due(alert_id, None);
        let to = self.routes.get(&alert_id).and_then(|route| route.to.clone());
        if let Some(desk) = to.and_then(|person| self.desks.get_mut(&person)) {
            self.changed |= !std::mem::replace(&mut desk.is_away, true);
        }
        Some(alert_id)
    }

    /// Returns whether any console showed an alert since it began to wait.
    pub(crate) fn is_shown(&self, alert_id: AlertId) -> bool {
        self.routes.get(&alert_id).is_some_and(|route| !route.shown.is_empty())
    }

    /// An alert waits for nobody any more.
    pub(crate) fn finish(&mut self, alert_id: AlertId) {
        self.set_due(alert_id, None);
        let Some(route) = self.routes.remove(&alert_id) else { return };
        self.leave_desk(route.to.as_ref());
    }

    /// A person is gone, or may act no longer: returns the alerts that wait for him.
    pub(crate) fn waiting_for(&self, person: &PersonId) -> Vec<AlertId> {
        let desk = self.desks.get(person).filter(|desk| desk.waiting > 0);
        let routes = desk.into_iter().flat_map(|_| &self.routes);
        routes.filter(|(_, route)| route.to.as_ref() == Some(person)).map(|(alert_id, _)| *alert_id).collect()
    }

    /// Takes an alert away from whom it was brought to: it waits for whoever comes.
    pub(crate) fn take_away(&mut self, alert_id: AlertId) {
        self.set_due(alert_id, None);
        let to = self.routes.get_mut(&alert_id).and_then(|route| {
            route.asked.clear();
            route.to.take()
        });
        self.leave_desk(to.as_ref());
    }

    /// Returns the alerts that wait for whoever comes.
    pub(crate) fn waiting_for_anybody(&self) -> Vec<AlertId> {
        self.routes.iter().filter(|(_, route)| route.to.is_none()).map(|(alert_id, _)| *alert_id).collect()
    }

    /// Returns when the next alert must have been shown, or a flood is over.
    pub(crate) fn poll_timeout(&self) -> Option<MonoTime> {
        let due = self.due.first().map(|(at, _)| *at);
        if self.floods == 0 {
            return due;
        }
        self.desks.values().filter_map(|desk| desk.flood.poll_timeout()).chain(due).min()
    }

    /// Ends the floods that are over.
    pub(crate) fn handle_timeout(&mut self, now: MonoTime) {
        if self.floods == 0 {
            return;
        }
        for desk in self.desks.values_mut() {
            if desk.flood.handle_timeout(now) {
                self.floods -= 1;
                self.changed = true;
            }
        }
    }

    /// Returns whether somebody stands differently than when this was last asked.
    pub(crate) fn take_changed(&mut self) -> bool {
        std::mem::take(&mut self.changed)
    }

    /// Returns how many alerts wait for a person, since when he has a flood, and whether he is away.
    pub(crate) fn standing(&self, person: &PersonId) -> (usize, Option<MonoTime>, bool) {
        let desk = self.desks.get(person);
        desk.map_or((0, None, false), |desk| (desk.waiting, desk.flood.since(), desk.is_away))
    }

    /// Chooses among those who were not asked yet.
    fn choose(&self, alert_id: AlertId, asks: Asks, candidates: &[Candidate]) -> Option<PersonId> {
        let asked = self.routes.get(&alert_id).map(|route| &route.asked);
        let open = candidates
            .iter()
            .filter(|candidate| asked.is_none_or(|asked| !asked.contains(&candidate.person)));
        let chosen = open.min_by_key(|candidate| {
            let (waiting, flood, is_away) = self.standing(&candidate.person);
            let (flooded, holds) = (usize::from(flood.is_some()), candidate.holds);
            let (first, second) = if asks == Asks::Look { (flooded, holds) } else { (holds, flooded) };
            let is_last = candidate.supervises != (asks == Asks::TakeoverAtLast);
            (is_last, is_away, first, second, waiting, candidate.person.clone())
        });
        chosen.map(|candidate| candidate.person.clone())
    }

    fn bring(&mut self, alert_id: AlertId, to: PersonId, rings: bool, now: MonoTime) -> Routed {
        self.make_room();
        let route = self.routes.entry(alert_id).or_default();
        let before = route.to.replace(to.clone());
        let passed_over = u32::try_from(route.asked.len()).unwrap_or(u32::MAX);
        route.asked.insert(to.clone());
        let is_shown = route.is_shown_by(&to);
        self.leave_desk(before.as_ref());
        let flood = FloodMeter::new(self.settings.flood);
        let desk = self.desks.entry(to.clone()).or_insert_with(|| Desk { flood, is_away: false, waiting: 0 });
        desk.waiting += 1;
        if rings && desk.flood.count(now) {
            self.floods += 1;
            self.changed = true;
        }
        let due = (!is_shown).then(|| now.after(self.settings.routing.present_within()));
        self.set_due(alert_id, due);
        Routed { to, since: now, passed_over }
    }

    fn leave_desk(&mut self, person: Option<&PersonId>) {
        if let Some(desk) = person.and_then(|person| self.desks.get_mut(person)) {
            desk.waiting = desk.waiting.saturating_sub(1);
        }
    }

    fn set_due(&mut self, alert_id: AlertId, due: Option<MonoTime>) {
        let Some(route) = self.routes.get_mut(&alert_id) else { return };
        if let Some(at) = std::mem::replace(&mut route.due, due) {
            self.due.remove(&(at, alert_id));
        }
        if let Some(at) = due {
            self.due.insert((at, alert_id));
        }
    }

    fn make_room(&mut self) {
        if self.desks.len() >= MAX_DESKS {
            self.desks.retain(|_, desk| desk.waiting > 0 || desk.flood.since().is_some());
        }
    }
}

#[cfg(test)]
mod tests;
