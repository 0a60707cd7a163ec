//! All keys and marks on one page, over the lists but never over the lines that tell of a demand.

use super::{style, styled};
use ratatui::{
    Frame,
    layout::Rect,
    text::{Line, Span},
    widgets::{Block, Clear, Paragraph},
};
use watchkeeper_picture::view::Tone;

/// Keys and what they do. What makes things safer stands first: a low terminal cuts the end off.
const KEYS: [(&str, &str); 14] = [
    ("S", "STOP the selected agent at once (ESTOP), lease or not"),
    ("space", "I am here: while you hold a vehicle press a key every 3 s,"),
    ("", "or you count as away and it falls back"),
    ("t, e/Enter", "take over: t claims, then e or Enter takes control in time"),
    ("h g", "hold: stop comfortably and stand; g lets it go on"),
    ("c m", "cap the speed (asks for m/s); m: minimal risk, pull over"),
    ("b r", "hand back; r gives the lease up: a driven agent falls back"),
    ("x l", "dismiss a false alarm; l clears a latch; both ask why"),
    ("o w y u", "ask who drives; w: others need not ask; y hands over, u keeps"),
    ("i . v", "answers its question; . gives it a task; v waives a cause"),
    ("n a z Z", "most urgent; a takes note, z aside or back, Z out of service"),
    ("Tab jk 1-4", "alerts or fleet; move; overview, agent, commands, latency"),
    ("Esc f", "drops the second input, and the news; f: a flood in full"),
    ("q", "quit; twice while you hold an agent"),
];

/// What the marks mean.
const MARKS: [(&str, &str); 4] = [
    ("■1 ▲2 ○3", "alerts: 1 critical, 2 warning, 3 advisory"),
    ("○ ▲ ◆ ◇", "drives itself, wants a person, is a person's, changes hands"),
    ("▼ □ ■ ×", "fallback acts, held safe, stopped, offline"),
    ("✓ · ×", "done, not yet, refused or failed"),
];

pub(super) fn draw(frame: &mut Frame, body: Rect) {
    let lines: Vec<Line> = KEYS.iter().chain(&MARKS).map(|(name, meaning)| key(name, meaning)).collect();
    let height = u16::try_from(lines.len() + 2).unwrap_or(u16::MAX).min(body.height);
    let width = 76.min(body.width);
    let area =
        Rect { x: body.x + (body.width - width) / 2, y: body.y + (body.height - height) / 2, width, height };
    frame.render_widget(Clear, area);
    let block = Block::bordered().title(" keys and marks, any key closes ");
    frame.render_widget(Paragraph::new(lines).block(block), area);
}

fn key(name: &str, meaning: &str) -> Line<'static> {
    Line::from(vec![Span::styled(format!(" {name:<11}"), style(Tone::Own)), styled(Tone::Normal, meaning)])
}

#[cfg(test)]
mod tests {
    use super::KEYS;
    use watchkeeper_picture::Action;

    /// Needs a window: a terminal does not know when a key is let go.
    const ELSEWHERE: Action = Action::Manual;

    #[test]
    fn every_action_has_its_key_in_the_help() {
        for action in Action::ALL.into_iter().filter(|action| *action != ELSEWHERE) {
            let listed = KEYS
                .iter()
                .flat_map(|(names, _)| names.split([' ', ',', '/']))
                .any(|name| name == action.key().to_string());
            assert!(listed, "{action:?}");
        }
    }
}
