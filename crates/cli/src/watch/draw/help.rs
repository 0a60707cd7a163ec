//! All keys on one page, over the lists but never over the lines that tell of a demand.

use super::{style, styled};
use ratatui::{
    Frame,
    layout::Rect,
    text::{Line, Span},
    widgets::{Block, Clear, Paragraph},
};
use watchkeeper_picture::{Action, view::Tone};

pub(super) fn draw(frame: &mut Frame, body: Rect) {
    let mut lines: Vec<Line> =
        Action::ALL.into_iter().map(|action| key(&action.key().to_string(), meaning(action))).collect();
    lines.push(key("a", "acknowledge the selected alert"));
    lines.push(key("n", "go to the most urgent alert"));
    lines.push(key("Tab j k", "alerts or fleet; move the selection"));
    lines.push(key("1 2 3 4", "overview, agent, commands, latency"));
    lines.push(key("q", "quit; twice while you hold an agent"));
    let height = u16::try_from(lines.len() + 2).unwrap_or(u16::MAX).min(body.height);
    let width = 72.min(body.width);
    let area =
        Rect { x: body.x + (body.width - width) / 2, y: body.y + (body.height - height) / 2, width, height };
    frame.render_widget(Clear, area);
    frame.render_widget(Paragraph::new(lines).block(Block::bordered().title(" keys, any key closes ")), area);
}

fn key(name: &str, meaning: &str) -> Line<'static> {
    Line::from(vec![Span::styled(format!(" {name:<9}"), style(Tone::Own)), styled(Tone::Normal, meaning)])
}

const fn meaning(action: Action) -> &'static str {
    match action {
        Action::Claim => "take over the selected agent: the first of two inputs",
        Action::Engage => "(or Enter) take control: the second, within 10 s",
        Action::Hold => "hold: stop comfortably and stand",
        Action::SpeedCap => "cap the speed; asks for m/s",
        Action::Resume => "let it go on after a hold",
        Action::MinimalRisk => "minimal risk: pull over or contain (level 2)",
        Action::HandBack => "hand back to the agent",
        Action::Release => "give the lease up; a driven agent falls back",
        Action::Dismiss => "dismiss the demand as a false alarm; asks why",
        Action::ClearLatch => "clear a latch; asks why",
        Action::Stop => "STOP the selected agent at once (ESTOP)",
    }
}
