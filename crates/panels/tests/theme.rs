//! Every theme with every palette can be read, and its tones can be told apart by the eyes that it is for.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests fail by panicking")]

use watchkeeper_panels::{
    Settings,
    theme::{BODY, GRID, LARGE, Look, Palette, PaletteName, Rgb, SMALL, Size, TARGET, Theme, ThemeName},
};
use watchkeeper_picture::view::Tone;

/// Smallest distance (CIE76) between a tone that calls for somebody and any that does not, and between both.
const TOLD_APART: f64 = 20.0;
/// Smallest contrast of text, and of marks and edges (WCAG 2.2, AA).
const TEXT: f64 = 4.5;
const MARK: f64 = 3.0;

const TONES: [Tone; 6] = [Tone::Normal, Tone::Quiet, Tone::Warning, Tone::Danger, Tone::Own, Tone::Stale];

/// Machado, Oliveira and Fernandes 2009, severity 1.0, on linear RGB.
#[rustfmt::skip]
const PROTANOPIA: [[f64; 3]; 3] = [
    [0.152_286, 1.052_583, -0.204_868], [0.114_503, 0.786_281, 0.099_216], [-0.003_882, -0.048_116, 1.051_998],
];
#[rustfmt::skip]
const DEUTERANOPIA: [[f64; 3]; 3] = [
    [0.367_322, 0.860_646, -0.227_968], [0.280_085, 0.672_501, 0.047_413], [-0.011_820, 0.042_940, 0.968_881],
];
#[rustfmt::skip]
const TRITANOPIA: [[f64; 3]; 3] = [
    [1.255_528, -0.076_749, -0.178_779], [-0.078_411, 0.930_809, 0.147_602], [0.004_733, 0.691_367, 0.303_900],
];
const FULL: [[f64; 3]; 3] = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];

fn themes() -> Vec<Theme> {
    let both = |name| PaletteName::ALL.map(|palette| Theme { name, palette });
    ThemeName::ALL.into_iter().flat_map(both).collect()
}

fn linear(rgb: Rgb) -> [f64; 3] {
    [rgb.0, rgb.1, rgb.2].map(|channel| {
        let part = f64::from(channel) / 255.0;
        if part <= 0.040_45 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
    })
}

fn luminance(rgb: Rgb) -> f64 {
    let [red, green, blue] = linear(rgb);
    0.2126 * red + 0.7152 * green + 0.0722 * blue
}

