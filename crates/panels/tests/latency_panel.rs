//! Level 4: how long each stage took against its budget, how this console does, and why.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

#[path = "support/window.rs"]
mod window;

use egui::{Vec2, accesskit::Role, vec2};
use egui_kittest::{
    Harness,
    kittest::{NodeT, Queryable},
};
use watchkeeper_model::Stage;
use watchkeeper_panels::{Level, Percentiles};
use watchkeeper_picture::examples;
use window::{Window, agent, everything, region, says};

const PANEL: &str = "diagnosis";
const DESK: Vec2 = vec2(1920.0, 1080.0);

fn assert_says(harness: &Harness<'_, Window>, words: &[&str]) {
    for words in words {
        assert!(says(harness, PANEL, words), "{words:?} is not in:\n{}", everything(harness, PANEL));
    }
}

fn open() -> Harness<'static, Window> {
    Window::new(examples::afterwards(), Level::Diagnosis).open_at(DESK)
}

#[test]
fn a_takeover_is_drawn_stage_by_stage_with_machine_and_human_apart_in_words() {
    let harness = open();
    assert_says(
        &harness,
        &[
            "vehicle-4: handed back, 6.0 s ago",
            "within: machine 183 ms",
            "human 2178 ms",
            "detect (machine): 5.2 ms ± 0.18 ms, within, budget 100 ms / 250 ms",
            "decide (human): 2178 ms",
            "Filled: machine. Hatched: human.",
        ],
    );
    let region = region(&harness, PANEL);
    let charts = region.query_all_by_role(Role::Image).filter_map(|chart| chart.accesskit_node().label());
    let first: Vec<_> =
        charts.filter(|chart| chart.starts_with("vehicle-4")).take(Stage::ALL.len()).collect();
    for (stage, chart) in Stage::ALL.iter().zip(&first) {
        assert!(chart.starts_with(&format!("vehicle-4 {stage} (")), "{stage}: {chart}");
    }
    assert_eq!(first.len(), Stage::ALL.len());
}

#[test]
fn a_missing_moment_is_called_unknown_and_a_breach() {
    let harness = open();
    assert_says(
        &harness,
        &["breached: machine unknown; human unknown", "notify (machine): unknown, unknown"],
    );
}

#[test]
fn the_table_has_every_stage_with_percentiles_budget_and_verdict() {
    let harness = open();
    assert_says(&harness, &["Stages, all takeovers", "p50", "p95", "p99", "Max", "Breaches"]);
    for stage in Stage::ALL {
        let words = format!("{stage} (");
        assert!(says(&harness, PANEL, &words), "{stage}");
    }
    let rows = watchkeeper_picture::view::latency::rows(
        &harness.state().situation.picture,
        watchkeeper_model::AgentKind::Vehicle,
    );
    for row in rows {
        assert_says(&harness, &[&row.p99, &row.budget, row.verdict]);
    }
}

#[test]
fn this_console_says_its_frames_its_percentiles_and_what_it_missed() {
    let mut harness = open();
    assert_says(
        &harness,
        &["the last took unknown", "Message to presented: unknown", "Telemetry: nothing dropped"],
    );
    let local = &mut harness.state_mut().local;
    local.frame_rate_hz = 59.7;
    local.frame_millis = Some(5.25);
    local.presented = Some(Percentiles { p50_millis: 14.0, p95_millis: 25.2, p99_millis: 31.0 });
    harness.run();
    assert_says(
        &harness,
        &[
            "Frames: 60 a second, the last took 5.2 ms",
            "Message to presented: p50 14.0 ms, p95 25.2 ms, p99 31.0 ms",
            "behind the monitor's, as that says",
        ],
    );
}

#[test]
fn links_record_detectors_clocks_and_commands_are_there() {
    let harness = open();
    assert_says(
        &harness,
        &[
            "Monitor: connected",
            "Record head: ",
            "Detectors, vehicle-4",
            "vehicle-4: frozen version 1: statistic 42.00, threshold 20.00",
            "Clock offset",
            "± 0.3 ms",
            "engage vehicle-4: done",
        ],
    );
}

#[test]
fn the_agent_that_is_looked_at_stands_first_among_the_clocks() {
    let mut window = Window::new(examples::afterwards(), Level::Diagnosis);
    window.state.selected = Some(agent("vehicle-7"));
    let harness = window.open_at(DESK);
    let said = everything(&harness, PANEL);
    let (_, table) = said.split_once("Clock offset").unwrap();
    assert!(table.find("vehicle-7").unwrap() < table.find("vehicle-1").unwrap());
}

#[test]
fn it_works_on_a_laptop_with_large_text_and_without_anything_known() {
    for (_, make) in examples::all() {
        let mut window = Window::new(make(), Level::Diagnosis);
        window.settings.text_scale = 2.0;
        let harness = window.open_at(vec2(1280.0, 720.0));
        assert_says(&harness, &["Takeovers, stage by stage", "Stages, all takeovers", "This console"]);
    }
}
