//! Marks: shapes that say what colours say.

use crate::theme::{Look, Size, look};
use egui::{Align2, Color32, Painter, Pos2, Rect, Response, Sense, Shape, Stroke, Ui, Vec2, pos2, vec2};
use watchkeeper_picture::view::{Mark, Tone};

/// A flash is on for the first half of this; slower than once a second.
const FLASH_SECS: f64 = 1.25;

/// Returns whether what nobody has acknowledged is drawn full just now; always where flashing is turned off.
fn flash_on(ui: &Ui) -> bool {
    if look(ui.ctx()).reduce_flash {
        return true;
    }
    let time = ui.input(|input| input.time);
    time.rem_euclid(FLASH_SECS) < FLASH_SECS / 2.0
}

/// Draws a mark in its tone; the words beside it name it.
pub(crate) fn mark(ui: &mut Ui, mark: Mark, tone: Tone, size: f32) -> Response {
    let (rect, response) = ui.allocate_exact_size(Vec2::splat(size), Sense::hover());
    let color = look(ui.ctx()).tone(tone);
    paint_mark(ui.painter(), rect, mark, color, true);
    response
}

/// Draws a mark with its priority on it. Where `flash` is set it flashes: its filling only, so that shape and number
/// are always there.
pub(crate) fn priority_mark(
    ui: &mut Ui,
    mark: Mark,
    tone: Tone,
    priority: u8,
    flash: bool,
    size: f32,
) -> Response {
    let full = !flash || flash_on(ui);
    let (rect, response) = ui.allocate_exact_size(Vec2::splat(size), Sense::hover());
    let look = look(ui.ctx());
    let color = look.tone(tone);
    paint_mark(ui.painter(), rect, mark, color, full);
    paint_number(ui, &look, rect, mark, color, full, priority);
    response
}

fn paint_number(ui: &Ui, look: &Look, rect: Rect, mark: Mark, color: Color32, full: bool, number: u8) {
    let filled = full && mark.is_filled();
    let lowered = match mark {
        Mark::TriangleUp => 0.14,
        Mark::TriangleDown => -0.14,
        Mark::Ring
        | Mark::Diamond
        | Mark::DiamondOpen
        | Mark::SquareOpen
        | Mark::Square
        | Mark::Cross
        | Mark::Check
        | Mark::Dash => 0.0,
    };
    let at = rect.center() + vec2(0.0, rect.height() * lowered);
    let ink = if filled { look.colors.on_tone.color() } else { color };
    ui.painter().text(at, Align2::CENTER_CENTER, number.to_string(), look.strong(Size::Small), ink);
}

/// Paints a mark into a square; what is filled stands as its outline where `full` is not set.
pub(crate) fn paint_mark(painter: &Painter, rect: Rect, mark: Mark, color: Color32, full: bool) {
    let stroke = Stroke::new((rect.height() / 10.0).clamp(1.5, 3.0), color);
    let within = rect.shrink(stroke.width);
    let at = |x: f32, y: f32| pos2(within.left() + x * within.width(), within.top() + y * within.height());
    let closed = |points: Vec<Pos2>| {
        if full && mark.is_filled() {
            painter.add(Shape::convex_polygon(points, color, Stroke::NONE));
        } else {
            painter.add(Shape::closed_line(points, stroke));
        }
    };
    match mark {
        Mark::Ring => {
            painter.circle_stroke(within.center(), within.height() / 2.0, stroke);
        }
        Mark::TriangleUp => closed(vec![at(0.5, 0.02), at(1.0, 0.95), at(0.0, 0.95)]),
        Mark::TriangleDown => closed(vec![at(0.0, 0.05), at(1.0, 0.05), at(0.5, 0.98)]),
        Mark::Diamond | Mark::DiamondOpen => {
            closed(vec![at(0.5, 0.0), at(1.0, 0.5), at(0.5, 1.0), at(0.0, 0.5)]);
        }
        Mark::Square | Mark::SquareOpen => {
            closed(vec![at(0.06, 0.06), at(0.94, 0.06), at(0.94, 0.94), at(0.06, 0.94)]);
        }
        Mark::Cross => {
            painter.line_segment([at(0.08, 0.08), at(0.92, 0.92)], stroke);
            painter.line_segment([at(0.92, 0.08), at(0.08, 0.92)], stroke);
        }
        Mark::Check => {
            painter.line(vec![at(0.05, 0.55), at(0.38, 0.88), at(0.95, 0.15)], stroke);
        }
        Mark::Dash => {
            painter.line_segment([at(0.15, 0.5), at(0.85, 0.5)], stroke);
        }
    }
}
