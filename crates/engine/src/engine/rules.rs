//! Rules that people write: what they find becomes alerts as what a detector finds, and others may come into force.

use super::Engine;
use crate::agent::Agent;
use std::sync::Arc;
use watchkeeper_detect::{Finding, Phase};
use watchkeeper_model::{AgentId, CauseClass, Decision, Label, MonoTime};
use watchkeeper_rules::{Facts, Rule, RuleChange, RuleSet, Turn};

impl Engine {
    /// Returns the rules that stand at an agent now: raised and not cleared.
    pub fn rules_standing(&self, agent_id: &AgentId) -> impl Iterator<Item = &Rule> {
        self.agents.get(agent_id).into_iter().flat_map(|agent| agent.rules.active())
    }

    /// Makes findings of what the rules of one agent found.
    pub(super) fn take_rule_changes(&mut self) {
        self.findings.extend(self.rule_changes.drain(..).map(finding));
    }

    /// Takes other rules, between two inputs: every decision is judged by the ones before or by these. What cannot be
    /// read leaves the rules as they are; the server does not let it come so far.
    pub(super) fn handle_rules(&mut self, text: &str, now: MonoTime) {
        let Ok(rules) = RuleSet::parse(text) else { return };
        self.rules = Arc::new(rules);
        let agents: Vec<AgentId> = self.agents.keys().cloned().collect();
        for agent_id in agents {
            if let Some(agent) = self.agents.get_mut(&agent_id) {
                agent.rules.handle_rules(Arc::clone(&self.rules), &mut self.rule_changes);
            }
            self.take_rule_changes();
            self.handle_findings(&agent_id, None, now);
            self.rearm(&agent_id);
        }
    }
}

impl Agent {
    /// Judges a decision by the rules; appends what changed, and returns how many rules could not judge it.
    pub(super) fn judge_by_rules(
        &mut self,
        decision: &Decision,
        changes: &mut Vec<RuleChange>,
        now: MonoTime,
    ) -> u64 {
        let Self { id, kind, mirror, pipeline, rules, .. } = self;
        let (boot_id, signals) = (mirror.boot_id(), pipeline.signals());
        rules.handle_decision(&Facts { agent: id, kind: *kind, boot_id, signals, decision }, changes, now)
    }
}

fn finding(change: RuleChange) -> Finding {
    let (phase, prefix) = match change.turn {
        Turn::Raised => (Phase::Raised, "rule"),
        Turn::Cleared => (Phase::Cleared, "rule"),
        Turn::Unjudged => (Phase::Raised, "unjudged"),
        Turn::Judged => (Phase::Cleared, "unjudged"),
    };
    Finding {
        cause: CauseClass::Limit,
        subject: Label::cut(&format!("{prefix}:{}", change.rule)),
        phase,
        severity: change.severity,
        response: change.response,
        decision: change.decision,
        explanation: change.explanation,
    }
}
