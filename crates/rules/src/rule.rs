//! One rule, ready to be judged.

use crate::{
    ActivationConditions, Expression, Facts, Inference,
    sampling::{self, Point},
};
use serde::Deserialize;
use std::{fmt, sync::Arc, time::Duration};
use watchkeeper_model::{AgentId, AgentKind, AgentPattern, Label, Note, Response, Severity};

/// Names a rule within its file: 1 to 48 bytes of `a-z 0-9 - _ .`
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RuleId(Arc<str>);

impl RuleId {
    /// Most bytes of an id: with what an alert puts before it, it fits into a label.
    pub const LIMIT: usize = 48;

    /// Checks and makes the id; `None` where it is none.
    pub fn new(text: &str) -> Option<Self> {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_.".contains(c);
        let fits = !text.is_empty() && text.len() <= Self::LIMIT && text.chars().all(plain);
        fits.then(|| Self(text.into()))
    }

    /// Returns the text of the id.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RuleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for RuleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RuleId({self})")
    }
}

/// What a rule does with what it finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Does {
    /// An alert stands from where its condition begins to where it ends.
    Alert,
    /// Single decisions are put before people; each is judged for itself, without hysteresis or delays.
    Review,
}

impl Does {
    /// Returns the word for it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Alert => "alert",
            Self::Review => "review",
        }
    }
}

/// A rule that has passed every check.
#[derive(Debug)]
pub struct Rule {
    pub(crate) id: RuleId,
    pub(crate) why: Note,
    pub(crate) agent: AgentPattern,
    pub(crate) kind: Option<AgentKind>,
    pub(crate) condition: Condition,
    pub(crate) on_delay: Duration,
    pub(crate) off_delay: Duration,
    pub(crate) severity: Severity,
    pub(crate) response: Response,
    pub(crate) does: Does,
}

/// When a rule holds.
#[derive(Debug)]
pub(crate) enum Condition {
    /// A number is outside of its bounds.
    Limit(Limit),
    /// An expression is true; another one says when it is over.
    Expression { when: Expression, clear: Option<Expression> },
    /// Activation conditions send the decision to people.
    Activation(ActivationConditions),
}

/// Bounds of one number.
#[derive(Debug)]
pub(crate) struct Limit {
    pub(crate) signal: Label,
    pub(crate) min: Option<f64>,
    pub(crate) max: Option<f64>,
    pub(crate) hysteresis: f64,
}

/// What a rule says of one decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// The condition holds.
    Holds,
    /// It does not, but it is not over by the hysteresis either: it is what it was.
    Between,
    /// It is over.
    Over,
    /// It cannot be said, and why: a field is not there, or a number cannot be computed. It is what it was.
    Unknown(String),
}

impl Rule {
    /// Returns its id.
    pub const fn id(&self) -> &RuleId {
        &self.id
    }

    /// Returns how bad it is when it holds.
    pub const fn severity(&self) -> Severity {
        self.severity
    }

    /// Returns what it asks of people.
    pub const fn response(&self) -> Response {
        self.response
    }

    /// Returns what it does with what it finds.
    pub const fn does(&self) -> Does {
        self.does
    }

    /// Returns whose decisions it judges, as it is written: an id, or a beginning followed by `*`.
    pub const fn agents(&self) -> &AgentPattern {
        &self.agent
    }

    /// Returns of which kind of agents it judges decisions; `None` for every kind.
    pub const fn kind(&self) -> Option<AgentKind> {
        self.kind
    }

    /// Returns its condition in one line.
    pub fn condition(&self) -> String {
        match &self.condition {
            Condition::Limit(limit) => limit.to_string(),
            Condition::Expression { when, .. } => {
                when.source().split_whitespace().collect::<Vec<_>>().join(" ")
            }
            Condition::Activation(conditions) => conditions.to_string(),
        }
    }

    /// Returns whether it watches this agent.
    pub fn applies_to(&self, agent: &AgentId, kind: AgentKind) -> bool {
        self.agent.matches(agent) && self.kind.is_none_or(|wanted| wanted == kind)
    }

    /// Judges one decision, without regard to those before it.
    pub fn judge(&self, facts: &Facts<'_>) -> Judgement {
        self.judge_within(&mut Scene::new(facts), true)
    }

    /// Judges one decision; whether it is over by the hysteresis matters only where the rule `stands`.
    pub(crate) fn judge_within(&self, scene: &mut Scene<'_>, stands: bool) -> Judgement {
        match &self.condition {
            Condition::Limit(limit) => limit.judge(scene.facts),
            Condition::Expression { when, clear } => {
                let context = scene.context();
                match (when.is_true(context), clear) {
                    (Ok(true), _) => Judgement::Holds,
                    (Ok(false), None) => Judgement::Over,
                    (Ok(false), Some(_)) if !stands => Judgement::Over,
                    (Ok(false), Some(clear)) => match clear.is_true(context) {
                        Ok(true) => Judgement::Over,
                        Ok(false) => Judgement::Between,
                        Err(why) => Judgement::Unknown(why),
                    },
                    (Err(why), _) => Judgement::Unknown(why),
                }
            }
            Condition::Activation(conditions) => {
                let facts = scene.facts;
                let found = conditions.select(scene.inference(), &|| self.point(facts));
                if found.is_some() { Judgement::Holds } else { Judgement::Over }
            }
        }
    }

    /// Returns where the decision lies among those that this rule samples.
    pub(crate) fn point(&self, facts: &Facts<'_>) -> Point {
        sampling::point(&self.id, facts.event())
    }
}

/// One decision as all rules of an agent look at it: what several need is made once, and only where one does.
pub(crate) struct Scene<'a> {
    pub(crate) facts: &'a Facts<'a>,
    context: Option<cel::Context<'static, 'static>>,
    inference: Option<Inference>,
}

impl<'a> Scene<'a> {
    pub(crate) const fn new(facts: &'a Facts<'a>) -> Self {
        Self { facts, context: None, inference: None }
    }

    fn context(&mut self) -> &cel::Context<'static, 'static> {
        self.context.get_or_insert_with(|| crate::expression::context(self.facts))
    }

    pub(crate) fn inference(&mut self) -> &Inference {
        self.inference.get_or_insert_with(|| Inference::of(self.facts))
    }
}

impl Limit {
    fn judge(&self, facts: &Facts<'_>) -> Judgement {
        let Some((value, _)) = facts.number(self.signal.as_str()) else {
            return Judgement::Unknown(format!("{} is missing", self.signal));
        };
        let below = self.min.map_or(f64::NEG_INFINITY, |min| min - value);
        let above = self.max.map_or(f64::NEG_INFINITY, |max| value - max);
        let excess = below.max(above);
        if excess > 0.0 {
            Judgement::Holds
        } else if excess <= -self.hysteresis {
            Judgement::Over
        } else {
            Judgement::Between
        }
    }

    /// Returns the bound that `value` broke, or the nearer one.
    pub(crate) fn nearer_bound(&self, value: f64) -> f64 {
        match (self.min, self.max) {
            (Some(min), Some(max)) if value - max > min - value => max,
            (Some(min), Some(_)) => min,
            (Some(bound), None) | (None, Some(bound)) => bound,
            (None, None) => 0.0,
        }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.min, self.max) {
            (Some(min), Some(max)) => write!(f, "{} outside of {min} to {max}", self.signal),
            (Some(min), None) => write!(f, "{} below {min}", self.signal),
            (None, Some(max)) => write!(f, "{} above {max}", self.signal),
            (None, None) => write!(f, "{}", self.signal),
        }
    }
}
