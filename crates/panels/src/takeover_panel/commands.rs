//! The commands of the agent's domain with their keys, and every command as a row until it is finished.

use super::Shown;
use crate::{
    Request,
    theme::{GRID, Size, look},
    widgets::{self, KeyButton, key_words, sentence},
};
use egui::{Ui, WidgetInfo, WidgetType};
use watchkeeper_model::AgentKind;
use watchkeeper_picture::{
    Action, Press, Unavailable,
    view::{
        self, Tone,
        commands::CommandRow,
        takeover::{ActionRow, Phase},
    },
};

/// Most commands shown; the diagnosis has them all.
const MOST_ROWS: usize = 8;

/// Shows the commands that were sent, newest first, with state and age.
pub(super) fn show_rows(ui: &mut Ui, shown: &Shown<'_>) {
    let rows = view::commands::rows(shown.inputs.picture, Some(shown.agent()), shown.inputs.now);
    if rows.is_empty() {
        return;
    }
    ui.add_space(GRID / 2.0);
    widgets::strong(ui, Size::Small, Tone::Quiet, "Sent");
    for row in rows.iter().take(MOST_ROWS) {
        show_row(ui, row);
    }
    if rows.len() > MOST_ROWS {
        let more = format!("{} more in the diagnosis", rows.len() - MOST_ROWS);
        widgets::line(ui, Size::Small, Tone::Quiet, more);
    }
}

/// Shows one command: what, where it is, for how long, and why not.
pub(super) fn show_row(ui: &mut Ui, row: &CommandRow) {
    let look = look(ui.ctx());
    let age = if row.finished { format!("{} ago", row.state_age) } else { format!("for {}", row.age) };
    let words = format!("{} {}: {}, {age}", row.verb, row.agent, row.state);
    let shown = ui.horizontal(|ui| {
        widgets::mark(ui, row.mark, row.tone, look.points(Size::Small));
        widgets::line(ui, Size::Small, row.tone, &words);
    });
    let by = format!("by {}", row.by);
    let why = [row.why.as_str(), &by, row.record].into_iter().filter(|part| !part.is_empty());
    let why = why.collect::<Vec<_>>().join("; ");
    let name = format!("command {words}; {why}");
    shown.response.widget_info(|| WidgetInfo::labeled(WidgetType::Label, true, &name));
    if row.went_wrong || !row.mine {
        let tone = if row.went_wrong { row.tone } else { Tone::Quiet };
        widgets::prose(ui, Size::Small, tone, why);
    }
}

/// Shows a button for each command that this phase can need, in one order, and why one does not work now.
pub(super) fn show_buttons(ui: &mut Ui, shown: &Shown<'_>, requests: &mut Vec<Request>) {
    let rows: Vec<&ActionRow> = offered(shown)
        .iter()
        .filter_map(|action| shown.action(*action))
        .filter(|row| fits(shown, row))
        .collect();
    if rows.is_empty() {
        return;
    }
    ui.add_space(GRID / 2.0);
    widgets::strong(ui, Size::Small, Tone::Quiet, "Commands");
    for row in rows {
        let button = KeyButton::new(sentence(&row.label)).key(key_words(row.key)).why_not(shown.why_not(row));
        if button.show(ui).clicked() {
            requests.push(Request::Press(Press::Action(row.action)));
        }
    }
}

/// Returns the commands of a phase; what makes things safer is always among them.
fn offered(shown: &Shown<'_>) -> &'static [Action] {
    use Action::{
        AllowTakeover, ClearLatch, Decide, Dismiss, Hold, Manual, MinimalRisk, Release, RequestHandover,
        Resume, SpeedCap, Task, Waive,
    };
    match shown.panel.phase {
        Phase::InControl if shown.mine => {
            &[Manual, Hold, Resume, SpeedCap, Task, MinimalRisk, AllowTakeover, Release]
        }
        Phase::Understood | Phase::Ready if shown.mine => {
            &[Decide, Dismiss, Release, Hold, SpeedCap, Task, MinimalRisk, ClearLatch, AllowTakeover]
        }
        Phase::HandingBack if shown.mine => &[Hold, Task, MinimalRisk, Release],
        Phase::Noticed => &[Decide, Hold, SpeedCap, Task, MinimalRisk, ClearLatch, RequestHandover],
        Phase::Calm
        | Phase::Understood
        | Phase::Ready
        | Phase::InControl
        | Phase::HandingBack
        | Phase::Afterwards => &[Decide, Hold, SpeedCap, Task, MinimalRisk, Waive],
    }
}

/// Leaves out what this kind of agent never has, and what there is nothing for.
fn fits(shown: &Shown<'_>, row: &ActionRow) -> bool {
    let is_vehicle = shown.kind == AgentKind::Vehicle;
    match row.action {
        Action::SpeedCap | Action::Manual => is_vehicle,
        Action::ClearLatch => {
            let entry = shown.inputs.picture.agent(shown.agent());
            let at_foot = shown.panel.suggested == Some(Action::ClearLatch);
            !at_foot && entry.is_some_and(|entry| !entry.status().latches.is_empty())
        }
        Action::RequestHandover => shown.panel.lease.is_some() && !shown.mine,
        Action::Decide => row.unavailable != Some(Unavailable::NothingAsked),
        Action::Task => row.unavailable != Some(Unavailable::NoTasks),
        Action::Waive => row.unavailable.is_none(),
        Action::Claim
        | Action::Engage
        | Action::Hold
        | Action::Resume
        | Action::MinimalRisk
        | Action::HandBack
        | Action::Release
        | Action::Dismiss
        | Action::Stop
        | Action::AllowTakeover => true,
    }
}
