//! What a person sets for himself: how it looks and sounds, never what it does.

use crate::theme::{PaletteName, Theme, ThemeName};
use serde::{Deserialize, Serialize};

/// Smallest [`Settings::text_scale`].
pub const MIN_TEXT_SCALE: f32 = 1.0;
/// Largest [`Settings::text_scale`].
pub const MAX_TEXT_SCALE: f32 = 2.0;

/// What a person sets for himself. A file that says something else than this is refused, not half understood.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// For a dim room, a lit one, or poor sight.
    pub theme: ThemeName,
    /// Colours that this person can tell apart.
    pub palette: PaletteName,
    /// Size of text, [`MIN_TEXT_SCALE`] to [`MAX_TEXT_SCALE`].
    pub text_scale: f32,
    /// Takeover demands are heard.
    pub sound: bool,
    /// Marks of what nobody has acknowledged stand still instead of flashing.
    pub reduce_flash: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            theme: ThemeName::Dark,
            palette: PaletteName::Standard,
            text_scale: 1.0,
            sound: true,
            reduce_flash: false,
        }
    }
}

impl Settings {
    /// Returns the theme with its palette.
    pub const fn theme(&self) -> Theme {
        Theme { name: self.theme, palette: self.palette }
    }

    /// Returns the size of text within its limits; 1 where a file says something that is no number.
    pub const fn scale(&self) -> f32 {
        if self.text_scale.is_nan() { 1.0 } else { self.text_scale.clamp(MIN_TEXT_SCALE, MAX_TEXT_SCALE) }
    }
}
