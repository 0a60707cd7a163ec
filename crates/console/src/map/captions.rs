//! What labels on the map say, and which are shown: who needs a person first, and he always.

use super::{
    agents::{Memory, Shown, Sight, needs_person},
    drawing::{Drawing, Hit, Role, TextKey, Words},
    inks::Look,
    labels::{self, Placed, Wish},
    paint::{Ink, faded},
    text_width,
};
use bevy::math::{Rect, Vec2};
use std::{collections::BTreeMap, time::Duration};
use watchkeeper_picture::view::{Mark, Tone, countdown, counted, map::MapMark};

/// Left and right of a label's text, points.
const PADDING: f32 = 6.0;
/// The coloured edge of a label, points.
const BAR: f32 = 3.0;
/// Between a name and the countdown beside it, points.
const BETWEEN: f32 = 10.0;
/// The most labels that are tried for agents that are as they should be: more would only be noise.
const MOST_NOMINAL: usize = 80;

struct Caption<'a> {
    shown: &'a Shown<'a>,
    left: Option<String>,
    detail: Detail,
    size: Vec2,
}

struct Detail {
    text: String,
    ink: Ink,
    calm: bool,
}

/// Draws the labels and remembers where they are.
pub(crate) fn draw(
    drawing: &mut Drawing,
    shown: &[Shown<'_>],
    soft: &[Rect],
    sight: &Sight<'_>,
    memory: &mut Memory,
) {
    let captions = wanted(shown, sight, memory);
    let wishes: Vec<Wish> = captions
        .iter()
        .map(|caption| Wish {
            at: caption.shown.at,
            reach: caption.shown.reach,
            size: caption.size,
            must: caption.shown.kept || caption.shown.hovered,
            before: memory.places.get(&caption.shown.mark.agent).copied(),
        })
        .collect();
    let extent = |shown: &Shown<'_>| Rect::from_center_half_size(shown.at, Vec2::splat(0.8 * shown.reach));
    let mut soft = soft.to_vec();
    soft.extend(shown.iter().filter(|shown| !shown.kept).map(extent));
    let hard: Vec<Rect> = shown.iter().filter(|shown| shown.kept).map(extent).collect();
    let placed = labels::place(sight.area.inflate(-4.0), &wishes, &soft, &hard);
    let missing = captions.iter().filter(|caption| caption.shown.kept).count()
        - placed
            .iter()
            .filter_map(|label| captions.get(label.wish))
            .filter(|caption| caption.shown.kept)
            .count();
    memory.places = placed
        .iter()
        .filter_map(|label| Some((captions.get(label.wish)?.shown.mark.agent.clone(), label.place)))
        .collect::<BTreeMap<_, _>>();
    // A number of which a label covers half would be read as another.
    let covered = |text: &Words| {
        let extent = Vec2::new(text_width::width(&text.text, text.size), text.size);
        let digits = Rect { min: text.at, max: text.at + extent }.inflate(-1.0);
        placed.iter().any(|label| !label.rect.intersect(digits).is_empty())
    };
    drawing.texts.retain(|text| text.key.role != Role::Count || !covered(text));
    for label in &placed {
        if let Some(caption) = captions.get(label.wish) {
            paint(drawing, caption, label, sight);
        }
    }
    if missing > 0 {
        let text = format!("{}: zoom in to read them", counted(missing as u64, "label without room"));
        note(drawing, text, sight);
    }
}

/// Returns who is to be labelled, who matters most first.
fn wanted<'a>(shown: &'a [Shown<'a>], sight: &Sight<'_>, memory: &Memory) -> Vec<Caption<'a>> {
    let rank = |shown: &Shown<'_>| {
        let mark = shown.mark;
        if sight.selected == Some(&mark.agent) {
            0_u8
        } else if mark.tone == Tone::Danger {
            1
        } else if needs_person(mark) || mark.mine {
            2
        } else if shown.kept || shown.hovered {
            3
        } else if memory.places.contains_key(&mark.agent) {
            4
        } else {
            5
        }
    };
    let large = shown.iter().filter(|shown| !shown.kept).count() <= MOST_NOMINAL && memory.is_close();
    let mut order: Vec<_> = shown
        .iter()
        .filter(|shown| shown.kept || shown.hovered || large)
        .map(|shown| (rank(shown), shown))
        .collect();
    order.sort_by(|(one, this), (other, that)| {
        let left = |shown: &Shown<'_>| shown.mark.left.unwrap_or(Duration::MAX);
        one.cmp(other).then_with(|| left(this).cmp(&left(that)))
    });
    order.into_iter().map(|(_, shown)| caption(shown, sight.look)).collect()
}

