//! Triangles with smooth edges: filled shapes and lines in points, y down, as lists that become one mesh.
//!
//! Edges are smoothed by a fringe one pixel wide that fades out, so no multisampling is needed, which on a
//! software renderer costs more than everything else. Deliberately not here: what is drawn and why.

use bevy::math::{Rect, Vec2};
use std::f32::consts::TAU;

/// A colour: linear red, green, blue, and how much it covers, each `0..=1`.
pub(crate) type Ink = [f32; 4];

/// Returns a colour that covers only `share` of what it covered.
pub(crate) fn faded([red, green, blue, cover]: Ink, share: f32) -> Ink {
    [red, green, blue, cover * share]
}

/// Triangles in the order in which they cover each other.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shapes {
    /// Corners as a mesh wants them: points, y up (that is negative), z zero.
    pub(crate) positions: Vec<[f32; 3]>,
    /// The colour of each corner.
    pub(crate) colors: Vec<Ink>,
    /// Three corners a triangle.
    pub(crate) indices: Vec<u32>,
    /// The width of the fading edge, points: one pixel of the screen.
    fringe: f32,
}

impl Shapes {
    /// Returns an empty list for a screen with so many pixels a point.
    pub(crate) fn new(pixels_per_point: f32) -> Self {
        Self { fringe: 1.0 / pixels_per_point.max(0.5), ..Self::default() }
    }

    /// Fills a rectangle; its edges are as sharp as they lie on pixels.
    pub(crate) fn rect(&mut self, rect: Rect, ink: Ink) {
        let first = self.corner(rect.min, ink);
        self.corner(Vec2::new(rect.max.x, rect.min.y), ink);
        self.corner(rect.max, ink);
        self.corner(Vec2::new(rect.min.x, rect.max.y), ink);
        self.indices.extend([first, first + 1, first + 2, first, first + 2, first + 3]);
    }

    /// Draws the outline of a rectangle, inside of it.
    pub(crate) fn frame(&mut self, rect: Rect, width: f32, ink: Ink) {
        let (min, max) = (rect.min, rect.max);
        let inner = Rect { min: min + Vec2::splat(width), max: max - Vec2::splat(width) };
        self.rect(Rect { min, max: Vec2::new(max.x, inner.min.y) }, ink);
        self.rect(Rect { min: Vec2::new(min.x, inner.max.y), max }, ink);
        self.rect(Rect { min: Vec2::new(min.x, inner.min.y), max: Vec2::new(inner.min.x, inner.max.y) }, ink);
        self.rect(Rect { min: Vec2::new(inner.max.x, inner.min.y), max: Vec2::new(max.x, inner.max.y) }, ink);
    }

    /// Fills a shape all of whose corners can be seen from the first one; less than three corners draw nothing.
    pub(crate) fn fill(&mut self, corners: &[Vec2], ink: Ink) {
        let Some(count) = u32::try_from(corners.len()).ok().filter(|count| *count >= 3) else { return };
        let outwards = if area(corners) > 0.0 { 1.0 } else { -1.0 };
        let base = self.end();
        let clear = faded(ink, 0.0);
        for (place, normal) in corners.iter().zip(normals(corners, true)) {
            let edge = normal * (outwards * 0.5 * self.fringe);
            self.corner(*place - edge, ink);
            self.corner(*place + edge, clear);
        }
        for index in 0..count {
            let (this, next) = (base + 2 * index, base + 2 * ((index + 1) % count));
            if index > 0 && index + 1 < count {
                self.indices.extend([base, this, next]);
            }
            self.indices.extend([this, this + 1, next + 1, this, next + 1, next]);
        }
    }

    /// Draws a line of one colour through points, closed to a ring or not.
    pub(crate) fn line(&mut self, points: &[Vec2], closed: bool, width: f32, ink: Ink) {
        self.line_of(points, closed, width, |_| ink);
    }

    /// Draws a line through points whose colour is a function of the point's number.
    pub(crate) fn line_of(&mut self, points: &[Vec2], closed: bool, width: f32, ink: impl Fn(usize) -> Ink) {
        let Some(count) = u32::try_from(points.len()).ok().filter(|count| *count >= 2) else { return };
        let solid = width.max(self.fringe);
        let share = (width / solid).min(1.0);
        let (near, far) = (0.5 * (solid - self.fringe), 0.5 * (solid + self.fringe));
        let base = self.end();
        for (index, (place, normal)) in points.iter().zip(normals(points, closed)).enumerate() {
            let ink = faded(ink(index), share);
            let clear = faded(ink, 0.0);
            self.corner(*place + normal * far, clear);
            self.corner(*place + normal * near, ink);
            self.corner(*place - normal * near, ink);
            self.corner(*place - normal * far, clear);
        }
        let last = if closed { count } else { count - 1 };
        for index in 0..last {
            let (this, next) = (base + 4 * index, base + 4 * ((index + 1) % count));
            for lane in 0..3 {
                let (a, b) = (this + lane, next + lane);
                self.indices.extend([a, b, b + 1, a, b + 1, a + 1]);
            }
        }
    }

