//! The middle of the panel: what each phase needs to be seen, evidence before anything that suggests.

use super::{Shown, afterwards, commands, drive};
use crate::{
    Request, agent_panel,
    theme::{GRID, Size, look},
    widgets::{self, key_words},
};
use egui::{Ui, WidgetInfo, WidgetType, vec2};
use watchkeeper_model::ControlState;
use watchkeeper_picture::{
    Action,
    view::{
        self, Mark, Tone,
        agent::SignalRow,
        takeover::{Check, Phase},
    },
};

/// How many signals that an alert blames are shown against their band.
const LEAD_SIGNALS: usize = 2;

/// Shows what the phase needs.
pub(super) fn show(ui: &mut Ui, shown: &Shown<'_>, requests: &mut Vec<Request>) {
    ui.spacing_mut().item_spacing.y = GRID / 2.0;
    // Rows of text are as high as their text; what can be pressed knows its own height.
    ui.spacing_mut().interact_size.y = 0.0;
    match shown.panel.phase {
        Phase::Calm => calm(ui, shown),
        Phase::Noticed => {
            evidence(ui, shown);
            if_nobody_acts(ui, shown);
            checks(ui, shown, "Needed to engage");
        }
        Phase::Understood => {
            evidence(ui, shown);
            if_nobody_acts(ui, shown);
            checks(ui, shown, "Needed to engage");
            suggestion(ui, shown);
        }
        Phase::Ready => ready(ui, shown),
        Phase::InControl => {
            drive::show(ui, shown);
            links(ui, shown);
        }
        Phase::HandingBack => {
            checks(ui, shown, "It drives again when");
            still_open(ui, shown);
            drive::show(ui, shown);
        }
        Phase::Afterwards => calm(ui, shown),
    }
    afterwards::show(ui, shown, requests);
    commands::show_rows(ui, shown);
    commands::show_buttons(ui, shown, requests);
    match shown.panel.phase {
        Phase::InControl => {
            if shown.mine {
                checks(ui, shown, "Needed to hand back");
            }
            suggestion(ui, shown);
            evidence(ui, shown);
        }
        Phase::Noticed | Phase::Understood | Phase::Ready | Phase::HandingBack => links(ui, shown),
        Phase::Calm | Phase::Afterwards => {}
    }
}

fn section(ui: &mut Ui, title: &str) {
    ui.add_space(GRID / 2.0);
    widgets::strong(ui, Size::Small, Tone::Quiet, title);
}

fn calm(ui: &mut Ui, shown: &Shown<'_>) {
    let panel = shown.panel;
    if !panel.reason.is_empty() {
        widgets::prose(ui, Size::Body, Tone::Normal, widgets::sentence(&panel.reason));
    }
    if panel.phase == Phase::Calm {
        let text = format!("{} acts by itself. You can take it over at any time.", panel.agent);
        widgets::prose(ui, Size::Body, Tone::Quiet, text);
    }
    evidence(ui, shown);
    links(ui, shown);
}

fn evidence(ui: &mut Ui, shown: &Shown<'_>) {
    let panel = shown.panel;
    let text = if panel.evidence.is_empty() { &panel.reason } else { &panel.evidence };
    if text.is_empty() || panel.phase == Phase::Afterwards {
        return;
    }
    section(ui, "What is wrong");
    widgets::prose(ui, Size::Body, Tone::Normal, widgets::sentence(text));
    for signal in &blamed(shown) {
        signal_trend(ui, shown, signal);
    }
}

/// Returns the signals that alerts blame most.
fn blamed(shown: &Shown<'_>) -> Vec<SignalRow> {
    let detail = view::agent::detail(shown.inputs.picture, shown.agent(), 0, shown.inputs.now);
    let mut signals = detail.map(|detail| detail.signals).unwrap_or_default();
    signals.retain(|signal| signal.contribution.is_some());
    signals.sort_by(agent_panel::most_blamed_first);
    signals.truncate(LEAD_SIGNALS);
    signals
}

fn signal_trend(ui: &mut Ui, shown: &Shown<'_>, signal: &SignalRow) {
    let words = agent_panel::signal_words(&format!("{}:", signal.name), signal);
    widgets::prose(ui, Size::Small, signal.tone, &words);
    let band = signal.expected_low.zip(signal.expected_high);
    let name = format!("{} {words}", shown.agent());
    let size = vec2(ui.available_width(), GRID * 5.0);
    widgets::sparkline(ui, &name, &signal.trend, band, signal.tone, size);
}

