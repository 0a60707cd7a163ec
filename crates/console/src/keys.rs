//! The safety keys, read from the keyboard itself, so that no widget can swallow them.
//!
//! Letters are those of the person's layout, arrows and Space are places on the keyboard. A key that repeats
//! repeats nothing. While a text field has the keyboard, or a question is open, only the keys that type nothing mean
//! something: Pause and F12 stop. What a press then means is decided by [`Hands`](watchkeeper_picture::Hands).

use crate::{
    desk::{self, Asked, Desk},
    link::Link,
};
use bevy::{
    input::keyboard::{Key, KeyboardFocusLost, KeyboardInput},
    prelude::*,
};
use watchkeeper_model::{AgentId, AlarmState, AlertId};
use watchkeeper_panels::{Level, ReplayRequest, Request};
use watchkeeper_picture::{
    Action, Picture, Press, Said,
    view::{
        Tone,
        alerts::{AlertRow, Card},
    },
};

/// Which modifiers are held, as far as this window was told.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Modifiers {
    shift: bool,
    other: bool,
}

impl Modifiers {
    fn note(&mut self, key: &Key, pressed: bool) {
        if *key == Key::Shift {
            self.shift = pressed;
        } else if matches!(key, Key::Control | Key::Alt | Key::Super | Key::Meta) {
            self.other = pressed;
        }
    }
}

/// What a key is meant for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meaning {
    /// Stop the selected agent.
    Stop,
    /// Something to do to the selected agent.
    Act(Action),
    /// A letter or sign that stands for something else.
    Sign(char),
    /// Drop what is open.
    Escape,
}

fn meaning(input: &KeyboardInput, modifiers: Modifiers, desk: &Desk) -> Option<Meaning> {
    if matches!(input.logical_key, Key::Pause | Key::F12) {
        return Some(Meaning::Stop);
    }
    if desk.types || modifiers.other {
        return None;
    }
    if input.logical_key == Key::Escape {
        return Some(Meaning::Escape);
    }
    // What is typed is the answer, also where its field lost the keyboard.
    if desk.hands.question().is_some() {
        return None;
    }
    if input.logical_key == Key::Enter {
        // The control that has the keyboard takes it.
        return (!desk.control_focused).then_some(Meaning::Act(Action::Engage));
    }
    let Key::Character(text) = &input.logical_key else { return None };
    let mut letters = text.chars();
    let (Some(letter), None) = (letters.next(), letters.next()) else { return None };
    let letter = latin(letter, input.key_code)?;
    // An S is a stop also where Caps Lock made it one: a stop too many is the safe side.
    if letter == 'S' || (letter == 's' && modifiers.shift) {
        return Some(Meaning::Stop);
    }
    // With Caps Lock the other keys do what they always do; with Shift they mean nothing.
    let letter =
        if modifiers.shift && letter.is_alphabetic() { return None } else { letter.to_ascii_lowercase() };
    let action = Action::ALL.into_iter().find(|action| action.key() == letter);
    Some(action.map_or(Meaning::Sign(letter), Meaning::Act))
}

/// Returns the letter that a key means: its own, or, where the layout is of another script, the one that Latin
/// layouts have in its place. A letter of a Latin alphabet that is not ASCII has no other meaning.
fn latin(letter: char, place: KeyCode) -> Option<char> {
    if letter < LATIN_ENDS || !letter.is_alphabetic() {
        return Some(letter);
    }
    let (_, latin) = PLACES.into_iter().find(|(code, _)| *code == place)?;
    Some(if letter.is_uppercase() { latin.to_ascii_uppercase() } else { latin })
}

/// The first character behind the Latin letters.
const LATIN_ENDS: char = '\u{250}';

const PLACES: [(KeyCode, char); 26] = [
    (KeyCode::KeyA, 'a'),
    (KeyCode::KeyB, 'b'),
    (KeyCode::KeyC, 'c'),
    (KeyCode::KeyD, 'd'),
    (KeyCode::KeyE, 'e'),
    (KeyCode::KeyF, 'f'),
    (KeyCode::KeyG, 'g'),
    (KeyCode::KeyH, 'h'),
    (KeyCode::KeyI, 'i'),
    (KeyCode::KeyJ, 'j'),
    (KeyCode::KeyK, 'k'),
    (KeyCode::KeyL, 'l'),
    (KeyCode::KeyM, 'm'),
    (KeyCode::KeyN, 'n'),
    (KeyCode::KeyO, 'o'),
    (KeyCode::KeyP, 'p'),
    (KeyCode::KeyQ, 'q'),
    (KeyCode::KeyR, 'r'),
    (KeyCode::KeyS, 's'),
    (KeyCode::KeyT, 't'),
    (KeyCode::KeyU, 'u'),
    (KeyCode::KeyV, 'v'),
    (KeyCode::KeyW, 'w'),
    (KeyCode::KeyX, 'x'),
    (KeyCode::KeyY, 'y'),
    (KeyCode::KeyZ, 'z'),
];

