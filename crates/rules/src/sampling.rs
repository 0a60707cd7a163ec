//! Random samples that are the same each time.
//!
//! Whether a decision is in a sample hangs on its name alone: SHA-256 over the rule's id and the event's id, of which
//! the first 64 bits are a point between 0 and 2^64 that is compared with the share. A cryptographic hash, because the
//! ids are anything but random (numbers that count up, agents that differ in one digit) and the points must be uniform
//! all the same; SHA-256 because everybody can recompute it, with the tools that check the record. The rule's id is in
//! it so that the samples of two rules have nothing to do with each other, while a larger share of one rule holds the
//! smaller one whole.

use crate::RuleId;
use sha2::{Digest, Sha256};
use watchkeeper_model::{AgentId, BootId, DecisionSeq};

/// Sets these hashes apart from every other use, and one way of making them from the next.
const DOMAIN: &[u8] = b"watchkeeper rules sample 1\0";

/// Names one decision among all that were ever made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventId<'a> {
    /// Whose.
    pub agent: &'a AgentId,
    /// In which run of its software: decisions count from 1 in each.
    pub boot_id: BootId,
    /// Which decision of that run.
    pub seq: DecisionSeq,
}

/// Returns whether a decision is among the `percent` (0 to 100) of all decisions that a rule samples.
pub fn is_sampled(rule: &RuleId, event: EventId<'_>, percent: f64) -> bool {
    point(rule, event).is_below(percent)
}

/// Where a decision lies for a rule, uniform over all of `u64`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Point(u64);

impl Point {
    /// Returns whether the point lies in the first `percent` of all points; from 100 on it always does.
    pub(crate) fn is_below(self, percent: f64) -> bool {
        const ALL: f64 = 18_446_744_073_709_551_616.0;
        let share = (percent / 100.0).clamp(0.0, 1.0) * ALL;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and 2^64")]
        let threshold = share as u128;
        u128::from(self.0) < threshold
    }
}

/// Returns where a decision lies for a rule. Ids hold no zero byte, so that no two names run into each other.
pub(crate) fn point(rule: &RuleId, event: EventId<'_>) -> Point {
    let mut hash = Sha256::new();
    hash.update(DOMAIN);
    hash.update(rule.as_str());
    hash.update([0]);
    hash.update(event.agent.as_str());
    hash.update([0]);
    hash.update(event.boot_id.0.as_bytes());
    hash.update(event.seq.0.to_be_bytes());
    let digest: [u8; 32] = hash.finalize().into();
    let (first, _) = digest.split_first_chunk::<8>().expect("32 bytes begin with 8");
    Point(u64::from_be_bytes(*first))
}
