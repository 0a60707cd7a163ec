//! The console as people start it: the real program, in a real window, on a real display that nobody sees.
//!
//! Where there is no Xvfb or no Vulkan driver the tests say so and pass; `WATCHKEEPER_REQUIRE_DISPLAY=1` makes them
//! fail instead.
#![allow(clippy::unwrap_used, reason = "a test that cannot set itself up should stop there")]
#![allow(clippy::indexing_slicing, reason = "a reply that is too short is a failed test")]

mod display;
mod flood;
mod shot;
mod stage;
mod x11;

use shot::Shot;
use stage::{Opened, Stage, faulty};
use std::time::Duration;
use watchkeeper_client::console_now;
use watchkeeper_model::{CommandKind, CommandState, ControlState, MonoTime};
use watchkeeper_panels::theme::{Palette, Theme};
use watchkeeper_picture::view::takeover;
use watchkeeper_simulator::Scenario;
use x11::Key;

/// The places of two moments of a takeover: t3, the alert is raised, and t5, the frame that shows it is presented.
const RAISED: usize = 3;
const PRESENTED: usize = 5;

/// More pixels than this in the colour of warnings say that data is old.
const OLD: usize = 100;

/// The main scenario, its faults after `secs` seconds of calm.
fn a_fault_after(secs: u32) -> Scenario {
    let text = include_str!("../../../../simulator/scenarios/ring-frozen-sensor.toml");
    let starts = |at: u32| format!("start_secs = {at}\n");
    assert!(text.contains(&starts(8)) && text.contains(&starts(12)), "as this test knows it");
    Scenario::parse(&text.replace(&starts(8), &starts(secs)).replace(&starts(12), &starts(secs + 4))).unwrap()
}

fn moment(stage: &Stage, place: usize) -> Option<MonoTime> {
    stage.takeover()?.moments[place].map(|moment| moment.at)
}

fn palette() -> Palette {
    Theme::default().colors()
}

#[test]
fn a_window_opens_with_moving_vehicles_and_two_keys_take_over_the_one_that_calls_and_one_stops_it() {
    let Some(mut stage) = Stage::set(&a_fault_after(1)) else { return };
    let Some(opened) = stage.open() else { return };
    let Opened { welcomed, mapped, live } = opened;
    println!("after the start: window {mapped:?}, welcomed {welcomed:?}, vehicles that move {live:?}");
    assert!(live < Duration::from_secs(5), "{live:?}");

    stage.until_state(ControlState::Requested);
    stage.answer_the_call();
    let presented = stage.until("a presented frame", |stage| moment(stage, PRESENTED));
    let raised = moment(&stage, RAISED).unwrap();
    println!("presented {:?} after the alert was raised", presented.since(raised));
    assert!(presented > raised);
    stage.take_over();
    assert_eq!(stage.status().lease.as_ref().unwrap().holder.as_str(), "anna");
    stage.tap('S');
    let pressed = console_now();
    let stopped = stage.until_state(ControlState::Estopped);
    println!("stopped {:?} after the key", stopped.since(pressed));
}

#[test]
fn a_vehicle_is_held_and_handed_back_with_a_key_each() {
    let Some(mut stage) = Stage::set(&a_fault_after(1)) else { return };
    let Some(_opened) = stage.open() else { return };
    stage.until_state(ControlState::Requested);
    stage.answer_the_call();
    stage.take_over();
    stage.tap('h');
    stage.until("a completed hold", |stage| {
        let held = stage.picture().commands(&faulty()).any(|command| {
            command.kind == CommandKind::Hold && command.state == Some(CommandState::Completed)
        });
        held.then_some(())
    });
    stage.until("a healed sensor", |stage| {
        let panel = takeover::panel(stage.picture(), &faulty(), console_now())?;
        panel.checks.iter().all(|check| check.done).then_some(())
    });
    stage.tap('b');
    stage.until_state(ControlState::Autonomous);
    stage.until("the end of the lease", |stage| stage.status().lease.is_none().then_some(()));
    assert!(stage.takeover().unwrap().handed_back_at.is_some());
}

