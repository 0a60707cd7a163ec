//! Paints the rows of the picture, and says what it painted.

mod chrome;
mod detail;
mod fleet;
mod help;
mod queue;
mod tables;
mod takeover;

use super::ui::{Shown, UiState, View};
use ratatui::{
    Frame,
    layout::{Constraint, Layout, Rect},
    style::{Color, Modifier, Style},
    text::Span,
};
use std::ops::Range;
use watchkeeper_model::{AgentId, MonoTime, StateVersion};
use watchkeeper_picture::{Picture, view::Tone};

/// From this width on there is room for two columns and for more words.
const WIDE: u16 = 150;
/// Lines of the takeover panel: what a person must know, its keys, and a title.
const PANEL_LINES: u16 = 8;

/// Draws one frame; returns which alerts and agents it showed.
pub(crate) fn draw(frame: &mut Frame, picture: &Picture, ui: &UiState, now: MonoTime) -> Shown {
    let trouble = chrome::trouble(picture, now);
    let rows = [
        Constraint::Length(2),
        Constraint::Length(u16::from(trouble.is_some())),
        Constraint::Min(0),
        Constraint::Length(2),
    ];
    let [top, middle, body, bottom] = Layout::vertical(rows).areas(frame.area());
    chrome::draw_top(frame, top, picture, now);
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
    shown.agents.extend(held(picture));
    chrome::draw_bottom(frame, bottom, picture, ui, now);
    shown
}

fn held(picture: &Picture) -> Option<(AgentId, StateVersion)> {
    let (agent, entry) = picture.agents().find(|(agent, _)| picture.my_epoch(agent).is_some())?;
    Some((agent.clone(), entry.status().state_version))
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
