//! A recording, played: what an operator was shown at each moment.
//!
//! The record holds the monitor's inputs. A thread reads them back, a fresh engine takes them with the times they
//! had, and what it says to an operator is folded as a live console folds it. Nothing can be sent.
//!
//! Deliberately not here: judging whether the record is whole (`watchkeeper ledger verify` does), and any drawing.

mod feed;
mod index;
mod player;

use anyhow::Context;
use feed::{Feed, Item};
use index::Indexing;
use player::Player;
use std::{path::PathBuf, time::Duration};
use watchkeeper_ledger::DirReader;
use watchkeeper_model::{MonoTime, PersonId};
use watchkeeper_panels::{ReplayRequest, ReplayRow};
use watchkeeper_picture::Picture;

/// Most inputs that one frame folds, so that a long jump never freezes the window.
const INPUTS_A_FRAME: usize = 4_000;
/// The picture's clock at the start of a recording: later than every age that it may subtract.
const ORIGIN: MonoTime = MonoTime::from_nanos(86_400_000_000_000);
/// A jump to the next or previous alert stops this long before it, so that one sees it come.
const BEFORE_ALERT: Duration = Duration::from_secs(2);
/// The slowest and the fastest that a recording is played, times real time.
const SPEEDS: std::ops::RangeInclusive<f64> = 0.1..=64.0;

/// A recording that is being looked at.
#[derive(Debug)]
pub struct Replay {
    name: String,
    directory: PathBuf,
    /// As whom it is shown, once somebody is known.
    viewer: Option<PersonId>,
    indexing: Indexing,
    feed: Feed,
    player: Player,
    /// The next input, which is not due yet.
    waiting: Option<Item>,
    at: Duration,
    target: Option<Duration>,
    playing: bool,
    speed: f64,
    ticked_at: Option<MonoTime>,
    ended: bool,
    failure: Option<String>,
}

impl Replay {
    /// Opens the record in `path`: a monitor's data directory, or the directory of segments in it. It is shown as
    /// the first operator in it saw it, and as an observer would while he was away.
    ///
    /// # Errors
    /// When there is no record, or it cannot be read.
    pub fn open(path: PathBuf) -> anyhow::Result<Self> {
        let inner = path.join("ledger");
        let directory = if inner.is_dir() { inner } else { path.clone() };
        let storage = open(&directory)?;
        if watchkeeper_ledger::ReadStorage::segments(&storage)?.is_empty() {
            anyhow::bail!("{} holds no segment of a record", directory.display());
        }
        Ok(Self {
            name: path.display().to_string(),
            indexing: Indexing::start(open(&directory)?)?,
            feed: Feed::start(storage)?,
            player: Player::new(None),
            directory,
            viewer: None,
            waiting: None,
            at: Duration::ZERO,
            target: None,
            playing: true,
            speed: 1.0,
            ticked_at: None,
            ended: false,
            failure: None,
        })
    }

    /// Returns what the operator saw at the moment shown.
    pub fn picture(&self) -> &Picture {
        self.player.picture()
    }

    /// Returns the moment shown, on the picture's clock.
    pub fn now(&self) -> MonoTime {
        ORIGIN.after(self.at)
    }

    /// Moves on to the console's time `now`: plays, or comes nearer to where a jump leads.
    pub fn tick(&mut self, now: MonoTime) {
        let passed = self.ticked_at.map_or(Duration::ZERO, |before| now.since(before));
        self.ticked_at = Some(now);
        self.indexing.poll();
        if self.viewer.is_none() && self.indexing.index().viewer.is_some() {
            // The viewer is known from here on; what came before is played again for him.
            self.viewer.clone_from(&self.indexing.index().viewer);
            self.seek(self.target.unwrap_or(self.at));
        }
        if let Some(target) = self.target {
            if self.run_until(target) {
                self.at = target;
                self.target = None;
            }
        } else if self.playing {
            let due = self.at + passed.mul_f64(self.speed);
            // What is not folded yet is not shown as silence: a recording that cannot keep up plays slower.
            self.at = if self.run_until(due) { due } else { self.player.at().max(self.at).min(due) };
        }
        if self.is_at_end() {
            self.playing = false;
            if let Some(length) = self.indexing.index().length {
                self.at = self.at.min(length);
            }
        }
    }

