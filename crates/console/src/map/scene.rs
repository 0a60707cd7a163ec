//! The whole drawing of the world: which view of it, map or wall or both, and what the operator did to it.
//!
//! Everything that stays from frame to frame is here: the view, how far the wall is scrolled, where labels
//! were. The view moves only when the operator moves it or asks to follow; an alert never takes his place
//! away. Deliberately not here: Bevy's entities, windows, and clocks.

use super::{
    agents::{self, Memory, Sight},
    drawing::{Drawing, Picked, Role, TextKey, Words},
    geojson::Road,
    hand::Gesture,
    inks::Look,
    paint::{Ink, Shapes},
    projection::{Bounds, View},
    roads::{self, Roads},
    split::{Split, split},
    text_width,
    wall::{self, Layout},
};
use bevy::math::{DVec2, Rect, Vec2};
use watchkeeper_model::{AgentId, MonoTime};
use watchkeeper_picture::{
    Picture,
    view::{
        map::{self, MapMark, Trails},
        tiles::{self, Tile},
    },
};

/// How far from the edge the content of a fitted view stays, points: room for labels.
const MARGIN: f32 = 56.0;
/// Up to so many agents with a place, each has its trail and plan; beyond, only the selected one.
const MOST_TRAILS: usize = 24;
/// The scale at which an agent is followed at least, points per metre: the lanes beside it can be seen.
const FOLLOWING_SCALE: f64 = 3.0;
/// The least map that has a scale bar, points: a smaller one needs the room.
const LEAST_FOR_SCALE: Vec2 = Vec2::new(260.0, 160.0);
/// The factor of one notch of the wheel.
const NOTCH: f64 = 1.2;
/// How far one notch of the wheel scrolls the wall, points.
const SCROLL: f32 = 60.0;
/// How much closer a press on a count looks.
const CLOSER: f64 = 3.0;

/// What the operator looks at, as the desk knows it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted<'a> {
    /// The selected agent.
    pub(crate) selected: Option<&'a AgentId>,
    /// The map follows the selected agent.
    pub(crate) follow: bool,
    /// The size of the world rectangle, points.
    pub(crate) size: Vec2,
    /// Colours and sizes.
    pub(crate) look: Look,
}

/// The world as it is drawn.
#[derive(Debug, Default)]
pub(crate) struct Scene {
    roads: Roads,
    view: Option<View>,
    /// The operator moved the view: it is fitted no more.
    moved: bool,
    /// Where the view was before it began to follow.
    left: Option<View>,
    split: Option<Split>,
    layout: Option<Layout>,
    scrolled: f32,
    shown_tile: Option<AgentId>,
    hovered: Option<AgentId>,
    memory: Memory,
    ground: Shapes,
    ground_is: Option<(View, Rect, Look)>,
    drawing: Drawing,
}

impl Scene {
    /// Makes the scene of a map.
    pub(crate) fn new(roads: Vec<Road>) -> Self {
        Self { roads: Roads::new(roads), ..Self::default() }
    }

    /// Returns the drawing, above the ground.
    pub(crate) fn drawing_mut(&mut self) -> &mut Drawing {
        &mut self.drawing
    }

    /// Returns the roads.
    pub(crate) fn ground_mut(&mut self) -> &mut Shapes {
        &mut self.ground
    }

    /// Returns what is at a point.
    pub(crate) fn pick(&self, at: Vec2) -> Option<Picked> {
        self.drawing.pick(at)
    }

    /// Sets what the pointer is over; returns whether that changed.
    pub(crate) fn hover(&mut self, at: Option<Vec2>) -> bool {
        let over = match at.and_then(|at| self.pick(at)) {
            Some(Picked::Agent(agent)) => Some(agent),
            Some(Picked::Closer(_)) | None => None,
        };
        let changed = self.hovered != over;
        self.hovered = over;
        changed
    }

    /// Shows all again, whatever the operator did to the view.
    pub(crate) fn fit(&mut self) {
        self.moved = false;
        self.view = None;
        self.left = None;
    }

