//! Are confidences still what they used to be? A conformal test martingale.
//!
//! Vovk, Nouretdinov and Gammerman 2003 ("Testing Exchangeability On-Line") and Vovk, Petej, Nouretdinov, Ahlberg, Carlsson and
//! Gammerman 2021 ("Retrain or Not Retrain: Conformal Test Martingales for Change-Point Detection", the Simple Jumper). Each
//! confidence gets a conformal p-value: its rank among all confidences of the same class so far (ranks within a class are
//! Mondrian conformal), ties broken by chance. As long as decisions are exchangeable within each class, these are independent and
//! uniform, and a gambler who bets on them wins nothing: the probability that his capital ever reaches `1/alpha` times what he
//! began with is at most `alpha`, however long the stream (Ville's inequality). Bets are `1 + e (p - 1/2)` for several `e`; a small
//! share of the capital moves between them at each step.
//!
//! We deviate in three things. Ranks are among confidences in bins, whose borders are fixed in advance, so that every confidence there ever was is
//! counted in bounded memory and nothing is approximated: a bin is as good a score as the confidence. A fixed sample of old confidences
//! would not do, since ranks among them depend on each other. The gambler keeps most of his capital in reserve and puts it
//! in little by little, as if he began anew with each decision: what he lost while nothing happened does not delay him when something
//! does. A sum of martingales that begin at fixed times is one. So is one of gamblers: half of the capital bets on all p-values, and
//! half on those of each class apart, so that one class that drifts is seen while the others do not.
//!
//! What it cannot see: how often each class is announced (ranks are within classes), and a change that is so slow, or so
//! early, that the past looks like the present.

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The format of a saved state.
const VERSION: u32 = 1;
/// Bins of the log-odds of a confidence: 32 on each side of even odds.
const BINS: usize = 64;
/// So many bins per unit of log-odds: the outermost begin at 1e-7 from sure.
const BINS_PER_UNIT: f64 = 2.0;
/// The factors `e` of the bets; 2 would risk the whole capital on one p-value.
const BETS: [f64; 5] = [-1.8, -1.0, 0.0, 1.0, 1.8];
/// The share of the capital that moves between bets at each step, as in the Simple Jumper.
const JUMP: f64 = 0.01;
/// More classes than that share the last one's ranks.
const MOST_CLASSES: usize = 256;

/// Says why a saved state cannot be restored.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum RestoreError {
    /// It is of another version of this program.
    #[error("the saved state has version {found}, expected {VERSION}; begin anew")]
    Version {
        /// Which it has.
        found: u32,
    },
    /// It does not hold together.
    #[error("the saved state is damaged: {0}")]
    Damaged(&'static str),
}

/// What a decision says about drift.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Evidence {
    /// Where the confidence ranks among those of its class: near 0 unusually low, near 1 unusually high.
    pub p_value: f64,
    /// The natural logarithm of the capital, which began as 1.
    pub log_capital: f64,
}

/// One who bets on p-values.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Gambler {
    /// How many p-values there were.
    seen: u64,
    /// The capital on each bet, divided by e to `log_scale`; the rest of it is in reserve.
    stakes: [f64; BETS.len()],
    log_scale: f64,
    /// The logarithm of the capital, which follows from the others.
    #[serde(skip)]
    log_capital: f64,
}

impl Gambler {
    /// Returns what is in reserve after so many p-values: 1/log2(n + 2), so that it is used up, but slowly.
    fn reserve(seen: u64) -> f64 {
        1.0 / (seen as f64 + 2.0).log2()
    }

    fn bet(&mut self, p_value: f64) {
        let put_in = Self::reserve(self.seen) - Self::reserve(self.seen + 1);
        self.seen += 1;
        let each = put_in * (-self.log_scale).exp() / BETS.len() as f64;
        let mean = self.stakes.iter().sum::<f64>() / BETS.len() as f64;
        for (stake, factor) in self.stakes.iter_mut().zip(BETS) {
            *stake = ((1.0 - JUMP) * *stake + JUMP * mean + each) * (1.0 + factor * (p_value - 0.5));
        }
        let sum: f64 = self.stakes.iter().sum();
        if sum > 0.0 && !(1e-100..1e100).contains(&sum) {
            for stake in &mut self.stakes {
                *stake /= sum;
            }
            self.log_scale += sum.ln();
        }
        self.count();
    }

    fn count(&mut self) {
        let stakes: f64 = self.stakes.iter().sum();
        let reserve = Self::reserve(self.seen) * (-self.log_scale).exp();
        self.log_capital = (stakes + reserve).ln() + self.log_scale;
    }

    fn is_sound(&self) -> bool {
        self.stakes.iter().all(|stake| stake.is_finite() && *stake >= 0.0) && self.log_scale.is_finite()
    }
}

/// What is known of one class.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Class {
    /// How many confidences there were in each bin.
    counts: Vec<u64>,
    gambler: Gambler,
}

/// Watches one stream of confidences for drift.
///
/// State: about 600 bytes a class. It can be saved and restored; to go on bit for bit, save it in a format that keeps every bit
/// of a number, as MessagePack does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Saved", into = "Saved")]
pub struct ConfidenceDrift {
    classes: Vec<Class>,
    /// Bets on the p-values of all classes.
    gambler: Gambler,
    /// The state of SplitMix64, which breaks ties.
    random: u64,
    highest_log: f64,
}