fn contrast(one: Rgb, other: Rgb) -> f64 {
    let (one, other) = (luminance(one), luminance(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

fn lab(rgb: Rgb, eye: &[[f64; 3]; 3]) -> [f64; 3] {
    let seen = linear(rgb);
    let [red, green, blue] = eye
        .map(|row| row.iter().zip(seen).map(|(part, channel)| part * channel).sum::<f64>().clamp(0.0, 1.0));
    let x = (0.412_456_4 * red + 0.357_576_1 * green + 0.180_437_5 * blue) / 0.950_47;
    let y = 0.212_672_9 * red + 0.715_152_2 * green + 0.072_175 * blue;
    let z = (0.019_333_9 * red + 0.119_192 * green + 0.950_304_1 * blue) / 1.088_83;
    let [x, y, z] = [x, y, z].map(|part| {
        if part > 216.0 / 24_389.0 { part.cbrt() } else { (24_389.0 / 27.0 * part + 16.0) / 116.0 }
    });
    [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)]
}

fn distance(one: Rgb, other: Rgb, eye: &[[f64; 3]; 3]) -> f64 {
    let (one, other) = (lab(one, eye), lab(other, eye));
    one.iter().zip(other).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt()
}

fn grounds(colors: &Palette) -> [(&'static str, Rgb); 4] {
    [
        ("ground", colors.ground),
        ("surface", colors.surface),
        ("raised", colors.raised),
        ("selected", colors.selected),
    ]
}

#[test]
fn text_of_every_tone_stands_out_from_every_ground() {
    for theme in themes() {
        let colors = theme.colors();
        for (name, ground) in grounds(&colors) {
            for tone in TONES {
                for ink in [colors.tone(tone), colors.text_of(tone), colors.text, colors.quiet] {
                    let found = contrast(ink, ground);
                    assert!(found >= TEXT, "{theme:?}: {tone:?} on {name}: {found:.2}");
                }
            }
        }
    }
}

#[test]
fn text_on_a_filled_tone_stands_out() {
    for theme in themes() {
        let colors = theme.colors();
        for tone in TONES {
            let found = contrast(colors.on_tone, colors.tone(tone));
            assert!(found >= TEXT, "{theme:?}: on {tone:?}: {found:.2}");
        }
    }
}

#[test]
fn edges_of_controls_stand_out() {
    for theme in themes() {
        let colors = theme.colors();
        for (name, ground) in grounds(&colors).into_iter().take(3) {
            let found = contrast(colors.line, ground);
            assert!(found >= MARK, "{theme:?}: line on {name}: {found:.2}");
        }
    }
}

#[test]
fn tones_that_call_for_somebody_are_told_apart_by_the_eyes_the_palette_is_for() {
    for theme in themes() {
        let colors = theme.colors();
        let eyes: &[(&str, [[f64; 3]; 3])] = match theme.palette {
            PaletteName::Standard => &[("full", FULL)],
            PaletteName::RedGreen => {
                &[("full", FULL), ("deuteranopia", DEUTERANOPIA), ("protanopia", PROTANOPIA)]
            }
            PaletteName::BlueYellow => &[("full", FULL), ("tritanopia", TRITANOPIA)],
        };
        let pairs = [
            (Tone::Warning, Tone::Danger),
            (Tone::Warning, Tone::Own),
            (Tone::Warning, Tone::Normal),
            (Tone::Danger, Tone::Own),
            (Tone::Danger, Tone::Normal),
        ];
        for (eye, matrix) in eyes {
            for (one, other) in pairs {
                let found = distance(colors.tone(one), colors.tone(other), matrix);
                assert!(found >= TOLD_APART, "{theme:?}, {eye}: {one:?} and {other:?}: {found:.1}");
            }
        }
    }
}

#[test]
fn the_standard_palette_alone_would_not_do_for_everybody() {
    let light = Theme { name: ThemeName::Light, palette: PaletteName::Standard }.colors();
    assert!(distance(light.warning, light.danger, &DEUTERANOPIA) < TOLD_APART);
}

#[test]
fn only_warning_and_danger_are_saturated_and_no_text_is_blue() {
    for theme in themes() {
        let colors = theme.colors();
        let chroma = |rgb: Rgb| {
            let [_, a, b] = lab(rgb, &FULL);
            a.hypot(b)
        };
        for grey in [
            colors.ground,
            colors.surface,
            colors.raised,
            colors.selected,
            colors.line,
            colors.faint,
            colors.text,
            colors.quiet,
            colors.normal,
            colors.own,
            colors.stale,
            colors.on_tone,
        ] {
            assert!(chroma(grey) < 8.0, "{theme:?}: {grey:?} is coloured");
        }
        for loud in [colors.warning, colors.danger] {
            assert!(chroma(loud) > 40.0, "{theme:?}: {loud:?} is dull");
            assert!(loud.2 < loud.0, "{theme:?}: {loud:?} is blue");
        }
    }
}

#[test]
fn nothing_is_smaller_than_it_may_be() {
    const { assert!(SMALL >= 12.0 && BODY > SMALL && LARGE > BODY) };
    for text_scale in [f32::NAN, -1.0, 0.5, 1.0, 1.3, 2.0, 9.0] {
        let look = Look::new(&Settings { text_scale, ..Settings::default() });
        assert!(look.points(Size::Small) >= 12.0, "at {text_scale}");
        assert!(look.points(Size::Small) <= 2.0 * SMALL, "at {text_scale}");
        assert!(look.target() >= TARGET, "at {text_scale}");
        assert!((look.target() % (GRID / 2.0)).abs() < 1e-3, "at {text_scale}");
    }
}
