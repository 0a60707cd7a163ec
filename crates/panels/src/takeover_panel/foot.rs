//! The bottom of the panel: the one step that comes next, and STOP, always at the same place.

use super::{Shown, big_button::BigButton};
use crate::{
    Request, in_recording,
    theme::GRID,
    widgets::{key_words, sentence},
};
use egui::{Ui, Vec2};
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
    pub(super) size: Vec2,
}

/// The buttons of a frame, as high as they will be.
pub(super) struct Foot {
    /// The next steps, then STOP.
    buttons: Vec<(Action, BigButton)>,
    is_high: bool,
    height: f32,
}

impl Foot {
    /// Makes the buttons of the next steps with STOP below them; where there is little room, of one step with STOP
    /// beside it.
    pub(super) fn new(ui: &Ui, shown: &Shown<'_>, room: Room) -> Self {
        let steps = next_steps(shown);
        let steps = steps.iter().filter_map(|(action, filled)| Some((shown.action(*action)?, *filled)));
        let most = if room.is_high { usize::MAX } else { 1 };
        let steps = steps.take(most).map(|(row, filled)| (row.action, step(shown, row, filled)));
        let mut buttons: Vec<_> = steps.chain(stop(shown)).collect();
        let beside = if room.is_high { 1 } else { buttons.len().max(1) };
        let width = (room.size.x - GRID * (beside - 1) as f32) / beside as f32;
        let heights = buttons.iter_mut().map(|(_, button)| {
            button.most_height = room.size.y;
            button.height(ui, width)
        });
        let height = if room.is_high {
            heights.sum::<f32>() + GRID * buttons.len().saturating_sub(1) as f32
        } else {
            heights.fold(0.0, f32::max)
        };
        Self { buttons, is_high: room.is_high, height }
    }

    /// Returns the height of all of it, in points.
    pub(super) const fn height(&self) -> f32 {
        self.height
    }

    /// Shows it.
    pub(super) fn show(self, ui: &mut Ui, requests: &mut Vec<Request>) {
        ui.spacing_mut().item_spacing = Vec2::splat(GRID);
        let mut one = |ui: &mut Ui, action: Action, button: BigButton| {
            // Named by what it does: the keyboard stays on STOP when the steps above it change.
            if ui.push_id(action.key(), |ui| button.show(ui)).inner {
                requests.push(Request::Press(Press::Action(action)));
            }
        };
        if self.is_high || self.buttons.len() < 2 {
            for (action, button) in self.buttons {
                one(ui, action, button);
            }
            return;
        }
        ui.columns(self.buttons.len(), |columns| {
            for ((action, button), ui) in self.buttons.into_iter().zip(columns) {
                one(ui, action, BigButton { least_height: self.height, ..button });
            }
        });
    }
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

fn step(shown: &Shown<'_>, row: &ActionRow, filled: Option<Tone>) -> BigButton {
    let unavailable = row.unavailable.as_ref();
    let why_not = match row.action {
        _ if in_recording(shown.inputs).is_some() => in_recording(shown.inputs),
        // On what is this person's already, or his to engage, it begins the takeover again.
        Action::Claim if unavailable == Some(&Unavailable::AlreadyYours) => None,
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
        | Action::AllowTakeover
        | Action::Decide
        | Action::Waive
        | Action::Task => unavailable.map(ToString::to_string),
    };
    BigButton { filled, why_not, ..BigButton::new(sentence(&row.label), key_words(row.key)) }
}

fn stop(shown: &Shown<'_>) -> Option<(Action, BigButton)> {
    let row = shown.action(Action::Stop)?;
    let awaits = shown.inputs.hands.stop_awaits_confirmation(shown.inputs.now) == Some(shown.agent());
    let note = "Many were stopped just now: press again to stop this one too.";
    let button = BigButton {
        filled: awaits.then_some(Tone::Danger),
        why_not: shown.why_not(row),
        note: awaits.then(|| note.to_owned()),
        ..BigButton::new(row.label.clone(), key_words(row.key))
    };
    Some((row.action, button))
}
