//! How long the way to an agent is: asked once a second, with how long this console takes to show what comes.

use super::{MAX_WAITING, OperatorCore, Session};
use std::{collections::BTreeMap, time::Duration};
use watchkeeper_model::{AgentId, MonoTime, OperatorRole};
use watchkeeper_picture::timers::PROBE_EVERY;
use watchkeeper_protocol::{
    OperatorMessage, ToOperator,
    operator::{ConsoleKind, MAX_PROBED, Probe},
};

/// The longest display that can be told.
const LONGEST_DISPLAY: Duration = Duration::from_mins(1);

/// What was asked, and how long frames take.
#[derive(Debug)]
pub(super) struct Probing {
    /// Number of the last question.
    seq: u64,
    /// When each agent was last asked about.
    asked: BTreeMap<AgentId, MonoTime>,
    /// When the oldest of what no frame has shown yet came.
    unshown_since: Option<MonoTime>,
    /// The longest from an arrival to the presented frame since the last probe.
    display: Option<Duration>,
}

impl Probing {
    pub(super) const fn new() -> Self {
        Self { seq: 0, asked: BTreeMap::new(), unshown_since: None, display: None }
    }

    /// Takes note of something to show.
    pub(super) fn note_arrival(&mut self, message: &ToOperator, at: MonoTime) {
        match message {
            ToOperator::Alert(_)
            | ToOperator::ControlStatus(_)
            | ToOperator::CommandStatus(_)
            | ToOperator::Lease(_)
            | ToOperator::Telemetry(_)
            | ToOperator::Takeover(_) => {
                self.unshown_since.get_or_insert(at);
            }
            ToOperator::Welcome(_)
            | ToOperator::Snapshot(_)
            | ToOperator::Roster(_)
            | ToOperator::Dropped(_)
            | ToOperator::Health(_)
            | ToOperator::Ping(_)
            | ToOperator::Head(_)
            | ToOperator::Error(_)
            | ToOperator::Probed(_)
            | ToOperator::Access(_) => {}
        }
    }

    /// Takes note that everything that came before `at` and was folded is on the screen since `at`.
    pub(super) fn note_presented(&mut self, at: MonoTime) {
        if let Some(since) = self.unshown_since.take_if(|since| *since <= at) {
            self.display = self.display.max(Some(at.since(since)));
        }
    }

    /// Returns the display to tell. While nothing was asked frames may have come as seldom as they liked.
    fn take_display(&mut self, is_first: bool) -> Option<Duration> {
        let display = self.display.take();
        if is_first {
            self.unshown_since = None;
        }
        display.filter(|_| !is_first)
    }
}

impl OperatorCore {
    /// Asks how long the way to this agent is, unless that was done within the last second: call it as often as you
    /// like while it matters. Agents that this session holds are asked about with its heartbeats. Of more than eight
    /// agents at once the rest is left out.
    pub fn probe(&mut self, agent: &AgentId, now: MonoTime) {
        let may_ask = self.session == Session::Welcomed
            && self.config.role >= OperatorRole::Operator
            && self.waiting.len() < MAX_WAITING
            && self.picture.agent(agent).is_some();
        let asked_lately = |at: &MonoTime| now.since(*at) < PROBE_EVERY;
        if !may_ask || self.probing.asked.get(agent).is_some_and(asked_lately) {
            return;
        }
        self.probing.asked.retain(|_, at| now.since(*at) < PROBE_EVERY * 3);
        let is_first = self.probing.asked.is_empty();
        if self.probing.asked.len() >= MAX_PROBED && !self.probing.asked.contains_key(agent) {
            return;
        }
        self.probing.seq += 1;
        self.probing.asked.insert(agent.clone(), now);
        // A script looks at nothing: what it presents says when it heard, not when somebody saw.
        let is_seen = self.config.console != ConsoleKind::Scripted;
        let display = self.probing.take_display(is_first).filter(|_| is_seen);
        self.picture.handle_probe(agent, self.probing.seq, now);
        self.waiting.push_back(OperatorMessage::Probe(Probe {
            agent: agent.clone(),
            seq: self.probing.seq,
            sent_nanos: now.as_nanos(),
            display_nanos: display.map(|span| {
                u64::try_from(span.min(LONGEST_DISPLAY).as_nanos()).expect("a minute in nanoseconds fits")
            }),
        }));
    }
}
