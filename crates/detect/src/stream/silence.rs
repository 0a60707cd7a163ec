//! A connected agent that stopped giving signs of life.
//!
//! The usual gap is the running 90 % quantile q of past gaps by stochastic approximation (Robbins and
//! Monro 1951) on its logarithm, so that one update changes it by a few per cent whatever the gap:
//! `ln q += 0.05 (0.9 - [gap <= q])`, from the largest of the first eight gaps. Silence begins
//! `factor` x q after the last sign, within bounds; before eight gaps it is the upper bound. Gaps across
//! a pause or a disconnection teach nothing. Decisions are watched from the first one on; heartbeats
//! from the connection on.

use crate::{
    Finding, KindSettings, Phase, SilenceSettings,
    episode::{Episode, Level, Step, Timing},
    phrase::span,
};
use std::time::Duration;
use watchkeeper_model::{
    CauseClass, DecisionSeq, Explanation, Label, MonoTime, Note, Response, SignalEvidence,
};

const VERSION: u32 = 1;
const QUANTILE: f64 = 0.9;
const STEP: f64 = 0.05;
const FIRST_GAPS: u32 = 8;

/// Which signs are watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SignOfLife {
    Decisions,
    Heartbeats,
}

#[derive(Debug)]
pub(super) struct SilenceWatch {
    sign: SignOfLife,
    settings: SilenceSettings,
    response: Response,
    timing: Timing,
    is_connected: bool,
    is_paused: bool,
    /// Any sign ever came.
    has_begun: bool,
    /// The last sign; `None` when a pause or disconnection lies between it and the next.
    last_sign: Option<MonoTime>,
    /// From when the silence counts.
    watched_from: MonoTime,
    gaps: u32,
    usual_gap_secs: f64,
    /// How long the silence was when last looked at.
    silent_for: Duration,
    episode: Episode,
}

impl SilenceWatch {
    pub(super) fn new(sign: SignOfLife, settings: &SilenceSettings, kind: &KindSettings) -> Self {
        Self {
            sign,
            settings: settings.clone(),
            response: kind.response_to(CauseClass::Silence),
            timing: Timing {
                on_delay: Duration::ZERO,
                on_count: 1,
                clear_after: Duration::from_millis(kind.clear_after_millis),
                clear_count: 1,
            },
            is_connected: false,
            is_paused: false,
            has_begun: sign == SignOfLife::Heartbeats,
            last_sign: None,
            watched_from: MonoTime::default(),
            gaps: 0,
            usual_gap_secs: 0.0,
            silent_for: Duration::ZERO,
            episode: Episode::default(),
        }
    }

    /// Takes a sign of life; the caller has let time pass up to `now` before.
    pub(super) fn handle_sign(&mut self, found: &mut Vec<Finding>, now: MonoTime) {
        if let Some(last) = self.last_sign {
            self.learn(now.since(last).as_secs_f64());
        }
        self.has_begun = true;
        self.last_sign = Some(now);
        self.watched_from = now;
        if self.episode.is_active() {
            let step = Step { level: Level::Quiet, statistic: 0.0, magnitude: 0.0, seq: DecisionSeq(0) };
            if let Some(phase) = self.episode.handle_step(step, &self.timing, now) {
                found.push(self.finding(phase));
            }
        }
    }

    pub(super) fn handle_connected(&mut self, is_connected: bool, now: MonoTime) {
        self.is_connected = is_connected;
        self.last_sign = None;
        self.watched_from = now;
    }

    pub(super) fn handle_paused(&mut self, is_paused: bool, now: MonoTime) {
        if self.is_paused != is_paused {
            self.is_paused = is_paused;
            self.last_sign = None;
            self.watched_from = now;
        }
    }

    /// Clears at once: the silence has a reason that is shown elsewhere.
    pub(super) fn excuse(&mut self, found: &mut Vec<Finding>) {
        if let Some(phase) = self.episode.end() {
            found.push(self.finding(phase));
        }
    }

