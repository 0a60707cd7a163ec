//! The alert queue.

use super::{cut, style, styled, visible};
use crate::watch::ui::{Pane, Shown, UiState};
use ratatui::{
    Frame,
    layout::Rect,
    text::Line,
    widgets::{Block, Borders, Paragraph},
};
use watchkeeper_model::MonoTime;
use watchkeeper_picture::{
    Picture,
    view::{
        self, Tone,
        alerts::{AlertRow, HiddenBy},
    },
};

pub(super) fn draw(
    frame: &mut Frame,
    area: Rect,
    picture: &Picture,
    ui: &UiState,
    shown: &mut Shown,
    now: MonoTime,
) {
    let rows = queue(picture, ui, now);
    let aside = rows.iter().filter(|row| row.hidden.is_some()).count();
    let selected = rows.iter().position(|row| Some(row.alert) == ui.alert);
    let height = usize::from(area.height.saturating_sub(1));
    // With room for two lines each, the reason is readable in full.
    let lines_each = if rows.len() * 2 <= height { 2 } else { 1 };
    let window = visible(rows.len(), selected, height / lines_each);
    let title = match (rows.len(), window.len() < rows.len()) {
        (0, _) => " no alerts ".to_owned(),
        (1, false) => " 1 alert ".to_owned(),
        (count, false) => format!(" {count} alerts "),
        (count, true) => format!(" {count} alerts, {} to {} shown ", window.start + 1, window.end),
    };
    let title = if aside == 0 { title } else { format!("{}, {aside} hidden ", title.trim_end()) };
    let how = if picture.flooded_since().is_some() { " (f: all or by kind)" } else { "" };
    let title = match view::alerts::flood_words(picture, now) {
        Some(flood) => format!(" {flood}{how}, {}", title.trim_start()),
        None => title,
    };
    let tone = if ui.pane == Pane::Alerts { Tone::Own } else { Tone::Quiet };
    let block = Block::new()
        .borders(Borders::TOP)
        .title(Line::styled(title, style(tone)))
        .border_style(style(Tone::Quiet));
    let inner = block.inner(area);
    frame.render_widget(block, area);
    let old = !picture.is_current();
    for (row, y) in rows.get(window).unwrap_or_default().iter().zip((inner.y..).step_by(lines_each)) {
        shown.alerts.extend(&row.stands_for);
        let lines = lines(row, Some(row.alert) == ui.alert, lines_each == 2, inner.width, old);
        let room = Rect { y, height: u16::from(lines_each == 2) + 1, ..inner };
        frame.render_widget(Paragraph::new(lines), room.intersection(inner));
    }
}

/// Returns what the queue lists: the alerts, then those that are hidden, so that they can be taken back.
pub(in crate::watch) fn queue(picture: &Picture, ui: &UiState, now: MonoTime) -> Vec<AlertRow> {
    let list = if ui.flood_in_full { view::alerts::rows } else { view::alerts::summarised };
    let mut rows = list(picture, ui.frozen(now), now);
    rows.extend(view::alerts::hidden(picture, now));
    rows
}

/// Columns that the state of an alert has at the right.
const STATE: u16 = 18;

fn lines(row: &AlertRow, selected: bool, two: bool, width: u16, old: bool) -> Vec<Line<'static>> {
    let aside = row.hidden.is_some();
    let tone = match (old, aside) {
        (true, _) => Tone::Stale,
        (false, true) => Tone::Quiet,
        (false, false) => row.tone,
    };
    let words = if selected {
        Tone::Own
    } else if old {
        Tone::Stale
    } else if aside {
        Tone::Quiet
    } else {
        Tone::Normal
    };
    let time = match (row.left, &row.raised) {
        (Some(left), _) => view::countdown(left),
        (None, Some(raised)) => format!("{raised} ago"),
        (None, None) => String::new(),
    };
    let found = if row.count > 1 { format!(", {} times", row.count) } else { String::new() };
    let brought = row.brought.as_ref().map(|brought| format!(", {brought}")).unwrap_or_default();
    let what = if two { format!("{}: {}{found}{brought}", row.cause, row.subject) } else { row.text.clone() };
    let state = if two {
        let state = if let Some(how) = &row.hidden {
            hidden_word(how.by).to_owned()
        } else {
            row.state.replace("acknowledged", "ack")
        };
        fitted(&state, usize::from(STATE))
    } else {
        short_state(row)
    };
    let state_width = if two { STATE } else { 8 };
    let room = usize::from(width.saturating_sub(29 + state_width));
    let mut lines = vec![Line::from(vec![
        styled(Tone::Own, if selected { "›" } else { " " }),
        styled(tone, format!("{}{} ", row.mark.glyph(), row.priority)),
        styled(words, fitted(&row.whose, 12)),
        styled(if row.left.is_some() { tone } else { Tone::Quiet }, format!(" {time:<10} ")),
        styled(words, fitted(&what, room)),
        styled(if row.unacknowledged { tone } else { Tone::Quiet }, format!(" {state}")),
    ])];
    if two {
        lines.push(Line::from(styled(
            words,
            format!("    {}", row.hidden.as_ref().map_or(&row.text, |how| &how.text)),
        )));
    }
    lines
}

/// Returns `text` in exactly `width` columns, with `…` where it was cut.
fn fitted(text: &str, width: usize) -> String {
    format!("{:<width$}", cut(text, width))
}

/// What hides an alert, in eight columns.
const fn hidden_word(by: HiddenBy) -> &'static str {
    match by {
        HiddenBy::Shelf => "shelved",
        HiddenBy::Rule => "by rule",
        HiddenBy::Service => "out",
    }
}

/// New is told from acknowledged and over, in eight columns.
fn short_state(row: &AlertRow) -> String {
    if let Some(how) = &row.hidden {
        return hidden_word(how.by).to_owned();
    }
    match (row.unacknowledged, row.state.as_str()) {
        (true, "new") => "new".to_owned(),
        (true, _) => "over,new".to_owned(),
        (false, _) => "ack".to_owned(),
    }
}
