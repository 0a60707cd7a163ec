//! What the vehicle decides.

use super::{Rig, ms};
use watchkeeper_model::{AgentTime, Confidence, Context, Decision, DecisionSeq, Label, Pose, SignalSpec};
use watchkeeper_protocol::AgentMessage;

/// What its decisions say beside speed and confidence.
#[derive(Debug)]
pub(crate) struct Doing {
    pub(crate) action: &'static str,
    /// Further signals, named in the hello: name, unit, value.
    pub(crate) signals: Vec<(&'static str, &'static str, f64)>,
    pub(crate) pose: Option<Pose>,
}

impl Default for Doing {
    fn default() -> Self {
        Self { action: "keep", signals: Vec::new(), pose: None }
    }
}

impl Doing {
    pub(super) fn specs(&self) -> Vec<SignalSpec> {
        let more = self.signals.iter().map(|(name, unit, _)| (*name, *unit));
        let all = [("speed", "m/s")].into_iter().chain(more);
        all.map(|(name, unit)| SignalSpec { name: Label::cut(name), unit: Label::cut(unit) }).collect()
    }
}

impl Rig {
    pub(super) fn decide(&mut self) {
        self.decision_at = self.now.after(ms(100));
        self.seq += 1;
        let more = self.doing.signals.iter().map(|(_, _, value)| *value);
        let decision = Decision {
            seq: DecisionSeq(self.seq),
            made_at: AgentTime::from_nanos(self.agent_now().as_nanos() - self.late_nanos),
            action: Label::cut(self.doing.action),
            confidence: Some(Confidence::new(self.confidence).unwrap()),
            alternatives: Vec::new(),
            signals: [self.speed].into_iter().chain(more).collect(),
            subject: None,
            context: Some(Context { pose: self.doing.pose, plan: self.plan.clone() }),
            waiting: None,
        };
        self.send_agent(AgentMessage::Decision(decision));
    }
}
