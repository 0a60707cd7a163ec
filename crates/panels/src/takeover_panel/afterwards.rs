//! One line to label a takeover that is over, and how long each part of it took.

use super::Shown;
use crate::{
    Request, in_recording, latency_panel,
    theme::{GRID, Size},
    widgets::{self, KeyButton},
};
use egui::Ui;
use watchkeeper_model::Verdict;
use watchkeeper_picture::{
    Press, Unavailable,
    view::{self, Tone, takeover::Phase},
};

/// Shows the line and the waterfall where a takeover of this agent has just ended.
pub(super) fn show(ui: &mut Ui, shown: &Shown<'_>, requests: &mut Vec<Request>) {
    let is_over = matches!(shown.panel.phase, Phase::Afterwards | Phase::Calm);
    let Some(label) = shown.panel.label.as_ref().filter(|_| is_over) else { return };
    let agent = shown.agent();
    ui.add_space(GRID / 2.0);
    widgets::strong(ui, Size::Small, Tone::Quiet, "What was it?");
    widgets::prose(ui, Size::Body, Tone::Normal, widgets::sentence(&label.text));
    ui.horizontal_wrapped(|ui| {
        for (verdict, word) in [
            (Verdict::Real, "Real"),
            (Verdict::FalseAlarm, "False alarm"),
            (Verdict::Late, "Late"),
            (Verdict::Unclear, "Unclear"),
        ] {
            let button = KeyButton::new(word)
                .name(format!("Label the takeover of {agent}: {word}"))
                .selected(label.verdict == Some(verdict))
                .why_not(why_not(shown));
            if button.show(ui).clicked() {
                let demand = label.demand;
                requests.push(Request::Press(Press::Label { demand, verdict }));
            }
        }
    });
    let falls = view::waterfall::waterfalls(shown.inputs.picture, shown.inputs.now);
    if let Some(fall) = falls.iter().find(|fall| fall.demand == label.demand) {
        ui.add_space(GRID / 2.0);
        latency_panel::show_small(ui, fall);
    }
}

fn why_not(shown: &Shown<'_>) -> Option<String> {
    if let Some(why) = in_recording(shown.inputs) {
        return Some(why);
    }
    Unavailable::of_session(shown.inputs.picture).err().map(|why| why.to_string())
}
