//! What a rule sees of one decision.

use crate::EventId;
use watchkeeper_model::{AgentId, AgentKind, BootId, Decision, SignalSpec};

/// One decision and who made it: all that a rule may look at.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// Who decided.
    pub agent: &'a AgentId,
    /// What it is.
    pub kind: AgentKind,
    /// The run of its software.
    pub boot_id: BootId,
    /// Its signals; the decision carries the numbers in the same order.
    pub signals: &'a [SignalSpec],
    /// What it decided.
    pub decision: &'a Decision,
}

impl<'a> Facts<'a> {
    /// Returns what names the decision among all.
    pub const fn event(&self) -> EventId<'a> {
        EventId { agent: self.agent, boot_id: self.boot_id, seq: self.decision.seq }
    }

    /// Returns every signal that has a number; one that is missing or NaN is left out.
    pub(crate) fn present_signals(&self) -> impl Iterator<Item = (&'a SignalSpec, f64)> {
        self.signals.iter().zip(self.decision.signals.iter().copied()).filter(|(_, value)| !value.is_nan())
    }

    /// Returns a signal and its number, or the decision's own confidence under that name where no signal has it;
    /// `None` where the number is missing.
    pub(crate) fn number(&self, name: &str) -> Option<(f64, &'a str)> {
        let place = self.signals.iter().position(|spec| spec.name.as_str() == name);
        match place {
            Some(at) => {
                let value = self.decision.signals.get(at).copied().filter(|value| !value.is_nan())?;
                Some((value, self.signals.get(at)?.unit.as_str()))
            }
            None if name == "confidence" => Some((self.decision.confidence?.get(), "")),
            None => None,
        }
    }
}
