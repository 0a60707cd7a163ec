//! What a person must type before something can be sent: reasons, spans, a speed.

use super::{Pressed, alerts};
use crate::{
    Action, Intent, Picture,
    task::{read_task, span},
    view,
};
use std::time::Duration;
use watchkeeper_model::{
    AgentId, Alarm, AlertId, CommandArgs, CommandKind, LatchId, MAX_SHELVED, MonoTime, Note, TaskVerb,
};
use watchkeeper_protocol::agent::Question as Asked;

/// Most characters that a person may type: they fit a note, whatever they are.
pub const MAX_TYPED: usize = 120;
/// How long an alert is shelved where the person did not say.
const SHELVED: Duration = Duration::from_hours(1);

/// A question to the person. Whom it is about was fixed when it was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// The question, with the name of whom it is about.
    pub prompt: String,
    /// What may be typed, with an example.
    pub hint: String,
}

/// A question together with what its answer will be sent as.
#[derive(Clone, Debug)]
pub(super) struct Open {
    question: Question,
    subject: Subject,
}

/// What a question is about, fixed when it was asked.
#[derive(Clone, Debug)]
enum Subject {
    SpeedCap(AgentId),
    Dismiss(AgentId),
    ClearLatch(AgentId, LatchId),
    Preempt(AgentId),
    Waive(AgentId),
    Decide(AgentId, Box<Asked>),
    Shelve(AlertId, AgentId),
    TakeOut(AlertId, AgentId),
    Task(AgentId, Vec<TaskVerb>),
}

/// What an answer led to.
pub(super) enum Answered {
    /// It is of no use: the question stays.
    Unusable(Pressed),
    /// The question is over.
    Done(Pressed),
}

const REASON: &str = "a reason, for the record";

impl Open {
    pub(super) fn speed_cap(agent: &AgentId) -> Self {
        let prompt = format!("how fast may {agent} drive at most, in m/s?");
        Self::about(Subject::SpeedCap(agent.clone()), prompt, "a number, 0 or more: 4.5")
    }

    pub(super) fn dismiss(agent: &AgentId) -> Self {
        let prompt = format!("why is the demand of {agent} a false alarm?");
        Self::about(Subject::Dismiss(agent.clone()), prompt, REASON)
    }

    pub(super) fn clear_latch(agent: &AgentId, latch: LatchId) -> Self {
        let prompt = format!("why may latch {latch} of {agent} go?");
        Self::about(Subject::ClearLatch(agent.clone(), latch), prompt, REASON)
    }

    pub(super) fn preempt(agent: &AgentId, holder: &str) -> Self {
        let prompt = format!("why take {agent} from {holder}?");
        Self::about(Subject::Preempt(agent.clone()), prompt, REASON)
    }

    pub(super) fn waive(agent: &AgentId, holder: &str) -> Self {
        let prompt = format!("why may {holder} hand {agent} back though the cause is still there?");
        Self::about(Subject::Waive(agent.clone()), prompt, REASON)
    }

    /// The agent's own question, passed on.
    pub(super) fn decide(agent: &AgentId, asked: &Asked) -> Self {
        let hint = format!("the number of an answer: {}", view::questions::options(asked));
        let prompt = format!("{agent} asks: {}", asked.prompt);
        Self::about(Subject::Decide(agent.clone(), Box::new(asked.clone())), prompt, &hint)
    }

    pub(super) fn shelve(alarm: &Alarm) -> Self {
        let prompt = format!("why shelve alert {} of {}?", alarm.alert_id, alarm.agent);
        let hint = "a reason; for 1 h, or say first how long, at most 8 h: 30m sensor being replaced";
        Self::about(Subject::Shelve(alarm.alert_id, alarm.agent.clone()), prompt, hint)
    }

    pub(super) fn take_out(alarm: &Alarm) -> Self {
        let prompt = format!("why take alert {} of {} out of service?", alarm.alert_id, alarm.agent);
        Self::about(Subject::TakeOut(alarm.alert_id, alarm.agent.clone()), prompt, REASON)
    }

    pub(super) fn task(agent: &AgentId, offered: &[TaskVerb]) -> Self {
        let words: Vec<_> = offered.iter().map(|verb| verb.word()).collect();
        let hint = format!("a task, and what it needs: {}", words.join(", "));
        let prompt = format!("what shall {agent} do?");
        Self::about(Subject::Task(agent.clone(), offered.to_vec()), prompt, &hint)
    }

