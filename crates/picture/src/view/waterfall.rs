//! The takeovers as waterfalls: each stage with its span, its error, its budget; machine and human apart.
//!
//! `takeover.md` 3.3: a stage whose moment is missing is unknown and counts as a breach, a span smaller than
//! its error is only said to be no longer than it, and human time never enters a machine's sum.

mod spans;

pub use spans::{Measured, ends, extent, is_engaged, measure, moment, sum};

use super::{Tone, age};
use crate::Picture;
use std::time::Duration;
use watchkeeper_model::{
    AgentId, DemandId, DemandOutcome, MonoTime, Stage, StageOwner, Verdict, machine_budget,
};
use watchkeeper_protocol::record::TakeoverRecord;

/// Most takeovers shown: nobody scrolls further back here; the record holds them all.
const MOST: usize = 32;

/// One takeover.
#[derive(Clone, Debug, PartialEq)]
pub struct Waterfall {
    /// Names it.
    pub demand: DemandId,
    /// Whose.
    pub agent: AgentId,
    /// Whose, how it ended and how long ago, in words.
    pub title: String,
    /// It is not over.
    pub open: bool,
    /// The stages: detect, notify, decide, command, actuate.
    pub spans: Vec<SpanRow>,
    /// Machine time in words, with its budget: `machine 298 ms of 500 ms`.
    pub machine: String,
    /// Human time in words.
    pub human: String,
    /// Verdict on the machine's time and stages: `within`, `over`, `breached`, `open`, `no budget`.
    pub verdict: &'static str,
    /// How it is meant.
    pub tone: Tone,
    /// From the first known moment to the last, milliseconds: the length of the axis.
    pub total_millis: f64,
    /// What somebody said of it afterwards.
    pub label: Option<Verdict>,
}

/// One stage of a takeover.
#[derive(Clone, Debug, PartialEq)]
pub struct SpanRow {
    /// Which.
    pub stage: Stage,
    /// Whose time it is: `machine` or `human`.
    pub owner: &'static str,
    /// When it began, milliseconds after the takeover's first known moment; `None` when that is not known.
    pub start_millis: Option<f64>,
    /// How long it took, milliseconds; `None` when that is not known.
    pub millis: Option<f64>,
    /// How far off that may be, milliseconds.
    pub error_millis: f64,
    /// The same in words: `0.70 ms`, `<= 0.20 ms`, `unknown`, `not yet`, `does not apply`.
    pub text: String,
    /// p99 and hard budget in words; human time has only the demand's deadline.
    pub budget: String,
    /// Verdict in a word: `within`, `over`, `breached`, `unknown` (a breach too), `open`, `no budget`, `-`.
    pub verdict: &'static str,
    /// How it is meant.
    pub tone: Tone,
}

/// Returns the takeovers as waterfalls, newest first, at most 32.
pub fn waterfalls(picture: &Picture, now: MonoTime) -> Vec<Waterfall> {
    let monitor_now = picture.monitor_now(now);
    picture.takeovers().rev().take(MOST).map(|entry| waterfall(&entry.value, monitor_now)).collect()
}

fn waterfall(takeover: &TakeoverRecord, monitor_now: Option<MonoTime>) -> Waterfall {
    let (first, last) = extent(takeover);
    let measured: Vec<_> = Stage::ALL.iter().map(|stage| (*stage, measure(takeover, *stage))).collect();
    let rows: Vec<_> = measured.iter().map(|(stage, span)| row(takeover, *stage, *span, first)).collect();
    let of = |owner| measured.iter().filter(move |(stage, _)| stage.owner() == owner).map(|(_, span)| *span);
    let machine = sum(of(StageOwner::Machine));
    let human = sum(of(StageOwner::Human));
    // The budget of all stages says nothing about some of them.
    let is_whole = of(StageOwner::Machine).all(|span| !matches!(span, Measured::Absent));
    let budget = is_whole.then(|| machine_budget(takeover.kind));
    let (total, total_tone) = verdict(machine, budget);
    let worst = rows.iter().max_by_key(|row| weight(row.verdict)).map(|row| (row.verdict, row.tone));
    let (verdict, tone) = match worst {
        Some((worst, tone)) if weight(worst) > weight(total) => (worst, tone),
        Some(_) | None => (total, total_tone),
    };
    let of_budget = budget.map(|(p99, _)| format!(" of {}", span(p99))).unwrap_or_default();
    Waterfall {
        demand: takeover.demand_id,
        agent: takeover.agent.clone(),
        title: title(takeover, last, monitor_now),
        open: !takeover.over,
        spans: rows,
        machine: format!("machine {}{of_budget}", words(machine)),
        human: format!("human {}", words(human)),
        verdict: if verdict == "unknown" { "breached" } else { verdict },
        tone,
        total_millis: first.zip(last).map_or(0.0, |(first, last)| millis(last.since(first))),
        label: takeover.verdict,
    }
}

