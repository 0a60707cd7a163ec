//! The bottom of the panel: the one step that comes next, and STOP, always at the same place.

use super::{Shown, big_button::BigButton};
use crate::{
    Request,
    theme::GRID,
    widgets::{key_words, sentence},
};
use egui::Ui;
use watchkeeper_picture::{
    Action, Press, Unavailable,
    view::{
        Tone,
        takeover::{ActionRow, Phase},
    },
};

/// Room for the buttons.
#[derive(Clone, Copy)]
pub(super) struct Room {
    /// They stand above each other, else beside.
    pub(super) is_high: bool,
    /// What there is for them, in points.
    pub(super) height: f32,
}

/// Shows the button of the next step, and STOP below it; beside it where there is little room. Returns the height
/// that this needs.
pub(super) fn show(ui: &mut Ui, shown: &Shown<'_>, room: Room, requests: &mut Vec<Request>) -> f32 {
    ui.spacing_mut().item_spacing = egui::Vec2::splat(GRID);
    let steps = next_steps(shown);
    let mut steps = steps.iter().filter_map(|(action, filled)| Some((shown.action(*action)?, *filled)));
    let heights = Heights { least: 0.0, most: room.height };
    if room.is_high {
        let steps: f32 =
            steps.map(|(row, filled)| step(ui, shown, row, filled, heights, requests) + GRID).sum();
        return steps + stop(ui, shown, heights, requests);
    }
    let Some((row, filled)) = steps.next() else { return stop(ui, shown, heights, requests) };
    let heights = Heights { least: ui.available_height(), ..heights };
    ui.columns_const(|[left, right]| {
        let step = step(left, shown, row, filled, heights, requests);
        step.max(stop(right, shown, heights, requests))
    })
}

#[derive(Clone, Copy)]
struct Heights {
    least: f32,
    most: f32,
}

/// Returns what comes next, and whether it stands out. White stands out; the saturated tones belong to alarms.
fn next_steps(shown: &Shown<'_>) -> Vec<(Action, Option<Tone>)> {
    let own = Some(Tone::Own);
    let to_engage = shown.panel.handover.as_ref().is_some_and(|row| row.yours_to_engage);
    match shown.panel.phase {
        _ if to_engage => engage_steps(shown),
        Phase::Calm | Phase::Afterwards => vec![(Action::Claim, None)],
        Phase::Noticed if shown.panel.suggested == Some(Action::ClearLatch) => {
            vec![(Action::ClearLatch, None)]
        }
        Phase::Noticed => vec![(Action::Claim, own)],
        Phase::Understood | Phase::Ready if shown.mine => engage_steps(shown),
        Phase::InControl if shown.mine => vec![(Action::HandBack, None)],
        Phase::Understood | Phase::Ready | Phase::InControl => vec![(Action::RequestHandover, None)],
        Phase::HandingBack if shown.mine => vec![],
        Phase::HandingBack => vec![(Action::RequestHandover, None)],
    }
}

/// Two deliberate inputs: where the first was dropped, it comes again.
fn engage_steps(shown: &Shown<'_>) -> Vec<(Action, Option<Tone>)> {
    if shown.action(Action::Engage).is_some_and(|row| row.unavailable == Some(Unavailable::AlreadyEngaged)) {
        return vec![];
    }
    if !shown.armed {
        return vec![(Action::Claim, Some(Tone::Own)), (Action::Engage, None)];
    }
    let is_ready = shown.panel.phase == Phase::Ready || shown.panel.handover.is_some();
    vec![(Action::Engage, is_ready.then_some(Tone::Own))]
}

fn step(
    ui: &mut Ui,
    shown: &Shown<'_>,
    row: &ActionRow,
    filled: Option<Tone>,
    heights: Heights,
    requests: &mut Vec<Request>,
) -> f32 {
    let unavailable = row.unavailable.as_ref();
    let why_not = match row.action {
        // On an agent that is already this person's it begins the takeover again.
        Action::Claim if shown.mine && unavailable == Some(&Unavailable::AlreadyYours) => None,
        Action::Engage if unavailable.is_none() && !shown.armed => {
            Some("press T first: taking control needs two inputs".to_owned())
        }
        Action::Claim
        | Action::Engage
        | Action::Hold
        | Action::SpeedCap
        | Action::Resume
        | Action::MinimalRisk
        | Action::HandBack
        | Action::Release
        | Action::Dismiss
        | Action::ClearLatch
        | Action::Stop
        | Action::Manual
        | Action::RequestHandover
        | Action::AllowTakeover => unavailable.map(ToString::to_string),
    };
    let label = sentence(&row.label);
    let key = key_words(row.key);
    let button = BigButton {
        label: &label,
        key: &key,
        filled,
        why_not,
        note: None,
        least_height: heights.least,
        most_height: heights.most,
    };
    let pressed = button.show(ui);
    if pressed.clicked {
        requests.push(Request::Press(Press::Action(row.action)));
    }
    pressed.height
}

fn stop(ui: &mut Ui, shown: &Shown<'_>, heights: Heights, requests: &mut Vec<Request>) -> f32 {
    let Some(row) = shown.action(Action::Stop) else { return 0.0 };
    let awaits = shown.inputs.hands.stop_awaits_confirmation(shown.inputs.now) == Some(shown.agent());
    let note = "Many were stopped just now: press again to stop this one too.";
    let button = BigButton {
        label: &row.label,
        key: &key_words(row.key),
        filled: awaits.then_some(Tone::Danger),
        why_not: row.unavailable.as_ref().map(ToString::to_string),
        note: awaits.then(|| note.to_owned()),
        least_height: heights.least,
        most_height: heights.most,
    };
    let pressed = button.show(ui);
    if pressed.clicked {
        requests.push(Request::Press(Press::Action(Action::Stop)));
    }
    pressed.height
}
