//! Keys into intents. Every key acts on the selected id, never on a row.

use super::ui::{CONFIRM_WITHIN, Engage, Pane, Pending, Prompt, Purpose, UiState, View};
use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use std::time::Duration;
use watchkeeper_model::{
    AgentId, AlarmState, CommandArgs, CommandKind, FallbackLevel, MonoTime, Note, OperatorRole,
};
use watchkeeper_picture::{
    Action, Intent, Picture, Unavailable,
    view::{self, Tone},
};

/// More agents than this within [`MANY_WITHIN`] must be confirmed (`takeover.md` 2.8).
const MANY: usize = 5;
const MANY_WITHIN: Duration = Duration::from_secs(10);
/// Longest line that a person types: it fits a note, whatever the characters.
const MAX_TYPED: usize = 120;

/// Takes one key; returns what the person wants.
pub(crate) fn handle(key: KeyEvent, picture: &Picture, ui: &mut UiState, now: MonoTime) -> Vec<Intent> {
    if key.kind == KeyEventKind::Release {
        return vec![];
    }
    ui.touch(now);
    ui.refresh(picture, now);
    let control = key.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT);
    if control {
        if key.code == KeyCode::Char('c') {
            ui.quit = true;
        }
        return vec![];
    }
    if ui.prompt.is_some() {
        return typed(key.code, picture, ui, now);
    }
    let help_was_open = std::mem::take(&mut ui.help);
    // A held key may move the selection, but must not do the same thing to an agent twice.
    if key.kind == KeyEventKind::Repeat && !is_navigation(key.code) {
        return vec![];
    }
    // Above the help only the stop works; any other key closes it.
    if help_was_open && key.code != KeyCode::Char(Action::Stop.key()) {
        return vec![];
    }
    pressed(key.code, picture, ui, now)
}

const fn is_navigation(code: KeyCode) -> bool {
    matches!(
        code,
        KeyCode::Up | KeyCode::Down | KeyCode::PageUp | KeyCode::PageDown | KeyCode::Char('j' | 'k')
    )
}

fn pressed(code: KeyCode, picture: &Picture, ui: &mut UiState, now: MonoTime) -> Vec<Intent> {
    if let KeyCode::Char(c) = code
        && let Some(action) = Action::ALL.into_iter().find(|action| action.key() == c)
    {
        return act(action, picture, ui, now);
    }
    if let Some(view) = view_of(code) {
        ui.view = view;
    } else if let Some(step) = step_of(code) {
        step_by(step, picture, ui, now);
    } else if code == KeyCode::Enter {
        return act(Action::Engage, picture, ui, now);
    } else if matches!(code, KeyCode::Tab | KeyCode::BackTab | KeyCode::Left | KeyCode::Right) {
        switch_pane(picture, ui, now);
    } else if code == KeyCode::Esc {
        ui.engage = None;
        ui.news.dismiss();
    } else if code == KeyCode::Char('a') {
        return acknowledge(picture, ui, now);
    } else if code == KeyCode::Char('n') {
        jump_to_most_urgent(picture, ui, now);
    } else if code == KeyCode::Char('?') {
        ui.help = true;
    } else if code == KeyCode::Char('q') {
        quit(picture, ui, now);
    }
    vec![]
}

const fn view_of(code: KeyCode) -> Option<View> {
    if let KeyCode::Char(c) = code {
        match c {
            '1' => Some(View::Overview),
            '2' => Some(View::Agent),
            '3' => Some(View::Commands),
            '4' => Some(View::Latency),
            _ => None,
        }
    } else {
        None
    }
}

fn step_of(code: KeyCode) -> Option<isize> {
    let steps = [
        (KeyCode::Char('j'), 1),
        (KeyCode::Down, 1),
        (KeyCode::PageDown, 10),
        (KeyCode::Char('k'), -1),
        (KeyCode::Up, -1),
        (KeyCode::PageUp, -10),
    ];
    steps.into_iter().find(|(key, _)| *key == code).map(|(_, step)| step)
}

