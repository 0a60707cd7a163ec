//! Where the time of a decision goes inside the server: measured by the shell, since the engine has no clock.
//!
//! A span is known only here. The stages of a takeover, which have budgets, are the engine's (`takeover.md` 3.3).

use hdrhistogram::Histogram;
use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};
use watchkeeper_model::nanos;

/// Longest span that is told apart: a minute.
const LONGEST: Duration = Duration::from_mins(1);

/// A part of the way through the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Span {
    /// From a decision's arrival at its session to its turn at the engine.
    Queue,
    /// From its turn to the end of detection, with everything that follows from it in the engine.
    Detect,
    /// From the end of detection to an alert in a console's socket.
    Outbox,
    /// From the ledger thread's taking of a batch to its being on disk.
    Ledger,
}

impl Span {
    /// All spans, in the order in which a decision goes through them.
    pub const ALL: [Self; 4] = [Self::Queue, Self::Detect, Self::Outbox, Self::Ledger];

    /// Returns the word for it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Queue => "queue",
            Self::Detect => "detect",
            Self::Outbox => "outbox",
            Self::Ledger => "ledger",
        }
    }
}

/// How long each span took since the start, or since they were last taken.
#[derive(Debug)]
pub struct Spans {
    taken: [Mutex<Histogram<u64>>; Span::ALL.len()],
    #[cfg(feature = "planted-delays")]
    planted: Mutex<Option<(Span, Duration)>>,
}

impl Default for Spans {
    fn default() -> Self {
        Self {
            taken: Span::ALL.map(|_| Mutex::new(empty())),
            #[cfg(feature = "planted-delays")]
            planted: Mutex::new(None),
        }
    }
}

fn empty() -> Histogram<u64> {
    Histogram::new_with_bounds(1, nanos(LONGEST), 3).expect("1 ns to a minute is a valid range")
}

impl Spans {
    /// Adds one measurement.
    pub(crate) fn record(&self, span: Span, took: Duration) {
        let [queue, detect, outbox, ledger] = &self.taken;
        let histogram = match span {
            Span::Queue => queue,
            Span::Detect => detect,
            Span::Outbox => outbox,
            Span::Ledger => ledger,
        };
        histogram.lock().unwrap_or_else(PoisonError::into_inner).saturating_record(nanos(took).max(1));
    }

    /// Takes what was measured since the last call, in nanoseconds; the next call starts from nothing. A server with
    /// metrics takes them itself, once a second.
    pub fn take(&self) -> [(Span, Histogram<u64>); Span::ALL.len()] {
        let mut spans = Span::ALL.into_iter().zip(&self.taken).map(|(span, histogram)| {
            // Made before the lock is taken: who measures must not wait for it.
            let mut taken = empty();
            std::mem::swap(&mut *histogram.lock().unwrap_or_else(PoisonError::into_inner), &mut taken);
            (span, taken)
        });
        std::array::from_fn(|_| spans.next().expect("as many as there are spans"))
    }

    /// Makes every pass through `span` longer by so much, from now on; `None` ends it. It is how the benchmarks prove
    /// that they would notice.
    #[cfg(feature = "planted-delays")]
    pub fn plant(&self, planted: Option<(Span, Duration)>) {
        *self.planted.lock().unwrap_or_else(PoisonError::into_inner) = planted;
    }

    /// Wastes the time that was planted here, if any.
    #[cfg(feature = "planted-delays")]
    pub(crate) fn pause(&self, here: Span) {
        let planted = *self.planted.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, delay)) = planted.filter(|(span, _)| *span == here) {
            let until = crate::clock::Clock.now().after(delay);
            while crate::clock::Clock.now() < until {
                std::hint::spin_loop();
            }
        }
    }

    /// Nothing is planted in a server that people use.
    #[cfg(not(feature = "planted-delays"))]
    #[expect(clippy::unused_self, reason = "the same call as with planted delays")]
    pub(crate) const fn pause(&self, _here: Span) {}
}
