//! Everything that is hidden from the queue: which, by whom or by which rule, why, until when.

use super::{AlertRow, Queue};
use crate::{Picture, view::countdown};
use std::time::Duration;
use watchkeeper_model::{Alarm, MonoTime};

/// What hides an alert; where several do, the one that a person must undo first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum HiddenBy {
    /// A person put it aside for a while.
    Shelf,
    /// A rule says that it follows from another alert.
    Rule,
    /// A supervisor took it out of service.
    Service,
}

/// How an alert is hidden from the queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hidden {
    /// What hides it.
    pub by: HiddenBy,
    /// The person, or the rule.
    pub who: String,
    /// Why, as the person or the rule said.
    pub reason: String,
    /// How much longer; `None` where it has no end of its own, and while the monitor's clock is not known here.
    pub left: Option<Duration>,
    /// All of it in words: `shelved 4:05 by anna: sensor being replaced`.
    pub text: String,
}

impl Hidden {
    fn new(by: HiddenBy, who: &str, reason: &str, left: Option<Duration>) -> Self {
        let how = match by {
            HiddenBy::Shelf => {
                format!(
                    "shelved{} by {who}",
                    left.map(|left| format!(" {}", countdown(left))).unwrap_or_default()
                )
            }
            HiddenBy::Rule => format!("suppressed by rule {who}"),
            HiddenBy::Service => format!("out of service by {who}"),
        };
        let text = if reason.is_empty() { how } else { format!("{how}: {reason}") };
        Self { by, who: who.to_owned(), reason: reason.to_owned(), left, text }
    }
}

/// Returns everything that is hidden: what comes back first stands first, then what rules hide, then what is out of
/// service.
pub fn hidden(picture: &Picture, now: MonoTime) -> Vec<AlertRow> {
    let queue = Queue::new(picture, now);
    let hidden = queue.open().filter(|(left, entry)| queue.hidden(entry.alarm(), *left).is_some());
    let mut rows: Vec<AlertRow> = hidden.map(|(left, entry)| queue.row(entry, left)).collect();
    rows.sort_by_key(|row| (row.hidden.as_ref().map(|how| (how.by, how.left)), row.alert));
    rows
}

impl Queue<'_> {
    /// Returns how an alert is hidden. One whose takeover is demanded never is, and the shelf ends at its time whether
    /// the monitor has said so or not.
    pub(super) fn hidden(&self, alarm: &Alarm, demand_left: Option<Duration>) -> Option<Hidden> {
        if demand_left.is_some() {
            return None;
        }
        if let Some(out) = &alarm.out_of_service {
            return Some(Hidden::new(HiddenBy::Service, out.by.as_str(), out.reason.as_str(), None));
        }
        if let Some(shelved) = alarm.shelved.as_ref().filter(|_| self.is_shelved(alarm)) {
            let left = self.monitor_now.map(|monitor| monitor.until(shelved.until));
            return Some(Hidden::new(HiddenBy::Shelf, shelved.by.as_str(), shelved.reason.as_str(), left));
        }
        let rule = alarm.suppressed.as_ref()?;
        Some(Hidden::new(HiddenBy::Rule, rule.rule.as_str(), rule.reason.as_str(), None))
    }

    pub(super) fn is_shelved(&self, alarm: &Alarm) -> bool {
        alarm
            .shelved
            .as_ref()
            .is_some_and(|shelved| self.monitor_now.is_none_or(|monitor| monitor < shelved.until))
    }
}
