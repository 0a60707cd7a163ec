//! Presses that are about an alert or a takeover that is over, and about no agent's control.

use super::Pressed;
use crate::{
    Intent, Picture, Unavailable,
    view::{
        alerts::{AlertRow, HiddenBy, hidden, rows},
        takeover::verdict_words,
    },
};
use watchkeeper_model::{Alarm, AlertId, DemandId, MonoTime, Verdict};

pub(super) fn acknowledge(alert: AlertId, picture: &Picture) -> Pressed {
    let refused = |why: String| Pressed::not_sent(format_args!("acknowledge {alert}"), why);
    let Some(entry) = picture.alert(alert) else { return refused("nobody knows this alert".to_owned()) };
    let alarm = entry.alarm();
    if let Err(why) = Unavailable::of_session(picture) {
        return refused(why.to_string());
    }
    let Some(alarm) = first_of_card(picture, alarm, |alarm| alarm.state.is_unacknowledged()) else {
        return refused("it is acknowledged already".to_owned());
    };
    let alert = alarm.alert_id;
    Pressed::sent(Intent::Acknowledge { alert }, format_args!("acknowledge {alert} of {}", alarm.agent))
}

/// Returns the first of the alerts that are one card with this one, itself first, to which something can be done: the
/// monitor does it to all of the card.
fn first_of_card<'a>(
    picture: &'a Picture,
    alarm: &'a Alarm,
    fits: impl Fn(&Alarm) -> bool,
) -> Option<&'a Alarm> {
    let common = alarm.common.as_ref().map(|common| common.id).filter(|_| alarm.demand_id.is_none());
    let others = picture.alerts().map(|(_, entry)| entry.alarm()).filter(|other| {
        let theirs = other.common.as_ref().map(|common| common.id).filter(|_| other.demand_id.is_none());
        theirs.is_some() && theirs == common
    });
    // Of a card he may act on a part of, what he may act on.
    let scope = picture.access().map(|access| &access.value.scope);
    let may = |alarm: &Alarm| scope.is_none_or(|scope| scope.contains(&alarm.agent));
    let mut all = std::iter::once(alarm).chain(others).filter(|alarm| fits(alarm));
    let first = all.next();
    first.filter(|alarm| may(alarm)).or_else(|| all.find(|alarm| may(alarm))).or(first)
}

/// Returns the alert that may be shelved, or why it may not: as its row says.
pub(super) fn check_shelve(picture: &Picture, alert: AlertId, now: MonoTime) -> Result<&Alarm, String> {
    let alarm = picture.alert(alert).ok_or("nobody knows this alert")?.alarm();
    row_of(picture, alert, now)?.can_shelve?;
    first_of_card(picture, alarm, |alarm| alarm.state.is_active()).ok_or_else(|| "it is over".to_owned())
}

/// Returns the alert that may be taken out of service, or why it may not: as its row says.
pub(super) fn check_take_out(picture: &Picture, alert: AlertId, now: MonoTime) -> Result<&Alarm, String> {
    let alarm = picture.alert(alert).ok_or("nobody knows this alert")?.alarm();
    row_of(picture, alert, now)?.can_take_out.map(|()| alarm)
}

fn row_of(picture: &Picture, alert: AlertId, now: MonoTime) -> Result<AlertRow, String> {
    let mut rows = rows(picture, None, now).into_iter().chain(hidden(picture, now));
    rows.find(|row| row.stands_for.contains(&alert)).ok_or_else(|| "it is over".to_owned())
}

pub(super) fn put_back(alert: AlertId, picture: &Picture, now: MonoTime) -> Pressed {
    let row = row_of(picture, alert, now);
    match row.and_then(|row| row.can_put_back.map(|()| row.agent)) {
        Ok(agent) => Pressed::sent(
            Intent::ReturnToService { alert },
            format_args!("bring {alert} of {agent} back into service"),
        ),
        Err(why) => Pressed::not_sent(format_args!("bring {alert} back into service"), why),
    }
}

pub(super) fn reset(alert: AlertId, picture: &Picture, now: MonoTime) -> Pressed {
    let refused = |why: String| Pressed::not_sent(format_args!("reset {alert}"), why);
    if let Err(why) = Unavailable::of_session(picture) {
        return refused(why.to_string());
    }
    match row_of(picture, alert, now) {
        Ok(row) if row.can_reset => {
            Pressed::sent(Intent::Reset { alert }, format_args!("reset {alert} of {}", row.agent))
        }
        Ok(_) => refused("it is not latched, or its cause is still there".to_owned()),
        Err(why) => refused(why),
    }
}

pub(super) fn unshelve(alert: AlertId, picture: &Picture, now: MonoTime) -> Pressed {
    let refused = |why: String| Pressed::not_sent(format_args!("take back {alert}"), why);
    if let Err(why) = Unavailable::of_session(picture) {
        return refused(why.to_string());
    }
    let is_shelved = |row: &AlertRow| row.hidden.as_ref().is_some_and(|how| how.by == HiddenBy::Shelf);
    let rows = hidden(picture, now);
    let Some(row) = rows.into_iter().find(|row| row.alert == alert && is_shelved(row)) else {
        return refused("it is not shelved".to_owned());
    };
    Pressed::sent(Intent::Unshelve { alert }, format_args!("take back {alert} of {}", row.agent))
}

pub(super) fn label(demand: DemandId, verdict: Verdict, picture: &Picture) -> Pressed {
    let words = verdict_words(verdict);
    let refused = |why: String| Pressed::not_sent(format_args!("call takeover {} {words}", demand.0), why);
    if let Err(why) = Unavailable::of_session(picture) {
        return refused(why.to_string());
    }
    let takeover = picture.takeovers().map(|entry| &entry.value).find(|entry| entry.demand_id == demand);
    let Some(takeover) = takeover else { return refused("nobody knows this takeover".to_owned()) };
    if !takeover.over {
        return refused("it is not over yet".to_owned());
    }
    Pressed::sent(Intent::Label { demand, verdict }, format_args!("takeover of {}: {words}", takeover.agent))
}
