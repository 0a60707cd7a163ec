//! Numbers of decisions: missing, doubled, out of order.
//!
//! The last 1024 numbers are remembered as bits behind the newest. The first number after a boot is
//! taken as it comes: what was before it is not missing, since the monitor may have joined late. After
//! a reconnect an agent sends again what is not durable yet; numbers up to the newest of before are
//! then expected and never a finding. The statistic counts numbers within one episode.

use super::{Arrival, StreamCounters};
use crate::{
    Finding, KindSettings, Phase, SequenceSettings,
    episode::{Episode, Level, Step, Timing},
    phrase::counted,
};
use std::time::Duration;
use watchkeeper_model::{
    CauseClass, DecisionSeq, Explanation, Label, MonoTime, Note, Response, Severity, SignalEvidence,
};

const VERSION: u32 = 1;
const WORDS: usize = 16;
/// How far behind the newest a number is remembered.
const REMEMBERED: u64 = 64 * WORDS as u64;

/// Which of the two conditions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Concern {
    Gap,
    Disorder,
}

#[derive(Debug)]
pub(super) struct SequenceWatch {
    settings: SequenceSettings,
    response: Response,
    timing: Timing,
    /// Bit `seq % 1024` of each number in (newest - 1024, newest].
    seen: [u64; WORDS],
    newest: Option<u64>,
    /// Numbers below were never expected.
    first: u64,
    /// Numbers up to here may come again after a reconnect.
    resend_up_to: u64,
    gap: Episode,
    gap_count: u64,
    disorder: Episode,
    disorder_count: u64,
}

impl SequenceWatch {
    pub(super) fn new(settings: &KindSettings) -> Self {
        Self {
            settings: settings.sequence.clone(),
            response: settings.response_to(CauseClass::Sequence),
            timing: Timing {
                on_delay: Duration::ZERO,
                on_count: 1,
                clear_after: Duration::from_millis(settings.clear_after_millis),
                clear_count: 1,
            },
            seen: [0; WORDS],
            newest: None,
            first: 0,
            resend_up_to: 0,
            gap: Episode::default(),
            gap_count: 0,
            disorder: Episode::default(),
            disorder_count: 0,
        }
    }

    pub(super) fn handle_number(
        &mut self,
        seq: DecisionSeq,
        counters: &mut StreamCounters,
        found: &mut Vec<Finding>,
        now: MonoTime,
    ) -> Arrival {
        let number = seq.0;
        let Some(newest) = self.newest else {
            self.newest = Some(number);
            self.first = number;
            self.mark(number);
            return Arrival::New;
        };
        let (mut missing, mut disordered) = (0, 0);
        let arrival = if number > newest {
            missing = number - newest - 1;
            counters.gaps = counters.gaps.saturating_add(missing);
            self.advance(newest, number);
            Arrival::New
        } else {
            let arrival = self.handle_old(number, newest, counters);
            disordered = u64::from(arrival.1);
            arrival.0
        };
        self.step(Concern::Gap, missing, seq, found, now);
        self.step(Concern::Disorder, disordered, seq, found, now);
        arrival
    }

    /// Remembers that what came so far may be sent again.
    pub(super) fn handle_connected(&mut self) {
        self.resend_up_to = self.newest.unwrap_or(0);
    }

    pub(super) fn handle_boot(&mut self, found: &mut Vec<Finding>) {
        for concern in [Concern::Gap, Concern::Disorder] {
            if let Some(phase) = self.episode(concern).end() {
                found.push(self.finding(concern, phase, None));
            }
        }
        self.seen = [0; WORDS];
        self.newest = None;
        self.first = 0;
        self.resend_up_to = 0;
        self.gap_count = 0;
        self.disorder_count = 0;
    }

    pub(super) fn handle_timeout(&mut self, found: &mut Vec<Finding>, now: MonoTime) {
        for concern in [Concern::Gap, Concern::Disorder] {
            let timing = self.timing;
            if let Some(phase) = self.episode(concern).handle_timeout(&timing, now) {
                found.push(self.finding(concern, phase, None));
                self.reset_count(concern);
            }
        }
    }

    pub(super) fn poll_timeout(&self) -> Option<MonoTime> {
        let gap = self.gap.poll_timeout(&self.timing);
        gap.into_iter().chain(self.disorder.poll_timeout(&self.timing)).min()
    }

    pub(super) fn score(&self) -> f64 {
        if self.gap.is_active() || self.disorder.is_active() { 0.5 } else { 0.0 }
    }

    /// Judges a number that is not above the newest; the flag says whether it is odd.
    fn handle_old(&mut self, number: u64, newest: u64, counters: &mut StreamCounters) -> (Arrival, bool) {
        let may_be_resent = number <= self.resend_up_to;
        let is_known = newest - number >= REMEMBERED || self.is_marked(number);
        match (is_known, may_be_resent) {
            (true, true) => {
                counters.resent += 1;
                (Arrival::Again, false)
            }
            (true, false) => {
                counters.duplicates += 1;
                (Arrival::Again, true)
            }
            (false, may_be_resent) => {
                self.mark(number);
                if number > self.first {
                    counters.gaps = counters.gaps.saturating_sub(1);
                }
                if may_be_resent {
                    counters.resent += 1;
                    (Arrival::Resent, false)
                } else {
                    counters.reordered += 1;
                    (Arrival::New, true)
                }
            }
        }
    }

