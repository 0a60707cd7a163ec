//! The wall: agents without a place as tiles of one size, in the order of their names, so that each stays
//! where it is.

use super::{
    drawing::{Drawing, Role, TextKey, Words},
    inks::Look,
    needs_person, text_width, tile,
};
use bevy::math::{Rect, Vec2};
use watchkeeper_model::AgentId;
use watchkeeper_picture::view::{Tone, tiles::Tile};

/// Between tiles, and around them, points.
const GAP: f32 = 8.0;
/// The least size of a tile at a text size of 1, points.
const LEAST: Vec2 = Vec2::new(184.0, 116.0);
/// The least size of a tile when there are too many for that, points.
const LEAST_COMPACT: Vec2 = Vec2::new(148.0, 46.0);
/// The largest size of a tile at a text size of 1, points.
const MOST: Vec2 = Vec2::new(288.0, 152.0);
/// The width of the scroll bar, points.
const SCROLL_BAR: f32 = 6.0;

/// Where the tiles are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Layout {
    area: Rect,
    columns: usize,
    size: Vec2,
    /// How far the wall can be scrolled down, points.
    pub(crate) farthest: f32,
}

impl Layout {
    /// Lays `count` tiles out: the largest that all fit, or compact ones, or compact ones that scroll.
    pub(crate) fn new(area: Rect, count: usize, grown: f32) -> Self {
        let most = MOST * grown;
        let room = (area.size() - Vec2::splat(2.0 * GAP)).max(Vec2::ONE);
        let fitting = |least: Vec2| {
            let widest = (1..=count.clamp(1, 40)).take_while(|columns| width(room.x, *columns) >= least.x);
            let tried = widest.map(|columns| {
                let rows = count.max(1).div_ceil(columns) as f32;
                let height = (room.y + GAP) / rows - GAP;
                (columns, Vec2::new(width(room.x, columns), height).min(most))
            });
            tried
                .filter(|(_, size)| size.y >= least.y)
                .max_by(|(_, one), (_, other)| (one.x * one.y).total_cmp(&(other.x * other.y)))
        };
        let least = LEAST_COMPACT * grown;
        let (columns, size) = fitting(LEAST * grown).or_else(|| fitting(least)).unwrap_or_else(|| {
            let bar = SCROLL_BAR + GAP;
            let columns = (1..40).take_while(|columns| width(room.x - bar, *columns) >= least.x).last();
            let columns = columns.unwrap_or(1);
            (columns, Vec2::new(width(room.x - bar, columns).min(most.x), least.y))
        });
        let size = size.floor().max(Vec2::ONE);
        let rows = count.div_ceil(columns) as f32;
        let height = rows * (size.y + GAP) + GAP;
        Self { area, columns, size, farthest: (height - area.height()).max(0.0) }
    }

    /// Returns where a tile is when the wall is scrolled down by `scrolled` points.
    pub(crate) fn tile(&self, index: usize, scrolled: f32) -> Rect {
        let place = Vec2::new((index % self.columns) as f32, (index / self.columns) as f32);
        let min = self.area.min + Vec2::splat(GAP) + place * (self.size + Vec2::splat(GAP));
        let min = Vec2::new(min.x, (min.y - scrolled).round());
        Rect { min, max: min + self.size }
    }

    /// Returns how far the wall must be scrolled so that a tile is in sight, as little as possible.
    pub(crate) fn scrolled_to(&self, index: usize, scrolled: f32) -> f32 {
        let tile = self.tile(index, 0.0).inflate(GAP);
        let (top, bottom) = (tile.min.y - self.area.min.y, tile.max.y - self.area.max.y);
        scrolled.min(top).max(bottom).clamp(0.0, self.farthest)
    }
}

fn width(room: f32, columns: usize) -> f32 {
    (room + GAP) / columns as f32 - GAP
}

/// Draws the wall over whatever is below it; tiles that the edge would cut are left out.
pub(crate) fn draw(
    drawing: &mut Drawing,
    tiles: &[Tile],
    layout: &Layout,
    scrolled: f32,
    (selected, hovered): (Option<&AgentId>, Option<&AgentId>),
    look: &Look,
) {
    let area = layout.area;
    drawing.over.rect(area, look.ground);
    let (mut above, mut below) = ([0_u64; 2], [0_u64; 2]);
    for (index, tile) in tiles.iter().enumerate() {
        let rect = layout.tile(index, scrolled);
        let wanted = usize::from(needs_person(tile.left, tile.tone));
        let out = if rect.min.y < area.min.y - 1.0 {
            above.get_mut(wanted)
        } else if rect.max.y > area.max.y + 1.0 {
            below.get_mut(wanted)
        } else {
            None
        };
        if let Some(out) = out {
            *out += 1;
            continue;
        }
        let chosen = selected == Some(&tile.agent);
        tile::draw(drawing, tile, rect, chosen, hovered == Some(&tile.agent), look);
    }
    if layout.farthest > 0.0 {
        bar(drawing, layout, scrolled, look);
        let [_, above] = above;
        let [_, below] = below;
        hint(drawing, above, "above", area.min.y + 2.0, layout, look);
        hint(drawing, below, "below", area.max.y - 26.0 * look.grown, layout, look);
    }
}

