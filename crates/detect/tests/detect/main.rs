//! The detectors through the crate's public API.

mod calibration;
mod confidence;
mod deferral;
mod drift;
mod envelope;
mod feed;
mod learning;
mod limit;
mod machine_temperature;
mod outlier;
mod properties;
mod settings;
mod stack;
mod stream;
mod stuck;
mod unusual;
