//! One tile of the wall: in whose hands, how fast, how sure, how odd (its score), how old.

use super::{
    drawing::{Drawing, Hit, Role, TextKey, Words},
    inks::Look,
    needs_person,
    paint::{Ink, Shapes, faded},
    shapes, text_width,
};
use bevy::math::{Rect, Vec2};
use watchkeeper_picture::view::{Mark, Tone, countdown, tiles::Tile};

/// Between the edge and what is inside, points.
const PADDING: f32 = 10.0;
/// The same of a compact tile.
const COMPACT_PADDING: Vec2 = Vec2::new(8.0, 6.0);
/// The least height of a chart below the words of a compact tile, points.
const LEAST_CHART: f32 = 12.0;
/// The coloured edge of a tile whose agent needs a person, points.
const BAR: f32 = 4.0;
/// Below this height a tile is compact, points at a text size of 1.
const COMPACT: f32 = 110.0;

/// Draws a tile.
pub(crate) fn draw(
    drawing: &mut Drawing,
    tile: &Tile,
    rect: Rect,
    selected: bool,
    hovered: bool,
    look: &Look,
) {
    let wanted = needs_person(tile.left, tile.tone);
    let ink = look.tone(tile.tone);
    drawing.over.rect(rect, if hovered { look.raised } else { look.surface });
    if wanted {
        drawing.over.frame(rect, 2.0, ink);
        drawing.over.rect(Rect { min: rect.min, max: Vec2::new(rect.min.x + BAR, rect.max.y) }, ink);
    } else {
        drawing.over.frame(rect, 1.0, look.faint);
    }
    if selected {
        shapes::brackets(&mut drawing.over, rect.inflate(3.0), look);
    }
    let compact = rect.height() < COMPACT * look.grown;
    let padding = if compact { COMPACT_PADDING } else { Vec2::splat(PADDING) };
    let inner = Rect { min: rect.min + padding, max: rect.max - padding };
    let mut lines = Lines { drawing, tile, look, inner };
    if compact {
        lines.compact(ink);
    } else {
        let under = lines.words(ink);
        lines.charts(under, ink);
    }
    lines.drawing.hits.push(Hit::Card(rect, tile.agent.clone()));
}

struct Lines<'a> {
    drawing: &'a mut Drawing,
    tile: &'a Tile,
    look: &'a Look,
    inner: Rect,
}

