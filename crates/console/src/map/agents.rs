//! The agents of the map: where they are, in whose hands, where they come from and go, and counts of the rest.
//!
//! As it should be is grey and small; what needs a person is large, coloured, shaped, always drawn by itself
//! and, where it is out of sight, pointed at from the edge. Deliberately not here: labels.

use super::{
    captions,
    drawing::{Drawing, Hit, Role, TextKey, Words},
    inks::Look,
    level_of_detail::{self as crowds, Badge, Cell, Crowd, Spot},
    paint::{Ink, Shapes, faded},
    projection::View,
    shapes::{self, HALF_LENGTH_METERS},
    text_width,
};
use bevy::math::{DVec2, Rect, Vec2};
use std::collections::{BTreeMap, BTreeSet};
use watchkeeper_model::AgentId;
use watchkeeper_picture::view::{Mark, Tone, map::MapMark};

/// Up to so many agents in sight each is drawn large, with its name.
const CLOSE: usize = 60;
/// What is drawn large stays so up to this many, so that it does not change back and forth.
const STILL_CLOSE: usize = 72;
/// Up to so many agents with old data are drawn by themselves.
const MOST_STALE: usize = 50;
/// Points of a line nearer to each other than this are left out, points.
const FINEST: f32 = 5.0;
/// Half the length of the largest arrow, points: a mark is a sign, however close one looks.
const LARGEST_ARROW: f32 = 14.0;
/// How far from the edge an agent out of sight is pointed at, points.
const EDGE: f32 = 18.0;

/// What is shown of the plane, where, and what this person looks at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sight<'a> {
    /// The rectangle of the map, points.
    pub(crate) area: Rect,
    /// The part of the plane that it shows.
    pub(crate) view: View,
    /// The selected agent.
    pub(crate) selected: Option<&'a AgentId>,
    /// The agent under the pointer.
    pub(crate) hovered: Option<&'a AgentId>,
    /// Colours and sizes.
    pub(crate) look: &'a Look,
}

/// What is remembered from one drawing to the next, so that things stay where they were.
#[derive(Clone, Debug, Default)]
pub(crate) struct Memory {
    counted: BTreeSet<Cell>,
    close: bool,
    /// Where each label was.
    pub(crate) places: BTreeMap<AgentId, u16>,
}

impl Memory {
    /// Returns whether agents are drawn large, with their names.
    pub(crate) const fn is_close(&self) -> bool {
        self.close
    }
}

/// An agent that is drawn by itself, or pointed at from the edge.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shown<'a> {
    /// The agent.
    pub(crate) mark: &'a MapMark,
    /// Where its mark is, points.
    pub(crate) at: Vec2,
    /// How far its mark reaches, points.
    pub(crate) reach: f32,
    /// It needs a person, or is of interest to this one: it is labelled in any case.
    pub(crate) kept: bool,
    /// The pointer is over it: it is labelled too.
    pub(crate) hovered: bool,
}

/// Draws the agents and their labels.
pub(crate) fn draw(
    drawing: &mut Drawing,
    marks: &[MapMark],
    sight: &Sight<'_>,
    memory: &mut Memory,
    taken: Rect,
) {
    let (inside, beyond) = sorted(marks, sight);
    let most = if memory.close { STILL_CLOSE } else { CLOSE };
    memory.close = inside.len() <= most;
    let crowd = crowd(&inside, sight, memory);
    let mut on_the_way: Vec<Rect> = Vec::new();
    for (mark, _) in &inside {
        ways(drawing, mark, sight, &mut on_the_way);
    }
    let mut shown: Vec<Shown<'_>> = Vec::with_capacity(crowd.alone.len() + beyond.len());
    // What is as it should be lies below counts, counts below what is not.
    let (kept, rest): (Vec<_>, Vec<_>) = crowd
        .alone
        .iter()
        .filter_map(|index| inside.get(*index).copied())
        .partition(|(mark, _)| is_kept(mark, sight));
    for (mark, at) in rest {
        shown.push(nominal(drawing, mark, at, sight, memory.close));
    }
    for badge in &crowd.badges {
        count(drawing, badge, sight.look);
    }
    for (mark, at) in kept {
        shown.push(notable(drawing, mark, at, sight, memory.close));
    }
    for (mark, at) in beyond {
        shown.push(pointed(drawing, mark, at, sight));
    }
    let mut obstacles: Vec<Rect> = crowd.badges.iter().map(|badge| badge.rect).collect();
    obstacles.push(taken);
    obstacles.extend(on_the_way);
    captions::draw(drawing, &shown, &obstacles, sight, memory);
}

