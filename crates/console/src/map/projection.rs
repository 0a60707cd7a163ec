//! Which part of the plane is shown and how large: metres on one side, points of the screen on the other.
//!
//! Metres are `f64` (a site may lie far from its origin), x east and y north. Points are `f32`, from the top
//! left corner of the world rectangle, y down, as egui and the panels count them. Deliberately not here: what
//! is drawn, and any memory of how the view came about.

use bevy::math::{DVec2, Rect, Vec2};

/// The smallest scale: a thousand points show 500 km.
pub(crate) const SMALLEST_SCALE: f64 = 0.002;
/// The largest scale: a car of 4.5 m is 180 points long.
pub(crate) const LARGEST_SCALE: f64 = 40.0;

/// A view of the plane.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct View {
    /// The place in the middle of the map, metres.
    pub(crate) centre: DVec2,
    /// The scale, points per metre, `SMALLEST_SCALE..=LARGEST_SCALE`.
    pub(crate) scale: f64,
}

/// A box in the plane, metres.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Bounds {
    least: DVec2,
    most: DVec2,
}

impl Bounds {
    /// Returns the smallest box that holds all places; `None` without any.
    pub(crate) fn around(places: impl IntoIterator<Item = DVec2>) -> Option<Self> {
        places.into_iter().filter(|place| place.is_finite()).fold(None, |bounds: Option<Self>, place| {
            Some(match bounds {
                None => Self { least: place, most: place },
                Some(Self { least, most }) => Self { least: least.min(place), most: most.max(place) },
            })
        })
    }

    /// Returns the smallest box that holds both.
    pub(crate) fn joined(&self, other: &Self) -> Self {
        Self { least: self.least.min(other.least), most: self.most.max(other.most) }
    }

    /// Returns whether both boxes share a place.
    pub(crate) fn meets(&self, other: &Self) -> bool {
        self.least.cmple(other.most).all() && other.least.cmple(self.most).all()
    }
}

impl View {
    /// Returns the view that shows all of `bounds` within `area`, `margin` points from its edge.
    pub(crate) fn fitted(bounds: &Bounds, area: Rect, margin: f32) -> Self {
        let room = (area.size() - Vec2::splat(2.0 * margin)).max(Vec2::splat(1.0)).as_dvec2();
        // One agent alone has no extent: a hundred metres around it are shown.
        let extent = (bounds.most - bounds.least).max(DVec2::splat(100.0));
        let scale = (room / extent).min_element();
        Self { centre: bounds.least.midpoint(bounds.most), scale: limited(scale) }
    }

    /// Returns where a place of the plane lies on the screen, points.
    pub(crate) fn to_points(self, area: Rect, place: DVec2) -> Vec2 {
        let away = (place - self.centre) * self.scale;
        area.center() + Vec2::new(points(away.x), -points(away.y))
    }

    /// Returns a line on the screen without the points that could not be told apart: each but the last is at least
    /// `finest` points from the one before.
    pub(crate) fn thinned(
        self,
        area: Rect,
        places: impl ExactSizeIterator<Item = DVec2>,
        finest: f32,
    ) -> Vec<Vec2> {
        let count = places.len();
        let mut line: Vec<Vec2> = Vec::new();
        for (index, place) in places.enumerate() {
            let point = self.to_points(area, place);
            let last = index + 1 == count;
            if last || line.last().is_none_or(|before| before.distance_squared(point) >= finest * finest) {
                line.push(point);
            }
        }
        line
    }

    /// Returns the place of the plane that lies at a point of the screen, metres.
    pub(crate) fn to_meters(self, area: Rect, point: Vec2) -> DVec2 {
        let away = (point - area.center()).as_dvec2() / self.scale;
        self.centre + DVec2::new(away.x, -away.y)
    }

    /// Returns the view `factor` times as large, with the place under `point` staying where it is.
    #[must_use]
    pub(crate) fn zoomed(self, area: Rect, point: Vec2, factor: f64) -> Self {
        let held = self.to_meters(area, point);
        let scale = limited(self.scale * factor);
        let away = (point - area.center()).as_dvec2() / scale;
        Self { centre: held - DVec2::new(away.x, -away.y), scale }
    }

