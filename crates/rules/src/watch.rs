//! The rules of one agent over time: one machine for each.

use crate::{
    Does, Facts, Judgement, Rule, RuleId, RuleSet,
    rule::{Condition, Scene},
};
use std::{collections::BTreeMap, sync::Arc};
use watchkeeper_model::{
    AgentId, AgentKind, Decision, DecisionSeq, Explanation, Label, MonoTime, Note, Response, Severity,
    SignalEvidence,
};

const VERSION: u32 = 1;
/// After how many decisions in a row that a rule cannot judge people hear of it.
const UNKNOWN_IN_A_ROW: u32 = 10;

/// What became of a rule at an agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Its condition holds and did not before.
    Raised,
    /// Its condition is over.
    Cleared,
    /// It could not be judged for a while.
    Unjudged,
    /// It can be judged again.
    Judged,
}

/// One change of one rule at one agent.
#[derive(Clone, Debug, PartialEq)]
pub struct RuleChange {
    /// Which rule.
    pub rule: RuleId,
    /// What happened to it.
    pub turn: Turn,
    /// How bad it is.
    pub severity: Severity,
    /// What it asks of people.
    pub response: Response,
    /// The decision that showed it; `None` when time did, or a change of the rules.
    pub decision: Option<DecisionSeq>,
    /// Why, complete enough to be checked by hand.
    pub explanation: Explanation,
}

/// Where a rule is at an agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Its condition does not hold.
    Quiet,
    /// It holds, but not yet for as long as the rule wants.
    Pending { since: MonoTime },
    /// It was raised.
    Active,
    /// It was raised, and is over, but not yet for as long as the rule wants.
    Clearing { since: MonoTime },
}

/// One rule at one agent.
#[derive(Clone, Copy, Debug)]
struct Post {
    /// The rule's place in the set.
    place: usize,
    state: State,
    /// Decisions in a row that could not be judged.
    unknown: u32,
}

/// Judges the decisions of one agent by the rules that apply to it.
///
/// `now` never goes back. After a change of the rules, a rule of the same id goes on from where it was.
#[derive(Debug)]
pub struct RuleWatch {
    agent: AgentId,
    kind: AgentKind,
    rules: Arc<RuleSet>,
    posts: Vec<Post>,
    last_decision_at: Option<MonoTime>,
}

impl RuleWatch {
    /// Makes the watch of an agent of which nothing is known yet.
    pub fn new(agent: &AgentId, kind: AgentKind, rules: Arc<RuleSet>) -> Self {
        let posts = posts(agent, kind, &rules, &BTreeMap::new());
        Self { agent: agent.clone(), kind, rules, posts, last_decision_at: None }
    }

    /// Judges one decision and appends what changed to `found`; returns how many rules could not judge it.
    pub fn handle_decision(&mut self, facts: &Facts<'_>, found: &mut Vec<RuleChange>, now: MonoTime) -> u64 {
        self.handle_timeout(found, now);
        let mut count = 0;
        self.last_decision_at = Some(now);
        let mut scene = Scene::new(facts);
        for post in &mut self.posts {
            let Some(rule) = self.rules.rules().get(post.place) else { continue };
            let judgement = rule.judge_within(&mut scene, post.is_active());
            let seq = Some(facts.decision.seq);
            if let Judgement::Unknown(why) = judgement {
                count += 1;
                post.unknown = post.unknown.saturating_add(1);
                if post.unknown == UNKNOWN_IN_A_ROW {
                    found.push(unjudged(rule, Turn::Unjudged, seq, &why));
                }
                continue;
            }
            if post.unknown >= UNKNOWN_IN_A_ROW {
                found.push(unjudged(rule, Turn::Judged, seq, "it can be judged again"));
            }
            post.unknown = 0;
            // Each reviewed decision is news of its own: what was reviewed before does not stand.
            if rule.does == Does::Review && post.state == State::Active {
                post.state = State::Quiet;
                found.push(ended(rule, "each decision is looked at by itself"));
            }
            if let Some(turn) = post.handle_judgement(&judgement, rule, now) {
                found.push(change(rule, turn, seq, &mut scene));
            }
        }
        count
    }

    /// Lets time pass up to `now`: what has been over for long enough is cleared.
    pub fn handle_timeout(&mut self, found: &mut Vec<RuleChange>, now: MonoTime) {
        for post in &mut self.posts {
            let Some(rule) = self.rules.rules().get(post.place) else { continue };
            if post.clears_at(rule).is_some_and(|due| due <= now) {
                post.state = State::Quiet;
                found.push(ended(rule, "it has been over for as long as the rule wants"));
            }
        }
    }

