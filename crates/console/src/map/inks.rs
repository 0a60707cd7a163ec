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
    palette: Palette,
    /// The factor of the text size.
    pub(crate) grown: f32,
    /// Pixels of the screen a point.
    pub(crate) pixels_per_point: f32,
}

impl Look {
    /// Returns the look of these settings on a screen with so many pixels a point.
    pub(crate) fn new(settings: &Settings, pixels_per_point: f32) -> Self {
        Self { palette: settings.theme().colors(), grown: settings.scale(), pixels_per_point }
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

    /// Returns the colour behind everything.
    pub(crate) fn ground(&self) -> Ink {
        ink(self.palette.ground)
    }

    /// Returns the colour of a card's ground.
    pub(crate) fn surface(&self) -> Ink {
        ink(self.palette.surface)
    }

    /// Returns the colour of a road.
    pub(crate) fn raised(&self) -> Ink {
        ink(self.palette.raised)
    }

    /// Returns the colour of edges.
    pub(crate) fn line(&self) -> Ink {
        ink(self.palette.line)
    }

    /// Returns the colour of hair lines.
    pub(crate) fn faint(&self) -> Ink {
        ink(self.palette.faint)
    }

    /// Returns the colour of text.
    pub(crate) fn text(&self) -> Ink {
        ink(self.palette.text)
    }

    /// Returns the colour of text that is not of interest now.
    pub(crate) fn quiet(&self) -> Ink {
        ink(self.palette.quiet)
    }

    /// Returns the colour of this person's own.
    pub(crate) fn own(&self) -> Ink {
        ink(self.palette.own)
    }

    /// Returns the colour of text on a ground of a tone.
    pub(crate) fn on_tone(&self) -> Ink {
        ink(self.palette.on_tone)
    }
}

fn ink(Rgb(red, green, blue): Rgb) -> Ink {
    LinearRgba::from(Srgba::rgb_u8(red, green, blue)).to_f32_array()
}
