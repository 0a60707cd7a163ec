//! The shapes of marks and vehicles: which control mode, which way it faces, and what is selected.

use super::{
    inks::Look,
    paint::{Ink, Shapes, faded},
};
use bevy::math::{Rect, Vec2};
use watchkeeper_picture::view::Mark;

/// Half the length of a vehicle that is drawn at its true size, metres.
pub(crate) const HALF_LENGTH_METERS: f64 = 2.25;

/// The breadth of a vehicle as a share of its length: 1.8 m of 4.5 m.
const BREADTH: f32 = 0.4;

/// Returns the corners of a mark's outline about a circle of `radius`; `None` for what has no outline.
fn outline(mark: Mark, centre: Vec2, radius: f32) -> Option<Vec<Vec2>> {
    let corners = |places: &[(f32, f32)]| {
        Some(places.iter().map(|(x, y)| centre + Vec2::new(*x, *y) * radius).collect())
    };
    match mark {
        Mark::TriangleUp => corners(&[(0.0, -1.55), (1.4, 0.95), (-1.4, 0.95)]),
        Mark::TriangleDown => corners(&[(0.0, 1.55), (-1.4, -0.95), (1.4, -0.95)]),
        Mark::Diamond | Mark::DiamondOpen => corners(&[(0.0, -1.35), (1.35, 0.0), (0.0, 1.35), (-1.35, 0.0)]),
        Mark::Square | Mark::SquareOpen => corners(&[(-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)]),
        Mark::Ring | Mark::Cross | Mark::Check | Mark::Dash => None,
    }
}

/// Draws a mark about a circle of `radius`. An edge of the ground's colour sets it off from what is below.
pub(crate) fn mark(shapes: &mut Shapes, mark: Mark, centre: Vec2, radius: f32, ink: Ink, look: &Look) {
    let width = (0.16 * radius).clamp(1.5, 3.0);
    let Some(corners) = outline(mark, centre, radius) else {
        plain(shapes, mark, centre, radius, width, ink, look);
        return;
    };
    shapes.line(&corners, true, width + 3.0, faded(look.ground, 0.8));
    if mark.is_filled() {
        shapes.fill(&corners, ink);
    } else {
        shapes.fill(&corners, faded(look.ground, 0.8));
    }
    shapes.line(&corners, true, width, ink);
}

fn plain(shapes: &mut Shapes, mark: Mark, centre: Vec2, radius: f32, width: f32, ink: Ink, look: &Look) {
    let arm = Vec2::splat(0.85 * radius);
    let other = Vec2::new(arm.x, -arm.y);
    match mark {
        Mark::Ring => shapes.ring(centre, radius, width.min(1.5), ink),
        Mark::Cross => {
            for (width, ink) in [(width + 3.0, faded(look.ground, 0.8)), (width + 0.5, ink)] {
                shapes.line(&[centre - arm, centre + arm], false, width, ink);
                shapes.line(&[centre - other, centre + other], false, width, ink);
            }
        }
        Mark::Check => {
            let (dip, end) = (Vec2::new(-0.2, 0.6) * radius, Vec2::new(0.9, -0.6) * radius);
            shapes.line(
                &[centre - Vec2::new(0.8 * radius, 0.0), centre + dip, centre + end],
                false,
                width,
                ink,
            );
        }
        Mark::Dash => shapes.disc(centre, 0.3 * radius, ink),
        Mark::TriangleUp
        | Mark::TriangleDown
        | Mark::Diamond
        | Mark::DiamondOpen
        | Mark::Square
        | Mark::SquareOpen => {}
    }
}

/// Returns the corners of an arrow head that faces `facing`, its notch first.
fn arrow(centre: Vec2, facing: Vec2, half_length: f32) -> [Vec2; 4] {
    let across = facing.perp() * (0.8 * half_length);
    let (tip, back) = (centre + facing * half_length, centre - facing * half_length);
    [centre - facing * (0.55 * half_length), back + across, tip, back - across]
}

/// Draws a vehicle: an arrow head that faces where it drives; hollow where its data is not to be relied on.
pub(crate) fn vehicle(
    shapes: &mut Shapes,
    centre: Vec2,
    facing: Vec2,
    half_length: f32,
    ink: Ink,
    hollow: bool,
) {
    let corners = arrow(centre, facing, half_length);
    if hollow {
        shapes.line(&corners, true, 1.5, ink);
    } else {
        shapes.fill(&corners, ink);
    }
}

