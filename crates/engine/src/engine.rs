//! The engine: one input at a time, outputs as values.

mod access;
mod agents;
mod answers;
mod authority;
mod causes;
mod demands;
mod durable;
mod handover;
mod latency;
mod leases;
mod operators;
mod publish;
mod questions;
mod reading;
mod roster;
mod routing;
mod rules;
mod shelving;
mod takeovers;
mod tasks;
mod timers;

use crate::{
    Config, Counts, Derived, Output, StageSpan, Standing,
    agent::Agent,
    alarms::Alarms,
    clocks::PeerClock,
    commands::Commands,
    latency::Probes,
    routing::Routing,
    stages::Stages,
    timeline::AlertBook,
    views::{ViewId, Views},
};
use durable::Waiting;
use routing::Chore;
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
    time::Duration,
};
use watchkeeper_detect::Finding;
use watchkeeper_model::{
    Access, AgentId, Alarm, AlertId, DecisionSeq, DemandId, Incarnation, Label, MonoTime, PersonId, SessionId,
};
use watchkeeper_protocol::{
    ToAgent, ToOperator,
    operator::{ConsoleKind, StageLatency},
    record::{AgentAuthority, EngineInput, Opening, TakeoverRecord},
    session::{ErrorCode, ErrorReport, Head},
};
use watchkeeper_rules::{RuleChange, RuleSet};

/// Ids of one incarnation start at its number times this and somewhere in the first half of what follows, so that none
/// is used twice.
pub(crate) const IDS_PER_INCARNATION: u64 = 100_000_000;
/// How often every console hears how each agent that it sees and the monitor stand.
const SECOND: Duration = Duration::from_secs(1);

/// The whole server minus I/O.
#[derive(Debug)]
pub struct Engine {
    config: Config,
    incarnation: Incarnation,
    build: Label,
    /// Inputs taken so far.
    inputs: u64,
    authority: BTreeMap<AgentId, AgentAuthority>,
    agents: BTreeMap<AgentId, Agent>,
    agent_sessions: BTreeMap<SessionId, AgentId>,
    consoles: BTreeMap<SessionId, Console>,
    /// When which console may only read.
    access_ends: BTreeSet<(MonoTime, SessionId)>,
    /// Somebody came, went, or got or lost a lease since the last roster.
    roster_changed: bool,
    roster_sent_at: MonoTime,
    alarms: Alarms,
    routing: Routing,
    /// What is still to be done to the alerts of cards.
    chores: VecDeque<Chore>,
    /// When the next portion of what many alerts need is due.
    portion_at: MonoTime,
    alert_book: AlertBook,
    next_demand: DemandId,
    /// The last takeovers that are over, oldest first.
    finished: VecDeque<TakeoverRecord>,
    commands: Commands,
    /// Stops of each person within the last seconds: when, and which agent.
    recent_stops: VecDeque<(MonoTime, PersonId, AgentId)>,
    views: Views,
    stages: Stages,
    counts: Counts,
    waiting: VecDeque<Waiting>,
    decisions_not_durable: VecDeque<(u64, SessionId, DecisionSeq)>,
    head: Option<Head>,
    head_told: Option<Head>,
    degraded: bool,
    queue_percent: u8,
    refused_frames: u64,
    wakeups: BTreeSet<(MonoTime, AgentId)>,
    second_due: MonoTime,
    findings: Vec<Finding>,
    /// The rules in force.
    rules: Arc<RuleSet>,
    rule_changes: Vec<RuleChange>,
    outputs: VecDeque<Output>,
    /// Every change of an alert, where somebody follows them.
    alerts_told: Option<VecDeque<Alarm>>,
}

/// One operator's session.
#[derive(Debug)]
struct Console {
    person: PersonId,
    access: Access,
    /// What it is told, by its scope.
    view: ViewId,
    kind: ConsoleKind,
    connected_at: MonoTime,
    clock: PeerClock,
    /// How long it needs from an arrival to the presented frame, as it says.
    display: Option<Duration>,
    /// Its probes, by agent.
    probes: BTreeMap<AgentId, Probes>,
}

