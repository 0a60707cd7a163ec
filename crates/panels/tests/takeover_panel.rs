//! The takeover panel, phase by phase: what it says, what can be pressed, and what a press asks for.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

#[path = "support/window.rs"]
mod window;

use egui::{Key, Vec2, accesskit::Role, vec2};
use egui_kittest::{
    Harness,
    kittest::{NodeT, Queryable},
};
use watchkeeper_model::{Setpoint, Verdict};
use watchkeeper_panels::{Level, Request};
use watchkeeper_picture::{
    Action, Press,
    examples::{self, Situation},
};
use window::{Window, action, agent, click, everything, is_enabled, region, says};

const PANEL: &str = "takeover";
const LAPTOP: Vec2 = vec2(1280.0, 720.0);
const DESK: Vec2 = vec2(1920.0, 1080.0);

fn assert_says(harness: &Harness<'_, Window>, words: &[&str]) {
    for words in words {
        assert!(says(harness, PANEL, words), "{words:?} is not in:\n{}", everything(harness, PANEL));
    }
}

type Make = fn() -> Situation;

/// The phases of one takeover in their order.
fn phases() -> Vec<(&'static str, Make)> {
    vec![
        ("alert", examples::alert as Make),
        ("claimed", examples::claimed),
        ("ready", examples::ready),
        ("in_control", examples::in_control),
        ("manual", examples::manual),
        ("handing_back", examples::handing_back),
        ("afterwards", examples::afterwards),
        ("handover", examples::handover),
        ("next", examples::next),
    ]
}

#[test]
fn noticed_says_who_what_and_how_long_is_left_and_has_one_step() {
    let mut harness = Window::new(examples::alert(), Level::Task).open_at(DESK);
    assert_says(
        &harness,
        &[
            "A person is wanted",
            "Requested; in control: the agent",
            "7.9 s",
            "If nobody acts: in 7.9 s",
            "Speed signal frozen for 2.1 s while others moved",
            "expected 11.80 to 13.90",
            "Lease: nobody holds one",
        ],
    );
    assert_eq!(click(&mut harness, PANEL, "Take over vehicle-4"), [action(Action::Claim)]);
    assert!(region(&harness, PANEL).query_by_label("Engage vehicle-4").is_none());
}

#[test]
fn understood_shows_evidence_before_what_is_usually_next_and_selects_nothing() {
    let harness = Window::new(examples::ready(), Level::Detail).armed().open_at(DESK);
    let said = everything(&harness, PANEL);
    let at = |words: &str| said.find(words).unwrap_or_else(|| panic!("{words:?} is not in:\n{said}"));
    assert!(at("Speed signal frozen") < at("Usually next: engage vehicle-4 [E]"));
    assert!(harness.ctx.memory(|memory| memory.focused().is_none()));
}

#[test]
fn understood_lists_what_is_missing_to_engage() {
    let mut harness = Window::new(examples::claimed(), Level::Task).armed().open_at(DESK);
    assert_says(
        &harness,
        &[
            "You hold it: understand, then engage",
            "Needed to engage (3 of 4)",
            "yes: the lease is yours",
            "not yet: you are at the keys",
            "claim lapses in 3.6 s",
        ],
    );
    assert_eq!(click(&mut harness, PANEL, "Engage vehicle-4"), [action(Action::Engage)]);
    assert_eq!(click(&mut harness, PANEL, "Dismiss demand of vehicle-4"), [action(Action::Dismiss)]);
}

#[test]
fn engage_does_nothing_before_the_first_of_the_two_inputs() {
    let mut harness = Window::new(examples::ready(), Level::Task).open_at(DESK);
    let engage = "Engage vehicle-4: press T first: taking control needs two inputs";
    assert!(!is_enabled(&harness, PANEL, engage));
    assert_eq!(click(&mut harness, PANEL, engage), []);
    assert_eq!(click(&mut harness, PANEL, "Take over vehicle-4"), [action(Action::Claim)]);
}

#[test]
fn ready_says_what_changes_hands_and_whether_the_dead_man_is_held() {
    let mut harness = Window::new(examples::ready(), Level::Task).armed().open_at(DESK);
    assert_says(
        &harness,
        &[
            "Ready to engage",
            "Control of vehicle-4 passes from the agent to you with ENGAGE.",
            "Hands: you can act",
            "Dead-man: not held",
        ],
    );
    harness.state_mut().local.deadman_held = true;
    harness.state_mut().local.ready = false;
    harness.state_mut().local.focused = false;
    harness.run();
    assert_says(&harness, &["Dead-man: held", "YOU ARE NOT AT THE KEYS"]);
    assert_eq!(click(&mut harness, PANEL, "Engage vehicle-4"), [action(Action::Engage)]);
}

