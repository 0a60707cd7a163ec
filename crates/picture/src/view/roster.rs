//! Who else is connected, on what, and what they have in hand: for a supervisor, and for whom to ask.

use super::{Tone, age, counted};
use crate::Picture;
use std::time::Duration;
use watchkeeper_model::{MonoTime, OperatorRole};
use watchkeeper_protocol::operator::{ConsoleKind, OperatorStatus};

/// One console and who sits there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperatorRow {
    /// Who; the last row may stand for those that no row is left for (`3 more`).
    pub person: String,
    /// In which role; empty in a row that stands for several.
    pub role: &'static str,
    /// On what kind of console, in a word or two.
    pub console: &'static str,
    /// The agents that he has or is about to have, in words.
    pub holds: String,
    /// How long he has been connected, in words.
    pub connected: String,
    /// How many agents he has or is about to have.
    pub load: usize,
    /// What waits for him, in words: `3 alerts`, `37 alerts, flood for 4:10`, `away`; empty where nothing does.
    pub waits: String,
    /// It is this session.
    pub me: bool,
    /// How it is meant.
    pub tone: Tone,
}

/// Returns everybody connected as the monitor said last: this session first, then by name.
pub fn rows(picture: &Picture, now: MonoTime) -> Vec<OperatorRow> {
    let Some(roster) = picture.roster() else { return Vec::new() };
    let since = now.since(roster.received_at);
    let me = picture.me().map(|me| me.session_id);
    let mut operators: Vec<_> = roster.value.operators.iter().collect();
    operators
        .sort_by_key(|operator| (Some(operator.session_id) != me, &operator.person, operator.session_id));
    let mut rows: Vec<_> = operators
        .into_iter()
        .map(|operator| row(operator, Some(operator.session_id) == me, since, picture.is_current()))
        .collect();
    if roster.value.more > 0 {
        rows.push(OperatorRow {
            person: format!("{} more", roster.value.more),
            role: "",
            console: "",
            holds: "not shown".to_owned(),
            connected: String::new(),
            load: 0,
            waits: String::new(),
            me: false,
            tone: Tone::Quiet,
        });
    }
    rows
}

fn row(operator: &OperatorStatus, me: bool, since: Duration, current: bool) -> OperatorRow {
    let holds: Vec<_> = operator.holds.iter().map(ToString::to_string).collect();
    let connected = Duration::from_nanos(operator.connected_nanos).saturating_add(since);
    let tone = match operator.role {
        _ if !current => Tone::Stale,
        _ if operator.flooded_nanos.is_some() || operator.away => Tone::Warning,
        _ if me => Tone::Own,
        OperatorRole::Observer | OperatorRole::Auditor => Tone::Quiet,
        OperatorRole::Operator | OperatorRole::Supervisor => Tone::Normal,
    };
    OperatorRow {
        person: operator.person.to_string(),
        role: operator.role.word(),
        console: console_word(operator.console),
        holds: if holds.is_empty() { "nothing".to_owned() } else { holds.join(", ") },
        connected: age(connected),
        load: holds.len(),
        waits: waits(operator, since),
        me,
        tone,
    }
}

fn waits(operator: &OperatorStatus, since: Duration) -> String {
    let mut parts = Vec::new();
    if operator.waiting > 0 {
        parts.push(counted(operator.waiting, "alert"));
    }
    if let Some(nanos) = operator.flooded_nanos {
        parts.push(format!("flood for {}", age(Duration::from_nanos(nanos).saturating_add(since))));
    }
    if operator.away {
        parts.push("away".to_owned());
    }
    parts.join(", ")
}

const fn console_word(console: ConsoleKind) -> &'static str {
    match console {
        ConsoleKind::Window => "window",
        ConsoleKind::Text => "text",
        ConsoleKind::Scripted => "script",
        ConsoleKind::Headless => "headless",
    }
}
