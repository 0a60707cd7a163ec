//! The defaults of each kind of agent; ours unless a source is named.

use super::{
    ConfidenceSettings, DetectSettings, EnvelopeSettings, KindSettings, LateSettings, OutlierSettings,
    Overlay, SequenceSettings, SilenceSettings, StuckSettings,
};
use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;
use watchkeeper_model::{AgentKind, CauseClass, Label, Response, Severity};

impl Default for DetectSettings {
    fn default() -> Self {
        Self {
            vehicle: KindSettings::of(AgentKind::Vehicle),
            transaction: KindSettings::of(AgentKind::Transaction),
            software_agent: KindSettings::of(AgentKind::SoftwareAgent),
            generic: KindSettings::of(AgentKind::Generic),
            limits: Vec::new(),
        }
    }
}

impl<'de> Deserialize<'de> for DetectSettings {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let part = <Self as Overlay>::Part::deserialize(deserializer)?;
        let mut settings = Self::default();
        settings.overlay(part);
        Ok(settings)
    }
}

impl KindSettings {
    /// Makes the defaults of one kind.
    pub fn of(kind: AgentKind) -> Self {
        let is_vehicle = match kind {
            AgentKind::Vehicle => true,
            AgentKind::Transaction | AgentKind::SoftwareAgent | AgentKind::Generic => false,
        };
        Self {
            // `takeover.md` 1.5, T_clear.
            clear_after_millis: if is_vehicle { 1_000 } else { 10_000 },
            // Only a vehicle cannot wait: an unsure driver needs a person, an unsure model needs a look.
            responses: if is_vehicle {
                BTreeMap::from([(CauseClass::Confidence, Response::Takeover)])
            } else {
                BTreeMap::new()
            },
            outlier: outlier(is_vehicle),
            confidence: confidence(is_vehicle),
            stuck: StuckSettings {
                least_decisions: 10,
                least_flips: 30,
                warm_up_samples: 50,
                ignore: Vec::new(),
            },
            envelope: envelope(is_vehicle),
            sequence: SequenceSettings { gap_warning: 10, gap_critical: 100, disorder: 1 },
            late: late(kind),
            silence: silence(kind),
            heartbeat_silence: heartbeat_silence(is_vehicle),
        }
    }
}

/// Rates, clip and delays are those of the measurement in `tests/detect/machine_temperature.rs`.
fn outlier(is_vehicle: bool) -> OutlierSettings {
    OutlierSettings {
        warning: 6.0,
        critical: 10.0,
        clear_ratio: 0.7,
        on_samples: 2,
        on_delay_millis: 0,
        clear_samples: 10,
        // At 10 decisions a second a vehicle is watched after 15 s.
        warm_up_samples: if is_vehicle { 150 } else { 200 },
        location_rate: 0.02,
        scale_rate: 0.002,
        clip: 3.0,
        // A steady vehicle has hardly any noise of its own; 2 % of a speed is not news.
        relative_floor: if is_vehicle { 0.02 } else { 0.01 },
        absolute_floor: 1e-9,
        floors: BTreeMap::new(),
        ignore: Vec::new(),
        // A shift of driving; a week.
        hours_per_false_alert: if is_vehicle { 8.0 } else { 168.0 },
        // Ten minutes of driving; an evening of a machine that reports every minute.
        calibrate_decisions: if is_vehicle { 6_000 } else { 400 },
    }
}

/// Times to collision are those at which forward collision warnings act (ISO 22839 and NHTSA's tests of them: 2 to 2.6 s);
/// braking is that of a car on a dry road; slack and jerk are ours.
fn envelope(is_vehicle: bool) -> EnvelopeSettings {
    EnvelopeSettings {
        is_watched: is_vehicle,
        speed: Label::cut("speed"),
        acceleration: Label::cut("acceleration"),
        gap: Label::cut("gap"),
        closing_speed: Label::cut("closing_speed"),
        most_speed_mps: 70.0,
        speed_slack_mps: 5.0,
        place_slack_meters: 3.0,
        most_jerk_mps3: 15.0,
        least_secs_to_collision: 2.5,
        critical_secs_to_collision: 1.2,
        response_secs: 0.5,
        accelerates_mps2: 2.0,
        brakes_mps2: 6.0,
        front_brakes_mps2: 8.0,
        on_samples: 2,
    }
}

fn confidence(is_vehicle: bool) -> ConfidenceSettings {
    ConfidenceSettings {
        low: 0.5,
        critical: 0.3,
        hysteresis: 0.05,
        // One unsure classification among many is ordinary; several in a row are not.
        on_samples: if is_vehicle { 2 } else { 3 },
        on_delay_millis: if is_vehicle { 200 } else { 0 },
        falling: 5.0,
        least_drop: 0.1,
        falling_samples: 5,
        falling_response: Response::Advise,
        warm_up_samples: if is_vehicle { 50 } else { 100 },
        baseline_rate: 0.005,
        scale_floor: 0.005,
    }
}

/// The hard budgets of stage Detect (`takeover.md` 3.3): what is later cannot be noticed in time.
fn late(kind: AgentKind) -> LateSettings {
    let (warning_millis, on_delay_millis) = match kind {
        AgentKind::Vehicle => (250, 300),
        AgentKind::Transaction => (500, 1_000),
        AgentKind::SoftwareAgent | AgentKind::Generic => (1_000, 1_000),
    };
    LateSettings { warning_millis, critical_millis: 4 * warning_millis, on_delay_millis, on_samples: 2 }
}

/// A vehicle decides to a beat; traffic of payments and tools comes at random, where eight 90 % quantiles
/// are 18 mean gaps and so about one false silence in 10^8 gaps.
fn silence(kind: AgentKind) -> SilenceSettings {
    let (factor, min_millis, max_millis, severity) = match kind {
        AgentKind::Vehicle => (5.0, 1_000, 5_000, Severity::Critical),
        AgentKind::Transaction => (8.0, 10_000, 600_000, Severity::Warning),
        AgentKind::SoftwareAgent => (8.0, 60_000, 3_600_000, Severity::Advisory),
        AgentKind::Generic => (8.0, 5_000, 3_600_000, Severity::Warning),
    };
    SilenceSettings { factor, min_millis, max_millis, severity }
}

/// Heartbeats come at 10 Hz from vehicles and at 1 Hz from others (`takeover.md` 1.5).
fn heartbeat_silence(is_vehicle: bool) -> SilenceSettings {
    if is_vehicle {
        SilenceSettings { factor: 5.0, min_millis: 1_000, max_millis: 2_000, severity: Severity::Critical }
    } else {
        SilenceSettings { factor: 5.0, min_millis: 5_000, max_millis: 10_000, severity: Severity::Warning }
    }
}