#[test]
fn in_control_shows_speed_links_commands_and_why_one_does_not_work() {
    let mut harness = Window::new(examples::in_control(), Level::Task).open_at(DESK);
    assert_says(
        &harness,
        &[
            "You are in control",
            "12.6 m/s, by commands, speed capped; an alert doubts this speed",
            "agent to you: data",
            "you to agent: renewed",
            "hold vehicle-4: accepted, not done, for 0.7 s",
            "hand back vehicle-4: rejected",
            "the cause is still there: speed",
            "Needed to hand back",
        ],
    );
    let hand_back = "Hand back vehicle-4: the agent cannot go on by itself yet";
    assert!(!is_enabled(&harness, PANEL, hand_back));
    assert_eq!(click(&mut harness, PANEL, hand_back), []);
    for (label, wanted) in [
        ("Drive vehicle-4", Action::Manual),
        ("Hold vehicle-4", Action::Hold),
        ("Let go on vehicle-4", Action::Resume),
        ("Cap speed of vehicle-4", Action::SpeedCap),
        ("Minimal risk for vehicle-4", Action::MinimalRisk),
    ] {
        region(&harness, PANEL).get_by_role_and_label(Role::Button, label).click_accesskit();
        harness.run();
        assert_eq!(std::mem::take(&mut harness.state_mut().requests), [action(wanted)], "{label}");
    }
}

#[test]
fn driving_by_hand_shows_wheel_pedals_and_a_dead_man_that_is_let_go() {
    let mut window = Window::new(examples::manual(), Level::Task);
    window.local.manual = true;
    window.local.deadman_held = true;
    window.local.setpoint = Some(Setpoint { steer: 0.3, accelerate: -0.5 });
    let mut harness = window.open_at(DESK);
    assert_says(&harness, &["by hand", "Dead-man: held", "Steering: 30 % left", "Pedals: 50 % brake"]);
    harness.state_mut().local.deadman_held = false;
    harness.run();
    assert_says(&harness, &["Dead-man: NOT HELD, it slows down"]);
}

#[test]
fn it_says_which_of_the_three_keeps_a_person_from_being_ready_and_what_follows() {
    let mut window = Window::new(examples::manual(), Level::Task);
    window.local.manual = true;
    window.local.ready = false;
    let mut harness = window.open_at(DESK);
    let follows = "it slows down, and after 1 s it falls back";
    assert_says(&harness, &[&format!("Hands: NOT READY: the dead-man is not held; {follows}")]);
    harness.state_mut().local.deadman_held = true;
    harness.run();
    assert_says(&harness, &[&format!("Hands: NOT READY: the screen is late; {follows}")]);
    harness.state_mut().local.focused = false;
    harness.run();
    assert_says(&harness, &[&format!("YOU ARE NOT AT THE KEYS: click into this window; {follows}")]);
}

#[test]
fn while_driving_by_hand_the_dead_man_and_the_speed_stand_beside_who_controls_at_every_level() {
    for level in Level::ALL {
        let mut window = Window::new(examples::manual(), level);
        window.local.manual = true;
        window.local.deadman_held = true;
        let mut harness = window.open();
        assert!(says(&harness, "top bar", "Dead-man held, 12.6 m/s"), "{}", everything(&harness, "top bar"));
        harness.state_mut().local.deadman_held = false;
        harness.run();
        assert!(says(&harness, "top bar", "DEAD-MAN NOT HELD, "), "{level:?}");
        harness.state_mut().local.manual = false;
        harness.run();
        assert!(!says(&harness, "top bar", "Dead-man") && !says(&harness, "top bar", "DEAD-MAN"));
    }
}

#[test]
fn who_only_comes_next_is_told_who_drives_and_may_engage() {
    let mut harness = Window::new(examples::next(), Level::Task).open_at(DESK);
    assert_says(&harness, &["Human; in control: ben", "Somebody else is in control", "Hands: you can act"]);
    for words in ["You are in control", "in control: you", "you hold it"] {
        assert!(!says(&harness, PANEL, words), "{words:?} is in:\n{}", everything(&harness, PANEL));
    }
    // The first of the two inputs begins it, whatever the claim itself would say.
    assert_eq!(click(&mut harness, PANEL, "Take over vehicle-4"), [action(Action::Claim)]);
    let mut harness = Window::new(examples::next(), Level::Task).armed().open_at(DESK);
    assert_eq!(click(&mut harness, PANEL, "Engage vehicle-4"), [action(Action::Engage)]);
}

#[test]
fn handing_back_is_a_checklist_with_what_is_still_open() {
    let harness = Window::new(examples::handing_back(), Level::Task).open_at(DESK);
    assert_says(
        &harness,
        &[
            "Handing back",
            "It drives again when (2 of 3)",
            "yes: the agent can go on by itself",
            "not yet: what it does is steady",
            "No alert of it is active",
        ],
    );
    assert!(region(&harness, PANEL).query_by_label_contains("Engage").is_none());
}

