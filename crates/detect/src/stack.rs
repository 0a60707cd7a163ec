//! Scores a stream of numbers of which nothing is known beforehand: how odd each row is, and which rows to alert of.
//!
//! Two channels of evidence, one configuration for every stream: how new each signal's behaviour is ([`Channel::Novelty`]),
//! and whether signals that belong together still do ([`Channel::Joint`], from two signals on). Each channel's statistic is
//! turned into how rare such a record of it is in this stream: once in how many rows. Alerts are what is rarer than the
//! operator's budget, one for an episode. No threshold, no label, no look-ahead; memory and time per row are bounded by
//! the number of signals.

mod joint;
mod learner;
mod novelty;
mod rarity;
mod record;
mod scale;
mod square;
mod weights;
mod words;

pub use learner::{LearnError, Learner, MAX_WAITING, MOST_CHANGE, Update};
pub use weights::{LEAST_WEIGHT, MOST_WEIGHT, PARTS, Part, Shares, Weights, WeightsError};

use joint::{Joint, TOGETHER};
use novelty::Novelty;
use rarity::{Prior, Rarity};
use record::Record;
use serde::{Deserialize, Serialize};
use thiserror::Error;
pub use words::AlertContext;

/// Signals that one stream may have.
pub const MAX_SIGNALS: usize = 1_024;
/// Only what is the highest of so many rows is a record; an episode is over after so many rows without one.
const HOLD: u64 = 100;
/// Rows that one false alert may cost.
const LEAST_BUDGET: f64 = 100.0;
const MOST_BUDGET: f64 = 1e7;
/// Values beyond it are taken for it: what is made of them stays finite.
pub(crate) const MAX_VALUE: f64 = 1e100;
/// Signals that are named as reasons.
const TOP: usize = 3;
/// How often an interval is halved to find the value that would not have alerted.
const HALVES: u32 = 24;
/// Says in which form a state was saved.
const VERSION: u8 = 4;
/// The joint chart's statistic is JOINT_SCALE ln(1 + u2 / JOINT_USUAL), u2 a square deviation in spreads, so that the histogram of
/// records has room for it: three spreads are 14, ten are 50, a thousand are 232.
const JOINT_SCALE: f64 = 20.0;
const JOINT_USUAL: f64 = 9.0;
/// What streams do of which nothing is known, measured on made streams that hold nothing odd (`docs/detection.md`).
const NOVELTY_PRIOR: Prior = Prior { rate: 1.0 / 300.0, from: 20.0, scale: 12.0 };
const JOINT_PRIOR: Prior = Prior { rate: 1.0 / 300.0, from: 20.0, scale: 8.0 };

/// How a stream is scored.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct StackSettings {
    /// The budget: rows for one false alert, 100 to 10,000,000.
    pub rows_per_false_alert: f64,
    /// So many first rows are only learned from and never alert, 60 to 1,000,000.
    pub calibrate: u64,
}

impl Default for StackSettings {
    /// One false alert in 2,000 rows (a week of rows every five minutes), 400 rows to learn from.
    fn default() -> Self {
        Self { rows_per_false_alert: 2_000.0, calibrate: 400 }
    }
}

/// Says why a stream cannot be scored.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum StackError {
    /// No signal at all.
    #[error("a stream needs at least one signal")]
    NoSignal,
    /// More signals than one stream may have.
    #[error("{0} signals: one stream has at most {MAX_SIGNALS}; split it into several")]
    TooManySignals(usize),
    /// A budget that cannot be kept.
    #[error("a budget of one false alert in {0} rows is not within 100 to 10,000,000")]
    Budget(f64),
    /// A calibration that is too short or too long.
    #[error("{0} rows to calibrate are not within 60 to 1,000,000")]
    Calibrate(u64),
    /// A saved state of another form.
    #[error("a saved state of form {0}; this program reads form {VERSION}")]
    Version(u8),
    /// A saved state whose parts do not belong together.
    #[error("a saved state that is not whole: save it anew")]
    Broken,
}

/// A kind of evidence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    /// A signal does what it never did.
    Novelty,
    /// Signals are not together as they usually are, or one is far from where it usually is.
    Joint,
}

impl Channel {
    /// Returns its name, as tables have it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Novelty => "novelty",
            Self::Joint => "joint",
        }
    }
}

