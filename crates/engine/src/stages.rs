//! Latency of each stage, and how often it broke its budget or was unknown.

use hdrhistogram::Histogram;
use std::{collections::VecDeque, time::Duration};
use watchkeeper_model::{AgentKind, Stage};
use watchkeeper_protocol::operator::StageLatency;

/// Longest span that a histogram can hold: an hour, in nanoseconds. Longer ones count as an hour.
const LONGEST_NANOS: u64 = 3_600_000_000_000;

/// One stage of one takeover or alert, as it was measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StageSpan {
    /// Which.
    pub stage: Stage,
    /// What the agent is; it chooses the budget.
    pub kind: AgentKind,
    /// How long it took; `None` when a moment is missing, which counts as a breach.
    pub span: Option<Duration>,
}

impl StageSpan {
    /// Returns whether it broke the hard budget of its stage.
    pub fn is_breach(self) -> bool {
        self.stage.is_broken_by(self.span, self.kind)
    }
}

/// One histogram a stage.
#[derive(Debug)]
pub(crate) struct Stages {
    figures: Vec<(Stage, Histogram<u64>, u64)>,
    /// What the input at work measured, and nobody has asked for yet.
    fresh: VecDeque<StageSpan>,
}

impl Stages {
    pub(crate) fn new() -> Self {
        let empty =
            || Histogram::new_with_bounds(1_000, LONGEST_NANOS, 3).expect("1 us to an hour is a valid range");
        let figures = Stage::ALL.iter().map(|stage| (*stage, empty(), 0)).collect();
        Self { figures, fresh: VecDeque::new() }
    }

    /// Takes one measurement; `None` is unknown and counts as a breach.
    pub(crate) fn record(&mut self, stage: Stage, kind: AgentKind, span: Option<Duration>) {
        let figures = self.figures.iter_mut().find(|(which, _, _)| *which == stage);
        let Some((_, histogram, breaches)) = figures else { return };
        let measured = StageSpan { stage, kind, span };
        self.fresh.push_back(measured);
        *breaches += u64::from(measured.is_breach());
        if let Some(span) = span {
            let nanos = u64::try_from(span.as_nanos()).unwrap_or(LONGEST_NANOS);
            histogram.saturating_record(nanos.clamp(1_000, LONGEST_NANOS));
        }
    }

    /// Takes the next span that the input at work measured.
    pub(crate) fn poll(&mut self) -> Option<StageSpan> {
        self.fresh.pop_front()
    }

    /// Forgets what nobody asked for: it stands in the figures all the same.
    pub(crate) fn begin_input(&mut self) {
        // Nearly always there is nothing, and every input asks.
        if !self.fresh.is_empty() {
            self.fresh.clear();
        }
    }

    /// Returns the figures so far, of stages that were measured or missed.
    pub(crate) fn report(&self) -> Vec<StageLatency> {
        self.figures
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