    fn about(subject: Subject, prompt: String, hint: &str) -> Self {
        Self { question: Question { prompt, hint: hint.to_owned() }, subject }
    }

    pub(super) const fn question(&self) -> &Question {
        &self.question
    }

    /// Returns whether nobody knows any more what it is about.
    pub(super) fn is_void(&self, picture: &Picture) -> bool {
        picture.is_current()
            && match &self.subject {
                Subject::SpeedCap(agent)
                | Subject::Dismiss(agent)
                | Subject::ClearLatch(agent, _)
                | Subject::Preempt(agent)
                | Subject::Waive(agent)
                | Subject::Task(agent, _) => picture.agent(agent).is_none(),
                Subject::Decide(agent, asked) => picture.agent(agent).is_none_or(|entry| {
                    entry.status().questions.iter().all(|open| open.scene_id != asked.scene_id)
                }),
                Subject::Shelve(alert, _) | Subject::TakeOut(alert, _) => picture.alert(*alert).is_none(),
            }
    }

    /// Returns what it is about, in words.
    pub(super) fn whom(&self) -> String {
        match &self.subject {
            Subject::SpeedCap(agent)
            | Subject::Dismiss(agent)
            | Subject::ClearLatch(agent, _)
            | Subject::Preempt(agent)
            | Subject::Waive(agent)
            | Subject::Task(agent, _) => agent.to_string(),
            Subject::Decide(agent, _) => format!("the question of {agent}"),
            Subject::Shelve(alert, agent) | Subject::TakeOut(alert, agent) => {
                format!("alert {alert} of {agent}")
            }
        }
    }

    /// Takes an answer. Much may have changed while the person was typing, so everything is checked again.
    pub(super) fn answer(&self, text: &str, picture: &Picture, now: MonoTime) -> Answered {
        let none = CommandArgs::default;
        match &self.subject {
            Subject::SpeedCap(agent) => {
                let args = speed(text).map(|speed| CommandArgs { speed_mps: Some(speed), ..none() });
                command(Action::SpeedCap, CommandKind::SpeedCap, agent, args, picture, now)
            }
            Subject::Dismiss(agent) => {
                let args = reason(text).map(|reason| CommandArgs { reason: Some(reason), ..none() });
                command(Action::Dismiss, CommandKind::Dismiss, agent, args, picture, now)
            }
            Subject::ClearLatch(agent, latch) => {
                let args = reason(text).map(|reason| CommandArgs {
                    latch_id: Some(*latch),
                    reason: Some(reason),
                    ..none()
                });
                command(Action::ClearLatch, CommandKind::ClearLatch, agent, args, picture, now)
            }
            Subject::Preempt(agent) => preempt(agent, text, picture, now),
            Subject::Waive(agent) => waive(agent, text, picture, now),
            Subject::Decide(agent, asked) => {
                let args = option(text, asked).map(|option| CommandArgs {
                    scene_id: Some(asked.scene_id),
                    option: Some(option),
                    ..none()
                });
                command(Action::Decide, CommandKind::Decide, agent, args, picture, now)
            }
            Subject::Shelve(alert, agent) => shelve(*alert, agent, text, picture, now),
            Subject::TakeOut(alert, agent) => take_out(*alert, agent, text, picture, now),
            Subject::Task(agent, offered) => task(agent, text, offered, picture, now),
        }
    }
}

