//! Keys into intents. Every key acts on the selected id, never on a row.

use super::{
    draw::queue::queue,
    ui::{Asked, Pane, UiState, View},
};
use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use watchkeeper_model::{AgentId, Alarm, AlertId, MonoTime};
use watchkeeper_picture::{
    Action, CONFIRM_WITHIN, Intent, MAX_TYPED, Picture, Press, Typed,
    view::{
        self, Tone,
        alerts::{AlertRow, Card},
    },
};

/// Takes one key; returns what the person wants.
pub(crate) fn handle(key: KeyEvent, picture: &Picture, ui: &mut UiState, now: MonoTime) -> Vec<Intent> {
    if key.kind == KeyEventKind::Release {
        return vec![];
    }
    let asked = ui.asked.clone();
    ui.touch(now);
    ui.refresh(picture, now);
    let control = key.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT);
    if control {
        if key.code == KeyCode::Char('c') {
            ui.quit = true;
        }
        return vec![];
    }
    if ui.hands.question().is_some() {
        return typed(key.code, picture, ui, now);
    }
    let help_was_open = std::mem::take(&mut ui.help);
    // A held key may move the selection, but must not do the same thing to an agent twice.
    if key.kind == KeyEventKind::Repeat && !is_navigation(key.code) {
        return vec![];
    }
    // Above the help only the stop works; any other key closes it.
    if help_was_open && key.code != KeyCode::Char(Action::Stop.key()) {
        return vec![];
    }
    pressed(key.code, asked, picture, ui, now)
}

const fn is_navigation(code: KeyCode) -> bool {
    matches!(
        code,
        KeyCode::Up | KeyCode::Down | KeyCode::PageUp | KeyCode::PageDown | KeyCode::Char('j' | 'k')
    )
}

fn pressed(
    code: KeyCode,
    asked: Option<Asked>,
    picture: &Picture,
    ui: &mut UiState,
    now: MonoTime,
) -> Vec<Intent> {
    if let KeyCode::Char(c) = code
        && let Some(action) = Action::ALL.into_iter().find(|action| action.key() == c)
    {
        return act(action, picture, ui, now);
    }
    if let Some(view) = view_of(code) {
        ui.view = view;
    } else if let Some(step) = step_of(code) {
        step_by(step, picture, ui, now);
    } else if code == KeyCode::Enter {
        return act(Action::Engage, picture, ui, now);
    } else if matches!(code, KeyCode::Tab | KeyCode::BackTab | KeyCode::Left | KeyCode::Right) {
        switch_pane(picture, ui, now);
    } else if code == KeyCode::Esc {
        ui.news.dismiss();
        return press(&Press::Escape, picture, ui, now);
    } else if code == KeyCode::Char('a') {
        return on_alert(|alert, _| Press::Acknowledge(alert), picture, ui, now);
    } else if code == KeyCode::Char('z') {
        let meaning = |alert, alarm: &Alarm| match (&alarm.out_of_service, &alarm.shelved, alarm.latched) {
            (Some(_), _, _) => Press::PutBack(alert),
            (None, Some(_), _) => Press::Unshelve(alert),
            (None, None, true) => Press::Reset(alert),
            (None, None, false) => Press::Shelve(alert),
        };
        return on_alert(meaning, picture, ui, now);
    } else if code == KeyCode::Char('Z') {
        return on_alert(|alert, _| Press::TakeOut(alert), picture, ui, now);
    } else if matches!(code, KeyCode::Char('y' | 'Y')) {
        return answer(asked, true, picture, ui, now);
    } else if matches!(code, KeyCode::Char('u' | 'U')) {
        return answer(asked, false, picture, ui, now);
    } else if code == KeyCode::Char('n') {
        jump_to_most_urgent(picture, ui, now);
    } else if code == KeyCode::Char('f') {
        flood_in_full(picture, ui, now);
    } else if code == KeyCode::Char('?') {
        ui.help = true;
    } else if code == KeyCode::Char('q') {
        quit(picture, ui, now);
    }
    vec![]
}

const fn view_of(code: KeyCode) -> Option<View> {
    if let KeyCode::Char(c) = code {
        match c {
            '1' => Some(View::Overview),
            '2' => Some(View::Agent),
            '3' => Some(View::Commands),
            '4' => Some(View::Latency),
            _ => None,
        }
    } else {
        None
    }
}

fn step_of(code: KeyCode) -> Option<isize> {
    let steps = [
        (KeyCode::Char('j'), 1),
        (KeyCode::Down, 1),
        (KeyCode::PageDown, 10),
        (KeyCode::Char('k'), -1),
        (KeyCode::Up, -1),
        (KeyCode::PageUp, -10),
    ];
    steps.into_iter().find(|(key, _)| *key == code).map(|(_, step)| step)
}

/// Does what a press means and tells the person what became of it.
fn press(press: &Press, picture: &Picture, ui: &mut UiState, now: MonoTime) -> Vec<Intent> {
    let agent = ui.agent.clone();
    let pressed = ui.hands.press(press, agent.as_ref(), picture, now);
    match pressed.said {
        Some(said) => ui.say(said.tone, said.text, now),
        // A question or a countdown stands there now and says it better.
        None => ui.hush(),
    }
    pressed.intents
}

fn act(action: Action, picture: &Picture, ui: &mut UiState, now: MonoTime) -> Vec<Intent> {
    if ui.agent.is_none() {
        ui.say(Tone::Warning, "select an agent first: j and k move, n goes to the most urgent alert", now);
        return vec![];
    }
    if action == Action::Manual {
        ui.say(Tone::Warning, "driving by hand needs the window: a terminal cannot know a held key", now);
        return vec![];
    }
    press(&Press::Action(action), picture, ui, now)
}

