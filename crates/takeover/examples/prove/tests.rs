//! A small search, and proof that it sees gates with a hole.

use crate::model::{
    Takeover,
    bounds::Bounds,
    configurations::{BACKUP_COMES, SEVERAL_ORDERS, SMALL, TWO_CLAIMS},
    flaws::Flaw,
    search::{Outcome, search},
    story,
};

fn searched(bounds: &Bounds, flaw: Flaw, reversed: bool) -> Outcome {
    search(Takeover { bounds: bounds.clone(), flaw, reversed }, 2)
}

#[test]
fn one_takeover_keeps_every_invariant_whatever_is_lost_doubled_or_late() {
    let outcome = searched(&SMALL, Flaw::None, false);
    if let Some((name, path)) = outcome.broken.into_iter().next() {
        panic!("{name}\n{}", story::tell(path));
    }
    let missing: Vec<_> = outcome.missing.iter().filter(|goal| SMALL.must_reach(goal)).collect();
    assert!(missing.is_empty(), "never happened: {missing:?}");
    assert!(outcome.states > 10_000, "only {} states", outcome.states);
}

/// Two states that count as one must lead to the same. If they did not, it would matter which of them comes first.
#[test]
fn in_which_order_a_search_looks_makes_no_difference() {
    let bounds = Bounds { orders: 2, ..SMALL };
    let [one, other] = [false, true].map(|reversed| searched(&bounds, Flaw::None, reversed).states);
    assert_eq!(one, other);
}

/// Searches with a gate that has a hole, and returns what is broken first.
fn found_out(bounds: &Bounds, flaw: Flaw) -> (u8, &'static str) {
    let outcome = searched(bounds, flaw, false);
    let broken = outcome.broken.iter().find_map(|(_, path)| path.last_state().broken);
    let broken = broken.expect("the search is blind");
    (broken.invariant, broken.why)
}

#[test]
fn a_gate_without_the_epoch_check_is_found_out() {
    let why = "a command took effect under an epoch that is not the active one";
    assert_eq!(found_out(&TWO_CLAIMS, Flaw::Epoch), (2, why));
}

#[test]
fn a_gate_without_the_deadline_check_is_found_out() {
    assert_eq!(found_out(&TWO_CLAIMS, Flaw::Deadline), (2, "a command took effect after its deadline"));
}

#[test]
fn a_gate_without_the_duplicate_check_is_found_out() {
    let (invariant, why) = found_out(&TWO_CLAIMS, Flaw::Duplicate);
    assert!(why == "a copy of a command took effect" || invariant == 7, "{invariant} {why}");
}

#[test]
fn a_gate_that_takes_any_grant_is_found_out() {
    let why = "the highest epoch is not the highest that it was told";
    assert_eq!(found_out(&TWO_CLAIMS, Flaw::Grant), (1, why));
}

#[test]
fn a_gate_that_takes_any_heartbeat_is_found_out() {
    let (invariant, why) = found_out(&TWO_CLAIMS, Flaw::Heartbeat);
    assert_eq!(invariant, 1, "{why}");
}

#[test]
fn a_gate_that_takes_any_monitor_is_found_out() {
    assert_eq!(found_out(&BACKUP_COMES, Flaw::Incarnation), (1, "a monitor with a lower incarnation leads"));
}

#[test]
fn a_gate_without_the_sequence_check_is_found_out() {
    let why = "a command took effect after a later one of its epoch";
    assert_eq!(found_out(&SEVERAL_ORDERS, Flaw::Sequence), (2, why));
}
