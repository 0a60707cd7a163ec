//! Which alerts are one card.

use super::{AlertRow, Card, Queue};
use crate::{
    AlertPicture, Unavailable,
    view::{counted, place_frozen},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};
use watchkeeper_model::{AlertId, CauseClass, Priority};

/// An alert with what is left of its demand.
type Open<'a> = (Option<Duration>, &'a AlertPicture);

/// What makes alerts one card.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Alone(AlertId),
    /// The same trouble at many agents; the first of their alerts names it.
    Common(AlertId),
    /// Of one kind, in a flood.
    Kind(CauseClass),
}

impl Key {
    fn of((left, entry): &Open<'_>, summarise: bool) -> Self {
        let alarm = entry.alarm();
        // What asks for a takeover is never one of many.
        if left.is_some() || alarm.demand_id.is_some() {
            return Self::Alone(alarm.alert_id);
        }
        match &alarm.common {
            Some(common) => Self::Common(common.id),
            None if summarise && alarm.priority < Priority::High => Self::Kind(alarm.cause),
            None => Self::Alone(alarm.alert_id),
        }
    }
}

pub(super) fn rows(queue: &Queue<'_>, frozen: Option<&[AlertId]>, summarise: bool) -> Vec<AlertRow> {
    let shown = queue.open().filter(|(left, entry)| queue.hidden(entry.alarm(), *left).is_none());
    let mut cards: BTreeMap<Key, Vec<Open<'_>>> = BTreeMap::new();
    for open in shown {
        cards.entry(Key::of(&open, summarise)).or_default().push(open);
    }
    let mut cards: Vec<_> = cards.into_iter().collect();
    for (key, members) in &mut cards {
        match key {
            // The order of ids is that of raising: the first out leads.
            Key::Common(_) | Key::Alone(_) => members.sort_by_key(|(_, entry)| entry.alarm().alert_id),
            Key::Kind(_) => members.sort_by_key(|(left, entry)| queue.urgency(*left, entry)),
        }
    }
    cards.sort_by_cached_key(|(_, members)| {
        members.iter().map(|(left, entry)| queue.urgency(*left, entry)).min()
    });
    let mut cards: Vec<_> = cards
        .into_iter()
        .filter_map(|(key, members)| {
            let lead = members.first()?.1.alarm().alert_id;
            Some((key, lead, members))
        })
        .collect();
    if let Some(frozen) = frozen {
        place_frozen(&mut cards, frozen, |(_, lead, _)| lead);
    }
    cards.into_iter().filter_map(|(key, _, members)| card(queue, key, &members)).collect()
}

fn card(queue: &Queue<'_>, key: Key, members: &[Open<'_>]) -> Option<AlertRow> {
    let (left, lead) = members.first()?;
    let row = queue.row(lead, *left);
    if members.len() == 1 {
        return Some(row);
    }
    Some(match key {
        Key::Alone(_) => row,
        Key::Common(_) => common(queue, row, members),
        Key::Kind(_) => kind(row, members),
    })
}

/// One trouble of many agents: one press takes note of all of it.
fn common(queue: &Queue<'_>, row: AlertRow, members: &[Open<'_>]) -> AlertRow {
    let alarms = || members.iter().map(|(_, entry)| entry.alarm());
    let common = alarms().filter_map(|alarm| alarm.common.as_ref()).max_by_key(|common| common.members);
    let agents = common.map_or(0, |common| u64::from(common.members)).max(members.len() as u64);
    let active = alarms().filter(|alarm| alarm.state.is_active()).count();
    let first_out = common.map_or(&row.agent, |common| &common.first_out);
    let area = common.and_then(|common| common.area.as_ref());
    let of_area = area.map(|area| format!(" of {area}")).unwrap_or_default();
    let still = if active as u64 == agents {
        "all of them still so".to_owned()
    } else {
        format!("{active} still so")
    };
    let unacknowledged = alarms().filter(|alarm| alarm.state.is_unacknowledged()).count();
    let by = row.acknowledged_by.as_ref().map(|person| format!(" by {person}")).unwrap_or_default();
    let state = match (unacknowledged, active) {
        (0, _) => format!("acknowledged{by}"),
        (_, 0) => "over, not acknowledged".to_owned(),
        (all, _) if all == members.len() => "new".to_owned(),
        (some, _) => format!("{some} new"),
    };
    // The worst of them marks the card.
    let worst = members.iter().max_by_key(|(_, entry)| entry.alarm().severity);
    let worst = worst.map_or_else(|| row.clone(), |(left, entry)| queue.row(entry, *left));
    let mut can_shelve = members.iter().map(|(left, entry)| queue.can_shelve(entry.alarm(), *left));
    AlertRow {
        stands_for: alarms().map(|alarm| alarm.alert_id).collect(),
        whose: format!("{}{of_area}", counted(agents, "agent")),
        text: format!("{}; first {first_out}, {still}", row.text),
        mark: worst.mark,
        priority: worst.priority,
        severity: worst.severity,
        tone: worst.tone,
        card: Card::Common,
        brought: alarms().find_map(|alarm| queue.brought(alarm)),
        state,
        unacknowledged: unacknowledged > 0,
        can_acknowledge: unacknowledged > 0 && Unavailable::of_session(queue.picture).is_ok(),
        can_shelve: can_shelve.find(Result::is_ok).unwrap_or_else(|| row.can_shelve.clone()),
        can_reset: false,
        can_take_out: Err("it stands for many agents".to_owned()),
        first_out: false,
        ..row
    }
}

/// Alerts of one kind in a flood: each is looked at by itself when there is time, so nothing is done to all of them.
fn kind(row: AlertRow, members: &[Open<'_>]) -> AlertRow {
    let alarms = || members.iter().map(|(_, entry)| entry.alarm());
    let agents: BTreeSet<_> = alarms().map(|alarm| &alarm.agent).collect();
    let unacknowledged = alarms().filter(|alarm| alarm.state.is_unacknowledged()).count();
    let alerts = counted(members.len() as u64, "alert");
    let one_by_one = || "show all of them, and do it to one".to_owned();
    AlertRow {
        stands_for: alarms().map(|alarm| alarm.alert_id).collect(),
        whose: counted(agents.len() as u64, "agent"),
        text: format!("{alerts} of this kind in the flood; the most pressing: {}: {}", row.agent, row.text),
        state: match unacknowledged {
            0 => "acknowledged".to_owned(),
            all if all == members.len() => "new".to_owned(),
            some => format!("{some} new"),
        },
        count: 1,
        card: Card::Kind,
        brought: None,
        unacknowledged: unacknowledged > 0,
        can_acknowledge: false,
        can_shelve: Err(one_by_one()),
        can_reset: false,
        can_take_out: Err(one_by_one()),
        can_put_back: Err(one_by_one()),
        flapping: false,
        first_out: false,
        ..row
    }
}
