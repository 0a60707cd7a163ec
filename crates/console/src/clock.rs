//! The only place of this crate that reads a clock.

use watchkeeper_model::MonoTime;

/// Returns the console's clock now: the one on which the SDK folds its picture.
pub(crate) fn now() -> MonoTime {
    watchkeeper_client::console_now()
}
