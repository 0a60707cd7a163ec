//! How long the ways between a console and an agent are, put together from what is measured of each session.
//!
//! Both directions are measured apart, each with the error of the clocks. For the limits their sum counts, together
//! with the display and the actuation. In the sum the errors cancel out, since what is too little in one direction is
//! too much in the other: to add them on top would count the same time twice.

use crate::clocks::PeerClock;
use std::{collections::VecDeque, time::Duration};
use watchkeeper_model::{MonoTime, nanos};
use watchkeeper_protocol::operator::{ConsoleKind, LatencyParts, OneWay};
use watchkeeper_takeover::latency::UNKNOWN_AFTER;

/// How many probes of one console may be on their way to an agent; above it the oldest counts as lost.
const ON_THEIR_WAY: usize = 4;

/// A console that has left out three probes asks no more; if it is its own way that is lost, its pings say so.
const ASKS_NO_MORE: Duration = Duration::from_secs(3);

/// What is known of the latency of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Latency {
    /// So long it takes.
    Known(LatencyParts),
    /// Nothing was measured yet, and it is too early to miss it.
    NotYet,
    /// No answer came for too long.
    Lost,
}

/// One end of a path.
#[derive(Clone, Copy, Debug)]
pub(crate) struct End<'a> {
    pub(crate) clock: &'a PeerClock,
    pub(crate) connected_at: MonoTime,
    /// What this end itself needs: the console to show, the agent to obey.
    pub(crate) own: Duration,
}

impl End<'_> {
    /// Says since when this end was heard of in both directions, at least.
    fn heard_at(&self) -> Option<MonoTime> {
        self.clock.directions().map(|ways| ways.at)
    }
}

impl Latency {
    /// Puts a path together.
    pub(crate) fn of(console: End<'_>, agent: End<'_>, now: MonoTime) -> Self {
        let is_recent = |at: MonoTime| now.since(at) < UNKNOWN_AFTER;
        let silent = [console, agent].into_iter().filter(|end| !end.heard_at().is_some_and(is_recent));
        match silent.map(|end| is_recent(end.connected_at)).reduce(|one, other| one && other) {
            None => parts(console, agent).map_or(Self::Lost, Self::Known),
            Some(true) => Self::NotYet,
            Some(false) => Self::Lost,
        }
    }

    /// Returns the total, where it is known.
    pub(crate) fn total(self) -> Option<Duration> {
        match self {
            Self::Known(parts) => Some(Duration::from_nanos(parts.total_nanos)),
            Self::NotYet | Self::Lost => None,
        }
    }
}

fn parts(console: End<'_>, agent: End<'_>) -> Option<LatencyParts> {
    let (near, far) = (console.clock.directions()?, agent.clock.directions()?);
    // Within its error a direction may come out as less than nothing; then nothing is nearest to the truth.
    let error_nanos = near.error_nanos.saturating_add(far.error_nanos);
    let one_way = |first: i64, then: i64| {
        Some(OneWay { nanos: u64::try_from(first.checked_add(then)?).unwrap_or(0), error_nanos })
    };
    let both = [near.to_nanos, near.from_nanos, far.to_nanos, far.from_nanos];
    let both = both.into_iter().try_fold(0i64, i64::checked_add)?;
    let [display_nanos, actuate_nanos] = [console.own, agent.own].map(nanos);
    Some(LatencyParts {
        downlink: one_way(far.from_nanos, near.to_nanos)?,
        display_nanos,
        uplink: one_way(near.from_nanos, far.to_nanos)?,
        actuate_nanos,
        total_nanos: u64::try_from(both).ok()?.saturating_add(display_nanos).saturating_add(actuate_nanos),
    })
}

