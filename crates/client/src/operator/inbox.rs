//! What came from the monitor and was not taken yet: old telemetry may be lost, nothing else.

use super::Wake;
use std::{
    collections::VecDeque,
    sync::{
        Mutex, MutexGuard,
        atomic::{AtomicU64, Ordering},
    },
};
use tokio::sync::Notify;
use watchkeeper_model::{BearerToken, MonoTime};
use watchkeeper_protocol::ToOperator;

/// Most messages that wait: the deltas of a fleet of a thousand agents over several seconds.
pub(super) const MAX_WAITING: usize = 4_096;

/// Something for the core.
#[derive(Debug)]
pub(super) enum Item {
    /// The socket is open.
    Opened { connection: u64, token: Option<BearerToken>, at: MonoTime },
    /// A message came.
    Message { message: Box<ToOperator>, at: MonoTime },
    /// The connection is gone.
    Lost { reason: String, at: MonoTime },
    /// There is nothing more to come.
    End,
}

/// The queue between the link's task and the console's loop.
#[derive(Debug, Default)]
pub(super) struct Inbox {
    items: Mutex<VecDeque<Item>>,
    arrived: Notify,
    wake: Option<Wake>,
    dropped_telemetry: AtomicU64,
}

impl Inbox {
    /// Makes an empty queue that calls `wake` whenever something came that hurries.
    pub(super) fn new(wake: Option<Wake>) -> Self {
        Self { wake, ..Self::default() }
    }

    /// Adds a message. Returns false when there is no room for it, not even in place of old telemetry.
    #[must_use]
    pub(super) fn push_message(&self, message: Box<ToOperator>, at: MonoTime) -> bool {
        let hurries = hurries(&message);
        {
            let mut items = self.lock();
            if items.len() >= MAX_WAITING {
                let is_telemetry = |item: &Item| matches!(item, Item::Message { message, .. } if matches!(**message, ToOperator::Telemetry(_)));
                let oldest = items.iter().position(is_telemetry);
                let newest_is_telemetry = matches!(*message, ToOperator::Telemetry(_));
                if oldest.is_some() || newest_is_telemetry {
                    self.dropped_telemetry.fetch_add(1, Ordering::Relaxed);
                }
                match oldest {
                    Some(oldest) => drop(items.remove(oldest)),
                    None if newest_is_telemetry => return true,
                    None => return false,
                }
            }
            items.push_back(Item::Message { message, at });
        }
        if hurries {
            self.tell();
        } else {
            self.arrived.notify_one();
        }
        true
    }

    /// Adds the news that the connection is open. At most two such items wait for each loss.
    pub(super) fn push_opened(&self, connection: u64, token: Option<BearerToken>, at: MonoTime) {
        self.lock().push_back(Item::Opened { connection, token, at });
        self.tell();
    }

    /// Adds the news that the connection is gone. What came before it stays; earlier connections whose
    /// messages nobody has begun to take are forgotten, so that a console that sleeps piles nothing up.
    pub(super) fn push_lost(&self, reason: String, at: MonoTime) {
        {
            let mut items = self.lock();
            if let Some(first) = items.iter().position(|item| matches!(item, Item::Opened { .. })) {
                items.truncate(first);
            }
            // A loss after a loss says nothing new.
            while matches!(items.back(), Some(Item::Lost { .. })) {
                items.pop_back();
            }
            items.push_back(Item::Lost { reason, at });
        }
        self.tell();
    }

    /// Forgets messages that were not taken: they are asked for again.
    pub(super) fn forget(&self) {
        self.lock().clear();
    }

    /// Says that nothing more will come.
    pub(super) fn push_end(&self) {
        self.lock().push_back(Item::End);
        self.tell();
    }

    /// Returns the next item, if there is one.
    pub(super) fn try_pop(&self) -> Option<Item> {
        self.lock().pop_front()
    }

    /// Waits for the next item. Cancel-safe.
    pub(super) async fn pop(&self) -> Item {
        loop {
            if let Some(item) = self.try_pop() {
                return item;
            }
            self.arrived.notified().await;
        }
    }

    /// Returns how much telemetry was dropped here.
    pub(super) fn dropped_telemetry(&self) -> u64 {
        self.dropped_telemetry.load(Ordering::Relaxed)
    }

