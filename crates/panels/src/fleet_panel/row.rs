//! One row of the fleet: a single control, so that one Tab or arrow is one agent.

use crate::{
    theme::{GRID, Look, Size},
    widgets::paint_mark,
};
use egui::{
    Color32, CornerRadius, FontId, Rect, Sense, Stroke, StrokeKind, Ui, WidgetInfo, WidgetType, pos2,
    text::LayoutJob, vec2,
};
use watchkeeper_picture::view::{self, Tone, fleet::FleetRow};

/// Where the columns begin, and how wide they are, in points from the left of the row.
#[derive(Clone, Copy, Debug)]
pub(super) struct Columns {
    spans: [(f32, f32); 5],
}

/// Headings and shares of the width.
const COLUMNS: [(&str, f32); 5] =
    [("Agent", 0.26), ("State", 0.22), ("Who controls", 0.22), ("Left", 0.12), ("Data", 0.18)];

impl Columns {
    pub(super) fn new(width: f32) -> Self {
        let mut from = 0.0;
        let spans = COLUMNS.map(|(_, share)| {
            let span = (from, width * share);
            from += width * share;
            span
        });
        Self { spans }
    }
}

/// Shows the headings.
pub(super) fn header(ui: &mut Ui, look: &Look, columns: &Columns) {
    let size = vec2(ui.available_width(), look.line_height(Size::Small));
    let (rect, response) = ui.allocate_exact_size(size, Sense::hover());
    let font = look.font(Size::Small);
    for ((heading, _), span) in COLUMNS.iter().zip(columns.spans) {
        cell(ui, rect, span, heading, &font, look.colors.quiet.color(), 0.0);
    }
    let name = "Agent, state, who controls, time left, age of data";
    response.widget_info(|| WidgetInfo::labeled(WidgetType::Label, true, name));
}

/// Shows one agent; returns whether it was pressed.
pub(super) fn show(ui: &mut Ui, look: &Look, columns: &Columns, row: &FleetRow, selected: bool) -> bool {
    let size = vec2(ui.available_width(), look.target());
    let (rect, _) = ui.allocate_exact_size(size, Sense::hover());
    let response = ui.interact(rect, ui.id().with(&row.agent), Sense::click());
    let name = spoken(row);
    response.widget_info(|| WidgetInfo::selected(WidgetType::Button, true, selected, &name));
    if response.gained_focus() {
        response.scroll_to_me(None);
    }
    if ui.is_rect_visible(rect) {
        let colors = &look.colors;
        if selected || response.hovered() {
            ui.painter().rect_filled(rect, CornerRadius::ZERO, colors.selected.color());
        }
        if selected || response.has_focus() {
            let width = if response.has_focus() { 3.0 } else { 1.0 };
            let stroke = Stroke::new(width, colors.own.color());
            ui.painter().rect_stroke(rect, CornerRadius::ZERO, stroke, StrokeKind::Inside);
        }
        paint(ui, look, columns, row, rect);
    }
    response.clicked()
}

fn paint(ui: &Ui, look: &Look, columns: &Columns, row: &FleetRow, rect: Rect) {
    let colors = &look.colors;
    let side = look.points(Size::Small);
    let mark =
        Rect::from_center_size(pos2(rect.left() + GRID + side / 2.0, rect.center().y), vec2(side, side));
    paint_mark(ui.painter(), mark, row.mark, look.tone(row.tone), true);
    let quiet = if row.stale || row.offline { Tone::Stale } else { Tone::Normal };
    let plain = colors.text_of(quiet).color();
    let toned = colors.text_of(row.tone).color();
    let data = if row.stale || row.offline { colors.warning.color() } else { colors.quiet.color() };
    let left = row.demand_left.or(row.engage_left).map(view::countdown).unwrap_or_default();
    let state = if row.note.is_empty() { row.state.clone() } else { format!("{}, {}", row.state, row.note) };
    let (name, text) = (look.strong(Size::Small), look.font(Size::Small));
    let cells: [(&str, &FontId, Color32, f32); 5] = [
        (row.agent.as_str(), &name, plain, side + GRID),
        (&state, &text, toned, 0.0),
        (&row.controller, &text, plain, 0.0),
        (&left, &name, toned, 0.0),
        (&row.data, &text, data, 0.0),
    ];
    for ((words, font, color, indent), span) in cells.into_iter().zip(columns.spans) {
        cell(ui, rect, span, words, font, color, indent);
    }
}

/// Everything in the row, as one sentence.
fn spoken(row: &FleetRow) -> String {
    let mut parts = vec![format!("Look at {}: {}", row.agent, row.state), row.controller.clone()];
    parts.extend(row.demand_left.map(|left| format!("{} left", view::countdown(left))));
    parts.push(format!("data {}", row.data));
    if !row.note.is_empty() {
        parts.push(row.note.clone());
    }
    parts.join(", ")
}

fn cell(ui: &Ui, rect: Rect, span: (f32, f32), words: &str, font: &FontId, color: Color32, indent: f32) {
    let mut job = LayoutJob::simple_singleline(words.to_owned(), font.clone(), color);
    job.wrap.max_width = (span.1 - indent - GRID).max(1.0);
    job.wrap.max_rows = 1;
    job.wrap.break_anywhere = true;
    let galley = ui.fonts_mut(|fonts| fonts.layout_job(job));
    let at = pos2(rect.left() + GRID + span.0 + indent, rect.center().y - galley.size().y / 2.0);
    ui.painter().galley(at, galley, color);
}
