//! The button that acts: large, with its key, and always with the whole name of the agent.
//!
//! Where there is little room its text gets smaller before anything of it is cut off.

use crate::theme::{GRID, Look, Size, TARGET, look};
use egui::{
    Color32, CornerRadius, Galley, Rect, Response, Sense, Stroke, StrokeKind, Ui, Vec2, WidgetInfo,
    WidgetType, pos2, text::LayoutJob, vec2,
};
use std::sync::Arc;
use watchkeeper_picture::view::Tone;

/// Returns the usual height of one, in points.
pub(super) fn height(ui: &Ui) -> f32 {
    (look(ui.ctx()).line_height(Size::Large) + GRID * 2.0).max(TARGET)
}

/// A large button over the whole width.
pub(super) struct BigButton {
    /// What it does, with the agent's name.
    pub(super) label: String,
    /// Its key, as on a keyboard.
    pub(super) key: String,
    /// Filled with this tone, else only an edge.
    pub(super) filled: Option<Tone>,
    /// Why it does not work now; shown on it.
    pub(super) why_not: Option<String>,
    /// What to know before it is pressed; shown on it.
    pub(super) note: Option<String>,
    /// At least so high, so that two beside each other are equally high.
    pub(super) least_height: f32,
    /// What there is for it.
    pub(super) most_height: f32,
}

/// The texts of a button, laid out.
struct Texts {
    label: Arc<Galley>,
    key: Option<Arc<Galley>>,
    /// The key stands beside the label, not below.
    is_beside: bool,
    under: Option<Arc<Galley>>,
}

impl BigButton {
    /// Makes one that works, with an edge only and all the room there is.
    pub(super) const fn new(label: String, key: String) -> Self {
        Self {
            label,
            key,
            filled: None,
            why_not: None,
            note: None,
            least_height: 0.0,
            most_height: f32::INFINITY,
        }
    }

    /// Returns how high its text makes it in this width, in points.
    pub(super) fn height(&self, ui: &Ui, width: f32) -> f32 {
        let look = look(ui.ctx());
        let ink = self.ink(&look, self.why_not.is_none());
        self.fitted(ui, &look, ink, width.max(TARGET) - GRID * 2.0).height(ui)
    }

    /// Shows it; returns whether it was pressed.
    pub(super) fn show(self, ui: &mut Ui) -> bool {
        let look = look(ui.ctx());
        let enabled = self.why_not.is_none();
        let ink = self.ink(&look, enabled);
        let width = ui.available_width().max(TARGET);
        let texts = self.fitted(ui, &look, ink, width - GRID * 2.0);
        let height = texts.height(ui);
        let sense = if enabled { Sense::click() } else { Sense::hover() };
        let size = vec2(width, height.max(self.least_height.min(self.most_height)));
        let (rect, mut response) = ui.allocate_exact_size(size, sense);
        let is_whole = texts.under.is_some();
        if ui.is_rect_visible(rect) {
            self.paint_ground(ui, &look, rect, &response);
            texts.paint(ui, rect, ink);
        }
        let name = match &self.why_not {
            Some(why) => format!("{}: {why}", self.label),
            None => self.label.clone(),
        };
        response.widget_info(|| WidgetInfo::labeled(WidgetType::Button, enabled, &name));
        if let Some(under) = self.why_not.or(self.note).filter(|_| !is_whole) {
            response = response.on_hover_text(under);
        }
        response.clicked()
    }

    /// Lays the texts out as large as there is room for; the reason goes to the pointer's tip last.
    fn fitted(&self, ui: &Ui, look: &Look, ink: Color32, room: f32) -> Texts {
        let under = self.why_not.as_ref().or(self.note.as_ref());
        let under = under.map(|text| laid_out(ui, look, text, Size::Small, ink, room));
        let key = laid_out(ui, look, &self.key, Size::Small, ink, f32::INFINITY);
        let for_key = cap_size(&key).x + GRID;
        for (size, is_beside, with_under) in [
            (Size::Large, true, true),
            (Size::Body, true, true),
            (Size::Body, false, true),
            (Size::Body, false, false),
            (Size::Small, true, false),
        ] {
            let width = if is_beside { f32::INFINITY } else { room };
            let texts = Texts {
                label: laid_out(ui, look, &self.label, size, ink, width),
                key: Some(key.clone()),
                is_beside,
                under: under.clone().filter(|_| with_under),
            };
            let fits = !is_beside || texts.label.size().x <= room - for_key;
            if fits && texts.height(ui) <= self.most_height {
                return texts;
            }
        }
        let label = laid_out(ui, look, &self.label, Size::Small, ink, room);
        Texts { label, key: None, is_beside: true, under: None }
    }