impl Engine {
    /// Makes a fresh engine from its configuration and the opening of its incarnation.
    pub fn new(config: Config, opening: &Opening, now: MonoTime) -> Self {
        // A data directory that was set back counts its runs again; what such a run numbers starts somewhere else.
        let numbered_from = (opening.seed >> 16) % (IDS_PER_INCARNATION / 2);
        let first = opening.incarnation.0.saturating_mul(IDS_PER_INCARNATION) + 1 + numbered_from;
        let authority = opening.starting_authority.iter().map(|entry| (entry.agent.clone(), entry.clone()));
        let alarms = Alarms::new(config.alarms.clone(), AlertId(first));
        let routing = Routing::new(&config.alarms);
        let rules = Arc::clone(&config.rules.in_force);
        Self {
            config,
            incarnation: opening.incarnation,
            build: Label::cut(&opening.build),
            inputs: 0,
            authority: authority.collect(),
            agents: BTreeMap::new(),
            agent_sessions: BTreeMap::new(),
            consoles: BTreeMap::new(),
            access_ends: BTreeSet::new(),
            roster_changed: false,
            roster_sent_at: now,
            alarms,
            routing,
            chores: VecDeque::new(),
            portion_at: now,
            alert_book: AlertBook::default(),
            next_demand: DemandId(first),
            finished: VecDeque::new(),
            commands: Commands::default(),
            recent_stops: VecDeque::new(),
            views: Views::starting_at(numbered_from),
            stages: Stages::new(),
            counts: Counts::default(),
            waiting: VecDeque::new(),
            decisions_not_durable: VecDeque::new(),
            head: None,
            head_told: None,
            degraded: false,
            queue_percent: 0,
            refused_frames: 0,
            wakeups: BTreeSet::new(),
            second_due: now.after(SECOND),
            findings: Vec::new(),
            rules,
            rule_changes: Vec::new(),
            outputs: VecDeque::new(),
            alerts_told: None,
        }
    }

    /// Takes one input. Drain [`Self::poll_output`] until it is empty afterwards.
    pub fn handle(&mut self, input: EngineInput, now: MonoTime) {
        self.inputs += 1;
        self.stages.begin_input();
        match input {
            EngineInput::AgentConnected { session, hello } => self.connect_agent(session, &hello, now),
            EngineInput::OperatorConnected { session, hello, access } => {
                self.connect_operator(session, &hello, access, now);
            }
            EngineInput::AccessChanged { session, access } => self.handle_access(session, access, now),
            EngineInput::Disconnected { session } => self.disconnect(session, now),
            EngineInput::Agent { session, received_at, framed } => {
                self.handle_agent_message(session, received_at, framed.into_message(), now);
            }
            EngineInput::Operator { session, received_at, framed } => {
                self.handle_operator_message(session, received_at, framed.into_message(), now);
            }
            EngineInput::Delivered { session: _, alerts, at } => {
                self.handle_delivered(&alerts, at.unwrap_or(now));
            }
            EngineInput::Durable { input, head } => self.handle_durable(input, head, now),
            EngineInput::LedgerPressure { queue_percent, stalled } => {
                self.queue_percent = queue_percent;
                if self.degraded != stalled {
                    self.degraded = stalled;
                    self.publish_health(now);
                }
            }
            EngineInput::RefusedFrames { count } => {
                self.refused_frames = self.refused_frames.saturating_add(count);
            }
            EngineInput::RulesChanged { text, by: _, reason: _ } => self.handle_rules(&text, now),
            EngineInput::Timeout => self.handle_timeout(now),
        }
        self.roster_changed |= self.routing.take_changed();
    }

