//! `eval cards`: payments, judged as the Fraud Detection Handbook judges them.

use super::progress;
use crate::out::{count_of, say};
use anyhow::Context;
use std::{
    collections::{BTreeMap, VecDeque},
    path::Path,
};
use watchkeeper_detect::entity::{Evidence, Payment, Payments};
use watchkeeper_eval::cards::{
    DELAY_DAYS, Judged, Split, TEST_DAYS, TRAIN_DAYS, Transaction, average_precision, card_precision, read,
    roc_auc,
};

/// Cards that are looked at in a day.
const TOP: usize = 100;
/// Alerts a day that the threshold allows.
const ALERTS_A_DAY: usize = 25;
/// Weeks, the last ones of the data, that are tested one by one and averaged.
const WEEKS: u32 = 6;
const DAY_SECS: u64 = 86_400;

/// Figures of the handbook's chapter 3, for 8 to 14 August 2018: AUC, average precision, card precision.
const PUBLISHED: [(&str, [f64; 3]); 3] = [
    ("logistic regression", [0.871, 0.606, 0.291]),
    ("random forest", [0.867, 0.658, 0.287]),
    ("XGBoost", [0.862, 0.639, 0.273]),
];

/// The scores of one detector, for every transaction.
struct Detector {
    name: &'static str,
    tuned: &'static str,
    scores: Vec<f64>,
}

pub(super) fn run(folder: &Path) -> anyhow::Result<()> {
    let transactions = read(folder).context("reading the payments")?;
    let last = Split::last(&transactions).context("the payments are of fewer than three weeks")?;
    let (detectors, reasons) = score(&transactions, last);
    let frauds = transactions.iter().filter(|transaction| transaction.is_fraud()).count();
    say(format_args!("cards: {}, {} of them fraud", count_of(transactions.len(), "payment"), frauds))?;
    let first_days = (0..WEEKS).map_while(|back| last.first_day.checked_sub(TEST_DAYS * back));
    let weeks: Vec<Vec<usize>> =
        first_days.map(|first_day| Split { first_day }.test(&transactions)).collect();
    let test = weeks.first().context("the data has a last week")?;
    say(format_args!(
        "test: days {} to {}, {} of cards not known to be compromised",
        last.test_day(),
        last.test_day() + TEST_DAYS - 1,
        count_of(test.len(), "payment")
    ))?;
    say("")?;
    say(format_args!("{:<28} {:>6} {:>6} {:>8}   tuned on", "", "AUC", "AP", "card@100"))?;
    for detector in &detectors {
        let [auc, ap, card] = figures(&transactions, detector, test);
        say(format_args!("{:<28} {auc:>6.3} {ap:>6.3} {card:>8.3}   {}", detector.name, detector.tuned))?;
    }
    for (name, [auc, ap, card]) in PUBLISHED {
        say(format_args!(
            "{name:<28} {auc:>6.3} {ap:>6.3} {card:>8.3}   published, on another week of the same simulator"
        ))?;
    }
    say("")?;
    say(format_args!("mean of the last {} test weeks", weeks.len()))?;
    for detector in &detectors {
        let mut sums = [0.0; 3];
        for week in &weeks {
            let figures = figures(&transactions, detector, week);
            sums.iter_mut().zip(figures).for_each(|(sum, figure)| *sum += figure);
        }
        let [auc, ap, card] = sums.map(|sum| sum / weeks.len() as f64);
        say(format_args!("{:<28} {auc:>6.3} {ap:>6.3} {card:>8.3}", detector.name))?;
    }
    let week: Vec<usize> = (0..transactions.len())
        .filter(|place| {
            transactions.get(*place).is_some_and(|transaction| transaction.day >= last.test_day())
        })
        .collect();
    alerts(&transactions, &detectors, last, &week)?;
    say("")?;
    say("the first alerts of the test week, by watchkeeper with verdicts:")?;
    let Some(with_verdicts) = detectors.last() else { return Ok(()) };
    let threshold = threshold(&transactions, with_verdicts, last);
    let alerted =
        week.iter().filter(|place| with_verdicts.scores.get(**place).is_some_and(|score| *score > threshold));
    for place in alerted.take(5) {
        if let Some((transaction, reason)) = transactions.get(*place).zip(reasons.get(place)) {
            let label = if transaction.is_fraud() { "fraud" } else { "honest" };
            say(format_args!(
                "  day {}, customer {}: {reason} ({label})",
                transaction.day, transaction.customer
            ))?;
        }
    }
    Ok(())
}

