//! A takeover of one agent: where it stands, what is missing, and which keys work now.

mod afterwards;
mod drive;
mod handover;
mod links;

pub use afterwards::{LabelRow, verdict_words};
pub use drive::DriveRow;
pub use handover::HandoverRow;
pub use links::LinkRow;

use super::{
    Mark, Tone, age, agent::if_nobody_acts, alerts::cause_text, controller_words, countdown,
    demands::lead_alarm, is_mine, latch_word, outcome_words, questions, state_look, state_words,
};
use crate::{Action, AgentPicture, Picture, Unavailable, timers::fresh_within};
use std::time::Duration;
use watchkeeper_model::{AgentId, AlertId, ControlState, LatchCause, LatchId, MonoTime, Response};
use watchkeeper_protocol::operator::LeaseEvent;

/// How long the screen stays with a takeover that is over.
const AFTERWARDS: Duration = Duration::from_mins(1);

/// Where a takeover stands; the screen follows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Nothing is asked.
    Calm,
    /// Somebody is wanted: who, what, how bad, how long left.
    Noticed,
    /// Claimed: building awareness.
    Understood,
    /// Claimed and everything is there to engage, or engaged and changing hands.
    Ready,
    /// A person drives.
    InControl,
    /// On its way back to the agent.
    HandingBack,
    /// It was over less than a minute ago.
    Afterwards,
}

impl Phase {
    /// Returns the phase in words.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Calm => "nothing asked",
            Self::Noticed => "noticed",
            Self::Understood => "understood",
            Self::Ready => "ready",
            Self::InControl => "in control",
            Self::HandingBack => "handing back",
            Self::Afterwards => "afterwards",
        }
    }
}

/// One thing that must be so before the next step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// What must be so.
    pub text: String,
    /// It is so.
    pub done: bool,
}

/// One key, and whether it works now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActionRow {
    /// What it does.
    pub action: Action,
    /// Its key.
    pub key: char,
    /// Verb and the agent's name, as they stand on the button.
    pub label: String,
    /// Why it does not work now.
    pub unavailable: Option<Unavailable>,
}

/// The lease as the panel shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaseRow {
    /// Who: `you`, or a name.
    pub holder: String,
    /// It is this session's.
    pub mine: bool,
    /// Until it lapses unless renewed.
    pub left: Duration,
    /// Until the claim lapses unless control is taken; `None` once it is.
    pub engage_left: Option<Duration>,
    /// The holder's last heartbeat said that he can act.
    pub ready: bool,
    /// All of it in words.
    pub text: String,
}

/// A takeover of one agent.
#[derive(Clone, Debug, PartialEq)]
pub struct TakeoverPanel {
    /// Which agent.
    pub agent: AgentId,
    /// Where it stands.
    pub phase: Phase,
    /// Shape of the state.
    pub mark: Mark,
    /// The state in words.
    pub state: String,
    /// How it is meant.
    pub tone: Tone,
    /// Who controls it, in words: always at the same place.
    pub controller: String,
    /// Time left of the demand; zero when it has run out.
    pub left: Option<Duration>,
    /// What happens if nobody acts, and when.
    pub if_nobody_acts: String,
    /// Why a person is wanted, or how it ended.
    pub reason: String,
    /// The live lease.
    pub lease: Option<LeaseRow>,
    /// What the next step needs.
    pub checks: Vec<Check>,
    /// The latches that ENGAGE will release in this person's name.
    pub releases: Vec<LatchId>,
    /// All keys, in a fixed order.
    pub actions: Vec<ActionRow>,
    /// Control passing from one person to another, or a wish for it.
    pub handover: Option<HandoverRow>,
    /// Both directions between this person and the agent.
    pub links: Vec<LinkRow>,
    /// A takeover over within the last minute, to be labelled.
    pub label: Option<LabelRow>,
    /// How a person drives it; `None` for others than vehicles, and while no person does.
    pub drive: Option<DriveRow>,
    /// The alert that says best why a person is wanted.
    pub alert: Option<AlertId>,
    /// The same in plain words, with what was expected and what came; empty without an alert.
    pub evidence: String,
    /// What is usually done next. Shown behind the evidence, and never pre-selected.
    pub suggested: Option<Action>,
}

