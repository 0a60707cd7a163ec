//! How the world rectangle is shared by the map and the wall.

use bevy::math::{Rect, Vec2};

/// The wall's share where there is a map too.
const WALL: f32 = 0.38;
/// Between the map and the wall, points.
const GAP: f32 = 1.0;

/// Where the map and the wall are, points from the corner of the world rectangle.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Split {
    /// Where agents with a place are.
    pub(crate) map: Option<Rect>,
    /// Where agents without one are.
    pub(crate) wall: Option<Rect>,
}

/// Shares a rectangle of this size: the map is left of or above the wall; one alone has all.
pub(crate) fn split(size: Vec2, map: bool, wall: bool) -> Split {
    let whole = Rect { min: Vec2::ZERO, max: size };
    if !wall {
        return Split { map: Some(whole), wall: None };
    }
    if !map {
        return Split { map: None, wall: Some(whole) };
    }
    let across = size.x > 1.3 * size.y;
    let (edge, side) = if across { (size.x, Vec2::X) } else { (size.y, Vec2::Y) };
    let cut = (edge * (1.0 - WALL)).round();
    let end = size * (Vec2::ONE - side) + side * cut;
    Split {
        map: Some(Rect { min: Vec2::ZERO, max: end }),
        wall: Some(Rect { min: side * (cut + GAP), max: size }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_kind_alone_has_the_whole_rectangle() {
        let size = Vec2::new(900.0, 600.0);
        let whole = Rect { min: Vec2::ZERO, max: size };
        assert_eq!(split(size, true, false), Split { map: Some(whole), wall: None });
        assert_eq!(split(size, false, true), Split { map: None, wall: Some(whole) });
        assert_eq!(split(size, false, false), Split { map: Some(whole), wall: None });
    }

    #[test]
    fn both_kinds_share_the_longer_side() {
        let wide = split(Vec2::new(1000.0, 500.0), true, true);
        assert_eq!(wide.map.unwrap().max, Vec2::new(620.0, 500.0));
        assert_eq!(wide.wall.unwrap().min, Vec2::new(621.0, 0.0));
        let tall = split(Vec2::new(500.0, 1000.0), true, true);
        assert_eq!(tall.map.unwrap().max, Vec2::new(500.0, 620.0));
        assert_eq!(tall.wall.unwrap().min, Vec2::new(0.0, 621.0));
    }
}