fn if_nobody_acts(ui: &mut Ui, shown: &Shown<'_>) {
    // With a deadline it stands beside the countdown.
    if shown.panel.left.is_none() {
        section(ui, "If nobody acts");
        widgets::prose(ui, Size::Body, Tone::Normal, widgets::sentence(&shown.panel.if_nobody_acts));
    }
}

/// Names what is usually done next. It stands behind the evidence and is no button.
fn suggestion(ui: &mut Ui, shown: &Shown<'_>) {
    let Some(row) = shown.panel.suggested.and_then(|action| shown.action(action)) else { return };
    let text = format!("Usually next: {} [{}]", row.label, key_words(row.key));
    widgets::prose(ui, Size::Small, Tone::Quiet, text);
}

fn checks(ui: &mut Ui, shown: &Shown<'_>, title: &str) {
    let checks = &shown.panel.checks;
    if checks.is_empty() {
        return;
    }
    let done = checks.iter().filter(|check| check.done).count();
    section(ui, &format!("{title} ({done} of {})", checks.len()));
    for check in checks {
        one_check(ui, shown, check);
    }
}

fn one_check(ui: &mut Ui, shown: &Shown<'_>, check: &Check) {
    let look = look(ui.ctx());
    // What is missing matters once somebody is at it.
    let missing = if shown.mine { Tone::Warning } else { Tone::Quiet };
    let (mark, tone, word) =
        if check.done { (Mark::Check, Tone::Normal, "yes") } else { (Mark::Dash, missing, "not yet") };
    let row = ui.horizontal(|ui| {
        widgets::mark(ui, mark, tone, look.points(Size::Body));
        widgets::line(ui, Size::Body, tone, format!("{word}: {}", check.text));
    });
    let name = format!("{}: {word}: {}", shown.agent(), check.text);
    row.response.widget_info(|| WidgetInfo::selected(WidgetType::Checkbox, true, check.done, &name));
}

fn ready(ui: &mut Ui, shown: &Shown<'_>) {
    let panel = shown.panel;
    let in_transition = shown
        .inputs
        .picture
        .agent(shown.agent())
        .is_some_and(|entry| entry.status().control_state == ControlState::InTransition);
    section(ui, "What changes hands");
    let who = if shown.mine { "you" } else { panel.lease.as_ref().map_or("a person", |lease| &lease.holder) };
    let from = &panel.controller;
    let text = if in_transition {
        format!("Control of {} is on its way to {who}: until then {from}.", panel.agent)
    } else {
        format!("Control of {} passes from {from} to {who} with ENGAGE.", panel.agent)
    };
    widgets::prose(ui, Size::Body, Tone::Normal, text);
    if !panel.releases.is_empty() && !in_transition {
        let latches: Vec<_> = panel.releases.iter().map(ToString::to_string).collect();
        let many = if latches.len() == 1 { "latch" } else { "latches" };
        let text = format!("It releases {many} {} in your name.", latches.join(", "));
        widgets::prose(ui, Size::Body, Tone::Warning, text);
    }
    if shown.mine {
        drive::show_hands(ui, shown);
    }
    checks(ui, shown, "Needed to engage");
    if_nobody_acts(ui, shown);
    evidence(ui, shown);
    suggestion(ui, shown);
}

/// Shows both ways between this person and the agent, as shares of what each may be late.
fn links(ui: &mut Ui, shown: &Shown<'_>) {
    if shown.panel.links.is_empty() {
        return;
    }
    section(ui, "Links");
    for link in &shown.panel.links {
        let words = format!("{}: {}", link.name, link.text);
        widgets::prose(ui, Size::Small, link.tone, &words);
        let name = format!("{} link, {words}", shown.agent());
        let width = ui.available_width();
        widgets::bar(ui, &name, link.fraction, link.tone, vec2(width, GRID));
    }
}

/// Shows what keeps the agent from going on alone.
fn still_open(ui: &mut Ui, shown: &Shown<'_>) {
    section(ui, "Still open");
    let picture = shown.inputs.picture;
    let alerts = picture.alerts().map(|(_, alert)| alert.alarm());
    let alerts: Vec<_> = alerts
        .filter(|alarm| alarm.agent == *shown.agent() && alarm.state.is_active())
        .map(|alarm| format!("Alert: {} {}", view::cause_word(alarm.cause), alarm.subject))
        .collect();
    if alerts.is_empty() {
        widgets::line(ui, Size::Body, Tone::Normal, "No alert of it is active");
    }
    for alert in alerts {
        widgets::prose(ui, Size::Body, Tone::Warning, alert.trim_end());
    }
    if shown.mine && !shown.can(Action::HandBack) {
        widgets::prose(
            ui,
            Size::Body,
            Tone::Normal,
            "You keep control until the agent says that it is steady.",
        );
    }
}
