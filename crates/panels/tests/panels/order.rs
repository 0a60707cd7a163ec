//! Nothing slips under a press: the queue and the lane hold still while somebody is there.

use crate::stage::{LARGE_SCREEN, Stage, nodes, situation, spoken, stage};
use egui::{Event, Modifiers, PointerButton, Pos2};
use egui_kittest::Harness;
use watchkeeper_model::{AgentId, Alarm, AlarmState, AlertId, DemandId, Severity};
use watchkeeper_panels::{Level, Request};
use watchkeeper_picture::{Press, view::alerts};
use watchkeeper_protocol::{
    ToOperator,
    operator::{AlertUpdate, StatusUpdate},
};

/// Tells the picture of an alert that is worse than any.
fn raise(stage: &mut Stage, make: impl FnOnce(&mut Alarm)) {
    let picture = &mut stage.situation.picture;
    let mut alarm = picture.alerts().next().unwrap().1.alarm().clone();
    make(&mut alarm);
    let cursor = picture.resume().unwrap().cursor + 1;
    picture.handle(&ToOperator::Alert(AlertUpdate { cursor, alarm }), stage.situation.now);
}

fn shown(harness: &Harness<'_, Stage>) -> Vec<String> {
    let mut cards: Vec<(f32, String)> = nodes(harness)
        .iter()
        .filter(|node| spoken(node).starts_with("Acknowledge "))
        .map(|node| (node.rect().top(), spoken(node)))
        .collect();
    cards.sort_by(|one, other| one.0.total_cmp(&other.0));
    cards.into_iter().map(|(_, name)| name).collect()
}

fn button(at: Pos2, pressed: bool) -> Event {
    Event::PointerButton { pos: at, button: PointerButton::Primary, pressed, modifiers: Modifiers::NONE }
}

fn pressable(harness: &Harness<'_, Stage>) -> (AlertId, Pos2) {
    let state = harness.state();
    let rows = alerts::rows(&state.situation.picture, None, state.situation.now);
    let row = rows.iter().find(|row| row.can_acknowledge).unwrap();
    let name = format!("Acknowledge {}: {} {}", row.agent, row.cause, row.subject);
    let all = nodes(harness);
    let at = all.iter().find(|node| spoken(node) == name).unwrap().rect().center();
    (row.alert, at)
}

fn new_worst(alarm: &mut Alarm) {
    alarm.alert_id = AlertId(u64::MAX - 1);
    alarm.severity = Severity::Critical;
    alarm.state = AlarmState::UnackActive;
    alarm.subject = watchkeeper_model::Label::new("brand new").unwrap();
}

#[test]
fn what_comes_between_press_and_release_changes_nothing_about_the_pressed_alert() {
    let mut harness = stage("flood", Level::Task).on(LARGE_SCREEN);
    let (alert, at) = pressable(&harness);
    harness.event(Event::PointerMoved(at));
    harness.step();
    harness.event(button(at, true));
    harness.step();
    raise(harness.state_mut(), new_worst);
    harness.step();
    harness.event(button(at, false));
    harness.step();
    harness.step();
    assert_eq!(harness.state().requests, [Request::Press(Press::Acknowledge(alert))]);
}

#[test]
fn where_the_pressed_alert_is_gone_nothing_is_acknowledged_in_its_place() {
    let mut harness = stage("flood", Level::Task).on(LARGE_SCREEN);
    let (alert, at) = pressable(&harness);
    harness.event(Event::PointerMoved(at));
    harness.step();
    harness.event(button(at, true));
    harness.step();
    let gone = harness.state().situation.picture.alert(alert).unwrap().alarm().clone();
    raise(harness.state_mut(), |alarm| {
        *alarm = gone;
        alarm.state = AlarmState::Normal;
    });
    harness.step();
    harness.event(button(at, false));
    harness.step();
    harness.step();
    assert_eq!(harness.state().requests, []);
    let all = nodes(&harness);
    assert!(all.iter().any(|node| spoken(node) == "Over."), "its place stays while somebody is there");
}

