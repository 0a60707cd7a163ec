//! What a budget of false alerts costs in delay: faults are planted into copies of anybody's own rows, and it is counted how
//! many of them are found, and how late.
//!
//! The table is read twice. A [`Survey`] counts rows and how far each signal strays; [`Delays`] then scores the rows once
//! for each budget and, at up to [`PLACES`] places, copies of the stream in which one signal goes wrong. What is told holds for
//! faults like these in this stream: no label is used, and none is needed.

use crate::{Stack, StackError, StackSettings, stack::MAX_VALUE};
use std::collections::{BTreeSet, VecDeque};
use thiserror::Error;

/// Faults of each kind begin at so many places at most, evenly over the rows, at each signal that changes in turn; where there are
/// more of these, at some of all of them.
pub const PLACES: usize = 40;
/// A fault has to be found within so many rows.
pub const HORIZON: usize = 200;
/// How far a fault takes a signal, in standard deviations of the whole signal.
pub const SPREADS: f64 = 3.0;
/// A drift gets there in so many rows.
pub const DRIFT_ROWS: usize = 100;

/// What goes wrong with a signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is [`SPREADS`] higher from one row to the next, and stays so.
    Jump,
    /// It stays where it last was.
    Frozen,
    /// It gets higher by as much as a jump, in [`DRIFT_ROWS`].
    Drift,
}

/// Every fault that is planted, in the order of [`Cost::faults`].
pub const FAULTS: [Fault; 3] = [Fault::Jump, Fault::Frozen, Fault::Drift];

impl Fault {
    /// Returns its name, as tables have it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Jump => "jump",
            Self::Frozen => "frozen",
            Self::Drift => "drift",
        }
    }

    /// Returns what a value is in the row `after` the first wrong one; `last` is the value before that.
    fn of(self, value: f64, last: f64, spread: f64, after: usize) -> f64 {
        let far = SPREADS * spread;
        match self {
            Self::Jump => value + far,
            Self::Frozen => last,
            Self::Drift => value + far * ((after + 1) as f64 / DRIFT_ROWS as f64).min(1.0),
        }
    }
}

/// Says why nothing can be planted.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum DelayError {
    /// Too few rows behind those that are only learned from.
    #[error(
        "{rows} rows: at least {least} are needed, those to calibrate and {HORIZON} more to find a fault in"
    )]
    TooFewRows {
        /// How many there are.
        rows: u64,
        /// How many there have to be.
        least: u64,
    },
    /// No signal in which a fault would show.
    #[error("no signal changes: there is nothing that a fault could change")]
    NothingChanges,
}

/// How far a number strays (Welford 1962, "Note on a method for calculating corrected sums of squares and products").
#[derive(Clone, Copy, Debug, Default)]
struct Spread {
    count: f64,
    mean: f64,
    squares: f64,
}

impl Spread {
    fn take(&mut self, value: f64) {
        self.count += 1.0;
        let off = value - self.mean;
        self.mean += off / self.count;
        self.squares += off * (value - self.mean);
    }

    fn deviation(&self) -> f64 {
        libm::sqrt(self.squares / self.count.max(1.0))
    }
}

/// The first reading of a table.
#[derive(Debug)]
pub struct Survey {
    rows: u64,
    spreads: Vec<Spread>,
    calibrate: u64,
    stacks: Vec<(Stack, Cost)>,
}

impl Survey {
    /// Begins one of a table with `signals` signals, for each of some budgets (rows for one false alert).
    ///
    /// # Errors
    /// What of signals, budgets and calibration cannot be.
    pub fn new(signals: usize, budgets: &[f64], calibrate: u64) -> Result<Self, StackError> {
        let stack = |rows: &f64| -> Result<(Stack, Cost), StackError> {
            let settings = StackSettings { rows_per_false_alert: *rows, calibrate };
            let cost = Cost { rows_per_false_alert: *rows, alerts: 0, faults: Default::default() };
            Ok((Stack::new(signals, settings)?, cost))
        };
        let stacks = budgets.iter().map(stack).collect::<Result<_, _>>()?;
        Ok(Self { rows: 0, spreads: vec![Spread::default(); signals], calibrate, stacks })
    }

