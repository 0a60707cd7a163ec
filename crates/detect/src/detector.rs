//! What every detector is, and the list of them.

use crate::{
    DetectSettings, Finding, confidence::ConfidenceWatch, envelope::EnvelopeWatch, history::History,
    limit::LimitWatch, outlier::OutlierWatch, stuck::StuckWatch,
};
use std::fmt;
use watchkeeper_model::{AgentId, AgentKind, Decision, MonoTime, SignalSpec};

/// Judges decisions one after the other.
pub(crate) trait Detector: fmt::Debug + Send + Sync {
    /// Judges one decision, then learns it; its values are the latest of `history`, by the signal's place.
    fn handle_decision(
        &mut self,
        decision: &Decision,
        history: &History,
        found: &mut Vec<Finding>,
        now: MonoTime,
    );

    /// Clears what has been quiet for long enough.
    fn handle_timeout(&mut self, history: &History, found: &mut Vec<Finding>, now: MonoTime);

    /// Takes whether the agent acts on its own, or rests or is led on purpose.
    fn handle_paused(&mut self, _is_paused: bool) {}

    /// Takes note that the agent rests on purpose and has decided nothing since `since`: what it was found for can
    /// no longer be seen, and counts as quiet from then on.
    fn handle_rest(&mut self, since: MonoTime);

    /// Starts anew for other signals and clears what can no longer be watched; `history` is the old one.
    fn handle_signals(&mut self, signals: &[SignalSpec], history: &History, found: &mut Vec<Finding>);

    /// Returns when `handle_timeout` has something to do.
    fn poll_timeout(&self) -> Option<MonoTime>;

    /// Returns how odd the last decision is, 0 to 1; 0.5 is the threshold.
    fn score(&self) -> f64;

    /// Returns where the next value of a signal is expected; `None` when this detector cannot say.
    fn band(&self, column: usize) -> Option<(f64, f64)>;
}

/// Makes all detectors of one agent; the order is the order of their findings.
pub(crate) fn all(
    agent: &AgentId,
    kind: AgentKind,
    signals: &[SignalSpec],
    settings: &DetectSettings,
) -> Vec<Box<dyn Detector>> {
    let of_kind = settings.of_kind(kind);
    vec![
        Box::new(LimitWatch::new(agent, kind, signals, settings)),
        Box::new(EnvelopeWatch::new(signals, of_kind)),
        Box::new(ConfidenceWatch::new(of_kind)),
        Box::new(StuckWatch::new(signals, of_kind)),
        Box::new(OutlierWatch::new(signals, of_kind)),
    ]
}
