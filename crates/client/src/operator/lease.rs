//! The numbers that this console counts up within each lease.

use std::collections::BTreeMap;
use watchkeeper_model::{AgentId, Epoch};

#[derive(Clone, Copy, Debug)]
struct Counters {
    epoch: Epoch,
    command: u64,
    heartbeat: u64,
}

/// Command and heartbeat numbers per agent; a new epoch starts both again.
#[derive(Clone, Debug)]
pub(super) struct Leases(BTreeMap<AgentId, Counters>);

impl Leases {
    pub(super) const fn new() -> Self {
        Self(BTreeMap::new())
    }

    /// Returns the number of the next command under `epoch`, from 1.
    pub(super) fn next_command(&mut self, agent: &AgentId, epoch: Epoch) -> u64 {
        let counters = self.of(agent, epoch);
        counters.command += 1;
        counters.command
    }

    /// Returns the number of the next heartbeat under `epoch`, from 1.
    pub(super) fn next_heartbeat(&mut self, agent: &AgentId, epoch: Epoch) -> u64 {
        let counters = self.of(agent, epoch);
        counters.heartbeat += 1;
        counters.heartbeat
    }

    fn of(&mut self, agent: &AgentId, epoch: Epoch) -> &mut Counters {
        let fresh = Counters { epoch, command: 0, heartbeat: 0 };
        let counters = self.0.entry(agent.clone()).or_insert(fresh);
        if counters.epoch != epoch {
            *counters = fresh;
        }
        counters
    }
}
