//! The fleet, one line an agent.

use super::{WIDE, cut, style, styled, visible};
use crate::watch::ui::{Pane, Shown, UiState};
use ratatui::{
    Frame,
    layout::{Constraint, Rect},
    text::Line,
    widgets::{Block, Borders, Row, Table},
};
use watchkeeper_model::MonoTime;
use watchkeeper_picture::{
    Picture,
    view::{self, Tone, fleet::FleetRow},
};

/// Below this width a row has no room for the score.
const NARROW: u16 = 70;

pub(super) fn draw(
    frame: &mut Frame,
    area: Rect,
    picture: &Picture,
    ui: &UiState,
    shown: &mut Shown,
    now: MonoTime,
) {
    let rows = view::fleet::rows(picture, now);
    let selected = rows.iter().position(|row| Some(&row.agent) == ui.agent.as_ref());
    let height = usize::from(area.height.saturating_sub(1));
    let window = visible(rows.len(), selected, height);
    let title = match (rows.len(), window.len() < rows.len()) {
        (0, _) => " no agents ".to_owned(),
        (1, false) => " 1 agent ".to_owned(),
        (count, false) => format!(" {count} agents "),
        (count, true) => format!(" {count} agents, {} to {} shown ", window.start + 1, window.end),
    };
    let tone = if ui.pane == Pane::Fleet { Tone::Own } else { Tone::Quiet };
    let block = Block::new()
        .borders(Borders::TOP)
        .title(Line::styled(title, style(tone)))
        .border_style(style(Tone::Quiet));
    let drawn: Vec<_> = rows.get(window).unwrap_or_default().iter().collect();
    for row in &drawn {
        if let Some(entry) = picture.agent(&row.agent) {
            shown.agents.push((row.agent.clone(), entry.status().state_version));
        }
    }
    let longest = drawn.iter().map(|row| row.agent.as_str().chars().count()).max().unwrap_or(0);
    let most = if area.width < NARROW { 12 } else { 24 };
    let names = u16::try_from(longest).unwrap_or(u16::MAX).clamp(12, most);
    let narrow = area.width < NARROW;
    let widths = [
        Constraint::Length(2),
        // A name that is cut reads as another agent: who controls gives way first.
        Constraint::Length(names),
        Constraint::Length(13),
        Constraint::Length(7),
        Constraint::Fill(1),
        Constraint::Length(14),
        // Where it is narrow the score gives way.
        Constraint::Length(if narrow { 0 } else { 5 }),
    ];
    let old = !picture.is_current();
    let wide = frame.area().width >= WIDE;
    let lines =
        drawn.into_iter().map(|row| line(row, Some(&row.agent) == ui.agent.as_ref(), names, wide, old));
    frame.render_widget(Table::new(lines, widths).block(block), area);
}

fn line(row: &FleetRow, selected: bool, names: u16, wide: bool, old: bool) -> Row<'static> {
    let tone = if old && row.tone != Tone::Own { Tone::Stale } else { row.tone };
    let cursor = if selected { '›' } else { ' ' };
    let name = if selected {
        Tone::Own
    } else if tone == Tone::Stale {
        Tone::Stale
    } else {
        Tone::Normal
    };
    let mut controller = row.controller.clone();
    if row.latches > 0 {
        controller = format!("{controller}, latched");
    }
    if !row.note.is_empty() {
        controller = if wide { format!("{controller}, {}", row.note) } else { row.note.clone() };
    }
    let data = if row.stale { Tone::Warning } else { Tone::Quiet };
    Row::new([
        Line::from(vec![styled(Tone::Own, cursor.to_string()), styled(tone, row.mark.glyph().to_string())]),
        Line::styled(cut(row.agent.as_str(), usize::from(names)), style(name)),
        Line::styled(row.state.clone(), style(tone)),
        Line::styled(row.demand_left.map_or_else(String::new, view::countdown), style(Tone::Danger)),
        Line::styled(controller, style(if tone == Tone::Stale { Tone::Stale } else { Tone::Normal })),
        Line::styled(row.data.clone(), style(data)).right_aligned(),
        Line::styled(format!("{:.2}", row.score), style(Tone::Quiet)).right_aligned(),
    ])
}