/// Returns the takeover of `agent`; `None` for one that nobody knows.
pub fn panel(picture: &Picture, agent: &AgentId, now: MonoTime) -> Option<TakeoverPanel> {
    let entry = picture.agent(agent)?;
    let status = entry.status();
    let lease = lease_row(picture, entry, now);
    let mine = is_mine(picture, entry);
    let (mark, tone) = state_look(status, mine);
    let checks = checks(picture, agent, entry, now);
    let phase = phase(picture, entry, &checks, now);
    let alarm = lead_alarm(picture, agent);
    let suggested =
        suggested(phase, entry, &checks).filter(|action| action.check(picture, agent, now).is_ok());
    Some(TakeoverPanel {
        handover: handover::row(picture, entry, now),
        links: links::rows(picture, entry, now),
        label: afterwards::row(picture, agent, now),
        drive: drive::row(picture, entry, now),
        alert: alarm.map(|alarm| alarm.alert_id),
        evidence: alarm.map(cause_text).unwrap_or_default(),
        suggested,
        agent: agent.clone(),
        phase,
        mark,
        state: state_words(status),
        tone,
        controller: controller_words(status, mine),
        left: entry.demand_left(now),
        if_nobody_acts: if_nobody_acts(entry, now),
        reason: reason(picture, entry, phase, now),
        lease,
        checks,
        releases: releases(entry),
        actions: Action::ALL
            .into_iter()
            .map(|action| ActionRow {
                action,
                key: action.key(),
                label: format!("{} {agent}", action.verb()),
                unavailable: action.check(picture, agent, now).err(),
            })
            .collect(),
    })
}

/// Returns the latches that an ENGAGE of this agent names: all but an ESTOP's, and none where somebody is in control
/// already: a handover releases no latch.
pub fn releases(entry: &AgentPicture) -> Vec<LatchId> {
    if entry.status().control_state.is_driven() {
        return Vec::new();
    }
    let latches = entry.status().latches.iter();
    latches.filter(|latch| latch.cause != LatchCause::Estop).map(|latch| latch.latch_id).collect()
}

fn phase(picture: &Picture, entry: &AgentPicture, checks: &[Check], now: MonoTime) -> Phase {
    let status = entry.status();
    let mine = is_mine(picture, entry);
    let claimed =
        if mine && checks.iter().all(|check| check.done) { Phase::Ready } else { Phase::Understood };
    let over_lately = entry.lease_event().is_some_and(|event| {
        event.value.event == LeaseEvent::Ended && now.since(event.received_at) < AFTERWARDS
    });
    match status.control_state {
        ControlState::Autonomous | ControlState::AssistPending if over_lately => Phase::Afterwards,
        ControlState::Autonomous
        | ControlState::AssistPending
        | ControlState::Local
        | ControlState::OutOfService => Phase::Calm,
        ControlState::Requested => Phase::Noticed,
        ControlState::Claimed => claimed,
        ControlState::Fallback | ControlState::FallbackFailed | ControlState::SafeHeld
            if status.lease.is_some() =>
        {
            claimed
        }
        ControlState::Fallback
        | ControlState::FallbackFailed
        | ControlState::SafeHeld
        | ControlState::Estopped => Phase::Noticed,
        ControlState::InTransition => Phase::Ready,
        ControlState::Human => Phase::InControl,
        ControlState::Returning => Phase::HandingBack,
    }
}

/// Returns what is usually done next, whether it can be done or not.
fn suggested(phase: Phase, entry: &AgentPicture, checks: &[Check]) -> Option<Action> {
    match phase {
        Phase::Noticed if entry.status().control_state == ControlState::Estopped => Some(Action::ClearLatch),
        Phase::Noticed => Some(Action::Claim),
        Phase::Ready => Some(Action::Engage),
        Phase::InControl if checks.iter().all(|check| check.done) => Some(Action::HandBack),
        Phase::Calm if !entry.status().questions.is_empty() => Some(Action::Decide),
        Phase::Calm | Phase::Understood | Phase::InControl | Phase::HandingBack | Phase::Afterwards => None,
    }
}