/// The state as it is saved.
#[derive(Serialize, Deserialize)]
struct Saved {
    version: u32,
    classes: Vec<Class>,
    gambler: Gambler,
    random: u64,
    highest_log: f64,
}

impl ConfidenceDrift {
    /// Makes a watch over so many announced classes, 1 where there are none; `seed` is for breaking ties.
    pub fn new(classes: usize, seed: u64) -> Self {
        let class = Class { counts: vec![0; BINS], gambler: Gambler::default() };
        Self {
            classes: vec![class; classes.clamp(1, MOST_CLASSES)],
            gambler: Gambler::default(),
            random: seed,
            highest_log: 0.0,
        }
    }

    /// Takes the confidence of a decision, 0 to 1, and the class that it announced, from 0; classes beyond those there are count
    /// as the last one. Returns `None`, and learns nothing, where the confidence is not a number.
    pub fn handle_confidence(&mut self, class: usize, confidence: f64) -> Option<Evidence> {
        if confidence.is_nan() {
            return None;
        }
        let tie = self.draw();
        let class = class.min(self.classes.len() - 1);
        let Class { counts, gambler } = self.classes.get_mut(class)?;
        let (lower, rest) = counts.split_at_mut(bin(confidence));
        let (equal, higher) = rest.split_first_mut()?;
        *equal += 1;
        let (lower, equal): (u64, u64) = (lower.iter().sum(), *equal);
        let all = lower + equal + higher.iter().sum::<u64>();
        let p_value = (lower as f64 + tie * equal as f64) / all as f64;
        gambler.bet(p_value);
        self.gambler.bet(p_value);
        let log_capital = self.log_capital();
        self.highest_log = self.highest_log.max(log_capital);
        Some(Evidence { p_value, log_capital })
    }

    /// Returns whether the capital ever reached `1/alpha`. Where nothing drifts, that happens with a probability of at most
    /// `alpha`, over all of the stream.
    pub fn has_drifted(&self, alpha: f64) -> bool {
        self.highest_log >= -alpha.ln()
    }

    /// Returns how many confidences were taken.
    pub fn seen(&self) -> u64 {
        self.gambler.seen
    }

    /// Returns the logarithm of the capital of all gamblers.
    fn log_capital(&self) -> f64 {
        let all = self.gambler.log_capital;
        let by_class = self.classes.iter().map(|class| class.gambler.log_capital);
        let greatest = by_class.clone().fold(all, f64::max);
        let mean = by_class.map(|log| (log - greatest).exp()).sum::<f64>() / self.classes.len() as f64;
        f64::midpoint((all - greatest).exp(), mean).ln() + greatest
    }

    /// Returns a number from 0 to below 1 (SplitMix64: Steele, Lea and Flood 2014, "Fast Splittable Pseudorandom Number Generators").
    fn draw(&mut self) -> f64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.random ^ (self.random >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// Returns the bin of a confidence: by its log-odds, so that 0.99 and 0.999 are as far apart as 0.9 and 0.99.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to the bins before")]
fn bin(confidence: f64) -> usize {
    let log_odds = (confidence / (1.0 - confidence)).ln();
    let bin = log_odds * BINS_PER_UNIT + BINS as f64 / 2.0;
    // Beyond 0 or 1 there are no odds.
    if bin.is_nan() {
        if confidence > 0.5 { BINS - 1 } else { 0 }
    } else {
        bin.clamp(0.0, BINS as f64 - 1.0) as usize
    }
}

impl From<ConfidenceDrift> for Saved {
    fn from(drift: ConfidenceDrift) -> Self {
        let ConfidenceDrift { classes, gambler, random, highest_log } = drift;
        Self { version: VERSION, classes, gambler, random, highest_log }
    }
}

impl TryFrom<Saved> for ConfidenceDrift {
    type Error = RestoreError;

    fn try_from(saved: Saved) -> Result<Self, RestoreError> {
        let Saved { version, mut classes, mut gambler, random, highest_log } = saved;
        if version != VERSION {
            return Err(RestoreError::Version { found: version });
        }
        if classes.is_empty()
            || classes.len() > MOST_CLASSES
            || classes.iter().any(|class| class.counts.len() != BINS)
        {
            return Err(RestoreError::Damaged("the counts are not those of classes and bins"));
        }
        let sum = |counts: &[u64]| counts.iter().try_fold(0_u64, |sum, count| sum.checked_add(*count));
        let seen: Vec<u64> = classes.iter().map(|class| class.gambler.seen).collect();
        let adds_up = classes.iter().all(|class| sum(&class.counts) == Some(class.gambler.seen));
        if !adds_up || sum(&seen) != Some(gambler.seen) {
            return Err(RestoreError::Damaged("the counts do not add up to what was seen"));
        }
        let are_sound = gambler.is_sound() && classes.iter().all(|class| class.gambler.is_sound());
        if !are_sound || !highest_log.is_finite() {
            return Err(RestoreError::Damaged("the capital is no number"));
        }
        gambler.count();
        for class in &mut classes {
            class.gambler.count();
        }
        Ok(Self { classes, gambler, random, highest_log })
    }
}
