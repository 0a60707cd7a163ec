//! Which past decisions other rules would have changed.
//!
//! The record goes through engines again: one has the rules to compare with, one the candidate, and both take the same
//! inputs at the same times. After each decision, what stands of each rule at its agent is compared. Nothing is raised
//! anywhere.

use crate::{
    record::{decode, wall},
    runs::Follower,
};
use serde::Serialize;
use std::{
    collections::{BTreeMap, BTreeSet},
    ops::ControlFlow,
    sync::Arc,
};
use watchkeeper_engine::{Config, Engine, EngineInput, Opening};
use watchkeeper_ledger::Record;
use watchkeeper_model::{AgentId, MonoTime, Response, SessionId, WallTime};
use watchkeeper_protocol::AgentMessage;
use watchkeeper_rules::{Does, Rule, RuleSet};

/// One rule that stands differently after a decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Flip {
    /// When the decision was taken in, in UTC.
    pub(crate) time: String,
    pub(crate) agent: AgentId,
    /// Its number.
    pub(crate) decision: u64,
    pub(crate) rule: String,
    /// What stood of the rule before, and what would: `-` for nothing.
    pub(crate) before: String,
    pub(crate) after: String,
}

/// How often a rule stood after a decision.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Tally {
    /// With the rules to compare with.
    pub(crate) before: u64,
    /// With the candidate.
    pub(crate) after: u64,
    /// Decisions after which it stood differently.
    pub(crate) flips: u64,
}

/// What a comparison came to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Totals {
    pub(crate) decisions: u64,
    pub(crate) agents: BTreeSet<AgentId>,
    /// The first and the last decision, in UTC.
    pub(crate) from: Option<String>,
    pub(crate) to: Option<String>,
    pub(crate) rules: BTreeMap<String, Tally>,
    /// How often a rule of the candidate could not judge a decision.
    pub(crate) unjudged: u64,
}

/// The decisions that are looked at, by the time at which they were taken in.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Window {
    pub(crate) from: Option<jiff::Timestamp>,
    pub(crate) to: Option<jiff::Timestamp>,
}

impl Window {
    fn holds(self, wall_nanos: i64) -> bool {
        let from = self.from.is_none_or(|from| from.as_nanosecond() <= i128::from(wall_nanos));
        from && self.to.is_none_or(|to| to.as_nanosecond() > i128::from(wall_nanos))
    }
}

/// Compares while a record is followed; each flip is told at once.
pub(crate) struct Backtest<F> {
    candidate: Arc<RuleSet>,
    /// `None`: whatever was in force at the time.
    against: Option<Arc<RuleSet>>,
    window: Window,
    tell: F,
    run: Option<Run>,
    totals: Totals,
}

/// One run of the monitor.
struct Run {
    opening: Opening,
    config: Config,
    agents: BTreeMap<SessionId, AgentId>,
    /// Made with the first input.
    before: Option<Engine>,
    after: Option<Engine>,
}

impl<F: FnMut(&Flip) -> anyhow::Result<()>> Backtest<F> {
    pub(crate) fn new(
        candidate: Arc<RuleSet>,
        against: Option<Arc<RuleSet>>,
        window: Window,
        tell: F,
    ) -> Self {
        let totals = Totals::default();
        Self { candidate, against, window, tell, run: None, totals }
    }

    /// Returns what it came to so far.
    pub(crate) const fn totals(&self) -> &Totals {
        &self.totals
    }

    fn take(&mut self, record: &Record, in_force: &Engine) -> anyhow::Result<()> {
        let Some(run) = &mut self.run else { return Ok(()) };
        let input: EngineInput = decode(record)?;
        run.note_session(&input);
        let decided = run.decision(&input);
        let now = MonoTime::from_nanos(record.mono_nanos);
        let after = run.after.get_or_insert_with(|| engine(&run.config, &self.candidate, &run.opening, now));
        let unjudged = after.counts().rules_unjudged;
        feed(after, &input, now);
        if let Some(rules) = &self.against {
            let before = run.before.get_or_insert_with(|| engine(&run.config, rules, &run.opening, now));
            feed(before, &input, now);
        }
        let Some((agent, decision)) = decided.filter(|_| self.window.holds(record.wall_nanos)) else {
            return Ok(());
        };
        self.totals.unjudged += after.counts().rules_unjudged - unjudged;
        let before = standing(run.before.as_ref().unwrap_or(in_force), &agent);
        let after = standing(after, &agent);
        self.compare(record, (&agent, decision), &before, &after)
    }

