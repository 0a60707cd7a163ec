//! Colours, sizes and the font: for a dim room, a lit one, or poor sight, each with a palette for how colours
//! are seen.
//!
//! Only [`Tone::Warning`] and [`Tone::Danger`] are saturated; own is white, or black on light; all else is grey.
//! Every text colour has a contrast of at least 4.5:1 on every ground, every mark and edge 3:1 (tested). Colour is
//! never alone: a mark has a shape, a number and a word beside it.

mod fonts;
mod palettes;

use crate::{Settings, settings};
use egui::{Color32, CornerRadius, FontFamily, FontId, Id, Stroke, TextStyle, vec2};
pub use fonts::{B612, B612_BOLD};
use serde::{Deserialize, Serialize};
use watchkeeper_picture::view::Tone;

/// The grid on which everything stands, in points.
pub const GRID: f32 = 8.0;
/// Smallest side of what can be pressed, in points.
pub const TARGET: f32 = 32.0;
/// Notes and tables, in points before scaling; nothing is smaller.
pub const SMALL: f32 = 13.0;
/// What is read, in points before scaling.
pub const BODY: f32 = 15.0;
/// Who and what, in points before scaling.
pub const LARGE: f32 = 22.0;
/// The countdown of a demand alone, in points before scaling.
pub const HUGE: f32 = 36.0;

/// A colour without transparency, in sRGB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rgb(pub u8, pub u8, pub u8);

impl Rgb {
    /// Returns it as egui draws it.
    pub const fn color(self) -> Color32 {
        Color32::from_rgb(self.0, self.1, self.2)
    }
}

/// What kind of room and eye it is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ThemeName {
    /// For dim rooms.
    #[default]
    Dark,
    /// Light grey, for lit rooms.
    Light,
    /// White on black.
    HighContrast,
}

impl ThemeName {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Dark, Self::Light, Self::HighContrast];

    /// Returns its name.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Dark => "Dark",
            Self::Light => "Light",
            Self::HighContrast => "High contrast",
        }
    }
}

/// Which colours can be told apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PaletteName {
    /// Full colour vision.
    #[default]
    Standard,
    /// Deuteranopia and protanopia: red and green look alike.
    RedGreen,
    /// Tritanopia: blue and yellow look alike.
    BlueYellow,
}

impl PaletteName {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Standard, Self::RedGreen, Self::BlueYellow];

    /// Returns its name.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Standard => "Standard",
            Self::RedGreen => "Red-green safe",
            Self::BlueYellow => "Blue-yellow safe",
        }
    }
}

/// A theme with its palette.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Theme {
    /// For which room.
    pub name: ThemeName,
    /// For which eye.
    pub palette: PaletteName,
}

impl Theme {
    /// Returns its colours.
    pub const fn colors(self) -> Palette {
        palettes::of(self)
    }
}

/// The colours of a theme.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Palette {
    /// Behind everything; the ground of the world.
    pub ground: Rgb,
    /// Of panels.
    pub surface: Rgb,
    /// Of cards, fields and buttons.
    pub raised: Rgb,
    /// Of what is selected or pointed at.
    pub selected: Rgb,
    /// Edges of controls, axes, normal bands: at least 3:1 on every ground but `selected`.
    pub line: Rgb,
    /// Hair lines between things that stand apart without them.
    pub faint: Rgb,
    /// What is read.
    pub text: Rgb,
    /// What is there but not of interest now.
    pub quiet: Rgb,
    /// Values and marks that are as they should be.
    pub normal: Rgb,
    /// Needs somebody soon.
    pub warning: Rgb,
    /// Needs somebody now.
    pub danger: Rgb,
    /// This person's own.
    pub own: Rgb,
    /// Too old to be relied on.
    pub stale: Rgb,
    /// Text and numbers on a ground that is filled with a tone.
    pub on_tone: Rgb,
}

impl Palette {
    /// Returns the colour of a tone, for text and marks on any ground.
    pub const fn tone(&self, tone: Tone) -> Rgb {
        match tone {
            Tone::Normal => self.normal,
            Tone::Quiet => self.quiet,
            Tone::Warning => self.warning,
            Tone::Danger => self.danger,
            Tone::Own => self.own,
            Tone::Stale => self.stale,
        }
    }

    /// Returns the colour of running text that a row of this tone is written in: saturated only where a person
    /// is needed.
    pub const fn text_of(&self, tone: Tone) -> Rgb {
        match tone {
            Tone::Normal | Tone::Own => self.text,
            Tone::Quiet => self.quiet,
            Tone::Warning => self.warning,
            Tone::Danger => self.danger,
            Tone::Stale => self.stale,
        }
    }
}

/// One of the sizes of text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// Notes and tables.
    Small,
    /// What is read.
    Body,
    /// Who and what.
    Large,
    /// The countdown of a demand.
    Huge,
}

/// Everything a widget must know to look right; cheap to copy. [`apply`] puts it into the context, [`look`]
/// takes it out again.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Look {
    /// The colours.
    pub colors: Palette,
    /// Size of text, 1 to 2.
    pub scale: f32,
    /// Marks do not flash.
    pub reduce_flash: bool,
    /// The theme is dark.
    pub dark: bool,
    /// The bold font is there: a font that is set becomes active with the next pass.
    pub bold: bool,
}

impl Look {
    /// Makes the look of these settings.
    pub const fn new(settings: &Settings) -> Self {
        Self {
            colors: settings.theme().colors(),
            scale: settings.scale(),
            reduce_flash: settings.reduce_flash,
            dark: !matches!(settings.theme, ThemeName::Light),
            bold: false,
        }
    }

