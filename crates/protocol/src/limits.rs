//! Bounds of single numbers that more than one message has.

use serde::{Deserialize, Deserializer, de::Error};

/// The longest span of a part of the latency, in nanoseconds: one minute. Whoever is slower is not there.
pub(crate) const MINUTE_NANOS: u64 = 60_000_000_000;

/// Deserialises a span of at most a minute.
pub(crate) fn minute<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    within_minute(u64::deserialize(deserializer)?)
}

/// Deserialises such a span, or none.
pub(crate) fn minute_or_none<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    Option::<u64>::deserialize(deserializer)?.map(within_minute).transpose()
}

fn within_minute<E: Error>(nanos: u64) -> Result<u64, E> {
    if nanos <= MINUTE_NANOS {
        Ok(nanos)
    } else {
        Err(E::custom(format_args!("a part of the latency is at most {MINUTE_NANOS} ns, got {nanos}")))
    }
}

/// Deserialises a speed cap, or none; a NaN would compare as no cap at all.
pub(crate) fn cap<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    match Option::<f64>::deserialize(deserializer)? {
        Some(speed) if !(speed.is_finite() && speed >= 0.0) => {
            Err(D::Error::custom(format_args!("a speed cap is finite and 0 m/s or more, got {speed}")))
        }
        speed => Ok(speed),
    }
}
