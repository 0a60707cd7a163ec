//! One agent in detail: what it does, what it knows, and what happens if nobody acts.

mod past;

pub use past::PastAlert;

use super::{
    Mark, Tone, age, alerts::expected, controller_words, countdown, demands::lead_alarm, is_mine, latch_word,
    lateness, number, plain, row_tone, state_look, state_words,
};
use crate::{AgentPicture, DecisionSample, Picture, view::fleet::newest_score};
use std::time::Duration;
use watchkeeper_model::{AgentId, ControlState, MonoTime, SignalEvidence};

/// One agent in detail.
#[derive(Clone, Debug, PartialEq)]
pub struct AgentDetail {
    /// Which agent.
    pub agent: AgentId,
    /// Kind and software version in words.
    pub what: String,
    /// Shape of its state.
    pub mark: Mark,
    /// Its state in words.
    pub state: String,
    /// How it is meant.
    pub tone: Tone,
    /// Who controls it, in words.
    pub controller: String,
    /// Age of the newest sign of life, in words.
    pub data: String,
    /// The data is too old to be relied on.
    pub stale: bool,
    /// How odd it looks, 0 to 1.
    pub score: f64,
    /// How sure the agent is, 0 to 1; `None` when it does not say.
    pub confidence: Option<f64>,
    /// What happens if nobody acts, and when.
    pub if_nobody_acts: String,
    /// Time left until then; zero when it has run out.
    pub left: Option<Duration>,
    /// Why a person is wanted, in words; empty when none is.
    pub reason: String,
    /// The last decisions, newest first.
    pub decisions: Vec<DecisionRow>,
    /// Its signals in its own order.
    pub signals: Vec<SignalRow>,
    /// Its latches in words.
    pub latches: Vec<String>,
    /// Counts and clock: `1200 decisions, 2 missing; clock +1.2 ms ± 0.1 ms`.
    pub diagnosis: String,
    /// How odd it looked over the last minute, oldest first: (seconds before now, 0 or less; 0 to 1).
    pub scores: Vec<(f64, f64)>,
    /// How sure it was over the last minute, likewise; without decisions of which it did not say.
    pub confidences: Vec<(f64, f64)>,
    /// What its worst alert is due to, largest share first, at most 3.
    pub contributions: Vec<Contribution>,
    /// What such alerts came to before: its own, then others' for the same reason, newest first, at most 8.
    pub past: Vec<PastAlert>,
}

/// What one signal contributes to an alert.
#[derive(Clone, Debug, PartialEq)]
pub struct Contribution {
    /// Which signal, or `confidence`.
    pub signal: String,
    /// Its share of the finding, 0 to 1.
    pub share: f64,
    /// What it was and what was expected, in words.
    pub text: String,
}

/// One decision.
#[derive(Clone, Debug, PartialEq)]
pub struct DecisionRow {
    /// Its number.
    pub seq: u64,
    /// How long ago it came here.
    pub age: String,
    /// What the agent did.
    pub action: String,
    /// How sure it was, 0 to 1.
    pub confidence: Option<f64>,
    /// How odd it looked, 0 to 1.
    pub score: f64,
}

/// One signal against what was expected of it.
#[derive(Clone, Debug, PartialEq)]
pub struct SignalRow {
    /// Its name.
    pub name: String,
    /// Its unit; empty where there is none.
    pub unit: String,
    /// Its newest value; NaN when it is missing, `None` before the first decision.
    pub value: Option<f64>,
    /// The same as text.
    pub text: String,
    /// Lower end of what is expected, where an alert says so.
    pub expected_low: Option<f64>,
    /// Upper end of what is expected, where an alert says so.
    pub expected_high: Option<f64>,
    /// The same in words: `expected 11.80 to 13.90`; empty where nothing is known.
    pub expected: String,
    /// Share of an alert that is due to this signal, 0 to 1.
    pub contribution: Option<f64>,
    /// How it is meant.
    pub tone: Tone,
    /// The last minute, oldest first, for a trend.
    pub trend: Vec<f64>,
    /// The same as (seconds before now, 0 or less; value), without those where it was missing.
    pub points: Vec<(f64, f64)>,
}