    /// Draws a line in dashes, `dash` points long and as far apart.
    pub(crate) fn dashes(&mut self, points: &[Vec2], width: f32, dash: f32, ink: Ink) {
        let mut travelled = 0.0;
        for pair in points.windows(2) {
            let [from, to] = pair else { continue };
            let length = from.distance(*to);
            if !length.is_finite() || length < 1e-3 {
                continue;
            }
            let along = |distance: f32| from.lerp(*to, (distance / length).clamp(0.0, 1.0));
            let mut start = -(travelled % (2.0 * dash));
            while start < length {
                let end = (start + dash).min(length);
                if end > 0.0 {
                    self.line(&[along(start.max(0.0)), along(end)], false, width, ink);
                }
                start += 2.0 * dash;
            }
            travelled += length;
        }
    }

    /// Fills a disc.
    pub(crate) fn disc(&mut self, centre: Vec2, radius: f32, ink: Ink) {
        self.fill(&circle(centre, radius), ink);
    }

    /// Draws a circle whose line is centred on the radius.
    pub(crate) fn ring(&mut self, centre: Vec2, radius: f32, width: f32, ink: Ink) {
        self.line(&circle(centre, radius), true, width, ink);
    }

    /// Fills a rectangle with round ends.
    pub(crate) fn pill(&mut self, rect: Rect, ink: Ink) {
        self.fill(&pill(rect), ink);
    }

    fn corner(&mut self, at: Vec2, ink: Ink) -> u32 {
        let index = self.end();
        self.positions.push([at.x, -at.y, 0.0]);
        self.colors.push(ink);
        index
    }

    fn end(&self) -> u32 {
        u32::try_from(self.positions.len()).expect("a screen has fewer than four thousand million corners")
    }
}

/// Returns the corners of a circle, more for larger ones.
fn circle(centre: Vec2, radius: f32) -> Vec<Vec2> {
    let corners: u16 = if radius < 7.0 {
        14
    } else if radius < 16.0 {
        22
    } else {
        32
    };
    let step = TAU / f32::from(corners);
    (0..corners).map(|index| centre + Vec2::from_angle(f32::from(index) * step) * radius).collect()
}

fn pill(rect: Rect) -> Vec<Vec2> {
    const STEPS: u16 = 5;
    let radius = 0.5 * rect.height().min(rect.width());
    let (left, right) =
        (Vec2::new(rect.min.x + radius, rect.center().y), Vec2::new(rect.max.x - radius, rect.center().y));
    let half_turn = |from: f32, centre: Vec2| {
        (0..=STEPS).map(move |step| {
            centre + Vec2::from_angle(from + 0.5 * TAU * f32::from(step) / f32::from(STEPS)) * radius
        })
    };
    half_turn(-0.25 * TAU, right).chain(half_turn(0.25 * TAU, left)).collect()
}

/// Returns twice the area of a shape, positive where its corners turn right on the screen.
fn area(corners: &[Vec2]) -> f32 {
    let next = corners.iter().cycle().skip(1);
    corners.iter().zip(next).map(|(a, b)| a.perp_dot(*b)).sum()
}

