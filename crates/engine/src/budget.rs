//! Whether a takeover kept the machine's budgets (`takeover.md` 3.3), and in which words it did not.
//!
//! How long the person took is no breach: the deadline of the demand bounds it.

use std::time::Duration;
use watchkeeper_model::{AgentKind, Stage, StageOwner, machine_budget};

/// Returns which hard budgets the stages of a takeover broke, each in words with both figures, and last the budget of
/// all machine stages together; that one says nothing about some of them, or about what is unknown.
pub(crate) fn broken_budgets(
    kind: AgentKind,
    spans: impl Iterator<Item = (Stage, Option<Duration>)>,
) -> Vec<String> {
    let (mut broken, mut measured, mut together) = (Vec::new(), 0, Duration::ZERO);
    for (stage, span) in spans.filter(|(stage, _)| stage.owner() == StageOwner::Machine) {
        let Some((_, hard)) = stage.budget(kind) else { continue };
        if stage.is_broken_by(span, kind) {
            broken.push(in_words(stage.word(), span, hard));
        }
        measured += usize::from(span.is_some());
        together += span.unwrap_or_default();
    }
    let (_, hard) = machine_budget(kind);
    let stages = Stage::ALL.iter().filter(|stage| stage.owner() == StageOwner::Machine).count();
    if measured == stages && together > hard {
        broken.push(in_words("the whole machine", Some(together), hard));
    }
    broken
}

fn in_words(what: &str, span: Option<Duration>, hard: Duration) -> String {
    let budget = hard.as_millis();
    match span {
        Some(span) => format!("{what} took {} ms, budget {budget} ms", above(span, hard)),
        None => format!("{what} is unknown, budget {budget} ms"),
    }
}

/// Returns a span in whole milliseconds, where those say that it is above `hard`.
fn above(span: Duration, hard: Duration) -> String {
    if span.as_millis() > hard.as_millis() {
        span.as_millis().to_string()
    } else {
        format!("{:.3}", span.as_secs_f64() * 1e3)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VEHICLE: AgentKind = AgentKind::Vehicle;

    fn spans(millis: [u64; 5]) -> impl Iterator<Item = (Stage, Option<Duration>)> {
        Stage::ALL.iter().copied().zip(millis.map(|millis| Some(Duration::from_millis(millis))))
    }

    #[test]
    fn a_takeover_at_its_hard_budgets_kept_them() {
        assert_eq!(broken_budgets(VEHICLE, spans([250, 250, 60_000, 200, 500])), Vec::<String>::new());
    }

    #[test]
    fn a_stage_above_its_hard_budget_is_named_with_both_figures() {
        let broken = broken_budgets(VEHICLE, spans([3, 4, 5_000, 410, 7]));
        assert_eq!(broken, ["command took 410 ms, budget 200 ms"]);
    }

    #[test]
    fn a_breach_by_less_than_a_millisecond_does_not_read_as_none() {
        let span = (Stage::Command, Some(Duration::from_micros(200_250)));
        let broken = broken_budgets(VEHICLE, std::iter::once(span));
        assert_eq!(broken, ["command took 200.250 ms, budget 200 ms"]);
    }

    #[test]
    fn what_is_unknown_is_a_breach_of_a_machine_stage_only() {
        let unknown = [(Stage::Notify, None), (Stage::Decide, None)];
        assert_eq!(broken_budgets(VEHICLE, unknown.into_iter()), ["notify is unknown, budget 250 ms"]);
    }

    #[test]
    fn stages_that_each_keep_their_budget_may_break_that_of_all() {
        let kind = AgentKind::Transaction;
        let broken = broken_budgets(kind, spans([500, 2_000, 1, 1_000, 1_600]));
        assert_eq!(broken, ["the whole machine took 5100 ms, budget 5000 ms"]);
        let three = spans([500, 2_000, 1, 1_000, 1_600]).filter(|(stage, _)| *stage != Stage::Detect);
        assert_eq!(broken_budgets(kind, three), Vec::<String>::new());
    }
}
