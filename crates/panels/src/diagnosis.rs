//! Level 4: latency, links, clocks, detectors, commands and the record, for whoever must find out why.
//!
//! Who else is connected stands in the roster, not here.

use crate::{
    Inputs, State, latency_panel, takeover_panel,
    theme::{GRID, Size, look},
    widgets,
};
use egui::{Grid, ScrollArea, Ui, vec2};
use watchkeeper_model::{AgentId, Alarm};
use watchkeeper_picture::view::{self, Tone};

/// Two columns stand side by side where each has at least this width, in points before scaling.
const COLUMN: f32 = 520.0;
/// Most rows of each list; the record holds all.
const MOST: usize = 24;

pub(crate) fn show(ui: &mut Ui, state: &State, inputs: &Inputs<'_>) {
    let is_wide = ui.available_width() >= 2.0 * COLUMN * look(ui.ctx()).scale + GRID;
    ScrollArea::vertical().id_salt("diagnosis").auto_shrink(false).show(ui, |ui| {
        ui.spacing_mut().item_spacing.y = GRID / 2.0;
        ui.spacing_mut().interact_size.y = 0.0;
        if is_wide {
            ui.columns_const(|[left, right]| {
                left.vertical(|ui| latency_panel::show_takeovers(ui, inputs));
                right.vertical(|ui| {
                    latency_panel::show_numbers(ui, inputs);
                    ui.add_space(GRID);
                    others(ui, state, inputs);
                });
            });
        } else {
            latency_panel::show(ui, inputs);
            ui.add_space(GRID);
            others(ui, state, inputs);
        }
    });
}

fn others(ui: &mut Ui, state: &State, inputs: &Inputs<'_>) {
    links(ui, inputs);
    ui.add_space(GRID);
    detectors(ui, state.selected.as_ref(), inputs);
    ui.add_space(GRID);
    clocks(ui, state.selected.as_ref(), inputs);
    ui.add_space(GRID);
    commands(ui, inputs);
}

fn links(ui: &mut Ui, inputs: &Inputs<'_>) {
    widgets::heading(ui, "Links and record");
    let status = view::status_line::status_line(inputs.picture, inputs.now);
    widgets::prose(ui, Size::Body, status.tone, format!("Monitor: {}", status.connection));
    widgets::prose(ui, Size::Body, Tone::Normal, widgets::sentence(&status.monitor));
    for (text, tone) in
        [(status.degraded, Tone::Danger), (status.missing, Tone::Warning), (status.error, Tone::Warning)]
    {
        if !text.is_empty() {
            widgets::prose(ui, Size::Body, tone, widgets::sentence(&text));
        }
    }
    widgets::prose(ui, Size::Body, Tone::Normal, record_head(inputs));
    widgets::prose(
        ui,
        Size::Small,
        Tone::Quiet,
        "Note it down: it shows later whether the record was changed.",
    );
}

/// Returns the newest head of the record: sequence, the first bytes of its hash, and how old it is.
fn record_head(inputs: &Inputs<'_>) -> String {
    let Some(head) = inputs.picture.head() else { return "Record head: none told yet".to_owned() };
    let first = head.value.hash.first_chunk().copied().map(u64::from_be_bytes).unwrap_or_default();
    let age = view::age(inputs.now.since(head.received_at));
    format!("Record head: {} {first:016x}, told {age} ago", head.value.sequence)
}

/// Shows what the detectors found: of the selected agent, else of all.
fn detectors(ui: &mut Ui, selected: Option<&AgentId>, inputs: &Inputs<'_>) {
    let whose = selected.map_or_else(|| "all agents".to_owned(), ToString::to_string);
    widgets::heading(ui, &format!("Detectors, {whose}"));
    let alarms = inputs.picture.alerts().map(|(_, alert)| alert.alarm());
    let mut alarms: Vec<&Alarm> =
        alarms.filter(|alarm| selected.is_none_or(|agent| alarm.agent == *agent)).collect();
    alarms.sort_by_key(|alarm| std::cmp::Reverse((alarm.raised_at, alarm.alert_id)));
    if alarms.is_empty() {
        widgets::line(ui, Size::Small, Tone::Quiet, "They found nothing.");
        return;
    }
    for alarm in alarms.iter().take(MOST) {
        finding(ui, alarm);
    }
    more(ui, alarms.len());
}