/// Returns one agent in detail with its last `decisions` decisions; `None` for one that nobody knows.
pub fn detail(picture: &Picture, agent: &AgentId, decisions: usize, now: MonoTime) -> Option<AgentDetail> {
    let entry = picture.agent(agent)?;
    let status = entry.status();
    let mine = is_mine(picture, entry);
    let freshness = entry.freshness(now);
    let (mark, tone) = state_look(status, mine);
    let data = match lateness(entry, freshness, now) {
        Some((what, span)) => format!("{what} {}", age(span)),
        None => format!("data {} old", age(freshness.age)),
    };
    let newest = entry.history().newest();
    Some(AgentDetail {
        agent: agent.clone(),
        what: format!("{} {}", super::kind_word(status.kind), status.software_version),
        mark,
        state: state_words(status),
        tone: row_tone(tone, freshness),
        controller: controller_words(status, mine),
        data,
        stale: freshness.stale,
        score: newest_score(entry),
        confidence: newest.and_then(|sample| sample.confidence).map(watchkeeper_model::Confidence::get),
        if_nobody_acts: if_nobody_acts(entry, now),
        left: entry.demand_left(now),
        reason: status.demand.as_ref().map(|demand| demand.reason.to_string()).unwrap_or_default(),
        decisions: decision_rows(entry, decisions, now),
        signals: signal_rows(picture, entry, now),
        latches: status
            .latches
            .iter()
            .map(|latch| format!("{} ({})", latch.latch_id, latch_word(latch.cause)))
            .collect(),
        diagnosis: diagnosis(entry),
        scores: entry.history().samples().map(|sample| (ago(sample, now), sample.score)).collect(),
        confidences: entry
            .history()
            .samples()
            .filter_map(|sample| Some((ago(sample, now), sample.confidence?.get())))
            .collect(),
        contributions: contributions(picture, agent),
        past: past::rows(picture, entry, now),
    })
}

/// Returns when a sample came, in seconds before now: 0 or less.
fn ago(sample: &DecisionSample, now: MonoTime) -> f64 {
    0.0 - now.since(sample.received_at).as_secs_f64()
}

fn contributions(picture: &Picture, agent: &AgentId) -> Vec<Contribution> {
    let Some(alarm) = lead_alarm(picture, agent) else { return Vec::new() };
    let mut signals: Vec<_> = alarm.explanation.signals.iter().collect();
    signals.sort_by(|a, b| b.contribution.total_cmp(&a.contribution));
    signals
        .into_iter()
        .map(|evidence| {
            let unit =
                if evidence.unit.as_str().is_empty() { String::new() } else { format!(" {}", evidence.unit) };
            let came =
                if evidence.value.is_nan() { "missing".to_owned() } else { plain(evidence.value) + &unit };
            let share =
                if evidence.contribution.is_finite() { evidence.contribution.clamp(0.0, 1.0) } else { 0.0 };
            Contribution {
                signal: evidence.signal.to_string(),
                share,
                text: match expected(evidence) {
                    Some(expected) => format!("{came}, {expected}"),
                    None => came,
                },
            }
        })
        .collect()
}

/// Returns what happens if nobody acts, and when, in words.
pub(crate) fn if_nobody_acts(entry: &AgentPicture, now: MonoTime) -> String {
    let status = entry.status();
    if let (Some(demand), Some(left)) = (&status.demand, entry.demand_left(now)) {
        let then = &demand.then;
        return if left.is_zero() {
            format!("time is up: {then}")
        } else {
            format!("in {}: {then}", countdown(left))
        };
    }
    if status.offline_nanos.is_some() {
        return "not known: the agent is offline".to_owned();
    }
    match status.control_state {
        ControlState::Autonomous => "it goes on by itself".to_owned(),
        ControlState::AssistPending => "its question takes its default".to_owned(),
        ControlState::Requested | ControlState::Claimed => "not told".to_owned(),
        ControlState::InTransition => "it rolls back to whoever had it".to_owned(),
        ControlState::Human => match entry.lease_left(now) {
            Some(left) => format!("{} after the last heartbeat of its driver it falls back", countdown(left)),
            None => "it falls back".to_owned(),
        },
        ControlState::Returning => "the person keeps it".to_owned(),
        ControlState::Fallback => "the fallback goes on until it is safe".to_owned(),
        ControlState::SafeHeld => "it stays where it is, safe".to_owned(),
        ControlState::FallbackFailed => "level 3 is kept applied, though it does not work".to_owned(),
        ControlState::Estopped => "it stays stopped until a supervisor clears the latch".to_owned(),
        ControlState::Local => "the person at the agent keeps it".to_owned(),
        ControlState::OutOfService => "it stays out of service until a supervisor brings it back".to_owned(),
    }
}

