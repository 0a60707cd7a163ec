//! A press asks for what it says, for whom it says.

use crate::{
    names::asked,
    stage::{LARGE_SCREEN, Stage, nodes, spoken, stage},
};
use egui::Key;
use egui_kittest::Harness;
use watchkeeper_panels::{Level, Request, theme::ThemeName};
use watchkeeper_picture::{Action, Press, Typed, view::alerts};

fn click(harness: &mut Harness<'_, Stage>, name: &str) {
    let node = *nodes(harness)
        .iter()
        .find(|node| spoken(node) == name)
        .unwrap_or_else(|| panic!("{name:?} is nowhere"));
    node.click();
    harness.step();
    harness.step();
}

fn requests(harness: &mut Harness<'_, Stage>) -> Vec<Request> {
    std::mem::take(&mut harness.state_mut().requests)
}

#[test]
fn a_tab_asks_for_its_level() {
    for level in Level::ALL {
        let mut harness = stage("calm", Level::Overview).on(LARGE_SCREEN);
        click(&mut harness, &format!("Level {}", level.word()));
        assert_eq!(requests(&mut harness), [Request::Level(level)]);
    }
}

#[test]
fn a_row_of_the_fleet_asks_for_its_agent() {
    let mut harness = stage("calm", Level::Overview).on(LARGE_SCREEN);
    let rows = nodes(&harness);
    let row = *rows.iter().find(|node| spoken(node).starts_with("Look at vehicle-3:")).unwrap();
    row.click();
    harness.step();
    let [Request::Select(agent)] = &requests(&mut harness)[..] else { panic!("not one selection") };
    assert_eq!(agent.as_str(), "vehicle-3");
}

#[test]
fn the_lane_stops_the_agent_on_its_card_even_where_another_is_selected() {
    let mut stage = stage("alert", Level::Overview);
    let demanded = stage.situation.agent.clone().unwrap();
    let other = stage.situation.picture.agents().map(|(agent, _)| agent).find(|agent| **agent != demanded);
    stage.state.selected = other.cloned();
    let mut harness = stage.on(LARGE_SCREEN);
    click(&mut harness, &format!("Stop {demanded}"));
    assert_eq!(
        requests(&mut harness),
        [Request::Select(demanded), Request::Press(Press::Action(Action::Stop))]
    );
}

#[test]
fn the_queue_acknowledges_shelves_and_selects_the_alert_of_the_card() {
    let harness = stage("flood", Level::Task).on(LARGE_SCREEN);
    let state = harness.state();
    let rows = alerts::rows(&state.situation.picture, None, state.situation.now);
    let row = rows.into_iter().find(|row| row.can_acknowledge && row.can_shelve.is_ok()).unwrap();
    let whom = format!("{}: {} {}", row.agent, row.cause, row.subject);
    for (name, wanted) in [
        (format!("Acknowledge {whom}"), Press::Acknowledge(row.alert)),
        (format!("Shelve {whom}"), Press::Shelve(row.alert)),
    ] {
        let mut stage = stage("flood", Level::Task);
        // Shown first of all, whatever is urgent: the test is about the button, not about the order.
        stage.situation.now = state.situation.now;
        let mut harness = stage.on(LARGE_SCREEN);
        scroll_to(&mut harness, &name);
        click(&mut harness, &name);
        assert_eq!(requests(&mut harness), [Request::Press(wanted)]);
    }
}

fn scroll_to(harness: &mut Harness<'_, Stage>, name: &str) {
    for _ in 0..200 {
        let all = nodes(harness);
        let shown = all.iter().find(|node| spoken(node) == name).map(egui_kittest::Node::rect);
        let panel = all.iter().find(|node| spoken(node) == "alert queue").unwrap().rect();
        if shown.is_some_and(|rect| panel.contains_rect(rect)) {
            return;
        }
        harness.hover_at(panel.center());
        harness.event(egui::Event::MouseWheel {
            unit: egui::MouseWheelUnit::Point,
            delta: egui::vec2(0.0, -60.0),
            phase: egui::TouchPhase::Move,
            modifiers: egui::Modifiers::NONE,
        });
        harness.run_steps(4);
    }
    panic!("{name:?} cannot be scrolled to");
}

