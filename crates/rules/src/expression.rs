//! Expressions over one decision, in CEL.
//!
//! CEL itself finds out at run time what an expression gives and which names there are. A rule must not: so every
//! expression is typed when it is read (`typing.rs`), against a vocabulary that is fixed (`vocabulary.rs`), and bounded
//! in size and in what it may loop over. What is left for run time is what only a decision can tell: a signal or an
//! optional field that is not there, and arithmetic that has no result.

mod typing;
mod vocabulary;

pub(crate) use vocabulary::context;

use cel::{
    Env, ExecutionError, Value,
    common::ast::{IdedExpr, SourceInfo},
};
use std::{
    fmt,
    sync::{Arc, LazyLock},
};
use thiserror::Error;

/// Longest expression, in bytes.
const MAX_BYTES: usize = 4 << 10;
/// How deep parentheses, operators and calls may be nested.
const MAX_DEPTH: u16 = 32;

static ENV: LazyLock<Arc<Env>> = LazyLock::new(|| Arc::new(Env::stdlib()));

/// What is wrong with an expression.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{reason}")]
pub struct ExpressionError {
    /// Where in the expression, in bytes from its beginning.
    pub offset: usize,
    /// What is wrong, and what to do about it.
    pub reason: String,
}

/// An expression that was found to be true or false of any decision, at a bounded cost.
pub struct Expression {
    source: String,
    root: IdedExpr,
    signals: Vec<String>,
}

impl fmt::Debug for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Expression({:?})", self.source)
    }
}

impl Expression {
    /// Reads an expression.
    ///
    /// # Errors
    /// The first place at which it cannot be used, and why.
    pub fn parse(source: &str) -> Result<Self, ExpressionError> {
        let error = |offset, reason| ExpressionError { offset, reason };
        if source.trim().is_empty() {
            return Err(error(
                0,
                "the expression is empty; write a condition, such as signals.speed > 13.9".to_owned(),
            ));
        }
        if source.len() > MAX_BYTES {
            let found = source.len();
            return Err(error(
                0,
                format!(
                    "the expression has {found} bytes, at most {MAX_BYTES} are allowed; make several rules of it"
                ),
            ));
        }
        let parser = ENV.parser().max_recursion_depth(MAX_DEPTH);
        let (root, places) = parser.parse_with_source_info(source).map_err(|found| {
            let first = found.errors.first();
            let offset = first.map_or(0, |first| offset_of(source, first.pos));
            let reason = first.map_or("it cannot be read", |first| first.msg.as_str());
            error(offset, format!("{reason}; the language is CEL, see docs/rules.md"))
        })?;
        let mut typing = typing::Typing::default();
        typing.check_condition(&root).map_err(|found| error(place(&places, found.at), found.reason))?;
        Ok(Self { source: source.to_owned(), root, signals: typing.into_signals() })
    }

    /// Returns the text it was read from.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Returns the signals that it names, in the order in which they appear.
    pub(crate) fn signals(&self) -> &[String] {
        &self.signals
    }

    /// Returns whether it is true of the decision that the context was made of; the error says in a few words why that
    /// cannot be said.
    pub(crate) fn is_true(&self, context: &cel::Context<'_, '_>) -> Result<bool, String> {
        match Value::resolve(&self.root, context) {
            Ok(Value::Bool(holds)) => Ok(holds),
            Ok(other) => Err(format!("it gives {} and not true or false", other.type_of())),
            Err(error) => Err(why(&error)),
        }
    }
}

/// Says in a few words why an expression has no value; what it was computed from may be long and is left out.
#[expect(clippy::wildcard_enum_match_arm, reason = "the enum is not exhaustive")]
fn why(error: &ExecutionError) -> String {
    match error {
        ExecutionError::NoSuchKey(name) => format!("{name} is missing"),
        ExecutionError::DivisionByZero(_) | ExecutionError::RemainderByZero(_) => {
            "division by zero".to_owned()
        }
        ExecutionError::Overflow(..) => "a number is too large".to_owned(),
        ExecutionError::IndexOutOfBounds(_) => "the list has no such place".to_owned(),
        ExecutionError::NoSuchOverload(found) => found.to_string(),
        _ => error.to_string().chars().take(120).collect(),
    }
}

/// Returns where a node begins, in bytes. What a macro made stands where the macro stood.
fn place(places: &SourceInfo, node: u64) -> usize {
    places.offset_for(node).map_or(0, |(start, _)| start as usize)
}

/// Returns the offset in bytes of a line and a column, both from 1.
fn offset_of(source: &str, (line, column): (isize, isize)) -> usize {
    let before = |number: isize| usize::try_from(number - 1).unwrap_or(0);
    let line_start: usize = source.split_inclusive('\n').take(before(line)).map(str::len).sum();
    let rest = source.get(line_start..).unwrap_or_default();
    line_start + rest.char_indices().nth(before(column)).map_or(rest.len(), |(offset, _)| offset)
}