    fn compare(
        &mut self,
        record: &Record,
        (agent, decision): (&AgentId, u64),
        before: &BTreeMap<String, String>,
        after: &BTreeMap<String, String>,
    ) -> anyhow::Result<()> {
        let time = wall(WallTime::from_unix_nanos(record.wall_nanos));
        self.totals.decisions += 1;
        if !self.totals.agents.contains(agent) {
            self.totals.agents.insert(agent.clone());
        }
        self.totals.from.get_or_insert_with(|| time.clone());
        let rules: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
        for rule in rules {
            let tally = self.totals.rules.entry(rule.clone()).or_default();
            tally.before += u64::from(before.contains_key(rule));
            tally.after += u64::from(after.contains_key(rule));
            if before.get(rule) == after.get(rule) {
                continue;
            }
            tally.flips += 1;
            let word = |standing: &BTreeMap<String, String>| {
                standing.get(rule).map_or_else(|| "-".to_owned(), Clone::clone)
            };
            (self.tell)(&Flip {
                time: time.clone(),
                agent: agent.clone(),
                decision,
                rule: rule.clone(),
                before: word(before),
                after: word(after),
            })?;
        }
        self.totals.to = Some(time);
        Ok(())
    }
}

impl Run {
    fn note_session(&mut self, input: &EngineInput) {
        if let EngineInput::AgentConnected { session, hello } = input {
            self.agents.insert(*session, hello.agent.clone());
        } else if let EngineInput::Disconnected { session } = input {
            self.agents.remove(session);
        }
    }

    fn decision(&self, input: &EngineInput) -> Option<(AgentId, u64)> {
        let EngineInput::Agent { session, framed, .. } = input else { return None };
        let AgentMessage::Decision(decision) = framed.message() else { return None };
        Some((self.agents.get(session)?.clone(), decision.seq.0))
    }
}

fn engine(config: &Config, rules: &Arc<RuleSet>, opening: &Opening, now: MonoTime) -> Engine {
    let mut config = config.clone();
    config.rules.in_force = Arc::clone(rules);
    Engine::new(config, opening, now)
}

/// Feeds an engine whose rules stay as they are.
fn feed(engine: &mut Engine, input: &EngineInput, now: MonoTime) {
    if !matches!(input, EngineInput::RulesChanged { .. }) {
        engine.handle(input.clone(), now);
        while engine.poll_output().is_some() {}
    }
}

fn standing(engine: &Engine, agent: &AgentId) -> BTreeMap<String, String> {
    engine.rules_standing(agent).map(|rule| (rule.id().to_string(), outcome(rule))).collect()
}

/// Returns what a rule that stands means for people, in a word or two.
fn outcome(rule: &Rule) -> String {
    match (rule.does(), rule.response()) {
        (Does::Review, _) => "review".to_owned(),
        (Does::Alert, Response::Advise) => rule.severity().to_string(),
        (Does::Alert, Response::Takeover) => format!("{}, takeover", rule.severity()),
    }
}

impl<F: FnMut(&Flip) -> anyhow::Result<()>> Follower for Backtest<F> {
    fn handle_run(&mut self, opening: &Opening, config: &Config) {
        self.run = Some(Run {
            opening: opening.clone(),
            config: config.clone(),
            agents: BTreeMap::new(),
            before: None,
            after: None,
        });
    }

    fn handle_record(&mut self, _record: &Record) -> anyhow::Result<ControlFlow<()>> {
        Ok(ControlFlow::Continue(()))
    }

    fn handle_taken(&mut self, record: &Record, engine: &mut Engine) -> anyhow::Result<ControlFlow<()>> {
        while engine.poll_output().is_some() {}
        self.take(record, engine)?;
        Ok(ControlFlow::Continue(()))
    }

    fn handle_left_out(&mut self, segment: u64) {
        tracing::warn!(segment, "left out: the beginning of its run is not there any more");
        self.run = None;
    }
}
