//! The whole fleet: one row an agent, in the order of their names, so that nothing moves by itself.

use super::{
    Mark, Tone, age, controller_words, is_mine, kind_word, lateness, row_tone, state_look, state_words,
};
use crate::{AgentPicture, Picture};
use std::time::Duration;
use watchkeeper_model::{AgentId, ControlState, MonoTime};

/// One agent in the fleet.
#[derive(Clone, Debug, PartialEq)]
pub struct FleetRow {
    /// Which agent.
    pub agent: AgentId,
    /// What it is, in a word.
    pub kind: &'static str,
    /// Shape of its state.
    pub mark: Mark,
    /// Its state in words; with the fallback's level.
    pub state: String,
    /// How it is meant.
    pub tone: Tone,
    /// Who controls it, in words.
    pub controller: String,
    /// Time left of an open demand; zero when it has run out.
    pub demand_left: Option<Duration>,
    /// Time left to engage before the claim lapses; `None` where nobody has claimed, or control is taken.
    pub engage_left: Option<Duration>,
    /// Who holds the lease: `you`, or a name.
    pub holder: Option<String>,
    /// Age of the newest sign of life in words: `0.2 s`, or `no data 1.4 s` when it is late, or `offline 3.0 s`; at most 14 columns.
    pub data: String,
    /// The data is too old to be relied on.
    pub stale: bool,
    /// The agent is offline: everything else is the last known.
    pub offline: bool,
    /// How odd it looks, 0 to 1.
    pub score: f64,
    /// Latches it holds.
    pub latches: usize,
    /// What else must be known, in a few words; empty when there is nothing.
    pub note: String,
}

/// The fleet in one line.
#[derive(Clone, Debug, PartialEq)]
pub struct FleetSummary {
    /// Agents in the picture.
    pub agents: usize,
    /// Agents that need a person.
    pub need_person: usize,
    /// Agents whose lease is this session's.
    pub yours: usize,
    /// Agents offline.
    pub offline: usize,
    /// Agents online with data too old.
    pub stale: usize,
    /// Shortest demand that is running.
    pub next_deadline: Option<Duration>,
    /// How it is meant.
    pub tone: Tone,
    /// The agent whose demand runs out first among those that nobody holds.
    pub next_agent: Option<AgentId>,
    /// The same in words, part by part, so that a narrow console leaves out whole parts.
    pub parts: Vec<String>,
    /// All parts in one; a quiet fleet still says what was checked and when.
    pub text: String,
}

/// Returns the rows of the fleet.
pub fn rows(picture: &Picture, now: MonoTime) -> Vec<FleetRow> {
    picture.agents().map(|(_, entry)| row_of(picture, entry, now)).collect()
}

/// Returns the row of one agent; `None` for one that nobody knows.
pub fn row(picture: &Picture, agent: &AgentId, now: MonoTime) -> Option<FleetRow> {
    picture.agent(agent).map(|entry| row_of(picture, entry, now))
}

/// Returns the fleet in one line.
pub fn summary(picture: &Picture, now: MonoTime) -> FleetSummary {
    let mut summary = FleetSummary {
        agents: 0,
        need_person: 0,
        yours: 0,
        offline: 0,
        stale: 0,
        next_deadline: None,
        next_agent: None,
        parts: Vec::new(),
        tone: Tone::Normal,
        text: String::new(),
    };
    let mut newest: Option<Duration> = None;
    let mut unheld: Option<Duration> = None;
    for (agent, entry) in picture.agents() {
        let freshness = entry.freshness(now);
        let offline = entry.status().offline_nanos.is_some();
        summary.agents += 1;
        summary.offline += usize::from(offline);
        summary.stale += usize::from(freshness.stale && !offline);
        summary.need_person += usize::from(needs_person(entry));
        summary.yours += usize::from(is_mine(picture, entry));
        summary.next_deadline = match (summary.next_deadline, entry.demand_left(now)) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        if let Some(left) = entry.demand_left(now)
            && entry.status().lease.is_none()
            && unheld.is_none_or(|known| left < known)
        {
            unheld = Some(left);
            summary.next_agent = Some(agent.clone());
        }
        newest = Some(newest.map_or(freshness.age, |known| known.min(freshness.age)));
    }
    summary.tone = if !picture.is_current() {
        Tone::Stale
    } else if summary.need_person > 0 {
        Tone::Danger
    } else if summary.offline + summary.stale > 0 {
        Tone::Warning
    } else {
        Tone::Normal
    };
    summary.parts = summary_parts(&summary, newest);
    summary.text = summary.parts.join(", ");
    summary
}

