//! Keys as a person presses them, in the scenes of the picture's own tests.

use super::handle;
use crate::watch::{
    crowds, scenes,
    ui::{Pane, UiState, View},
};
use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use watchkeeper_model::*;
use watchkeeper_picture::{Intent, Picture};
use watchkeeper_protocol::{
    ToOperator,
    operator::{AgentStatus, HandoverStatus, LeaseEvent, LeaseUpdate, NextHolder, StatusUpdate},
};

fn press(code: KeyCode, picture: &Picture, ui: &mut UiState, now: MonoTime) -> Vec<Intent> {
    handle(KeyEvent::new(code, KeyModifiers::NONE), picture, ui, now)
}

fn write(text: &str, picture: &Picture, ui: &mut UiState, now: MonoTime) -> Vec<Intent> {
    text.chars().flat_map(|c| press(KeyCode::Char(c), picture, ui, now)).collect()
}

fn on(name: &str) -> UiState {
    let mut ui = UiState::new();
    ui.select_agent(scenes::agent(name));
    ui
}

fn said(ui: &UiState, now: MonoTime) -> String {
    ui.message(now).map(|message| message.text.clone()).unwrap_or_default()
}

#[test]
fn two_deliberate_inputs_take_control_and_one_does_not() {
    let mut ui = on("truck-17");
    let (demanded, now) = scenes::alert();
    assert_eq!(press(KeyCode::Enter, &demanded, &mut ui, now), []);
    assert!(said(&ui, now).contains("press t first"));
    let agent = scenes::agent("truck-17");
    assert_eq!(write("t", &demanded, &mut ui, now), [Intent::Claim { agent: agent.clone() }]);
    assert_eq!(write("e", &demanded, &mut ui, now), [], "the lease has not come yet");
    assert!(said(&ui, now).contains("not granted yet"));
    let (mut claimed, now) = scenes::claimed();
    assert_eq!(press(KeyCode::Enter, &claimed, &mut ui, now), []);
    assert!(said(&ui, now).contains("read first"));
    let now = now.after(watchkeeper_picture::READ_FIRST);
    claimed.handle(&ToOperator::Telemetry(scenes::telemetry("truck-17", 5_000, 0.02)), now);
    assert_eq!(press(KeyCode::Enter, &claimed, &mut ui, now), [Intent::Engage { agent, latches: vec![] }]);
    assert_eq!(press(KeyCode::Enter, &claimed, &mut ui, now), [], "one engage for one claim");
}

