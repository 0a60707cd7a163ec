//! The arithmetic of a takeover's stages, for every console and report.

use std::time::Duration;
use watchkeeper_model::{CommandKind, MonoTime, Stage};
use watchkeeper_protocol::record::{Moment, TakeoverRecord};

/// What a span between two moments is known to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measured {
    /// So long, give or take `error`; where `length` is less, it is only known to be no longer than `error`.
    Known {
        /// How long.
        length: Duration,
        /// Both moments' errors together.
        error: Duration,
    },
    /// A moment is missing: unknown, and so a breach.
    Unknown,
    /// It goes on, or has not begun.
    Pending,
    /// There was no such stage.
    Absent,
}

/// Returns how long a stage of a takeover took.
pub fn measure(takeover: &TakeoverRecord, stage: Stage) -> Measured {
    if !applies(takeover, stage) {
        return if may_still_apply(takeover, stage) { Measured::Pending } else { Measured::Absent };
    }
    let (from, to) = ends(stage);
    match (moment(takeover, from), moment(takeover, to)) {
        (Some(from), Some(to)) => Measured::Known {
            length: to.at.since(from.at),
            error: Duration::from_nanos(from.error_nanos.saturating_add(to.error_nanos)),
        },
        (_, None) if may_still_come(takeover, to) => Measured::Pending,
        (_, _) => Measured::Unknown,
    }
}

/// Adds spans; one that is unknown makes the sum unknown, then one that goes on makes it go on. Those that
/// do not apply are left out.
pub fn sum(spans: impl IntoIterator<Item = Measured>) -> Measured {
    spans.into_iter().fold(Measured::Absent, |sum, span| match (sum, span) {
        (known, Measured::Absent) | (Measured::Absent, known) => known,
        (Measured::Known { length, error }, Measured::Known { length: more, error: other }) => {
            Measured::Known { length: length.saturating_add(more), error: error.saturating_add(other) }
        }
        (Measured::Unknown, _) | (_, Measured::Unknown) => Measured::Unknown,
        (Measured::Pending, _) | (_, Measured::Pending) => Measured::Pending,
    })
}

/// Returns a moment t0 to t11 of a takeover; `None` when it is not known.
pub fn moment(takeover: &TakeoverRecord, index: usize) -> Option<Moment> {
    takeover.moments.get(index).copied().flatten()
}

/// Returns the moments, as the numbers of t0 to t11, between which a stage lies.
pub const fn ends(stage: Stage) -> (usize, usize) {
    match stage {
        Stage::Detect => (0, 3),
        Stage::Notify => (3, 5),
        Stage::Decide => (5, 7),
        Stage::Command => (7, 10),
        Stage::Actuate => (10, 11),
    }
}

/// Returns the first and the last known moment that a stage begins or ends with: an acknowledgement may come
/// long after.
pub fn extent(takeover: &TakeoverRecord) -> (Option<MonoTime>, Option<MonoTime>) {
    let ends = || Stage::ALL.iter().map(|stage| ends(*stage)).flat_map(|(from, to)| [from, to]);
    let known = || ends().filter_map(|index| moment(takeover, index)).map(|moment| moment.at);
    (known().min(), known().max())
}

/// Says whether a takeover has such a stage: a person's own wish has no alert to answer, and where nobody
/// engages nothing is commanded.
fn applies(takeover: &TakeoverRecord, stage: Stage) -> bool {
    match stage {
        Stage::Detect | Stage::Notify | Stage::Decide => takeover.alert_id.is_some(),
        Stage::Command | Stage::Actuate => is_engaged(takeover),
    }
}

/// Says whether somebody engaged. Who came into control has, also where the record kept only other commands of many.
pub fn is_engaged(takeover: &TakeoverRecord) -> bool {
    takeover.human_at.is_some() || takeover.commands.iter().any(|command| command.kind == CommandKind::Engage)
}

/// Says whether somebody may still engage, so that there will be something commanded.
fn may_still_apply(takeover: &TakeoverRecord, stage: Stage) -> bool {
    match stage {
        Stage::Detect | Stage::Notify | Stage::Decide => false,
        Stage::Command | Stage::Actuate => !takeover.over && takeover.outcome.is_none(),
    }
}

/// Says whether a moment that is missing may still come: the takeover goes on, and no later one is known.
/// An acknowledgement (t6) is no step of the way.
fn may_still_come(takeover: &TakeoverRecord, index: usize) -> bool {
    let later = takeover.moments.iter().enumerate().skip(index + 1).filter(|(later, _)| *later != 6);
    !takeover.over && later.into_iter().all(|(_, moment)| moment.is_none())
}
