//! Alarm performance: what ISA-18.2-2016 (clause 16), IEC 62682 and EEMUA 191 ask of an alarm system, counted from the
//! changes of its alarms. `docs/kpi.md` says what each figure is.
//!
//! Pure: [`Kpi`] takes runs, times and changes of alarms in the order of the record and gives a [`Report`]. It keeps what
//! is open, and counts within bounds: [`keys::MAX_KEYS`] alarms that are told apart, [`crowd::MAX_PEOPLE`] people.
//!
//! Deliberately not here: the record and its engines (`commands/kpi.rs`), and whether a figure is good: the table shows
//! what is recommended beside it.

mod crowd;
mod episode;
mod keys;
mod load;
mod report;
mod table;
mod tally;
#[cfg(test)]
mod tests;
mod time;

pub(crate) use report::Report;
pub(crate) use table::text;
pub(crate) use time::Shifts;

use crowd::Crowd;
use episode::{Episode, News};
use keys::{Key, Keys};
use report::{Demands, ShiftReport};
use std::{collections::BTreeMap, time::Duration};
use time::Line;
use watchkeeper_engine::config::FloodSettings;
use watchkeeper_model::{Alarm, AlertId, DemandOutcome, MonoTime, PageReason, WallTime};

/// Most shifts that are kept: three a day for more than four years.
const MAX_SHIFTS: usize = 5_000;

/// What of a record is looked at.
#[derive(Clone, Debug, Default)]
pub(crate) struct Period {
    /// Nothing before this counts.
    pub(crate) from: Option<WallTime>,
    /// Nothing from this on counts.
    pub(crate) to: Option<WallTime>,
    /// When shifts begin.
    pub(crate) shifts: Shifts,
}

/// Counts the alarms of a record.
#[derive(Debug)]
pub(crate) struct Kpi {
    shifts: Shifts,
    /// Where the period begins, while it has not.
    begins: Option<MonoTime>,
    ends: Option<MonoTime>,
    is_over: bool,
    line: Line,
    /// How far it got.
    last: MonoTime,
    /// A run was seen, and its end was not.
    is_running: bool,
    has_begun: bool,
    keys: Keys,
    open: BTreeMap<AlertId, Episode>,
    crowd: Crowd,
    whole: Span,
    shift: Span,
    told: Vec<ShiftReport>,
    told_not: u64,
}

/// What is counted of a stretch of time beside the alarms.
#[derive(Clone, Debug, Default)]
struct Span {
    watched: Duration,
    /// Its first and its last moment in which the monitor ran.
    seen: Option<(MonoTime, MonoTime)>,
    runs: u64,
    demands: Demands,
}

impl Span {
    fn watch(&mut self, since: MonoTime, until: MonoTime) {
        self.watched += until.since(since);
        self.seen = Some((self.seen.map_or(since, |(first, _)| first), until));
    }
}

impl Kpi {
    /// Begins to count.
    pub(crate) fn new(period: Period) -> Self {
        let place = |wall: WallTime| MonoTime::from_nanos(u64::try_from(wall.as_unix_nanos()).unwrap_or(0));
        Self {
            shifts: period.shifts,
            begins: period.from.map(place),
            ends: period.to.map(place),
            is_over: false,
            line: Line::default(),
            last: MonoTime::default(),
            is_running: false,
            has_begun: false,
            keys: Keys::default(),
            open: BTreeMap::new(),
            crowd: Crowd::new(FloodSettings::default()),
            whole: Span::default(),
            shift: Span::default(),
            told: Vec::new(),
            told_not: 0,
        }
    }

    /// A run of the monitor begins, with what it calls a flood; nothing is known of the alarms of the one before.
    pub(crate) fn handle_run(&mut self, flood: FloodSettings) {
        if self.is_over {
            return;
        }
        self.is_running = false;
        self.line.handle_run();
        self.crowd.handle_run(flood, self.last);
        for episode in self.open.values_mut() {
            if let Some(whose) = episode.lose(self.last) {
                self.crowd.count(&whose, tally::Tally::count_lost);
            }
        }
    }

    /// Something happened, be it nothing with alarms. Returns whether the period goes on.
    pub(crate) fn handle_time(&mut self, now: MonoTime, wall: WallTime) -> bool {
        let at = self.line.place(now, wall);
        self.advance(at);
        !self.is_over
    }

    /// An alarm changed.
    pub(crate) fn handle_alarm(&mut self, alarm: &Alarm, now: MonoTime, wall: WallTime) {
        if !self.handle_time(now, wall) {
            return;
        }
        let at = self.last;
        let keys = &mut self.keys;
        let episode =
            self.open.entry(alarm.alert_id).or_insert_with(|| Episode::new(keys.find(Key::of(alarm))));
        for news in episode.handle_alarm(alarm, at) {
            match news {
                News::Rings(whose, mut ring) => {
                    ring.chatters = ring.key.as_ref().is_some_and(|key| self.keys.ring(key, at));
                    self.crowd.ring(&whose, &ring, at);
                }
                News::Rerouted(whose, ring) => self.crowd.bring(&whose, &ring, at),
                News::Hidden(whose) => self.crowd.count(&whose, tally::Tally::count_hidden),
                News::Member(whose) => self.crowd.count(&whose, tally::Tally::count_member),
                News::Fleeting(whose) => self.crowd.count(&whose, tally::Tally::count_fleeting),
                News::Lost(whose) => self.crowd.count(&whose, tally::Tally::count_lost),
                News::Acknowledged(whose, waited) => {
                    self.crowd.count(&whose, |tally| tally.acknowledge(waited));
                }
            }
        }
        if alarm.is_over() {
            self.open.remove(&alarm.alert_id);
        }
    }

