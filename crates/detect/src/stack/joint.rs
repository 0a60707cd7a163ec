//! Whether signals that belong together still do: a multivariate EWMA chart on their principal axes.
//!
//! ```text
//! e <- e + 0.1 (x - e)                              smoothed signals (MEWMA; Lowry et al. 1992)
//! u_k = a_k . (e - m) / s                           along each axis a_k of their correlations, and along each signal
//! statistic = max u_k^2 / v_k
//! ```
//!
//! Our deviations from Hotelling's T2 of e: the largest of its parts in place of their sum, the signals' own deviations
//! beside those along the axes, and the spread v_k is that of the second half of the rows that were learned from around
//! the mean of the *first*: a signal that drifts while it is learned is no surprise when it drifts on. Rows of one signal
//! are not independent, so the spread is taken from e itself and not from the theory of white noise.
//!
//! Learned from the first rows, then anew from every [`RENEW_ROWS`], the old one judging meanwhile. Signals beyond the
//! [`TOGETHER`]th are a block of their own.

use super::{
    MAX_VALUE,
    square::{Square, dot},
};
use serde::{Deserialize, Serialize};

/// So many signals are looked at together.
pub(super) const TOGETHER: usize = 16;
/// Weight of the last row in the smoothed signals.
const SMOOTHING: f64 = 0.1;
/// Rows that the smoothing starts from, not learned from.
const START_ROWS: u64 = 20;
/// What is usual is learned anew over so many rows.
const RENEW_ROWS: u64 = 8_000;
/// The least spread along an axis, as a share of the mean of all axes.
const RIDGE: f64 = 1e-3;
/// A signal's least deviation, as a share of its value.
const LEAST_DEVIATION: f64 = 1e-3;

/// Sums over some rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Moments {
    rows: f64,
    sum: Vec<f64>,
    outer: Square,
}

impl Moments {
    fn new(signals: usize) -> Self {
        Self { rows: 0.0, sum: vec![0.0; signals], outer: Square::zero(signals) }
    }

    fn add(&mut self, vector: &[f64]) {
        self.rows += 1.0;
        self.sum.iter_mut().zip(vector).for_each(|(sum, value)| *sum += value);
        self.outer.add_outer(vector, vector);
    }

    fn and(mut self, other: &Self) -> Self {
        self.rows += other.rows;
        self.sum.iter_mut().zip(&other.sum).for_each(|(sum, more)| *sum += more);
        self.outer.add(&other.outer);
        self
    }

    fn mean(&self) -> Vec<f64> {
        self.sum.iter().map(|sum| sum / self.rows).collect()
    }

    /// Returns the mean square of what these rows are from `centre`.
    fn around(&self, centre: &[f64]) -> Square {
        let mut square = self.outer.clone();
        let less: Vec<f64> = centre.iter().map(|value| -value).collect();
        square.add_outer(&less, &self.sum);
        // (s - n m) against -m: together with the line above, the three terms that remain.
        let rest: Vec<f64> = self.sum.iter().zip(centre).map(|(sum, m)| sum - self.rows * m).collect();
        square.add_outer(&rest, &less);
        square.change(|cell, _, _| *cell /= self.rows);
        square
    }
}

/// What is usual of a block of signals.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Usual {
    mean: Vec<f64>,
    /// One over each signal's standard deviation.
    scale: Vec<f64>,
    /// Axes, one a row.
    axes: Square,
    /// The spread along each axis, and of each signal by itself.
    along: Vec<f64>,
    own: Vec<f64>,
}

impl Usual {
    /// Learns from the deviations of the signals and from the smoothed signals of the first and second half.
    fn learn(deviations: &[f64], first: &Moments, second: &Moments) -> Self {
        let all = first.clone().and(second);
        let mean = all.mean();
        let scale: Vec<f64> = deviations.iter().map(|deviation| 1.0 / deviation).collect();
        let scaled = |mut square: Square| {
            let of = |index: usize| scale.get(index).copied().unwrap_or_default();
            square.change(|cell, row, column| *cell *= of(row) * of(column));
            square
        };
        let later = scaled(second.around(&first.mean()));
        let together = scaled(all.around(&mean));
        // Whichever the axes, the spreads along them add up to the diagonal's sum.
        let spreads = together.diagonal().sum::<f64>() / deviations.len().max(1) as f64;
        let least = (RIDGE * spreads).max(f64::MIN_POSITIVE);
        let axes = together.axes();
        let along = axes.rows().map(|axis| later.quadratic(axis) + least).collect();
        let own = later.diagonal().map(|spread| spread.max(least)).collect();
        Self { mean, scale, axes, along, own }
    }
}

/// What a row would be, before it is learned.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Look {
    /// The smoothed signals, without the origin.
    smooth: Vec<f64>,
    /// The row, without the origin; what is missing is as it was smoothed.
    row: Vec<f64>,
    /// The largest square deviation in spreads, 0 or more; 0 while nothing is known.
    pub(super) statistic: f64,
    /// Each signal's share of it; they add up to 1, or all are 0.
    pub(super) shares: Vec<f64>,
}

