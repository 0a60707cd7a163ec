//! Where labels go: beside what they name, never over each other, those of agents that need a person first.
//!
//! Each label tries the eight places around its mark, the one it had before first, so that labels stay put
//! while agents move. A label that must be shown goes farther out, then anywhere that is free, and gets a
//! line back to its mark. Deliberately not here: what labels say and which must be shown.

use bevy::math::{Rect, Vec2};

/// The distance between a mark and its label, points.
const GAP: f32 = 5.0;
/// How much farther out each next round of places is, points.
const ROUND: f32 = 20.0;
/// How many rounds a label that must be shown tries before it goes anywhere.
const ROUNDS: u16 = 8;
/// How many rounds it tries to keep off obstacles: a label far from its mark is worse than a covered count.
const KEEPING_OFF: u16 = 2;
/// The side of the buckets in which taken places are looked up, points.
const BUCKET: f32 = 64.0;
/// The eight directions, the best to read first: right, left, above, below, then the corners.
const DIRECTIONS: [Vec2; 8] = [
    Vec2::new(1.0, 0.0),
    Vec2::new(-1.0, 0.0),
    Vec2::new(0.0, -1.0),
    Vec2::new(0.0, 1.0),
    Vec2::new(1.0, -1.0),
    Vec2::new(-1.0, -1.0),
    Vec2::new(1.0, 1.0),
    Vec2::new(-1.0, 1.0),
];

/// A label that wants a place.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Wish {
    /// The middle of what it names, points.
    pub(crate) at: Vec2,
    /// How far that reaches, points.
    pub(crate) reach: f32,
    /// How large the label is, points.
    pub(crate) size: Vec2,
    /// It must be shown; others are left out where there is no room beside their mark.
    pub(crate) must: bool,
    /// The place it had before.
    pub(crate) before: Option<u16>,
}

/// A label that got a place.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Placed {
    /// Which wish: its place in the list.
    pub(crate) wish: usize,
    /// Where the label goes, points.
    pub(crate) rect: Rect,
    /// Which place that is, to be handed in the next time.
    pub(crate) place: u16,
    /// It is so far away that a line should lead back to its mark.
    pub(crate) far: bool,
}

/// Places labels inside of `area`, the first wishes first, none over another.
///
/// Labels keep off `soft` obstacles where there is room near their marks, and off `hard` ones where there is room
/// at all. A label that must be shown is left out only when nowhere in the area is room between the others.
pub(crate) fn place(area: Rect, wishes: &[Wish], soft: &[Rect], hard: &[Rect]) -> Vec<Placed> {
    let mut labels = Taken::new(area);
    let (soft, hard) = (Taken::with(area, soft), Taken::with(area, hard));
    let mut placed = Vec::with_capacity(wishes.len());
    for (index, wish) in wishes.iter().enumerate() {
        let unlabelled = |rect: &Rect| inside(area, *rect) && labels.is_free(*rect);
        let free = |rect: &Rect| unlabelled(rect) && hard.is_free(*rect);
        let rounds = if wish.must { KEEPING_OFF } else { 1 };
        let at_all = || {
            least_covering(wish, &soft, free)
                .or_else(|| nearby(wish, ROUNDS, free))
                .or_else(|| anywhere(area, wish, free))
                .or_else(|| anywhere(area, wish, unlabelled))
        };
        let found = nearby(wish, rounds, |rect| free(rect) && soft.is_free(*rect))
            .or_else(|| if wish.must { at_all() } else { None });
        if let Some((rect, place)) = found {
            labels.take(rect);
            placed.push(Placed { wish: index, rect, place, far: place >= 8 });
        }
    }
    placed
}

/// Returns the first free place around the mark: the one it had before, then the nearest ones.
fn nearby(wish: &Wish, rounds: u16, free: impl Fn(&Rect) -> bool) -> Option<(Rect, u16)> {
    let before = wish.before.filter(|place| place / 8 < rounds);
    before.into_iter().chain(0..8 * rounds).find_map(|place| {
        let rect = rect_at(wish, place)?;
        free(&rect).then_some((rect, place))
    })
}

