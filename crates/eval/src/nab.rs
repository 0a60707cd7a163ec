//! The Numenta Anomaly Benchmark (Lavin and Ahmad 2015, "Evaluating Real-time Anomaly Detection Algorithms", and its
//! scorer `nab/scorer.py`): 58 series, 116 labelled windows, three application profiles.
//!
//! A detector gives each row a score; one threshold over all series makes alarms of them. An alarm in a window counts the
//! more the earlier it comes, once; outside it costs the more the further it is behind the last window. NAB takes the
//! threshold that is best on its own labels: a figure of it was tuned on them. [`cross_fit`] takes each half's threshold
//! from the other half.

mod corpus;
mod stored;

pub use corpus::{Corpus, CorpusError, Row, Series};
pub use stored::{Published, StoredError, published, stored};

/// What an alarm is worth to whom.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Profile {
    /// Its name in NAB's `profiles.json` and results.
    pub name: &'static str,
    /// What the earliest alarm of a window is worth.
    pub true_positive: f64,
    /// What a window without an alarm costs.
    pub false_negative: f64,
    /// What an alarm far from any window costs.
    pub false_positive: f64,
}

/// NAB's three profiles, as its `profiles.json` has them.
pub const PROFILES: [Profile; 3] = [
    Profile { name: "standard", true_positive: 1.0, false_negative: 1.0, false_positive: 0.11 },
    Profile { name: "reward_low_FP_rate", true_positive: 1.0, false_negative: 1.0, false_positive: 0.22 },
    Profile { name: "reward_low_FN_rate", true_positive: 1.0, false_negative: 2.0, false_positive: 0.11 },
];

/// The scores of every row of every series, in the corpus' order; NaN never alarms.
pub type Scores = Vec<Vec<f64>>;

/// How a detector does under one profile, at one threshold.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Verdict {
    /// A row alarms from this score on; infinite: none does.
    pub threshold: f64,
    /// NAB's score: 0 is no alarm at all, 100 the earliest possible alarm of each window and no other.
    pub normalised: f64,
    /// Windows with an alarm.
    pub found: usize,
    /// Rows outside of windows that alarm.
    pub false_alarms: usize,
}

/// NAB does not score the first rows of a series: 15 %, 750 at most.
fn probation(rows: usize) -> usize {
    (rows * 15 / 100).min(750)
}

/// NAB's scaled sigmoid: 1 far before, 0 at 0, -1 from 3 on.
fn sigmoid(y: f64) -> f64 {
    if y > 3.0 { -1.0 } else { 2.0 / (1.0 + (5.0 * y).exp()) - 1.0 }
}

/// What an alarm at a row is worth before weights, and in which window it is.
fn worth(series: &Series, row: usize) -> (f64, Option<usize>) {
    let before = series.windows.iter().rposition(|(first, _)| *first <= row);
    let Some(window) = before else { return (-1.0, None) };
    let Some((first, last)) = series.windows.get(window).copied() else { return (-1.0, None) };
    let width = (last - first + 1) as f64;
    if row <= last {
        let y = -((last - row + 1) as f64) / width;
        return (sigmoid(y) / sigmoid(-1.0), Some(window));
    }
    let y = (row - last) as f64 / (width - 1.0);
    (sigmoid(y), None)
}

/// A row that counts: what it scored, in which series, what it is worth, and in which window it is.
#[derive(Clone, Copy, Debug)]
struct Judged {
    score: f64,
    worth: f64,
    /// Counted over all series.
    window: Option<usize>,
}

/// Returns every row that counts, the highest score first, and how many windows there are.
fn judged(corpus: &Corpus, scores: &Scores, pick: impl Fn(usize) -> bool) -> (Vec<Judged>, usize) {
    let (mut rows, mut windows) = (Vec::new(), 0);
    for (index, (series, scores)) in corpus.series.iter().zip(scores).enumerate() {
        if !pick(index) {
            continue;
        }
        for (row, score) in scores.iter().enumerate().skip(probation(series.rows.len())) {
            let (worth, window) = worth(series, row);
            if !score.is_nan() {
                rows.push(Judged { score: *score, worth, window: window.map(|window| windows + window) });
            }
        }
        windows += series.windows.len();
    }
    rows.sort_by(|a, b| b.score.total_cmp(&a.score));
    (rows, windows)
}

/// The sum so far while the threshold goes down.
struct Sum {
    profile: Profile,
    /// The best alarm of each window.
    best: Vec<Option<f64>>,
    raw: f64,
    false_alarms: usize,
}

