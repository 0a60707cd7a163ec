//! What to draw where a thousand agents would overlap: counts instead of a smear.
//!
//! The screen is laid out in cells that are anchored in the world, so that dragging the map changes no
//! count. Where more agents than can be told apart share a cell, a badge with their number stands for those
//! of them that are as they should be. Who must be seen is never counted away. Deliberately not here: how
//! badges and agents look, and who must be seen.

use bevy::math::{Rect, Vec2};
use std::collections::{BTreeMap, BTreeSet};

/// The side of a cell, points.
pub(crate) const CELL: f32 = 48.0;
/// A cell with more agents than this is counted.
const MOST_ALONE: usize = 3;

/// How far a count keeps off the marks of those who are drawn by themselves, points, where there is room.
const KEEP_OFF: f32 = 14.0;

/// A cell of the screen: column and row from the point that is the world's origin.
pub(crate) type Cell = (i32, i32);

/// One agent as the layout sees it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Spot {
    /// Where it is drawn, points.
    pub(crate) at: Vec2,
    /// It must be drawn by itself.
    pub(crate) keep: bool,
    /// Its data is too old to be relied on.
    pub(crate) stale: bool,
}

/// A count that stands for agents.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Badge {
    /// The cell in which it is.
    pub(crate) cell: Cell,
    /// Its rectangle, points.
    pub(crate) rect: Rect,
    /// Which agents it stands for: their places in the list of spots.
    pub(crate) members: Vec<usize>,
    /// The data of one of them at least is too old to be relied on.
    pub(crate) stale: bool,
}

/// Who is drawn how.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Crowd {
    /// Counts; no two of them overlap.
    pub(crate) badges: Vec<Badge>,
    /// Who is drawn by himself: places in the list of spots, in its order.
    pub(crate) alone: Vec<usize>,
}

impl Crowd {
    /// Returns the cells that are counted, to be handed in the next time.
    pub(crate) fn counted(&self) -> BTreeSet<Cell> {
        self.badges.iter().map(|badge| badge.cell).collect()
    }
}

/// Lays out the spots; `origin` is where the world's origin is drawn, `before` what was counted last time.
///
/// A cell that was counted stays so until one agent fewer is in it, so that it does not flicker when agents
/// cross its border. `grown` is the factor of the text size.
pub(crate) fn crowd(spots: &[Spot], origin: Vec2, before: &BTreeSet<Cell>, grown: f32) -> Crowd {
    let cell_side = CELL * grown.max(1.0);
    let mut cells: BTreeMap<Cell, Vec<usize>> = BTreeMap::new();
    for (index, spot) in spots.iter().enumerate().filter(|(_, spot)| !spot.keep) {
        cells.entry(cell_of(spot.at, origin, cell_side)).or_default().push(index);
    }
    let mut crowd = Crowd::default();
    let kept: Vec<Vec2> = spots.iter().filter(|spot| spot.keep).map(|spot| spot.at).collect();
    let mut badges: BTreeMap<Cell, Badge> = BTreeMap::new();
    for (cell, members) in cells {
        let most = if before.contains(&cell) { MOST_ALONE - 1 } else { MOST_ALONE };
        if members.len() > most {
            badges.insert(cell, badge(spots, members, cell, place_of(cell, origin, cell_side), &kept, grown));
        }
    }
    for (index, spot) in spots.iter().enumerate() {
        let cell = cell_of(spot.at, origin, cell_side);
        if spot.keep || !(badges.contains_key(&cell) || absorbed(&mut badges, cell, index, spot)) {
            crowd.alone.push(index);
        }
    }
    crowd.badges = badges.into_values().collect();
    crowd
}

/// Counts an agent that would be drawn under the badge of a neighbouring cell; returns whether it was.
fn absorbed(badges: &mut BTreeMap<Cell, Badge>, (column, row): Cell, index: usize, spot: &Spot) -> bool {
    for (right, down) in [(-1, -1), (0, -1), (1, -1), (-1, 0), (1, 0), (-1, 1), (0, 1), (1, 1)] {
        let Some(badge) = badges.get_mut(&(column + right, row + down)) else { continue };
        if badge.rect.inflate(2.0).contains(spot.at) {
            badge.members.push(index);
            badge.stale |= spot.stale;
            return true;
        }
    }
    false
}