/// Returns at each point the direction across the line, longer at bends so that its width stays the same.
fn normals(points: &[Vec2], closed: bool) -> impl Iterator<Item = Vec2> + '_ {
    let count = points.len();
    (0..count).map(move |index| {
        let at = |place: Option<&Vec2>| place.copied();
        let here = at(points.get(index));
        let (before, after) = if closed {
            (at(points.get((index + count - 1) % count)), at(points.get((index + 1) % count)))
        } else {
            (index.checked_sub(1).and_then(|place| at(points.get(place))), at(points.get(index + 1)))
        };
        let across = |from: Option<Vec2>, to: Option<Vec2>| {
            let way = (to? - from?).try_normalize()?;
            Some(Vec2::new(way.y, -way.x))
        };
        match (across(before, here), across(here, after)) {
            (Some(first), Some(second)) => {
                let middle = (first + second).normalize_or(second);
                // A sharp bend would throw the corner far out: at most twice the width.
                middle / middle.dot(second).max(0.5)
            }
            (Some(only), None) | (None, Some(only)) => only,
            (None, None) => Vec2::ZERO,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const INK: Ink = [0.2, 0.4, 0.6, 1.0];

    /// The area that the solid part of all triangles covers.
    fn covered(shapes: &Shapes) -> f32 {
        let corner = |index: u32| {
            let index = usize::try_from(index).unwrap();
            let [x, y, _] = shapes.positions[index];
            (Vec2::new(x, y), shapes.colors[index][3])
        };
        shapes
            .indices
            .chunks(3)
            .map(|triangle| {
                let [(first, one), (second, two), (third, three)] =
                    [corner(triangle[0]), corner(triangle[1]), corner(triangle[2])];
                0.5 * (second - first).perp_dot(third - first).abs() * (one + two + three) / 3.0
            })
            .sum()
    }

    #[test]
    fn a_fill_covers_the_area_of_its_shape_whichever_way_it_turns() {
        let corners =
            [Vec2::new(0.0, 0.0), Vec2::new(30.0, 0.0), Vec2::new(30.0, 20.0), Vec2::new(0.0, 20.0)];
        let backwards: Vec<Vec2> = corners.iter().rev().copied().collect();
        for shape in [&corners[..], &backwards[..]] {
            let mut shapes = Shapes::new(1.0);
            shapes.fill(shape, INK);
            assert!((covered(&shapes) - 600.0).abs() < 6.0, "{}", covered(&shapes));
        }
    }

    #[test]
    fn a_line_covers_its_length_times_its_width() {
        for width in [0.4, 1.0, 2.0, 7.0] {
            let mut shapes = Shapes::new(1.0);
            shapes.line(
                &[Vec2::new(0.0, 0.0), Vec2::new(60.0, 0.0), Vec2::new(60.0, 40.0)],
                false,
                width,
                INK,
            );
            let want = 100.0 * width;
            assert!((covered(&shapes) - want).abs() < 0.1 * want + 2.0, "{width}: {}", covered(&shapes));
        }
    }

    #[test]
    fn a_disc_is_round_enough() {
        let mut shapes = Shapes::new(1.0);
        shapes.disc(Vec2::new(50.0, 50.0), 10.0, INK);
        let want = 0.5 * TAU * 100.0;
        assert!((covered(&shapes) - want).abs() < 0.04 * want, "{}", covered(&shapes));
    }

    #[test]
    fn half_of_a_dashed_line_is_drawn() {
        let mut shapes = Shapes::new(1.0);
        shapes.dashes(&[Vec2::ZERO, Vec2::new(33.0, 0.0), Vec2::new(80.0, 0.0)], 2.0, 5.0, INK);
        assert!((covered(&shapes) - 80.0).abs() < 4.0, "{}", covered(&shapes));
    }

    #[test]
    fn what_has_no_extent_draws_nothing_and_does_not_panic() {
        let mut shapes = Shapes::new(2.0);
        shapes.fill(&[Vec2::ONE, Vec2::ZERO], INK);
        shapes.line(&[Vec2::ONE], false, 2.0, INK);
        shapes.line(&[], true, 2.0, INK);
        shapes.dashes(&[Vec2::ONE, Vec2::ONE], 1.0, 4.0, INK);
        assert!(shapes.indices.is_empty());
        shapes.line(&[Vec2::ONE, Vec2::ONE], false, 2.0, INK);
        assert!(shapes.positions.iter().flatten().all(|number| number.is_finite()));
    }

    #[test]
    fn each_corner_has_a_colour_and_each_triangle_has_corners() {
        let mut shapes = Shapes::new(1.0);
        shapes.rect(Rect::new(0.0, 0.0, 4.0, 4.0), INK);
        shapes.frame(Rect::new(0.0, 0.0, 40.0, 40.0), 2.0, INK);
        shapes.pill(Rect::new(0.0, 0.0, 30.0, 12.0), INK);
        shapes.ring(Vec2::ZERO, 9.0, 1.5, INK);
        assert_eq!(shapes.positions.len(), shapes.colors.len());
        let corners = u32::try_from(shapes.positions.len()).unwrap();
        assert!(shapes.indices.iter().all(|index| *index < corners));
        assert_eq!(shapes.indices.len() % 3, 0);
    }
}