    /// Returns a size of text in points.
    pub const fn points(&self, size: Size) -> f32 {
        let points = match size {
            Size::Small => SMALL,
            Size::Body => BODY,
            Size::Large => LARGE,
            Size::Huge => HUGE,
        };
        points * self.scale
    }

    /// Returns the height of a line of text on the grid of half a [`GRID`], in points.
    pub fn line_height(&self, size: Size) -> f32 {
        let half = GRID / 2.0;
        // Figures have no descenders.
        let leading = if size == Size::Huge { 1.1 } else { 1.25 };
        (self.points(size) * leading / half).ceil() * half
    }

    /// Returns the height of what can be pressed, in points: room for its text, and never below [`TARGET`].
    pub fn target(&self) -> f32 {
        (self.line_height(Size::Body) + GRID).max(TARGET)
    }

    /// Returns the plain font in a size.
    pub const fn font(&self, size: Size) -> FontId {
        FontId { size: self.points(size), family: FontFamily::Proportional }
    }

    /// Returns the bold font in a size.
    pub fn strong(&self, size: Size) -> FontId {
        let family = if self.bold { fonts::bold() } else { FontFamily::Proportional };
        FontId { size: self.points(size), family }
    }

    /// Returns the colour of a tone.
    pub const fn tone(&self, tone: Tone) -> Color32 {
        self.colors.tone(tone).color()
    }
}

/// Returns the look that [`apply`] put into the context; that of the default settings before.
pub fn look(ctx: &egui::Context) -> Look {
    ctx.data(|data| data.get_temp(look_id())).unwrap_or_else(|| Look::new(&settings::Settings::default()))
}

/// Puts theme, sizes and fonts into the context; does nothing where they are there already. Call it once a frame.
pub fn apply(ctx: &egui::Context, settings: &Settings) {
    let mut look = Look::new(settings);
    look.bold = fonts::install(ctx);
    let known: Option<Look> = ctx.data(|data| data.get_temp(look_id()));
    if known == Some(look) {
        return;
    }
    ctx.data_mut(|data| data.insert_temp(look_id(), look));
    // The size of text is a setting; a zoom beside it would move the world from under the panels.
    ctx.options_mut(|options| {
        options.zoom_with_keyboard = false;
        // The window's shader takes whole pixels of the texture: right for letters, not for discs that are scaled.
        options.tessellation_options.prerasterized_discs = false;
    });
    ctx.set_theme(if look.dark { egui::Theme::Dark } else { egui::Theme::Light });
    ctx.all_styles_mut(|style| restyle(style, &look));
}

fn look_id() -> Id {
    Id::new("watchkeeper-look")
}

fn restyle(style: &mut egui::Style, look: &Look) {
    style.text_styles = [
        (TextStyle::Small, look.font(Size::Small)),
        (TextStyle::Body, look.font(Size::Body)),
        (TextStyle::Button, look.font(Size::Body)),
        (TextStyle::Heading, look.font(Size::Large)),
        (TextStyle::Monospace, look.font(Size::Small)),
    ]
    .into();
    style.animation_time = 0.0;
    style.scroll_animation = egui::style::ScrollAnimation::none();
    style.spacing.item_spacing = vec2(GRID, GRID / 2.0);
    style.spacing.button_padding = vec2(GRID, GRID / 2.0);
    style.spacing.interact_size = vec2(TARGET, look.target());
    style.spacing.icon_width = TARGET / 2.0;
    style.spacing.scroll = egui::style::ScrollStyle::solid();
    style.spacing.scroll.bar_width = GRID;
    style.interaction.selectable_labels = false;
    style.interaction.tooltip_delay = 0.0;
    repaint_visuals(&mut style.visuals, look);
}

fn repaint_visuals(visuals: &mut egui::Visuals, look: &Look) {
    let colors = &look.colors;
    visuals.dark_mode = look.dark;
    visuals.override_text_color = None;
    visuals.weak_text_color = Some(colors.quiet.color());
    visuals.panel_fill = colors.surface.color();
    visuals.window_fill = colors.raised.color();
    visuals.window_stroke = Stroke::new(1.0, colors.line.color());
    visuals.faint_bg_color = colors.surface.color();
    visuals.extreme_bg_color = colors.ground.color();
    visuals.text_edit_bg_color = Some(colors.ground.color());
    visuals.hyperlink_color = colors.text.color();
    visuals.warn_fg_color = colors.warning.color();
    visuals.error_fg_color = colors.danger.color();
    visuals.selection.bg_fill = colors.selected.color();
    visuals.selection.stroke = Stroke::new(2.0, colors.own.color());
    visuals.window_shadow = egui::Shadow::NONE;
    visuals.popup_shadow = egui::Shadow::NONE;
    let widgets = &mut visuals.widgets;
    for (state, fill, edge, text) in [
        (&mut widgets.noninteractive, colors.surface, colors.faint, colors.text),
        (&mut widgets.inactive, colors.raised, colors.line, colors.text),
        (&mut widgets.hovered, colors.selected, colors.text, colors.text),
        (&mut widgets.active, colors.selected, colors.own, colors.text),
        (&mut widgets.open, colors.raised, colors.line, colors.text),
    ] {
        state.bg_fill = fill.color();
        state.weak_bg_fill = fill.color();
        state.bg_stroke = Stroke::new(1.0, edge.color());
        state.fg_stroke = Stroke::new(1.0, text.color());
        state.corner_radius = CornerRadius::same(2);
        state.expansion = 0.0;
    }
}