impl Sum {
    fn new(profile: Profile, windows: usize) -> Self {
        let raw = -profile.false_negative * windows as f64;
        Self { profile, best: vec![None; windows], raw, false_alarms: 0 }
    }

    fn add(&mut self, row: Judged) {
        let Some(best) = row.window.and_then(|window| self.best.get_mut(window)) else {
            self.raw += row.worth * self.profile.false_positive;
            self.false_alarms += 1;
            return;
        };
        let Profile { true_positive, false_negative, .. } = self.profile;
        let counts = |worth: Option<f64>| worth.map_or(-false_negative, |worth| worth * true_positive);
        let before = *best;
        *best = Some(before.map_or(row.worth, |before| before.max(row.worth)));
        self.raw += counts(*best).max(-false_negative) - counts(before).max(-false_negative);
    }

    fn found(&self) -> usize {
        self.best.iter().flatten().count()
    }
}

fn normalised(raw: f64, profile: Profile, windows: usize) -> f64 {
    let null = -profile.false_negative * windows as f64;
    let perfect = profile.true_positive * windows as f64;
    100.0 * (raw - null) / (perfect - null)
}

/// Returns the raw score at a threshold, and what came of it.
fn sum_at(rows: &[Judged], windows: usize, profile: Profile, threshold: f64) -> Sum {
    let mut sum = Sum::new(profile, windows);
    rows.iter().take_while(|row| row.score >= threshold).for_each(|row| sum.add(*row));
    sum
}

/// Returns the threshold with the highest raw score; infinite where no alarm is best.
fn best_threshold(rows: &[Judged], windows: usize, profile: Profile) -> f64 {
    let mut sum = Sum::new(profile, windows);
    let (mut best, mut threshold) = (sum.raw, f64::INFINITY);
    let mut rows = rows.iter().peekable();
    while let Some(row) = rows.next() {
        sum.add(*row);
        // All rows of one score alarm together.
        if rows.peek().is_none_or(|next| next.score < row.score) && sum.raw > best {
            (best, threshold) = (sum.raw, row.score);
        }
    }
    threshold
}

fn verdict(sum: &Sum, windows: usize, threshold: f64) -> Verdict {
    Verdict {
        threshold,
        normalised: normalised(sum.raw, sum.profile, windows),
        found: sum.found(),
        false_alarms: sum.false_alarms,
    }
}

/// Returns how many rows there are outside of windows, those on probation left out: where an alarm is a false one.
pub fn false_alarm_rows(corpus: &Corpus) -> usize {
    let of = |series: &Series| {
        let rows = probation(series.rows.len())..series.rows.len();
        rows.filter(|row| !series.windows.iter().any(|(first, last)| (first..=last).contains(&row))).count()
    };
    corpus.series.iter().map(of).sum()
}

/// Returns the score at a given threshold.
pub fn at(corpus: &Corpus, scores: &Scores, profile: Profile, threshold: f64) -> Verdict {
    let (rows, windows) = judged(corpus, scores, |_| true);
    verdict(&sum_at(&rows, windows, profile, threshold), windows, threshold)
}

/// Returns the score at the threshold that is best on these labels, as NAB publishes it.
pub fn best(corpus: &Corpus, scores: &Scores, profile: Profile) -> Verdict {
    let (rows, windows) = judged(corpus, scores, |_| true);
    let threshold = best_threshold(&rows, windows, profile);
    verdict(&sum_at(&rows, windows, profile, threshold), windows, threshold)
}

/// Returns the score where each half of the series (every second of the sorted list) is judged at the threshold that is best
/// on the other half: no label of a series was used for it. The halves' thresholds differ, so none is given.
pub fn cross_fit(corpus: &Corpus, scores: &Scores, profile: Profile) -> Verdict {
    let half = |odd: usize| judged(corpus, scores, move |index| index % 2 == odd);
    let (even, odd) = (half(0), half(1));
    let (mut raw, mut found, mut false_alarms) = (0.0, 0, 0);
    for ((rows, windows), (others, other_windows)) in [(&even, &odd), (&odd, &even)] {
        let threshold = best_threshold(others, *other_windows, profile);
        let sum = sum_at(rows, *windows, profile, threshold);
        raw += sum.raw;
        found += sum.found();
        false_alarms += sum.false_alarms;
    }
    let windows = even.1 + odd.1;
    Verdict { threshold: f64::NAN, normalised: normalised(raw, profile, windows), found, false_alarms }
}
