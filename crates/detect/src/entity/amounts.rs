//! What an entity spends, and how often.

/// The windows of the Fraud Detection Handbook, in days.
const DAYS: [f64; 3] = [1.0, 7.0, 30.0];
const DAY_SECS: f64 = 86_400.0;
/// A customer of whom little is known is taken to vary by half of what he spends, as if seen so often.
const PRIOR: f64 = 3.0;
const PRIOR_VARIATION: f64 = 0.5;
/// What was so many payments ago weighs a third.
const MEMORY: f64 = 100.0;

/// Mean and variance of amounts, and how many there were lately.
#[derive(Clone, Debug, Default)]
pub(super) struct Amounts {
    count: f64,
    mean: f64,
    variance: f64,
    /// Decaying counts, one for each of [`DAYS`].
    lately: [f64; 3],
    first_secs: Option<f64>,
    last_secs: f64,
}

impl Amounts {
    pub(super) fn mean(&self) -> f64 {
        self.mean
    }

    /// Returns how many deviations an amount is above what is usual; 0 where nothing is known.
    pub(super) fn deviations(&self, amount: f64) -> f64 {
        if self.count < 1.0 {
            return 0.0;
        }
        let prior = (self.mean * PRIOR_VARIATION).powi(2);
        let variance = (self.variance * self.count + prior * PRIOR) / (self.count + PRIOR);
        let found = (amount - self.mean) / variance.sqrt().max(1e-9);
        if found.is_finite() { found } else { 0.0 }
    }

    pub(super) fn take(&mut self, amount: f64, now_secs: f64) {
        let passed = (now_secs - self.last_secs).max(0.0) / DAY_SECS;
        for (lately, days) in self.lately.iter_mut().zip(DAYS) {
            *lately = *lately * (-passed / days).exp() + 1.0;
        }
        self.first_secs.get_or_insert(now_secs);
        self.last_secs = now_secs;
        self.count = (self.count + 1.0).min(MEMORY);
        let weight = 1.0 / self.count;
        let off = amount - self.mean;
        // Huge amounts stay finite, so that one of them does not end the profile.
        self.mean = (self.mean + weight * off).clamp(-1e150, 1e150);
        self.variance = ((1.0 - weight) * (self.variance + weight * off * off)).min(1e300);
    }

    /// Returns payments a day over about a day, a week and a month; less where the entity is new.
    pub(super) fn rates_a_day(&self) -> [f64; 3] {
        let known = self.first_secs.map_or(0.0, |first| (self.last_secs - first) / DAY_SECS);
        let mut rates = self.lately;
        for (rate, days) in rates.iter_mut().zip(DAYS) {
            // Of a decaying count over a time that is shorter than its window only a part is there.
            *rate /= days * (1.0 - (-(known + 1.0) / days).exp());
        }
        rates
    }
}
