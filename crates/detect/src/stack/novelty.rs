//! How new what a signal does is: a sketch of everything that it did before.
//!
//! Causal features of a value (where it is, where it goes, how lively it is, for how long it stands, how it compares with the
//! same time of day) are put into cells, alone or in pairs, at four resolutions. A cell that was never seen is a surprise of
//! -ln(how often cells of its kind are new): a signal that always does something new surprises nobody. The surprises are
//! weighted and added up, and how far out the value is comes on top. Seen cells are bits of a hash, in two generations, so
//! that what was not seen for long is new again: bounded memory, constant time, no look-ahead, no label.
//!
//! Ours, after sketches with hashed cells as in xStream (Manzoor, Lamba and Akoglu 2018) and half-space trees (Tan, Ting and
//! Liu 2011); from both we differ by the features, by novelty in place of density, by the rate per kind, and by a scale
//! that is held still. Constants were chosen with a look at NAB's labels (`docs/detection.md`).

use super::{MAX_VALUE, scale::Scale, weights::NOVELTY_PARTS};
use serde::{Deserialize, Serialize};

/// Cells of one kind and resolution are told apart by so many bits.
const BITS: usize = 256;
/// Two bits for each cell.
const WORDS: usize = BITS / 32;
/// Cells per unit of a feature at the finest of the resolutions; each further one has half as many.
const FINEST: f64 = 4.0;
const RESOLUTIONS: usize = 4;
/// Kinds of cells: each is a feature or two, in the order of [`Part`](super::weights::Part).
const KINDS: usize = NOVELTY_PARTS - 1;
/// After so many values the older generation of cells is forgotten.
const GENERATION: u64 = 8_000;
/// Over so many values the rate of new cells is taken.
const RATE_VALUES: u64 = 100;
/// No cell is rarer than that.
const RAREST: f64 = 1e-4;
/// Nothing is a surprise among the first values, or after the scale was taken anew: everything is new.
const WARM_UP: u64 = 50;
/// Parts of a day for which a usual value is kept.
const DAY_PARTS: usize = 48;

/// What is carried from value to value, but for the cells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Features {
    count: u64,
    level: Scale,
    step: Scale,
    residual: Scale,
    of_day: Scale,
    fast: f64,
    slow: f64,
    lively: f64,
    usually_lively: f64,
    standing: f64,
    highest: f64,
    lowest: f64,
    last: f64,
}

impl Features {
    /// Takes a value and what is usual at its time of day; returns the coordinates of its cells.
    fn take(&mut self, value: f64, hour: f64, usual: Option<f64>) -> [(f64, f64); KINDS] {
        if self.count == 0 {
            (self.fast, self.slow, self.last, self.highest, self.lowest) =
                (value, value, value, value, value);
        }
        self.count += 1;
        let level = squash(self.level.take(value));
        let change = value - self.last;
        let step = squash(self.step.take(change));
        let residual = squash(self.residual.take(value - self.fast));
        let of_day = squash(self.of_day.take(value - usual.unwrap_or(self.fast)));
        self.fast += 0.5 * (value - self.fast);
        self.slow += 0.01 * (value - self.slow);
        self.lively += 0.1 * (change.abs() - self.lively);
        self.usually_lively += (1.0 / self.count.min(1_000) as f64) * (change.abs() - self.usually_lively);
        let activity = log((self.lively + 1e-9) / (self.usually_lively + 1e-9));
        self.standing = if change == 0.0 { self.standing + 1.0 } else { 0.0 };
        self.highest = value.max(self.highest - 0.01 * (self.highest - self.slow));
        self.lowest = value.min(self.lowest + 0.01 * (self.slow - self.lowest));
        let envelope = (self.highest - self.lowest) * self.level.inverse();
        self.last = value;
        let slow = squash(self.level.of(self.slow));
        [
            (level, 0.0),
            (level, hour / 2.0),
            (step, residual),
            (squash(self.level.of(self.fast)), slow),
            (activity * 1.5, squash(envelope)),
            (log(1.0 + self.standing), level),
            (step, 0.0),
            (of_day, 0.0),
            (slow, 0.0),
            (2.0 * log(value.abs() + 1e-6), 0.0),
        ]
    }
}