/// Returns the free place near the mark that covers the fewest soft obstacles; the one it had before if that is as
/// good.
fn least_covering(wish: &Wish, soft: &Taken, free: impl Fn(&Rect) -> bool) -> Option<(Rect, u16)> {
    let before = wish.before.filter(|place| place / 8 < KEEPING_OFF);
    before
        .into_iter()
        .chain(0..8 * KEEPING_OFF)
        .filter_map(|place| rect_at(wish, place).map(|rect| (rect, place)))
        .filter(|(rect, _)| free(rect))
        .min_by_key(|(rect, _)| soft.covered(*rect))
}

fn rect_at(wish: &Wish, place: u16) -> Option<Rect> {
    let direction = *DIRECTIONS.get(usize::from(place % 8))?;
    let round = place / 8;
    if round >= ROUNDS {
        return None;
    }
    let away = wish.reach + GAP + ROUND * f32::from(round);
    // At a corner the mark reaches less far than along the axes.
    let corner = if direction.x != 0.0 && direction.y != 0.0 { 0.7 } else { 1.0 };
    let centre = wish.at + direction * (away * corner + 0.5 * wish.size);
    let min = (centre - 0.5 * wish.size).round();
    Some(Rect { min, max: min + wish.size })
}

/// Returns the free place nearest to the mark, in steps of half a label.
fn anywhere(area: Rect, wish: &Wish, free: impl Fn(&Rect) -> bool) -> Option<(Rect, u16)> {
    let step = (0.5 * wish.size).max(Vec2::splat(8.0));
    let mut best: Option<(f32, Rect)> = None;
    let mut min = area.min;
    while min.y + wish.size.y <= area.max.y {
        min.x = area.min.x;
        while min.x + wish.size.x <= area.max.x {
            let rect = Rect { min, max: min + wish.size };
            let distance = rect.center().distance_squared(wish.at);
            if best.is_none_or(|(nearest, _)| distance < nearest) && free(&rect) {
                best = Some((distance, rect));
            }
            min.x += step.x;
        }
        min.y += step.y;
    }
    best.map(|(_, rect)| (rect, 8 * ROUNDS))
}

fn inside(area: Rect, rect: Rect) -> bool {
    area.contains(rect.min) && area.contains(rect.max)
}

/// Rectangles that are taken, by the buckets they touch.
struct Taken {
    area: Rect,
    columns: usize,
    buckets: Vec<Vec<Rect>>,
}

impl Taken {
    fn new(area: Rect) -> Self {
        let (columns, rows) = (bucket(area.width()) + 1, bucket(area.height()) + 1);
        Self { area, columns, buckets: vec![Vec::new(); columns * rows] }
    }

    fn with(area: Rect, rects: &[Rect]) -> Self {
        let mut taken = Self::new(area);
        for rect in rects {
            taken.take(*rect);
        }
        taken
    }

    fn touched(&self, rect: Rect) -> impl Iterator<Item = usize> + use<> {
        let (least, most) = (rect.min - self.area.min, rect.max - self.area.min);
        let columns = self.columns;
        let (left, right) = (bucket(least.x), bucket(most.x).min(columns.saturating_sub(1)));
        (bucket(least.y)..=bucket(most.y))
            .flat_map(move |row| (left..=right).map(move |column| row * columns + column))
    }

    fn take(&mut self, rect: Rect) {
        for index in self.touched(rect) {
            if let Some(bucket) = self.buckets.get_mut(index) {
                bucket.push(rect);
            }
        }
    }

    fn is_free(&self, rect: Rect) -> bool {
        self.covered(rect) == 0
    }

    /// Returns how many rectangles overlap this one; those in several buckets count for each.
    fn covered(&self, rect: Rect) -> usize {
        self.touched(rect)
            .filter_map(|index| self.buckets.get(index))
            .flatten()
            .filter(|taken| overlap(**taken, rect))
            .count()
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clamped to a screen's size first"
)]
fn bucket(distance: f32) -> usize {
    (distance.clamp(0.0, 1.0e5) / BUCKET) as usize
}

fn overlap(one: Rect, other: Rect) -> bool {
    one.min.cmplt(other.max).all() && other.min.cmplt(one.max).all()
}

#[cfg(test)]
mod tests {
    use super::*;

    const AREA: Rect = Rect { min: Vec2::new(10.0, 20.0), max: Vec2::new(1010.0, 720.0) };

    fn wish(x: f32, y: f32) -> Wish {
        Wish { at: Vec2::new(x, y), reach: 8.0, size: Vec2::new(90.0, 32.0), must: false, before: None }
    }

