//! The alert queue: what runs out first, then what is worst, then what is oldest.

use super::{Mark, Tone, age, cause_word};
use crate::{AlertPicture, Picture};
use std::{cmp::Reverse, time::Duration};
use watchkeeper_model::{AgentId, AlarmState, AlertId, MonoTime, Response, Severity};

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
    /// Why, in plain words.
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
}

/// Returns the queue without alerts that are over and acknowledged.
///
/// `frozen` is the order that a person just looked at: those alerts keep their places among each other, and
/// what is new goes behind them.
pub fn rows(picture: &Picture, frozen: Option<&[AlertId]>, now: MonoTime) -> Vec<AlertRow> {
    let mut queue: Vec<_> = picture
        .alerts()
        .map(|(_, entry)| entry)
        .filter(|entry| entry.alarm().state != AlarmState::Normal)
        .map(|entry| (demand_left(picture, entry, now), entry))
        .collect();
    queue.sort_by_key(|(left, entry)| urgency(*left, entry));
    if let Some(frozen) = frozen {
        // The sort is stable, so what is not in `frozen` keeps the order of urgency behind it.
        queue.sort_by_key(|(_, entry)| {
            frozen.iter().position(|alert| *alert == entry.alarm().alert_id).unwrap_or(frozen.len())
        });
    }
    queue.into_iter().map(|(left, entry)| row(picture, entry, left, now)).collect()
}

/// Returns the alert that is most urgent, to jump to.
pub fn most_urgent(picture: &Picture, now: MonoTime) -> Option<AlertId> {
    rows(picture, None, now).first().map(|row| row.alert)
}

type Urgency = (bool, Option<Duration>, bool, Reverse<Severity>, MonoTime, AlertId);

fn urgency(left: Option<Duration>, entry: &AlertPicture) -> Urgency {
    let alarm = entry.alarm();
    (left.is_none(), left, !alarm.state.is_active(), Reverse(alarm.severity), alarm.raised_at, alarm.alert_id)
}

fn demand_left(picture: &Picture, entry: &AlertPicture, now: MonoTime) -> Option<Duration> {
    let alarm = entry.alarm();
    let agent = picture.agent(&alarm.agent)?;
    let open = agent.status().demand.as_ref()?.demand_id;
    (alarm.demand_id == Some(open)).then(|| agent.demand_left(now)).flatten()
}

fn row(picture: &Picture, entry: &AlertPicture, left: Option<Duration>, now: MonoTime) -> AlertRow {
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
        text: alarm.explanation.text.to_string(),
        count: alarm.count,
        raised: picture.monitor_now(now).map(|monitor| age(monitor.since(alarm.raised_at))),
        state,
        unacknowledged: matches!(alarm.state, AlarmState::UnackActive | AlarmState::RtnUnack),
        escalation: alarm.escalation,
    }
}
