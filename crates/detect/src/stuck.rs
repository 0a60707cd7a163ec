//! An agent that is alive and stuck: a signal that is frozen, decisions that repeat themselves, an action that flips to and
//! fro.
//!
//! Each is a run: so many times in a row the same happens again. How long a run is odd is learned from the agent's own past.
//! With p the share of decisions in which it happens, of changes of the action for flips,
//!
//! ```text
//! odd from  max(least, ln 1e-9 / ln p, 2 x the longest run that was over + 1)   in a row
//! ```
//!
//! p as it was when the run began, with one more of either kind counted than was seen (Laplace). The last term is ours: repeats
//! come in stretches, so that runs are longer than independent repeats would make them. Nothing is said of a value at which a
//! signal rests: where it stood before, where it jumped to, or a whole number of a signal that hardly ever has one (a sensor
//! that sees nothing reports 0, or its reach).

mod run;
mod signals;

use crate::{
    Finding, KindSettings, Phase, StuckSettings,
    detector::Detector,
    episode::{Level, Timing},
    history::History,
};
use run::Run;
use signals::{Frozen, frozen};
use std::{
    cmp::Ordering,
    hash::{DefaultHasher, Hash, Hasher},
    time::Duration,
};
use watchkeeper_model::{
    CauseClass, Decision, DecisionSeq, Explanation, Label, MonoTime, Note, Response, Severity, SignalSpec,
};

const VERSION: u32 = 1;
/// Decisions are compared with so many before them.
const LOOP: usize = 64;
/// An action that stays for so many decisions does not flip.
const STAYS: u32 = 5;

/// Watches one agent for it.
#[derive(Debug)]
pub(crate) struct StuckWatch {
    settings: StuckSettings,
    timing: Timing,
    response: Response,
    signals: Vec<Frozen>,
    repeats: Repeats,
    flips: Flips,
    /// Set while the agent rests on purpose.
    is_paused: bool,
}

/// The whole content of decisions, as numbers that hardly ever agree by chance.
#[derive(Debug)]
struct Repeats {
    run: Run,
    contents: [u64; LOOP],
    seen: usize,
    /// The decision is that of so many before; 0 where it is none of them.
    lag: usize,
}

/// The last two actions, and for how many decisions the last has stayed.
#[derive(Debug, Default)]
struct Flips {
    run: Run,
    last: Label,
    before: Label,
    stayed: u32,
}

impl StuckWatch {
    pub(crate) fn new(signals: &[SignalSpec], settings: &KindSettings) -> Self {
        let stuck = settings.stuck.clone();
        Self {
            timing: Timing {
                on_delay: Duration::ZERO,
                on_count: 1,
                clear_after: Duration::from_millis(settings.clear_after_millis),
                clear_count: 3,
            },
            response: settings.response_to(CauseClass::Stuck),
            signals: frozen(signals, &stuck),
            repeats: Repeats { run: Run::default(), contents: [0; LOOP], seen: 0, lag: 0 },
            flips: Flips::default(),
            is_paused: false,
            settings: stuck,
        }
    }

    fn runs(&mut self) -> impl Iterator<Item = &mut Run> {
        let signals = self.signals.iter_mut().map(|frozen| &mut frozen.run);
        signals.chain([&mut self.repeats.run, &mut self.flips.run])
    }
}

/// What is said of one of the runs.
struct Told {
    subject: Label,
    explanation: Explanation,
}

impl Told {
    fn new(subject: &str, detector: &str, run: &Run, text: &str) -> Self {
        let explanation = Explanation {
            detector: Label::cut(detector),
            version: VERSION,
            statistic: f64::from(run.length()),
            threshold: f64::from(run.odd_from()),
            score: run.score(),
            signals: Vec::new(),
            samples: Vec::new(),
            text: Note::cut(text),
        };
        Self { subject: Label::cut(subject), explanation }
    }

