//! What a person may tune, with defaults for each kind of agent.
//!
//! A file that sets one field of one kind keeps that kind's defaults for all others. Unknown fields
//! are errors; ranges are checked by [`DetectSettings::check`].

mod check;
mod defaults;
mod overlay;

pub use check::{SettingProblem, SettingsError};

use overlay::{Overlay, overlaid};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use watchkeeper_model::{AgentId, AgentKind, CauseClass, Label, Response, Severity};

overlaid! {
    /// Settings of all detectors; part of the server's configuration and of the record.
    DetectSettings / DetectPart {
        /// For vehicles.
        vehicle: KindSettings,
        /// For agents that decide on payments.
        transaction: KindSettings,
        /// For agents that use tools.
        software_agent: KindSettings,
        /// For all others.
        generic: KindSettings,
        /// Limits that a person wrote; all that apply to an agent are watched.
        limits: Vec<LimitRule>,
    }
}

overlaid! {
    /// Settings for one kind of agent.
    KindSettings / KindPart {
        /// T_clear: how long a condition must be false before it is cleared, in milliseconds.
        clear_after_millis: u64,
        /// What a finding of each cause asks of people; `advise` where a cause is not named.
        responses: BTreeMap<CauseClass, Response>,
        /// Signals far from where they lately were.
        outlier: OutlierSettings,
        /// Low or falling confidence.
        confidence: ConfidenceSettings,
        /// Frozen, repeated or flipping.
        stuck: StuckSettings,
        /// What motion cannot be, and what leaves no room.
        envelope: EnvelopeSettings,
        /// Missing, doubled and disordered decisions.
        sequence: SequenceSettings,
        /// Late decisions.
        late: LateSettings,
        /// Decisions that stopped.
        silence: SilenceSettings,
        /// Heartbeats that stopped.
        heartbeat_silence: SilenceSettings,
    }
}

overlaid! {
    /// Settings of the robust z-score (`outlier.rs`, formulas in `robust.rs`).
    OutlierSettings / OutlierPart {
        /// |z| from which it is a warning; also the half-width of the expected range, in scales.
        warning: f64,
        /// |z| from which it is critical.
        critical: f64,
        /// The condition is over below this share of `warning`, 0 to 1.
        clear_ratio: f64,
        /// Samples in a row that must be out before it is raised, at least 1.
        on_samples: u32,
        /// How long they must be out, in milliseconds.
        on_delay_millis: u64,
        /// Samples in a row that must be back before it is cleared.
        clear_samples: u32,
        /// Samples learned before anything is raised, at least 32.
        warm_up_samples: u32,
        /// Weight of one sample in the location, 0 to 1; 0.02 forgets over about 50 samples.
        location_rate: f64,
        /// Weight of one sample in the scale, 0 to 1.
        scale_rate: f64,
        /// Residuals are clipped at this many scales before they are learned.
        clip: f64,
        /// Least scale as a share of the location's size.
        relative_floor: f64,
        /// Least scale of signals that `floors` does not name, in their own unit.
        absolute_floor: f64,
        /// Least scale by the signal's name, in its unit.
        floors: BTreeMap<Label, f64>,
        /// Signals that are not watched by this detector.
        ignore: Vec<Label>,
        /// The budget of what an agent never did before (`outlier/unusual.rs`): hours of one agent for one false alert, at
        /// its own pace; 0 looks for nothing of the kind.
        hours_per_false_alert: f64,
        /// Decisions that are only learned from before that alerts, 60 to 1,000,000.
        calibrate_decisions: u64,
    }
}

overlaid! {
    /// Settings of the confidence detector (`confidence.rs`).
    ConfidenceSettings / ConfidencePart {
        /// Confidence below which it is low, 0 to 1.
        low: f64,
        /// Confidence below which it is critical, at most `low`.
        critical: f64,
        /// How far above `low` it must be to be over.
        hysteresis: f64,
        /// Decisions in a row that must be low before it is raised, at least 1.
        on_samples: u32,
        /// How long low or falling must last, in milliseconds.
        on_delay_millis: u64,
        /// How many of its own scales the short mean must be below the long run.
        falling: f64,
        /// And by how much at least.
        least_drop: f64,
        /// Decisions in a row before falling is raised, at least 1.
        falling_samples: u32,
        /// What falling alone asks of people; low is in `responses`.
        falling_response: Response,
        /// Decisions learned before falling can be raised, at least 32.
        warm_up_samples: u32,
        /// Weight of one decision in the long run, 0 to 1.
        baseline_rate: f64,
        /// Least scale of a confidence.
        scale_floor: f64,
    }
}

overlaid! {
    /// Settings of what is frozen, repeated or flips (`stuck.rs`).
    StuckSettings / StuckPart {
        /// The shortest run of equal values, or of repeated decisions, that may be odd; at least 2.
        least_decisions: u32,
        /// The shortest run of changes to and fro of the action that may be odd; at least 2.
        least_flips: u32,
        /// Decisions learned before anything is raised, at least 32.
        warm_up_samples: u32,
        /// Signals that may stand still.
        ignore: Vec<Label>,
    }
}

