//! What agents say: hello, heartbeats, decisions, acknowledgements, clocks.

use super::{Engine, SECOND};
use crate::{
    agent::{Agent, STATE_CAUSES},
    clocks::PeerClock,
    latency::PathTrouble,
    strikes::Strikes,
    timeline::exact,
};
use std::sync::Arc;
use watchkeeper_detect::Pipeline;
use watchkeeper_model::{
    AgentId, AgentKind, CommandCode, CommandKind, CommandState, Decision, DecisionSeq, Epoch, Latch,
    LatchCause, LatchId, LeaseEnd, MonoTime, Note, Permission, PlanPoint, QuestionPolicy, RiskClass,
    SessionId, nanos,
};
use watchkeeper_protocol::{
    AgentMessage, ToAgent, ToOperator,
    agent::{AgentHello, AgentWelcome, CommandAck, Heartbeat},
    operator::{MAX_SHOWN_PLAN, Telemetry},
    session::{ErrorCode, ErrorReport},
};
use watchkeeper_rules::RuleWatch;
use watchkeeper_takeover::{LeaseBook, Mirror};

/// Most agents that one incarnation of the monitor keeps.
const MAX_AGENTS: usize = 10_000;
/// Set in the ids of latches that the monitor mints, so that they are not an agent's (`LatchId::first_of`).
const MONITORS_LATCHES: u64 = 1 << 63;
/// How far above the record an agent's epoch may be. A monitor that accepted damage leaps by a million.
const EPOCH_LEAP: u64 = 1 << 32;

impl Engine {
    /// A hello was taken (1.3): latches are the union of both, an undelivered ESTOP goes first, the next epoch is
    /// above both sides' highest, else the reported state is adopted.
    pub(super) fn connect_agent(&mut self, session: SessionId, hello: &AgentHello, now: MonoTime) {
        let agent_id = hello.agent.clone();
        if !self.make_room_for(&agent_id) {
            self.close(session, ErrorCode::TooManySessions, "this monitor already knows 10,000 agents");
            return;
        }
        if hello.highest_epoch > self.epoch_ceiling(&agent_id) {
            let message =
                "highest_epoch is far above every epoch on record: the agent's storage must be wrong";
            self.close(session, ErrorCode::BadField, message);
            return;
        }
        if let Some(old) = self.agents.get_mut(&agent_id).and_then(|agent| agent.session.take()) {
            self.agent_sessions.remove(&old);
            self.lose_commands(&agent_id);
            let message = "this agent connected again; the newer connection counts";
            self.close(old, ErrorCode::Replaced, message);
        }
        self.agent_sessions.insert(session, agent_id.clone());
        let same_boot = self.agents.get(&agent_id).is_some_and(|a| a.mirror.boot_id() == hello.boot_id);
        if !same_boot {
            self.latch_unsafe_end(&agent_id);
            self.drop_questions(&agent_id, now);
            self.end_lease(&agent_id, LeaseEnd::AgentRestarted, now);
            self.lose_commands(&agent_id);
        } else if self.agents.get(&agent_id).is_some_and(|agent| !agent.lease_seen) {
            // The grant was on its way, or still waited for the disk: nobody can tell whether the agent has it.
            self.end_lease(&agent_id, LeaseEnd::HolderLost, now);
        } else {
            self.reconcile_next(&agent_id, hello.highest_epoch, now);
        }
        self.adopt_hello(session, hello, same_boot, now);
        let Some(agent) = self.agents.get_mut(&agent_id) else { return };
        agent.durable_told = agent.durable_seq;
        let welcome = AgentWelcome {
            session_id: session,
            incarnation: self.incarnation,
            epoch: agent.lease.highest(),
            latches: agent.latches.clone(),
            lease_live: same_boot && agent.lease.lease().is_some(),
            durable_seq: agent.durable_seq,
            heartbeat_nanos: nanos(agent.timers.heartbeat),
        };
        self.send_agent(session, ToAgent::Welcome(welcome));
        self.ping_agent(session, None, now);
        self.send_pending_stop(&agent_id, now);
        if same_boot {
            self.resend_void(&agent_id);
        }
        self.resend_demand(&agent_id, now);
        self.record_authority(&agent_id);
        self.publish_status(&agent_id, now);
        self.rearm(&agent_id);
    }

