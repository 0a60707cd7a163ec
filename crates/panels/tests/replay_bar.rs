//! The bar of a replay: that it is the past, and how to go through it.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

#[path = "support/window.rs"]
mod window;

use egui::{Key, accesskit::Role, vec2};
use egui_kittest::{
    Harness,
    kittest::{NodeT, Queryable},
};
use std::time::Duration;
use watchkeeper_panels::{Level, ReplayRequest, ReplayRow, Request};
use watchkeeper_picture::examples::{self, Situation};
use window::{Window, click, everything, is_enabled, region, says};

const BAR: &str = "replay";

fn row() -> ReplayRow {
    ReplayRow {
        playing: false,
        speed: 1.0,
        at: Duration::from_secs(65),
        length: Duration::from_mins(4),
        alerts: vec![Duration::from_secs(20), Duration::from_secs(100)],
        seeking: false,
        indexing: false,
        failure: None,
        name: "night.ledger".to_owned(),
    }
}

fn open(row: ReplayRow) -> Harness<'static, Window> {
    let mut window = Window::new(examples::calm(), Level::Task);
    window.replay = Some(row);
    window.open()
}

fn replay(request: ReplayRequest) -> Request {
    Request::Replay(request)
}

#[test]
fn it_says_in_words_at_every_level_that_this_is_the_past() {
    for level in Level::ALL {
        let mut window = Window::new(examples::calm(), level);
        window.replay = Some(row());
        let harness = window.open();
        for words in ["REPLAY", "of night.ledger — you are looking at the past. 1:05.0 of 4:00.0, paused, 1x"]
        {
            assert!(says(&harness, BAR, words), "{words:?} is not in:\n{}", everything(&harness, BAR));
        }
    }
    let live = Window::new(examples::calm(), Level::Task).open();
    assert!(live.query_by_label_contains("REPLAY").is_none());
}

#[test]
fn play_and_pause_are_one_button() {
    let mut harness = open(row());
    assert_eq!(click(&mut harness, BAR, "Play of the replay"), [replay(ReplayRequest::Play)]);
    let mut harness = open(ReplayRow { playing: true, ..row() });
    assert_eq!(click(&mut harness, BAR, "Pause of the replay"), [replay(ReplayRequest::Pause)]);
    assert!(says(&harness, BAR, "playing"));
    let harness = open(ReplayRow { seeking: true, ..row() });
    assert!(says(&harness, BAR, "on its way there"));
}

#[test]
fn the_next_and_the_alert_before_can_be_gone_to_where_there_is_one() {
    let mut harness = open(row());
    assert_eq!(click(&mut harness, BAR, "Next alert of the replay"), [replay(ReplayRequest::NextAlert)]);
    let before = "Previous alert of the replay";
    assert_eq!(click(&mut harness, BAR, before), [replay(ReplayRequest::PreviousAlert)]);
    let mut harness = open(ReplayRow { at: Duration::ZERO, ..row() });
    assert!(!is_enabled(&harness, BAR, before));
    assert_eq!(click(&mut harness, BAR, before), []);
    let harness = open(ReplayRow { at: Duration::from_secs(100), ..row() });
    assert!(!is_enabled(&harness, BAR, "Next alert"));
}

#[test]
fn speed_goes_in_steps_from_a_quarter_to_sixteen() {
    let mut harness = open(row());
    assert_eq!(click(&mut harness, BAR, "Faster of the replay"), [replay(ReplayRequest::Speed(2.0))]);
    assert_eq!(click(&mut harness, BAR, "Slower of the replay"), [replay(ReplayRequest::Speed(0.5))]);
    let harness = open(ReplayRow { speed: 16.0, ..row() });
    assert!(!is_enabled(&harness, BAR, "Faster") && is_enabled(&harness, BAR, "Slower"));
    let harness = open(ReplayRow { speed: 0.25, ..row() });
    assert!(is_enabled(&harness, BAR, "Faster") && !is_enabled(&harness, BAR, "Slower"));
}