fn act(action: Action, picture: &Picture, ui: &mut UiState, now: MonoTime) -> Vec<Intent> {
    let Some(agent) = ui.agent.clone() else {
        ui.say(Tone::Warning, "select an agent first: j and k move, n goes to the most urgent alert", now);
        return vec![];
    };
    let allowed = action.check(picture, &agent, now);
    match action {
        Action::Claim => return claim(agent, allowed, ui, now),
        Action::Engage => return engage(agent, allowed, picture, ui, now),
        Action::Hold
        | Action::SpeedCap
        | Action::Resume
        | Action::MinimalRisk
        | Action::HandBack
        | Action::Release
        | Action::Dismiss
        | Action::ClearLatch
        | Action::Stop => {}
    }
    if let Err(why) = allowed {
        ui.say(Tone::Warning, format!("NOT SENT: {} {agent}: {why}", action.verb()), now);
        return vec![];
    }
    let command = |kind, args| Intent::Command { agent: agent.clone(), kind, args };
    let intent = match action {
        Action::Stop => return stop(agent, ui, now),
        Action::SpeedCap => return ask(Purpose::SpeedCap, agent, ui),
        Action::Dismiss => return ask(Purpose::Dismiss, agent, ui),
        Action::ClearLatch => return ask_latch(agent, picture, ui),
        Action::Hold => command(CommandKind::Hold, CommandArgs::default()),
        Action::Resume => command(CommandKind::Resume, CommandArgs::default()),
        // Level 1 is what HOLD means without a lease, level 3 is nearly a stop: this key is the level between.
        Action::MinimalRisk => {
            let args = CommandArgs { level: Some(FallbackLevel::CONTAIN), ..CommandArgs::default() };
            command(CommandKind::MinimalRisk, args)
        }
        Action::HandBack => Intent::HandBack { agent: agent.clone() },
        Action::Release => Intent::Release { agent: agent.clone() },
        Action::Claim | Action::Engage => return vec![],
    };
    ui.say(Tone::Own, format!("sent: {} {agent}", action.verb()), now);
    vec![intent]
}

/// The first deliberate input. On an agent that is already this person's it arms the second again.
fn claim(agent: AgentId, allowed: Result<(), Unavailable>, ui: &mut UiState, now: MonoTime) -> Vec<Intent> {
    let claimed_before = match allowed {
        Ok(()) => false,
        Err(Unavailable::AlreadyYours) => true,
        Err(why) => {
            ui.say(Tone::Warning, format!("NOT SENT: take over {agent}: {why}"), now);
            return vec![];
        }
    };
    ui.engage = Some(Engage { agent: agent.clone(), armed_at: now });
    // The line below the lists counts down from what the monitor says.
    ui.hush();
    if claimed_before { vec![] } else { vec![Intent::Claim { agent }] }
}

/// The second deliberate input: for the same agent, and before its claim lapses.
fn engage(
    agent: AgentId,
    allowed: Result<(), Unavailable>,
    picture: &Picture,
    ui: &mut UiState,
    now: MonoTime,
) -> Vec<Intent> {
    let Some(pending) = &ui.engage else {
        ui.say(Tone::Warning, format!("press t first: taking control of {agent} needs two inputs"), now);
        return vec![];
    };
    if pending.agent != agent {
        let text = format!("you began to take over {}; press t for {agent}", pending.agent);
        ui.say(Tone::Warning, text, now);
        return vec![];
    }
    if let Err(why) = allowed {
        let why = if why == Unavailable::ClaimFirst { "not granted yet".to_owned() } else { why.to_string() };
        ui.say(Tone::Warning, format!("NOT SENT: engage {agent}: {why}"), now);
        return vec![];
    }
    ui.engage = None;
    let latches = picture.agent(&agent).map(view::takeover::releases).unwrap_or_default();
    ui.say(Tone::Own, format!("sent: engage {agent}"), now);
    vec![Intent::Engage { agent, latches }]
}

