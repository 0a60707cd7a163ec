//! From JSON to conditions that can be judged.

use super::{Comparison, Condition, ConditionsError, Names, Relation};
use serde::Deserialize;
use serde_json::{Map, Value};

/// Most conditions of one rule, however they are nested.
const MAX_CONDITIONS: usize = 256;
/// How deep `And` and `Or` may be nested ("Up to two levels of nesting are supported").
const MAX_DEPTH: usize = 2;
/// Most aliases of a key.
const MAX_ALIASES: usize = 64;
/// What stands for every key and every label.
const EVERY: &str = "*";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Whole {
    #[serde(rename = "Conditions")]
    conditions: Vec<Written>,
}

/// Any member of `Conditions`, `And` and `Or`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct Written {
    condition_type: Option<String>,
    condition_parameters: Option<Map<String, Value>>,
    and: Option<Vec<Written>>,
    or: Option<Vec<Written>>,
}

pub(super) fn read(json: &str) -> Result<Vec<Condition>, ConditionsError> {
    let syntax = |error: serde_json::Error| {
        let text = error.to_string();
        let reason = text.rsplit_once(" at line ").map_or(text.as_str(), |(reason, _)| reason);
        ConditionsError::Syntax { line: error.line(), column: error.column(), reason: reason.to_owned() }
    };
    let alone =
        serde_json::from_str::<Map<String, Value>>(json).map_err(syntax)?.contains_key("ConditionType");
    let written = if alone {
        vec![serde_json::from_str::<Written>(json).map_err(syntax)?]
    } else {
        serde_json::from_str::<Whole>(json).map_err(syntax)?.conditions
    };
    let mut reader = ConditionsReader { count: 0 };
    if written.is_empty() {
        return wrong(
            "Conditions",
            "is empty: nothing would ever be sent to anybody; write at least one condition",
        );
    }
    let numbered = written.into_iter().enumerate();
    numbered.map(|(at, one)| reader.condition(one, &format!("Conditions[{at}]"), 0)).collect()
}

fn wrong<T>(path: &str, reason: impl Into<String>) -> Result<T, ConditionsError> {
    Err(ConditionsError::Condition { path: path.to_owned(), reason: reason.into() })
}

struct ConditionsReader {
    count: usize,
}

impl ConditionsReader {
    fn condition(
        &mut self,
        written: Written,
        path: &str,
        depth: usize,
    ) -> Result<Condition, ConditionsError> {
        self.count += 1;
        if self.count > MAX_CONDITIONS {
            return wrong(
                path,
                format!("there are more than {MAX_CONDITIONS} conditions; make several rules of them"),
            );
        }
        let Written { condition_type, condition_parameters, and, or } = written;
        match (condition_type, and, or) {
            (Some(name), None, None) => {
                let parameters = condition_parameters.unwrap_or_default();
                Parameters { path: format!("{path}.ConditionParameters"), given: parameters }
                    .read(&name, path)
            }
            (None, Some(parts), None) if condition_parameters.is_none() => {
                self.parts(parts, &format!("{path}.And"), depth).map(Condition::And)
            }
            (None, None, Some(parts)) if condition_parameters.is_none() => {
                self.parts(parts, &format!("{path}.Or"), depth).map(Condition::Or)
            }
            _ => wrong(
                path,
                "must have exactly one of ConditionType, And and Or; parameters go with a ConditionType",
            ),
        }
    }

    fn parts(
        &mut self,
        parts: Vec<Written>,
        path: &str,
        depth: usize,
    ) -> Result<Vec<Condition>, ConditionsError> {
        if depth == MAX_DEPTH {
            return wrong(
                path,
                format!("And and Or may be nested {MAX_DEPTH} levels deep; write it flatter"),
            );
        }
        if parts.len() < 2 {
            return wrong(path, "needs at least 2 conditions; write a single one without And or Or");
        }
        let numbered = parts.into_iter().enumerate();
        numbered.map(|(at, one)| self.condition(one, &format!("{path}[{at}]"), depth + 1)).collect()
    }
}

/// `ConditionParameters`, from which what is understood is taken out.
struct Parameters {
    path: String,
    given: Map<String, Value>,
}