impl Lines<'_> {
    /// Draws the mark and writes the name, with the countdown at the right.
    fn title(&mut self, ink: Ink) {
        let (tile, look) = (self.tile, self.look);
        let (small, inner) = (look.small(), self.inner);
        let radius = 0.42 * small;
        let indent = 3.2 * radius + 4.0;
        let centre = Vec2::new(inner.min.x + 1.4 * radius, inner.min.y + 0.6 * small);
        shapes::mark(&mut self.drawing.over, tile.mark, centre, radius, ink, look);
        let top = inner.min.y;
        let mut room = inner.width() - indent;
        if let Some(left) = tile.left.map(countdown) {
            room -= self.right(Role::Countdown, top, left, (true, look.text_of(tile.tone), false)) + 8.0;
        }
        let name = text_width::fitted(tile.agent.as_str(), small, room);
        self.left(Role::Name, inner.min.x + indent, top, name, (true, look.text, false));
    }

    /// Writes who, and below how fast and how old, or what is wrong; draws the score beside that.
    fn compact(&mut self, ink: Ink) {
        let (tile, look, inner) = (self.tile, self.look, self.inner);
        let small = look.small();
        self.title(ink);
        let top = (inner.min.y + 1.35 * small).round();
        let rate = tile.rate_per_sec.map_or_else(|| "-".to_owned(), |rate| format!("{rate:.1}/s"));
        let (text, ink_of_text, calm) = if tile.stale {
            (tile.data.clone(), look.text_of(tile.tone), false)
        } else if tile.mark == Mark::Ring && tile.tone == Tone::Normal {
            (format!("{rate} · {}", tile.data), look.quiet, true)
        } else {
            (tile.state.clone(), look.text_of(tile.tone), false)
        };
        let width = text_width::width(&text, small);
        let text = text_width::fitted(&text, small, inner.width());
        self.left(Role::Detail, inner.min.x, top, text, (false, ink_of_text, calm));
        let below = top + (small * text_width::LINE_EMS).round() + 4.0;
        // Words that need the room go before the score.
        if inner.max.y - below >= LEAST_CHART {
            self.score(Rect::new(inner.min.x, below, inner.max.x, inner.max.y), ink);
        } else if inner.min.x + width + 4.0 < inner.min.x + 0.66 * inner.width() {
            self.score(
                Rect::new(inner.min.x + 0.66 * inner.width(), top, inner.max.x, inner.max.y - 2.0),
                ink,
            );
        }
    }

    /// Draws the score; whoever needs a person has his colour on it, the evidence; the rest stays grey.
    fn score(&mut self, chart: Rect, ink: Ink) {
        let strong = matches!(self.tile.tone, Tone::Warning | Tone::Danger);
        let ink = if strong { ink } else { self.look.quiet };
        sparkline(&mut self.drawing.over, &self.tile.scores, chart, ink, self.look);
    }

    /// Writes three lines of words; returns where they end.
    fn words(&mut self, ink: Ink) -> f32 {
        self.title(ink);
        let (tile, look) = (self.tile, self.look);
        let (small, inner) = (look.small(), self.inner);
        let step = (small * 1.35).round();
        let mut top = inner.min.y + step;
        let state = if tile.note.is_empty() {
            tile.state.clone()
        } else {
            format!("{} · {}", tile.state, tile.note)
        };
        let calm_tone = if tile.tone == Tone::Normal { look.quiet } else { look.text_of(tile.tone) };
        let state = text_width::fitted(&state, small, inner.width());
        self.left(Role::Detail, inner.min.x, top, state, (false, calm_tone, false));
        top += step;
        let age = if tile.stale { look.text_of(Tone::Stale) } else { look.quiet };
        let taken = self.right(Role::Age, top, tile.data.clone(), (false, age, !tile.stale));
        let rate = tile.rate_per_sec.map_or_else(|| "no rate yet".to_owned(), rate_words);
        let rate = text_width::fitted(&rate, small, inner.width() - taken - 8.0);
        self.left(Role::Rate, inner.min.x, top, rate, (false, look.text, true));
        top + step
    }

    /// Draws how sure and how odd the agent was, side by side, with what it is now below.
    fn charts(&mut self, top: f32, ink: Ink) {
        let (tile, look, inner) = (self.tile, self.look, self.inner);
        let small = look.small();
        let base = inner.max.y - (small * text_width::LINE_EMS).round();
        let half = 0.5 * (inner.width() - 12.0);
        let values = [
            (Role::Confidence, ["confidence", "conf."], inner.min.x, &tile.confidences, tile.confidence),
            (Role::Score, ["score", "score"], inner.min.x + half + 12.0, &tile.scores, Some(tile.score)),
        ];
        for (role, [word, short], left, series, now) in values {
            let chart = Rect::new(left.round(), top + 2.0, (left + half).round(), base - 3.0);
            if role == Role::Score {
                self.score(chart, ink);
            } else {
                sparkline(&mut self.drawing.over, series, chart, look.quiet, look);
            }
            let number = now.map_or_else(|| "-".to_owned(), |value| format!("{value:.2}"));
            let text = format!("{word} {number}");
            let fits = text_width::width(&text, small) <= half;
            let text = if fits { text } else { format!("{short} {number}") };
            self.left(role, chart.min.x, base, text, (false, look.quiet, true));
        }
    }

    fn left(&mut self, role: Role, x: f32, y: f32, text: String, (bold, ink, calm): (bool, Ink, bool)) {
        let key = TextKey { agent: Some(self.tile.agent.clone()), role, number: (0, 0) };
        let at = Vec2::new(x, y).round();
        let size = self.look.small();
        self.drawing.texts.push(Words { key, at, text, size, bold, ink, over: true, calm });
    }

    /// Writes at the right edge; returns how much room that takes.
    fn right(&mut self, role: Role, y: f32, text: String, style: (bool, Ink, bool)) -> f32 {
        let width = text_width::width(&text, self.look.small());
        self.left(role, self.inner.max.x - width, y, text, style);
        width
    }
}

fn rate_words(rate: f64) -> String {
    if rate >= 9.95 { format!("{rate:.0} a second") } else { format!("{rate:.1} a second") }
}

