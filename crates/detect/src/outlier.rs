//! A signal far from where it lately was: a robust z-score per signal (formulas in `robust.rs`); or one that leads what the
//! agent never did before, by the stack over all of them ([`Unusual`]). Each has blind spots: the z-score soon knows a stream
//! and sees one value at a time, the stack needs longer and sees how signals move and belong together, to a budget.
//!
//! The score of a z-score is z^2 / (z^2 + warning^2), one half at the warning threshold. The expected
//! range is location +- warning x scale, as it was before the judged value was learned. Each signal has
//! its own finding; when several change at once the one with the largest |z| comes first, and each
//! names up to two others that are out at the same time. Contributions are shares of z^2. Where the stack finds something the
//! signal that leads has the finding, at once, with the stack's own explanation, and is not back before the stack's episode is
//! over.

mod unusual;

use crate::{
    Finding, KindSettings, OutlierSettings, Phase,
    detector::Detector,
    episode::{Episode, Level, Step, Timing},
    history::History,
    phrase::Figures,
    robust::{Learning, Robust},
};
use std::time::Duration;
use unusual::Unusual;
use watchkeeper_model::{
    CauseClass, Decision, DecisionSeq, Explanation, Label, MAX_SIGNAL_EVIDENCE, MonoTime, Note, Response,
    Severity, SignalEvidence, SignalSpec,
};

const DETECTOR: &str = "ewma_z";
const VERSION: u32 = 1;

/// Watches every signal of one agent.
#[derive(Debug)]
pub(crate) struct OutlierWatch {
    settings: OutlierSettings,
    timing: Timing,
    response: Response,
    signals: Vec<SignalWatch>,
    unusual: Unusual,
    /// Signals whose episode changed with the present decision; kept for its memory.
    changed: Vec<(usize, Phase)>,
}

#[derive(Debug)]
struct SignalWatch {
    spec: SignalSpec,
    learning: Learning,
    robust: Robust,
    episode: Episode,
    /// Of the last value; 0 while it is missing or the detector warms up.
    z: f64,
    /// Expected range when the last value was judged.
    low: f64,
    high: f64,
    is_watched: bool,
}

impl OutlierWatch {
    pub(crate) fn new(signals: &[SignalSpec], settings: &KindSettings) -> Self {
        let outlier = settings.outlier.clone();
        Self {
            timing: Timing {
                on_delay: Duration::from_millis(outlier.on_delay_millis),
                on_count: outlier.on_samples,
                clear_after: Duration::from_millis(settings.clear_after_millis),
                clear_count: outlier.clear_samples,
            },
            response: settings.response_to(CauseClass::Outlier),
            signals: watches(signals, &outlier),
            unusual: Unusual::new(signals, &outlier),
            changed: Vec::new(),
            settings: outlier,
        }
    }

    fn finding(
        &self,
        column: usize,
        phase: Phase,
        decision: Option<DecisionSeq>,
        history: &History,
    ) -> Option<Finding> {
        let watch = self.signals.get(column)?;
        Some(Finding {
            cause: CauseClass::Outlier,
            subject: watch.spec.name.clone(),
            phase,
            severity: self.severity_of(watch),
            response: self.response,
            decision,
            explanation: self.explanation(column, watch, phase, history),
        })
    }

    fn explanation(
        &self,
        column: usize,
        watch: &SignalWatch,
        phase: Phase,
        history: &History,
    ) -> Explanation {
        let is_far = watch.z.abs() >= self.settings.warning;
        if phase == Phase::Raised
            && !is_far
            && let Some(explanation) = self.unusual.explanation(history, |column| self.band(column))
        {
            return explanation;
        }
        Explanation {
            detector: Label::cut(DETECTOR),
            version: VERSION,
            statistic: watch.z,
            threshold: self.settings.warning,
            score: score(watch.z, self.settings.warning),
            signals: self.evidence(column, phase, history),
            samples: history.samples(column),
            text: Note::cut(&watch.text(phase, history.latest(column))),
        }
    }