    /// Takes a row; what is no number is missing.
    pub fn handle_row(&mut self, values: &[f64]) {
        self.rows += 1;
        for (spread, value) in self.spreads.iter_mut().zip(values) {
            if value.is_finite() {
                spread.take(value.clamp(-MAX_VALUE, MAX_VALUE));
            }
        }
    }
}

/// What became of the faults of one kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Faults that were planted: each changes a value, where the stream does not alert by itself.
    pub planted: usize,
    /// In which row each that was found was, from 0 for the first wrong one; in ascending order.
    pub after: Vec<usize>,
}

impl Found {
    /// Returns the delay that a share of what was found did not exceed, 0 to 1; `None` where nothing was found.
    pub fn quantile(&self, share: f64) -> Option<usize> {
        let rank = (share * self.after.len() as f64).ceil().max(1.0);
        self.after.iter().zip(1_u32..).find(|(_, place)| f64::from(*place) >= rank).map(|(after, _)| *after)
    }
}

/// What a budget costs.
#[derive(Clone, Debug, PartialEq)]
pub struct Cost {
    /// The budget: rows for one false alert.
    pub rows_per_false_alert: f64,
    /// Alerts on the rows as they are.
    pub alerts: u64,
    /// What became of each of [`FAULTS`].
    pub faults: [Found; FAULTS.len()],
}

/// A row that waits.
#[derive(Debug)]
struct Waiting {
    at: Option<f64>,
    values: Vec<f64>,
}

/// The second reading of a table.
#[derive(Debug)]
pub struct Delays {
    stacks: Vec<(Stack, Cost)>,
    /// Of each signal that changes: its place and deviation.
    signals: Vec<(usize, f64)>,
    /// The next [`HORIZON`] rows.
    ahead: VecDeque<Waiting>,
    /// The last number of each signal.
    last: Vec<f64>,
    /// Rows that were scored, where the next fault begins, and how many did.
    rows: u64,
    places: BTreeSet<u64>,
    begun: usize,
}

impl Delays {
    /// Begins one of the table that was surveyed.
    ///
    /// # Errors
    /// A table in which no fault can be planted.
    pub fn new(survey: Survey) -> Result<Self, DelayError> {
        let Survey { rows, spreads, calibrate, stacks } = survey;
        let least = calibrate.saturating_add(HORIZON as u64);
        let Some(room) = rows.checked_sub(least) else {
            return Err(DelayError::TooFewRows { rows, least });
        };
        let deviations = spreads.iter().map(Spread::deviation).enumerate();
        let signals: Vec<(usize, f64)> = deviations.filter(|(_, deviation)| *deviation > 0.0).collect();
        if signals.is_empty() {
            return Err(DelayError::NothingChanges);
        }
        let places = PLACES as u64;
        let places = (0..places).map(|place| calibrate + room * (2 * place + 1) / (2 * places)).collect();
        Ok(Self {
            stacks,
            signals,
            ahead: VecDeque::with_capacity(HORIZON),
            last: vec![f64::NAN; spreads.len()],
            rows: 0,
            places,
            begun: 0,
        })
    }

    /// Takes a row of the second reading: its time in seconds, and its values.
    pub fn handle_row(&mut self, at: Option<f64>, values: &[f64]) {
        if self.ahead.len() == HORIZON
            && let Some(oldest) = self.ahead.pop_front()
        {
            self.score(&oldest);
        }
        // As the stack takes them.
        let taken =
            |value: &f64| if value.is_finite() { value.clamp(-MAX_VALUE, MAX_VALUE) } else { f64::NAN };
        self.ahead.push_back(Waiting { at, values: values.iter().map(taken).collect() });
        if self.ahead.len() == HORIZON && self.places.first() == Some(&self.rows) {
            self.places.pop_first();
            self.plant();
        }
    }

    /// Returns at how many places a signal was to go wrong so far.
    pub const fn begun(&self) -> usize {
        self.begun
    }

