//! Random schedules of handovers through the engine and a real gate: no gap, no overlap, and the same again.

#![allow(
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    clippy::indexing_slicing,
    reason = "a test fails by panicking, and looks at a few messages of many"
)]

#[path = "rig/rig.rs"]
#[allow(dead_code, reason = "each test uses a part of it")]
mod rig;

use rig::{
    Rig, ms,
    shift::{ADA, SUE, driven},
};
use watchkeeper_model::{CommandArgs, CommandKind, ControlState, Epoch, Setpoint};
use watchkeeper_takeover::Mode;

const HANDS: Setpoint = Setpoint { steer: 0.5, accelerate: 0.25 };

/// How many of the choices below only hand over.
const HANDS_OVER: u64 = 12;

/// What a schedule does next, by number.
fn act(rig: &mut Rig, choice: u64, who: u64) {
    let epoch = rig.epoch();
    match choice {
        0 | 1 => rig.request_handover(who),
        2..=4 => {
            if let Some(wish) = rig.status(ADA).lease.and_then(|lease| lease.handover) {
                rig.answer_handover(
                    rig.status(ADA).lease.unwrap().session_id.0,
                    wish.request_id,
                    choice != 4,
                );
            }
        }
        5 => rig.pre_empt(SUE, Some("because")),
        6 => rig.allow_takeover(who, epoch, true),
        7..=11 => {
            rig.command(who, CommandKind::Engage, CommandArgs::default());
        }
        12 => {
            rig.command(who, CommandKind::Hold, CommandArgs::default());
        }
        13 => {
            rig.command_under(who, CommandKind::Resume, CommandArgs::default(), epoch);
        }
        14 => {
            rig.command(who, CommandKind::Resume, CommandArgs::default());
        }
        15 => rig.hands = if rig.hands.is_some() { None } else { Some(HANDS) },
        16 => rig.disk_works = !rig.disk_works,
        17 => rig.mute = !rig.mute,
        18 => {
            rig.command(who, CommandKind::HandBack, CommandArgs::default());
        }
        19 => rig.next_beats = !rig.next_beats,
        20 => {
            rig.command(who, CommandKind::Release, CommandArgs::default());
        }
        21 => rig.holder_beats = !rig.holder_beats,
        22 => rig.claim(who),
        _ => {
            rig.command(who, CommandKind::Assume, CommandArgs::default());
        }
    }
}

/// Plays many schedules of `choices`; after every step the agent's epoch never falls below one that was active,
/// and what consoles are told has one holder. Returns how often control passed to another person.
fn play(choices: u64, check: impl Fn(&Rig, Epoch)) -> u32 {
    let mut passed = 0;
    for seed in 1..=60_u64 {
        let mut random = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mut next = |below: u64| {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            random % below
        };
        let mut rig = driven();
        let mut highest = rig.epoch();
        for _ in 0..60 {
            // Mostly what hands over, so that schedules get somewhere before something ends it all.
            let choice = if next(6) > 0 { next(HANDS_OVER) } else { next(choices) };
            let who = ADA + next(3);
            act(&mut rig, choice, who);
            for _ in 0..next(60) {
                rig.run(ms(5));
                let (epoch, ready_next) = (rig.epoch(), rig.next_epoch());
                assert!(epoch == Epoch(0) || epoch >= highest, "seed {seed}: {epoch} after {highest}");
                assert!(ready_next.is_none_or(|next| next > epoch), "seed {seed}");
                passed += u32::from(epoch > highest && rig.state() == ControlState::Human);
                highest = highest.max(epoch);
                check(&rig, epoch);
            }
        }
        assert_eq!(rig.replay(), rig.digest(), "seed {seed}: the same inputs give the same outputs");
    }
    passed
}

#[test]
fn handing_over_leaves_no_gap() {
    // Nothing here ends control but a handover: somebody is in control at every instant.
    let passed = play(HANDS_OVER, |rig, epoch| {
        assert_eq!(rig.state(), ControlState::Human);
        assert!(epoch > Epoch(0));
        let lease = rig.status(ADA).lease.unwrap();
        assert!(lease.epoch == epoch || lease.next.is_some_and(|next| next.epoch == epoch));
    });
    assert!(passed > 60, "control passed {passed} times");
}

#[test]
fn whatever_happens_at_most_one_epoch_takes_effect() {
    let passed = play(24, |rig, epoch| {
        let driven = rig.state().is_driven();
        assert!(!driven || epoch > Epoch(0));
        assert!(driven || rig.next_epoch().is_none(), "somebody is next and nobody is in control");
        assert!(!matches!(rig.mode(), Mode::Manual { .. }) || rig.state() == ControlState::Human);
    });
    assert!(passed > 20, "control passed {passed} times");
}