    /// Returns the next thing to do, in order; `None` when all is done.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// Returns when [`EngineInput::Timeout`] is due; `None` when nothing waits.
    pub fn poll_timeout(&self) -> Option<MonoTime> {
        let agent = self.wakeups.first().map(|(at, _)| *at);
        let others = [
            self.alarms.poll_timeout(),
            self.routing_due(),
            self.commands.poll_timeout(),
            self.access_ends.first().map(|(until, _)| *until),
            Some(self.second_due),
            Some(self.roster_due()),
        ];
        others.into_iter().chain([agent]).flatten().min()
    }

    /// Keeps every change of an alert from now on, for [`Self::poll_alert`].
    pub fn follow_alerts(&mut self) {
        self.alerts_told.get_or_insert_default();
    }

    /// Returns the next change of an alert since [`Self::follow_alerts`], as it then stood, in order.
    pub fn poll_alert(&mut self) -> Option<Alarm> {
        self.alerts_told.as_mut()?.pop_front()
    }

    /// Returns the latency of each stage so far.
    pub fn stage_latencies(&self) -> Vec<StageLatency> {
        self.stages.report()
    }

    /// Returns the next stage that the last input ended; `None` when there is no further one. What is not asked for
    /// before the next input is in [`Self::stage_latencies`] only.
    pub fn poll_stage_span(&mut self) -> Option<StageSpan> {
        self.stages.poll()
    }

    /// Returns what was counted so far.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Returns how much there is of what comes and goes; it looks at every agent.
    pub fn standing(&self) -> Standing {
        Standing {
            agents: self.agent_sessions.len(),
            consoles: self.consoles.len(),
            alerts_open: self.alarms.count_open(),
            demands_open: self.agents.values().filter(|agent| agent.demand.is_some()).count(),
            leases: self.agents.values().filter(|agent| agent.announced_lease().is_some()).count(),
        }
    }

    fn disconnect(&mut self, session: SessionId, now: MonoTime) {
        if let Some(console) = self.consoles.remove(&session) {
            if let Some(until) = console.access.acts_until {
                self.access_ends.remove(&(until, session));
            }
            self.refresh_console_list();
            self.drop_claims(session, now);
            self.take_from(&console.person, now);
        }
        if let Some(agent_id) = self.agent_sessions.remove(&session) {
            self.disconnect_agent(&agent_id, session, now);
        }
    }

    fn send_agent(&mut self, session: SessionId, message: ToAgent) {
        self.outputs.push_back(Output::ToAgent { session, message: Box::new(message) });
    }

    fn send_operator(&mut self, session: SessionId, message: impl Into<Arc<ToOperator>>) {
        self.outputs.push_back(Output::ToOperators { to: Arc::from([session]), message: message.into() });
    }

    fn refuse(&mut self, session: SessionId, code: ErrorCode, kind: &str, message: &str) {
        let report = ErrorReport {
            code,
            message: watchkeeper_model::Note::cut(message),
            kind: Some(Label::cut(kind)),
            field: None,
        };
        self.send_operator(session, ToOperator::Error(report));
    }

    /// Refuses a message because of one field.
    fn refuse_field(&mut self, session: SessionId, kind: &str, field: &str, why: &str) {
        let report = ErrorReport {
            code: ErrorCode::BadField,
            message: watchkeeper_model::Note::cut(&format!("{kind}: field {field}: {why}")),
            kind: Some(Label::cut(kind)),
            field: Some(Label::cut(field)),
        };
        self.send_operator(session, ToOperator::Error(report));
    }

    /// Puts the agent's authority on record.
    fn record_authority(&mut self, agent_id: &AgentId) {
        let Some(agent) = self.agents.get(agent_id) else { return };
        let authority = agent.authority();
        if self.authority.get(agent_id) != Some(&authority) {
            self.authority.insert(agent_id.clone(), authority.clone());
            self.outputs.push_back(Output::Derived(Derived::Authority(authority)));
        }
    }
}
