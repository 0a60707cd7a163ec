//! The newest word to this person, the commands on their way, and the keys that matter most.

use crate::{
    Inputs, State,
    theme::{GRID, Size, look},
    widgets::{line, mark, said},
};
use egui::{Align, Layout, Ui, vec2};
use watchkeeper_picture::{
    Action,
    view::{
        Tone,
        commands::{self, CommandRow},
    },
};

/// Commands that there is room for.
const COMMANDS: usize = 2;

/// Shows the bar.
pub(crate) fn show(ui: &mut Ui, state: &State, inputs: &Inputs<'_>) {
    let look = look(ui.ctx());
    ui.spacing_mut().item_spacing.y = GRID / 4.0;
    let size = vec2(ui.available_width(), look.line_height(Size::Body));
    ui.allocate_ui_with_layout(size, Layout::right_to_left(Align::Center), |ui| {
        said(ui, Size::Small, Tone::Quiet, hint(state, inputs));
        ui.with_layout(Layout::left_to_right(Align::Center), |ui| news(ui, inputs));
    });
    let rows = commands::rows(inputs.picture, None, inputs.now);
    let more = rows.len().saturating_sub(COMMANDS);
    let height = look.line_height(Size::Small);
    for (index, row) in rows.iter().take(COMMANDS).enumerate() {
        let size = vec2(ui.available_width(), height);
        let also = if index + 1 == COMMANDS { more } else { 0 };
        ui.allocate_ui_with_layout(size, Layout::left_to_right(Align::Center), |ui| command(ui, row, also));
    }
    if rows.is_empty() {
        line(ui, Size::Small, Tone::Quiet, "No command is on its way.");
    }
}

fn news(ui: &mut Ui, inputs: &Inputs<'_>) {
    match (inputs.hands.stop_awaits_confirmation(inputs.now), &inputs.local.news) {
        (Some(agent), _) => {
            let text = format!("Many were stopped: press {} again to stop {agent} too", stop_key());
            line(ui, Size::Body, Tone::Danger, text);
        }
        (None, Some(news)) => {
            line(ui, Size::Body, news.tone, &news.text);
        }
        (None, None) => {
            line(ui, Size::Body, Tone::Quiet, "Nothing new.");
        }
    }
}

fn stop_key() -> String {
    crate::widgets::key_words(Action::Stop.key())
}

/// What the keys can do to the selected agent now, in the order in which a takeover needs it.
fn hint(state: &State, inputs: &Inputs<'_>) -> String {
    let Some(agent) = &state.selected else { return "N most urgent · ? all keys".to_owned() };
    if inputs.replay.is_some() {
        return "P play and pause · ? all keys".to_owned();
    }
    let works = |action: &Action| action.check(inputs.picture, agent, inputs.now).is_ok();
    let steps = [Action::Claim, Action::Engage, Action::HandBack, Action::Hold, Action::Manual, Action::Stop];
    let mut keys: Vec<String> = steps
        .into_iter()
        .filter(works)
        .map(|action| format!("{} {}", crate::widgets::key_words(action.key()), action.verb().to_lowercase()))
        .collect();
    keys.extend(["N next".to_owned(), "? all keys".to_owned()]);
    format!("{agent}: {}", keys.join(" · "))
}

fn command(ui: &mut Ui, row: &CommandRow, also: usize) {
    let look = look(ui.ctx());
    mark(ui, row.mark, row.tone, look.points(Size::Small));
    let mut parts = vec![
        format!("{} {}", row.verb, row.agent),
        row.state.to_owned(),
        format!("{} ago by {}", row.age, row.by),
        row.record.to_owned(),
    ];
    if !row.why.is_empty() {
        parts.insert(2, row.why.clone());
    }
    if also > 0 {
        parts.push(format!("{also} more"));
    }
    line(ui, Size::Small, row.tone, parts.join(" · "));
}
