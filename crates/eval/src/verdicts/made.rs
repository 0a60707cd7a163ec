//! Streams that are made.

use rand::{RngExt, SeedableRng, rngs::StdRng};
use std::ops::Range;

/// Streams of a seed: half of them have one signal, half three.
pub const STREAMS: usize = 10;
/// Seconds between two rows.
pub const ROW_SECS: f64 = 300.0;
const DAY: usize = 288;
const HOUR: usize = DAY / 24;
/// Days of a stream, how many of them nothing happens on at first, and how far events are apart.
const DAYS: usize = 28;
const CALM_DAYS: usize = 7;
const APART_DAYS: usize = 3;
/// So many rows after an event still belong to it: the way back.
const AFTERMATH: usize = 50;

/// What happens to a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Real: far from where it was, for five hours.
    Jump,
    /// Real: the last value again and again.
    Frozen,
    /// Real: ever further away.
    Drift,
    /// Real: a signal no longer follows the others, though each is as usual by itself.
    Apart,
    /// A nuisance: maintenance by night, on for some hours and off again.
    NightWork,
    /// A nuisance: a day that is some hours late.
    HourChange,
    /// A nuisance: a signal in coarser steps.
    Quantised,
}

impl Kind {
    const REAL: [Self; 3] = [Self::Jump, Self::Frozen, Self::Drift];
    const REAL_TOGETHER: [Self; 4] = [Self::Jump, Self::Frozen, Self::Drift, Self::Apart];
    const NUISANCES: [Self; 3] = [Self::NightWork, Self::HourChange, Self::Quantised];

    /// Returns whether an operator wants to hear of it.
    pub const fn is_real(self) -> bool {
        match self {
            Self::Jump | Self::Frozen | Self::Drift | Self::Apart => true,
            Self::NightWork | Self::HourChange | Self::Quantised => false,
        }
    }

    /// Returns whether it happens to all signals of a machine.
    const fn is_of_all(self) -> bool {
        matches!(self, Self::NightWork | Self::HourChange)
    }
}

/// Something that happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// What.
    pub kind: Kind,
    /// When, by row.
    pub rows: Range<usize>,
}

impl Event {
    /// Returns the rows in which an alarm is of it: until it is over, and the way back.
    pub const fn span(&self) -> Range<usize> {
        self.rows.start..self.rows.end + AFTERMATH
    }
}

/// A stream and what happens in it.
#[derive(Clone, Debug, PartialEq)]
pub struct Stream {
    /// A row every [`ROW_SECS`] seconds, the first at midnight.
    pub rows: Vec<Vec<f64>>,
    /// In the order of time; none overlap.
    pub events: Vec<Event>,
}

impl Stream {
    /// Returns whether an alarm at a row is of something real.
    pub fn is_real(&self, row: usize) -> bool {
        self.events.iter().any(|event| event.kind.is_real() && event.span().contains(&row))
    }
}

/// Chance.
struct Chance(StdRng);

impl Chance {
    fn between(&mut self, low: f64, high: f64) -> f64 {
        self.0.random_range(low..high)
    }

    fn of(&mut self, range: Range<usize>) -> usize {
        self.0.random_range(range)
    }

    /// About normal: mean 0, deviation 1.
    fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.between(-0.5, 0.5)).sum()
    }
}

/// Makes the streams of a seed.
pub fn made(seed: u64) -> Vec<Stream> {
    let mut chance = Chance(StdRng::seed_from_u64(seed));
    (0..STREAMS).map(|number| stream(number % 2 == 1, &mut chance)).collect()
}

/// A machine that is on by day and off by night: how much more it does then, beside noise of 1, and between which rows of a day.
struct Machine {
    height: f64,
    on: Range<usize>,
}

fn stream(is_together: bool, chance: &mut Chance) -> Stream {
    let machine = Machine {
        height: chance.between(8.0, 16.0),
        on: chance.of(6 * HOUR..8 * HOUR)..chance.of(17 * HOUR..20 * HOUR),
    };
    let mut rows = as_usual(&machine, is_together, chance);
    let mut events = Vec::new();
    for day in (CALM_DAYS..DAYS - 2).step_by(APART_DAYS) {
        let kinds: &[Kind] = match (chance.0.random_bool(0.5), is_together) {
            (true, _) => &Kind::NUISANCES,
            (false, true) => &Kind::REAL_TOGETHER,
            (false, false) => &Kind::REAL,
        };
        let Some(kind) = kinds.get(chance.of(0..kinds.len())).copied() else { continue };
        let (at, length) = match kind {
            Kind::Jump => (chance.of(0..DAY), 5 * HOUR),
            Kind::Frozen | Kind::Drift | Kind::Apart => (chance.of(0..DAY), 16 * HOUR),
            Kind::NightWork => (chance.of(0..2 * HOUR), chance.of(HOUR..4 * HOUR)),
            Kind::HourChange => (0, DAY),
            Kind::Quantised => (chance.of(0..DAY), 10 * HOUR),
        };
        let start = day * DAY + at;
        let event = Event { kind, rows: start..start + length };
        happen(&event, &machine, &mut rows, chance);
        events.push(event);
    }
    Stream { rows, events }
}

/// Makes the rows of a machine to which nothing happens.
fn as_usual(machine: &Machine, is_together: bool, chance: &mut Chance) -> Vec<Vec<f64>> {
    let level = chance.between(20.0, 80.0);
    let memory = chance.between(0.0, 0.8);
    let mut noise = 0.0;
    let row = |row: usize| {
        noise = memory * noise + (1.0 - memory * memory).sqrt() * chance.normal();
        let is_on = machine.on.contains(&(row % DAY));
        let load = noise + if is_on { machine.height } else { 0.0 };
        if is_together {
            vec![level + load, 2.0 * load + 0.4 * chance.normal(), level - load + 0.4 * chance.normal()]
        } else {
            vec![level + load]
        }
    };
    (0..DAYS * DAY).map(row).collect()
}

/// Lets something happen to one signal of a stream, or to all.
fn happen(event: &Event, machine: &Machine, rows: &mut [Vec<f64>], chance: &mut Chance) {
    let signals = rows.first().map_or(1, Vec::len);
    let one = chance.of(0..signals);
    let reach =
        chance.between(0.5, 1.2) * machine.height * if chance.0.random_bool(0.5) { 1.0 } else { -1.0 };
    let late = chance.of(1..4) * HOUR;
    let Range { start, end } = event.rows;
    for signal in (0..signals).filter(|signal| event.kind.is_of_all() || *signal == one) {
        let before: Vec<f64> = rows.iter().filter_map(|row| row.get(signal).copied()).collect();
        let at = |row: usize| before.get(row).copied().unwrap_or_default();
        for (row, values) in rows.iter_mut().enumerate().take(end).skip(start) {
            let Some(value) = values.get_mut(signal) else { continue };
            *value = match event.kind {
                Kind::Jump => *value + reach,
                Kind::Frozen => at(start - 1),
                Kind::Drift => *value + reach * (row - start) as f64 / (end - start) as f64,
                Kind::Apart => at(row - APART_DAYS * DAY),
                // As it was at noon of the day before.
                Kind::NightWork => at(row - DAY / 2),
                Kind::HourChange => at(row - late),
                Kind::Quantised => (*value / 2.0).round() * 2.0,
            };
        }
    }
}