    /// Says that something came that hurries; never while the queue is locked.
    fn tell(&self) {
        self.arrived.notify_one();
        if let Some(wake) = &self.wake {
            wake.call();
        }
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Item>> {
        self.items.lock().expect("nobody panics while holding this lock")
    }
}

/// Says whether a loop that draws should draw at once for it. What comes many times a second, with or without
/// news in it, waits for the frame that comes anyway.
const fn hurries(message: &ToOperator) -> bool {
    match message {
        ToOperator::Welcome(_)
        | ToOperator::Snapshot(_)
        | ToOperator::Alert(_)
        | ToOperator::CommandStatus(_)
        | ToOperator::Lease(_)
        | ToOperator::Takeover(_)
        | ToOperator::Error(_) => true,
        ToOperator::ControlStatus(_)
        | ToOperator::Telemetry(_)
        | ToOperator::Roster(_)
        | ToOperator::Dropped(_)
        | ToOperator::Health(_)
        | ToOperator::Head(_)
        | ToOperator::Ping(_)
        | ToOperator::Probed(_) => false,
        ToOperator::Access(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use watchkeeper_model::{AgentId, DecisionSeq, Label};
    use watchkeeper_protocol::{
        operator::{Dropped, Telemetry},
        session::{ErrorCode, ErrorReport},
    };

    fn telemetry(seq: u64) -> Box<ToOperator> {
        Box::new(ToOperator::Telemetry(Telemetry {
            agent: AgentId::new("truck-1").unwrap(),
            seq: DecisionSeq(seq),
            received_at: MonoTime::default(),
            action: Label::default(),
            confidence: None,
            signals: Vec::new(),
            score: 0.0,
            pose: None,
            plan: Vec::new(),
        }))
    }

    fn control() -> Box<ToOperator> {
        Box::new(ToOperator::Dropped(Dropped { telemetry: 1 }))
    }

    fn error() -> Box<ToOperator> {
        Box::new(ToOperator::Error(ErrorReport {
            code: ErrorCode::Forbidden,
            message: watchkeeper_model::Note::cut("no"),
            kind: None,
            field: None,
        }))
    }

    fn push(inbox: &Inbox, message: Box<ToOperator>) -> bool {
        inbox.push_message(message, MonoTime::default())
    }

    #[test]
    fn a_full_inbox_drops_the_oldest_telemetry_and_counts_it_and_never_drops_control() {
        let inbox = Inbox::default();
        assert!(push(&inbox, control()));
        for seq in 1..MAX_WAITING as u64 {
            assert!(push(&inbox, telemetry(seq)));
        }
        assert_eq!(inbox.dropped_telemetry(), 0);
        assert!(push(&inbox, control()));
        assert_eq!(inbox.dropped_telemetry(), 1);
        let is_first_telemetry =
            |item: &Item| matches!(item, Item::Message { message, .. } if **message == *telemetry(1));
        assert!(!inbox.lock().iter().any(is_first_telemetry));
        for _ in 2..MAX_WAITING {
            assert!(push(&inbox, control()));
        }
        assert!(push(&inbox, telemetry(1)), "dropped, and counted");
        assert!(!push(&inbox, control()), "there is no room, and nothing that may be lost");
        assert_eq!(inbox.dropped_telemetry(), MAX_WAITING as u64);
    }

    #[test]
    fn a_loop_that_sleeps_is_woken_for_what_hurries_and_may_take_it_at_once() {
        let inbox = std::sync::Arc::new_cyclic(|inbox: &std::sync::Weak<Inbox>| {
            let inbox = inbox.clone();
            Inbox::new(Some(Wake::new(move || {
                let taken = inbox.upgrade().unwrap().try_pop();
                assert!(taken.is_some(), "woken for nothing");
            })))
        });
        assert!(push(&inbox, error()));
        inbox.push_opened(1, None, MonoTime::default());
        inbox.push_lost("refused".to_owned(), MonoTime::default());
        inbox.push_end();
        assert!(inbox.try_pop().is_none(), "each was taken when it came");
        assert!(push(&inbox, telemetry(1)) && push(&inbox, control()));
        assert_eq!(inbox.lock().len(), 2, "these wait for the next frame");
    }

    #[test]
    fn attempts_that_nobody_watches_pile_nothing_up() {
        let inbox = Inbox::default();
        assert!(push(&inbox, control()));
        for connection in 0..100 {
            inbox.push_opened(connection, None, MonoTime::default());
            inbox.push_lost("refused".to_owned(), MonoTime::default());
        }
        let (first, second) = (inbox.try_pop(), inbox.try_pop());
        assert!(matches!(first, Some(Item::Message { .. })), "what came before stays");
        assert!(matches!(second, Some(Item::Lost { .. })));
        assert!(inbox.try_pop().is_none());
    }
}
