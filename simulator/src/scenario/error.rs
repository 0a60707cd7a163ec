//! Why a scenario was refused.

use thiserror::Error;

/// Why a scenario could not be had. Lines count from one.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum ScenarioError {
    /// No scenario of that name is built in.
    #[error("no scenario is called {name:?}; there are: {known}")]
    UnknownName {
        /// The name asked for.
        name: String,
        /// The names there are, with commas.
        known: String,
    },
    /// The text is not TOML, or a field is unknown, missing or of the wrong type.
    #[error("line {line}, field {field}: {reason}")]
    Malformed {
        /// Where.
        line: usize,
        /// The key on that line, or what stands there instead.
        field: String,
        /// What the TOML reader says, which names unknown and missing fields.
        reason: String,
    },
    /// A number lies outside its range.
    #[error("line {line}, field {field}: {value} is not within {low} to {high}")]
    OutOfRange {
        /// Where.
        line: usize,
        /// Which field.
        field: &'static str,
        /// What was given.
        value: f64,
        /// Smallest value allowed.
        low: f64,
        /// Largest value allowed.
        high: f64,
    },
    /// A step must divide the tenth of a second between two decisions.
    #[error("line {line}, field step_millis: {value} does not divide 100")]
    UnevenStep {
        /// Where.
        line: usize,
        /// What was given.
        value: u64,
    },
    /// A fault lacks a field that its kind needs.
    #[error("line {line}, field {field}: a fault of kind {kind} needs it")]
    Needed {
        /// Where the fault's kind stands.
        line: usize,
        /// Which field.
        field: &'static str,
        /// The kind of fault.
        kind: &'static str,
    },
    /// A fault has a field that its kind does not know.
    #[error("line {line}, field {field}: a fault of kind {kind} has no use for it")]
    Unused {
        /// Where.
        line: usize,
        /// Which field.
        field: &'static str,
        /// The kind of fault.
        kind: &'static str,
    },
    /// No vehicle reports such a signal.
    #[error("line {line}, field signal: no vehicle reports {value:?}")]
    UnknownSignal {
        /// Where.
        line: usize,
        /// What was given.
        value: String,
    },
    /// The same vehicle is described twice.
    #[error("line {line}, field index: vehicle {index} is described twice")]
    DescribedTwice {
        /// Where the second time.
        line: usize,
        /// Which vehicle.
        index: usize,
    },
    /// So many vehicles at such distances do not fit on the ring.
    #[error(
        "line {line}, field headway_meters: {vehicles} vehicles need {needed_meters} m, the ring has {circumference_meters} m"
    )]
    TooLong {
        /// Where the headway stands, or the first line if it does not.
        line: usize,
        /// How many vehicles.
        vehicles: usize,
        /// The road they would need, metres.
        needed_meters: f64,
        /// The road there is, metres.
        circumference_meters: f64,
    },
}
