//! How well scores tell fraud: the three figures of the handbook (chapter 4).

use crate::ranking::{Ranking, Step};
use std::collections::{BTreeMap, BTreeSet};

/// A payment that was judged.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Judged {
    /// What the detector says; more is likelier fraud.
    pub score: f64,
    /// Whether it is.
    pub is_fraud: bool,
    /// On which day.
    pub day: u32,
    /// Whose card.
    pub customer: u64,
}

fn ranking(judged: &[Judged]) -> Ranking {
    Ranking::new(judged.iter().map(|judged| (judged.score, judged.is_fraud)).collect())
}

/// Returns the area under the ROC curve, 0 to 1: how often a fraud has the higher score; a tie counts half. NaN where there is
/// no fraud, or nothing else.
pub fn roc_auc(judged: &[Judged]) -> f64 {
    ranking(judged).auc()
}

/// Returns the average precision, 0 to 1: precision at each step weighted by the recall it adds, without interpolation. NaN
/// where there is no fraud.
pub fn average_precision(judged: &[Judged]) -> f64 {
    let (mut found, mut sum) = (0, 0.0);
    for Step { hits, false_alarms, .. } in ranking(judged).steps() {
        sum += (hits - found) as f64 * hits as f64 / (hits + false_alarms) as f64;
        found = hits;
    }
    sum / found as f64
}

/// Returns the card precision among the `top` cards of a day, 0 to 1, averaged over days: a card has the highest score of its
/// payments, and is compromised where any of them is fraud. What was found on one day is looked at no more on later ones. Of
/// equal scores the lower number of a card comes first. NaN where there is no day.
pub fn card_precision(judged: &[Judged], top: usize) -> f64 {
    let mut days: BTreeMap<u32, BTreeMap<u64, (f64, bool)>> = BTreeMap::new();
    for payment in judged {
        let card = days.entry(payment.day).or_default().entry(payment.customer);
        let (score, is_fraud) = card.or_insert((f64::NEG_INFINITY, false));
        *score = score.max(payment.score);
        *is_fraud |= payment.is_fraud;
    }
    let mut found = BTreeSet::new();
    let mut sum = 0.0;
    let count = days.len() as f64;
    for cards in days.into_values() {
        let mut order: Vec<(u64, (f64, bool))> =
            cards.into_iter().filter(|(card, _)| !found.contains(card)).collect();
        order.sort_by(|(_, (a, _)), (_, (b, _))| b.total_cmp(a));
        let hits: Vec<u64> =
            order.iter().take(top).filter(|(_, (_, is_fraud))| *is_fraud).map(|(card, _)| *card).collect();
        sum += hits.len() as f64 / top as f64;
        found.extend(hits);
    }
    sum / count
}