    fn finding(self, phase: Phase, decision: Option<DecisionSeq>, response: Response) -> Finding {
        Finding {
            cause: CauseClass::Stuck,
            subject: self.subject,
            phase,
            severity: Severity::Warning,
            response,
            decision,
            explanation: self.explanation,
        }
    }
}

impl Detector for StuckWatch {
    fn handle_decision(
        &mut self,
        decision: &Decision,
        history: &History,
        found: &mut Vec<Finding>,
        now: MonoTime,
    ) {
        if self.is_paused {
            return;
        }
        let (seq, response, timing) = (decision.seq, self.response, &self.timing);
        let level = self.repeats.take(decision, &self.settings);
        if let Some(phase) = self.repeats.run.handle(level, seq, timing, now) {
            found.push(self.repeats.told(phase).finding(phase, Some(seq), response));
        }
        let level = self.flips.take(&decision.action, &self.settings, seq);
        if let Some(phase) = self.flips.run.handle(level, seq, timing, now) {
            found.push(self.flips.told(phase).finding(phase, Some(seq), response));
        }
        // Where the whole decision stands still, that is what is told, and not each of its signals.
        let is_still = self.repeats.lag == 1;
        for (column, frozen) in self.signals.iter_mut().enumerate() {
            let level = frozen.take(history.latest(column), is_still, seq, &self.settings);
            if let Some(phase) = level.and_then(|level| frozen.run.handle(level, seq, timing, now)) {
                let told = frozen.told(phase, history.samples(column));
                found.push(told.finding(phase, Some(seq), response));
            }
        }
    }

    fn handle_timeout(&mut self, history: &History, found: &mut Vec<Finding>, now: MonoTime) {
        let (response, timing) = (self.response, &self.timing);
        if let Some(phase) = self.repeats.run.episode.handle_timeout(timing, now) {
            found.push(self.repeats.told(phase).finding(phase, None, response));
        }
        if let Some(phase) = self.flips.run.episode.handle_timeout(timing, now) {
            found.push(self.flips.told(phase).finding(phase, None, response));
        }
        for (column, frozen) in self.signals.iter_mut().enumerate() {
            if let Some(phase) = frozen.run.episode.handle_timeout(timing, now) {
                found.push(frozen.told(phase, history.samples(column)).finding(phase, None, response));
            }
        }
    }

    fn handle_paused(&mut self, is_paused: bool) {
        if is_paused && !self.is_paused {
            for run in self.runs() {
                run.forget();
            }
        }
        self.is_paused = is_paused;
    }

    fn handle_rest(&mut self, since: MonoTime) {
        for run in self.runs() {
            run.episode.handle_rest(since);
        }
    }

    fn handle_signals(&mut self, signals: &[SignalSpec], history: &History, found: &mut Vec<Finding>) {
        for (column, frozen) in self.signals.iter_mut().enumerate() {
            if let Some(phase) = frozen.run.episode.end() {
                found.push(frozen.told(phase, history.samples(column)).finding(phase, None, self.response));
            }
        }
        self.signals = frozen(signals, &self.settings);
    }

    fn poll_timeout(&self) -> Option<MonoTime> {
        let signals = self.signals.iter().map(|frozen| &frozen.run.episode);
        let all = signals.chain([&self.repeats.run.episode, &self.flips.run.episode]);
        all.filter_map(|episode| episode.poll_timeout(&self.timing)).min()
    }

    fn score(&self) -> f64 {
        let signals = self.signals.iter().map(|frozen| frozen.run.score());
        signals.fold(self.repeats.run.score().max(self.flips.run.score()), f64::max)
    }

    fn band(&self, _column: usize) -> Option<(f64, f64)> {
        None
    }
}

