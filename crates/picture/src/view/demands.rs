//! The takeover lane: what waits for a person and runs out first, visible at every level.
//!
//! Open demands, and agents whose fallback or stop nobody has in hand. One row an agent.

use super::{
    Mark, Tone, age, agent::if_nobody_acts, alerts::cause_text, cause_word, is_mine, place_frozen, share,
    state_look, state_words,
};
use crate::{AgentPicture, Picture, timers::demand_within};
use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};
use watchkeeper_model::{AgentId, Alarm, AlertId, ControlState, DemandId, DemandOrigin, MonoTime, Severity};

/// Something that waits for a person.
#[derive(Clone, Debug, PartialEq)]
pub struct DemandRow {
    /// Whose.
    pub agent: AgentId,
    /// The open demand; `None` for an agent that is safe or stopped and waits without one.
    pub demand: Option<DemandId>,
    /// The alert that led to it, or the worst one of the agent.
    pub alert: Option<AlertId>,
    /// Shape of the agent's state.
    pub mark: Mark,
    /// 1 is the most urgent: the number that stands on the mark.
    pub priority: u8,
    /// How it is meant.
    pub tone: Tone,
    /// The agent's state in words.
    pub state: String,
    /// Why, in a few words.
    pub cause: String,
    /// Why, in plain words and in full.
    pub text: String,
    /// What happens if nobody acts.
    pub then: String,
    /// Time left until then, zero when it has run out; `None` where nothing runs.
    pub left: Option<Duration>,
    /// The same as a share of the time that this kind of agent has by default, 0 to 1.
    pub fraction: Option<f64>,
    /// Who has it or is about to: `you`, or a name.
    pub holder: Option<String>,
    /// This session has it or is about to.
    pub mine: bool,
    /// How long ago its alert was raised; `None` where there is none or the monitor's clock is not known here.
    pub raised: Option<String>,
}

/// Returns the lane, most urgent first; between equals the name decides.
///
/// `frozen` is the order that a person just looked at: those agents keep their places among each other, and
/// what is new goes behind them.
pub fn rows(picture: &Picture, frozen: Option<&[AgentId]>, now: MonoTime) -> Vec<DemandRow> {
    let waiting: Vec<_> = picture.agents().filter(|(_, entry)| waits(entry)).collect();
    if waiting.is_empty() {
        return Vec::new();
    }
    let agents = waiting.iter().map(|(agent, _)| *agent).collect();
    let alarms = lead_alarms(picture, &agents);
    let mut rows: Vec<DemandRow> = waiting
        .into_iter()
        .map(|(agent, entry)| row(picture, entry, alarms.get(agent).copied(), now))
        .collect();
    rows.sort_by_key(|row| {
        let of_others = row.holder.is_some() && !row.mine;
        (row.priority, of_others, row.left.is_none(), row.left)
    });
    if let Some(frozen) = frozen {
        place_frozen(&mut rows, frozen, |row| &row.agent);
    }
    rows
}

/// Returns whom the key that takes over means instead of the selected agent: the first that calls and that nobody
/// has, unless the selected one waits for somebody itself or this person holds one. `rows` are as they are shown.
pub fn called(picture: &Picture, rows: &[DemandRow], selected: Option<&AgentId>) -> Option<AgentId> {
    let holds_one = picture.agents().any(|(agent, _)| picture.my_epoch(agent).is_some());
    let selected_waits = rows.iter().any(|row| Some(&row.agent) == selected);
    if holds_one || selected_waits {
        return None;
    }
    let calls = |row: &&DemandRow| row.demand.is_some() && row.holder.is_none();
    rows.iter().find(calls).map(|row| row.agent.clone())
}

