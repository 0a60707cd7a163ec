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
use egui::{Id, Rect, ScrollArea, Ui, UiBuilder, pos2};
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
    /// This session holds it, or gets it with its ENGAGE.
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
            mine: inputs.picture.my_epoch(&panel.agent).is_some(),
        }
    }

    fn agent(&self) -> &'a AgentId {
        &self.panel.agent
    }

    fn action(&self, action: Action) -> Option<&'a ActionRow> {
        self.panel.actions.iter().find(|row| row.action == action)
    }

    /// Returns whether `action` can be done now.
    fn can(&self, action: Action) -> bool {
        self.action(action).is_some_and(|row| row.unavailable.is_none())
    }

    fn show(&self, ui: &mut Ui, requests: &mut Vec<Request>) {
        let room = ui.available_height() / look(ui.ctx()).scale;
        if room >= FOR_HEAD {
            head::show(ui, self);
        }
        if room >= FOR_LEASE {
            head::show_lease(ui, self, requests);
        }
        let whole = ui.available_rect_before_wrap();
        let foot_top = (whole.bottom() - foot_height(ui)).max(whole.top());
        let middle = Rect::from_min_max(whole.min, pos2(whole.right(), (foot_top - GRID).max(whole.top())));
        let foot = Rect::from_min_max(pos2(whole.left(), foot_top), whole.max);
        ui.scope_builder(UiBuilder::new().max_rect(middle), |ui| {
            ScrollArea::vertical()
                .id_salt(self.panel.phase.word())
                .auto_shrink(false)
                .min_scrolled_height(0.0)
                .show(ui, |ui| {
                    if room < FOR_HEAD {
                        head::show(ui, self);
                    }
                    if room < FOR_LEASE {
                        head::show_lease(ui, self, requests);
                    }
                    body::show(ui, self, requests);
                });
        });
        let room = foot::Room { is_high: room >= FOR_FOOT, height: whole.height() };
        let drawn =
            ui.scope_builder(UiBuilder::new().max_rect(foot), |ui| foot::show(ui, self, room, requests));
        keep_foot_height(ui, drawn.inner);
    }
}

/// Returns the height that the foot took in the last frame: what is above it must be laid out before it.
fn foot_height(ui: &Ui) -> f32 {
    let known = ui.data(|data| data.get_temp(foot_id(ui)));
    known.unwrap_or_else(|| 2.0 * big_button::height(ui) + 2.0 * GRID)
}

fn keep_foot_height(ui: &Ui, height: f32) {
    let known = ui.data(|data| data.get_temp::<f32>(foot_id(ui)));
    if known.is_none_or(|known| (known - height).abs() > 0.5) {
        ui.data_mut(|data| data.insert_temp(foot_id(ui), height));
        ui.ctx().request_repaint();
    }
}

fn foot_id(ui: &Ui) -> Id {
    ui.id().with("foot")
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