/// Returns how long a console of this kind is taken to need from an arrival to the presented frame until it says: a
/// frame at the 20 Hz at which a holder's console draws. Nobody looks at a script, which acts at once.
pub(crate) const fn assumed_display(kind: ConsoleKind) -> Duration {
    match kind {
        ConsoleKind::Window | ConsoleKind::Headless | ConsoleKind::Text => Duration::from_millis(50),
        ConsoleKind::Scripted => Duration::ZERO,
    }
}

/// What is wrong with the way between an agent and who drives it, as people are told.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct PathTrouble {
    /// The alert that stands.
    pub(crate) told: Option<Trouble>,
    /// Since when it would be over.
    pub(crate) fine_since: Option<MonoTime>,
}

/// What can be wrong with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// It takes longer than anybody may begin to drive with.
    TooLong,
    /// Nobody knows how long it takes.
    Unknown,
}

/// The probes of one console to one agent.
#[derive(Debug, Default)]
pub(crate) struct Probes {
    newest: u64,
    /// When the newest came here.
    sent_at: Option<MonoTime>,
    /// Number and arrival here of those that are not answered, oldest first.
    on_their_way: VecDeque<(u64, MonoTime)>,
    /// When the newest answer came, or the first of the probes before there was one.
    answered_at: Option<MonoTime>,
}

impl Probes {
    /// Takes a probe of the console; returns false for one that came before.
    pub(crate) fn handle_sent(&mut self, seq: u64, received_at: MonoTime) -> bool {
        if seq <= self.newest {
            return false;
        }
        if self.is_idle(received_at) {
            // Whoever has not asked for a while has missed nothing.
            self.on_their_way.clear();
            self.answered_at = Some(received_at);
        }
        (self.newest, self.sent_at) = (seq, Some(received_at));
        if self.on_their_way.len() >= ON_THEIR_WAY {
            self.on_their_way.pop_front();
        }
        self.on_their_way.push_back((seq, received_at));
        true
    }

    /// Takes an answer of the agent; returns when its probe had come here, `None` for one that nobody waits for.
    pub(crate) fn handle_answer(&mut self, seq: u64, received_at: MonoTime) -> Option<MonoTime> {
        let (_, sent_at) = self.on_their_way.iter().find(|(number, _)| *number == seq).copied()?;
        self.on_their_way.retain(|(number, _)| *number > seq);
        self.answered_at = Some(received_at);
        Some(sent_at)
    }

    /// Returns whether the console asks no more, or not yet.
    pub(crate) fn is_idle(&self, now: MonoTime) -> bool {
        self.sent_at.is_none_or(|at| now.since(at) >= ASKS_NO_MORE)
    }