/// Says whether an agent waits for somebody, or has a demand open that somebody is at.
fn waits(entry: &AgentPicture) -> bool {
    let status = entry.status();
    let alone = match status.control_state {
        ControlState::Fallback
        | ControlState::FallbackFailed
        | ControlState::SafeHeld
        | ControlState::Estopped => status.lease.is_none(),
        ControlState::Requested => true,
        ControlState::Autonomous
        | ControlState::AssistPending
        | ControlState::Claimed
        | ControlState::InTransition
        | ControlState::Human
        | ControlState::Returning
        | ControlState::Local
        | ControlState::OutOfService => false,
    };
    alone || status.demand.is_some() || status.unverified || status.stop_pending
}

/// Returns of each of these agents the alert that says best why somebody is wanted.
fn lead_alarms<'a>(picture: &'a Picture, agents: &BTreeSet<&AgentId>) -> BTreeMap<&'a AgentId, &'a Alarm> {
    let mut lead: BTreeMap<&AgentId, &Alarm> = BTreeMap::new();
    for (_, alert) in picture.alerts() {
        let alarm = alert.alarm();
        if !agents.contains(&alarm.agent) || !counts(picture, alarm) {
            continue;
        }
        let best = lead.entry(&alarm.agent).or_insert(alarm);
        if standing(picture, alarm) > standing(picture, best) {
            *best = alarm;
        }
    }
    lead
}

/// Returns the alert that says best why somebody is wanted at `agent`.
pub(crate) fn lead_alarm<'a>(picture: &'a Picture, agent: &AgentId) -> Option<&'a Alarm> {
    let alarms = picture.alerts().map(|(_, alert)| alert.alarm()).filter(|alarm| alarm.agent == *agent);
    alarms.filter(|alarm| counts(picture, alarm)).max_by_key(|alarm| standing(picture, alarm))
}

/// Only what is there now says why somebody is wanted, and what led to a demand that is still open.
fn counts(picture: &Picture, alarm: &Alarm) -> bool {
    alarm.state.is_active() || is_of_open_demand(picture, alarm)
}

fn standing(picture: &Picture, alarm: &Alarm) -> (bool, Severity, Reverse<MonoTime>, Reverse<AlertId>) {
    let asked = is_of_open_demand(picture, alarm);
    (asked, alarm.severity, Reverse(alarm.raised_at), Reverse(alarm.alert_id))
}

fn is_of_open_demand(picture: &Picture, alarm: &Alarm) -> bool {
    alarm.demand_id.is_some_and(|id| {
        let status = picture.agent(&alarm.agent).map(AgentPicture::status);
        status.and_then(|status| status.demand.as_ref()).is_some_and(|demand| demand.demand_id == id)
    })
}

fn row(picture: &Picture, entry: &AgentPicture, alarm: Option<&Alarm>, now: MonoTime) -> DemandRow {
    let status = entry.status();
    let mine = is_mine(picture, entry);
    let (mark, tone) = state_look(status, mine);
    let demand_left = entry.demand_left(now);
    // Whoever has claimed it loses it with his claim, if that runs out before.
    let left = match (demand_left, entry.engage_left(now)) {
        (Some(demand), Some(engage)) if mine => Some(demand.min(engage)),
        (None, Some(engage)) if mine => Some(engage),
        (demand, _) => demand,
    };
    let holder = if mine {
        Some("you".to_owned())
    } else {
        status.lease.as_ref().map(|lease| lease.holder.to_string())
    };
    let monitor_now = picture.monitor_now(now);
    DemandRow {
        agent: status.agent.clone(),
        demand: status.demand.as_ref().map(|demand| demand.demand_id),
        alert: alarm.map(|alarm| alarm.alert_id),
        mark,
        priority: priority(entry),
        tone: if status.demand.is_some() && holder.is_none() { Tone::Danger } else { tone },
        state: state_words(status),
        cause: cause(entry, alarm),
        text: text(entry, alarm),
        then: match &status.demand {
            Some(demand) => demand.then.to_string(),
            None => if_nobody_acts(entry, now),
        },
        left,
        fraction: left.map(|left| share(left, demand_within(status.kind))),
        holder,
        mine,
        raised: alarm.zip(monitor_now).map(|(alarm, monitor)| age(monitor.since(alarm.raised_at))),
    }
}

