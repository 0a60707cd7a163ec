//! Takeovers from a fault to the end, by keys and by pointer.

use crate::rig::{Rig, Site, faulty};
use bevy::input::keyboard::{Key, KeyCode};
use std::time::Duration;
use watchkeeper_console::{app::Setup, surface::Surface};
use watchkeeper_model::{CommandKind, CommandState, ControlState, OperatorRole};
use watchkeeper_picture::view::takeover;

/// The place of t5, the presented frame, among the moments of a takeover.
const PRESENTED: usize = 5;

fn lease_is_ready(rig: &Rig) -> bool {
    let lease = rig.picture().agent(&faulty()).and_then(|entry| entry.status().lease.as_ref());
    lease.is_some_and(|lease| lease.ready)
}

fn until_demanded(rig: &mut Rig) {
    rig.until("a demand", |rig| rig.state(&faulty()) == Some(ControlState::Requested));
}

/// Looks at the vehicle that calls, as a person does: with the key for the most urgent.
fn look(rig: &mut Rig) {
    rig.letter('n');
    assert_eq!(rig.desk().state.selected, Some(faulty()));
}

#[test]
fn the_key_that_takes_over_means_the_vehicle_that_calls_whatever_was_looked_at() {
    let site = Site::start();
    let mut rig = Rig::attended(site.session("ada", OperatorRole::Operator));
    rig.until("the vehicles", |rig| rig.picture().agents().count() == 8);
    rig.letter('j');
    until_demanded(&mut rig);
    rig.until("the lane with its key", |rig| rig.desk().state.called == Some(faulty()));
    assert_ne!(rig.desk().state.selected, Some(faulty()));
    rig.letter('t');
    rig.until_state(&faulty(), ControlState::Claimed);
    assert_eq!(rig.desk().state.selected, Some(faulty()));
}

#[test]
fn a_fault_is_seen_claimed_held_and_handed_back_with_a_key_each() {
    let site = Site::start();
    let mut rig = Rig::attended(site.session("ada", OperatorRole::Operator));
    until_demanded(&mut rig);
    assert!(rig.find("Take over vehicle-4").is_some(), "a demand can be acted upon at every level");
    look(&mut rig);

    rig.letter('e');
    assert!(rig.news().contains("press t first"), "one input alone takes nothing: {}", rig.news());
    rig.letter('t');
    rig.until_state(&faulty(), ControlState::Claimed);
    rig.until("a ready holder", lease_is_ready);
    rig.read_first();
    rig.letter('e');
    rig.until_state(&faulty(), ControlState::Human);
    rig.letter('h');
    rig.until("a completed hold", |rig| {
        rig.picture().commands(&faulty()).any(|command| {
            command.kind == CommandKind::Hold && command.state == Some(CommandState::Completed)
        })
    });
    rig.letter('a');
    rig.until("a healed sensor", |rig| {
        let panel = takeover::panel(rig.picture(), &faulty(), watchkeeper_client::console_now());
        panel.is_some_and(|panel| panel.checks.iter().all(|check| check.done))
    });
    rig.letter('b');
    rig.until_state(&faulty(), ControlState::Autonomous);
    rig.until("the news", |rig| rig.news() == "you handed vehicle-4 back");

    // The monitor knows when the alert was on the screen: measured, by the console that showed it.
    let takeover = rig.picture().takeovers().find(|takeover| takeover.value.agent == faulty()).unwrap();
    let presented = takeover.value.moments[PRESENTED];
    assert!(presented.is_some(), "{:?}", takeover.value.moments);
    assert!(rig.desk().local.presented.is_some(), "and the console knows its own latency");
}

/// Claims the vehicle that is looked at, and tries to engage it.
fn try_to_take(rig: &mut Rig) {
    let agent = rig.desk().state.selected.clone().unwrap();
    rig.until("a settled vehicle", |rig| {
        rig.picture().agent(&agent).is_some_and(|entry| entry.status().settled)
    });
    rig.letter('t');
    rig.until_state(&agent, ControlState::Claimed);
    // Long enough for a person who is there to count as ready.
    rig.watch(Duration::from_secs(1));
    rig.letter('e');
    rig.until("the refusal", |rig| rig.news().contains("REJECTED"));
    assert_eq!(rig.state(&agent), Some(ControlState::Claimed));
    let lease = rig.picture().agent(&agent).unwrap().status().lease.clone().unwrap();
    assert!(!lease.ready, "nobody vouches for somebody who is not there");
}

#[test]
fn a_console_that_nobody_sits_at_or_sees_takes_no_control() {
    let site = Site::start();
    let source = site.session("ada", OperatorRole::Operator);
    let mut away = Rig::new(Setup { focused: false, ..Setup::new(source, Surface::None) });
    away.until("vehicles", |rig| rig.desk().state.selected.is_some());
    try_to_take(&mut away);
    drop(away);

    let mut hidden = Rig::attended(site.session("ben", OperatorRole::Operator));
    hidden.hide();
    hidden.frame();
    let last_frame = hidden.desk().local.frame_millis;
    hidden.until("vehicles", |rig| rig.desk().state.selected.is_some());
    hidden.letter('j');
    try_to_take(&mut hidden);
    assert_eq!(hidden.desk().local.frame_millis, last_frame, "no frame was presented since");
}

#[test]
fn a_button_claims_a_stop_key_stops_and_an_observer_can_do_neither() {
    let site = Site::start();
    let mut rig = Rig::attended(site.session("ada", OperatorRole::Operator));
    let mut onlooker = Rig::attended(site.session("ben", OperatorRole::Observer));
    until_demanded(&mut rig);

    until_demanded(&mut onlooker);
    look(&mut onlooker);
    onlooker.letter('t');
    assert!(onlooker.news().contains("in this role you only read"), "{}", onlooker.news());
    onlooker.letter('S');
    assert!(onlooker.news().contains("in this role you only read"), "{}", onlooker.news());

    rig.click("Take over vehicle-4");
    rig.until_state(&faulty(), ControlState::Claimed);
    assert_eq!(rig.desk().state.selected, Some(faulty()), "the button's agent is the one that is looked at");
    let me = rig.picture().me().unwrap().session_id;
    let holder = rig.picture().agent(&faulty()).unwrap().status().lease.as_ref().unwrap().session_id;
    assert_eq!(holder, me);
    rig.tap(KeyCode::F12, Key::F12);
    rig.until_state(&faulty(), ControlState::Estopped);
    onlooker.until_state(&faulty(), ControlState::Estopped);
}