impl Parameters {
    fn read(mut self, name: &str, path: &str) -> Result<Condition, ConditionsError> {
        let condition = match name {
            "ImportantFormKeyConfidenceCheck" => {
                let keys = self.keys()?;
                let key_value = self.comparisons("KeyValueBlockConfidence")?;
                let words = self.comparisons("WordBlockConfidence")?;
                self.needs_one(&[&key_value, &words], "KeyValueBlockConfidenceLessThan")?;
                Condition::KeyConfidence { keys, key_value, words }
            }
            "MissingImportantFormKey" => {
                let keys = self.keys()?;
                if keys == Names::Every {
                    return wrong(
                        &self.path,
                        "ImportantFormKey is \"*\": name the key that must not be missing",
                    );
                }
                Condition::MissingKey { keys }
            }
            "ModerationLabelConfidenceCheck" => {
                let label = self.name("ModerationLabelName")?;
                let confidence = self.comparisons("Confidence")?;
                self.needs_one(&[&confidence], "ConfidenceLessThan")?;
                let label = if label == EVERY { Names::Every } else { Names::These(vec![label]) };
                Condition::LabelConfidence { label, confidence }
            }
            "Sampling" => {
                let field = "RandomSamplingPercentage";
                let Some(percent) = self.percent(field, 0.01)? else {
                    return wrong(&self.path, format!("needs {field}, a number from 0.01 to 100"));
                };
                Condition::Sampling { percent }
            }
            _ => {
                return wrong(
                    path,
                    format!(
                        "{name:?} is no ConditionType; there are ImportantFormKeyConfidenceCheck, MissingImportantFormKey, \
                         ModerationLabelConfidenceCheck and Sampling"
                    ),
                );
            }
        };
        match self.given.keys().next() {
            Some(unknown) => wrong(&self.path, format!("{unknown:?} is no parameter of {name}")),
            None => Ok(condition),
        }
    }

    fn name(&mut self, field: &str) -> Result<String, ConditionsError> {
        match self.given.remove(field) {
            Some(Value::String(name)) if !name.is_empty() => Ok(name),
            Some(_) | None => {
                wrong(&self.path, format!("needs {field}, a text that is not empty; \"*\" means any"))
            }
        }
    }

    fn keys(&mut self) -> Result<Names, ConditionsError> {
        let key = self.name("ImportantFormKey")?;
        let field = "ImportantFormKeyAliases";
        let mut names = vec![key];
        match self.given.remove(field) {
            None => {}
            Some(Value::Array(aliases)) if aliases.len() <= MAX_ALIASES => {
                for alias in aliases {
                    let Value::String(alias) = alias else {
                        return wrong(&self.path, format!("{field} must hold texts only"));
                    };
                    names.push(alias);
                }
            }
            Some(_) => {
                return wrong(&self.path, format!("{field} must be a list of at most {MAX_ALIASES} texts"));
            }
        }
        Ok(if names.iter().any(|name| name == EVERY) { Names::Every } else { Names::These(names) })
    }

    /// Takes every comparison that begins with `prefix`; all of them must hold.
    fn comparisons(&mut self, prefix: &str) -> Result<Vec<Comparison>, ConditionsError> {
        let mut found = Vec::new();
        for (suffix, relation) in Relation::ALL {
            if let Some(percent) = self.percent(&format!("{prefix}{suffix}"), 0.0)? {
                found.push(Comparison { relation, percent });
            }
        }
        Ok(found)
    }

    fn percent(&mut self, field: &str, least: f64) -> Result<Option<f64>, ConditionsError> {
        let Some(given) = self.given.remove(field) else { return Ok(None) };
        match given.as_f64() {
            Some(percent) if (least..=100.0).contains(&percent) => Ok(Some(percent)),
            _ => wrong(&self.path, format!("{field} is {given}: it must be a number from {least} to 100")),
        }
    }

    fn needs_one(&self, lists: &[&[Comparison]], example: &str) -> Result<(), ConditionsError> {
        if lists.iter().any(|list| !list.is_empty()) {
            return Ok(());
        }
        wrong(&self.path, format!("compares nothing: give at least one comparison, such as {example}"))
    }
}
