//! An axis with round numbers on it, of numbers or of times.
//!
//! plotters has axes of its own; theirs count on from one mark to the next, and never arrive where a step is lost beside a large
//! number. Here there are as many marks as were asked for, at most.

use jiff::Timestamp;
use plotters::coord::ranged1d::{KeyPointHint, NoDefaultFormatting, Ranged, ValueFormatter};
use std::ops::Range;

/// Steps between times that people count in, in seconds.
const CLOCK: [f64; 24] = [
    1e-3,
    5e-3,
    1e-2,
    5e-2,
    0.1,
    0.5,
    1.0,
    5.0,
    10.0,
    30.0,
    60.0,
    300.0,
    900.0,
    1_800.0,
    3_600.0,
    10_800.0,
    21_600.0,
    43_200.0,
    86_400.0,
    172_800.0,
    604_800.0,
    2_592_000.0,
    7_776_000.0,
    31_536_000.0,
];

/// What an axis counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Counts {
    Numbers,
    /// Seconds since 1970.
    Times,
}

/// An axis from one number to another that is greater.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Axis {
    low: f64,
    high: f64,
    counts: Counts,
    marks: usize,
}

impl Axis {
    /// Makes an axis that has room for all of these and has marks, `marks` at most.
    pub(super) fn over(values: impl Iterator<Item = f64>, counts: Counts, marks: usize) -> Self {
        let (low, high) = values
            .filter(|value| value.is_finite())
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)));
        let (low, high) = if low > high { (0.0, 1.0) } else { (low, high) };
        // What floats cannot tell apart is one value.
        let is_flat = high / 2.0 - low / 2.0 <= low.abs().max(high.abs()) * 1e-12;
        let room = if is_flat { (low.abs() * 0.1).max(1.0) } else { 0.0 };
        let within = |value: f64| value.clamp(f64::MIN, f64::MAX);
        Self { low: within(low - room), high: within(high + room), counts, marks }
    }

    /// Leaves a twentieth of the height free above and below.
    pub(super) fn with_room(mut self) -> Self {
        let room = (self.high / 2.0 - self.low / 2.0) / 10.0;
        self.low = (self.low - room).max(f64::MIN);
        self.high = (self.high + room).min(f64::MAX);
        self
    }

    /// The least round step that needs no more marks than wanted.
    fn step(&self) -> f64 {
        let least = (self.high / 2.0 - self.low / 2.0) / (self.marks.max(1) as f64) * 2.0;
        let round = || {
            let power = 10_f64.powf(least.log10().floor());
            [1.0, 2.0, 5.0, 10.0].map(|times| times * power).into_iter().find(|step| *step >= least)
        };
        let clock = || CLOCK.into_iter().find(|step| *step >= least);
        match self.counts {
            Counts::Numbers => round(),
            Counts::Times => clock().or_else(round),
        }
        .unwrap_or(least)
    }

    fn label(&self, value: f64) -> String {
        match self.counts {
            Counts::Numbers => number(value),
            Counts::Times => time(value, self.step()),
        }
    }
}

fn number(value: f64) -> String {
    let size = value.abs();
    if size >= 1e7 || (size > 0.0 && size < 1e-4) {
        return format!("{value:.1e}");
    }
    format!("{}", (value * 1e6).round() / 1e6 + 0.0)
}

/// Returns a time as a person says it who counts in such steps.
pub(super) fn time(at_secs: f64, step: f64) -> String {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "what is too large becomes the largest, and is no time"
    )]
    let Ok(timestamp) = Timestamp::from_microsecond((at_secs * 1e6).round() as i64) else {
        return number(at_secs);
    };
    let form = match step {
        86_400.0.. => "%Y-%m-%d",
        60.0.. => "%m-%d %H:%M",
        1.0.. => "%H:%M:%S",
        _ => "%H:%M:%S%.3f",
    };
    timestamp.strftime(form).to_string()
}

impl Ranged for Axis {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, limit: (i32, i32)) -> i32 {
        let part = (value / 2.0 - self.low / 2.0) / (self.high / 2.0 - self.low / 2.0);
        let (from, to) = (f64::from(limit.0), f64::from(limit.1));
        #[expect(clippy::cast_possible_truncation, reason = "between two numbers that fit")]
        let pixel = (from + part.clamp(0.0, 1.0) * (to - from)).round() as i32;
        pixel
    }

    fn key_points<Hint: KeyPointHint>(&self, hint: Hint) -> Vec<f64> {
        if hint.max_num_points() == 0 {
            return Vec::new();
        }
        let step = self.step();
        let first = (self.low / step).ceil();
        let mark = |index: usize| (first + index as f64) * step;
        (0..=self.marks).map(mark).filter(|mark| (self.low..=self.high).contains(mark)).collect()
    }

    fn range(&self) -> Range<f64> {
        self.low..self.high
    }
}

impl ValueFormatter<f64> for Axis {
    fn format_ext(&self, value: &f64) -> String {
        self.label(*value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use plotters::coord::ranged1d::BoldPoints;

    fn labels(values: &[f64], counts: Counts) -> Vec<String> {
        let axis = Axis::over(values.iter().copied(), counts, 6);
        axis.key_points(BoldPoints(10)).into_iter().map(|mark| axis.label(mark)).collect()
    }

    #[test]
    fn marks_are_round() {
        assert_eq!(labels(&[0.0, 1.0], Counts::Numbers), ["0", "0.2", "0.4", "0.6", "0.8", "1"]);
        assert_eq!(labels(&[-37.0, 55.0], Counts::Numbers), ["-20", "0", "20", "40"]);
        let midnight = 1_704_067_200.0;
        assert_eq!(
            labels(&[midnight + 100.0, midnight + 4.9 * 3_600.0], Counts::Times),
            ["01-01 01:00", "01-01 02:00", "01-01 03:00", "01-01 04:00"]
        );
        assert_eq!(labels(&[midnight, midnight + 9.0 * 86_400.0], Counts::Times)[1], "2024-01-04");
        assert_eq!(labels(&[midnight, midnight + 0.25], Counts::Times)[1], "00:00:00.050");
    }

    #[test]
    fn whatever_is_on_an_axis_marks_are_few_and_pixels_are_within() {
        for values in [
            &[] as &[f64],
            &[f64::NAN, f64::INFINITY],
            &[5.0],
            &[0.0],
            &[1e17, 1e17 + 16.0],
            &[f64::MIN, f64::MAX],
            &[0.0, f64::MIN_POSITIVE],
            &[1e300, 1e300],
        ] {
            for counts in [Counts::Numbers, Counts::Times] {
                let axis = Axis::over(values.iter().copied(), counts, 6).with_room();
                assert!(axis.key_points(BoldPoints(10)).len() <= 7, "{values:?}");
                for value in values.iter().chain(&[0.0, f64::MAX]) {
                    assert!((0..=100).contains(&axis.map(value, (0, 100))), "{values:?}");
                    let _label: String = axis.label(*value);
                }
            }
        }
    }
}