fn caption<'a>(shown: &'a Shown<'a>, look: &Look) -> Caption<'a> {
    let mark = shown.mark;
    let left = mark.left.map(countdown);
    let detail = detail(mark, look);
    let first = text_width::width(mark.agent.as_str(), look.small())
        + left.as_ref().map_or(0.0, |left| BETWEEN + text_width::width(&widest(left), look.small()));
    let second = text_width::width(&widest(&detail.text), look.small());
    let lines = if detail.text.is_empty() { 1.0 } else { 2.0 };
    let edge = if shown.kept { BAR } else { 0.0 };
    let width = first.max(second) + 2.0 * PADDING + edge;
    let height = lines * look.small() * text_width::LINE_EMS + 6.0;
    Caption { shown, left, detail, size: Vec2::new(width.ceil(), height.ceil()) }
}

/// Returns the text with its digits as wide as any, so that a label does not change its size with them.
fn widest(text: &str) -> String {
    text.chars().map(|character| if character.is_ascii_digit() { '0' } else { character }).collect()
}

fn detail(mark: &MapMark, look: &Look) -> Detail {
    if mark.offline || mark.stale {
        let ink = look.text_of(if mark.offline { mark.tone } else { Tone::Stale });
        return Detail { text: mark.data.clone(), ink, calm: true };
    }
    let speed = mark.speed_mps.map(|speed| format!("{speed:.1} m/s"));
    if mark.mark != Mark::Ring {
        let text = match &speed {
            Some(speed) if mark.mine => format!("{} · {speed}", mark.state),
            Some(_) | None => mark.state.clone(),
        };
        return Detail { text, ink: look.text_of(mark.tone), calm: mark.mine };
    }
    let text = speed.unwrap_or_default();
    Detail { text, ink: look.quiet, calm: true }
}

fn paint(drawing: &mut Drawing, caption: &Caption<'_>, label: &Placed, sight: &Sight<'_>) {
    let (shown, look) = (caption.shown, sight.look);
    let (mark, rect) = (shown.mark, label.rect);
    let chosen = sight.selected == Some(&mark.agent);
    let tone = if chosen && !needs_person(mark) { Tone::Own } else { mark.tone };
    let mut left = rect.min.x + PADDING;
    if label.far {
        let near = shown.at.clamp(rect.min, rect.max);
        drawing.over.line(&[shown.at, near], false, 1.5, faded(look.tone(tone), 0.8));
    }
    if shown.kept {
        drawing.over.rect(rect, look.surface);
        drawing
            .over
            .rect(Rect { min: rect.min, max: Vec2::new(rect.min.x + BAR, rect.max.y) }, look.tone(tone));
        left += BAR;
    }
    drawing.hits.push(Hit::Card(rect, mark.agent.clone()));
    let size = look.small();
    let top = rect.min.y + 3.0;
    let mut say = |role, at, text: String, bold, ink, calm| {
        let key = TextKey { agent: Some(mark.agent.clone()), role, number: (0, 0) };
        drawing.texts.push(Words { key, at, text, size, bold, ink, over: true, calm });
    };
    let name = if shown.kept { look.text } else { look.quiet };
    say(Role::Name, Vec2::new(left, top), mark.agent.to_string(), shown.kept, name, false);
    if let Some(text) = &caption.left {
        let x = rect.max.x - PADDING - text_width::width(text, size);
        say(Role::Countdown, Vec2::new(x, top), text.clone(), true, look.text_of(mark.tone), false);
    }
    if !caption.detail.text.is_empty() {
        let at = Vec2::new(left, top + size * text_width::LINE_EMS);
        say(Role::Detail, at, caption.detail.text.clone(), false, caption.detail.ink, caption.detail.calm);
    }
}

/// Says something of the whole map in its upper left corner.
fn note(drawing: &mut Drawing, text: String, sight: &Sight<'_>) {
    let look = sight.look;
    let key = TextKey { agent: None, role: Role::Note, number: (0, 0) };
    let at = sight.area.min + Vec2::splat(8.0);
    let extent = Vec2::new(text_width::width(&text, look.small()), look.small() * text_width::LINE_EMS);
    drawing.over.rect(Rect { min: at - Vec2::splat(4.0), max: at + extent + Vec2::splat(4.0) }, look.surface);
    drawing.texts.push(Words {
        key,
        at,
        text,
        size: look.small(),
        bold: false,
        ink: look.text,
        over: true,
        calm: false,
    });
}
