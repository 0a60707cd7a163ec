//! The whole fleet as a table in the order of names, so that a row stays where it is. Only rows in sight are made.

mod row;

use crate::{
    Inputs, Request, State,
    theme::{GRID, Size, look},
    widgets::{KeyButton, heading, said},
};
use egui::{Align, Layout, ScrollArea, Ui};
use watchkeeper_picture::view::{
    Tone,
    fleet::{self, FleetRow},
};

/// Shows the fleet.
pub(crate) fn show(ui: &mut Ui, state: &mut State, inputs: &Inputs<'_>, requests: &mut Vec<Request>) {
    let all = fleet::rows(inputs.picture, inputs.now);
    let exceptions = all.iter().filter(|row| is_exception(row)).count();
    let total = all.len();
    ui.horizontal(|ui| {
        heading(ui, "Fleet");
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            filter(ui, state, total, exceptions);
        });
    });
    let rows: Vec<FleetRow> =
        all.into_iter().filter(|row| !state.only_exceptions || is_exception(row)).collect();
    let look = look(ui.ctx());
    let columns = row::Columns::new(ui.available_width() - GRID * 2.0);
    row::header(ui, &look, &columns);
    if rows.is_empty() {
        let text = if total == 0 { "No agents are known." } else { "All are as they should be." };
        said(ui, Size::Body, Tone::Quiet, text);
        return;
    }
    ui.spacing_mut().item_spacing.y = 0.0;
    ScrollArea::vertical().id_salt("fleet").auto_shrink(false).show_rows(
        ui,
        look.target(),
        rows.len(),
        |ui, range| {
            for fleet_row in rows.get(range).unwrap_or_default() {
                let selected = state.selected.as_ref() == Some(&fleet_row.agent);
                if row::show(ui, &look, &columns, fleet_row, selected) {
                    requests.push(Request::Select(fleet_row.agent.clone()));
                }
            }
        },
    );
}

fn filter(ui: &mut Ui, state: &mut State, total: usize, exceptions: usize) {
    let some = KeyButton::new(format!("{exceptions} to look at"))
        .name(format!("Show only the {exceptions} agents to look at"))
        .selected(state.only_exceptions)
        .small();
    if some.show(ui).clicked() {
        state.only_exceptions = true;
    }
    let all = KeyButton::new(format!("all {total}"))
        .name(format!("Show all {total} agents"))
        .selected(!state.only_exceptions)
        .small();
    if all.show(ui).clicked() {
        state.only_exceptions = false;
    }
}

/// Everything that is not as it should be, and everything somebody has in hand.
fn is_exception(row: &FleetRow) -> bool {
    let calm = match row.tone {
        Tone::Normal | Tone::Quiet => true,
        Tone::Warning | Tone::Danger | Tone::Own | Tone::Stale => false,
    };
    !calm || row.stale || row.offline || row.demand_left.is_some() || row.holder.is_some()
}