fn lease_row(picture: &Picture, entry: &AgentPicture, now: MonoTime) -> Option<LeaseRow> {
    let lease = entry.status().lease.as_ref()?;
    let mine = is_mine(picture, entry);
    let holder = if mine { "you".to_owned() } else { lease.holder.to_string() };
    let left = entry.lease_left(now)?;
    let can_act = if lease.ready { "can act" } else { "NOT READY" };
    let verb = if mine { "hold" } else { "holds" };
    let engage_left = entry.engage_left(now);
    // The time stands in front, where no width cuts it.
    let until = match engage_left {
        Some(engage) => format!("claim lapses in {}", countdown(engage)),
        None => format!("lapses in {} unless renewed", countdown(left)),
    };
    let text = format!("{until}; {holder} {verb} it, {can_act}, lease {}", lease.epoch);
    Some(LeaseRow { holder, mine, left, engage_left, ready: lease.ready, text })
}

fn checks(picture: &Picture, agent: &AgentId, entry: &AgentPicture, now: MonoTime) -> Vec<Check> {
    let status = entry.status();
    match status.control_state {
        ControlState::Human | ControlState::Returning => {
            let quiet = !picture.alerts().any(|(_, alert)| {
                let alarm = alert.alarm();
                alarm.agent == *agent && alarm.state.is_active() && alarm.response == Response::Takeover
            });
            vec![
                Check { text: "the agent can go on by itself".to_owned(), done: status.can_resume },
                Check { text: "the cause is gone".to_owned(), done: quiet },
                Check { text: "what it does is steady".to_owned(), done: status.stable },
            ]
        }
        ControlState::Autonomous
        | ControlState::AssistPending
        | ControlState::Requested
        | ControlState::Claimed
        | ControlState::InTransition
        | ControlState::Fallback
        | ControlState::FallbackFailed
        | ControlState::SafeHeld => {
            let freshness = entry.freshness(now);
            let mine = is_mine(picture, entry);
            let ready = mine && status.lease.as_ref().is_some_and(|lease| lease.ready);
            let online = status.offline_nanos.is_none() && status.settled;
            vec![
                Check { text: "online and settled".to_owned(), done: online },
                Check {
                    text: format!(
                        "data {} old, at most {}",
                        age(freshness.age),
                        countdown(fresh_within(status.kind))
                    ),
                    done: freshness.age < fresh_within(status.kind),
                },
                Check { text: "the lease is yours".to_owned(), done: mine },
                Check { text: "you are at the keys".to_owned(), done: ready },
            ]
        }
        ControlState::Estopped => {
            let unlatched = !status.latches.iter().any(|latch| latch.cause == LatchCause::Estop);
            vec![
                Check { text: "it stands still".to_owned(), done: status.condition_reached },
                Check { text: "a supervisor cleared the latch".to_owned(), done: unlatched },
            ]
        }
        ControlState::Local => {
            vec![Check { text: "the person at the agent let go".to_owned(), done: false }]
        }
        ControlState::OutOfService => {
            vec![Check { text: "a supervisor brought it back into service".to_owned(), done: false }]
        }
    }
}

fn reason(picture: &Picture, entry: &AgentPicture, phase: Phase, now: MonoTime) -> String {
    let status = entry.status();
    if let Some(demand) = &status.demand {
        return demand.reason.to_string();
    }
    match phase {
        Phase::Afterwards => {
            let event = entry.lease_event().map(|event| &event.value);
            let end = event.and_then(|update| update.end).map_or("over", outcome_words);
            let me = picture.me().map(|me| me.session_id);
            match event {
                Some(update) if Some(update.session_id) == me => format!("your lease: {end}"),
                Some(update) => format!("{}'s lease: {end}", update.holder),
                None => format!("the lease: {end}"),
            }
        }
        Phase::Calm
        | Phase::Noticed
        | Phase::Understood
        | Phase::Ready
        | Phase::InControl
        | Phase::HandingBack => {
            let latches: Vec<_> = status.latches.iter().map(|latch| latch_word(latch.cause)).collect();
            let latched = (!latches.is_empty()).then(|| format!("latched: {}", latches.join(", ")));
            let locked_out =
                status.locked_out.then(|| "locked out: only a supervisor lets it go on".to_owned());
            let asked = questions::rows(entry, now).into_iter().map(|question| format!("asks: {question}"));
            asked.chain(latched).chain(locked_out).collect::<Vec<_>>().join("; ")
        }
    }
}
