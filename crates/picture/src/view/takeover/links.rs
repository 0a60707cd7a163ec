//! The two ways between a person and an agent: how much of what each may be late is used up, and how long they are
//! together.

use crate::{
    AgentPicture, Picture,
    timers::{CAPPED_ABOVE, NOT_GRANTED_ABOVE, UNANSWERED_AFTER, fresh_within, link_within},
    view::{Tone, age, countdown, is_next, millis, share},
};
use std::time::Duration;
use watchkeeper_model::{AgentKind, MonoTime};
use watchkeeper_protocol::operator::{LatencyParts, OneWay};

/// One direction.
#[derive(Clone, Debug, PartialEq)]
pub struct LinkRow {
    /// `agent to you`, `you to agent` or `there and back`.
    pub name: &'static str,
    /// How late it is and what it may be, in words.
    pub text: String,
    /// Share of what it may be late that is used up, 0 to 1.
    pub fraction: f64,
    /// How it is meant.
    pub tone: Tone,
}

pub(super) fn rows(picture: &Picture, entry: &AgentPicture, now: MonoTime) -> Vec<LinkRow> {
    let mut rows = vec![to_you(picture, entry, now), to_agent(picture, entry, now)];
    rows.extend(there_and_back(picture, entry, now));
    rows
}

/// What this console's probes find on the way that commands go; nothing while it does not ask.
fn there_and_back(picture: &Picture, entry: &AgentPicture, now: MonoTime) -> Option<LinkRow> {
    let name = "there and back";
    let path = entry.path();
    let through = path.through_for(now).filter(|_| picture.link().is_connected())?;
    if let Some(span) = path.lost_for(now) {
        let text = format!("NO ANSWER for {}: commands may not arrive", age(span));
        return Some(LinkRow { name, text, fraction: 1.0, tone: Tone::Danger });
    }
    let Some(latency) = path.newest(now).and_then(|answer| answer.latency) else {
        let text = format!("not measured yet, at most {}", countdown(UNANSWERED_AFTER));
        return Some(LinkRow { name, text, fraction: share(through, UNANSWERED_AFTER), tone: Tone::Quiet });
    };
    let total = Duration::from_nanos(latency.total_nanos);
    let limits = entry.status().kind == AgentKind::Vehicle;
    let tone = match total {
        total if !limits || total <= CAPPED_ABOVE => Tone::Normal,
        total if total <= NOT_GRANTED_ABOVE => Tone::Warning,
        _ => Tone::Danger,
    };
    let limit = match tone {
        Tone::Danger => ", too long to begin to drive",
        Tone::Warning => ", speed is capped",
        Tone::Normal | Tone::Quiet | Tone::Own | Tone::Stale => "",
    };
    let text = format!("{}{limit}: {}", millis(total), parts(&latency));
    Some(LinkRow { name, text, fraction: share(total, NOT_GRANTED_ABOVE), tone })
}

/// Names what a total is made of.
fn parts(latency: &LatencyParts) -> String {
    let nanos = |nanos| millis(Duration::from_nanos(nanos));
    format!(
        "down {}, display {}, up {}, actuation {}",
        one_way(latency.downlink),
        nanos(latency.display_nanos),
        one_way(latency.uplink),
        nanos(latency.actuate_nanos),
    )
}

/// Returns a span of one direction; one that is smaller than its error is only known to be at most so long.
fn one_way(way: OneWay) -> String {
    let (nanos, error) = (Duration::from_nanos(way.nanos), Duration::from_nanos(way.error_nanos));
    if nanos < error { format!("<={}", millis(nanos + error)) } else { millis(nanos) }
}

/// What comes from the agent: on older data nobody may take control.
fn to_you(picture: &Picture, entry: &AgentPicture, now: MonoTime) -> LinkRow {
    let limit = fresh_within(entry.status().kind);
    let freshness = entry.freshness(now);
    let fraction = share(freshness.age, limit);
    let (text, tone) = if !picture.link().is_connected() {
        (format!("NOT CONNECTED, data {} old", age(freshness.age)), Tone::Danger)
    } else if let Some(span) = entry.offline_for(now) {
        (format!("offline for {}", age(span)), Tone::Danger)
    } else {
        let tone = if freshness.age >= limit {
            Tone::Danger
        } else if freshness.stale {
            Tone::Warning
        } else {
            Tone::Normal
        };
        (format!("data {} old, at most {}", age(freshness.age), countdown(limit)), tone)
    };
    let broken = !picture.link().is_connected() || entry.status().offline_nanos.is_some();
    LinkRow { name: "agent to you", text, fraction: if broken { 1.0 } else { fraction }, tone }
}

/// What goes to the agent: without the holder's heartbeats it falls back.
fn to_agent(picture: &Picture, entry: &AgentPicture, now: MonoTime) -> LinkRow {
    let name = "you to agent";
    let limit = link_within(entry.status().kind);
    let me = picture.me().map(|me| me.session_id);
    let lease = entry.status().lease.as_ref().filter(|lease| Some(lease.session_id) == me);
    let Some((lease, left)) = lease.zip(entry.lease_left(now)) else {
        let text =
            if is_next(picture, entry) { "your lease counts once you engage" } else { "you hold no lease" };
        return LinkRow { name, text: text.to_owned(), fraction: 0.0, tone: Tone::Quiet };
    };
    if !picture.link().is_connected() || entry.status().offline_nanos.is_some() {
        let text = format!("BROKEN: it falls back in {} at most", countdown(left));
        return LinkRow { name, text, fraction: 1.0, tone: Tone::Danger };
    }
    let used = limit.saturating_sub(left);
    let fraction = share(used, limit);
    let tone = if fraction >= 0.75 {
        Tone::Danger
    } else if fraction >= 0.5 || !lease.ready {
        Tone::Warning
    } else {
        Tone::Normal
    };
    let ready = if lease.ready { "" } else { ", NOT READY" };
    LinkRow {
        name,
        text: format!("renewed {} ago, at most {}{ready}", age(used), countdown(limit)),
        fraction,
        tone,
    }
}
