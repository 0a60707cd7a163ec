//! The lane of what needs a person now: at the same place at every level, and as high when it is empty.

use crate::{
    Inputs, Level, Request, State,
    draw::layout::is_low,
    in_recording, in_sight,
    theme::{GRID, Size, look},
    widgets::{KeyButton, countdown, key_words, line, priority_mark, row_card, said, strong},
};
use egui::{Align, Layout, Rect, Ui, UiBuilder, pos2, vec2};
use watchkeeper_picture::{
    Action, Press, Unavailable,
    view::{
        self, Tone, age,
        demands::{self, DemandRow},
    },
};

/// Narrowest card, in points before scaling.
const CARD_WIDTH: f32 = 368.0;
/// Room beside the first button for the others, in points before scaling.
const OTHERS_WIDTH: f32 = 124.0;
/// Room for how many more there are, in points before scaling.
const MORE_WIDTH: f32 = 120.0;

/// Shows the lane.
pub(crate) fn show(ui: &mut Ui, state: &mut State, inputs: &Inputs<'_>, requests: &mut Vec<Request>) {
    let area = ui.max_rect();
    let held = state.lane_focused || ui.rect_contains_pointer(area);
    let frozen = held.then_some(state.shown_demands.as_slice());
    let rows = demands::rows(inputs.picture, frozen, inputs.now);
    state.shown_demands = rows.iter().map(|row| row.agent.clone()).collect();
    state.called = demands::called(inputs.picture, &rows, state.selected.as_ref());
    state.lane_focused = false;
    if rows.is_empty() {
        calm(ui, inputs);
        return;
    }
    let look = look(ui.ctx());
    let more_width = MORE_WIDTH * look.scale;
    let fits = slots(area.width() - more_width, CARD_WIDTH * look.scale);
    let width = ((area.width() - more_width - GRID * fits as f32) / fits as f32).max(GRID);
    for (slot, row) in rows.iter().take(fits).enumerate() {
        let left = area.left() + (width + GRID) * slot as f32;
        let place = Rect::from_min_size(pos2(left, area.top()), vec2(width, area.height()));
        ui.push_id(&row.agent, |ui| {
            ui.scope_builder(UiBuilder::new().max_rect(place), |ui| {
                ui.set_clip_rect(place.expand(2.0).intersect(ui.clip_rect()));
                card(ui, state, inputs, row, requests);
            });
        });
    }
    if rows.len() > fits {
        let place = Rect::from_min_max(pos2(area.right() - more_width + GRID, area.top()), area.max);
        ui.scope_builder(UiBuilder::new().max_rect(place), |ui| more(ui, &rows, fits, requests));
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small count, at least one")]
fn slots(room: f32, card: f32) -> usize {
    (room / card).floor().max(1.0) as usize
}

/// A quiet lane still says what was checked, and when.
fn calm(ui: &mut Ui, inputs: &Inputs<'_>) {
    let summary = view::fleet::summary(inputs.picture, inputs.now);
    let newest = inputs.picture.agents().map(|(_, entry)| entry.freshness(inputs.now).age).min();
    let checked = view::counted(summary.agents as u64, "agent");
    let text = match newest {
        Some(newest) => format!("No demand. {checked} checked, newest data {} old.", age(newest)),
        None => "No demand. No agents are known.".to_owned(),
    };
    let tone = if inputs.picture.is_current() { Tone::Quiet } else { Tone::Stale };
    let alerts = view::alerts::summary(inputs.picture, inputs.now);
    ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
        said(ui, Size::Body, tone, text);
        if alerts.unacknowledged > 0 {
            let new = view::counted(alerts.unacknowledged as u64, "alert");
            line(ui, Size::Body, alerts.tone, format!("{new} not acknowledged: 2 shows them."));
        }
    });
}

fn card(ui: &mut Ui, state: &mut State, inputs: &Inputs<'_>, row: &DemandRow, requests: &mut Vec<Request>) {
    let selected = state.selected.as_ref() == Some(&row.agent);
    let look = look(ui.ctx());
    let height = ui.max_rect().height();
    let low = is_low(&look, ui.ctx().content_rect());
    row_card(ui, row.tone, selected, |ui| {
        ui.set_min_height((height - GRID * 2.0).max(0.0));
        ui.set_width(ui.available_width());
        ui.spacing_mut().item_spacing.y = GRID / 4.0;
        let size = vec2(ui.available_width(), look.line_height(Size::Huge) + GRID);
        let drawn =
            ui.allocate_ui_with_layout(size, Layout::left_to_right(Align::Center), |ui| head(ui, row));
        if in_sight(ui, drawn.response.rect) {
            state.in_sight.extend(row.alert);
        }
        line(ui, Size::Body, row.tone, what(row));
        if !low {
            line(ui, Size::Small, Tone::Normal, who_and_then(row));
            ui.add_space(GRID / 2.0);
        }
        ui.horizontal(|ui| buttons(ui, state, inputs, row, requests));
    });
}

