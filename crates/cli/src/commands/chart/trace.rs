//! What a picture needs of a stream, however long it is.
//!
//! Rows are put into bins, of which there are as many as a picture has columns of pixels or twice that. When all are full, two
//! become one. A bin keeps the lowest and the highest value, so that a peak of one row among millions is still there.

/// Bins are joined when there would be more: twice the pixels of a picture's width.
const BINS: usize = 2_000;

/// The lowest and the highest value of a bin; NaN where it has none.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Extent {
    pub(super) low: f64,
    pub(super) high: f64,
}

impl Extent {
    const EMPTY: Self = Self { low: f64::NAN, high: f64::NAN };

    fn take(&mut self, other: Self) {
        // The lesser of a number and NaN is the number.
        self.low = self.low.min(other.low);
        self.high = self.high.max(other.high);
    }
}

/// Where a bin begins and whether there is an alert in it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Place {
    /// The number of its first row, from 0.
    pub(super) row: u64,
    /// The time of its first row in seconds, or what number that row has in the file.
    pub(super) position: f64,
    pub(super) has_alert: bool,
}

/// An alert, with the signal that it names first, where it names one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Alert {
    pub(crate) blamed: Option<usize>,
}

/// A signal, or the score.
#[derive(Clone, Debug)]
pub(super) struct Curve {
    pub(super) name: String,
    pub(super) bins: Vec<Extent>,
    /// Alerts of which this signal was named first.
    pub(super) blamed: u64,
}

/// A stream in bins.
#[derive(Clone, Debug)]
pub(crate) struct Trace {
    pub(super) places: Vec<Place>,
    pub(super) signals: Vec<Curve>,
    pub(super) score: Curve,
    pub(super) alerts: u64,
    pub(super) rows: u64,
    /// Whether each row is later than the one before, or as late.
    pub(super) is_in_order: bool,
    rows_a_bin: u64,
    last: f64,
}

impl Trace {
    /// Makes the trace of a stream of these signals.
    pub(crate) fn new(signals: &[String]) -> Self {
        let curve = |name: &str| Curve { name: name.to_owned(), bins: Vec::new(), blamed: 0 };
        Self {
            places: Vec::new(),
            signals: signals.iter().map(|name| curve(name)).collect(),
            score: curve("score"),
            alerts: 0,
            rows: 0,
            is_in_order: true,
            rows_a_bin: 1,
            last: f64::NEG_INFINITY,
        }
    }

    /// Takes a row.
    pub(crate) fn handle_row(&mut self, position: f64, values: &[f64], score: f64, alert: Option<Alert>) {
        if self.rows.is_multiple_of(self.rows_a_bin) {
            if self.places.len() == BINS {
                self.halve();
            }
            // After joining, an odd row may still belong to the last bin: there are BINS of two before it.
            self.places.push(Place { row: self.rows, position, has_alert: false });
            let curves = self.signals.iter_mut().chain([&mut self.score]);
            curves.for_each(|curve| curve.bins.push(Extent::EMPTY));
        }
        let curves = self.signals.iter_mut().zip(values).chain([(&mut self.score, &score)]);
        for (curve, value) in curves {
            if let Some(bin) = curve.bins.last_mut() {
                bin.take(Extent { low: *value, high: *value });
            }
        }
        if let Some(Alert { blamed }) = alert {
            self.alerts += 1;
            if let Some(place) = self.places.last_mut() {
                place.has_alert = true;
            }
            if let Some(curve) = blamed.and_then(|signal| self.signals.get_mut(signal)) {
                curve.blamed += 1;
            }
        }
        self.is_in_order &= position >= self.last;
        self.last = position;
        self.rows += 1;
    }

    /// Makes one bin of two.
    fn halve(&mut self) {
        let join = |pair: &[Place]| {
            let first = pair.first().copied()?;
            Some(Place { has_alert: pair.iter().any(|place| place.has_alert), ..first })
        };
        self.places = self.places.chunks(2).filter_map(join).collect();
        for curve in self.signals.iter_mut().chain([&mut self.score]) {
            let join = |pair: &[Extent]| {
                pair.iter().fold(Extent::EMPTY, |mut joined, extent| {
                    joined.take(*extent);
                    joined
                })
            };
            curve.bins = curve.bins.chunks(2).map(join).collect();
        }
        self.rows_a_bin *= 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peak_of_one_row_among_millions_is_kept_and_so_is_its_alert() {
        let mut trace = Trace::new(&["a".to_owned()]);
        for row in 0..3_000_000_u64 {
            let value = if row == 1_234_567 { 99.0 } else { (row % 10) as f64 };
            let alert = (row == 1_234_567).then_some(Alert { blamed: Some(0) });
            trace.handle_row(row as f64, &[value], 0.0, alert);
        }
        assert!((BINS / 2..=BINS).contains(&trace.places.len()), "{}", trace.places.len());
        assert_eq!(trace.places.len(), trace.signals[0].bins.len());
        let bin = trace.signals[0].bins.iter().position(|bin| bin.high > 9.0).unwrap();
        assert!(trace.places[bin].has_alert && trace.places[bin].row <= 1_234_567);
        assert!(trace.places[bin + 1].row > 1_234_567);
        assert_eq!((trace.alerts, trace.signals[0].blamed, trace.rows), (1, 1, 3_000_000));
        assert_eq!(trace.signals[0].bins[0], Extent { low: 0.0, high: 9.0 });
    }

    #[test]
    fn few_rows_are_kept_as_they_are_and_a_gap_stays_one() {
        let mut trace = Trace::new(&["a".to_owned()]);
        for (at, value) in [(0.0, 5.0), (1.0, f64::NAN), (0.5, 6.0)] {
            trace.handle_row(at, &[value], 0.25, None);
        }
        let lows: Vec<f64> = trace.signals[0].bins.iter().map(|bin| bin.low).collect();
        assert_eq!(format!("{lows:?}"), "[5.0, NaN, 6.0]");
        assert!(!trace.is_in_order);
    }
}