fn finding(ui: &mut Ui, alarm: &Alarm) {
    let found = &alarm.explanation;
    let (value, limit) = (view::number(found.statistic), view::number(found.threshold));
    let tone = if alarm.state.is_active() { Tone::Normal } else { Tone::Quiet };
    let text = format!(
        "{}: {} version {}: statistic {value}, threshold {limit}, score {:.2}",
        alarm.agent, found.detector, found.version, found.score
    );
    widgets::prose(ui, Size::Small, tone, text);
    widgets::prose(ui, Size::Small, Tone::Quiet, found.text.as_str());
}

/// Shows how far each agent's clock is off, the selected one first, then those that are known worst.
fn clocks(ui: &mut Ui, selected: Option<&AgentId>, inputs: &Inputs<'_>) {
    widgets::heading(ui, "Agents: clock and decisions");
    let mut agents: Vec<_> = inputs.picture.agents().map(|(_, entry)| entry).collect();
    agents.sort_by_key(|entry| {
        let status = entry.status();
        let error = status.clock_offset.map_or(u64::MAX, |clock| clock.error_nanos);
        (selected != Some(&status.agent), std::cmp::Reverse(error))
    });
    ScrollArea::horizontal().id_salt("clocks").show(ui, |ui| {
        Grid::new("clocks").spacing(vec2(GRID * 2.0, GRID / 2.0)).show(ui, |ui| {
            for column in ["Agent", "Clock offset", "Error", "Decisions", "Missing", "Data age"] {
                widgets::said(ui, Size::Small, Tone::Quiet, column);
            }
            ui.end_row();
            for entry in agents.iter().take(MOST) {
                let status = entry.status();
                let freshness = entry.freshness(inputs.now);
                let millis = |nanos: f64| format!("{:.1} ms", nanos / 1e6);
                let clock = status.clock_offset;
                let offset =
                    clock.map_or_else(|| "unknown".to_owned(), |clock| millis(clock.offset_nanos as f64));
                let error =
                    clock.map_or_else(|| "unknown".to_owned(), |clock| millis(clock.error_nanos as f64));
                widgets::said(ui, Size::Small, Tone::Normal, status.agent.to_string());
                widgets::said(ui, Size::Small, Tone::Normal, offset);
                widgets::said(ui, Size::Small, Tone::Normal, format!("± {error}"));
                widgets::said(ui, Size::Small, Tone::Normal, status.decisions.to_string());
                let tone = if status.gaps > 0 { Tone::Warning } else { Tone::Quiet };
                widgets::said(ui, Size::Small, tone, status.gaps.to_string());
                let tone = if freshness.stale { Tone::Stale } else { Tone::Normal };
                let late = if freshness.stale { ", late" } else { "" };
                widgets::said(ui, Size::Small, tone, format!("{}{late}", view::age(freshness.age)));
                ui.end_row();
            }
        });
    });
    more(ui, agents.len());
}

fn commands(ui: &mut Ui, inputs: &Inputs<'_>) {
    widgets::heading(ui, "Commands of all agents");
    let rows = view::commands::rows(inputs.picture, None, inputs.now);
    if rows.is_empty() {
        widgets::line(ui, Size::Small, Tone::Quiet, "None in the last minute.");
    }
    for row in rows.iter().take(MOST) {
        takeover_panel::show_command(ui, row);
    }
    more(ui, rows.len());
}

fn more(ui: &mut Ui, count: usize) {
    if count > MOST {
        widgets::line(ui, Size::Small, Tone::Quiet, format!("{} more are not listed.", count - MOST));
    }
}
