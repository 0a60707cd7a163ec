//! The alert queue: what runs out first, then what is worst, then what is oldest.

mod cause;
mod summary;

pub use cause::cause_text;
pub(crate) use cause::expected;
pub use summary::{AlertSummary, summary};

use super::{Mark, Tone, age, cause_word, countdown, place_frozen};
use crate::{AlertPicture, Picture, Unavailable};
use std::{cmp::Reverse, collections::BTreeMap, time::Duration};
use watchkeeper_model::{AgentId, Alarm, AlarmState, AlertId, MonoTime, Response, Severity, Shelved};

/// One alert in the queue.
#[derive(Clone, Debug, PartialEq)]
pub struct AlertRow {
    /// Which alert. Whatever is done is done to this, not to the row.
    pub alert: AlertId,
    /// Whose.
    pub agent: AgentId,
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
    /// Who put it aside, until when and why: `shelved 4:05 by anna: sensor being replaced`.
    pub shelved: Option<String>,
    /// The first of several of its agent's alerts that are active now: what came after may follow from it.
    pub first_out: bool,
    /// The agent's data is too old to be relied on.
    pub stale: bool,
    /// It can be acknowledged from here now.
    pub can_acknowledge: bool,
    /// Why it cannot be put aside now, in words.
    pub can_shelve: Result<(), String>,
}

/// Returns the queue without alerts that are over and acknowledged, and without those put aside.
///
/// `frozen` is the order that a person just looked at: those alerts keep their places among each other, and
/// what is new goes behind them.
pub fn rows(picture: &Picture, frozen: Option<&[AlertId]>, now: MonoTime) -> Vec<AlertRow> {
    let queue = Queue::new(picture, now);
    let mut shown: Vec<_> =
        queue.open().filter(|(left, entry)| left.is_some() || queue.aside(entry.alarm()).is_none()).collect();
    shown.sort_by_key(|(left, entry)| urgency(*left, entry));
    if let Some(frozen) = frozen {
        place_frozen(&mut shown, frozen, |(_, entry)| &entry.alarm().alert_id);
    }
    shown.into_iter().map(|(left, entry)| queue.row(entry, left)).collect()
}

/// Returns the alerts that somebody has put aside: what comes back first stands first.
pub fn shelved(picture: &Picture, now: MonoTime) -> Vec<AlertRow> {
    let queue = Queue::new(picture, now);
    let mut shown: Vec<_> = queue
        .open()
        .filter(|(left, _)| left.is_none())
        .filter_map(|(left, entry)| Some((queue.aside(entry.alarm())?.until, left, entry)))
        .collect();
    shown.sort_by_key(|(until, _, entry)| (*until, entry.alarm().alert_id));
    shown.into_iter().map(|(_, left, entry)| queue.row(entry, left)).collect()
}

type Urgency = (bool, Option<Duration>, bool, Reverse<Severity>, MonoTime, AlertId);

fn urgency(left: Option<Duration>, entry: &AlertPicture) -> Urgency {
    let alarm = entry.alarm();
    (left.is_none(), left, !alarm.state.is_active(), Reverse(alarm.severity), alarm.raised_at, alarm.alert_id)
}

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

    /// Returns the alerts that are not over and acknowledged, with what is left of their demands.
    fn open(&self) -> impl Iterator<Item = (Option<Duration>, &'a AlertPicture)> {
        let entries = self.picture.alerts().map(|(_, entry)| entry);
        let open = entries.filter(|entry| entry.alarm().state != AlarmState::Normal);
        open.map(|entry| (self.demand_left(entry.alarm()), entry))
    }

    fn demand_left(&self, alarm: &Alarm) -> Option<Duration> {
        let demand = alarm.demand_id?;
        let agent = self.picture.agent(&alarm.agent)?;
        let open = agent.status().demand.as_ref()?.demand_id;
        (demand == open).then(|| agent.demand_left(self.now)).flatten()
    }

    /// Returns how the alert was put aside, until its time is over.
    fn aside(&self, alarm: &'a Alarm) -> Option<&'a Shelved> {
        let shelved = alarm.shelved.as_ref()?;
        self.monitor_now.is_none_or(|monitor| monitor < shelved.until).then_some(shelved)
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
        let me = self.picture.me().map(|me| &me.person);
        let unacknowledged = matches!(alarm.state, AlarmState::UnackActive | AlarmState::RtnUnack);
        AlertRow {
            alert: alarm.alert_id,
            agent: alarm.agent.clone(),
            mark,
            priority,
            severity: alarm.severity.word(),
            tone,
            takeover: alarm.response == Response::Takeover,
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
            shelved: self.aside(alarm).map(|shelved| self.shelved_words(shelved)),
            first_out: self.first_out.get(&alarm.agent) == Some(&alarm.alert_id),
            stale: self.picture.agent(&alarm.agent).is_some_and(|agent| agent.freshness(self.now).stale),
            can_acknowledge: unacknowledged && Unavailable::of_session(self.picture).is_ok(),
            can_shelve: self.can_shelve(alarm, left),
        }
    }

    fn shelved_words(&self, shelved: &Shelved) -> String {
        let left = self.monitor_now.map(|monitor| format!(" {}", countdown(monitor.until(shelved.until))));
        let reason =
            if shelved.reason.as_str().is_empty() { String::new() } else { format!(": {}", shelved.reason) };
        format!("shelved{} by {}{reason}", left.unwrap_or_default(), shelved.by)
    }

    fn can_shelve(&self, alarm: &Alarm, left: Option<Duration>) -> Result<(), String> {
        Unavailable::of_session(self.picture).map_err(|why| why.to_string())?;
        if left.is_some() {
            return Err("its takeover is demanded".to_owned());
        }
        if !alarm.state.is_active() {
            return Err("it is over: acknowledge it".to_owned());
        }
        if self.aside(alarm).is_some() { Err("it is shelved already".to_owned()) } else { Ok(()) }
    }
}
