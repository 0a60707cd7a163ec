//! Is this agent behaving oddly? Detectors, limits written by a person, explanation.
//!
//! One [`Pipeline`] per agent, owned by the engine. Every decision goes first through the stream's
//! own checks (numbers missing, doubled, out of order or late, and silence), then, once each, through
//! the detectors: limits that a person wrote, what a vehicle's motion cannot be, whether the agent is unsure or less sure
//! than it used to be, whether it is stuck, how far a signal is from where it lately was, and whether it does what it
//! never did before. What comes out are [`Finding`]s: raised, worse and cleared, each with an
//! [`Explanation`](watchkeeper_model::Explanation) that can be checked by hand.
//!
//! Everything is a function of its inputs and of `now`: the same inputs give the same findings. It
//! learns from the past only, forgets by the number of samples (a stream replayed a thousand times
//! faster gives the same findings, but for a budget in hours: that is by the agent's clock), holds bounded memory per agent,
//! and allocates only when it has something to say.
//!
//! [`Stack`] scores any stream of numbers: the signals of an agent in the pipeline, and a file's in `watchkeeper score` and
//! `eval`. A [`Learner`] learns from verdicts on its alerts how it weighs its evidence. Not yet in the pipeline are that, and those
//! that say what a confidence is worth, [`Calibration`], [`Deferral`], [`ConfusionMatrix`] and [`ConfidenceDrift`], and
//! [`entity`], payments by customer and terminal.
//!
//! A detector is one file with an implementation of the crate's `Detector` trait and one entry in
//! the list in `detector.rs`.
//!
//! Deliberately not here: alarms (grouping, acknowledgement, escalation), deciding who takes over,
//! clocks, threads and input or output. There is no snapshot of a pipeline's state either: after a
//! restart of the monitor every detector learns anew, from the record when that is replayed.

mod calibration;
mod confidence;
mod deferral;
pub mod delay;
mod detector;
mod drift;
pub mod entity;
mod envelope;
mod episode;
mod finding;
mod history;
mod limit;
mod outlier;
mod phrase;
mod pipeline;
mod robust;
mod settings;
mod stack;
mod stream;
mod stuck;
mod team;

pub use calibration::{Calibration, CalibrationError, LabelledProbabilities, announced, calibration_error};
pub use deferral::{Deferral, DeferralError, LabelledDecision, Promise};
pub use drift::{ConfidenceDrift, Evidence, RestoreError};
pub use finding::{Finding, Phase};
pub use pipeline::{Band, Pipeline};
pub use settings::{
    ConfidenceSettings, DetectSettings, EnvelopeSettings, KindSettings, LateSettings, LimitRule,
    OutlierSettings, SequenceSettings, SettingProblem, SettingsError, SilenceSettings, StuckSettings,
};
pub use stack::{
    AlertContext, Channel, LEAST_WEIGHT, LearnError, Learner, MAX_SIGNALS, MAX_WAITING, MOST_CHANGE,
    MOST_WEIGHT, PARTS, Part, Scored, Shares, Stack, StackError, StackSettings, Update, Weights,
    WeightsError,
};
pub use stream::StreamCounters;
pub use team::ConfusionMatrix;
