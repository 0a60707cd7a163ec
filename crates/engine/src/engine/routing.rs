//! Brings alerts to people, passes them on when nobody looks, and calls those who are away.

use super::{Console, Engine, operators::has_eyes};
use crate::{
    Derived, Output,
    routing::{Asks, Candidate, CardId, Held},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};
use watchkeeper_model::{
    AgentId, Alarm, AlertId, DemandId, DemandOrigin, MonoTime, OperatorRole, PageReason, Permission,
    PersonId, Response, Routed, SessionId, Shelved, nanos,
};
use watchkeeper_protocol::record::Page;

/// How many alerts are told at once because of one person who came, went or pressed a key, and when the next ones follow:
/// every console that sees their agents hears of each, and none may be closed as too slow because of it.
const PORTION: usize = 64;
const NEXT_PORTION: Duration = Duration::from_millis(10);

/// Most things that are still to be done: as many as there may be alerts.
const MAX_CHORES: usize = 20_000;

/// What is done to the other alerts of a card, some at a time.
#[derive(Clone, Debug)]
pub(super) enum Chore {
    Acknowledge(AlertId, PersonId),
    Shelve(AlertId, Shelved),
    /// Whoever has the card may not act on it: it is to be brought to somebody who may.
    Part(AlertId),
}

impl Engine {
    /// Keeps whom an alert is brought to in step with what it is: who waits is brought to somebody, and what waits for
    /// nobody is with nobody.
    pub(super) fn route(&mut self, alarm: &mut Alarm, now: MonoTime) {
        let alert_id = alarm.alert_id;
        let before = self.routing.card_of(alert_id);
        if alarm.is_over() {
            self.routing.forget(alert_id);
        } else {
            let card_id = self.card_for(alarm, now);
            let is_with_somebody_new = match self.routing.hold(alert_id, card_id, alarm.waits_for_person()) {
                Held::AsBefore => false,
                Held::WithNobody => self.bring(card_id, alarm, now).is_some(),
                Held::WithSomebodyNew => true,
            };
            if is_with_somebody_new {
                self.part(card_id, now);
            }
        }
        let routed = self.routing.routed(alert_id);
        if alarm.routed != routed {
            self.alarms.set_routed(alert_id, routed.clone());
            alarm.routed = routed;
        }
        // Where it said for a card whom that is brought to, another one does so now.
        for card_id in [before, self.routing.card_of(alert_id)].into_iter().flatten() {
            if let Some(speaker) = self.routing.speaker(card_id).filter(|speaker| *speaker != alert_id) {
                self.tell_routed(speaker, now);
            }
        }
    }

    /// Returns the card that an alert belongs to. What asks for a takeover stands for itself, and so does what the person
    /// who has the card may not act on.
    fn card_for(&self, alarm: &Alarm, now: MonoTime) -> CardId {
        let alone = CardId::Alone(alarm.alert_id);
        let Some(common) = alarm.common.as_ref().filter(|_| asks_of(alarm) == Asks::Look) else {
            return alone;
        };
        let card_id = CardId::Common(common.id);
        let person = self.routing.person(card_id);
        let may = person.is_none_or(|person| self.may_be_asked(person, &alarm.agent, Asks::Look, now));
        if may { card_id } else { alone }
    }

    fn bring(&mut self, card_id: CardId, alarm: &Alarm, now: MonoTime) -> Option<PersonId> {
        let asks = asks_of(alarm);
        let candidates = self.candidates(&alarm.agent, asks, now);
        self.routing.bring(card_id, asks, &candidates, now)
    }

    /// Tells the alert that says for its card whom it is brought to, where that changed.
    fn tell_routed(&mut self, alert_id: AlertId, now: MonoTime) {
        let routed = self.routing.routed(alert_id);
        let Some(alarm) = self.alarms.get(alert_id).filter(|alarm| alarm.routed != routed) else { return };
        // What is not his is about to leave the card.
        if let Some(Routed { to, .. }) = routed.as_ref().filter(|_| !self.views.is_one())
            && !self.may_be_asked(to, &alarm.agent, asks_of(alarm), now)
        {
            return;
        }
        let alarm = Alarm { routed: routed.clone(), ..alarm.clone() };
        self.alarms.set_routed(alert_id, routed);
        self.tell_alarm(alarm);
    }

