//! Activation conditions as Amazon Augmented AI (A2I) documents them.
//!
//! Sources, all of the Amazon SageMaker AI Developer Guide: "JSON Schema for Human Loop Activation Conditions in Amazon
//! Augmented AI" (the grammar: `Conditions`, `ConditionType`, `ConditionParameters`, `And` and `Or` of at least two, up
//! to two levels deep), "Use Human Loop Activation Conditions JSON Schema with Amazon Textract" and the same "with
//! Amazon Rekognition" (the types, their parameters and what they send to people).
//!
//! What Textract and Rekognition answer is here an [`Inference`], which is made of a decision. We are stricter than the
//! published schema where a slip would go unnoticed: a name that is not documented, a check that compares nothing and a
//! number out of its range are refused.

mod inference;
mod parse;

pub use inference::{Inference, KeyValue};

use crate::{
    EventId, RuleId,
    sampling::{self, Point},
};
use std::{collections::BTreeSet, fmt};
use thiserror::Error;

/// What is wrong with activation conditions.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ConditionsError {
    /// Not JSON, or a name that is unknown or of the wrong type.
    #[error("line {line}, column {column} of the JSON: {reason}")]
    Syntax {
        /// Line within the JSON, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
        /// What is wrong.
        reason: String,
    },
    /// A condition that cannot work.
    #[error("{path}: {reason}")]
    Condition {
        /// Which one, such as `Conditions[0].And[1]`.
        path: String,
        /// What is wrong, and what it must be.
        reason: String,
    },
}

/// Conditions of which one alone sends a decision to people.
#[derive(Clone, Debug, PartialEq)]
pub struct ActivationConditions {
    conditions: Vec<Condition>,
}

#[derive(Clone, Debug, PartialEq)]
enum Condition {
    /// `ImportantFormKeyConfidenceCheck`.
    KeyConfidence {
        keys: Names,
        key_value: Vec<Comparison>,
        words: Vec<Comparison>,
    },
    /// `MissingImportantFormKey`.
    MissingKey {
        keys: Names,
    },
    /// `ModerationLabelConfidenceCheck`.
    LabelConfidence {
        label: Names,
        confidence: Vec<Comparison>,
    },
    /// `Sampling`.
    Sampling {
        percent: f64,
    },
    And(Vec<Condition>),
    Or(Vec<Condition>),
}

/// Which keys or labels a condition speaks of.
#[derive(Clone, Debug, PartialEq)]
enum Names {
    /// `*`.
    Every,
    /// These; names are compared exactly.
    These(Vec<String>),
}

impl Names {
    fn hold(&self, name: &str) -> bool {
        match self {
            Self::Every => true,
            Self::These(names) => names.iter().any(|known| known == name),
        }
    }
}

/// One comparison with a confidence, in percent.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Comparison {
    relation: Relation,
    percent: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Relation {
    Equals,
    LessThan,
    LessThanEquals,
    GreaterThan,
    GreaterThanEquals,
}

impl Relation {
    const ALL: [(&'static str, Self); 5] = [
        ("Equals", Self::Equals),
        ("LessThan", Self::LessThan),
        ("LessThanEquals", Self::LessThanEquals),
        ("GreaterThan", Self::GreaterThan),
        ("GreaterThanEquals", Self::GreaterThanEquals),
    ];
}

impl Comparison {
    fn holds(self, percent: f64) -> bool {
        match self.relation {
            Relation::Equals => (percent - self.percent).abs() < inference::EQUAL_WITHIN,
            Relation::LessThan => percent < self.percent,
            Relation::LessThanEquals => percent <= self.percent,
            Relation::GreaterThan => percent > self.percent,
            Relation::GreaterThanEquals => percent >= self.percent,
        }
    }
}

/// What of a decision people are to look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selection {
    /// All of it: it was sampled.
    All,
    /// These keys or labels; a key that was missing is among them.
    Named(BTreeSet<String>),
}

