//! The theme's colours as a mesh wants them, and how large texts are.

use super::paint::Ink;
use bevy::color::{ColorToComponents, LinearRgba, Srgba};
use watchkeeper_panels::{
    Settings,
    theme::{BODY, Palette, Rgb, SMALL},
};
use watchkeeper_picture::view::Tone;

/// How everything in the world looks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Look {
    /// Behind everything.
    pub(crate) ground: Ink,
    /// A card's ground.
    pub(crate) surface: Ink,
    /// A road; what stands out a little.
    pub(crate) raised: Ink,
    /// Edges.
    pub(crate) line: Ink,
    /// Hair lines.
    pub(crate) faint: Ink,
    /// Text.
    pub(crate) text: Ink,
    /// Text that is not of interest now.
    pub(crate) quiet: Ink,
    /// This person's own.
    pub(crate) own: Ink,
    /// Text on a ground of a tone.
    pub(crate) on_tone: Ink,
    palette: Palette,
    /// The factor of the text size.
    pub(crate) grown: f32,
    /// Pixels of the screen a point.
    pub(crate) pixels_per_point: f32,
}

impl Look {
    /// Returns the look of these settings on a screen with so many pixels a point.
    pub(crate) fn new(settings: &Settings, pixels_per_point: f32) -> Self {
        let palette = settings.theme().colors();
        Self {
            ground: ink(palette.ground),
            surface: ink(palette.surface),
            raised: ink(palette.raised),
            line: ink(palette.line),
            faint: ink(palette.faint),
            text: ink(palette.text),
            quiet: ink(palette.quiet),
            own: ink(palette.own),
            on_tone: ink(palette.on_tone),
            palette,
            grown: settings.scale(),
            pixels_per_point,
        }
    }

    /// Returns the size of small text, points.
    pub(crate) const fn small(&self) -> f32 {
        SMALL * self.grown
    }

    /// Returns the size of text that is read, points.
    pub(crate) const fn body(&self) -> f32 {
        BODY * self.grown
    }

    /// Returns the colour of a mark of a tone.
    pub(crate) fn tone(&self, tone: Tone) -> Ink {
        ink(self.palette.tone(tone))
    }

    /// Returns the colour of text of a tone.
    pub(crate) fn text_of(&self, tone: Tone) -> Ink {
        ink(self.palette.text_of(tone))
    }
}

/// A mesh's colours are linear.
fn ink(Rgb(red, green, blue): Rgb) -> Ink {
    LinearRgba::from(Srgba::rgb_u8(red, green, blue)).to_f32_array()
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "these numbers are exact")]
mod tests {
    use super::*;
    use watchkeeper_panels::theme::{PaletteName, ThemeName};

    #[test]
    fn tones_have_the_colours_that_the_panels_give_them() {
        for theme in ThemeName::ALL {
            for palette in PaletteName::ALL {
                let settings = Settings { theme, palette, ..Settings::default() };
                let (look, colors) = (Look::new(&settings, 1.0), settings.theme().colors());
                for tone in [Tone::Normal, Tone::Quiet, Tone::Warning, Tone::Danger, Tone::Own, Tone::Stale] {
                    assert_eq!(look.tone(tone), ink(colors.tone(tone)));
                    assert_eq!(look.text_of(tone), ink(colors.text_of(tone)));
                }
            }
        }
    }
}
