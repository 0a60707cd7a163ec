//! Text in one of the sizes, in the colour of its tone.

use crate::theme::{Size, look};
use egui::{Label, Response, RichText, Ui};
use watchkeeper_picture::view::Tone;

/// Sixty characters are as long as a line of prose gets; a character is about half as wide as it is high.
const PROSE_WIDTH: f32 = 60.0 * 0.55;

fn rich(ui: &Ui, size: Size, tone: Tone, text: impl Into<String>) -> RichText {
    let look = look(ui.ctx());
    RichText::new(text).font(look.font(size)).color(look.colors.text_of(tone).color())
}

/// Shows text on one line, cut off where there is no room for it.
pub(crate) fn line(ui: &mut Ui, size: Size, tone: Tone, text: impl Into<String>) -> Response {
    let rich = rich(ui, size, tone, text);
    ui.add(Label::new(rich).truncate())
}

/// Shows text that takes exactly the room it needs.
pub(crate) fn said(ui: &mut Ui, size: Size, tone: Tone, text: impl Into<String>) -> Response {
    let rich = rich(ui, size, tone, text);
    ui.add(Label::new(rich).extend())
}

/// Shows text that takes exactly the room it needs, in bold.
pub(crate) fn strong(ui: &mut Ui, size: Size, tone: Tone, text: impl Into<String>) -> Response {
    let font = look(ui.ctx()).strong(size);
    let rich = rich(ui, size, tone, text).font(font);
    ui.add(Label::new(rich).extend())
}

/// Shows text that wraps, in lines of at most about sixty characters.
pub(crate) fn prose(ui: &mut Ui, size: Size, tone: Tone, text: impl Into<String>) -> Response {
    let rich = rich(ui, size, tone, text);
    let width = (look(ui.ctx()).points(size) * PROSE_WIDTH).min(ui.available_width());
    ui.scope(|ui| {
        ui.set_max_width(width);
        ui.add(Label::new(rich).wrap())
    })
    .inner
}
