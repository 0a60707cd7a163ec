//! What an agent never did before: the stack ([`Stack`]) over its signals, beside the z-score of each.
//!
//! An operator says how many hours of one agent a false alert may cost, and the pace of the agent's own decisions makes rows
//! of it. Forgetting counts decisions and the pace is taken on the agent's clock, so that a replay at any speed gives the same.

use crate::{OutlierSettings, Scored, Stack, StackSettings, history::History, phrase::finite};
use watchkeeper_model::{
    AgentTime, Decision, Explanation, Label, MAX_SIGNAL_EVIDENCE, Note, SignalEvidence, SignalSpec,
};

const DETECTOR: &str = "stack";
const VERSION: u32 = 1;
/// The pace follows over about so many decisions, and the budget with it every so many.
const PACE_DECISIONS: f64 = 1_000.0;
const BUDGET_EVERY: u64 = 256;
/// A longer gap between two decisions is no pace, in seconds.
const LONGEST_GAP_SECS: f64 = 3_600.0;

/// The signals of one agent as one stream.
#[derive(Debug)]
pub(super) struct Unusual {
    /// `None` where there is nothing to watch.
    stack: Option<Stack>,
    /// The columns that are watched and their signals; the stack counts in this order.
    columns: Vec<usize>,
    specs: Vec<SignalSpec>,
    /// The last row.
    row: Vec<f64>,
    hours_per_false_alert: f64,
    last_at: Option<AgentTime>,
    /// Mean gap between decisions, in seconds, and of how many.
    gap_secs: f64,
    gaps: f64,
    /// Of the last row.
    score: f64,
    /// The column that led to the alert whose episode goes on.
    lead: Option<usize>,
    /// What began with the last row.
    begun: Option<Scored>,
}

impl Unusual {
    pub(super) fn new(signals: &[SignalSpec], settings: &OutlierSettings) -> Self {
        let watched = signals.iter().enumerate().filter(|(_, spec)| !settings.ignore.contains(&spec.name));
        let (columns, specs): (Vec<usize>, Vec<SignalSpec>) =
            watched.map(|(column, spec)| (column, spec.clone())).unzip();
        let of_stack = StackSettings { calibrate: settings.calibrate_decisions, ..StackSettings::default() };
        let is_on = settings.hours_per_false_alert > 0.0;
        Self {
            stack: is_on.then(|| Stack::new(columns.len(), of_stack).ok()).flatten(),
            row: vec![f64::NAN; columns.len()],
            columns,
            specs,
            hours_per_false_alert: settings.hours_per_false_alert,
            last_at: None,
            gap_secs: 0.0,
            gaps: 0.0,
            score: 0.0,
            lead: None,
            begun: None,
        }
    }

    /// Judges the last decision, then learns it; returns the column that leads while an episode goes on.
    pub(super) fn judge(&mut self, decision: &Decision, history: &History) -> Option<usize> {
        self.take_pace(decision.made_at);
        let stack = self.stack.as_mut()?;
        if stack.rows().is_multiple_of(BUDGET_EVERY) {
            // What comes once in so many decisions is not known before as many were seen; without a pace there is no budget.
            let budget = self.hours_per_false_alert * 3_600.0 / self.gap_secs;
            stack.set_budget(budget, if self.gap_secs > 0.0 { decisions(budget) } else { u64::MAX });
        }
        for (value, column) in self.row.iter_mut().zip(&self.columns) {
            *value = history.latest(*column);
        }
        let may_alert = stack.may_alert();
        let scored = stack.score(None, &self.row);
        self.score = if may_alert { scored.score } else { 0.0 };
        if !stack.is_in_episode() {
            self.lead = None;
        }
        self.begun = scored.alert.then_some(scored);
        if let Some((signal, _)) = self.begun.and_then(|scored| scored.top.first().copied().flatten()) {
            self.lead = self.columns.get(signal).copied();
        }
        self.lead
    }

    /// Returns whether the last row began an episode.
    pub(super) const fn has_begun(&self) -> bool {
        self.begun.is_some()
    }

    pub(super) const fn score(&self) -> f64 {
        self.score
    }

    /// Explains what began with the last row: its statistic is once in how many decisions it is so odd, its threshold the
    /// budget in decisions. `band` says where a column's value was expected.
    pub(super) fn explanation(
        &self,
        history: &History,
        band: impl Fn(usize) -> Option<(f64, f64)>,
    ) -> Option<Explanation> {
        let scored = self.begun?;
        let column = self.lead?;
        let value = history.latest(column);
        let what = scored.what(&self.specs, value)?;
        let quiet = scored.quiet_from(&self.specs, value);
        let quiet = quiet.map_or(String::new(), |quiet| format!("; no alert {quiet}"));
        let samples = history.samples(column);
        let newest = samples.last().map(|sample| sample.seq).unwrap_or_default();
        Some(Explanation {
            detector: Label::cut(DETECTOR),
            version: VERSION,
            statistic: finite(scored.period),
            threshold: self.stack.as_ref()?.budget(),
            score: scored.score,
            signals: self.evidence(&scored, history, band),
            samples,
            text: Note::cut(&format!("{what}{quiet}; since decision {newest}")),
        })
    }

    /// Names the signals that led, and what part of it is whose.
    fn evidence(
        &self,
        scored: &Scored,
        history: &History,
        band: impl Fn(usize) -> Option<(f64, f64)>,
    ) -> Vec<SignalEvidence> {
        let named = || scored.top.iter().flatten().take(MAX_SIGNAL_EVIDENCE);
        let total: f64 = named().map(|(_, share)| share).sum();
        named()
            .enumerate()
            .filter_map(|(place, (signal, share))| {
                let (spec, column) = (self.specs.get(*signal)?, *self.columns.get(*signal)?);
                let of_lead = scored.why.filter(|_| place == 0).map(|why| why.expected);
                let (expected_low, expected_high) = of_lead.or_else(|| band(column)).unzip();
                Some(SignalEvidence {
                    signal: spec.name.clone(),
                    unit: spec.unit.clone(),
                    value: history.latest(column),
                    expected_low,
                    expected_high,
                    contribution: share / total,
                })
            })
            .collect()
    }

    fn take_pace(&mut self, at: AgentTime) {
        let gap = self.last_at.replace(at).map_or(0.0, |last| at.since(last).as_secs_f64());
        if gap > 0.0 && gap <= LONGEST_GAP_SECS {
            self.gaps = (self.gaps + 1.0).min(PACE_DECISIONS);
            self.gap_secs += (gap - self.gap_secs) / self.gaps;
        }
    }
}

/// Returns a count of decisions.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "it is positive, and at most what fits"
)]
const fn decisions(budget: f64) -> u64 {
    budget as u64
}
