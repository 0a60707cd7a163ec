//! What is wrong with a file of rules, and where.

use crate::{ConditionsError, ExpressionError, RuleId};
use std::fmt;
use thiserror::Error;

/// The first thing that is wrong with a file.
#[derive(Clone, Debug, PartialEq, Error)]
pub struct RuleError {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// Of which rule, where its id could be read.
    pub rule: Option<RuleId>,
    /// What is wrong.
    pub problem: Problem,
}

impl fmt::Display for RuleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}: ", self.line, self.column)?;
        if let Some(rule) = &self.rule {
            write!(f, "rule {rule}: ")?;
        }
        self.problem.fmt(f)
    }
}

/// What can be wrong with a file of rules.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum Problem {
    /// Not TOML, or a field that is unknown, missing or of the wrong type.
    #[error("{0}")]
    Syntax(String),
    /// The file is too long to go into the record.
    #[error("the file has {found} bytes, at most {limit} are allowed; split long activation conditions up")]
    TooLong {
        /// Bytes found.
        found: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// More rules than a person can know.
    #[error("the file has {found} rules, at most {limit} are allowed")]
    TooMany {
        /// Rules found.
        found: usize,
        /// Rules allowed.
        limit: usize,
    },
    /// The id is none.
    #[error("{0:?} is no id: write 1 to 48 of a-z 0-9 - _ .")]
    BadId(String),
    /// Two rules have the same id.
    #[error("a rule above has the same id; give one of them another")]
    SameId,
    /// The pattern cannot match.
    #[error("{0:?} is neither an agent's id nor a beginning followed by *; write truck-7, truck-* or *")]
    BadPattern(String),
    /// No condition, or more than one.
    #[error("has {0} conditions; write exactly one of `limit`, `when` and `activation_conditions`")]
    Conditions(usize),
    /// A limit without a bound never fires.
    #[error("a limit needs `min` or `max`")]
    NoBound,
    /// A number that no limit can be made of.
    #[error("`{field}` is {found}: it must be a number{}", if *.at_least_zero { " of at least 0" } else { "" })]
    BadNumber {
        /// The field.
        field: &'static str,
        /// What was given.
        found: f64,
        /// Whether it must not be negative.
        at_least_zero: bool,
    },
    /// The allowed range is empty, or narrower than twice the hysteresis so that it never clears.
    #[error("min {min} and max {max} leave no room inside the hysteresis {hysteresis}: it could never clear")]
    NoRoom {
        /// Lower bound.
        min: f64,
        /// Upper bound.
        max: f64,
        /// How far inside counts as back.
        hysteresis: f64,
    },
    /// A field that only goes with another one.
    #[error("`{field}` only goes with {with}; leave it out")]
    Misplaced {
        /// The field.
        field: &'static str,
        /// With what it goes.
        with: &'static str,
    },
    /// A delay that nobody means.
    #[error("`{field}` is {found}: at most {limit} ms (one day) are allowed")]
    LongDelay {
        /// The field.
        field: &'static str,
        /// What was given, in milliseconds.
        found: u64,
        /// The most, in milliseconds.
        limit: u64,
    },
    /// An expression that cannot be used.
    #[error(transparent)]
    Expression(#[from] ExpressionError),
    /// Activation conditions that cannot be used.
    #[error("activation conditions: {0}")]
    Activation(#[from] ConditionsError),
}