fn summary_parts(summary: &FleetSummary, newest: Option<Duration>) -> Vec<String> {
    let Some(newest) = newest else { return vec!["no agents".to_owned()] };
    let agents = match summary.agents {
        1 => "1 agent".to_owned(),
        many => format!("{many} agents"),
    };
    let need = match summary.need_person {
        0 => "nobody needs you".to_owned(),
        1 => "1 NEEDS A PERSON".to_owned(),
        many => format!("{many} NEED A PERSON"),
    };
    let mut parts = vec![agents, need];
    for (count, what) in [(summary.yours, "yours"), (summary.offline, "offline"), (summary.stale, "stale")] {
        if count > 0 {
            parts.push(format!("{count} {what}"));
        }
    }
    parts.push(format!("newest data {}", age(newest)));
    parts
}

fn row_of(picture: &Picture, entry: &AgentPicture, now: MonoTime) -> FleetRow {
    let status = entry.status();
    let mine = is_mine(picture, entry);
    let freshness = entry.freshness(now);
    let (mark, tone) = state_look(status, mine);
    let data = match lateness(entry, freshness, now) {
        Some((what, span)) => format!("{what} {}", age(span)),
        None => age(freshness.age),
    };
    FleetRow {
        agent: status.agent.clone(),
        kind: kind_word(status.kind),
        mark,
        state: state_words(status),
        tone: row_tone(tone, freshness),
        controller: controller_words(status, mine),
        demand_left: entry.demand_left(now),
        engage_left: entry.engage_left(now),
        holder: status.lease.as_ref().map(|lease| if mine { "you".into() } else { lease.holder.to_string() }),
        data,
        stale: freshness.stale,
        offline: status.offline_nanos.is_some(),
        score: newest_score(entry),
        latches: status.latches.len(),
        note: note(entry),
    }
}

/// Returns the score that came last, by decision or by status.
pub(crate) fn newest_score(entry: &AgentPicture) -> f64 {
    match entry.history().newest() {
        Some(sample) if sample.received_at > entry.received_at() => sample.score,
        Some(_) | None => entry.status().score,
    }
}

/// Returns what else must be known of an agent, in a few words.
pub(crate) fn note(entry: &AgentPicture) -> String {
    let status = entry.status();
    let mut notes = Vec::new();
    if status.stop_pending {
        notes.push("STOP not confirmed");
    }
    if status.unverified {
        notes.push("fallback not confirmed");
    }
    if !status.settled && status.offline_nanos.is_none() {
        notes.push("connecting");
    }
    notes.join(", ")
}

/// Returns whether somebody should look at the agent and nobody does.
fn needs_person(entry: &AgentPicture) -> bool {
    let status = entry.status();
    match status.control_state {
        ControlState::Requested => true,
        ControlState::Fallback | ControlState::FallbackFailed | ControlState::SafeHeld => {
            status.lease.is_none()
        }
        ControlState::Autonomous
        | ControlState::AssistPending
        | ControlState::Claimed
        | ControlState::InTransition
        | ControlState::Human
        | ControlState::Returning
        | ControlState::Estopped
        | ControlState::Local
        | ControlState::OutOfService => status.unverified || status.stop_pending,
    }
}