#[test]
fn a_stopped_console_says_nothing_and_shows_the_truth_when_it_wakes() {
    let Some(mut stage) = Stage::set(&a_fault_after(5)) else { return };
    let Some(_opened) = stage.open() else { return };
    stage.until("falling confidence", |stage| (stage.confidence()? < 0.65).then_some(()));
    stage.freeze();
    assert_eq!(stage.status().control_state, ControlState::Autonomous, "stopped before anybody was called");
    let demanded = stage.until_state(ControlState::Requested);
    let before = stage.look();
    assert_eq!(before.count(palette().danger), 0, "calm");
    stage.until("a while", |stage| {
        assert_eq!(moment(stage, PRESENTED), None, "nobody has seen it");
        (console_now().since(demanded) > Duration::from_secs(2)).then_some(())
    });
    assert!(stage.look() == before, "the window stands still");
    assert_eq!(stage.title(), "Watchkeeper");

    let woken = console_now();
    stage.thaw();
    let calls = |shot: &Shot| shot.count(palette().danger) > 0;
    let is_old = |shot: &Shot| shot.count(palette().warning) > before.count(palette().warning) + OLD;
    let (mut shown, mut frames) = (before.clone(), 0);
    stage.until("the demand in the window", |stage| {
        let shot = stage.look();
        if shot != shown {
            frames += 1;
            // The one that was under way when it was stopped knows nothing of it.
            assert!(frames == 1 || calls(&shot) || is_old(&shot), "frame {frames} shows what was");
            shown = shot;
        }
        calls(&shown).then_some(())
    });
    let presented = stage.until("a presented frame", |stage| moment(stage, PRESENTED));
    let woken = stage.picture().monitor_now(woken).unwrap();
    println!("presented {:?} after it went on, in frame {frames}", presented.since(woken));
    assert!(presented > woken, "stamped when it was shown, not when it came");
    stage.answer_the_call();
    stage.take_over();
}

#[test]
fn a_killed_console_leaves_a_driven_vehicle_neutral_then_safe_and_the_next_one_can_take_over_again() {
    let Some(mut stage) = Stage::set(&Scenario::named("ring-calm").unwrap()) else { return };
    let Some(_opened) = stage.open() else { return };
    // From vehicle-1, which is looked at first, down the list.
    for _ in 0..3 {
        stage.tap('j');
    }
    stage.take_over();
    let lease = stage.status().lease.clone().unwrap();
    stage.tap('d');
    stage.hold(Key::SPACE);
    stage.hold(Key::UP);
    stage.until("a hand on the wheel", |stage| {
        let status = stage.status();
        (status.manual && !status.neutral).then_some(())
    });
    stage.see();

    let grants = stage.grants.len();
    let killed = stage.kill();
    stage.let_go(Key::SPACE);
    stage.let_go(Key::UP);
    let neutral = stage.until("neutral", |stage| {
        let agent = stage.picture().agent(&faulty()).unwrap();
        assert_eq!(agent.status().control_state, ControlState::Human, "first it goes neutral");
        agent.status().neutral.then(|| agent.received_at())
    });
    let fallback = stage.until_state(ControlState::Fallback);
    println!("neutral {:?}, FALLBACK {:?} after the kill", neutral.since(killed), fallback.since(killed));
    let is_about = |at: MonoTime, wanted, within| {
        at.since(killed).abs_diff(Duration::from_millis(wanted)) <= Duration::from_millis(within)
    };
    assert!(is_about(neutral, 500, 250));
    assert!(is_about(fallback, 2_000, 300));
    stage.until("a while", |_stage| (console_now().since(fallback) > Duration::from_secs(1)).then_some(()));
    assert_eq!(stage.status().lease, None);
    assert_eq!(stage.grants.len(), grants, "nobody was given control by it");
    assert!(!stage.status().latches.is_empty());

    let Some(_opened) = stage.open() else { return };
    stage.answer_the_call();
    stage.take_over();
    let next = stage.status().lease.clone().unwrap();
    assert!(next.session_id != lease.session_id && next.epoch > lease.epoch, "{next:?} after {lease:?}");
    assert_eq!(stage.status().latches, [], "the one who engaged has released them");
}

#[test]
fn a_captured_window_shows_the_alert() {
    let Some(mut stage) = Stage::set(&a_fault_after(1)) else { return };
    stage.until_state(ControlState::Requested);
    let Some(shot) = stage.capture(30) else { return };
    assert_eq!((shot.width, shot.height), (1280, 720));
    let (distinct, beside) = (shot.distinct(), shot.share_beside(palette().ground));
    let (danger, warning) = (shot.count(palette().danger), shot.count(palette().warning));
    println!("{distinct} colours, {beside:.3} beside the ground, {danger} of danger, {warning} of warning");
    assert!(distinct > 200, "{distinct}");
    assert!(beside > 0.03, "{beside}");
    assert!(danger > 300, "the alert stands out: {danger}");
}