    /// Turns the wheel by so many notches over a point; away from the operator looks closer.
    pub(crate) fn wheel(&mut self, at: Vec2, notches: f32) {
        if self.is_wall(at) {
            self.scroll(-notches * SCROLL);
        } else {
            self.zoom(at, NOTCH.powf(f64::from(notches)));
        }
    }

    /// Does what a gesture means here; returns the agent that it chose.
    pub(crate) fn obey(&mut self, gesture: Gesture) -> Option<AgentId> {
        match gesture {
            Gesture::Drag { from, by } if self.is_wall(from) => self.scroll(-by.y),
            Gesture::Drag { by, .. } => {
                self.view = self.view.map(|view| view.dragged(by));
                self.moved = true;
                self.left = None;
            }
            Gesture::Choose(Picked::Agent(agent)) => {
                // He sees the tile that he chose: it need not be scrolled to.
                self.shown_tile = Some(agent.clone());
                return Some(agent);
            }
            Gesture::Choose(Picked::Closer(at)) => self.zoom(at, CLOSER),
            Gesture::Double => self.fit(),
        }
        None
    }

    /// Returns whether a point is on the wall.
    fn is_wall(&self, at: Vec2) -> bool {
        self.split.and_then(|split| split.wall).is_some_and(|wall| wall.contains(at))
    }

    fn zoom(&mut self, at: Vec2, factor: f64) {
        if let (Some(view), Some(area)) = (self.view, self.split.and_then(|split| split.map)) {
            self.view = Some(view.zoomed(area, at, factor));
            self.moved = true;
        }
    }

    fn scroll(&mut self, by: f32) {
        let farthest = self.layout.map_or(0.0, |layout| layout.farthest);
        self.scrolled = (self.scrolled + by).clamp(0.0, farthest);
    }

    /// Draws the picture anew; returns whether the ground was drawn anew too.
    pub(crate) fn compose(&mut self, picture: &Picture, now: MonoTime, wanted: &Wanted<'_>) -> bool {
        let few = picture.agents().count() <= MOST_TRAILS;
        let trails = if few { Trails::All } else { Trails::Only(wanted.selected.cloned()) };
        let marks = map::marks(picture, now, trails);
        let tiles = tiles::tiles(picture, now);
        let split = split(wanted.size, !marks.is_empty(), !tiles.is_empty());
        let moved_area = self.split != Some(split);
        self.split = Some(split);
        self.drawing = Drawing::new(wanted.look.pixels_per_point);
        let mut redrawn = false;
        if let Some(area) = split.map {
            let view = self.look_at(&marks, area, moved_area, wanted);
            redrawn = self.draw_ground(view, area, wanted.look);
            let mut taken = Rect::EMPTY;
            if area.size().cmpge(LEAST_FOR_SCALE).all() {
                let (scale, place) = roads::scale_bar(&mut self.drawing.shapes, view, area, &wanted.look);
                self.drawing.texts.push(scale);
                taken = place;
            }
            let (selected, hovered) = (wanted.selected, self.hovered.as_ref());
            let sight = Sight { area, view, selected, hovered, look: &wanted.look };
            agents::draw(&mut self.drawing, &marks, &sight, &mut self.memory, taken);
            if marks.is_empty() {
                self.say_empty(area, &wanted.look);
            }
            if self.moved || self.left.is_some() {
                surround(&mut self.drawing.over, wanted.size, wanted.look.ground);
            }
        } else if self.ground_is.take().is_some() {
            self.ground = Shapes::default();
            redrawn = true;
        }
        if let Some(area) = split.wall {
            self.draw_wall(&tiles, area, wanted);
        }
        redrawn
    }

