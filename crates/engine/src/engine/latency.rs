//! The ways between consoles and agents: probed, measured, and what follows for who may drive (`takeover.md` 2, rule 9).
//!
//! Whether somebody may begin to drive is decided here; how fast he may drive, the agent decides by what it is told
//! with each of his heartbeats.

use super::{Engine, causes::state_finding};
use crate::latency::{End, Latency, Trouble, assumed_display};
use std::time::Duration;
use watchkeeper_detect::Phase;
use watchkeeper_model::{
    AgentId, AgentKind, CauseClass, CommandCode, CommandKind, MonoTime, SessionId, Severity,
};
use watchkeeper_protocol::{
    ToAgent, ToOperator,
    agent::{PathAnswer, PathProbe},
    operator::{CommandRequest, LatencyParts, MAX_PROBED, PathLatency, Probe},
    session::ErrorCode,
};
use watchkeeper_takeover::latency::{HOLD_OFF, NOT_GRANTED_ABOVE, UNKNOWN_AFTER, is_grantable};

type Refusal = (CommandCode, String);

impl Engine {
    /// A console asks how long the way to an agent is: the question goes on the way that its commands go.
    pub(super) fn handle_probe(&mut self, session: SessionId, probe: &Probe, received_at: MonoTime) {
        let Some(console) = self.consoles.get_mut(&session) else { return };
        console.clock.handle_back(probe.sent_nanos, received_at);
        console.display = probe.display_nanos.map(Duration::from_nanos).or(console.display);
        let Some(agent) = self.agents.get(&probe.agent) else {
            let message = format!("nobody knows an agent called {}", probe.agent);
            self.refuse(session, ErrorCode::UnknownAgent, "probe", &message);
            return;
        };
        if !console.probes.contains_key(&probe.agent) && console.probes.len() >= MAX_PROBED {
            console.probes.retain(|_, probes| !probes.is_idle(received_at));
            if console.probes.len() >= MAX_PROBED {
                let message = format!("at most {MAX_PROBED} agents are probed at once");
                self.refuse_field(session, "probe", "agent", &message);
                return;
            }
        }
        let probes = console.probes.entry(probe.agent.clone()).or_default();
        if probes.handle_sent(probe.seq, received_at)
            && let Some(to) = agent.session
        {
            self.send_agent(to, ToAgent::Probe(PathProbe { session_id: session, seq: probe.seq }));
        }
    }

    /// An agent answers a probe: the way to it works, and takes so long.
    pub(super) fn handle_probed(
        &mut self,
        agent_id: &AgentId,
        answer: &PathAnswer,
        received_at: MonoTime,
        now: MonoTime,
    ) {
        let session = answer.session_id;
        let probes = self.consoles.get_mut(&session).and_then(|console| console.probes.get_mut(agent_id));
        let Some(sent_at) = probes.and_then(|probes| probes.handle_answer(answer.seq, received_at)) else {
            return;
        };
        if let Some(agent) = self.agents.get_mut(agent_id) {
            agent.answers_probes = true;
            agent.clock.handle_forth(sent_at.as_nanos(), answer.received.as_nanos(), received_at);
            agent.clock.handle_back(answer.answered.as_nanos(), received_at);
        }
        let latency = match self.latency(session, agent_id, now) {
            Some(Latency::Known(parts)) => Some(parts),
            Some(Latency::NotYet | Latency::Lost) | None => None,
        };
        let report = PathLatency {
            agent: agent_id.clone(),
            seq: answer.seq,
            latency,
            latency_cap_mps: answer.latency_cap_mps,
        };
        self.send_operator(session, ToOperator::Probed(report));
    }

    /// Returns what is known of the latency between a console and an agent; `None` where one of them is not there.
    pub(super) fn latency(&self, session: SessionId, agent_id: &AgentId, now: MonoTime) -> Option<Latency> {
        let console = self.consoles.get(&session)?;
        let agent = self.agents.get(agent_id)?;
        let probes = console.probes.get(agent_id).filter(|_| agent.answers_probes);
        if probes.is_some_and(|probes| probes.is_lost(now)) {
            return Some(Latency::Lost);
        }
        let near = End {
            clock: &console.clock,
            connected_at: console.connected_at,
            own: console.display.unwrap_or_else(|| assumed_display(console.kind)),
        };
        let far = End {
            clock: &agent.clock,
            connected_at: agent.connected_at,
            own: Duration::from_nanos(agent.drive.actuation_nanos),
        };
        Some(Latency::of(near, far, now))
    }

    /// Checks that nothing known speaks against this console's driving the agent: what a claim and a wish need.
    pub(super) fn check_reach(
        &self,
        session: SessionId,
        agent_id: &AgentId,
        now: MonoTime,
    ) -> Result<(), Refusal> {
        match self.limited(session, agent_id, now) {
            None | Some(Latency::NotYet) => Ok(()),
            Some(Latency::Known(parts)) => check_total(&parts),
            Some(Latency::Lost) => Err((CommandCode::LatencyLimit, lost())),
        }
    }

