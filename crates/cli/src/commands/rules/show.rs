//! What `rules` prints.

use super::table::table;
use crate::{
    backtest::{Flip, Totals},
    out::{count, count_of},
};
use std::path::Path;
use watchkeeper_rules::{Rule, RuleSet};
use watchkeeper_server::{RuleAction, RuleChangeNote};

/// Widest condition in a table; a longer one is cut.
const CONDITION: usize = 60;

/// Returns what each rule of a file does.
pub(super) fn rules(file: &Path, rules: &RuleSet) -> String {
    let number = count_of(rules.rules().len(), "rule");
    let head = format!("{}: {number}, version {}", file.display(), rules.version().short());
    if rules.rules().is_empty() {
        return head;
    }
    let rows: Vec<Vec<String>> = rules
        .rules()
        .iter()
        .map(|rule| {
            vec![
                rule.id().to_string(),
                rule.does().word().to_owned(),
                rule.severity().to_string(),
                rule.response().to_string(),
                agents(rule),
                cut(&rule.condition()),
            ]
        })
        .collect();
    let names = ["rule", "does", "severity", "response", "agents", "when"];
    format!("{head}\n\n{}", table(&names, &rows, &[]))
}

fn agents(rule: &Rule) -> String {
    let agents = rule.agents().as_str();
    rule.kind().map_or_else(|| agents.to_owned(), |kind| format!("{agents} ({kind})"))
}

fn cut(text: &str) -> String {
    if text.chars().count() <= CONDITION {
        return text.to_owned();
    }
    let beginning: String = text.chars().take(CONDITION - 3).collect();
    format!("{beginning}...")
}

/// Returns every version, the newest first.
pub(super) fn versions(file: &Path, history: &[RuleChangeNote]) -> String {
    if history.is_empty() {
        return format!("no version of {} was ever in force", file.display());
    }
    let rows: Vec<Vec<String>> = history
        .iter()
        .rev()
        .enumerate()
        .map(|(age, change)| {
            let action = match change.action {
                RuleAction::Activate => "activated",
                RuleAction::Rollback => "went back",
            };
            vec![
                if age == 0 { "in force".to_owned() } else { String::new() },
                change.version.short(),
                change.at.clone(),
                change.by.to_string(),
                action.to_owned(),
                change.reason.to_string(),
            ]
        })
        .collect();
    table(&["", "version", "when", "who", "what", "why"], &rows, &[])
}

/// Returns the names above the flips.
pub(super) fn flip_head() -> String {
    flip_line("time", "agent", "decision", "rule", "before", "after")
}

/// Returns one flip. They are printed as they are found, in columns of a fixed width.
pub(super) fn flip(flip: &Flip) -> String {
    let decision = flip.decision.to_string();
    flip_line(&flip.time, flip.agent.as_str(), &decision, &flip.rule, &flip.before, &flip.after)
}

fn flip_line(time: &str, agent: &str, decision: &str, rule: &str, before: &str, after: &str) -> String {
    format!("{time:<24}  {agent:<16}  {decision:>9}  {rule:<20}  {before:<18}  {after}").trim_end().to_owned()
}

/// Returns how often each rule stood.
pub(super) fn totals(totals: &Totals) -> String {
    let (Some(from), Some(to)) = (&totals.from, &totals.to) else {
        return "no decision was recorded in that time".to_owned();
    };
    let decisions = count(totals.decisions, "decision");
    let agents = count_of(totals.agents.len(), "agent");
    let head = format!("{decisions} of {agents}, from {from} to {to}");
    if totals.rules.is_empty() {
        return format!("{head}\nno rule stood after any of them, before or after");
    }
    let rows: Vec<Vec<String>> = totals
        .rules
        .iter()
        .map(|(rule, tally)| {
            let numbers = [tally.before, tally.after, tally.flips].map(|number| number.to_string());
            std::iter::once(rule.clone()).chain(numbers).collect()
        })
        .collect();
    let flips: u64 = totals.rules.values().map(|tally| tally.flips).sum();
    let names = ["rule", "stood before", "stands after", "changed"];
    let change = if flips == 0 { "nothing would have changed".to_owned() } else { count(flips, "change") };
    format!("{head}: {change}\n\n{}", table(&names, &rows, &[1, 2, 3]))
}
