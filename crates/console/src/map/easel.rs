//! Puts a drawing on the screen: a mesh for the ground, two for what is on it, and texts that are kept.
//!
//! Points of the drawing count from the upper left corner of the world rectangle; one entity above all others
//! moves them to where that lies in the window.
//! A text entity keeps its text from drawing to drawing and is touched only where something changed; those not
//! needed are hidden and used again. One rebuilt mesh was measured to be cheaper than a thousand small ones.

use super::{
    drawing::{Drawing, TextKey, Words},
    paint::{Ink, Shapes},
};
use bevy::{
    asset::RenderAssetUsages,
    camera::visibility::NoFrustumCulling,
    mesh::{Indices, PrimitiveTopology},
    prelude::*,
    sprite::Anchor,
    text::LineHeight,
};
use std::{collections::BTreeMap, time::Duration};
use watchkeeper_panels::theme::{B612, B612_BOLD};

/// The heights of the layers; texts lie one above theirs.
const GROUND: f32 = 0.0;
const MARKS: f32 = 2.0;
const OVER: f32 = 4.0;
/// How often a calm text is brought up to date.
const CALM: Duration = Duration::from_millis(500);

/// The entities on which the world is drawn.
#[derive(Debug, Resource)]
pub(crate) struct Easel {
    root: Entity,
    hung: Option<Vec2>,
    ground: Layer,
    marks: Layer,
    over: Layer,
    regular: Handle<Font>,
    bold: Handle<Font>,
    pieces: BTreeMap<TextKey, Piece>,
    spare: Vec<Entity>,
    drawing: u64,
}

#[derive(Debug)]
struct Layer {
    entity: Entity,
    mesh: Handle<Mesh>,
}

/// A text on the screen.
#[derive(Debug)]
struct Piece {
    entity: Entity,
    shown: Words,
    written_at: Duration,
    drawing: u64,
}

/// The parts of a text entity that change.
pub(crate) type TextParts = (
    &'static mut Text2d,
    &'static mut TextFont,
    &'static mut TextColor,
    &'static mut Transform,
    &'static mut Visibility,
);

/// Marks the texts of the world.
#[derive(Clone, Copy, Debug, Component)]
pub(crate) struct WorldText;

impl FromWorld for Easel {
    fn from_world(world: &mut World) -> Self {
        let mut fonts = world.resource_mut::<Assets<Font>>();
        let regular = fonts.add(Font::from_bytes(B612.to_vec()));
        let bold = fonts.add(Font::from_bytes(B612_BOLD.to_vec()));
        let material = world.resource_mut::<Assets<ColorMaterial>>().add(ColorMaterial::default());
        let root = world.spawn((Transform::default(), Visibility::Visible)).id();
        let mut layer = |height: f32| {
            let mesh = world.resource_mut::<Assets<Mesh>>().add(mesh_of(&mut nothing()));
            let parts = (
                Mesh2d(mesh.clone()),
                MeshMaterial2d(material.clone()),
                Transform::from_xyz(0.0, 0.0, height),
                Visibility::Hidden,
                NoFrustumCulling,
                ChildOf(root),
            );
            Layer { entity: world.spawn(parts).id(), mesh }
        };
        let (ground, marks, over) = (layer(GROUND), layer(MARKS), layer(OVER));
        let (pieces, spare) = (BTreeMap::new(), Vec::new());
        Self { root, hung: None, ground, marks, over, regular, bold, pieces, spare, drawing: 0 }
    }
}

impl Easel {
    /// Moves everything so that it begins at `corner` of a window of this size, points.
    pub(crate) fn hang(&mut self, corner: Vec2, window: Vec2, commands: &mut Commands) {
        // The camera looks at the middle of the window, y up.
        let at = Vec2::new(corner.x - 0.5 * window.x, 0.5 * window.y - corner.y);
        if self.hung != Some(at) {
            self.hung = Some(at);
            commands.entity(self.root).insert(Transform::from_translation(at.extend(0.0)));
        }
    }

    /// Puts the ground up.
    pub(crate) fn put_ground(&self, shapes: &mut Shapes, meshes: &mut Assets<Mesh>, commands: &mut Commands) {
        put_layer(&self.ground, shapes, meshes, commands);
    }

    /// Puts a drawing up; takes its triangles and texts, and leaves what can be pressed.
    pub(crate) fn put(
        &mut self,
        drawing: &mut Drawing,
        elapsed: Duration,
        meshes: &mut Assets<Mesh>,
        texts: &mut Query<TextParts, With<WorldText>>,
        commands: &mut Commands,
    ) {
        put_layer(&self.marks, &mut drawing.shapes, meshes, commands);
        put_layer(&self.over, &mut drawing.over, meshes, commands);
        self.drawing += 1;
        for text in drawing.texts.drain(..) {
            self.put_text(text, elapsed, texts, commands);
        }
        let now = self.drawing;
        let Self { pieces, spare, .. } = self;
        pieces.retain(|_, piece| {
            let used = piece.drawing == now;
            if !used {
                if let Ok((.., mut visibility)) = texts.get_mut(piece.entity) {
                    *visibility = Visibility::Hidden;
                }
                spare.push(piece.entity);
            }
            used
        });
    }

