//! Numbers in context: a countdown with its bar, and a value between its limits.

use crate::theme::{GRID, Size, look};
use egui::{
    Align2, CornerRadius, Rect, Response, Sense, Stroke, StrokeKind, Ui, Vec2, WidgetInfo, WidgetType, pos2,
    vec2,
};
use std::time::Duration;
use watchkeeper_picture::view::{self, Tone};

/// Shows what is left of a deadline, as large as asked, over a bar that empties with it; `fraction` is 0 to 1.
pub(crate) fn countdown(
    ui: &mut Ui,
    name: &str,
    left: Duration,
    fraction: Option<f64>,
    tone: Tone,
    size: Size,
    width: f32,
) -> Response {
    let look = look(ui.ctx());
    let text = view::countdown(left);
    let bar_height = if fraction.is_some() { GRID } else { 0.0 };
    let height = look.line_height(size) + bar_height;
    let (rect, response) = ui.allocate_exact_size(vec2(width, height), Sense::hover());
    let color = look.colors.text_of(tone).color();
    let place = Rect::from_min_max(rect.min, pos2(rect.right(), rect.bottom() - bar_height));
    let at = pos2(place.right(), place.center().y);
    ui.painter().text(at, Align2::RIGHT_CENTER, &text, look.strong(size), color);
    if let Some(fraction) = fraction {
        let strip = Rect::from_min_max(pos2(rect.left(), rect.bottom() - bar_height + 2.0), rect.max);
        paint_bar(ui, strip, fraction, tone);
    }
    let name = format!("{name}: {text} left");
    response.widget_info(|| WidgetInfo::labeled(WidgetType::ProgressIndicator, true, &name));
    response
}

/// Shows a bar that is filled from the left; `fraction` is 0 to 1.
pub(crate) fn bar(ui: &mut Ui, name: &str, fraction: f64, tone: Tone, size: Vec2) -> Response {
    let (rect, response) = ui.allocate_exact_size(size, Sense::hover());
    paint_bar(ui, rect, fraction, tone);
    response.widget_info(|| WidgetInfo::labeled(WidgetType::ProgressIndicator, true, name));
    response
}

fn paint_bar(ui: &Ui, rect: Rect, fraction: f64, tone: Tone) {
    let look = look(ui.ctx());
    let filled = Rect::from_min_size(rect.min, vec2(rect.width() * share(fraction), rect.height()));
    let corner = CornerRadius::ZERO;
    ui.painter().rect_filled(rect, corner, look.colors.ground.color());
    ui.painter().rect_filled(filled, corner, look.tone(tone));
    let edge = Stroke::new(1.0, look.colors.line.color());
    ui.painter().rect_stroke(rect, corner, edge, StrokeKind::Inside);
}

#[expect(clippy::cast_possible_truncation, reason = "a share of a width: f32 has digits enough")]
fn share(fraction: f64) -> f32 {
    if fraction.is_nan() { 0.0 } else { fraction.clamp(0.0, 1.0) as f32 }
}

/// A value on a small analog bar with the band in which it is expected, and its limit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ValueBar<'a> {
    /// What it is called, with the agent and the value in words.
    pub(crate) name: &'a str,
    /// The value; `None` and NaN are drawn as missing.
    pub(crate) value: Option<f64>,
    /// What the ends of the bar stand for.
    pub(crate) range: (f64, f64),
    /// Where it is expected.
    pub(crate) expected: Option<(f64, f64)>,
    /// A limit that it must not pass.
    pub(crate) limit: Option<f64>,
    /// How it is meant.
    pub(crate) tone: Tone,
}

impl ValueBar<'_> {
    /// Shows it.
    pub(crate) fn show(self, ui: &mut Ui, size: Vec2) -> Response {
        let look = look(ui.ctx());
        let (rect, response) = ui.allocate_exact_size(size, Sense::hover());
        let track = rect.shrink2(vec2(0.0, rect.height() * 0.25));
        let span = self.range.1 - self.range.0;
        let at = |value: f64| {
            let part = if span > 0.0 { (value - self.range.0) / span } else { 0.5 };
            rect.left() + rect.width() * share(part)
        };
        let painter = ui.painter();
        painter.rect_filled(track, CornerRadius::ZERO, look.colors.ground.color());
        let edge = Stroke::new(1.0, look.colors.faint.color());
        painter.rect_stroke(track, CornerRadius::ZERO, edge, StrokeKind::Inside);
        if let Some((low, high)) = self.expected {
            let band = Rect::from_x_y_ranges(at(low)..=at(high).max(at(low) + 2.0), track.y_range());
            painter.rect_filled(band, CornerRadius::ZERO, look.colors.line.color().gamma_multiply(0.6));
        }
        if let Some(limit) = self.limit {
            painter.vline(at(limit), rect.y_range(), Stroke::new(2.0, look.colors.line.color()));
        }
        if let Some(value) = self.value.filter(|value| !value.is_nan()) {
            let x = at(value).clamp(rect.left() + 2.0, (rect.right() - 2.0).max(rect.left() + 2.0));
            let needle = Rect::from_center_size(pos2(x, rect.center().y), vec2(4.0, rect.height()));
            painter.rect_filled(needle, CornerRadius::ZERO, look.tone(self.tone));
        }
        response.widget_info(|| WidgetInfo::labeled(WidgetType::ProgressIndicator, true, self.name));
        response
    }
}
