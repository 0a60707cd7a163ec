//! The sheet of settings, in the place of the right column: nothing is covered.

use crate::{
    Inputs, Request, Settings,
    settings::{MAX_TEXT_SCALE, MIN_TEXT_SCALE},
    theme::{GRID, PaletteName, Size, ThemeName},
    widgets::{KeyButton, heading, prose, said},
};
use egui::Ui;
use watchkeeper_picture::view::Tone;

/// How much larger or smaller one press makes text.
const STEP: f32 = 0.1;

/// Shows the sheet.
pub(crate) fn show(ui: &mut Ui, inputs: &Inputs<'_>, requests: &mut Vec<Request>) {
    let now = inputs.settings;
    heading(ui, "Settings");
    prose(ui, Size::Small, Tone::Quiet, "For you on this console. They change at once and are kept.");
    let mut wanted = now.clone();
    choices(ui, "Room", &ThemeName::ALL.map(|theme| (theme.word(), theme)), &mut wanted.theme);
    let palettes = PaletteName::ALL.map(|palette| (palette.word(), palette));
    choices(ui, "Colours you can tell apart", &palettes, &mut wanted.palette);
    text_size(ui, &mut wanted);
    choices(ui, "Sound of demands", &[("On", true), ("Off", false)], &mut wanted.sound);
    let flash = [("Flash slowly", false), ("Stand still", true)];
    choices(ui, "Marks nobody has acknowledged", &flash, &mut wanted.reduce_flash);
    if wanted != *now {
        requests.push(Request::Settings(wanted));
    }
    ui.add_space(GRID * 2.0);
    if KeyButton::new("Close").key(",").name("Close settings").show(ui).clicked() {
        requests.push(Request::SettingsSheet(false));
    }
}

/// Shows the values of one setting side by side; the one in force is marked.
fn choices<T: Copy + PartialEq>(ui: &mut Ui, what: &str, values: &[(&str, T)], chosen: &mut T) {
    ui.add_space(GRID);
    said(ui, Size::Body, Tone::Normal, what);
    let before = *chosen;
    ui.push_id(what, |ui| {
        ui.horizontal_wrapped(|ui| {
            for (word, value) in values {
                let name = format!("{what}: {word}");
                if KeyButton::new(*word).name(name).selected(*value == before).show(ui).clicked() {
                    *chosen = *value;
                }
            }
        });
    });
}

fn text_size(ui: &mut Ui, wanted: &mut Settings) {
    ui.add_space(GRID);
    let scale = wanted.scale();
    said(ui, Size::Body, Tone::Normal, format!("Size of text: {:.0} %", scale * 100.0));
    ui.horizontal_wrapped(|ui| {
        for (word, by, end) in [("Smaller", -STEP, MIN_TEXT_SCALE), ("Larger", STEP, MAX_TEXT_SCALE)] {
            let at_end = (scale - end).abs() < STEP / 2.0;
            let why_not = at_end.then(|| "as far as it goes".to_owned());
            let button =
                KeyButton::new(word).name(format!("Size of text: {word}")).why_not(why_not).one_line();
            if button.show(ui).clicked() {
                let tenths = ((scale + by) * 10.0).round() / 10.0;
                wanted.text_scale = tenths.clamp(MIN_TEXT_SCALE, MAX_TEXT_SCALE);
            }
        }
    });
}
