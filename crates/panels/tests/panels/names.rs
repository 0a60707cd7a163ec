//! Whoever cannot see the screen hears what every control is and whom it acts on.

use crate::stage::{LARGE_SCREEN, Stage, is_control, nodes, replay, spoken, stage};
use egui_kittest::Harness;
use watchkeeper_panels::Level;
use watchkeeper_picture::{Press, examples};

fn assert_all_named(harness: &Harness<'_, Stage>, what: &str) {
    let mut controls = 0;
    for node in nodes(harness) {
        if !is_control(&node) {
            continue;
        }
        controls += 1;
        assert!(!spoken(&node).trim().is_empty(), "{what}: a control without a name: {node:?}");
    }
    assert!(controls >= 6, "{what}: {controls} controls are too few to be true");
}

#[test]
fn every_control_of_every_situation_and_level_has_a_name() {
    for (name, make) in examples::all() {
        for level in Level::ALL {
            let harness = Stage::new(make(), level).on(LARGE_SCREEN);
            assert_all_named(&harness, &format!("{name}, {}", level.word()));
        }
    }
}

#[test]
fn every_control_of_sheets_replay_and_question_has_a_name() {
    for level in Level::ALL {
        let mut settings = stage("calm", level);
        settings.state.settings_open = true;
        assert_all_named(&settings.on(LARGE_SCREEN), "settings");
        let mut help = stage("calm", level);
        help.state.help = true;
        assert_all_named(&help.on(LARGE_SCREEN), "help");
        let mut replayed = stage("alert", level);
        replayed.replay = Some(replay());
        assert_all_named(&replayed.on(LARGE_SCREEN), "replay");
        let asked = asked(level);
        assert_all_named(&asked.on(LARGE_SCREEN), "question");
    }
}

#[test]
fn a_button_that_acts_names_whom_it_acts_on() {
    for level in Level::ALL {
        let harness = stage("alert", level).on(LARGE_SCREEN);
        let agent = harness.state().situation.agent.clone().unwrap();
        for node in nodes(&harness).iter().filter(|node| is_control(node)) {
            let name = spoken(node);
            let acts = ["Take over", "Stop", "Engage", "Acknowledge", "Shelve", "Release"];
            if acts.iter().any(|verb| name.starts_with(verb)) {
                let agents = harness.state().situation.picture.agents();
                let named = agents.into_iter().any(|(known, _)| name.contains(known.as_str()));
                assert!(named, "{level:?}: {name:?} does not say whom");
            }
        }
        assert!(nodes(&harness).iter().any(|node| spoken(node) == format!("Take over {agent}")));
    }
}

/// A stage on which a supervisor is asked why he shelves an alert.
pub(crate) fn asked(level: Level) -> Stage {
    let mut stage = stage("flood", level);
    let picture = &stage.situation.picture;
    let rows = watchkeeper_picture::view::alerts::rows(picture, None, stage.situation.now);
    let alert = rows.iter().find(|row| row.can_shelve.is_ok()).unwrap().alert;
    stage.hands.press(&Press::Shelve(alert), None, picture, stage.situation.now);
    assert!(stage.hands.question().is_some());
    stage
}
