//! Nothing is cut off by the window, nothing lies over something else, and everything is large enough to hit.

use crate::{
    names::asked,
    stage::{LARGE_SCREEN, SMALL_SCREEN, Stage, is_control, nodes, place, replay, spoken},
};
use egui::{Rect, Vec2};
use egui_kittest::{Harness, Node};
use watchkeeper_panels::{Level, theme::TARGET};
use watchkeeper_picture::examples;

/// Panels, in which what is in sight must be wholly.
const REGIONS: [&str; 14] = [
    "top bar",
    "takeover lane",
    "what is wrong with this console",
    "bottom bar",
    "question",
    "replay",
    "fleet",
    "operators",
    "agent",
    "takeover",
    "alert queue",
    "diagnosis",
    "sheet",
    "world",
];
/// Panels that never scroll.
const FIXED: [&str; 6] =
    ["top bar", "takeover lane", "what is wrong with this console", "bottom bar", "question", "replay"];

/// Panels of which no part lies below the fold of another part.
const FLAT: [&str; 9] = [
    "top bar",
    "takeover lane",
    "what is wrong with this console",
    "bottom bar",
    "question",
    "replay",
    "fleet",
    "alert queue",
    "sheet",
];

fn region(node: &Node<'_>) -> Option<(String, Rect)> {
    let mut at = *node;
    while let Some(parent) = egui_kittest::kittest::NodeT::parent(&at) {
        let name = spoken(&parent);
        if REGIONS.contains(&name.as_str()) {
            return place(&parent).map(|rect| (name, rect));
        }
        at = parent;
    }
    None
}

fn check(harness: &Harness<'_, Stage>, screen: Vec2, what: &str) {
    let window = Rect::from_min_size(egui::Pos2::ZERO, screen).expand(0.5);
    let all = nodes(harness);
    let mut checked = 0;
    for node in &all {
        let (Some(rect), name) = (place(node), spoken(node)) else { continue };
        if name.is_empty() || !rect.is_positive() {
            continue;
        }
        let Some((panel, bounds)) = region(node) else {
            assert!(window.contains_rect(rect), "{what}: {name:?} leaves the window: {rect:?}");
            continue;
        };
        let bounds = bounds.expand(1.0);
        assert!(window.contains_rect(bounds.shrink(1.0)), "{what}: {panel} leaves the window");
        // What lies below the fold can be scrolled to, but nothing goes off at the side.
        // Only tables of the diagnosis can be scrolled sideways.
        let side = rect.left() >= bounds.left() && rect.right() <= bounds.right() || panel == "diagnosis";
        assert!(side, "{what}: {name:?} goes off {panel} at the side: {rect:?} in {bounds:?}");
        if FIXED.contains(&panel.as_str()) {
            assert!(bounds.contains_rect(rect), "{what}: {name:?} leaves {panel}: {rect:?} in {bounds:?}");
        }
        checked += 1;
    }
    assert!(checked > 10, "{what}: {checked} places are too few to be true");
    check_controls(&all, what);
}

fn check_controls(all: &[Node<'_>], what: &str) {
    let controls: Vec<_> = all
        .iter()
        .filter(|node| is_control(node))
        .filter_map(|node| place(node).map(|rect| (spoken(node), rect, region(node))))
        .filter(|(_, rect, _)| rect.is_positive())
        .collect();
    for (index, (name, rect, place)) in controls.iter().enumerate() {
        let small = rect.width() < TARGET - 0.5 || rect.height() < TARGET - 0.5;
        assert!(!small, "{what}: {name:?} is too small to hit: {:?}", rect.size());
        for (other, second, second_place) in &controls[index + 1..] {
            let panel = place.as_ref().map(|place| place.0.as_str());
            let same = panel == second_place.as_ref().map(|place| place.0.as_str());
            if !same || !panel.is_some_and(|panel| FLAT.contains(&panel)) {
                continue;
            }
            let shared = rect.shrink(1.0).intersect(second.shrink(1.0));
            assert!(!shared.is_positive(), "{what}: {name:?} lies over {other:?}");
        }
    }
}

fn check_all(screen: Vec2, text_scale: f32) {
    for (name, make) in examples::all() {
        for level in Level::ALL {
            let mut stage = Stage::new(make(), level);
            stage.settings.text_scale = text_scale;
            check(&stage.on(screen), screen, &format!("{name}, {}, {screen:?}", level.word()));
        }
    }
}

#[test]
fn everything_is_in_the_window_at_1280_by_720() {
    check_all(SMALL_SCREEN, 1.0);
}

#[test]
fn everything_is_in_the_window_at_1920_by_1080() {
    check_all(LARGE_SCREEN, 1.0);
}

#[test]
fn everything_is_in_the_window_with_text_twice_as_large() {
    check_all(LARGE_SCREEN, 2.0);
}

#[test]
fn sheets_replay_and_question_are_in_the_window() {
    for level in Level::ALL {
        for (screen, text_scale) in [(SMALL_SCREEN, 1.0), (LARGE_SCREEN, 2.0)] {
            for (settings_open, help) in [(true, false), (false, true)] {
                let mut stage = asked(level);
                stage.settings.text_scale = text_scale;
                stage.state.settings_open = settings_open;
                stage.state.help = help;
                stage.replay = Some(replay());
                check(&stage.on(screen), screen, &format!("sheets, {}, {screen:?}", level.word()));
            }
        }
    }
}
