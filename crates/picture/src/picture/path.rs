//! The way from this console to an agent and back, as its probes find it.

use super::Timed;
use crate::timers::{PROBE_EVERY, UNANSWERED_AFTER};
use std::{collections::VecDeque, time::Duration};
use watchkeeper_model::MonoTime;
use watchkeeper_protocol::operator::PathLatency;

/// How many probes are remembered that have no answer yet.
const UNANSWERED: usize = 4;

/// What this console asked about the way to an agent, and what came back.
///
/// Commands go the way of the probes, so what this says of the way there holds for them, whatever telemetry does.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PathPicture {
    asked_at: Option<MonoTime>,
    /// Number and time of the probes without an answer, oldest first.
    unanswered: VecDeque<(u64, MonoTime)>,
    /// When the newest probe left that is known to have come to the agent; the first, before there is one.
    through_at: Option<MonoTime>,
    answer: Option<Timed<PathLatency>>,
}

impl PathPicture {
    pub(super) fn handle_asked(&mut self, seq: u64, now: MonoTime) {
        if !self.asks(now) {
            *self = Self { through_at: Some(now), ..Self::default() };
        }
        self.asked_at = Some(now);
        if self.unanswered.len() >= UNANSWERED {
            self.unanswered.pop_front();
        }
        self.unanswered.push_back((seq, now));
    }

    pub(super) fn fold(&mut self, answer: &PathLatency, at: MonoTime) {
        let asked = self.unanswered.iter().find(|(seq, _)| *seq == answer.seq).map(|(_, at)| *at);
        self.unanswered.retain(|(seq, _)| *seq > answer.seq);
        // A recording holds the answers without the questions.
        self.asked_at = self.asked_at.max(Some(at));
        self.through_at = self.through_at.max(asked.or(Some(at)));
        self.answer = Some(Timed { value: answer.clone(), received_at: at });
    }

    /// Returns whether this console asks: it holds the agent, is about to, or looks at it.
    fn asks(&self, now: MonoTime) -> bool {
        self.asked_at.is_some_and(|at| now.since(at) < PROBE_EVERY * 3)
    }

    /// Returns how long ago the newest probe left that is known to have come through; `None` while this console does
    /// not ask.
    pub fn through_for(&self, now: MonoTime) -> Option<Duration> {
        self.through_at.filter(|_| self.asks(now)).map(|at| now.since(at))
    }

    /// Returns for how long nothing is known to have come through, once that is too long; `None` while the way to the
    /// agent and back works, or nobody asks.
    ///
    /// What was cut between two probes is noticed within [`UNANSWERED_AFTER`] of the cut, because no probe of later
    /// comes through. Where answers still come as often as they are asked for, the way is long, and not lost.
    pub fn lost_for(&self, now: MonoTime) -> Option<Duration> {
        let answered = self.answer.as_ref().is_some_and(|answer| now.since(answer.received_at) < PROBE_EVERY);
        self.through_for(now).filter(|span| *span >= UNANSWERED_AFTER && !answered)
    }

    /// Returns the newest answer, while this console asks and is answered.
    pub fn newest(&self, now: MonoTime) -> Option<&PathLatency> {
        let works = self.asks(now) && self.lost_for(now).is_none();
        self.answer.as_ref().filter(|_| works).map(|answer| &answer.value)
    }
}