fn news(ui: &UiState, now: MonoTime) -> String {
    ui.news.lines(now).map(|line| line.text.as_str()).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_second_input_must_come_before_the_claim_lapses_and_for_the_same_agent() {
    let (claimed, now) = scenes::claimed();
    let mut ui = on("truck-17");
    assert_eq!(write("t", &claimed, &mut ui, now), [], "it is ours already: only armed again");
    let late = now.after(scenes::millis(4_300));
    assert_eq!(write("e", &claimed, &mut ui, late), []);
    assert_eq!(news(&ui, late), "the claim of truck-17 lapsed: not engaged in time");
    let mut ui = on("truck-17");
    write("t", &claimed, &mut ui, now);
    ui.select_agent(scenes::agent("truck-21"));
    assert_eq!(write("e", &claimed, &mut ui, now), []);
    assert!(said(&ui, now).contains("you began to take over truck-17"));
}

fn lease_update(event: LeaseEvent, epoch: u64, end: Option<LeaseEnd>) -> ToOperator {
    ToOperator::Lease(LeaseUpdate {
        cursor: 104,
        agent: scenes::agent("truck-17"),
        holder: scenes::person("anna"),
        session_id: scenes::SESSION,
        epoch: Epoch(epoch),
        event,
        code: (event == LeaseEvent::Refused).then_some(CommandCode::Precondition),
        end,
        detail: (event == LeaseEvent::Refused).then(|| scenes::note("bob holds it")),
    })
}

#[test]
fn whoever_loses_control_is_told_once_and_why() {
    for (end, away, words) in [
        (LeaseEnd::Fallback, true, "YOU LOST truck-17: it fell back because no key was pressed for 3 s"),
        (LeaseEnd::Fallback, false, "YOU LOST truck-17: it fell back"),
        (LeaseEnd::HandedBack, false, "you handed truck-17 back"),
    ] {
        let (mut picture, now) = scenes::takeover();
        let mut ui = on("truck-17");
        if !away {
            ui.touch(now);
        }
        ui.refresh(&picture, now);
        ui.news.dismiss();
        picture.handle(&lease_update(LeaseEvent::Ended, 41, Some(end)), now);
        ui.refresh(&picture, now);
        ui.refresh(&picture, now);
        let told = news(&ui, now);
        assert!(told.starts_with(words) && told.lines().count() == 1, "{end:?}: {told}");
        assert_eq!(told.contains("no key"), away, "{told}");
    }
}

#[test]
fn a_refused_claim_ends_the_wait_for_the_second_input() {
    let (mut picture, now) = scenes::alert();
    let mut ui = on("truck-17");
    write("t", &picture, &mut ui, now);
    picture.handle(&lease_update(LeaseEvent::Refused, 0, None), now);
    ui.refresh(&picture, now);
    assert_eq!(ui.hands.armed(), None);
    assert_eq!(news(&ui, now), "NOT GRANTED: truck-17: precondition: bob holds it");
}

#[test]
fn one_key_stops_the_selected_agent_and_the_sixth_within_ten_seconds_needs_it_twice() {
    let agents = (0..7).map(|i| scenes::status(&format!("truck-{i}"), AgentKind::Vehicle)).collect();
    let picture = scenes::picture(OperatorRole::Operator, agents, vec![]);
    let mut ui = UiState::new();
    let now = scenes::START;
    let stop = |name: &str, confirm_many| {
        vec![Intent::Stop { agent: scenes::agent(name), reason: None, confirm_many }]
    };
    for i in 0..5 {
        ui.select_agent(scenes::agent(&format!("truck-{i}")));
        assert_eq!(write("S", &picture, &mut ui, now), stop(&format!("truck-{i}"), false));
    }
    assert_eq!(
        write("S", &picture, &mut ui, now),
        stop("truck-4", false),
        "the same agent again is not one more"
    );
    ui.select_agent(scenes::agent("truck-5"));
    assert_eq!(write("S", &picture, &mut ui, now), []);
    assert_eq!(write("S", &picture, &mut ui, now), stop("truck-5", true));
    ui.select_agent(scenes::agent("truck-6"));
    let later = now.after(scenes::millis(10_000));
    assert_eq!(write("S", &picture, &mut ui, later), stop("truck-6", false));
}

#[test]
fn a_stop_works_above_the_help_and_a_held_key_stops_once() {
    let (picture, now) = scenes::calm();
    let mut ui = on("truck-17");
    write("?", &picture, &mut ui, now);
    assert!(ui.help);
    assert_eq!(write("S", &picture, &mut ui, now).len(), 1);
    let held = KeyEvent::new_with_kind(KeyCode::Char('S'), KeyModifiers::SHIFT, KeyEventKind::Repeat);
    assert_eq!(handle(held, &picture, &mut ui, now), []);
    assert_eq!(handle(KeyEvent::new(KeyCode::Char('S'), KeyModifiers::CONTROL), &picture, &mut ui, now), []);
}

#[test]
fn a_speed_cap_asks_for_a_number_and_takes_nothing_else() {
    let (picture, now) = scenes::calm();
    let mut ui = on("truck-17");
    assert_eq!(write("cfast", &picture, &mut ui, now), []);
    assert_eq!(press(KeyCode::Enter, &picture, &mut ui, now), []);
    assert!(said(&ui, now).contains("NOT SENT"));
    for _ in 0..4 {
        press(KeyCode::Backspace, &picture, &mut ui, now);
    }
    // The agent was fixed when the key was pressed.
    ui.agent = Some(scenes::agent("truck-21"));
    write("4,5", &picture, &mut ui, now);
    let args = CommandArgs { speed_mps: Some(4.5), ..CommandArgs::default() };
    let expected = Intent::Command { agent: scenes::agent("truck-17"), kind: CommandKind::SpeedCap, args };
    assert_eq!(press(KeyCode::Enter, &picture, &mut ui, now), [expected]);
}

#[test]
fn a_dismissal_needs_a_reason() {
    let (picture, now) = scenes::claimed();
    let mut ui = on("truck-17");
    write("x  ", &picture, &mut ui, now);
    assert_eq!(press(KeyCode::Enter, &picture, &mut ui, now), []);
    write("sensor dirt", &picture, &mut ui, now);
    let args = CommandArgs { reason: Some(scenes::note("sensor dirt")), ..CommandArgs::default() };
    let expected = Intent::Command { agent: scenes::agent("truck-17"), kind: CommandKind::Dismiss, args };
    assert_eq!(press(KeyCode::Enter, &picture, &mut ui, now), [expected]);
}

#[test]
fn a_key_acts_on_the_selected_alert_wherever_its_row_went() {
    let (picture, now) = crowds::flood();
    let mut ui = UiState::new();
    write("njj", &picture, &mut ui, now);
    let selected = ui.alert.unwrap();
    // New deadlines would re-order the queue; for three seconds it stays as the person saw it.
    let order = ui.frozen(now.after(scenes::millis(2_999))).unwrap();
    assert_eq!(order.iter().position(|alert| *alert == selected), Some(2));
    assert_eq!(ui.frozen(now.after(scenes::millis(3_000))), None);
    let late = now.after(scenes::millis(9_000));
    assert_eq!(write("a", &picture, &mut ui, late), [Intent::Acknowledge { alert: selected }]);
}

#[test]
fn what_vanished_leaves_nothing_selected() {
    let (flood, now) = crowds::flood();
    let mut ui = UiState::new();
    write("n", &flood, &mut ui, now);
    let (calm, now) = scenes::calm();
    assert_eq!(write("a", &calm, &mut ui, now), []);
    assert!(said(&ui, now).contains("select an alert first"));
}

#[test]
fn every_key_says_why_it_does_nothing_without_a_connection() {
    let (picture, now) = scenes::disconnected();
    for key in ["t", "h", "c", "g", "m", "b", "r", "x", "l", "S"] {
        let mut ui = on("truck-17");
        assert_eq!(write(key, &picture, &mut ui, now), [], "{key}");
        assert!(said(&ui, now).contains("not connected"), "{key}: {}", said(&ui, now));
    }
}

#[test]
fn the_holder_must_press_quit_twice() {
    let (picture, now) = scenes::takeover();
    let mut ui = on("truck-17");
    write("q", &picture, &mut ui, now);
    assert!(!ui.quit);
    write("q", &picture, &mut ui, now);
    assert!(ui.quit);
}

#[test]
fn the_person_is_ready_for_three_seconds_after_a_key() {
    let (picture, now) = scenes::calm();
    let mut ui = UiState::new();
    assert!(!ui.is_ready(AgentKind::Vehicle, now) && ui.is_ready(AgentKind::Transaction, now));
    write("2", &picture, &mut ui, now);
    assert_eq!((ui.view, ui.pane), (View::Agent, Pane::Fleet));
    assert!(ui.is_ready(AgentKind::Vehicle, now.after(scenes::millis(2_999))));
    assert!(!ui.is_ready(AgentKind::Vehicle, now.after(scenes::millis(3_000))));
}

/// The agent that this person drives, with somebody who asks for it, or who gets it next.
fn driven(wish: Option<u64>, next: bool) -> AgentStatus {
    let mut status = scenes::status("truck-17", AgentKind::Vehicle);
    status.control_state = ControlState::Human;
    let mut lease = scenes::lease("anna", scenes::SESSION);
    lease.handover = wish.map(|request_id| HandoverStatus {
        request_id,
        by: scenes::person("bob"),
        session_id: SessionId(8),
        left_nanos: 9_000_000_000,
        reason: Some(scenes::note("my turn")),
    });
    lease.next = next.then(|| NextHolder {
        holder: scenes::person("bob"),
        session_id: SessionId(8),
        epoch: Epoch(42),
        left_nanos: 5_000_000_000,
        ready: true,
        preempts: false,
    });
    status.lease = Some(lease);
    status
}

fn hear(picture: &mut Picture, cursor: u64, status: AgentStatus, now: MonoTime) {
    picture.handle(&ToOperator::ControlStatus(StatusUpdate { cursor, status }), now);
}

#[test]
fn a_wish_for_control_is_told_once_and_answered_with_one_key() {
    let (mut picture, now) = scenes::takeover();
    let mut ui = on("truck-21");
    ui.refresh(&picture, now);
    ui.news.dismiss();
    assert_eq!(write("y", &picture, &mut ui, now), []);
    assert!(said(&ui, now).contains("nobody asks you"));
    hear(&mut picture, 104, driven(Some(5), false), now);
    ui.refresh(&picture, now);
    ui.refresh(&picture, now);
    assert_eq!(news(&ui, now), "bob asks for truck-17 (my turn): y hands it over, u keeps it");
    let answer =
        |accept| vec![Intent::AnswerHandover { agent: scenes::agent("truck-17"), request_id: 5, accept }];
    assert_eq!(write("u", &picture, &mut ui, now), answer(false));
    assert_eq!(write("y", &picture, &mut ui, now), answer(true));
    hear(&mut picture, 105, driven(None, true), now);
    ui.refresh(&picture, now);
    assert!(news(&ui, now).ends_with("bob takes over truck-17: you drive until then"), "{}", news(&ui, now));
}

#[test]
fn an_answer_meets_the_wish_that_stood_on_the_screen_and_no_later_one() {
    let (mut picture, now) = scenes::takeover();
    let mut ui = on("truck-17");
    hear(&mut picture, 104, driven(Some(5), false), now);
    ui.refresh(&picture, now);
    hear(&mut picture, 105, driven(Some(6), false), now);
    assert_eq!(write("y", &picture, &mut ui, now), []);
    assert!(said(&ui, now).contains("nobody asks for it any more"), "{}", said(&ui, now));
}

#[test]
fn an_alert_is_shelved_and_taken_back_with_the_same_key() {
    let statuses = || vec![scenes::status("truck-17", AgentKind::Vehicle)];
    let alarm = scenes::alarm(502, "truck-17", Severity::Warning);
    let picture = scenes::picture(OperatorRole::Operator, statuses(), vec![alarm.clone()]);
    let now = scenes::START;
    let mut ui = UiState::new();
    write("z", &picture, &mut ui, now);
    assert!(said(&ui, now).contains("select an alert first"));
    assert_eq!(write("nz30m dirt", &picture, &mut ui, now), []);
    let span = std::time::Duration::from_mins(30);
    let shelve = Intent::Shelve { alert: AlertId(502), span, reason: scenes::note("dirt") };
    assert_eq!(press(KeyCode::Enter, &picture, &mut ui, now), [shelve]);
    let until = scenes::MONITOR_START.after(span);
    let shelved = Some(Shelved { by: scenes::person("anna"), until, reason: scenes::note("dirt") });
    let aside = vec![Alarm { shelved, ..alarm }];
    let picture = scenes::picture(OperatorRole::Operator, statuses(), aside);
    assert_eq!(write("z", &picture, &mut ui, now), [Intent::Unshelve { alert: AlertId(502) }]);
}

#[test]
fn nobody_drives_by_hand_in_a_terminal() {
    let (picture, now) = scenes::takeover();
    let mut ui = on("truck-17");
    write("d", &picture, &mut ui, now);
    assert_eq!(ui.hands.manual(), None);
    assert!(said(&ui, now).contains("needs the window"));
}