/// One key stops. Only beyond five agents within ten seconds the same key must be pressed again.
fn stop(agent: AgentId, ui: &mut UiState, now: MonoTime) -> Vec<Intent> {
    ui.stops.retain(|(_, at)| now.since(*at) < MANY_WITHIN);
    let others = ui.stops.iter().filter(|(stopped, _)| *stopped != agent).count();
    let armed = ui.stop_armed.take().is_some_and(|armed| armed.agent == agent && now < armed.until);
    let confirm_many = others >= MANY;
    if confirm_many && !armed {
        ui.say(Tone::Danger, format!("more than {MANY} stops within 10 s: S again stops {agent} too"), now);
        ui.stop_armed = Some(Pending { agent, until: now.after(CONFIRM_WITHIN) });
        return vec![];
    }
    ui.stops.retain(|(stopped, _)| *stopped != agent);
    ui.stops.push((agent.clone(), now));
    ui.say(Tone::Danger, format!("sent: STOP {agent}"), now);
    vec![Intent::Stop { agent, reason: None, confirm_many }]
}

fn ask(purpose: Purpose, agent: AgentId, ui: &mut UiState) -> Vec<Intent> {
    ui.prompt = Some(Prompt { purpose, agent, text: String::new() });
    vec![]
}

fn ask_latch(agent: AgentId, picture: &Picture, ui: &mut UiState) -> Vec<Intent> {
    let role = picture.me().map_or(OperatorRole::Observer, |me| me.role);
    let latch = picture.agent(&agent).and_then(|entry| Action::clearable_latch(entry.status(), role));
    latch.map_or_else(Vec::new, |latch| ask(Purpose::ClearLatch(latch.latch_id), agent, ui))
}

fn typed(code: KeyCode, picture: &Picture, ui: &mut UiState, now: MonoTime) -> Vec<Intent> {
    let Some(prompt) = &mut ui.prompt else { return vec![] };
    if code == KeyCode::Esc {
        ui.prompt = None;
        ui.say(Tone::Quiet, "nothing sent", now);
    } else if code == KeyCode::Backspace {
        prompt.text.pop();
    } else if code == KeyCode::Enter {
        return submit(picture, ui, now);
    } else if let KeyCode::Char(c) = code
        && prompt.text.chars().count() < MAX_TYPED
    {
        prompt.text.push(c);
    }
    vec![]
}

fn submit(picture: &Picture, ui: &mut UiState, now: MonoTime) -> Vec<Intent> {
    let Some(prompt) = ui.prompt.take() else { return vec![] };
    let (action, made) = match prompt.purpose {
        Purpose::SpeedCap => (Action::SpeedCap, speed_cap(&prompt.text)),
        Purpose::Dismiss => (
            Action::Dismiss,
            reason(&prompt.text).map(|reason| {
                (CommandKind::Dismiss, CommandArgs { reason: Some(reason), ..CommandArgs::default() })
            }),
        ),
        Purpose::ClearLatch(latch_id) => (
            Action::ClearLatch,
            reason(&prompt.text).map(|reason| {
                let args =
                    CommandArgs { latch_id: Some(latch_id), reason: Some(reason), ..CommandArgs::default() };
                (CommandKind::ClearLatch, args)
            }),
        ),
    };
    let Ok((kind, args)) = made else {
        let needs = if action == Action::SpeedCap { "a speed in m/s, 0 or more" } else { "a reason" };
        ui.say(Tone::Warning, format!("NOT SENT: {} needs {needs}", action.verb()), now);
        ui.prompt = Some(prompt);
        return vec![];
    };
    // Much may have changed while the person was typing.
    if let Err(why) = action.check(picture, &prompt.agent, now) {
        ui.say(Tone::Warning, format!("NOT SENT: {} {}: {why}", action.verb(), prompt.agent), now);
        return vec![];
    }
    ui.say(Tone::Own, format!("sent: {} {}", action.verb(), prompt.agent), now);
    vec![Intent::Command { agent: prompt.agent, kind, args }]
}

/// What was typed cannot be sent.
struct NotUsable;

fn speed_cap(text: &str) -> Result<(CommandKind, CommandArgs), NotUsable> {
    let speed: f64 = text.trim().replace(',', ".").parse().map_err(|_not_a_number| NotUsable)?;
    if !speed.is_finite() || speed < 0.0 {
        return Err(NotUsable);
    }
    Ok((CommandKind::SpeedCap, CommandArgs { speed_mps: Some(speed), ..CommandArgs::default() }))
}

