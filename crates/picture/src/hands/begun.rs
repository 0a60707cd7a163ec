//! A takeover between its two deliberate inputs.

use super::{READ_FIRST, Said};
use crate::{AgentPicture, Picture, Timed, view::Tone};
use std::time::Duration;
use watchkeeper_model::{AgentId, MonoTime, SessionId};
use watchkeeper_protocol::operator::{LeaseEvent, LeaseUpdate};

/// How long the first input waits for its answer. Once granted, the lease says how long the second may take;
/// while a holder is being asked, he has his own time to answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// Which first input it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum First {
    /// A claim.
    Claim,
    /// A wish for control that somebody else has, or its pre-emption.
    Request,
}

/// The first of the two inputs that take control was given.
#[derive(Clone, Debug)]
pub(super) struct Begun {
    agent: AgentId,
    first: First,
    since: MonoTime,
    /// The wait for an answer counts from here.
    waiting_since: MonoTime,
    /// When it was first seen as granted.
    granted_at: Option<MonoTime>,
}

/// How it stands.
pub(super) enum Standing {
    /// The second input may come, or may still become possible.
    Open,
    /// It will not come any more; what is new to the person is to be said.
    Void(Option<Said>),
}

impl Begun {
    pub(super) fn new(agent: &AgentId, first: First, now: MonoTime) -> Self {
        Self { agent: agent.clone(), first, since: now, waiting_since: now, granted_at: None }
    }

    pub(super) const fn agent(&self) -> &AgentId {
        &self.agent
    }

    /// Takes note of when control was first seen as granted.
    pub(super) fn see(&mut self, picture: &Picture, now: MonoTime) {
        if picture.my_epoch(&self.agent).is_some() {
            self.granted_at.get_or_insert(now);
        }
    }

    /// Returns whether the person had the time to read that control was granted.
    pub(super) fn was_read(&self, now: MonoTime) -> bool {
        self.granted_at.is_some_and(|at| now.since(at) >= READ_FIRST)
    }

    /// Compares with the picture: granted, refused, lapsed, lost, or never answered.
    pub(super) fn refresh(&mut self, picture: &Picture, now: MonoTime) -> Standing {
        let agent = &self.agent;
        if picture.my_epoch(agent).is_some() {
            self.granted_at.get_or_insert(now);
            return match engage_left(picture, agent, now) {
                Some(Duration::ZERO) => {
                    let text = format!("the claim of {agent} lapsed: not engaged in time");
                    Standing::Void(Some(Said::new(Tone::Danger, text)))
                }
                Some(_) | None => Standing::Open,
            };
        }
        // What was held and is gone is news of its own, with its reason.
        if self.granted_at.is_some() {
            return Standing::Void(None);
        }
        let entry = picture.agent(agent);
        let me = picture.me().map(|me| me.session_id);
        if let Some(refusal) = entry.zip(me).and_then(|(entry, me)| refusal(entry, me, self.since)) {
            return Standing::Void(Some(Said::new(Tone::Danger, why_not(agent, refusal))));
        }
        let asking = entry.and_then(|entry| entry.status().lease.as_ref()?.handover.as_ref());
        if asking.is_some_and(|handover| Some(handover.session_id) == me) {
            self.waiting_since = now;
        }
        if now.since(self.waiting_since) < ANSWER_WITHIN {
            return Standing::Open;
        }
        let what = match self.first {
            First::Claim => "claim of",
            First::Request => "wish for",
        };
        Standing::Void(Some(Said::new(Tone::Danger, format!("the {what} {agent} was not answered"))))
    }
}

/// Returns how long is left to engage, zero when that time has passed; `None` where nothing limits it.
pub(super) fn engage_left(picture: &Picture, agent: &AgentId, now: MonoTime) -> Option<Duration> {
    let entry = picture.agent(agent)?;
    let me = picture.me()?.session_id;
    let next = entry.status().lease.as_ref()?.next.as_ref().filter(|next| next.session_id == me);
    match next {
        Some(next) => Some(now.until(entry.received_at().after(Duration::from_nanos(next.left_nanos)))),
        None if picture.my_epoch(agent).is_some() => entry.engage_left(now),
        None => None,
    }
}

/// Returns the refusal of what this session asked for at `since` or later.
fn refusal(entry: &AgentPicture, me: SessionId, since: MonoTime) -> Option<&LeaseUpdate> {
    let is_mine = |update: &&Timed<LeaseUpdate>| {
        update.received_at >= since
            && update.value.session_id == me
            && matches!(update.value.event, LeaseEvent::Refused | LeaseEvent::HandoverRefused)
    };
    let refused = entry.refusal().filter(is_mine).or_else(|| entry.handover_event().filter(is_mine))?;
    Some(&refused.value)
}

fn why_not(agent: &AgentId, refusal: &LeaseUpdate) -> String {
    let code = refusal.code.map(|code| code.word().replace('_', " "));
    let detail = refusal.detail.as_ref().map(ToString::to_string);
    let why: Vec<_> = code.into_iter().chain(detail).collect();
    if why.is_empty() {
        format!("NOT GRANTED: {agent}: its holder keeps it")
    } else {
        format!("NOT GRANTED: {agent}: {}", why.join(": "))
    }
}
