//! What an agent asks, in words that count down.

use super::countdown;
use crate::AgentPicture;
use std::time::Duration;
use watchkeeper_model::{MonoTime, QuestionPolicy};
use watchkeeper_protocol::agent::Question;

/// Returns what an agent asks, oldest first: the question, and what happens without an answer, and when.
pub fn rows(entry: &AgentPicture, now: MonoTime) -> Vec<String> {
    entry.status().questions.iter().map(|question| words(question, entry, now)).collect()
}

/// Returns the options as a person may type them: `0 pass, 1 wait`.
pub fn options(question: &Question) -> String {
    let numbered: Vec<String> =
        question.options.iter().enumerate().map(|(number, option)| format!("{number} {option}")).collect();
    numbered.join(", ")
}

fn words(question: &Question, entry: &AgentPicture, now: MonoTime) -> String {
    let left = Duration::from_nanos(question.left_nanos).saturating_sub(now.since(entry.received_at()));
    let default =
        question.options.get(usize::from(question.default)).map_or("its default", |option| option.as_str());
    let then = match question.policy {
        QuestionPolicy::Optional => format!("it takes {default:?}"),
        QuestionPolicy::Required => format!("it takes {default:?}, and a vehicle falls back"),
    };
    format!("{} ({}); without an answer in {}: {then}", question.prompt, options(question), countdown(left))
}
