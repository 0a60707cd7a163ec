//! Rules that people write, through the public API.
#![expect(clippy::unwrap_used, reason = "a test that cannot set itself up should stop there")]
#![expect(clippy::indexing_slicing, reason = "a list that is too short is a failed test")]

mod a2i;
mod expressions;
mod files;
mod samples;
mod watch;

use std::sync::Arc;
use uuid::Uuid;
use watchkeeper_model::{
    AgentId, AgentKind, AgentTime, Alternative, BootId, Confidence, Decision, DecisionSeq, Label, SignalSpec,
};
use watchkeeper_rules::{Facts, RuleSet};

/// An agent with signals, which decides.
struct Bench {
    agent: AgentId,
    kind: AgentKind,
    boot_id: BootId,
    signals: Vec<SignalSpec>,
}

impl Bench {
    fn new(agent: &str, signals: &[(&str, &str)]) -> Self {
        let spec =
            |(name, unit): &(&str, &str)| SignalSpec { name: Label::cut(name), unit: Label::cut(unit) };
        Self {
            agent: AgentId::new(agent).unwrap(),
            kind: AgentKind::Generic,
            boot_id: BootId(Uuid::from_u128(7)),
            signals: signals.iter().map(spec).collect(),
        }
    }

    fn facts<'a>(&'a self, decision: &'a Decision) -> Facts<'a> {
        let Self { agent, kind, boot_id, signals } = self;
        Facts { agent, kind: *kind, boot_id: *boot_id, signals, decision }
    }
}

fn decision(seq: u64, action: &str, confidence: Option<f64>, signals: &[f64]) -> Decision {
    Decision {
        seq: DecisionSeq(seq),
        made_at: AgentTime::from_nanos(seq),
        action: Label::cut(action),
        confidence: confidence.map(|share| Confidence::new(share).unwrap()),
        alternatives: Vec::new(),
        signals: signals.to_vec(),
        subject: None,
        context: None,
        waiting: None,
    }
}

fn alternative(action: &str, confidence: f64) -> Alternative {
    Alternative { action: Label::cut(action), confidence: Confidence::new(confidence).unwrap() }
}

fn rules(text: &str) -> Arc<RuleSet> {
    Arc::new(RuleSet::parse(text).unwrap_or_else(|error| panic!("{error}\n{text}")))
}
