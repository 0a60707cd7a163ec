//! Finds out what an expression gives before it is ever judged.
//!
//! A small type checker over CEL's tree: every name must be in the vocabulary, every operator and function must have
//! a meaning for what it is given, and the whole must be true or false. It also bounds the cost: a number of nodes, one
//! level of loops, and patterns that compile to little.

use super::vocabulary::{Element, ROOTS, Type};
use cel::common::ast::{
    CallExpr, ComprehensionExpr, Expr, IdedExpr, ListExpr, LiteralValue, SelectExpr, operators,
};

/// Most nodes of an expression. One loop goes over the alternatives of a decision, 16 at most, or a list that is written out
/// and counts itself: so the cost of judging it is bounded.
const MAX_NODES: usize = 256;
/// A pattern costs as much as so many nodes: CEL compiles it each time.
const PATTERN_NODES: usize = 32;
/// Most bytes that a regular expression may take when it is compiled.
const MAX_PATTERN: usize = 64 << 10;

/// What is wrong, and at which node.
#[derive(Debug)]
pub(super) struct Mistake {
    pub(super) at: u64,
    pub(super) reason: String,
}

fn mistake<T>(node: &IdedExpr, reason: impl Into<String>) -> Result<T, Mistake> {
    Err(Mistake { at: node.id, reason: reason.into() })
}

/// Types one expression.
#[derive(Debug, Default)]
pub(super) struct Typing {
    nodes: usize,
    signals: Vec<String>,
    /// The names that the loop around what is looked at has made.
    loop_names: Vec<(String, Type)>,
}

impl Typing {
    /// Checks that an expression is a condition.
    pub(super) fn check_condition(&mut self, root: &IdedExpr) -> Result<(), Mistake> {
        let found = self.type_of(root)?;
        if found == Type::Bool {
            return Ok(());
        }
        let found = found.word();
        mistake(
            root,
            format!("the expression gives {found} and not true or false; compare it with something"),
        )
    }

    /// Returns the signals that the expression names.
    pub(super) fn into_signals(self) -> Vec<String> {
        self.signals
    }

