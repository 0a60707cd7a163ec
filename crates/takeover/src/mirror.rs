//! What the monitor knows of an agent's control state: only what the agent reported, and how old it is.

use std::time::Duration;
use watchkeeper_model::{AgentTime, BootId, ControlState, MonoTime};

/// Heartbeats that must come after a connect before the agent may be claimed (row 1).
pub const SETTLING_HEARTBEATS: u8 = 3;

/// The monitor's view of whether an agent is there.
#[derive(Clone, Debug)]
pub struct Mirror {
    boot_id: BootId,
    state: ControlState,
    connected: bool,
    heartbeats: u8,
    last_heard_at: MonoTime,
    offline_since: Option<MonoTime>,
    agent_clock: AgentTime,
    agent_clock_at: MonoTime,
}

impl Mirror {
    /// Starts with what the hello said.
    pub fn new(boot_id: BootId, state: ControlState, now: MonoTime) -> Self {
        Self {
            boot_id,
            state,
            connected: true,
            heartbeats: 0,
            last_heard_at: now,
            offline_since: None,
            agent_clock: AgentTime::from_nanos(0),
            agent_clock_at: now,
        }
    }

    /// Takes a hello of the same boot after a lost connection: it has to settle again, its clock is known already.
    pub fn handle_reconnected(&mut self, state: ControlState, now: MonoTime) {
        self.state = state;
        self.connected = true;
        self.heartbeats = 0;
        self.last_heard_at = now;
        self.offline_since = None;
    }

    /// Takes a heartbeat; returns whether the agent was OFFLINE until now. One that comes after its connection is
    /// gone brings nobody back.
    pub fn handle_heartbeat(&mut self, state: ControlState, agent_clock: AgentTime, now: MonoTime) -> bool {
        if !self.connected {
            return false;
        }
        self.state = state;
        self.heartbeats = self.heartbeats.saturating_add(1);
        self.last_heard_at = now;
        self.agent_clock = agent_clock;
        self.agent_clock_at = now;
        self.offline_since.take().is_some()
    }

    /// Takes note that the connection is gone: the agent is OFFLINE at once.
    pub fn handle_disconnected(&mut self, now: MonoTime) {
        self.connected = false;
        self.heartbeats = 0;
        self.offline_since.get_or_insert(now);
    }

    /// Evaluates T_agent; returns whether the agent became OFFLINE just now.
    pub fn handle_timeout(&mut self, silence: Duration, now: MonoTime) -> bool {
        if self.offline_since.is_none() && now >= self.last_heard_at.after(silence) {
            self.offline_since = Some(now);
            self.heartbeats = 0;
            return true;
        }
        false
    }

    /// Returns when T_agent runs out, while the agent is there.
    pub fn poll_timeout(&self, silence: Duration) -> Option<MonoTime> {
        self.offline_since.is_none().then(|| self.last_heard_at.after(silence))
    }

    /// Returns the run of the agent's software.
    pub fn boot_id(&self) -> BootId {
        self.boot_id
    }

    /// Returns the last reported control state.
    pub fn state(&self) -> ControlState {
        self.state
    }

    /// Returns since when the agent is OFFLINE, `None` while it is there.
    pub fn offline_since(&self) -> Option<MonoTime> {
        self.offline_since
    }

    /// Returns whether a connection is open.
    pub fn is_connected(&self) -> bool {
        self.connected
    }

    /// Returns whether enough heartbeats came since the connect, or since it was last OFFLINE.
    pub fn is_settled(&self) -> bool {
        self.heartbeats >= SETTLING_HEARTBEATS
    }

    /// Returns the agent's clock at its last heartbeat, and when that came on the monitor's clock.
    pub fn agent_clock(&self) -> (AgentTime, MonoTime) {
        (self.agent_clock, self.agent_clock_at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_agent_is_offline_exactly_after_its_silence_and_back_with_a_heartbeat() {
        let at = |millis: u64| MonoTime::from_nanos(millis * 1_000_000);
        let silence = Duration::from_secs(2);
        let mut mirror = Mirror::new(BootId(uuid::Uuid::nil()), ControlState::Autonomous, at(0));
        assert!(!mirror.handle_timeout(silence, at(1_999)));
        assert!(mirror.handle_timeout(silence, at(2_000)));
        assert!(!mirror.handle_timeout(silence, at(2_001)), "told once");
        assert!(mirror.handle_heartbeat(ControlState::Autonomous, AgentTime::from_nanos(1), at(2_100)));
        assert_eq!(mirror.offline_since(), None);
        assert!(!mirror.is_settled());
    }

    #[test]
    fn a_heartbeat_after_the_connection_is_gone_brings_nobody_back() {
        let now = MonoTime::from_nanos(0);
        let mut mirror = Mirror::new(BootId(uuid::Uuid::nil()), ControlState::Autonomous, now);
        mirror.handle_disconnected(now);
        assert!(!mirror.handle_heartbeat(ControlState::Autonomous, AgentTime::from_nanos(1), now));
        assert_eq!(mirror.offline_since(), Some(now));
    }

    #[test]
    fn an_agent_that_was_offline_must_settle_again() {
        let now = MonoTime::from_nanos(0);
        let mut mirror = Mirror::new(BootId(uuid::Uuid::nil()), ControlState::Autonomous, now);
        for _ in 0..SETTLING_HEARTBEATS {
            mirror.handle_heartbeat(ControlState::Autonomous, AgentTime::from_nanos(1), now);
        }
        assert!(mirror.is_settled());
        assert!(mirror.handle_timeout(Duration::from_secs(2), now.after(Duration::from_secs(2))));
        assert!(!mirror.is_settled());
    }
}
