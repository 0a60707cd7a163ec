//! Samples: the share that was asked for, and the same decisions each time.

use crate::Bench;
use std::collections::BTreeSet;
use uuid::Uuid;
use watchkeeper_model::{AgentId, BootId, DecisionSeq};
use watchkeeper_rules::{EventId, RuleId, is_sampled};

const MILLION: u64 = 1_000_000;

fn sampled(rule: &str, percent: f64, seqs: impl Iterator<Item = u64>) -> BTreeSet<u64> {
    let bench = Bench::new("clerk-1", &[]);
    let rule = RuleId::new(rule).unwrap();
    seqs.filter(|seq| {
        let event = EventId { agent: &bench.agent, boot_id: bench.boot_id, seq: DecisionSeq(*seq) };
        is_sampled(&rule, event, percent)
    })
    .collect()
}

/// Three standard deviations of a binomial count.
fn three_sigma(count: u64, share: f64) -> f64 {
    3.0 * (count as f64 * share * (1.0 - share)).sqrt()
}

#[test]
fn one_percent_of_a_million_is_ten_thousand_within_three_sigma() {
    let found = sampled("audit", 1.0, 1..=MILLION).len() as f64;
    let allowed = three_sigma(MILLION, 0.01);
    println!("sampled {found} of {MILLION}, 10000 +- {allowed:.0}");
    assert!((found - 10_000.0).abs() <= allowed, "{found} is not 10000 +- {allowed:.0}");
}

#[test]
fn agents_and_runs_that_differ_in_little_are_sampled_as_evenly() {
    let rule = RuleId::new("audit").unwrap();
    let mut found = 0_u32;
    for agent in 0..1_000_u32 {
        let id = AgentId::new(&format!("clerk-{agent}")).unwrap();
        for boot in 0..1_000_u128 {
            let event = EventId { agent: &id, boot_id: BootId(Uuid::from_u128(boot)), seq: DecisionSeq(1) };
            found += u32::from(is_sampled(&rule, event, 1.0));
        }
    }
    let allowed = three_sigma(MILLION, 0.01);
    assert!((f64::from(found) - 10_000.0).abs() <= allowed, "{found} is not 10000 +- {allowed:.0}");
}

#[test]
fn the_same_decisions_are_sampled_each_time_in_whatever_order_they_come() {
    let forward = sampled("audit", 1.0, 1..=100_000);
    assert_eq!(forward, sampled("audit", 1.0, (1..=100_000).rev()));
    assert!(!forward.is_empty());
    // Written down once: another hash, or another way of feeding it, would sample other decisions.
    let first: Vec<u64> = forward.into_iter().take(5).collect();
    assert_eq!(first, FIRST_OF_AUDIT);
}

/// The first five decisions of `clerk-1` in the run 00000000-0000-0000-0000-000000000007 that `audit` samples at 1 %,
/// computed outside of this crate.
const FIRST_OF_AUDIT: [u64; 5] = [243, 351, 352, 381, 546];

#[test]
fn a_larger_share_holds_the_smaller_one_whole() {
    let small = sampled("audit", 1.0, 1..=100_000);
    let large = sampled("audit", 5.0, 1..=100_000);
    assert!(small.is_subset(&large) && large.len() > 4 * small.len());
    assert_eq!(sampled("audit", 100.0, 1..=1_000).len(), 1_000);
}

#[test]
fn the_samples_of_two_rules_have_nothing_to_do_with_each_other() {
    let one = sampled("audit", 10.0, 1..=MILLION);
    let other = sampled("second-look", 10.0, 1..=MILLION);
    let both = one.intersection(&other).count() as f64;
    let allowed = three_sigma(MILLION, 0.01);
    assert!((both - 10_000.0).abs() <= allowed, "{both} decisions are in both, not 10000 +- {allowed:.0}");
}
