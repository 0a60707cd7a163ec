//! Who controls, in words: one line at the same place at every level, and whether the window has a frame.

use super::{Tone, counted, is_mine, is_next};
use crate::{AgentPicture, Picture};
use watchkeeper_model::{AgentId, AgentKind, ControlState, MonoTime};

/// Who controls what, from this person's side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ControlLine {
    /// In words: `You drive vehicle-4 by hand`, `Nobody drives; 8 agents act by themselves`.
    pub text: String,
    /// How it is meant.
    pub tone: Tone,
    /// The agent that it is about; `None` where it is about all of them.
    pub agent: Option<AgentId>,
    /// This session has control of it, or is taking it or handing it back: the window gets a frame.
    pub driving: bool,
}

/// Returns the line. What this session holds comes first, and of that what it drives.
pub fn control_line(picture: &Picture, now: MonoTime) -> ControlLine {
    let is_about = |entry| is_mine(picture, entry) || is_next(picture, entry);
    let mut mine: Vec<_> = picture.agents().filter(|(_, entry)| is_about(entry)).collect();
    // The sort is stable, so between equals the name decides.
    mine.sort_by_key(|(_, entry)| rank(picture, entry));
    let Some((agent, entry)) = mine.first().copied() else { return of_others(picture) };
    let more = match mine.iter().skip(1).filter(|(_, entry)| is_mine(picture, entry)).count() {
        0 => String::new(),
        many => format!(", and hold {many} more"),
    };
    if !picture.link().is_connected() {
        let then = match (rank(picture, entry), entry.lease_left(now)) {
            (0, Some(left)) if !left.is_zero() => "you had control, without you it falls back",
            (0, _) => "you had control, without you it has fallen back",
            (_, _) if is_next(picture, entry) => "somebody else had control",
            (_, _) => "you held it",
        };
        return ControlLine {
            text: format!("NOT CONNECTED: {agent}: {then}{more}"),
            tone: Tone::Danger,
            agent: Some(agent.clone()),
            driving: false,
        };
    }
    let (text, tone, driving) = of_mine(picture, agent, entry);
    ControlLine { text: text + &more, tone, agent: Some(agent.clone()), driving }
}

/// Sorts what this session drives before what it only holds.
fn rank(picture: &Picture, entry: &AgentPicture) -> u8 {
    if is_next(picture, entry) {
        return 1;
    }
    match entry.status().control_state {
        ControlState::InTransition | ControlState::Human | ControlState::Returning => 0,
        ControlState::Claimed
        | ControlState::Fallback
        | ControlState::FallbackFailed
        | ControlState::SafeHeld => 1,
        ControlState::Autonomous
        | ControlState::AssistPending
        | ControlState::Requested
        | ControlState::Estopped
        | ControlState::Local
        | ControlState::OutOfService => 2,
    }
}

fn of_mine(picture: &Picture, agent: &AgentId, entry: &AgentPicture) -> (String, Tone, bool) {
    let status = entry.status();
    let held = if is_next(picture, entry) { "" } else { "; you held it" };
    if status.offline_nanos.is_some() {
        let text = format!("{agent} is OFFLINE: who controls it is not known{held}");
        return (text, Tone::Danger, false);
    }
    if is_next(picture, entry) {
        let holder = picture.holder(agent).map_or_else(|| "somebody else".to_owned(), ToString::to_string);
        return (format!("{agent} is yours once you engage; {holder} has control"), Tone::Own, false);
    }
    let drive = verb(status.kind);
    match status.control_state {
        ControlState::Human if status.manual && status.neutral => {
            (format!("You {drive} {agent} by hand: NO INPUT, it slows down"), Tone::Warning, true)
        }
        ControlState::Human if status.manual => (format!("You {drive} {agent} by hand"), Tone::Own, true),
        ControlState::Human if status.neutral => {
            (format!("You {drive} {agent}: no hand on it, it slows down"), Tone::Own, true)
        }
        ControlState::Human => (format!("You {drive} {agent}"), Tone::Own, true),
        ControlState::InTransition => {
            let until = match status.transition_from {
                Some(ControlState::Fallback | ControlState::FallbackFailed) => {
                    "the fallback acts until it is yours"
                }
                Some(ControlState::SafeHeld) => "it is held safe until it is yours",
                Some(
                    ControlState::Autonomous
                    | ControlState::AssistPending
                    | ControlState::Requested
                    | ControlState::Claimed
                    | ControlState::InTransition
                    | ControlState::Human
                    | ControlState::Returning
                    | ControlState::Estopped
                    | ControlState::Local
                    | ControlState::OutOfService,
                )
                | None => "the agent acts until it is yours",
            };
            (format!("You are taking over {agent}: {until}"), Tone::Own, true)
        }
        ControlState::Returning => {
            (format!("You are handing back {agent}: yours until it is steady"), Tone::Own, true)
        }
        ControlState::Claimed => {
            (format!("You hold {agent} (claimed): the agent still acts"), Tone::Own, false)
        }
        ControlState::Fallback => (format!("You hold {agent}: the fallback acts"), Tone::Own, false),
        ControlState::SafeHeld => (format!("You hold {agent}: it is held safe"), Tone::Own, false),
        ControlState::Autonomous | ControlState::AssistPending | ControlState::Requested => {
            (format!("You hold {agent}: the agent acts"), Tone::Own, false)
        }
        ControlState::FallbackFailed => {
            (format!("You hold {agent}: its fallback does NOT work"), Tone::Danger, false)
        }
        ControlState::Estopped => (format!("You hold {agent}: it is STOPPED"), Tone::Warning, false),
        ControlState::Local => (format!("A person at {agent} has control{held}"), Tone::Warning, false),
        ControlState::OutOfService => (format!("{agent} is out of service{held}"), Tone::Warning, false),
    }
}

