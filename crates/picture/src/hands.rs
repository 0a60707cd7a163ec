//! What a press means: keys and buttons of both consoles go through [`Hands`] and come out as intents.
//!
//! It holds what lies between two presses: a takeover begun and not yet completed, a stop that waits for its
//! confirmation, an open question, a wheel in the hand. Every press names the agent or alert that it is meant
//! for; nothing here knows rows. It never acts by itself.
//!
//! Deliberately not here: keys, text fields, layout, and the setpoints of manual driving.

mod alerts;
mod begun;
mod question;
mod stops;

pub use question::{MAX_TYPED, Question};

use crate::{
    Action, Intent, Picture, Unavailable,
    view::{self, Tone},
};
use begun::{Begun, First};
use question::Open;
use std::time::Duration;
use stops::Stops;
use watchkeeper_model::{
    AgentId, AlertId, CommandArgs, CommandKind, ControlState, DemandId, FallbackLevel, MonoTime,
    OperatorRole, Permission, Verdict,
};

/// How long a key that must be pressed twice waits for the second press.
pub const CONFIRM_WITHIN: Duration = Duration::from_secs(3);
/// How long control must have been seen as granted before it can be engaged: the second input is another
/// decision, not the second half of a double click.
pub const READ_FIRST: Duration = Duration::from_millis(700);

/// One deliberate input of a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Press {
    /// Something to do to the selected agent.
    Action(Action),
    /// Take note of an alert.
    Acknowledge(AlertId),
    /// Put an alert aside; asks for how long and why.
    Shelve(AlertId),
    /// Take an alert back before its time.
    Unshelve(AlertId),
    /// Take what an alert is about out of service; asks why.
    TakeOut(AlertId),
    /// Bring an alert back into service.
    PutBack(AlertId),
    /// Let an alert go that is latched.
    Reset(AlertId),
    /// Answer somebody who asks for control.
    Answer {
        /// Of which agent.
        agent: AgentId,
        /// Which wish, as the agent's status names it.
        request_id: u64,
        /// Let him have it.
        accept: bool,
    },
    /// Say what a takeover was worth.
    Label {
        /// Which takeover.
        demand: DemandId,
        /// What it was.
        verdict: Verdict,
    },
    /// The answer to the open question.
    Typed(Typed),
    /// Drop what is open, the nearest first: the question, the wheel, the takeover that was begun.
    Escape,
}

/// An answer to the open question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Typed {
    /// What was typed. The question stays open where it is of no use.
    Text(String),
    /// No answer: nothing is sent.
    Cancel,
}

/// One line that tells a person what a press did, or why it did nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// How it is meant.
    pub tone: Tone,
    /// In words.
    pub text: String,
}

impl Said {
    pub(crate) fn new(tone: Tone, text: impl Into<String>) -> Self {
        Self { tone, text: text.into() }
    }
}

/// What became of a press.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pressed {
    /// What the person wants; for the client SDK, in this order.
    pub intents: Vec<Intent>,
    /// What to tell him; `None` where the screen says it anyway: a question is open, or a countdown runs.
    pub said: Option<Said>,
}

impl Pressed {
    fn silent() -> Self {
        Self::default()
    }

    fn said(tone: Tone, text: impl Into<String>) -> Self {
        Self { intents: vec![], said: Some(Said::new(tone, text)) }
    }

    fn not_sent(what: impl std::fmt::Display, why: impl std::fmt::Display) -> Self {
        Self::said(Tone::Warning, format!("NOT SENT: {what}: {why}"))
    }

    fn sent(intent: Intent, what: impl std::fmt::Display) -> Self {
        Self { intents: vec![intent], said: Some(Said::new(Tone::Own, format!("sent: {what}"))) }
    }
}

/// What lies between two presses of one person.
#[derive(Clone, Debug, Default)]
pub struct Hands {
    begun: Option<Begun>,
    stops: Stops,
    open: Option<Open>,
    manual: Option<AgentId>,
}

impl Hands {
    /// Makes hands that have not pressed anything.
    pub const fn new() -> Self {
        Self { begun: None, stops: Stops::new(), open: None, manual: None }
    }