#[test]
fn the_queue_is_sorted_anew_only_once_nobody_points_at_it() {
    let mut harness = stage("flood", Level::Task).on(LARGE_SCREEN);
    let before = shown(&harness);
    let (_, at) = pressable(&harness);
    harness.event(Event::PointerMoved(at));
    harness.step();
    raise(harness.state_mut(), new_worst);
    harness.run_steps(3);
    assert_eq!(shown(&harness), before, "held while the pointer is there");
    harness.event(Event::PointerGone);
    harness.run_steps(3);
    let after = shown(&harness);
    assert_ne!(after, before);
    assert!(after.iter().any(|name| name.contains("brand new")), "{after:?}");
}

#[test]
fn the_queue_holds_still_while_one_of_its_controls_has_the_keyboard() {
    let mut harness = stage("flood", Level::Task).on(LARGE_SCREEN);
    let before = shown(&harness);
    let first = nodes(&harness).iter().find(|node| spoken(node) == before[0]).copied().unwrap();
    first.focus();
    harness.run_steps(2);
    raise(harness.state_mut(), new_worst);
    harness.run_steps(3);
    assert_eq!(shown(&harness), before);
}

#[test]
fn a_hundred_alerts_make_only_the_cards_in_sight() {
    let harness = stage("flood", Level::Task).on(LARGE_SCREEN);
    let all = alerts::rows(&situation("flood").picture, None, situation("flood").now).len();
    let cards = shown(&harness).len();
    assert!(all >= 100, "{all} alerts");
    assert!((3..30).contains(&cards), "{cards} cards");
}

/// Tells the picture of a demand of vehicle-2 that runs out sooner than that of vehicle-4.
fn demand(stage: &mut Stage) {
    let picture = &mut stage.situation.picture;
    let first = picture.agent(stage.situation.agent.as_ref().unwrap()).unwrap().status().clone();
    let mut status = picture.agent(&AgentId::new("vehicle-2").unwrap()).unwrap().status().clone();
    status.control_state = first.control_state;
    status.state_version = first.state_version;
    status.demand = first.demand.map(|mut demand| {
        demand.demand_id = DemandId(demand.demand_id.0 + 1);
        demand.left_nanos = 1_500_000_000;
        demand
    });
    let cursor = picture.resume().unwrap().cursor + 1;
    picture.handle(&ToOperator::ControlStatus(StatusUpdate { cursor, status }), stage.situation.now);
}

fn lane(harness: &Harness<'_, Stage>) -> Vec<String> {
    let all = nodes(harness);
    let lane = all.iter().find(|node| spoken(node) == "takeover lane").unwrap().rect();
    let mut cards: Vec<(f32, String)> = all
        .iter()
        .filter(|node| spoken(node).starts_with("Take over ") && lane.contains_rect(node.rect()))
        .map(|node| (node.rect().left(), spoken(node)))
        .collect();
    cards.sort_by(|one, other| one.0.total_cmp(&other.0));
    cards.into_iter().map(|(_, name)| name).collect()
}

#[test]
fn the_lane_keeps_its_order_while_somebody_points_at_it() {
    let mut free = stage("alert", Level::Overview).on(LARGE_SCREEN);
    demand(free.state_mut());
    free.run_steps(2);
    assert_eq!(lane(&free).first().unwrap(), "Take over vehicle-2");

    let mut held = stage("alert", Level::Overview).on(LARGE_SCREEN);
    let button =
        nodes(&held).iter().find(|node| spoken(node) == "Take over vehicle-4").unwrap().rect().center();
    held.event(Event::PointerMoved(button));
    held.step();
    demand(held.state_mut());
    held.run_steps(2);
    assert_eq!(lane(&held), ["Take over vehicle-4", "Take over vehicle-2"]);
}