fn priority(entry: &AgentPicture) -> u8 {
    let status = entry.status();
    if status.demand.is_some() || status.unverified || status.stop_pending {
        return 1;
    }
    match status.control_state {
        ControlState::Requested | ControlState::Fallback | ControlState::FallbackFailed => 1,
        ControlState::SafeHeld
        | ControlState::Autonomous
        | ControlState::AssistPending
        | ControlState::Claimed
        | ControlState::InTransition
        | ControlState::Human
        | ControlState::Returning => 2,
        ControlState::Estopped | ControlState::Local | ControlState::OutOfService => 3,
    }
}

fn cause(entry: &AgentPicture, alarm: Option<&Alarm>) -> String {
    let status = entry.status();
    if status.stop_pending {
        return "STOP not confirmed".to_owned();
    }
    if status.unverified {
        return "fallback not confirmed".to_owned();
    }
    if status.demand.is_none() {
        match status.control_state {
            ControlState::Fallback => return "fell back, nobody has it".to_owned(),
            ControlState::FallbackFailed => return "its fallback does not work".to_owned(),
            ControlState::SafeHeld => return "held safe, nobody has it".to_owned(),
            ControlState::Estopped => return "stopped by a person".to_owned(),
            ControlState::Local => return "somebody at the agent has it".to_owned(),
            ControlState::OutOfService => return "out of service".to_owned(),
            ControlState::Autonomous
            | ControlState::AssistPending
            | ControlState::Requested
            | ControlState::Claimed
            | ControlState::InTransition
            | ControlState::Human
            | ControlState::Returning => {}
        }
    }
    if let Some(alarm) = alarm {
        let word = cause_word(alarm.cause);
        return if alarm.subject.as_str().is_empty() {
            word.to_owned()
        } else {
            format!("{word}: {}", alarm.subject)
        };
    }
    match status.demand.as_ref().map(|demand| demand.origin) {
        Some(DemandOrigin::Agent) => "asks for a person".to_owned(),
        Some(DemandOrigin::Operator) => "a person wants it".to_owned(),
        Some(DemandOrigin::Supervisor) => "a supervisor ordered it".to_owned(),
        Some(DemandOrigin::Monitor) | None => "a person is wanted".to_owned(),
    }
}

fn text(entry: &AgentPicture, alarm: Option<&Alarm>) -> String {
    let demand = entry.status().demand.as_ref();
    match (demand, alarm) {
        (Some(demand), Some(alarm)) if alarm.demand_id == Some(demand.demand_id) => cause_text(alarm),
        (Some(demand), _) if !demand.reason.as_str().is_empty() => demand.reason.to_string(),
        (_, Some(alarm)) => cause_text(alarm),
        (_, None) => without_alert(entry),
    }
}

/// Says what is known of an agent that waits without an alert.
fn without_alert(entry: &AgentPicture) -> String {
    let status = entry.status();
    match status.control_state {
        ControlState::Fallback => match status.fallback_level {
            Some(level) => format!("no alert says why; the fallback acts at level {level}"),
            None => "no alert says why; the fallback acts".to_owned(),
        },
        ControlState::SafeHeld => "no alert says why; it is latched and waits to be released".to_owned(),
        ControlState::FallbackFailed => "the hardest fallback does not work and is kept applied".to_owned(),
        ControlState::Estopped => "a person stopped it; it is latched".to_owned(),
        ControlState::Local => "somebody at the agent has control".to_owned(),
        ControlState::OutOfService => "a supervisor took it out of service".to_owned(),
        ControlState::Autonomous
        | ControlState::AssistPending
        | ControlState::Requested
        | ControlState::Claimed
        | ControlState::InTransition
        | ControlState::Human
        | ControlState::Returning => String::new(),
    }
}
