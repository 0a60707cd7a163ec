//! All checks of one agent in a row.

use crate::{
    DetectSettings, Finding, StreamCounters,
    detector::{self, Detector},
    history::History,
    stream::{Arrival, Stream},
};
use watchkeeper_model::{AgentId, AgentKind, Decision, Label, MonoTime, SignalSpec};

/// Watches one agent: takes what happens to it and says what is odd.
///
/// Every `handle_*` first lets time pass up to `now`, then takes its input, and appends what changed to
/// `found`. `now` never goes back. Nothing is allocated while nothing changes.
#[derive(Debug)]
pub struct Pipeline {
    signals: Vec<SignalSpec>,
    history: History,
    stream: Stream,
    detectors: Vec<Box<dyn Detector>>,
    /// Set while the agent rests on purpose.
    is_paused: bool,
    last_decision_at: Option<MonoTime>,
}

/// One signal as a console shows it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Band<'a> {
    /// The signal.
    pub signal: &'a Label,
    /// Its unit.
    pub unit: &'a Label,
    /// Its last value; NaN when it was missing.
    pub last: f64,
    /// Where the next value is expected, low and high; `None` while nothing is known.
    pub expected: Option<(f64, f64)>,
}

impl Pipeline {
    /// Makes the pipeline of an agent that is not connected yet; `settings` have passed their check.
    pub fn new(
        agent: &AgentId,
        kind: AgentKind,
        signals: Vec<SignalSpec>,
        settings: &DetectSettings,
    ) -> Self {
        Self {
            history: History::new(signals.len()),
            stream: Stream::new(settings.of_kind(kind)),
            detectors: detector::all(agent, kind, &signals, settings),
            signals,
            is_paused: false,
            last_decision_at: None,
        }
    }

    /// Takes a new hello: other signals start all detectors on signals anew, another boot the numbers and
    /// the agent's clock. What is no longer watched is cleared at once. Call before `handle_connected`.
    pub fn handle_hello(
        &mut self,
        signals: Vec<SignalSpec>,
        boot_changed: bool,
        found: &mut Vec<Finding>,
        now: MonoTime,
    ) {
        self.handle_timeout(found, now);
        if boot_changed {
            self.stream.handle_boot(found);
        }
        if signals == self.signals {
            return;
        }
        for detector in &mut self.detectors {
            detector.handle_signals(&signals, &self.history, found);
        }
        self.history = History::new(signals.len());
        self.signals = signals;
    }

    /// Takes the start of a session: from now on silence counts.
    pub fn handle_connected(&mut self, found: &mut Vec<Finding>, now: MonoTime) {
        self.handle_timeout(found, now);
        self.stream.handle_connected(now);
    }

    /// Takes the end of a session: silence no longer counts, and a silence that was found is cleared.
    pub fn handle_disconnected(&mut self, found: &mut Vec<Finding>, now: MonoTime) {
        self.handle_timeout(found, now);
        self.stream.handle_disconnected(found, now);
    }

    /// Takes whether the agent is stopped, held or in fallback on purpose: it then need not decide.
    /// Its heartbeats must go on.
    pub fn handle_paused(&mut self, is_paused: bool, found: &mut Vec<Finding>, now: MonoTime) {
        self.handle_timeout(found, now);
        self.stream.handle_paused(is_paused, found, now);
        for detector in &mut self.detectors {
            detector.handle_paused(is_paused);
        }
        self.is_paused = is_paused;
    }

    /// Takes a heartbeat.
    pub fn handle_heartbeat(&mut self, found: &mut Vec<Finding>, now: MonoTime) {
        self.handle_timeout(found, now);
        self.stream.handle_heartbeat(found, now);
        if self.is_paused
            && let Some(since) = self.last_decision_at
        {
            for detector in &mut self.detectors {
                detector.handle_rest(since);
            }
        }
    }

    /// Takes a decision and returns whether it was judged; one that came before is counted and not judged again.
    pub fn handle_decision(&mut self, decision: &Decision, found: &mut Vec<Finding>, now: MonoTime) -> bool {
        self.handle_timeout(found, now);
        let arrival = self.stream.handle_decision(decision, found, now);
        self.count_content(decision);
        match arrival {
            Arrival::Again => return false,
            Arrival::New | Arrival::Resent => {}
        }
        self.last_decision_at = Some(now);
        let confidence = decision.confidence.map_or(f64::NAN, f64::from);
        self.history.push(decision.seq, &decision.signals, confidence);
        for detector in &mut self.detectors {
            detector.handle_decision(decision, &self.history, found, now);
        }
        true
    }

    /// Lets time pass up to `now`: silences begin, conditions that have been quiet for long enough end.
    pub fn handle_timeout(&mut self, found: &mut Vec<Finding>, now: MonoTime) {
        self.stream.handle_timeout(found, now);
        for detector in &mut self.detectors {
            detector.handle_timeout(&self.history, found, now);
        }
    }

    /// Returns when `handle_timeout` has something to do if nothing else happens before.
    pub fn poll_timeout(&self) -> Option<MonoTime> {
        let detectors = self.detectors.iter().filter_map(|detector| detector.poll_timeout());
        detectors.chain(self.stream.poll_timeout()).min()
    }

    /// Returns what came in so far.
    pub const fn counters(&self) -> StreamCounters {
        self.stream.counters
    }

    /// Returns how odd the agent is now, 0 (not at all) to 1; 0.5 is where detectors fire.
    pub fn score(&self) -> f64 {
        let detectors = self.detectors.iter().map(|detector| detector.score());
        detectors.fold(self.stream.score(), f64::max).clamp(0.0, 1.0)
    }

    /// Returns each signal's last value and where the next one is expected, in the order of the hello.
    pub fn bands(&self) -> impl Iterator<Item = Band<'_>> {
        self.signals.iter().enumerate().map(|(column, spec)| Band {
            signal: &spec.name,
            unit: &spec.unit,
            last: self.history.latest(column),
            expected: self.detectors.iter().find_map(|detector| detector.band(column)),
        })
    }

    /// Returns the agent's signals, in the order of the hello.
    pub fn signals(&self) -> &[SignalSpec] {
        &self.signals
    }

    fn count_content(&mut self, decision: &Decision) {
        let counters = &mut self.stream.counters;
        counters.signal_count_mismatches += u64::from(decision.signals.len() != self.signals.len());
        counters.non_finite += decision.signals.iter().filter(|value| !value.is_finite()).count() as u64;
        counters.unknown_confidence += u64::from(decision.confidence.is_none());
    }
}