    /// Takes everything down.
    pub(crate) fn clear(
        &mut self,
        texts: &mut Query<TextParts, With<WorldText>>,
        meshes: &mut Assets<Mesh>,
        commands: &mut Commands,
    ) {
        self.put_ground(&mut Shapes::default(), meshes, commands);
        self.put(&mut Drawing::default(), Duration::ZERO, meshes, texts, commands);
    }

    #[expect(clippy::float_cmp, reason = "asks whether it is the very number that was written before")]
    fn put_text(
        &mut self,
        mut text: Words,
        elapsed: Duration,
        texts: &mut Query<TextParts, With<WorldText>>,
        commands: &mut Commands,
    ) {
        let font = if text.bold { &self.bold } else { &self.regular };
        if let Some(piece) = self.pieces.get_mut(&text.key) {
            piece.drawing = self.drawing;
            let early = text.calm && elapsed.saturating_sub(piece.written_at) < CALM;
            if early && piece.shown.ink == text.ink && piece.shown.size == text.size {
                text.text.clone_from(&piece.shown.text);
            }
            if let Ok(parts) = texts.get_mut(piece.entity) {
                if piece.shown.text != text.text {
                    piece.written_at = elapsed;
                }
                change(parts, &piece.shown, &text, font);
                piece.shown = text;
            }
            return;
        }
        let entity = match self.spare.pop() {
            Some(entity) => {
                if let Ok(parts) = texts.get_mut(entity) {
                    write(parts, &text, font);
                }
                entity
            }
            None => commands.spawn((new_text(&text, font), ChildOf(self.root))).id(),
        };
        let piece = Piece { entity, shown: text.clone(), written_at: elapsed, drawing: self.drawing };
        self.pieces.insert(text.key, piece);
    }
}

fn put_layer(layer: &Layer, shapes: &mut Shapes, meshes: &mut Assets<Mesh>, commands: &mut Commands) {
    let visibility = if shapes.indices.is_empty() { Visibility::Hidden } else { Visibility::Inherited };
    commands.entity(layer.entity).insert(visibility);
    if visibility == Visibility::Inherited
        && let Err(error) = meshes.insert(&layer.mesh, mesh_of(shapes))
    {
        tracing::warn!(%error, "the world was not redrawn");
    }
}

/// Returns a shape that nobody sees: a mesh must have corners.
fn nothing() -> Shapes {
    let mut shapes = Shapes::default();
    shapes.rect(Rect::default(), Ink::default());
    shapes
}

/// Makes the mesh of shapes, which are empty then.
fn mesh_of(shapes: &mut Shapes) -> Mesh {
    Mesh::new(PrimitiveTopology::TriangleList, RenderAssetUsages::RENDER_WORLD)
        .with_inserted_attribute(Mesh::ATTRIBUTE_POSITION, std::mem::take(&mut shapes.positions))
        .with_inserted_attribute(Mesh::ATTRIBUTE_COLOR, std::mem::take(&mut shapes.colors))
        .with_inserted_indices(Indices::U32(std::mem::take(&mut shapes.indices)))
}

fn new_text(text: &Words, font: &Handle<Font>) -> impl Bundle + use<> {
    (
        WorldText,
        Text2d::new(text.text.clone()),
        TextFont { font: font.clone().into(), font_size: text.size.into(), ..default() },
        TextColor(color(text.ink)),
        TextLayout::no_wrap(),
        LineHeight::RelativeToFont(super::text_width::LINE_EMS),
        Anchor::TOP_LEFT,
        Transform::from_translation(place(text)),
        Visibility::Inherited,
    )
}

fn write(parts: <TextParts as bevy::ecs::query::QueryData>::Item<'_, '_>, text: &Words, font: &Handle<Font>) {
    let (mut string, mut text_font, mut text_color, mut transform, mut visibility) = parts;
    string.0.clone_from(&text.text);
    *text_font = TextFont { font: font.clone().into(), font_size: text.size.into(), ..default() };
    text_color.0 = color(text.ink);
    transform.translation = place(text);
    *visibility = Visibility::Inherited;
}

#[expect(clippy::float_cmp, reason = "asks whether it is the very number that was written before")]
fn change(
    parts: <TextParts as bevy::ecs::query::QueryData>::Item<'_, '_>,
    before: &Words,
    text: &Words,
    font: &Handle<Font>,
) {
    let (mut string, mut text_font, mut text_color, mut transform, _) = parts;
    if before.text != text.text {
        string.0.clone_from(&text.text);
    }
    if before.bold != text.bold || before.size != text.size {
        *text_font = TextFont { font: font.clone().into(), font_size: text.size.into(), ..default() };
    }
    if before.ink != text.ink {
        text_color.0 = color(text.ink);
    }
    if before.at != text.at || before.over != text.over {
        transform.translation = place(text);
    }
}

fn color([red, green, blue, cover]: Ink) -> Color {
    Color::linear_rgba(red, green, blue, cover)
}

fn place(text: &Words) -> Vec3 {
    Vec3::new(text.at.x.round(), -text.at.y.round(), if text.over { OVER + 1.0 } else { MARKS + 1.0 })
}