    fn adopt_hello(&mut self, session: SessionId, hello: &AgentHello, same_boot: bool, now: MonoTime) {
        let agent_id = &hello.agent;
        let mut findings = std::mem::take(&mut self.findings);
        if let Some(agent) = self.agents.get_mut(agent_id) {
            if agent.pipeline.signals() != hello.signals {
                agent.rules.handle_anew(&mut self.rule_changes);
            }
            agent.pipeline.handle_hello(hello.signals.clone(), !same_boot, &mut findings, now);
            if !same_boot {
                agent.last = None;
                agent.clock = PeerClock::default();
                (agent.durable_seq, agent.durable_told) = (DecisionSeq(0), DecisionSeq(0));
            }
        } else {
            let agent = self.new_agent(hello, now);
            self.agents.insert(agent_id.clone(), agent);
        }
        if let Some(agent) = self.agents.get_mut(agent_id) {
            agent.session = Some(session);
            (agent.connected_at, agent.answers_probes) = (now, false);
            agent.drive = hello.drive.unwrap_or_default();
            agent.tasks.clone_from(&hello.tasks);
            agent.software_version = hello.software_version.clone();
            if same_boot {
                agent.mirror.handle_reconnected(hello.control_state, now);
            } else {
                agent.mirror = Mirror::new(hello.boot_id, hello.control_state, now);
            }
            agent.lease.observe(hello.highest_epoch);
            agent.add_latches(&hello.latches);
            agent.pipeline.handle_connected(&mut findings, now);
        }
        self.findings = findings;
        self.take_rule_changes();
        self.handle_findings(agent_id, None, now);
    }

    fn new_agent(&self, hello: &AgentHello, now: MonoTime) -> Agent {
        let on_record = self.authority.get(&hello.agent);
        Agent {
            id: hello.agent.clone(),
            kind: hello.kind,
            software_version: hello.software_version.clone(),
            timers: self.config.timers(hello.kind),
            session: None,
            connected_at: now,
            drive: hello.drive.unwrap_or_default(),
            tasks: hello.tasks.clone(),
            answers_probes: false,
            path_trouble: PathTrouble::default(),
            mirror: Mirror::new(hello.boot_id, hello.control_state, now),
            last: None,
            latches: on_record.map(|entry| entry.latches.clone()).unwrap_or_default(),
            pipeline: Pipeline::new(&hello.agent, hello.kind, hello.signals.clone(), &self.config.detect),
            rules: RuleWatch::new(&hello.agent, hello.kind, Arc::clone(&self.rules)),
            clock: PeerClock::default(),
            lease: LeaseBook::new(on_record.map(|entry| entry.epoch).unwrap_or_default()),
            claim_deadline: None,
            lease_announced: false,
            lease_seen: false,
            next: None,
            ended_next: None,
            demand: None,
            cooldown_until: None,
            questions: Vec::new(),
            strikes: self.new_strikes(hello.kind, on_record.map_or(0, |entry| entry.strikes), now),
            waiver: None,
            takeover: None,
            pending_stop: on_record.and_then(|entry| entry.pending_stop.clone()),
            stop_due: None,
            seen_in: self.views.naming(&hello.agent),
            durable_seq: DecisionSeq(0),
            durable_told: DecisionSeq(0),
            durable_told_at: MonoTime::default(),
            status_due: now.after(SECOND),
            status_sent: None,
            causes_shown: [false; STATE_CAUSES],
            wake_at: None,
        }
    }

    pub(super) fn disconnect_agent(&mut self, agent_id: &AgentId, session: SessionId, now: MonoTime) {
        let mut findings = std::mem::take(&mut self.findings);
        let Some(agent) = self.agents.get_mut(agent_id) else { return };
        if agent.session != Some(session) {
            return;
        }
        agent.session = None;
        agent.mirror.handle_disconnected(now);
        agent.pipeline.handle_disconnected(&mut findings, now);
        self.findings = findings;
        self.lose_commands(agent_id);
        self.handle_findings(agent_id, None, now);
        self.after_mirror_change(agent_id, now);
    }