#[test]
fn settings_change_at_once_and_help_closes() {
    let mut stage = stage("calm", Level::Overview);
    stage.state.settings_open = true;
    let mut harness = stage.on(LARGE_SCREEN);
    click(&mut harness, "Room: Light");
    let [Request::Settings(wanted)] = &requests(&mut harness)[..] else { panic!("not one change") };
    assert_eq!(wanted.theme, ThemeName::Light);
    click(&mut harness, "Size of text: Larger");
    let [Request::Settings(wanted)] = &requests(&mut harness)[..] else { panic!("not one change") };
    assert!((wanted.text_scale - 1.1).abs() < 1e-6);
    click(&mut harness, "Help with all keys");
    assert_eq!(requests(&mut harness), [Request::Help(true)]);
}

#[test]
fn a_question_takes_the_keyboard_and_enter_sends_what_was_typed() {
    let mut harness = asked(Level::Task).on(LARGE_SCREEN);
    assert!(harness.state().output.wants_keyboard, "the field has the keyboard at once");
    harness.event(egui::Event::Text("sensor being replaced".to_owned()));
    harness.step();
    harness.key_press(Key::Enter);
    harness.step();
    harness.step();
    let sent = requests(&mut harness);
    let wanted = Press::Typed(Typed::Text("sensor being replaced".to_owned()));
    assert_eq!(sent, [Request::Press(wanted)]);
    assert!(harness.state().output.wants_keyboard, "an answer of no use can be mended");
}

#[test]
fn escape_cancels_a_question_and_nothing_typed_is_left() {
    let mut harness = asked(Level::Overview).on(LARGE_SCREEN);
    harness.event(egui::Event::Text("never mind".to_owned()));
    harness.step();
    harness.key_press(Key::Escape);
    harness.step();
    harness.step();
    assert_eq!(requests(&mut harness), [Request::Press(Press::Typed(Typed::Cancel))]);
    let stage = harness.state_mut();
    let (picture, now) = (stage.situation.picture.clone(), stage.situation.now);
    stage.hands.press(&Press::Typed(Typed::Cancel), None, &picture, now);
    harness.step();
    assert_eq!(harness.state().state.typed, "");
    assert!(!harness.state().output.wants_keyboard);
}

#[test]
fn a_press_that_cannot_be_done_asks_for_nothing() {
    let mut harness = stage("disconnected", Level::Overview).on(LARGE_SCREEN);
    let all = nodes(&harness);
    let dead: Vec<_> = all.iter().filter(|node| spoken(node).starts_with("Take over ")).copied().collect();
    for node in dead {
        assert!(spoken(&node).contains("not connected"), "it says why: {}", spoken(&node));
        node.click();
    }
    harness.step();
    assert_eq!(requests(&mut harness), []);
}

#[test]
fn no_control_keeps_the_keyboard_while_a_person_drives_by_hand() {
    let mut stage = stage("manual", Level::Task);
    stage.local.manual = true;
    let mut harness = stage.on(LARGE_SCREEN);
    harness.key_press(Key::Tab);
    harness.step();
    harness.key_press(Key::Space);
    harness.step();
    assert_eq!(requests(&mut harness), []);
    assert!(!harness.state().output.control_focused);
}

#[test]
fn shelved_alerts_are_out_of_the_way_and_can_be_taken_back() {
    let mut harness = stage("alert", Level::Task).on(LARGE_SCREEN);
    let unshelve = |harness: &Harness<'_, Stage>| {
        nodes(harness).iter().map(spoken).find(|name| name.starts_with("Unshelve "))
    };
    assert_eq!(unshelve(&harness), None);
    click(&mut harness, "Show 1 hidden alerts");
    let name = unshelve(&harness).unwrap();
    click(&mut harness, &name);
    let state = harness.state();
    let shelved = alerts::hidden(&state.situation.picture, state.situation.now);
    assert_eq!(state.requests, [Request::Press(Press::Unshelve(shelved[0].alert))]);
}