    fn step(
        &mut self,
        concern: Concern,
        count: u64,
        seq: DecisionSeq,
        found: &mut Vec<Finding>,
        now: MonoTime,
    ) {
        let total = match concern {
            Concern::Gap => {
                self.gap_count = self.gap_count.saturating_add(count);
                self.gap_count
            }
            Concern::Disorder => {
                self.disorder_count = self.disorder_count.saturating_add(count);
                self.disorder_count
            }
        };
        let level = match concern {
            _ if count == 0 => Level::Quiet,
            Concern::Gap if total >= self.settings.gap_critical => Level::Over(Severity::Critical),
            Concern::Gap if total >= self.settings.gap_warning => Level::Over(Severity::Warning),
            Concern::Gap => Level::Over(Severity::Advisory),
            Concern::Disorder if total >= u64::from(self.settings.disorder) => {
                Level::Over(Severity::Advisory)
            }
            Concern::Disorder => Level::Between,
        };
        let step = Step { level, statistic: total as f64, magnitude: total as f64, seq };
        self.take(concern, step, found, now);
        if count > 0 {
            // A number is odd for a moment: the time to the end runs from here.
            self.take(concern, Step { level: Level::Quiet, ..step }, found, now);
        }
    }

    fn take(&mut self, concern: Concern, step: Step, found: &mut Vec<Finding>, now: MonoTime) {
        let timing = self.timing;
        if let Some(phase) = self.episode(concern).handle_step(step, &timing, now) {
            found.push(self.finding(concern, phase, Some(step.seq)));
            if phase == Phase::Cleared {
                self.reset_count(concern);
            }
        }
    }

    fn finding(&self, concern: Concern, phase: Phase, decision: Option<DecisionSeq>) -> Finding {
        let (episode, subject, signal, count, threshold, what) = match concern {
            Concern::Gap => (&self.gap, "gap", "missing decisions", self.gap_count, 1, "missing"),
            Concern::Disorder => (
                &self.disorder,
                "disorder",
                "disordered decisions",
                self.disorder_count,
                self.settings.disorder,
                "doubled or out of order",
            ),
        };
        let since = episode.since().unwrap_or_default();
        let text = match phase {
            Phase::Raised | Phase::Worse => {
                let decisions = counted(count, "decision is", "decisions are");
                format!("{decisions} {what}, expected none; noticed at decision {since}")
            }
            Phase::Cleared => {
                let decisions = counted(count, "was", "were");
                format!("no more decisions are {what}; {decisions} since decision {since}")
            }
        };
        let is_odd = phase != Phase::Cleared;
        Finding {
            cause: CauseClass::Sequence,
            subject: Label::cut(subject),
            phase,
            severity: episode.severity().unwrap_or_else(|| self.worst(concern)),
            response: self.response,
            decision,
            explanation: Explanation {
                detector: Label::cut("sequence"),
                version: VERSION,
                statistic: count as f64,
                threshold: f64::from(threshold),
                score: if is_odd { 1.0 } else { 0.0 },
                signals: vec![SignalEvidence {
                    signal: Label::cut(signal),
                    unit: Label::default(),
                    value: count as f64,
                    expected_low: None,
                    expected_high: Some(f64::from(threshold) - 1.0),
                    contribution: 1.0,
                }],
                samples: Vec::new(),
                text: Note::cut(&text),
            },
        }
    }

    fn worst(&self, concern: Concern) -> Severity {
        match concern {
            Concern::Gap if self.gap_count >= self.settings.gap_critical => Severity::Critical,
            Concern::Gap if self.gap_count >= self.settings.gap_warning => Severity::Warning,
            Concern::Gap | Concern::Disorder => Severity::Advisory,
        }
    }

    fn reset_count(&mut self, concern: Concern) {
        match concern {
            Concern::Gap => self.gap_count = 0,
            Concern::Disorder => self.disorder_count = 0,
        }
    }

    fn episode(&mut self, concern: Concern) -> &mut Episode {
        match concern {
            Concern::Gap => &mut self.gap,
            Concern::Disorder => &mut self.disorder,
        }
    }

    /// Moves the window up to `number`, which has come, and forgets what falls out below.
    fn advance(&mut self, newest: u64, number: u64) {
        if number - newest >= REMEMBERED {
            self.seen = [0; WORDS];
        } else {
            for skipped in newest + 1..number {
                self.set(skipped, false);
            }
        }
        self.mark(number);
        self.newest = Some(number);
    }

    fn mark(&mut self, number: u64) {
        self.set(number, true);
    }

    fn set(&mut self, number: u64, is_seen: bool) {
        let (word, bit) = place(number);
        if let Some(word) = self.seen.get_mut(word) {
            *word = if is_seen { *word | bit } else { *word & !bit };
        }
    }

    fn is_marked(&self, number: u64) -> bool {
        let (word, bit) = place(number);
        self.seen.get(word).is_some_and(|word| word & bit != 0)
    }
}

fn place(number: u64) -> (usize, u64) {
    let within = number % REMEMBERED;
    (usize::try_from(within / 64).unwrap_or(0), 1 << (within % 64))
}