    pub(super) fn handle_agent_message(
        &mut self,
        session: SessionId,
        received_at: MonoTime,
        message: AgentMessage,
        now: MonoTime,
    ) {
        // A replaced session may still have messages in the queue; they count no more.
        let Some(agent_id) = self.agent_sessions.get(&session).cloned() else { return };
        match message {
            AgentMessage::Heartbeat(beat) => self.handle_heartbeat(&agent_id, beat, now),
            AgentMessage::Decision(decision) => {
                self.handle_decision(&agent_id, session, &decision, received_at, now);
            }
            AgentMessage::RequestIntervention(request) => {
                self.handle_request(&agent_id, &request.reason, received_at, now);
            }
            AgentMessage::Question(question) => self.handle_question(&agent_id, question, now),
            AgentMessage::Ack(ack) => self.handle_ack(&agent_id, ack, now),
            AgentMessage::Pong(pong) => {
                if let Some(agent) = self.agents.get_mut(&agent_id) {
                    agent.clock.handle_pong(&pong, received_at);
                }
            }
            AgentMessage::Probed(answer) => self.handle_probed(&agent_id, &answer, received_at, now),
        }
        self.rearm(&agent_id);
    }

    fn handle_heartbeat(&mut self, agent_id: &AgentId, beat: Heartbeat, now: MonoTime) {
        let mut findings = std::mem::take(&mut self.findings);
        let Some(agent) = self.agents.get_mut(agent_id) else { return };
        if beat.boot_id != agent.mirror.boot_id() {
            return;
        }
        agent.mirror.handle_heartbeat(beat.control_state, beat.now, now);
        agent.pipeline.handle_heartbeat(&mut findings, now);
        agent.pipeline.handle_paused(!beat.control_state.agent_acts(), &mut findings, now);
        if !beat.control_state.agent_acts() {
            agent.rules.handle_rest();
        }
        agent.add_latches(&beat.latches);
        if beat.epoch.0 <= agent.lease.highest().0.saturating_add(EPOCH_LEAP) {
            agent.lease.observe(beat.epoch);
        }
        agent.strikes.handle_state(beat.control_state, beat.fallback_cause, now);
        agent.last = Some(beat);
        self.findings = findings;
        self.check_questions(agent_id, now);
        self.handle_findings(agent_id, None, now);
        self.after_mirror_change(agent_id, now);
    }

    /// Everything that follows from a newer view of the agent.
    pub(super) fn after_mirror_change(&mut self, agent_id: &AgentId, now: MonoTime) {
        self.check_state_causes(agent_id, now);
        self.check_lease(agent_id, now);
        self.check_demand(agent_id, now);
        self.check_pending_stop(agent_id, now);
        self.finish_takeover(agent_id, now);
        self.check_self_cleared(agent_id);
        self.demand_again(agent_id, now);
        self.record_authority(agent_id);
        self.publish_status_change(agent_id, now);
        self.rearm(agent_id);
    }

    fn handle_decision(
        &mut self,
        agent_id: &AgentId,
        session: SessionId,
        decision: &Decision,
        received_at: MonoTime,
        now: MonoTime,
    ) {
        let mut findings = std::mem::take(&mut self.findings);
        let Some(agent) = self.agents.get_mut(agent_id) else { return };
        let is_new = agent.pipeline.handle_decision(decision, &mut findings, now);
        let score = agent.pipeline.score();
        let made = agent.clock.agent_moment(decision.made_at);
        self.findings = findings;
        if is_new {
            self.counts.rules_unjudged += agent.judge_by_rules(decision, &mut self.rule_changes, now);
            self.take_rule_changes();
        }
        self.counts.decisions += 1;
        self.decisions_not_durable.push_back((self.inputs, session, decision.seq));
        if !self.findings.is_empty() {
            let moments = crate::timeline::AlertMoments {
                t0: made,
                t1: Some(exact(received_at)),
                ..Default::default()
            };
            self.handle_findings(agent_id, Some(moments), now);
        }
        let to = self.views.sessions(&self.seen_in(agent_id));
        if !to.is_empty() {
            let telemetry = ToOperator::Telemetry(Telemetry {
                agent: agent_id.clone(),
                seq: decision.seq,
                received_at,
                action: decision.action.clone(),
                confidence: decision.confidence,
                signals: decision.signals.clone(),
                score,
                pose: decision.context.as_ref().and_then(|context| context.pose),
                plan: decision.context.as_ref().map(|context| shown_plan(&context.plan)).unwrap_or_default(),
            });
            self.send_to(to, telemetry);
        }
    }

