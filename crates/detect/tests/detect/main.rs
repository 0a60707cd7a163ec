//! The detectors through the crate's public API.

mod confidence;
mod feed;
mod limit;
mod machine_temperature;
mod outlier;
mod properties;
mod settings;
mod stack;
mod stream;
