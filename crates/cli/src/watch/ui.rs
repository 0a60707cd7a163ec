//! What the screen remembers between two keys.

use super::news::News;
use std::time::Duration;
use watchkeeper_model::{AgentId, AgentKind, AlertId, LatchId, MonoTime, StateVersion};
use watchkeeper_picture::{Picture, view::Tone};

/// How long a claim waits for its answer. Once granted, the lease says how long the second input may take.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
/// How long a key shows that a person is there (`takeover.md` 1.5, text console).
const READY_FOR: Duration = Duration::from_secs(3);
/// How long the order of the alerts stays after the selection moved.
const FROZEN_FOR: Duration = Duration::from_secs(3);
/// How long a message stays.
const MESSAGE_FOR: Duration = Duration::from_secs(8);
/// How long a key that must be pressed twice waits for the second press.
pub(crate) const CONFIRM_WITHIN: Duration = Duration::from_secs(3);

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

/// What a prompt asks for. Its agent was fixed when the key was pressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// A speed in metres per second.
    SpeedCap,
    /// Why the demand is a false alarm.
    Dismiss,
    /// Why the latch may go.
    ClearLatch(LatchId),
}

/// A line that a person types.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Prompt {
    pub(crate) purpose: Purpose,
    pub(crate) agent: AgentId,
    pub(crate) text: String,
}

/// Something about one agent that lapses by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pending {
    pub(crate) agent: AgentId,
    pub(crate) until: MonoTime,
}

/// The first of the two inputs that take control was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Engage {
    pub(crate) agent: AgentId,
    pub(crate) armed_at: MonoTime,
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
    pub(crate) engage: Option<Engage>,
    pub(crate) prompt: Option<Prompt>,
    pub(crate) help: bool,
    pub(crate) quit: bool,
    pub(crate) quit_armed_until: Option<MonoTime>,
    pub(crate) stop_armed: Option<Pending>,
    /// Agents stopped lately, for the confirmation of many.
    pub(crate) stops: Vec<(AgentId, MonoTime)>,
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
            engage: None,
            prompt: None,
            help: false,
            quit: false,
            quit_armed_until: None,
            stop_armed: None,
            stops: Vec::new(),
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
        let over = self.news.update(picture, away, now);
        self.engage.take_if(|pending| over.contains(&pending.agent));
        self.end_second_input(picture, now);
        self.message.take_if(|message| now >= message.until);
    }

    /// Ends the wait for the second input with the claim: refused, lapsed, or never answered.
    fn end_second_input(&mut self, picture: &Picture, now: MonoTime) {
        let Some(pending) = &self.engage else { return };
        let agent = pending.agent.clone();
        let entry = picture.agent(&agent);
        let me = picture.me().map(|me| me.session_id);
        let refusal = entry.and_then(|entry| entry.refusal()).filter(|refusal| {
            refusal.received_at >= pending.armed_at && Some(refusal.value.session_id) == me
        });
        if picture.my_epoch(&agent).is_some() {
            if entry.and_then(|entry| entry.engage_left(now)).is_some_and(|left| left.is_zero()) {
                self.engage = None;
                self.news.claim_lapsed(&agent, now);
            }
        } else if let Some(refusal) = refusal {
            self.engage = None;
            let code = refusal.value.code.map(|code| code.word().replace('_', " "));
            let why: Vec<_> =
                code.into_iter().chain(refusal.value.detail.as_ref().map(ToString::to_string)).collect();
            self.news.tell(Tone::Danger, format!("NOT GRANTED: {agent}: {}", why.join(": ")), now);
        } else if now.since(pending.armed_at) >= ANSWER_WITHIN {
            self.engage = None;
            self.news.tell(Tone::Danger, format!("the claim of {agent} was not answered"), now);
        }
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