    /// Returns whether answers are missing.
    pub(crate) fn is_lost(&self, now: MonoTime) -> bool {
        let silent = self.answered_at.is_some_and(|at| now.since(at) >= UNKNOWN_AFTER);
        silent && !self.on_their_way.is_empty() && !self.is_idle(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use watchkeeper_protocol::session::Pong;

    const SKEW: u64 = 9_000_000_000;

    fn at(millis: u64) -> MonoTime {
        MonoTime::from_nanos(millis * 1_000_000)
    }

    /// The clock of a peer that was asked at `sent` and is `there` and `back` away, all in milliseconds.
    fn clock(sent: u64, there: u64, back: u64) -> PeerClock {
        let mut clock = PeerClock::default();
        let received_nanos = (sent + there) * 1_000_000 + SKEW;
        let pong = Pong { sent_nanos: sent * 1_000_000, received_nanos, answered_nanos: received_nanos };
        clock.handle_pong(&pong, at(sent + there + back));
        clock
    }

    fn end(clock: &PeerClock, connected: u64, own: u64) -> End<'_> {
        End { clock, connected_at: at(connected), own: Duration::from_millis(own) }
    }

    #[test]
    fn the_total_is_all_four_parts_and_the_errors_of_both_sessions_add_up() {
        let (console, agent) = (clock(1_000, 20, 20), clock(1_000, 30, 30));
        let latency = Latency::of(end(&console, 0, 15), end(&agent, 0, 40), at(2_000));
        let Latency::Known(parts) = latency else { panic!("{latency:?}") };
        let millis = |nanos: u64| nanos / 1_000_000;
        assert_eq!((millis(parts.uplink.nanos), millis(parts.uplink.error_nanos)), (50, 50));
        assert_eq!((millis(parts.downlink.nanos), millis(parts.downlink.error_nanos)), (50, 50));
        assert_eq!(millis(parts.total_nanos), 20 + 20 + 30 + 30 + 15 + 40);
        assert_eq!(latency.total(), Some(Duration::from_millis(155)));
    }

    #[test]
    fn a_figure_holds_for_less_than_one_and_a_half_seconds_and_a_young_session_is_not_lost() {
        let (fresh, old) = (clock(9_000, 1, 1), clock(1_000, 0, 0));
        let of = |now| Latency::of(end(&old, 0, 0), end(&fresh, 0, 0), at(now));
        let (known, lost) = (clock(8_001, 0, 0), Latency::Lost);
        assert!(matches!(Latency::of(end(&known, 0, 0), end(&fresh, 0, 0), at(9_500)), Latency::Known(_)));
        assert_eq!(Latency::of(end(&known, 0, 0), end(&fresh, 0, 0), at(9_501)), lost);
        assert_eq!(of(9_500), lost);
        let never = PeerClock::default();
        assert_eq!(Latency::of(end(&never, 8_000, 0), end(&fresh, 0, 0), at(9_499)), Latency::NotYet);
        assert_eq!(Latency::of(end(&never, 8_000, 0), end(&fresh, 0, 0), at(9_500)), lost);
        // Who is lost is lost, whoever else has just come.
        assert_eq!(Latency::of(end(&never, 9_000, 0), end(&old, 0, 0), at(9_500)), lost);
        assert_eq!((lost.total(), Latency::NotYet.total()), (None, None));
    }

    #[test]
    fn probes_without_answers_are_missed_after_one_and_a_half_seconds_and_only_while_they_are_sent() {
        let mut probes = Probes::default();
        assert!(probes.handle_sent(1, at(0)) && !probes.handle_sent(1, at(1)), "a copy is none");
        assert_eq!(probes.handle_answer(1, at(100)), Some(at(0)));
        assert_eq!(probes.handle_answer(1, at(100)), None, "answered already");
        assert!(probes.handle_sent(2, at(1_000)));
        assert!(!probes.is_lost(at(1_599)));
        assert!(probes.is_lost(at(1_600)), "1.5 s after the last answer");
        // A late answer is one, of its own probe.
        assert!(probes.handle_sent(3, at(2_000)));
        assert_eq!(probes.handle_answer(2, at(2_200)), Some(at(1_000)));
        assert!(!probes.is_lost(at(2_200)));
        assert!(probes.is_lost(at(3_700)));
        assert!(!probes.is_idle(at(4_999)) && probes.is_idle(at(5_000)) && !probes.is_lost(at(5_000)));
        // Asking again begins anew.
        assert!(probes.handle_sent(4, at(9_000)));
        assert!(!probes.is_lost(at(10_499)));
        assert!(probes.is_lost(at(10_500)));
    }

    #[test]
    fn of_many_probes_on_their_way_the_oldest_is_forgotten() {
        let mut probes = Probes::default();
        for seq in 1..=5 {
            assert!(probes.handle_sent(seq, at(seq * 100)));
        }
        assert_eq!(probes.handle_answer(1, at(900)), None);
        assert_eq!(probes.handle_answer(2, at(900)), Some(at(200)));
        assert_eq!(probes.handle_answer(7, at(900)), None, "never sent");
        assert_eq!(probes.handle_answer(5, at(950)), Some(at(500)));
        assert_eq!(probes.handle_answer(4, at(960)), None, "overtaken");
    }
}
