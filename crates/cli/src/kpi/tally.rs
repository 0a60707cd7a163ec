//! What was counted of one person, or of everybody, in a period or a shift.

use super::{
    keys::{Counted, Key},
    load::Part,
    report::{
        Acknowledgements, Figures, Flooding, Frequent, MostFrequent, Nuisances, Priorities, PriorityShare,
        Raised, Stale,
    },
    time::share,
};
use hdrhistogram::Histogram;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};
use watchkeeper_model::Priority;

/// How many of the most frequent alarms are named.
const TOP: usize = 10;
/// Longest time to acknowledge of which the quantiles know: a hundred days.
const LONGEST_WAIT: Duration = Duration::from_hours(2_400);
/// How many stale alarms are named.
const MAX_STALE: usize = 100;

/// An annunciation.
#[derive(Clone, Debug)]
pub(super) struct Ring {
    /// `None` above the bound of alarms that are told apart.
    pub(super) key: Option<Arc<Key>>,
    pub(super) priority: Priority,
    pub(super) chatters: bool,
}

/// What still waits and what stands at a moment.
#[derive(Clone, Debug, Default)]
pub(super) struct Standing {
    /// Alarms of which nobody has taken note.
    pub(super) waiting: u64,
    pub(super) stale: Vec<Stale>,
}

impl Standing {
    /// Returns both together.
    pub(super) fn with(mut self, mut other: Self) -> Self {
        self.waiting += other.waiting;
        self.stale.append(&mut other.stale);
        self
    }
}

#[derive(Debug)]
pub(super) struct Tally {
    annunciated: u64,
    hidden: u64,
    members: u64,
    peak: u64,
    priorities: BTreeMap<Priority, u64>,
    keys: Counted,
    chattering: BTreeSet<Arc<Key>>,
    fleeting: u64,
    floods: u64,
    flooded: Duration,
    longest_flood: Duration,
    largest_flood: u64,
    /// Milliseconds from annunciation to acknowledgement; made when there is one, for it is large.
    acknowledged: Option<Histogram<u64>>,
    longest_wait: Duration,
    lost: u64,
}

impl Tally {
    /// Makes an empty one that tells so many alarms apart.
    pub(super) const fn new(most_keys: usize) -> Self {
        Self {
            annunciated: 0,
            hidden: 0,
            members: 0,
            peak: 0,
            priorities: BTreeMap::new(),
            keys: Counted::new(most_keys),
            chattering: BTreeSet::new(),
            fleeting: 0,
            floods: 0,
            flooded: Duration::ZERO,
            longest_flood: Duration::ZERO,
            largest_flood: 0,
            acknowledged: None,
            longest_wait: Duration::ZERO,
            lost: 0,
        }
    }

    pub(super) fn ring(&mut self, ring: &Ring, in_ten_minutes: u64) {
        self.annunciated += 1;
        self.peak = self.peak.max(in_ten_minutes);
        *self.priorities.entry(ring.priority).or_default() += 1;
        self.keys.count(ring.key.as_ref());
        if ring.chatters
            && let Some(key) = &ring.key
        {
            self.chattering.insert(Arc::clone(key));
        }
    }

    pub(super) const fn count_hidden(&mut self) {
        self.hidden += 1;
    }

    pub(super) const fn count_member(&mut self) {
        self.members += 1;
    }

    pub(super) const fn count_fleeting(&mut self) {
        self.fleeting += 1;
    }

    /// An alarm is gone of which nobody took note.
    pub(super) const fn count_lost(&mut self) {
        self.lost += 1;
    }

    pub(super) fn count_flood(&mut self, part: Part) {
        self.floods += 1;
        self.flooded += part.span;
        self.longest_flood = self.longest_flood.max(part.span);
        self.largest_flood = self.largest_flood.max(part.alarms);
    }

    pub(super) fn acknowledge(&mut self, waited: Duration) {
        let histogram = self.acknowledged.get_or_insert_with(|| {
            let mut empty = Histogram::new(3).expect("three figures are a valid precision");
            // It grows with the longest that it holds.
            empty.auto(true);
            empty
        });
        histogram.record(millis(waited.min(LONGEST_WAIT))).expect("it grows up to the longest wait");
        self.longest_wait = self.longest_wait.max(waited);
    }

    /// Returns whether there is nothing to tell.
    pub(super) const fn is_empty(&self) -> bool {
        self.annunciated == 0
            && self.hidden == 0
            && self.members == 0
            && self.fleeting == 0
            && self.floods == 0
            && self.lost == 0
            && self.acknowledged.is_none()
    }

