//! Who else is connected, and who has how much in hand: the own load first.

use crate::{
    Inputs,
    theme::{GRID, Size, look},
    widgets::{bar, heading, line, said},
};
use egui::{Align, Layout, ScrollArea, Ui, vec2};
use watchkeeper_picture::view::{
    Tone,
    roster::{self, OperatorRow},
};

/// How many demands one person should have at most (`takeover.md` 2, rule 10).
const MOST_DEMANDS: usize = 3;

/// Shows the operators.
pub(crate) fn show(ui: &mut Ui, inputs: &Inputs<'_>) {
    let rows = roster::rows(inputs.picture, inputs.now);
    heading(ui, "Operators and load");
    if rows.is_empty() {
        said(ui, Size::Body, Tone::Quiet, "The monitor has not said who is connected.");
        return;
    }
    let look = look(ui.ctx());
    let height = look.line_height(Size::Small);
    ui.spacing_mut().item_spacing.y = GRID / 2.0;
    ScrollArea::vertical().id_salt("roster").auto_shrink(false).show_rows(
        ui,
        height,
        rows.len(),
        |ui, range| {
            for row in rows.get(range).unwrap_or_default() {
                let size = vec2(ui.available_width(), height);
                ui.allocate_ui_with_layout(size, Layout::left_to_right(Align::Center), |ui| {
                    operator(ui, row);
                });
            }
        },
    );
}

fn operator(ui: &mut Ui, row: &OperatorRow) {
    let bar_size = vec2(GRID * 6.0, GRID * 1.5);
    let name = format!("Load of {}: {} of {MOST_DEMANDS}", row.person, row.load);
    let tone = if row.load >= MOST_DEMANDS { Tone::Warning } else { Tone::Normal };
    bar(ui, &name, row.load as f64 / MOST_DEMANDS as f64, tone, bar_size);
    said(ui, Size::Small, tone, format!("{}/{MOST_DEMANDS}", row.load));
    let mut parts = vec![if row.me { format!("{} (you)", row.person) } else { row.person.clone() }];
    parts.extend([row.role, row.console].into_iter().filter(|word| !word.is_empty()).map(str::to_owned));
    if !row.holds.is_empty() {
        parts.push(format!("has {}", row.holds));
    }
    if !row.waits.is_empty() {
        parts.push(row.waits.clone());
    }
    if !row.connected.is_empty() {
        parts.push(format!("for {}", row.connected));
    }
    let text_tone = if row.me { Tone::Own } else { row.tone };
    line(ui, Size::Small, text_tone, parts.join(" · "));
}
