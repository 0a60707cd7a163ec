//! What can be said about a stream of decisions without looking into them.
//!
//! Numbers missing, doubled or out of order, decisions that come late, and silence. A decision that
//! comes a second time is recognised here and is not judged again.

mod lateness;
mod sequence;
mod silence;

use crate::{Finding, KindSettings};
use lateness::LatenessWatch;
use sequence::SequenceWatch;
use serde::{Deserialize, Serialize};
use silence::{SignOfLife, SilenceWatch};
use std::time::Duration;
use watchkeeper_model::{Decision, MonoTime};

/// What came in since the pipeline was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamCounters {
    /// Decisions that came, doubled ones included.
    pub decisions: u64,
    /// Numbers that are missing now: skipped and not come since.
    pub gaps: u64,
    /// Numbers that came again, or are too old to tell (more than 1024 behind the newest).
    pub duplicates: u64,
    /// Numbers that came after a higher one.
    pub reordered: u64,
    /// Numbers sent again after a reconnect, as the protocol asks; neither doubled nor disordered.
    pub resent: u64,
    /// Decisions later than the settings allow.
    pub late: u64,
    /// The worst lateness.
    pub max_lateness: Duration,
    /// Decisions with more or fewer signals than the hello named.
    pub signal_count_mismatches: u64,
    /// Signals that were missing (NaN) or infinite.
    pub non_finite: u64,
    /// Decisions whose confidence is unknown.
    pub unknown_confidence: u64,
}

/// How a decision's number relates to those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// For the first time, in order or not.
    New,
    /// For the first time, but sent again after a reconnect: late on purpose.
    Resent,
    /// Seen before.
    Again,
}

/// The checks of one agent's stream.
#[derive(Debug)]
pub(crate) struct Stream {
    pub(crate) counters: StreamCounters,
    sequence: SequenceWatch,
    lateness: LatenessWatch,
    decisions: SilenceWatch,
    heartbeats: SilenceWatch,
}

impl Stream {
    pub(crate) fn new(settings: &KindSettings) -> Self {
        Self {
            counters: StreamCounters::default(),
            sequence: SequenceWatch::new(settings),
            lateness: LatenessWatch::new(settings),
            decisions: SilenceWatch::new(SignOfLife::Decisions, &settings.silence, settings),
            heartbeats: SilenceWatch::new(SignOfLife::Heartbeats, &settings.heartbeat_silence, settings),
        }
    }

    pub(crate) fn handle_decision(
        &mut self,
        decision: &Decision,
        found: &mut Vec<Finding>,
        now: MonoTime,
    ) -> Arrival {
        self.counters.decisions += 1;
        let arrival = self.sequence.handle_number(decision.seq, &mut self.counters, found, now);
        self.decisions.handle_sign(found, now);
        if arrival == Arrival::New {
            self.lateness.handle_decision(decision, &mut self.counters, found, now);
        }
        arrival
    }

    pub(crate) fn handle_heartbeat(&mut self, found: &mut Vec<Finding>, now: MonoTime) {
        self.heartbeats.handle_sign(found, now);
    }

    pub(crate) fn handle_connected(&mut self, now: MonoTime) {
        self.sequence.handle_connected();
        self.decisions.handle_connected(true, now);
        self.heartbeats.handle_connected(true, now);
    }

    pub(crate) fn handle_disconnected(&mut self, found: &mut Vec<Finding>, now: MonoTime) {
        for watch in [&mut self.decisions, &mut self.heartbeats] {
            watch.handle_connected(false, now);
            watch.excuse(found);
        }
    }

    /// A paused agent may stop deciding; its heartbeats must go on.
    pub(crate) fn handle_paused(&mut self, is_paused: bool, found: &mut Vec<Finding>, now: MonoTime) {
        self.decisions.handle_paused(is_paused, now);
        if is_paused {
            self.decisions.excuse(found);
        }
    }

    /// Numbers and the agent's clock start anew; what was learned of its rhythm stays.
    pub(crate) fn handle_boot(&mut self, found: &mut Vec<Finding>) {
        self.sequence.handle_boot(found);
        self.lateness.handle_boot(found);
    }

    pub(crate) fn handle_timeout(&mut self, found: &mut Vec<Finding>, now: MonoTime) {
        self.sequence.handle_timeout(found, now);
        self.lateness.handle_timeout(found, now);
        self.decisions.handle_timeout(found, now);
        self.heartbeats.handle_timeout(found, now);
    }

    pub(crate) fn poll_timeout(&self) -> Option<MonoTime> {
        [
            self.sequence.poll_timeout(),
            self.lateness.poll_timeout(),
            self.decisions.poll_timeout(),
            self.heartbeats.poll_timeout(),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    pub(crate) fn score(&self) -> f64 {
        let is_silent = self.decisions.is_silent() || self.heartbeats.is_silent();
        if is_silent { 1.0 } else { self.sequence.score().max(self.lateness.score()) }
    }
}
