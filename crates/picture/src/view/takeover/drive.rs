//! How a vehicle is driven by a person: by hand or by commands, how fast, and whether a hand is on it.

use crate::{AgentPicture, view::map::speed_mps};
use watchkeeper_model::{AgentKind, CommandKind, CommandState, ControlState, MonoTime};

/// How a vehicle is driven by a person.
#[derive(Clone, Debug, PartialEq)]
pub struct DriveRow {
    /// By hand.
    pub manual: bool,
    /// Nobody's hand is on it: it follows its lane and slows down.
    pub neutral: bool,
    /// How fast it is, metres per second; `None` when that is not known.
    pub speed_mps: Option<f64>,
    /// All of it in words.
    pub text: String,
}

pub(super) fn row(picture: &crate::Picture, entry: &AgentPicture, now: MonoTime) -> Option<DriveRow> {
    let status = entry.status();
    match (status.kind, status.control_state) {
        (AgentKind::Vehicle, ControlState::InTransition | ControlState::Human | ControlState::Returning) => {}
        (
            AgentKind::Vehicle,
            ControlState::Autonomous
            | ControlState::AssistPending
            | ControlState::Requested
            | ControlState::Claimed
            | ControlState::Fallback
            | ControlState::FallbackFailed
            | ControlState::SafeHeld
            | ControlState::Estopped
            | ControlState::Local
            | ControlState::OutOfService,
        )
        | (AgentKind::Transaction | AgentKind::SoftwareAgent | AgentKind::Generic, _) => return None,
    }
    let how = match (status.manual, status.neutral) {
        (true, true) => "by hand, NO INPUT: it slows down",
        (true, false) => "by hand",
        (false, true) => "no hand on it: it follows its lane and slows down",
        (false, false) => "by commands",
    };
    let speed_mps = speed_mps(entry);
    let speed = speed_mps.map_or_else(|| "speed not known".to_owned(), |speed| format!("{speed:.1} m/s"));
    // Status updates say that there is a cap, not how high it is.
    let capped = is_capped(picture, entry);
    let cap = if capped { ", speed capped" } else { "" };
    let by_latency = entry.path().newest(now).and_then(|answer| answer.latency_cap_mps);
    let by_latency =
        by_latency.map(|cap| format!(", at most {cap:.1} m/s for the latency")).unwrap_or_default();
    Some(DriveRow {
        manual: status.manual,
        neutral: status.neutral,
        speed_mps,
        text: format!("{speed}, {how}{cap}{by_latency}"),
    })
}

/// Says whether a speed cap is in force: one was done, and no RESUME or HAND_BACK since lifted it.
fn is_capped(picture: &crate::Picture, entry: &AgentPicture) -> bool {
    let done = picture.commands(&entry.status().agent).filter(|command| {
        matches!(
            command.state,
            Some(CommandState::Completed | CommandState::InProgress | CommandState::Accepted)
        )
    });
    let newest = done
        .filter(|command| {
            matches!(command.kind, CommandKind::SpeedCap | CommandKind::Resume | CommandKind::HandBack)
        })
        .last();
    newest.is_some_and(|command| command.kind == CommandKind::SpeedCap)
}
