//! One agent and its pipeline, fed step by step.

use std::time::Duration;
use watchkeeper_detect::{DetectSettings, Finding, Phase, Pipeline};
use watchkeeper_model::{
    AgentId, AgentKind, AgentTime, Confidence, Decision, DecisionSeq, Label, MonoTime, SignalSpec,
};

/// A pipeline with a clock and a counter of decisions.
pub(crate) struct Feed {
    pub(crate) pipeline: Pipeline,
    pub(crate) now: MonoTime,
    pub(crate) next: u64,
    pub(crate) period: Duration,
}

impl Feed {
    /// Makes an agent that decides ten times a second.
    pub(crate) fn new(kind: AgentKind, signals: &[(&str, &str)], settings: &DetectSettings) -> Self {
        let agent = AgentId::new("truck-17").expect("a good id");
        Self {
            pipeline: Pipeline::new(&agent, kind, specs(signals), settings),
            now: at_millis(5_000_000),
            next: 1,
            period: Duration::from_millis(100),
        }
    }

    /// Decides once with these signals, one period later.
    pub(crate) fn signals(&mut self, signals: &[f64]) -> Vec<Finding> {
        self.decide(signals, Some(0.95))
    }

    /// Decides once with this confidence, one period later.
    pub(crate) fn confidence(&mut self, confidence: Option<f64>) -> Vec<Finding> {
        self.decide(&[], confidence)
    }

    pub(crate) fn decide(&mut self, signals: &[f64], confidence: Option<f64>) -> Vec<Finding> {
        self.now = self.now.after(self.period);
        let decision = decision(self.next, self.now, signals, confidence);
        self.next += 1;
        let mut found = Vec::new();
        self.pipeline.handle_decision(&decision, &mut found, self.now);
        found
    }

    /// Lets time pass.
    pub(crate) fn wait(&mut self, span: Duration) -> Vec<Finding> {
        self.now = self.now.after(span);
        let mut found = Vec::new();
        self.pipeline.handle_timeout(&mut found, self.now);
        found
    }
}

pub(crate) fn specs(signals: &[(&str, &str)]) -> Vec<SignalSpec> {
    signals.iter().map(|(name, unit)| SignalSpec { name: Label::cut(name), unit: Label::cut(unit) }).collect()
}

pub(crate) fn at_millis(millis: u64) -> MonoTime {
    MonoTime::from_nanos(millis * 1_000_000)
}

/// Makes a decision of an agent whose clock began 1000 s after ours and whose messages take no time.
pub(crate) fn decision(seq: u64, now: MonoTime, signals: &[f64], confidence: Option<f64>) -> Decision {
    Decision {
        seq: DecisionSeq(seq),
        made_at: AgentTime::from_nanos(now.as_nanos().saturating_sub(1_000_000_000_000)),
        action: Label::cut("go"),
        confidence: confidence.map(|c| Confidence::new(c).expect("a probability")),
        alternatives: Vec::new(),
        signals: signals.to_vec(),
        subject: None,
        context: None,
        waiting: None,
    }
}

/// Noise between -1 and 1 that is the same every time (splitmix64).
pub(crate) fn noise(at: u64) -> f64 {
    let mut z = at.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
}

/// Shortens findings to what happened to what.
pub(crate) fn names(found: &[Finding]) -> Vec<(Phase, &str)> {
    found.iter().map(|finding| (finding.phase, finding.subject.as_str())).collect()
}
