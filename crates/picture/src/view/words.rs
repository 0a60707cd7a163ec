//! Words and numbers as people read them.

use std::time::Duration;
use watchkeeper_model::{AgentKind, CauseClass, ControlState, LeaseEnd, TaskVerb};

/// Returns the word of a control state; ESTOPPED alone shouts.
pub const fn state_word(state: ControlState) -> &'static str {
    match state {
        ControlState::Autonomous => "autonomous",
        ControlState::AssistPending => "asking",
        ControlState::Requested => "requested",
        ControlState::Claimed => "claimed",
        ControlState::InTransition => "in transition",
        ControlState::Human => "human",
        ControlState::Returning => "returning",
        ControlState::Fallback => "fallback",
        ControlState::SafeHeld => "safe-held",
        ControlState::FallbackFailed => "FALLBACK FAILED",
        ControlState::Estopped => "ESTOPPED",
        ControlState::Local => "local",
        ControlState::OutOfService => "out of service",
    }
}

/// Returns the word of an agent's kind.
pub const fn kind_word(kind: AgentKind) -> &'static str {
    match kind {
        AgentKind::Vehicle => "vehicle",
        AgentKind::Transaction => "transaction",
        AgentKind::SoftwareAgent => "software",
        AgentKind::Generic => "generic",
    }
}

/// Returns the word of a cause.
pub const fn cause_word(cause: CauseClass) -> &'static str {
    match cause {
        CauseClass::Limit => "limit broken",
        CauseClass::Outlier => "unusual",
        CauseClass::Stuck => "stuck",
        CauseClass::Envelope => "unsafe motion",
        CauseClass::Confidence => "unsure",
        CauseClass::Sequence => "decisions missing",
        CauseClass::Late => "late",
        CauseClass::Silence => "silent",
        CauseClass::Asked => "asks for a person",
        CauseClass::Fallback => "fell back",
        CauseClass::Stopped => "stopped",
    }
}

/// Returns why a lease ended, in words.
pub const fn outcome_words(end: LeaseEnd) -> &'static str {
    match end {
        LeaseEnd::Released => "released",
        LeaseEnd::HandedBack => "handed back",
        LeaseEnd::Expired => "lapsed: no heartbeat",
        LeaseEnd::NotEngaged => "lapsed: not engaged in time",
        LeaseEnd::HolderLost => "lost: the holder's connection broke",
        LeaseEnd::DemandEnded => "over: the demand ended",
        LeaseEnd::Estopped => "over: the agent was stopped",
        LeaseEnd::Fallback => "over: the agent fell back",
        LeaseEnd::MonitorRestarted => "void: the monitor restarted",
        LeaseEnd::AgentRestarted => "void: the agent restarted",
        LeaseEnd::HandedOver => "handed over to somebody else",
        LeaseEnd::PreEmpted => "over: a supervisor took control",
        LeaseEnd::LocalOverride => "over: somebody at the agent took control",
        LeaseEnd::AccessEnded => "over: the holder may act no longer",
        LeaseEnd::OutOfService => "over: the agent is out of service",
    }
}

/// Returns a count with its noun: `1 agent`, `3 agents`.
pub fn counted(count: u64, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

/// Returns an age: `0.4 s`, `1:05` (minutes and seconds), `2h10m`, `3d4h`; at most six characters below a
/// hundred days, so that no column cuts it into another value; rounded up to tenths, so never younger than it is.
pub fn age(span: Duration) -> String {
    if span < Duration::from_mins(1) {
        let tenths = span.as_nanos().div_ceil(100_000_000);
        return if tenths < 600 { format!("{}.{} s", tenths / 10, tenths % 10) } else { "1:00".to_owned() };
    }
    long(span.as_secs())
}

/// Returns what is left of a deadline: `7.2 s`, `4:05`, `2h10m`; rounded down to tenths, so never more than there is.
pub fn countdown(left: Duration) -> String {
    if left < Duration::from_mins(1) {
        let tenths = left.as_millis() / 100;
        return format!("{}.{} s", tenths / 10, tenths % 10);
    }
    long(left.as_secs())
}

fn long(secs: u64) -> String {
    let (minutes, hours, days) = (secs / 60, secs / 3_600, secs / 86_400);
    if hours == 0 {
        format!("{minutes}:{:02}", secs % 60)
    } else if days == 0 {
        format!("{hours}h{:02}m", minutes % 60)
    } else {
        format!("{days}d{}h", hours % 24)
    }
}

/// Returns which part of `whole` a span is, 0 to 1.
pub(crate) fn share(part: Duration, whole: Duration) -> f64 {
    (part.as_secs_f64() / whole.as_secs_f64()).clamp(0.0, 1.0)
}

/// Returns a number with about four significant digits; `missing` for NaN.
pub fn number(value: f64) -> String {
    if value.is_nan() {
        return "missing".to_owned();
    }
    let size = value.abs();
    if value == 0.0 {
        "0".to_owned()
    } else if !(0.001..1_000_000.0).contains(&size) {
        format!("{value:.2e}")
    } else if size >= 1_000.0 {
        format!("{value:.0}")
    } else if size >= 100.0 {
        format!("{value:.1}")
    } else if size >= 1.0 {
        format!("{value:.2}")
    } else {
        format!("{value:.3}")
    }
}

/// Returns a number as people say it in a sentence: about four significant digits, no zeros at its end.
pub(crate) fn plain(value: f64) -> String {
    let text = number(value);
    if !text.contains('.') || text.contains('e') {
        return text;
    }
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Returns a span as minutes and seconds: `0:21`, `12:05`; hours as [`age`] has them.
pub(crate) fn minutes(span: Duration) -> String {
    long(span.as_secs())
}

/// Returns a span in whole milliseconds, rounded up: never shorter than it is.
pub(crate) fn millis(span: Duration) -> String {
    format!("{} ms", span.as_nanos().div_ceil(1_000_000))
}
/// Returns the words of a task.
pub fn task_words(verb: TaskVerb) -> String {
    verb.word().replace('_', " ")
}
