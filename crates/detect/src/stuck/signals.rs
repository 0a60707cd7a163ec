//! Signals that stand still.

use super::{Told, run::Run};
use crate::{Phase, StuckSettings, episode::Level, phrase::Figures};
use watchkeeper_model::{DecisionSeq, Sample, SignalEvidence, SignalSpec};

/// A step that is so many times as large as steps usually are is a jump.
const JUMP: f64 = 20.0;
/// Steps that must have been seen before one can be a jump.
const STEPS: f64 = 20.0;
/// Weight of one step in the usual one.
const STEP_RATE: f64 = 0.01;
/// Where whole numbers are a smaller share than this, one means more than its value.
const WHOLE: f64 = 0.05;
/// So many values are kept at which a signal rested.
const RESTS: usize = 4;

/// One signal.
#[derive(Debug)]
pub(super) struct Frozen {
    pub(super) spec: SignalSpec,
    pub(super) run: Run,
    is_watched: bool,
    last: f64,
    /// The value at which the last episode stood.
    stood_at: f64,
    /// Whether the present value is one at which it may rest.
    may_rest: bool,
    usual_step: f64,
    steps: f64,
    /// How many of the values that it stepped to were whole numbers.
    whole: f64,
    rests: [f64; RESTS],
    next_rest: usize,
}

/// Makes those of an agent.
pub(super) fn frozen(signals: &[SignalSpec], settings: &StuckSettings) -> Vec<Frozen> {
    let of = |spec: &SignalSpec| Frozen {
        is_watched: !settings.ignore.contains(&spec.name),
        spec: spec.clone(),
        run: Run::default(),
        last: f64::NAN,
        stood_at: f64::NAN,
        may_rest: false,
        usual_step: 0.0,
        steps: 0.0,
        whole: 0.0,
        rests: [f64::NAN; RESTS],
        next_rest: 0,
    };
    signals.iter().map(of).collect()
}

impl Frozen {
    /// Takes a value; `None` where it is missing or not watched. Where the whole decision `is_still`, nothing is said of this
    /// signal alone.
    pub(super) fn take(
        &mut self,
        value: f64,
        is_still: bool,
        seq: DecisionSeq,
        settings: &StuckSettings,
    ) -> Option<Level> {
        if !self.is_watched || !value.is_finite() {
            return None;
        }
        #[expect(clippy::float_cmp, reason = "frozen is to the bit")]
        let is_same = value == self.last;
        if is_same {
            self.stood_at = value;
            return Some(self.run.again(settings.least_decisions, is_still || self.may_rest, settings, seq));
        }
        if self.run.length() >= settings.least_decisions && !self.rests.contains(&self.last) {
            if let Some(rest) = self.rests.get_mut(self.next_rest) {
                *rest = self.last;
            }
            self.next_rest = (self.next_rest + 1) % RESTS;
        }
        let step = (value - self.last).abs();
        let is_jump = self.steps >= STEPS && step > JUMP * self.usual_step;
        let is_whole = value.fract() == 0.0;
        // A whole number among others that are not stands for something: nothing ahead, the end of the range.
        let is_said = is_whole && self.whole < WHOLE * self.steps;
        self.may_rest = is_jump || is_said || self.rests.contains(&value);
        if step.is_finite() {
            self.steps += 1.0;
            self.whole += f64::from(u8::from(is_whole));
            self.usual_step += (step - self.usual_step) * STEP_RATE.max(1.0 / self.steps);
        }
        self.last = value;
        Some(self.run.other())
    }

    /// Says what happened to it; `samples` are its last ones.
    pub(super) fn told(&self, phase: Phase, samples: Vec<Sample>) -> Told {
        let SignalSpec { name, unit } = &self.spec;
        let mut told = Told::new(name.as_str(), "frozen", &self.run, &self.text(phase));
        told.explanation.signals.push(SignalEvidence {
            signal: name.clone(),
            unit: unit.clone(),
            value: self.last,
            expected_low: None,
            expected_high: None,
            contribution: 1.0,
        });
        told.explanation.samples = samples;
        told
    }

    fn text(&self, phase: Phase) -> String {
        let SignalSpec { name, unit } = &self.spec;
        let stood_at = Figures::new([self.stood_at], unit).measure(self.stood_at);
        let (length, since) = (self.run.odd_length(), self.run.odd_since());
        match phase {
            Phase::Raised | Phase::Worse => format!(
                "{name} is frozen: it did not move from {stood_at} in {length} decisions, expected at most {}; since \
                 decision {since}",
                self.run.longest_usual(),
            ),
            Phase::Cleared => format!(
                "{name} is {} and moves again; it stood at {stood_at} for {length} decisions, since decision {since}",
                Figures::new([self.last], unit).measure(self.last),
            ),
        }
    }
}
