//! The takeover of the selected agent: its name stands on everything that acts on it.

use super::{WIDE, chrome::second_input, cut, fit, style, styled};
use crate::watch::ui::{Shown, UiState};
use ratatui::{
    Frame,
    layout::{Constraint, Layout, Rect},
    text::{Line, Span},
    widgets::{Block, Borders, Paragraph, Wrap},
};
use watchkeeper_model::MonoTime;
use watchkeeper_picture::{
    Action, Picture,
    view::{
        self, Mark, Tone,
        takeover::{Phase, TakeoverPanel},
    },
};

/// Columns of the labels.
const LABEL: usize = 15;

pub(super) fn draw(
    frame: &mut Frame,
    area: Rect,
    picture: &Picture,
    ui: &UiState,
    shown: &mut Shown,
    now: MonoTime,
) {
    let panel = ui.agent.as_ref().and_then(|agent| view::takeover::panel(picture, agent, now));
    let block = Block::new().borders(Borders::TOP).border_style(style(Tone::Quiet));
    let Some(panel) = panel else {
        let text = match &ui.agent {
            Some(agent) => format!("{agent} is not known to the monitor"),
            None => "no agent selected: j and k move, n goes to the most urgent alert".to_owned(),
        };
        frame.render_widget(Paragraph::new(text).block(block), area);
        return;
    };
    if let Some(entry) = picture.agent(&panel.agent) {
        shown.agents.push((panel.agent.clone(), entry.status().state_version));
    }
    let tone = if picture.is_current() { panel.tone } else { Tone::Stale };
    let title = Line::from(vec![
        Span::raw(" "),
        styled(Tone::Own, panel.agent.to_string()),
        Span::raw(" "),
        styled(tone, format!("{} {}", panel.mark.glyph(), panel.state)),
        styled(Tone::Quiet, format!(" - {} ", panel.phase.word())),
    ]);
    let next = if panel.left.is_some() { tone } else { Tone::Normal };
    let lines = vec![
        labelled("controls", &panel.controller, Tone::Normal, area.width),
        labelled("if nobody acts", &panel.if_nobody_acts, next, area.width),
        why(picture, &panel, area.width, now),
        lease(picture, &panel, ui, area.width, now),
        checks(&panel, area.width),
    ];
    let block = block.title(title);
    let inner = block.inner(area);
    frame.render_widget(block, area);
    let [facts, pressed] = Layout::vertical([Constraint::Length(5), Constraint::Min(0)]).areas(inner);
    frame.render_widget(Paragraph::new(lines), facts);
    frame.render_widget(Paragraph::new(keys(&panel)).wrap(Wrap { trim: true }), pressed);
}

fn labelled(label: &str, text: &str, tone: Tone, width: u16) -> Line<'static> {
    let room = usize::from(width).saturating_sub(LABEL);
    Line::from(vec![name(label), styled(tone, cut(text, room))])
}

fn name(label: &str) -> Span<'static> {
    styled(Tone::Quiet, format!("{label:<LABEL$}"))
}

/// The lease, or what the second input of a takeover will do while it is awaited.
fn lease(picture: &Picture, panel: &TakeoverPanel, ui: &UiState, width: u16, now: MonoTime) -> Line<'static> {
    let pending = ui.hands.armed() == Some(&panel.agent);
    if let Some(text) = pending.then(|| second_input(picture, ui, now)).flatten() {
        let ids: Vec<_> = panel.releases.iter().map(ToString::to_string).collect();
        let releases =
            if ids.is_empty() { String::new() } else { format!(", releasing latch {}", ids.join(", ")) };
        return labelled("second input", &format!("{text}{releases}"), Tone::Own, width);
    }
    if let Some(handover) = &panel.handover {
        return labelled("handover", &handover.text, Tone::Warning, width);
    }
    match &panel.lease {
        Some(lease) => {
            labelled("lease", &lease.text, if lease.mine { Tone::Own } else { Tone::Normal }, width)
        }
        None => labelled("lease", "nobody holds it", Tone::Quiet, width),
    }
}

/// Why a person is wanted; once he drives, what became of what he last sent.
fn why(picture: &Picture, panel: &TakeoverPanel, width: u16, now: MonoTime) -> Line<'static> {
    let driving = matches!(panel.phase, Phase::InControl | Phase::HandingBack);
    let sent = view::commands::rows(picture, Some(&panel.agent), now);
    if !driving || sent.is_empty() {
        return labelled("why", &panel.reason, Tone::Normal, width);
    }
    let wide = width >= WIDE;
    let mut parts = vec![name("sent")];
    for row in sent.into_iter().take(if wide { 4 } else { 2 }) {
        let age = if wide { row.state_age } else { String::new() };
        let text = format!("{} {}: {} {age}  ", row.mark.glyph(), row.verb, row.state);
        parts.push(styled(row.tone, text));
    }
    fit(parts, usize::from(width))
}

/// What the next step needs; in a narrow terminal only what is missing.
fn checks(panel: &TakeoverPanel, width: u16) -> Line<'static> {
    let wide = width >= WIDE;
    let mut parts = vec![name("needs")];
    for check in panel.checks.iter().filter(|check| wide || !check.done) {
        let (mark, tone) = if check.done { (Mark::Check, Tone::Normal) } else { (Mark::Dash, Tone::Warning) };
        parts.push(styled(tone, format!("{} {}  ", mark.glyph(), check.text)));
    }
    if panel.checks.iter().all(|check| check.done) && !wide {
        parts.push(styled(Tone::Normal, format!("{} everything is there", Mark::Check.glyph())));
    }
    fit(parts, usize::from(width))
}

fn keys(panel: &TakeoverPanel) -> Line<'static> {
    let mut spans = vec![];
    // The stop comes first, so that no width of the terminal cuts it off.
    let (stop, others): (Vec<_>, Vec<_>) = panel
        .actions
        .iter()
        // A terminal does not know when a key is let go: nobody drives by hand from here.
        .filter(|row| row.unavailable.is_none() && row.action != Action::Manual)
        .partition(|row| row.action == Action::Stop);
    for row in stop.into_iter().chain(others) {
        let verb = row.action.verb();
        let stops = row.action == Action::Stop;
        // The agent's name stands on what stops it and, in the title, above all others.
        let label = if stops {
            row.label.clone()
        } else {
            verb.trim_end_matches(" of").trim_end_matches(" for").to_owned()
        };
        spans.push(Span::styled(
            format!("[{}]", row.key),
            style(if stops { Tone::Danger } else { Tone::Own }),
        ));
        spans.push(Span::raw(format!(" {label}  ")));
    }
    if spans.is_empty()
        && let Some(why) = panel.actions.first().and_then(|row| row.unavailable.as_ref())
    {
        spans.push(styled(Tone::Warning, format!("no key works: {why}")));
    }
    Line::from(spans)
}
