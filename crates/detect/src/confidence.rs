//! An agent that is not sure, or less and less sure.
//!
//! Two conditions. `confidence`: it is below a fixed threshold, judged value by value. `confidence
//! falling`: its short mean (an EWMA over about ten decisions) is below its own long-run location by
//! several of its own scales (`robust.rs`) *and* by a least drop, so that 0.99 turning 0.97 says
//! nothing. Both must last. An unknown confidence says nothing either way; the stream counts it.

use crate::{
    ConfidenceSettings, Finding, KindSettings, Phase,
    detector::Detector,
    episode::{Episode, Level, Step, Timing},
    history::History,
    phrase::Figures,
    robust::{Learning, Robust},
};
use std::time::Duration;
use watchkeeper_model::{
    CauseClass, Decision, DecisionSeq, Explanation, Label, MonoTime, Note, Response, Severity,
    SignalEvidence, SignalSpec,
};

const VERSION: u32 = 1;
/// Weight of one decision in the short mean: about the last ten.
const SHORT_RATE: f64 = 0.2;
/// The long run clips harder than a signal does: a fall must not become the new normal soon.
const CLIP: f64 = 2.0;

/// Which of the two conditions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Concern {
    Low,
    Falling,
}

/// Watches the confidence of one agent.
#[derive(Debug)]
pub(crate) struct ConfidenceWatch {
    settings: ConfidenceSettings,
    low_response: Response,
    low_timing: Timing,
    falling_timing: Timing,
    low: Episode,
    falling: Episode,
    low_severity: Severity,
    learning: Learning,
    long_run: Robust,
    short_mean: f64,
    /// The last known value.
    value: f64,
    /// How many scales the short mean is below the long run; 0 while it warms up.
    drop: f64,
    /// The short mean that would be too low.
    falling_below: f64,
}

impl ConfidenceWatch {
    pub(crate) fn new(settings: &KindSettings) -> Self {
        let confidence = settings.confidence.clone();
        let timing = Timing {
            on_delay: Duration::from_millis(confidence.on_delay_millis),
            on_count: confidence.on_samples,
            clear_after: Duration::from_millis(settings.clear_after_millis),
            clear_count: 1,
        };
        Self {
            low_response: settings.response_to(CauseClass::Confidence),
            low_timing: timing,
            falling_timing: Timing { on_count: confidence.falling_samples, ..timing },
            low: Episode::default(),
            falling: Episode::default(),
            low_severity: Severity::Warning,
            learning: Learning {
                location_rate: confidence.baseline_rate,
                scale_rate: confidence.baseline_rate,
                clip: CLIP,
                relative_floor: 0.0,
                absolute_floor: confidence.scale_floor,
            },
            long_run: Robust::new(),
            short_mean: 1.0,
            value: 1.0,
            drop: 0.0,
            falling_below: 0.0,
            settings: confidence,
        }
    }

    fn judge_low(&mut self, seq: DecisionSeq, now: MonoTime) -> Option<Phase> {
        let level = if self.value < self.settings.critical {
            Level::Over(Severity::Critical)
        } else if self.value < self.settings.low {
            Level::Over(Severity::Warning)
        } else if self.value >= self.settings.low + self.settings.hysteresis {
            Level::Quiet
        } else {
            Level::Between
        };
        let step = Step { level, statistic: self.value, magnitude: 1.0 - self.value, seq };
        let phase = self.low.handle_step(step, &self.low_timing, now);
        self.low_severity = self.low.severity().unwrap_or(self.low_severity);
        phase
    }

    fn judge_falling(&mut self, seq: DecisionSeq, now: MonoTime) -> Option<Phase> {
        if self.long_run.seen() < self.settings.warm_up_samples {
            return None;
        }
        let scale = self.long_run.scale(&self.learning);
        let least = (self.settings.falling * scale).max(self.settings.least_drop);
        let short_of = self.long_run.location() - self.short_mean;
        self.drop = short_of / scale;
        self.falling_below = self.long_run.location() - least;
        let level = if short_of >= least {
            Level::Over(Severity::Warning)
        } else if short_of <= 0.5 * least {
            Level::Quiet
        } else {
            Level::Between
        };
        let step = Step { level, statistic: self.drop, magnitude: self.drop, seq };
        self.falling.handle_step(step, &self.falling_timing, now)
    }

    /// Maps 1 to 0, the threshold to one half and 0 to 1, straight in between.
    fn low_score(&self) -> f64 {
        let low = self.settings.low;
        let score = if self.value < low {
            0.5 + 0.5 * (low - self.value) / low
        } else if low < 1.0 {
            0.5 * (1.0 - self.value) / (1.0 - low)
        } else {
            0.5
        };
        score.clamp(0.0, 1.0)
    }

    fn falling_score(&self) -> f64 {
        let drop = self.drop.max(0.0);
        let square = drop * drop;
        square / (square + self.settings.falling * self.settings.falling)
    }

