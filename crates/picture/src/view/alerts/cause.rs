//! Why an alert was raised, in one plain sentence.

use crate::view::words::plain;
use watchkeeper_model::{Alarm, MAX_SAMPLES, SignalEvidence};

/// So many samples in a row that do not differ at all are no chance: every healthy sensor is noisy.
const FROZEN: usize = 3;

/// Returns the monitor's sentence, and what was expected and what came where it does not say so itself.
///
/// `speed signal frozen for 2.1 s while others moved; expected 11.8 to 13.9 m/s, got 12.6 exactly 42 times`
pub fn cause_text(alarm: &Alarm) -> String {
    let said = alarm.explanation.text.to_string();
    let Some(lead) = alarm.explanation.signals.first() else { return said };
    // A sentence that names the band names the value too.
    if ["expected", "allows"].iter().any(|word| said.contains(word)) {
        return said;
    }
    let value = plain(lead.value);
    let expected = expected(lead);
    let came = match (&expected, lead.unit.as_str()) {
        (Some(_), _) => format!("got {value}"),
        (None, "") => format!("{} is {value}", lead.signal),
        (None, unit) => format!("{} is {value} {unit}", lead.signal),
    };
    let mut more: Vec<_> = expected.into_iter().collect();
    match times(alarm) {
        Some(times) => more.push(format!("{came} exactly {times}")),
        None if !said.contains(&value) && !lead.value.is_nan() => more.push(came),
        None => {}
    }
    if more.is_empty() {
        return said;
    }
    let more = more.join(", ");
    if said.is_empty() { more } else { format!("{said}; {more}") }
}

/// Returns the band in words: `expected 11.8 to 13.9 m/s`.
pub(crate) fn expected(evidence: &SignalEvidence) -> Option<String> {
    let unit = &evidence.unit;
    let unit = if unit.as_str().is_empty() { String::new() } else { format!(" {unit}") };
    match (evidence.expected_low, evidence.expected_high) {
        (Some(low), Some(high)) => Some(format!("expected {} to {}{unit}", plain(low), plain(high))),
        (Some(low), None) => Some(format!("expected at least {}{unit}", plain(low))),
        (None, Some(high)) => Some(format!("expected at most {}{unit}", plain(high))),
        (None, None) => None,
    }
}

/// Returns how often the same value came, where it came again and again.
fn times(alarm: &Alarm) -> Option<String> {
    let samples = &alarm.explanation.samples;
    let newest = samples.last()?.value;
    if newest.is_nan() {
        return None;
    }
    let same = |value: f64| value.to_bits() == newest.to_bits();
    let run = samples.iter().rev().take_while(|sample| same(sample.value)).count();
    if run < FROZEN {
        return None;
    }
    // An explanation carries no more samples than that: found again since means the same value again.
    let count = u64::try_from(run).unwrap_or(u64::MAX);
    let more = run == MAX_SAMPLES && alarm.count > count;
    Some(if more { format!("{} times", alarm.count) } else { format!("{count} times") })
}