/// Draws values between 0 and 1, the newest at the right, on a base line with a hair line at 1.
fn sparkline(shapes: &mut Shapes, values: &[f64], rect: Rect, ink: Ink, look: &Look) {
    if rect.height() < 6.0 {
        return;
    }
    shapes.rect(Rect::new(rect.min.x, rect.min.y, rect.max.x, rect.min.y + 1.0), look.faint);
    shapes.rect(Rect::new(rect.min.x, rect.max.y, rect.max.x, rect.max.y + 1.0), faded(look.line, 0.7));
    let step = (rect.width() - 3.0) / 29.0;
    let points: Vec<Vec2> = values
        .iter()
        .rev()
        .take(30)
        .enumerate()
        .filter(|(_, value)| value.is_finite())
        .map(|(back, value)| {
            let x = rect.max.x - 3.0 - step * back as f32;
            Vec2::new(x, rect.max.y - share(*value) * (rect.height() - 2.0))
        })
        .collect();
    shapes.line(&points, false, 1.5, ink);
    if let Some(newest) = points.first() {
        shapes.disc(*newest, 2.5, ink);
    }
}

#[expect(clippy::cast_possible_truncation, reason = "a share of a height on a screen")]
fn share(value: f64) -> f32 {
    value.clamp(0.0, 1.0) as f32
}

#[cfg(test)]
mod tests {
    use super::*;
    use watchkeeper_model::AgentId;
    use watchkeeper_panels::Settings;

    fn tile(name: &str) -> Tile {
        Tile {
            agent: AgentId::new(name).unwrap(),
            kind: "payment agent",
            mark: Mark::TriangleUp,
            tone: Tone::Danger,
            state: "takeover requested".to_owned(),
            rate_per_sec: Some(41.6),
            confidence: None,
            score: 0.91,
            scores: (0..30).map(|index| f64::from(index) / 30.0).collect(),
            confidences: vec![],
            data: "0.2 s".to_owned(),
            stale: false,
            left: Some(std::time::Duration::from_millis(8240)),
            mine: false,
            note: String::new(),
        }
    }

    #[test]
    fn each_text_lies_inside_of_the_tile_whatever_its_size() {
        for grown in [1.0, 1.5, 2.0] {
            let look = Look::new(&Settings { text_scale: grown, ..Settings::default() }, 1.0);
            for (size, texts) in [(Vec2::new(184.0, 116.0), 7), (Vec2::new(148.0, 46.0), 3)] {
                let rect = Rect { min: Vec2::splat(10.0), max: Vec2::splat(10.0) + size * grown };
                let mut drawing = Drawing::new(1.0);
                draw(&mut drawing, &tile("a-payment-router-with-a-long-name"), rect, true, false, &look);
                assert_eq!(drawing.texts.len(), texts);
                for text in &drawing.texts {
                    let extent = Vec2::new(text_width::width(&text.text, text.size), text.size);
                    assert!(rect.contains(text.at) && rect.contains(text.at + extent), "{text:?} at {grown}");
                }
            }
        }
    }

    #[test]
    fn what_is_not_known_is_said_and_not_drawn_as_zero() {
        let mut drawing = Drawing::new(1.0);
        let look = Look::new(&Settings::default(), 1.0);
        let unknown = Tile { rate_per_sec: None, ..tile("pay-1") };
        draw(&mut drawing, &unknown, Rect::new(0.0, 0.0, 184.0, 116.0), false, false, &look);
        let said: Vec<&str> = drawing.texts.iter().map(|text| text.text.as_str()).collect();
        assert!(
            said.contains(&"conf. -") && said.contains(&"no rate yet") && said.contains(&"8.2 s"),
            "{said:?}"
        );
    }

    #[test]
    fn a_tile_can_be_pressed() {
        let mut drawing = Drawing::new(1.0);
        let look = Look::new(&Settings::default(), 1.0);
        draw(&mut drawing, &tile("pay-1"), Rect::new(0.0, 0.0, 184.0, 116.0), false, false, &look);
        assert!(drawing.pick(Vec2::new(100.0, 60.0)).is_some());
        assert!(drawing.pick(Vec2::new(200.0, 60.0)).is_none());
    }
}
