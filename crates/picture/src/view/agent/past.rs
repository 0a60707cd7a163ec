//! What earlier takeovers of this agent, or for the same reason, came to.

use crate::{
    AgentPicture, Picture,
    view::{age, cause_word, minutes, state_word},
};
use watchkeeper_model::{AlertId, DemandOrigin, DemandOutcome, MonoTime, Verdict};
use watchkeeper_protocol::record::TakeoverRecord;

/// Most rows: more is for the record's own tools.
const MOST: usize = 8;

/// One takeover that is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PastAlert {
    /// How long ago, in words; `before` where the monitor's clock is not known here.
    pub ago: String,
    /// What it was, in a few words; with the agent's name where it was another's.
    pub cause: String,
    /// Why, in words.
    pub text: String,
    /// What came of it, in words: `you took over: handed back after 0:21`.
    pub outcome: String,
    /// What somebody said of it afterwards.
    pub verdict: Option<Verdict>,
}

/// Returns what such takeovers came to before: the agent's own, then others' for the same reason.
pub(super) fn rows(picture: &Picture, entry: &AgentPicture, now: MonoTime) -> Vec<PastAlert> {
    let agent = &entry.status().agent;
    let open = entry.status().demand.as_ref().map(|demand| demand.demand_id);
    let over = || {
        let newest_first = picture.takeovers().rev().map(|takeover| &takeover.value);
        newest_first.filter(move |takeover| takeover.over && Some(takeover.demand_id) != open)
    };
    let reason = present_reason(picture, entry);
    let own = over().filter(|takeover| takeover.agent == *agent);
    let others = over().filter(|takeover| {
        takeover.agent != *agent
            && reason.as_deref().is_some_and(|reason| kind_of(takeover.reason.as_str()) == kind_of(reason))
    });
    own.chain(others).take(MOST).map(|takeover| row(picture, entry, takeover, now)).collect()
}

/// Returns why a person is wanted now, or else was wanted last.
fn present_reason(picture: &Picture, entry: &AgentPicture) -> Option<String> {
    let status = entry.status();
    if let Some(demand) = &status.demand {
        return Some(demand.reason.as_str().to_owned());
    }
    let mut newest_first = picture.takeovers().rev().map(|takeover| &takeover.value);
    newest_first
        .find(|takeover| takeover.agent == status.agent)
        .map(|takeover| takeover.reason.as_str().to_owned())
}

/// Returns the words of a reason before its first number: what two of a kind have in common.
fn kind_of(reason: &str) -> Vec<&str> {
    reason.split_whitespace().take_while(|word| !word.contains(|c: char| c.is_ascii_digit())).collect()
}

fn row(picture: &Picture, entry: &AgentPicture, takeover: &TakeoverRecord, now: MonoTime) -> PastAlert {
    let began = takeover.moments.iter().flatten().map(|moment| moment.at).min();
    let at = began.or(takeover.granted_at).or(takeover.demand_ended_at);
    let ago = at.zip(picture.monitor_now(now)).map(|(at, monitor)| format!("{} ago", age(monitor.since(at))));
    let cause = cause(picture, takeover.alert_id, takeover.origin);
    let other = takeover.agent != entry.status().agent;
    PastAlert {
        ago: ago.unwrap_or_else(|| "before".to_owned()),
        cause: if other { format!("{}: {cause}", takeover.agent) } else { cause },
        text: takeover.reason.to_string(),
        outcome: outcome(picture, takeover),
        verdict: takeover.verdict,
    }
}

fn cause(picture: &Picture, alert: Option<AlertId>, origin: DemandOrigin) -> String {
    if let Some(alert) = alert.and_then(|alert| picture.alert(alert)) {
        let alarm = alert.alarm();
        return format!("{}: {}", cause_word(alarm.cause), alarm.subject);
    }
    match origin {
        DemandOrigin::Monitor => "alert",
        DemandOrigin::Agent => "asked for a person",
        DemandOrigin::Operator => "a person wanted it",
        DemandOrigin::Supervisor => "a supervisor ordered it",
    }
    .to_owned()
}

fn outcome(picture: &Picture, takeover: &TakeoverRecord) -> String {
    let me = picture.me().map(|me| &me.person);
    let who = match &takeover.holder {
        Some(holder) if Some(holder) == me => "you".to_owned(),
        Some(holder) => holder.to_string(),
        None => "nobody".to_owned(),
    };
    match takeover.outcome {
        Some(DemandOutcome::Human) => {
            let span = takeover.human_at.zip(takeover.handed_back_at);
            match span {
                Some((from, to)) => format!("{who} took over: handed back after {}", minutes(to.since(from))),
                None => format!("{who} took over: then {}", state_word(takeover.final_state)),
            }
        }
        Some(DemandOutcome::Fallback) if takeover.holder.is_some() => {
            format!("{who} claimed it, too late: it fell back")
        }
        Some(DemandOutcome::Fallback) => "nobody came in time: it fell back".to_owned(),
        Some(DemandOutcome::SelfCleared) => "cleared by itself".to_owned(),
        Some(DemandOutcome::Cancelled) => "cancelled".to_owned(),
        Some(DemandOutcome::Dismissed) => format!("{who} called it a false alarm"),
        Some(DemandOutcome::Estopped) => "stopped".to_owned(),
        Some(DemandOutcome::Local) => "somebody at the agent took control".to_owned(),
        Some(DemandOutcome::OutOfService) => "taken out of service".to_owned(),
        None => "how it ended is not known".to_owned(),
    }
}
