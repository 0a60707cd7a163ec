//! How often each group was raised lately.

use super::{Group, MAX_OPEN};
use crate::config::Flapping;
use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};
use watchkeeper_model::MonoTime;

/// Raises within the configured span, for as many groups as alerts may be open. Where more groups than that were raised
/// within one span, the newest are not watched: that is a flood, and the fleet's trouble, not one sensor's.
#[derive(Debug)]
pub(super) struct Flaps {
    settings: Flapping,
    raised: BTreeMap<Group, VecDeque<MonoTime>>,
    /// Groups are looked through for old ones at most once in a sixtieth of the span.
    swept_at: Option<MonoTime>,
}

impl Flaps {
    pub(super) const fn new(settings: Flapping) -> Self {
        Self { settings, raised: BTreeMap::new(), swept_at: None }
    }

    /// Returns how long what flaps must be quiet before it is let go.
    pub(super) const fn quiet(&self) -> Duration {
        self.settings.quiet()
    }

    /// Takes note of a raise; returns whether the group flaps.
    pub(super) fn handle_raise(&mut self, group: &Group, now: MonoTime) -> bool {
        if self.raised.len() >= MAX_OPEN && !self.raised.contains_key(group) {
            self.sweep(now);
            if self.raised.len() >= MAX_OPEN {
                return false;
            }
        }
        let within = self.settings.within();
        let raised = self.raised.entry(group.clone()).or_default();
        raised.push_back(now);
        while raised.front().is_some_and(|at| now.since(*at) >= within) {
            raised.pop_front();
        }
        let limit = usize::try_from(self.settings.raises).unwrap_or(usize::MAX);
        let flaps = raised.len() > limit;
        // One more than the limit tells all there is to know.
        while raised.len() > limit.saturating_add(1) {
            raised.pop_front();
        }
        flaps
    }

    fn sweep(&mut self, now: MonoTime) {
        let within = self.settings.within();
        if self.swept_at.is_some_and(|at| now.since(at) < within / 60) {
            return;
        }
        self.swept_at = Some(now);
        self.raised.retain(|_, raised| raised.back().is_some_and(|at| now.since(*at) < within));
    }
}
