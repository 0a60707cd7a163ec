//! The speed cap that follows the latency of the holder, step by step (`takeover.md` 2, rule 9).
#![allow(clippy::unwrap_used, reason = "a test that cannot set itself up should stop there")]

#[path = "support/rig.rs"]
#[allow(dead_code, reason = "each test uses a part of it")]
mod rig;

use rig::{BOOT, Rig, Seat};
use std::time::Duration;
use watchkeeper_model::{CommandKind, ControlState, DemandOrigin, Epoch};
use watchkeeper_takeover::HolderBeat;

/// 50 km/h.
const TOP_MPS: f64 = 50.0 / 3.6;

#[expect(clippy::unnecessary_wraps, reason = "a latency is known or not, and here it is")]
fn ms(millis: u64) -> Option<Duration> {
    Some(Duration::from_millis(millis))
}

/// The cap in km/h, rounded to a thousandth.
fn cap(rig: &Rig) -> Option<f64> {
    rig.gate.directive().speed_cap_mps.map(|cap| (cap * 3_600.0).round() / 1_000.0)
}

/// A vehicle of 50 km/h that somebody drives with this latency.
fn driven(latency: Option<Duration>) -> Rig {
    let mut rig = Rig::vehicle();
    rig.gate.set_top_speed(Some(TOP_MPS));
    rig.latency = latency;
    rig.demand(DemandOrigin::Monitor);
    rig.claim();
    rig.engage();
    rig.send(CommandKind::Assume);
    rig.beat(true);
    assert_eq!(rig.state(), ControlState::Human);
    rig
}

#[test]
fn two_hundred_and_fifty_millis_at_fifty_cap_at_forty_from_the_first_moment_of_control() {
    let mut rig = Rig::vehicle();
    rig.gate.set_top_speed(Some(TOP_MPS));
    rig.latency = ms(250);
    rig.demand(DemandOrigin::Monitor);
    rig.claim();
    rig.engage();
    assert_eq!((rig.state(), cap(&rig)), (ControlState::InTransition, None), "the agent still drives");
    rig.send(CommandKind::Assume);
    assert_eq!((rig.state(), cap(&rig)), (ControlState::Human, Some(40.0)));
    assert_eq!(rig.gate.directive().ordered_cap_mps, None, "nobody ordered it");
    assert_eq!(rig.gate.latency_cap_mps(), rig.gate.directive().speed_cap_mps);
    rig.send(CommandKind::HandBack);
    rig.wait(200);
    assert_eq!((rig.state(), cap(&rig)), (ControlState::Autonomous, None));
}

#[test]
fn up_to_exactly_two_hundred_millis_nothing_is_capped() {
    for (latency, expected) in
        [(ms(0), None), (ms(200), None), (ms(201), Some(49.751)), (ms(501), Some(19.960))]
    {
        assert_eq!(cap(&driven(latency)), expected, "{latency:?}");
    }
}

#[test]
fn a_higher_latency_lowers_the_cap_at_once_and_a_lower_one_raises_it_after_three_seconds() {
    let mut rig = driven(ms(100));
    assert_eq!(cap(&rig), None);
    rig.latency = ms(400);
    rig.beat(true);
    assert_eq!(cap(&rig), Some(25.0), "at once");
    rig.latency = ms(100);
    rig.wait_holding(2_900);
    rig.wait(99);
    rig.beat(true);
    assert_eq!(cap(&rig), Some(25.0), "2,999 ms");
    rig.wait(1);
    rig.beat(true);
    assert_eq!(cap(&rig), None, "3,000 ms");
}

#[test]
fn the_three_seconds_begin_anew_with_every_figure_that_is_as_high() {
    let mut rig = driven(ms(400));
    rig.wait_holding(1_000);
    rig.beat(true);
    rig.latency = ms(100);
    rig.wait_holding(2_900);
    assert_eq!(cap(&rig), Some(25.0));
    rig.wait(100);
    rig.beat(true);
    assert_eq!(cap(&rig), None, "three seconds after the last one of 400 ms");
}

#[test]
fn a_latency_that_goes_up_and_down_keeps_the_lower_cap() {
    let mut rig = driven(ms(100));
    for _ in 0..20 {
        for millis in [210, 150, 190] {
            rig.latency = ms(millis);
            rig.beat(true);
            rig.wait(400);
            assert_eq!(cap(&rig), Some(47.619), "210 ms");
        }
    }
    // When it rises, it rises to what the worst figure since allows.
    rig.latency = ms(240);
    rig.beat(true);
    rig.wait(500);
    rig.latency = ms(220);
    rig.beat(true);
    rig.latency = ms(150);
    rig.wait_holding(2_900);
    assert_eq!(cap(&rig), Some(45.455), "220 ms, not 150");
}

