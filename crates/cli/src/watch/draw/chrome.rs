//! The lines around every screen: connection, who controls, messages, keys.

use super::{WIDE, cut, fit, style, styled};
use crate::watch::ui::{MessageLine, UiState};
use ratatui::{
    Frame,
    layout::{Constraint, Layout, Rect},
    style::{Modifier, Style},
    text::{Line, Span},
    widgets::{Paragraph, Wrap},
};
use std::time::Duration;
use watchkeeper_model::{AgentId, AgentKind, MonoTime};
use watchkeeper_picture::{
    AgentPicture, Picture, Unavailable,
    view::{self, Tone},
};

/// From here on the console asks for a key in the colour of a warning.
const NEARLY_AWAY: Duration = Duration::from_millis(1_500);

pub(super) fn draw_top(frame: &mut Frame, area: Rect, picture: &Picture, ui: &UiState, now: MonoTime) {
    let status = view::status_line::status_line(picture, now);
    let [first, second] = Layout::vertical([Constraint::Length(1), Constraint::Length(1)]).areas(area);
    let mut left = vec![
        Span::raw("watchkeeper  "),
        Span::styled(status.banner, style(status.banner_tone)),
        Span::raw("  "),
        Span::raw(status.person.clone()),
    ];
    if area.width >= WIDE {
        left.push(styled(Tone::Quiet, format!("   {}", status.monitor)));
    }
    let connection = Line::styled(format!(" {}", status.connection), style(status.tone)).right_aligned();
    let needed = width_of(&connection);
    // Where it is narrow, the name of the program gives way to what must be read.
    if width_of(&Line::from(left.clone())) + needed > first.width {
        left.remove(0);
    }
    let [person, link] = Layout::horizontal([Constraint::Fill(1), Constraint::Length(needed)]).areas(first);
    frame.render_widget(Paragraph::new(Line::from(left)), person);
    frame.render_widget(Paragraph::new(connection), link);
    frame.render_widget(Paragraph::new(who_controls(picture, ui, usize::from(second.width), now)), second);
}

fn width_of(line: &Line) -> u16 {
    u16::try_from(line.width()).unwrap_or(u16::MAX)
}

/// Who controls, in words, at the same place on every screen; inverted while this person drives.
pub(super) fn who_controls(picture: &Picture, ui: &UiState, width: usize, now: MonoTime) -> Line<'static> {
    let summary = view::fleet::summary(picture, now);
    let mut spans = vec![];
    if let Some(words) = own(picture, ui, now) {
        spans.push(Span::styled(words, style(Tone::Own).add_modifier(Modifier::REVERSED)));
        spans.push(Span::raw(" "));
    }
    if let Some(words) = deadline(picture, ui, &summary, now) {
        spans.push(styled(Tone::Danger, words));
    }
    let last = summary.parts.len().saturating_sub(1);
    for (index, part) in summary.parts.into_iter().enumerate() {
        spans.push(styled(summary.tone, if index == last { part } else { format!("{part}, ") }));
    }
    fit(spans, width)
}

/// Returns the agent whose lease this person has, and that the line names. Who only comes next holds nothing yet.
pub(super) fn held(picture: &Picture) -> Option<(&AgentId, &AgentPicture)> {
    picture.agents().find(|(_, entry)| entry.status().lease.is_some() && view::is_mine(picture, entry))
}

/// What this person holds, and what he must press to have it.
fn own(picture: &Picture, ui: &UiState, now: MonoTime) -> Option<String> {
    let (agent, _) = held(picture)?;
    let row = view::fleet::row(picture, agent, now)?;
    if !picture.link().is_connected() {
        return Some(format!(" YOU HELD {agent}: not connected "));
    }
    if row.offline {
        return Some(format!(" YOU HOLD {agent}: offline, nobody knows who controls it "));
    }
    if let Some(left) = row.engage_left {
        let claimed = view::state_word(watchkeeper_model::ControlState::Claimed);
        let state = if row.state == claimed { String::new() } else { format!(" ({})", row.state) };
        let armed = ui.hands.armed() == Some(agent);
        let keys = if armed { "Enter" } else { "t, then Enter" };
        return Some(format!(" {agent} CLAIMED{state}: {keys} within {} ", view::countdown(left)));
    }
    let words = format!(" YOU HOLD {agent} ({}): {} controls ", row.state, row.controller);
    Some(words.replace("you controls", "YOU CONTROL"))
}

