//! Control passing from one person to another: who asks, who answers, who must engage.

use crate::{
    AgentPicture, Picture,
    timers::{answer_within, engage_next_within},
    view::{countdown, share},
};
use std::time::Duration;
use watchkeeper_model::{AgentKind, MonoTime};
use watchkeeper_protocol::operator::{HandoverStatus, LeaseEvent, LeaseStatus, NextHolder};

/// How long a wish that came to nothing is told.
const TELL_REFUSAL: Duration = Duration::from_secs(10);

/// Control passing from one person to another.
#[derive(Clone, Debug, PartialEq)]
pub struct HandoverRow {
    /// Names the wish to answer; `None` once it is granted or refused.
    pub request_id: Option<u64>,
    /// In words: `ben asks for control: 8.2 s to answer (silence is a no)`.
    pub text: String,
    /// Time left to answer, or to engage; zero when it has run out.
    pub left: Option<Duration>,
    /// The same as a share of what there is by default, 0 to 1.
    pub fraction: Option<f64>,
    /// This session is asked.
    pub yours_to_answer: bool,
    /// This session gets control with its ENGAGE.
    pub yours_to_engage: bool,
}

pub(super) fn row(picture: &Picture, entry: &AgentPicture, now: MonoTime) -> Option<HandoverRow> {
    let lease = entry.status().lease.as_ref()?;
    let (kind, since) = (entry.status().kind, now.since(entry.received_at()));
    if let Some(next) = &lease.next {
        return Some(granted(picture, lease, next, kind, since));
    }
    if let Some(wish) = &lease.handover {
        return Some(asked(picture, lease, wish, kind, since));
    }
    refused(picture, lease, entry, now)
}

fn asked(
    picture: &Picture,
    lease: &LeaseStatus,
    wish: &HandoverStatus,
    kind: AgentKind,
    since: Duration,
) -> HandoverRow {
    let me = picture.me().map(|me| me.session_id);
    let left = Duration::from_nanos(wish.left_nanos).saturating_sub(since);
    let reason = wish.reason.as_ref().filter(|reason| !reason.as_str().is_empty());
    let reason = reason.map(|reason| format!(" ({reason})")).unwrap_or_default();
    let to_me = Some(lease.session_id) == me;
    let by_me = Some(wish.session_id) == me;
    let text = if to_me {
        format!("{} asks for control{reason}: {} to answer (silence is a no)", wish.by, countdown(left))
    } else if by_me {
        format!("you asked {} for control: {} to answer", lease.holder, countdown(left))
    } else {
        format!("{} asks {} for control: {} to answer", wish.by, lease.holder, countdown(left))
    };
    HandoverRow {
        request_id: Some(wish.request_id),
        text,
        left: Some(left),
        fraction: Some(share(left, answer_within(kind))),
        yours_to_answer: to_me,
        yours_to_engage: false,
    }
}

fn granted(
    picture: &Picture,
    lease: &LeaseStatus,
    next: &NextHolder,
    kind: AgentKind,
    since: Duration,
) -> HandoverRow {
    let me = picture.me().map(|me| me.session_id);
    let left = Duration::from_nanos(next.left_nanos).saturating_sub(since);
    let from_me = Some(lease.session_id) == me;
    let to_me = Some(next.session_id) == me;
    let who = if next.preempts { format!("the supervisor {}", next.holder) } else { next.holder.to_string() };
    let text = if to_me {
        format!("engage within {} to take it from {}", countdown(left), lease.holder)
    } else if from_me {
        format!("{who} takes control: yours until {} engages, at most {}", next.holder, countdown(left))
    } else {
        format!("{who} takes control from {}: {} to engage", lease.holder, countdown(left))
    };
    HandoverRow {
        request_id: None,
        text,
        left: Some(left),
        fraction: Some(share(left, engage_next_within(kind))),
        yours_to_answer: false,
        yours_to_engage: to_me,
    }
}

fn refused(
    picture: &Picture,
    lease: &LeaseStatus,
    entry: &AgentPicture,
    now: MonoTime,
) -> Option<HandoverRow> {
    let event = entry.handover_event()?;
    let me = picture.me().map(|me| me.session_id);
    let is_news = event.value.event == LeaseEvent::HandoverRefused
        && Some(event.value.session_id) == me
        && now.since(event.received_at) < TELL_REFUSAL;
    if !is_news {
        return None;
    }
    let detail = event.value.detail.as_ref().map(|detail| format!(": {detail}")).unwrap_or_default();
    Some(HandoverRow {
        request_id: None,
        text: format!("{} keeps control{detail}", lease.holder),
        left: None,
        fraction: None,
        yours_to_answer: false,
        yours_to_engage: false,
    })
}
