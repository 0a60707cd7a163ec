//! What the monitor told its clients, so that it can be looked up in the record afterwards.

use std::collections::{BTreeMap, BTreeSet};
use watchkeeper_ledger::{ChainHash, Head};
use watchkeeper_model::{AgentId, BootId, CommandId, DecisionSeq, Epoch, PersonId};

/// Promises of the monitor.
#[derive(Debug, Default)]
pub(crate) struct Told {
    /// Heads of the record.
    pub(crate) heads: BTreeMap<u64, ChainHash>,
    /// Who was granted which epoch.
    pub(crate) grants: BTreeMap<(AgentId, Epoch), PersonId>,
    /// Epochs that an agent has seen as its active or pending one.
    pub(crate) epochs: BTreeSet<(AgentId, Epoch)>,
    /// Commands that are on disk, as a console was told.
    pub(crate) logged: BTreeSet<CommandId>,
    /// Up to which decision an agent was told that the record is safe.
    pub(crate) durable: BTreeMap<(AgentId, BootId), DecisionSeq>,
    /// What contradicts itself.
    pub(crate) contradictions: Vec<String>,
}

impl Told {
    pub(crate) fn head(&mut self, head: Head) {
        let before = self.heads.insert(head.sequence, head.hash);
        if before.is_some_and(|before| before != head.hash) {
            self.contradictions.push(format!("two heads of record {}", head.sequence));
        }
    }

    pub(crate) fn grant(&mut self, agent: &AgentId, epoch: Epoch, person: &PersonId) {
        let before = self.grants.insert((agent.clone(), epoch), person.clone());
        if let Some(before) = before.filter(|before| before != person) {
            self.contradictions.push(format!("epoch {epoch} of {agent} was {before}'s and {person}'s"));
        }
    }

    pub(crate) fn durable(&mut self, agent: AgentId, boot_id: BootId, seq: DecisionSeq) {
        let highest = self.durable.entry((agent, boot_id)).or_default();
        *highest = (*highest).max(seq);
    }

    /// Adds what somebody else was told.
    pub(crate) fn absorb(&mut self, other: Self) {
        other.heads.into_iter().for_each(|(sequence, hash)| self.head(Head { sequence, hash }));
        other.grants.into_iter().for_each(|((agent, epoch), person)| self.grant(&agent, epoch, &person));
        self.epochs.extend(other.epochs);
        self.logged.extend(other.logged);
        other.durable.into_iter().for_each(|((agent, boot_id), seq)| self.durable(agent, boot_id, seq));
        self.contradictions.extend(other.contradictions);
    }

    /// Returns the heads in the form that the verifier takes.
    pub(crate) fn heads(&self) -> Vec<Head> {
        self.heads.iter().map(|(sequence, hash)| Head { sequence: *sequence, hash: *hash }).collect()
    }
}
