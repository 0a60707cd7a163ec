//! B612, drawn for cockpits: tabular figures, and letters that are told apart at a glance.

use egui::{Context, FontData, FontDefinitions, FontFamily, Id};
use std::sync::Arc;

/// The plain font, as a file of it.
pub const B612: &[u8] = include_bytes!("../../../../assets/fonts/B612-Regular.ttf");
/// The bold font, as a file of it.
pub const B612_BOLD: &[u8] = include_bytes!("../../../../assets/fonts/B612-Bold.ttf");

/// Returns the family of bold text.
pub(super) fn bold() -> FontFamily {
    FontFamily::Name("bold".into())
}

/// Sets the fonts once; returns whether they are active, which is from the next pass on.
pub(super) fn install(ctx: &Context) -> bool {
    let asked = Id::new("watchkeeper-fonts");
    if ctx.data(|data| data.get_temp::<bool>(asked)).is_none() {
        ctx.data_mut(|data| data.insert_temp(asked, true));
        ctx.set_fonts(definitions());
        ctx.request_repaint();
        return false;
    }
    ctx.fonts(|fonts| fonts.definitions().families.contains_key(&bold()))
}

/// Returns the fonts, with egui's own behind them for glyphs that B612 lacks.
fn definitions() -> FontDefinitions {
    let mut definitions = FontDefinitions::default();
    for (name, bytes) in [("B612", B612), ("B612-Bold", B612_BOLD)] {
        definitions.font_data.insert(name.to_owned(), Arc::new(FontData::from_static(bytes)));
    }
    let fallback = definitions.families.get(&FontFamily::Proportional).cloned().unwrap_or_default();
    let with = |first: &str| {
        let mut family = vec![first.to_owned()];
        family.extend(fallback.iter().cloned());
        family
    };
    definitions.families.insert(FontFamily::Proportional, with("B612"));
    definitions.families.insert(FontFamily::Monospace, with("B612"));
    definitions.families.insert(bold(), with("B612-Bold"));
    definitions
}
