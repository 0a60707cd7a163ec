//! What consoles hear of agents and of the monitor.

use super::demands::default_of;
use super::{Engine, SECOND};
use crate::{
    agent::{Agent, OpenQuestion},
    views::ViewId,
};
use std::{sync::Arc, time::Duration};
use watchkeeper_model::{AgentId, ControlState, MonoTime, SessionId, nanos};
use watchkeeper_protocol::{
    ToAgent, ToOperator,
    agent::Question,
    operator::{
        AgentStatus, ClockOffset, DemandStatus, HandoverStatus, Health, LeaseStatus, NextHolder, StatusUpdate,
    },
    session::Ping,
};
use watchkeeper_takeover::Lease;

/// How often the status is repeated while a person drives or is about to.
const HELD_REPEAT: Duration = Duration::from_millis(100);

impl Engine {
    /// Publishes the status when something that consoles must hear of at once has changed.
    pub(super) fn publish_status_change(&mut self, agent_id: &AgentId, now: MonoTime) {
        let Some(agent) = self.agents.get(agent_id) else { return };
        if agent.status_sent.as_ref() != Some(&agent.status_key()) {
            self.publish_status(agent_id, now);
        }
    }

    /// Publishes the status as a delta.
    pub(super) fn publish_status(&mut self, agent_id: &AgentId, now: MonoTime) {
        let Some(agent) = self.agents.get(agent_id) else { return };
        let status = status_of(agent, now);
        let key = agent.status_key();
        self.publish(agent_id, |cursor| ToOperator::ControlStatus(StatusUpdate { cursor, status }));
        self.schedule_status(agent_id, Some(key), now);
    }

    /// Repeats the status without a new cursor: consoles see that it still holds, and how old it is.
    pub(super) fn repeat_status(&mut self, agent_id: &AgentId, now: MonoTime) {
        let Some(agent) = self.agents.get(agent_id) else { return };
        let seen_in = std::iter::once(ViewId::ALL).chain(agent.seen_in.iter().copied());
        let views = seen_in.filter_map(|view_id| self.views.get(view_id));
        let repeats: Vec<_> = views
            .filter(|view| !view.sessions.is_empty())
            .map(|view| {
                let (cursor, status) = (view.feed.cursor(), status_of(agent, now));
                (Arc::clone(&view.sessions), ToOperator::ControlStatus(StatusUpdate { cursor, status }))
            })
            .collect();
        for (to, repeat) in repeats {
            self.send_to(to, repeat);
        }
        self.schedule_status(agent_id, None, now);
    }

    fn schedule_status(&mut self, agent_id: &AgentId, key: Option<crate::agent::StatusKey>, now: MonoTime) {
        let Some(agent) = self.agents.get_mut(agent_id) else { return };
        let key_changed = key.is_some();
        if key_changed {
            agent.status_sent = key;
        }
        let held = agent.state().has_holder() || agent.state() == ControlState::Requested;
        let period = if held { HELD_REPEAT } else { SECOND };
        // A repeat keeps its own beat, so that agents that were late together do not stay together.
        let next = if key_changed { now } else { agent.status_due }.after(period);
        agent.status_due = if next > now { next.min(now.after(period)) } else { now.after(period) };
    }

    /// Returns how the monitor is; of its agents those count that a view sees.
    pub(super) fn health(&self, view_id: ViewId, now: MonoTime) -> Health {
        let agents = if view_id == ViewId::ALL {
            self.agent_sessions.len()
        } else {
            let seen = |agent: &&Agent| agent.session.is_some() && agent.seen_in.contains(&view_id);
            self.agents.values().filter(seen).count()
        };
        Health {
            now,
            degraded: self.degraded,
            ledger_queue: f64::from(self.queue_percent) / 100.0,
            agents: agents as u64,
            consoles: self.consoles.len() as u64,
            refused_frames: self.refused_frames,
            stages: self.stages.report(),
        }
    }

    pub(super) fn publish_health(&mut self, now: MonoTime) {
        self.tell_each(|engine, view_id| ToOperator::Health(engine.health(view_id, now)));
    }

    pub(super) fn ping_operator(&mut self, session: SessionId, now: MonoTime) {
        let Some(console) = self.consoles.get(&session) else { return };
        let ping = ping(console.clock.offset(), now);
        self.send_operator(session, ToOperator::Ping(ping));
    }

    pub(super) fn ping_agent(&mut self, session: SessionId, offset: Option<ClockOffset>, now: MonoTime) {
        self.send_agent(session, ToAgent::Ping(ping(offset, now)));
    }