    fn handle_ack(&mut self, agent_id: &AgentId, ack: CommandAck, now: MonoTime) {
        let known = self.commands.get(ack.command_id).filter(|entry| entry.agent == *agent_id);
        let Some(kind) = known.map(|entry| entry.kind) else { return };
        if let Some(agent) = self.agents.get_mut(agent_id) {
            let at = agent.clock.agent_moment(ack.at);
            for takeover in agent.takeovers_mut() {
                takeover.handle_progress(ack.command_id, ack.state, at);
            }
        }
        // A further copy of what the monitor itself repeats comes back as a duplicate with its first result, which stands.
        let is_copy = ack.code == Some(CommandCode::Duplicate) && ack.state != CommandState::Rejected;
        let repeated = is_copy && kind.risk() != RiskClass::Exclusive;
        let code = ack.code.filter(|_| !repeated);
        self.release_latches(agent_id, kind, &ack);
        self.forgive_strikes(agent_id, &ack);
        let (command_id, state) = (ack.command_id, ack.state);
        let done = || ack.percent.map(|share| Note::cut(&format!("{share} % done")));
        let kept = || self.commands.get(command_id).filter(|_| repeated)?.detail.clone();
        let detail = ack.detail.or_else(done).or_else(kept);
        self.advance_command(command_id, state, code, detail);
        self.await_end(agent_id, command_id, now);
        match (kind, state) {
            (CommandKind::Release, CommandState::Accepted) => {
                let epoch = self.commands.get(command_id).map(|entry| entry.epoch);
                let book = self.agents.get(agent_id).map(|agent| &agent.lease);
                let lease = book.and_then(LeaseBook::lease).map(|lease| lease.epoch);
                let next = book.and_then(LeaseBook::next).map(|next| next.lease.epoch);
                if epoch.is_some() && epoch == lease {
                    self.end_lease(agent_id, LeaseEnd::Released, now);
                } else if epoch.is_some() && epoch == next {
                    self.end_next(agent_id, LeaseEnd::Released, now);
                }
            }
            (CommandKind::HandBack, CommandState::Accepted) => {
                let input = self.commands.get(command_id).map_or(0, |entry| entry.input);
                self.cancel_handover(agent_id, input, now);
            }
            (CommandKind::Dismiss, CommandState::Rejected | CommandState::Expired) => {
                if let Some(demand) = self.agents.get_mut(agent_id).and_then(|agent| agent.demand.as_mut()) {
                    demand.ending = None;
                }
            }
            _ => {}
        }
    }

    /// A boot that ended under a demand, a person or a fallback does not start over as if nothing had been (1.3):
    /// the new one is told to hold a latch, also when it has forgotten.
    fn latch_unsafe_end(&mut self, agent_id: &AgentId) {
        let latch_id = LatchId(MONITORS_LATCHES | self.next_demand.0);
        let Some(agent) = self.agents.get_mut(agent_id) else { return };
        // OUT_OF_SERVICE outlives a boot by itself, and so does a question that needs no answer.
        let required = agent.questions.iter().any(|open| open.question.policy == QuestionPolicy::Required);
        let nominal = agent.state().is_nominal() && agent.demand.is_none() && !required;
        if !nominal && agent.latches.is_empty() {
            agent.add_latches(&[Latch { latch_id, cause: LatchCause::Fallback }]);
            self.mint_demand();
        }
    }

    /// Makes room for one more agent: one that is gone and of whom nothing is open gives way.
    fn make_room_for(&mut self, agent_id: &AgentId) -> bool {
        if self.agents.len() < MAX_AGENTS || self.agents.contains_key(agent_id) {
            return true;
        }
        let idle = |agent: &&Agent| {
            agent.session.is_none()
                && agent.latches.is_empty()
                && agent.pending_stop.is_none()
                && agent.demand.is_none()
                && agent.lease.lease().is_none()
        };
        let Some(gone) = self.agents.values().find(idle).map(|agent| (agent.id.clone(), agent.wake_at))
        else {
            return false;
        };
        if let (id, Some(at)) = &gone {
            self.wakeups.remove(&(*at, id.clone()));
        }
        self.agents.remove(&gone.0).is_some()
    }

