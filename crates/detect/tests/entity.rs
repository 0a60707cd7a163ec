//! Payments by customer and terminal, with figures that can be checked by hand.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use watchkeeper_detect::entity::{Assessment, Payment, Payments, Reason};

const DAY: f64 = 86_400.0;

fn payment(day: f64, customer: u64, terminal: u64, amount: f64) -> Payment {
    Payment { at_secs: day * DAY, customer, terminal, amount }
}

/// Returns the amount of a customer's nth payment: 40 to 60, or ten times as much for every tenth customer.
fn usual(customer: u64, nth: u32) -> f64 {
    let amount = 40.0 + f64::from(nth % 5) * 5.0;
    if customer.is_multiple_of(10) { 10.0 * amount } else { amount }
}

/// Returns the profiles of 50 customers who paid once a day for 60 days, each at a terminal of his own.
fn after_two_months() -> Payments {
    let mut payments = Payments::default();
    for day in 0..60 {
        for customer in 0..50 {
            payments.handle_payment(&payment(f64::from(day), customer, customer, usual(customer, day)));
        }
    }
    payments
}

#[test]
fn what_a_customer_always_spends_is_not_odd_and_what_another_spends_is() {
    let mut payments = after_two_months();
    let quiet = payments.clone().handle_payment(&payment(60.0, 10, 10, 500.0));
    assert!(quiet.score < 0.95, "{quiet:?}");
    let loud = payments.handle_payment(&payment(60.0, 11, 11, 500.0));
    assert!(loud.score > 0.999 && loud.risk.is_none(), "{loud:?}");
    let Some(Reason::Customer { amount, usual }) = loud.reason else { panic!("{loud:?}") };
    assert!((amount - 500.0).abs() < 1e-9 && (usual - 50.0).abs() < 1.0, "{loud:?}");
    assert_eq!(loud.reason.unwrap().to_string(), format!("500.00, this customer usually spends {usual:.2}"));
}

#[test]
fn what_nobody_spends_is_odd_of_a_new_customer_too() {
    let mut payments = after_two_months();
    let found = payments.handle_payment(&payment(60.0, 999, 0, 5_000.0));
    let Some(Reason::Everybody { one_in, .. }) = found.reason else { panic!("{found:?}") };
    assert!((one_in - 3_001.0).abs() < 1e-6, "none of 3,000 was as large: {one_in}");
    assert!((found.score - (1.0 - 1.0 / 3_001.0)).abs() < 1e-9, "{found:?}");
}

/// Plays days of which each payment is judged two days later: those at terminal 7 from day 20 on are fraud.
fn with_verdicts(days: u32) -> (Payments, Vec<(u32, Assessment)>) {
    let mut payments = Payments::default();
    let (mut pending, mut at_seven) = (Vec::new(), Vec::new());
    for day in 0..days {
        for (payment, evidence, is_fraud) in pending
            .extract_if(.., |(p, ..): &mut (Payment, _, _)| p.at_secs <= f64::from(day - 2.min(day)) * DAY)
        {
            payments.handle_verdict(&payment, &evidence, is_fraud, f64::from(day) * DAY);
        }
        for customer in 0..50_u64 {
            let terminal = (customer + u64::from(day)) % 50;
            let payment = payment(f64::from(day), customer, terminal, usual(customer, day));
            let found = payments.handle_payment(&payment);
            pending.push((payment, found.evidence, terminal == 7 && day >= 20));
            if terminal == 7 {
                at_seven.push((day, found));
            }
        }
    }
    (payments, at_seven)
}

#[test]
fn a_terminal_is_known_once_verdicts_say_so_and_not_before() {
    let (_, at_seven) = with_verdicts(40);
    let risk = |day: usize| at_seven[day].1.risk.unwrap_or(0.0);
    assert!(at_seven.iter().all(|(_, found)| found.score < 0.999), "amounts say nothing");
    assert!((3..22).all(|day| risk(day) < 0.5), "{:?}", (3..22).map(risk).collect::<Vec<_>>());
    assert!((30..40).all(|day| risk(day) > 0.5), "{:?}", (30..40).map(risk).collect::<Vec<_>>());
    let Some(Reason::Terminal { frauds, judged }) = at_seven[39].1.reason else {
        panic!("{:?}", at_seven[39])
    };
    assert!(frauds > 10.0 && judged > frauds && judged < 30.0, "{frauds} of {judged}");
}

#[test]
fn the_same_payments_give_the_same_assessments() {
    let bits = |found: &(u32, Assessment)| (found.1.score.to_bits(), found.1.risk.map(f64::to_bits));
    let (_, one) = with_verdicts(30);
    let (_, other) = with_verdicts(30);
    assert!(one.iter().map(bits).eq(other.iter().map(bits)));
}

#[test]
fn the_customer_not_seen_for_longest_gives_way() {
    let mut payments = Payments::new(3);
    for customer in [1, 2, 3, 1, 4] {
        payments.handle_payment(&payment(0.0, customer, customer, 50.0));
    }
    assert_eq!(payments.entities(), (3, 3));
    let usual = |payments: &Payments, customer| match payments
        .clone()
        .handle_payment(&payment(1.0, customer, 9, 1e6))
        .reason
    {
        Some(Reason::Customer { usual, .. }) => usual,
        _ => 0.0,
    };
    assert!((usual(&payments, 1) - 50.0).abs() < 1e-9, "used again");
    assert!(usual(&payments, 2).abs() < 1e-9, "forgotten");
    for customer in 0..10_000 {
        payments.handle_payment(&payment(2.0, customer, customer, 50.0));
    }
    assert_eq!(payments.entities(), (3, 3));
}

#[test]
fn what_is_no_number_and_what_is_huge_break_nothing() {
    let odd = [f64::NAN, f64::INFINITY, f64::MIN, f64::MAX, -1.0, 0.0, 1e308, f64::MIN_POSITIVE, 50.0];
    let mut payments = Payments::default();
    for index in 0..5_000_usize {
        let (amount, at_secs) = (odd[index % odd.len()], odd[index / 3 % odd.len()]);
        let customer = index as u64 % 4;
        let payment = Payment { at_secs, customer, terminal: customer, amount };
        let found = payments.handle_payment(&payment);
        assert!((0.0..=1.0).contains(&found.score), "{payment:?}: {found:?}");
        assert!(found.risk.is_none_or(|risk| (0.0..=1.0).contains(&risk)), "{payment:?}: {found:?}");
        payments.handle_verdict(&payment, &found.evidence, index % 5 == 0, at_secs);
    }
}

#[test]
fn a_verdict_on_what_was_not_judged_teaches_nothing() {
    let (mut payments, _) = with_verdicts(30);
    let before = payments.clone();
    for amount in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let payment = payment(31.0, 3, 3, amount);
        let found = payments.handle_payment(&payment);
        payments.handle_verdict(&payment, &found.evidence, true, 40.0);
    }
    assert_eq!(format!("{payments:?}"), format!("{before:?}"));
}