/// Puts a badge amid its agents, but so far inside of its cell that it cannot touch a neighbour's, and off the
/// marks of those who are drawn by themselves as far as that can be.
fn badge(spots: &[Spot], members: Vec<usize>, cell: Cell, place: Rect, kept: &[Vec2], grown: f32) -> Badge {
    let of_members = members.iter().filter_map(|index| spots.get(*index));
    let (sum, stale) =
        of_members.fold((Vec2::ZERO, false), |(sum, stale), spot| (sum + spot.at, stale || spot.stale));
    let size = badge_size(members.len(), grown);
    let room = (place.size() - size).max(Vec2::ZERO);
    let amid = (sum / members.len().max(1) as f32 - 0.5 * size).clamp(place.min, place.min + room);
    let at = |min: Vec2| Rect { min, max: min + size };
    let near = place.inflate(KEEP_OFF);
    let kept: Vec<Vec2> = kept.iter().copied().filter(|mark| near.contains(*mark)).collect();
    let distance = |rect: Rect| {
        let off = |mark: &Vec2| mark.distance(mark.clamp(rect.min, rect.max));
        kept.iter().map(off).fold(KEEP_OFF, f32::min)
    };
    let shares =
        [(0.5, 0.0), (0.5, 1.0), (0.0, 0.5), (1.0, 0.5), (0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (1.0, 1.0)];
    let others = shares.into_iter().map(|(x, y)| at(place.min + room * Vec2::new(x, y)));
    // Of equally good places the first one: amid the agents.
    let rect =
        others.fold(at(amid), |best, other| if distance(other) > distance(best) { other } else { best });
    Badge { cell, rect, members, stale }
}

fn badge_size(count: usize, grown: f32) -> Vec2 {
    let width = match count {
        0..=9 => 22.0,
        10..=99 => 28.0,
        100..=999 => 36.0,
        _ => 44.0,
    };
    Vec2::new(width, 20.0) * grown
}

fn place_of((column, row): Cell, origin: Vec2, side: f32) -> Rect {
    let corner = origin + Vec2::new(column as f32, row as f32) * side;
    Rect { min: corner, max: corner + Vec2::splat(side) }
}

#[expect(clippy::cast_possible_truncation, reason = "a screen has few cells; far ones saturate")]
fn cell_of(at: Vec2, origin: Vec2, side: f32) -> Cell {
    let cell = ((at - origin) / side).floor();
    (cell.x as i32, cell.y as i32)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spot(x: f32, y: f32) -> Spot {
        Spot { at: Vec2::new(x, y), keep: false, stale: false }
    }

    /// Numbers that look random and are the same each time.
    fn scattered(count: usize, width: f32, height: f32) -> Vec<Spot> {
        let mut state = 7_u32;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / (1_u32 << 24) as f32
        };
        (0..count).map(|_| spot(next() * width, next() * height)).collect()
    }

    fn none() -> BTreeSet<Cell> {
        BTreeSet::new()
    }

    #[test]
    fn few_agents_are_drawn_one_by_one() {
        let spots = [spot(1.0, 1.0), spot(2.0, 2.0), spot(3.0, 3.0), spot(200.0, 3.0)];
        let crowd = crowd(&spots, Vec2::ZERO, &none(), 1.0);
        assert_eq!(crowd.alone, [0, 1, 2, 3]);
        assert!(crowd.badges.is_empty());
    }

    #[test]
    fn many_agents_in_a_cell_become_a_count() {
        let spots: Vec<Spot> = (0..12_u8).map(|index| spot(f32::from(index), 20.0)).collect();
        let crowd = crowd(&spots, Vec2::ZERO, &none(), 1.0);
        assert!(crowd.alone.is_empty());
        assert_eq!(crowd.badges.len(), 1);
        assert_eq!(crowd.badges[0].members.len(), 12);
    }

    #[test]
    fn who_must_be_seen_is_never_counted_away() {
        let mut spots = scattered(1000, 300.0, 200.0);
        for index in (0..1000).step_by(37) {
            spots[index].keep = true;
        }
        let crowd = crowd(&spots, Vec2::new(17.0, -4.0), &none(), 1.0);
        for index in (0..1000).step_by(37) {
            assert!(crowd.alone.contains(&index));
            assert!(crowd.badges.iter().all(|badge| !badge.members.contains(&index)));
        }
    }

    #[test]
    fn each_agent_is_drawn_exactly_once() {
        let spots = scattered(1000, 900.0, 700.0);
        let crowd = crowd(&spots, Vec2::new(-31.0, 12.0), &none(), 1.0);
        let mut all = crowd.alone.clone();
        all.extend(crowd.badges.iter().flat_map(|badge| badge.members.iter().copied()));
        all.sort_unstable();
        assert_eq!(all, (0..1000).collect::<Vec<_>>());
    }

    #[test]
    fn no_two_counts_overlap() {
        for grown in [1.0, 1.5, 2.0] {
            let spots = scattered(3000, 1100.0, 800.0);
            let crowd = crowd(&spots, Vec2::new(400.0, 300.0), &none(), grown);
            assert!(crowd.badges.len() > 20);
            for (index, one) in crowd.badges.iter().enumerate() {
                for other in &crowd.badges[index + 1..] {
                    let shared = one.rect.intersect(other.rect);
                    assert!(shared.width() * shared.height() < 0.01, "{one:?} and {other:?} at {grown}");
                }
            }
        }
    }

    #[test]
    fn a_count_keeps_off_who_is_drawn_by_himself() {
        let mut spots: Vec<Spot> = (0..9_u8).map(|index| spot(20.0 + f32::from(index), 20.0)).collect();
        let amid = crowd(&spots, Vec2::ZERO, &none(), 1.0).badges[0].rect;
        spots.push(Spot { keep: true, ..spot(24.0, 20.0) });
        let beside = crowd(&spots, Vec2::ZERO, &none(), 1.0).badges[0].rect;
        assert!(amid.contains(Vec2::new(24.0, 20.0)));
        assert!(beside.min.y >= 27.0, "{beside:?}");
    }

    #[test]
    fn dragging_the_map_changes_no_count() {
        let spots = scattered(600, 900.0, 700.0);
        let by = Vec2::new(131.0, -77.0);
        let moved: Vec<Spot> = spots.iter().map(|spot| Spot { at: spot.at + by, ..*spot }).collect();
        let here = crowd(&spots, Vec2::ZERO, &none(), 1.0);
        let there = crowd(&moved, by, &none(), 1.0);
        let counts = |crowd: &Crowd| crowd.badges.iter().map(|badge| badge.members.len()).collect::<Vec<_>>();
        assert_eq!(counts(&here), counts(&there));
    }

    #[test]
    fn a_count_stays_until_one_agent_fewer_is_there() {
        let three = [spot(1.0, 1.0), spot(2.0, 2.0), spot(3.0, 3.0)];
        let counted: BTreeSet<Cell> = [(0, 0)].into();
        assert_eq!(crowd(&three, Vec2::ZERO, &counted, 1.0).badges.len(), 1);
        assert_eq!(crowd(&three[..2], Vec2::ZERO, &counted, 1.0).badges.len(), 0);
    }

    #[test]
    fn a_count_knows_whether_one_of_its_agents_is_stale() {
        let mut spots: Vec<Spot> = (0..5_u8).map(|index| spot(f32::from(index), 20.0)).collect();
        assert!(!crowd(&spots, Vec2::ZERO, &none(), 1.0).badges[0].stale);
        spots[3].stale = true;
        assert!(crowd(&spots, Vec2::ZERO, &none(), 1.0).badges[0].stale);
    }
}
