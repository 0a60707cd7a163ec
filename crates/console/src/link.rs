//! Where everything on the screen comes from: the monitor, a recording, or a picture that stands still.
//!
//! The only module that talks to the SDK. What came is folded once a frame, and never more than a frame can
//! take; what a person wants goes out at once. Deliberately not here: what to want, and when a frame counts.

mod live;

use crate::{clock, replay::Replay};
use bevy::prelude::*;
use crossbeam_channel::Receiver;
use live::Live;
pub use live::Waker;
use watchkeeper_client::{Intent, OperatorOptions};
use watchkeeper_model::{AgentId, AlertId, ControlState, MonoTime, Setpoint};
use watchkeeper_panels::{ReplayRequest, ReplayRow};
use watchkeeper_picture::{Picture, Said, examples::Situation};
use watchkeeper_protocol::ToOperator;

/// What is shown.
#[derive(Debug)]
pub enum Source {
    /// The monitor, as this operator sees it.
    Live(OperatorOptions),
    /// A picture that never changes.
    Still(Box<Situation>),
    /// A recording.
    Replay(Box<Replay>),
    /// A picture to which a benchmark or a test tells what came, and when.
    Fed {
        /// What is known already.
        picture: Box<Picture>,
        /// The time on the picture's clock; each message moves it on.
        now: MonoTime,
        /// What comes.
        messages: Receiver<(MonoTime, ToOperator)>,
    },
}

#[derive(Debug)]
enum Open {
    Fed { picture: Box<Picture>, now: MonoTime, messages: Receiver<(MonoTime, ToOperator)> },
    Live(Box<Live>),
    Still(Box<Situation>),
    Replay(Box<Replay>),
}

/// The open source, and the time of this frame.
#[derive(Debug, Resource)]
pub struct Link {
    open: Open,
    now: MonoTime,
}

impl Link {
    /// Opens the source. A live one is waited for.
    ///
    /// # Errors
    /// When the monitor does not let this session in, or does not answer; the text says what to do.
    pub fn open(source: Source) -> anyhow::Result<Self> {
        let open = match source {
            Source::Live(options) => Open::Live(Box::new(Live::connect(options)?)),
            Source::Still(situation) => Open::Still(situation),
            Source::Replay(replay) => Open::Replay(replay),
            Source::Fed { picture, now, messages } => Open::Fed { picture, now, messages },
        };
        let mut link = Self { open, now: MonoTime::default() };
        link.tick();
        Ok(link)
    }

    /// Returns what to wake when a loop waits for messages; `None` where nothing comes by itself.
    pub fn waker(&self) -> Option<Waker> {
        match &self.open {
            Open::Live(live) => Some(live.waker()),
            Open::Still(_) | Open::Replay(_) | Open::Fed { .. } => None,
        }
    }

    /// Returns what is shown.
    pub fn picture(&self) -> &Picture {
        match &self.open {
            Open::Live(live) => live.picture(),
            Open::Still(situation) => &situation.picture,
            Open::Replay(replay) => replay.picture(),
            Open::Fed { picture, .. } => picture,
        }
    }

    /// Returns the time of this frame, on the picture's clock.
    pub const fn now(&self) -> MonoTime {
        self.now
    }

    /// Returns whether this console follows a monitor.
    pub const fn is_live(&self) -> bool {
        matches!(self.open, Open::Live(_))
    }

    /// Returns the row of the replay bar; `None` while live.
    pub fn replay_row(&self) -> Option<ReplayRow> {
        match &self.open {
            Open::Replay(replay) => Some(replay.row()),
            Open::Live(_) | Open::Still(_) | Open::Fed { .. } => None,
        }
    }

    /// Sets the time of this frame, and moves a recording on.
    pub(crate) fn tick(&mut self) {
        self.now = match &mut self.open {
            Open::Live(_) => clock::now(),
            Open::Still(situation) => situation.now,
            Open::Replay(replay) => {
                replay.tick(clock::now());
                replay.now()
            }
            Open::Fed { now, .. } => *now,
        };
    }