    fn finding(
        &self,
        concern: Concern,
        phase: Phase,
        decision: Option<DecisionSeq>,
        history: &History,
    ) -> Finding {
        let (subject, severity, response) = match concern {
            Concern::Low => ("confidence", self.low_severity, self.low_response),
            Concern::Falling => ("confidence falling", Severity::Warning, self.settings.falling_response),
        };
        Finding {
            cause: CauseClass::Confidence,
            subject: Label::cut(subject),
            phase,
            severity,
            response,
            decision,
            explanation: self.explanation(concern, phase, history),
        }
    }

    fn explanation(&self, concern: Concern, phase: Phase, history: &History) -> Explanation {
        let (detector, statistic, threshold, score, expected_low, episode) = match concern {
            Concern::Low => (
                "confidence_low",
                self.value,
                self.settings.low,
                self.low_score(),
                self.settings.low,
                &self.low,
            ),
            Concern::Falling => (
                "confidence_falling",
                self.drop,
                self.settings.falling,
                self.falling_score(),
                self.falling_below.clamp(0.0, 1.0),
                &self.falling,
            ),
        };
        let unit = Label::default();
        let figures = match concern {
            Concern::Low => Figures::new([self.value, expected_low], &unit),
            Concern::Falling => {
                Figures::new([self.short_mean, self.long_run.location(), expected_low], &unit)
            }
        };
        let expected = figures.range(Some(expected_low), None);
        let since = episode.since().unwrap_or_default();
        let [value, mean, usual] =
            [self.value, self.short_mean, self.long_run.location()].map(|value| figures.number(value));
        let text = match (concern, phase) {
            (Concern::Low, Phase::Raised | Phase::Worse) => {
                format!("confidence is {value}, expected {expected}; since decision {since}")
            }
            (Concern::Falling, Phase::Raised | Phase::Worse) => format!(
                "confidence fell to {mean} from its usual {usual}, expected {expected}; since decision {since}"
            ),
            (Concern::Low, Phase::Cleared) => format!(
                "confidence is {value}, expected {expected}; lowest was {}",
                figures.number(episode.peak().map_or(self.value, |peak| peak.statistic))
            ),
            (Concern::Falling, Phase::Cleared) => format!(
                "confidence is {mean} again, its usual is {usual}; it had fallen since decision {since}"
            ),
        };
        Explanation {
            detector: Label::cut(detector),
            version: VERSION,
            statistic,
            threshold,
            score,
            signals: vec![SignalEvidence {
                signal: Label::cut("confidence"),
                unit: Label::default(),
                value: self.value,
                expected_low: Some(expected_low),
                expected_high: None,
                contribution: 1.0,
            }],
            samples: history.samples(history.confidence_column()),
            text: Note::cut(&text),
        }
    }
}

impl Detector for ConfidenceWatch {
    fn handle_decision(
        &mut self,
        decision: &Decision,
        history: &History,
        found: &mut Vec<Finding>,
        now: MonoTime,
    ) {
        let Some(confidence) = decision.confidence else { return };
        self.value = confidence.get();
        self.short_mean = if self.long_run.seen() == 0 {
            self.value
        } else {
            self.short_mean + SHORT_RATE * (self.value - self.short_mean)
        };
        if let Some(phase) = self.judge_low(decision.seq, now) {
            found.push(self.finding(Concern::Low, phase, Some(decision.seq), history));
        }
        if let Some(phase) = self.judge_falling(decision.seq, now) {
            found.push(self.finding(Concern::Falling, phase, Some(decision.seq), history));
        }
        self.long_run.learn(self.value, &self.learning);
    }

    fn handle_timeout(&mut self, history: &History, found: &mut Vec<Finding>, now: MonoTime) {
        if let Some(phase) = self.low.handle_timeout(&self.low_timing, now) {
            found.push(self.finding(Concern::Low, phase, None, history));
        }
        if let Some(phase) = self.falling.handle_timeout(&self.falling_timing, now) {
            found.push(self.finding(Concern::Falling, phase, None, history));
        }
    }

    /// Goes on as before: the confidence does not depend on the signals.
    fn handle_rest(&mut self, since: MonoTime) {
        self.low.handle_rest(since);
        self.falling.handle_rest(since);
    }

    fn handle_signals(&mut self, _signals: &[SignalSpec], _history: &History, _found: &mut Vec<Finding>) {}

    fn poll_timeout(&self) -> Option<MonoTime> {
        let low = self.low.poll_timeout(&self.low_timing);
        low.into_iter().chain(self.falling.poll_timeout(&self.falling_timing)).min()
    }

    fn score(&self) -> f64 {
        self.low_score().max(self.falling_score())
    }

    fn band(&self, _column: usize) -> Option<(f64, f64)> {
        None
    }
}
