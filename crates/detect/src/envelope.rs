//! What a vehicle reports of its motion that cannot be, or that leaves no room.
//!
//! - *position*: it is further from where it was than its speed takes it (a jump of the place).
//! - *jerk*: its acceleration changes faster over half a second than the settings allow (UN R79 takes the mean of jerk over
//!   half a second too).
//! - *time to collision*: gap over closing speed (ISO 22839; Hayward 1972).
//! - *safe distance*: the gap is smaller than the one from which it can always stop behind the vehicle ahead
//!   (Responsibility-Sensitive Safety, Shalev-Shwartz, Shammah and Shashua 2017, definition 1; v is the rear vehicle):
//!
//! ```text
//! d = max(0, v r + a r^2 / 2 + (v + r a)^2 / (2 b) - v_front^2 / (2 b_front))
//! ```
//!
//! These are physics and what a person set: nothing is learned, and no verdict silences one. Signals are found by name and
//! unit; what a vehicle does not report is not watched.

mod bounds;

use crate::{
    EnvelopeSettings, Finding, KindSettings, Phase,
    detector::Detector,
    episode::{Episode, Level, Step, Timing},
    history::History,
    phrase::{Figures, finite},
};
use bounds::{Motion, Recent, safe_distance, seconds_to_collision};
use std::time::Duration;
use watchkeeper_model::{
    CauseClass, Decision, DecisionSeq, Explanation, Label, MonoTime, Note, Response, Severity,
    SignalEvidence, SignalSpec,
};

const VERSION: u32 = 1;

/// One of the envelopes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bound {
    Position,
    Jerk,
    Collision,
    Distance,
}

/// Watches the motion of one vehicle.
#[derive(Debug)]
pub(crate) struct EnvelopeWatch {
    settings: EnvelopeSettings,
    response: Response,
    signals: Signals,
    recent: Recent,
    conditions: [Condition; 4],
    is_paused: bool,
}

/// Where the signals stand that the envelopes need, and what each is called.
#[derive(Debug, Default)]
struct Signals {
    speed: Option<usize>,
    acceleration: Option<usize>,
    gap: Option<usize>,
    closing_speed: Option<usize>,
}

#[derive(Debug)]
struct Condition {
    bound: Bound,
    timing: Timing,
    episode: Episode,
    /// What was last observed, and the bound that it was held to.
    observed: f64,
    allowed: f64,
    severity: Severity,
}

/// What a decision says of one envelope.
#[derive(Clone, Copy, Debug)]
struct Judged {
    observed: f64,
    allowed: f64,
    /// How many times beyond what is allowed; above 1 it is broken.
    beyond: f64,
    severity: Severity,
}

impl EnvelopeWatch {
    pub(crate) fn new(signals: &[SignalSpec], settings: &KindSettings) -> Self {
        let envelope = settings.envelope.clone();
        let timing = |on_count| Timing {
            on_delay: Duration::ZERO,
            on_count,
            clear_after: Duration::from_millis(settings.clear_after_millis),
            clear_count: 1,
        };
        let condition = |bound, on_count| Condition {
            bound,
            timing: timing(on_count),
            episode: Episode::default(),
            observed: 0.0,
            allowed: 0.0,
            severity: Severity::Warning,
        };
        Self {
            response: settings.response_to(CauseClass::Envelope),
            signals: Signals::of(signals, &envelope),
            recent: Recent::default(),
            // A place jumps once.
            conditions: [
                condition(Bound::Position, 1),
                condition(Bound::Jerk, envelope.on_samples),
                condition(Bound::Collision, envelope.on_samples),
                condition(Bound::Distance, envelope.on_samples),
            ],
            is_paused: false,
            settings: envelope,
        }
    }

    fn judge(&self, bound: Bound, motion: &Motion) -> Option<Judged> {
        let s = &self.settings;
        match bound {
            Bound::Position => {
                let (moved, elapsed) = self.recent.moved(motion)?;
                let speed = motion.speed.max(self.recent.speed());
                let speed = if speed.is_finite() { speed } else { s.most_speed_mps };
                let allowed = (speed + s.speed_slack_mps) * elapsed + s.place_slack_meters;
                Some(Judged::above(moved, allowed, Severity::Warning))
            }
            Bound::Jerk => {
                let jerk = self.recent.jerk(motion)?.abs();
                Some(Judged::above(jerk, s.most_jerk_mps3, Severity::Advisory))
            }
            Bound::Collision => {
                let seconds = seconds_to_collision(motion)?;
                let is_critical = seconds < s.critical_secs_to_collision;
                let severity = if is_critical { Severity::Critical } else { Severity::Warning };
                Some(Judged::below(seconds, s.least_secs_to_collision, severity))
            }
            Bound::Distance => {
                let allowed = safe_distance(motion, s)?;
                Some(Judged::below(motion.gap, allowed, Severity::Warning))
            }
        }
    }

