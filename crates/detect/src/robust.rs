//! Where a number usually is and how far it usually strays, learned from the past, hard to fool.
//!
//! Location m and mean absolute deviation d are exponentially weighted averages of clipped residuals
//! (Huber's psi; Huber 1964, "Robust estimation of a location parameter"; for the scale the clipped
//! recursion of Gelper, Fried and Croux 2010, "Robust forecasting with exponential and Holt-Winters
//! smoothing", with the absolute instead of the squared residual):
//!
//! ```text
//! s = max(sqrt(pi/2) d, floors)       sqrt(pi/2) makes d a standard deviation for Gaussian noise
//! z = (x - m) / s                     judged before x is learned: no look-ahead
//! r = clamp(x - m, -c s, c s)
//! m <- m + max(a, 1/(n+1)) r          d <- d + max(b, 1/(n+1)) (|r| - d)
//! ```
//!
//! Our deviations: the first 32 samples are kept and give m = median and s = 1.4826 MAD, so that an
//! outlier among them does no harm; until 1/a (or 1/b) samples have passed the rate is that of a plain
//! mean. Clipping at c = 3 lowers s by less than 1 % for Gaussian noise; it is not corrected.
//! Forgetting counts samples, not time, so a replay at any speed gives the same numbers.

/// Samples that give the first location and scale.
pub(crate) const FIRST_SAMPLES: u32 = 32;
/// No z-score is further from zero than this, so that squares and sums stay finite.
pub(crate) const MAX_Z: f64 = 1e6;
/// Numbers beyond this are judged as infinite: their differences could overflow.
const MAX_VALUE: f64 = 1e150;
/// sqrt(pi / 2): standard deviation over mean absolute deviation of Gaussian noise.
const MEAN_DEVIATION_TO_SIGMA: f64 = 1.253_314_137_315_500_1;
/// Standard deviation over median absolute deviation of Gaussian noise.
const MEDIAN_DEVIATION_TO_SIGMA: f64 = 1.482_602_218_505_602;

/// How fast to forget and what scale is the least.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Learning {
    /// Weight of one sample in the location, 0 to 1.
    pub(crate) location_rate: f64,
    /// Weight of one sample in the scale, 0 to 1.
    pub(crate) scale_rate: f64,
    /// Residuals are clipped at this many scales.
    pub(crate) clip: f64,
    /// Least scale as a share of the location.
    pub(crate) relative_floor: f64,
    /// Least scale in the signal's unit.
    pub(crate) absolute_floor: f64,
}

/// Running location and scale of one signal.
#[derive(Clone, Debug)]
pub(crate) struct Robust {
    first: [f64; FIRST_SAMPLES as usize],
    seen: u32,
    location: f64,
    mean_deviation: f64,
    previous: f64,
    /// Smallest step between two samples, a guess at the sensor's resolution; 0 while it never changed.
    resolution: f64,
}

impl Robust {
    pub(crate) fn new() -> Self {
        Self {
            first: [0.0; FIRST_SAMPLES as usize],
            seen: 0,
            location: 0.0,
            mean_deviation: 0.0,
            previous: f64::NAN,
            resolution: 0.0,
        }
    }

    /// Returns how many samples it has learned.
    pub(crate) fn seen(&self) -> u32 {
        self.seen
    }

    pub(crate) fn location(&self) -> f64 {
        self.location
    }

    /// Returns the scale, which is positive: never below the floors nor below the resolution.
    ///
    /// The resolution keeps a coarse signal (a counter, a flag) from firing on its smallest step.
    pub(crate) fn scale(&self, learning: &Learning) -> f64 {
        (MEAN_DEVIATION_TO_SIGMA * self.mean_deviation)
            .max(learning.relative_floor * self.location.abs())
            .max(learning.absolute_floor)
            .max(self.resolution)
            .max(f64::MIN_POSITIVE)
    }

    /// Returns how many scales `value` is from the location, at most [`MAX_Z`] either way; `value` is not NaN.
    pub(crate) fn z(&self, value: f64, learning: &Learning) -> f64 {
        ((value - self.location) / self.scale(learning)).clamp(-MAX_Z, MAX_Z)
    }

    /// Learns one sample; what is missing or without bound teaches nothing.
    pub(crate) fn learn(&mut self, value: f64, learning: &Learning) {
        if value.is_nan() || value.abs() > MAX_VALUE {
            return;
        }
        if self.seen < FIRST_SAMPLES {
            self.learn_first(value);
        } else {
            let reach = learning.clip * self.scale(learning);
            let residual = (value - self.location).clamp(-reach, reach);
            let plain_rate = 1.0 / (f64::from(self.seen) + 1.0);
            self.location += learning.location_rate.max(plain_rate) * residual;
            self.mean_deviation +=
                learning.scale_rate.max(plain_rate) * (residual.abs() - self.mean_deviation);
        }
        self.seen = self.seen.saturating_add(1);
        let step = (value - self.previous).abs();
        if step > 0.0 && (self.resolution <= 0.0 || step < self.resolution) {
            self.resolution = step;
        }
        self.previous = value;
    }

    fn learn_first(&mut self, value: f64) {
        if let Some(place) = self.first.get_mut(self.seen as usize) {
            *place = value;
        }
        if self.seen + 1 == FIRST_SAMPLES {
            let mut sorted = self.first;
            self.location = median(&mut sorted);
            for value in &mut sorted {
                *value = (*value - self.location).abs();
            }
            self.mean_deviation = median(&mut sorted) * MEDIAN_DEVIATION_TO_SIGMA / MEAN_DEVIATION_TO_SIGMA;
        }
    }
}

fn median(values: &mut [f64; FIRST_SAMPLES as usize]) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    let middle = values.len() / 2;
    let low = values.get(middle - 1).copied().expect("32 values have a middle");
    let high = values.get(middle).copied().expect("32 values have a middle");
    f64::midpoint(low, high)
}