    /// Does what the person at the replay bar asks for.
    pub fn request(&mut self, request: &ReplayRequest) {
        match request {
            ReplayRequest::Play if self.is_at_end() => {
                self.seek(Duration::ZERO);
                self.playing = true;
            }
            ReplayRequest::Play => self.playing = true,
            ReplayRequest::Pause => self.playing = false,
            ReplayRequest::Speed(speed) if SPEEDS.contains(speed) => self.speed = *speed,
            ReplayRequest::Speed(_) => {}
            ReplayRequest::Seek(to) => self.seek(*to),
            ReplayRequest::NextAlert => {
                let from = self.shown() + BEFORE_ALERT;
                if let Some(alert) = self.indexing.index().alerts.iter().find(|alert| **alert > from) {
                    self.seek(alert.saturating_sub(BEFORE_ALERT));
                }
            }
            ReplayRequest::PreviousAlert => {
                let from = self.shown() + BEFORE_ALERT;
                // The alert that a jump just led to is not the one before it.
                let slack = Duration::from_millis(500);
                let alerts = &self.indexing.index().alerts;
                let before = alerts.iter().rev().find(|alert| **alert + slack < from);
                self.seek(before.map_or(Duration::ZERO, |alert| alert.saturating_sub(BEFORE_ALERT)));
            }
        }
    }

    /// Returns the row of the replay bar.
    pub fn row(&self) -> ReplayRow {
        let index = self.indexing.index();
        ReplayRow {
            playing: self.playing,
            speed: self.speed,
            at: self.shown(),
            length: index.length.unwrap_or(index.known).max(self.shown()),
            alerts: index.alerts.clone(),
            seeking: self.target.is_some(),
            indexing: index.length.is_none(),
            failure: self.failure.clone(),
            name: self.name.clone(),
        }
    }

    /// Returns whether a jump is under way: the next frame brings it nearer.
    pub const fn is_seeking(&self) -> bool {
        self.target.is_some()
    }

    fn shown(&self) -> Duration {
        self.target.unwrap_or(self.at)
    }

    fn is_at_end(&self) -> bool {
        self.ended && self.waiting.is_none() && self.target.is_none()
    }

    fn seek(&mut self, to: Duration) {
        let to = self.indexing.index().length.map_or(to, |length| to.min(length));
        if to < self.player.at() || !self.player.is_seen_by(self.viewer.as_ref()) {
            match open(&self.directory).and_then(Feed::start) {
                Ok(feed) => self.feed = feed,
                Err(error) => {
                    self.failure = Some(format!("{error:#}"));
                    return;
                }
            }
            self.player = Player::new(self.viewer.clone());
            self.waiting = None;
            self.ended = false;
        }
        self.target = Some(to);
    }

    /// Folds what is due at `until`; returns whether all of it is folded.
    fn run_until(&mut self, until: Duration) -> bool {
        for _ in 0..INPUTS_A_FRAME {
            let item = match self.waiting.take() {
                Some(item) => item,
                None => match self.feed.try_next() {
                    Some(item) => item,
                    None => return self.ended,
                },
            };
            match item {
                Item::Input { at, .. } if at > until => {
                    self.waiting = Some(item);
                    return true;
                }
                Item::End => self.ended = true,
                Item::Failed(why) => {
                    self.ended = true;
                    self.failure = Some(why);
                }
                Item::Run(_) | Item::Input { .. } => {
                    if let Err(error) = self.player.take(item, |_, _| {}) {
                        self.failure = Some(format!("{error:#}"));
                        self.ended = true;
                        return true;
                    }
                }
            }
        }
        false
    }
}

fn open(directory: &std::path::Path) -> anyhow::Result<DirReader> {
    DirReader::open(directory).with_context(|| {
        format!("there is no record in {}: name a monitor's data directory", directory.display())
    })
}