/// Draws the body of a vehicle as large as it is: a box, its front marked.
pub(crate) fn body(shapes: &mut Shapes, centre: Vec2, facing: Vec2, half_length: f32, ink: Ink) {
    let (front, side) = (facing * half_length, facing.perp() * (half_length * BREADTH));
    let corners =
        [centre + front - side, centre + front + side, centre - front + side, centre - front - side];
    shapes.fill(&corners, faded(ink, 0.12));
    shapes.line(&corners, true, 1.5, faded(ink, 0.7));
    let screen = centre + front * 0.45;
    shapes.line(&[screen - side, screen + side], false, 1.5, faded(ink, 0.7));
}

/// Draws a short line from the edge of a mark to where the agent faces.
pub(crate) fn facing_tick(shapes: &mut Shapes, centre: Vec2, facing: Vec2, radius: f32, ink: Ink) {
    shapes.line(&[centre + facing * radius, centre + facing * (radius + 6.0)], false, 2.0, ink);
}

/// Draws four corners around what is selected.
pub(crate) fn brackets(shapes: &mut Shapes, rect: Rect, look: &Look) {
    let arm = (0.3 * rect.width().min(rect.height())).clamp(5.0, 12.0);
    for (corner, right, down) in [
        (rect.min, 1.0, 1.0),
        (Vec2::new(rect.max.x, rect.min.y), -1.0, 1.0),
        (rect.max, -1.0, -1.0),
        (Vec2::new(rect.min.x, rect.max.y), 1.0, -1.0),
    ] {
        let bracket = [corner + Vec2::new(right * arm, 0.0), corner, corner + Vec2::new(0.0, down * arm)];
        shapes.line(&bracket, false, 4.0, faded(look.ground, 0.7));
        shapes.line(&bracket, false, 2.0, look.own);
    }
}

/// Draws an arrow at the edge of the map that points to what lies beyond it.
pub(crate) fn pointer(shapes: &mut Shapes, centre: Vec2, facing: Vec2, ink: Ink, look: &Look) {
    let across = facing.perp() * 8.0;
    let corners = [centre + facing * 10.0, centre - facing * 5.0 - across, centre - facing * 5.0 + across];
    shapes.line(&corners, true, 4.0, faded(look.ground, 0.8));
    shapes.fill(&corners, ink);
}

/// Returns the direction on the screen of a heading in the plane.
#[expect(clippy::cast_possible_truncation, reason = "a direction on a screen needs no more than an f32")]
pub(crate) fn direction(heading_radians: f64) -> Vec2 {
    let (sine, cosine) = heading_radians.sin_cos();
    Vec2::new(cosine as f32, -sine as f32)
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "these numbers are exact")]
mod tests {
    use super::*;
    use watchkeeper_panels::Settings;

    #[test]
    fn a_heading_of_zero_is_east_and_turns_against_the_clock() {
        assert!(direction(0.0).distance(Vec2::X) < 1e-6);
        assert!(direction(std::f64::consts::FRAC_PI_2).distance(Vec2::new(0.0, -1.0)) < 1e-6, "north is up");
    }

    #[test]
    fn each_mark_of_a_state_looks_different() {
        let look = Look::new(&Settings::default(), 1.0);
        let mut seen: Vec<Vec<[i32; 2]>> = Vec::new();
        for shape in [
            Mark::Ring,
            Mark::TriangleUp,
            Mark::TriangleDown,
            Mark::Diamond,
            Mark::DiamondOpen,
            Mark::Square,
            Mark::SquareOpen,
            Mark::Cross,
        ] {
            let mut shapes = Shapes::new(1.0);
            mark(&mut shapes, shape, Vec2::ZERO, 12.0, look.own, &look);
            let white = shapes.positions.iter().zip(&shapes.colors).filter(|(_, ink)| **ink == look.own);
            #[allow(clippy::cast_possible_truncation, reason = "a rounded screen coordinate in a test")]
            let corners: Vec<[i32; 2]> =
                white.map(|([x, y, _], _)| [(x * 4.0) as i32, (y * 4.0) as i32]).collect();
            assert!(!corners.is_empty());
            assert!(!seen.contains(&corners), "{shape:?} looks like another");
            seen.push(corners);
        }
    }

    #[test]
    fn the_tip_of_a_vehicle_faces_where_it_drives() {
        let facing = Vec2::new(0.6, -0.8);
        let corners = arrow(Vec2::new(5.0, 5.0), facing, 10.0);
        let farthest = corners.iter().max_by(|a, b| a.dot(facing).total_cmp(&b.dot(facing))).unwrap();
        assert!(farthest.distance(Vec2::new(11.0, -3.0)) < 1e-4);
    }
}