fn title(takeover: &TakeoverRecord, last: Option<MonoTime>, monitor_now: Option<MonoTime>) -> String {
    let agent = &takeover.agent;
    let how = match takeover.outcome {
        None if !takeover.over => "open",
        None => "how it ended is not known",
        Some(DemandOutcome::Human) if !takeover.over => "in control",
        Some(DemandOutcome::Human) if takeover.handed_back_at.is_some() => "handed back",
        Some(DemandOutcome::Human) => "taken over",
        Some(DemandOutcome::SelfCleared) => "cleared by itself",
        Some(DemandOutcome::Cancelled) => "cancelled",
        Some(DemandOutcome::Dismissed) => "called a false alarm",
        Some(DemandOutcome::Fallback) => "fell back",
        Some(DemandOutcome::Estopped) => "stopped",
        Some(DemandOutcome::Local) => "taken over at the agent",
        Some(DemandOutcome::OutOfService) => "taken out of service",
    };
    let end = takeover.handed_back_at.or(takeover.demand_ended_at).or(last);
    match end.zip(monitor_now) {
        Some((end, monitor)) if takeover.over => format!("{agent}: {how}, {} ago", age(monitor.since(end))),
        Some(_) | None => format!("{agent}: {how}"),
    }
}

fn row(takeover: &TakeoverRecord, stage: Stage, measured: Measured, first: Option<MonoTime>) -> SpanRow {
    let budget = stage.budget(takeover.kind);
    let (verdict, tone) = verdict(measured, budget);
    let start = moment(takeover, ends(stage).0).filter(|_| !matches!(measured, Measured::Absent));
    let (known, error) = match measured {
        Measured::Known { length, error } => (Some(length), error),
        Measured::Unknown | Measured::Pending | Measured::Absent => (None, Duration::ZERO),
    };
    SpanRow {
        stage,
        owner: match stage.owner() {
            StageOwner::Machine => "machine",
            StageOwner::Human => "human",
        },
        start_millis: start.zip(first).map(|(start, first)| millis(start.at.since(first))),
        millis: known.map(millis),
        error_millis: millis(error),
        text: words(measured),
        budget: budget
            .map_or_else(|| "deadline".to_owned(), |(p99, hard)| format!("{} / {}", span(p99), span(hard))),
        verdict,
        tone,
    }
}

fn verdict(measured: Measured, budget: Option<(Duration, Duration)>) -> (&'static str, Tone) {
    match (measured, budget) {
        (Measured::Absent, _) => ("-", Tone::Quiet),
        (Measured::Pending, _) => ("open", Tone::Quiet),
        (Measured::Unknown, _) => ("unknown", Tone::Danger),
        (Measured::Known { .. }, None) => ("no budget", Tone::Normal),
        (Measured::Known { length, .. }, Some((p99, _))) if length <= p99 => ("within", Tone::Normal),
        (Measured::Known { length, .. }, Some((_, hard))) if length <= hard => ("over", Tone::Warning),
        (Measured::Known { .. }, Some(_)) => ("breached", Tone::Danger),
    }
}

/// Sorts verdicts from harmless to worst.
fn weight(verdict: &str) -> u8 {
    match verdict {
        "within" => 2,
        "open" => 3,
        "over" => 4,
        "unknown" | "breached" => 5,
        "no budget" => 1,
        _ => 0,
    }
}

fn words(measured: Measured) -> String {
    match measured {
        Measured::Known { length, error } if length < error => format!("<= {}", span(error)),
        Measured::Known { length, error } if error.is_zero() => span(length),
        Measured::Known { length, error } => format!("{} ± {}", span(length), span(error)),
        Measured::Unknown => "unknown".to_owned(),
        Measured::Pending => "not yet".to_owned(),
        Measured::Absent => "does not apply".to_owned(),
    }
}

fn millis(span: Duration) -> f64 {
    span.as_secs_f64() * 1e3
}

/// Returns a span in words: `0.70 ms`, `36.0 ms`, `284 ms`, `12.3 s`.
fn span(span: Duration) -> String {
    super::latency::millis(span)
}