#[test]
fn without_a_figure_the_cap_is_at_most_that_of_the_latency_at_which_nobody_begins_to_drive() {
    for (known, expected) in [(ms(100), 20.0), (ms(300), 20.0), (ms(1_000), 10.0)] {
        let mut rig = driven(known);
        rig.latency = None;
        rig.beat(true);
        assert_eq!(cap(&rig), Some(expected), "{known:?}");
        rig.latency = ms(50);
        rig.wait_holding(2_900);
        assert_eq!(cap(&rig), Some(expected), "it comes back as slowly as any other");
        rig.wait_holding(200);
        assert_eq!(cap(&rig), None);
    }
    assert_eq!(cap(&driven(None)), Some(20.0), "never measured");
}

#[test]
fn figures_that_stop_coming_are_missed_after_exactly_one_and_a_half_seconds() {
    let mut rig = driven(ms(100));
    rig.beat(true);
    rig.wait(1_499);
    assert_eq!(cap(&rig), None);
    assert_eq!(rig.gate.poll_timeout(), Some(rig.at(1)), "the shell is woken for it");
    rig.wait(1);
    assert_eq!((rig.state(), cap(&rig)), (ControlState::Human, Some(20.0)));
    rig.wait(500);
    assert_eq!(rig.state(), ControlState::Fallback, "and T_link ends it");
}

#[test]
fn late_old_and_foreign_heartbeats_raise_no_cap() {
    let mut rig = driven(ms(400));
    rig.wait_holding(3_100);
    let fresh = HolderBeat {
        epoch: rig.epoch,
        seq: rig.beat_seq + 1,
        ready: true,
        deadline: rig.at(400),
        setpoint: None,
        latency: ms(50),
    };
    for wrong in [
        HolderBeat { deadline: rig.now, ..fresh },
        HolderBeat { seq: rig.beat_seq, ..fresh },
        HolderBeat { epoch: rig.epoch.next(), ..fresh },
        HolderBeat { epoch: Epoch(0), ..fresh },
    ] {
        for _ in 0..40 {
            rig.take_beat(wrong);
            rig.beat(true);
            rig.wait(100);
            assert_eq!(cap(&rig), Some(25.0), "{wrong:?}");
        }
    }
}

#[test]
fn of_what_was_ordered_and_what_the_latency_allows_the_lower_counts() {
    let mut rig = driven(ms(250));
    let mut order = rig.order(CommandKind::SpeedCap);
    order.args.speed_mps = Some(5.0);
    rig.give(&order);
    assert_eq!(cap(&rig), Some(18.0));
    let mut order = rig.order(CommandKind::SpeedCap);
    order.args.speed_mps = Some(13.0);
    rig.give(&order);
    let directive = rig.gate.directive();
    assert_eq!((cap(&rig), directive.ordered_cap_mps), (Some(40.0), Some(13.0)));
    rig.send(CommandKind::Resume);
    assert_eq!(
        (cap(&rig), rig.gate.directive().ordered_cap_mps),
        (Some(40.0), None),
        "RESUME lifts orders only"
    );
}

#[test]
fn who_takes_over_from_a_person_is_limited_by_his_own_latency_and_only_once_he_drives() {
    let mut rig = driven(ms(100));
    let next = rig.gate.highest_epoch().next();
    rig.gate.handle_grant(next, BOOT, rig.now);
    let ada = rig.change_seat(Seat { epoch: next, seq: 0, beat_seq: 0 });
    rig.latency = ms(400);
    rig.beat(true);
    assert_eq!(cap(&rig), None, "ada drives");
    let bob = rig.change_seat(ada);
    rig.latency = ms(100);
    rig.beat(true);
    rig.change_seat(bob);
    rig.engage();
    assert_eq!((rig.gate.epoch(), cap(&rig)), (next, Some(25.0)));
}

#[test]
fn what_nobody_drives_has_no_cap() {
    for top in [None, Some(0.0), Some(-1.0), Some(f64::NAN), Some(f64::INFINITY)] {
        let mut rig = driven(ms(400));
        rig.gate.set_top_speed(top);
        assert_eq!(cap(&rig), None, "{top:?}");
    }
}
