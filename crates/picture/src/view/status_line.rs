//! The line that is always there: the connection, how old everything is, and how the monitor is.

use super::{Tone, age, countdown, counted, is_mine, millis};
use crate::{Link, Picture};
use std::time::Duration;
use watchkeeper_model::MonoTime;

/// The monitor speaks at least once a second (its health); after two it is late.
const LATE: Duration = Duration::from_secs(2);
/// So long before a token ends a person must hear of it: a newer one should have come long ago.
const ENDS_SOON: Duration = Duration::from_mins(2);
/// Said all the time.
const IN_THE_CLEAR: &str = "NO TLS: OTHERS MAY READ AND CHANGE THIS";

/// The line that is always there.
#[derive(Clone, Debug, PartialEq)]
pub struct StatusLine {
    /// What everybody must know of who may act here: that nothing protects a development run, that others can reach the
    /// monitor without TLS, that the token ends.
    pub banner: String,
    /// How loud.
    pub banner_tone: Tone,
    /// Who this is, in which role, and which agents he sees where he does not see all; empty before the first welcome.
    pub person: String,
    /// The connection in words, with its age when it is lost or silent.
    pub connection: String,
    /// How the connection is meant.
    pub tone: Tone,
    /// Nothing can be relied on now: consoles grey everything and say so.
    pub disconnected: bool,
    /// The way from this console to agents it holds, or is about to, where no probe is answered: a loss of its own, that
    /// no other figure shows; empty while every probe is answered.
    pub uplink: String,
    /// How fast this person may drive what he drives for the latency alone; empty where it sets no limit.
    pub limited: String,
    /// Why riskier commands are refused; empty when they are not.
    pub degraded: String,
    /// What did not reach this console or its screen; empty when nothing is missing.
    pub missing: String,
    /// The monitor's newest complaint about this console; empty when there is none.
    pub error: String,
    /// The monitor in numbers: agents, consoles, record.
    pub monitor: String,
}

/// Returns the line.
pub fn status_line(picture: &Picture, now: MonoTime) -> StatusLine {
    let (connection, tone) = connection(picture, now);
    let (banner, banner_tone) = banner(picture, now);
    StatusLine {
        banner,
        banner_tone,
        person: person(picture),
        connection,
        tone,
        disconnected: !picture.link().is_connected(),
        uplink: uplink(picture, now),
        limited: limited(picture, now),
        degraded: if picture.is_degraded() {
            "DEGRADED: the record cannot be written, riskier commands are refused".to_owned()
        } else {
            String::new()
        },
        missing: missing(picture),
        error: picture.error().map(|error| error.value.message.to_string()).unwrap_or_default(),
        monitor: monitor(picture),
    }
}

fn person(picture: &Picture) -> String {
    let Some(me) = picture.me() else { return String::new() };
    let scope = picture.access().map(|access| &access.value.scope).filter(|scope| !scope.is_everything());
    let sees = scope.map(|scope| format!(": you see agents in scope {scope}")).unwrap_or_default();
    format!("{} ({}){sees}", me.person, me.role)
}

/// What everybody must know of who may act here, and how long he may.
fn banner(picture: &Picture, now: MonoTime) -> (String, Tone) {
    let Some(access) = picture.access().filter(|access| !access.value.development) else {
        return ("DEV - NOT PROTECTED".to_owned(), Tone::Quiet);
    };
    let (token, tone) = match picture.access_left(now) {
        _ if access.value.expired => ("TOKEN EXPIRED: YOU ONLY READ".to_owned(), Tone::Danger),
        Some(left) if left < ENDS_SOON => (format!("your token ends in {}", countdown(left)), Tone::Warning),
        Some(_) | None => (String::new(), Tone::Quiet),
    };
    match (access.value.in_the_clear, token.is_empty()) {
        (false, _) => (token, tone),
        (true, true) => (IN_THE_CLEAR.to_owned(), Tone::Warning),
        // Both have room in a line of 80 characters.
        (true, false) => (format!("{token} - NO TLS"), tone),
    }
}

fn connection(picture: &Picture, now: MonoTime) -> (String, Tone) {
    let silent = picture.last_message_at().map(|at| now.since(at));
    match picture.link() {
        Link::Never => ("NOT CONNECTED yet".to_owned(), Tone::Danger),
        Link::Connecting { since } => (format!("connecting for {}", age(now.since(since))), Tone::Warning),
        Link::Lost { since } => {
            let text = silent.map_or_else(
                || format!("NOT CONNECTED for {}, no data yet", age(now.since(since))),
                |silent| format!("NOT CONNECTED, data {} old", age(silent)),
            );
            (text, Tone::Danger)
        }
        Link::Connected { .. } => match silent {
            Some(silent) if silent > LATE => (format!("no message for {}", age(silent)), Tone::Danger),
            Some(_) | None if picture.needs_resync() => {
                ("missed a message: reloading".to_owned(), Tone::Warning)
            }
            Some(_) | None if !picture.is_current() => ("loading the picture".to_owned(), Tone::Warning),
            Some(_) | None => ("connected".to_owned(), Tone::Normal),
        },
    }
}

/// Names every agent to which nothing gets through, though the monitor is there. Whether only the way there is lost, the
/// agent's own data says.
fn uplink(picture: &Picture, now: MonoTime) -> String {
    if !picture.link().is_connected() {
        return String::new();
    }
    let lost = picture.agents().filter_map(|(agent, entry)| {
        let span = entry.path().lost_for(now)?;
        let freshness = entry.freshness(now);
        let data = if freshness.stale {
            format!("its data is {} old", age(freshness.age))
        } else {
            "its data comes in time".to_owned()
        };
        Some(format!("NO ANSWER from {agent} for {}: commands may not arrive, {data}", age(span)))
    });
    lost.collect::<Vec<_>>().join("; ")
}

fn limited(picture: &Picture, now: MonoTime) -> String {
    let limits =
        picture.agents().filter(|(_, entry)| is_mine(picture, entry)).filter_map(|(agent, entry)| {
            let answer = entry.path().newest(now)?;
            let (cap, latency) = (answer.latency_cap_mps?, answer.latency.as_ref());
            let latency = latency.map_or_else(
                || "of a latency that is not known".to_owned(),
                |latency| format!("of a latency of {}", millis(Duration::from_nanos(latency.total_nanos))),
            );
            Some(format!("{agent} drives at most {cap:.1} m/s because {latency}"))
        });
    limits.collect::<Vec<_>>().join("; ")
}

fn missing(picture: &Picture) -> String {
    let mut missing = Vec::new();
    if picture.dropped_telemetry() > 0 {
        missing.push(format!("{} not shown", counted(picture.dropped_telemetry(), "decision")));
    }
    if picture.not_shown() > 0 {
        missing.push(format!("{} did not fit", counted(picture.not_shown(), "update")));
    }
    missing.join(", ")
}

fn monitor(picture: &Picture) -> String {
    let Some(health) = picture.health() else { return "monitor unknown".to_owned() };
    let health = &health.value;
    let mut parts = vec![
        counted(health.agents, "agent"),
        counted(health.consoles, "console"),
        format!("record queue {:.0} %", health.ledger_queue * 100.0),
    ];
    if health.refused_frames > 0 {
        parts.push(format!("{} refused", counted(health.refused_frames, "frame")));
    }
    if let Some(head) = picture.head() {
        parts.push(format!("record {}", head.value.sequence));
    }
    parts.join(", ")
}