fn reason(text: &str) -> Result<Note, NotUsable> {
    let text = text.trim();
    if text.is_empty() { Err(NotUsable) } else { Ok(Note::cut(text)) }
}

fn acknowledge(picture: &Picture, ui: &mut UiState, now: MonoTime) -> Vec<Intent> {
    let Some(entry) = ui.alert.and_then(|alert| picture.alert(alert)) else {
        ui.say(Tone::Warning, "select an alert first: Tab, or n for the most urgent", now);
        return vec![];
    };
    let alarm = entry.alarm();
    let refused = if !picture.link().is_connected() {
        Some(Unavailable::Disconnected.to_string())
    } else if picture.me().is_none_or(|me| me.role < OperatorRole::Operator) {
        Some(Unavailable::Observer.to_string())
    } else if matches!(alarm.state, AlarmState::AckedActive | AlarmState::Normal) {
        Some("it is acknowledged already".to_owned())
    } else {
        None
    };
    if let Some(why) = refused {
        ui.say(Tone::Warning, format!("NOT SENT: acknowledge {}: {why}", alarm.alert_id), now);
        return vec![];
    }
    ui.say(Tone::Own, format!("sent: acknowledge {} of {}", alarm.alert_id, alarm.agent), now);
    vec![Intent::Acknowledge { alert: alarm.alert_id }]
}

fn step_by(step: isize, picture: &Picture, ui: &mut UiState, now: MonoTime) {
    if ui.view == View::Overview && ui.pane == Pane::Alerts {
        let rows = view::alerts::rows(picture, ui.frozen(now), now);
        let held = rows.iter().position(|row| Some(row.alert) == ui.alert);
        if let Some(row) = moved(held, step, rows.len()).and_then(|index| rows.get(index)) {
            let order = rows.iter().map(|row| row.alert).collect();
            ui.select_alert(row.alert, row.agent.clone(), order, now);
        }
        return;
    }
    let agents: Vec<&AgentId> = picture.agents().map(|(agent, _)| agent).collect();
    let held = agents.iter().position(|agent| Some(*agent) == ui.agent.as_ref());
    if let Some(agent) = moved(held, step, agents.len()).and_then(|index| agents.get(index)) {
        ui.select_agent((*agent).clone());
    }
}

/// Returns the index `step` from `held`, within the list; the first one when nothing is held.
fn moved(held: Option<usize>, step: isize, len: usize) -> Option<usize> {
    let last = len.checked_sub(1)?;
    Some(held.map_or(0, |held| held.saturating_add_signed(step).min(last)))
}

fn switch_pane(picture: &Picture, ui: &mut UiState, now: MonoTime) {
    ui.view = View::Overview;
    ui.pane = match ui.pane {
        Pane::Fleet => Pane::Alerts,
        Pane::Alerts => Pane::Fleet,
    };
    if ui.pane == Pane::Alerts && ui.alert.is_none() {
        step_by(0, picture, ui, now);
    }
}

fn jump_to_most_urgent(picture: &Picture, ui: &mut UiState, now: MonoTime) {
    let rows = view::alerts::rows(picture, None, now);
    let Some(first) = rows.first() else {
        ui.say(Tone::Quiet, "no alerts", now);
        return;
    };
    ui.view = View::Overview;
    ui.pane = Pane::Alerts;
    ui.select_alert(first.alert, first.agent.clone(), rows.iter().map(|row| row.alert).collect(), now);
}

/// Who holds a lease is asked twice: quitting gives it up, and a driven vehicle falls back.
fn quit(picture: &Picture, ui: &mut UiState, now: MonoTime) {
    let armed = ui.quit_armed_until.take().is_some_and(|until| now < until);
    let held = picture.agents().map(|(agent, _)| agent).find(|agent| picture.my_epoch(agent).is_some());
    match held {
        Some(agent) if !armed => {
            ui.say(
                Tone::Danger,
                format!("you hold {agent}: hand back (b) or release (r); q again leaves it"),
                now,
            );
            ui.quit_armed_until = Some(now.after(CONFIRM_WITHIN));
        }
        Some(_) | None => ui.quit = true,
    }
}

#[cfg(test)]
mod tests;
