//! Keys, on pictures that stand still: what would be sent is refused in words.

use crate::rig::{Rig, faulty};
use bevy::input::{
    ButtonState,
    keyboard::{Key, KeyCode},
};
use watchkeeper_console::{app::Setup, link::Source, settings, surface::Surface};
use watchkeeper_panels::{Level, theme::ThemeName};
use watchkeeper_picture::examples::{self, Situation};

fn at(situation: Situation) -> Rig {
    let mut rig = Rig::attended(Source::Still(Box::new(situation)));
    rig.frame();
    rig
}

#[test]
fn levels_help_and_the_most_urgent_have_keys() {
    let mut rig = at(examples::alert());
    rig.letter('3');
    assert_eq!(rig.desk().state.level, Level::Detail);
    rig.letter('n');
    assert_eq!(rig.desk().state.selected, Some(faulty()));
    assert!(rig.desk().state.alert.is_some());
    rig.letter('?');
    assert!(rig.desk().state.help);
    rig.letter('1');
    assert_eq!(rig.desk().state.level, Level::Overview, "the help hides no key");
    rig.tap(KeyCode::Escape, Key::Escape);
    assert!(!rig.desk().state.help);
}

#[test]
fn what_is_set_by_pointer_is_used_at_once_and_kept() {
    let home = watchkeeper_canary::tempdir().unwrap();
    let file = home.path().join("watchkeeper/console.toml");
    let source = Source::Still(Box::new(examples::calm()));
    let mut rig = Rig::new(Setup { settings_file: Some(file.clone()), ..Setup::new(source, Surface::None) });
    rig.letter(',');
    rig.frame();
    rig.click("Room: Light");
    assert_eq!(rig.desk().settings.theme, ThemeName::Light);
    let (kept, said) = settings::load(&file);
    assert_eq!((kept.theme, said), (ThemeName::Light, None));
}

#[test]
fn a_key_that_repeats_repeats_nothing() {
    let mut rig = at(examples::alert());
    rig.letter('n');
    let key = || Key::Character("t".into());
    rig.key(KeyCode::KeyT, key(), ButtonState::Pressed, true);
    assert_eq!(rig.news(), "");
    rig.key(KeyCode::KeyT, key(), ButtonState::Pressed, false);
    assert!(rig.news().contains("NOT SENT"), "the same key, pressed: {}", rig.news());
}

#[test]
fn a_stop_works_beside_the_help_and_with_caps_lock_and_while_somebody_types() {
    let mut rig = at(examples::in_control());
    rig.letter('?');
    rig.letter('S');
    assert!(rig.news().contains("NOT SENT"), "{}", rig.news());

    let mut rig = at(examples::in_control());
    rig.letter('c');
    assert!(rig.desk().hands.question().is_some(), "a speed cap asks how fast: {}", rig.news());
    rig.frame();
    for letter in ['3', 'S', 'h'] {
        rig.letter(letter);
    }
    assert_eq!(rig.desk().state.typed, "3Sh", "letters are typed, and do nothing else");
    assert_eq!((rig.news(), rig.desk().state.level), ("", Level::Overview));
    rig.tap(KeyCode::Pause, Key::Pause);
    assert!(rig.news().contains("NOT SENT"), "{}", rig.news());
}

#[test]
fn a_question_waits_until_the_wheel_is_let_go_and_escape_drops_either() {
    let mut rig = at(examples::in_control());
    rig.letter('d');
    assert!(rig.desk().hands.manual().is_some(), "{}", rig.news());
    rig.letter('c');
    assert!(rig.news().contains("let go of the wheel first"), "{}", rig.news());
    assert!(rig.desk().hands.question().is_none());
    rig.tap(KeyCode::Escape, Key::Escape);
    assert!(rig.desk().hands.manual().is_none());
    rig.letter('c');
    rig.frame();
    assert!(rig.desk().hands.question().is_some());
    rig.tap(KeyCode::Escape, Key::Escape);
    rig.frame();
    assert!(rig.desk().hands.question().is_none());
}

#[test]
fn a_vehicle_is_steered_only_while_space_is_held_and_waits_for_the_first_hold() {
    let mut rig = at(examples::in_control());
    rig.letter('d');
    rig.frame();
    assert_eq!(rig.desk().local.setpoint, None);
    assert!(rig.desk().local.ready, "the wheel alone changes nothing");
    rig.key(KeyCode::Space, Key::Space, ButtonState::Pressed, false);
    rig.key(KeyCode::ArrowLeft, Key::ArrowLeft, ButtonState::Pressed, false);
    rig.frame();
    assert!(rig.desk().local.setpoint.is_some());
    assert!(rig.desk().local.ready);
    rig.key(KeyCode::Space, Key::Space, ButtonState::Released, false);
    assert_eq!(rig.desk().local.setpoint, None);
    assert!(!rig.desk().local.ready, "a hand off the dead-man's key cannot act");
    rig.tap(KeyCode::Escape, Key::Escape);
    rig.letter('d');
    rig.frame();
    assert!(rig.desk().local.ready, "the wheel is taken anew");
}

#[test]
fn looking_at_another_agent_lets_go_of_the_wheel() {
    let mut rig = at(examples::in_control());
    rig.letter('d');
    assert!(rig.desk().hands.manual().is_some(), "{}", rig.news());
    rig.letter('j');
    assert!(rig.desk().hands.manual().is_none());
    assert!(rig.news().contains("you let go of"), "{}", rig.news());
}

#[test]
fn space_presses_no_control_while_an_agent_is_held() {
    // Goes through the controls with Tab, and counts how often Space did something.
    let presses = |situation: Situation| {
        let mut rig = at(situation);
        let seen = |rig: &Rig| {
            let state = &rig.desk().state;
            (state.help, state.settings_open, state.level, state.selected.clone(), rig.news().to_owned())
        };
        let mut count = 0;
        for _ in 0..12 {
            rig.tap(KeyCode::Tab, Key::Tab);
            let before = seen(&rig);
            rig.tap(KeyCode::Space, Key::Space);
            rig.frame();
            count += usize::from(seen(&rig) != before);
        }
        count
    };
    assert!(presses(examples::calm()) > 0);
    assert_eq!(presses(examples::in_control()), 0);
}

#[test]
fn an_alert_that_is_not_on_the_screen_is_shown_before_a_key_takes_note_of_it() {
    let mut rig = at(examples::flood());
    // There are no alerts but the demand's there.
    rig.letter('4');
    rig.frame();
    for _ in 0..20 {
        rig.letter('j');
        rig.letter('a');
        if rig.desk().state.level == Level::Task {
            break;
        }
    }
    assert!(rig.news().contains("a would acknowledge alert"), "{}", rig.news());
    assert_eq!(rig.desk().state.level, Level::Task);
    rig.frame();
    rig.letter('a');
    assert!(rig.news().contains("NOT SENT"), "{}", rig.news());
}
