//! The last samples of every signal, for explanations.

use watchkeeper_model::{DecisionSeq, MAX_SAMPLES, Sample};

/// The last samples of one signal, in order of arrival.
#[derive(Clone, Debug)]
pub(crate) struct Trail {
    samples: [Sample; MAX_SAMPLES],
    /// Samples ever pushed.
    pushed: usize,
}

impl Trail {
    pub(crate) fn new() -> Self {
        Self { samples: [Sample { seq: DecisionSeq(0), value: f64::NAN }; MAX_SAMPLES], pushed: 0 }
    }

    pub(crate) fn push(&mut self, seq: DecisionSeq, value: f64) {
        if let Some(place) = self.samples.get_mut(self.pushed % MAX_SAMPLES) {
            *place = Sample { seq, value };
        }
        self.pushed += 1;
    }

    /// Returns the newest value; NaN when there is none.
    pub(crate) fn latest(&self) -> f64 {
        let newest = self.pushed.wrapping_sub(1) % MAX_SAMPLES;
        self.samples.get(newest).map_or(f64::NAN, |sample| sample.value)
    }

    /// Copies the samples, oldest first; without those that were missing or not finite.
    pub(crate) fn to_vec(&self) -> Vec<Sample> {
        let (newer, older) = self.samples.split_at(self.pushed % MAX_SAMPLES);
        older.iter().chain(newer).filter(|sample| sample.value.is_finite()).copied().collect()
    }
}

/// The trails of all signals of an agent, and behind them that of its confidence.
#[derive(Clone, Debug)]
pub(crate) struct History {
    trails: Vec<Trail>,
}

impl History {
    pub(crate) fn new(signal_count: usize) -> Self {
        Self { trails: vec![Trail::new(); signal_count + 1] }
    }

    /// Returns the column of the confidence.
    pub(crate) fn confidence_column(&self) -> usize {
        self.trails.len().saturating_sub(1)
    }

    /// Takes the values of one decision; a signal beyond the end of `signals` is missing.
    pub(crate) fn push(&mut self, seq: DecisionSeq, signals: &[f64], confidence: f64) {
        let last = self.confidence_column();
        for (column, trail) in self.trails.iter_mut().enumerate() {
            let value =
                if column == last { confidence } else { signals.get(column).copied().unwrap_or(f64::NAN) };
            trail.push(seq, value);
        }
    }

    pub(crate) fn latest(&self, column: usize) -> f64 {
        self.trails.get(column).map_or(f64::NAN, Trail::latest)
    }

    pub(crate) fn samples(&self, column: usize) -> Vec<Sample> {
        self.trails.get(column).map(Trail::to_vec).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trail_keeps_the_last_twenty_oldest_first_without_the_missing() {
        let mut trail = Trail::new();
        assert!(trail.latest().is_nan());
        for seq in 1..=30_u32 {
            trail.push(DecisionSeq(u64::from(seq)), if seq == 25 { f64::NAN } else { f64::from(seq) });
        }
        let seqs: Vec<u64> = trail.to_vec().iter().map(|s| s.seq.0).collect();
        assert_eq!(seqs, (11..=30).filter(|s| *s != 25).collect::<Vec<_>>());
        assert!((trail.latest() - 30.0).abs() < f64::EPSILON);
    }
}