    /// Returns the consoles at which somebody may be asked about an agent now.
    fn askable(&self, agent_id: &AgentId, asks: Asks, now: MonoTime) -> impl Iterator<Item = &Console> {
        self.consoles.values().filter(move |console| {
            has_eyes(console.kind) && console.access.check(permission(asks), Some(agent_id), now).is_ok()
        })
    }

    /// Returns everybody who may be asked about an agent now.
    fn candidates(&self, agent_id: &AgentId, asks: Asks, now: MonoTime) -> Vec<Candidate> {
        let mut found: BTreeMap<&PersonId, bool> = BTreeMap::new();
        for console in self.askable(agent_id, asks, now) {
            let supervises = console.access.role >= OperatorRole::Supervisor;
            *found.entry(&console.person).or_default() |= supervises;
        }
        let mut holds: BTreeMap<&PersonId, usize> = BTreeMap::new();
        // Where there is only one, nothing is to be weighed.
        if found.len() > 1 {
            for lease in self.agents.values().filter_map(|agent| agent.lease.lease()) {
                *holds.entry(&lease.holder).or_default() += 1;
            }
        }
        let candidate = |(person, supervises): (&PersonId, bool)| {
            let holds = holds.get(person).copied().unwrap_or_default();
            Candidate { person: person.clone(), supervises, holds }
        };
        found.into_iter().map(candidate).collect()
    }

    /// Returns whether a person may be asked about an agent now.
    fn may_be_asked(&self, person: &PersonId, agent_id: &AgentId, asks: Asks, now: MonoTime) -> bool {
        self.askable(agent_id, asks, now).any(|console| console.person == *person)
    }

    /// A console showed alerts; only that of somebody who may act on an agent counts for its alerts.
    pub(super) fn note_shown(&mut self, session: SessionId, alerts: &[AlertId], now: MonoTime) {
        let Some(console) = self.consoles.get(&session) else { return };
        for alert_id in alerts {
            let Some(alarm) = self.alarms.get(*alert_id) else { continue };
            if console.access.check(permission(asks_of(alarm)), Some(&alarm.agent), now).is_ok() {
                self.routing.handle_shown(*alert_id, &console.person, now);
            }
        }
    }

    /// The person at a console did something by himself: he is there.
    pub(super) fn note_presence(&mut self, session: SessionId, now: MonoTime) {
        if let Some(console) = self.consoles.get(&session) {
            self.routing.handle_presence(&console.person, now);
        }
    }

    /// Returns when [`Self::route_due`] has something to do.
    pub(super) fn routing_due(&self) -> Option<MonoTime> {
        let waits = self.routing.has_to_place() || !self.chores.is_empty();
        let now = waits.then_some(self.portion_at);
        self.routing.poll_timeout().map(|at| at.max(self.portion_at)).into_iter().chain(now).min()
    }

    /// Passes on what was not shown in time, places what has nobody, and does what is still to be done to cards: a portion
    /// of it.
    pub(super) fn route_due(&mut self, now: MonoTime) {
        if now < self.portion_at {
            return;
        }
        let mut done = 0;
        while done < PORTION
            && let Some(card_id) = self.routing.poll_unseen(now)
        {
            self.pass_on_unseen(card_id, now);
            done += 1;
        }
        while done < PORTION
            && let Some(card_id) = self.routing.poll_place()
        {
            self.pass_on(card_id, None, now);
            done += 1;
        }
        while done < PORTION
            && let Some(chore) = self.chores.pop_front()
        {
            self.do_chore(chore, now);
            done += 1;
        }
        if done == PORTION {
            self.portion_at = now.after(NEXT_PORTION);
        }
        self.routing.handle_timeout(now);
    }

