//! How often in a row the same happened again, and whether that is odd.

use crate::{
    Phase, StuckSettings,
    episode::{Episode, Level, Step, Timing},
};
use watchkeeper_model::{DecisionSeq, MonoTime, Severity};

/// A run is odd that comes by chance once in so many decisions.
const BY_CHANCE: f64 = 1e-9;
/// The past counts as at most so many decisions.
const MOST_SEEN: f64 = 20_000.0;
/// The longest run is forgotten by this share with each run that is over.
const FORGOTTEN: f64 = 0.999;

/// One kind of run.
#[derive(Debug, Default)]
pub(super) struct Run {
    pub(super) episode: Episode,
    /// In how many decisions it happened, and of how many, older ones counting less.
    again: f64,
    seen: f64,
    /// Decisions that were looked at.
    decided: u32,
    /// The longest run that was over and not odd.
    longest: f64,
    length: u32,
    since: DecisionSeq,
    /// Of the run that was last odd.
    odd_length: u32,
    odd_since: DecisionSeq,
    /// From which length on the present run is odd.
    odd_from: u32,
    /// Nothing is said of the present run: it began before enough was known, or may be.
    is_excused: bool,
    began_early: bool,
}

impl Run {
    /// Takes that it happened again. `least` is the shortest run that may be odd; nothing is said of one that is `excused`.
    pub(super) fn again(
        &mut self,
        least: u32,
        excused: bool,
        settings: &StuckSettings,
        seq: DecisionSeq,
    ) -> Level {
        if self.length == 0 {
            self.since = seq;
            self.odd_from = self.odd_from_now(least);
            self.began_early = self.decided < settings.warm_up_samples;
        }
        self.is_excused = excused || self.began_early;
        self.length = self.length.saturating_add(1);
        if !self.is_excused && self.length >= self.odd_from {
            (self.odd_length, self.odd_since) = (self.length, self.since);
            return Level::Over(Severity::Warning);
        }
        self.count(true);
        Level::Between
    }

    /// Takes that something else happened: the run is over.
    pub(super) fn other(&mut self) -> Level {
        if self.length > 0 && !self.episode.is_active() {
            self.longest = (self.longest * FORGOTTEN).max(f64::from(self.length));
        }
        self.length = 0;
        self.count(false);
        Level::Quiet
    }

    /// Takes what [`Self::again`] or [`Self::other`] said.
    pub(super) fn handle(
        &mut self,
        level: Level,
        seq: DecisionSeq,
        timing: &Timing,
        now: MonoTime,
    ) -> Option<Phase> {
        self.decided = self.decided.saturating_add(1);
        let length = f64::from(self.length);
        self.episode.handle_step(Step { level, statistic: length, magnitude: length, seq }, timing, now)
    }

    /// Forgets the present run, of which no end will be seen.
    pub(super) fn forget(&mut self) {
        self.length = 0;
    }

    pub(super) const fn length(&self) -> u32 {
        self.length
    }

    /// Returns how long the run was, or is, that was last odd.
    pub(super) const fn odd_length(&self) -> u32 {
        self.odd_length
    }

    /// Returns with which decision that began.
    pub(super) const fn odd_since(&self) -> DecisionSeq {
        self.odd_since
    }

    /// Returns from which length on the present run is odd; 0 before the first one.
    pub(super) const fn odd_from(&self) -> u32 {
        self.odd_from
    }

    /// Returns how long the present run might have been without being odd.
    pub(super) const fn longest_usual(&self) -> u32 {
        self.odd_from.saturating_sub(1)
    }

    /// Returns how odd it is, 0 to 1; 0.5 where it begins to be.
    pub(super) fn score(&self) -> f64 {
        if self.is_excused || self.length == 0 {
            return 0.0;
        }
        let (length, odd_from) = (f64::from(self.length), f64::from(self.odd_from));
        length * length / (length * length + odd_from * odd_from)
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is clamped")]
    fn odd_from_now(&self, least: u32) -> u32 {
        let share = (self.again + 1.0) / (self.seen + 2.0);
        let by_chance = libm::log(BY_CHANCE) / libm::log(share);
        by_chance.max(2.0 * self.longest + 1.0).max(f64::from(least)).min(1e9).ceil() as u32
    }

    fn count(&mut self, happened: bool) {
        if self.seen >= MOST_SEEN {
            let kept = 1.0 - 1.0 / MOST_SEEN;
            (self.seen, self.again) = (self.seen * kept, self.again * kept);
        }
        self.seen += 1.0;
        self.again += f64::from(u8::from(happened));
    }
}
