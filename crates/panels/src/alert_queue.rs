//! The alert queue: one card a cause, in an order that holds still while somebody points at it or has the keyboard
//! in it. A card's controls have ids made from the alert's, so what is pressed is what was under the press.

mod card;

use crate::{
    Inputs, Request, State, in_recording,
    theme::{GRID, Look, Size, look},
    widgets::{KeyButton, heading, prose, said},
};
use card::Card;
use egui::{Align, Id, Layout, ScrollArea, Ui, vec2};
use std::collections::{BTreeMap, BTreeSet};
use watchkeeper_model::AlertId;
use watchkeeper_picture::{
    Action, Unavailable,
    view::{
        Tone,
        alerts::{self, AlertRow},
    },
};

/// Shows the queue.
pub(crate) fn show(ui: &mut Ui, state: &mut State, inputs: &Inputs<'_>, requests: &mut Vec<Request>) {
    let look = look(ui.ctx());
    let held = state.queue_focused || ui.rect_contains_pointer(ui.max_rect());
    let places = places(state, inputs, held);
    state.queue_focused = false;
    let summary = alerts::summary(inputs.picture, inputs.now);
    ui.horizontal(|ui| {
        ui.set_min_height(look.target());
        heading(ui, "Alerts");
        if held && !places.is_empty() {
            said(ui, Size::Small, Tone::Quiet, "order held");
        }
        if summary.hidden > 0 {
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                hidden_toggle(ui, state, summary.hidden);
            });
        }
        if inputs.picture.flooded_since().is_some() {
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| flood_toggle(ui, state));
        }
    });
    summary_line(ui, &look, &summary);
    if state.hidden_open && summary.hidden > 0 {
        let rows = alerts::hidden(inputs.picture, inputs.now);
        let room = ui.available_height() * 0.4;
        cards(
            ui,
            "hidden",
            room,
            &rows.into_iter().map(Place::alert_row).collect::<Vec<_>>(),
            state,
            inputs,
            requests,
        );
        ui.separator();
    }
    if places.is_empty() {
        said(ui, Size::Body, Tone::Quiet, "No alert is open.");
        return;
    }
    let room = ui.available_height();
    cards(ui, "open", room, &places, state, inputs, requests);
}

/// A place in the queue.
#[derive(Clone, Debug)]
enum Place {
    Alert(Box<AlertRow>),
    /// Its alert is over; the place stays until nobody looks, so that nothing slips under a press.
    Over(AlertId),
}

impl Place {
    fn alert_row(row: AlertRow) -> Self {
        Self::Alert(Box::new(row))
    }

    const fn alert(&self) -> AlertId {
        match self {
            Self::Alert(row) => row.alert,
            Self::Over(alert) => *alert,
        }
    }
}

fn places(state: &mut State, inputs: &Inputs<'_>, held: bool) -> Vec<Place> {
    let frozen = held.then_some(state.shown_alerts.as_slice());
    let rows = state.queue(inputs.picture, frozen, inputs.now);
    let places: Vec<Place> = if held {
        let shown: BTreeSet<AlertId> = state.shown_alerts.iter().copied().collect();
        let order: Vec<AlertId> = rows.iter().map(|row| row.alert).collect();
        // What another card stands for now is not over; its place is that card's.
        let absorbed: BTreeSet<AlertId> = rows
            .iter()
            .flat_map(|row| &row.stands_for)
            .filter(|alert| !order.contains(alert))
            .copied()
            .collect();
        let mut known: BTreeMap<AlertId, AlertRow> = rows.into_iter().map(|row| (row.alert, row)).collect();
        let new = order.into_iter().filter(|alert| !shown.contains(alert));
        let kept = state.shown_alerts.iter().copied().filter(|alert| !absorbed.contains(alert));
        let all: Vec<AlertId> = kept.chain(new).collect();
        all.into_iter()
            .map(|alert| known.remove(&alert).map_or(Place::Over(alert), Place::alert_row))
            .collect()
    } else {
        rows.into_iter().map(Place::alert_row).collect()
    };
    state.shown_alerts = places.iter().map(Place::alert).collect();
    places
}

fn summary_line(ui: &mut Ui, look: &Look, summary: &alerts::AlertSummary) {
    let tone = if summary.flood { summary.tone } else { Tone::Quiet };
    let size = vec2(ui.available_width(), look.line_height(Size::Small) * 2.0);
    // Two lines are kept, so that a flood moves nothing.
    ui.allocate_ui_with_layout(size, Layout::top_down(Align::Min), |ui| {
        ui.set_min_height(size.y);
        prose(ui, Size::Small, tone, &summary.text);
    });
}

fn hidden_toggle(ui: &mut Ui, state: &mut State, count: usize) {
    let verb = if state.hidden_open { "Hide" } else { "Show" };
    let name = format!("{verb} {count} hidden alerts");
    let shown = KeyButton::new(format!("{verb} {count} hidden")).name(name).small().show(ui);
    if shown.clicked() {
        state.hidden_open = !state.hidden_open;
    }
}

fn flood_toggle(ui: &mut Ui, state: &mut State) {
    let (word, name) = if state.flood_in_full {
        ("Summarise", "Summarise the flood by kind")
    } else {
        ("Show all", "Show every alert of the flood")
    };
    if KeyButton::new(word).name(name).small().show(ui).clicked() {
        state.flood_in_full = !state.flood_in_full;
        // It is another list: no place of the one before is kept.
        state.shown_alerts.clear();
    }
}

/// Shows cards of equal height; only those in sight are made.
fn cards(
    ui: &mut Ui,
    salt: &str,
    room: f32,
    places: &[Place],
    state: &mut State,
    inputs: &Inputs<'_>,
    requests: &mut Vec<Request>,
) {
    let look = look(ui.ctx());
    let height = card::height(&look);
    ui.spacing_mut().item_spacing.y = GRID / 2.0;
    let mut area = ScrollArea::vertical().id_salt(salt).auto_shrink(false).max_height(room);
    let wanted = state.reveal.and_then(|alert| places.iter().position(|place| place.alert() == alert));
    if let Some(index) = wanted {
        state.reveal = None;
        area = area.vertical_scroll_offset(index as f32 * (height + ui.spacing().item_spacing.y));
    }
    area.show_rows(ui, height, places.len(), |ui, range| {
        for place in places.get(range).unwrap_or_default() {
            ui.push_id(Id::new(("alert", place.alert())), |ui| match place {
                Place::Alert(row) => {
                    let claim = Action::Claim.check(inputs.picture, &row.agent, inputs.now);
                    // On one that is yours already the press arms the second input again.
                    let why_not_claim = claim.err().filter(|why| *why != Unavailable::AlreadyYours);
                    let why_not_claim = why_not_claim.map(|why| why.to_string());
                    let why_not = in_recording(inputs);
                    Card { row, why_not, why_not_claim, look: &look }.show(ui, state, requests);
                }
                Place::Over(_) => card::over(ui, &look),
            });
        }
    });
}
