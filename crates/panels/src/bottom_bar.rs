//! The newest word to this person, the commands on their way, and the keys that matter most.

use crate::{
    Inputs, Request, State,
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
pub(crate) fn show(ui: &mut Ui, state: &State, inputs: &Inputs<'_>, _requests: &mut Vec<Request>) {
    let look = look(ui.ctx());
    ui.spacing_mut().item_spacing.y = GRID / 4.0;
    let size = vec2(ui.available_width(), look.line_height(Size::Body));
    ui.allocate_ui_with_layout(size, Layout::right_to_left(Align::Center), |ui| {
        said(ui, Size::Small, Tone::Quiet, hint(state));
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
            line(ui, Size::Body, Tone::Quiet, "Nothing was pressed yet.");
        }
    }
}

fn stop_key() -> String {
    crate::widgets::key_words(Action::Stop.key())
}

fn hint(state: &State) -> String {
    let whom = state.selected.as_ref().map_or_else(|| "select an agent".to_owned(), ToString::to_string);
    format!("{whom}: T take over, E engage, {} stop · N next · ? all keys", stop_key())
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
