//! How a peer's clock stands to the monitor's: four timestamps, the sample with the shortest round trip wins. And how
//! long each direction last took.

use std::collections::VecDeque;
use watchkeeper_model::{AgentTime, MonoTime};
use watchkeeper_protocol::{operator::ClockOffset, record::Moment, session::Pong};

/// How many samples the filter looks at: about a quarter of a minute at one ping a second.
const WINDOW: usize = 16;

/// The offset estimate of one session, and the newest spans of both directions.
#[derive(Clone, Debug, Default)]
pub(crate) struct PeerClock {
    samples: VecDeque<(u64, i64)>,
    to_peer: Option<Leg>,
    from_peer: Option<Leg>,
}

/// One direction as it last took: its end on one clock, its beginning on the other. The offset between the two is
/// still in it, so it says something only together with the other direction, where the offset cancels out, or with
/// an estimate of the offset and its error.
#[derive(Clone, Copy, Debug)]
struct Leg {
    nanos: i64,
    /// When it became known, on the monitor's clock.
    at: MonoTime,
}

/// Both directions between the monitor and a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Directions {
    /// From the monitor to the peer, in nanoseconds, as the estimated offset has it.
    pub(crate) to_nanos: i64,
    /// From the peer to the monitor. The sum of both is free of the offset, and of its error.
    pub(crate) from_nanos: i64,
    /// How much of one may belong to the other.
    pub(crate) error_nanos: u64,
    /// When the older of the two became known.
    pub(crate) at: MonoTime,
}

impl PeerClock {
    /// Takes an answer to a ping, which came at `received_at`. Impossible times are left out.
    pub(crate) fn handle_pong(&mut self, pong: &Pong, received_at: MonoTime) {
        let total = received_at.as_nanos().checked_sub(pong.sent_nanos);
        let inside = pong.answered_nanos.checked_sub(pong.received_nanos);
        let (Some(total), Some(inside)) = (total, inside) else { return };
        let Some(round_trip) = total.checked_sub(inside) else { return };
        let there = i128::from(pong.received_nanos) - i128::from(pong.sent_nanos);
        let back = i128::from(pong.answered_nanos) - i128::from(received_at.as_nanos());
        let Ok(offset) = i64::try_from(i128::midpoint(there, back)) else { return };
        if self.samples.len() == WINDOW {
            self.samples.pop_front();
        }
        self.samples.push_back((round_trip, offset));
        self.handle_forth(pong.sent_nanos, pong.received_nanos, received_at);
        self.handle_back(pong.answered_nanos, received_at);
    }

    /// Takes note that something that left here at `sent_nanos` came to the peer at `received_nanos` of its clock, as
    /// is known since `at`.
    pub(crate) fn handle_forth(&mut self, sent_nanos: u64, received_nanos: u64, at: MonoTime) {
        self.to_peer = leg(sent_nanos, received_nanos, at).or(self.to_peer);
    }

    /// Takes note that something that left the peer at `sent_nanos` of its clock came here at `received_at`.
    pub(crate) fn handle_back(&mut self, sent_nanos: u64, received_at: MonoTime) {
        self.from_peer = leg(sent_nanos, received_at.as_nanos(), received_at).or(self.from_peer);
    }

    /// Returns how long both directions last took; `None` before both are known. Spans that are together less than
    /// nothing are impossible, and count as none.
    pub(crate) fn directions(&self) -> Option<Directions> {
        let (offset, to, from) = (self.offset()?, self.to_peer?, self.from_peer?);
        if to.nanos.checked_add(from.nanos)? < 0 {
            return None;
        }
        Some(Directions {
            to_nanos: to.nanos.checked_sub(offset.offset_nanos)?,
            from_nanos: from.nanos.checked_add(offset.offset_nanos)?,
            error_nanos: offset.error_nanos,
            at: to.at.min(from.at),
        })
    }

    /// Returns (peer clock - monitor clock) with its error bound: half of the shortest round trip.
    pub(crate) fn offset(&self) -> Option<ClockOffset> {
        self.samples.iter().min().map(|(round_trip, offset_nanos)| ClockOffset {
            offset_nanos: *offset_nanos,
            error_nanos: round_trip / 2,
        })
    }

