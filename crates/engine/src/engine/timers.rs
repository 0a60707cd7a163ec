//! The timers the monitor owns: T_agent, T_claim, lease expiry, T_esc, T_clear, repetitions of stops and of safer
//! commands, answers to commands, the shelf, alerts that flap or are not shown, the 1 Hz status, the roster.

use super::Engine;
use crate::agent::CONFIRM_EVERY;
use watchkeeper_model::{AgentId, MonoTime};

impl Engine {
    /// Evaluates everything that is due.
    pub(super) fn handle_timeout(&mut self, now: MonoTime) {
        while let Some((at, agent_id)) = self.wakeups.first().cloned()
            && now >= at
        {
            self.wakeups.remove(&(at, agent_id.clone()));
            if let Some(agent) = self.agents.get_mut(&agent_id) {
                agent.wake_at = None;
            }
            self.wake_agent(&agent_id, now);
        }
        self.give_up_commands(now);
        self.send_commands_again(now);
        self.unshelve_due(now);
        self.end_access_due(now);
        self.settle_due(now);
        self.route_due(now);
        if now >= self.second_due {
            self.handle_second(now);
        }
        if now >= self.roster_due() {
            self.publish_roster(now);
        }
    }

    fn wake_agent(&mut self, agent_id: &AgentId, now: MonoTime) {
        self.expire(agent_id, now);
        let mut findings = std::mem::take(&mut self.findings);
        let Some(agent) = self.agents.get_mut(agent_id) else { return };
        let became_offline = agent.mirror.handle_timeout(agent.timers.agent, now);
        agent.pipeline.handle_timeout(&mut findings, now);
        agent.rules.handle_timeout(&mut self.rule_changes, now);
        agent.strikes.handle_timeout(now);
        let cooled_down = agent.cooldown_until.take_if(|until| now >= *until).is_some();
        let stop_due = agent.stop_due.is_some_and(|at| now >= at);
        let status_due = now >= agent.status_due;
        let confirm_due = now >= agent.durable_told_at.after(CONFIRM_EVERY);
        self.findings = findings;
        self.take_rule_changes();
        self.handle_findings(agent_id, None, now);
        self.check_escalation(agent_id, now);
        if cooled_down {
            self.demand_again(agent_id, now);
        }
        self.publish_status_change(agent_id, now);
        if stop_due {
            self.send_pending_stop(agent_id, now);
        }
        self.give_up_demand(agent_id, now);
        if became_offline {
            self.after_mirror_change(agent_id, now);
        }
        if confirm_due {
            self.confirm_durable(agent_id, now);
        }
        if status_due {
            self.repeat_status(agent_id, now);
        }
        self.rearm(agent_id);
    }

    /// Keeps the index of wake-ups true for one agent, and consoles up to date with its takeover.
    pub(super) fn rearm(&mut self, agent_id: &AgentId) {
        self.publish_takeover_change(agent_id);
        let Some(agent) = self.agents.get_mut(agent_id) else { return };
        let wanted = agent.poll_timeout();
        if wanted == agent.wake_at {
            return;
        }
        if let Some(old) = agent.wake_at {
            self.wakeups.remove(&(old, agent_id.clone()));
        }
        agent.wake_at = wanted;
        if let Some(at) = wanted {
            self.wakeups.insert((at, agent_id.clone()));
        }
    }
}
