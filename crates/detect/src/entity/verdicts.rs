//! What people found out about the payments of an entity.

const DAY_SECS: f64 = 86_400.0;
/// Verdicts are forgotten over about a week, and over a month.
const DAYS: [f64; 2] = [7.0, 30.0];
/// The last verdicts count most: one before another weighs half of it.
const NEWER: f64 = 0.5;
/// An entity of which nothing is known has the usual share of frauds, as if it had been judged so often.
const PRIOR: f64 = 1.0;
const USUAL: f64 = 0.01;

/// Decaying counts of verdicts: frauds and all, for each of [`DAYS`].
#[derive(Clone, Debug, Default)]
pub(super) struct Verdicts {
    counts: [(f64, f64); 2],
    /// The share of frauds among the last few, however long ago.
    last_few: f64,
    last_secs: f64,
}

impl Verdicts {
    pub(super) fn take(&mut self, is_fraud: bool, now_secs: f64) {
        self.counts = self.at(now_secs);
        self.last_secs = now_secs;
        self.last_few += NEWER * (f64::from(u8::from(is_fraud)) - self.last_few);
        for (frauds, all) in &mut self.counts {
            *frauds += f64::from(u8::from(is_fraud));
            *all += 1.0;
        }
    }

    fn at(&self, now_secs: f64) -> [(f64, f64); 2] {
        let passed = (now_secs - self.last_secs).max(0.0) / DAY_SECS;
        let mut counts = self.counts;
        for ((frauds, all), days) in counts.iter_mut().zip(DAYS) {
            let left = (-passed / days).exp();
            *frauds *= left;
            *all *= left;
        }
        counts
    }

    /// Returns how much more often than usual there is fraud, as a difference of log-odds, over a week and a month.
    pub(super) fn log_odds(&self, now_secs: f64) -> [f64; 2] {
        let odds = |share: f64| (share / (1.0 - share)).ln();
        self.at(now_secs).map(|(frauds, all)| odds((frauds + PRIOR * USUAL) / (all + PRIOR)) - odds(USUAL))
    }

    /// Returns the share of frauds among the last few verdicts, forgotten over a month, 0 to 1.
    pub(super) fn last_few(&self, now_secs: f64) -> f64 {
        let passed = (now_secs - self.last_secs).max(0.0) / DAY_SECS;
        self.last_few * (-passed / DAYS[1]).exp()
    }

    /// Returns how many frauds and how many verdicts there were, forgotten over a month.
    pub(super) fn lately(&self, now_secs: f64) -> [f64; 2] {
        let [_, (frauds, judged)] = self.at(now_secs);
        [frauds, judged]
    }
}