/// Returns the agents in sight, and those out of sight that must be pointed at, with their places.
fn sorted<'a>(
    marks: &'a [MapMark],
    sight: &Sight<'_>,
) -> (Vec<(&'a MapMark, Vec2)>, Vec<(&'a MapMark, Vec2)>) {
    let (mut inside, mut beyond) = (Vec::with_capacity(marks.len()), Vec::new());
    for mark in marks {
        let at = sight.view.to_points(sight.area, DVec2::new(mark.x_meters, mark.y_meters));
        if sight.area.contains(at) {
            inside.push((mark, at));
        } else if needs_person(mark) || sight.selected == Some(&mark.agent) {
            beyond.push((mark, at));
        }
    }
    (inside, beyond)
}

fn crowd(inside: &[(&MapMark, Vec2)], sight: &Sight<'_>, memory: &mut Memory) -> Crowd {
    let stale = inside.iter().filter(|(mark, _)| mark.stale).count();
    let spots: Vec<Spot> = inside
        .iter()
        .map(|(mark, at)| Spot {
            at: *at,
            keep: is_kept(mark, sight) || (mark.stale && stale <= MOST_STALE),
            stale: mark.stale,
        })
        .collect();
    let origin = sight.view.to_points(sight.area, DVec2::ZERO);
    let crowd = crowds::crowd(&spots, origin, &memory.counted, sight.look.grown);
    memory.counted = crowd.counted();
    crowd
}

/// Returns whether a person must look at the agent.
pub(crate) fn needs_person(mark: &MapMark) -> bool {
    super::needs_person(mark.left, mark.tone)
}

/// Returns whether the agent is always drawn by itself and labelled.
fn is_kept(mark: &MapMark, sight: &Sight<'_>) -> bool {
    needs_person(mark) || mark.mine || mark.mark != Mark::Ring || sight.selected == Some(&mark.agent)
}

/// Draws where an agent was and where it means to go, and notes the places where a label would cover that.
fn ways(drawing: &mut Drawing, mark: &MapMark, sight: &Sight<'_>, on_the_way: &mut Vec<Rect>) {
    if mark.trail.is_empty() && mark.plan.is_empty() {
        return;
    }
    let chosen = sight.selected == Some(&mark.agent) || mark.mine;
    let ink = if chosen { sight.look.own } else { sight.look.tone(mark.tone) };
    let line = |places: &[(f64, f64)]| {
        let places = places.iter().map(|(x, y)| DVec2::new(*x, *y));
        sight.view.thinned(sight.area, places, FINEST)
    };
    let trail = line(&mark.trail);
    if let Some(last) = trail.len().checked_sub(1).filter(|last| *last > 0) {
        let strongest = if chosen { 0.75 } else { 0.4 };
        let fading = |index: usize| faded(ink, strongest * (index as f32 / last as f32));
        drawing.shapes.line_of(&trail, false, if chosen { 3.0 } else { 2.0 }, fading);
    }
    let plan = line(&mark.plan);
    on_the_way.extend(
        trail
            .iter()
            .chain(&plan)
            .step_by(2)
            .map(|point| Rect::from_center_half_size(*point, Vec2::splat(3.0))),
    );
    if let Some(end) = plan.last() {
        drawing.shapes.dashes(
            &plan,
            if chosen { 2.0 } else { 1.5 },
            4.0,
            faded(ink, if chosen { 0.9 } else { 0.5 }),
        );
        if plan.len() > 1 {
            drawing.shapes.disc(*end, if chosen { 3.0 } else { 2.0 }, faded(ink, 0.8));
        }
    }
}

/// A vehicle's arrow on the screen.
struct Arrow {
    ink: Ink,
    facing: Vec2,
    /// Half its length, points.
    half: f32,
}

/// Returns a vehicle's arrow: of its true length within limits. Beyond them its body is drawn as large as it is, below
/// the arrow.
#[expect(clippy::cast_possible_truncation, reason = "a length on a screen needs no more than an f32")]
fn arrow(shapes: &mut Shapes, mark: &MapMark, at: Vec2, sight: &Sight<'_>, close: bool) -> Arrow {
    let ink = sight.look.tone(mark.tone);
    let facing = shapes::direction(mark.heading_radians);
    let half = (HALF_LENGTH_METERS * sight.view.scale) as f32;
    if half > LARGEST_ARROW && close {
        shapes::body(shapes, at, facing, half, ink);
    }
    Arrow { ink, facing, half: half.clamp(if close { 7.5 } else { 5.5 }, LARGEST_ARROW) }
}

