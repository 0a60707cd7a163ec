//! The drawing of a takeover: each stage on one time axis, and on a bar against its budget.
//!
//! A stage of the machine is filled, a person's is hatched. A whisker is how far off a span may be; two ticks
//! are the budget, p99 and hard. On the axis nothing is drawn shorter than three points: the words have the
//! number.

use crate::theme::{GRID, Look, look};
use egui::{
    CornerRadius, Painter, Rangef, Rect, Response, Sense, Stroke, StrokeKind, Ui, WidgetInfo, WidgetType,
    pos2, vec2,
};
use watchkeeper_model::{AgentKind, StageOwner};
use watchkeeper_picture::view::waterfall::{SpanRow, Waterfall};

/// Share of the width that the time axis has; the rest is for the budget.
const AXIS: f32 = 0.62;
/// The hard budget stands at this share of its bar, so that there is room for what is over.
const HARD_AT: f64 = 0.7;
/// Nothing that took time is drawn shorter, in points.
const SHORTEST: f32 = 3.0;

/// Returns a length of time in words, from milliseconds.
pub(super) fn span(millis: f64) -> String {
    if millis >= 1_000.0 { format!("{:.1} s", millis / 1e3) } else { format!("{millis:.0} ms") }
}

/// Shows all stages of a takeover on one strip.
pub(super) fn strip(ui: &mut Ui, fall: &Waterfall, name: &str) -> Response {
    let look = look(ui.ctx());
    let size = vec2(ui.available_width(), GRID * 2.0);
    let (rect, response) = ui.allocate_exact_size(size, Sense::hover());
    ground(ui.painter(), &look, rect);
    for row in &fall.spans {
        paint_span(ui.painter(), &look, rect, fall, row);
    }
    response.widget_info(|| WidgetInfo::labeled(WidgetType::Image, true, name));
    response
}

/// Shows one stage: when it was, and how it does against its budget.
pub(super) fn lane(ui: &mut Ui, fall: &Waterfall, row: &SpanRow, kind: AgentKind, name: &str) -> Response {
    let look = look(ui.ctx());
    let size = vec2(ui.available_width(), GRID * 1.5);
    let (rect, response) = ui.allocate_exact_size(size, Sense::hover());
    let split = rect.left() + rect.width() * AXIS;
    let when = Rect::from_x_y_ranges(rect.left()..=split - GRID, rect.y_range());
    let against = Rect::from_x_y_ranges(split..=rect.right(), rect.y_range());
    ground(ui.painter(), &look, when);
    paint_span(ui.painter(), &look, when, fall, row);
    if let Some((p99, hard)) = row.stage.budget(kind) {
        ground(ui.painter(), &look, against);
        let scale = Budget { p99: p99.as_secs_f64() * 1e3, hard: hard.as_secs_f64() * 1e3 };
        paint_budget(ui.painter(), &look, against, row, &scale);
    }
    response.widget_info(|| WidgetInfo::labeled(WidgetType::Image, true, name));
    response
}

struct Budget {
    p99: f64,
    hard: f64,
}

fn ground(painter: &Painter, look: &Look, rect: Rect) {
    painter.rect_filled(rect, CornerRadius::ZERO, look.colors.ground.color());
}

fn paint_span(painter: &Painter, look: &Look, rect: Rect, fall: &Waterfall, row: &SpanRow) {
    let Some(start) = row.start_millis else { return };
    let from = place(rect, start / fall.total_millis);
    let Some(millis) = row.millis else {
        // It began, and nobody knows when it ended.
        let open = Stroke::new(1.0, look.tone(row.tone));
        painter.hline(from..=rect.right(), rect.center().y, open);
        painter.vline(from, rect.y_range(), open);
        return;
    };
    let to = place(rect, (start + millis) / fall.total_millis);
    let (from, to) = at_least(from, to, rect);
    let bar = Rect::from_x_y_ranges(from..=to, rect.y_range()).shrink2(vec2(0.0, 1.0));
    paint_bar(painter, look, bar, row);
    let error = row.error_millis / fall.total_millis;
    let end = (start + millis) / fall.total_millis;
    whisker(painter, look, rect, place(rect, end - error), place(rect, end + error));
}

fn paint_budget(painter: &Painter, look: &Look, rect: Rect, row: &SpanRow, budget: &Budget) {
    let at = |millis: f64| place(rect, millis / budget.hard * HARD_AT);
    if let Some(millis) = row.millis {
        let (from, to) = at_least(rect.left(), at(millis), rect);
        paint_bar(
            painter,
            look,
            Rect::from_x_y_ranges(from..=to, rect.y_range()).shrink2(vec2(0.0, 2.0)),
            row,
        );
        whisker(painter, look, rect, at(millis - row.error_millis), at(millis + row.error_millis));
    }
    let thin = Stroke::new(1.0, look.colors.text.color());
    let thick = Stroke::new(3.0, look.colors.text.color());
    painter.vline(at(budget.p99), rect.y_range(), thin);
    painter.vline(at(budget.hard), rect.y_range(), thick);
}

fn paint_bar(painter: &Painter, look: &Look, bar: Rect, row: &SpanRow) {
    let color = look.tone(row.tone);
    match row.stage.owner() {
        StageOwner::Machine => {
            painter.rect_filled(bar, CornerRadius::ZERO, color);
        }
        StageOwner::Human => {
            let edge = Stroke::new(1.0, color);
            painter.rect_stroke(bar, CornerRadius::ZERO, edge, StrokeKind::Inside);
            hatch(painter, bar, edge);
        }
    }
}

/// Fills a bar with slanted lines.
fn hatch(painter: &Painter, bar: Rect, stroke: Stroke) {
    let painter = painter.with_clip_rect(bar.intersect(painter.clip_rect()));
    let slant = bar.height();
    let mut x = bar.left() - slant;
    while x < bar.right() {
        painter.line_segment([pos2(x, bar.bottom()), pos2(x + slant, bar.top())], stroke);
        x += GRID;
    }
}

/// Draws how far off a span may be; nothing where that could not be seen.
fn whisker(painter: &Painter, look: &Look, rect: Rect, from: f32, to: f32) {
    if to - from < SHORTEST {
        return;
    }
    let middle = rect.center().y;
    let stroke = Stroke::new(1.0, look.colors.text.color());
    painter.hline(from..=to, middle, stroke);
    for x in [from, to] {
        painter.vline(x, Rangef::new(middle - GRID / 4.0, middle + GRID / 4.0), stroke);
    }
}

/// Makes a bar long enough to be seen, within its rect.
fn at_least(from: f32, to: f32, rect: Rect) -> (f32, f32) {
    let to = to.max(from + SHORTEST).min(rect.right());
    (from.min(to - SHORTEST), to)
}

/// Returns the place of a share of a rect's width; outside shares stand at its ends.
#[expect(clippy::cast_possible_truncation, reason = "a place on the screen: f32 has digits enough")]
fn place(rect: Rect, share: f64) -> f32 {
    let share = if share.is_nan() { 0.0 } else { share.clamp(0.0, 1.0) };
    rect.left() + rect.width() * share as f32
}
