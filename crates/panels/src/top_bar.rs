//! The line that is always there: who controls what, how the fleet is, how the connection is, and the four levels.

use crate::{
    Inputs, Level, Request, State,
    draw::alarm_height,
    theme::{GRID, Size, look},
    widgets::{KeyButton, line, mark, said, strong},
};
use egui::{Align, CornerRadius, Label, Layout, RichText, Ui, UiBuilder, vec2};
use watchkeeper_picture::view::{
    Mark, Tone,
    control_line::ControlLine,
    fleet,
    status_line::{StatusLine, status_line},
    takeover,
};

/// One thing that is wrong with what this console shows.
#[derive(Clone, Debug)]
pub(crate) struct AlarmLine {
    pub(crate) tone: Tone,
    pub(crate) text: String,
}

/// Shows the bar.
pub(crate) fn show(
    ui: &mut Ui,
    state: &State,
    inputs: &Inputs<'_>,
    control: &ControlLine,
    requests: &mut Vec<Request>,
) {
    let mut status = status_line(inputs.picture, inputs.now);
    let connected = !status.disconnected;
    if inputs.replay.is_some() {
        // Nothing here is a connection of now.
        "recording".clone_into(&mut status.connection);
        status.tone = Tone::Own;
        status.disconnected = false;
    }
    let look = look(ui.ctx());
    ui.spacing_mut().item_spacing.y = GRID / 2.0;
    let width = ui.available_width();
    ui.allocate_ui_with_layout(
        vec2(width, look.line_height(Size::Large)),
        Layout::right_to_left(Align::Center),
        |ui| {
            who_and_how(ui, &status);
            by_hand(ui, inputs, control);
            ui.with_layout(Layout::left_to_right(Align::Center), |ui| controls(ui, control, connected));
        },
    );
    ui.allocate_ui_with_layout(vec2(width, look.target()), Layout::left_to_right(Align::Center), |ui| {
        levels(ui, state.level, requests);
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            sheets(ui, state, requests);
            ui.with_layout(Layout::left_to_right(Align::Center), |ui| fleet_parts(ui, inputs));
        });
    });
}

/// Who controls, in words, always at this place.
fn controls(ui: &mut Ui, control: &ControlLine, connected: bool) {
    let look = look(ui.ctx());
    let tone = control.tone;
    let shape = match (control.driving, connected) {
        (_, false) => Mark::Cross,
        (true, true) => Mark::Diamond,
        (false, true) => Mark::Ring,
    };
    mark(ui, shape, tone, look.points(Size::Large) * 0.8);
    // Long sentences are written smaller before anything is cut.
    let color = look.colors.text_of(tone).color();
    let size = [Size::Large, Size::Body, Size::Small]
        .into_iter()
        .find(|size| {
            let galley =
                ui.fonts_mut(|fonts| fonts.layout_no_wrap(control.text.clone(), look.strong(*size), color));
            galley.size().x <= ui.available_width()
        })
        .unwrap_or(Size::Small);
    ui.add(Label::new(RichText::new(&control.text).font(look.strong(size)).color(color)).truncate());
}

/// While this person steers by hand: whether his hand is on it, and how fast it goes.
fn by_hand(ui: &mut Ui, inputs: &Inputs<'_>, control: &ControlLine) {
    let driven = control.agent.as_ref().filter(|_| control.driving && inputs.local.manual);
    let Some(agent) = driven else { return };
    let speed = takeover::panel(inputs.picture, agent, inputs.now)
        .and_then(|panel| panel.drive?.speed_mps)
        .map_or_else(|| "speed not known".to_owned(), |speed| format!("{speed:.1} m/s"));
    let (hand, tone) = if inputs.local.deadman_held {
        ("Dead-man held", Tone::Own)
    } else {
        ("DEAD-MAN NOT HELD", Tone::Warning)
    };
    ui.separator();
    strong(ui, Size::Body, tone, format!("{hand}, {speed}"));
}

/// From the right: what protects the session, who this is, how the connection is.
fn who_and_how(ui: &mut Ui, status: &StatusLine) {
    said(ui, Size::Small, status.banner_tone, &status.banner);
    ui.separator();
    if !status.person.is_empty() {
        said(ui, Size::Body, Tone::Normal, &status.person);
        ui.separator();
    }
    if !status.missing.is_empty() {
        said(ui, Size::Small, Tone::Quiet, &status.missing);
    }
    said(ui, Size::Body, status.tone, &status.connection);
    let shape = if status.disconnected { Mark::Cross } else { Mark::Ring };
    mark(ui, shape, status.tone, GRID * 1.5);
}

fn levels(ui: &mut Ui, now: Level, requests: &mut Vec<Request>) {
    ui.spacing_mut().item_spacing.x = GRID / 2.0;
    for level in Level::ALL {
        let label = format!("{} {}", level.key(), level.word());
        let button = KeyButton::new(label).name(format!("Level {}", level.word())).selected(level == now);
        if button.show(ui).clicked() {
            requests.push(Request::Level(level));
        }
    }
    ui.add_space(GRID);
}

fn sheets(ui: &mut Ui, state: &State, requests: &mut Vec<Request>) {
    ui.spacing_mut().item_spacing.x = GRID / 2.0;
    let help = KeyButton::new("Keys").key("?").name("Help with all keys").selected(state.help);
    if help.show(ui).clicked() {
        requests.push(Request::Help(!state.help));
    }
    let whom = state.selected.as_ref();
    let follow =
        KeyButton::new("Follow")
            .key("F")
            .name(whom.map_or_else(
                || "Let the map follow".to_owned(),
                |agent| format!("Let the map follow {agent}"),
            ))
            .selected(state.follow)
            .why_not(whom.is_none().then(|| "select an agent first".to_owned()))
            .one_line();
    let settings = KeyButton::new("Settings").key(",").selected(state.settings_open);
    if settings.show(ui).clicked() {
        requests.push(Request::SettingsSheet(!state.settings_open));
    }
    if follow.show(ui).clicked() {
        requests.push(Request::Follow(!state.follow));
    }
    ui.add_space(GRID);
}

/// The fleet, part by part as far as there is room; what was checked and when is always the last.
fn fleet_parts(ui: &mut Ui, inputs: &Inputs<'_>) {
    let summary = fleet::summary(inputs.picture, inputs.now);
    line(ui, Size::Body, summary.tone, &summary.text);
}

/// Shows what is wrong with what this console shows, each line over the whole width.
pub(crate) fn alarms(ui: &mut Ui, lines: &[AlarmLine]) {
    let look = look(ui.ctx());
    let height = alarm_height(&look);
    ui.spacing_mut().item_spacing.y = 0.0;
    for alarm in lines {
        let (_, rect) = ui.allocate_space(vec2(ui.available_width(), height));
        ui.painter().rect_filled(rect, CornerRadius::ZERO, look.tone(alarm.tone));
        let inside = rect.shrink2(vec2(GRID * 2.0, 0.0));
        let builder = UiBuilder::new().max_rect(inside).layout(Layout::left_to_right(Align::Center));
        ui.scope_builder(builder, |ui| {
            let text =
                RichText::new(&alarm.text).font(look.strong(Size::Body)).color(look.colors.on_tone.color());
            ui.add(Label::new(text).truncate());
        });
    }
}