    fn draw_wall(&mut self, tiles: &[Tile], area: Rect, wanted: &Wanted<'_>) {
        let layout = Layout::new(area, tiles.len(), wanted.look.grown);
        if wanted.selected != self.shown_tile.as_ref() {
            // What he selected elsewhere is brought into sight once; then he may scroll away from it.
            self.shown_tile = wanted.selected.cloned();
            let place = tiles.iter().position(|tile| Some(&tile.agent) == wanted.selected);
            self.scrolled = place.map_or(self.scrolled, |place| layout.scrolled_to(place, self.scrolled));
        }
        self.scrolled = self.scrolled.min(layout.farthest);
        self.layout = Some(layout);
        let looked_at = (wanted.selected, self.hovered.as_ref());
        wall::draw(&mut self.drawing, tiles, &layout, self.scrolled, looked_at, &wanted.look);
    }

    /// Returns the view: followed, fitted while the operator has not moved it, or as he left it.
    fn look_at(&mut self, marks: &[MapMark], area: Rect, moved_area: bool, wanted: &Wanted<'_>) -> View {
        let place = |mark: &MapMark| DVec2::new(mark.x_meters, mark.y_meters);
        let followed = wanted
            .selected
            .filter(|_| wanted.follow)
            .and_then(|agent| marks.iter().find(|mark| mark.agent == *agent))
            .map(place);
        let out_of_sight =
            |view: View| marks.iter().any(|mark| !area.contains(view.to_points(area, place(mark))));
        let view = match (self.view, followed) {
            (Some(view), Some(centre)) if self.left.is_some() => View { centre, ..view },
            (view, Some(centre)) => {
                let view = view.unwrap_or_else(|| self.fitted(marks, area));
                self.left = Some(view);
                View { centre, scale: view.scale.max(FOLLOWING_SCALE) }
            }
            // He does not follow any more: back to where he was.
            (Some(view), None) => match self.left.take() {
                Some(left) => left,
                None if !self.moved && (moved_area || out_of_sight(view)) => self.fitted(marks, area),
                None => view,
            },
            (None, None) => self.fitted(marks, area),
        };
        self.view = Some(view);
        view
    }

    fn fitted(&self, marks: &[MapMark], area: Rect) -> View {
        let agents = Bounds::around(marks.iter().map(|mark| DVec2::new(mark.x_meters, mark.y_meters)));
        let bounds = match (agents, self.roads.bounds()) {
            (Some(agents), Some(roads)) => Some(agents.joined(&roads)),
            (one, other) => one.or(other),
        };
        match bounds {
            Some(bounds) => View::fitted(&bounds, area, MARGIN.min(0.2 * area.size().min_element())),
            None => View { centre: DVec2::ZERO, scale: 1.0 },
        }
    }

    fn draw_ground(&mut self, view: View, area: Rect, look: Look) -> bool {
        let is = Some((view, area, look));
        if self.ground_is == is {
            return false;
        }
        self.ground_is = is;
        self.ground = Shapes::new(look.pixels_per_point);
        self.roads.draw(&mut self.ground, view, area, &look);
        true
    }

    fn say_empty(&mut self, area: Rect, look: &Look) {
        let text = "No agents yet".to_owned();
        let size = look.body();
        let key = TextKey { agent: None, role: Role::Note, number: (0, 3) };
        let at = area.center() - 0.5 * Vec2::new(text_width::width(&text, size), size);
        self.drawing.texts.push(Words {
            key,
            at,
            text,
            size,
            bold: false,
            ink: look.quiet,
            over: true,
            calm: false,
        });
    }
}

/// Covers what reaches beyond the world rectangle: between the panels it would be seen.
fn surround(shapes: &mut Shapes, size: Vec2, ink: Ink) {
    const FAR: f32 = 20_000.0;
    shapes.rect(Rect::new(-FAR, -FAR, FAR, 0.0), ink);
    shapes.rect(Rect::new(-FAR, size.y, FAR, FAR), ink);
    shapes.rect(Rect::new(-FAR, 0.0, 0.0, size.y), ink);
    shapes.rect(Rect::new(size.x, 0.0, FAR, size.y), ink);
}

#[cfg(test)]
mod tests;
