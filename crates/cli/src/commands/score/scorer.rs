//! The detector behind `score`: a novelty sketch for each signal, and how rare a surprise is.
//!
//! The surprise of a row is the greatest of its signals'. How rare it is comes from the surprises before it, by an
//! exponential tail fitted to the greatest quarter of them (peaks over a threshold with shape 0; Siffer et al. 2017 fit the
//! shape too). An alert is due where a row is rarer than the budget allows.

use std::fmt;
use thiserror::Error;
use watchkeeper_detect::Novelty;

/// Most signals.
const MAX_SIGNALS: usize = 1_024;
/// Signals that are named with a row.
const NAMED: usize = 3;
/// Surprises are counted in steps of so many nats.
const STEP: f64 = 0.05;
/// Counted up to 200 nats; what is above counts as that.
const STEPS: usize = 4_000;
/// The tail is fitted to so many surprises at least, and to the greatest quarter.
const TAIL: u64 = 20;
/// Rows that are as rare within so many rows are one episode.
const EPISODE_ROWS: u64 = 100;

/// What a person chose.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Settings {
    /// So many first rows are only learnt from: score 0, no alert.
    pub(crate) calibrate: u64,
    /// One false alert is allowed in so many rows.
    pub(crate) rows_per_false_alert: f64,
}

/// Says why there is no detector.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub(crate) enum StackError {
    /// Too many signals.
    #[error("{0} signals, at most {MAX_SIGNALS}")]
    TooManySignals(usize),
}

/// What found a row odd.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Channel {
    /// Something was never seen before.
    Novelty,
}

impl fmt::Display for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Novelty => f.write_str("novelty"),
        }
    }
}

/// What came of one row.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Scored {
    /// The share of rows that are less odd, 0 to 1.
    pub(crate) score: f64,
    /// Whether this is the first row of an episode.
    pub(crate) alert: bool,
    /// What led to the score; `None` where nothing did.
    pub(crate) channel: Option<Channel>,
    /// Up to three signals, the oddest first, each with its share of the surprise, 0 to 1.
    pub(crate) top: Vec<(usize, f64)>,
}

/// The detectors of a stream.
pub(crate) struct Stack {
    sketches: Vec<Novelty>,
    surprises: Vec<f64>,
    settings: Settings,
    rows: u64,
    /// How many rows had a surprise of each step; those without one are not here.
    counts: Vec<u64>,
    last_rare: Option<u64>,
}

impl Stack {
    /// Makes the detectors of so many signals, which have seen nothing.
    pub(crate) fn new(signals: usize, settings: Settings) -> Result<Self, StackError> {
        if signals > MAX_SIGNALS {
            return Err(StackError::TooManySignals(signals));
        }
        Ok(Self {
            sketches: vec![Novelty::new(); signals],
            surprises: vec![0.0; signals],
            settings,
            rows: 0,
            counts: vec![0; STEPS + 1],
            last_rare: None,
        })
    }

    /// Takes a row: its time in seconds, where there is one, and the value of each signal, NaN where it is missing.
    pub(crate) fn score(&mut self, at_secs: Option<f64>, values: &[f64]) -> Scored {
        let hour = at_secs.map_or(0.0, |at| (at / 3_600.0).rem_euclid(24.0).floor());
        for ((sketch, surprise), value) in self.sketches.iter_mut().zip(&mut self.surprises).zip(values) {
            *surprise = sketch.handle_value(*value, hour);
        }
        let surprise = self.surprises.iter().copied().fold(0.0, f64::max);
        self.rows += 1;
        if surprise <= 0.0 {
            return Scored::default();
        }
        let step = step(surprise);
        let rarity = self.rarity(step);
        if let Some(count) = self.counts.get_mut(step) {
            *count += 1;
        }
        if self.rows <= self.settings.calibrate || rarity >= 1.0 {
            return Scored::default();
        }
        let is_rare = rarity * self.settings.rows_per_false_alert <= 1.0;
        let is_new = self.last_rare.is_none_or(|last| self.rows - last > EPISODE_ROWS);
        if is_rare {
            self.last_rare = Some(self.rows);
        }
        Scored {
            score: 1.0 - rarity,
            alert: is_rare && is_new,
            channel: Some(Channel::Novelty),
            top: self.top(),
        }
    }

    /// Returns how often a row is as surprising, judged by those before; 1 where there were too few.
    fn rarity(&self, step: usize) -> f64 {
        let surprises: u64 = self.counts.iter().sum();
        if surprises < TAIL {
            return 1.0;
        }
        let (mut above, mut whole) = (0, 0.0);
        for (at, count) in self.counts.iter().enumerate().rev() {
            above += count;
            whole += *count as f64 * at as f64;
            if at <= step && above >= TAIL.max(surprises / 4) {
                let mean_excess = (whole / above as f64 - at as f64).max(1.0);
                return above as f64 / self.rows as f64 * (-((step - at) as f64) / mean_excess).exp();
            }
        }
        1.0
    }

    fn top(&self) -> Vec<(usize, f64)> {
        let whole: f64 = self.surprises.iter().sum();
        let mut odd: Vec<(usize, f64)> = self
            .surprises
            .iter()
            .enumerate()
            .filter(|(_, surprise)| **surprise > 0.0)
            .map(|(signal, surprise)| (signal, surprise / whole))
            .collect();
        odd.sort_by(|(_, a), (_, b)| b.total_cmp(a));
        odd.truncate(NAMED);
        odd
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to STEPS")]
fn step(surprise: f64) -> usize {
    (surprise / STEP).clamp(0.0, STEPS as f64) as usize
}