/// Draws an agent that is as it should be.
fn nominal<'a>(
    drawing: &mut Drawing,
    mark: &'a MapMark,
    at: Vec2,
    sight: &Sight<'_>,
    close: bool,
) -> Shown<'a> {
    let Arrow { ink, facing, half } = arrow(&mut drawing.shapes, mark, at, sight, close);
    shapes::vehicle(&mut drawing.shapes, at, facing, half, ink, mark.stale);
    let reach = if close { half + 5.0 } else { half };
    if close {
        drawing.shapes.ring(at, reach, 1.25, faded(ink, 0.55));
    }
    let hovered = hover(drawing, mark, at, reach + 4.0, sight);
    drawing.hits.push(Hit::Mark(at, mark.agent.clone()));
    Shown { mark, at, reach, kept: false, hovered }
}

/// Draws a ring around what the pointer is over; returns whether it is. Nothing moves for that.
fn hover(drawing: &mut Drawing, mark: &MapMark, at: Vec2, reach: f32, sight: &Sight<'_>) -> bool {
    let hovered = sight.hovered == Some(&mark.agent);
    if hovered {
        drawing.over.ring(at, reach, 1.5, sight.look.quiet);
    }
    hovered
}

/// Draws an agent that is not, or that this person looks at.
fn notable<'a>(
    drawing: &mut Drawing,
    mark: &'a MapMark,
    at: Vec2,
    sight: &Sight<'_>,
    close: bool,
) -> Shown<'a> {
    let look = sight.look;
    let shapes = &mut drawing.over;
    let Arrow { ink, facing, half } = arrow(shapes, mark, at, sight, close);
    let reach = if close { half + 5.5 } else { 7.5 };
    if close || mark.mark == Mark::Ring {
        shapes::mark(shapes, mark.mark, at, reach, ink, look);
        let body = if mark.mark.is_filled() { look.on_tone } else { ink };
        shapes::vehicle(shapes, at, facing, half, body, mark.stale || mark.offline);
    } else {
        shapes::facing_tick(shapes, at, facing, reach * 1.2, ink);
        shapes::mark(shapes, mark.mark, at, reach, ink, look);
    }
    let mut outer = reach * 1.4;
    if sight.selected == Some(&mark.agent) {
        shapes::brackets(shapes, Rect::from_center_half_size(at, Vec2::splat(outer + 4.0)), look);
        outer += 6.0;
    }
    let hovered = hover(drawing, mark, at, outer, sight);
    drawing.hits.push(Hit::Mark(at, mark.agent.clone()));
    Shown { mark, at, reach: outer, kept: true, hovered }
}

/// Points from the edge at an agent that is out of sight.
fn pointed<'a>(drawing: &mut Drawing, mark: &'a MapMark, at: Vec2, sight: &Sight<'_>) -> Shown<'a> {
    let look = sight.look;
    let edge = sight.area.inflate(-EDGE);
    let centre = edge.center();
    let way = at - centre;
    let room = edge.half_size().max(Vec2::ONE) / way.abs().max(Vec2::splat(1e-3));
    let place = centre + way * room.min_element().min(1.0);
    let ink = if needs_person(mark) { look.tone(mark.tone) } else { look.own };
    shapes::pointer(&mut drawing.over, place, way.normalize_or(Vec2::X), ink, look);
    drawing.hits.push(Hit::Mark(place, mark.agent.clone()));
    Shown { mark, at: place, reach: 10.0, kept: true, hovered: false }
}

/// Draws a count: grey, with an open edge where data is old.
fn count(drawing: &mut Drawing, badge: &Badge, look: &Look) {
    let text = badge.members.len().to_string();
    let size = look.small();
    let tone = if badge.stale { Tone::Stale } else { Tone::Quiet };
    let (edge, width) = if badge.stale { (look.tone(tone), 2.0) } else { (look.faint, 1.0) };
    drawing.shapes.pill(badge.rect, edge);
    drawing.shapes.pill(badge.rect.inflate(-width), look.raised);
    let extent = Vec2::new(text_width::width(&text, size), size * text_width::LINE_EMS);
    drawing.texts.push(Words {
        key: TextKey { agent: None, role: Role::Count, number: badge.cell },
        at: badge.rect.center() - 0.5 * extent,
        text,
        size,
        bold: false,
        ink: look.tone(tone),
        over: false,
        calm: false,
    });
    drawing.hits.push(Hit::Crowd(badge.rect));
}