#[test]
fn afterwards_one_press_labels_the_takeover() {
    for (word, verdict) in [
        ("Real", Verdict::Real),
        ("False alarm", Verdict::FalseAlarm),
        ("Late", Verdict::Late),
        ("Unclear", Verdict::Unclear),
    ] {
        let mut harness = Window::new(examples::afterwards(), Level::Task).open_at(DESK);
        assert_says(&harness, &["It is over", "Your lease: handed back", "machine 183 ms", "human 2178 ms"]);
        let label = format!("Label the takeover of vehicle-4: {word}");
        let asked = click(&mut harness, PANEL, &label);
        let [Request::Press(Press::Label { demand, verdict: asked })] = asked.as_slice() else {
            panic!("{asked:?}");
        };
        assert_eq!(*asked, verdict);
        let window = harness.state();
        let newest = window.situation.picture.takeovers().next_back().unwrap();
        assert_eq!(*demand, newest.value.demand_id);
    }
}

#[test]
fn a_wish_for_control_is_answered_with_yes_or_no() {
    for (label, accept) in [("Yes, hand over vehicle-4", true), ("No, keep vehicle-4", false)] {
        let mut harness = Window::new(examples::handover(), Level::Task).open_at(DESK);
        assert_says(&harness, &["ben asks for control (I know this crossing): 8.2 s to answer"]);
        let wanted = Press::Answer { agent: agent("vehicle-4"), request_id: 7, accept };
        assert_eq!(click(&mut harness, PANEL, label), [Request::Press(wanted)]);
    }
}

#[test]
fn who_does_not_hold_it_may_ask_for_it_and_a_supervisor_clears_a_latch() {
    let mut harness = Window::new(examples::supervisor(), Level::Task).open_at(DESK);
    assert_says(&harness, &["Somebody else is in control", "Human; in control: ben"]);
    assert_eq!(click(&mut harness, PANEL, "Ask for control of vehicle-4"), [action(Action::RequestHandover)]);
    harness.state_mut().state.selected = Some(agent("vehicle-6"));
    harness.run();
    assert_eq!(click(&mut harness, PANEL, "Clear latch of vehicle-6"), [action(Action::ClearLatch)]);
}

#[test]
fn without_a_connection_nothing_can_be_pressed_and_everything_says_why() {
    let mut harness = Window::new(examples::disconnected(), Level::Task).open_at(DESK);
    assert_says(&harness, &["Last known: Requested; in control: the agent", "NOT CONNECTED, data 4.1 s old"]);
    let buttons: Vec<String> = region(&harness, PANEL)
        .query_all_by_role(Role::Button)
        .filter_map(|button| button.accesskit_node().label())
        .collect();
    assert!(buttons.len() > 2, "{buttons:?}");
    for button in &buttons {
        assert!(button.ends_with("not connected: nothing can be sent"), "{button}");
    }
    assert_eq!(click(&mut harness, PANEL, "STOP vehicle-4: not connected: nothing can be sent"), []);
}

#[test]
fn stop_is_there_in_every_phase_at_one_place_and_never_cut_off() {
    for level in [Level::Task, Level::Detail] {
        for (size, scale) in [(LAPTOP, 1.0), (LAPTOP, 2.0), (DESK, 1.0), (DESK, 2.0)] {
            let mut places = Vec::new();
            for (name, make) in phases() {
                let mut window = Window::new(make(), level).armed();
                window.settings.text_scale = scale;
                let mut harness = window.open_at(size);
                let panel = region(&harness, PANEL).rect();
                let stop =
                    region(&harness, PANEL).get_by_role_and_label(Role::Button, "STOP vehicle-4").rect();
                let place = format!("{name} at {level:?}, {size:?} x {scale}: {stop:?} in {panel:?}");
                assert!(panel.contains_rect(stop), "{place}");
                assert!(stop.height() >= 32.0 && stop.width() >= 32.0, "{place}");
                places.push((stop.right_bottom(), name));
                assert_eq!(click(&mut harness, PANEL, "STOP vehicle-4"), [action(Action::Stop)], "{place}");
            }
            let first = places[0].0;
            for (corner, name) in places {
                assert!(
                    corner.distance(first) < 1.0,
                    "STOP is at {corner:?}, not {first:?}, in {name} at {level:?}, {size:?} x {scale}"
                );
            }
        }
    }
}

