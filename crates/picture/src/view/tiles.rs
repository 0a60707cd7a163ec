//! Agents without a place (payments, AI agents) as small multiples: rate, confidence, score, mode.

use super::{
    Mark, Tone, age, fleet, is_mine, kind_word, lateness, map::place, row_tone, state_look, state_words,
};
use crate::{AgentPicture, Picture};
use std::time::Duration;
use watchkeeper_model::{AgentId, AgentKind, MonoTime};

/// How many decisions a tile looks back.
const BACK: usize = 30;

/// One agent on the wall.
#[derive(Clone, Debug, PartialEq)]
pub struct Tile {
    /// Which agent.
    pub agent: AgentId,
    /// What it is, in a word.
    pub kind: &'static str,
    /// Shape of its state.
    pub mark: Mark,
    /// How it is meant.
    pub tone: Tone,
    /// Its state in words.
    pub state: String,
    /// Decisions a second, by their numbers, over the last 30 that came here; `None` before the second one.
    pub rate_per_sec: Option<f64>,
    /// How sure it is, 0 to 1; `None` when it does not say.
    pub confidence: Option<f64>,
    /// How odd it looks, 0 to 1.
    pub score: f64,
    /// The same of the last 30 decisions, oldest first.
    pub scores: Vec<f64>,
    /// How sure it was at the last 30 decisions, oldest first; without those where it did not say.
    pub confidences: Vec<f64>,
    /// Age of its data in words, as on the map.
    pub data: String,
    /// The data is too old to be relied on.
    pub stale: bool,
    /// Time left of an open demand; zero when it has run out.
    pub left: Option<Duration>,
    /// This session has it or is about to.
    pub mine: bool,
    /// What else must be known, in a few words; empty when there is nothing.
    pub note: String,
}

/// Returns the agents without a place, in the order of their names.
///
/// A vehicle counts as one only when it decides without saying where it is, or when none of its decisions
/// will come soon: until its first decision nobody knows whether it has a place.
pub fn tiles(picture: &Picture, now: MonoTime) -> Vec<Tile> {
    picture
        .agents()
        .filter(|(_, entry)| is_placeless(entry, now))
        .map(|(_, entry)| tile(picture, entry, now))
        .collect()
}

fn is_placeless(entry: &AgentPicture, now: MonoTime) -> bool {
    if place(entry).is_some() {
        return false;
    }
    match entry.status().kind {
        AgentKind::Vehicle => {
            let waits = entry.history().is_empty() && !entry.freshness(now).stale;
            !waits
        }
        AgentKind::Transaction | AgentKind::SoftwareAgent | AgentKind::Generic => true,
    }
}

fn tile(picture: &Picture, entry: &AgentPicture, now: MonoTime) -> Tile {
    let status = entry.status();
    let mine = is_mine(picture, entry);
    let freshness = entry.freshness(now);
    let (mark, tone) = state_look(status, mine);
    let (mut scores, mut confidences) = (Vec::with_capacity(BACK), Vec::with_capacity(BACK));
    for sample in entry.history().samples().rev().take(BACK) {
        scores.push(sample.score);
        confidences.extend(sample.confidence.map(watchkeeper_model::Confidence::get));
    }
    let newest = entry.history().newest();
    scores.reverse();
    confidences.reverse();
    Tile {
        agent: status.agent.clone(),
        kind: kind_word(status.kind),
        mark,
        tone: row_tone(tone, freshness),
        state: state_words(status),
        rate_per_sec: rate_per_sec(entry, now),
        confidence: newest.and_then(|sample| sample.confidence).map(watchkeeper_model::Confidence::get),
        score: fleet::newest_score(entry),
        scores,
        confidences,
        data: match lateness(entry, freshness, now) {
            Some((what, span)) => format!("{what} for {}", age(span)),
            None => age(freshness.age),
        },
        stale: freshness.stale,
        left: entry.demand_left(now),
        mine,
        note: fleet::note(entry),
    }
}

/// Counts by the numbers of the decisions, since a console that is slow is not shown all of them. Silence
/// counts once it has lasted longer than two decisions would have.
fn rate_per_sec(entry: &AgentPicture, now: MonoTime) -> Option<f64> {
    let mut back = entry.history().samples().rev().take(BACK);
    let newest = back.next()?;
    let oldest = back.next_back()?;
    let made = newest.seq.0.saturating_sub(oldest.seq.0);
    let span = newest.received_at.since(oldest.received_at);
    let silent = now.since(newest.received_at);
    let expected = span.as_secs_f64() / made.max(1) as f64;
    let over = if silent.as_secs_f64() > 2.0 * expected { span.saturating_add(silent) } else { span };
    (!over.is_zero()).then(|| made as f64 / over.as_secs_f64())
}
