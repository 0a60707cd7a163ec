//! The loop around the text console: messages and keys in, frames and intents out.

use super::{
    draw, keys,
    ui::{Shown, UiState},
};
use anyhow::Context;
use crossterm::event::{Event, EventStream};
use futures_util::StreamExt;
use ratatui::DefaultTerminal;
use std::time::Duration;
use tokio::time::MissedTickBehavior;
use watchkeeper_client::{Operator, OperatorEvent};
use watchkeeper_model::{AgentId, MonoTime};
use watchkeeper_picture::{AgentPicture, Picture, view::Tone};
use watchkeeper_protocol::ToOperator;

/// A console draws and beats at 20 Hz while its person holds an agent (`takeover.md` 5).
const HOLDING_PERIOD: Duration = Duration::from_millis(50);
/// Otherwise ages and countdowns move in tenths of a second.
const IDLE_PERIOD: Duration = Duration::from_millis(100);
/// An alert is drawn at once, but no faster than this: a flood of them must not drive the drawing.
const ALERT_PERIOD: Duration = Duration::from_millis(20);

/// Runs the console in this terminal until the person quits or the session ends.
///
/// `clock` is the clock on which the session folds its picture.
pub(crate) async fn run(session: &mut Operator, clock: impl Fn() -> MonoTime) -> anyhow::Result<()> {
    let mut terminal = ratatui::try_init().context("opening the terminal")?;
    let result = show(session, &mut terminal, &clock).await;
    ratatui::try_restore().context("giving the terminal back")?;
    result
}

async fn show(
    session: &mut Operator,
    terminal: &mut DefaultTerminal,
    clock: &impl Fn() -> MonoTime,
) -> anyhow::Result<()> {
    let mut ui = UiState::new();
    let mut keyboard = EventStream::new();
    let mut idle = ticker(IDLE_PERIOD);
    let mut holding = ticker(HOLDING_PERIOD);
    let mut alerted = ticker(ALERT_PERIOD);
    let mut is_over = false;
    while !ui.quit && !is_over {
        paint(session, terminal, &mut ui, clock())?;
        let frame = if held(session.picture()).next().is_some() { &mut holding } else { &mut idle };
        tokio::select! {
            // Keys first: a flood of messages must not hold up a stop.
            biased;
            event = keyboard.next() => match event {
                Some(Ok(Event::Key(key))) => {
                    let now = clock();
                    for intent in keys::handle(key, session.picture(), &mut ui, now) {
                        if let Err(error) = session.act(intent) {
                            ui.say(Tone::Danger, format!("NOT SENT: {error}"), now);
                        }
                    }
                }
                Some(Ok(
                    Event::Resize(..) | Event::FocusGained | Event::FocusLost | Event::Mouse(_) | Event::Paste(_),
                )) => {}
                Some(Err(error)) => return Err(error).context("reading the keyboard"),
                None => is_over = true,
            },
            // Frames at their pace: messages are folded in between, and only alerts hurry the drawing.
            goes_on = fold_until(session, frame, &mut alerted, &mut ui) => is_over = !goes_on,
        }
    }
    Ok(())
}

/// Folds messages until the next frame is due; returns false when the session is over.
async fn fold_until(
    session: &mut Operator,
    frame: &mut tokio::time::Interval,
    alerted: &mut tokio::time::Interval,
    ui: &mut UiState,
) -> bool {
    let mut news = false;
    loop {
        tokio::select! {
            // The frame first: however fast messages come, frames are drawn at their pace.
            biased;
            _at = frame.tick() => return true,
            _at = alerted.tick(), if news => return true,
            event = session.next() => {
                match event {
                    OperatorEvent::Ended => return false,
                    OperatorEvent::Connected { .. } => ui.link_reason = None,
                    OperatorEvent::Disconnected { reason } => ui.link_reason = Some(reason),
                    OperatorEvent::Refused(_) => {}
                    // A lease that ends is as urgent as an alert.
                    OperatorEvent::Message(message) => {
                        news |= matches!(*message, ToOperator::Alert(_) | ToOperator::Lease(_));
                    }
                }
            }
        }
    }
}

fn ticker(period: Duration) -> tokio::time::Interval {
    let mut ticker = tokio::time::interval(period);
    ticker.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticker
}

fn paint(
    session: &mut Operator,
    terminal: &mut DefaultTerminal,
    ui: &mut UiState,
    now: MonoTime,
) -> anyhow::Result<()> {
    ui.refresh(session.picture(), now);
    let mut shown = Shown::default();
    terminal.draw(|frame| shown = draw::draw(frame, session.picture(), ui, now)).context("drawing")?;
    // The terminal has the bytes now: that is as near to the eye as a text console can say.
    if session.picture().is_current() {
        session.presented(&shown.alerts);
    }
    let ready = is_ready(session.picture(), ui, &shown, now);
    session.heartbeat(ready);
    // What he looks at he may want to drive next.
    if let Some(agent) = &ui.agent {
        session.probe(agent);
    }
    if ready {
        session.assume_due();
    }
    Ok(())
}

/// Returns the agents whose lease is this session's.
fn held(picture: &Picture) -> impl Iterator<Item = (&AgentId, &AgentPicture)> {
    picture.agents().filter(|(agent, _)| picture.my_epoch(agent).is_some())
}

/// Returns whether the person can act on everything that is held: he is there, and each of these agents stood
/// on the last frame in its present state. What is not on the screen is not under anybody's eyes.
fn is_ready(picture: &Picture, ui: &UiState, shown: &Shown, now: MonoTime) -> bool {
    held(picture).all(|(agent, entry)| {
        let status = entry.status();
        shown.agents.contains(&(agent.clone(), status.state_version)) && ui.is_ready(status.kind, now)
    })
}

#[cfg(test)]
mod tests {
    use super::{Shown, UiState, is_ready};
    use crate::watch::scenes;
    use watchkeeper_model::StateVersion;

    #[test]
    fn a_person_is_ready_for_what_he_holds_only_while_he_is_there_and_sees_it() {
        let (picture, now) = scenes::takeover();
        let agent = scenes::agent("truck-17");
        let mut ui = UiState::new();
        let drawn = Shown { agents: vec![(agent.clone(), StateVersion(2))], ..Shown::default() };
        let older = Shown { agents: vec![(agent, StateVersion(1))], ..Shown::default() };
        assert!(!is_ready(&picture, &ui, &drawn, now), "no key yet");
        ui.touch(now);
        assert!(is_ready(&picture, &ui, &drawn, now));
        assert!(!is_ready(&picture, &ui, &older, now));
        assert!(!is_ready(&picture, &ui, &Shown::default(), now));
        assert!(!is_ready(&picture, &ui, &drawn, now.after(scenes::millis(3_000))));
    }
}
