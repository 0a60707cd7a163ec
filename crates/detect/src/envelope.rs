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
    history::{History, Trail},
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

/// Where the signals stand that the envelopes need.
#[derive(Debug, Default)]
struct Signals {
    speed: Option<usize>,
    acceleration: Option<usize>,
    gap: Option<usize>,
    closing_speed: Option<usize>,
}

/// Whether a bound is kept.
#[derive(Debug)]
struct Condition {
    bound: Bound,
    timing: Timing,
    episode: Episode,
    /// What was last said of it.
    last: Judged,
    /// How bad the last episode is, or was, at worst.
    worst: Severity,
    trail: Trail,
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
        let clear_after = Duration::from_millis(settings.clear_after_millis);
        let condition = |bound, on_count| Condition {
            bound,
            timing: Timing { on_delay: Duration::ZERO, on_count, clear_after, clear_count: 1 },
            episode: Episode::default(),
            last: Judged::above(0.0, 0.0, Severity::Warning),
            worst: Severity::Warning,
            trail: Trail::new(),
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
}

impl Signals {
    fn of(specs: &[SignalSpec], settings: &EnvelopeSettings) -> Self {
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

    fn motion(&self, decision: &Decision, history: &History) -> Motion {
        let value = |column: Option<usize>| column.map_or(f64::NAN, |column| history.latest(column));
        let pose = decision.context.as_ref().and_then(|context| context.pose);
        Motion {
            at: decision.made_at,
            place: pose.map(|pose| (pose.x_meters, pose.y_meters)),
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
        for condition in &mut self.conditions {
            // What it does in its fallback, or under a person, is not its own doing.
            let judged = if self.is_paused {
                None
            } else {
                condition.bound.judge(&motion, &self.recent, &self.settings)
            };
            if let Some(phase) = condition.take(judged, decision.seq, now) {
                found.push(condition.finding(phase, Some(decision.seq), self.response));
            }
        }
        self.recent.take(&motion);
    }

    fn handle_timeout(&mut self, _history: &History, found: &mut Vec<Finding>, now: MonoTime) {
        for condition in &mut self.conditions {
            if let Some(phase) = condition.episode.handle_timeout(&condition.timing, now) {
                found.push(condition.finding(phase, None, self.response));
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

    fn handle_signals(&mut self, signals: &[SignalSpec], _history: &History, found: &mut Vec<Finding>) {
        for condition in &mut self.conditions {
            if let Some(phase) = condition.episode.end() {
                found.push(condition.finding(phase, None, self.response));
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
    /// Takes what a decision says; where it says nothing of this envelope, that is as good as well within.
    fn take(&mut self, judged: Option<Judged>, seq: DecisionSeq, now: MonoTime) -> Option<Phase> {
        let (level, magnitude) = match judged {
            Some(Judged { beyond, severity, .. }) if beyond > 1.0 => (Level::Over(severity), beyond),
            Some(Judged { beyond, .. }) => (Level::Quiet, beyond),
            None => (Level::Quiet, 0.0),
        };
        if let Some(judged) = judged {
            self.trail.push(seq, judged.observed);
            self.last = judged;
        }
        let step = Step { level, statistic: self.last.observed, magnitude, seq };
        let phase = self.episode.handle_step(step, &self.timing, now);
        self.worst = self.episode.severity().unwrap_or(self.worst);
        phase
    }

    fn score(&self) -> f64 {
        if self.episode.is_active() { 1.0 } else { 0.0 }
    }

    fn finding(&self, phase: Phase, decision: Option<DecisionSeq>, response: Response) -> Finding {
        let (bound, Judged { observed, allowed, .. }) = (self.bound, self.last);
        let (expected_low, expected_high) = bound.range(allowed);
        Finding {
            cause: CauseClass::Envelope,
            subject: Label::cut(bound.name()),
            phase,
            severity: self.worst,
            response,
            decision,
            explanation: Explanation {
                detector: Label::cut("envelope"),
                version: VERSION,
                statistic: finite(observed),
                threshold: finite(allowed),
                score: self.score(),
                signals: vec![SignalEvidence {
                    signal: Label::cut(bound.name()),
                    unit: Label::cut(bound.unit()),
                    value: observed,
                    expected_low,
                    expected_high,
                    contribution: 1.0,
                }],
                samples: self.trail.to_vec(),
                text: Note::cut(&self.text(phase)),
            },
        }
    }

    fn text(&self, phase: Phase) -> String {
        let Judged { observed, allowed, .. } = self.last;
        let unit = Label::cut(self.bound.unit());
        let since = self.episode.since().unwrap_or_default();
        let peak = self.episode.peak().map_or(observed, |peak| peak.statistic);
        let figures = Figures::new([observed, allowed, peak], &unit);
        let (low, high) = self.bound.range(allowed);
        let what = self.bound.words();
        match phase {
            Phase::Raised | Phase::Worse => format!(
                "{what} is {}, expected {}; since decision {since}",
                figures.measure(observed),
                figures.range(low, high)
            ),
            Phase::Cleared => {
                let worst = if low.is_some() { "least" } else { "most" };
                format!(
                    "{what} is as it should be again; the {worst} was {}, since decision {since}",
                    figures.measure(peak)
                )
            }
        }
    }
}

impl Bound {
    /// Says what a decision shows; `None` where it says nothing of this envelope.
    fn judge(self, motion: &Motion, recent: &Recent, settings: &EnvelopeSettings) -> Option<Judged> {
        match self {
            Self::Position => {
                let (moved, elapsed) = recent.moved(motion)?;
                let speed = motion.speed.max(recent.speed());
                let speed = if speed.is_finite() { speed } else { settings.most_speed_mps };
                let allowed = (speed + settings.speed_slack_mps) * elapsed + settings.place_slack_meters;
                Some(Judged::above(moved, allowed, Severity::Warning))
            }
            Self::Jerk => {
                let jerk = recent.jerk(motion)?.abs();
                Some(Judged::above(jerk, settings.most_jerk_mps3, Severity::Advisory))
            }
            Self::Collision => {
                let seconds = seconds_to_collision(motion)?;
                let is_critical = seconds < settings.critical_secs_to_collision;
                let severity = if is_critical { Severity::Critical } else { Severity::Warning };
                Some(Judged::below(seconds, settings.least_secs_to_collision, severity))
            }
            Self::Distance => {
                let allowed = safe_distance(motion, settings)?;
                Some(Judged::below(motion.gap, allowed, Severity::Warning))
            }
        }
    }

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

    /// Returns from where to where it is kept: up to what is allowed, or from there on.
    const fn range(self, allowed: f64) -> (Option<f64>, Option<f64>) {
        match self {
            Self::Position | Self::Jerk => (None, Some(allowed)),
            Self::Collision | Self::Distance => (Some(allowed), None),
        }
    }
}