fn typed(code: KeyCode, picture: &Picture, ui: &mut UiState, now: MonoTime) -> Vec<Intent> {
    if code == KeyCode::Esc {
        ui.typed.clear();
        return press(&Press::Typed(Typed::Cancel), picture, ui, now);
    } else if code == KeyCode::Backspace {
        ui.typed.pop();
    } else if code == KeyCode::Enter {
        let text = std::mem::take(&mut ui.typed);
        let intents = press(&Press::Typed(Typed::Text(text.clone())), picture, ui, now);
        // An answer that was of no use stays, to be put right.
        if ui.hands.question().is_some() {
            ui.typed = text;
        }
        return intents;
    } else if let KeyCode::Char(c) = code
        && ui.typed.chars().count() < MAX_TYPED
    {
        ui.typed.push(c);
    }
    vec![]
}

fn on_alert(
    meaning: impl Fn(AlertId, &Alarm) -> Press,
    picture: &Picture,
    ui: &mut UiState,
    now: MonoTime,
) -> Vec<Intent> {
    let Some(entry) = ui.alert.and_then(|alert| picture.alert(alert)) else {
        ui.say(Tone::Warning, "select an alert first: Tab, or n for the most urgent", now);
        return vec![];
    };
    let alert = entry.alarm().alert_id;
    let is_of_kind = |row: &AlertRow| row.card == Card::Kind && row.stands_for.contains(&alert);
    if queue(picture, ui, now).iter().any(is_of_kind) {
        ui.say(Tone::Warning, "this line stands for many alerts: f shows all of them, then choose one", now);
        return vec![];
    }
    press(&meaning(alert, entry.alarm()), picture, ui, now)
}

/// Answers the wish for control that stood on the screen when the key was pressed.
fn answer(
    asked: Option<Asked>,
    accept: bool,
    picture: &Picture,
    ui: &mut UiState,
    now: MonoTime,
) -> Vec<Intent> {
    let Some(Asked { agent, request_id }) = asked else {
        ui.say(Tone::Quiet, "nobody asks you for control", now);
        return vec![];
    };
    press(&Press::Answer { agent, request_id, accept }, picture, ui, now)
}

fn step_by(step: isize, picture: &Picture, ui: &mut UiState, now: MonoTime) {
    if ui.view == View::Overview && ui.pane == Pane::Alerts {
        let rows = queue(picture, ui, now);
        let held = rows.iter().position(|row| Some(row.alert) == ui.alert);
        if let Some(row) = moved(held, step, rows.len()).and_then(|index| rows.get(index)) {
            let order = rows.iter().map(|row| row.alert).collect();
            ui.select_alert(row.alert, row.agent.clone(), order, now);
        }
        return;
    }
    let agents: Vec<&AgentId> = picture.agents().map(|(agent, _)| agent).collect();
    let held = agents.iter().position(|agent| Some(*agent) == ui.agent.as_ref());
    if let Some(agent) = moved(held, step, agents.len()).and_then(|index| agents.get(index)) {
        ui.select_agent((*agent).clone());
    }
}

/// Returns the index `step` from `held`, within the list; the first one when nothing is held.
fn moved(held: Option<usize>, step: isize, len: usize) -> Option<usize> {
    let last = len.checked_sub(1)?;
    Some(held.map_or(0, |held| held.saturating_add_signed(step).min(last)))
}

fn switch_pane(picture: &Picture, ui: &mut UiState, now: MonoTime) {
    ui.view = View::Overview;
    ui.pane = match ui.pane {
        Pane::Fleet => Pane::Alerts,
        Pane::Alerts => Pane::Fleet,
    };
    if ui.pane == Pane::Alerts && ui.alert.is_none() {
        step_by(0, picture, ui, now);
    }
}

fn jump_to_most_urgent(picture: &Picture, ui: &mut UiState, now: MonoTime) {
    let rows = view::alerts::rows(picture, None, now);
    let Some(first) = rows.first() else {
        ui.say(Tone::Quiet, "no alerts", now);
        return;
    };
    ui.view = View::Overview;
    ui.pane = Pane::Alerts;
    ui.select_alert(first.alert, first.agent.clone(), rows.iter().map(|row| row.alert).collect(), now);
}

/// Shows every alert of a flood by itself, or one line a kind again.
fn flood_in_full(picture: &Picture, ui: &mut UiState, now: MonoTime) {
    ui.flood_in_full = !ui.flood_in_full;
    ui.say(
        Tone::Quiet,
        match (picture.flooded_since().is_some(), ui.flood_in_full) {
            (false, _) => "you have no flood: every alert has its line",
            (true, true) => "every alert of the flood has its line; f for one line a kind",
            (true, false) => "one line a kind of alert while the flood lasts; f for all",
        },
        now,
    );
}

/// Who holds a lease is asked twice: quitting gives it up, and a driven vehicle falls back.
fn quit(picture: &Picture, ui: &mut UiState, now: MonoTime) {
    let armed = ui.quit_armed_until.take().is_some_and(|until| now < until);
    let held = picture.agents().map(|(agent, _)| agent).find(|agent| picture.my_epoch(agent).is_some());
    match held {
        Some(agent) if !armed => {
            ui.say(
                Tone::Danger,
                format!("you hold {agent}: hand back (b) or release (r); q again leaves it"),
                now,
            );
            ui.quit_armed_until = Some(now.after(CONFIRM_WITHIN));
        }
        Some(_) | None => ui.quit = true,
    }
}

#[cfg(test)]
mod tests;
