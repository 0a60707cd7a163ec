//! What an alert is due to, what such alerts came to before, and the last decisions.

use crate::{
    theme::{GRID, Size},
    widgets,
};
use egui::{Grid, ScrollArea, Ui, vec2};
use watchkeeper_picture::view::{self, Tone, agent::AgentDetail};

/// Shows what share each signal has in the worst alert.
pub(super) fn contributions(ui: &mut Ui, detail: &AgentDetail) {
    if detail.contributions.is_empty() {
        return;
    }
    ui.add_space(GRID);
    widgets::heading(ui, "What the alert is due to");
    for row in &detail.contributions {
        let words = format!("{:.0} % {}: {}", row.share * 100.0, row.signal, row.text);
        widgets::line(ui, Size::Small, Tone::Normal, &words).on_hover_text(&words);
        let name = format!("{} alert is due to {words}", detail.agent);
        let width = ui.available_width();
        widgets::bar(ui, &name, row.share, Tone::Normal, vec2(width, GRID));
    }
}

/// Shows what such alerts came to before.
pub(super) fn past(ui: &mut Ui, detail: &AgentDetail) {
    ui.add_space(GRID);
    widgets::heading(ui, "Before");
    if detail.past.is_empty() {
        widgets::line(ui, Size::Small, Tone::Quiet, "No takeover like it, as far as this console knows.");
        return;
    }
    for row in &detail.past {
        let verdict = row.verdict.map_or("not labelled", view::takeover::verdict_words);
        let head = format!("{}: {}: {}; {verdict}", row.ago, row.cause, row.outcome);
        widgets::prose(ui, Size::Small, Tone::Normal, head);
        if !row.text.is_empty() {
            widgets::line(ui, Size::Small, Tone::Quiet, &row.text).on_hover_text(&row.text);
        }
    }
}

/// Shows the last decisions, newest first.
pub(super) fn decisions(ui: &mut Ui, detail: &AgentDetail) {
    ui.add_space(GRID);
    widgets::heading(ui, "Last decisions");
    if detail.decisions.is_empty() {
        widgets::line(ui, Size::Small, Tone::Quiet, "None came here yet.");
        return;
    }
    ScrollArea::horizontal().id_salt("decisions").show(ui, |ui| {
        Grid::new("decisions").spacing(vec2(GRID * 2.0, GRID / 2.0)).show(ui, |ui| {
            for column in ["Number", "Age", "Confidence", "Oddness", "What it did"] {
                widgets::said(ui, Size::Small, Tone::Quiet, column);
            }
            ui.end_row();
            for row in &detail.decisions {
                widgets::said(ui, Size::Small, Tone::Normal, row.seq.to_string());
                widgets::said(ui, Size::Small, Tone::Normal, &row.age);
                let sure = row.confidence.map_or_else(|| "not said".to_owned(), |sure| format!("{sure:.2}"));
                widgets::said(ui, Size::Small, Tone::Normal, sure);
                widgets::said(ui, Size::Small, Tone::Normal, format!("{:.2}", row.score));
                widgets::said(ui, Size::Small, Tone::Normal, &row.action);
                ui.end_row();
            }
        });
    });
}
