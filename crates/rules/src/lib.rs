//! Rules that people write over what agents decide: limits, expressions, activation conditions, sampling.
//!
//! A [`RuleSet`] is parsed from one TOML file, and either all of it can be used or none: unknown fields, bad
//! expressions, unknown names and results that are neither true nor false are refused with line, column, reason and
//! what to do ([`RuleError`]). One [`RuleWatch`] per agent judges each decision ([`Facts`]) by the rules that apply to
//! it and says what changed ([`RuleChange`]): hysteresis and delays at both ends keep a value that swings around a
//! limit from being told more than once.
//!
//! Expressions are CEL, the Common Expression Language (<https://cel.dev>), over a fixed and typed vocabulary; what one
//! may cost is bounded when it is read. Activation conditions are those of Amazon Augmented AI, as its documentation
//! has them. A field that is not there when a rule is judged is an outcome of its own ([`Judgement::Unknown`]): counted,
//! said, and never a panic.
//!
//! Everything is a function of its inputs and of `now`. A sample depends on the decision's name alone, never on chance
//! or on order. Nothing that was learned has a say here.
//!
//! Deliberately not here: files, versions and who may change them (`watchkeeper-server`), alarms and people
//! (`watchkeeper-engine`), and detectors that learn (`watchkeeper-detect`).

mod conditions;
mod error;
mod expression;
mod facts;
mod file;
mod rule;
mod sampling;
mod set;
mod watch;

pub use conditions::{ActivationConditions, ConditionsError, Inference, KeyValue, Selection};
pub use error::{Problem, RuleError};
pub use expression::{Expression, ExpressionError};
pub use facts::Facts;
pub use rule::{Does, Judgement, Rule, RuleId};
pub use sampling::{EventId, is_sampled};
pub use set::{MAX_BYTES, RuleSet, RuleSetVersion};
pub use watch::{RuleChange, RuleWatch, Turn};