    fn must(x: f32, y: f32) -> Wish {
        Wish { must: true, ..wish(x, y) }
    }

    fn scattered(count: usize, span: Vec2, make: fn(f32, f32) -> Wish) -> Vec<Wish> {
        let mut state = 99_u32;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / (1_u32 << 24) as f32
        };
        (0..count).map(|_| make(AREA.min.x + next() * span.x, AREA.min.y + next() * span.y)).collect()
    }

    fn assert_apart(placed: &[Placed]) {
        for (index, one) in placed.iter().enumerate() {
            assert!(inside(AREA, one.rect), "{one:?} leaves the area");
            for other in &placed[index + 1..] {
                assert!(!overlap(one.rect, other.rect), "{one:?} and {other:?}");
            }
        }
    }

    #[test]
    fn a_label_alone_stands_to_the_right_of_its_mark() {
        let placed = place(AREA, &[wish(400.0, 300.0)], &[], &[]);
        assert_eq!(placed.len(), 1);
        assert_eq!(placed[0].rect.min, Vec2::new(413.0, 284.0));
        assert!(!placed[0].far);
    }

    #[test]
    fn no_two_labels_overlap_however_many_there_are() {
        for span in [Vec2::new(1000.0, 700.0), Vec2::new(200.0, 100.0)] {
            let placed = place(AREA, &scattered(1000, span, wish), &[], &[]);
            assert!(!placed.is_empty() && placed.len() < 1000);
            assert_apart(&placed);
        }
    }

    #[test]
    fn who_needs_a_person_is_always_labelled() {
        // All at one place; a hundred labels fill two fifths of the area.
        let urgent: Vec<Wish> = (0..100).map(|_| must(500.0, 300.0)).collect();
        let placed = place(AREA, &urgent, &[], &[]);
        assert_eq!(placed.len(), 100);
        assert_apart(&placed);
        assert!(placed.iter().filter(|label| label.far).count() > 50);
    }

    #[test]
    fn who_needs_a_person_is_labelled_even_among_obstacles_and_in_a_corner() {
        let everywhere = [AREA];
        let placed = place(AREA, &[must(10.0, 20.0), must(1010.0, 720.0)], &[], &everywhere);
        assert_eq!(placed.len(), 2);
        assert_apart(&placed);
        assert_eq!(place(AREA, &[wish(400.0, 300.0)], &[], &everywhere), []);
    }

    #[test]
    fn a_label_keeps_off_obstacles() {
        let obstacle = Rect::new(405.0, 250.0, 600.0, 350.0);
        for (soft, hard) in [(&[obstacle][..], &[][..]), (&[], &[obstacle])] {
            let placed = place(AREA, &[wish(400.0, 300.0)], soft, hard);
            assert_eq!(placed.len(), 1);
            assert!(!overlap(placed[0].rect, obstacle));
        }
    }

    #[test]
    fn a_label_that_must_be_shown_rather_covers_a_count_than_goes_far_away_but_never_another_mark() {
        let around = Rect::from_center_half_size(Vec2::new(400.0, 300.0), Vec2::splat(180.0));
        let near = place(AREA, &[must(400.0, 300.0)], &[around], &[])[0];
        assert!(!near.far && overlap(near.rect, around));
        let off = place(AREA, &[must(400.0, 300.0)], &[], &[around])[0];
        assert!(off.far && !overlap(off.rect, around));
    }

    #[test]
    fn a_label_that_must_cover_something_covers_as_little_as_it_can() {
        let at = Vec2::new(400.0, 300.0);
        let around = Rect::from_center_half_size(at, Vec2::splat(180.0));
        let above = Rect::new(220.0, 120.0, 580.0, 299.0);
        let placed = place(AREA, &[must(at.x, at.y)], &[around, above, above], &[])[0];
        assert!(placed.rect.min.y >= 299.0 && !placed.far, "{placed:?}");
    }

    #[test]
    fn a_label_keeps_the_place_it_had() {
        let before = Wish { before: Some(3), ..wish(400.0, 300.0) };
        assert_eq!(place(AREA, &[before], &[], &[])[0].place, 3);
    }

    #[test]
    fn a_label_too_large_for_the_area_is_left_out() {
        let large = Wish { size: Vec2::new(2000.0, 10.0), ..must(400.0, 300.0) };
        assert_eq!(place(AREA, &[large], &[], &[]), []);
    }
}