#[test]
fn the_scale_goes_where_it_is_pressed_and_a_second_with_each_arrow() {
    let mut harness = open(row());
    let scale = region(&harness, BAR).get_by_role(Role::Slider);
    assert_eq!(scale.accesskit_node().label().unwrap(), "Place in the replay: 1:05.0 of 4:00.0, 2 alerts");
    scale.click();
    harness.run();
    let asked = std::mem::take(&mut harness.state_mut().requests);
    let [Request::Replay(ReplayRequest::Seek(at))] = asked.as_slice() else { panic!("{asked:?}") };
    assert!(at.abs_diff(Duration::from_mins(2)) < Duration::from_secs(1), "{at:?}");
    region(&harness, BAR).get_by_role(Role::Slider).focus();
    harness.run();
    for (key, secs) in [(Key::ArrowRight, 66), (Key::ArrowLeft, 64)] {
        harness.key_press(key);
        harness.run();
        let wanted = replay(ReplayRequest::Seek(Duration::from_secs(secs)));
        assert_eq!(std::mem::take(&mut harness.state_mut().requests), [wanted]);
    }
}

#[test]
fn a_drag_asks_once_where_it_is_let_go() {
    let mut harness = open(row());
    let rect = region(&harness, BAR).get_by_role(Role::Slider).rect();
    harness.hover_at(rect.center());
    harness.drag_at(rect.center());
    harness.hover_at(rect.center() + vec2(rect.width() / 4.0, 0.0));
    harness.run();
    assert_eq!(harness.state().requests, []);
    harness.drop_at(rect.center() + vec2(rect.width() / 4.0, 0.0));
    harness.run();
    let asked = &harness.state().requests;
    let [Request::Replay(ReplayRequest::Seek(at))] = asked.as_slice() else { panic!("{asked:?}") };
    assert!(at.abs_diff(Duration::from_mins(3)) < Duration::from_secs(3), "{at:?}");
}

#[test]
fn all_of_it_fits_on_a_laptop_with_large_text() {
    for scale in [1.0, 2.0] {
        let mut window = Window::new(examples::calm(), Level::Task);
        window.replay = Some(row());
        window.settings.text_scale = scale;
        let harness = window.open();
        let bar = region(&harness, BAR);
        for control in bar.query_all_by_role(Role::Button).chain(bar.query_all_by_role(Role::Slider)) {
            let rect = control.rect();
            assert!(
                bar.rect().contains_rect(rect),
                "{:?} at {scale}: {rect:?}",
                control.accesskit_node().label()
            );
            assert!(rect.height() >= 32.0, "{rect:?}");
        }
    }
}

#[test]
fn it_says_that_it_still_looks_for_alerts_and_why_it_failed() {
    let harness = open(ReplayRow { indexing: true, playing: true, ..row() });
    assert!(says(&harness, BAR, "playing, 1x, looking for alerts..."), "{}", everything(&harness, BAR));
    let failure = Some("the recording is damaged at byte 4096".to_owned());
    let harness = open(ReplayRow { failure, ..row() });
    let said = "FAILED: the recording is damaged at byte 4096. You are looking at the past: 1:05.0 of 4:00.0";
    assert!(says(&harness, BAR, said), "{}", everything(&harness, BAR));
}

#[test]
fn a_recording_is_no_connection_and_nothing_can_be_done_to_it() {
    for (make, level) in [
        (examples::alert as fn() -> Situation, Level::Task),
        (examples::in_control, Level::Task),
        (examples::handover, Level::Detail),
        (examples::afterwards, Level::Detail),
    ] {
        let mut window = Window::new(make(), level).armed();
        window.replay = Some(row());
        let harness = window.open_at(vec2(1920.0, 1080.0));
        assert!(says(&harness, "top bar", "recording") && !says(&harness, "top bar", "connected"));
        let mut seen = 0;
        for place in ["takeover lane", "alert queue", "takeover"] {
            let Some(region) = harness.query_by_role_and_label(Role::Pane, place) else { continue };
            let buttons: Vec<(String, bool)> = region
                .query_all_by_role(Role::Button)
                .map(|button| button.accesskit_node())
                .map(|button| (button.label().unwrap_or_default(), button.is_disabled()))
                .filter(|(label, _)| !label.starts_with("Look at") && !label.ends_with("hidden alerts"))
                .collect();
            for (label, is_disabled) in &buttons {
                assert!(*is_disabled && label.ends_with(": this is a recording"), "{place}: {label}");
            }
            seen += buttons.len();
        }
        assert!(seen > 2, "{level:?}");
    }
}
