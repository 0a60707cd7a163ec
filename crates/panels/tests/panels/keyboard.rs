//! Everything can be reached and pressed without a pointer.

use crate::stage::{LARGE_SCREEN, SMALL_SCREEN, Stage, is_control, nodes, spoken, stage};
use egui::Key;
use egui_kittest::{Harness, kittest::NodeT as _};
use std::collections::BTreeSet;
use watchkeeper_panels::{Level, Request};

fn focused(harness: &Harness<'_, Stage>) -> Option<String> {
    nodes(harness).iter().find(|node| node.is_focused()).map(spoken)
}

fn enabled_controls(harness: &Harness<'_, Stage>) -> BTreeSet<String> {
    let all = nodes(harness);
    let enabled = all.iter().filter(|node| is_control(node) && !node.accesskit_node().is_disabled());
    enabled.map(spoken).collect()
}

/// Presses Tab until the first control has the keyboard again; returns what had it.
fn walk(harness: &mut Harness<'_, Stage>) -> BTreeSet<String> {
    let mut seen = BTreeSet::new();
    let mut idle = 0;
    for _ in 0..600 {
        harness.key_press(Key::Tab);
        harness.run_steps(2);
        let fresh = focused(harness).is_some_and(|name| seen.insert(name));
        idle = if fresh { 0 } else { idle + 1 };
        // One way round without anything new.
        if idle > seen.len() + 8 {
            break;
        }
    }
    seen
}

#[test]
fn tab_reaches_every_control_of_every_level() {
    for name in ["alert", "in_control", "handover"] {
        for level in Level::ALL {
            let mut harness = stage(name, level).on(LARGE_SCREEN);
            let wanted = enabled_controls(&harness);
            let seen = walk(&mut harness);
            let missed: Vec<_> = wanted.difference(&seen).collect();
            assert!(missed.is_empty(), "{name}, {level:?}: not reached: {missed:?}");
        }
    }
}

#[test]
fn tab_goes_through_all_of_a_long_queue() {
    let mut harness = stage("flood", Level::Task).on(SMALL_SCREEN);
    let first: BTreeSet<_> =
        enabled_controls(&harness).into_iter().filter(|name| name.starts_with("Take over ")).collect();
    let seen = walk(&mut harness);
    let reached = seen.iter().filter(|name| name.starts_with("Take over ")).count();
    assert!(reached > first.len() * 3, "{reached} after {}", first.len());
}

#[test]
fn arrows_and_enter_choose_an_agent_of_the_fleet() {
    let mut harness = stage("calm", Level::Overview).on(LARGE_SCREEN);
    let row = *nodes(&harness).iter().find(|node| spoken(node).starts_with("Look at vehicle-1:")).unwrap();
    row.focus();
    harness.run_steps(2);
    harness.key_press(Key::ArrowDown);
    harness.run_steps(2);
    let name = focused(&harness).unwrap();
    assert!(name.starts_with("Look at vehicle-2:"), "{name}");
    harness.key_press(Key::Enter);
    harness.run_steps(2);
    let [Request::Select(agent)] = &harness.state().requests[..] else { panic!("not one selection") };
    assert_eq!(agent.as_str(), "vehicle-2");
    assert!(harness.state().output.control_focused, "Enter was the control's, not ENGAGE");
}
