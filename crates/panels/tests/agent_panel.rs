//! The agent panel: what it says of one agent's last minute, and what it does not hide.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

#[path = "support/window.rs"]
mod window;

use egui::{Vec2, accesskit::Role, vec2};
use egui_kittest::{
    Harness,
    kittest::{NodeT, Queryable},
};
use watchkeeper_panels::Level;
use watchkeeper_picture::examples;
use window::{Window, agent, everything, region, says};

const PANEL: &str = "agent";
const DESK: Vec2 = vec2(1920.0, 1080.0);

fn assert_says(harness: &Harness<'_, Window>, words: &[&str]) {
    for words in words {
        assert!(says(harness, PANEL, words), "{words:?} is not in:\n{}", everything(harness, PANEL));
    }
}

fn pictures(harness: &Harness<'_, Window>) -> Vec<String> {
    let region = region(harness, PANEL);
    region.query_all_by_role(Role::Image).filter_map(|image| image.accesskit_node().label()).collect()
}

#[test]
fn it_says_first_who_controls_it_how_old_that_is_and_what_comes_if_nobody_acts() {
    let harness = Window::new(examples::alert(), Level::Detail).open_at(DESK);
    assert_says(
        &harness,
        &[
            "vehicle-4: requested",
            "In control: the agent",
            "Data 0.1 s old",
            "vehicle simulator",
            "If nobody acts: in 7.9 s: falls back at level 1",
            "Speed signal frozen for 2.1 s",
        ],
    );
}

#[test]
fn what_the_alert_blames_comes_first_with_what_was_expected() {
    let harness = Window::new(examples::alert(), Level::Detail).open_at(DESK);
    let pictures = pictures(&harness);
    assert_eq!(pictures.len(), 5, "one for the minute and four signals: {pictures:?}");
    assert!(pictures[0].starts_with("vehicle-4 last 60 s: Confidence (solid) 0.64"), "{}", pictures[0]);
    assert!(pictures[1].starts_with("vehicle-4 speed 12.60 m/s, expected 11.80 to 13.90"), "{}", pictures[1]);
    assert!(pictures[2].starts_with("vehicle-4 odometer_speed 10.02 m/s"), "{}", pictures[2]);
    assert_says(&harness, &["Others: steering", "front_range"]);
}

#[test]
fn contributions_are_bars_with_names_and_shares() {
    let harness = Window::new(examples::alert(), Level::Detail).open_at(DESK);
    let bars: Vec<_> = region(&harness, PANEL)
        .query_all_by_role(Role::ProgressIndicator)
        .filter_map(|bar| bar.accesskit_node().label())
        .collect();
    assert_eq!(bars.len(), 3, "{bars:?}");
    assert!(bars[0].starts_with("vehicle-4 alert is due to 78 % speed: 12.6 m/s"), "{bars:?}");
}

#[test]
fn the_last_decisions_and_what_came_of_such_alerts_before_are_listed() {
    let harness = Window::new(examples::alert(), Level::Detail).open_at(DESK);
    assert_says(
        &harness,
        &["you took over: handed back after 0:21; real", "vehicle-2: alert: ben took over"],
    );
    let said = everything(&harness, PANEL);
    let newest = harness.state().situation.picture.agent(&agent("vehicle-4")).unwrap();
    let newest = newest.history().newest().unwrap().seq.0;
    let at =
        |seq: u64| said.find(&format!("\n{seq}\n")).unwrap_or_else(|| panic!("{seq} is not in:\n{said}"));
    assert!(at(newest) < at(newest - 1), "the newest decision comes first");
    assert_says(&harness, &["decisions, 0 missing; clock"]);
}

#[test]
fn old_data_is_called_old_and_what_is_shown_without_a_connection_last_known() {
    let harness = Window::new(examples::stale(), Level::Detail).open_at(DESK);
    assert_says(&harness, &["No data 1.4 s"]);
    let harness = Window::new(examples::disconnected(), Level::Detail).open_at(DESK);
    assert_says(&harness, &["Last known in control: the agent", "No data 4.1 s"]);
}

#[test]
fn an_agent_without_signals_or_selection_is_said_to_be_so() {
    let mut window = Window::new(examples::calm(), Level::Detail);
    window.state.selected = Some(agent("nobody-9"));
    let mut harness = window.open_at(DESK);
    assert_says(&harness, &["Nobody knows nobody-9 any more."]);
    harness.state_mut().state.selected = None;
    harness.run();
    assert_says(&harness, &["No agent selected"]);
}

#[test]
fn every_kind_of_agent_can_be_looked_at() {
    for (name, make) in examples::all() {
        let situation = make();
        let mut kinds = std::collections::BTreeMap::new();
        for (id, entry) in situation.picture.agents() {
            kinds.entry(entry.status().kind).or_insert_with(|| id.clone());
        }
        let mut window = Window::new(situation, Level::Detail);
        for id in kinds.values() {
            window.state.selected = Some(id.clone());
            let mut harness = window.open_at(vec2(1280.0, 720.0));
            assert_says(&harness, &[id.as_str(), "If nobody acts"]);
            assert!(!pictures(&harness).is_empty(), "{name}: {id} has no lines");
            let picture = &pictures(&harness)[0];
            assert!(picture.contains(id.as_str()), "{name}: {picture}");
            harness.run();
            window = harness.into_state();
        }
    }
}