/// What was typed cannot be sent; says what is needed.
struct Needs(&'static str);

fn command(
    action: Action,
    kind: CommandKind,
    agent: &AgentId,
    args: Result<CommandArgs, Needs>,
    picture: &Picture,
    now: MonoTime,
) -> Answered {
    let args = match args {
        Ok(args) => args,
        Err(needs) => return needs.of(action.verb()),
    };
    let what = format!("{} {agent}", action.verb());
    Answered::Done(match action.check(picture, agent, now) {
        Ok(()) => Pressed::sent(Intent::Command { agent: agent.clone(), kind, args }, what),
        Err(why) => Pressed::not_sent(what, why),
    })
}

fn task(agent: &AgentId, text: &str, offered: &[TaskVerb], picture: &Picture, now: MonoTime) -> Answered {
    let (verb, args) = match read_task(text, offered) {
        Ok(task) => task,
        Err(needs) => return needs_more("a task", &needs),
    };
    let what = format!("{} for {agent}", view::task_words(verb));
    Answered::Done(match Action::check_task(verb, picture, agent, now) {
        Ok(()) => {
            let kind = CommandKind::Task(verb);
            Pressed::sent(Intent::Command { agent: agent.clone(), kind, args }, what)
        }
        Err(why) => Pressed::not_sent(what, why),
    })
}

fn preempt(agent: &AgentId, text: &str, picture: &Picture, now: MonoTime) -> Answered {
    let what = format!("take control of {agent}");
    let reason = match reason(text) {
        Ok(reason) => reason,
        Err(needs) => return needs.of(&what),
    };
    Answered::Done(match Action::RequestHandover.check(picture, agent, now) {
        Ok(()) => {
            let reason = Some(reason);
            Pressed::sent(Intent::RequestHandover { agent: agent.clone(), preempt: true, reason }, what)
        }
        Err(why) => Pressed::not_sent(what, why),
    })
}

fn waive(agent: &AgentId, text: &str, picture: &Picture, now: MonoTime) -> Answered {
    let what = format!("waive the cause at {agent}");
    let reason = match reason(text) {
        Ok(reason) => reason,
        Err(needs) => return needs.of(&what),
    };
    Answered::Done(match Action::Waive.check(picture, agent, now) {
        Ok(()) => Pressed::sent(Intent::Waive { agent: agent.clone(), reason }, what),
        Err(why) => Pressed::not_sent(what, why),
    })
}

fn shelve(alert: AlertId, agent: &AgentId, text: &str, picture: &Picture, now: MonoTime) -> Answered {
    let what = format!("shelve {alert} of {agent}");
    let (span, reason) = match span_and_reason(text) {
        Ok(both) => both,
        Err(needs) => return needs.of("shelving"),
    };
    Answered::Done(match alerts::check_shelve(picture, alert, now) {
        Ok(_) => {
            let what = format!("{what} for {}", in_words(span));
            Pressed::sent(Intent::Shelve { alert, span, reason }, what)
        }
        Err(why) => Pressed::not_sent(what, why),
    })
}

fn take_out(alert: AlertId, agent: &AgentId, text: &str, picture: &Picture, now: MonoTime) -> Answered {
    let what = format!("take {alert} of {agent} out of service");
    let reason = match reason(text) {
        Ok(reason) => reason,
        Err(needs) => return needs.of("taking it out of service"),
    };
    Answered::Done(match alerts::check_take_out(picture, alert, now) {
        Ok(alarm) => {
            let (agent, cause, subject) = (alarm.agent.clone(), alarm.cause, alarm.subject.clone());
            Pressed::sent(Intent::TakeOutOfService { agent, cause, subject, reason }, what)
        }
        Err(why) => Pressed::not_sent(what, why),
    })
}

impl Needs {
    fn of(&self, what: &str) -> Answered {
        needs_more(what, self.0)
    }
}

fn needs_more(what: &str, needs: &str) -> Answered {
    let text = format!("NOT SENT: {what} needs {needs}");
    Answered::Unusable(Pressed::said(view::Tone::Warning, text))
}

fn speed(text: &str) -> Result<f64, Needs> {
    let speed: Option<f64> = text.trim().replace(',', ".").parse().ok();
    speed.filter(|speed| speed.is_finite() && *speed >= 0.0).ok_or(Needs("a speed in m/s, 0 or more"))
}

/// Reads the number of an option, or its words.
fn option(text: &str, asked: &Asked) -> Result<u8, Needs> {
    let text = text.trim();
    let by_words = asked.options.iter().position(|option| option.as_str().eq_ignore_ascii_case(text));
    let number = text.parse().ok().or(by_words).filter(|number| *number < asked.options.len());
    number.and_then(|number| u8::try_from(number).ok()).ok_or(Needs("the number of one of the answers"))
}

fn reason(text: &str) -> Result<Note, Needs> {
    let text = text.trim();
    if text.is_empty() { Err(Needs("a reason")) } else { Ok(Note::cut(text)) }
}

/// Reads `30m sensor being replaced`; without a span it is an hour.
fn span_and_reason(text: &str) -> Result<(Duration, Note), Needs> {
    let text = text.trim();
    let (first, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    match span(first) {
        Some(span) if span.is_zero() || span > MAX_SHELVED => Err(Needs("a span of at most 8 h")),
        Some(span) => Ok((span, reason(rest)?)),
        None => Ok((SHELVED, reason(text)?)),
    }
}

fn in_words(span: Duration) -> String {
    let minutes = span.as_secs() / 60;
    match (minutes / 60, minutes % 60) {
        (0, minutes) => format!("{minutes} min"),
        (hours, 0) => format!("{hours} h"),
        (hours, minutes) => format!("{hours} h {minutes} min"),
    }
}
