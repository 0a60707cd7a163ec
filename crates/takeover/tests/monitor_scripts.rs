//! The monitor's side, step by step: the lease book, the mirror, and the timers that a configuration may set.

use std::time::Duration;
use watchkeeper_model::{AgentKind, AgentTime, BootId, ControlState, Epoch, MonoTime, PersonId, SessionId};
use watchkeeper_takeover::{LeaseBook, LeaseRefusal, Mirror, Timers};

const TTL: Duration = Duration::from_secs(3);
const TEN: Duration = Duration::from_secs(10);
const ADA: SessionId = SessionId(1);
const BOB: SessionId = SessionId(2);

fn at(millis: u64) -> MonoTime {
    MonoTime::from_nanos(millis * 1_000_000)
}

fn person(name: &str) -> PersonId {
    PersonId::new(name).expect("the name is well formed")
}

/// Ada holds the lease until 3 s.
fn held() -> LeaseBook {
    let mut book = LeaseBook::default();
    book.grant(person("ada"), ADA, TTL, at(0)).expect("nobody holds it");
    book
}

#[test]
fn without_a_lease_an_epoch_is_stale_and_none_is_held() {
    let book = LeaseBook::new(Epoch(5));
    let stale = LeaseRefusal::StaleEpoch { found: Epoch(5), live: Epoch(0) };
    assert_eq!(book.authorize(ADA, Epoch(5), at(0)), Err(stale));
    assert_eq!(book.authorize(ADA, Epoch(0), at(0)), Err(LeaseRefusal::NotHeld));
}

#[test]
fn a_lease_that_lapses_now_is_asked_for_by_nobody_and_its_holder_answers_nobody() {
    let mut book = held();
    let wish = book.ask((person("bob"), BOB), None, TEN, at(2_999)).unwrap().request_id;
    assert_eq!(book.answer(ADA, wish, at(3_000)), Err(LeaseRefusal::NotHeld));
    assert_eq!(book.drop_wish().map(|wish| wish.request_id), Some(wish));
    assert_eq!(book.ask((person("bob"), BOB), None, TEN, at(3_000)), Err(LeaseRefusal::NotHeld));
    assert!(book.wish().is_none());
}

#[test]
fn only_the_holder_says_whether_others_may_take_over_without_asking() {
    let mut book = held();
    let epoch = book.lease().unwrap().epoch;
    assert!(book.allow_takeover(BOB, epoch, true, at(1)).is_err());
    assert!(!book.lease().unwrap().takeover_allowed);
    book.allow_takeover(ADA, epoch, true, at(1)).unwrap();
    assert!(book.lease().unwrap().takeover_allowed);
}

#[test]
fn who_is_next_is_so_in_his_session_and_under_his_epoch_and_from_the_announcement_on() {
    let mut book = held();
    let next = book.grant_next((person("bob"), BOB), false, (TEN, TTL), at(0)).unwrap().lease.epoch;
    assert!(book.authorize_next(BOB, next, at(1)));
    assert!(!book.authorize_next(ADA, next, at(1)));
    assert!(!book.authorize_next(BOB, next.next(), at(1)));
    book.announce_next(TEN, TTL, at(2_000));
    assert!(book.authorize_next(BOB, next, at(4_999)));
    assert!(!book.authorize_next(BOB, next, at(5_000)));
    assert_eq!(book.end_next().map(|next| next.lapses_at()), Some(at(5_000)));
}

#[test]
fn a_mirror_says_what_the_agent_said_last_and_when() {
    let boot_id = BootId(uuid::Uuid::from_u128(7));
    let mut mirror = Mirror::new(boot_id, ControlState::Requested, at(0));
    assert_eq!((mirror.boot_id(), mirror.state()), (boot_id, ControlState::Requested));
    assert_eq!(mirror.poll_timeout(TTL), Some(at(3_000)));
    assert!(!mirror.handle_heartbeat(ControlState::Human, AgentTime::from_nanos(5), at(1_000)));
    assert_eq!(mirror.state(), ControlState::Human);
    assert_eq!(mirror.agent_clock(), (AgentTime::from_nanos(5), at(1_000)));
    assert_eq!(mirror.poll_timeout(TTL), Some(at(4_000)));
}

#[test]
fn an_agent_that_comes_back_is_there_and_must_settle_again() {
    let mut mirror = Mirror::new(BootId(uuid::Uuid::nil()), ControlState::Autonomous, at(0));
    for millis in 1..=3 {
        assert!(!mirror.is_settled());
        mirror.handle_heartbeat(ControlState::Autonomous, AgentTime::from_nanos(millis), at(millis));
    }
    assert!(mirror.is_settled() && mirror.is_connected());
    mirror.handle_disconnected(at(10));
    assert!(!mirror.is_settled() && !mirror.is_connected());
    assert_eq!((mirror.offline_since(), mirror.poll_timeout(TTL)), (Some(at(10)), None));
    mirror.handle_reconnected(ControlState::Fallback, at(5_000));
    assert!(!mirror.is_settled() && mirror.is_connected());
    assert_eq!((mirror.offline_since(), mirror.state()), (None, ControlState::Fallback));
    assert_eq!(mirror.poll_timeout(TTL), Some(at(8_000)));
}

#[test]
fn timers_that_do_not_fit_each_other_are_refused_at_the_very_border() {
    let vehicle = || Timers::for_kind(AgentKind::Vehicle);
    let secs = Duration::from_secs;
    let refused = |timers: Timers| timers.check().err().map(|error| error.field);
    for escalate in [[secs(4), secs(4)], [secs(5), secs(4)], [secs(4), secs(10)], [secs(4), secs(11)]] {
        assert_eq!(refused(Timers { escalate, ..vehicle() }), Some("escalate_secs"), "{escalate:?}");
    }
    assert_eq!(refused(Timers { stable: vehicle().transition, ..vehicle() }), Some("stable_secs"));
    let half = vehicle().agent / 2;
    assert_eq!(refused(Timers { heartbeat: half, ..vehicle() }), None);
    let more = half + Duration::from_nanos(1);
    assert_eq!(refused(Timers { heartbeat: more, ..vehicle() }), Some("heartbeat_secs"));
}

#[test]
fn timers_are_written_and_read_in_seconds_and_none_is_longer_than_a_day() {
    let timers = Timers::for_kind(AgentKind::Vehicle);
    let written = serde_json::to_value(&timers).unwrap();
    assert_eq!(written["verify_secs"], 0.8);
    assert_eq!(written["escalate_secs"], serde_json::json!([4.0, 7.0]));
    assert_eq!(serde_json::from_value::<Timers>(written.clone()).unwrap(), timers);
    for (secs, is_valid) in [(0.0, true), (86_400.0, true), (86_400.1, false), (-0.1, false)] {
        let mut changed = written.clone();
        changed["deadman_secs"] = secs.into();
        assert_eq!(serde_json::from_value::<Timers>(changed).is_ok(), is_valid, "{secs}");
    }
}