impl Selection {
    fn named<'a>(names: impl IntoIterator<Item = &'a str>) -> Option<Self> {
        let names: BTreeSet<String> = names.into_iter().map(str::to_owned).collect();
        (!names.is_empty()).then_some(Self::Named(names))
    }

    /// Both conditions hold: a sample only thins out what the other one selects.
    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::All, named) | (named, Self::All) => named,
            (Self::Named(mut one), Self::Named(two)) => {
                one.extend(two);
                Self::Named(one)
            }
        }
    }

    fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::All, _) | (_, Self::All) => Self::All,
            (Self::Named(mut one), Self::Named(two)) => {
                one.extend(two);
                Self::Named(one)
            }
        }
    }
}

impl ActivationConditions {
    /// Reads activation conditions. A single condition that stands for itself is taken too, as the documentation prints
    /// one (Textract, example 4).
    ///
    /// # Errors
    /// The first thing that is wrong, with its place.
    pub fn parse(json: &str) -> Result<Self, ConditionsError> {
        Ok(Self { conditions: parse::read(json)? })
    }

    /// Returns what of an inference people are to look at; `None` where it does not go to people. Every condition is
    /// looked at, and what all that hold select is selected. A sample is drawn by rule and event.
    pub fn select_for(&self, rule: &RuleId, event: EventId<'_>, inference: &Inference) -> Option<Selection> {
        self.select(inference, &|| sampling::point(rule, event))
    }

    /// Selects with the point of the event, which is computed only for a sample.
    pub(crate) fn select(&self, inference: &Inference, point: &impl Fn() -> Point) -> Option<Selection> {
        any_of(&self.conditions, inference, point)
    }
}

impl fmt::Display for ActivationConditions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts: Vec<String> = self.conditions.iter().map(ToString::to_string).collect();
        f.write_str(&parts.join(" or "))
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let joined = |parts: &[Self], word: &str| {
            let parts: Vec<String> = parts.iter().map(ToString::to_string).collect();
            format!("({})", parts.join(word))
        };
        match self {
            Self::KeyConfidence { keys, .. } => write!(f, "unsure of {keys}"),
            Self::MissingKey { keys } => write!(f, "{keys} missing"),
            Self::LabelConfidence { label, .. } => write!(f, "labelled {label}"),
            Self::Sampling { percent } => write!(f, "a sample of {percent} %"),
            Self::And(parts) => f.write_str(&joined(parts, " and ")),
            Self::Or(parts) => f.write_str(&joined(parts, " or ")),
        }
    }
}

impl fmt::Display for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Every => f.write_str("anything"),
            Self::These(names) => f.write_str(names.first().map_or("nothing", String::as_str)),
        }
    }
}

fn any_of(conditions: &[Condition], inference: &Inference, point: &impl Fn() -> Point) -> Option<Selection> {
    conditions.iter().filter_map(|one| one.select(inference, point)).reduce(Selection::or)
}

impl Condition {
    fn select(&self, inference: &Inference, point: &impl Fn() -> Point) -> Option<Selection> {
        match self {
            Self::KeyConfidence { keys, key_value, words } => {
                let found = inference.keys.iter().filter(|key| {
                    // Each word is compared; a key without words has none that is out.
                    let each_word = || key.words.iter().all(|word| all_hold(words, *word));
                    keys.hold(&key.name) && all_hold(key_value, key.confidence) && each_word()
                });
                Selection::named(found.map(|key| key.name.as_str()))
            }
            Self::MissingKey { keys } => {
                let missing = !inference.keys.iter().any(|key| keys.hold(&key.name));
                match keys {
                    Names::These(names) if missing => Selection::named(names.first().map(String::as_str)),
                    Names::These(_) | Names::Every => None,
                }
            }
            Self::LabelConfidence { label, confidence } => {
                let found = inference
                    .labels
                    .iter()
                    .filter(|(name, percent)| label.hold(name) && all_hold(confidence, *percent));
                Selection::named(found.map(|(name, _)| name.as_str()))
            }
            Self::Sampling { percent } => point().is_below(*percent).then_some(Selection::All),
            Self::And(parts) => {
                let all: Option<Vec<Selection>> =
                    parts.iter().map(|one| one.select(inference, point)).collect();
                all?.into_iter().reduce(Selection::and)
            }
            Self::Or(parts) => any_of(parts, inference, point),
        }
    }
}

fn all_hold(comparisons: &[Comparison], percent: f64) -> bool {
    comparisons.iter().all(|comparison| comparison.holds(percent))
}