/// The cells of one kind and resolution that were seen, and how often a cell is new.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Cells {
    /// Two bits for each cell, the lower set where it is known, the higher where it was seen in this generation.
    seen: [u64; WORDS],
    /// How often a cell is new, as it was when one last was, and when that was.
    rate: f64,
    new_at: u64,
}

impl Cells {
    const fn new() -> Self {
        Self { seen: [0; WORDS], rate: 0.5, new_at: 0 }
    }

    /// Returns the two bits of a cell.
    fn bits(&self, cell: u16) -> u64 {
        let (word, shift) = place(cell);
        self.seen.get(word).map_or(0, |word| (word >> shift) & 0b11)
    }

    /// Returns how often a cell is new, after `count` values.
    fn rate(&self, count: u64) -> f64 {
        self.rate * kept(self.new_at, count)
    }

    /// Returns how surprising a new cell is after `count` values, nats.
    fn surprise(&self, count: u64) -> f64 {
        -libm::log(self.rate(count).max(RAREST))
    }

    fn learn(&mut self, cell: u16, is_new: bool, count: u64) {
        let (word, shift) = place(cell);
        if let Some(word) = self.seen.get_mut(word) {
            *word |= 0b11 << shift;
        }
        if is_new {
            let weight = (1.0 / (count as f64 + 2.0)).max(1.0 / RATE_VALUES as f64);
            let rate = self.rate(count);
            (self.rate, self.new_at) = (rate + weight * (1.0 - rate), count + 1);
        }
    }

    fn end_generation(&mut self) {
        // What was seen in this generation is known in the next.
        const KNOWN: u64 = u64::MAX / 0b11;
        self.seen.iter_mut().for_each(|word| *word = (*word >> 1) & KNOWN);
    }
}

/// Returns what is left of a rate after the values `from` to `to` of which none was new: a mean over all values at first,
/// then over the last [`RATE_VALUES`].
fn kept(from: u64, to: u64) -> f64 {
    let mean_until = RATE_VALUES - 2;
    let (early_from, early_to) = (from.min(mean_until), to.min(mean_until));
    let early = (early_from as f64 + 1.0) / (early_to as f64 + 1.0);
    let late = to.saturating_sub(from.max(mean_until));
    if late == 0 { early } else { early * libm::pow(1.0 - 1.0 / RATE_VALUES as f64, late as f64) }
}

/// Returns the word of a cell, and where in it its bits are.
const fn place(cell: u16) -> (usize, u32) {
    ((cell / 32) as usize % WORDS, (cell % 32) as u32 * 2)
}

/// What a value would be, before it is learned.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Look {
    features: Features,
    part: usize,
    value: f64,
    cells: [[u16; RESOLUTIONS]; KINDS],
    /// One bit for each cell: not known, and not seen in this generation.
    unknown: u64,
    unseen: u64,
    /// How far out it is, units of its features.
    distance: f64,
    /// How surprising it is, weighted nats, 0 or more.
    pub(super) surprise: f64,
}

/// The sketch of one signal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Novelty {
    features: Features,
    /// What is usual in each part of a day; `None` where nothing came yet.
    of_day: Vec<Option<f64>>,
    cells: Vec<[Cells; RESOLUTIONS]>,
    /// No surprises before this many values.
    quiet_until: u64,
}

impl Novelty {
    /// Makes the sketch of a signal of which nothing was seen.
    pub(super) fn new() -> Self {
        Self {
            features: Features::default(),
            of_day: vec![None; DAY_PARTS],
            cells: vec![[const { Cells::new() }; RESOLUTIONS]; KINDS],
            quiet_until: WARM_UP,
        }
    }