    fn ink(&self, look: &Look, enabled: bool) -> Color32 {
        if !enabled {
            look.colors.quiet.color()
        } else if self.filled.is_some() {
            look.colors.on_tone.color()
        } else {
            look.colors.text.color()
        }
    }

    fn paint_ground(&self, ui: &Ui, look: &Look, rect: Rect, response: &Response) {
        let colors = &look.colors;
        let enabled = self.why_not.is_none();
        let touched = enabled && (response.hovered() || response.is_pointer_button_down_on());
        let fill = match self.filled {
            _ if !enabled => colors.surface.color(),
            Some(tone) => look.tone(tone),
            None if touched => colors.selected.color(),
            None => colors.raised.color(),
        };
        let edge = match (enabled, touched) {
            (false, _) => Stroke::new(1.0, colors.faint.color()),
            (true, true) => Stroke::new(3.0, colors.own.color()),
            (true, false) => Stroke::new(2.0, colors.line.color()),
        };
        let corner = CornerRadius::same(2);
        ui.painter().rect(rect, corner, fill, edge, StrokeKind::Inside);
        if response.has_focus() {
            let ring = Stroke::new(3.0, colors.own.color());
            ui.painter().rect_stroke(rect, corner, ring, StrokeKind::Inside);
            let inner = Stroke::new(1.0, colors.on_tone.color());
            ui.painter().rect_stroke(rect.shrink(3.0), corner, inner, StrokeKind::Inside);
        }
    }
}

impl Texts {
    /// Returns the height of label and key, without the room around them.
    fn upper(&self) -> f32 {
        let cap = self.key.as_ref().map_or(0.0, |key| cap_size(key).y);
        if self.is_beside { self.label.size().y.max(cap) } else { self.label.size().y + cap }
    }

    fn lower(&self) -> f32 {
        self.under.as_ref().map_or(0.0, |under| under.size().y)
    }

    /// Returns the height of a button with these texts.
    fn height(&self, ui: &Ui) -> f32 {
        let least = if self.label.rows.len() > 1 || self.lower() > 0.0 { TARGET } else { self.least(ui) };
        (self.upper() + self.lower() + GRID * 2.0).max(least)
    }

    /// Returns the height of a button with one line, which grows with the size of its text.
    fn least(&self, ui: &Ui) -> f32 {
        let is_large = self.label.size().y >= look(ui.ctx()).points(Size::Large);
        if is_large { height(ui) } else { look(ui.ctx()).target() }
    }

    fn paint(self, ui: &Ui, rect: Rect, ink: Color32) {
        let (upper, lower) = (self.upper(), self.lower());
        let left = rect.left() + GRID;
        let top = rect.top() + (rect.height() - upper - lower) / 2.0;
        let label_size = self.label.size();
        let label_top = if self.is_beside { top + (upper - label_size.y) / 2.0 } else { top };
        ui.painter().galley(pos2(left, label_top), self.label, ink);
        if let Some(key) = self.key {
            let cap = cap_size(&key);
            let center = if self.is_beside {
                pos2(rect.right() - GRID - cap.x / 2.0, top + upper / 2.0)
            } else {
                pos2(left + cap.x / 2.0, top + label_size.y + cap.y / 2.0)
            };
            let edge = Stroke::new(1.0, ink);
            let cap = Rect::from_center_size(center, cap);
            ui.painter().rect_stroke(cap, CornerRadius::same(2), edge, StrokeKind::Inside);
            ui.painter().galley(center - key.size() / 2.0, key, ink);
        }
        if let Some(under) = self.under {
            ui.painter().galley(pos2(left, top + upper), under, ink);
        }
    }
}

fn cap_size(key: &Galley) -> Vec2 {
    vec2(key.size().x.max(GRID) + GRID, key.size().y + 4.0)
}

fn laid_out(ui: &Ui, look: &Look, text: &str, size: Size, color: Color32, width: f32) -> Arc<Galley> {
    let font = if size == Size::Small { look.font(size) } else { look.strong(size) };
    let job = LayoutJob::simple(text.to_owned(), font, color, width);
    ui.fonts_mut(|fonts| fonts.layout_job(job))
}
