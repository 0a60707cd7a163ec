//! The handbook's figures, by cases computed by hand, and its split.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::{fs::File, io::Write, path::PathBuf};
use watchkeeper_eval::cards::{Judged, Split, Transaction, average_precision, card_precision, read, roc_auc};

fn judged(payments: &[(f64, bool)]) -> Vec<Judged> {
    let payment =
        |(score, is_fraud): &(f64, bool)| Judged { score: *score, is_fraud: *is_fraud, day: 0, customer: 0 };
    payments.iter().map(payment).collect()
}

#[test]
fn area_and_average_precision_are_what_they_are_by_hand() {
    // Of six pairs of a fraud and another four are in order, and one is a tie: 4.5 / 6. Precision 1 / 1 at the first fraud;
    // the second shares its step with an honest one: 2 / 4, after one above it.
    let payments = judged(&[(0.9, true), (0.8, false), (0.5, true), (0.5, false), (0.1, false)]);
    assert!((roc_auc(&payments) - 4.5 / 6.0).abs() < 1e-12);
    assert!((average_precision(&payments) - (0.5 * 1.0 + 0.5 * 2.0 / 4.0)).abs() < 1e-12);
    let perfect = judged(&[(0.9, true), (0.1, false)]);
    assert!((roc_auc(&perfect) - 1.0).abs() < 1e-12 && (average_precision(&perfect) - 1.0).abs() < 1e-12);
    let blind = judged(&[(0.5, true), (0.5, false), (0.5, false), (0.5, false)]);
    assert!((roc_auc(&blind) - 0.5).abs() < 1e-12 && (average_precision(&blind) - 0.25).abs() < 1e-12);
    assert!(
        roc_auc(&judged(&[(0.5, false)])).is_nan() && average_precision(&judged(&[(0.5, false)])).is_nan()
    );
}

#[test]
fn a_card_counts_once_a_day_by_its_highest_score_and_no_more_once_it_is_found() {
    let payment = |day, customer, score, is_fraud| Judged { score, is_fraud, day, customer };
    // Card 1 is found on day 0 by its honest payment: the card is what is looked at. On day 1 it is gone, so that card 3,
    // compromised, is among the first two. On day 2 nothing is compromised.
    let payments = [
        payment(0, 1, 0.9, false),
        payment(0, 1, 0.1, true),
        payment(0, 2, 0.8, false),
        payment(0, 3, 0.7, true),
        payment(1, 1, 0.9, true),
        payment(1, 2, 0.8, false),
        payment(1, 3, 0.7, true),
        payment(2, 2, 0.5, false),
    ];
    assert!((card_precision(&payments, 2) - (0.5 + 0.5 + 0.0) / 3.0).abs() < 1e-12);
    assert!((card_precision(&payments, 1) - (1.0 + 0.0 + 0.0) / 3.0).abs() < 1e-12);
    assert!(card_precision(&[], 2).is_nan());
}

#[test]
fn cards_known_by_the_day_before_are_not_judged() {
    let payment = |day: u32, customer: u64, scenario: u8| Transaction {
        at_secs: u64::from(day) * 86_400,
        day,
        customer,
        terminal: 0,
        amount: 1.0,
        scenario,
    };
    // Card 1 is fraud in the training, card 2 on the first day of delay: known for the test from its second day on. Card 3 is
    // fraud on the last day of delay, of which nothing is known before the test is over.
    let mut payments = vec![payment(6, 1, 1), payment(7, 2, 2), payment(13, 3, 3)];
    for day in 14..21 {
        payments.extend((1..=4).map(|customer| payment(day, customer, 0)));
    }
    let split = Split::last(&payments).unwrap();
    assert_eq!((split.first_day, split.test_day(), split.trains(6), split.trains(7)), (0, 14, true, false));
    let of = |customer: u64| -> Vec<u32> {
        let test = split.test(&payments).into_iter().map(|place| payments[place]);
        test.filter(|payment| payment.customer == customer).map(|payment| payment.day).collect()
    };
    assert_eq!((of(1), of(2)), (vec![], vec![14]));
    assert_eq!((of(3), of(4)), ((14..21).collect(), (14..21).collect()));
    assert_eq!(Split::last(&payments[..2]), None);
}

#[test]
fn what_cannot_be_read_is_named_with_its_row() {
    let folder = tempfile::tempdir().unwrap();
    let write = |rows: &str| {
        let file = File::create(folder.path().join("transactions-2018-04-to-06.csv.gz")).unwrap();
        let mut packed = flate2::write::GzEncoder::new(file, flate2::Compression::fast());
        let head = "TRANSACTION_ID,TX_DATETIME,CUSTOMER_ID,TERMINAL_ID,TX_AMOUNT,TX_TIME_SECONDS,TX_TIME_DAYS,TX_FRAUD,TX_FRAUD_SCENARIO";
        writeln!(packed, "{head}\n{rows}").unwrap();
        packed.finish().unwrap();
    };
    write("0,2018-04-01 00:00:31,596,3156,57.16,31,0,0,0\n1,2018-04-01 00:02:10,4961,3412,81.51,130,0,1,3");
    let payments = read(folder.path()).unwrap();
    assert_eq!((payments.len(), payments[0].customer, payments[1].terminal), (2, 596, 3_412));
    assert!(!payments[0].is_fraud() && payments[1].is_fraud() && payments[1].scenario == 3);
    write("0,2018-04-01 00:00:31,596,3156,much,31,0,0,0");
    assert!(read(folder.path()).unwrap_err().to_string().contains("row 2: column 5"));
    write("0,2018-04-01 00:00:31,596,3156,57.16,31,0,1,4");
    assert!(read(folder.path()).unwrap_err().to_string().contains("row 2: column 9: 4"));
    assert!(read(&PathBuf::from("nowhere")).unwrap_err().to_string().contains("nowhere"));
}