    fn type_of(&mut self, node: &IdedExpr) -> Result<Type, Mistake> {
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            return mistake(
                node,
                format!("the expression has more than {MAX_NODES} parts; make several rules of it"),
            );
        }
        match &node.expr {
            Expr::Literal(literal) => literal_type(node, literal),
            Expr::Ident(name) => self.root(node, name),
            Expr::Select(select) => self.select(node, select),
            Expr::Call(call) => self.call(node, call),
            Expr::List(list) => self.list(node, list),
            Expr::Comprehension(comprehension) => self.comprehension(node, comprehension),
            Expr::Map(_) | Expr::Struct(_) => {
                mistake(node, "maps cannot be made in a rule; compare fields one by one")
            }
            Expr::Unspecified => mistake(node, "the expression is not complete"),
        }
    }

    fn root(&self, node: &IdedExpr, name: &str) -> Result<Type, Mistake> {
        let in_loop = self.loop_names.iter().rev().find(|(known, _)| known == name);
        if let Some((_, found)) = in_loop {
            return Ok(*found);
        }
        let found = ROOTS.iter().find(|(known, _)| *known == name);
        found.map_or_else(
            || {
                let known: Vec<&str> = ROOTS.iter().map(|(known, _)| *known).collect();
                mistake(node, format!("there is no {name:?}; an expression speaks of {}", known.join(", ")))
            },
            |(_, found)| Ok(*found),
        )
    }

    fn select(&mut self, node: &IdedExpr, select: &SelectExpr) -> Result<Type, Mistake> {
        let field = select.field.as_str();
        let found = match self.type_of(&select.operand)? {
            Type::Signals => {
                self.note_signal(field);
                Type::Double
            }
            Type::Record(record) => {
                let found = record.fields.iter().find(|(known, _)| *known == field);
                let Some((_, found)) = found else {
                    let known: Vec<&str> = record.fields.iter().map(|(known, _)| *known).collect();
                    return mistake(
                        node,
                        format!("{} has no field {field:?}; it has {}", record.name, known.join(", ")),
                    );
                };
                *found
            }
            other @ (Type::Bool | Type::Int | Type::Double | Type::Text | Type::List(_)) => {
                return mistake(node, format!("{} has no field {field:?}", other.word()));
            }
        };
        Ok(if select.test { Type::Bool } else { found })
    }

    fn note_signal(&mut self, name: &str) {
        if !self.signals.iter().any(|known| known == name) {
            self.signals.push(name.to_owned());
        }
    }

    fn list(&mut self, node: &IdedExpr, list: &ListExpr) -> Result<Type, Mistake> {
        let mut held = Element::Nothing;
        for item in &list.elements {
            let found = self.type_of(item)?;
            let Some(element) = Element::of(found) else {
                return mistake(item, format!("a list cannot hold {}", found.word()));
            };
            if held != Element::Nothing && held != element {
                return mistake(item, "a list holds one kind of thing only; write 1.0 for 1 beside 2.5");
            }
            held = element;
        }
        if list.optional_indices.is_empty() {
            Ok(Type::List(held))
        } else {
            mistake(node, "a list cannot hold what may be missing")
        }
    }

    fn call(&mut self, node: &IdedExpr, call: &CallExpr) -> Result<Type, Mistake> {
        let mut given = Vec::with_capacity(3);
        for argument in call.target.as_deref().into_iter().chain(&call.args) {
            given.push(self.type_of(argument)?);
        }
        let name = call.func_name.as_str();
        match (name, given.as_slice()) {
            ("matches", [Type::Text, Type::Text]) => self.pattern(node, call),
            (operators::INDEX, [Type::Signals, Type::Text]) => self.signal_in_brackets(node, call),
            _ => match result(name, &given) {
                Some(found) => Ok(found),
                None => mistake(node, misuse(name, &given)),
            },
        }
    }

    /// Checks a regular expression: CEL compiles it each time, so it must be known, small, and not in a loop.
    fn pattern(&mut self, node: &IdedExpr, call: &CallExpr) -> Result<Type, Mistake> {
        if !self.loop_names.is_empty() {
            return mistake(
                node,
                "a pattern inside of a loop costs too much; use ==, startsWith or contains",
            );
        }
        self.nodes += PATTERN_NODES;
        let Some(Expr::Literal(LiteralValue::String(pattern))) =
            call.args.last().map(|pattern| &pattern.expr)
        else {
            return mistake(node, "the pattern of matches must be written out in quotes");
        };
        match regex::RegexBuilder::new(pattern.inner()).size_limit(MAX_PATTERN).build() {
            Ok(_) => Ok(Type::Bool),
            Err(error) => {
                let text = error.to_string();
                let last = text.lines().last().unwrap_or_default();
                mistake(node, format!("the pattern cannot be used: {}", last.trim_start_matches("error: ")))
            }
        }
    }

    fn signal_in_brackets(&mut self, node: &IdedExpr, call: &CallExpr) -> Result<Type, Mistake> {
        match call.args.last().map(|name| &name.expr) {
            Some(Expr::Literal(LiteralValue::String(name))) => {
                self.note_signal(name.inner());
                Ok(Type::Double)
            }
            _ => mistake(node, "a signal is named in quotes: signals[\"wheel speed\"]"),
        }
    }

    /// `exists`, `all` and `exists_one`, as CEL's macros write them out.
    fn comprehension(&mut self, node: &IdedExpr, loops: &ComprehensionExpr) -> Result<Type, Mistake> {
        if !self.loop_names.is_empty() {
            return mistake(node, "a loop inside of a loop costs too much; make two rules of it");
        }
        let range = self.type_of(&loops.iter_range)?;
        let start = self.type_of(&loops.accu_init)?;
        let item = match (range, start, &loops.iter_var2) {
            (Type::List(element), Type::Bool | Type::Int, None) => element.item(),
            (Type::List(_), Type::List(_), _) => {
                return mistake(node, "map and filter make lists; use exists, all or exists_one");
            }
            _ => {
                return mistake(
                    node,
                    format!("one cannot loop over {}; decision.alternatives is a list", range.word()),
                );
            }
        };
        let Some(item) = item else { return mistake(node, "the list is empty: there is nothing to look at") };
        self.loop_names = vec![(loops.accu_var.clone(), start), (loops.iter_var.clone(), item)];
        let inside = [&loops.loop_cond, &loops.loop_step, &loops.result].map(|part| self.type_of(part));
        self.loop_names.clear();
        let [condition, step, result] = inside;
        if condition? != Type::Bool || step? != start {
            return mistake(node, "what stands in exists, all or exists_one must be true or false");
        }
        result
    }
}