/// Reads the keys, and asks for what they mean.
pub(crate) fn read(
    mut keyboard: MessageReader<KeyboardInput>,
    mut lost: MessageReader<KeyboardFocusLost>,
    mut modifiers: Local<Modifiers>,
    mut desk: ResMut<Desk>,
    link: Res<Link>,
    mut asked: MessageWriter<Asked>,
) {
    if lost.read().count() > 0 {
        *modifiers = Modifiers::default();
    }
    for input in keyboard.read() {
        modifiers.note(&input.logical_key, input.state.is_pressed());
        if !input.state.is_pressed() || input.repeat {
            continue;
        }
        let Some(meaning) = meaning(input, *modifiers, &desk) else { continue };
        let request = match meaning {
            Meaning::Stop => Some(Request::Press(Press::Action(Action::Stop))),
            // Whom it means stands on the lane, with the key.
            Meaning::Act(Action::Claim) => {
                let called = desk.state.called.clone().map(|agent| Asked(Request::Select(agent)));
                asked.write_batch(called);
                Some(Request::Press(Press::Action(Action::Claim)))
            }
            Meaning::Act(action) => Some(Request::Press(Press::Action(action))),
            Meaning::Sign(sign @ ('a' | 'z')) => {
                asked.write_batch(to_alert(sign, &mut desk, &link).into_iter().map(Asked));
                None
            }
            Meaning::Sign(sign) => of_sign(sign, &desk, &link),
            // The nearest first: a sheet lies above everything else that is open.
            Meaning::Escape if desk.state.help => Some(Request::Help(false)),
            Meaning::Escape if desk.state.settings_open => Some(Request::SettingsSheet(false)),
            Meaning::Escape => Some(Request::Press(Press::Escape)),
        };
        asked.write_batch(request.map(Asked));
    }
}

fn of_sign(sign: char, desk: &Desk, link: &Link) -> Option<Request> {
    let picture = link.picture();
    match sign {
        'y' => answer(picture, true),
        'u' => answer(picture, false),
        'n' => desk::most_urgent(picture, link.now()),
        'j' => neighbour(desk, picture, 1).map(Request::Select),
        'k' => neighbour(desk, picture, -1).map(Request::Select),
        'p' => link
            .replay_row()
            .map(|row| Request::Replay(if row.playing { ReplayRequest::Pause } else { ReplayRequest::Play })),
        'f' => Some(Request::Follow(!desk.state.follow)),
        ',' => Some(Request::SettingsSheet(!desk.state.settings_open)),
        '?' => Some(Request::Help(!desk.state.help)),
        other => desk::level_of(other),
    }
}

/// Acknowledges or shelves the alert at hand; where it is not on the screen, shows it and says which it is.
fn to_alert(sign: char, desk: &mut Desk, link: &Link) -> Vec<Request> {
    let picture = link.picture();
    let shelve = sign == 'z';
    let act = |alert| Request::Press(if shelve { Press::Shelve(alert) } else { Press::Acknowledge(alert) });
    let selected = desk.state.alert;
    let rows = desk.state.queue(picture, None, link.now());
    let is_of_kind =
        |alert: AlertId| rows.iter().any(|row| row.card == Card::Kind && row.stands_for.contains(&alert));
    if selected.is_some_and(is_of_kind) {
        let text = "this card stands for many alerts: show all of them, and choose one".to_owned();
        desk.say(Said { tone: Tone::Warning, text }, link.now());
        return vec![];
    }
    if let Some(alert) = selected.filter(|alert| desk.shown.contains(alert)) {
        return vec![act(alert)];
    }
    let Some(agent) = desk.state.selected.clone() else { return vec![] };
    let is_of_agent = |row: &AlertRow| {
        if row.card == Card::Kind {
            return false;
        }
        let mut alarms = row.stands_for.iter().filter_map(|alert| picture.alert(*alert));
        alarms.any(|entry| entry.alarm().agent == agent)
    };
    let is_open = |alert| {
        let state = picture.alert(alert).map(|entry| entry.alarm().state);
        shelve || state.is_some_and(AlarmState::is_unacknowledged)
    };
    let mut of_agent = rows.iter().filter(|row| is_of_agent(row) && is_open(row.alert)).map(|row| row.alert);
    let first = of_agent.clone().next();
    if let Some(alert) = of_agent.find(|alert| desk.shown.contains(alert)) {
        return vec![act(alert)];
    }
    // Nobody acts on what he does not see.
    let Some(alert) = selected.or(first) else { return vec![] };
    let verb = if shelve { "shelve" } else { "acknowledge" };
    let text = format!("{sign} would {verb} alert {alert} of {agent}: look at it, and press {sign} again");
    desk.say(Said { tone: Tone::Warning, text }, link.now());
    desk.state.reveal = Some(alert);
    vec![Request::SelectAlert(alert), Request::Level(Level::Task)]
}

