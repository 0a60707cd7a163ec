//! The alert queue: what runs out first, then what is brought to this person, then what matters most, then what is worst,
//! then what is oldest; and what is hidden from it. What many agents have at once is one card; while its person has a flood, what is not pressing is one
//! card a kind.

mod cards;
mod cause;
mod hidden;
mod summary;

pub use cause::cause_text;
pub(crate) use cause::expected;
pub use hidden::{Hidden, HiddenBy, hidden};
pub use summary::{AlertSummary, flood_words, summary};

use super::{Mark, Tone, age, cause_word};
use crate::{AlertPicture, Picture, Unavailable};
use std::{cmp::Reverse, collections::BTreeMap, time::Duration};
use watchkeeper_model::{
    AgentId, Alarm, AlarmState, AlertId, MonoTime, OperatorRole, Priority, Response, Severity,
};

/// What a card in the queue stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Card {
    /// One alert.
    Alone,
    /// One trouble of many agents: what is done to it is done to all of it. Nobody takes over a crowd.
    Common,
    /// All alerts of a kind in a flood: nothing is done to all of them.
    Kind,
}

/// One card in the queue: an alert, or several that are one.
#[derive(Clone, Debug, PartialEq)]
pub struct AlertRow {
    /// Which alert; the one that leads where there are several. Whatever is done is done to this, not to the row.
    pub alert: AlertId,
    /// Every alert that the card stands for, this one included.
    pub stands_for: Vec<AlertId>,
    /// Whose.
    pub agent: AgentId,
    /// Whose, in words: `truck-3`, `200 agents of depot north`.
    pub whose: String,
    /// Whom it is brought to: `for you`, `for ben`; `None` where it waits for nobody.
    pub brought: Option<String>,
    /// Shape of its severity.
    pub mark: Mark,
    /// 1 is the worst: the number that stands on the mark.
    pub priority: u8,
    /// Its severity in a word.
    pub severity: &'static str,
    /// How it is meant.
    pub tone: Tone,
    /// It asks for a takeover, not only for a look.
    pub takeover: bool,
    /// What the card stands for.
    pub card: Card,
    /// Time left of its demand, while that is open; zero when it has run out.
    pub left: Option<Duration>,
    /// What kind of thing is wrong, in words.
    pub cause: &'static str,
    /// Which of that kind: the signal, the rule.
    pub subject: String,
    /// Why, in plain words, with what was expected and what came instead.
    pub text: String,
    /// How often it was found, the first included.
    pub count: u64,
    /// How long ago it was raised; `None` while the monitor's clock is not known here.
    pub raised: Option<String>,
    /// Where it is: `new`, `acknowledged by anna`, `over, not acknowledged`.
    pub state: String,
    /// Nobody has acknowledged it: its mark may flash, slowly.
    pub unacknowledged: bool,
    /// 0, then 1 and 2 as time runs out.
    pub escalation: u8,
    /// Who acknowledged it: `you`, or a name.
    pub acknowledged_by: Option<String>,
    /// What hides it from the queue, by whom, until when and why; `None` where it is in the queue.
    pub hidden: Option<Hidden>,
    /// It is held open because its cause comes and goes.
    pub flapping: bool,
    /// The first of several of its agent's alerts that are active now: what came after may follow from it.
    pub first_out: bool,
    /// The agent's data is too old to be relied on.
    pub stale: bool,
    /// It can be acknowledged from here now.
    pub can_acknowledge: bool,
    /// Why it cannot be put aside now, in words.
    pub can_shelve: Result<(), String>,
    /// Its cause is gone and it stays until somebody resets it, which is possible from here now.
    pub can_reset: bool,
    /// Why it cannot be taken out of service now, in words.
    pub can_take_out: Result<(), String>,
    /// Why it cannot be brought back into service now, in words.
    pub can_put_back: Result<(), String>,
}

