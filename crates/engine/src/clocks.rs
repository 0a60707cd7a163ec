//! How a peer's clock stands to the monitor's: four timestamps, the sample with the shortest round trip wins.

use std::collections::VecDeque;
use watchkeeper_model::{AgentTime, MonoTime};
use watchkeeper_protocol::{operator::ClockOffset, record::Moment, session::Pong};

/// How many samples the filter looks at: about a quarter of a minute at one ping a second.
const WINDOW: usize = 16;

/// The offset estimate of one session.
#[derive(Clone, Debug, Default)]
pub(crate) struct PeerClock {
    samples: VecDeque<(u64, i64)>,
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
}
