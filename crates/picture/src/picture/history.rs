//! The last minute of one agent's decisions.

use std::{collections::VecDeque, time::Duration};
use watchkeeper_model::{Confidence, DecisionSeq, Label, MonoTime, Pose};
use watchkeeper_protocol::operator::Telemetry;

/// How far back a console looks.
const SPAN: Duration = Duration::from_mins(1);
/// 60 s at 10 Hz.
const MAX_SAMPLES: usize = 600;
/// Ten signals for all samples (48 kB an agent); agents with more signals keep fewer samples.
const MAX_NUMBERS: usize = 6_000;

/// One decision as this console saw it.
#[derive(Clone, Debug, PartialEq)]
pub struct DecisionSample {
    /// Which decision.
    pub seq: DecisionSeq,
    /// When it came, on the console's clock.
    pub received_at: MonoTime,
    /// What the agent did.
    pub action: Label,
    /// How sure it was.
    pub confidence: Option<Confidence>,
    /// How odd it looked, 0 to 1.
    pub score: f64,
    /// The numbers it knew, in the order of the agent's signals; NaN where one is missing.
    pub signals: Vec<f64>,
    /// Where it was.
    pub pose: Option<Pose>,
}

/// The last 60 s of decisions, at most 600 of them and at most 6,000 signal values.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct History {
    samples: VecDeque<DecisionSample>,
    numbers: usize,
}

impl History {
    pub(super) const fn new() -> Self {
        Self { samples: VecDeque::new(), numbers: 0 }
    }

    pub(super) fn push(&mut self, telemetry: &Telemetry, at: MonoTime) {
        if self.newest().is_some_and(|sample| sample.seq == telemetry.seq) {
            return;
        }
        self.numbers += telemetry.signals.len();
        self.samples.push_back(DecisionSample {
            seq: telemetry.seq,
            received_at: at,
            action: telemetry.action.clone(),
            confidence: telemetry.confidence,
            score: telemetry.score,
            signals: telemetry.signals.clone(),
            pose: telemetry.pose,
        });
        while self.is_too_much(at)
            && let Some(old) = self.samples.pop_front()
        {
            self.numbers -= old.signals.len();
        }
    }

    fn is_too_much(&self, now: MonoTime) -> bool {
        let old = self.samples.front().is_some_and(|sample| now.since(sample.received_at) > SPAN);
        old || self.samples.len() > MAX_SAMPLES || (self.numbers > MAX_NUMBERS && self.samples.len() > 1)
    }

    /// Returns the newest decision.
    pub fn newest(&self) -> Option<&DecisionSample> {
        self.samples.back()
    }

    /// Returns the decisions, oldest first.
    pub fn samples(&self) -> impl DoubleEndedIterator<Item = &DecisionSample> + ExactSizeIterator {
        self.samples.iter()
    }

    /// Returns how many decisions it holds.
    pub fn len(&self) -> usize {
        self.samples.len()
    }

    /// Returns whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.samples.is_empty()
    }

    /// Returns how many signal values it holds.
    pub const fn numbers(&self) -> usize {
        self.numbers
    }

    /// Returns the time between the two newest decisions.
    pub(super) fn last_gap(&self) -> Option<Duration> {
        let mut newest = self.samples.iter().rev();
        let last = newest.next()?;
        Some(last.received_at.since(newest.next()?.received_at))
    }
}
