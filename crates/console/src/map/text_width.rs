//! How wide a text in B612 is, so that labels can be placed before anything is drawn.

/// The advance of each printable ASCII character from the space on, in units of 1/2000 em, from
/// the font's own table. Regular and Bold are equally wide; digits are all alike.
const ADVANCES: [u16; 95] = [
    700, 700, 800, 1700, 1100, 1800, 1400, 400, 900, 900, 1100, 1200, 500, 900, 600, 1100, 1300, 1300, 1300,
    1300, 1300, 1300, 1300, 1300, 1300, 1300, 600, 500, 1300, 1000, 1300, 1100, 2000, 1300, 1300, 1200, 1300,
    1200, 1100, 1300, 1400, 600, 900, 1200, 1100, 1800, 1500, 1600, 1200, 1600, 1300, 1100, 1200, 1400, 1300,
    1900, 1300, 1200, 1200, 900, 1100, 1000, 1500, 1100, 1100, 1050, 1200, 1000, 1200, 1100, 800, 1200, 1200,
    600, 600, 1100, 700, 1800, 1200, 1200, 1200, 1200, 800, 900, 800, 1200, 1100, 1500, 1100, 1100, 1000,
    1298, 400, 1200, 1500,
];
/// What any other character is taken to be: about the widest letter.
const OTHER: u16 = 1500;
const UNITS_PER_EM: f32 = 2000.0;
/// The height of a line in ems, as Bevy lays it out.
pub(crate) const LINE_EMS: f32 = 1.2;

/// Returns the width of one line of text, points, for a font size in points.
pub(crate) fn width(text: &str, size: f32) -> f32 {
    let units: f32 = text.chars().map(|character| f32::from(advance(character))).sum();
    units * size / UNITS_PER_EM
}

/// Returns as much of the text as fits, with an ellipsis where something is missing.
pub(crate) fn fitted(text: &str, size: f32, room: f32) -> String {
    if width(text, size) <= room {
        return text.to_owned();
    }
    let mut left = room - width("…", size);
    let mut short: String = text
        .chars()
        .take_while(|character| {
            left -= f32::from(advance(*character)) * size / UNITS_PER_EM;
            left >= 0.0
        })
        .collect();
    if short.is_empty() {
        return short;
    }
    short.truncate(short.trim_end().len());
    short.push('…');
    short
}

fn advance(character: char) -> u16 {
    let place = u32::from(character).checked_sub(32).and_then(|place| usize::try_from(place).ok());
    place.and_then(|place| ADVANCES.get(place)).copied().unwrap_or(OTHER)
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "these numbers are exact")]
mod tests {
    use super::*;

    #[test]
    fn a_width_is_the_sum_of_the_advances() {
        assert_eq!(width("", 13.0), 0.0);
        assert!((width("18", 20.0) - 26.0).abs() < 1e-3);
        assert!((width("il", 20.0) - 13.0).abs() < 1e-3);
    }

    #[test]
    fn digits_are_equally_wide() {
        let widths: Vec<f32> = ('0'..='9').map(|digit| width(&digit.to_string(), 13.0)).collect();
        assert!(widths.windows(2).all(|pair| pair[0] == pair[1]), "{widths:?}");
    }

    #[test]
    fn a_text_that_does_not_fit_ends_in_an_ellipsis_and_then_fits() {
        let long = "a payment router with a long name";
        for room in [20.0, 60.0, 119.0] {
            let short = fitted(long, 13.0, room);
            assert!(short.ends_with('…') && width(&short, 13.0) <= room, "{short:?}");
        }
        assert_eq!(fitted(long, 13.0, 1000.0), long);
        assert_eq!(fitted(long, 13.0, 3.0), "");
    }
}