    /// Takes note that the agent rests on purpose: what stands counts as over since its last decision.
    pub fn handle_rest(&mut self) {
        let Some(since) = self.last_decision_at else { return };
        for post in &mut self.posts {
            if post.state == State::Active {
                post.state = State::Clearing { since };
            }
        }
    }

    /// Starts anew, as an agent of other signals: what stands is cleared.
    pub fn handle_anew(&mut self, found: &mut Vec<RuleChange>) {
        for post in &mut self.posts {
            if let Some(rule) = self.rules.rules().get(post.place) {
                close(post, rule, "the agent has other signals now", found);
            }
            (post.state, post.unknown) = (State::Quiet, 0);
        }
    }

    /// Takes other rules. One of the same id goes on from where it was; what the new ones do not have is cleared.
    pub fn handle_rules(&mut self, rules: Arc<RuleSet>, found: &mut Vec<RuleChange>) {
        let mut before: BTreeMap<RuleId, Post> = BTreeMap::new();
        for post in &mut self.posts {
            let Some(rule) = self.rules.rules().get(post.place) else { continue };
            let stays = rules
                .rule(&rule.id)
                .is_some_and(|next| next.applies_to(&self.agent, self.kind) && next.does == rule.does);
            if stays {
                before.insert(rule.id.clone(), *post);
            } else {
                close(post, rule, "the rule is not in force any more", found);
            }
        }
        self.posts = posts(&self.agent, self.kind, &rules, &before);
        self.rules = rules;
    }

    /// Returns when `handle_timeout` has something to do if nothing else happens before.
    pub fn poll_timeout(&self) -> Option<MonoTime> {
        let due = |post: &Post| post.clears_at(self.rules.rules().get(post.place)?);
        self.posts.iter().filter_map(due).min()
    }

    /// Returns the rules that stand now: raised and not cleared.
    pub fn active(&self) -> impl Iterator<Item = &Rule> {
        let standing = self.posts.iter().filter(|post| post.is_active());
        standing.filter_map(|post| self.rules.rules().get(post.place))
    }
}

fn posts(agent: &AgentId, kind: AgentKind, rules: &RuleSet, before: &BTreeMap<RuleId, Post>) -> Vec<Post> {
    let applying = rules.rules().iter().enumerate().filter(|(_, rule)| rule.applies_to(agent, kind));
    let post = |(place, rule): (usize, &Rule)| {
        let fresh = Post { place, state: State::Quiet, unknown: 0 };
        before.get(&rule.id).map_or(fresh, |known| Post { place, ..*known })
    };
    applying.map(post).collect()
}

impl Post {
    const fn is_active(&self) -> bool {
        matches!(self.state, State::Active | State::Clearing { .. })
    }

    fn clears_at(&self, rule: &Rule) -> Option<MonoTime> {
        match self.state {
            State::Clearing { since } => Some(since.after(rule.off_delay)),
            State::Quiet | State::Pending { .. } | State::Active => None,
        }
    }

    fn handle_judgement(&mut self, judgement: &Judgement, rule: &Rule, now: MonoTime) -> Option<Turn> {
        use State::{Active, Clearing, Pending, Quiet};
        let (state, turn) = match (self.state, judgement) {
            (Quiet, Judgement::Holds) => begin(now, rule, now),
            (Quiet, Judgement::Between | Judgement::Over) => (Quiet, None),
            (Pending { since }, Judgement::Holds) => begin(since, rule, now),
            (Pending { .. }, Judgement::Between | Judgement::Over) => (Quiet, None),
            (Active, Judgement::Holds | Judgement::Between) => (Active, None),
            (Active, Judgement::Over) if rule.off_delay.is_zero() => (Quiet, Some(Turn::Cleared)),
            (Active, Judgement::Over) => (Clearing { since: now }, None),
            (Clearing { .. }, Judgement::Holds) => (Active, None),
            // Where it is due, `handle_timeout` has cleared it already.
            (Clearing { since }, Judgement::Between | Judgement::Over) => (Clearing { since }, None),
            (state, Judgement::Unknown(_)) => (state, None),
        };
        self.state = state;
        turn
    }
}

fn begin(since: MonoTime, rule: &Rule, now: MonoTime) -> (State, Option<Turn>) {
    if now.since(since) >= rule.on_delay {
        (State::Active, Some(Turn::Raised))
    } else {
        (State::Pending { since }, None)
    }
}

fn close(post: &Post, rule: &Rule, why: &str, found: &mut Vec<RuleChange>) {
    if post.is_active() {
        found.push(ended(rule, why));
    }
    if post.unknown >= UNKNOWN_IN_A_ROW {
        found.push(unjudged(rule, Turn::Judged, None, why));
    }
}

