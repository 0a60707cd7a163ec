//! Rows of numbers into the detector, a restart in between, verdicts on what it alerts of.
//!
//! An input is how many signals there are and how often they may alert, then a row of steps: rows as they come, the same row
//! again, what is usual for a while, wild numbers, a verdict, a state that is saved and read back.

use std::mem;
use watchkeeper_detect::{
    AlertContext, Learner, MOST_CHANGE, PARTS, Scored, Stack, StackSettings, Weights, WeightsError,
};
use watchkeeper_model::{AlertId, Label, SignalSpec, Verdict};

/// Enough rows to learn from and to alert after; fewer of many signals, which cost more.
const MAX_ROWS: usize = 90;
const MAX_VALUES: usize = 150;
/// The fewest rows that may be learned from.
const CALIBRATE: u64 = 60;
/// Rows without a record that end an episode.
const EPISODE_ROWS: u64 = 100;
/// An alert tells of so many rows.
const TOLD: usize = 5;
/// Numbers where arithmetic tends to break.
const WILD: [f64; 16] = [
    f64::NAN,
    f64::INFINITY,
    f64::NEG_INFINITY,
    f64::MAX,
    f64::MIN,
    f64::MIN_POSITIVE,
    5e-324,
    -5e-324,
    0.0,
    -0.0,
    1e100,
    -1e100,
    1.000_000_1e100,
    1e-300,
    9_007_199_254_740_993.0,
    1e9,
];

/// Plays the steps in `input`.
pub(crate) fn run(input: &[u8]) {
    let mut bytes = input.iter().copied();
    let Some(first) = bytes.next() else { return };
    let mut scene = Scene::new(first);
    while scene.step(&mut bytes).is_some() {}
}

struct Scene {
    stack: Stack,
    learner: Learner,
    signals: Vec<SignalSpec>,
    has_time: bool,
    rows_left: usize,
    may_restart: bool,
    rows: u64,
    last: Vec<f64>,
    told: Vec<Vec<f64>>,
    chance: u32,
    alerts: u64,
    alerted_at: Option<u64>,
}

impl Scene {
    fn new(first: u8) -> Self {
        let count = [1, 1, 2, 2, 3, 3, 4, 8][usize::from(first & 7)];
        let rows_per_false_alert = if first & 8 == 0 { 100.0 } else { 2_000.0 };
        let settings = StackSettings { calibrate: CALIBRATE, rows_per_false_alert };
        let name =
            |signal: usize| SignalSpec { name: Label::cut(&format!("s{signal}")), unit: Label::cut("m") };
        Self {
            stack: Stack::new(count, settings).expect("that many are allowed"),
            learner: Learner::default(),
            signals: (0..count).map(name).collect(),
            has_time: first & 16 == 0,
            rows_left: MAX_ROWS + MAX_VALUES / count,
            // Once, of few signals: to save a state costs as much as many rows.
            may_restart: count <= 2,
            rows: 0,
            last: vec![0.0; count],
            told: Vec::new(),
            chance: u32::from(first),
            alerts: 0,
            alerted_at: None,
        }
    }

    /// Takes a step; `None` once there is none, or there were rows enough.
    fn step(&mut self, bytes: &mut impl Iterator<Item = u8>) -> Option<()> {
        let step = bytes.next()?;
        match step % 8 {
            0 | 1 => {
                for place in 0..self.last.len() {
                    self.set(place, f64::from(bytes.next()?) - 128.0);
                }
                self.score()?;
            }
            2 => {
                for _ in 0..=step >> 3 {
                    self.score()?;
                }
            }
            3 | 4 => {
                for _ in 0..=2 * (step >> 3) {
                    self.go_on();
                    self.score()?;
                }
            }
            5 => {
                let wild = WILD[usize::from(step >> 3) % WILD.len()];
                self.set(usize::from(bytes.next()?), wild);
                self.score()?;
            }
            6 => {
                let mut bits = [0; 8];
                for byte in &mut bits {
                    *byte = bytes.next()?;
                }
                self.set(usize::from(step >> 3), f64::from_bits(u64::from_be_bytes(bits)));
                self.score()?;
            }
            _ if step & 8 == 0 => self.restart(),
            _ => self.judge(step >> 4),
        }
        Some(())
    }

    fn set(&mut self, place: usize, value: f64) {
        let count = self.last.len();
        if let Some(slot) = self.last.get_mut(place % count) {
            *slot = value;
        }
    }

    /// Values that wander a little about a level, as most streams do; what was wild is over.
    fn go_on(&mut self) {
        for value in &mut self.last {
            self.chance = self.chance.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            *value = f64::from(self.chance >> 24) / 64.0;
        }
    }

