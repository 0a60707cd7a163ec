//! Latency of each stage, and how often it broke its budget or was unknown.

use hdrhistogram::Histogram;
use std::time::Duration;
use watchkeeper_model::{AgentKind, Stage};
use watchkeeper_protocol::operator::StageLatency;

/// Longest span that a histogram can hold: an hour, in nanoseconds. Longer ones count as an hour.
const LONGEST_NANOS: u64 = 3_600_000_000_000;

/// One histogram a stage.
#[derive(Debug)]
pub(crate) struct Stages(Vec<(Stage, Histogram<u64>, u64)>);

impl Stages {
    pub(crate) fn new() -> Self {
        let empty =
            || Histogram::new_with_bounds(1_000, LONGEST_NANOS, 3).expect("1 us to an hour is a valid range");
        Self(Stage::ALL.iter().map(|stage| (*stage, empty(), 0)).collect())
    }

    /// Takes one measurement; `None` is unknown and counts as a breach.
    pub(crate) fn record(&mut self, stage: Stage, kind: AgentKind, span: Option<Duration>) {
        let Some((_, histogram, breaches)) = self.0.iter_mut().find(|(which, _, _)| *which == stage) else {
            return;
        };
        let over = match (span, stage.budget(kind)) {
            (Some(span), Some((_, hard))) => span > hard,
            (Some(_), None) => false,
            (None, _) => true,
        };
        *breaches += u64::from(over);
        if let Some(span) = span {
            let nanos = u64::try_from(span.as_nanos()).unwrap_or(LONGEST_NANOS);
            histogram.saturating_record(nanos.clamp(1_000, LONGEST_NANOS));
        }
    }

    /// Returns the figures so far, of stages that were measured or missed.
    pub(crate) fn report(&self) -> Vec<StageLatency> {
        self.0
            .iter()
            .filter(|(_, histogram, breaches)| !histogram.is_empty() || *breaches > 0)
            .map(|(stage, histogram, breaches)| StageLatency {
                stage: *stage,
                count: histogram.len(),
                p50_nanos: histogram.value_at_quantile(0.50),
                p95_nanos: histogram.value_at_quantile(0.95),
                p99_nanos: histogram.value_at_quantile(0.99),
                max_nanos: histogram.max(),
                breaches: *breaches,
            })
            .collect()
    }
}
