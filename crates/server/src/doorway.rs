//! Connections that have not said hello yet: a bounded number, and the oldest makes room for the newest.
//!
//! Refusing the newest instead would let a handful of silent connections keep every honest client out until
//! their deadline; an honest client says hello within milliseconds, long before it is the oldest of 64.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::sync::oneshot;

/// The connections that wait.
#[derive(Debug)]
pub(crate) struct Doorway {
    room: usize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    next: u64,
    waiting: BTreeMap<u64, oneshot::Sender<()>>,
}

/// The place of one connection; dropping it makes room.
#[derive(Debug)]
pub(crate) struct Ticket {
    number: u64,
    evicted: oneshot::Receiver<()>,
    doorway: Arc<Doorway>,
}

impl Doorway {
    /// Makes a doorway with room for this many connections.
    pub(crate) fn new(room: usize) -> Arc<Self> {
        Arc::new(Self { room: room.max(1), state: Mutex::new(State::default()) })
    }

    /// Lets a connection in; the oldest leaves when there is no room.
    pub(crate) fn enter(self: &Arc<Self>) -> Ticket {
        let (evict, evicted) = oneshot::channel();
        let mut state = self.state();
        if state.waiting.len() >= self.room {
            // Dropping the sender tells the connection to leave.
            state.waiting.pop_first();
        }
        let number = state.next;
        state.next += 1;
        state.waiting.insert(number, evict);
        drop(state);
        Ticket { number, evicted, doorway: Arc::clone(self) }
    }

    /// Tells everybody to leave.
    pub(crate) fn evict_all(&self) {
        self.state().waiting.clear();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ticket {
    /// Waits until the connection must leave.
    pub(crate) async fn evicted(&mut self) {
        // Nothing is ever sent; the sender is dropped.
        (&mut self.evicted).await.unwrap_or_default();
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.doorway.state().waiting.remove(&self.number);
    }
}