/// Returns the queue without alerts that are over and acknowledged, and without those put aside.
///
/// `frozen` is the order that a person just looked at: those alerts keep their places among each other, and
/// what is new goes behind them.
pub fn rows(picture: &Picture, frozen: Option<&[AlertId]>, now: MonoTime) -> Vec<AlertRow> {
    cards::rows(&Queue::new(picture, now), frozen, false)
}

/// Returns the queue as [`rows`] does, and while this person has a flood, what neither demands a takeover nor has high
/// priority as one card a kind.
pub fn summarised(picture: &Picture, frozen: Option<&[AlertId]>, now: MonoTime) -> Vec<AlertRow> {
    cards::rows(&Queue::new(picture, now), frozen, picture.flooded_since().is_some())
}

type Urgency = (bool, Option<Duration>, bool, bool, Reverse<(Priority, Severity)>, MonoTime, AlertId);

/// Everything that all rows need, found once.
struct Queue<'a> {
    picture: &'a Picture,
    now: MonoTime,
    monitor_now: Option<MonoTime>,
    /// Of each agent with several active alerts, the oldest.
    first_out: BTreeMap<&'a AgentId, AlertId>,
}

impl<'a> Queue<'a> {
    fn new(picture: &'a Picture, now: MonoTime) -> Self {
        let mut active: BTreeMap<&AgentId, (usize, MonoTime, AlertId)> = BTreeMap::new();
        for (_, entry) in picture.alerts() {
            let alarm = entry.alarm();
            if !alarm.state.is_active() {
                continue;
            }
            let this = (alarm.raised_at, alarm.alert_id);
            let (count, raised_at, alert) = active.entry(&alarm.agent).or_insert((0, this.0, this.1));
            *count += 1;
            (*raised_at, *alert) = this.min((*raised_at, *alert));
        }
        let first_out = active.into_iter().filter(|(_, (count, _, _))| *count > 1);
        Self {
            picture,
            now,
            monitor_now: picture.monitor_now(now),
            first_out: first_out.map(|(agent, (_, _, alert))| (agent, alert)).collect(),
        }
    }

    /// Returns the alerts that are not over for good, with what is left of their demands.
    fn open(&self) -> impl Iterator<Item = (Option<Duration>, &'a AlertPicture)> {
        let entries = self.picture.alerts().map(|(_, entry)| entry);
        let open = entries.filter(|entry| !entry.alarm().is_over());
        open.map(|entry| (self.demand_left(entry.alarm()), entry))
    }

    /// What is brought to this person and waits for him comes right behind what demands a takeover: he is counted on to see
    /// it.
    fn urgency(&self, left: Option<Duration>, entry: &AlertPicture) -> Urgency {
        let alarm = entry.alarm();
        let worth = Reverse((alarm.priority, alarm.severity));
        let me = self.picture.me().map(|me| &me.person);
        let is_mine = alarm.routed.as_ref().is_some_and(|routed| Some(&routed.to) == me);
        (left.is_none(), left, !is_mine, !alarm.state.is_active(), worth, alarm.raised_at, alarm.alert_id)
    }

    fn demand_left(&self, alarm: &Alarm) -> Option<Duration> {
        let demand = alarm.demand_id?;
        let agent = self.picture.agent(&alarm.agent)?;
        let open = agent.status().demand.as_ref()?.demand_id;
        (demand == open).then(|| agent.demand_left(self.now)).flatten()
    }

