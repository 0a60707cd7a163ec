//! What the screen remembers between two keys.

use super::news::News;
use std::time::Duration;
use watchkeeper_model::{AgentId, AgentKind, AlertId, MonoTime, StateVersion};
use watchkeeper_picture::{Hands, Picture, view::Tone};

/// How long a key shows that a person is there (`takeover.md` 1.5, text console).
const READY_FOR: Duration = Duration::from_secs(3);
/// How long the order of the alerts stays after the selection moved.
const FROZEN_FOR: Duration = Duration::from_secs(3);
/// How long a message stays.
const MESSAGE_FOR: Duration = Duration::from_secs(8);

/// The four screens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum View {
    /// Fleet, alerts and the takeover of the selected agent.
    Overview,
    /// One agent in detail.
    Agent,
    /// All commands.
    Commands,
    /// Latency of the stages.
    Latency,
}

/// Which list the arrows move in on the overview.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pane {
    /// The agents.
    Fleet,
    /// The alerts.
    Alerts,
}

/// A wish for control of an agent that this person holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) agent: AgentId,
    pub(crate) request_id: u64,
}

/// One line that tells a person what a key did or why it did nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MessageLine {
    pub(crate) text: String,
    pub(crate) tone: Tone,
    pub(super) until: MonoTime,
}

/// What the screen remembers. Selections are ids, so nothing that moves changes what a key acts on.
#[derive(Clone, Debug)]
pub(crate) struct UiState {
    pub(crate) view: View,
    pub(crate) pane: Pane,
    pub(crate) agent: Option<AgentId>,
    pub(crate) alert: Option<AlertId>,
    /// What lies between two keys: a takeover begun, a question, a stop to confirm.
    pub(crate) hands: Hands,
    /// What was typed so far as an answer to the open question.
    pub(crate) typed: String,
    /// Who asks for control of what this person holds, as the last frame showed it.
    pub(crate) asked: Option<Asked>,
    pub(crate) help: bool,
    /// In a flood the queue shows every alert by itself all the same.
    pub(crate) flood_in_full: bool,
    pub(crate) quit: bool,
    pub(crate) quit_armed_until: Option<MonoTime>,
    /// Why there is no connection, as the last attempt ended.
    pub(crate) link_reason: Option<String>,
    pub(crate) news: News,
    message: Option<MessageLine>,
    frozen: Vec<AlertId>,
    moved_at: Option<MonoTime>,
    last_key_at: Option<MonoTime>,
    selected_once: bool,
}

/// What a frame really showed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Shown {
    /// Alerts with their own row on the screen.
    pub(crate) alerts: Vec<AlertId>,
    /// Agents with their state on the screen, and which version of it.
    pub(crate) agents: Vec<(AgentId, StateVersion)>,
}

impl UiState {
    pub(crate) const fn new() -> Self {
        Self {
            view: View::Overview,
            pane: Pane::Fleet,
            agent: None,
            alert: None,
            hands: Hands::new(),
            typed: String::new(),
            asked: None,
            help: false,
            flood_in_full: false,
            quit: false,
            quit_armed_until: None,
            link_reason: None,
            news: News::new(),
            message: None,
            frozen: Vec::new(),
            moved_at: None,
            last_key_at: None,
            selected_once: false,
        }
    }

    /// Brings the screen up to date before it is drawn.
    ///
    /// An agent is selected by itself only once, when the first ones appear. What vanished later leaves
    /// nothing selected: a key must not meet another agent than the one that a person looked at.
    pub(crate) fn refresh(&mut self, picture: &Picture, now: MonoTime) {
        if !self.selected_once
            && let Some((first, _)) = picture.agents().next()
        {
            self.selected_once = true;
            self.agent.get_or_insert_with(|| first.clone());
        }
        if self.alert.is_some_and(|alert| picture.alert(alert).is_none()) {
            self.alert = None;
        }
        let away = self.ready_for(now).is_zero();
        self.news.update(&mut self.hands, picture, away, now);
        self.asked = asked(picture);
        if self.hands.question().is_none() {
            self.typed.clear();
        }
        self.message.take_if(|message| now >= message.until);
    }

    /// Selects an agent.
    pub(crate) fn select_agent(&mut self, agent: AgentId) {
        self.selected_once = true;
        self.agent = Some(agent);
        self.alert = None;
    }

    /// Selects an alert and its agent, and keeps the order that the person sees for a while.
    pub(crate) fn select_alert(
        &mut self,
        alert: AlertId,
        agent: AgentId,
        order: Vec<AlertId>,
        now: MonoTime,
    ) {
        self.select_agent(agent);
        self.alert = Some(alert);
        self.frozen = order;
        self.moved_at = Some(now);
    }

    /// Returns the order that the alerts keep for now.
    pub(crate) fn frozen(&self, now: MonoTime) -> Option<&[AlertId]> {
        let moved_at = self.moved_at?;
        (now.since(moved_at) < FROZEN_FOR).then_some(self.frozen.as_slice())
    }

    /// Tells the person something.
    pub(crate) fn say(&mut self, tone: Tone, text: impl Into<String>, now: MonoTime) {
        self.message = Some(MessageLine { text: text.into(), tone, until: now.after(MESSAGE_FOR) });
    }

    /// Takes back what was said, where something that moves says it better.
    pub(crate) fn hush(&mut self) {
        self.message = None;
    }

    /// Returns what was said last, while it still counts.
    pub(crate) fn message(&self, now: MonoTime) -> Option<&MessageLine> {
        self.message.as_ref().filter(|message| now < message.until)
    }

    /// Takes note of a key: the person is there.
    pub(crate) const fn touch(&mut self, now: MonoTime) {
        self.last_key_at = Some(now);
    }

    /// Returns for how long the person still counts as being there: three seconds from the last key.
    pub(crate) fn ready_for(&self, now: MonoTime) -> Duration {
        self.last_key_at.map_or(Duration::ZERO, |at| now.until(at.after(READY_FOR)))
    }

    /// Returns whether the person can act on an agent of this kind now (`takeover.md` 1.5, text console): a
    /// vehicle wants a key within the last three seconds, for others a live session will do.
    pub(crate) fn is_ready(&self, kind: AgentKind, now: MonoTime) -> bool {
        kind != AgentKind::Vehicle || !self.ready_for(now).is_zero()
    }
}

/// Returns the first wish for control of an agent whose lease is this session's.
fn asked(picture: &Picture) -> Option<Asked> {
    let me = picture.me()?.session_id;
    picture.agents().find_map(|(agent, entry)| {
        let lease = entry.status().lease.as_ref().filter(|lease| lease.session_id == me)?;
        Some(Asked { agent: agent.clone(), request_id: lease.handover.as_ref()?.request_id })
    })
}
