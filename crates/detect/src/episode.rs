//! One condition from its first sign to its end, with delays at both ends so that it does not flicker.

use crate::Phase;
use std::time::Duration;
use watchkeeper_model::{DecisionSeq, MonoTime, Severity};

/// What one sample says about the condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    /// Back inside by the hysteresis: the condition is false until it is over again.
    Quiet,
    /// Neither outside nor far enough inside: the condition is what it was.
    Between,
    /// Outside, this bad.
    Over(Severity),
}

/// How long and how often before a condition counts as begun and as over.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timing {
    pub(crate) on_delay: Duration,
    pub(crate) on_count: u32,
    pub(crate) clear_after: Duration,
    pub(crate) clear_count: u32,
}

/// The furthest point of an episode.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peak {
    /// The statistic there.
    pub(crate) statistic: f64,
    /// How far out, to compare with.
    pub(crate) magnitude: f64,
    /// The decision there.
    pub(crate) seq: DecisionSeq,
}

/// One sample as an episode sees it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Step {
    pub(crate) level: Level,
    pub(crate) statistic: f64,
    /// How far out; larger is worse.
    pub(crate) magnitude: f64,
    pub(crate) seq: DecisionSeq,
}

#[derive(Clone, Copy, Debug)]
struct Run {
    since: MonoTime,
    count: u32,
}

impl Run {
    fn longer(run: Option<Self>, now: MonoTime) -> Self {
        run.map_or(Self { since: now, count: 1 }, |r| Self { count: r.count.saturating_add(1), ..r })
    }
}

/// The state of one condition.
#[derive(Clone, Debug, Default)]
pub(crate) struct Episode {
    /// Samples outside in a row while not active yet.
    pending: Option<Run>,
    /// Samples in a row for which the condition is false, while active.
    quiet: Option<Run>,
    /// Set while active: how bad at worst.
    active: Option<Severity>,
    /// First decision of the run that raised it, or is about to.
    since: Option<DecisionSeq>,
    peak: Option<Peak>,
}

impl Episode {
    /// Takes one sample and says what changed.
    pub(crate) fn handle_step(&mut self, step: Step, timing: &Timing, now: MonoTime) -> Option<Phase> {
        match (step.level, self.active) {
            (Level::Quiet | Level::Between, None) => {
                self.pending = None;
                self.peak = None;
                None
            }
            (Level::Over(severity), None) => self.begin(step, severity, timing, now),
            (Level::Over(severity), Some(worst)) => {
                self.quiet = None;
                self.hold_peak(step);
                (severity > worst).then(|| {
                    self.active = Some(severity);
                    Phase::Worse
                })
            }
            (Level::Between, Some(_)) if self.quiet.is_none() => None,
            (Level::Quiet | Level::Between, Some(_)) => {
                self.quiet = Some(Run::longer(self.quiet, now));
                self.handle_timeout(timing, now)
            }
        }
    }

    /// Ends the episode when it has been quiet for long enough.
    pub(crate) fn handle_timeout(&mut self, timing: &Timing, now: MonoTime) -> Option<Phase> {
        if self.poll_timeout(timing)? > now {
            return None;
        }
        self.end()
    }

    /// Takes note that nothing has come since `since` because the agent rests: as good as quiet.
    pub(crate) fn handle_rest(&mut self, since: MonoTime) {
        if self.active.is_some() {
            self.quiet.get_or_insert(Run { count: u32::MAX, since });
        }
    }

    /// Ends the episode at once; `None` when there was none.
    pub(crate) fn end(&mut self) -> Option<Phase> {
        self.quiet = None;
        self.pending = None;
        self.active.take().map(|_| Phase::Cleared)
    }

    /// Returns when the episode will be over if nothing more happens.
    pub(crate) fn poll_timeout(&self, timing: &Timing) -> Option<MonoTime> {
        self.active?;
        let quiet = self.quiet?;
        (quiet.count >= timing.clear_count).then(|| quiet.since.after(timing.clear_after))
    }

    pub(crate) fn is_active(&self) -> bool {
        self.active.is_some()
    }

    /// Returns how bad it is at worst, while active.
    pub(crate) fn severity(&self) -> Option<Severity> {
        self.active
    }

    /// Returns the furthest point of this episode, or of the last when none is active.
    pub(crate) fn peak(&self) -> Option<Peak> {
        self.peak
    }

    /// Returns the first decision of this episode.
    pub(crate) fn since(&self) -> Option<DecisionSeq> {
        self.since
    }

    fn begin(&mut self, step: Step, severity: Severity, timing: &Timing, now: MonoTime) -> Option<Phase> {
        if self.pending.is_none() {
            self.since = Some(step.seq);
            self.peak = None;
        }
        let run = Run::longer(self.pending, now);
        self.pending = Some(run);
        self.hold_peak(step);
        if run.count < timing.on_count || now.since(run.since) < timing.on_delay {
            return None;
        }
        self.pending = None;
        self.quiet = None;
        self.active = Some(severity);
        Some(Phase::Raised)
    }

    fn hold_peak(&mut self, step: Step) {
        if self.peak.is_none_or(|peak| step.magnitude > peak.magnitude) {
            self.peak = Some(Peak { statistic: step.statistic, magnitude: step.magnitude, seq: step.seq });
        }
    }
}