    /// Returns the highest epoch that is believed: an agent cannot use up all that are left.
    fn epoch_ceiling(&self, agent_id: &AgentId) -> Epoch {
        let known = self.agents.get(agent_id).map(|agent| agent.lease.highest());
        let on_record = self.authority.get(agent_id).map(|entry| entry.epoch);
        let highest = known.max(on_record).unwrap_or_default();
        Epoch(highest.0.saturating_add(EPOCH_LEAP))
    }

    /// A latch ends here when a named person's CLEAR_LATCH, or the ENGAGE that names it, took effect - never
    /// because an agent no longer reports it.
    fn release_latches(&mut self, agent_id: &AgentId, kind: CommandKind, ack: &CommandAck) {
        let took_effect = match kind {
            CommandKind::ClearLatch => matches!(ack.state, CommandState::Accepted | CommandState::Completed),
            CommandKind::Engage => ack.state == CommandState::Completed,
            CommandKind::Estop
            | CommandKind::Hold
            | CommandKind::MinimalRisk
            | CommandKind::SpeedCap
            | CommandKind::Resume
            | CommandKind::Assume
            | CommandKind::Release
            | CommandKind::HandBack
            | CommandKind::Dismiss
            | CommandKind::Decide
            | CommandKind::Suspend
            | CommandKind::Reinstate
            | CommandKind::Task(_) => false,
        };
        let Some(entry) = self.commands.get(ack.command_id).filter(|_| took_effect) else { return };
        let Some(agent) = self.agents.get_mut(agent_id) else { return };
        agent.latches.retain(|latch| {
            let named = entry.releases.contains(&latch.latch_id);
            !named || (kind == CommandKind::Engage && latch.cause == LatchCause::Estop)
        });
        self.record_authority(agent_id);
    }

    fn new_strikes(&self, kind: AgentKind, on_record: u8, now: MonoTime) -> Strikes {
        let limit = self.config.load.fallbacks_until_lock_out;
        Strikes::new(on_record, (limit, self.config.timers(kind).lock_out), now)
    }

    /// A supervisor let the agent go on: it starts counting afresh.
    fn forgive_strikes(&mut self, agent_id: &AgentId, ack: &CommandAck) {
        let Some(entry) = self.commands.get(ack.command_id) else { return };
        let lets_go_on = matches!(entry.kind, CommandKind::ClearLatch | CommandKind::HandBack)
            && entry.role.may(Permission::EndLockOut)
            && ack.state == CommandState::Accepted;
        if let Some(agent) = self.agents.get_mut(agent_id).filter(|_| lets_go_on) {
            agent.strikes.forgive();
            self.record_authority(agent_id);
        }
    }

    /// The link is lost or the agent restarted: what was on its way is UNKNOWN from now on.
    fn lose_commands(&mut self, agent_id: &AgentId) {
        for command_id in self.commands.under_way(agent_id) {
            let why = Note::cut("the link to the agent was lost, or the agent restarted");
            self.advance_command(command_id, CommandState::Unknown, None, Some(why));
        }
    }

    pub(super) fn close(&mut self, session: SessionId, code: ErrorCode, message: &str) {
        let report =
            ErrorReport { code, message: watchkeeper_model::Note::cut(message), kind: None, field: None };
        self.outputs.push_back(crate::Output::Close { session, report });
    }
}

/// Picks the points of a plan that consoles are shown: spread evenly, the first and the last among them.
fn shown_plan(plan: &[PlanPoint]) -> Vec<PlanPoint> {
    if plan.len() <= MAX_SHOWN_PLAN {
        return plan.to_vec();
    }
    let (last, gaps) = (plan.len() - 1, MAX_SHOWN_PLAN - 1);
    (0..=gaps).filter_map(|place| plan.get(place * last / gaps)).copied().collect()
}
