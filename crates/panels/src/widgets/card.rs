//! Grounds on which things stand: panels, cards, rows.

use crate::theme::{GRID, Size, look};
use egui::{
    Color32, CornerRadius, Frame, InnerResponse, Margin, Rect, Response, Stroke, StrokeKind, Ui, pos2,
};
use watchkeeper_picture::view::Tone;

/// Returns the frame of a panel on the surface, with half a grid of room at each side.
pub(crate) fn panel_frame(ui: &Ui) -> Frame {
    let look = look(ui.ctx());
    Frame::new()
        .fill(look.colors.surface.color())
        .inner_margin(Margin::same(8))
        .stroke(Stroke::new(1.0, look.colors.faint.color()))
}

/// Shows a card with a stripe of its tone at the left edge.
pub(crate) fn card<R>(ui: &mut Ui, tone: Tone, add: impl FnOnce(&mut Ui) -> R) -> InnerResponse<R> {
    row_card(ui, tone, false, add)
}

/// Shows a card that can be the selected one, which has an edge of its own.
pub(crate) fn row_card<R>(
    ui: &mut Ui,
    tone: Tone,
    selected: bool,
    add: impl FnOnce(&mut Ui) -> R,
) -> InnerResponse<R> {
    let look = look(ui.ctx());
    let fill = if selected { look.colors.selected } else { look.colors.raised };
    let edge = if selected {
        Stroke::new(2.0, look.colors.own.color())
    } else {
        Stroke::new(1.0, look.colors.faint.color())
    };
    let margin = Margin { left: 12, right: 8, top: 8, bottom: 8 };
    let shown = Frame::new().fill(fill.color()).inner_margin(margin).show(ui, add);
    let rect = shown.response.rect;
    // The edge takes no room: what is selected stays where it is.
    ui.painter().rect_stroke(rect, CornerRadius::ZERO, edge, StrokeKind::Inside);
    let stripe_color = match tone {
        Tone::Warning | Tone::Danger | Tone::Own => look.tone(tone),
        Tone::Normal | Tone::Quiet | Tone::Stale => Color32::TRANSPARENT,
    };
    let stripe = Rect::from_min_max(rect.min, pos2(rect.left() + GRID / 2.0, rect.bottom()));
    ui.painter().rect_filled(stripe, CornerRadius::ZERO, stripe_color);
    shown
}

/// Shows the heading of a panel.
pub(crate) fn heading(ui: &mut Ui, text: &str) -> Response {
    super::strong(ui, Size::Body, Tone::Normal, text)
}

/// Shows what is beside the point just now, dimmed but legible and usable.
pub(crate) fn dimmed<R>(ui: &mut Ui, dim: bool, add: impl FnOnce(&mut Ui) -> R) -> R {
    ui.scope(|ui| {
        if dim {
            ui.multiply_opacity(0.7);
        }
        add(ui)
    })
    .inner
}