/// Mark, name and countdown: what is read from two metres.
fn head(ui: &mut Ui, row: &DemandRow) {
    let look = look(ui.ctx());
    let flash = row.holder.is_none() && row.left.is_some();
    priority_mark(ui, row.mark, row.tone, row.priority, flash, look.points(Size::Huge));
    let time_width = look.points(Size::Huge) * 3.8;
    let name_width = (ui.available_width() - time_width - GRID).max(GRID);
    let height = ui.available_height();
    ui.allocate_ui_with_layout(vec2(name_width, height), Layout::left_to_right(Align::Center), |ui| {
        ui.set_min_width(name_width);
        let font = look.strong(Size::Large);
        let text = egui::RichText::new(row.agent.as_str()).font(font).color(look.colors.text.color());
        ui.add(egui::Label::new(text).truncate());
    });
    if let Some(left) = row.left {
        let name = format!("Time left for {}", row.agent);
        countdown(ui, &name, left, row.fraction, row.tone, Size::Huge, time_width);
    }
}

/// What is wrong, as one would tell a colleague; its figures stand in the takeover panel.
fn what(row: &DemandRow) -> String {
    match row.text.split(';').next() {
        Some(words) if row.demand.is_some() && !words.is_empty() => words.to_owned(),
        Some(_) | None => format!("{}: {}", row.state, row.cause),
    }
}

fn who_and_then(row: &DemandRow) -> String {
    let who = match &row.holder {
        Some(holder) if row.mine => format!("{holder} have it"),
        Some(holder) => format!("{holder} has it"),
        None => "nobody has it".to_owned(),
    };
    if row.then.is_empty() { who } else { format!("{who}; {}", row.then) }
}

/// A key stands on the card of the agent that it acts on, and on no other.
fn buttons(
    ui: &mut Ui,
    state: &mut State,
    inputs: &Inputs<'_>,
    row: &DemandRow,
    requests: &mut Vec<Request>,
) {
    let selected = state.selected.as_ref() == Some(&row.agent);
    let means = state.called.as_ref() == Some(&row.agent);
    let key = |action: Action| {
        let meant =
            if action == Action::Claim { means || selected && state.called.is_none() } else { selected };
        if meant { key_words(action.key()) } else { String::new() }
    };
    let check = |action: Action| action.check(inputs.picture, &row.agent, inputs.now).err();
    let why_not = |action: Action| in_recording(inputs).or_else(|| check(action).map(|why| why.to_string()));
    // Who comes next cannot claim: his ENGAGE takes it.
    let to_engage = row.mine || check(Action::Claim) == Some(Unavailable::AlreadyYours);
    let (action, verb) = if to_engage { (Action::Engage, "Engage") } else { (Action::Claim, "Take over") };
    let mut first = KeyButton::new(format!("{verb} {}", row.agent))
        .key(key(action))
        .why_not(why_not(action))
        .one_line()
        .at_most(ui.available_width() - OTHERS_WIDTH * look(ui.ctx()).scale)
        .strong();
    if row.holder.is_none() {
        // White, as in the takeover panel: the colours belong to what is wrong.
        first = first.filled(Tone::Own);
    }
    let first = first.show(ui);
    let stop = KeyButton::new("Stop")
        .key(key(Action::Stop))
        .name(format!("Stop {}", row.agent))
        .why_not(why_not(Action::Stop))
        .one_line()
        .show(ui);
    let mut pressed = vec![(first, Some(action)), (stop, Some(Action::Stop))];
    if !selected {
        let look_at = KeyButton::new("Look").name(format!("Look at {}", row.agent)).show(ui);
        pressed.push((look_at, None));
    }
    for (response, action) in pressed {
        state.lane_focused |= response.has_focus();
        if response.clicked() {
            requests.push(Request::Select(row.agent.clone()));
            requests.extend(action.map(|action| Request::Press(Press::Action(action))));
        }
    }
}

fn more(ui: &mut Ui, rows: &[DemandRow], fits: usize, requests: &mut Vec<Request>) {
    let hidden = rows.get(fits..).unwrap_or_default();
    let next = hidden.iter().filter_map(|row| row.left).min();
    strong(ui, Size::Large, Tone::Danger, format!("+{} more", hidden.len()));
    if let Some(next) = next {
        said(ui, Size::Body, Tone::Danger, format!("next {}", view::countdown(next)));
    }
    if KeyButton::new("Queue").name("Show all demands in the alert queue").show(ui).clicked() {
        requests.push(Request::Level(Level::Task));
    }
}
