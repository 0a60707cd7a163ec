//! The rows of every panel: pure functions of a picture and `now`.
//!
//! A row holds words, a [`Mark`] (a shape) and a [`Tone`]. A console maps tones to its colours; since each
//! tone comes with a word and most with a shape, nothing is ever said by colour alone.

pub mod agent;
pub mod alerts;
pub mod commands;
pub mod control_line;
pub mod demands;
pub mod fleet;
pub mod latency;
pub mod map;
pub mod questions;
pub mod roster;
pub mod status_line;
pub mod takeover;
pub mod tiles;
pub mod waterfall;
mod words;

pub use words::{
    age, cause_word, countdown, counted, kind_word, number, outcome_words, state_word, task_words,
};

pub(crate) use words::{millis, minutes, plain, share};

use crate::{AgentPicture, Freshness, Picture, action::Stake};
use std::{collections::BTreeMap, time::Duration};
use watchkeeper_model::{ControlState, LatchCause, MonoTime};
use watchkeeper_protocol::operator::AgentStatus;

/// What a row means to a person at a glance; consoles map it to their colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tone {
    /// As it should be.
    Normal,
    /// There, but not of interest now.
    Quiet,
    /// Needs somebody soon.
    Warning,
    /// Needs somebody now.
    Danger,
    /// This person's own: selected by, held by or driven by him.
    Own,
    /// Too old to be relied on.
    Stale,
}

/// A shape that says what a colour says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mark {
    /// Nominal.
    Ring,
    /// Somebody is wanted.
    TriangleUp,
    /// Somebody has it, or is about to.
    Diamond,
    /// On its way from one to the other.
    DiamondOpen,
    /// The fallback acts.
    TriangleDown,
    /// Held safe.
    SquareOpen,
    /// Stopped.
    Square,
    /// No connection.
    Cross,
    /// Done.
    Check,
    /// Not done.
    Dash,
}

impl Mark {
    /// Returns one character of one column that draws it in a text.
    pub const fn glyph(self) -> char {
        match self {
            Self::Ring => '○',
            Self::TriangleUp => '▲',
            Self::Diamond => '◆',
            Self::DiamondOpen => '◇',
            Self::TriangleDown => '▼',
            Self::SquareOpen => '□',
            Self::Square => '■',
            Self::Cross => '×',
            Self::Check => '✓',
            Self::Dash => '·',
        }
    }

    /// Returns whether the shape is filled, so that what stands on it must be drawn in the ground's colour.
    pub const fn is_filled(self) -> bool {
        match self {
            Self::TriangleUp | Self::TriangleDown | Self::Diamond | Self::Square => true,
            Self::Ring | Self::DiamondOpen | Self::SquareOpen | Self::Cross | Self::Check | Self::Dash => {
                false
            }
        }
    }
}

/// Says whether this session holds the agent's lease. Who only comes next in a handover holds nothing yet: somebody
/// else drives until he engages.
pub fn is_mine(picture: &Picture, entry: &AgentPicture) -> bool {
    stake(picture, entry) == Stake::Holder
}

/// Says whether this session gets control with its ENGAGE, while somebody else still holds the lease.
pub(crate) fn is_next(picture: &Picture, entry: &AgentPicture) -> bool {
    stake(picture, entry) == Stake::Next
}

fn stake(picture: &Picture, entry: &AgentPicture) -> Stake {
    // Most agents have no lease, and looking them up again for each of a thousand rows costs.
    let status = entry.status();
    if status.lease.is_none() && entry.lease_update().is_none() {
        return Stake::None;
    }
    Stake::of(picture, status)
}

/// Puts rows whose key is in `frozen` into that order, and the others behind them in the order they have.
pub(crate) fn place_frozen<R, K: Ord>(rows: &mut [R], frozen: &[K], key: impl Fn(&R) -> &K) {
    let places: BTreeMap<&K, usize> = frozen.iter().enumerate().map(|(place, key)| (key, place)).collect();
    rows.sort_by_cached_key(|row| places.get(key(row)).copied().unwrap_or(frozen.len()));
}

/// Returns how a row with this tone looks: a late one goes grey, unless what it last said is itself a reason to look.
pub(crate) fn row_tone(tone: Tone, freshness: Freshness) -> Tone {
    if freshness.stale && tone == Tone::Normal { Tone::Stale } else { tone }
}