    /// Takes one press. `selected` is the agent that an action is meant for.
    pub fn press(
        &mut self,
        press: &Press,
        selected: Option<&AgentId>,
        picture: &Picture,
        now: MonoTime,
    ) -> Pressed {
        // Whoever drives by hand and calls for a stop means what he drives.
        let driven = self.manual.clone().filter(|_| *press == Press::Action(Action::Stop));
        let selected = driven.as_ref().or(selected);
        match press {
            Press::Action(action) => match selected {
                Some(agent) => self.act(*action, agent, picture, now),
                None => Pressed::said(Tone::Warning, "select an agent first"),
            },
            Press::Acknowledge(alert) => alerts::acknowledge(*alert, picture),
            Press::Shelve(alert) => match alerts::check_shelve(picture, *alert, now) {
                Ok(alarm) => self.ask(Open::shelve(alarm)),
                Err(why) => Pressed::not_sent(format_args!("shelve {alert}"), why),
            },
            Press::Unshelve(alert) => alerts::unshelve(*alert, picture, now),
            Press::TakeOut(alert) => match alerts::check_take_out(picture, *alert, now) {
                Ok(alarm) => self.ask(Open::take_out(alarm)),
                Err(why) => Pressed::not_sent(format_args!("take {alert} out of service"), why),
            },
            Press::PutBack(alert) => alerts::put_back(*alert, picture, now),
            Press::Reset(alert) => alerts::reset(*alert, picture, now),
            Press::Answer { agent, request_id, accept } => answer(agent, *request_id, *accept, picture),
            Press::Label { demand, verdict } => alerts::label(*demand, *verdict, picture),
            Press::Typed(Typed::Cancel) => self.cancel(),
            Press::Typed(Typed::Text(text)) => self.submit(text, picture, now),
            Press::Escape => self.escape(),
        }
    }

    /// Returns the question that waits for an answer.
    pub fn question(&self) -> Option<&Question> {
        self.open.as_ref().map(Open::question)
    }

    /// Returns the agent whose takeover was begun: the next ENGAGE is for it and no other.
    pub fn armed(&self) -> Option<&AgentId> {
        self.begun.as_ref().map(Begun::agent)
    }

    /// Returns how long is left for the second input; `None` before control was granted, and where nothing was
    /// begun.
    pub fn engage_left(&self, picture: &Picture, now: MonoTime) -> Option<Duration> {
        begun::engage_left(picture, self.armed()?, now)
    }

    /// Returns the agent that a second press of stop would stop too: many were stopped within ten seconds.
    pub fn stop_awaits_confirmation(&self, now: MonoTime) -> Option<&AgentId> {
        self.stops.awaits(now)
    }

    /// Returns the vehicle whose wheel is in this person's hands. A console steers it from the first frame on in
    /// which its dead-man is held.
    pub const fn manual(&self) -> Option<&AgentId> {
        self.manual.as_ref()
    }

    /// Takes note that the person looks at `agent` now: nobody drives by hand what he does not look at.
    ///
    /// Returns what he must be told of it.
    pub fn look_at(&mut self, agent: &AgentId) -> Option<Said> {
        let driven = self.manual.take_if(|driven| driven != agent)?;
        let text = format!("you let go of {driven}: you look at {agent} now; {driven} slows down");
        Some(Said::new(Tone::Warning, text))
    }

    /// Forgets what has become void; returns what the person must be told of it.
    ///
    /// To be called with every new picture and before every frame.
    pub fn refresh(&mut self, picture: &Picture, now: MonoTime) -> Vec<Said> {
        let mut told = vec![];
        if let Some(begun) = &mut self.begun {
            match begun.refresh(picture, now) {
                begun::Standing::Open => {}
                begun::Standing::Void(said) => {
                    self.begun = None;
                    told.extend(said);
                }
            }
        }
        if let Some(agent) = self.manual.take_if(|agent| !is_in_control(picture, agent)) {
            told.push(Said::new(Tone::Warning, format!("you no longer drive {agent} by hand")));
        }
        if let Some(open) = self.open.take_if(|open| open.is_void(picture)) {
            told.push(Said::new(Tone::Warning, format!("nothing sent: {} is gone", open.whom())));
        }
        told
    }

    fn act(&mut self, action: Action, agent: &AgentId, picture: &Picture, now: MonoTime) -> Pressed {
        let allowed = action.check(picture, agent, now);
        // Both inputs of a takeover answer a refusal in their own words.
        let takes_over = matches!(action, Action::Claim | Action::Engage);
        if let Err(why) = &allowed
            && !takes_over
        {
            return Pressed::not_sent(format_args!("{} {agent}", action.verb()), why);
        }
        self.let_go(action, agent);
        let command = |kind, args| Intent::Command { agent: agent.clone(), kind, args };
        let intent = match action {
            Action::Claim => return self.claim(agent, allowed, picture, now),
            Action::Engage => return self.engage(agent, allowed, picture, now),
            Action::Stop => return self.stops.stop(agent, now),
            Action::SpeedCap => return self.ask(Open::speed_cap(agent)),
            Action::Dismiss => return self.ask(Open::dismiss(agent)),
            Action::ClearLatch => return self.ask_latch(agent, picture),
            Action::Manual => return self.take_the_wheel(agent),
            Action::RequestHandover => return self.request(agent, picture, now),
            Action::AllowTakeover => return allow(agent, picture),
            Action::Decide => return self.ask_answer(agent, picture),
            Action::Waive => return self.ask_waiver(agent, picture),
            Action::Task => return self.ask_task(agent, picture),
            Action::Hold => command(CommandKind::Hold, CommandArgs::default()),
            Action::Resume => command(CommandKind::Resume, CommandArgs::default()),
            // Level 1 is what HOLD means without a lease, level 3 is nearly a stop: this key is the level between.
            Action::MinimalRisk => {
                let args = CommandArgs { level: Some(FallbackLevel::CONTAIN), ..CommandArgs::default() };
                command(CommandKind::MinimalRisk, args)
            }
            Action::HandBack => Intent::HandBack { agent: agent.clone() },
            Action::Release => Intent::Release { agent: agent.clone() },
        };
        Pressed::sent(intent, format_args!("{} {agent}", action.verb()))
    }