/// Returns the scores of every detector, and why payments of the last week were odd, by their place.
fn score(transactions: &[Transaction], last: Split) -> (Vec<Detector>, BTreeMap<usize, String>) {
    let bar = progress(transactions.len(), "payments");
    let (mut alone, mut judged) = (Payments::default(), Payments::default());
    let mut pending: VecDeque<(Payment, Evidence, bool, u64)> = VecDeque::new();
    let (mut without, mut with, mut reasons) = (Vec::new(), Vec::new(), BTreeMap::new());
    for (place, transaction) in transactions.iter().enumerate() {
        while let Some((payment, evidence, is_fraud, due)) = pending.pop_front() {
            if due > transaction.at_secs {
                pending.push_front((payment, evidence, is_fraud, due));
                break;
            }
            judged.handle_verdict(&payment, &evidence, is_fraud, due as f64);
        }
        let payment = Payment {
            at_secs: transaction.at_secs as f64,
            customer: transaction.customer,
            terminal: transaction.terminal,
            amount: transaction.amount,
        };
        without.push(alone.handle_payment(&payment).score);
        let assessment = judged.handle_payment(&payment);
        with.push(assessment.risk.unwrap_or(0.0));
        if let Some(reason) = assessment.reason.filter(|_| transaction.day >= last.test_day()) {
            reasons.insert(place, reason.to_string());
        }
        let due = transaction.at_secs + u64::from(DELAY_DAYS) * DAY_SECS;
        pending.push_back((payment, assessment.evidence, transaction.is_fraud(), due));
        if place.is_multiple_of(1_024) {
            bar.set_position(place as u64);
        }
    }
    bar.finish_and_clear();
    let detectors = vec![
        Detector {
            name: "z-score and the 220 rule",
            tuned: "220 is how the simulator makes scenario 1",
            scores: floor(transactions),
        },
        Detector { name: "watchkeeper, no labels", tuned: "no label", scores: without },
        Detector {
            name: "watchkeeper with verdicts",
            tuned: "verdicts of the past, seven days late",
            scores: with,
        },
    ];
    (detectors, reasons)
}

/// Returns how many deviations each amount is above its customer's mean so far, and above all of them what exceeds 220.
fn floor(transactions: &[Transaction]) -> Vec<f64> {
    let mut customers: BTreeMap<u64, (f64, f64, f64)> = BTreeMap::new();
    let score = |transaction: &Transaction| {
        let (count, mean, squares) = customers.entry(transaction.customer).or_default();
        let off = transaction.amount - *mean;
        let deviation = (*squares / (*count - 1.0).max(1.0)).sqrt();
        let score = if *count >= 5.0 && deviation > 0.0 { off / deviation } else { 0.0 };
        *count += 1.0;
        *mean += off / *count;
        *squares += off * (transaction.amount - *mean);
        if transaction.amount > 220.0 { 1e6 + score } else { score }
    };
    transactions.iter().map(score).collect()
}

fn figures(transactions: &[Transaction], detector: &Detector, test: &[usize]) -> [f64; 3] {
    let judged: Vec<Judged> = test
        .iter()
        .filter_map(|place| transactions.get(*place).zip(detector.scores.get(*place)))
        .map(|(transaction, score)| Judged {
            score: *score,
            is_fraud: transaction.is_fraud(),
            day: transaction.day,
            customer: transaction.customer,
        })
        .collect();
    [roc_auc(&judged), average_precision(&judged), card_precision(&judged, TOP)]
}

/// Returns the score that so many payments a day were above in the week of training: no label goes into it. What is above it
/// alarms.
fn threshold(transactions: &[Transaction], detector: &Detector, split: Split) -> f64 {
    let scored = transactions.iter().zip(&detector.scores);
    let mut scores: Vec<f64> =
        scored.filter(|(transaction, _)| split.trains(transaction.day)).map(|(_, score)| *score).collect();
    scores.sort_by(|a, b| b.total_cmp(a));
    scores.get(ALERTS_A_DAY * TRAIN_DAYS as usize).copied().unwrap_or(f64::INFINITY)
}

/// Says what alerts at the threshold of so many a day come to.
fn alerts(
    transactions: &[Transaction],
    detectors: &[Detector],
    split: Split,
    week: &[usize],
) -> anyhow::Result<()> {
    say("")?;
    say(format_args!(
        "alerts among all payments of the week, at a threshold that {ALERTS_A_DAY} a day passed in the week of training"
    ))?;
    say(format_args!(
        "{:<28} {:>7} {:>9}   recall by scenario: amount, terminal, customer",
        "", "a day", "precision"
    ))?;
    for detector in detectors {
        let threshold = threshold(transactions, detector, split);
        let (mut raised, mut right) = (0_u64, 0_u64);
        let mut by_scenario = [(0_u64, 0_u64); 4];
        for (transaction, score) in
            week.iter().filter_map(|place| transactions.get(*place).zip(detector.scores.get(*place)))
        {
            let is_alert = *score > threshold;
            raised += u64::from(is_alert);
            right += u64::from(is_alert && transaction.is_fraud());
            if let Some((found, all)) = by_scenario.get_mut(usize::from(transaction.scenario)) {
                *found += u64::from(is_alert);
                *all += 1;
            }
        }
        let recalls: Vec<String> = by_scenario
            .iter()
            .skip(1)
            .map(|(found, all)| format!("{found}/{all} ({:.2})", *found as f64 / *all as f64))
            .collect();
        say(format_args!(
            "{:<28} {:>7.1} {:>9.3}   {}",
            detector.name,
            raised as f64 / f64::from(TEST_DAYS),
            right as f64 / raised as f64,
            recalls.join("  ")
        ))?;
    }
    Ok(())
}