/// What runs out first, and the keys that answer it while nobody does.
fn deadline(
    picture: &Picture,
    ui: &UiState,
    summary: &view::fleet::FleetSummary,
    now: MonoTime,
) -> Option<String> {
    let unheld = summary.next_agent.as_ref();
    let left = unheld.and_then(|agent| picture.agent(agent)?.demand_left(now)).or(summary.next_deadline)?;
    let left = view::countdown(left);
    let may_act = Unavailable::of_session(picture).is_ok();
    Some(match unheld {
        Some(_) if !may_act => format!("{left} left  "),
        Some(agent) if ui.agent.as_ref() == Some(agent) => format!("{left} left: t, then Enter  "),
        Some(_) => format!("{left} left: n, then t and Enter  "),
        None => format!("{left} left  "),
    })
}

/// Returns what is wrong with the connection, with the monitor or with what reached this console.
pub(super) fn trouble(picture: &Picture, ui: &UiState, now: MonoTime) -> Option<String> {
    let status = view::status_line::status_line(picture, now);
    let link = match &ui.link_reason {
        Some(reason) if !picture.link().is_connected() => format!("{reason}; trying again"),
        Some(_) | None => String::new(),
    };
    let parts: Vec<_> = [link, status.uplink, status.degraded, status.limited, status.missing, status.error]
        .into_iter()
        .filter(|part| !part.is_empty())
        .collect();
    (!parts.is_empty()).then(|| parts.join("; "))
}

pub(super) fn draw_trouble(frame: &mut Frame, area: Rect, trouble: &str) {
    frame.render_widget(
        Paragraph::new(cut(trouble, usize::from(area.width))).style(style(Tone::Warning)),
        area,
    );
}

/// Lines that one piece of news may take.
const MOST_LINES: usize = 3;

fn height_of(line: &MessageLine, width: u16) -> u16 {
    let lines = line.text.chars().count().div_ceil(usize::from(width.max(1))).clamp(1, MOST_LINES);
    u16::try_from(lines).unwrap_or(1)
}

/// Returns the lines at the bottom: news, the answer to the last key, and the keys.
pub(super) fn bottom_height(ui: &UiState, size: Rect, now: MonoTime) -> u16 {
    let news: u16 = ui.news.lines(now).map(|line| height_of(line, size.width)).sum();
    news.min(size.height / 4) + 2
}

/// What was said and what is new, newest first, without the keys.
pub(super) fn bottom_lines(picture: &Picture, ui: &UiState, now: MonoTime) -> Vec<Line<'static>> {
    let mut news: Vec<_> =
        ui.news.lines(now).map(|line| Line::styled(line.text.clone(), style(line.tone))).collect();
    news.push(message_line(picture, ui, now));
    news.reverse();
    news
}

