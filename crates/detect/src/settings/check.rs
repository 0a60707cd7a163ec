//! Whether settings make sense, with the path of each field that does not.

use super::{
    ConfidenceSettings, DetectSettings, EnvelopeSettings, KindSettings, LimitRule, OutlierSettings,
    SequenceSettings, SilenceSettings, StuckSettings,
};
use crate::robust::FIRST_SAMPLES;
use thiserror::Error;
use watchkeeper_model::AgentKind;

/// One field that does not make sense.
#[derive(Clone, Debug, PartialEq, Error)]
#[error("{path}: {problem}")]
pub struct SettingsError {
    /// Where it is, for example `vehicle.outlier.warning` or `limits[2].min`.
    pub path: String,
    /// What is wrong with it.
    pub problem: SettingProblem,
}

/// What is wrong with a field.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum SettingProblem {
    /// The number is outside its range, or not a number.
    #[error("{found} is not between {least} and {most}")]
    OutOfRange {
        /// What was given.
        found: f64,
        /// Least allowed.
        least: f64,
        /// Largest allowed.
        most: f64,
    },
    /// The count is below its least.
    #[error("{found} is below {least}")]
    TooFew {
        /// What was given.
        found: u64,
        /// Least allowed.
        least: u64,
    },
    /// A limit without a bound never fires.
    #[error("a limit needs min or max")]
    NoBound,
    /// The allowed range is empty, or narrower than twice the hysteresis so that it never clears.
    #[error("min {min} and max {max} leave no room inside the hysteresis {hysteresis}")]
    NoRoom {
        /// Lower bound.
        min: f64,
        /// Upper bound.
        max: f64,
        /// How far inside counts as back.
        hysteresis: f64,
    },
    /// The pattern cannot match: empty, or `*` somewhere else than at the end.
    #[error("{0:?} is neither an agent's id nor a beginning followed by *")]
    BadPattern(String),
    /// Two rules could raise the same subject for one agent.
    #[error("may raise {subject:?} for the same agent as limits[{other}]; give one of them a name")]
    SameSubject {
        /// The subject they share.
        subject: String,
        /// The earlier rule.
        other: usize,
    },
}

/// Collects problems under a path.
struct Checker {
    path: String,
    errors: Vec<SettingsError>,
}

impl DetectSettings {
    /// Returns every field that does not make sense; settings with an empty list are safe to use.
    pub fn check(&self) -> Vec<SettingsError> {
        let mut checker = Checker { path: String::new(), errors: Vec::new() };
        for kind in AgentKind::ALL {
            checker.within(kind.word(), |c| self.of_kind(*kind).check(c));
        }
        for (at, rule) in self.limits.iter().enumerate() {
            checker.within(&format!("limits[{at}]"), |c| {
                rule.check(c);
                let twin = self.limits.iter().take(at).position(|other| rule.collides_with(other));
                if let Some(other) = twin {
                    let subject = rule.subject().to_string();
                    c.problem("name", SettingProblem::SameSubject { subject, other });
                }
            });
        }
        checker.errors
    }
}

impl Checker {
    fn within(&mut self, name: &str, check: impl FnOnce(&mut Self)) {
        let length = self.path.len();
        if length > 0 {
            self.path.push('.');
        }
        self.path.push_str(name);
        check(self);
        self.path.truncate(length);
    }

    fn problem(&mut self, field: &str, problem: SettingProblem) {
        self.within(field, |c| c.errors.push(SettingsError { path: c.path.clone(), problem }));
    }

    fn number(&mut self, field: &str, found: f64, least: f64, most: f64) {
        if !(least..=most).contains(&found) {
            self.problem(field, SettingProblem::OutOfRange { found, least, most });
        }
    }

    fn count(&mut self, field: &str, found: u64, least: u64) {
        if found < least {
            self.problem(field, SettingProblem::TooFew { found, least });
        }
    }
}

impl KindSettings {
    fn check(&self, checker: &mut Checker) {
        checker.within("outlier", |c| self.outlier.check(c));
        checker.within("confidence", |c| self.confidence.check(c));
        checker.within("stuck", |c| self.stuck.check(c));
        checker.within("envelope", |c| self.envelope.check(c));
        checker.within("sequence", |c| self.sequence.check(c));
        checker.within("late", |c| {
            c.count("warning_millis", self.late.warning_millis, 1);
            c.count("critical_millis", self.late.critical_millis, self.late.warning_millis);
            c.count("on_samples", self.late.on_samples.into(), 1);
        });
        checker.within("silence", |c| self.silence.check(c));
        checker.within("heartbeat_silence", |c| self.heartbeat_silence.check(c));
    }
}

