//! The bar of a replay: play, speed, place, and in words that this is the past.
//!
//! Space is the dead-man, so play and pause have the key P.

use crate::{
    Inputs, ReplayRequest, ReplayRow, Request,
    theme::{GRID, Look, Size, TARGET, look},
    widgets::{self, KeyButton},
};
use egui::{
    CornerRadius, EventFilter, Frame, Key, Margin, Modifiers, Rect, Response, Sense, Stroke, Ui, WidgetInfo,
    vec2,
};
use std::time::Duration;
use watchkeeper_picture::view::{self, Tone};

/// The speeds that can be chosen; 1 is as it happened.
const SPEEDS: [f64; 7] = [0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0];
/// How far an arrow key goes on the scale.
const STEP: Duration = Duration::from_secs(1);

pub(crate) fn show(ui: &mut Ui, inputs: &Inputs<'_>, requests: &mut Vec<Request>) {
    let Some(row) = inputs.replay else { return };
    let mut asked = Vec::new();
    ui.spacing_mut().item_spacing.y = GRID / 2.0;
    ui.scope(|ui| {
        ui.spacing_mut().interact_size.y = 0.0;
        ui.horizontal(|ui| words(ui, row));
    });
    ui.horizontal(|ui| {
        controls(ui, row, &mut asked);
        scale(ui, row, &mut asked);
    });
    requests.extend(asked.into_iter().map(Request::Replay));
}

fn words(ui: &mut Ui, row: &ReplayRow) {
    let look = look(ui.ctx());
    // Filled, so that nobody takes it for live.
    Frame::new().fill(look.colors.own.color()).inner_margin(Margin::symmetric(8, 0)).show(ui, |ui| {
        let text = egui::RichText::new("REPLAY").font(look.strong(Size::Small));
        ui.label(text.color(look.colors.on_tone.color()));
    });
    let state = match (row.seeking, row.playing) {
        (true, _) => "on its way there",
        (false, true) => "playing",
        (false, false) => "paused",
    };
    let looking = if row.indexing { ", looking for alerts..." } else { "" };
    let place = format!("{} of {}", place_words(row.at), place_words(row.length));
    // What is wrong stands first, where no width cuts it.
    if let Some(failure) = &row.failure {
        let text = format!("FAILED: {failure}. You are looking at the past: {place}, {state}");
        widgets::line(ui, Size::Small, Tone::Danger, text);
        return;
    }
    let text = format!(
        "of {} \u{2014} you are looking at the past. {place}, {state}, {}x{looking}",
        row.name, row.speed
    );
    widgets::line(ui, Size::Small, Tone::Normal, text);
}

fn controls(ui: &mut Ui, row: &ReplayRow, asked: &mut Vec<ReplayRequest>) {
    let mut button = |ui: &mut Ui, label: &str, key: &str, why_not: Option<&str>, request| {
        let button = KeyButton::new(label).key(key).name(format!("{label} of the replay"));
        if button.why_not(why_not.map(str::to_owned)).show(ui).clicked() {
            asked.push(request);
        }
    };
    let before = row.alerts.iter().any(|at| *at < row.at);
    let after = row.alerts.iter().any(|at| *at > row.at);
    let (label, request) =
        if row.playing { ("Pause", ReplayRequest::Pause) } else { ("Play", ReplayRequest::Play) };
    button(ui, label, "P", None, request);
    // A reason would make these higher than their row; the name still says it.
    ui.add_enabled_ui(before, |ui| button(ui, "Previous alert", "", None, ReplayRequest::PreviousAlert));
    ui.add_enabled_ui(after, |ui| button(ui, "Next alert", "", None, ReplayRequest::NextAlert));
    let slower = SPEEDS.into_iter().rev().find(|speed| *speed < row.speed);
    let faster = SPEEDS.into_iter().find(|speed| *speed > row.speed);
    for (label, speed) in [("Slower", slower), ("Faster", faster)] {
        let request = ReplayRequest::Speed(speed.unwrap_or(row.speed));
        ui.add_enabled_ui(speed.is_some(), |ui| button(ui, label, "", None, request));
    }
}