    /// Returns the figures of a time in which the monitor ran so long, with what stands at its end.
    pub(super) fn figures(&self, watched: Duration, mut standing: Standing) -> Figures {
        let secs = watched.as_secs_f64();
        let rate =
            |per: Duration| (!watched.is_zero()).then(|| self.annunciated as f64 * per.as_secs_f64() / secs);
        let stale = standing.stale.len() as u64;
        standing.stale.sort_by(|one, other| other.active_secs.total_cmp(&one.active_secs));
        standing.stale.truncate(MAX_STALE);
        Figures {
            alarms: Raised {
                annunciated: self.annunciated,
                per_hour: rate(Duration::from_hours(1)),
                per_10_min_mean: rate(Duration::from_mins(10)),
                per_10_min_peak: self.peak,
                hidden: self.hidden,
                common_members: self.members,
            },
            floods: Flooding {
                floods: self.floods,
                share_percent: share(self.flooded, watched).map(|share| 100.0 * share),
                total_secs: self.flooded.as_secs_f64(),
                longest_secs: self.longest_flood.as_secs_f64(),
                largest_alarms: self.largest_flood,
            },
            priorities: self.priorities(),
            nuisances: Nuisances {
                stale,
                stale_longest: standing.stale,
                chattering: self.chattering.len() as u64,
                fleeting: self.fleeting,
            },
            most_frequent: self.most_frequent(),
            acknowledgements: self.acknowledgements(standing.waiting),
        }
    }

    fn percent(&self, count: u64) -> Option<f64> {
        (self.annunciated > 0).then(|| 100.0 * count as f64 / self.annunciated as f64)
    }

    fn priorities(&self) -> Priorities {
        let of = |priority, recommended_percent| {
            let annunciated = self.priorities.get(&priority).copied().unwrap_or(0);
            PriorityShare { annunciated, percent: self.percent(annunciated), recommended_percent }
        };
        // EEMUA 191, and ISA-18.2 for three priorities.
        Priorities {
            high: of(Priority::High, 5),
            medium: of(Priority::Medium, 15),
            low: of(Priority::Low, 80),
        }
    }

    fn most_frequent(&self) -> MostFrequent {
        let most = self.keys.most_frequent(TOP);
        let of_them = most.iter().map(|(_, count)| count).sum();
        let top_ten = most.iter().map(|(key, count)| Frequent {
            agent: key.agent.to_string(),
            cause: key.cause.word(),
            subject: key.subject.to_string(),
            annunciated: *count,
            percent: self.percent(*count).unwrap_or(0.0),
        });
        MostFrequent {
            top_ten: top_ten.collect(),
            top_ten_percent: self.percent(of_them),
            not_told_apart: self.keys.others(),
        }
    }

    fn acknowledgements(&self, waiting: u64) -> Acknowledgements {
        let longest = millis(self.longest_wait);
        // The histogram answers with the upper end of a bucket, which may lie above all that was counted.
        let at = |quantile| {
            self.acknowledged.as_ref().map(|counted| counted.value_at_quantile(quantile).min(longest))
        };
        Acknowledgements {
            acknowledged: self.acknowledged.as_ref().map_or(0, Histogram::len),
            median_millis: at(0.5),
            p90_millis: at(0.9),
            p95_millis: at(0.95),
            max_millis: self.acknowledged.as_ref().map(|_| longest),
            never_acknowledged: self.lost + waiting,
        }
    }
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_what_was_acknowledged_and_never_above_the_longest() {
        let mut tally = Tally::new(1);
        // Ten waits of 100, 200, ... 1000 ms, and one that needs a coarse bucket.
        (1..=10).for_each(|tenth| tally.acknowledge(Duration::from_millis(100 * tenth)));
        let found =
            tally.figures(Duration::ZERO, Standing { waiting: 2, stale: Vec::new() }).acknowledgements;
        assert_eq!((found.acknowledged, found.never_acknowledged), (10, 2));
        assert_eq!(
            (found.median_millis, found.p90_millis, found.p95_millis),
            (Some(500), Some(900), Some(1_000))
        );
        tally.acknowledge(Duration::from_millis(30_001));
        let found = tally.figures(Duration::ZERO, Standing::default()).acknowledgements;
        assert_eq!((found.p95_millis, found.max_millis), (Some(30_001), Some(30_001)));
    }

    #[test]
    fn of_no_time_and_no_alarms_no_rate_and_no_share_is_told() {
        let figures = Tally::new(1).figures(Duration::ZERO, Standing::default());
        assert_eq!((figures.alarms.per_hour, figures.floods.share_percent), (None, None));
        assert_eq!((figures.priorities.low.percent, figures.most_frequent.top_ten_percent), (None, None));
        assert_eq!(
            (figures.acknowledgements.median_millis, figures.acknowledgements.max_millis),
            (None, None)
        );
    }
}
