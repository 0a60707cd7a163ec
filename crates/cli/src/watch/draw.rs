//! Paints the rows of the picture, and says what it painted.

mod chrome;
mod detail;
mod fleet;
mod help;
pub(in crate::watch) mod queue;
mod tables;
mod takeover;

use super::ui::{Shown, UiState, View};
use ratatui::{
    Frame,
    layout::{Constraint, Layout, Rect},
    style::{Color, Modifier, Style},
    text::{Line, Span},
    widgets::{Paragraph, Wrap},
};
use std::ops::Range;
use watchkeeper_model::MonoTime;
use watchkeeper_picture::{Picture, view::Tone};

/// From this width on there is room for two columns and for more words.
const WIDE: u16 = 150;
/// Lines of the takeover panel: what a person must know, its keys, and a title.
const PANEL_LINES: u16 = 8;

/// Below this nothing but the headline and the stop is drawn.
const SMALLEST: (u16, u16) = (60, 16);

/// Draws one frame; returns which alerts and agents it showed.
pub(crate) fn draw(frame: &mut Frame, picture: &Picture, ui: &UiState, now: MonoTime) -> Shown {
    let size = frame.area();
    if size.width < SMALLEST.0 || size.height < SMALLEST.1 {
        return too_small(frame, picture, ui, now);
    }
    let trouble = chrome::trouble(picture, ui, now);
    let rows = [
        Constraint::Length(2),
        Constraint::Length(u16::from(trouble.is_some())),
        Constraint::Min(0),
        Constraint::Length(chrome::bottom_height(ui, size, now)),
    ];
    let [top, middle, body, bottom] = Layout::vertical(rows).areas(frame.area());
    chrome::draw_top(frame, top, picture, ui, now);
    if let Some(trouble) = trouble {
        chrome::draw_trouble(frame, middle, &trouble);
    }
    let mut shown = Shown::default();
    match ui.view {
        View::Overview => overview(frame, body, picture, ui, &mut shown, now),
        View::Agent => {
            let [above, below] = with_panel(body);
            detail::draw(frame, above, picture, ui, now);
            takeover::draw(frame, below, picture, ui, &mut shown, now);
        }
        View::Commands => {
            let [above, below] = with_panel(body);
            tables::draw_commands(frame, above, picture, now);
            takeover::draw(frame, below, picture, ui, &mut shown, now);
        }
        View::Latency => tables::draw_latency(frame, body, picture),
    }
    if ui.help {
        help::draw(frame, body);
        // What the help covers was not seen.
        shown = Shown::default();
    }
    // The top line names the held agent and its state on every screen.
    shown
        .agents
        .extend(chrome::held(picture).map(|(agent, entry)| (agent.clone(), entry.status().state_version)));
    chrome::draw_bottom(frame, bottom, picture, ui, now);
    shown
}

/// What cannot wait for a larger terminal: the headline, the stop, and what was just said.
fn too_small(frame: &mut Frame, picture: &Picture, ui: &UiState, now: MonoTime) -> Shown {
    let area = frame.area();
    let mut lines = vec![chrome::who_controls(picture, ui, usize::from(area.width), now)];
    if let Some(agent) = &ui.agent {
        lines.push(Line::from(vec![
            styled(Tone::Danger, "[S]"),
            styled(Tone::Normal, format!(" STOP {agent}")),
        ]));
    }
    let text = format!(
        "the terminal is too small ({}x{}); at least {}x{}",
        area.width, area.height, SMALLEST.0, SMALLEST.1
    );
    lines.push(Line::styled(text, style(Tone::Warning)));
    lines.extend(chrome::bottom_lines(picture, ui, now));
    frame.render_widget(Paragraph::new(lines).wrap(Wrap { trim: true }), area);
    // The headline may be cut: what it names counts as not seen.
    Shown::default()
}

/// Returns `text` in at most `width` columns, with `…` where it was cut.
fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    text.chars().take(width.saturating_sub(1)).chain((width > 0).then_some('…')).collect()
}

/// Returns the parts that fit into `width` as they are, then `…`: half a number reads as another number.
fn fit(parts: Vec<Span<'static>>, width: usize) -> Line<'static> {
    let mut line = Line::default();
    let mut left = parts.len();
    for part in parts {
        left -= 1;
        let reserve = usize::from(left > 0);
        if line.width() + part.content.trim_end().chars().count() + reserve > width {
            line.push_span(Span::raw("…"));
            return line;
        }
        line.push_span(part);
    }
    line
}

fn overview(
    frame: &mut Frame,
    area: Rect,
    picture: &Picture,
    ui: &UiState,
    shown: &mut Shown,
    now: MonoTime,
) {
    let [above, below] = with_panel(area);
    let [alerts, fleet] = if area.width >= WIDE {
        let [left, right] =
            Layout::horizontal([Constraint::Fill(1), Constraint::Fill(1)]).spacing(1).areas(above);
        [right, left]
    } else {
        Layout::vertical([Constraint::Fill(1), Constraint::Fill(1)]).areas(above)
    };
    queue::draw(frame, alerts, picture, ui, shown, now);
    fleet::draw(frame, fleet, picture, ui, shown, now);
    takeover::draw(frame, below, picture, ui, shown, now);
}

fn with_panel(area: Rect) -> [Rect; 2] {
    Layout::vertical([Constraint::Min(0), Constraint::Length(PANEL_LINES)]).areas(area)
}

/// Returns how a tone looks. Calm is nearly without colour; blue is used for nothing.
const fn style(tone: Tone) -> Style {
    match tone {
        Tone::Normal => Style::new(),
        Tone::Quiet => Style::new().fg(Color::DarkGray),
        Tone::Warning => Style::new().fg(Color::Yellow),
        Tone::Danger => Style::new().fg(Color::LightRed).add_modifier(Modifier::BOLD),
        Tone::Own => Style::new().fg(Color::White).add_modifier(Modifier::BOLD),
        Tone::Stale => Style::new().fg(Color::DarkGray).add_modifier(Modifier::ITALIC),
    }
}

fn styled<'a>(tone: Tone, text: impl Into<String>) -> Span<'a> {
    Span::styled(text.into(), style(tone))
}

/// Returns which of `len` rows are visible in `height` lines, so that `selected` is among them.
fn visible(len: usize, selected: Option<usize>, height: usize) -> Range<usize> {
    let first = match selected {
        Some(selected) if selected >= height => (selected + 1 - height).min(len.saturating_sub(height)),
        Some(_) | None => 0,
    };
    first..len.min(first + height)
}

#[cfg(test)]
mod tests;
