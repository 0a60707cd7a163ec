//! Roads, markings, and where there are none a plain grid; below everything else, redrawn when the view moves.

use super::{
    drawing::{Role, TextKey, Words},
    geojson::Road,
    inks::Look,
    paint::{Shapes, faded},
    projection::{Bounds, View},
    text_width,
};
use bevy::math::{DVec2, Rect, Vec2};

/// A line narrower than this is a marking, metres.
const MARKING_METERS: f64 = 1.0;
/// Markings are drawn from this scale on, points per metre: below, the lanes they part cannot be told apart.
const MARKINGS_FROM: f64 = 0.8;
/// Corners nearer to each other than this are left out, points.
const FINEST: f32 = 1.5;
/// The length that the scale bar stays below, points.
const SCALE_BAR: f64 = 140.0;

/// Roads with the boxes in which they lie.
#[derive(Clone, Debug, Default)]
pub(crate) struct Roads {
    roads: Vec<(Road, Bounds)>,
    bounds: Option<Bounds>,
}

impl Roads {
    /// Takes the roads of a map.
    pub(crate) fn new(roads: Vec<Road>) -> Self {
        let bounds = Bounds::around(roads.iter().flat_map(|road| road.points.iter().copied()));
        let boxed = |road: Road| Bounds::around(road.points.iter().copied()).map(|bounds| (road, bounds));
        Self { roads: roads.into_iter().filter_map(boxed).collect(), bounds }
    }

    /// Returns the corners of the box that holds all roads; `None` without any.
    pub(crate) fn bounds(&self) -> Option<Bounds> {
        self.bounds
    }

    /// Draws the roads of the area that is shown, or a grid where there are none at all.
    pub(crate) fn draw(&self, shapes: &mut Shapes, view: View, area: Rect, look: &Look) {
        if self.roads.is_empty() {
            grid(shapes, view, area, look);
            return;
        }
        let shown = view.shown(area, 50.0);
        let corners = |road: &Road| view.thinned(area, road.points.iter().copied(), FINEST);
        let (markings, lanes): (Vec<_>, Vec<_>) = self
            .roads
            .iter()
            .filter(|(_, bounds)| bounds.meets(&shown))
            .partition(|(road, _)| road.width_meters < MARKING_METERS);
        for (road, _) in lanes {
            let width = points(road.width_meters * view.scale);
            let ink = if width < 3.0 { faded(look.line, 0.55) } else { look.raised };
            shapes.line(&corners(road), false, width.max(1.5), ink);
        }
        if view.scale < MARKINGS_FROM {
            return;
        }
        for (road, _) in markings {
            let width = points(road.width_meters * view.scale).max(1.0);
            shapes.line(&corners(road), false, width, faded(look.line, 0.6));
        }
    }
}

fn grid(shapes: &mut Shapes, view: View, area: Rect, look: &Look) {
    let step = round_length(SCALE_BAR / view.scale);
    let ink = faded(look.faint, 0.7);
    let (least, most) = (
        view.to_meters(area, Vec2::new(area.min.x, area.max.y)),
        view.to_meters(area, Vec2::new(area.max.x, area.min.y)),
    );
    let mut at = (least / step).ceil() * step;
    while at.x <= most.x {
        let x = view.to_points(area, at).x.round();
        shapes.rect(Rect::new(x, area.min.y, x + 1.0, area.max.y), ink);
        at.x += step;
    }
    while at.y <= most.y {
        let y = view.to_points(area, DVec2::new(least.x, at.y)).y.round();
        shapes.rect(Rect::new(area.min.x, y, area.max.x, y + 1.0), ink);
        at.y += step;
    }
}

/// Draws the scale bar into the lower left corner; returns its text and the place that both take.
pub(crate) fn scale_bar(shapes: &mut Shapes, view: View, area: Rect, look: &Look) -> (Words, Rect) {
    let meters = round_length(SCALE_BAR / view.scale);
    let length = points(meters * view.scale).round();
    let text = if meters >= 1000.0 { format!("{} km", meters / 1000.0) } else { format!("{meters} m") };
    let size = look.small();
    let left = Vec2::new(area.min.x + 16.0, area.max.y - 16.0);
    let ink = look.quiet;
    shapes.rect(Rect { min: left, max: left + Vec2::new(length, 1.0) }, ink);
    for x in [left.x, left.x + length - 1.0] {
        shapes.rect(Rect::new(x, left.y - 5.0, x + 1.0, left.y), ink);
    }
    let at = left - Vec2::new(-4.0, 4.0 + size * text_width::LINE_EMS);
    let taken = Rect { min: at - Vec2::new(8.0, 4.0), max: left + Vec2::new(length.max(80.0) + 8.0, 8.0) };
    let key = TextKey { agent: None, role: Role::Scale, number: (0, 0) };
    (Words { key, at, text, size, bold: false, ink, over: false, calm: false }, taken)
}

/// Returns the longest of 1, 2, 5, 10, 20, 50 ... that is at most `most`.
fn round_length(most: f64) -> f64 {
    let ten = 10.0_f64.powf(most.log10().floor());
    [5.0, 2.0].into_iter().map(|times| times * ten).find(|length| *length <= most).unwrap_or(ten)
}

#[expect(clippy::cast_possible_truncation, reason = "a length on a screen needs no more than an f32")]
fn points(value: f64) -> f32 {
    value as f32
}

#[cfg(test)]
mod tests {
    use super::*;
    use watchkeeper_panels::Settings;

    const AREA: Rect = Rect { min: Vec2::ZERO, max: Vec2::new(800.0, 600.0) };

    fn road(width_meters: f64, points: &[(f64, f64)]) -> Road {
        let points = points.iter().map(|(x, y)| DVec2::new(*x, *y)).collect();
        Road { name: String::new(), width_meters, points }
    }

    fn corners_drawn(roads: Vec<Road>, scale: f64) -> usize {
        let mut shapes = Shapes::new(1.0);
        let view = View { centre: DVec2::ZERO, scale };
        Roads::new(roads).draw(&mut shapes, view, AREA, &Look::new(&Settings::default(), 1.0));
        shapes.positions.len()
    }

    #[test]
    fn a_road_out_of_sight_is_not_drawn() {
        let near = road(3.5, &[(0.0, 0.0), (100.0, 0.0)]);
        let far = road(3.5, &[(9000.0, 0.0), (9100.0, 0.0)]);
        let one = corners_drawn(vec![near.clone()], 2.0);
        assert!(one > 0);
        assert_eq!(corners_drawn(vec![near, far], 2.0), one);
    }

    #[test]
    fn markings_show_only_when_lanes_can_be_told_apart() {
        let marking = road(0.2, &[(0.0, 0.0), (100.0, 0.0)]);
        assert_eq!(corners_drawn(vec![marking.clone()], 0.5), 0);
        assert!(corners_drawn(vec![marking], 2.0) > 0);
    }

    #[test]
    fn corners_that_cannot_be_told_apart_are_left_out() {
        let fine: Vec<(f64, f64)> = (0..=1000).map(|index| (f64::from(index) * 0.1, 0.0)).collect();
        assert!(corners_drawn(vec![road(3.5, &fine)], 1.0) < 4 * 80);
    }

    #[test]
    fn the_scale_bar_has_a_round_length() {
        for (most, length) in [(140.0, 100.0), (99.0, 50.0), (0.7, 0.5), (20.0, 20.0), (4999.0, 2000.0)] {
            assert!((round_length(most) - length).abs() < 1e-9, "{most}: {}", round_length(most));
        }
    }
}
