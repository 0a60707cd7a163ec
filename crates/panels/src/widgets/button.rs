//! A button with its key on it: the same word and the same key everywhere, and why it does not work now.

use crate::theme::{GRID, Look, Size, TARGET, look};
use egui::{
    Color32, CornerRadius, FontId, Galley, Rect, Response, Sense, Stroke, StrokeKind, Ui, WidgetInfo,
    WidgetType, pos2, text::LayoutJob, vec2,
};
use std::sync::Arc;
use watchkeeper_picture::view::Tone;

/// Returns a key as it stands on a keyboard.
pub(crate) fn key_words(key: char) -> String {
    if key.is_ascii_uppercase() { format!("Shift+{key}") } else { key.to_ascii_uppercase().to_string() }
}

/// Returns text with a capital first letter.
pub(crate) fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// A button with its key on it.
#[derive(Clone, Debug)]
pub(crate) struct KeyButton {
    label: String,
    key: Option<String>,
    name: Option<String>,
    tone: Option<Tone>,
    selected: Option<bool>,
    why_not: Option<String>,
    strong: bool,
    one_line: bool,
    size: Size,
    at_most: f32,
}

impl KeyButton {
    /// Makes a button that says `label`.
    pub(crate) fn new(label: impl Into<String>) -> Self {
        Self {
            label: label.into(),
            key: None,
            name: None,
            tone: None,
            selected: None,
            why_not: None,
            strong: false,
            one_line: false,
            size: Size::Body,
            at_most: f32::INFINITY,
        }
    }

    /// Puts a key on it; empty for none.
    #[must_use]
    pub(crate) fn key(mut self, key: impl Into<String>) -> Self {
        self.key = Some(key.into()).filter(|key| !key.is_empty());
        self
    }

    /// Names it for people who cannot see it; without this it is called what it says. Name the agent in it.
    #[must_use]
    pub(crate) fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Fills it with a tone: for the one button of a card that matters.
    #[must_use]
    pub(crate) const fn filled(mut self, tone: Tone) -> Self {
        self.tone = Some(tone);
        self
    }

    /// Makes it one of several, of which one is on.
    #[must_use]
    pub(crate) const fn selected(mut self, selected: bool) -> Self {
        self.selected = Some(selected);
        self
    }

    /// Says why it does not work now; `None` where it works.
    #[must_use]
    pub(crate) fn why_not(mut self, why_not: Option<String>) -> Self {
        self.why_not = why_not;
        self
    }

    /// Makes it at most this wide; what does not fit is cut.
    #[must_use]
    pub(crate) const fn at_most(mut self, width: f32) -> Self {
        self.at_most = width;
        self
    }

    /// Writes its label in bold.
    #[must_use]
    pub(crate) const fn strong(mut self) -> Self {
        self.strong = true;
        self
    }

    /// Keeps it on one line: why it does not work is spoken but not drawn, where the card says it anyway.
    #[must_use]
    pub(crate) const fn one_line(mut self) -> Self {
        self.one_line = true;
        self
    }

    /// Writes its label small, for rows of many.
    #[must_use]
    pub(crate) const fn small(mut self) -> Self {
        self.size = Size::Small;
        self
    }