fn decision_rows(entry: &AgentPicture, most: usize, now: MonoTime) -> Vec<DecisionRow> {
    entry
        .history()
        .samples()
        .rev()
        .take(most)
        .map(|sample| DecisionRow {
            seq: sample.seq.0,
            age: age(now.since(sample.received_at)),
            action: sample.action.to_string(),
            confidence: sample.confidence.map(watchkeeper_model::Confidence::get),
            score: sample.score,
        })
        .collect()
}

fn signal_rows(picture: &Picture, entry: &AgentPicture, now: MonoTime) -> Vec<SignalRow> {
    let status = entry.status();
    let evidence: Vec<&SignalEvidence> = picture
        .alerts()
        .map(|(_, alert)| alert.alarm())
        .filter(|alarm| alarm.agent == status.agent && alarm.state.is_active())
        .flat_map(|alarm| &alarm.explanation.signals)
        .collect();
    let newest = entry.history().newest();
    status
        .signals
        .iter()
        .enumerate()
        .map(|(index, spec)| {
            // With several alerts on one signal the one that weighs most is shown.
            let known = evidence
                .iter()
                .filter(|evidence| evidence.signal == spec.name)
                .max_by(|a, b| a.contribution.total_cmp(&b.contribution));
            let value = newest.and_then(|sample| sample.signals.get(index).copied());
            let low = known.and_then(|evidence| evidence.expected_low);
            let high = known.and_then(|evidence| evidence.expected_high);
            let (trend, points) = last_minute(entry, index, now);
            SignalRow {
                name: spec.name.to_string(),
                unit: spec.unit.to_string(),
                value,
                text: value.map_or_else(|| "none yet".to_owned(), number),
                expected_low: low,
                expected_high: high,
                expected: expected_words(low, high),
                contribution: known.map(|evidence| evidence.contribution),
                tone: signal_tone(value, low, high, known.is_some()),
                trend,
                points,
            }
        })
        .collect()
}

/// Returns all values of a signal, and those that were not missing with when they came.
fn last_minute(entry: &AgentPicture, index: usize, now: MonoTime) -> (Vec<f64>, Vec<(f64, f64)>) {
    let samples = entry.history().samples();
    let (mut trend, mut points) = (Vec::with_capacity(samples.len()), Vec::with_capacity(samples.len()));
    for sample in samples {
        let Some(value) = sample.signals.get(index).copied() else { continue };
        trend.push(value);
        if value.is_finite() {
            points.push((ago(sample, now), value));
        }
    }
    (trend, points)
}

fn expected_words(low: Option<f64>, high: Option<f64>) -> String {
    match (low, high) {
        (Some(low), Some(high)) => format!("expected {} to {}", number(low), number(high)),
        (Some(low), None) => format!("expected at least {}", number(low)),
        (None, Some(high)) => format!("expected at most {}", number(high)),
        (None, None) => String::new(),
    }
}

fn signal_tone(value: Option<f64>, low: Option<f64>, high: Option<f64>, blamed: bool) -> Tone {
    match value {
        None => Tone::Quiet,
        Some(value) if value.is_nan() => Tone::Warning,
        Some(value) if low.is_some_and(|low| value < low) || high.is_some_and(|high| value > high) => {
            Tone::Warning
        }
        Some(_) if blamed => Tone::Warning,
        Some(_) => Tone::Normal,
    }
}

fn diagnosis(entry: &AgentPicture) -> String {
    let status = entry.status();
    let clock = status.clock_offset.map_or_else(
        || "clock unknown".to_owned(),
        |clock| {
            let (offset, error) = (clock.offset_nanos as f64 / 1e6, clock.error_nanos as f64 / 1e6);
            format!("clock {offset:+.1} ms ± {error:.1} ms")
        },
    );
    format!("{} decisions, {} missing; {clock}", status.decisions, status.gaps)
}