/// A block of signals.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Joint {
    /// Mean of the first rows: all sums are of what is beside it.
    origin: Vec<f64>,
    smooth: Vec<f64>,
    rows: u64,
    /// Of the rows that are learned from: how many, how many there will be, their values and their smoothed values.
    learned: u64,
    learn_rows: u64,
    values: Moments,
    first: Moments,
    second: Moments,
    usual: Option<Usual>,
}

impl Joint {
    /// Makes one for `signals` signals, 1 to [`TOGETHER`], that judges after `learn_rows` rows.
    pub(super) fn new(signals: usize, learn_rows: u64) -> Self {
        Self {
            origin: vec![0.0; signals],
            smooth: vec![0.0; signals],
            rows: 0,
            learned: 0,
            learn_rows,
            values: Moments::new(signals),
            first: Moments::new(signals),
            second: Moments::new(signals),
            usual: None,
        }
    }

    pub(super) const fn signals(&self) -> usize {
        self.origin.len()
    }

    /// Returns whether a block that was read back has all its parts.
    pub(super) fn is_whole(&self) -> bool {
        let signals = self.signals();
        let moments = [&self.values, &self.first, &self.second].into_iter();
        let are = |vectors: &[&Vec<f64>]| vectors.iter().all(|vector| vector.len() == signals);
        are(&[&self.smooth])
            && moments.clone().all(|sums| sums.outer.is(signals) && are(&[&sums.sum]))
            && self.usual.as_ref().is_none_or(|usual| {
                let Usual { mean, scale, axes, along, own } = usual;
                axes.is(signals) && are(&[mean, scale, along, own])
            })
    }

    /// Looks at a row without learning it, into `look`.
    pub(super) fn look(&self, row: impl Iterator<Item = f64>, look: &mut Look) {
        look.row.clear();
        look.smooth.clear();
        for ((value, origin), smooth) in row.zip(&self.origin).zip(&self.smooth) {
            let value = if value.is_finite() { value.clamp(-MAX_VALUE, MAX_VALUE) - origin } else { *smooth };
            look.row.push(value);
            look.smooth.push(smooth + SMOOTHING * (value - smooth));
        }
        look.shares.clear();
        look.statistic = 0.0;
        let Some(usual) = &self.usual else { return };
        let mut off = [0.0; TOGETHER];
        for (((off, smooth), mean), scale) in
            off.iter_mut().zip(&look.smooth).zip(&usual.mean).zip(&usual.scale)
        {
            *off = (smooth - mean) * scale;
        }
        let off = off.get(..look.smooth.len()).unwrap_or_default();
        let mut axis = None;
        for (along, spread) in usual.axes.rows().zip(&usual.along) {
            let length = dot(along, off);
            let statistic = length * length / spread;
            if statistic > look.statistic {
                (look.statistic, axis) = (statistic, Some((along, length)));
            }
        }
        let own = off.iter().zip(&usual.own).map(|(off, spread)| off * off / spread);
        let highest = own.clone().fold(0.0, f64::max);
        if highest > look.statistic {
            (look.statistic, axis) = (highest, None);
        }
        match axis {
            Some((along, length)) => {
                let share = |(along, off): (&f64, &f64)| (along * off / length).max(0.0);
                look.shares.extend(along.iter().zip(off).map(share));
            }
            None => look.shares.extend(own),
        }
        let sum: f64 = look.shares.iter().sum();
        if sum > 0.0 {
            look.shares.iter_mut().for_each(|share| *share /= sum);
        }
    }

    /// Learns what was looked at.
    pub(super) fn learn(&mut self, look: &Look) {
        self.rows += 1;
        if self.rows <= START_ROWS {
            self.start(&look.row);
            return;
        }
        self.smooth.clone_from(&look.smooth);
        self.values.add(&look.row);
        let half = if self.learned < self.learn_rows / 2 { &mut self.first } else { &mut self.second };
        half.add(&look.smooth);
        self.learned += 1;
        if self.learned >= self.learn_rows {
            self.renew();
        }
    }

    /// The mean of the first rows is the origin, and where the smoothing starts.
    fn start(&mut self, row: &[f64]) {
        let weight = 1.0 / self.rows as f64;
        // The row is given without the origin.
        for (origin, value) in self.origin.iter_mut().zip(row) {
            *origin += weight * value;
        }
    }

    fn renew(&mut self) {
        let signals = self.signals();
        let mean = self.values.mean();
        let spreads = self.values.around(&mean);
        let deviation = |((spread, mean), origin): ((f64, &f64), &f64)| {
            libm::sqrt(spread.max(0.0)).max(LEAST_DEVIATION * (mean + origin).abs()).max(1e-9)
        };
        let deviations: Vec<f64> = spreads.diagonal().zip(&mean).zip(&self.origin).map(deviation).collect();
        self.usual = Some(Usual::learn(&deviations, &self.first, &self.second));
        (self.values, self.first, self.second) =
            (Moments::new(signals), Moments::new(signals), Moments::new(signals));
        (self.learned, self.learn_rows) = (0, RENEW_ROWS);
    }
}