    fn finding(
        &self,
        place: usize,
        phase: Phase,
        decision: Option<DecisionSeq>,
        history: &History,
    ) -> Option<Finding> {
        let condition = self.conditions.get(place)?;
        let Condition { bound, episode, observed, allowed, severity, .. } = condition;
        Some(Finding {
            cause: CauseClass::Envelope,
            subject: Label::cut(bound.name()),
            phase,
            severity: episode.severity().unwrap_or(*severity),
            response: self.response,
            decision,
            explanation: Explanation {
                detector: Label::cut("envelope"),
                version: VERSION,
                statistic: finite(*observed),
                threshold: finite(*allowed),
                score: condition.score(),
                signals: vec![SignalEvidence {
                    signal: Label::cut(bound.name()),
                    unit: Label::cut(bound.unit()),
                    value: *observed,
                    expected_low: bound.is_least().then_some(*allowed),
                    expected_high: (!bound.is_least()).then_some(*allowed),
                    contribution: 1.0,
                }],
                samples: self
                    .signals
                    .of_bound(*bound)
                    .map(|column| history.samples(column))
                    .unwrap_or_default(),
                text: Note::cut(&condition.text(phase)),
            },
        })
    }
}

impl Signals {
    fn of(specs: &[SignalSpec], settings: &EnvelopeSettings) -> Self {
        if !settings.is_watched {
            return Self::default();
        }
        let place = |name: &Label, unit: &str| {
            specs.iter().position(|spec| spec.name == *name && spec.unit.as_str() == unit)
        };
        Self {
            speed: place(&settings.speed, "m/s"),
            acceleration: place(&settings.acceleration, "m/s2"),
            gap: place(&settings.gap, "m"),
            closing_speed: place(&settings.closing_speed, "m/s"),
        }
    }

    fn of_bound(&self, bound: Bound) -> Option<usize> {
        match bound {
            Bound::Position => self.speed,
            Bound::Jerk => self.acceleration,
            Bound::Collision | Bound::Distance => self.gap,
        }
    }

    fn motion(&self, decision: &Decision, history: &History) -> Motion {
        let value = |column: Option<usize>| column.map_or(f64::NAN, |column| history.latest(column));
        Motion {
            at: decision.made_at,
            place: decision
                .context
                .as_ref()
                .and_then(|context| context.pose)
                .map(|pose| (pose.x_meters, pose.y_meters)),
            speed: value(self.speed),
            acceleration: value(self.acceleration),
            gap: value(self.gap),
            closing: value(self.closing_speed),
        }
    }
}

impl Detector for EnvelopeWatch {
    fn handle_decision(
        &mut self,
        decision: &Decision,
        history: &History,
        found: &mut Vec<Finding>,
        now: MonoTime,
    ) {
        if !self.settings.is_watched {
            return;
        }
        let motion = self.signals.motion(decision, history);
        for place in 0..self.conditions.len() {
            let Some(bound) = self.conditions.get(place).map(|condition| condition.bound) else { continue };
            // What it does in its fallback, or under a person, is not its own doing.
            let judged = if self.is_paused { None } else { self.judge(bound, &motion) };
            let Some(condition) = self.conditions.get_mut(place) else { continue };
            if let Some(phase) = condition.take(judged, decision.seq, now) {
                found.extend(self.finding(place, phase, Some(decision.seq), history));
            }
        }
        self.recent.take(&motion);
    }

    fn handle_timeout(&mut self, history: &History, found: &mut Vec<Finding>, now: MonoTime) {
        for place in 0..self.conditions.len() {
            let Some(condition) = self.conditions.get_mut(place) else { continue };
            if let Some(phase) = condition.episode.handle_timeout(&condition.timing, now) {
                found.extend(self.finding(place, phase, None, history));
            }
        }
    }