    /// Looks at a value at an hour of the day, 0 to 24, without learning it; what is missing is as the last one was.
    /// `weights` has one for each kind of cells and, last, one for the distance.
    pub(super) fn look(&self, value: f64, hour: f64, weights: &[f64; NOVELTY_PARTS], look: &mut Look) {
        look.value = if value.is_finite() { value.clamp(-MAX_VALUE, MAX_VALUE) } else { self.features.last };
        look.features = self.features;
        look.part = day_part(hour);
        let usual = self.of_day.get(look.part).copied().flatten();
        let coordinates = look.features.take(look.value, hour, usual);
        for ((one, other), cells) in coordinates.into_iter().zip(&mut look.cells) {
            let (mut one, mut other) = (finest(one), finest(other));
            for cell in cells {
                *cell = hash(one, other);
                // Rounds down, so that every cell lies whole in one of the next coarser resolution.
                (one, other) = (one >> 1, other >> 1);
            }
        }
        // Nothing but reads: where there are many agents their cells are in no cache, and so the processor waits for several at once.
        let (mut unknown, mut unseen) = (0_u64, 0_u64);
        for (tables, cells) in self.cells.iter().zip(&look.cells) {
            for (table, cell) in tables.iter().zip(cells) {
                let bits = table.bits(*cell);
                // The first cell's bit ends up the highest of all.
                unseen = (unseen << 1) | u64::from(bits & 0b10 == 0);
                unknown = (unknown << 1) | u64::from(bits & 0b01 == 0);
            }
        }
        (look.unknown, look.unseen) = (unknown, unseen);
        let [(level, _), .., (step, _), (of_day, _), _, _] = coordinates;
        look.distance = level.abs() + step.abs() + of_day.abs();
        look.surprise = 0.0;
        if unknown != 0 && look.features.count > self.quiet_until {
            // What is new is the more surprising the further out it is: the distance is a part too.
            look.surprise = self.parts(look).iter().zip(weights).map(|(part, weight)| part * weight).sum();
        }
    }

    /// Returns what each kind of cells, and the distance, say of a surprise that was looked at, before weights.
    pub(super) fn parts(&self, look: &Look) -> [f64; NOVELTY_PARTS] {
        let mut parts = [0.0; NOVELTY_PARTS];
        let mut bit = 1 << (KINDS * RESOLUTIONS);
        for (tables, part) in self.cells.iter().zip(&mut parts) {
            for table in tables {
                bit >>= 1;
                if look.unknown & bit != 0 {
                    *part += table.surprise(self.features.count);
                }
            }
        }
        let [.., distance] = &mut parts;
        *distance = look.distance;
        parts
    }

    /// Learns what was looked at.
    pub(super) fn learn(&mut self, look: &Look) {
        let before = self.features.count;
        self.features = look.features;
        if let Some(usual) = self.of_day.get_mut(look.part) {
            *usual = Some(usual.map_or(look.value, |usual| usual + 0.2 * (look.value - usual)));
        }
        let mut unseen = look.unseen;
        while unseen != 0 {
            let bit = unseen.trailing_zeros();
            let place = KINDS * RESOLUTIONS - 1 - bit as usize;
            let (kind, resolution) = (place / RESOLUTIONS, place % RESOLUTIONS);
            let table = self.cells.get_mut(kind).and_then(|tables| tables.get_mut(resolution));
            let cell = look.cells.get(kind).and_then(|cells| cells.get(resolution));
            if let (Some(table), Some(cell)) = (table, cell) {
                table.learn(*cell, look.unknown & (1 << bit) != 0, before);
            }
            unseen &= unseen - 1;
        }
        if self.features.count.is_multiple_of(GENERATION) {
            self.end_generation();
        }
    }

    /// Returns where the value usually is: two mean deviations around a fast mean.
    pub(super) fn expected(&self) -> Option<(f64, f64)> {
        let Features { count, fast, ref residual, .. } = self.features;
        let reach = 2.0 * residual.unit();
        (count > WARM_UP).then_some((fast - reach, fast + reach))
    }

