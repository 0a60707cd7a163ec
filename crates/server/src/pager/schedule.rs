//! Which call is tried when: a machine without sockets, clock or disk.

use super::call::{Call, CallId};
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use watchkeeper_model::MonoTime;

/// Tries under way at once: what hangs at the receiver must not hold up the rest.
const PLACES: usize = 4;
/// Of these, for calls that failed before: what is new always finds a place that is soon free.
const PLACES_FOR_REPEATS: usize = 3;
/// Calls that wait; one more takes the place of the oldest, which helps nobody by then.
pub(crate) const MOST: usize = 1_000;

/// How long to wait before a call is tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retry {
    /// After the first failure.
    pub first: Duration,
    /// It doubles with each failure up to this.
    pub longest: Duration,
}

impl Default for Retry {
    /// From 1 s, within the time that a vehicle's demand leaves, to 60 s, which spares a receiver that is down for hours.
    fn default() -> Self {
        Self { first: Duration::from_secs(1), longest: Duration::from_mins(1) }
    }
}

impl Retry {
    /// Returns the wait after so many failures, from 1; `share` is random, 0 to 1, and adds up to a quarter, so that calls
    /// that failed together come back apart.
    fn wait(self, failures: u32, share: f64) -> Duration {
        let doublings = failures.saturating_sub(1);
        let wait = self.first.saturating_mul(2_u32.saturating_pow(doublings)).min(self.longest);
        wait + wait.mul_f64(share.clamp(0.0, 1.0) / 4.0)
    }
}

/// Where a call stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Due(MonoTime),
    UnderWay,
}

#[derive(Debug)]
struct Waiting {
    call: Arc<Call>,
    /// Counts up: the lowest is the oldest.
    number: u64,
    ends_at: MonoTime,
    failures: u32,
    /// It was left by an earlier run, and stands behind what is new.
    is_left_over: bool,
    state: State,
}

impl Waiting {
    const fn is_repeat(&self) -> bool {
        self.failures > 0 || self.is_left_over
    }
}

/// What follows from a failed try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum AfterFailure {
    /// It is tried again then.
    Again(MonoTime),
    /// Its time is over.
    GivenUp(Arc<Call>),
    /// It has given way to another meanwhile.
    Gone,
}

/// Calls that wait, and those under way.
#[derive(Debug)]
pub(crate) struct Schedule {
    retry: Retry,
    waiting: BTreeMap<CallId, Waiting>,
    admitted: u64,
}

impl Schedule {
    pub(crate) const fn new(retry: Retry) -> Self {
        Self { retry, waiting: BTreeMap::new(), admitted: 0 }
    }

    /// Takes a new call, to be tried at once and given up at `ends_at`; returns one that has to give way.
    pub(crate) fn handle_call(
        &mut self,
        call: Arc<Call>,
        ends_at: MonoTime,
        now: MonoTime,
    ) -> Option<Arc<Call>> {
        self.admit(call, ends_at, false, now)
    }

    /// The same for a call that an earlier run left.
    pub(crate) fn handle_left_over(
        &mut self,
        call: Arc<Call>,
        ends_at: MonoTime,
        now: MonoTime,
    ) -> Option<Arc<Call>> {
        self.admit(call, ends_at, true, now)
    }

    fn admit(
        &mut self,
        call: Arc<Call>,
        ends_at: MonoTime,
        is_left_over: bool,
        now: MonoTime,
    ) -> Option<Arc<Call>> {
        // The same call again is the same call.
        if self.waiting.contains_key(&call.id) {
            return None;
        }
        let gone = if self.waiting.len() >= MOST { self.take_oldest() } else { None };
        self.admitted += 1;
        let (number, state) = (self.admitted, State::Due(now));
        let id = call.id.clone();
        self.waiting.insert(id, Waiting { call, number, ends_at, failures: 0, is_left_over, state });
        gone
    }

    /// What is under way may be taken yet.
    fn take_oldest(&mut self) -> Option<Arc<Call>> {
        let rests = self.waiting.values().filter(|one| one.state != State::UnderWay);
        let id = rests.min_by_key(|one| one.number)?.call.id.clone();
        self.waiting.remove(&id).map(|one| one.call)
    }

    /// Returns a call to try now; it is under way from here on.
    pub(crate) fn poll_call(&mut self, now: MonoTime) -> Option<Arc<Call>> {
        let (due, id) = self.next()?;
        if due > now {
            return None;
        }
        let one = self.waiting.get_mut(&id)?;
        one.state = State::UnderWay;
        Some(Arc::clone(&one.call))
    }

    /// Returns when [`Self::poll_call`] has something.
    pub(crate) fn poll_timeout(&self) -> Option<MonoTime> {
        self.next().map(|(due, _)| due)
    }

    /// Returns which call has the next place and when: new ones first, then by when they are due.
    fn next(&self) -> Option<(MonoTime, CallId)> {
        let under_way = || self.waiting.values().filter(|one| one.state == State::UnderWay);
        if under_way().count() >= PLACES {
            return None;
        }
        let repeats_wait = under_way().filter(|one| one.is_repeat()).count() >= PLACES_FOR_REPEATS;
        let ready = self.waiting.values().filter_map(|one| match one.state {
            State::Due(at) => Some((one.is_repeat(), at, one.number, &one.call.id)),
            State::UnderWay => None,
        });
        let (_, at, _, id) = ready.filter(|(is_repeat, ..)| !(*is_repeat && repeats_wait)).min()?;
        Some((at, id.clone()))
    }

    /// The receiver took a call.
    pub(crate) fn handle_taken(&mut self, id: &CallId) {
        self.waiting.remove(id);
    }

    /// A try failed; `share` is random, 0 to 1. A call whose time is over was tried at least once in this run.
    pub(crate) fn handle_failure(&mut self, id: &CallId, share: f64, now: MonoTime) -> AfterFailure {
        let Some(one) = self.waiting.get_mut(id) else { return AfterFailure::Gone };
        if now >= one.ends_at {
            let gone = Arc::clone(&one.call);
            self.waiting.remove(id);
            return AfterFailure::GivenUp(gone);
        }
        one.failures = one.failures.saturating_add(1);
        // The last try is at the very end.
        let again = now.after(self.retry.wait(one.failures, share)).min(one.ends_at);
        one.state = State::Due(again);
        AfterFailure::Again(again)
    }

    /// Returns how many calls wait or are under way.
    pub(crate) fn len(&self) -> usize {
        self.waiting.len()
    }
}