/// What is said of a row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scored {
    /// How odd it is, 0 to 1; 0.5 is as rare as the budget allows alerts to be.
    pub score: f64,
    /// How rare: once in so many rows of this stream something so odd is seen, all channels together; above 0, perhaps
    /// infinite; 0 where nothing is odd. Far beyond the rows that were seen it is a guess.
    pub period: f64,
    /// Whether it is odder than the [`HOLD`] rows before it: what is scored once an oddity begins, and as it grows.
    pub is_record: bool,
    /// Whether an alert begins here.
    pub alert: bool,
    /// What led to the score; `None` where nothing is odd.
    pub channel: Option<Channel>,
    /// The signals that led to it, by place, and their shares, 0 to 1, the largest first.
    pub top: [Option<(usize, f64)>; TOP],
    /// Why; only where an alert begins.
    pub why: Option<Why>,
    /// What of the evidence led to it, for a [`Learner`]; only where an alert begins.
    pub shares: Option<Shares>,
}

/// What was expected of the first of [`Scored::top`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Why {
    /// Where its value was expected, low and high.
    pub expected: (f64, f64),
    /// The value nearest to what it was with which this row would not have alerted; `None` where it would have with what
    /// was expected too.
    pub counterfactual: Option<f64>,
}

/// A channel of one stream.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Evidence {
    rarity: Rarity,
    record: Record,
}

impl Evidence {
    fn new(prior: Prior, parts: usize, settings: &StackSettings) -> Self {
        // So many more signals, or blocks of them, have so many more records.
        let prior = Prior { rate: prior.rate * parts as f64, ..prior };
        Self { rarity: Rarity::new(prior, settings.rows_per_false_alert), record: Record::default() }
    }
}

/// What a row would be, before it is learned.
#[derive(Clone, Debug, Default)]
struct Look {
    novelty: Vec<novelty::Look>,
    joint: Vec<joint::Look>,
    /// What each channel says, in the order of [`Stack::evidence`].
    channels: [Statistic; 2],
}

/// What a channel says of a row.
#[derive(Clone, Copy, Debug, Default)]
struct Statistic {
    /// 0 where nothing is odd.
    value: f64,
    /// The signal or block that it is of.
    of: usize,
    /// Whether it is higher than those of the [`HOLD`] rows before.
    is_record: bool,
}

/// A stream.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Stack {
    version: u8,
    settings: StackSettings,
    weights: Weights,
    rows: u64,
    /// No episode begins before so many rows.
    alerts_from: u64,
    novelty: Vec<Novelty>,
    /// Blocks of signals; empty where there is one signal only.
    joint: Vec<Joint>,
    evidence: [Evidence; 2],
    /// Rows since the last record that would alert; `None` while there is no episode.
    quiet: Option<u64>,
    #[serde(skip)]
    look: Look,
}

impl Stack {
    /// Makes one for a stream of `signals` numbers a row, 1 to [`MAX_SIGNALS`].
    ///
    /// # Errors
    /// What of the signals or the settings cannot be.
    pub fn new(signals: usize, settings: StackSettings) -> Result<Self, StackError> {
        let StackSettings { rows_per_false_alert, calibrate } = settings;
        match signals {
            0 => return Err(StackError::NoSignal),
            1..=MAX_SIGNALS => {}
            _ => return Err(StackError::TooManySignals(signals)),
        }
        if !(LEAST_BUDGET..=MOST_BUDGET).contains(&rows_per_false_alert) {
            return Err(StackError::Budget(rows_per_false_alert));
        }
        if !(60..=1_000_000).contains(&calibrate) {
            return Err(StackError::Calibrate(calibrate));
        }
        let blocks = (0..signals).step_by(TOGETHER).map(|first| TOGETHER.min(signals - first));
        let joint: Vec<Joint> =
            if signals > 1 { blocks.map(|block| Joint::new(block, calibrate)).collect() } else { Vec::new() };
        let evidence = [(NOVELTY_PRIOR, signals), (JOINT_PRIOR, joint.len().max(1))];
        Ok(Self {
            version: VERSION,
            settings,
            weights: Weights::default(),
            rows: 0,
            alerts_from: calibrate,
            novelty: (0..signals).map(|_| Novelty::new()).collect(),
            joint,
            evidence: evidence.map(|(prior, parts)| Evidence::new(prior, parts, &settings)),
            quiet: None,
            look: Look::default(),
        })
    }

    /// Returns whether a state that was read back is one that this program can go on from: saved in a
    /// form that keeps every bit of a number (MessagePack does, JSON need not), a stream goes on as if it had not been.
    ///
    /// # Errors
    /// Another form, or parts that do not belong together.
    pub fn check(self) -> Result<Self, StackError> {
        if self.version != VERSION {
            return Err(StackError::Version(self.version));
        }
        let fresh = Self::new(self.signals(), self.settings)?;
        let blocks = |stack: &Self| stack.joint.iter().map(Joint::signals).collect::<Vec<_>>();
        let is_whole = blocks(&self) == blocks(&fresh)
            && self.novelty.iter().all(Novelty::is_whole)
            && self.joint.iter().all(Joint::is_whole)
            && self.evidence.iter().all(|evidence| evidence.rarity.is_whole());
        if is_whole { Ok(self) } else { Err(StackError::Broken) }
    }