fn literal_type(node: &IdedExpr, literal: &LiteralValue) -> Result<Type, Mistake> {
    match literal {
        LiteralValue::Boolean(_) => Ok(Type::Bool),
        LiteralValue::Double(_) => Ok(Type::Double),
        LiteralValue::Int(_) => Ok(Type::Int),
        LiteralValue::String(_) => Ok(Type::Text),
        LiteralValue::Null => {
            mistake(node, "nothing is ever null; has(decision.confidence) says whether it is there")
        }
        LiteralValue::UInt(_) => mistake(node, "write the number without u"),
        LiteralValue::Bytes(_) => mistake(node, "nothing is bytes; write a text in quotes"),
    }
}

/// Returns what an operator or a function gives for what it is given; `None` where it has no meaning.
fn result(name: &str, given: &[Type]) -> Option<Type> {
    use Type::{Bool, Double, Int, List, Signals, Text};
    match (name, given) {
        (operators::LOGICAL_AND | operators::LOGICAL_OR, [Bool, Bool])
        | (operators::LOGICAL_NOT | operators::NOT_STRICTLY_FALSE, [Bool])
        | (operators::EQUALS | operators::NOT_EQUALS, [Bool, Bool] | [Text, Text])
        | ("startsWith" | "endsWith" | "contains", [Text, Text])
        | (operators::IN, [Text, Signals]) => Some(Bool),
        (
            operators::EQUALS
            | operators::NOT_EQUALS
            | operators::LESS
            | operators::LESS_EQUALS
            | operators::GREATER
            | operators::GREATER_EQUALS,
            [Int | Double, Int | Double],
        ) => Some(Bool),
        (operators::IN, [item, List(element)]) => {
            let fits = element.item().is_none_or(|held| held == *item);
            fits.then_some(Bool)
        }
        (
            operators::ADD | operators::SUBSTRACT | operators::MULTIPLY | operators::DIVIDE,
            [Double, Double],
        )
        | (operators::NEGATE, [Double])
        | ("double", [Int | Double]) => Some(Double),
        (
            operators::ADD
            | operators::SUBSTRACT
            | operators::MULTIPLY
            | operators::DIVIDE
            | operators::MODULO,
            [Int, Int],
        )
        | (operators::NEGATE, [Int])
        | ("int", [Int | Double])
        | ("size", [Text | List(_)]) => Some(Int),
        (operators::INDEX, [List(element), Int]) => element.item(),
        (operators::CONDITIONAL, [Bool, yes, no]) => (yes == no).then_some(*yes),
        _ => None,
    }
}

/// Says why an operator or a function has no meaning for what it is given.
fn misuse(name: &str, given: &[Type]) -> String {
    let words: Vec<&str> = given.iter().map(|found| found.word()).collect();
    let sign = name.trim_matches('_');
    let mixed = matches!(given, [Type::Int, Type::Double] | [Type::Double, Type::Int]);
    match name {
        "has" => "has() asks for a field: has(decision.confidence), has(signals.speed)".to_owned(),
        operators::CONDITIONAL => "c ? a : b needs a condition, and a and b of one kind".to_owned(),
        _ if name.starts_with('_') || name.ends_with('_') || name.starts_with('@') => {
            let hint = if mixed { "; write 2.0 for 2" } else { "" };
            format!("{} has no meaning between {}{hint}", sign.trim_start_matches('@'), words.join(" and "))
        }
        _ => format!(
            "there is no {name} of {}; there are size, startsWith, endsWith, contains, matches, double, int, has, exists, all \
             and exists_one",
            words.join(" and ")
        ),
    }
}
