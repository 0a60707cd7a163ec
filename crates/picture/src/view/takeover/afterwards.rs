//! One line to label a takeover that is just over.

use super::AFTERWARDS;
use crate::{Picture, view::minutes};
use watchkeeper_model::{AgentId, DemandId, MonoTime, Verdict};

/// A takeover to be labelled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelRow {
    /// Which takeover.
    pub demand: DemandId,
    /// What was said of it so far.
    pub verdict: Option<Verdict>,
    /// In words: what was it, or what was said by whom.
    pub text: String,
}

/// Returns the agent's newest takeover if it was over less than a minute ago.
pub(super) fn row(picture: &Picture, agent: &AgentId, now: MonoTime) -> Option<LabelRow> {
    let newest = picture.takeovers().rev().find(|takeover| takeover.value.agent == *agent)?;
    let takeover = &newest.value;
    if !takeover.over || now.since(newest.received_at) >= AFTERWARDS {
        return None;
    }
    // A snapshot brings takeovers that were over long before it came.
    let ended_at =
        takeover.handed_back_at.or(takeover.human_at.is_none().then_some(takeover.demand_ended_at).flatten());
    let over_for = ended_at.zip(picture.monitor_now(now)).map(|(end, monitor)| monitor.since(end));
    if over_for.is_some_and(|span| span >= AFTERWARDS) {
        return None;
    }
    let text = match (takeover.verdict, &takeover.labelled_by) {
        (Some(verdict), Some(person)) => format!("{} said: {}", person, verdict_words(verdict)),
        (Some(verdict), None) => format!("labelled: {}", verdict_words(verdict)),
        (None, _) => match over_for {
            Some(span) => {
                format!("over for {}: was it real, a false alarm, late, or unclear?", minutes(span))
            }
            None => "was it real, a false alarm, late, or unclear?".to_owned(),
        },
    };
    Some(LabelRow { demand: takeover.demand_id, verdict: takeover.verdict, text })
}

/// Returns what a label says, in words.
pub const fn verdict_words(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Real => "real",
        Verdict::FalseAlarm => "false alarm",
        Verdict::Late => "real, but late",
        Verdict::Unclear => "unclear",
    }
}
