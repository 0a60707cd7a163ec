//! The sheet of all keys: the same in every console and at every level.

use crate::{
    Request,
    theme::{GRID, Size, look},
    widgets::{KeyButton, heading, key_words, line, strong},
};
use egui::{Align, Layout, Ui, vec2};
use watchkeeper_picture::{Action, view::Tone};

/// Keys that are no action on the selected agent.
const OTHERS: [(&str, &str); 16] = [
    ("Shift+S", "Stop the selected agent; Pause and F12 as well, even while you type"),
    ("N", "Go to what is most urgent"),
    ("J, K", "Go to the next agent, to the one before"),
    ("A", "Acknowledge the selected alert"),
    ("Z", "Shelve the selected alert, with a reason"),
    ("Y, U", "Hand over to who asks; keep control"),
    ("Enter", "Engage; or press the control that has the keyboard"),
    ("Esc", "Cancel: the question, manual driving, a takeover just begun"),
    ("Space", "Hold it while you drive by hand: you are there"),
    ("Arrows", "Steer, while you drive by hand"),
    ("Tab", "Go to the next control, with Shift to the one before"),
    ("F", "Let the map follow the selected agent, or not"),
    ("P", "Run the replay, or hold it"),
    ("1 2 3 4", "Overview, task, detail, diagnosis"),
    (",", "Settings"),
    ("?", "These keys"),
];

/// Returns what the key of an action does.
const fn meaning(action: Action) -> &'static str {
    match action {
        Action::Claim => "Take over: the first of two inputs",
        Action::Engage => "Engage: the second input, control changes hands",
        Action::Hold => "Hold: stop comfortably and stand",
        Action::SpeedCap => "Cap its speed",
        Action::Resume => "Let it go on after a hold",
        Action::MinimalRisk => "Bring it to minimal risk",
        Action::HandBack => "Hand back to the agent",
        Action::Release => "Release the lease",
        Action::Dismiss => "Dismiss the demand as a false alarm, with a reason",
        Action::ClearLatch => "Clear its latch, with a reason",
        Action::Stop => "STOP it at once (ESTOP)",
        Action::Manual => "Drive it by hand",
        Action::RequestHandover => "Ask its holder for control",
        Action::AllowTakeover => "Let others take over without asking, or not",
        Action::Decide => "Answer its question",
        Action::Waive => "Let its holder hand back though the cause is there",
        Action::Task => "Give it a task: its hazard lights, a payment to hold, a tool to take away",
    }
}

/// Shows the sheet.
pub(crate) fn show(ui: &mut Ui, requests: &mut Vec<Request>) {
    heading(ui, "Keys");
    strong(ui, Size::Small, Tone::Quiet, "For the selected agent");
    for action in Action::ALL {
        key_line(ui, &key_words(action.key()), meaning(action));
    }
    ui.add_space(GRID);
    strong(ui, Size::Small, Tone::Quiet, "Everywhere");
    for (key, what) in OTHERS {
        key_line(ui, key, what);
    }
    ui.add_space(GRID);
    if KeyButton::new("Close").key("?").name("Close help").show(ui).clicked() {
        requests.push(Request::Help(false));
    }
}

fn key_line(ui: &mut Ui, key: &str, what: &str) {
    let look = look(ui.ctx());
    let height = look.line_height(Size::Small);
    let size = vec2(ui.available_width(), height);
    ui.allocate_ui_with_layout(size, Layout::left_to_right(Align::Center), |ui| {
        let key_size = vec2(GRID * 11.0 * look.scale, height);
        ui.allocate_ui_with_layout(key_size, Layout::left_to_right(Align::Center), |ui| {
            ui.set_min_width(key_size.x);
            strong(ui, Size::Small, Tone::Normal, key);
        });
        line(ui, Size::Small, Tone::Normal, what);
    });
}
