//! Latency of the stages of all takeovers, as a table.

use std::{fmt::Write, time::Duration};
use watchkeeper_model::{AgentKind, Stage, StageOwner};
use watchkeeper_protocol::operator::StageLatency;

/// Returns the table; machine and human time never share a figure. `kind` chooses the budgets.
pub(crate) fn table(measured: &[StageLatency], kind: AgentKind) -> String {
    let mut text = format!(
        "{:<8} {:<8} {:>6} {:>9} {:>9} {:>9} {:>9} {:>17} {:>8}  {}\n",
        "stage", "time of", "count", "p50", "p95", "p99", "max", "budget p99/hard", "breaches", "verdict"
    );
    for stage in Stage::ALL {
        let latency = measured.iter().find(|latency| latency.stage == *stage);
        let figure = |nanos: fn(&StageLatency) -> u64| {
            latency
                .filter(|latency| latency.count > 0)
                .map_or_else(|| "unknown".to_owned(), |latency| span(Duration::from_nanos(nanos(latency))))
        };
        writeln!(
            text,
            "{:<8} {:<8} {:>6} {:>9} {:>9} {:>9} {:>9} {:>17} {:>8}  {}",
            stage.word(),
            owner(stage.owner()),
            latency.map_or(0, |latency| latency.count),
            figure(|latency| latency.p50_nanos),
            figure(|latency| latency.p95_nanos),
            figure(|latency| latency.p99_nanos),
            figure(|latency| latency.max_nanos),
            stage.budget(kind).map_or_else(
                || "the deadline".to_owned(),
                |(p99, hard)| format!("{} / {}", span(p99), span(hard))
            ),
            latency.map_or(0, |latency| latency.breaches),
            verdict(latency, stage.budget(kind)),
        )
        .expect("a String takes every write");
    }
    text.truncate(text.trim_end().len());
    text
}

/// Returns whose time a stage takes, in a word.
pub(crate) const fn owner(owner: StageOwner) -> &'static str {
    match owner {
        StageOwner::Machine => "machine",
        StageOwner::Human => "human",
    }
}

fn verdict(latency: Option<&StageLatency>, budget: Option<(Duration, Duration)>) -> &'static str {
    match (latency, budget) {
        (None, _) => "not measured",
        (Some(latency), _) if latency.breaches > 0 => "BREACHED",
        (Some(latency), Some((p99, _))) if Duration::from_nanos(latency.p99_nanos) > p99 => "over p99",
        (Some(_), Some(_)) => "within",
        (Some(_), None) => "no budget",
    }
}

/// Returns a span in words, with three figures that mean something.
pub(crate) fn span(span: Duration) -> String {
    let millis = span.as_secs_f64() * 1e3;
    if millis >= 10_000.0 {
        format!("{:.1} s", millis / 1e3)
    } else if millis >= 1_000.0 {
        format!("{:.2} s", millis / 1e3)
    } else if millis >= 100.0 {
        format!("{millis:.0} ms")
    } else if millis >= 1.0 {
        format!("{millis:.1} ms")
    } else {
        format!("{millis:.2} ms")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_is_a_breach_and_what_nobody_measured_is_said() {
        let measured = [
            StageLatency {
                stage: Stage::Detect,
                count: 3,
                p50_nanos: 1_200_000,
                p95_nanos: 90_000_000,
                p99_nanos: 120_000_000,
                max_nanos: 130_000_000,
                breaches: 0,
            },
            StageLatency {
                stage: Stage::Command,
                count: 0,
                p50_nanos: 0,
                p95_nanos: 0,
                p99_nanos: 0,
                max_nanos: 0,
                breaches: 1,
            },
        ];
        insta::assert_snapshot!(table(&measured, AgentKind::Vehicle));
    }
}
