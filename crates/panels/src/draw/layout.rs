//! Where everything stands. Places follow from the window, the size of text and what is open, never from how much
//! a list has to show. By itself only one thing moves what lies below it: a line that says what is wrong with this
//! console.

use crate::{
    Level,
    theme::{GRID, Look, Size},
};
use egui::{Rect, pos2, vec2};

/// Width of the frame around the window, in points; room for it is always kept.
pub(super) const FRAME: f32 = 6.0;

/// Narrowest and lowest panel, in points: below it there is nothing to see in one.
pub(super) const LEAST: f32 = 96.0;

/// What takes room only while it is there.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shown {
    pub(super) alarm_lines: usize,
    pub(super) question: bool,
    pub(super) replay: bool,
}

/// The window from top to bottom.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rows {
    pub(super) top: Rect,
    pub(super) lane: Rect,
    pub(super) alarms: Option<Rect>,
    pub(super) content: Rect,
    pub(super) replay: Option<Rect>,
    pub(super) question: Option<Rect>,
    pub(super) bottom: Rect,
}

impl Rows {
    pub(super) fn new(screen: Rect, look: &Look, shown: &Shown) -> Self {
        let alarms_height = alarm_height(look) * shown.alarm_lines as f32;
        let question_height = if shown.question { question_height(look) } else { 0.0 };
        let replay_height = if shown.replay { replay_height(look) } else { 0.0 };
        let (top_height, lane_height, bottom_height) =
            (top_height(look), lane_height(look, screen), bottom_height(look));
        let always = top_height + lane_height + bottom_height;
        let least = vec2(LEAST * 6.0, always + alarms_height + question_height + replay_height + GRID);
        let mut rest = screen.shrink(FRAME);
        rest.max = rest.max.max(rest.min + least);
        let top = cut_top(&mut rest, top_height);
        let lane = cut_top(&mut rest, lane_height);
        let alarms = (shown.alarm_lines > 0).then(|| cut_top(&mut rest, alarms_height));
        let bottom = cut_bottom(&mut rest, bottom_height);
        let question = shown.question.then(|| cut_bottom(&mut rest, question_height));
        let replay = shown.replay.then(|| cut_bottom(&mut rest, replay_height));
        let content = rest.shrink2(vec2(0.0, GRID / 2.0));
        Self { top, lane, alarms, content, replay, question, bottom }
    }
}

fn top_height(look: &Look) -> f32 {
    look.line_height(Size::Large) + look.target() + GRID * 1.5
}

/// Windows lower than this, in points before scaling, leave out what stands elsewhere too.
const LOW: f32 = 800.0;

/// Height of a card of the lane: name and countdown, cause, what then where there is room, keys.
fn lane_height(look: &Look, screen: Rect) -> f32 {
    let always = look.line_height(Size::Huge) + look.line_height(Size::Body) + look.target();
    if is_low(look, screen) {
        always + GRID * 5.25
    } else {
        always + look.line_height(Size::Small) + GRID * 6.5
    }
}

/// Returns whether the window has no height to spare.
pub(crate) fn is_low(look: &Look, screen: Rect) -> bool {
    screen.height() < LOW * look.scale
}

/// Height of one line that says what is wrong.
pub(crate) fn alarm_height(look: &Look) -> f32 {
    look.target()
}

fn bottom_height(look: &Look) -> f32 {
    look.line_height(Size::Body) + look.line_height(Size::Small) * 2.0 + GRID * 2.0
}

fn question_height(look: &Look) -> f32 {
    look.target() + look.line_height(Size::Body) + GRID * 3.0
}

fn replay_height(look: &Look) -> f32 {
    look.target() + look.line_height(Size::Small) + GRID * 3.0
}

/// Height of the right column from which on the detail level shows the world in it, in points before scaling.
const WITH_INSET: f32 = 460.0;

/// What a level shows between the lane and the bottom bar.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Columns {
    pub(super) world: Option<Rect>,
    pub(super) fleet: Option<Rect>,
    pub(super) roster: Option<Rect>,
    pub(super) takeover: Option<Rect>,
    pub(super) queue: Option<Rect>,
    pub(super) agent: Option<Rect>,
    pub(super) diagnosis: Option<Rect>,
    pub(super) sheet: Option<Rect>,
}

impl Columns {
    /// A sheet stands in the place of the right column: it covers nothing, the lane least of all.
    pub(super) fn new(level: Level, content: Rect, look: &Look, sheet: bool, takeover: bool) -> Self {
        let mut rest = content;
        let mut columns = Self::default();
        let width = content.width();
        let side = (420.0 * look.scale).min(width * 0.36);
        match level {
            Level::Overview => {
                let right = cut_right(&mut rest, width * 0.4);
                if sheet {
                    columns.sheet = Some(right);
                } else {
                    let mut right = right;
                    columns.roster = Some(cut_bottom(&mut right, roster_height(look, content)));
                    columns.fleet = Some(right);
                }
                columns.world = Some(rest);
            }
            Level::Task => {
                let right = cut_right(&mut rest, side);
                if sheet {
                    columns.sheet = Some(right);
                } else {
                    columns.queue = Some(right);
                }
                if takeover {
                    columns.takeover = Some(cut_left(&mut rest, (400.0 * look.scale).min(width * 0.34)));
                }
                columns.world = Some(rest);
            }
            Level::Detail => {
                let mut right = cut_right(&mut rest, (440.0 * look.scale).min(width * 0.42));
                if sheet {
                    columns.sheet = Some(right);
                } else {
                    // In a low window the panel that acts needs the height; the world is one key away.
                    if right.height() >= WITH_INSET * look.scale {
                        let inset = (right.height() * 0.26).max(GRID * 13.0).min(right.width() * 0.5);
                        columns.world = Some(cut_top(&mut right, inset));
                    }
                    columns.takeover = Some(right);
                }
                columns.agent = Some(rest);
            }
            Level::Diagnosis => {
                // Tables need their width: where there is none beside the sheet, the sheet stands alone.
                let beside = width - side >= 1200.0 * look.scale;
                columns.sheet = sheet.then(|| if beside { cut_right(&mut rest, side) } else { rest });
                columns.diagnosis = (!sheet || beside).then_some(rest);
            }
        }
        columns
    }
}

fn roster_height(look: &Look, content: Rect) -> f32 {
    (look.line_height(Size::Body) * 2.0 + look.line_height(Size::Small) * 5.0).min(content.height() * 0.4)
}

fn cut_top(rest: &mut Rect, height: f32) -> Rect {
    let y = (rest.top() + height).min(rest.bottom()).round();
    let cut = Rect::from_min_max(rest.min, pos2(rest.right(), y));
    rest.min.y = y;
    cut
}

fn cut_bottom(rest: &mut Rect, height: f32) -> Rect {
    let y = (rest.bottom() - height).max(rest.top()).round();
    let cut = Rect::from_min_max(pos2(rest.left(), y), rest.max);
    rest.max.y = y;
    cut
}

fn cut_left(rest: &mut Rect, width: f32) -> Rect {
    let x = (rest.left() + width).min(rest.right()).round();
    let cut = Rect::from_min_max(rest.min, pos2(x, rest.bottom()));
    rest.min.x = x;
    cut
}

fn cut_right(rest: &mut Rect, width: f32) -> Rect {
    let x = (rest.right() - width).max(rest.left()).round();
    let cut = Rect::from_min_max(pos2(x, rest.top()), rest.max);
    rest.max.x = x;
    cut
}
