//! The queue in one line, and whether it is a flood.

use super::{HiddenBy, Queue};
use crate::{
    Picture,
    view::{Tone, age, counted},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};
use watchkeeper_model::{MonoTime, Severity};

/// For how long the end of a flood is told.
const FLOOD_OVER_TOLD: Duration = Duration::from_mins(2);

/// The queue in one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlertSummary {
    /// Alerts that are not over for good, without those that are hidden.
    pub open: usize,
    /// Those of them that nobody has acknowledged.
    pub unacknowledged: usize,
    /// Alerts that are hidden: shelved, suppressed, out of service.
    pub hidden: usize,
    /// Agents with an open alert.
    pub agents: usize,
    /// The monitor says that this person has more than he can look at (ISA-18.2).
    pub flood: bool,
    /// How it is meant.
    pub tone: Tone,
    /// The same in words.
    pub text: String,
}

/// Returns the queue in one line.
pub fn summary(picture: &Picture, now: MonoTime) -> AlertSummary {
    let queue = Queue::new(picture, now);
    let (mut open, mut unacknowledged) = (0, 0);
    let mut hidden: BTreeMap<HiddenBy, usize> = BTreeMap::new();
    let (mut agents, mut worst) = (BTreeSet::new(), None);
    for (left, entry) in queue.open() {
        let alarm = entry.alarm();
        if let Some(how) = queue.hidden(alarm, left) {
            *hidden.entry(how.by).or_default() += 1;
            continue;
        }
        open += 1;
        unacknowledged += usize::from(alarm.state.is_unacknowledged());
        agents.insert(&alarm.agent);
        if alarm.state.is_active() {
            worst = worst.max(Some((left.is_some(), alarm.severity)));
        }
    }
    let flood = picture.flooded_since().is_some();
    let tone = match worst {
        _ if !picture.is_current() => Tone::Stale,
        Some((true, _)) | Some((_, Severity::Critical)) => Tone::Danger,
        Some((_, Severity::Warning)) => Tone::Warning,
        _ if flood => Tone::Warning,
        Some((_, Severity::Advisory)) => Tone::Normal,
        None => Tone::Quiet,
    };
    let mut parts = Vec::new();
    if open == 0 {
        parts.push("no alerts".to_owned());
    } else {
        let alerts = counted(open as u64, "alert");
        parts.push(format!("{alerts} of {}", counted(agents.len() as u64, "agent")));
        if unacknowledged > 0 {
            parts.push(format!("{unacknowledged} not acknowledged"));
        }
    }
    for (by, count) in &hidden {
        parts.push(match by {
            HiddenBy::Shelf => format!("{count} shelved"),
            HiddenBy::Rule => format!("{count} suppressed"),
            HiddenBy::Service => format!("{count} out of service"),
        });
    }
    let hidden = hidden.values().sum();
    let text = match flood_words(picture, now) {
        Some(words) if flood => format!("{words}: {}", parts.join(", ")),
        Some(words) => {
            parts.push(words);
            parts.join(", ")
        }
        None => parts.join(", "),
    };
    AlertSummary { open, unacknowledged, hidden, agents: agents.len(), flood, tone, text }
}

/// Says for how long this person has had a flood, or for a while how long ago it ended.
pub fn flood_words(picture: &Picture, now: MonoTime) -> Option<String> {
    if let Some(since) = picture.flooded_since() {
        return Some(format!("FLOOD for {}", age(now.since(since))));
    }
    let over = picture.flood_over_at().map(|at| now.since(at)).filter(|over| *over < FLOOD_OVER_TOLD)?;
    Some(format!("your flood ended {} ago", age(over)))
}
