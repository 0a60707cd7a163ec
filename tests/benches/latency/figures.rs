//! What the samples say: ratios, quantiles, and the verdicts.

use hdrhistogram::Histogram;
use std::fmt;

/// One thing that is measured.
#[derive(Debug)]
pub(crate) struct Path {
    pub(crate) name: &'static str,
    /// What it is compared with.
    pub(crate) base: &'static str,
    pub(crate) limits: Limits,
    /// All samples, in nanoseconds.
    pub(crate) all: Histogram<u64>,
    /// The p50 of each round over that of the base in that round.
    pub(crate) ratios: Vec<f64>,
}

/// What the ratio of a path may be.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Limits {
    /// Above it, the path falls short of what is promised (`performance.md`, "The bar").
    pub(crate) bar: Option<f64>,
    /// What is aimed at.
    pub(crate) aim: Option<f64>,
    /// Above it, something got slower than it was: what the tests of this project allow.
    pub(crate) gate: Option<f64>,
}

impl Path {
    /// Makes a path without samples.
    pub(crate) fn new(name: &'static str, base: &'static str, limits: Limits) -> Self {
        let all =
            Histogram::new_with_bounds(1, 60_000_000_000, 3).expect("1 ns to a minute is a valid range");
        Self { name, base, limits, all, ratios: Vec::new() }
    }

    /// Returns the median of the ratios, and their quartiles; `None` without samples.
    pub(crate) fn ratio(&self) -> Option<[f64; 3]> {
        let mut ratios = self.ratios.clone();
        ratios.sort_by(f64::total_cmp);
        let at = |place: usize| ratios.get(place).copied();
        Some([at(ratios.len() / 2)?, at(ratios.len() / 4)?, at(ratios.len() * 3 / 4)?])
    }

    /// Returns p50, p90, p99, p99.9 and the longest, in nanoseconds.
    pub(crate) fn quantiles(&self) -> [u64; 5] {
        [0.5, 0.9, 0.99, 0.999, 1.0].map(|quantile| self.all.value_at_quantile(quantile))
    }
}

/// Paths that are measured together, in rounds.
#[derive(Debug)]
pub(crate) struct Suite(pub(crate) Vec<Path>);

/// Against which limit a run is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Judge {
    /// What is promised.
    Bar,
    /// What the tests allow.
    Gate,
}

/// What a run comes to.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Verdict {
    Within,
    /// These paths are over their limit.
    Over(Vec<&'static str>),
    /// A base was not even like itself.
    Void(f64),
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Within => f.write_str("within its limits"),
            Self::Over(paths) => write!(f, "OVER the limit: {}", paths.join(", ")),
            Self::Void(ratio) => {
                write!(f, "void: the echo is {ratio:.3} of itself, and 0.97 to 1.03 is what says something")
            }
        }
    }
}

/// What is measured twice, so that noise shows.
pub(crate) const ECHO: &str = "echo";
pub(crate) const AGAIN: &str = "echo again";

impl Suite {
    /// Adds a round: the samples of paths, in nanoseconds. Every path has to be there, its base too.
    pub(crate) fn add(&mut self, round: &[(&'static str, Vec<u64>)]) {
        for path in &mut self.0 {
            let of = |wanted: &str| {
                let samples = round.iter().find(|(name, _)| *name == wanted).map(|(_, samples)| samples);
                median(samples.unwrap_or_else(|| panic!("{wanted} was not measured")))
            };
            path.ratios.push(of(path.name) / of(path.base));
            for (_, samples) in round.iter().filter(|(name, _)| *name == path.name) {
                for sample in samples {
                    path.all.saturating_record((*sample).max(1));
                }
            }
        }
    }

    /// Judges the run.
    pub(crate) fn judge(&self, judge: Judge) -> Verdict {
        let again = self.0.iter().find(|path| path.name == AGAIN).and_then(Path::ratio);
        if let Some([ratio, ..]) = again
            && !(0.97..=1.03).contains(&ratio)
        {
            return Verdict::Void(ratio);
        }
        let is_over = |path: &&Path| {
            let limit = match judge {
                Judge::Bar => path.limits.bar,
                Judge::Gate => path.limits.gate,
            };
            limit.zip(path.ratio()).is_some_and(|(limit, [ratio, ..])| ratio > limit)
        };
        let over: Vec<_> = self.0.iter().filter(is_over).map(|path| path.name).collect();
        if over.is_empty() { Verdict::Within } else { Verdict::Over(over) }
    }
}

fn median(samples: &[u64]) -> f64 {
    let mut sorted = samples.to_vec();
    sorted.sort_unstable();
    *sorted.get(sorted.len() / 2).expect("a round has samples") as f64
}