    fn row(&self, entry: &'a AlertPicture, left: Option<Duration>) -> AlertRow {
        let alarm = entry.alarm();
        let (mark, priority, tone) = match alarm.severity {
            Severity::Critical => (Mark::Square, 1, Tone::Danger),
            Severity::Warning => (Mark::TriangleUp, 2, Tone::Warning),
            Severity::Advisory => (Mark::Ring, 3, Tone::Normal),
        };
        let tone = match (alarm.state.is_active(), left) {
            (_, Some(_)) => Tone::Danger,
            (true, None) => tone,
            (false, None) => Tone::Quiet,
        };
        let state = match (alarm.state, &alarm.acknowledged_by) {
            (AlarmState::UnackActive, _) => "new".to_owned(),
            (AlarmState::AckedActive, Some(person)) => format!("acknowledged by {person}"),
            (AlarmState::AckedActive, None) => "acknowledged".to_owned(),
            (AlarmState::RtnUnack, _) => "over, not acknowledged".to_owned(),
            (AlarmState::Normal, _) => "over".to_owned(),
        };
        let state = if alarm.latched { format!("{state}, latched") } else { state };
        let state = if alarm.flapping { format!("{state}, comes and goes") } else { state };
        let me = self.picture.me().map(|me| &me.person);
        let unacknowledged = alarm.state.is_unacknowledged();
        AlertRow {
            alert: alarm.alert_id,
            stands_for: vec![alarm.alert_id],
            agent: alarm.agent.clone(),
            whose: alarm.agent.to_string(),
            brought: self.brought(alarm),
            mark,
            priority,
            severity: alarm.severity.word(),
            tone,
            takeover: alarm.response == Response::Takeover,
            card: Card::Alone,
            left,
            cause: cause_word(alarm.cause),
            subject: alarm.subject.to_string(),
            text: cause_text(alarm),
            count: alarm.count,
            raised: self.monitor_now.map(|monitor| age(monitor.since(alarm.raised_at))),
            state,
            unacknowledged,
            escalation: alarm.escalation,
            acknowledged_by: alarm
                .acknowledged_by
                .as_ref()
                .map(|person| if Some(person) == me { "you".to_owned() } else { person.to_string() }),
            hidden: self.hidden(alarm, left),
            flapping: alarm.flapping,
            first_out: self.first_out.get(&alarm.agent) == Some(&alarm.alert_id),
            stale: self.picture.agent(&alarm.agent).is_some_and(|agent| agent.freshness(self.now).stale),
            can_acknowledge: unacknowledged && Unavailable::of_session(self.picture).is_ok(),
            can_shelve: self.can_shelve(alarm, left),
            can_reset: alarm.latched
                && !alarm.state.is_active()
                && Unavailable::of_session(self.picture).is_ok(),
            can_take_out: self.can_take_out(alarm, left),
            can_put_back: self.can_put_back(alarm),
        }
    }

    /// Says whom an alert is brought to.
    fn brought(&self, alarm: &Alarm) -> Option<String> {
        let to = &alarm.routed.as_ref()?.to;
        let is_me = self.picture.me().is_some_and(|me| me.person == *to);
        Some(if is_me { "for you".to_owned() } else { format!("for {to}") })
    }

    fn can_shelve(&self, alarm: &Alarm, left: Option<Duration>) -> Result<(), String> {
        Unavailable::of_session(self.picture).map_err(|why| why.to_string())?;
        if left.is_some() {
            return Err("its takeover is demanded".to_owned());
        }
        if !alarm.state.is_active() {
            return Err("it is over: acknowledge it".to_owned());
        }
        if self.is_shelved(alarm) { Err("it is shelved already".to_owned()) } else { Ok(()) }
    }

    fn can_take_out(&self, alarm: &Alarm, left: Option<Duration>) -> Result<(), String> {
        self.may_change_service()?;
        if left.is_some() {
            return Err("its takeover is demanded".to_owned());
        }
        if alarm.out_of_service.is_some() { Err("it is out of service".to_owned()) } else { Ok(()) }
    }

    fn can_put_back(&self, alarm: &Alarm) -> Result<(), String> {
        self.may_change_service()?;
        if alarm.out_of_service.is_some() { Ok(()) } else { Err("it is in service".to_owned()) }
    }

    fn may_change_service(&self) -> Result<(), String> {
        Unavailable::of_session(self.picture).map_err(|why| why.to_string())?;
        let supervises = self.picture.me().is_some_and(|me| me.role >= OperatorRole::Supervisor);
        if supervises { Ok(()) } else { Err("only a supervisor takes alerts out of service".to_owned()) }
    }
}