#[test]
fn stop_stands_still_in_the_very_frame_in_which_a_phase_changes() {
    for (size, scale) in [(LAPTOP, 1.0), (LAPTOP, 2.0), (DESK, 1.0)] {
        let mut window = Window::new(examples::calm(), Level::Detail);
        window.settings.text_scale = scale;
        window.state.selected = Some(agent("vehicle-4"));
        let mut harness = window.open_at(size);
        harness.run();
        let stop = |harness: &Harness<'_, Window>| {
            region(harness, PANEL).get_by_role_and_label(Role::Button, "STOP vehicle-4").rect()
        };
        let first = stop(&harness).right_bottom();
        for (name, make) in phases() {
            harness.state_mut().situation = make();
            harness.step();
            let corner = stop(&harness).right_bottom();
            assert!(corner.distance(first) < 1.0, "{name}, {size:?} x {scale}: {corner:?}, not {first:?}");
        }
    }
}

#[test]
fn the_next_step_is_never_cut_off() {
    for (situation, label) in [
        (examples::alert as Make, "Take over vehicle-4"),
        (examples::ready, "Engage vehicle-4"),
        (examples::handover, "Hand back vehicle-4"),
    ] {
        for level in [Level::Task, Level::Detail] {
            for (size, scale) in [(LAPTOP, 1.0), (LAPTOP, 2.0), (DESK, 2.0)] {
                let mut window = Window::new(situation(), level).armed();
                window.settings.text_scale = scale;
                let harness = window.open_at(size);
                let panel = region(&harness, PANEL).rect();
                let Some(step) = region(&harness, PANEL).query_by_role_and_label(Role::Button, label) else {
                    panic!("{label} is not there at {level:?}, {size:?} x {scale}");
                };
                assert!(panel.contains_rect(step.rect()), "{label} at {level:?}, {size:?} x {scale}");
            }
        }
    }
}

#[test]
fn with_nothing_selected_it_shows_what_this_person_holds_and_a_press_selects_it() {
    let mut window = Window::new(examples::in_control(), Level::Detail);
    window.state.selected = None;
    let mut harness = window.open_at(DESK);
    let asked = click(&mut harness, PANEL, "STOP vehicle-4");
    assert_eq!(asked, [Request::Select(agent("vehicle-4")), action(Action::Stop)]);
}

#[test]
fn calm_says_so_and_offers_to_take_over() {
    let mut window = Window::new(examples::calm(), Level::Detail);
    window.state.selected = Some(agent("vehicle-4"));
    let mut harness = window.open_at(DESK);
    assert_says(&harness, &["Nothing is asked", "vehicle-4 acts by itself"]);
    assert_eq!(click(&mut harness, PANEL, "Take over vehicle-4"), [action(Action::Claim)]);
    let mut harness = Window::new(examples::calm(), Level::Detail).open_at(DESK);
    harness.state_mut().state.selected = None;
    harness.run();
    assert_says(&harness, &["No agent selected"]);
}

#[test]
fn the_keyboard_alone_reaches_every_button_and_presses_the_last() {
    for (name, make) in phases() {
        let harness = Window::new(make(), Level::Task).armed().open_at(DESK);
        let mut wanted: Vec<String> = region(&harness, PANEL)
            .query_all_by_role(Role::Button)
            .filter(|button| !button.accesskit_node().is_disabled())
            .filter_map(|button| button.accesskit_node().label())
            .collect();
        wanted.sort();
        assert!(wanted.contains(&"STOP vehicle-4".to_owned()), "{name}");
        let (reached, mut harness) = walk(harness, 80);
        for label in &wanted {
            assert!(reached.contains(label), "{name}: {label} is not among {reached:?}");
        }
        for _ in 0..80 {
            if focused(&harness).as_deref() == Some("STOP vehicle-4") {
                break;
            }
            harness.key_press(Key::Tab);
            harness.run();
        }
        harness.state_mut().requests.clear();
        harness.key_press(Key::Enter);
        harness.run();
        assert_eq!(harness.state().requests, [action(Action::Stop)], "{name}");
    }
}

/// Presses Tab so many times; returns which buttons of the panel had the keyboard.
fn walk(mut harness: Harness<'static, Window>, times: usize) -> (Vec<String>, Harness<'static, Window>) {
    let mut reached = Vec::new();
    for _ in 0..times {
        harness.key_press(Key::Tab);
        harness.run();
        reached.extend(focused(&harness));
    }
    (reached, harness)
}

fn focused(harness: &Harness<'_, Window>) -> Option<String> {
    let panel = region(harness, PANEL);
    let mut buttons = panel.query_all_by_role(Role::Button);
    buttons.find(egui_kittest::Node::is_focused)?.accesskit_node().label()
}

#[test]
fn everything_in_the_panel_that_can_be_pressed_has_a_name_with_the_agent_in_it() {
    for (name, make) in phases() {
        let harness = Window::new(make(), Level::Task).armed().open_at(DESK);
        for button in region(&harness, PANEL).query_all_by_role(Role::Button) {
            let label = button.accesskit_node().label().unwrap_or_default();
            assert!(label.contains("vehicle-4"), "{name}: {label:?}");
        }
    }
}