    /// Returns how many signals a row has.
    pub const fn signals(&self) -> usize {
        self.novelty.len()
    }

    /// Returns how many rows it has learned.
    pub const fn rows(&self) -> u64 {
        self.rows
    }

    /// Returns whether an alert's episode goes on: the row before was odd, or one of the [`HOLD`] before that.
    pub const fn is_in_episode(&self) -> bool {
        self.quiet.is_some()
    }

    /// Returns whether enough rows were learned for an alert.
    pub const fn may_alert(&self) -> bool {
        self.rows >= self.alerts_from
    }

    /// Returns its budget: rows for one false alert.
    pub const fn budget(&self) -> f64 {
        self.settings.rows_per_false_alert
    }

    /// Sets another budget from the next row on, beyond 100 to 10,000,000 rows the nearer of the two, and holds alerts back
    /// until `alerts_from` rows were learned, and those to calibrate.
    pub fn set_budget(&mut self, rows_per_false_alert: f64, alerts_from: u64) {
        let rows = rows_per_false_alert.clamp(LEAST_BUDGET, MOST_BUDGET);
        self.settings.rows_per_false_alert = rows;
        self.alerts_from = alerts_from.max(self.settings.calibrate);
        for evidence in &mut self.evidence {
            evidence.rarity.set_period(rows);
        }
    }

    /// Returns the weights of its evidence: all 1 unless others were set.
    pub const fn weights(&self) -> Weights {
        self.weights
    }

    /// Weighs evidence in another way from the next row on.
    ///
    /// How rare a record is, is told from the records before it, and those were weighed as they were. A statistic changes by no
    /// larger factor than the weight that changed most: after one verdict by [`MOST_CHANGE`] at the most, less than a bin of
    /// the histogram of records up to 40 nats, and forgotten with them. Weights that are far
    /// from those before make a stream too loud or too quiet until about as many rows came as it had seen.
    pub const fn set_weights(&mut self, weights: Weights) {
        self.weights = weights;
    }

    /// Takes a row and says how odd it is. `at` is its time in seconds, of which only the hour of the day is looked at;
    /// `values` has one value per signal: NaN, infinite or not there is missing, and as the one before.
    pub fn score(&mut self, at: Option<f64>, values: &[f64]) -> Scored {
        let hour = at.filter(|at| at.is_finite()).map_or(0.0, |at| at.rem_euclid(86_400.0) / 3_600.0);
        let mut look = std::mem::take(&mut self.look);
        self.look_at(values, hour, &mut look);
        let mut scored = self.judge(&look);
        if scored.alert && self.quiet.is_none() {
            scored.why = self.why(&scored, values, hour, &mut look);
            scored.shares = self.shares(&scored, &look);
        }
        self.learn(&look);
        self.count_episode(&mut scored);
        self.look = look;
        scored
    }

    /// Says what was expected of the signal that led to an alert, and from which value on there would have been none: the
    /// row is judged again with other values, by halves.
    fn why(&self, scored: &Scored, values: &[f64], hour: f64, look: &mut Look) -> Option<Why> {
        let (signal, _) = scored.top.first().copied().flatten()?;
        let expected = self.novelty.get(signal)?.expected()?;
        let found = values.get(signal).copied().filter(|value| value.is_finite())?;
        let mut row = values.to_vec();
        let mut alerts = |value: f64| {
            if let Some(slot) = row.get_mut(signal) {
                *slot = value;
            }
            self.look_at(&row, hour, look);
            self.judge(look).alert
        };
        let (mut alarming, mut quiet) = (found, f64::midpoint(expected.0, expected.1));
        let counterfactual = if alerts(quiet) {
            None
        } else {
            for _ in 0..HALVES {
                let middle = f64::midpoint(alarming, quiet);
                *(if alerts(middle) { &mut alarming } else { &mut quiet }) = middle;
            }
            Some(quiet)
        };
        self.look_at(values, hour, look);
        Some(Why { expected, counterfactual })
    }

    /// Says which parts of the evidence led to an alert.
    fn shares(&self, scored: &Scored, look: &Look) -> Option<Shares> {
        let [Statistic { of: signal, .. }, _] = look.channels;
        match scored.channel? {
            Channel::Joint => Some(Shares::of_joint()),
            Channel::Novelty => {
                Shares::of_novelty(self.novelty.get(signal)?.parts(look.novelty.get(signal)?))
            }
        }
    }

