//! What somebody is brought within ten minutes, and the floods among it.

use std::{collections::VecDeque, time::Duration};
use watchkeeper_engine::{FloodMeter, config::FloodSettings};
use watchkeeper_model::MonoTime;

/// The span over which the peak is counted.
const TEN_MINUTES: Duration = Duration::from_mins(10);
/// Most annunciations that are kept of ten minutes: a peak above it reads as this.
const MAX_IN_TEN_MINUTES: usize = 100_000;

/// A part of a flood: all of it, or what of it lies in one shift.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) span: Duration,
    /// Alarms in it; those of the ten minutes that made it a flood are counted where it began.
    pub(super) alarms: u64,
}

#[derive(Clone, Copy, Debug)]
struct Open {
    since: MonoTime,
    alarms: u64,
}

impl Open {
    fn close(self, at: MonoTime) -> Part {
        Part { span: at.since(self.since), alarms: self.alarms }
    }
}

/// A flood that is over, or as much of it as there was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Flood {
    pub(super) in_period: Part,
    pub(super) in_shift: Part,
}

/// The load of one person, or of everybody as if all were brought to one.
#[derive(Debug)]
pub(super) struct Load {
    settings: FloodSettings,
    meter: FloodMeter,
    recent: VecDeque<MonoTime>,
    /// The flood there is, as far as it belongs to the period and to the shift.
    flood: Option<(Open, Open)>,
}

impl Load {
    pub(super) fn new(settings: FloodSettings) -> Self {
        Self { settings, meter: FloodMeter::new(settings), recent: VecDeque::new(), flood: None }
    }

    /// Counts an annunciation, after [`Self::settle`]; returns how many there were in the ten minutes that end with it.
    pub(super) fn ring(&mut self, at: MonoTime) -> u64 {
        self.recent.push_back(at);
        while self.recent.len() > MAX_IN_TEN_MINUTES
            || self.recent.front().is_some_and(|first| at.since(*first) >= TEN_MINUTES)
        {
            self.recent.pop_front();
        }
        if self.meter.count(at) {
            let alarms = u64::from(self.settings.begins_above) + 1;
            self.flood = Some((Open { since: at, alarms }, Open { since: at, alarms }));
        } else if let Some((period, shift)) = &mut self.flood {
            period.alarms += 1;
            shift.alarms += 1;
        }
        self.recent.len() as u64
    }

    /// Ends the flood where its time has come by `at`; returns it.
    pub(super) fn settle(&mut self, at: MonoTime) -> Option<Flood> {
        let ends = self.meter.poll_timeout().filter(|ends| *ends <= at)?;
        self.meter.handle_timeout(ends);
        self.end(ends)
    }

    /// The run is over: nobody knows how the flood went on. Returns it.
    pub(super) fn handle_run(&mut self, settings: FloodSettings, last: MonoTime) -> Option<Flood> {
        let ended = self.settle(last).or_else(|| self.end(last));
        (self.settings, self.meter) = (settings, FloodMeter::new(settings));
        ended
    }

    /// The next shift begins: returns what of the flood lies in the one before.
    pub(super) fn handle_shift(&mut self, at: MonoTime) -> Option<Part> {
        let (_, shift) = self.flood.as_mut()?;
        let part = shift.close(at);
        *shift = Open { since: at, alarms: 0 };
        Some(part)
    }

    /// The period begins: what was before does not count.
    pub(super) const fn handle_period(&mut self, at: MonoTime) {
        if let Some(flood) = &mut self.flood {
            *flood = (Open { since: at, alarms: 0 }, Open { since: at, alarms: 0 });
        }
    }

    /// Returns the flood that there still is, as far as it went by `at`.
    pub(super) fn standing(&self, at: MonoTime) -> Option<Flood> {
        let (period, shift) = self.flood?;
        Some(Flood { in_period: period.close(at), in_shift: shift.close(at) })
    }

    fn end(&mut self, at: MonoTime) -> Option<Flood> {
        let flood = self.standing(at);
        self.flood = None;
        flood
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: u64) -> MonoTime {
        MonoTime::from_nanos(secs * 1_000_000_000)
    }

    fn part(secs: u64, alarms: u64) -> Part {
        Part { span: Duration::from_secs(secs), alarms }
    }

    fn rung(seconds: impl IntoIterator<Item = u64>) -> (Load, Vec<u64>) {
        let mut load = Load::new(FloodSettings::default());
        let peaks = seconds.into_iter().map(|second| load.ring(at(second))).collect();
        (load, peaks)
    }

    #[test]
    fn the_first_of_ten_minutes_has_left_exactly_ten_minutes_later() {
        let (_, peaks) = rung([0, 1, 599, 600, 601]);
        assert_eq!(peaks, [1, 2, 3, 3, 3]);
    }

    #[test]
    fn a_flood_is_counted_from_the_eleventh_alarm_until_four_are_left() {
        let (mut load, _) = rung(0..12);
        assert_eq!(load.standing(at(12)).unwrap().in_period, part(2, 12), "it began with second 10");
        // The fifth newest is of second 7.
        assert_eq!(load.settle(at(606)), None);
        let flood = load.settle(at(900)).unwrap();
        assert_eq!((flood.in_period, flood.in_shift), (part(597, 12), part(597, 12)));
        assert_eq!(load.settle(at(901)), None);
    }

    #[test]
    fn a_flood_over_the_border_of_two_shifts_is_in_both_with_its_part() {
        let (mut load, _) = rung(0..11);
        assert_eq!(load.handle_shift(at(100)), Some(part(90, 11)));
        load.ring(at(200));
        // The fifth newest is of second 7 again: 7, 8, 9, 10, 200.
        let flood = load.settle(at(2_000)).unwrap();
        assert_eq!((flood.in_period, flood.in_shift), (part(597, 12), part(507, 1)));
        assert_eq!(load.handle_shift(at(3_000)), None);
    }

    #[test]
    fn a_flood_ends_with_its_run_and_what_was_before_the_period_does_not_count() {
        let (mut load, _) = rung(0..11);
        load.handle_period(at(60));
        let flood = load.handle_run(FloodSettings::default(), at(70)).unwrap();
        assert_eq!(flood.in_period, part(10, 0));
        assert_eq!(load.settle(at(9_000)), None);
    }
}
