//! How often an agent fell back by itself lately: three strikes and only a supervisor lets it go on (`takeover.md` 1.4,
//! lock-out).

use std::{collections::VecDeque, time::Duration};
use watchkeeper_model::{ControlState, FallbackCause, MonoTime};

/// The fallbacks of one agent within a span.
#[derive(Clone, Debug)]
pub(crate) struct Strikes {
    /// When they began, oldest first; never more than it takes.
    began: VecDeque<MonoTime>,
    within: Duration,
    limit: usize,
    /// A fallback goes on, and was counted if it counts.
    in_episode: bool,
}

impl Strikes {
    /// Starts with as many as are on record; nobody knows when they were, so they count from now.
    pub(crate) fn new(on_record: u8, (limit, within): (u32, Duration), now: MonoTime) -> Self {
        let limit = limit as usize;
        let began = std::iter::repeat_n(now, usize::from(on_record).min(limit)).collect();
        Self { began, within, limit, in_episode: on_record > 0 }
    }

    /// Follows the agent. An episode lasts from the fallback until the agent or a person leads again.
    pub(crate) fn handle_state(&mut self, state: ControlState, cause: Option<FallbackCause>, now: MonoTime) {
        self.handle_timeout(now);
        match (state, cause) {
            (_, Some(cause)) => {
                let begins = !std::mem::replace(&mut self.in_episode, true);
                if begins && cause.is_strike() {
                    if self.began.len() == self.limit {
                        self.began.pop_front();
                    }
                    self.began.push_back(now);
                }
            }
            (ControlState::Autonomous | ControlState::AssistPending | ControlState::Human, None) => {
                self.in_episode = false;
            }
            (
                ControlState::Requested
                | ControlState::Claimed
                | ControlState::InTransition
                | ControlState::Returning
                | ControlState::Fallback
                | ControlState::FallbackFailed
                | ControlState::SafeHeld
                | ControlState::Estopped
                | ControlState::Local
                | ControlState::OutOfService,
                None,
            ) => {}
        }
    }

    /// Forgets those that are too long ago.
    pub(crate) fn handle_timeout(&mut self, now: MonoTime) {
        while self.over_at().is_some_and(|at| now >= at) {
            self.began.pop_front();
        }
    }

    /// Returns when the oldest counts no more.
    pub(crate) fn over_at(&self) -> Option<MonoTime> {
        self.began.front().map(|at| at.after(self.within))
    }

    /// Returns whether only a supervisor lets the agent go on.
    pub(crate) fn are_out(&self) -> bool {
        self.began.len() >= self.limit
    }

    /// A supervisor has let it go on.
    pub(crate) fn forgive(&mut self) {
        self.began.clear();
    }

    /// Returns how many there are.
    pub(crate) fn count(&self) -> u8 {
        u8::try_from(self.began.len()).unwrap_or(u8::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use watchkeeper_model::ControlState::{Autonomous, Estopped, Fallback, SafeHeld};

    const WITHIN: Duration = Duration::from_mins(15);

    fn at(secs: u64) -> MonoTime {
        MonoTime::from_nanos(secs * 1_000_000_000)
    }

    #[test]
    fn three_fallbacks_lock_out_and_one_episode_counts_once() {
        let mut strikes = Strikes::new(0, (3, WITHIN), at(0));
        for round in 0..3 {
            assert!(!strikes.are_out(), "{round}");
            for (offset, state) in [(0, Fallback), (1, Fallback), (2, SafeHeld)] {
                strikes.handle_state(state, Some(FallbackCause::Demand), at(round * 60 + offset));
            }
            strikes.handle_state(Estopped, None, at(round * 60 + 3));
            strikes.handle_state(SafeHeld, Some(FallbackCause::Demand), at(round * 60 + 4));
            strikes.handle_state(Autonomous, None, at(round * 60 + 5));
        }
        assert!(strikes.are_out());
        strikes.handle_timeout(at(899));
        assert!(strikes.are_out());
        strikes.handle_timeout(at(900));
        assert!(!strikes.are_out(), "the first one is 15 minutes ago");
        strikes.forgive();
        assert_eq!(strikes.count(), 0);
    }

    #[test]
    fn what_people_wanted_is_no_strike() {
        let mut strikes = Strikes::new(0, (1, WITHIN), at(0));
        strikes.handle_state(Fallback, Some(FallbackCause::Person), at(0));
        strikes.handle_state(Autonomous, None, at(1));
        strikes.handle_state(Fallback, Some(FallbackCause::NotReady), at(2));
        assert!(!strikes.are_out());
    }

    #[test]
    fn strikes_on_record_count_from_now() {
        let mut strikes = Strikes::new(3, (3, WITHIN), at(100));
        assert!(strikes.are_out());
        strikes.handle_timeout(at(999));
        assert!(strikes.are_out());
        strikes.handle_timeout(at(1_000));
        assert!(!strikes.are_out());
    }
}