/// Explains a change that a decision made.
fn change(rule: &Rule, turn: Turn, decision: Option<DecisionSeq>, scene: &mut Scene<'_>) -> RuleChange {
    let facts = scene.facts;
    let mut explanation = explanation(rule);
    let what = match &rule.condition {
        Condition::Limit(limit) => {
            let (value, unit) = facts.number(limit.signal.as_str()).unwrap_or((f64::NAN, ""));
            explanation.statistic = finite(value);
            explanation.threshold = limit.nearer_bound(value);
            explanation.signals = vec![SignalEvidence {
                signal: limit.signal.clone(),
                unit: Label::cut(unit),
                value,
                expected_low: limit.min,
                expected_high: limit.max,
                contribution: 1.0,
            }];
            format!("{} is {value} {unit}", limit.signal).trim_end().to_owned()
        }
        Condition::Expression { when, .. } => {
            let named: Vec<_> =
                when.signals().iter().filter_map(|name| evidence(name, facts)).take(3).collect();
            let share = 1.0 / named.len().max(1) as f64;
            explanation.signals =
                named.into_iter().map(|one| SignalEvidence { contribution: share, ..one }).collect();
            let verb = if turn == Turn::Raised { "is true" } else { "is not true any more" };
            format!("{} {verb}", rule.condition())
        }
        Condition::Activation(conditions) => {
            match conditions.select(scene.inference(), &|| rule.point(facts)) {
                Some(crate::Selection::All) => "the decision is in the sample: look at all of it".to_owned(),
                Some(crate::Selection::Named(names)) => {
                    let names: Vec<String> = names.into_iter().collect();
                    format!("look at {}", names.join(", "))
                }
                None => "no condition holds".to_owned(),
            }
        }
    };
    explanation.text = sentence(rule, facts.decision, &what);
    explanation.score = if turn == Turn::Raised { 1.0 } else { 0.0 };
    RuleChange { turn, decision, explanation, ..blank(rule) }
}

fn evidence(name: &str, facts: &Facts<'_>) -> Option<SignalEvidence> {
    let (spec, value) = facts.present_signals().find(|(spec, _)| spec.name.as_str() == name)?;
    Some(SignalEvidence {
        signal: spec.name.clone(),
        unit: spec.unit.clone(),
        value,
        expected_low: None,
        expected_high: None,
        contribution: 0.0,
    })
}

fn sentence(rule: &Rule, decision: &Decision, what: &str) -> Note {
    let why = rule.why.as_str();
    let purpose = if why.is_empty() { String::new() } else { format!(" ({why})") };
    Note::cut(&format!("rule {}: {what}, at decision {}{purpose}", rule.id, decision.seq))
}

/// Explains an end that no decision made.
fn ended(rule: &Rule, why: &str) -> RuleChange {
    let mut explanation = explanation(rule);
    (explanation.score, explanation.text) = (0.0, Note::cut(&format!("rule {}: {why}", rule.id)));
    RuleChange { turn: Turn::Cleared, explanation, ..blank(rule) }
}

fn unjudged(rule: &Rule, turn: Turn, decision: Option<DecisionSeq>, why: &str) -> RuleChange {
    let mut explanation = explanation(rule);
    let text = match turn {
        Turn::Unjudged => format!(
            "rule {} cannot be judged, {UNKNOWN_IN_A_ROW} decisions in a row: {why}. What it watches for is not watched",
            rule.id
        ),
        Turn::Raised | Turn::Cleared | Turn::Judged => format!("rule {}: {why}", rule.id),
    };
    explanation.text = Note::cut(&text);
    let base = blank(rule);
    RuleChange {
        explanation,
        turn,
        decision,
        severity: Severity::Advisory,
        response: Response::Advise,
        ..base
    }
}

fn blank(rule: &Rule) -> RuleChange {
    RuleChange {
        rule: rule.id.clone(),
        turn: Turn::Cleared,
        severity: rule.severity,
        response: rule.response,
        decision: None,
        explanation: explanation(rule),
    }
}

/// A rule holds or it does not: unless it is a limit, statistic and threshold are both 1.
fn explanation(rule: &Rule) -> Explanation {
    Explanation {
        detector: Label::cut(&format!("rule:{}", rule.id)),
        version: VERSION,
        statistic: 1.0,
        threshold: 1.0,
        score: 1.0,
        signals: Vec::new(),
        samples: Vec::new(),
        text: Note::default(),
    }
}

/// Bounds a number so that an explanation stays finite; NaN becomes zero.
fn finite(value: f64) -> f64 {
    if value.is_nan() { 0.0 } else { value.clamp(f64::MIN, f64::MAX) }
}