    /// Checks that this console may begin to drive now: ENGAGE needs a latency that is known. One under a lease that is
    /// over is the agent's to refuse, for what it is.
    pub(super) fn check_drive(
        &self,
        session: SessionId,
        request: &CommandRequest,
        now: MonoTime,
    ) -> Result<(), Refusal> {
        let is_leased = self.agents.get(&request.agent).is_some_and(|agent| agent.lease.lease().is_some());
        if request.kind != CommandKind::Engage || !is_leased {
            return Ok(());
        }
        match self.limited(session, &request.agent, now) {
            None => Ok(()),
            Some(Latency::Known(parts)) => check_total(&parts),
            Some(Latency::Lost) => Err((CommandCode::LatencyLimit, lost())),
            Some(Latency::NotYet) => {
                let detail = "the latency between you and the vehicle is not measured yet; try again";
                Err((CommandCode::TemporarilyRejected, detail.to_owned()))
            }
        }
    }

    /// Returns the latency where it limits anything: a person drives vehicles and nothing else.
    pub(super) fn limited(&self, session: SessionId, agent_id: &AgentId, now: MonoTime) -> Option<Latency> {
        self.agents.get(agent_id).filter(|agent| agent.kind == AgentKind::Vehicle)?;
        self.latency(session, agent_id, now)
    }

    /// Looks at the ways between agents and who drives them: what is wrong there, everybody hears who sees the agent.
    pub(super) fn check_paths(&mut self, now: MonoTime) {
        let looked_at = self.agents.values().filter(|agent| {
            agent.path_trouble.told.is_some()
                || (agent.announced_lease().is_some() && agent.state().is_driven())
        });
        let looked_at: Vec<AgentId> = looked_at.map(|agent| agent.id.clone()).collect();
        for agent_id in looked_at {
            self.check_path(&agent_id, now);
        }
    }

    fn check_path(&mut self, agent_id: &AgentId, now: MonoTime) {
        let Some(agent) = self.agents.get(agent_id) else { return };
        let holder = agent.announced_lease().filter(|_| agent.state().is_driven());
        let latency = holder.and_then(|lease| self.limited(lease.session, agent_id, now));
        let nobody_drives = holder.is_none();
        let (found, detail) = match latency {
            Some(Latency::Known(parts)) => match check_total(&parts) {
                Ok(()) => (None, String::new()),
                Err((_, detail)) => (Some(Trouble::TooLong), detail),
            },
            Some(Latency::Lost) => (Some(Trouble::Unknown), lost()),
            Some(Latency::NotYet) | None => (None, String::new()),
        };
        let Some(trouble) = self.agents.get_mut(agent_id).map(|agent| &mut agent.path_trouble) else {
            return;
        };
        trouble.fine_since = found.is_none().then(|| trouble.fine_since.unwrap_or(now));
        // Nothing is wrong any more when nothing was for a while, or nobody drives.
        let is_over = nobody_drives || trouble.fine_since.is_some_and(|since| now.since(since) >= HOLD_OFF);
        trouble.told = found.or(trouble.told.filter(|_| !is_over));
        let told = trouble.told;
        for trouble in [Trouble::TooLong, Trouble::Unknown] {
            let phase = if told == Some(trouble) { Phase::Raised } else { Phase::Cleared };
            let finding = state_finding(trouble.cause(), "command path", trouble.severity(), &detail, phase);
            self.set_state_cause(agent_id, finding, now);
        }
    }
}

impl Trouble {
    const fn cause(self) -> CauseClass {
        match self {
            Self::TooLong => CauseClass::Late,
            Self::Unknown => CauseClass::Silence,
        }
    }

    const fn severity(self) -> Severity {
        match self {
            Self::TooLong => Severity::Critical,
            Self::Unknown => Severity::Warning,
        }
    }
}

fn check_total(parts: &LatencyParts) -> Result<(), Refusal> {
    if is_grantable(Duration::from_nanos(parts.total_nanos)) {
        return Ok(());
    }
    let millis = |nanos: u64| nanos as f64 / 1e6;
    let detail = format!(
        "the latency is {:.0} ms (downlink {:.0} ± {:.0}, display {:.0}, uplink {:.0} ± {:.0}, actuation {:.0}); above \
         {} ms nobody begins to drive",
        millis(parts.total_nanos),
        millis(parts.downlink.nanos),
        millis(parts.downlink.error_nanos),
        millis(parts.display_nanos),
        millis(parts.uplink.nanos),
        millis(parts.uplink.error_nanos),
        millis(parts.actuate_nanos),
        NOT_GRANTED_ABOVE.as_millis(),
    );
    Err((CommandCode::LatencyLimit, detail))
}

fn lost() -> String {
    format!(
        "nothing was measured between the person and the vehicle for {:.1} s: the latency is not known",
        UNKNOWN_AFTER.as_secs_f64()
    )
}