fn of_others(picture: &Picture) -> ControlLine {
    let line = |text: String, tone| ControlLine { text, tone, agent: None, driving: false };
    let (mut alone, mut fallback, mut held, mut stopped, mut offline) = (0_u64, 0_u64, 0_u64, 0_u64, 0_u64);
    let (mut local, mut out_of_service) = (0_u64, 0_u64);
    let mut others = Vec::new();
    for (agent, entry) in picture.agents() {
        let status = entry.status();
        if status.offline_nanos.is_some() {
            offline += 1;
            continue;
        }
        match status.control_state {
            ControlState::Autonomous
            | ControlState::AssistPending
            | ControlState::Requested
            | ControlState::Claimed => alone += 1,
            ControlState::InTransition | ControlState::Human | ControlState::Returning => {
                others.push((agent, status));
            }
            ControlState::Fallback | ControlState::FallbackFailed => fallback += 1,
            ControlState::SafeHeld => held += 1,
            ControlState::Local => local += 1,
            ControlState::OutOfService => out_of_service += 1,
            ControlState::Estopped => stopped += 1,
        }
    }
    let who = match others.as_slice() {
        [] => "You control nothing".to_owned(),
        [(agent, status)] => match &status.lease {
            Some(lease) => format!("{} {}s {agent}", lease.holder, verb(status.kind)),
            None => format!("A person {}s {agent}", verb(status.kind)),
        },
        many => format!("Others control {} agents", many.len()),
    };
    let mut parts = Vec::new();
    if alone > 0 {
        let act = if alone == 1 { "acts by itself" } else { "act by themselves" };
        parts.push(format!("{} {act}", counted(alone, "agent")));
    }
    for (count, what) in [
        (fallback, "in fallback"),
        (held, "held safe"),
        (stopped, "STOPPED"),
        (local, "controlled locally"),
        (out_of_service, "out of service"),
        (offline, "offline"),
    ] {
        if count > 0 {
            parts.push(format!("{count} {what}"));
        }
    }
    if !picture.link().is_connected() {
        return line("NOT CONNECTED: who controls what is not known".to_owned(), Tone::Danger);
    }
    if !picture.is_current() {
        return line("The picture is loading: who controls what is not known yet".to_owned(), Tone::Stale);
    }
    if others.is_empty() && parts.is_empty() {
        return line("No agents".to_owned(), Tone::Quiet);
    }
    if others.is_empty() {
        return line(format!("Nobody drives; {}", parts.join(", ")), Tone::Normal);
    }
    let text = if parts.is_empty() { who } else { format!("{who}; {}", parts.join(", ")) };
    line(text, Tone::Normal)
}

/// Returns what a person in control does to an agent of this kind.
const fn verb(kind: AgentKind) -> &'static str {
    match kind {
        AgentKind::Vehicle => "drive",
        AgentKind::Transaction | AgentKind::SoftwareAgent | AgentKind::Generic => "control",
    }
}