    pub(super) fn handle_timeout(&mut self, found: &mut Vec<Finding>, now: MonoTime) {
        if self.silent_from().is_some_and(|from| from <= now) {
            self.silent_for = now.since(self.watched_from);
            let secs = self.silent_for.as_secs_f64();
            let level = Level::Over(self.settings.severity);
            let step = Step { level, statistic: secs, magnitude: secs, seq: DecisionSeq(0) };
            if let Some(phase) = self.episode.handle_step(step, &self.timing, now) {
                found.push(self.finding(phase));
            }
        } else if let Some(phase) = self.episode.handle_timeout(&self.timing, now) {
            found.push(self.finding(phase));
        }
    }

    pub(super) fn poll_timeout(&self) -> Option<MonoTime> {
        // An active silence that nothing has broken has no next time.
        let begins = self.silent_from().filter(|_| !self.is_silent());
        begins.into_iter().chain(self.episode.poll_timeout(&self.timing)).min()
    }

    /// Returns whether the silence is on now, not merely not cleared yet.
    pub(super) fn is_silent(&self) -> bool {
        self.episode.is_active() && self.episode.poll_timeout(&self.timing).is_none()
    }

    fn silent_from(&self) -> Option<MonoTime> {
        (self.is_connected && !self.is_paused && self.has_begun)
            .then(|| self.watched_from.after(self.allowed()))
    }

    fn allowed(&self) -> Duration {
        let least = Duration::from_millis(self.settings.min_millis);
        let most = Duration::from_millis(self.settings.max_millis).max(least);
        if self.gaps < FIRST_GAPS {
            return most;
        }
        let secs = (self.settings.factor * self.usual_gap_secs).clamp(0.0, most.as_secs_f64());
        Duration::try_from_secs_f64(secs).unwrap_or(most).clamp(least, most)
    }

    fn learn(&mut self, gap_secs: f64) {
        self.gaps = self.gaps.saturating_add(1);
        if self.gaps <= FIRST_GAPS {
            self.usual_gap_secs = self.usual_gap_secs.max(gap_secs);
            return;
        }
        let is_within = if gap_secs <= self.usual_gap_secs { 1.0 } else { 0.0 };
        // From a zero (all first gaps were) the logarithm has no way up; a microsecond is as good as none.
        self.usual_gap_secs = self.usual_gap_secs.max(1e-6) * (STEP * (QUANTILE - is_within)).exp();
    }

    fn finding(&self, phase: Phase) -> Finding {
        let what = match self.sign {
            SignOfLife::Decisions => "decisions",
            SignOfLife::Heartbeats => "heartbeats",
        };
        let allowed = self.allowed();
        let text = match phase {
            Phase::Raised | Phase::Worse => {
                format!("no {what} for {}, expected one within {}", span(self.silent_for), span(allowed))
            }
            Phase::Cleared => {
                format!("{what} come again, or need not; expected one within {}", span(allowed))
            }
        };
        let is_odd = phase != Phase::Cleared;
        let silent_secs = if is_odd { self.silent_for.as_secs_f64() } else { 0.0 };
        Finding {
            cause: CauseClass::Silence,
            subject: Label::cut(what),
            phase,
            severity: self.settings.severity,
            response: self.response,
            decision: None,
            explanation: Explanation {
                detector: Label::cut("silence"),
                version: VERSION,
                statistic: silent_secs,
                threshold: allowed.as_secs_f64(),
                score: if is_odd { 1.0 } else { 0.0 },
                signals: vec![SignalEvidence {
                    signal: Label::cut(what),
                    unit: Label::cut("s"),
                    value: silent_secs,
                    expected_low: None,
                    expected_high: Some(allowed.as_secs_f64()),
                    contribution: 1.0,
                }],
                samples: Vec::new(),
                text: Note::cut(&text),
            },
        }
    }
}
