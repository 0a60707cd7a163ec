//! The world: agents with a place on a map, agents without one on a wall of tiles.
//!
//! A drawing is made anew from the picture by plain functions ([`scene`], and what it calls), then put on the
//! screen by [`easel`]; [`world`] alone knows the desk and the link, [`mod@pointer`] alone the mouse. Distances
//! on the screen are points from the upper left corner of the world rectangle, y down, until the easel turns
//! them over. The panels are drawn above and cover what reaches beyond the rectangle. Deliberately not here: what a selection means, and any choice on the operator's behalf.

mod agents;
mod captions;
mod drawing;
mod easel;
pub mod geojson;
mod hand;
mod inks;
mod labels;
mod level_of_detail;
mod paint;
mod pointer;
mod projection;
mod roads;
mod scene;
mod shapes;
mod split;
mod text_width;
mod tile;
mod wall;
mod world;

use crate::{
    desk::Desk,
    link::{Arrivals, Link},
};
use bevy::prelude::*;
use bevy_egui::PrimaryEguiContext;
use easel::{Easel, TextParts, WorldText};
use inks::Look;
use scene::Scene;
use std::{path::Path, time::Duration};
use watchkeeper_model::{AgentId, MonoTime};
use watchkeeper_picture::view::Tone;

/// How often the drawing is made anew when nothing comes: ages and countdowns move in tenths of a second.
const TICK: Duration = Duration::from_millis(100);
/// How often a drawing of more agents than [`MANY`] is made anew at most: they report at 10 Hz.
const MANY_TICK: Duration = Duration::from_millis(45);
/// From so many agents on a drawing costs enough to be made less often.
const MANY: usize = 200;

/// Draws the world into the rectangle that the panels leave free.
#[derive(Clone, Debug, Default)]
pub struct MapPlugin {
    /// The roads; none leaves a plain grid.
    pub roads: Vec<geojson::Road>,
}

impl MapPlugin {
    /// Reads the roads of a GeoJSON file; without one there are none.
    ///
    /// # Errors
    /// When the file is no map; the error names the file, the feature and what is wrong with it.
    pub fn new(file: Option<&Path>) -> Result<Self, geojson::MapError> {
        Ok(Self { roads: file.map(geojson::read).transpose()?.unwrap_or_default() })
    }
}

impl Plugin for MapPlugin {
    fn build(&self, app: &mut App) {
        app.insert_resource(Stage { scene: Scene::new(self.roads.clone()), ..default() });
        app.add_systems(Startup, |mut commands: Commands| commands.init_resource::<Easel>());
        app.add_systems(Update, (pointer::listen, refresh).chain());
    }
}

/// Returns whether a person must look at an agent of this tone, for which so much time is left.
const fn needs_person(left: Option<Duration>, tone: Tone) -> bool {
    left.is_some() || matches!(tone, Tone::Warning | Tone::Danger)
}

/// The scene, and when it must be drawn again.
#[derive(Debug, Default, Resource)]
struct Stage {
    scene: Scene,
    /// The operator did something to it.
    touched: bool,
    drawn: Option<Drawn>,
}

/// For what the scene was drawn last.
#[derive(Debug)]
struct Drawn {
    rect: Rect,
    look: Look,
    selected: Option<AgentId>,
    follow: bool,
    now: MonoTime,
    at: Duration,
}

fn refresh(
    mut stage: ResMut<Stage>,
    easel: Option<ResMut<Easel>>,
    (desk, link, arrivals): (Res<Desk>, Res<Link>, Res<Arrivals>),
    time: Res<Time<Real>>,
    camera: Single<&Camera, With<PrimaryEguiContext>>,
    mut meshes: ResMut<Assets<Mesh>>,
    mut texts: Query<TextParts, With<WorldText>>,
    mut commands: Commands,
) {
    let Some(mut easel) = easel else { return };
    let Some(rect) = world::rect(&desk) else {
        if stage.drawn.take().is_some() {
            easel.clear(&mut texts, &mut meshes, &mut commands);
        }
        return;
    };
    let pixels_per_point = camera.target_scaling_factor().unwrap_or(1.0);
    let wanted = world::wanted(&desk, rect.size(), pixels_per_point);
    let (picture, now) = world::picture(&link);
    let at = time.elapsed();
    if !stage.is_due(rect, &wanted, now, at, world::came(&arrivals), picture.agents().count() > MANY) {
        return;
    }
    if let Some(size) = camera.logical_target_size() {
        easel.hang(rect.min, size, &mut commands);
    }
    let stage = &mut *stage;
    stage.drawn = Some(Drawn {
        rect,
        look: wanted.look,
        selected: wanted.selected.cloned(),
        follow: wanted.follow,
        now,
        at,
    });
    stage.touched = false;
    if stage.scene.compose(picture, now, &wanted) {
        easel.put_ground(stage.scene.ground_mut(), &mut meshes, &mut commands);
    }
    easel.put(stage.scene.drawing_mut(), at, &mut meshes, &mut texts, &mut commands);
}

impl Stage {
    /// Returns whether the scene must be drawn again.
    fn is_due(
        &self,
        rect: Rect,
        wanted: &scene::Wanted<'_>,
        now: MonoTime,
        at: Duration,
        came: bool,
        many: bool,
    ) -> bool {
        let Some(drawn) = &self.drawn else { return true };
        let asked = self.touched
            || drawn.rect != rect
            || drawn.look != wanted.look
            || drawn.selected.as_ref() != wanted.selected
            || drawn.follow != wanted.follow;
        let since = at.saturating_sub(drawn.at);
        // A recording moves without anything coming.
        let moved = came || now.since(drawn.now) >= TICK || now < drawn.now;
        asked || (moved && (!many || since >= MANY_TICK)) || (now != drawn.now && since >= TICK)
    }
}
