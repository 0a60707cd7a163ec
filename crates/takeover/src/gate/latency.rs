//! The speed cap that follows the latency of the holder (`takeover.md` 2, rule 9).
//!
//! The monitor measures the latency and tells it with the holder's heartbeats, so that a late, foreign or repeated
//! figure counts for as little as the heartbeat that carries it. A higher figure lowers the cap at once; a lower one
//! raises it only after [`HOLD_OFF`], and then to the highest figure since. Without a figure the cap is at most the one
//! of the latency at which nobody may begin to drive.

use super::Gate;
use crate::latency::{HOLD_OFF, NOT_GRANTED_ABOVE, UNKNOWN_AFTER, speed_cap_mps};
use std::time::Duration;
use watchkeeper_model::AgentTime;

/// The latency of one holder, as far as the cap is concerned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct HolderLatency {
    /// The total that counts; `None` until there was a first one.
    total: Option<Duration>,
    /// Until when a lower one does not take its place.
    held_until: AgentTime,
    /// The highest of the lower ones that came since.
    lower: Duration,
    /// When the newest figure came; `None` while the latency is not known.
    told_at: Option<AgentTime>,
}

impl HolderLatency {
    /// Takes a figure of the monitor; `None` where it has none.
    pub(super) fn take(&mut self, total: Option<Duration>, now: AgentTime) {
        self.told_at = total.map(|_| now);
        match (total, self.total) {
            (Some(new), Some(counts)) if new < counts => {
                self.lower = self.lower.max(new);
                if now >= self.held_until {
                    self.hold(self.lower, now);
                }
            }
            (Some(new), _) => self.hold(new, now),
            (None, Some(counts)) => self.hold(counts.max(NOT_GRANTED_ABOVE), now),
            // Nothing to hold on to: the first figure will count as it is.
            (None, None) => {}
        }
    }

    fn hold(&mut self, total: Duration, now: AgentTime) {
        self.total = Some(total);
        self.held_until = now.after(HOLD_OFF);
        self.lower = Duration::ZERO;
    }

    /// Returns when the newest figure is too old, where there is one.
    fn unknown_at(&self) -> Option<AgentTime> {
        self.told_at.map(|at| at.after(UNKNOWN_AFTER))
    }

    fn check(&mut self, now: AgentTime) {
        if self.unknown_at().is_some_and(|at| now >= at) {
            self.take(None, now);
        }
    }

    fn cap_mps(&self, top_speed_mps: f64) -> Option<f64> {
        speed_cap_mps(self.total.unwrap_or(NOT_GRANTED_ABOVE), top_speed_mps)
    }
}

impl Gate {
    /// Says how fast a person may drive the agent where the latency sets no limit, in metres per second. Without it, or
    /// with one that is no speed, no cap follows the latency: the agent is none that a person drives.
    pub fn set_top_speed(&mut self, top_speed_mps: Option<f64>) {
        self.top_speed_mps = top_speed_mps.filter(|speed| speed.is_finite() && *speed > 0.0);
    }

    /// Returns how fast the person in control may drive for the latency alone; `None` where it sets no limit, or nobody
    /// is in control.
    pub fn latency_cap_mps(&self) -> Option<f64> {
        let lease = self.active.filter(|_| self.state.is_driven())?;
        lease.latency.cap_mps(self.top_speed_mps?)
    }

    /// Returns when the latency of a holder is no longer known.
    pub(super) fn latency_unknown_at(&self) -> Option<AgentTime> {
        [self.active, self.pending].into_iter().flatten().filter_map(|lease| lease.latency.unknown_at()).min()
    }

    /// Evaluates the age of the figures.
    pub(super) fn check_latency(&mut self, now: AgentTime) {
        for lease in [&mut self.active, &mut self.pending].into_iter().flatten() {
            lease.latency.check(now);
        }
    }
}
