//! One agent in detail: its last minute, the signals that matter, and what happens if nobody acts.
//!
//! What an alert blames comes first and stands against the band that was expected. What is missing is a gap in
//! a line, never a zero; what is old is grey and says how old.

mod plots;
mod tables;

use crate::{
    Inputs, State,
    theme::{GRID, Size, look},
    widgets,
};
use egui::{ScrollArea, Ui, WidgetInfo, WidgetType, vec2};
use std::cmp::Ordering;
use watchkeeper_picture::view::{
    self, Tone,
    agent::{AgentDetail, SignalRow},
};

/// How many decisions are listed.
const DECISIONS: usize = 12;
/// How many signals have a plot; those that an alert blames come first.
const SIGNALS: usize = 4;
/// Plots stand side by side where each has at least this width, in points.
const PLOT_WIDTH: f32 = 320.0;

pub(crate) fn show(ui: &mut Ui, state: &State, inputs: &Inputs<'_>) {
    let selected = state.selected.clone();
    let agent = selected.or_else(|| view::control_line::control_line(inputs.picture, inputs.now).agent);
    let Some(agent) = agent else {
        widgets::heading(ui, "No agent selected");
        widgets::prose(ui, Size::Body, Tone::Quiet, "Select one on the map or in a list.");
        return;
    };
    let Some(detail) = view::agent::detail(inputs.picture, &agent, DECISIONS, inputs.now) else {
        widgets::prose(ui, Size::Body, Tone::Warning, format!("Nobody knows {agent} any more."));
        return;
    };
    ui.push_id(("agent", agent.as_str()), |ui| {
        head(ui, &detail, inputs.picture.link().is_connected());
        ScrollArea::vertical().id_salt("detail").auto_shrink(false).show(ui, |ui| {
            ui.spacing_mut().item_spacing.y = GRID / 2.0;
            ui.spacing_mut().interact_size.y = 0.0;
            plots::minute(ui, &detail);
            signals(ui, &detail);
            tables::contributions(ui, &detail);
            tables::past(ui, &detail);
            tables::decisions(ui, &detail);
            ui.add_space(GRID);
            widgets::prose(ui, Size::Small, Tone::Quiet, widgets::sentence(&detail.diagnosis));
        });
    });
}

fn head(ui: &mut Ui, detail: &AgentDetail, connected: bool) {
    let look = look(ui.ctx());
    let row = ui.horizontal(|ui| {
        widgets::mark(ui, detail.mark, detail.tone, look.points(Size::Large));
        widgets::line(ui, Size::Large, Tone::Normal, format!("{}: {}", detail.agent, detail.state));
    });
    let name =
        format!("{}: {}, in control: {}, {}", detail.agent, detail.state, detail.controller, detail.data);
    row.response.widget_info(|| WidgetInfo::labeled(WidgetType::Panel, true, &name));
    let tone = if detail.stale { Tone::Stale } else { Tone::Normal };
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().interact_size.y = 0.0;
        let whose = if connected { "In control: " } else { "Last known in control: " };
        widgets::said(ui, Size::Body, Tone::Normal, format!("{whose}{}", detail.controller));
        widgets::said(ui, Size::Body, tone, widgets::sentence(&detail.data));
        widgets::said(ui, Size::Body, Tone::Quiet, &detail.what);
    });
    let then = format!("If nobody acts: {}", detail.if_nobody_acts);
    if detail.left.is_some() {
        widgets::card(ui, Tone::Danger, |ui| {
            ui.set_width(ui.available_width());
            widgets::line(ui, Size::Large, Tone::Danger, &then).on_hover_text(&then);
            widgets::prose(ui, Size::Body, Tone::Normal, widgets::sentence(&detail.reason));
        });
    } else {
        widgets::prose(ui, Size::Body, Tone::Normal, then);
    }
    if !detail.latches.is_empty() {
        let latched = format!("Latched: {}", detail.latches.join(", "));
        widgets::prose(ui, Size::Body, Tone::Warning, latched);
    }
}

/// Orders signals by what share alerts blame on them, the largest first.
pub(crate) fn most_blamed_first(a: &SignalRow, b: &SignalRow) -> Ordering {
    b.contribution.unwrap_or_default().total_cmp(&a.contribution.unwrap_or_default())
}

/// Returns a signal's value against what was expected, in words that begin with `name`.
pub(crate) fn signal_words(name: &str, signal: &SignalRow) -> String {
    let value = format!("{name} {} {}", signal.text, signal.unit);
    match signal.expected.as_str() {
        "" => value.trim_end().to_owned(),
        expected => format!("{}, {expected}", value.trim_end()),
    }
}

/// Shows those signals that alerts blame, then others in the agent's own order.
fn signals(ui: &mut Ui, detail: &AgentDetail) {
    let mut signals: Vec<&SignalRow> = detail.signals.iter().collect();
    // The sort is stable: what nobody blames keeps its place.
    signals.sort_by(|a, b| most_blamed_first(a, b));
    if signals.is_empty() {
        widgets::prose(ui, Size::Body, Tone::Quiet, "It names no signals.");
        return;
    }
    ui.add_space(GRID / 2.0);
    widgets::heading(ui, "Signals that matter, last 60 s");
    let (shown, rest) = signals.split_at(SIGNALS.min(signals.len()));
    let scale = look(ui.ctx()).scale;
    let columns = if ui.available_width() >= 2.0 * PLOT_WIDTH * scale + GRID { 2 } else { 1 };
    let width = (ui.available_width() - GRID * (columns - 1) as f32) / columns as f32;
    for pair in shown.chunks(columns) {
        ui.horizontal_top(|ui| {
            for signal in pair {
                ui.allocate_ui(vec2(width, 0.0), |ui| {
                    ui.set_width(width);
                    ui.vertical(|ui| plots::signal(ui, detail, signal));
                });
            }
        });
    }
    if !rest.is_empty() {
        let rest: Vec<_> = rest.iter().map(|signal| signal_words(&signal.name, signal)).collect();
        widgets::prose(ui, Size::Small, Tone::Quiet, format!("Others: {}", rest.join("; ")));
    }
}
