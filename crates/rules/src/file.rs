//! From a file to rules.

use crate::{
    ActivationConditions, ConditionsError, Does, Expression, Problem, Rule, RuleError, RuleId,
    rule::{Condition, Limit},
    set::{MAX_BYTES, MAX_RULES},
};
use serde::Deserialize;
use std::{ops::Range, time::Duration};
use toml::Spanned;
use watchkeeper_model::{AgentKind, AgentPattern, Label, Note, Response, Severity};

/// Longest delay, in milliseconds: a day.
const MAX_DELAY: u64 = 86_400_000;
/// What a file of nothing but activation conditions is called as a rule.
const LONE_RULE: &str = "activation-conditions";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenFile {
    #[serde(default)]
    rule: Vec<Spanned<WrittenRule>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenRule {
    id: Spanned<String>,
    #[serde(default)]
    why: Note,
    agent: Option<Spanned<String>>,
    kind: Option<AgentKind>,
    limit: Option<Spanned<WrittenLimit>>,
    when: Option<Spanned<String>>,
    clear: Option<Spanned<String>>,
    activation_conditions: Option<Spanned<String>>,
    on_delay_millis: Option<Spanned<u64>>,
    off_delay_millis: Option<Spanned<u64>>,
    severity: Option<Severity>,
    response: Option<Spanned<Response>>,
    does: Option<Does>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenLimit {
    signal: Label,
    min: Option<f64>,
    max: Option<f64>,
    #[serde(default)]
    hysteresis: f64,
}

/// Reads and checks a whole file.
pub(crate) fn read(text: &str) -> Result<Vec<Rule>, RuleError> {
    let places = Places { text };
    if text.len() > MAX_BYTES {
        return Err(places.at(0, None, Problem::TooLong { found: text.len(), limit: MAX_BYTES }));
    }
    if text.trim_start().starts_with('{') {
        return lone_conditions(text);
    }
    let written: WrittenFile = toml::from_str(text).map_err(|error| {
        let start = error.span().map_or(0, |span| span.start);
        places.at(start, None, Problem::Syntax(error.message().to_owned()))
    })?;
    if written.rule.len() > MAX_RULES {
        let found = written.rule.len();
        return Err(places.at(0, None, Problem::TooMany { found, limit: MAX_RULES }));
    }
    let mut rules: Vec<Rule> = Vec::with_capacity(written.rule.len());
    for written in written.rule {
        let header = written.span();
        let rule = places.rule(written.into_inner(), &header, &rules)?;
        rules.push(rule);
    }
    Ok(rules)
}

/// A file that holds activation conditions and nothing else is one rule.
fn lone_conditions(json: &str) -> Result<Vec<Rule>, RuleError> {
    let conditions = ActivationConditions::parse(json).map_err(|error| {
        let (line, column) = match &error {
            ConditionsError::Syntax { line, column, .. } => (*line, *column),
            ConditionsError::Condition { .. } => (1, 1),
        };
        RuleError { line, column, rule: None, problem: error.into() }
    })?;
    Ok(vec![Rule {
        id: RuleId::new(LONE_RULE).expect("the name is an id"),
        why: Note::default(),
        agent: every_agent(),
        kind: None,
        condition: Condition::Activation(conditions),
        on_delay: Duration::ZERO,
        off_delay: Duration::ZERO,
        severity: Severity::Advisory,
        response: Response::Advise,
        does: Does::Review,
    }])
}

fn every_agent() -> AgentPattern {
    AgentPattern::new("*").expect("the star alone is every agent")
}

/// Finds lines and columns.
struct Places<'a> {
    text: &'a str,
}

impl Places<'_> {
    fn at(&self, offset: usize, rule: Option<&RuleId>, problem: Problem) -> RuleError {
        let before = self.text.get(..offset).unwrap_or_default();
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let column = before.get(line_start..).unwrap_or_default().chars().count() + 1;
        RuleError { line: before.matches('\n').count() + 1, column, rule: rule.cloned(), problem }
    }

    /// Returns where `inside` bytes into a quoted text lie; the beginning of the text where it has escapes.
    fn inside(&self, quoted: &Spanned<String>, inside: usize) -> usize {
        let Range { start, end } = quoted.span();
        let raw = self.text.get(start..end).unwrap_or_default();
        let value = quoted.get_ref();
        match raw.find(value.as_str()) {
            Some(quotes) if !value.is_empty() => start + quotes + inside.min(value.len()),
            Some(_) | None => start,
        }
    }

    fn rule(&self, written: WrittenRule, header: &Range<usize>, before: &[Rule]) -> Result<Rule, RuleError> {
        let id = RuleId::new(written.id.get_ref()).ok_or_else(|| {
            self.at(written.id.span().start, None, Problem::BadId(written.id.get_ref().clone()))
        })?;
        let wrong = |offset, problem| self.at(offset, Some(&id), problem);
        if before.iter().any(|other| other.id == id) {
            return Err(wrong(written.id.span().start, Problem::SameId));
        }
        let agent = match &written.agent {
            None => every_agent(),
            Some(agent) => AgentPattern::new(agent.get_ref())
                .map_err(|_no_id| wrong(agent.span().start, Problem::BadPattern(agent.get_ref().clone())))?,
        };
        let by_default = if written.activation_conditions.is_some() { Does::Review } else { Does::Alert };
        let does = written.does.unwrap_or(by_default);
        self.check_company(&written, does, &id)?;
        let [on_delay, off_delay] =
            [("on_delay_millis", &written.on_delay_millis), ("off_delay_millis", &written.off_delay_millis)]
                .map(|(field, delay)| self.delay(field, delay.as_ref(), &id));
        let (on_delay, off_delay) = (on_delay?, off_delay?);
        let condition = self.condition(&written, header, &id)?;
        let by_default = if does == Does::Review { Severity::Advisory } else { Severity::Warning };
        Ok(Rule {
            agent,
            why: written.why,
            kind: written.kind,
            condition,
            on_delay,
            off_delay,
            severity: written.severity.unwrap_or(by_default),
            response: written.response.map_or(Response::Advise, Spanned::into_inner),
            does,
            id,
        })
    }

    /// Checks that no field stands beside one that it does not go with.
    fn check_company(&self, written: &WrittenRule, does: Does, id: &RuleId) -> Result<(), RuleError> {
        let misplaced =
            |start, field, with| Err(self.at(start, Some(id), Problem::Misplaced { field, with }));
        if let (Some(clear), None) = (&written.clear, &written.when) {
            return misplaced(clear.span().start, "clear", "`when`; a limit has `hysteresis`");
        }
        if does == Does::Alert {
            return Ok(());
        }
        for (field, delay) in
            [("on_delay_millis", &written.on_delay_millis), ("off_delay_millis", &written.off_delay_millis)]
        {
            if let Some(delay) = delay {
                return misplaced(delay.span().start, field, "does = \"alert\": a review is of one decision");
            }
        }
        if let Some(clear) = &written.clear {
            return misplaced(clear.span().start, "clear", "does = \"alert\": a review is of one decision");
        }
        if let Some(limit) = written.limit.as_ref().filter(|limit| limit.get_ref().hysteresis != 0.0) {
            let with = "does = \"alert\": a review is of one decision";
            return misplaced(limit.span().start, "hysteresis", with);
        }
        match &written.response {
            Some(response) if *response.get_ref() == Response::Takeover => {
                misplaced(response.span().start, "response = \"takeover\"", "does = \"alert\"")
            }
            Some(_) | None => Ok(()),
        }
    }

    fn delay(
        &self,
        field: &'static str,
        written: Option<&Spanned<u64>>,
        id: &RuleId,
    ) -> Result<Duration, RuleError> {
        let Some(written) = written else { return Ok(Duration::ZERO) };
        let found = *written.get_ref();
        if found > MAX_DELAY {
            let problem = Problem::LongDelay { field, found, limit: MAX_DELAY };
            return Err(self.at(written.span().start, Some(id), problem));
        }
        Ok(Duration::from_millis(found))
    }

    fn condition(
        &self,
        written: &WrittenRule,
        header: &Range<usize>,
        id: &RuleId,
    ) -> Result<Condition, RuleError> {
        let wrong = |offset, problem| self.at(offset, Some(id), problem);
        match (&written.limit, &written.when, &written.activation_conditions) {
            (Some(limit), None, None) => check_limit(limit.get_ref())
                .map(Condition::Limit)
                .map_err(|problem| wrong(limit.span().start, problem)),
            (None, Some(when), None) => {
                let when = self.expression(when, id)?;
                let clear = written.clear.as_ref().map(|clear| self.expression(clear, id)).transpose()?;
                Ok(Condition::Expression { when, clear })
            }
            (None, None, Some(json)) => {
                let conditions = ActivationConditions::parse(json.get_ref());
                conditions.map(Condition::Activation).map_err(|error| {
                    let inside = match &error {
                        ConditionsError::Syntax { line, column, .. } => {
                            offset_of(json.get_ref(), *line, *column)
                        }
                        ConditionsError::Condition { .. } => 0,
                    };
                    wrong(self.inside(json, inside), error.into())
                })
            }
            (limit, when, conditions) => {
                let count = usize::from(limit.is_some())
                    + usize::from(when.is_some())
                    + usize::from(conditions.is_some());
                Err(wrong(header.start, Problem::Conditions(count)))
            }
        }
    }

    fn expression(&self, written: &Spanned<String>, id: &RuleId) -> Result<Expression, RuleError> {
        Expression::parse(written.get_ref()).map_err(|error| {
            let place = self.inside(written, error.offset);
            self.at(place, Some(id), error.into())
        })
    }
}

/// Returns the offset of a line and a column, both from 1.
fn offset_of(text: &str, line: usize, column: usize) -> usize {
    let line_start: usize = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    line_start + column.saturating_sub(1)
}

fn check_limit(written: &WrittenLimit) -> Result<Limit, Problem> {
    let WrittenLimit { signal, min, max, hysteresis } = written;
    for (field, bound) in [("min", min), ("max", max)] {
        if let Some(found) = *bound
            && !found.is_finite()
        {
            return Err(Problem::BadNumber { field, found, at_least_zero: false });
        }
    }
    if !hysteresis.is_finite() || *hysteresis < 0.0 {
        return Err(Problem::BadNumber { field: "hysteresis", found: *hysteresis, at_least_zero: true });
    }
    match (*min, *max) {
        (None, None) => Err(Problem::NoBound),
        (Some(min), Some(max)) if max - min < 2.0 * hysteresis => {
            Err(Problem::NoRoom { min, max, hysteresis: *hysteresis })
        }
        (min, max) => Ok(Limit { signal: signal.clone(), min, max, hysteresis: *hysteresis }),
    }
}