    /// Returns what each budget costs, in the order in which they were given.
    pub fn finish(mut self) -> Vec<Cost> {
        while let Some(waiting) = self.ahead.pop_front() {
            self.score(&waiting);
        }
        for (_, cost) in &mut self.stacks {
            cost.faults.iter_mut().for_each(|found| found.after.sort_unstable());
        }
        self.stacks.into_iter().map(|(_, cost)| cost).collect()
    }

    fn score(&mut self, row: &Waiting) {
        for (stack, cost) in &mut self.stacks {
            cost.alerts += u64::from(stack.score(row.at, &row.values).alert);
        }
        for (last, value) in self.last.iter_mut().zip(&row.values) {
            if value.is_finite() {
                *last = *value;
            }
        }
        self.rows += 1;
    }

    /// Lets a signal go wrong from the next row on, in a copy for each budget and fault.
    fn plant(&mut self) {
        let turn = self.begun * self.signals.len().div_ceil(PLACES) % self.signals.len();
        self.begun += 1;
        let Some((signal, spread)) = self.signals.get(turn).copied() else { return };
        let last = self.last.get(signal).copied().unwrap_or(f64::NAN);
        let before: Vec<f64> = self.ahead.iter().filter_map(|row| row.values.get(signal).copied()).collect();
        let wrong = FAULTS.map(|fault| {
            let values = before.iter().enumerate();
            let wrong: Vec<f64> =
                values.map(|(after, value)| fault.of(*value, last, spread, after)).collect();
            // What stands still anyway, or is missing all the while, is no fault.
            let is_fault = wrong.iter().zip(&before).any(|(wrong, before)| (wrong - before).abs() > 0.0);
            is_fault.then_some(wrong)
        });
        for (stack, cost) in &mut self.stacks {
            // An alert that would come anyhow finds no fault.
            if stack.is_in_episode() || first_alert(stack, &self.ahead, None).is_some() {
                continue;
            }
            for (wrong, found) in wrong.iter().zip(&mut cost.faults) {
                let Some(wrong) = wrong else { continue };
                found.planted += 1;
                found.after.extend(first_alert(stack, &self.ahead, Some((signal, wrong))));
            }
        }
    }
}