    fn handle_paused(&mut self, is_paused: bool) {
        self.is_paused = is_paused;
    }

    fn handle_rest(&mut self, since: MonoTime) {
        for condition in &mut self.conditions {
            condition.episode.handle_rest(since);
        }
    }

    fn handle_signals(&mut self, signals: &[SignalSpec], history: &History, found: &mut Vec<Finding>) {
        for place in 0..self.conditions.len() {
            let Some(condition) = self.conditions.get_mut(place) else { continue };
            if let Some(phase) = condition.episode.end() {
                found.extend(self.finding(place, phase, None, history));
            }
        }
        self.signals = Signals::of(signals, &self.settings);
        self.recent = Recent::default();
    }

    fn poll_timeout(&self) -> Option<MonoTime> {
        self.conditions.iter().filter_map(|condition| condition.episode.poll_timeout(&condition.timing)).min()
    }

    fn score(&self) -> f64 {
        self.conditions.iter().map(Condition::score).fold(0.0, f64::max)
    }

    fn band(&self, _column: usize) -> Option<(f64, f64)> {
        None
    }
}

impl Judged {
    fn above(observed: f64, most: f64, severity: Severity) -> Self {
        Self { observed, allowed: most, beyond: observed / most.max(f64::MIN_POSITIVE), severity }
    }

    fn below(observed: f64, least: f64, severity: Severity) -> Self {
        Self { observed, allowed: least, beyond: least / observed.max(f64::MIN_POSITIVE), severity }
    }
}

impl Condition {
    /// Takes what a decision says; nothing where it says nothing of this envelope, which is as good as well within.
    fn take(&mut self, judged: Option<Judged>, seq: DecisionSeq, now: MonoTime) -> Option<Phase> {
        let Judged { observed, allowed, beyond, severity } = judged.unwrap_or(Judged {
            observed: 0.0,
            allowed: 0.0,
            beyond: 0.0,
            severity: Severity::Warning,
        });
        let level = if beyond > 1.0 { Level::Over(severity) } else { Level::Quiet };
        (self.observed, self.allowed) = (observed, allowed);
        let step = Step { level, statistic: observed, magnitude: beyond, seq };
        let phase = self.episode.handle_step(step, &self.timing, now);
        self.severity = self.episode.severity().unwrap_or(self.severity);
        phase
    }

    fn score(&self) -> f64 {
        if self.episode.is_active() { 1.0 } else { 0.0 }
    }

    fn text(&self, phase: Phase) -> String {
        let unit = Label::cut(self.bound.unit());
        let since = self.episode.since().unwrap_or_default();
        let peak = self.episode.peak().map_or(self.observed, |peak| peak.statistic);
        let figures = Figures::new([self.observed, self.allowed, peak], &unit);
        let (low, high) =
            if self.bound.is_least() { (Some(self.allowed), None) } else { (None, Some(self.allowed)) };
        let what = self.bound.words();
        match phase {
            Phase::Raised | Phase::Worse => format!(
                "{what} is {}, expected {}; since decision {since}",
                figures.measure(self.observed),
                figures.range(low, high)
            ),
            Phase::Cleared => {
                let worst = if self.bound.is_least() { "least" } else { "most" };
                format!(
                    "{what} is as it should be again; the {worst} was {}, since decision {since}",
                    figures.measure(peak)
                )
            }
        }
    }
}

impl Bound {
    const fn name(self) -> &'static str {
        match self {
            Self::Position => "position",
            Self::Jerk => "jerk",
            Self::Collision => "time_to_collision",
            Self::Distance => "safe_distance",
        }
    }

    const fn words(self) -> &'static str {
        match self {
            Self::Position => "the step of the position",
            Self::Jerk => "the jerk",
            Self::Collision => "the time to collision",
            Self::Distance => "the distance to the vehicle ahead",
        }
    }

    const fn unit(self) -> &'static str {
        match self {
            Self::Position | Self::Distance => "m",
            Self::Jerk => "m/s3",
            Self::Collision => "s",
        }
    }

    /// Returns whether what is allowed is the least, and not the most.
    const fn is_least(self) -> bool {
        match self {
            Self::Position | Self::Jerk => false,
            Self::Collision | Self::Distance => true,
        }
    }
}