    /// Looks at a row without learning it.
    fn look_at(&self, values: &[f64], hour: f64, look: &mut Look) {
        let value = |signal: usize| values.get(signal).copied().unwrap_or(f64::NAN);
        look.novelty.resize_with(self.novelty.len(), novelty::Look::default);
        for (signal, (sketch, look)) in self.novelty.iter().zip(&mut look.novelty).enumerate() {
            sketch.look(value(signal), hour, self.weights.novelty(), look);
        }
        look.joint.resize_with(self.joint.len(), joint::Look::default);
        for ((block, look), first) in self.joint.iter().zip(&mut look.joint).zip((0..).step_by(TOGETHER)) {
            block.look((first..first + block.signals()).map(value), look);
        }
        let novelty = highest(look.novelty.iter().map(|look| look.surprise));
        let (joint, block) = highest(look.joint.iter().map(|look| look.statistic));
        let joint = self.weights.joint() * JOINT_SCALE * libm::log1p(joint / JOINT_USUAL);
        let [of_novelty, of_joint] = &self.evidence;
        let statistic = |(value, of): (f64, usize), evidence: &Evidence| {
            let is_record = evidence.record.is_record(value, self.rows);
            Statistic { value, of, is_record }
        };
        look.channels = [statistic(novelty, of_novelty), statistic((joint, block), of_joint)];
    }

    /// Says what a row is that was looked at; an alert of an episode that has begun is told again.
    fn judge(&self, look: &Look) -> Scored {
        let channels = if self.joint.is_empty() { 1.0 } else { 2.0 };
        let mut scored = Scored {
            score: 0.0,
            period: 0.0,
            is_record: false,
            alert: false,
            channel: None,
            top: [None; TOP],
            why: None,
            shares: None,
        };
        let mut place = 0;
        let both = [Channel::Novelty, Channel::Joint].into_iter().zip(&self.evidence).zip(look.channels);
        for ((channel, evidence), Statistic { value, of, is_record }) in both {
            if value <= 0.0 {
                continue;
            }
            // The budget is that of all channels together.
            let period = evidence.rarity.period(value) / channels;
            let score =
                if period.is_finite() { period / (period + self.settings.rows_per_false_alert) } else { 1.0 };
            scored.alert |= is_record && score >= 0.5 && self.rows >= self.alerts_from;
            scored.is_record |= is_record;
            if score > scored.score {
                (scored.score, scored.period, scored.channel, place) = (score, period, Some(channel), of);
            }
        }
        scored.top = match scored.channel {
            Some(Channel::Joint) => {
                let shares = look.joint.get(place).map_or(&[][..], |look| &look.shares);
                top(shares.iter().copied(), place * TOGETHER)
            }
            Some(Channel::Novelty) => {
                let sum: f64 = look.novelty.iter().map(|look| look.surprise).sum();
                top(look.novelty.iter().map(|look| look.surprise / sum), 0)
            }
            None => [None; TOP],
        };
        scored
    }

    fn learn(&mut self, look: &Look) {
        for (sketch, look) in self.novelty.iter_mut().zip(&look.novelty) {
            sketch.learn(look);
        }
        for (block, look) in self.joint.iter_mut().zip(&look.joint) {
            block.learn(look);
        }
        for (evidence, Statistic { value, is_record, .. }) in self.evidence.iter_mut().zip(look.channels) {
            evidence.rarity.learn(is_record.then_some(value), self.rows);
            evidence.record.learn(value, self.rows);
        }
        self.rows += 1;
    }

    /// One alert for an episode.
    fn count_episode(&mut self, scored: &mut Scored) {
        let goes_on = scored.alert;
        scored.alert &= self.quiet.is_none();
        self.quiet = match self.quiet {
            _ if goes_on => Some(0),
            Some(quiet) if quiet < HOLD => Some(quiet + 1),
            _ => None,
        };
    }
}

/// Returns the highest of some numbers and its place; 0 at place 0 where there is none above 0.
fn highest(numbers: impl Iterator<Item = f64>) -> (f64, usize) {
    numbers.enumerate().fold(
        (0.0, 0),
        |(best, at), (place, number)| if number > best { (number, place) } else { (best, at) },
    )
}

/// Returns the largest shares above 0 and whose they are, the largest first.
fn top(shares: impl Iterator<Item = f64>, first: usize) -> [Option<(usize, f64)>; TOP] {
    let mut top = [None; TOP];
    for (place, share) in shares.enumerate().filter(|(_, share)| *share > 0.0) {
        let mut next = Some((first + place, share));
        for slot in &mut top {
            let is_larger =
                |(_, held): (usize, f64)| next.is_some_and(|(_, share): (usize, f64)| share > held);
            if slot.is_none_or(is_larger) {
                std::mem::swap(slot, &mut next);
            }
        }
    }
    top
}