/// Returns in which of the rows ahead a copy of a stream has an alert, with other values of one signal.
fn first_alert(stack: &Stack, ahead: &VecDeque<Waiting>, wrong: Option<(usize, &[f64])>) -> Option<usize> {
    let mut stack = stack.clone();
    let mut row = Vec::new();
    ahead.iter().enumerate().position(|(after, waiting)| {
        row.clone_from(&waiting.values);
        if let Some((signal, values)) = wrong
            && let (Some(slot), Some(value)) = (row.get_mut(signal), values.get(after))
        {
            *slot = *value;
        }
        stack.score(waiting.at, &row).alert
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Noise between -1 and 1 that repeats from run to run.
    fn noise(row: u64) -> f64 {
        let bits = (row + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        ((bits ^ (bits >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 40) as f64 / f64::from(1 << 23) - 1.0
    }

    fn survey(rows: u64, budgets: &[f64], value: impl Fn(u64) -> [f64; 2]) -> Survey {
        let mut survey = Survey::new(2, budgets, 400).unwrap();
        (0..rows).for_each(|row| survey.handle_row(&value(row)));
        survey
    }

    fn costs(rows: u64, budgets: &[f64], value: impl Fn(u64) -> [f64; 2]) -> Vec<Cost> {
        let mut delays = Delays::new(survey(rows, budgets, &value)).unwrap();
        (0..rows).for_each(|row| delays.handle_row(Some(row as f64), &value(row)));
        delays.finish()
    }

    #[test]
    fn a_jump_is_found_at_once_a_drift_later_and_a_larger_budget_finds_no_fewer() {
        let value = |row: u64| [noise(row), 5.0 + noise(row + 1_000_000)];
        let costs = costs(20_000, &[500.0, 5_000.0], value);
        let [loose, strict] = costs.as_slice() else { panic!("two budgets") };
        assert!(loose.alerts > strict.alerts, "{} {}", loose.alerts, strict.alerts);
        for cost in &costs {
            let [jump, _, drift] = &cost.faults;
            assert!(jump.planted >= 20 && jump.after.len() == jump.planted, "{cost:?}");
            assert!(jump.quantile(0.5) < drift.quantile(0.5), "{cost:?}");
        }
        assert!(loose.faults[2].quantile(0.5) <= strict.faults[2].quantile(0.5), "{costs:?}");
    }

    #[test]
    fn the_rows_themselves_are_scored_as_without_any_fault() {
        let value = |row: u64| [noise(row) + if row == 3_000 { 30.0 } else { 0.0 }, noise(row + 77)];
        let settings = StackSettings { rows_per_false_alert: 1_000.0, calibrate: 400 };
        let mut stack = Stack::new(2, settings).unwrap();
        let alerts = (0..5_000).filter(|row| stack.score(Some(*row as f64), &value(*row)).alert).count();
        assert_eq!(costs(5_000, &[1_000.0], value)[0].alerts, alerts as u64);
    }

    #[test]
    fn faults_begin_after_the_calibration_and_leave_room_to_be_found() {
        let planted = |rows| {
            let value = |row| [noise(row), 0.0];
            let mut delays = Delays::new(survey(rows, &[1e7], value)).unwrap();
            assert_eq!(delays.signals.len(), 1, "what never changes cannot go wrong");
            let places = delays.places.clone();
            assert!(places.iter().all(|place| (400..=rows - HORIZON as u64).contains(place)), "{places:?}");
            (0..rows).for_each(|row| delays.handle_row(None, &value(row)));
            assert_eq!(delays.begun, places.len());
            places.len()
        };
        assert_eq!((planted(600), planted(619), planted(9_000)), (1, 19, 40));
    }

    #[test]
    fn a_fault_that_changes_no_value_is_not_planted() {
        let planted = |costs: &[Cost]| costs[0].faults.each_ref().map(|found| found.planted);
        // Off for a thousand rows, on for a thousand, and so on.
        let switched = |row| [f64::from(u8::from(row / 1_000 % 2 == 1)), 0.0];
        let [jump, frozen, drift] = planted(&costs(6_000, &[1e7], switched));
        assert!(jump >= 30 && drift == jump && frozen < 10, "{jump} {frozen} {drift}");
        let missing_at_first = |row| [if row < 3_000 { f64::NAN } else { noise(row) }, 0.0];
        let planted = planted(&costs(6_000, &[1e7], missing_at_first));
        assert!(planted.iter().all(|count| (15..=25).contains(count)), "{planted:?}");
    }

    #[test]
    fn huge_numbers_and_more_signals_than_places_are_within_bounds() {
        let huge = costs(3_000, &[1e7], |row| [noise(row) * 1e200, noise(row + 7) * f64::MAX]);
        assert!(huge[0].faults.iter().all(|found| found.planted > 0), "{huge:?}");
        let wide = |calibrate| {
            let mut survey = Survey::new(100, &[], calibrate).unwrap();
            (0..1_000).for_each(|row| survey.handle_row(&[noise(row); 100]));
            Delays::new(survey)
        };
        let mut delays = wide(400).unwrap();
        (0..1_000).for_each(|row| delays.handle_row(None, &[noise(row); 100]));
        assert_eq!(delays.begun(), PLACES);
        assert!(wide(u64::MAX).unwrap_err().to_string().contains("are needed"));
    }

    #[test]
    fn what_cannot_be_says_why() {
        let of = |survey| Delays::new(survey).unwrap_err().to_string();
        let short = of(survey(599, &[1_000.0], |row| [noise(row), 0.0]));
        assert!(short.contains("at least 600 are needed"), "{short}");
        assert!(of(survey(5_000, &[1_000.0], |_| [1.0, f64::NAN])).contains("no signal changes"));
        assert!(Survey::new(2, &[1.0], 400).unwrap_err().to_string().contains("not within"));
        let empty = Found::default();
        assert_eq!(empty.quantile(0.5), None);
        let found = Found { planted: 5, after: vec![1, 2, 3, 40] };
        assert_eq!(
            (found.quantile(0.5), found.quantile(0.9), found.quantile(0.0)),
            (Some(2), Some(40), Some(1))
        );
    }
}