    fn severity_of(&self, watch: &SignalWatch) -> Severity {
        watch.episode.severity().unwrap_or_else(|| {
            let peak = watch.episode.peak().map_or(0.0, |peak| peak.magnitude);
            if peak >= self.settings.critical { Severity::Critical } else { Severity::Warning }
        })
    }

    /// Names the signal itself first, then those that are out with it, the furthest first.
    fn evidence(&self, column: usize, phase: Phase, history: &History) -> Vec<SignalEvidence> {
        let mut columns = vec![column];
        if phase != Phase::Cleared {
            let mut others: Vec<_> = self
                .signals
                .iter()
                .enumerate()
                .filter(|(at, watch)| *at != column && watch.z.abs() >= self.settings.warning)
                .map(|(at, watch)| (at, watch.z.abs()))
                .collect();
            others.sort_by(|a, b| b.1.total_cmp(&a.1));
            columns.extend(others.iter().map(|(at, _)| *at).take(MAX_SIGNAL_EVIDENCE - 1));
        }
        let weight = |at: &usize| self.signals.get(*at).map_or(0.0, |watch| watch.z * watch.z);
        let total: f64 = columns.iter().map(weight).sum();
        columns
            .iter()
            .filter_map(|at| {
                let watch = self.signals.get(*at)?;
                Some(SignalEvidence {
                    signal: watch.spec.name.clone(),
                    unit: watch.spec.unit.clone(),
                    value: history.latest(*at),
                    expected_low: Some(watch.low),
                    expected_high: Some(watch.high),
                    contribution: if columns.len() == 1 || total <= 0.0 {
                        1.0 / columns.len() as f64
                    } else {
                        weight(at) / total
                    },
                })
            })
            .collect()
    }
}

impl Detector for OutlierWatch {
    fn handle_decision(
        &mut self,
        decision: &Decision,
        history: &History,
        found: &mut Vec<Finding>,
        now: MonoTime,
    ) {
        self.changed.clear();
        let lead = self.unusual.judge(decision, history);
        let at_once = Timing { on_count: 1, on_delay: Duration::ZERO, ..self.timing };
        for (column, watch) in self.signals.iter_mut().enumerate() {
            let value = history.latest(column);
            let leads = lead == Some(column);
            let step = watch.judge(value, &self.settings, decision.seq);
            let step = if leads { watch.unusual(value, step, decision.seq) } else { step };
            let timing = if leads && self.unusual.has_begun() { &at_once } else { &self.timing };
            if let Some(step) = step
                && let Some(phase) = watch.episode.handle_step(step, timing, now)
            {
                self.changed.push((column, phase));
            }
            watch.robust.learn(value, &watch.learning);
        }
        if self.changed.is_empty() {
            return;
        }
        let mut changed = std::mem::take(&mut self.changed);
        let size = |at: usize| self.signals.get(at).map_or(0.0, |watch| watch.z.abs());
        changed.sort_by(|a, b| size(b.0).total_cmp(&size(a.0)));
        for (column, phase) in &changed {
            found.extend(self.finding(*column, *phase, Some(decision.seq), history));
        }
        self.changed = changed;
    }

    fn handle_timeout(&mut self, history: &History, found: &mut Vec<Finding>, now: MonoTime) {
        for column in 0..self.signals.len() {
            let Some(watch) = self.signals.get_mut(column) else { continue };
            if let Some(phase) = watch.episode.handle_timeout(&self.timing, now) {
                found.extend(self.finding(column, phase, None, history));
            }
        }
    }

    fn handle_rest(&mut self, since: MonoTime) {
        for watch in &mut self.signals {
            watch.episode.handle_rest(since);
        }
    }

    fn handle_signals(&mut self, signals: &[SignalSpec], history: &History, found: &mut Vec<Finding>) {
        for column in 0..self.signals.len() {
            let Some(watch) = self.signals.get_mut(column) else { continue };
            if let Some(phase) = watch.episode.end() {
                found.extend(self.finding(column, phase, None, history));
            }
        }
        self.signals = watches(signals, &self.settings);
        self.unusual = Unusual::new(signals, &self.settings);
    }

