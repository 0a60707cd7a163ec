//! The open question: one line above the bottom bar that covers nothing. Enter sends, Escape cancels.

use crate::{
    Inputs, Request, State,
    theme::{GRID, Size, look},
    widgets::{KeyButton, line},
};
use egui::{Align, Key, Layout, TextEdit, Ui, WidgetInfo, vec2};
use watchkeeper_picture::{MAX_TYPED, Press, Question, Typed, view::Tone};

/// Shows the open question; what was typed to another is forgotten.
pub(crate) fn show(ui: &mut Ui, state: &mut State, inputs: &Inputs<'_>, requests: &mut Vec<Request>) {
    let Some(question) = inputs.hands.question() else { return closed(state) };
    let look = look(ui.ctx());
    let new = state.asked.as_deref() != Some(question.prompt.as_str());
    if new {
        state.asked = Some(question.prompt.clone());
        state.typed.clear();
    }
    line(ui, Size::Body, Tone::Own, format!("{}  {}", question.prompt, question.hint));
    let size = vec2(ui.available_width(), look.target());
    ui.allocate_ui_with_layout(size, Layout::right_to_left(Align::Center), |ui| {
        let cancel = KeyButton::new("Cancel").key("Esc").name("Cancel the question").show(ui);
        let send = KeyButton::new("Send").key("Enter").name("Send the answer").show(ui);
        if cancel.clicked() {
            requests.push(Request::Press(Press::Typed(Typed::Cancel)));
        }
        if field(ui, state, question, new, requests) || send.clicked() {
            requests.push(Request::Press(Press::Typed(Typed::Text(state.typed.clone()))));
        }
    });
}

/// Forgets what was typed, once no question is open.
pub(crate) fn closed(state: &mut State) {
    if state.asked.take().is_some() {
        state.typed.clear();
    }
}

/// Shows the field; returns whether Enter was pressed in it.
fn field(
    ui: &mut Ui,
    state: &mut State,
    question: &Question,
    new: bool,
    requests: &mut Vec<Request>,
) -> bool {
    let look = look(ui.ctx());
    let edit = TextEdit::singleline(&mut state.typed)
        .id(ui.id().with("answer"))
        .char_limit(MAX_TYPED)
        .font(look.font(Size::Body))
        .text_color(look.colors.text.color())
        .margin(vec2(GRID, GRID / 2.0))
        .desired_width(ui.available_width());
    let response = ui.add_sized(vec2(ui.available_width(), look.target()), edit);
    let typed = state.typed.clone();
    response.widget_info(|| {
        let mut info = WidgetInfo::text_edit(true, &typed, &typed, &question.hint);
        info.label = Some(question.prompt.clone());
        info
    });
    if new {
        response.request_focus();
        return false;
    }
    let (enter, escape) = ui.input(|input| (input.key_pressed(Key::Enter), input.key_pressed(Key::Escape)));
    if response.lost_focus() && escape {
        requests.push(Request::Press(Press::Typed(Typed::Cancel)));
    }
    let sent = response.lost_focus() && enter;
    if sent {
        // The question stays open where the answer was of no use, and can be mended at once.
        response.request_focus();
    }
    sent
}
