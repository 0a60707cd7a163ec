//! How long to wait before the next attempt to connect.

use std::time::Duration;

/// The ceiling of the first wait: one round of a restart on the same machine.
const FIRST: Duration = Duration::from_millis(100);
/// The highest ceiling: a monitor that is back is found within this.
const LONGEST: Duration = Duration::from_secs(5);

/// Exponential back-off with full jitter: uniform between nothing and a ceiling that doubles.
///
/// Full jitter spreads a fleet that lost its monitor in the same instant better than any other form
/// (M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Backoff {
    attempts: u32,
}

impl Backoff {
    /// Starts at the lowest ceiling, 100 ms.
    pub const fn new() -> Self {
        Self { attempts: 0 }
    }

    /// Returns the next wait; `share` is random, 0 to 1.
    pub fn next_wait(&mut self, share: f64) -> Duration {
        let ceiling = FIRST.saturating_mul(2_u32.saturating_pow(self.attempts)).min(LONGEST);
        self.attempts = self.attempts.saturating_add(1);
        ceiling.mul_f64(share.clamp(0.0, 1.0))
    }

    /// Goes back to the lowest ceiling: the monitor answered.
    pub const fn reset(&mut self) {
        self.attempts = 0;
    }

    /// Goes to the highest ceiling: trying soon would do harm.
    pub const fn slow_down(&mut self) {
        self.attempts = 16;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ceiling_doubles_from_100_ms_to_5_s_and_a_welcome_resets_it() {
        let mut backoff = Backoff::new();
        let ceilings: Vec<_> = (0..8).map(|_| backoff.next_wait(1.0).as_millis()).collect();
        assert_eq!(ceilings, [100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000]);
        backoff.reset();
        assert_eq!(backoff.next_wait(1.0), FIRST);
    }

    #[test]
    fn the_jitter_is_full_and_never_leaves_its_bounds() {
        let mut backoff = Backoff::new();
        backoff.slow_down();
        assert_eq!(backoff.next_wait(0.0), Duration::ZERO);
        assert_eq!(backoff.next_wait(0.5), LONGEST / 2);
        for _ in 0..100 {
            assert!(backoff.next_wait(7.0) <= LONGEST);
        }
    }
}
