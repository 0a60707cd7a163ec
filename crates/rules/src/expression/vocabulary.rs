//! What an expression may speak of: the names of the wire, and their types.

use super::ENV;
use crate::Facts;
use cel::{
    Context, Value,
    objects::{Key, Map},
};
use std::sync::Arc;
use watchkeeper_model::Pose;

/// The type of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Type {
    Bool,
    Int,
    Double,
    Text,
    /// Fields that are known by name; those with `optional` may be missing.
    Record(&'static Record),
    /// The numbers of the agent's signals, by the names of its hello.
    Signals,
    /// A list of the decision, or one that is written out.
    List(Element),
}

/// What a list holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Element {
    Bool,
    Int,
    Double,
    Text,
    Alternative,
    Nothing,
}

/// A value with named fields.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) name: &'static str,
    pub(super) fields: &'static [(&'static str, Type)],
}

pub(super) const AGENT: Record =
    Record { name: "agent", fields: &[("id", Type::Text), ("kind", Type::Text)] };

pub(super) const POSE: Record = Record {
    name: "decision.pose",
    fields: &[("x_meters", Type::Double), ("y_meters", Type::Double), ("heading_radians", Type::Double)],
};

pub(super) const ALTERNATIVE: Record =
    Record { name: "an alternative", fields: &[("action", Type::Text), ("confidence", Type::Double)] };

/// `confidence`, `subject` and `pose` may be missing: `has(decision.confidence)` says whether they are there.
pub(super) const DECISION: Record = Record {
    name: "decision",
    fields: &[
        ("seq", Type::Int),
        ("action", Type::Text),
        ("confidence", Type::Double),
        ("alternatives", Type::List(Element::Alternative)),
        ("subject", Type::Text),
        ("waiting", Type::Bool),
        ("pose", Type::Record(&POSE)),
    ],
};

/// The names that an expression may begin with.
pub(super) const ROOTS: &[(&str, Type)] =
    &[("agent", Type::Record(&AGENT)), ("decision", Type::Record(&DECISION)), ("signals", Type::Signals)];

impl Type {
    /// Returns the name of the type as people say it.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Bool => "true or false",
            Self::Int => "a whole number",
            Self::Double => "a number",
            Self::Text => "a text",
            Self::Record(record) => record.name,
            Self::Signals => "the signals",
            Self::List(_) => "a list",
        }
    }
}

impl Element {
    pub(super) const fn of(item: Type) -> Option<Self> {
        match item {
            Type::Bool => Some(Self::Bool),
            Type::Int => Some(Self::Int),
            Type::Double => Some(Self::Double),
            Type::Text => Some(Self::Text),
            Type::Record(_) | Type::Signals | Type::List(_) => None,
        }
    }

    /// Returns the type of an item; `None` for a list that holds nothing.
    pub(super) const fn item(self) -> Option<Type> {
        match self {
            Self::Bool => Some(Type::Bool),
            Self::Int => Some(Type::Int),
            Self::Double => Some(Type::Double),
            Self::Text => Some(Type::Text),
            Self::Alternative => Some(Type::Record(&ALTERNATIVE)),
            Self::Nothing => None,
        }
    }
}

/// Makes the values of one decision.
pub(crate) fn context(facts: &Facts<'_>) -> Context<'static, 'static> {
    let mut context = Context::with_env(Arc::clone(&ENV));
    let agent = [("id", text(facts.agent.as_str())), ("kind", text(facts.kind.word()))];
    context.add_variable_from_value("agent", record(agent));
    context.add_variable_from_value("decision", decision(facts));
    let signals = facts.present_signals().map(|(spec, value)| (spec.name.as_str(), Value::Float(value)));
    context.add_variable_from_value("signals", record(signals));
    context
}

fn decision(facts: &Facts<'_>) -> Value {
    let decision = facts.decision;
    let alternatives = decision.alternatives.iter().map(|one| {
        record([("action", text(one.action.as_str())), ("confidence", Value::Float(one.confidence.get()))])
    });
    let always = [
        ("seq", Value::Int(i64::try_from(decision.seq.0).unwrap_or(i64::MAX))),
        ("action", text(decision.action.as_str())),
        ("alternatives", Value::List(Arc::new(alternatives.collect()))),
        ("waiting", Value::Bool(decision.waiting.is_some())),
    ];
    let pose = decision.context.as_ref().and_then(|context| context.pose);
    let sometimes = [
        ("confidence", decision.confidence.map(|confidence| Value::Float(confidence.get()))),
        ("subject", decision.subject.as_ref().map(|subject| text(subject.as_str()))),
        ("pose", pose.map(pose_value)),
    ];
    let there = sometimes.into_iter().filter_map(|(name, value)| Some((name, value?)));
    record(always.into_iter().chain(there))
}

fn pose_value(pose: Pose) -> Value {
    record([
        ("x_meters", Value::Float(pose.x_meters)),
        ("y_meters", Value::Float(pose.y_meters)),
        ("heading_radians", Value::Float(pose.heading_radians)),
    ])
}

fn text(text: &str) -> Value {
    Value::String(Arc::new(text.to_owned()))
}

fn record<'a>(fields: impl IntoIterator<Item = (&'a str, Value)>) -> Value {
    let fields = fields.into_iter().map(|(name, value)| (Key::from(name), value)).collect();
    Value::Map(Map { map: Arc::new(fields) })
}
