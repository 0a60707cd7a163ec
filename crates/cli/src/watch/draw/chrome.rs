//! The lines around every screen: connection, who controls, messages, keys.

use super::{WIDE, style, styled};
use crate::watch::ui::{Purpose, UiState};
use ratatui::{
    Frame,
    layout::{Constraint, Layout, Rect},
    style::{Modifier, Style},
    text::{Line, Span},
    widgets::Paragraph,
};
use std::time::Duration;
use watchkeeper_model::{AgentKind, MonoTime};
use watchkeeper_picture::{
    Picture,
    view::{self, Tone},
};

/// From here on the console asks for a key in the colour of a warning.
const NEARLY_AWAY: Duration = Duration::from_millis(1_500);

pub(super) fn draw_top(frame: &mut Frame, area: Rect, picture: &Picture, now: MonoTime) {
    let status = view::status_line::status_line(picture, now);
    let [first, second] = Layout::vertical([Constraint::Length(1), Constraint::Length(1)]).areas(area);
    let mut left = vec![
        Span::raw("watchkeeper  "),
        Span::styled(status.banner, style(Tone::Warning)),
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
    frame.render_widget(Paragraph::new(who_controls(picture, now)), second);
}

fn width_of(line: &Line) -> u16 {
    u16::try_from(line.width()).unwrap_or(u16::MAX)
}

/// Who controls, in words, at the same place on every screen; inverted while this person drives.
fn who_controls(picture: &Picture, now: MonoTime) -> Line<'static> {
    let summary = view::fleet::summary(picture, now);
    let mut driven = view::fleet::rows(picture, now)
        .into_iter()
        .filter(|row| row.holder.as_deref() == Some("you"))
        .map(|row| format!(" YOU HOLD {} ({}): {} controls ", row.agent, row.state, row.controller));
    let inverted = style(Tone::Own).add_modifier(Modifier::REVERSED);
    let mut spans = vec![];
    if let Some(words) = driven.next() {
        spans.push(Span::styled(words.replace("you controls", "YOU CONTROL"), inverted));
        spans.push(Span::raw(" "));
    }
    if let Some(left) = summary.next_deadline {
        spans.push(styled(Tone::Danger, format!("{} left ", view::countdown(left))));
    }
    spans.push(styled(summary.tone, summary.text));
    Line::from(spans)
}

/// Returns what is wrong with the monitor or with what reached this console.
pub(super) fn trouble(picture: &Picture, now: MonoTime) -> Option<String> {
    let status = view::status_line::status_line(picture, now);
    let parts: Vec<_> =
        [status.degraded, status.missing, status.error].into_iter().filter(|part| !part.is_empty()).collect();
    (!parts.is_empty()).then(|| parts.join("; "))
}

pub(super) fn draw_trouble(frame: &mut Frame, area: Rect, trouble: &str) {
    frame.render_widget(Paragraph::new(trouble.to_owned()).style(style(Tone::Warning)), area);
}

pub(super) fn draw_bottom(frame: &mut Frame, area: Rect, picture: &Picture, ui: &UiState, now: MonoTime) {
    let [message, keys] = Layout::vertical([Constraint::Length(1), Constraint::Length(1)]).areas(area);
    frame.render_widget(Paragraph::new(message_line(ui, now)), message);
    let hints = if area.width >= WIDE {
        "1 overview  2 agent  3 commands  4 latency   Tab alerts/fleet  j k move  n most urgent  a acknowledge   ? help  q quit"
    } else {
        "1-4 views  Tab alerts/fleet  j k move  n urgent  a acknowledge  ? help  q quit"
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

fn message_line(ui: &UiState, now: MonoTime) -> Line<'static> {
    if let Some(prompt) = &ui.prompt {
        let question = match prompt.purpose {
            Purpose::SpeedCap => format!("speed cap for {} in m/s: ", prompt.agent),
            Purpose::Dismiss => format!("why is the demand of {} a false alarm? ", prompt.agent),
            Purpose::ClearLatch(latch) => format!("why may latch {latch} of {} go? ", prompt.agent),
        };
        let typed = Span::styled(format!("{}_", prompt.text), style(Tone::Own));
        // What was said while the prompt is open is why it did not go through.
        let said = ui.message(now).map(|message| styled(message.tone, format!("   {}", message.text)));
        return [Span::raw(question), typed].into_iter().chain(said).collect();
    }
    ui.message(now)
        .map_or_else(Line::default, |message| Line::styled(message.text.clone(), style(message.tone)))
}