/// Shows where the replay is, with a tick for each alert; pressing or letting go of it goes there.
fn scale(ui: &mut Ui, row: &ReplayRow, asked: &mut Vec<ReplayRequest>) {
    let look = look(ui.ctx());
    let size = vec2(ui.available_width().max(TARGET * 2.0), look.target());
    let (rect, mut response) = ui.allocate_exact_size(size, Sense::click_and_drag());
    let track = rect.shrink2(vec2(GRID, rect.height() * 0.3));
    let pointed = response.interact_pointer_pos().map(|at| {
        let share = f64::from(((at.x - track.left()) / track.width().max(1.0)).clamp(0.0, 1.0));
        row.length.mul_f64(share)
    });
    if let Some(at) = pointed.filter(|_| response.clicked() || response.drag_stopped()) {
        asked.push(ReplayRequest::Seek(at));
        response.mark_changed();
    }
    if let Some(at) = by_key(ui, &response, row) {
        asked.push(ReplayRequest::Seek(at));
        response.mark_changed();
    }
    let at = pointed.filter(|_| response.dragged()).unwrap_or(row.at);
    paint(ui, &look, rect, track, row, at, &response);
    let alerts = view::counted(row.alerts.len() as u64, "alert");
    let name = format!("Place in the replay: {} of {}, {alerts}", place_words(at), place_words(row.length));
    response.widget_info(|| WidgetInfo::slider(true, at.as_secs_f64(), &name));
}

fn by_key(ui: &Ui, response: &Response, row: &ReplayRow) -> Option<Duration> {
    if !response.has_focus() {
        return None;
    }
    let filter = EventFilter { horizontal_arrows: true, ..EventFilter::default() };
    ui.memory_mut(|memory| memory.set_focus_lock_filter(response.id, filter));
    let pressed = |key| ui.input_mut(|input| input.consume_key(Modifiers::NONE, key));
    if pressed(Key::ArrowLeft) {
        return Some(row.at.saturating_sub(STEP));
    }
    pressed(Key::ArrowRight).then(|| (row.at + STEP).min(row.length))
}

fn paint(ui: &Ui, look: &Look, rect: Rect, track: Rect, row: &ReplayRow, at: Duration, response: &Response) {
    let colors = &look.colors;
    let painter = ui.painter();
    painter.rect_filled(track, CornerRadius::ZERO, colors.ground.color());
    let x = |at: Duration| track.left() + track.width() * share(at, row.length);
    let played = Rect::from_x_y_ranges(track.left()..=x(at), track.y_range());
    painter.rect_filled(played, CornerRadius::ZERO, colors.line.color());
    for alert in &row.alerts {
        painter.vline(x(*alert), rect.y_range(), Stroke::new(2.0, colors.text.color()));
    }
    let knob = Rect::from_center_size(egui::pos2(x(at), rect.center().y), vec2(GRID, rect.height()));
    painter.rect_filled(knob, CornerRadius::same(2), colors.own.color());
    if response.has_focus() || response.hovered() {
        let edge = Stroke::new(2.0, colors.own.color());
        painter.rect_stroke(rect, CornerRadius::same(2), edge, egui::StrokeKind::Inside);
    }
}

#[expect(clippy::cast_possible_truncation, reason = "a place on the screen: f32 has digits enough")]
fn share(at: Duration, length: Duration) -> f32 {
    if length.is_zero() { 0.0 } else { (at.as_secs_f64() / length.as_secs_f64()).clamp(0.0, 1.0) as f32 }
}

/// Returns a place in a record: `1:05.3`.
fn place_words(at: Duration) -> String {
    let (minutes, secs) = (at.as_secs() / 60, at.as_secs() % 60);
    format!("{minutes}:{secs:02}.{}", at.subsec_millis() / 100)
}
