//! The engine and the pictures of a recording that is played.

use super::{ORIGIN, feed::Item};
use anyhow::Context;
use std::time::Duration;
use watchkeeper_engine::{Config, Engine, EngineInput, Opening, Output};
use watchkeeper_model::{MonoTime, OperatorRole, Permission, PersonId, SessionId};
use watchkeeper_picture::Picture;
use watchkeeper_protocol::{
    SessionKind, ToOperator,
    operator::{ConsoleKind, OperatorHello},
};

/// The session of the onlooker that is added to the recording; no monitor counts so far.
const ONLOOKER: SessionId = SessionId(u64::MAX);

/// Plays inputs through a fresh engine and folds what it says.
#[derive(Debug)]
pub(super) struct Player {
    viewer: Option<PersonId>,
    /// The run that is about to begin, or has begun.
    run: Option<Run>,
    /// What an onlooker would have seen.
    onlooker: Picture,
    /// What the viewer was shown, and in which session, while he was there.
    seen: Option<(SessionId, Picture)>,
    at: Duration,
}

#[derive(Debug)]
struct Run {
    opening: Box<Opening>,
    config: Config,
    engine: Option<Engine>,
}

impl Player {
    pub(super) const fn new(viewer: Option<PersonId>) -> Self {
        Self { viewer, run: None, onlooker: Picture::new(), seen: None, at: Duration::ZERO }
    }

    pub(super) fn is_seen_by(&self, viewer: Option<&PersonId>) -> bool {
        self.viewer.as_ref() == viewer
    }

    /// Returns up to where the recording has been played.
    pub(super) const fn at(&self) -> Duration {
        self.at
    }

    pub(super) fn picture(&self) -> &Picture {
        self.seen.as_ref().map_or(&self.onlooker, |(_, picture)| picture)
    }

    /// Plays one item; `told` hears all that an onlooker is told, and every operator who comes.
    pub(super) fn take(
        &mut self,
        item: Item,
        mut told: impl FnMut(Duration, Told<'_>),
    ) -> anyhow::Result<()> {
        match item {
            Item::Run(opening) => {
                let config = Config::parse(&opening.configuration)
                    .context("reading back the configuration of the recorded monitor")?;
                let now = ORIGIN.after(self.at);
                self.onlooker.handle_disconnected(now);
                self.seen = None;
                self.run = Some(Run { opening, config, engine: None });
                Ok(())
            }
            Item::Input { at, now, input } => {
                self.at = at;
                self.feed(now, *input, &mut told);
                Ok(())
            }
            Item::End | Item::Failed(_) => Ok(()),
        }
    }

    fn feed(&mut self, now: MonoTime, input: EngineInput, told: &mut impl FnMut(Duration, Told<'_>)) {
        let Some(run) = &mut self.run else { return };
        let shown_at = ORIGIN.after(self.at);
        let input = match input {
            // The onlooker's hello is one input more than the record counts.
            EngineInput::Durable { input, head } if run.engine.is_some() => {
                EngineInput::Durable { input: input + 1, head }
            }
            EngineInput::OperatorConnected { session, hello, access } => {
                if hello.role.may(Permission::Drive) {
                    told(self.at, Told::Operator(&hello.person));
                }
                if Some(&hello.person) == self.viewer.as_ref() {
                    let mut picture = Picture::new();
                    picture.handle_connected(shown_at);
                    self.seen = Some((session, picture));
                    // He may have resumed; here everything is told anew.
                    let hello = OperatorHello { resume: None, ..hello };
                    EngineInput::OperatorConnected { session, hello, access }
                } else {
                    EngineInput::OperatorConnected { session, hello, access }
                }
            }
            EngineInput::Disconnected { session } => {
                if self.seen.as_ref().is_some_and(|(seen, _)| *seen == session) {
                    self.seen = None;
                }
                EngineInput::Disconnected { session }
            }
            other @ (EngineInput::AgentConnected { .. }
            | EngineInput::AccessChanged { .. }
            | EngineInput::Agent { .. }
            | EngineInput::Operator { .. }
            | EngineInput::Delivered { .. }
            | EngineInput::Durable { .. }
            | EngineInput::LedgerPressure { .. }
            | EngineInput::RefusedFrames { .. }
            | EngineInput::RulesChanged { .. }
            | EngineInput::Timeout) => other,
        };
        let is_first = run.engine.is_none();
        let engine = run.engine.get_or_insert_with(|| Engine::new(run.config.clone(), &run.opening, now));
        engine.handle(input, now);
        if is_first {
            self.onlooker.handle_connected(shown_at);
            engine.handle(
                EngineInput::OperatorConnected { session: ONLOOKER, hello: onlooker(), access: None },
                now,
            );
        }
        while let Some(output) = engine.poll_output() {
            let Output::ToOperators { to, message } = output else { continue };
            // What the monitor estimated of a console's clock says nothing about the clock of this replay.
            if matches!(*message, ToOperator::Ping(_)) {
                continue;
            }
            if to.contains(&ONLOOKER) {
                self.onlooker.handle(&message, shown_at);
                told(self.at, Told::Message(&message));
            }
            if let Some((_, picture)) = self.seen.as_mut().filter(|(session, _)| to.contains(session)) {
                picture.handle(&message, shown_at);
            }
        }
    }
}

/// What an index is made of.
pub(super) enum Told<'a> {
    /// An operator or supervisor comes.
    Operator(&'a PersonId),
    /// Every console is told this.
    Message(&'a ToOperator),
}

fn onlooker() -> OperatorHello {
    OperatorHello {
        session: SessionKind::Operator,
        token: None,
        person: PersonId::new("replay").expect("a word is a name"),
        role: OperatorRole::Observer,
        console: ConsoleKind::Headless,
        resume: None,
    }
}