    /// Does things to alerts, some at a time. What finds no room is left: its card stays, and is pressed again.
    pub(super) fn do_soon(&mut self, chores: impl Iterator<Item = Chore>) {
        let room = MAX_CHORES.saturating_sub(self.chores.len());
        self.chores.extend(chores.take(room));
    }

    fn do_chore(&mut self, chore: Chore, now: MonoTime) {
        match chore {
            Chore::Acknowledge(alert_id, person) => {
                self.acknowledge(alert_id, &person, now);
            }
            Chore::Part(alert_id) => {
                if let Some(alarm) = self.alarms.get(alert_id).cloned() {
                    self.publish_alarm(alarm, now);
                }
            }
            // What cannot be put aside stays.
            Chore::Shelve(alert_id, shelved) => {
                if let Ok(alarm) = self.alarms.shelve(alert_id, shelved, now) {
                    self.publish_alarm(alarm, now);
                }
            }
        }
    }

    fn pass_on_unseen(&mut self, card_id: CardId, now: MonoTime) {
        if self.pass_on(card_id, None, now) || self.routing.is_shown(card_id) {
            return;
        }
        let alarm = self.routing.speaker(card_id).and_then(|speaker| self.alarms.get(speaker));
        let Some(agent_id) = alarm.filter(|alarm| alarm.demand_id.is_some()).map(|alarm| alarm.agent.clone())
        else {
            return;
        };
        if self.agents.get(&agent_id).is_some_and(|agent| agent.lease.lease().is_none()) {
            self.page(&agent_id, PageReason::NotShown, now);
        }
    }

    /// Brings a card to the next person; false where everybody was asked.
    fn pass_on(&mut self, card_id: CardId, asks: Option<Asks>, now: MonoTime) -> bool {
        let Some(speaker) = self.routing.speaker(card_id) else { return false };
        // Where nobody is left to be asked about the first, somebody may be who sees others only.
        let is_brought =
            self.seen_apart(card_id).into_iter().any(|alert_id| self.bring_for(card_id, alert_id, asks, now));
        self.part(card_id, now);
        self.tell_routed(speaker, now);
        is_brought
    }

    /// Returns of a card's alerts that wait the first of each that other consoles see.
    fn seen_apart(&self, card_id: CardId) -> Vec<AlertId> {
        let mut seen_in = BTreeSet::new();
        let is_apart = |alert_id: &AlertId| {
            let alarm = self.alarms.get(*alert_id);
            alarm.is_some_and(|alarm| seen_in.insert(self.seen_in(&alarm.agent)))
        };
        // With one view the first is like all of them.
        let looked_at = if self.views.is_one() { 1 } else { usize::MAX };
        self.routing.waiting(card_id).take(looked_at).filter(is_apart).collect()
    }

    /// Brings a card to the next person who may be asked about one of its alerts; false where there is none.
    fn bring_for(&mut self, card_id: CardId, alert_id: AlertId, asks: Option<Asks>, now: MonoTime) -> bool {
        let Some(alarm) = self.alarms.get(alert_id) else { return false };
        let asks = asks.unwrap_or_else(|| asks_of(alarm));
        let candidates = self.candidates(&alarm.agent, asks, now);
        self.routing.bring(card_id, asks, &candidates, now).is_some()
    }

    /// What is on a card and is not for whom it is brought to stands for itself from now on: nobody is asked of what he does
    /// not see.
    fn part(&mut self, card_id: CardId, now: MonoTime) {
        if self.views.is_one() || matches!(card_id, CardId::Alone(_)) {
            return;
        }
        let Some(person) = self.routing.person(card_id) else { return };
        let is_not_his = |alert_id: &AlertId| {
            let alarm = self.alarms.get(*alert_id);
            alarm.is_some_and(|alarm| !self.may_be_asked(person, &alarm.agent, asks_of(alarm), now))
        };
        let parted: Vec<Chore> = self.routing.waiting(card_id).filter(is_not_his).map(Chore::Part).collect();
        self.do_soon(parted.into_iter());
    }