    /// Folds what came, as much as one frame takes.
    pub(crate) fn drain(&mut self) -> Drained {
        match &mut self.open {
            Open::Live(live) => live.drain(),
            Open::Still(_) => Drained::default(),
            Open::Replay(replay) => Drained { more: replay.is_seeking(), ..Drained::default() },
            Open::Fed { picture, now, messages } => {
                for (at, message) in messages.try_iter() {
                    picture.handle(&message, at);
                    *now = at;
                }
                Drained::default()
            }
        }
    }

    /// Sends what a person wants.
    ///
    /// # Errors
    /// In words, when it cannot be sent.
    pub(crate) fn act(&mut self, intent: Intent) -> Result<(), String> {
        match &mut self.open {
            Open::Live(live) => live.act(intent),
            Open::Still(_) => Err("this picture stands still: nothing can be sent".to_owned()),
            Open::Replay(_) => Err("this is a recording: nothing can be sent".to_owned()),
            Open::Fed { .. } => Err("nobody listens to this picture: nothing can be sent".to_owned()),
        }
    }

    /// Does what the replay bar asks for.
    pub(crate) fn replay(&mut self, request: &ReplayRequest) {
        match &mut self.open {
            Open::Replay(replay) => replay.request(request),
            Open::Live(_) | Open::Still(_) | Open::Fed { .. } => {}
        }
    }

    /// Renews the leases of this session; see [`watchkeeper_client::Operator::heartbeat`].
    pub(crate) fn beat(&mut self, ready: bool, driving: Option<(&AgentId, Setpoint)>) {
        match &mut self.open {
            Open::Live(live) => live.beat(ready, driving),
            Open::Still(_) | Open::Replay(_) | Open::Fed { .. } => {}
        }
    }

    /// Says that a frame was presented at `at`: which alerts it showed, and which agents in IN_TRANSITION.
    pub(crate) fn presented(&mut self, alerts: &[AlertId], changing_hands: &[AgentId], at: MonoTime) {
        // What began to change hands since waits for the frame that shows it.
        let seen_all = self.changing_hands().iter().all(|agent| changing_hands.contains(agent));
        match &mut self.open {
            Open::Live(live) => live.presented(alerts, seen_all && !changing_hands.is_empty(), at),
            Open::Still(_) | Open::Replay(_) | Open::Fed { .. } => {}
        }
    }

    /// Returns the agents of this session that change hands now, as the picture says.
    pub(crate) fn changing_hands(&self) -> Vec<AgentId> {
        self.mine()
            .filter(|(_, state)| *state == ControlState::InTransition)
            .map(|(agent, _)| agent)
            .collect()
    }

    /// Returns whether this person's heartbeats count now: an agent is his, or about to be.
    pub(crate) fn holds_one(&self) -> bool {
        self.mine().next().is_some()
    }

    fn mine(&self) -> impl Iterator<Item = (AgentId, ControlState)> {
        let picture = self.picture();
        let agents = picture.agents().filter(|(agent, _)| picture.my_epoch(agent).is_some());
        agents.map(|(agent, entry)| (agent.clone(), entry.status().control_state))
    }
}

/// What came of folding what came.
#[derive(Debug, Default)]
pub(crate) struct Drained {
    /// A message was folded.
    pub(crate) came: bool,
    /// When each of those came that are news: neither telemetry nor the agents' regular status.
    pub(crate) news: Vec<MonoTime>,
    /// What the person must be told.
    pub(crate) said: Vec<Said>,
    /// More waits, or a jump in a recording is under way: another frame is due at once.
    pub(crate) more: bool,
}

/// Messages were folded for this frame.
#[derive(Debug, Default, Resource)]
pub(crate) struct Arrivals(pub(crate) bool);

/// When the news among them came: what a frame is drawn for at once, and what its latency is measured by.
#[derive(Debug, Default, Resource)]
pub(crate) struct NewsArrivals(pub(crate) Vec<MonoTime>);
