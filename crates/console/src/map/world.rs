//! Where the map meets the rest of the console: the desk, the link, the window. The only place that knows them.

use super::{inks::Look, scene::Wanted};
use crate::{
    desk::{Asked, Desk},
    link::{Arrivals, Link},
};
use bevy::prelude::*;
use watchkeeper_model::{AgentId, MonoTime};
use watchkeeper_panels::Request;
use watchkeeper_picture::Picture;

/// Returns the rectangle in which the world is shown, points of the window; `None` where this level has none.
pub(super) fn rect(desk: &Desk) -> Option<Rect> {
    let rect = desk.world_rect?;
    let rect = Rect { min: Vec2::new(rect.min.x, rect.min.y), max: Vec2::new(rect.max.x, rect.max.y) };
    let rect = Rect { min: rect.min.ceil(), max: rect.max.floor() };
    (rect.width() >= 16.0 && rect.height() >= 16.0).then_some(rect)
}

/// Returns what the operator looks at, in a rectangle of this size.
pub(super) fn wanted(desk: &Desk, size: Vec2, pixels_per_point: f32) -> Wanted<'_> {
    Wanted {
        selected: desk.state.selected.as_ref(),
        follow: desk.state.follow,
        size,
        look: Look::new(&desk.settings, pixels_per_point),
    }
}

/// Returns the picture and its time.
pub(super) fn picture(link: &Link) -> (&Picture, MonoTime) {
    (link.picture(), link.now())
}

/// Returns whether something came since the last frame.
pub(super) const fn came(arrivals: &Arrivals) -> bool {
    arrivals.0
}

/// Returns the request to look at an agent.
pub(super) fn select(agent: AgentId) -> Asked {
    Asked(Request::Select(agent))
}

/// Returns the request not to follow any more.
pub(super) fn stay() -> Asked {
    Asked(Request::Follow(false))
}

/// Returns whether a text field or another control has the keyboard.
pub(super) fn keyboard_is_taken(desk: &Desk) -> bool {
    desk.types || desk.hands.question().is_some()
}
