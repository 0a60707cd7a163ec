//! The console as people start it: the real program, in a real window, on a real display that nobody sees.
//!
//! Where there is no Xvfb or no Vulkan driver the tests say so and pass; `WATCHKEEPER_REQUIRE_DISPLAY=1` makes them
//! fail instead.
#![allow(clippy::unwrap_used, reason = "a test that cannot set itself up should stop there")]
#![allow(clippy::indexing_slicing, reason = "a reply that is too short is a failed test")]

mod display;
mod shot;
mod stage;
mod x11;

use stage::{Stage, faulty};
use std::time::Duration;
use watchkeeper_client::console_now;
use watchkeeper_model::{CommandKind, CommandState, ControlState, MonoTime};
use watchkeeper_panels::theme::Theme;
use watchkeeper_picture::view::takeover;
use watchkeeper_simulator::Scenario;
use x11::Key;

/// The place of t5, the presented frame, among the moments of a takeover.
const PRESENTED: usize = 5;

/// The main scenario.
fn a_fault() -> Scenario {
    Scenario::named("ring-frozen-sensor").unwrap()
}

/// The same with everything five seconds earlier.
fn an_early_fault() -> Scenario {
    let text = include_str!("../../../../simulator/scenarios/ring-frozen-sensor.toml");
    let earlier = text.replace("start_secs = 8\n", "start_secs = 3\n").replace("start_secs = 12\n", "start_secs = 7\n");
    assert_ne!(earlier, text);
    Scenario::parse(&earlier).unwrap()
}

fn presented(stage: &Stage) -> Option<MonoTime> {
    stage.takeover()?.moments[PRESENTED].map(|moment| moment.at)
}

#[test]
fn a_window_opens_with_moving_vehicles_and_two_keys_take_over_the_one_that_calls_and_one_stops_it() {
    let Some(mut stage) = Stage::set(&a_fault()) else { return };
    let Some(opened) = stage.open() else { return };
    println!("opened: {opened:?}");
    assert!(opened.live < Duration::from_secs(5), "{opened:?}");

    stage.until_state(ControlState::Requested);
    stage.answer_the_call();
    assert!(presented(&stage).is_some(), "who was called has seen it");
    stage.take_over();
    assert_eq!(stage.status().lease.as_ref().unwrap().holder.as_str(), "anna");
    stage.tap('S');
    stage.until_state(ControlState::Estopped);
}

#[test]
fn a_vehicle_is_held_and_handed_back_with_a_key_each() {
    let Some(mut stage) = Stage::set(&a_fault()) else { return };
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
    assert!(stage.takeover().unwrap().handed_back_at.is_some());
}

#[test]
fn a_stopped_console_says_nothing_and_shows_the_truth_when_it_wakes() {
    let Some(mut stage) = Stage::set(&a_fault()) else { return };
    let Some(_opened) = stage.open() else { return };
    stage.until("a frozen sensor", |stage| stage.is_frozen("front_range").then_some(()));
    stage.freeze();
    assert_eq!(stage.status().control_state, ControlState::Autonomous, "stopped before anybody is called");
    let before = stage.look();
    stage.until_state(ControlState::Requested);
    // Half of the time in which somebody else could be asked.
    let demanded = console_now();
    stage.until("a while", |stage| {
        assert_eq!(presented(stage), None, "nobody has seen it");
        (console_now().since(demanded) > Duration::from_secs(2)).then_some(())
    });
    assert_eq!(stage.look(), before, "the window stands still");
    assert_eq!(stage.title(), "Watchkeeper");

    stage.thaw();
    let woken = console_now();
    let mut last = before.clone();
    stage.until("x", |stage| {
        let shot = stage.look();
        if shot != last { println!("{:?}: {} changed, danger {}, stale {}", console_now().since(woken), shot.changes(&last), shot.count(Theme::default().colors().danger), shot.count(Theme::default().colors().stale)); last = shot; }
        (console_now().since(woken) > Duration::from_millis(600)).then_some(())
    });
    let seen_at = stage.until("a presented frame", |stage| presented(stage));
    let woken_at = stage.picture().monitor_now(woken).unwrap();
    println!("presented {:?} after it went on", seen_at.since(woken_at));
    assert!(seen_at > woken_at, "stamped when it was shown, not when it came");
    assert!(seen_at.since(woken_at) < Duration::from_millis(500));
    stage.answer_the_call();
    stage.take_over();
}

#[test]
fn a_killed_console_leaves_a_driven_vehicle_neutral_then_safe_and_the_next_one_can_take_over_again() {
    let Some(mut stage) = Stage::set(&Scenario::named("ring-calm").unwrap()) else { return };
    let Some(_opened) = stage.open() else { return };
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

    let killed = stage.kill();
    stage.let_go(Key::SPACE);
    stage.let_go(Key::UP);
    let grants = stage.grants.len();
    let neutral = stage.until("neutral", |stage| {
        let agent = stage.picture().agent(&faulty()).unwrap();
        assert_eq!(agent.status().control_state, ControlState::Human, "first it goes neutral");
        agent.status().neutral.then(|| agent.received_at())
    });
    let fallback = stage.until_state(ControlState::Fallback);
    println!("neutral {:?}, FALLBACK {:?} after the kill", neutral.since(killed), fallback.since(killed));
    assert!(neutral.since(killed).abs_diff(Duration::from_millis(500)) < Duration::from_millis(250));
    assert!(fallback.since(killed).abs_diff(Duration::from_secs(2)) < Duration::from_millis(300));
    stage.until("a while", |_stage| (console_now().since(fallback) > Duration::from_secs(1)).then_some(()));
    assert!(stage.status().lease.is_none(), "{:?}", stage.status().lease);
    assert_eq!(stage.grants.len(), grants, "nobody was given control by it");
    assert!(!stage.status().latches.is_empty());

    let Some(_opened) = stage.open() else { return };
    stage.answer_the_call();
    stage.take_over();
    let next = stage.status().lease.clone().unwrap();
    assert!(next.session_id != lease.session_id && next.epoch > lease.epoch, "{next:?} after {lease:?}");
    assert!(stage.status().latches.is_empty(), "the one who engaged has released them");
}

#[test]
fn a_captured_window_shows_the_alert() {
    let Some(mut stage) = Stage::set(&a_fault()) else { return };
    stage.until_state(ControlState::Requested);
    let Some(shot) = stage.capture(30) else { return };
    assert_eq!((shot.width, shot.height), (1280, 720));
    let colours = Theme::default().colors();
    let (distinct, beside) = (shot.distinct(), shot.share_beside(colours.ground));
    let (danger, warning) = (shot.count(colours.danger), shot.count(colours.warning));
    println!("{distinct} colours, {beside:.3} beside the ground, {danger} of danger, {warning} of warning");
    assert!(distinct > 200, "{distinct}");
    assert!(beside > 0.03, "{beside}");
    assert!(danger + warning > 300, "the alert stands out: {danger} of danger, {warning} of warning");
}