    fn poll_timeout(&self) -> Option<MonoTime> {
        self.signals.iter().filter_map(|watch| watch.episode.poll_timeout(&self.timing)).min()
    }

    fn score(&self) -> f64 {
        let furthest = self.signals.iter().map(|watch| watch.z.abs()).fold(0.0, f64::max);
        score(furthest, self.settings.warning).max(self.unusual.score())
    }

    fn band(&self, column: usize) -> Option<(f64, f64)> {
        let watch = self.signals.get(column)?;
        watch.is_ready(&self.settings).then(|| watch.expected(&self.settings))
    }
}

impl SignalWatch {
    fn is_ready(&self, settings: &OutlierSettings) -> bool {
        self.is_watched && self.robust.seen() >= settings.warm_up_samples
    }

    fn expected(&self, settings: &OutlierSettings) -> (f64, f64) {
        let reach = settings.warning * self.robust.scale(&self.learning);
        (self.robust.location() - reach, self.robust.location() + reach)
    }

    /// Returns what the value says; `None` when it is missing or nothing can be said yet.
    fn judge(&mut self, value: f64, settings: &OutlierSettings, seq: DecisionSeq) -> Option<Step> {
        if value.is_nan() || !self.is_ready(settings) {
            self.z = 0.0;
            return None;
        }
        self.z = self.robust.z(value, &self.learning);
        (self.low, self.high) = self.expected(settings);
        let size = self.z.abs();
        let level = if size >= settings.critical {
            Level::Over(Severity::Critical)
        } else if size >= settings.warning {
            Level::Over(Severity::Warning)
        } else if size <= settings.warning * settings.clear_ratio {
            Level::Quiet
        } else {
            Level::Between
        };
        Some(Step { level, statistic: value, magnitude: size, seq })
    }

    /// Returns what a value says that is in its usual range or not, while its signal leads what the agent never did before.
    fn unusual(&self, value: f64, step: Option<Step>, seq: DecisionSeq) -> Option<Step> {
        if value.is_nan() {
            return None;
        }
        let step =
            step.unwrap_or(Step { level: Level::Quiet, statistic: value, magnitude: self.z.abs(), seq });
        let level = match step.level {
            Level::Over(severity) => Level::Over(severity),
            Level::Quiet | Level::Between => Level::Over(Severity::Warning),
        };
        Some(Step { level, ..step })
    }

    fn text(&self, phase: Phase, value: f64) -> String {
        let SignalSpec { name, unit } = &self.spec;
        let (low, high) = (Some(self.low), Some(self.high));
        let figures = Figures::of(value, low, high, unit);
        let (shown, expected) = (figures.measure(value), figures.range(low, high));
        let since = self.episode.since().unwrap_or_default();
        match phase {
            Phase::Raised | Phase::Worse => {
                format!("{name} is {shown}, expected {expected}; since decision {since}")
            }
            Phase::Cleared => {
                let peak = self.episode.peak();
                format!(
                    "{name} is {shown}, expected {expected}; furthest was {} at decision {}",
                    figures.measure(peak.map_or(value, |p| p.statistic)),
                    peak.map_or(since, |p| p.seq)
                )
            }
        }
    }
}

fn watches(signals: &[SignalSpec], settings: &OutlierSettings) -> Vec<SignalWatch> {
    signals
        .iter()
        .map(|spec| SignalWatch {
            learning: Learning {
                location_rate: settings.location_rate,
                scale_rate: settings.scale_rate,
                clip: settings.clip,
                relative_floor: settings.relative_floor,
                absolute_floor: settings.floors.get(&spec.name).copied().unwrap_or(settings.absolute_floor),
            },
            robust: Robust::new(),
            episode: Episode::default(),
            z: 0.0,
            low: 0.0,
            high: 0.0,
            is_watched: !settings.ignore.contains(&spec.name),
            spec: spec.clone(),
        })
        .collect()
}

fn score(z: f64, warning: f64) -> f64 {
    let square = z * z;
    square / (square + warning * warning)
}
