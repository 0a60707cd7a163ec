//! Decisions that come late.
//!
//! A decision carries when it was made on the agent's clock, which has its own origin and drifts. Its
//! transit is `now - made_at` up to an unknown offset; its lateness is that minus the least transit of
//! the last 50 to 60 seconds (a minimum filter over six slots of ten seconds, as for the clock offset in
//! NTP, RFC 5905 section 10). So the fastest decision of the last minute counts as on time, drift of less
//! than a few milliseconds a minute does not matter, and a clock that jumped is believed a minute later.

use super::StreamCounters;
use crate::{
    Finding, KindSettings, LateSettings, Phase,
    episode::{Episode, Level, Step, Timing},
    history::Trail,
    phrase::span,
};
use std::time::Duration;
use watchkeeper_model::{
    CauseClass, Decision, DecisionSeq, Explanation, Label, MonoTime, Note, Response, Severity, SignalEvidence,
};

const VERSION: u32 = 1;
const SLOTS: usize = 6;
const SLOT_NANOS: u64 = 10_000_000_000;

#[derive(Debug)]
pub(super) struct LatenessWatch {
    settings: LateSettings,
    response: Response,
    timing: Timing,
    /// Least transit in nanoseconds per slot of ten seconds.
    least: [Option<i128>; SLOTS],
    slot: u64,
    lateness: Duration,
    episode: Episode,
    worst: Severity,
    trail: Trail,
}

impl LatenessWatch {
    pub(super) fn new(settings: &KindSettings) -> Self {
        Self {
            settings: settings.late.clone(),
            response: settings.response_to(CauseClass::Late),
            timing: Timing {
                on_delay: Duration::from_millis(settings.late.on_delay_millis),
                on_count: settings.late.on_samples,
                clear_after: Duration::from_millis(settings.clear_after_millis),
                clear_count: 1,
            },
            least: [None; SLOTS],
            slot: 0,
            lateness: Duration::ZERO,
            episode: Episode::default(),
            worst: Severity::Warning,
            trail: Trail::new(),
        }
    }

    pub(super) fn handle_decision(
        &mut self,
        decision: &Decision,
        counters: &mut StreamCounters,
        found: &mut Vec<Finding>,
        now: MonoTime,
    ) {
        self.lateness = self.measure(decision, now);
        let millis = u64::try_from(self.lateness.as_millis()).unwrap_or(u64::MAX);
        counters.max_lateness = counters.max_lateness.max(self.lateness);
        let secs = self.lateness.as_secs_f64();
        self.trail.push(decision.seq, secs);
        let level = if millis >= self.settings.critical_millis {
            Level::Over(Severity::Critical)
        } else if millis >= self.settings.warning_millis {
            Level::Over(Severity::Warning)
        } else if millis <= self.settings.warning_millis / 2 {
            Level::Quiet
        } else {
            Level::Between
        };
        counters.late += u64::from(millis >= self.settings.warning_millis);
        let step = Step { level, statistic: secs, magnitude: secs, seq: decision.seq };
        let phase = self.episode.handle_step(step, &self.timing, now);
        self.worst = self.episode.severity().unwrap_or(self.worst);
        if let Some(phase) = phase {
            found.push(self.finding(phase, Some(decision.seq)));
        }
    }

    pub(super) fn handle_boot(&mut self, found: &mut Vec<Finding>) {
        if let Some(phase) = self.episode.end() {
            found.push(self.finding(phase, None));
        }
        self.least = [None; SLOTS];
        self.lateness = Duration::ZERO;
        self.trail = Trail::new();
    }

    pub(super) fn handle_timeout(&mut self, found: &mut Vec<Finding>, now: MonoTime) {
        if let Some(phase) = self.episode.handle_timeout(&self.timing, now) {
            found.push(self.finding(phase, None));
        }
    }

    pub(super) fn poll_timeout(&self) -> Option<MonoTime> {
        self.episode.poll_timeout(&self.timing)
    }

    /// Maps no lateness to 0 and the warning threshold to one half.
    pub(super) fn score(&self) -> f64 {
        let threshold = self.threshold_secs().max(1e-3);
        let secs = self.lateness.as_secs_f64();
        secs / (secs + threshold)
    }

    fn threshold_secs(&self) -> f64 {
        Duration::from_millis(self.settings.warning_millis).as_secs_f64()
    }

    fn measure(&mut self, decision: &Decision, now: MonoTime) -> Duration {
        let transit = i128::from(now.as_nanos()) - i128::from(decision.made_at.as_nanos());
        let slot = now.as_nanos() / SLOT_NANOS;
        let passed = slot.saturating_sub(self.slot).min(SLOTS as u64);
        for past in 0..passed {
            self.set_least(slot - past, None);
        }
        self.slot = self.slot.max(slot);
        let in_slot = self.least.get(position(self.slot)).copied().flatten();
        self.set_least(self.slot, Some(in_slot.map_or(transit, |least| least.min(transit))));
        let least = self.least.iter().flatten().min().copied().unwrap_or(transit);
        Duration::from_nanos(u64::try_from(transit - least).unwrap_or(u64::MAX))
    }

    fn set_least(&mut self, slot: u64, least: Option<i128>) {
        if let Some(place) = self.least.get_mut(position(slot)) {
            *place = least;
        }
    }

    fn finding(&self, phase: Phase, decision: Option<DecisionSeq>) -> Finding {
        let allowed = Duration::from_millis(self.settings.warning_millis);
        let since = self.episode.since().unwrap_or_default();
        let shown = span(self.lateness);
        let text = match phase {
            Phase::Raised | Phase::Worse => {
                format!(
                    "decisions come {shown} late, expected at most {}; since decision {since}",
                    span(allowed)
                )
            }
            Phase::Cleared => format!(
                "decisions come {shown} late, expected at most {}; worst was {} s",
                span(allowed),
                crate::phrase::plain(self.episode.peak().map_or(0.0, |peak| peak.statistic))
            ),
        };
        Finding {
            cause: CauseClass::Late,
            subject: Label::cut("decisions"),
            phase,
            severity: self.worst,
            response: self.response,
            decision,
            explanation: Explanation {
                detector: Label::cut("lateness"),
                version: VERSION,
                statistic: self.lateness.as_secs_f64(),
                threshold: self.threshold_secs(),
                score: self.score(),
                signals: vec![SignalEvidence {
                    signal: Label::cut("lateness"),
                    unit: Label::cut("s"),
                    value: self.lateness.as_secs_f64(),
                    expected_low: None,
                    expected_high: Some(self.threshold_secs()),
                    contribution: 1.0,
                }],
                samples: self.trail.to_vec(),
                text: Note::cut(&text),
            },
        }
    }
}

fn position(slot: u64) -> usize {
    usize::try_from(slot % SLOTS as u64).unwrap_or(0)
}
