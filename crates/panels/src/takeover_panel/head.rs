//! The top of the panel: who, who controls it, what is left, and who holds the lease until when.

use super::{Shown, phase_words};
use crate::{
    Request, in_recording,
    theme::{GRID, Size, look},
    widgets::{self, KeyButton},
};
use egui::{Align, Layout, Ui, vec2};
use watchkeeper_picture::{
    Press,
    timers::{claim_within, demand_within, link_within},
    view::{self, Tone, takeover::HandoverRow},
};

/// Shows name, state, controller and where the takeover stands.
pub(super) fn show(ui: &mut Ui, shown: &Shown<'_>) {
    let panel = shown.panel;
    let look = look(ui.ctx());
    ui.horizontal(|ui| {
        widgets::mark(ui, panel.mark, panel.tone, look.points(Size::Large));
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            if let Some(left) = panel.left {
                let tone = if shown.mine { Tone::Own } else { Tone::Danger };
                widgets::strong(ui, Size::Large, tone, view::countdown(left));
            }
            ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                widgets::line(ui, Size::Large, Tone::Normal, panel.agent.to_string());
            });
        });
    });
    let who = format!("{}; in control: {}", widgets::sentence(&panel.state), panel.controller);
    let connected = shown.inputs.picture.link().is_connected();
    let (who, tone) = if connected { (who, panel.tone) } else { (format!("Last known: {who}"), Tone::Stale) };
    widgets::prose(ui, Size::Body, tone, who);
    widgets::strong(ui, Size::Small, Tone::Quiet, phase_words(shown));
}

/// Shows the deadline, the lease with its bar, and who asks for control.
pub(super) fn show_lease(ui: &mut Ui, shown: &Shown<'_>, requests: &mut Vec<Request>) {
    show_deadline(ui, shown);
    let panel = shown.panel;
    let width = ui.available_width();
    match &panel.lease {
        Some(lease) => {
            let tone = if lease.mine && lease.ready { Tone::Normal } else { Tone::Warning };
            let tone = if lease.mine { tone } else { Tone::Quiet };
            widgets::prose(ui, Size::Small, tone, format!("Lease: {}", lease.text));
            let left = lease.engage_left.unwrap_or(lease.left);
            let within =
                if lease.engage_left.is_some() { claim_within(shown.kind) } else { link_within(shown.kind) };
            let share = left.as_secs_f64() / within.as_secs_f64();
            let name = format!("lease of {}: {}", panel.agent, lease.text);
            widgets::bar(ui, &name, share, tone, vec2(width, GRID));
        }
        None => {
            widgets::line(ui, Size::Small, Tone::Quiet, "Lease: nobody holds one");
        }
    }
    if let Some(handover) = &panel.handover {
        show_handover(ui, shown, handover, requests);
    }
    ui.add_space(GRID / 2.0);
}

fn show_deadline(ui: &mut Ui, shown: &Shown<'_>) {
    let panel = shown.panel;
    let Some(left) = panel.left else { return };
    let tone = if shown.mine { Tone::Own } else { Tone::Danger };
    let share = left.as_secs_f64() / demand_within(shown.kind).as_secs_f64();
    let name = format!("time left for {}", panel.agent);
    let width = ui.available_width();
    let name = format!("{name}: {}", view::countdown(left));
    widgets::bar(ui, &name, share, tone, vec2(width, GRID));
    widgets::prose(ui, Size::Body, Tone::Normal, format!("If nobody acts: {}", panel.if_nobody_acts));
}

fn show_handover(ui: &mut Ui, shown: &Shown<'_>, row: &HandoverRow, requests: &mut Vec<Request>) {
    let agent = shown.agent();
    let mine = row.yours_to_answer || row.yours_to_engage;
    let tone = if mine { Tone::Warning } else { Tone::Normal };
    widgets::card(ui, tone, |ui| {
        widgets::prose(ui, Size::Body, Tone::Normal, &row.text);
        if let Some(fraction) = row.fraction {
            let name = format!("time left of the handover of {agent}");
            let width = ui.available_width();
            widgets::bar(ui, &name, fraction, tone, vec2(width, GRID));
        }
        if let Some(request_id) = row.request_id.filter(|_| row.yours_to_answer) {
            let mut answer = |ui: &mut Ui, label: String, accept: bool| {
                if KeyButton::new(label).why_not(in_recording(shown.inputs)).show(ui).clicked() {
                    let agent = agent.clone();
                    requests.push(Request::Press(Press::Answer { agent, request_id, accept }));
                }
            };
            ui.horizontal_wrapped(|ui| {
                answer(ui, format!("Yes, hand over {agent}"), true);
                answer(ui, format!("No, keep {agent}"), false);
            });
        }
        if row.yours_to_engage {
            widgets::prose(ui, Size::Small, Tone::Quiet, "Engage below takes it.");
        }
    });
}