overlaid! {
    /// Settings of the physical envelopes of a vehicle (`envelope.rs`). Signals are those of these names with the units m/s,
    /// m/s2, m and m/s.
    EnvelopeSettings / EnvelopePart {
        /// Whether they are watched at all.
        is_watched: bool,
        /// Name of the signal that is the speed over ground.
        speed: Label,
        /// Name of the signal that is the acceleration along the way.
        acceleration: Label,
        /// Name of the signal that is the free distance to the vehicle ahead.
        gap: Label,
        /// Name of the signal that is the speed at which that shrinks.
        closing_speed: Label,
        /// No vehicle is faster; used where it does not report its speed.
        most_speed_mps: f64,
        /// The place may change faster than the reported speed by so much.
        speed_slack_mps: f64,
        /// And by so much at once (a correction of the place).
        place_slack_meters: f64,
        /// The most that acceleration may change, mean of half a second.
        most_jerk_mps3: f64,
        /// Time to collision below which it is a warning.
        least_secs_to_collision: f64,
        /// Time to collision below which it is critical, at most `least_secs_to_collision`.
        critical_secs_to_collision: f64,
        /// Safe distance: how long the vehicle takes to brake, in seconds.
        response_secs: f64,
        /// Safe distance: how hard it may accelerate until then.
        accelerates_mps2: f64,
        /// Safe distance: how hard it then brakes at least.
        brakes_mps2: f64,
        /// Safe distance: how hard the vehicle ahead brakes at most.
        front_brakes_mps2: f64,
        /// Decisions in a row beyond a bound before it is raised, at least 1; a jump of the place needs one.
        on_samples: u32,
    }
}

overlaid! {
    /// Settings for the numbers of decisions.
    SequenceSettings / SequencePart {
        /// Missing numbers in one episode from which it is a warning; fewer are an advisory.
        gap_warning: u64,
        /// Missing numbers in one episode from which it is critical.
        gap_critical: u64,
        /// Doubled or disordered numbers in one episode before it is raised, at least 1.
        disorder: u32,
    }
}

overlaid! {
    /// Settings for late decisions. Lateness is relative to the fastest decision of the last minute.
    LateSettings / LatePart {
        /// Lateness from which it is a warning, in milliseconds.
        warning_millis: u64,
        /// Lateness from which it is critical, in milliseconds.
        critical_millis: u64,
        /// How long decisions must be late before it is raised, in milliseconds.
        on_delay_millis: u64,
        /// Decisions in a row that must be late before it is raised, at least 1.
        on_samples: u32,
    }
}

overlaid! {
    /// Settings for silence: it begins `factor` x the usual gap after the last sign of life, within bounds.
    SilenceSettings / SilencePart {
        /// How many usual gaps (running 90 % quantile) of silence are odd.
        factor: f64,
        /// The least silence that is odd, in milliseconds.
        min_millis: u64,
        /// The silence that is always odd, in milliseconds; also used until the usual gap is known.
        max_millis: u64,
        /// How bad it is.
        severity: Severity,
    }
}

/// A limit that a person wrote for one signal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LimitRule {
    /// Names the rule in alerts; the signal's name when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Label>,
    /// Agents it applies to: an exact id, or a beginning followed by `*`.
    #[serde(default = "every_agent")]
    pub agent: String,
    /// Kind of agent it applies to; every kind when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<AgentKind>,
    /// The signal's name, or `confidence`.
    pub signal: Label,
    /// Least allowed value, in the signal's unit; `None` for no lower bound.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min: Option<f64>,
    /// Largest allowed value, in the signal's unit; `None` for no upper bound.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<f64>,
    /// How long the value must be outside before it is raised, in milliseconds; judged at decisions.
    #[serde(default)]
    pub on_delay_millis: u64,
    /// How far inside the bounds the value must be to count as back, in the signal's unit.
    #[serde(default)]
    pub hysteresis: f64,
    /// How bad it is.
    #[serde(default = "warning")]
    pub severity: Severity,
    /// What it asks of people.
    #[serde(default = "advise")]
    pub response: Response,
}

fn every_agent() -> String {
    "*".to_owned()
}

const fn warning() -> Severity {
    Severity::Warning
}

const fn advise() -> Response {
    Response::Advise
}

impl DetectSettings {
    /// Returns the settings for one kind of agent.
    pub const fn of_kind(&self, kind: AgentKind) -> &KindSettings {
        match kind {
            AgentKind::Vehicle => &self.vehicle,
            AgentKind::Transaction => &self.transaction,
            AgentKind::SoftwareAgent => &self.software_agent,
            AgentKind::Generic => &self.generic,
        }
    }
}

impl KindSettings {
    /// Returns what a finding of this cause asks of people.
    pub fn response_to(&self, cause: CauseClass) -> Response {
        self.responses.get(&cause).copied().unwrap_or(Response::Advise)
    }
}

impl LimitRule {
    /// Returns the subject of the rule's findings: its name, else its signal.
    pub fn subject(&self) -> &Label {
        self.name.as_ref().unwrap_or(&self.signal)
    }

    /// Returns whether the rule watches this agent.
    pub fn applies_to(&self, agent: &AgentId, kind: AgentKind) -> bool {
        let named = match self.agent.strip_suffix('*') {
            Some(beginning) => agent.as_str().starts_with(beginning),
            None => agent.as_str() == self.agent,
        };
        named && self.kind.is_none_or(|wanted| wanted == kind)
    }
}