    fn score(&mut self) -> Option<()> {
        self.rows_left = self.rows_left.checked_sub(1)?;
        let at = self.has_time.then_some(self.rows as f64 * 300.0);
        let scored = self.stack.score(at, &self.last);
        self.check(&scored);
        if self.told.len() == TOLD {
            self.told.rotate_left(1);
            self.told.pop();
        }
        self.told.push(self.last.clone());
        if scored.alert {
            self.handle_alert(&scored);
        }
        self.rows += 1;
        Some(())
    }

    /// What holds of every row.
    fn check(&self, scored: &Scored) {
        assert!((0.0..=1.0).contains(&scored.score) && scored.period >= 0.0, "{scored:?}");
        assert_eq!(scored.channel.is_none(), scored.score <= 0.0, "{scored:?}");
        let shares: Vec<f64> = scored.top.iter().flatten().map(|(_, share)| *share).collect();
        assert!(scored.top.iter().flatten().all(|(signal, _)| *signal < self.signals.len()), "{scored:?}");
        assert!(shares.iter().all(|share| (0.0..=1.0).contains(share)), "{scored:?}");
        assert!(shares.is_sorted_by(|one, next| one >= next), "{scored:?}");
        assert!(shares.iter().sum::<f64>() < 1.0 + 1e-9, "{scored:?}");
        assert!(scored.alert || scored.why.is_none() && scored.shares.is_none(), "{scored:?}");
        assert!(scored.alert <= (scored.is_record && scored.score >= 0.5 && self.rows >= CALIBRATE));
        if let Some(why) = scored.why {
            let (low, high) = why.expected;
            assert!(low <= high && low.is_finite() && high.is_finite(), "{scored:?}");
            assert!(why.counterfactual.is_none_or(f64::is_finite), "{scored:?}");
        }
    }

    /// One for an episode, with a sentence, and with what a learner needs.
    fn handle_alert(&mut self, scored: &Scored) {
        let since = self.alerted_at.replace(self.rows).map(|before| self.rows - before);
        assert!(since.is_none_or(|since| since > EPISODE_ROWS), "two alerts of one episode");
        let context = AlertContext { signals: &self.signals, since: "row 1", rows: &self.told };
        let sentence = scored.sentence(&context).expect("an alert is of something");
        assert!(!sentence.chars().any(|c| c.is_control() && c != '\n'), "{sentence:?}");
        let shares = scored.shares.expect("an alert says what led to it");
        self.alerts += 1;
        self.learner.remember(AlertId(self.alerts), shares, scored.score).expect("it is new");
    }

    /// The last alert gets a verdict, or the last verdict is taken back.
    fn judge(&mut self, what: u8) {
        let verdicts = [Verdict::Real, Verdict::Late, Verdict::FalseAlarm, Verdict::Unclear];
        let before = self.learner.weights();
        if let Some(verdict) = verdicts.get(usize::from(what) % 8) {
            let Ok(update) = self.learner.judge(AlertId(self.alerts), *verdict) else { return };
            assert_eq!((update.before, update.after), (before, self.learner.weights()));
            let pairs = <[f64; PARTS]>::from(before).into_iter().zip(<[f64; PARTS]>::from(update.after));
            for (one, other) in pairs {
                assert!((one / other).max(other / one) <= 1.0 + MOST_CHANGE + 1e-12, "{update:?}");
            }
        } else {
            let Some(update) = self.learner.roll_back() else { return };
            assert_eq!((update.before, update.after), (self.learner.weights(), before));
        }
        let read: Result<Weights, WeightsError> = <[f64; PARTS]>::from(self.learner.weights()).try_into();
        self.stack.set_weights(read.expect("weights stay weights"));
    }

    /// Goes on with what was saved and read back; the first row is scored as it would have been.
    fn restart(&mut self) {
        if !mem::take(&mut self.may_restart) {
            return;
        }
        let saved = rmp_serde::to_vec(&self.stack).expect("it can be saved");
        let read: Stack = rmp_serde::from_slice(&saved).expect("it can be read");
        let mut stack = read.check().expect("it is whole");
        let [one, other] = [&mut self.stack, &mut stack].map(|stack| stack.score(None, &self.last));
        assert_eq!(format!("{one:?}"), format!("{other:?}"), "a restart changed what is said");
        self.check(&one);
        self.stack = stack;
        self.rows += 1;
        let saved = rmp_serde::to_vec(&self.learner).expect("it can be saved");
        let read: Learner = rmp_serde::from_slice(&saved).expect("it can be read");
        assert_eq!(read.check().as_ref(), Ok(&self.learner), "a restart changed what was learned");
        if one.alert {
            self.handle_alert(&one);
        }
    }
}