    /// So many takeovers were asked for.
    pub(crate) fn handle_demands(&mut self, raised: u64) {
        self.count_demands(|demands| demands.raised += raised);
    }

    /// So many demands ended like this.
    pub(crate) fn handle_demands_over(&mut self, outcome: Option<DemandOutcome>, count: u64) {
        self.count_demands(|demands| match outcome {
            Some(DemandOutcome::Human) => demands.answered += count,
            Some(DemandOutcome::Fallback) => demands.fell_back += count,
            Some(
                DemandOutcome::SelfCleared
                | DemandOutcome::Cancelled
                | DemandOutcome::Dismissed
                | DemandOutcome::Estopped
                | DemandOutcome::Local
                | DemandOutcome::OutOfService,
            )
            | None => demands.ended_otherwise += count,
        });
    }

    /// People away from their consoles were called.
    pub(crate) fn handle_call(&mut self, reason: PageReason) {
        self.count_demands(|demands| match reason {
            PageReason::NobodyOnline => demands.calls.nobody_online += 1,
            PageReason::NotShown => demands.calls.not_shown += 1,
            PageReason::Unanswered => demands.calls.unanswered += 1,
            PageReason::FellBack => demands.calls.fell_back += 1,
        });
    }

    /// Returns the figures: there is nothing more.
    pub(crate) fn finish(mut self) -> Report {
        self.cross_at_end();
        let moment = |at| Shifts::default().local(at);
        let (from, to) = self.whole.seen.map(|(first, last)| (moment(first), moment(last))).unzip();
        Report {
            from,
            to,
            watched_secs: self.whole.watched.as_secs_f64(),
            runs: self.whole.runs,
            period: self.crowd.period(&self.whole.demands, self.whole.watched, &self.open, self.last),
            shifts: self.told,
            shifts_left_out: self.told_not,
        }
    }

    fn count_demands(&mut self, count: impl Fn(&mut Demands)) {
        if !self.is_over {
            count(&mut self.whole.demands);
            count(&mut self.shift.demands);
        }
    }

    /// Goes on to a moment, over every border before it.
    fn advance(&mut self, at: MonoTime) {
        while let Some(border) = self.next_border().filter(|border| *border <= at && !self.is_over) {
            self.watch(border);
            self.cross(border);
        }
        if self.is_over {
            return;
        }
        self.watch(at);
        if !self.is_running {
            // The engine of the new run knows none of the alarms before.
            self.open.clear();
            (self.is_running, self.has_begun) = (true, true);
            self.whole.runs += 1;
        }
    }

    fn next_border(&self) -> Option<MonoTime> {
        // Before the first run there is no shift that could end.
        let next_shift = self.shifts.next_after(self.last).filter(|_| self.has_begun);
        [self.begins, self.ends, next_shift].into_iter().flatten().min()
    }

    /// Counts the time until `at`, where the monitor ran.
    fn watch(&mut self, at: MonoTime) {
        if self.is_running {
            self.whole.watch(self.last, at);
            self.shift.watch(self.last, at);
        }
        self.last = self.last.max(at);
    }

    fn cross(&mut self, border: MonoTime) {
        self.crowd.settle(border);
        if self.begins.is_some_and(|begins| begins <= border) {
            self.begins = None;
            self.crowd.handle_period(border);
            let runs = u64::from(self.is_running);
            (self.whole, self.shift) = (Span { runs, ..Span::default() }, Span::default());
            return;
        }
        if self.ends.is_some_and(|ends| ends <= border) {
            self.is_over = true;
            return;
        }
        self.tell_shift(border);
    }

    /// Keeps what there was of the shift that ends, where there was anything.
    fn tell_shift(&mut self, end: MonoTime) {
        let shift = std::mem::take(&mut self.shift);
        let scope = self.crowd.end_shift(&shift.demands, shift.watched, &self.open, end);
        let Some((first, _)) = shift.seen else { return };
        if self.told.len() >= MAX_SHIFTS {
            self.told_not += 1;
            return;
        }
        let began = self.shifts.start_of(first).unwrap_or(first);
        self.told.push(ShiftReport {
            began_at: self.shifts.local(began),
            watched_secs: shift.watched.as_secs_f64(),
            scope,
        });
    }

    /// Nothing more comes: the last shift ends, and a period that has not begun stays empty.
    fn cross_at_end(&mut self) {
        self.crowd.settle(self.last);
        if self.begins.take().is_some() {
            self.crowd.handle_period(self.last);
            self.open.clear();
            (self.whole, self.shift) = (Span::default(), Span::default());
        }
        if self.shifts.next_after(self.last).is_some() {
            self.tell_shift(self.last);
        }
    }
}
