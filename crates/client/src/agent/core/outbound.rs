//! What an agent tells the monitor, in the order in which it matters.

use super::{AgentCore, QUICK, Session};
use bytes::Bytes;
use watchkeeper_model::{AgentTime, BearerToken, nanos};
use watchkeeper_protocol::{
    AgentMessage, SessionKind, Wire,
    agent::{AgentHello, Heartbeat, PathAnswer},
    session::Pong,
};

impl AgentCore {
    /// Returns the next frame: hello, pong, answers to probes, acknowledgements and requests, heartbeat, decisions.
    ///
    /// It gives nothing while a record waits to be taken: what was not kept must not be said. Decisions come
    /// last, so that no backlog of them holds up control; those made before a stop still go to the record.
    pub fn poll_transmit(&mut self, now: AgentTime) -> Option<Bytes> {
        if self.record.is_some() {
            return None;
        }
        match self.session {
            Session::Offline | Session::Closing => return None,
            Session::Greeting | Session::Welcomed => {}
        }
        if let Some(hello) = self.hello.take() {
            return Some(hello);
        }
        if let Some(answer) = self.poll_answer(now) {
            return Some(answer);
        }
        if self.session == Session::Greeting {
            return None;
        }
        if let Some(message) = self.waiting.pop_front() {
            return Some(message.encode());
        }
        if self.report_due || now >= self.next_heartbeat_at {
            return Some(self.beat(now));
        }
        self.ring.next_unsent()
    }

    /// Returns the answer to a ping or a probe, where the hello has gone before: it rests on no record.
    pub(crate) fn poll_answer(&mut self, now: AgentTime) -> Option<Bytes> {
        if self.hello.is_some() {
            return None;
        }
        if let Some(pong) = self.pong.take() {
            return Some(AgentMessage::Pong(Pong { answered_nanos: now.as_nanos(), ..pong }).encode());
        }
        let answer = self.probes.pop_front()?;
        let latency_cap_mps = self.gate.latency_cap_mps();
        Some(AgentMessage::Probed(PathAnswer { answered: now, latency_cap_mps, ..answer }).encode())
    }

    fn beat(&mut self, now: AgentTime) -> Bytes {
        self.report_due = false;
        self.quick_left = self.quick_left.saturating_sub(1);
        let wait =
            if self.quick_left > 0 { QUICK.min(self.heartbeat_interval) } else { self.heartbeat_interval };
        self.next_heartbeat_at = now.after(wait);
        let demand = self.gate.demand(now);
        let world = self.gate.world();
        AgentMessage::Heartbeat(Heartbeat {
            boot_id: self.gate.identity().boot_id,
            now,
            control_state: self.gate.state(),
            state_version: self.gate.state_version(),
            transition_from: self.gate.transition_from(),
            fallback_level: self.gate.fallback_level(),
            fallback_cause: self.gate.fallback_cause(),
            scenes: self.gate.questions(now).map(|(question, _)| question.scene_id).collect(),
            demand_id: demand.map(|(demand_id, _)| demand_id),
            demand_left_nanos: demand.map(|(_, left)| nanos(left)),
            epoch: self.gate.epoch(),
            latches: self.gate.latches().to_vec(),
            stable: world.stable,
            condition_reached: world.condition_reached,
            can_resume: world.can_resume,
            local_override: world.local_override,
            unverified: self.gate.is_unverified(),
            manual: self.gate.is_manual(),
            neutral: self.gate.is_neutral(),
        })
        .encode()
    }

    pub(super) fn encode_hello(&self, token: Option<BearerToken>) -> Bytes {
        let identity = self.gate.identity();
        let hello = AgentHello {
            session: SessionKind::Agent,
            token,
            agent: identity.agent.clone(),
            kind: identity.kind,
            signals: self.config.signals.clone(),
            boot_id: identity.boot_id,
            clean_shutdown: self.previous_run_clean,
            highest_epoch: self.gate.highest_epoch(),
            highest_incarnation: self.gate.highest_incarnation(),
            latches: self.gate.latches().to_vec(),
            control_state: self.gate.state(),
            software_version: self.config.software_version.clone(),
            drive: self.config.drive,
            tasks: self.config.tasks.clone(),
        };
        watchkeeper_protocol::encode("hello", &hello)
    }
}