pub(super) fn draw_bottom(frame: &mut Frame, area: Rect, picture: &Picture, ui: &UiState, now: MonoTime) {
    let rows = [Constraint::Min(0), Constraint::Length(1), Constraint::Length(1)];
    let [news, message, keys] = Layout::vertical(rows).areas(area);
    // The newest stands on top, so that none of it is cut where there is little room.
    let mut room = news;
    let lines: Vec<_> = ui.news.lines(now).collect();
    for line in lines.into_iter().rev() {
        let height = height_of(line, area.width).min(room.height);
        let text = Paragraph::new(line.text.clone()).style(style(line.tone)).wrap(Wrap { trim: true });
        frame.render_widget(text, Rect { height, ..room });
        room = Rect { y: room.y + height, height: room.height - height, ..room };
    }
    frame.render_widget(Paragraph::new(message_line(picture, ui, now)), message);
    let hints = if area.width >= WIDE {
        "? help   1 overview  2 agent  3 commands  4 latency   Tab alerts/fleet  j k move  n most urgent  a acknowledge   q quit"
    } else {
        "? help  1-4 views  Tab alerts/fleet  j k move  n urgent  a acknowledge  q quit"
    };
    let present = presence(picture, ui, now);
    let columns = [Constraint::Fill(1), Constraint::Length(present.as_ref().map_or(0, width_of))];
    let [hint_room, presence_room] = Layout::horizontal(columns).areas(keys);
    frame.render_widget(Paragraph::new(hints).style(Style::new().add_modifier(Modifier::DIM)), hint_room);
    if let Some(present) = present {
        frame.render_widget(Paragraph::new(present), presence_room);
    }
}

/// Who holds a vehicle must show that he is there; says how, and how long is left.
fn presence(picture: &Picture, ui: &UiState, now: MonoTime) -> Option<Line<'static>> {
    let holds_vehicle = picture
        .agents()
        .any(|(agent, entry)| entry.status().kind == AgentKind::Vehicle && picture.my_epoch(agent).is_some());
    let left = ui.ready_for(now);
    holds_vehicle.then(|| {
        if left.is_zero() {
            Line::styled(" PRESS SPACE: you count as away", style(Tone::Danger))
        } else {
            let tone = if left < NEARLY_AWAY { Tone::Warning } else { Tone::Normal };
            Line::styled(format!(" space: I am here, {} left", view::countdown(left)), style(tone))
        }
    })
}

fn message_line(picture: &Picture, ui: &UiState, now: MonoTime) -> Line<'static> {
    if let Some(question) = ui.hands.question() {
        let prompt = Span::raw(format!("{} ", question.prompt));
        let typed = Span::styled(format!("{}_", ui.typed), style(Tone::Own));
        // What was said while the question is open is why the answer did not go through.
        let beside = match ui.message(now) {
            Some(message) => Some(styled(message.tone, format!("   {}", message.text))),
            None if ui.typed.is_empty() => Some(styled(Tone::Quiet, format!("  {}", question.hint))),
            None => None,
        };
        return [prompt, typed].into_iter().chain(beside).collect();
    }
    let waits = || second_input(picture, ui, now).map(|text| (Tone::Own, text));
    let asked = || handover(picture, ui, now).map(|text| (Tone::Warning, text));
    match (ui.message(now), waits().or_else(asked)) {
        (Some(message), _) => Line::styled(message.text.clone(), style(message.tone)),
        (None, Some((tone, text))) => Line::styled(text, style(tone)),
        (None, None) => Line::default(),
    }
}

/// Who asks for control of what this person holds, how long he waits, and the keys that answer.
fn handover(picture: &Picture, ui: &UiState, now: MonoTime) -> Option<String> {
    let agent = &ui.asked.as_ref()?.agent;
    let row = view::takeover::panel(picture, agent, now)?.handover?;
    Some(format!("y hands {agent} over, u keeps it: {}", row.text))
}

/// What the second input of a takeover waits for; `None` when no first one was given.
pub(super) fn second_input(picture: &Picture, ui: &UiState, now: MonoTime) -> Option<String> {
    let agent = ui.hands.armed()?;
    if picture.my_epoch(agent).is_none() {
        let asks = view::takeover::panel(picture, agent, now).and_then(|panel| panel.handover);
        return Some(match asks {
            Some(row) => format!("{agent}: {}", row.text),
            None => format!("claim of {agent} sent, not granted yet"),
        });
    }
    Some(match ui.hands.engage_left(picture, now) {
        Some(left) => format!("{} left: Enter or e takes control of {agent}", view::countdown(left)),
        None => format!("Enter or e takes control of {agent}"),
    })
}