    /// Returns a time of the peer's clock on the monitor's.
    pub(crate) fn moment(&self, peer_nanos: u64) -> Option<Moment> {
        let offset = self.offset()?;
        let nanos = i128::from(peer_nanos) - i128::from(offset.offset_nanos);
        let nanos = u64::try_from(nanos).ok()?;
        Some(Moment { at: MonoTime::from_nanos(nanos), error_nanos: offset.error_nanos })
    }

    /// Returns a time of an agent's clock on the monitor's.
    pub(crate) fn agent_moment(&self, at: AgentTime) -> Option<Moment> {
        self.moment(at.as_nanos())
    }
}

fn leg(begun_nanos: u64, ended_nanos: u64, at: MonoTime) -> Option<Leg> {
    let nanos = i64::try_from(i128::from(ended_nanos) - i128::from(begun_nanos)).ok()?;
    Some(Leg { nanos, at })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_offset_is_within_its_error_bound_and_the_best_sample_wins() {
        let mut clock = PeerClock::default();
        let skew = 5_000_000_000u64;
        // 4 ms there, 1 ms back; then 1 ms each way.
        for (sent, there, back) in
            [(10_000_000u64, 4_000_000u64, 1_000_000u64), (90_000_000, 1_000_000, 1_000_000)]
        {
            let pong = Pong {
                sent_nanos: sent,
                received_nanos: sent + there + skew,
                answered_nanos: sent + there + skew + 500_000,
            };
            clock.handle_pong(&pong, MonoTime::from_nanos(sent + there + 500_000 + back));
            let offset = clock.offset().unwrap();
            assert!(offset.offset_nanos.abs_diff(skew.try_into().unwrap()) <= offset.error_nanos);
        }
        assert_eq!(clock.offset().unwrap().error_nanos, 1_000_000);
        assert_eq!(clock.moment(skew + 7).unwrap().at, MonoTime::from_nanos(7));
    }

    #[test]
    fn an_impossible_answer_is_left_out() {
        let mut clock = PeerClock::default();
        let pong = Pong { sent_nanos: 100, received_nanos: 50, answered_nanos: 10 };
        clock.handle_pong(&pong, MonoTime::from_nanos(200));
        assert_eq!(clock.offset(), None);
    }

    #[test]
    fn each_direction_is_followed_apart_and_their_sum_is_exact_whatever_the_clocks_show() {
        let (skew, millis) = (7_000_000_000_000u64, 1_000_000u64);
        let mut clock = PeerClock::default();
        let mut exchange = |sent: u64, there: u64, back: u64| {
            let received = sent + there + skew;
            let pong = Pong { sent_nanos: sent, received_nanos: received, answered_nanos: received };
            clock.handle_pong(&pong, MonoTime::from_nanos(sent + there + back));
            clock.directions().unwrap()
        };
        let even = exchange(1_000 * millis, 2 * millis, 2 * millis);
        assert_eq!((even.to_nanos, even.from_nanos, even.error_nanos), (2_000_000, 2_000_000, 2_000_000));
        // Only the way there grows; the offset was learned before.
        let slow = exchange(2_000 * millis, 102 * millis, 2 * millis);
        assert_eq!((slow.to_nanos, slow.from_nanos, slow.error_nanos), (102_000_000, 2_000_000, 2_000_000));
        assert_eq!(slow.at, MonoTime::from_nanos(2_104 * millis));
    }

    #[test]
    fn what_was_slow_in_one_direction_from_the_start_is_within_the_error() {
        let mut clock = PeerClock::default();
        let pong = Pong { sent_nanos: 100, received_nanos: 5_300, answered_nanos: 5_300 };
        clock.handle_pong(&pong, MonoTime::from_nanos(300));
        let ways = clock.directions().unwrap();
        assert_eq!((ways.to_nanos + ways.from_nanos, ways.error_nanos), (200, 100));
        assert!((0..=200).contains(&ways.to_nanos));
    }

    #[test]
    fn spans_that_are_together_less_than_nothing_count_as_none() {
        let mut clock = PeerClock::default();
        let pong = Pong { sent_nanos: 100, received_nanos: 150, answered_nanos: 150 };
        clock.handle_pong(&pong, MonoTime::from_nanos(200));
        assert!(clock.directions().is_some());
        // Sent, as it says, long after it came.
        clock.handle_back(10_000, MonoTime::from_nanos(300));
        assert_eq!(clock.directions(), None);
        clock.handle_back(u64::MAX, MonoTime::from_nanos(300));
        assert_eq!(clock.directions(), None, "what no clock shows changes nothing");
    }
}
