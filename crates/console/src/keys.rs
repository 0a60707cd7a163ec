//! The safety keys, read from the keyboard itself, so that no widget can swallow them.
//!
//! Letters are those of the person's layout, arrows and Space are places on the keyboard. A key that repeats
//! repeats nothing. While a text field has the keyboard only the keys that type nothing mean something: Pause and
//! F12 stop. What a press then means is decided by [`Hands`](watchkeeper_picture::Hands).

use crate::{
    desk::{self, Asked, Desk},
    link::Link,
};
use bevy::{
    input::keyboard::{Key, KeyboardFocusLost, KeyboardInput},
    prelude::*,
};
use watchkeeper_model::{AgentId, AlarmState, AlertId};
use watchkeeper_panels::{ReplayRequest, Request};
use watchkeeper_picture::{Action, Picture, Press, view};

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
    if input.logical_key == Key::Enter {
        // The control that has the keyboard takes it.
        return (!desk.control_focused).then_some(Meaning::Act(Action::Engage));
    }
    let Key::Character(text) = &input.logical_key else { return None };
    let mut letters = text.chars();
    let (Some(letter), None) = (letters.next(), letters.next()) else { return None };
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

/// Reads the keys, and asks for what they mean.
pub(crate) fn read(
    mut keyboard: MessageReader<KeyboardInput>,
    mut lost: MessageReader<KeyboardFocusLost>,
    mut modifiers: Local<Modifiers>,
    desk: Res<Desk>,
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
            Meaning::Act(action) => Some(Request::Press(Press::Action(action))),
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
        'a' => {
            alert_at_hand(desk, picture, link, false).map(|alert| Request::Press(Press::Acknowledge(alert)))
        }
        'z' => alert_at_hand(desk, picture, link, true).map(|alert| Request::Press(Press::Shelve(alert))),
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

/// Returns the alert that a key means: the selected one, else the most urgent one of the selected agent.
fn alert_at_hand(desk: &Desk, picture: &Picture, link: &Link, any: bool) -> Option<AlertId> {
    if desk.state.alert.is_some() {
        return desk.state.alert;
    }
    let agent = desk.state.selected.as_ref()?;
    let rows = view::alerts::rows(picture, None, link.now());
    let is_open = |alert| {
        let state = picture.alert(alert).map(|entry| entry.alarm().state);
        any || matches!(state, Some(AlarmState::UnackActive | AlarmState::RtnUnack))
    };
    rows.iter().find(|row| row.agent == *agent && is_open(row.alert)).map(|row| row.alert)
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