    /// The first deliberate input. On an agent that is already this person's it arms the second again.
    fn claim(
        &mut self,
        agent: &AgentId,
        allowed: Result<(), Unavailable>,
        picture: &Picture,
        now: MonoTime,
    ) -> Pressed {
        let intents = match allowed {
            Ok(()) => vec![Intent::Claim { agent: agent.clone() }],
            Err(Unavailable::AlreadyYours) => vec![],
            Err(why @ Unavailable::HeldBy(_)) => {
                let asks = Action::RequestHandover.check(picture, agent, now).is_ok();
                let hint = if asks { "; o asks for it" } else { "" };
                return Pressed::not_sent(format_args!("take over {agent}"), format_args!("{why}{hint}"));
            }
            Err(why) => return Pressed::not_sent(format_args!("take over {agent}"), why),
        };
        let mut begun = Begun::new(agent, First::Claim, now);
        begun.see(picture, now);
        self.begun = Some(begun);
        // Consoles count down from what the monitor says.
        Pressed { intents, said: None }
    }

    /// The second deliberate input: for the same agent, and before its claim lapses.
    fn engage(
        &mut self,
        agent: &AgentId,
        allowed: Result<(), Unavailable>,
        picture: &Picture,
        now: MonoTime,
    ) -> Pressed {
        let Some(begun) = &mut self.begun else {
            let text = format!("press t first: taking control of {agent} needs two inputs");
            return Pressed::said(Tone::Warning, text);
        };
        if begun.agent() != agent {
            let text = format!("you began to take over {}; press t for {agent}", begun.agent());
            return Pressed::said(Tone::Warning, text);
        }
        if let Err(why) = allowed {
            let what = format!("engage {agent}");
            return if why == Unavailable::ClaimFirst {
                Pressed::not_sent(what, "not granted yet")
            } else {
                Pressed::not_sent(what, why)
            };
        }
        begun.see(picture, now);
        if !begun.was_read(now) {
            return Pressed::not_sent(format_args!("engage {agent}"), "read first: press again");
        }
        self.begun = None;
        let latches = picture.agent(agent).map(view::takeover::releases).unwrap_or_default();
        Pressed::sent(Intent::Engage { agent: agent.clone(), latches }, format_args!("engage {agent}"))
    }

    /// Ends manual driving where an action means that somebody or something else drives from here on.
    fn let_go(&mut self, action: Action, agent: &AgentId) {
        let ends = match action {
            Action::Hold
            | Action::Resume
            | Action::MinimalRisk
            | Action::HandBack
            | Action::Release
            | Action::Stop => true,
            Action::Claim
            | Action::Engage
            | Action::SpeedCap
            | Action::Dismiss
            | Action::ClearLatch
            | Action::Manual
            | Action::RequestHandover
            | Action::AllowTakeover
            | Action::Decide
            | Action::Waive
            | Action::Task => false,
        };
        self.manual.take_if(|driven| ends && driven == agent);
    }

    fn take_the_wheel(&mut self, agent: &AgentId) -> Pressed {
        if self.open.is_some() {
            return Pressed::not_sent(
                format_args!("drive {agent}"),
                "answer the question first (Esc drops it)",
            );
        }
        self.manual = Some(agent.clone());
        let text = format!("to drive {agent} hold space and steer with the arrows; Esc lets go");
        Pressed::said(Tone::Own, text)
    }

    fn request(&mut self, agent: &AgentId, picture: &Picture, now: MonoTime) -> Pressed {
        if picture.me().is_some_and(|me| me.role.may(Permission::PreEmpt)) {
            let holder = picture.holder(agent).map_or_else(|| "its holder".to_owned(), ToString::to_string);
            return self.ask(Open::preempt(agent, &holder));
        }
        self.begun = Some(Begun::new(agent, First::Request, now));
        let intent = Intent::RequestHandover { agent: agent.clone(), preempt: false, reason: None };
        Pressed::sent(intent, format_args!("ask for control of {agent}"))
    }

