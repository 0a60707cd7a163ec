//! Commands and latency: plain tables.

use super::{WIDE, cut, style, styled};
use ratatui::{
    Frame,
    layout::{Constraint, Rect},
    text::Line,
    widgets::{Block, Borders, Row, Table},
};
use watchkeeper_model::{MonoTime, StageOwner};
use watchkeeper_picture::{
    Picture,
    view::{self, Tone},
};

fn titled(title: String) -> Block<'static> {
    Block::new()
        .borders(Borders::TOP)
        .title(Line::styled(title, style(Tone::Quiet)))
        .border_style(style(Tone::Quiet))
}

pub(super) fn draw_commands(frame: &mut Frame, area: Rect, picture: &Picture, now: MonoTime) {
    let rows = view::commands::rows(picture, None, now);
    let title = match rows.len() {
        0 => " no commands in the last minute ".to_owned(),
        1 => " 1 command ".to_owned(),
        count => format!(" {count} commands, newest first "),
    };
    let wide = area.width >= WIDE;
    let lines = rows.into_iter().map(|row| {
        let record = match (row.record == "on record", wide) {
            (true, true) => "recorded",
            (true, false) => "rec",
            (false, _) => "",
        };
        Row::new([
            styled(row.tone, row.mark.glyph().to_string()),
            styled(Tone::Normal, cut(row.agent.as_str(), if wide { 24 } else { 10 })),
            styled(Tone::Normal, row.verb),
            styled(row.tone, row.state),
            styled(Tone::Quiet, row.age),
            styled(Tone::Normal, row.by),
            styled(Tone::Quiet, record),
            styled(row.tone, row.why),
        ])
    });
    // Who sent it and whether it is recorded give way to how old it is.
    let (by, record) = match (wide, area.width < 70) {
        (true, _) => (16, 8),
        (false, false) => (6, 3),
        (false, true) => (0, 0),
    };
    let widths = [
        Constraint::Length(1),
        Constraint::Length(if wide { 24 } else { 10 }),
        Constraint::Length(12),
        Constraint::Length(18),
        Constraint::Length(if wide { 12 } else { 6 }),
        Constraint::Length(by),
        Constraint::Length(record),
        Constraint::Fill(1),
    ];
    frame.render_widget(Table::new(lines, widths).block(titled(title)), area);
}

pub(super) fn draw_latency(frame: &mut Frame, area: Rect, picture: &Picture) {
    let kind = view::latency::strictest_kind(picture);
    let title = format!(" latency of all takeovers, against the budget of a {} ", view::kind_word(kind));
    let header = ["stage", "p50", "p95", "p99", "max", "over", "p99 / hard max", "verdict"];
    let lines = view::latency::rows(picture, kind).into_iter().map(|row| {
        let human = row.stage.owner() == StageOwner::Human;
        let stage = if human { format!("{} ({})", row.stage, row.owner) } else { row.stage.to_string() };
        let mut cells = vec![Line::raw(stage)];
        cells.extend(
            [row.p50, row.p95, row.p99, row.max, row.breaches].map(|cell| Line::raw(cell).right_aligned()),
        );
        cells.push(Line::raw(row.budget).right_aligned());
        cells.push(Line::styled(row.verdict, style(row.tone)));
        Row::new(cells)
    });
    let widths = [
        Constraint::Length(14),
        Constraint::Length(7),
        Constraint::Length(7),
        Constraint::Length(7),
        Constraint::Length(7),
        Constraint::Length(7),
        Constraint::Length(15),
        Constraint::Length(9),
    ];
    let header = Row::new(header.into_iter().enumerate().map(|(column, word)| {
        let line = Line::styled(word, style(Tone::Quiet));
        if (1..7).contains(&column) { line.right_aligned() } else { line }
    }));
    frame.render_widget(Table::new(lines, widths).header(header).block(titled(title)), area);
}
