//! Whether one person has more alarms than he can look at (ISA-18.2-2016, clause 16; EEMUA 191).

use crate::config::FloodSettings;
use std::collections::VecDeque;
use watchkeeper_model::MonoTime;

/// Counts the alarms that one person is brought. The flood begins with more than `begins_above` of them within the span,
/// and ends when fewer than `ends_below` are left of it.
#[derive(Clone, Debug)]
pub struct FloodMeter {
    settings: FloodSettings,
    /// The newest ones, oldest first: as many as tell whether it begins and when it ends.
    rung: VecDeque<MonoTime>,
    since: Option<MonoTime>,
}

impl FloodMeter {
    /// Makes a meter that has counted nothing.
    pub const fn new(settings: FloodSettings) -> Self {
        Self { settings, rung: VecDeque::new(), since: None }
    }

    /// Counts an alarm; returns whether a flood begins with it.
    pub fn count(&mut self, now: MonoTime) -> bool {
        self.rung.push_back(now);
        let within = self.settings.within();
        let enough = self.settings.begins_above.saturating_add(1) as usize;
        while self.rung.len() > enough {
            self.rung.pop_front();
        }
        let begins = self.since.is_none()
            && self.rung.len() == enough
            && self.rung.front().is_some_and(|first| now.since(*first) < within);
        if begins {
            self.since = Some(now);
        }
        begins
    }

    /// Returns when the flood ends if nothing more comes; `None` while there is none.
    pub fn poll_timeout(&self) -> Option<MonoTime> {
        self.since?;
        let last_that_counts = self.rung.len().checked_sub(self.settings.ends_below as usize)?;
        self.rung.get(last_that_counts).map(|at| at.after(self.settings.within()))
    }

    /// Ends the flood where its time has come; returns whether it did.
    pub fn handle_timeout(&mut self, now: MonoTime) -> bool {
        let over = self.poll_timeout().is_some_and(|at| now >= at);
        if over {
            self.since = None;
        }
        over
    }

    /// Returns since when it is a flood.
    pub const fn since(&self) -> Option<MonoTime> {
        self.since
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: u64) -> MonoTime {
        MonoTime::from_nanos(secs * 1_000_000_000)
    }

    #[test]
    fn a_flood_begins_above_ten_in_ten_minutes_and_ends_below_five() {
        let mut meter = FloodMeter::new(FloodSettings::default());
        let began: Vec<u64> = (1..=11).filter(|second| meter.count(at(*second))).collect();
        assert_eq!(began, [11], "ten are none yet");
        assert_eq!(meter.since(), Some(at(11)));
        assert!(!meter.count(at(12)), "it is one already");
        // The fifth newest is of second 8: when it has left the span, four are in it.
        assert_eq!(meter.poll_timeout(), Some(at(608)));
        assert!(!meter.handle_timeout(at(607)));
        assert!(meter.handle_timeout(at(608)));
        assert_eq!((meter.since(), meter.poll_timeout()), (None, None));
    }

    #[test]
    fn ten_in_ten_minutes_for_ever_are_no_flood() {
        let mut meter = FloodMeter::new(FloodSettings::default());
        assert!((0..1_000).all(|count| !meter.count(at(count * 60))));
    }

    #[test]
    fn a_flood_goes_on_while_five_come_in_every_span() {
        let mut meter = FloodMeter::new(FloodSettings::default());
        for _ in 0..11 {
            meter.count(at(1));
        }
        for count in 1..100 {
            let now = at(1 + count * 110);
            assert!(!meter.handle_timeout(now), "{count}");
            meter.count(now);
        }
        assert!(meter.since().is_some());
        assert!(meter.rung.len() <= 11, "memory is bounded");
    }
}