    /// Once a second: health, pings, the record's head.
    pub(super) fn handle_second(&mut self, now: MonoTime) {
        self.publish_health(now);
        let agents: Vec<(SessionId, Option<ClockOffset>)> =
            self.agents.values().filter_map(|agent| Some((agent.session?, agent.clock.offset()))).collect();
        for (session, offset) in agents {
            self.ping_agent(session, offset, now);
        }
        let consoles: Vec<SessionId> = self.consoles.keys().copied().collect();
        for session in consoles {
            self.ping_operator(session, now);
        }
        if let Some(head) = self.head
            && self.head_told != Some(head)
        {
            self.head_told = Some(head);
            self.broadcast(ToOperator::Head(head));
            let sessions: Vec<SessionId> = self.agents.values().filter_map(|agent| agent.session).collect();
            for session in sessions {
                self.send_agent(session, ToAgent::Head(head));
            }
        }
        self.check_paths(now);
        self.second_due = now.after(SECOND);
    }
}

fn ping(offset: Option<ClockOffset>, now: MonoTime) -> Ping {
    Ping {
        sent_nanos: now.as_nanos(),
        offset_nanos: offset.map(|offset| offset.offset_nanos),
        error_nanos: offset.map(|offset| offset.error_nanos),
    }
}

/// Returns the agent as consoles see it.
pub(super) fn status_of(agent: &Agent, now: MonoTime) -> AgentStatus {
    let last = agent.last.as_ref();
    let key = agent.status_key();
    let [
        stable,
        condition_reached,
        can_resume,
        local_override,
        unverified,
        stop_pending,
        manual,
        neutral,
        locked_out,
    ] = key.flags;
    let (agent_clock, heard_at) = agent.mirror.agent_clock();
    let counters = agent.pipeline.counters();
    AgentStatus {
        agent: agent.id.clone(),
        kind: agent.kind,
        signals: agent.signals().to_vec(),
        tasks: agent.tasks.clone(),
        boot_id: key.boot_id,
        software_version: agent.software_version.clone(),
        control_state: key.state,
        state_version: key.version,
        transition_from: key.from,
        fallback_level: last.and_then(|beat| beat.fallback_level),
        fallback_cause: last.and_then(|beat| beat.fallback_cause),
        locked_out,
        questions: agent.questions.iter().map(|open| question_of(open, now)).collect(),
        offline_nanos: agent.mirror.offline_since().map(|since| nanos(now.since(since))),
        agent_clock,
        heartbeat_age_nanos: nanos(now.since(heard_at)),
        settled: key.settled,
        latches: key.latches,
        demand: agent.demand.as_ref().map(|demand| DemandStatus {
            demand_id: demand.demand_id,
            origin: demand.origin,
            left_nanos: nanos(now.until(demand.deadline)),
            then: default_of(demand),
            reason: demand.reason.clone(),
        }),
        lease: agent.announced_lease().map(|lease| lease_of(agent, lease, now)),
        stable,
        condition_reached,
        can_resume,
        local_override,
        unverified,
        stop_pending,
        manual,
        neutral,
        score: agent.pipeline.score(),
        decisions: counters.decisions,
        gaps: counters.gaps,
        clock_offset: agent.clock.offset(),
    }
}

/// Returns the question with what is left of its time.
fn question_of(open: &OpenQuestion, now: MonoTime) -> Question {
    Question { left_nanos: nanos(now.until(open.deadline)), ..open.question.clone() }
}

/// Returns the lease as consoles see it, with who asks for it and who gets it next.
fn lease_of(agent: &Agent, lease: &Lease, now: MonoTime) -> LeaseStatus {
    LeaseStatus {
        holder: lease.holder.clone(),
        session_id: lease.session,
        epoch: lease.epoch,
        // The agent lets go after T_link, before the monitor's own lease lapses.
        left_nanos: nanos(
            now.until(lease.expires_at.before(agent.timers.lease_ttl().saturating_sub(agent.timers.link))),
        ),
        ready: lease.ready,
        engage_left_nanos: agent.claim_deadline.map(|at| nanos(now.until(at))),
        takeover_allowed: lease.takeover_allowed,
        handover: agent.lease.wish().map(|wish| HandoverStatus {
            request_id: wish.request_id,
            by: wish.by.clone(),
            session_id: wish.session,
            left_nanos: nanos(now.until(wish.expires_at)),
            reason: wish.reason.clone(),
        }),
        waived_by: agent.waiver_under(lease.epoch).cloned(),
        next: agent.announced_next().map(|next| NextHolder {
            holder: next.lease.holder.clone(),
            session_id: next.lease.session,
            epoch: next.lease.epoch,
            left_nanos: nanos(now.until(next.engage_by)),
            ready: next.lease.ready,
            preempts: next.preempts,
        }),
    }
}