impl OutlierSettings {
    fn check(&self, c: &mut Checker) {
        c.number("warning", self.warning, 0.1, 1e5);
        c.number("critical", self.critical, self.warning, 1e5);
        c.number("clear_ratio", self.clear_ratio, 0.0, 1.0);
        c.count("on_samples", self.on_samples.into(), 1);
        c.count("clear_samples", self.clear_samples.into(), 1);
        c.count("warm_up_samples", self.warm_up_samples.into(), FIRST_SAMPLES.into());
        c.number("location_rate", self.location_rate, 0.0, 1.0);
        c.number("scale_rate", self.scale_rate, 0.0, 1.0);
        c.number("clip", self.clip, 0.5, 1e5);
        c.number("relative_floor", self.relative_floor, 0.0, 10.0);
        c.number("absolute_floor", self.absolute_floor, 0.0, 1e100);
        for (signal, floor) in &self.floors {
            c.number(&format!("floors.{signal}"), *floor, 0.0, 1e100);
        }
        c.number("hours_per_false_alert", self.hours_per_false_alert, 0.0, 100_000.0);
        c.number("calibrate_decisions", self.calibrate_decisions as f64, 60.0, 1e6);
    }
}

impl ConfidenceSettings {
    fn check(&self, c: &mut Checker) {
        c.number("low", self.low, 0.0, 1.0);
        c.number("critical", self.critical, 0.0, self.low);
        let room = if (0.0..=1.0).contains(&self.low) { 1.0 - self.low } else { 1.0 };
        c.number("hysteresis", self.hysteresis, 0.0, room);
        c.count("on_samples", self.on_samples.into(), 1);
        c.number("falling", self.falling, 0.1, 1e5);
        c.number("least_drop", self.least_drop, 0.0, 1.0);
        c.count("falling_samples", self.falling_samples.into(), 1);
        c.count("warm_up_samples", self.warm_up_samples.into(), FIRST_SAMPLES.into());
        c.number("baseline_rate", self.baseline_rate, 0.0, 1.0);
        c.number("scale_floor", self.scale_floor, 1e-9, 1.0);
    }
}

impl StuckSettings {
    fn check(&self, c: &mut Checker) {
        c.count("least_decisions", self.least_decisions.into(), 2);
        c.count("least_flips", self.least_flips.into(), 2);
        c.count("warm_up_samples", self.warm_up_samples.into(), FIRST_SAMPLES.into());
    }
}

impl EnvelopeSettings {
    fn check(&self, c: &mut Checker) {
        c.number("most_speed_mps", self.most_speed_mps, 0.1, 1e4);
        c.number("speed_slack_mps", self.speed_slack_mps, 0.0, 1e4);
        c.number("place_slack_meters", self.place_slack_meters, 0.0, 1e6);
        c.number("most_jerk_mps3", self.most_jerk_mps3, 0.1, 1e6);
        c.number("least_secs_to_collision", self.least_secs_to_collision, 0.0, 60.0);
        c.number(
            "critical_secs_to_collision",
            self.critical_secs_to_collision,
            0.0,
            self.least_secs_to_collision,
        );
        c.number("response_secs", self.response_secs, 0.0, 60.0);
        c.number("accelerates_mps2", self.accelerates_mps2, 0.0, 100.0);
        c.number("brakes_mps2", self.brakes_mps2, 0.1, 100.0);
        c.number("front_brakes_mps2", self.front_brakes_mps2, 0.1, 100.0);
        c.count("on_samples", self.on_samples.into(), 1);
    }
}

impl SequenceSettings {
    fn check(&self, c: &mut Checker) {
        c.count("gap_warning", self.gap_warning, 1);
        c.count("gap_critical", self.gap_critical, self.gap_warning);
        c.count("disorder", self.disorder.into(), 1);
    }
}

impl SilenceSettings {
    fn check(&self, c: &mut Checker) {
        c.number("factor", self.factor, 1.0, 1e6);
        c.count("min_millis", self.min_millis, 1);
        c.count("max_millis", self.max_millis, self.min_millis);
    }
}

impl LimitRule {
    fn check(&self, c: &mut Checker) {
        let stem = self.agent.strip_suffix('*').unwrap_or(&self.agent);
        if self.agent.is_empty() || stem.contains('*') {
            c.problem("agent", SettingProblem::BadPattern(self.agent.clone()));
        }
        for (field, bound) in [("min", self.min), ("max", self.max)] {
            if let Some(bound) = bound {
                c.number(field, bound, f64::MIN, f64::MAX);
            }
        }
        c.number("hysteresis", self.hysteresis, 0.0, f64::MAX);
        match (self.min, self.max) {
            (None, None) => c.problem("min", SettingProblem::NoBound),
            (Some(min), Some(max)) if max - min < 2.0 * self.hysteresis => {
                c.problem("max", SettingProblem::NoRoom { min, max, hysteresis: self.hysteresis });
            }
            (Some(_), _) | (None, Some(_)) => {}
        }
    }

    fn collides_with(&self, other: &Self) -> bool {
        let kinds_meet = match (self.kind, other.kind) {
            (Some(mine), Some(theirs)) => mine == theirs,
            (None, _) | (_, None) => true,
        };
        self.subject() == other.subject() && kinds_meet && patterns_meet(&self.agent, &other.agent)
    }
}

/// Returns whether some agent's id could match both patterns.
fn patterns_meet(one: &str, other: &str) -> bool {
    match (one.strip_suffix('*'), other.strip_suffix('*')) {
        (None, None) => one == other,
        (Some(beginning), None) => other.starts_with(beginning),
        (None, Some(beginning)) => one.starts_with(beginning),
        (Some(a), Some(b)) => a.starts_with(b) || b.starts_with(a),
    }
}
