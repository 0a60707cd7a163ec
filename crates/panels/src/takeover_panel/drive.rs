//! How the vehicle is driven: speed, by hand or by commands, and the dead-man.

use super::Shown;
use crate::{
    theme::{GRID, Size},
    widgets::{self, ValueBar},
};
use egui::{Ui, vec2};
use watchkeeper_model::AgentKind;
use watchkeeper_picture::view::{Tone, takeover::Phase};

/// The end of the speed bar where nothing faster is known, m/s: 90 km/h.
const FULL_SPEED_MPS: f64 = 25.0;

/// Shows speed and hands; nothing for agents that do not drive.
pub(super) fn show(ui: &mut Ui, shown: &Shown<'_>) {
    if let Some(row) = &shown.panel.drive {
        let in_doubt = is_speed_in_doubt(shown);
        let tone = if row.neutral || in_doubt { Tone::Warning } else { Tone::Normal };
        let doubt = if in_doubt { "; an alert doubts this speed" } else { "" };
        widgets::prose(ui, Size::Body, tone, format!("{}{doubt}", widgets::sentence(&row.text)));
        let speed = row.speed_mps.map_or_else(|| "not known".to_owned(), |speed| format!("{speed:.1} m/s"));
        let name = format!("speed of {}: {speed}", shown.agent());
        let full = row.speed_mps.map_or(FULL_SPEED_MPS, |speed| speed.max(FULL_SPEED_MPS));
        let size = vec2(ui.available_width(), GRID * 2.0);
        ValueBar { name: &name, value: row.speed_mps, range: (0.0, full), expected: None, limit: None, tone }
            .show(ui, size);
    }
    if shown.may_engage() {
        show_hands(ui, shown);
    }
}

/// Says whether an alert blames the signal that the speed is read from.
fn is_speed_in_doubt(shown: &Shown<'_>) -> bool {
    let alarms = shown.inputs.picture.alerts().map(|(_, alert)| alert.alarm());
    alarms
        .filter(|alarm| alarm.agent == *shown.agent() && alarm.state.is_active())
        .any(|alarm| alarm.explanation.signals.first().is_some_and(|lead| lead.signal.as_str() == "speed"))
}

/// Shows whether this person can act, and holds the dead-man.
pub(super) fn show_hands(ui: &mut Ui, shown: &Shown<'_>) {
    let local = shown.inputs.local;
    let agent = shown.agent();
    let by_hand = local.manual && shown.mine && shown.panel.phase == Phase::InControl;
    let (text, tone) = match why_not_ready(shown, by_hand) {
        None => ("you can act".to_owned(), Tone::Normal),
        Some(why) => (format!("{why}{}", what_follows(shown)), Tone::Warning),
    };
    widgets::prose(ui, Size::Body, tone, format!("Hands: {text}"));
    if shown.kind != AgentKind::Vehicle {
        return;
    }
    // Only what is driven by hand needs the dead-man held.
    let (words, tone) = match (local.deadman_held, by_hand) {
        (true, _) => ("Dead-man: held", Tone::Own),
        (false, true) => ("Dead-man: NOT HELD, it slows down. Hold Space", Tone::Warning),
        (false, false) => ("Dead-man: not held; Space, for driving by hand", Tone::Quiet),
    };
    widgets::prose(ui, Size::Small, tone, words);
    let share = if local.deadman_held { 1.0 } else { 0.0 };
    let width = ui.available_width();
    widgets::bar(ui, &format!("{agent} {words}"), share, tone, vec2(width, GRID));
    if let Some(setpoint) = local.setpoint.filter(|_| by_hand) {
        let side = if setpoint.steer > 0.0 { "left" } else { "right" };
        let steer = match setpoint.steer.abs() {
            0.0 => "Steering: straight".to_owned(),
            share => format!("Steering: {:.0} % {side}", share * 100.0),
        };
        // Left is positive for the vehicle and on the left of the screen.
        one_hand(ui, shown, &steer, 0.0 - setpoint.steer);
        let way = if setpoint.accelerate < 0.0 { "brake" } else { "accelerate" };
        let share = setpoint.accelerate.abs() * 100.0;
        one_hand(ui, shown, &format!("Pedals: {share:.0} % {way}"), setpoint.accelerate);
    }
}

/// Returns why this person's heartbeats say that he cannot act; `None` while they say that he can.
fn why_not_ready(shown: &Shown<'_>, by_hand: bool) -> Option<&'static str> {
    let local = shown.inputs.local;
    // Without the keyboard no key is held either, so this comes first.
    match (local.ready, local.focused, by_hand && !local.deadman_held) {
        (true, _, _) => None,
        (false, false, _) => Some("YOU ARE NOT AT THE KEYS: click into this window"),
        (false, true, true) => Some("NOT READY: the dead-man is not held"),
        (false, true, false) => Some("NOT READY: the screen is late"),
    }
}

/// Returns what an agent does whose person is not ready (`takeover.md` 1.4, `T_ready`); nothing before he has it.
fn what_follows(shown: &Shown<'_>) -> &'static str {
    let has_control = shown.mine && matches!(shown.panel.phase, Phase::InControl | Phase::HandingBack);
    match (has_control, shown.kind) {
        (true, AgentKind::Vehicle) => "; it slows down, and after 1 s it falls back",
        (true, AgentKind::Transaction | AgentKind::SoftwareAgent | AgentKind::Generic) => {
            "; it falls back unless you come"
        }
        (false, _) => "",
    }
}

fn one_hand(ui: &mut Ui, shown: &Shown<'_>, words: &str, value: f64) {
    widgets::line(ui, Size::Small, Tone::Normal, words);
    let name = format!("{} {words}", shown.agent());
    let size = vec2(ui.available_width(), GRID * 1.5);
    ValueBar {
        name: &name,
        value: Some(value),
        range: (-1.0, 1.0),
        expected: None,
        limit: Some(0.0),
        tone: Tone::Own,
    }
    .show(ui, size);
}
