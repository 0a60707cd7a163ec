//! The one place of this program that reads a clock.
#![expect(clippy::disallowed_methods, reason = "the shell of this program")]

use std::time::Instant;

/// Returns now.
pub(crate) fn now() -> Instant {
    Instant::now()
}