    /// Returns whether a sketch that was read back has all its parts.
    pub(super) fn is_whole(&self) -> bool {
        self.of_day.len() == DAY_PARTS && self.cells.len() == KINDS
    }

    /// The older generation of cells is forgotten; where the scale has become stale, all of them are.
    fn end_generation(&mut self) {
        let Features { level, step, residual, of_day, .. } = &mut self.features;
        let stale = [level, step, residual, of_day].map(Scale::renew);
        if stale.contains(&true) {
            self.cells = vec![[const { Cells::new() }; RESOLUTIONS]; KINDS];
            self.quiet_until = self.features.count + WARM_UP;
            return;
        }
        self.cells.iter_mut().flatten().for_each(Cells::end_generation);
    }
}

/// Returns the part of the day that an hour is in.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an hour is 0 to 24")]
fn day_part(hour: f64) -> usize {
    (hour / 24.0 * DAY_PARTS as f64) as usize % DAY_PARTS
}

/// Cells grow with the distance: twice as far out they are twice as wide.
fn squash(value: f64) -> f64 {
    (2.0 * log(1.0 + value.abs())).copysign(value)
}

/// The natural logarithm of a positive number to within 0.007: cells need no better, and it takes a tenth of the time.
fn log(value: f64) -> f64 {
    const MANTISSA: u32 = f64::MANTISSA_DIGITS - 1;
    let bits = value.to_bits();
    let exponent = f64::from((bits >> MANTISSA) as u16) - 1_023.0;
    let mantissa = f64::from_bits((bits & ((1 << MANTISSA) - 1)) | 1.0_f64.to_bits());
    let over = mantissa - 1.0;
    std::f64::consts::LN_2 * (exponent + over * (1.346_6 - 0.346_6 * over))
}

/// Returns the cell of a coordinate at the finest resolution, rounded down (whole numbers to the even cell at their side): the
/// lowest bits of a sum so large that it has no bits for fractions, which is cheaper than a cast.
#[expect(clippy::cast_possible_truncation, reason = "a coordinate is less than 2^20")]
fn finest(coordinate: f64) -> i32 {
    const NO_FRACTION: f64 = 6_755_399_441_055_744.0;
    ((coordinate * FINEST - 0.5 + NO_FRACTION).to_bits() as u32).cast_signed()
}

