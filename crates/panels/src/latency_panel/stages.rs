//! What the monitor measured of each stage over all takeovers, against its budget.

use crate::{
    Inputs,
    theme::{GRID, Size},
    widgets,
};
use egui::{Grid, ScrollArea, Ui, vec2};
use watchkeeper_picture::view::{self, Tone, latency::LatencyRow};

/// What matters most stands where no width cuts it off.
const COLUMNS: [&str; 10] =
    ["Stage", "Verdict", "p50", "p95", "p99", "Max", "Budget p99 / hard", "Breaches", "Count", "From - to"];

/// Shows the table.
pub(super) fn show(ui: &mut Ui, inputs: &Inputs<'_>) {
    widgets::heading(ui, "Stages, all takeovers");
    let kind = view::latency::strictest_kind(inputs.picture);
    let against = format!("Measured by the monitor; budgets of a {} agent.", view::kind_word(kind));
    widgets::line(ui, Size::Small, Tone::Quiet, against);
    let rows = view::latency::rows(inputs.picture, kind);
    ScrollArea::horizontal().id_salt("stages").show(ui, |ui| {
        Grid::new("stages").spacing(vec2(GRID * 2.0, GRID / 2.0)).show(ui, |ui| {
            for column in COLUMNS {
                widgets::said(ui, Size::Small, Tone::Quiet, column);
            }
            ui.end_row();
            for row in &rows {
                show_row(ui, row);
            }
        });
    });
}

fn show_row(ui: &mut Ui, row: &LatencyRow) {
    widgets::said(ui, Size::Small, Tone::Normal, format!("{} ({})", row.stage, row.owner));
    widgets::said(ui, Size::Small, row.tone, row.verdict);
    for text in [&row.p50, &row.p95, &row.p99, &row.max] {
        widgets::said(ui, Size::Small, Tone::Normal, text);
    }
    widgets::said(ui, Size::Small, Tone::Quiet, &row.budget);
    widgets::said(ui, Size::Small, row.tone, &row.breaches);
    widgets::said(ui, Size::Small, Tone::Quiet, row.count.to_string());
    widgets::said(ui, Size::Small, Tone::Quiet, row.span);
    ui.end_row();
}
