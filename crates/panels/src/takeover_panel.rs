//! The takeover of one agent, phase by phase: evidence first, then what can be done, and STOP always at the bottom.
//!
//! Head and foot stand still: who controls it, and the buttons that act. What lies between follows the phase and
//! scrolls where it must. It is shown for the selected agent, else for the one that this person holds.
//!
//! Deliberately not here: any choice. What is usually done next is named behind the evidence, and nothing is
//! ever pre-selected.

mod afterwards;
mod big_button;
mod body;
mod commands;
mod drive;
mod foot;
mod head;

use crate::{
    Inputs, Request, State,
    theme::{GRID, Size, look},
    widgets,
};
use egui::{Rect, ScrollArea, Ui, UiBuilder, pos2};
use watchkeeper_model::{AgentId, AgentKind};
use watchkeeper_picture::{
    Action,
    view::{
        self, Tone,
        commands::CommandRow,
        takeover::{ActionRow, Phase, TakeoverPanel},
    },
};

/// Room from which on the lease stands still too, in points before scaling.
const FOR_LEASE: f32 = 520.0;
/// Room from which on the buttons stand above each other, in points before scaling.
const FOR_FOOT: f32 = 360.0;
/// Room from which on the head stands still, in points before scaling.
const FOR_HEAD: f32 = 220.0;

pub(crate) fn show(ui: &mut Ui, state: &mut State, inputs: &Inputs<'_>, requests: &mut Vec<Request>) {
    let Some(agent) = shown_agent(state, inputs) else { return show_nobody(ui) };
    let Some(panel) = view::takeover::panel(inputs.picture, &agent, inputs.now) else {
        widgets::prose(ui, Size::Body, Tone::Warning, format!("Nobody knows {agent} any more."));
        return;
    };
    let mut asked = Vec::new();
    ui.push_id(("takeover", agent.as_str()), |ui| Shown::new(&panel, inputs).show(ui, &mut asked));
    if !asked.is_empty() && state.selected.as_ref() != Some(&agent) {
        requests.push(Request::Select(agent));
    }
    requests.append(&mut asked);
}

fn shown_agent(state: &State, inputs: &Inputs<'_>) -> Option<AgentId> {
    state.selected.clone().or_else(|| view::control_line::control_line(inputs.picture, inputs.now).agent)
}

fn show_nobody(ui: &mut Ui) {
    widgets::heading(ui, "No agent selected");
    let text = "Select one on the map, in the queue or in the lane; N goes to the most urgent.";
    widgets::prose(ui, Size::Body, Tone::Quiet, text);
}

/// What all parts of the panel need.
pub(super) struct Shown<'a> {
    panel: &'a TakeoverPanel,
    inputs: &'a Inputs<'a>,
    kind: AgentKind,
    /// The next ENGAGE of this person is for this agent.
    armed: bool,
    /// This session holds it. Who only comes next holds nothing until his ENGAGE.
    mine: bool,
}

impl<'a> Shown<'a> {
    fn new(panel: &'a TakeoverPanel, inputs: &'a Inputs<'a>) -> Self {
        let entry = inputs.picture.agent(&panel.agent);
        Self {
            panel,
            inputs,
            kind: entry.map_or(AgentKind::Generic, |entry| entry.status().kind),
            armed: inputs.hands.armed() == Some(&panel.agent),
            mine: entry.is_some_and(|entry| view::is_mine(inputs.picture, entry)),
        }
    }

    fn agent(&self) -> &'a AgentId {
        &self.panel.agent
    }

    /// Says whether the next ENGAGE of this person takes it, from its agent or from another person.
    fn may_engage(&self) -> bool {
        self.mine || self.panel.handover.as_ref().is_some_and(|row| row.yours_to_engage)
    }

    /// Returns why what this row does cannot be done now; nothing can be done to a recording.
    fn why_not(&self, row: &ActionRow) -> Option<String> {
        crate::in_recording(self.inputs).or_else(|| row.unavailable.as_ref().map(ToString::to_string))
    }

    fn action(&self, action: Action) -> Option<&'a ActionRow> {
        self.panel.actions.iter().find(|row| row.action == action)
    }

    /// Returns whether `action` can be done now.
    fn can(&self, action: Action) -> bool {
        self.action(action).is_some_and(|row| row.unavailable.is_none())
    }

    fn show(&self, ui: &mut Ui, requests: &mut Vec<Request>) {
        let room_high = ui.available_height() / look(ui.ctx()).scale;
        if room_high >= FOR_HEAD {
            head::show(ui, self);
        }
        if room_high >= FOR_LEASE {
            head::show_lease(ui, self, requests);
        }
        let whole = ui.available_rect_before_wrap();
        // Measured before it is shown, so that STOP stands still when what is above it changes.
        let room = foot::Room { is_high: room_high >= FOR_FOOT, size: whole.size() };
        let buttons = foot::Foot::new(ui, self, room);
        let foot_top = (whole.bottom() - buttons.height()).max(whole.top());
        let middle = Rect::from_min_max(whole.min, pos2(whole.right(), (foot_top - GRID).max(whole.top())));
        let foot = Rect::from_min_max(pos2(whole.left(), foot_top), whole.max);
        ui.scope_builder(UiBuilder::new().max_rect(middle), |ui| {
            ScrollArea::vertical()
                .id_salt(self.panel.phase.word())
                .auto_shrink(false)
                .min_scrolled_height(0.0)
                .show(ui, |ui| {
                    if room_high < FOR_HEAD {
                        head::show(ui, self);
                    }
                    if room_high < FOR_LEASE {
                        head::show_lease(ui, self, requests);
                    }
                    body::show(ui, self, requests);
                });
        });
        ui.scope_builder(UiBuilder::new().max_rect(foot), |ui| buttons.show(ui, requests));
    }
}

/// Shows one command; the diagnosis lists them in the same words.
pub(crate) fn show_command(ui: &mut Ui, row: &CommandRow) {
    commands::show_row(ui, row);
}

/// Returns the heading of a phase: where the takeover stands, from this person's side.
pub(super) fn phase_words(shown: &Shown<'_>) -> &'static str {
    match shown.panel.phase {
        Phase::Calm => "Nothing is asked",
        Phase::Noticed => "A person is wanted",
        Phase::Understood if shown.mine => "You hold it: understand, then engage",
        Phase::Understood => "Somebody has claimed it",
        Phase::Ready if shown.mine => "Ready to engage",
        Phase::Ready => "Changing hands",
        Phase::InControl if shown.mine => "You are in control",
        Phase::InControl => "Somebody else is in control",
        Phase::HandingBack => "Handing back",
        Phase::Afterwards => "It is over",
    }
}
