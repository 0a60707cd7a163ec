//! How long each part of a takeover takes, against its budget; machine and human time apart.
//!
//! The current and the last takeovers as waterfalls, what the monitor measured of all of them, and how this
//! console itself does. What is not known is called unknown, and counts as a breach.

mod chart;
mod local;
mod stages;

use crate::{
    Inputs,
    theme::{GRID, Size},
    widgets,
};
use egui::{Ui, WidgetInfo, WidgetType};
use watchkeeper_model::AgentKind;
use watchkeeper_picture::view::{self, Tone, waterfall::Waterfall};

/// Most takeovers drawn; the record holds them all.
const MOST: usize = 6;
/// As many stand above the numbers where there is one column only.
const FEW: usize = 2;

pub(crate) fn show(ui: &mut Ui, inputs: &Inputs<'_>) {
    takeovers(ui, inputs, FEW);
    ui.add_space(GRID);
    show_numbers(ui, inputs);
}

/// Shows the current and the last takeovers.
pub(crate) fn show_takeovers(ui: &mut Ui, inputs: &Inputs<'_>) {
    takeovers(ui, inputs, MOST);
}

/// Shows what was measured over all takeovers, and how this console does.
pub(crate) fn show_numbers(ui: &mut Ui, inputs: &Inputs<'_>) {
    stages::show(ui, inputs);
    ui.add_space(GRID);
    local::show(ui, inputs);
}

fn takeovers(ui: &mut Ui, inputs: &Inputs<'_>, most: usize) {
    widgets::heading(ui, "Takeovers, stage by stage");
    let falls = view::waterfall::waterfalls(inputs.picture, inputs.now);
    if falls.is_empty() {
        widgets::prose(ui, Size::Body, Tone::Quiet, "None yet, as far as this console knows.");
    }
    for fall in falls.iter().take(most) {
        ui.push_id(("fall", fall.demand.to_string()), |ui| show_fall(ui, inputs, fall));
    }
    if falls.len() > most {
        let text = format!("{} older ones are not drawn.", falls.len() - most);
        widgets::line(ui, Size::Small, Tone::Quiet, text);
    }
}

/// Shows a takeover in little: one strip and its sums.
pub(crate) fn show_small(ui: &mut Ui, fall: &Waterfall) {
    let words = sums(fall);
    chart::strip(ui, fall, &format!("{}: {words}", fall.title));
    widgets::prose(ui, Size::Small, fall.tone, words);
}

fn show_fall(ui: &mut Ui, inputs: &Inputs<'_>, fall: &Waterfall) {
    let entry = inputs.picture.agent(&fall.agent);
    let kind =
        entry.map_or_else(|| view::latency::strictest_kind(inputs.picture), |entry| entry.status().kind);
    let drawn = widgets::card(ui, fall.tone, |ui| {
        ui.set_width(ui.available_width());
        widgets::line(ui, Size::Body, Tone::Normal, &fall.title);
        widgets::line(ui, Size::Small, fall.tone, sums(fall)).on_hover_text(sums(fall));
        show_spans(ui, fall, kind);
    });
    let name = format!("takeover {}: {}", fall.title, sums(fall));
    drawn.response.widget_info(|| WidgetInfo::labeled(WidgetType::Panel, true, &name));
}

fn show_spans(ui: &mut Ui, fall: &Waterfall, kind: AgentKind) {
    let length = fall.total_millis.max(f64::MIN_POSITIVE);
    let axis = format!("Left: when, on one axis of {}.  Right: against its budget.", chart::span(length));
    widgets::line(ui, Size::Small, Tone::Quiet, axis);
    for row in &fall.spans {
        let words = format!("{} ({}): {}, {}", row.stage, row.owner, row.text, row.verdict);
        widgets::line(ui, Size::Small, row.tone, format!("{words}, budget {}", row.budget));
        chart::lane(ui, fall, row, kind, &format!("{} {words}", fall.agent));
    }
    widgets::line(ui, Size::Small, Tone::Quiet, "Filled: machine. Hatched: human.");
}

fn sums(fall: &Waterfall) -> String {
    let label = fall.label.map(|label| format!("; labelled {}", view::takeover::verdict_words(label)));
    format!("{}: {}; {}{}", fall.verdict, fall.machine, fall.human, label.unwrap_or_default())
}
