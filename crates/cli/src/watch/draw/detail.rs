//! One agent in detail.

use super::{WIDE, cut, style, styled};
use crate::watch::ui::UiState;
use ratatui::{
    Frame,
    layout::{Constraint, Layout, Rect},
    text::Line,
    widgets::{Block, Borders, Paragraph, Row, Sparkline, Table},
};
use watchkeeper_model::MonoTime;
use watchkeeper_picture::{
    Picture,
    view::{
        self, Tone,
        agent::{AgentDetail, SignalRow},
    },
};

/// Columns of the bar that shows a value against its expected band.
const BAR: usize = 24;

pub(super) fn draw(frame: &mut Frame, area: Rect, picture: &Picture, ui: &UiState, now: MonoTime) {
    let Some(detail) = ui.agent.as_ref().and_then(|agent| view::agent::detail(picture, agent, 64, now))
    else {
        return;
    };
    let signal_lines = u16::try_from(detail.signals.len() + 1).unwrap_or(u16::MAX).min(area.height / 2);
    let rows = [Constraint::Length(4), Constraint::Length(signal_lines), Constraint::Min(0)];
    let [head, signals, rest] = Layout::vertical(rows).areas(area);
    draw_head(frame, head, &detail);
    draw_signals(frame, signals, &detail);
    if area.width >= WIDE {
        let [left, right] =
            Layout::horizontal([Constraint::Fill(1), Constraint::Fill(1)]).spacing(1).areas(rest);
        draw_decisions(frame, left, &detail);
        draw_scores(frame, right, picture, &detail);
    } else {
        draw_decisions(frame, rest, &detail);
    }
}

fn titled(title: impl Into<String>) -> Block<'static> {
    let title = Line::styled(format!(" {} ", title.into()), style(Tone::Quiet));
    Block::new().borders(Borders::TOP).title(title).border_style(style(Tone::Quiet))
}

fn draw_head(frame: &mut Frame, area: Rect, detail: &AgentDetail) {
    let sure = detail.confidence.map_or_else(|| "not told".to_owned(), |sure| format!("{sure:.2}"));
    let latches = if detail.latches.is_empty() { "none".to_owned() } else { detail.latches.join(", ") };
    let data = if detail.stale { Tone::Warning } else { Tone::Normal };
    let lines = vec![
        Line::from(vec![
            styled(Tone::Normal, format!("{}; ", detail.what)),
            styled(data, detail.data.clone()),
        ]),
        Line::raw(format!("oddness {:.2}, sure of itself {sure}, latches: {latches}", detail.score)),
        Line::raw(cut(&detail.diagnosis, usize::from(area.width))),
    ];
    frame.render_widget(Paragraph::new(lines).block(titled(format!("agent {}", detail.agent))), area);
}

fn draw_signals(frame: &mut Frame, area: Rect, detail: &AgentDetail) {
    // Two thirds of what the columns of fixed width leave.
    let room = usize::from(area.width.saturating_sub(44)) * 2 / 3;
    let rows = detail.signals.iter().map(|row| {
        Row::new([
            Line::styled(row.name.clone(), style(row.tone)),
            Line::styled(row.text.clone(), style(row.tone)).right_aligned(),
            Line::styled(row.unit.clone(), style(Tone::Quiet)),
            Line::styled(bar(row), style(row.tone)),
            Line::styled(cut(&row.expected, room), style(row.tone)),
        ])
    });
    let widths = [
        Constraint::Fill(1),
        Constraint::Length(10),
        Constraint::Length(6),
        Constraint::Length(u16::try_from(BAR).unwrap_or(0)),
        Constraint::Fill(2),
    ];
    frame.render_widget(Table::new(rows, widths).block(titled("signals against what is expected")), area);
}

/// Draws a value against its band: the band `═` fills the middle half, outside it `─`, the value `●`.
fn bar(row: &SignalRow) -> String {
    let (Some(value), Some(low), Some(high)) = (row.value, row.expected_low, row.expected_high) else {
        return String::new();
    };
    let band = high - low;
    if !value.is_finite() || !band.is_finite() || band <= 0.0 {
        return String::new();
    }
    let share = ((value - low) / band).mul_add(0.5, 0.25).clamp(0.0, 1.0);
    (0..BAR)
        .map(|column| {
            let (from, to) = (column as f64 / BAR as f64, (column + 1) as f64 / BAR as f64);
            let last = column + 1 == BAR;
            if share >= from && (share < to || last) {
                '●'
            } else if (0.25..0.75).contains(&from) {
                '═'
            } else {
                '─'
            }
        })
        .collect()
}

fn draw_decisions(frame: &mut Frame, area: Rect, detail: &AgentDetail) {
    let rows = detail.decisions.iter().map(|row| {
        let sure = row.confidence.map_or_else(|| "-".to_owned(), |sure| format!("{sure:.2}"));
        Row::new([
            Line::raw(row.seq.to_string()).right_aligned(),
            Line::raw(row.action.clone()),
            Line::raw(format!("sure {sure}")),
            Line::raw(format!("odd {:.2}", row.score)),
            Line::styled(format!("{} ago", row.age), style(Tone::Quiet)),
        ])
    });
    let widths = [
        Constraint::Length(8),
        Constraint::Fill(1),
        Constraint::Length(9),
        Constraint::Length(8),
        Constraint::Length(12),
    ];
    frame.render_widget(Table::new(rows, widths).block(titled("last decisions")), area);
}

fn draw_scores(frame: &mut Frame, area: Rect, picture: &Picture, detail: &AgentDetail) {
    let Some(entry) = picture.agent(&detail.agent) else { return };
    let columns = usize::from(area.width);
    let mut thousandths: Vec<u64> =
        entry.history().samples().rev().map(|sample| per_mille(sample.score)).take(columns).collect();
    thousandths.resize(columns, 0);
    thousandths.reverse();
    let line = Sparkline::default().max(1_000).data(thousandths);
    frame.render_widget(line.block(titled("oddness, 0 to 1, newest at the right")), area);
}

/// Returns `share` of 1 in thousandths, 0 for anything that is not between 0 and 1.
fn per_mille(share: f64) -> u64 {
    (0..=1_000_u64).rev().find(|step| *step as f64 <= share * 1_000.0 && share <= 1.0).unwrap_or(0)
}
