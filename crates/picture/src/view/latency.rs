//! Latency of each stage of a takeover against its budget; machine and human time apart.

use super::Tone;
use crate::Picture;
use std::time::Duration;
use watchkeeper_model::{AgentKind, Stage, StageOwner};
use watchkeeper_protocol::operator::StageLatency;

/// One stage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LatencyRow {
    /// Which stage.
    pub stage: Stage,
    /// Whose time it is: `machine` or `human`.
    pub owner: &'static str,
    /// What it spans, in words.
    pub span: &'static str,
    /// How many were measured.
    pub count: u64,
    /// Median in words; `unknown` when nothing was measured.
    pub p50: String,
    /// 95th percentile in words.
    pub p95: String,
    /// 99th percentile in words.
    pub p99: String,
    /// Longest, in words.
    pub max: String,
    /// Over the hard budget or unknown; "unknown" while nothing is known.
    pub breaches: String,
    /// p99 and hard budget in words; human time has only the demand's deadline.
    pub budget: String,
    /// Verdict in a word: `within`, `over`, `breached`, `unknown`, `no budget`.
    pub verdict: &'static str,
    /// How it is meant.
    pub tone: Tone,
}

/// Returns one row a stage, measured against the budget of `kind`.
pub fn rows(picture: &Picture, kind: AgentKind) -> Vec<LatencyRow> {
    Stage::ALL
        .iter()
        .map(|stage| {
            let measured = picture
                .health()
                .and_then(|health| health.value.stages.iter().find(|latency| latency.stage == *stage))
                .copied();
            row(*stage, measured, kind)
        })
        .collect()
}

/// Returns the kind with the strictest budgets among the agents: stages are measured over all of them.
pub fn strictest_kind(picture: &Picture) -> AgentKind {
    picture.agents().map(|(_, entry)| entry.status().kind).min().unwrap_or(AgentKind::Vehicle)
}

fn row(stage: Stage, measured: Option<StageLatency>, kind: AgentKind) -> LatencyRow {
    let budget = stage.budget(kind);
    let known = measured.filter(|latency| latency.count > 0);
    let words = |nanos: fn(&StageLatency) -> u64| {
        known
            .as_ref()
            .map_or_else(|| "unknown".to_owned(), |latency| millis(Duration::from_nanos(nanos(latency))))
    };
    let (verdict, tone) = verdict(measured, budget);
    LatencyRow {
        stage,
        owner: match stage.owner() {
            StageOwner::Machine => "machine",
            StageOwner::Human => "human",
        },
        span: span(stage),
        count: measured.map_or(0, |latency| latency.count),
        p50: words(|latency| latency.p50_nanos),
        p95: words(|latency| latency.p95_nanos),
        p99: words(|latency| latency.p99_nanos),
        max: words(|latency| latency.max_nanos),
        breaches: measured.map_or_else(|| "unknown".to_owned(), |latency| latency.breaches.to_string()),
        budget: budget.map_or_else(
            || "deadline".to_owned(),
            |(p99, hard)| format!("{} / {}", millis(p99), millis(hard)),
        ),
        verdict,
        tone,
    }
}

fn verdict(measured: Option<StageLatency>, budget: Option<(Duration, Duration)>) -> (&'static str, Tone) {
    match (measured, budget) {
        (None, _) => ("unknown", Tone::Quiet),
        (Some(latency), _) if latency.count == 0 && latency.breaches == 0 => ("unknown", Tone::Quiet),
        (Some(_), None) => ("no budget", Tone::Normal),
        (Some(latency), Some((_, hard)))
            if latency.breaches > 0 || Duration::from_nanos(latency.max_nanos) > hard =>
        {
            ("breached", Tone::Danger)
        }
        (Some(latency), Some((p99, _))) if Duration::from_nanos(latency.p99_nanos) > p99 => {
            ("over", Tone::Warning)
        }
        (Some(_), Some(_)) => ("within", Tone::Normal),
    }
}

const fn span(stage: Stage) -> &'static str {
    match stage {
        Stage::Detect => "event to alert",
        Stage::Notify => "alert to frame presented",
        Stage::Decide => "frame presented to key",
        Stage::Command => "key to accepted",
        Stage::Actuate => "accepted to effect",
    }
}

/// Returns a span as the stages are shown: `0.70 ms`, `36.0 ms`, `284 ms`, `12.3 s`.
pub(crate) fn millis(span: Duration) -> String {
    let millis = span.as_secs_f64() * 1e3;
    if millis >= 10_000.0 {
        format!("{:.1} s", millis / 1e3)
    } else if millis >= 100.0 {
        format!("{millis:.0} ms")
    } else if millis >= 1.0 {
        format!("{millis:.1} ms")
    } else {
        format!("{millis:.2} ms")
    }
}
