//! A trend without axes, for a row: where it came from, and the band it is expected in.

use crate::theme::look;
use egui::{
    CornerRadius, Pos2, Rect, Response, Sense, Stroke, Ui, Vec2, WidgetInfo, WidgetType, pos2, remap,
};
use watchkeeper_picture::view::Tone;

/// Shows values, oldest first, the newest with a dot. Bottom and top are the smallest and largest of the values
/// and the band. NaN is drawn as a gap.
pub(crate) fn sparkline(
    ui: &mut Ui,
    name: &str,
    values: &[f64],
    band: Option<(f64, f64)>,
    tone: Tone,
    size: Vec2,
) -> Response {
    let (rect, response) = ui.allocate_exact_size(size, Sense::hover());
    if ui.is_rect_visible(rect) {
        paint(ui, rect, values, band, tone);
    }
    response.widget_info(|| WidgetInfo::labeled(WidgetType::Image, true, name));
    response
}

fn paint(ui: &Ui, rect: Rect, values: &[f64], band: Option<(f64, f64)>, tone: Tone) {
    let look = look(ui.ctx());
    let (low, high) = extent(values, band);
    let within = rect.shrink(2.0);
    let y = |value: f64| height(value, low, high, within);
    let painter = ui.painter();
    if let Some((from, to)) = band {
        let strip = Rect::from_x_y_ranges(rect.x_range(), y(to)..=y(from));
        painter.rect_filled(strip, CornerRadius::ZERO, look.colors.faint.color());
    }
    let baseline = Stroke::new(1.0, look.colors.faint.color());
    painter.hline(rect.x_range(), rect.bottom() - 0.5, baseline);
    let last = values.len().saturating_sub(1).max(1) as f32;
    let stroke = Stroke::new(1.5, look.tone(tone));
    let mut run: Vec<Pos2> = Vec::new();
    for (index, value) in values.iter().enumerate() {
        if value.is_nan() {
            painter.line(std::mem::take(&mut run), stroke);
        } else {
            run.push(pos2(remap(index as f32, 0.0..=last, within.x_range()), y(*value)));
        }
    }
    if let Some(newest) = run.last() {
        painter.circle_filled(*newest, 2.5, look.tone(tone));
    }
    painter.line(run, stroke);
}

fn extent(values: &[f64], band: Option<(f64, f64)>) -> (f64, f64) {
    let known = values.iter().copied().filter(|value| value.is_finite());
    let ends = band.into_iter().flat_map(|(low, high)| [low, high]);
    known
        .chain(ends)
        .fold(None, |extent: Option<(f64, f64)>, value| {
            Some(extent.map_or((value, value), |(low, high)| (low.min(value), high.max(value))))
        })
        .unwrap_or((0.0, 1.0))
}

#[expect(clippy::cast_possible_truncation, reason = "a place on the screen: f32 has digits enough")]
fn height(value: f64, low: f64, high: f64, within: Rect) -> f32 {
    let span = high - low;
    let part = if span > 0.0 { ((value - low) / span).clamp(0.0, 1.0) } else { 0.5 };
    within.bottom() - within.height() * part as f32
}