    /// Shows it. It is pressed by the pointer, and by Enter and Space where it has the keyboard.
    pub(crate) fn show(self, ui: &mut Ui) -> Response {
        let look = look(ui.ctx());
        let enabled = self.why_not.is_none() && ui.is_enabled();
        let ink = self.ink(&look, enabled);
        let font = if self.strong { look.strong(self.size) } else { look.font(self.size) };
        let padding = GRID * 2.0;
        let key_font = look.strong(Size::Small);
        let key = self.key.as_ref().map(|key| one_line(ui, key, key_font, ink, f32::INFINITY));
        let key_room = key.as_ref().map_or(0.0, |key| key.size().x.max(GRID) + GRID * 2.0);
        let most = ui.available_width().min(self.at_most).max(TARGET);
        let text_room = (most - padding - key_room).max(GRID);
        let label = one_line(ui, &self.label, font, ink, text_room);
        let reason =
            self.why_not.as_ref().filter(|_| !self.one_line).map(|why| {
                one_line(ui, why, look.font(Size::Small), look.colors.quiet.color(), most - padding)
            });
        let reason_size = reason.as_ref().map_or(vec2(0.0, 0.0), |reason| reason.size());
        let needed = (label.size().x + key_room).max(reason_size.x) + padding;
        let width = needed.max(TARGET);
        let height = look.target() + reason_size.y;
        let id = ui.id().with(&self.label).with(self.name.as_deref().unwrap_or_default());
        let (rect, _) = ui.allocate_exact_size(vec2(width, height), Sense::hover());
        let sense = if enabled { Sense::click() } else { Sense::hover() };
        let response = ui.interact(rect, id, sense);
        if ui.is_rect_visible(rect) {
            self.paint_ground(ui, &look, rect, &response, enabled);
            let middle = rect.top() + look.target() / 2.0;
            let left = rect.left() + GRID;
            ui.painter().galley(pos2(left, middle - label.size().y / 2.0), label, ink);
            if let Some(key) = key {
                paint_key(ui, rect, middle, key, ink);
            }
            if let Some(reason) = reason {
                let at = pos2(left, rect.bottom() - reason_size.y - GRID / 2.0);
                ui.painter().galley(at, reason, ink);
            }
        }
        if response.gained_focus() {
            response.scroll_to_me(None);
        }
        let name = self.spoken_name();
        response.widget_info(|| match self.selected {
            Some(selected) => WidgetInfo::selected(WidgetType::Button, enabled, selected, &name),
            None => WidgetInfo::labeled(WidgetType::Button, enabled, &name),
        });
        response
    }

    fn spoken_name(&self) -> String {
        let name = self.name.as_deref().unwrap_or(&self.label);
        match &self.why_not {
            Some(why) => format!("{name}: {why}"),
            None => name.to_owned(),
        }
    }

    fn ink(&self, look: &Look, enabled: bool) -> Color32 {
        if !enabled {
            look.colors.quiet.color()
        } else if self.tone.is_some() {
            look.colors.on_tone.color()
        } else {
            look.colors.text.color()
        }
    }

    fn paint_ground(&self, ui: &Ui, look: &Look, rect: Rect, response: &Response, enabled: bool) {
        let colors = &look.colors;
        let on = self.selected == Some(true);
        let touched = enabled && (response.hovered() || response.is_pointer_button_down_on());
        let fill = match self.tone {
            Some(tone) if enabled => look.tone(tone),
            Some(_) | None if !enabled => colors.surface.color(),
            Some(_) | None if touched || on => colors.selected.color(),
            Some(_) | None => colors.raised.color(),
        };
        let edge = if !enabled {
            Stroke::new(1.0, colors.faint.color())
        } else if touched || on {
            Stroke::new(2.0, colors.own.color())
        } else {
            Stroke::new(1.0, colors.line.color())
        };
        let corner = CornerRadius::same(2);
        ui.painter().rect(rect, corner, fill, edge, StrokeKind::Inside);
        if response.has_focus() {
            let ring = Stroke::new(3.0, colors.own.color());
            ui.painter().rect_stroke(rect.expand(1.0), corner, ring, StrokeKind::Inside);
            let inner = Stroke::new(1.0, colors.on_tone.color());
            ui.painter().rect_stroke(rect.shrink(2.0), corner, inner, StrokeKind::Inside);
        }
    }
}

fn one_line(ui: &Ui, text: &str, font: FontId, color: Color32, width: f32) -> Arc<Galley> {
    let mut job = LayoutJob::simple_singleline(text.to_owned(), font, color);
    job.wrap.max_width = width;
    job.wrap.max_rows = 1;
    job.wrap.break_anywhere = true;
    ui.fonts_mut(|fonts| fonts.layout_job(job))
}

fn paint_key(ui: &Ui, rect: Rect, middle: f32, key: Arc<Galley>, ink: Color32) {
    let size = key.size();
    let cap_size = vec2(size.x.max(GRID) + GRID, size.y + 4.0);
    let cap = Rect::from_center_size(pos2(rect.right() - GRID - cap_size.x / 2.0, middle), cap_size);
    ui.painter().rect_stroke(cap, CornerRadius::same(2), Stroke::new(1.0, ink), StrokeKind::Inside);
    ui.painter().galley(cap.center() - size / 2.0, key, ink);
}
