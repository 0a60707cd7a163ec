//! Limits that a person wrote.
//!
//! The statistic is the value itself, the threshold the bound that it broke. A missing value says
//! nothing either way; an infinite one is outside.

use crate::{
    DetectSettings, Finding, LimitRule, Phase,
    detector::Detector,
    episode::{Episode, Level, Step, Timing},
    history::History,
    phrase::{Figures, finite},
};
use std::time::Duration;
use watchkeeper_model::{
    AgentId, AgentKind, CauseClass, Decision, DecisionSeq, Explanation, Label, MonoTime, Note,
    SignalEvidence, SignalSpec,
};

const VERSION: u32 = 1;

/// Watches the rules that apply to one agent.
#[derive(Debug)]
pub(crate) struct LimitWatch {
    rules: Vec<RuleWatch>,
}

#[derive(Debug)]
struct RuleWatch {
    rule: LimitRule,
    timing: Timing,
    /// The signal's place; `None` when the agent has no such signal.
    column: Option<usize>,
    unit: Label,
    episode: Episode,
    outside: bool,
}

impl LimitWatch {
    pub(crate) fn new(
        agent: &AgentId,
        kind: AgentKind,
        signals: &[SignalSpec],
        settings: &DetectSettings,
    ) -> Self {
        let clear_after = Duration::from_millis(settings.of_kind(kind).clear_after_millis);
        let mut rules: Vec<_> = settings
            .limits
            .iter()
            .filter(|rule| rule.applies_to(agent, kind))
            .map(|rule| RuleWatch {
                timing: Timing {
                    on_delay: Duration::from_millis(rule.on_delay_millis),
                    on_count: 1,
                    clear_after,
                    clear_count: 1,
                },
                rule: rule.clone(),
                column: None,
                unit: Label::default(),
                episode: Episode::default(),
                outside: false,
            })
            .collect();
        for watch in &mut rules {
            watch.find_column(signals);
        }
        Self { rules }
    }
}

impl Detector for LimitWatch {
    fn handle_decision(
        &mut self,
        decision: &Decision,
        history: &History,
        found: &mut Vec<Finding>,
        now: MonoTime,
    ) {
        for watch in &mut self.rules {
            let Some(column) = watch.column else { continue };
            let value = history.latest(column);
            if value.is_nan() {
                continue;
            }
            let step = watch.step(value, decision.seq);
            if let Some(phase) = watch.episode.handle_step(step, &watch.timing, now) {
                found.push(watch.finding(phase, Some(decision.seq), column, history));
            }
        }
    }

    fn handle_timeout(&mut self, history: &History, found: &mut Vec<Finding>, now: MonoTime) {
        for watch in &mut self.rules {
            if let (Some(column), Some(phase)) =
                (watch.column, watch.episode.handle_timeout(&watch.timing, now))
            {
                found.push(watch.finding(phase, None, column, history));
            }
        }
    }

    fn handle_rest(&mut self, since: MonoTime) {
        for watch in &mut self.rules {
            watch.episode.handle_rest(since);
        }
    }

    fn handle_signals(&mut self, signals: &[SignalSpec], history: &History, found: &mut Vec<Finding>) {
        for watch in &mut self.rules {
            if let (Some(column), Some(phase)) = (watch.column, watch.episode.end()) {
                found.push(watch.finding(phase, None, column, history));
            }
            watch.episode = Episode::default();
            watch.outside = false;
            watch.find_column(signals);
        }
    }

    fn poll_timeout(&self) -> Option<MonoTime> {
        self.rules.iter().filter_map(|watch| watch.episode.poll_timeout(&watch.timing)).min()
    }

    fn score(&self) -> f64 {
        if self.rules.iter().any(|watch| watch.outside || watch.episode.is_active()) { 1.0 } else { 0.0 }
    }

    fn band(&self, _column: usize) -> Option<(f64, f64)> {
        None
    }
}

impl RuleWatch {
    fn find_column(&mut self, signals: &[SignalSpec]) {
        let place = signals.iter().position(|spec| spec.name == self.rule.signal);
        self.unit = place.and_then(|at| signals.get(at)).map(|spec| spec.unit.clone()).unwrap_or_default();
        // A signal of the agent called `confidence` hides the decision's own.
        self.column = place.or_else(|| (self.rule.signal.as_str() == "confidence").then_some(signals.len()));
    }

    fn step(&mut self, value: f64, seq: DecisionSeq) -> Step {
        let below = self.rule.min.map_or(f64::NEG_INFINITY, |min| min - value);
        let above = self.rule.max.map_or(f64::NEG_INFINITY, |max| value - max);
        let excess = below.max(above);
        self.outside = excess > 0.0;
        let level = if excess > 0.0 {
            Level::Over(self.rule.severity)
        } else if excess <= -self.rule.hysteresis {
            Level::Quiet
        } else {
            Level::Between
        };
        Step { level, statistic: value, magnitude: finite(excess), seq }
    }

    /// Returns the bound that `value` broke, or the nearer one.
    fn nearer_bound(&self, value: f64) -> f64 {
        match (self.rule.min, self.rule.max) {
            (Some(min), Some(max)) => {
                if value - max > min - value {
                    max
                } else {
                    min
                }
            }
            (Some(bound), None) | (None, Some(bound)) => bound,
            (None, None) => 0.0,
        }
    }

    fn finding(
        &self,
        phase: Phase,
        decision: Option<DecisionSeq>,
        column: usize,
        history: &History,
    ) -> Finding {
        let rule = &self.rule;
        let value = history.latest(column);
        let figures = Figures::of(value, rule.min, rule.max, &self.unit);
        let (shown, allowed) = (figures.measure(value), figures.range(rule.min, rule.max));
        let since = self.episode.since().unwrap_or_default();
        let text = match phase {
            Phase::Raised | Phase::Worse => {
                format!(
                    "{} is {shown}, the rule {} allows {allowed}; since decision {since}",
                    rule.signal,
                    rule.subject()
                )
            }
            Phase::Cleared => {
                let peak = self.episode.peak();
                format!(
                    "{} is {shown}, the rule {} allows {allowed}; furthest was {} at decision {}",
                    rule.signal,
                    rule.subject(),
                    figures.measure(peak.map_or(value, |p| p.statistic)),
                    peak.map_or(since, |p| p.seq),
                )
            }
        };
        Finding {
            cause: CauseClass::Limit,
            subject: rule.subject().clone(),
            phase,
            severity: rule.severity,
            response: rule.response,
            decision,
            explanation: Explanation {
                detector: Label::cut(&format!("limit:{}", rule.signal)),
                version: VERSION,
                statistic: finite(value),
                threshold: finite(self.nearer_bound(value)),
                score: if self.outside { 1.0 } else { 0.0 },
                signals: vec![SignalEvidence {
                    signal: rule.signal.clone(),
                    unit: self.unit.clone(),
                    value,
                    expected_low: rule.min,
                    expected_high: rule.max,
                    contribution: 1.0,
                }],
                samples: history.samples(column),
                text: Note::cut(&text),
            },
        }
    }
}