    /// A demand that nobody claimed got louder: the next one is asked, and at last a supervisor and those who are away.
    pub(super) fn pass_on_unanswered(
        &mut self,
        agent_id: &AgentId,
        demand_id: DemandId,
        is_last: bool,
        now: MonoTime,
    ) {
        let asks = if is_last { Asks::TakeoverAtLast } else { Asks::Takeover };
        for alert_id in self.alarms.demanded(agent_id, demand_id) {
            if let Some(card_id) = self.routing.card_of(alert_id) {
                self.pass_on(card_id, Some(asks), now);
            }
        }
        // With nobody there somebody was called already.
        if is_last && self.askable(agent_id, asks, now).next().is_some() {
            self.page(agent_id, PageReason::Unanswered, now);
        }
    }

    /// Somebody came, or may do something else from now on: what lies about is brought to him.
    pub(super) fn welcome(&mut self, session: SessionId, now: MonoTime) {
        let acts = self.consoles.get(&session).is_some_and(|console| {
            has_eyes(console.kind) && console.access.role.may(Permission::Acknowledge)
        });
        if acts {
            self.routing.handle_newcomer();
            self.route_due(now);
        }
    }

    /// Somebody went, or may act no longer: what was brought to him goes to others, where there are any.
    pub(super) fn take_from(&mut self, person: &PersonId, now: MonoTime) {
        for card_id in self.routing.brought_to(person) {
            let speaker = self.routing.speaker(card_id).and_then(|speaker| self.alarms.get(speaker));
            // He may sit at another console too, or have lost what he does not need for this.
            if speaker.is_some_and(|alarm| self.may_be_asked(person, &alarm.agent, asks_of(alarm), now)) {
                self.part(card_id, now);
            } else {
                self.routing.give_up(card_id);
            }
        }
        self.route_due(now);
        let asked: Vec<AgentId> = self
            .agents
            .values()
            .filter(|agent| agent.demand.is_some() && agent.lease.lease().is_none())
            .map(|agent| agent.id.clone())
            .collect();
        for agent_id in asked {
            self.page_if_nobody_is_there(&agent_id, now);
        }
    }

    /// Calls people who are away where nobody who may take over is at a console.
    pub(super) fn page_if_nobody_is_there(&mut self, agent_id: &AgentId, now: MonoTime) {
        if self.askable(agent_id, Asks::Takeover, now).next().is_none() {
            self.page(agent_id, PageReason::NobodyOnline, now);
        }
    }

    /// Calls people who are away about an agent's demand, once for each reason.
    pub(super) fn page(&mut self, agent_id: &AgentId, reason: PageReason, now: MonoTime) {
        let Some(agent) = self.agents.get_mut(agent_id) else { return };
        let Some(demand) = &mut agent.demand else { return };
        // Somebody who wants control himself is there; and what is over asks nobody, however it ends.
        let is_over = demand.ending.is_some() && reason != PageReason::FellBack;
        if demand.origin == DemandOrigin::Operator || is_over || !demand.paged.insert(reason) {
            return;
        }
        let page = Page {
            reason,
            demand_id: demand.demand_id,
            agent: agent.id.clone(),
            kind: agent.kind,
            alert_id: demand.alert_id,
            at: now,
            left_nanos: nanos(now.until(demand.deadline)),
            text: demand.reason.clone(),
        };
        self.outputs.push_back(Output::Derived(Derived::Page(Box::new(page))));
    }
}

/// What a person needs to be asked.
const fn permission(asks: Asks) -> Permission {
    match asks {
        Asks::Look => Permission::Acknowledge,
        Asks::Takeover | Asks::TakeoverAtLast => Permission::Drive,
    }
}

fn asks_of(alarm: &Alarm) -> Asks {
    if alarm.response == Response::Takeover || alarm.demand_id.is_some() {
        Asks::Takeover
    } else {
        Asks::Look
    }
}