fn bar(drawing: &mut Drawing, layout: &Layout, scrolled: f32, look: &Look) {
    let area = layout.area.inflate(-2.0);
    let track = Rect { min: Vec2::new(area.max.x - SCROLL_BAR, area.min.y), max: area.max };
    let whole = layout.area.height() + layout.farthest;
    let (top, height) = (scrolled / whole, layout.area.height() / whole);
    let top = track.min.y + top * track.height();
    let thumb = Rect {
        min: Vec2::new(track.min.x, top),
        max: Vec2::new(track.max.x, top + (height * track.height()).max(24.0)),
    };
    drawing.over.rect(track, look.surface);
    drawing.over.rect(thumb, look.line);
}

/// Says how many tiles out of sight need a person: nobody is missed because he is scrolled away.
fn hint(drawing: &mut Drawing, wanted: u64, side: &'static str, top: f32, layout: &Layout, look: &Look) {
    if wanted == 0 {
        return;
    }
    let size = look.small();
    let text = format!("{wanted} to look at {side}");
    let extent = Vec2::new(text_width::width(&text, size) + 24.0, 24.0 * look.grown);
    let min = Vec2::new((layout.area.center().x - 0.5 * extent.x).round(), top.round());
    let rect = Rect { min, max: min + extent };
    drawing.over.pill(rect.inflate(2.0), look.ground);
    drawing.over.pill(rect, look.tone(Tone::Danger));
    let number = i32::from(side == "below");
    drawing.texts.push(Words {
        key: TextKey { agent: None, role: Role::Note, number: (0, 1 + number) },
        at: Vec2::new(min.x + 12.0, min.y + 0.5 * (extent.y - size * text_width::LINE_EMS)).round(),
        text,
        size,
        bold: true,
        ink: look.on_tone,
        over: true,
        calm: false,
    });
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "these numbers are exact")]
mod tests {
    use super::*;

    const AREA: Rect = Rect { min: Vec2::new(320.0, 48.0), max: Vec2::new(1520.0, 848.0) };

    #[test]
    fn all_tiles_have_one_size_and_do_not_overlap() {
        for count in [1, 7, 24, 60, 300] {
            let layout = Layout::new(AREA, count, 1.0);
            let rects: Vec<Rect> = (0..count).map(|index| layout.tile(index, 0.0)).collect();
            for (index, one) in rects.iter().enumerate() {
                assert_eq!(one.size(), rects[0].size());
                assert!(one.min.x >= AREA.min.x && one.max.x <= AREA.max.x);
                assert!(rects[index + 1..].iter().all(|other| one.intersect(*other).is_empty()));
            }
        }
    }

    #[test]
    fn tiles_that_all_fit_do_not_scroll_and_grow_into_the_room() {
        for (count, least) in [(24, LEAST), (60, LEAST_COMPACT)] {
            let layout = Layout::new(AREA, count, 1.0);
            assert_eq!(layout.farthest, 0.0);
            assert!(layout.size.x > least.x, "{layout:?}");
            assert!(layout.tile(count - 1, 0.0).max.y <= AREA.max.y);
        }
    }

    #[test]
    fn too_many_tiles_scroll_and_the_last_one_can_be_reached() {
        let layout = Layout::new(AREA, 300, 1.0);
        assert!(layout.farthest > 0.0);
        assert!(layout.tile(299, layout.farthest).max.y <= AREA.max.y);
        assert_eq!(layout.tile(0, 0.0).min, AREA.min + Vec2::splat(GAP));
    }

    #[test]
    fn a_tile_is_scrolled_into_sight_by_as_little_as_possible() {
        let layout = Layout::new(AREA, 300, 1.0);
        assert_eq!(layout.scrolled_to(0, 0.0), 0.0);
        let last = layout.scrolled_to(299, 0.0);
        assert!((last - layout.farthest).abs() < 1.0);
        let back = layout.scrolled_to(0, last);
        assert_eq!(back, 0.0);
        let seen = layout.scrolled_to(150, 0.0);
        let rect = layout.tile(150, seen);
        assert!(rect.min.y >= AREA.min.y && rect.max.y <= AREA.max.y);
    }

    #[test]
    fn larger_text_makes_larger_tiles() {
        let (one, two) = (Layout::new(AREA, 300, 1.0), Layout::new(AREA, 300, 2.0));
        assert!(two.size.y > 1.9 * one.size.y);
    }
}
