//! Connections that have not said hello yet: a bounded number, and the oldest makes room for the newest.
//!
//! Refusing the newest instead would let a handful of silent connections keep every honest client out until
//! their deadline; an honest client says hello within milliseconds, long before it is the oldest of 64.
//!
//! One machine elsewhere has a quarter of the places, and makes room among its own: a crowd from one address shows
//! nobody else out. This machine's own address is everybody's who sits behind a tunnel, so it has no such share.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv6Addr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::sync::oneshot;

/// One machine elsewhere may have this part of the places.
const SHARE: usize = 4;

/// The connections that wait.
#[derive(Debug)]
pub(crate) struct Doorway {
    room: usize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    next: u64,
    waiting: BTreeMap<u64, Waiting>,
}

#[derive(Debug)]
struct Waiting {
    /// `None`: this machine.
    peer: Option<IpAddr>,
    /// Dropping it tells the connection to leave.
    _evict: oneshot::Sender<()>,
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

    /// Lets a connection in. The oldest leaves when there is no room, or the oldest of the same peer when that one has
    /// its share.
    pub(crate) fn enter(self: &Arc<Self>, peer: IpAddr) -> Ticket {
        let peer = machine_of(peer);
        let (evict, evicted) = oneshot::channel();
        let mut state = self.state();
        let oldest = {
            let mut of_peer = state.waiting.iter().filter(|(_, one)| peer.is_some() && one.peer == peer);
            let oldest = of_peer.next().map(|(number, _)| *number);
            oldest.filter(|_| of_peer.count() + 1 >= (self.room / SHARE).max(1))
        };
        if let Some(oldest) = oldest {
            state.waiting.remove(&oldest);
        } else if state.waiting.len() >= self.room {
            state.waiting.pop_first();
        }
        let number = state.next;
        state.next += 1;
        state.waiting.insert(number, Waiting { peer, _evict: evict });
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

/// Returns what stands for one machine: its address, in IPv6 the network of 64 bits that one machine has to itself.
fn machine_of(peer: IpAddr) -> Option<IpAddr> {
    let machine = match peer.to_canonical() {
        IpAddr::V6(address) if !address.is_loopback() => {
            Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into()
        }
        address @ (IpAddr::V4(_) | IpAddr::V6(_)) => address,
    };
    (!machine.is_loopback()).then_some(machine)
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;

    fn enter(doorway: &Arc<Doorway>, peer: &str) -> Ticket {
        doorway.enter(peer.parse().unwrap())
    }

    fn must_leave(ticket: &mut Ticket) -> bool {
        ticket.evicted().now_or_never().is_some()
    }

    #[test]
    fn one_machine_elsewhere_makes_room_among_its_own() {
        let doorway = Doorway::new(16);
        let mut honest = enter(&doorway, "10.0.0.1");
        let mut crowd: Vec<Ticket> = (0..6).map(|_| enter(&doorway, "10.0.0.66")).collect();
        assert!(!must_leave(&mut honest));
        let left: Vec<bool> = crowd.iter_mut().map(must_leave).collect();
        assert_eq!(left, [true, true, false, false, false, false], "four places of sixteen are its own");
    }

    #[test]
    fn the_addresses_of_one_network_of_ipv6_count_as_one_machine() {
        let doorway = Doorway::new(8);
        let mut tickets: Vec<Ticket> = (0..3).map(|n| enter(&doorway, &format!("2001:db8::{n:x}"))).collect();
        let mut other = enter(&doorway, "2001:db8:0:1::1");
        assert!(must_leave(&mut tickets[0]) && !must_leave(&mut tickets[1]) && !must_leave(&mut other));
    }

    #[test]
    fn this_machine_has_every_place_and_the_oldest_leaves_first() {
        let doorway = Doorway::new(4);
        let peers = ["127.0.0.1", "::1", "::ffff:127.0.0.1", "127.0.0.9", "127.0.0.1"];
        let mut tickets: Vec<Ticket> = peers.iter().map(|peer| enter(&doorway, peer)).collect();
        let left: Vec<bool> = tickets.iter_mut().map(must_leave).collect();
        assert_eq!(left, [true, false, false, false, false]);
    }

    #[test]
    fn who_left_makes_room() {
        let doorway = Doorway::new(4);
        let mut first = enter(&doorway, "10.0.0.1");
        drop(enter(&doorway, "10.0.0.2"));
        drop(enter(&doorway, "10.0.0.3"));
        let _others: Vec<Ticket> = (4..7).map(|n| enter(&doorway, &format!("10.0.0.{n}"))).collect();
        assert!(!must_leave(&mut first));
    }
}