    fn ask_task(&mut self, agent: &AgentId, picture: &Picture) -> Pressed {
        let offered = picture.agent(agent).map(|entry| entry.status().tasks.as_slice()).unwrap_or_default();
        self.ask(Open::task(agent, offered))
    }

    fn ask_latch(&mut self, agent: &AgentId, picture: &Picture) -> Pressed {
        let role = picture.me().map_or(OperatorRole::Observer, |me| me.role);
        let latch = picture.agent(agent).and_then(|entry| Action::clearable_latch(entry.status(), role));
        latch.map_or_else(Pressed::silent, |latch| self.ask(Open::clear_latch(agent, latch.latch_id)))
    }

    /// The oldest question is answered first.
    fn ask_answer(&mut self, agent: &AgentId, picture: &Picture) -> Pressed {
        let asked = picture.agent(agent).and_then(|entry| entry.status().questions.first());
        asked.map_or_else(Pressed::silent, |question| self.ask(Open::decide(agent, question)))
    }

    fn ask_waiver(&mut self, agent: &AgentId, picture: &Picture) -> Pressed {
        let holder = picture.holder(agent).map_or_else(|| "its holder".to_owned(), ToString::to_string);
        self.ask(Open::waive(agent, &holder))
    }

    fn ask(&mut self, open: Open) -> Pressed {
        // A question takes the keyboard, and with it the dead-man's key.
        if self.manual.is_some() {
            return Pressed::said(Tone::Warning, "let go of the wheel first (Esc)");
        }
        self.open = Some(open);
        Pressed::silent()
    }

    fn cancel(&mut self) -> Pressed {
        match self.open.take() {
            Some(_) => Pressed::said(Tone::Quiet, "nothing sent"),
            None => Pressed::silent(),
        }
    }

    fn submit(&mut self, text: &str, picture: &Picture, now: MonoTime) -> Pressed {
        let Some(open) = self.open.take() else { return Pressed::silent() };
        match open.answer(text, picture, now) {
            question::Answered::Unusable(pressed) => {
                self.open = Some(open);
                pressed
            }
            question::Answered::Done(pressed) => {
                // The reason of a pre-emption was its first deliberate input.
                if let [Intent::RequestHandover { agent, .. }] = pressed.intents.as_slice() {
                    self.begun = Some(Begun::new(agent, First::Request, now));
                }
                pressed
            }
        }
    }

    fn escape(&mut self) -> Pressed {
        if self.open.is_some() {
            return self.cancel();
        }
        if let Some(agent) = self.manual.take() {
            let text = format!("you let go of {agent}: it slows down; h holds it, g lets it go on");
            return Pressed::said(Tone::Warning, text);
        }
        self.stops.disarm();
        match self.begun.take() {
            Some(begun) => {
                Pressed::said(Tone::Quiet, format!("you do not take control of {}", begun.agent()))
            }
            None => Pressed::silent(),
        }
    }
}

/// Returns whether this session drives the agent and can reach it.
fn is_in_control(picture: &Picture, agent: &AgentId) -> bool {
    picture.link().is_connected()
        && picture.agent(agent).is_some_and(|entry| {
            let status = entry.status();
            status.control_state == ControlState::Human
                && status.offline_nanos.is_none()
                && crate::action::Stake::of(picture, status) == crate::action::Stake::Holder
        })
}

fn allow(agent: &AgentId, picture: &Picture) -> Pressed {
    let lease = picture.agent(agent).and_then(|entry| entry.status().lease.as_ref());
    let allowed = !lease.is_some_and(|lease| lease.takeover_allowed);
    let intent = Intent::AllowTakeover { agent: agent.clone(), allowed };
    if allowed {
        Pressed::sent(intent, format_args!("others may take over {agent} without asking"))
    } else {
        Pressed::sent(intent, format_args!("others must ask for {agent}"))
    }
}

fn answer(agent: &AgentId, request_id: u64, accept: bool, picture: &Picture) -> Pressed {
    let what = if accept { format!("hand {agent} over") } else { format!("keep {agent}") };
    if let Err(why) = Unavailable::of_session(picture) {
        return Pressed::not_sent(what, why);
    }
    let lease = picture.agent(agent).and_then(|entry| entry.status().lease.as_ref());
    let mine = picture.me().map(|me| me.session_id);
    let Some(lease) = lease.filter(|lease| Some(lease.session_id) == mine) else {
        return Pressed::not_sent(what, "you do not hold it");
    };
    let Some(handover) = lease.handover.as_ref().filter(|handover| handover.request_id == request_id) else {
        return Pressed::not_sent(what, "nobody asks for it any more");
    };
    let what = if accept {
        format!("hand {agent} over to {}: you drive until he engages", handover.by)
    } else {
        what
    };
    Pressed::sent(Intent::AnswerHandover { agent: agent.clone(), request_id, accept }, what)
}
