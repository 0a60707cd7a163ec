//! Labelled scores, ranked: what every threshold gives, and the area under the curve of all of them.

/// What alarms from a threshold on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Step {
    /// The score.
    pub(crate) threshold: f64,
    /// Of what is to be found, how many alarm.
    pub(crate) hits: usize,
    /// Of the others, how many do.
    pub(crate) false_alarms: usize,
}

/// Scores and whether each is of what is to be found, the highest first.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Ranking {
    scores: Vec<(f64, bool)>,
    /// How many are to be found.
    wanted: usize,
}

impl Ranking {
    pub(crate) fn new(mut scores: Vec<(f64, bool)>) -> Self {
        scores.sort_by(|(a, _), (b, _)| b.total_cmp(a));
        let wanted = scores.iter().filter(|(_, is_wanted)| *is_wanted).count();
        Self { scores, wanted }
    }

    pub(crate) const fn len(&self) -> usize {
        self.scores.len()
    }

    pub(crate) const fn wanted(&self) -> usize {
        self.wanted
    }

    /// Returns what every score gives as a threshold, the highest first; what has the same score alarms together.
    pub(crate) fn steps(&self) -> impl Iterator<Item = Step> {
        let (mut hits, mut false_alarms) = (0, 0);
        self.scores.chunk_by(|(a, _), (b, _)| a.total_cmp(b).is_eq()).filter_map(move |chunk| {
            let found = chunk.iter().filter(|(_, is_wanted)| *is_wanted).count();
            hits += found;
            false_alarms += chunk.len() - found;
            chunk.first().map(|(threshold, _)| Step { threshold: *threshold, hits, false_alarms })
        })
    }

    /// Returns the area under the receiver operating characteristic, 0 to 1: how often what is to be found has the higher score, a
    /// tie counting half. NaN where there is nothing to be found, or nothing else.
    pub(crate) fn auc(&self) -> f64 {
        let (mut area, mut above, mut aside) = (0.0, 0, 0);
        for Step { hits, false_alarms, .. } in self.steps() {
            area += (false_alarms - aside) as f64 * (hits + above) as f64 / 2.0;
            (above, aside) = (hits, false_alarms);
        }
        area / (self.wanted as f64 * (self.len() - self.wanted) as f64)
    }
}