    /// Returns the view moved so that what was drawn at a point is drawn `by` further.
    #[must_use]
    pub(crate) fn dragged(self, by: Vec2) -> Self {
        let by = by.as_dvec2() / self.scale;
        Self { centre: self.centre - DVec2::new(by.x, -by.y), scale: self.scale }
    }

    /// Returns the box of the plane that `area` shows, grown by `margin` points.
    pub(crate) fn shown(self, area: Rect, margin: f32) -> Bounds {
        let half = (area.half_size() + Vec2::splat(margin)).as_dvec2() / self.scale;
        Bounds { least: self.centre - half, most: self.centre + half }
    }
}

fn limited(scale: f64) -> f64 {
    if scale.is_finite() { scale.clamp(SMALLEST_SCALE, LARGEST_SCALE) } else { 1.0 }
}

#[expect(clippy::cast_possible_truncation, reason = "a point of a screen needs no more than an f32")]
fn points(value: f64) -> f32 {
    value as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    const AREA: Rect = Rect { min: Vec2::new(40.0, 8.0), max: Vec2::new(1240.0, 707.0) };

    #[test]
    fn a_place_and_its_point_lead_back_to_each_other() {
        for scale in [SMALLEST_SCALE, 0.31, 1.0, 7.5, LARGEST_SCALE] {
            let view = View { centre: DVec2::new(412_345.6, -5_432_100.2), scale };
            for point in [Vec2::new(40.0, 8.0), Vec2::new(640.0, 300.5), Vec2::new(1239.0, 3.0)] {
                let back = view.to_points(AREA, view.to_meters(AREA, point));
                assert!(back.distance(point) < 0.01, "{point} came back as {back} at {scale}");
            }
        }
    }

    #[test]
    fn north_is_up_and_east_is_right() {
        let view = View { centre: DVec2::ZERO, scale: 2.0 };
        assert_eq!(view.to_points(AREA, DVec2::ZERO), AREA.center());
        assert_eq!(view.to_points(AREA, DVec2::new(10.0, 5.0)), AREA.center() + Vec2::new(20.0, -10.0));
    }

    #[test]
    fn zooming_keeps_the_place_under_the_pointer() {
        let view = View { centre: DVec2::new(10.0, 20.0), scale: 3.0 };
        let pointer = Vec2::new(900.0, 100.0);
        let held = view.to_meters(AREA, pointer);
        for factor in [0.1, 0.9, 1.2, 100.0] {
            let zoomed = view.zoomed(AREA, pointer, factor);
            assert!(zoomed.to_meters(AREA, pointer).distance(held) < 1e-9);
            assert!((SMALLEST_SCALE..=LARGEST_SCALE).contains(&zoomed.scale));
        }
    }

    #[test]
    fn dragging_moves_what_is_drawn_along() {
        let view = View { centre: DVec2::new(1.0, 2.0), scale: 4.0 };
        let by = Vec2::new(-33.0, 12.0);
        let place = DVec2::new(17.0, -3.0);
        let moved = view.dragged(by).to_points(AREA, place);
        assert!(moved.distance(view.to_points(AREA, place) + by) < 1e-3);
    }

    #[test]
    fn a_fitted_view_shows_all_with_the_margin() {
        let places = [DVec2::new(-100.0, 30.0), DVec2::new(260.0, -90.0), DVec2::new(0.0, 200.0)];
        let view = View::fitted(&Bounds::around(places).unwrap(), AREA, 30.0);
        for place in places {
            let point = view.to_points(AREA, place);
            assert!(AREA.inflate(-29.9).contains(point), "{point}");
        }
    }

    #[test]
    fn one_place_alone_is_shown_with_its_surroundings() {
        let bounds = Bounds::around([DVec2::new(5.0, 5.0)]).unwrap();
        let view = View::fitted(&bounds, AREA, 30.0);
        assert_eq!(view.centre, DVec2::new(5.0, 5.0));
        assert!(view.scale < 7.0, "{}", view.scale);
        assert_eq!(Bounds::around([]), None);
    }
}
