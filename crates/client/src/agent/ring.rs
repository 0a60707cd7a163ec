//! Decisions that the monitor's record does not hold safely yet.

use bytes::Bytes;
use std::collections::VecDeque;
use watchkeeper_model::DecisionSeq;

/// Most decisions that are kept to be sent again: 8,192, the length of the monitor's own queue to its record.
pub const RING: usize = 8_192;

/// The last decisions of this boot, encoded, oldest first and without holes.
#[derive(Clone, Debug, Default)]
pub(super) struct Ring {
    kept: VecDeque<(DecisionSeq, Bytes)>,
    last: DecisionSeq,
    durable: DecisionSeq,
    /// The highest handed out on this connection.
    sent: DecisionSeq,
    dropped: u64,
}

impl Ring {
    /// Returns the number that the next decision gets.
    pub(super) const fn next_seq(&self) -> DecisionSeq {
        self.last.next()
    }

    /// Keeps the next decision; the oldest makes room when there is none.
    pub(super) fn push(&mut self, frame: Bytes) -> DecisionSeq {
        if self.kept.len() >= RING {
            self.kept.pop_front();
            self.dropped = self.dropped.saturating_add(1);
        }
        self.last = self.last.next();
        self.kept.push_back((self.last, frame));
        self.last
    }

    /// Forgets what is safe: everything up to `seq`.
    pub(super) fn confirm(&mut self, seq: DecisionSeq) {
        // A monitor cannot have recorded what was never made.
        let seq = seq.min(self.last);
        self.durable = self.durable.max(seq);
        while self.kept.front().is_some_and(|(kept, _)| *kept <= self.durable) {
            self.kept.pop_front();
        }
    }

    /// Starts again after what is safe: the connection is a new one.
    pub(super) const fn rewind(&mut self) {
        self.sent = self.durable;
    }

    /// Returns the next decision that was not handed out on this connection.
    pub(super) fn next_unsent(&mut self) -> Option<Bytes> {
        let (first, _) = self.kept.front()?;
        let offset = self.sent.next().0.saturating_sub(first.0);
        let (seq, frame) = self.kept.get(usize::try_from(offset).ok()?)?;
        self.sent = *seq;
        Some(frame.clone())
    }

    /// Forgets everything, because the numbers start again with a new boot; what was kept counts as dropped.
    pub(super) fn restart(&mut self) {
        let lost = u64::try_from(self.kept.len()).unwrap_or(u64::MAX);
        *self = Self { dropped: self.dropped.saturating_add(lost), ..Self::default() };
    }

    pub(super) fn len(&self) -> usize {
        self.kept.len()
    }

    pub(super) const fn last(&self) -> DecisionSeq {
        self.last
    }

    pub(super) const fn durable(&self) -> DecisionSeq {
        self.durable
    }

    pub(super) const fn dropped(&self) -> u64 {
        self.dropped
    }
}