/// Answers the one who asks for an agent of this person; the first that asks, where several do.
fn answer(picture: &Picture, accept: bool) -> Option<Request> {
    picture.agents().find_map(|(agent, entry)| {
        let lease = entry.status().lease.as_ref()?;
        let mine = picture.me().is_some_and(|me| me.session_id == lease.session_id);
        let handover = lease.handover.as_ref().filter(|_| mine)?;
        let request_id = handover.request_id;
        Some(Request::Press(Press::Answer { agent: agent.clone(), request_id, accept }))
    })
}

/// Returns the agent before or after the selected one, in the order of their names.
fn neighbour(desk: &Desk, picture: &Picture, step: isize) -> Option<AgentId> {
    let agents: Vec<_> = picture.agents().map(|(agent, _)| agent).collect();
    let last = agents.len().checked_sub(1)?;
    let held = agents.iter().position(|agent| Some(*agent) == desk.state.selected.as_ref());
    let index = held.map_or(0, |held| held.saturating_add_signed(step).min(last));
    agents.get(index).map(|agent| (*agent).clone())
}

#[cfg(test)]
mod tests {
    use super::{Meaning, Modifiers, meaning};
    use crate::desk::Desk;
    use bevy::{
        input::{
            ButtonState,
            keyboard::{Key, KeyCode, KeyboardInput},
        },
        prelude::Entity,
    };
    use watchkeeper_panels::Settings;
    use watchkeeper_picture::{Action, Press, examples};

    fn means(key_code: KeyCode, logical_key: Key, desk: &Desk) -> Option<Meaning> {
        let state = ButtonState::Pressed;
        let window = Entity::PLACEHOLDER;
        let input = KeyboardInput { key_code, logical_key, state, text: None, repeat: false, window };
        meaning(&input, Modifiers::default(), desk)
    }

    fn letter(key_code: KeyCode, letter: &str, desk: &Desk) -> Option<Meaning> {
        means(key_code, Key::Character(letter.into()), desk)
    }

    #[test]
    fn a_layout_of_another_script_has_the_letters_in_their_latin_places() {
        let desk = Desk::new(Settings::default(), None);
        assert_eq!(letter(KeyCode::KeyT, "\u{435}", &desk), Some(Meaning::Act(Action::Claim)));
        assert_eq!(letter(KeyCode::KeyS, "\u{42b}", &desk), Some(Meaning::Stop));
        assert_eq!(letter(KeyCode::Semicolon, "\u{436}", &desk), None);
        assert_eq!(
            letter(KeyCode::KeyH, "t", &desk),
            Some(Meaning::Act(Action::Claim)),
            "letters, not places"
        );
        assert_eq!(letter(KeyCode::KeyT, "\u{e9}", &desk), Some(Meaning::Sign('\u{e9}')), "a Latin layout");
    }

    #[test]
    fn while_a_question_is_open_nothing_typed_is_a_command_also_without_its_field() {
        let mut desk = Desk::new(Settings::default(), None);
        let held = examples::in_control();
        desk.hands.press(&Press::Action(Action::SpeedCap), held.agent.as_ref(), &held.picture, held.now);
        assert!(desk.hands.question().is_some() && !desk.types);
        assert_eq!(letter(KeyCode::KeyH, "h", &desk), None);
        assert_eq!(letter(KeyCode::KeyS, "S", &desk), None);
        assert_eq!(means(KeyCode::Enter, Key::Enter, &desk), None);
        assert_eq!(means(KeyCode::F12, Key::F12, &desk), Some(Meaning::Stop));
        assert_eq!(means(KeyCode::Escape, Key::Escape, &desk), Some(Meaning::Escape));
    }
}