/// Returns what is wrong with the data of an agent and for how long: `offline` or `no data`; `None` while it is in time.
pub(crate) fn lateness(
    entry: &AgentPicture,
    freshness: Freshness,
    now: MonoTime,
) -> Option<(&'static str, Duration)> {
    let silent = || freshness.stale.then_some(("no data", freshness.age));
    entry.offline_for(now).map(|span| ("offline", span)).or_else(silent)
}

/// Returns the shape and tone of an agent's state. Losing the link outranks the state, which is then old.
pub(crate) fn state_look(status: &AgentStatus, mine: bool) -> (Mark, Tone) {
    if status.offline_nanos.is_some() {
        return (Mark::Cross, Tone::Danger);
    }
    let held = if mine { Tone::Own } else { Tone::Normal };
    match status.control_state {
        ControlState::Autonomous => (Mark::Ring, Tone::Normal),
        ControlState::AssistPending => (Mark::TriangleUp, Tone::Warning),
        ControlState::Requested => (Mark::TriangleUp, Tone::Danger),
        ControlState::Claimed => (Mark::Diamond, if mine { Tone::Own } else { Tone::Warning }),
        ControlState::InTransition | ControlState::Returning => (Mark::DiamondOpen, held),
        ControlState::Human => (Mark::Diamond, held),
        ControlState::Fallback => (Mark::TriangleDown, if mine { Tone::Own } else { Tone::Danger }),
        ControlState::SafeHeld => (Mark::SquareOpen, if mine { Tone::Own } else { Tone::Warning }),
        ControlState::FallbackFailed => (Mark::TriangleDown, Tone::Danger),
        ControlState::Estopped => (Mark::Square, Tone::Warning),
        ControlState::Local => (Mark::Diamond, Tone::Quiet),
        ControlState::OutOfService => (Mark::Dash, Tone::Quiet),
    }
}

/// Returns the state in words, with the fallback's level and where a transition comes from.
pub(crate) fn state_words(status: &AgentStatus) -> String {
    let mut words = state_word(status.control_state).to_owned();
    match status.control_state {
        ControlState::Fallback => {
            if let Some(level) = status.fallback_level {
                words = format!("{words} {level}");
            }
        }
        ControlState::Autonomous
        | ControlState::AssistPending
        | ControlState::Requested
        | ControlState::Claimed
        | ControlState::InTransition
        | ControlState::Human
        | ControlState::Returning
        | ControlState::SafeHeld
        | ControlState::FallbackFailed
        | ControlState::Estopped
        | ControlState::Local
        | ControlState::OutOfService => {}
    }
    words
}

/// Returns who controls the agent, in words, from this person's side.
pub(crate) fn controller_words(status: &AgentStatus, mine: bool) -> String {
    let holder = || match &status.lease {
        Some(_) if mine => "you".to_owned(),
        Some(lease) => lease.holder.to_string(),
        None => "a person".to_owned(),
    };
    if status.offline_nanos.is_some() {
        return "unknown: offline".to_owned();
    }
    match status.control_state {
        ControlState::Autonomous
        | ControlState::AssistPending
        | ControlState::Requested
        | ControlState::Claimed => "the agent".to_owned(),
        ControlState::InTransition => match status.transition_from {
            Some(ControlState::Fallback | ControlState::FallbackFailed | ControlState::SafeHeld) => {
                "the fallback, until you act".to_owned()
            }
            Some(
                ControlState::Autonomous
                | ControlState::AssistPending
                | ControlState::Requested
                | ControlState::Claimed
                | ControlState::InTransition
                | ControlState::Human
                | ControlState::Returning
                | ControlState::Estopped
                | ControlState::Local
                | ControlState::OutOfService,
            )
            | None => {
                format!("the agent, until {} takes it", if mine { "your console".into() } else { holder() })
            }
        },
        ControlState::Human => holder(),
        ControlState::Returning => format!("{}, until the agent is steady", holder()),
        ControlState::Fallback => "the fallback".to_owned(),
        ControlState::FallbackFailed => "the fallback, which does not work".to_owned(),
        ControlState::SafeHeld => "nobody: held safe".to_owned(),
        ControlState::Estopped => "nobody: stopped by a person".to_owned(),
        ControlState::Local => "a person at the agent".to_owned(),
        ControlState::OutOfService => "nobody: out of service".to_owned(),
    }
}

pub(crate) const fn latch_word(cause: LatchCause) -> &'static str {
    match cause {
        LatchCause::Fallback => "fallback",
        LatchCause::Estop => "stop (supervisor)",
        LatchCause::Local => "local control",
    }
}
