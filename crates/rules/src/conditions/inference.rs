//! What activation conditions are compared with, made of a decision.

use crate::Facts;

/// How close two percentages must be to be the same: confidences come as shares of 1 and lose a digit on the way.
pub(super) const EQUAL_WITHIN: f64 = 1e-9;
/// How many steps of that size a percent has.
const STEPS: f64 = 1e9;
/// What the name of a signal ends in that holds the confidence of a word, before the number of the word.
const WORD: &str = "/word";

/// The answer of a service, as activation conditions see it.
///
/// A decision is read as one thus:
///
/// | there | here |
/// |---|---|
/// | moderation label and its confidence | the action with its confidence, and each alternative with its own |
/// | form key, confidence of its key-value block | a signal of the unit `%`, called as the key; missing or NaN: the key was not found |
/// | confidences of the words of a key and its value | signals of the unit `%` called `KEY/word`, `KEY/word2` and so on |
///
/// Confidences are in percent, 0 to 100.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Inference {
    /// Labels and their confidences, in percent.
    pub labels: Vec<(String, f64)>,
    /// The form keys that were found.
    pub keys: Vec<KeyValue>,
}

/// A form key that was found.
#[derive(Clone, Debug, PartialEq)]
pub struct KeyValue {
    /// The key as it was read.
    pub name: String,
    /// Confidence of the key-value block, in percent.
    pub confidence: f64,
    /// Confidences of the words that the key and its value are made of, in percent.
    pub words: Vec<f64>,
}

impl Inference {
    /// Reads a decision as an inference.
    pub fn of(facts: &Facts<'_>) -> Self {
        let decision = facts.decision;
        let own = decision.confidence.map(|confidence| (&decision.action, confidence));
        let others = decision.alternatives.iter().map(|one| (&one.action, one.confidence));
        let labels = own.into_iter().chain(others);
        let mut inference = Self {
            labels: labels.map(|(name, share)| (name.as_str().to_owned(), percent(share.get()))).collect(),
            keys: Vec::new(),
        };
        let shares = || facts.present_signals().filter(|(spec, _)| spec.unit.as_str() == "%");
        for (spec, confidence) in shares() {
            if word_of(spec.name.as_str()).is_none() {
                let name = spec.name.as_str().to_owned();
                inference.keys.push(KeyValue { name, confidence, words: Vec::new() });
            }
        }
        for (spec, confidence) in shares() {
            let key = word_of(spec.name.as_str());
            if let Some(found) = inference.keys.iter_mut().find(|known| Some(known.name.as_str()) == key) {
                found.words.push(confidence);
            }
        }
        inference
    }
}

/// Returns the key that a word belongs to; `None` where the signal is no word.
fn word_of(signal: &str) -> Option<&str> {
    let (key, number) = signal.rsplit_once(WORD)?;
    number.chars().all(|digit| digit.is_ascii_digit()).then_some(key)
}

/// Returns a share of 1 in percent, without the digits that the step makes up.
fn percent(share: f64) -> f64 {
    (share * 100.0 * STEPS).round() / STEPS
}
