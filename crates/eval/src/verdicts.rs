//! Made streams with what operators call real and what they call false alarms, and how many false alarms are left when as many
//! real ones are found.
//!
//! A seed makes [`STREAMS`] machines that are on by day. To each happen real anomalies (jumps, frozen values, drifts, signals that
//! come apart) and nuisances that no operator wants to hear of (maintenance by night, a day that is some hours late, a coarser
//! quantisation). All are unlike what the machine did before; they differ in which evidence they give.

mod made;

pub use made::{Event, Kind, ROW_SECS, STREAMS, Stream, made};

use rand::{RngExt, SeedableRng, rngs::StdRng};

/// Alarms that are nearer to each other than so many rows are one.
const EPISODE: usize = 100;
/// Times that differences are drawn again.
const DRAWS: usize = 10_000;

/// What is left at a threshold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct At {
    /// Real anomalies with an alarm.
    pub found: usize,
    /// Real anomalies.
    pub real: usize,
    /// Episodes of alarms outside of real anomalies.
    pub false_alarms: usize,
}

/// Returns the highest score of each real anomaly, the highest first. `scores` has one score for each row.
fn peaks(streams: &[Stream], scores: &[Vec<f64>]) -> Vec<f64> {
    let mut peaks = Vec::new();
    for (stream, scores) in streams.iter().zip(scores) {
        let score = |row: usize| scores.get(row).copied().unwrap_or_default();
        let real = stream.events.iter().filter(|event| event.kind.is_real());
        peaks.extend(real.map(|event| event.span().map(score).fold(0.0, f64::max)));
    }
    peaks.sort_by(|a, b| b.total_cmp(a));
    peaks
}

/// Counts what is found at a threshold, and the false alarms.
pub fn at(streams: &[Stream], scores: &[Vec<f64>], threshold: f64) -> At {
    let peaks = peaks(streams, scores);
    let mut false_alarms = 0;
    for (stream, scores) in streams.iter().zip(scores) {
        let mut last = None;
        for (row, _) in scores.iter().enumerate().filter(|(_, score)| **score >= threshold) {
            if stream.is_real(row) {
                continue;
            }
            false_alarms += usize::from(last.is_none_or(|last| row - last > EPISODE));
            last = Some(row);
        }
    }
    let found = peaks.iter().filter(|peak| **peak >= threshold).count();
    At { found, real: peaks.len(), false_alarms }
}

/// Counts the same at the highest threshold with which `wanted` real anomalies are found: chosen by the labels, so that two ways
/// to score are compared at the same number found (more only where scores are equal).
pub fn at_found(streams: &[Stream], scores: &[Vec<f64>], wanted: usize) -> At {
    let highest = wanted.checked_sub(1).and_then(|place| peaks(streams, scores).get(place).copied());
    at(streams, scores, highest.unwrap_or(f64::INFINITY))
}

/// An operator who says of alerts whether they are real.
#[derive(Debug)]
pub struct Operator {
    random: StdRng,
    wrong: f64,
}

impl Operator {
    /// Makes one who is wrong about a share of alerts, 0 to 1.
    pub fn new(seed: u64, wrong: f64) -> Self {
        Self { random: StdRng::seed_from_u64(seed), wrong }
    }

    /// Returns whether an alert at a row is real, as far as this operator knows.
    pub fn says_real(&mut self, stream: &Stream, row: usize) -> bool {
        stream.is_real(row) ^ self.random.random_bool(self.wrong)
    }
}

/// A mean of differences and where it lies with 95 % confidence.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// Their mean.
    pub mean: f64,
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

/// Returns the mean of paired differences and its percentile bootstrap interval (Efron and Tibshirani 1993, chapter 13), 95 %.
pub fn interval(differences: &[f64], seed: u64) -> Interval {
    let mut random = StdRng::seed_from_u64(seed);
    let count = differences.len();
    let mean = |sum: f64| sum / count as f64;
    let mut draw = || {
        let drawn = (0..count).filter_map(|_| differences.get(random.random_range(0..count)));
        mean(drawn.sum())
    };
    let mut means: Vec<f64> = (0..DRAWS).map(|_| draw()).collect();
    means.sort_by(f64::total_cmp);
    let at = |place: usize| means.get(place).copied().unwrap_or(f64::NAN);
    Interval { mean: mean(differences.iter().sum()), low: at(DRAWS / 40), high: at(DRAWS - 1 - DRAWS / 40) }
}