/// Returns the number of a cell of two coordinates: the highest bits of a product (Dietzfelbinger et al. 1997, "A reliable
/// randomized algorithm for the closest-pair problem").
#[expect(clippy::cast_possible_truncation, reason = "it is less than BITS")]
fn hash(one: i32, other: i32) -> u16 {
    let bits = (u64::from(one.cast_unsigned()) << 32) | u64::from(other.cast_unsigned());
    (bits.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - BITS.trailing_zeros())) as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whole cycles of a day with a little noise that repeats.
    fn usual(index: u32) -> f64 {
        let day = f64::from(index % 288) / 288.0 * std::f64::consts::TAU;
        20.0 + 5.0 * day.sin() + f64::from(index % 7) * 0.1
    }

    fn hour(index: u32) -> f64 {
        f64::from(index % 288) / 12.0
    }

    fn take(novelty: &mut Novelty, value: f64, hour: f64) -> f64 {
        let mut look = Look::default();
        novelty.look(value, hour, &[1.0; NOVELTY_PARTS], &mut look);
        novelty.learn(&look);
        look.surprise
    }

    /// Returns the surprises of the last values of a series after days of what is usual.
    fn after_days(values: &[f64]) -> Vec<f64> {
        let mut novelty = Novelty::new();
        let days = 288 * 10;
        for index in 0..days {
            take(&mut novelty, usual(index), hour(index));
        }
        (days..).zip(values).map(|(index, value)| take(&mut novelty, *value, hour(index))).collect()
    }

    #[test]
    fn what_was_seen_before_surprises_nobody() {
        let usual: Vec<f64> = (2_880..3_168).map(usual).collect();
        let surprises = after_days(&usual);
        assert!(surprises.iter().all(|surprise| *surprise < 25.0), "{surprises:?}");
    }

    #[test]
    fn a_jump_is_a_surprise_and_the_less_so_the_longer_it_lasts() {
        let surprises = after_days(&[usual(2_880), 60.0, 60.0, 60.0]);
        assert!(surprises[1] > 60.0, "{surprises:?}");
        assert!(surprises[2] < surprises[1] && surprises[3] < surprises[1], "{surprises:?}");
    }

    #[test]
    fn a_value_that_stands_still_is_a_surprise() {
        let frozen = after_days(&[usual(2_879); 150]);
        assert!(frozen.iter().any(|surprise| *surprise > 25.0), "{frozen:?}");
    }

    #[test]
    fn what_is_no_number_and_what_is_huge_break_nothing() {
        let odd = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e308, -1e308, 0.0, f64::MIN_POSITIVE];
        let mut novelty = Novelty::new();
        for index in 0..20_000_u32 {
            let value = odd[index as usize % odd.len()];
            let surprise = take(&mut novelty, value, hour(index));
            assert!(surprise.is_finite() && surprise >= 0.0, "{value}: {surprise}");
        }
    }

    #[test]
    fn a_stream_that_moved_for_good_is_looked_at_as_closely_as_before() {
        let mut novelty = Novelty::new();
        for index in 0..28_000 {
            let level = if index < 4_000 { 0.0 } else { 1e6 };
            take(&mut novelty, level + usual(index), hour(index));
        }
        let surprise = take(&mut novelty, 1e6 + 60.0, hour(28_000));
        assert!(surprise > 40.0, "{surprise}");
    }

    #[test]
    fn looking_learns_nothing() {
        let mut novelty = Novelty::new();
        for index in 0..1_000 {
            take(&mut novelty, usual(index), hour(index));
        }
        let before = novelty.clone();
        novelty.look(1e9, 3.0, &[1.0; NOVELTY_PARTS], &mut Look::default());
        assert_eq!(novelty, before);
    }

    #[test]
    fn a_surprise_is_the_sum_of_its_parts_each_times_its_weight() {
        let mut novelty = Novelty::new();
        for index in 0..2_000 {
            take(&mut novelty, usual(index), hour(index));
        }
        let weights = [0.25, 4.0, 0.5, 0.5, 1.0, 0.3, 0.7, 1.5, 0.25, 1.0, 1.0];
        for value in [24.0, 31.0, 60.0, -5.0] {
            let mut look = Look::default();
            novelty.look(value, 3.0, &weights, &mut look);
            let parts = novelty.parts(&look);
            let sum: f64 = parts.iter().zip(weights).map(|(part, weight)| part * weight).sum();
            assert!(look.surprise > 0.0 && (look.surprise - sum).abs() < 1e-9, "{value}: {parts:?}");
        }
    }

    #[test]
    fn the_logarithm_is_about_right() {
        for value in [1e-300_f64, 1e-6, 0.3, 1.0, 1.5, 2.0, 1e9, 1e100] {
            let error = value.ln() - log(value);
            assert!(error.abs() < 0.007, "{value}: {error}");
        }
    }

    #[test]
    fn a_rate_that_is_looked_at_late_is_what_it_would_be_value_by_value() {
        let mut rate = 0.5;
        for count in 3..400_u64 {
            rate *= 1.0 - (1.0 / (count as f64 + 2.0)).max(1.0 / RATE_VALUES as f64);
            let late = 0.5 * kept(3, count + 1);
            assert!((rate - late).abs() < 1e-12 * rate, "{count}: {rate} {late}");
        }
    }

    #[test]
    fn a_sketch_takes_less_than_5_kib() {
        let cells = size_of::<[Cells; RESOLUTIONS]>() * KINDS;
        let day = DAY_PARTS * size_of::<Option<f64>>();
        assert!(cells + day + size_of::<Novelty>() < 5 << 10, "{cells}");
    }
}