impl Repeats {
    /// Takes a decision's content, and says whether it is that of one before: of as many before as the last was, where
    /// it is.
    fn take(&mut self, decision: &Decision, settings: &StuckSettings) -> Level {
        let content = content(decision);
        let lag = self.lag_of(content).filter(|_| has_numbers(decision));
        if let Some(place) = self.contents.get_mut(self.seen % LOOP) {
            *place = content;
        }
        self.seen += 1;
        let goes_on = lag == Some(self.lag);
        self.lag = lag.unwrap_or(0);
        match lag {
            None => self.run.other(),
            Some(lag) => {
                if !goes_on {
                    self.run.forget();
                }
                let twice = u32::try_from(2 * lag).unwrap_or(u32::MAX);
                self.run.again(settings.least_decisions.max(twice), false, settings, decision.seq)
            }
        }
    }

    fn lag_of(&self, content: u64) -> Option<usize> {
        // Mostly it is new, which one look at all of them tells.
        if !self.contents.contains(&content) {
            return None;
        }
        let before = |lag: usize| self.contents.get(self.seen.checked_sub(lag)? % LOOP).copied();
        let lags = (self.lag > 0).then_some(self.lag).into_iter().chain(1..=LOOP);
        lags.into_iter().find(|lag| before(*lag) == Some(content))
    }

    fn told(&self, phase: Phase) -> Told {
        let Self { run, lag, .. } = self;
        let (count, longest, since) = (run.odd_length(), run.longest_usual(), run.odd_since());
        let text = match phase {
            Phase::Raised | Phase::Worse if *lag == 1 => format!(
                "the decisions are frozen: {count} in a row have the same action and numbers, expected at most \
                 {longest}; since decision {since}"
            ),
            Phase::Raised | Phase::Worse => format!(
                "the decisions are repeated: {count} in a row are those of {lag} before, expected at most {longest}; since \
                 decision {since}"
            ),
            Phase::Cleared => {
                format!("the decisions are new again; they were repeated since decision {since}")
            }
        };
        Told::new("decisions", "repeats", run, &text)
    }
}

impl Flips {
    /// Takes an action, and says whether it soon is that before the last one again.
    fn take(&mut self, action: &Label, settings: &StuckSettings, seq: DecisionSeq) -> Level {
        if *action == self.last {
            self.stayed = self.stayed.saturating_add(1);
            return match self.stayed.cmp(&STAYS) {
                Ordering::Less => Level::Between,
                Ordering::Equal => self.run.other(),
                Ordering::Greater => Level::Quiet,
            };
        }
        self.stayed = 0;
        std::mem::swap(&mut self.last, &mut self.before);
        if *action == self.last {
            return self.run.again(settings.least_flips, false, settings, seq);
        }
        self.last = action.clone();
        self.run.other()
    }

    fn told(&self, phase: Phase) -> Told {
        let Self { run, last, before, .. } = self;
        let (count, longest, since) = (run.odd_length(), run.longest_usual(), run.odd_since());
        let text = match phase {
            Phase::Raised | Phase::Worse => format!(
                "the action is {last} and {before} in turn: {count} changes in a row, expected at most {longest}; since \
                 decision {since}"
            ),
            Phase::Cleared => {
                format!(
                    "the action is {last} and no longer changes to and fro, as it did since decision {since}"
                )
            }
        };
        Told::new("action", "flips", run, &text)
    }
}

/// Returns a number for what a decision says: the action, how sure, the signals.
fn content(decision: &Decision) -> u64 {
    let mut hasher = DefaultHasher::new();
    decision.action.as_str().hash(&mut hasher);
    decision.confidence.map_or(f64::NAN, f64::from).to_bits().hash(&mut hasher);
    for value in &decision.signals {
        value.to_bits().hash(&mut hasher);
    }
    hasher.finish()
}

/// Returns whether a decision has more than one number: fewer agree by chance.
fn has_numbers(decision: &Decision) -> bool {
    let signals = decision.signals.iter().filter(|value| value.is_finite()).count();
    signals + usize::from(decision.confidence.is_some()) > 1
}
